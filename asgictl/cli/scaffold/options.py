"""The options of `asgictl scaffold`, and what they mean for each other."""

import itertools
from typing import Annotated, NamedTuple

from asgictl.cli.option import Form, argument, flag, one_of, option, panel, some_of
from asgictl.option_types import Trait
from asgictl.scaffold.project import KINDS
from asgictl.scaffold.request import TARGETS
from asgictl.settings import Rules


class ScaffoldFlags(NamedTuple):
    """What the command does with the files; `stdout` names one to print."""

    force: Annotated[bool, Trait.ACTION] = False
    save: Annotated[bool, Trait.ACTION] = False
    dry_run: Annotated[bool, Trait.ACTION] = False
    diff: Annotated[bool, Trait.ACTION] = False
    stdout: Annotated[str | None, Trait.ACTION] = None
    check: Annotated[bool, Trait.ACTION] = False
    verify: Annotated[bool, Trait.ACTION] = False
    json: Annotated[bool, Trait.ACTION] = False


ROWS = {
    "app": argument("APP", "As for serve; without it the one that serve would find."),
    **panel(
        "Files",
        targets=option(
            "--for",
            metavar="LIST",
            about="Of docker, compose, dev, watch, prod, swarm, k8s, systemd; or all.",
            complete=some_of((*TARGETS, "all")),
        ),
        mode=option("--mode", metavar="MODE", about="copy the code into the image, or bind: mount it read-only."),
        force=flag("--force", about="Replace your files, keeping a copy of each."),
        save=flag("--save", about="Keep the options in pyproject.toml for next time."),
    ),
    **panel(
        "Project",
        deps=option(
            "--deps",
            metavar="KIND",
            about="requirements, uv, poetry, pdm, pipenv, pylock, pyproject, none.",
            complete=one_of(KINDS),
        ),
        requirements=option("--requirements", metavar="FILE", about="The requirements file."),
        extra=option("--extra", metavar="NAME", about="An extra to install, once for each."),
        group=option("--group", metavar="NAME", about="A group of dependencies, once for each."),
        name=option("--name", metavar="NAME", about="Of image, project and units."),
        factory=flag("--factory", about="Call APP to get the app."),
        settings=option("--settings", metavar="MODULE", about="Django's, to serve with."),
        build_env=option("--build-env", metavar="NAME=VALUE", about="For collectstatic; it stays in the Dockerfile."),
        health_path=option("--health-path", metavar="PATH", about="Answers below 400 when all is well."),
    ),
    **panel(
        "Image",
        python=option("--python", metavar="X.Y", about="The version of Python."),
        base=option("--base", metavar="IMAGE", about="Debian with Python, as the base."),
        registry_prefix=option("--registry-prefix", metavar="HOST/PATH", about="Where base images come from."),
        image=option("--image", metavar="NAME", about="Its name with the registry, for swarm and k8s."),
        apt=option("--apt", metavar="PACKAGE", about="One more of Debian's; -dev and compilers only to build."),
        workdir=option("--workdir", metavar="DIR", about="Where the code lies in it."),
        uid=option("--uid", metavar="N", about="The user and group of the server."),
        runner=option("--runner", metavar="NAME", about="What serves in it: asgictl, uvicorn, or auto."),
    ),
    **panel(
        "Running",
        port=option("--port", "-p", metavar="N", about="In the container."),
        port_env=option("--port-env", metavar="NAME", about="The variable with the port, like PORT."),
        workers=option("--workers", metavar="N", about="Processes in each container."),
        graceful=option("--graceful", metavar="S", about="Seconds for open requests at a stop."),
        startup_time=option("--startup-time", metavar="S", about="Seconds until it has to be ready."),
        memory=option("--memory", metavar="SIZE", about="The most it may take, like 512M or 2G."),
        volume=option("--volume", metavar="NAME:/PATH", about="A place to write that stays."),
        restart=option(
            "--restart",
            metavar="POLICY",
            about="no, always, unless-stopped, on-failure.",
            complete=one_of(("no", "always", "unless-stopped", "on-failure")),
        ),
        tty=flag("--tty", about="A terminal for the container."),
        https=flag("--https", about="HTTPS in the container, with gen-cert's pair."),
        domain=option("--domain", metavar="NAME", about="The public name, for prod, swarm and k8s."),
        replicas=option("--replicas", metavar="N", about="Containers, for prod, swarm and k8s."),
    ),
    **panel(
        "Kubernetes",
        ingress_class=option("--ingress-class", metavar="NAME", about="Of the Ingress, if not the cluster's default."),
        gateway=option("--gateway", metavar="[NAMESPACE/]NAME", about="A Gateway: an HTTPRoute, no Ingress."),
        proxy_namespace=option("--proxy-namespace", metavar="NAME", about="Where the proxy runs, which alone gets in."),
        pull_secret=option("--pull-secret", metavar="NAME", about="The Secret with the registry's password."),
    ),
    **panel(
        "Index",
        index_url=option("--index-url", metavar="URL", about="A mirror of the package index."),
        index_secret=option("--index-secret", metavar="FILE", about="A netrc with its password, for the build."),
    ),
    **panel(
        "Instead of writing",
        dry_run=flag("--dry-run", about="What was found, and what it would write."),
        diff=flag("--diff", about="What would change, as a patch."),
        stdout=option("--stdout", metavar="FILE", about="One of the files, to stdout."),
        check=flag("--check", about="Are they up to date, and sound? 1 if not."),
        verify=flag("--verify", about="Build, run and stop the image; 1 if that fails."),
    ),
    **panel(
        "Output",
        json=flag("--json", about="One JSON object, also on failure."),
    ),
}

# What is done instead of writing.
_INSTEAD = ("dry_run", "diff", "stdout", "check", "verify")

_RULES = Rules(
    exclusive=(
        *itertools.combinations(_INSTEAD, 2),
        *itertools.product(_INSTEAD, ("force", "save")),
        ("base", "python"),
        ("ingress_class", "gateway"),
    )
)

FORM = Form(ROWS, _RULES)

"""The options of `asgictl scaffold`."""

from typing import Annotated, Literal

import typer

from asgictl.cli.option import flag, option
from asgictl.option_types import Range, Trait

_FILES = "Files"
_PROJECT = "Project"
_IMAGE = "Image"
_RUN = "Running"
_INDEX = "Index"
_DOING = "Instead of writing"

App = Annotated[
    str | None,
    Trait.ACTION,
    typer.Argument(metavar="APP", show_default=False, help="As for serve; without it the one that serve would find."),
]

Targets = Annotated[
    str,
    option("--for", panel=_FILES, metavar="LIST", about="Of docker, compose, dev, watch, prod, k8s, systemd; or all."),
]
Mode = Annotated[
    Literal["copy", "bind"],
    option("--mode", panel=_FILES, metavar="MODE", about="copy the code into the image, or bind: mount it read-only."),
]
Force = Annotated[
    bool, Trait.ACTION, flag("--force", panel=_FILES, about="Replace your files, keeping a copy of each.")
]
Save = Annotated[
    bool, Trait.ACTION, flag("--save", panel=_FILES, about="Keep the options in pyproject.toml for next time.")
]

Deps = Annotated[
    str | None,
    option(
        "--deps",
        panel=_PROJECT,
        metavar="KIND",
        about="requirements, uv, poetry, pdm, pipenv, pylock, pyproject, none.",
    ),
]
Requirements = Annotated[
    str | None, Trait.PATH, option("--requirements", panel=_PROJECT, metavar="FILE", about="The requirements file.")
]
Name = Annotated[str | None, option("--name", panel=_PROJECT, metavar="NAME", about="Of image, project and units.")]
Factory = Annotated[bool, flag("--factory", panel=_PROJECT, about="Call APP to get the app.")]
HealthPath = Annotated[
    str | None, option("--health-path", panel=_PROJECT, metavar="PATH", about="Answers below 400 when all is well.")
]

Python = Annotated[str | None, option("--python", panel=_IMAGE, metavar="X.Y", about="The version of Python.")]
Base = Annotated[str | None, option("--base", panel=_IMAGE, metavar="IMAGE", about="Debian with Python, as the base.")]
RegistryPrefix = Annotated[
    str | None, option("--registry-prefix", panel=_IMAGE, metavar="HOST/PATH", about="Where base images come from.")
]
Apt = Annotated[list[str] | None, option("--apt", panel=_IMAGE, metavar="PACKAGE", about="One more of Debian's.")]
Workdir = Annotated[str, option("--workdir", panel=_IMAGE, metavar="DIR", about="Where the code lies in it.")]
Uid = Annotated[
    int, Range(1, 2**31 - 2), option("--uid", panel=_IMAGE, metavar="N", about="The user and group of the server.")
]
Runner = Annotated[
    Literal["asgictl", "uvicorn"],
    option("--runner", panel=_IMAGE, metavar="NAME", about="What serves in it, asgictl or uvicorn."),
]

Port = Annotated[int, Range(1, 65535), option("--port", "-p", panel=_RUN, metavar="N", about="In the container.")]
PortEnv = Annotated[
    str | None, option("--port-env", panel=_RUN, metavar="NAME", about="The variable with the port, like PORT.")
]
Workers = Annotated[
    int | None, Range(1, 512), option("--workers", panel=_RUN, metavar="N", about="Processes in each container.")
]
Graceful = Annotated[
    int, Range(1, 3600), option("--graceful", panel=_RUN, metavar="S", about="Seconds for open requests at a stop.")
]
Memory = Annotated[str, option("--memory", panel=_RUN, metavar="SIZE", about="The most it may take, like 512M or 2G.")]
Restart = Annotated[
    str | None, option("--restart", panel=_RUN, metavar="POLICY", about="no, always, unless-stopped, on-failure.")
]
Tty = Annotated[bool, flag("--tty", panel=_RUN, about="A terminal for the container.")]
Https = Annotated[bool, flag("--https", panel=_RUN, about="HTTPS in the container, with gen-cert's pair.")]
Domain = Annotated[
    str | None, option("--domain", panel=_RUN, metavar="NAME", about="The public name, for prod and k8s.")
]
Replicas = Annotated[
    int, Range(1, 1000), option("--replicas", panel=_RUN, metavar="N", about="Containers, for prod and k8s.")
]

IndexUrl = Annotated[
    str | None, option("--index-url", panel=_INDEX, metavar="URL", about="A mirror of the package index.")
]
IndexSecret = Annotated[
    str | None,
    option("--index-secret", panel=_INDEX, metavar="FILE", about="A netrc with its password, for the build."),
]

DryRun = Annotated[
    bool, Trait.ACTION, flag("--dry-run", panel=_DOING, about="What was found, and what it would write.")
]
Diff = Annotated[bool, Trait.ACTION, flag("--diff", panel=_DOING, about="What would change, as a patch.")]
Stdout = Annotated[
    str | None, Trait.ACTION, option("--stdout", panel=_DOING, metavar="FILE", about="One of the files, to stdout.")
]
Check = Annotated[bool, Trait.ACTION, flag("--check", panel=_DOING, about="Are they up to date, and sound? 1 if not.")]
Verify = Annotated[
    bool, Trait.ACTION, flag("--verify", panel=_DOING, about="Build, run and stop the image; 1 if that fails.")
]
Json = Annotated[bool, Trait.ACTION, flag("--json", panel="Output", about="One JSON object, also on failure.")]

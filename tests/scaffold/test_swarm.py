"""The stack for Docker Swarm: all of it, what options change in it, and what is said of it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from asgictl.scaffold.detect import detect
from asgictl.scaffold.lint import problems, tools
from asgictl.scaffold.project import Dependencies, Migrations
from asgictl.scaffold.request import ScaffoldRequest
from tests.conftest import linux
from tests.scaffold.conftest import Lay, run
from tests.scaffold.test_planned import project, text

IMAGE = "registry.example.com/team/shop"
WITH_VARIABLES = (
    'import dotenv,os,sys;dotenv.load_dotenv("/run/secrets/env",override=True);os.execvp(sys.argv[1],sys.argv[1:])'
)
_VERSION = f"{IMAGE}:${{TAG:?set TAG}}"
BUILD = f"docker build --platform linux/amd64 --tag {_VERSION} . && docker push {_VERSION}"
ALEMBIC = Migrations(("alembic", "upgrade", "head"), "alembic.ini")
DEPLOY = "docker stack deploy --with-registry-auth -c stack.yaml shop"


def stack(**options: Any) -> dict[str, Any]:
    """Return the stack as YAML reads it, where `found` are fields of the project."""
    found = project(**options.pop("found", {}))
    loaded: dict[str, Any] = yaml.safe_load(text("stack.yaml", found, **options))
    return loaded


def test_whole() -> None:
    """The app is started before the old one stops, taken back when it fails, and reached by the proxy alone."""
    written = stack(image=IMAGE, domain="shop.test", replicas=3, memory="1G", registry_prefix="hub.test/x")

    digest = written["configs"]["caddyfile"]["name"].removeprefix("shop-caddyfile-")
    assert re.fullmatch(r"[0-9a-f]{12}", digest)
    assert written == {
        "version": "3.8",
        "services": {
            "web": {
                "image": f"{IMAGE}:${{TAG:?set TAG, the version to serve}}",
                "init": True,
                "command": [
                    *("python", "-c", WITH_VARIABLES),
                    *("env", "FORWARDED_ALLOW_IPS=*", "ASGICTL_SERVE_PORT=8000"),
                    *("asgictl", "serve", "main:app", "--prod", "--quiet-path", "/up"),
                ],
                "secrets": [{"source": "env", "target": "env", "uid": "10001", "gid": "10001", "mode": 0o400}],
                "read_only": True,
                "volumes": [{"type": "tmpfs", "target": "/tmp", "tmpfs": {"size": 512 * 2**20}}],
                "cap_drop": ["ALL"],
                "stop_grace_period": "15s",
                "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
                "deploy": {
                    "replicas": 3,
                    "endpoint_mode": "dnsrr",
                    "update_config": {
                        "order": "start-first",
                        "parallelism": 1,
                        "delay": "10s",
                        "monitor": "30s",
                        "failure_action": "rollback",
                    },
                    "rollback_config": {"order": "start-first", "parallelism": 1, "monitor": "30s"},
                    "restart_policy": {"condition": "any"},
                    "resources": {"limits": {"memory": "1G"}, "reservations": {"memory": "128M"}},
                },
            },
            "proxy": {
                "image": "hub.test/x/caddy:2-alpine",
                "environment": {"DOMAIN": "${DOMAIN:-shop.test}"},
                "ports": [
                    {"target": 80, "published": 80, "protocol": "tcp", "mode": "host"},
                    {"target": 443, "published": 443, "protocol": "tcp", "mode": "host"},
                    {"target": 443, "published": 443, "protocol": "udp", "mode": "host"},
                ],
                "cap_drop": ["ALL"],
                "cap_add": ["NET_BIND_SERVICE"],
                "configs": [{"source": "caddyfile", "target": "/etc/caddy/Caddyfile"}],
                "volumes": ["caddy_data:/data", "caddy_config:/config"],
                "stop_grace_period": "15s",
                "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
                "deploy": {
                    "replicas": 1,
                    "placement": {"constraints": ["node.role == manager"]},
                    "resources": {"limits": {"memory": "512M"}},
                },
            },
        },
        "volumes": {"caddy_data": None, "caddy_config": None},
        "configs": {"caddyfile": {"name": f"shop-caddyfile-{digest}", "file": "./Caddyfile"}},
        "secrets": {"env": {"name": "shop-env-${ENV_VERSION:-1}", "file": ".env"}},
    }


def test_config_is_named_after_its_content() -> None:
    """Another Caddyfile is another config, so the proxy gets it; anything else leaves the name alone."""
    names = [stack(**it)["configs"]["caddyfile"]["name"] for it in ({}, {"memory": "2G"}, {"port": 9000})]

    assert names[0] == names[1] != names[2]


def test_a_config_of_any_bytes(tmp_path: Path) -> None:
    """A config that is not text is compared with its name as well."""
    (tmp_path / "stack.yaml").write_text(
        'version: "3.8"\nconfigs: {logo: {name: "shop-logo-0123456789ab", file: ./logo.png}}\n'
    )
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\xff")

    assert [(it.rule, it.place) for it in problems(tmp_path, ["stack.yaml"])] == [("config-name", "stack.yaml: logo")]


def test_variables_where_nothing_reads_a_secret() -> None:
    """Plain uvicorn without python-dotenv gets the variables of `.env` themselves, and no secret."""
    written = stack(runner="uvicorn")

    assert written["services"]["web"]["env_file"] == [".env"]
    assert written["services"]["web"]["environment"] == {"FORWARDED_ALLOW_IPS": "*", "UVICORN_PORT": "8000"}
    assert not {"command", "secrets"} & (written["services"]["web"].keys() | written.keys())


DOTENV = Dependencies("requirements", ("requirements.txt",), {"python-dotenv": None})


def test_variables_for_uvicorn() -> None:
    """With python-dotenv they are a secret for uvicorn, too; `--port-env` has the port that the stack says."""
    web = stack(found={"deps": DOTENV}, runner="uvicorn", port_env="PORT")["services"]["web"]

    assert web["secrets"][0]["source"] == "env"
    assert web["command"][3:] == [
        *("env", "FORWARDED_ALLOW_IPS=*", "PORT=8000", "sh", "-c"),
        'exec uvicorn main:app --timeout-graceful-shutdown 8 --port "$${PORT:-8000}"',
    ]


@linux
@pytest.mark.parametrize(("runner", "port"), [("asgictl", "ASGICTL_SERVE_PORT"), ("uvicorn", "UVICORN_PORT")])
def test_which_variables_count(tmp_path: Path, runner: str, port: str) -> None:
    """A line of `.env` counts more than a variable of the image, as with compose, and less than one of the stack."""
    secret = tmp_path / "env"
    secret.write_text(
        f'DJANGO_SETTINGS_MODULE="conf.stage" # here\n{port}=1\nFORWARDED_ALLOW_IPS=x\nexport B=${{HOME}}\n'
    )
    command = stack(found={"deps": DOTENV}, runner=runner)["services"]["web"]["command"]
    command[2] = command[2].replace("/run/secrets/env", str(secret))
    command[command.index(runner) :] = ["env"]
    image = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "conf.prod", "HOME": "/tmp", port: "8000"}

    said = subprocess.run([sys.executable, *command[1:]], env=image, capture_output=True, text=True, check=True).stdout

    variables = dict(line.split("=", 1) for line in said.splitlines())
    assert {**variables, "LC_CTYPE": ""} == {
        **image,
        "DJANGO_SETTINGS_MODULE": "conf.stage",
        "FORWARDED_ALLOW_IPS": "*",
        port: "8000",
        "B": "/tmp",
        "LC_CTYPE": "",
    }


def test_its_command_leaves_the_time_to_stop(tmp_path: Path) -> None:
    """The command of the stack is judged as the image's is: by the seconds that its server takes to stop."""
    (tmp_path / "stack.yaml").write_text(text("stack.yaml", graceful=20).replace("period: 27s", "period: 9s", 1))

    assert [(it.rule, it.place) for it in problems(tmp_path, ["stack.yaml"])] == [("stop-budget", "stack.yaml: web")]


def test_volumes() -> None:
    """An app with a volume stays on one node, which has to be named: nothing is put on an empty volume elsewhere."""
    written = stack(volume=("data:/app/data",))

    assert written["services"]["web"]["volumes"][1:] == ["data:/app/data"]
    assert written["services"]["web"]["deploy"]["placement"] == {
        "constraints": ["node.hostname == ${NODE:?set NODE, the node that has the volumes}"]
    }
    assert list(written["volumes"]) == ["data", "caddy_data", "caddy_config"]


@pytest.mark.parametrize(
    ("restart", "policy"),
    [
        ("no", {"condition": "none"}),
        ("unless-stopped", {"condition": "any"}),
        ("on-failure", {"condition": "on-failure"}),
        ("on-failure:5", {"condition": "on-failure", "max_attempts": 5}),
    ],
)
def test_restart(restart: str, policy: dict[str, Any]) -> None:
    """`--restart` is said in Swarm's words."""
    assert stack(restart=restart)["services"]["web"]["deploy"]["restart_policy"] == policy


def commands(*found: Any, **options: Any) -> list[str]:
    """Return the commands with which the file begins, one a line."""
    begin = text("stack.yaml", *found, **options).partition("version:")[0]
    return [line.removeprefix("#   ") for line in begin.splitlines() if line.startswith("#   ")]


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        ({"domain": "a.b"}, "TAG=1.0.0"),
        ({}, "TAG=1.0.0 DOMAIN=app.example.com"),
        ({"domain": "a.b", "volume": ("data:/data",)}, "TAG=1.0.0 NODE=$(hostname)"),
    ],
)
def test_commands(options: dict[str, Any], variables: str) -> None:
    """The file begins with the commands that build, push and deploy it, and with each variable that they want."""
    assert commands(image=IMAGE, **options) == [f"export {variables}", BUILD, DEPLOY]


@pytest.mark.parametrize(
    ("fields", "options", "words"),
    [
        ({"home": "services/shop"}, {}, "--tag shop:${TAG:?set TAG} --file Dockerfile ../.."),
        ({"ssh": True}, {}, "--ssh default --tag shop:${TAG:?set TAG} ."),
        ({}, {"index_secret": "~/netrc"}, "--secret id=netrc,src=$HOME/netrc --tag shop:${TAG:?set TAG} ."),
        ({}, {"index_secret": "netrc"}, "--secret id=netrc,src=netrc --tag shop:${TAG:?set TAG} ."),
    ],
)
@pytest.mark.parametrize("name", ["stack.yaml", "kustomization.yaml"])
def test_what_builds_it(name: str, fields: dict[str, Any], options: dict[str, Any], words: str) -> None:
    """The command that builds the image has the folder that it is built from, and the keys that this takes."""
    found = project(deps=Dependencies("requirements", ("requirements.txt",), {}, **fields))

    line = f"#   docker build --platform linux/amd64 {words} && docker push shop:${{TAG:?set TAG}}\n"
    assert line in text(name, found, **options)


def test_long_name() -> None:
    """The names that the engine limits to 64 characters fit, however long the project's is."""
    written = stack(found={"name": "a" * 63})

    assert written["services"]["web"]["image"].startswith(f"{'a' * 63}:")
    assert re.fullmatch(r"a{40}-caddyfile-[0-9a-f]{12}", written["configs"]["caddyfile"]["name"])
    assert written["secrets"]["env"]["name"] == f"{'a' * 40}-env-${{ENV_VERSION:-1}}"


def test_migrations() -> None:
    """A job migrates, with the app's image, variables and volumes, and an end where it fails."""
    found = project(migrations=ALEMBIC)

    assert text("stack.yaml", found, image=IMAGE, volume=("data:/data",)).splitlines()[1:13] == [
        "# Each version, by commands to paste; first, in the shell, with your own values, NODE being the one that has "
        "the volumes:",
        "#   export TAG=1.0.0 DOMAIN=app.example.com NODE=$(hostname)",
        "# Build and push it (for nodes with ARM: linux/arm64):",
        f"#   {BUILD}",
        "# Migrate, once for each version (the first time, after it is deployed):",
        "#   docker service rm shop-migrate",
        "#   timeout 600 docker service create --name shop-migrate --with-registry-auth --mode replicated-job "
        "--restart-condition none --network shop_default "
        "--secret source=shop-env-${ENV_VERSION:-1},target=env,uid=10001,gid=10001,mode=0400 "
        "--mount type=volume,source=shop_data,target=/data --constraint node.hostname==${NODE:?set NODE} "
        f"{IMAGE}:${{TAG:?set TAG}} python -c '{WITH_VARIABLES}' alembic upgrade head",
        "# If the job fails, the command waits until the timeout; the reason: docker service logs shop-migrate",
        "# Deploy it:",
        f"#   {DEPLOY}",
        'version: "3.8"',
        "services:",
    ]
    assert "--env-file .env" in text("stack.yaml", found, runner="uvicorn")


@linux
def test_commands_can_be_pasted(tmp_path: Path) -> None:
    """Each line is a whole command of a shell; one that comes before the variables are set says which are missing."""
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\nfor word; do printf "<%s>" "$word"; done\necho\n')
    docker.chmod(0o755)
    lines = commands(project(migrations=ALEMBIC), image=IMAGE, volume=("data:/data",), domain="a.b")

    def paste(*lines: str) -> "subprocess.CompletedProcess[str]":
        path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return subprocess.run(["sh", "-c", "\n".join(lines)], env=path, capture_output=True, text=True, check=False)

    done = paste(lines[0].replace("$(hostname)", "n1"), *lines[1:])
    built, pushed, _, migrated, deployed = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert built == f"<build><--platform><linux/amd64><--tag><{IMAGE}:1.0.0><.>"
    assert pushed == f"<push><{IMAGE}:1.0.0>"
    assert migrated.endswith(
        f"<--constraint><node.hostname==n1><{IMAGE}:1.0.0><python><-c><{WITH_VARIABLES}><alembic><upgrade><head>"
    )
    assert deployed == "<stack><deploy><--with-registry-auth><-c><stack.yaml><shop>"
    assert [paste(line).stderr.partition("set ")[2] for line in (lines[1], lines[3])] == ["TAG\n", "NODE\n"]


def test_notes(lay: Lay) -> None:
    """What the stack will still need is said: a registry, the variables, a node for the volumes."""
    root = lay({})

    assert detect(ScaffoldRequest(targets="swarm", volume=("data:/data",)), root).notes[-3:] == (
        "stack.yaml names an image without a registry, which other nodes cannot pull: pass --image",
        "stack.yaml needs a `.env` for the app's variables: if it has none, `echo '# none' > .env`",
        "a volume exists on one node only: stack.yaml keeps the app on the node that NODE names at the deploy",
    )
    images = [it for it in detect(ScaffoldRequest(targets="swarm,k8s"), root).notes if it.endswith("pass --image")]
    assert images == [
        "stack.yaml and k8s.yaml name an image without a registry, which other nodes cannot pull: pass --image"
    ]
    (root / ".env").write_text("X=1\n")
    assert not detect(ScaffoldRequest(targets="swarm", image=IMAGE), root).notes


def test_written_with_prod(project: Path) -> None:
    """The Caddyfile is written once for both, and the hint leads to the command."""
    (project / ".env").write_text("X=1\n")
    result = run("--for", "docker,compose,prod,swarm", "--domain", "a.b", "--image", IMAGE)

    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [f"create    {it}" for it in ("Dockerfile", ".dockerignore", "compose.yaml", "compose.prod.yaml", "Caddyfile")]
        + ["create    deploy.sh", "create    stack.yaml"],
    )
    assert result.stderr.splitlines()[-1] == "hint: deploy it: `stack.yaml` begins with the commands"
    assert list(problems(project, ["Dockerfile", "stack.yaml"])) == []


STACKS = [
    {},
    {"image": IMAGE, "domain": "shop.test", "volume": ("data:/data",), "replicas": 1},
    {"runner": "uvicorn", "found": {"migrations": ALEMBIC}},
    {"found": {"affinity": "app.py:7, Socket.IO"}, "workers": 1, "registry_prefix": "hub.test/x"},
]


@linux
@pytest.mark.parametrize("options", STACKS)
def test_a_real_docker_takes_it(tmp_path: Path, options: dict[str, Any]) -> None:
    """The schema of Docker's own client has each key of the stack, and no other."""
    found = project(**options.get("found", {}))
    written = text("stack.yaml", found, **{name: it for name, it in options.items() if name != "found"})
    (tmp_path / "stack.yaml").write_text(written)
    (done,) = tools.runs(tmp_path, ["stack.yaml"])
    if done.passed is None:
        pytest.skip("Debian 12's docker is 20.10, without `stack config`, and no other package index has a client")
    assert done == tools.Run("docker stack config", "stack.yaml", True, ())  # noqa: FBT003  # as it is

    (tmp_path / "stack.yaml").write_text(written.replace("    read_only: true\n", "    read_nothing: true\n"))
    (done,) = tools.runs(tmp_path, ["stack.yaml"])
    assert (done.passed, "read_nothing" in done.said[-1]) == (False, True)


@linux
@pytest.mark.parametrize(
    "help_says", ["  config      Outputs the final config file\n", "  deploy      --kubeconfig config file\n"]
)
def test_docker_looks_at_it(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, help_says: str) -> None:
    """A client that knows `docker stack config` reads it, without the real `.env`; an older one is skipped."""
    (project / "stack.yaml").write_text("version: '3.8'\n")
    client = tmp_path / "bin/docker"
    client.parent.mkdir()
    client.write_text(
        f"#!/bin/sh\n[ $2 = --help ] && printf '%s' '{help_says}' && exit\n"
        '[ "$*" = "stack config -c stack.yaml" ] && [ -f .env ] && [ "$TAG$NODE" ] && exit\nexit 1\n'
    )
    client.chmod(0o755)
    monkeypatch.setattr(tools, "_which", lambda _name: str(client))

    [done] = tools.runs(project, ["stack.yaml"])

    assert (done.tool, done.passed) == ("docker stack config", True if "final" in help_says else None)

"""The script of a deploy: what it asks of Docker at the first one, whom it refuses, and that a shell reads it."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from asgictl.scaffold.project import Migrations
from tests.scaffold.test_planned import project, text

pytestmark = pytest.mark.skipif(sys.platform != "linux" or shutil.which("flock") is None, reason="needs flock")

# Variables of the app, and what else may be called like it, have the names that the script looks for.
CONFIG = """\
name: shop
services:
  db:
    image: its
  web:
    environment:
      image: evil:1
      replicas: -1*a[`touch PWN`]
      text: |-
        a
            image: evil:2
    deploy:
      labels:
        replicas: "7"
      replicas: 2
    image: shop:latest
  x:
    image: y
volumes:
  web:
    image: evil:3
"""
# It notes its words, and answers as for a project that was never deployed, or as the next deploy begins.
DOCKER = r"""\
#!/bin/sh
echo "$*" >>"$0.calls"
case "$*" in
    *" config web") printf '%s' "$CONFIG" ;;
    *" ps --quiet web") printf "$OLD" ;;
    "image inspect"*) exit 1 ;;
    *" $FAILS"*) exit 7 ;;
esac
"""
COMPOSE = "compose -f compose.yaml -f compose.prod.yaml"
MIGRATED = Migrations(("alembic", "upgrade", "head"), "alembic.ini")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder, whose name has signs of the shell's, with a `docker` beside it."""
    root = tmp_path / "a $(b) 'c'"
    root.mkdir()
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    return root


def deploy(
    root: Path,
    *words: str,
    fails: str = "nothing",
    config: str = CONFIG,
    old: str = "",
    shell: str = "sh",
    **fields: Any,
) -> tuple[int, list[str], list[str]]:
    """Run the script from elsewhere; return its status, the calls of `docker`, and what it has said."""
    (root / "deploy.sh").write_text(text("deploy.sh", project(**fields)))
    environ = {
        **os.environ,
        "PATH": f"{root.parent}:{os.environ['PATH']}",
        "FAILS": fails,
        "CONFIG": config,
        "OLD": old,
    }
    command = [shell, str(root / "deploy.sh"), *words]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False, cwd="/")
    calls = root.parent / "docker.calls"
    called = calls.read_text().splitlines() if calls.exists() else []
    return done.returncode, [it.replace(COMPOSE, "…") for it in called], done.stderr.splitlines()


LOOKS = [
    *("compose version", "… config --quiet", "… rm --force web", "… config web"),
    *("image inspect --format {{.Id}} shop:latest", "… ps --quiet --all web", "… ps --quiet web"),
]


@pytest.mark.parametrize("words", [(), ("",)])
@pytest.mark.parametrize("migrations", [None, MIGRATED])
def test_the_first(root: Path, migrations: Migrations | None, words: tuple[str, ...]) -> None:
    """The first deploy builds, migrates where there is something to, and starts everything; an empty word is none."""
    migrate = ["… run --rm migrate"] if migrations else []

    assert deploy(root, *words, migrations=migrations) == (
        0,
        [*LOOKS, "… build", *migrate, "… up --detach --no-build --wait"],
        [],
    )


@pytest.mark.parametrize("step", ["build", "run"])
def test_what_fails_first(root: Path, step: str) -> None:
    """Where the build or the migration fails nothing is started, and the status is not 0."""
    status, called, said = deploy(root, fails=step, migrations=MIGRATED)

    assert (status, said) == (1, ["deploy: not deployed", "deploy: see to it, and run it again"])
    assert [it for it in called if " up " in it] == []


def test_another_one(root: Path) -> None:
    """A second deploy at the same time is refused, and touches nothing."""
    (root / "deploy.sh").write_text(text("deploy.sh"))
    with (root / "deploy.sh").open() as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        assert deploy(root) == (1, LOOKS[:2], ["deploy: another one is running"])
    assert deploy(root)[0] == 0


@pytest.mark.parametrize("words", [("now",), ("rollback", "x"), ("rollback", ""), ("", "rollback"), ("", "")])
def test_what_it_takes(root: Path, words: tuple[str, ...]) -> None:
    """Words that it does not know, or too many, build, migrate and tag nothing."""
    status, called, said = deploy(root, *words, migrations=MIGRATED)

    assert (status, called, said[0]) == (1, [*LOOKS, LOOKS[5]], "deploy: it takes nothing, or: rollback")


def test_back(root: Path) -> None:
    """Back to the version before neither builds nor migrates."""
    back = ["tag shop:previous shop:latest", "… up --detach --no-build --wait"]

    assert deploy(root, "rollback", migrations=MIGRATED) == (0, [*LOOKS, *back], [])


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_beside_the_old(root: Path, shell: str) -> None:
    """The new replicas start beside the old ones, as many as compose says, whatever else is called `replicas`."""
    (root / "Caddyfile").touch()
    scale = "up --detach --no-build --no-recreate"
    called = deploy(root, old="one\\ntwo\\n", shell=shell, fails=scale)[1]

    assert [it for it in called if "--scale" in it] == [f"… {scale} --scale web=4 web"]
    assert not [it for it in called if "evil" in it]


@pytest.mark.parametrize("number", ["-1*a[`touch PWN`]", "x", '"2"'])
def test_what_is_no_number(root: Path, number: str) -> None:
    """A number of replicas that is not one ends the deploy before it touches anything, and is not carried out."""
    status, called, said = deploy(root, config=CONFIG.replace("replicas: 2", f"replicas: {number}"), old="one\\n")

    assert (status, called, said) == (1, LOOKS[:4], [f"deploy: its number of replicas is `{number}`"])
    assert not list(root.rglob("PWN"))


def test_without_compose(root: Path) -> None:
    """Where Docker has no compose its own words are all that happens."""
    (root.parent / "docker").write_text("#!/bin/sh\necho \"docker: 'compose' is not a docker command.\" >&2\nexit 1\n")

    assert deploy(root) == (1, [], ["docker: 'compose' is not a docker command."])


@pytest.mark.parametrize("migrations", [None, MIGRATED])
@pytest.mark.parametrize(
    "command", [("sh", "-n"), ("dash", "-n"), ("busybox", "sh", "-n"), ("bash", "--posix", "-n"), ("shellcheck",)]
)
def test_shells(tmp_path: Path, command: tuple[str, ...], migrations: Migrations | None) -> None:
    """Each shell that is there reads the script, and shellcheck has nothing to say of it."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    (tmp_path / "deploy.sh").write_text(text("deploy.sh", project(migrations=migrations)))

    done = subprocess.run([*command, "deploy.sh"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("seconds", [60, 300])
def test_a_slow_start(seconds: int) -> None:
    """An app has the time to start that `--startup-time` gives it, and three more checks."""
    assert f"for _ in $(seq {seconds + 30}); do" in text("deploy.sh", startup_time=seconds)

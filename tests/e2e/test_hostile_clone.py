"""A repository that has just been cloned changes nothing outside its folder, whatever its files say."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.certs.test_version_control import partial_clone
from tests.conftest import finish, needs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="starts commands")

MACHINE = "concerns your machine, which no project decides"


class Desk(NamedTuple):
    """A user's home with an authority and a browser's store, and beside it the clone, below one folder."""

    home: Path
    clone: Path

    def run(self, *command: str) -> tuple[int, str]:
        """Run a command in the clone; return its status and the first line of error."""
        env = {
            "HOME": str(self.home),
            "ASGICTL_CA_DIR": f"{self.home}/ca",
            "JAVA_HOME": f"{self.home}/java",
            "PATH": f"{self.home}/bin:{os.environ['PATH']}",
        }
        status, _, stderr = finish(*command, folder=self.clone, env=env)
        return status, next((line for line in stderr.splitlines() if line.startswith("error: ")), "")

    def outside(self) -> dict[str, tuple[int, bytes]]:
        """Return what there is outside of the clone: modes, contents, and where links lead."""
        found = {}
        for path in sorted(self.clone.parent.rglob("*")):
            if path.is_relative_to(self.clone):
                continue
            content = os.fsencode(path.readlink()) if path.is_symlink() else b"" if path.is_dir() else path.read_bytes()
            found[str(path)] = path.lstat().st_mode, content
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk whose tools for stores say when they are run, and whose clone has nothing in it."""
    home, clone = tmp_path / "home", tmp_path / "clone"
    for folder in (home / ".ssh", home / ".pki/nssdb", home / "bin", home / "java/lib/security", clone):
        folder.mkdir(parents=True)
    for name, text in ((".ssh/id_rsa", "a key\n"), (".bashrc", "exit\n"), (".netrc", "machine x password y\n")):
        (home / name).write_text(text)
    (tmp_path / "cert.pem").write_text("precious\n")
    for tool in ("certutil", "keytool", "sudo", "update-ca-certificates", "docker", "podman"):
        (home / "bin" / tool).write_text(f'#!/bin/sh\necho "$0 $*" >> {home}/was-run\nexit 1\n')
        (home / "bin" / tool).chmod(0o755)
    made = Desk(home, clone)
    assert made.run("gen-cert", "--client", "me", "--out", f"{home}/mine") == (0, "")
    (home / "was-run").unlink(missing_ok=True)
    return made


Put = Callable[[Desk], None]


def table(command: str, lines: str) -> Put:
    """Return what writes a table of options."""

    def put(desk: Desk) -> None:
        (desk.clone / "pyproject.toml").write_text(f"[tool.asgictl.{command}]\n{lines}\n")

    return put


def removed(name: str) -> Put:
    """Return what removes a file from the clone."""
    return lambda desk: (desk.clone / name).unlink()


def linked(**links: str) -> Put:
    """Return what puts links into the clone, `__` for a slash."""

    def put(desk: Desk) -> None:
        for name, target in links.items():
            link = desk.clone / name.replace("__", "/").replace("_", ".")
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(target)

    return put


def variables(text: str) -> Put:
    """Return what names a file of variables for `serve`, and for `inspect`."""

    def put(desk: Desk) -> None:
        (desk.clone / ".env").write_text(text)
        tables = "".join(f"[tool.asgictl.{command}]\nenv-file = '.env'\n" for command in ("serve", "inspect"))
        (desk.clone / "pyproject.toml").write_text(tables)

    return put


def app(desk: Desk) -> None:
    """Put an app and a Dockerfile into the clone, which names secrets of the user's."""
    (desk.clone / "main.py").write_text("async def app(scope, receive, send): ...\n")
    (desk.clone / "requirements.txt").write_text("asgictl==0\n")
    (desk.clone / "Dockerfile").write_text("FROM scratch\nRUN --mount=type=secret,id=netrc cat /run/secrets/netrc\n")
    (desk.clone / "pyproject.toml").write_text("[tool.asgictl.scaffold]\nindex-secret = '../home/.ssh/id_rsa'\n")


def left_over(desk: Desk) -> None:
    """Put into the clone what an interrupted run leaves, with links."""
    (desk.clone / "ssl").mkdir()
    for name in (".new-cert.pem", ".new-cert.key", ".old-cert.pem", ".new-cert.key.part", ".gitignore"):
        (desk.clone / "ssl" / name).symlink_to("../../home/.ssh/id_rsa")


# What the clone holds, the command, its status, and how its error begins.
SAVED = ("inspect", "demo", "--port", "0")
SECURE = ("serve", "demo", "--https", "--check", "--port", "0")
WAYS: dict[str, tuple[Put | tuple[Put, ...], tuple[str, ...], int, str]] = {
    "a wider authority": (table("gen-cert", "ca-permit = ['com', '0.0.0.0/0']"), ("gen-cert", "--trust"), 2, MACHINE),
    "Java's store": (table("gen-cert", "store = ['java', 'nss']"), ("gen-cert", "--trust"), 2, MACHINE),
    "a key for a group": (table("gen-cert", "group = 1000"), ("gen-cert",), 2, MACHINE),
    "a certificate elsewhere": (
        table("gen-cert", "cert-file = '../cert.pem'\nkey-file = '../home/.ssh/id_rsa'"),
        ("gen-cert", "--force"),
        2,
        "leads out of",
    ),
    "a folder elsewhere": (table("gen-cert", "out = '..'"), ("gen-cert", "--force"), 2, "leads out of"),
    "a folder that is a link": (linked(ssl=".."), ("gen-cert", "--force"), 4, "leads out of the current folder"),
    "one that is served from": (linked(ssl="../home/.ssh"), SECURE, 4, "leads out of the current folder"),
    "one that the user names": (linked(ssl=".."), ("gen-cert", "--force", "--out", "ssl"), 4, "leads out of"),
    "one of a client": (linked(ssl=".."), ("gen-cert", "--force", "--client", "me"), 4, "leads out of"),
    "files that are links": (
        linked(ssl__cert_pem="../../cert.pem", ssl__cert_key="../../home/.ssh/id_rsa"),
        ("gen-cert", "--force"),
        4,
        "is a symbolic link",
    ),
    "links of an interrupted run": (left_over, ("gen-cert", "--force"), 4, "is a symbolic link"),
    "the same, served": (
        left_over,
        tuple(word for word in SECURE if word != "--check"),
        4,
        "`ssl/cert.pem` holds no certificate in PEM form",
    ),
    "another authority": (variables("ASGICTL_CA_DIR=ca\n"), SECURE, 2, MACHINE),
    "a session elsewhere": (table("inspect", "save = '../home/.bashrc'"), SAVED, 2, "leads out of"),
    "a session through a link": (
        (linked(log="../home"), table("inspect", "save = 'log/x.jsonl'")),
        SAVED,
        2,
        "leads out of",
    ),
    "a session by a variable": (variables("ASGICTL_INSPECT_SAVE=../x.jsonl\n"), SAVED, 2, "leads out of"),
    "secrets that are shown": (table("inspect.profiles.x", "no-redact = true"), SAVED, 2, MACHINE),
    "a key that is handed out": (table("inspect", "respond-file = '../home/.ssh/id_rsa'"), SAVED, 2, "leads out of"),
    "a socket elsewhere": (table("serve", "uds = '../home/app.sock'"), ("serve", "demo", "--check"), 2, "leads out of"),
    "a Dockerfile that is a link": (
        (app, removed("Dockerfile"), linked(Dockerfile="../home/.bashrc")),
        ("scaffold", "--force"),
        4,
        "is a symbolic link",
    ),
    "a secret for the build": (app, ("scaffold", "--verify"), 2, "`--verify` would hand"),
    "a secret for the container": (
        (app, removed("pyproject.toml"), linked(_env="../home/.netrc")),
        ("scaffold", "--verify"),
        4,
        "`--verify` would hand",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_hostile_clone(desk: Desk, way: str) -> None:
    """Each way out is refused, with the place and the reason: no file changes, no store is asked for anything."""
    put, command, status, error = WAYS[way]
    for each in put if isinstance(put, tuple) else (put,):
        each(desk)
    before = desk.outside()

    found = desk.run(*command)

    assert (found[0], error in found[1]) == (status, True), found
    assert desk.outside() == before


@needs("git")
@pytest.mark.parametrize("way", ["core.fsmonitor", "remote.origin.uploadpack"])
def test_what_git_is_told_to_run(desk: Desk, way: str) -> None:
    """A look at a certificate runs nothing that the configuration of an unpacked repository names."""
    command = f"touch {desk.home}/was-run; false"
    if way == "core.fsmonitor":
        subprocess.run(["git", "init", "--quiet"], cwd=desk.clone, check=True)
        subprocess.run(["git", "config", way, command], cwd=desk.clone, check=True)
    else:
        partial_clone(desk.clone, command)
    assert desk.run("gen-cert") == (0, "")
    (desk.home / "bin/certutil").unlink()
    before = desk.outside()

    assert desk.run("gen-cert", "--check")[0] in (0, 1)

    assert desk.outside() == before

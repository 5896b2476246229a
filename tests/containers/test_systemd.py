"""The units, under a real systemd in a container: sandboxed, and new versions that fail no request."""

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asgictl.scaffold import plan
from asgictl.scaffold.detect import detect
from asgictl.scaffold.request import ScaffoldRequest
from tests.conftest import ASGICTL
from tests.containers import lab, projects

pytestmark = pytest.mark.skipif(lab.SYSTEM, reason="needs an image that is made here")
Within = Callable[..., str]

# systemd as process 1 mounts, traces and sets priorities; what it starts is sandboxed by the unit.
_RIGHTS = (
    *("--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE", "--cap-add", "SYS_NICE"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--cgroupns", "private"),
    *("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp"),
)
# It starts only where the migrations of its version have run, and answers with its version, or slowly with what it is
# sent: for longer than asgictl lets new clients come to a socket of its own while it stops.
_APP = """
import asyncio
from pathlib import Path

VERSION = Path("VERSION").read_text()


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        assert VERSION in Path("/data/migrations").read_text().splitlines(keepends=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("shutdown ran", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "http":
        body, more = b"", scope["method"] == "POST"
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        if body:
            await asyncio.sleep(0.8)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body or VERSION.encode()})
"""
_ALEMBIC = '#!/bin/sh\n[ "$*" = "upgrade head" ] && cat VERSION >>/data/migrations\n'
# Eight clients that get and post until a file appears, or for two minutes.
_LOAD = """
import json, pathlib, threading, time, urllib.request
asked, failed, seen, done = [0], [], {}, time.monotonic() + 120
def ask(body):
    while time.monotonic() < done and not pathlib.Path("/run/enough").exists():
        try:
            answer = urllib.request.urlopen("http://127.0.0.1:8000/", body, timeout=30).read()
            if body and answer != body:
                failed.append(repr(answer))
            if not body:
                seen[answer.decode().strip()] = None
        except OSError as error:
            failed.append(repr(error))
        asked[0] += 1
        pathlib.Path("/run/asked").touch()
clients = [threading.Thread(target=ask, args=(b"x" * 50_000 if number % 2 else None,)) for number in range(8)]
for client in clients: client.start()
for client in clients: client.join()
print(json.dumps([asked[0], failed, list(seen)]))
"""


def booted(tmp_path: Path, folder: Path, runner: str) -> Within:
    """Boot systemd with a project's units; return what runs a command in there."""
    container = lab.call("docker", "run", "--detach", *_RIGHTS, lab.systemd_image(tmp_path / "image", folder, runner))

    def within(*command: str, check: bool = True) -> str:
        return lab.call("docker", "exec", container, *command, check=check)

    def up() -> bool:
        return within("systemctl", "is-system-running", check=False) in {"running", "degraded"}

    lab.until(up, lambda: within("systemctl", "list-jobs", check=False))
    return within


def answers(within: Within) -> str:
    """Return the answer of the app, when there is one."""
    said: list[str] = []

    def answered() -> bool:
        said.append(within("curl", "-sf", "http://127.0.0.1:8000/", check=False))
        return bool(said[-1])

    lab.until(answered, lambda: within("journalctl", "--no-pager", "--lines", "40", check=False))
    return said[-1]


def versions(within: Within, *numbers: int) -> None:
    """Lay out further versions of the project, each whole in a folder of its own."""
    for number in numbers:
        within("cp", "-a", "/srv/shop-1", f"/srv/shop-{number}")
        files = f"/srv/shop-{number}/.venv/bin/* /srv/shop-{number}/.venv/pyvenv.cfg"
        within("sh", "-c", f"grep -lI /srv/shop-1 {files} | xargs sed -i s,/srv/shop-1,/srv/shop-{number},g")
        within("sh", "-c", f"echo {number} >/srv/shop-{number}/VERSION")


def commands(unit: Path) -> list[str]:
    """Return the commands that the unit begins with: install, first migration, start, and a new version."""
    return re.findall(r"(?m)^#   (.*)$", unit.read_text())


@pytest.mark.parametrize(
    ("runner", "workers"), [("asgictl", ()), ("asgictl", ("--workers", "2")), ("uvicorn", ())], ids=str
)
def test_new_versions_fail_nobody(tmp_path: Path, engine: None, runner: str, workers: tuple[str, ...]) -> None:
    """Under load three new versions come by the unit's own command, each migrated once, and no request fails.

    Uvicorn alone resets connections that it has accepted and not heard when it stops, which a note says.
    """
    kind = projects.Kind(
        {
            "main.py": _APP,
            "VERSION": "1\n",
            "alembic": _ALEMBIC,
            "alembic.ini": "",
            "requirements.txt": "fastapi\nalembic\n",
            ".python-version": "3.11\n",
        }
    )
    folder = projects.write(tmp_path / "shop", kind)
    options = ("--for", "systemd", "--runner", runner, "--volume", "data:/data", *workers)
    lab.call(str(ASGICTL), "scaffold", "main.py", *options, folder=folder)
    _, migrate, start, deploy = commands(folder / "shop.service")
    within = booted(tmp_path, folder, runner)
    within("sh", "-ec", f"{migrate}\n{start}")
    assert answers(within) == "1"
    versions(within, 2, 3, 4, 5)
    heard: list[str] = []
    load = threading.Thread(target=lambda: heard.append(within("python3", "-c", _LOAD)))
    load.start()
    lab.until(lambda: within("ls", "/run/asked", check=False) == "/run/asked")
    for number in (2, 3, 4):
        within("sh", "-ec", deploy.replace("shop-2", f"shop-{number}"))
        assert answers(within) == str(number)
    within("touch", "/run/enough")
    load.join()

    asked, failed, seen = json.loads(heard[0])
    refused = [it for it in failed if runner == "asgictl" or "reset by peer" not in it]
    assert (refused, asked > 100, seen) == ([], True, ["1", "2", "3", "4"])
    assert int(within("stat", "--format", "%u", f"/proc/{_main_pid(within)}")) > 60000  # DynamicUser's
    within("sh", "-c", "printf '#!/bin/sh\\nexit 1' >/srv/shop-5/.venv/bin/alembic")
    assert "control process exited" in within("sh", "-ec", f"! {{ {deploy.replace('shop-2', 'shop-5')}; }}")
    within("systemctl", "restart", "shop")
    assert answers(within) == "4"
    assert within("cat", "/var/lib/private/shop/data/migrations").split() == ["1", "2", "3", "4"]
    within("systemctl", "stop", "shop.socket", "shop.service")
    assert within("systemctl", "show", "--property", "Result", "--value", "shop.service") == "success"
    assert "shutdown ran" in within("journalctl", "--unit", "shop.service", "--no-pager")


# Interpreters where uv puts them for root, and where somebody else has one, beside something that nobody must see.
_UV = "/root/.local/share/uv/python/cpython-3.11.2-linux-x86_64-gnu"
_OTHER = "/home/me/.pyenv/versions/3.11.2"
_MOVED = """
mkdir -p {0}/bin && cp -L /usr/bin/python3 {0}/bin/python3.11 && echo mine >/root/secret && echo mine >/home/me/secret
ln -sf {0}/bin/python3.11 /srv/shop/.venv/bin/python3
systemctl restart shop.service
"""


def test_interpreters_in_homes(tmp_path: Path, engine: None) -> None:
    """The service runs with a Python of uv's or pyenv's, and sees nothing else of the homes."""
    folder = projects.write(tmp_path / "shop", projects.KINDS["requirements"])
    request = ScaffoldRequest(targets="systemd", runner="asgictl")
    found = detect(request, folder)._replace(interpreters=(_OTHER,))
    for file in plan.plan(found, request):
        (folder / file.path).write_text(file.text)
    within = booted(tmp_path, folder, "asgictl")
    within("systemctl", "start", "shop.socket", "shop.service")
    within("mkdir", "-p", "/home/me")

    for prefix in (_UV, _OTHER):
        within("sh", "-ec", _MOVED.format(prefix))
        assert answers(within) == '{"hello":"world"}'
        home = f"/proc/{_main_pid(within)}/root"
        seen = within("sh", "-c", f"cd {home} && find ./root ./home -name secret -o -name python3.11")
        assert f".{prefix}/bin/python3.11" in seen.split()
        assert "secret" not in seen


_KEEPING = """
from pathlib import Path


async def app(scope, receive, send):
    if scope["type"] == "http":
        for folder in ("uploads", "/data"):
            with (Path(folder) / "x").open("a") as file:
                file.write("x")
        body = Path("uploads/x").read_bytes() + Path("/data/x").read_bytes()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
"""


def test_what_is_kept(tmp_path: Path, engine: None) -> None:
    """What the app writes to its volumes, in its folder and elsewhere, is there in the next version."""
    kind = projects.Kind({"main.py": _KEEPING, "requirements.txt": "fastapi\n", ".python-version": "3.11\n"})
    folder = projects.write(tmp_path / "shop", kind)
    volumes = ("--volume", "uploads:/app/uploads", "--volume", "data:/data")
    lab.call(str(ASGICTL), "scaffold", "--for", "systemd", *volumes, folder=folder)
    _, start, deploy = commands(folder / "shop.service")
    within = booted(tmp_path, folder, "asgictl")
    within("sh", "-ec", start)
    before = answers(within)
    versions(within, 2)
    within("sh", "-ec", deploy)

    assert len(before) % 2 == 0
    assert answers(within) == before + "xx"


def _main_pid(within: Any) -> str:
    return str(within("systemctl", "show", "--property", "MainPID", "--value", "shop.service"))

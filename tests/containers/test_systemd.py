"""The units, under a real systemd in a container: active, sandboxed, and restarted without a refused request."""

import re
import threading
from pathlib import Path

import pytest

from tests.conftest import ASGICTL
from tests.containers import lab, projects

# systemd as process 1 mounts, traces and sets priorities; what it starts is sandboxed by the unit.
_RIGHTS = (
    *("--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE", "--cap-add", "SYS_NICE"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--cgroupns", "private"),
    *("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp"),
)
_ASK = """
import sys, threading, time, urllib.request
asked, failed, done = 0, [], time.monotonic() + float(sys.argv[1])
while time.monotonic() < done:
    asked += 1
    try:
        urllib.request.urlopen("http://127.0.0.1:8000/healthz", timeout=15).read()
    except OSError as error:
        failed.append(repr(error))
print(asked, failed)
"""
# An interpreter where uv puts it for root, beside something that the service must not see.
_UV = """
set -e
bin=/root/.local/share/uv/python/cpython-3.11.2-linux-x86_64-gnu/bin
mkdir -p $bin && cp -L /usr/bin/python3 $bin/python3.11 && echo mine > /root/secret
ln -sf $bin/python3.11 /srv/shop/.venv/bin/python3
"""


@pytest.mark.skipif(lab.SYSTEM, reason="needs an image that is made here")
@pytest.mark.parametrize("runner", ["asgictl", "uvicorn"])
def test_restart_refuses_nobody(tmp_path: Path, engine: None, runner: str) -> None:
    """The service is active in its sandbox, uv's Python or not; while it restarts its socket lets requests wait."""
    folder = projects.write(tmp_path / "shop", projects.KINDS["requirements"])
    lab.call(str(ASGICTL), "scaffold", "--for", "systemd", "--runner", runner, folder=folder)
    image = lab.systemd_image(tmp_path / "image", folder, runner)
    container = lab.call("docker", "run", "--detach", *_RIGHTS, image)

    def within(*command: str, check: bool = True) -> str:
        return lab.call("docker", "exec", container, *command, check=check)

    lab.until(lambda: within("systemctl", "is-active", "shop.service", check=False) == "active", lambda: _why(within))
    lab.until(
        lambda: within("curl", "-sf", "http://127.0.0.1:8000/healthz", check=False) == '"ok"', lambda: _why(within)
    )
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(within("python3", "-c", _ASK, "8")))
    asking.start()
    for _ in range(2):
        within("systemctl", "restart", "shop.service")
    asking.join()

    asked, failed = re.fullmatch(r"(\d+) (.*)", answers[0]).groups()  # type: ignore[union-attr]
    assert (failed, int(asked) > 20) == ("[]", True)
    uid = within("stat", "--format", "%u", f"/proc/{_main_pid(within)}")
    assert int(uid) > 60000  # DynamicUser's
    within("sh", "-c", _UV)
    within("systemctl", "restart", "shop.service")
    lab.until(
        lambda: within("curl", "-sf", "http://127.0.0.1:8000/healthz", check=False) == '"ok"', lambda: _why(within)
    )
    seen = f"/proc/{_main_pid(within)}/root/root"
    assert within("sh", "-c", f"cd {seen} && find . -name secret -o -name python") == "./.local/share/uv/python"
    within("systemctl", "stop", "shop.socket", "shop.service")
    assert within("systemctl", "show", "--property", "Result", "--value", "shop.service") == "success"
    assert "shutdown ran" in within("journalctl", "--unit", "shop.service", "--no-pager")


def _main_pid(within) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001
    return str(within("systemctl", "show", "--property", "MainPID", "--value", "shop.service"))


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


@pytest.mark.skipif(lab.SYSTEM, reason="needs an image that is made here")
def test_what_is_kept(tmp_path: Path, engine: None) -> None:
    """What the app writes to its volumes, in its folder and elsewhere, is there after a restart."""
    kind = projects.Kind({"main.py": _KEEPING, "requirements.txt": "fastapi\n", ".python-version": "3.11\n"})
    folder = projects.write(tmp_path / "shop", kind)
    volumes = ("--volume", "uploads:/app/uploads", "--volume", "data:/data")
    lab.call(str(ASGICTL), "scaffold", "--for", "systemd", *volumes, folder=folder)
    container = lab.call(
        "docker", "run", "--detach", *_RIGHTS, lab.systemd_image(tmp_path / "image", folder, "asgictl")
    )

    def within(*command: str, check: bool = True) -> str:
        return lab.call("docker", "exec", container, *command, check=check)

    def asked() -> str:
        return within("curl", "-sf", "http://127.0.0.1:8000/", check=False)

    lab.until(lambda: within("systemctl", "is-active", "shop.service", check=False) == "active", lambda: _why(within))
    lab.until(lambda: asked() != "", lambda: _why(within))
    before = asked()
    within("systemctl", "restart", "shop.service")

    assert len(before) % 2 == 0
    assert asked() == before + "xx"


def _why(within) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001
    return str(within("journalctl", "--no-pager", "--lines", "40", "--unit", "shop.service", check=False))

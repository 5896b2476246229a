"""A server that may open few files at once, as a container or a shell with a low `ulimit -n` has it."""

import contextlib
import signal
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import Serve, Write, after_banner
from tests.e2e.test_sockets import modes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

APP = """
import os
held = []

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        while scope["path"] == "/hold":
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    while scope["path"] == "/free" and held:
        os.close(held.pop())
    await send({"type": "http.response.body", "body": scope["path"].encode()})
"""
START = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))
from asgictl.__main__ import main
if __name__ == "__main__":
    main()
"""


def limited(folder: Path, limit: int) -> Path:
    """Return a script that is `asgictl` with a limit."""
    script = folder / "script" / "asgictl"
    script.parent.mkdir()
    script.write_text(START.format(limit=limit))
    return script


@modes
@pytest.mark.parametrize("limit", [12, 20, 32])
def test_too_few(serve: Serve, write: Write, arguments: tuple[str, ...], limit: int) -> None:
    """It does not start, and says how many there are, and how to raise the limit."""
    folder = write({"main.py": APP})

    status, lines = serve(*arguments, script=limited(folder, limit), env={"PYTHONUNBUFFERED": "1"}).end()

    needed = 50 if "2" in arguments else 40
    assert (status, lines[1:]) == (3, ["hint: raise the limit: `ulimit -n 1024`"])
    assert lines[0].startswith("error: only ")
    assert lines[0].endswith(f" more files can be opened (`ulimit -n` is {limit}), and the server needs {needed}")


@modes
def test_just_enough(serve: Serve, write: Write, arguments: tuple[str, ...]) -> None:
    """With 64 it serves, without a word."""
    folder = write({"main.py": APP})
    served = serve(*arguments, script=limited(folder, 64), env={"PYTHONUNBUFFERED": "1"})

    assert {httpx.get(f"{served.url}/{number}").status_code for number in range(5)} == {200}
    status, lines = served.stop()
    assert (status, after_banner(lines)) == (0, [])


@modes
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_none_left_while_it_serves(serve: Serve, write: Write, arguments: tuple[str, ...], loop: str) -> None:
    """An app that has opened all of them keeps new clients out: one note says so, and then they come in again."""
    pytest.importorskip(loop)
    folder = write({"main.py": APP})
    served = serve("--loop", loop, *arguments, script=limited(folder, 100), env={"PYTHONUNBUFFERED": "1"})
    with httpx.Client(base_url=served.url, timeout=30) as client:
        assert client.get("/hold").text == "/hold"
        with httpx.Client(base_url=served.url, timeout=0.1) as others:
            for _ in range(5):  # with workers, the other one may answer
                with contextlib.suppress(httpx.TransportError):
                    assert others.get("/").text == "/"
        served.wait_for("new clients")
        assert client.get("/free").text == "/free"
        with httpx.Client(base_url=served.url, timeout=30) as others:
            assert others.get("/").text == "/"

    status, lines = served.stop()
    said = "note: new clients have to wait, or are turned away: Too many open files (`ulimit -n` is 100)"
    assert (status, after_banner(lines)) == (0, [said])


# It lets the process start so many threads, but not its children.
FEW_THREADS = """
import _thread, os, sys, threading
left = int(os.environ["PYTHON_THREADS_LEFT"])
start = threading._start_new_thread
def few(*arguments):
    global left
    if left == 0:
        raise RuntimeError("can't start new thread")
    left -= 1
    return start(*arguments)
if sys.orig_argv[1] != "-c":
    threading._start_new_thread = few
"""


@pytest.mark.parametrize("threads", [0, 3])
@modes
def test_few_threads(serve: Serve, write: Write, tmp_path: Path, arguments: tuple[str, ...], threads: int) -> None:
    """With too few threads it serves, or says so in two lines and ends with 3."""
    folder = write({"main.py": APP, "more/sitecustomize.py": FEW_THREADS})
    env = {"PYTHONPATH": str(tmp_path / "more"), "PYTHON_THREADS_LEFT": str(threads)}
    served = serve("main:app", *arguments, folder=folder, env=env)
    if served.wait_for(r"https?://\S+:\d+|^hint: ")[0].startswith("http"):
        assert httpx.get(f"{served.url}/x", timeout=20).text == "/x"
        served.send(signal.SIGTERM)
        assert served.end()[0] == 0
        return

    status, lines = served.end()
    limits = "`ulimit -u` and -v, TasksMax of systemd, --pids-limit and --memory of containers"
    said = ["error: the system allows no more processes, threads or memory", f"hint: raise its limits: {limits}"]
    assert (status, [line for line in lines if not line.startswith("note: ")]) == (3, said)

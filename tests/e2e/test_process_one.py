"""As process 1, as in a container without an init, and as a subreaper: the children of others are nobody's fault."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import ASGICTL, Write, linux

pytestmark = linux

# It leaves three processes to whoever reaps them, which end while it starts, and one that goes on.
APP = """
import contextlib, os, subprocess, time
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

@contextlib.asynccontextmanager
async def lifespan(app):
    subprocess.run(["sh", "-c", "(sleep 0.1; exit 7) & (exit 0) & (sleep 0.2; exit 3) & sleep 60 &"])
    time.sleep(0.5)
    yield
    print("shutdown", flush=True)

def own(request):
    return PlainTextResponse(str(subprocess.run(["sh", "-c", "exit 9"]).returncode))

def processes(request):
    answer = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
            answer.append(file.read())
    return PlainTextResponse("".join(answer))

app = Starlette(routes=[Route("/own", own), Route("/processes", processes)], lifespan=lifespan)
"""
MODES: dict[str, list[str]] = {"one process": [], "reload": ["--reload"], "workers": ["--workers", "2"]}

Start = Callable[..., "Running"]


class Running:
    """A command that runs, and what it prints."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._file = folder / "printed"
        with self._file.open("w") as file:
            self.process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=file, start_new_session=True)

    @property
    def printed(self) -> str:
        """Both streams."""
        return self._file.read_text()

    def wait_for(self, text: str) -> None:
        """Wait until something is printed."""
        deadline = time.monotonic() + 30
        while text not in self.printed:
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < deadline, self.printed
            time.sleep(0.02)

    @property
    def url(self) -> str:
        """Where it answers."""
        self.wait_for("Ready")
        return "http" + self.printed.partition("http")[2].split()[0]

    def child(self) -> int:
        """Return the one child of the command."""
        return children(self.process.pid)[0]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command."""
    started: list[Running] = []

    def run(*command: str) -> Running:
        started.append(Running(list(command), tmp_path))
        return started[-1]

    yield run
    for running in started:
        for pid in (running.process.pid, *descendants(running.process.pid)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        running.process.wait(20)


def children(pid: int) -> list[int]:
    """Return the children of the main thread of a process, the oldest first."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants(pid: int) -> Iterator[int]:
    """Yield all processes below one."""
    for task in Path("/proc", str(pid), "task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield from descendants(child)
            yield child


def zombies(url: str) -> list[str]:
    """Return the processes that have ended, and that nobody has taken away."""
    stats = httpx.get(f"{url}/processes", timeout=20).text.splitlines()
    return [stat for stat in stats if stat.rpartition(")")[2].split()[0] == "Z"]


def without_zombies(url: str) -> None:
    """Wait until there are none."""
    deadline = time.monotonic() + 20
    while zombies(url):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def said(running: Running) -> list[str]:
    """Return what is said beside the banner and the access log."""
    return [line for line in running.printed.splitlines() if line.startswith(("error: ", "note: ", "Traceback"))]


NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


@pytest.fixture
def process_one(start: Start, write: Write) -> Start:
    """Start `asgictl serve` as process 1 of a namespace of its own."""
    if subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs a namespace of its own")
    write({"main.py": APP})

    def run(*arguments: str) -> Running:
        return start(*NAMESPACE, str(ASGICTL), "serve", "main:app", "--port", "0", *arguments)

    return run


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda it: it.name)
@pytest.mark.parametrize("mode", MODES)
def test_as_process_one(process_one: Start, mode: str, number: signal.Signals) -> None:
    """The orphans of others are taken away, and blamed for nothing; the app's own processes are the app's."""
    running = process_one(*MODES[mode])

    assert httpx.get(f"{running.url}/own", timeout=20).text == "9"
    without_zombies(running.url)
    os.kill(running.child(), number)

    assert running.process.wait(20) == 0
    assert said(running) == []
    assert running.printed.count("shutdown\n") == (2 if mode == "workers" else 1)


def test_what_process_one_passes_on(process_one: Start) -> None:
    """A SIGHUP to process 1 replaces the workers."""
    running = process_one("--workers", "2")
    running.wait_for("Ready")

    os.kill(running.child(), signal.SIGHUP)

    running.wait_for("replaced 2 workers")


@pytest.mark.parametrize(("arguments", "status"), [(["--nosuch"], 2), (["--log-config", "nosuch.json"], 4)])
def test_the_status_of_process_one(process_one: Start, arguments: list[str], status: int) -> None:
    """Process 1 ends with the status of what it has run."""
    assert process_one(*arguments).process.wait(20) == status


def test_a_stop_from_the_terminal(process_one: Start) -> None:
    """A Ctrl-Z, after which nobody could have it go on, stops no server."""
    running = process_one("--workers", "2")
    url = running.url

    os.killpg(children(running.child())[0], signal.SIGTSTP)

    assert httpx.get(f"{url}/own", timeout=20).text == "9"
    os.kill(running.child(), signal.SIGTERM)
    assert running.process.wait(20) == 0


def test_a_closed_stdout(start: Start, process_one: Start) -> None:
    """Without a stdout, too, process 1 ends as the server does."""
    del process_one
    serve = ("sh", "-c", 'exec "$0" serve main:app --port 0 >&-', str(ASGICTL))
    running = start(*NAMESPACE, *serve)
    running.wait_for("Ready")

    os.kill(running.child(), signal.SIGTERM)

    assert running.process.wait(20) == 0
    assert said(running) == []


def test_a_server_that_is_killed(process_one: Start) -> None:
    """A server that a signal ends, as for lack of memory, is told as by a shell."""
    running = process_one()
    running.wait_for("Ready")

    os.kill(next(descendants(running.child())), signal.SIGKILL)

    assert running.process.wait(20) == 128 + signal.SIGKILL


DEAF = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"


def test_where_ends_are_ignored(start: Start, write: Write) -> None:
    """Started by a program that ignores the ends of its children, it hears of those of its own."""
    write({"main.py": APP})
    running = start(sys.executable, "-c", DEAF, str(ASGICTL), "serve", "main:app", "--port", "0", "--workers", "2")
    running.wait_for("Ready")

    os.kill(children(running.process.pid)[-1], signal.SIGKILL)

    running.wait_for("note: a worker ended (killed by SIGKILL) and is replaced")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(20) == 0


SUBREAPER = "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1); os.execv(sys.argv[1], sys.argv[1:])"


@pytest.mark.parametrize("mode", ["reload", "workers"])
def test_as_a_subreaper(start: Start, write: Write, mode: str) -> None:
    """Started by a program that reaps, which it does not know, it blames nobody for the ends of others."""
    assert ctypes.CDLL(None).prctl(37, ctypes.byref(ctypes.c_int())) == 0  # PR_GET_CHILD_SUBREAPER is there
    write({"main.py": APP})
    running = start(sys.executable, "-c", SUBREAPER, str(ASGICTL), "serve", "main:app", "--port", "0", *MODES[mode])
    running.wait_for("Ready")
    deadline = time.monotonic() + 20
    while any(stat_of(pid).startswith("Z") for pid in descendants(running.process.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    running.process.send_signal(signal.SIGTERM)

    assert running.process.wait(20) == 0
    assert said(running) == []


def stat_of(pid: int) -> str:
    """Return the state of a process; nothing when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].strip()
    except OSError:
        return ""

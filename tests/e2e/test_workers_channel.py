"""The line between the parent and its workers is theirs alone, whoever else knocks, and whatever is short."""

import contextlib
import os
import re
import resource
import signal
import subprocess
import sys
import time

import httpx
import pytest

from tests.conftest import Serve, Served, Write, linux
from tests.e2e import bare

pytestmark = linux

APP = "import os\n" + bare.BEGINNING + bare.answering("str(os.getpid()).encode()")
# Connects again and again, as another user where that can be, says what is no hello, and keeps what stays open.
KNOCKS = """
import contextlib, os, socket, sys
parent = sys.argv[1]
with open("/proc/net/unix") as file:
    address = next(line.split()[-1] for line in file if f"@asgictl-{parent}-" in line)
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
kept = []
for number in range(1000):
    with contextlib.suppress(OSError):
        one = socket.socket(socket.AF_UNIX)
        kept.append(one)
        one.settimeout(5)
        one.connect("\\0" + address[1:])
        for message in (b"[]", b"1", b'"x"', b"{", '{"event": "hello", "pid": 1, "token": "\\u00e9"}'.encode()):
            one.sendall(len(message).to_bytes(4) + message)
    del kept[:-200]
print("knocked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def served(serve: Serve, write: Write) -> Served:
    """Two workers, below a parent that can open few files."""
    made = serve("main:app", "--workers", "2", folder=write({"main.py": APP}))
    made.wait_for("Ready")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.prlimit(made.process.pid, resource.RLIMIT_NOFILE, (64, most))
    return made


def test_others_who_knock(served: Served) -> None:
    """A thousand connections of another user's change nothing: requests and restarts go on, in silence."""
    command = [sys.executable, "-c", KNOCKS, str(served.process.pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as knocking:
        assert knocking.stdout is not None
        answers = [int(httpx.get(served.url, timeout=20).text) for _ in range(50)]
        assert knocking.stdout.readline() == "knocked\n"
        os.kill(answers[0], signal.SIGKILL)
        served.wait_for(r"a worker ended \(killed by SIGKILL\) and is replaced")
        served.send(signal.SIGHUP)
        served.wait_for("replaced (1 worker|2 workers) in")
        assert httpx.get(served.url, timeout=20).status_code == 200
        knocking.communicate()
    served.send(signal.SIGTERM)

    status, lines = served.end()
    assert (status, [line for line in lines if line.startswith(("error", "Traceback", "  File", "Exception"))]) == (
        0,
        [],
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda it: it.name)
@pytest.mark.parametrize("mode", [["--workers", "2"], ["--reload"]], ids=["workers", "reload"])
def test_a_worker_that_somebody_ends(serve: Serve, write: Write, mode: list[str], number: signal.Signals) -> None:
    """A worker that is ended from elsewhere is told of, and another one takes its place."""
    served = serve("main:app", *mode, folder=write({"main.py": APP}))
    first = int(httpx.get(served.url).text)

    os.kill(first, number)

    served.wait_for(r"note: (a worker|the app's process) ended \(a signal from elsewhere\)")
    deadline = time.monotonic() + 20
    while answer_of(served) in (None, first):
        assert time.monotonic() < deadline


def answer_of(served: Served) -> int | None:
    """Return the process that answers; none while one takes the place of another."""
    with contextlib.suppress(httpx.TransportError):
        return int(httpx.get(served.url, timeout=20).text)
    return None


def test_a_worker_that_hangs(serve: Serve, write: Write) -> None:
    """A worker that the supervisor kills for not answering is told with the reason, and with what allows it longer."""
    hangs = "    ctypes.PyDLL(None).sleep(60)  # it holds the interpreter\n"
    folder = write({"main.py": f"import ctypes\n{bare.BEGINNING}{hangs}"})
    served = serve("main:app", "--workers", "2", "-X", "timeout_worker_healthcheck=5", folder=folder)

    with pytest.raises(httpx.TransportError):
        httpx.get(served.url, timeout=30)

    reason = "(killed because it did not answer for 5 s; `-X timeout_worker_healthcheck` sets the limit)"
    served.wait_for(rf"note: a worker ended {re.escape(reason)} and is replaced")

"""The supervisor's processes: who is heard, and what is said of their ends."""

import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import connection as connections
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

import pytest

from asgictl.serving.processes import workers
from asgictl.serving.processes.workers import Workers
from tests.conftest import linux

pytestmark = linux


class Process:
    """A child of this process as multiprocessing shows it."""

    def __init__(self, *command: str) -> None:
        self._popen = subprocess.Popen([sys.executable, "-S", "-c", *command], stdin=subprocess.PIPE)
        self.pid = self._popen.pid

    @property
    def exitcode(self) -> int | None:
        """The status, once it has ended."""
        return self._popen.poll()

    def end(self) -> None:
        """Have it end, if it reads its standard input."""
        self._popen.communicate()


class Heeder(list[Any]):
    """Who hears it all, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()

    def joined(self, pid: int) -> None:
        """A worker has made itself known."""
        self._add("joined", pid)

    def heed(self, pid: int, message: dict[str, Any]) -> None:
        """A worker says something."""
        self._add(message["event"], pid)

    def left(self, _pid: int) -> None:
        """A worker says nothing any more."""
        self._add("left", _pid)

    def ended(self, pid: int, how: str) -> None:
        """A process has ended."""
        self._add(f"ended{how}", pid)

    def _add(self, *event: Any) -> None:
        with self._changed:
            self.append(event)
            self._changed.notify_all()

    def wait_until(self, many: int) -> None:
        """Wait until so many things have happened."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self) >= many, timeout=20), list(self)

    def wait_for(self, *events: Any) -> None:
        """Wait until all of this has happened, and nothing else."""
        self.wait_until(len(events))
        assert list(self) == list(events)


Start = Callable[..., Process]


@pytest.fixture
def heard() -> Heeder:
    """What is heard."""
    return Heeder()


@pytest.fixture
def attended(heard: Heeder) -> Iterator[Workers]:
    """Workers that are attended to."""
    made = Workers(heard, patience=7)
    made.start()
    yield made
    made.close()
    with contextlib.suppress(OSError):
        Client(made.address).close()  # so that the thread that accepts ends


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a process that multiprocessing knows, until it has ended."""
    started: list[Process] = []
    monkeypatch.setattr(multiprocessing, "active_children", lambda: [it for it in started if it.exitcode is None])

    def made(*command: str) -> Process:
        started.append(Process(*command))
        return started[-1]

    yield made
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.end()


# A worker: it says what it reads, to its parent's socket.
SPEAKS = """
import json, os, socket, struct, sys
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
for line in sys.stdin.buffer:
    data = line.strip()
    sock.sendall(struct.pack("!i", len(data)) + data)
"""


def say(process: Process, **message: Any) -> None:
    """Have a worker say something."""
    assert process._popen.stdin is not None
    process._popen.stdin.write(json.dumps(message).encode() + b"\n")
    process._popen.stdin.flush()


def worker(start: Start, attended: Workers, **hello: Any) -> Process:
    """Return a worker that has said hello."""
    process = start(SPEAKS.replace("sys.argv[1]", repr(attended.address)))
    say(process, **{"event": "hello", "pid": process.pid, "token": attended.token, **hello})
    return process


def test_a_worker_that_ends(start: Start, attended: Workers, heard: Heeder) -> None:
    """A worker is heard from its first word to its last, and then it is said how it has ended."""
    one = worker(start, attended)
    say(one, event="ready")
    heard.wait_for(("joined", one.pid), ("ready", one.pid))
    assert attended.pids == [one.pid]

    one.end()

    heard.wait_for(("joined", one.pid), ("ready", one.pid), ("left", one.pid), ("ended with status 0", one.pid))
    assert attended.pids == []


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("raise SystemExit(7)", " with status 7"),
        ("import os; os.kill(os.getpid(), 9)", " (killed by SIGKILL)"),
        ("import os; os.kill(os.getpid(), 35)", " (killed by signal 35)"),
    ],
)
def test_one_that_ends_before_it_speaks(start: Start, attended: Workers, heard: Heeder, code: str, how: str) -> None:
    """A process that ends while Python starts is told of, once."""
    assert attended.pids == []
    process = start(f"import time; time.sleep(0.5); {code}")

    heard.wait_for((f"ended{how}", process.pid))


def test_ends_that_are_the_supervisors(start: Start, attended: Workers, heard: Heeder) -> None:
    """While the supervisor ends its processes, nobody else looks whether they have ended, and takes them away."""
    one = worker(start, attended)
    heard.wait_for(("joined", one.pid))
    attended.leave_ends()
    assert one._popen.stdin is not None
    one._popen.stdin.close()

    heard.wait_for(("joined", one.pid), ("left", one.pid))
    time.sleep(0.5)
    heard.wait_for(("joined", one.pid), ("left", one.pid))


def test_one_that_the_supervisor_kills(start: Start, attended: Workers, heard: Heeder) -> None:
    """A worker that this process itself has killed is told with the reason, and the option."""
    one = worker(start, attended)
    heard.wait_for(("joined", one.pid))

    os.kill(one.pid, signal.SIGKILL)

    how = " (killed because it did not answer for 7 s; `-X timeout_worker_healthcheck` sets the limit)"
    heard.wait_for(("joined", one.pid), ("left", one.pid), (f"ended{how}", one.pid))
    assert not attended.was_sent(one.pid, signal.SIGKILL)


def test_one_that_multiprocessing_does_not_know_yet(attended: Workers, heard: Heeder) -> None:
    """A worker that speaks before multiprocessing has taken note of it is heard: its parent was slow, not it."""
    process = Process(SPEAKS.replace("sys.argv[1]", repr(attended.address)))
    try:
        say(process, event="hello", pid=process.pid, token=attended.token)
        heard.wait_for(("joined", process.pid))
    finally:
        process.end()


def test_others_are_not_heard(start: Start, attended: Workers, heard: Heeder) -> None:
    """Another process is not heard, whatever it knows and says, and however often it comes."""
    strangers = [Client(attended.address) for _ in range(200)]
    for stranger in strangers:
        with contextlib.suppress(OSError):
            stranger.send_bytes(json.dumps({"event": "hello", "pid": 1, "token": attended.token}).encode())
        assert stranger.poll(20)
        with pytest.raises((EOFError, ConnectionError)):
            stranger.recv_bytes()
        stranger.close()

    one = worker(start, attended)
    heard.wait_for(("joined", one.pid))


@pytest.mark.parametrize("hello", [{"token": "é"}, {"token": None}, {"token": ""}, {"pid": "x"}, {"pid": None}])
def test_a_worker_that_makes_no_sense(start: Start, attended: Workers, heard: Heeder, hello: dict[str, Any]) -> None:
    """One of our processes that does not say who it is is not heard, and the others are."""
    odd = worker(start, attended, **hello)
    one = worker(start, attended)
    heard.wait_for(("joined", one.pid))
    odd.end()

    heard.wait_for(("joined", one.pid), ("ended with status 0", odd.pid))


def test_a_message_that_makes_no_sense(start: Start, attended: Workers, heard: Heeder) -> None:
    """A worker that says nonsense is not heard any more."""
    one = worker(start, attended)
    say(one, nonsense=1)

    heard.wait_for(("joined", one.pid), ("left", one.pid))


def test_strangers_that_end(start: Start, attended: Workers, heard: Heeder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that is no worker, as process 1 has them, is taken away; no worker is taken for it, or missed."""
    monkeypatch.setattr(workers, "_STRANGE", 0.2)
    stranger = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", "raise SystemExit(7)"], {})
    one = worker(start, attended)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{stranger}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)

    one.end()
    heard.wait_for(("joined", one.pid), ("left", one.pid), ("ended with status 0", one.pid))


def test_a_shortage(start: Start, attended: Workers, heard: Heeder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shortage of descriptors, threads or memory ends nothing."""
    fails = [MemoryError(), RuntimeError("can't start new thread"), OSError(24, "Too many open files")]
    refuses = [OSError(24, "Too many open files"), EOFError(), MemoryError()]
    accept, wait = attended._listener.accept, connections.wait

    def accepts() -> Connection:
        if refuses:
            raise refuses.pop()
        return accept()

    def waits(*arguments: Any) -> list[Any]:
        if fails:
            raise fails.pop()
        return wait(*arguments)

    monkeypatch.setattr(workers, "_SHORTAGE", 0.01)
    monkeypatch.setattr(attended._listener, "accept", accepts)
    monkeypatch.setattr(connections, "wait", waits)

    for number in range(3):
        one = worker(start, attended)
        heard.wait_until(number + 1)
        assert heard[-1] == ("joined", one.pid)
    assert (fails, refuses) == ([], [])

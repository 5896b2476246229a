"""The parent's side of workers: who is ready, who failed, and that all of them end."""

import contextlib
import dataclasses
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Client
from types import SimpleNamespace
from typing import Any

import pytest

from asgictl.errors import AppLoadError, AsgictlError, StartError
from asgictl.failure import Failure
from asgictl.serving.events import Hooks
from asgictl.serving.processes import exits, pool, sighup, stopping
from asgictl.serving.processes.pool import Pool
from tests.conftest import linux
from tests.serving.app.runtime.doubles import Ended

pytestmark = linux

FAILURE = Failure("E", "no database", "a traceback", "a stack")


class Said(list[str]):
    """What the launch and its reporter hear, in order."""

    def ready(self, kind: str | None, docs: str | None) -> None:
        """The app answers."""
        self.append(f"ready: {kind} {docs}")

    def note(self, text: str) -> None:
        """Something that users should know has happened."""
        self.append(f"note: {text}")

    def problem(self, error: AsgictlError) -> None:
        """The server ends."""
        self.append(f"problem: {error.message}")


class Team(Pool):
    """A pool that takes note of what its workers do."""

    said: Said
    failures: list[AppLoadError]

    def _heed_failure(self, error: AppLoadError) -> None:
        self.failures.append(error)

    def _heed_death(self, pid: int, how: str) -> None:
        self.said.append(f"died: {pid}{how}")

    def _heed_worn(self, pid: int) -> None:
        self.said.append(f"worn: {pid}")


Later = list[tuple[float, Callable[[], object]]]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """What the pool wants to do later, with the seconds; nothing of it happens."""
    planned: Later = []
    monkeypatch.setattr(stopping, "later", lambda seconds, call: planned.append((seconds, call)))
    return planned


@pytest.fixture
def team(monkeypatch: pytest.MonkeyPatch, later: Later) -> Iterator[Team]:
    """A pool of two, with eight seconds of grace, that listens for its workers."""
    assert later == []
    said = Said()

    def end(status: int) -> None:
        said.append(f"end: {status}")
        raise Ended

    monkeypatch.setattr(sighup, "watch", lambda *_: False)
    monkeypatch.setattr(stopping, "request", lambda: said.append("request"))
    monkeypatch.setattr(exits, "end", end)
    reporter: Any = said
    hooks = Hooks(
        ready=said.ready,
        stopping=lambda: said.append("stopping"),
        refuse=lambda: said.append("refuse"),
        notifier=reporter,
        reporter=reporter,
        terminal=reporter,
    )
    made = Team(size=2, grace=8.0, hooks=hooks)
    made.said, made.failures = said, []
    others = set(threading.enumerate())
    made._thread(made._accept)
    yield made
    made._closed = True
    accepting = [it for it in threading.enumerate() if it not in others and it.name == "asgictl_accept"]
    with contextlib.suppress(ConnectionRefusedError):
        for _ in accepting:  # each gets a connection, and ends
            Client(made.address).close()
    made._listener.close()


class Worker:
    """The worker's end of the line to its parent."""

    def __init__(self, team: Team, pid: int, **hello: Any) -> None:
        self._team = team
        self.pid = pid
        self._connection = Client(team.address)
        self.say("hello", **{"token": team.token, **hello})

    def say(self, event: str, **fields: Any) -> None:
        """Send a message."""
        self._connection.send_bytes(json.dumps({"event": event, "pid": self.pid, **fields}).encode())

    def ready(self) -> None:
        """Say that the app answers."""
        self.say("ready", app="ASGI", docs="/docs")
        self.seen(lambda: self.pid in self._team.serving)

    def told(self) -> dict[str, Any]:
        """Return the next message of the parent's."""
        assert self._connection.poll(20)
        message: dict[str, Any] = json.loads(self._connection.recv_bytes())
        return message

    def leave(self) -> None:
        """End."""
        self._connection.close()
        self.seen(lambda: self.pid not in self._team._workers)

    def seen(self, condition: Callable[[], bool]) -> None:
        """Wait until the parent has seen something."""
        with self._team.changed:
            assert self._team.changed.wait_for(condition, timeout=20)


def joined(team: Team, *pids: int) -> list[Worker]:
    """Return workers that the parent knows."""
    workers = [Worker(team, pid) for pid in pids]
    for worker in workers:
        worker.say("note", text=f"from {worker.pid}")
        worker.seen(lambda: f"note: from {worker.pid}" in team.said)  # noqa: B023  # called here
    del team.said[:]
    team._notes.clear()
    return workers


# Numbers that no process can have (PID_MAX_LIMIT of Linux is 4,194,304).
ONE, TWO, THREE = 5_000_001, 5_000_002, 5_000_003


def test_ready_when_all_are(team: Team) -> None:
    """The app is ready when as many workers as wanted are, once, and not again for one that takes over."""
    one, two, three = joined(team, ONE, TWO, THREE)

    assert not team.answered
    one.ready()
    assert (team.said, team.ready, team.answered) == ([], False, True)
    two.ready()
    assert (team.said, team.ready, team.serving) == (["ready: ASGI /docs"], True, {ONE, TWO})
    three.ready()
    assert team.said == ["ready: ASGI /docs"]
    one.leave()
    assert team.serving == {TWO, THREE}
    assert team.said == ["ready: ASGI /docs", f"died: {ONE}"]


def test_ready_comes_too_late(team: Team) -> None:
    """A worker that is ready when the stop has begun makes nobody announce anything."""
    one, two = joined(team, ONE, TWO)
    one.ready()
    team._hear(signal.SIGTERM)
    two.ready()

    assert (team.said, team.ready, team.answered) == (["stopping"], False, True)


def test_strangers(team: Team) -> None:
    """Who does not know the token is not heard, whatever it is, and neither is one that says nothing."""
    for token in ("wrong", None, 5, ""):
        stranger = Worker(team, THREE, token=token)
        with pytest.raises(EOFError):
            stranger._connection.recv_bytes()
    silent = Client(team.address)
    silent.close()
    unnamed = Client(team.address)
    unnamed.send_bytes(b'{"event": "hello"}')
    with pytest.raises(EOFError):
        unnamed.recv_bytes()
    (one,) = joined(team, ONE)
    one.ready()

    assert (team.serving, team.said) == ({ONE}, [])


def test_notes_are_said_once(team: Team) -> None:
    """What each worker notes is said once, until one is ready again; nothing more after the end was told."""
    one, two = joined(team, ONE, TWO)

    for worker in (one, two):
        worker.say("note", text="slow")
    two.say("note", text="other")
    two.seen(lambda: "note: other" in team.said)
    one.say("worn")
    one.seen(lambda: f"worn: {ONE}" in team.said)
    assert team.said == ["note: slow", "note: other", f"worn: {ONE}"]
    one.ready()
    one.say("note", text="slow")
    one.seen(lambda: team.said.count("note: slow") == 2)
    team.error = StartError("no")
    one.say("note", text="late")
    one.ready()
    one.say("worn")
    one.seen(lambda: team.said.count(f"worn: {ONE}") == 2)
    assert "note: late" not in team.said


@pytest.mark.parametrize("excuses", [True, False])
def test_a_failure(team: Team, monkeypatch: pytest.MonkeyPatch, excuses: bool) -> None:
    """A worker's failure comes with message, hint and stack; its end after that is no other failure, if it ends."""
    assert Pool.excuses_failures
    monkeypatch.setattr(team, "excuses_failures", excuses)
    (one,) = joined(team, ONE)

    one.say("failed", message="no database", hint="start it", failure=dataclasses.asdict(FAILURE))
    one.seen(lambda: len(team.failures) == 1)

    (error,) = team.failures
    assert (error.message, error.hint, error.failure) == ("no database", "start it", FAILURE)
    assert (ONE in team._excused) is excuses
    team._hear(signal.SIGTERM)
    one.say("failed", message="late", hint=None, failure={})
    one.say("stopped")
    one.seen(lambda: ONE in team._excused)
    assert len(team.failures) == 1


def test_an_end_that_was_announced(team: Team) -> None:
    """A worker that says it stops is excused, and its number may be used again."""
    (one,) = joined(team, ONE)
    one.ready()
    one.say("stopped")
    one.seen(lambda: team._excused == {ONE})
    one.say("closed")
    one.seen(lambda: team._closed_doors == {ONE})

    one.leave()

    assert (team._ready, team._excused, team._closed_doors) == (set(), set(), set())
    assert team.said == [f"died: {ONE}"]


def test_a_stop(team: Team, later: Later) -> None:
    """A signal has each worker stop within the grace, also one that comes later; the socket closes with the last."""
    one, two = joined(team, ONE, TWO)
    team.answered = True

    team._hear(signal.SIGTERM)

    assert (team.stopped_by, team.stopping, team.said) == (signal.SIGTERM, True, ["stopping"])
    late = Worker(team, THREE)
    assert [worker.told() for worker in (one, two, late)] == [{"event": "stop", "grace": 8.0}] * 3
    assert [(seconds, call) for seconds, call in later[1:]] == [(10.5, team._give_up)]
    assert later[0][0] == 0.5
    later[0][1]()
    assert team.said == ["stopping", "refuse"]
    for worker in (one, two):
        worker.say("closed")
        worker.seen(lambda: worker.pid in team._closed_doors)  # noqa: B023  # called here
    assert team.said == ["stopping", "refuse"]
    late.say("closed")
    late.seen(lambda: team.said == ["stopping", "refuse", "refuse"])
    for worker in (one, two, late):
        worker.leave()
    assert not any(line.startswith("died") for line in team.said)
    team._hear(signal.SIGTERM)
    assert team.said.count("stopping") == 1


def test_the_socket_closes_with_the_last_worker(team: Team) -> None:
    """A worker that ends without a word does not keep the socket open."""
    one, two = joined(team, ONE, TWO)
    one.say("closed")
    one.seen(lambda: ONE in team._closed_doors)
    assert team.said == []
    team._hear(signal.SIGINT)

    two.leave()

    two.seen(lambda: team.said == ["stopping", "refuse"])


def test_a_second_ctrl_c(team: Team) -> None:
    """A second Ctrl-C ends everything with 130; a SIGTERM after one, or a Ctrl-C alone, does not."""
    team._hear(signal.SIGINT)
    team._hear(signal.SIGTERM)
    assert (team.said, team._forced) == (["stopping"], False)

    with pytest.raises(Ended):
        team._hear(signal.SIGINT)

    assert (team.said, team._forced) == (["stopping", "end: 130"], True)
    assert team.stopped_by is signal.SIGINT


def test_signals_that_mean_nothing(team: Team) -> None:
    """A hangup and other signals are no reason to stop."""
    for number in (signal.SIGHUP, signal.SIGCHLD, signal.SIGTTIN):
        team._hear(number)

    assert (team.stopping, team.said) == (False, [])


def test_it_cannot_go_on(team: Team, later: Later) -> None:
    """A pool that cannot go on gives its workers a second, and has the supervisor end; once."""
    (one,) = joined(team, ONE)

    team.fail(StartError("no database"))

    assert team.said == ["stopping", "request"]
    assert one.told() == {"event": "stop", "grace": 1.0}
    assert [seconds for seconds, _ in later] == [0, 3.5]  # nobody is served: the port is free at once
    team._hear(signal.SIGTERM)  # its own
    assert (team.stopped_by, team.stopping) == (None, True)
    team._hear(signal.SIGTERM)
    assert (team.stopped_by, team.said.count("stopping")) == (signal.SIGTERM, 1)


def test_a_signal_that_is_not_its_own(team: Team) -> None:
    """While the pool waits for its own SIGTERM, a Ctrl-C is the user's."""
    team.fail(StartError("no database"))

    team._hear(signal.SIGINT)

    assert team.stopped_by is signal.SIGINT


@pytest.mark.parametrize(
    ("ready", "error", "said"),
    [
        (True, None, ["note: stopped after 0.25 s and killed the workers that were left", "end: 0"]),
        (False, None, ["note: stopped after 0.25 s and killed the workers that were left", "end: 3"]),
        (True, StartError("no"), ["problem: no", "end: 3"]),
    ],
)
def test_a_worker_that_outlives_its_limit(
    team: Team, monkeypatch: pytest.MonkeyPatch, ready: bool, error: AsgictlError | None, said: list[str]
) -> None:
    """Workers that do not end are killed, and it is said why; the status is what it would have been."""
    killed: list[int] = []
    children = [SimpleNamespace(kill=lambda number=number: killed.append(number)) for number in (1, 2)]
    monkeypatch.setattr(multiprocessing, "active_children", lambda: children)
    team.answered, team.error, team.grace = ready, error, 0.25

    with pytest.raises(Ended):
        team._give_up()

    assert (team.said, killed, team._forced) == (said, [1, 2], True)


def test_a_worker_that_has_gone_is_told_nothing(team: Team) -> None:
    """To tell something to a worker that has gone does no harm."""
    (one,) = joined(team, ONE)
    team.tell_drain(ONE)
    assert one.told() == {"event": "drain"}
    one.leave()

    team.tell_drain(ONE)
    team.tell_stop(TWO)


@pytest.mark.parametrize(
    ("code", "how"),
    [("raise SystemExit(7)", " with status 7"), ("import os; os.kill(os.getpid(), 9)", ", killed by SIGKILL")],
)
def test_how_a_worker_ended(team: Team, code: str, how: str) -> None:
    """What is said of a worker that has died is how, and its status is left to the supervisor."""
    process = subprocess.Popen([sys.executable, "-S", "-c", code])
    (one,) = joined(team, process.pid)
    one.ready()

    one.leave()

    assert team.said == [f"died: {process.pid}{how}"]
    assert process.wait(20) in (7, -9)
    assert pool._how_it_ended(process.pid) == ""


def test_a_worker_that_dies_before_it_speaks(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends while Python starts is noticed, once, and not while everything stops."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "raise SystemExit(5)"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    rounds: list[float] = []

    def sleep(seconds: float) -> None:
        rounds.append(seconds)
        team._closed = len(rounds) == 3

    monkeypatch.setattr(pool, "time", SimpleNamespace(sleep=sleep))

    team._watch_births()

    assert team.said == [f"died: {process.pid} with status 5"]
    assert rounds == [0.3] * 3
    del rounds[:], team.said[:]
    team._met.clear()
    team._closed, team.error = False, StartError("no")
    team._watch_births()
    assert team.said == []
    process.wait(20)
    del rounds[:]
    team._closed, team.error = False, None
    team._watch_births()  # with no children at all, or others that live
    assert team.said == []


def test_a_hangup(team: Team) -> None:
    """A hangup stops a pool that does not know better, unless nohup has it ignored."""
    team.hangup()
    assert team.said == ["request"]
    team._nohup = True
    team.hangup()
    assert team.said == ["request"]


def test_the_address_leaves_no_file(team: Team) -> None:
    """The line to the parent has no file on Linux, and each launch has another one, and another token."""
    assert team.address.startswith(f"\0asgictl-{os.getpid()}-")
    assert pool._address() != pool._address()
    assert len(team.token) == 32


def blocked() -> set[int]:
    """Return the signals that wait."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


@pytest.mark.usefixtures("signals")
def test_watching(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """While workers run, the signals wait in them, and are heard here; afterwards they do no harm any more."""
    monkeypatch.setattr(resource_tracker, "ensure_running", lambda: None)  # no process for shared memory
    closed: list[str] = []
    close = team._listener.close
    team._listener.close = lambda: closed.append("closed")  # type: ignore[method-assign]
    with team.watched():
        assert {*stopping.SIGNALS, signal.SIGHUP} <= blocked()
        with pytest.raises(stopping.Stopped) as caught:
            _stop_and_wait()
        assert caught.value.args == (signal.SIGTERM,)
        with team.changed:
            assert team.changed.wait_for(lambda: team.stopped_by is not None, timeout=20)
    team._listener.close = close  # type: ignore[method-assign]

    assert (team.stopped_by, team.said) == (signal.SIGTERM, ["stopping"])
    assert not blocked() & {*stopping.SIGNALS, signal.SIGHUP}
    assert [signal.getsignal(number) for number in stopping.SIGNALS] == [signal.SIG_IGN] * 2
    assert (team._closed, closed) == (True, ["closed"])


def _stop_and_wait() -> None:
    """Send this process a SIGTERM, which comes to a thread that does not hold it back, and wait for it."""
    os.kill(os.getpid(), signal.SIGTERM)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        time.sleep(0.01)
    pytest.fail("the signal never came")

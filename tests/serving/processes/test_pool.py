"""The parent's side of workers: who is ready, who failed, and that all of them end."""

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing import resource_tracker
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from asgictl.errors import AppLoadError, AsgictlError, StartError
from asgictl.failure import Failure
from asgictl.serving.events import Hooks
from asgictl.serving.processes import exits, pool, sighup, stopping
from asgictl.serving.processes.pool import Pool
from tests.conftest import linux
from tests.serving.app.runtime.doubles import Ended
from tests.serving.processes import doubles

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
    workers: doubles.Workers  # type: ignore[assignment]  # stands in for it

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
def team(monkeypatch: pytest.MonkeyPatch, later: Later) -> Team:
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
    monkeypatch.setattr(pool, "Workers", doubles.Workers)
    made = Team(size=2, grace=8.0, hooks=hooks)
    made.said, made.failures = said, []
    return made


class Worker:
    """A worker, as its parent sees it."""

    def __init__(self, team: Team, pid: int) -> None:
        self._team = team
        self.pid = pid
        team.workers.pids.append(pid)
        team.joined(pid)

    def say(self, event: str, **fields: Any) -> None:
        """Say something."""
        self._team.heed(self.pid, {"event": event, "pid": self.pid, **fields})

    def ready(self) -> None:
        """Say that the app answers."""
        self.say("ready", app="ASGI", docs="/docs")

    def told(self) -> list[dict[str, Any]]:
        """Return what the parent has said."""
        return [message for pid, message in self._team.workers.told if pid == self.pid]

    def leave(self, how: str = " with status 0") -> None:
        """End."""
        self._team.workers.pids.remove(self.pid)
        self._team.left(self.pid)
        self._team.ended(self.pid, how)


def joined(team: Team, *pids: int) -> list[Worker]:
    """Return workers that the parent knows."""
    return [Worker(team, pid) for pid in pids]


def test_the_supervisors_patience() -> None:
    """What is said of a worker that hangs is what uvicorn's supervisor gives it unless told otherwise."""
    assert uvicorn.Config("", log_config=None).timeout_worker_healthcheck == pool.PATIENCE


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
    assert team.said == ["ready: ASGI /docs", f"died: {ONE} with status 0"]


def test_ready_comes_too_late(team: Team) -> None:
    """A worker that is ready when the stop has begun makes nobody announce anything."""
    one, two = joined(team, ONE, TWO)
    one.ready()
    team._hear(signal.SIGTERM)
    two.ready()

    assert (team.said, team.ready, team.answered) == (["stopping"], False, True)


def test_notes_are_said_once(team: Team) -> None:
    """What each worker notes is said once, until one is ready again; nothing more after the end was told."""
    one, two = joined(team, ONE, TWO)

    for worker in (one, two):
        worker.say("note", text="slow")
    two.say("note", text="other")
    one.say("worn")
    assert team.said == ["note: slow", "note: other", f"worn: {ONE}"]
    one.ready()
    one.say("note", text="slow")
    team.error = StartError("no")
    one.say("note", text="late")
    one.ready()
    one.say("worn")
    assert "note: late" not in team.said


@pytest.mark.parametrize("excuses", [True, False])
def test_a_failure(team: Team, monkeypatch: pytest.MonkeyPatch, excuses: bool) -> None:
    """A worker's failure comes with message, hint and stack; its end after that is no other failure, if it ends."""
    assert Pool.excuses_failures
    monkeypatch.setattr(team, "excuses_failures", excuses)
    (one,) = joined(team, ONE)

    one.say("failed", message="no database", hint="start it", failure=dataclasses.asdict(FAILURE))

    (error,) = team.failures
    assert (error.message, error.hint, error.failure) == ("no database", "start it", FAILURE)
    assert (ONE in team._excused) is excuses
    team._hear(signal.SIGTERM)
    one.say("failed", message="late", hint=None, failure={})
    one.say("stopped")
    assert len(team.failures) == 1


def test_an_end_that_was_announced(team: Team) -> None:
    """A worker that was told to stop and says that it does is excused, and its number may be used again."""
    one, two = joined(team, ONE, TWO)
    team.tell_stop(ONE)
    team.workers.sent.add((TWO, signal.SIGTERM))
    for worker in (one, two):
        worker.ready()
        worker.say("stopped")
        worker.say("closed")
    assert team._excused == {ONE, TWO}

    one.leave()
    two.leave()

    assert (team._ready, team._excused, team._closed_doors, team._asked) == (set(), set(), set(), set())
    assert team.said == ["ready: ASGI /docs", f"died: {ONE} with status 0", f"died: {TWO} with status 0"]


def test_an_end_that_nobody_here_wanted(team: Team) -> None:
    """A worker that somebody else tells to stop is not excused, unless everything stops."""
    one, two = joined(team, ONE, TWO)
    for worker in (one, two):
        worker.say("stopped")

    one.leave()
    team._hear(signal.SIGINT)
    two.leave()

    assert team.said == [f"died: {ONE} (a signal from elsewhere)", "stopping", "refuse", "refuse"]
    assert (team._excused, team._signalled) == (set(), set())


def test_a_ctrl_c_that_is_heard_late(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that hears a Ctrl-C before its parent does is not told of: nobody else has ended it."""
    monkeypatch.setattr(pool, "_LATE", 20)
    one, _ = joined(team, ONE, TWO)
    one.say("stopped")
    leaving = threading.Thread(target=one.leave)
    leaving.start()

    team._hear(signal.SIGINT)

    leaving.join(20)
    assert not leaving.is_alive()
    assert not any(line.startswith("died") for line in team.said)


@pytest.mark.parametrize("case", ["all have ended", "one runs", "none could answer", "it has failed", "it is over"])
def test_the_supervisor_waits_for_nobody(team: Team, later: Later, case: str) -> None:
    """When all workers have ended, and could answer, the end does not wait until the supervisor has noticed."""
    one, two = joined(team, ONE, TWO)
    team.answered = case != "none could answer"
    team._hear(signal.SIGTERM)
    del later[:]
    one.leave()
    if case != "one runs":
        two.leave()
    team._is_over = case == "it is over"
    team.error = StartError("no luck") if case == "it has failed" else None
    (seconds, call), *_ = later

    with pytest.raises(Ended) if case == "all have ended" else contextlib.nullcontext():
        call()

    assert seconds == 0.7
    assert [line for line in team.said if line.startswith("end")] == (["end: 0"] if case == "all have ended" else [])


def test_a_stop(team: Team, later: Later) -> None:
    """A signal has each worker stop within the grace, also one that comes later; the socket closes with the last."""
    one, two = joined(team, ONE, TWO)
    team.answered = True

    team._hear(signal.SIGTERM)

    assert (team.stopped_by, team.stopping, team.said) == (signal.SIGTERM, True, ["stopping"])
    late = Worker(team, THREE)
    assert [worker.told() for worker in (one, two, late)] == [[{"event": "stop", "grace": 8.0}]] * 3
    assert [(seconds, call) for seconds, call in later[1:]] == [(10.5, team._give_up)]
    assert later[0][0] == 0.5
    later[0][1]()
    assert team.said == ["stopping", "refuse"]
    for worker in (one, two):
        worker.say("closed")
    assert team.said == ["stopping", "refuse"]
    late.say("closed")
    for worker in (one, two, late):
        worker.leave()
    assert not any(line.startswith("died") for line in team.said)
    team._hear(signal.SIGTERM)
    assert team.said.count("stopping") == 1


def test_the_socket_closes_with_the_last_worker(team: Team) -> None:
    """A worker that ends without a word does not keep the socket open."""
    one, two = joined(team, ONE, TWO)
    one.say("closed")
    assert team.said == []
    team._hear(signal.SIGINT)

    two.leave()


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
    assert one.told() == [{"event": "stop", "grace": 1.0}]
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
    assert one.told() == [{"event": "drain"}]
    one.leave()

    team.tell_drain(ONE)
    team.tell_stop(TWO)


def test_a_hangup(team: Team) -> None:
    """A hangup stops a pool that does not know better, unless nohup has it ignored."""
    team.hangup()
    assert team.said == ["request"]
    team._nohup = True
    team.hangup()
    assert team.said == ["request"]


def blocked() -> set[int]:
    """Return the signals that wait."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


@pytest.mark.usefixtures("signals")
def test_watching(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """While workers run, the signals wait in them, and are heard here; afterwards they do no harm any more."""
    monkeypatch.setattr(resource_tracker, "ensure_running", lambda: None)  # no process for shared memory
    with team.watched():
        assert {*stopping.SIGNALS, signal.SIGHUP} <= blocked()
        with pytest.raises(stopping.Stopped) as caught:
            _stop_and_wait()
        assert caught.value.args == (signal.SIGTERM,)
        with team.changed:
            assert team.changed.wait_for(lambda: team.stopped_by is not None, timeout=20)

    assert (team.stopped_by, team.said) == (signal.SIGTERM, ["stopping"])
    assert not blocked() & {*stopping.SIGNALS, signal.SIGHUP}
    assert [signal.getsignal(number) for number in stopping.SIGNALS] == [signal.SIG_IGN] * 2
    assert team.workers.acts == ["start", "leave ends", "close"]


def _stop_and_wait() -> None:
    """Send this process a SIGTERM, which comes to a thread that does not hold it back, and wait for it."""
    os.kill(os.getpid(), signal.SIGTERM)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        time.sleep(0.01)
    pytest.fail("the signal never came")

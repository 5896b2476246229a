"""The rolling restart of workers, with a supervisor and workers that are none."""

import signal
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from asgictl.errors import AppLoadError, AsgictlError, StartError
from asgictl.serving.events import Hooks
from asgictl.serving.processes import pool, rolling, sighup, stopping
from asgictl.serving.processes.rolling import RollingPool
from tests.conftest import linux
from tests.serving.processes import doubles

pytestmark = linux


class Said(list[str]):
    """What systemd and the users hear."""

    def reloading(self) -> None:
        """The service replaces what it runs."""
        self.append("reloading")

    def ready(self, *_: object) -> None:
        """The service answers."""
        self.append("ready")

    def note(self, text: str) -> None:
        """Something has happened."""
        self.append(f"note: {text}")

    def problem(self, error: AsgictlError) -> None:
        """The server ends."""
        self.append(f"problem: {error.message}")


class Team(RollingPool):
    """Workers 1 and 2, which serve, and the supervisor that starts others in their place."""

    said: Said
    workers: doubles.Workers  # type: ignore[assignment]  # stands in for it
    acts: list[str]
    places: list[int]
    newest = 0
    broken = False
    obeys = True

    def add(self, place: int | None = None) -> None:
        """Start a worker as the supervisor does: as its last, or in the place of another."""
        with self.changed:
            number = self.newest = self.newest + 1
            self.places.insert(len(self.places) if place is None else place, number)
            if self.broken:
                self._heed_failure(AppLoadError("no luck"))
            else:
                self.workers.pids.append(number)
                self._ready.add(number)
            self.changed.notify_all()

    def remove(self, number: int) -> int:
        """Have a worker end; return the place that it had."""
        with self.changed:
            place = self.places.index(number)
            self.places.remove(number)
            self.workers.pids = [one for one in self.workers.pids if one != number]
            self._ready.discard(number)
            self.changed.notify_all()
        return place

    def tell_stop(self, pid: int) -> None:
        """End a worker, which is replaced."""
        self.acts.append(f"stop {pid}")
        self.add(self.remove(pid))

    def tell_drain(self, pid: int) -> None:
        """Have a worker send its clients elsewhere."""
        self.acts.append(f"drain {pid}")


def within_limits(team: Team, act: Callable[[], None]) -> None:
    """Do something that waits for workers, but not for ever."""
    thread = threading.Thread(target=act)
    thread.start()
    thread.join(20)
    if thread.is_alive():
        with team.changed:
            team.error = StartError("it waits for ever")
            team.changed.notify_all()
        pytest.fail("it waits for ever")


@pytest.fixture
def team(monkeypatch: pytest.MonkeyPatch) -> Team:
    """A team that serves."""
    said = Said()
    reporter: Any = said
    monkeypatch.setattr(sighup, "watch", lambda *_: False)
    monkeypatch.setattr(pool, "Workers", doubles.Workers)
    monkeypatch.setattr(stopping, "request", lambda: said.append("request"))
    monkeypatch.setattr(stopping, "later", lambda *_: None)
    hooks = Hooks(lambda *_: None, lambda: None, lambda: None, reporter, reporter, terminal=reporter)
    made = Team(size=2, grace=8.0, hooks=hooks)
    made.said, made.acts, made.places, made.ready = said, [], [], True
    made.add()
    made.add()

    def send(number: signal.Signals) -> None:
        made.acts.append(number.name)
        if number is signal.SIGTTIN:
            made.add()
        elif made.obeys:
            made.remove(made.places[-1])

    clock = iter((100.0, 103.5))
    sleep = SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda it: made.acts.append(f"{it} s"))
    monkeypatch.setattr(rolling, "_send", send)
    monkeypatch.setattr(rolling, "time", sleep)
    return made


def test_all_are_replaced(team: Team) -> None:
    """A hangup replaces one after the other, with one more meanwhile, and says how long that took."""
    within_limits(team, team.hangup)

    assert team.said == [
        "reloading",
        "note: SIGHUP: replacing the workers one by one",
        "note: replaced 2 workers in 3.5 s",
        "ready",
    ]
    assert team.acts[:7] == ["SIGTTIN", "drain 1", "0.5 s", "stop 1", "drain 2", "0.5 s", "stop 2"]
    assert team.acts[7:] == ["drain 3", "0.5 s", "SIGTTOU"]
    assert team.places == [4, 5]


def test_a_new_one_cannot_start(team: Team) -> None:
    """When a new worker cannot start the old ones go on, and that is said."""
    team.broken = True
    within_limits(team, team.hangup)

    assert team.said == [
        "reloading",
        "note: SIGHUP: replacing the workers one by one",
        "note: a new worker cannot start: no luck",
        "note: the old workers go on",
        "ready",
    ]
    assert (team.acts, team.serving) == (["SIGTTIN", "SIGTTOU"], {1, 2})


@pytest.mark.parametrize("broken", [False, True])
def test_a_hangup_while_one_is_replaced(team: Team, monkeypatch: pytest.MonkeyPatch, *, broken: bool) -> None:
    """A worker that takes the place of one that has died is waited for, and replaced with the others."""
    real = team.changed.wait_for
    coming = [0]

    def wait_for(condition: Any, timeout: float | None = None) -> bool:
        if coming:
            team.add(coming.pop())
        return bool(real(condition, timeout=timeout))

    monkeypatch.setattr(team.changed, "wait_for", wait_for)
    team.remove(1)
    team.broken = broken

    within_limits(team, team.hangup)

    if broken:
        assert (team.said[-2:], team.acts) == (["note: the old workers go on", "ready"], ["SIGTTIN", "SIGTTOU"])
    else:
        assert team.said[-2:] == ["note: replaced 2 workers in 3.5 s", "ready"]
        assert [act for act in team.acts if act.startswith("stop")] == ["stop 2", "stop 3"]


def test_the_second_cannot_start(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a later one cannot start, those that are left are not touched."""
    stop = team.tell_stop

    def stops_and_breaks(pid: int) -> None:
        team.broken = True
        stop(pid)

    monkeypatch.setattr(team, "tell_stop", stops_and_breaks)

    within_limits(team, team.hangup)

    assert team.acts[:4] == ["SIGTTIN", "drain 1", "0.5 s", "stop 1"]
    assert "stop 2" not in team.acts
    assert team.said[-2:] == ["note: the old workers go on", "ready"]


def test_the_supervisor_takes_another_away(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the supervisor takes another worker away than the one that was added, that one is replaced."""
    waited: list[float | None] = []
    real = team.changed.wait_for

    def wait_for(condition: Any, timeout: float | None = None) -> bool:
        waited.append(timeout)
        return bool(real(condition, timeout=None if timeout is None else 0))

    monkeypatch.setattr(team.changed, "wait_for", wait_for)
    team.obeys = False

    within_limits(team, lambda: rolling._take_away(team, 2))

    assert team.acts == ["drain 2", "0.5 s", "SIGTTOU", "stop 2"]
    assert waited == [18.0]


def test_nobody_was_added(team: Team) -> None:
    """Where nobody was added the supervisor is told to go back to the number it had."""
    rolling._take_away(team, 0)

    assert team.acts == ["SIGTTOU"]


def test_a_hangup_before_the_start(team: Team) -> None:
    """A hangup before the app was ready replaces nothing, and says so."""
    team.ready = False
    within_limits(team, team.hangup)

    assert (team.said, team.acts) == (
        ["note: SIGHUP came before the app was ready: there is nothing to replace"],
        [],
    )


def test_a_hangup_during_a_stop(team: Team) -> None:
    """A hangup while it stops does nothing."""
    team.stopped_by = signal.SIGTERM
    within_limits(team, team.hangup)

    assert (team.said, team.acts) == ([], [])


def test_a_stop_during_a_restart(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop in the middle of a restart ends that at once, without a word of success."""
    stop = team.tell_stop

    def stops(pid: int) -> None:
        stop(pid)
        team.stopped_by = signal.SIGTERM

    monkeypatch.setattr(team, "tell_stop", stops)

    within_limits(team, team.hangup)

    assert team.acts == ["SIGTTIN", "drain 1", "0.5 s", "stop 1"]
    assert team.said == ["reloading", "note: SIGHUP: replacing the workers one by one"]


def test_worn_workers(team: Team) -> None:
    """Workers that are used up are replaced, without a word, unless they are gone or all stops."""
    team._worn = {2, 9}
    within_limits(team, team._replace_worn)
    assert team.acts == ["SIGTTIN", "drain 2", "0.5 s", "stop 2", "drain 3", "0.5 s", "SIGTTOU"]
    assert (team.said, team._worn) == ([], set())
    del team.acts[:]
    within_limits(team, team._replace_worn)
    assert team.acts == []
    team._worn, team.stopped_by = {1}, signal.SIGTERM
    within_limits(team, team._replace_worn)
    assert team.acts == []


def test_a_worn_worker_is_replaced_beside(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is used up is replaced in a thread, for other workers speak meanwhile."""
    threads: list[tuple[set[int], bool]] = []
    replaced = threading.Event()

    def replace() -> None:
        threads.append((set(team._worn), threading.current_thread() is threading.main_thread()))
        replaced.set()

    monkeypatch.setattr(team, "_replace_worn", replace)

    team._heed_worn(2)

    assert replaced.wait(20)
    assert threads == [({2}, False)]


def test_a_worker_that_dies(team: Team) -> None:
    """The death of a worker that served is noted, of one that said it ends is not."""
    team._heed_death(1, " with status 7")
    assert team.said == ["note: a worker ended with status 7 and is replaced"]
    team._excused.update({1, 9})
    team._heed_death(1, " with status 7")
    team._heed_death(9, " with status 7")

    assert (len(team.said), team.failures) == (1, 0)


def test_a_start_that_fails(team: Team) -> None:
    """Before the app was ready the first worker that dies ends the whole."""
    team.ready = False
    team.remove(1)
    team.remove(2)
    team._heed_death(9, " (killed by SIGKILL)")

    assert team.said == ["request"]
    assert isinstance(team.error, StartError)
    assert team.error.message == "a worker ended before the app was ready (killed by SIGKILL)"


def test_a_start_that_is_slow(team: Team) -> None:
    """A first worker that the supervisor has killed, because it was slow, is started again, three times for each."""
    team.ready = False
    team.remove(1)
    team.remove(2)
    how = " (killed because it did not answer for 5 s)"
    for pid in range(10, 15):
        team.workers.sent.add((pid, signal.SIGKILL))
        team._heed_death(pid, how)
    said = f"a worker ended before the app was ready{how}"
    assert (team.error, team.said) == (None, [f"note: {said}; it is started again"])

    team.workers.sent.add((15, signal.SIGKILL))
    team._heed_death(15, how)

    assert team.error is not None
    assert team.error.message == said


def test_replacements_in_vain(team: Team) -> None:
    """Replacements that die are told once for each reason, for as long as others serve; else the third ends it."""
    for _ in range(4):
        team._heed_failure(AppLoadError("no luck"))
    team._heed_death(9, "")
    assert (team.error, team.said) == (
        None,
        [
            "note: a new worker cannot start: no luck",
            "note: a new worker cannot start: a worker ended before the app was ready",
        ],
    )
    team._heed_ready("ASGI", None)
    team.remove(1)
    team.remove(2)
    del team.said[:]
    team._heed_failure(AppLoadError("no luck"))
    team._heed_failure(AppLoadError("no luck"))
    assert (team.error, team.said) == (None, ["note: a new worker cannot start: no luck"])
    team._heed_failure(AppLoadError("no luck"))
    assert team.error is not None
    assert (team.error.message, team.said[1:]) == ("no luck", ["request"])
    assert team.failures == 8


def test_waiting(team: Team) -> None:
    """What is waited for is told to have come or not, and a stop ends the waiting."""
    assert rolling._wait(team, lambda: True)
    assert not rolling._wait(team, lambda: False, patience=0)
    team.error = StartError("no")
    assert not rolling._wait(team, lambda: False)


def test_the_signal_goes_to_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor, which is this process, gets the signals."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(rolling, "os", SimpleNamespace(getpid=lambda: 7, kill=lambda *it: sent.append(it)))

    rolling._send(signal.SIGTTIN)

    assert sent == [(7, signal.SIGTTIN)]

"""Stopping in the process that runs the app: signals, the grace limit, and the end."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from asgictl.serving.processes import exits, stopping
from asgictl.serving.processes.stopping import Stopping
from tests.serving.app.runtime.doubles import Ended

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX"),
    pytest.mark.usefixtures("signals"),
]
INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
ALL = {INT, TERM, HUP}


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses with which the process would have ended."""
    statuses: list[int] = []

    def end(status: int) -> None:
        statuses.append(status)
        raise Ended

    monkeypatch.setattr(exits, "end", end)
    return statuses


def made(*, grace: float = 8.0, alone: bool = True, stuck: Callable[[], None] = lambda: None) -> Stopping:
    """Return the stop of a process, which has not begun."""
    return Stopping(grace=grace, alone=alone, stuck=stuck)


def without_watchdog(stop: Stopping) -> Stopping:
    """Return a stop that nothing ends."""
    stop._watch = lambda: None  # type: ignore[method-assign]
    return stop


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread, or a signal, does."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def blocked() -> set[int]:
    """Return those of the stop signals that are held."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ())) & ALL


@pytest.mark.parametrize(
    ("alone", "ready", "status", "failed"),
    [(True, True, 0, 3), (True, False, 3, 3), (False, True, 0, 1), (False, False, 1, 1)],
)
def test_the_status(alone: bool, ready: bool, status: int, failed: int) -> None:
    """A server that was ready ends well; one that was not ends with 3, or for its parent with 1."""
    stop = made(alone=alone)
    stop.ready = ready

    assert (stop.status, stop.failed) == (status, failed)


def test_it_begins_once() -> None:
    """Who wants to know of a stop is told once, also one who asks later; the first limit counts."""
    said: list[str] = []
    stop = without_watchdog(made())
    stop.notify(lambda: said.append("first"))

    def closed() -> None:
        raise RuntimeError("Event loop is closed")

    stop.notify(closed)
    stop.notify(lambda: said.append("second"))
    assert (stop.begun, said) == (False, [])
    stop.begin(2.5)
    stop.begin(9)
    stop.notify(lambda: said.append("late"))

    assert (stop.begun, stop.grace, said) == (True, 2.5, ["first", "second", "late"])


def test_it_keeps_its_limit() -> None:
    """A stop without a limit of its own has the usual one."""
    stop = without_watchdog(made(grace=8.0))
    stop.begin()

    assert stop.grace == 8.0


@pytest.mark.parametrize(("ready", "waits", "status"), [(True, 3.0, 0), (False, 2.0, 3)])
def test_the_watchdog(monkeypatch: pytest.MonkeyPatch, ends: list[int], ready: bool, waits: float, status: int) -> None:
    """After the grace, and a second more for last words, the process ends; what it is stuck in is told before."""
    said: list[object] = []
    stop = made(grace=2.0, stuck=lambda: said.append("stuck"))
    stop.ready = ready
    stop._told.set()
    monkeypatch.setattr(stopping, "threading", SimpleNamespace(Event=lambda: SimpleNamespace(wait=said.append)))

    with pytest.raises(Ended):
        stop._watch()

    assert (said, ends) == ([waits, "stuck"], [status])


def test_the_watchdog_ends_even_when_it_cannot_say_why(ends: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens while that is told, the process ends."""

    def stuck() -> None:
        raise OSError

    stop = made(stuck=stuck)
    stop._told.set()
    monkeypatch.setattr(stopping, "threading", SimpleNamespace(Event=lambda: SimpleNamespace(wait=lambda _: None)))

    with pytest.raises(Ended):
        stop._watch()

    assert ends == [3]


def test_the_watchdog_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop that begins starts the watchdog, in a thread that nobody waits for."""
    seen: list[bool] = []
    stop = made()
    monkeypatch.setattr(stop, "_watch", lambda: seen.append(threading.current_thread().daemon))

    stop.begin()

    until(lambda: seen == [True])


# Whether it is alone, what it hears, what counts as having asked for the stop, and the status of an end at once.
HEARD: dict[str, tuple[bool, list[signal.Signals], list[signal.Signals], list[int]]] = {
    "Ctrl-C": (True, [INT], [INT], []),
    "Ctrl-C twice": (True, [INT, INT], [INT], [130]),
    "a stop and Ctrl-C": (True, [TERM, INT], [TERM], [130]),
    "a stop twice": (True, [TERM, TERM], [TERM, TERM], []),
    "Ctrl-C and a stop": (True, [INT, TERM], [INT, TERM], []),
    "a hangup": (True, [HUP], [HUP], []),
    "a hangup and Ctrl-C": (True, [HUP, INT], [HUP], [130]),
    "Ctrl-C in a worker": (False, [INT], [INT], []),
    "Ctrl-C twice in a worker": (False, [INT, INT], [INT], []),
    "a stop and Ctrl-C in a worker": (False, [TERM, INT], [TERM], []),
    "a hangup in a worker": (False, [HUP], [], []),
}


@pytest.mark.parametrize("case", HEARD)
def test_what_is_heard(ends: list[int], case: str) -> None:
    """The first signal begins the stop, a Ctrl-C after it ends everything at once; that is the parent's in a worker."""
    alone, numbers, counted, statuses = HEARD[case]
    stop = without_watchdog(made(alone=alone))

    for number in numbers:
        with contextlib.suppress(Ended):
            stop._hear(number)

    assert (stop.signals, stop.begun, ends) == (counted, bool(counted), statuses)


def test_a_signal_interrupts_the_import() -> None:
    """While the app is imported a signal ends that, once, and afterwards signals are held."""
    stop = without_watchdog(made())

    def load() -> None:
        with stop.loading():
            assert blocked() == set()
            os.kill(os.getpid(), TERM)
            until(lambda: False)

    with pytest.raises(stopping.Stopped) as caught:
        load()

    assert caught.value.args == (TERM,)
    until(lambda: stop.signals == [TERM])
    assert blocked() == ALL
    stop._interrupt(TERM, None)
    assert stop.begun


def test_an_import_that_ends(ends: list[int]) -> None:
    """A signal that comes after the import waits."""
    stop = without_watchdog(made())
    with stop.loading():
        pass

    stop._interrupt(INT, None)

    assert (stop.begun, blocked(), ends) == (False, ALL, [])


class Server:
    """Uvicorn's server, as far as its handler of signals."""

    def __init__(self) -> None:
        self.handled: list[int] = []
        self.closed: list[str] = []
        self.servers = [SimpleNamespace(close=lambda name=name: self.closed.append(name)) for name in ("a", "b")]

    def handle_exit(self, number: int, _frame: object) -> None:
        """Take note."""
        self.handled.append(number)


@pytest.fixture
def server() -> Server:
    """A server that has installed its handlers."""
    made = Server()
    for number in (INT, TERM):
        signal.signal(number, made.handle_exit)
    return made


def loaded(*, alone: bool = True) -> Stopping:
    """Return the stop of a process that has imported the app."""
    stop = without_watchdog(made(alone=alone))
    with stop.loading():
        pass
    return stop


@pytest.mark.parametrize("number", [INT, TERM, HUP])
def test_uvicorn_hears_of_it(ends: list[int], number: signal.Signals) -> None:
    """Once uvicorn is there each signal is a SIGTERM for it, so that it never skips the shutdown; and is heard here."""
    stop = loaded()
    served = Server()
    signal.signal(TERM, served.handle_exit)

    stop.take_over()

    assert blocked() == set()
    os.kill(os.getpid(), number)
    until(lambda: served.handled == [TERM] and stop.signals == [number])
    assert stop.close_doors()
    assert served.closed == ["a", "b"]
    assert ends == []


def test_uvicorn_hears_of_it_later(ends: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a successor takes the socket, uvicorn stops once everybody who was let in could have been heard."""
    delayed: list[tuple[float, Callable[[], object]]] = []
    monkeypatch.setattr(stopping, "later", lambda seconds, call: delayed.append((seconds, call)))
    stop = without_watchdog(Stopping(grace=8, alone=True, stuck=lambda: None, drain=0.5))
    with stop.loading():
        pass
    served = Server()
    signal.signal(TERM, served.handle_exit)
    stop.take_over()

    os.kill(os.getpid(), INT)
    until(lambda: bool(delayed) and stop.begun)

    assert (served.handled, [seconds for seconds, _ in delayed]) == ([], [0.5])
    delayed[0][1]()
    assert (served.handled, ends) == ([TERM], [])


def test_a_hangup_is_the_parents_affair() -> None:
    """In a worker a hangup does nothing, and the processes that the app starts do not inherit that."""
    stop = loaded(alone=False)
    served = Server()
    signal.signal(TERM, served.handle_exit)
    stop.take_over()

    os.kill(os.getpid(), HUP)
    os.kill(os.getpid(), TERM)

    until(lambda: served.handled == [TERM] and stop.signals == [TERM])
    assert signal.getsignal(HUP) is stopping._leave_alone


@pytest.mark.parametrize("alone", [True, False])
def test_nohup(alone: bool) -> None:
    """Where a hangup is ignored, as nohup has it, it stays so."""
    signal.signal(HUP, signal.SIG_IGN)

    loaded(alone=alone)

    assert signal.getsignal(HUP) is signal.SIG_IGN


def test_a_stop_before_uvicorn_was_there(server: Server) -> None:
    """A stop that has begun before uvicorn could hear of it is told to it."""
    stop = loaded()
    signal.signal(TERM, server.handle_exit)
    stop.begin()

    stop.take_over()

    until(lambda: server.handled == [TERM])


def test_nobody_to_stand_before() -> None:
    """Without a handler of uvicorn's, what interrupts the import stays, and there are no doors to close."""
    stop = loaded()

    stop.take_over()

    assert signal.getsignal(TERM) == stop._interrupt
    assert not stop.close_doors()


def test_a_loop_that_listens_itself(server: Server) -> None:
    """A loop that has signals written to a descriptor of its own, as uvloop has, goes on to get them."""
    stop = loaded()
    signal.signal(TERM, server.handle_exit)
    received, wake = socket.socketpair()
    with received, wake:
        received.settimeout(20)
        wake.settimeout(0)
        signal.set_wakeup_fd(wake.fileno())

        stop.take_over()

        os.kill(os.getpid(), INT)
        assert received.recv(1) == bytes([INT])
        until(lambda: stop.signals == [INT] and server.handled == [TERM])


def test_the_descriptor_stays(server: Server) -> None:
    """Where the loop does not listen itself, the thread that hears signals goes on."""
    stop = loaded()
    signal.signal(TERM, server.handle_exit)

    stop.take_over()

    assert stop._ear is not None
    assert signal.set_wakeup_fd(-1) == stop._ear.wake.fileno()


def test_listening() -> None:
    """Stop signals and hangups are heard; all that arrives is passed on, as long as somebody is there."""
    heard: list[int] = []
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(20)
        ear = stopping.listen(heard.append, onward=theirs.fileno())
        theirs.close()  # it has a copy

        ear.wake.send(bytes([INT, signal.SIGCHLD, HUP, TERM, signal.SIGWINCH]))

        assert ours.recv(5) == bytes([INT, signal.SIGCHLD, HUP, TERM, signal.SIGWINCH])
        until(lambda: heard == [INT, HUP, TERM])
    ear.wake.send(bytes([TERM]))
    until(lambda: heard == [INT, HUP, TERM, TERM])


def test_the_end_of_listening() -> None:
    """What has arrived is heard before the end, however long that takes."""
    heard: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def slowly(number: int) -> None:
        begun.set()
        go_on.wait(20)
        heard.append(number)

    ear = stopping.listen(slowly)
    ear.wake.send(bytes([TERM, HUP]))
    begun.wait(20)
    threading.Timer(0.01, go_on.set).start()

    ear.close()

    assert (heard, ear.thread.is_alive()) == ([TERM, HUP], False)


def test_listening_for_nobody_else(capfd: pytest.CaptureFixture[str]) -> None:
    """Without somebody to pass it on to, signals are heard all the same, and nobody else gets anything."""
    heard: list[int] = []

    stopping.listen(heard.append).wake.send(bytes([TERM]))

    until(lambda: heard == [TERM])
    assert capfd.readouterr() == ("", "")


def test_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to happen later does so in a thread that nobody waits for."""
    timers: list[threading.Timer] = []
    monkeypatch.setattr(threading.Timer, "start", lambda timer: timers.append(timer))  # noqa: PLW0108  # a method
    happened: list[str] = []

    stopping.later(0.25, lambda: happened.append("now"))

    (timer,) = timers
    assert (timer.interval, timer.daemon, happened) == (0.25, True, [])
    timer.function()
    assert happened == ["now"]


def test_signals_are_held() -> None:
    """Held signals wait, and come when they are let go."""
    heard: list[int] = []
    for number in ALL:
        signal.signal(number, lambda number, _frame: heard.append(number))

    stopping.hold_signals()
    assert blocked() == ALL
    signal.pthread_kill(threading.main_thread().ident or 0, HUP)
    assert heard == []
    stopping.release_signals()

    until(lambda: heard == [HUP])
    assert blocked() == set()


def test_a_stop_can_be_asked_for() -> None:
    """Who asks for a stop has the process get a SIGTERM."""
    heard: list[int] = []
    signal.signal(TERM, lambda number, _frame: heard.append(number))

    stopping.request()

    until(lambda: heard == [TERM])

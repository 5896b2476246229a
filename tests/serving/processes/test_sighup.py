"""SIGHUP in a process that has workers: a wish, or the end of the terminal."""

import os
import signal
import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from asgictl.serving.processes import sighup, stopping
from tests.conftest import linux

pytestmark = linux


@pytest.mark.parametrize(
    ("terminal", "stays", "said"),
    [(True, True, "wish"), (True, False, "stop"), (False, False, "wish")],
    ids=["a wish", "a closed terminal", "without a terminal"],
)
def test_what_it_means(monkeypatch: pytest.MonkeyPatch, terminal: bool, stays: bool, said: str) -> None:
    """A hangup is a wish, unless the terminal that was there is gone a moment later."""
    calls: list[object] = []
    hangups = [signal.SIGHUP, 0]

    def sigwait(numbers: set[int]) -> int:
        assert numbers == {signal.SIGHUP}
        return hangups.pop(0)

    monkeypatch.setattr(sighup, "signal", SimpleNamespace(Signals=signal.Signals, sigwait=sigwait))
    monkeypatch.setattr(sighup, "time", SimpleNamespace(sleep=calls.append))
    monkeypatch.setattr(sighup, "_has_terminal", lambda: stays)

    sighup._wait(terminal, lambda: calls.append("wish"), lambda: calls.append("stop"))

    assert calls == [0.1, said]


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize(
    ("ignored", "there", "terminal"), [(True, True, False), (False, True, True), (False, False, False)]
)
def test_watching(monkeypatch: pytest.MonkeyPatch, ignored: bool, there: bool, terminal: bool) -> None:
    """The signal is held for the thread that waits for it; under nohup it is ignored, and there is no terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    monkeypatch.setattr(sighup, "_has_terminal", lambda: there)
    waiting: list[tuple[object, ...]] = []
    begun = threading.Event()

    def wait(*arguments: object) -> None:
        waiting.append(arguments)
        begun.set()

    monkeypatch.setattr(sighup, "_wait", wait)

    def wish() -> None:
        """Replace the workers."""

    assert sighup.watch(wish, stopping.request) is ignored

    assert begun.wait(20)
    assert waiting == [(terminal, wish, stopping.request)]
    assert signal.SIGHUP in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_system_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no SIGHUP nothing is watched."""
    monkeypatch.setattr(stopping, "HANGUP", None)
    never: Callable[[], None] = lambda: pytest.fail("called")  # noqa: E731

    assert sighup.watch(never, never) is False


@pytest.mark.parametrize("there", [True, False])
def test_the_terminal(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    """A terminal is there when it can be opened; it is closed again."""
    calls: list[object] = []

    def opened(path: str, flags: int) -> int:
        calls.append((path, flags))
        if not there:
            raise OSError
        return 5

    monkeypatch.setattr(
        sighup,
        "os",
        SimpleNamespace(open=opened, close=calls.append, O_RDWR=os.O_RDWR, O_NOCTTY=os.O_NOCTTY),
    )

    assert sighup._has_terminal() is there
    assert calls == [("/dev/tty", os.O_RDWR | os.O_NOCTTY), *([5] if there else [])]

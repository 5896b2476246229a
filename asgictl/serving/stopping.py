"""Stopping always works: signals, the grace limit and the second Ctrl-C, in the process that runs the app.

Uvicorn's own handlers only set a flag that its event loop looks at. That is not enough while an import,
a startup or a request blocks, so these handlers come first and a watchdog ends what does not end.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from asgictl import errors

# SIGBREAK is Windows' Ctrl-Break; uvicorn handles the same set.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))

# What the lifespan shutdown and the end of the process get on top of the grace limit, in seconds.
LAST_WORDS = 1.0


class Stopped(BaseException):  # a BaseException, so that `except Exception` in an import lets it pass
    """A stop signal arrived while the app was being loaded."""


class Stopping:
    """A stop of this process: who asked for it, who wants to know, and what happens when it takes too long."""

    def __init__(self, *, grace: float, forcible: bool, stuck: Callable[[], None]) -> None:
        """Allow `grace` seconds to a stop, then call `stuck` and end the process.

        A second SIGINT ends it at once if `forcible` (a worker leaves that to its parent).
        """
        self.grace = grace
        self.forcible = forcible
        self.ready = False
        self.signals: list[signal.Signals] = []
        self._stuck = stuck
        self._begun = threading.Event()
        self._listeners: list[Callable[[], object]] = []
        self._loading = False
        self._replays = 0

    @property
    def begun(self) -> bool:
        """Whether a stop was asked for, by a signal or by the parent."""
        return self._begun.is_set()

    @property
    def status(self) -> int:
        """The exit status of a process that ends now."""
        return errors.STOPPED if self.ready else errors.StartError.exit_status

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """Let a stop signal interrupt the block with `Stopped`, and hold signals back after it.

        They stay back until `take_over`, so that none falls between these handlers and uvicorn's.
        """
        for number in SIGNALS:
            signal.signal(number, self._handle)
        self._loading = True
        release_signals()
        try:
            yield
        finally:
            hold_signals()
            self._loading = False

    def take_over(self) -> None:
        """Stand before the handlers that uvicorn has installed, and let the signals come."""
        for number in SIGNALS:
            inner = signal.getsignal(number)
            if callable(inner) and inner != self._handle:
                signal.signal(number, self._chained(inner))
        release_signals()
        if self.begun:
            request()  # uvicorn was not there yet

    def notify(self, listener: Callable[[], object]) -> None:
        """Call `listener` when a stop begins, from any thread."""
        self._listeners.append(listener)
        if self.begun:
            listener()

    def begin(self, grace: float | None = None) -> None:
        """Start the stop, within `grace` seconds: tell the listeners and start the watchdog. Once."""
        if self._begun.is_set():
            return
        if grace is not None:
            self.grace = grace
        self._begun.set()
        for listener in self._listeners:
            listener()
        threading.Thread(target=self._watch, name="asgictl-watchdog", daemon=True).start()

    def _watch(self) -> None:
        threading.Event().wait(self.grace + (LAST_WORDS if self.ready else 0))
        self._stuck()
        end(self.status)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._replays and not self._loading:
            self._replays -= 1  # uvicorn raises what it caught again when it has stopped
            return
        first = not self.signals
        self._note(number)
        if self._loading and first:  # a second one would strike while the first is being dealt with
            raise Stopped(number)

    def _chained(self, inner: Callable[[int, FrameType | None], object]) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            if self._note(number):
                self._replays += 1
                # Never SIGINT: after any other signal uvicorn takes it for the second Ctrl-C, and skips the shutdown.
                inner(signal.SIGTERM, frame)

        return handle

    def _note(self, number: int) -> bool:
        """Remember a signal and begin the stop; return False for a SIGINT after the first signal."""
        if number == signal.SIGINT and self.signals:
            if self.forcible:
                end(errors.FORCED)
            return False
        self.signals.append(signal.Signals(number))
        self.begin()
        return True


def hold_signals() -> None:
    """Keep the stop signals waiting, for this thread and for the processes that it starts."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def release_signals() -> None:
    """Let the stop signals come, those that waited included."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def request() -> None:
    """Have this process stop as if it had been sent SIGTERM."""
    if sys.platform == "win32":  # where `os.kill` ends a process at once
        signal.raise_signal(signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def end(status: int) -> NoReturn:
    """End the process at once, whatever its threads are doing; only what is printed is kept."""
    flush = threading.Thread(target=_flush, daemon=True)
    flush.start()
    flush.join(0.2)  # another thread may hold the stream's lock for ever
    os._exit(status)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()

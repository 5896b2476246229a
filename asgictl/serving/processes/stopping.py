"""Stopping always works: signals, the grace limit and the second Ctrl-C, in the process that runs the app.

Uvicorn's own handlers only set a flag that its event loop looks at. That is not enough while an import, a startup
or a request blocks, be it in Python or in C. So a thread hears the signals too, by the descriptor that Python writes
them to, and a watchdog ends what does not end.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NamedTuple

from asgictl import errors
from asgictl.serving.processes import exits, forks

# SIGBREAK is Windows' Ctrl-Break; uvicorn handles the same set.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))

# The status of a worker that cannot start: not 3, at which uvicorn's supervisor ends the other workers too.
_WORKER_FAILED = 1

# What a closed terminal sends; Windows has none.
HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)

_HELD = SIGNALS if HANGUP is None else (*SIGNALS, HANGUP)

# What the lifespan shutdown and the end of the process get on top of the grace limit, in seconds.
LAST_WORDS = 1.0

# How long new clients wait at most until they are refused: a loop that is blocked cannot close its socket; in seconds.
REFUSE = 0.5


class Stopped(BaseException):  # a BaseException, so that `except Exception` in an import lets it pass
    """The stop signal with this number arrived before uvicorn could heed it."""


class Stopping:
    """A stop of this process: who asked for it, who wants to know, and what happens when it takes too long."""

    def __init__(self, grace: float, drain: float = 0, *, alone: bool, stuck: Callable[[], None]) -> None:
        """Allow `grace` seconds to a stop, then call `stuck` and end the process.

        Uvicorn hears of it `drain` seconds later, for it closes connections on which nothing has come yet. If `alone`,
        without a parent that watches over it, SIGHUP stops it and a second SIGINT ends it at once.
        """
        self.grace = grace
        self.alone = alone
        self._drain = drain
        self.ready = False
        self.signals: list[signal.Signals] = []
        self._stuck = stuck
        self._begun = False
        self._told = threading.Event()
        self._lock = threading.RLock()
        self._listeners: list[Callable[[], object]] = []
        self._loading = False
        self._watchdog: threading.Thread | None = None
        self._ear: Ear | None = None
        self._beside: Ear | None = None
        self._server: Any = None
        self._taken_over = False

    @property
    def begun(self) -> bool:
        """Whether a stop was asked for, by a signal or by the parent."""
        return self._begun

    @property
    def status(self) -> int:
        """The exit status of a process that ends now."""
        return errors.STOPPED if self.ready else self.failed

    @property
    def failed(self) -> int:
        """The exit status of a process that cannot start."""
        return errors.StartError.exit_status if self.alone else _WORKER_FAILED

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """Let a stop signal interrupt the block with `Stopped`, and hold signals back after it.

        They stay back until `take_over`, so that none falls between these handlers and uvicorn's.
        """
        hold_signals()
        forks.in_child("signals", self._forget, unblock=_HELD)
        for number in self._heeded():
            signal.signal(number, self._interrupt)
        self._ear = listen(self._hear)
        self._start_watchdog()  # now, as long as the system has threads left
        try:
            self._loading = True
            release_signals()
            yield
        finally:
            self._loading = False
            hold_signals()

    def take_over(self) -> None:
        """Stand before the handlers that uvicorn has installed, and let the signals come; once."""
        if self._taken_over:
            return
        self._taken_over = True
        inner = signal.getsignal(signal.SIGTERM)
        if callable(inner) and inner != self._interrupt:
            self._server = getattr(inner, "__self__", None)
            for number in self._heeded():
                signal.signal(number, _as_sigterm(inner, self._drain))
        current = signal.set_wakeup_fd(-1)
        if self._ear is not None and current == self._ear.wake.fileno():
            signal.set_wakeup_fd(current, warn_on_full_buffer=False)
        else:  # uvloop listens for itself since it runs
            self._beside = listen(self._hear, onward=current)  # uvloop returns to the first one when it closes
        release_signals()
        if self.begun:
            request()  # uvicorn was not there yet

    def _forget(self) -> None:
        """In a child of the app's: hear nothing, and end as other programs do; handlers of the app's own stay."""
        signal.set_wakeup_fd(-1)
        for ear in (self._ear, self._beside):
            if ear is not None:
                ear.wake.close()
        for number in _HELD:
            if _is_ours(signal.getsignal(number)):
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    def close_doors(self) -> bool:
        """Have uvicorn accept no more clients, and go on with those that it has; tell whether it did until now."""
        servers = getattr(self._server, "servers", ())
        for server in servers:
            server.close()
        return bool(servers)

    def _heeded(self) -> tuple[signal.Signals, ...]:
        """Return the signals that stop this process; a hangup is the parent's affair where there is one."""
        if HANGUP is None or signal.getsignal(HANGUP) is signal.SIG_IGN:  # as nohup has it
            return SIGNALS
        if not self.alone:
            signal.signal(HANGUP, _leave_alone)
            return SIGNALS
        return (*SIGNALS, HANGUP)

    def wait(self, seconds: float) -> None:
        """Wait until a stop begins, but no longer than `seconds`."""
        self._told.wait(seconds)

    def notify(self, listener: Callable[[], object]) -> None:
        """Call `listener` when a stop begins, from any thread, or now when it has begun."""
        with self._lock:
            self._listeners.append(listener)
            if not self._begun:
                return
        listener()

    def begin(self, grace: float | None = None) -> None:
        """Start the stop, within `grace` seconds: wake the watchdog and tell the listeners. Once."""
        with self._lock:
            if self._begun:
                return
            self._begun = True
            if grace is not None:
                self.grace = grace
            self._told.set()
            self._start_watchdog()
            listeners = list(self._listeners)
        for listener in listeners:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                listener()

    def _start_watchdog(self) -> None:
        with self._lock:
            if self._watchdog is None:
                self._watchdog = threading.Thread(target=self._watch, name="asgictl-watchdog", daemon=True)
                self._watchdog.start()

    def _watch(self) -> None:
        self._told.wait()
        threading.Event().wait(self._drain + self.grace + (LAST_WORDS if self.ready else 0))
        try:
            self._stuck()
        finally:
            exits.end(self.status)

    def _hear(self, number: int) -> None:
        """Note a signal, in a thread of its own that nothing blocks."""
        if number == HANGUP and not self.alone:
            return
        if number == signal.SIGINT and self.signals:
            if self.alone:
                exits.end(errors.FORCED)
            return
        self.signals.append(signal.Signals(number))
        self.begin()

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        if self._loading:
            self._loading = False  # a second signal must not strike while the first is being dealt with
            raise Stopped(number)


def _is_ours(handler: object) -> bool:
    """Tell whether a handler of signals is of asgictl, or of uvicorn."""
    module = getattr(handler, "__module__", None) or type(handler).__module__
    return module.partition(".")[0] in ("asgictl", "uvicorn")


def _leave_alone(_number: int, _frame: FrameType | None) -> None:
    """Do nothing; unlike SIG_IGN this is not handed down to the app's own children."""


def _as_sigterm(
    inner: Callable[[int, FrameType | None], object], drain: float
) -> Callable[[int, FrameType | None], None]:
    """Return a handler that passes every signal on as SIGTERM, `drain` seconds later.

    After another signal uvicorn takes SIGINT for the second Ctrl-C, and skips the lifespan shutdown.
    """

    def handle(_number: int, frame: FrameType | None) -> None:
        if drain:
            later(drain, lambda: inner(signal.SIGTERM, None))
        else:
            inner(signal.SIGTERM, frame)

    return handle


class Ear(NamedTuple):
    """What Python writes signals to, and the thread that reads them from the other end."""

    wake: socket.socket
    thread: threading.Thread

    def close(self) -> None:
        """Hear no more; what has arrived is heard before this returns."""
        signal.set_wakeup_fd(-1)
        self.wake.close()
        self.thread.join(LAST_WORDS)


def listen(hear: Callable[[int], None], *, onward: int = -1) -> Ear:
    """Call `hear` with each stop signal that arrives, in a thread, whatever the main thread does.

    What arrives is passed on to the descriptor `onward`.
    """
    received, wake = socket.socketpair()
    wake.setblocking(False)  # noqa: FBT003
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    # A copy: its owner may close it while a signal is on the way, and the number may be used again.
    copy = os.dup(onward) if onward >= 0 and sys.platform != "win32" else -1

    def run() -> None:
        with received:
            while data := received.recv(64):
                if copy >= 0:
                    with contextlib.suppress(OSError):
                        os.write(copy, data)
                for number in data:
                    if number in SIGNALS or number == HANGUP:
                        hear(number)

    thread = threading.Thread(target=run, name="asgictl-signals", daemon=True)
    thread.start()
    return Ear(wake, thread)


def later(seconds: float, call: Callable[[], object]) -> None:
    """Call `call` in `seconds`, in a thread that nobody waits for; never, when the system has no more threads."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    with contextlib.suppress(RuntimeError):
        timer.start()


def hold_signals() -> None:
    """Keep the stop signals waiting, for this thread and for the processes and threads that it starts."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)


def release_signals() -> None:
    """Let the stop signals come, those that waited included."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)


def request() -> None:
    """Have this process stop as if it had been sent SIGTERM."""
    if sys.platform == "win32":  # where `os.kill` ends a process at once
        signal.raise_signal(signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)

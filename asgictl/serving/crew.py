"""The worker processes, seen from their parent: who is ready, who failed, and that all of them end.

Uvicorn's supervisor owns the parent's main thread; this works beside it in threads.
"""

import contextlib
import gc
import multiprocessing
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.connection import Listener as ConnectionListener
from multiprocessing.process import current_process
from types import FrameType
from typing import Any

from asgictl import errors
from asgictl.errors import AppLoadError, AsgictlError, StartError
from asgictl.serving import readiness, stopping

# The workers keep to the limit themselves; the parent waits this much longer for them, in seconds.
_MARGIN = stopping.LAST_WORDS + 1.5


class Crew:
    """The workers of one launch."""

    def __init__(
        self,
        *,
        size: int,
        grace: float,
        ready: Callable[[str], None],
        note: Callable[[str], None],
        refuse: Callable[[], None],
    ) -> None:
        """Expect `size` workers; call `ready` when all answer, and `refuse` when a stop has closed their sockets."""
        self.size = size
        self.grace = grace
        self.error: AsgictlError | None = None
        self.ready = False
        self.stopped_by: signal.Signals | None = None
        self._call_ready = ready
        self._note = note
        self._refuse = refuse
        self._lock = threading.Lock()
        self._workers: dict[int, Connection] = {}
        self._ready: set[int] = set()
        self._excused: set[int] = set()
        self._closed_doors: set[int] = set()
        self._notes: set[str] = set()
        self._closed = False
        self._forced: int | None = None
        address = _address()
        self._listener = ConnectionListener(address, backlog=128, authkey=bytes(current_process().authkey))
        self.address = address or str(self._listener.address)

    @property
    def stopping(self) -> bool:
        """Whether the crew was asked to stop, or cannot go on."""
        return self.stopped_by is not None or self.error is not None

    @property
    def _limit(self) -> float:
        """The seconds that workers get to stop: few when the start has failed, for they serve nobody."""
        return min(self.grace, stopping.LAST_WORDS) if self.error is not None else self.grace

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Watch over the workers that uvicorn's supervisor starts inside the block.

        A signal that comes before the supervisor heeds them raises `Stopped`.
        """
        received, wake = socket.socketpair()
        wake.setblocking(False)  # noqa: FBT003
        previous = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        for number in stopping.SIGNALS:
            signal.signal(number, _stop_before_supervision)
        self._thread(self._heed_signals, received)
        self._thread(self._accept)
        # Started now, because it would let the held signals come again (CPython before 3.13).
        resource_tracker.ensure_running()
        # Workers start with the signals held, so that a Ctrl-C waits until they can answer it.
        stopping.hold_signals()
        gc.enable()
        try:
            yield
        finally:
            if self._forced is not None:
                stopping.end(self._forced)
            signal.set_wakeup_fd(previous)
            for number in stopping.SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            stopping.release_signals()
            self._closed = True
            self._listener.close()

    def _thread(self, target: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, name=f"asgictl{target.__name__}", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except (OSError, EOFError, multiprocessing.AuthenticationError):
                if self._closed:
                    return
                continue
            self._thread(self._heed_worker, connection)

    def _heed_worker(self, connection: Connection) -> None:
        pid = 0
        while (message := readiness.read(connection)) is not None:
            pid = message["pid"]
            with self._lock:
                self._heed_message(connection, message)
        with self._lock:
            self._workers.pop(pid, None)
            if pid and pid not in self._ready | self._excused and not self.stopping:
                self._fail(StartError(f"a worker ended before the app was ready{_how_it_ended(pid)}"))
            self._refuse_when_all_closed()
        connection.close()

    def _refuse_when_all_closed(self) -> None:
        if self.stopping and self._closed_doors >= self._workers.keys():
            self._refuse()

    def _heed_message(self, connection: Connection, message: dict[str, Any]) -> None:
        pid = message["pid"]
        match message["event"]:
            case "hello":
                self._workers[pid] = connection
                if self.stopping:
                    self._tell_stop(connection)
            case "ready":
                self._ready.add(pid)
                if len(self._ready & self._workers.keys()) >= self.size and not (self.ready or self.stopping):
                    self.ready = True
                    self._call_ready(message["app"])
            case "stopped":
                self._excused.add(pid)
            case "closed":
                self._closed_doors.add(pid)
                self._refuse_when_all_closed()
            case "failed" if not self.stopping:
                self._fail(AppLoadError(message["message"], hint=message["hint"], details=message["details"]))
            case "note" if self.error is None and message["text"] not in self._notes:
                self._notes.add(message["text"])
                self._note(message["text"])

    def _fail(self, error: AsgictlError) -> None:
        """Remember why the crew cannot go on, and have the supervisor end."""
        self.error = error
        self._begin_stop()
        os.kill(os.getpid(), signal.SIGTERM)

    def _heed_signals(self, received: socket.socket) -> None:
        while data := received.recv(64):
            for number in data:
                if number == signal.SIGINT and self.stopped_by is not None:
                    self._force(errors.FORCED)
                if number not in stopping.SIGNALS or self.stopped_by is not None:
                    continue
                self.stopped_by = signal.Signals(number)
                if self.error is None:
                    with self._lock:
                        self._begin_stop()

    def _begin_stop(self) -> None:
        for connection in self._workers.values():
            self._tell_stop(connection)
        self._later(self._limit + _MARGIN, self._give_up)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, call)
        timer.daemon = True
        timer.start()

    def _tell_stop(self, connection: Connection) -> None:
        with contextlib.suppress(OSError):
            readiness.write(connection, {"event": readiness.STOP, "grace": self._limit})

    def _give_up(self) -> None:
        """End everything: a worker has outlived its own limit."""
        if self.error is None:
            self._note(f"stopped after {self.grace:g} s and killed the workers that were left")
        self._force(errors.STOPPED if self.ready and self.error is None else StartError.exit_status)

    def _force(self, status: int) -> None:
        """Kill the workers, and end with `status` in this thread or, when the supervisor returns, in the main one."""
        self._forced = status
        for process in multiprocessing.active_children():
            process.kill()
        stopping.end(status)


def _stop_before_supervision(number: int, _frame: FrameType | None) -> None:
    raise stopping.Stopped(number)


def _address() -> str | None:
    """Return an address for the workers' reports: on Linux one that leaves no file, elsewhere a temporary one."""
    return f"\0asgictl-{os.getpid()}-{secrets.token_hex(8)}" if sys.platform == "linux" else None


def _how_it_ended(pid: int) -> str:
    """Say how the worker `pid` ended, without taking its status away from uvicorn's supervisor."""
    if not hasattr(os, "waitid"):
        return ""
    with contextlib.suppress(OSError):
        result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        if result is not None and result.si_code == os.CLD_EXITED:
            return f" with status {result.si_status}"
        if result is not None:
            return f", killed by {signal.Signals(result.si_status).name}"
    return ""

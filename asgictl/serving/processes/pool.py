"""The processes that run the app, seen from their parent: who is ready, who failed, and that all of them end.

Uvicorn's supervisor owns the parent's main thread; this works beside it in threads.
"""

import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any

from asgictl import errors
from asgictl.errors import AppLoadError, AsgictlError, StartError
from asgictl.serving.events import Hooks
from asgictl.serving.processes import exits, messages, sighup, stopping
from asgictl.serving.processes.workers import Workers

# What uvicorn's supervisor gives a worker to answer, in seconds: the default of its `timeout_worker_healthcheck`.
PATIENCE = 5.0

# The workers keep to the limit themselves; the parent waits this much longer for them, in seconds.
_MARGIN = stopping.LAST_WORDS + 1.5

# How long the supervisor may take to notice that all workers have ended: while one answered no ping, because it ended,
# it waits as long as that has patience; in seconds.
_NOTICE = 0.7

# How long this process may hear a Ctrl-C, which goes to all of them, later than a worker does, in seconds.
_LATE = 0.2


class Pool:
    """The workers of one launch; a subclass says what a failure means, and what a hangup.

    It is `ready` when all of them are, and has `answered` when one of them could.
    """

    excuses_failures = True

    def __init__(self, *, size: int, grace: float, hooks: Hooks, patience: float = PATIENCE) -> None:
        """Expect `size` workers, which get `grace` seconds to stop, and `patience` seconds to answer the supervisor."""
        self.size = size
        self.grace = grace
        self.error: AsgictlError | None = None
        self.ready = False
        self.answered = False
        self.stopped_by: signal.Signals | None = None
        self.notifier = hooks.notifier
        self.reporter = hooks.reporter
        self.changed = threading.Condition(threading.RLock())
        self._call_ready = hooks.ready
        self._call_stopping = hooks.stopping
        self._refuse = hooks.refuse
        self.terminal = hooks.terminal
        self._ready: set[int] = set()
        self._excused: set[int] = set()
        self._closed_doors: set[int] = set()
        self._asked: set[int] = set()
        self._signalled: set[int] = set()
        self._notes: set[str] = set()
        self._start_notes: set[str] = set()
        self._own_signal = False
        self._is_over = False
        self._forced = False
        self.workers = Workers(self, patience=patience)
        self._nohup = sighup.watch(self.hangup, stopping.request)

    @property
    def stopping(self) -> bool:
        """Whether the pool was asked to stop, or cannot go on."""
        return self.stopped_by is not None or self.error is not None

    @property
    def serving(self) -> set[int]:
        """The processes that are ready."""
        return self._ready.intersection(self.workers.pids)

    @property
    def _limit(self) -> float:
        """The seconds that workers get to stop: few when the start has failed, for they serve nobody."""
        return min(self.grace, stopping.LAST_WORDS) if self.error is not None else self.grace

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Watch over the workers that uvicorn's supervisor starts inside the block.

        A signal that comes before the supervisor heeds them raises `Stopped`.
        """
        for number in stopping.SIGNALS:
            signal.signal(number, _stop_before_supervision)
        # A signal needs a thread that it may come to, for the main thread holds it back from here on.
        ear = stopping.listen(self._hear)
        self.workers.start()
        # Started now, because it would let the held signals come again (CPython before 3.13).
        resource_tracker.ensure_running()
        # Workers start with the signals held, so that a Ctrl-C waits until they can answer it.
        stopping.hold_signals()
        try:
            yield
        finally:
            self._is_over = True
            if self._forced:
                threading.Event().wait()  # until the thread that forces the end is done
            ear.close()  # the supervisor may have heeded a signal before it was heard here
            for number in stopping.SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            stopping.release_signals()
            self.workers.close()

    def hangup(self) -> None:
        """Heed a SIGHUP; where a subclass does not know better, stop, unless nohup has it ignored."""
        if not self._nohup:
            stopping.request()

    def joined(self, pid: int) -> None:
        """Note a worker that has made itself known."""
        with self.changed:
            if self.stopping:
                self.tell_stop(pid)

    def heed(self, pid: int, message: dict[str, Any]) -> None:
        """Heed what a worker says."""
        with self.changed:
            self._heed_message(pid, message)
            self.changed.notify_all()

    def left(self, _pid: int) -> None:
        """Note that a worker says nothing any more."""
        with self.changed:
            self._refuse_when_all_closed()
            if self.stopping:
                stopping.later(_NOTICE, self._end_if_all_ended)
            self.changed.notify_all()

    def ended(self, pid: int, how: str) -> None:
        """Heed the end of a worker."""
        with self.changed:
            if pid in self._signalled:
                self.changed.wait_for(lambda: self.stopping, timeout=_LATE)
            if not self.stopping:
                self._heed_death(pid, " (a signal from elsewhere)" if pid in self._signalled else how)
            for group in (self._ready, self._excused, self._closed_doors, self._asked, self._signalled):
                group.discard(pid)  # the number may be used again
            self._refuse_when_all_closed()
            self.changed.notify_all()

    def _heed_message(self, pid: int, message: dict[str, Any]) -> None:
        match message["event"]:
            case "ready":
                self._ready.add(pid)
                self.answered = True
                self._notes.clear()
                self._heed_ready(message["app"], message["docs"])
            case "stopped" if pid in self._asked or self.workers.was_sent(pid, signal.SIGTERM):
                self._excused.add(pid)
            case "stopped":
                self._signalled.add(pid)
            case "worn":
                self._heed_worn(pid)
            case "closed":
                self._closed_doors.add(pid)
                self._refuse_when_all_closed()
            case "failed" if not self.stopping:
                self._heed_failure(messages.error_of(message))
                if self.excuses_failures:
                    self._excused.add(pid)  # its end is no other failure
            case "note" if self.error is None:
                self._heed_note(pid, message["text"])

    def _heed_note(self, pid: int, text: str) -> None:
        """Pass a note on, unless another worker has said the same, when it started or since one was ready."""
        said = self._notes if pid in self._ready else self._start_notes
        if text not in said:
            said.add(text)
            self.reporter.note(text)

    def forget_start_notes(self) -> None:
        """Pass notes on again that workers say when they start: the next ones may run other code."""
        self._start_notes.clear()

    def _heed_ready(self, kind: str | None, docs: str | None) -> None:
        if len(self.serving) >= self.size and not (self.ready or self.stopping):
            self.ready = True
            self._call_ready(kind, docs)

    def _heed_failure(self, error: AppLoadError) -> None:
        raise NotImplementedError

    def _heed_death(self, pid: int, how: str) -> None:
        raise NotImplementedError

    def _heed_worn(self, pid: int) -> None:
        """Do nothing, where nobody else could take over."""

    def _refuse_when_all_closed(self) -> None:
        if self.stopping and self._closed_doors.issuperset(self.workers.pids):
            self._refuse()

    def fail(self, error: AsgictlError) -> None:
        """Have the supervisor end, because of `error`, which `launch` raises then."""
        self.error = error
        self._begin_stop()
        self._own_signal = True
        stopping.request()

    def _hear(self, number: int) -> None:
        if self._own_signal and number == signal.SIGTERM:
            self._own_signal = False
            return
        if number not in stopping.SIGNALS:
            return
        if number == signal.SIGINT and self.stopped_by is not None:
            self._force(errors.FORCED)
        if self.stopped_by is None:
            self.stopped_by = signal.Signals(number)
            if self.error is None:
                with self.changed:
                    self._begin_stop()
                    self.changed.notify_all()

    def _begin_stop(self) -> None:
        self.workers.leave_ends()
        self._call_stopping()
        for pid in self.workers.pids:
            self.tell_stop(pid)
        stopping.later(stopping.REFUSE if self.answered else 0, self._refuse)
        stopping.later(self._limit + _MARGIN, self._give_up)

    def tell_stop(self, pid: int) -> None:
        """Have a worker stop, within the limit."""
        self._asked.add(pid)
        self.workers.tell(pid, {"event": messages.STOP, "grace": self._limit})

    def tell_drain(self, pid: int) -> None:
        """Have a worker send its clients elsewhere."""
        self.workers.tell(pid, {"event": messages.DRAIN})

    def _end_if_all_ended(self) -> None:
        """End without the supervisor, once it waits only for a worker that is gone."""
        if self._is_over or not self.answered or self.error is not None:
            return
        if self.workers.have_ended():
            self._force(errors.STOPPED)
        stopping.later(_NOTICE, self._end_if_all_ended)

    def _give_up(self) -> None:
        """End everything: a worker has outlived its own limit."""
        if self.error is None:
            self.reporter.note(f"stopped after {self.grace:g} s and killed the workers that were left")
        self._force(errors.STOPPED if self.answered and self.error is None else StartError.exit_status)

    def _force(self, status: int) -> None:
        """Kill the workers, and end with `status` before the supervisor can return another."""
        self._forced = True
        try:
            if self.error is not None:
                self.reporter.problem(self.error)
            for process in multiprocessing.active_children():
                process.kill()
        finally:
            exits.end(status)


def _stop_before_supervision(number: int, _frame: FrameType | None) -> None:
    raise stopping.Stopped(number)

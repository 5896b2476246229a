"""Showing records while they come, in a thread of its own, so that no request waits for a screen."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable

from asgictl.inspector.filters import Filter, Filtered
from asgictl.inspector.record import Event, Record
from asgictl.inspector.views import Line, View

# How often views hear that time has passed, in seconds.
_TICK = 0.1

# So many records, and bytes of content, may wait to be shown; then requests wait, too.
_MOST = 20_000
_MOST_BYTES = 64 * 1024 * 1024
_PAUSE = 0.02


class Live:
    """A sink that shows what it is told, filtered, in a view."""

    def __init__(self, view: View, wanted: Filter, show: Callable[[list[Line]], object]) -> None:
        """Pass the lines of `view` to `show`, in the thread that shows them."""
        self._view = view
        self._filtered = Filtered(wanted)
        self._show = show
        self._queue: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        self._bytes = 0
        self._thread = threading.Thread(target=self._run, name="asgictl-inspect", daemon=True)
        self._thread.start()

    def __call__(self, record: Record) -> None:
        """Take a record."""
        if isinstance(record, Event):
            self._bytes += record.size
        self._queue.put(record)
        while (self._queue.qsize() > _MOST or self._bytes > _MOST_BYTES) and self._thread.is_alive():
            time.sleep(_PAUSE)

    def close(self, patience: float = 1.0) -> None:
        """Show what there is left, but take no longer than `patience` seconds."""
        self._queue.put(None)
        self._thread.join(patience)

    def _run(self) -> None:
        ticked = time.monotonic()
        while True:
            with contextlib.suppress(queue.Empty):
                record = self._queue.get(timeout=_TICK)
                if not self._take(record):
                    return
            if time.monotonic() - ticked >= _TICK:
                ticked = time.monotonic()
                self._put(self._view.tick())

    def _put(self, lines: list[Line]) -> None:
        if lines:
            self._show(lines)

    def _take(self, record: Record | None) -> bool:
        """Show what a record brings; tell whether there will be more."""
        if record is None:
            self._put(self._view.finish())
            return False
        if isinstance(record, Event):
            self._bytes -= record.size
        for wanted in self._filtered.feed(record):
            self._put(self._view.feed(wanted))
        return True

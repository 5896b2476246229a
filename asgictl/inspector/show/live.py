"""Showing records while they come, in a thread of its own, so that no request waits for a screen."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable

from asgictl.inspector.record import Event, Record
from asgictl.inspector.show import View
from asgictl.inspector.show.filters import Filter, Filtered
from asgictl.spans import Line

# How often views hear that time has passed, in seconds.
_TICK = 0.1

# So many records, and bytes of content, may wait to be shown; then requests wait, too.
_MOST = 20_000
_MOST_BYTES = 64 * 1024 * 1024
_PAUSE = 0.02


class Live:
    """A sink that shows what it is told, filtered, in a view."""

    def __init__(
        self,
        view: View,
        wanted: Filter,
        show: Callable[[list[Line]], object],
        complain: Callable[[str], object],
    ) -> None:
        """Pass the lines of `view` to `show`, and what goes wrong to `complain`, in the thread that shows them."""
        self._complain = complain
        self._view = view
        self._filtered = Filtered(wanted, complain)
        self._show = show
        self._queue: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        # Each counted in one thread only; what waits is the difference.
        self._bytes_taken = 0
        self._bytes_shown = 0
        self._thread = threading.Thread(target=self._run, name="asgictl-inspect", daemon=True)
        self._thread.start()

    def __call__(self, record: Record) -> None:
        """Take a record."""
        if isinstance(record, Event):
            self._bytes_taken += record.size
        self._queue.put(record)
        while self._is_behind() and self._thread.is_alive():
            time.sleep(_PAUSE)

    def close(self, patience: float = 1.0) -> None:
        """Show what there is left, but take no longer than `patience` seconds."""
        self._queue.put(None)
        self._thread.join(patience)
        if self._thread.is_alive() and (left := self._queue.qsize()):
            self._complain(f"{left} records have not been shown: nobody reads fast enough")

    def _run(self) -> None:
        ticked = time.monotonic()
        while True:
            with contextlib.suppress(queue.Empty):
                record = self._queue.get(timeout=_TICK)
                if not self._take(record):
                    return
            if time.monotonic() - ticked >= _TICK:
                ticked = time.monotonic()
                self._tick()

    def _put(self, lines: list[Line]) -> None:
        if lines:
            self._show(lines)

    def _tick(self) -> None:
        try:
            self._put(self._view.tick())
        except Exception as error:  # noqa: BLE001  # as below
            self._complain(f"an exchange cannot be shown: {error!r}")

    def _take(self, record: Record | None) -> bool:
        """Show what a record brings; tell whether there will be more."""
        if record is None:
            self._put(self._view.finish())
            return False
        if isinstance(record, Event):
            self._bytes_shown += record.size
        try:
            for wanted in self._filtered.feed(record):
                self._put(self._view.feed(wanted))
        except Exception as error:  # noqa: BLE001  # what an app sends may be stranger than was foreseen
            self._complain(f"a record of #{record.id} cannot be shown: {error!r}")
        return True

    def _is_behind(self) -> bool:
        return self._queue.qsize() > _MOST or self._bytes_taken - self._bytes_shown > _MOST_BYTES

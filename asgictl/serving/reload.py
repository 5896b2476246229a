"""Start the app anew when a file changes, and never lose the server over it.

Uvicorn's reloader watches one file, the trigger, in a temporary folder, and what touches it is here: the reloader's
own patterns cannot leave out a folder that appears later (https://uvicorn.dev/settings/#reloading-with-watchfiles).
"""

import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from asgictl.errors import AppLoadError
from asgictl.serving.changes import Changes
from asgictl.serving.crew import Crew

if sys.platform != "win32":
    import termios

# How long a change may be followed by another that belongs to it, in milliseconds.
_STEP = 30

# After a restart, changes are collected until there is none for this long, in milliseconds.
_CALM = 300

# A restart so long ago does not hold the next one up, in seconds.
_RECENT = 1.5

# An app that lives shorter is not started anew when it dies, in seconds.
_SHORT = 5.0


class Reload(Crew):
    """The one process of an app that is started anew when a file changes."""

    def __init__(self, *, trigger: Path, prepare: Callable[[str | None], None], **arguments: Any) -> None:
        """Touch `trigger` to have uvicorn start the process anew.

        `prepare` is told before why the app is broken, or None, for the process to come.
        """
        super().__init__(size=1, **arguments)
        self._trigger = trigger
        self._prepare = prepare
        self._replaced: set[int] = set()
        self._fatal: str | None = None
        self._since = 0.0
        self._terminal = _Terminal()

    def restart(self, broken: str | None = None) -> None:
        """Start the app anew, or with `broken`, which says why, the page instead."""
        with self.changed:
            if self.stopping:
                return
            self._fatal = None
            self._prepare(broken)
            self._replaced |= self._workers.keys()
            for pid in self._workers:
                self.tell_stop(pid)
            self._trigger.write_text(str(time.monotonic_ns()))

    def _heed_ready(self, kind: str | None) -> None:
        self.ready = True
        self._since = time.monotonic()
        if not self.stopping:
            self._call_ready(kind)

    def _heed_failure(self, error: AppLoadError) -> None:
        self._fatal = error.message
        self.audience.problem(error)

    def _heed_death(self, pid: int, how: str) -> None:
        self._terminal.restore()
        if pid in self._replaced:
            return
        if pid in self._ready and time.monotonic() - self._since > _SHORT:
            self.audience.note(f"the app's process ended{how}, starting it anew")
            self.restart()
            return
        if self._fatal is None:
            self.audience.problem(AppLoadError(f"the app's process ended{how}"))
        self.restart(broken=self._fatal or f"the app's process ended{how}")


def watch(folders: Sequence[Path], changes: Changes, crew: Reload, changed: Callable[[list[str]], None]) -> None:
    """Restart the app of `crew` at each change below `folders`, in a thread; tell `changed` of the files first."""
    arguments = (folders, changes, crew, changed)
    threading.Thread(target=_watch, args=arguments, name="asgictl-reload", daemon=True).start()


def _watch(folders: Sequence[Path], changes: Changes, crew: Reload, changed: Callable[[list[str]], None]) -> None:
    waiting: dict[str, None] = {}
    restarted = 0.0
    for batch in _batches(folders, changes, crew):
        waiting.update(dict.fromkeys(path for _, path in sorted(batch)))
        recent = time.monotonic() - restarted < _RECENT
        if waiting and not (batch and recent):
            changed(list(waiting))
            crew.restart()
            waiting.clear()
            restarted = time.monotonic()


def _batches(folders: Sequence[Path], changes: Changes, crew: Reload) -> Iterator[set[Any]]:
    """Yield sets of changes, and an empty one when nothing has changed for a while."""
    import watchfiles

    options: dict[str, Any] = {
        "watch_filter": changes,
        "step": _STEP,
        "rust_timeout": _CALM,
        "yield_on_timeout": True,
        "raise_interrupt": False,
        "ignore_permission_denied": True,
    }
    try:
        yield from watchfiles.watch(*folders, **options)
    except Exception as error:  # noqa: BLE001  # the watcher's errors have no class of their own
        crew.audience.note(f"cannot watch for changes ({error}), looking at all files again and again instead")
        yield from watchfiles.watch(*folders, **options, force_polling=True)


@contextlib.contextmanager
def trigger() -> Iterator[Path]:
    """Return a file for uvicorn's reloader to watch, alone in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="asgictl-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "changed.py"
        file.touch()
        yield file


class _Terminal:
    """The state of the terminal, which a debugger that is ended may leave without an echo."""

    def __init__(self) -> None:
        self._saved: list[Any] | None = None
        if sys.platform != "win32":
            with contextlib.suppress(termios.error, OSError, ValueError):
                self._saved = termios.tcgetattr(0)

    def restore(self) -> None:
        """Put the terminal back, unless another program has it now."""
        if self._saved is None or sys.platform == "win32":
            return
        with contextlib.suppress(termios.error, OSError):
            if os.tcgetpgrp(0) == os.getpgrp():
                termios.tcsetattr(0, termios.TCSADRAIN, self._saved)

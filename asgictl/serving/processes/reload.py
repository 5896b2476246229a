"""Start the app anew when a file changes, and never lose the server over it.

Uvicorn's reloader watches one file, the trigger, in a temporary folder, and what touches it is here: the reloader's
own patterns cannot leave out a folder that appears later (https://uvicorn.dev/settings/#reloading-with-watchfiles).
"""

import contextlib
import importlib.util
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from asgictl.errors import AppLoadError
from asgictl.serving.processes import exits
from asgictl.serving.processes.changes import Changes
from asgictl.serving.processes.pool import Pool

# How long a change may be followed by another that belongs to it, in milliseconds.
_STEP = 30

# After a restart, changes are collected until there is none for this long, in milliseconds.
_CALM = 300

# A restart so long ago does not hold the next one up, in seconds.
_RECENT = 1.5

# An app that lives shorter is not started anew when it dies, in seconds.
_SHORT = 5.0


class Reload(Pool):
    """The one process of an app that is started anew when a file changes."""

    excuses_failures = False  # it goes on with the page that says why, unless it has to end

    def __init__(self, *, trigger: Path, prepare: Callable[[str | None], None], **arguments: Any) -> None:
        """Touch `trigger` to have uvicorn start the process anew.

        `prepare` is told before why the app is broken, or None, for the process to come.
        """
        super().__init__(size=1, **arguments)
        self._trigger = trigger
        self._prepare = prepare
        self._fatal: str | None = None
        self._is_broken = False
        self._since = 0.0

    def restart(self, files: Sequence[str] = (), broken: str | None = None) -> None:
        """Start the app anew because of `files`; or with `broken`, which says why, the page instead."""
        with self.changed:
            if self.stopping:
                return
            self.reporter.changed(files)
            _forget_compiled(files)
            self.starts_anew()
            self._fatal = None
            self._is_broken = broken is not None
            self._prepare(broken)
            for pid in self.workers.pids:
                self.tell_stop(pid)
            self._trigger.write_text(str(time.monotonic_ns()))

    def _heed_ready(self, kind: str | None, docs: str | None) -> None:
        self.ready = True
        self._since = time.monotonic()
        if not self.stopping:
            self._call_ready(kind, docs)

    def _heed_failure(self, error: AppLoadError) -> None:
        self._fatal = error.message
        self.reporter.problem(error)

    def _heed_death(self, pid: int, how: str) -> None:
        self.terminal.restore()
        if pid in self._excused:
            return
        if pid in self._signalled or (pid in self._ready and time.monotonic() - self._since > _SHORT):
            self.reporter.note(f"the app's process ended{how}, starting it anew")
            self.restart()
            return
        error = AppLoadError(f"the app's process ended{how}")
        if self._is_broken and pid not in self._ready:  # not even the page can be shown
            self.fail(error)
            return
        if self._fatal is None:
            self.reporter.problem(error)
        self.restart(broken=self._fatal or error.message)


def watch(folders: Sequence[Path], changes: Changes, pool: Reload) -> None:
    """Restart the app of `pool` at each change below `folders`, in a thread."""
    threading.Thread(target=_watch, args=(folders, changes, pool), name="asgictl-reload", daemon=True).start()


def _watch(folders: Sequence[Path], changes: Changes, pool: Reload) -> None:
    waiting: dict[str, None] = {}
    restarted = 0.0
    for batch in _batches(folders, changes, pool):
        waiting.update(dict.fromkeys(sorted(batch)))
        recent = time.monotonic() - restarted < _RECENT
        if waiting and not (batch and recent):
            pool.restart(list(waiting))
            waiting.clear()
            restarted = time.monotonic()


def _batches(folders: Sequence[Path], changes: Changes, pool: Reload) -> Iterator[set[str]]:
    """Yield sets of paths that have changed, and an empty one when nothing has for a while."""
    polling = False
    while True:
        seen = _identities(folders)
        try:
            yield from _watched(folders, changes, seen, polling=polling)
        except FileNotFoundError:
            pass  # a folder was removed meanwhile
        except Exception as error:  # the watcher's errors have no class of their own
            if polling:
                raise
            pool.reporter.note(f"cannot watch for changes ({error}), looking at all files again and again instead")
            polling = True
            continue
        while not all(folder.is_dir() for folder in folders):
            time.sleep(_CALM / 1000)
        yield set(map(str, folders))  # they were made anew


def _watched(
    folders: Sequence[Path], changes: Changes, seen: list[tuple[int, int]], *, polling: bool
) -> Iterator[set[str]]:
    """Yield changes until one of `folders` is not the one any more that is watched."""
    import watchfiles

    for batch in watchfiles.watch(
        *folders,
        watch_filter=changes,
        step=_STEP,
        rust_timeout=_CALM,
        yield_on_timeout=True,
        raise_interrupt=False,
        ignore_permission_denied=True,
        force_polling=polling or None,
    ):
        yield {path for _, path in batch}
        if not batch and _identities(folders) != seen:
            return


def _identities(folders: Sequence[Path]) -> list[tuple[int, int]]:
    found = []
    for folder in folders:
        try:
            status = folder.stat()
        except OSError:
            found.append((0, 0))
        else:
            found.append((status.st_dev, status.st_ino))
    return found


def _forget_compiled(files: Sequence[str]) -> None:
    """Remove what Python has compiled of `files`.

    It takes that for up to date after a second save of the same length within a second (PEP 3147, importlib.util).
    """
    for file in files:
        if file.endswith(".py"):
            with contextlib.suppress(OSError):
                Path(importlib.util.cache_from_source(file)).unlink()


@contextlib.contextmanager
def trigger() -> Iterator[Path]:
    """Return a file for uvicorn's reloader to watch, alone in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="asgictl-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "changed.py"
        file.touch()
        with exits.before_end(partial(shutil.rmtree, folder, ignore_errors=True)):
            yield file

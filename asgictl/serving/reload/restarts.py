"""Restart the app when a file changes, and never lose the server over it.

Uvicorn's reloader watches one file, the trigger, in a temporary folder, and what touches it is here: the reloader's
own patterns cannot leave out a folder that appears later (https://uvicorn.dev/settings/#reloading-with-watchfiles).
"""

import contextlib
import importlib.util
import math
import os
import shlex
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from asgictl import errors
from asgictl.errors import AppLoadError, StartError
from asgictl.serving.processes import exits, messages
from asgictl.serving.processes.pool import Pool
from asgictl.serving.reload import watching
from asgictl.serving.reload.changes import Changes
from asgictl.serving.reload.watching import Watcher

# A restart so long ago does not hold the next one up, in seconds.
_RECENT = 1.5

# An app that lives shorter is not restarted when it dies, in seconds.
_SHORT = 5.0

# A change so soon after the start may be one that the start has made, in seconds; after so many of them it is said.
_NEW = 1.0
_MANY = 4

# How long edits are not seen when the watcher has failed, and at the most, in seconds.
_PAUSE = 0.5
_LONGEST = 60.0

_TRIGGER = "changed.py"

# How long the end waits for the thread that watches, in seconds; it looks every 30 ms.
_PATIENCE = 0.5


class Reload(Pool):
    """The one process of an app that restarts when a file changes."""

    excuses_failures = False  # it goes on with the page that says why, unless it has to end

    def __init__(self, *, trigger: Path, prepare: Callable[[str | None], None], **arguments: Any) -> None:
        """Touch `trigger` to have uvicorn restart the process.

        `prepare` is told before why the app is broken, or None, for the process to come.
        """
        super().__init__(size=1, **arguments)
        self._trigger = trigger
        self._prepare = prepare
        self._fatal: str | None = None
        self._unwatched = ""
        self._is_broken = False
        self._since = 0.0
        self._new_until = math.inf
        self._touched = trigger.stat().st_mtime
        self._folder = Path.cwd()
        self.is_late = False

    @property
    def is_new(self) -> bool:
        """Whether the app is not ready yet, or has just become it."""
        return time.monotonic() < self._new_until

    def restart(self, files: Sequence[str] = (), broken: str | None = None) -> None:
        """Restart the app because of `files`; or with `broken`, which says why, the page instead.

        Where that has to wait for the folder in which all was started, `is_late`.
        """
        with self.changed:
            if self.stopping:
                return
            self.is_late = not self._is_in_folder()
            if self.is_late:
                return
            self.reporter.changed(files)
            _forget_compiled(files)
            self.forget_start_notes()
            self._fatal = None
            self._unwatched = ""
            self._is_broken = broken is not None
            self._new_until = math.inf
            self._prepare(broken)
            for pid in self.workers.pids:
                self.tell_stop(pid)
            self._touch()

    def tell_unwatched(self, text: str) -> None:
        """Say in the terminal, and on the page of an app that is broken, that edits do not count until a restart."""
        self.reporter.note(text)
        with self.changed:
            self._unwatched = text
            self._tell_page()

    def _tell_page(self) -> None:
        for pid in self.workers.pids if self._unwatched else ():
            self.workers.tell(pid, {"event": messages.UNWATCHED, "text": self._unwatched})

    def _is_in_folder(self) -> bool:
        """Go back where the folder was made anew; without one uvicorn's reloader raises (`_display_path`)."""
        try:
            Path.cwd()
        except FileNotFoundError:
            try:
                os.chdir(self._folder)
            except OSError:
                return False
        return True

    def _touch(self) -> None:
        # Where watchfiles polls it sees whole seconds (notify, src/poll.rs).
        self._touched = max(self._touched + 1, time.time())
        try:
            self._trigger.touch()
            os.utime(self._trigger, (self._touched, self._touched))
        except OSError as error:
            problem = f"cannot restart the app: `{self._trigger}`: {errors.reason(error)}"
            self.fail(StartError(problem, hint="start asgictl again, and set TMPDIR to a folder that nobody cleans"))

    def _heed_ready(self, kind: str | None, docs: str | None) -> None:
        self.ready = True
        self._since = time.monotonic()
        self._new_until = self._since + _NEW
        self._tell_page()
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
            self.reporter.note(f"the app's process ended{how}, restarting it")
            self.restart()
            return
        error = AppLoadError(f"the app's process ended{how}")
        if self._is_broken and pid not in self._ready:  # not even the page can be shown
            self.fail(error)
            return
        if self._fatal is None:
            self.reporter.problem(error)
        self.restart(broken=self._fatal or error.message)


@contextlib.contextmanager
def watched(watcher: Watcher, changes: Changes, pool: Reload) -> Iterator[None]:
    """Restart the app of `pool` inside the block at each change of what `watcher` looks at, in a thread.

    The thread has to end before Python does: watchfiles before 1.3 would end the process with SIGABRT.
    """
    thread = threading.Thread(target=_watch, args=(watcher, changes, pool), name="asgictl-reload", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watcher.stopped.set()
        thread.join(_PATIENCE)


def _watch(watcher: Watcher, changes: Changes, pool: Reload) -> None:
    """Restart until it is stopped, whatever goes wrong: nobody would notice that edits are not seen any more."""
    pause = 0.0
    while not watcher.stopped.is_set():
        begun = time.monotonic()
        try:
            if pause:
                pool.restart()  # for what was not seen
            _restart_at_changes(watcher, changes, pool)
        except Exception as error:  # noqa: BLE001  # of the watcher, or of what it calls
            pause = min(2 * pause, _LONGEST) if pause and time.monotonic() - begun < _LONGEST else _PAUSE
            why = f"{type(error).__name__}: {error}"
            pool.tell_unwatched(f"changes are not seen for {pause:g} s, and the app restarts then ({why})")
            time.sleep(pause)


def _restart_at_changes(watcher: Watcher, changes: Changes, pool: Reload) -> None:
    waiting: dict[str, None] = {}
    restarted = 0.0
    in_a_row = 0
    for batch in watching.batches(watcher, pool.reporter.note):
        waiting.update(dict.fromkeys(sorted(batch)))
        recent = time.monotonic() - restarted < _RECENT
        is_removed = not all(map(os.path.lexists, waiting))  # with its folder, perhaps
        if (waiting or pool.is_late) and not (batch and (recent or is_removed)):
            in_a_row = in_a_row + 1 if pool.is_new else 0
            pool.restart(list(waiting))
            if pool.is_late:
                continue
            if in_a_row == _MANY:
                exclude = f"--reload-exclude {shlex.quote(changes.pattern(next(iter(waiting))))}"
                pool.reporter.note(f"{_MANY} restarts in a row: if the app itself writes the file, pass {exclude}")
            waiting.clear()
            restarted = time.monotonic()


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
    """Return a file for uvicorn's reloader to watch, alone in a temporary folder.

    Raises `StartError` where no folder can be written to.
    """
    folder = _new_folder()
    remove = partial(shutil.rmtree, folder, ignore_errors=True)
    try:
        with exits.before_end(remove):
            yield folder / _TRIGGER
    finally:
        remove()


def _new_folder() -> Path:
    why = ""
    # A container with a read-only root has one of the others, most often.
    for place in (None, os.environ.get("XDG_RUNTIME_DIR") or "/dev/shm", "/dev/shm"):  # noqa: S108  # mkdtemp is safe there
        try:
            folder = Path(tempfile.mkdtemp(prefix="asgictl-", dir=place))
            (folder / _TRIGGER).touch()
        except OSError as error:
            why = why or errors.reason(error)
        else:
            return folder
    hint = "set TMPDIR to a folder that can be written to, or drop --reload"
    raise StartError(f"`--reload` needs a temporary folder: {why}", hint=hint)

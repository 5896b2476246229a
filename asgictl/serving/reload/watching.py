"""What changes below some folders: as the system tells it, or where it cannot, by looking at all files."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from asgictl import environment
from asgictl.serving.reload.changes import Changes

# How long a change may be followed by another that belongs to it, in milliseconds.
_STEP = 30

# After a restart, changes are collected until there is none for this long, in milliseconds.
_CALM = 300

# How often to look at links, whose targets the system does not tell of, in seconds.
_LINKS = 1.0

# What looking may take of the time: this part of it, or less.
_SHARE = 1 / 20

# When to say that it takes long to begin, in seconds.
_LONG = 1.0

# How exact the time of a file's change is, in seconds.
_CLOCK = 0.01

States = dict[str, tuple[object, ...]]


class Watcher:
    """Some folders, as far as `changes` counts what is in them, and some files wherever they are."""

    def __init__(self, folders: Sequence[Path], files: Sequence[Path], changes: Changes) -> None:
        self.folders = folders
        self._files = [str(file) for file in files]
        self._changes = changes
        self.begun = time.time() - _CLOCK
        self.stopped = threading.Event()

    def identities(self) -> list[tuple[int, int] | None]:
        """Return what each folder is, None for one that is gone."""
        return [_identity(folder) for folder in self.folders]

    def told(self, since: float) -> Iterator[set[str]]:
        """Yield sets of paths that have changed, often empty ones, as the system tells it.

        What has changed after `since`, a time of the system's clock, belongs to the first set. Ends when there is
        another folder to watch, behind a link. Raises whatever the watcher does.
        """
        import watchfiles

        links: States | None = None
        due = 0.0
        for batch in watchfiles.watch(
            *(folder for folder in self.folders if folder.is_dir()),
            watch_filter=self._changes,
            step=_STEP,
            rust_timeout=_CALM,
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
            stop_event=self.stopped,
        ):
            paths = {path for _, path in batch}
            if links is not None and paths:  # the links may lead to what has changed, which is one change then
                links |= {path: _state(path) for path in (*links, *paths) if path in links or os.path.islink(path)}  # noqa: PTH114  # one of many
            yields_folder = False
            if time.monotonic() >= due:
                begun = time.monotonic()
                found = self._states(links_alone=True)
                if links is None:
                    paths |= self._changed_after(since)
                else:
                    changed = _difference(links, found)
                    paths |= changed
                    yields_folder = any(os.path.isdir(path) for path in changed)  # noqa: PTH112  # one of many
                links = found
                due = time.monotonic() + max(_LINKS, (time.monotonic() - begun) / _SHARE)
            yield paths
            if yields_folder:
                return

    def polled(self, since: float) -> Iterator[set[str]]:
        """Yield sets of paths that have changed, as `told` does, found by looking at all files; it never ends."""
        before: States | None = None
        while True:
            begun = time.monotonic()
            found = self._states()
            took = time.monotonic() - begun
            yield self._changed_after(since) if before is None else _difference(before, found)
            before = found
            time.sleep(max(_delay(os.environ), took / _SHARE))

    def _changed_after(self, since: float) -> set[str]:
        changed = set()
        for path in self._states():
            with contextlib.suppress(OSError):
                if os.stat(path).st_ctime > since and not os.path.isdir(path):  # noqa: PTH112, PTH116  # one of many
                    changed.add(path)
        return changed

    def _states(self, *, links_alone: bool = False) -> States:
        """Return what changes with each file, or with each that is a link, or with what a link leads to."""
        states = {file: _state(file) for file in self._files}
        for entry in self._entries():
            if _is_folder(entry):
                if entry.is_symlink() and self._changes.enters(entry.path):
                    states[entry.path] = _state(entry.path)
            elif (entry.is_symlink() or not links_alone) and self._changes.counts(entry.path):
                states[entry.path] = _state(entry.path)
        return states

    def _entries(self) -> Iterator["os.DirEntry[str]"]:
        """Yield what is in the folders, and in those below that can count, each once though links lead back to it."""
        met = set()
        waiting = [str(folder) for folder in self.folders]
        while waiting:
            place = waiting.pop()
            identity = _identity(place)
            if identity is None or identity in met:
                continue
            met.add(identity)
            with contextlib.suppress(OSError), os.scandir(place) as entries:  # it is gone, or not to be read
                for entry in entries:
                    yield entry
                    if _is_folder(entry) and self._changes.enters(entry.path):
                        waiting.insert(0 if entry.is_symlink() else len(waiting), entry.path)


def batches(watcher: Watcher, note: Callable[[str], object]) -> Iterator[set[str]]:
    """Yield sets of paths that have changed, and an empty one when nothing has for a while, until it is stopped.

    `note` hears when a folder is gone, and when watching takes another way, or long.
    """
    polling = _is_polling_wanted(os.environ) or _is_alone(note)
    news: set[str] = set()
    since = watcher.begun
    while not watcher.stopped.is_set():
        seen = watcher.identities()
        begun = _told_if_long(watcher, note)
        try:
            for batch in (watcher.polled if polling or not any(seen) else watcher.told)(since):
                begun.set()
                since = time.time() - _CLOCK
                yield batch | news
                news = set()
                if not batch and watcher.identities() != seen:
                    break
        except FileNotFoundError:
            pass  # a folder was removed meanwhile
        except Exception as error:
            if polling:
                raise
            note(f"cannot watch for changes ({error}), looking at all files again and again instead")
            polling = True
            continue
        finally:
            begun.set()
        for folder, before, after in zip(watcher.folders, seen, watcher.identities(), strict=True):
            if before and not after:
                note(f"`{folder}` is gone; it is watched again when it is back")
            elif before != after:
                news.add(str(folder))


def _told_if_long(watcher: Watcher, note: Callable[[str], object]) -> threading.Event:
    """Return what has to be set when watching has begun; where that takes long, it is told."""
    begun = threading.Event()

    def tell() -> None:
        if not begun.wait(_LONG):
            places = ", ".join(f"`{folder}`" for folder in watcher.folders)
            note(f"looking at all that is below {places}, edits count when that is done; --reload-dir names less")

    threading.Thread(target=tell, name="asgictl-long", daemon=True).start()
    return begun


def _is_polling_wanted(environ: Mapping[str, str]) -> bool:
    """Tell whether a variable of watchfiles' asks for it (https://watchfiles.helpmanual.io/api/watch/)."""
    value = environ.get("WATCHFILES_FORCE_POLLING", "")
    return bool(value) and value.lower() not in {"false", "disable", "disabled"}


def _is_alone(note: Callable[[str], object]) -> bool:
    """Tell whether nothing is there that the system could tell of changes; `note` hears of it."""
    if find_spec("watchfiles") is not None:
        return False
    note(f"without watchfiles, edits are found by looking at all files: {environment.adding('standard')}")
    return True


def _delay(environ: Mapping[str, str]) -> float:
    """Return the seconds between two looks at all files, which another variable of watchfiles' sets."""
    value = environ.get("WATCHFILES_POLL_DELAY_MS", "")
    return int(value if value.isdecimal() else _CALM) / 1000


def _identity(folder: Path | str) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)  # noqa: PTH116  # one of many
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _state(path: str) -> tuple[object, ...]:
    """Return what is another when a file has changed, or where a link leads, of a folder no more."""
    try:
        status = os.stat(path)  # noqa: PTH116  # one of many
    except OSError:
        return ()
    place = os.path.realpath(path) if os.path.islink(path) else ""  # noqa: PTH114
    return (place,) if os.path.isdir(path) else (place, status.st_mtime_ns, status.st_size)  # noqa: PTH112


def _difference(before: States, after: States) -> set[str]:
    return {path for path in before.keys() | after.keys() if before.get(path, ()) != after.get(path, ())}

"""Write what has changed: each file whole or not at all, the one that it replaces kept where it was the user's."""

import itertools
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl import atomic
from asgictl.scaffold.compare import Change

_MODE = 0o644
COPY = "before-scaffold"


class WrittenFile(NamedTuple):
    """A file that was written, and where its predecessor is kept, if it is."""

    path: str
    copy: Path | None


def write(changes: Iterable[Change]) -> tuple[WrittenFile, ...]:
    """Write the files that are not the same, keeping a copy of each that is in conflict.

    Raises `FileProblemError` when that is not possible; each file is then either the old or the new one. Call it
    inside `atomic.locked`.
    """
    return tuple(_write(change) for change in changes if change.state != "same")


def refuse_unwritable(root: Path, changes: Sequence[Change]) -> None:
    """Raise `FileProblemError` before anything is written where the folder cannot be written to."""
    if any(change.state != "same" for change in changes) and not os.access(root, os.W_OK):
        raise atomic.problem(f"cannot write to `{root}`", PermissionError(13, ""))


def _write(change: Change) -> WrittenFile:
    staged = change.file.with_name(f".new-{change.file.name}")
    try:
        mode = stat.S_IMODE(change.file.stat().st_mode) if change.old is not None else _MODE
        copy = _kept(change) if change.state == "conflict" else None
        atomic.create(staged, change.content, mode)
        staged.replace(change.file)
        atomic.sync(change.file.parent)
    except OSError as error:
        raise atomic.problem(f"cannot write `{change.file}`", error) from error
    return WrittenFile(change.path, copy)


def _kept(change: Change) -> Path:
    """Keep the file that is there under a name that is free."""
    assert change.old is not None  # noqa: S101  # or there would be no conflict
    for number in itertools.count(1):
        copy = change.file.with_name(f"{change.file.name}.{COPY}{f'-{number}' if number > 1 else ''}")
        if not os.path.lexists(copy):
            break
    atomic.create(copy, change.old, stat.S_IMODE(change.file.stat().st_mode))
    return copy

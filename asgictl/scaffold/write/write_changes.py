"""Write what has changed: each file whole or not at all, the one that it replaces kept where it was the user's."""

import itertools
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl import atomic
from asgictl.errors import FileProblemError
from asgictl.scaffold.write.compare import Change, current

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
    return tuple(_write(change) for change in changes if change.state not in {"same", "keep"})


def refuse_unwritable(root: Path, changes: Sequence[Change]) -> None:
    """Raise `FileProblemError` before anything is written where the folder cannot be written to."""
    if any(change.state not in {"same", "keep"} for change in changes) and not os.access(root, os.W_OK):
        raise atomic.problem(f"cannot write to `{root}`", PermissionError(13, ""))


def _write(change: Change) -> WrittenFile:
    if current(change.file) != change.old:
        problem = f"`{change.file}` has changed meanwhile"
        raise FileProblemError(problem, hint="run it again, to see what is there now")
    try:
        mode = stat.S_IMODE(change.file.stat().st_mode) if change.old is not None else _MODE
        copy = _kept(change, mode) if change.state == "conflict" else None
        _create(change.file, change.content, mode)
        atomic.sync(change.file.parent)
    except OSError as error:
        raise atomic.problem(f"cannot write `{change.file}`", error) from error
    return WrittenFile(change.path, copy)


def _kept(change: Change, mode: int) -> Path:
    """Keep the file that is there under a name that is free."""
    assert change.old is not None  # noqa: S101  # or there would be no conflict
    for number in itertools.count(1):
        copy = change.file.with_name(f"{change.file.name}.{COPY}{f'-{number}' if number > 1 else ''}")
        if not os.path.lexists(copy):
            break
    _create(copy, change.old, mode)
    return copy


def _create(file: Path, content: bytes, mode: int) -> None:
    # Under a name that no file of the user's has.
    atomic.create(file, content, mode, part=file.with_name(f".{file.name}.asgictl-new"))

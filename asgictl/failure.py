"""What came out of the user's code, as a value: who shows it decides how much of it."""

import importlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from traceback import StackSummary, TracebackException, extract_tb
from types import TracebackType

from asgictl import reading

_OURS = Path(__file__).parent
_STANDARD = Path(os.__file__).parent


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception: its class's name, and what it says; of a group, its first one that is not a group.

    `traceback` is what Python prints of it, `stack` the same with the frames of the user's code alone, and `place` the
    innermost of those, as `file:line`. `more` is how many other exceptions the group has.
    """

    type: str
    message: str
    traceback: str
    stack: str = ""
    place: str | None = None
    more: int = 0

    @property
    def users(self) -> str:
        """What helps the author of the code: the stack, or what the code itself has said instead."""
        return self.stack or self.traceback

    def __str__(self) -> str:
        text = f"{self.type}: {self.message}" if self.message else self.type
        return f"{text}, and {self.more} more" if self.more else text


def of(error: BaseException, top: TracebackType | None = None) -> Failure:
    """Return what there is to know of `error`; its stack begins with `top`, if given."""
    leaf, *others = leaves(error)
    printed = TracebackException(type(error), error, top or error.__traceback__, compact=True)
    whole = "".join(printed.format())
    _keep_users_frames(printed)
    return Failure(
        type=_name(type(leaf)),
        message=_said(leaf),
        traceback=whole,
        stack="".join(printed.format()),
        place=_place(leaf),
        more=len(others),
    )


def leaves(error: BaseException) -> list[BaseException]:
    """Return the exceptions of a group, and of the groups in it, or the one that `error` is."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for one in error.exceptions for leaf in leaves(one)]


def users_place(frames: Iterable[tuple[str, int]]) -> str | None:
    """Return `file:line` of the innermost of `frames`, of files and lines, that is the user's own code."""
    places = [(file, line) for file, line in frames if file.endswith(".py") and not is_library(file)]
    return f"{reading.shown(Path(places[-1][0]))}:{places[-1][1]}" if places else None


def is_library(file: str) -> bool:
    """Tell whether a file is installed, or Python's, or ours, and not the user's."""
    path = Path(file)
    if "site-packages" in path.parts or "dist-packages" in path.parts:
        return True
    return file.startswith("<") or path.is_relative_to(_OURS) or path.is_relative_to(_STANDARD)


def _is_import(file: str) -> bool:
    """Tell whether a file is of what imports the user's code: Python's machinery, or ours."""
    return file.startswith("<frozen importlib") or file == importlib.__file__ or Path(file).is_relative_to(_OURS)


def _name(kind: type[BaseException]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _said(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return str(error.msg)  # the place is not in it
    try:
        return str(error)
    except BaseException:  # noqa: BLE001  # of the user's class
        return ""


def _place(error: BaseException) -> str | None:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{reading.shown(Path(error.filename))}:{error.lineno}"
    return users_place((frame.filename, frame.lineno or 0) for frame in extract_tb(error.__traceback__))


def _keep_users_frames(printed: TracebackException) -> None:
    """Leave out all other frames, also of causes and of the exceptions in a group, where something is left then."""
    frames = [frame for frame in printed.stack if not is_library(frame.filename)]
    if not frames:
        frames = [frame for frame in printed.stack if not _is_import(frame.filename)]
    printed.stack = StackSummary.from_list(frames)
    for other in (printed.__cause__, printed.__context__, *(printed.exceptions or ())):
        if other is not None:
            _keep_users_frames(other)

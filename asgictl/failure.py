"""What came out of the user's code, as a value: who shows it decides how much of it."""

import importlib
import os
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from traceback import StackSummary, TracebackException, walk_tb
from types import TracebackType
from typing import TypeGuard

from asgictl import reading

# The exceptions that say that an app's client has gone; Starlette's `WebSocketDisconnected` says something else.
_DISCONNECTS = frozenset(
    (
        "asgictl.inspector.client.refusing.GoneError",
        "blacksheep.server.websocket.WebSocketDisconnectError",
        "falcon.errors.WebSocketDisconnected",
        "litestar.exceptions.websocket_exceptions.WebSocketDisconnect",
        "starlette.requests.ClientDisconnect",
        "starlette.websockets.WebSocketDisconnect",
        "uvicorn.protocols.utils.ClientDisconnected",
    )
)

# What Python draws around the exceptions of a group.
_FRAMING = " |+-"

_OURS = Path(__file__).parent
_STANDARD = Path(os.__file__).parent


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception: its class's name, and what it says; of a group, its first one that is not a group.

    `traceback` is what Python prints of it, `stack` the same with the frames of the user's code alone, and `place` the
    innermost of those, as `file:line`. `more` is how many other exceptions the group has. One that `is_told_of_leaving`
    was raised `from` another that says that the client has gone.
    """

    type: str
    message: str
    traceback: str
    stack: str = ""
    place: str | None = None
    more: int = 0
    is_told_of_leaving: bool = False

    @property
    def users(self) -> str:
        """What helps the author of the code: the stack, or what the code itself has said instead."""
        return self.stack or self.traceback

    @property
    def is_disconnect(self) -> bool:
        """Whether it says that the client has gone, with which an app may end: nothing is wrong then."""
        return not self.more and self.type in _DISCONNECTS

    @property
    def is_due_to_leaving(self) -> bool:
        """Whether it is one of those, or was raised from one, as frameworks do."""
        return not self.more and (self.is_told_of_leaving or self.type in _DISCONNECTS)

    def __str__(self) -> str:
        text = f"{self.type}: {self.message}" if self.message else self.type
        return f"{text}, and {self.more} more" if self.more else text


def of(error: BaseException, top: TracebackType | None = None, *, margin: str = "") -> Failure:
    """Return what there is to know of `error`; its stack begins with `top`, if given. Never raises.

    Where an exception says more than one line, the others begin with `margin`.
    """
    way = _way(error)
    try:
        printed = TracebackException(type(error), error, top or error.__traceback__, compact=True)
        whole = _text(printed, margin)
        _keep_users_frames(list(_all(printed)))
        stack = _text(printed, margin)
    except Exception as problem:  # noqa: BLE001  # an exception may be anything
        whole = stack = f"{class_name(error)}: its traceback cannot be shown: {type(problem).__name__}\n"
    return Failure(
        type=class_name(way[-1]),
        message=_said(way[-1]),
        traceback=whole,
        stack=stack,
        place=next(filter(None, map(_place, reversed(way))), None),
        more=_count(error) - 1,
        is_told_of_leaving=any(class_name(one) in _DISCONNECTS for one in _causes(way[-1])),
    )


def last_line(message: str) -> str:
    """Return what counts of an app's message, which often is a whole traceback."""
    lines = [text for line in message.splitlines() if (text := line.strip(_FRAMING))]
    return lines[-1] if lines else "it gave no reason"


def first(error: BaseException) -> BaseException:
    """Return the first exception in a group, and in the groups in it, or the one that `error` is."""
    return _way(error)[-1]


def _way(error: BaseException) -> list[BaseException]:
    """Return the way from a group to its first exception that is not a group."""
    way = [error]
    while isinstance(way[-1], BaseExceptionGroup):
        way.append(way[-1].exceptions[0])
    return way


def _causes(error: BaseException) -> list[BaseException]:
    """Return what an exception was raised `from`, and that one in turn; not what was only handled at that time."""
    found = [error]
    while (cause := found[-1].__cause__) is not None and not any(cause is one for one in found):
        found.append(cause)
    return found[1:]


def keep_users_frames(error: BaseException) -> None:
    """Take the frames of libraries out of the tracebacks of `error`, of its causes, and of those in a group.

    Where no frame is left then, all stay as they are.
    """
    errors: list[BaseException] = []
    left = [error]
    while left:
        one = left.pop()
        if not any(one is other for other in errors):
            errors.append(one)
            others = (one.__cause__, one.__context__, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ()))
            left += [other for other in others if other is not None]
    kept = [_users(one.__traceback__) for one in errors]
    if any(kept):
        for one, stack in zip(errors, kept, strict=True):
            one.__traceback__ = stack


def _users(stack: TracebackType | None) -> TracebackType | None:
    frames = []
    while stack is not None:
        frames.append(stack)
        stack = stack.tb_next
    kept = None
    for one in reversed(frames):
        if not is_library(one.tb_frame.f_code.co_filename):
            kept = TracebackType(kept, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return kept


def _count(error: BaseException) -> int:
    """Return how many exceptions a group has, those of the groups in it counted."""
    count, left = 0, [error]
    while left:
        one = left.pop()
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions
        else:
            count += 1
    return count


def users_place(frames: Iterable[tuple[str, int]]) -> str | None:
    """Return `file:line` of the innermost of `frames`, of files and lines, that is the user's own code."""
    places = [(file, line) for file, line in frames if file.endswith(".py") and not is_library(file)]
    return f"{reading.shown(Path(places[-1][0]))}:{places[-1][1]}" if places else None


def is_library(file: str) -> bool:
    """Tell whether a file is installed, or Python's, or ours, and not the user's.

    What has no absolute path is generated, or was compiled elsewhere, like the modules of Cython.
    """
    path = Path(file)
    if "site-packages" in path.parts or "dist-packages" in path.parts:
        return True
    return not path.is_absolute() or path.is_relative_to(_OURS) or path.is_relative_to(_STANDARD)


def _is_import(file: str) -> bool:
    """Tell whether a file is of what imports the user's code: Python's machinery, or ours."""
    return file.startswith("<frozen importlib") or file == importlib.__file__ or Path(file).is_relative_to(_OURS)


def class_name(value: object) -> str:
    """Return the name of a value's class, with its module unless that is Python's own."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _said(error: BaseException) -> str:
    if _is_of_a_file(error):
        return str(error.msg)  # the place is not in it
    try:
        return str(error)
    except BaseException:  # noqa: BLE001  # of the user's class
        return ""


def _place(error: BaseException) -> str | None:
    if _is_of_a_file(error) and not str(error.filename).startswith("<"):
        return f"{reading.shown(Path(str(error.filename)))}:{error.lineno}"
    frames = walk_tb(error.__traceback__)
    return users_place((frame.f_code.co_filename, line) for frame, line in frames)


def _is_of_a_file(error: BaseException) -> TypeGuard[SyntaxError]:
    return isinstance(error, SyntaxError) and isinstance(error.filename, str)


def _all(printed: TracebackException) -> Iterator[TracebackException]:
    """Yield an exception, its causes, and those in a group."""
    left, seen = [printed], set()
    while left:
        one = left.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            left += [other for other in (one.__cause__, one.__context__, *(one.exceptions or ())) if other is not None]


def _text(printed: TracebackException, margin: str) -> str:
    """Return an exception as Python prints it, but for the margin."""
    text = "".join(printed.format())
    for one in _all(printed) if margin else ():
        notes, one.__notes__ = one.__notes__, None
        said = list(one.format_exception_only())
        one.__notes__ = notes
        noted = "".join(one.format_exception_only()).removeprefix("".join(said))
        indented = "".join(line.rstrip("\n").replace("\n", f"\n{margin}") + "\n" for line in said)
        text = text.replace("".join(said) + noted, indented + textwrap.indent(noted, margin))
    return text


def _keep_users_frames(printed: list[TracebackException]) -> None:
    """Leave out all other frames, where something is left of any of these exceptions then."""
    kept = [[frame for frame in one.stack if not is_library(frame.filename)] for one in printed]
    if not any(kept):
        kept = [[frame for frame in one.stack if not _is_import(frame.filename)] for one in printed]
    for one, frames in zip(printed, kept, strict=True):
        one.stack = StackSummary.from_list(frames) if frames else None  # type: ignore[assignment]  # as without frames

"""Where in the user's code a task waits or a thread is, for messages about what takes too long."""

import gc
import sys
import threading
import traceback
from collections.abc import Iterator
from types import AsyncGeneratorType, FrameType
from typing import TYPE_CHECKING, Any

from asgictl import failure

if TYPE_CHECKING:
    import asyncio


def of_task(task: "asyncio.Task[Any]") -> str:
    """Return ` (file:line)` of the user's code that `task` waits in, or nothing."""
    return _in_brackets(place_of_task(task))


def of_thread(ident: int | None = None) -> str:
    """Return ` (file:line)` of the user's code that a thread is in, the main one by default, or nothing."""
    return _in_brackets(place_of_thread(ident or threading.main_thread().ident or 0))


def place_of_task(task: "asyncio.Task[Any]") -> str | None:
    """Return `file:line` of the user's code that `task` waits in, or None."""
    return failure.users_place(_awaited(task))


def place_of_thread(ident: int) -> str | None:
    """Return `file:line` of the user's code that a thread is in, or None."""
    frame = sys._current_frames().get(ident)  # noqa: SLF001  # documented
    if frame is None:
        return None
    return failure.users_place((entry.filename, entry.lineno or 0) for entry in traceback.extract_stack(frame))


def place_of_another_thread() -> str | None:
    """Return `file:line` of the user's code that a thread is in, other than the main one and this one, or None."""
    here = {threading.main_thread().ident, threading.get_ident()}
    others = [thread.ident for thread in threading.enumerate() if thread.ident not in here]
    return next((place for ident in others if (place := place_of_thread(ident or 0))), None)


def _in_brackets(place: str | None) -> str:
    return f" ({place})" if place else ""


def _awaited(task: "asyncio.Task[Any]") -> Iterator[tuple[str, int]]:
    """Yield the files and lines where a task waits, outermost first."""
    waiting: Any = task.get_coro()
    while waiting is not None:
        frame: FrameType | None = getattr(waiting, "cr_frame", None) or getattr(waiting, "ag_frame", None)
        if frame is not None:
            yield frame.f_code.co_filename, frame.f_lineno
        inner = getattr(waiting, "cr_await", None) or getattr(waiting, "ag_await", None)
        # `anext()` of an asynchronous generator does not tell whose it is, but the garbage collector knows.
        waiting = next((it for it in gc.get_referents(inner) if isinstance(it, AsyncGeneratorType)), inner)

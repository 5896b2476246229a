"""Where in the user's code a task waits or a thread is, for messages about what takes too long."""

import asyncio
import gc
import sys
import threading
import traceback
from collections.abc import Iterator
from types import AsyncGeneratorType, FrameType
from typing import Any

from asgictl import failure


def of_task(task: "asyncio.Task[Any]") -> str:
    """Return ` (file:line)` of the user's code that `task` waits in, or nothing."""
    return _place(_awaited(task))


def of_thread(ident: int | None = None) -> str:
    """Return ` (file:line)` of the user's code that a thread is in, the main one by default, or nothing."""
    frame = sys._current_frames().get(ident or threading.main_thread().ident or 0)  # noqa: SLF001  # documented
    return _place((entry.filename, entry.lineno or 0) for entry in traceback.extract_stack(frame)) if frame else ""


def _place(frames: Iterator[tuple[str, int]]) -> str:
    place = failure.users_place(frames)
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

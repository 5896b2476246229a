"""What a process that stops, or takes too long to start, has left unfinished, in words."""

import asyncio
import dataclasses
import linecache
import multiprocessing
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

from asgictl import whereabouts
from asgictl.asgi import Scope

LOADING = "the import of the app"
STARTING = "the startup of the app"
SERVING = "the app"
ENDING = "the shutdown of the app"

# What runs servers, and event loops.
_RUNNING = frozenset(("aiohttp", "asyncio", "hypercorn", "socketserver", "tornado", "uvicorn", "waitress", "werkzeug"))


@dataclasses.dataclass
class Startup:
    """How far the app is: what it is doing, in words, and the task of its startup, or of its whole lifespan."""

    doing: str = LOADING
    task: "asyncio.Task[Any] | None" = None
    lifespan: "asyncio.Task[Any] | None" = None


def requests(scopes: Sequence[Scope]) -> str:
    """Return how many requests are unfinished, and the first of them; nothing when there is none."""
    if not scopes:
        return ""
    first = f"{scopes[0].get('method', 'WebSocket')} {scopes[0]['path']}"
    return f"1 request: {first}" if len(scopes) == 1 else f"{len(scopes)} requests: {first}, ..."


def end(loop: "asyncio.AbstractEventLoop | None", lifespan: "asyncio.Task[Any] | None") -> str:
    """Return what holds up the end of the process: the lifespan, a task, a thread, or an exit handler."""
    runs = loop is not None and loop.is_running()
    if runs and lifespan is not None and not lifespan.done():
        return f"{ENDING}{whereabouts.of_task(lifespan)}"
    for one in asyncio.all_tasks(loop) if runs else ():
        if where := whereabouts.of_task(one):
            return f"the task `{one.get_name()}`{where}"
    threads = [(whereabouts.of_thread(one.ident), one.name) for one in _threads()]
    for where, name in sorted(threads, reverse=True):
        if where or not runs:  # one that is idle in a library waits for the loop to end
            return f"the thread `{name}`{where}"
    for child in multiprocessing.active_children() if not runs else ():
        if not child.daemon:
            return f"the process `{child.name}` (pid {child.pid}), which the app has started"
    if not runs and (where := whereabouts.of_thread()):
        return f"an exit handler{where}; --graceful-timeout gives it longer"
    return f"{ENDING}{whereabouts.of_thread()}"


def _threads() -> Iterator[threading.Thread]:
    """Yield the threads that Python waits for at its end."""
    for one in threading.enumerate():
        if one is not threading.main_thread() and not one.daemon and not one.name.startswith("asgictl-"):
            yield one


def advice() -> str:
    """Return what to do about a server, or an event loop, that the main thread runs in an import; or nothing."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001  # documented
    runs = False
    for entry, _ in traceback.walk_stack(frame):
        if entry.f_globals.get("__name__", "").partition(".")[0] in _RUNNING:
            runs = True
        elif runs and entry.f_code.co_name == "<module>":
            text = linecache.getline(entry.f_code.co_filename, entry.f_lineno).strip()
            return f': `{text}` belongs below `if __name__ == "__main__":`'
    return ""


def place(startup: "asyncio.Task[Any] | None") -> str:
    """Return where the startup waits, or where the main thread is, in the user's code."""
    waiting = whereabouts.of_task(startup) if startup else ""
    return waiting or whereabouts.of_thread()

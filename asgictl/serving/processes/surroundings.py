"""Whether asgictl can work where it was called: in the main thread, without an event loop, with room for threads."""

import sys
import threading

from asgictl.errors import StartError

# How many threads and processes there are before the app is ready: of the parent, of each process below it with that
# process, and of what watches the files.
_OF_PARENT, _OF_CHILD, _OF_WATCHER = 7, 7, 2

# What a thread that only waits needs for its stack, in bytes.
_STACK = 64 * 1024

_HINT = "start `asgictl` as a process of its own; from a notebook with `!asgictl serve ...`"


def check() -> None:
    """Raise `StartError` where no event loop can run, or no signal arrives."""
    if threading.current_thread() is not threading.main_thread():
        raise StartError("this is not the main thread, and signals arrive nowhere else", hint=_HINT)
    check_loop(_HINT)


def check_loop(hint: str) -> None:
    """Raise `StartError` with `hint` where an event loop runs, for there can be one only."""
    if "asyncio" not in sys.modules:  # which takes long to import
        return
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise StartError("an event loop is running here already", hint=hint)


def check_room(children: int, *, watches: bool) -> None:
    """Raise `RuntimeError`, which `errors.shortage` knows, where `children` processes could not start their threads.

    There it would be a stack: uvicorn starts the first one before anything of asgictl's runs.
    """
    needed = (_OF_PARENT if children else 0) + _OF_CHILD * children + (_OF_WATCHER if watches else 0)
    go = threading.Event()
    waiting: list[threading.Thread] = []
    usual = threading.stack_size(_STACK)
    try:
        for _ in range(needed):
            thread = threading.Thread(target=go.wait, daemon=True)
            thread.start()
            waiting.append(thread)
    finally:
        threading.stack_size(usual)
        go.set()
        for thread in waiting:
            thread.join()

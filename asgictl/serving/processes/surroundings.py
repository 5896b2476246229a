"""Whether asgictl can work where it was called: without an event loop that runs there, and in the main thread."""

import sys
import threading

from asgictl.errors import StartError

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

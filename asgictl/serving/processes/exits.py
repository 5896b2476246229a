"""The end of a process at once, and what has to be done before."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn

# How long what is done before may take, in seconds.
_PATIENCE = 0.2

_actions: list[Callable[[], object]] = []


@contextlib.contextmanager
def before_end(action: Callable[[], object]) -> Iterator[None]:
    """Have `action` done if the process is ended at once inside the block, the latest first; it has to be quick."""
    _actions.append(action)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # another thread was as quick
            _actions.remove(action)


def end(status: int) -> NoReturn:
    """End the process at once, whatever its threads are doing; what is printed is kept."""
    try:
        last = threading.Thread(target=_finish, daemon=True)
        last.start()
        last.join(_PATIENCE)  # another thread may hold the stream's lock for ever
    finally:
        os._exit(status)


def _finish() -> None:
    for act in reversed(_actions):
        with contextlib.suppress(Exception):
            act()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()

"""Open files: enough of them for the start, and a word while there are too few for new clients."""

import asyncio
import contextlib
import errno
import logging
import os
import sys
import time
from collections.abc import Callable

from asgictl import errors
from asgictl.errors import StartError

# What a process opens until it answers, with as many again for an app and its first clients; and what its parent has
# open for each worker.
_NEEDED = 40
_PER_WORKER = 5

# How often to look, and how often to say it at most, in seconds.
_LOOK = 1.0
_AGAIN = 60.0

# How asyncio begins what it logs for each client that it cannot accept, thousands of times a second (CPython 3.11).
_REFUSED = "socket.accept() out of system resource"

# For each of them it tries again a second later, also where the socket was closed meanwhile.
_RETRIED = "Exception in callback BaseSelectorEventLoop._start_serving("


def check(workers: int) -> None:
    """Raise `StartError` unless as many files can be opened as a server with so many workers needs."""
    needed = _NEEDED + (_PER_WORKER * workers if workers > 1 else 0)
    opened: list[int] = []
    with contextlib.suppress(OSError):
        while len(opened) < needed:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    for descriptor in opened:
        os.close(descriptor)
    if len(opened) < needed:
        problem = f"only {len(opened)} more files can be opened{_limit()}, and the server needs {needed}"
        enough = max(1024, 2 ** (needed + _NEEDED).bit_length())
        raise StartError(problem, hint=f"raise the limit: `ulimit -n {enough}`")


class Shortage:
    """Says from time to time that new clients are not accepted, for want of descriptors."""

    def __init__(self, loop: asyncio.AbstractEventLoop, note: Callable[[str], object]) -> None:
        """Hear what asyncio says, and look every second: uvloop says nothing (libuv closes what it cannot accept)."""
        self._loop = loop
        self._note = note
        self._told = -_AGAIN
        self._limit = _limit()
        logging.getLogger("asyncio").addFilter(self.heeds)
        self.look()

    def look(self) -> None:
        """Say it if nothing can be opened any more; look again later."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            self._tell(error)
        self._loop.call_later(_LOOK, self.look)

    def heeds(self, record: logging.LogRecord) -> bool:
        """Tell whether a record of asyncio's is to be logged: not one about a client that it could not accept."""
        if not str(record.msg).startswith((_REFUSED, _RETRIED)):
            return True
        if record.exc_info and isinstance(record.exc_info[1], OSError):
            self._tell(record.exc_info[1])
        return False

    def _tell(self, error: OSError) -> None:
        if time.monotonic() - self._told >= _AGAIN:
            self._told = time.monotonic()
            limit = self._limit if error.errno == errno.EMFILE else ""
            self._note(f"new clients have to wait, or are turned away: {errors.reason(error)}{limit}")


def _limit() -> str:
    """Return in brackets how many files a process may have open, where the system has such a limit."""
    if sys.platform == "win32":
        return ""
    return f" (`ulimit -n` is {os.sysconf('SC_OPEN_MAX')})"

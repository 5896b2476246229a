"""The console script.

The command line is imported inside `main`: processes that uvicorn spawns import this module again, and
have no use for it.
"""

import os
import signal
import sys
from types import FrameType

from asgictl import collector


def main() -> None:
    """Run asgictl; exit with its status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop_early)
    collector.seldom()
    from asgictl.cli import app

    try:
        app(prog_name="asgictl")
    finally:
        _flush()


def _flush() -> None:
    """Write what is left; where that is not possible, to nowhere, or Python would end with status 120.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _stop_early(number: int, _frame: FrameType | None) -> None:
    """End before anything has begun; a command that serves puts handlers of its own in the place of this one."""
    sys.stderr.write(f"error: stopped by {signal.Signals(number).name} before it began\n")
    sys.stderr.flush()
    os._exit(3)


if __name__ == "__main__":
    main()

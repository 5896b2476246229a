"""The console script.

The command line is imported inside `main`: processes that uvicorn spawns import this module again, and
have no use for it.
"""

import contextlib
import os
import sys

if __name__ == "__main__":
    with contextlib.suppress(FileNotFoundError):  # there is no current folder any more
        if sys.path[0] == os.getcwd():  # noqa: PTH109  # `python -m` puts it there, and so first
            del sys.path[0]

import signal
from types import FrameType

from asgictl import collector, process_one, streams


def main() -> None:
    """Run asgictl; exit with its status."""
    with contextlib.suppress(ValueError):  # only the main thread may; a command that needs it says so
        if sys.platform != "win32":
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it is ignored, nobody is told of an end (wait(2))
    process_one.divide()
    with contextlib.suppress(ValueError):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop_early)
    collector.seldom()
    from asgictl.cli import app

    try:
        app(prog_name="asgictl")
    finally:
        _flush()


def _flush() -> None:
    """Write what is left, if somebody reads it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            streams.lead_nowhere(stream)


def _stop_early(number: int, _frame: FrameType | None) -> None:
    """End before anything has begun; a command that serves puts handlers of its own in the place of this one."""
    sys.stderr.write(f"error: stopped by {signal.Signals(number).name} before it began\n")
    sys.stderr.flush()
    os._exit(3)


if __name__ == "__main__":
    main()

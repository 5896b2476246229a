"""SIGHUP in a process that has workers: it may be a wish to restart them, or the end of the terminal."""

import os
import signal
import threading
import time
from collections.abc import Callable

from asgictl.serving.processes import stopping

# How long a terminal that is closed may still be seen after its SIGHUP, in seconds.
_TERMINAL_GOES = 0.1


def watch(wish: Callable[[], object], stop: Callable[[], object]) -> bool:
    """Call `wish` at each SIGHUP, or `stop` when it says that the terminal was closed; in a thread.

    Returns whether SIGHUP is to be ignored, as nohup has it, but for the wish of somebody who knows what it does.

    The signal is blocked from here on, so that it never comes to the handler of uvicorn's supervisor. That has to be
    before other threads start, because each of them could receive it.
    """
    if stopping.HANGUP is None:
        return False
    ignored = signal.getsignal(stopping.HANGUP) is signal.SIG_IGN
    terminal = not ignored and _has_terminal()
    signal.pthread_sigmask(signal.SIG_BLOCK, {stopping.HANGUP})
    threading.Thread(target=_wait, args=(terminal, wish, stop), name="asgictl-hangup", daemon=True).start()
    return ignored


def _wait(terminal: bool, wish: Callable[[], object], stop: Callable[[], object]) -> None:  # noqa: FBT001  # a thread's
    while signal.sigwait({signal.Signals.SIGHUP}):
        time.sleep(_TERMINAL_GOES)
        if terminal and not _has_terminal():
            stop()
        else:
            wish()


def _has_terminal() -> bool:
    """Tell whether this process has a controlling terminal now."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True

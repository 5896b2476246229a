"""The state of the terminal, which a debugger that is ended leaves without an echo."""

import contextlib
import os
import sys
from typing import Any

if sys.platform != "win32":
    import termios

_saved: list[Any] = []


def save() -> None:
    """Remember how the terminal is now."""
    if sys.platform != "win32":
        with contextlib.suppress(termios.error, OSError, ValueError):
            _saved[:] = [termios.tcgetattr(0)]


def restore() -> None:
    """Put the terminal back as it was, unless another program has it now."""
    if sys.platform == "win32" or not _saved:
        return
    with contextlib.suppress(termios.error, OSError):
        if os.tcgetpgrp(0) == os.getpgrp():
            termios.tcsetattr(0, termios.TCSADRAIN, _saved[0])

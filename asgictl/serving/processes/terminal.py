"""The state of the terminal, which a debugger that is ended leaves without an echo."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from asgictl.serving.processes import exits

if sys.platform != "win32":
    import termios


class Terminal:
    """The terminal as it is now."""

    def __init__(self) -> None:
        self._state: list[Any] | None = None
        if sys.platform != "win32":
            with contextlib.suppress(termios.error, OSError, ValueError):
                self._state = termios.tcgetattr(0)

    def restore(self) -> None:
        """Put the terminal back as it was, unless another program has it now."""
        if sys.platform == "win32" or self._state is None:
            return
        with contextlib.suppress(termios.error, OSError):
            if os.tcgetpgrp(0) == os.getpgrp():
                termios.tcsetattr(0, termios.TCSADRAIN, self._state)


@contextlib.contextmanager
def kept() -> Iterator[Terminal]:
    """Yield the terminal, which is restored at the end of the block, and when the process is ended at once."""
    terminal = Terminal()
    try:
        with exits.before_end(terminal.restore):
            yield terminal
    finally:
        terminal.restore()

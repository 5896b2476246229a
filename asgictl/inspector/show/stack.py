"""The stack of an exception, as the views show it."""

import re
from collections.abc import Iterator

from asgictl import failure
from asgictl.spans import Line, Span

# The two lines of a frame in a traceback, of an exception in a group too.
_FRAME = re.compile(r'[ |]*  File "(.+)", line \d+')
_SOURCE = re.compile(r"[ |]*    \S")

_INDENT = " " * 9


def lines(text: str) -> Iterator[Line]:
    """Yield a traceback, in which the frames of libraries stand back."""
    style = ""
    for line in text.splitlines():
        if frame := _FRAME.match(line):
            style = "dim" if failure.is_library(frame[1]) else ""
        elif not line.lstrip(" |").startswith(("^", "~")) and not _SOURCE.match(line):
            style = ""
        yield [Span(f"{_INDENT}{line}", style)]


def hint() -> Line:
    """Return what leads to all of it."""
    return [Span(f"{_INDENT}add --traceback to see the whole stack", "dim")]

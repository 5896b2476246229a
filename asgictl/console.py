"""What asgictl prints: results to stdout, what it says about them to stderr."""

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from asgictl.errors import AppLoadError, AsgictlError

_STYLES = {"bold": "1", "dim": "2", "red": "31", "yellow": "33", "cyan": "36"}


class Console:
    """The two streams, with colours where they belong."""

    def __init__(self, *, traceback: bool = False, environ: Mapping[str, str] = os.environ) -> None:
        """Show the whole stack of errors in the user's app if `traceback`."""
        self._traceback = traceback
        self.colors = _wants_colors(sys.stderr, environ)

    def result(self, text: str, data: Any = None, *, as_json: bool = False) -> None:
        """Print what the command was asked for."""
        print(json.dumps(data) if as_json else text, file=sys.stdout)  # noqa: T201  # the module for it

    def note(self, text: str) -> None:
        """Say something that the user should know."""
        self._say("note", "cyan", text)

    def step(self, text: str) -> None:
        """Say how something was worked out, when asked for it."""
        self._write(self.styled(plain(text), "dim"))

    def error(self, error: AsgictlError) -> None:
        """Say what went wrong, and what to do about it."""
        if self._traceback and isinstance(error, AppLoadError) and error.details:
            for line in error.details.rstrip().splitlines():
                self._write(plain(line))
        self._say("error", "red", error.message)
        if error.hint and not (self._traceback and "--traceback" in error.hint):
            self.hint(error.hint)

    def hint(self, text: str) -> None:
        """Say what to do next."""
        self._say("hint", "yellow", text)

    def table(self, rows: Sequence[tuple[str, str]]) -> None:
        """Print labels and values in two columns."""
        width = max(len(label) for label, _ in rows)
        self._write("")
        for label, value in rows:
            self._write(f"  {self.styled(label.ljust(width), 'dim')}  {value}")
        self._write("")

    def line(self, text: str) -> None:
        """Print one line as it is."""
        self._write(text)

    def styled(self, text: str, *styles: str) -> str:
        """Return `text` in the given styles where the terminal shows them."""
        if not self.colors:
            return text
        return f"\x1b[{';'.join(_STYLES[style] for style in styles)}m{text}\x1b[0m"

    def _say(self, kind: str, color: str, text: str) -> None:
        self._write(f"{self.styled(f'{kind}:', 'bold', color)} {plain(text)}")

    def _write(self, text: str) -> None:
        if sys.stderr is None:
            return
        with contextlib.suppress(OSError, ValueError):  # a closed pipe, or a terminal without such letters
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def plain(text: str) -> str:
    """Return `text` with control characters made visible: it may come from outside, and must not steer the terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _wants_colors(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Follow https://no-color.org and https://force-color.org, then the terminal."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return stream is not None and stream.isatty() and environ.get("TERM") != "dumb"

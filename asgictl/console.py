"""What asgictl prints: results to stdout, what it says about them to stderr."""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from asgictl import errors
from asgictl.errors import AppLoadError, AsgictlError, FileProblemError
from asgictl.spans import Span, plain

# The form of an answer in JSON, docs/json.schema.json.
_SCHEMA = "asgictl/1"

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}

# Shorter work shows no progress.
_SHORT = 20

# The rows below one that has no room for its last part below the beginning of it are indented by so much more.
_FURTHER = 4

# A flexible part of a line keeps at least this many columns.
_LEAST = 16


# How much is shown of the stack of an exception: nothing, the frames of the user's code, or all of it.
Stack = Literal["hidden", "users", "whole"]


def answer(command: str | None, **content: Any) -> str:
    """Return the one object that a command answers with in JSON (docs/json.md)."""
    return json.dumps({"schema": _SCHEMA, "command": command, **content})


class Console:
    """The two streams, with colours where they belong."""

    def __init__(
        self,
        *,
        stack: Stack = "hidden",
        as_json: bool = False,
        json_for: str | None = None,
        plain_only: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Show so much of the `stack` of errors in the user's app.

        With `as_json` everything that is said is JSON; with `json_for` the result of the command of that name is, or
        the error in its place (docs/json.md).
        """
        self._stack: Stack = stack
        self._json_for = json_for
        self.json_result = json_for is not None
        self.as_json = as_json
        self.colors = not as_json and _wants_colors(sys.stderr, environ, terminal=not plain_only)
        # What takes out of errors and notes what is not to be told.
        self.hide: Callable[[str], str] = str
        self.log_colors = not as_json and _wants_colors(sys.stdout, environ, terminal=not plain_only)

    def result(self, text: str, data: Any = None) -> None:
        """Print what the command was asked for; raise `FileProblemError` when that cannot be written."""
        try:
            print(self._answer(result=data) if self.json_result else text, file=sys.stdout, flush=True)  # noqa: T201  # the module for it
        except BrokenPipeError:
            raise
        except OSError as error:
            problem = f"cannot write to stdout: {errors.reason(error)}"
            raise FileProblemError(problem, hint="make room, or write to another file") from error

    def _answer(self, **content: Any) -> str:
        return answer(self._json_for, **content)

    def note(self, text: str) -> None:
        """Say something that the user should know."""
        self._say("note", "cyan", text)

    def step(self, text: str) -> None:
        """Say how something was worked out, when asked for it."""
        if self.as_json:
            self.event("debug", text)
        else:
            self._write(self.styled(plain(text), "dim"))

    def error(self, error: AsgictlError) -> None:
        """Say what went wrong, and what to do about it."""
        details, hint = "", error.hint and self.hide(error.hint)
        if isinstance(error, AppLoadError) and error.failure is not None:
            shown = {"hidden": "", "users": error.failure.users, "whole": error.failure.traceback}
            details = self.hide(shown[self._stack].rstrip())
            if not details and not hint:
                hint = f"add --traceback to see the whole {'stack' if error.failure.stack else 'message'}"
        if self.json_result:
            data = {"message": self.hide(error.message), "hint": hint, "exit_status": error.exit_status}
            print(self._answer(error=data), file=sys.stdout)  # noqa: T201  # instead of the result
            return
        if self.as_json:
            self.event("error", self.hide(error.message), hint=hint, exception=details or None)
            return
        for line in details.splitlines():
            self._write(plain(line))
        self.problem(error.message, hint)

    def problem(self, message: str, hint: str | None) -> None:
        """Say what is wrong, also beside a result."""
        self._say("error", "red", message)
        if hint:
            self.hint(hint)

    def hint(self, text: str) -> None:
        """Say what to do next."""
        self._say("hint", "yellow", text)

    def event(self, level: str, message: str, **fields: Any) -> None:
        """Say something as one JSON object, without the `fields` that are None."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        known = {key: value for key, value in fields.items() if value is not None}
        self._write(json.dumps({"time": time, "level": level, "logger": "asgictl", "message": message, **known}))

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

    @contextlib.contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """Show on a terminal how far some long work is; call what is yielded after each of its `total` parts."""
        done = 0
        shown = total > _SHORT and not self.as_json and sys.stderr is not None and sys.stderr.isatty()

        def advance() -> None:
            nonlocal done
            done += 1
            if shown:
                sys.stderr.write(f"\r{what} {done} of {total}\x1b[K")
                sys.stderr.flush()

        try:
            yield advance
        finally:
            if shown:
                sys.stderr.write("\r\x1b[K")

    @contextlib.contextmanager
    def activity(self) -> Iterator[Callable[[str], None]]:
        """Show on a terminal the latest line of what goes on; call what is yielded with each, "" clears it."""
        shown = not self.as_json and sys.stderr is not None and sys.stderr.isatty()

        def hear(line: str) -> None:
            if shown:
                width = shutil.get_terminal_size().columns - 1
                sys.stderr.write(f"\r{plain(line)[:width]}\x1b[K")
                sys.stderr.flush()

        try:
            yield hear
        finally:
            hear("")

    def styled(self, text: str, *styles: str) -> str:
        """Return `text` in the given styles where the terminal shows them."""
        if not self.colors:
            return text
        return f"\x1b[{';'.join(_STYLES[style] for style in styles)}m{text}\x1b[0m"

    def rendered(self, line: Sequence[Span], width: int | None) -> str:
        """Return a line for stdout, in which flexible spans give way to fit into `width`; texts may be from outside."""
        parts = [span._replace(text=plain(span.text)) for span in line]
        return self._in_colors(parts if width is None else _fitted(parts, width))

    def wrapped(self, line: Sequence[Span], width: int | None) -> str:
        """Return a line for stdout in rows of `width`; those after the first are indented as far as its last span."""
        parts = [span._replace(text=plain(span.text)) for span in line]
        rows = [parts] if width is None else _rows(parts, width)
        return "\n".join(map(self._in_colors, rows))

    def _in_colors(self, parts: list[Span]) -> str:
        if not self.log_colors:
            return "".join(text for text, _, _ in parts)
        return "".join(f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and text else text for text, style, _ in parts)

    def _say(self, kind: str, color: str, text: str) -> None:
        text = self.hide(text)
        if self.as_json:
            self.event("error" if kind == "error" else "info", text)
            return
        self._write(f"{self.styled(f'{kind}:', 'bold', color)} {plain(text)}")

    def _write(self, text: str) -> None:
        if sys.stderr is None:
            return
        with contextlib.suppress(OSError, ValueError):  # a closed pipe, or a terminal without such letters
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def _fitted(parts: list[Span], width: int) -> list[Span]:
    """Return the parts of a line, cut where they take more than `width` columns."""
    from rich.cells import cell_len, set_cell_size

    def cut(text: str, columns: int) -> str:
        return f"{set_cell_size(text, columns - 1).rstrip()}…" if cell_len(text) > columns else text

    over = sum(cell_len(text) for text, _, _ in parts) - width
    if over <= 0:
        return parts
    parts = [
        span._replace(text=cut(span.text, max(_LEAST, cell_len(span.text) - over))) if span.flexible else span
        for span in parts
    ]
    fitted = []
    for span in parts:
        if width <= 0:
            break
        fitted.append(span._replace(text=cut(span.text, width)))
        width -= cell_len(span.text)
    return fitted


def _rows(parts: list[Span], width: int) -> list[list[Span]]:
    """Return the parts of a line in rows of so many columns."""
    from rich.cells import cell_len

    whole = "".join(span.text for span in parts)
    if cell_len(whole) <= width:
        return [parts]
    indent = cell_len(whole) - cell_len(parts[-1].text.lstrip())
    if indent > width // 2:
        indent = min(len(whole) - len(whole.lstrip()) + _FURTHER, width // 2)
    rows: list[list[Span]] = [[]]
    room = width
    for span in parts:
        taken = ""
        for char in span.text:
            if cell_len(char) > room:
                rows[-1].append(span._replace(text=taken))
                rows.append([Span(" " * indent)])
                taken, room = "", width - indent
            taken += char
            room -= cell_len(char)
        rows[-1].append(span._replace(text=taken))
    return rows


def _wants_colors(stream: TextIO | None, environ: Mapping[str, str], *, terminal: bool) -> bool:
    """Follow https://no-color.org and https://force-color.org, then the `terminal`, if it is asked."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return terminal and stream is not None and stream.isatty() and environ.get("TERM") != "dumb"

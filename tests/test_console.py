"""What asgictl prints, and where: results, what it says about them, errors, and what goes on."""

import io
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from asgictl import errors
from asgictl.cli.command import console_of
from asgictl.console import Console
from asgictl.errors import AppLoadError, AsgictlError, ConfigError, FileProblemError, StartError
from asgictl.failure import Failure
from asgictl.spans import Span, plain


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """Return true."""
        return True


def lines(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], list[str]]:
    """Return the lines of both streams."""
    captured = capsys.readouterr()
    return captured.out.splitlines(), captured.err.splitlines()


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what was said in JSON, without the times, which have to be those of now."""
    out, err = lines(capsys)
    assert out == []
    events: list[dict[str, Any]] = [json.loads(line) for line in err]
    for event in events:
        time = event.pop("time")
        age = datetime.now(UTC) - datetime.fromisoformat(time)
        assert timedelta(0) <= age < timedelta(minutes=1)
        assert time == datetime.fromisoformat(time).astimezone(UTC).isoformat(timespec="milliseconds")
    return events


def test_the_statuses_of_errors() -> None:
    """Each kind of error ends the command with its own status."""
    kinds = (AsgictlError, ConfigError, StartError, AppLoadError, FileProblemError, errors.InterruptedByUserError)

    assert [kind.exit_status for kind in kinds] == [1, 2, 3, 3, 4, 130]
    assert (errors.STOPPED, errors.FORCED) == (0, 130)
    error = ConfigError("x", hint="y", option="z")
    assert (str(error), error.message, error.hint, error.option) == ("x", "x", "y", "z")
    load = AppLoadError("x")
    assert (load.hint, load.failure, ConfigError("x").option, StartError("x").hint) == (None, None, None, None)


def test_what_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Everything but a result goes to stderr, each line with what it is."""
    console = Console(environ={})

    console.note("one")
    console.step("two\n")
    console.hint("three")
    console.problem("four", None)
    console.problem("five", "six")
    console.line("seven\x1b")
    console.table([("a", "1"), ("long", "2")])
    console.result("eight")

    assert lines(capsys) == (
        ["eight"],
        [
            *("note: one", "two\\n", "hint: three", "error: four", "error: five", "hint: six", "seven\x1b"),
            *("", "  a     1", "  long  2", ""),
        ],
    )


def test_what_is_said_in_colours(capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal each kind of line has its colour."""
    console = Console(environ={"FORCE_COLOR": "1"})

    console.note("one")
    console.step("two")
    console.hint("three")
    console.problem("four", None)
    console.table([("a", "1")])

    assert lines(capsys)[1] == [
        "\x1b[1;36mnote:\x1b[0m one",
        "\x1b[2mtwo\x1b[0m",
        "\x1b[1;33mhint:\x1b[0m three",
        "\x1b[1;31merror:\x1b[0m four",
        *("", "  \x1b[2ma\x1b[0m  1", ""),
    ]
    parts = [Span("a", "green"), Span("b"), Span("", "red")]
    assert console.rendered(parts, None) == "\x1b[32ma\x1b[0mb"


def test_what_is_said_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--log-format json` every line is one object, without colours."""
    console = Console(as_json=True, environ={"FORCE_COLOR": "1"})

    console.note("one")
    console.step("two")
    console.error(StartError("three"))
    console.error(AppLoadError("four", hint="five", failure=Failure("E", "four", "six")))
    console.event("warning", "seven", a=1, b=None)

    ours = {"logger": "asgictl"}
    assert said(capsys) == [
        {"level": "info", **ours, "message": "one"},
        {"level": "debug", **ours, "message": "two"},
        {"level": "error", **ours, "message": "three"},
        {"level": "error", **ours, "message": "four", "hint": "five"},
        {"level": "warning", **ours, "message": "seven", "a": 1},
    ]
    Console(as_json=True, stack="whole", environ={}).error(AppLoadError("four", failure=Failure("E", "four", "six")))
    assert said(capsys) == [{"level": "error", **ours, "message": "four", "exception": "six"}]


def test_an_error_in_the_users_app(capsys: pytest.CaptureFixture[str]) -> None:
    """`--traceback` shows the stack before the error, and takes the hint to itself away."""
    error = AppLoadError("x", failure=Failure("E", "x", "one\n  two\x1b\n\n", "one\n"))

    Console(environ={}).error(error)
    Console(environ={}, stack="whole").error(error)
    Console(environ={}, stack="users").error(error)
    Console(environ={}, stack="whole").error(StartError("y", hint="do z"))

    assert lines(capsys)[1] == [
        *("error: x", "hint: add --traceback to see the whole stack"),
        *("one", "  two\\x1b", "error: x"),
        *("one", "error: x"),
        *("error: y", "hint: do z"),
    ]


def test_an_error_for_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` an error is the result, on stdout."""
    Console(environ={}, json_for="gen-cert").error(FileProblemError("x", hint="y"))

    out, err = lines(capsys)
    error = {"message": "x", "hint": "y", "exit_status": 4}
    assert ([json.loads(line) for line in out], err) == (
        [{"schema": "asgictl/1", "command": "gen-cert", "error": error}],
        [],
    )


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({}, None),
        ({"traceback": True}, "whole"),
        ({"reload": True}, "the user's"),
        ({"reload": True, "traceback": True}, "whole"),
        ({"reload": True, "check": True}, None),
        ({"traceback": True, "check": True}, "whole"),
    ],
)
def test_when_the_stack_is_shown(
    capsys: pytest.CaptureFixture[str], params: dict[str, bool], shown: str | None
) -> None:
    """The stack is shown when it is asked for, and with reload, where the terminal is what one looks at, the user's."""
    console_of(params).error(AppLoadError("x", hint="y", failure=Failure("E", "x", "whole", "the user's")))

    assert lines(capsys)[1] == [*([shown] if shown else []), "error: x", "hint: y"]


def test_what_the_app_says_of_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    """What an app itself says at length is shown with reload, and else one learns how to see it."""
    error = AppLoadError("x", failure=Failure("", "x", "one\nx"))

    console_of({"reload": True}).error(error)
    console_of({}).error(error)

    assert lines(capsys)[1] == ["one", "x", "error: x", "error: x", "hint: add --traceback to see the whole message"]


@pytest.mark.parametrize(
    ("params", "environ", "terminal", "coloured"),
    [
        ({}, {}, True, True),
        ({}, {}, False, False),
        ({}, {"TERM": "dumb"}, True, False),
        ({}, {"NO_COLOR": "1"}, True, False),
        ({}, {"NO_COLOR": ""}, True, True),
        ({}, {"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ({"prod": True}, {}, True, False),
        ({"prod": True}, {"FORCE_COLOR": "1"}, False, True),
        ({"log_format": "json"}, {"FORCE_COLOR": "1"}, True, False),
        ({"log_format": "text"}, {}, True, True),
    ],
)
def test_when_there_are_colours(
    monkeypatch: pytest.MonkeyPatch, params: dict[str, Any], environ: dict[str, str], terminal: bool, coloured: bool
) -> None:
    """A terminal has colours but for `--prod` and JSON; the two variables decide everywhere else."""
    monkeypatch.delenv("TERM", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, Terminal() if terminal else io.StringIO())

    console = console_of(params)

    assert (console.colors, console.log_colors) == (coloured, coloured)


def test_each_stream_has_its_own_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that goes into a file has none, while the terminal has; without streams there are none."""
    monkeypatch.delenv("TERM", raising=False)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(sys, "stdout", None)

    console = Console(environ={})

    assert (console.colors, console.log_colors) == (True, False)


class Failing(io.StringIO):
    """A stream that cannot be written."""

    def __init__(self, error: OSError) -> None:
        """Fail with `error`."""
        super().__init__()
        self._error = error

    def write(self, _: str) -> int:
        """Fail."""
        raise self._error


FULL = OSError(28, "No space left on device")


def test_a_result_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is an error with its reason; a pipe that is closed is not ours to tell of."""
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", Failing(FULL))
        with pytest.raises(FileProblemError) as caught:
            Console(environ={}).result("x")
        patched.setattr(sys, "stdout", Failing(BrokenPipeError()))
        with pytest.raises(BrokenPipeError):
            Console(environ={}).result("x")

    assert (caught.value.message, caught.value.hint) == (
        "cannot write to stdout: No space left on device",
        "make room, or write to another file",
    )


def test_what_cannot_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stderr is closed, full or not there, the command goes on."""
    for stream in (None, Failing(FULL), io.TextIOWrapper(io.BytesIO(), encoding="ascii")):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stderr", stream)
            Console(environ={}).note("ä")
            with Console(environ={}).progress("x", 21) as advance:
                advance()


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool = True) -> io.StringIO:
    """Return what stderr is from here on."""
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal long work tells how far it is, in one line, which is cleared in the end."""
    written = []
    for total, terminal, as_json in ((21, True, False), (20, True, False), (21, False, False), (21, True, True)):
        stream = shown(monkeypatch, terminal=terminal)
        with Console(as_json=as_json, environ={}).progress("sent", total) as advance:
            advance()
            advance()
        written.append(stream.getvalue())

    assert written == ["\rsent 1 of 21\x1b[K\rsent 2 of 21\x1b[K\r\x1b[K", "", "", ""]


def test_activity(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the latest line of what goes on is shown, as far as it fits, and cleared in the end."""
    monkeypatch.setenv("COLUMNS", "6")
    written = []
    for terminal, as_json in ((True, False), (False, False), (True, True)):
        stream = shown(monkeypatch, terminal=terminal)
        with Console(as_json=as_json, environ={}).activity() as hear:
            hear("one\x1b")
            hear("seventeen")
        written.append(stream.getvalue())

    assert written == ["\rone\\x\x1b[K\rseven\x1b[K\r\x1b[K", "", ""]


def test_a_line_that_is_too_long() -> None:
    """Parts that may give way do so first, but for so many columns; then the end is cut."""
    console = Console(environ={})
    long, short = "abcdefghijklmnopqrstuvwxyz", "0123456789"

    def rendered(width: int) -> str:
        return console.rendered([Span(short), Span(long, flexible=True), Span(short)], width)

    assert [rendered(width) for width in (46, 45, 36, 35, 26, 10, 1)] == [
        f"{short}{long}{short}",
        f"{short}abcdefghijklmnopqrstuvwx…{short}",
        f"{short}abcdefghijklmno…{short}",
        f"{short}abcdefghijklmno…01234567…",
        f"{short}abcdefghijklmno…",
        short,
        "…",
    ]
    parts = [Span("a" * 20), Span("b" * 20, flexible=True)]
    assert console.rendered(parts, 38) == f"{'a' * 20}{'b' * 17}…"
    assert plain("a\tb\x7f\u202eü") == "a\\tb\\x7f\\u202eü"


@pytest.mark.parametrize(
    ("spans", "width", "rows"),
    [
        ([Span("  path  ", "dim"), Span("  /abcdefghijkl")], 20, ["  path    /abcdefghi", "          jkl"]),
        ([Span("  path  ", "dim"), Span("  /abcdefgh")], None, ["  path    /abcdefgh"]),
        ([Span("  path  ", "dim"), Span("  /abcde")], 16, ["  path    /abcde"]),
        ([Span("  a_long_name", "dim"), Span("  abcdefgh")], 16, ["  a_long_name  a", "      bcdefgh"]),
        ([Span("    abcdefgh")], 8, ["    abcd", "    efgh"]),
        ([Span("k", "dim"), Span("  日本語日本")], 8, ["k  日本", "   語日", "   本"]),
        ([Span("k", "dim"), Span("  a\nb\x1bcd")], 8, ["k  a\\nb\\", "   x1bcd"]),
    ],
)
def test_long_lines(spans: list[Span], width: int | None, rows: list[str]) -> None:
    """A value that is too long for the terminal goes on below its beginning, or, far to the right, further left."""
    assert Console(environ={"NO_COLOR": "1"}).wrapped(spans, width).splitlines() == rows


def test_a_long_line_in_colors() -> None:
    """Each row of a long line has the colors of its part."""
    assert Console(environ={"FORCE_COLOR": "1"}).wrapped([Span("k"), Span(" abc", "red")], 4) == (
        "k\x1b[31m ab\x1b[0m\n  \x1b[31mc\x1b[0m"
    )

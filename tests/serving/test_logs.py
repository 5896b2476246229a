"""The server's own log: what of uvicorn's is printed, and in which form."""

import io
import json
import logging
import logging.config
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.websockets import WebSocketDisconnect

from asgictl.failure import Failure
from asgictl.serving import logs
from asgictl.serving.request import LogFormat


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    """Put uvicorn's loggers, and asyncio's, back as they were."""
    names = ("uvicorn", "uvicorn.error", "asyncio")
    before = [(it, list(it.handlers), list(it.filters), it.level, it.propagate) for it in map(logging.getLogger, names)]
    yield
    for logger, handlers, filters, level, propagate in before:
        logger.handlers[:], logger.filters[:] = handlers, filters
        logger.setLevel(level)
        logger.propagate = propagate


def record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    """Return what a library logs."""
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("uvicorn.error", logging.WARNING, "x.py", 7, message, arguments, info)


@pytest.mark.parametrize("begin", logs.LIFECYCLE + logs.WEBSOCKETS)
def test_what_uvicorn_says_of_itself(begin: str) -> None:
    """Each thing that asgictl says better is dropped where it stands first, and nothing else is."""
    keep = logs.without_lifecycle()

    assert not keep.filter(record(begin))
    assert not keep.filter(record(f"{begin} more"))
    assert keep.filter(record(f"It said: {begin}"))
    assert keep.filter(record(begin.lower() if begin != begin.lower() else begin.upper()))


def test_other_things_are_printed() -> None:
    """What is not text is printed as well, and so is an answer that an app leaves unfinished."""
    keep = logs.without_lifecycle()

    assert keep.filter(record("Exception in ASGI application\n"))
    assert keep.filter(record(KeyError("x")))  # type: ignore[arg-type]  # logging takes any object
    assert keep.filter(record(logs.CUT[0]))


def written(made: logging.LogRecord, *, whole: bool = False) -> str:
    """Return what asgictl's handler writes of a record."""
    stream = io.StringIO()
    handler = logs.Handler(stream, whole=whole)
    handler.handle(made)
    return stream.getvalue()


def test_a_client_that_has_gone() -> None:
    """That an app has ended because its client has gone is not in the log, unless the whole is asked for."""
    gone = ExceptionGroup("tasks", [WebSocketDisconnect(1001)])
    said = logs.RAISED + "\n"

    assert [written(record(said, error=error)) for error in (WebSocketDisconnect(1001), gone)] == ["", ""]
    assert written(record(said, error=KeyError("x"))) == f"{said}KeyError: 'x'\n"
    others = record("the app's", error=WebSocketDisconnect(1001))
    assert written(others) == "the app's\nstarlette.websockets.WebSocketDisconnect: 1001\n"
    assert written(record(said, error=gone), whole=True).startswith(said)
    assert written(record(said)) == f"{said}\n"


def test_what_is_shown_elsewhere() -> None:
    """What a record says of itself counts: how to tell an exception, and that users see it without the log."""
    made = record(logs.RAISED)
    made.exc_text = "the whole, for others"
    made.failure = Failure("KeyError", "x", "the whole\n", "a stack\n")

    assert [written(made, whole=whole) for whole in (False, True)] == [
        f"{logs.RAISED}\na stack\n",
        f"{logs.RAISED}\nthe whole\n",
    ]
    made.is_shown = True
    assert written(made) == ""
    assert logging.Formatter().format(made) == f"{logs.RAISED}\nthe whole, for others"


def test_what_uvicorn_says_of_an_exception() -> None:
    """Every protocol of uvicorn's begins so what it says of an exception of the app's."""
    files = (Path(uvicorn.__file__).parent / "protocols").glob("*/*_impl.py")
    without = {file.name for file in files if f'"{logs.RAISED}\\n"' not in file.read_text(encoding="utf-8")}

    assert without == {"auto_zttp_impl.py"}  # which leaves it to two others


def test_what_a_stop_brings_about() -> None:
    """From a stop on, answers that are cut off and a socket that is closed are not complained of; all else is."""
    asyncio = logging.getLogger("asyncio")
    accepting = logging.LogRecord("asyncio", 40, "x.py", 7, "Exception in callback x._accept_connection()", (), None)
    assert asyncio.filter(accepting)

    keep, handler = logs.without_lifecycle(), logging.NullHandler()
    handler.addFilter(keep)
    logging.getLogger("uvicorn").addHandler(handler)

    logs.expect_cut_responses()

    assert [bool(keep.filter(record(text))) for text in (*logs.CUT, "Shutting down", "connection open", "x")] == [
        False,
        False,
        False,
        True,
    ]
    assert not asyncio.filter(accepting)
    assert asyncio.filter(record("Task was destroyed but it is pending!"))


def test_json() -> None:
    """A line of JSON has the time in UTC, the level, the logger and the message, with its arguments."""
    made = record(" %s is %d\n", "x", 5)
    made.created = 1.5

    assert json.loads(logs.JSONFormatter().format(made)) == {
        "time": "1970-01-01T00:00:01.500+00:00",
        "level": "warning",
        "logger": "uvicorn.error",
        "message": "x is 5",
    }


def test_json_with_an_exception() -> None:
    """An exception is in the line, whole."""
    try:
        json.loads("{")
    except ValueError as error:
        made = record("failed", error=error)

    fields = json.loads(logs.JSONFormatter().format(made))

    lines = fields["exception"].splitlines()
    assert (lines[0], lines[-1].split(":")[0]) == ("Traceback (most recent call last):", "json.decoder.JSONDecodeError")
    made.exc_text = "as another handler has it"
    assert json.loads(logs.JSONFormatter().format(made))["exception"] == "as another handler has it"


Shape = dict[str, Any]
PRINTED: dict[str, tuple[Shape, str]] = {
    "text": ({"verbose": False}, "INFO:     hello\n"),
    "verbose": ({"verbose": True}, "INFO:     Shutting down\nINFO:     hello\n"),
}


@pytest.mark.parametrize("case", PRINTED)
def test_the_configuration(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Uvicorn's log goes to stderr, from INFO on, and nowhere else; its own start and stop only when it is verbose."""
    shape, text = PRINTED[case]
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)

    logging.config.dictConfig(logs.config(**shape, log_format="text", whole=False))
    for logger in map(logging.getLogger, ("uvicorn", "uvicorn.error")):
        logger.debug("too much")
    logging.getLogger("uvicorn.error").info("Shutting down")
    logging.getLogger("uvicorn.error").info("hello")

    assert stream.getvalue() == text
    assert not logging.getLogger("uvicorn").propagate


def test_the_configuration_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON each line is an object, and loggers that are there already go on."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    other = logging.getLogger("tests.other")

    logging.config.dictConfig(logs.config(verbose=False, log_format="json", whole=False))
    logging.getLogger("uvicorn.error").error("no %s", "luck")

    assert json.loads(stream.getvalue())["message"] == "no luck"
    assert not other.disabled


def test_each_configuration_is_new() -> None:
    """What is changed in one configuration is not in the next."""
    logs.config(verbose=False, log_format="text", whole=False)["loggers"].clear()

    assert set(logs.config(verbose=False, log_format="text", whole=False)["loggers"]) == {
        "uvicorn",
        "uvicorn.access",
        "uvicorn.error",
    }


def test_nobody_reads_the_log() -> None:
    """When nobody reads stderr any more, the server goes on, and says nothing of it."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        handler = logs.Handler(stream)
        for _ in range(2):
            handler.handle(record("lost"))
        assert os.fstat(stream.fileno()).st_rdev == Path(os.devnull).stat().st_rdev


@pytest.mark.parametrize(("error", "said"), [(OSError("full"), False), (KeyError("x"), True)])
def test_a_record_that_cannot_be_written(capsys: pytest.CaptureFixture[str], error: Exception, said: bool) -> None:
    """A stream that is at fault is not complained of to itself; a record that is at fault is."""

    class Broken(io.StringIO):
        def write(self, _text: str) -> int:
            raise error

    logs.Handler(Broken()).handle(record("hello"))

    text = capsys.readouterr().err
    assert ("--- Logging error ---" in text, "KeyError: 'x'" in text) == (said, said)


def fails_in_a_library() -> BaseException:
    """Return what a library raises that this file has called."""
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads("{")
    return caught.value


@pytest.mark.parametrize(("form", "whole"), [("text", False), ("text", True), ("json", False), ("json", True)])
def test_the_frames_of_an_exception(monkeypatch: pytest.MonkeyPatch, form: LogFormat, whole: bool) -> None:
    """The server's log has the frames of the user's code, or all of them; the app's own handlers have them all."""
    stream, apps = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logging.config.dictConfig(logs.config(verbose=False, log_format=form, whole=whole))
    for name, order in (("uvicorn", 1), ("uvicorn.error", 0)):
        logging.getLogger(name).handlers.insert(order, logging.StreamHandler(apps))

    logging.getLogger("uvicorn.error").error("failed", exc_info=fails_in_a_library())

    assert ("decoder.py" in stream.getvalue()) is whole
    assert "test_logs.py" in stream.getvalue()
    assert apps.getvalue().count("Traceback") == 2
    assert apps.getvalue().count("decoder.py") >= 4


def test_an_exception_that_was_made_text() -> None:
    """What another has made of an exception, without secrets, is written as it is."""
    made = record("failed")
    made.exc_text = "hidden"

    assert json.loads(logs.JSONFormatter().format(made))["exception"] == "hidden"
    assert logs.Handler(io.StringIO()).format(made) == "failed\nhidden"


def fails_with(error: Exception) -> str:
    """Return what the text log has of an exception, without its frames."""
    stream = io.StringIO()
    try:
        raise error
    except type(error):
        info = sys.exc_info()
        logs.Handler(stream).handle(logging.LogRecord("uvicorn.error", 40, "x.py", 7, "failed", (), info))
    lines = stream.getvalue().split("\n")
    return "\n".join(line for line in lines if "test_logs.py" not in line and "raise error" not in line)


def noted(error: Exception, *notes: str) -> Exception:
    """Add notes to an exception."""
    for note in notes:
        error.add_note(note)
    return error


TRACEBACK = "failed\nTraceback (most recent call last):\n"
FORGED: dict[str, tuple[Exception, str]] = {
    "escapes": (ValueError("\x1b[2J\x9b\r\x00\u202e"), f"{TRACEBACK}ValueError: \\x1b[2J\\x9b\\r\\x00\\u202e\n"),
    "a line of the log": (
        ValueError("bad\nINFO:     Ready\n\n  more"),
        f"{TRACEBACK}ValueError: bad\n    INFO:     Ready\n    \n      more\n",
    ),
    "a traceback": (
        ValueError("bad\nTraceback (most recent call last):\n  x\nINFO:     Ready"),
        f"{TRACEBACK}ValueError: bad\n    Traceback (most recent call last):\n      x\n    INFO:     Ready\n",
    ),
    "notes": (
        noted(ValueError("bad"), "INFO:     Ready", "two\nINFO:     Ready\x1b"),
        f"{TRACEBACK}ValueError: bad\n    INFO:     Ready\n    two\n    INFO:     Ready\\x1b\n",
    ),
    "a syntax error": (
        SyntaxError("bad\nINFO:     Ready", ("<x>", 1, 1, "x = (")),
        f'{TRACEBACK}  File "<x>", line 1\n    x = (\n    ^\nSyntaxError: bad\n    INFO:     Ready\n',
    ),
    "usual words": (KeyError("grüße 🚀"), f"{TRACEBACK}KeyError: 'grüße 🚀'\n"),
}


@pytest.mark.parametrize("case", FORGED)
def test_what_an_exception_says(case: str) -> None:
    """Nothing that an exception says steers the terminal, or passes for a line of the log or another exception."""
    error, text = FORGED[case]

    assert fails_with(error) == text


@pytest.mark.parametrize("whole", [False, True])
def test_what_other_exceptions_say(whole: bool) -> None:
    """The same goes for what has caused it, and for those in a group; JSON has them as they are."""
    forged = ValueError("x\nINFO:     Ready\x1b")
    grouped = ExceptionGroup("y\nINFO:     Ready\x1b", [forged])
    grouped.__cause__ = forged
    texts = []
    for formatter in (logging.Formatter(), logs.JSONFormatter()):
        handler = logs.Handler(io.StringIO(), whole=whole)
        handler.setFormatter(formatter)
        texts.append(handler.format(record("failed", error=grouped)))

    assert "\x1b" not in texts[0]
    assert [line for line in texts[0].split("\n") if line.startswith("INFO")] == []
    assert texts[0].count("INFO:     Ready") == 3
    assert json.loads(texts[1])["exception"].count("\x1b") == 3
    assert "\nINFO:     Ready\x1b\n" in json.loads(texts[1])["exception"]


def test_what_another_says_of_an_exception() -> None:
    """What another has made of an exception does not steer the terminal either."""
    made = record("failed")
    made.exc_text = "one\x1b\ntwo"

    assert logs.Handler(io.StringIO()).format(made) == "failed\none\\x1b\ntwo"

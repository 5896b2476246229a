"""How the views show what an app has raised."""

import json
import re
from pathlib import Path

import pytest
import starlette.requests
import starlette.websockets
from starlette.applications import Starlette
from starlette.routing import Route

from asgictl.console import Console
from asgictl.inspector.record import Closed, Failure, Opened, Raised, Record
from asgictl.inspector.show import View
from asgictl.inspector.show.full import FullView
from asgictl.inspector.show.line import LineView
from tests.inspector import recordings

HERE = Path(__file__).relative_to(Path.cwd())
PLAIN = Console(environ={"NO_COLOR": "1"})
HINT = "         add --traceback to see the whole stack"


def shown(view: View, *records: Record) -> list[str]:
    """Return the lines that begin with what is raised, and those below."""
    lines = [PLAIN.rendered(line, None) for record in records for line in view.feed(record)]
    first = next(number for number, line in enumerate(lines) if "✗" in line or "■" in line)
    return [re.sub(r"^ +\d+\.\d (?=[✗■])", "", line) for line in lines[first:]]


async def broken(request: object) -> None:
    """Fail in a library."""
    json.loads("{")


async def missing(request: object) -> None:
    """Fail because of another failure."""
    try:
        await broken(request)
    except ValueError as error:
        raise LookupError("no order") from error


APP = Starlette(routes=[Route("/broken", broken), Route("/missing", missing)])


def of(path: str) -> list[Record]:
    """Return what is recorded of an app that raises."""
    return [
        record
        for record in recordings.recorded(APP, {**recordings.SCOPE, "method": "GET", "path": path})
        if isinstance(record, Opened | Closed)
    ]


def line_of(text: str) -> int:
    """Return the number of the first line with `text` in this file."""
    return next(n for n, line in enumerate(HERE.read_text(encoding="utf-8").splitlines(), start=1) if text in line)


def test_a_line() -> None:
    """A line says what it is, what it says, and where the user's code was; once, below, how to see more."""
    view = LineView()
    advising = LineView(advise=True)
    raised = f"✗ LookupError: no order  {HERE}:{line_of('raise LookupError')}"

    assert shown(view, *of("/missing")) == [raised]
    assert [shown(advising, *of("/missing")) for _ in range(2)] == [[raised, HINT], [raised]]


def test_the_users_frames() -> None:
    """`full` has the frames of the user's code below, of causes too, and once how to see the others."""
    view = FullView(advise=True)
    expected = [
        "         Traceback (most recent call last):",
        f'           File "{HERE.absolute()}", line {line_of("await broken")}, in missing',
        "             await broken(request)",
        f'           File "{HERE.absolute()}", line {line_of("json.loads(")}, in broken',
        '             json.loads("{")',
        "         json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1)",
        "         ",
        "         The above exception was the direct cause of the following exception:",
        "         ",
        "         Traceback (most recent call last):",
        f'           File "{HERE.absolute()}", line {line_of("raise LookupError")}, in missing',
        '             raise LookupError("no order") from error',
        "         LookupError: no order",
    ]

    assert shown(view, *of("/missing"))[1:] == [*expected, HINT]
    assert shown(view, *of("/missing"))[1:] == expected


@pytest.mark.parametrize("view", [LineView(whole=True), FullView(whole=True)], ids=["line", "full"])
def test_the_whole_stack(view: View) -> None:
    """With --traceback all frames are there, in both views, and no hint to it."""
    opened, closed = of("/broken")
    assert isinstance(closed, Closed)
    assert closed.error is not None

    assert shown(view, opened, closed)[1:] == [f"         {line}" for line in closed.error.traceback.splitlines()]
    assert "starlette" in closed.error.traceback


def test_nothing_more_to_see() -> None:
    """Where the user's frames are all that there are, nobody is sent elsewhere."""
    error = Failure("ValueError", "boom", "Traceback\nValueError: boom\n", "Traceback\nValueError: boom\n", "main.py:1")

    assert shown(FullView(advise=True), recordings.FAILING[0], Closed(9, 1.0, error=error)) == [
        "✗ ValueError: boom  main.py:1",
        "         Traceback",
        "         ValueError: boom",
    ]


GONE = (
    "starlette.websockets.WebSocketDisconnect",
    "starlette.requests.ClientDisconnect",
    "litestar.exceptions.websocket_exceptions.WebSocketDisconnect",
    "falcon.errors.WebSocketDisconnected",
    "blacksheep.server.websocket.WebSocketDisconnectError",
    "uvicorn.protocols.utils.ClientDisconnected",
)


@pytest.mark.parametrize("kind", GONE)
@pytest.mark.parametrize("view", [LineView, FullView])
def test_a_client_that_has_gone(view: type[LineView | FullView], kind: str) -> None:
    """That an app ends because its client has gone is no crash: it does not stand out, and nobody is sent elsewhere."""
    error = Failure(kind, "1001", "the whole", "a stack", "main.py:7")
    opened = recordings.FAILING[0]

    assert shown(view(advise=True), opened, Closed(9, 1.0, error=error)) == [f"■ client gone: {kind}: 1001  main.py:7"]
    assert shown(view(advise=True), opened, Raised(9, 1, 1.0, "send", error), Closed(9, 1.0)) == [
        f"■ client gone: send() raised {kind}: 1001  main.py:7"
    ]
    assert shown(view(whole=True), opened, Closed(9, 1.0, error=error))[1:] == ["         the whole"]
    among_others = Failure(kind, "1001", "the whole", "a stack", "main.py:7", more=1)
    assert shown(view(), opened, Closed(9, 1.0, error=among_others))[0].startswith("✗")
    mistake = Failure("starlette.websockets.WebSocketDisconnected", "not connected", "the whole")
    assert shown(view(), opened, Closed(9, 1.0, error=mistake))[0].startswith("✗")


def test_frameworks_still_call_it_so() -> None:
    """The names are those of the installed frameworks."""
    import blacksheep
    import falcon
    import litestar.exceptions
    import uvicorn.protocols.utils

    kinds: list[type[BaseException]] = [
        starlette.websockets.WebSocketDisconnect,
        starlette.requests.ClientDisconnect,
        litestar.exceptions.WebSocketDisconnect,
        falcon.WebSocketDisconnected,
        blacksheep.server.websocket.WebSocketDisconnectError,
        uvicorn.protocols.utils.ClientDisconnected,
    ]

    assert tuple(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds) == GONE

"""One connection through the runtime: what its line in the access log says, and how its answer is changed."""

import asyncio
import contextlib
import copy
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asgictl.adapt import Adaptation
from asgictl.asgi import Receive, Send
from asgictl.discovery import AppRef
from asgictl.serving.app import access_log, in_flight
from asgictl.serving.app.access_log import AccessLog
from asgictl.serving.app.in_flight import InFlight
from asgictl.serving.app.runtime import Runtime
from asgictl.serving.instructions import Instructions
from tests.serving.app.runtime.doubles import HTTP, drop, made, nothing

App = Callable[[Receive, Send], Awaitable[None]]

WEBSOCKET = {key: value for key, value in HTTP.items() if key != "method"} | {"type": "websocket"}


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each exchange begin at 10 s, and be over 1.25 s later."""
    moments = iter((10.0, 11.25))
    monkeypatch.setattr(in_flight, "time", SimpleNamespace(perf_counter=lambda: next(moments)))


class Cycle:
    """Uvicorn's side of a request: what it refuses, whether its client has gone, or has more to send."""

    def __init__(
        self, *, refuses: str = "", disconnected: bool = False, more_body: bool = False, leaves: bool = False
    ) -> None:
        self.refuses = refuses
        self.leaves = leaves  # before the last message
        self.disconnected = disconnected
        self.more_body = more_body
        self.response_started = False

    async def send(self, message: Any) -> None:
        """Take what the app sends."""
        if self.refuses and self.refuses in repr(message):
            raise ZeroDivisionError
        self.disconnected = self.disconnected or message.get("body") == b"the client goes"
        self.disconnected = self.disconnected or (self.leaves and not message.get("more_body", "status" in message))
        self.response_started = self.response_started or not self.disconnected


def logged(
    app: App, scope: dict[str, Any], *incoming: dict[str, Any], form: str = "text", cycle: Cycle | None = None
) -> list[str]:
    """Run an app in the runtime; return the lines of the access log, without what is the same in each."""
    reference = AppRef(module="m", attribute="app", found="as named", file=Path("m.py"))
    runtime = Runtime(Instructions(reference, Adaptation()), alone=True)

    async def asgi(_scope: Any, receive: Receive, send: Send) -> None:
        await app(receive, send)

    lines: list[str] = []
    runtime._use(asgi, "ASGI")
    runtime._line = access_log.line(AccessLog(form))
    runtime._write = lines.append
    messages = list(incoming)

    async def receive() -> Any:
        return messages.pop(0)

    async def send(_message: Any) -> None:
        pass

    async def main() -> None:
        with contextlib.suppress(ZeroDivisionError):
            await runtime(scope, receive, cycle.send if cycle else send)

    asyncio.run(main())
    return [line.removeprefix("127.0.0.1:5000 - ").removesuffix("\n") for line in lines]


CONNECT = {"type": "websocket.connect"}
ACCEPT = {"type": "websocket.accept"}


def says(*messages: dict[str, Any], raises: bool = False, hears: int = 0) -> App:
    """Return an app that sends messages, hears some, and returns or raises."""

    async def app(receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        for _ in range(hears):
            await receive()
        if raises:
            raise ZeroDivisionError

    return app


def denial(**start: Any) -> list[dict[str, Any]]:
    """Return the beginning of an HTTP answer to a WebSocket."""
    return [{"type": "websocket.http.response.start", "status": 401, "headers": [], **start}]


BODY = "websocket.http.response.body"
SOCKETS: dict[str, tuple[App, str]] = {
    "sends and closes": (
        says(
            ACCEPT,
            {"type": "websocket.send", "text": "grüße"},
            {"type": "websocket.send", "bytes": b"123"},
            {"type": "websocket.send", "bytes": None, "text": "x"},
            {"type": "websocket.send", "bytes": b"", "text": None},
            {"type": "websocket.close", "code": 4000},
        ),
        "closed 4000, 11 B",
    ),
    "closes without a code": (says(ACCEPT, {"type": "websocket.close"}), "closed 1000, 0 B"),
    "refuses": (says({"type": "websocket.close", "code": 4000}), "403 Forbidden 0 B"),
    "raises before it accepts": (says(raises=True), "500 Internal Server Error 0 B"),
    "returns before it accepts": (says(), "500 Internal Server Error 0 B"),
    "raises after it has accepted": (says(ACCEPT, raises=True), "closed 1006, 0 B"),
    "returns after it has accepted": (says(ACCEPT), "closed 1006, 0 B"),
    "raises after it has closed": (says(ACCEPT, {"type": "websocket.close"}, raises=True), "closed 1000, 0 B"),
    "denies with an answer": (
        says(*denial(), {"type": BODY, "body": b"no", "more_body": True}, {"type": BODY, "body": b"pe"}),
        "401 Unauthorized 4 B",
    ),
    "denies without a body": (says(*denial(status=404), {"type": BODY}), "404 Not Found 0 B"),
    "denies and raises": (
        says(*denial(), {"type": BODY, "body": b"no", "more_body": True}, raises=True),
        "401 Unauthorized, cut off, 2 B",
    ),
}


@pytest.mark.parametrize("case", SOCKETS)
def test_a_websocket_has_one_line(case: str) -> None:
    """Whatever its app does, a WebSocket has one line, with its close code or the status it was refused with."""
    app, wanted = SOCKETS[case]

    assert logged(app, WEBSOCKET) == [f'"WebSocket /a HTTP/1.1" {wanted} 1250.0 ms']


def test_a_client_that_leaves_a_refused_websocket() -> None:
    """A client that leaves before the end of the answer that refuses its WebSocket is told of."""
    app = says(*denial(), {"type": BODY, "body": b"no", "more_body": True}, {"type": BODY, "body": b"pe"})

    assert logged(app, WEBSOCKET, cycle=Cycle(leaves=True)) == [
        '"WebSocket /a HTTP/1.1" 401 Unauthorized, client left, 4 B 1250.0 ms'
    ]


LEAVES: dict[str, tuple[list[dict[str, Any]], App, str]] = {
    "with a code": (
        [CONNECT, {"type": "websocket.disconnect", "code": 1001}],
        says(ACCEPT, hears=2),
        "closed 1001, 0 B",
    ),
    "without a code": ([CONNECT, {"type": "websocket.disconnect"}], says(ACCEPT, hears=2), "closed 1006, 0 B"),
    "after a message": (
        [CONNECT, {"type": "websocket.receive", "text": "hi"}, {"type": "websocket.disconnect", "code": 1000}],
        says(ACCEPT, hears=3),
        "closed 1000, 0 B",
    ),
    "after the app has closed": (
        [CONNECT, {"type": "websocket.disconnect", "code": 1005}],
        says(ACCEPT, {"type": "websocket.close", "code": 4001}, hears=2),
        "closed 4001, 0 B",
    ),
}


@pytest.mark.parametrize("case", LEAVES)
def test_a_client_that_leaves_a_websocket(case: str) -> None:
    """A WebSocket that its client ends has the client's close code, and one that the app has ended the app's."""
    incoming, app, wanted = LEAVES[case]

    assert logged(app, WEBSOCKET, *incoming) == [f'"WebSocket /a HTTP/1.1" {wanted} 1250.0 ms']


START = {"type": "http.response.start", "status": 200, "headers": []}
REQUESTS: dict[str, tuple[App, str]] = {
    "answers in parts": (
        says(
            START,
            {"type": "http.response.body", "body": b"abc", "more_body": True},
            {"type": "http.response.body", "more_body": True},
            {"type": "http.response.body", "body": b"de"},
        ),
        "200 OK 5 B",
    ),
    "answers without headers": (
        says({"type": "http.response.start", "status": 204}, {"type": "http.response.body"}),
        "204 No Content 0 B",
    ),
    "raises before it answers": (says(raises=True), "500 Internal Server Error 0 B"),
    "raises in the middle": (
        says(START, {"type": "http.response.body", "body": b"abc", "more_body": True}, raises=True),
        "200 OK, cut off, 3 B",
    ),
    "raises after the end": (says(START, {"type": "http.response.body", "body": b"abc"}, raises=True), "200 OK 3 B"),
    "does not end": (says(START), "200 OK, cut off, 0 B"),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_has_one_line(case: str) -> None:
    """A request has one line, with the status and the bytes that its client got, and how long that took."""
    app, wanted = REQUESTS[case]

    assert logged(app, HTTP) == [f'"GET /a HTTP/1.1" {wanted} 1250.0 ms']


def goes_on(*messages: dict[str, Any]) -> App:
    """Return an app that sends messages, whatever becomes of them."""

    async def app(_receive: Receive, send: Send) -> None:
        for message in messages:
            with contextlib.suppress(ZeroDivisionError):
                await send(message)

    return app


REFUSED = {**START, "headers": [(b"x", b"refused\n")]}
LAST = {"type": "http.response.body", "body": b"abc"}
MORE = {**LAST, "more_body": True}
END = {"type": "http.response.body", "body": b""}
THREE = {**START, "headers": [(b"Content-Length", b"3")]}
GOES = {"type": "http.response.body", "body": b"the client goes", "more_body": True}
REFUSES = {**START, "status": 400}
SERVED: dict[str, tuple[App, Cycle, str]] = {
    "a head is refused": (says(REFUSED, LAST), Cycle(refuses="refused"), "500 Internal Server Error, cut off, 0 B"),
    "a head is refused, and the app goes on": (
        goes_on(REFUSED, MORE, {"type": "http.response.body"}),
        Cycle(refuses="refused"),
        "500 Internal Server Error, cut off, 0 B",
    ),
    "a body is refused": (
        says(START, MORE, {**LAST, "body": b"refused"}),
        Cycle(refuses="refused"),
        "200 OK, cut off, 10 B",
    ),
    "a status is refused": (
        says({**START, "status": 999}, LAST),
        Cycle(refuses="999"),
        "500 Internal Server Error, cut off, 0 B",
    ),
    "the client has gone before the answer": (
        says(START, LAST),
        Cycle(disconnected=True, more_body=True),
        "499 Client Closed Request 0 B",
    ),
    "the client has gone, and the app raises": (
        says(raises=True),
        Cycle(disconnected=True),
        "499 Client Closed Request 0 B",
    ),
    "the client goes in the middle": (says(START, GOES, LAST), Cycle(), "200 OK, client left, 18 B"),
    "the client goes, and the app raises": (says(START, GOES, raises=True), Cycle(), "200 OK, client left, 15 B"),
    "the client goes with all that was promised": (says(THREE, MORE, END), Cycle(leaves=True), "200 OK 3 B"),
    "the client goes, and nothing was promised": (
        says(START, MORE, END),
        Cycle(leaves=True),
        "200 OK, client left, 3 B",
    ),
    "the client goes with all, and the app raises": (
        says(THREE, MORE, GOES, raises=True),
        Cycle(leaves=True),
        "200 OK, client left, 18 B",
    ),
    "the client goes before the last of it": (
        says({**START, "headers": [(b"content-length", b"6")]}, MORE, LAST),
        Cycle(leaves=True),
        "200 OK, client left, 6 B",
    ),
    "an upload is not read": (says(REFUSES, LAST), Cycle(more_body=True), "400 Bad Request, upload unread, 3 B"),
    "an upload is not read, and the app raises": (
        says(raises=True),
        Cycle(more_body=True),
        "500 Internal Server Error, upload unread, 0 B",
    ),
    "an upload is not read, and the answer is cut": (
        says(START, MORE, raises=True),
        Cycle(more_body=True),
        "200 OK, cut off, 3 B",
    ),
}


@pytest.mark.parametrize("case", SERVED)
def test_what_the_client_got(case: str) -> None:
    """A line tells what has become of the answer, not what the app wanted."""
    app, cycle, wanted = SERVED[case]

    assert logged(app, HTTP, cycle=cycle) == [f'"GET /a HTTP/1.1" {wanted} 1250.0 ms']


GONE = {
    "before it is open": (says(hears=2), "499 Client Closed Request 0 B"),
    "in a refusal": (
        says(*denial(), {"type": BODY, "body": b"no", "more_body": True}, hears=2),
        "401 Unauthorized, cut off, 2 B",
    ),
}


@pytest.mark.parametrize("case", GONE)
def test_a_client_that_does_not_wait_for_a_websocket(case: str) -> None:
    """A WebSocket that was never open has no close code."""
    app, wanted = GONE[case]

    lines = logged(app, WEBSOCKET, CONNECT, {"type": "websocket.disconnect", "code": 1006})

    assert lines == [f'"WebSocket /a HTTP/1.1" {wanted} 1250.0 ms']


def test_a_client_that_asks_for_the_head_alone() -> None:
    """The answer to HEAD is whole when the client has its head, whenever it goes."""
    cycle = Cycle(leaves=True)

    assert logged(says(THREE, MORE, END), {**HTTP, "method": "HEAD"}, cycle=cycle) == [
        '"HEAD /a HTTP/1.1" 200 OK 0 B 1250.0 ms'
    ]


@pytest.mark.parametrize(("begins", "answer"), [(True, "200 OK"), (False, "500 Internal Server Error")])
def test_the_end_of_the_process_in_the_middle(*, begins: bool, answer: str) -> None:
    """A request in which the process ends has its line, once: it is cut off."""
    built, _ = made()
    lines: list[str] = []
    built._write = lines.append

    async def app(_scope: Any, _receive: Receive, send: Send) -> None:
        if begins:
            await send(START)
        built._stop.cut_all_off()

    built._use(app, "ASGI")
    asyncio.run(built(HTTP, nothing, drop))

    assert lines == [f'127.0.0.1:5000 - "GET /a HTTP/1.1" {answer}, cut off, 0 B 1250.0 ms\n']


def test_a_websocket_that_the_server_refuses() -> None:
    """What the server does not accept of an app is not counted, and no WebSocket is open."""
    accept = {**ACCEPT, "headers": [(b"x", b"refused")]}

    assert logged(says(accept), WEBSOCKET, cycle=Cycle(refuses="refused")) == [
        '"WebSocket /a HTTP/1.1" 500 Internal Server Error 0 B 1250.0 ms'
    ]


# What apps do to their scope.
CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "all is taken out": lambda scope: scope.clear(),
    "the path is taken out": lambda scope: scope.pop("path"),
    "another method": lambda scope: scope.update(method='GET /b HTTP/1.1" 200 OK 9 B\n\x1b[2J'),
    "another client": lambda scope: scope.update(client=["9.9.9.9", 0]),
    "another target": lambda scope: scope.update(path="/b", raw_path=b"/b", query_string=b"b"),
    "another kind": lambda scope: scope.update(type="websocket", http_version=None, scheme=None),
    "other headers": lambda scope: scope["headers"].append(("user-agent", None)),
    "no headers": lambda scope: scope["headers"].clear(),
}


@pytest.mark.parametrize("form", ["text", "json", "combined", "{client} {method} {path} {request_header[user-agent]}"])
@pytest.mark.parametrize("case", CHANGES)
def test_an_app_that_changes_its_scope(monkeypatch: pytest.MonkeyPatch, case: str, form: str) -> None:
    """The line tells what was asked, whatever the app does to its scope, and the server's own stays as it was.

    Headers that no line tells of are the server's own, as they are with uvicorn, which has done with them.
    """
    monkeypatch.setattr(in_flight, "time", SimpleNamespace(perf_counter=lambda: 1.0))
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    monkeypatch.setattr(access_log, "datetime", SimpleNamespace(now=moment.astimezone))
    monkeypatch.setattr(access_log, "time", SimpleNamespace(strftime=lambda _: "now"))
    scope = {**HTTP, "headers": [(b"user-agent", b"test/1")]}
    before = copy.deepcopy(scope)

    async def app(its: Any, _receive: Receive, send: Send) -> None:
        CHANGES[case](its)
        await send(START)
        await send(LAST)

    async def unchanged(_its: Any, _receive: Receive, send: Send) -> None:
        await send(START)
        await send(LAST)

    lines: list[str] = []
    for one in (app, unchanged):
        built, report = made(access_log=AccessLog(form))
        built._use(one, "ASGI")
        built._write = lines.append
        asyncio.run(built(scope, nothing, drop))
        assert report == []
        assert {**scope, "headers": []} == {**before, "headers": []}
        if form != "text":
            assert scope == before

    assert lines[0] == lines[1]


def test_an_app_that_changes_its_headers() -> None:
    """The line has the headers of the answer as they were sent, whatever the app does to them later."""
    headers = [(b"x-id", b"abc")]

    async def app(_receive: Receive, send: Send) -> None:
        await send({**START, "headers": headers})
        headers[:] = [None]  # type: ignore[list-item]
        await send(LAST)

    assert logged(app, HTTP, form="{response_header[x-id]}") == ["abc"]


def test_only_websockets_have_a_close_code() -> None:
    """The JSON of a request that fails, or of a WebSocket that was never open, says nothing of a close code."""
    (request,) = map(json.loads, logged(says(raises=True), HTTP, form="json"))

    assert (request["status"], "close_code" in request, request["duration_ms"]) == (500, False, 1250.0)


def test_a_refused_websocket_has_no_close_code() -> None:
    """A WebSocket whose app raises before it accepts has the status of its answer, and no close code."""
    (websocket,) = map(json.loads, logged(says(raises=True), WEBSOCKET, form="json"))

    assert (websocket["status"], "close_code" in websocket) == (500, False)


class Watcher:
    """Takes note of what it is told."""

    def __init__(self, *, closing: bool = False) -> None:
        self.closing = closing
        self.told: list[str] = []

    def begin_late_answer(self, made: InFlight) -> None:
        """Have the client connect anew."""
        self.told.append("late")
        made.ask_to_close()

    def complete(self, _made: InFlight) -> None:
        """Note that it is over."""
        self.told.append("complete")


def sent(made: Callable[[Send], InFlight], *messages: dict[str, Any]) -> list[Any]:
    """Return what the server gets of what the app sends."""
    heard: list[Any] = []

    async def send(message: Any) -> None:
        heard.append(message)

    async def main() -> None:
        watched = made(send)
        for message in messages:
            await watched.send(message)

    asyncio.run(main())
    return heard


@pytest.mark.parametrize(
    ("version", "added"),
    [("1.0", [(b"connection", b"close")]), ("1.1", [(b"connection", b"close")]), ("2", []), ("3", []), ("2.1", [])],
)
def test_asks_to_connect_anew(version: str, added: list[tuple[bytes, bytes]]) -> None:
    """While the server stops a client of HTTP/1 is told to connect anew, beside what the app says; others cannot be."""
    watcher = Watcher(closing=True)
    headers = ((name, b"1") for name in (b"x-a", b"x-b"))
    start = {"type": "http.response.start", "status": 200, "headers": headers}

    heard = sent(lambda send: InFlight({**HTTP, "http_version": version}, send, watcher), start)

    assert heard == [{**START, "headers": [(b"x-a", b"1"), (b"x-b", b"1"), *added]}]
    assert watcher.told == ["late"]


def test_asks_to_connect_anew_without_headers() -> None:
    """An answer that has no headers of its own gets that one."""
    watcher = Watcher(closing=True)
    start = {"type": "http.response.start", "status": 204}

    heard = sent(lambda send: InFlight(HTTP, send, watcher), start)

    assert heard == [{**start, "headers": [(b"connection", b"close")]}]


def test_changes_nothing_otherwise() -> None:
    """As long as the server does not stop, it gets exactly what the app has sent, and the end is told once."""
    watcher = Watcher()
    messages: list[dict[str, Any]] = [
        START,
        {"type": "http.response.body", "body": b"x"},
        {"type": "http.response.body", "body": b""},
    ]

    heard = sent(lambda send: InFlight(HTTP, send, watcher), *messages)

    assert [id(message) for message in heard] == [id(message) for message in messages]
    assert watcher.told == ["complete"]


STREAMS: dict[str, tuple[list[tuple[bytes, bytes]], bool]] = {
    "an event stream": ([(b"content-type", b"text/event-stream")], True),
    "with a charset": ([(b"content-type", b"text/event-stream; charset=utf-8")], True),
    "in capitals": ([(b"X-Kind", b"x"), (b"Content-Type", b"text/event-stream")], True),
    "in another header": ([(b"x-kind", b"text/event-stream")], False),
    "another type": ([(b"content-type", b"text/plain"), (b"x-kind", b"text/event-stream")], False),
    "no type": ([], False),
}


@pytest.mark.parametrize("case", STREAMS)
def test_event_streams_are_known(case: str) -> None:
    """What is cut at once by a stop or a save is an event stream, by its content type and nothing else."""
    headers, wanted = STREAMS[case]
    made: list[InFlight] = []

    def make(send: Send) -> InFlight:
        made.append(InFlight(HTTP, send, Watcher()))
        return made[0]

    sent(make, {**START, "headers": headers})
    assert made[0].is_event_stream is wanted
    made[0].finish()
    assert not made[0].is_event_stream


def test_nothing_is_a_stream_before_it_begins() -> None:
    """A request that has not been answered yet is no event stream."""

    async def send(_message: Any) -> None:
        pass

    assert not InFlight(HTTP, send, Watcher()).is_event_stream

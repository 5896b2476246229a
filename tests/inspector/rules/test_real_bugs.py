"""Bugs that real projects had, as small apps, or as what their servers gave: each is named by its rule."""

import gzip
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import pytest

from asgictl.asgi import ASGIApp, Message, Receive, Scope, Send
from asgictl.inspector.rules.example import CHAT, GET, LIFESPAN
from tests.inspector.rules.calls import (
    ACCEPT,
    CONNECT,
    END,
    GONE,
    LEFT,
    MORE,
    REQUEST,
    START,
    Call,
    chat,
    found,
    request,
)
from tests.inspector.rules.judged import findings_of

SCOPES = {"http": GET, "websocket": CHAT, "lifespan": LIFESPAN}
MESSAGES: dict[str, tuple[Message, ...]] = {
    "http": (REQUEST, GONE),
    "websocket": (CONNECT, {"type": "websocket.receive", "text": "hello"}, LEFT),
    "lifespan": ({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}),
}


class Bug(NamedTuple):
    """A bug as an app: the threads it is known from, the rule, and what the app is called with."""

    threads: str
    rule: str
    app: ASGIApp
    scope: Scope


BUGS: list[Bug] = []


def bug(threads: str, rule: str, kind: str = "http", **changes: Any) -> Callable[[ASGIApp], ASGIApp]:
    """Take a function as a bug."""

    def taken(app: ASGIApp) -> ASGIApp:
        BUGS.append(Bug(threads, rule, app, {**SCOPES[kind], **changes}))
        return app

    return taken


async def answer(send: Send, *chunks: bytes, status: int = 200, headers: Iterable[Any] = ()) -> None:
    """Send an answer in chunks."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


TEXT = (b"content-type", b"text/plain")


@bug("starlette#1764, fastapi#4939, fastapi#1458", "A-166")
async def null_with_204(scope: Scope, receive: Receive, send: Send) -> None:
    """Send `null` as JSON with a status that has no content."""
    await receive()
    await send({"type": "http.response.start", "status": 204, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"null"})


@bug("lore-weave#299", "A-166")
async def page_with_304(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the page again, though the client has it."""
    await receive()
    await answer(send, b"the page", status=304)


@bug("slowapi#260, litestar#2196", "A-153")
async def start_for_each_chunk(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the start, with the limits in its headers, before each message of the answer."""

    async def with_limits(message: Message) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [TEXT, (b"x-ratelimit-limit", b"5")]})
        if message["type"] == "http.response.body":
            await send(message)

    await receive()
    await answer(with_limits, b"one", b"two", headers=[TEXT])


@bug("django/channels#1598", "A-153")
async def error_page_after_answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Send an error page for an exception that came after the answer."""
    await receive()
    await answer(send, b"done", headers=[TEXT])
    await answer(send, b"Internal Server Error", status=500, headers=[TEXT])


@bug("asgi-webdav#24", "A-159")
async def body_after_answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Send an empty answer, and then what it was for."""
    await receive()
    await answer(send, status=404)
    await send({"type": "http.response.body", "body": b"Not Found"})


@bug("skypilot#10183, nicegui#3740", "A-015", "websocket")
async def error_page_on_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a page of HTTP for an exception on a WebSocket that was accepted."""
    await receive()
    await send(ACCEPT)
    await answer(send, b"Internal Server Error", status=500, headers=[TEXT])


@bug("skypilot#10183", "A-366", "websocket")
async def close_after_denial(scope: Scope, receive: Receive, send: Send) -> None:
    """Close a WebSocket that is being denied by an answer."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"www-authenticate", b"Basic")]})
    await send({"type": "websocket.close", "code": 1008})


@bug("django-files#421, authentik#22602", "A-333", "websocket")
async def accepted_twice(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept in a base class and in the class itself."""
    await receive()
    await send(ACCEPT)
    await send(ACCEPT)
    await send({"type": "websocket.close"})


@bug("fastapi#2370, fastapi#3438", "A-343", "websocket")
async def sent_after_close(scope: Scope, receive: Receive, send: Send) -> None:
    """Go on with a broadcast to a WebSocket that the app has closed."""
    await receive()
    await send(ACCEPT)
    await send({"type": "websocket.close", "code": 1000})
    await send({"type": "websocket.send", "text": "news"})


@bug("nicegui#1467", "A-348", "websocket")
async def closed_twice(scope: Scope, receive: Receive, send: Send) -> None:
    """Close in the handler, and again in its `finally`."""
    await receive()
    await send(ACCEPT)
    await send({"type": "websocket.close", "code": 1000})
    await send({"type": "websocket.close", "code": 1000})


@bug("starlette#486, uvicorn#333", "A-412", "lifespan")
async def startup_that_raises(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise in the startup, which servers take for an app without a lifespan."""
    await receive()
    raise ConnectionRefusedError("no database")


@bug("mwmbl#375, sbomify#366", "A-413", "lifespan")
async def no_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise for every scope that is not of HTTP."""
    if scope["type"] != "http":
        raise ValueError(f"Django can only handle ASGI/HTTP connections, not {scope['type']}.")


@bug("datasette-auth-github#10", "A-418", "lifespan")
async def lifespan_as_request(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every scope as if it were a request."""
    await receive()
    await answer(send, b"please log in", status=200, headers=[TEXT])


@bug("lilya#422, litestar#3934, asgiref#343, starlette#906", "A-012")
async def path_changed_in_place(scope: Scope, receive: Receive, send: Send) -> None:
    """Take the prefix away in the very scope of those who have called."""
    scope["path"] = scope["path"].removeprefix("/") or "index.html"
    await receive()
    await answer(send, b"hello", headers=[TEXT])


@bug("daphne#229", "A-144")
async def headers_in_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Send headers in text, which one server lets pass."""
    await receive()
    await answer(send, b"hello", headers=[("content-type", "text/plain")])


@bug("uvicorn#366", "A-143")
async def headers_in_a_dictionary(scope: Scope, receive: Receive, send: Send) -> None:
    """Send headers that only look like an iterable of pairs."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": {b"content-type": b"text/plain"}})
    await send({"type": "http.response.body", "body": b"hello"})


@bug("uvicorn#1778, ocpp-asgi#19", "A-338", "websocket")
async def subprotocol_as_header(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the subprotocol as a header, beside the server's own."""
    await receive()
    await send({**ACCEPT, "subprotocol": "chat", "headers": [(b"sec-websocket-protocol", b"chat")]})
    await send({"type": "websocket.close"})


@bug("starlette#2613", "A-201")
async def file_by_path_everywhere(scope: Scope, receive: Receive, send: Send) -> None:
    """Have the server send a file, whether it can or not."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    await send({"type": "http.response.pathsend", "path": __file__})


@bug("fastapi-redis-sdk#36, brotli-asgi#38", "A-208", extensions={"http.response.pathsend": {}})
async def file_within_a_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Compress what comes as a body, and pass on what comes as a file."""

    async def compressed(message: Message) -> None:
        await send(message)
        if message["type"] == "http.response.start":
            await send({"type": "http.response.body", "body": gzip.compress(b""), "more_body": True})

    await receive()
    await compressed({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    await compressed({"type": "http.response.pathsend", "path": __file__})


@bug("girder#3823", "A-163")
async def two_lengths(scope: Scope, receive: Receive, send: Send) -> None:
    """Add the length that the framework has added already."""
    await receive()
    await answer(send, b"hello", headers=[TEXT, (b"content-length", b"5"), (b"content-length", b"5")])


@bug("starlette#803, marimo#4532", "A-162")
async def length_before_gzip(scope: Scope, receive: Receive, send: Send) -> None:
    """Compress the body, and keep its length."""
    await receive()
    body = b"hello " * 100
    headers = [TEXT, (b"content-encoding", b"gzip"), (b"content-length", str(len(body)).encode())]
    await answer(send, gzip.compress(body), headers=headers)


@bug("uvicorn#3138", "A-365", "websocket")
async def denial_without_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Deny a WebSocket by an answer that does not end."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403, "headers": [TEXT]})
    await send({"type": "websocket.http.response.body", "body": b"not you", "more_body": True})


def rules(app: ASGIApp, scope: Scope) -> set[str]:
    """Return the rules that an app breaks."""
    return {finding.rule for finding in findings_of(app, scope, MESSAGES[scope["type"]])}


@pytest.mark.parametrize("one", BUGS, ids=[f"{one.rule} {one.threads}" for one in BUGS])
def test_bugs_of_apps(one: Bug) -> None:
    """The bug is named by its rule."""
    assert one.rule in rules(one.app, one.scope)


SERVERS: dict[tuple[str, str], Sequence[Call]] = {
    ("erlang-python#1, granian#16", "A-113"): [request(headers=[("host", "localhost")])],
    ("httpx#2810, starlette#2692", "A-109"): [request(path="/a", raw_path=b"/a?b=1", query_string=b"b=1")],
    ("starlette#1336, asgiref#229, hypercorn#259", "A-108"): [
        request(path="/items", raw_path=b"/items", root_path="/api")
    ],
    ("async-asgi-testclient#39: no subprotocols", "A-311"): [chat(subprotocols=[])],
    ("async-asgi-testclient#39: the scheme", "A-303"): [chat(scheme="http")],
    ("hindsight#2131, vllm#11096", "A-135"): [request(MORE, REQUEST, steps=(None, START, END, None))],
}


@pytest.mark.parametrize(("case", "calls"), SERVERS.items(), ids=[f"{rule} {threads}" for threads, rule in SERVERS])
def test_bugs_of_servers(case: tuple[str, str], calls: Sequence[Call]) -> None:
    """What a server gives is named by its rule, and is the server's fault."""
    assert case[1] in {finding.rule for finding in found(calls) if finding.blame == "server"}


async def headers_from_a_generator(scope: Scope, receive: Receive, send: Send) -> None:
    """Send headers that can be gone through once (uvicorn#366)."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": (pair for pair in [TEXT])})
    await send({"type": "http.response.body", "body": b"hello"})


async def denial(scope: Scope, receive: Receive, send: Send) -> None:
    """Deny a WebSocket by an answer, which one server logs as an error (uvicorn#3138)."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403, "headers": [TEXT]})
    await send({"type": "websocket.http.response.body", "body": b"not you"})


@pytest.mark.parametrize("app", [headers_from_a_generator, denial])
def test_what_servers_get_wrong(app: ASGIApp) -> None:
    """Nothing is said of an app that is right, though a server has had its trouble with it."""
    scope = GET if app is headers_from_a_generator else CHAT

    assert rules(app, scope) == set()

"""The bundled app, driven through the ASGI interface alone."""

import asyncio
import hashlib
import json
from collections.abc import Iterable
from typing import Any

import pytest

from asgictl import demo


def drive(scope: dict[str, Any], messages: Iterable[Any]) -> list[Any]:
    """Call the app with `messages` to receive; return what it sends."""
    incoming, sent = iter(messages), []

    async def receive() -> dict[str, Any]:
        return next(incoming)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(demo.app(scope, receive, send))
    return sent


def request(method: str, path: str, *chunks: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    """Send one request; return status, headers and body."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request"})
    scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", b"test")]}
    start, *bodies = drive(scope, messages)
    return start["status"], dict(start["headers"]), b"".join(message["body"] for message in bodies)


def test_hello() -> None:
    """The page says Hello World and links the rest."""
    status, headers, body = request("GET", "/")

    assert (status, headers[b"content-type"]) == (200, b"text/html; charset=utf-8")
    assert b"<h1>Hello World</h1>" in body
    assert all(f'"{path}"'.encode() in body for path in ("/scope", "/events", "/ws", "/upload", "/healthz"))


def test_scope() -> None:
    """`/scope` answers the request's own scope, bytes included."""
    status, headers, body = request("GET", "/scope")

    assert (status, headers[b"content-type"]) == (200, b"application/json")
    assert json.loads(body) == {"type": "http", "method": "GET", "path": "/scope", "headers": [["host", "test"]]}


def test_upload() -> None:
    """`/upload` answers size and digest of a body that comes in parts."""
    chunks = [b"one", b"", b"two"]

    status, _, body = request("POST", "/upload", *chunks)

    digest = hashlib.sha256(b"onetwo").hexdigest()
    assert (status, json.loads(body)) == (200, {"size": 6, "sha256": digest})


def test_upload_that_breaks_off() -> None:
    """An upload whose client goes away is not answered."""
    scope = {"type": "http", "method": "POST", "path": "/upload"}

    assert drive(scope, [{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}]) == []


def test_healthz() -> None:
    """`/healthz` answers ok."""
    assert request("GET", "/healthz")[::2] == (200, b"ok\n")


def test_not_found() -> None:
    """Any other path is 404."""
    assert request("GET", "/nosuch")[::2] == (404, b"Not Found\n")


@pytest.mark.parametrize("path", demo.ROUTES)
def test_method_not_allowed(path: str) -> None:
    """A method that a path does not know is 405 and tells the ones it does (RFC 9110 section 15.5.6)."""
    status, headers, _ = request("DELETE", path)

    assert (status, headers[b"allow"]) == (405, ", ".join(demo.ROUTES[path][0]).encode())


def test_events() -> None:
    """`/events` sends numbered events until the client goes away."""
    start, first = drive(
        {"type": "http", "method": "GET", "path": "/events"}, [{"type": "http.request"}, {"type": "http.disconnect"}]
    )

    assert (b"content-type", b"text/event-stream") in start["headers"]
    assert first["body"].startswith(b"id: 1\ndata: ")
    assert (first["body"][-2:], first["more_body"]) == (b"\n\n", True)


def test_websocket() -> None:
    """`/ws` echoes text and bytes."""
    messages = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "", "bytes": None},
        {"type": "websocket.receive", "bytes": b"\0"},
        {"type": "websocket.disconnect", "code": 1000},
    ]

    assert drive({"type": "websocket", "path": "/ws"}, messages) == [
        {"type": "websocket.accept"},
        {"type": "websocket.send", "text": ""},
        {"type": "websocket.send", "bytes": b"\0"},
    ]


def test_websocket_elsewhere() -> None:
    """A WebSocket to any other path is refused."""
    assert drive({"type": "websocket", "path": "/"}, [{"type": "websocket.connect"}]) == [{"type": "websocket.close"}]


def test_lifespan() -> None:
    """Startup and shutdown are answered."""
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    assert drive({"type": "lifespan"}, messages) == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]


def test_unknown_scope() -> None:
    """A scope type that it does not know is not ignored."""
    with pytest.raises(NotImplementedError, match="scope type 'gopher'"):
        drive({"type": "gopher"}, [])

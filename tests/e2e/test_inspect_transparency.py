"""On the wire nothing tells `asgictl inspect` from `asgictl serve`: the same bytes, the same ends."""

import asyncio
import hashlib
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import connect

from tests.conftest import Serve, Served, linux

APP = """
import asyncio
import hashlib


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await websocket(scope, receive, send)
    else:
        await ROUTES[scope["path"]](scope, receive, send)


async def lifespan(receive, send):
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def headers(*pairs):
    yield b"content-type", b"text/plain"
    yield from pairs


async def generator(scope, receive, send):
    pairs = headers((b"x-a", b"1"), (b"X-A", b"2"), (b"x-a", b"1"), (b"content-length", b"2"))
    await send({"type": "http.response.start", "status": 201, "headers": pairs})
    await send({"type": "http.response.body", "body": b"ok"})


async def events(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for number in range(3):
        await send({"type": "http.response.body", "body": b"data: %d\\n\\n" % number, "more_body": True})
    await send({"type": "http.response.body", "body": bytearray(b"end"), "more_body": False})


async def echo(scope, receive, send):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": headers()})
    await send({"type": "http.response.body", "body": body})


async def boom(scope, receive, send):
    raise ValueError("boom")


async def half(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise ValueError("boom")


async def wrong(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "nonsense"})


async def background(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"done"})
    print("background", (await receive())["type"], flush=True)


async def up(scope, receive, send):
    digest = hashlib.sha256()
    while True:
        message = await receive()
        digest.update(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": headers()})
    await send({"type": "http.response.body", "body": digest.hexdigest().encode()})


async def down(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"104857600")]})
    for number in range(1600):
        await send({"type": "http.response.body", "body": bytes([number % 256]) * 65536, "more_body": number < 1599})


async def leaves(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": headers()})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await receive()
    print("then", (await receive())["type"], flush=True)


async def websocket(scope, receive, send):
    await receive()
    if scope["path"] == "/refused":
        return await send({"type": "websocket.close", "code": 4001})
    if scope["path"] == "/denied":
        await send({"type": "websocket.http.response.start", "status": 418, "headers": headers((b"x-why", b"tea"))})
        return await send({"type": "websocket.http.response.body", "body": b"no coffee"})
    if scope["path"] == "/boom":
        raise ValueError("boom")
    await send({"type": "websocket.accept", "subprotocol": "chat", "headers": ((b"x-a", b"1"), (b"x-a", b"2"))})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return print("gone", message["code"], message.get("reason"), flush=True)
        if message.get("text") == "close":
            return await send({"type": "websocket.close", "code": 4007, "reason": "as asked"})
        await send({"type": "websocket.send", **{key: message[key] for key in ("text", "bytes") if key in message}})


ROUTES = {f"/{function.__name__}": function for function in
          (generator, events, echo, boom, half, wrong, background, up, down, leaves)}
"""
QUIET = ("--no-server-header", "--no-date-header")
Both = Callable[[], tuple[Served, Served]]


@pytest.fixture
def both(serve: Serve, write: Callable[..., Path]) -> Both:
    """Start the app twice, with and without an inspector."""

    def start() -> tuple[Served, Served]:
        write({"main.py": APP})
        # The view shows nothing: what the app prints is in stdout.
        return serve(*QUIET, "--no-access-log"), serve(*QUIET, "--save", "s.jsonl", "--path", "none", command="inspect")

    return start


def answer(served: Served, request: bytes) -> bytes:
    """Send some bytes, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as sock:
        sock.sendall(request)
        parts = []
        while part := sock.recv(65536):
            parts.append(part)
        return b"".join(parts)


REQUESTS = {
    "headers from a generator": b"GET /generator HTTP/1.1\r\n%b",
    "no body for HEAD": b"HEAD /generator HTTP/1.1\r\n%b",
    "an event stream": b"GET /events HTTP/1.1\r\n%b",
    "HTTP/1.0": b"GET /events HTTP/1.0\r\n%b",
    "a body": b"POST /echo HTTP/1.1\r\nContent-Length: 5\r\n%bhello",
    "a body in chunks": b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n%b2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    "an app that raises": b"GET /boom HTTP/1.1\r\n%b",
    "half a response": b"GET /half HTTP/1.1\r\n%b",
    "a message that does not exist": b"GET /wrong HTTP/1.1\r\n%b",
    "a background task": b"GET /background HTTP/1.1\r\n%b",
}


def test_responses(both: Both) -> None:
    """Each byte of a response is the same."""
    plain, inspected = both()
    for name, line in REQUESTS.items():
        request = line % b"Host: localhost\r\nConnection: close\r\n\r\n"

        assert (name, answer(inspected, request)) == (name, answer(plain, request))
    for served in (plain, inspected):
        served.wait_for("background http.disconnect")
        assert served.stop()[0] == 0


@linux
def test_100_megabytes(both: Both) -> None:
    """100 MB up and down arrive as they were sent, and do not fill the memory."""
    plain, inspected = both()
    content = bytes(range(256)) * 256 * 1600
    head = b"POST /up HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content)
    digest = hashlib.sha256(content).hexdigest().encode()

    assert digest in answer(inspected, head + content)
    downs = [
        hashlib.sha256(answer(served, b"GET /down HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).hexdigest()
        for served in (plain, inspected)
    ]
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{inspected.process.pid}/status").read_text())

    assert downs[0] == downs[1]
    assert peak is not None
    assert int(peak[1]) < 120_000


def test_a_client_that_leaves(both: Both) -> None:
    """An app behind an inspector hears that its client has gone."""
    for served in both():
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as sock:
            sock.sendall(b"GET /leaves HTTP/1.1\r\nHost: x\r\n\r\n")
            got = b""
            while b"first" not in got:
                got += sock.recv(1000)
        served.wait_for("then http.disconnect")


async def conversation(url: str) -> list[Any]:
    """Return all that a WebSocket's client sees."""
    seen: list[Any] = []
    async with connect(f"{url}/ws", subprotocols=["soap", "chat"]) as socket:  # type: ignore[list-item]
        assert socket.response is not None
        seen += [socket.subprotocol, socket.response.headers.get_all("x-a")]
        for data in ("héllo", b"\x00\xff", "", "x" * 200_000):
            await socket.send(data)
            seen.append(await socket.recv())
        await socket.send("close")
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
        seen += [socket.close_code, socket.close_reason]
    for path in ("/refused", "/denied", "/boom"):
        with pytest.raises(websockets.InvalidStatus) as caught:
            await connect(f"{url}{path}")
        response = caught.value.response
        headers = [(name, value) for name, value in response.headers.raw_items() if name.lower() != "date"]
        seen += [response.status_code, headers, response.body]
    async with connect(f"{url}/ws", subprotocols=["chat"]) as socket:  # type: ignore[list-item]
        await socket.close(3999, "bye")
    return seen


def test_websockets(both: Both) -> None:
    """Text, binary, subprotocol, headers, close codes, refusals and denial responses are the same."""
    plain, inspected = both()
    seen = [asyncio.run(conversation(served.url.replace("http", "ws", 1))) for served in (plain, inspected)]

    assert seen[0] == seen[1]
    for served in (plain, inspected):
        served.wait_for("gone 3999 bye")

"""The bundled application: HTTP, Server-Sent Events, WebSocket, uploads and lifespan in plain ASGI."""

import asyncio
import hashlib
import json
import time
from pathlib import Path

from asgictl.asgi import Message, Receive, Scope, Send

PAGE = Path(__file__).with_name("demo.html").read_bytes()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one connection: a request, a WebSocket, or the server's own start and stop."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        await websocket(scope, receive, send)
    else:
        raise NotImplementedError(f"scope type {scope['type']!r}")


async def lifespan(receive: Receive, send: Send) -> None:
    """Say that everything is ready, and later that everything is cleaned up."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return


async def http(scope: Scope, receive: Receive, send: Send) -> None:
    """Pass the request on to the handler for its path."""
    if scope["path"] not in ROUTES:
        await respond(send, 404, "text/plain", b"Not Found\n")
        return
    methods, handler = ROUTES[scope["path"]]
    if scope["method"] not in methods:
        allow = (b"allow", ", ".join(methods).encode())
        await respond(send, 405, "text/plain", b"Method Not Allowed\n", allow)
        return
    await handler(scope, receive, send)


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the page."""
    await respond(send, 200, "text/html", PAGE)


async def show_scope(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the scope of the request itself."""
    body = json.dumps(scope, indent=2, default=readable).encode()
    await respond(send, 200, "application/json", body + b"\n")


async def healthz(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer that the application is up."""
    await respond(send, 200, "text/plain", b"ok\n")


async def upload(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body as it comes in, and answer with its size and digest."""
    size, digest = 0, hashlib.sha256()
    more_body = True
    while more_body:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        chunk = message.get("body", b"")
        size += len(chunk)
        digest.update(chunk)
        more_body = message.get("more_body", False)
    body = json.dumps({"size": size, "sha256": digest.hexdigest()}).encode()
    await respond(send, 200, "application/json", body + b"\n")


async def events(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the time once a second as Server-Sent Events, until the client has gone."""
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.create_task(disconnected(receive))
    try:
        count = 0
        while not gone.done():
            count += 1
            event = f"id: {count}\ndata: {time.strftime('%H:%M:%S')}\n\n"
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
            await asyncio.wait([gone], timeout=1)
    finally:
        gone.cancel()


async def disconnected(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Send every message back to its sender."""
    await receive()  # websocket.connect
    if scope["path"] != "/ws":
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        await send(echo(message))


def echo(message: Message) -> Message:
    """Return the message that sends the content of `message` back."""
    if message.get("text") is not None:
        return {"type": "websocket.send", "text": message["text"]}
    return {"type": "websocket.send", "bytes": message["bytes"]}


async def respond(send: Send, status: int, media_type: str, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Send a whole response."""
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    basic = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*basic, *headers]})
    await send({"type": "http.response.body", "body": body})


def readable(value: object) -> str:
    """Return what JSON has no type for as text."""
    return value.decode("latin-1") if isinstance(value, bytes) else repr(value)


ROUTES = {
    "/": (["GET", "HEAD"], hello),
    "/scope": (["GET", "HEAD", "POST"], show_scope),
    "/events": (["GET"], events),
    "/upload": (["POST", "PUT"], upload),
    "/healthz": (["GET", "HEAD"], healthz),
}

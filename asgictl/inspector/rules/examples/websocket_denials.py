"""Examples for a handshake that is answered with HTTP."""

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.example import CHAT, breaks, keeps

_TEXT = [(b"content-type", b"text/plain")]


@breaks("A-361", CHAT, extensions=None)
async def denies_without_the_extension(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with 401, whether the server can or not."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 401, "headers": _TEXT})
    await send({"type": "websocket.http.response.body", "body": b"log in first"})


@keeps("A-361", CHAT, extensions=None)
async def closes_without_the_extension(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with 401 where the server can, and close otherwise."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": 401, "headers": _TEXT})
        await send({"type": "websocket.http.response.body", "body": b"log in first"})
    else:
        await send({"type": "websocket.close"})


@breaks("A-362", CHAT)
async def denies_after_accept(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and look then whether the client may."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.http.response.start", "status": 403, "headers": _TEXT})
    await send({"type": "websocket.http.response.body", "body": b"no"})
    await send({"type": "websocket.close"})


@breaks("A-362", CHAT)
async def denies_twice(scope: Scope, receive: Receive, send: Send) -> None:
    """Start another answer when the first one has failed."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403})
    await send({"type": "websocket.http.response.start", "status": 500})
    await send({"type": "websocket.http.response.body"})


@keeps("A-362", CHAT)
async def denies_before_accept(scope: Scope, receive: Receive, send: Send) -> None:
    """Look whether the client may, and deny or accept then."""
    await receive()
    if b"cookie" not in dict(scope["headers"]):
        await send({"type": "websocket.http.response.start", "status": 403, "headers": _TEXT})
        await send({"type": "websocket.http.response.body", "body": b"no"})
        return
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close"})


@breaks("A-363", CHAT)
async def denies_with_a_status_as_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the status of a denial as text."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": "403"})
    await send({"type": "websocket.http.response.body"})


@breaks("A-363", CHAT)
async def denies_with_a_dictionary(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the headers of a denial as a dictionary."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403, "headers": {b"retry-after": b"60"}})
    await send({"type": "websocket.http.response.body"})


@keeps("A-363", CHAT)
async def denies_with_a_status(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a status, and headers as pairs."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403, "headers": [[b"retry-after", b"60"]]})
    await send({"type": "websocket.http.response.body"})


@breaks("A-364", CHAT)
async def denies_with_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the body of a denial as text."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403, "headers": _TEXT})
    await send({"type": "websocket.http.response.body", "body": "no"})


@breaks("A-364", CHAT)
async def denies_beyond_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Send another part of the body after the last one."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403, "headers": _TEXT})
    await send({"type": "websocket.http.response.body", "body": b"no"})
    await send({"type": "websocket.http.response.body", "body": b", never"})


@keeps("A-364", CHAT)
async def denies_in_parts(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the body of a denial in two parts."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403, "headers": _TEXT})
    await send({"type": "websocket.http.response.body", "body": b"no", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b", never"})


@breaks("A-365", CHAT)
async def denies_without_an_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Send each part of the body with `more_body`, the last one too."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403, "headers": _TEXT})
    for part in (b"no", b", never"):
        await send({"type": "websocket.http.response.body", "body": part, "more_body": True})


@keeps("A-365", CHAT)
async def denies_to_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    """End the body of a denial with a part that is empty."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403, "headers": _TEXT})
    for part in (b"no", b", never"):
        await send({"type": "websocket.http.response.body", "body": part, "more_body": True})
    await send({"type": "websocket.http.response.body"})


@breaks("A-366", CHAT)
async def denies_and_closes(scope: Scope, receive: Receive, send: Send) -> None:
    """Close after a denial."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403, "headers": _TEXT})
    await send({"type": "websocket.http.response.body", "body": b"no"})
    await send({"type": "websocket.close"})


@keeps("A-366", CHAT)
async def denies_and_returns(scope: Scope, receive: Receive, send: Send) -> None:
    """Return after a denial."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403, "headers": _TEXT})
    await send({"type": "websocket.http.response.body", "body": b"no"})

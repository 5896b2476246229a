"""What the app behind a server does with a WebSocket, by the probe that it belongs to."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from asgictl import demo
from asgictl.asgi import Message
from asgictl.inspector.against.visit import LIMIT, Visit
from asgictl.inspector.rules.server_rules import received_websocket

# What the app answers with; the client knows it, too.
ACCEPTED = (b"x-asgictl", b"accepted")
CODE, REASON = 4001, "done"
DENIED, DENIAL = 401, b"not here\n"

_AGAIN = 3


async def _accepted(visit: Visit) -> bool:
    """Accept; return whether the server has taken that."""
    if await visit.next() is None:
        visit.judge(received_websocket.CONNECT(f"`websocket.connect` has not come within {LIMIT:g} s"))
        return False
    offered = list(visit.scope.get("subprotocols") or ())
    accept: Message = {"type": "websocket.accept", "headers": [ACCEPTED]}
    return await visit.sent({**accept, "subprotocol": offered[-1]} if offered else accept)


async def chat(visit: Visit) -> None:
    """Send back what comes, until the client goes."""
    if not await _accepted(visit):
        return
    async for message in visit.messages():
        if message.get("text") is None and message.get("bytes") is None:  # the end, or none of ASGI
            return
        await visit.sent(demo.echo(message))
    visit.judge(received_websocket.CODE(f"`receive` gives nothing for {LIMIT:g} s, and the client has gone"))


async def _refuse(visit: Visit) -> None:
    await visit.next()
    await visit.sent({"type": "websocket.close"})


async def _deny(visit: Visit) -> None:
    await visit.next()
    if "websocket.http.response" not in (visit.scope.get("extensions") or ()):
        await visit.sent({"type": "websocket.close"})
        return
    begin = {"type": "websocket.http.response.start", "status": DENIED, "headers": [(b"content-type", b"text/plain")]}
    await visit.sent(begin, {"type": "websocket.http.response.body", "body": DENIAL})


async def _close(visit: Visit) -> None:
    if await _accepted(visit):
        await visit.sent({"type": "websocket.close", "code": CODE, "reason": REASON})


async def _gone(visit: Visit) -> None:
    """Send to a client that has gone."""
    if not await _accepted(visit):
        return
    async for message in visit.messages():
        if message.get("type") == "websocket.disconnect":
            for _ in range(_AGAIN):
                if not await visit.sent({"type": "websocket.send", "text": "more"}):
                    return
                await asyncio.sleep(0.01)
            return
    visit.judge(received_websocket.CODE(f"the client has gone, and `receive` gives nothing for {LIMIT:g} s"))


async def _wrong(message: Message, what: str, visit: Visit) -> None:
    if await _accepted(visit):
        await visit.refused(message, what)
        await visit.sent({"type": "websocket.close"})


async def _more_keys(visit: Visit) -> None:
    await visit.next()
    text = {"type": "websocket.send", "text": "more", "asgictl": 1}
    await visit.takes({"type": "websocket.accept", "asgictl": 1}, text, {"type": "websocket.close", "asgictl": 1})


_TEXT = {"type": "websocket.send", "text": b"bytes"}

BY_PROBE: dict[str, Callable[[Visit], Awaitable[None]]] = {
    "ws-refuse": _refuse,
    "ws-deny": _deny,
    "ws-close": _close,
    "ws-gone": _gone,
    "ws-unknown-event": partial(_wrong, {"type": "asgictl.unknown"}, "an event of the type `asgictl.unknown`"),
    "ws-no-data": partial(_wrong, {"type": "websocket.send"}, "`websocket.send` with neither `bytes` nor `text`"),
    "ws-text": partial(_wrong, _TEXT, "a `text` that is bytes"),
    "ws-more-keys": _more_keys,
}

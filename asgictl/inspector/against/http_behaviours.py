"""What the app behind a server does with a request, by the probe that it belongs to."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from asgictl.asgi import Message
from asgictl.inspector.against.visit import LIMIT, Visit
from asgictl.inspector.rules.server_rules import received_http

# What the app answers with; the client knows it, too.
BODY = b"seen by the app\n"
HEADERS = ((b"x-asgictl", b"one"), (b"x-asgictl", b"two"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"))
_TYPE = (b"content-type", b"text/plain")
_LENGTH = (b"content-length", str(len(BODY)).encode())

# How often something is sent to a client that has gone: the network needs some time to tell.
_AGAIN = 3


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> Message:
    """Return the message that begins an answer."""
    return {"type": "http.response.start", "status": status, "headers": [*headers, *HEADERS]}


def body(content: bytes = BODY, *, more: bool = False) -> Message:
    """Return a message with content."""
    return {"type": "http.response.body", "body": content, "more_body": more}


async def _read(visit: Visit) -> bool:
    """Read the request to its end; return False for a client that has gone, or an end that does not come."""
    async for message in visit.messages():
        if message.get("type") == "http.disconnect":
            return False
        if message.get("more_body") is not True:
            return True
    visit.judge(received_http.MORE_BODY(f"the end of the request has not come within {LIMIT:g} s"))
    return False


async def answer(visit: Visit) -> None:
    """Read the request, and answer it."""
    await _read(visit)
    await visit.sent(start(200, _TYPE, _LENGTH), body())


async def _pieces(visit: Visit) -> None:
    """Answer in pieces, without their length."""
    await _read(visit)
    await visit.sent(start(200, _TYPE), body(BODY[:4], more=True), body(b"", more=True), body(BODY[4:]))


async def _without(status: int, visit: Visit) -> None:
    """Answer with a status that has no content."""
    await _read(visit)
    await visit.sent(start(status), body(b""))


async def _framed(visit: Visit) -> None:
    """Answer with a framing of its own, which servers have to leave out."""
    await _read(visit)
    await visit.sent(start(200, _TYPE, (b"transfer-encoding", b"chunked")), body())


async def _after(visit: Visit) -> None:
    """Ask for the next message once the answer is complete."""
    await answer(visit)
    if await visit.next() is None:
        visit.judge(received_http.ANSWERED(f"the answer is complete, and `receive` gives nothing for {LIMIT:g} s"))


async def _gone(visit: Visit) -> None:
    """Answer a client that goes away in between."""
    await _read(visit)
    await visit.sent(start(200, _TYPE), body(b"begun\n", more=True))
    if await _has_gone(visit):
        for _ in range(_AGAIN):
            if not await visit.sent(body(b"more\n", more=True)):
                return
            await asyncio.sleep(0.01)


async def _gone_early(visit: Visit) -> None:
    """Read the request of a client that goes away within its body."""
    await _has_gone(visit)


async def _has_gone(visit: Visit) -> bool:
    async for message in visit.messages():
        if message.get("type") == "http.disconnect":
            return True
        if message.get("more_body") is not True and visit.scope.get("method") == "POST":
            visit.judge(received_http.LENGTH("the client has gone within its body, and the app receives its end"))
            return False
    visit.judge(received_http.ANSWERED(f"the client has gone, and `receive` gives nothing for {LIMIT:g} s"))
    return False


async def _wrong_start(message: Message, what: str, visit: Visit) -> None:
    """Begin an answer as nobody may."""
    await _read(visit)
    if await visit.refused(message, what):
        await visit.sent(start(200, _TYPE, _LENGTH))
    await visit.sent(body())


async def _wrong_body(visit: Visit) -> None:
    await _read(visit)
    await visit.sent(start(200, _TYPE))
    text = {"type": "http.response.body", "body": "text", "more_body": True}
    await visit.refused(text, "a `body` that is text")
    await visit.sent(body())


async def _more_keys(visit: Visit) -> None:
    await _read(visit)
    await visit.takes({**start(200, _TYPE, _LENGTH), "asgictl": 1}, {**body(), "asgictl": 1})


_NO_STATUS = {"type": "http.response.start", "headers": []}
_TEXT_STATUS = {"type": "http.response.start", "status": "200", "headers": []}
_TEXT_HEADERS = {"type": "http.response.start", "status": 200, "headers": [("x-asgictl", "text")]}

BY_PROBE: dict[str, Callable[[Visit], Awaitable[None]]] = {
    "pieces": _pieces,
    "head-pieces": _pieces,
    "no-content": partial(_without, 204),
    "not-modified": partial(_without, 304),
    "framed": _framed,
    "after": _after,
    "gone": _gone,
    "gone-early": _gone_early,
    "unknown-event": partial(_wrong_start, {"type": "asgictl.unknown"}, "an event of the type `asgictl.unknown`"),
    "untyped-event": partial(_wrong_start, {"status": 200, "headers": []}, "an event without a `type`"),
    "no-status": partial(_wrong_start, _NO_STATUS, "`http.response.start` without a `status`"),
    "text-status": partial(_wrong_start, _TEXT_STATUS, "a `status` that is text"),
    "text-headers": partial(_wrong_start, _TEXT_HEADERS, "`headers` of text"),
    "text-body": _wrong_body,
    "more-keys": _more_keys,
}

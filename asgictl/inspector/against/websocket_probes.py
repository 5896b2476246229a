"""WebSockets, from the handshake to the close, as they are on the wire."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial

from asgictl.inspector.against import websocket_behaviours, wire_frames
from asgictl.inspector.against.outside import Asked, Came, OutsideProbe, broken, nothing
from asgictl.inspector.against.wire import SWITCHING, Wire
from asgictl.inspector.against.wire_frames import BINARY, CLOSE, TEXT, Frame
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.rules.rule import Broken
from asgictl.inspector.rules.value_text import shown

_OFFERED = (b"chat.one", b"chat.two")
_TEXTS = "text é"
_BYTES = b"\x00\xff"
_CODE, _REASON = 4002, "bye"
_NO_CODE = 1005

_SOON = 0.1


async def _upgraded(wire: Wire, asked: Asked, *lines: bytes) -> Came:
    key = wire_frames.new_key()
    own = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + key)
    await wire.send(asked.head("GET", None, *own, *lines))
    return Came(await wire.answer())


async def _frames(wire: Wire, came: Came, count: int) -> Came:
    """Return what has come, with so many frames more, or those that come in time."""
    frames: list[Frame] = []
    if came.answer is not None and came.answer.status == SWITCHING:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while len(frames) < count:
                frames.append(await wire_frames.read(wire))
    return came._replace(frames=tuple(frames))


async def _chats(end: bytes, wire: Wire, asked: Asked) -> Came:
    """Send text and bytes, take them back, and close."""
    came = await _upgraded(wire, asked)
    await wire.send(wire_frames.frame(TEXT, _TEXTS.encode()), wire_frames.frame(BINARY, _BYTES))
    came = await _frames(wire, came, 2)
    await wire.send(end)
    last = await _frames(wire, came, 1)
    return came._replace(frames=came.frames + last.frames)


async def _offers(wire: Wire, asked: Asked) -> Came:
    lines = (b"Sec-WebSocket-Protocol: " + _OFFERED[0], b"Sec-WebSocket-Protocol: " + _OFFERED[1])
    came = await _upgraded(wire, asked, *lines)
    await wire.send(wire_frames.close_frame(1000, ""))
    return await _frames(wire, came, 1)


async def _waits(wire: Wire, asked: Asked) -> Came:
    """Take what the app does by itself."""
    came = await _frames(wire, await _upgraded(wire, asked), 1)
    await wire.send(wire_frames.close_frame(1000, ""))
    return came


async def _leaves(wire: Wire, asked: Asked) -> Came:
    """Go away without a close."""
    came = await _upgraded(wire, asked)
    await asyncio.sleep(_SOON)
    await wire.close(at_once=True)
    return came


def _is_since(seen: Exchange, version: str) -> bool:
    """Tell whether the server has what came with a version of the specification: without one it is 2.0."""
    asgi = seen.scope.get("asgi")
    given = asgi.get("spec_version") if isinstance(asgi, dict) else None
    return isinstance(given, str) and given >= version


def _accepted(seen: Exchange, came: Came) -> Iterator[Broken]:
    answer = came.answer
    if answer is None or answer.status != SWITCHING:
        got = "nothing" if answer is None else answer.status
        yield broken("A-333", f"the app accepts, and the client has got {got}")
        return
    name, value = websocket_behaviours.ACCEPTED
    if _is_since(seen, "2.1") and (got_values := answer.values(name)) != [value]:
        yield broken("A-337", f"the app accepts with `{name.decode()}`, and the client has got {shown(got_values)}")


def _of_chat(code: int, reason: str, seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:  # noqa: ARG001  # as all judges
    yield from _accepted(seen, came)
    given = [event.content for event in seen.received if event.type == "websocket.receive"]
    if given != [_TEXTS, _BYTES]:
        yield broken("A-323", f"the client has sent {shown([_TEXTS, _BYTES])}, and the app has received {shown(given)}")
    back = [(one.kind, one.content) for one in came.frames if one.kind != CLOSE]
    if back != [(TEXT, _TEXTS.encode()), (BINARY, _BYTES)]:
        yield broken("A-342", f"the app sends back {shown([_TEXTS, _BYTES])}, and the client has got {shown(back)}")
    yield from _of_end(seen, code, reason)


def _of_end(seen: Exchange, code: int, reason: str | None) -> Iterator[Broken]:
    end = next((event for event in seen.received if event.type == "websocket.disconnect"), None)
    if end is None:  # which the app has told
        return
    if (given := end.get("code", _NO_CODE)) != code:
        what = "nothing as the code" if code == _NO_CODE else str(code)
        yield broken("A-325", f"the client has closed with {what}, and the app receives {shown(given)}")
    if reason and (given := end.get("reason")) is not None and given != reason:
        yield broken("A-325", f"the client has closed with the reason `{reason}`, and the app receives {shown(given)}")


def _of_offer(seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:  # noqa: ARG001  # as all judges
    yield from _accepted(seen, came)
    accept = next((event for event in seen.sent if event.type == "websocket.accept"), None)
    wanted = accept.get("subprotocol") if accept else None
    got = [value.decode("latin-1") for value in came.answer.values(b"sec-websocket-protocol")] if came.answer else []
    if wanted and got != [wanted]:
        yield broken("A-335", f"the app accepts with `{wanted}`, and the client has got {shown(got)}")


def _of_close(seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:  # noqa: ARG001  # as all judges
    yield from _accepted(seen, came)
    code, reason = websocket_behaviours.CODE, websocket_behaviours.REASON
    got = next((one for one in came.frames if one.kind == CLOSE), None)
    if got is None or got.code != code:
        what = "no close" if got is None else str(got.code)
        yield broken("A-345", f"the app closes with {code}, and the client has got {what}")
    elif _is_since(seen, "2.3") and got.content[2:] != reason.encode():
        text = f"the app closes with the reason `{reason}`, and the client has got {shown(got.content[2:])}"
        yield broken("A-345", text)


def _of_refusal(seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:  # noqa: ARG001  # as all judges
    if came.answer is None or came.answer.status != 403:  # noqa: PLR2004  # as the specification says
        got = "nothing" if came.answer is None else came.answer.status
        yield broken("A-349", f"the app closes before it accepts, and the client has got {got}, not 403")


def _of_denial(seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:
    if not any(event.type == "websocket.http.response.start" for event in seen.sent):
        yield from _of_refusal(seen, came, asked)
    elif came.answer is None or came.answer.status != websocket_behaviours.DENIED:
        got = "nothing" if came.answer is None else came.answer.status
        yield broken("A-363", f"the app denies with {websocket_behaviours.DENIED}, and the client has got {got}")
    elif came.answer.body != websocket_behaviours.DENIAL or not came.answer.is_whole:
        yield broken("A-364", f"the client has got the body {shown(came.answer.body)}, which the app has not sent so")


_FULL = wire_frames.close_frame(_CODE, _REASON)

_close_fully = partial(_chats, _FULL), partial(_of_chat, _CODE, _REASON)
_close_without = partial(_chats, wire_frames.frame(CLOSE)), partial(_of_chat, _NO_CODE, "")

PROBES = (
    OutsideProbe("ws-chat", "WebSocket, closed with a code and a reason", *_close_fully, "WS"),
    OutsideProbe("ws-no-code", "WebSocket, closed without a code", *_close_without, "WS"),
    OutsideProbe("ws-offers", "WebSocket that offers subprotocols", _offers, _of_offer, "WS"),
    OutsideProbe("ws-close", "WebSocket that the app closes", _waits, _of_close, "WS"),
    OutsideProbe("ws-refuse", "WebSocket that the app closes before it accepts", _waits, _of_refusal, "WS"),
    OutsideProbe("ws-deny", "WebSocket that the app denies", _waits, _of_denial, "WS"),
    OutsideProbe("ws-gone", "WebSocket, client gone", _leaves, nothing, "WS"),
    *(
        OutsideProbe(name, f"WebSocket, {how}", _waits, nothing, "WS")
        for name, how in (
            ("ws-unknown-event", "the app sends an unknown event"),
            ("ws-no-data", "the app sends neither text nor bytes"),
            ("ws-text", "the app sends bytes as text"),
            ("ws-more-keys", "the app sends more keys than are known"),
        )
    ),
)

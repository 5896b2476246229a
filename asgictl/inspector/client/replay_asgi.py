"""Recorded requests and conversations sent again: into an app, in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, Protocol

from asgictl import adapt
from asgictl.errors import AsgictlError, ConfigError, StartError
from asgictl.inspector import urls
from asgictl.inspector.client.call import Stream, chunks_of
from asgictl.inspector.client.driver import Driver
from asgictl.inspector.client.websocket import Disconnected, Refused, WebSocket
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.headers import Headers, is_lost

# How much longer than in the recording a WebSocket's messages, and its close, are waited for, in seconds.
PATIENCE = 2.0


_FILES = ("http.response.pathsend", "http.response.zerocopysend")
_ENDS = ("websocket.close", "websocket.disconnect", "http.disconnect")


class Edit(NamedTuple):
    """What to send differently: another method, target or body, headers to replace, or to leave out (None)."""

    method: str | None = None
    target: str | None = None
    headers: Sequence[tuple[str, str | None]] = ()
    body: bytes | None = None


class Turn(NamedTuple):
    """A message that the client of a WebSocket sends when `before` messages of the app have come."""

    before: int
    message: dict[str, Any]


class Leave(NamedTuple):
    """How the client of a WebSocket has closed it."""

    code: int = 1000
    reason: str = ""


class Script(NamedTuple):
    """What is sent again: a scope, the chunks of a body, or of a WebSocket the turns; `without` names lost secrets.

    `host` is another Host header. `parts` and `size` are how many chunks, and bytes, an answer had that was not
    complete, as endless ones are not. `answers` counts the messages of a WebSocket's app, and `closes` says that it has
    closed; `waited` is the longest time in seconds that one of these took. `is_left` says that the client has gone
    before there was an answer, and `leave` how.
    """

    id: int
    scope: dict[str, Any]
    chunks: list[bytes]
    turns: list[Turn]
    answers: int
    without: tuple[str, ...]
    host: str | None = None
    parts: int | None = None
    size: int = 0
    closes: bool = False
    waited: float = 0.0
    is_left: bool = False
    leave: Leave = Leave()


class Frames(Protocol):
    """The client's side of a WebSocket."""

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message."""

    async def receive(self, patience: float) -> bool:
        """Wait for a message; tell whether one has come."""

    @property
    def is_open(self) -> bool:
        """Whether the app may say more."""


def script(exchange: Exchange, change: Edit) -> Script:
    """Return what sends `exchange` again with a `change`; raise `AsgictlError` for what is not recorded in full."""
    if exchange.type not in ("http", "websocket"):
        problem = f"#{exchange.id} is a {exchange.type}, which cannot be sent again"
        raise AsgictlError(problem, hint="name requests or WebSockets")
    if change.body is None:
        exchange.check_whole("pass --body, or record it again, with a larger --body-limit or --save-limit")
    if exchange.type == "websocket" and (change.method or change.body is not None):
        raise ConfigError(f"#{exchange.id} is a WebSocket: it has neither method nor body", hint="change -H or --path")
    headers, without = _headers(exchange, change)
    query = exchange.scope.get("query_string")
    scope = {
        **exchange.scope,
        "query_string": urls.without_secrets(query) if isinstance(query, bytes) else b"",
        **({"method": change.method} if change.method else {}),
        **_path(exchange, change),
        **({"subprotocols": []} if "sec-websocket-protocol" in without else {}),
        "headers": headers,
    }
    chunks = (event.content for event in exchange.received if event.type == "http.request")
    body = [change.body] if change.body is not None else [chunk for chunk in chunks if isinstance(chunk, bytes)]
    host = next((value for name, value in change.headers if name.lower() == "host"), None)
    parts = [event for event in exchange.sent if event.type == "http.response.body"]
    is_file = any(event.type in _FILES for event in exchange.sent)
    endless = bool(exchange.start) and not is_file and (not parts or bool(parts[-1].get("more_body")))
    return Script(
        id=exchange.id,
        scope=scope,
        chunks=body,
        without=without,
        host=host,
        parts=len(parts) if endless else None,
        size=exchange.response_size,
        **_course(exchange),
    )


def _course(exchange: Exchange) -> dict[str, Any]:
    """Return what a script has of who has sent what before the other."""
    turns: list[Turn] = []
    answers, waited, latest = 0, 0.0, 0.0
    for event in exchange.events:
        if event.type in ("websocket.send", "websocket.close", "websocket.accept"):
            answers += event.type == "websocket.send"
            waited = max(waited, event.ms - latest)
        elif event.type == "websocket.receive":
            turns.append(Turn(answers, event.message))
        latest = event.ms
    course: dict[str, Any] = {"turns": turns, "answers": answers, "waited": waited / 1000}
    end = next((event for event in exchange.events if event.type in _ENDS), None)
    if end is None or end.type == "websocket.close":
        return {**course, "closes": end is not None}
    leave = Leave(end.get("code", 1005), end.get("reason") or "")
    return {**course, "is_left": all(event.n > end.n for event in exchange.sent), "leave": leave}


async def into_app(driver: Driver, scripts: Sequence[Script]) -> AsyncIterator[Exchange]:
    """Call an app as `scripts` say, within its lifespan; yield what was recorded of each.

    Raises `StartError` when the app does not start, or does not answer.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(driver)
        except TimeoutError as error:
            problem = f"the app's startup failed: {error}"
            raise StartError(problem, hint="see what it waits for, or pass a longer --timeout") from error
        except Exception as error:  # of the app
            raise adapt.failed("the app's startup failed", error) from error
        for one in scripts:
            yield await _call(driver, one)


async def _call(driver: Driver, one: Script) -> Exchange:
    scope = {**one.scope, "client": ("127.0.0.1", 50000), "state": dict(driver.state)}
    call = driver.call(scope, replay_of=one.id)
    try:
        if scope["type"] == "websocket":
            await _converse_with_app(WebSocket(call, driver.exchange), one, driver.timeout)
        else:
            await _request(Stream(call, chunks_of(one.chunks or [b""])), one, driver.timeout)
    except TimeoutError as error:
        raise StartError(f"#{one.id}: {error}", hint="pass a longer --timeout") from error
    except Exception:  # noqa: BLE001, S110  # of the app; it is recorded
        pass
    finally:
        await call.finish()
    return driver.exchange(call.number)


async def _request(stream: Stream, one: Script, limit: float) -> None:
    try:
        if one.is_left:
            await stream.leave()
        else:
            await stream.begin()
            await stream.read(limit, one.parts)
        if one.is_left or stream.is_complete:
            await stream.call.ended()
    finally:
        stream.disconnect()


async def converse(frames: Frames, one: Script, limit: float) -> None:
    """Send a client's messages, each after as many of the app as in the recording, and wait for its close.

    A message is waited for as long as in the recording, and a while more, but no longer than `limit` seconds.
    """
    patience = min(one.waited + PATIENCE, limit)
    seen = missing = 0

    async def hear(count: int) -> None:
        nonlocal seen, missing
        while seen + missing < count and frames.is_open:
            if await frames.receive(patience):
                seen += 1
            else:
                missing = count - seen

    for before, message in one.turns:
        await hear(before)
        await frames.send(message)
    await hear(one.answers)
    if one.closes:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while frames.is_open:
                    await frames.receive(patience)


class _AppFrames:
    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self.is_open = True

    async def send(self, message: dict[str, Any]) -> None:
        self._socket.call.put(message)

    async def receive(self, patience: float) -> bool:
        try:
            await self._socket.receive(patience)
        except TimeoutError:
            return False
        except Disconnected:
            self.is_open = False
            return False
        return True


async def _converse_with_app(socket: WebSocket, one: Script, limit: float) -> None:
    if one.is_left:
        socket.call.put({"type": "websocket.connect"})
        await socket.close()
        await socket.call.ended()
        return
    try:
        await socket.connect()
    except Refused:
        return
    await converse(_AppFrames(socket), one, limit)
    await socket.close(*one.leave)


def _path(exchange: Exchange, change: Edit) -> dict[str, object]:
    """Return what a scope has of the target: another one, or the path without the secrets that are lost."""
    if change.target:
        return urls.in_scope(change.target)
    path = exchange.target.partition("?")[0]
    kept = urls.path_without_secrets(path.encode()).decode()
    found = urls.in_scope(kept) if kept != path else {}
    return {name: value for name, value in found.items() if name != "query_string"}


def _headers(exchange: Exchange, change: Edit) -> tuple[list[tuple[bytes, bytes]], tuple[str, ...]]:
    """Return the headers to send, and the names of those secrets that are lost."""
    replaced = {name.lower() for name, _ in change.headers}
    kept: Headers = [pair for pair in exchange.request_headers if pair[0].decode("latin-1").lower() not in replaced]
    headers = [(name, value) for name, value in kept if isinstance(value, bytes) and not is_lost(value)]
    headers += [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in change.headers if v is not None]
    if change.body is not None:
        headers = [pair for pair in headers if pair[0].lower() not in (b"content-length", b"transfer-encoding")]
        headers.append((b"content-length", str(len(change.body)).encode()))
    given = ("?", ";") if change.target else ()
    lost = [name for name in exchange.redacted if name not in replaced and name[:1] not in given]
    return headers, tuple(lost)

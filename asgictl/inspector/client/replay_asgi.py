"""Recorded requests and conversations sent again: into an app, in this process."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, Protocol

from asgictl import adapt
from asgictl.errors import AsgictlError, ConfigError, StartError
from asgictl.inspector import urls
from asgictl.inspector.client.call import Stream, chunks_of
from asgictl.inspector.client.driver import Driver
from asgictl.inspector.client.websocket import Disconnected, Refused, WebSocket
from asgictl.inspector.exchange import Exchange, Headers, is_lost

# How long a WebSocket's messages are waited for that the recording has, in seconds.
_PATIENCE = 2.0


class Edit(NamedTuple):
    """What to send differently: another method, target or body, headers to replace, or to leave out (None)."""

    method: str | None = None
    target: str | None = None
    headers: Sequence[tuple[str, str | None]] = ()
    body: bytes | None = None


class Script(NamedTuple):
    """What is sent again: a scope, the chunks of a body, or of a WebSocket the steps; `without` names lost secrets.

    A step is how many messages of the app come first, and what the client sends then. `host` is another Host header.
    `parts` and `size` are how many chunks, and bytes, an answer had that was not complete, as endless ones are not.
    """

    id: int
    scope: dict[str, Any]
    chunks: list[bytes]
    steps: list[tuple[int, str | bytes]]
    answers: int
    without: tuple[str, ...]
    host: str | None = None
    parts: int | None = None
    size: int = 0


class Frames(Protocol):
    """The client's side of a WebSocket."""

    async def send(self, data: str | bytes) -> None:
        """Send a message."""

    async def receive(self, patience: float) -> bool:
        """Wait for a message; tell whether one has come."""


def script(exchange: Exchange, change: Edit) -> Script:
    """Return what sends `exchange` again with a `change`; raise `AsgictlError` for what is not recorded in full."""
    if exchange.type not in ("http", "websocket"):
        problem = f"#{exchange.id} is a {exchange.type}, which cannot be sent again"
        raise AsgictlError(problem, hint="name requests or WebSockets")
    if change.body is None:
        exchange.check_whole("pass --body, or record it again, with a larger --body-limit or --save-limit")
    if exchange.type == "websocket" and (change.method or change.body is not None):
        raise ConfigError(f"#{exchange.id} is a WebSocket: it has neither method nor body", hint="change -H or --path")
    steps: list[tuple[int, str | bytes]] = []
    answers = 0
    for event in exchange.events:
        if event.type == "websocket.send":
            answers += 1
        elif event.type == "websocket.receive":
            steps.append((answers, event.content))
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
    endless = bool(exchange.start) and (not parts or bool(parts[-1].get("more_body")))
    return Script(
        id=exchange.id,
        scope=scope,
        chunks=body,
        steps=steps,
        answers=answers,
        without=without,
        host=host,
        parts=len(parts) if endless else None,
        size=exchange.response_size,
    )


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
            await _converse_with_app(WebSocket(call, driver.exchange), one)
        else:
            stream = Stream(call, chunks_of(one.chunks or [b""]))
            try:
                await stream.begin()
                await stream.read(driver.timeout, one.parts)
                if stream.is_complete:
                    await call.ended()
            finally:
                stream.disconnect()
    except TimeoutError as error:
        raise StartError(f"#{one.id}: {error}", hint="pass a longer --timeout") from error
    except Exception:  # noqa: BLE001, S110  # of the app; it is recorded
        pass
    finally:
        await call.finish()
    return driver.exchange(call.number)


async def converse(frames: Frames, one: Script) -> None:
    """Send a client's messages, each after as many of the app as in the recording."""
    seen = 0
    for before, data in one.steps:
        while seen < before and await frames.receive(_PATIENCE):
            seen += 1
        await frames.send(data)
    while seen < one.answers and await frames.receive(_PATIENCE):
        seen += 1


class _AppFrames:
    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def send(self, data: str | bytes) -> None:
        await self._socket.send(data)

    async def receive(self, patience: float) -> bool:
        try:
            await self._socket.receive(patience)
        except (TimeoutError, Disconnected):
            return False
        return True


async def _converse_with_app(socket: WebSocket, one: Script) -> None:
    try:
        await socket.connect()
    except Refused:
        return
    await converse(_AppFrames(socket), one)
    await socket.close()


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

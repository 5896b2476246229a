"""Calling an app without a server or a client: requests, streams, WebSockets and the lifespan, all recorded."""

import asyncio
import contextlib
import itertools
import json as json_format
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from asgictl.asgi import ASGIApp, Message, Scope
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.memory import Memory
from asgictl.inspector.recorder import Inspector

# How long an app may take for its next message, in seconds.
TIMEOUT = 10.0

# What ends a body of which that was not known before.
_LAST: tuple[bytes, bool] = (b"", False)

# How long an app may go on after its client has gone, in seconds.
_LEAVING = 1.0

# Everything is kept, for whoever called wants to look at it.
_KEPT = 2**31

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_CLIENT = ("127.0.0.1", 50000)
_SERVER = ("localhost", 80)

Headers = Mapping[str, str] | Sequence[tuple[str, str]]
Chunk = tuple[bytes, bool]
Body = bytes | str | Iterable[bytes] | AsyncIterable[bytes]


class StartupError(Exception):
    """The app has said that its startup failed."""


class Driver:
    """Calls an app; use it with `async with`, which runs the app's lifespan around the block."""

    def __init__(
        self, app: ASGIApp, *, timeout: float = TIMEOUT, sink: Memory | None = None, first_id: int = 0
    ) -> None:
        """Call `app`, and give it `timeout` seconds for each message that is waited for."""
        self._app = app
        self._timeout = timeout
        self._ids = itertools.count(first_id)
        self._lifespan: Call | None = None
        self._supported = True
        self.memory = sink or Memory(exchanges=100_000)
        self.state: dict[str, Any] = {}

    @property
    def exchanges(self) -> list[Exchange]:
        """Everything that was recorded so far, the lifespan included."""
        return self.memory.exchanges

    async def __aenter__(self) -> Self:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        self._lifespan = call = self.call(scope)
        call.put({"type": "lifespan.startup"})
        try:
            message = await call.next()
        except TimeoutError:
            await call.cancel()
            raise
        except Exception:  # noqa: BLE001  # an app without lifespan support raises anything it likes
            message = None
        if message is None:
            self._supported = False
        elif message["type"] == "lifespan.startup.failed":
            await call.cancel()
            raise StartupError(message.get("message") or "the startup of the app failed")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        call = self._lifespan
        if call is None:
            return
        if self._supported:
            call.put({"type": "lifespan.shutdown"})
            while (message := await call.next()) is not None and not message["type"].startswith("lifespan.shutdown."):
                pass
            await call.ended()
        await call.cancel()

    def call(self, scope: Scope, *, replay_of: int | None = None) -> "Call":
        """Return a call of the app with `scope`, which begins at the next wait."""
        number = next(self._ids)
        inspector = Inspector(self._app, sink=self.memory, redact=(), body_limit=_KEPT, first_id=number)
        inspector.replay_of = replay_of
        return Call(inspector, scope, number, self._timeout)

    def exchange(self, number: int) -> Exchange:
        """Return what is recorded of a call."""
        return self.memory[number]

    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: Headers = (),
        body: Body = b"",
        json: Any = None,
    ) -> Exchange:
        """Send a request, and return what was recorded when the app has returned; raise what the app raises.

        `target` is the path with its query, percent-encoded. A body that is an iterable is sent in its chunks; `json`
        is one as JSON. Raises `TimeoutError` when the app takes too long for a message.
        """
        async with self.stream(method, target, headers=headers, body=body, json=json) as stream:
            async for _ in stream:
                pass
            await stream.call.ended()
        return self.exchange(stream.call.number)

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, target: str, *, headers: Headers = (), body: Body = b"", json: Any = None
    ) -> AsyncIterator["Stream"]:
        """Send a request whose answer is read chunk by chunk; the client disconnects at the end of the block."""
        pairs = _pairs(headers)
        if json is not None:
            body = json_format.dumps(json).encode()
            pairs = [(b"content-type", b"application/json"), *pairs]
        chunks, size = _chunks(body)
        if size:
            pairs = [*pairs, (b"content-length", str(size).encode())]
        scope = {
            **self._scope("http", target, pairs),
            "method": method.upper(),
        }
        stream = Stream(self.call(scope), chunks)
        try:
            await stream.begin()
            yield stream
        finally:
            stream.disconnect()
            await stream.call.finish()

    @contextlib.asynccontextmanager
    async def websocket(
        self, target: str, *, headers: Headers = (), subprotocols: Sequence[str] = ()
    ) -> AsyncIterator["WebSocket"]:
        """Connect to a WebSocket, until the end of the block; raise `Refused` when the app does not accept."""
        handshake = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket"), (b"sec-websocket-version", b"13")]
        scope = {
            **self._scope("websocket", target, [*_pairs(headers), *handshake]),
            "scheme": "ws",
            "subprotocols": list(subprotocols),
            "extensions": {"websocket.http.response": {}},
        }
        socket = WebSocket(self.call(scope), self)
        try:
            await socket.connect()
            yield socket
        finally:
            socket.close()
            await socket.call.finish()

    def _scope(self, kind: str, target: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        path, _, query = target.partition("?")
        if not any(name == b"host" for name, _ in headers):
            headers = [(b"host", b"localhost"), *headers]
        return {
            "type": kind,
            "asgi": dict(_ASGI),
            "http_version": "1.1",
            "server": _SERVER,
            "client": _CLIENT,
            "scheme": "http",
            "root_path": "",
            "path": unquote(path),
            "raw_path": path.encode("latin-1", "replace"),
            "query_string": query.encode("latin-1", "replace"),
            "headers": headers,
            "state": dict(self.state),
        }


class Call:
    """One call of an app, in a task of its own: messages are put in, and taken out in their order."""

    def __init__(self, app: ASGIApp, scope: Scope, number: int, timeout: float) -> None:
        self.number = number
        self.scope = scope
        self._timeout = timeout
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self._out: asyncio.Queue[Message | None] = asyncio.Queue()
        self.source: Callable[[], Any] = self._in.get
        self._task = asyncio.ensure_future(app(scope, self._receive, self._send))
        self._task.add_done_callback(lambda _: self._out.put_nowait(None))

    async def _receive(self) -> Message:
        message: Message = await self.source()
        return message

    async def _send(self, message: Message) -> None:
        self._out.put_nowait(message)
        await asyncio.sleep(0)

    def put(self, message: Message) -> None:
        """Have the app receive `message` after those before it."""
        self._in.put_nowait(message)

    async def taken(self) -> Message:
        """Return the next message that was put in."""
        return await self._in.get()

    async def next(self, timeout: float | None = None) -> Message | None:  # noqa: ASYNC109  # not of this coroutine alone
        """Return the next message that the app sends, or None when it has returned; raise what it raises.

        Raises `TimeoutError` when nothing happens within `timeout` seconds.
        """
        limit = self._timeout if timeout is None else timeout
        try:
            message = await asyncio.wait_for(self._out.get(), limit)
        except TimeoutError:
            what = self.scope.get("path") or self.scope["type"]
            raise TimeoutError(f"the app has not sent anything for {limit:g} s ({what})") from None
        if message is None:
            self._out.put_nowait(None)
            self._task.result()
        return message

    async def ended(self) -> None:
        """Wait until the app has returned; raise what it raises."""
        await asyncio.wait([self._task], timeout=self._timeout)
        if not self._task.done():
            raise TimeoutError(f"the app has not returned for {self._timeout:g} s ({self.scope.get('path')})")
        self._task.result()

    async def finish(self) -> None:
        """Give the app a moment to return, then cancel it; what it raises has been told, or is recorded."""
        await asyncio.wait([self._task], timeout=min(self._timeout, _LEAVING))
        await self.cancel()

    async def cancel(self) -> None:
        """End the call."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()


class Stream:
    """An answer as it comes: `status`, `headers`, and the chunks of its body by `async for`."""

    def __init__(self, call: Call, chunks: AsyncIterator[Chunk]) -> None:
        self.call = call
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._chunks = chunks
        self._sent = False
        self._gone = asyncio.Event()
        call.source = self._source

    async def _source(self) -> Message:
        """Return the next message for the app: the body, and once the answer is complete that the client has gone."""
        if not self._sent and not self._gone.is_set():
            chunk, more = await anext(self._chunks, _LAST)
            self._sent = not more
            return {"type": "http.request", "body": chunk, "more_body": more}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def begin(self) -> None:
        """Wait for the beginning of the answer."""
        while (message := await self.call.next()) is not None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = list(message.get("headers", ()))
                return

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the chunks of the body, until the last or the end of the app."""
        while not self._gone.is_set() and (message := await self.call.next()) is not None:
            if message["type"] == "http.response.body":
                if not message.get("more_body", False):
                    self.disconnect()
                if message.get("body"):
                    yield message["body"]
            elif message["type"] in ("http.response.pathsend", "http.response.zerocopysend"):
                self.disconnect()

    def disconnect(self) -> None:
        """Have the app receive `http.disconnect`."""
        self._gone.set()


class Refused(Exception):  # noqa: N818  # no error, an answer
    """A WebSocket was not accepted; `exchange` is what was recorded."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(f"{exchange.target}: {exchange.status}")
        self.exchange = exchange


class Disconnected(Exception):  # noqa: N818  # no error, an answer
    """The app has closed the WebSocket with `code` and `reason`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class WebSocket:
    """A WebSocket, the client's side of it."""

    def __init__(self, call: Call, driver: Driver) -> None:
        self.call = call
        self.subprotocol: str | None = None
        self._driver = driver
        self._open = False

    async def connect(self) -> None:
        """Wait for the app to accept; raise `Refused` when it does not."""
        self.call.put({"type": "websocket.connect"})
        message = await self.call.next()
        if message is not None and message["type"] == "websocket.accept":
            self.subprotocol = message.get("subprotocol")
            self._open = True
            return
        while message is not None and message["type"].startswith("websocket.http.response."):
            if message["type"].endswith("body") and not message.get("more_body", False):
                break
            message = await self.call.next()
        raise Refused(self._driver.exchange(self.call.number))

    def send(self, data: str | bytes) -> None:
        """Send a text or a binary message."""
        self.call.put({"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data})

    async def receive(self, timeout: float | None = None) -> str | bytes:  # noqa: ASYNC109  # as `Call.next`
        """Return the app's next message; raise `Disconnected` when it closes."""
        message = await self.call.next(timeout)
        if message is None:
            self._open = False
            raise Disconnected(1006, "the app has returned")
        if message["type"] == "websocket.close":
            self._open = False
            raise Disconnected(message.get("code", 1000), message.get("reason") or "")
        data: str | bytes = message["text"] if message.get("text") is not None else message.get("bytes", b"")
        return data

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it from the client's side; a second call does nothing."""
        if self._open:
            self._open = False
            self.call.put({"type": "websocket.disconnect", "code": code, "reason": reason})


def _pairs(headers: Headers) -> list[tuple[bytes, bytes]]:
    items = headers.items() if isinstance(headers, Mapping) else headers
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in items]


def _chunks(body: Body) -> tuple[AsyncIterator[Chunk], int]:
    """Return a body as chunks, and its size where that is known."""
    if isinstance(body, str):
        body = body.encode()
    if isinstance(body, bytes):
        return chunks_of([body]), len(body)
    return chunks_of(body), 0


async def chunks_of(body: Iterable[bytes] | AsyncIterable[bytes]) -> AsyncIterator[Chunk]:
    """Yield the chunks of a body, and whether there are more, which of a stream is known only at its end."""
    if isinstance(body, AsyncIterable):
        async for chunk in body:
            yield chunk, True
        return
    left = len(body) if isinstance(body, Sequence) else None
    for number, chunk in enumerate(body, start=1):
        yield chunk, number != left

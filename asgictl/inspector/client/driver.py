"""Calling an app without a server or a client: requests, streams, WebSockets and the lifespan, all recorded."""

import asyncio
import itertools
import json as json_format
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypedDict

from asgictl.asgi import ASGIApp, Scope
from asgictl.inspector import urls
from asgictl.inspector.client import broken
from asgictl.inspector.client.call import Call, LateError, Stream, chunks_of
from asgictl.inspector.client.websocket import WebSocket
from asgictl.inspector.client.within import ASYNCIO, within
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Finding, Severity, Sink
from asgictl.inspector.record.memory import Memory
from asgictl.inspector.recorder import Inspector
from asgictl.inspector.request import Check

# How long an app may take for its next message, in seconds.
TIMEOUT = 10.0

# Everything is kept, for whoever called wants to look at it.
_KEPT = 2**31

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_CLIENT = ("127.0.0.1", 50000)
_SERVER = ("localhost", 80)

Headers = Mapping[str, str] | Sequence[tuple[str, str]]
Body = bytes | str | Iterable[bytes] | AsyncIterable[bytes]


class Content(TypedDict, total=False):
    """The headers of a request, and its body: bytes, text or an iterable of chunks, or what is sent as JSON."""

    headers: Headers
    body: Body
    json: Any


class StartupError(Exception):
    """The app has said that its startup failed."""


class ShutdownError(Exception):
    """The app has said that its shutdown failed."""


class Driver:
    """Calls an app; use it with `async with`, which runs the app's lifespan around the block."""

    def __init__(  # noqa: PLR0913  # what may be said of it
        self,
        app: ASGIApp,
        *,
        timeout: float = TIMEOUT,
        first_id: int = 0,
        redact: Iterable[str] = (),
        redact_body: Iterable[str] = (),
        check: Severity | None = None,
    ) -> None:
        """Call `app`, and give it `timeout` seconds for each message that is waited for.

        With `check`, the block ends with `BrokenRuleError` where the app breaks a rule of ASGI that is as serious.
        Exchanges are numbered from `first_id`. The values of headers, parameters and cookies in `redact`, and of fields
        of bodies in `redact_body`, are not kept.
        """
        if not callable(app):
            raise TypeError(f"an ASGI app is callable, {app!r} is not")
        self._app = app
        self.timeout = timeout
        self._check = check
        self._findings: list[Finding] = []
        self._redact = tuple(redact)
        self._redact_body = tuple(redact_body)
        self._ids = itertools.count(first_id)
        self._lifespan: Call | None = None
        self._supported = True
        self.memory = Memory(exchanges=_KEPT, events=_KEPT, size=_KEPT**2)
        # Is told of everything, too, but of no secrets.
        self.watch: Sink | None = None
        self.state: dict[str, Any] = {}

    @property
    def exchanges(self) -> list[Exchange]:
        """Everything that was recorded so far, the lifespan included."""
        return self.memory.exchanges

    async def __aenter__(self) -> Self:
        __tracebackhide__ = True
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        self._lifespan = call = self.call(scope)
        call.put({"type": "lifespan.startup"})
        try:
            message = await call.next()
        except LateError:
            await call.cancel()
            raise
        except Exception:
            if self.exchange(call.number).received:
                raise  # it had begun
            message = None  # an app without lifespan support raises anything it likes
        if message is None or not str(message.get("type")).startswith("lifespan.startup."):
            self._supported = False
            await call.cancel()
        elif message.get("type") == "lifespan.startup.failed":
            await call.cancel()
            raise StartupError(message.get("message") or "the startup of the app failed")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        call = self._lifespan
        if call is not None and self._supported:
            call.put({"type": "lifespan.shutdown"})
            try:
                await self._hear_shutdown(call)
            finally:
                await call.cancel()
        if self._check is not None and error is None:
            broken.check(self._findings, self.exchanges, self._check)

    async def _hear_shutdown(self, call: Call) -> None:
        __tracebackhide__ = True
        while (message := await call.next()) is not None:
            if message.get("type") == "lifespan.shutdown.failed":
                raise ShutdownError(message.get("message") or "the shutdown of the app failed")
            if message.get("type") == "lifespan.shutdown.complete":
                break
        await call.ended()

    def call(
        self, scope: Scope, *, replay_of: int | None = None, around: Callable[[ASGIApp], ASGIApp] | None = None
    ) -> "Call":
        """Return a call of the app with `scope`, and what is put `around` it; it begins at the next wait."""
        __tracebackhide__ = True
        if asyncio._get_running_loop() is None:  # noqa: SLF001  # documented, and raises nothing
            raise RuntimeError(ASYNCIO)
        number = next(self._ids)
        check: Check = "off" if self._check is None else "app"
        inspector = Inspector(
            self._app,
            sink=self.memory,
            redact=self._redact,
            redact_body=self._redact_body,
            body_limit=_KEPT,
            first_id=number,
            check=check,
            on_finding=self._findings.append,
        )
        inspector.replay_of = replay_of
        shown: ASGIApp = inspector
        if self.watch is not None:
            shown = Inspector(inspector, sink=self.watch, first_id=number, check=check)
        return Call(shown if around is None else around(shown), scope, number, self.timeout)

    def exchange(self, number: int) -> Exchange:
        """Return what is recorded of a call."""
        return self.memory[number]

    async def request(
        self, method: str, target: str, *, headers: Headers = (), body: Body = b"", json: Any = None
    ) -> Exchange:
        """Send a request, and return what was recorded when the app has returned; raise what the app raises.

        `target` is the path with its query, percent-encoded. A body that is an iterable is sent in its chunks; `json`
        is one as JSON. Raises `TimeoutError` when the app takes too long for a message.
        """
        __tracebackhide__ = True
        async with self.stream(method, target, headers=headers, body=body, json=json) as stream:
            await stream.read(self.timeout)
        return self.exchange(stream.call.number)

    @within
    async def stream(
        self, method: str, target: str, *, headers: Headers = (), body: Body = b"", json: Any = None
    ) -> AsyncGenerator[Stream, None]:
        """Send a request whose answer is read chunk by chunk; the client disconnects at the end of the block."""
        __tracebackhide__ = True
        pairs = _pairs(headers)
        if json is not None:
            body = json_format.dumps(json).encode()
            pairs = _with(pairs, b"content-type", b"application/json")
        body = body.encode() if isinstance(body, str) else body
        if isinstance(body, bytes):
            pairs = _with(pairs, b"content-length", str(len(body)).encode()) if body else pairs
            body = [body]
        scope = {**self._scope("http", target, pairs), "method": method.upper()}
        stream = Stream(self.call(scope), chunks_of(body))
        try:
            await stream.begin()
            yield stream
            if stream.is_complete:
                await stream.call.ended()
            else:
                stream.call.check()
        finally:
            stream.disconnect()
            await stream.call.finish()

    @within
    async def websocket(
        self, target: str, *, headers: Headers = (), subprotocols: Sequence[str] = ()
    ) -> AsyncGenerator[WebSocket, None]:
        """Connect to a WebSocket, until the end of the block; raise `Refused` when the app does not accept."""
        __tracebackhide__ = True
        handshake = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket"), (b"sec-websocket-version", b"13")]
        if subprotocols:
            handshake.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode("latin-1")))
        scope = {
            **self._scope("websocket", target, [*_pairs(headers), *handshake]),
            "scheme": "ws",
            "subprotocols": list(subprotocols),
            "extensions": {"websocket.http.response": {}},
        }
        socket = WebSocket(self.call(scope), self.exchange)
        try:
            await socket.connect()
            yield socket
            socket.call.check()
        finally:
            await socket.close()
            await socket.call.finish()

    def _scope(self, kind: str, target: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        __tracebackhide__ = True
        if not target.startswith("/") and target != "*":
            raise ValueError(f"{target!r} is not a path: it begins with a slash")
        headers = _with(headers, b"host", b"localhost")
        return {
            "type": kind,
            "asgi": dict(_ASGI),
            "http_version": "1.1",
            "server": _SERVER,
            "client": _CLIENT,
            "scheme": "http",
            "root_path": "",
            **urls.in_scope(target),
            "headers": headers,
            "state": dict(self.state),
        }


def _pairs(headers: Headers) -> list[tuple[bytes, bytes]]:
    items = headers.items() if isinstance(headers, Mapping) else headers
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in items]


def _with(pairs: list[tuple[bytes, bytes]], name: bytes, value: bytes) -> list[tuple[bytes, bytes]]:
    """Return headers with one more in front, unless it is there."""
    return pairs if any(key == name for key, _ in pairs) else [(name, value), *pairs]

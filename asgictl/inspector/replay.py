"""Recorded requests and conversations sent again: into an app in this process, or to a server."""

import asyncio
import http.client
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from asgictl.errors import AsgictlError, ConfigError, StartError
from asgictl.inspector.address import is_loopback
from asgictl.inspector.driver import Disconnected, Driver, Refused, Stream, WebSocket, chunks_of
from asgictl.inspector.exchange import Exchange, Headers
from asgictl.inspector.record import Closed, Event, Failure, Opened, Redacted

# How long a WebSocket's messages are waited for that the recording has, in seconds.
_PATIENCE = 2.0

# What belongs to one connection, and is made anew for the next (RFC 6455 section 4.1, RFC 9112).
_HANDSHAKE = frozenset(
    (
        *(b"connection", b"upgrade", b"host", b"content-length", b"transfer-encoding"),
        *(b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-extensions", b"sec-websocket-protocol"),
    )
)


class Change(NamedTuple):
    """What to send differently: another method, target or body, headers to replace, or to leave out (None)."""

    method: str | None = None
    target: str | None = None
    headers: Sequence[tuple[str, str | None]] = ()
    body: bytes | None = None


class Script(NamedTuple):
    """What is sent again: a scope, the chunks of a body, or of a WebSocket the steps; `without` names lost secrets.

    A step is how many messages of the app come first, and what the client sends then.
    """

    id: int
    scope: dict[str, Any]
    chunks: list[bytes]
    steps: list[tuple[int, str | bytes]]
    answers: int
    without: tuple[str, ...]


class Frames(Protocol):
    """The client's side of a WebSocket."""

    async def send(self, data: str | bytes) -> None:
        """Send a message."""

    async def receive(self, patience: float) -> bool:
        """Wait for a message; tell whether one has come."""


def script(exchange: Exchange, change: Change) -> Script:
    """Return what sends `exchange` again with a `change`; raise `AsgictlError` for what is not recorded in full."""
    if exchange.type not in ("http", "websocket"):
        problem = f"#{exchange.id} is a {exchange.type}, which cannot be sent again"
        raise AsgictlError(problem, hint="name requests or WebSockets")
    if change.body is None and (exchange.left_out or any(event.cut for event in exchange.received)):
        problem = f"#{exchange.id} has content of which only the beginning is kept"
        raise AsgictlError(problem, hint="pass --body, or record it with a larger --body-limit")
    if exchange.type == "websocket" and (change.method or change.body is not None):
        raise ConfigError(f"#{exchange.id} is a WebSocket: it has neither method nor body", hint="change -H or --path")
    chunks = [event.content for event in exchange.received if event.type == "http.request"]
    steps: list[tuple[int, str | bytes]] = []
    answers = 0
    for event in exchange.events:
        if event.type == "websocket.send":
            answers += 1
        elif event.type == "websocket.receive":
            steps.append((answers, event.content))
    headers, without = _headers(exchange, change)
    scope = {
        **exchange.scope,
        **({"method": change.method.upper()} if change.method else {}),
        **(_target(change.target) if change.target else {}),
        "headers": headers,
    }
    body = [change.body] if change.body is not None else [chunk for chunk in chunks if isinstance(chunk, bytes)]
    return Script(exchange.id, scope, body, steps, answers, without)


async def into_app(driver: Driver, scripts: Sequence[Script]) -> AsyncIterator[Exchange]:
    """Call an app as `scripts` say, within its lifespan; yield what was recorded of each."""
    async with driver:
        for one in scripts:
            scope = {**one.scope, "client": ("127.0.0.1", 50000), "state": dict(driver.state)}
            call = driver.call(scope, replay_of=one.id)
            try:
                if scope["type"] == "websocket":
                    await _converse_with_app(WebSocket(call, driver), one)
                else:
                    stream = Stream(call, chunks_of(one.chunks))
                    await stream.begin()
                    async for _ in stream:
                        pass
                    await call.ended()
            except TimeoutError as error:
                raise AsgictlError(f"#{one.id}: {error}", hint="pass a longer --timeout") from error
            except Exception:  # noqa: BLE001, S110  # of the app; it is recorded
                pass
            finally:
                await call.finish()
            yield driver.exchange(call.number)


async def to_server(url: str, scripts: Sequence[Script], timeout: float, first_id: int) -> AsyncIterator[Exchange]:  # noqa: ASYNC109  # of each request
    """Send `scripts` to the server at `url`; yield an exchange of what came back for each.

    Raises `StartError` when there is no server, or it does not answer within `timeout` seconds.
    """
    base = urlsplit(url)
    for number, one in enumerate(scripts, start=first_id):
        try:
            if one.scope["type"] == "websocket":
                yield await _converse_with_server(base, one, timeout, number)
            else:
                yield await asyncio.to_thread(_request, base, one, timeout, number)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            problem = f"#{one.id} got no answer from `{url}`: {reason}"
            raise StartError(problem, hint="start the server, or pass another --to") from error


async def _converse(frames: Frames, one: Script) -> None:
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
        self._socket.send(data)

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
    await _converse(_AppFrames(socket), one)
    socket.close()


class _Recorded:
    """The records of an exchange as the client sees it."""

    def __init__(self, number: int, scope: dict[str, Any], replay_of: int) -> None:
        self.exchange = Exchange(Opened(number, time.time(), scope, replay_of))
        self._begun = time.perf_counter()

    def add(self, direction: Any, message: dict[str, Any], size: int = 0) -> None:
        number = len(self.exchange.events) + 1
        self.exchange.add(Event(self.exchange.id, number, self._ms(), direction, message, size))

    def close(self, error: Failure | None = None) -> Exchange:
        self.exchange.add(Closed(self.exchange.id, self._ms(), error))
        return self.exchange

    def _ms(self) -> float:
        return (time.perf_counter() - self._begun) * 1000


def _request(base: SplitResult, one: Script, timeout: float, number: int) -> Exchange:
    """Send a request over HTTP, and return what came back."""
    recorded = _Recorded(number, one.scope, one.id)
    host = base.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, base.port, timeout=timeout, context=_context(base))
        if base.scheme == "https"
        else http.client.HTTPConnection(host, base.port, timeout=timeout)
    )
    body = b"".join(one.chunks)
    try:
        connection.putrequest(one.scope["method"], _path(base, one), skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", base.netloc.rpartition("@")[2])
        for name, value in one.scope["headers"]:
            if name.lower() not in _HANDSHAKE:
                connection.putheader(name.decode("latin-1"), value)
        if body or one.scope["method"] in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        recorded.add("receive", {"type": "http.request", "body": body, "more_body": False}, len(body))
        response = connection.getresponse()
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.getheaders()]
        recorded.add("send", {"type": "http.response.start", "status": response.status, "headers": headers})
        content = response.read()
        recorded.add("send", {"type": "http.response.body", "body": content, "more_body": False}, len(content))
    finally:
        connection.close()
    return recorded.close()


class _ServerFrames:
    def __init__(self, connection: Any, recorded: _Recorded) -> None:
        self._connection = connection
        self._recorded = recorded

    async def send(self, data: str | bytes) -> None:
        from websockets.exceptions import ConnectionClosed

        key = "text" if isinstance(data, str) else "bytes"
        self._recorded.add("receive", {"type": "websocket.receive", key: data}, len(data))
        try:
            await self._connection.send(data)
        except ConnectionClosed:
            return

    async def receive(self, patience: float) -> bool:
        from websockets.exceptions import ConnectionClosed

        try:
            data = await asyncio.wait_for(self._connection.recv(), patience)
        except (TimeoutError, ConnectionClosed):
            return False
        key = "text" if isinstance(data, str) else "bytes"
        self._recorded.add("send", {"type": "websocket.send", key: data}, len(data))
        return True


async def _converse_with_server(base: SplitResult, one: Script, timeout: float, number: int) -> Exchange:  # noqa: ASYNC109  # of the handshake
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidStatus

    recorded = _Recorded(number, one.scope, one.id)
    scheme = {"http": "ws", "https": "wss"}.get(base.scheme, base.scheme)
    headers = [
        (n.decode("latin-1"), v.decode("latin-1")) for n, v in one.scope["headers"] if n.lower() not in _HANDSHAKE
    ]
    try:
        connection = await connect(
            f"{scheme}://{base.netloc}{_path(base, one)}",
            additional_headers=headers,
            subprotocols=one.scope.get("subprotocols") or None,
            user_agent_header=None,
            open_timeout=timeout,
            ssl=_context(base) if scheme == "wss" else None,
            proxy=None,
        )
    except InvalidStatus as error:
        recorded.add("send", {"type": "websocket.http.response.start", "status": error.response.status_code})
        return recorded.close()
    except InvalidHandshake as error:
        raise http.client.HTTPException(str(error)) from error
    recorded.add("send", {"type": "websocket.accept", "subprotocol": connection.subprotocol})
    await _converse(_ServerFrames(connection, recorded), one)
    closed_by_server = connection.close_code is not None
    await connection.close()
    code = connection.close_code
    recorded.add("send" if closed_by_server else "receive", {"type": "websocket.close", "code": code})
    return recorded.close()


def _context(base: SplitResult) -> ssl.SSLContext:
    """Return a context that accepts any certificate on this machine, where nobody comes in between."""
    context = ssl.create_default_context()
    if is_loopback(base.geturl()):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _path(base: SplitResult, one: Script) -> str:
    path: bytes = one.scope.get("raw_path") or one.scope["path"].encode()
    query: bytes = one.scope.get("query_string") or b""
    return base.path.rstrip("/") + path.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")


def _target(target: str) -> dict[str, Any]:
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        raise ConfigError(
            f"`--path {target}` does not begin with a slash", hint=f"pass --path /{target}", option="path"
        )
    return {"path": unquote(path), "raw_path": path.encode("latin-1", "replace"), "query_string": query.encode()}


def _headers(exchange: Exchange, change: Change) -> tuple[list[tuple[bytes, bytes]], tuple[str, ...]]:
    """Return the headers to send, and the names of those secrets that are lost."""
    replaced = {name.lower() for name, _ in change.headers}
    kept: Headers = [pair for pair in exchange.request_headers if pair[0].decode("latin-1").lower() not in replaced]
    headers = [(name, value) for name, value in kept if not isinstance(value, Redacted)]
    headers += [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in change.headers if v is not None]
    if change.body is not None:
        headers = [pair for pair in headers if pair[0].lower() not in (b"content-length", b"transfer-encoding")]
        headers.append((b"content-length", str(len(change.body)).encode()))
    lost = [name for name in exchange.redacted if name not in replaced and not (name[:1] == "?" and change.target)]
    return headers, tuple(lost)

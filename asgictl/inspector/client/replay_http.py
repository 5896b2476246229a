"""Recorded requests and conversations sent again, to a server."""

import asyncio
import http.client
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from asgictl.errors import AsgictlError, StartError
from asgictl.inspector import urls
from asgictl.inspector.address import is_loopback
from asgictl.inspector.client.refusing import CODES
from asgictl.inspector.client.replay_asgi import PATIENCE, converse
from asgictl.inspector.client.replay_script import Leave, Script
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Opened, content_of
from asgictl.inspector.record.redaction import Redactor
from asgictl.inspector.record.secret_bodies import Conversation, SecretBodies
from asgictl.inspector.record.snapshot import kept_scope

# What belongs to one connection, and is new for the next (RFC 6455 section 4.1, RFC 9112).
_HANDSHAKE = frozenset(
    (
        *(b"connection", b"upgrade", b"host", b"content-length", b"transfer-encoding"),
        *(b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-extensions", b"sec-websocket-protocol"),
    )
)

# The code of a connection that has ended without a close (RFC 6455 section 7.4.1).
_LOST = 1006

# What comes after a connection: the server has closed it, or takes too long. Other errors say that there is none.
_WITHOUT_ANSWER = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, TimeoutError)

# What servers add to an answer, below the app.
ADDED = frozenset(
    (
        *(b"connection", b"content-length", b"date", b"keep-alive", b"server", b"transfer-encoding"),
        *(b"sec-websocket-accept", b"sec-websocket-extensions", b"upgrade"),
    )
)


async def to_server(  # noqa: PLR0913, PLR0917  # where to, what, how
    url: str,
    scripts: Sequence[Script],
    limit: float,
    first_id: int,
    redactor: Redactor,
    unanswered: Callable[[StartError], object],
) -> AsyncIterator[Exchange]:
    """Send `scripts` to the server at `url`; yield an exchange of what came back for each, without secrets.

    Where no answer comes, or not within `limit` seconds, `unanswered` is told, and the exchange has none. Raises
    `StartError` when there is no server.
    """
    base = urlsplit(url)
    for number, one in enumerate(scripts, start=first_id):
        recorded = _Recorded(number, one, redactor)
        try:
            if one.scope["type"] == "websocket":
                await _converse_with_server(base, one, limit, recorded)
            else:
                await asyncio.to_thread(_request, base, one, limit, recorded)
        except (ValueError, TypeError, KeyError) as error:
            problem = f"#{one.id} cannot be sent: {error}"
            raise AsgictlError(problem, hint="change it with -H, --method or --path") from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            problem = f"#{one.id} got no answer from `{url}`: {reason}"
            if isinstance(error, OSError) and not isinstance(error, _WITHOUT_ANSWER):
                raise StartError(problem, hint="start the server, or pass another --to") from error
            late = isinstance(error, TimeoutError)
            unanswered(StartError(problem, hint="pass a longer --timeout" if late else "look at the server's log"))
            recorded.leave()
        yield recorded.close()


class _Recorded:
    """The records of an exchange as the client sees it."""

    def __init__(self, number: int, one: Script, redactor: Redactor) -> None:
        scope = kept_scope(one.scope, redactor)
        self.exchange = Exchange(Opened(number, time.time(), scope, replay_of=one.id))
        self._redactor = redactor
        self._bodies = Conversation(SecretBodies(redactor.body_names), redactor)
        self._begun = time.perf_counter()

    def add(self, direction: Any, message: dict[str, Any], size: int = 0) -> None:
        number = len(self.exchange.events) + 1
        if "headers" in message:
            message["headers"] = self._redactor.headers(message["headers"])
        exchange = self.exchange
        changed = cut = False
        if size and self._redactor.body_names:
            changed, cut = self._bodies.take(direction, message, size, exchange.headers_of(direction))
        event = Event(exchange.id, number, self._ms(), direction, message, size=size, cut=cut, redacted=changed)
        exchange.add(event)

    def frame(self, direction: Any, kind: str, data: str | bytes) -> None:
        if isinstance(data, str):
            self.add(direction, {"type": kind, "text": data}, len(data.encode("utf-8", "surrogatepass")))
        else:
            self.add(direction, {"type": kind, "bytes": data}, len(data))

    def leave(self) -> None:
        """Record that the connection has ended without an answer, or in the middle of it."""
        kind = self.exchange.type
        self.add("receive", {"type": f"{kind}.disconnect", **({"code": 1006, "reason": ""} if kind != "http" else {})})

    def close(self) -> Exchange:
        self.exchange.add(Closed(self.exchange.id, self._ms()))
        return self.exchange

    def _ms(self) -> float:
        return (time.perf_counter() - self._begun) * 1000


def _request(base: SplitResult, one: Script, limit: float, recorded: _Recorded) -> None:
    """Send a request over HTTP, and record what comes back."""
    host = base.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, base.port, timeout=limit, context=_context(base))
        if base.scheme == "https"
        else http.client.HTTPConnection(host, base.port, timeout=limit)
    )
    body = b"".join(one.chunks)
    try:
        connection.putrequest(one.scope["method"], _path(base, one), skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", one.host or base.netloc.rpartition("@")[2])
        for name, value in one.scope["headers"]:
            if name.lower() not in _HANDSHAKE:
                connection.putheader(name.decode("latin-1"), value)
        if body or one.scope["method"] in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        recorded.add("receive", {"type": "http.request", "body": body, "more_body": False}, len(body))
        if one.is_left:
            recorded.leave()
            return
        with connection.getresponse() as response:  # which has the socket for itself where it has no length
            fields = response.getheaders()
            headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields]
            recorded.add("send", {"type": "http.response.start", "status": response.status, "headers": headers})
            content, is_whole = _content(response, one, limit)
            message = {"type": "http.response.body", "body": content, "more_body": not is_whole}
            recorded.add("send", message, len(content))
    finally:
        connection.close()


def _content(response: http.client.HTTPResponse, one: Script, limit: float) -> tuple[bytes, bool]:
    """Return the body, or as much of it as a recording has that was not complete, and whether it has come to its end.

    Raises `OSError` after `limit` seconds.
    """
    deadline = time.monotonic() + limit
    content = b""
    try:
        while one.parts is None or len(content) < one.size:
            part = response.read1(64 * 1024)
            content += part
            if not part:
                return content, not response.length
            if time.monotonic() > deadline:
                raise TimeoutError(f"its answer has not ended within {limit:g} s")
    except (http.client.IncompleteRead, ConnectionError) as error:
        return content + getattr(error, "partial", b""), False
    return content, False


class _ServerFrames:
    def __init__(self, connection: Any, recorded: _Recorded) -> None:
        self._connection = connection
        self._recorded = recorded
        self.is_open = True

    async def send(self, message: dict[str, Any]) -> None:
        from websockets.exceptions import ConnectionClosed

        data = content_of(message)
        self._recorded.frame("receive", "websocket.receive", data)
        try:
            await self._connection.send(data)
        except ConnectionClosed:
            return

    async def receive(self, patience: float) -> bool:
        from websockets.exceptions import ConnectionClosed

        try:
            async with asyncio.timeout(patience):
                data = await self._connection.recv()
        except TimeoutError:
            return False
        except ConnectionClosed:
            self.is_open = False
            return False
        self._recorded.frame("send", "websocket.send", data)
        return True


async def _converse_with_server(base: SplitResult, one: Script, limit: float, recorded: _Recorded) -> None:
    from websockets.exceptions import InvalidHandshake, InvalidStatus

    try:
        connection = await _connected(base, one, min(limit, PATIENCE) if one.is_left else limit)
    except InvalidStatus as error:
        answer = error.response
        start = {"type": "websocket.http.response.start", "status": answer.status_code, "headers": _pairs(answer)}
        recorded.add("send", start)
        body = answer.body or b""
        recorded.add("send", {"type": "websocket.http.response.body", "body": body}, len(body))
        return
    except TimeoutError:
        if not one.is_left:
            raise
        recorded.leave()
        return
    except InvalidHandshake as error:
        raise http.client.HTTPException(str(error)) from error
    try:
        accept = {"type": "websocket.accept", "subprotocol": connection.subprotocol}
        recorded.add("send", {**accept, "headers": _pairs(connection.response)})
        await converse(_ServerFrames(connection, recorded), one, limit)
        closed_by_server = connection.close_code is not None
    finally:
        await connection.close(*(one.leave if one.leave.code in CODES else Leave()))
    close = {"code": connection.close_code, "reason": connection.close_reason}
    if closed_by_server and connection.close_code != _LOST:
        recorded.add("send", {"type": "websocket.close", **close})
    else:
        recorded.add("receive", {"type": "websocket.disconnect", **close})


async def _connected(base: SplitResult, one: Script, limit: float) -> Any:
    """Return a connection; what the server answers is an answer, and is not followed."""
    from websockets.asyncio.client import connect

    class Connect(connect):
        def process_redirect(self, exc: Exception) -> Exception | str:
            return exc

    scheme = {"http": "ws", "https": "wss"}.get(base.scheme, base.scheme)
    headers = [
        (n.decode("latin-1"), v.decode("latin-1")) for n, v in one.scope["headers"] if n.lower() not in _HANDSHAKE
    ]
    return await Connect(
        f"{scheme}://{one.host or base.netloc}{_path(base, one)}",
        host=base.hostname,
        port=base.port or (443 if scheme == "wss" else 80),
        additional_headers=headers,
        subprotocols=one.scope.get("subprotocols") or None,
        user_agent_header=None,
        open_timeout=limit,
        ssl=_context(base) if scheme == "wss" else None,
        proxy=None,
        max_size=None,
    )


def _pairs(response: Any) -> list[tuple[bytes, bytes]]:
    """Return the headers of a handshake's answer, but the subprotocol, which ASGI has elsewhere."""
    pairs = ((name.lower(), value) for name, value in response.headers.raw_items())
    return [(n.encode("latin-1"), v.encode("latin-1")) for n, v in pairs if n != "sec-websocket-protocol"]


def _context(base: SplitResult) -> ssl.SSLContext:
    """Return a context that accepts any certificate on this machine, where nobody comes in between."""
    context = ssl.create_default_context()
    if is_loopback(base.geturl()):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _path(base: SplitResult, one: Script) -> str:
    raw = one.scope.get("raw_path")
    path = raw if isinstance(raw, bytes) and raw else str(one.scope["path"]).encode("utf-8", "surrogatepass")
    path = path.partition(b"?")[0]
    query: bytes = one.scope.get("query_string") or b""
    return base.path.rstrip("/") + urls.encoded(path + (b"?" + query if query else b"")).decode()

"""What is sent again of a recorded exchange, and how its client and its server have behaved."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from asgictl.errors import AsgictlError, ConfigError
from asgictl.inspector import urls, whole_request
from asgictl.inspector.endings import FILES, GONE, left_at, told_at
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.headers import Headers, is_lost

_SENT = frozenset(
    (
        *("http.response.start", "http.response.body", "websocket.http.response.body"),
        *("websocket.accept", "websocket.send", "websocket.close"),
    )
)


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
    before there was an answer, and `leave` how; `is_told` that the server has told the app so by an exception. `taken`
    are the messages of extensions that the server has taken, and `is_strict` says that it has refused some message.
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
    is_told: bool = False
    taken: frozenset[str] = frozenset()
    is_strict: bool = False


def script(exchange: Exchange, change: Edit) -> Script:
    """Return what sends `exchange` again with a `change`; raise `AsgictlError` for what is not recorded in full."""
    if exchange.type not in ("http", "websocket"):
        problem = f"#{exchange.id} is a {exchange.type}, which cannot be sent again"
        raise AsgictlError(problem, hint="name requests or WebSockets")
    if change.body is None:
        whole_request.check(exchange, "pass --body")
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
    left = left_at(exchange.events, exchange.raised)
    bodies = [event for event in exchange.sent if event.type == "http.response.body"]
    parts = [event for event in exchange.taken if event in bodies and (left is None or event.n < left)]
    is_file = any(event.type in FILES for event in exchange.sent)
    endless = bool(exchange.start) and not is_file and (not parts or bool(parts[-1].get("more_body")))
    return Script(
        id=exchange.id,
        scope=scope,
        chunks=body,
        without=without,
        host=host,
        parts=len(parts) if endless else None,
        size=exchange.response_size - sum(event.size for event in bodies) + sum(event.size for event in parts),
        is_told=told_at(exchange.events, exchange.raised) is not None,
        taken=frozenset(event.type for event in exchange.taken) - _SENT,
        is_strict=any(one.direction == "send" for one in exchange.raised),
        **_course(exchange),
    )


def _course(exchange: Exchange) -> dict[str, Any]:
    """Return what a script has of who has sent what before the other."""
    turns: list[Turn] = []
    answers, waited, latest = 0, 0.0, 0.0
    refused = {event.n for event in exchange.sent} - {event.n for event in exchange.taken}
    for event in exchange.events:
        if event.type in ("websocket.send", "websocket.close", "websocket.accept") and event.n not in refused:
            answers += event.type == "websocket.send"
            waited = max(waited, event.ms - latest)
        elif event.type == "websocket.receive":
            turns.append(Turn(answers, event.message))
        latest = event.ms
    course: dict[str, Any] = {"turns": turns, "answers": answers, "waited": waited / 1000}
    end = next((event for event in exchange.events if event.type in GONE and event.n not in refused), None)
    left = left_at(exchange.events, exchange.raised)
    if left is None:
        return {**course, "closes": end is not None and end.type == "websocket.close"}
    how = Leave(end.get("code", 1005), end.get("reason") or "") if end is not None else Leave()
    return {**course, "is_left": all(event.n >= left for event in exchange.sent), "leave": how}


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

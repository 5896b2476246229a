"""How two exchanges differ: in their scopes, their headers without order, their bodies by what they mean."""

import difflib
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from asgictl.inspector import bodies
from asgictl.inspector.exchange import Exchange, Headers, value_of
from asgictl.inspector.record import Redacted
from asgictl.inspector.sessions import digests

# What differs between any two connections.
_FLEETING = frozenset(("client", "server", "state", "headers"))

# What differs between two answers of the same kind.
_VARYING = frozenset((b"date",))

_LINES = 5000

_SWITCHING = 101


class Difference(NamedTuple):
    """A difference: where, and what is there in the one and in the other; None is nothing."""

    where: str
    one: str | None
    other: str | None


def of_requests(one: Exchange, other: Exchange) -> Iterator[Difference]:
    """Yield how the requests of two exchanges differ."""
    one, other = digests.alike(one, other)
    for key in dict.fromkeys((*one.scope, *other.scope)):
        values = [exchange.scope.get(key, _NOTHING) for exchange in (one, other)]
        if key not in _FLEETING and not _same(*values):
            yield Difference(f"scope {key}", *map(_shown, values))
    yield from _of_headers("request header", one.request_headers, other.request_headers)
    yield from _of_bodies("request body", _request(one), _request(other))
    yield from _of_frames("received frame", _frames(one, "receive"), _frames(other, "receive"))


def of_answers(one: Exchange, other: Exchange, added: frozenset[bytes] = frozenset()) -> Iterator[Difference]:
    """Yield how the answers of two exchanges differ, but for headers in `added` that only `other` has."""
    one, other = digests.alike(one, other)
    for where, values in (
        ("status", (one.status, other.status)),
        ("close code", (_closed(one), _closed(other))),
        *([] if added else [("error", (one.error and str(one.error), other.error and str(other.error)))]),
    ):
        if values[0] != values[1]:
            yield Difference(where, *(None if value is None else str(value) for value in values))
    if added and one.start is None and one.type == "http":
        return  # what servers make of an app that raises
    known = {name.lower() for name, _ in one.response_headers}
    headers = [pair for pair in other.response_headers if pair[0].lower() in known or pair[0].lower() not in added]
    yield from _of_headers("response header", one.response_headers, headers)
    if one.method != "HEAD":  # of which servers send no body, whatever the app gives them
        yield from _of_bodies("response body", _response(one), _response(other))
    yield from _of_frames("sent frame", _frames(one, "send"), _frames(other, "send"))


class _Body(NamedTuple):
    content: bytes
    media_type: str
    size: int


_NOTHING = object()


def _same(one: Any, other: Any) -> bool:
    return bool(_lists(one) == _lists(other))


def _lists(value: Any) -> Any:
    """Return `value` without a difference between tuples and lists, of which JSON knows one."""
    if isinstance(value, (list, tuple)):
        return [_lists(item) for item in value]
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return value


def _shown(value: Any) -> str | None:
    if value is _NOTHING:
        return None
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _of_headers(where: str, one: Headers, other: Headers) -> Iterator[Difference]:
    names = dict.fromkeys(name.lower() for name, _ in (*one, *other))
    for name in names:
        if name in _VARYING:
            continue
        values = [
            Counter(_comparable(value) for key, value in headers if key.lower() == name) for headers in (one, other)
        ]
        gone, come = (values[0] - values[1]).elements(), (values[1] - values[0]).elements()
        texts = [", ".join(items) for items in (gone, come)]
        if any(texts):
            yield Difference(f"{where} {name.decode('latin-1')}", *(text or None for text in texts))


def _comparable(value: bytes | Redacted) -> str:
    """Return a header's value; of secrets that cannot be told apart only that they are some."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return str(value) if value.digest else "‹redacted›"


def _request(exchange: Exchange) -> _Body:
    media_type = value_of(exchange.request_headers, "content-type") or ""
    return _body(exchange.request_body, media_type, exchange.request_size, exchange.request_headers)


def _response(exchange: Exchange) -> _Body:
    media_type = value_of(exchange.response_headers, "content-type") or ""
    return _body(exchange.response_body, media_type, exchange.response_size, exchange.response_headers)


def _body(content: bytes, media_type: str, size: int, headers: Headers) -> _Body:
    """Return a body unpacked: packed, the same content may be other bytes each time."""
    unpacked = bodies.decoded(content, value_of(headers, "content-encoding") or "")
    return _Body(unpacked, media_type, size if unpacked == content else size - len(content) + len(unpacked))


def _closed(exchange: Exchange) -> object:
    """Return the code with which the app has closed a WebSocket; the client's is no answer."""
    close = next((event for event in exchange.sent if event.type == "websocket.close"), None)
    return close.get("code", 1000) if close is not None and exchange.status == _SWITCHING else None


def _of_bodies(where: str, one: _Body, other: _Body) -> Iterator[Difference]:
    if one.content == other.content:
        if one.size != other.size:
            yield Difference(f"{where}, as far as it is kept the same", f"{one.size} B", f"{other.size} B")
        return
    values = [_json(body) for body in (one, other)]
    if _NOTHING not in values:
        yield from _of_values(where, *values)
        return
    found = list(_of_texts(where, *(_text(body.content) for body in (one, other))))
    yield from found or [Difference(where, f"{one.size} B", f"{other.size} B")]


def _of_texts(where: str, one: str | None, other: str | None) -> Iterator[Difference]:
    """Yield the lines that two texts do not have in common; nothing for what is no text, or only ends otherwise."""
    if one is None or other is None:
        return
    before, after = (text.splitlines()[:_LINES] for text in (one, other))
    for line in itertools.islice(difflib.unified_diff(before, after, lineterm="", n=0), 2, None):
        if line.startswith("-"):
            yield Difference(where, line[1:], None)
        elif line.startswith("+"):
            yield Difference(where, None, line[1:])


def _json(body: _Body) -> Any:
    kind = body.media_type.partition(";")[0].strip().lower()
    if not kind.endswith(("/json", "+json")):
        return _NOTHING
    try:
        return json.loads(body.content)
    except (ValueError, RecursionError):
        return _NOTHING


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _of_values(where: str, one: Any, other: Any) -> Iterator[Difference]:
    """Yield how two values of JSON differ, each with its place."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys((*one, *other)):
            yield from _of_values(f"{where} .{key}", one.get(key, _NOTHING), other.get(key, _NOTHING))
    elif isinstance(one, list) and isinstance(other, list):
        for index in range(max(len(one), len(other))):
            pair = (items[index] if index < len(items) else _NOTHING for items in (one, other))
            yield from _of_values(f"{where}[{index}]", *pair)
    elif type(one) is not type(other) or one != other:
        yield Difference(where, *(None if value is _NOTHING else json.dumps(value) for value in (one, other)))


def _frames(exchange: Exchange, direction: Literal["receive", "send"]) -> list[str]:
    kinds = ("websocket.receive", "websocket.send")
    events = (event for event in exchange.events if event.type in kinds and event.direction == direction)
    return [content if isinstance(content := event.content, str) else f"bytes {content.hex(' ')}" for event in events]


def _of_frames(where: str, one: list[str], other: list[str]) -> Iterator[Difference]:
    for index in range(max(len(one), len(other))):
        pair = [items[index] if index < len(items) else None for items in (one, other)]
        if pair[0] != pair[1]:
            yield Difference(f"{where} {index + 1}", *pair)

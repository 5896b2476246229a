"""How two exchanges differ: in their scopes, their headers without order, their bodies by what they mean."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from asgictl.inspector.comparison import content, digests, frames
from asgictl.inspector.comparison.content import body_of, reasons, unfinished
from asgictl.inspector.comparison.found import Difference, Found, Remark, alone, told
from asgictl.inspector.endings import ANSWERS, CLOSES, FILES, SWITCHING
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.headers import Headers, as_text
from asgictl.inspector.record import CONTENT, Direction, Event

# What differs between any two connections.
_FLEETING = frozenset(("client", "server", "state", "headers"))

# What differs between any two answers, or requests, of the same kind.
_VARYING = frozenset((b"date", b"sec-websocket-key"))

_HANDLED = frozenset(("type", "status", "headers"))

_NOTHING = object()


def of_requests(one: Exchange, other: Exchange) -> Iterator[Found]:
    """Yield how the requests of two exchanges differ, and what of them could not be compared."""
    one, other = digests.alike(one, other)
    for key in dict.fromkeys((*one.scope, *other.scope)):
        values = [exchange.scope.get(key, _NOTHING) for exchange in (one, other)]
        if key not in _FLEETING and _spelled(values[0]) != _spelled(values[1]):
            yield _of_pair(f"scope {key}", *_shown(*values))
    yield from _of_headers("request header", one.request_headers, other.request_headers)
    yield from content.of_bodies("request body", *(body_of(exchange, "receive") for exchange in (one, other)))
    yield from frames.of_frames("received frame", one, other, "receive")
    yield from _of_values("client's close", one, other, lambda exchange: _closed(exchange, "receive"))
    yield from _of_secrets("request", one, other, lambda exchange: [exchange.scope, *_told(exchange.received)])


def of_answers(one: Exchange, other: Exchange, added: frozenset[bytes] = frozenset()) -> Iterator[Found]:
    """Yield how the answers of two exchanges differ, and what of them could not be compared.

    `added` are the headers that servers add, where `other` has come through one; those that only `other` has do not
    count, nor does what a server makes of an app that raises, or that refuses a WebSocket without an answer.
    """
    one, other = digests.alike(one, other)
    why = [unfinished(exchange) if exchange.status is None else None for exchange in (one, other)]
    if any(why):
        yield Remark("answer", f"not compared; {reasons(*why)}")
        return
    yield from _of_values("", one, other, lambda exchange: {"status": exchange.status})
    if added and one.start is None and one.status != SWITCHING:
        return
    if not added:
        yield from _of_errors(one, other)
    yield from _of_values("", one, other, lambda exchange: _started(exchange, over_network=bool(added)))
    yield from _of_values("close", one, other, lambda exchange: _closed(exchange, "send"))
    known = {name.lower() for name, _ in one.response_headers}
    headers = [pair for pair in other.response_headers if pair[0].lower() in known or pair[0].lower() not in added]
    yield from _of_headers("response header", one.response_headers, headers)
    # Servers send no body for HEAD, whatever the app gives them, and one from a file is not recorded.
    if not added or (one.method != "HEAD" and not any(event.type in FILES for event in one.sent)):
        body = body_of(one, "send")
        parts = None if body.ended or other.opened.replay_of is None else content.parts_of(one)
        again = body_of(other, "send", parts=parts)
        yield from content.of_bodies("response body", body, again)
    yield from frames.of_frames("sent frame", one, other, "send")
    yield from _of_others(one, other, over_network=bool(added))
    yield from _of_secrets("answer", one, other, lambda exchange: _told(exchange.sent))


def _spelled(value: Any) -> str:
    """Return a value such that others are other texts, but not for tuples and lists, of which JSON knows one."""
    return repr(_lists(value))


def _lists(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_lists(item) for item in value]
    if isinstance(value, dict):
        return {key: _lists(value[key]) for key in sorted(value, key=repr)}
    return value


def _shown(*values: Any) -> list[str | None]:
    """Return two values as text, as Python has them where they look the same otherwise; None for nothing."""
    texts = [as_text(value) for value in values]
    texts = [repr(value) for value in values] if texts[0] == texts[1] else texts
    return [None if value is _NOTHING else text for value, text in zip(values, texts, strict=True)]


def _of_pair(where: str, one: str | None, other: str | None) -> Difference:
    if one is None or other is None:
        return Difference(where, *(None if text is None else alone(text) for text in (one, other)))
    return Difference(where, *told(one, other))


def _of_headers(where: str, one: Headers, other: Headers) -> Iterator[Difference]:
    """Yield how headers differ: their order counts only among those of one name (RFC 9110 section 5.3)."""
    for name in dict.fromkeys(name.lower() for name, _ in (*one, *other)):
        if name in _VARYING:
            continue
        values = [[as_text(value) for key, value in headers if key.lower() == name] for headers in (one, other)]
        if values[0] == values[1]:
            continue
        gone, come = (list((Counter(values[i]) - Counter(values[1 - i])).elements()) for i in (0, 1))
        texts = ["\n".join(items) if items else None for items in ((gone, come) if gone or come else values)]
        yield _of_pair(f"{where} {name.decode('latin-1')}", *texts)


def _told(events: Iterable[Event]) -> list[Any]:
    """Return the messages, without content in which there are no secrets."""
    return [
        event.message
        if event.redacted or not isinstance(event.message, dict)
        else {key: value for key, value in event.message.items() if key not in CONTENT}
        for event in events
    ]


def _of_secrets(
    where: str, one: Exchange, other: Exchange, values_of: Callable[[Exchange], list[Any]]
) -> Iterator[Found]:
    """Yield that some secrets were not compared, or by their sizes alone; in a replay that leaves nothing open."""
    if digests.by_size_alone(*values_of(one)) and digests.by_size_alone(*values_of(other)):
        if other.opened.replay_of is None:
            yield Remark(f"secrets of the {where}", "compared by their sizes alone")
        else:
            yield Remark(f"secrets of the {where}", "not compared", untold=False)


def _of_errors(one: Exchange, other: Exchange) -> Iterator[Found]:
    """Yield how what the apps have raised differs: of what a server has raised into them, only for which message."""
    if _own_error(one) != _own_error(other):
        yield from _of_values("", one, other, lambda exchange: {"error": exchange.error and str(exchange.error)})


def _own_error(exchange: Exchange) -> str | None:
    """Return what an app has raised, without the words of the server, of which each has its own."""
    text = str(exchange.error) if exchange.error else None
    for raised in exchange.raised:
        kinds = (event.type for event in exchange.events if event.n == raised.n and raised.direction == "send")
        what = f"<{raised.direction} {next(kinds, '')}>"
        for words in (str(raised.error), raised.error.message):
            text = text.replace(words, what) if text and words else text
    return text


def _started(exchange: Exchange, *, over_network: bool) -> dict[str, Any]:
    """Return what else begins an answer: the subprotocol of a WebSocket, and what extensions add, which is not sent."""
    accept = next((event for event in exchange.taken if event.type == "websocket.accept"), None)
    start = exchange.start or accept
    if start is None:
        return {}
    more = {key: value for key, value in start.message.items() if key not in _HANDLED and value}
    more = {key: value for key, value in more.items() if key == "subprotocol" or not over_network}
    return {f"response {key}" if key != "subprotocol" else key: value for key, value in more.items()}


def _closed(exchange: Exchange, direction: Direction) -> dict[str, Any]:
    """Return the code and the reason with which this side has closed a WebSocket first."""
    for event in exchange.events:
        if event.type in CLOSES:
            is_clients = event.type == "websocket.disconnect" or event.direction == "receive"
            if (direction == "receive") is is_clients:
                return {"code": event.get("code", 1000), "reason": event.get("reason") or None}
            break
    return {}


def _of_values(
    where: str, one: Exchange, other: Exchange, values_of: Callable[[Exchange], dict[str, Any]]
) -> Iterator[Found]:
    """Yield how what there is at most once differs; what may have followed, had it gone on, is no difference."""
    found = values_of(one), values_of(other)
    for key in dict.fromkeys((*found[0], *found[1])):
        there = f"{where} {key}".strip()
        pair = [_NOTHING if (value := values.get(key)) is None else value for values in found]
        why = [unfinished(it) if value is _NOTHING else None for value, it in zip(pair, (one, other), strict=True)]
        if _spelled(pair[0]) == _spelled(pair[1]):
            continue
        if any(why):
            yield Remark(there, f"not compared; {reasons(*why)}")
        else:
            yield _of_pair(there, *_shown(*pair))


def _of_others(first: Exchange, second: Exchange, *, over_network: bool) -> Iterator[Found]:
    """Yield how the messages of extensions differ, like trailers, early hints and pushes."""
    known = {*ANSWERS, *content.KINDS, "websocket.send"}
    messages = [[event for event in exchange.taken if event.type not in known] for exchange in (first, second)]
    for kind in dict.fromkeys(event.type for events in messages for event in events):
        texts = [[_written(event) for event in events if event.type == kind] for events in messages]
        if over_network and kind not in FILES:
            yield Remark(kind, "not compared: it is not seen over HTTP/1.1")
        elif not over_network and texts[0] != texts[1]:
            yield _of_pair(kind, *("\n".join(lines) or None for lines in texts))
        elif over_network or kind == "http.response.zerocopysend":
            yield Remark(kind, "not compared: what is in the file is not recorded")


def _written(event: Event) -> str:
    """Return what a message says, in one line; a file is another number, or object, each time."""
    if not isinstance(event.message, dict):
        return str(event.message)
    values = {key: value for key, value in event.message.items() if key not in ("type", "file")}
    return ", ".join(f"{key}: {_lists(value)}" for key, value in values.items())

"""The recorder: an ASGI middleware that tells a sink of everything that passes, and changes nothing of it."""

import itertools
import logging
from asyncio import CancelledError
from collections.abc import Iterable
from time import perf_counter, time
from typing import Any

from asgictl.asgi import ASGIApp, Message, Receive, Scope, Send
from asgictl.inspector import redaction
from asgictl.inspector.memory import Memory
from asgictl.inspector.record import (
    CONTENT,
    Closed,
    Direction,
    Event,
    Failure,
    Opaque,
    Opened,
    Raised,
    Record,
    Sink,
    failure,
)

_logger = logging.getLogger("asgictl.inspector")

# How much is kept of each body, and of each message of a WebSocket or an event stream, in bytes.
BODY_LIMIT = 1024 * 1024

_ATOMS = frozenset((str, bytes, int, float, bool, type(None)))
_LASTING = _ATOMS | {tuple}
_LISTS = frozenset((list, tuple))
_CONTENT = frozenset(CONTENT)
_APART = frozenset(("headers", "subprotocols"))

# A message with a body has a type, the body, and whether there is more.
_USUAL = 3

# How deep, and how far, other values are looked into.
_DEPTH = 6
_ITEMS = 1000


class Inspector:
    """An ASGI 3 application that answers as `app` does, byte by byte, and tells `sink` of every scope and message."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        sink: Sink | None = None,
        redact: Iterable[str] = redaction.NAMES,
        body_limit: int = BODY_LIMIT,
        first_id: int = 0,
    ) -> None:
        """Wrap `app`.

        `sink` is called with each record (`asgictl.inspector.record`) as it happens, in the thread of the event loop,
        and should return soon; without one, `Memory` keeps the latest exchanges, as `sink.exchanges`. The values of
        headers and query parameters that `redact` names are replaced before anything is kept. Of a body, and of each
        message of a WebSocket or an event stream, `body_limit` bytes are kept. Exchanges are numbered from `first_id`.
        """
        self.app = app
        self.sink: Any = Memory() if sink is None else sink
        self.redactor = redaction.Redactor(redact)
        self.body_limit = body_limit
        self.replay_of: int | None = None
        self.latest_failure: tuple[int, Failure] | None = None
        self._ids = itertools.count(first_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Call the app, and record what passes."""
        watched = _Watched(self, next(self._ids), scope, receive, send)
        try:
            result: Any = await self.app(scope, watched.receive, watched.send)  # type: ignore[func-returns-value]
        except BaseException as error:
            watched.end(error)
            raise
        watched.end(None)
        return result

    def tell(self, record: Record) -> None:
        """Pass a record on to the sink, whose errors are no business of the app's."""
        try:
            self.sink(record)
        except Exception:
            _logger.exception("the sink of an asgictl.Inspector failed")


class _Watched:
    """One connection on its way through. What is done for each message is written for speed (bench/inspecting.py)."""

    __slots__ = (
        "_answer",
        "_begun",
        "_id",
        "_inspector",
        "_limit",
        "_n",
        "_receive",
        "_received",
        "_scope",
        "_send",
        "_sent",
        "_streams",
        "_tell",
    )

    def __init__(self, inspector: Inspector, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        self._inspector = inspector
        self._id = number
        self._scope = scope
        self._receive = receive
        self._send = send
        self._tell = inspector.tell
        self._n = 0
        self._answer: Any = None
        self._limit = inspector.body_limit
        self._received = 0
        self._sent = 0
        self._streams = scope.get("type") == "websocket"
        try:
            kept = kept_scope(scope, inspector.redactor)
        except Exception as error:  # noqa: BLE001  # whatever a server hands over, the app is called
            kept = {"type": Opaque(type(error).__name__)}
        self._tell(Opened(number, time(), kept, inspector.replay_of))
        self._begun = perf_counter()

    async def receive(self) -> Message:
        try:
            message = await self._receive()
        except Exception as error:
            self._raised("receive", error)
            raise
        self._record("receive", message)
        return message

    async def send(self, message: Message) -> None:
        if isinstance(message, dict):
            if "headers" in message and (lasting := _lasting(message["headers"])) is not message["headers"]:
                message = {**message, "headers": lasting}
            if "links" in message and _is_fleeting(links := message["links"]):
                message = {**message, "links": list(links)}
        self._record("send", message)
        try:
            await self._send(message)
        except Exception as error:
            self._raised("send", error)
            raise

    def end(self, error: BaseException | None) -> None:
        inspector, ms = self._inspector, self._ms()
        if error is None:
            self._tell(Closed(self._id, ms))
        elif isinstance(error, CancelledError):
            self._tell(Closed(self._id, ms, cancelled=True))
        else:
            failed = self._failure(error)
            inspector.latest_failure = id(error), failed
            self._tell(Closed(self._id, ms, failed))

    def _ms(self) -> float:
        return (perf_counter() - self._begun) * 1000

    def _failure(self, error: BaseException) -> Failure:
        try:
            return failure(error, self._inspector.redactor.hiding(self._scope, self._answer))
        except Exception:  # noqa: BLE001  # whatever an app raises, the server gets it
            return Failure(_name(error), "", "")

    def _raised(self, direction: Direction, error: Exception) -> None:
        self._tell(Raised(self._id, self._n, self._ms(), direction, self._failure(error)))

    def _record(self, direction: Direction, message: Any) -> None:
        ms = (perf_counter() - self._begun) * 1000
        self._n = n = self._n + 1
        size, cut = 0, False
        try:
            if isinstance(message, dict):
                kept, size, cut = self._kept(direction, message)
            else:
                kept = snapshot(message)
        except Exception:  # noqa: BLE001  # whatever an app sends, the server gets it
            kept = Opaque(_name(message))
        self._tell(Event(self._id, n, ms, direction, kept, size, cut))

    def _kept(self, direction: Direction, message: Message) -> tuple[Any, int, bool]:
        """Return what is kept of a message, the size of its content in bytes, and whether some of that is missing."""
        kept = dict(message)
        headers = kept.pop("headers", None)
        size, cut = 0, False
        if (body := kept.get("body")).__class__ is bytes and len(kept) <= _USUAL:
            size = len(body)
            if size:
                kept["body"], cut = self._within_limit(direction, body, size)
        elif not _CONTENT.isdisjoint(kept):
            size, cut = self._keep_content(direction, kept)
        if not _ATOMS.issuperset(map(type, kept.values())):
            for key, value in kept.items():
                kept[key] = snapshot(value)
        if "subprotocol" in kept and kept["subprotocol"] and self._inspector.redactor.subprotocols:
            kept["subprotocol"] = redaction.HIDDEN.decode()
        if headers is not None:
            self._answer = headers
            kept["headers"] = headers = self._inspector.redactor.headers(headers)
            self._streams = self._streams or _is_event_stream(headers)
        return kept, size, cut

    def _keep_content(self, direction: Direction, kept: dict[str, Any]) -> tuple[int, bool]:
        total, missing = 0, False
        for key in CONTENT:
            value = kept.get(key)
            if isinstance(value, str):
                size = len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
            elif isinstance(value, (bytes, bytearray, memoryview)):
                size = len(value)
                value = bytes(value[: self._limit])
            else:
                continue
            kept[key], cut = self._within_limit(direction, value, size)
            total, missing = total + size, missing or cut
        return total, missing

    def _within_limit(self, direction: Direction, content: Any, size: int) -> tuple[Any, bool]:
        if self._streams:
            before = 0
        elif direction == "send":
            before, self._sent = self._sent, self._sent + size
        else:
            before, self._received = self._received, self._received + size
        limit = self._limit - before
        return (content, False) if size <= limit else (content[: max(0, limit)], True)


def kept_scope(scope: Scope, redactor: redaction.Redactor) -> dict[str, Any]:
    """Return a copy of `scope` without secrets; what can be gone through only once becomes a list in `scope` itself."""
    kept = dict(scope)
    for key, value in scope.items():
        kind = value.__class__
        if kind in _LASTING or key in _APART:
            continue
        if key == "state" and kind is dict:
            # The app's own objects, which say what they like of themselves.
            kept[key] = {name: Opaque(_name(item)) for name, item in value.items()} if value else {}
        else:
            kept[key] = value.copy() if key == "asgi" and kind is dict else snapshot(value)
    if "headers" in scope:
        if (headers := _lasting(scope["headers"])) is not scope["headers"]:
            scope["headers"] = headers
        kept["headers"] = redactor.headers(headers)
    if query := scope.get("query_string"):
        kept["query_string"] = redactor.query(query)
    if (path := scope.get("raw_path")).__class__ is bytes and b"?" in path:
        kept["raw_path"] = redactor.raw_path(path)
    if "subprotocols" in scope:
        if _is_fleeting(protocols := scope["subprotocols"]):
            scope["subprotocols"] = protocols = list(protocols)
        hidden = redactor.subprotocols and isinstance(protocols, (list, tuple))
        kept["subprotocols"] = [redaction.HIDDEN.decode()] * len(protocols) if hidden else snapshot(protocols)
    return kept


def snapshot(value: Any, depth: int = _DEPTH) -> Any:  # noqa: PLR0911  # one for each kind
    """Return a copy of `value` that nobody changes any more; `Opaque` for what ASGI has no type for."""
    kind = value.__class__
    if kind in _ATOMS:
        return value
    if depth == 0:
        return Opaque(_name(value))
    if kind is dict:
        if _ATOMS.issuperset(map(type, value.values())) and len(value) <= _ITEMS:
            return value.copy()
        return {
            key if key.__class__ in _ATOMS else Opaque(_name(key)): snapshot(item, depth - 1)
            for key, item in itertools.islice(value.items(), _ITEMS)
        }
    if kind is list or kind is tuple:
        if kind is tuple and len(value) <= _ITEMS and _ATOMS.issuperset(map(type, value)):
            return value
        return [snapshot(item, depth - 1) for item in value[:_ITEMS]]
    return Opaque(_name(value))


def _name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _is_fleeting(value: object) -> bool:
    """Tell whether `value` can perhaps be gone through only once."""
    return (
        value.__class__ not in _LASTING
        and isinstance(value, Iterable)
        and not isinstance(value, (str, bytes, dict, list, tuple))
    )


def _lasting(headers: Any) -> Any:
    """Return headers that can be gone through again, each pair too: themselves, or a list of what they hold."""
    if headers.__class__ is not list and _is_fleeting(headers):
        headers = list(headers)
    if headers.__class__ in _LISTS and not _LISTS.issuperset(map(type, headers)):
        return [list(pair) if _is_fleeting(pair) else pair for pair in headers]
    return headers


def _is_event_stream(headers: Any) -> bool:
    for pair in headers if headers.__class__ is list else ():
        if pair.__class__ is tuple and pair[0] == b"content-type":
            return pair[1].__class__ is bytes and pair[1].startswith(b"text/event-stream")
    return False

"""`--view full`: the whole scope, every header, and bodies laid out."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from asgictl.inspector import bodies
from asgictl.inspector.bodies.codings import Unpacker
from asgictl.inspector.bodies.event_stream import EventStream
from asgictl.inspector.endings import is_body
from asgictl.inspector.headers import Headers, as_text, joined, pairs, value_of
from asgictl.inspector.record import Event
from asgictl.inspector.show.blocks import Block, Blocks
from asgictl.inspector.show.wording import event_line, outcome, title
from asgictl.spans import Line, Span

_INDENT = "  "
_BODY = " " * 9
_WIDEST = 30


class FullView(Blocks):
    """All that is known of each exchange."""

    has_stacks = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._bodies: dict[tuple[int, str], _Body | _Stream] = {}

    def head(self, block: Block) -> Iterator[Line]:
        """Yield the line of the exchange, and its scope as a tree."""
        exchange = block.exchange
        moment = datetime.fromtimestamp(exchange.opened.at).astimezone().isoformat(" ", "milliseconds")
        yield []
        yield [*title(exchange), *outcome(exchange), Span(f"  {moment[:-6]}", "dim")]
        if exchange.opened.replay_of is not None:
            yield [Span(f"{_INDENT}replay of #{exchange.opened.replay_of}", "dim")]
        yield from _tree(exchange.scope, 1)

    def event(self, block: Block, event: Event) -> Iterator[Line]:
        """Yield the line of the message, its headers, and the body when it is complete."""
        yield event_line(event)
        yield from _headers(list(pairs(event.get("headers"))), _BODY)
        if event.type.startswith("websocket.") and event.content:
            body = _Body([], is_text=isinstance(event.content, str))
            body.add(event.data, cut=event.cut)
            yield from body.lines(ended=True)
        elif event.type.startswith("lifespan.") and event.get("message"):
            yield from ([Span(f"{_BODY}{line}")] for line in str(event.get("message")).splitlines())
        elif is_body(event):
            yield from self._chunk(block, event)

    def _chunk(self, block: Block, event: Event) -> Iterator[Line]:
        """Yield a body once it is complete, and the events of a stream as they come."""
        headers = block.exchange.headers_of(event.direction)
        key = block.exchange.id, event.direction
        body = self._bodies.get(key)
        if body is None:
            is_stream = (value_of(headers, "content-type") or "").lower().startswith("text/event-stream")
            body = self._bodies[key] = _Stream(headers) if is_stream else _Body(headers)
        yield from body.add(event.data, cut=event.cut)
        if not event.get("more_body"):
            del self._bodies[key]
            yield from body.lines(ended=True)

    def rest(self, block: Block) -> Iterator[Line]:
        """Yield what there is of bodies whose last chunk did not come."""
        for direction in ("receive", "send"):
            body = self._bodies.pop((block.exchange.id, direction), None)
            if body is not None:
                yield from body.lines(ended=False)


class _Body:
    """The chunks of a body, as many as can be shown; or a message of a WebSocket, which says whether it `is_text`."""

    def __init__(self, headers: Headers, *, is_text: bool = False) -> None:
        self._headers = headers
        self._is_text = is_text
        self._content = bytearray()
        self._cut = False
        self._long = False

    def add(self, chunk: bytes, *, cut: bool) -> list[Line]:
        """Take in a chunk; there is nothing to show yet."""
        room = bodies.MOST - len(self._content)
        self._content += chunk[:room]
        self._cut = self._cut or cut
        self._long = self._long or len(chunk) > room
        return []

    def lines(self, *, ended: bool) -> Iterator[Line]:
        """Yield the body; not `ended` where no last chunk came."""
        if not self._content:
            return
        media_type = value_of(self._headers, "content-type") or ""
        encoding = joined(self._headers, "content-encoding")
        whole = ended and not self._cut and not self._long
        kind, lines = bodies.shown(bytes(self._content), media_type, encoding, whole=whole)
        if self._is_text and kind.startswith("binary"):
            kind, lines = "text", self._content.decode("utf-8", "surrogatepass").splitlines()[: bodies.LINES]
        if kind not in ("text", "JSON"):
            yield _dim(kind)
        for line in lines:
            yield [Span(f"{_BODY}{line}")]
        if self._long:
            yield _dim("… the rest is not shown")
        elif self._cut:
            yield _dim("… the rest is not kept")
        elif not ended:
            yield _dim("… the end is missing")


class _Stream:
    """An event stream, whose events are shown as they come."""

    def __init__(self, headers: Headers) -> None:
        self._unpacker = Unpacker(joined(headers, "content-encoding"))
        self._events = EventStream()
        self._told: list[str] = []

    def add(self, chunk: bytes, *, cut: bool) -> Iterator[Line]:
        """Yield the events that are complete with this chunk."""
        lines = list(self._events.feed(self._unpacker.feed(chunk)))
        if cut:
            lines += self._events.finish()
            self._events = EventStream()
            self._unpacker.skip()
        yield from self._said()
        for line in lines:
            yield [Span(f"{_BODY}{line}")]
        if cut:
            yield _dim("… the rest is not kept")

    def lines(self, *, ended: bool) -> Iterator[Line]:
        """Yield what no event was made of."""
        if ended:
            self._unpacker.finish()
        yield from self._said()
        for line in self._events.finish():
            yield [Span(f"{_BODY}{line}")]

    def _said(self) -> Iterator[Line]:
        """Yield what is new about how the stream is packed."""
        said = [*self._unpacker.names, *([self._unpacker.fault] if self._unpacker.fault else [])]
        if new := [text for text in said if text not in self._told]:
            yield _dim(", ".join(new))
        self._told = said


def _dim(text: str) -> Line:
    return [Span(f"{_BODY}{text}", "dim")]


def _tree(value: dict[Any, Any], depth: int) -> Iterator[Line]:
    """Yield a mapping as an indented tree, with its keys aligned."""
    width = min(_WIDEST, max((len(str(key)) for key in value), default=0))
    for key, item in value.items():
        label = Span(f"{_INDENT * depth}{key!s:<{width}}", "dim")
        if key == "headers" and isinstance(item, list):
            yield [label._replace(text=label.text.rstrip())]
            yield from _headers(list(pairs(item)), _INDENT * (depth + 1))
        elif isinstance(item, dict) and item:
            yield [label._replace(text=label.text.rstrip())]
            yield from _tree(item, depth + 1)
        else:
            yield [label, Span(f"  {_written(item)}")]


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value or "''"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_written, value))}]"
    return str(value)


def _headers(headers: Headers, indent: str) -> Iterator[Line]:
    width = min(_WIDEST, max((len(name) for name, _ in headers), default=0))
    for name, value in headers:
        yield [Span(f"{indent}{as_text(name):<{width}}", "dim"), Span(f"  {as_text(value)}")]

"""`--view full`: the whole scope, every header, and bodies laid out."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from asgictl.inspector import bodies
from asgictl.inspector.exchange import Exchange, Headers, pairs, value_of
from asgictl.inspector.record import Event
from asgictl.inspector.show.blocks import Block, Blocks, event_line, outcome, title
from asgictl.spans import Line, Span

_INDENT = "  "
_BODY = " " * 9
_WIDEST = 30


class FullView(Blocks):
    """All that is known of each exchange."""

    has_stacks = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._bodies: dict[tuple[int, str], _Body] = {}

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
        yield event_line(event, alone=False)
        yield from _headers(list(pairs(event.get("headers"))), _BODY)
        if event.type.startswith("websocket.") and event.content:
            yield from _laid_out(_bytes(event.content), [], whole=not event.cut)
        elif event.type.startswith("lifespan.") and event.get("message"):
            yield from ([Span(f"{_BODY}{line}")] for line in str(event.get("message")).splitlines())
        elif "body" in event.type or event.type == "http.request":
            yield from self._chunk(block, event)

    def _chunk(self, block: Block, event: Event) -> Iterator[Line]:
        """Yield a body once it is complete, and what comes in an event stream at once."""
        exchange = block.exchange
        headers = _of_side(exchange, event.direction)
        content = event.content
        if (value_of(headers, "content-type") or "").startswith("text/event-stream"):
            yield from _laid_out(_bytes(content), [], whole=not event.cut)
            return
        key = exchange.id, event.direction
        body = self._bodies.setdefault(key, _Body())
        body.add(_bytes(content), cut=event.cut)
        if not event.get("more_body"):
            del self._bodies[key]
            if body.content:
                yield from _laid_out(bytes(body.content), headers, whole=not body.cut)

    def _closed(self, block: Block, record: Any) -> list[Line]:
        for direction in ("receive", "send"):
            body = self._bodies.pop((record.id, direction), None)
            if body is not None and body.content:
                block.lines += _laid_out(bytes(body.content), _of_side(block.exchange, direction), whole=False)
        return super()._closed(block, record)


class _Body:
    """The chunks of a body, as many as can be shown."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.cut = False

    def add(self, chunk: bytes, *, cut: bool) -> None:
        room = bodies.MOST - len(self.content)
        self.content += chunk[:room]
        self.cut = self.cut or cut or len(chunk) > room


def _of_side(exchange: Exchange, direction: str) -> Headers:
    """Return the headers that tell of a body."""
    return exchange.request_headers if direction == "receive" else exchange.response_headers


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
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        yield [Span(f"{indent}{name.decode('latin-1'):<{width}}", "dim"), Span(f"  {text}")]


def _bytes(content: bytes | str) -> bytes:
    return content if isinstance(content, bytes) else content.encode(errors="replace")


def _laid_out(content: bytes, headers: Headers, *, whole: bool) -> Iterator[Line]:
    media_type = value_of(headers, "content-type") or ""
    encoding = value_of(headers, "content-encoding") or ""
    kind, lines = bodies.shown(content, media_type, encoding, whole=whole)
    if kind not in ("text", "JSON"):
        yield [Span(f"{_BODY}{kind}", "dim")]
    for line in lines:
        yield [Span(f"{_BODY}{line}")]
    if not whole:
        yield [Span(f"{_BODY}… the rest is not kept", "dim")]

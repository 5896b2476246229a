"""How the messages of two WebSockets differ, each beside the one that it matches."""

from collections.abc import Iterator
from typing import NamedTuple

from asgictl.inspector.bodies.sizes import size
from asgictl.inspector.comparison.content import MORE_KEPT, MORE_SAVED, reasons, unfinished
from asgictl.inspector.comparison.found import (
    Difference,
    Found,
    Remark,
    aligned,
    alone,
    matched,
    of_binary,
    place,
    told,
)
from asgictl.inspector.endings import CLOSES, FRAMES
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Direction, Event, as_bytes

# So many messages are compared, from the first on that differs.
_MOST = 5000


def of_frames(where: str, first: Exchange, second: Exchange, direction: Direction) -> Iterator[Found]:
    """Yield how the messages of one side differ, and what of them could not be compared."""
    one, other = (_frames(exchange, direction) for exchange in (first, second))
    why = [_goes_on(exchange) for exchange in (first, second)]
    if any(why):
        count = min(len(frames) for frames, reason in zip((one, other), why, strict=True) if reason)
        one, other = one[:count], other[:count]
        is_gap = any(exchange.gap is not None for exchange in (first, second))
        text = f"compared: the first {count}; {reasons(*why)}"
        yield Remark(f"{where}s", text, hint=MORE_SAVED if is_gap else None)
    limit = min((len(frame.content) for frame in (*one, *other) if frame.cut), default=None)
    parts = aligned([frame.key(limit) for frame in one], [frame.key(limit) for frame in other], _MOST)
    for i, j in matched(len(one), len(other), parts):
        there = f"{where} {place(i, j, first=1)}"
        if i is not None and j is not None:
            yield from _of_pair(there, one[i], other[j])
        else:
            texts = (None if at is None else alone(it[at].text()) for at, it in ((i, one), (j, other)))
            yield Difference(there, *texts)
    if not parts.whole:
        yield Remark(f"{where}s", f"compared: {_MOST} from the first on that differs")


class _Frame(NamedTuple):
    """A message, as far as it is kept; `size` is that of all of it, in bytes."""

    content: bytes | str
    size: int
    cut: bool

    def key(self, limit: int | None) -> tuple[bool, int, bytes | str]:
        """Return what messages that match have in common: kind, size, and content as far as all of them are kept."""
        return isinstance(self.content, str), self.size, self.content[:limit]

    def text(self, *, kind: bool = False) -> str:
        """Return it as text, with the `kind` of a text if asked for, or if it is empty."""
        if isinstance(self.content, bytes):
            return f"bytes {self.content.hex(' ') or '0 B'}"
        return self.content if self.content and not kind else f"text {self.content or '0 B'}"


def _frames(exchange: Exchange, direction: Direction) -> list[_Frame]:
    kept = exchange.received if direction == "receive" else exchange.taken
    kept = [event for event in kept if exchange.gap is None or event.n <= exchange.gap]
    return [_Frame(event.content, _size(event), event.cut) for event in kept if event.type in FRAMES]


def _size(event: Event) -> int:
    return event.size if event.cut else len(event.data)


def _goes_on(exchange: Exchange) -> str | None:
    """Return why a WebSocket may have gone on, of which no end is kept."""
    is_over = any(event.type in CLOSES for event in exchange.events)
    return None if exchange.type != "websocket" or (is_over and exchange.gap is None) else unfinished(exchange)


def _of_pair(where: str, one: _Frame, other: _Frame) -> Iterator[Found]:
    """Yield how two messages differ, as far as both are kept."""
    count = min((len(frame.content) for frame in (one, other) if frame.cut), default=None)
    before, after = (frame._replace(content=frame.content[:count]) for frame in (one, other))
    if before.content != after.content:
        if isinstance(before.content, bytes) and isinstance(after.content, bytes):
            yield of_binary(where, before.content, after.content)
        else:
            is_other = isinstance(before.content, str) is not isinstance(after.content, str)
            yield Difference(where, *told(*(frame.text(kind=is_other) for frame in (before, after))))
    elif one.size != other.size:
        yield Difference(f"{where}, as far as it is kept the same", f"{one.size} B", f"{other.size} B")
    if count is not None:
        kept, whole = min(len(as_bytes(it.content)) for it in (before, after)), max(one.size, other.size)
        yield Remark(where, f"compared: the first {size(kept)} of {size(whole)}", hint=MORE_KEPT)

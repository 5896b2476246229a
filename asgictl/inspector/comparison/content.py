"""How two bodies differ: by what they mean where all of them is kept, and else as far as they are kept."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from asgictl.inspector.bodies import charsets, codings
from asgictl.inspector.bodies.sizes import size
from asgictl.inspector.comparison import values
from asgictl.inspector.comparison.found import Difference, Found, Remark, aligned, alone, common, of_binary, told
from asgictl.inspector.endings import left_at
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.headers import joined, value_of
from asgictl.inspector.record import CONTENT, Direction, Event, Redacted

# The messages that have a part of a body.
KINDS = ("http.request", "http.response.body", "websocket.http.response.body")

_LINES = 5000

_LARGEST = codings.LARGEST

_END = re.compile(r"\r\n|\r|\n")
_ENDS = {"\r\n": "CRLF", "\n": "LF", "\r": "CR", "": None}

_MARK = "\ufeff"

MORE_KEPT = "record it again, with a larger --body-limit"
MORE_SAVED = "record it again, with a larger --save-limit"
GONE = "messages are missing"
LEFT_OUT = "it is left out, for the secrets in it"
LEFT = "the client has left"

# These are told by how much was compared.
CUT, SO_FAR = "cut", "read so far"


class Body(NamedTuple):
    """A body as far as it is kept without a gap; `size` is that of all of it, None where that is not known.

    `missing` says why there may be more than that, and `ended` whether it has come to its end.
    """

    content: bytes
    size: int | None
    media_type: str
    encoding: str
    missing: str | None = None
    ended: bool = True
    hint: str | None = None


def unfinished(exchange: Exchange) -> str | None:
    """Return why an exchange may have gone on otherwise than what is kept of it, or None."""
    if exchange.gap is not None:
        return GONE
    if exchange.closed is None:
        return "the recording ends"
    # A replay ends what it has read as far as the recording goes.
    return "it was cancelled" if exchange.closed.cancelled and exchange.opened.replay_of is None else None


def reasons(one: str | None, other: str | None) -> str:
    """Return why the one, and the other, may have gone on."""
    return ", ".join(f"{sign}: {reason}" for sign, reason in (("(-)", one), ("(+)", other)) if reason)


def body_of(exchange: Exchange, direction: Direction, *, parts: int | None = None) -> Body:
    """Return the body that the app has received, or has sent; with `parts` the beginning that a replay was to read."""
    headers = exchange.headers_of(direction)
    end = exchange.gap
    told = exchange.received if direction == "receive" else _answered(exchange)
    kept = [event for event in told if event.type in KINDS and (end is None or event.n <= end)][:parts]
    content, cut = _joined(kept)
    ended = (bool(kept) and not kept[-1].get("more_body")) or _has_none(exchange, direction)
    missing = None if ended else _missing(exchange, direction, as_far_as_another=parts is not None)
    if not missing and any(isinstance(event.get(key), Redacted) for event in kept for key in CONTENT):
        missing = LEFT_OUT
    total = None if missing else sum(event.size for event in kept)
    hint = MORE_SAVED if missing and end is not None else MORE_KEPT if cut and missing != LEFT_OUT else None
    kind, encoding = value_of(headers, "content-type") or "", joined(headers, "content-encoding")
    return Body(content, total, kind, encoding, missing or (CUT if cut else None), ended, hint)


def parts_of(exchange: Exchange) -> int:
    """Return in how many messages the app has sent a body before the client left."""
    return sum(event.type in KINDS for event in _answered(exchange))


def _answered(exchange: Exchange) -> list[Event]:
    """Return what the app has sent before it learned that the client had left: so far a replay reads."""
    left = left_at(exchange.events, exchange.raised)
    return [event for event in exchange.taken if left is None or event.n < left]


def _missing(exchange: Exchange, direction: Direction, *, as_far_as_another: bool) -> str | None:
    """Return why a body without an end may have one; None where the app has given it none."""
    if direction == "receive":
        return GONE if exchange.gap is not None else "the app read no further"
    if reason := unfinished(exchange):
        return reason
    # Servers tell it by a message, or by an error (https://asgi.readthedocs.io/en/latest/specs/www.html).
    has_left = any(event.type == "http.disconnect" for event in exchange.received) or bool(exchange.raised)
    return SO_FAR if as_far_as_another else LEFT if has_left else None


def _has_none(exchange: Exchange, direction: Direction) -> bool:
    """Tell whether there is no body, or none that the app had to read."""
    if direction == "receive":
        return exchange.gap is None and exchange.is_request_read
    return exchange.start is None


def of_bodies(where: str, one: Body, other: Body) -> Iterator[Found]:
    """Yield how two bodies differ, and how much of them was compared where that is not all."""
    if one.missing or other.missing:
        yield from _of_parts(where, one, other)
        return
    if one.content != other.content:
        yield from _of_whole(where, one, other)
    if one.ended != other.ended:
        yield Difference(f"end of the {where}", *("sent" if body.ended else None for body in (one, other)))


def _joined(events: list[Event]) -> tuple[bytes, bool]:
    """Return the content up to the first message that is cut, and whether there is one."""
    parts = []
    for event in events:
        parts.append(event.data)
        if event.cut:
            return b"".join(parts), True
    return b"".join(parts), False


def _of_parts(where: str, one: Body, other: Body) -> Iterator[Found]:
    """Yield how bodies differ as far as both are kept, and how far that is."""
    first, second, there = one, other, where
    same = common(one.content, other.content)
    if same < min(len(one.content), len(other.content)):
        first, second, there = _unpacked(where, one, other)
    count = min(len(first.content), len(second.content))
    kept = [body._replace(content=body.content[:count]) for body in (first, second)]
    if kept[0].content != kept[1].content:
        yield from _of_content(there, *kept, whole=False)
    else:
        yield from _of_sizes(there, first, second)
    if {one.missing, other.missing} <= {None, LEFT, SO_FAR} and _same_end(one, other):
        return
    why = reasons(*(None if body.missing in (CUT, SO_FAR) else body.missing for body in (one, other)))
    sizes = [body.size for body in (first, second) if body.size is not None]
    of = f" of {size(max(sizes))}" if sizes and not why else ""
    text = f"compared: the first {size(count)}{of}{f'; {why}' if why else ''}"
    yield Remark(where, text, hint=one.hint or other.hint)


def _same_end(one: Body, other: Body) -> bool:
    """Tell whether two bodies, of which one at least goes on, are kept equally far, as a replay reads them."""
    return len(one.content) == len(other.content) and one.ended == other.ended


def _of_sizes(where: str, one: Body, other: Body) -> Iterator[Found]:
    """Yield that one is longer than the other, of which all, or the size, is known."""
    least = [body.size if body.size is not None else len(body.content) for body in (one, other)]
    if least[0] == least[1]:
        return
    shorter = one if least[0] < least[1] else other
    if shorter.size is not None:
        texts = (f"{count} B" for count in least)
        yield Difference(f"{where}, as far as it is kept the same", *texts)


def _unpacked(where: str, one: Body, other: Body) -> tuple[Body, Body, str]:
    """Return both unpacked, or neither where that cannot be done in full, and where they differ then."""
    found = [
        codings.unpacked(body.content, body.encoding, limit=_LARGEST, whole=not body.missing) for body in (one, other)
    ]
    faults = dict.fromkeys(it.fault for it in found if it.fault)
    if faults:
        return one, other, f"{where}, packed ({'; '.join(faults)})"
    return _as_unpacked(one, found[0]), _as_unpacked(other, found[1]), where


def _as_unpacked(body: Body, found: codings.Unpacked) -> Body:
    if not found.names:
        return body
    return body._replace(content=found.content, size=None if body.missing else len(found.content))


def _of_whole(where: str, one: Body, other: Body) -> Iterator[Found]:
    first, second, there = _unpacked(where, one, other)
    if first.content == second.content:
        yield Remark(where, "the same content, packed otherwise", untold=False)
    else:
        yield from _of_content(there, first, second, whole=True)


def _of_content(where: str, one: Body, other: Body, *, whole: bool) -> Iterator[Found]:
    """Yield how contents differ that do: as JSON where that is whole, as text, or as bytes."""
    texts = [charsets.text(body.content, body.media_type, whole=whole) for body in (one, other)]
    if texts[0] is None or texts[1] is None:
        yield of_binary(where, one.content, other.content)
        return
    before, after = (text.removeprefix(_MARK) for text in texts if text is not None)
    if whole and all(charsets.is_json(body.media_type) for body in (one, other)):
        found = values.of_texts(where, before, after)
        if found is not None:
            yield from found or [Remark(where, "the same JSON, written otherwise", untold=False)]
            return
    marks = [text.startswith(_MARK) for text in texts if text is not None]
    if before != after:
        yield from _of_texts(where, before, after)
    elif marks[0] != marks[1]:
        yield Difference(f"{where}, byte order mark", *("there" if mark else None for mark in marks))
    else:
        names = [charsets.of(body.content, body.media_type).name for body in (one, other)]
        yield (
            Difference(f"{where}, charset", *names)
            if names[0] != names[1]
            else of_binary(where, one.content, other.content)
        )


def _of_texts(where: str, one: str, other: str) -> Iterator[Found]:
    """Yield the lines that two texts do not have in common, or how their lines end."""
    (before, ends), (after, others) = _lines(one), _lines(other)
    if before == after:
        yield _of_ends(where, ends, others)
        return
    parts = aligned(before, after, _LINES)
    for gone, come in parts.pairs:
        pairs = [told(before[i], after[j]) for i, j in zip(gone, come, strict=False)]
        single = [alone(before[i]) for i in gone[len(come) :]], [alone(after[j]) for j in come[len(gone) :]]
        yield from (Difference(where, line, None) for line in [*(pair[0] for pair in pairs), *single[0]])
        yield from (Difference(where, None, line) for line in [*(pair[1] for pair in pairs), *single[1]])
    if not parts.whole:
        yield Remark(where, f"compared: {_LINES} lines from line {common(before, after) + 1} on")


def _lines(text: str) -> tuple[list[str], list[str]]:
    """Return the lines of a text, and how each ends."""
    lines, ends = _END.split(text), _END.findall(text)
    if lines[-1]:
        return lines, [*ends, ""]
    return lines[:-1], ends


def _of_ends(where: str, one: list[str], other: list[str]) -> Difference:
    """Return which lines end otherwise."""
    places = [at for at, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
    first = places[0]
    how_many = f"end of line {first + 1}" if len(places) == 1 else f"ends of {len(places)} lines, from {first + 1} on"
    return Difference(f"{where}, {how_many}", _ENDS[one[first]], _ENDS[other[first]])

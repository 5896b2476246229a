"""Unpacked content in lines: JSON, forms and events laid out, text as it is, hex for the rest."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from asgictl.inspector.bodies import charsets, exact_json, forms
from asgictl.inspector.bodies.event_stream import EventStream

_ENDS = re.compile(r"\r\n|\n|\r")
_INDENT = "  "

# So that a row has room in 60 columns.
_HEX_WIDTH = 8
_HEX_BYTES = 256

_WIDEST = 30

# How deep bodies may be in one another, and how much of each part is shown, in lines.
_DEPTH = 3
_PART_LINES = 40

_FORM = "application/x-www-form-urlencoded"
_JSON_LINES = re.compile(
    r"application/((x-)?(ndjson|jsonl|json-?lines|json-stream)|stream\+json)|text/(x-)?(ndjson|jsonl)"
)
_NOT_DECODED = {
    re.compile(r"application/(x-|vnd\.)?(msgpack|messagepack)|.*\+msgpack"): "MessagePack",
    re.compile(r"application/cbor(-seq)?|.*\+cbor(-seq)?"): "CBOR",
    re.compile(r"application/(x-|vnd\.google\.)?(protobuf|protobuffer)|application/grpc(-web)?(\+proto)?"): "protobuf",
}
_TEXTUAL = re.compile(rf"text/.*|{_FORM}|application/(x-)?(javascript|json|xml|graphql|yaml|toml)|.*\+(json|xml|yaml)")


class LaidOut(NamedTuple):
    """Content in lines: what it is, what is to be said of it, and the lines, which are made when they are asked for."""

    kind: str
    said: list[str]
    lines: Iterator[str]


def laid_out(content: bytes, media_type: str, *, whole: bool = True, depth: int = _DEPTH) -> LaidOut:
    """Return `content` laid out by its media type; not `whole` where its end is missing."""
    bare = media_type.partition(";")[0].strip().lower()
    for pattern, name in _NOT_DECODED.items():
        if pattern.fullmatch(bare):
            return LaidOut(f"{name}, {len(content)} B", ["not decoded"], hex_lines(content))
    if bare.startswith("multipart/") and depth:
        return _multipart(content, media_type, bare, whole=whole, depth=depth - 1)
    if bare == "text/event-stream":
        stream = EventStream()
        return LaidOut("event stream", [], chain(stream.feed(content), stream.finish()))
    charset = charsets.of(content, media_type)
    text = charsets.text(content, media_type, whole=whole)
    if text is None:
        is_said = _TEXTUAL.fullmatch(bare) or charsets.parameter(media_type, "charset")
        why = charsets.why_not(content, charset.name) if is_said else None
        return LaidOut("binary", [said for said in (charset.said, why) if said], hex_lines(content))
    if content and not text:
        return LaidOut("binary", ["an incomplete character"], hex_lines(content))
    laid = _of_text(text, bare, charset.name, whole=whole)
    return laid._replace(said=[*([charset.said] if charset.said else []), *laid.said])


def has_form(content: bytes, media_type: str) -> bool:
    """Tell whether content is perhaps shown in another form than it was sent in."""
    bare = media_type.partition(";")[0].strip().lower()
    by_look = not bare and content.lstrip()[:1] in (b"{", b"[")
    return by_look or charsets.is_json(bare) or bare.startswith("multipart/") or bare in (_FORM, "text/event-stream")


def hex_lines(content: bytes) -> Iterator[str]:
    """Yield the beginning of some content in hex."""
    for begin in range(0, min(len(content), _HEX_BYTES), _HEX_WIDTH):
        row = content[begin : begin + _HEX_WIDTH]
        letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)  # noqa: PLR2004  # visible ASCII
        yield f"{begin:04x}  {row.hex(' '):<{_HEX_WIDTH * 3 - 1}}  {letters}"
    if len(content) > _HEX_BYTES:
        yield f"… {len(content) - _HEX_BYTES} more bytes"


def limited(lines: Iterable[str], most: int) -> Iterator[str]:
    """Yield so many lines, and whether there are more."""
    given = iter(lines)
    yield from islice(given, most)
    if next(given, None) is not None:
        yield "… more lines"


def _of_text(text: str, bare: str, charset: str, *, whole: bool) -> LaidOut:
    plain = text.removeprefix("\ufeff")
    if _JSON_LINES.fullmatch(bare):
        return _json_lines(plain, whole=whole)
    if whole and (charsets.is_json(bare) or (not bare and plain.lstrip()[:1] in ("{", "["))):
        return _json(text, plain)
    if bare == _FORM:
        pairs = forms.fields(plain, charset)
        width = min(_WIDEST, max((len(name) for name, _ in pairs), default=0))
        return LaidOut("form", [], (f"{name:<{width}}  {value}" for name, value in pairs))
    return LaidOut("text", [], _split(plain))


def _json(text: str, plain: str) -> LaidOut:
    try:
        value = exact_json.value(text)
    except exact_json.TooDeepError as error:
        return LaidOut("JSON", [str(error)], _split(plain))
    except ValueError as error:
        return LaidOut(f"not JSON: {error}", [], _split(plain))
    doubled = exact_json.doubled(value)
    return LaidOut("JSON", [doubled] if doubled else [], exact_json.lines(value))


def _json_lines(text: str, *, whole: bool) -> LaidOut:
    """Return JSON lines as they stand, with what is wrong with them."""
    lines = list(_split(text))
    said = []
    for number, line in enumerate(lines, start=1):
        try:
            problem = exact_json.doubled(exact_json.value(line)) if line.strip() else None
        except ValueError as error:
            problem = f"not JSON: {error}" if whole or number < len(lines) else None
        if problem:
            said.append(f"line {number}: {problem}")
            break
    return LaidOut(f"{len(lines)} JSON line{'s' if len(lines) != 1 else ''}", said, iter(lines))


def _multipart(content: bytes, media_type: str, bare: str, *, whole: bool, depth: int) -> LaidOut:
    found = forms.multipart(content, media_type, whole=whole)
    count = len(found.parts)
    if not count:
        inner = laid_out(content, "", whole=whole, depth=0)
        return LaidOut(bare, [*found.said, *inner.said], inner.lines if content else iter(()))
    parts = (_part(number, part, whole=whole, depth=depth) for number, part in enumerate(found.parts, start=1))
    return LaidOut(f"{bare}, {count} part{'s' if count > 1 else ''}", found.said, chain.from_iterable(parts))


def _part(number: int, part: forms.Part, *, whole: bool, depth: int) -> Iterator[str]:
    media_type = part.header("content-type")
    inner = laid_out(part.content, media_type, whole=whole and part.fault is None, depth=depth)
    disposition = part.header("content-disposition").removeprefix("form-data").lstrip("; ")
    kind = [] if inner.kind in ("text", "JSON", "binary", "form") else [inner.kind]
    head = [text for text in (disposition, media_type, f"{len(part.content)} B", *kind) if text]
    yield "; ".join([f"part {number}: {', '.join(head)}", *inner.said, *([part.fault] if part.fault else [])])
    told = {"content-type", "content-disposition"}
    for name, value in part.headers:
        if name.lower() not in told:
            yield f"{_INDENT}{name}: {value}"
        told.discard(name.lower())
    yield from (f"{_INDENT}{line}" for line in limited(inner.lines, _PART_LINES))


def _split(text: str) -> Iterator[str]:
    """Yield the lines of a text; no empty one follows the end of the last."""
    at = 0
    for end in _ENDS.finditer(text):
        yield text[at : end.start()]
        at = end.end()
    if at < len(text):
        yield text[at:]

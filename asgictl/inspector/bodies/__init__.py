"""Content as people read it: unpacked, JSON and forms laid out, text as it is, hex for the rest."""

import json
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qsl

from asgictl.inspector.bodies import charsets
from asgictl.inspector.bodies.codings import unpacked

# How much of a body is unpacked and laid out, in bytes and in lines.
MOST = 256 * 1024
LINES = 200

_HEX_WIDTH = 16
_HEX_BYTES = 256
_PREVIEW = 200


class Shown(NamedTuple):
    """Content for people: what it is, and its lines."""

    kind: str
    lines: list[str]


def shown(content: bytes, media_type: str, encoding: str, *, whole: bool = True) -> Shown:
    """Return `content` laid out by its media type and content encoding; not `whole` where its end is missing."""
    content, names, fault = unpacked(content, encoding, limit=MOST, whole=whole)
    kind, lines = _laid_out(content, media_type, whole=whole and not (fault and names))
    said = ", ".join([kind, *names])
    return Shown(f"{said}; {fault}" if fault else said, _limited(lines))


def decoded(content: bytes, encoding: str) -> bytes:
    """Return `content` unpacked, or as it is where that cannot be done."""
    return unpacked(content, encoding).content


def preview(content: bytes | str) -> str:
    """Return the beginning of some content in one line."""
    if isinstance(content, bytes):
        text = charsets.text(content[: _PREVIEW + 4], "", whole=len(content) <= _PREVIEW + 4)
        if text is None:
            return content[:_HEX_WIDTH].hex(" ") + (" …" if len(content) > _HEX_WIDTH else "")
        content = text
    line = " ".join(content[:_PREVIEW].split())
    return f"{line}…" if len(content) > _PREVIEW else line


def _laid_out(content: bytes, media_type: str, *, whole: bool) -> tuple[str, Iterator[str]]:
    text = charsets.text(content, media_type, whole=whole)
    media_type = media_type.partition(";")[0].strip().lower()
    if text is None:
        return "binary", _hex(content)
    is_json = charsets.is_json(media_type) or (not media_type and text.lstrip()[:1] in ("{", "["))
    if is_json and whole:
        try:
            return "JSON", iter(json.dumps(json.loads(text), indent=2, ensure_ascii=False).splitlines())
        except ValueError as error:
            return f"not JSON: {error}", iter(text.splitlines())
        except RecursionError:
            return "JSON, nested too deeply", iter(text.splitlines())
    if media_type == "application/x-www-form-urlencoded":
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=None)
        width = max((len(name) for name, _ in pairs), default=0)
        return "form", (f"{name:<{min(width, 30)}}  {value}" for name, value in pairs)
    return "text", iter(text.splitlines())


def _hex(content: bytes) -> Iterator[str]:
    for begin in range(0, min(len(content), _HEX_BYTES), _HEX_WIDTH):
        row = content[begin : begin + _HEX_WIDTH]
        letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)  # noqa: PLR2004  # visible ASCII
        yield f"{begin:04x}  {row.hex(' '):<{_HEX_WIDTH * 3 - 1}}  {letters}"
    if len(content) > _HEX_BYTES:
        yield f"… {len(content) - _HEX_BYTES} more bytes"


def _limited(lines: Iterator[str]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if len(kept) == LINES:
            kept.append("… more lines")
            break
        kept.append(line)
    return kept

"""Content as people read it: JSON and forms laid out, text as it is, gzip and Brotli unpacked, hex for the rest."""

import json
import re
import zlib
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import parse_qsl

# How much of a body is unpacked and laid out, in bytes and in lines.
MOST = 256 * 1024
LINES = 200

# How large a body may become that is unpacked for an archive, in bytes.
LARGEST = 64 * 1024 * 1024

# What no text has in it; tabs, ends of lines and pages, and the beginnings of escape sequences it may have.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")

_HEX_WIDTH = 16
_HEX_BYTES = 256
_PREVIEW = 200


class Shown(NamedTuple):
    """Content for people: what it is, and its lines."""

    kind: str
    lines: list[str]


def shown(content: bytes, media_type: str, encoding: str, *, whole: bool = True) -> Shown:
    """Return `content` laid out by its media type and content encoding; not `whole` where its end is missing."""
    names = _encodings(encoding)
    for name in names:
        unpacked = _unpacked(name, content, MOST)
        if unpacked is None:
            return Shown(f"{name}, not unpacked{_missing(name)}", _limited(_hex(content)))
        content = unpacked
    kind, lines = _laid_out(content, media_type.partition(";")[0].strip().lower(), whole=whole)
    return Shown(", ".join([kind, *names]), _limited(lines))


def decoded(content: bytes, encoding: str) -> bytes:
    """Return `content` unpacked, or as it is where that cannot be done."""
    whole = content
    for name in _encodings(encoding):
        unpacked = _unpacked(name, whole, LARGEST)
        if unpacked is None:
            return content
        whole = unpacked
    return whole


def preview(content: bytes | str) -> str:
    """Return the beginning of some content in one line."""
    if isinstance(content, bytes):
        text = _text(content[: _PREVIEW + 4])
        if text is None:
            return content[:_HEX_WIDTH].hex(" ") + (" …" if len(content) > _HEX_WIDTH else "")
        content = text
    line = " ".join(content[:_PREVIEW].split())
    return f"{line}…" if len(content) > _PREVIEW else line


def _encodings(encoding: str) -> list[str]:
    """Return the names in a Content-Encoding header, the one to be undone first in front (RFC 9110 section 8.4)."""
    names = [part.strip().lower() for part in reversed(encoding.split(","))]
    return [name for name in names if name not in ("", "identity")]


def _laid_out(content: bytes, media_type: str, *, whole: bool) -> tuple[str, Iterator[str]]:
    text = _text(content)
    if text is None:
        return "binary", _hex(content)
    is_json = media_type.endswith(("/json", "+json")) or (not media_type and text.lstrip()[:1] in ("{", "["))
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


def _text(content: bytes) -> str | None:
    """Return `content` as text, whose last letter may be incomplete, or None."""
    if _CONTROL.search(content):
        return None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        incomplete = error.reason == "unexpected end of data" and error.start >= len(content) - 3
        return content[: error.start].decode() if incomplete and error.start else None


def _unpacked(name: str, content: bytes, limit: int) -> bytes | None:
    """Return what is packed in `content`, up to a limit, also where its end is missing."""
    try:
        if name in ("gzip", "x-gzip", "deflate"):
            # 32 more has zlib look at the header for itself (zlib.h, inflateInit2).
            return zlib.decompressobj(zlib.MAX_WBITS + 32).decompress(content, limit)
        if name == "br" and find_spec("brotli"):
            decompressor = import_module("brotli").Decompressor()
            return bytes(decompressor.process(content, output_buffer_limit=limit))
    except Exception:  # noqa: BLE001  # each library has errors of its own for what is not packed like that
        return None
    return None


def _missing(name: str) -> str:
    return ": install `asgictl[brotli]`" if name == "br" and not find_spec("brotli") else ""


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

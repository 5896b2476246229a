"""Content as people read it: unpacked, laid out by its type, in hex what is no text."""

from typing import NamedTuple

from asgictl.inspector.bodies import charsets
from asgictl.inspector.bodies.codings import unpacked
from asgictl.inspector.bodies.layout import laid_out, limited

# How much of a body is unpacked and laid out, in bytes and in lines.
MOST = 256 * 1024
LINES = 200

_HEX_WIDTH = 16
_PREVIEW = 200


class Shown(NamedTuple):
    """Content for people: what it is, and its lines."""

    kind: str
    lines: list[str]


def shown(content: bytes, media_type: str, encoding: str, *, whole: bool = True) -> Shown:
    """Return `content` laid out by its media type and content encoding; not `whole` where its end is missing."""
    content, names, fault = unpacked(content, encoding, limit=MOST, whole=whole)
    if not names and len(content) > MOST:
        content, whole = content[:MOST], False
    kind, said, lines = laid_out(content, media_type, whole=whole and not (fault and names))
    if fault and not names and kind == "binary":
        said = []  # of something that is packed
    head = ", ".join([kind, *names])
    return Shown("; ".join([head, *said, *([fault] if fault else [])]), list(limited(lines, LINES)))


def decoded(content: bytes, encoding: str) -> bytes:
    """Return `content` unpacked, as far as that can be done."""
    return unpacked(content, encoding).content


def preview(content: bytes | str, media_type: str = "") -> str:
    """Return the beginning of some content in one line."""
    if isinstance(content, bytes):
        beginning = content[: _PREVIEW + 4]
        text = charsets.text(beginning, media_type, whole=len(beginning) == len(content))
        if text is None:
            return content[:_HEX_WIDTH].hex(" ") + (" …" if len(content) > _HEX_WIDTH else "")
        content = text
    line = " ".join(content[:_PREVIEW].split())
    return f"{line}…" if len(content) > _PREVIEW else line

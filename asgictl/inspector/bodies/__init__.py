"""Content as people read it: unpacked, laid out by its type, in hex what is no text."""

from collections.abc import Iterator
from typing import NamedTuple

from asgictl.inspector.bodies import charsets
from asgictl.inspector.bodies.by_type import has_form, laid_out, limited
from asgictl.inspector.bodies.codings import unpacked
from asgictl.inspector.bodies.sizes import size

# How much of a body is unpacked and laid out, in bytes and in lines.
MOST = 256_000
LINES = 200

# How much of a body is unpacked to be searched, and how large one may be to be laid out for it, in bytes.
_SEARCHED = 8_000_000
_LAID_OUT = 1_000_000

_HEX_WIDTH = 16
_PREVIEW = 200


class Shown(NamedTuple):
    """Content for people: what it is, and its lines."""

    kind: str
    lines: list[str]


def shown(content: bytes, media_type: str, encoding: str, *, whole: bool = True) -> Shown:
    """Return `content` laid out by its media type and content encoding; not `whole` where its end is missing."""
    content, names, fault = unpacked(content, encoding, limit=MOST, whole=whole)
    kind, said, lines = laid_out(content, media_type, whole=whole and not (fault and names))
    if fault and not names and kind == "binary":
        said = []  # of something that is packed
    head = ", ".join([kind, *names])
    return Shown("; ".join([head, *said, *([fault] if fault else [])]), list(limited(lines, LINES)))


class Readings:
    """What a body says, as text: as it was sent, and as it is shown; `fault` is why not all of it could be unpacked."""

    def __init__(self, content: bytes, media_type: str, encoding: str, *, whole: bool) -> None:
        self._content, names, self.fault = unpacked(content, encoding, limit=_SEARCHED, whole=False)
        self._whole = whole and not (self.fault and names)
        self._media_type = media_type
        self._has_form = has_form(self._content, media_type)
        if self._has_form and len(self._content) > _LAID_OUT:
            self._has_form = False
            self.fault = self.fault or f"larger than {size(_LAID_OUT)}, searched as it was sent"

    def __iter__(self) -> Iterator[str]:
        text = charsets.text(self._content, self._media_type, whole=self._whole)
        yield self._content.decode(errors="replace") if text is None else text
        if self._has_form:
            yield "\n".join(laid_out(self._content, self._media_type, whole=self._whole).lines)


def preview(content: bytes | str, media_type: str = "", *, whole: bool = True) -> str:
    """Return the beginning of some content in one line; not `whole` where more of it may come."""
    if isinstance(content, bytes):
        beginning = content[: _PREVIEW + 4]
        text = charsets.text(beginning, media_type, whole=whole and beginning == content)
        if not text:  # none, or an incomplete character
            return content[:_HEX_WIDTH].hex(" ") + (" …" if len(content) > _HEX_WIDTH else "")
        content = text
    line = " ".join(content[:_PREVIEW].split())
    return f"{line}…" if len(content) > _PREVIEW else line

"""Bytes as text: by the charset that is said, by a byte order mark, or as UTF-8."""

import codecs
import functools
import json
import re
from typing import NamedTuple

# Each begins differently; UTF-32 in front, as its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_FIRST = {mark[:1] for mark, _ in _MARKS}

# Those of Python's that are no charsets, some of which take a time that grows with the square of the size.
_NOT_CHARSETS = frozenset(("idna", "punycode", "unicode-escape", "unicode_escape", "raw-unicode-escape", "undefined"))

# What no text has in it; tabs, ends of lines and pages, and the beginnings of escape sequences it may have.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")

# So much is quoted of a name.
_NAME = 40

_PARAMETER = re.compile(r';\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))', re.DOTALL)


class Charset(NamedTuple):
    """How some content is read: Python's name of the charset, and what is to be said of it."""

    name: str
    said: str | None


def text(content: bytes, media_type: str, *, whole: bool = True) -> str | None:
    """Return content as text: by its mark, which stays, or its type's charset, or as UTF-8; None for what is none.

    Not `whole` says that its end was not kept; then the last letter may be incomplete.
    """
    found = read(content, of(content, media_type).name, whole=whole)
    return None if found is None or _CONTROL.search(found) else found


def read(content: bytes, charset: str, *, whole: bool = True) -> str | None:
    """Return content in a charset, or None where it is not in that one."""
    try:
        return codecs.getincrementaldecoder(charset)().decode(content, whole)
    except (LookupError, ValueError):  # one without an incremental decoder, or not in this charset
        return None


def why_not(content: bytes, charset: str) -> str | None:
    """Return why content is no text in a charset, None for text."""
    found = read(content, charset)
    if found is None:
        return f"not {charset.upper()}"
    control = _CONTROL.search(found)
    return f"has the control character {ascii(control[0])[1:-1]}" if control else None


def of(content: bytes, media_type: str) -> Charset:
    """Return the charset by which content is read: a mark counts more than what its type says, as in browsers."""
    named, known = _declared(media_type)
    mark = next((name for mark, name in _MARKS if content.startswith(mark)), None) if content[:1] in _FIRST else None
    if named and known is None:
        said = f"charset {named} is unknown"
        return Charset(mark or "utf-8", said)
    if mark:
        agrees = known is None or mark.startswith(known)
        return Charset(mark, f"{mark.upper()} by its byte order mark" + ("" if agrees else f", not {named}"))
    if known in ("utf-16", "utf-32"):
        # Without a mark big-endian is meant (RFC 2781 section 4.3); WHATWG, and what is sent, have little-endian.
        return Charset(f"{known}-le", f"charset {named}, read as little-endian")
    if known is None and is_json(media_type):
        return Charset(json.detect_encoding(content[:4]), None)
    return Charset(known or "utf-8", f"charset {named}" if known not in (None, "utf-8", "ascii") else None)


def is_json(media_type: str) -> bool:
    """Tell whether a type is one of JSON's."""
    return media_type.partition(";")[0].strip().lower().endswith(("/json", "+json"))


def parameter(value: str, name: str) -> str | None:
    """Return the first parameter called `name` of a header's value, without its quotes, or None."""
    for key, quoted, bare in _PARAMETER.findall(value):
        if key.lower() == name:
            return re.sub(r"\\(.)", r"\1", quoted) or str(bare).strip()
    return None


@functools.lru_cache
def _declared(media_type: str) -> tuple[str | None, str | None]:
    """Return the charset that a type names, and Python's name for it."""
    named = parameter(media_type, "charset")
    return (named[:_NAME], _codec(named)) if named else (None, None)


def _codec(name: str) -> str | None:
    """Return Python's name for a charset, or None for what is none."""
    try:
        info = codecs.lookup(name.strip())
    except (LookupError, ValueError):
        return None
    is_text: bool = info._is_text_encoding  # noqa: SLF001  # there is no other way to ask
    return info.name if is_text and info.name not in _NOT_CHARSETS else None

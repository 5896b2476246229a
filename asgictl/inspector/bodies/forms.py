"""What is in a form: the fields of one in a URL's encoding, the parts of one in several."""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from asgictl.inspector.bodies.charsets import parameter, read
from asgictl.inspector.bodies.sizes import size

# RFC 2046 section 5.1.1.
_BOUNDARY = re.compile(r"[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]", re.ASCII)
# So much is quoted of one that is not there, as RFC 2046 allows.
_NAME = 70

_PADDING = re.compile(rb"[ \t]*(\r?\n|$)")


class Part(NamedTuple):
    """A part of a multipart body: its headers in their order, its content, and what is wrong with it."""

    headers: list[tuple[str, str]]
    content: bytes
    fault: str | None = None

    def header(self, name: str) -> str:
        """Return the first header called `name`, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class Multipart(NamedTuple):
    """The parts of a body, and what is to be said of the whole."""

    parts: list[Part]
    said: list[str]


def fields(text: str, charset: str) -> list[tuple[str, str]]:
    """Return the names and values of a form in a URL's encoding; bytes that are not in `charset` as escapes."""
    pairs = (pair.partition("=") for pair in text.split("&") if pair)
    return [(_unquoted(name, charset), _unquoted(value, charset)) for name, _, value in pairs]


def multipart(content: bytes, media_type: str, *, whole: bool = True) -> Multipart:
    """Return the parts of a body whose type is multipart; not `whole` where its end is not kept."""
    boundary = parameter(media_type, "boundary")
    if not boundary:
        return Multipart([], ["its type names no boundary"])
    said = []
    if not _BOUNDARY.fullmatch(boundary):
        said.append("RFC 2046 does not allow this boundary")
    line = b"--" + boundary.encode("latin-1", "replace")
    begin = _next(content, line, 0)
    if begin is None:
        return Multipart([], [*said, f"its boundary {boundary[:_NAME]} is not in it"])
    if begin[0]:
        said.append(f"{size(begin[0])} before the first boundary")
    parts = []
    at, is_last = begin[1:]
    while not is_last:
        found = _next(content, line, at)
        if found is None:
            parts.append(_part(content[at:], "the end is missing" if whole else None))
            break
        parts.append(_part(content[at : found[0]], None))
        at, is_last = found[1:]
    if is_last and len(content) > at:
        said.append(f"{size(len(content) - at)} after the last boundary")
    ends = content[begin[0] : begin[1]]
    if b"\n" in ends and b"\r\n" not in ends:
        said.append("its lines end with LF alone")
    return Multipart(parts, said)


def _next(content: bytes, line: bytes, start: int) -> tuple[int, int, bool] | None:
    """Return where the next boundary begins and ends, with the ends of lines around it, and whether it is the last."""
    at = start
    while (at := content.find(line, at)) >= 0:
        end = at + len(line)
        is_last = content[end : end + 2] == b"--"
        end += 2 * is_last
        padding = _PADDING.match(content, end)
        if (padding or is_last) and (at == start or content[at - 1 : at] == b"\n"):
            begin = at - (content[max(at - 2, start) : at] == b"\r\n") - (at > start)
            return begin, padding.end() if padding else end, is_last
        at = end
    return None


def _part(content: bytes, fault: str | None) -> Part:
    head, separator, body = (b"", b"\n", content[1:]) if content.startswith(b"\n") else (b"", b"", content)
    if content.startswith(b"\r\n"):
        separator, body = b"\r\n", content[2:]
    elif not separator:
        ends = [(at, end) for end in (b"\r\n\r\n", b"\n\n") if (at := content.find(end)) >= 0]
        at, separator = min(ends, default=(len(content), b""))
        head, body = content[:at], content[at + len(separator) :]
    headers = []
    for line in re.split(rb"\r?\n(?![ \t])", head) if head else ():
        name, _, value = line.decode(errors="backslashreplace").partition(":")
        headers.append((name.strip(), value.strip()))
    return Part(headers, body, fault or (None if separator else "no empty line after its headers"))


def _unquoted(text: str, charset: str) -> str:
    raw = unquote_to_bytes(text.replace("+", " "))
    found = read(raw, charset)
    return raw.decode(errors="backslashreplace") if found is None else found

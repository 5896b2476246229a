"""Bodies out of a HAR file, as they were sent, as far as that can be told, and other values, which are of any type."""

import base64
import binascii
import math
import re
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from asgictl.inspector.bodies import charsets, codings
from asgictl.inspector.har import packing
from asgictl.inspector.headers import joined, value_of

# No number is larger; times in milliseconds since the epoch are smaller until the year 2286.
_LONGEST = 1e13

# What stands in a text for bytes that are not text.
_REPLACED = "\ufffd"

Headers = list[tuple[bytes, Any]]


class HarBody(NamedTuple):
    """The headers and the body of one side, how large it was, and whether all of it is there.

    A body `is_packed` again where the file has it unpacked, and `is_bare` where it cannot be, without the header that
    says how; it `is_composed` where the file has only a form's fields, `lacks_files` where it has only their names, and
    `is_longer` where it has more than the headers say.
    """

    headers: Headers
    content: bytes
    size: int
    is_whole: bool = True
    is_packed: bool = False
    is_bare: bool = False
    is_composed: bool = False
    lacks_files: bool = False
    is_longer: bool = False


class _Posted(NamedTuple):
    """The body of a request, as far as the file has it."""

    content: bytes
    is_lossy: bool = False
    is_composed: bool = False
    lacks_files: bool = False


class _Packed(NamedTuple):
    """Headers and a body that is packed as they say."""

    headers: Headers
    content: bytes
    is_packed: bool = False
    is_bare: bool = False


def object_of(value: Any) -> dict[str, Any]:
    """Return an object as it is, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """Return a list as it is, an empty one for anything else."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """Return a text as it is, an empty one for anything else."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> float:
    """Return a number that is not negative, 0 for anything else: HAR has -1 for what is not known."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    return float(min(value, _LONGEST)) if 0 <= value < math.inf else 0.0


def asked(request: dict[str, Any], headers: Headers) -> HarBody:
    """Return the body of a request; of one that is all there, the headers say its length."""
    data = object_of(request.get("postData"))
    length = value_of(headers, "content-length") or ""
    announced = int(length) if re.fullmatch("[0-9]{1,12}", length) else 0
    raw = _raw(data)
    posted = _posted(data, announced) if raw is None else _Posted(raw)
    is_as_sent = raw is not None or len(posted.content) == announced
    packed = _Packed(headers, posted.content) if is_as_sent else _packed(headers, posted.content, whole=True)
    size = 0 if packed.is_packed or packed.is_bare else announced or int(number(request.get("bodySize")))
    # A size of -1 is not known, and then there may have been something.
    is_unknown = request.get("bodySize") == -1 and value_of(headers, "transfer-encoding") is not None
    is_whole = len(packed.content) >= size and not posted.is_lossy and bool(packed.content or not is_unknown)
    is_other = is_whole and not is_as_sent and announced > 0
    return HarBody(
        _with_length(packed.headers, len(packed.content)) if is_other else packed.headers,
        packed.content,
        max(size, len(packed.content)),
        is_whole=is_whole,
        is_packed=packed.is_packed,
        is_bare=packed.is_bare,
        is_composed=posted.is_composed,
        lacks_files=posted.lacks_files,
        is_longer=is_other and size > 0 and not posted.is_composed,
    )


def _posted(data: dict[str, Any], announced: int) -> _Posted:
    """Return the body of which a file has the text, or the fields of a form."""
    written, media_type = text(data.get("text")), text(data.get("mimeType"))
    form = "" if written else _form(data, announced)
    content = _encoded(form or written, media_type, announced)
    if content and len(content) == announced:
        return _Posted(content)
    lacks_files = _lacks_files(data)
    lacks_parts = not content and media_type.startswith("multipart/") and bool(listed(data.get("params")))
    is_lossy = _REPLACED in written or lacks_files or lacks_parts
    return _Posted(content, is_lossy, is_composed=bool(form), lacks_files=lacks_files)


def answered(response: dict[str, Any], headers: Headers) -> HarBody:
    """Return the body of an answer."""
    data = object_of(response.get("content"))
    size = int(number(data.get("size")))
    raw = _raw(data)
    if raw is not None:
        return HarBody(headers, raw, max(size, len(raw)), is_whole=len(raw) >= size)
    saved = data.get("compression")
    if response.get("bodySize") == data.get("size") and type(saved) is int:
        size = int(number(size + saved))  # mitmproxy has the packed size there
    media_type = value_of(headers, "content-type") or text(data.get("mimeType"))
    written = text(data.get("text"))
    content = _encoded(written, media_type, size)
    if data.get("encoding") == "base64":
        content = _unbased(written) or b""
    elif _REPLACED in written and len(content) != size:
        return HarBody(headers, content, max(size, len(content)), is_whole=False)
    is_whole = len(content) >= size
    packed = _packed(headers, content, whole=is_whole)
    if packed.is_packed:
        size = 0 if is_whole else max(size, len(packed.content) + 1)
    size = max(size, len(packed.content))
    return HarBody(
        packed.headers, packed.content, size, is_whole=is_whole, is_packed=packed.is_packed, is_bare=packed.is_bare
    )


def frame(data: str, *, is_text: bool) -> str | bytes:
    """Return the content of a WebSocket's message."""
    if is_text:
        return data
    content = _unbased(data)
    return data.encode(errors="surrogatepass") if content is None else content


def _raw(data: dict[str, Any]) -> bytes | None:
    """Return the bytes of a body as they were sent, where the file has them apart, or says that its text is Base64."""
    if isinstance(data.get("_base64"), str):
        return _unbased(data["_base64"])
    # A draft of HAR 1.3 has it for requests.
    return _unbased(text(data.get("text"))) if data.get("encoding") == "base64" and "size" not in data else None


def _unbased(written: str) -> bytes | None:
    try:
        return base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):  # of letters that are not ASCII
        return None


def _encoded(written: str, media_type: str, size: int) -> bytes:
    """Return a text as bytes of that `size`, if any charset gives it; Chromium has one letter for each odd byte."""
    found = []
    for charset in (charsets.of(b"", media_type).name, "utf-8", "windows-1252", "latin-1"):
        try:
            found.append(written.encode(charset))
        except (UnicodeError, LookupError):
            continue
    found.append(written.encode("utf-8", "surrogatepass"))
    return next((content for content in found if len(content) == size), found[0])


def _lacks_files(data: dict[str, Any]) -> bool:
    """Tell whether a form has files of which only the names are there."""
    params = map(object_of, listed(data.get("params")))
    return any(text(one.get("fileName")) and not text(one.get("value")) for one in params)


def _form(data: dict[str, Any], size: int) -> str:
    """Return a form that the file has by its fields alone, which may be encoded or not."""
    pairs = [(text(one.get("name")), text(one.get("value"))) for one in map(object_of, listed(data.get("params")))]
    if not text(data.get("mimeType")).startswith("application/x-www-form-urlencoded"):
        return ""
    plain = "&".join(f"{name}={value}" for name, value in pairs)
    quoted = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    return plain if len(plain) == size else quoted


def _packed(headers: Headers, content: bytes, *, whole: bool) -> _Packed:
    """Return content packed as its headers say; without that header where it cannot be."""
    names = codings.named(joined(headers, "content-encoding"))[::-1]
    if not names or not content:
        return _Packed(headers, content)
    packed = packing.packed(content, names, whole=whole)
    if packed is None:
        kept = [(name, value) for name, value in headers if name != b"content-encoding"]
        return _Packed(kept, content, is_bare=True)
    return _Packed(headers, packed, is_packed=True)


def _with_length(headers: Headers, length: int) -> Headers:
    return [(name, str(length).encode() if name == b"content-length" else value) for name, value in headers]

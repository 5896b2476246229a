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

Headers = list[tuple[bytes, Any]]


class HarBody(NamedTuple):
    """The headers and the body of one side, how large it was, and whether all of it is there.

    A body `is_packed` again where the file has it unpacked, `is_composed` where it has only a form's fields, and
    `lacks_files` where it has only their names; `lost` names the codings that cannot be packed.
    """

    headers: Headers
    content: bytes
    size: int
    is_whole: bool = True
    is_packed: bool = False
    lost: str | None = None
    is_composed: bool = False
    lacks_files: bool = False


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
    """Return the body of a request."""
    data = object_of(request.get("postData"))
    length = value_of(headers, "content-length") or ""
    announced = int(length) if re.fullmatch("[0-9]{1,12}", length) else 0
    size = announced or int(number(request.get("bodySize")))
    raw = _raw(data)
    is_lossy = is_composed = lacks_files = False
    if raw is None:
        form = "" if text(data.get("text")) else _form(data, announced)
        written = form or text(data.get("text"))
        content = _encoded(written, text(data.get("mimeType")), announced)
        is_told = len(content) == announced and bool(content)
        lacks_files = _lacks_files(data) and not is_told
        has_parts = text(data.get("mimeType")).startswith("multipart/") and bool(listed(data.get("params")))
        is_lossy = _is_lossy(written, content, announced) or lacks_files or (has_parts and not content)
        is_composed = bool(form) and len(content) != announced
        if content and len(content) != announced:
            packed = _packed(headers, content, len(content))
            if packed.is_packed or packed.lost:
                return packed._replace(is_whole=not is_lossy, is_composed=is_composed, lacks_files=lacks_files)
    else:
        content = raw
    # A size of -1 is not known, and then there may have been something.
    is_unknown = not content and request.get("bodySize") == -1 and value_of(headers, "transfer-encoding") is not None
    is_whole = len(content) >= size and not (is_unknown or is_lossy)
    return HarBody(
        headers, content, max(size, len(content)), is_whole, is_composed=is_composed, lacks_files=lacks_files
    )


def answered(response: dict[str, Any], headers: Headers) -> HarBody:
    """Return the body of an answer."""
    data = object_of(response.get("content"))
    size = int(number(data.get("size")))
    raw = _raw(data)
    if raw is not None:
        return HarBody(headers, raw, max(size, len(raw)), is_whole=len(raw) >= size)
    if response.get("bodySize") == data.get("size") and isinstance(saved := data.get("compression"), int):
        size = max(0, size + saved)  # mitmproxy has the packed size there
    media_type = value_of(headers, "content-type") or text(data.get("mimeType"))
    written = text(data.get("text"))
    content = _encoded(written, media_type, size)
    if data.get("encoding") == "base64":
        content = _unbased(written) or b""
    elif _is_lossy(written, content, size):
        return HarBody(headers, content, max(size, len(content)), is_whole=False)
    return _packed(headers, content, size)


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
    for charset in (charsets.of(b"", media_type).name, "utf-8", "latin-1"):
        try:
            found.append(written.encode(charset))
        except (UnicodeError, LookupError):
            continue
    found.append(written.encode("utf-8", "surrogatepass"))
    return next((content for content in found if len(content) == size), found[0])


def _is_lossy(written: str, content: bytes, size: int) -> bool:
    """Tell whether a text has replacement characters for bytes that are not text."""
    return "\ufffd" in written and len(content) != size


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


def _packed(headers: Headers, content: bytes, size: int) -> HarBody:
    """Return content packed as its headers say; without that header where it cannot be."""
    is_whole = len(content) >= size
    encoding = joined(headers, "content-encoding")
    names = codings.named(encoding)[::-1]
    if not names or not content:
        return HarBody(headers, content, max(size, len(content)), is_whole)
    packed = packing.packed(content, names, whole=is_whole)
    if packed is None:
        kept = [(name, value) for name, value in headers if name != b"content-encoding"]
        return HarBody(kept, content, max(size, len(content)), is_whole, lost=encoding)
    size = len(packed) if is_whole else max(size, len(packed) + 1)
    return HarBody(headers, packed, size, is_whole, is_packed=True)

"""Bodies for HAR: unpacked, as text where they are text, as Base64 where they are not, and what is missing of them."""

import base64
from typing import Any, NamedTuple

from asgictl.inspector.bodies import charsets, codings, forms
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.headers import Headers, joined, value_of

_FORM = "application/x-www-form-urlencoded"


class _Body(NamedTuple):
    """A body, unpacked as far as that can be done; `text` is None where it would not give the same bytes again."""

    kept: bytes
    content: bytes
    text: str | None
    is_unpacked: bool
    fault: str | None


def content(exchange: Exchange) -> dict[str, Any]:
    """Return the `content` of an answer; one to HEAD has none, whatever the app has sent."""
    headers = exchange.response_headers
    if exchange.method == "HEAD":
        return {"size": 0, "mimeType": value_of(headers, "content-type") or "x-unknown", "text": ""}
    whole = exchange.gap is None and not any(event.cut for event in exchange.sent)
    body = _read(exchange.response_body, headers, whole=whole)
    size = exchange.response_size
    is_packed = body.content != body.kept
    found: dict[str, Any] = {
        "size": len(body.content) if whole or is_packed else size,
        "mimeType": value_of(headers, "content-type") or "x-unknown",
    }
    if whole and body.is_unpacked and len(body.content) >= len(body.kept):
        found["compression"] = len(body.content) - len(body.kept)
    if not body.is_unpacked:
        # As text it would be taken for what it is packed from, and be packed once more.
        found |= {"text": "", "_base64": _base64(body.kept)}
    elif body.text is None:
        found |= {"text": _base64(body.content), "encoding": "base64"}
    else:
        found["text"] = body.text
    return found | _comment(body.fault, missing(exchange, len(body.kept), size))


def post_data(exchange: Exchange) -> dict[str, Any]:
    """Return the `postData` of a request; what is not text, which the format has no encoding for, is in `_base64`."""
    media_type = value_of(exchange.request_headers, "content-type") or ""
    body = _read(exchange.request_body, exchange.request_headers, whole=exchange.is_request_whole)
    found: dict[str, Any] = {"mimeType": media_type, "text": body.text or ""}
    params = _params(body, media_type, whole=exchange.is_request_whole) if body.is_unpacked else None
    if params is not None:
        found["params"] = params
    said = None
    if body.text is None or not body.is_unpacked:
        said = f"{len(body.kept)} bytes that are not text, in `_base64`"
    elif body.content != body.kept:
        said = "unpacked; as it was sent in `_base64`"
    if said:
        found |= {"text": "" if not body.is_unpacked else found["text"], "_base64": _base64(body.kept)}
    return found | _comment(said, body.fault, missing(exchange, len(body.kept), exchange.request_size))


def missing(exchange: Exchange, kept: int, size: int) -> str | None:
    """Return what is not kept of a body of that `size`."""
    if kept < size:
        return f"{kept} of {size} bytes are kept"
    return "some messages of this exchange are not kept" if exchange.gap is not None else None


def _comment(*said: str | None) -> dict[str, str]:
    comment = "; ".join(filter(None, said))
    return {"comment": comment} if comment else {}


def _read(kept: bytes, headers: Headers, *, whole: bool) -> _Body:
    encoding = joined(headers, "content-encoding")
    unpacked = codings.unpacked(kept, encoding, whole=whole)
    is_unpacked = len(unpacked.names) == len(codings.named(encoding)) or not kept
    media_type = value_of(headers, "content-type") or ""
    text = charsets.text(unpacked.content, media_type, whole=whole)
    if text is not None and not _comes_back(text, unpacked.content, media_type, whole=whole):
        text = None
    return _Body(kept, unpacked.content, text, is_unpacked, unpacked.fault)


def _comes_back(text: str, content: bytes, media_type: str, *, whole: bool) -> bool:
    """Tell whether a reader who encodes a text by its type has the content again; its last letter may be cut."""
    try:
        again = text.encode(charsets.of(b"", media_type).name)
    except UnicodeError:
        return False
    return again == content if whole else content.startswith(again)


def _params(body: _Body, media_type: str, *, whole: bool) -> list[dict[str, Any]] | None:
    """Return the fields of a form, None for another body."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind == _FORM and body.text is not None:
        charset = charsets.of(body.content, media_type).name
        return [{"name": name, "value": value} for name, value in forms.fields(body.text, charset)]
    if kind == "multipart/form-data":
        return [_param(part) for part in forms.multipart(body.content, media_type, whole=whole).parts]
    return None


def _param(part: forms.Part) -> dict[str, Any]:
    disposition, media_type = part.header("content-disposition"), part.header("content-type")
    found = {"name": charsets.parameter(disposition, "name") or ""}
    file = charsets.parameter(disposition, "filename")
    text = charsets.text(part.content, media_type)
    if file is not None:
        found["fileName"] = file
    if media_type:
        found["contentType"] = media_type
    if text is not None:
        found["value"] = text
    return found | _comment(f"{len(part.content)} bytes that are not text" if text is None else None, part.fault)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()

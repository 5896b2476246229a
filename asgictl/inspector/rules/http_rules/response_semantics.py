"""What the status and the headers of an answer mean together (RFC 9110)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from http import HTTPMethod, HTTPStatus
from typing import Any, NamedTuple

from asgictl.inspector.headers import joined, pairs
from asgictl.inspector.record import Severity
from asgictl.inspector.rules import links
from asgictl.inspector.rules.header_checks import are_good, faults
from asgictl.inspector.rules.http_rules import response_body
from asgictl.inspector.rules.rule import Broken, Rule

TRANSFER = Rule(
    "A-147",
    "info",
    "app",
    "How an answer is transferred is the server's matter, which ignores `Transfer-Encoding`.",
    links.RESPONSE_START,
    "leave `Transfer-Encoding` out",
)
HOP_BY_HOP = Rule(
    "A-151",
    "warning",
    "app",
    "Headers for one connection, like `Connection` and `Keep-Alive`, are the server's; HTTP/2 forbids them.",
    links.rfc(9110, "7.6.1"),
    "leave it out",
)
ONE_LENGTH = Rule(
    "A-163",
    "warning",
    "app",
    "An answer has one `Content-Length`, of digits alone.",
    links.rfc(9110, "8.6"),
    "send it once, as `str(len(body)).encode()`; a middleware that changes it has to replace it",
)
LENGTH_OR_TRANSFER = Rule(
    "A-164",
    "warning",
    "app",
    "An answer has no `Content-Length` together with `Transfer-Encoding`.",
    links.rfc(9112, "6.2"),
    "leave `Transfer-Encoding` out",
)
NO_CONTENT_HEADERS = Rule(
    "A-167",
    "warning",
    "app",
    "An answer that cannot have content has no `Content-Length`, nor a `Content-Type`.",
    links.rfc(9110, "8.6"),
    "leave both out for 204, and `Content-Type` for 304",
)
SINGLE = Rule(
    "A-169",
    "warning",
    "app",
    "A header that has one value is sent once.",
    links.rfc(9110, "5.3"),
    "replace the header, instead of adding another one",
)
COMPANION = Rule(
    "A-171",
    "warning",
    "app",
    "Some statuses have to come with a header: 401 with `WWW-Authenticate`, 405 with `Allow`, 3xx with `Location`.",
    links.rfc(9110, "15"),
    "send the header that belongs to the status",
)
NO_WILDCARD = Rule(
    "A-177",
    "warning",
    "app",
    "Where credentials are allowed, `Access-Control-Allow-Origin` names the origin: browsers refuse `*` then.",
    links.CORS,
    "name the origins that may send credentials, and send the request's own one back",
)

# RFC 9110 sections 15.5.2 (401), 15.5.6 (405), 15.5.8 (407), 15.5.17 (416), 15.5.22 (426), 15.4.2 and the next ones.
_COMPANIONS: dict[int, bytes] = {
    401: b"www-authenticate",
    405: b"allow",
    407: b"proxy-authenticate",
    416: b"content-range",
    426: b"upgrade",
    **dict.fromkeys((301, 302, 303, 307, 308), b"location"),
}
_SINGLE = frozenset((b"content-type", b"location", b"etag", b"date", b"server", b"retry-after"))
_OF_CONNECTION = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"upgrade", b"te"))
# What an answer with 426 has to have (RFC 9110 section 7.8).
_UPGRADING = frozenset((b"connection", b"upgrade"))
# Members of an enumeration take longer to get.
_NO_CONTENT = HTTPStatus.NO_CONTENT.value
# A length of so many digits is more than any file has.
_LONG = 19
_WITHOUT_CONTENT = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_CREDENTIALS = b"access-control-allow-credentials"


class HeaderNames(NamedTuple):
    """What the status and the names of an answer's headers tell: which of these is its length, and what may follow.

    `has_cookies` and `has_credentials` tell of headers whose values have to be looked at. `is_counted` tells whether
    the content has to have that length, and `is_plain` whether there may be some, and nothing else is wrong with it.
    """

    length: int
    has_type: bool
    has_cookies: bool
    has_credentials: bool
    is_counted: bool
    is_plain: bool


# What is known of statuses with names, of which nothing is wrong: most answers have the same ones. Of values nothing is
# kept, which may be secrets, and others in each answer.
_REMEMBERED = 1000
_good: dict[Any, HeaderNames] = {}

_TUPLE = frozenset((tuple,))


def known(status: int, version: Any, headers: Any) -> tuple[HeaderNames, int | None] | None:
    """Return what the names of an answer's headers tell, and its length, if it is known that nothing is wrong."""
    if headers.__class__ is not list or not _TUPLE.issuperset(map(type, headers)):
        return None
    try:
        told = _good.get((status, version, *[name for name, _ in headers]))
    except (TypeError, ValueError):  # what cannot be hashed, and what is no pair
        return None
    if told is None or told.has_credentials:
        return None
    values = [value for _, value in headers]
    if not are_good(values) or (told.has_cookies and any(faults(_cookies(headers)))):
        return None
    if told.length < 0:
        return told, None
    length, found = of_length(status, values[told.length])
    return None if found else (told, length if told.is_counted else None)


def _cookies(headers: list[tuple[bytes, Any]]) -> list[tuple[bytes, Any]]:
    """Return those cookies whose values are kept; what is wrong with the others is a fact."""
    return [pair for pair in headers if pair[0] == b"set-cookie" and pair[1].__class__ is bytes]


def remember(status: int, version: Any, headers: Any, told: HeaderNames) -> None:
    """Take note that nothing is wrong with a status, and the names of these headers."""
    if len(_good) >= _REMEMBERED:
        _good.clear()
    _good[status, version, *[name for name, _ in headers]] = told


def told_by(status: int, names: Sequence[bytes]) -> HeaderNames:
    """Return what the status and the names of an answer's headers tell."""
    has_type = b"content-type" in names
    return HeaderNames(
        length=names.index(b"content-length") if b"content-length" in names else -1,
        has_type=has_type,
        has_cookies=b"set-cookie" in names,
        has_credentials=_CREDENTIALS in names,
        is_counted=response_body.is_counted(status),
        is_plain=has_type and not response_body.of_content("GET", status, has_type=True),
    )


def of_names(status: int, names: Sequence[bytes], *, is_http2: bool) -> list[Broken]:
    """Return what is wrong with the names of an answer's headers, in lower case, beside its status."""
    return [*of_each(status, names, is_http2=is_http2), *_of_status(status, frozenset(names), is_http2=is_http2)]


def of_each(status: int, names: Sequence[bytes], *, is_http2: bool) -> Iterator[Broken]:
    """Yield what is wrong with the names of headers, in lower case, whichever there have to be."""
    counts = Counter(names)
    if b"transfer-encoding" in counts:
        if b"content-length" in counts:
            yield LENGTH_OR_TRANSFER("the answer has `content-length` and `transfer-encoding`")
        else:
            yield TRANSFER("`transfer-encoding` is left to the server")
    if counts[b"content-length"] > 1:
        yield ONE_LENGTH(f"`content-length` is sent {counts[b'content-length']} times")
    for name in _SINGLE & counts.keys():
        if counts[name] > 1:
            yield SINGLE(f"`{name.decode()}` is sent {counts[name]} times")
    for name in sorted(_OF_CONNECTION & counts.keys()):
        if is_http2:
            yield HOP_BY_HOP(f"`{name.decode()}` is not allowed over HTTP/2", severity="error")
        elif status != HTTPStatus.UPGRADE_REQUIRED or name not in _UPGRADING:
            yield HOP_BY_HOP(f"`{name.decode()}` is left to the server")


def _of_status(status: int, names: frozenset[bytes], *, is_http2: bool) -> Iterator[Broken]:
    wanted = _COMPANIONS.get(status)
    if wanted and wanted not in names and not (is_http2 and wanted == b"upgrade"):
        # Of these the RFC says that 416 only should have it (section 15.5.17).
        severity: Severity | None = "info" if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE else None
        yield COMPANION(f"the answer has the status {status}, and no `{wanted.decode()}`", severity=severity)
    if status in _WITHOUT_CONTENT and b"content-type" in names:
        # FastAPI sends it with 204, and no client minds.
        yield NO_CONTENT_HEADERS(f"the answer has the status {status}, and a `content-type`", severity="info")


def of_length(status: int, value: Any) -> tuple[int | None, list[Broken]]:
    """Return the number that `Content-Length` says, None without a good one, and what is wrong with it."""
    if value.__class__ is bytes and value.isdigit() and status != _NO_CONTENT and len(value) < _LONG:
        return int(value), []
    if value.__class__ is not bytes or value != value.strip():  # which is told already, or a secret
        return None, []
    if not value.isdigit():
        return None, [ONE_LENGTH(f"`content-length` is {value[:40].decode('latin-1')!r}")]
    if status != _NO_CONTENT:
        return None, []
    # Django sends 0, and no client minds.
    is_mild = not value.strip(b"0")
    text = f"the answer has the status 204, and a `content-length` of {value[:20].decode()}"
    return None, [NO_CONTENT_HEADERS(text, severity="info" if is_mild else None)]


def of_origin(scope: dict[str, Any], headers: Any) -> list[Broken]:
    """Return what is wrong with the headers for other origins, in the answer to a request."""
    given = list(pairs(headers))
    if joined(given, "access-control-allow-origin") != "*":
        return []
    if joined(given, "access-control-allow-credentials") != "true":
        return []
    asked = {name.lower() for name, _ in pairs(scope.get("headers"))}
    is_preflight = scope.get("method") == HTTPMethod.OPTIONS and b"access-control-request-method" in asked
    # Without credentials in the request it does no harm, and Starlette's middleware sends both.
    matters = is_preflight or b"cookie" in asked or b"authorization" in asked
    text = "credentials are allowed from any origin (`*`)"
    return [NO_WILDCARD(text, severity=None if matters else "info")]

"""The headers that a server gives in the scope of a request, or of a handshake.

https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from asgictl.inspector.record import Redacted
from asgictl.inspector.rules import links
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.value_text import shown

PAIRS = Rule("A-112", "error", "server", "The `headers` are an iterable of names with their values.", links.HTTP_SCOPE)
BYTES = Rule("A-113", "error", "server", "The names and the values of headers are bytes.", links.HTTP_SCOPE)
LOWER_CASE = Rule("A-114", "info", "server", "The names of headers should be in lower case.", links.HTTP_SCOPE)
PSEUDO = Rule("A-115", "error", "server", "The pseudo-headers of HTTP/2 are not among the headers.", links.HTTP_SCOPE)
AUTHORITY = Rule(
    "A-116",
    "error",
    "server",
    "With HTTP/2 the `:authority` is among the headers as the `host`, once.",
    links.HTTP_SCOPE,
)
COOKIE = Rule(
    "A-121", "warning", "server", "A request of HTTP/1 has one `cookie` header at most.", links.rfc(6265, "5.4")
)
HOST = Rule("A-122", "warning", "server", "A request of HTTP/1.1 has exactly one Host.", links.rfc(9112, "3.2"))
LENGTH = Rule(
    "A-123",
    "warning",
    "server",
    "The Content-Length of a request is a number, and there is none beside a Transfer-Encoding.",
    links.rfc(9112, "6.3"),
)


# Tuples: the version may be anything, also what cannot be hashed.
_HTTP_1 = ("1.0", "1.1")
_LATER = ("2", "3")


class Shape(NamedTuple):
    """The rules that say what headers look like, which are several for HTTP and one for a handshake."""

    pairs: Rule
    bytes: Rule
    pseudo: Rule
    authority: Rule


_OF_REQUEST = Shape(PAIRS, BYTES, PSEUDO, AUTHORITY)


def of_request(scope: dict[str, Any]) -> Iterator[Broken]:
    """Yield what is wrong with the headers of a request."""
    yield from of_shape(scope, _OF_REQUEST)
    version = scope.get("http_version")
    found = lines(scope)
    names = [name for name, _ in found]
    if version in _HTTP_1 and names.count(b"cookie") > 1:
        yield COOKIE(f"there are {names.count(b'cookie')} `cookie` headers")
    headers = scope.get("headers")
    is_legible = isinstance(headers, (list, tuple)) and len(found) == len(headers)
    if is_legible and version == "1.1" and names.count(b"host") != 1:
        yield HOST(f"there are {names.count(b'host')} `host` headers" if b"host" in names else "there is no `host`")
    yield from _of_length(found, names)


def of_shape(scope: dict[str, Any], rules: Shape) -> Iterator[Broken]:
    """Yield what is wrong with headers as such."""
    if "headers" not in scope:
        yield rules.pairs(f"`headers` is missing from `{scope.get('type')}`")
        return
    headers = scope["headers"]
    if not isinstance(headers, (list, tuple)):
        yield rules.pairs(f"`headers` is {shown(headers)}, and not an iterable of pairs")
        return
    for pair in headers:
        yield from _of_pair(pair, rules)
    names = [name for name, _ in lines(scope)]
    if scope.get("http_version") in _LATER and (count := names.count(b"host")) != 1:
        yield rules.authority(f"there are {count} `host` headers" if count else "there is no `host`")


def _of_pair(pair: Any, rules: Shape) -> Iterator[Broken]:
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:  # noqa: PLR2004  # a pair
        yield rules.pairs(f"there is {shown(pair)} among the `headers`, and not a name with its value")
        return
    name, value = pair
    if not (issubclass(type(name), bytes) and issubclass(type(value), (bytes, Redacted))):
        yield rules.bytes(f"the header {shown(name)} is {shown(value)}: both have to be bytes")
    elif name.startswith(b":"):
        yield rules.pseudo(f"there is {shown(name)} among the `headers`")
    elif name != name.lower():
        yield LOWER_CASE(f"the header {shown(name)} is not in lower case")


def lines(scope: dict[str, Any]) -> list[tuple[bytes, Any]]:
    """Return those headers whose names are bytes, in lower case."""
    headers = scope.get("headers")
    return [
        (pair[0].lower(), pair[1])
        for pair in (headers if isinstance(headers, (list, tuple)) else ())
        if isinstance(pair, (list, tuple)) and len(pair) == 2 and issubclass(type(pair[0]), bytes)  # noqa: PLR2004
    ]


def length(scope: dict[str, Any]) -> int | None:
    """Return the Content-Length, where there is one that can be relied on."""
    found = lines(scope)
    values = [value for name, value in found if name == b"content-length"]
    if len(values) != 1 or not _is_number(values[0]) or any(name == b"transfer-encoding" for name, _ in found):
        return None
    return int(values[0])


def _of_length(found: list[tuple[bytes, Any]], names: list[bytes]) -> Iterator[Broken]:
    for name, value in found:
        if name == b"content-length" and type(value) is bytes and not _is_number(value):
            yield LENGTH(f"the Content-Length is {shown(value)}, and not a number")
    if b"content-length" in names and b"transfer-encoding" in names:
        yield LENGTH("there are both a Content-Length and a Transfer-Encoding")


def _is_number(value: Any) -> bool:
    return type(value) is bytes and value.isdigit() and len(value) < 20  # noqa: PLR2004  # 2**64

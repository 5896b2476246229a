"""Taking secrets out of what is recorded, before it is kept."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from operator import itemgetter
from typing import Any
from urllib.parse import unquote_plus

from asgictl.asgi import Scope
from asgictl.inspector.record import Opaque, Redacted

# Headers, and query parameters, whose values are secrets.
NAMES = ("authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key")

# What stands in a query instead of a value: characters that need no encoding there (RFC 3986 section 3.4).
HIDDEN = b"***"

# Headers that hold a URL, with a query that may hold a secret.
_URLS = ("content-location", "link", "location", "origin", "referer", "refresh")

_URL_NAMES = frozenset(name.encode() for name in _URLS)

_PROTOCOL = "sec-websocket-protocol"

# A shorter secret is taken out of a text only where it is a word of its own.
_SHORT = 4

# A name may be hidden by its encoding.
_ENCODED = re.compile(rb"[%+]")

_FIRST = itemgetter(0)

# A query, or a fragment, which may be made like one (RFC 6749 section 4.2.2); and the password in a URL.
_QUERY = re.compile(rb"(?<=[?#])[^\s#<>\"]+")
_PASSWORD = re.compile(rb"(?<=://)([^/?#@\s:]*):[^/?#@\s]*@")

_TUPLES = frozenset((tuple,))


class Redactor:
    """Knows which names' values are secrets."""

    def __init__(self, names: Iterable[str] = NAMES) -> None:
        """Take the values of headers and query parameters with these `names` for secrets; nothing with no names."""
        if isinstance(names, str):
            raise TypeError(f"names are to be a list of names, not {names!r}")
        self.names = frozenset(name.lower() for name in names)
        self.subprotocols = _PROTOCOL in self.names
        self._bytes = frozenset(name.encode() for name in self.names)
        self._parameter = re.compile(rb"(?i)(?:^|[&?])(?:" + b"|".join(map(re.escape, self._bytes)) + rb")=")
        special: dict[object, Callable[[Any], Any]] = dict.fromkeys(self.names, _redacted)
        for name in _URLS if self.names else ():
            special.setdefault(name, self._url)
        # An app may, wrongly, send text for names; a secret stays one.
        self._special: dict[object, Callable[[Any], Any]] = special | {
            str(name).encode(): function for name, function in special.items()
        }

    def headers(self, pairs: Any) -> Any:
        """Return a copy of the headers without secrets, `Opaque` for what cannot be read as headers."""
        special = self._special
        try:
            if special.keys().isdisjoint(map(bytes.lower, map(_FIRST, pairs))):
                return list(pairs) if _TUPLES.issuperset(map(type, pairs)) else [(name, value) for name, value in pairs]
            return [
                (name, value) if (hide := special.get(name.lower())) is None else (name, hide(value))
                for name, value in pairs
            ]
        except (AttributeError, TypeError, ValueError):
            return self._odd_headers(pairs)

    def _odd_headers(self, pairs: Any) -> Any:
        if not isinstance(pairs, (list, tuple)):
            return Opaque(type(pairs).__name__)
        kept: list[Any] = []
        for pair in pairs:
            try:
                name, value = pair
                name = bytes(name) if isinstance(name, (bytearray, memoryview)) else name
                hide = self._special.get(name.lower())
                kept.append((name, hide(value) if hide else value))
            except (AttributeError, TypeError, ValueError):
                kept.append(Opaque(type(pair).__name__))
        return kept

    def query(self, query: Any) -> Any:
        """Return a query string without secrets."""
        if query.__class__ is not bytes:
            return Opaque(type(query).__name__)
        if not self.names or not (_ENCODED.search(query) or self._parameter.search(query)):
            return query
        return b"&".join(
            b"%b=%b" % (name, HIDDEN) if equals and self._is_secret(name) else part
            for part in query.split(b"&")
            for name, equals, _ in (part.partition(b"="),)
        )

    def raw_path(self, path: Any) -> Any:
        """Return a raw path, in which some servers leave the query, without secrets."""
        if path.__class__ is not bytes or b"?" not in path:
            return path
        before, _, query = path.partition(b"?")
        return b"%b?%b" % (before, self.query(query))

    def message(self, kept: dict[str, Any]) -> None:
        """Take the secrets out of what else a message may hold: a subprotocol, the path of a push, links."""
        if self.subprotocols and kept.get("subprotocol"):
            kept["subprotocol"] = HIDDEN.decode()
        if isinstance(path := kept.get("path"), str) and "?" in path:
            kept["path"] = self.raw_path(path.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
        if isinstance(links := kept.get("links"), list):
            kept["links"] = [self._url(link) for link in links]

    def hiding(self, scope: Scope, answer: Any) -> Callable[[str], str]:
        """Return what takes the secrets of a request, and of the headers of its answer, out of a text."""
        headers = [*_pairs(scope.get("headers")), *_pairs(answer)]
        values = {
            text for name, value in headers if name.lower() in self._bytes for text in _forms(name.lower(), value)
        }
        urls = [value for name, value in headers if name.lower() in _URL_NAMES]
        queries = [
            scope.get("query_string"),
            *(part for url in [scope.get("raw_path"), *urls] for part in _queries(url)),
        ]
        for query in queries:
            values |= {value for name, value in _parameters(query) if self._is_name(name.lower())}
        # As they are, decoded, and as `repr` and JSON write them.
        values |= {unquote_plus(text) for text in values}
        values |= {form[1:-1] for text in values for form in (repr(text), json.dumps(text))}
        known = sorted(filter(None, values), key=len, reverse=True)
        patterns = [re.escape(text) if len(text) >= _SHORT else rf"(?<!\w){re.escape(text)}(?!\w)" for text in known]
        if not patterns:
            return lambda text: text
        pattern = re.compile("|".join(patterns))
        return lambda text: pattern.sub("‹redacted›", text)

    def _is_secret(self, name: bytes) -> bool:
        return self._is_name(unquote_plus(name.decode("utf-8", "surrogateescape"), errors="surrogateescape").lower())

    def _is_name(self, text: str) -> bool:
        # In a URL a second question mark may begin another name, or belong to this one.
        return text in self.names or text.rpartition("?")[2] in self.names

    def _url(self, value: Any) -> Any:
        if value.__class__ is not bytes:
            return _redacted(value)
        return _QUERY.sub(lambda match: self.query(match[0]), _PASSWORD.sub(rb"\1:***@", value))


def _redacted(value: Any) -> Redacted:
    return _of_size(len(value) if hasattr(value, "__len__") else 0)


_of_size = lru_cache(Redacted)


def _pairs(headers: Any) -> Iterator[tuple[bytes, bytes]]:
    for pair in headers if isinstance(headers, (list, tuple)) else ():
        if isinstance(pair, (list, tuple)) and len(pair) == 2:  # noqa: PLR2004  # a pair
            name, value = (item.encode("latin-1", "replace") if isinstance(item, str) else item for item in pair)
            if isinstance(name, bytes) and isinstance(value, bytes):
                yield name, value


def _parameters(query: Any) -> Iterator[tuple[str, str]]:
    for part in query.decode("latin-1").split("&") if isinstance(query, bytes) else ():
        name, equals, value = part.partition("=")
        if equals:
            yield unquote_plus(name), value


def _queries(url: Any) -> list[bytes]:
    return re.split(rb"[?#]", url)[1:] if isinstance(url, bytes) else []


def _forms(name: bytes, value: bytes) -> Iterator[str]:
    """Yield a secret header's value, and what apps make of it."""
    text = value.decode("latin-1")
    yield text
    if name == b"cookie":
        for cookie in text.split(";"):
            yield cookie.partition("=")[2].strip().strip('"')
    elif name == b"set-cookie":
        yield text.partition(";")[0].partition("=")[2].strip().strip('"')
    elif name.endswith(b"authorization"):
        scheme, _, credentials = text.partition(" ")
        yield credentials
        if scheme.lower() == "basic":
            try:
                user = base64.b64decode(credentials).decode()
            except ValueError:  # of base64, of what it holds, or of letters that it does not know
                return
            yield user
            yield user.partition(":")[2]
    elif name == _PROTOCOL.encode():
        for protocol in text.split(","):
            yield protocol.strip()

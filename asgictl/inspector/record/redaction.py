"""Taking secrets out of what is recorded, before it is kept."""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from itertools import compress
from operator import itemgetter, not_
from typing import Any
from urllib.parse import unquote, unquote_plus

from asgictl.inspector.record import RUN, Opaque, Redacted, as_bytes, parameters, secret_names
from asgictl.inspector.record.marks import HIDDEN, MARK

NAMES = secret_names.NAMES

# A secret without a word of this length gets no digest: who has tried values in the same run could tell which one it
# was.
_GUESSED = 8
_WORDS = re.compile(rb"[\s=;,]+")

_PROTOCOL = b"sec-websocket-protocol"

# Headers in whose values names may mean something by themselves.
_LISTS = (_PROTOCOL, b"cookie", b"set-cookie")

# What a text has, a path, and a query, that may hold secrets; names with what follows them, in a header's value, too.
_SCHEMES = rb"(?:basic|bearer|dpop|negotiate|ntlm|jwt|token|api-?key)[\s+]"
_names_scheme = re.compile(_SCHEMES).search
_is_suspicious = re.compile(rb"[=%@]|eyj|[\"']\s*:|" + _SCHEMES).search
_parts = re.compile(
    rb"(?<!%b)%b++(?:\\*+[\"']\s*+[=:]|\s*+(?:=|:(?!//|\d{1,5}(?![\w.~+/-]))))|[\"']\s*+[=:]|[%%@]|eyJ"
    % (parameters.LETTER, parameters.LETTER)
).findall
_name_of = re.compile(rb"%b++(?=[\\\"'\s]*+[=:]\Z)" % parameters.LETTER).match
in_path = re.compile(rb"[=%@?]|eyJ").search
_fields = re.compile(rb"(?<![^=&])[^=&%+@;\"'?\s]*+=|[%+@;\"'?\s]|eyJ").findall

_SEPARATORS = re.compile(r"[-_]")
_PARTS = re.compile(r"[\[\].]+")

_NAME, _VALUE = itemgetter(0), itemgetter(1)
_PAIR = frozenset((2,))

# How many pairs, queries and names are remembered that are no secrets, and how long they are.
_REMEMBERED = 1000
_LONG = 512

# Behind these words in a list of subprotocols comes a token.
_AUTHORIZING = frozenset(("bearer", "basic", "authorization", "token", "jwt", "accesstoken"))
_KUBERNETES = b"base64url.bearer.authorization.k8s.io."

Mark = Callable[[bytes], bytes]


class Redactor:
    """Knows which names' values are secrets."""

    def __init__(self, names: Iterable[str] = NAMES, body_names: Iterable[str] = ()) -> None:
        """Take the values of headers, parameters and cookies with these `names` for secrets; nothing with no names.

        `body_names` are for `secret_bodies`.
        """
        self.names, self.body_names = _lower(names), _lower(body_names)
        self._hides_protocols = _PROTOCOL.decode() in self.names
        self._keys = frozenset(map(_key, self.names))
        ends = secret_names.ending(self.names)
        self._is_known: Callable[[str], bool] = lambda part: _key(part) in self._keys or ends(part)
        # It never leaves the process: no digest can be tried out on guesses.
        self._salt = secrets.token_bytes(16)
        self._run = self._digest(b"")[:RUN]
        self._plain_pairs: dict[Any, Any] = {}
        self._plain_headers: set[bytes] = set()
        self._plain_queries: set[bytes] = set()
        self._plain_fields: set[bytes] = set()
        self._plain_parts: set[bytes] = set()
        self._plain_names: set[bytes] = set()
        self._secret_names: set[bytes] = set()

    def headers(self, pairs: Any) -> Any:
        """Return a copy of the headers without secrets, `Opaque` for what cannot be read as headers."""
        if not isinstance(pairs, (list, tuple)):
            return Opaque(type(pairs).__name__)
        try:
            kept = list(map(self._plain_pairs.get, pairs))
            if all(kept):
                return kept
            known = self._secret_names
            new = [pair for pair in compress(pairs, map(not_, kept)) if pair[0] not in known]
            if not new or self._are_plain(new):
                return [
                    one or (self._pair(pair) if pair[0] in known else pair)
                    for one, pair in zip(kept, pairs, strict=True)
                ]
            return [one or self._pair(pair) for one, pair in zip(kept, pairs, strict=True)]
        except (IndexError, TypeError):  # what cannot be hashed, or joined, is not known either
            pass
        return list(map(self._pair, pairs))

    def _are_plain(self, pairs: list[Any]) -> bool:
        """Tell whether nothing in some headers can be a secret, and remember them."""
        if not (self._plain_headers.issuperset(map(_NAME, pairs)) and _PAIR.issuperset(map(len, pairs))):
            return False
        values = b"\0".join(map(_VALUE, pairs))
        if self._may_hold_secrets(values):
            return False
        if len(values) < _LONG:
            self._remember_pairs(pairs)
        return True

    def _remember_pairs(self, pairs: list[Any]) -> None:
        if len(self._plain_pairs) >= _REMEMBERED:
            self._plain_pairs.clear()
        self._plain_pairs.update(zip(pairs, pairs, strict=True))

    def _pair(self, pair: Any) -> Any:
        try:
            name, value = pair
            kept = bytes(name) if isinstance(name, (bytearray, memoryview)) else name
            hidden = self.value(as_bytes(kept).lower(), value, self.mark)
        except (AttributeError, TypeError, ValueError):
            return Opaque(type(pair).__name__)
        if hidden is value and type(pair) is tuple and type(name) is type(value) is bytes and len(value) < _LONG:
            if name.lower() not in _LISTS:
                _remember(self._plain_headers, name)
            self._remember_pairs([pair])
        return kept, hidden

    def value(self, name: bytes, value: Any, mark: Mark) -> Any:
        """Return a header's value without secrets: the same object where there is none."""
        if self.is_secret(name):
            return self.redacted(value)
        if not isinstance(value, (bytes, bytearray, memoryview, str)):
            return value
        content = as_bytes(value)
        if name == _PROTOCOL:
            hidden = b",".join(self._subprotocols(content.split(b","), mark))
        elif name in _LISTS:
            hidden = b";".join(self._parameter(part, mark) for part in content.split(b";"))
        else:
            if not self.names or not self._may_hold_secrets(content):
                return value
            hidden = self.text(_replaced(content, parameters.lines(content, self.is_secret), mark), mark)
            if hidden == content:
                for part in _parts(content):
                    if (named := _name_of(part)) and not self.is_secret(named[0]):
                        _remember(self._plain_parts, part)
        if hidden == content:
            return value
        return hidden.decode("utf-8", "surrogatepass") if isinstance(value, str) else hidden

    def _may_hold_secrets(self, content: bytes) -> bool:
        return not self._plain_parts.issuperset(_parts(content)) or _names_scheme(content.lower()) is not None

    def query(self, query: Any, mark: Mark | None = None) -> Any:
        """Return a query string without secrets."""
        if query.__class__ is not bytes:
            return Opaque(type(query).__name__)
        if query in self._plain_queries:
            return query
        fields = _fields(query)
        if self._plain_fields.issuperset(fields):
            return query
        hidden = b"&".join(self._parameter(part, mark or self.mark) for part in query.split(b"&"))
        if hidden == query and len(query) < _LONG:
            _remember(self._plain_queries, query)
            for field in fields:
                if field.endswith(b"=") and field[:-1] in self._plain_names:
                    _remember(self._plain_fields, field)
        return hidden

    def _parameter(self, part: bytes, mark: Mark) -> bytes:
        """Return a parameter, or a cookie, of which everything belongs to the value that follows the first `=`."""
        name, equals, value = part.partition(b"=")
        if equals and value and self.is_secret(name):
            return b"%b=%b" % (name, mark(value))
        return self.text(part, mark)

    def path(self, path: Any, mark: Mark | None = None) -> Any:
        """Return a raw path without secrets: in its parameters, and in the query that some servers leave in it."""
        if path.__class__ is not bytes or not in_path(path):
            return path
        before, question, query = path.partition(b"?")
        segments = b"/".join(self.text(part, mark or self.mark) for part in before.split(b"/"))
        return b"%b%b%b" % (segments, question, self.query(query, mark) if question else b"")

    def text(self, text: bytes, mark: Mark | None = None, *, only_queries: bool = False) -> bytes:
        """Return a text without secrets: values of parameters, logins in URLs, credentials, JSON Web Tokens."""
        if not self.names or not _is_suspicious(text.lower()):
            return text
        mark = mark or self.mark
        text = _replaced(text, parameters.values(text, self.is_secret, only_queries=only_queries), mark)
        for level in range(parameters.DEPTH + 1) if b"@" in text or b"40" in text else ():
            text = _replaced(text, parameters.logins(text, level), mark)
        text = _replaced(text, parameters.credentials(text), mark)
        return _replaced(text, parameters.tokens(text), mark)

    def said(self, text: str) -> str:
        """Return what is said of something, in any words, without secrets that stand in URLs, or have a shape."""
        return self.text(as_bytes(text), only_queries=True).decode("utf-8", "surrogatepass")

    def paths(self, kept: dict[str, Any]) -> None:
        """Take the secrets out of the paths in a copy of a scope."""
        raw, path = kept.get("raw_path"), kept.get("path")
        if raw.__class__ is bytes and raw:
            if (hidden := self.path(raw)) != raw:
                kept["raw_path"] = hidden
                # The same path, decoded (https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope).
                kept["path"] = unquote(hidden.partition(b"?")[0].decode("utf-8", "replace"))
        elif isinstance(path, str):
            kept["path"] = self.text(as_bytes(path)).decode("utf-8", "surrogatepass")

    def protocols(self, offered: Any) -> Any:
        """Return offered subprotocols without secrets."""
        if not isinstance(offered, list) or not all(isinstance(protocol, (str, bytes)) for protocol in offered):
            return offered
        return [one.decode("utf-8", "surrogatepass") for one in self._subprotocols(map(as_bytes, offered), self.mark)]

    def message(self, kept: dict[str, Any]) -> None:
        """Take the secrets out of what else a message may hold: a subprotocol, a path, links, why something ended."""
        if isinstance(protocol := kept.get("subprotocol"), str):
            (kept["subprotocol"],) = self.protocols([protocol])
        if isinstance(path := kept.get("path"), str):
            kept["path"] = self.path(as_bytes(path)).decode("utf-8", "surrogatepass")
        for key in ("message", "reason"):
            if isinstance(said := kept.get(key), str):
                kept[key] = self.said(said)
        if isinstance(links := kept.get("links"), list):
            kept["links"] = [self.text(link) if isinstance(link, bytes) else self.redacted(link) for link in links]

    def _subprotocols(self, protocols: Iterable[bytes], mark: Mark) -> Iterator[bytes]:
        secret = False
        for protocol in protocols:
            word = protocol.strip()
            hides = secret or self._hides_protocols or word.startswith(_KUBERNETES)
            if hides and word and self.names:
                yield protocol.replace(word, mark(word))
            else:
                yield self.text(protocol, mark)
            key = _key(word.decode("latin-1"))
            secret = bool(self.names) and (key in _AUTHORIZING or key in self._keys)

    def is_secret(self, name: bytes) -> bool:
        """Tell whether a name, perhaps encoded or one with brackets like `user[token]`, is one of a secret."""
        if name in self._plain_names or name in self._secret_names:
            return name in self._secret_names
        raw = name.decode("utf-8", "surrogateescape")
        once = unquote_plus(raw, errors="surrogateescape")
        wholly = parameters.decoded(name).decode("utf-8", "surrogateescape")
        # In a URL a second question mark may begin another name, or belong to this one.
        forms = (raw, once, once.strip(), once.rpartition("?")[2], wholly.strip())
        parts = (part for form in forms for part in (form, form.rstrip("*"), *_PARTS.split(form)))
        found = any(part.lower() in self.names or (part and self._is_known(part)) for part in parts)
        if len(name) < _LONG:
            _remember(self._secret_names if found else self._plain_names, name)
        return found

    def mark(self, value: bytes) -> bytes:
        """Return what stands for a secret in a text."""
        if MARK.fullmatch(value):
            return value
        tag = self._tag(value)
        return b"%b%d.%b" % (HIDDEN, len(value), tag.encode()) if tag else HIDDEN

    def redacted(self, value: Any) -> Redacted:
        """Return what stands for a secret by itself."""
        try:
            return Redacted(len(value), self._tag(as_bytes(value)))
        except TypeError:
            return Redacted(len(value) if hasattr(value, "__len__") else 0)

    def _tag(self, value: bytes) -> str:
        return self._run + self._digest(value)[:5] if max(map(len, _WORDS.split(value))) >= _GUESSED else ""

    def _digest(self, value: bytes) -> str:
        return hashlib.blake2b(value, key=self._salt, digest_size=RUN // 2).hexdigest()


def _replaced(text: bytes, spans: Iterable[tuple[int, int]], mark: Mark) -> bytes:
    parts, position = [], 0
    for begin, end in spans:
        parts += [text[position:begin], mark(text[begin:end])]
        position = end
    return b"".join([*parts, text[position:]]) if parts else text


def _lower(names: Iterable[str]) -> frozenset[str]:
    if isinstance(names, str):
        raise TypeError(f"names must be a list of names, not {names!r}")
    return frozenset(name.lower() for name in names)


def _remember(known: set[bytes], one: bytes) -> None:
    if len(known) >= _REMEMBERED:
        known.clear()
    known.add(one)


def _key(name: str) -> str:
    return _SEPARATORS.sub("", name.lower())

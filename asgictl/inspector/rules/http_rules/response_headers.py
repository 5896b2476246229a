"""The headers of an answer, each by itself.

https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from asgictl import rfc9110
from asgictl.inspector.headers import is_lost
from asgictl.inspector.record import Opaque, Redacted, observer
from asgictl.inspector.rules import links
from asgictl.inspector.rules.rule import Broken, Rule

PAIRS = Rule(
    "A-143",
    "error",
    "app",
    "The headers are an iterable of pairs, each a name and a value.",
    links.RESPONSE_START,
    "send a list like `[(b'content-type', b'text/plain')]`, for a dict `list(headers.items())`",
)
BYTES = Rule(
    "A-144",
    "error",
    "app",
    "The names and values of headers are byte strings.",
    links.RESPONSE_START,
    "encode names and values: `name.encode('latin-1')`",
)
LOWER_CASE = Rule(
    "A-145",
    "error",
    "app",
    "The names of headers are in lower case.",
    links.RESPONSE_START,
    "write the name in lower case: `b'content-type'`",
)
PSEUDO = Rule(
    "A-146",
    "error",
    "app",
    "Pseudo headers of HTTP/2, like `:status`, are not among the headers.",
    links.RESPONSE_START,
    "leave it out; the status is the message's `status`",
)
TOKEN = Rule(
    "A-148",
    "warning",
    "app",
    "The name of a header is a token: letters, digits, and a few other characters.",
    links.rfc(9110, "5.1"),
    "leave spaces, colons and what is not ASCII out of the name",
)
ONE_LINE = Rule(
    "A-149",
    "error",
    "app",
    "The value of a header has no CR, LF or NUL, with which a client could write headers of its own.",
    links.rfc(9110, "5.5"),
    "quote, or refuse, what comes from outside before it becomes a header",
)
STRIPPED = Rule(
    "A-150",
    "warning",
    "app",
    "The value of a header neither begins nor ends with white space.",
    links.rfc(9110, "5.5"),
    "strip the value: `value.strip()`",
)
COOKIES = Rule(
    "A-170",
    "warning",
    "app",
    "Each cookie has a `Set-Cookie` of its own, and one with `SameSite=None` is `Secure` as well.",
    links.HTTP,
    "send a header for each cookie, and `Secure` with `SameSite=None`",
)

Kind = Literal["pairs", "bytes", "lower case", "pseudo", "token", "break", "whitespace", "joined", "samesite"]


class Fault(NamedTuple):
    """What is wrong with headers: the kind of it, and in words."""

    kind: Kind
    text: str


_RULES: dict[Kind, Rule] = {
    "pairs": PAIRS,
    "bytes": BYTES,
    "lower case": LOWER_CASE,
    "pseudo": PSEUDO,
    "token": TOKEN,
    "break": ONE_LINE,
    "whitespace": STRIPPED,
    "joined": COOKIES,
    "samesite": COOKIES,
}

_WORDS: dict[str, str] = {
    "break": "the value of `{}` has a line break, or NUL",
    "whitespace": "the value of `{}` begins or ends with white space",
    "joined": "`{}` has several cookies, joined by a comma",
    "samesite": "`{}` has `SameSite=None` without `Secure`",
}

# Pairs in which nothing is wrong: most answers have the same ones.
_REMEMBERED = 1000
_good: set[Any] = set()

_PAIR = 2


def are_good(headers: Any) -> bool:
    """Tell whether all of these headers are known, and nothing is wrong with any of them."""
    try:
        return headers.__class__ is list and _good.issuperset(headers)
    except TypeError:  # what cannot be hashed
        return False


def readable(headers: Any) -> list[tuple[bytes, Any]]:
    """Return those headers that have a name, with their values, whatever those are."""
    found = []
    for pair in headers if isinstance(headers, (list, tuple)) else ():
        if isinstance(pair, (list, tuple)) and len(pair) == _PAIR:
            name = pair[0].encode("latin-1", "replace") if isinstance(pair[0], str) else pair[0]
            if isinstance(name, bytes):
                found.append((name, pair[1]))
    return found


def of_headers(headers: Any) -> list[Broken]:
    """Return what is wrong with the headers of an answer."""
    return [_RULES[fault.kind](fault.text) for fault in faults(headers)]


def faults(headers: Any) -> Iterator[Fault]:
    """Yield what is wrong with headers, of whatever message they are."""
    if not isinstance(headers, (list, tuple)):
        kind = headers.type if isinstance(headers, Opaque) else type(headers).__name__
        yield Fault("pairs", f"the headers are an object of `{kind}`, and not a list of pairs")
        return
    for pair in headers:
        if are_good([pair]):
            continue
        found = list(_of_pair(pair))
        yield from found
        if not found and pair.__class__ is tuple and not is_lost(pair[1]):
            if len(_good) >= _REMEMBERED:
                _good.clear()
            _good.add(pair)


def of_secret(detail: Any) -> list[Broken]:
    """Return what is wrong with a header whose value is not kept; `detail` is what the fact `secret` has."""
    if not isinstance(detail, dict) or not isinstance(kinds := detail.get("faults"), list):
        return []
    known = [kind for kind in kinds if isinstance(kind, str) and kind in _WORDS]
    return [_RULES[kind](_WORDS[kind].format(detail.get("header"))) for kind in known]  # type: ignore[index]  # one of them


def _of_pair(pair: Any) -> Iterator[Fault]:
    if not isinstance(pair, (list, tuple)) or len(pair) != _PAIR:
        kind = pair.type if isinstance(pair, Opaque) else type(pair).__name__
        yield Fault("pairs", f"the headers have an object of `{kind}` that is not a pair of name and value")
        return
    name, value = pair
    if not isinstance(name, bytes):
        yield Fault("bytes", f"the name of a header is {_class(name)}, and not bytes")
        return
    shown = name.decode("latin-1") if len(name) <= 60 else f"{name[:57].decode('latin-1')}..."  # noqa: PLR2004  # as fits
    if name.startswith(b":"):
        yield Fault("pseudo", f"`{shown}` is a pseudo header")
    elif not rfc9110.is_token(name.decode("latin-1")):
        yield Fault("token", f"{name[:60]!r} cannot be the name of a header")
    elif name != name.lower():
        yield Fault("lower case", f"`{shown}` is not in lower case")
    if isinstance(value, Redacted):
        return
    if not isinstance(value, bytes):
        yield Fault("bytes", f"the value of `{shown}` is {_class(value)}, and not bytes")
    elif not is_lost(value):
        for kind in observer.faults(name.lower(), value):
            yield Fault(kind, _WORDS[kind].format(shown))  # type: ignore[arg-type]  # one of them


def _class(value: Any) -> str:
    return value.type if isinstance(value, Opaque) else type(value).__name__

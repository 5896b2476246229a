"""What every message with headers has to keep: what may be wrong with them, and by which rules that is told."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from asgictl import rfc9110
from asgictl.inspector.headers import is_lost
from asgictl.inspector.record import Redacted, Severity, observer
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.value_text import class_of

Kind = Literal["pairs", "bytes", "lower case", "pseudo", "token", "break", "whitespace", "joined", "samesite"]

# By which rule each kind of fault is told of in one kind of message.
HeaderRules = Mapping[Kind, Rule]


class Fault(NamedTuple):
    """What is wrong with headers: the kind of it, and in words."""

    kind: Kind
    text: str


_WORDS: dict[Kind, str] = {
    "bytes": "the value of `{}` is not bytes",
    "break": "the value of `{}` has a line break, or NUL",
    "whitespace": "the value of `{}` begins or ends with white space",
    "joined": "`{}` has several cookies, joined by a comma",
    "samesite": "`{}` has `SameSite=None` without `Secure`",
}
# How serious it is in any message; what is not here breaks a rule of ASGI, and is an error.
# Capitals are in the names that Django, BlackSheep and Socket.IO write, and servers lower them where they have to.
_SEVERITIES: dict[Kind, Severity] = {
    **dict.fromkeys(("token", "whitespace", "joined", "samesite"), "warning"),
    "lower case": "info",
}

_PAIR = 2


def is_http2(scope: dict[str, Any]) -> bool:
    """Tell whether a connection is one over HTTP/2, or HTTP/3."""
    version = scope.get("http_version")
    return isinstance(version, str) and version.startswith(("2", "3"))


def of_headers(headers: Any, rules: HeaderRules) -> list[Broken]:
    """Return what is wrong with headers, of whatever message they are."""
    return [_told(fault, rules) for fault in faults(headers)]


def of_secret(detail: Any, rules: HeaderRules) -> list[Broken]:
    """Return what is wrong with a header whose value is not kept; `detail` is what the fact `secret` has."""
    if not isinstance(detail, dict) or not isinstance(kinds := detail.get("faults"), list):
        return []
    found = [Fault(kind, _WORDS[kind].format(detail.get("header"))) for kind in _WORDS if kind in kinds]
    return [_told(fault, rules) for fault in found]


def _told(fault: Fault, rules: HeaderRules) -> Broken:
    return rules[fault.kind](fault.text, severity=_SEVERITIES.get(fault.kind, "error"))


def readable(headers: Any) -> list[tuple[bytes, Any]]:
    """Return those headers that have a name, with their values, whatever those are."""
    found = []
    for pair in headers if isinstance(headers, (list, tuple)) else ():
        if isinstance(pair, (list, tuple)) and len(pair) == _PAIR:
            name = pair[0].encode("latin-1", "replace") if isinstance(pair[0], str) else pair[0]
            if isinstance(name, bytes):
                found.append((name, pair[1]))
    return found


def are_good(values: list[Any]) -> bool:
    """Tell whether nothing is wrong with the values of headers that are no cookies, by what is wrong most often."""
    if not _BYTES.issuperset(map(type, values)):
        if not _KEPT.issuperset(map(type, values)):
            return False
        values = [value for value in values if value.__class__ is bytes]
    return observer.BREAKS.search(b"".join(values)) is None and [value.strip() for value in values] == values


_BYTES, _KEPT = frozenset((bytes,)), frozenset((bytes, Redacted))


def faults(headers: Any) -> Iterator[Fault]:
    """Yield what is wrong with headers, of whatever message they are."""
    if not isinstance(headers, (list, tuple)):
        kind = class_of(headers)
        yield Fault("pairs", f"the headers are an object of `{kind}`, and not a list of pairs")
        return
    for pair in headers:
        yield from _of_pair(pair)


def _of_pair(pair: Any) -> Iterator[Fault]:
    if not isinstance(pair, (list, tuple)) or len(pair) != _PAIR:
        kind = class_of(pair)
        yield Fault("pairs", f"the headers have an object of `{kind}` that is not a pair of name and value")
        return
    name, value = pair
    if not isinstance(name, bytes):
        yield Fault("bytes", f"the name of a header is {class_of(name)}, and not bytes")
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
        yield Fault("bytes", f"the value of `{shown}` is {class_of(value)}, and not bytes")
    elif not is_lost(value):
        for kind in observer.faults(name.lower(), value):
            yield Fault(kind, _WORDS[kind].format(shown))

"""Rules for every scope and every message (https://asgi.readthedocs.io/en/latest/specs/main.html)."""

import math
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from asgictl.inspector.record import Event, Opaque
from asgictl.inspector.rules import links
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.value_text import class_of, shown

# The messages of ASGI, and the keys that each may have:
# https://asgi.readthedocs.io/en/latest/specs/www.html, .../specs/lifespan.html, and .../extensions.html
KEYS: dict[str, frozenset[str]] = {
    name: frozenset(("type", *keys))
    for name, keys in {
        "http.request": ("body", "more_body"),
        "http.disconnect": (),
        "http.response.start": ("status", "headers", "trailers"),
        "http.response.body": ("body", "more_body"),
        "http.response.push": ("path", "headers"),
        "http.response.zerocopysend": ("file", "offset", "count", "more_body"),
        "http.response.pathsend": ("path",),
        "http.response.early_hint": ("links",),
        "http.response.trailers": ("headers", "more_trailers"),
        "http.response.debug": ("info",),
        "websocket.connect": (),
        "websocket.accept": ("subprotocol", "headers"),
        "websocket.receive": ("bytes", "text"),
        "websocket.send": ("bytes", "text"),
        "websocket.disconnect": ("code", "reason"),
        "websocket.close": ("code", "reason"),
        "websocket.http.response.start": ("status", "headers"),
        "websocket.http.response.body": ("body", "more_body"),
        "lifespan.startup": (),
        "lifespan.startup.complete": (),
        "lifespan.startup.failed": ("message",),
        "lifespan.shutdown": (),
        "lifespan.shutdown.complete": (),
        "lifespan.shutdown.failed": ("message",),
    }.items()
}

TEXT_KEYS = Rule(
    "A-007",
    "error",
    "app",
    "All keys of scopes and messages are Unicode strings.",
    links.STRINGS,
    "write the keys as text: `'status'`, not `b'status'`",
)
DICT = Rule(
    "A-013",
    "error",
    "app",
    "A message is a dict.",
    links.EVENTS,
    "send a dict with a `type`",
)
TYPE = Rule(
    "A-014",
    "error",
    "app",
    "A message has a `type`, which is a Unicode string.",
    links.EVENTS,
    "give the message its `type`, like `http.response.start`",
)
KNOWN_TYPE = Rule(
    "A-015",
    "error",
    "app",
    "The type of a message is one that the protocol of the scope has, or an extension.",
    links.ERROR_HANDLING,
    "send a message of this scope's protocol; its name is in the specification",
)
DIRECTION = Rule(
    "A-016",
    "error",
    "app",
    "A message goes in its own direction: what an application receives, it does not send.",
    links.EVENTS,
    "leave it out: the server tells it; an answer ends with `more_body=False`",
)
VALUES = Rule(
    "A-017",
    "error",
    "app",
    "A message holds only byte strings, Unicode strings, integers, floats, lists, dicts, booleans and None.",
    links.EVENTS,
    "convert the value: `str(value)` or `value.isoformat()`, for one",
)
LISTS = Rule(
    "A-018",
    "info",
    "app",
    "In a message, tuples are encoded as lists.",
    links.EVENTS,
    "write a list: `[...]`",
)
FINITE = Rule(
    "A-019",
    "error",
    "app",
    "A float in a message is neither NaN nor an infinity.",
    links.EVENTS,
    "send None where there is no number",
)
RANGE = Rule(
    "A-020",
    "error",
    "app",
    "An integer in a message fits into 64 bits with a sign.",
    links.EVENTS,
    "send numbers of that size as text",
)
TYPO = Rule(
    "A-021",
    "info",
    "app",
    "A message may have keys of its own, which servers ignore: one that was meant differently is ignored as well.",
    links.ERROR_HANDLING,
    "write the key as the specification does",
)

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1

# How like a key of the specification another one has to be, to be taken for that one: `more_boddy`, but not `test`.
_ALIKE = 0.8
_LONGEST = 60

_SCOPE = frozenset(
    (
        *("type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path"),
        *("headers", "client", "server", "state", "extensions", "subprotocols"),
    )
)
_TYPE_ALONE = frozenset(("type",))

# The extensions of the specification, of which all messages are known.
_EXTENSIONS = frozenset((*KEYS, "tls", "websocket.http.response"))


def of_scope(scope: dict[str, Any]) -> Iterable[Broken]:
    """Return what is wrong with what every scope has."""
    if _SCOPE.issuperset(scope):
        return ()
    odd = [key for key in scope if not isinstance(key, str)]
    return [TEXT_KEYS._replace(blame="server")(f"a key of the scope is {shown(key)}") for key in odd]


def of_message(
    event: Event, known: frozenset[str], others: frozenset[str], extensions: Iterable[Any] = ()
) -> Iterable[Broken]:
    """Return what is wrong with a message, whatever its type; `known` are those of its direction, `others` not.

    An app may send those of the `extensions` that the server offers as well.
    """
    message = event.message
    if message.__class__ is dict:
        kind = message.get("type")
        if kind.__class__ is str and kind in known and (keys := KEYS.get(kind)) and keys.issuperset(message):
            return ()
    found = list(_faults(event, known, others, extensions))
    if event.direction == "send":
        return found
    # What the server tells it has to know; the rules are the same.
    return [one._replace(rule=one.rule._replace(blame="server")) for one in found]


def _faults(event: Event, known: frozenset[str], others: frozenset[str], extensions: Iterable[Any]) -> Iterator[Broken]:
    message = event.message
    if not isinstance(message, dict):
        yield DICT(f"the message is an object of `{class_of(message)}`")
        return
    kind = message.get("type")
    keys = KEYS.get(kind, _TYPE_ALONE) if isinstance(kind, str) else _TYPE_ALONE
    if "type" not in message:
        yield TYPE("the message has no `type`")
    elif not isinstance(kind, str):
        yield TYPE(f"the `type` is an object of `{class_of(kind)}`")
    elif kind in others and kind not in known:
        yield DIRECTION(f"`{kind}` is for the other direction")
    elif kind not in known and event.direction == "send" and not _is_extension(kind, extensions):
        yield KNOWN_TYPE(f"`{kind[:60]}` is not a message of this protocol{_meant(kind, known)}")
    for key, value in message.items():
        if not isinstance(key, str):
            yield TEXT_KEYS(f"a key of the message is {shown(key)}, and not a Unicode string")
        elif key not in keys:
            # Those that the specification has are judged by rules of their own.
            yield from _of_value(key[:60], value)
            if keys is not _TYPE_ALONE and (meant := _meant(key, keys.difference(message))):
                yield TYPO(f"`{key}` means nothing{meant}")


def _is_extension(kind: str, extensions: Iterable[Any]) -> bool:
    """Tell whether a type of message is that of an extension, or begins with it, which the specification has not."""
    own = (name for name in extensions if isinstance(name, str) and name not in _EXTENSIONS)
    return any(kind == name or kind.startswith(f"{name}.") for name in own)


def _of_value(key: str, value: Any) -> Iterator[Broken]:
    """Yield what is wrong with a value, and with those in it; each kind of fault once."""
    found: dict[Rule, Broken] = {}
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            if any(not isinstance(name, str) for name in one):
                found.setdefault(TEXT_KEYS, TEXT_KEYS(f"`{key}` has a key that is not a Unicode string"))
            left += one.values()
        elif isinstance(one, list):
            left += one
        elif isinstance(one, Opaque | bytearray):
            found.setdefault(VALUES, VALUES(f"`{key}` holds an object of `{class_of(one)}`"))
        elif isinstance(one, float) and not math.isfinite(one):
            found.setdefault(FINITE, FINITE(f"`{key}` is {one}"))
        elif isinstance(one, int) and not _SMALLEST <= one <= _LARGEST:
            found.setdefault(RANGE, RANGE(f"`{key}` is a number of {one.bit_length()} bits"))
    yield from found.values()


def _meant(word: str, known: Iterable[str]) -> str:
    """Return a question for the one of `known` that is close to `word`, nothing without one."""
    plain = word.lower().replace("-", "_")
    close = get_close_matches(plain, sorted(known), n=1, cutoff=_ALIKE) if len(plain) <= _LONGEST else []
    return f": is `{close[0]}` meant?" if close else ""

"""Copies of scopes and messages that nobody changes any more, and iterables that can be gone through again."""

import itertools
from collections.abc import Iterable
from typing import Any

from asgictl.asgi import Message, Scope
from asgictl.failure import class_name
from asgictl.inspector.record import Opaque
from asgictl.inspector.record.redaction import Redactor, in_path

ATOMS = frozenset((str, bytes, int, float, bool, type(None)))
_LASTING = ATOMS | {tuple}
_LISTS = frozenset((list, tuple))
_APART = frozenset(("headers", "subprotocols"))

# How deep, and how far, values are looked into that are none of the above.
_DEPTH = 6
_ITEMS = 1000


def kept_scope(scope: Scope, redactor: Redactor) -> dict[str, Any]:
    """Return a copy of `scope` without secrets; what can be gone through only once becomes a list in `scope` itself."""
    kept = dict(scope)
    for key, value in scope.items():
        kind = value.__class__
        if kind in _LASTING or key in _APART:
            continue
        if key == "state" and kind is dict:
            # The app's own objects, which say what they like of themselves.
            kept[key] = {name: Opaque(class_name(item)) for name, item in value.items()} if value else {}
        else:
            kept[key] = value.copy() if key == "asgi" and kind is dict else snapshot(value)
    if "headers" in scope:
        if (headers := lasting(scope["headers"])) is not scope["headers"]:
            scope["headers"] = headers
        kept["headers"] = redactor.headers(headers)
    if query := scope.get("query_string"):
        kept["query_string"] = redactor.query(query)
    if (path := scope.get("raw_path")).__class__ is not bytes or not path or in_path(path):
        redactor.paths(kept)
    if "subprotocols" in scope:
        if _is_fleeting(protocols := scope["subprotocols"]):
            scope["subprotocols"] = protocols = list(protocols)
        kept["subprotocols"] = redactor.protocols(snapshot(protocols))
    return kept


def snapshot(value: Any, depth: int = _DEPTH) -> Any:  # noqa: PLR0911  # one for each kind
    """Return a copy of `value` that nobody changes any more; `Opaque` for what ASGI has no type for."""
    kind = value.__class__
    if kind in ATOMS:
        return value
    if kind is dict and len(value) <= _ITEMS and ATOMS.issuperset(map(type, value.values())):
        return value.copy()
    if depth == 0:
        return Opaque(class_name(value))
    if isinstance(value, dict):
        return {
            key if key.__class__ in ATOMS else _of_key(key): snapshot(item, depth - 1)
            for key, item in itertools.islice(dict.items(value), _ITEMS)
        }
    if isinstance(value, (list, tuple)):
        return [snapshot(item, depth - 1) for item in itertools.islice(value, _ITEMS)]
    if isinstance(value, bytearray):
        return bytearray(value)
    return _plain(value)


def _of_key(key: Any) -> Any:
    plain = _plain(key)
    return plain if plain.__class__ in ATOMS else Opaque(class_name(key))


def lasting(headers: Any) -> Any:
    """Return headers that can be gone through again, each pair too: themselves, or a list of what they hold."""
    if headers.__class__ is not list and _is_fleeting(headers):
        headers = list(headers)
    if (
        isinstance(headers, (list, tuple))
        and not _LISTS.issuperset(map(type, headers))
        and any(map(_is_fleeting, headers))
    ):
        return [list(pair) if _is_fleeting(pair) else pair for pair in headers]
    return headers


def lasting_message(message: Message) -> Message:
    """Return a message whose headers and links can be gone through again: itself, or a copy."""
    if "headers" in message and (headers := lasting(message["headers"])) is not message["headers"]:
        message = {**message, "headers": headers}
    if "links" in message and _is_fleeting(message["links"]):
        message = {**message, "links": list(message["links"])}
    return message


def _plain(value: Any) -> Any:
    """Return a value of a derived class, like `HTTPStatus`, as what it is derived from; `Opaque` for other objects."""
    for base, reduced in _BASES.items():
        if isinstance(value, base):
            return reduced(value)
    return Opaque(class_name(value))


# Those of the base class itself: a derived one may say something else of itself.
_BASES: dict[type, Any] = {
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    int: int.__int__,
    float: float.__float__,
}


def _is_fleeting(value: object) -> bool:
    """Tell whether `value` can perhaps be gone through only once."""
    return (
        value.__class__ not in _LASTING
        and isinstance(value, Iterable)
        and not isinstance(value, (str, bytes, bytearray, memoryview, dict, list, tuple))
    )

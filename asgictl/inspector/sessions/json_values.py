"""Values of scopes and messages in JSON, and back."""

import base64
import math
from collections.abc import Callable, Mapping
from typing import Any

from asgictl.inspector.record import Opaque, Redacted
from asgictl.inspector.sessions import checked

_LATIN = frozenset(("headers", "raw_path", "query_string", "links"))
_UTF8 = frozenset(("body", "bytes"))

# How deep the values are that are read, several times as deep as those that are recorded.
_DEEPEST = 64


def mapping(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a scope or a message as JSON has it."""
    if not _is_plain(values):
        return {"$items": [[plain(key), plain(value)] for key, value in values.items()]}
    return {
        key: _latin(value) if key in _LATIN else body(value) if key in _UTF8 else plain(value)
        for key, value in values.items()
    }


def _is_plain(values: Mapping[Any, Any]) -> bool:
    """Tell whether a mapping can be an object, which is no mark like those in `_TAGS`."""
    return all(isinstance(key, str) for key in values) and not (len(values) == 1 and next(iter(values)) in _TAGS)


def _latin(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, (list, tuple)):
        return [_latin(item) for item in value]
    return {"$str": value} if isinstance(value, str) else plain(value)


def body(value: Any) -> Any:
    """Return content as JSON has it."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return plain(value)
    return {"$str": value} if isinstance(value, str) else plain(value)


def plain(value: Any) -> Any:  # noqa: PLR0911  # one for each type
    """Return a value as JSON has it."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"$b64" if isinstance(value, bytes) else "$bytearray": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        if _is_plain(value):
            return {key: plain(item) for key, item in value.items()}
        return {"$items": [[plain(key), plain(item)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Redacted):
        return {"$redacted": [value.size, value.digest] if value.digest else value.size}
    return {"$object": value.type if isinstance(value, Opaque) else type(value).__qualname__}


def read_mapping(values: Any) -> Any:
    """Return a scope or a message of JSON."""
    if not isinstance(values, dict) or not _is_plain(values):
        return read(values)
    return {key: _read_value(key, value) for key, value in values.items()}


def _read_value(key: str, value: Any) -> Any:
    if key == "headers" and isinstance(value, list):
        return [tuple(_read_bytes(pair, "latin-1")) if isinstance(pair, list) else read(pair) for pair in value]
    if key in _LATIN:
        return _read_bytes(value, "latin-1")
    return _read_bytes(value, "utf-8") if key in _UTF8 else read(value)


def _read_bytes(value: Any, encoding: str, depth: int = _DEEPEST) -> Any:
    """Return what stands where bytes belong."""
    if isinstance(value, str):
        return value.encode(encoding)
    if not isinstance(value, list):
        return read(value, depth)
    if depth == 0:
        raise ValueError("it is nested too deeply")
    return [_read_bytes(item, encoding, depth - 1) for item in value]


def read(value: Any, depth: int = _DEEPEST) -> Any:
    """Return a value of JSON."""
    if not isinstance(value, (list, dict)):
        return value
    if depth == 0:
        raise ValueError("it is nested too deeply")
    if isinstance(value, list):
        return [read(item, depth - 1) for item in value]
    if len(value) == 1:
        ((tag, content),) = value.items()
        if tag in _TAGS:
            return _TAGS[tag](content, depth - 1)
    return {key: read(item, depth - 1) for key, item in value.items()}


_TAGS: dict[str, Callable[[Any, int], Any]] = {
    "$str": lambda text, _: checked.text(text),
    "$float": lambda text, _: float(checked.text(text)),
    "$b64": lambda text, _: base64.b64decode(checked.text(text), validate=True),
    "$bytearray": lambda text, _: bytearray(base64.b64decode(checked.text(text), validate=True)),
    "$redacted": lambda told, _: _redacted(told),
    "$object": lambda name, _: Opaque(checked.text(name)),
    "$items": lambda items, depth: {_hashable(read(key, depth)): read(item, depth) for key, item in items},
}


def _redacted(told: Any) -> Redacted:
    """Return the place of a secret: its size, in a list with its digest where it has one."""
    if not isinstance(told, list):
        return Redacted(checked.count(told))
    size, digest = told
    return Redacted(checked.count(size), checked.text(digest))


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

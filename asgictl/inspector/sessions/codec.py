"""Records as lines of JSON, schema `asgictl.inspect/1`, and back.

One line is one object. `k` is the kind of record, the other keys are the fields of `asgictl.inspector.record`, with
`dir` for the direction and `t` for the time. Bytes are text where they always are bytes: headers, `raw_path`,
`query_string` and `links` as Latin-1, `body` and `bytes` as UTF-8. Whatever JSON has no value for, and text where bytes
belong, is an object with one key that begins with `$`.
"""

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from asgictl.inspector.record import (
    Closed,
    Continued,
    Earlier,
    Event,
    Failure,
    Opaque,
    Opened,
    Raised,
    Record,
    Redacted,
)
from asgictl.inspector.sessions import checked

SCHEMA = "asgictl.inspect/1"

# `json.dumps` makes a new one each time.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)

_LATIN = frozenset(("headers", "raw_path", "query_string", "links"))
_UTF8 = frozenset(("body", "bytes"))

# How deep the values are that are read, several times as deep as those that are recorded.
_DEEPEST = 64


def dumps(record: Record) -> str:
    """Return a record as one line, newline included."""
    return _ENCODER.encode(fields_of(record)) + "\n"


def fields_of(record: Record) -> dict[str, Any]:
    """Return a record as the object in its line."""
    return _FIELDS[type(record)](record)


def loads(line: str | bytes) -> Record | None:
    """Return the record in a line, None for a kind that a later version may know.

    Raises `ValueError`, which says what is wrong with it.
    """
    return record_of(checked.fields(line))


def record_of(fields: dict[str, Any]) -> Record | None:
    """Return the record of an object, as `loads` does of a line."""
    try:
        kind = fields["k"]
        return _READ[kind](fields) if kind in _READ else None
    except KeyError as error:
        raise ValueError(f"it has no known `{error.args[0]}`") from error
    except (UnicodeError, TypeError, AttributeError, OverflowError, binascii.Error) as error:
        raise ValueError(f"it cannot be read: {error}") from error


def _opened(record: Opened) -> dict[str, Any]:
    at = datetime.fromtimestamp(record.at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    more: dict[str, Any] = {"replay_of": record.replay_of} if record.replay_of is not None else {}
    if isinstance(record, Continued):
        more["earlier"] = {key: getattr(record.earlier, key) for key in Earlier.__slots__}
    return {"k": "open", "id": record.id, "t": at, **more, "scope": mapping(record.scope)}


def _event(record: Event) -> dict[str, Any]:
    marks = {name: True for name in ("cut", "redacted") if getattr(record, name)}
    return {
        "k": "event",
        "id": record.id,
        "n": record.n,
        "ms": round(record.ms, 3),
        "dir": record.direction,
        "message": mapping(record.message) if isinstance(record.message, dict) else _plain(record.message),
        "size": record.size,
        **marks,
    }


def _raised(record: Raised) -> dict[str, Any]:
    return {
        "k": "raise",
        "id": record.id,
        "n": record.n,
        "ms": round(record.ms, 3),
        "dir": record.direction,
        "error": _failure(record.error),
    }


def _closed(record: Closed) -> dict[str, Any]:
    error = _failure(record.error) if record.error else None
    cancelled = {"cancelled": True} if record.cancelled else {}
    return {"k": "close", "id": record.id, "ms": round(record.ms, 3), "error": error, **cancelled}


def _failure(error: Failure) -> dict[str, Any]:
    more = {"stack": error.stack or None, "place": error.place, "more": error.more or None}
    known = {key: value for key, value in more.items() if value is not None}
    return {"type": error.type, "message": error.message, "traceback": error.traceback, **known}


_FIELDS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Opened: _opened,
    Continued: _opened,
    Event: _event,
    Raised: _raised,
    Closed: _closed,
}


def mapping(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a scope or a message as JSON has it."""
    if not _is_plain(values):
        return {"$items": [[_plain(key), _plain(value)] for key, value in values.items()]}
    return {
        key: _latin(value) if key in _LATIN else body(value) if key in _UTF8 else _plain(value)
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
    return {"$str": value} if isinstance(value, str) else _plain(value)


def body(value: Any) -> Any:
    """Return content as JSON has it."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return _plain(value)
    return {"$str": value} if isinstance(value, str) else _plain(value)


def _plain(value: Any) -> Any:  # noqa: PLR0911  # one for each type
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"$b64" if isinstance(value, bytes) else "$bytearray": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        if _is_plain(value):
            return {key: _plain(item) for key, item in value.items()}
        return {"$items": [[_plain(key), _plain(item)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Redacted):
        return {"$redacted": [value.size, value.digest] if value.digest else value.size}
    return {"$object": value.type if isinstance(value, Opaque) else type(value).__qualname__}


def _read_opened(fields: dict[str, Any]) -> Opened:
    scope = _read_mapping(fields["scope"])
    if not isinstance(scope, dict):
        raise ValueError("its `scope` is not an object")  # noqa: TRY004  # of the line, as the others
    number, at, again = checked.count(fields["id"]), checked.time(fields["t"]), fields.get("replay_of")
    replay_of = None if again is None else checked.count(again)
    if "earlier" not in fields:
        return Opened(number, at, scope, replay_of=replay_of)
    given = checked.mapping(fields["earlier"])
    messages, received, sent = (checked.count(given[key]) for key in ("messages", "received", "sent"))
    earlier = Earlier(messages, received, sent, checked.text(given["file"]))
    return Continued(number, at, scope, replay_of=replay_of, earlier=earlier)


def _read_event(fields: dict[str, Any]) -> Event:
    return Event(
        checked.count(fields["id"]),
        checked.count(fields["n"]),
        checked.ms(fields["ms"]),
        checked.direction(fields["dir"]),
        _read_mapping(fields["message"]),
        size=checked.count(fields["size"]),
        cut=checked.flag(fields.get("cut", False)),
        redacted=checked.flag(fields.get("redacted", False)),
    )


def _read_raised(fields: dict[str, Any]) -> Raised:
    number, n, error = checked.count(fields["id"]), checked.count(fields["n"]), _read_failure(fields["error"])
    return Raised(number, n, checked.ms(fields["ms"]), checked.direction(fields["dir"]), error)


def _read_closed(fields: dict[str, Any]) -> Closed:
    error = _read_failure(fields["error"]) if fields["error"] is not None else None
    cancelled = checked.flag(fields.get("cancelled", False))
    return Closed(checked.count(fields["id"]), checked.ms(fields["ms"]), error=error, cancelled=cancelled)


def _read_failure(value: Any) -> Failure:
    fields = checked.mapping(value)
    place = fields.get("place")
    return Failure(
        checked.text(fields["type"]),
        checked.text(fields["message"]),
        checked.text(fields["traceback"]),
        stack=checked.text(fields.get("stack") or ""),
        place=checked.text(place) if place else None,
        more=checked.count(fields.get("more", 0)),
    )


_READ: dict[str, Callable[[dict[str, Any]], Record]] = {
    "open": _read_opened,
    "event": _read_event,
    "raise": _read_raised,
    "close": _read_closed,
}


def _read_mapping(values: Any) -> Any:
    if not isinstance(values, dict) or not _is_plain(values):
        return _read(values)
    return {key: _read_value(key, value) for key, value in values.items()}


def _read_value(key: str, value: Any) -> Any:
    if key == "headers" and isinstance(value, list):
        return [tuple(_read_bytes(pair, "latin-1")) if isinstance(pair, list) else _read(pair) for pair in value]
    if key in _LATIN:
        return _read_bytes(value, "latin-1")
    return _read_bytes(value, "utf-8") if key in _UTF8 else _read(value)


def _read_bytes(value: Any, encoding: str, depth: int = _DEEPEST) -> Any:
    """Return what stands where bytes belong."""
    if isinstance(value, str):
        return value.encode(encoding)
    if not isinstance(value, list):
        return _read(value, depth)
    if depth == 0:
        raise ValueError("it is nested too deeply")
    return [_read_bytes(item, encoding, depth - 1) for item in value]


def _read(value: Any, depth: int = _DEEPEST) -> Any:
    if not isinstance(value, (list, dict)):
        return value
    if depth == 0:
        raise ValueError("it is nested too deeply")
    if isinstance(value, list):
        return [_read(item, depth - 1) for item in value]
    if len(value) == 1:
        ((tag, content),) = value.items()
        if tag in _TAGS:
            return _TAGS[tag](content, depth - 1)
    return {key: _read(item, depth - 1) for key, item in value.items()}


_TAGS: dict[str, Callable[[Any, int], Any]] = {
    "$str": lambda text, _: checked.text(text),
    "$float": lambda text, _: float(checked.text(text)),
    "$b64": lambda text, _: base64.b64decode(checked.text(text), validate=True),
    "$bytearray": lambda text, _: bytearray(base64.b64decode(checked.text(text), validate=True)),
    "$redacted": lambda told, _: _redacted(told),
    "$object": lambda name, _: Opaque(checked.text(name)),
    "$items": lambda items, depth: {_hashable(_read(key, depth)): _read(item, depth) for key, item in items},
}


def _redacted(told: Any) -> Redacted:
    """Return the place of a secret: its size, in a list with its digest where it has one."""
    if not isinstance(told, list):
        return Redacted(checked.count(told))
    size, digest = told
    return Redacted(checked.count(size), checked.text(digest))


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

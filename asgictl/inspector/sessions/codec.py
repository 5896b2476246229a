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

from asgictl.inspector.record import Closed, Event, Failure, Opaque, Opened, Raised, Record, Redacted

SCHEMA = "asgictl.inspect/1"

_LATIN = frozenset(("headers", "raw_path", "query_string", "links"))
_UTF8 = frozenset(("body", "bytes"))


def dumps(record: Record) -> str:
    """Return a record as one line, newline included."""
    return json.dumps(_FIELDS[type(record)](record), separators=(",", ":"), allow_nan=False) + "\n"


def loads(line: str | bytes) -> Record | None:
    """Return the record in a line, None for a kind that a later version may know.

    Raises `ValueError`, which says what is wrong with it.
    """
    try:
        fields = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON (column {error.colno})") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(fields, dict):
        raise ValueError("it is not an object")  # noqa: TRY004  # of the line, as the others
    try:
        kind = fields["k"]
        return _READ[kind](fields) if kind in _READ else None
    except KeyError as error:
        raise ValueError(f"it has no `{error.args[0]}` that is known") from error
    except (TypeError, AttributeError, OverflowError, RecursionError, binascii.Error) as error:
        raise ValueError(f"it cannot be read: {error}") from error


def _opened(record: Opened) -> dict[str, Any]:
    at = datetime.fromtimestamp(record.at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    again = {"replay_of": record.replay_of} if record.replay_of is not None else {}
    return {"k": "open", "id": record.id, "t": at, **again, "scope": mapping(record.scope)}


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
    at = datetime.fromisoformat(fields["t"]).timestamp()
    return Opened(_int(fields["id"]), at, scope, replay_of=fields.get("replay_of"))


def _read_event(fields: dict[str, Any]) -> Event:
    return Event(
        _int(fields["id"]),
        _int(fields["n"]),
        float(fields["ms"]),
        _direction(fields["dir"]),
        _read_mapping(fields["message"]),
        size=_int(fields["size"]),
        cut=bool(fields.get("cut")),
        redacted=bool(fields.get("redacted")),
    )


def _read_raised(fields: dict[str, Any]) -> Raised:
    error = _read_failure(fields["error"])
    return Raised(_int(fields["id"]), _int(fields["n"]), float(fields["ms"]), _direction(fields["dir"]), error)


def _read_closed(fields: dict[str, Any]) -> Closed:
    error = _read_failure(fields["error"]) if fields["error"] else None
    return Closed(_int(fields["id"]), float(fields["ms"]), error=error, cancelled=bool(fields.get("cancelled")))


def _read_failure(fields: dict[str, Any]) -> Failure:
    stack, place = fields.get("stack"), fields.get("place")
    return Failure(
        str(fields["type"]),
        str(fields["message"]),
        str(fields["traceback"]),
        stack=str(stack) if stack else "",
        place=str(place) if place else None,
        more=_int(fields.get("more", 0)),
    )


_READ: dict[str, Callable[[dict[str, Any]], Record]] = {
    "open": _read_opened,
    "event": _read_event,
    "raise": _read_raised,
    "close": _read_closed,
}


def _int(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} is not a number")
    return value


def _direction(value: Any) -> Any:
    if value not in ("receive", "send"):
        raise ValueError(f"its `dir` is {value!r}")
    return value


def _read_mapping(values: Any) -> Any:
    if not isinstance(values, dict) or not _is_plain(values):
        return _read(values)
    return {key: _read_value(key, value) for key, value in values.items()}


def _read_value(key: str, value: Any) -> Any:
    if key == "headers" and isinstance(value, list):
        return [tuple(_read_text(pair, "latin-1")) if isinstance(pair, list) else _read(pair) for pair in value]
    if key in _LATIN:
        return _read_text(value, "latin-1")
    return _read_text(value, "utf-8") if key in _UTF8 else _read(value)


def _read_text(value: Any, encoding: str) -> Any:
    """Return what stands where bytes belong."""
    if isinstance(value, str):
        return value.encode(encoding)
    return [_read_text(item, encoding) for item in value] if isinstance(value, list) else _read(value)


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, content),) = value.items()
        if tag in _TAGS:
            return _TAGS[tag](content)
    return {key: _read(item) for key, item in value.items()}


_TAGS: dict[str, Callable[[Any], Any]] = {
    "$str": str,
    "$float": float,
    "$b64": base64.b64decode,
    "$bytearray": lambda text: bytearray(base64.b64decode(text)),
    "$redacted": lambda told: Redacted(_int(told[0]), str(told[1])) if isinstance(told, list) else Redacted(_int(told)),
    "$object": lambda name: Opaque(str(name)),
    "$items": lambda items: {_hashable(_read(key)): _read(item) for key, item in items},
}


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

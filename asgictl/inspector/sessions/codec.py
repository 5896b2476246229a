"""Records as lines of JSON, schema `asgictl.inspect/1`, and back.

One line is one object. `k` is the kind of record, the other keys are the fields of `asgictl.inspector.record`, with
`dir` for the direction and `t` for the time. Bytes are text where they always are bytes: headers, `raw_path`,
`query_string` and `links` as Latin-1, `body` and `bytes` as UTF-8. Whatever JSON has no value for, and text where bytes
belong, is an object with one key that begins with `$`.
"""

import binascii
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from asgictl.inspector.record import (
    BLAMES,
    FACTS,
    SEVERITIES,
    Closed,
    Continued,
    Earlier,
    Event,
    Failure,
    Finding,
    Observed,
    Opened,
    Raised,
    Record,
)
from asgictl.inspector.sessions import checked, json_values

SCHEMA = "asgictl.inspect/1"

# `json.dumps` makes a new one each time.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


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
    return {"k": "open", "id": record.id, "t": at, **more, "scope": json_values.mapping(record.scope)}


def _event(record: Event) -> dict[str, Any]:
    marks = {name: True for name in ("cut", "redacted") if getattr(record, name)}
    return {
        "k": "event",
        "id": record.id,
        "n": record.n,
        "ms": round(record.ms, 3),
        "dir": record.direction,
        "message": json_values.mapping(record.message)
        if isinstance(record.message, dict)
        else json_values.plain(record.message),
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


def _observed(record: Observed) -> dict[str, Any]:
    detail = {"detail": json_values.plain(record.detail)} if record.detail is not None else {}
    return {"k": "fact", "id": record.id, "n": record.n, "ms": round(record.ms, 3), "what": record.what, **detail}


def _found(record: Finding) -> dict[str, Any]:
    return {
        "k": "finding",
        "id": record.id,
        "n": record.n,
        "ms": round(record.ms, 3),
        "rule": record.rule,
        "severity": record.severity,
        "blame": record.blame,
        "text": record.text,
        **({"place": record.place} if record.place else {}),
    }


def _failure(error: Failure) -> dict[str, Any]:
    more = {"stack": error.stack or None, "place": error.place, "more": error.more or None}
    more["left"] = error.is_told_of_leaving or None
    known = {key: value for key, value in more.items() if value is not None}
    return {"type": error.type, "message": error.message, "traceback": error.traceback, **known}


_FIELDS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Opened: _opened,
    Continued: _opened,
    Event: _event,
    Raised: _raised,
    Closed: _closed,
    Observed: _observed,
    Finding: _found,
}


def _read_opened(fields: dict[str, Any]) -> Opened:
    scope = json_values.read_mapping(fields["scope"])
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
        json_values.read_mapping(fields["message"]),
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


def _read_observed(fields: dict[str, Any]) -> Observed:
    number, n, what = checked.count(fields["id"]), checked.count(fields["n"]), checked.one_of(fields["what"], FACTS)
    return Observed(number, n, checked.ms(fields["ms"]), what, json_values.read(fields.get("detail")))


def _read_found(fields: dict[str, Any]) -> Finding:
    place = fields.get("place")
    return Finding(
        checked.count(fields["id"]),
        checked.count(fields["n"]),
        checked.ms(fields["ms"]),
        checked.text(fields["rule"]),
        checked.one_of(fields["severity"], SEVERITIES),
        checked.one_of(fields["blame"], BLAMES),
        checked.text(fields["text"]),
        place=checked.text(place) if place else None,
    )


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
        is_told_of_leaving=checked.flag(fields.get("left", False)),
    )


_READ: dict[str, Callable[[dict[str, Any]], Record]] = {
    "open": _read_opened,
    "event": _read_event,
    "raise": _read_raised,
    "close": _read_closed,
    "fact": _read_observed,
    "finding": _read_found,
}

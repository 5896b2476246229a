"""The fields in a line of a saved session, which may be somebody else's, and their values: `ValueError` for others."""

import json
import reprlib
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

# The largest number that is read, of anything that is counted, and the longest time in milliseconds.
_MOST = 2**63 - 1
_LONGEST = 1e15

# The years that `datetime` can show in any time zone, from the epoch on.
_YEARS = range(1970, 9999)


def _not_json(name: str) -> Any:
    raise LookupError(name)


_DECODER = json.JSONDecoder(parse_constant=_not_json)


def fields(line: str | bytes) -> dict[str, Any]:
    """Return the object in a line."""
    try:
        found = _DECODER.decode(line if isinstance(line, str) else line.decode())
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON (column {error.colno})") from error
    except LookupError as error:
        raise ValueError(f"it is not JSON (`{error}`)") from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:  # of `int`, which takes so many digits (sys.set_int_max_str_digits)
        raise ValueError("it has a number that is too long") from error
    if not isinstance(found, dict):
        raise ValueError("it is not an object")  # noqa: TRY004  # of the line, as the others
    return found


def count(value: Any) -> int:
    """Return a number of things, or of one of them."""
    if type(value) is not int:
        raise ValueError(f"{reprlib.repr(value)} is not a number")
    if not 0 <= value <= _MOST:
        raise ValueError(f"{reprlib.repr(value)} is out of range")
    return value


def ms(value: Any) -> float:
    """Return a time in milliseconds since another."""
    if type(value) not in (int, float):
        raise ValueError(f"{reprlib.repr(value)} is not a number")
    if not 0 <= value <= _LONGEST:
        raise ValueError(f"{reprlib.repr(value)} is out of range")
    return float(value)


def time(value: Any) -> float:
    """Return a time in seconds since the epoch; one without a zone is in UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{reprlib.repr(value)} is not a time") from error
    if moment.year not in _YEARS or (at := _seconds(moment)) < 0:
        raise ValueError(f"{reprlib.repr(value)} is out of range")
    return at


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def flag(value: Any) -> bool:
    """Return what is true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{reprlib.repr(value)} is neither true nor false")  # noqa: TRY004  # as the others
    return value


def text(value: Any) -> str:
    """Return text."""
    if not isinstance(value, str):
        raise ValueError(f"{reprlib.repr(value)} is not text")  # noqa: TRY004  # as the others
    return value


def mapping(value: Any) -> dict[str, Any]:
    """Return an object."""
    if not isinstance(value, dict):
        raise ValueError(f"{reprlib.repr(value)} is not an object")  # noqa: TRY004  # as the others
    return value


def one_of(value: Any, known: Collection[str]) -> Any:
    """Return a word that is known."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{reprlib.repr(value)} is none of {', '.join(known)}")
    return value


def direction(value: Any) -> Any:
    """Return the direction of a message."""
    if value not in ("receive", "send"):
        raise ValueError(f"its `dir` is {reprlib.repr(value)}")
    return value

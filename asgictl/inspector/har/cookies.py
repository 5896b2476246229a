"""Cookies for HAR, split as servers and browsers split them: at each `;`, and at the first `=`."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from asgictl.inspector.headers import Headers

_DIGITS = 18


def asked(headers: Headers) -> list[dict[str, Any]]:
    """Return the cookies of a request; one without a `=` has no name, as in browsers (RFC 6265bis section 5.6)."""
    parts = [part.strip() for value in _values(headers, b"cookie") for part in value.split(";")]
    return [{"name": name, "value": value} for part in parts if part for name, value in (_pair(part),)]


def given(headers: Headers, at: float) -> list[dict[str, Any]]:
    """Return the cookies of an answer that was given `at` that time; what HAR has no key for is in their comments."""
    return [_cookie(value, at) for value in _values(headers, b"set-cookie") if value.strip()]


def _values(headers: Headers, name: bytes) -> list[str]:
    """Return the values that are kept of the headers called `name`."""
    return [value.decode("latin-1") for key, value in headers if key.lower() == name and isinstance(value, bytes)]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    return (name.strip(), value.strip()) if equals else ("", text.strip())


def _cookie(text: str, at: float) -> dict[str, Any]:
    first, *attributes = text.split(";")
    name, value = _pair(first)
    cookie: dict[str, Any] = {"name": name, "value": value, "httpOnly": False, "secure": False}
    others: list[str] = []
    age: str | None = None
    for attribute in filter(None, map(str.strip, attributes)):
        key, _, content = (part.strip() for part in attribute.partition("="))
        match key.lower():
            case "path" | "domain":
                cookie[key.lower()] = content
            case "httponly":
                cookie["httpOnly"] = True
            case "secure":
                cookie["secure"] = True
            case "samesite":
                cookie["sameSite"] = content
            case "expires" if (moment := _date(content)) is not None:
                cookie["expires"] = moment
            case "max-age" if (moment := _after(content, at)) is not None:
                age = moment
                others.append(attribute)
            case _:
                others.append(attribute)
    # It counts more than Expires (RFC 6265 section 4.1.2.2).
    return cookie | ({"expires": age} if age else {}) | ({"comment": "; ".join(others)} if others else {})


def _date(text: str) -> str | None:
    try:
        return _written(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):  # of text that is no date
        return None


def _after(seconds: str, at: float) -> str | None:
    digits = seconds.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
        return None
    try:
        return _written(datetime.fromtimestamp(at, UTC) + timedelta(seconds=int(seconds)))
    except (ValueError, OverflowError, OSError):
        return None


def _written(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

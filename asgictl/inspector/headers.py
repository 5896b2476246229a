"""Headers as they are recorded: their names and values, in order."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from asgictl.inspector.record import Redacted
from asgictl.inspector.record.marks import is_hidden, told_of

Headers = Sequence[tuple[bytes, bytes | Redacted]]


def value_of(headers: Headers, name: str) -> str | None:
    """Return the first header called `name`, in any case, or None; a secret reads as such."""
    wanted = name.lower().encode("latin-1")
    found = (value for key, value in headers if key.lower() == wanted)
    value = next(found, None)
    return None if value is None else as_text(value)


def joined(headers: Headers, name: str) -> str:
    """Return all lines of the list that is called `name` as one (RFC 9110 section 5.3); nothing without any."""
    wanted = name.lower().encode("latin-1")
    return ", ".join(as_text(value) for key, value in headers if key.lower() == wanted)


def as_text(value: Any) -> str:
    """Return bytes as text, a letter for each of them, and anything else as it reads."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def is_lost(value: bytes | Redacted) -> bool:
    """Tell whether a header's value is a secret, or holds one, and so cannot be sent again."""
    return isinstance(value, Redacted) or is_hidden(value)


def lost(headers: Headers, target: str) -> dict[str, str]:
    """Return what cannot be sent again: headers by name, `?` and parameters of the query, `;` and those in the path.

    The values are what is known of each, its size and its digest, like `33 B 9f2c4`, or nothing.
    """
    path, _, query = target.partition("?")
    places: list[tuple[str, bytes | Redacted]] = [
        *((name.decode("latin-1").lower(), value) for name, value in headers),
        *((f";{part.partition('=')[0]}", part.encode()) for part in re.split("[;/]", path)),
        *((f"?{part.partition('=')[0]}", part.encode()) for part in query.split("&")),
    ]
    return {name: told_of(value) for name, value in places if is_lost(value)}


def pairs(headers: Any) -> Iterator[tuple[bytes, bytes | Redacted]]:
    """Yield the names and values of those headers that can be read."""
    for pair in headers if isinstance(headers, (list, tuple)) else ():
        if isinstance(pair, (list, tuple)) and len(pair) == 2:  # noqa: PLR2004  # a pair
            name, value = (item.encode("latin-1", "replace") if isinstance(item, str) else item for item in pair)
            if isinstance(name, bytes) and isinstance(value, (bytes, Redacted)):
                yield name, value


def is_event_stream(headers: Any) -> bool:
    """Tell whether headers announce Server-Sent Events."""
    for pair in headers if headers.__class__ is list else ():
        if pair.__class__ is tuple and pair[0].__class__ is bytes and pair[0].lower() == b"content-type":
            return pair[1].__class__ is bytes and pair[1].lower().startswith(b"text/event-stream")
    return False

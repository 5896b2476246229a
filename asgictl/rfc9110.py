"""What HTTP says of headers, methods and statuses (RFC 9110, sections 5.1, 5.5, 5.6.2 and 15)."""

import re
from http import HTTPStatus

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = r"[\t\x20-\x7e\x80-\xff]"
_HEADER = re.compile(rf"({_NAME}):[ \t]*({_VALUE}*)")
_CHARACTER = re.compile(_VALUE)

# The reason phrase of each status.
REASONS = {status.value: status.phrase for status in HTTPStatus}


def is_token(text: str) -> bool:
    """Tell whether a text can be a header's name, or a method."""
    return re.fullmatch(_NAME, text) is not None


def refusal(text: str, form: str) -> tuple[str, str]:
    """Return what a text that is not a header is instead, and what to do: to write it in this `form`, or without."""
    wrong = next((char for char in text if not _CHARACTER.fullmatch(char)), None)
    if wrong is None:
        return "is not a header", form
    shown = wrong if wrong.isprintable() else ascii(wrong)[1:-1]
    return f"has the character `{shown}`, which a header cannot hold", "use printable characters of Latin-1"


def header(text: str) -> tuple[str, str] | None:
    """Return the name and the value, which may be empty, in `Name: value`; None for what is not a header."""
    match = _HEADER.fullmatch(text)
    return (match[1], match[2].rstrip(" \t")) if match else None

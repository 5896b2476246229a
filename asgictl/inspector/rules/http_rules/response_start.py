"""What begins an answer: `http.response.start`, by itself.

https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event
"""

from collections.abc import Iterable
from typing import Any

from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Field, fields
from asgictl.inspector.rules.rule import Broken, Rule

STATUS = Rule(
    "A-141",
    "error",
    "app",
    "The status is an integer.",
    links.RESPONSE_START,
    "send the status as a number: `int(status)`",
)
FINAL = Rule(
    "A-142",
    "warning",
    "app",
    "The status of an answer is between 200 and 599.",
    links.rfc(9110, "15"),
    "send a status that HTTP knows; 1xx is not a final answer",
)
TRAILERS = Rule(
    "A-152",
    "error",
    "app",
    "The key `trailers` is a boolean, and may be left out.",
    links.RESPONSE_START,
    "send True where trailers follow, or leave the key out",
)

_FIELDS = (
    Field("status", STATUS, lambda value: type(value) is int, "an integer", required=True),
    Field("trailers", TRAILERS, lambda value: type(value) is bool, "a boolean"),
)

_FIRST, _LAST = 200, 599


def of_start(message: dict[str, Any]) -> Iterable[Broken]:
    """Return what is wrong with the beginning of an answer, but for its headers."""
    status = message.get("status")
    if status.__class__ is int and _FIRST <= status <= _LAST and "trailers" not in message:
        return ()
    return [*fields(message, _FIELDS), *of_number(status)]


def of_number(status: Any) -> list[Broken]:
    """Return what is wrong with a status that is an integer."""
    if type(status) is not int or _FIRST <= status <= _LAST:
        return []
    number = status if status.bit_length() <= 64 else "out of any range"  # noqa: PLR2004  # has few digits
    return [FINAL(f"the status is {number}")]

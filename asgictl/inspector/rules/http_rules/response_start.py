"""What begins an answer: `http.response.start`, by itself.

https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event
"""

from collections.abc import Iterator
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

_FIELDS = (Field("status", STATUS, lambda value: type(value) is int, "an integer", required=True),)

_FIRST, _LAST = 200, 599


def of_start(message: dict[str, Any]) -> Iterator[Broken]:
    """Yield what is wrong with the beginning of an answer."""
    yield from fields(message, _FIELDS)
    status = message.get("status")
    if type(status) is int and not _FIRST <= status <= _LAST:
        yield FINAL(f"the status is {status}")

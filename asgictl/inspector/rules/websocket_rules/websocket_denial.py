"""What answers a handshake with HTTP instead: `websocket.http.response.start` and `.body`, by themselves.

https://asgi.readthedocs.io/en/latest/extensions.html#websocket-denial-response
"""

from collections.abc import Iterator
from typing import Any

from asgictl.inspector.record import Redacted
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Field, fields
from asgictl.inspector.rules.header_checks import is_http2, of_headers, readable
from asgictl.inspector.rules.http_rules import response_semantics, response_start
from asgictl.inspector.rules.http_rules.response_headers import shaped_by
from asgictl.inspector.rules.rule import Broken, Rule

START = Rule(
    "A-363",
    "error",
    "app",
    "The start of a denial is like that of an answer: an integer as status, pairs of bytes as headers.",
    links.DENIAL,
    "send it as `http.response.start`, with `websocket.` before the type",
)
BODY = Rule(
    "A-364",
    "error",
    "app",
    "The body of a denial is bytes, with a boolean as `more_body`; it follows the start, and ends once.",
    links.DENIAL,
    "send the start, then each part of the body with `more_body`, and the last one without",
)

_START = (Field("status", START, lambda value: type(value) is int, "an integer", required=True),)
_BODY = (
    Field("body", BODY, lambda value: isinstance(value, (bytes, bytearray, Redacted)), "bytes"),
    Field("more_body", BODY, lambda value: isinstance(value, bool), "a boolean"),
)
HEADER_RULES = shaped_by(START)


def of_denial(message: dict[str, Any], scope: dict[str, Any]) -> Iterator[Broken]:
    """Yield what is wrong with the start of a denial, which is an answer; the connection has this `scope`."""
    yield from fields(message, _START)
    status, headers = message.get("status"), message.get("headers", ())
    yield from response_start.of_number(status)
    yield from of_headers(headers, HEADER_RULES)
    if type(status) is int:
        names = [name.lower() for name, _ in readable(headers)]
        yield from response_semantics.of_each(status, names, is_http2=is_http2(scope))


def of_denial_body(message: dict[str, Any]) -> Iterator[Broken]:
    """Yield what is wrong with a part of the body of a denial."""
    yield from fields(message, _BODY)
    if isinstance(message.get("body"), bytearray):
        yield BODY("`body` is a bytearray, which not all servers take", severity="warning")

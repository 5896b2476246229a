"""What closes a WebSocket: `websocket.close`, by itself.

https://asgi.readthedocs.io/en/latest/specs/www.html#close-send-event
"""

from collections.abc import Iterator
from typing import Any

from asgictl.inspector.record.marks import HIDDEN
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Field, fields, shown
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.websocket_rules.websocket_accept import of_version

VALUES = Rule(
    "A-345",
    "error",
    "app",
    "The code of a close is an integer, and its reason is text, or None.",
    links.WEBSOCKET_CLOSE,
    'send them as `"code": 1000, "reason": "done"`',
)
CODE = Rule(
    "A-346",
    "warning",
    "app",
    "The code of a close is one that may be sent: 1000 to 1003, 1007 to 1014, or 3000 to 4999.",
    links.rfc(6455, "7.4"),
    "send 1000, or a code of your own from 4000 on",
)
REASON = Rule(
    "A-347",
    "warning",
    "app",
    "The reason of a close has at most 123 bytes in UTF-8: a control frame holds 125, with the code.",
    links.rfc(6455, "5.5"),
    "shorten the reason",
)
LOST = Rule(
    "A-349",
    "info",
    "app",
    "A close before the accept is an answer with status 403: its code and its reason do not reach the client.",
    links.WEBSOCKET_CLOSE,
    "accept first where the client needs the code, or leave it out",
)

_USUAL = 1000
_FIELDS = (
    Field("code", VALUES, lambda value: type(value) is int, "an integer"),
    Field("reason", VALUES, lambda value: value is None or isinstance(value, str), "text or None"),
)
_LONGEST = 123


def of_close(message: dict[str, Any], scope: dict[str, Any], *, is_open: bool, is_refusal: bool) -> Iterator[Broken]:
    """Yield what is wrong with how a connection is closed that has this `scope`.

    `is_open` tells that the code goes to the client, `is_refusal` that the connection was not accepted.
    """
    yield from fields(message, _FIELDS)
    code, reason = message.get("code", _USUAL), message.get("reason")
    if is_refusal and (code != _USUAL or reason):
        given = f"the code {shown(code)}" if code != _USUAL else "the reason"
        yield LOST(f"{given} is sent before the accept")
    if is_open:
        if type(code) is int and not _may_be_sent(code):
            yield CODE(f"the code is {code}")
        if (size := _size(reason)) > _LONGEST:
            yield REASON(f"the reason has {size} bytes")
    if isinstance(reason, str) and reason and not is_refusal:
        yield from of_version(scope, "2.3", "`reason` in `websocket.close`")


def _may_be_sent(code: int) -> bool:
    """Tell whether a code may go into a close frame (RFC 6455 section 7.4, and IANA's registry for 1012 to 1014)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999  # noqa: PLR2004  # as the RFC has them


def _size(reason: Any) -> int:
    """Return the size of a reason, nothing where what stands for a secret changes it."""
    if not isinstance(reason, str) or HIDDEN.decode() in reason:
        return 0
    return len(reason.encode("utf-8", "surrogatepass"))

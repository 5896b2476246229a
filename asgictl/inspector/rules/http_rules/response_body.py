"""The content of an answer: its messages by themselves, and how much of it there is.

https://asgi.readthedocs.io/en/latest/specs/www.html#response-body-send-event
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from asgictl.inspector.record import Redacted
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Field, fields
from asgictl.inspector.rules.rule import Broken, Rule

BODY = Rule(
    "A-157",
    "error",
    "app",
    "The body is a byte string, and may be left out.",
    links.RESPONSE_BODY,
    "encode text, `text.encode()`, and convert what is only like bytes: `bytes(body)`",
)
MORE_BODY = Rule(
    "A-158",
    "error",
    "app",
    "The key `more_body` is a boolean, and may be left out.",
    links.RESPONSE_BODY,
    "send True where more of the body follows, and False, or nothing, with the last part",
)
LENGTH = Rule(
    "A-162",
    "warning",
    "app",
    "An answer has as many bytes as its `Content-Length` says.",
    links.rfc(9110, "8.6"),
    "count the bytes of what is sent, not the characters, and after all that changes it",
)
HEAD = Rule(
    "A-165",
    "info",
    "app",
    "The answer to HEAD has no content; a server leaves it out.",
    links.rfc(9110, "9.3.2"),
    "send the headers alone for HEAD",
)
NO_CONTENT = Rule(
    "A-166",
    "warning",
    "app",
    "Answers with the status 1xx, 204 or 304 have no content.",
    links.rfc(9110, "6.4.1"),
    "send an empty body, or another status",
)
CONTENT_TYPE = Rule(
    "A-168",
    "info",
    "app",
    "An answer with content says of which type it is.",
    links.rfc(9110, "8.3"),
    "send a `content-type`",
)

_LIKE_BYTES = (bytearray, memoryview)
_FIELDS = (
    Field("body", BODY, lambda value: isinstance(value, (bytes, Redacted, *_LIKE_BYTES)), "bytes"),
    Field("more_body", MORE_BODY, lambda value: type(value) is bool, "a boolean"),
)
_EMPTY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


def of_body(message: dict[str, Any]) -> Iterable[Broken]:
    """Return what is wrong with a part of the body, in itself."""
    body = message.get("body", b"")
    if body.__class__ is bytes and message.get("more_body", False).__class__ is bool:
        return ()
    found = list(fields(message, _FIELDS))
    return [*found, of_like_bytes(type(body).__name__)] if isinstance(body, _LIKE_BYTES) else found


def of_like_bytes(kind: str) -> Broken:
    """Return that the body is only like bytes."""
    return BODY(f"`body` is a {kind}, and not bytes", severity="warning")


def of_content(method: Any, status: Any, *, has_type: bool) -> list[Broken]:
    """Return what is wrong with an answer that has content, of at least one byte."""
    if status in _EMPTY or (isinstance(status, int) and 100 <= status < 200):  # noqa: PLR2004  # 1xx
        return [NO_CONTENT(f"the answer has the status {status}, and content")]
    if status == HTTPStatus.RESET_CONTENT:
        return [NO_CONTENT("the answer has the status 205, and content", severity="info")]
    if method == "HEAD":
        return [HEAD("the answer to HEAD has content")]
    return [] if has_type else [CONTENT_TYPE("the answer has content, and no `content-type`")]


def is_counted(method: Any, status: Any) -> bool:
    """Tell whether an answer has to have the content that its `Content-Length` says (RFC 9110 section 8.6)."""
    return method != "HEAD" and status not in _EMPTY

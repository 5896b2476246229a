"""What messages of extensions hold: a push, a file, early hints, trailers, debug information, each by itself.

https://asgi.readthedocs.io/en/latest/extensions.html
"""

from typing import Any

from asgictl.inspector.record import Redacted
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Field, fields
from asgictl.inspector.rules.header_checks import of_headers
from asgictl.inspector.rules.http_rules.response_headers import shaped_by
from asgictl.inspector.rules.rule import Broken, Rule

PUSH = Rule(
    "A-202",
    "error",
    "app",
    "A push has a path, which is text, and headers: pairs of bytes, names in lower case, no pseudo headers.",
    links.PUSH,
    'send `"path": "/style.css", "headers": []`',
)
DESCRIPTOR = Rule(
    "A-204",
    "error",
    "app",
    "What is zero-copied is an open file of the operating system, with a `fileno()`.",
    links.ZERO_COPY,
    'open the file with `open(path, "rb")`; send what is in memory as a body',
)
ZERO_COPY = Rule(
    "A-205",
    "error",
    "app",
    "A zero-copy has integers as `offset` and `count`, a boolean as `more_body`, and its place among the body's parts.",
    links.ZERO_COPY,
    "send it after the start, and before the last part of the body",
)
PATH = Rule(
    "A-207",
    "error",
    "app",
    "A file is sent by its absolute path, as text.",
    links.PATH_SEND,
    "send `str(path.resolve())`",
)
LINKS = Rule(
    "A-210",
    "error",
    "app",
    "An early hint has `links`, each of them bytes.",
    links.EARLY_HINTS,
    'send `"links": [b"</style.css>; rel=preload; as=style"]`',
)
TRAILERS = Rule(
    "A-214",
    "error",
    "app",
    "Trailers have headers: pairs of bytes, names in lower case, no pseudo headers.",
    links.TRAILERS,
    "send the headers as pairs of bytes: `[(b'x-name', b'value')]`",
)
LAST_TRAILERS = Rule(
    "A-215",
    "error",
    "app",
    "Trailers have a boolean as `more_trailers`, and no others follow those without it.",
    links.TRAILERS,
    "send `more_trailers` with all trailers but the last ones",
)
DEBUG = Rule(
    "A-218",
    "error",
    "app",
    "Debug information is a dictionary with text as keys, sent once, before the start.",
    links.DEBUG,
    'send `"info": {...}` before `http.response.start`',
)


def _is_integer(value: Any) -> bool:
    return type(value) is int


def _is_links(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(link, bytes) for link in value)


def _is_info(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, Redacted))


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


# The fields of each message; headers have rules of their own.
_FIELDS: dict[str, tuple[Field, ...]] = {
    "http.response.push": (Field("path", PUSH, _is_text, "text", required=True),),
    "http.response.zerocopysend": (
        Field("file", DESCRIPTOR, lambda _: True, "an open file", required=True),
        Field("offset", ZERO_COPY, _is_integer, "an integer"),
        Field("count", ZERO_COPY, _is_integer, "an integer"),
        Field("more_body", ZERO_COPY, _is_boolean, "a boolean"),
    ),
    "http.response.pathsend": (Field("path", PATH, _is_text, "text", required=True),),
    "http.response.early_hint": (Field("links", LINKS, _is_links, "a list of bytes", required=True),),
    "http.response.trailers": (Field("more_trailers", LAST_TRAILERS, _is_boolean, "a boolean"),),
    "http.response.debug": (Field("info", DEBUG, _is_info, "a dictionary with text as keys", required=True),),
}
HEADERS = {"http.response.push": shaped_by(PUSH), "http.response.trailers": shaped_by(TRAILERS)}


def of_extension(message: dict[str, Any]) -> list[Broken]:
    """Return what is wrong with a message of an extension."""
    kind = message["type"]
    found = list(fields(message, _FIELDS[kind]))
    if (rules := HEADERS.get(kind)) is not None:
        if "headers" in message:
            found += of_headers(message["headers"], rules)
        else:
            found.append(rules["pairs"](f"`headers` is missing from `{kind}`"))
    return found

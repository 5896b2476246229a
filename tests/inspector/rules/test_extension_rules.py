"""What the rules say of the messages of extensions, beside those of HTTP."""

from typing import Any

import pytest

from asgictl.inspector.record import Redacted
from asgictl.inspector.rules.example import GET
from tests.inspector.rules.told import RETURNED, broken, fact

NAMES = ("push", "zerocopysend", "pathsend", "early_hint", "trailers", "debug")
SCOPE: dict[str, Any] = {
    **GET,
    "headers": [(b"host", b"localhost"), (b"te", b"trailers")],
    "extensions": {f"http.response.{name}": {} for name in NAMES},
}
START: dict[str, Any] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"6"), (b"trailer", b"x-digest")],
}
PLAIN: dict[str, Any] = {**START, "headers": [(b"content-type", b"text/plain")]}
PROMISE = {**START, "trailers": True}
BODY: dict[str, Any] = {"type": "http.response.body", "body": b"report"}
PUSH = {"type": "http.response.push", "path": "/style.css", "headers": []}
PATH = {"type": "http.response.pathsend", "path": "/srv/report"}
COPY: dict[str, Any] = {"type": "http.response.zerocopysend", "file": None, "offset": 0}
HINT: dict[str, Any] = {"type": "http.response.early_hint", "links": [b"</a>"]}
TRAILERS: dict[str, Any] = {"type": "http.response.trailers", "headers": [(b"x-digest", b"1")]}
DEBUG: dict[str, Any] = {"type": "http.response.debug", "info": {"template": "a.html"}}
THERE = fact("file", {"absolute": True, "size": 6})
OPEN = fact("file", {"descriptor": True, "size": 6})


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ((DEBUG, HINT, PROMISE, PUSH, BODY, TRAILERS), []),
        ((START, PATH, THERE), []),
        ((START, COPY, OPEN), []),
        ((PROMISE, PATH, THERE, TRAILERS), []),
        ((PROMISE, BODY, {**TRAILERS, "more_trailers": True}, TRAILERS), []),
        ((PROMISE, BODY, {**TRAILERS, "more_trailers": True}), [("A-216", "error")]),
        ((PROMISE, BODY, TRAILERS, TRAILERS), [("A-215", "error")]),
        ((START, PATH, THERE, PATH, THERE), [("A-208", "error")]),
        ((START, PATH, THERE, BODY), [("A-208", "error")]),
        ((START, PATH, THERE, COPY, OPEN), [("A-208", "error")]),
        ((PLAIN, COPY, OPEN, COPY, OPEN), [("A-205", "error")]),
        ((PUSH, START, BODY, PUSH), [("A-203", "error")] * 2),
        ((DEBUG, DEBUG, START, BODY), [("A-218", "error")]),
        ((START, HINT, BODY), [("A-211", "info")]),
        ((START, BODY, HINT), [("A-160", "error")]),
        (({**HINT, "links": "</a>"}, START, BODY), [("A-210", "error")]),
        (({**HINT, "links": [Redacted(4)]}, START, BODY), [("A-210", "error")]),
        ((START, COPY, fact("file", {"descriptor": False})), [("A-204", "error")]),
        ((START, COPY, OPEN, fact("open file", "BufferedReader")), [("A-206", "warning")]),
        ((START, PATH, fact("file", {"absolute": False, "size": None})), [("A-207", "error")]),
        ((START, PATH, fact("file", {"absolute": True, "size": 7})), [("A-209", "warning")]),
        ((START, PATH, fact("file", {"absolute": True, "size": None})), [("A-209", "warning")]),
    ],
)
def test_what_follows_what(steps: tuple[Any, ...], found: list[tuple[str, str]]) -> None:
    """Each message at the wrong place, or with a wrong file, is told of once, and the others are not."""
    assert broken(SCOPE, {"type": "http.request"}, *steps, RETURNED) == found


def test_a_server_without_the_extension() -> None:
    """An extension that the server does not have is told of once in an answer."""
    steps = ({"type": "http.request"}, START, PUSH, PUSH, BODY, RETURNED)

    assert broken({**SCOPE, "extensions": {}}, *steps) == [("A-201", "error")]


def test_headers_of_extensions() -> None:
    """What is wrong with trailers is told of by their rule, also where the value is a secret."""
    split = fact("secret", {"header": "set-cookie", "faults": ["break"]})
    odd = {**TRAILERS, "headers": [(b"x-digest", b"1\r\n"), (b"X-Digest", b"1")]}

    assert broken(SCOPE, PROMISE, BODY, odd, split) == [
        ("A-214", "error"),
        ("A-214", "info"),
        ("A-214", "error"),
    ]

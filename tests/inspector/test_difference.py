"""What counts as a difference, and what does not."""

import gzip
from typing import Any

import pytest

from asgictl.inspector.difference import Difference, of_answers, of_requests
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Opened, Redacted
from tests.inspector.recordings import SCOPE


def answered(
    body: bytes = b"",
    media_type: bytes = b"text/plain",
    *headers: tuple[bytes, Any],
    scope: Any = None,
    status: int = 200,
) -> Exchange:
    """Return an exchange with this answer."""
    exchange = Exchange(Opened(1, 0.0, {**SCOPE, **(scope or {})}))
    start = {"type": "http.response.start", "status": status, "headers": [(b"content-type", media_type), *headers]}
    exchange.add(Event(1, 1, 1.0, "send", start))
    exchange.add(Event(1, 2, 1.0, "send", {"type": "http.response.body", "body": body}, len(body)))
    exchange.add(Closed(1, 2.0))
    return exchange


TEXTS = {
    "a line": (b"a\nb\n", b"a\nc\n", [("b", None), (None, "c")]),
    "dashes": (b"-- sql\nx\n", b"x\n", [("-- sql", None)]),
    "pluses": (b"x\n", b"x\n++ more\n", [(None, "++ more")]),
    "ends of lines": (b"a\r\nb", b"a\nb", [("4 B", "3 B")]),
    "the last end": (b"a\n", b"a", [("2 B", "1 B")]),
    "far down": (b"x\n" * 6000 + b"a", b"x\n" * 6000 + b"b", [("12001 B", "12001 B")]),
    "binary": (b"\xff\x00", b"\xff\x01", [("2 B", "2 B")]),
    "the same": (b"a", b"a", []),
}


@pytest.mark.parametrize(("one", "other", "found"), TEXTS.values(), ids=list(TEXTS))
def test_bodies(one: bytes, other: bytes, found: list[tuple[str | None, str | None]]) -> None:
    """Two bodies that differ are told apart, line by line where they are text."""
    differences = [Difference("response body", *pair) for pair in found]

    assert list(of_answers(answered(one), answered(other))) == differences


def test_json_by_value() -> None:
    """JSON is compared by what it means: not its blanks, not the order of its keys, but true is not 1."""
    one = answered(b'{"a": 1, "b": [1, {"c": null}], "d": true}', b"application/json")
    same = answered(b'{"d":true,"b":[1,{"c":null}],"a":1}', b"application/json")
    other = answered(b'{"a": true, "b": [1, {"c": 2}, 3]}', b"application/json")

    assert list(of_answers(one, same)) == []
    assert [tuple(difference) for difference in of_answers(one, other)] == [
        ("response body .a", "1", "true"),
        ("response body .b[1] .c", "null", "2"),
        ("response body .b[2]", None, "3"),
        ("response body .d", "true", None),
    ]


def test_packed_bodies() -> None:
    """Packed bodies are compared by what is in them."""
    packed = [
        answered(gzip.compress(b"x", mtime=time), b"text/plain", (b"content-encoding", b"gzip")) for time in (1, 2)
    ]

    assert list(of_answers(packed[0], packed[1])) == []


def test_headers() -> None:
    """Headers are compared without their order, repeated ones by their number, `date` and secrets not at all."""
    one = answered(b"", b"x", (b"a", b"1"), (b"b", b"1"), (b"b", b"2"), (b"date", b"now"), (b"set-cookie", Redacted(5)))
    other = answered(
        b"", b"x", (b"B", b"2"), (b"b", b"2"), (b"A", b"1"), (b"date", b"later"), (b"set-cookie", Redacted(7))
    )

    assert [tuple(found) for found in of_answers(one, other)] == [("response header b", "1", "2")]


def test_what_servers_add() -> None:
    """Headers that only a server adds do not count where that is said; those that were there before do."""
    added = frozenset((b"server",))

    assert list(of_answers(answered(), answered(b"", b"text/plain", (b"server", b"x")), added)) == []
    assert len(list(of_answers(answered(b"", b"text/plain", (b"server", b"y")), answered(), added))) == 1
    assert list(of_answers(answered(b"body", scope={"method": "HEAD"}), answered())) == []


def test_requests() -> None:
    """Scopes are compared key by key, but for what is another one each time."""
    other = answered(scope={"client": ["::1", 1], "path": "/other", "new": 1, "state": {"a": 1}})

    assert [tuple(found) for found in of_requests(answered(), other)] == [
        ("scope path", "/orders", "/other"),
        ("scope new", None, "1"),
    ]


def test_statuses_and_errors() -> None:
    """The status comes first."""
    assert [found.where for found in of_answers(answered(), answered(status=500))] == ["status"]

"""What counts as a difference, and what does not."""

import gzip
from dataclasses import replace
from typing import Any

import pytest

from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Failure, Opened, Redacted
from asgictl.inspector.sessions.difference import Difference, of_answers, of_requests
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
    exchange.add(Event(1, 2, 1.0, "send", {"type": "http.response.body", "body": body}, size=len(body)))
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
    fleeting = {"client": ["::1", 1], "server": ["127.0.0.1", 8001], "state": {"a": 1}}
    other = answered(scope={**fleeting, "path": "/other", "new": 1})

    assert list(of_requests(answered(), answered(scope=fleeting))) == []
    assert [tuple(found) for found in of_requests(answered(), other)] == [
        ("scope path", "/orders", "/other"),
        ("scope new", None, "1"),
    ]
    assert [tuple(found) for found in of_requests(other, answered())] == [
        ("scope path", "/other", "/orders"),
        ("scope new", "1", None),
    ]


def test_kinds_of_values() -> None:
    """In a scope a tuple is a list, and bytes are shown as text; another value at any depth is a difference."""
    one = answered(scope={"odd": {"a": (1, [2])}, "raw_path": b"/a\xfc", "headers": ()})
    same = answered(scope={"odd": {"a": [1, (2,)]}, "raw_path": b"/a\xfc"})
    other = answered(scope={"odd": {"a": (1, [3])}, "raw_path": b"/b"})

    assert not [found for found in of_requests(one, same) if found.where.startswith("scope")]
    assert [tuple(found) for found in of_requests(same, other)] == [
        ("scope raw_path", "/aü", "/b"),
        ("scope odd", "{'a': [1, (2,)]}", "{'a': (1, [3])}"),
    ]


def test_what_was_asked() -> None:
    """Headers and bodies of the requests are compared as those of the answers are."""

    def asked(body: bytes, *headers: tuple[bytes, Any]) -> Exchange:
        exchange = Exchange(Opened(1, 0.0, {**SCOPE, "headers": [(b"content-type", b"application/json"), *headers]}))
        exchange.add(Event(1, 1, 1.0, "receive", {"type": "http.request", "body": body}, size=len(body)))
        return exchange

    one = asked(b'{"a": 1}', (b"x-a", b"1"), (b"authorization", Redacted(3)), (b"date", b"now"))
    other = asked(b'{"a": 2}', (b"X-A", b"1"), (b"X-A", b"2"), (b"x-b", b""), (b"x-c", b"\xfc"))

    assert [tuple(found) for found in of_requests(one, other)] == [
        ("request header x-a", None, "2"),
        ("request header authorization", "‹redacted›", None),
        ("request header x-c", None, "ü"),
        ("request body .a", "1", "2"),
    ]


def test_statuses_and_errors() -> None:
    """The status comes first, then the error, then the answer itself."""
    failed = answered(b"b", status=500)
    failed.add(Closed(1, 2.0, error=Failure("ValueError", "boom", "")))

    assert [tuple(found) for found in of_answers(answered(b"a"), failed)] == [
        ("status", "200", "500"),
        ("error", None, "ValueError: boom"),
        ("response body", "a", None),
        ("response body", None, "b"),
    ]
    assert [tuple(found) for found in of_answers(failed, answered(b"b"))] == [
        ("status", "500", "200"),
        ("error", "ValueError: boom", None),
    ]
    assert [found.where for found in of_answers(failed, answered(b"b"), frozenset((b"server",)))] == ["status"]


def test_an_app_that_raises() -> None:
    """What a server makes of an app that has raised is its own, and no difference; without a server it is one."""
    raised = Exchange(Opened(1, 0.0, SCOPE))
    raised.add(Closed(1, 2.0, error=Failure("ValueError", "boom", "")))
    served = answered(b"Internal Server Error", b"text/plain; charset=utf-8", status=500)
    refused = Exchange(Opened(1, 0.0, {**SCOPE, "type": "websocket"}))
    refused.add(Closed(1, 2.0, error=Failure("ValueError", "boom", "")))

    assert list(of_answers(raised, served, frozenset((b"server",)))) == []
    assert [found.where for found in of_answers(raised, served)] == [
        "error",
        "response header content-type",
        "response body",
    ]
    assert [found.where for found in of_answers(refused, served, frozenset((b"server",)))] == [
        "response header content-type",
        "response body",
    ]


def talked(*messages: tuple[Any, str, dict[str, Any]]) -> Exchange:
    """Return a WebSocket with these messages."""
    exchange = Exchange(Opened(1, 0.0, {**SCOPE, "type": "websocket"}))
    for n, (direction, kind, fields) in enumerate(messages, start=1):
        exchange.add(Event(1, n, 1.0 * n, direction, {"type": f"websocket.{kind}", **fields}))
    return exchange


ACCEPT: tuple[Any, str, dict[str, Any]] = ("send", "accept", {})
CLOSES: dict[str, tuple[list[Any], list[Any], list[tuple[str, str | None, str | None]]]] = {
    "another code": (
        [ACCEPT, ("send", "close", {"code": 1001})],
        [ACCEPT, ("send", "close", {"code": 4000})],
        [("close code", "1001", "4000")],
    ),
    "no code is 1000": ([ACCEPT, ("send", "close", {})], [ACCEPT, ("send", "close", {"code": 1000})], []),
    "the client's code": (
        [ACCEPT, ("receive", "disconnect", {"code": 1001})],
        [ACCEPT, ("receive", "disconnect", {"code": 1000})],
        [],
    ),
    "closed by the client or the app": (
        [ACCEPT, ("receive", "disconnect", {"code": 1000})],
        [ACCEPT, ("send", "close", {"code": 1000})],
        [("close code", None, "1000")],
    ),
    "refused or closed": (
        [("send", "close", {"code": 1000})],
        [ACCEPT, ("send", "close", {"code": 1000})],
        [("status", "403", "101"), ("close code", None, "1000")],
    ),
    "refused with other codes": ([("send", "close", {"code": 1000})], [("send", "close", {"code": 4000})], []),
}


@pytest.mark.parametrize(("one", "other", "found"), CLOSES.values(), ids=list(CLOSES))
def test_close_codes(one: list[Any], other: list[Any], found: list[tuple[str, str | None, str | None]]) -> None:
    """The code with which the app closes an accepted WebSocket is compared; the client's is no answer."""
    assert [tuple(difference) for difference in of_answers(talked(*one), talked(*other))] == found


def test_frames() -> None:
    """The messages of WebSockets are compared one by one, each side with its own, text with bytes."""
    one = talked(
        ("receive", "receive", {"text": "a"}), ("send", "send", {"text": "b"}), ("receive", "receive", {"text": "c"})
    )
    other = talked(
        ("receive", "receive", {"bytes": b"a\xff"}), ("send", "send", {"text": "B"}), ("send", "send", {"text": ""})
    )

    assert [tuple(found) for found in of_requests(one, other)] == [
        ("received frame 1", "a", "bytes 61 ff"),
        ("received frame 2", "c", None),
    ]
    assert [tuple(found) for found in of_answers(one, other)] == [
        ("sent frame 1", "b", "B"),
        ("sent frame 2", None, ""),
    ]
    assert [*of_requests(one, one), *of_answers(one, one)] == []


@pytest.mark.parametrize(
    ("media_type", "is_json"),
    [
        (b"application/json", True),
        (b"Application/JSON ; charset=utf-8", True),
        (b"application/problem+json", True),
        (b"text/json", True),
        (b"application/jsonl", False),
        (b"json", False),
        (b"text/plain; x=/json", False),
    ],
)
def test_what_is_json(media_type: bytes, is_json: bool) -> None:
    """Bodies are compared as JSON where their type says so, and both are."""
    one, other = answered(b'{"a":1}', media_type), answered(b'{"a": 1}', media_type)
    broken = answered(b"{", media_type)

    assert (list(of_answers(one, other)) == []) is is_json
    assert [tuple(found) for found in of_answers(one, broken)] == [
        ("response body", '{"a":1}', None),
        ("response body", None, "{"),
    ]


def test_json_that_is_too_deep() -> None:
    """JSON that is nested too deeply is compared as text."""
    deep = b"[" * 100_000
    found = list(of_answers(answered(deep, b"application/json"), answered(b"[", b"application/json")))

    assert [tuple(one) for one in found] == [("response body", deep.decode(), None), ("response body", None, "[")]


def test_bodies_that_are_not_kept() -> None:
    """Bodies of which the same is kept, and that have other sizes, are told apart by these."""
    one, other = answered(b"abc"), answered(b"abc")
    one.events[1], other.events[1] = (
        replace(one.events[1], size=10, cut=True),
        replace(other.events[1], size=20, cut=True),
    )

    assert [tuple(found) for found in of_answers(one, other)] == [
        ("response body, as far as it is kept the same", "10 B", "20 B")
    ]


def test_requests_that_are_not_kept() -> None:
    """Requests of whose bodies the same is kept are told apart by how much was sent."""
    one, other = answered(scope={"method": "POST"}), answered(scope={"method": "POST"})
    for exchange, size in ((one, 10), (other, 20)):
        message = {"type": "http.request", "body": b"abc"}
        exchange.events.insert(0, Event(1, 0, 0.5, "receive", message, size=size, cut=True))

    assert [tuple(found) for found in of_requests(one, other)] == [
        ("request body, as far as it is kept the same", "10 B", "20 B")
    ]


def test_packed_or_not() -> None:
    """A body that is packed and one that is not are the same if that is in them; or else their sizes are unpacked."""
    packed = answered(gzip.compress(b"\xff" * 50), b"x", (b"content-encoding", b"gzip"))

    assert [found.where for found in of_answers(packed, answered(b"\xff" * 50, b"x"))] == [
        "response header content-encoding"
    ]
    assert list(of_answers(packed, answered(b"\xfe" * 7, b"x")))[-1] == Difference("response body", "50 B", "7 B")


def test_lines_that_are_far_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many lines of a text are compared; what is behind them is only told by the sizes."""
    monkeypatch.setattr("asgictl.inspector.sessions.difference._LINES", 3)

    assert [tuple(found) for found in of_answers(answered(b"1\n2\n3\n4"), answered(b"1\n2\nc\n4"))] == [
        ("response body", "3", None),
        ("response body", None, "c"),
    ]
    assert [tuple(found) for found in of_answers(answered(b"1\n2\n3\n4"), answered(b"1\n2\n3\nd"))] == [
        ("response body", "7 B", "7 B")
    ]


def test_what_is_known_of_a_server() -> None:
    """Of the headers that servers add those count that the first answer has as well, in any case."""
    added = frozenset((b"server", b"x-added"))
    one = answered(b"", b"text/plain", (b"Server", b"a"))
    other = answered(b"", b"text/plain", (b"server", b"b"), (b"X-Added", b"c"), (b"x-new", b"d"))

    assert [tuple(found) for found in of_answers(one, other, added)] == [
        ("response header server", "a", "b"),
        ("response header x-new", None, "d"),
    ]

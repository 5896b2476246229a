"""How much is kept of what passes, and that the rest is counted."""

from typing import Any

import pytest

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.assembly import assembled
from asgictl.inspector.record import Event, Opaque
from tests.inspector.record.test_recorder import exchange_of
from tests.inspector.recordings import SCOPE, recorded

CHUNKS: list[tuple[list[Any], list[tuple[int, Any, bool]]]] = [
    ([b"12345", b""], [(5, b"12345", False), (0, b"", False)]),
    ([b"123", b"45", b"6"], [(3, b"123", False), (2, b"45", False), (1, b"", True)]),
    ([b"123456"], [(6, b"12345", True)]),
    ([bytearray(b"123456")], [(6, bytearray(b"12345"), True)]),
    ([memoryview(b"12345")], [(5, b"12345", False)]),
    ([memoryview(b"123456").cast("H")], [(6, b"12345", True)]),
    (["12345"], [(5, "12345", False)]),
    (["123456"], [(6, "12345", True)]),
    (["1234ü"], [(6, "1234", True)]),
    (["\ud800x"], [(4, "\ud800x", False)]),
    ([None, 7], [(0, None, False), (0, 7, False)]),
]


@pytest.mark.parametrize(("chunks", "kept"), CHUNKS, ids=lambda it: "" if "memory" in repr(it) else repr(it))
@pytest.mark.parametrize("direction", ["send", "receive"])
def test_the_limit_of_a_body(direction: str, chunks: list[Any], kept: list[tuple[int, Any, bool]]) -> None:
    """Of a body 5 bytes are kept where that is the limit, its sizes are whole, and what is missing is said."""
    messages = [{"type": "http.x", "body": chunk, "more_body": True, "more": 1} for chunk in chunks]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await (send(message) if direction == "send" else receive())

    events = [one for one in recorded(app, SCOPE, messages, body_limit=5) if isinstance(one, Event)]

    assert [(event.size, event.message["body"], event.cut) for event in events] == kept
    assert [event.direction for event in events] == [direction] * len(kept)


def test_each_side_has_its_own_limit() -> None:
    """What a request has used of the limit is not taken from its answer."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(2):
            await receive()
            await send({"type": "http.response.body", "body": b"abcd"})

    messages = [{"type": "http.request", "body": b"1234"}] * 2
    events = [one for one in recorded(app, SCOPE, messages, body_limit=5) if isinstance(one, Event)]

    assert [(event.content, event.cut) for event in events] == [
        (b"1234", False),
        (b"abcd", False),
        (b"1", True),
        (b"a", True),
    ]


def test_the_usual_limit() -> None:
    """Without a limit of the caller's, 1 MiB of a body is kept."""
    chunk = {"type": "http.response.body", "body": bytes(1024 * 1024 + 1)}
    (event,) = exchange_of(chunk).events

    assert (len(event.content), event.size, event.cut) == (1024 * 1024, 1024 * 1024 + 1, True)


@pytest.mark.parametrize(
    ("headers", "streams"),
    [
        ([(b"content-type", b"text/event-stream")], True),
        ([(b"x", b"y"), (b"CONTENT-TYPE", b"text/event-stream; charset=utf-8")], True),
        ([(b"content-type", b"text/html"), (b"content-type", b"text/event-stream")], False),
        ([(b"x-kind", b"text/event-stream")], False),
        ([(b"content-type", "text/event-stream")], False),
        ([(b"content-type", b"application/text/event-stream")], False),
    ],
    ids=str,
)
def test_what_is_an_event_stream(headers: list[Any], streams: bool) -> None:
    """Only a stream of events, by its first content type, has a limit for each message of its own."""
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    chunk = {"type": "http.response.body", "body": b"12345", "more_body": True}

    assert [event.cut for event in exchange_of(start, chunk, chunk, body_limit=5).events] == [False, False, not streams]


def test_limits_of_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what an exception says the beginning is kept, and of its stack the end."""
    monkeypatch.setattr("asgictl.inspector.record._LONGEST", 10)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("0123456789abc")

    (exchange,) = assembled(recorded(app, SCOPE)).values()

    assert exchange.error is not None
    assert (exchange.error.message, exchange.error.traceback) == ("0123456789", "456789abc\n")


@pytest.mark.parametrize(("depth", "seen"), [(5, True), (6, True), (7, False)])
def test_how_deep_is_looked(depth: int, seen: bool) -> None:
    """Values in values are copied so deep, below that there is only what they are."""
    value: Any = [object()]
    for _ in range(depth - 1):
        value = [value]
    found: Any = exchange_of({"type": "x", "odd": value}).events[0].get("odd")
    for _ in range(depth - 1):
        found = found[0]

    assert found == ([Opaque("object")] if seen else Opaque("list"))


def test_how_far_is_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many values the first are copied."""
    monkeypatch.setattr("asgictl.inspector.record.snapshot._ITEMS", 3)
    many = {
        "list": list(range(5)),
        "few": [1, 2, 3],
        "dict": {n: [n] for n in range(5)},
        "atoms": {n: n for n in range(5)},
    }
    event = exchange_of({"type": "x", **many}).events[0]

    assert {key: event.get(key) for key in many} == {
        "list": [0, 1, 2],
        "few": [1, 2, 3],
        "dict": {0: [0], 1: [1], 2: [2]},
        "atoms": {0: 0, 1: 1, 2: 2},
    }

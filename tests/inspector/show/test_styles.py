"""What is shown in which style: a line's pieces, and which of them gives way."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from asgictl.inspector.record import Closed, Event, Failure, Opened, Raised, Record
from asgictl.inspector.show import View
from asgictl.inspector.show.full import FullView
from asgictl.inspector.show.json_lines import JsonView
from asgictl.inspector.show.line import LineView
from tests.inspector.recordings import CHAT, FAILING, REQUEST, SCOPE, gzipped
from tests.inspector.show.test_views import Clock, shown, texts

DIM, GREEN, CYAN = "dim", "green", "cyan"


def styled(view: View, *records: Record) -> list[list[tuple[Any, ...]]]:
    """Return the pieces of each line, with its style, and whether it gives way."""
    lines = [*(line for record in records for line in view.feed(record)), *view.finish()]
    return [[tuple(span) if span.flexible else tuple(span[:2]) for span in line] for line in lines]


PLACE = [("  127.0.0.1:51234", DIM), ("  HTTP/1.1", DIM)]


def test_a_request() -> None:
    """The path gives way on a narrow terminal; what was received and what was sent have colours of their own."""
    assert styled(LineView(), *REQUEST) == [
        [("#7 ", DIM), ("POST ", "bold"), ("/orders?x=1", "bold", True), ("  200 OK", GREEN), ("  8.4 ms", ""), *PLACE],
        [("     0.0 ", ""), ("◂ ", CYAN), ("http.request       ", CYAN), ("  21 B", ""),
         ('  {"sku": "A1", "n": 2}', DIM)],
        [
            *[("     7.9 ", ""), ("▸ ", GREEN), ("http.response.start", GREEN)],
            ("  200 OK, content-type: application/json, content-length: 8", ""),
        ],
        [("     8.4 ", ""), ("▸ ", GREEN), ("http.response.body ", GREEN), ("  8 B", ""), ('  {"ok":1}', DIM)],
    ]  # fmt: skip


def test_a_websocket_and_an_error() -> None:
    """A WebSocket tells what its client offers; what an app raises is red."""
    opened, *others = CHAT
    assert isinstance(opened, Opened)
    opened = replace(opened, scope={**opened.scope, "subprotocols": ["chat", "x"]})
    head = styled(LineView(), opened, *others)[0]
    error = styled(LineView(), *FAILING)

    assert head == [
        *[("#8 ", DIM), ("WS ", "bold"), ("/chat?x=1", "bold", True), ("  closed 1001", ""), ("  99.0 ms", "")],
        *[("  offers chat, x", DIM), *PLACE],
    ]
    assert error == [
        [("#9 ", DIM), ("GET ", "bold"), ("/boom", "bold", True), ("  500 Internal Server Error", "red"),
         ("  1.0 ms", ""), *PLACE],
        [("     1.0 ", ""), ("✗ ValueError: boom", "red", True)],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "style"), [(101, ""), (204, "green"), (302, "cyan"), (404, "yellow"), (500, "red"), (600, "")]
)
def test_statuses(status: int, style: str) -> None:
    """Each hundred of statuses has a colour."""
    start = Event(1, 1, 0.0, "send", {"type": "http.response.start", "status": status})
    (line, _) = styled(LineView(), Opened(1, 0.0, {"type": "http", "method": "GET", "path": "/"}), start)

    assert line[3][1] == style


@pytest.mark.parametrize(("code", "style"), [(1000, ""), (1001, ""), (1002, "yellow"), (4000, "yellow")])
def test_close_codes(code: int, style: str) -> None:
    """A WebSocket that was not closed in the usual way stands out."""
    opened, _, accept, *_ = CHAT
    close = Event(8, 3, 1.0, "send", {"type": "websocket.close", "code": code})

    assert styled(LineView(), opened, accept, close)[0][3] == (f"  closed {code}", style)


ENDS: dict[str, tuple[Record, list[tuple[Any, ...]]]] = {
    "raised": (
        Raised(7, 1, 1.5, "receive", Failure("OSError", "gone", "")),
        [("     1.5 ", ""), ("✗ receive() raised OSError: gone", "red", True)],
    ),
    "cancelled": (Closed(7, 1.5, cancelled=True), [("     1.5 ", ""), ("✗", "yellow"), (" cancelled", "yellow")]),
}


@pytest.mark.parametrize(("record", "line"), ENDS.values(), ids=list(ENDS))
def test_ends(record: Record, line: list[tuple[Any, ...]]) -> None:
    """What goes wrong stands out by its colour, and by its sign."""
    assert styled(LineView(), REQUEST[0], record)[1] == line


STARTUP = Event(0, 1, 0.5, "receive", {"type": "lifespan.startup"})
COMPLETE = Event(0, 2, 1.0, "send", {"type": "lifespan.startup.complete"})
LIFESPAN = Opened(0, 0.0, {"type": "lifespan"})


def test_lifespans() -> None:
    """An app without a lifespan is no mistake; one that fails later is one; its start is shown at once."""
    failed = Closed(0, 2.0, error=Failure("ValueError", "boom", ""))
    view = LineView()

    assert styled(LineView(), LIFESPAN, STARTUP, failed)[2] == [
        ("     2.0 ", ""),
        ("■ not supported: ValueError: boom", DIM),
    ]
    assert [len(view.feed(record)) for record in (LIFESPAN, STARTUP, COMPLETE)] == [0, 0, 3]
    assert [[tuple(span[:2]) for span in line] for line in view.feed(failed)] == [
        [("     2.0 ", ""), ("✗ ValueError: boom", "red")],
        [("     2.0 ", ""), ("■", DIM), ("  2.0 ms", ""), (", 2 messages", DIM)],
    ]
    assert styled(LineView(), LIFESPAN)[0] == [("#0 ", DIM), ("lifespan", "bold")]


def test_one_message_or_more() -> None:
    """The end of what was shown live counts its messages, in the right number; what comes late is marked."""
    clock = Clock()
    clock.now = 100.0
    view = LineView(clock=clock)
    view.feed(REQUEST[0])
    view.feed(REQUEST[1])
    clock.now = 100.249
    assert view.tick() == []
    clock.now = 100.25
    assert len(view.tick()) == 2
    _, end = view.feed(Closed(7, 9.0, cancelled=True))
    (late,) = view.feed(REQUEST[1])

    assert [tuple(span[:2]) for span in end] == [("     9.0 ", ""), ("■", DIM), ("  9.0 ms", ""), (", 1 message", DIM)]
    assert [tuple(span[:2]) for span in late][:3] == [("#7 ", DIM), ("after its end ", "yellow"), ("     0.0 ", "")]
    assert view.feed(Raised(7, 1, 1.0, "send", Failure("E", "", ""))) == []


def test_what_goes_on() -> None:
    """Where another exchange came in between, a line has its number again, once."""
    clock = Clock()
    view = LineView(clock=clock)
    other = Opened(6, 0.0, {"type": "http", "method": "GET", "path": "/"})
    for record in (REQUEST[0], other):
        view.feed(record)
    clock.now = 1.0
    view.tick()
    lines = [line for record in (REQUEST[1], REQUEST[2], REQUEST[3]) for line in view.feed(record)]

    assert [tuple(span[:2]) for span in lines[0]] == [
        *[("#7 ", DIM), ("POST ", "bold"), ("/orders?x=1", "bold"), ("  goes on", DIM)]
    ]
    assert [line[0].text.strip() for line in lines[1:]] == ["0.0", "7.9", "8.4"]


def messages(count: int, *, begin: float = 0.0, kind: str = "websocket.send", **more: Any) -> list[Record]:
    """Return so many messages, a millisecond apart."""
    return [Event(8, n + 1, begin + n, "send", {"type": kind, "text": "x", **more}, size=1) for n in range(count)]


@pytest.mark.parametrize(
    ("records", "left_out"),
    [
        (messages(10), []),
        (
            [*messages(10), *messages(2, begin=10.0, kind="websocket.receive"), *messages(1, begin=12.0)],
            ["         … 2 more websocket.receive, 2 B", "         … 1 more websocket.send, 1 B"],
        ),
        (messages(12), ["         … 2 more websocket.send, 2 B"]),
        ([*messages(10), *messages(10, begin=1000.0)], []),
        ([*messages(10), *messages(1, begin=999.0)], ["         … 1 more websocket.send, 1 B"]),
        (messages(12, kind="http.response.body", more_body=False), []),
        (messages(12, kind="http.response.body", more_body=True), ["         … 2 more http.response.body, 2 B"]),
        (messages(12, kind="websocket.close"), []),
    ],
    ids=["10", "of two types", "12", "in the next second", "just before it", "last chunks", "chunks", "others"],
)
def test_many_messages(records: list[Record], left_out: list[str]) -> None:
    """Of many messages so many are shown in a second, the others are counted."""
    lines = shown(LineView(), [CHAT[0], *records, Closed(8, 1100.0)])

    assert [line for line in lines if "…" in line] == left_out
    kept = [line for line in lines[1:] if "■" not in line]
    assert len(kept) == len(records) - sum(int(line.split()[1]) - 1 for line in left_out)


def test_when_they_are_counted() -> None:
    """What was left out is told after a second, before the next message that is shown, and at the end."""
    clock = Clock()
    view = LineView(clock=clock)
    for record in [CHAT[0], *messages(12)]:
        view.feed(record)
    clock.now = 0.9
    assert [line for line in texts(view.tick()) if "…" in line] == []
    clock.now = 1.0
    assert texts(view.tick()) == ["         … 2 more websocket.send, 2 B"]
    for record in messages(3, begin=20.0):
        assert view.feed(record) == []
    assert texts(view.tick()) == []
    assert texts(view.feed(messages(1, begin=2000.0)[0])) == [
        "         … 3 more websocket.send, 3 B",
        "  2000.0 ▸ websocket.send       text 1 B  x",
    ]
    for record in messages(11, begin=2001.0):
        view.feed(record)
    assert texts(view.finish())[-1:] == ["         … 2 more websocket.send, 2 B"]


@pytest.mark.parametrize("answered", [True, False])
def test_how_long_it_waits(answered: bool) -> None:
    """That there is no answer is told after 3, 10, 30, 60 and 300 s, and then no more; not once there is one."""
    clock = Clock()
    view = LineView(clock=clock)
    view.feed(REQUEST[0])
    if answered:
        view.feed(REQUEST[2])
    found: dict[int, Any] = {}
    for second in range(1, 1000):
        clock.now = float(second)
        told = [line for line in view.tick() if "…" in line[-1].text]
        found |= {second: [tuple(span[:2]) for span in line] for line in told}  # noqa: B035  # at most one

    assert found == {
        second: [("         ", ""), (f"… no answer for {second} s", "yellow")]
        for second in ((3, 10, 30, 60, 300) if not answered else ())
    }


def test_the_whole_of_a_conversation() -> None:
    """`full` lays out each message, what was cut, and what else a scope may hold."""
    scope = {"type": "websocket", "path": "/", "odd": {"a": {}, "b": ("", b"x", [1])}, "headers": (), "k" * 40: None}
    records: list[Record] = [
        Opened(8, 0.0, scope, replay_of=3),
        Event(8, 1, 1.0, "send", {"type": "websocket.accept", "headers": [(b"x-a", b"\xfc")]}),
        Event(8, 2, 2.0, "receive", {"type": "websocket.receive", "text": '{"a": 1}'}, size=8),
        Event(8, 3, 3.0, "send", {"type": "websocket.send", "bytes": b"\x00"}, size=9, cut=True),
        Event(8, 4, 4.0, "send", {"type": "websocket.send", "text": ""}),
    ]
    moment = datetime.fromtimestamp(0).astimezone()

    assert shown(FullView(), records) == [
        "",
        f"#8 WS /  101 Switching Protocols  {moment:%Y-%m-%d %H:%M:%S}.000",
        "  replay of #3",
        f"  {'type':<30}  websocket",
        f"  {'path':<30}  /",
        "  odd",
        "    a  {}",
        "    b  ['', b'x', [1]]",
        f"  {'headers':<30}  []",
        f"  {'k' * 40}  None",
        "     1.0 ▸ websocket.accept",
        "         x-a  ü",
        "     2.0 ◂ websocket.receive    text 8 B",
        "         {",
        '           "a": 1',
        "         }",
        "     3.0 ▸ websocket.send       bytes 9 B, 1 B kept",
        "         binary",
        f"         0000  00{' ' * 23}.",
        "         … the rest is not kept",
        "     4.0 ▸ websocket.send       text 0 B",
    ]


def test_styles_in_full() -> None:
    """In `full` names are dim, and what they stand for is not."""
    scope = {"type": "websocket", "path": "/", "asgi": {"version": "3.0"}, "headers": [(b"a", b"b")]}
    accept = Event(8, 1, 1.0, "send", {"type": "websocket.accept", "headers": [(b"c", b"d")]})
    data = Event(8, 2, 2.0, "send", {"type": "websocket.send", "bytes": b"\xff"}, size=5, cut=True)
    lines = styled(FullView(), Opened(8, 0.0, scope, replay_of=3), accept, data)

    assert lines[1][:4] == [
        *[("#8 ", DIM), ("WS ", "bold"), ("/", "bold", True), ("  101 Switching Protocols", "")],
    ]
    assert lines[1][4][1] == DIM
    assert lines[2:] == [
        [("  replay of #3", DIM)],
        [("  type   ", DIM), ("  websocket", "")],
        [("  path   ", DIM), ("  /", "")],
        [("  asgi", DIM)],
        [("    version", DIM), ("  3.0", "")],
        [("  headers", DIM)],
        [("    a", DIM), ("  b", "")],
        [("     1.0 ", ""), ("▸ ", GREEN), ("websocket.accept", GREEN)],
        [("         c", DIM), ("  d", "")],
        [("     2.0 ", ""), ("▸ ", GREEN), ("websocket.send     ", GREEN), ("  bytes 5 B, 1 B kept", "")],
        [("         binary", DIM)],
        [(f"         0000  ff{' ' * 23}.", "")],
        [("         … the rest is not kept", DIM)],
    ]


def chunk(n: int, content: bytes, *, more: bool, cut: bool = False) -> Event:
    """Return a chunk of an answer."""
    message = {"type": "http.response.body", "body": content, "more_body": more}
    return Event(7, n, 1.0 * n, "send", message, size=len(content), cut=cut)


@pytest.mark.parametrize(
    ("media_type", "chunks", "lines"),
    [
        (b"text/plain", [chunk(3, b"a", more=True), chunk(4, b"b", more=False)],
         ["     3.0 ▸ http.response.body   1 B, more_body", "     4.0 ▸ http.response.body   1 B", "         ab"]),
        (b"text/event-stream", [chunk(3, b"data: a\n\n", more=True), chunk(4, b"", more=False)],
         ["     3.0 ▸ http.response.body   9 B, more_body", "         event", "           a",
          "     4.0 ▸ http.response.body   0 B"]),
        (b"text/plain", [chunk(3, b"a", more=True, cut=True), chunk(4, b"b", more=False)],
         ["     3.0 ▸ http.response.body   unknown size, 1 B kept, more_body", "     4.0 ▸ http.response.body   1 B",
          "         ab", "         … the rest is not kept"]),
        (b"text/plain", [chunk(3, b"a", more=True)],
         ["     3.0 ▸ http.response.body   1 B, more_body", "         a", "         … the end is missing"]),
        (b"text/plain", [chunk(3, b"", more=True)], ["     3.0 ▸ http.response.body   0 B, more_body"]),
        (b"image/png", [chunk(3, b"\xff", more=False)],
         ["     3.0 ▸ http.response.body   1 B", "         binary", f"         0000  ff{' ' * 23}."]),
    ],
    ids=["chunks", "events", "cut", "cut off", "nothing", "binary"],
)  # fmt: skip
def test_bodies_in_full(media_type: bytes, chunks: list[Event], lines: list[str]) -> None:
    """A body is laid out once it is complete, events at once, and what is missing is said."""
    opened = Opened(7, 0.0, {"type": "http", "method": "GET", "path": "/"})
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", media_type)]}
    view = FullView()
    found = shown(view, [opened, Event(7, 2, 2.0, "send", start), *chunks, Closed(7, 9.0)])

    assert found[7:] == lines
    assert view._bodies == {}


def test_packed_bodies_in_full() -> None:
    """A packed body is shown unpacked."""
    headers = [(b"content-type", b"text/plain"), (b"content-encoding", b"gzip")]
    start = Event(7, 2, 2.0, "send", {"type": "http.response.start", "status": 200, "headers": headers})
    packed = gzipped(b"zipped")

    assert shown(FullView(), [REQUEST[0], start, chunk(3, packed, more=False)])[-2:] == [
        "         text, gzip",
        "         zipped",
    ]


def test_a_request_in_full() -> None:
    """The body of a request is laid out by its own type, and a lifespan says why it has failed."""
    opened = Opened(7, 0.0, {**SCOPE, "headers": [(b"content-type", b"application/x-www-form-urlencoded")]})
    form = Event(7, 1, 0.0, "receive", {"type": "http.request", "body": b"a=1&b=2"}, size=7)
    failed = Event(0, 1, 1.0, "send", {"type": "lifespan.startup.failed", "message": "no\ndatabase"})

    assert shown(FullView(), [opened, form])[-3:] == ["         form", "         a  1", "         b  2"]
    assert shown(FullView(), [LIFESPAN, failed])[-3:] == [
        "     1.0 ▸ lifespan.startup.failed  message: no database",
        "         no",
        "         database",
    ]


def test_json() -> None:
    """The view for programs has a line for each record, at once, and no other."""
    view = JsonView()

    assert texts(view.feed(FAILING[1])) == [
        '{"k":"close","id":9,"ms":1.0,"error":{"type":"ValueError","message":"boom",'
        '"traceback":"Traceback ...\\nValueError: boom\\n"}}'
    ]
    assert (view.tick(), view.finish()) == ([], [])

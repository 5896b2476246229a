"""What the views show, line by line."""

import json
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import brotli
import pytest

from asgictl.console import Console
from asgictl.inspector import bodies
from asgictl.inspector.bodies import codings
from asgictl.inspector.record import Closed, Continued, Earlier, Event, Opened, Raised, Record, Redacted, failure
from asgictl.inspector.request import FilterRequest
from asgictl.inspector.show import View
from asgictl.inspector.show.filters import Filter, Filtered
from asgictl.inspector.show.full import FullView, _Body
from asgictl.inspector.show.line import LineView
from asgictl.spans import Line, Span
from tests.inspector import recordings
from tests.inspector.recordings import gzipped

PLAIN = Console(environ={"NO_COLOR": "1"})


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def texts(lines: Iterable[Line]) -> list[str]:
    """Return lines as they are printed."""
    return [PLAIN.rendered(line, None) for line in lines]


def shown(view: View, records: Iterable[Record]) -> list[str]:
    """Return all that a view shows of some records."""
    return texts([*(line for record in records for line in view.feed(record)), *view.finish()])


def test_a_request() -> None:
    """A block: the exchange with its outcome, and each message."""
    assert shown(LineView(), recordings.REQUEST) == [
        "#7 POST /orders?x=1  200 OK  8.4 ms  127.0.0.1:51234  HTTP/1.1",
        '     0.0 ◂ http.request         21 B  {"sku": "A1", "n": 2}',
        "     7.9 ▸ http.response.start  200 OK, content-type: application/json, content-length: 8",
        '     8.4 ▸ http.response.body   8 B  {"ok":1}',
    ]


def test_one_that_goes_on_in_a_new_file() -> None:
    """What is in an older file is counted, in its place."""
    first = recordings.REQUEST[0]
    assert isinstance(first, Opened)
    for earlier, said in (
        (Earlier(1, 21, 0, "s.1.jsonl"), "         … 1 earlier message, 21 B"),
        (Earlier(30, 0, 2100, "s.1.jsonl"), "         … 30 earlier messages, 2.1 kB"),
    ):
        again = Continued(7, first.at, first.scope, earlier=earlier)
        assert shown(LineView(), [again, recordings.REQUEST[3], Closed(7, 8.4)])[:2] == [
            "#7 POST /orders?x=1  8.4 ms  127.0.0.1:51234  HTTP/1.1",
            said,
        ]


def test_two_with_one_number() -> None:
    """An exchange without an end is not lost where another one begins with its number."""
    first, second = recordings.FAILING[0], recordings.REQUEST[0]
    assert isinstance(second, Opened)
    records = [first, replace(second, id=9), *(replace(record, id=9) for record in recordings.REQUEST[1:-1])]

    assert shown(LineView(), [*records, Closed(9, 8.4)])[:2] == [
        "#9 GET /boom  127.0.0.1:51234  HTTP/1.1",
        "#9 POST /orders?x=1  200 OK  8.4 ms  127.0.0.1:51234  HTTP/1.1",
    ]


def test_a_websocket_and_an_error() -> None:
    """A conversation with its close code; an app that has raised."""
    assert shown(LineView(), [*recordings.CHAT, *recordings.FAILING]) == [
        "#8 WS /chat?x=1  closed 1001  99.0 ms  127.0.0.1:51234  HTTP/1.1",
        "     0.1 ◂ websocket.connect",
        "     0.2 ▸ websocket.accept     subprotocol chat",
        "    20.0 ◂ websocket.receive    text 2 B  hi",
        "    20.5 ▸ websocket.send       bytes 2 B  00 ff",
        "    99.0 ◂ websocket.disconnect  1001, bye",
        "#9 GET /boom  500 Internal Server Error  1.0 ms  127.0.0.1:51234  HTTP/1.1",
        "     1.0 ✗ ValueError: boom",
    ]


def test_the_whole_scope() -> None:
    """`full` has every key of the scope, all headers, and bodies laid out."""
    lines = shown(FullView(), recordings.REQUEST)

    assert lines[0] == ""
    assert lines[1].startswith("#7 POST /orders?x=1  200 OK  8.4 ms  2023-11-1")
    assert lines[2:] == [
        "  type          http",
        "  asgi",
        "    version       3.0",
        "    spec_version  2.3",
        "  http_version  1.1",
        "  server        [127.0.0.1, 8000]",
        "  client        [127.0.0.1, 51234]",
        "  scheme        http",
        "  method        POST",
        "  root_path     ''",
        "  path          /orders",
        "  raw_path      b'/orders'",
        "  query_string  b'x=1'",
        "  headers",
        "    host          127.0.0.1:8000",
        "    content-type  application/json",
        "  state         {}",
        "     0.0 ◂ http.request         21 B",
        "         {",
        '           "sku": "A1",',
        '           "n": 2',
        "         }",
        "     7.9 ▸ http.response.start  200 OK",
        "         content-type    application/json",
        "         content-length  8",
        "     8.4 ▸ http.response.body   8 B",
        "         {",
        '           "ok": 1',
        "         }",
    ]


def test_live() -> None:
    """What lasts longer than a moment is shown while it lasts, with its number where others come in between."""
    clock = Clock()
    view = LineView(clock=clock)
    opened, request, start, *_ = recordings.REQUEST
    assert texts(view.feed(opened)) == []
    assert texts(view.feed(request)) == []
    clock.now = 0.3
    assert texts(view.tick()) == [
        "#7 POST /orders?x=1  127.0.0.1:51234  HTTP/1.1",
        '     0.0 ◂ http.request         21 B  {"sku": "A1", "n": 2}',
    ]
    assert shown_by(view, recordings.FAILING)[0].startswith("#9 GET /boom  500")
    assert texts(view.feed(start)) == [
        "#7 POST /orders?x=1  goes on",
        "     7.9 ▸ http.response.start  200 OK, content-type: application/json, content-length: 8",
    ]
    chunk = {"type": "http.response.body", "body": b"x" * 10, "more_body": True}
    lines = shown_by(view, [Event(7, 3 + number, 10.0 + number, "send", chunk, size=10) for number in range(30)])
    assert lines == [f"{10.0 + number:8.1f} ▸ http.response.body   10 B, more_body  xxxxxxxxxx" for number in range(8)]
    clock.now = 1.5
    assert texts(view.tick()) == ["         … 22 more http.response.body, 220 B"]
    assert shown_by(view, [Closed(7, 2000.0, cancelled=True)]) == [
        "  2000.0 ✗ cancelled",
        "  2000.0 ■  200 OK  2.0 s, 32 messages",
    ]
    assert texts(view.finish()) == []


def shown_by(view: View, records: Iterable[Record]) -> list[str]:
    """Return what a view shows of some records at once."""
    return texts(line for record in records for line in view.feed(record))


def test_waiting() -> None:
    """A request without an answer, and a startup that does not end, are pointed out while they last."""
    clock = Clock()
    view = LineView(clock=clock)
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
    view.feed(Opened(0, 0.0, scope))
    view.feed(Event(0, 1, 0.0, "receive", {"type": "lifespan.startup"}))
    view.feed(recordings.REQUEST[0])
    found = []
    for clock.now in (0.3, 2.9, 3.1, 9.0, 10.5):
        found.append([line for line in texts(view.tick()) if "…" in line])

    assert found == [
        [],
        [],
        ["         … no lifespan.startup.complete for 3 s", "         … no answer for 3 s"],
        [],
        ["         … no lifespan.startup.complete for 10 s", "         … no answer for 10 s"],
    ]
    view.feed(Event(0, 2, 99.0, "send", {"type": "lifespan.startup.complete"}))
    clock.now = 31.0
    assert [line for line in texts(view.tick()) if "lifespan" in line] == []


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_no_answer(kind: str) -> None:
    """An app that returns without an answer has the status that the server sends then, and it is said who sends it."""
    records: list[Record] = [Opened(1, 0.0, {"type": kind, "method": "GET", "path": "/x"}), Closed(1, 3.0)]
    wanted = Filter.of(FilterRequest(status=("5xx",)))
    let = Filtered(wanted)
    found = [one for record in records for one in let.feed(record)]

    assert shown(LineView(), records) == [
        f"#1 {'GET' if kind == 'http' else 'WS'} /x  500 Internal Server Error  3.0 ms",
        "     3.0 ✗ returned without an answer: the server sends 500 Internal Server Error",
    ]
    assert found == records


def test_odd_records() -> None:
    """What an app does wrongly is shown, too: no message, a send that fails, one that comes too late."""
    error = failure(OSError("gone"), lambda text: text)
    records: list[Record] = [
        Opened(1, 0.0, {"type": "http", "method": "GET", "path": "/ü"}),
        Event(1, 1, 1.0, "send", "nonsense"),
        Event(1, 2, 2.0, "send", {"type": "http.response.early_hint", "links": [b"</a>"]}),
        Raised(1, 2, 2.1, "send", error),
        Closed(1, 3.0),
        Event(1, 3, 4.0, "send", {"type": "http.response.body", "body": b"late"}, size=4),
    ]

    assert shown(LineView(), records) == [
        "#1 GET /%C3%BC  3.0 ms",
        "     1.0 ▸ ?                    not a message: nonsense",
        "     2.0 ▸ http.response.early_hint  links: [b'</a>']",
        "     2.1 ✗ send() raised OSError: gone",
        "#1 after its end      4.0 ▸ http.response.body   4 B  late",
    ]


def test_narrow_terminals() -> None:
    """No line is wider than the terminal, wide letters included; the URL gives way before the status."""
    opened, *others = recordings.REQUEST
    assert isinstance(opened, Opened)
    long = replace(opened, scope={**opened.scope, "raw_path": b"/" + b"x" * 300})
    view = LineView()
    lines = [line for record in [long, *others] for line in view.feed(record)]
    cut = [PLAIN.rendered(line, 50) for line in lines]

    assert max(map(len, cut)) == 50
    assert cut[0].startswith("#7 POST /xxxxxxxxxxxxxx")
    assert "…  200 OK  8.4 ms" in cut[0]
    assert PLAIN.rendered([Span("日本語日本語")], 7) == "日本語…"


COLORS = Console(environ={"FORCE_COLOR": "1"})


def test_colors_and_escapes() -> None:
    """Colours are ours alone: what comes from outside can neither colour nor move anything."""
    hostile = "\x1b[31m\u202ea\nb\x9b2J"

    assert COLORS.rendered([Span(hostile, "cyan")], None) == "\x1b[36m\\x1b[31m\\u202ea\\nb\\x9b2J\x1b[0m"


BODIES = {
    "JSON": (b'{"a": [1]}', "application/json", "", "JSON", ["{", '  "a": [', "    1", "  ]", "}"]),
    "JSON by its look": (b'{"a": 1}', "", "", "JSON", ["{", '  "a": 1', "}"]),
    "no JSON": (b"{a}", "application/json", "", "not JSON: Expecting property name enclosed in double quotes", ["{a}"]),
    "a problem": (b'"x"', "application/problem+json", "", "JSON", ['"x"']),
    "a form": (
        b"a=1&long=x+y%21&a=",
        "application/x-www-form-urlencoded",
        "",
        "form",
        ["a     1", "long  x y!", "a     "],
    ),
    "text": ("grüß\nGott".encode(), "text/plain", "", "text", ["grüß", "Gott"]),
    "half a letter": ("aü".encode()[:-1], "text/plain", "", "binary; not UTF-8", ["0000  61 c3" + " " * 20 + "a."]),
    "gzip": (gzipped(b"zipped"), "text/plain", "gzip", "text, gzip", ["zipped"]),
    "half a gzip": (
        gzipped(b"zipped" * 9)[:-9],
        "text/plain",
        "gzip",
        "text, gzip; the end is missing",
        ["zipped" * 9],
    ),
    "no gzip": (b"zipped", "text/plain", "gzip", "text; this is not gzip", ["zipped"]),
    "JSON with the header of gzip": (b"1", "application/json", "gzip", "JSON; this is not gzip", ["1"]),
    "Brotli": (brotli.compress(b'{"b": 1}'), "application/json", "br", "JSON, br", ["{", '  "b": 1', "}"]),
    "binary": (b"\x89PNG\r\n", "image/png", "", "binary", ["0000  89 50 4e 47 0d 0a" + " " * 8 + ".PNG.."]),
    "unknown": (b"abc", "text/plain", "dcz", "text; dcz is not unpacked", ["abc"]),
}


@pytest.mark.parametrize(("content", "media_type", "encoding", "kind", "lines"), BODIES.values(), ids=list(BODIES))
def test_bodies(content: bytes, media_type: str, encoding: str, kind: str, lines: list[str]) -> None:
    """Bodies are laid out by what they are, and never shown as what they are not."""
    found = bodies.shown(content, media_type, encoding)

    assert found.kind.partition(": line")[0] == kind
    assert found.lines == lines


def test_hex_in_a_narrow_terminal() -> None:
    """A row of hex has room in 60 columns: none is wrapped within a byte."""
    opened, request, start, body, closed = recordings.REQUEST
    assert isinstance(body, Event)
    binary = replace(body, message={"type": "http.response.body", "body": bytes(range(256))}, size=256)
    lines = shown(FullView(), [opened, request, start, binary, closed])

    rows = [line for line in lines if "  f8 f9" in line or "  00 01" in line]
    assert [line.split("  ")[-2][:8] for line in rows] == ["00 01 02", "f8 f9 fa"]
    assert max(map(len, rows)) <= 60


def test_big_bodies() -> None:
    """A small bomb, many lines, much binary: what is shown has limits."""
    bomb = gzipped(bytes(50_000_000))
    lines = bodies.shown(b"x\n" * 5000, "text/plain", "").lines
    deep = bodies.shown(b"[" * 100_000 + b"]" * 100_000, "application/json", "")

    tracemalloc.start()
    assert len("".join(bodies.shown(bomb, "application/octet-stream", "gzip").lines)) < 2000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
    assert len(codings.unpacked(bomb, "gzip").content) == 50_000_000
    assert (len(lines), lines[-1]) == (bodies.LINES + 1, "… more lines")
    assert deep.kind == "JSON; nested too deeply"
    assert bodies.preview("x" * 5000) == "x" * 200 + "…"
    assert bodies.preview(b"a\nb\n") == "a b"


def test_text_that_would_be_binary() -> None:
    """A message that is text is shown as text, whatever letters it has."""
    opened = Opened(1, 0.0, {"type": "websocket"})
    said = Event(1, 1, 1.0, "send", {"type": "websocket.send", "text": "a\x01b\nc"}, size=5)
    view = FullView()

    shown = ["".join(span.text for span in line) for record in (opened, said) for line in view.feed(record)]
    shown += ["".join(span.text for span in line) for line in view.finish()]

    assert shown[-2:] == ["         a\x01b", "         c"]


def filtered(records: Iterable[Record], **options: Any) -> list[int]:
    """Return the numbers of the exchanges that a filter lets through, each once for every record."""
    let = Filtered(Filter.of(FilterRequest(**options)))
    return [one.id for record in records for one in let.feed(record)]


def mixed() -> Iterator[Record]:
    """Yield three exchanges that run at the same time."""
    lists = [list(one) for one in (recordings.REQUEST, recordings.CHAT, recordings.FAILING)]
    while any(lists):
        for one in lists:
            if one:
                yield one.pop(0)


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({}, {7, 8, 9}),
        ({"type": ["websocket"]}, {8}),
        ({"method": ["post", "ws"]}, {7, 8}),
        ({"path": ["/o*", "/boom"]}, {7, 9}),
        ({"status": ["5xx"]}, {9}),
        ({"status": ["200-299,101"]}, {7, 8}),
        ({"status": ["404"]}, set()),
        ({"grep": "SKU"}, {7}),
        ({"grep": "^content-length: 8"}, {7}),
        ({"grep": "boom"}, {9}),
        ({"grep": "^hi$"}, {8}),
        ({"grep": "x=1", "status": ["200"]}, {7}),
    ],
    ids=str,
)
def test_filters(options: dict[str, list[str] | str], numbers: set[int]) -> None:
    """A filter lets exchanges through as a whole, in their order, once it is known that they match."""
    records = list(mixed())
    let = filtered(records, **options)

    assert set(let) == numbers
    assert len(let) == sum(record.id in numbers for record in records)


def test_a_pattern_that_is_spread_over_chunks() -> None:
    """A search finds what is split between two chunks, when the body is complete."""
    opened, request, start, _, closed = recordings.REQUEST
    chunks = [Event(7, 3 + n, 8.0, "send", {"type": "http.response.body", "body": part, "more_body": True}, size=3)
              for n, part in enumerate((b"nee", b"dle"))]  # fmt: skip

    assert set(filtered([opened, request, start, *chunks, closed], grep="needle")) == {7}


def test_held_back_without_end() -> None:
    """An exchange that is held back keeps its beginning and its latest records, not all of them."""
    opened, *_ = recordings.REQUEST
    chunk = {"type": "http.response.body", "body": b"x", "more_body": True}
    many = [Event(7, number + 1, 1.0, "send", chunk, size=1) for number in range(2000)]
    let = filtered([opened, *many, Closed(7, 2.0)], grep="nothing|x")

    assert len(let) == 2002
    assert len(filtered([opened, *many, Closed(7, 2.0, error=failure(ValueError("late"), str))], grep="late")) < 600
    assert filtered([opened, *many, Closed(7, 2.0)], status=("500",)) == []


def test_held_back_with_errors_in_between() -> None:
    """Exceptions of `send` between the messages do not confuse what is held back."""
    opened, *_ = recordings.CHAT
    error = failure(OSError("gone"), lambda text: text)
    many: list[Record] = []
    for number in range(1, 1500, 2):
        many += [
            Event(8, number, 1.0, "send", {"type": "websocket.send", "text": "x"}, size=1),
            Raised(8, number, 1.0, "send", error),
        ]

    assert filtered([opened, *many, Closed(8, 2.0)], status=("404",)) == []
    big = [Event(8, n, 1.0, "send", {"type": "websocket.send", "text": "x" * 10**6}, size=10**6) for n in range(1, 40)]
    assert len(filtered([opened, *big, Closed(8, 2.0, error=failure(ValueError("find me"), str))], grep="find me")) < 15


def test_late_events_of_what_is_not_shown() -> None:
    """An app that goes on after its end is shown only if its exchange is."""
    late = Event(7, 9, 9.0, "send", {"type": "http.response.body"})

    assert filtered([*recordings.REQUEST, late], method=("GET",)) == []
    assert filtered([*recordings.REQUEST, late], method=("POST",)) == [7] * 6


def test_rejected_for_good() -> None:
    """What runs and is not shown stays so, however many others have come and gone."""
    socket = [replace(record, id=0) for record in recordings.CHAT]
    others = [replace(record, id=number) for number in range(1, 1200) for record in recordings.FAILING]

    assert filtered([socket[0], *others, *socket[1:]], path=("/orders",)) == []


def test_secrets_are_marked() -> None:
    """A secret is shown as one, with its size."""
    opened, *_ = recordings.REQUEST
    assert isinstance(opened, Opened)
    scope = {**opened.scope, "headers": [(b"cookie", Redacted(12))]}

    assert "    cookie  ‹redacted 12 B›" in shown(FullView(), [replace(opened, scope=scope), Closed(7, 1.0)])


def test_bodies_that_never_ended() -> None:
    """What has come of a body is laid out at the end of its exchange, as the headers of its own side say."""
    packed = gzipped(b"packed by the client")
    records: list[Record] = [
        Opened(7, 0.0, {**recordings.SCOPE, "headers": [(b"content-encoding", b"gzip")]}),
        Event(7, 1, 0.1, "receive", {"type": "http.request", "body": packed, "more_body": True}, size=len(packed)),
        Event(7, 2, 0.2, "send", {"type": "http.response.start", "status": 200, "headers": []}),
        Event(7, 3, 0.3, "send", {"type": "http.response.body", "body": b"plain", "more_body": True}, size=5),
        Closed(7, 1.0),
    ]

    lines = [line.strip() for line in shown(FullView(), records)]

    assert [line for line in lines if line in {"packed by the client", "plain"}] == ["packed by the client", "plain"]


def test_big_bodies_in_full() -> None:
    """Of a body in many chunks no more is kept for the screen than is shown."""
    opened, *_ = recordings.REQUEST
    view = FullView()
    view.feed(opened)
    chunk = {"type": "http.response.body", "body": bytes(64 * 1024), "more_body": True}
    for number in range(100):
        view.feed(Event(7, number + 1, 1.0, "send", chunk, size=64 * 1024))
    kept = [len(body._content) for body in view._bodies.values() if isinstance(body, _Body)]
    lines = texts(view.feed(Closed(7, 2.0)))

    assert kept == [bodies.MOST]
    assert "         … the rest is not shown" in lines


def test_json_stays_json() -> None:
    """The JSON of the view is what the file has."""
    from asgictl.inspector.show.json_lines import JsonView

    assert [json.loads(line)["k"] for line in shown(JsonView(), recordings.FAILING)] == ["open", "close"]


def upload(*chunks: dict[str, Any], length: bytes | None, end: float, answered: float = 0.4) -> list[Record]:
    """Return the records of a POST of which the app has read these chunks, and which it has answered."""
    headers = [(b"transfer-encoding", b"chunked") if length is None else (b"content-length", length)]
    sent = [
        Event(3, len(chunks) + 1, 0.3, "send", {"type": "http.response.start", "status": 403}),
        Event(3, len(chunks) + 2, answered, "send", {"type": "http.response.body", "body": b"no"}, size=2),
    ]
    read = [
        Event(3, n, 0.1 * n, "receive", {"type": "http.request", "more_body": True, **chunk}, size=len(chunk["body"]))
        for n, chunk in enumerate(chunks, start=1)
    ]
    opened = Opened(3, 0.0, {"type": "http", "method": "POST", "path": "/up", "headers": headers})
    return [opened, *read, *sent, Closed(3, end)]


WHOLE = {"body": b"x" * 10, "more_body": False}
UNREAD = upload(length=b"300000", end=0.5)
BESIDE: dict[str, tuple[list[Record], list[str]]] = {
    "read at once, and over": (upload(WHOLE, length=b"10", end=0.5), []),
    "a task in the background": (upload(WHOLE, length=b"10", end=1500.4), ["  1500.4 ■ app went on 1.5 s"]),
    "a moment is not told": (upload(WHOLE, length=b"10", end=100.3), []),
    "an upload that nobody read": (UNREAD, ["     0.5 ■ upload: 0 B of 300.0 kB read"]),
    "a half": (
        upload({"body": b"x" * 10}, length=None, end=150.4),
        ["   150.4 ■ upload: 10 B of unknown size read, app went on 150.0 ms"],
    ),
    "where some messages are not there": ([*UNREAD[:1], *upload(WHOLE, length=b"", end=0.5)[2:]], []),
}


@pytest.mark.parametrize(("records", "beside"), BESIDE.values(), ids=list(BESIDE))
def test_what_the_client_did_not_see(records: list[Record], beside: list[str]) -> None:
    """The head has the time that the client waited; what the app left unread, or did afterwards, has a line."""
    lines = shown(LineView(), records)

    assert lines[0] == "#3 POST /up  403 Forbidden  0.4 ms"
    assert [line for line in lines if "■" in line] == beside


def test_a_long_task_in_the_background() -> None:
    """Of an app that goes on, the answer's time is shown at once, and in the end how long it went on."""
    clock = Clock()
    view = LineView(clock=clock)
    *records, closed = upload(WHOLE, length=b"10", end=1500.4)
    assert shown_by(view, records) == []
    clock.now = 0.3
    assert texts(view.tick())[0] == "#3 POST /up  403 Forbidden  0.4 ms"
    assert shown_by(view, [closed]) == ["  1500.4 ■  403 Forbidden  0.4 ms, 3 messages, app went on 1.5 s"]

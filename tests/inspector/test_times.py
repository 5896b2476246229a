"""Times and durations: what was measured is what is recorded, saved and shown."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, time
from typing import Any

import pytest

from asgictl import Inspector
from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.inspector.assembly import assembled
from asgictl.inspector.record import Closed, Event, Failure, Opened, Raised, Record
from asgictl.inspector.sessions import codec
from asgictl.inspector.sessions.session_file import SessionFile
from asgictl.inspector.show.full import FullView
from asgictl.inspector.show.line import LineView
from tests.inspector.show.test_views import Clock, shown


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Have the recorder measure with a clock that is set by hand, and begins at 1000 s."""
    clock = Clock()
    clock.now = 1000.0
    monkeypatch.setattr("asgictl.inspector.record.connection.perf_counter", clock)
    monkeypatch.setattr("asgictl.inspector.record.connection.time", lambda: 1_700_000_000.5)
    return clock


def called(app: Any, clock: Clock, scope: Scope, **options: Any) -> list[Record]:
    """Return the records of a call whose server takes 1 ms to receive, and as long to send, which fails for `bad`."""
    records: list[Record] = []

    async def receive() -> Message:
        clock.now += 0.001
        if scope.get("path") == "/gone":
            raise OSError("gone")
        return {"type": "http.request", "body": b"x"}

    async def send(message: Message) -> None:
        clock.now += 0.001
        if message.get("bad"):
            raise OSError("gone")

    async def main() -> None:
        call = Inspector(app, sink=records.append, **options)(scope, receive, send)
        await asyncio.wait([asyncio.ensure_future(call)])

    asyncio.run(main())
    return records


def times(records: list[Record]) -> list[tuple[str, float]]:
    """Return the kind of each record but the first, and its milliseconds."""
    return [(type(record).__name__, round(record.ms, 6)) for record in records if not isinstance(record, Opened)]


def test_what_is_recorded(clock: Clock) -> None:
    """Each message has the time at which it was received, or sent; and the end its own, counted from the beginning."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        clock.now += 0.25
        await receive()
        clock.now += 0.5
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"abc"})
        clock.now += 1.0

    records = called(app, clock, {"type": "http"}, first_id=4)
    (exchange,) = assembled(records).values()

    assert records[0] == Opened(4, 1_700_000_000.5, {"type": "http"}, replay_of=None)
    assert [record.id for record in records] == [4] * 5
    assert [(one.n, one.direction, one.size) for one in exchange.events] == [
        (1, "receive", 1),
        (2, "send", 0),
        (3, "send", 3),
    ]
    assert times(records) == [("Event", 251.0), ("Event", 751.0), ("Event", 752.0), ("Closed", 1753.0)]
    assert [exchange.first_byte_ms, exchange.ms, exchange.app_ms] == pytest.approx([751, 752, 1753])


ENDS: dict[str, tuple[dict[str, Any], list[tuple[str, float]]]] = {
    "it raises": ({"path": "/boom"}, [("Closed", 500.0)]),
    "it is cancelled": ({"path": "/cancelled"}, [("Closed", 500.0)]),
    "receive fails": ({"path": "/gone"}, [("Raised", 501.0), ("Closed", 501.0)]),
    "send fails": ({"path": "/send"}, [("Event", 500.0), ("Raised", 501.0), ("Closed", 501.0)]),
}


@pytest.mark.parametrize(("scope", "found"), ENDS.values(), ids=list(ENDS))
def test_ends(clock: Clock, scope: dict[str, Any], found: list[tuple[str, float]]) -> None:
    """However a request ends, it has its time, and so has what the server raises in between."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        clock.now += 0.5
        if scope["path"] == "/boom":
            raise ValueError("boom")
        if scope["path"] == "/cancelled":
            raise asyncio.CancelledError
        await (receive() if scope["path"] == "/gone" else send({"type": "http.response.start", "bad": True}))

    records = called(app, clock, {"type": "http", **scope})

    assert times(records) == found
    assert [record.n for record in records if isinstance(record, Raised)] == [len(found) - 2] * (len(found) > 1)


def test_by_the_real_clock() -> None:
    """What is measured lies between what the app and what its server measure; the time of day is now."""
    within: list[float] = []
    records: list[Record] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun = perf_counter()
        await asyncio.sleep(0.01)
        within.append((perf_counter() - begun) * 1000)
        await send({"type": "http.response.start", "status": 200})
        within.append((perf_counter() - begun) * 1000)

    async def send(message: Message) -> None:
        pass

    async def main() -> None:
        await Inspector(app, sink=records.append)({"type": "http"}, None, send)  # type: ignore[arg-type]

    day, begun = time(), perf_counter()
    asyncio.run(main())
    whole = (perf_counter() - begun) * 1000
    opened, start, closed = records

    assert isinstance(opened, Opened)
    assert isinstance(start, Event)
    assert isinstance(closed, Closed)
    assert day <= opened.at <= day + whole / 1000 + 1
    assert within[0] <= start.ms <= closed.ms <= whole
    assert within[1] <= closed.ms


FAILED = Failure("OSError", "gone", "Traceback ...\n")
RECORDS: list[Record] = [
    Opened(3, 1_700_000_000.123456, {"type": "http", "method": "GET", "path": "/x"}),
    Event(3, 1, 0.04, "receive", {"type": "http.request"}),
    Event(3, 2, 12.3456, "send", {"type": "http.response.start", "status": 200}),
    Raised(3, 2, 1012.3456, "send", FAILED),
    Closed(3, 61_012.3456, error=FAILED),
]


def test_what_is_saved() -> None:
    """A saved session has the time of day with its microseconds, and milliseconds with three digits."""
    fields = [json.loads(codec.dumps(record)) for record in RECORDS]

    assert fields[0]["t"] == "2023-11-14T22:13:20.123456Z"
    assert [one["ms"] for one in fields[1:]] == [0.04, 12.346, 1012.346, 61012.346]
    assert [codec.loads(json.dumps(one)) for one in fields] == [
        RECORDS[0],
        *(replace(record, ms=round(record.ms, 3)) for record in RECORDS if not isinstance(record, Opened)),
    ]


def test_when_a_session_began(tmp_path: Path) -> None:
    """The first line of a saved session has the time at which it was begun."""
    before = datetime.now(UTC)
    SessionFile(tmp_path / "s.jsonl", about={}, limit=1000, note=print).close()
    after = datetime.now(UTC)
    moment = json.loads((tmp_path / "s.jsonl").read_text())["t"]

    assert moment.endswith("Z")
    assert before.replace(microsecond=before.microsecond // 1000 * 1000) <= datetime.fromisoformat(moment) <= after


def test_what_is_shown() -> None:
    """The views show milliseconds with one digit, and seconds from one on."""
    assert shown(LineView(), RECORDS) == [
        "#3 GET /x  61.0 s",
        "     0.0 ◂ http.request",
        "    12.3 ▸ http.response.start  200 OK",
        "  1012.3 ✗ send() raised OSError: gone",
        " 61012.3 ✗ OSError: gone",
    ]
    moment = datetime.fromtimestamp(1_700_000_000.123456).astimezone()
    assert shown(FullView(), RECORDS)[1:6] == [
        f"#3 GET /x  61.0 s  {moment:%Y-%m-%d %H:%M:%S}.123",
        "  type    http",
        "  method  GET",
        "  path    /x",
        "     0.0 ◂ http.request",
    ]


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (lambda ms: Closed(0, ms, error=FAILED), "     2.5 ■ not supported: OSError: gone"),
        (lambda ms: Closed(0, ms, cancelled=True), "     2.5 ✗ cancelled"),
    ],
    ids=["not supported", "cancelled"],
)
def test_when_a_lifespan_ended(record: Callable[[float], Record], line: str) -> None:
    """An app that has no lifespan, or is cancelled in it, has the time of that."""
    assert shown(LineView(), [Opened(0, 0.0, {"type": "lifespan"}), record(2.5)])[1:] == [line]

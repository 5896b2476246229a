"""Which exchanges are shown: what can be asked for, what is refused, and that nothing is held for ever."""

from dataclasses import replace
from typing import Any

import pytest

from asgictl.errors import ConfigError
from asgictl.inspector.record import Closed, Event, Failure, Opened, Raised, Record
from asgictl.inspector.request import FilterRequest
from asgictl.inspector.show.filters import Filter, Filtered
from tests.inspector.recordings import CHAT, FAILING, REQUEST, SCOPE

LIFESPAN: list[Record] = [
    Opened(0, 0.0, {"type": "lifespan"}),
    Event(0, 1, 0.1, "receive", {"type": "lifespan.startup"}),
    Event(0, 2, 0.2, "send", {"type": "lifespan.startup.failed", "message": "no database"}),
    Closed(0, 1.0, error=Failure("RuntimeError", "ended", "")),
]
ALL = [*LIFESPAN, *REQUEST, *CHAT, *FAILING]


def wanted(**options: Any) -> Filter:
    """Return the filter that these options ask for."""
    return Filter.of(FilterRequest(**options))


def numbers(records: list[Record], **options: Any) -> list[int]:
    """Return the numbers of the exchanges that are shown, in the order in which they begin to be."""
    let = Filtered(wanted(**options))
    return list(dict.fromkeys(one.id for record in records for one in let.feed(record)))


SHOWN: list[tuple[dict[str, Any], list[int]]] = [
    ({"type": ("lifespan",)}, [0]),
    ({"type": ("http",)}, [7, 9]),
    ({"type": ("websocket",)}, [8]),
    ({"type": ("http", "lifespan")}, [0, 7, 9]),
    ({"type": ("http",), "method": ("get",)}, [9]),
    ({"method": ("Lifespan",)}, [0]),
    ({"path": ("/O*",)}, []),
    ({"path": ("/order?",)}, [7]),
    ({"status": ("1xx",)}, [8]),
    ({"status": ("100",)}, []),
    ({"status": ("101-200",)}, [7, 8]),
    ({"status": ("102-199",)}, []),
    ({"status": ("200", "500")}, [7, 9]),
    ({"status": (" 4xx , 5XX ",)}, [9]),
    ({"status": ("501-599",)}, []),
    ({"status": ("400-499",)}, []),
    ({"grep": "no database"}, [0]),
    ({"grep": "RuntimeError: ended"}, [0]),
    ({"grep": "^ValueError: boom$"}, [9]),
    ({"grep": r"^/chat\?x=1$"}, [8]),
    ({"grep": "^host: 127"}, [7, 8, 9]),
    ({"grep": "^HOST: 127", "status": ("200",)}, [7]),
    ({"grep": "^Content-Length: 8$"}, [7]),
    ({"grep": "nowhere"}, []),
    ({"grep": "^None$"}, []),
]


@pytest.mark.parametrize(("options", "found"), SHOWN, ids=str)
def test_what_is_shown(options: dict[str, Any], found: list[int]) -> None:
    """Each option lets through what it names, and nothing else."""
    assert numbers(ALL, **options) == found


REFUSED: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    (
        {"grep": "a("},
        (
            "`--grep a(` is not a regular expression: missing ), unterminated subpattern at position 1",
            "put a \\ before characters like ( and [",
            "grep",
        ),
    ),
    ({"type": ("http", "ws")}, ("`--type ws` is not a type of scope", "pass http, websocket or lifespan", "type")),
    *(
        ({"status": (text,)}, (f"`--status {text}` is not a status", "pass one like 404, 5xx or 400-499", "status"))
        for text in ("20", "6xx", "0xx", "2xx-3xx", "4040", "400-", "-400", "", "abc", "400-4xx")
    ),
    ({"status": ("200,x",)}, ("`--status x` is not a status", "pass one like 404, 5xx or 400-499", "status")),
]


@pytest.mark.parametrize(("options", "said"), REFUSED, ids=str)
def test_what_is_refused(options: dict[str, Any], said: tuple[str, str, str]) -> None:
    """What cannot be understood is refused, with its option, the reason and what to pass."""
    with pytest.raises(ConfigError) as caught:
        wanted(**options)

    assert (caught.value.message, caught.value.hint, caught.value.option) == said


def test_how_early_it_is_known() -> None:
    """An exchange is shown, with what was held of it, at the first record that decides it."""
    let = Filtered(wanted(status=("2xx",)))

    assert [len(list(let.feed(record))) for record in REQUEST] == [0, 0, 3, 1, 1]
    let = Filtered(wanted(grep="sku"))
    assert [len(list(let.feed(record))) for record in REQUEST] == [0, 2, 1, 1, 1]
    let = Filtered(wanted(grep="sku", status=("200",)))
    assert [list(let.feed(record)) for record in REQUEST][2:] == [REQUEST[:3], [REQUEST[3]], [REQUEST[4]]]


@pytest.mark.parametrize(
    ("records", "options"),
    [
        (REQUEST, {"status": ("404",)}),
        (FAILING, {"status": ("404",)}),
        (LIFESPAN, {"status": ("404",)}),
        (REQUEST, {"grep": "nowhere"}),
        (REQUEST, {"method": ("PUT",)}),
    ],
    ids=["status", "error", "no status", "pattern", "method"],
)
def test_what_is_kept_of_others(
    monkeypatch: pytest.MonkeyPatch, records: list[Record], options: dict[str, Any]
) -> None:
    """Of exchanges that are not shown, however many there are, nothing is kept but the latest numbers."""
    monkeypatch.setattr("asgictl.inspector.show.filters._REMEMBERED", 10)
    let = Filtered(wanted(**options))
    shown = [one for number in range(1000) for record in records for one in let.feed(replace(record, id=number))]

    assert shown == []
    assert let._pending == {}
    assert let._rejected == set(range(990, 1000))
    assert list(let._over) == list(range(990, 1000))


def test_known_before_its_end() -> None:
    """An exchange whose status is not wanted is not held until its end, which may never come."""
    let = Filtered(wanted(status=("404",), grep="x"))
    shown = [one for record in REQUEST[:-1] for one in let.feed(record)]

    assert (shown, let._pending, let._rejected) == ([], {}, {7})


def chunks(count: int, size: int) -> list[Record]:
    """Return so many chunks of an answer, with so many bytes."""
    message = {"type": "http.response.body", "body": b"x" * size, "more_body": True}
    return [Event(1, n + 1, 1.0 * n, "send", message, size=size) for n in range(count)]


@pytest.mark.parametrize(
    ("limits", "size", "held"),
    [
        ({"_HELD": 6}, 1, [1, 2, 99, 100]),
        ({"_HELD_BYTES": 40}, 10, [1, 2, 99, 100]),
        ({"_HELD_BYTES": 40}, 1000, [1]),
    ],
    ids=["records", "bytes", "big ones"],
)
def test_how_much_is_held(monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], size: int, held: list[int]) -> None:
    """While it is not known whether an exchange is shown its beginning and its latest records are kept."""
    for name, value in limits.items():
        monkeypatch.setattr(f"asgictl.inspector.show.filters.{name}", value)
    let = Filtered(wanted(grep="late"))
    records = [Opened(1, 0.0, SCOPE), *chunks(100, size), Closed(1, 200.0, error=Failure("ValueError", "late", ""))]
    shown = [one for record in records for one in let.feed(record)]

    assert shown[0] == records[0]
    assert shown[-1] == records[-1]
    assert [one.n for one in shown if isinstance(one, Event)] == held


def test_errors_of_the_server() -> None:
    """What the server raises can be searched for as well."""
    raised = Raised(7, 2, 8.0, "send", Failure("OSError", "gone", ""))

    assert numbers([*REQUEST[:2], raised], grep="OSError: gone") == [7]


def test_content_that_is_no_text() -> None:
    """Content that is no UTF-8 is searched as far as it is text, in one chunk or over several."""
    opened, request, start, _, closed = REQUEST
    bodies = [{"type": "http.response.body", "body": part, "more_body": True} for part in (b"\xffnee", b"dle\xff")]
    parts = [Event(7, 3 + n, 8.0, "send", body, size=4) for n, body in enumerate(bodies)]

    assert numbers([opened, request, start, *parts, closed], grep="^\ufffdneedle\ufffd$") == [7]
    assert numbers([opened, request, start, *parts], grep="^dle") == [7]

"""What the app behind a server keeps is bounded, and nothing that a server hands over makes it fail."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgictl.asgi import Message
from asgictl.inspector import echo
from asgictl.inspector.against import probe_mark
from asgictl.inspector.against.ledger import Ledger
from asgictl.inspector.against.probe_mark import ProbeMark
from asgictl.inspector.record import Closed, Event, Finding, Opened

FIRST = "0" * 16


def opened(number: int, session: str = FIRST) -> Opened:
    """Return the beginning of a request of a check."""
    return Opened(number, 0.0, {"type": "http", "path": ProbeMark(session, "plain").path})


def test_forgets_old_checks() -> None:
    """Of more checks than are remembered the latest stay."""
    ledger = Ledger()
    for number in range(9):
        ledger(opened(number, f"{number:016}"))

    assert [len(list(ledger.records(f"{number:016}"))) for number in range(9)] == [0, *([1] * 8)]


def test_keeps_so_many_records() -> None:
    """A check of many requests does not fill the memory."""
    ledger = Ledger()
    for number in range(10_000):
        ledger(opened(number))
        ledger(Closed(number, 1.0))

    assert len(list(ledger.records(FIRST))) == 5000


def test_forgets_what_comes_late() -> None:
    """Messages after the end of a request, and requests of forgotten checks, leave nothing behind."""
    ledger = Ledger()
    for number in range(100):
        ledger(opened(number, f"{number:016}"))
        ledger(Event(number, 1, 1.0, "send", {"type": "http.response.start"}))
        if number % 2:
            ledger(Closed(number, 1.0))
            ledger(Event(number, 2, 2.0, "send", {"type": "http.response.body"}))

    assert len(vars(ledger)["_ns"]) < 9


def test_keeps_findings_of_servers() -> None:
    """What the app does wrong on purpose is nobody's fault."""
    ledger = Ledger()
    ledger(opened(0))
    ledger(Finding(0, 0, 0.0, "A-105", "error", "server", "text"))
    ledger(Finding(0, 0, 0.0, "A-153", "error", "app", "text"))

    assert [type(record) for record in ledger.records(FIRST)] == [Opened, Finding]


@pytest.mark.parametrize(
    "scope",
    [
        {"headers": [(b"asgictl-probe", b"0000000000000000/plain")], "path": None},
        {"headers": ["no pair"], "path": "/mounted/-/asgictl/0000000000000000/plain/more"},
        {"headers": None, "path": "/-/asgictl/0000000000000000/plain"},
    ],
)
def test_one_mark_is_enough(scope: Any) -> None:
    """A request is known by its path or by its header, whatever the server has made of the other."""
    assert probe_mark.of_scope(scope) == ProbeMark(FIRST, "plain")


@given(st.recursive(st.none() | st.integers() | st.text() | st.binary(), lambda it: st.lists(it) | st.tuples(it, it)))
def test_never_raises(value: Any) -> None:
    """Nothing in a scope raises, and nothing else is a mark."""
    assert probe_mark.of_scope(value) is None
    assert probe_mark.of_scope({"headers": value, "path": value}) is None


def test_echo_is_as_before() -> None:
    """What is no probe is answered with its scope."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/-/asgictl/none", "headers": [], "query_string": b""}
    asyncio.run(echo.app(scope, receive, send))

    assert json.loads(sent[1]["body"])["path"] == "/-/asgictl/none"

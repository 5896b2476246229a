"""What is found, counted by rule and route."""

import pytest

from asgictl.inspector.record import Closed, Finding, Opened, Severity
from asgictl.inspector.rules.tally import Tally
from tests.inspector.recordings import SCOPE


def tally_of(*found: tuple[str, Severity, str]) -> Tally:
    """Return what is counted of exchanges that each break a rule at a path."""
    tally = Tally()
    for number, (rule, severity, path) in enumerate(found):
        tally(Opened(number, 0.0, {**SCOPE, "path": path, "raw_path": path.encode()}))
        tally(Finding(number, 1, 0.5, rule, severity, "app", f"what is wrong with {path}"))
    return tally


def test_lines() -> None:
    """Each rule and route has a line, the most serious first, and all of them together one."""
    warning: tuple[str, Severity, str] = ("A-162", "warning", "/orders")
    found = tally_of(warning, ("A-153", "error", "/"), warning, ("A-162", "warning", "/items"))

    assert list(found.lines()) == [
        "A-153 error: what is wrong with / (POST /)",
        "A-162 warning, 2 times: what is wrong with /orders (POST /orders)",
        "A-162 warning: what is wrong with /items (POST /items)",
        "4 exchanges: 1 error, 3 warnings",
    ]
    assert list(found.lines(most=1))[1:] == [
        "and 2 more, each in the views and in the saved session",
        "4 exchanges: 1 error, 3 warnings",
    ]
    assert list(tally_of().lines()) == []


def test_the_most_serious_is_shown() -> None:
    """The line of a rule and a route is that of the most serious finding."""
    found = tally_of(("A-162", "info", "/"), ("A-162", "warning", "/"), ("A-162", "error", "/"), ("A-162", "info", "/"))

    assert next(found.lines()) == "A-162 error, 4 times: what is wrong with / (POST /)"


@pytest.mark.parametrize(
    ("severity", "reached"), [("error", ["error", "warning"]), ("warning", ["warning"]), ("info", [])]
)
def test_thresholds(severity: Severity, reached: list[str]) -> None:
    """A finding reaches each threshold that is not more serious than itself."""
    tally = tally_of(("A-153", severity, "/"))

    assert [level for level in ("error", "warning") if tally.reaches(level)] == reached
    assert not tally_of().reaches("warning")


def test_many_routes() -> None:
    """Of more routes than are told apart the others are counted together: an app may have one for each user."""
    tally = tally_of(*[("A-153", "error", f"/{number}") for number in range(1500)])

    assert len(tally.counts()) == 1001
    assert tally.counts()[0].times == 500


def test_a_long_connection() -> None:
    """What is found of a connection has its route however many others come and go meanwhile, and a little later."""
    tally = Tally()
    tally(Opened(0, 0.0, {**SCOPE, "type": "websocket", "path": "/chat", "raw_path": b"/chat"}))
    for number in range(1, 3000):
        tally(Opened(number, 0.0, {**SCOPE, "path": "/", "raw_path": b"/"}))
        tally(Closed(number, 1.0))
    for number in (0, 2999, 1):
        tally(Finding(number, 1, 0.5, "A-341", "error", "app", "wrong"))

    assert [count.route for count in tally.counts()] == ["WS /chat", "POST /", ""]

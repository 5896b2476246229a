"""What the rules say of a lifespan."""

from typing import Any

import pytest

from asgictl.inspector.record import Closed
from asgictl.inspector.rules.example import LIFESPAN
from tests.inspector.rules.told import RETURNED, broken, fact, raised

STARTUP = {"type": "lifespan.startup"}
STARTED = {"type": "lifespan.startup.complete"}
FAILED = {"type": "lifespan.startup.failed", "message": "no database"}
SHUTDOWN = {"type": "lifespan.shutdown"}
ENDED = {"type": "lifespan.shutdown.complete"}
CANCELLED = Closed(0, 9.0, cancelled=True)


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ((STARTUP, fact("hang", "startup"), CANCELLED), [("A-410", "error")]),
        ((fact("hang", "startup"), CANCELLED), [("A-410", "error")]),
        ((STARTUP, CANCELLED), [("A-410", "error")]),
        ((STARTUP, STARTED, SHUTDOWN, fact("hang", "shutdown"), CANCELLED), [("A-414", "error")]),
        ((STARTUP, STARTED, fact("hang", "shutdown")), [("A-414", "error")]),
        ((STARTUP, STARTED, CANCELLED), []),
        ((CANCELLED,), []),
        ((raised("ValueError"),), [("A-413", "info")]),
        ((STARTUP, raised("ValueError")), [("A-412", "warning")]),
        ((STARTUP, FAILED, raised("ValueError")), []),
        ((STARTUP, FAILED, RETURNED), []),
        ((STARTUP, STARTED, SHUTDOWN, raised("ValueError")), [("A-417", "warning")]),
        ((STARTUP, STARTED, SHUTDOWN, ENDED, raised("ValueError")), []),
        ((RETURNED,), [("A-411", "error")]),
        ((STARTUP, STARTED, RETURNED), [("A-415", "warning")]),
        ((STARTUP, STARTED, raised("ValueError")), [("A-026", "error")]),
        ((STARTUP, STARTED, SHUTDOWN, RETURNED), [("A-416", "error")]),
        ((STARTED, STARTUP, ENDED, SHUTDOWN, RETURNED), [("A-405", "error"), ("A-407", "error")]),
        ((STARTUP, {**FAILED, "message": None}, RETURNED), [("A-409", "error")]),
        ((STARTUP, {"type": "lifespan.startup.failed"}, RETURNED), []),
    ],
)
def test_how_it_goes(steps: tuple[Any, ...], found: list[tuple[str, str]]) -> None:
    """Each thing that is wrong is told of once."""
    assert broken(LIFESPAN, *steps) == found

"""Rules for every scope and every message (https://asgi.readthedocs.io/en/latest/specs/main.html)."""

from collections.abc import Iterator
from typing import Any

from asgictl.inspector.record import Closed, Observed
from asgictl.inspector.rules import links
from asgictl.inspector.rules.rule import Broken, Rule

RETURNS = Rule(
    "A-011",
    "warning",
    "app",
    "An application returns None: its answer is what it sends.",
    links.APPLICATIONS,
    "send the answer with `await send(...)`, and return nothing",
)
LATE = Rule(
    "A-023",
    "warning",
    "app",
    "An application sends nothing after it has returned.",
    links.APPLICATIONS,
    "await the task that sends before the application returns",
)


def of_scope(scope: dict[str, Any]) -> Iterator[Broken]:
    """Yield what is wrong with what every scope has."""
    yield from ()


def of_fact(record: Observed) -> Iterator[Broken]:
    """Yield what is wrong with what was seen beside the messages."""
    if record.what == "returned":
        yield RETURNS(f"the app has returned an object of `{record.detail}`")


def of_end(record: Closed) -> Iterator[Broken]:
    """Yield what is wrong with how the app has ended."""
    yield from ()

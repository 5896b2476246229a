"""Conversations before the rules, told record by record."""

from typing import Any

from asgictl.asgi import Message
from asgictl.inspector.record import Closed, Event, Failure, Observed, Opened, Raised
from asgictl.inspector.rules.referee import Referee

GONE = Failure("uvicorn.protocols.utils.ClientDisconnected", "", "")
RETURNED = Closed(0, 9.0)


def raised(name: str) -> Closed:
    """Return that the app has raised an exception of this name."""
    return Closed(0, 9.0, error=Failure(name, "", ""))


def fact(what: Any, detail: Any = None) -> Observed:
    """Return that something was seen beside the messages."""
    return Observed(0, 0, 0.0, what, detail)


def broken(scope: Message, *steps: Message | Observed | Closed | Failure) -> list[tuple[str, str]]:
    """Return the rules that are broken, with how serious that is.

    A message goes in the direction that its type is for; a failure is raised out of `send`.
    """
    referee = Referee("app", info=True)
    found = referee.findings(Opened(0, 0.0, dict(scope)))[:]
    n = 0
    for step in steps:
        if isinstance(step, (Observed, Closed)):
            record: Any = step
        elif isinstance(step, Failure):
            record = Raised(0, n, 0.0, "send", step)
        else:
            n += 1
            received = step["type"] in _RECEIVED
            body = step.get("body")
            size = len(body) if isinstance(body, bytes) else 0
            record = Event(0, n, 0.0, "receive" if received else "send", step, size=size)
        found = [*found, *referee.findings(record)]
    return [(finding.rule, finding.severity) for finding in found]


_RECEIVED = frozenset(
    (
        *("http.request", "http.disconnect", "lifespan.startup", "lifespan.shutdown"),
        *("websocket.connect", "websocket.receive", "websocket.disconnect"),
    )
)

"""Rules for what an application does beside its messages: how it is called, and calls, and how it ends.

https://asgi.readthedocs.io/en/latest/specs/main.html#applications
"""

from collections.abc import Collection, Iterable
from typing import Any

from asgictl.inspector.record import Closed, Event, Observed
from asgictl.inspector.rules import links
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.value_text import text_of

CALLABLE = Rule(
    "A-009",
    "error",
    "app",
    "An application is a single async callable of scope, receive and send; one of ASGI 2 is told of as a warning.",
    links.APPLICATIONS,
    "write it as `async def app(scope, receive, send)`",
)
RAISES_ON_UNKNOWN = Rule(
    "A-010",
    "warning",
    "app",
    "An application raises an exception for a type of scope that it does not know.",
    links.PROTOCOLS,
    "end the application with `raise NotImplementedError(scope['type'])` where no branch is for it",
)
RETURNS = Rule(
    "A-011",
    "warning",
    "app",
    "An application returns None: its answer is what it sends.",
    links.APPLICATIONS,
    "send the answer with `await send(...)`, and return nothing",
)
OWN_SCOPE = Rule(
    "A-012",
    "info",
    "app",
    "A middleware that changes the scope changes a copy: the original is of those who have called it.",
    links.MIDDLEWARE,
    "pass a copy on: `dict(scope, path=...)`",
)
AWAITED = Rule(
    "A-022",
    "warning",
    "app",
    "Each call of `send` and `receive` is awaited; without, nothing happens.",
    links.APPLICATIONS,
    "write `await` before it",
)
LATE = Rule(
    "A-023",
    "warning",
    "app",
    "An application sends nothing after it has returned.",
    links.APPLICATIONS,
    "await, or cancel, the task that sends before the application returns",
)
ONE_RECEIVE = Rule(
    "A-024",
    "warning",
    "app",
    "One `receive()` at a time: each message goes to one of them, and it is not said to which.",
    links.APPLICATIONS,
    "receive in one task, and have that one tell the others",
)
ONE_SEND = Rule(
    "A-025",
    "warning",
    "app",
    "One `send()` at a time: the order of messages is not sure otherwise.",
    links.APPLICATIONS,
    "send in one task, or put an `asyncio.Lock` around it",
)
NO_EXCEPTION = Rule(
    "A-026",
    "error",
    "app",
    "An application answers; an exception out of it is an error, which the server handles.",
    links.ERROR_HANDLING,
    "handle the exception, and answer with a status that says so",
)
ONE_THREAD = Rule(
    "A-029",
    "warning",
    "app",
    "An application calls `receive` and `send` in the event loop, and the thread, that it was called in.",
    links.OVERVIEW,
    "use `asyncio.run_coroutine_threadsafe(send(...), loop)` in another thread",
)

# What `send()` raises for a client that has gone is an OSError, and in servers often one of these.
LOST = frozenset(
    ("OSError", "ConnectionError", "ConnectionAbortedError", "ConnectionResetError", "BrokenPipeError", "TimeoutError")
)

_FACTS: dict[tuple[str, Any], tuple[Rule, str]] = {
    ("returned", None): (RETURNS, "the app has returned an object of `{}`"),
    ("changed", None): (OWN_SCOPE, "the app has changed the scope that it was given: {}"),
    ("unawaited", None): (AWAITED, "`{}()` is called without `await`"),
    ("thread", None): (ONE_THREAD, "`{}()` is called in another thread"),
    ("overlap", "receive"): (ONE_RECEIVE, "`receive()` is called while another call of it waits"),
    ("overlap", "send"): (ONE_SEND, "`send()` is called while another call of it waits"),
}


def of_late(event: Event) -> Broken:
    """Return that a message is sent too late."""
    return LATE(f"`{event.type}` is sent after the app has returned")


def of_fact(record: Observed) -> Iterable[Broken]:
    """Return what is wrong with what was seen beside the messages."""
    detail = text_of(record.detail)
    if record.what == "interface":
        if detail == "asgi2":
            return [CALLABLE("the app takes the scope first, and then receive and send (ASGI 2)", severity="warning")]
        return [CALLABLE(f"the app is not an async callable of scope, receive and send, but {detail}")]
    known = _FACTS.get((record.what, detail)) or _FACTS.get((record.what, None))
    return [known[0](known[1].format(detail))] if known else ()


def of_end(
    record: Closed, scope: dict[str, Any], raised: Collection[tuple[str, str]], *, is_first: bool = False
) -> Iterable[Broken]:
    """Return what is wrong with how the app has ended.

    `raised` are the exceptions out of `receive` and `send`, with what they say. A WebSocket may
    be refused by an exception before anything else; so may a lifespan, which has rules of its own for that.
    """
    error = record.error
    if error is None or error.is_due_to_leaving or scope.get("type") not in ("http", "websocket", "lifespan"):
        return ()
    if (error.type, error.message) in raised:
        # The server's own, of which the reason has been told.
        text = f"the app has ended with what the server has raised: {error.type}"
        return () if error.type in LOST else [NO_EXCEPTION(text, severity="info")]
    if is_first and scope.get("type") == "websocket":
        return [NO_EXCEPTION(f"the app has raised {error.type}: it knows no WebSocket", severity="info")]
    return [NO_EXCEPTION(f"the app has raised {error.type}")]

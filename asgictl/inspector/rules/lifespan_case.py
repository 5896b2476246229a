"""The lifespan before the rules (https://asgi.readthedocs.io/en/latest/specs/lifespan.html)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from asgictl.inspector.record import Closed, Event, Observed, Opened
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Case, Field, fields
from asgictl.inspector.rules.http_rules.http_case import HttpCase
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.websocket_rules.websocket_case import WebSocketCase

STARTUP_ASKED = Rule(
    "A-405",
    "error",
    "app",
    "The answer to `lifespan.startup` is sent when that was received.",
    links.STARTUP_COMPLETE,
    "await `receive()` first, and answer what it returns",
)
STARTUP_ONCE = Rule(
    "A-406",
    "error",
    "app",
    "A startup has one answer: `lifespan.startup.complete` or `lifespan.startup.failed`.",
    links.STARTUP_COMPLETE,
    "send one of them, once",
)
SHUTDOWN_ASKED = Rule(
    "A-407",
    "error",
    "app",
    "The answer to `lifespan.shutdown` is sent when that was received.",
    links.SHUTDOWN_COMPLETE,
    "await `receive()` until it returns `lifespan.shutdown`, and answer then",
)
SHUTDOWN_ONCE = Rule(
    "A-408",
    "error",
    "app",
    "A shutdown has one answer: `lifespan.shutdown.complete` or `lifespan.shutdown.failed`.",
    links.SHUTDOWN_COMPLETE,
    "send one of them, once",
)
MESSAGE = Rule(
    "A-409",
    "error",
    "app",
    "The `message` of what has failed is text.",
    links.STARTUP_FAILED,
    'send it as text: `"message": str(error)`',
)
STARTUP_HANGS = Rule(
    "A-410",
    "error",
    "app",
    "A startup is answered in time: the server waits for it, and serves nobody until then.",
    links.STARTUP_COMPLETE,
    "give what is waited for at startup a time limit, and send `lifespan.startup.failed` after that",
)
STARTUP_MISSING = Rule(
    "A-411",
    "error",
    "app",
    "An application that returns from a lifespan has answered the startup; one without a lifespan raises.",
    links.LIFESPAN_SCOPE,
    "answer `lifespan.startup`, or raise an exception for the scope's type",
)
STARTUP_RAISED = Rule(
    "A-412",
    "warning",
    "app",
    "A startup that fails sends `lifespan.startup.failed`: a server takes an exception for `no lifespan`, and serves.",
    links.LIFESPAN_SCOPE,
    "catch the exception, send `lifespan.startup.failed` with a message, and raise it then",
)
NOT_SUPPORTED = Rule(
    "A-413",
    "info",
    "app",
    "An application may raise for a lifespan, which it does not support then.",
    links.LIFESPAN_SCOPE,
    "nothing, or answer `lifespan.startup` and `lifespan.shutdown`",
)
SHUTDOWN_HANGS = Rule(
    "A-414",
    "error",
    "app",
    "A shutdown is answered in time: the server waits for it before it ends.",
    links.SHUTDOWN_COMPLETE,
    "give what is waited for at shutdown a time limit",
)
TOO_EARLY = Rule(
    "A-415",
    "warning",
    "app",
    "A lifespan lasts until the shutdown: one that has returned before cleans nothing up.",
    links.LIFESPAN_SCOPE,
    "await `receive()` again after `lifespan.startup.complete`",
)
SHUTDOWN_MISSING = Rule(
    "A-416",
    "error",
    "app",
    "A shutdown is answered before the application returns.",
    links.SHUTDOWN_COMPLETE,
    "send `lifespan.shutdown.complete`",
)
SHUTDOWN_RAISED = Rule(
    "A-417",
    "warning",
    "app",
    "A shutdown that fails sends `lifespan.shutdown.failed`.",
    links.SHUTDOWN_FAILED,
    "catch the exception, send `lifespan.shutdown.failed` with a message, and raise it then",
)
FOREIGN = Rule(
    "A-418",
    "error",
    "app",
    "A lifespan has only messages of its own: nobody has asked for an answer of HTTP or WebSocket.",
    links.EVENTS,
    'look at `scope["type"]` before anything is sent',
)
STATE_KEYS = Rule(
    "A-419",
    "warning",
    "app",
    "The keys of `state` are text.",
    links.LIFESPAN_STATE,
    'use a name as the key: `scope["state"]["database"]`',
)


class _Rules(NamedTuple):
    asked: Rule
    once: Rule
    hangs: Rule
    missing: Rule
    raised: Rule


_RULES = {
    "startup": _Rules(STARTUP_ASKED, STARTUP_ONCE, STARTUP_HANGS, STARTUP_MISSING, STARTUP_RAISED),
    "shutdown": _Rules(SHUTDOWN_ASKED, SHUTDOWN_ONCE, SHUTDOWN_HANGS, SHUTDOWN_MISSING, SHUTDOWN_RAISED),
}
_ANSWERS = {
    f"lifespan.{phase}.{how}": (phase, how) for phase in ("startup", "shutdown") for how in ("complete", "failed")
}
_FOREIGN = HttpCase.sends | WebSocketCase.sends
_FAILED = (Field("message", MESSAGE, lambda value: isinstance(value, str), "text"),)


class LifespanCase(Case):
    """The lifespan: a startup, and a shutdown, each with its answer."""

    # Those of other connections have a rule of their own.
    sends = frozenset(_ANSWERS) | _FOREIGN
    receives = frozenset(("lifespan.startup", "lifespan.shutdown"))

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened)
        self.asked: set[str] = set()
        self.answers: dict[str, str] = {}
        self._hung: set[str] = set()

    def received(self, event: Event) -> Iterable[Broken]:
        """Yield what is wrong with what the server has told the app."""
        if event.type in self.receives:
            self.asked.add(event.type.removeprefix("lifespan."))
        return super().received(event)

    def sent(self, event: Event) -> Iterable[Broken]:
        """Yield what is wrong with what the app sends."""
        if event.type in _FOREIGN:
            return [FOREIGN(f"`{event.type}` is sent in a lifespan")]
        return self._answered(event) if event.type in _ANSWERS else ()

    def _answered(self, event: Event) -> Iterator[Broken]:
        phase, how = _ANSWERS[event.type]
        if before := self.answers.get(phase):
            again = "again" if before == how else f"after `lifespan.{phase}.{before}`"
            yield _RULES[phase].once(f"`{event.type}` is sent {again}")
        elif phase not in self.asked:
            yield _RULES[phase].asked(f"`{event.type}` is sent before `lifespan.{phase}` was received")
        if not before:
            self.answers[phase] = how
        if how == "failed":
            yield from fields(event.message, _FAILED)

    def observed(self, record: Observed) -> Iterable[Broken]:
        """Yield what is wrong with what was seen beside the messages."""
        if record.what == "hang":
            phase = "shutdown" if "startup" in self.answers else "startup"
            return self._hangs(phase, f"the app has not answered `lifespan.{phase}` in time")
        if record.what == "state keys":
            return [STATE_KEYS(f"`state` has a key of the class `{record.detail}`")]
        return super().observed(record)

    def closed(self, record: Closed) -> Iterator[Broken]:
        """Yield what is wrong with how the app has ended."""
        waiting = next((phase for phase in _RULES if phase in self.asked and phase not in self.answers), "")
        if record.cancelled and waiting:
            self.is_over = True
            yield from self._hangs(waiting, f"the app was ended before it had answered `lifespan.{waiting}`")
        elif record.error is None or (self.answers == {"startup": "complete"} and not waiting):
            yield from super().closed(record)
        else:
            self.is_over = True
            yield from self._ended_by(record.error.type, waiting)

    def _ended_by(self, error: str, waiting: str) -> Iterator[Broken]:
        """Yield what is wrong with an exception: none after `failed`, which said it before."""
        if waiting:
            yield _RULES[waiting].raised(f"the app has raised `{error}` instead of an answer to `lifespan.{waiting}`")
        elif not self.answers:
            yield NOT_SUPPORTED(f"the app has raised `{error}` for the lifespan")

    def _hangs(self, phase: str, text: str) -> Iterator[Broken]:
        if phase not in self._hung:
            self._hung.add(phase)
            yield _RULES[phase].hangs(text)

    def ended(self) -> Iterable[Broken]:
        """Yield what is missing of an app that has returned."""
        if "startup" not in self.answers:
            yield STARTUP_MISSING("the app has returned without an answer to `lifespan.startup`")
        elif "shutdown" in self.asked and "shutdown" not in self.answers:
            yield SHUTDOWN_MISSING("the app has returned without an answer to `lifespan.shutdown`")
        elif self.answers == {"startup": "complete"}:
            yield TOO_EARLY("the app has returned after `lifespan.startup.complete`, before the shutdown")

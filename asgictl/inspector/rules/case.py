"""One connection before the rules: what all kinds of them have in common."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from asgictl.inspector.record import Closed, Event, Observed, Opaque, Opened, Raised
from asgictl.inspector.rules import general
from asgictl.inspector.rules.rule import Broken, Rule


class Field(NamedTuple):
    """A key of a message or a scope: the rule that says what it is, and how to tell."""

    key: str
    rule: Rule
    is_right: Callable[[Any], bool]
    wanted: str
    required: bool = False


class Shared:
    """What one connection has to know of the others: how the lifespan stands, `startup.complete` for one."""

    def __init__(self) -> None:
        self.lifespan = ""


class Case:
    """What the rules have to know of one connection; told of its records one by one, it yields what is wrong.

    Nothing of a record is changed, and nothing is raised, whatever is in it.
    """

    # What may be sent in this kind of connection, and what received.
    sends: frozenset[str] = frozenset()
    receives: frozenset[str] = frozenset()

    def __init__(self, opened: Opened, shared: Shared) -> None:
        self.scope: dict[str, Any] = opened.scope
        self.shared = shared
        found = opened.scope.get("extensions")
        self.extensions: dict[str, Any] = found if isinstance(found, dict) else {}
        # Whether the client has gone, as far as the app could know, and whether the app has ended.
        self.is_gone = False
        self.is_over = False

    def opened(self) -> Iterable[Broken]:
        """Yield what is wrong with the scope."""
        return general.of_scope(self.scope)

    def told(self, event: Event) -> Iterable[Broken]:
        """Yield what is wrong with a message, in itself or at this place."""
        if event.direction == "receive":
            return self.received(event)
        if self.is_over:
            return [general.LATE(f"`{event.type}` is sent after the app has returned"), *self.sent(event)]
        return self.sent(event)

    def received(self, event: Event) -> Iterable[Broken]:
        """Yield what is wrong with what the server has told the app."""
        if event.type.endswith(".disconnect"):
            self.is_gone = True
        return ()

    def sent(self, event: Event) -> Iterable[Broken]:
        """Yield what is wrong with what the app sends."""
        raise NotImplementedError

    def raised(self, record: Raised) -> Iterable[Broken]:
        """Yield what is wrong with an exception out of `receive` or `send`."""
        if record.error.is_disconnect:
            self.is_gone = True
        return ()

    def observed(self, record: Observed) -> Iterable[Broken]:
        """Yield what is wrong with what was seen beside the messages."""
        return general.of_fact(record)

    def closed(self, record: Closed) -> Iterator[Broken]:
        """Yield what is wrong with how the app has ended."""
        self.is_over = True
        yield from general.of_end(record)
        if not (record.error or record.cancelled):
            yield from self.ended()

    def ended(self) -> Iterable[Broken]:
        """Yield what is missing of an app that has returned."""
        return ()


def fields(message: dict[str, Any], known: Iterable[Field]) -> Iterator[Broken]:
    """Yield what is wrong with the values of a message."""
    for field in known:
        if field.key not in message:
            if field.required:
                yield field.rule(f"`{field.key}` is missing from `{message.get('type')}`")
        elif not field.is_right(value := message[field.key]):
            yield field.rule(f"`{field.key}` is {shown(value)}, and not {field.wanted}")


def shown(value: Any) -> str:
    """Return a value with its type, cut where it is long."""
    if isinstance(value, Opaque):
        return f"an object of `{value.type}`"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # in the tuples of a scope there may be anything
        return f"an object of `{type(value).__name__}`"
    text = text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  # as fits into a line
    return text if value is None or isinstance(value, bool) else f"{text} ({type(value).__name__})"

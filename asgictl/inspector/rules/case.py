"""One connection before the rules: what all kinds of them have in common."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from asgictl.inspector.record import Closed, Event, Observed, Opened, Raised
from asgictl.inspector.rules import conduct, general
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.value_text import shown, text_of


class Field(NamedTuple):
    """A key of a message or a scope: the rule that says what it is, and how to tell."""

    key: str
    rule: Rule
    is_right: Callable[[Any], bool]
    wanted: str
    required: bool = False


# So many different exceptions are kept, one of which may end the app.
_FAILURES = 8


class Case:
    """What the rules have to know of one connection; told of its records one by one, it yields what is wrong.

    Nothing of a record is changed, and nothing is raised, whatever is in it.
    """

    # What may be sent in this kind of connection, those of extensions as well, and what received.
    sends: frozenset[str] = frozenset()
    receives: frozenset[str] = frozenset()

    # Whether the client has gone, as far as the app could know, and whether the app has ended.
    is_gone = False
    is_over = False
    # How many messages there were, and the last of them.
    count = 0
    latest: Event | None = None
    # The latest exceptions out of `receive` and `send`, with what they say, and facts, which are said once.
    failures: tuple[tuple[str, str], ...] = ()
    said: frozenset[str] = frozenset()

    def __init__(self, opened: Opened) -> None:
        self.scope: dict[str, Any] = opened.scope

    @property
    def extensions(self) -> dict[str, Any]:
        """What the server offers beside the protocol."""
        found = self.scope.get("extensions")
        return found if isinstance(found, dict) else {}

    def opened(self) -> Iterable[Broken]:
        """Return what is wrong with the scope."""
        return general.of_scope(self.scope)

    def told(self, event: Event) -> Iterable[Broken]:
        """Return what is wrong with a message, in itself or at this place."""
        self.latest = event
        if event.direction == "receive":
            found = general.of_message(event, self.receives, self.sends)
            return [*found, *self.received(event)] if found else self.received(event)
        if self.is_over:
            return [conduct.of_late(event)]
        found = general.of_message(event, self.sends, self.receives, self.extensions)
        if event.type not in self.sends:
            return found
        return [*found, *self.sent(event)] if found else self.sent(event)

    def received(self, event: Event) -> Iterable[Broken]:
        """Return what is wrong with what the server has told the app."""
        if event.type.endswith(".disconnect"):
            self.is_gone = True
        return ()

    def sent(self, event: Event) -> Iterable[Broken]:
        """Return what is wrong with what the app sends: a message of a type that is in `sends`."""
        raise NotImplementedError

    def raised(self, record: Raised) -> Iterable[Broken]:
        """Return what is wrong with an exception out of `receive` or `send`."""
        failure = record.error.type, record.error.message
        if failure not in self.failures:
            self.failures = (*self.failures[1 - _FAILURES :], failure)
        if record.error.is_due_to_leaving or record.error.type in conduct.LOST:
            self.is_gone = True
        return ()

    def observed(self, record: Observed) -> Iterable[Broken]:
        """Return what is wrong with what was seen beside the messages; each kind of fact once."""
        if record.what == "tuple":
            found = general.LISTS(f"`{text_of(record.detail)}` is a tuple")
            received = self.latest is not None and self.latest.direction == "receive"
            return [found._replace(rule=found.rule._replace(blame="server"))] if received else [found]
        said = f"{record.what} {record.detail}" if isinstance(record.detail, str) else record.what
        if said in self.said:
            return ()
        self.said |= {said}
        return conduct.of_fact(record)

    def closed(self, record: Closed) -> Iterable[Broken]:
        """Return what is wrong with how the app has ended."""
        self.is_over = True
        if record.error is not None:
            return conduct.of_end(record, self.scope, self.failures, is_first=not self.count)
        return () if record.cancelled else self.ended()

    def ended(self) -> Iterable[Broken]:
        """Return what is missing of an app that has returned."""
        return ()


_PROTOCOLS = ("http", "websocket", "lifespan")


class OtherCase(Case):
    """A connection of another protocol than those that have rules of their own."""

    _has_sent = False

    def told(self, event: Event) -> Iterable[Broken]:
        """Return nothing: what its messages are is not known."""
        self._has_sent = self._has_sent or event.direction == "send"
        return ()

    def ended(self) -> Iterable[Broken]:
        """Return that an app has taken it for one that it knows."""
        kind = self.scope.get("type")
        if not isinstance(kind, str) or kind in _PROTOCOLS:
            return ()
        text = f"the app has returned from a scope of the type `{kind}`"
        # Without a message nobody takes it for an answer.
        return [conduct.RAISES_ON_UNKNOWN(text, severity="warning" if self._has_sent else "info")]


def fields(message: dict[str, Any], known: Iterable[Field]) -> Iterator[Broken]:
    """Yield what is wrong with the values of a message."""
    for field in known:
        if field.key not in message:
            if field.required:
                yield field.rule(f"`{field.key}` is missing from `{message.get('type')}`")
        elif not field.is_right(value := message[field.key]):
            yield field.rule(f"`{field.key}` is {shown(value)}, and not {field.wanted}")

"""One connection as the server gives it: what all kinds of them have in common."""

from collections.abc import Iterable, Iterator
from typing import Any

from asgictl.inspector.record import Closed, Event, Observed, Opened, Raised, Record
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.server_rules.scopes import every_scope, http_scope, lifespan_scope, websocket_scope

# The messages that a server gives, with the rule that says where.
_FOREIGN = {
    **dict.fromkeys(("http.request", "http.disconnect"), http_scope.TYPE),
    **dict.fromkeys(("websocket.connect", "websocket.receive", "websocket.disconnect"), websocket_scope.TYPE),
    **dict.fromkeys(("lifespan.startup", "lifespan.shutdown"), lifespan_scope.TYPE),
}


class Served:
    """What one connection has to know of the others: how the lifespan stands."""

    def __init__(self) -> None:
        # Of these: asked, complete, failed; or nothing, where there is none, or the app has none.
        self.lifespan = ""


class Given:
    """One connection of any type, judged for what the server does; told of its records one by one.

    As with `Case`, nothing of a record is changed, and nothing is raised, whatever is in it.
    """

    # What is given in this kind of connection.
    receives: frozenset[str] = frozenset()
    # The rule for a state that is the lifespan's own.
    state_rule: Rule = http_scope.STATE_COPY

    def __init__(self, opened: Opened, served: Served) -> None:
        self.scope: dict[str, Any] = opened.scope
        self.served = served

    def judged(self, record: Record) -> Iterable[Broken]:
        """Yield what the server does wrong in a record."""
        if isinstance(record, Event):
            return self._received(record) if record.direction == "receive" else self.sent(record)
        if isinstance(record, Opened):
            return self._opened()
        if isinstance(record, Raised):
            return self.raised(record)
        if isinstance(record, Observed):
            return self.observed(record)
        return self.closed() if isinstance(record, Closed) else ()

    def _opened(self) -> Iterator[Broken]:
        if every_scope.is_unreadable(self.scope):  # which is observed next
            return
        yield from every_scope.of_scope(self.scope)
        yield from self.of_scope()

    def of_scope(self) -> Iterator[Broken]:
        """Yield what is wrong with the scope of this kind: of an unknown one, that it is like one that is known."""
        kind = self.scope.get("type")
        if not isinstance(kind, str):
            return
        if kind.strip().lower() == "lifespan":
            yield lifespan_scope.TYPE(f"the scope of a lifespan has the type `{kind}`")
        elif "method" in self.scope:
            yield http_scope.TYPE(f"the scope of a request has the type `{kind}`")
        elif "subprotocols" in self.scope:
            yield websocket_scope.TYPE(f"the scope of a WebSocket has the type `{kind}`")
        else:
            yield every_scope.UNKNOWN(f"the scope has the type `{kind}`")

    def _received(self, event: Event) -> Iterator[Broken]:
        if event.type in self.receives:
            yield from self.received(event)
        elif self.receives and (rule := _FOREIGN.get(event.type)):
            yield rule(f"the app receives `{event.type}` with a scope of type `{self.scope.get('type')}`")

    def received(self, event: Event) -> Iterable[Broken]:  # noqa: ARG002  # of those that know its kind
        """Yield what is wrong with a message that this kind of connection has."""
        return ()

    def sent(self, event: Event) -> Iterable[Broken]:  # noqa: ARG002  # as before
        """Take note of what the app sends."""
        return ()

    def raised(self, record: Raised) -> Iterable[Broken]:  # noqa: ARG002  # as before
        """Yield what is wrong with an exception out of `receive` or `send`."""
        return ()

    def observed(self, record: Observed) -> Iterator[Broken]:
        """Yield what is wrong with what was seen beside the messages."""
        if record.what == "scope":
            yield every_scope.DICTIONARY(f"the scope is an object of `{record.detail}`, and not a dictionary", n=0)
        elif record.what == "state":
            yield self.state_rule("the `state` is the lifespan's own, and not a copy of it", n=0)
        elif record.what == "loop":
            yield lifespan_scope.LOOP("the app is called in another event loop than its lifespan", n=0)

    def closed(self) -> Iterable[Broken]:
        """Yield what is wrong with what the server has done by the end of the app."""
        return ()

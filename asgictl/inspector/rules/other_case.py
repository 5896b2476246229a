"""A connection of a protocol that is not known: an application has to refuse it."""

from collections.abc import Iterable

from asgictl.inspector.record import Event
from asgictl.inspector.rules import conduct
from asgictl.inspector.rules.case import Case
from asgictl.inspector.rules.rule import Broken

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

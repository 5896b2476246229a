"""A connection of a protocol that is not known: an application has to refuse it."""

from collections.abc import Iterable

from asgictl.inspector.record import Event
from asgictl.inspector.rules import conduct
from asgictl.inspector.rules.case import Case
from asgictl.inspector.rules.rule import Broken

_PROTOCOLS = ("http", "websocket", "lifespan")


class OtherCase(Case):
    """A connection of another protocol than those that have rules of their own."""

    def told(self, event: Event) -> Iterable[Broken]:  # noqa: ARG002  # as in all cases
        """Return nothing: what its messages are is not known."""
        return ()

    def ended(self) -> Iterable[Broken]:
        """Return that an app has taken it for one that it knows."""
        kind = self.scope.get("type")
        if not isinstance(kind, str) or kind in _PROTOCOLS:
            return ()
        return [conduct.RAISES_ON_UNKNOWN(f"the app has returned from a scope of the type `{kind}`")]

"""What becomes of what an app sends after it has been told that its client has gone.

https://asgi.readthedocs.io/en/latest/specs/www.html#disconnected-client-send-exception
"""

from collections.abc import Iterator
from typing import Any

from asgictl.inspector.record import Event, Observed, Raised
from asgictl.inspector.rules import links
from asgictl.inspector.rules.rule import Broken, Rule

RAISES = Rule(
    "A-173",
    "error",
    "server",
    "After the client has gone `send` does nothing, or raises a subclass of OSError.",
    links.DISCONNECTED_SEND,
)
SILENT = Rule(
    "A-174",
    "info",
    "server",
    "With version 2.4 of the specification `send` should raise an OSError after the client has gone.",
    links.DISCONNECTED_SEND,
)

_RAISING = frozenset(("2.4", "2.5"))


class AfterDisconnect:
    """Follows what is sent after a disconnect: only what would be right on an open connection says something."""

    def __init__(self, scope: dict[str, Any]) -> None:
        asgi = scope.get("asgi")
        version = asgi.get("spec_version") if isinstance(asgi, dict) else None
        self._should_raise = type(version) is str and version in _RAISING
        self.is_gone = False
        self._is_right = self._has_raised = False
        self._latest: int | None = None

    def sent(self, event: Event, *, is_right: bool) -> None:
        """Take note of a message."""
        self._is_right = self.is_gone and is_right
        if self._is_right:
            self._latest = event.n

    def raised(self, record: Raised) -> None:
        """Take note of an exception."""
        self._has_raised = self._has_raised or record.direction == "send"

    def observed(self, record: Observed) -> Iterator[Broken]:
        """Yield that an exception is of the wrong class."""
        if record.what == "refusal" and self._is_right:
            yield RAISES(f"`send` has raised {record.detail}, which is not an OSError")

    def closed(self) -> Iterator[Broken]:
        """Yield that there was no exception at all."""
        if self._should_raise and self._latest is not None and not self._has_raised:
            yield SILENT("the client has gone, and `send` has not raised an OSError", n=self._latest)

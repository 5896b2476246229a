"""How an answer comes: in which pieces, and how fast."""

from asgictl.inspector.headers import pairs, value_of
from asgictl.inspector.record import Event
from asgictl.inspector.rules import links
from asgictl.inspector.rules.rule import Broken, Rule

PIECES = Rule(
    "A-175",
    "info",
    "app",
    "Each part of a body costs a write: empty ones, and many tiny ones, are better put together.",
    links.RESPONSE_BODY,
    "collect some kilobytes before they are sent",
)
SLOW = Rule(
    "A-176",
    "info",
    "app",
    "An answer comes soon, and goes on steadily.",
    links.RESPONSE_START,
    "look at what the application waits for at that place",
)

# So many parts of at most so many bytes are too many.
_MANY, _TINY = 100, 16

# How long the beginning of an answer may take after the latest message that was received, each next message after the
# one before, and the whole, in milliseconds.
FIRST, GAP, WHOLE = 500.0, 5_000.0, 30_000.0


class Pace:
    """How one answer comes; what is wrong with it is told once. An event stream may wait, and have small parts."""

    __slots__ = ("_has_parts", "_is_slow", "_is_split", "_since", "_tiny", "headers")

    def __init__(self) -> None:
        self.headers: object = ()
        self._since = 0.0
        self._tiny = 0
        self._has_parts = self._is_slow = self._is_split = False

    def received(self, ms: float) -> None:
        """Take note of a message for the app, at `ms` milliseconds."""
        self._since = ms

    def started(self, event: Event) -> list[Broken]:
        """Return what is wrong with when an answer begins."""
        waited, self._since = event.ms - self._since, event.ms
        if waited <= FIRST:
            return []
        self._is_slow = True
        return [SLOW(f"the answer begins after {waited / 1000:.1f} s")]

    def sent(self, event: Event, size: int | None, *, more: bool) -> list[Broken]:
        """Return what is wrong with when a part of `size` bytes comes, and with that size."""
        waited, self._since = event.ms - self._since, event.ms
        is_first, self._has_parts = not self._has_parts, True
        is_tiny = more and size is not None and size <= _TINY
        if not (is_tiny or waited > GAP or event.ms > WHOLE) or self._streams():
            return []
        found = []
        if not self._is_slow and (waited > GAP or (event.ms > WHOLE and not more)):
            self._is_slow = True
            found.append(SLOW(f"the answer pauses for {waited / 1000:.1f} s" if waited > GAP else _took(event.ms)))
        if is_tiny and not self._is_split and (odd := self._odd(size, is_first=is_first)):
            self._is_split = True
            found.append(PIECES(odd))
        return found

    def _odd(self, size: int | None, *, is_first: bool) -> str:
        if not size:
            # The first one has the headers sent.
            return "" if is_first else "a part of the body is empty, and others follow"
        self._tiny += 1
        return f"the body has {_MANY} parts of at most {_TINY} bytes" if self._tiny == _MANY else ""

    def _streams(self) -> bool:
        return (value_of(list(pairs(self.headers)), "content-type") or "").lower().startswith("text/event-stream")


def _took(ms: float) -> str:
    return f"the answer takes {ms / 1000:.1f} s"

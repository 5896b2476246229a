"""Making the records that every connection has, faster than their classes do.

A frozen dataclass sets each field by a call of `object.__setattr__`. A draft has the slots of the record and can be
written to; then it becomes the record.
"""

from typing import Any

from asgictl.inspector.record import Closed, Direction, Event, Failure, Opened


class _Opened:
    __slots__ = Opened.__slots__


class _Event:
    __slots__ = Event.__slots__


class _Closed:
    __slots__ = Closed.__slots__


def opened(number: int, at: float, scope: dict[str, Any], replay_of: int | None) -> Opened:
    """Return what `Opened` makes."""
    draft: Any = _Opened()
    draft.id = number
    draft.at = at
    draft.scope = scope
    draft.replay_of = replay_of
    draft.__class__ = Opened
    record: Opened = draft
    return record


def event(  # noqa: PLR0913, PLR0917  # its fields
    number: int,
    n: int,
    ms: float,
    direction: Direction,
    message: Any,
    size: int,
    cut: bool,  # noqa: FBT001  # by a keyword takes longer
    redacted: bool = False,  # noqa: FBT001, FBT002  # as before
) -> Event:
    """Return what `Event` makes."""
    draft: Any = _Event()
    draft.id = number
    draft.n = n
    draft.ms = ms
    draft.direction = direction
    draft.message = message
    draft.size = size
    draft.cut = cut
    draft.redacted = redacted
    draft.__class__ = Event
    record: Event = draft
    return record


def closed(number: int, ms: float, error: Failure | None = None, *, cancelled: bool = False) -> Closed:
    """Return what `Closed` makes."""
    draft: Any = _Closed()
    draft.id = number
    draft.ms = ms
    draft.error = error
    draft.cancelled = cancelled
    draft.__class__ = Closed
    record: Closed = draft
    return record

"""The latest exchanges, kept in memory."""

from asgictl.inspector.assembly import assembled
from asgictl.inspector.endings import ANSWERS, ends
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Opened, Record

# How many exchanges are kept, how many events of each, and how many bytes in all.
EXCHANGES = 200
EVENTS = 1000
BYTES = 64 * 1024 * 1024

# The request, the answer, its trailers and the connection end, beyond the events that are kept.
_ENDS = 4


class Memory:
    """A sink that keeps the latest exchanges; once `exchanges`, `events` or `size` are reached the oldest go."""

    def __init__(self, exchanges: int = EXCHANGES, events: int = EVENTS, size: int = BYTES) -> None:
        """Keep so many exchanges, so many events of each, and together so many bytes of content."""
        self._most = exchanges
        self._events = events
        self._bytes = size
        self._size = 0
        self._kept: dict[int, list[Record]] = {}
        # Of those exchanges only that have any.
        self._sizes: dict[int, int] = {}
        self._left_out: dict[int, int] = {}

    @property
    def exchanges(self) -> list[Exchange]:
        """The exchanges that are kept, the oldest first."""
        return [self[number] for number in list(self._kept)]

    def __getitem__(self, number: int) -> Exchange:
        """Return the exchange with a number; raise `KeyError` when it is not there, or not any more."""
        exchange = assembled(self._kept[number])[number]
        exchange.left_out = self._left_out.get(number, 0)
        return exchange

    def __call__(self, record: Record) -> None:
        """Keep a record."""
        number = record.id
        if record.__class__ is Opened:
            self._kept[number] = [record]
            if len(self._kept) > self._most:
                self._forget()
            return
        records = self._kept.get(number)
        if records is None:  # already forgotten
            return
        over = len(records) - self._events
        if over > 0 and _is_dispensable(record, over):
            self._left_out[number] = self._left_out.get(number, 0) + 1
            return
        if record.__class__ is Event and (size := _size(record)):
            self._size += size
            self._sizes[number] = self._sizes.get(number, 0) + size
        records.append(record)
        while self._size > self._bytes and len(self._kept) > 1:
            self._forget()

    def _forget(self) -> None:
        number = next(iter(self._kept))
        del self._kept[number]
        self._size -= self._sizes.pop(number, 0)
        self._left_out.pop(number, None)


def _size(event: Event) -> int:
    """Return how many bytes of content an event holds."""
    return len(event.content) if event.cut else event.size


def _is_dispensable(record: Record, over: int) -> bool:
    """Tell whether a record can be left out: not one that says how an exchange goes, or ends, as long as few do."""
    if isinstance(record, Event):
        return record.type not in ANSWERS and not (over <= _ENDS and ends(record))
    return not isinstance(record, Closed)

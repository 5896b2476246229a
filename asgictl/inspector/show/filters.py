"""Which exchanges are shown."""

import re
from collections import deque
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from asgictl.errors import ConfigError
from asgictl.inspector.endings import ANSWERS
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Opened, Raised, Record
from asgictl.inspector.request import FilterRequest
from asgictl.inspector.show.searching import Search

_TYPES = ("http", "websocket", "lifespan")
_STATUS = re.compile(r"([1-5])xx|(\d{3})(?:-(\d{3}))?")

# How many records an exchange may have before it is known whether it is shown; then those in the middle are dropped.
_HELD = 500
_FEW = 3
_HELD_BYTES = 8 * 1024 * 1024

# The latest exchanges that are not shown, and whose apps may go on to send.
_REMEMBERED = 1000


class Filter(NamedTuple):
    """What an exchange has to be to be shown; nothing asked for lets everything through."""

    types: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    statuses: tuple[tuple[int, int], ...] = ()
    pattern: re.Pattern[str] | None = None

    @classmethod
    def of(cls, request: FilterRequest) -> "Filter":
        """Return the filter that the options ask for; raise `ConfigError` for what cannot be understood."""
        try:
            pattern = re.compile(request.grep, re.IGNORECASE) if request.grep else None
        except re.error as error:
            problem = f"`--grep {request.grep}` is not a regular expression: {error}"
            raise ConfigError(problem, hint="put a \\ before characters like ( and [", option="grep") from error
        for kind in request.type:
            if kind not in _TYPES:
                hint = f"pass {', '.join(_TYPES[:-1])} or {_TYPES[-1]}"
                raise ConfigError(f"`--type {kind}` is not a type of scope", hint=hint, option="type")
        split = [part.strip() for status in request.status for part in status.split(",")]
        return cls(
            types=request.type,
            methods=tuple(method.upper() for method in request.method),
            paths=request.path,
            statuses=tuple(map(_range, split)),
            pattern=pattern,
        )

    def rejects(self, exchange: Exchange) -> bool:
        """Tell whether what is known from the beginning rules an exchange out."""
        return bool(
            (self.types and exchange.type not in self.types)
            or (self.methods and exchange.method not in self.methods)
            or (self.paths and not any(fnmatchcase(exchange.path, path) for path in self.paths))
        )

    def has(self, status: int | None) -> bool:
        """Tell whether a status is one that is asked for."""
        return not self.statuses or any(low <= (status or 0) <= high for low, high in self.statuses)


class _Pending:
    """An exchange of which it is not known yet whether it is shown."""

    def __init__(self, opened: Opened, pattern: re.Pattern[str] | None) -> None:
        self._head = Exchange(opened)
        self._size = 0
        self._dropped = False
        self._search = Search(pattern, self._head) if pattern else None
        self.held: list[Record] = []
        self.status: int | None = None
        self.found = pattern is None

    @property
    def missed(self) -> dict[str, str]:
        """What could not be searched, by kinds."""
        return self._search.missed if self._search else {}

    def add(self, record: Record) -> None:
        self.held.append(record)
        is_first = isinstance(record, Event) and record.direction == "send" and not self._head.sent
        if is_first or isinstance(record, Closed) or (isinstance(record, Event) and record.type in ANSWERS):
            self._head.add(record)
        elif isinstance(record, Raised):
            self._head.add_known(record)
        self.status = self._head.status
        if self._search and not self.found:
            self.found = self._search.finds(record, self.held, all_held=not self._dropped)
        if isinstance(record, Event):
            self._size += record.size
        while len(self.held) > _FEW and (len(self.held) > _HELD or self._size > _HELD_BYTES):
            self._dropped = True
            dropped = self.held.pop(len(self.held) // 2)
            self._size -= dropped.size if isinstance(dropped, Event) else 0


class Filtered:
    """Lets the records of those exchanges through that a filter wants, held back until that is known."""

    def __init__(self, wanted: Filter, note: Callable[[str], object] = lambda _: None) -> None:
        """Say with `note` where a pattern could not be looked for, once for each reason."""
        self._filter = wanted
        self._note = note
        self._noted: set[str] = set()
        self._pending: dict[int, _Pending] = {}
        # Those that run, and of those that are over the latest.
        self._rejected: set[int] = set()
        self._over: deque[int] = deque()

    def feed(self, record: Record) -> Iterator[Record]:
        """Take in a record; yield those that may be shown now."""
        number = record.id
        if isinstance(record, Opened):
            if self._filter.rejects(Exchange(record)):
                self._reject(number)
            elif self._filter.statuses or self._filter.pattern:
                self._pending[number] = _Pending(record, self._filter.pattern)
        if number in self._rejected:
            if isinstance(record, Closed):
                self._forget_later(number)
            return
        if number not in self._pending:
            yield record
            return
        pending = self._pending[number]
        pending.add(record)
        status = pending.status
        if self._filter.has(status) and pending.found:
            del self._pending[number]
            yield from pending.held
        elif isinstance(record, Closed) or (status is not None and not self._filter.has(status)):
            self._reject(number)
            if isinstance(record, Closed):
                self._forget_later(number)
                self._say(number, pending.missed if self._filter.has(status) else {})

    def _say(self, number: int, missed: dict[str, str]) -> None:
        for kind, reason in missed.items():
            if kind not in self._noted:
                self._noted.add(kind)
                self._note(f"`--grep` could not search all of #{number} ({reason}); others like it are not listed")

    def _reject(self, number: int) -> None:
        self._pending.pop(number, None)
        self._rejected.add(number)

    def _forget_later(self, number: int) -> None:
        self._over.append(number)
        if len(self._over) > _REMEMBERED:
            self._rejected.discard(self._over.popleft())


def _range(text: str) -> tuple[int, int]:
    found = _STATUS.fullmatch(text.lower())
    if found is None:
        hint = "pass one like 404, 5xx or 400-499"
        raise ConfigError(f"`--status {text}` is not a status", hint=hint, option="status")
    hundred, low, high = found.groups()
    if hundred:
        return int(hundred) * 100, int(hundred) * 100 + 99
    return int(low), int(high or low)

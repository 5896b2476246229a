"""Judging what was recorded before, whether it was checked then or not."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Finding, Opened, Record
from asgictl.inspector.reports.judgement import Seen
from asgictl.inspector.request import Check
from asgictl.inspector.rules.referee import LATE, Referee


class _Recorded:
    """An exchange, with the places of the findings that were recorded of it, by message and rule."""

    def __init__(self, opened: Opened) -> None:
        self.exchange = Exchange(opened)
        self.places: dict[tuple[int, str], str] = {}

    def told(self) -> Iterator[Seen]:
        """Yield it, if a rule is broken in it."""
        exchange = self.exchange
        if not exchange.findings:
            return
        exchange.findings[:] = [
            replace(one, place=one.place or self.places.get((one.n, one.rule))) for one in exchange.findings
        ]
        route = exchange.method if exchange.type == "lifespan" else f"{exchange.method} {exchange.path}"
        yield Seen("lifespan" if exchange.type == "lifespan" else route, exchange)


class _Known:
    """The exchanges of which something may still come: those that run, and the latest that have ended."""

    def __init__(self) -> None:
        self._of: dict[int, _Recorded] = {}
        self._ended: dict[int, None] = {}  # in their order

    def add(self, record: Record) -> Iterator[Seen]:
        """Take in a record; yield the exchange that it takes the place of, or is one too many with."""
        if isinstance(record, Opened):
            yield from self._dropped(record.id)
            self._of[record.id] = _Recorded(record)
        elif (one := self._of.get(record.id)) is not None:
            one.exchange.add(record)
        if isinstance(record, Closed) and record.id in self._of:
            self._ended[record.id] = None
            if len(self._ended) > LATE:
                yield from self._dropped(next(iter(self._ended)))

    def find(self, finding: Finding) -> None:
        """Add what is found of an exchange."""
        if finding.id in self._of:
            self._of[finding.id].exchange.add(finding)

    def place(self, finding: Finding) -> None:
        """Take from a finding where it was: only the stack told."""
        if finding.place is not None and finding.id in self._of:
            self._of[finding.id].places[finding.n, finding.rule] = finding.place

    def rest(self) -> Iterator[Seen]:
        """Yield all that are left, in their order."""
        for one in self._of.values():
            yield from one.told()

    def _dropped(self, number: int) -> Iterator[Seen]:
        self._ended.pop(number, None)
        one = self._of.pop(number, None)
        if one is not None:
            yield from one.told()


def seen(records: Iterable[Record], check: Check, *, info: bool) -> Iterator[Seen]:
    """Yield the exchanges among records in which a rule is broken, once nothing more is judged of them."""
    referee = Referee(check, info=info)
    known = _Known()
    for record in records:
        if isinstance(record, Finding):  # which is found again
            known.place(record)
            continue
        yield from known.add(record)
        for finding in referee.findings(record):
            known.find(finding)
    yield from known.rest()

"""Judging what was recorded before, whether it was checked then or not."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Finding, Opened, Record
from asgictl.inspector.reports.judgement import Seen
from asgictl.inspector.request import Check
from asgictl.inspector.rules.referee import Referee


def seen(records: Iterable[Record], check: Check, *, info: bool) -> Iterator[Seen]:
    """Yield the exchanges among records in which a rule is broken."""
    referee = Referee(check, info=info)
    running: dict[int, Exchange] = {}
    places: dict[tuple[int, int, str], str] = {}
    for record in records:
        if isinstance(record, Finding):  # which is found again; only then the stack told where it was
            if record.place is not None:
                places[record.id, record.n, record.rule] = record.place
            continue
        if isinstance(record, Opened):
            yield from _told(running.pop(record.id, None), places)
            running[record.id] = Exchange(record)
        elif record.id in running:
            running[record.id].add(record)
        for finding in referee.findings(record):
            if finding.id in running:
                running[finding.id].add(finding)
    for exchange in running.values():
        yield from _told(exchange, places)


def _told(exchange: Exchange | None, places: dict[tuple[int, int, str], str]) -> Iterator[Seen]:
    if exchange is None or not exchange.findings:
        return
    exchange.findings[:] = [
        replace(one, place=one.place or places.get((one.id, one.n, one.rule))) for one in exchange.findings
    ]
    route = exchange.method if exchange.type == "lifespan" else f"{exchange.method} {exchange.path}"
    yield Seen("lifespan" if exchange.type == "lifespan" else route, exchange)

"""Counting what is found: once for each rule and route."""

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import SEVERITIES, Closed, Finding, Opened, Record, Severity

# So many rules and routes are told apart; what comes beyond is counted by its rule alone.
MOST = 1000

# Of so many connections that have ended the routes are known, for what is found of them later.
_ENDED = 100


class Count(NamedTuple):
    """How often a rule was broken by requests of one route, and the finding that tells most of it."""

    route: str
    shown: Finding
    times: int


def rank(severity: str, place: str | None) -> tuple[int, bool]:
    """Return what is least for the finding of a rule to show: the most serious one, then one with a place."""
    return SEVERITIES.index(severity), place is None


class Tally:
    """A sink that counts exchanges, and what is found of them."""

    def __init__(self) -> None:
        self.exchanges = 0
        self.severities: Counter[Severity] = Counter()
        self._shown: dict[tuple[str, str], Finding] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._opened: dict[int, Opened] = {}
        self._ended: deque[int] = deque()
        self._lock = threading.Lock()

    def __call__(self, record: Record) -> None:
        """Take in a record."""
        if isinstance(record, Opened):
            self.exchanges += 1
            self._opened[record.id] = record
        elif isinstance(record, Closed):
            self._ended.append(record.id)
            if len(self._ended) > _ENDED:
                self._opened.pop(self._ended.popleft(), None)
        elif isinstance(record, Finding):
            with self._lock:
                self._take(record)

    def _take(self, finding: Finding) -> None:
        self.severities[finding.severity] += 1
        opened = self._opened.get(finding.id)
        key = finding.rule, _route(opened) if opened is not None else ""
        if key not in self._shown and len(self._shown) >= MOST:
            key = finding.rule, ""
        before = self._shown.get(key)
        if before is None or rank(finding.severity, finding.place) < rank(before.severity, before.place):
            self._shown[key] = finding
        self._counts[key] += 1

    def counts(self) -> list[Count]:
        """Return what was found, the most serious first, then by rule, and by how often."""
        with self._lock:
            found = [Count(key[1], shown, self._counts[key]) for key, shown in self._shown.items()]
        return sorted(found, key=lambda one: (SEVERITIES.index(one.shown.severity), one.shown.rule, -one.times))

    def lines(self, most: int = 20) -> Iterator[str]:
        """Yield a line for each rule and route, up to `most`, and one for all of them."""
        counts = self.counts()
        for route, shown, times in counts[:most]:
            often = f", {times} times" if times > 1 else ""
            where = f" ({route})" if route else ""
            yield f"{shown.rule} {shown.severity}{often}: {shown.text}{where}"
        if len(counts) > most:
            yield f"and {len(counts) - most} more, each in the views and in the saved session"
        if counts:
            yield f"{number_of(self.exchanges, 'exchange')}: {self.summary()}"

    def summary(self) -> str:
        """Return how many findings there are of each severity."""
        return ", ".join(number_of(self.severities[one], one) for one in SEVERITIES if one != "info")

    def reaches(self, threshold: Severity) -> bool:
        """Tell whether something was found that is as serious as `threshold`."""
        serious: Sequence[Severity] = SEVERITIES[: SEVERITIES.index(threshold) + 1]
        return any(self.severities[one] for one in serious)


def _route(opened: Opened) -> str:
    exchange = Exchange(opened)
    return "lifespan" if exchange.type == "lifespan" else f"{exchange.method} {exchange.target.partition('?')[0]}"


def number_of(count: int, what: str) -> str:
    """Return how many there are of something, in words."""
    return f"{count} {what}{'s' if count != 1 else ''}"

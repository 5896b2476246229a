"""What was found, put together: one fault for each rule and route, however often it came."""

import fnmatch
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import SEVERITIES, Blame, Finding, Severity
from asgictl.inspector.rules import catalogue, tally
from asgictl.inspector.rules.rule import Rule

# What is said of the routes that are not told apart.
_OTHERS = "other routes"


class Seen(NamedTuple):
    """An exchange with findings: of which route it is, and `how` it was made, where that is known."""

    route: str
    exchange: Exchange
    how: str = ""


class Unreached(NamedTuple):
    """What was not probed: so many routes, why, and what to do about it."""

    routes: int
    reason: str
    advice: str


class Breach(NamedTuple):
    """A rule that is broken by a route: the most serious finding of it, where that was, and how often it was found."""

    rule: Rule
    finding: Finding
    seen: Seen
    times: int

    @property
    def severity(self) -> Severity:
        """How serious it is."""
        return self.finding.severity


class Judgement(NamedTuple):
    """What there is to report of `subject`, an app or a session.

    `probed` and `found` count routes, and `probes` the calls, all 0 for a session. `file` is where the app is.
    `hidden` findings are ignored; `ignored` counts them by each pattern that matches, 0 for one that never did.
    """

    subject: str
    faults: tuple[Breach, ...]
    ignored: dict[str, int]
    hidden: int = 0
    probes: int = 0
    probed: int = 0
    found: int = 0
    given: int = 0
    clean: tuple[str, ...] = ()
    unreached: tuple[Unreached, ...] = ()
    given_up: tuple[str, ...] = ()
    file: Path | None = None

    def count(self, severity: Severity) -> int:
        """Return how many faults are of a severity."""
        return sum(fault.severity == severity for fault in self.faults)

    @property
    def by_rule(self) -> list[list[Breach]]:
        """The faults of each rule, the most serious first."""
        groups: dict[str, list[Breach]] = {}
        for fault in self.faults:
            groups.setdefault(fault.rule.id, []).append(fault)
        return sorted(groups.values(), key=lambda faults: min(map(_weight, faults)))

    @property
    def unused(self) -> list[str]:
        """The patterns that have never matched."""
        return [pattern for pattern, count in self.ignored.items() if not count]


def faults(
    seen: Iterable[Seen], ignore: Sequence[str], blames: frozenset[Blame], most: int = sys.maxsize
) -> tuple[tuple[Breach, ...], dict[str, int], int]:
    """Return the faults that one of `blames` has to answer for, how many findings each pattern ignores, and all do.

    A pattern is like `A-168`, or `A-17?`. Beyond `most` rules and routes, only rules are told apart.
    """
    ignored, hidden = dict.fromkeys(ignore, 0), 0
    known = catalogue.rules()
    worst: dict[tuple[str, str], Breach] = {}
    times: Counter[tuple[str, str]] = Counter()
    for one in seen:
        for finding in one.exchange.findings:
            if finding.blame not in blames or finding.rule not in known:
                continue
            matching = [pattern for pattern in ignore if fnmatch.fnmatchcase(finding.rule, pattern)]
            for pattern in matching:
                ignored[pattern] += 1
            if matching:
                hidden += 1
                continue
            key = finding.rule, one.route
            if key not in worst and len(worst) >= most:
                key = finding.rule, _OTHERS
            times[key] += 1
            before = worst.get(key)
            if before is None or _rank(finding) < _rank(before.finding):
                worst[key] = Breach(_blamed(known[finding.rule], finding.blame), finding, one._replace(route=key[1]), 1)
    found = [fault._replace(times=times[key]) for key, fault in worst.items()]
    return tuple(sorted(found, key=_weight)), ignored, hidden


def is_over(severity: Severity, threshold: str) -> bool:
    """Tell whether a severity is at least the threshold: error, warning, or never."""
    return threshold != "never" and SEVERITIES.index(severity) <= SEVERITIES.index(threshold)


def _blamed(rule: Rule, blame: Blame) -> Rule:
    """Return a rule as one that `blame` has broken: what an app has to change is nothing that a server could."""
    return rule if rule.blame == blame else rule._replace(blame=blame, change="")


def _rank(finding: Finding) -> tuple[int, bool]:
    return tally.rank(finding.severity, finding.place)


def _weight(fault: Breach) -> tuple[int, str, str]:
    return SEVERITIES.index(fault.severity), fault.rule.id, fault.seen.route

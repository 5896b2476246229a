"""Failing a test whose app breaks rules of ASGI."""

from collections.abc import Iterable, Sequence

from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import RAISED, SEVERITIES, Finding, Severity
from asgictl.inspector.rules import catalogue


class BrokenRuleError(AssertionError):
    """The app has broken rules of ASGI; `findings` are all of them, the first of each rule is in the message."""

    def __init__(self, findings: Sequence[Finding], exchanges: Iterable[Exchange]) -> None:
        named = {exchange.id: exchange for exchange in exchanges}
        first = {finding.rule: finding for finding in reversed(findings)}
        super().__init__("\n".join(_told(first[rule], named.get(first[rule].id)) for rule in sorted(first)))
        self.findings = tuple(findings)


def check(findings: Iterable[Finding], exchanges: Iterable[Exchange], level: Severity) -> None:
    """Raise `BrokenRuleError` where there are findings as serious as `level`."""
    serious = SEVERITIES[: SEVERITIES.index(level) + 1]
    found = [finding for finding in findings if finding.severity in serious and finding.rule != RAISED]
    if found:
        __tracebackhide__ = True
        raise BrokenRuleError(found, exchanges)


def _told(finding: Finding, exchange: Exchange | None) -> str:
    rule = catalogue.rules()[finding.rule]
    what = f"#{finding.id} {exchange.method} {exchange.target.partition('?')[0]}".strip() if exchange else ""
    place = f" ({finding.place})" if finding.place else ""
    return (
        f"{what}: {finding.rule} {finding.severity}: {finding.text}{place}\n"
        f"  {rule.sentence} {rule.link}\n"
        f"  To do: {rule.change}"
    )

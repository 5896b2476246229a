"""A report as the object that `asgictl check --format json` answers with (docs/json.md)."""

from typing import Any

from asgictl.inspector.record import SEVERITIES
from asgictl.inspector.reports import around
from asgictl.inspector.reports.judgement import Breach, Judgement
from asgictl.inspector.rules import catalogue
from asgictl.inspector.rules.rule import Rule


def of(judgement: Judgement) -> dict[str, Any]:
    """Return a report as JSON has it."""
    return {
        "subject": judgement.subject,
        "counts": {severity: judgement.count(severity) for severity in SEVERITIES},
        "faults": [_fault(fault) for fault in judgement.faults],
        "ignored": judgement.ignored,
        "routes": {"found": judgement.found, "probed": judgement.probed, "given": judgement.given},
        "probes": judgement.probes,
        "unreached": [it._asdict() for it in judgement.unreached],
        "given_up": list(judgement.given_up),
    }


def of_rule(rule: Rule, *, examples: bool) -> dict[str, Any]:
    """Return a rule as JSON has it, with its examples if asked for."""
    found = {**rule._asdict(), "change": rule.change or None}
    if examples:
        known = sorted(catalogue.examples(rule.id), key=lambda one: not one.breaks)
        found["examples"] = [{"breaks": one.breaks, "source": one.source} for one in known]
    return found


def _fault(fault: Breach) -> dict[str, Any]:
    finding = fault.finding
    return {
        "rule": fault.rule.id,
        "severity": finding.severity,
        "blame": finding.blame,
        "route": fault.seen.route,
        "how": fault.seen.how or None,
        "text": finding.text,
        "place": finding.place,
        "times": fault.times,
        "sentence": fault.rule.sentence,
        "link": fault.rule.link,
        "change": fault.rule.change or None,
        "exchange": finding.id,
        "events": [
            {"sign": row.sign, "text": row.text, "broke": row.broke}
            for row in around.rows(fault.seen.exchange, finding)
        ],
    }

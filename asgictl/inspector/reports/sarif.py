"""A report as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html)."""

from typing import Any

from asgictl.inspector.reports import locations
from asgictl.inspector.reports.judgement import Breach, Judgement
from asgictl.inspector.rules.rule import Rule

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}

# What a finding is compared by from run to run: neither its line nor its text, which change.
_FINGERPRINT = "ruleAndRoute/v1"


def of(judgement: Judgement, version: str) -> dict[str, Any]:
    """Return a report as a log with one run, by asgictl in this `version`."""
    rules = [faults[0].rule for faults in judgement.by_rule]
    places = {rule.id: place for place, rule in enumerate(rules)}
    driver = {"name": "asgictl", "version": version, "rules": [_rule(rule) for rule in rules]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(fault, judgement, places) for fault in judgement.faults],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    change = {"help": {"text": rule.change}} if rule.change else {}
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.sentence},
        **change,
        "helpUri": rule.link,
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": ["asgi", rule.blame]},
    }


def _result(fault: Breach, judgement: Judgement, places: dict[str, int]) -> dict[str, Any]:
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": fault.seen.route, "kind": "resource"}]}
    if (place := locations.of(fault, judgement)) is not None:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": place.uri},
            "region": {"startLine": place.line},
        }
    return {
        "ruleId": fault.rule.id,
        "ruleIndex": places[fault.rule.id],
        "level": _LEVELS[fault.severity],
        "message": {"text": locations.said(fault)},
        "locations": [location],
        "partialFingerprints": {_FINGERPRINT: f"{fault.rule.id} {fault.seen.route}"},
        "occurrenceCount": fault.times,
    }

"""Every rule of the app's side has an app that breaks it, and is told of by that rule alone, and one that keeps it."""

import pytest

from asgictl.inspector.rules import catalogue
from asgictl.inspector.rules.rule import Rule
from tests.inspector.rules.judged import findings_of

# An app of ASGI 2 runs nearly everywhere; one that is not callable at all, which is an error, runs nowhere.
MILDER = {"A-009": "warning"}

RULES = [rule for rule in catalogue.rules().values() if rule.blame == "app"]


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_the_app_that_breaks_it(rule: Rule) -> None:
    """The app that breaks a rule is told of by exactly that rule."""
    broken = [example for example in catalogue.examples(rule.id) if example.breaks]

    assert broken
    for example in broken:
        assert {finding.rule for finding in findings_of(example.app, example.scope, example.messages)} == {rule.id}


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_how_serious_it_is(rule: Rule) -> None:
    """The first app that breaks a rule, which its page shows, is told of as seriously as the rule says."""
    first = next(example for example in catalogue.examples(rule.id) if example.breaks)
    found = findings_of(first.app, first.scope, first.messages)

    assert {(finding.rule, finding.severity) for finding in found} == {(rule.id, MILDER.get(rule.id, rule.severity))}


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_the_app_that_keeps_it(rule: Rule) -> None:
    """Nothing is said of the app beside it that keeps the rule."""
    kept = [example for example in catalogue.examples(rule.id) if not example.breaks]

    assert kept
    for example in kept:
        assert findings_of(example.app, example.scope, example.messages) == []


@pytest.mark.parametrize("rule", catalogue.rules().values(), ids=list(catalogue.rules()))
def test_what_a_rule_says(rule: Rule) -> None:
    """A rule is a sentence, which stands somewhere, and a rule of the app's side says what to change."""
    assert rule.sentence.endswith(".")
    assert rule.sentence[0].isupper()
    assert rule.link.startswith("https://")
    assert bool(rule.change) == (rule.blame == "app")

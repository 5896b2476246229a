"""The catalogue of rules for people, and one rule with its examples."""

from collections.abc import Iterable, Iterator

from asgictl.inspector.rules import catalogue
from asgictl.inspector.rules.rule import Rule
from asgictl.spans import Line, Span

_STYLES = {"error": "red", "warning": "yellow", "info": "dim"}


def listed(rules: Iterable[Rule]) -> Iterator[Line]:
    """Yield a line for each rule."""
    for rule in rules:
        severity = Span(f"{rule.severity:<8}", _STYLES[rule.severity])
        yield [Span(f"{rule.id}  ", "bold"), severity, Span(f"{rule.blame:<7}"), Span(rule.sentence)]


def page(rule: Rule) -> Iterator[Line]:
    """Yield what there is to know of a rule: what it says, what to do, an app that breaks it and one that does not."""
    yield [Span(f"{rule.id}  {rule.sentence}", "bold")]
    yield [Span(rule.severity, _STYLES[rule.severity]), Span(f", the {rule.blame} has to keep it")]
    if rule.change:
        yield [Span(f"to do: {rule.change}")]
    yield [Span(rule.link, "dim")]
    for example in sorted(catalogue.examples(rule.id), key=lambda one: not one.breaks):
        yield []
        yield [Span("this breaks it:" if example.breaks else "this does not:", "red" if example.breaks else "green")]
        yield from ([Span(f"    {text}" if text else "")] for text in example.source.splitlines())

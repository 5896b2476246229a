"""A report for people: rule by rule, with what happened, where it stands, and what to change."""

from collections.abc import Iterator

from asgictl.inspector.record import SEVERITIES
from asgictl.inspector.reports import around
from asgictl.inspector.reports.judgement import Breach, Judgement
from asgictl.spans import Line, Span

_STYLES = {"error": "red", "warning": "yellow", "info": "dim"}

# Of so many routes that break a rule is shown what happened; others are named, and the rest is counted.
_SHOWN = 2
_NAMED = 10


def lines(judgement: Judgement) -> Iterator[Line]:
    """Yield the lines of a report."""
    for faults in judgement.by_rule:
        yield from _of_rule(faults)
        yield []
    yield [Span(judgement.subject, "bold"), Span(f": {outcome(judgement)}")]
    for text in reach(judgement):
        yield [Span(text)]


def outcome(judgement: Judgement) -> str:
    """Return how many faults there are, in words."""
    counts = [(judgement.count(severity), severity) for severity in SEVERITIES]
    said = [f"{count} {name}{'s' if count != 1 and name != 'info' else ''}" for count, name in counts if count]
    hidden = judgement.hidden
    more = f" ({hidden} finding{'s' if hidden != 1 else ''} ignored)" if hidden else ""
    return f"{', '.join(said) or 'no rule is broken'}{more}"


def reach(judgement: Judgement) -> Iterator[str]:
    """Yield what was probed, and what not, in words."""
    if judgement.probes:
        count = f"{judgement.probes} probe{'s' if judgement.probes != 1 else ''}"
        what = (
            "no route is known" if not judgement.found else f"{judgement.probed} of {_routes(judgement.found)} probed"
        )
        if judgement.given:
            what += f", and {judgement.given} --path"
        why = "; ".join(f"{it.routes} {it.reason}, {it.advice}" for it in judgement.unreached)
        if not judgement.found and not judgement.given:
            why = "only GET / is probed, pass --path"
        yield f"{what}{f': {why}' if why else ''} ({count})"
    yield from judgement.given_up


def _routes(count: int) -> str:
    return f"{count} route{'s' if count != 1 else ''}"


def _of_rule(faults: list[Breach]) -> Iterator[Line]:
    rule, severity = faults[0].rule, faults[0].severity
    yield [
        Span(f"{severity} {rule.id}", _STYLES[severity]),
        Span(f"  {rule.sentence}", "bold"),
        Span(f"  ({rule.blame})"),
    ]
    for fault in faults[:_SHOWN]:
        yield from _of_fault(fault)
    for fault in faults[_SHOWN:_NAMED]:
        yield _heading(fault)
    if more := faults[_NAMED:]:
        yield [Span(f"  and {_routes(len(more))} more", "dim")]
    if rule.change:
        yield [Span("  to do: "), Span(rule.change)]
    yield [Span(f"  {rule.link}", "dim")]


def _of_fault(fault: Breach) -> Iterator[Line]:
    yield _heading(fault)
    if fault.severity != "info":
        for row in around.rows(fault.seen.exchange, fault.finding):
            line = around.line(row)
            yield [line[0]._replace(text=f"  {line[0].text}"), *line[1:]]
            if row.broke:
                yield [Span("        "), Span(fault.finding.text, "red")]


def _heading(fault: Breach) -> Line:
    place = [Span(f"  {fault.finding.place}", "cyan")] if fault.finding.place else []
    how = f", {fault.seen.how}" if fault.seen.how else ""
    times = f"  {fault.times} times" if fault.times > 1 else ""
    said = f": {fault.finding.text}" if fault.severity == "info" else ""
    return [Span(f"  {fault.seen.route}", "bold"), Span(f"{how}{said}"), *place, Span(times, "dim")]

"""A report as workflow commands, which GitHub Actions shows at the lines of a pull request.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-a-notice-message
"""

from collections.abc import Iterator

from asgictl.inspector.reports import locations
from asgictl.inspector.reports.judgement import Judgement

_NAMES = {"error": "error", "warning": "warning", "info": "notice"}


def of(judgement: Judgement) -> Iterator[str]:
    """Yield a command for each fault."""
    for fault in judgement.faults:
        place = locations.of(fault, judgement)
        where = f"file={_property(place.file)},line={place.line}," if place else ""
        title = _property(f"{fault.rule.id} {fault.rule.sentence}")
        change = f". To do: {fault.rule.change}" if fault.rule.change else ""
        text = f"{locations.said(fault)}{change} ({fault.rule.link})"
        yield f"::{_NAMES[fault.severity]} {where}title={title}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

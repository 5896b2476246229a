"""A report as JUnit's XML, as Jenkins and GitLab read it: a test case for each route, and for each of its faults."""

import re
from collections.abc import Iterator
from typing import Any

from asgictl.inspector.reports import around, judgement, locations
from asgictl.inspector.reports.judgement import Breach, Judgement

# What XML 1.0 cannot hold, section 2.2.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def of(found: Judgement, threshold: str) -> str:
    """Return a report in which what is at least as serious as the threshold has failed."""
    from xml.etree import ElementTree as ET  # to write

    cases = list(_cases(found, threshold, ET))
    failures = str(sum(case.find("failure") is not None for case in cases))
    counts = {"tests": str(len(cases)), "failures": failures, "errors": "0"}
    root = ET.Element("testsuites", {"name": "asgictl check", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _clean(found.subject), **counts})
    suite.extend(cases)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _cases(found: Judgement, threshold: str, tree: Any) -> Iterator[Any]:
    group = _clean(found.subject)
    for route in found.clean:
        yield tree.Element("testcase", name=_clean(route), classname=group, time="0")
    for fault in found.faults:
        case = tree.Element("testcase", name=_clean(f"{fault.seen.route} {fault.rule.id}"), classname=group, time="0")
        if judgement.is_over(fault.severity, threshold):
            message = _clean(locations.said(fault))
            tree.SubElement(case, "failure", type=fault.rule.id, message=message).text = _text(fault)
        else:
            tree.SubElement(case, "system-out").text = _text(fault)
        yield case


def _text(fault: Breach) -> str:
    rows = around.rows(fault.seen.exchange, fault.finding)
    events = "\n".join("".join(span.text for span in around.line(row)).rstrip() for row in rows)
    place = f"\n{fault.finding.place}" if fault.finding.place else ""
    change = f"\nto do: {fault.rule.change}" if fault.rule.change else ""
    about = f"{fault.severity}: {fault.rule.sentence}"
    return _clean(f"{about}\n{events}\n{fault.finding.text}{place}{change}\n{fault.rule.link}")


def _clean(text: str) -> str:
    return _NOT_XML.sub(lambda match: ascii(match[0])[1:-1], text)

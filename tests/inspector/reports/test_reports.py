"""A report says the same in each form: what was found, where, what happened around it, and what to change."""

import json
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from asgictl.asgi import Message
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Blame, Closed, Event, Failure, Finding, Opened, Raised, Record, Severity
from asgictl.inspector.reports import (
    around,
    json_report,
    judgement,
    junit,
    recorded,
    rule_pages,
    sarif,
    text_report,
    workflow_commands,
)
from asgictl.inspector.reports.judgement import Judgement, Seen, Unreached
from asgictl.inspector.rules import catalogue

SCOPE = {"type": "http", "method": "GET", "path": "/", "http_version": "1.1"}
START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"\x00x"}


def finding(n: int, rule: str = "A-153", severity: Severity = "error", **more: Any) -> Finding:
    """Return a finding by a message."""
    blame: Blame = more.pop("blame", "app")
    return Finding(7, n, more.pop("ms", float(n)), rule, severity, blame, more.pop("text", "100% again"), **more)


def exchange(*findings: Finding, error: Failure | None = None, parts: int = 0) -> Exchange:
    """Return an exchange whose answer begins twice."""
    made = Exchange(Opened(7, 0.0, SCOPE))
    events = [
        Event(7, 1, 1.0, "receive", {"type": "http.request", "body": b"", "more_body": False}),
        Event(7, 2, 2.0, "send", START),
        Event(7, 3, 3.0, "send", START),
    ]
    events += [Event(7, 4 + n, 4.0 + n, "send", {**BODY, "more_body": True}, size=2) for n in range(parts)]
    records: list[Record] = [*events, *findings, Closed(7, 99.0, error=error)]
    for record in records:
        made.add(record)
    return made


def judged(*seen: Seen, ignore: tuple[str, ...] = (), blames: frozenset[Blame] = frozenset({"app"})) -> Judgement:
    """Return what is found in exchanges of an app."""
    faults, ignored, hidden = judgement.faults(seen, ignore, blames)
    return Judgement(
        "main:app (ASGI)",
        faults,
        ignored,
        hidden,
        probes=9,
        probed=2,
        found=4,
        given=1,
        clean=("GET /fine",),
        unreached=(Unreached(2, "have parameters", "pass --path"),),
        file=Path("main.py"),
    )


TWICE = finding(3, place="main.py:12")
QUIET = finding(2, "A-168", "info", text="no type")
WARNS = finding(3, "A-011", "warning", text="an object of `int`", ms=99.0)
EXAMPLE = judged(
    Seen("GET /a,b", exchange(TWICE), "over HTTP/1.1"),
    Seen("GET /a,b", exchange(TWICE, QUIET), "over HTTP/2"),
    Seen("GET /c", exchange(WARNS)),
)

TEXT = """\
error A-153  An answer has exactly one `http.response.start`.  (app)
  GET /a,b, over HTTP/1.1  main.py:12  2 times
      GET /  HTTP/1.1
      ◂ http.request  0 B
      ▸ http.response.start  200 OK
    ✗ ▸ http.response.start  200 OK
        100% again
      ■ returns
  to do: {A-153}
  https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event

warning A-011  An application returns None: its answer is what it sends.  (app)
  GET /c
      GET /  HTTP/1.1
      ◂ http.request  0 B
      ▸ http.response.start  200 OK
      ▸ http.response.start  200 OK
    ✗ ■ returns
        an object of `int`
  to do: {A-011}
  https://asgi.readthedocs.io/en/latest/specs/main.html#applications

info A-168  {sentence}  (app)
  GET /a,b, over HTTP/2: no type
  to do: {A-168}
  {link}

main:app (ASGI): 1 error, 1 warning, 1 info
2 of 4 routes probed, and 1 --path: 2 have parameters, pass --path (9 probes)
"""


def text(found: Judgement) -> str:
    """Return a report for people."""
    return "".join("".join(span.text for span in line) + "\n" for line in text_report.lines(found))


def test_for_people() -> None:
    """Rule by rule, the most serious first: the routes, what happened with a mark, what to do, and where it stands."""
    rules = catalogue.rules()
    known = {f"{{{number}}}": rule.change for number, rule in rules.items()}
    known |= {"{sentence}": rules["A-168"].sentence, "{link}": rules["A-168"].link}
    wanted = TEXT
    for mark, said in known.items():
        wanted = wanted.replace(mark, said)

    assert text(EXAMPLE) == wanted


def test_many_routes() -> None:
    """Of a rule that many routes break what happened is shown twice, others are named, and the rest is counted."""
    found = text(judged(*(Seen(f"GET /{n:02}", exchange(TWICE)) for n in range(15))))

    assert found.count("✗") == 2
    assert found.count("GET /0") == 10
    assert "  and 5 routes more\n" in found


REACHES: dict[str, Judgement] = {
    "1 of 1 route probed (1 probe)": Judgement("x", (), {}, probes=1, probed=1, found=1),
    "no route is known: only GET / is probed, pass --path (8 probes)": Judgement("x", (), {}, probes=8),
    "no route is known, and 1 --path (8 probes)": Judgement("x", (), {}, probes=8, given=1),
    "": Judgement("s.jsonl", (), {}),
}


@pytest.mark.parametrize("said", REACHES)
def test_what_was_reached(said: str) -> None:
    """How much of the app was probed is said, and what to do for more; of a session there is nothing to say."""
    assert list(text_report.reach(REACHES[said])) == [said] * bool(said)


def test_what_is_ignored() -> None:
    """What is ignored is counted by its pattern, and one that never matched is known."""
    found = judged(Seen("GET /", exchange(TWICE, QUIET)), ignore=("A-15?", "A-153", "A-011"))

    assert (found.ignored, found.unused) == ({"A-15?": 1, "A-153": 1, "A-011": 0}, ["A-011"])
    assert text_report.outcome(found) == "1 info (1 finding ignored)"
    assert text_report.outcome(Judgement("x", (), {})) == "no rule is broken"


def test_whose_rules() -> None:
    """What the other side has to answer for is left out, and so is a rule that only another version knows."""
    servers = finding(0, "A-153", blame="server")
    seen = Seen("GET /", exchange(servers, finding(1, "A-999")))

    assert judged(seen).faults == ()
    assert [fault.finding for fault in judged(seen, blames=frozenset({"server"})).faults] == [servers]


def test_the_place_counts() -> None:
    """Of several findings that one is shown which has a place."""
    (fault,) = judged(Seen("GET /", exchange(finding(3))), Seen("GET /", exchange(TWICE))).faults

    assert (fault.finding.place, fault.times) == ("main.py:12", 2)


THRESHOLDS = [
    ("error", "error", True),
    ("warning", "error", False),
    ("warning", "warning", True),
    ("error", "never", False),
]


@pytest.mark.parametrize(("severity", "threshold", "is_over"), THRESHOLDS)
def test_the_threshold(severity: Severity, threshold: str, is_over: bool) -> None:  # a row
    """Only what is at least as serious as the threshold counts."""
    assert judgement.is_over(severity, threshold) is is_over


def rows(found: Exchange, one: Finding) -> list[str]:
    """Return the lines around a finding."""
    return ["".join(span.text for span in around.line(row)).rstrip() for row in around.rows(found, one)]


def test_the_most_serious_counts() -> None:
    """An error is not hidden by milder findings of its rule and route, those with a place included."""
    rising: list[tuple[Severity, str | None]] = [
        ("info", "main.py:1"),
        ("warning", "main.py:2"),
        ("error", None),
        ("error", "main.py:3"),
        ("warning", "main.py:4"),
    ]
    seen = [Seen("GET /", exchange(finding(3, "A-162", severity, place=place))) for severity, place in rising]

    (fault,) = judged(*seen).faults

    assert (fault.severity, fault.finding.place, fault.times) == ("error", "main.py:3", 5)


def test_around_a_message() -> None:
    """Of a long exchange the beginning is shown, and what is near."""
    one = finding(10)

    part = "    ▸ http.response.body  2 B, more_body  00 78"
    assert rows(exchange(one, parts=20), one) == [
        "    GET /  HTTP/1.1",
        "    ◂ http.request  0 B",
        "    …",
        *[part] * 3,
        part.replace("   ▸", " ✗ ▸"),
        *[part] * 3,
        "    …",
    ]


def test_around_the_scope_and_the_end() -> None:
    """A scope that breaks a rule has the mark, and so has the end: what the app raises is told with its place."""
    scope, end = finding(0), finding(3, ms=99.0)
    error = Failure("ValueError", "boom\nand more", "", place="main.py:3")

    assert rows(exchange(scope), scope)[0] == "  ✗ GET /  HTTP/1.1"
    assert rows(exchange(end, error=error), end)[-1] == "  ✗ ■ raises ValueError: boom and more  main.py:3"


def test_as_json() -> None:
    """Everything is there, also what happened, and what was not probed."""
    found = json_report.of(EXAMPLE)

    assert found["counts"] == {"error": 1, "warning": 1, "info": 1}
    assert (found["routes"], found["probes"]) == ({"found": 4, "probed": 2, "given": 1}, 9)
    assert found["unreached"] == [{"routes": 2, "reason": "have parameters", "advice": "pass --path"}]
    fault = found["faults"][0]
    assert {key: fault[key] for key in ("rule", "route", "how", "place", "times", "text", "exchange")} == {
        "rule": "A-153",
        "route": "GET /a,b",
        "how": "over HTTP/1.1",
        "place": "main.py:12",
        "times": 2,
        "text": "100% again",
        "exchange": 7,
    }
    assert [event for event in fault["events"] if event["broke"]] == [
        {"sign": "▸", "text": "http.response.start  200 OK", "broke": True}
    ]


_TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_REGION = {"type": "object", "properties": {"startLine": {"type": "integer", "minimum": 1}}}
_LOCATION = {
    "type": "object",
    "required": ["logicalLocations"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation", "region"],
            "properties": {
                "artifactLocation": {"properties": {"uri": {"type": "string", "format": "uri-reference"}}},
                "region": _REGION,
            },
        }
    },
}
# What of SARIF 2.1.0 is promised (sections 3.13, 3.14, 3.19, 3.27 and 3.49).
SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "version", "rules"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id", "shortDescription", "helpUri"],
                                            "properties": {
                                                "shortDescription": _TEXT,
                                                "help": _TEXT,
                                                "helpUri": {"type": "string", "format": "uri"},
                                                "defaultConfiguration": {"properties": {"level": _LEVEL}},
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
                            "properties": {
                                "level": _LEVEL,
                                "message": _TEXT,
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "locations": {"type": "array", "minItems": 1, "items": _LOCATION},
                                "occurrenceCount": {"type": "integer", "minimum": 1},
                                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                            },
                        },
                    },
                },
            },
        },
    },
}


def test_as_sarif() -> None:
    """The log has each rule once, and each fault at its line, or at the beginning of the app's file."""
    log = sarif.of(EXAMPLE, "1.2.3")

    jsonschema.Draft202012Validator(SARIF).validate(json.loads(json.dumps(log)))
    (run,) = log["runs"]
    rules, results = run["tool"]["driver"]["rules"], run["results"]
    assert [rule["id"] for rule in rules] == ["A-153", "A-011", "A-168"]
    assert [rules[result["ruleIndex"]]["id"] for result in results] == [result["ruleId"] for result in results]
    assert [result["level"] for result in results] == ["error", "warning", "note"]
    assert results[0]["message"] == {"text": "GET /a,b (over HTTP/1.1): 100% again"}
    assert [result["locations"][0]["physicalLocation"] for result in results[:2]] == [
        {"artifactLocation": {"uri": "main.py"}, "region": {"startLine": 12}},
        {"artifactLocation": {"uri": "main.py"}, "region": {"startLine": 1}},
    ]
    assert results[0]["occurrenceCount"] == 2


def test_sarif_without_a_place() -> None:
    """Of a session nothing but the route is known; a file elsewhere is a URL."""
    unknown = judged(Seen("GET /c", exchange(WARNS)))._replace(file=None)
    elsewhere = judged(Seen("GET /c", exchange(finding(3, place="/srv/a b/main.py:3"))))
    places = [sarif.of(one, "1")["runs"][0]["results"][0]["locations"][0] for one in (unknown, elsewhere)]

    assert places[0] == {"logicalLocations": [{"fullyQualifiedName": "GET /c", "kind": "resource"}]}
    assert places[1]["physicalLocation"]["artifactLocation"] == {"uri": "file:///srv/a%20b/main.py"}


def test_as_junit() -> None:
    """There is a case for each route without faults, and for each fault; what is under the threshold has passed."""
    root = ET.fromstring(junit.of(EXAMPLE, "error"))  # our own

    (suite,) = root
    assert (root.tag, dict(suite.attrib)) == (
        "testsuites",
        {"name": "main:app (ASGI)", "tests": "4", "failures": "1", "errors": "0"},
    )
    cases = [(case.get("name"), [part.tag for part in case]) for case in suite]
    assert cases == [
        ("GET /fine", []),
        ("GET /a,b A-153", ["failure"]),
        ("GET /c A-011", ["system-out"]),
        ("GET /a,b A-168", ["system-out"]),
    ]
    failure = suite[1][0]
    assert dict(failure.attrib) == {"type": "A-153", "message": "GET /a,b (over HTTP/1.1): 100% again"}
    assert "  ✗ ▸ http.response.start  200 OK\n" in str(failure.text)
    assert junit.of(EXAMPLE, "warning").count("<failure") == 2


def test_junit_of_what_is_no_xml() -> None:
    """What XML cannot hold is written in other words."""
    odd = judged(Seen("GET /\x00", exchange(finding(3, text="<\ud800&\x1b>"))))

    (case,) = list(ET.fromstring(junit.of(odd, "error")).iter("failure"))  # our own
    assert case.get("message") == "GET /\\x00: <\\ud800&\\x1b>"


def test_for_github() -> None:
    """Each fault is one command with file and line, in which nothing ends the command, or its values."""
    change = {number: rule.change for number, rule in catalogue.rules().items()}
    site = "https://asgi.readthedocs.io/en/latest/specs"

    assert list(workflow_commands.of(EXAMPLE))[:2] == [
        "::error file=main.py,line=12,title=A-153 An answer has exactly one `http.response.start`.::"
        f"GET /a,b (over HTTP/1.1): 100%25 again. To do: {change['A-153']} ({site}/www.html#response-start-send-event)",
        "::warning file=main.py,line=1,title=A-011 An application returns None%3A its answer is what it sends.::"
        f"GET /c: an object of `int`. To do: {change['A-011']} ({site}/main.html#applications)",
    ]


def test_a_rule_for_people() -> None:
    """A rule is shown with an app that breaks it, and one that does not."""
    rule = catalogue.rules()["A-141"]
    page = ["".join(span.text for span in line) for line in rule_pages.page(rule)]

    assert page[:4] == [f"A-141  {rule.sentence}", "error, the app has to keep it", f"to do: {rule.change}", rule.link]
    assert [said in page for said in ("this breaks it:", "this does not:")] == [True, True]
    assert "    async def status_as_text(scope: Scope, receive: Receive, send: Send) -> None:" in page


def test_the_catalogue_for_people() -> None:
    """The catalogue has a line for each rule."""
    rules = catalogue.chosen(["A-141"])
    (line,) = rule_pages.listed(rules)

    assert "".join(span.text for span in line) == f"A-141  error   app    {rules[0].sentence}"


def test_what_was_recorded() -> None:
    """A session is judged again, whether it was then or not; only the place is taken from what was found then."""
    records: list[Record] = [*exchange().records()]
    again: list[Record] = [records[0], TWICE, finding(1), *records[1:-1]]
    failure = Raised(8, 0, 1.0, "send", Failure("E", "", ""))
    lifespan: list[Record] = [Opened(8, 0.0, {"type": "lifespan"}), failure, Closed(8, 2.0)]

    (unchecked,) = list(recorded.seen([*records, *lifespan[2:]], "app", info=False))
    first, *_ = list(recorded.seen([*again, *lifespan], "app", info=False))

    assert unchecked.route == first.route == "GET /"
    assert [(one.rule, one.place) for one in unchecked.exchange.findings if one.rule == "A-153"] == [("A-153", None)]
    assert [(one.rule, one.place) for one in first.exchange.findings if one.rule == "A-153"] == [
        ("A-153", "main.py:12")
    ]


def test_a_long_session() -> None:
    """What has ended is judged and dropped while the session is read, and what comes late is judged as well."""
    alive: list[weakref.ref[Message]] = []

    class Body(dict[str, Any]):
        """A message that can be referred to weakly."""

    def records() -> Iterator[Record]:
        for number in range(1000):
            message = Body(START)
            alive.append(weakref.ref(message))
            yield Opened(number, 0.0, SCOPE)
            yield Event(number, 1, 1.0, "send", message)
            yield Closed(number, 2.0)
            del message
            assert sum(one() is not None for one in alive) < 200
            yield Event(number, 2, 3.0, "send", BODY)

    found = [[one.rule for one in each.exchange.findings] for each in recorded.seen(records(), "app", info=False)]

    assert len(found) == 1000
    assert all("A-023" in rules for rules in found)


def test_many_rules_and_routes() -> None:
    """Beyond a limit routes are not told apart, and nothing is left out of the counts."""
    seen = [Seen(f"GET /{n}", exchange(finding(3, severity="warning" if n < 9 else "error"))) for n in range(10)]

    found, _, _ = judgement.faults(seen, (), frozenset({"app"}), most=2)

    assert [(one.seen.route, one.severity, one.times) for one in found] == [
        ("other routes", "error", 8),
        ("GET /0", "warning", 1),
        ("GET /1", "warning", 1),
    ]

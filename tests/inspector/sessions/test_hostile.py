"""Sessions by another hand: each value of each kind in each place is read, or refused with the number of its line."""

import contextlib
import gc
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from asgictl.cli import app
from asgictl.inspector.record import Continued, Earlier, Failure, Raised
from asgictl.inspector.sessions import codec
from tests.inspector import recordings

HEADER = '{"k":"session","schema":"asgictl.inspect/1","t":"2026-11-28T19:00:00.000Z","redacted":["cookie"]}\n'
GONE = Raised(8, 4, 30.0, "send", Failure("OSError", "gone", "Traceback", stack="File x", place="x.py:1"))
RECORDS = [
    *recordings.REQUEST,
    Continued(6, 1_700_000_000.0, recordings.SCOPE, replay_of=2, earlier=Earlier(1, 21, 0, "s.1.jsonl")),
    *recordings.CHAT[:-1],
    GONE,
    recordings.CHAT[-1],
    *recordings.FAILING,
]
LINES = [json.loads(HEADER), *(json.loads(codec.dumps(record)) for record in RECORDS)]

APP = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
"""

COMMANDS = [
    ["show", "s.jsonl"],
    ["show", "s.jsonl", "--view", "json"],
    ["show", "s.jsonl", "--view", "full", "--grep", "x", "--status", "100-599", "--path", "*", "--method", "post"],
    ["show", "s.jsonl", "7"],
    ["show", "s.jsonl", "8"],
    ["diff", "s.jsonl", "7", "9"],
    ["diff", "s.jsonl", "7", "8"],
    ["export", "s.jsonl", "--har"],
    ["export", "s.jsonl", "--curl", "7"],
    ["export", "s.jsonl", "--httpie", "9"],
    ["replay", "s.jsonl", "--app", "hostile_app:app", "--timeout", "0.5", "--diff"],
    ["replay", "s.jsonl", "--to", "http://127.0.0.1:9", "--timeout", "0.1"],
]


def places(value: Any) -> Iterator[list[Any]]:
    """Yield the ways to each place in some JSON."""
    yield []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        for way in places(item):
            yield [key, *way]


PLACES = [(line, way) for line, fields in enumerate(LINES) for way in places(fields)]


class Verbatim(str):
    """Text that is written as it is, and need not be JSON."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Verbatim({self[:20]!r})"


def nested(depth: int) -> Verbatim:
    """Return lists in each other."""
    return Verbatim("[" * depth + "1" + "]" * depth)


MARKS = [
    *({"$b64": "AA=="}, {"$b64": "x"}, {"$bytearray": "AA=="}, {"$str": 5}, {"$float": "nan"}, {"$float": "x"}),
    *({"$redacted": -1}, {"$redacted": 7}, {"$object": "\x1b"}, {"$items": 5}, {"$items": [["type", "http"]]}),
    *({"$items": [[{}, 1]]}, {"$items": [[[1], 1]]}),
]
TIMES = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00+23:59", "-0001-01-01"]
TYPES = ["http", "websocket", "lifespan", "http.response.start", "websocket.accept", "websocket.close", "send"]
atoms = st.one_of(
    st.sampled_from([None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, -(10**30), 1e308, -0.5, [], {}]),
    st.sampled_from(["", "\x1b[31m", "\ud800", "\u202e", "\0", "x" * 10_000, *TIMES, *TYPES]),
    st.sampled_from(list(map(Verbatim, ("NaN", "1e400", "9" * 5000, "9" * 4000, '{"a":1,"a":2}', "\ufeff1", "\xff")))),
    st.sampled_from(list(map(nested, (60, 900, 100_000)))),
    st.sampled_from(MARKS),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
)
values = st.recursive(
    atoms,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


def written(value: Any) -> str:
    """Return `value` as JSON, and what stands for itself as it is."""
    if isinstance(value, Verbatim):
        return value
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def changed(fields: Any, way: list[Any], value: Any) -> Any:
    """Return a copy of some JSON with another value in one place."""
    if not way:
        return value
    key, *rest = way
    copy = dict(fields) if isinstance(fields, dict) else list(fields)
    copy[key] = changed(copy[key], rest, value)
    return copy


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Be in a folder with an app, where no finalizer of another test runs, and fails, deep in a line."""
    gc.disable()
    with contextlib.chdir(tmp_path_factory.mktemp("hostile")):
        Path("hostile_app.py").write_text(APP)
        yield
    gc.enable()


# What a file may be refused with, beside the number of a line.
REFUSED = re.compile(
    r"error: (line \d+ of `s\.jsonl` is damaged: |there is no exchange #|there are several exchanges #"
    r"|`s\.jsonl` is not a saved session: |`s\.jsonl` has the schema )"
)


def survived(lines: list[str]) -> set[str]:
    """Run every command on a session, each of which answers in its own words; return what the errors are."""
    Path("s.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogatepass")
    said = set()
    for command in COMMANDS:
        result = CliRunner().invoke(app, ["session", *command], prog_name="asgictl", catch_exceptions=False)
        output = result.stdout + result.stderr
        assert result.exit_code in range(6), (command, output)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", output), (command, output)
        errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1 or (errors == [] and result.exit_code in {0, 1, 5}), (command, output)
        assert result.exit_code != 4 or REFUSED.match(errors[0]), (command, output)
        said.update(errors if result.exit_code == 4 else [])
    return said


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), value=values)
@example(place=(1, ["scope", "query_string"]), value=True)
@example(place=(1, ["scope", "raw_path"]), value=True)
@pytest.mark.usefixtures("folder")
def test_any_value_in_any_place(place: tuple[int, list[Any]], value: Any) -> None:
    """No command fails in an unexpected way, and nothing steers the terminal, whatever one value is."""
    line, way = place
    survived([written(changed(fields, way, value) if n == line else fields) for n, fields in enumerate(LINES)])


OPENED = 1
CASES: dict[str, tuple[list[str], set[str]]] = {
    "the year 1": (
        [written(changed(LINES[OPENED], ["t"], "0001-01-01T00:00:00Z"))],
        {"error: line 2 of `s.jsonl` is damaged: '0001-01-01T00:00:00Z' is out of range"},
    ),
    "the year -1": (
        [written(changed(LINES[OPENED], ["t"], "-0001-01-01T00:00:00Z"))],
        {"error: line 2 of `s.jsonl` is damaged: '-0001-01-01T00:00:00Z' is not a time"},
    ),
    "a depth of 100,000": (
        [written(changed(LINES[OPENED], ["scope"], nested(100_000)))],
        {"error: line 2 of `s.jsonl` is damaged: it is nested too deeply"},
    ),
    "a depth that json reads": (
        [written(changed(LINES[OPENED], ["scope", "state"], nested(200)))],
        {"error: line 2 of `s.jsonl` is damaged: it is nested too deeply"},
    ),
    "a depth that is read": (
        [written(changed(LINES[OPENED], ["scope", "state"], nested(60)))],
        set(),
    ),
    "ten thousand keys": (
        [written(changed(LINES[OPENED], ["scope", "state"], {f"k{n}": n for n in range(10_000)}))],
        set(),
    ),
    "each line twice": (
        [line for fields in LINES[1:] for line in [written(fields)] * 2],
        set(),
    ),
    "all lines twice": (
        [written(fields) for fields in LINES[1:]] * 2,
        {f"error: there are several exchanges #{number} in `s.jsonl`" for number in (7, 9)},
    ),
    "only ends": ([written(fields) for fields in LINES if fields["k"] == "close"], set()),
    "a negative number": (
        [written(changed(LINES[OPENED], ["id"], -1))],
        {"error: line 2 of `s.jsonl` is damaged: -1 is out of range"},
    ),
}


@pytest.mark.parametrize(("lines", "errors"), CASES.values(), ids=list(CASES))
@pytest.mark.usefixtures("folder")
def test_a_line(lines: list[str], errors: set[str]) -> None:
    """What is out of all bounds is read, or refused with its number in one sentence."""
    none = {f"error: there is no exchange #{number} in `s.jsonl`" for number in (7, 8, 9)}

    assert survived([HEADER.rstrip(), *lines]) - none == errors

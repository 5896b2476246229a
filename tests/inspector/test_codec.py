"""Records survive being saved: what is read is what was recorded."""

import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgictl.inspector import codec
from asgictl.inspector.record import Closed, Event, Failure, Opaque, Opened, Raised, Record, Redacted
from tests.inspector import recordings

atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.builds(Opaque, st.text()),
)
values = st.recursive(
    atoms,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)
pairs = st.lists(st.tuples(st.binary(), st.one_of(st.binary(), st.builds(Redacted, st.integers(0)))), max_size=4)
mappings = st.fixed_dictionaries(
    {"type": st.text()},
    optional={
        "headers": pairs,
        "raw_path": st.one_of(st.none(), st.binary(), st.text()),
        "query_string": st.one_of(st.binary(), st.text()),
        "body": st.one_of(st.binary(), st.text(), st.none()),
        "bytes": st.one_of(st.binary(), st.none()),
        "text": st.text(),
        "links": st.lists(st.binary()),
        "$odd": values,
        "other": values,
    },
)
times = st.floats(0, 1e6).map(lambda number: round(number, 3))
numbers = st.integers(0)
sides = st.sampled_from(["receive", "send"])
failures = st.builds(Failure, st.text(), st.text(), st.text())
records = st.one_of(
    st.builds(Opened, numbers, st.integers(0, 4_000_000_000).map(float), mappings, st.one_of(st.none(), numbers)),
    st.builds(Event, numbers, numbers, times, sides, st.one_of(mappings, values), numbers, st.booleans()),
    st.builds(Raised, numbers, numbers, times, sides, failures),
    st.builds(Closed, numbers, times, st.one_of(st.none(), failures), st.booleans()),
)


@settings(deadline=None, max_examples=150)
@given(record=records)
def test_there_and_back(record: Record) -> None:
    """Every record is one line of JSON, and comes back as it was, bytes as bytes and text as text."""
    line = codec.dumps(record)

    assert line.count("\n") == 1
    assert line.isascii()
    assert codec.loads(line) == record


def test_lines() -> None:
    """The documented form: one object a line, with ASGI's own names."""
    opened, request, *_ = recordings.REQUEST

    assert json.loads(codec.dumps(opened)) == {
        "k": "open",
        "id": 7,
        "t": "2023-11-14T22:13:20.000000Z",
        "scope": {
            **recordings.SCOPE,
            "raw_path": "/orders",
            "query_string": "x=1",
            "headers": [["host", "127.0.0.1:8000"], ["content-type", "application/json"]],
        },
    }
    assert json.loads(codec.dumps(request)) == {
        "k": "event",
        "id": 7,
        "n": 1,
        "ms": 0.0,
        "dir": "receive",
        "message": {"type": "http.request", "body": '{"sku": "A1", "n": 2}', "more_body": False},
        "size": 21,
    }


DAMAGED = {
    "": "it is not JSON (column 1)",
    "nonsense": "it is not JSON (column 1)",
    "[]": "it is not an object",
    "{}": "it has no `k` that is known",
    '{"k": "close", "id": 1}': "it has no `error` that is known",
    '{"k": "close", "id": "1", "ms": 0, "error": null}': "'1' is not a number",
    '{"k": "event", "id": 1, "n": 1, "ms": 0, "dir": "up", "message": {}, "size": 0}': "its `dir` is 'up'",
    '{"k": "open", "id": 1, "t": "2023-11-14T22:13:20Z", "scope": 3}': "its `scope` is not an object",
    '{"k": "open", "id": 1, "t": "yesterday", "scope": {}}': "Invalid isoformat string: 'yesterday'",
    '{"k": "open", "id": 1, "t": 5, "scope": {}}': "it cannot be read: fromisoformat: argument must be str",
    "[" * 100_000: "it is nested too deeply",
}


@pytest.mark.parametrize(("line", "problem"), DAMAGED.items(), ids=[problem[:30] for problem in DAMAGED.values()])
def test_damaged_lines(line: str, problem: str) -> None:
    """What is no record is told apart, with the reason."""
    with pytest.raises(ValueError, match=rf"^{re.escape(problem)}$"):
        codec.loads(line)


@given(
    junk=st.recursive(atoms, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=5)
)
def test_any_json(junk: Any) -> None:
    """Whatever JSON a line holds, there is a record or a reason, and no crash."""
    for kind in ("open", "event", "raise", "close"):
        line = json.dumps(
            {"k": kind, "id": 1, "n": 1, "ms": 1, "dir": "send", "t": "2023-11-14", "size": 1}, default=str
        )
        fields = {**json.loads(line), "scope": junk, "message": junk, "error": junk}
        with contextlib.suppress(ValueError):
            codec.loads(json.dumps(fields, default=str))

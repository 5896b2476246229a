"""Records survive being saved: what is read is what was recorded."""

import contextlib
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgictl.inspector.record import (
    Closed,
    Continued,
    Earlier,
    Event,
    Failure,
    Opaque,
    Opened,
    Raised,
    Record,
    Redacted,
)
from asgictl.inspector.sessions import codec
from tests.inspector import recordings
from tests.inspector.recordings import SCOPE

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
numbers = st.integers(0, 2**63 - 1)
pairs = st.lists(
    st.tuples(st.binary(), st.one_of(st.binary(), st.builds(Redacted, numbers, st.text(max_size=8)))), max_size=4
)
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
sides = st.sampled_from(["receive", "send"])
failures = st.builds(Failure, st.text(), st.text(), st.text())
records = st.one_of(
    st.builds(
        Opened,
        numbers,
        st.integers(0, 4_000_000_000).map(float),
        mappings,
        replay_of=st.one_of(st.none(), numbers),
    ),
    st.builds(
        Continued,
        numbers,
        st.integers(0, 4_000_000_000).map(float),
        mappings,
        replay_of=st.none(),
        earlier=st.builds(Earlier, numbers, numbers, numbers, st.text()),
    ),
    st.builds(
        Event,
        *(numbers, numbers, times, sides, st.one_of(mappings, values)),
        size=numbers,
        cut=st.booleans(),
        redacted=st.booleans(),
    ),
    st.builds(Raised, numbers, numbers, times, sides, failures),
    st.builds(Closed, numbers, times, error=st.one_of(st.none(), failures), cancelled=st.booleans()),
)


@settings(max_examples=150)
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
    "{}": "it has no known `k`",
    '{"k": "close", "id": 1}': "it has no known `error`",
    '{"k": "close", "id": "1", "ms": 0, "error": null}': "'1' is not a number",
    '{"k": "event", "id": 1, "n": 1, "ms": 0, "dir": "up", "message": {}, "size": 0}': "its `dir` is 'up'",
    '{"k": "event", "id": true, "n": 1, "ms": 0, "dir": "send", "message": {}, "size": 0}': "True is not a number",
    '{"k": "event", "id": 1, "n": 1.5, "ms": 0, "dir": "send", "message": {}, "size": 0}': "1.5 is not a number",
    '{"k": "event", "id": 1, "n": 1, "ms": 0, "dir": "send", "message": {}, "size": "0"}': "'0' is not a number",
    '{"k": "event", "id": 1, "n": 1, "ms": null, "dir": "send", "message": {}, "size": 0}': "None is not a number",
    '{"k": "raise", "id": 1, "n": 1, "ms": 0, "dir": "", "error": {"type": "", "message": "", "traceback": ""}}': (
        "its `dir` is ''"
    ),
    '{"k": "raise", "id": 1, "n": 1, "ms": 0, "dir": "send", "error": {}}': "it has no known `type`",
    '{"k": "close", "id": 1, "ms": 0, "error": {"type": "a"}}': "it has no known `message`",
    '{"k": "open", "id": 1, "t": "2023-11-14T22:13:20Z", "scope": {"a": {"$redacted": "x"}}}': "'x' is not a number",
    '{"k": "open", "id": 1, "t": "2023-11-14T22:13:20Z", "scope": {"a": {"$b64": "xx"}}}': (
        "it cannot be read: Incorrect padding"
    ),
    '{"k": "open", "id": 1, "t": "2023-11-14T22:13:20Z", "scope": 3}': "its `scope` is not an object",
    '{"k": "open", "id": 1, "t": "yesterday", "scope": {}}': "'yesterday' is not a time",
    '{"k": "open", "id": 1, "t": 5, "scope": {}}': "5 is not a time",
    "[" * 100_000: "it is nested too deeply",
    f'{{"k": "open", "id": 1, "t": "2023-11-14", "scope": {{"a": {"[" * 65}{"]" * 65}}}}}': "it is nested too deeply",
    f'{{"k": "open", "id": 1, "t": "2023-11-14", "scope": {{"raw_path": {"[" * 65}{"]" * 65}}}}}': (
        "it is nested too deeply"
    ),
    '{"k": NaN}': "it is not JSON (`NaN`)",
    f'{{"k": "close", "id": {"9" * 5000}}}': "it has a number that is too long",
    '{"k": "close", "id": -1, "ms": 0, "error": null}': "-1 is out of range",
    f'{{"k": "close", "id": {2**63}, "ms": 0, "error": null}}': f"{2**63} is out of range",
    '{"k": "close", "id": 1, "ms": -0.1, "error": null}': "-0.1 is out of range",
    '{"k": "close", "id": 1, "ms": 1e400, "error": null}': "inf is out of range",
    '{"k": "close", "id": 1, "ms": true, "error": null}': "True is not a number",
    '{"k": "close", "id": 1, "ms": "1", "error": null}': "'1' is not a number",
    '{"k": "close", "id": 1, "ms": 0, "error": null, "cancelled": 1}': "1 is neither true nor false",
    '{"k": "close", "id": 1, "ms": 0, "error": []}': "[] is not an object",
    '{"k": "close", "id": 1, "ms": 0, "error": {"type": 1}}': "1 is not text",
    '{"k": "close", "id": 1, "ms": 0, "error": {"type": "", "message": "", "traceback": "", "place": 5}}': (
        "5 is not text"
    ),
    '{"k": "close", "id": 1, "ms": 0, "error": {"type": "", "message": "", "traceback": "", "more": "5"}}': (
        "'5' is not a number"
    ),
    '{"k": "event", "id": 1, "n": 1, "ms": 0, "dir": "send", "message": {}, "size": -1}': "-1 is out of range",
    '{"k": "event", "id": 1, "n": 1, "ms": 0, "dir": "send", "message": {}, "size": 0, "cut": "no"}': (
        "'no' is neither true nor false"
    ),
    '{"k": "event", "id": 1, "n": 1, "ms": 0, "dir": [], "message": {}, "size": 0}': "its `dir` is []",
    '{"k": "event", "id": 1, "n": 1, "ms": 0, "dir": "send", "message": {"body": "\\ud800"}, "size": 0}': (
        "it cannot be read: 'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed"
    ),
    '{"k": "open", "id": 1, "t": "0001-01-01T00:00:00Z", "scope": {}}': "'0001-01-01T00:00:00Z' is out of range",
    '{"k": "open", "id": 1, "t": "9999-12-31T23:59:59Z", "scope": {}}': "'9999-12-31T23:59:59Z' is out of range",
    '{"k": "open", "id": 1, "t": "1970-01-01T00:00+01:00", "scope": {}}': "'1970-01-01T00:00+01:00' is out of range",
    '{"k": "open", "id": 1, "t": "-001-01-01", "scope": {}}': "'-001-01-01' is not a time",
    '{"k": "open", "id": 1, "t": "2023-11-14", "scope": {}, "replay_of": "7"}': "'7' is not a number",
    '{"k": "open", "id": 1, "t": "2023-11-14", "scope": {}, "earlier": {"messages": 1}}': (
        "it has no known `received`"
    ),
    '{"k": "open", "id": 1, "t": "2023-11-14", "scope": {}, "earlier": 5}': "5 is not an object",
    '{"k": "open", "id": 1, "t": "2023-11-14", "scope": {"headers": "\\u0100"}}': (
        "it cannot be read: 'latin-1' codec can't encode character '\\u0100' in position 0: ordinal not in range(256)"
    ),
    '{"k": "open", "id": 1, "t": "2023-11-14", "scope": {"a": {"$b64": "!!!!"}}}': (
        "it cannot be read: Only base64 data is allowed"
    ),
    '{"k": "open", "id": 1, "t": "2023-11-14", "scope": {"a": {"$str": 5}}}': "5 is not text",
    '{"k": "open", "id": 1, "t": "2023-11-14", "scope": {"a": {"$items": [[{}, 1]]}}}': (
        "it cannot be read: unhashable type: 'dict'"
    ),
}


@pytest.mark.parametrize(("line", "problem"), DAMAGED.items(), ids=[problem[:30] for problem in DAMAGED.values()])
def test_damaged_lines(line: str, problem: str) -> None:
    """What is no record is told apart, with the reason."""
    with pytest.raises(ValueError, match=rf"^{re.escape(problem)}$"):
        codec.loads(line)


def test_bytes_that_are_no_text() -> None:
    """What is not UTF-8 is said to be so."""
    with pytest.raises(ValueError, match=r"^it is not UTF-8$"):
        codec.loads(b'{"k": "\xff"}')


def test_times_without_a_zone() -> None:
    """A time without a zone is in UTC, wherever it is read."""
    records = [codec.loads(f'{{"k":"open","id":1,"t":"2023-11-14T22:13:20{zone}","scope":{{}}}}') for zone in ("", "Z")]

    assert [record.at for record in records if isinstance(record, Opened)] == [1_700_000_000.0] * 2


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


def event(message: Any, **fields: Any) -> Event:
    """Return an event with this message."""
    return replace(Event(1, 2, 3.0, "send", message), **fields)


MESSAGES: dict[str, tuple[Any, Any]] = {
    "bytes where they belong": ({"body": b"a", "bytes": b"\xc3\xbc"}, {"body": "a", "bytes": "ü"}),
    "bytes that are no text": (
        {"body": b"\xff", "bytes": b"\xff"},
        {"body": {"$b64": "/w=="}, "bytes": {"$b64": "/w=="}},
    ),
    "text where bytes belong": ({"body": "a", "bytes": "b"}, {"body": {"$str": "a"}, "bytes": {"$str": "b"}}),
    "bytes elsewhere": ({"text": b"a"}, {"text": {"$b64": "YQ=="}}),
    "a bytearray": (
        {"body": bytearray(b"a"), "odd": [bytearray(b"")]},
        {"body": {"$bytearray": "YQ=="}, "odd": [{"$bytearray": ""}]},
    ),
    "Latin-1": (
        {"headers": [(b"a", b"\xff")], "raw_path": b"\xfe", "query_string": b"\xfd", "links": [b"\xfc"]},
        {"headers": [["a", "ÿ"]], "raw_path": "þ", "query_string": "ý", "links": ["ü"]},
    ),
    "text as headers": (
        {"headers": [("a", b"b")], "links": ["a"]},
        {"headers": [[{"$str": "a"}, "b"]], "links": [{"$str": "a"}]},
    ),
    "odd headers": ({"headers": [Opaque("int"), 5]}, {"headers": [{"$object": "int"}, 5]}),
    "no headers": ({"headers": None, "raw_path": None}, {"headers": None, "raw_path": None}),
    "a secret": ({"headers": [(b"cookie", Redacted(7))]}, {"headers": [["cookie", {"$redacted": 7}]]}),
    "a long one": (
        {"headers": [(b"cookie", Redacted(9, "0123abcd"))]},
        {"headers": [["cookie", {"$redacted": [9, "0123abcd"]}]]},
    ),
    "numbers": (
        {"a": 1.5, "b": float("inf"), "c": -float("inf"), "d": True, "e": 10**30},
        {"a": 1.5, "b": {"$float": "inf"}, "c": {"$float": "-inf"}, "d": True, "e": 10**30},
    ),
    "keys that are no text": (
        {"a": {1: b"x", (1, 2): None}},
        {"a": {"$items": [[1, {"$b64": "eA=="}], [[1, 2], None]]}},
    ),
    "no text at all": ({1: {2: 3}, None: b"a"}, {"$items": [[1, {"$items": [[2, 3]]}], [None, {"$b64": "YQ=="}]]}),
    "what looks like a mark": ({"$b64": "a"}, {"$items": [["$b64", "a"]]}),
    "one inside": ({"a": {"$str": 5}}, {"a": {"$items": [["$str", 5]]}}),
    "two such keys": ({"$b64": 1, "$str": 2}, {"$b64": 1, "$str": 2}),
    "another dollar": ({"$odd": 1}, {"$odd": 1}),
    "an object": ({"a": Opaque("m.C")}, {"a": {"$object": "m.C"}}),
    "no message": ("text", "text"),
    "no message but bytes": (b"x", {"$b64": "eA=="}),
}


@pytest.mark.parametrize(("message", "written"), MESSAGES.values(), ids=list(MESSAGES))
def test_messages(message: Any, written: Any) -> None:
    """Each kind of value has its form in JSON, and is read back as what it was."""
    line = codec.dumps(event(message))
    read = codec.loads(line)

    assert json.loads(line)["message"] == written
    assert read == event(message)
    assert isinstance(read, Event)
    assert repr(read.message) == repr(message)


def test_foreign_objects() -> None:
    """An object that nobody has made ready is written by its class, a tuple as a list."""
    line = codec.dumps(event({"a": object(), "b": (1, {2}), "nan": float("nan")}))

    assert json.loads(line)["message"] == {
        "a": {"$object": "object"},
        "b": [1, {"$object": "set"}],
        "nan": {"$float": "nan"},
    }


FAILED = Failure("m.E", "why", "Traceback")
WRITTEN: list[tuple[Record, dict[str, Any]]] = [
    (
        Opened(1, 1_700_000_000.000001, {"type": "http"}, replay_of=0),
        {"k": "open", "id": 1, "t": "2023-11-14T22:13:20.000001Z", "replay_of": 0, "scope": {"type": "http"}},
    ),
    (
        Continued(1, 0.0, {}, earlier=Earlier(1, 2, 3, "s.1.jsonl")),
        {
            "k": "open",
            "id": 1,
            "t": "1970-01-01T00:00:00.000000Z",
            "earlier": {"messages": 1, "received": 2, "sent": 3, "file": "s.1.jsonl"},
            "scope": {},
        },
    ),
    (
        Event(1, 2, 3.0, "send", {"type": "x"}, size=9, cut=True),
        {"k": "event", "id": 1, "n": 2, "ms": 3.0, "dir": "send", "message": {"type": "x"}, "size": 9, "cut": True},
    ),
    (
        Raised(1, 2, 3.0, "receive", FAILED),
        {
            "k": "raise",
            "id": 1,
            "n": 2,
            "ms": 3.0,
            "dir": "receive",
            "error": {"type": "m.E", "message": "why", "traceback": "Traceback"},
        },
    ),
    (
        Closed(1, 3.0, error=FAILED),
        {"k": "close", "id": 1, "ms": 3.0, "error": {"type": "m.E", "message": "why", "traceback": "Traceback"}},
    ),
    (
        Closed(1, 3.0, error=replace(FAILED, is_told_of_leaving=True)),
        {
            "k": "close",
            "id": 1,
            "ms": 3.0,
            "error": {"type": "m.E", "message": "why", "traceback": "Traceback", "left": True},
        },
    ),
    (Closed(1, 3.0, cancelled=True), {"k": "close", "id": 1, "ms": 3.0, "error": None, "cancelled": True}),
]


@pytest.mark.parametrize(("record", "fields"), WRITTEN, ids=[fields["k"] for _, fields in WRITTEN])
def test_each_kind(record: Record, fields: dict[str, Any]) -> None:
    """Each kind of record has the documented fields, in one short line, and is read back."""
    line = codec.dumps(record)

    assert line == json.dumps(fields, separators=(",", ":")) + "\n"
    assert codec.loads(line) == record
    assert codec.loads(line.encode()) == record


def test_scopes() -> None:
    """The keys of a scope that are bytes are read back as bytes, and its pairs as pairs."""
    record = Opened(1, 0.0, {**SCOPE, "headers": [(b"a", b"b"), (b"a", Redacted(3))], "raw_path": b"/\xff"})
    read = codec.loads(codec.dumps(record))

    assert isinstance(read, Opened)
    assert repr(read.scope) == repr(record.scope)


def test_kinds_that_are_not_known() -> None:
    """A kind of a later version is nothing, and no mistake."""
    assert codec.loads('{"k": "later", "id": 1}') is None

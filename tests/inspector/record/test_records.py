"""The records themselves: values that can gain a field, and that nobody changes."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from asgictl.inspector.record import Closed, Event, Failure, Opaque, Opened, Raised, Redacted, drafts

FAILED = Failure("ValueError", "boom", "Traceback ...\n")
EVENT = Event(7, 2, 1.5, "send", {"type": "http.response.body", "body": b"ok"}, size=2, cut=True)
RECORDS = [
    Opened(7, 1_700_000_000.0, {"type": "http", "path": "/"}, replay_of=3),
    EVENT,
    Raised(7, 2, 1.6, "send", FAILED),
    Closed(7, 2.0, error=FAILED, cancelled=True),
    FAILED,
    Redacted(5),
    Opaque("shop.Item"),
]
each = pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)


@each
def test_a_record_is_no_sequence(record: Any) -> None:
    """Nobody comes to depend on how many fields there are, or on their order."""
    for use in (iter, len, lambda it: it[0]):
        with pytest.raises(TypeError):
            use(record)


@each
def test_a_record_stays_as_it_is(record: Any) -> None:
    """A record that a view or a test holds is changed by nobody, and can be handed on."""
    for name in (fields(record)[0].name, "other"):
        with pytest.raises((FrozenInstanceError, TypeError)):
            setattr(record, name, 1)

    assert (copy.copy(record), copy.deepcopy(record), replace(record)) == (record,) * 3
    assert pickle.loads(pickle.dumps(record)) == record


def test_a_record_says_what_it_is() -> None:
    """A record can be read in the output of `Inspector(app, sink=print)`."""
    said = "Event(id=7, n=2, ms=1.5, direction='send', message={'type': 'http.response.body', 'body': b'ok'}, "

    assert repr(EVENT) == said + "size=2, cut=True, redacted=False)"


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"text": ""}, ""),
        ({"bytes": b""}, b""),
        ({"text": "", "bytes": None}, ""),
        ({"text": None, "bytes": b""}, b""),
        ({"text": "a", "bytes": b""}, b""),  # as uvicorn sends it
        ({"body": bytearray(b"a")}, b"a"),
        ({"text": None}, b""),
        ({}, b""),
        ("odd", b""),
    ],
)
def test_content_keeps_its_kind(message: Any, content: Any) -> None:
    """An empty text is text, and empty bytes are bytes."""
    found = Event(1, 1, 0.0, "send", message).content

    assert (type(found), found) == (type(content), content)


@pytest.mark.parametrize(
    ("draft", "values"),
    [(drafts.opened, RECORDS[0]), (drafts.event, RECORDS[1]), (drafts.closed, RECORDS[3])],
    ids=["opened", "event", "closed"],
)
def test_what_is_recorded_is_a_record(draft: Callable[..., Any], values: Any) -> None:
    """What the recorder makes in a hurry has every field, and is what the class makes."""
    given = {field.name: getattr(values, field.name) for field in fields(values)}
    made = draft(given.pop("id"), **given)

    assert (made, type(made), repr(made)) == (values, type(values), repr(values))
    with pytest.raises(FrozenInstanceError):
        made.id = 1

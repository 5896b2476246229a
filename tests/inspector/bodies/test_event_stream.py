"""Event streams as the events that a browser makes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgictl.inspector.bodies import event_stream
from asgictl.inspector.bodies.event_stream import EventStream
from tests.inspector.bodies import patient


def lines_of(*chunks: bytes) -> list[str]:
    """Return what is shown of a stream."""
    stream = EventStream()
    return [*(line for chunk in chunks for line in stream.feed(chunk)), *stream.finish()]


STREAMS: dict[str, tuple[bytes, list[str]]] = {
    "an event": (b"data: a\n\n", ["event", "  a"]),
    "several lines": (b"data: a\ndata:\ndata: b\n\n", ["event", "  a", "  ", "  b"]),
    "all there is": (
        b"event: tick\nid: 7\nretry: 1000\ndata: a\n\n",
        ["event tick, id 7, retry 1000", "  a"],
    ),
    "comments": (b": hello\n\n:\ndata: a\n:b\n\n", [": hello", ":", ":b", "event", "  a"]),
    "every end of a line": (b"data: a\r\ndata: b\rdata: c\n\r\n", ["event", "  a", "  b", "  c"]),
    "one blank": (b"data:  a\ndata:b\n\n", ["event", "   a", "  b"]),
    "a mark in front": (b"\xef\xbb\xbfdata: a\n\n", ["event", "  a"]),
    "no data": (b"event: a\nid: 3\n\n", ["not an event: no data, ignored event: a, id 3"]),
    "what browsers ignore": (
        b"retry: soon\nid: a\0b\nnew: 1\nword\ndata\n\n",
        ["event, ignored retry: soon, ignored id: a\0b, ignored new: 1, ignored word: ", "  "],
    ),
    "the last event counts": (b"event: a\nevent: b\nevent:\ndata: x\n\n", ["event", "  x"]),
    "no end": (b"data: a\n\ndata: b", ["event", "  a", "not an event: no empty line follows", "event", "  b"]),
    "half an end": (b"data: b\n", ["not an event: no empty line follows", "event", "  b"]),
    "no UTF-8": (b"data: \xff\n\n", ["event", "  \\xff"]),
    "nothing": (b"\n\n\r\n", []),
}


@pytest.mark.parametrize(("content", "lines"), STREAMS.values(), ids=list(STREAMS))
def test_streams(content: bytes, lines: list[str]) -> None:
    """Data is joined, fields are named, and what nobody is told of is said to be so."""
    assert lines_of(content) == lines


@patient
@given(
    content=st.lists(st.sampled_from([b"data: ", b"event: ", b"\n", b"\r", b"\r\n", b"a", "ü".encode(), b":", b"id:"])),
    size=st.integers(1, 7),
)
def test_wherever_it_is_cut(content: list[bytes], size: int) -> None:
    """The events are the same, wherever the chunks end."""
    whole = b"".join(content)

    assert lines_of(*(whole[at : at + size] for at in range(0, len(whole), size))) == lines_of(whole)


def test_an_event_is_shown_when_it_is_complete() -> None:
    """An event is shown with the chunk that completes it."""
    stream = EventStream()

    assert [list(stream.feed(chunk)) for chunk in (b"data: a", b"b\r", b"\n", b"\n", b"data: c\n\nda")] == [
        [],
        [],
        [],
        ["event", "  ab"],
        ["event", "  c"],
    ]


def test_an_event_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an event that never ends no more is kept than the limit."""
    monkeypatch.setattr(event_stream, "_MOST", 10)
    stream = EventStream()

    assert [line for _ in range(3) for line in stream.feed(b"data: abc")] == [
        "not an event: no empty line follows",
        "event",
        "  abcdata: abc",
    ]
    assert stream._rest == ["data: abc"]

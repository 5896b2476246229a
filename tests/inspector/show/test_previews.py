"""Bodies while they come: how packed ones begin in the line view, and streams in the full one."""

import zlib
from dataclasses import replace

import brotli

from asgictl.inspector.record import Closed, Event, Opened, Record
from asgictl.inspector.show.full import FullView
from asgictl.inspector.show.line import LineView
from tests.inspector.recordings import SCOPE, gzipped
from tests.inspector.show.test_searching import answered
from tests.inspector.show.test_views import Clock, shown, texts

STREAM = zlib.compressobj(wbits=31)
PIECES = [STREAM.compress(piece) + STREAM.flush(zlib.Z_SYNC_FLUSH) for piece in (b"data: a\n\nda", b"ta: b\n\n")]


def of_bodies(records: list[Record], view: LineView | FullView) -> list[str]:
    """Return what is shown from the first body on."""
    lines = shown(view, records)
    begin = next(number for number, line in enumerate(lines) if ".response.body" in line or "http.request" in line)
    return lines[begin:]


def test_packed_answers_in_a_line() -> None:
    """Behind the names of the codings there is what was packed, in each chunk, and what is wrong with one."""
    assert of_bodies(answered(*PIECES, encoding="gzip", media_type="text/event-stream"), LineView()) == [
        f"     2.0 ▸ http.response.body   {len(PIECES[0])} B, more_body  gzip: data: a da",
        f"     3.0 ▸ http.response.body   {len(PIECES[1])} B  gzip, the end is missing: ta: b",
    ]
    assert of_bodies(answered(PIECES[0], b"", encoding="gzip"), LineView()) == [
        f"     2.0 ▸ http.response.body   {len(PIECES[0])} B, more_body  gzip: data: a da",
        "     3.0 ▸ http.response.body   0 B  the end is missing",
    ]
    assert of_bodies(answered(gzipped(b"a"), b"??", encoding="gzip"), LineView()) == [
        "     2.0 ▸ http.response.body   21 B, more_body  gzip: a",
        "     3.0 ▸ http.response.body   2 B  gzip, 2 bytes follow that are not gzip",
    ]
    assert of_bodies(answered(b"abc", b"d", b"", encoding="dcz"), LineView()) == [
        "     2.0 ▸ http.response.body   3 B, more_body  dcz is not unpacked: abc",
        "     3.0 ▸ http.response.body   1 B, more_body  d",
        "     4.0 ▸ http.response.body   0 B",
    ]


def test_one_fault_in_both_views() -> None:
    """What was packed in front of a fault is shown in a line, too, and what is wrong is said in the same words."""
    brotli_and_more = brotli.compress(b"a") + b"xx"
    bad_checksum = gzipped(b"a")[:-8] + bytes(4) + gzipped(b"a")[-4:]

    for packed, encoding, fault in (
        (brotli_and_more, "br", "2 bytes follow that are not Brotli"),
        (bad_checksum, "gzip", "damaged at or before byte 17: incorrect data check"),
    ):
        records = answered(packed, encoding=encoding, media_type="text/plain")
        assert of_bodies(records, LineView()) == [
            f"     2.0 ▸ http.response.body   {len(packed)} B  {encoding}, {fault}: a"
        ]
        assert of_bodies(records, FullView())[1:] == [f"         text, {encoding}; {fault}", "         a"]


def test_charsets_in_a_line() -> None:
    """A preview is read by the charset of its type, and ends with a whole letter."""
    assert of_bodies(answered(b"caf\xe9", media_type="text/plain; charset=latin-1"), LineView()) == [
        "     2.0 ▸ http.response.body   4 B  café"
    ]
    assert of_bodies(answered("café".encode()[:-1], b"\xa9", media_type="text/plain"), LineView()) == [
        "     2.0 ▸ http.response.body   4 B, more_body  caf",
        "     3.0 ▸ http.response.body   1 B  a9",
    ]


def test_a_packed_upload_in_a_line() -> None:
    """What a client has packed is shown by its own headers."""
    packed = gzipped(b"up")
    message = {"type": "http.request", "body": packed, "more_body": False}
    records: list[Record] = [
        Opened(7, 0.0, {**SCOPE, "headers": [(b"content-encoding", b"gzip")]}),
        Event(7, 1, 1.0, "receive", message, size=len(packed)),
        Closed(7, 9.0),
    ]

    assert of_bodies(records, LineView()) == [
        "     1.0 ◂ http.request         22 B  gzip: up",
        "     9.0 ✗ returned without an answer: the server sends 500 Internal Server Error",
    ]


def test_a_packed_event_stream_in_full() -> None:
    """Events are shown with the chunk that completes them, packed or not."""
    assert of_bodies(answered(*PIECES, encoding="gzip", media_type="text/event-stream"), FullView()) == [
        f"     2.0 ▸ http.response.body   {len(PIECES[0])} B, more_body",
        "         gzip",
        "         event",
        "           a",
        f"     3.0 ▸ http.response.body   {len(PIECES[1])} B",
        "         event",
        "           b",
        "         the end is missing",
    ]


def test_an_event_stream_that_is_cut() -> None:
    """What is left out of a stream is said where it is missing, and its coding once, if it is unknown."""
    records = answered(b"data: a\n\n", b"data: b", media_type="text/event-stream", encoding="dcz", cut=True)

    assert of_bodies(records, FullView()) == [
        "     2.0 ▸ http.response.body   9 B, more_body",
        "         dcz is not unpacked",
        "         event",
        "           a",
        "     3.0 ▸ http.response.body   14 B, 7 B kept",
        "         not an event: no empty line follows",
        "         event",
        "           b",
        "         … the rest is not kept",
    ]


def test_a_packed_event_stream_that_is_cut() -> None:
    """Where a packed message is not kept as a whole, nothing is made of what follows, and that is said."""
    whole = answered(PIECES[0], PIECES[1], media_type="text/event-stream", encoding="gzip")
    records = [replace(one, cut=True, size=99) if isinstance(one, Event) and one.n == 2 else one for one in whole]

    assert of_bodies(records, LineView()) == [
        f"     2.0 ▸ http.response.body   99 B, {len(PIECES[0])} B kept, more_body  gzip: data: a da",
        f"     3.0 ▸ http.response.body   {len(PIECES[1])} B  gzip, not all of what comes before is kept",
    ]
    assert of_bodies(records, FullView()) == [
        f"     2.0 ▸ http.response.body   99 B, {len(PIECES[0])} B kept, more_body",
        "         gzip",
        "         event",
        "           a",
        "         not an event: no empty line follows",
        "         not an event: no data, ignored da: ",
        "         … the rest is not kept",
        f"     3.0 ▸ http.response.body   {len(PIECES[1])} B",
        "         not all of what comes before is kept",
    ]


def test_an_event_stream_without_its_end() -> None:
    """An event that a stream leaves behind at its end is shown, and that no client is told of it."""
    records = answered(b"data: a\n\ndata: b", media_type="text/event-stream")
    opened, start, chunk, closed = records
    assert isinstance(chunk, Event)
    begun = Event(7, 2, 2.0, "send", {**chunk.message, "more_body": True}, size=16)

    assert of_bodies([opened, start, begun, closed], FullView())[1:] == [
        "         event",
        "           a",
        "         not an event: no empty line follows",
        "         event",
        "           b",
        "     9.0 ✗ returned without the end of its answer: the server cuts the connection",
    ]


def test_a_body_without_an_end_that_lasts() -> None:
    """What has come of a body is laid out at the end, also of an exchange that was shown while it lasted."""
    clock = Clock()
    view = FullView(clock=clock)
    opened, start, chunk, closed = answered(b"half")
    assert isinstance(chunk, Event)
    begun = Event(7, 2, 2.0, "send", {**chunk.message, "more_body": True}, size=4)
    for record in (opened, start, begun):
        view.feed(record)
    clock.now += 10
    view.tick()

    assert texts(view.feed(closed)) == [
        "         half",
        "         … the end is missing",
        "     9.0 ✗ returned without the end of its answer: the server cuts the connection",
        "     9.0 ■  200 OK, cut off  9.0 ms, 2 messages",
    ]

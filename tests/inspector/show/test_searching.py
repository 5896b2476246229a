"""Where a pattern is found, and what is said where it could not be looked for."""

import gzip
import sys
import zlib
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard
from typer.testing import CliRunner

from asgictl.cli import app
from asgictl.inspector.record import Closed, Event, Opened, Record, Redacted
from asgictl.inspector.request import FilterRequest
from asgictl.inspector.sessions import session_file
from asgictl.inspector.show.filters import Filter, Filtered
from tests.inspector.recordings import SCOPE, gzipped


def answered(
    *chunks: bytes, media_type: str = "application/json", encoding: str = "", cut: bool = False, number: int = 7
) -> list[Record]:
    """Return an exchange whose answer came in these chunks; the last one `cut` holds a half of what was sent."""
    headers = [(b"content-type", media_type.encode())]
    headers += [(b"content-encoding", name.encode()) for name in encoding.split() if name]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    records: list[Record] = [Opened(number, 0.0, SCOPE), Event(number, 1, 1.0, "send", start)]
    for n, chunk in enumerate(chunks, start=2):
        last = n == len(chunks) + 1
        message = {"type": "http.response.body", "body": chunk, "more_body": not last}
        size = len(chunk) * (2 if last and cut else 1)
        records.append(Event(number, n, 1.0 * n, "send", message, size=size, cut=last and cut))
    return [*records, Closed(number, 9.0)]


def sent(body: bytes, media_type: str, encoding: bytes) -> list[Record]:
    """Return an exchange whose request has this body."""
    headers = [(b"content-type", media_type.encode()), (b"content-encoding", encoding)]
    message = {"type": "http.request", "body": body, "more_body": False}
    return [
        Opened(7, 0.0, {**SCOPE, "headers": headers}),
        Event(7, 1, 1.0, "receive", message, size=len(body)),
        Closed(7, 9.0),
    ]


SECRET = Redacted(33, "0123456789abc")


@pytest.mark.parametrize("pattern", ["redacted", r"\*\*\*", "33", "9abc", "x-key: .+"])
def test_what_stands_for_a_secret(pattern: str) -> None:
    """Only what was sent is found, not what is shown instead of a secret."""
    scope = {**SCOPE, "headers": [(b"x-key", SECRET)], "query_string": b"key=***33.0123456789abc&a=b"}
    records: list[Record] = [Opened(7, 0.0, scope), Closed(7, 9.0)]

    assert found(records, pattern) == (False, [])
    assert found(records, "X-KEY: ") == found(records, "key=&a=B") == (True, [])


def said(text: Any) -> list[Record]:
    """Return a WebSocket on which the app has sent something."""
    return [
        Opened(7, 0.0, {**SCOPE, "type": "websocket"}),
        Event(7, 1, 1.0, "send", {"type": "websocket.send", "text": text}),
        Closed(7, 9.0),
    ]


def found(records: list[Record], pattern: str) -> tuple[bool, list[str]]:
    """Return whether the exchange is shown, and what was said."""
    notes: list[str] = []
    let = Filtered(Filter.of(FilterRequest(grep=pattern)), notes.append)
    return bool([one for record in records for one in let.feed(record)]), notes


NEEDLE = b'{"name": "needle in hay"}'
STREAM = zlib.compressobj(wbits=31)
HALVES = [STREAM.compress(b"a nee") + STREAM.flush(zlib.Z_SYNC_FLUSH), STREAM.compress(b"dle") + STREAM.flush()]
PART = b'--b\r\nContent-Type: application/json\r\n\r\n"caf\\u00e9"\r\n--b--'
FOUND: dict[str, tuple[list[Record], str]] = {
    "gzip": (answered(gzipped(NEEDLE), encoding="gzip"), "needle"),
    "Brotli": (answered(brotli.compress(NEEDLE), encoding="br"), "needle"),
    "zstd": (answered(zstandard.compress(NEEDLE), encoding="zstd"), "needle"),
    "deflate": (answered(zlib.compress(NEEDLE)[2:-4], encoding="deflate"), "needle"),
    "two codings in two lines": (answered(gzipped(brotli.compress(NEEDLE)), encoding="br gzip"), "needle"),
    "the second member": (answered(gzipped(b"a") + gzipped(NEEDLE), encoding="gzip"), "needle"),
    "over members in chunks": (answered(gzipped(b"nee"), gzipped(b"dle"), encoding="gzip"), "needle"),
    "over packed chunks": (answered(*HALVES, encoding="gzip"), "a needle"),
    "over chunks": (answered(b"nee", b"dle"), "^needle$"),
    "an upload": (sent(gzipped(NEEDLE), "application/json", b"gzip"), "needle"),
    "an escape of JSON": (answered(rb'{"name": "caf\u00e9"}'), "café"),
    "JSON as it is laid out": (answered(b'{"a":{"b":1}}'), '"b": 1'),
    "JSON as it was sent": (answered(b'{"a":{"b":1}}'), '"b":1'),
    "an escape in a message": (said(r'{"name": "caf\u00e9"}'), "café"),
    "a form": (sent(b"name=caf%C3%A9+au+lait", "application/x-www-form-urlencoded", b""), "café au lait"),
    "a form as it was sent": (sent(b"name=caf%C3%A9", "application/x-www-form-urlencoded", b""), "caf%c3%a9"),
    "a query": ([Opened(7, 0.0, {**SCOPE, "query_string": b"q=caf%C3%A9+au"}), Closed(7, 1.0)], r"^q=café au$"),
    "Latin-1": (answered(b"caf\xe9", media_type="text/plain; charset=latin-1"), "café"),
    "UTF-16 over chunks": (
        answered("caf".encode("utf-16-le"), "é".encode("utf-16-le"), media_type="text/plain; charset=utf-16le"),
        "^café$",
    ),
    "data of an event": (answered(b"data: a\n", b"data: b\n\n", media_type="text/event-stream"), "  a\n  b"),
    "a part of a form": (sent(PART, "multipart/form-data; boundary=b", b""), '"café"'),
    "behind an upload that is cut": (
        [
            *answered(rb'{"name": "caf\u00e9"}')[:-1],
            Event(7, 3, 3.0, "receive", {"type": "http.request", "body": b"a"}, size=5, cut=True),
            Closed(7, 9.0),
        ],
        "café",
    ),
    "what is half packed": (answered(gzipped(NEEDLE)[:-3], encoding="gzip"), "needle"),
}


@pytest.mark.parametrize(("records", "pattern"), FOUND.values(), ids=list(FOUND))
def test_what_is_found(records: list[Record], pattern: str) -> None:
    """A pattern is found in what was sent, and in what is shown of it."""
    assert found(records, pattern) == (True, [])
    assert found(records, "another")[0] is False


def missed(reason: str, number: int = 7) -> str:
    """Return what is said where a pattern could not be looked for."""
    return f"`--grep` could not search all of #{number} ({reason}); others like it are not listed"


MISSED: dict[str, tuple[list[Record], str]] = {
    "cut": (answered(b"x" * 1500, cut=True), "response body: only 1.5 kB of 3.0 kB are kept, --body-limit keeps more"),
    "unknown": (answered(b"packed", encoding="dcz"), "response body: dcz is not unpacked"),
    "another coding": (answered(b"plain", encoding="gzip"), "response body: this is not gzip"),
    "an upload": (sent(gzipped(b"a") + b"\0", "", b"gzip"), "request body: 1 byte follows that is not gzip"),
    "a message": (
        [
            Opened(7, 0.0, {**SCOPE, "type": "websocket"}),
            Event(7, 1, 1.0, "send", {"type": "websocket.send", "text": "ab"}, size=5000, cut=True),
            Closed(7, 9.0),
        ],
        "a message: only 2 B of 5.0 kB are kept, --body-limit keeps more",
    ),
}


@pytest.mark.parametrize(("records", "reason"), MISSED.values(), ids=list(MISSED))
def test_what_could_not_be_searched(records: list[Record], reason: str) -> None:
    """Where a pattern could not be looked for is said, with the reason."""
    assert found(records, "needle") == (False, [missed(reason)])


def test_without_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is missing that unpacks, the command that installs it is named."""
    monkeypatch.setitem(sys.modules, "brotli", None)

    note = missed("response body: br is not unpacked: install `asgictl[brotli]`")
    assert found(answered(brotli.compress(NEEDLE), encoding="br"), "another") == (False, [note])


def test_a_form_that_is_too_large() -> None:
    """A large body is searched as it was sent, and it is said that it was not laid out."""
    large = answered(b"[" + b"1," * 600_000 + rb'"caf\u00e9"]')
    reason = "response body: larger than 1.0 MB, searched as it was sent"

    assert found(large, r"caf\\u00e9") == (True, [])
    assert found(large, "café") == (False, [missed(reason)])


def test_once() -> None:
    """Each reason is said once, and nothing of exchanges that are shown, or that another option leaves out."""
    notes: list[str] = []
    let = Filtered(Filter.of(FilterRequest(grep="needle", status=("200",))), notes.append)
    several = [
        *answered(b"needle", cut=True, number=1),
        *answered(b"a", cut=True, number=2),
        *answered(b"b", cut=True, number=3),
        *answered(b"c", encoding="x-y", number=4),
        *answered(b"d", encoding="x-y", number=5),
    ]
    shown = {one.id for record in several for one in let.feed(record)}
    other = Filtered(Filter.of(FilterRequest(grep="needle", status=("404",))), notes.append)

    assert [one for record in several for one in other.feed(record)] == []
    assert shown == {1}
    assert notes == [
        missed("response body: only 1 B of 2 B are kept, --body-limit keeps more", 2),
        missed("response body: x-y is not unpacked", 4),
    ]


def test_what_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long stream is searched chunk by chunk, over their borders too, and that is said."""
    monkeypatch.setattr("asgictl.inspector.show.filters._HELD", 5)
    chunks = [b"x"] * 20 + [b"nee", b"dle"] + [b"x"] * 20
    cut = missed("response body: only 46 B of 47 B are kept, --body-limit keeps more")
    note = missed("too large: searched message by message, as it was sent")

    assert found(answered(*chunks), "needle") == (True, [])
    assert found(answered(*chunks), "another") == (False, [note])
    assert found(answered(*chunks, cut=True), "another") == (False, [cut, note])


def test_what_the_command_says(tmp_path: Path) -> None:
    """`session show --grep` shows what is in packed bodies, and says on stderr what it could not search."""
    session = session_file.SessionFile(tmp_path / "s.jsonl", about={}, limit=10**6, note=print)
    packed = gzip.compress(NEEDLE, mtime=0)
    for record in (*answered(packed, encoding="gzip", number=1), *answered(b"??", encoding="dcz", number=2)):
        session(record)
    session.close()
    arguments = ["session", "show", str(tmp_path / "s.jsonl"), "--grep", "needle"]
    result = CliRunner().invoke(app, arguments, prog_name="asgictl", catch_exceptions=False)

    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            "#1 POST /orders?x=1  200 OK  2.0 ms  127.0.0.1:51234  HTTP/1.1",
            "     1.0 ▸ http.response.start  200 OK, content-type: application/json",
            f"     2.0 ▸ http.response.body   {len(packed)} B  gzip: {NEEDLE.decode()}",
        ],
    )
    assert result.stderr == f"note: {missed('response body: dcz is not unpacked', 2)}\n"

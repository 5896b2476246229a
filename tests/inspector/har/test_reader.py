"""HAR files as exchanges: those of browsers, mitmproxy and our own, and those of somebody who means no good."""

import gzip
import itertools
import json
import math
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asgictl.errors import AsgictlError, FileProblemError
from asgictl.inspector.assembly import assembled
from asgictl.inspector.bodies.codings import unpacked
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.har import members
from asgictl.inspector.headers import value_of
from asgictl.inspector.record import Closed, Event, Opened, Record, Redacted
from asgictl.inspector.sessions import codec, shell_commands
from asgictl.inspector.sessions.saved_session import SavedSession
from asgictl.inspector.show.full import FullView
from asgictl.inspector.show.line import LineView
from tests.inspector.recordings import CHAT, REQUEST, SCOPE, archive
from tests.inspector.show.test_views import shown

AT = "2026-11-28T19:44:47.260Z"


def entry(
    request: dict[str, Any] | None = None,
    response: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return an entry: a GET that was answered by 200, but for what is given."""
    return {
        "startedDateTime": AT,
        "time": 5.0,
        "request": {
            "method": "GET",
            "url": "http://127.0.0.1:8000/a?x=1#top",
            "httpVersion": "HTTP/1.1",
            **(request or {}),
        },
        "response": {"status": 200, "headers": [], "content": {"size": 0}, "bodySize": 0, **(response or {})},
        "timings": {"blocked": 1.0, "dns": -1, "connect": -1, "send": 0.5, "wait": 2.5, "receive": 1.0},
        **more,
    }


def written(folder: Path, *entries: Any) -> Path:
    """Return a file with these entries."""
    path = folder / "x.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return path


def records_of(path: Path, note: Callable[[str], object] = print, only: tuple[int, ...] = ()) -> list[Record]:
    """Return the records in a file."""
    return list(SavedSession([str(path)], note).records(only))


Read = Callable[..., tuple[list[Record], list[str]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return what reads a file with some entries: its records, and what is said of it without its name."""

    def read(*entries: Any, only: tuple[int, ...] = ()) -> tuple[list[Record], list[str]]:
        notes: list[str] = []
        path = written(tmp_path, *entries)
        found = records_of(path, notes.append, only)
        return found, [note.replace(f"`{path}`", "it") for note in notes]

    return read


def only(records: list[Record]) -> Exchange:
    """Return the only exchange of some records."""
    (found,) = assembled(records).values()
    return found


def headers(**pairs: str) -> list[dict[str, str]]:
    """Return headers as HAR has them."""
    return [{"name": name.replace("_", "-"), "value": value} for name, value in pairs.items()]


def test_a_get(read: Read) -> None:
    """A request and its answer are there as they were recorded by the browser, with its times."""
    asked = [*headers(Accept="*/*", X_A="ü"), {"name": ":method", "value": "GET"}]
    content = {"size": 5, "mimeType": "text/plain", "text": "hello"}
    records, notes = read(
        entry({"headers": asked}, {"headers": headers(Content_Type="text/plain"), "content": content})
    )
    found = only(records)

    assert found.opened.at == 1795895087.26
    assert found.scope == {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "server": ["127.0.0.1", 8000],
        "client": None,
        "scheme": "http",
        "root_path": "",
        "path": "/a",
        "raw_path": b"/a",
        "query_string": b"x=1",
        "headers": [(b"host", b"127.0.0.1:8000"), (b"accept", b"*/*"), (b"x-a", b"\xfc")],
        "method": "GET",
    }
    assert records[1:] == [
        Event(1, 1, 1.5, "receive", {"type": "http.request", "body": b"", "more_body": False}),
        Event(
            1,
            2,
            4.0,
            "send",
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]},
        ),
        Event(1, 3, 5.0, "send", {"type": "http.response.body", "body": b"hello", "more_body": False}, size=5),
        Closed(1, 5.0),
    ]
    assert notes == []


URLS: dict[str, tuple[dict[str, Any], tuple[str, Any, str, str]]] = {
    "HTTP/2": (
        {"url": "https://a.b/x", "httpVersion": "h2", "headers": [{"name": ":authority", "value": "a.b"}]},
        ("https", ["a.b", 443], "/x", "2"),
    ),
    "mitmproxy's HTTP/2": ({"url": "https://a.b/x", "httpVersion": "HTTP/2.0"}, ("https", ["a.b", 443], "/x", "2")),
    "HTTP/3": ({"url": "https://a.b", "httpVersion": "h3"}, ("https", ["a.b", 443], "/", "3")),
    "a draft of HTTP/3": ({"url": "https://a.b", "httpVersion": "h3-29"}, ("https", ["a.b", 443], "/", "3")),
    "Safari's HTTP/2": ({"url": "https://a.b", "httpVersion": "HTTP/2"}, ("https", ["a.b", 443], "/", "2")),
    "HTTP/1.0": ({"url": "http://a.b", "httpVersion": "http/1.0"}, ("http", ["a.b", 80], "/", "1.0")),
    "another version": ({"url": "http://a.b", "httpVersion": "HTTP/3.1"}, ("http", ["a.b", 80], "/", "1.1")),
    "IPv6": ({"url": "http://[::1]:80/x y?ü"}, ("http", ["::1", 80], "/x%20y?%C3%BC", "1.1")),
    "a user": ({"url": "http://me:secret@a.b:1/"}, ("http", ["a.b", 1], "/", "1.1")),
    "nothing": ({"url": None, "httpVersion": 7}, ("http", None, "/", "1.1")),
    "a URL without a server": ({"url": "data:text/plain,hi"}, ("data", None, "text/plain,hi", "1.1")),
    "no URL": ({"url": "http://[/%"}, ("http", None, "/%", "1.1")),
}


@pytest.mark.parametrize(("request_", "told"), URLS.values(), ids=list(URLS))
def test_urls(read: Read, request_: dict[str, Any], told: tuple[str, Any, str, str]) -> None:
    """Where a request went to is what its URL says."""
    found = only(read(entry(request_))[0])

    assert (found.scope["scheme"], found.scope["server"], found.target, found.scope["http_version"]) == told


CUT = "it does not hold the whole body of the request in #1"
FILES = "it does not hold the files that were sent in #1, only their names"
COMPOSED = "it holds forms by their fields: what is put together in #1 may differ from what was sent"
PACKED = "it holds bodies unpacked: what is packed again in #1 may differ from what was sent"
LOST = "it holds bodies unpacked: the `content-encoding` in #1 is left out, as it cannot be packed again"
LONGER = "it holds a body of another length than the headers of #1 say, which may differ from what was sent"
FORM = "application/x-www-form-urlencoded"
PARTS = '--x\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n\r\n--x--\r\n'
POSTED: dict[str, tuple[dict[str, Any], list[dict[str, str]], tuple[bytes, bool], list[str]]] = {
    "text": ({"mimeType": "text/plain", "text": "grüße"}, [], ("grüße".encode(), True), []),
    "by its charset": (
        {"mimeType": "text/plain; charset=latin-1", "text": "grüße"},
        headers(Content_Length="5"),
        (b"gr\xfc\xdfe", True),
        [],
    ),
    "Chromium's bytes": ({"mimeType": "", "text": "\0ÿ\1"}, headers(Content_Length="3"), (b"\x00\xff\x01", True), []),
    "what Chromium has replaced": ({"mimeType": "", "text": "a\ufffd"}, [], ("a\ufffd".encode(), False), [CUT]),
    "a letter like that": (
        {"mimeType": "", "text": "\ufffd"},
        headers(Content_Length="3"),
        (b"\xef\xbf\xbd", True),
        [],
    ),
    "Base64 of others": ({"mimeType": "", "text": "/wA=", "encoding": "base64"}, [], (b"\xff\x00", True), []),
    "our own": ({"mimeType": "", "text": "", "_base64": "/wA="}, [], (b"\xff\x00", True), []),
    "no Base64": ({"mimeType": "", "text": "x", "_base64": "?"}, [], (b"x", True), []),
    "the fields of a form": (
        {"mimeType": FORM, "params": [{"name": "a b", "value": "1&2"}, {"name": "c"}, 7]},
        [],
        (b"a+b=1%262&c=&=", True),
        [COMPOSED],
    ),
    "a form with a file, which is told by its name alone": (
        {"mimeType": FORM, "params": [{"name": "a", "value": "1"}, {"name": "f", "fileName": "a.png"}]},
        [],
        (b"a=1&f=", False),
        [FILES, COMPOSED],
    ),
    "a file part without its content": (
        {"mimeType": "multipart/form-data; boundary=x", "text": PARTS, "params": [{"name": "f", "fileName": "a.png"}]},
        [],
        (PARTS.encode(), False),
        [FILES],
    ),
    "a file part that was empty": (
        {"mimeType": "multipart/form-data; boundary=x", "text": PARTS, "params": [{"name": "f", "fileName": "a.png"}]},
        headers(Content_Length=str(len(PARTS))),
        (PARTS.encode(), True),
        [],
    ),
    "parts alone": (
        {"mimeType": "multipart/form-data; boundary=x", "params": [{"name": "f", "value": "abc"}]},
        [],
        (b"", False),
        [CUT],
    ),
    "packed, and replaced": (
        {"mimeType": "text/plain", "text": "a\ufffd"},
        headers(Content_Encoding="deflate"),
        (zlib.compress("a\ufffd".encode(), 1), False),
        [CUT, PACKED],
    ),
    "encoded fields": (
        {"mimeType": FORM, "params": [{"name": "a+b", "value": "1"}]},
        headers(Content_Length="5"),
        (b"a+b=1", True),
        [],
    ),
    "parts without a text": (
        {"mimeType": "multipart/form-data", "params": []},
        headers(Content_Length="9"),
        (b"", False),
        [CUT],
    ),
    "nothing of something": ({}, headers(Content_Length="9"), (b"", False), [CUT]),
    "a part": ({"mimeType": "", "text": "abc"}, headers(Content_Length="9"), (b"abc", False), [CUT]),
    "packed": (
        {"mimeType": "", "text": "abc"},
        headers(Content_Encoding="gzip", Content_Length="9"),
        (gzip.compress(b"abc", 1, mtime=0), True),
        [PACKED],
    ),
    "packed in an unknown coding": (
        {"mimeType": "", "text": "abcdefghijkl"},
        headers(Content_Encoding="x", Content_Length="9"),
        (b"abcdefghijkl", True),
        [LOST],
    ),
    "Firefox's, with headers in front": (
        {"mimeType": FORM, "text": "Content-Length: 3\r\n\r\na=1"},
        headers(Content_Length="3"),
        (b"Content-Length: 3\r\n\r\na=1", True),
        [LONGER],
    ),
}


@pytest.mark.parametrize(("data", "given_", "body", "said"), POSTED.values(), ids=list(POSTED))
def test_bodies_of_requests(
    read: Read, data: dict[str, Any], given_: list[dict[str, str]], body: tuple[bytes, bool], said: list[str]
) -> None:
    """A body is as it was sent, as far as that can be told, and otherwise is not taken for the whole."""
    records, notes = read(entry({"method": "POST", "headers": given_, "postData": data}))
    found = only(records)

    assert (found.request_body, found.is_request_whole) == body
    assert notes == said
    if found.is_request_whole and value_of(found.request_headers, "content-length"):
        assert found.declared_size == len(found.request_body)
    assert (value_of(found.request_headers, "content-encoding") is None) == (
        LOST in said or not any(pair["name"] == "Content-Encoding" for pair in given_)
    )


def unfinished(content: bytes) -> bytes:
    """Return content packed with gzip, without its end."""
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH)


PART = "it does not hold the whole body of the answer in #1"
GZIP = headers(Content_Encoding="gzip")
ANSWERED: dict[str, tuple[dict[str, Any], list[dict[str, str]], tuple[bytes, bool], list[str]]] = {
    # https://encoding.spec.whatwg.org/#names-and-labels
    "Latin-1 as browsers read it": (
        {"content": {"size": 3, "mimeType": "text/plain", "text": "“x”"}},
        headers(Content_Type="text/plain; charset=iso-8859-1"),
        (b"\x93x\x94", False),
        [],
    ),
    "by its charset": (
        {"content": {"size": 2, "mimeType": "text/plain", "text": "ü!"}},
        headers(Content_Type="text/plain; charset=latin-1"),
        (b"\xfc!", False),
        [],
    ),
    "Base64": ({"content": {"size": 2, "text": "/wA=", "encoding": "base64"}}, [], (b"\xff\x00", False), []),
    "Firefox without the body": (
        {"content": {"size": 9, "mimeType": "image/png", "comment": "Response body is not included."}},
        [],
        (b"", True),
        [PART],
    ),
    "a part": ({"content": {"size": 9, "text": "abc"}}, [], (b"abc", True), [PART]),
    "packed": ({"content": {"size": 3, "text": "abc"}}, GZIP, (gzip.compress(b"abc", 1, mtime=0), False), [PACKED]),
    "a part of what was packed": (
        {"content": {"size": 9, "text": "abc"}},
        GZIP,
        (unfinished(b"abc"), True),
        [PART, PACKED],
    ),
    "mitmproxy's sizes": (
        {"bodySize": 23, "content": {"size": 23, "compression": -20, "text": "abc"}},
        headers(Content_Encoding="identity, br"),
        (brotli.compress(b"abc", quality=1), False),
        [PACKED],
    ),
    "a size that cannot be": (
        {"bodySize": 5, "content": {"size": 5, "compression": 10**400, "text": "x"}},
        [],
        (b"x", True),
        [PART],
    ),
    "a number that is none": (
        {"bodySize": 5, "content": {"size": 5, "compression": True, "text": "hello"}},
        [],
        (b"hello", False),
        [],
    ),
    "a coding that cannot be packed": (
        {"content": {"size": 3, "text": "abc"}},
        headers(Content_Encoding="x"),
        (b"abc", False),
        [LOST],
    ),
    "too many of them": (
        {"content": {"size": 3, "text": "abc"}},
        headers(Content_Encoding=", ".join(["gzip"] * 6)),
        (b"abc", False),
        [LOST],
    ),
    "our own that was not unpacked": (
        {"content": {"size": 3, "text": "", "_base64": "YWJj"}},
        headers(Content_Encoding="x"),
        (b"abc", False),
        [],
    ),
    "nothing": ({"content": {}}, GZIP, (b"", False), []),
}


@pytest.mark.parametrize(("response", "given_", "body", "said"), ANSWERED.values(), ids=list(ANSWERED))
def test_bodies_of_answers(
    read: Read, response: dict[str, Any], given_: list[dict[str, str]], body: tuple[bytes, bool], said: list[str]
) -> None:
    """A body is packed again as its headers say, and what is missing of it is said."""
    records, notes = read(entry(None, {"headers": given_, **response}))
    found = only(records)

    assert (found.response_body, found.is_cut) == body
    assert notes == said
    assert (found.header("content-encoding") is None) == (
        LOST in said or not given_ or given_[0]["name"] == "Content-Type"
    )


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("names", ["gzip", "x-gzip", "deflate", "br", "zstd", "gzip, br", "zstd, deflate, zstd"])
def test_what_is_packed_again(read: Read, names: str, *, whole: bool) -> None:
    """A body unpacks to what the file holds of it, in any codings; of a part of it the end is missing."""
    content = {"size": 3000 if whole else 4000, "text": "abc" * 1000}
    records, notes = read(entry(None, {"headers": headers(Content_Encoding=names), "content": content}))
    found = only(records)

    assert notes == [*([] if whole else [PART]), PACKED]
    back, undone, fault = unpacked(found.response_body, names)
    assert (back, len(undone)) == (b"abc" * 1000, names.count(",") + 1)
    assert (fault, found.is_cut) == ((None, False) if whole else ("the end is missing", True))


def test_what_has_no_answer(read: Read) -> None:
    """What was refused, or is not an entry, is told by its number, a few numbers of many."""
    refused = [entry(None, {"status": 0, "content": {}, "_error": "net::ERR_FAILED"})] * 7
    too_far = [entry(startedDateTime=f"{year}-12-31T23:59:59-14:00") for year in ("9999", "0001")]
    records, notes = read(*refused, entry(), "no", {"request": 5}, entry(startedDateTime="soon"), *too_far)

    assert notes == [
        *(f"entry {n} of it is not a request, and is left out" for n in (9, 10)),
        "it holds no answer to #1, #2, #3, #4, #5 and 2 others",
        "it does not say when #11, #12, #13 was",
    ]
    assert [(one.id, one.status) for one in assembled(records).values()] == [
        *((n, None) for n in range(1, 8)),
        *((8, 200), (11, 200), (12, 200), (13, 200)),
    ]


def test_one_of_them(read: Read) -> None:
    """An entry can be asked for by its number; of the others nothing is said."""
    records, notes = read("no", entry(), entry(None, {"status": 0}), only=(2,))

    assert (list(assembled(records)), notes) == ([2], [])
    assert read(entry(), only=(9,)) == ([], [])


def test_websockets(read: Read) -> None:
    """The messages of a WebSocket are there in their order, with their times, and how it was closed if that is told."""
    messages = [
        {"type": "send", "time": 1795895087.265, "opcode": 1, "data": "hi"},
        {"type": "receive", "time": 1795895087.266, "opcode": 2, "data": "AP8="},
        {"type": "receive", "time": 1795895087.267, "opcode": 9, "data": "ping"},
        {"type": "receive", "time": None, "opcode": 1, "data": ""},
        {"type": "receive", "time": 1795895087268.0, "opcode": 1, "data": "Playwright's"},
        "no",
    ]
    accepted = {"status": 101, "headers": headers(Sec_WebSocket_Protocol="b", Upgrade="websocket")}
    asked = {"url": "http://a.b/chat", "headers": headers(Host="a.b", Sec_WebSocket_Protocol="a, b")}
    records, notes = read(entry(asked, accepted, _webSocketMessages=messages))
    found = only(records)

    assert (found.type, found.scope["scheme"], found.scope["subprotocols"], found.status) == (
        "websocket",
        "ws",
        ["a", "b"],
        101,
    )
    assert [(event.direction, event.message, event.size) for event in found.events] == [
        ("receive", {"type": "websocket.connect"}, 0),
        ("send", {"type": "websocket.accept", "subprotocol": "b", "headers": [(b"upgrade", b"websocket")]}, 0),
        ("receive", {"type": "websocket.receive", "text": "hi"}, 2),
        ("send", {"type": "websocket.send", "bytes": b"\x00\xff"}, 2),
        ("send", {"type": "websocket.send", "text": ""}, 0),
        ("send", {"type": "websocket.send", "text": "Playwright's"}, 12),
    ]
    assert [event.ms for event in found.events] == pytest.approx([1.5, 4.0, 5.0, 6.0, 4.0, 8.0], abs=0.01)
    assert notes == ["it does not say how the WebSocket of #1 was closed"]
    refused = only(read(entry({"url": "wss://a.b/chat"}, {"status": 403, "content": {"size": 2, "text": "no"}}))[0])
    assert (refused.type, refused.scope["scheme"], refused.status, refused.response_body) == (
        "websocket",
        "wss",
        403,
        b"no",
    )


def test_our_own(tmp_path: Path) -> None:
    """What was exported is read again: requests, messages, the close, and secrets as such."""
    path = tmp_path / "X.HAR"
    exchanges = list(assembled([*REQUEST, *CHAT]).values())
    exchanges[0].scope["headers"].append((b"cookie", Redacted(9)))
    path.write_text(archive(exchanges))
    exchanges[0].scope["headers"].pop()
    notes: list[str] = []
    post, chat = assembled(records_of(path, notes.append)).values()

    assert (post.method, post.target, post.request_body, post.status, post.text) == (
        *("POST", "/orders?x=1", b'{"sku": "A1", "n": 2}', 200),
        '{"ok":1}',
    )
    assert (post.redacted, post.ms) == (("cookie",), 8.4)
    assert [(one.type, one.content) for one in chat.events[2:]] == [
        *(("websocket.receive", "hi"), ("websocket.send", b"\x00\xff"), ("websocket.disconnect", b"")),
    ]
    assert (chat.close_code, notes) == (1001, [])


REFUSED: dict[str, tuple[bytes, str]] = {
    "not JSON": (b'{\n"log": }', "it is not JSON"),
    "nothing but a beginning": (b'{"log": {"version": "1.2", ', "it is not JSON"),
    "not text": (b'{"log": {"version": "\xff"}}', "it is not JSON"),
    "too deep": (b'{"log": {"pages": ' + b"[" * 100_000, "it is nested too deeply"),
    "a long number": (b'{"log": {"pages": ' + b"1" * 5000 + b"}}", "it has a number that is too long"),
    "another object": (b'{\n"logs": {}}', "it has no `log` with `entries`"),
    "a log that is none": (b'{\n"log": []}', "it has no `log` with `entries`"),
    "no entries": (b'{"log": {"entries": {}}}', "it has no `log` with `entries`"),
    "no list of them": (b'{"log": {"entries": null}}', "it has no `log` with `entries`"),
}


@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_no_archive(tmp_path: Path, content: bytes, why: str) -> None:
    """A file that is not an archive is refused by its name, with the reason; one with a byte order mark is read."""
    path = tmp_path / "x.har"
    path.write_bytes(content)
    with pytest.raises(FileProblemError) as caught:
        records_of(path)
    assert caught.value.message == f"`{path}` is not a HAR: {why}"
    assert caught.value.hint == "name a file that `asgictl inspect --save` has written, or a HAR"

    path.write_bytes(b'\xef\xbb\xbf{"log": {"entries": []}}')
    assert records_of(path) == []
    with pytest.raises(FileProblemError, match="cannot read"):
        records_of(tmp_path / "none.har")


@pytest.mark.parametrize("rest", [b"}", b"]]", b"]}} x", b"]}}{", b", {]}}"])
def test_what_is_damaged(tmp_path: Path, rest: bytes) -> None:
    """The entries in front of what is damaged are read, and it is said where that is."""
    path = tmp_path / "x.har"
    path.write_bytes(b'{"log": {"entries": [%b%b' % (json.dumps(entry()).encode(), rest))
    found = SavedSession([str(path)], print).records()

    assert [type(record) for record in itertools.islice(found, 5)] == [Opened, Event, Event, Event, Closed]
    with pytest.raises(FileProblemError) as caught:
        next(found)
    assert caught.value.message == f"`{path}` cannot be read after entry 1: it is not JSON"


def test_an_end_that_is_missing(tmp_path: Path) -> None:
    """Of an archive that ends anywhere the entries that are there are read, and it is said that its end is missing."""
    path = tmp_path / "x.har"
    content = json.dumps({"log": {"entries": [entry(comment="\u20ac\\"), entry(cache={"a": False})]}}).encode()
    place = content.rindex(b', {"startedDateTime')
    for end in range(place, len(content)):
        notes: list[str] = []
        path.write_bytes(content[:end])
        found = assembled(records_of(path, notes.append))
        assert list(found) == ([1] if end < len(content) - 3 else [1, 2])
        assert notes == [f"the end of `{path}` is missing; what there is of it is read"]


@pytest.mark.parametrize("form", [{}, {"indent": 2}, {"separators": (",", ":")}], ids=["plain", "indented", "short"])
def test_pieces(form: dict[str, Any]) -> None:
    """An archive reads the same, whatever pieces it comes in: in the middle of numbers, names, and escapes, too."""
    log = {
        "_size": 1.5e-7,
        "entries": [{"a": '\u20ac\\"\U0001f600', "b": [math.inf, -math.inf, True, False, None, -1.5]}, {}],
        "_n": -12,
    }
    content = json.dumps({"_v": [1.5, -2e-7], "log": log}, **form).encode()
    whole = list(members.members([content]))

    for place in range(1, len(content)):
        assert list(members.members([content[:place], content[place : place + 1], content[place + 1 :]])) == whole
        with pytest.raises(EOFError):
            list(members.members([content[:place]]))


def test_damage_in_front_of_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not JSON is said as soon as it is read, however much comes after it."""
    path = tmp_path / "x.har"
    path.write_text(f'{{"log": {{"entries": [{json.dumps(entry())}, {{bad}}, "{" " * (1 << 21)}"]}}}}')
    monkeypatch.setattr(members, "LONGEST", 1_000_000)
    with pytest.raises(FileProblemError) as caught:
        records_of(path)

    assert caught.value.message == f"`{path}` cannot be read after entry 1: it is not JSON"


STATUSES = [10**400, -1, True, 99, 1000, "200", 200.0]


@pytest.mark.parametrize("status", STATUSES, ids=[str(status)[:4] for status in STATUSES])
def test_a_status_that_is_none(read: Read, status: Any) -> None:
    """A status that HTTP does not have, like -1 of Playwright for a request that failed, is no answer."""
    records, notes = read(entry(None, {"status": status}))

    assert (only(records).status, notes) == (None, ["it holds no answer to #1"])


def test_an_upload_of_unknown_size(read: Read) -> None:
    """Where a file does not say how large a body was, nobody says that it was empty."""
    chunked = {"method": "POST", "bodySize": -1, "headers": headers(Transfer_Encoding="chunked")}
    records, notes = read(entry(chunked))

    assert notes == [CUT]
    assert "http.request  unknown size, 0 B kept" in re.sub(" {2,}", "  ", "\n".join(shown(FullView(), records)))


def test_several_lines_of_subprotocols(read: Read) -> None:
    """A WebSocket's client may offer them in several headers."""
    offered = [*headers(Sec_WebSocket_Protocol="a, b"), *headers(Sec_WebSocket_Protocol="c")]
    records, _ = read(entry({"url": "ws://a.b/", "headers": offered}, {"status": 403, "content": {}}))

    assert only(records).scope["subprotocols"] == ["a", "b", "c"]


def test_too_large_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that nobody can have meant is refused before it fills the memory; the others before it are there."""
    path = written(tmp_path, entry(), entry(comment=" " * (1 << 21)))
    monkeypatch.setattr(members, "LONGEST", 1_000_000)
    with pytest.raises(FileProblemError) as caught:
        records_of(path)

    assert caught.value.message == f"`{path}` cannot be read after entry 1: it is larger than 1.0 MB"
    assert caught.value.hint == "remove what is there to read the others"


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([10**400, 2**70, -1, "-Kx", "\x1b[31m"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "value", "text"]), inner, max_size=3)
    ),
    max_leaves=5,
)
FULL = entry(
    {
        "method": "POST",
        "headers": headers(Host="a", Content_Length="3", Content_Encoding="gzip"),
        "postData": {"text": "abc"},
        "bodySize": 3,
    },
    {
        "headers": headers(Content_Encoding="gzip"),
        "bodySize": 3,
        "content": {"size": 3, "text": "abc", "compression": 0},
    },
    _webSocketMessages=[{"type": "send", "time": 1.0, "opcode": 1, "data": "x"}],
    _asgictl={"id": 1, "closed": {"by": "app", "code": 1000}},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where there is something in a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))][0 if path else 1 :]


def changed(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """Return a value with something else in one place."""
    if not path:
        return other
    copy = list(value) if isinstance(value, list) else dict(value)
    copy[path[0]] = changed(value[path[0]], path[1:], other)
    return copy


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(places(FULL)), other=ANY, is_socket=st.booleans())
@example(place=("response", "content", "compression"), other=10**400, is_socket=False)
@example(place=("response", "content", "compression"), other=10**30, is_socket=False)
@example(place=("response", "content", "compression"), other=True, is_socket=False)
@example(place=("response", "content", "size"), other=10**400, is_socket=False)
@example(place=("request", "bodySize"), other=10**400, is_socket=False)
@example(place=("_asgictl", "closed", "code"), other=10**400, is_socket=True)
@example(place=("_asgictl", "closed", "code"), other=True, is_socket=True)
@example(place=("_asgictl", "id"), other=10**30, is_socket=False)
def test_hostile_values(tmp_path: Path, place: tuple[Any, ...], other: Any, is_socket: bool) -> None:
    """Any value in any key is survived: the entry is shown, exported and compared, or refused in a sentence."""
    found = changed(FULL, place, other)
    if not is_socket:
        found.pop("_webSocketMessages", None)
    records = records_of(written(tmp_path, found), lambda _: None)
    for exchange in assembled(records).values():
        assert [codec.loads(codec.dumps(record)) is not None for record in exchange.records()]
        assert shown(LineView(), exchange.records())
        assert shown(FullView(), exchange.records())
        assert json.loads(archive([exchange]))["log"]["entries"]
        for client in (shell_commands.curl, shell_commands.httpie):
            try:
                line = client(exchange).line
            except AsgictlError:
                continue
            assert all(char.isprintable() or char in "\n\t" for char in line)


TYPES = st.sampled_from(
    [
        *("", "text/plain", "text/plain; charset=latin-1", "text/plain; charset=utf-16", "application/json"),
        *("text/html; charset=shift_jis", "text/plain; charset=x", "application/octet-stream", FORM),
    ]
)
BODIES = (
    st.binary(max_size=20)
    | st.text(max_size=20).map(str.encode)
    | st.text(max_size=9).map(lambda it: it.encode("utf-16"))
)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, blacklist_characters="\x7f"), max_size=9)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asked=BODIES,
    asked_type=TYPES,
    answer=BODIES,
    answer_type=TYPES,
    value=VALUES,
    path=VALUES,
    has_length=st.booleans(),
)
def test_any_exchange(
    tmp_path: Path,
    asked: bytes,
    asked_type: str,
    answer: bytes,
    answer_type: str,
    value: str,
    path: str,
    has_length: bool,
) -> None:
    """What was recorded comes back from an archive: the target, the headers and the bodies, byte by byte."""
    length = [(b"content-length", b"%d" % len(asked))] if has_length else []
    headers = [(b"host", b"a.b"), (b"content-type", asked_type.encode()), (b"x-a", value.encode("latin-1")), *length]
    given_headers = [(b"content-type", answer_type.encode()), (b"x-b", value.encode("latin-1"))]
    raw_path = b"/" + path.replace("?", "").replace("#", "").encode()
    sent = Exchange(Opened(1, 9.0, {**SCOPE, "raw_path": raw_path, "headers": headers}))
    for event in (
        Event(1, 1, 0.0, "receive", {"type": "http.request", "body": asked}, size=len(asked)),
        Event(1, 2, 1.0, "send", {"type": "http.response.start", "status": 201, "headers": given_headers}),
        Event(1, 3, 2.0, "send", {"type": "http.response.body", "body": answer}, size=len(answer)),
        Closed(1, 3.0),
    ):
        sent.add(event)
    (tmp_path / "x.har").write_text(archive([sent]))
    notes: list[str] = []
    back = only(records_of(tmp_path / "x.har", notes.append))

    assert notes == []
    assert (back.method, back.target, back.request_headers) == (sent.method, sent.target, sent.request_headers)
    assert (back.request_body, back.response_body) == (asked, answer)
    assert (back.status, back.response_headers, back.ms) == (201, sent.response_headers, sent.ms)
    assert (back.is_cut, back.opened.at) == (False, 9.0)

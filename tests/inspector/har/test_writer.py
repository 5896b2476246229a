"""A session as HAR: what the format asks for, and what was recorded, with its times."""

import base64
import gzip
import json
import math
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import haralyzer
import pytest

from asgictl.inspector.assembly import assembled
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.har import writer
from asgictl.inspector.record import Closed, Event, Failure, Opened, Record, Redacted
from asgictl.inspector.sessions import archives
from tests.inspector.recordings import CHAT, REQUEST, SCOPE, archive, gzipped

# What http://www.softwareishard.com/blog/har-12-spec/ asks for: the keys of each object with the types of their
# values, those in front that are required and those that may be there. A key of an application's own begins with `_`.
FORMAT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "log": ({"version": str, "creator": "creator", "pages": ["page"], "entries": ["entry"]}, {}),
    "page": ({"startedDateTime": str, "id": str, "title": str, "pageTimings": "pageTimings"}, {}),
    "pageTimings": ({}, {}),
    "creator": ({"name": str, "version": str}, {}),
    "entry": (
        {
            "startedDateTime": str,
            "time": (int, float),
            "request": "request",
            "response": "response",
            "cache": "cache",
            "timings": "timings",
        },
        {"pageref": str, "serverIPAddress": str, "connection": str},
    ),
    "request": (
        {
            "method": str,
            "url": str,
            "httpVersion": str,
            "cookies": ["cookie"],
            "headers": ["pair"],
            "queryString": ["pair"],
            "headersSize": int,
            "bodySize": int,
        },
        {"postData": "postData", "comment": str},
    ),
    "response": (
        {
            "status": int,
            "statusText": str,
            "httpVersion": str,
            "cookies": ["cookie"],
            "headers": ["pair"],
            "content": "content",
            "redirectURL": str,
            "headersSize": int,
            "bodySize": int,
        },
        {"comment": str},
    ),
    "cookie": (
        {"name": str, "value": str},
        # `sameSite` is of browsers.
        {
            **dict.fromkeys(("path", "domain", "expires", "sameSite", "comment"), str),
            **dict.fromkeys(("httpOnly", "secure"), bool),
        },
    ),
    "pair": ({"name": str, "value": str}, {}),
    "postData": ({"mimeType": str, "text": str}, {"params": ["param"], "comment": str}),
    "param": ({"name": str}, dict.fromkeys(("value", "fileName", "contentType", "comment"), str)),
    "content": ({"size": int, "mimeType": str}, {"compression": int, "text": str, "encoding": str, "comment": str}),
    "cache": ({}, {}),
    "timings": (
        {"send": (int, float), "wait": (int, float), "receive": (int, float)},
        {**dict.fromkeys(("blocked", "dns", "connect", "ssl"), int), "comment": str},
    ),
}


def check(value: Any, kind: Any) -> None:
    """Hold a value against the format."""
    if isinstance(kind, list):
        for item in value:
            check(item, kind[0])
    elif isinstance(kind, str):
        required, optional = FORMAT[kind]
        keys = {key for key in value if not key.startswith("_")}
        assert (set(required) - keys, keys - {*required, *optional}) == (set(), set()), kind
        for key in keys:
            check(value[key], (required | optional)[key])
    else:
        assert isinstance(value, kind)


def archived(*records: Record) -> list[dict[str, Any]]:
    """Return the entries of an archive, which is as the format wants it, and which another reader can read."""
    found = json.loads(archive(assembled(records).values()))
    check(found["log"], "log")
    parser = haralyzer.HarParser(found)
    entries: list[dict[str, Any]] = found["log"]["entries"]
    assert (parser.version, parser.creator) == ("1.2", {"name": "asgictl", "version": "1.2.3"})
    for entry, read in zip(entries, map(haralyzer.HarEntry, parser.har_data["entries"]), strict=True):
        response = entry["response"]
        assert (read.url, read.time, read.status) == (entry["request"]["url"], entry["time"], response["status"])
        assert read.response.redirectURL == response["redirectURL"]
        assert read.response.text == response["content"].get("text")
        assert f"{read.startTime:%Y-%m-%dT%H:%M}" == entry["startedDateTime"][:16]
    for entry in entries:
        assert [entry["timings"].pop(key) for key in ("blocked", "dns", "connect", "ssl")] == [-1] * 4
    assert all(entry["timings"][key] >= 0 for entry in entries for key in ("send", "wait", "receive"))
    (page,) = parser.pages
    assert (page.page_id, len(page.entries)) == ("session", len(entries))
    return [{**entry, "_asgictl": _without_records(entry["_asgictl"])} for entry in entries]


def _without_records(ours: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in ours.items() if key != "records"}


def entry_of(*records: Record) -> Any:
    """Return the only entry of an archive."""
    (entry,) = archived(*records)
    assert entry["time"] == pytest.approx(sum(entry["timings"][key] for key in ("send", "wait", "receive")))
    return entry


def answered(
    headers: list[Any],
    body: bytes = b"",
    *,
    status: int = 200,
    size: int | None = None,
    cut: bool = False,
    scope: dict[str, Any] | None = None,
) -> list[Record]:
    """Return the records of a GET with this answer."""
    opened = Opened(
        1, 1_700_000_000.25, {**SCOPE, "method": "GET", "query_string": b"", "headers": [], **(scope or {})}
    )
    size = len(body) if size is None else size
    return [
        opened,
        Event(1, 1, 0.5, "receive", {"type": "http.request", "body": b"", "more_body": False}),
        Event(1, 2, 2.0, "send", {"type": "http.response.start", "status": status, "headers": headers}),
        Event(1, 3, 3.0, "send", {"type": "http.response.body", "body": body}, size=size, cut=cut),
        Closed(1, 5.0),
    ]


def test_a_get() -> None:
    """A request without a body is archived with its time, its address and its answer, and no more."""
    assert entry_of(*answered([(b"content-type", b"text/plain"), (b"x-a", b"\xfc")], b"ok")) == {
        "pageref": "session",
        "startedDateTime": "2023-11-14T22:13:20.250Z",
        "time": 3.0,
        "request": {
            "method": "GET",
            "url": "http://127.0.0.1:8000/orders",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "queryString": [],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [{"name": "content-type", "value": "text/plain"}, {"name": "x-a", "value": "ü"}],
            "content": {"size": 2, "compression": 0, "mimeType": "text/plain", "text": "ok"},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": 2,
            "_transferSize": 2,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 2.0, "receive": 1.0},
        "serverIPAddress": "127.0.0.1",
        "connection": "8000",
        "_serverPort": 8000,
        "_resourceType": "fetch",
        "_asgictl": {"id": 1, "error": None, "app_ms": 5.0},
    }


def test_a_post() -> None:
    """A request with a body has it, with its type; and the parameters of its query, decoded."""
    opened, *others = REQUEST
    assert isinstance(opened, Opened)
    opened = replace(opened, scope={**opened.scope, "query_string": b"x=1&empty=&y=%C3%BC+b&x=2"})
    entry = entry_of(opened, *others)

    assert (entry["time"], entry["timings"]) == (8.4, {"send": 0, "wait": 7.9, "receive": pytest.approx(0.5)})
    assert entry["request"] == {
        "method": "POST",
        "url": "http://127.0.0.1:8000/orders?x=1&empty=&y=%C3%BC+b&x=2",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [
            {"name": "host", "value": "127.0.0.1:8000"},
            {"name": "content-type", "value": "application/json"},
        ],
        "queryString": [
            {"name": "x", "value": "1"},
            {"name": "empty", "value": ""},
            {"name": "y", "value": "ü b"},
            {"name": "x", "value": "2"},
        ],
        "headersSize": -1,
        "bodySize": 21,
        "postData": {"mimeType": "application/json", "text": '{"sku": "A1", "n": 2}'},
    }


def test_a_binary_body_without_a_type() -> None:
    """A body that is no text is base64, and of a request, where no reader knows that, apart from the text."""
    opened, *_, closed = answered([])
    up = Event(1, 1, 0.5, "receive", {"type": "http.request", "body": b"\xff\x00"}, size=2)
    down = Event(1, 3, 3.0, "send", {"type": "http.response.body", "body": b"\x00\xfe\xfd"}, size=3)
    start = Event(1, 2, 2.0, "send", {"type": "http.response.start", "status": 299})
    entry = entry_of(opened, up, start, down, closed)

    assert entry["request"]["postData"] == {
        "mimeType": "",
        "text": "",
        "_base64": "/wA=",
        "comment": "2 bytes that are not text, in `_base64`",
    }
    assert entry["request"]["bodySize"] == 2
    assert entry["response"]["content"] == {
        "size": 3,
        "compression": 0,
        "mimeType": "x-unknown",
        "text": base64.b64encode(b"\x00\xfe\xfd").decode(),
        "encoding": "base64",
    }
    assert (entry["response"]["status"], entry["response"]["statusText"]) == (299, "")


def test_redirects() -> None:
    """Where an answer leads is told."""
    entry = entry_of(*answered([(b"Location", b"/next?a=1")], status=302))

    assert (entry["response"]["redirectURL"], entry["response"]["statusText"]) == ("/next?a=1", "Found")


ASKED: dict[str, tuple[list[Any], list[tuple[str, str]]]] = {
    "one": ([b"a=1"], [("a", "1")]),
    "two in one header": ([b"a=1;b=x%20y"], [("a", "1"), ("b", "x%20y")]),
    "two headers": ([b"a=1", b"b=2"], [("a", "1"), ("b", "2")]),
    "as they are": (
        [b'sid=abc; theme={"dark":true}; __utmz=1.2|utm=(direct); t=a=b==; q="x y"; last=z'],
        [
            *(("sid", "abc"), ("theme", '{"dark":true}'), ("__utmz", "1.2|utm=(direct)"), ("t", "a=b==")),
            *(("q", '"x y"'), ("last", "z")),
        ],
    ),
    "letters": ([b"name=gr\xfc\xdfe; z=1"], [("name", "gr\xfc\xdfe"), ("z", "1")]),
    "odd names": ([b"a@b=1; =2; c; ;a b = 3 "], [("a@b", "1"), ("", "2"), ("", "c"), ("a b", "3")]),
    "a secret": ([Redacted(9), b"b=2"], [("b", "2")]),
    "none": ([], []),
}


@pytest.mark.parametrize(("values", "cookies"), ASKED.values(), ids=list(ASKED))
def test_cookies_of_a_request(values: list[Any], cookies: list[tuple[str, str]]) -> None:
    """Each cookie is listed as servers split them, without those that are secrets."""
    headers = [*((b"Cookie", value) for value in values), (b"set-cookie", b"no=1")]
    entry = entry_of(*answered([], scope={"headers": headers}))

    assert entry["request"]["cookies"] == [{"name": name, "value": value} for name, value in cookies]
    assert [header["value"] for header in entry["request"]["headers"]] == [
        *("‹redacted 9 B›" if isinstance(value, Redacted) else value.decode("latin-1") for value in values),
        "no=1",
    ]


PLAIN = {"httpOnly": False, "secure": False}
GIVEN: dict[str, tuple[bytes, dict[str, Any]]] = {
    "plain": (b"a=1", {"name": "a", "value": "1", **PLAIN}),
    "JSON": (b'c={"j": 1}', {"name": "c", "value": '{"j": 1}', **PLAIN}),
    "no name": (b"x; Secure", {"name": "", "value": "x", "httpOnly": False, "secure": True}),
    "all attributes": (
        b"sid=1; Path=/app; Domain=a.b; HttpOnly; secure; SameSite=Lax; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
        {
            "name": "sid",
            "value": "1",
            "httpOnly": True,
            "secure": True,
            "path": "/app",
            "domain": "a.b",
            "sameSite": "Lax",
            "expires": "2026-10-21T07:28:00.000Z",
        },
    ),
    "an old date": (
        b"a=1;expires=Wednesday, 21-Oct-26 07:28:00 GMT",
        {"name": "a", "value": "1", **PLAIN, "expires": "2026-10-21T07:28:00.000Z"},
    ),
    "an age counts more": (
        b"a=1; Max-Age=60; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Priority=High; Partitioned",
        {
            "name": "a",
            "value": "1",
            **PLAIN,
            "expires": "2023-11-14T22:14:20.250Z",
            "comment": "Max-Age=60; Priority=High; Partitioned",
        },
    ),
    "what is none": (
        b"a=1; Expires=soon; Max-Age=99999999999999999999; Max-Age=9999999999999",
        {
            "name": "a",
            "value": "1",
            **PLAIN,
            "comment": "Expires=soon; Max-Age=99999999999999999999; Max-Age=9999999999999",
        },
    ),
}


@pytest.mark.parametrize(("value", "cookie"), GIVEN.values(), ids=list(GIVEN))
def test_cookies_of_an_answer(value: bytes, cookie: dict[str, Any]) -> None:
    """Each cookie has all of its attributes, those that HAR has no key for in a comment."""
    headers = [(b"Set-Cookie", value), (b"set-cookie", Redacted(3)), (b"set-cookie", b" "), (b"cookie", b"no=1")]

    assert entry_of(*answered(headers))["response"]["cookies"] == [cookie]


def test_an_exception() -> None:
    """A request whose app has raised has status 500, and the error; all its time is spent waiting."""
    opened, asked, *_ = answered([])
    hint = Event(1, 2, 2.0, "send", {"type": "http.response.early_hint", "links": [b"</a>"]})
    entry = entry_of(opened, asked, hint, Closed(1, 5.0, error=Failure("ValueError", "boom", "Traceback ...")))

    assert entry["_asgictl"] == {"id": 1, "error": "ValueError: boom", "app_ms": 5.0}
    assert (entry["response"]["bodySize"], entry["response"]["comment"]) == (
        -1,
        "the app raised ValueError: boom; what the server sent is not recorded",
    )
    assert (entry["response"]["status"], entry["response"]["statusText"]) == (500, "Internal Server Error")
    assert (entry["time"], entry["timings"]) == (5.0, {"send": 0, "wait": 5.0, "receive": 0.0})
    assert entry["response"]["content"] == {"size": 0, "compression": 0, "mimeType": "x-unknown", "text": ""}


def test_what_has_no_answer() -> None:
    """A request that was still running, and one that was answered after its end, have times that are none below 0."""
    opened, asked, start, chunk, _ = answered([])
    running = entry_of(opened, asked)
    late = archived(opened, asked, Closed(1, 1.0), start, chunk)[0]

    assert (running["response"]["status"], running["response"]["statusText"]) == (0, "")
    assert (running["time"], running["timings"]) == (0.5, {"send": 0, "wait": 0.5, "receive": 0.0})
    assert running["response"]["comment"] == "the app did not answer; what the server sent is not recorded"
    assert (late["time"], late["timings"]) == (3.0, {"send": 0, "wait": 2.0, "receive": 1.0})


def test_a_websocket() -> None:
    """A WebSocket is a GET that is answered by 101, and its messages, as the client sees them, with their times."""
    entry = entry_of(*CHAT)
    at = 1_700_000_001.0

    assert (entry["time"], entry["timings"]) == (99.0, {"send": 0, "wait": 0.2, "receive": pytest.approx(98.8)})
    assert entry["_asgictl"]["closed"] == {"by": "client", "code": 1001, "reason": "bye"}
    assert (entry["request"]["method"], entry["request"]["url"]) == ("GET", "ws://127.0.0.1:8000/chat?x=1")
    assert (entry["response"]["status"], entry["response"]["statusText"]) == (101, "Switching Protocols")
    assert entry["_resourceType"] == "websocket"
    assert entry["_webSocketMessages"] == [
        {"type": "send", "time": pytest.approx(at + 0.02, abs=1e-6), "opcode": 1, "data": "hi"},
        {"type": "receive", "time": pytest.approx(at + 0.0205, abs=1e-6), "opcode": 2, "data": "AP8="},
    ]


def test_a_websocket_that_is_refused() -> None:
    """A WebSocket that is refused has the status of its answer, and waited until that came."""
    opened, connect, *_ = CHAT
    start = Event(8, 2, 0.5, "send", {"type": "websocket.http.response.start", "status": 401, "headers": []})
    body = Event(8, 3, 0.75, "send", {"type": "websocket.http.response.body", "body": b"no"}, size=2)
    entry = entry_of(opened, connect, start, body, Closed(8, 1.0))

    assert (entry["response"]["status"], entry["response"]["content"]["text"]) == (401, "no")
    assert (entry["timings"], entry["_webSocketMessages"]) == ({"send": 0, "wait": 0.5, "receive": 0.25}, [])


def test_streams_and_packed_bodies() -> None:
    """A body in chunks is put together, a packed one is unpacked, and its two sizes are told."""
    opened, asked, start, *_ = answered([(b"content-type", b"text/event-stream")])
    chunks = [
        Event(
            1,
            3 + n,
            3.0 + n,
            "send",
            {"type": "http.response.body", "body": b"data: %d\n\n" % n, "more_body": True},
            size=9,
        )
        for n in range(2)
    ]
    packed = gzipped(b"x" * 100)
    stream = entry_of(opened, asked, start, *chunks)
    zipped = entry_of(*answered([(b"content-encoding", b"gzip")], packed))

    assert stream["response"]["content"] == {
        "size": 18,
        "compression": 0,
        "mimeType": "text/event-stream",
        "text": "data: 0\n\ndata: 1\n\n",
    }
    assert (stream["time"], stream["timings"]) == (4.0, {"send": 0, "wait": 2.0, "receive": 2.0})
    assert zipped["response"]["content"] == {
        "size": 100,
        "compression": 100 - len(packed),
        "mimeType": "x-unknown",
        "text": "x" * 100,
    }
    assert zipped["response"]["bodySize"] == len(packed)


def test_what_is_not_kept() -> None:
    """Of a body that is not kept in full the whole size is told, and how much is missing; HEAD sends none at all."""
    cut = entry_of(*answered([], b"abc", size=10, cut=True, scope={"http_version": "2"}))
    head = entry_of(*answered([], b"abc", scope={"method": "HEAD", "http_version": None}))

    assert cut["response"]["content"] == {
        "size": 10,
        "mimeType": "x-unknown",
        "text": "abc",
        "comment": "3 of 10 bytes are kept",
    }
    assert (cut["response"]["bodySize"], head["response"]["bodySize"]) == (10, 0)
    assert [cut[side]["httpVersion"] for side in ("request", "response")] == ["HTTP/2"] * 2
    assert [head[side]["httpVersion"] for side in ("request", "response")] == ["HTTP/1.1"] * 2


def test_no_lifespans() -> None:
    """A lifespan is no request, and is left out."""
    lifespan: list[Record] = [Opened(0, 0.0, {"type": "lifespan"}), Closed(0, 9.0)]

    assert [entry["_asgictl"]["id"] for entry in archived(*lifespan, *CHAT, *REQUEST)] == [8, 7]


def test_a_head() -> None:
    """An answer to HEAD has no content, though the app may have sent some."""
    entry = entry_of(*answered([(b"content-type", b"text/html")], b"<p>", scope={"method": "HEAD"}))

    assert entry["response"]["content"] == {"size": 0, "mimeType": "text/html", "text": ""}
    assert entry["response"]["bodySize"] == 0


def test_a_task_in_the_background() -> None:
    """The time ends with the answer; how long the app went on is told apart."""
    *records, _ = answered([], b"ok")
    entry = entry_of(*records, Closed(1, 1503.0))

    assert entry["time"] == 3.0
    assert entry["timings"] == {
        "send": 0,
        "wait": 2.0,
        "receive": 1.0,
        "comment": "the app went on for 1500 ms after the answer",
    }
    assert entry["_asgictl"]["app_ms"] == 1503.0


def posted(
    *chunks: bytes, headers: list[Any], read: bool = True, cut: bool = False, size: int | None = None
) -> dict[str, Any]:
    """Return the request of an entry: a POST of which the app has read these chunks."""
    opened = Opened(1, 0.0, {**SCOPE, "headers": headers})
    events: list[Record] = [
        Event(
            1,
            n,
            0.0,
            "receive",
            {"type": "http.request", "body": chunk, "more_body": not read or n < len(chunks)},
            size=len(chunk) if size is None else size,
            cut=cut,
        )
        for n, chunk in enumerate(chunks, start=1)
    ]
    request: dict[str, Any] = entry_of(opened, *events)["request"]
    return request


UNREAD: dict[str, tuple[dict[str, Any], tuple[int, str | None]]] = {
    "nothing to read": (posted(headers=[]), (0, None)),
    "nothing read": (
        posted(headers=[(b"content-length", b"300000")]),
        (-1, "the app read 0 of 300000 bytes of the body"),
    ),
    "a half": (
        posted(b"ab", headers=[(b"transfer-encoding", b"chunked")], read=False),
        (-1, "the app read 2 of an unknown number of bytes of the body"),
    ),
    "all": (posted(b"ab", b"c", headers=[(b"transfer-encoding", b"chunked")]), (3, None)),
}


@pytest.mark.parametrize(("request_", "told"), UNREAD.values(), ids=list(UNREAD))
def test_unread_uploads(request_: dict[str, Any], told: tuple[int, str | None]) -> None:
    """The size of an upload that the app has not read to its end is not known, which is said."""
    assert (request_["bodySize"], request_.get("comment")) == told


FORM = [(b"content-type", b"application/x-www-form-urlencoded; charset=latin-1")]
PARTS = [(b"content-type", b"multipart/form-data; boundary=xx")]
TEXT = b'--xx\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n'
IMAGE = (
    b'--xx\r\nContent-Disposition: form-data; name="f"; filename="x.png"\r\nContent-Type: image/png\r\n\r\n\x89\x00\r\n'
)
BASE64 = base64.b64encode(TEXT + IMAGE + b"--xx--").decode()
PACKED = gzip.compress(b'{"a": 1}', mtime=0)
BODIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a form": (
        posted(b"a=1&b=%FC+x&a=2&c", headers=FORM),
        {
            "mimeType": FORM[0][1].decode(),
            "text": "a=1&b=%FC+x&a=2&c",
            "params": [
                *({"name": "a", "value": "1"}, {"name": "b", "value": "\xfc x"}, {"name": "a", "value": "2"}),
                {"name": "c", "value": ""},
            ],
        },
    ),
    "a form in parts": (
        posted(TEXT + b"--xx--", headers=PARTS),
        {
            "mimeType": PARTS[0][1].decode(),
            "text": (TEXT + b"--xx--").decode(),
            "params": [{"name": "a", "value": "1"}],
        },
    ),
    "with a file": (
        posted(TEXT, IMAGE + b"--xx--", headers=PARTS),
        {
            "mimeType": PARTS[0][1].decode(),
            "text": "",
            "params": [
                {"name": "a", "value": "1"},
                {"name": "f", "fileName": "x.png", "contentType": "image/png", "comment": "2 bytes that are not text"},
            ],
            "_base64": BASE64,
            "comment": f"{len(TEXT + IMAGE) + 6} bytes that are not text, in `_base64`",
        },
    ),
    "packed": (
        posted(PACKED, headers=[(b"content-encoding", b"gzip")]),
        {
            "mimeType": "",
            "text": '{"a": 1}',
            "_base64": base64.b64encode(PACKED).decode(),
            "comment": "unpacked; as it was sent in `_base64`",
        },
    ),
    "not to be unpacked": (
        posted(b"abc", headers=[(b"content-encoding", b"compress")]),
        {
            "mimeType": "",
            "text": "",
            "_base64": "YWJj",
            "comment": "3 bytes that are not text, in `_base64`; compress is not unpacked",
        },
    ),
    "not kept in full": (
        posted(b"abc", headers=[], cut=True, size=9),
        {"mimeType": "", "text": "abc", "comment": "3 of 9 bytes are kept"},
    ),
}


@pytest.mark.parametrize(("request_", "data"), BODIES.values(), ids=list(BODIES))
def test_bodies_of_requests(request_: dict[str, Any], data: dict[str, Any]) -> None:
    """The fields of forms are listed; what is not text, or was packed, is there as it was sent, too."""
    assert request_["postData"] == data


MEMBERS = gzip.compress(b"chunk 0\n", mtime=0) + gzip.compress(b"chunk 1\n", mtime=0)
RAW = zlib.compress(b"x" * 99)[2:-4]
CONTENTS: dict[str, tuple[list[Any], bytes, dict[str, Any]]] = {
    "several members, which saves nothing": (
        [(b"content-encoding", b"gzip"), (b"content-type", b"text/plain")],
        MEMBERS,
        {"size": 16, "mimeType": "text/plain", "text": "chunk 0\nchunk 1\n"},
    ),
    "deflate without zlib's header": (
        [(b"content-encoding", b"deflate")],
        RAW,
        {
            "size": 99,
            "compression": 99 - len(RAW),
            "mimeType": "x-unknown",
            "text": "x" * 99,
        },
    ),
    "a coding that nobody knows": (
        [(b"content-encoding", b"compress")],
        b"abc",
        {
            "size": 3,
            "mimeType": "x-unknown",
            "text": "",
            "_base64": "YWJj",
            "comment": "compress is not unpacked",
        },
    ),
    "one that it is not": (
        [(b"content-encoding", b"gzip")],
        b"abc",
        {"size": 3, "mimeType": "x-unknown", "text": "", "_base64": "YWJj", "comment": "this is not gzip"},
    ),
    "without its end": (
        [(b"content-encoding", b"gzip")],
        gzip.compress(b"x" * 99, mtime=0)[:-8],
        {
            "size": 99,
            "compression": 99 - len(gzipped(b"x" * 99)) + 8,
            "mimeType": "x-unknown",
            "text": "x" * 99,
            "comment": "the end is missing",
        },
    ),
    "text by its mark alone, which a reader would not write like that": (
        [(b"content-type", b"text/plain")],
        b"\xff\xfea\x00",
        {"size": 4, "compression": 0, "mimeType": "text/plain", "text": "//5hAA==", "encoding": "base64"},
    ),
    "a charset": (
        [(b"content-type", b"text/plain; charset=latin-1")],
        b"gr\xfc\xdfe",
        {"size": 5, "compression": 0, "mimeType": "text/plain; charset=latin-1", "text": "gr\xfc\xdfe"},
    ),
}


@pytest.mark.parametrize(("headers", "body", "content"), CONTENTS.values(), ids=list(CONTENTS))
def test_contents(headers: list[Any], body: bytes, content: dict[str, Any]) -> None:
    """Content is unpacked and decoded as clients do it; where that cannot be done it is there as it was sent."""
    assert entry_of(*answered(headers, body))["response"]["content"] == content


def test_a_target_that_is_no_path() -> None:
    """What cannot be in a URL is told beside it."""
    request = entry_of(*answered([], scope={"method": "OPTIONS", "raw_path": b"*"}))["request"]

    assert (request["url"], request["comment"]) == ("http://127.0.0.1:8000", "the target was `*`")


def test_files_that_the_server_sends() -> None:
    """Of a file that the app has given to the server the size is known as far as the app has said it."""
    opened, asked, *_, closed = answered([])
    sizes = []
    for headers in ([(b"content-length", b"42")], []):
        start = Event(1, 2, 2.0, "send", {"type": "http.response.start", "status": 200, "headers": headers})
        file = Event(1, 3, 3.0, "send", {"type": "http.response.pathsend", "path": "/x"})
        response = entry_of(opened, asked, start, file, closed)["response"]
        sizes.append((response["bodySize"], response["comment"]))

    assert sizes == [(42, "the server sent a file for the app"), (-1, "the server sent a file for the app")]


def test_messages_that_are_not_there() -> None:
    """A recording with gaps says so, and a message that is not kept in full how much of it is."""
    opened, asked, start, chunk, closed = answered([], b"ok")
    assert isinstance(chunk, Event)
    gap = entry_of(opened, asked, start, replace(chunk, n=9), closed)
    opened, connect, accept, hi, *_ = CHAT
    assert isinstance(hi, Event)
    cut = entry_of(opened, connect, accept, replace(hi, size=9, cut=True), Closed(8, 1.0))

    assert gap["response"]["content"]["comment"] == "some messages of this exchange are not kept"
    assert cut["_webSocketMessages"][0]["comment"] == "2 of 9 bytes are kept"


@pytest.mark.parametrize("at", [-62135596801.0, 0.0])
def test_times_that_no_calendar_has(at: float) -> None:
    """An exchange of any year, and with times that are no numbers, becomes an entry."""
    records: list[Record] = [
        Opened(1, at, SCOPE),
        Event(1, 1, math.nan, "send", {"type": "http.response.start", "status": 200}),
        Event(1, 2, math.inf, "send", {"type": "http.response.body", "body": b""}),
    ]
    entry = writer.entry(assembled(records)[1])

    assert (entry["startedDateTime"], entry["time"]) == ("1970-01-01T00:00:00.000Z", 0.0)


def test_one_after_the_other() -> None:
    """An archive is written while its exchanges come, so that a large session need not be in memory."""
    taken = []

    def exchanges() -> Iterator[Exchange]:
        for number in range(3):
            taken.append(number)
            yield Exchange(Opened(number, 0.0, {**SCOPE, "type": "http" if number else "lifespan"}))

    notes: list[str] = []
    lines = archives.written(exchanges(), "1", dict, notes.append)
    assert taken == []
    assert next(lines).startswith('{"log": {"version": "1.2"')
    assert taken == [0, 1]
    assert [len(list(lines)), taken] == [3, [0, 1, 2]]
    assert notes == [
        "a HAR holds only requests and WebSockets: #0 of the session is not in it",
        "the HAR has scopes and tracebacks, with local paths, in `_asgictl.records`: check it before you share it",
    ]
    assert archive([]) == ""


def test_an_upload_that_is_cut() -> None:
    """That not all of an upload is kept changes nothing of what is said of the answer."""
    opened, _, *answer = answered([(b"content-encoding", b"gzip")], PACKED[:-3])
    upload = {"type": "http.request", "body": b"abc", "more_body": False}
    cut = Event(1, 1, 0.5, "receive", upload, size=9, cut=True)
    whole = Event(1, 1, 0.5, "receive", upload, size=3)

    contents = [entry_of(opened, request, *answer)["response"]["content"] for request in (whole, cut)]

    assert contents[0] == contents[1]
    assert contents[0]["comment"] == "the end is missing"

"""A session as HAR: what the format asks for, and what was recorded, with its times."""

import base64
import gzip
import json
from dataclasses import replace
from typing import Any

import haralyzer
import pytest

from asgictl.inspector.exchange import assembled
from asgictl.inspector.record import Closed, Event, Failure, Opened, Record, Redacted
from asgictl.inspector.sessions.har import har
from tests.inspector.recordings import CHAT, REQUEST, SCOPE

# What http://www.softwareishard.com/blog/har-12-spec/ asks for: the keys of each object with the types of their
# values, those in front that are required and those that may be there. A key of an application's own begins with `_`.
FORMAT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "log": ({"version": str, "creator": "creator", "entries": ["entry"]}, {}),
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
        {},
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
        {"postData": "postData"},
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
        {},
    ),
    "cookie": ({"name": str, "value": str}, {}),
    "pair": ({"name": str, "value": str}, {}),
    "postData": ({"mimeType": str, "text": str}, {"comment": str}),
    "content": ({"size": int, "mimeType": str}, {"compression": int, "text": str, "encoding": str, "comment": str}),
    "cache": ({}, {}),
    "timings": ({"send": (int, float), "wait": (int, float), "receive": (int, float)}, {}),
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
    archive = har(assembled(records).values(), "1.2.3")
    check(archive["log"], "log")
    parser = haralyzer.HarParser(json.loads(json.dumps(archive)))
    entries = archive["log"]["entries"]
    assert (parser.version, parser.creator) == ("1.2", {"name": "asgictl", "version": "1.2.3"})
    for entry, read in zip(entries, map(haralyzer.HarEntry, parser.har_data["entries"]), strict=True):
        response = entry["response"]
        assert (read.url, read.time, read.status) == (entry["request"]["url"], entry["time"], response["status"])
        assert (read.response.redirectURL, read.response.text) == (response["redirectURL"], response["content"]["text"])
        assert f"{read.startTime:%Y-%m-%dT%H:%M}" == entry["startedDateTime"][:16]
    assert all(time >= 0 for entry in entries for time in entry["timings"].values())
    return list(entries)


def entry_of(*records: Record) -> Any:
    """Return the only entry of an archive."""
    (entry,) = archived(*records)
    assert entry["time"] == pytest.approx(sum(entry["timings"].values()))
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
        "startedDateTime": "2023-11-14T22:13:20.250Z",
        "time": 5.0,
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
        },
        "cache": {},
        "timings": {"send": 0, "wait": 2.0, "receive": 3.0},
        "_asgictl": {"id": 1, "error": None},
    }


def test_a_post() -> None:
    """A request with a body has it, with its type; and the parameters of its query, decoded."""
    opened, *others = REQUEST
    assert isinstance(opened, Opened)
    opened = replace(opened, scope={**opened.scope, "query_string": b"x=1&empty=&y=%C3%BC+b&x=2"})
    entry = entry_of(opened, *others)

    assert (entry["time"], entry["timings"]) == (8.5, {"send": 0, "wait": 7.9, "receive": pytest.approx(0.6)})
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
    """A body that is no text is base64, which is said, up and down; a type that is missing is said to be."""
    opened, *_, closed = answered([])
    up = Event(1, 1, 0.5, "receive", {"type": "http.request", "body": b"\xff\x00"}, size=2)
    down = Event(1, 3, 3.0, "send", {"type": "http.response.body", "body": b"\x00\xfe\xfd"}, size=3)
    start = Event(1, 2, 2.0, "send", {"type": "http.response.start", "status": 299})
    entry = entry_of(opened, up, start, down, closed)

    assert entry["request"]["postData"] == {"mimeType": "", "text": "/wA=", "comment": "base64"}
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


COOKIES: dict[str, tuple[list[Any], list[tuple[str, str]]]] = {
    "one": ([b"a=1"], [("a", "1")]),
    "two in one header": ([b"a=1; b=x%20y"], [("a", "1"), ("b", "x%20y")]),
    "two headers": ([b"a=1", b"b=2"], [("a", "1"), ("b", "2")]),
    "with attributes": ([b'a="x y"; Path=/; HttpOnly; Secure; Max-Age=5'], [("a", "x y")]),
    "one that Python cannot parse": ([b"a@b=1"], []),
    "one that it cannot parse between others": ([b"a=1", b"a@b=1", b"c=3"], [("a", "1"), ("c", "3")]),
    "a secret": ([Redacted(9), b"b=2"], [("b", "2")]),
    "none": ([], []),
}


@pytest.mark.parametrize(("values", "cookies"), COOKIES.values(), ids=list(COOKIES))
def test_cookies(values: list[Any], cookies: list[tuple[str, str]]) -> None:
    """The cookies of a request and of its answer are listed, without those that cannot be read."""
    asked = [(b"Cookie", value) for value in values]
    given = [(b"set-cookie", value) for value in values]
    entry = entry_of(*answered([*given, (b"cookie", b"no=1")], scope={"headers": [*asked, (b"set-cookie", b"no=1")]}))
    found = [{"name": name, "value": value} for name, value in cookies]

    assert (entry["request"]["cookies"], entry["response"]["cookies"]) == (found, found)
    assert [header["value"] for header in entry["request"]["headers"]] == [
        *("‹redacted 9 B›" if isinstance(value, Redacted) else value.decode() for value in values),
        "no=1",
    ]


def test_an_exception() -> None:
    """A request whose app has raised has status 500, and the error; all its time is spent waiting."""
    opened, asked, *_ = answered([])
    hint = Event(1, 2, 2.0, "send", {"type": "http.response.early_hint", "links": [b"</a>"]})
    entry = entry_of(opened, asked, hint, Closed(1, 5.0, error=Failure("ValueError", "boom", "Traceback ...")))

    assert entry["_asgictl"] == {"id": 1, "error": "ValueError: boom"}
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
    assert (late["time"], late["timings"]) == (1.0, {"send": 0, "wait": 2.0, "receive": 0.0})


def test_a_websocket() -> None:
    """A WebSocket is a GET that is answered by 101, and its messages, as the client sees them, with their times."""
    entry = entry_of(*CHAT)
    at = 1_700_000_001.0

    assert (entry["time"], entry["timings"]) == (99.5, {"send": 0, "wait": 0.2, "receive": pytest.approx(99.3)})
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
    assert (entry["timings"], entry["_webSocketMessages"]) == ({"send": 0, "wait": 0.5, "receive": 0.5}, [])


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
    packed = gzip.compress(b"x" * 100)
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
        "compression": 0,
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

"""What an exchange says of itself: status, close code, target, bodies, and whether all of it is there."""

import zlib
from dataclasses import replace
from typing import Any

import pytest

from asgictl.errors import AsgictlError
from asgictl.inspector import whole_request
from asgictl.inspector.assembly import assembled
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.headers import pairs, value_of
from asgictl.inspector.record import Closed, Continued, Earlier, Event, Failure, Opened, Raised, Redacted
from tests.inspector.recordings import CHAT, FAILING, REQUEST, gzipped

FAILED = Failure("ValueError", "boom", "Traceback ...")


def exchange(
    *messages: tuple[Any, dict[str, Any]], kind: str = "http", error: Failure | None = None, **scope: Any
) -> Exchange:
    """Return an exchange with these messages, each at a millisecond of its own."""
    found = Exchange(Opened(1, 0.0, {"type": kind, "method": "GET", "path": "/", **scope}))
    for n, (direction, message) in enumerate(messages, start=1):
        found.add(Event(1, n, 1.0 * n, direction, message, size=len(message.get("body", b""))))
    found.add(Closed(1, 9.0, error=error))
    return found


def start(status: Any, kind: str = "http") -> tuple[str, dict[str, Any]]:
    """Return the beginning of an answer."""
    return "send", {"type": f"{kind}.response.start", "status": status}


ACCEPT = ("send", {"type": "websocket.accept"})
CLOSE = ("send", {"type": "websocket.close", "code": 4000})
LEAVE = ("receive", {"type": "websocket.disconnect", "code": 1001})

STATUSES: dict[str, tuple[Exchange, int | None, int | None]] = {
    "an answer": (exchange(start(204)), 204, None),
    "raised after it": (exchange(start(204), error=FAILED), 204, None),
    "no number": (exchange(start("204")), None, None),
    "no answer": (exchange(), 500, None),
    "no answer to a client that has gone": (exchange(("receive", {"type": "http.disconnect"})), None, None),
    "no handshake": (exchange(("receive", {"type": "websocket.connect"}), kind="websocket"), 500, None),
    "no lifespan": (exchange(kind="lifespan"), None, None),
    "another protocol": (exchange(kind="mqtt"), None, None),
    "raised": (exchange(error=FAILED), 500, None),
    "a lifespan that raised": (exchange(kind="lifespan", error=FAILED), None, None),
    "accepted": (exchange(ACCEPT, kind="websocket"), 101, None),
    "accepted, then raised": (exchange(ACCEPT, kind="websocket", error=FAILED), 101, None),
    "closed by the app": (exchange(ACCEPT, CLOSE, LEAVE, kind="websocket"), 101, 4000),
    "closed by the client": (exchange(ACCEPT, LEAVE, CLOSE, kind="websocket"), 101, 1001),
    "closed without a code": (exchange(ACCEPT, ("send", {"type": "websocket.close"}), kind="websocket"), 101, 1000),
    "an odd code": (exchange(ACCEPT, ("send", {"type": "websocket.close", "code": "x"}), kind="websocket"), 101, None),
    "refused": (exchange(CLOSE, LEAVE, kind="websocket"), 403, None),
    "refused with an answer": (exchange(start(401, "websocket.http"), kind="websocket"), 401, None),
    "left before": (exchange(LEAVE, kind="websocket"), None, None),
    "what a client cannot send": (exchange(("receive", start(200)[1])), 500, None),
}


@pytest.mark.parametrize(("found", "status", "code"), STATUSES.values(), ids=list(STATUSES))
def test_statuses(found: Exchange, status: int | None, code: int | None) -> None:
    """The status is the one that the client saw, the code the first that ended an accepted WebSocket."""
    assert (found.status, found.close_code) == (status, code)


def test_what_it_is() -> None:
    """An exchange shows its number, what was asked, without the query, and how it is answered."""
    assert [repr(one) for one in assembled([*REQUEST, *CHAT, *FAILING]).values()] == [
        "<Exchange 7: POST /orders, 200>",
        "<Exchange 8: WS /chat, 101>",
        "<Exchange 9: GET /boom, 500>",
    ]
    assert repr(exchange(kind="lifespan")) == "<Exchange 1: LIFESPAN, 0 messages>"
    odd = Exchange(Opened(1, 0.0, {}))
    assert (odd.type, odd.method, odd.path, odd.target, odd.ms) == ("None", "?", "", "", 0.0)


TARGETS: dict[str, tuple[dict[str, Any], str]] = {
    "plain": ({"path": "/a"}, "/a"),
    "encoded": ({"path": "/ü b", "raw_path": b""}, "/%C3%BC%20b"),
    "half a pair": ({"path": "/\ud800"}, "/%ED%A0%80"),
    "raw": ({"path": "/a b", "raw_path": b"/a%20b"}, "/a%20b"),
    "bytes": ({"raw_path": b"/\xff \x7f~!"}, "/%FF%20%7F~!"),
    "a query": ({"raw_path": b"/a", "query_string": b"x=1&y=\xff"}, "/a?x=1&y=%FF"),
    "a query in the path": ({"raw_path": b"/a?x=1", "query_string": b"x=1"}, "/a?x=1"),
    "a query in the path alone": ({"raw_path": b"/a?x=1", "query_string": b""}, "/a"),
    "no bytes": ({"path": "/a", "raw_path": "/b", "query_string": "x=1"}, "/a"),
    "a lifespan": ({"type": "lifespan", "path": "/a"}, ""),
}


@pytest.mark.parametrize(("scope", "target"), TARGETS.values(), ids=list(TARGETS))
def test_targets(scope: dict[str, Any], target: str) -> None:
    """The target is what was asked for, percent-encoded, with its query."""
    assert exchange(**{**scope, "kind": scope.get("type", "http")}).target == target


def test_sides() -> None:
    """What the app has received and what it has sent, with their sizes, and each body put together."""
    body = "http.response.body"
    found = exchange(
        ("receive", {"type": "http.request", "body": b"ab"}),
        ("receive", {"type": "http.request", "body": "ü"}),
        ("send", {"type": "http.response.start", "status": 200, "headers": [[b"X-A", b"1"], ("x-b", b"2")]}),
        ("send", {"type": body, "body": b"cd"}),
        ("send", {"type": body, "body": bytearray(b"ef")}),
        ("send", {"type": "http.response.pathsend", "path": "/x"}),
        ("receive", {"type": "http.disconnect"}),
    )

    assert (found.request_body, found.request_size) == ("abü".encode(), 3)
    assert (found.response_body, found.response_size, found.text) == (b"cdef", 4, "cdef")
    assert [event.n for event in found.received] == [1, 2, 7]
    assert [event.n for event in found.sent] == [3, 4, 5, 6]
    assert found.response_headers == [(b"X-A", b"1"), (b"x-b", b"2")]
    assert [found.header(name) for name in ("x-a", "X-B", "x-c")] == ["1", "2", None]
    assert (found.first_byte_ms, found.ms, found.app_ms) == (3.0, 4.0, 9.0)


def test_conversations() -> None:
    """The messages that a WebSocket's app has sent, an empty text one as text; and the headers of its accept."""
    found = exchange(
        ("send", {"type": "websocket.accept", "headers": [(b"a", b"b")]}),
        ("receive", {"type": "websocket.receive", "text": "no"}),
        ("send", {"type": "websocket.send", "text": "hi", "bytes": None}),
        ("send", {"type": "websocket.send", "text": "", "bytes": None}),
        ("send", {"type": "websocket.send", "bytes": b""}),
        ("send", {"type": "websocket.send", "text": None, "bytes": bytearray(b"x")}),
        kind="websocket",
    )

    assert found.frames == ["hi", "", b"", b"x"]
    assert found.response_headers == [(b"a", b"b")]
    assert (found.first_byte_ms, found.response_size) == (None, 0)
    assert exchange().response_headers == []


def test_records_in_their_order() -> None:
    """The records come out as they happened, exceptions of the server in between."""
    found = exchange(start(200), ("send", {"type": "http.response.body"}))
    raised = Raised(1, 1, 1.5, "send", FAILED)
    found.add(raised)

    assert list(found.records()) == [found.opened, found.events[0], raised, found.events[1], found.closed]
    running = assembled(REQUEST[:2])[7]
    assert (list(running.records()), running.ms) == (REQUEST[:2], 0.0)


def test_one_that_is_opened_again() -> None:
    """An exchange that is opened again at the same time goes on; at another time it is another one."""
    first = REQUEST[0]
    assert isinstance(first, Opened)
    (found,) = assembled([*REQUEST[:3], first, *REQUEST[3:]]).values()
    (other,) = assembled([*REQUEST[:3], replace(first, at=1.0), *REQUEST[3:]]).values()

    assert list(found.records()) == REQUEST
    assert (other.opened.at, other.status) == (1.0, None)


def test_one_that_began_in_an_older_file() -> None:
    """The sizes of bodies are those of all messages; of a WebSocket, which has no body, none."""
    first, chat = REQUEST[0], CHAT[0]
    assert isinstance(first, Opened)
    assert isinstance(chat, Opened)
    earlier = Earlier(5, 100, 1000, "s.1.jsonl")
    found = assembled([Continued(7, 0.0, first.scope, earlier=earlier), *REQUEST[1:]])[7]
    spoken = assembled([Continued(8, 0.0, chat.scope, earlier=earlier), *CHAT[1:]])[8]

    assert (found.request_size, found.response_size, found.left_out, found.is_cut) == (121, 1008, 5, True)
    assert (spoken.request_size, spoken.response_size, spoken.left_out, spoken.is_cut) == (0, 0, 5, True)
    with pytest.raises(AsgictlError) as caught:
        whole_request.check(found, "pass --body")
    assert caught.value.message == "#7 began in an older file, `s.1.jsonl`"
    assert caught.value.hint == "name that file, too, if it is still there"


def test_records_of_what_was_never_opened() -> None:
    """Records of an exchange whose beginning is not there are passed over."""
    assert list(assembled([*CHAT[1:], *REQUEST])) == [7]


def test_whether_all_is_there() -> None:
    """What was cut, left out, or is missing in between makes an exchange incomplete."""
    found = exchange(start(200), ("send", {"type": "http.response.body"}))
    assert not found.is_cut
    found.left_out = 1
    assert (found.is_cut, found.is_request_whole) == (True, False)
    for n, cut in ((3, False), (2, True)):
        found.left_out, found.events[1] = 0, replace(found.events[1], n=n, cut=cut)
        assert found.is_cut
    assert [value_of([(b"a", Redacted(2)), (b"A", b"b")], name) for name in ("A", "b")] == ["‹redacted 2 B›", None]


@pytest.mark.parametrize(
    ("kind", "headers", "whole"),
    [
        ("http", [], True),
        ("http", [(b"content-length", b"0")], True),
        ("http", [(b"Content-Length", b"1")], False),
        ("http", [(b"transfer-encoding", b"chunked")], False),
        ("websocket", [(b"content-length", b"1")], True),
    ],
    ids=str,
)
def test_bodies_that_were_never_asked_for(kind: str, headers: list[Any], whole: bool) -> None:
    """A request whose app has not asked for its body is complete if there was none."""
    assert exchange(kind=kind, headers=headers).is_request_whole is whole


def test_what_is_left_out() -> None:
    """The names of headers and parameters are told whose values are not kept, and no others."""
    found = exchange(
        headers=[
            (b"Cookie", Redacted(3)),
            (b"referer", b"http://h/?token=***"),
            (b"location", b"http://me:***@h/"),
            (b"cookie", Redacted(4)),
            (b"x-stars", b"***"),
            (b"x", b"a=**"),
        ],
        query_string=b"a=1&token=***&b=x***&***&c=***",
    )

    assert found.redacted == ("cookie", "referer", "location", "?token", "?c")
    assert exchange(query_string="token=***").redacted == ()


def test_headers_that_can_be_read() -> None:
    """Of odd headers those that are pairs are read, text as Latin-1."""
    odd = [("a", "ü"), [b"b", b"c"], ("€", Redacted(1)), (b"d",), (b"d", b"e", b"f"), b"gh", (5, b""), (b"h", None)]

    assert list(pairs(odd)) == [(b"a", b"\xfc"), (b"b", b"c"), (b"?", Redacted(1))]
    assert [list(pairs(other)) for other in (None, "ab", {b"a": b"b"})] == [[], [], []]
    assert list(pairs((("a", b"b"),))) == [(b"a", b"b")]


def test_an_answer_that_the_server_refuses() -> None:
    """The beginning of an answer that the server has not taken is not its status."""
    found = answered(b"x")
    begun = found.status
    found.add(Raised(1, 1, 1.5, "send", Failure("RuntimeError", "Invalid HTTP header value.", "")))

    assert (begun, found.status, list(found.response_headers)) == (200, None, [])
    found.add(Closed(1, 2.0, error=Failure("RuntimeError", "Invalid HTTP header value.", "")))
    assert found.status is None


def test_messages_of_any_kind() -> None:
    """A message without a type, or that is none, has `?` for one, and no content."""
    events = [Event(1, 1, 0.0, "send", message) for message in ({"type": 5, "body": 7}, "x", {}, {"bytes": b"a"})]

    assert [(event.type, event.content, event.get("body", "none")) for event in events] == [
        ("?", b"", 7),
        ("?", b"", "none"),
        ("?", b"", "none"),
        ("?", b"a", "none"),
    ]


def test_half_a_letter() -> None:
    """A text body with half of a pair of surrogates, which an app may wrongly send, is there as bytes."""
    found = Exchange(REQUEST[0])  # type: ignore[arg-type]
    assert found.closed is None
    found.add(Event(7, 1, 1.0, "send", {"type": "http.response.body", "body": "a\ud800"}, size=4))

    assert found.response_body == b"a\xed\xa0\x80"
    assert found.closed is None


def changed(found: Exchange, **fields: Any) -> Exchange:
    """Return an exchange with another first message."""
    found.events[0] = replace(found.events[0], **fields)
    return found


def refused(found: Exchange) -> Exchange:
    """Return an exchange whose second message the server has refused."""
    found.add(Raised(1, 2, 2.0, "send", FAILED))
    return found


LONG = [(b"content-length", b"9")]
CHUNK = ("receive", {"type": "http.request", "body": b"a", "more_body": True})
NOT_WHOLE: dict[str, tuple[Exchange, str, str]] = {
    "not read": (exchange(headers=LONG), "the app did not read the whole request of #1", "pass --body"),
    "half read": (exchange(CHUNK, headers=LONG), "the app did not read the whole request of #1", "pass --body"),
    "a client that left": (
        exchange(CHUNK, ("receive", {"type": "http.disconnect"}), headers=LONG),
        "the client of #1 left before the end of its request",
        "pass --body",
    ),
    "cut": (
        changed(exchange(CHUNK, headers=LONG), cut=True),
        "not all of what the client of #1 sent is kept",
        "record it again, with a larger --body-limit, or pass --body",
    ),
    "a cut message": (
        changed(exchange(("receive", {"type": "websocket.receive", "text": "a"}), kind="websocket"), cut=True),
        "not all of what the client of #1 sent is kept",
        "record it again, with a larger --body-limit",
    ),
    "without secrets": (
        changed(exchange(CHUNK, headers=LONG), cut=True, redacted=True),
        "what the client of #1 sent is kept without the secrets in it",
        "record it again, without --redact-body, or pass --body",
    ),
    "with a gap": (
        changed(exchange(CHUNK, headers=LONG), n=2),
        "some messages of #1 are not kept",
        "record it again, with a larger --save-limit, or pass --body",
    ),
}


@pytest.mark.parametrize(("found", "problem", "hint"), NOT_WHOLE.values(), ids=list(NOT_WHOLE))
def test_what_has_to_be_whole(found: Exchange, problem: str, hint: str) -> None:
    """A request that is not whole is refused with the reason, and with what helps."""
    with pytest.raises(AsgictlError) as caught:
        whole_request.check(found, "pass --body")

    assert (caught.value.message, caught.value.hint) == (problem, hint)


def test_a_whole_request() -> None:
    """A request of which all is kept is not refused."""
    whole_request.check(exchange(), "pass --body")


OK = ("send", {"type": "http.response.start", "status": 200})
MORE = ("send", {"type": "http.response.body", "more_body": True})
END = ("send", {"type": "http.response.body"})
CUT_OFF: dict[str, tuple[Exchange, bool]] = {
    "the start alone": (exchange(OK), True),
    "more to come": (exchange(OK, MORE), True),
    "trailers to come": (exchange(("send", {**OK[1], "trailers": True}), END), True),
    "an exception": (exchange(OK, MORE, error=FAILED), True),
    "a refused WebSocket": (
        exchange(("send", {**OK[1], "type": "websocket.http.response.start"}), kind="websocket"),
        True,
    ),
    "a WebSocket": (exchange(ACCEPT, kind="websocket"), True),
    "a WebSocket that the server closes": (exchange(ACCEPT, kind="websocket", error=FAILED), False),
    "a closed WebSocket": (exchange(ACCEPT, ("send", {"type": "websocket.close"}), kind="websocket"), False),
    "whole": (exchange(OK, MORE, END), False),
    "a client that left": (exchange(OK, ("receive", {"type": "http.disconnect"})), False),
    "no answer": (exchange(), False),
    "what the server refuses is no end": (refused(exchange(OK, END)), True),
    "cancelled": (assembled([*exchange(OK).records(), Closed(1, 9.0, cancelled=True)])[1], False),
}


@pytest.mark.parametrize(("found", "cut"), CUT_OFF.values(), ids=list(CUT_OFF))
def test_an_answer_that_is_cut_off(found: Exchange, cut: bool) -> None:
    """An answer without its end, for which no client is to blame, is known as cut off."""
    assert found.is_cut_off is cut


def test_a_close_that_was_refused() -> None:
    """A close code that the server has refused is none that the client has got."""
    found = exchange(ACCEPT, ("send", {"type": "websocket.close", "code": 99}), kind="websocket")
    codes = [found.close_code, refused(found).close_code]

    assert (codes, found.status) == ([99, None], 101)


def answered(body: bytes, *headers: tuple[bytes, bytes], size: int | None = None) -> Exchange:
    """Return an exchange with this answer."""
    found = Exchange(Opened(1, 0.0, {"type": "http"}))
    found.add(Event(1, 1, 1.0, "send", {"type": "http.response.start", "status": 200, "headers": list(headers)}))
    message = {"type": "http.response.body", "body": body}
    found.add(Event(1, 2, 2.0, "send", message, size=len(body) if size is None else size, cut=size is not None))
    return found


TYPE, CODING = b"content-type", b"content-encoding"
TEXTS: dict[str, tuple[Exchange, str]] = {
    "Latin-1": (answered(b'"\xe9"', (TYPE, b"application/json; charset=latin-1")), '"é"'),
    "gzip": (answered(gzipped(b'"a"'), (CODING, b"gzip")), '"a"'),
    "two members": (answered(gzipped(b'"a') + gzipped(b'b"'), (CODING, b"GZIP")), '"ab"'),
    "two header lines": (
        answered(gzipped(zlib.compress(b'"a"')), (CODING, b"deflate"), (CODING, b"gzip")),
        '"a"',
    ),
    "a mark": (answered(b'\xef\xbb\xbf"a"'), '\ufeff"a"'),
    "UTF-16": (answered('"é"'.encode("utf-16-le"), (TYPE, b"application/json")), '"é"'),
    "a control character": (answered(b'"\x7f"'), '"\x7f"'),
}


@pytest.mark.parametrize(("found", "text"), TEXTS.values(), ids=list(TEXTS))
def test_text(found: Exchange, text: str) -> None:
    """Text and JSON of an answer are unpacked, and read by its charset."""
    assert (found.text, found.json()) == (text, text.strip('\ufeff"'))


NO_TEXTS: dict[str, tuple[Exchange, str]] = {
    "cut": (answered(b"abc", size=9), "is not whole: 3 of 9 bytes are kept"),
    "without its end": (
        answered(gzipped(b"a")[:-1], (CODING, b"gzip")),
        "cannot be unpacked: the end is missing",
    ),
    "unknown": (answered(b"a", (CODING, b"dcz")), "cannot be unpacked: dcz is not unpacked"),
    "not text": (answered(b"\xff"), "is not text: not UTF-8"),
    "another charset": (answered(b"\xff", (TYPE, b"text/plain; charset=ascii")), "is not text: not ASCII"),
}


def test_text_with_a_gap() -> None:
    """Where a message of the answer is missing there is no text, though what is kept has the right size."""
    found = answered(b"hello")
    more = {"type": "http.response.body", "body": b" world"}
    found.add(Event(1, 4, 3.0, "send", more, size=6))

    with pytest.raises(ValueError, match="the response body of #1 is not whole: messages are missing"):
        assert found.text is None


@pytest.mark.parametrize(("found", "reason"), NO_TEXTS.values(), ids=list(NO_TEXTS))
def test_no_text(found: Exchange, reason: str) -> None:
    """Where the body is not whole, or no text, text and JSON say so, and are not a part of it."""
    for read in (lambda: found.text, found.json):
        with pytest.raises(ValueError, match=r".") as caught:
            read()
        assert str(caught.value) == f"the response body of #1 {reason}"


BODY = ("send", {"type": "http.response.body"})
MORE = ("send", {"type": "http.response.body", "more_body": True})
TRAILED = ("send", {"type": "http.response.start", "status": 200, "trailers": True})
TRAILERS = ("send", {"type": "http.response.trailers"})
GONE = ("receive", {"type": "http.disconnect"})
ENDS: dict[str, tuple[Exchange, float]] = {
    "an answer in one piece": (exchange(start(200), BODY), 2.0),
    "in several": (exchange(start(200), MORE, MORE, BODY, GONE), 4.0),
    "without an end": (exchange(start(200), MORE), 9.0),
    "the client left before it": (exchange(start(200), MORE, GONE, MORE, BODY), 3.0),
    "a file by its path": (exchange(start(200), ("send", {"type": "http.response.pathsend", "path": "/x"})), 2.0),
    "with trailers": (exchange(TRAILED, BODY, ("send", {**TRAILERS[1], "more_trailers": True}), TRAILERS), 4.0),
    "with trailers that were not announced": (exchange(start(200), TRAILERS, BODY), 3.0),
    "no answer": (exchange(("receive", {"type": "http.request"})), 9.0),
    "a WebSocket that the app closed": (exchange(ACCEPT, CLOSE, LEAVE, kind="websocket"), 2.0),
    "one that the client closed": (exchange(ACCEPT, LEAVE, kind="websocket"), 2.0),
    "one that was refused with an answer": (
        exchange(start(401, "websocket.http"), ("send", {"type": "websocket.http.response.body"}), kind="websocket"),
        2.0,
    ),
    "a lifespan": (exchange(("receive", {"type": "lifespan.shutdown"}), kind="lifespan"), 9.0),
}


@pytest.mark.parametrize(("found", "ms"), ENDS.values(), ids=list(ENDS))
def test_how_long_the_client_waited(found: Exchange, ms: float) -> None:
    """The time ends with the answer, or with the client; what the app did after that is told apart."""
    assert (found.ms, found.app_ms) == (ms, 9.0)


READ: dict[str, tuple[list[dict[str, Any]], list[Any], bool, int | None]] = {
    "no body": ([], [], True, 0),
    "an empty one": ([], [(b"content-length", b"0")], True, 0),
    "one that was not asked for": ([], [(b"Content-Length", b"300000")], False, 300_000),
    "one of any size": ([], [(b"transfer-encoding", b"chunked"), (b"content-length", b"3")], False, None),
    "a size that is none": ([], [(b"content-length", b"-1")], False, None),
    "a size that nobody sends": ([], [(b"content-length", b"9" * 5000)], False, None),
    "the beginning": ([{"body": b"ab", "more_body": True}], [(b"content-length", b"3")], False, 3),
    "all of it": ([{"body": b"ab", "more_body": True}, {"body": b"c"}], [(b"content-length", b"3")], True, 3),
    "more than was said": ([{"body": b"abc"}], [], True, 0),
}


@pytest.mark.parametrize(("chunks", "headers", "read", "size"), READ.values(), ids=list(READ))
def test_unread_uploads(chunks: list[dict[str, Any]], headers: list[Any], read: bool, size: int | None) -> None:
    """An upload that the app has not received to its end is known as such, with the size that was announced."""
    found = exchange(*(("receive", {"type": "http.request", **chunk}) for chunk in chunks), headers=headers)

    assert (found.is_request_read, found.declared_size) == (read, size)

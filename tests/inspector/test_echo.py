"""The app that stands in: what it answers, and how it is told to."""

import asyncio
import json
from typing import Any

import pytest

from asgictl.asgi import Message
from asgictl.errors import ConfigError
from asgictl.inspector import echo
from asgictl.inspector.echo import Answer, Echo
from asgictl.inspector.record.redaction import Redactor
from asgictl.inspector.request import InspectRequest
from tests.inspector.recordings import SCOPE

PLAIN = Answer()


def answered(answer: Answer = PLAIN, *messages: Message, **scope: Any) -> list[Message]:
    """Return what the app sends when it is called with a scope, and has received these messages."""
    waiting = list(messages or ({"type": "http.request"},))
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Echo(answer, Redactor())({**SCOPE, **scope}, receive, send))
    assert not waiting
    return sent


def start(status: int, *headers: tuple[bytes, bytes]) -> Message:
    """Return the beginning of an answer."""
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(content: bytes) -> Message:
    """Return the whole body of an answer."""
    return {"type": "http.response.body", "body": content}


KEPT = {
    **SCOPE,
    "raw_path": "/orders",
    "query_string": "x=1",
    "headers": [["host", "127.0.0.1:8000"], ["content-type", "application/json"]],
}


def test_the_scope() -> None:
    """A request is answered with its scope, and with its body, as JSON of the very length."""
    chunks: list[Message] = [
        {"type": "http.request", "body": b"a\xc3", "more_body": True},
        {"type": "http.request", "body": b"\xbc"},
    ]
    first, second = answered(Answer(), *chunks)
    content = second["body"]

    assert first == start(200, (b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)))
    assert content.decode() == json.dumps({**KEPT, "body": "aü"}, indent=2, ensure_ascii=False) + "\n"
    assert json.loads(answered()[1]["body"]) == KEPT


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_methods_without_content(method: str) -> None:
    """Of GET and HEAD no body is waited for, and HEAD is answered without one, but with its length."""
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("it waits")

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(echo.app({**SCOPE, "method": method}, receive, send))
    content = json.dumps({**KEPT, "method": method}, indent=2) + "\n"

    assert sent == [
        start(200, (b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))),
        body(content.encode() if method == "GET" else b""),
    ]


HOSTILE = "<b>&\"'\u202e\x1b[2J"
ESCAPED = "&lt;b&gt;&amp;&quot;&#x27;\\u202e\\x1b[2J"


def page_of(*messages: Message, **scope: Any) -> str:
    """Return the page that a browser gets."""
    headers = [(b"accept", b"text/html,*/*;q=0.8"), *scope.pop("headers", [])]
    first, second = answered(PLAIN, *messages, headers=headers, **scope)
    content: bytes = second["body"]
    assert first == start(
        200,
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"%d" % len(content)),
        (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
    )
    return content.decode()


def rows_of(page: str, title: str) -> list[list[str]]:
    """Return the rows of a table."""
    table = page.partition(f"<h2>{title}</h2>\n<table>\n")[2].partition("</table>")[0]
    return [row.removeprefix('<tr><th scope="row">').split("<td>") for row in table.splitlines()]


def test_a_page() -> None:
    """A browser gets a page: the request line, its parameters and its headers in tables, the body as it is."""
    text = "\nline\r\n\ttab <i>"
    page = page_of(
        {"type": "http.request", "body": text.encode()},
        query_string=b"name=J%C3%BCrgen&empty=&x=1&x=2",
        headers=[(b"cookie", b"a=SECRET"), (b"x-a", b"1"), (b"x-a", b"2")],
    )

    assert "<h1>POST /orders</h1>" in page
    assert rows_of(page, "Request") == [
        ["method", "POST"],
        ["path", "/orders"],
        ["raw_path", "/orders"],
        ["query_string", "name=J%C3%BCrgen&amp;empty=&amp;x=1&amp;x=2"],
        ["http_version", "1.1"],
        ["scheme", "http"],
        ["client", "127.0.0.1:51234"],
        ["server", "127.0.0.1:8000"],
    ]
    assert rows_of(page, "Query") == [["name", "Jürgen"], ["empty", ""], ["x", "1"], ["x", "2"]]
    assert rows_of(page, "Headers") == [
        ["accept", "text/html,*/*;q=0.8"],
        ["cookie", "‹redacted 8 B›"],
        ["x-a", "1"],
        ["x-a", "2"],
    ]
    assert "<h2>Body</h2>\n<p>text, 15 bytes\n<pre>\n\nline\n\ttab &lt;i&gt;</pre>\n" in page
    assert "SECRET" not in page
    assert "&quot;http_version&quot;: &quot;1.1&quot;" in page


def test_a_page_of_little() -> None:
    """What a request has not is not on its page; bytes that are no text are there in hex."""
    page = page_of({"type": "http.request", "body": b"\x00\xff<"}, query_string=b"", server=None)

    assert rows_of(page, "Request")[-1][0] == "client"
    assert "<h2>Query</h2>" not in page
    assert "<p>binary; not UTF-8, 3 bytes" in page
    assert "00 ff 3c" in page
    assert "<h2>Body</h2>" not in page_of()


def test_a_hostile_page() -> None:
    """Nothing of a request is markup, or a character that does something, wherever it stands."""
    raw = HOSTILE.encode()
    latin = ESCAPED.replace("\\u202e", "â\\x80®")
    page = page_of(
        {"type": "http.request", "body": raw},
        method=HOSTILE,
        path=f"/{HOSTILE}",
        raw_path=raw,
        query_string=b"<b>=%3Cb%3E%1B[2J",
        scheme=HOSTILE,
        client=[HOSTILE, 1],
        headers=[(raw, raw)],
    )

    assert f"<title>{ESCAPED} /{ESCAPED}</title>" in page
    assert [row[1] for row in rows_of(page, "Request")][:4] == [
        ESCAPED,
        f"/{ESCAPED}",
        latin,
        "&lt;b&gt;=%3Cb%3E%1B[2J",
    ]
    assert rows_of(page, "Query") == [["&lt;b&gt;", "&lt;b&gt;\\x1b[2J"]]
    assert rows_of(page, "Headers")[1:] == [[latin, latin]]
    assert f"<pre>\n{ESCAPED}</pre>" in page
    assert "<b>" not in page
    assert [char for char in page if not char.isprintable() and char != "\n"] == []


@pytest.mark.parametrize("accept", [b"*/*", b"text/plain", b"application/json", b"", b"application/xhtml+xml"])
def test_json_for_others(accept: bytes) -> None:
    """Who does not ask for HTML gets JSON."""
    assert answered(headers=[(b"accept", accept)])[0]["headers"][0] == (b"content-type", b"application/json")


OWN = Answer(503, [(b"Retry-After", b"9")], b"busy", "text/csv")
ANSWERS: dict[str, tuple[Answer, list[Message]]] = {
    "all of it": (
        OWN,
        [start(503, (b"content-type", b"text/csv"), (b"content-length", b"4"), (b"retry-after", b"9")), body(b"busy")],
    ),
    "an empty body": (
        Answer(body=b""),
        [start(200, (b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"0")), body(b"")],
    ),
    "a header that counts more": (
        Answer(headers=[(b"Content-Type", b"a/b"), (b"CONTENT-LENGTH", b"9")], body=b"x"),
        [start(200, (b"content-type", b"a/b"), (b"content-length", b"9")), body(b"x")],
    ),
    **{
        f"{status}, which has no body": (
            OWN._replace(status=status),
            [start(status, (b"retry-after", b"9")), body(b"")],
        )
        for status in (204, 205, 304)
    },
    "303, which has one": (
        Answer(303, body=b"x"),
        [start(303, (b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"1")), body(b"x")],
    ),
    "dropped": (
        OWN._replace(drop=True),
        [
            start(503, (b"content-type", b"text/csv"), (b"content-length", b"4"), (b"retry-after", b"9")),
            {"type": "http.response.body", "body": b"bu", "more_body": True},
        ],
    ),
}


@pytest.mark.parametrize(("answer", "sent"), ANSWERS.values(), ids=list(ANSWERS))
def test_canned_answers(answer: Answer, sent: list[Message]) -> None:
    """It answers as it is told to: status, headers, body and type; or it stops in the middle of the body."""
    assert answered(answer) == sent


HEADERS = {
    "X-One": ("is not a header", "write it as `Name: value`"),
    "é: a": ("is not a header", "write it as `Name: value`"),
    "a: é€": ("has the character `€`, which a header cannot hold", "use printable characters of Latin-1"),
    "a: b\nc: d": ("has the character `\\n`, which a header cannot hold", "use printable characters of Latin-1"),
}


@pytest.mark.parametrize(("text", "problem", "hint"), [(text, *said) for text, said in HEADERS.items()])
def test_what_is_not_a_header(text: str, problem: str, hint: str) -> None:
    """What cannot be a header is refused with the character that is to blame."""
    with pytest.raises(ConfigError) as caught:
        echo.answer_of(InspectRequest(respond_header=(text,)))

    assert (caught.value.message, caught.value.hint) == (f"`{text}` {problem}", hint)


def test_a_client_that_goes() -> None:
    """A client that goes before its body is complete gets no answer."""
    assert answered(Answer(), {"type": "http.request", "more_body": True}, {"type": "http.disconnect"}) == []


def test_big_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """So much of a body is sent back, and how large it is; the rest is received all the same."""
    monkeypatch.setattr(echo, "_MOST", 5)
    chunks = [{"type": "http.request", "body": b"abc", "more_body": more} for more in (True, True, False)]

    shown = json.loads(answered(Answer(), *chunks)[1]["body"])
    assert (shown["body"], shown["body_size"]) == ("abcab", 9)
    assert "<p>text, 9 bytes, the first 5\n<pre>\nabcab</pre>" in page_of(*chunks)


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_delays(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """It waits as long as it is told to before it answers, and not at all otherwise."""
    slept: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)

    monkeypatch.setattr("asgictl.inspector.echo.asyncio.sleep", note)
    for answer in (Answer(delay=2.5), Answer()):
        answered(answer._replace(drop=True), {"type": f"{kind}.connect"}, type=kind)

    assert slept == [2.5, 0]


CONNECT: Message = {"type": "websocket.connect"}
LEAVE: Message = {"type": "websocket.disconnect", "code": 1000}


def test_websockets() -> None:
    """A WebSocket is accepted with the first subprotocol that is offered, and gets back what it sends."""
    text, data = {"type": "websocket.receive", "text": "a"}, {"type": "websocket.receive", "bytes": b"b"}

    assert answered(Answer(399), CONNECT, text, data, LEAVE, type="websocket", subprotocols=["a", "b"]) == [
        {"type": "websocket.accept", "subprotocol": "a"},
        {"type": "websocket.send", "text": "a"},
        {"type": "websocket.send", "bytes": b"b"},
    ]
    accepted = [{"type": "websocket.accept", "subprotocol": None}]
    assert answered(Answer(drop=True), CONNECT, type="websocket") == accepted
    assert answered(Answer(), CONNECT, LEAVE, type="websocket", subprotocols=[]) == accepted


def test_refused_websockets() -> None:
    """A WebSocket is refused with the answer where the server can do that, or else with none."""
    extensions: Any = {"websocket.http.response": {}}
    sent: list[Message] = [
        {"type": "websocket.http.response.start", "status": 503, "headers": [(b"Retry-After", b"9")]},
        {"type": "websocket.http.response.body", "body": b"busy"},
    ]
    bare = [{"type": "websocket.http.response.start", "status": 400, "headers": []}, {**sent[1], "body": b""}]

    assert answered(OWN, CONNECT, type="websocket", extensions=extensions) == sent
    assert answered(Answer(400), CONNECT, type="websocket", extensions=extensions) == bare
    others: list[Any] = [{}, None, {"tls": {}}]
    for other in others:
        assert answered(OWN, CONNECT, type="websocket", extensions=other) == [{"type": "websocket.close"}]


def test_the_lifespan() -> None:
    """The lifespan is answered as servers want it."""
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    assert [message["type"] for message in answered(Answer(), *messages, type="lifespan")] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]

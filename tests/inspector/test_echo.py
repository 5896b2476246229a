"""The app that stands in: what it answers, and how it is told to."""

import asyncio
import json
from typing import Any

import pytest

from asgictl.asgi import Message
from asgictl.inspector import echo
from asgictl.inspector.echo import Answer, Echo
from asgictl.inspector.record.redaction import Redactor
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


def test_a_page() -> None:
    """A browser gets a page, in which nothing of the request is markup."""
    accept = [(b"accept", b"text/html,*/*"), (b"cookie", b"a=SECRET")]
    first, second = answered(path="/<b>&", headers=accept)
    content = second["body"]
    page = content.decode()

    assert first == start(
        200, (b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(content))
    )
    assert "<title>POST /&lt;b&gt;&amp;" in page
    assert "<h1>POST /&lt;b&gt;&amp;" in page
    assert "&quot;path&quot;: &quot;/&lt;b&gt;&amp;&quot;" in page
    assert "<b>" not in page
    assert "SECRET" not in page
    assert answered(headers=[(b"accept", b"text/plain")])[0]["headers"][0] == (b"content-type", b"application/json")


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
        [start(503, (b"content-type", b"text/csv"), (b"content-length", b"4"), (b"retry-after", b"9"))],
    ),
}


@pytest.mark.parametrize(("answer", "sent"), ANSWERS.values(), ids=list(ANSWERS))
def test_canned_answers(answer: Answer, sent: list[Message]) -> None:
    """It answers as it is told to: status, headers, body and type; or it stops before the body."""
    assert answered(answer) == sent


def test_a_client_that_goes() -> None:
    """A client that goes before its body is complete gets no answer."""
    assert answered(Answer(), {"type": "http.request", "more_body": True}, {"type": "http.disconnect"}) == []


def test_big_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """So much of a body is sent back; the rest is received all the same."""
    monkeypatch.setattr(echo, "_MOST", 5)
    chunks = [{"type": "http.request", "body": b"abc", "more_body": more} for more in (True, True, False)]

    assert json.loads(answered(Answer(), *chunks)[1]["body"])["body"] == "abcab"


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

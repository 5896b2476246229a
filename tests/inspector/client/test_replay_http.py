"""Requests and conversations sent again to a server: the bytes that it gets, and what is recorded of its answer."""

import asyncio
import contextlib
import http
import http.client
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets

from asgictl.errors import AsgictlError, StartError
from asgictl.inspector.assembly import assembled
from asgictl.inspector.client import replay_http
from asgictl.inspector.client.replay_script import Leave, Script, Turn
from asgictl.inspector.comparison.differences import of_answers
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Redacted
from asgictl.inspector.record.redaction import Redactor
from tests.inspector.recordings import REQUEST, SCOPE
from tests.serving.tls.test_tls import certificate, private

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=SECRE\r\nX-A: 1\r\nX-A: \xfc\r\nConnection: close\r\n\r\nok"
)


def request(body: bytes = b"", headers: Any = (), **scope: Any) -> Script:
    """Return a request to send."""
    plain = {**SCOPE, "method": "GET", "query_string": b"", "headers": list(headers)}
    return Script(id=7, scope={**plain, **scope}, chunks=[body[:2], body[2:]], turns=[], answers=0, without=())


@contextlib.asynccontextmanager
async def answering(*parts: bytes, ends: bool = True) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Run a server that gives an answer in parts; yield its URL, and what it gets."""
    got: list[bytes] = []
    running: list[Any] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
            got.append(head + await reader.readexactly(length))
            writer.writelines(parts)
            await writer.drain()
            if not ends:
                await reader.read()  # until the client goes
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", got
        finally:
            await asyncio.wait_for(asyncio.gather(*running, return_exceptions=True), 20)


def refuse(error: StartError) -> None:
    """Raise what is told of an exchange without an answer."""
    raise error


async def sent(url: str, *scripts: Script, limit: float = 20) -> list[Exchange]:
    """Return what comes of sending these."""
    redactor = Redactor(["set-cookie", "authorization"])
    return [one async for one in replay_http.to_server(url, scripts, limit, 5, redactor, refuse)]


def failing(url: Callable[[], Awaitable[Any]] | str, *scripts: Script, limit: float = 20) -> AsgictlError:
    """Return the error that sending to a URL ends with."""

    async def main() -> None:
        await (sent(url, *scripts, limit=limit) if isinstance(url, str) else url())

    with pytest.raises(AsgictlError) as caught:
        asyncio.run(main())
    return caught.value


def test_an_exchange() -> None:
    """What came back is recorded as a server records it: number, messages, sizes, and no secrets."""

    async def main() -> Exchange:
        async with answering(ANSWER) as (url, _):
            (exchange,) = await sent(url, request(b"body", [(b"authorization", b"Basic x"), (b"x", b"y")]))
        return exchange

    exchange = asyncio.run(main())

    assert (exchange.id, exchange.opened.replay_of) == (5, 7)
    assert exchange.request_headers == [(b"authorization", Redacted(7)), (b"x", b"y")]
    assert [(event.n, event.direction, event.message, event.size) for event in exchange.events] == [
        (1, "receive", {"type": "http.request", "body": b"body", "more_body": False}, 4),
        (
            2,
            "send",
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-length", b"2"),
                    (b"set-cookie", Redacted(7)),
                    (b"x-a", b"1"),
                    (b"x-a", b"\xfc"),
                    (b"connection", b"close"),
                ],
            },
            0,
        ),
        (3, "send", {"type": "http.response.body", "body": b"ok", "more_body": False}, 2),
    ]


def test_fields_of_bodies() -> None:
    """What the session does not hold of bodies, and of a new path, is not told of what came back either."""
    answer = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"pin": "1234"}'[:-1]

    async def main() -> Exchange:
        async with answering(answer) as (url, _):
            one = request(b"pin=5678", [(b"content-type", b"application/x-www-form-urlencoded")])
            one = one._replace(scope={**one.scope, "query_string": b"token=90"})
            redactor = Redactor(["token"], ["pin"])
            (found,) = [found async for found in replay_http.to_server(url, [one], 20, 5, redactor, refuse)]
        return found

    exchange = asyncio.run(main())

    assert exchange.scope["query_string"] == b"token=***"
    assert (exchange.request_body, exchange.response_body) == (b"pin=***", b'{"pin": "***"')
    assert [event.redacted for event in exchange.events] == [True, False, True]


def test_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message has the milliseconds since it was begun to be sent; the beginning has the time of day."""
    ticks = iter(range(100, 200))
    clock = SimpleNamespace(
        time=lambda: 1_700_000_000.5, perf_counter=lambda: next(ticks) / 1000, monotonic=lambda: 0.0
    )
    monkeypatch.setattr(replay_http, "time", clock)

    async def main() -> Exchange:
        async with answering(ANSWER) as (url, _):
            (exchange,) = await sent(url, request())
        return exchange

    exchange = asyncio.run(main())

    assert exchange.opened.at == 1_700_000_000.5
    assert [event.ms for event in exchange.events] == pytest.approx([1, 2, 3])
    assert [exchange.ms, exchange.app_ms] == pytest.approx([3, 4])


HOST = b"Host: 127.0.0.1:%d\r\n"
OWN = [
    *((b"Connection", b"close"), (b"upgrade", b"x"), (b"host", b"shop"), (b"content-length", b"9")),
    *((b"transfer-encoding", b"chunked"), (b"sec-websocket-key", b"x"), (b"sec-websocket-version", b"13")),
    *((b"sec-websocket-extensions", b"x"), (b"Sec-WebSocket-Protocol", b"x")),
]
SENT: dict[str, tuple[Script, str, bytes]] = {
    "plain": (request(), "", b"GET /orders HTTP/1.1\r\n" + HOST + b"\r\n"),
    "headers": (
        request(b"", [(b"X-A", b"\xfc"), (b"x-a", b""), (b"accept-encoding", b"br")]),
        "",
        b"GET /orders HTTP/1.1\r\n" + HOST + b"X-A: \xfc\r\nx-a: \r\naccept-encoding: br\r\n\r\n",
    ),
    "those of a connection": (request(b"", OWN), "", b"GET /orders HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a body": (request(b"abc"), "", b"GET /orders HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc"),
    **{
        f"an empty {method}": (
            request(method=method),
            "",
            method.encode() + b" /orders HTTP/1.1\r\n" + HOST + (b"Content-Length: 0\r\n" if told else b"") + b"\r\n",
        )
        for method, told in {"POST": True, "PUT": True, "PATCH": True, "DELETE": False}.items()
    },
    "another host": (request()._replace(host="shop"), "", b"GET /orders HTTP/1.1\r\nHost: shop\r\n\r\n"),
    "a query": (
        request(raw_path=b"/a?no", query_string=b"x=\xff y"),
        "/base/",
        b"GET /base/a?x=%FF%20y HTTP/1.1\r\n" + HOST + b"\r\n",
    ),
    "no raw path": (
        request(raw_path=None, path="/\xfc", query_string=None),
        "/base",
        b"GET /base/%C3%BC HTTP/1.1\r\n" + HOST + b"\r\n",
    ),
}


@pytest.mark.parametrize(("one", "base", "wanted"), SENT.values(), ids=list(SENT))
def test_what_a_server_gets(one: Script, base: str, wanted: bytes) -> None:
    """The server gets the request byte by byte, but for what belongs to the connection."""

    async def main() -> tuple[str, list[bytes]]:
        async with answering(ANSWER) as (url, got):
            await sent(url + base, one)
            return url, got

    url, got = asyncio.run(main())

    assert got == [wanted.replace(b"%d", url.rpartition(":")[2].encode())]


def test_answers_without_end() -> None:
    """An endless answer is read as far as the recording has it, and a whole one to its end."""
    head, chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n"

    async def main() -> list[bytes]:
        async with answering(head, chunk, chunk, ends=False) as (url, _):
            (endless,) = await sent(url, request()._replace(parts=2, size=6))
        async with answering(head, chunk, chunk, b"0\r\n\r\n") as (url, _):
            (whole,) = await sent(url, request()._replace(size=3))
        async with answering(head, ends=False) as (url, _):
            (nothing,) = await sent(url, request()._replace(parts=0, size=0))
        return [endless.response_body, whole.response_body, nothing.response_body]

    assert asyncio.run(main()) == [b"abcabc", b"abcabc", b""]


def test_an_answer_that_takes_too_long(
    monkeypatch: pytest.MonkeyPatch, received: list[http.client.HTTPResponse]
) -> None:
    """An answer that goes on and on is given up after the limit, with its reason, and its connection closed."""
    now = iter([0.0, 20.0, 20.1])
    clock = SimpleNamespace(time=lambda: 0.0, perf_counter=lambda: 0.0, monotonic=lambda: next(now))
    monkeypatch.setattr(replay_http, "time", clock)
    urls = []

    async def main() -> None:
        async with answering(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 70_000, ends=False) as (url, _):
            urls.append(url)
            await sent(url, request())

    error = failing(main)

    assert type(error) is StartError
    assert error.message == f"#7 got no answer from `{urls[0]}`: its answer has not ended within 20 s"
    assert error.hint == "pass a longer --timeout"
    assert [response.closed for response in received] == [True]


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


CHAT: dict[str, Any] = {"type": "websocket", "scheme": "ws", "raw_path": b"/chat", "path": "/chat"}


def test_no_answer() -> None:
    """A server that is not there, one that does not speak HTTP, and one that hangs up are told, for WebSockets too."""
    url = f"http://127.0.0.1:{free_port()}"
    found = [failing(url, one) for one in (request(), request(**CHAT))]

    async def broken(one: Script, *parts: bytes) -> None:
        async with answering(*parts) as (url, _):
            await sent(url, one)

    for one in (request(), request(**CHAT)):
        for parts in ((b"hello\r\n",), ()):
            found.append(failing(partial(broken, one, *parts)))  # noqa: PERF401  # two loops in one are no clearer
    told = [re.sub(r"127\.0\.0\.1\D+\d+", "PLACE", error.message) for error in found]

    assert {type(error) for error in found} == {StartError}
    hints = ["start the server, or pass another --to"] * 2 + ["look at the server's log"] * 4
    assert [error.hint for error in found] == hints
    assert told == [
        f"#7 got no answer from `http://PLACE`: {reason}"
        for reason in (
            "Connection refused",
            "Connect call failed ('PLACE)",
            "what it sends is not HTTP: hello",
            "Remote end closed connection without response",
            *["did not receive a valid HTTP response"] * 2,
        )
    ]


HALF: dict[str, bytes] = {
    "a line": b"HTTP/1.1 200 O",
    "a header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "headers": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
    "an interim one": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nA",
}


@pytest.mark.parametrize("head", HALF.values(), ids=list(HALF))
def test_half_a_head(head: bytes) -> None:
    """A connection that is closed within the head of the answer has given none."""

    async def main() -> None:
        async with answering(head) as (url, _):
            await sent(url, request())

    assert failing(main).message.endswith(": the connection was closed within the head of the answer")


def test_interim_answers() -> None:
    """What a server sends before the final answer is not taken for it."""
    interim = [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]

    async def main() -> Exchange:
        async with answering(*interim, interim[1], b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as (url, _):
            (found,) = await sent(url, request())
            return found

    found = asyncio.run(main())

    assert (found.status, found.response_body, found.response_headers) == (200, b"ok", [(b"content-length", b"2")])


@pytest.mark.parametrize("parts", [(), (b"hello\r\n",)], ids=["closed", "no HTTP"])
def test_the_others_are_sent(parts: tuple[bytes, ...]) -> None:
    """Where one gets no answer the others are sent, and compared with one that had no answer it is the same."""
    told: list[StartError] = []

    async def main() -> list[Exchange]:
        async with answering(*parts) as (url, _):
            scripts = [request(), request(**CHAT), request()]
            found = replay_http.to_server(url, scripts, 20, 5, Redactor(()), told.append)
            return [one async for one in found]

    page, chat, again = asyncio.run(main())

    assert [type(error) for error in told] == [StartError] * 3
    assert [one.status for one in (page, chat, again)] == [None] * 3
    assert [one.events[-1].message for one in (page, chat)] == [
        {"type": "http.disconnect"},
        {"type": "websocket.disconnect", "code": 1006, "reason": ""},
    ]
    assert list(of_answers(page, again, replay_http.ADDED)) == []
    assert next(tuple(it) for it in of_answers(answered(), again, replay_http.ADDED)) == ("status", "200", None)


def answered() -> Exchange:
    """Return an exchange with an answer."""
    (exchange,) = assembled(REQUEST).values()
    return exchange


@pytest.mark.parametrize(
    ("one", "problem"),
    [
        (request(headers=[(b":x", b"1")]), "Invalid header name b':x'"),
        (request(headers=[(b"x", b"a\nb")]), "Invalid header value b'a\\nb'"),
        (request(method="A B\r\n"), "method can't contain control characters. 'A B\\r\\n' (found at least '\\r')"),
    ],
    ids=["name", "value", "method"],
)
def test_what_cannot_be_sent(one: Script, problem: str) -> None:
    """What HTTP does not allow is refused by its number, and how to change it."""

    async def main() -> None:
        async with answering(ANSWER) as (url, _):
            await sent(url, one)

    error = failing(main)

    assert type(error) is AsgictlError
    assert (error.message, error.hint) == (
        f"#7 cannot be sent: {problem}",
        "change it with -H, --method or --path",
    )


@contextlib.asynccontextmanager
async def talking(handler: Any, **options: Any) -> AsyncIterator[str]:
    """Run a WebSocket server; yield its URL."""
    async with serve_websockets(handler, "127.0.0.1", 0, **options) as server:
        yield f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def messages(exchange: Exchange) -> list[tuple[str, dict[str, Any], int]]:
    """Return what was recorded of a conversation, without the headers of its answer."""
    return [
        (event.direction, {key: value for key, value in event.message.items() if key != "headers"}, event.size)
        for event in exchange.events
    ]


def conversation(*steps: tuple[int, str | bytes], answers: int = 0, **fields: Any) -> Script:
    """Return a conversation to hold."""
    headers = [(b"x-a", b"1"), (b"authorization", b"x"), *OWN]
    scope = {**CHAT, "headers": headers, "subprotocols": ["chat"], "query_string": b"q=1"}
    messages = [
        Turn(before, {"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data})
        for before, data in steps
    ]
    return request(**scope)._replace(chunks=[], turns=messages, answers=answers, **fields)


def test_a_conversation() -> None:
    """A conversation is held again: its handshake, both sides' messages, and who has closed it."""
    heard: list[Any] = []

    async def echo(connection: ServerConnection) -> None:
        assert connection.request is not None
        heard.append((connection.request.path, dict(connection.request.headers.raw_items())))
        async for message in connection:
            await connection.send(message)
            if message == "end":
                await connection.close(4000)

    async def main() -> list[Exchange]:
        async with talking(echo, subprotocols=["chat"]) as url:
            steps: list[tuple[int, str | bytes]] = [(0, "ü"), (1, b"\xff")]
            return await sent(
                url, conversation(*steps, answers=2), conversation((0, "end"), (2, "late"), answers=3, host="shop")
            )

    one, two = asyncio.run(main())
    (path, headers), (_, others) = heard

    assert messages(one) == [
        ("send", {"type": "websocket.accept", "subprotocol": "chat"}, 0),
        ("receive", {"type": "websocket.receive", "text": "ü"}, 2),
        ("send", {"type": "websocket.send", "text": "ü"}, 2),
        ("receive", {"type": "websocket.receive", "bytes": b"\xff"}, 1),
        ("send", {"type": "websocket.send", "bytes": b"\xff"}, 1),
        ("receive", {"type": "websocket.disconnect", "code": 1000, "reason": ""}, 0),
    ]
    assert messages(two) == [
        ("send", {"type": "websocket.accept", "subprotocol": "chat"}, 0),
        ("receive", {"type": "websocket.receive", "text": "end"}, 3),
        ("send", {"type": "websocket.send", "text": "end"}, 3),
        ("receive", {"type": "websocket.receive", "text": "late"}, 4),
        ("send", {"type": "websocket.close", "code": 4000, "reason": ""}, 0),
    ]
    assert one.closed is not None
    assert path == "/chat?q=1"
    assert (headers["x-a"], headers["authorization"], headers["Sec-WebSocket-Protocol"]) == ("1", "x", "chat")
    assert "User-Agent" not in headers
    assert others["Host"] == "shop"
    names = [name for name, _ in one.response_headers]
    assert b"sec-websocket-accept" in names
    assert b"sec-websocket-protocol" not in names
    assert set(names) <= replay_http.ADDED


def test_a_conversation_that_is_refused() -> None:
    """A WebSocket that the server refuses has its status, its headers and its body."""

    async def refuse(connection: ServerConnection, _: Any) -> Any:
        answer = connection.respond(http.HTTPStatus.UNAUTHORIZED, "no\n")
        answer.headers["Set-Cookie"] = "a=b"
        return answer

    async def never(_: ServerConnection) -> None:
        raise AssertionError

    async def main() -> list[Exchange]:
        async with talking(never, process_request=refuse) as url:
            return await sent(url, conversation((0, "x")))

    (exchange,) = asyncio.run(main())

    assert messages(exchange) == [
        ("send", {"type": "websocket.http.response.start", "status": 401}, 0),
        ("send", {"type": "websocket.http.response.body", "body": b"no\n"}, 3),
    ]
    assert (b"set-cookie", Redacted(3)) in exchange.response_headers
    assert exchange.closed is not None


def test_a_conversation_that_is_led_elsewhere() -> None:
    """A redirect is the server's answer, and is not followed."""

    async def lead(connection: ServerConnection, asked: Any) -> Any:
        assert asked.path == "/chat?q=1"
        answer = connection.respond(http.HTTPStatus.FOUND, "")
        answer.headers["Location"] = "/other"
        return answer

    async def never(_: ServerConnection) -> None:
        raise AssertionError

    async def main() -> list[Exchange]:
        async with talking(never, process_request=lead) as url:
            return await sent(url, conversation((0, "x")))

    (exchange,) = asyncio.run(main())

    assert (exchange.status, exchange.header("location")) == (302, "/other")


def test_closes() -> None:
    """The server's close is waited for where the recording has one, with its reason; ours is the recorded one."""
    heard: list[Any] = []

    async def serve(connection: ServerConnection) -> None:
        assert connection.request is not None
        if "late" in connection.request.path:
            await connection.recv()
            await connection.send("x" * 2_000_000)
            await (await connection.ping())  # the client has had the message
            await connection.close(4001, "so long")
        else:
            await connection.wait_closed()
            heard.append((connection.close_code, connection.close_reason))

    async def main() -> list[Exchange]:
        late = conversation((0, "bye"), answers=1, closes=True)
        late.scope["query_string"] = b"late"
        ours = [
            conversation(leave=leave) for leave in (Leave(4002, "ours"), Leave(1005, ""), Leave(1006, "lost"), Leave())
        ]
        async with talking(serve, subprotocols=["chat"]) as url:
            return await sent(url, late, *ours)

    late, *ours = asyncio.run(main())

    assert messages(late)[1:] == [
        ("receive", {"type": "websocket.receive", "text": "bye"}, 3),
        ("send", {"type": "websocket.send", "text": "x" * 2_000_000}, 2_000_000),
        ("send", {"type": "websocket.close", "code": 4001, "reason": "so long"}, 0),
    ]
    assert heard == [(4002, "ours"), (1000, ""), (1000, ""), (1000, "")]
    assert messages(ours[0])[1:] == [
        ("receive", {"type": "websocket.disconnect", "code": 4002, "reason": "ours"}, 0),
    ]


def test_messages_before_a_close() -> None:
    """What the server has sent before it has closed is read to its end."""

    async def serve(connection: ServerConnection) -> None:
        for number in range(10):
            await connection.send(str(number))
        await connection.close(4001)

    async def main() -> list[Exchange]:
        async with talking(serve, subprotocols=["chat"]) as url:
            return await sent(url, conversation(answers=10, closes=True))

    (exchange,) = asyncio.run(main())

    assert (exchange.frames, exchange.close_code) == ([str(number) for number in range(10)], 4001)


def test_answers_that_break_off() -> None:
    """An answer that breaks off is one without its end, and the others are sent."""
    head = b"HTTP/1.1 200 OK\r\n"
    broken = {
        "length": head + b"Content-Length: 9\r\n\r\nabc",
        "chunks": head + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "whole": head + b"Content-Length: 3\r\n\r\nabc",
    }

    async def main() -> dict[str, Exchange]:
        found = {}
        for name, answer in broken.items():
            async with answering(answer) as (url, _):
                (found[name],) = await sent(url, request())
        return found

    ends = {name: exchange.sent[-1].message for name, exchange in asyncio.run(main()).items()}

    assert ends == {
        name: {"type": "http.response.body", "body": b"abc", "more_body": name != "whole"} for name in broken
    }


def test_clients_that_left_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that left before there was an answer does not wait for one."""
    monkeypatch.setattr(replay_http, "PATIENCE", 0.01)

    async def main() -> list[Exchange]:
        async with answering(ends=False) as (url, _):
            return await sent(url, request()._replace(is_left=True), conversation(is_left=True))

    page, chat = asyncio.run(main())

    assert [event.message["type"] for event in page.events] == ["http.request", "http.disconnect"]
    assert messages(chat) == [("receive", {"type": "websocket.disconnect", "code": 1006, "reason": ""}, 0)]


def test_over_tls(tmp_path: Path) -> None:
    """A server on this machine is reached by HTTPS, and by `wss`, with any certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "cert.pem").write_bytes(certificate(key) + private(key))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "cert.pem")

    def answer(connection: ServerConnection, asked: Any) -> Any:
        return None if "Upgrade" in asked.headers else connection.respond(http.HTTPStatus.OK, "over TLS")

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def main() -> list[Exchange]:
        async with talking(echo, ssl=server, process_request=answer, subprotocols=["chat"]) as url:
            return await sent(url.replace("http", "https"), request(), conversation((0, "hi"), answers=1))

    page, chat = asyncio.run(main())

    assert (page.status, page.text) == (200, "over TLS")
    assert (chat.status, chat.frames) == (101, ["hi"])


@pytest.mark.parametrize(("url", "is_checked"), [("https://127.0.0.1:1", False), ("https://shop.example", True)])
def test_certificates(url: str, is_checked: bool) -> None:
    """A certificate of this machine is not checked, one of another machine is."""
    context = replay_http._context(urlsplit(url))

    assert context.check_hostname is is_checked
    assert (context.verify_mode.name == "CERT_REQUIRED") is is_checked

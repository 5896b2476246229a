"""The limits for the head of a request, around each of uvicorn's protocols."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import uvicorn
from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.server import ServerState

from asgictl.asgi import Receive, Scope, Send
from asgictl.serving import protocols
from asgictl.serving.sockets.request_head import LimitedHead, Refusal

SECONDS, SIZE = 0.5, 1000
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
POST = b"POST /%b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the size of what was sent; do not read it where the path says so; echo WebSockets."""
    message: Any = {"more_body": scope["path"] != "/unread"}
    size = 0
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    while message["more_body"]:
        message = await receive()
        size += len(message["body"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-size", b"%d" % size)]})
    await send({"type": "http.response.body", "body": b""})


class Server:
    """A server within limits; knows what was refused."""

    def __init__(self, http: str, **limits: Any) -> None:
        self.refused: list[Refusal] = []
        self.state = ServerState()
        self._http = http
        self._limits = {"seconds": SECONDS, "size": SIZE, **limits}
        self._config = uvicorn.Config(app, http=http, log_config=None, timeout_keep_alive=30, lifespan="off")
        self._config.load()
        self.port = 0

    def protocol(self) -> LimitedHead:
        """Return what speaks on one connection."""
        made = protocols.http_class(self._http)(config=self._config, server_state=self.state, app_state={})
        return LimitedHead(made, self.state, refused=self.refused.append, **self._limits)

    async def asked(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """Send parts, until the server closes, and return all that it has said."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        heard = asyncio.ensure_future(reader.read())
        with contextlib.suppress(ConnectionError, RuntimeError):  # uvloop before 0.22 has an error of its own
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.wait([heard], timeout=pause)
        try:
            return await heard
        except ConnectionResetError:
            return b""
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen in the block."""
        server = await asyncio.get_running_loop().create_server(self.protocol, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()


Test = Callable[[Server], Coroutine[Any, Any, None]]


@pytest.fixture(params=["h11", "httptools", "zttp"])
def http(request: pytest.FixtureRequest) -> str:
    """Each of uvicorn's protocols for HTTP/1.1."""
    pytest.importorskip(request.param)
    name: str = request.param
    return name


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest, http: str) -> Callable[..., Server]:
    """Run a test against a server, in each event loop; return the server."""
    factory = pytest.importorskip("uvloop").new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def go(test: Test, **limits: Any) -> Server:
        server = Server(http, **limits)

        async def within() -> None:
            async with asyncio.timeout(30), server.listening():
                await test(server)

        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(within())
        return server

    return go


def answer(heard: bytes) -> tuple[bytes, bytes]:
    """Return the status line, and the body."""
    head, _, body = heard.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0], body


def test_the_classes_are_uvicorns() -> None:
    """What is limited is what uvicorn would take itself."""
    assert {name: f"{made.__module__}:{made.__name__}" for name, made in classes().items()} == {
        name: HTTP_PROTOCOLS[name] for name in ("h11", "httptools", "zttp")
    }
    assert protocols.http_class("auto") in classes().values()


def classes() -> dict[str, Any]:
    """Return uvicorn's protocols by their names."""
    return {name: protocols.http_class(name) for name in ("h11", "httptools", "zttp")}


def test_slow(run: Callable[..., Server]) -> None:
    """A head that takes too long is answered with 408 and told, the first on its connection and a later one."""

    async def test(server: Server) -> None:
        drip = [b"GET / HTTP/1.1\r\nX: ", *[b"a"] * 100]
        first, later = await asyncio.gather(
            server.asked(*drip, pause=SECONDS / 6), server.asked(GET, *drip, pause=SECONDS / 6)
        )
        text = b"The head of the request took too long.\n"
        assert answer(first) == (b"HTTP/1.1 408 Request Timeout", text)
        assert first.lower().count(b"connection: close") == 1
        assert later.startswith(b"HTTP/1.1 200 OK\r\n")
        assert later[later.index(b"HTTP/1.1 408") :].endswith(b"\r\n\r\n" + text)

    server = run(test)
    assert [(one.status, one.size, one.duration >= SECONDS * 0.9) for one in server.refused] == [(408, 39, True)] * 2
    assert not server.state.connections


def test_large(run: Callable[..., Server]) -> None:
    """A head that is too large is answered with 431 and told, whether it comes at once or bit by bit."""

    async def test(server: Server) -> None:
        for parts in ([b"a" * 2 * SIZE], [b"a" * (SIZE // 4)] * 8):
            heard = await server.asked(b"GET / HTTP/1.1\r\nX: " + parts[0], *parts[1:], pause=SECONDS / 100)
            assert answer(heard) == (
                b"HTTP/1.1 431 Request Header Fields Too Large",
                b"The head of the request is too large.\n",
            )

    server = run(test, seconds=0)
    assert [(one.status, one.size) for one in server.refused] == [(431, 38)] * 2


def test_a_client_that_goes_on_sending(run: Callable[..., Server]) -> None:
    """The answer reaches a client that sends all of a head that is far too large before it listens."""

    async def test(server: Server) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=100)
        for part in (b"GET / HTTP/1.1\r\nX: ", *[b"a" * 10_000] * 100):
            writer.write(part)
            await writer.drain()
        assert answer(await reader.read()) == (
            b"HTTP/1.1 431 Request Header Fields Too Large",
            b"The head of the request is too large.\n",
        )
        writer.close()
        await writer.wait_closed()

    server = run(test)
    assert not server.state.connections
    assert [one.status for one in server.refused] == [431]


def test_nothing(run: Callable[..., Server]) -> None:
    """A connection on which nothing is asked is closed without a word, as browsers want it that open some for later."""

    async def test(server: Server) -> None:
        assert await server.asked() == b""

    assert run(test).refused == []


def test_what_is_no_head(run: Callable[..., Server]) -> None:
    """A large and a slow upload, a wait between requests, and many requests at once are within the limits."""

    async def test(server: Server) -> None:
        large = POST % (b"", 400_000) + b"a" * 400_000
        slow = [POST % (b"", 4), *[b"a"] * 4]
        many = GET * (2 * SIZE // len(GET))
        heard = await asyncio.gather(
            server.asked(large + LAST),
            server.asked(*slow, LAST, pause=SECONDS * 0.7),
            server.asked(GET, LAST, pause=SECONDS * 2),
            server.asked(many + LAST),
        )
        sizes = [one.count(b"x-size: 0\r\n") for one in heard]
        assert sizes == [1, 1, 2, many.count(b"GET") + 1]
        assert b"x-size: 400000\r\n" in heard[0]
        assert b"x-size: 4\r\n" in heard[1]

    assert run(test).refused == []


def test_rest_of_an_upload(run: Callable[..., Server]) -> None:
    """What nobody reads may come for as long as a head, and then the connection is closed."""

    async def test(server: Server) -> None:
        heard = await server.asked(POST % (b"unread", 1000), *[b"a"] * 100, pause=SECONDS / 6)
        assert heard.count(b"HTTP/1.1 200 OK") <= 1

    assert run(test).refused == []


def test_no_limits(run: Callable[..., Server]) -> None:
    """A limit of 0 is none."""

    async def test(server: Server) -> None:
        slow = [LAST[:9], LAST[9:-2], b"X: " + b"a" * 2 * SIZE, b"\r\n\r\n"]
        assert (await server.asked(*slow, pause=SECONDS * 0.7)).startswith(b"HTTP/1.1 200 OK\r\n")

    assert run(test, seconds=0, size=0).refused == []


def test_websocket(run: Callable[..., Server]) -> None:
    """A WebSocket is left alone, however long it is open, and whatever comes over it."""
    websockets = pytest.importorskip("websockets.asyncio.client")

    async def test(server: Server) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{server.port}/", proxy=None) as websocket:
            await asyncio.sleep(SECONDS * 2)
            await websocket.send("a" * 3 * SIZE)
            assert await websocket.recv() == "a" * 3 * SIZE

    assert run(test).refused == []

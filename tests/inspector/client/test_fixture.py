"""The pytest fixture `asgi_inspect`: an app driven without a client, and all that it did."""

import asyncio
import contextlib
import functools
import re
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import StreamingResponse

from asgictl import demo
from asgictl.asgi import Receive, Scope, Send
from asgictl.records import Exchange
from asgictl.testing import (
    AsyncClient,
    BrokenRuleError,
    Client,
    Disconnected,
    Inspected,
    Refused,
    ShutdownError,
    StartupError,
)


def fast() -> Any:
    """Return a FastAPI app with a lifespan, a stream and a WebSocket."""
    from fastapi import FastAPI, Request, WebSocket  # the slowest of all imports, in every process

    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        yield {"name": "from the lifespan"}

    app = FastAPI(lifespan=contextlib.asynccontextmanager(lifespan))

    @app.get("/state")
    async def state(request: Request) -> dict[str, str]:
        return {"name": request.state.name, "header": request.headers.get("x-a", "")}

    @app.post("/items")
    async def items(item: dict[str, int]) -> dict[str, int]:
        return item

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def endless() -> AsyncIterator[str]:
            number = 0
            while True:
                yield f"data: {number}\n\n"
                number += 1
                await asyncio.sleep(0)

        return StreamingResponse(endless(), media_type="text/event-stream")

    @app.websocket("/ws")
    async def chat(websocket: WebSocket) -> None:
        await websocket.accept(subprotocol="chat")
        async for text in websocket.iter_text():
            if text == "end":
                await websocket.close(4000, "as asked")
                return
            await websocket.send_text(text.upper())

    return app


def test_requests(asgi_inspect: type[Inspected]) -> None:
    """A test without `async` sends requests, and sees answers and messages; the lifespan runs around it."""
    with asgi_inspect(fast()) as client:
        state = client.get("/state", headers={"X-A": "1"})
        items = client.post("/items?x=1", json={"n": 1})

    assert (state.status, state.json()) == (200, {"name": "from the lifespan", "header": "1"})
    assert items.json() == {"n": 1}
    assert [event.type for event in items.sent] == ["http.response.start", "http.response.body"]
    assert items.received[0].message == {"type": "http.request", "body": b'{"n": 1}', "more_body": False}
    assert items.header("Content-Type") == "application/json"
    lifespan = client.exchanges[0]
    assert [event.type for event in lifespan.events] == [
        "lifespan.startup",
        "lifespan.startup.complete",
        "lifespan.shutdown",
        "lifespan.shutdown.complete",
    ]


METHODS = ("get", "head", "options", "post", "put", "patch", "delete")


def test_methods(asgi_inspect: type[Inspected]) -> None:
    """Each method of HTTP has its name, with headers and a body, with `async` and without."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        await receive()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": scope["method"].encode()})

    def content(exchange: Exchange) -> tuple[str, bytes, tuple[bytes, object]]:
        return exchange.text, exchange.request_body, exchange.request_headers[-1]

    async def main() -> list[Exchange]:
        async with asgi_inspect(app) as client:
            return [await getattr(client, name)("/", headers={"X-A": "1"}, body="x") for name in METHODS]

    with asgi_inspect(app) as client:
        found = [getattr(client, name)("/", headers={"X-A": "1"}, body="x") for name in METHODS]

    expected = [(name.upper(), b"x", (b"x-a", b"1")) for name in METHODS]
    assert list(map(content, found)) == expected
    assert list(map(content, asyncio.run(main()))) == expected


def test_streams(asgi_inspect: type[Inspected]) -> None:
    """An endless stream is read chunk by chunk, and the app hears that its client goes."""
    with asgi_inspect(fast()) as client:
        with client.stream("GET", "/stream") as stream:
            chunks = [next(stream), next(stream)]
        exchange = client.exchanges[-1]

    assert stream.status == 200
    assert chunks == [b"data: 0\n\n", b"data: 1\n\n"]
    assert exchange.received[-1].type == "http.disconnect"


def test_the_end_of_a_stream(asgi_inspect: type[Inspected]) -> None:
    """Asking for more than there is ends as with any iterator, with `async` and without."""

    async def beyond(client: AsyncClient) -> None:
        async with client.stream("GET", "/healthz") as stream:
            assert await anext(stream) == b"ok\n"
            await anext(stream)

    async def main() -> None:
        async with asgi_inspect(demo.app) as client:
            with pytest.raises(StopAsyncIteration):
                await beyond(client)

    with asgi_inspect(demo.app) as client:
        with pytest.raises(StopIteration), client.stream("GET", "/healthz") as stream:
            assert [next(stream), next(stream)] == []
        assert client.exchanges[-1].text == "ok\n"
    asyncio.run(main())


def test_websockets(asgi_inspect: type[Inspected]) -> None:
    """A conversation, its subprotocol, its close code; and a refusal."""
    with asgi_inspect(fast()) as client:
        with client.websocket("/ws", subprotocols=["chat"]) as websocket:
            websocket.send("hi")
            assert (websocket.subprotocol, websocket.receive()) == ("chat", "HI")
            websocket.send("end")
            with pytest.raises(Disconnected) as closed:
                websocket.receive()
        assert (closed.value.code, closed.value.reason) == (4000, "as asked")
        with pytest.raises(Refused) as refused, client.websocket("/nowhere"):
            pass
        assert refused.value.exchange.status == 403
        assert client.exchanges[1].frames == ["HI"]


def test_async(asgi_inspect: type[Inspected]) -> None:
    """Tests with `async` have the same, to be awaited."""

    async def main() -> None:
        async with asgi_inspect(demo.app) as client:
            assert (await client.get("/healthz")).text == "ok\n"
            upload = await client.post("/upload", body=[b"ab", b"c"])
            assert upload.json()["size"] == 3
            assert [event.get("more_body") for event in upload.received] == [True, False]
            async with client.stream("GET", "/events") as stream:
                assert (await anext(aiter(stream))).startswith(b"id: 1")
            async with client.websocket("/ws") as websocket:
                await websocket.send(b"\x00")
                assert await websocket.receive() == b"\x00"

    asyncio.run(main())


def test_errors(asgi_inspect: type[Inspected]) -> None:
    """What the app raises comes out of the call, and is recorded; so is a hang."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        if scope["path"] == "/hang":
            await asyncio.Event().wait()
        raise ValueError("boom")

    with asgi_inspect(app, timeout=0.5) as client:
        with pytest.raises(ValueError, match="boom"):
            client.get("/")
        with pytest.raises(TimeoutError, match=r"the app has not sent anything for 0.5 s \(/hang\)"):
            client.get("/hang")
        boom, hang = client.exchanges[1:]

    assert (boom.status, str(boom.error)) == (500, "ValueError: boom")
    assert hang.closed is not None
    assert hang.closed.cancelled


def test_a_startup_that_fails(asgi_inspect: type[Inspected]) -> None:
    """A startup that fails fails the test, with the app's own message."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(StartupError, match="no database"), asgi_inspect(app):
        pass


def test_everything_is_kept(asgi_inspect: type[Inspected]) -> None:
    """An answer of many chunks is there as a whole, and so is a request before many others."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        for _ in range(3000):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body"})

    with asgi_inspect(app) as client:
        assert client.get("/").response_body == b"x" * 3000


def test_the_app_hears_how_its_client_goes(asgi_inspect: type[Inspected]) -> None:
    """After its own close, too, a WebSocket's app hears of the disconnect; the request's state is a copy."""
    heard: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            scope["state"]["kept"] = 1
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        scope["state"]["added"] = 2
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4000})
        heard.append(await receive())

    with asgi_inspect(app) as client:
        with client.websocket("/") as websocket, pytest.raises(Disconnected):
            websocket.receive()
        assert client.state == {"kept": 1}

    assert heard == [{"type": "websocket.disconnect", "code": 4000, "reason": ""}]


def test_an_app_that_does_not_stop(asgi_inspect: type[Inspected]) -> None:
    """An app that sends without end waits for its client, and is ended when that has gone."""
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200})
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            sent += 1
            if sent > 5000:
                await asyncio.Event().wait()

    with asgi_inspect(app) as client:
        with client.stream("GET", "/") as stream:
            next(stream)
            assert sent < 2000
        closed = client.exchanges[-1].closed
        assert closed is not None
        assert closed.cancelled


def test_paths(asgi_inspect: type[Inspected]) -> None:
    """A path is encoded as browsers do it; what is none is refused."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found = repr((scope["path"], scope["raw_path"], scope["query_string"]))
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": found.encode()})

    with asgi_inspect(app) as client:
        assert client.get("/p/€?q=ä&r=%20").text == repr(("/p/€", b"/p/%E2%82%AC", b"q=%C3%A4&r=%20"))
        assert client.get("/a%20b").text == repr(("/a b", b"/a%20b", b""))
        with pytest.raises(ValueError, match="'nope' is not a path"):
            client.get("nope")


def test_headers_that_are_given(asgi_inspect: type[Inspected]) -> None:
    """A header that the caller gives counts more than one that is made."""
    with asgi_inspect(demo.app) as client:
        exchange = client.post("/scope", json={"a": 1}, headers={"Content-Type": "application/x+json", "Host": "x"})

    assert exchange.request_headers == [
        (b"content-length", b"8"),
        (b"content-type", b"application/x+json"),
        (b"host", b"x"),
    ]


def test_a_body_that_takes_its_time(asgi_inspect: type[Inspected]) -> None:
    """An app that gives up waiting for a chunk gets it the next time; a client that goes meanwhile is announced."""
    heard: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        for _ in range(20):
            try:
                message = await asyncio.wait_for(receive(), 0.01)
            except TimeoutError:
                continue
            heard.append(message.get("body", message["type"]))
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200})
        if scope["path"] == "/leave":
            heard.append((await receive())["type"])
        await send({"type": "http.response.body"})

    async def slow() -> AsyncIterator[bytes]:
        await asyncio.sleep(0.03)
        yield b"late"
        if heard and heard[0] == "leave":
            await asyncio.sleep(60)

    with asgi_inspect(app) as client:
        client.post("/", body=slow())
        assert heard == [b"late", b""]
        heard[:] = ["leave"]
        with client.stream("POST", "/leave", body=slow()):
            pass

    assert heard == ["leave", b"late", "http.disconnect"]


def test_an_answer_without_end(asgi_inspect: type[Inspected]) -> None:
    """A whole answer is waited for no longer than the limit; a refused WebSocket's app hears of the end."""
    heard: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
            heard.append((await receive())["code"])
            return
        await send({"type": "http.response.start", "status": 200})
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.sleep(0.01)

    with asgi_inspect(app, timeout=0.2) as client:
        with pytest.raises(TimeoutError, match=r"has not ended its answer within 0\.2 s"):
            client.get("/")
        with pytest.raises(Refused), client.websocket("/"):
            pass

    assert heard == [1006]


def test_mistakes(asgi_inspect: type[Inspected]) -> None:
    """What is no app, `with` where `async with` belongs, and an option that there is not, are told at once."""
    with pytest.raises(TypeError, match=r"^an ASGI app is callable, 'main:app' is not$"):
        asgi_inspect("main:app")  # type: ignore[arg-type]

    async def main() -> None:
        with pytest.raises(RuntimeError, match="use `async with"), asgi_inspect(demo.app):
            pass
        async with asgi_inspect(demo.app) as client:
            with pytest.raises(TypeError, match="unexpected keyword argument 'jsn'"):
                await client.post("/upload", jsn={})  # type: ignore[call-arg]

    asyncio.run(main())
    with asgi_inspect(demo.app) as client:
        calls: list[Any] = [client.get, client.websocket, functools.partial(client.stream, "GET")]
        for call in calls:
            with pytest.raises(TypeError, match="unexpected keyword argument 'jsn'"):
                call("/", jsn={})


@pytest.mark.parametrize("when", ["startup", "shutdown"])
def test_a_lifespan_that_breaks(asgi_inspect: type[Inspected], when: str) -> None:
    """A startup that raises half-way, or a shutdown that fails, fails the test."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if when == "startup":
            raise ValueError("no database")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "no database"})

    with pytest.raises(ValueError if when == "startup" else ShutdownError, match="no database"), asgi_inspect(app):
        pass


def test_what_is_raised_later(asgi_inspect: type[Inspected]) -> None:
    """What the app raises after it has accepted, or after its last chunk, comes out of the block."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})
        raise ValueError(scope["type"])

    with asgi_inspect(app) as client:
        with pytest.raises(ValueError, match="websocket"), client.websocket("/") as websocket:
            websocket.receive()
        with pytest.raises(ValueError, match="http"), client.stream("GET", "/") as stream:
            list(stream)


def test_what_is_raised_before_the_client_goes(asgi_inspect: type[Inspected]) -> None:
    """What the app has raised behind the last message that its client has read comes out of the block."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "last"})
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"last", "more_body": True})
        raise ValueError(scope["type"])

    read: list[Any] = []
    with asgi_inspect(app) as client:
        with pytest.raises(ValueError, match="websocket"), client.websocket("/") as websocket:
            read.append(websocket.receive())
        with pytest.raises(ValueError, match="http"), client.stream("GET", "/") as stream:
            read.append(next(stream))

    assert read == ["last", b"last"]


def test_the_plugin_loads_nothing() -> None:
    """A pytest without the fixture loads nothing of asgictl but the plugin."""
    code = (
        "import sys, pytest\n"
        "pytest.main(['--version', '-q', '-p', 'no:faker'])\n"
        "pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider', '-p', 'no:faker', sys.argv[1]])\n"
        "print(*(name for name in sys.modules if name.startswith('asgictl')))"
    )
    command = [sys.executable, "-c", code, "/nonexistent"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")

    assert done.stdout.splitlines()[-1] == "asgictl asgictl.pytest_plugin"


def test_the_event_loop_is_as_before(asgi_inspect: type[Inspected]) -> None:
    """Code that asks for the event loop afterwards gets the one that it would have got without the fixture."""

    def current() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return asyncio.get_event_loop()

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        with asgi_inspect(demo.app) as client:
            assert client.get("/healthz").text == "ok\n"
            assert current() is loop
        assert current() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def test_within_a_running_loop(asgi_inspect: type[Inspected]) -> None:
    """A client for tests without `async` says in a test with `async` what to use there, and leaves nothing behind."""
    use = re.escape("in a test with `async`, use `async with asgi_inspect(app) as client:`")

    with asgi_inspect(demo.app) as client, client.websocket("/ws") as websocket:

        async def main() -> None:
            with pytest.raises(RuntimeError, match=use), asgi_inspect(demo.app):
                pass
            with pytest.raises(RuntimeError, match=use):
                client.get("/healthz")
            with pytest.raises(RuntimeError, match=use), client.stream("GET", "/events"):
                pass
            with pytest.raises(RuntimeError, match=use):
                websocket.receive()

        asyncio.run(main())
        websocket.send("hi")
        assert websocket.receive() == "hi"


def broken(path: str) -> Any:
    """Return an app that breaks a rule of the specification at `/nothing`, and a good practice elsewhere."""

    async def app(scope: Scope, receive: Receive, send: Send) -> Any:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        if scope["path"] != "/nothing":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"hello"})
        return path

    return app


def visit(client: Client, *targets: str) -> int:
    """Send a request to each target, whatever comes of it; return how many were answered."""
    answered = 0
    for target in targets:
        with contextlib.suppress(Exception):
            answered += client.get(target).start is not None
    return answered


def test_broken_rules(asgi_inspect: type[Inspected]) -> None:
    """A test whose app breaks the specification fails at the end of the block, and says where and what to do."""
    with pytest.raises(BrokenRuleError) as caught, asgi_inspect(broken("x")) as client:
        visit(client, "/", "/nothing?token=1")

    assert str(caught.value).splitlines() == [
        "#2 GET /nothing: A-155 error: the app has returned without an answer",
        "  An application answers each request, unless its client has gone. "
        "https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event",
        "  To do: send an answer on each way through the application, or raise",
    ]
    assert [finding.rule for finding in caught.value.findings] == ["A-155"]


def test_how_serious(asgi_inspect: type[Inspected]) -> None:
    """Warnings fail a test that asks for it, and nothing fails one that does not."""

    async def main(check: Any) -> list[str]:
        try:
            async with asgi_inspect(broken("x"), check=check) as client:
                await client.get("/")
        except BrokenRuleError as error:
            return [finding.rule for finding in error.findings]
        return []

    assert [asyncio.run(main(check)) for check in ("error", "warning", None)] == [[], ["A-011"], []]


def test_what_is_raised_counts_first(asgi_inspect: type[Inspected]) -> None:
    """What fails in the block is what the test fails with."""
    with pytest.raises(ZeroDivisionError), asgi_inspect(broken("x")) as client:
        assert 1 / visit(client, "/nothing")

"""The pytest fixture `asgi_inspect`: an app driven without a client, and all that it did."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, WebSocket
from starlette.responses import StreamingResponse

from asgictl import demo
from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.driver import StartupError
from asgictl.inspector.websocket import Disconnected, Refused


def fast() -> Any:
    """Return a FastAPI app with a lifespan, a stream and a WebSocket."""

    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        yield {"name": "from the lifespan"}

    import contextlib

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


def test_requests(asgi_inspect: Any) -> None:
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


def test_streams(asgi_inspect: Any) -> None:
    """An endless stream is read chunk by chunk, and the app hears that its client goes."""
    with asgi_inspect(fast()) as client:
        with client.stream("GET", "/stream") as stream:
            chunks = [next(stream), next(stream)]
        exchange = client.exchanges[-1]

    assert stream.status == 200
    assert chunks == [b"data: 0\n\n", b"data: 1\n\n"]
    assert exchange.received[-1].type == "http.disconnect"


def test_websockets(asgi_inspect: Any) -> None:
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


def test_async(asgi_inspect: Any) -> None:
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
                websocket.send(b"\x00")
                assert await websocket.receive() == b"\x00"

    asyncio.run(main())


def test_errors(asgi_inspect: Any) -> None:
    """What the app raises comes out of the call, and is recorded; so is a hang."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        if scope["path"] == "/hang":
            await asyncio.Event().wait()
        raise ValueError("boom")

    with asgi_inspect(app, timeout=0.05) as client:
        with pytest.raises(ValueError, match="boom"):
            client.get("/")
        with pytest.raises(TimeoutError, match=r"the app has not sent anything for 0.05 s \(/hang\)"):
            client.get("/hang")
        boom, hang = client.exchanges[1:]

    assert (boom.status, str(boom.error)) == (500, "ValueError: boom")
    assert hang.closed is not None
    assert hang.closed.cancelled


def test_a_startup_that_fails(asgi_inspect: Any) -> None:
    """A startup that fails fails the test, with the app's own message."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(StartupError, match="no database"), asgi_inspect(app):
        pass


def test_the_plugin_loads_nothing() -> None:
    """A pytest without the fixture loads nothing of asgictl but the plugin."""
    code = (
        "import sys, pytest\n"
        "pytest.main(['--version', '-q'])\n"
        "pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider', sys.argv[1]])\n"
        "print(*(name for name in sys.modules if name.startswith('asgictl')))"
    )
    command = [sys.executable, "-c", code, "/nonexistent"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")

    assert done.stdout.splitlines()[-1] == "asgictl asgictl.pytest_plugin"

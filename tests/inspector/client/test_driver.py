"""Calling an app without a server: the scopes and messages that it gets, and what comes out of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.client import call
from asgictl.inspector.client.driver import TIMEOUT, Driver, ShutdownError, StartupError
from asgictl.inspector.client.websocket import Disconnected, Refused
from asgictl.inspector.record import memory
from asgictl.inspector.record.memory import Memory


def test_scopes() -> None:
    """An app gets what a server would give it, for a request and for a WebSocket."""
    scopes: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

    async def main() -> None:
        driver = Driver(app)
        driver.state["a"] = 1
        await driver.request("post", "/ü?x=1", headers=[("X-A", "ü"), ("x-a", "2")], body="ü")
        with pytest.raises(Refused):
            async with driver.websocket("/ws", headers={"X-A": "1"}, subprotocols=["chat"]):
                pass
        await driver.request("OPTIONS", "*")

    asyncio.run(main())
    common = {
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 50000),
        "root_path": "",
        "state": {"a": 1},
    }

    assert scopes[0] == {
        **common,
        "type": "http",
        "scheme": "http",
        "method": "POST",
        "path": "/ü",
        "raw_path": b"/%C3%BC",
        "query_string": b"x=1",
        "headers": [(b"host", b"localhost"), (b"content-length", b"2"), (b"x-a", b"\xfc"), (b"x-a", b"2")],
    }
    assert scopes[1] == {
        **common,
        "type": "websocket",
        "scheme": "ws",
        "path": "/ws",
        "raw_path": b"/ws",
        "query_string": b"",
        "headers": [
            *[(b"host", b"localhost"), (b"x-a", b"1"), (b"connection", b"Upgrade"), (b"upgrade", b"websocket")],
            (b"sec-websocket-version", b"13"),
            (b"sec-websocket-protocol", b"chat"),
        ],
        "subprotocols": ["chat"],
        "extensions": {"websocket.http.response": {}},
    }
    assert (scopes[2]["path"], scopes[2]["headers"]) == ("*", [(b"host", b"localhost")])


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    """Yield chunks of a body, as they come."""
    for part in parts:
        yield part


def generated(*parts: bytes) -> Iterator[bytes]:
    """Yield chunks of a body."""
    yield from parts


BODIES: dict[str, tuple[Any, list[tuple[bytes, bool]]]] = {
    "none": (b"", [(b"", False)]),
    "bytes": (b"ab", [(b"ab", False)]),
    "text": ("ü", [(b"\xc3\xbc", False)]),
    "a list": ([b"a", b"b"], [(b"a", True), (b"b", False)]),
    "a generator": (lambda: generated(b"a", b"b"), [(b"a", True), (b"b", True), (b"", False)]),
    "a stream": (lambda: chunks(b"a"), [(b"a", True), (b"", False)]),
    "more than are taken ahead": ([b"x"] * 9, [*[(b"x", True)] * 8, (b"x", False)]),
}


@pytest.mark.parametrize(("body", "received"), BODIES.values(), ids=list(BODIES))
def test_bodies(body: Any, received: list[tuple[bytes, bool]]) -> None:
    """A body arrives in its chunks, the last of which says so, and then that the client has gone."""
    got: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request":
            got.append((message["body"], message["more_body"]))
            if not message["more_body"]:
                await send({"type": "http.response.start", "status": 200})
                await send({"type": "http.response.body"})
        got.extend([message, await receive()])

    asyncio.run(Driver(app).request("POST", "/", body=body() if callable(body) else body))

    assert got == [*received, {"type": "http.disconnect"}, {"type": "http.disconnect"}]


@pytest.mark.parametrize("kind", ["http.response.pathsend", "http.response.zerocopysend"])
def test_answers_from_files(kind: str) -> None:
    """An answer that the server would take from a file is complete with that."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 206, "headers": [(b"a", b"b")]})
        await send({"type": kind})
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"

    async def main() -> None:
        async with Driver(app).stream("GET", "/") as stream:
            assert (stream.status, stream.headers) == (206, [(b"a", b"b")])
            assert [chunk async for chunk in stream] == []
            assert stream.is_complete

    asyncio.run(main())


def test_an_answer_to_a_websocket() -> None:
    """A WebSocket that is refused by an answer has all of it, and its app hears of the end."""
    heard: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append(await receive())
        start = {"type": "websocket.http.response.start", "status": 401, "headers": [(b"a", b"b")]}
        body = {"type": "websocket.http.response.body"}
        for message in (start, {**body, "body": b"no", "more_body": True}, {**body, "body": b"!"}):
            await send(message)
        heard.append(await receive())

    async def main() -> Refused:
        driver = Driver(app)
        with pytest.raises(Refused) as caught:
            async with driver.websocket("/ws?x=1"):
                pass
        return caught.value

    refused = asyncio.run(main())

    assert str(refused) == "/ws?x=1: 401"
    assert (refused.exchange.status, refused.exchange.text) == (401, "no!")
    assert heard == [
        {"type": "websocket.connect"},
        {"type": "websocket.disconnect", "code": 1006, "reason": ""},
    ]


CLOSES: dict[str, tuple[list[dict[str, Any]], str, int, str]] = {
    "with all": ([{"type": "websocket.close", "code": 4000, "reason": "why"}], "closed with 4000 why", 4000, "why"),
    "with nothing": ([{"type": "websocket.close", "reason": None}], "closed with 1000", 1000, ""),
    "returned": ([], "closed with 1006 the app has returned", 1006, "the app has returned"),
}


@pytest.mark.parametrize(("messages", "said", "code", "reason"), CLOSES.values(), ids=list(CLOSES))
def test_how_a_websocket_ends(messages: list[dict[str, Any]], said: str, code: int, reason: str) -> None:
    """What an app sends is received, text as text; then how it has ended."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        frames: list[dict[str, Any]] = [{"text": ""}, {"text": None, "bytes": b"x"}, {"bytes": b""}]
        for message in ({"type": "websocket.accept"}, *({"type": "websocket.send", **frame} for frame in frames)):
            await send(message)
        for message in messages:
            await send(message)

    async def main() -> tuple[list[Any], Disconnected]:
        async with Driver(app).websocket("/") as socket:
            assert socket.subprotocol is None
            got = [await socket.receive() for _ in range(3)]
            with pytest.raises(Disconnected) as caught:
                await socket.receive()
        return got, caught.value

    got, closed = asyncio.run(main())

    assert got == ["", b"x", b""]
    assert (str(closed), closed.code, closed.reason) == (said, code, reason)


def test_how_a_client_ends() -> None:
    """An app hears the code and the reason with which its client closes, once."""
    heard: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        heard.extend([await receive(), await receive(), await receive()])

    async def main() -> None:
        async with Driver(app).websocket("/") as socket:
            await socket.send("")
            await socket.send(b"")
            await socket.close(4001, "enough")
            await socket.close(4002)

    asyncio.run(main())

    assert heard == [
        {"type": "websocket.receive", "text": ""},
        {"type": "websocket.receive", "bytes": b""},
        {"type": "websocket.disconnect", "code": 4001, "reason": "enough"},
    ]


FAILURES: dict[str, tuple[list[dict[str, Any]], type[Exception], str]] = {
    "startup": (
        [{"type": "lifespan.startup.failed", "message": "no database"}],
        StartupError,
        "no database",
    ),
    "startup without a reason": (
        [{"type": "lifespan.startup.failed"}],
        StartupError,
        "the startup of the app failed",
    ),
    "shutdown": (
        [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.failed", "message": "still busy"}],
        ShutdownError,
        "still busy",
    ),
    "shutdown without a reason": (
        [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.failed", "message": ""}],
        ShutdownError,
        "the shutdown of the app failed",
    ),
}


@pytest.mark.parametrize(("messages", "kind", "said"), FAILURES.values(), ids=list(FAILURES))
def test_lifespans_that_fail(messages: list[dict[str, Any]], kind: type[Exception], said: str) -> None:
    """A lifespan that fails does so with the app's reason, or else with what has failed."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await receive()
            await send(message)

    async def main() -> None:
        async with Driver(app):
            pass

    with pytest.raises(kind) as caught:
        asyncio.run(main())
    assert str(caught.value) == said


@pytest.mark.parametrize("message", [None, {"type": "http.response.start"}, {}], ids=["returns", "answers", "odd"])
def test_apps_without_a_lifespan(message: Any) -> None:
    """An app that does not know lifespans is called without one, and hears of no shutdown."""
    heard: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"ok"})
        elif message is not None:
            heard.append((await receive())["type"])
            await send(message)
            heard.append((await receive())["type"])

    async def main() -> str:
        async with Driver(app) as driver:
            return (await driver.request("GET", "/")).text

    assert asyncio.run(main()) == "ok"
    assert heard == ([] if message is None else ["lifespan.startup"])


@pytest.mark.parametrize("more", [[], [{"type": "odd"}]], ids=["returns", "says something else"])
def test_a_shutdown_without_an_answer(more: list[dict[str, Any]]) -> None:
    """An app that returns at its shutdown, without the word for it, has ended."""
    heard: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope == {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        heard.append((await receive())["type"])
        await send({"type": "lifespan.startup.complete"})
        heard.append((await receive())["type"])
        for message in more:
            await send(message)

    async def main() -> None:
        async with Driver(app):
            pass

    asyncio.run(main())

    assert heard == ["lifespan.startup", "lifespan.shutdown"]


def test_a_client_that_goes_while_it_sends() -> None:
    """An app whose client goes before its body was taken hears of that alone."""
    heard: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await go.wait()
        heard.extend([await receive(), await receive()])

    async def main() -> None:
        async with Driver(app).stream("POST", "/", body=[b"x"] * 20):
            for _ in range(100):
                await asyncio.sleep(0)
            asyncio.get_running_loop().call_later(0.01, go.set)

    go = asyncio.Event()
    asyncio.run(main())

    assert heard == [{"type": "http.disconnect"}] * 2


def test_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that does not return after its answer is told, and given up."""
    monkeypatch.setattr(call, "_LEAVING", 0.01)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})
        await asyncio.Event().wait()

    driver = Driver(app, timeout=0.05, first_id=3)
    with pytest.raises(TimeoutError) as caught:
        asyncio.run(driver.request("GET", "/slow"))

    assert str(caught.value) == "the app has not returned for 0.05 s (/slow)"
    (exchange,) = driver.exchanges
    assert exchange.closed is not None
    assert (exchange.id, exchange.closed.cancelled) == (3, True)


def test_how_far_an_app_may_be_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many messages wait for the client, then the app waits for it."""
    monkeypatch.setattr(call, "_WAITING", 3)
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200})
        for _ in range(10):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            sent += 1
        await send({"type": "http.response.body"})

    async def main() -> list[int]:
        counts = []
        async with Driver(app).stream("GET", "/") as stream:
            for _ in range(100):
                await asyncio.sleep(0)
            counts.append(sent)
            await anext(stream)
            for _ in range(100):
                await asyncio.sleep(0)
            counts.append(sent)
            counts.append(len([chunk async for chunk in stream]))
        return counts

    assert asyncio.run(main()) == [3, 4, 9]


def test_what_is_kept() -> None:
    """Memory keeps 200 exchanges with 1000 events each and 64 MiB in all; an app has 10 s for a message."""
    kept = Memory()

    assert (memory.EXCHANGES, memory.EVENTS, memory.BYTES, TIMEOUT) == (200, 1000, 64 * 1024 * 1024, 10.0)
    assert (kept._most, kept._events, kept._bytes) == (200, 1000, 64 * 1024 * 1024)
    assert Driver(test_what_is_kept).timeout == 10.0  # type: ignore[arg-type]


def test_a_wait_that_is_given_up() -> None:
    """A wait for a message ends when it is cancelled, also at the moment in which the message comes."""

    async def cancelled_after(turns: int) -> tuple[bool, bool]:
        come = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await come.wait()
            await send({"type": "http.response.start", "status": 200})
            await asyncio.sleep(60)

        waited = Driver(app).call({"type": "http", "path": "/"})
        waiting = asyncio.create_task(waited.next())
        await asyncio.sleep(0)
        come.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        asked = waiting.cancel()
        await asyncio.wait([waiting])
        await waited.cancel()
        return asked, waiting.cancelled()

    async def main() -> list[tuple[bool, bool]]:
        return [await cancelled_after(turns) for turns in range(12)]

    seen = asyncio.run(main())

    assert {asked for asked, _ in seen} == {True, False}
    assert [ended for _, ended in seen] == [asked for asked, _ in seen]

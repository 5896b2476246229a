"""The types of what users import, of the fixture, and of its clients: mypy reads this, and nothing runs it."""

from collections.abc import Callable
from typing import Any, assert_never, assert_type

from starlette.applications import Starlette

import asgictl
from asgictl import Inspector
from asgictl.asgi import ASGIApp
from asgictl.records import Closed, Event, Exchange, Failure, Finding, Memory, Observed, Opened, Raised, Record
from asgictl.testing import AsyncClient, Client, Disconnected, Inspected, Refused


def inspector(app: ASGIApp, note: Callable[[Record], None]) -> None:
    """The sink is what it was given, or the memory."""
    assert_type(Inspector(app), Inspector[Memory])
    assert_type(Inspector(app, redact=["x-token"], body_limit=5, first_id=1).sink.exchanges[-1].status, int | None)
    assert_type(asgictl.Inspector(app, sink=Memory(exchanges=5)).sink, Memory)
    assert_type(Inspector(app, sink=note).sink, Callable[[Record], None])
    Inspector(app, sink=print)
    Inspector(app, sink=5)  # type: ignore[arg-type]
    Inspector(app, check="all", on_finding=lambda finding: (finding.rule, finding.n))
    Inspector(Inspector(app))


def middleware(app: Starlette, note: Callable[[Record], None]) -> None:
    """A framework takes it as a middleware; with a sink mypy wants to be told of which."""
    app.add_middleware(Inspector)
    app.add_middleware(Inspector, redact=["x-token"])
    app.add_middleware(Inspector[Any], sink=print)
    app.add_middleware(Inspector[Any], sink=note)
    app.add_middleware(Inspector[Memory], sink=Memory())


def test(asgi_inspect: type[Inspected], app: ASGIApp) -> None:
    """A test without `async`."""
    with asgi_inspect(app, timeout=5) as client:
        assert_type(client, Client)
        assert_type(client.request("PURGE", "/", headers={"x": "y"}), Exchange)
        assert_type(client.get("/", headers=[("x", "y")]), Exchange)
        assert_type(client.head("/"), Exchange)
        assert_type(client.options("/"), Exchange)
        assert_type(client.post("/", json={"sku": "A1"}), Exchange)
        assert_type(client.put("/", body=b"x"), Exchange)
        assert_type(client.patch("/", body=[b"x"]), Exchange)
        assert_type(client.delete("/").header("x"), str | None)
        client.get("/", jsn={})  # type: ignore[call-arg]
        client.get("/", body=5)  # type: ignore[arg-type]
        with client.stream("GET", "/", headers={}) as stream:
            assert_type(next(stream), bytes)
            assert_type(stream.status, int)
        with client.websocket("/", subprotocols=["chat"]) as websocket:
            assert_type(websocket.receive(), str | bytes)
            assert_type(websocket.subprotocol, str | None)
        assert_type(client.exchanges, list[Exchange])
        assert_type(client.state, dict[str, Any])


async def test_async(asgi_inspect: type[Inspected], app: ASGIApp) -> None:
    """A test with `async`."""
    async with asgi_inspect(app) as client:
        assert_type(client, AsyncClient)
        assert_type(await client.request("PURGE", "/", body="x"), Exchange)
        assert_type(await client.get("/"), Exchange)
        assert_type(await client.head("/"), Exchange)
        assert_type(await client.options("/"), Exchange)
        assert_type(await client.post("/", json=[]), Exchange)
        assert_type(await client.put("/"), Exchange)
        assert_type(await client.patch("/"), Exchange)
        assert_type(await client.delete("/"), Exchange)
        await client.get("/", jsn={})  # type: ignore[call-arg]
        async with client.stream("GET", "/") as stream:
            assert_type(await anext(stream), bytes)
        async with client.websocket("/") as websocket:
            await websocket.send("hi")
            assert_type(await websocket.receive(), str | bytes)
        assert_type(client.exchanges, list[Exchange])


def records(record: Record) -> str:
    """A sink can tell the kinds apart, and knows when it has them all."""
    match record:
        case Opened():
            assert_type(record.scope, dict[str, Any])
            return str(record.at)
        case Event():
            assert_type(record.content, bytes | str)
            return record.type
        case Raised():
            assert_type(record.error, Failure)
            return record.direction
        case Closed():
            assert_type(record.error, Failure | None)
            record.ms = 5.0  # type: ignore[misc]
            return str(record.ms)
        case Observed():
            return record.what
        case Finding():
            assert_type(record.place, str | None)
            return record.rule
        case _:
            assert_never(record)


def raised(refused: Refused, disconnected: Disconnected) -> None:
    """What the exceptions of a WebSocket hold."""
    assert_type(refused.exchange, Exchange)
    assert_type((disconnected.code, disconnected.reason), tuple[int, str])

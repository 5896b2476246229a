"""Examples for how a lifespan goes on, and ends."""

import asyncio

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.example import GET, LIFESPAN, breaks, keeps


@breaks("A-407", LIFESPAN)
async def ends_unasked(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell that the shutdown is complete right after the startup."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


@keeps("A-407", LIFESPAN)
async def ends_when_asked(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell that the shutdown is complete when it was asked for."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@breaks("A-408", LIFESPAN)
async def fails_and_ends(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell that the shutdown has failed, and that it is complete."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    try:
        int("not closed")
    except ValueError as error:
        await send({"type": "lifespan.shutdown.failed", "message": str(error)})
    await send({"type": "lifespan.shutdown.complete"})


@keeps("A-408", LIFESPAN)
async def fails_or_ends(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell that the shutdown has failed, or that it is complete."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    try:
        int("not closed")
    except ValueError as error:
        await send({"type": "lifespan.shutdown.failed", "message": str(error)})
    else:
        await send({"type": "lifespan.shutdown.complete"})


@breaks("A-414", LIFESPAN)
async def ends_never(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait at shutdown for a task that does not end."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.Event().wait()
    await send({"type": "lifespan.shutdown.complete"})


@keeps("A-414", LIFESPAN)
async def ends_in_time(scope: Scope, receive: Receive, send: Send) -> None:
    """Cancel a task at shutdown that does not end."""
    await receive()
    task = asyncio.create_task(asyncio.Event().wait())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    task.cancel()
    await asyncio.wait([task])
    await send({"type": "lifespan.shutdown.complete"})


@breaks("A-415", LIFESPAN)
async def returns_after_startup(scope: Scope, receive: Receive, send: Send) -> None:
    """Return when the startup is complete."""
    await receive()
    await send({"type": "lifespan.startup.complete"})


@keeps("A-415", LIFESPAN)
async def stays_until_shutdown(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait for the shutdown when the startup is complete."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    while (await receive())["type"] != "lifespan.shutdown":
        pass
    await send({"type": "lifespan.shutdown.complete"})


@breaks("A-416", LIFESPAN)
async def returns_at_shutdown(scope: Scope, receive: Receive, send: Send) -> None:
    """Return at shutdown without an answer."""
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})


@keeps("A-416", LIFESPAN)
async def answers_the_shutdown(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the shutdown, and return."""
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


@breaks("A-417", LIFESPAN)
async def raises_at_shutdown(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise at shutdown instead of an answer."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    raise RuntimeError("the pool is not empty")


@keeps("A-417", LIFESPAN)
async def fails_at_shutdown(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell that the shutdown has failed, and raise then."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.failed", "message": "the pool is not empty"})
    raise RuntimeError("the pool is not empty")


@breaks("A-418", LIFESPAN)
async def answers_everything_with_http(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a page, whatever was asked for, and the answers to the lifespan as well."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@keeps("A-418", GET)
async def answers_http_with_http(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a page to who has asked for one."""
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


@breaks("A-419", LIFESPAN)
async def numbers_the_state(scope: Scope, receive: Receive, send: Send) -> None:
    """Keep what is needed for requests under numbers."""
    await receive()
    scope["state"][1] = "database"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@keeps("A-419", LIFESPAN)
async def names_the_state(scope: Scope, receive: Receive, send: Send) -> None:
    """Keep what is needed for requests under names."""
    await receive()
    scope["state"]["shop.database"] = "database"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})

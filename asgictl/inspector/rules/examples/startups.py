"""Examples for how a lifespan begins."""

import asyncio

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.example import LIFESPAN, breaks, keeps


@breaks("A-405", LIFESPAN)
async def starts_unasked(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell that the startup is complete before it was asked for."""
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@keeps("A-405", LIFESPAN)
async def starts_when_asked(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell that the startup is complete when it was asked for."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@breaks("A-406", LIFESPAN)
async def starts_twice(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the startup for each of two parts."""
    await receive()
    for _part in ("database", "cache"):
        await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@breaks("A-406", LIFESPAN, ({"type": "lifespan.startup"},))
async def fails_and_starts(scope: Scope, receive: Receive, send: Send) -> None:
    """Go on after a startup that has failed."""
    await receive()
    try:
        int("no port")
    except ValueError as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
    await send({"type": "lifespan.startup.complete"})


@keeps("A-406", LIFESPAN, ({"type": "lifespan.startup"},))
async def fails_and_returns(scope: Scope, receive: Receive, send: Send) -> None:
    """Return after a startup that has failed."""
    await receive()
    try:
        int("no port")
    except ValueError as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@breaks("A-409", LIFESPAN, ({"type": "lifespan.startup"},))
async def fails_with_an_exception(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the exception itself as the message."""
    await receive()
    try:
        int("no port")
    except ValueError as error:
        await send({"type": "lifespan.startup.failed", "message": error})


@keeps("A-409", LIFESPAN, ({"type": "lifespan.startup"},))
async def fails_with_a_message(scope: Scope, receive: Receive, send: Send) -> None:
    """Send what the exception says as the message, and raise it then."""
    await receive()
    try:
        int("no port")
    except ValueError as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        raise


@breaks("A-410", LIFESPAN)
async def starts_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait at startup for a database that does not answer."""
    await receive()
    await asyncio.Event().wait()
    await send({"type": "lifespan.startup.complete"})


@keeps("A-410", LIFESPAN, ({"type": "lifespan.startup"},))
async def starts_in_time(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait for a database for some time, and fail then."""
    await receive()
    try:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()
    except TimeoutError:
        await send({"type": "lifespan.startup.failed", "message": "the database does not answer"})


@breaks("A-411", LIFESPAN)
async def returns_from_the_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Return from a lifespan, for which there is nothing to do."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})


@keeps("A-411", LIFESPAN)
async def answers_the_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer both messages of the lifespan, for which there is nothing to do."""
    if scope["type"] == "lifespan":
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})
        return
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


@breaks("A-412", LIFESPAN)
async def raises_at_startup(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise at startup: servers take that for an application without a lifespan, and serve it."""
    await receive()
    raise RuntimeError("no database")


@keeps("A-412", LIFESPAN)
async def fails_at_startup(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell that the startup has failed, and raise then."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
    raise RuntimeError("no database")


@breaks("A-413", LIFESPAN)
async def knows_no_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise for everything that is not HTTP."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


@keeps("A-413", LIFESPAN)
async def knows_a_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a lifespan, and raise for what is not known."""
    if scope["type"] != "lifespan":
        raise NotImplementedError(scope["type"])
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})

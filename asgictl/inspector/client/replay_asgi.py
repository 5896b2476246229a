"""Recorded requests and conversations sent again: into an app, in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from asgictl import adapt
from asgictl.errors import StartError
from asgictl.inspector.client.call import LateError, Stream, chunks_of
from asgictl.inspector.client.driver import Driver
from asgictl.inspector.client.refusing import GoneError, Refusing
from asgictl.inspector.client.replay_script import Script
from asgictl.inspector.client.websocket import Disconnected, Refused, WebSocket
from asgictl.inspector.exchange import Exchange

# How much longer than in the recording a WebSocket's messages, and its close, are waited for, in seconds.
PATIENCE = 2.0


class Frames(Protocol):
    """The client's side of a WebSocket."""

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message."""

    async def receive(self, patience: float) -> bool:
        """Wait for a message; tell whether one has come."""

    @property
    def is_open(self) -> bool:
        """Whether the app may say more."""


async def into_app(
    driver: Driver, scripts: Sequence[Script], unanswered: Callable[[StartError], object]
) -> AsyncIterator[Exchange]:
    """Call an app as `scripts` say, within its lifespan; yield what was recorded of each.

    Where an answer does not come in time, `unanswered` is told. Raises `StartError` when the app does not start.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(driver)
        except LateError as error:
            problem = f"the app's startup failed: {error}"
            raise StartError(problem, hint="see what it waits for, or pass a longer --timeout") from error
        except Exception as error:  # of the app
            raise adapt.failed("the app's startup failed", error) from error
        for one in scripts:
            yield await _call(driver, one, unanswered)


async def _call(driver: Driver, one: Script, unanswered: Callable[[StartError], object]) -> Exchange:
    scope = {**one.scope, "client": ("127.0.0.1", 50000), "state": dict(driver.state)}
    call = driver.call(scope, replay_of=one.id, around=lambda app: Refusing(app, taken=one.taken, strict=one.is_strict))
    call.gone = GoneError if one.is_told else None
    try:
        if scope["type"] == "websocket":
            await _converse_with_app(WebSocket(call, driver.exchange), one, driver.timeout)
        else:
            await _request(Stream(call, chunks_of(one.chunks or [b""])), one, driver.timeout)
    except LateError as error:
        unanswered(StartError(f"#{one.id}: {error}", hint="pass a longer --timeout"))
    except Exception:  # noqa: BLE001, S110  # of the app; it is recorded
        pass
    finally:
        await call.finish()
    return driver.exchange(call.number)


async def _request(stream: Stream, one: Script, limit: float) -> None:
    try:
        if one.is_left:
            stream.call.leave()
            await stream.leave()
        else:
            await stream.begin()
            await stream.read(limit, one.parts)
        if one.is_left or stream.is_complete:
            await stream.call.ended()
    finally:
        stream.call.leave()
        stream.disconnect()


async def converse(frames: Frames, one: Script, limit: float) -> None:
    """Send a client's messages, each after as many of the app as in the recording, and wait for its close.

    A message is waited for as long as in the recording, and a while more, but no longer than `limit` seconds.
    """
    patience = min(one.waited + PATIENCE, limit)
    seen = missing = 0

    async def hear(count: int) -> None:
        nonlocal seen, missing
        while seen + missing < count and frames.is_open:
            if await frames.receive(patience):
                seen += 1
            else:
                missing = count - seen

    for before, message in one.turns:
        await hear(before)
        await frames.send(message)
    await hear(one.answers)
    if one.closes:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while frames.is_open:
                    await frames.receive(patience)


class _AppFrames:
    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self.is_open = True

    async def send(self, message: dict[str, Any]) -> None:
        self._socket.call.put(message)

    async def receive(self, patience: float) -> bool:
        try:
            await self._socket.receive(patience)
        except LateError:
            return False
        except Disconnected:
            self.is_open = False
            return False
        return True


async def _converse_with_app(socket: WebSocket, one: Script, limit: float) -> None:
    if one.is_left:
        socket.call.leave()
        socket.call.put({"type": "websocket.connect"})
        await socket.close()
        await socket.call.ended()
        return
    try:
        await socket.connect()
    except Refused:
        return
    await converse(_AppFrames(socket), one, limit)
    socket.call.leave()
    await socket.close(*one.leave)

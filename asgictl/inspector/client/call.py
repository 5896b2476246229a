"""One call of an app, as a server makes it, and the client's side of a request and of a WebSocket."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from asgictl.asgi import ASGIApp, Message, Scope
from asgictl.inspector.endings import FILES

Chunk = tuple[bytes, bool]

# How many chunks of a body are taken before the app asks for them.
_AHEAD = 4

# How long an app may go on after its client has gone, in seconds.
_LEAVING = 1.0

# How many messages may wait for the client; then `send` waits, as it does for a slow one.
_WAITING = 1000


class LateError(TimeoutError):
    """The app has not done in time what was waited for; one that it raises itself is another `TimeoutError`."""


class Call:
    """One call of an app, in a task of its own: messages are put in, and taken out in their order."""

    def __init__(self, app: ASGIApp, scope: Scope, number: int, timeout: float) -> None:
        self.number = number
        self.scope = scope
        self._timeout = timeout
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self._out: asyncio.Queue[Message | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(_WAITING)
        self._left = False
        # What the app is told when it sends to a client that has gone; servers differ, and some tell nothing.
        self.gone: type[Exception] | None = None
        self._is_gone = False
        self.source: Callable[[], Any] = self._in.get
        self._task = asyncio.ensure_future(app(scope, self._receive, self._send))
        self._task.add_done_callback(lambda _: self._out.put_nowait(None))

    async def _receive(self) -> Message:
        message: Message = await self.source()
        return message

    async def _send(self, message: Message) -> None:
        await asyncio.sleep(0)
        if self._is_gone and self.gone is not None:
            raise self.gone
        if not self._left:
            await self._room.acquire()
        if not self._left:
            self._out.put_nowait(message)

    def leave(self) -> None:
        """Have the client gone: what the app sends from now on is told by `gone`."""
        self._is_gone = True

    def put(self, message: Message) -> None:
        """Have the app receive `message` after those before it."""
        self._in.put_nowait(message)

    async def next(self, timeout: float | None = None) -> Message | None:  # noqa: ASYNC109  # not of this coroutine alone
        """Return the next message that the app sends, or None when it has returned; raise what it raises.

        Raises `LateError` when nothing happens within `timeout` seconds.
        """
        __tracebackhide__ = True
        limit = self._timeout if timeout is None else timeout
        try:
            # Not `wait_for`, which before Python 3.12 lets a cancellation get lost (python/cpython#86296).
            async with asyncio.timeout(limit):
                message = await self._out.get()
        except TimeoutError:
            what = self.scope.get("path") or self.scope["type"]
            raise LateError(f"the app has not sent anything for {limit:g} s ({what})") from None
        if message is None:
            self._out.put_nowait(None)
            self._task.result()
        else:
            self._room.release()
        return message

    async def ended(self) -> None:
        """Wait until the app has returned; raise what it raises."""
        __tracebackhide__ = True
        await asyncio.wait([self._task], timeout=self._timeout)
        if not self._task.done():
            raise LateError(f"the app has not returned for {self._timeout:g} s ({self.scope.get('path')})")
        self._task.result()

    async def while_running(self, task: asyncio.Future[None]) -> None:
        """Wait for a task, no longer than the app runs, or may take for a message."""
        await asyncio.wait([self._task, task], timeout=self._timeout, return_when=asyncio.FIRST_COMPLETED)

    def check(self) -> None:
        """Raise what the app has raised by now."""
        __tracebackhide__ = True
        if self._task.done():
            self._task.result()

    async def finish(self) -> None:
        """Give the app a moment to return, then cancel it; what it sends is not heard, what it raises is recorded."""
        self._left = True
        for _ in range(self._out.qsize()):  # those that wait for room
            self._room.release()
        await asyncio.wait([self._task], timeout=min(self._timeout, _LEAVING))
        await self.cancel()

    async def cancel(self) -> None:
        """End the call."""
        self._task.cancel()
        await asyncio.wait([self._task], timeout=_LEAVING)
        if self._task.done() and not self._task.cancelled():
            self._task.exception()


class Stream:
    """An answer as it comes: `status`, `headers`, and the chunks of its body by `async for`."""

    def __init__(self, call: Call, chunks: AsyncIterator[Chunk]) -> None:
        self.call = call
        self.status = 0
        self.is_complete = False
        self.headers: list[tuple[bytes, bytes]] = []
        self._gone = False
        self._body = self._chunks_of_body()
        self._parts: asyncio.Queue[Message] = asyncio.Queue()
        self._room = asyncio.Semaphore(_AHEAD)
        self._feeder = asyncio.ensure_future(self._feed(chunks))
        call.source = self._source

    async def _source(self) -> Message:
        """Return the next message for the app: the body, and once the answer is complete that the client has gone."""
        if self._gone and self._parts.empty():
            return {"type": "http.disconnect"}
        message = await self._parts.get()
        self._room.release()
        return message

    async def _feed(self, chunks: AsyncIterator[Chunk]) -> None:
        """Put the body in, a few chunks ahead: an app may give up waiting for one, and ask again."""
        more = True
        async for chunk, more in chunks:
            await self._room.acquire()
            self._parts.put_nowait({"type": "http.request", "body": chunk, "more_body": more})
        if more:
            self._parts.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def begin(self) -> None:
        """Wait for the beginning of the answer."""
        __tracebackhide__ = True
        while (message := await self.call.next()) is not None:
            if message.get("type") == "http.response.start":
                self.status = message["status"]
                self.headers = list(message.get("headers") or ())
                return

    async def read(self, limit: float, parts: int | None = None) -> None:
        """Read the answer to its end, or as many chunks as `parts`; raise `LateError` after `limit` seconds."""
        __tracebackhide__ = True
        try:
            async with asyncio.timeout(limit) as waiting:
                while parts is None or parts > 0:
                    await anext(self)
                    parts = parts and parts - 1
        except StopAsyncIteration:
            return
        except TimeoutError:
            if not waiting.expired():
                raise
            raise LateError(f"the app has not ended its answer within {limit:g} s") from None

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return itself: there is one body."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk of the body, until the last or the end of the app."""
        __tracebackhide__ = True
        return await anext(self._body)

    async def _chunks_of_body(self) -> AsyncIterator[bytes]:
        __tracebackhide__ = True
        while not self._gone and (message := await self.call.next()) is not None:
            if message.get("type") == "http.response.body":
                if not message.get("more_body", False):
                    self.is_complete = True
                    self.disconnect()
                if message.get("body"):
                    yield message["body"]
            elif message.get("type") in FILES:
                self.is_complete = True
                self.disconnect()

    async def leave(self) -> None:
        """Have the app receive the body, and that the client has gone before there is an answer."""
        await self.call.while_running(self._feeder)
        self.disconnect()

    def disconnect(self) -> None:
        """Have the app receive `http.disconnect`, after a body that is complete, or at once."""
        if not self._gone:
            self._gone = True
            if not self._feeder.done():
                self._feeder.cancel()
                while not self._parts.empty():
                    self._parts.get_nowait()
            self._parts.put_nowait({"type": "http.disconnect"})


async def chunks_of(body: Iterable[bytes] | AsyncIterable[bytes]) -> AsyncIterator[Chunk]:
    """Yield the chunks of a body, and whether there are more, which of a stream is known only at its end."""
    if isinstance(body, AsyncIterable):
        async for chunk in body:
            yield chunk, True
        return
    left = len(body) if isinstance(body, Sequence) else None
    for number, chunk in enumerate(body, start=1):
        yield chunk, number != left

"""One call of an app, as a server makes it, and the client's side of a request and of a WebSocket."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from asgictl.asgi import ASGIApp, Message, Scope

Chunk = tuple[bytes, bool]

# What ends a body of which that was not known before.
_LAST: Chunk = (b"", False)

# How long an app may go on after its client has gone, in seconds.
_LEAVING = 1.0

# How many messages may wait for the client; then `send` waits, as it does for a slow one.
_WAITING = 1000


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
        self.source: Callable[[], Any] = self._in.get
        self._task = asyncio.ensure_future(app(scope, self._receive, self._send))
        self._task.add_done_callback(lambda _: self._out.put_nowait(None))

    async def _receive(self) -> Message:
        message: Message = await self.source()
        return message

    async def _send(self, message: Message) -> None:
        await asyncio.sleep(0)
        if not self._left:
            await self._room.acquire()
        if not self._left:
            self._out.put_nowait(message)

    def put(self, message: Message) -> None:
        """Have the app receive `message` after those before it."""
        self._in.put_nowait(message)

    async def next(self, timeout: float | None = None) -> Message | None:  # noqa: ASYNC109  # not of this coroutine alone
        """Return the next message that the app sends, or None when it has returned; raise what it raises.

        Raises `TimeoutError` when nothing happens within `timeout` seconds.
        """
        limit = self._timeout if timeout is None else timeout
        try:
            message = await asyncio.wait_for(self._out.get(), limit)
        except TimeoutError:
            what = self.scope.get("path") or self.scope["type"]
            raise TimeoutError(f"the app has not sent anything for {limit:g} s ({what})") from None
        if message is None:
            self._out.put_nowait(None)
            self._task.result()
        else:
            self._room.release()
        return message

    async def ended(self) -> None:
        """Wait until the app has returned; raise what it raises."""
        await asyncio.wait([self._task], timeout=self._timeout)
        if not self._task.done():
            raise TimeoutError(f"the app has not returned for {self._timeout:g} s ({self.scope.get('path')})")
        self._task.result()

    def check(self) -> None:
        """Raise what the app has raised by now."""
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
        self._chunks = chunks
        self._sent = False
        self._gone = asyncio.Event()
        self._body = self._chunks_of_body()
        call.source = self._source

    async def _source(self) -> Message:
        """Return the next message for the app: the body, and once the answer is complete that the client has gone."""
        if not self._sent and not self._gone.is_set():
            chunk, more = await anext(self._chunks, _LAST)
            self._sent = not more
            return {"type": "http.request", "body": chunk, "more_body": more}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def begin(self) -> None:
        """Wait for the beginning of the answer."""
        while (message := await self.call.next()) is not None:
            if message.get("type") == "http.response.start":
                self.status = message["status"]
                self.headers = list(message.get("headers") or ())
                return

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return itself: there is one body."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk of the body, until the last or the end of the app."""
        return await anext(self._body)

    async def _chunks_of_body(self) -> AsyncIterator[bytes]:
        while not self._gone.is_set() and (message := await self.call.next()) is not None:
            if message.get("type") == "http.response.body":
                if not message.get("more_body", False):
                    self.is_complete = True
                    self.disconnect()
                if message.get("body"):
                    yield message["body"]
            elif message.get("type") in ("http.response.pathsend", "http.response.zerocopysend"):
                self.is_complete = True
                self.disconnect()

    def disconnect(self) -> None:
        """Have the app receive `http.disconnect`."""
        self._gone.set()


async def chunks_of(body: Iterable[bytes] | AsyncIterable[bytes]) -> AsyncIterator[Chunk]:
    """Yield the chunks of a body, and whether there are more, which of a stream is known only at its end."""
    if isinstance(body, AsyncIterable):
        async for chunk in body:
            yield chunk, True
        return
    left = len(body) if isinstance(body, Sequence) else None
    for number, chunk in enumerate(body, start=1):
        yield chunk, number != left

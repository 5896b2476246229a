"""What the pytest fixture `asgi_inspect` hands out: a driver for tests with `async`, and for those without."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, Generic, Literal, TypeVar, Unpack

from asgictl.asgi import ASGIApp
from asgictl.inspector.client.call import Stream
from asgictl.inspector.client.driver import TIMEOUT, Content, Driver, Headers
from asgictl.inspector.client.websocket import WebSocket
from asgictl.inspector.client.within import Blocking, run
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Sink

R = TypeVar("R")

Level = Literal["error", "warning"]


class Methods(Generic[R]):
    """Requests by the name of their method, with the options of `request`: `headers`, `body` and `json`."""

    def request(self, method: str, target: str, **content: Unpack[Content]) -> R:
        """Send a request."""
        raise NotImplementedError

    def get(self, target: str, **content: Unpack[Content]) -> R:
        """Send GET."""
        __tracebackhide__ = True
        return self.request("GET", target, **content)

    def head(self, target: str, **content: Unpack[Content]) -> R:
        """Send HEAD."""
        __tracebackhide__ = True
        return self.request("HEAD", target, **content)

    def options(self, target: str, **content: Unpack[Content]) -> R:
        """Send OPTIONS."""
        __tracebackhide__ = True
        return self.request("OPTIONS", target, **content)

    def post(self, target: str, **content: Unpack[Content]) -> R:
        """Send POST."""
        __tracebackhide__ = True
        return self.request("POST", target, **content)

    def put(self, target: str, **content: Unpack[Content]) -> R:
        """Send PUT."""
        __tracebackhide__ = True
        return self.request("PUT", target, **content)

    def patch(self, target: str, **content: Unpack[Content]) -> R:
        """Send PATCH."""
        __tracebackhide__ = True
        return self.request("PATCH", target, **content)

    def delete(self, target: str, **content: Unpack[Content]) -> R:
        """Send DELETE."""
        __tracebackhide__ = True
        return self.request("DELETE", target, **content)


class AsyncClient(Driver, Methods[Coroutine[Any, Any, Exchange]]):
    """What `async with` gives: its calls are awaited; see `Driver`."""


class Client(Methods[Exchange]):
    """The same for tests without `async`: between the calls the app's tasks rest."""

    def __init__(self, driver: Driver, runner: asyncio.Runner) -> None:
        self._driver = driver
        self._runner = runner

    @property
    def exchanges(self) -> list[Exchange]:
        """Everything that was recorded so far, the lifespan included."""
        return self._driver.exchanges

    @property
    def state(self) -> dict[str, Any]:
        """The state that the app's lifespan has filled."""
        return self._driver.state

    def request(self, method: str, target: str, **content: Unpack[Content]) -> Exchange:
        """Send a request, and return what was recorded; see `Driver.request`."""
        __tracebackhide__ = True
        return run(self._runner, self._driver.request, method, target, **content)

    def stream(self, method: str, target: str, **content: Unpack[Content]) -> "Blocking[Stream, SyncStream]":
        """Send a request whose answer is read chunk by chunk; the client disconnects at the end of the block."""
        __tracebackhide__ = True
        return Blocking(self._driver.stream(method, target, **content), self._runner, SyncStream)

    def websocket(
        self, target: str, *, headers: Headers = (), subprotocols: Sequence[str] = ()
    ) -> "Blocking[WebSocket, SyncWebSocket]":
        """Connect to a WebSocket, until the end of the block; raise `Refused` when the app does not accept."""
        context = self._driver.websocket(target, headers=headers, subprotocols=subprotocols)
        return Blocking(context, self._runner, SyncWebSocket)


class SyncStream:
    """An answer as it comes: `status`, `headers`, and the chunks of its body by `for`."""

    def __init__(self, stream: Stream, runner: asyncio.Runner) -> None:
        self.status = stream.status
        self.headers = stream.headers
        self._chunks = stream
        self._runner = runner

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        __tracebackhide__ = True
        chunk = run(self._runner, _next, self._chunks)
        if chunk is None:
            raise StopIteration
        return chunk


async def _next(chunks: Stream) -> bytes | None:
    __tracebackhide__ = True
    return await anext(chunks, None)


class SyncWebSocket:
    """A WebSocket, the client's side of it."""

    def __init__(self, socket: WebSocket, runner: asyncio.Runner) -> None:
        self.subprotocol = socket.subprotocol
        self._socket = socket
        self._runner = runner

    def send(self, data: str | bytes) -> None:
        """Send a text or a binary message."""
        __tracebackhide__ = True
        run(self._runner, self._socket.send, data)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it from the client's side; a second call does nothing."""
        run(self._runner, self._socket.close, code, reason)

    def receive(self) -> str | bytes:
        """Return the app's next message; raise `Disconnected` when it closes."""
        __tracebackhide__ = True
        return run(self._runner, self._socket.receive)


class Inspected:
    """An app under inspection: `with` gives a `Client`, `async with` an `AsyncClient`; the lifespan runs around it."""

    _watched_by: Callable[[], Sink] | None = None

    def __init__(self, app: ASGIApp, *, timeout: float = TIMEOUT, check: Level | None = "error") -> None:
        """Give the app `timeout` seconds for each message that is waited for.

        The block ends with `BrokenRuleError` where the app breaks a rule of ASGI: with "error" one of the
        specification itself, with "warning" one of HTTP, or a good practice, as well; never with None.
        """
        self._driver = AsyncClient(app, timeout=timeout, check=check)
        self._driver.watch = self._watched_by() if self._watched_by else None
        self._runner: asyncio.Runner | None = None

    async def __aenter__(self) -> AsyncClient:
        __tracebackhide__ = True
        return await self._driver.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        await self._driver.__aexit__(kind, error, stack)

    def __enter__(self) -> Client:
        __tracebackhide__ = True
        # With a factory it does not set, and at its end take away, the event loop that old code gets.
        self._runner = runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        try:
            run(runner, self._driver.__aenter__)
        except BaseException:
            runner.close()
            raise
        return Client(self._driver, runner)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        assert self._runner is not None  # noqa: S101  # entered
        with self._runner:
            run(self._runner, self._driver.__aexit__, kind, error, stack)

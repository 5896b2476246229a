"""What the pytest fixture `asgi_inspect` hands out: a driver for tests with `async`, and for those without."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

from asgictl.asgi import ASGIApp
from asgictl.inspector.client.call import Stream
from asgictl.inspector.client.driver import TIMEOUT, Driver, Headers
from asgictl.inspector.client.websocket import WebSocket
from asgictl.inspector.exchange import Exchange

T = TypeVar("T")


class AsyncClient(Driver):
    """Requests by the name of their method; see `Driver` for the rest."""

    async def get(self, target: str, **options: Any) -> Exchange:
        """Send GET, with the options of `request`."""
        return await self.request("GET", target, **options)

    async def post(self, target: str, **options: Any) -> Exchange:
        """Send POST, with the options of `request`."""
        return await self.request("POST", target, **options)


class Client:
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

    def request(self, method: str, target: str, **options: Any) -> Exchange:
        """Send a request, and return what was recorded; see `Driver.request`."""
        return self._run(self._driver.request(method, target, **options))

    def get(self, target: str, **options: Any) -> Exchange:
        """Send GET, with the options of `request`."""
        return self.request("GET", target, **options)

    def post(self, target: str, **options: Any) -> Exchange:
        """Send POST, with the options of `request`."""
        return self.request("POST", target, **options)

    @contextlib.contextmanager
    def stream(self, method: str, target: str, **options: Any) -> Iterator["SyncStream"]:
        """Send a request whose answer is read chunk by chunk; the client disconnects at the end of the block."""
        context = self._driver.stream(method, target, **options)
        with _entered(context, self._runner) as stream:
            yield SyncStream(stream, self._runner)

    @contextlib.contextmanager
    def websocket(
        self, target: str, *, headers: Headers = (), subprotocols: Sequence[str] = ()
    ) -> Iterator["SyncWebSocket"]:
        """Connect to a WebSocket; raise `Refused` when the app does not accept."""
        context = self._driver.websocket(target, headers=headers, subprotocols=subprotocols)
        with _entered(context, self._runner) as socket:
            yield SyncWebSocket(socket, self._runner)

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)


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
        async def following() -> bytes | None:
            return await anext(self._chunks, None)

        chunk = self._runner.run(following())
        if chunk is None:
            raise StopIteration
        return chunk


class SyncWebSocket:
    """A WebSocket, the client's side of it."""

    def __init__(self, socket: WebSocket, runner: asyncio.Runner) -> None:
        self.subprotocol = socket.subprotocol
        self.send = socket.send
        self.close = socket.close
        self._socket = socket
        self._runner = runner

    def receive(self) -> str | bytes:
        """Return the app's next message; raise `Disconnected` when it closes."""
        return self._runner.run(self._socket.receive())


class Inspected:
    """An app under inspection: `with` gives a `Client`, `async with` an `AsyncClient`; the lifespan runs around it."""

    def __init__(self, app: ASGIApp, *, timeout: float = TIMEOUT) -> None:
        """Give the app `timeout` seconds for each message that is waited for."""
        self._driver = AsyncClient(app, timeout=timeout)
        self._runner: asyncio.Runner | None = None

    async def __aenter__(self) -> AsyncClient:
        return await self._driver.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        await self._driver.__aexit__(kind, error, stack)

    def __enter__(self) -> Client:
        if asyncio._get_running_loop() is not None:  # noqa: SLF001  # documented, and raises nothing
            raise RuntimeError("in a test with `async`, use `async with asgi_inspect(app) as client:`")
        self._runner = runner = asyncio.Runner()
        try:
            runner.run(self._driver.__aenter__())
        except BaseException:
            runner.close()
            raise
        return Client(self._driver, runner)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        assert self._runner is not None  # noqa: S101  # entered
        with self._runner:
            self._runner.run(self._driver.__aexit__(kind, error, stack))


@contextlib.contextmanager
def _entered(context: contextlib.AbstractAsyncContextManager[T], runner: asyncio.Runner) -> Iterator[T]:
    """Enter an asynchronous context, and leave it, from code without `async`."""
    value = runner.run(_awaited(context.__aenter__()))
    try:
        yield value
    except BaseException as error:
        if not runner.run(_awaited(context.__aexit__(type(error), error, error.__traceback__))):
            raise
    else:
        runner.run(_awaited(context.__aexit__(None, None, None)))


async def _awaited(awaitable: Any) -> Any:
    return await awaitable

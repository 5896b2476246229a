"""What stands around a runtime in its tests."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from asgictl.adapt import Adaptation
from asgictl.asgi import ASGIApp, Receive, Scope, Send
from asgictl.discovery import AppRef
from asgictl.errors import AppLoadError
from asgictl.serving.app.in_flight import InFlight
from asgictl.serving.app.runtime import Runtime
from asgictl.serving.instructions import Instructions

HTTP: dict[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "path": "/a",
    "raw_path": b"/a",
    "query_string": b"",
    "client": ("127.0.0.1", 5000),
    "server": ("127.0.0.1", 80),
    "scheme": "http",
    "headers": [],
}
REFERENCE = AppRef(module="made", attribute="app", found="as named", file=Path("made.py"))
STREAM = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}


class Ended(BaseException):
    """The process would have ended."""


class Report(list[Any]):
    """What the process reports, in order."""

    def ready(self, kind: str | None, docs: str | None) -> None:
        """The app answers."""
        self.append(("ready", kind, docs))

    def stopped(self) -> None:
        """The process ends."""
        self.append("stopped")

    def worn(self) -> None:
        """The worker should be replaced."""
        self.append("worn")

    def closed(self) -> None:
        """No more clients."""
        self.append("closed")

    def failed(self, error: AppLoadError) -> None:
        """The app cannot be started."""
        self.append(("failed", error.message))

    def fatal(self, error: AppLoadError) -> None:
        """The app cannot be started, and the process ends now."""
        self.append(("fatal", error.message, error.hint))

    def note(self, text: str) -> None:
        """Something has happened."""
        self.append(("note", text))


Later = list[tuple[float, Callable[[], object]]]


def made(
    *, alone: bool = True, wrap: Callable[[ASGIApp], ASGIApp] | None = None, **instructions: Any
) -> tuple[Runtime, Report]:
    """Return a runtime, and what it reports."""
    built = Runtime(Instructions(REFERENCE, Adaptation(), **instructions), alone=alone, wrap=wrap)
    report = Report()
    built.report = report
    return built, report


async def hello(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer with the client and the scheme."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['client']} {scope['scheme']}".encode()})


async def nothing() -> Any:
    """Give no message, for ever."""
    await asyncio.sleep(60)


async def asked(built: Runtime, **scope: Any) -> list[Any]:
    """Return the messages of an answer."""
    heard: list[Any] = []

    async def send(message: Any) -> None:
        heard.append(message)

    await built({**HTTP, **scope}, nothing, send)
    return heard


def text_of(built: Runtime, **scope: Any) -> str:
    """Return the body of an answer."""
    text: str = asyncio.run(asked(built, **scope))[-1]["body"].decode()
    return text


class Task:
    """A call of the runtime that waits in the app."""

    def __init__(self, built: Runtime, app: ASGIApp, **scope: Any) -> None:
        self.heard: list[Any] = []
        self.exchange: InFlight | None = None
        self._began = asyncio.Event()

        async def begun(scope: Scope, receive: Receive, send: Send) -> None:
            self._began.set()
            await app(scope, receive, send)

        async def send(message: Any) -> None:
            self.heard.append(message)

        built._use(begun, "ASGI")
        built._stop.loop = asyncio.get_running_loop()
        self.task = asyncio.create_task(built({**HTTP, **scope}, nothing, send))

    async def began(self) -> None:
        """Wait until it is in the app and waits there."""
        async with asyncio.timeout(20):
            await self._began.wait()
        for _ in range(5):
            await asyncio.sleep(0)

    async def cancelled(self) -> bool:
        """Wait until it is over; tell whether it was cancelled."""
        async with asyncio.timeout(20):
            (result,) = await asyncio.gather(self.task, return_exceptions=True)
        return isinstance(result, asyncio.CancelledError)


async def waits(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Never answer."""
    await asyncio.sleep(60)


def answers(*messages: dict[str, Any]) -> ASGIApp:
    """Return an app that sends messages, and then waits."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        await waits(scope, receive, send)

    return app


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a test that is a coroutine."""

    async def limited() -> None:
        async with asyncio.timeout(30):
            await main()

    asyncio.run(limited())


async def drop(_message: Any) -> None:
    """Take a message."""

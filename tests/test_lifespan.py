"""The lifespan protocol between an app and uvicorn, case by case."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from asgictl.asgi import Receive, Send
from asgictl.errors import AppLoadError
from asgictl.serving.lifespan import Lifespan, Mode

UP, DOWN = "lifespan.startup", "lifespan.shutdown"
WHOLE = [f"{UP}.complete", f"{DOWN}.complete"]


class Watcher:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.stop_begun = False

    def startup_failed(self, error: AppLoadError) -> bool:
        self.said.append(f"failed: {error.message}")
        return False

    def startup_complete(self) -> None:
        self.said.append("started")

    def shutdown_began(self) -> None:
        self.said.append("stopping")

    def note(self, text: str) -> None:
        self.said.append(f"note: {text}")


App = Callable[[Receive, Send], Awaitable[None]]


def run(app: App, mode: Mode = "auto", *, cancelled: bool = False) -> tuple[list[str], list[str]]:
    """Run an app's lifespan; return what the server hears, and what the watcher is told."""
    watcher = Watcher()
    heard: list[str] = []
    incoming = [UP, DOWN]

    async def receive() -> dict[str, Any]:
        return {"type": incoming.pop(0)}

    async def send(message: Any) -> None:
        heard.append(message["type"])

    async def asgi(_scope: Any, receive: Receive, send: Send) -> None:
        await app(receive, send)

    async def main() -> None:
        task = asyncio.create_task(Lifespan(asgi, mode, watcher).run({"type": "lifespan"}, receive, send))
        if cancelled:
            await asyncio.sleep(0)
            watcher.stop_begun = True
            task.cancel()
        await task

    asyncio.run(main())
    return heard, watcher.said


async def _good(receive: Receive, send: Send) -> None:
    for kind in (UP, DOWN):
        assert (await receive())["type"] == kind
        await send({"type": f"{kind}.complete"})


async def _none(receive: Receive, send: Send) -> None:
    raise NotImplementedError


async def _returns(receive: Receive, send: Send) -> None:
    pass


async def _answers_a_request(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200})


async def _trips(receive: Receive, send: Send) -> None:
    await receive()
    raise KeyError("path")


async def _fails(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": f"{UP}.failed", "message": "Traceback\nRuntimeError: no database"})


async def _fails_and_stays(receive: Receive, send: Send) -> None:
    await _fails(receive, send)
    await asyncio.sleep(60)


async def _fails_without_a_word(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": f"{UP}.failed"})


async def _fails_and_raises(receive: Receive, send: Send) -> None:
    await _fails(receive, send)
    raise RuntimeError("no database")


async def _leaves_early(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": f"{UP}.complete"})


async def _raises_in_between(receive: Receive, send: Send) -> None:
    await _leaves_early(receive, send)
    raise RuntimeError("lost")


async def _fails_to_stop(receive: Receive, send: Send) -> None:
    await _leaves_early(receive, send)
    await receive()
    await send({"type": f"{DOWN}.failed", "message": "Traceback\nRuntimeError: still open"})


async def _raises_while_it_stops(receive: Receive, send: Send) -> None:
    await _leaves_early(receive, send)
    await receive()
    raise RuntimeError("still open")


async def _starts_twice(receive: Receive, send: Send) -> None:
    await _leaves_early(receive, send)
    await send({"type": f"{UP}.complete"})


HERE = "tests/test_lifespan.py"
CASES: dict[str, tuple[App, Mode, list[str], list[str]]] = {
    "an app that supports it": (_good, "on", WHOLE, ["started", "stopping"]),
    "an app that does not": (_none, "auto", WHOLE, ["started", "stopping"]),
    "an app that ignores it": (_returns, "auto", WHOLE, ["started", "stopping"]),
    "an app that answers it as a request": (_answers_a_request, "auto", WHOLE, ["started", "stopping"]),
    "an app that is not asked": (_good, "off", WHOLE, ["started", "stopping"]),
    "an app that leaves early": (_leaves_early, "auto", WHOLE, ["started", "stopping"]),
}
FAILED: dict[str, tuple[App, Mode, str]] = {
    "an app that says so": (_fails, "auto", "RuntimeError: no database"),
    "an app that says so and goes on": (_fails_and_stays, "auto", "RuntimeError: no database"),
    "an app that gives no reason": (_fails_without_a_word, "auto", "it gave no reason"),
    "an app that ignores what it must support": (_returns, "on", "it never said that it is complete"),
}


@pytest.mark.parametrize("case", CASES)
def test_goes_well(case: str) -> None:
    """The server always hears a whole lifespan, whatever the app makes of it."""
    app, mode, heard, said = CASES[case]

    assert run(app, mode) == (heard, said)


@pytest.mark.parametrize("case", FAILED)
def test_fails(case: str) -> None:
    """A startup that fails is told with its reason, and nothing else follows."""
    app, mode, reason = FAILED[case]

    assert run(app, mode) == ([f"{UP}.failed"], [f"failed: the app's startup failed: {reason}"])


@pytest.mark.parametrize(("app", "mode"), [(_fails_and_raises, "auto"), (_none, "on"), (_trips, "on")])
def test_fails_with_an_error(app: App, mode: Mode) -> None:
    """What the app raises is the reason, with the line where it did."""
    heard, (said,) = run(app, mode)

    assert heard == [f"{UP}.failed"]
    assert said.startswith("failed: the app's startup failed: ")
    assert f"({HERE}:" in said


@pytest.mark.parametrize(
    ("app", "note"),
    [
        (_trips, "note: the app is served without its lifespan, which ended early: KeyError: 'path' ("),
        (_raises_in_between, "note: the app's lifespan ended early: RuntimeError: lost ("),
        (_starts_twice, "note: the app's lifespan ended early: NotLifespanError: `lifespan.startup.complete` does not"),
        (_fails_to_stop, "note: the app's shutdown failed: RuntimeError: still open"),
        (_raises_while_it_stops, "note: the app's shutdown failed: RuntimeError: still open ("),
    ],
)
def test_what_goes_wrong_is_noted(app: App, note: str) -> None:
    """An app that goes wrong on the way is served and stopped all the same, with one note."""
    heard, said = run(app)

    assert heard == WHOLE
    assert [line for line in said if line.startswith(note)] == [line for line in said if line.startswith("note")]
    assert len(said) == 3


@pytest.mark.parametrize("swallows", [False, True], ids=["obeys", "swallows it"])
def test_a_stop_during_the_startup(swallows: bool) -> None:
    """A startup that is cancelled by a stop is not blamed on the app."""

    async def app(receive: Receive, send: Send) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if not swallows:
                raise

    assert run(app, cancelled=True) == ([f"{UP}.failed"], [])

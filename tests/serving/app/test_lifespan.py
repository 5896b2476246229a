"""The lifespan protocol between an app and uvicorn, case by case."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from asgictl.asgi import Receive, Send
from asgictl.console import Console
from asgictl.errors import AppLoadError
from asgictl.serving.app import lifespan
from asgictl.serving.app.lifespan import Lifespan
from asgictl.serving.request import LifespanMode

UP, DOWN = "lifespan.startup", "lifespan.shutdown"
WHOLE = [f"{UP}.complete", f"{DOWN}.complete"]


class Watcher:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.errors: list[AppLoadError] = []
        self.goes_on = False
        self.stop_begun = False

    def startup_failed(self, error: AppLoadError) -> bool:
        self.said.append(f"failed: {error.message}")
        self.errors.append(error)
        return self.goes_on

    def startup_complete(self) -> None:
        self.said.append("started")

    def shutdown_began(self) -> None:
        self.said.append("stopping")

    def note(self, text: str) -> None:
        self.said.append(f"note: {text}")


App = Callable[[Receive, Send], Awaitable[None]]


def run(
    app: App, mode: LifespanMode = "auto", *, cancelled: bool = False, watcher: Watcher | None = None
) -> tuple[list[str], list[str]]:
    """Run an app's lifespan; return what the server hears, and what the watcher is told."""
    watcher = watcher or Watcher()
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


HERE = "tests/serving/app/test_lifespan.py"
CASES: dict[str, tuple[App, LifespanMode, list[str], list[str]]] = {
    "an app that supports it": (_good, "on", WHOLE, ["started", "stopping"]),
    "an app that does not": (_none, "auto", WHOLE, ["started", "stopping"]),
    "an app that ignores it": (_returns, "auto", WHOLE, ["started", "stopping"]),
    "an app that answers it as a request": (_answers_a_request, "auto", WHOLE, ["started", "stopping"]),
    "an app that is not asked": (_good, "off", WHOLE, ["started", "stopping"]),
    "an app that leaves early": (_leaves_early, "auto", WHOLE, ["started", "stopping"]),
}
FAILED: dict[str, tuple[App, LifespanMode, str]] = {
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


SEE_MESSAGE, SEE_STACK = "add --traceback to see the whole message", "add --traceback to see the whole stack"
NO_LIFESPAN = "drop `--lifespan on` to serve an app without lifespan"


async def _fails_in_a_line(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": f"{UP}.failed", "message": " no database\n"})


async def _exits(receive: Receive, send: Send) -> None:
    await receive()
    raise SystemExit(4)


async def _interrupts(receive: Receive, send: Send) -> None:
    await receive()
    raise KeyboardInterrupt


async def _ends_otherwise(receive: Receive, send: Send) -> None:
    raise GeneratorExit("x")


async def _fails_in_a_group(receive: Receive, _send: Send) -> None:
    await receive()

    async def work() -> None:
        await asyncio.sleep(0)
        raise RuntimeError("no database")

    async with asyncio.TaskGroup() as group:
        group.create_task(work())  # and the body is done


# How it fails: the reason, the hint, and the last line of what there is to show beside it.
REASONS: dict[str, tuple[App, LifespanMode, str, str | None, str]] = {
    "a traceback": (_fails, "auto", "RuntimeError: no database", SEE_MESSAGE, "RuntimeError: no database"),
    "a line": (_fails_in_a_line, "auto", "no database", None, ""),
    "nothing": (_fails_without_a_word, "auto", "it gave no reason", None, ""),
    "a line where it must": (_fails_in_a_line, "on", "no database", None, ""),
    "no word at all where it must": (_returns, "on", "it never said that it is complete", NO_LIFESPAN, ""),
    "a message and an error": (
        _fails_and_raises,
        "auto",
        "RuntimeError: no database (HERE)",
        SEE_STACK,
        "RuntimeError: no database",
    ),
    "an error where it must": (_trips, "on", "KeyError: 'path' (HERE)", SEE_STACK, "KeyError: 'path'"),
    "no support where it must": (_none, "on", "NotImplementedError (HERE)", SEE_STACK, "NotImplementedError"),
    "a task of a group": (
        _fails_in_a_group,
        "on",
        "RuntimeError: no database (HERE)",
        SEE_STACK,
        "    +------------------------------------",
    ),
    "an interrupt": (_interrupts, "auto", "KeyboardInterrupt (HERE)", SEE_STACK, "KeyboardInterrupt"),
    "another end": (_ends_otherwise, "auto", "GeneratorExit: x (HERE)", SEE_STACK, "GeneratorExit: x"),
    "an exit": (_exits, "auto", "the app called `sys.exit(4)` (HERE)", SEE_STACK, "SystemExit: 4"),
}


def without_lines(text: str) -> str:
    """Return a text with `HERE` for each place in this file."""
    return re.sub(rf"{HERE}:\d+", "HERE", text)


@pytest.mark.parametrize("case", REASONS)
def test_the_reason(capsys: pytest.CaptureFixture[str], case: str) -> None:
    """A startup that fails is told with its reason, the line where it did, what to do, and the whole of it."""
    app, mode, reason, hint, last = REASONS[case]
    watcher = Watcher()

    assert run(app, mode, watcher=watcher)[0] == [f"{UP}.failed"]

    (error,) = watcher.errors
    assert without_lines(error.message) == f"the app's startup failed: {reason}"
    whole = error.failure.traceback if error.failure else ""
    assert (whole.splitlines() or [""])[-1] == last
    Console(environ={}).error(error)
    assert capsys.readouterr().err.splitlines()[1:] == ([f"hint: {hint}"] if hint else [])


@pytest.mark.parametrize("case", REASONS)
def test_goes_on_with_the_error(case: str) -> None:
    """Where the error can be shown instead of the app, the server hears a whole lifespan."""
    app, mode, *_ = REASONS[case]
    watcher = Watcher()
    watcher.goes_on = True

    heard, said = run(app, mode, watcher=watcher)

    assert (heard, said[1:]) == (WHOLE, ["started", "stopping"])


def test_a_failed_startup_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that goes on after it has said that its startup failed is ended, after a second."""
    monkeypatch.setattr(lifespan, "_FAILED_LIMIT", 0.01)

    assert run(_fails_and_stays) == ([f"{UP}.failed"], ["failed: the app's startup failed: RuntimeError: no database"])


def test_an_error_that_is_shown_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that says that its startup failed, and returns, is shown as its error for as long as it takes."""
    monkeypatch.setattr(lifespan, "_FAILED_LIMIT", 0)
    watcher = Watcher()
    watcher.goes_on = True
    heard: list[str] = []

    async def receive() -> dict[str, Any]:
        for _ in range(5):
            await asyncio.sleep(0.001 if heard else 0)
        return {"type": DOWN if heard else UP}

    async def send(message: Any) -> None:
        heard.append(message["type"])

    async def asgi(_scope: Any, receive: Receive, send: Send) -> None:
        await _fails(receive, send)

    asyncio.run(Lifespan(asgi, "auto", watcher).run({"type": "lifespan"}, receive, send))

    assert heard == WHOLE


async def _stops_before_it_starts(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": f"{DOWN}.complete"})


async def _fails_after_the_start(receive: Receive, send: Send) -> None:
    await _leaves_early(receive, send)
    await send({"type": f"{UP}.failed", "message": "late"})


async def _fails_to_stop_without_a_word(receive: Receive, send: Send) -> None:
    await _leaves_early(receive, send)
    await receive()
    await send({"type": f"{DOWN}.failed"})


async def _tells_and_raises(receive: Receive, send: Send) -> None:
    await _leaves_early(receive, send)
    await receive()
    await send({"type": f"{DOWN}.failed", "message": "Traceback\nRuntimeError: still open\na note"})
    raise RuntimeError("still open")


async def _tells_of_a_group(receive: Receive, send: Send) -> None:
    await _leaves_early(receive, send)
    await receive()
    await send({"type": f"{DOWN}.failed", "message": f"  | ExceptionGroup: g\n    | KeyError: 1\n    +{'-' * 36}\n"})


async def _dies_while_it_serves(receive: Receive, send: Send) -> None:
    await _leaves_early(receive, send)
    await send({"type": f"{DOWN}.failed", "message": "Traceback\nRuntimeError: lost"})
    raise RuntimeError("lost")


async def _says_that_it_dies(receive: Receive, send: Send) -> None:
    await _leaves_early(receive, send)
    await send({"type": f"{DOWN}.failed", "message": "Traceback\nRuntimeError: lost"})


UNSERVED = "; `--lifespan on` makes that an error, `--lifespan off` says nothing"
UNKNOWN = "NotLifespanError: `{}` does not belong in the lifespan protocol here"
NOTES: dict[str, tuple[App, str]] = {
    "trips": (
        _trips,
        f"the app is served without its lifespan, which ended early: KeyError: 'path' (HERE){UNSERVED}",
    ),
    "exits later": (_raises_in_between, "the app's lifespan ended early: RuntimeError: lost (HERE)"),
    "starts twice": (_starts_twice, f"the app's lifespan ended early: {UNKNOWN.format(f'{UP}.complete')} (HERE)"),
    "fails after the start": (
        _fails_after_the_start,
        f"the app's lifespan ended early: {UNKNOWN.format(f'{UP}.failed')} (HERE)",
    ),
    "fails to stop": (_fails_to_stop, "the app's shutdown failed: RuntimeError: still open"),
    "fails to stop without a word": (_fails_to_stop_without_a_word, "the app's shutdown failed: it gave no reason"),
    "tells and raises": (_tells_and_raises, "the app's shutdown failed: RuntimeError: still open (HERE)"),
    "tells of a group": (_tells_of_a_group, "the app's shutdown failed: KeyError: 1"),
    "dies while it serves": (_dies_while_it_serves, "the app's lifespan ended early: RuntimeError: lost (HERE)"),
    "says that it dies": (_says_that_it_dies, "the app's lifespan ended early: RuntimeError: lost"),
    "raises while it stops": (_raises_while_it_stops, "the app's shutdown failed: RuntimeError: still open (HERE)"),
}


@pytest.mark.parametrize("case", NOTES)
def test_what_goes_wrong_is_noted(case: str) -> None:
    """An app that goes wrong on the way is served and stopped all the same, with one note."""
    app, note = NOTES[case]
    heard, said = run(app)

    assert heard == WHOLE
    assert sorted(map(without_lines, said)) == sorted([f"note: {note}", "started", "stopping"])


def test_a_shutdown_before_the_start_is_none() -> None:
    """An app that says it has stopped before it was told to is taken for one without lifespan, without a word."""
    assert run(_stops_before_it_starts) == (WHOLE, ["started", "stopping"])


def closed(app: App, *, begun: int) -> tuple[bool, list[str], list[str]]:
    """Cancel a lifespan, as the loop does when it closes, after `begun` messages; return whether it was, and all said.

    The server has no message after the first.
    """
    watcher = Watcher()
    heard: list[str] = []

    async def main() -> bool:
        reached = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if begun == 0 or heard:
                reached.set()
                await asyncio.sleep(60)
            return {"type": UP}

        async def send(message: Any) -> None:
            heard.append(message["type"])

        async def asgi(_scope: Any, receive: Receive, send: Send) -> None:
            await app(receive, send)

        task = asyncio.create_task(Lifespan(asgi, "auto", watcher).run({"type": "lifespan"}, receive, send))
        async with asyncio.timeout(20):
            await reached.wait()
            task.cancel()
            return isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)

    return asyncio.run(main()), heard, watcher.said


async def _swallows(receive: Receive, send: Send) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await _good(receive, send)


async def _turns_it_into_an_error(receive: Receive, send: Send) -> None:
    try:
        await _good(receive, send)
    except asyncio.CancelledError:
        raise RuntimeError("still open") from None


@pytest.mark.parametrize("app", [_good, _swallows, _turns_it_into_an_error, _none])
def test_the_loop_closes(app: App) -> None:
    """When the loop closes while the app waits for the shutdown, the run ends at once, and nothing is said of it."""
    assert closed(app, begun=1) == (True, [f"{UP}.complete"], ["started"])


@pytest.mark.parametrize("app", [_good, _swallows, _turns_it_into_an_error])
def test_the_loop_closes_before_the_start(app: App) -> None:
    """The same holds while the app waits for the startup."""
    assert closed(app, begun=0) == (True, [], [])


def test_last_words_are_not_waited_for() -> None:
    """An app that goes on after its shutdown is complete may be cut off, without a word."""

    async def app(receive: Receive, send: Send) -> None:
        await _good(receive, send)
        current = asyncio.current_task()
        assert current is not None
        current.cancel()
        await asyncio.sleep(60)

    assert run(app) == (WHOLE, ["started", "stopping"])


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


def test_an_app_that_must_start_and_is_stopped() -> None:
    """A startup that has to complete, and is cancelled by a stop, is not blamed on the app either."""

    async def app(receive: Receive, send: Send) -> None:
        await asyncio.sleep(60)

    assert run(app, "on", cancelled=True) == ([f"{UP}.failed"], [])


@pytest.mark.parametrize("ends_by_itself", [False, True])
def test_a_startup_that_ends_after_the_stop_has_begun(ends_by_itself: bool) -> None:
    """An app that is ready too late is shut down, and uvicorn does not listen, where a successor may listen by now."""
    watcher = Watcher()
    seen: list[str] = []

    async def app(receive: Receive, send: Send) -> None:
        seen.append((await receive())["type"])
        watcher.stop_begun = True
        await send({"type": f"{UP}.complete"})
        if not ends_by_itself:
            seen.append((await receive())["type"])
            await send({"type": f"{DOWN}.complete"})

    assert run(app, watcher=watcher) == ([f"{UP}.failed"], ["started", "stopping"])
    assert seen == ([UP] if ends_by_itself else [UP, DOWN])

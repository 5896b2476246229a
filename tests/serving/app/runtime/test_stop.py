"""How the runtime stops: what is ended, what has the grace, and what is said to be left."""

import asyncio
import contextlib
import threading
from typing import Any

import pytest

from asgictl.asgi import ASGIApp, Receive, Scope, Send
from asgictl.serving import logs
from asgictl.serving.app import stop, stuck
from asgictl.serving.app.in_flight import InFlight, WebSocketExchange
from tests.serving.app.runtime.doubles import HTTP, STREAM, Task, answers, drop, made, nothing, run, waits


def test_a_request_that_is_cut_off() -> None:
    """A request that a stop cuts off before its answer gets a 503, has a line, and is counted as unfinished."""

    async def main() -> None:
        built, _ = made()
        lines: list[str] = []
        task = Task(built, waits)
        built._write = lines.append
        await task.began()
        built.stopping.begin()
        task.task.cancel()

        assert not await task.cancelled()

        assert task.heard == [
            {
                "type": "http.response.start",
                "status": 503,
                "headers": [(b"content-type", b"text/plain; charset=utf-8")],
            },
            {"type": "http.response.body", "body": b"The server is stopping.\n"},
        ]
        assert [line.split('" ')[1][:28] for line in lines] == ["503 Service Unavailable 24 B"]
        assert built._stop._unfinished_requests() == "1 request: GET /a"

    run(main)


@pytest.mark.parametrize(
    ("app", "scope"),
    [
        (answers({"type": "http.response.start", "status": 200, "headers": []}), {}),
        (answers({"type": "websocket.accept"}), {"type": "websocket"}),
        (waits, {"type": "websocket"}),
    ],
)
def test_an_answer_that_is_cut_off(app: ASGIApp, scope: dict[str, Any]) -> None:
    """An answer that has begun, or a WebSocket, is cut off without more, and counted."""

    async def main() -> None:
        built, _ = made()
        task = Task(built, app, **scope)
        await task.began()
        before = len(task.heard)
        built.stopping.begin()
        task.task.cancel()

        assert not await task.cancelled()

        assert len(task.heard) == before
        kind = "WebSocket" if scope else "GET"
        assert built._stop._cut_off == [{**HTTP, **scope}]
        assert built._stop._unfinished_requests().startswith("1 request: ")
        assert kind == "GET" or built._stop._cut_off[0]["type"] == "websocket"

    run(main)


def test_a_request_that_is_cancelled_otherwise() -> None:
    """Without a stop a cancelled request stays cancelled, as the server wants it."""

    async def main() -> None:
        built, _ = made()
        task = Task(built, waits)
        await task.began()
        task.task.cancel()

        assert await task.cancelled()
        assert (task.heard, built._stop._cut_off) == ([], [])

    run(main)


# The answer's method, whether with reload, and whether a stop ends it at once.
ENDLESS = [("GET", False, True), ("POST", False, False), ("POST", True, True), ("GET", True, True)]


@pytest.mark.parametrize(("method", "reload", "ends_at_once"), ENDLESS)
def test_event_streams(method: str, reload: bool, ends_at_once: bool) -> None:
    """A stop ends an event stream that has no end of its own at once, without counting it; a save ends them all."""

    async def main() -> None:
        built, report = made(reload=reload)
        task = Task(built, answers(STREAM), method=method)
        await task.began()
        assert task.heard == [STREAM]
        built.stopping._begun = True

        built._stop._begin()

        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert task.task.done() is ends_at_once
        assert report == ["stopped"]
        assert built._stop._unfinished_requests() == ("" if ends_at_once else f"1 request: {method} /a")
        task.task.cancel()
        await task.cancelled()

    run(main)


def test_other_answers_are_not_ended() -> None:
    """An ordinary answer that has begun has the grace."""

    async def main() -> None:
        built, _ = made()
        task = Task(built, answers({**STREAM, "headers": [(b"content-type", b"text/plain")]}))
        await task.began()
        built.stopping._begun = True
        built._stop._begin()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert not task.task.done()
        assert built._stop._unfinished_requests() == "1 request: GET /a"
        task.task.cancel()
        await task.cancelled()

    run(main)


@pytest.mark.parametrize(("begun", "ended"), [(True, True), (False, False)])
def test_a_stream_that_begins_late(begun: bool, ended: bool) -> None:
    """A stream that begins during the stop is told to connect anew and ended; while a worker drains it is only told."""

    async def main() -> None:
        built, _ = made()
        task = Task(built, answers(STREAM))
        built._stop.closing = True
        built.stopping._begun = begun
        await task.began()

        assert task.heard == [{**STREAM, "headers": [*STREAM["headers"], (b"connection", b"close")]}]  # type: ignore[misc]
        assert task.task.done() is ended
        task.task.cancel()
        await task.cancelled()

    run(main)


@pytest.mark.parametrize("reload", [True, False])
def test_websockets(monkeypatch: pytest.MonkeyPatch, reload: bool) -> None:
    """At the end of a stop WebSockets are ended with reload; without they have the grace."""

    async def main() -> None:
        built, report = made(reload=reload)
        monkeypatch.setattr(stop, "_UVICORN_HEEDS", 0)
        task = Task(built, answers({"type": "websocket.accept"}), type="websocket")
        await task.began()
        built.stopping._begun = built.stopping.ready = True

        built._stop._begin()

        for _ in range(4):
            await asyncio.sleep(0)
        assert (report, task.task.done()) == (["stopped", "closed"], reload)
        task.task.cancel()
        await task.cancelled()

    run(main)


@pytest.mark.parametrize(("opened", "seconds"), [(True, 0), (False, 0.15)])
def test_a_stop(monkeypatch: pytest.MonkeyPatch, opened: bool, seconds: float) -> None:
    """A stop first closes the doors, and says so at once, or when uvicorn has; it ends a startup that waits."""

    def close_doors() -> bool:
        calls.append("doors")
        return opened

    calls: list[object] = []

    async def main() -> None:
        built, report = made()
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(built.stopping, "close_doors", close_doors)
        monkeypatch.setattr(logs, "expect_cut_responses", lambda: calls.append("logs"))
        monkeypatch.setattr(loop, "call_later", lambda seconds, call: calls.append((seconds, call.__name__)))
        startup = asyncio.create_task(asyncio.Event().wait())
        built._startup.task = startup
        await asyncio.sleep(0)

        built._stop._begin()
        assert (calls, report, built._stop.closing) == (["doors", "logs"], ["stopped"], True)
        with contextlib.suppress(asyncio.CancelledError):
            await startup
        assert startup.cancelled()
        built._startup.task, built.stopping.ready = None, True
        built._stop._begin()
        assert calls[2:] == ["doors", "logs", (seconds, "closed")]

    run(main)


def test_draining() -> None:
    """A worker that drains accepts nobody, and has clients connect anew; before there is a loop it has none."""

    async def main() -> None:
        built, report = made(alone=False)
        built.drain()
        await asyncio.sleep(0)
        assert not built._stop.closing
        built._stop.loop = asyncio.get_running_loop()

        thread = threading.Thread(target=built.drain)
        thread.start()
        await asyncio.to_thread(thread.join, 20)

        assert (built._stop.closing, report) == (True, [])

    run(main)


def test_a_stop_wakes_what_waits() -> None:
    """What waits for a stop is woken by it."""
    built, _ = made()
    built.stopping.wait(0)
    built.stopping.begin()

    built.stopping.wait(60)


LEFT: dict[str, tuple[str, str]] = {
    "the import of the app": (stuck.LOADING, "the import of the app (main.py:3)"),
    "the startup of the app": (stuck.STARTING, "the startup of the app (main.py:3)"),
    "the app": (stuck.SERVING, "the app (main.py:3)"),
    "a thread in the end": (stuck.ENDING, "the thread `x` (main.py:9)"),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_it_is_stuck_in(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """What is not waited for any longer is named with its place, once."""
    doing, left = LEFT[case]
    monkeypatch.setattr(stuck, "end", lambda *_: "the thread `x` (main.py:9)")
    monkeypatch.setattr(stuck, "place", lambda _: " (main.py:3)")
    built, report = made(graceful_timeout=1.5)
    built._startup.doing = doing

    built._stuck()
    built._stuck()

    assert report == [("note", f"stopped after 1.5 s without waiting for {left}")]


def test_requests_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that are left are named rather than anything else: those cut off, then the one that blocks the loop."""
    monkeypatch.setattr(stuck, "end", lambda *_: "the thread `x`")

    async def main() -> None:
        built, report = made(graceful_timeout=8.0)
        waiting = Task(built, waits)
        await waiting.began()
        busy = InFlight({**HTTP, "path": "/busy"}, drop, built._stop)
        built._stop.in_flight[busy] = asyncio.current_task()
        built._stop.loop = asyncio.get_running_loop()

        assert built._stop._unfinished_requests() == "2 requests: GET /busy, ..."
        built._stop._cut_off.append({**HTTP, "method": "POST", "path": "/cut"})

        built.shutdown_began()

        assert report == [("note", "stopped after 8 s without waiting for 3 requests: POST /cut, ...")]
        busy.ended = True
        assert built._stop._unfinished_requests() == "2 requests: POST /cut, ..."
        waiting.task.cancel()
        await waiting.cancelled()
        assert built._stop.in_flight.keys() == {busy}

    run(main)


def test_a_request_whose_app_has_emptied_its_scope() -> None:
    """A request that is left is named as it was asked, and a stream ends at once, whatever its app does."""

    async def main() -> None:
        for messages, left in (((), "1 request: GET /a"), ((STREAM,), "")):
            built, _ = made()

            async def app(scope: Scope, receive: Receive, send: Send, sent: Any = messages) -> None:
                scope.clear()
                await answers(*sent)(scope, receive, send)

            task = Task(built, app)
            await task.began()
            built.stopping._begun = True
            built._stop._begin()

            assert built._stop._unfinished_requests() == left
            task.task.cancel()
            await task.cancelled()

    run(main)


def test_a_shutdown_that_leaves_nothing() -> None:
    """A shutdown that cuts nothing off says nothing."""
    built, report = made()

    built.shutdown_began()

    assert (report, built._startup.doing) == ([], "the shutdown of the app")


def test_a_websocket_that_is_left() -> None:
    """A WebSocket that is left is named as one."""
    scope = {"type": "websocket", "path": "/chat"}
    made_for = WebSocketExchange(scope, nothing, drop, made()[0]._stop)

    assert stuck.requests([made_for.scope]) == "1 request: WebSocket /chat"
    assert stuck.requests([]) == ""

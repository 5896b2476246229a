"""The ASGI application that uvicorn runs: it loads the user's app, owns the lifespan, and helps it to stop.

One process builds it and passes the object. A worker is told by name, `new_event_loop` and `create_app`,
and reads its instructions from the environment.
"""

import asyncio
import contextlib
import gc
import importlib
import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from types import AsyncGeneratorType, FrameType
from typing import Any, NamedTuple

from asgictl import adapt
from asgictl.asgi import ASGIApp, Message, Receive, Scope, Send
from asgictl.errors import AppLoadError
from asgictl.serving import logs, stopping
from asgictl.serving.lifespan import Lifespan, Mode
from asgictl.serving.readiness import ParentReport, Report
from asgictl.target import AppRef

VARIABLE = "ASGICTL_RUNTIME"

_LOADING = "the import of the app"
_STARTING = "the startup of the app"
_SERVING = "the app"
_ENDING = "the shutdown of the app"

# Uvicorn opens the door a few turns of the loop after it has heard that the startup is complete.
_DOOR_OPENS = 0.001

# It looks every 0.1 s whether to stop, and then first of all closes the door.
_DOOR_CLOSES = 0.15


class Instructions(NamedTuple):
    """What a process needs to know to load and run the app; times are in seconds.

    `later` names modules to import when the app is ready.
    """

    ref: AppRef
    how: adapt.Adaptation
    lifespan: Mode = "auto"
    grace: float = 8.0
    startup_timeout: float | None = None
    loop: str = "auto"
    later: Sequence[str] = ()

    def dumps(self, address: str) -> str:
        """Return the instructions and the parent's address as text for the environment."""
        fields = {**self._asdict(), "ref": self.ref._asdict(), "how": self.how._asdict(), "address": address}
        return json.dumps(fields, default=str)

    @classmethod
    def loads(cls, text: str) -> tuple["Instructions", str]:
        """Return the instructions and the parent's address from the text of `dumps`."""
        fields = json.loads(text)
        address = fields.pop("address")
        ref = AppRef(**{**fields.pop("ref"), "file": None})
        return cls(ref=ref, how=adapt.Adaptation(**fields.pop("how")), **fields), address


class Runtime:
    """The user's app, and around it what a good start and a good stop need."""

    def __init__(self, instructions: Instructions, *, forcible: bool) -> None:
        """Prepare to run as `instructions` say; set `report`, then `load`."""
        self.instructions = instructions
        self.stopping = stopping.Stopping(grace=instructions.grace, forcible=forcible, stuck=self._stuck)
        self.report: Report
        self.kind = ""
        self._app: ASGIApp
        self._requests: dict[asyncio.Task[Any], Scope] = {}
        self._streams: set[asyncio.Task[Any]] = set()
        self._cut_off: list[Scope] = []
        self._doing = _LOADING
        self._startup: asyncio.Task[Any] | None = None
        self._told_left = False
        self._door_open = False

    def load(self) -> None:
        """Import and adapt the user's app; raise `AppLoadError`, or `Stopped` when a signal comes first."""
        if limit := self.instructions.startup_timeout:
            timer = threading.Timer(limit, self._late, (limit,))
            timer.daemon = True
            timer.start()
        with self.stopping.loading():
            adapted = adapt.adapt(self.instructions.ref, self.instructions.how)
        self._app, self.kind = adapted.app, adapted.kind
        self._doing = _STARTING

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, or run the lifespan."""
        if scope["type"] == "lifespan":
            self._begin_startup()
            await Lifespan(self._app, self.instructions.lifespan, self).run(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # uvicorn runs every connection as a task
        self._requests[task] = scope
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": list(message.get("headers", ()))}
                if _is_event_stream(message):
                    self._streams.add(task)
                    if self.stopping.begun:
                        task.cancel()
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except asyncio.CancelledError:
            if not self.stopping.begun:
                raise
            if task in self._streams:
                with contextlib.suppress(RuntimeError):  # uvicorn's, when a Content-Length promised more
                    await send({"type": "http.response.body", "body": b""})
                return
            self._cut_off.append(scope)
            if not started and scope["type"] == "http":
                await _answer_unavailable(send)
        finally:
            del self._requests[task]
            self._streams.discard(task)

    @property
    def stop_begun(self) -> bool:
        """Whether the process was asked to stop."""
        return self.stopping.begun

    def startup_failed(self, error: AppLoadError) -> None:
        """Pass on why the app has not started."""
        self.report.failed(error)

    def startup_complete(self) -> None:
        """Note that the app has started, and say so when uvicorn accepts its clients."""
        self._doing = _SERVING
        self._startup = None
        asyncio.get_running_loop().call_later(_DOOR_OPENS, self._door_opens)

    def _door_opens(self) -> None:
        self._door_open = True
        if self.stopping.begun:
            self._close_door()
            return
        self.stopping.ready = True
        self.report.ready(self.kind)
        for module in self.instructions.later:
            threading.Thread(target=importlib.import_module, args=(module,), daemon=True).start()

    def shutdown_began(self) -> None:
        """Say which requests were cut off, now that uvicorn has given up waiting for them."""
        self._doing = _ENDING
        self._tell_left(self._unfinished_requests())

    def note(self, text: str) -> None:
        """Pass on what users should know."""
        self.report.note(text)

    def _begin_startup(self) -> None:
        gc.enable()
        loop = asyncio.get_running_loop()
        self._startup = asyncio.current_task()
        self.stopping.notify(lambda: loop.call_soon_threadsafe(self._begin_stop))
        self.stopping.take_over()

    def _begin_stop(self) -> None:
        """Cancel what would not end by itself: a startup that waits, and event streams."""
        logs.expect_cut_responses()
        if not self.stopping.ready:
            self.report.stopped()
        if self._startup is not None:
            self._startup.cancel()
        for task in self._streams:
            task.cancel()
        if self._door_open:
            self._close_door()

    def _close_door(self) -> None:
        asyncio.get_running_loop().call_later(_DOOR_CLOSES, self.report.closed)

    def _stuck(self) -> None:
        left = self._unfinished_requests() or self._unfinished_thread()
        self._tell_left(left or f"{self._doing}{self._place()}")

    def _tell_left(self, left: str) -> None:
        if left and not self._told_left:
            self._told_left = True
            self.report.note(f"stopped after {self.instructions.grace:g} s without waiting for {left}")

    def _unfinished_requests(self) -> str:
        running = [scope for task, scope in list(self._requests.items()) if task not in self._streams]
        scopes = self._cut_off + running
        if not scopes:
            return ""
        first = f"{scopes[0].get('method', 'WebSocket')} {scopes[0]['path']}"
        return f"1 request: {first}" if len(scopes) == 1 else f"{len(scopes)} requests: {first}, ..."

    def _unfinished_thread(self) -> str:
        if self._doing != _ENDING:
            return ""
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                return f"the thread `{thread.name}`{_place(_stack(thread.ident))}"
        return ""

    def _late(self, limit: float) -> None:
        if self.stopping.ready or self.stopping.begun:
            return
        problem = f"the app was not ready after {limit:g} s: {self._doing} had not ended{self._place()}"
        self.report.fatal(AppLoadError(problem, hint="raise --startup-timeout, or see what takes so long there"))
        stopping.end(AppLoadError.exit_status)

    def _place(self) -> str:
        """Say where the startup waits, or where the main thread is, in the user's code."""
        waiting = _place(_awaited(self._startup)) if self._startup else ""
        return waiting or _place(_stack(threading.main_thread().ident))


async def _answer_unavailable(send: Send) -> None:
    """Answer a request that has outlived the grace limit (RFC 9110 section 15.6.4)."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b"The server is stopping.\n"})


def _is_event_stream(start: Message) -> bool:
    """Tell whether a response will be Server-Sent Events, which end only when one side wants it."""
    return any(
        value.startswith(b"text/event-stream") for name, value in start["headers"] if name.lower() == b"content-type"
    )


def _place(frames: Iterator[tuple[str, int]]) -> str:
    place = adapt.users_place(frames)
    return f" ({place})" if place else ""


def _stack(thread: int | None) -> Iterator[tuple[str, int]]:
    """Yield the files and lines that a thread is in, outermost first."""
    frame = sys._current_frames().get(thread or 0)  # noqa: SLF001  # the documented way to another thread's stack
    yield from ((entry.filename, entry.lineno or 0) for entry in traceback.extract_stack(frame) if frame)


def _awaited(task: asyncio.Task[Any]) -> Iterator[tuple[str, int]]:
    """Yield the files and lines where a task waits, outermost first."""
    waiting: Any = task.get_coro()
    while waiting is not None:
        frame: FrameType | None = getattr(waiting, "cr_frame", None) or getattr(waiting, "ag_frame", None)
        if frame is not None:
            yield frame.f_code.co_filename, frame.f_lineno
        inner = getattr(waiting, "cr_await", None) or getattr(waiting, "ag_await", None)
        # `anext()` of an asynchronous generator does not tell whose it is, but the garbage collector knows.
        waiting = next((it for it in gc.get_referents(inner) if isinstance(it, AsyncGeneratorType)), inner)


_runtime: Runtime


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Load the app as the environment says, then return the event loop for it.

    Uvicorn calls this in each worker, as its loop factory, before any loop runs: the user's imports find
    the same world there as in one process. The process ends with status 3 when the app cannot be loaded.
    """
    global _runtime  # noqa: PLW0603  # `create_app` is called by name too, and has no other way to it
    instructions, address = Instructions.loads(os.environ[VARIABLE])
    _runtime = Runtime(instructions, forcible=False)
    try:
        report = ParentReport(address, stop=_stop_worker, orphaned=stopping.request)
    except (OSError, EOFError):  # the parent is gone
        stopping.end(AppLoadError.exit_status)
    _runtime.report = report
    try:
        _runtime.load()
    except AppLoadError as error:
        report.failed(error)
        stopping.end(AppLoadError.exit_status)
    except stopping.Stopped:
        report.stopped()
        stopping.end(AppLoadError.exit_status)
    import uvicorn

    # Two workers, so that the choice is the one uvicorn makes for a child.
    config = uvicorn.Config("", loop=instructions.loop, workers=2, log_config=None)
    factory = config.get_loop_factory() or asyncio.new_event_loop
    return factory()


def create_app() -> Runtime:
    """Return the app that `new_event_loop` has loaded."""
    return _runtime


def _stop_worker(grace: float) -> None:
    """Stop this worker within `grace` seconds, without waiting for uvicorn's supervisor to say so."""
    _runtime.stopping.begin(grace)
    stopping.request()

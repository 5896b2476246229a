"""The ASGI application that uvicorn runs: it loads the user's app, owns the lifespan, and helps it to stop."""

import asyncio
import gc
import importlib
import threading
from typing import Any

from asgictl import adapt
from asgictl.asgi import ASGIApp, Message, Receive, Scope, Send
from asgictl.errors import AppLoadError
from asgictl.serving import logs, stopping, whereabouts
from asgictl.serving.instructions import Instructions
from asgictl.serving.lifespan import Lifespan
from asgictl.serving.readiness import Report

_LOADING = "the import of the app"
_STARTING = "the startup of the app"
_SERVING = "the app"
_ENDING = "the shutdown of the app"

# Uvicorn looks every 0.1 s whether to stop, and then first of all closes its copy of the listening socket.
_DOOR_CLOSES = 0.15


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

    def load(self) -> None:
        """Import and adapt the user's app; raise `AppLoadError`, or `Stopped` when a signal comes first."""
        if limit := self.instructions.startup_timeout:
            stopping.later(limit, self._late)
        gc.enable()
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
                if scope["method"] == "GET" and _is_event_stream(message):
                    self._streams.add(task)
                    if self.stopping.begun:
                        task.cancel()
            elif task in self._streams and not message.get("more_body"):
                self._streams.discard(task)
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except asyncio.CancelledError:
            if not self.stopping.begun:
                raise
            if task not in self._streams:
                await self._cut(scope, None if started else send)
        finally:
            del self._requests[task]
            self._streams.discard(task)

    async def _cut(self, scope: Scope, send: Send | None) -> None:
        """Note a request that is cut off; answer it with `send` where nothing has been answered yet."""
        self._cut_off.append(scope)
        if send is not None and scope["type"] == "http":
            await _answer_unavailable(send)

    @property
    def stop_begun(self) -> bool:
        """Whether the process was asked to stop."""
        return self.stopping.begun

    def startup_failed(self, error: AppLoadError) -> None:
        """Pass on why the app has not started."""
        self.report.failed(error)

    def startup_complete(self) -> None:
        """Note that the app answers, and say so."""
        self._doing = _SERVING
        self._startup = None
        if self.stopping.begun:
            return
        self.stopping.ready = True
        self.report.ready(self.kind)
        for module in self.instructions.imports:
            threading.Thread(target=importlib.import_module, args=(module,), daemon=True).start()

    def shutdown_began(self) -> None:
        """Say which requests were cut off, now that uvicorn has given up waiting for them."""
        self._doing = _ENDING
        self._tell_left(self._unfinished_requests())

    def note(self, text: str) -> None:
        """Pass on what users should know."""
        self.report.note(text)

    def ended(self) -> None:
        """Note that uvicorn is done: whatever still runs now only holds the end of the process up."""
        self._doing = _ENDING
        self.stopping.begin(stopping.LAST_WORDS)

    def _begin_startup(self) -> None:
        loop = asyncio.get_running_loop()
        self._startup = asyncio.current_task()
        self.stopping.notify(lambda: loop.call_soon_threadsafe(self._begin_stop))
        self.stopping.take_over()

    def _begin_stop(self) -> None:
        """Cancel what would not end by itself: a startup that waits, and event streams, whose clients come again."""
        logs.expect_cut_responses()
        for task in self._streams:
            task.cancel()
        if self._startup is not None:
            self._startup.cancel()
        if self.stopping.ready:
            asyncio.get_running_loop().call_later(_DOOR_CLOSES, self.report.closed)
        else:
            self.report.stopped()

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
                return f"the thread `{thread.name}`{whereabouts.of_thread(thread.ident)}"
        return ""

    def _late(self) -> None:
        if self.stopping.ready or self.stopping.begun:
            return
        try:
            limit = f"{self.instructions.startup_timeout:g} s"
            problem = f"the app was not ready after {limit}: {self._doing} had not ended{self._place()}"
            hint = "raise --startup-timeout, or see what takes so long there"
            self.report.fatal(AppLoadError(problem, hint=hint))
        finally:
            stopping.end(AppLoadError.exit_status)

    def _place(self) -> str:
        """Say where the startup waits, or where the main thread is, in the user's code."""
        waiting = whereabouts.of_task(self._startup) if self._startup else ""
        return waiting or whereabouts.of_thread()


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

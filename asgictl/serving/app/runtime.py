"""The ASGI application that uvicorn runs: it loads the user's app, owns the lifespan, and helps it to stop."""

import asyncio
import importlib
import ssl
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from asgictl import adapt
from asgictl.asgi import ASGIApp, Receive, Scope, Send
from asgictl.errors import AppLoadError
from asgictl.serving import logs
from asgictl.serving.app import access_log, stuck
from asgictl.serving.app.error_page import ErrorPage
from asgictl.serving.app.in_flight import InFlight, WebSocketExchange
from asgictl.serving.app.lifespan import Lifespan
from asgictl.serving.app.log_writer import LogWriter
from asgictl.serving.instructions import Instructions
from asgictl.serving.processes import stopping

if TYPE_CHECKING:
    from asgictl.serving.processes.messages import Report

_LOADING = "the import of the app"
_STARTING = "the startup of the app"
_SERVING = "the app"
_ENDING = "the shutdown of the app"

# The first requests do not have to share the interpreter with an import; in seconds.
_CALM = 0.5

# An import that takes longer is told, in seconds.
_LONG_IMPORT = 5.0

# A process that works for less of the time than this waits for something itself.
_IDLE = 0.1

# Uvicorn looks every 0.1 s whether to stop, and then first of all closes its copy of the listening socket.
_DOOR_CLOSES = 0.15

# How long a worker that cannot start waits before it ends, in seconds.
_RETRY = 2.0

# What uvicorn's middleware for proxies looks at. It also looks whether the client is one, which takes longer.
_FORWARDED = frozenset((b"x-forwarded-for", b"x-forwarded-proto"))

# Workers that start together and share the load would also reach `--max-requests` together.
_SPREAD = 0.1


class Runtime:
    """The user's app, and around it what a good start and a good stop need."""

    def __init__(
        self, instructions: Instructions, *, alone: bool, wrap: Callable[[ASGIApp], ASGIApp] | None = None
    ) -> None:
        """Prepare to run as `instructions` say, `alone` or below a parent; set `report`, then `load`.

        `wrap` puts something around the user's app.
        """
        self.instructions = instructions
        self._wrap = wrap
        self.stopping = stopping.Stopping(grace=instructions.graceful_timeout, alone=alone, stuck=self._stuck)
        self.report: Report
        self.kind: str | None = None
        self._docs: str | None = None
        self._untold: AppLoadError | None = None
        self._app: ASGIApp
        self._line = access_log.line(instructions.access_log or access_log.AccessLog())
        self._write: Callable[[str], object] | None = None
        self._writer: LogWriter | None = None
        self._proxied: Any = None
        self._cut_off: list[Scope] = []
        self._doing = _LOADING
        self._startup: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closing = False
        self._told_left = False
        self._told_to_stop = threading.Event()
        self.stopping.notify(self._told_to_stop.set)

    def load(self, *, broken: str | None = None) -> None:
        """Import and adapt the user's app; raise `AppLoadError`, or `Stopped` when a signal comes first.

        With `broken`, which says why, the app is not even tried.
        """
        importlib.import_module(
            "uvicorn.middleware.proxy_headers"
        )  # before a `uvicorn.py` of the user's is in its place
        if limit := self.instructions.startup_timeout:
            stopping.later(limit, self._late)
        stopping.later(_LONG_IMPORT, self._tell_long_import)
        with self.stopping.loading():
            try:
                if broken:
                    self._show(AppLoadError(broken))
                else:
                    self._use(*adapt.adapt(self.instructions.ref, self.instructions.how))
            except AppLoadError as error:
                if not self.instructions.reload:
                    raise
                self.report.failed(error)
                self._show(error)
        self._doing = _STARTING

    def ssl_context(self, config: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """Return the context for HTTPS, as uvicorn's `ssl_context_factory`; it follows its files."""
        from asgictl.serving.tls import ssl_context

        minimum = self.instructions.tls_min
        assert minimum is not None  # noqa: S101  # or uvicorn would not ask
        return ssl_context.context(
            config, default, minimum=minimum, note=self.report.note, stopping=lambda: self.stopping.begun
        )

    def _use(self, app: ASGIApp, kind: str | None, docs: str | None = None) -> None:
        """Answer with `app` from here on."""
        self._docs = docs
        if self.instructions.max_requests:
            app = self._counted(app, self.instructions.max_requests)
        if self._wrap is not None:
            app = self._wrap(app)
        self._app, self.kind = app, kind
        self._proxied = None
        if self.instructions.proxies and kind is not None:
            from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

            self._proxied = ProxyHeadersMiddleware(app, self.instructions.proxies)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, or run the lifespan."""
        kind = scope["type"]
        app = self._app
        if kind == "lifespan":
            self._begin_startup()
            mode = self.instructions.lifespan if self.kind is not None else "off"
            await Lifespan(app, mode, self).run(scope, receive, send)
            return
        if self._proxied is not None and not _FORWARDED.isdisjoint(dict(scope["headers"])):
            app = self._proxied
        exchange: InFlight
        if kind == "http":
            exchange = InFlight(scope, send, self)
        else:
            exchange = websocket = WebSocketExchange(scope, receive, send, self)
            receive = websocket.receive
        try:
            await app(scope, receive, exchange.send)
        except asyncio.CancelledError:
            if not self.stopping.begun:
                raise
            if not exchange.ended:
                await self._cut(exchange)
        except (SystemExit, KeyboardInterrupt):
            if self._writer is not None:
                self._writer.hurry()
            raise
        finally:
            if not exchange.over:
                exchange.end()

    def begin_late_answer(self, exchange: InFlight) -> None:
        """Ask for a new connection next time; end a stream that begins when the stop has begun."""
        exchange.ask_to_close()
        if self.stopping.begun and self._is_endless(exchange):
            self._end_those(lambda other: other is exchange)

    def complete(self, exchange: InFlight) -> None:
        """Write the line of an exchange that is complete; whatever is wrong with it, the answer goes on."""
        if self._write is not None:
            try:
                self._write(self._line(exchange))
            except Exception as error:  # noqa: BLE001  # a template may meet what no check has foreseen
                self.report.note(f"no line for {exchange.scope['path']!r} in the access log: {error!r}")

    async def _cut(self, exchange: InFlight) -> None:
        """Note a request that is cut off, and answer it where nothing has been answered yet."""
        self._cut_off.append(exchange.scope)
        if exchange.scope["type"] == "http" and not exchange.status:
            # RFC 9110 section 15.6.4
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await exchange.send({"type": "http.response.start", "status": 503, "headers": headers})
            await exchange.send({"type": "http.response.body", "body": b"The server is stopping.\n"})

    @property
    def stop_begun(self) -> bool:
        """Whether the process was asked to stop."""
        return self.stopping.begun

    def startup_failed(self, error: AppLoadError) -> bool:
        """Pass on why the app has not started; tell whether to go on without it."""
        self.report.failed(error)
        if self.instructions.reload:
            self._show(error)
            return True
        if not self.stopping.alone:
            self.give_up()
        self._untold = error
        self.stopping.begin(2 * stopping.LAST_WORDS)  # the end of the loop waits for threads that may never end
        return False

    def give_up(self) -> NoReturn:
        """End this worker, which cannot start; not at once, because it will be started again and again."""
        self._told_to_stop.wait(_RETRY)
        stopping.end(self.stopping.failed)

    def _show(self, error: AppLoadError) -> None:
        """Answer every request with `error` instead of the app."""
        self._use(ErrorPage(error, self.instructions.show_errors), None)

    def startup_complete(self) -> None:
        """Note that the app answers, and say so."""
        self._doing = _SERVING
        self._startup = None
        if self.stopping.begun:
            return
        self.stopping.ready = True
        self.report.ready(self.kind, self._docs)
        if self.instructions.reload and (self.kind or "").startswith("Django"):
            stopping.later(0, self._tell_migrations)
        for module in self.instructions.imports:
            stopping.later(_CALM, partial(importlib.import_module, module))

    def shutdown_began(self) -> None:
        """Say which requests were cut off, now that uvicorn has given up waiting for them."""
        self._doing = _ENDING
        self._tell_left(self._unfinished_requests())

    def note(self, text: str) -> None:
        """Pass on what users should know."""
        self.report.note(text)

    def drain(self) -> None:
        """Accept no more clients, and have those that are there connect anew: elsewhere, from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin_drain)

    def ended(self) -> None:
        """Note that uvicorn is done: whatever still runs now only holds the end of the process up."""
        self._doing = _ENDING
        self._untold = None
        self.stopping.begin(stopping.LAST_WORDS)
        if self._writer is not None:
            self._writer.finish()

    def _begin_startup(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._startup = asyncio.current_task()
        self.stopping.notify(lambda: loop.call_soon_threadsafe(self._begin_stop))
        if self.instructions.access_log:
            self._writer = LogWriter(1, lock=self.instructions.access_log.lock, complain=self.report.note)
            self._write = self._writer.write
            self.stopping.notify(self._writer.hurry)
            stopping.at_end.append(partial(self._writer.finish, 0.1))
        self.stopping.take_over()

    def _begin_drain(self) -> None:
        self.closing = True
        self.stopping.close_doors()

    def _begin_stop(self) -> None:
        """Cancel what would not end by itself: a startup that waits, and event streams, whose clients come again."""
        self._begin_drain()  # before uvicorn does, so that who has just come in is still heard
        logs.expect_cut_responses()
        self._end_those(self._is_endless)
        if self._startup is not None:
            self._startup.cancel()
        self.report.stopped()
        if self.stopping.ready:
            asyncio.get_running_loop().call_later(_DOOR_CLOSES, self._door_closed)

    def _door_closed(self) -> None:
        self.report.closed()
        if self.instructions.reload:  # uvicorn has said 1012 to the WebSockets' clients by now
            self._end_those(lambda exchange: exchange.scope["type"] == "websocket")

    def _is_endless(self, exchange: InFlight) -> bool:
        """Tell whether a response that has begun ends only when one side wants it."""
        return exchange.is_event_stream and (self.instructions.reload or exchange.scope["method"] == "GET")

    def _end_those(self, wanted: Callable[[InFlight], bool]) -> None:
        for task, exchange in stuck.exchanges(self._loop):
            if wanted(exchange):
                exchange.ended = True
                task.cancel()

    def _counted(self, app: ASGIApp, limit: int) -> ASGIApp:
        """Return `app`, which after `limit` requests, and up to a tenth more, asks for this worker to be replaced."""
        import random

        left = limit + random.randint(0, int(limit * _SPREAD))  # noqa: S311  # no secret

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal left
            if scope["type"] != "lifespan":
                left -= 1
                if left == 0:
                    self.report.worn()
            await app(scope, receive, send)

        return counted

    def _stuck(self) -> None:
        if self._untold is not None:
            self.report.fatal(self._untold)
            return
        left = self._unfinished_requests() or (stuck.thread() if self._doing == _ENDING else "")
        self._tell_left(left or f"{self._doing}{stuck.place(self._startup)}")

    def _tell_left(self, left: str) -> None:
        if left and not self._told_left:
            self._told_left = True
            self.report.note(f"stopped after {self.stopping.grace:g} s without waiting for {left}")

    def _unfinished_requests(self) -> str:
        waiting = [exchange for _, exchange in stuck.exchanges(self._loop) if not exchange.ended]
        busy = stuck.running()
        left = [*([busy] if busy and not busy.ended else []), *waiting]
        return stuck.requests([*self._cut_off, *(exchange.scope for exchange in left)])

    def _tell_migrations(self) -> None:
        from asgictl.serving import django_checks

        if note := django_checks.unapplied():
            self.report.note(note)

    def _tell_long_import(self) -> None:
        """Name the line in which an import waits, or works, for long; not one that other processes hold up."""
        began = time.monotonic() - _LONG_IMPORT
        while self._doing == _LOADING and not self.stopping.begun:
            passed, worked = time.monotonic() - began, time.process_time()
            if worked >= _LONG_IMPORT or worked < passed * _IDLE:
                place = stuck.place(None)
                self.report.note(f"{self._doing} has taken {passed:.0f} s so far{place}{stuck.advice()}")
                return
            self._told_to_stop.wait(1)

    def _late(self) -> None:
        if self.stopping.ready or self.stopping.begun:
            return
        try:
            limit = f"{self.instructions.startup_timeout:g} s"
            place = stuck.place(self._startup)
            problem = f"the app was not ready after {limit}: {self._doing} had not ended{place}"
            hint = "raise --startup-timeout, or see what takes so long there"
            self.report.fatal(AppLoadError(problem, hint=hint))
        finally:
            stopping.end(self.stopping.failed)

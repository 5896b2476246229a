"""The ASGI application that uvicorn runs: it loads the user's app, owns the lifespan, and helps it to stop."""

import asyncio
import contextlib
import ssl
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from asgictl import adapt, errors, failure
from asgictl.asgi import ASGIApp, Receive, Scope, Send
from asgictl.errors import AppLoadError, StartError
from asgictl.serving import logs, protocols
from asgictl.serving.app import access_log, slow_start, stuck
from asgictl.serving.app.error_page import ErrorPage
from asgictl.serving.app.in_flight import InFlight, RefusedHead, WebSocketExchange
from asgictl.serving.app.lifespan import Lifespan
from asgictl.serving.app.log_writer import LogWriter
from asgictl.serving.app.stop import Stop
from asgictl.serving.instructions import Instructions
from asgictl.serving.processes import exits, forks, stopping
from asgictl.serving.sockets import descriptors, request_head

if TYPE_CHECKING:
    from asgictl.serving.processes.messages import Report

# How long a worker that cannot start waits before it ends, in seconds.
_RETRY = 2.0

# What uvicorn's middleware for proxies looks at. It also looks whether the client is one, which takes longer.
_FORWARDED = frozenset((b"x-forwarded-for", b"x-forwarded-proto"))


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
        grace, drain = instructions.graceful_timeout, instructions.drain
        self.stopping = stopping.Stopping(grace, drain, alone=alone, stuck=self._stuck)
        self.report: Report
        self.kind: str | None = None
        self._docs: str | None = None
        self._untold: AppLoadError | None = None
        self._app: ASGIApp
        log = instructions.access_log or access_log.AccessLog()
        self._line = access_log.line(log)
        self._log_reads_headers = log.reads_headers
        self._write: Callable[[str], object] | None = None
        self._writer: LogWriter | None = None
        self._proxied: Any = None
        self._page: ErrorPage | None = None
        self._limits_heads = True
        self._startup = stuck.Startup()
        self._logging = logs.AppLogging()
        self._stop = Stop(
            instructions, self.stopping, lambda: self.report, startup=self._startup, complete=self._write_line
        )
        self._in_flight = self._stop.in_flight
        self.drain = self._stop.drain

    def load(self, *, broken: str | None = None) -> None:
        """Import and adapt the user's app; raise `AppLoadError`, or `Stopped` when a signal comes first.

        With `broken`, which says why, the app is not even tried.
        """
        given = self.instructions
        protocols.import_before(given.ref.path, needed=given.needed, later=given.later, secure=bool(given.tls_min))
        slow_start.watch(self._startup, self.stopping, lambda: self.report, limit=self.instructions.startup_timeout)
        with self.stopping.loading():
            try:
                if broken:
                    self._show(AppLoadError(broken))
                else:
                    with forks.kept_out():
                        adapted = adapt.adapt(self.instructions.ref, self.instructions.how)
                    self._use(adapted.app, adapted.kind, adapted.docs)
            except AppLoadError as error:
                if not self.instructions.reload:
                    raise
                self.report.failed(error)
                self._show(error)
        self._startup.doing = stuck.STARTING

    def ssl_context(self, config: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """Return the context for HTTPS, as uvicorn's `ssl_context_factory`; it follows its files."""
        from asgictl.serving.tls import ssl_context

        minimum = self.instructions.tls_min
        assert minimum is not None  # noqa: S101  # or uvicorn would not ask
        return ssl_context.context(config, default, minimum=minimum, note=self.report.note, stopping=self._is_stopping)

    def _is_stopping(self) -> bool:
        """Tell whether a stop has begun, before the lifespan hears of it: while uvicorn still makes the context."""
        self.stopping.take_over()
        return self.stopping.begun

    def http_protocol(self, **arguments: Any) -> asyncio.Protocol:
        """Return what speaks HTTP on one connection, within the limits for the head of a request; uvicorn's `http`."""
        given = self.instructions
        inner: asyncio.Protocol = protocols.http_class(given.http)(**arguments)
        if not request_head.can_limit(inner):
            if self._limits_heads:
                self.report.note("--header-timeout and --max-header-size do nothing with the installed uvicorn")
            self._limits_heads = False
            return inner
        return request_head.LimitedHead(
            inner,
            arguments["server_state"],
            seconds=given.header_timeout,
            size=given.max_header_size,
            refused=lambda refusal: self._write_line(RefusedHead(*refusal)),
        )

    def _use(self, app: ASGIApp, kind: str | None, docs: str | None = None) -> None:
        """Answer with `app` from here on."""
        self._docs = docs
        if self.instructions.max_requests:
            from asgictl.serving.app import max_requests

            app = max_requests.counted(app, self.instructions.max_requests, self.report.worn)
        if self._wrap is not None:
            app = self._wrap(app)
        self._app, self.kind = app, kind
        self._proxied = None
        if self.instructions.proxies and kind is not None:
            from asgictl.serving.sockets import proxies

            self._proxied = proxies.believing(self._answer, self.instructions.proxies)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Answer one connection, or run the lifespan."""
        if scope["type"] == "lifespan":
            return self._live(scope, receive, send)
        if self._proxied is not None:
            for name, _ in scope["headers"]:
                if name in _FORWARDED:
                    return self._proxied(scope, receive, send)  # type: ignore[no-any-return]
        return self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, from its client or from one that a proxy has named."""
        exchange: InFlight
        if scope["type"] == "http":
            exchange = InFlight(scope, send, self._stop)
        else:
            exchange = websocket = WebSocketExchange(scope, receive, send, self._stop)
            receive = websocket.receive
        self._in_flight[exchange] = asyncio.current_task(self._stop.loop)
        apps = {**scope}  # the server and the log look into theirs later on
        if self._log_reads_headers:
            apps["headers"] = [*scope["headers"]]
        try:
            await self._app(apps, receive, exchange.send)
        except asyncio.CancelledError:
            if not self.stopping.begun:
                raise
            await self._stop.cut(exchange)
        except (SystemExit, KeyboardInterrupt):
            if self._writer is not None:
                self._writer.hurry()
            raise
        finally:
            if forks.is_child:
                forks.end_child(sys.exception())
            del self._in_flight[exchange]
            if not exchange.over:
                exchange.finish(complete=False)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the lifespan."""
        try:
            with errors.shortage():
                self._begin_startup()
        except StartError as error:
            self.report.fatal(AppLoadError(error.message, hint=error.hint))
            exits.end(self.stopping.failed)
        mode = self.instructions.lifespan if self.kind is not None else "off"
        with contextlib.suppress(asyncio.CancelledError):  # the loop closes, which uvicorn would log as an error of it
            await Lifespan(self._app, mode, self).run(scope, receive, send)

    def _write_line(self, exchange: InFlight) -> None:
        """Write the line of an exchange that is complete; whatever is wrong with it, the answer goes on."""
        if self._write is not None:
            try:
                self._write(self._line(exchange))
            except Exception as error:  # noqa: BLE001  # a template may meet what no check has foreseen
                if self._writer is not None:
                    self._writer.lose(str(failure.of(error)))

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
        self.stopping.wait(_RETRY)
        exits.end(self.stopping.failed)

    def _show(self, error: AppLoadError) -> None:
        """Answer every request with `error` instead of the app."""
        self._page = ErrorPage(error, self.instructions.show_errors)
        self._use(self._page, None)

    def unwatched(self, why: str) -> None:
        """Say on the page of an app that is broken `why` edits do not count for now."""
        if self._page is not None:
            self._page.unwatched = why

    def startup_complete(self) -> None:
        """Note that the app answers, and say so."""
        self._startup.doing, self._startup.task = stuck.SERVING, None
        if self.stopping.begun:
            return
        self.stopping.ready = True
        inspected = self._wrap is not None  # which shows errors itself
        log = self.instructions.access_log
        line = self._logging.access_log(log, self._line, self.report.note, quiet=inspected)
        if line is None:
            self._write = None
        else:
            self._line = line
        self.report.ready(self.kind, self._docs)
        if self.instructions.reload and (self.kind or "").startswith("Django"):
            stopping.later(0, self._tell_migrations)
        protocols.import_later(self.instructions.later)

    def shutdown_began(self) -> None:
        """Say which requests were cut off, now that uvicorn has given up waiting for them."""
        self._startup.doing = stuck.ENDING
        self._stop.tell_cut_off()

    def note(self, text: str) -> None:
        """Pass on what users should know."""
        self.report.note(text)

    def ended(self) -> None:
        """Note that uvicorn is done: whatever still runs now only holds the end of the process up."""
        self._startup.doing = stuck.ENDING
        self._untold = None
        self.stopping.begin(stopping.LAST_WORDS)
        if self._writer is not None:
            self._writer.finish()

    def _begin_startup(self) -> None:
        self._startup.task = self._startup.lifespan = asyncio.current_task()
        loop = asyncio.get_running_loop()
        self._stop.watch(loop)
        forks.in_child("loop", partial(self._leave, loop))
        descriptors.Shortage(loop, self.note)
        if self.instructions.access_log:
            self._writer = LogWriter(1, lock=self.instructions.access_log.lock, complain=self.report.note)
            self._writer.before_end(self._stop.cut_all_off)
            self._write = self._writer.write
            self.stopping.notify(self._writer.hurry)
        self.stopping.take_over()

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a child of the app's: answer nobody, and end when the loop has its turn, whose events are the parent's.

        A thread that was forked tells the loop what has come of its work.
        """
        for exchange in self._in_flight:
            exchange.leave()
        with contextlib.suppress(RuntimeError):  # it is closed
            loop.call_soon(forks.end_child)
        loop.call_soon_threadsafe = forks.end_of_work  # type: ignore[method-assign]  # of this child's copy

    def _stuck(self) -> None:
        if self._untold is not None:
            self.report.fatal(self._untold)
        else:
            self._stop.tell_stuck()

    def _tell_migrations(self) -> None:
        from asgictl.serving import django_checks

        if note := django_checks.unapplied():
            self.report.note(note)

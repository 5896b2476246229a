"""How the app stops: what is ended because it would not end by itself, what is waited for, and what is left."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from asgictl.asgi import Scope
from asgictl.serving import logs
from asgictl.serving.app import stuck
from asgictl.serving.app.in_flight import InFlight
from asgictl.serving.instructions import Instructions
from asgictl.serving.processes.stopping import Stopping

if TYPE_CHECKING:
    from asgictl.serving.processes.messages import Report

# Uvicorn checks every 0.1 s whether to stop; then it closes its copy of the listening socket, and WebSockets with 1012.
_UVICORN_HEEDS = 0.15


class Stop:
    """The exchanges in flight, and what becomes of them when the process stops."""

    def __init__(
        self,
        instructions: Instructions,
        stopping: Stopping,
        report: "Callable[[], Report]",
        *,
        startup: stuck.Startup,
        complete: Callable[[InFlight], None],
    ) -> None:
        """Stop as `instructions` say once `stopping` begins; tell what `report` returns by then.

        `complete` is called with each exchange whose answer is complete.
        """
        self._instructions = instructions
        self._stopping = stopping
        self._report = report
        self._startup = startup
        self.complete = complete
        self.in_flight: dict[InFlight, asyncio.Task[Any] | None] = {}
        self.closing = False
        self._cut_off: list[Scope] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self._told_left = False

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to stop, in `loop`, as soon as the process is asked to."""
        self.loop = loop
        self._stopping.notify(lambda: loop.call_soon_threadsafe(self._begin))

    def drain(self) -> None:
        """Accept no more clients, and have those that are there connect anew: elsewhere, from any thread."""
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self._begin_drain)

    def begin_late_answer(self, exchange: InFlight) -> None:
        """Ask for a new connection next time; end a stream that begins when the stop has begun."""
        exchange.ask_to_close()
        if self._stopping.begun and self._is_endless(exchange):
            self._end_those(lambda other: other is exchange)

    async def cut(self, exchange: InFlight) -> None:
        """Note a request that is cut off, and answer it where nothing has been answered yet."""
        if exchange.ended:
            return
        self._cut_off.append(exchange.scope)
        if exchange.scope["type"] == "http" and not exchange.status:
            # RFC 9110 section 15.6.4
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await exchange.send({"type": "http.response.start", "status": 503, "headers": headers})
            await exchange.send({"type": "http.response.body", "body": b"The server is stopping.\n"})

    def cut_all_off(self) -> None:
        """Note that the process ends in the middle of all that is in flight."""
        for exchange in list(self.in_flight):
            exchange.cut_off()

    def tell_cut_off(self) -> None:
        """Say which requests were cut off, now that uvicorn has given up waiting for them."""
        self._tell_left(self._unfinished_requests())

    def tell_stuck(self) -> None:
        """Say what has not ended within the limit."""
        left = self._unfinished_requests()
        if not left and self._startup.doing == stuck.ENDING:
            left = stuck.end(self.loop, self._startup.lifespan)
        self._tell_left(left or f"{self._startup.doing}{stuck.place(self._startup.task)}")

    def _begin_drain(self) -> bool:
        self.closing = True
        return self._stopping.close_doors()

    def _begin(self) -> None:
        """Cancel what would not end by itself: a startup that waits, and event streams, whose clients come again."""
        closed = self._begin_drain()  # before uvicorn does, so that who has just come in is still heard
        logs.expect_cut_responses()
        self._end_those(self._is_endless)
        if self._startup.task is not None:
            self._startup.task.cancel()
        self._report().stopped()
        if self._stopping.ready:
            later = asyncio.get_running_loop().call_later
            later(0 if closed else _UVICORN_HEEDS, self._report().closed)
            if self._instructions.reload:
                later(_UVICORN_HEEDS, self._end_websockets)

    def _end_websockets(self) -> None:
        self._end_those(lambda exchange: exchange.scope["type"] == "websocket")

    def _is_endless(self, exchange: InFlight) -> bool:
        """Tell whether a response that has begun ends only when one side wants it."""
        return exchange.is_event_stream and (self._instructions.reload or exchange.scope["method"] == "GET")

    def _end_those(self, wanted: Callable[[InFlight], bool]) -> None:
        for exchange, task in list(self.in_flight.items()):
            if task is not None and wanted(exchange):
                exchange.ended = True
                task.cancel()

    def _unfinished_requests(self) -> str:
        """Return the requests that are cut off or go on, the one first that the loop is busy with."""
        busy = asyncio.current_task(self.loop) if self.loop is not None else None
        left = sorted(self.in_flight.items(), key=lambda item: item[1] is not busy)
        scopes = [exchange.scope for exchange, _ in left if not exchange.ended]
        return stuck.requests([*self._cut_off, *scopes])

    def _tell_left(self, left: str) -> None:
        if left and not self._told_left:
            self._told_left = True
            self._report().note(f"stopped after {self._stopping.grace:g} s without waiting for {left}")

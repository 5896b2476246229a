"""Carrying out the probes: one call of the app after another, around them its lifespan, all of it recorded."""

import asyncio
import contextlib
import json
import time
from dataclasses import replace
from http import HTTPStatus
from typing import Any, NamedTuple

from asgictl import adapt, failure, whereabouts
from asgictl.errors import AppLoadError
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.probing import dialogue, hangs, probes, routes, scope_forms
from asgictl.inspector.probing.dialogue import Dialogue, DocumentRequest, Life
from asgictl.inspector.probing.orders import ProbeOrder
from asgictl.inspector.probing.probes import Plan, Probe, Target
from asgictl.inspector.probing.tried import ProbeOutcome, Tried
from asgictl.inspector.record import Finding, Observed, Opened, Record
from asgictl.inspector.recorder import Inspector

# How much is kept of each body, in bytes.
_KEPT = 4096

# Where frameworks have the document of their API.
_DOCUMENTS = ("/openapi.json", "/schema/openapi.json")

# How long a scope of an unknown type is waited for, and a route that is known not to return, in seconds.
_WAITING = 0.3

# How long a call may take to end that is cancelled, in seconds.
_CANCELLING = 1.0


_UNKNOWN = Probe("unknown scope type", "of a protocol that does not exist", scope_forms.unknown())


class _Current(NamedTuple):
    probe: Probe
    begun: float


def _misses_state(error: BaseException) -> bool:
    """Tell whether an app has failed because its scope has no `state`: by a `KeyError` of that, or one for it."""
    one: BaseException | None = failure.first(error)
    while one is not None:
        if isinstance(one, KeyError) and one.args == ("state",):
            return True
        one = one.__cause__
    return False


class Prober:
    """Probes an app, in the loop that `run` is called in; another thread may tell where that is blocked."""

    def __init__(self, order: ProbeOrder) -> None:
        self._order = order
        self._tried: dict[int, Tried] = {}
        self._given_up: list[str] = []
        self._hangs = self._has_left = False
        self._lingering: set[str] = set()
        self._problem: AppLoadError | None = None
        self._plan: Plan | None = None
        self._place: str | None = None
        self._current: _Current | None = None
        self._latest = 0
        self._state: dict[str, Any] = {}
        self._inspector = Inspector(order.app, sink=self._keep, check=order.check, info=order.info, body_limit=_KEPT)

    @property
    def outcome(self) -> ProbeOutcome:
        """What has come of it so far."""
        with_findings = tuple(tried for tried in self._tried.values() if tried.exchange.findings)
        names = tuple(dict.fromkeys(tried.probe.route for tried in self._tried.values()))
        more = tuple(self._given_up), self._hangs, self._problem
        return ProbeOutcome(with_findings, len(self._tried), names, self._plan, *more)

    def blocked(self, place: str | None, *, for_good: bool) -> None:
        """Take note that the loop is blocked in the user's code, `for_good` as far as one can wait."""
        self._hangs = True
        if self._current is None:
            return
        name = self._current.probe.route
        if for_good:
            self._given_up.append(f"nothing after {name} is probed: it blocks the event loop and does not end")
        else:
            self._tell_hang("the event loop", place)

    async def run(self) -> None:
        """Make all probes."""
        first = Probe("lifespan", "with state", scope_forms.lifespan(self._state))
        life, task = await self._startup(first)
        if self._problem is not None or (self._hangs and not life.answers):
            return
        await self._all()
        await self._shutdown(life, task)
        if "lifespan.startup.complete" in life.answers and not self._hangs:
            await self._without_state()

    async def _startup(self, probe: Probe) -> tuple[Life, asyncio.Task[Any]]:
        talk = Life(probe)
        task = self._call(talk)
        await self._wait(task, talk.heard, self._order.limit)
        if not task.done() and not talk.answers:
            self._hang("lifespan.startup.complete", task)
            await self._cancel(task)
        elif "lifespan.startup.failed" in talk.answers:
            said = talk.answers["lifespan.startup.failed"].get("message")
            self._problem = adapt.startup_failed(said if isinstance(said, str) else "")
            await self._cancel(task)
        elif task.done() and (error := task.exception()) is not None and talk.has_begun and not talk.answers:
            self._problem = adapt.failed("the app's startup failed", error)
        return talk, task

    async def _shutdown(self, talk: Life, task: asyncio.Task[Any]) -> None:
        if not task.done():
            self._current = _Current(talk.probe, time.perf_counter())
            self._latest = next(iter(number for number, one in self._tried.items() if one.probe is talk.probe))
            talk.end()
            await asyncio.wait([task], timeout=self._order.limit)
            if not task.done():
                said = {"lifespan.shutdown.complete", "lifespan.shutdown.failed"} & talk.answers.keys()
                self._hang("the end of the lifespan" if said else "lifespan.shutdown.complete", task)
        await self._cancel(task)

    async def _without_state(self) -> None:
        """Run the lifespan again, without a state, of an app that has started with one.

        What is wrong then counts only if the app has looked for it: an app may be made to be started once.
        """
        before = set(self._tried)
        talk = Life(Probe("lifespan", "without state", scope_forms.lifespan(None)))
        task = self._call(talk)
        await self._wait(task, talk.heard, self._order.limit)
        talk.end()
        await asyncio.wait([task], timeout=self._order.limit)
        error = task.exception() if task.done() and not task.cancelled() else None
        await self._cancel(task)
        if error is None or not _misses_state(error):
            for number in set(self._tried) - before:
                self._tried[number].exchange.findings.clear()

    async def _all(self) -> None:
        order = self._order
        found = routes.of_app(order.source) or routes.of_app(order.app)
        if not found and not order.targets:
            found = await self._documented()
        self._plan = probes.plan(found, order.targets, unsafe=order.unsafe)
        for target in self._plan.targets:
            await self._each(target, probes.of_target(target, order.headers, order.body))
        if order.is_own:
            await self._talk(dialogue.of_probe(_UNKNOWN))

    async def _each(self, target: Target, queue: list[Probe]) -> None:
        """Make the probes of a target, as long as the app comes to an end with each."""
        is_streamed = False
        while queue:
            probe = queue.pop(0)
            # To leave during an answer in one piece is the same everywhere, and an exception takes long.
            if probe.leaves == "during":
                if self._has_left and not is_streamed:
                    continue
                self._has_left = True
            talk = dialogue.of_probe(probe)
            if not await self._talk(talk):
                if queue:
                    left = f"{len(queue)} more probe{'s' if len(queue) > 1 else ''} of {target.name}"
                    self._given_up.append(f"{left} left out: it hangs")
                return
            is_streamed = is_streamed or talk.parts > 1

    async def _documented(self) -> list[routes.AppRoute]:
        """Return the routes that the app's OpenAPI document tells of, where it has one."""
        for path in _DOCUMENTS:
            name = Target("GET", path).name
            probe = Probe(name, "over HTTP/1.1", scope_forms.http("GET", path, self._order.headers))
            talk = DocumentRequest(probe)
            if await self._talk(talk) and talk.status == HTTPStatus.OK:
                with contextlib.suppress(ValueError, RecursionError):
                    if found := routes.of_document(json.loads(bytes(talk.body))):
                        return found
            del self._tried[self._latest]  # nobody has asked for it
        return []

    async def _talk(self, talk: Dialogue) -> bool:
        """Make a probe; tell whether the app has come to an end with it."""
        limit = self._order.limit
        task = self._call(talk)
        if talk.probe.scope["type"] not in ("http", "websocket"):
            await asyncio.wait([task], timeout=min(limit, _WAITING))
            await self._cancel(task)
            return True
        deadline = time.monotonic() + limit
        while not task.done() and not talk.is_complete and (left := deadline - time.monotonic()) > 0:
            if talk.has_answered and talk.patience is not None:
                left = min(left, talk.patience)
                await asyncio.wait([task], timeout=left)
                break
            if talk.is_gone:
                break
            await self._wait(task, talk.is_over, min(left, 0.05))
        if not task.done() and not talk.has_answered and not talk.is_gone:
            self._hang("the answer", task)
            await self._cancel(task)
            return False
        if not task.done() and not talk.is_complete:
            talk.leave()
            await asyncio.wait([task], timeout=limit)
            if not task.done():
                self._hang("the end of the app after its client had gone", task)
                await self._cancel(task)
                return False
        await self._end(task, talk.probe.route)
        return True

    async def _end(self, task: asyncio.Task[Any], route: str) -> None:
        """Wait for an app that has answered, for long only once with each route; what it does then may be meant."""
        limit = _WAITING if route in self._lingering else self._order.limit
        await asyncio.wait([task], timeout=limit)
        if not task.done() and route not in self._lingering:
            self._lingering.add(route)
            place = whereabouts.place_of_task(task)
            where = f" ({place})" if place else ""
            self._given_up.append(f"{route} goes on for more than {limit:g} s after its answer{where}: it is cancelled")
        await self._cancel(task)

    def _call(self, talk: Dialogue) -> asyncio.Task[Any]:
        self._current = _Current(talk.probe, time.perf_counter())
        scope = dict(talk.probe.scope)
        if scope["type"] in ("http", "websocket") and self._state:
            scope["state"] = dict(self._state)
        return asyncio.ensure_future(self._guarded(scope, talk))

    async def _guarded(self, scope: Any, talk: Dialogue) -> None:
        try:
            await self._inspector(scope, talk.receive, talk.send)
        except (SystemExit, KeyboardInterrupt) as error:  # it would end the loop, which a server goes on with
            raise RuntimeError("the app has exited") from error

    async def _wait(self, task: asyncio.Task[Any], event: asyncio.Event, limit: float) -> None:
        """Wait for the end of a task, or for an event."""
        waiting = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait([task, waiting], timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()

    async def _cancel(self, task: asyncio.Task[Any]) -> None:
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=_CANCELLING)
        if task.done() and not task.cancelled():
            task.exception()  # which is recorded

    def _hang(self, waited: str, task: asyncio.Task[Any]) -> None:
        self._hangs = True
        self._tell_hang(waited, whereabouts.place_of_task(task) or whereabouts.place_of_another_thread())

    def _tell_hang(self, waited: str, place: str | None) -> None:
        """Record what the app was waited for in vain, as a fact of the latest call, and which rule that breaks."""
        if self._current is None or self._latest not in self._tried:
            return
        exchange = self._tried[self._latest].exchange
        ms = (time.perf_counter() - self._current.begun) * 1000
        fact = Observed(self._latest, len(exchange.events), ms, "hang", waited)
        known = len(exchange.findings)
        self._place = place
        try:
            self._inspector.tell(fact)
            if len(exchange.findings) == known and (found := hangs.judged(fact, exchange, self._order.limit)):
                self._keep(found)
        finally:
            self._place = None

    def _keep(self, record: Record) -> None:
        if isinstance(record, Opened):
            assert self._current is not None  # noqa: S101  # who calls the app
            self._latest = record.id
            self._tried[record.id] = Tried(self._current.probe, Exchange(record))
            return
        tried = self._tried.get(record.id)
        if tried is None:
            return
        if isinstance(record, Finding) and self._place is not None:
            record = replace(record, place=self._place)
        tried.exchange.add(record)

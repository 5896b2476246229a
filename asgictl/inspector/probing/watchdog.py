"""Probing in a thread of its own, so that an app that blocks its event loop does not hold up the command."""

import asyncio
import contextlib
import threading
import time

from asgictl import whereabouts
from asgictl.inspector.probing.orders import ProbeOrder
from asgictl.inspector.probing.prober import Prober
from asgictl.inspector.probing.tried import ProbeOutcome

# How often the loop shows that it runs, and is looked after, in seconds.
_TICK = 0.05

# How long tasks of the app's may take to end when all is done, in seconds.
_ENDING = 1.0


class _Loop:
    """An event loop in a thread, which shows when it ran last."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self.done = threading.Event()
        self.latest = time.monotonic()
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name="asgictl-probes", daemon=True)

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        try:
            asyncio.set_event_loop(loop)
            try:
                loop.run_until_complete(self._main())
            finally:
                self.done.set()
            loop.run_until_complete(_end_all())
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(_end_threads(loop))
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            self.error = error
        finally:
            self.done.set()
            asyncio.set_event_loop(None)
            loop.close()

    async def _main(self) -> None:
        beating = asyncio.ensure_future(self._beat())
        try:
            await self._prober.run()
        finally:
            beating.cancel()

    async def _beat(self) -> None:
        while True:
            self.latest = time.monotonic()
            await asyncio.sleep(_TICK)


def probed(order: ProbeOrder) -> ProbeOutcome:
    """Return what comes of probing an app, also of one that blocks its event loop for ever."""
    prober = Prober(order)
    loop = _Loop(prober)
    loop.thread.start()
    told: float | None = None
    while not loop.done.wait(_TICK):
        stood = time.monotonic() - loop.latest
        if stood < order.limit:
            told = None
        elif told is None:
            told = time.monotonic()
            prober.blocked(whereabouts.place_of_thread(loop.thread.ident or 0), for_good=False)
        elif time.monotonic() - told > order.limit:
            prober.blocked(None, for_good=True)
            return prober.outcome
    outcome = prober.outcome
    if not outcome.hangs:
        loop.thread.join(order.limit + _ENDING)
    if loop.error is not None:
        raise loop.error
    return prober.outcome


async def _end_threads(loop: asyncio.AbstractEventLoop) -> None:
    """Wait for the threads that the app has had work done in."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(loop.shutdown_default_executor(), _ENDING)


async def _end_all() -> None:
    """Cancel what the app has left running."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=_ENDING)

"""Several processes of one app, replaced one by one without a request that fails, however long the app takes to start.

Uvicorn's own rolling restart gives a new worker `timeout_worker_healthcheck` seconds, which is also how long its
supervisor may wait for a worker that is dying. So its SIGTTIN adds a worker here, the old ones are retired one by one
while the supervisor replaces them, and its SIGTTOU takes the additional one away (https://uvicorn.dev/deployment/).
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from asgictl.errors import AppLoadError, AsgictlError, StartError
from asgictl.serving.processes.pool import Pool

# So many replacements in a row may die before they are ready; of first workers that were too slow, so many for each.
_VAIN = 3

# How long a worker that is replaced still answers; clients with a connection are told to connect anew; in seconds.
_DRAIN = 0.5

# How long the supervisor may take for a worker that was taken away, on top of the grace limit, in seconds.
_PATIENCE = 10.0


class RollingPool(Pool):
    """Several workers of one app: alike, and each replaceable."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.failures = 0
        self._vain = 0
        self._told = ""
        self._rolling = threading.Lock()
        self._worn: set[int] = set()

    def hangup(self) -> None:
        """Replace all workers, one by one."""
        if not self.ready:
            self.reporter.note("SIGHUP came before the app was ready: there is nothing to replace")
        if not self.ready or self.stopping:
            return
        with self._rolling:
            self.notifier.reloading()
            self.forget_start_notes()
            _replace_all(self)
            if not self.stopping:
                self.notifier.ready()

    def _heed_worn(self, pid: int) -> None:
        self._worn.add(pid)
        threading.Thread(target=self._replace_worn, name="asgictl-worn", daemon=True).start()

    def _replace_worn(self) -> None:
        with self._rolling:
            _wait_until_whole(self)
            with self.changed:
                worn = sorted(self._worn & self.serving)
                self._worn.clear()
            if worn and not self.stopping:
                _replace(self, worn)

    def _heed_ready(self, kind: str | None, docs: str | None) -> None:
        self._vain = 0
        self._told = ""
        super()._heed_ready(kind, docs)

    def _heed_failure(self, error: AppLoadError) -> None:
        self._count(error)

    def _heed_death(self, pid: int, how: str) -> None:
        if pid in self._ready | self._signalled and pid not in self._excused:
            self.reporter.note(f"a worker ended{how} and is replaced")
        elif pid not in self._ready | self._excused:
            error = StartError(f"a worker ended before the app was ready{how}")
            self._count(error, slow=self.workers.was_sent(pid, signal.SIGKILL))

    def _count(self, error: AsgictlError, *, slow: bool = False) -> None:
        """End a first start that fails, unless it is just `slow`; else try again, a few times or while others serve."""
        self.failures += 1
        self._vain += 1
        limit = _VAIN if self.ready else _VAIN * self.size if slow else 1
        if self._vain >= limit and not (self.ready and self.serving):
            self.fail(error)
        elif self._told != error.message:
            self._told = error.message
            self.reporter.note(
                f"a new worker cannot start: {error.message}" if self.ready else f"{error.message}; it is started again"
            )


def _replace_all(pool: RollingPool) -> None:
    """Replace every worker, and say so."""
    begun = time.monotonic()
    pool.reporter.note("SIGHUP: replacing the workers one by one")
    _wait_until_whole(pool)
    with pool.changed:
        old = sorted(pool.serving)
    if _replace(pool, old):
        pool.reporter.note(
            f"replaced {len(old)} {'worker' if len(old) == 1 else 'workers'} in {time.monotonic() - begun:.1f} s"
        )
    elif not pool.stopping:
        pool.reporter.note("the old workers go on")


def _replace(pool: RollingPool, old: list[int]) -> bool:
    """Replace the workers `old`; tell whether that is done: when a new one cannot start, the others stay."""
    with pool.changed:
        failures = pool.failures
        before = set(pool.serving)
    wanted = len(before) + 1

    def whole() -> bool:
        return len(pool.serving) >= wanted or pool.failures > failures

    _send(signal.SIGTTIN)
    _wait(pool, whole)
    spare = max(pool.serving - before, default=0)
    for pid in old:
        if pool.stopping or pool.failures > failures:
            break
        pool.tell_drain(pid)
        time.sleep(_DRAIN)
        pool.tell_stop(pid)
        _wait_for_end(pool, pid)
        _wait(pool, whole)
    if pool.stopping:
        return False
    _take_away(pool, spare)
    return pool.failures == failures


def _wait_until_whole(pool: RollingPool) -> None:
    """Wait for the replacement of a worker that has died, or it would be taken for the additional one."""
    failures = pool.failures
    _wait(pool, lambda: len(pool.serving) >= pool.size or pool.failures > failures)


def _wait_for_end(pool: RollingPool, pid: int) -> None:
    _wait(pool, lambda: pid not in pool.serving)


def _take_away(pool: RollingPool, spare: int) -> None:
    """Have the supervisor take the additional worker away, which is the last that it was told to add."""
    if spare:
        pool.tell_drain(spare)
        time.sleep(_DRAIN)
    _send(signal.SIGTTOU)
    if not _wait(pool, lambda: spare not in pool.serving, patience=pool.grace + _PATIENCE):
        pool.tell_stop(spare)  # it was another that was taken away; this one has drained, and is replaced


def _wait(pool: RollingPool, condition: Callable[[], bool], *, patience: float | None = None) -> bool:
    """Wait until `condition` holds or the pool stops; tell whether it holds."""
    with pool.changed:
        pool.changed.wait_for(lambda: pool.stopping or condition(), timeout=patience)
        return condition()


def _send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)

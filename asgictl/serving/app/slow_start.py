"""A start that takes too long: an import that is told with its line, and the limit of `--startup-timeout`."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from asgictl.errors import AppLoadError
from asgictl.serving.app import stuck
from asgictl.serving.processes import exits, stopping

if TYPE_CHECKING:
    from asgictl.serving.processes.messages import Report

# An import that takes longer is told, in seconds.
LONG_IMPORT = 5.0

# A process that works for less of the time than this waits for something itself.
_IDLE = 0.1


def watch(
    startup: stuck.Startup, stop: stopping.Stopping, report: "Callable[[], Report]", *, limit: float | None
) -> None:
    """Tell of an import that takes long, and end the process when the app is not ready after `limit` seconds."""
    if limit:
        stopping.later(limit, lambda: _give_up(startup, stop, report, limit))
    stopping.later(LONG_IMPORT, lambda: _tell_long_import(startup, stop, report))


def _tell_long_import(startup: stuck.Startup, stop: stopping.Stopping, report: "Callable[[], Report]") -> None:
    """Name the line in which an import waits, or works, for long; not one that other processes hold up."""
    began = time.monotonic() - LONG_IMPORT
    while startup.doing == stuck.LOADING and not stop.begun:
        passed, worked = time.monotonic() - began, time.process_time()
        if worked >= LONG_IMPORT or worked < passed * _IDLE:
            place = stuck.place(None)
            report().note(f"{startup.doing} has taken {passed:.0f} s so far{place}{stuck.advice()}")
            return
        stop.wait(1)


def _give_up(startup: stuck.Startup, stop: stopping.Stopping, report: "Callable[[], Report]", limit: float) -> None:
    if stop.ready or stop.begun:
        return
    try:
        place = stuck.place(startup.task)
        problem = f"the app was not ready after {limit:g} s: {startup.doing} had not ended{place}"
        report().fatal(AppLoadError(problem, hint="raise --startup-timeout, or see what takes so long there"))
    finally:
        exits.end(stop.failed)

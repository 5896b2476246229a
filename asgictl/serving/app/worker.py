"""What uvicorn calls by name in each worker: first the event loop, with the app loaded before it runs, then the app."""

import asyncio
import os
import ssl
import sys
from collections.abc import Callable
from multiprocessing import util
from typing import Any

import uvicorn

from asgictl import errors
from asgictl.asgi import ASGIApp
from asgictl.errors import AppLoadError, StartError
from asgictl.serving.app.runtime import Runtime
from asgictl.serving.instructions import VARIABLE, Instructions
from asgictl.serving.processes import exits, forks, stopping
from asgictl.serving.processes.messages import ParentReport
from asgictl.serving.sockets import loopback

# What keeps the current folder off `sys.path` (https://docs.python.org/3/using/cmdline.html#envvar-PYTHONSAFEPATH), and
# the value with which it is meant for this process alone, and not for those that the app starts.
SAFE_PATH, OURS = "PYTHONSAFEPATH", "asgictl"

_runtime: Runtime


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Load the app as the environment says, then return the event loop for it.

    Uvicorn calls this as its loop factory, before any loop runs: the user's imports find the same world here as in
    one process. The worker ends when the app cannot be loaded.
    """
    global _runtime  # noqa: PLW0603  # `create_app` is called by name too, and has no other way to it
    if os.environ.get(SAFE_PATH) == OURS:
        del os.environ[SAFE_PATH]
    instructions, more = Instructions.loads(os.environ[VARIABLE])
    forks.leave_sockets(more["sockets"])
    _runtime = Runtime(instructions, alone=False)
    try:
        report = ParentReport(
            more["address"], more["token"], stop=_stop, drain=_runtime.drain, unwatched=_runtime.unwatched
        )
    except (OSError, EOFError, RuntimeError):  # the parent is gone, or the system has no thread left to hear it
        exits.end(_runtime.stopping.failed)
    _runtime.report = report
    try:
        with errors.shortage():
            _runtime.load(broken=more.get("broken"))
    except AppLoadError as error:
        report.failed(error)
        _runtime.give_up()
    except StartError as error:
        report.failed(AppLoadError(error.message, hint=error.hint))
        exits.end(_runtime.stopping.failed)
    except stopping.Stopped:
        report.stopped()
        exits.end(_runtime.stopping.failed)
    util.Finalize(None, _end_pools, exitpriority=100)  # before those of their queues, which have 10
    # Two workers, so that the choice is the one uvicorn makes for a child.
    config = uvicorn.Config("", loop=instructions.loop, workers=2, log_config=None)
    factory = config.get_loop_factory() or asyncio.new_event_loop
    return factory()


def create_app() -> ASGIApp:
    """Return the app that `new_event_loop` has loaded."""
    return loopback.unmapped(_runtime) if _runtime.instructions.unmap else _runtime.__call__


def ssl_context(config: uvicorn.Config, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return the context for HTTPS, which follows its files."""
    return _runtime.ssl_context(config, default)


def http_protocol(**arguments: Any) -> asyncio.Protocol:
    """Return what speaks HTTP on one connection."""
    return _runtime.http_protocol(**arguments)


def _stop(grace: float | None) -> None:
    """Stop this worker within `grace` seconds, without waiting for uvicorn's supervisor to say so."""
    _runtime.stopping.begin(grace)
    stopping.request()


def _end_pools() -> None:
    """End the process pools of `concurrent.futures` that the app has left open, as the end of a main process does.

    The end of a process that multiprocessing has started waits for its children first, and they for their pool
    (`multiprocessing.process.BaseProcess._bootstrap`).
    """
    pools = sys.modules.get("concurrent.futures.process")
    if pools is not None:
        pools._python_exit()  # noqa: SLF001  # nothing public ends a pool that is somebody else's

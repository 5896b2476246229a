"""A launch with processes below this one: workers, or the one of an app that is reloaded."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asgictl import errors
from asgictl.env_files import EnvFiles
from asgictl.errors import AsgictlError, FileProblemError, StartError
from asgictl.serving.events import Hooks
from asgictl.serving.instructions import VARIABLE
from asgictl.serving.plan import ServePlan, Watch
from asgictl.serving.processes import exits, forks, stopping
from asgictl.serving.sockets import listen

if TYPE_CHECKING:
    from asgictl.serving.processes.pool import Pool

# Calls `uvicorn.run` with an app, as a plan and further arguments say, on a listener.
Run = Callable[..., None]


def workers(plan: ServePlan, listener: listen.Listener, hooks: Hooks, run: Run) -> int:
    """Serve with several processes until a signal ends it; return the exit status."""
    from asgictl.serving.processes.pool import PATIENCE
    from asgictl.serving.processes.rolling import RollingPool

    with _lock_file() as lock:
        instructions = plan.instructions
        if instructions.access_log:
            instructions = instructions._replace(access_log=instructions.access_log._replace(lock=lock))
        patience = float(plan.uvicorn.get("timeout_worker_healthcheck", PATIENCE))
        pool = RollingPool(size=plan.workers, grace=instructions.graceful_timeout, hooks=hooks, patience=patience)
        os.environ[VARIABLE] = instructions.dumps(**_known(pool, listener))
        return _supervised(plan, listener, pool, run, workers=plan.workers)


def reload(plan: ServePlan, watch: Watch, listener: listen.Listener, hooks: Hooks, run: Run) -> int:
    """Serve with a process that restarts when a file changes, until a signal ends it; return the exit status."""
    from asgictl.serving.reload import restarts
    from asgictl.serving.reload.changes import Changes
    from asgictl.serving.reload.watching import Watcher

    preparation = _Preparation(plan, watch, hooks)

    def prepare(broken: str | None) -> None:
        os.environ[VARIABLE] = preparation.made(broken, **_known(pool, listener))

    with restarts.trigger() as trigger:
        pool = restarts.Reload(trigger=trigger, prepare=prepare, grace=plan.instructions.graceful_timeout, hooks=hooks)
        prepare(None)
        changes = Changes(watch.folders, watch.include, watch.exclude, own=trigger.parent)
        more = {"reload": True, "reload_dirs": [str(trigger.parent)], "reload_delay": 0.01}
        with restarts.watched(Watcher(watch.folders, watch.env_files, changes), changes, pool):
            return _supervised(plan, listener, pool, run, **more)


class _Preparation:
    """What the next process of an app that is reloaded is told: its environment, where the app is, or why it is not."""

    def __init__(self, plan: ServePlan, watch: Watch, hooks: Hooks) -> None:
        self._variables = EnvFiles(watch.env_files, os.environ)
        self._instructions, self._search = plan.instructions, plan.search
        self._reporter = hooks.reporter

    def made(self, broken: str | None, **known: str) -> str:
        """Return the instructions, with what is `known`, and why the app is `broken`, if it is."""
        broken = broken or self._read_environment() or self._find()
        return self._instructions.dumps(**known, **({"broken": broken} if broken else {}))

    def _read_environment(self) -> str | None:
        """Read the environment's files again; return what is wrong with them."""
        try:
            changed = self._variables.read_again()
        except FileProblemError as error:
            self._reporter.problem(error)
            return error.message
        for name in changed:
            if name.startswith("ASGICTL_"):
                self._reporter.note(f"`{name}` counts when asgictl itself is started again")
        return None

    def _find(self) -> str | None:
        """Look for an app that could not be found so far; return why it cannot."""
        if self._search is None:
            return None
        try:
            ref = self._search()
        except AsgictlError as error:
            self._reporter.problem(error)
            return error.message
        if not ref.looked:
            self._reporter.found(ref)
            self._search = None
        self._instructions = self._instructions._replace(ref=ref)
        return None


def _known(pool: "Pool", listener: listen.Listener) -> dict[str, str]:
    """Return what a worker has to know of this process."""
    return {"address": pool.workers.address, "token": pool.workers.token, "sockets": sockets(listener)}


def sockets(listener: listen.Listener) -> str:
    """Return the name by which a child of the app's knows the server's sockets; nothing where there are no forks."""
    return forks.name_of(listener.socket.fileno()) if hasattr(os, "fork") else ""


def _supervised(plan: ServePlan, listener: listen.Listener, pool: "Pool", run: Run, **arguments: Any) -> int:
    """Have uvicorn's supervisor run the workers of `pool`; return the exit status."""
    from asgictl.serving.app import worker

    # Each is started with `python -c`, which puts this folder first on `sys.path`, before anything else is imported.
    os.environ.setdefault(worker.SAFE_PATH, worker.OURS)
    if plan.instructions.limits_heads:
        arguments["http"] = f"{worker.__name__}:{worker.http_protocol.__name__}"
    if plan.tls:
        arguments["ssl_context_factory"] = worker.ssl_context
    try:
        with pool.watched():
            run(
                f"{worker.__name__}:{worker.create_app.__name__}",
                plan,
                listener,
                factory=True,
                interface="asgi3",
                loop=f"{worker.__name__}:{worker.new_event_loop.__name__}",
                **arguments,
            )
    except stopping.Stopped as stop:
        raise stopped_early(signal.Signals(stop.args[0])) from None
    if pool.error is not None:
        raise pool.error
    if not pool.answered:
        raise stopped_early(pool.stopped_by)
    return errors.STOPPED if pool.stopped_by else StartError.exit_status


def stopped_early(number: signal.Signals | None) -> StartError:
    """Return the error of a server that the signal `number`, if any, has stopped too early."""
    by = f" by {number.name}" if number else ""
    return StartError(f"stopped{by} before the app was ready")


@contextlib.contextmanager
def _lock_file() -> Iterator[str | None]:
    """Return a file that keeps the workers' lines apart; None where none can be made: short lines need none."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("asgictl-access-log")
        try:
            yield f"/proc/{os.getpid()}/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    import tempfile

    try:
        descriptor, name = tempfile.mkstemp(prefix="asgictl-")
    except OSError:
        yield None
        return
    os.close(descriptor)
    remove = partial(Path(name).unlink, missing_ok=True)
    try:
        with exits.before_end(remove):
            yield name
    finally:
        remove()

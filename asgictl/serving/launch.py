"""Carry a plan out: listen, load, and make the one call of `uvicorn.run`."""

import os
import signal
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from asgictl import errors
from asgictl.errors import AppLoadError, AsgictlError, StartError
from asgictl.serving import listen, stopping
from asgictl.serving.instructions import VARIABLE
from asgictl.serving.plan import ServePlan
from asgictl.serving.runtime import Runtime


class Ready(NamedTuple):
    """The app answers: what it is, and where."""

    kind: str
    url: str
    network_url: str | None


class Audience(Protocol):
    """Who hears how the launch goes."""

    def ready(self, ready: Ready) -> None:
        """The app answers."""

    def note(self, text: str) -> None:
        """Something that users should know has happened."""

    def problem(self, error: AsgictlError) -> None:
        """The server ends because of `error`."""


def launch(plan: ServePlan, audience: Audience) -> int:
    """Serve as `plan` says until a signal ends it; return the exit status.

    Raises `StartError` when the server cannot start.
    """
    listener = listen.listen(plan.host, plan.port, next_port=plan.next_port, backlog=plan.backlog)
    if listener.address.port != plan.port and plan.port:
        audience.note(f"port {plan.port} is in use, taking {listener.address.port}")

    def ready(kind: str) -> None:
        address = listener.address
        audience.ready(Ready(kind=kind, url=address.url(plan.scheme), network_url=address.network_url(plan.scheme)))

    if plan.workers > 1:
        return _workers(plan, listener, ready, audience)
    return _one_process(plan, listener, ready, audience)


class _OwnReport:
    """The report of the process that also launched it."""

    def __init__(self, ready: Callable[[str], None], closed: Callable[[], None], audience: Audience) -> None:
        self.error: AppLoadError | None = None
        self.ready = ready
        self.closed = closed
        self.note = audience.note
        self.fatal = audience.problem

    def stopped(self) -> None:
        """Leave it to `launch`, which sees the signals."""

    def failed(self, error: AppLoadError) -> None:
        self.error = error


def _one_process(plan: ServePlan, listener: listen.Listener, ready: Callable[[str], None], audience: Audience) -> int:
    runtime = Runtime(plan.instructions, forcible=True)
    report = _OwnReport(ready, listener.close, audience)
    runtime.report = report
    runtime.stopping.notify(lambda: stopping.later(stopping.REFUSE, listener.refuse))
    try:
        runtime.load()
        _uvicorn(runtime, plan, listener, interface="asgi3", loop=plan.instructions.loop)
    except stopping.Stopped as stop:
        raise _stopped_early(signal.Signals(stop.args[0])) from None
    except SystemExit as error:
        if not error.code:
            raise
    finally:
        runtime.ended()
        stopping.release_signals()
    if report.error is not None:
        raise report.error
    if not runtime.stopping.ready:
        raise _stopped_early(next(iter(runtime.stopping.signals), None))
    return errors.STOPPED


def _workers(plan: ServePlan, listener: listen.Listener, ready: Callable[[str], None], audience: Audience) -> int:
    from asgictl.serving import crew, worker

    team = crew.Crew(
        size=plan.workers, grace=plan.instructions.grace, ready=ready, refuse=listener.refuse, audience=audience
    )
    os.environ[VARIABLE] = plan.instructions.dumps(address=team.address, token=team.token)
    try:
        with team.watched():
            _uvicorn(
                f"{worker.__name__}:{worker.create_app.__name__}",
                plan,
                listener,
                factory=True,
                interface="asgi3",
                loop=f"{worker.__name__}:{worker.new_event_loop.__name__}",
                workers=plan.workers,
            )
    except stopping.Stopped as stop:
        raise _stopped_early(signal.Signals(stop.args[0])) from None
    if team.error is not None:
        return team.error.exit_status
    if not team.ready:
        raise _stopped_early(team.stopped_by)
    return errors.STOPPED if team.stopped_by else StartError.exit_status


def _uvicorn(app: Any, plan: ServePlan, listener: listen.Listener, **arguments: Any) -> None:
    import uvicorn

    try:
        uvicorn.run(app, **{"workers": 1, **plan.uvicorn, **listener.arguments(), **arguments, "lifespan": "on"})
    except Exception as error:
        problem = f"uvicorn cannot start: {type(error).__name__}: {error}"
        hint = "add --traceback to see the whole stack"
        raise AppLoadError(problem, hint=hint, details=traceback.format_exc()) from error


def _stopped_early(number: signal.Signals | None) -> StartError:
    by = f" by {number.name}" if number else ""
    return StartError(f"stopped{by} before the app was ready")

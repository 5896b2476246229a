"""Carry a plan out: listen, load, and make the one call of `uvicorn.run`."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from asgictl import adapt, errors, failure
from asgictl.asgi import ASGIApp
from asgictl.errors import AppLoadError, AsgictlError, ConfigError, FileProblemError
from asgictl.serving import supervised, tls
from asgictl.serving.app.runtime import Runtime
from asgictl.serving.events import Hooks, Ready, Reporter
from asgictl.serving.plan import ServePlan
from asgictl.serving.processes import forks, stopping, surroundings, terminal
from asgictl.serving.sockets import descriptors, listen, loopback, systemd

if TYPE_CHECKING:
    from asgictl.serving.tls.redirect import Redirect


def launch(plan: ServePlan, reporter: Reporter, wrap: Callable[[ASGIApp], ASGIApp] | None = None) -> int:
    """Serve as `plan` says until a signal ends it; return the exit status.

    `wrap` puts something around the app, in one process without reload.

    Raises `StartError` when the server cannot start.
    """
    surroundings.check()
    descriptors.check(plan.workers)
    with terminal.kept() as state, errors.shortage():
        children = 1 if plan.watch else plan.workers if plan.workers > 1 else 0
        surroundings.check_room(children, watches=plan.watch is not None)
        return _launch(plan, reporter, state, wrap)


def _launch(
    plan: ServePlan, reporter: Reporter, state: terminal.Terminal, wrap: Callable[[ASGIApp], ASGIApp] | None
) -> int:
    if sys.stdout is None:  # closed; its number may belong to another file by now
        plan = plan._replace(instructions=plan.instructions._replace(access_log=None))
    plan, secured = _secured(plan, reporter)
    with errors.about("uds" if plan.bind.uds is not None else "fd" if plan.bind.fd is not None else "port"):
        listener = listen.listen(plan.bind)
    address = listener.address
    plan = plan._replace(instructions=plan.instructions._replace(unmap=address.both))
    for remark in listen.remarks(plan.bind, address):
        reporter.note(remark)
    redirect = _redirect(plan, secured, address) if secured else None
    notifier = systemd.Notifier(os.environ)
    systemd.forget(os.environ)

    def ready(kind: str | None, docs: str | None) -> None:
        notifier.ready()
        if redirect:
            redirect.start()
        reporter.ready(
            Ready(
                kind=kind,
                url=address.url(plan.scheme),
                network_url=address.network_url(plan.scheme),
                loopback=address.loopback,
                docs=docs if not plan.uvicorn.get("root_path") else None,  # it is for the proxy that adds the path
                tls=secured,
                redirect=redirect.url if redirect else None,
            )
        )

    def stop() -> None:
        notifier.stopping()
        if redirect:
            redirect.stop()

    hooks = Hooks(ready, stop, listener.refuse, notifier, reporter, state)
    try:
        if plan.watch:
            _check_log_config(plan)
            return supervised.reload(plan, plan.watch, listener, hooks, _uvicorn)
        if plan.workers > 1:
            _check_log_config(plan)
            return supervised.workers(plan, listener, hooks, _uvicorn)
        return _one_process(plan, listener, hooks, wrap)
    finally:
        listener.close()
        if redirect:
            redirect.close()


def _secured(plan: ServePlan, reporter: Reporter) -> tuple[ServePlan, tls.Secured | None]:
    """Return what is going to be shown, and the plan: without HTTPS where a check has not made what the start makes."""
    if plan.tls is None:
        return plan, None
    secured = tls.secure(plan.tls, _host(plan.bind), reporter.note)
    if not plan.tls.pair.there:
        plan = plan._replace(uvicorn={key: it for key, it in plan.uvicorn.items() if not key.startswith("ssl_")})
    return plan, secured


def _host(bind: listen.Bind) -> str:
    """Return what clients are expected to call the server; nothing where they have many names for it."""
    return bind.host if bind.uds is None and bind.fd is None and bind.host not in listen.EVERYWHERE else ""


def _redirect(plan: ServePlan, secured: tls.Secured, address: listen.Address) -> "Redirect | None":
    assert plan.tls is not None  # noqa: S101  # or nothing would be secured
    if plan.tls.redirect_http is None:
        return None
    if address.path is not None:
        problem = "`--redirect-http` needs a server with a port"
        raise ConfigError(problem, hint="drop it: this one is on a UNIX socket", option="redirect-http")
    if plan.tls.redirect_http == address.port:
        problem = f"`--redirect-http {address.port}` is the port of HTTPS itself"
        raise ConfigError(problem, hint="pass another --redirect-http, or --port", option="redirect-http")
    from asgictl.serving.tls.redirect import Redirect, ServedNames

    bind = listen.Bind(host=address.host, port=plan.tls.redirect_http)
    return Redirect(bind, ServedNames(plan.tls, secured.certificate), address.port)


class _OwnReport:
    """The report of the process that also launched it."""

    def __init__(
        self, ready: Callable[[str | None, str | None], None], closed: Callable[[], None], reporter: Reporter
    ) -> None:
        self.error: AppLoadError | None = None
        self.ready = ready
        self.closed = closed
        self.note = reporter.note
        self.fatal = reporter.problem

    def stopped(self) -> None:
        """Leave it to `launch`, which sees the signals."""

    def worn(self) -> None:
        """Do nothing: there is nobody to take over."""

    def failed(self, error: AppLoadError) -> None:
        self.error = error


def _one_process(
    plan: ServePlan, listener: listen.Listener, hooks: Hooks, wrap: Callable[[ASGIApp], ASGIApp] | None
) -> int:
    plan = _with_logging(plan)
    forks.leave_sockets(supervised.sockets(listener))
    runtime = Runtime(plan.instructions, alone=True, wrap=wrap)
    report = _OwnReport(hooks.ready, listener.close, hooks.reporter)
    runtime.report = report
    runtime.stopping.notify(hooks.stopping)
    runtime.stopping.notify(lambda: stopping.later(stopping.REFUSE if runtime.stopping.ready else 0, listener.refuse))
    try:
        runtime.load()
        app = loopback.unmapped(runtime) if plan.instructions.unmap else runtime.__call__  # a method is called faster
        more: dict[str, Any] = {"http": runtime.http_protocol} if plan.instructions.limits_heads else {}
        if plan.uvicorn.get("ssl_certfile"):
            more["ssl_context_factory"] = runtime.ssl_context
        loop = plan.instructions.loop
        _uvicorn(app, plan, listener, interface="asgi3", loop=loop, **more)
    except stopping.Stopped as stop:
        raise supervised.stopped_early(signal.Signals(stop.args[0])) from None
    except SystemExit as error:
        if runtime.stopping.ready and not runtime.stopping.begun:
            hooks.reporter.note(adapt.failed("the server ended", error).message)
            raise
    finally:
        runtime.ended()
        stopping.release_signals()
    if report.error is not None:
        raise report.error
    if not runtime.stopping.ready:
        raise supervised.stopped_early(next(iter(runtime.stopping.signals), None))
    return errors.STOPPED


def _with_logging(plan: ServePlan) -> ServePlan:
    """Have uvicorn configure logging before the app does, as it does in workers; return a plan that leaves it so."""
    _configure_logging(plan)
    return plan._replace(uvicorn={**plan.uvicorn, "log_config": None, "log_level": None})


def _check_log_config(plan: ServePlan) -> None:
    """Have a file of the user's fail here, where it is named; uvicorn's supervisors configure logging again."""
    if isinstance(plan.uvicorn["log_config"], str):
        _configure_logging(plan)


def _configure_logging(plan: ServePlan) -> None:
    import uvicorn

    given = plan.uvicorn
    config = given["log_config"]
    with _told():
        try:
            uvicorn.Config("", log_config=config, log_level=given.get("log_level"), use_colors=given["use_colors"])
        except Exception as error:
            if not isinstance(config, str):
                raise
            found = failure.of(error.__cause__ or error)
            hint = "see https://docs.python.org/3/library/logging.config.html"
            raise FileProblemError(f"`--log-config {config}` is wrong: {found}", hint=hint) from error


def _uvicorn(app: Any, plan: ServePlan, listener: listen.Listener, **arguments: Any) -> None:
    import uvicorn

    with _told():
        uvicorn.run(app, **{"workers": 1, **plan.uvicorn, **listener.arguments(), **arguments, "lifespan": "on"})


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tell of what uvicorn raises in the block as an error of the start."""
    try:
        with errors.shortage():
            yield
    except AsgictlError:
        raise
    except Exception as error:
        problem = f"uvicorn cannot start: {type(error).__name__}: {error}"
        raise AppLoadError(problem, failure=failure.of(error)) from error

"""`asgictl check`."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from asgictl import __version__, errors
from asgictl.cli.check import conformance, options, server, writing
from asgictl.cli.command import Invocation, alone
from asgictl.errors import ConfigError
from asgictl.inspector.request import CheckRequest

if TYPE_CHECKING:
    from asgictl.inspector.reports.judgement import Judgement

# What has no meaning for a session that is recorded already.
_OF_PROBES = ("app", "path", "header", "body", "unsafe", "time_limit", "factory", "interface")
# And for a server, which is not the app's.
_OF_APPS = tuple(name for name in (*_OF_PROBES, "blame") if name != "time_limit")


def check(request: CheckRequest, run: Invocation) -> int:
    """Check an app against the rules of ASGI: its lifespan, its routes and its WebSockets, without a server.

    \b
    asgictl check                           the app found here
    asgictl check main:app --path POST:/x   with a request that changes things
    asgictl check --format sarif            for code scanning
    asgictl check --session s.jsonl         what `inspect --save` has recorded
    asgictl check --against http://...      a server, with our app behind it
    asgictl check --rules A-153             a rule, with examples
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    if request.against == server.HELP:
        return server.show_commands(run.console)
    if request.rules:
        return conformance.show_rules(request, run.console)
    ignore = conformance.patterns(request.ignore)
    writing.check_output(request.output)
    hangs = False
    if request.session is not None:
        _check_idle(run, _OF_PROBES, "session")
        judgement = conformance.of_session(request, ignore, run.console)
    elif request.against is not None:
        _check_idle(run, _OF_APPS, "against")
        judgement = server.of_server(request, ignore, run.console)
    else:
        judgement, hangs = conformance.of_app(request, ignore, run)
    for pattern in judgement.unused if request.against is None else ():  # a project ignores for its app
        run.console.note(f"`{pattern}` is ignored and was never found: drop it")
    writing.report(judgement, request, run.console, __version__)
    status = _status(judgement, request)
    if hangs:  # threads of the app's may still run, for which Python would wait
        from asgictl.serving.processes import exits

        exits.end(status)
    return status


def _check_idle(run: Invocation, names: Collection[str], option: str) -> None:
    """Raise `ConfigError` for what has no meaning with an option."""
    name = next((one.key for one in run.options if one.name in names and run.is_typed(one.name)), None)
    if name is not None:
        what = f"an {name.upper()}" if name == "app" else f"`--{name}`"
        raise ConfigError(f"{what} does nothing with `--{option}`", hint="drop one of them")


def _status(judgement: "Judgement", request: CheckRequest) -> int:
    from asgictl.inspector.reports.judgement import is_over

    return errors.FOUND if any(is_over(fault.severity, request.fail_on) for fault in judgement.faults) else 0


app = alone("check", options.FORM, check)

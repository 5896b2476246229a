"""`asgictl check`."""

from typing import TYPE_CHECKING

from asgictl import __version__, errors
from asgictl.cli.check import conformance, options, writing
from asgictl.cli.command import Invocation, alone
from asgictl.errors import ConfigError
from asgictl.inspector.request import CheckRequest

if TYPE_CHECKING:
    from asgictl.inspector.reports.judgement import Judgement

# What has no meaning for a session that is recorded already.
_OF_PROBES = ("app", "path", "header", "body", "unsafe", "time_limit", "factory", "interface")


def check(request: CheckRequest, run: Invocation) -> int:
    """Check an app against the rules of ASGI: its lifespan, its routes and its WebSockets, without a server.

    \b
    asgictl check                           the app found here
    asgictl check main:app --path POST:/x   with a request that changes things
    asgictl check --format sarif            for code scanning
    asgictl check --session s.jsonl         what `inspect --save` has recorded
    asgictl check --rules A-153             a rule, with examples
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    if request.rules:
        return conformance.show_rules(request, run.console)
    ignore = conformance.patterns(request.ignore)
    writing.check_output(request.output)
    hangs = False
    if request.session is not None:
        typed = [run.settings[name] for name in _OF_PROBES if run.is_typed(name)]
        if typed:
            name = next(option.key for option in run.options if option.name in _OF_PROBES and run.is_typed(option.name))
            what = f"an {name.upper()}" if name == "app" else f"`--{name}`"
            raise ConfigError(f"{what} does nothing with `--session`", hint="drop one of them")
        judgement = conformance.of_session(request, ignore, run.console)
    else:
        judgement, hangs = conformance.of_app(request, ignore, run)
    for pattern in judgement.unused:
        run.console.note(f"`{pattern}` is ignored and was never found: drop it")
    writing.report(judgement, request, run.console, __version__)
    status = _status(judgement, request)
    if hangs:  # threads of the app's may still run, for which Python would wait
        from asgictl.serving.processes import exits

        exits.end(status)
    return status


def _status(judgement: "Judgement", request: CheckRequest) -> int:
    from asgictl.inspector.reports.judgement import is_over

    return errors.FOUND if any(is_over(fault.severity, request.fail_on) for fault in judgement.faults) else 0


app = alone("check", options.FORM, check)

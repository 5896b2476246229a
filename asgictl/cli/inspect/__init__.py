"""`asgictl inspect`."""

import contextlib
import logging
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from asgictl import __version__
from asgictl.cli import views
from asgictl.cli.command import Invocation, alone
from asgictl.cli.inspect import options
from asgictl.cli.serve import planning
from asgictl.cli.serve.options import ServeFlags
from asgictl.console import Console
from asgictl.errors import ConfigError
from asgictl.inspector.request import FilterRequest, InspectRequest
from asgictl.serving.request import ServeRequest

if TYPE_CHECKING:
    from asgictl.discovery import AppRef
    from asgictl.inspector.echo import Answer
    from asgictl.inspector.record import Sink
    from asgictl.inspector.show.filters import Filter
    from asgictl.inspector.show.live import Live
    from asgictl.serving.plan import ServePlan

_ECHOES = ("respond", "respond_header", "respond_text", "respond_file", "delay", "drop")


def inspect_app(
    request: InspectRequest, filters: FilterRequest, serving: ServeRequest, flags: ServeFlags, run: Invocation
) -> int:
    """Serve an app and show every scope and every message, received and sent.

    \b
    asgictl inspect                          the app found here, or an echo
    asgictl inspect main:app --view full     with all headers and bodies
    asgictl inspect --status 5xx             only what fails
    asgictl inspect --path '/api/*'          only requests to these paths
    asgictl inspect --save session.jsonl     for `asgictl session`
    asgictl inspect --respond 503 --delay 2  a server that is slow and broken
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    if flags.json and not flags.print_config:
        raise ConfigError("`--json` needs --print-config", hint="for the exchanges as JSON pass --view json")
    echoes = any(run.is_given(field) for field in _ECHOES)
    if flags.print_config:
        return _print_config(request, serving, run, stands_in=echoes and serving.app is None)
    if request.rules == "off" and request.fail_on != "never":
        raise ConfigError("`--fail-on` has nothing to fail on with `--check off`", hint="drop one of them")
    planning.check_qr(flags)
    wanted = views.wanted_of(filters)
    plan, answer = _planned(request, serving, run, echoes=echoes)
    from asgictl.cli.serve import banner
    from asgictl.inspector import watch
    from asgictl.inspector.record import quoted, redaction
    from asgictl.inspector.rules.tally import Tally
    from asgictl.serving import launch, logs

    started = time.perf_counter()
    run.console.hide = partial(quoted.raised, redaction.Redactor(watch.redacted(request)))
    if request.no_redact:
        run.console.note("secrets are shown and saved as they are (--no-redact)")
    if request.drop:
        logging.getLogger("uvicorn.error").addFilter(logs.Without(*logs.CUT))
    with (
        watch.session_file(request, str(plan.instructions.ref), __version__, run.console.note) as file,
        _screen(request, run.console, wanted, whole=serving.traceback) as screen,
    ):
        tally = Tally()
        sinks: list[Sink] = [sink for sink in (file, screen, tally) if sink is not None]
        first_id = file.next_id if file is not None else 0
        is_shown = filters == FilterRequest() and _shows_exceptions(request)
        wrap = watch.around(request, sinks, answer, first_id=first_id, is_shown=is_shown)
        style = banner.Style(command="inspect", browser=flags.open, qr=flags.qr)
        status = launch.launch(plan, banner.Banner(run.console, plan, style, started=started), wrap)
    for line in tally.lines():
        run.console.note(line)
    return status or int(request.fail_on != "never" and tally.reaches(request.fail_on))


def _print_config(request: InspectRequest, serving: ServeRequest, run: Invocation, *, stands_in: bool) -> int:
    """Print where each value comes from."""
    from asgictl.cli.serve import print_config
    from asgictl.inspector.record import secret_names

    groups = {**secret_names.GROUPS, "by their shape": secret_names.SHAPES}
    built_in = {} if request.no_redact else {"redact": groups}
    return print_config.show(run, serving.app, _echo(), stands_in=stands_in, built_in=built_in)


def _planned(
    request: InspectRequest, serving: ServeRequest, run: Invocation, *, echoes: bool
) -> "tuple[ServePlan, Answer | None]":
    """Return the plan, and how the app is to answer that echoes, if it is asked for, or there is no other."""
    from asgictl.inspector import echo

    answer = echo.answer_of(request) if echoes else None
    if answer:
        if serving.app is not None:
            hint = f"drop `{serving.app}`, or those options"
            raise ConfigError("the echo app's options cannot be combined with an APP", hint=hint)
        serving = serving._replace(app=str(_echo()))
    plan = planning.plan_of(serving._replace(access_log=False), run.console, run.own_environ)
    if not answer and not plan.instructions.ref.looked:
        return plan, None
    ref = _echo(plan.instructions.ref.looked)
    return plan._replace(instructions=plan.instructions._replace(ref=ref)), answer or echo.Answer()


def _echo(looked: tuple[str, ...] = ()) -> "AppRef":
    """Return the app that stands in, after a look at the places `looked`."""
    from asgictl.discovery import AppRef

    return AppRef("asgictl.inspector.echo", "app", found="an app that echoes", factory=False, looked=looked)


def _shows_exceptions(request: InspectRequest) -> bool:
    """Tell whether whoever reads the server's log has them before their eyes."""
    return request.view != "json" and all(stream is not None and stream.isatty() for stream in (sys.stdout, sys.stderr))


@contextlib.contextmanager
def _screen(request: InspectRequest, console: Console, wanted: "Filter", *, whole: bool) -> Iterator["Live | None"]:
    """Yield what shows records on stdout while they come; None where stdout is closed."""
    if sys.stdout is None:
        yield None
        return
    from asgictl.inspector.show.live import Live
    from asgictl.serving.app.log_writer import LogWriter
    from asgictl.serving.processes import exits

    name = request.view or ("line" if sys.stdout.isatty() else "json")
    writer = LogWriter(1, lock=None, complain=console.note, what="the view", remedy="read it")
    live = Live(
        views.view_of(name, whole=whole),
        wanted,
        lambda lines: writer.write(views.text_of(console, lines, view=name)),
        console.note,
    )
    try:
        with exits.before_end(partial(live.close, 0.1)):
            yield live
    finally:
        live.close()
        writer.finish()


app = alone("inspect", options.FORM, inspect_app)

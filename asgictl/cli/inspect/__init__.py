"""`asgictl inspect`."""

import contextlib
import logging
import mimetypes
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from asgictl import __version__
from asgictl.cli.command import Invocation, alone
from asgictl.cli.inspect import options, views
from asgictl.cli.serve import planning
from asgictl.cli.serve.options import ServeFlags
from asgictl.console import Console
from asgictl.errors import ConfigError, FileProblemError
from asgictl.inspector.request import FilterRequest, InspectRequest
from asgictl.serving.request import ServeRequest

if TYPE_CHECKING:
    from asgictl.asgi import ASGIApp
    from asgictl.discovery import AppRef
    from asgictl.inspector.echo import Answer
    from asgictl.inspector.record import Record
    from asgictl.inspector.sessions.session_file import SessionFile
    from asgictl.inspector.show.filters import Filter
    from asgictl.inspector.show.live import Live
    from asgictl.serving.plan import ServePlan

_ECHOES = ("respond", "respond_header", "respond_text", "respond_file", "delay", "drop")
_MEGABYTE = 1_000_000


def inspect_app(
    request: InspectRequest, filters: FilterRequest, serving: ServeRequest, flags: ServeFlags, run: Invocation
) -> int:
    """Serve an app and show every scope and every message, received and sent.

    \b
    asgictl inspect                              the app found in this folder, or one that echoes
    asgictl inspect main:app --view full         with all headers and bodies
    asgictl inspect --status 5xx --path '/api/*' only what fails there
    asgictl inspect --save session.jsonl         for `asgictl session show|diff|export|replay`
    asgictl inspect --respond 503 --delay 2      a server that is slow and broken
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    if flags.json and not flags.print_config:
        raise ConfigError("`--json` goes with --print-config", hint="for the exchanges as JSON pass --view json")
    echoes = any(run.is_given(field) for field in _ECHOES)
    if flags.print_config:
        from asgictl.cli.serve import print_config

        return print_config.show(run, serving.app, _echo(), stands_in=echoes and serving.app is None)
    planning.check_qr(flags)
    wanted = views.wanted_of(filters)
    answer = _answer(request) if echoes else None
    if answer:
        if serving.app is not None:
            hint = f"drop `{serving.app}`, or those options"
            raise ConfigError("the options of the echo app do not go with an APP", hint=hint)
        serving = serving._replace(app=str(_echo()))
    plan = planning.plan_of(serving._replace(access_log=False), run.console)
    from asgictl.inspector import echo

    if answer or plan.instructions.ref.looked:
        plan = _with_echo(plan)
        answer = answer or echo.Answer()
    return _launch(request, flags, run.console, plan, wanted, answer)


def _answer(request: InspectRequest) -> "Answer":
    """Return how the echo app is to answer."""
    from asgictl.inspector.echo import Answer
    from asgictl.serving import arguments

    pairs = [arguments.header(text) for text in request.respond_header]
    answer = Answer(
        status=request.respond or 200,
        headers=[(name.encode(), value.encode("latin-1")) for name, value in pairs],
        delay=request.delay,
        drop=request.drop,
    )
    if request.respond_text is not None:
        return answer._replace(body=request.respond_text.encode(errors="surrogateescape"))
    if request.respond_file is not None:
        kind, _ = mimetypes.guess_type(request.respond_file)
        return answer._replace(body=_content(request.respond_file), media_type=kind or "application/octet-stream")
    return answer


def _content(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        problem = f"cannot read `{file}`: {error.strerror}"
        raise FileProblemError(problem, hint="pass --respond-file with a file that can be read") from error


def _echo(looked: tuple[str, ...] = ()) -> "AppRef":
    """Return the app that stands in, after a look at the places `looked`."""
    from asgictl.discovery import AppRef

    return AppRef("asgictl.inspector.echo", "app", found="an app that echoes", factory=False, looked=looked)


def _with_echo(plan: "ServePlan") -> "ServePlan":
    """Return the plan with the echo app instead of the one that was found."""
    ref = _echo(plan.instructions.ref.looked)
    return plan._replace(instructions=plan.instructions._replace(ref=ref))


def _launch(  # noqa: PLR0913, PLR0917  # all that there is
    request: InspectRequest,
    flags: ServeFlags,
    console: Console,
    plan: "ServePlan",
    wanted: "Filter",
    answer: "Answer | None",
) -> int:
    """Serve as planned, with an inspector around the app."""
    from asgictl.cli.serve import banner
    from asgictl.inspector import echo
    from asgictl.inspector.record import redaction
    from asgictl.inspector.record.log_filter import WithoutSecrets
    from asgictl.inspector.record.recorder import Inspector
    from asgictl.serving import launch, logs

    started = time.perf_counter()
    names = () if request.no_redact else (*redaction.NAMES, *(request.redact))
    if not names:
        console.note("secrets are shown and saved as they are (--no-redact)")
    with contextlib.ExitStack() as sinks:
        file = sinks.enter_context(_file(request, console, plan, names)) if request.save is not None else None
        screen = sinks.enter_context(_screen(request, console, wanted)) if sys.stdout is not None else None
        told = [sink for sink in (file, screen) if sink is not None]

        def sink(record: "Record") -> None:
            for one in told:
                one(record)

        def wrap(app: "ASGIApp") -> "ASGIApp":
            if answer is not None:
                app = echo.Echo(answer, redaction.Redactor(names))
            first_id = file.next_id if file is not None else 0
            inspector = Inspector(app, sink=sink, redact=names, body_limit=request.body_limit, first_id=first_id)
            logging.getLogger("uvicorn.error").addFilter(WithoutSecrets(inspector, whole=True))
            return inspector

        if answer is not None and answer.drop:
            logs.WithoutLifecycle.unwanted += logs.CUT
        style = banner.Style(command="inspect", browser=flags.open, qr=flags.qr)
        return launch.launch(plan, banner.Banner(console, plan, style, started=started), wrap)


def _file(
    request: InspectRequest, console: Console, plan: "ServePlan", names: Sequence[str]
) -> contextlib.AbstractContextManager["SessionFile"]:
    """Return the file to save to, for a `with`."""
    from asgictl.inspector.sessions.session_file import SessionFile

    about = {"asgictl": __version__, "app": str(plan.instructions.ref), "redacted": sorted(set(names))}
    limit = request.save_limit * _MEGABYTE
    return contextlib.closing(SessionFile(Path(request.save or ""), about=about, limit=limit, note=console.note))


@contextlib.contextmanager
def _screen(request: InspectRequest, console: Console, wanted: "Filter") -> Iterator["Live"]:
    """Yield what shows records on stdout while they come."""
    from asgictl.inspector.show.live import Live
    from asgictl.serving.app.log_writer import LogWriter
    from asgictl.serving.processes import stopping

    name = request.view or ("line" if sys.stdout.isatty() else "json")
    writer = LogWriter(1, lock=None, complain=console.note, what="the view")
    live = Live(
        views.view_of(name),
        wanted,
        lambda lines: writer.write(views.text_of(console, lines, cut=name == "line")),
        console.note,
    )
    stopping.at_end += [partial(live.close, 0.1), partial(writer.finish, 0.1)]
    try:
        yield live
    finally:
        live.close()
        writer.finish()


app = alone("inspect", options.FORM, inspect_app)

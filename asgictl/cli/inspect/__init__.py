"""`asgictl inspect`."""

import contextlib
import functools
import inspect
import logging
import mimetypes
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import typer

from asgictl import __version__
from asgictl.cli.command import Command, alone
from asgictl.cli.inspect import options, views
from asgictl.cli.serve import Serve, request, serve
from asgictl.cli.serve import options as serve_options
from asgictl.console import Console
from asgictl.errors import ConfigError, FileProblemError
from asgictl.settings import Rules

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


# What `serve` has, and a single process whose exchanges are watched has not.
_LEFT_OUT = frozenset(
    (
        *("dev", "prod", "workers", "max_requests", "reload", "reload_dir", "reload_include", "reload_exclude"),
        *("show_errors", "access_log", "access_log_format", "quiet_path", "dry_run", "check"),
    )
)


def _serving(function: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of `serve`, which it finds in its context, beside its own."""
    own = inspect.signature(function).parameters
    shared = inspect.signature(serve).parameters
    first = {name: shared[name] for name in ("ctx", "app")}
    both = first | dict(own) | {name: param for name, param in shared.items() if name not in _LEFT_OUT}

    @functools.wraps(function)
    def command(ctx: typer.Context, **values: Any) -> int:
        return function(ctx, **{name: values[name] for name in own if name != "ctx"})

    command.__signature__ = inspect.Signature(list(both.values()))  # type: ignore[attr-defined]
    command.__annotations__ = {name: param.annotation for name, param in both.items()}
    return command


class Inspect(Command):
    """The command, with what its options mean for each other."""

    rules: ClassVar = Rules(
        exclusive=(
            *(pair for pair in Serve.rules.exclusive if not _LEFT_OUT.intersection(pair)),
            ("respond_text", "respond_file"),
            ("redact", "no_redact"),
        ),
        harmless=Serve.rules.harmless,
        needs={name: other for name, other in Serve.rules.needs.items() if not _LEFT_OUT.intersection((name, other))},
    )
    meant: ClassVar = {
        option: hint.replace("asgictl serve", "asgictl inspect")
        for option, hint in Serve.meant.items()
        if not any(f"--{name.replace('_', '-')}" in hint for name in _LEFT_OUT)
    }
    refused: ClassVar = {
        **dict.fromkeys(
            ("--reload", "--dev"),
            "drop it: what is recorded would end with each process; `asgictl serve --dev` reloads",
        ),
        **dict.fromkeys(
            ("--workers", "-w", "--max-requests"), "drop it: one process sees every exchange, and in their order"
        ),
        **dict.fromkeys(
            ("--access-log", "--no-access-log", "--access-log-format", "--quiet-path"),
            "drop it: the exchanges are shown instead; --view and --path choose",
        ),
        "--prod": "drop it: `asgictl serve --prod` is for production",
        **dict.fromkeys(("--check", "--dry-run"), "`asgictl serve` has it, for the same app"),
    }


@_serving
def inspect_app(  # noqa: PLR0913  # a command has as many arguments as options
    ctx: typer.Context,
    app: serve_options.App = None,
    *,
    view: options.View = None,
    type_: options.Type = None,
    method: options.Method = None,
    path: options.Path = None,
    status: options.Status = None,
    grep: options.Grep = None,
    redact: options.Redact = None,
    no_redact: options.NoRedact = False,
    body_limit: options.BodyLimit = 1024 * 1024,
    save: options.Save = None,
    save_limit: options.SaveLimit = 100,
    respond: options.Respond = None,
    respond_header: options.RespondHeader = None,
    respond_text: options.RespondText = None,
    respond_file: options.RespondFile = None,
    delay: options.Delay = 0,
    drop: options.Drop = False,
    print_config: serve_options.PrintConfig = False,
    as_json: serve_options.Json = False,
) -> int:
    """Serve an app and show every scope and every message, received and sent.

    \b
    asgictl inspect                              the app found in this folder, or one that echoes
    asgictl inspect main:app --view full         with all headers and bodies
    asgictl inspect --status 5xx --path '/api/*' only what fails there
    asgictl inspect --save session.jsonl         for `asgictl session show|diff|export|replay`
    asgictl inspect --respond 503 --delay 2      a server that is slow and broken
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    console = Console.of(ctx.params)
    if as_json and not print_config:
        raise ConfigError("`--json` goes with --print-config", hint="for the exchanges as JSON pass --view json")
    params = {**_defaults(), **ctx.params}
    echoes = any(ctx.obj[name].rank for name in _ECHOES)
    if print_config:
        from asgictl.cli.serve import config

        config.show(ctx, console, _echo(), stands_in=echoes and app is None)
        return 0
    request.check_qr(qr=params["qr"])
    wanted = views.wanted_of(params)
    answer = _answer(ctx.params) if echoes else None
    if answer and app is not None:
        raise ConfigError("the options of the echo app do not go with an APP", hint=f"drop `{app}`, or those options")
    plan = request.plan_of({**params, "app": str(_echo())} if answer else params, console)
    from asgictl.inspector import echo

    is_echo = answer is not None or bool(plan.instructions.ref.looked)
    if is_echo:
        plan = _with_echo(plan)
        answer = answer or echo.Answer()
    return _launch(ctx, console, plan, wanted, answer)


def _defaults() -> dict[str, Any]:
    """Return the values of those options of `serve` that are left out here."""
    parameters = inspect.signature(serve).parameters
    return {name: parameters[name].default for name in _LEFT_OUT} | {"access_log": False}


def _answer(params: Mapping[str, Any]) -> "Answer":
    """Return how the echo app is to answer."""
    from asgictl.inspector.echo import Answer
    from asgictl.serving import arguments

    pairs = [arguments.header(text) for text in params["respond_header"] or ()]
    answer = Answer(
        status=params["respond"] or 200,
        headers=[(name.encode(), value.encode("latin-1")) for name, value in pairs],
        delay=params["delay"],
        drop=params["drop"],
    )
    if params["respond_text"] is not None:
        return answer._replace(body=params["respond_text"].encode(errors="surrogateescape"))
    if params["respond_file"] is not None:
        kind, _ = mimetypes.guess_type(params["respond_file"])
        return answer._replace(body=_content(params["respond_file"]), media_type=kind or "application/octet-stream")
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


def _launch(ctx: typer.Context, console: Console, plan: "ServePlan", wanted: "Filter", answer: "Answer | None") -> int:
    """Serve as planned, with an inspector around the app."""
    from asgictl.cli.serve import banner
    from asgictl.inspector import echo
    from asgictl.inspector.record import redaction
    from asgictl.inspector.record.log_filter import WithoutSecrets
    from asgictl.inspector.record.recorder import Inspector
    from asgictl.serving import launch, logs

    started = time.perf_counter()
    params = ctx.params
    names = () if params["no_redact"] else (*redaction.NAMES, *(params["redact"] or ()))
    if not names:
        console.note("secrets are shown and saved as they are (--no-redact)")
    with contextlib.ExitStack() as sinks:
        file = sinks.enter_context(_file(params, console, plan, names)) if params["save"] is not None else None
        screen = sinks.enter_context(_screen(params, console, wanted)) if sys.stdout is not None else None
        told = [sink for sink in (file, screen) if sink is not None]

        def sink(record: "Record") -> None:
            for one in told:
                one(record)

        def wrap(app: "ASGIApp") -> "ASGIApp":
            if answer is not None:
                app = echo.Echo(answer, redaction.Redactor(names))
            first_id = file.next_id if file is not None else 0
            inspector = Inspector(app, sink=sink, redact=names, body_limit=params["body_limit"], first_id=first_id)
            logging.getLogger("uvicorn.error").addFilter(WithoutSecrets(inspector))
            return inspector

        if answer is not None and answer.drop:
            logs.WithoutLifecycle.unwanted += logs.CUT
        style = banner.Style(command="inspect", browser=params["open_browser"], qr=params["qr"])
        return launch.launch(plan, banner.Banner(console, plan, style, started=started), wrap)


def _file(
    params: Mapping[str, Any], console: Console, plan: "ServePlan", names: Sequence[str]
) -> contextlib.AbstractContextManager["SessionFile"]:
    """Return the file to save to, for a `with`."""
    from asgictl.inspector.sessions.session_file import SessionFile

    about = {"asgictl": __version__, "app": str(plan.instructions.ref), "redacted": sorted(set(names))}
    limit = params["save_limit"] * _MEGABYTE
    return contextlib.closing(SessionFile(Path(params["save"]), about=about, limit=limit, note=console.note))


@contextlib.contextmanager
def _screen(params: Mapping[str, Any], console: Console, wanted: "Filter") -> Iterator["Live"]:
    """Yield what shows records on stdout while they come."""
    from asgictl.inspector.show.live import Live
    from asgictl.serving.app.log_writer import LogWriter
    from asgictl.serving.processes import stopping

    name = params["view"] or ("line" if sys.stdout.isatty() else "json")
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


app = alone("inspect", Inspect, inspect_app)

"""`asgictl session`: look at, compare, export and send again what `inspect --save` has written."""

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import typer

from asgictl import __version__, project
from asgictl.cli import viewing
from asgictl.cli.command import Command, Group
from asgictl.console import Console
from asgictl.errors import AsgictlError, ConfigError, FileProblemError
from asgictl.options import inspecting as options
from asgictl.options import serving

if TYPE_CHECKING:
    from asgictl.inspector.difference import Difference
    from asgictl.inspector.exchange import Exchange
    from asgictl.inspector.record import Record
    from asgictl.inspector.replay import Change, Script

app = typer.Typer(cls=Group, no_args_is_help=True, add_completion=False, rich_markup_mode="rich")

_DIFFERENT = 1

# RFC 9110 sections 5.6.2 and 5.5
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Session(Command):
    """A command about a saved session, which has no configuration."""

    configurable: ClassVar = False


@app.callback()
def session() -> None:
    """Look at, compare, export and send again what `inspect --save` has written."""


@app.command(cls=Session)
def show(  # noqa: PLR0913  # a command has as many arguments as options
    ctx: typer.Context,
    file: options.File,
    number: options.Id = None,
    *,
    view: options.SavedView = None,
    type_: options.Type = None,
    method: options.Method = None,
    path: options.Path = None,
    status: options.Status = None,
    grep: options.Grep = None,
) -> int:
    """Show a saved session, or one exchange of it."""
    console = Console.of(ctx.params)
    wanted = viewing.wanted_of(ctx.params)
    records: Iterable[Record] = _records(file, console, number)
    if number is not None and not (records := list(records)):
        raise _missing(file, number)
    if not viewing.show(console, records, wanted, view or ("full" if number is not None else "line")):
        console.note("nothing in the session is like that")
    return 0


@app.command(cls=Session)
def diff(
    ctx: typer.Context,
    file: options.File,
    one: options.First,
    other: options.Second,
    *,
    as_json: serving.Json = False,
) -> int:
    """Compare two exchanges: scope, headers without their order, bodies by what they mean; 1 if they differ."""
    from asgictl.inspector import difference

    console = Console.of(ctx.params)
    exchanges = _exchanges(file, console)
    first, second = (_the(exchanges, file, number) for number in (one, other))
    found = [*difference.of_requests(first, second), *difference.of_answers(first, second)]
    _print_differences(console, f"#{one}", f"#{other}", found)
    return _DIFFERENT if found else 0


@app.command(cls=Session)
def export(
    ctx: typer.Context,
    file: options.File,
    *,
    har: options.Har = False,
    curl: options.Curl = None,
    httpie: options.Httpie = None,
) -> int:
    """Print a session as HAR, or a request as a command that sends it again."""
    console = Console.of(ctx.params)
    if [har, curl is not None, httpie is not None].count(True) != 1:
        raise ConfigError("the form is missing, or there are several", hint="pass one of --har, --curl ID, --httpie ID")
    exchanges = _exchanges(file, console)
    if har:
        from asgictl.inspector.har import har as archive

        data = archive(exchanges.values(), __version__)
        if not data["log"]["entries"]:
            raise AsgictlError(f"`{file}` holds no request", hint="make some while `asgictl inspect --save` runs")
        console.result(json.dumps(data, indent=1))
        return 0
    from asgictl.inspector import commands

    number = curl if curl is not None else httpie
    assert number is not None  # noqa: S101  # counted above
    exchange = _the(exchanges, file, number)
    command = commands.curl(exchange) if curl is not None else commands.httpie(exchange)
    console.result(command)
    if exchange.redacted:
        console.note(f"without {_list(exchange.redacted)}, which the session does not hold")
    return 0


@app.command(cls=Session)
def replay(  # noqa: PLR0913  # a command has as many arguments as options
    ctx: typer.Context,
    file: options.File,
    numbers: options.Ids = None,
    *,
    app: options.App = None,
    to: options.To = None,
    yes: options.Yes = False,
    timeout: options.Timeout = 10,
    method: options.NewMethod = None,
    path: options.NewPath = None,
    header: options.NewHeader = None,
    body: options.NewBody = None,
    compare: options.Diff = False,
    view: options.SavedView = None,
    factory: serving.Factory = False,
    interface: serving.Interface = "auto",
    traceback: serving.Traceback = False,
) -> int:
    """Send recorded requests and WebSocket messages again, into an app or to a server.

    \b
    asgictl session replay session.jsonl 7 --app main:app           in this process, without a port
    asgictl session replay session.jsonl --to http://127.0.0.1:8000 all of them, to a server
    asgictl session replay session.jsonl 7 --app main:app --diff    what has changed since; 1 if anything has
    asgictl session replay session.jsonl 7 --app main:app -H 'Authorization: Bearer ...' --body @new.json
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    from asgictl.inspector import difference, over_network

    console = Console.of(ctx.params)
    if (app is None) == (to is None):
        raise ConfigError("where to send it is missing, or there are two places", hint="pass --app APP, or --to URL")
    if to is not None:
        _check_url(to, yes=yes)
    change = _change(ctx.params)
    exchanges = _exchanges(file, console)
    scripts = _scripts(exchanges, file, numbers, change, console)
    for one in scripts:
        if one.without:
            console.note(f"#{one.id} is sent without {_list(one.without)}, which the session does not hold")
            console.hint(_how_to_give(one.without))
    first_id = max(exchanges) + 1
    differences = 0
    for new in _results(ctx.params, console, scripts, first_id):
        old = exchanges[int(new.opened.replay_of or 0)]
        if compare:
            found = list(difference.of_answers(old, new, over_network.ADDED if to else frozenset()))
            _print_differences(console, f"#{old.id}", "now", found)
            differences += len(found)
        else:
            viewing.show(
                console, new.records(), viewing.everything(), view or ("full" if len(scripts) == 1 else "line")
            )
    return _DIFFERENT if differences else 0


def _scripts(
    exchanges: "Mapping[int, Exchange]",
    file: str,
    numbers: Sequence[int] | None,
    change: "Change",
    console: Console,
) -> "list[Script]":
    """Return what to send: the exchanges that are named, or all that can be sent again."""
    from asgictl.inspector import replay as again

    if numbers:
        return [again.script(_the(exchanges, file, number), change) for number in dict.fromkeys(numbers)]
    scripts = []
    for exchange in exchanges.values():
        if exchange.type in ("http", "websocket"):
            try:
                scripts.append(again.script(exchange, change))
            except AsgictlError as error:
                console.note(f"{error.message}; it is left out")
    if not scripts:
        problem = f"`{file}` holds nothing that can be sent again"
        raise AsgictlError(problem, hint="make some requests while `asgictl inspect --save` runs")
    return scripts


def _how_to_give(names: Sequence[str]) -> str:
    options = [("-H", "headers", False), ("--path", "parameters of the query", True)]
    ways = [
        f"pass {way} for {what}" for way, what, query in options if any((name[0] == "?") is query for name in names)
    ]
    return ", ".join(ways)


def _results(
    params: Mapping[str, Any], console: Console, scripts: Sequence["Script"], first_id: int
) -> Iterable["Exchange"]:
    """Yield what came of each script, as it comes; with progress on a terminal."""
    import asyncio

    from asgictl.inspector import over_network
    from asgictl.inspector import replay as again
    from asgictl.inspector import session as saved
    from asgictl.inspector.redaction import Redactor

    # As the session does it, or all that it does not hold would be a difference, and be shown.
    names = saved.redacted_names(Path(params["file"]))
    if params["app"] is not None:
        results = again.into_app(_driver(params, first_id, names), scripts)
    else:
        results = over_network.to_server(params["to"], scripts, params["timeout"], first_id, Redactor(names))

    async def following() -> "Exchange | None":
        return await anext(results, None)

    with asyncio.Runner() as runner, console.progress("replayed", len(scripts)) as advance:
        while (new := runner.run(following())) is not None:
            advance()
            yield new


def _driver(params: Mapping[str, Any], first_id: int, redact: Sequence[str]) -> Any:
    """Return a driver of the app that is named."""
    import os

    from asgictl import adapt, target
    from asgictl.inspector.driver import Driver

    ref = target.find(params["app"], project.current_folder(), os.environ, lambda _: None)
    how = adapt.Adaptation(interface=params["interface"], factory=params["factory"])
    return Driver(adapt.adapt(ref, how).app, timeout=params["timeout"], first_id=first_id, redact=redact)


def _records(file: str, console: Console, only: int | None = None) -> Iterable["Record"]:
    from asgictl.inspector import session as saved

    return saved.records(Path(file), console.note, only)


def _exchanges(file: str, console: Console) -> "dict[int, Exchange]":
    from asgictl.inspector.exchange import assembled

    return assembled(_records(file, console))


def _the(exchanges: "Mapping[int, Exchange]", file: str, number: int) -> "Exchange":
    if number not in exchanges:
        raise _missing(file, number)
    return exchanges[number]


def _missing(file: str, number: int) -> FileProblemError:
    hint = f"`asgictl session show {shlex.quote(file)}` lists what there is"
    return FileProblemError(f"there is no exchange #{number} in `{file}`", hint=hint)


def _check_url(url: str, *, yes: bool) -> None:
    """Raise `ConfigError` for what is no URL, and for other machines unless they are allowed."""
    from urllib.parse import urlsplit

    from asgictl.inspector.address import is_loopback

    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        usable = usable and not (parts.query or parts.fragment or "@" in parts.netloc) and url.isascii()
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            f"`--to {url}` is no URL of a server", hint="pass one like http://127.0.0.1:8000", option="to"
        )
    if not yes and not is_loopback(url):
        raise ConfigError(
            f"`--to {url}` is another machine", hint="pass --yes if it may get these requests", option="to"
        )


def _change(params: Mapping[str, Any]) -> "Change":
    """Return what is to be sent differently; raise `ConfigError` for what HTTP does not allow."""
    from asgictl.inspector.replay import Change

    headers = []
    for text in params["header"] or ():
        name, colon, value = text.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ConfigError(f"`-H {text}` is no header", hint="write it as `Name: value`, or `Name:` to leave it out")
        headers.append((name, value.strip() or None))
    method, target = params["method"], params["path"]
    if method is not None and not _TOKEN.fullmatch(method):
        raise ConfigError(f"`--method {method}` is no method", hint="pass one like POST", option="method")
    if target is not None and (not target.startswith("/") or not target.isprintable() or " " in target):
        raise ConfigError(f"`--path {target}` is no path", hint="pass one like /items?page=2", option="path")
    return Change(method and method.upper(), target, tuple(headers), _body(params["body"]))


def _body(text: str | None) -> bytes | None:
    if text is None or not text.startswith("@"):
        return None if text is None else text.encode(errors="surrogateescape")
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise FileProblemError(f"cannot read `{text[1:]}`: {error.strerror}", hint="pass --body @FILE") from error


def _print_differences(console: Console, one: str, other: str, found: "Sequence[Difference]") -> None:
    """Print differences: what was there, what is there now."""
    data = [difference._asdict() for difference in found]
    lines = []
    for difference in found:
        lines.append([(difference.where, "bold", False)])
        lines += [[(f"- {line}", "red", False)] for line in (difference.one or "").splitlines()]
        lines += [[(f"+ {line}", "green", False)] for line in (difference.other or "").splitlines()]
    text = "\n".join(console.rendered(line, None) for line in lines)
    count = f"{len(found)} difference{'s' if len(found) != 1 else ''}" if found else "no difference"
    console.result(text if found else f"{one} and {other}: no difference", {"differences": data})
    if found:
        console.note(f"{one} (-) and {other} (+): {count}")


def _list(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)

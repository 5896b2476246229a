"""`asgictl session`: look at, compare, export and send again what `inspect --save` has written."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import typer

from asgictl import __version__
from asgictl.cli.command import Command, Group
from asgictl.cli.inspect import options, views
from asgictl.cli.serve import options as serve_options
from asgictl.cli.session import replay, saved
from asgictl.console import Console
from asgictl.errors import AsgictlError, ConfigError

if TYPE_CHECKING:
    from asgictl.inspector.record import Record

app = typer.Typer(cls=Group, no_args_is_help=True, add_completion=False, rich_markup_mode="rich")

_DIFFERENT = 1


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
    wanted = views.wanted_of(ctx.params)
    records: Iterable[Record] = saved.records(file, console, number)
    if number is not None and not (records := list(records)):
        raise saved.missing(file, number)
    if not views.show(console, records, wanted, view or ("full" if number is not None else "line")):
        console.note("nothing in the session is like that")
    return 0


@app.command(cls=Session)
def diff(
    ctx: typer.Context,
    file: options.File,
    one: options.First,
    other: options.Second,
    *,
    as_json: serve_options.Json = False,
) -> int:
    """Compare two exchanges: scope, headers without their order, bodies by what they mean; 1 if they differ."""
    from asgictl.inspector.sessions import difference

    console = Console.of(ctx.params)
    exchanges = saved.exchanges_of(file, console)
    first, second = (saved.the(exchanges, file, number) for number in (one, other))
    found = [*difference.of_requests(first, second), *difference.of_answers(first, second)]
    saved.print_differences(console, f"#{one}", f"#{other}", found)
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
    exchanges = saved.exchanges_of(file, console)
    if har:
        from asgictl.inspector.sessions.har import har as archive

        data = archive(exchanges.values(), __version__)
        if not data["log"]["entries"]:
            raise AsgictlError(f"`{file}` holds no request", hint="make some while `asgictl inspect --save` runs")
        console.result(json.dumps(data, indent=1))
        return 0
    from asgictl.inspector.sessions import shell_commands

    number = curl if curl is not None else httpie
    assert number is not None  # noqa: S101  # counted above
    exchange = saved.the(exchanges, file, number)
    command = shell_commands.curl(exchange) if curl is not None else shell_commands.httpie(exchange)
    console.result(command)
    if exchange.redacted:
        console.note(f"without {saved.listed(exchange.redacted)}, which the session does not hold")
    return 0


app.command("replay", cls=Session)(replay.replay)

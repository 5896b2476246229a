"""How commands read their options, and the one boundary for their errors.

Typer 0.28 and later import pydantic to convert any value, which made `asgictl serve` start a bare app 1.5 times
as slowly as uvicorn does (bench/startup.py). So Typer splits the command line and prints help, completions and
errors, and the values are converted by `asgictl.option_types` and completed by `asgictl.settings`.
"""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise, zip_longest
from typing import Any, ClassVar, NamedTuple, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from asgictl import option_types, pyproject, settings
from asgictl.cli.option import Form, Row
from asgictl.console import Console
from asgictl.errors import AsgictlError, ConfigError
from asgictl.settings import Option, Rank, Settings

# Where click keeps the environment that a command began with.
_ENVIRON = "asgictl.environ"


class Invocation(NamedTuple):
    """One run of a command: where it speaks, its options, and for each field where its value comes from.

    `environ` is the environment that it began with.
    """

    console: Console
    options: Sequence[Option]
    settings: Settings
    environ: Mapping[str, str]

    @property
    def own_environ(self) -> Mapping[str, str] | None:
        """The user's own variables, where a file of the project has set others; else None."""
        files = self.settings.get("env_file")
        return self.environ if files is not None and files.rank is Rank.FILE else None

    def is_typed(self, field: str) -> bool:
        """Tell whether the user has just given the value on the command line."""
        return self.settings[field].rank is Rank.COMMAND_LINE

    def is_users(self, field: str) -> bool:
        """Tell whether the value is from the user's command line or variables, and not from a file of the project."""
        return self.settings[field].rank >= Rank.VARIABLE

    def is_given(self, field: str) -> bool:
        """Tell whether the value is from somewhere, and not the default."""
        return self.settings[field].rank is not Rank.DEFAULT


class Command(TyperCommand):
    """A Typer command that calls a function with the values which its parameters name, and an `Invocation`."""

    form: ClassVar[Form]
    options: ClassVar[Sequence[Option]]
    requests: ClassVar[Sequence[type[Any]]]
    function: ClassVar[Callable[..., int]]

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters; in the line of usage those of several words as they are written in their row."""
        params = _without_type(super().get_params(ctx))
        for param in params:
            if "..." in (param.metavar or ""):
                param.get_usage_pieces = lambda _, metavar=param.metavar: [metavar]
        return params

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the settings into `ctx.obj`; raise Typer's usage errors, or print them as JSON."""
        try:
            return self._parse(ctx, args)
        except Exception as error:
            if not _asks_for_json(args) or not hasattr(error, "format_message"):
                raise
            Console(json_for=_words(ctx)).error(ConfigError(error.format_message()))
            raise typer.Exit(ConfigError.exit_status) from None

    def _parse(self, ctx: Any, args: list[str]) -> list[str]:
        form = self.form
        try:
            found, rest, _ = self.make_parser(ctx).parse_args(args=_filled(args, form.bare))
        except Exception as error:
            name = str(getattr(error, "option_name", ""))
            hint = form.refused.get(name) or form.meant.get(name)
            if hint is None:
                raise
            with _Boundary(Console(json_for=_words(ctx) if _asks_for_json(args) else None)):
                problem = "does not go with" if name in form.refused else "is not an option of"
                raise ConfigError(f"`{name}` {problem} `{ctx.command_path}`", hint=hint) from error
        params: list[Any] = sorted(self.get_params(ctx), key=lambda param: not param.is_eager)
        own = [param for param in params if param.name in form.rows]
        for param in params:
            if param not in own and param.name in found:  # Typer's flags, like --help
                param.handle_parse_result(ctx, found, rest)
        if ctx.resilient_parsing:  # the shell completes a line
            return rest
        given = self._given(ctx, own, found)
        if rest:
            ctx.fail(f"Got unexpected extra argument(s) ({' '.join(rest)})")
        console = console_of(given, _words(ctx))
        ctx.meta[_ENVIRON] = dict(os.environ)
        with _Boundary(console):
            ctx.obj = (
                settings.typed(self.options, given)
                if not form.configurable
                else settings.resolve(
                    ctx.info_name,
                    self.options,
                    given,
                    rules=form.rules,
                    environ=os.environ,
                    folder=pyproject.current_folder(),
                    note=console.note,
                )
            )
        ctx.args = rest
        return rest

    def _given(self, ctx: Any, own: list[Any], found: dict[str, Any]) -> dict[str, Any]:
        """Return the checked values of the command line."""
        hints = {option.name: option.hint for option in self.options}
        given: dict[str, Any] = {}
        for param in own:
            value, source = param.consume_value(ctx, found)
            ctx.set_parameter_source(param.name, source)
            if source is None or source.name != "COMMANDLINE":
                if param.required:
                    ctx.fail(f"Missing {param.param_type_name} '{param.metavar}'.")
                continue
            try:
                given[param.name] = option_types.converted(value, hints[param.name])
            except ValueError as error:
                raise typer.BadParameter(str(error), ctx=ctx, param=param) from error
        return given

    def invoke(self, ctx: Any) -> Any:
        """Run the command and exit with the status that it returns; tell of an expected error in two lines."""
        values = {name: _value_of(setting) for name, setting in ctx.obj.items()}
        console = console_of(values, _words(ctx))
        keys = {option.key: ctx.obj[option.name] for option in self.options}
        requests = [
            request(**{field: values[field] for field in request._fields if field in values})
            for request in self.requests
        ]
        with _Boundary(console, keys):
            raise typer.Exit(self.function(*requests, Invocation(console, self.options, ctx.obj, ctx.meta[_ENVIRON])))


def alone(name: str, form: Form, function: Callable[..., int]) -> typer.Typer:
    """Return the Typer app that a module of one command has."""
    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    add(app, name, form, function)
    return app


def add(app: typer.Typer, name: str, form: Form, function: Callable[..., int]) -> None:
    """Add a command to `app` that calls `function` with a value of each class in its annotations, and an `Invocation`.

    The fields of these classes, frozen ones, say which options there are, of which types and with which defaults.
    """
    hints = get_type_hints(function).items()
    requests = [hint for param, hint in hints if param != "return" and hint is not Invocation]
    fields: dict[str, tuple[Any, Any]] = {}
    for request in requests:
        for field, hint in get_type_hints(request, include_extras=True).items():
            assert field not in fields, f"two requests of `{name}` have a field `{field}`"  # noqa: S101  # a mistake here
            fields[field] = hint, request._field_defaults.get(field, ...)
    known = {field: Option(field, row.key(field), *fields[field]) for field, row in form.rows.items()}
    own = {"form": form, "options": tuple(known.values()), "requests": requests, "function": staticmethod(function)}

    def declared() -> None:
        """Never called: Typer reads its signature."""

    parameters = [_parameter(option, form.rows[field]) for field, option in known.items()]
    declared.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    declared.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    declared.__doc__ = function.__doc__
    app.command(name, cls=type("Command", (Command,), own))(declared)


def _parameter(option: Option, row: Row) -> inspect.Parameter:
    """Return an option as a parameter that Typer understands."""
    kind = option_types.kind(option.hint)
    hint: Any = list[kind.base] if kind.many else kind.base  # type: ignore[name-defined]  # known at run time
    default = None if kind.many and option.default is not ... else option.default
    about: Any = (
        typer.Option(
            default,
            *row.flags,
            metavar=row.metavar,
            help=row.about,
            rich_help_panel=row.panel,
            show_default=not row.switch,
            autocompletion=row.complete,
        )
        if row.flags
        else typer.Argument(default, metavar=row.metavar, help=row.about, show_default=False)
    )
    hint = hint | None if default is None else hint
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=about, annotation=hint)


def _without_type(params: list[Any]) -> list[Any]:
    """Return parameters, Typer's own flags with a blank for their type, as ours have it."""
    for param in params:
        if getattr(param, "is_bool_flag", False) and param.metavar is None:
            param.metavar = " "
    return params


class Group(TyperGroup):
    """A group of commands whose own flags need no conversion."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters; Typer's own flags, like --install-completion, with the default that a flag has."""
        params = _without_type(super().get_params(ctx))
        for param in params:
            if getattr(param, "is_bool_flag", False) and param.default is None:
                param.default = False
        return params


class _Boundary:
    """Where expected errors end: printed, and turned into an exit status."""

    def __init__(self, console: Console, found: Mapping[str, settings.Setting] | None = None) -> None:
        """Speak through `console` of the options whose settings are `found` under their keys."""
        self._console = console
        self._found = found or {}

    def _source(self, option: str | None) -> str | None:
        """Return where the value of `option` comes from, unless the user has just typed it, or nobody has."""
        key, _, argument = (option or "").partition(".")
        setting = self._found.get(key)
        if setting is not None and argument:
            setting = setting.value.get(argument)
        if setting is None or setting.rank in {Rank.DEFAULT, Rank.COMMAND_LINE}:
            return None
        return setting.source

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, AsgictlError):
            if source := self._source(error.option):
                error.message += f" ({source})"
            self._console.error(error)
            raise typer.Exit(error.exit_status) from None


def _filled(args: Sequence[str], bare: Mapping[str, str]) -> list[str]:
    """Return a command line in which every option of `bare` has a value."""
    filled = []
    for arg, following in zip_longest(args, args[1:], fillvalue="-"):
        filled += [arg, bare[arg]] if arg in bare and following.startswith("-") else [arg]
    return filled


def _asks_for_json(args: Sequence[str]) -> bool:
    """Tell whether a command line that is not understood yet asks for an answer in JSON."""
    return "--json" in args or "--format=json" in args or ("--format", "json") in pairwise(args)


def _value_of(setting: settings.Setting) -> Any:
    """Return the value of a setting, which may be one for each of its keys."""
    if isinstance(setting.value, dict):
        return {key: one.value for key, one in setting.value.items()}
    return setting.value


def _words(ctx: Any) -> str:
    """Return what a command is called, below the program."""
    return str(ctx.command_path).partition(" ")[2]


def _is_json_alone(values: Mapping[str, Any]) -> bool:
    """Tell whether stdout takes a report in JSON."""
    return values.get("format") == "json" and values.get("output") is None


def console_of(values: Mapping[str, Any], command: str = "") -> Console:
    """Return the console that the options of `command` ask for, as far as they have `values`."""
    # With reload the terminal is where one looks for it.
    develops = values.get("reload") and not values.get("check")
    return Console(
        stack="whole" if values.get("traceback") else "users" if develops else "hidden",
        as_json=values.get("log_format") == "json",
        json_for=command if values.get("json") or _is_json_alone(values) else None,
        plain_only=bool(values.get("prod")),
    )

"""How commands read their options, and the one boundary for their errors.

Typer 0.28 and later import pydantic to convert any value, which made `asgictl serve` start a bare app 1.5 times
as slowly as uvicorn does (bench/startup.py). So Typer splits the command line and prints help, completions and
errors, and the values are converted by `asgictl.option_types` and completed by `asgictl.settings`.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from asgictl import option_types, pyproject, settings
from asgictl.console import Console
from asgictl.errors import AsgictlError, ConfigError


class Command(TyperCommand):
    """A Typer command whose values may also come from variables and from `pyproject.toml`, if it is `configurable`.

    `refused` holds options that belong to other commands, with the reason why this one does not have them, `meant`
    options of other programs, with what to pass here.
    """

    rules: ClassVar[settings.Rules] = settings.Rules()
    configurable: ClassVar[bool] = True
    refused: ClassVar[Mapping[str, str]] = {}
    meant: ClassVar[Mapping[str, str]] = {}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Fill `ctx.params` and `ctx.obj`, the settings; raise Typer's usage errors, or print them as JSON."""
        try:
            return self._parse(ctx, args)
        except Exception as error:
            if "--json" not in args or not hasattr(error, "format_message"):
                raise
            Console(json_result=True).error(ConfigError(error.format_message()))
            raise typer.Exit(ConfigError.exit_status) from None

    def _parse(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            found, rest, _ = self.make_parser(ctx).parse_args(args=list(args))
        except Exception as error:
            name = str(getattr(error, "option_name", ""))
            hint = self.refused.get(name) or self.meant.get(name)
            if hint is None:
                raise
            with _Boundary({"as_json": "--json" in args}):
                problem = "does not go with" if name in self.refused else "is not an option of"
                raise ConfigError(f"`{name}` {problem} `{ctx.command_path}`", hint=hint) from error
        hints = get_type_hints(self.callback, include_extras=True)
        params: list[Any] = sorted(self.get_params(ctx), key=lambda param: not param.is_eager)
        own = [param for param in params if param.name in hints]
        for param in params:
            if param not in own and param.name in found:  # Typer's flags, like --help
                param.handle_parse_result(ctx, found, rest)
        if ctx.resilient_parsing:  # the shell completes a line
            return rest
        given = self._given(ctx, own, found, hints)
        if rest:
            ctx.fail(f"Got unexpected extra argument(s) ({' '.join(rest)})")
        options = [option_of(param, hints) for param in own]
        with _Boundary(given):
            ctx.obj = (
                settings.typed(options, given)
                if not self.configurable
                else settings.resolve(
                    ctx.info_name,
                    options,
                    given,
                    rules=self.rules,
                    environ=os.environ,
                    folder=pyproject.current_folder(),
                    note=Console.of(given).note,
                )
            )
        ctx.params.update({name: setting.value for name, setting in ctx.obj.items()})
        ctx.args = rest
        return rest

    def _given(self, ctx: Any, own: list[Any], found: dict[str, Any], hints: dict[str, Any]) -> dict[str, Any]:
        """Return the checked values of the command line."""
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
        with _Boundary(ctx.params, ctx.obj):
            raise typer.Exit(super().invoke(ctx))


def alone(name: str, command: type[Command], function: Callable[..., int]) -> typer.Typer:
    """Return the Typer app that a module of one command has."""
    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    app.command(name, cls=command)(function)
    return app


class Group(TyperGroup):
    """A group of commands whose own flags need no conversion."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters; Typer's own flags, like --install-completion, with the default that a flag has."""
        params: list[Any] = super().get_params(ctx)
        for param in params:
            if getattr(param, "is_bool_flag", False) and param.default is None:
                param.default = False
        return params


class _Boundary:
    """Where expected errors end: printed, and turned into an exit status."""

    def __init__(self, params: dict[str, Any], found: settings.Settings | None = None) -> None:
        self._params = params
        self._found = found or {}

    def _source(self, option: str | None) -> str | None:
        """Return where the value of `option` comes from, unless the user has just typed it, or nobody has."""
        name, _, argument = (option or "").partition(".")
        setting = self._found.get(name)
        if setting is not None and argument:
            setting = setting.value.get(argument)
        if setting is None or setting.rank in {settings.Rank.DEFAULT, settings.Rank.COMMAND_LINE}:
            return None
        return setting.source

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, AsgictlError):
            if isinstance(error, ConfigError) and (source := self._source(error.option)):
                error.message += f" ({source})"
            Console.of(self._params).error(error)
            raise typer.Exit(error.exit_status) from None


def option_of(param: Any, hints: dict[str, Any]) -> settings.Option:
    """Return what `asgictl.settings` has to know of a parameter."""
    key = next((name.removeprefix("--") for name in param.opts if name.startswith("--")), param.name)
    return settings.Option(name=param.name, key=key, hint=hints[param.name], default=param.default)

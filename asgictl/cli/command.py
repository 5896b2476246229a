"""How commands read their options.

Typer 0.28 and later import pydantic to convert any value, which made `asgictl serve` start a bare app 1.5 times
as slowly as uvicorn does (bench/startup.py). So Typer splits the command line and prints help, completions and
errors, and the values, which have few types, are converted here.
"""

from collections.abc import Callable
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from asgictl.options import Range


class Command(TyperCommand):
    """A Typer command that converts its values itself."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Fill `ctx.params` from `args`; raise Typer's usage errors."""
        values, rest, _ = self.make_parser(ctx).parse_args(args=list(args))
        hints = get_type_hints(self.callback, include_extras=True)
        params: list[Any] = sorted(self.get_params(ctx), key=lambda param: not param.is_eager)
        for param in params:
            if param.name not in hints:  # Typer's own flags, like --help
                if param.name in values:
                    param.handle_parse_result(ctx, values, rest)
                continue
            value, source = param.consume_value(ctx, values)
            ctx.set_parameter_source(param.name, source)
            try:
                ctx.params[param.name] = converted(value, hints[param.name])
            except ValueError as error:
                if not ctx.resilient_parsing:
                    raise typer.BadParameter(str(error), ctx=ctx, param=param) from error
        if rest and not ctx.resilient_parsing:
            ctx.fail(f"Got unexpected extra argument(s) ({' '.join(rest)})")
        ctx.args = rest
        return rest


class Group(TyperGroup):
    """A group of commands whose own flags need no conversion."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters; Typer's own flags, like --install-completion, with the default that a flag has."""
        params: list[Any] = super().get_params(ctx)
        for param in params:
            if getattr(param, "is_bool_flag", False) and param.default is None:
                param.default = False
        return params


def converted(value: Any, hint: Any) -> Any:
    """Return `value`, which may be text, as what the annotation `hint` says; raise `ValueError` when it is not."""
    limits = None
    if get_origin(hint) is Annotated:
        hint, *metadata = get_args(hint)
        limits = next((info for info in metadata if isinstance(info, Range)), None)
    if get_origin(hint) in (Union, UnionType):
        if value is None:
            return None
        hint = next(option for option in get_args(hint) if option is not NoneType)
    if get_origin(hint) is list:
        return [converted(item, get_args(hint)[0]) for item in value or ()]
    if get_origin(hint) is Literal:
        return _choice(value, get_args(hint))
    if hint in (int, float) and value is not None:
        return _number(value, hint, limits)
    return Path(value) if hint is Path else value


def _choice(value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices:
        known = ", ".join(map(repr, choices))
        raise ValueError(f"{value!r} is not one of {known}.")
    return value


def _number(value: Any, kind: Callable[[Any], float], limits: Range | None) -> float:
    try:
        number = kind(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a valid {'integer' if kind is int else 'number'}.") from None
    # Written so that NaN, which compares false with everything, is out of any range.
    if limits is not None and not limits.low <= number <= limits.high:
        raise ValueError(f"{value} is not {_wanted(limits)}.")
    return number


def _wanted(limits: Range) -> str:
    if limits.high == float("inf"):
        return f"{limits.low} or more"
    return f"between {limits.low} and {limits.high}"

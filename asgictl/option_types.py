"""What the values of options may be: text from a command line or the environment, or typed from a TOML file."""

import enum
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_KINDS = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "a list", dict: "a table"}


class Range(NamedTuple):
    """The numbers that an option takes, both ends included, and the words that stand for one."""

    low: float
    high: float = float("inf")
    words: tuple[str, ...] = ()


class Trait(enum.Enum):
    """What else has to be known of an option."""

    PATH = "a path, in a file relative to that file"
    SECRET = "never shown"  # noqa: S105  # no password
    ACTION = "for the command line only"
    MACHINE = "of the user's machine: no file of a project decides it"
    REASONED = "a list that adds up over its sources; in a file a table, with a reason for each item"
    INSIDE = "a path that is written, or handed out: one that a file of a project names stays in the project's folder"


class OptionType(NamedTuple):
    """What an option's annotation says of its values: of a tuple, or a mapping, that there may be `many` of `base`."""

    base: Any
    many: bool
    limits: Range | None
    marks: frozenset[Trait]


def kind(hint: Any) -> OptionType:
    """Return what the annotation `hint` says."""
    metadata: list[Any] = []
    if get_origin(hint) is Annotated:
        hint, *metadata = get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        hint = next(option for option in get_args(hint) if option is not NoneType)
    many = get_origin(hint) in (tuple, Mapping)
    return OptionType(
        base=get_args(hint)[0] if many else hint,
        many=many,
        limits=next((info for info in metadata if isinstance(info, Range)), None),
        marks=frozenset(info for info in metadata if isinstance(info, Trait)),
    )


def converted(value: Any, hint: Any) -> Any:
    """Return `value`, which may be text, as what the annotation `hint` says; raise `ValueError` when it is not."""
    wanted = kind(hint)
    if value is None:
        return None
    return tuple(_single(item, wanted) for item in value) if wanted.many else _single(value, wanted)


def from_text(text: str, hint: Any) -> Any:
    """Return the value of a variable; one of many items has one a line, or is JSON; raise `ValueError` for others."""
    wanted = kind(hint)
    if wanted.base is bool:
        if text.lower() not in _BOOLEANS:
            raise ValueError(f"{text!r} is not a boolean, true or false.")
        return _BOOLEANS[text.lower()]
    if not wanted.many:
        return converted(text, hint)
    return converted(_items(text), hint)


def _items(text: str) -> list[str]:
    if not text.lstrip().startswith("["):
        return [line.strip() for line in text.splitlines() if line.strip()]
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{text!r} is not a list in JSON.") from error
    if not all(isinstance(item, str) for item in items):
        raise ValueError(f"{text!r} is not a list of strings.")
    return list(items)


def from_toml(value: Any, hint: Any) -> Any:
    """Return the value of a key in a file; raise `ValueError` when it has another type, or is none."""
    wanted = kind(hint)
    if Trait.REASONED in wanted.marks:
        return converted(_reasoned(value), hint)
    if wanted.many:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ValueError(f"it is {_named(value)}, not a list of strings.")
        return converted(items, hint)
    types = _types(wanted)
    if type(value) not in types:
        raise ValueError(f"it is {_named(value)}, not {_KINDS[types[0]]}.")
    return converted(str(value) if types == (int, str) else value, hint)


def _reasoned(value: Any) -> list[str]:
    """Return the keys of a table whose values are reasons; raise `ValueError` for anything else."""
    if not isinstance(value, dict):
        raise ValueError(f"it is {_named(value)}, not a table of reasons.")  # noqa: TRY004  # as of all values
    for item, reason in value.items():
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"{item!r} has no reason.")
    return list(value)


def _types(wanted: OptionType) -> tuple[type, ...]:
    """Return the types that a TOML file may give for an option."""
    if wanted.base is float:
        return (float, int)
    if wanted.base is str and wanted.limits is not None:
        return (int, str)
    return (wanted.base,) if wanted.base in (bool, int) else (str,)


def _named(value: Any) -> str:
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def _single(value: Any, wanted: OptionType) -> Any:
    if get_origin(wanted.base) is Literal:
        return _choice(value, get_args(wanted.base))
    if wanted.limits is not None and value in wanted.limits.words:
        return value
    if wanted.base in (int, float):
        return _number(value, wanted.base, wanted.limits)
    if wanted.limits is not None:
        return str(_number(value, int, wanted.limits))
    if isinstance(value, str):
        _refuse_no_text(value)
    return Path(value) if wanted.base is Path else value


def _refuse_no_text(value: str) -> None:
    """Raise `ValueError` for what no program, file or host can be called."""
    if "\0" in value:
        raise ValueError(f"{value!r} holds a NUL character.")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError(f"{value!r} holds half of a character.") from None


def _choice(value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices:
        known = ", ".join(map(repr, choices))
        raise ValueError(f"{value!r} is not one of {known}.")
    return value


def _number(value: Any, of: Callable[[Any], float], limits: Range | None) -> float:
    try:
        number = of(value)
    except ValueError:
        words = f" or {' or '.join(limits.words)}" if limits and limits.words else ""
        raise ValueError(f"{value!r} is not a valid {'integer' if of is int else 'number'}{words}.") from None
    # Written so that NaN, which compares false with everything, is out of any range.
    if limits is not None and not limits.low <= number <= limits.high:
        raise ValueError(f"{value} is not {_wanted(limits)}.")
    return number


def _wanted(limits: Range) -> str:
    if limits.high == float("inf"):
        return f"{limits.low} or more"
    return f"between {limits.low} and {limits.high}"

"""JSON as it stands: every key of an object in its order, numbers as they are spelled."""

import json
from typing import Any, NamedTuple, NoReturn


class Number(NamedTuple):
    """A number as it is spelled."""

    spelled: str


class Object(NamedTuple):
    """An object: its keys and values in their order, each as often as it is there."""

    pairs: list[tuple[str, Any]]


def value(text: str) -> Any:
    """Return what some JSON says: `Object`, list, str, `Number`, bool or None; raise `ValueError` for what is none."""
    try:
        return json.loads(text, object_pairs_hook=Object, parse_float=Number, parse_int=Number, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")

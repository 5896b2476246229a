"""How two texts in JSON differ, each difference with its place; the order of keys, and blanks, say nothing."""

import itertools
import json
import re
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from asgictl.inspector.bodies import exact_json
from asgictl.inspector.comparison.found import Difference, Found, Remark, aligned, place, told

_ITEMS = 5000

_NOTHING = object()

_PLAIN = re.compile(r"[\w$-]+")


def of_texts(where: str, one: str, other: str) -> list[Found] | None:
    """Return how two texts differ by what they say, or None where one is not JSON, or nested too deeply."""
    try:
        return list(_of_values(where, exact_json.value(one), exact_json.value(other)))
    except (ValueError, RecursionError):
        return None


def _of_values(where: str, one: Any, other: Any) -> Iterator[Found]:
    if isinstance(one, exact_json.Object) and isinstance(other, exact_json.Object):
        first, second = _members(one), _members(other)
        for key in dict.fromkeys((*first, *second)):
            values = [members.get(key, []) for members in (first, second)]
            there = f"{where} .{key}" if _PLAIN.fullmatch(key) else f"{where} .{json.dumps(key)}"
            if max(map(len, values)) == 1:
                yield from _of_values(there, *(items[0] if items else _NOTHING for items in values))
            elif (several := [[_written(item) for item in items] for items in values])[0] != several[1]:
                yield Difference(there, *("\n".join(items) or None for items in several))
    elif isinstance(one, list) and isinstance(other, list):
        yield from _of_lists(where, one, other)
    elif one is _NOTHING or other is _NOTHING:
        yield Difference(where, *(None if value is _NOTHING else _written(value) for value in (one, other)))
    elif (texts := [_written(value) for value in (one, other)])[0] != texts[1]:
        yield Difference(where, *told(*texts))


def _of_lists(where: str, one: list[Any], other: list[Any]) -> Iterator[Found]:
    parts = aligned([_written(item) for item in one], [_written(item) for item in other], _ITEMS)
    for i, j in itertools.chain.from_iterable(itertools.zip_longest(*pair) for pair in parts.pairs):
        values = (items[n] if n is not None else _NOTHING for items, n in ((one, i), (other, j)))
        yield from _of_values(f"{where}[{place(i, j)}]", *values)
    if not parts.whole:
        yield Remark(where, f"compared: {_ITEMS} items from the first on that differs")


def _members(value: exact_json.Object) -> dict[str, list[Any]]:
    """Return the values of each key, in their order."""
    found: dict[str, list[Any]] = {}
    for key, item in value.pairs:
        found.setdefault(key, []).append(item)
    return found


def _written(value: Any) -> str:
    """Return a value in JSON, with the keys of objects sorted."""
    if isinstance(value, exact_json.Number):
        return value.spelled
    if isinstance(value, exact_json.Object):
        pairs = sorted(value.pairs, key=itemgetter(0))  # those of one key stay in their order
        return "{" + ", ".join(f"{json.dumps(key)}: {_written(item)}" for key, item in pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value)

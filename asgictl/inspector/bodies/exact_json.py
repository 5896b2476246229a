"""JSON as it stands: every key of an object in its order, numbers as they are spelled."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

_INDENT = "  "

# So many keys are named that are there more than once.
_NAMED = 3


class TooDeepError(ValueError):
    """The text may be JSON, and has more in one another than can be read."""


class Number(NamedTuple):
    """A number as it is spelled."""

    spelled: str


class Object(NamedTuple):
    """An object: its keys and values in their order, each as often as it is there."""

    pairs: list[tuple[str, Any]]


def value(text: str) -> Any:
    """Return what some JSON says: `Object`, list, str, `Number`, bool or None; raise `ValueError` for what is none."""
    if text.startswith("\ufeff"):
        raise ValueError("it begins with a byte order mark")
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise TooDeepError("nested too deeply") from None


def lines(value: Any) -> Iterator[str]:
    """Yield the lines of a value, laid out."""
    outer: list[tuple[Iterator[tuple[str, Any, str]], str]] = []
    entries = iter([("", value, "")])
    while True:
        entry = next(entries, None)
        if entry is None:
            if not outer:
                return
            entries, end = outer.pop()
            yield f"{_INDENT * len(outer)}{end}"
            continue
        label, item, comma = entry
        begin = f"{_INDENT * len(outer)}{label}"
        if isinstance(item, (Object, list)):
            opening, closing = "{}" if isinstance(item, Object) else "[]"
            if not (item.pairs if isinstance(item, Object) else item):
                yield f"{begin}{opening}{closing}{comma}"
                continue
            yield f"{begin}{opening}"
            outer.append((entries, f"{closing}{comma}"))
            entries = _entries(item)
        else:
            yield f"{begin}{written(item)}{comma}"


def written(item: Any) -> str:
    """Return a text, number, bool or None as JSON has it."""
    return item.spelled if isinstance(item, Number) else json.dumps(item, ensure_ascii=False)


def doubled(value: Any) -> str | None:
    """Return which keys are in one object more than once, as the end of a sentence, or None."""
    found: Counter[str] = Counter()
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, Object):
            counts = Counter(key for key, _ in item.pairs)
            if len(counts) < len(item.pairs):
                found |= Counter({key: count for key, count in counts.items() if count > 1})
            todo += [inner for _, inner in item.pairs]
        elif isinstance(item, list):
            todo += item
    named = [f"{written(key)} appears {count} times" for key, count in sorted(found.items())[:_NAMED]]
    return ", ".join([*named, *(["…"] if len(found) > _NAMED else [])]) or None


def _entries(item: Object | list[Any]) -> Iterator[tuple[str, Any, str]]:
    pairs = [(f"{written(key)}: ", inner) for key, inner in item.pairs] if isinstance(item, Object) else None
    labelled = pairs if pairs is not None else [("", inner) for inner in item]
    for index, (label, inner) in enumerate(labelled, start=1):
        yield label, inner, "," if index < len(labelled) else ""


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=Object, parse_float=Number, parse_int=Number, parse_constant=_refuse)

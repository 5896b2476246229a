"""What a comparison says, and what all of them need: where two sequences begin to differ, and which parts match."""

import difflib
import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

# So many characters of a text are told, and so many of those before the first that differs.
_WIDE = 400
_BEFORE = 40

# So many bytes are told where two contents begin to differ.
_BYTES = 16


class Difference(NamedTuple):
    """A difference: where, and what is there in the one and in the other; None is nothing."""

    where: str
    one: str | None
    other: str | None


class Remark(NamedTuple):
    """What is to be known of a comparison; `untold` where it leaves open whether there is a difference."""

    where: str
    text: str
    untold: bool = True
    hint: str | None = None


Found = Difference | Remark


def common(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Return how many items at the beginning are the same."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low


class Parts(NamedTuple):
    """The parts of two sequences that have no match in the other one, by their places; `whole` where none is left."""

    pairs: list[tuple[range, range]]
    whole: bool


def aligned(one: Sequence[Any], other: Sequence[Any], most: int) -> Parts:
    """Return how two sequences differ; at most `most` items of each are looked at, from the first that differs."""
    begin = common(one, other)
    end = common(one[begin:][::-1], other[begin:][::-1])
    rests = [items[begin : len(items) - end] for items in (one, other)]
    before, after = (rest[:most] for rest in rests)
    whole = len(before) + len(after) == sum(map(len, rests))
    changes = [code for code in difflib.SequenceMatcher(None, before, after).get_opcodes() if code[0] != "equal"]
    if not whole and len(changes) > 1 and changes[-1][2] == len(before) and changes[-1][4] == len(after):
        del changes[-1]  # what it matches may follow
    return Parts([(range(begin + i, begin + j), range(begin + k, begin + m)) for _, i, j, k, m in changes], whole)


def matched(one: int, other: int, parts: Parts) -> Iterator[tuple[int | None, int | None]]:
    """Yield the places of what belongs together in sequences of these lengths, with None for what has no match."""
    i = j = 0
    rest = [(range(one, one), range(other, other))] if parts.whole else []
    for gone, come in [*parts.pairs, *rest]:
        yield from zip(range(i, gone.start), range(j, come.start), strict=True)
        yield from itertools.zip_longest(gone, come)
        i, j = gone.stop, come.stop


def place(one: int | None, other: int | None, first: int = 0) -> str:
    """Return the numbers of an item in the one and in the other, counted from `first`."""
    if one is not None and other is not None and one != other:
        return f"{one + first} (-), {other + first} (+)"
    return str((one if one is not None else other or 0) + first)


def told(one: str, other: str) -> tuple[str, str]:
    """Return two texts that differ such that this can be seen: about where it begins, escaped where they look alike."""
    at = common(one, other)
    if _look(one, at) == _look(other, at):
        one, other = ascii(one), ascii(other)
        at = common(one, other)
    return _piece(one, at), _piece(other, at)


def alone(text: str) -> str:
    """Return the beginning of a text that has no match."""
    return _piece(text, 0)


def of_binary(where: str, one: bytes, other: bytes) -> Difference:
    """Return where two contents begin to differ, and in how many bytes."""
    at = common(one, other)
    texts = [_hex(content, at) for content in (one, other)]
    if len(one) != len(other):
        sizes = (f"{text} ({len(content)} B)" for text, content in zip(texts, (one, other), strict=True))
        return Difference(f"{where}, from offset {at} on", *sizes)
    count = len(one) - (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(len(one)).count(0)
    how_many = f"1 byte differs, at offset {at}" if count == 1 else f"{count} bytes differ, the first at offset {at}"
    return Difference(f"{where}, {how_many}", *texts)


def _hex(content: bytes, at: int) -> str:
    shown = content[at : at + _BYTES].hex(" ") or "the end"
    return f"{shown} …" if len(content) > at + _BYTES else shown


def _look(text: str, at: int) -> str:
    return "".join(unicodedata.normalize("NFKC", text[max(0, at - _BEFORE) : at + _WIDE]).split())


def _piece(text: str, at: int) -> str:
    if len(text) <= _WIDE:
        return text
    begin = max(0, at - _BEFORE)
    piece = text[begin : begin + _WIDE]
    front, back = "…" * (begin > 0), "…" * (begin + len(piece) < len(text))
    return f"{front}{piece}{back} (from character {begin + 1} of {len(text)})"

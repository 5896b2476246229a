"""What is in a HAR file, one thing at a time: no more than one entry of it is held."""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from asgictl.inspector.bodies.sizes import size

# No entry is longer, in characters, and no line of a session, in bytes, whatever claims to be one.
LONGEST = 256_000_000

# An object on lines of its own, or one with a `log`; a session's first line is an object that begins with `k`.
_BEGINNING = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{(?!"k":)(?:[ \t\r]*\n|.*?"log"\s*:\s*\{)', re.DOTALL)

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")

# What may stand at the end of what there is, and is an error only there; Python's decoder knows more than JSON has.
_WORDS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_BEGINNINGS = sorted({word[:end] for word in _WORDS for end in range(1, len(word))})
_BEGUN = re.compile(rf"[ \t\r\n]*(?:{'|'.join(_BEGINNINGS)}|\.|[eE][+-]?|\\?u?[0-9A-Fa-f]{{0,4}})")


def is_har(beginning: bytes) -> bool:
    """Tell whether a file that begins like this is an archive."""
    return _BEGINNING.match(beginning) is not None


def members(pieces: Iterable[bytes]) -> Iterator[tuple[str, int | None, Any]]:
    """Yield what an archive's `log` has: the name, the place and the value of each thing.

    Only entries have a place, from 1 on; in front of them 0 says that their list begins.

    Raises `EOFError` where its end is missing, and `ValueError`, which says what is wrong, for what is not JSON.
    """
    text = _Text(pieces)
    for key in text.names():
        if key != "log" or text.next() != "{":
            text.value()
            continue
        for name in text.names():
            if name != "entries" or text.next() != "[":
                yield name, None, text.value()
                continue
            yield name, 0, None
            for place, _ in enumerate(text.places("[]"), start=1):
                yield name, place, text.value()
    if text.next(at_end=True):
        raise ValueError("it is not JSON")


class _Text:
    """Text that comes in pieces, from which values are taken."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()  # some tools put a byte order mark in front
        self._text = ""
        self._at = 0

    def next(self, *, at_end: bool = False) -> str:
        """Return the next character that is no space; there may be none where it is `at_end`."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(1):
                if at_end:
                    return ""
                raise EOFError

    def places(self, ends: str) -> Iterator[None]:
        """Yield at the beginning of each item between two `ends`."""
        self._take(ends[0])
        if self.next() != ends[1]:
            yield
            while self.next() == ",":
                self._at += 1
                yield
        self._take(ends[1])

    def names(self) -> Iterator[str]:
        """Yield the keys of an object, each in front of its value."""
        for _ in self.places("{}"):
            key = self.value()
            self._take(":")
            yield key if isinstance(key, str) else ""

    def value(self) -> Any:
        """Return the next value."""
        self.next()
        while (found := self._decoded()) is None:
            if not self._more(len(self._text)):
                raise EOFError
        value, self._at = found
        return value

    def _decoded(self) -> tuple[Any, int] | None:
        """Return the next value and where it ends, None where more of it may come."""
        try:
            value, end = _DECODER.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            if error.msg.startswith("Unterminated") or _BEGUN.fullmatch(self._text, error.pos):
                return None
            raise ValueError("it is not JSON") from error
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        except ValueError as error:  # of `int`, which takes so many digits (sys.set_int_max_str_digits)
            raise ValueError("it has a number that is too long") from error
        has_more_digits = isinstance(value, (int, float)) and _BEGUN.fullmatch(self._text, end)
        return None if has_more_digits else (value, end)

    def _take(self, wanted: str) -> None:
        if self.next() != wanted:
            raise ValueError("it is not JSON")
        self._at += 1

    def _more(self, count: int) -> bool:
        """Read so many characters more, in front of which is what has not been taken yet; return whether there are."""
        found = [self._text[self._at :]]
        held = len(found[0])
        self._text, self._at = "", 0
        missing = count
        while missing > 0 and (piece := next(self._pieces, None)) is not None:
            try:
                found.append(self._decoder.decode(piece))
            except UnicodeDecodeError as error:
                raise ValueError("it is not JSON") from error
            missing -= len(found[-1])
            if held + count - missing > LONGEST:
                raise ValueError(f"it is larger than {size(LONGEST)}")
        self._text = "".join(found)
        return missing < count

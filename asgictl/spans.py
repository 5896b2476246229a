"""Lines for the terminal, as the views make them and the console renders them."""

from typing import NamedTuple


class Span(NamedTuple):
    """A piece of a line; a `flexible` one gives way where the line is too long for the terminal."""

    text: str
    style: str = ""
    flexible: bool = False


Line = list[Span]


def plain(text: str) -> str:
    """Return `text` with control characters made visible: it may come from outside, and must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)

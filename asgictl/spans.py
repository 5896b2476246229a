"""Lines for the terminal, as the views make them and the console renders them."""

from typing import NamedTuple


class Span(NamedTuple):
    """A piece of a line; a `flexible` one gives way where the line is too long for the terminal."""

    text: str
    style: str = ""
    flexible: bool = False


Line = list[Span]

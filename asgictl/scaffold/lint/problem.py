"""What is wrong with a file, by which rule."""

from typing import NamedTuple


class Problem(NamedTuple):
    """A finding: the rule's name, the file with its line where there is one, and what happens because of it."""

    rule: str
    place: str
    text: str

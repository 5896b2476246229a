"""How options are written in the `options.py` of each command: a row for each field of its request."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from asgictl.settings import Rules


class Row(NamedTuple):
    """How a field is given on the command line: by `flags`, or without one in its place as an argument.

    `complete` offers a shell what a value may go on with, where its type does not tell.
    """

    flags: tuple[str, ...]
    metavar: str
    about: str
    panel: str | None = None
    switch: bool = False
    complete: Callable[[str], list[str]] | None = None

    def key(self, field: str) -> str:
        """Return what users call it: in errors, in a file, and in the name of its variable."""
        long = (flag for flag in self.flags if flag.startswith("--"))
        return next((flag.partition("/")[0].removeprefix("--") for flag in long), field)


class Form(NamedTuple):
    """What a command takes: a row for each field, and what its options mean for each other.

    Other sources than the command line count if it is `configurable`. `refused` holds options that belong to other
    commands, with the reason why this one does not have them, `meant` options of other programs, with what to pass.
    `bare` is the value of an option that is given without one.
    """

    rows: Mapping[str, Row]
    rules: Rules = Rules()
    configurable: bool = True
    refused: Mapping[str, str] = {}
    meant: Mapping[str, str] = {}
    bare: Mapping[str, str] = {}


def argument(metavar: str, about: str) -> Row:
    """Return an argument, which has no flag."""
    return Row((), metavar, about)


def option(*flags: str, metavar: str, about: str, complete: Callable[[str], list[str]] | None = None) -> Row:
    """Return an option that takes a value."""
    return Row(flags, metavar, about, complete=complete)


def one_of(words: Sequence[str]) -> Callable[[str], list[str]]:
    """Return what completes one of `words`."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def some_of(words: Sequence[str]) -> Callable[[str], list[str]]:
    """Return what completes a list of `words` with commas between them, each of them once."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{word}" for word in words if word.startswith(last) and word not in before.split(",")]

    return complete


def flag(*flags: str, about: str) -> Row:
    """Return an option that is there or not."""
    # A blank for the type, which says nothing of a flag; and `--x/--no-x` already tells what there is to choose.
    return Row(flags, " ", about, switch=True)


def panel(title: str, **rows: Row) -> dict[str, Row]:
    """Return rows that `--help` shows together under `title`."""
    return {field: row._replace(panel=title) for field, row in rows.items()}

"""What the commands about saved sessions share."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asgictl.console import Console
from asgictl.errors import FileProblemError
from asgictl.spans import Span

if TYPE_CHECKING:
    from asgictl.inspector.exchange import Exchange
    from asgictl.inspector.record import Record
    from asgictl.inspector.sessions.difference import Difference


def records(file: str, console: Console, only: int | None = None) -> Iterable["Record"]:
    """Yield the records in `file`, or those of the exchange `only`."""
    from asgictl.inspector.sessions import session_file as saved

    return saved.records(Path(file), console.note, only)


def exchanges_of(file: str, console: Console) -> "dict[int, Exchange]":
    """Return the exchanges in `file` by their numbers."""
    from asgictl.inspector.exchange import assembled

    return assembled(records(file, console))


def the(exchanges: "Mapping[int, Exchange]", file: str, number: int) -> "Exchange":
    """Return the exchange with a number; raise `FileProblemError` when there is none."""
    if number not in exchanges:
        raise missing(file, number)
    return exchanges[number]


def missing(file: str, number: int) -> FileProblemError:
    """Return the error of a number that `file` does not have."""
    hint = f"`asgictl session show {shlex.quote(file)}` lists what there is"
    return FileProblemError(f"there is no exchange #{number} in `{file}`", hint=hint)


def print_differences(console: Console, one: str, other: str, found: "Sequence[Difference]") -> None:
    """Print differences: what was there, what is there now."""
    data = [difference._asdict() for difference in found]
    lines = []
    for difference in found:
        lines.append([Span(difference.where, "bold")])
        for sign, style, text in (("-", "red", difference.one), ("+", "green", difference.other)):
            shown = [] if text is None else text.splitlines() or [""]
            lines += [[Span(f"{sign} {line}".rstrip(), style)] for line in shown]
    report = "\n".join(console.rendered(line, None) for line in lines)
    count = f"{len(found)} difference{'s' if len(found) != 1 else ''}" if found else "no difference"
    console.result(report if found else f"{one} and {other}: no difference", {"differences": data})
    if found:
        console.note(f"{one} (-) and {other} (+): {count}")


def listed(names: Sequence[str], exchange: "Exchange") -> str:
    """Return the names of secrets as they stand in a sentence, each with what is known of it."""
    known = exchange.secrets
    return ", ".join(f"`{name}` ({known[name]})" if known.get(name) else f"`{name}`" for name in names)

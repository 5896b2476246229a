"""What the commands about saved sessions share."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asgictl import errors
from asgictl.console import Console
from asgictl.errors import FileProblemError
from asgictl.spans import Span

if TYPE_CHECKING:
    from asgictl.inspector.exchange import Exchange
    from asgictl.inspector.record import Record
    from asgictl.inspector.sessions.compared import Found


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


def print_differences(console: Console, one: str, other: str, found: "Sequence[Found]") -> None:
    """Print differences, what was there, what is there now, and what there is to know of the comparison."""
    from asgictl.inspector.sessions.compared import Difference, Remark

    lines, latest = [], ""
    for it in found:
        if it.where != latest:
            lines.append([Span(it.where, "bold")])
        latest = it.where
        if isinstance(it, Remark):
            lines.append([Span("? " if it.untold else "= ", "yellow" if it.untold else ""), Span(it.text)])
            continue
        for sign, style, text in (("-", "red", it.one), ("+", "green", it.other)):
            shown = [] if text is None else text.split("\n")
            lines += [[Span(f"{sign} {line}" if line else sign, style)] for line in shown]
    differences = sum(isinstance(it, Difference) for it in found)
    is_told = not any(isinstance(it, Remark) and it.untold for it in found)
    heading = f"{one} and {other}: no difference{'' if is_told else ' in what could be compared'}"
    report = [] if differences else [heading]
    report += [console.rendered(line, None) for line in lines]
    console.result("\n".join(report), compared(found))
    if differences:
        console.note(f"{one} (-) and {other} (+): {differences} difference{'s' if differences != 1 else ''}")


def compared(found: "Sequence[Found]") -> dict[str, list[dict[str, object]]]:
    """Return what a comparison has found, as JSON has it."""
    from asgictl.inspector.sessions.compared import Difference, Remark

    remarks = (it for it in found if isinstance(it, Remark))
    return {
        "differences": [it._asdict() for it in found if isinstance(it, Difference)],
        "remarks": [{"where": it.where, "text": it.text, "untold": it.untold} for it in remarks],
    }


def concluded(console: Console, found: "Sequence[Found]") -> int:
    """Say how more could be compared, and return the exit status of a comparison."""
    from asgictl.inspector.sessions.compared import Remark

    remarks = [it for it in found if isinstance(it, Remark)]
    for hint in dict.fromkeys(it.hint for it in remarks if it.hint):
        console.hint(hint)
    if len(remarks) < len(found):
        return errors.FOUND
    return errors.UNTOLD if any(it.untold for it in remarks) else 0


def listed(names: Sequence[str]) -> str:
    """Return names as they stand in a sentence."""
    return ", ".join(f"`{name}`" for name in names)

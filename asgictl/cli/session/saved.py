"""What the commands about saved sessions share."""

import re
import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from asgictl import errors
from asgictl.console import Console
from asgictl.errors import FileProblemError
from asgictl.spans import Span

if TYPE_CHECKING:
    from asgictl.inspector.comparison.found import Found
    from asgictl.inspector.exchange import Exchange
    from asgictl.inspector.sessions.saved_session import SavedSession

# The number of an exchange, where the word is not the first; a file that is called like that can be written `./7`.
_ID = re.compile(r"[0-9]{1,18}")


def split(words: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the files among `words`, of which the first is one, and the numbers of exchanges."""
    first, *others = words
    files = [first, *(word for word in others if not _ID.fullmatch(word))]
    return files, [int(word) for word in others if _ID.fullmatch(word)]


def session(files: Sequence[str], console: Console) -> "SavedSession":
    """Return the session in some files."""
    from asgictl.inspector.sessions.saved_session import SavedSession

    return SavedSession(files, console.note)


def sessions(files: Sequence[str], console: Console) -> "list[SavedSession]":
    """Return the sessions in some files, one of each."""
    from asgictl.inspector.sessions import saved_session

    saved_session.check_names(files)
    return [session([file], console) for file in files]


def wanted(session: "SavedSession", numbers: Sequence[int]) -> "dict[int, Exchange]":
    """Return the exchanges with these numbers, all without any; raise `FileProblemError` when one is not there."""
    found = session.wanted(numbers)
    for number in numbers:
        if number not in found:
            raise missing(session, number)
    return found


def missing(session: "SavedSession", number: int) -> FileProblemError:
    """Return the error of a number that a session does not have."""
    hint = f"`asgictl session show {shlex.join(session.files)}` lists what there is"
    return FileProblemError(f"there is no exchange #{number} in {session}", hint=hint)


def print_differences(console: Console, one: str, other: str, found: "Sequence[Found]", what: str = "") -> None:
    """Print how two exchanges, of a request for `what`, compare, and what there is to know of the comparison."""
    from asgictl.inspector.comparison.found import Difference, Remark

    differences = sum(isinstance(it, Difference) for it in found)
    is_told = not any(isinstance(it, Remark) and it.untold for it in found)
    heading = f"{one} and {other}{what}: no difference{'' if is_told else ' in what could be compared'}"
    if differences:
        heading = f"{one} (-) and {other} (+){what}: {differences} difference{'s' if differences != 1 else ''}"
    console.result("\n".join([console.rendered([Span(heading)], None), *_lines(console, found)]), as_data(found))


def print_found(console: Console, found: "Sequence[Found]") -> None:
    """Print what a comparison has found beside exchanges that belong together."""
    console.result("\n".join(_lines(console, found)))


def _lines(console: Console, found: "Sequence[Found]") -> list[str]:
    """Return what was there, what is there now, and remarks, each below its place."""
    from asgictl.inspector.comparison.found import Remark

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
    return [console.rendered(line, None) for line in lines]


def damaged(session: "SavedSession") -> "list[Found]":
    """Return that lines could not be read, if so: what they hold may differ."""
    from asgictl.inspector.comparison.found import Remark

    count = session.damaged
    text = f"{count} damaged line{'s' if count != 1 else ''} of {session} could not be compared"
    return [Remark("session", text, hint="remove what is damaged to compare the rest")] if count else []


def as_data(found: "Sequence[Found]") -> dict[str, list[dict[str, object]]]:
    """Return what a comparison has found, as JSON has it."""
    from asgictl.inspector.comparison.found import Difference, Remark

    remarks = (it for it in found if isinstance(it, Remark))
    return {
        "differences": [it._asdict() for it in found if isinstance(it, Difference)],
        "remarks": [{"where": it.where, "text": it.text, "untold": it.untold} for it in remarks],
    }


def concluded(console: Console, found: "Sequence[Found]") -> int:
    """Say how more could be compared, and return the exit status of a comparison."""
    from asgictl.inspector.comparison.found import Remark

    remarks = [it for it in found if isinstance(it, Remark)]
    for hint in dict.fromkeys(it.hint for it in remarks if it.hint):
        console.hint(hint)
    if len(remarks) < len(found):
        return errors.FOUND
    return errors.UNTOLD if any(it.untold for it in remarks) else 0


def concluded_all(
    console: Console,
    found: "Iterable[Found]",
    compared: list[dict[str, object]] | None,
    sessions: "Iterable[SavedSession]",
) -> int:
    """Print what is damaged in sessions, or all that was `compared` as JSON; return the exit status."""
    lost = [it for session in sessions for it in damaged(session)]
    if compared is not None:
        console.result("", {"exchanges": compared, "remarks": as_data(lost)["remarks"]})
    elif lost:
        print_found(console, lost)
    return concluded(console, [*found, *lost])


def listed(names: Sequence[str], exchange: "Exchange") -> str:
    """Return the names of secrets as they stand in a sentence, each with what is known of it."""
    known = exchange.secrets
    return ", ".join(f"`{name}` ({known[name]})" if known.get(name) else f"`{name}`" for name in names)

"""What the commands about saved sessions share."""

import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from asgictl.console import Console
from asgictl.errors import FileProblemError
from asgictl.spans import Span

if TYPE_CHECKING:
    from asgictl.inspector.exchange import Exchange
    from asgictl.inspector.sessions.difference import Difference
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


def listed(names: Sequence[str]) -> str:
    """Return names as they stand in a sentence."""
    return ", ".join(f"`{name}`" for name in names)

"""`asgictl session diff`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asgictl.cli.command import Invocation
from asgictl.cli.session import saved
from asgictl.errors import ConfigError, FileProblemError
from asgictl.inspector.request import DiffRequest

if TYPE_CHECKING:
    from asgictl.inspector.comparison.found import Found
    from asgictl.inspector.exchange import Exchange


def diff(request: DiffRequest, run: Invocation) -> int:
    """Compare two exchanges, or the sessions in two files; exits with 1 if they differ, 5 if it cannot tell."""
    files, numbers = saved.split(request.words)
    if not numbers and len(files) == 2:  # noqa: PLR2004  # a pair
        return _of_sessions(files, run, json=request.json)
    if len(numbers) != 2:  # noqa: PLR2004  # a pair
        hint = "pass two IDs after the file, or two files"
        raise ConfigError(f"a comparison takes two exchanges, not {len(numbers)}", hint=hint)
    one, other, damaged = _pair(files, numbers, run)
    found = [*_differences(one, other), *damaged]
    saved.print_differences(run.console, f"#{one.id}", f"#{other.id}", found)
    return saved.concluded(run.console, found)


def _pair(files: Sequence[str], numbers: Sequence[int], run: Invocation) -> "tuple[Exchange, Exchange, list[Found]]":
    """Return two exchanges of a session, or those with one number in two files, and what is damaged."""
    one, other = numbers
    if one != other or len(files) != 2:  # noqa: PLR2004  # a pair
        session = saved.session(files, run.console)
        found = saved.wanted(session, numbers)
        return found[one], found[other], saved.damaged(session)
    sessions = [saved.session([file], run.console) for file in files]
    ones, others = (saved.wanted(session, [one]) for session in sessions)
    return ones[one], others[one], [it for session in sessions for it in saved.damaged(session)]


def _differences(one: "Exchange", other: "Exchange") -> "list[Found]":
    from asgictl.inspector.comparison import differences

    return [*differences.of_requests(one, other), *differences.of_answers(one, other)]


def _of_sessions(files: Sequence[str], run: Invocation, *, json: bool) -> int:
    """Compare what belongs together in two sessions, and say what has no partner."""
    from asgictl.inspector.comparison import pairing
    from asgictl.inspector.comparison.found import Difference

    sessions = [saved.session([file], run.console) for file in files]
    found: list[Found] = []
    told: list[dict[str, object]] = []
    for one, other in pairing.pairs(*(saved.wanted(session, ()).values() for session in sessions)):
        if one is not None and other is not None:
            new = _differences(one, other)
            if not json:
                saved.print_differences(run.console, f"#{one.id}", f"#{other.id}", new, f", {one.method} {one.path}")
        else:
            texts = [f"#{it.id} {it.method} {it.target}" if it else None for it in (one, other)]
            new = [Difference("no partner", texts[0], texts[1])]
            if not json:
                saved.print_found(run.console, new)
        told.append({"one": one and one.id, "other": other and other.id, **saved.compared(new)})
        found += new
    if not told:
        problem = f"{sessions[0]} and {sessions[1]} hold nothing to compare"
        raise FileProblemError(problem, hint="make some requests while `asgictl inspect --save` runs")
    if json:
        run.console.result("", {"exchanges": told})
    return saved.concluded(run.console, found)

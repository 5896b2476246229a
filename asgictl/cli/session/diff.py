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
    from asgictl.inspector.sessions.saved_session import SavedSession


_PAIR = 2


def diff(request: DiffRequest, run: Invocation) -> int:
    """Compare two exchanges, or the sessions in two files; exits with 1 if they differ, 5 if it cannot tell."""
    files, numbers = saved.split(request.words)
    if len(files) == _PAIR and len(numbers) <= 1:
        return _of_sessions(files, numbers, run, json=request.json)
    if len(numbers) != _PAIR:
        hint = "pass two IDs after the file, or two files"
        raise ConfigError(f"a comparison takes two exchanges, not {len(numbers)}", hint=hint)
    one, other, damaged = _pair(files, numbers, run)
    found = [*_differences(one, other), *damaged]
    saved.print_differences(run.console, f"#{one.id}", f"#{other.id}", found)
    return saved.concluded(run.console, found)


def _pair(files: Sequence[str], numbers: Sequence[int], run: Invocation) -> "tuple[Exchange, Exchange, list[Found]]":
    """Return two exchanges, and what is damaged beside them.

    Of two files the one is of the first and the other of the second, if they are there: numbers begin again in each
    run. Otherwise the files are one session.
    """
    one, other = numbers
    if len(files) == _PAIR and "-" not in files:
        sessions = saved.sessions(files, run.console)
        ones, others = (session.wanted([number]) for session, number in zip(sessions, numbers, strict=True))
        if ones and others:
            return ones[one], others[other], _damaged(sessions)
    session = saved.session(files, run.console)
    found = saved.wanted(session, numbers)
    return found[one], found[other], saved.damaged(session)


def _damaged(sessions: "Sequence[SavedSession]") -> "list[Found]":
    return [it for session in sessions for it in saved.damaged(session)]


def _differences(one: "Exchange", other: "Exchange") -> "list[Found]":
    from asgictl.inspector.comparison import differences

    return [*differences.of_requests(one, other), *differences.of_answers(one, other)]


def _of_sessions(files: Sequence[str], numbers: Sequence[int], run: Invocation, *, json: bool) -> int:
    """Compare what belongs together in two sessions, of the exchanges with `numbers` if there are any."""
    from asgictl.inspector.comparison import pairing
    from asgictl.inspector.comparison.found import Difference

    sessions = saved.sessions(files, run.console)
    sides = [list(saved.wanted(session, numbers).values()) for session in sessions]
    found: list[Found] = []
    compared: list[dict[str, object]] = []
    pairs = list(zip(*sides, strict=True) if numbers else pairing.pairs(*sides))
    for one, other in pairs:
        if one is not None and other is not None:
            new = _differences(one, other)
            if not json:
                what = f", {one.method} {one.target}" if one.target == other.target else f", {one.method} {one.path}"
                saved.print_differences(run.console, f"#{one.id}", f"#{other.id}", new, what)
        else:
            texts = [f"#{it.id} {it.method} {it.target}" if it else None for it in (one, other)]
            new = [Difference("no partner", texts[0], texts[1])]
            if not json:
                saved.print_found(run.console, new)
        compared.append({"one": one and one.id, "other": other and other.id, **saved.as_data(new)})
        found += new
    if not pairs and not any(session.damaged for session in sessions):
        problem = f"{sessions[0]} and {sessions[1]} hold nothing to compare"
        raise FileProblemError(problem, hint="make some requests while `asgictl inspect --save` runs")
    return saved.concluded_all(run.console, found, compared if json else None, sessions)

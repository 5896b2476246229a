"""`asgictl scaffold --check`: whether the files are up to date, and sound."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asgictl.console import Console, plain
from asgictl.errors import FileProblemError

if TYPE_CHECKING:
    from asgictl.scaffold.detected import Project
    from asgictl.scaffold.plan import PlannedFile

_MISSING, _STALE, _EDITED = "missing", "out of date", "edited"
_STATES = {"create": _MISSING, "update": _STALE, "conflict": _EDITED}


def check(console: Console, found: "Project", planned: "Sequence[PlannedFile]", *, named: bool) -> int:
    """Print what is wrong; return 1 when something is. Files that were not `named` need not be there."""
    from asgictl.scaffold import compare, lint
    from asgictl.scaffold.lint import tools

    drift = {it.path: _STATES[it.state] for it in compare.compare(found.root, planned) if it.state in _STATES}
    if not named:
        drift = {path: state for path, state in drift.items() if state != _MISSING}
    files = lint.present(found.root)
    if not files and not drift:
        raise FileProblemError(f"there is nothing to check in `{found.root}`", hint="write it: `asgictl scaffold`")
    problems = list(lint.problems(found.root, files))
    runs = list(tools.runs(found.root, files))
    bad = [path for path, state in drift.items() if state != _EDITED]
    lines = [
        *(f"{path}: {state}" for path, state in drift.items() if state != _EDITED),
        *(f"{it.place}: {it.rule}: {it.text}" for it in problems),
        *(f"{run.file}: {run.tool}: {line}" for run in runs if run.passed is False for line in run.said),
    ]
    if console.json_result:
        data = {
            "files": files,
            "drift": drift,
            "problems": [it._asdict() for it in problems],
            "tools": [run._asdict() for run in runs],
        }
        console.result("", data)
    elif lines:
        console.result("\n".join(map(plain, lines)))
    for path in (path for path, state in drift.items() if state == _EDITED):
        console.note(f"`{path}` is yours: it is not compared with what scaffold would write")
    for run in runs:
        console.note(f"{run.tool}: {run.file} {_outcome(run.passed, run.said)}")
    if bad:
        console.hint("bring them up to date: `asgictl scaffold`")
    failed = bool(lines)
    if not failed:
        console.note(f"{len(files)} files are sound")
    return 1 if failed else 0


def _outcome(passed: bool | None, said: Sequence[str]) -> str:  # noqa: FBT001  # of a run
    if passed is None:
        return f"skipped, {said[0]}"
    return "passed" if passed else "failed"

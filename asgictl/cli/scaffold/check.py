"""`asgictl scaffold --check`: whether the files are up to date, and sound."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asgictl import errors
from asgictl.console import Console
from asgictl.errors import FileProblemError
from asgictl.spans import plain

if TYPE_CHECKING:
    from asgictl.scaffold.lint.tools import Run
    from asgictl.scaffold.project import Project
    from asgictl.scaffold.request import ScaffoldRequest
    from asgictl.scaffold.write.compare import Change

_STATES = {"create": "missing", "update": "out of date"}


def check(console: Console, found: "Project", request: "ScaffoldRequest", *, named: bool) -> int:
    """Print what is wrong; return 1 when something is. Files that were not `named` need not be there."""
    from asgictl.scaffold import lint
    from asgictl.scaffold.detect.monorepo import workspaces
    from asgictl.scaffold.lint import locks, tools
    from asgictl.scaffold.plan import plan
    from asgictl.scaffold.write import compare

    wanted = {file.path for file in plan(found, request)} if named else set()
    changes = compare.compare(found.root, plan(found, request._replace(targets="all")))
    files = lint.present(found.root)
    if not files and not wanted:
        raise FileProblemError(f"there is nothing to check in `{found.root}`", hint="write it: `asgictl scaffold`")
    drift = {it.path: _STATES[it.state] for it in changes if it.state in _STATES and _counts(it, wanted)}
    file = found.app.file
    needed = [file.relative_to(found.context).as_posix()] if file and file.is_relative_to(found.root) else []
    opened = [it for it in found.named if not request.on_volume(f"{request.workdir}/{it.path}")]
    problems = list(lint.problems(found.root, files, needed, [*opened, *found.of_machine], found.context))
    lock = found.context / found.deps.files[0] if found.deps.files else found.root
    members = sorted(workspaces.folders(lock) - {"."}) if found.deps.kind == "uv" else []
    runs = [*tools.runs(found.root, files), *locks.compared(found.deps.kind, lock.parent, members)]
    lines = [
        *(f"{path}: {state}" for path, state in drift.items()),
        *(f"{it.place}: {it.rule}: {it.text}" for it in problems),
        *(f"{run.file}: {run.tool}: {line}" for run in runs if run.passed is False for line in run.said),
    ]
    if console.json_result:
        edited = {it.path: "edited" for it in changes if it.state == "conflict"}
        data = {
            "files": files,
            "drift": {**drift, **edited},
            "problems": [it._asdict() for it in problems],
            "tools": [run._asdict() for run in runs],
        }
        console.result("", data)
    elif lines:
        console.result("\n".join(map(plain, lines)))
    for change in changes:
        if change.state == "conflict":
            console.note(f"`{change.path}` is yours: it is not compared with what scaffold would write")
    _tell_runs(console, runs)
    if drift:
        console.hint(
            "bring them up to date: `asgictl scaffold`, with the options they were written with; --save keeps those"
        )
    if not lines:
        console.note(f"sound: {', '.join(files)}")
    return errors.FOUND if lines else 0


def _counts(change: "Change", wanted: set[str]) -> bool:
    """Tell whether a file has to be as planned: one that was asked for, or was written here before."""
    return change.path in wanted or (change.state == "update" and change.ours)


def _tell_runs(console: Console, runs: "Sequence[Run]") -> None:
    """Say how each run of another program went, and in one line which programs are not there."""
    for run in runs:
        if run.passed is not None:
            console.note(f"{run.tool}: {run.file} {'passed' if run.passed else 'failed'}")
    for reason in dict.fromkeys(run.said[0] for run in runs if run.passed is None):
        skipped = dict.fromkeys(run.tool for run in runs if run.passed is None and run.said[0] == reason)
        console.note(f"skipped, {reason}: {', '.join(skipped)}")

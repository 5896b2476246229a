"""`asgictl scaffold`."""

import signal
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from asgictl import bounds, extras, pyproject, reading
from asgictl.cli.command import Invocation, alone
from asgictl.cli.scaffold import options
from asgictl.cli.scaffold.options import ScaffoldFlags
from asgictl.console import Console
from asgictl.errors import ConfigError, FileProblemError
from asgictl.scaffold.request import ScaffoldRequest, check_used
from asgictl.spans import plain

if TYPE_CHECKING:
    from asgictl.scaffold.project import Project
    from asgictl.scaffold.write.compare import Change


def scaffold(request: ScaffoldRequest, flags: ScaffoldFlags, run: Invocation) -> int:
    """Write the files to run the app elsewhere: in containers, on Kubernetes, under systemd.

    \b
    asgictl scaffold                   Dockerfile, .dockerignore, compose files
    asgictl scaffold --dry-run         what it has found, and would write
    asgictl scaffold --for docker,k8s  other files; --for all has all of them
    asgictl scaffold --mode bind       the server only, with the code mounted
    asgictl scaffold --check           up to date, and sound? for CI
    asgictl scaffold --verify          build it, run it, ask it, stop it
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    extras.need("asgictl scaffold", extras.SCAFFOLD)
    from asgictl.scaffold import accepted
    from asgictl.scaffold.detect import detect
    from asgictl.scaffold.plan import plan
    from asgictl.scaffold.write import built_on

    accepted.check(request)
    found = detect(request, pyproject.current_folder())
    request, added = built_on.with_missing(request, found.root)
    if not (flags.check or flags.verify):
        check_used(request, {option.name for option in run.options if run.is_typed(option.name)})
    for text in (*found.notes, *([added] if added and not (flags.verify or flags.stdout) else ())):
        run.console.note(text)
    if flags.check:
        from asgictl.cli.scaffold.check import check

        return check(run.console, found, request, named=run.is_given("targets"))
    if flags.verify:
        from asgictl.cli.scaffold.verify import verify

        secret = request.index_secret
        bounds.check_handed_out(found.root, secret if secret and not run.is_users("index_secret") else None)
        return verify(run.console, found, request)
    planned = plan(found, request)
    if flags.stdout is not None:
        return _print_one(run.console, found, planned, flags.stdout)
    return _write(run, flags, found, planned)


def _print_one(console: Console, found: "Project", planned: Sequence[Any], name: str) -> int:
    from asgictl.scaffold.write import compare

    for file in planned:
        if file.path == name:
            text = compare.compare(found.root, [file])[0].content.decode()
            console.result(text.removesuffix("\n"), {"path": file.path, "text": text})
            return 0
    hint = f"choose from {', '.join(file.path for file in planned)}, or more with --for"
    raise ConfigError(f"`{name}` is not among the files", hint=hint, option="stdout")


def _write(run: Invocation, flags: ScaffoldFlags, found: "Project", planned: Sequence[Any]) -> int:
    from asgictl import atomic
    from asgictl.scaffold.write import compare, write_changes

    if flags.dry_run or flags.diff:
        return _show(run.console, found, compare.compare(found.root, planned), diff=flags.diff)
    with atomic.locked(found.root / "Dockerfile"):
        changes = compare.compare(found.root, planned)
        if flags.save:
            changes = (*changes, *_saved(run, found))
        write_changes.refuse_unwritable(found.root, changes)
        changes = _settled(run.console, changes, force=flags.force, ask=not flags.json)
        written = {file.path: file for file in write_changes.write(changes)}
    _tell(run.console, found, changes, {path: str(file.copy) for path, file in written.items() if file.copy})
    return 0


def _show(console: Console, found: "Project", changes: "Sequence[Change]", *, diff: bool) -> int:
    patch = "".join(change.diff() for change in changes)
    if diff:
        if patch or console.json_result:
            console.result(patch.removesuffix("\n"), {"diff": patch})
        else:
            console.note("nothing would change")
        return 0
    widths = [max(len(row[column]) for row in found.findings) for column in (0, 1)]
    lines = [f"{it.topic:{widths[0]}}  {it.value:{widths[1]}}  {it.source}".rstrip() for it in found.findings]
    lines += ["", *_lines(changes)]
    console.result("\n".join(map(plain, lines)), _data(found, changes, {}))
    return 0


def _settled(console: Console, changes: "tuple[Change, ...]", *, force: bool, ask: bool) -> "tuple[Change, ...]":
    """Return the changes to make; raise `FileProblemError` where a file is in the way and nobody can be asked."""
    conflicts = [change for change in changes if change.state == "conflict"]
    if not conflicts or force:
        return changes
    if ask and sys.stdin.isatty() and sys.stderr.isatty():
        return tuple(
            it if it.state != "conflict" or _may_replace(console, it) else it._replace(state="keep") for it in changes
        )
    for line in (line for change in conflicts if ask for line in change.diff().splitlines()):
        console.line(plain(line))
    listed = ", ".join(f"`{change.path}` ({change.reason})" for change in conflicts)
    hint = "pass --force to replace them and keep copies, or leave them out with --for"
    raise FileProblemError(f"in the way: {listed}; nothing was written", hint=hint)


def _may_replace(console: Console, change: "Change") -> bool:
    for line in change.diff().splitlines():
        console.line(plain(line))
    question = f"{change.path} ({change.reason}): replace it, and keep a copy?"
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return bool(typer.confirm(question, default=False, err=True))
    except typer.Abort:
        console.line("")
        raise FileProblemError("no answer: nothing was written", hint="run it again, or pass --force") from None
    finally:
        signal.signal(signal.SIGINT, heard)


def _lines(changes: "Sequence[Change]") -> list[str]:
    return [f"{it.state:8}  {it.path}{f'  ({it.reason})' if it.reason else ''}" for it in changes]


def _data(found: "Project", changes: "Sequence[Change]", copies: Mapping[str, str]) -> dict[str, Any]:
    return {
        "root": str(found.root),
        "found": [it._asdict() for it in found.findings],
        "notes": list(found.notes),
        "files": [
            {"path": it.path, "state": it.state, "reason": it.reason or None, "copy": copies.get(it.path)}
            for it in changes
        ],
    }


def _tell(console: Console, found: "Project", changes: "Sequence[Change]", copies: Mapping[str, str]) -> None:
    from asgictl.scaffold.lint import left_behind

    done = [it._replace(state="replace", reason="") if it.path in copies else it for it in changes]
    console.result("\n".join(map(plain, _lines(done))), _data(found, done, copies))
    for change in changes:
        if change.path in copies:
            lost = left_behind.of(change.path, change.old or b"", change.content)
            without = f"; the new one is without {', '.join(lost)}" if lost else ""
            console.note(f"your file is kept as `{reading.shown(Path(copies[change.path]))}`{without}")
    if found.deps.home:
        console.note(f"the files are in `{found.root}`, and the image is built from `{found.context}`")
    paths = {change.path for change in changes}
    for old in ("docker-compose.yml", "docker-compose.yaml"):
        if "compose.yaml" in paths and (found.root / old).exists():
            console.note(f"`{old}` is there too: compose takes `compose.yaml` and says nothing")
    _tell_how(console, found, paths)


def _tell_how(console: Console, found: "Project", paths: AbstractSet[str]) -> None:
    """Say how the files are used."""
    migrates = "bring the database up to date: `docker compose run --build --rm migrate`"
    for name, text in (
        ("Dockerfile", "try it: `asgictl scaffold --verify`"),
        *([("compose.yaml", migrates)] if found.migrations else []),
        ("compose.yaml", "start it: `docker compose up --build --wait`"),
        ("deploy.sh", "deploy it, and each version after it: `sh deploy.sh`"),
        ("stack.yaml", "deploy it: `stack.yaml` begins with the commands"),
        ("kustomization.yaml", "deploy it: `kustomization.yaml` begins with the commands"),
    ):
        if name in paths:
            console.hint(text)


def _saved(run: Invocation, found: "Project") -> "Sequence[Change]":
    """Return the change that keeps what was typed in `pyproject.toml`."""
    from asgictl.scaffold.write import pyproject_edit

    typed = {
        option.key: run.settings[option.name].value
        for option in run.options
        if option.settable and run.is_typed(option.name)
    }
    names_app = run.is_typed("app")
    if not typed and not names_app:
        run.console.note("there are no options to save")
        return ()
    here = Path.cwd()
    if here.is_relative_to(found.root):
        return (pyproject_edit.planned(found.root, typed, found.app.given if names_app else None),)
    # The project lies below: what is kept there would not be read here.
    return (pyproject_edit.planned(here, typed, run.settings["app"].value if names_app else None),)


app = alone("scaffold", options.FORM, scaffold)

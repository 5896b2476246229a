"""Whether a lock agrees with what the project declares, by the rule of its own tool, which runs nothing of the project.

The tools would build a project whose dependencies are dynamic, load its plugins, run its hooks, and ask the interpreter
in its `.venv`. So uv and PDM see a copy of the lock and of the manifests alone, and Poetry leaves plugins out.
"""

import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from asgictl import reading
from asgictl.scaffold.lint import tools
from asgictl.scaffold.lint.tools import Run

_MANIFEST = "pyproject.toml"
_NOT_COMPARED = "the lock was not compared with what is declared"
# Each lock, and what compares it with the manifest, without writing anything.
_COMMANDS = {
    "uv": ("uv.lock", "uv", "lock", "--check"),
    "poetry": ("poetry.lock", "poetry", "--no-plugins", "check", "--lock"),
    "pdm": ("pdm.lock", "pdm", "lock", "--check", "--skip=:all"),
}
_ENVIRON = {
    "PDM_CHECK_UPDATE": "0",
    "UV_NO_BUILD": "1",
    "UV_PYTHON": sys.executable,
    "UV_PYTHON_DOWNLOADS": "never",
}
# What uv says of a project for another Python than this one, or of a dependency that it would have to build.
_LEFT_OPEN = ("incompatible with the project's Python requirement", "building source distributions is disabled")


def compared(kind: str, folder: Path, members: Iterable[str] = ()) -> Iterator[Run]:
    """Yield whether the lock in `folder` is up to date, which may install from the folders `members`, too."""
    if kind == "pipenv":
        yield Run("pipenv", "Pipfile.lock", None, (f"it would make an environment: {_NOT_COMPARED}",))
    if kind not in _COMMANDS:
        return
    name, tool, *_ = _COMMANDS[kind]
    reason = _why_not(folder, members) if kind == "uv" else None
    run = _compared(kind, folder, members) if reason is None else Run(tool, name, None, (reason,))
    if any(said in line for said in _LEFT_OPEN for line in run.said):
        run = run._replace(passed=None)
    yield run if run.passed is not None else run._replace(said=(f"{run.said[0]}: {_NOT_COMPARED}",))


def _compared(kind: str, folder: Path, members: Iterable[str]) -> Run:
    name, *command = _COMMANDS[kind]
    if kind == "poetry":
        return tools.run(folder, command[0], name, command, _ENVIRON)
    with tempfile.TemporaryDirectory() as alone:
        for file in (name, "uv.toml", *(f"{member}/{_MANIFEST}" for member in (".", *members))):
            if (folder / file).is_file():
                (Path(alone) / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / file, Path(alone) / file)
        return tools.run(Path(alone), command[0], name, command, _ENVIRON)


def _why_not(folder: Path, members: Iterable[str]) -> str | None:
    """Return why uv cannot say it without running something of the project, None where it can."""
    for member in (".", *members):
        if member.startswith(".."):
            return f"`{member}` lies outside of the folder with the lock"
        try:
            project = tomllib.loads(reading.text(folder / member / _MANIFEST)).get("project")
        except (OSError, ValueError, RecursionError):
            return f"`{member}` has no {_MANIFEST} that can be read"
        dynamic = project.get("dynamic", ()) if isinstance(project, dict) else ("dependencies",)
        if "dependencies" in dynamic or "optional-dependencies" in dynamic:
            return "its dependencies are dynamic, and only its build backend knows them"
    return None

"""What an app imports when it is loaded, and what of that an image would lack."""

import ast
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from asgictl import reading
from asgictl.errors import ConfigError
from asgictl.pyproject import PyProject
from asgictl.scaffold.detect.imported import choices, distributions
from asgictl.scaffold.project import App, Dependencies

_FILES_READ = 300
# Their lists hold everything, down to what is needed by what is needed.
_COMPLETE = {"uv", "poetry", "pdm", "pipenv", "pylock"}


class Import(NamedTuple):
    """A module of somebody else's, by the first part of its name, and where it is imported first."""

    module: str
    file: Path
    line: int


def check(root: Path, pyproject: PyProject | None, deps: Dependencies, app: App, runner: str) -> tuple[str, ...]:
    """Return what to say of modules that the app cannot be loaded without, and that only others can bring.

    Raises `ConfigError` for one that the image would not have. It has what the `runner` needs itself.
    """
    if deps.local and deps.kind not in _COMPLETE:
        return ()
    if (app.settings or app.name.startswith("django.")) and _lacks(deps, "django", ("django",)):
        raise _error(deps, pyproject, "the app needs django", "django")
    if app.file is None or not app.file.is_relative_to(root):
        return ()
    notes = []
    served = distributions.with_theirs((runner, "uvicorn"))
    for it in of_app(root, app):
        names = distributions.of(it.module)
        if set(names or (it.module,)) & served:
            continue
        if _lacks(deps, it.module, names):
            place = f"{it.file.relative_to(root).as_posix()}:{it.line}"
            brought = f" ({names[0]})" if names and names[0] != it.module.lower().replace("_", "-") else ""
            needs = f"the app needs {it.module}{brought}, imported in {place}"
            relative = _relative(deps, pyproject)
            if relative is None:
                raise _error(deps, pyproject, needs, names[0] if names else it.module)
            notes.append(f"{needs}, which only {relative} can bring: --verify shows whether it does")
    return tuple(notes)


def _error(deps: Dependencies, pyproject: PyProject | None, needs: str, name: str) -> ConfigError:
    where = f"`{deps.files[-1]}` does not bring it" if deps.files else "no file declares it"
    return ConfigError(f"{needs}, and {where}", hint=hint(deps, pyproject, name), option="requirements")


def of_app(root: Path, app: App) -> list[Import]:
    """Return what is imported when the app is loaded, by its own file or by others of the project."""
    return _loaded(root, app)[0]


def files_of_app(root: Path, app: App) -> list[Path]:
    """Return the files of the project that are imported when the app is loaded, its own file first."""
    return _loaded(root, app)[1]


def _loaded(root: Path, app: App) -> tuple[list[Import], list[Path]]:
    places = [root, *(root / folder for folder in app.folders)]
    seen: dict[str, Import] = {}
    files: list[Path] = [app.file] if app.file else []
    known = dict.fromkeys(files)
    while files and len(known) < _FILES_READ:
        file = files.pop(0)
        for name, line in _imported(file, places):
            top = name.partition(".")[0]
            own = [found for place in places for found in _files(place, name)]
            new = [it for it in own if it not in known]
            known |= dict.fromkeys(new)
            files += new
            if not own and not any(_files(place, top) or (place / top).is_dir() for place in (*places, file.parent)):
                seen.setdefault(top, Import(top, file, line))
    return [it for it in seen.values() if it.module not in sys.stdlib_module_names], list(known)


def _lacks(deps: Dependencies, module: str, names: tuple[str, ...]) -> bool:
    if deps.kind == "none":
        return True
    if not names or set(names) & deps.pinned.keys():
        return False
    if deps.kind in _COMPLETE:
        return True
    # Like flask-login, stac-fastapi-api, or strawberry-graphql[fastapi].
    brings = any(f"-{names[0]}-" in f"-{name}-" and name != names[0] for name in deps.pinned)
    known = distributions.with_theirs(deps.pinned)
    return distributions.is_framework(module) and module != "starlette" and not brings and not set(names) & known


def _relative(deps: Dependencies, pyproject: PyProject | None) -> str | None:
    """Return a dependency from the same house, as `shop-core` is for `shop-web`: what that brings cannot be known."""
    family = canonicalize_name(pyproject.package or "").partition("-")[0] if pyproject else ""
    return next((name for name in sorted(deps.pinned) if family and name.startswith(f"{family}-")), None)


def hint(deps: Dependencies, pyproject: PyProject | None, name: str) -> str:
    """Return what to do for the distribution `name`, which the image lacks."""
    if option := choices.holding(pyproject, name):
        return f"pass {option}, which has it"
    if deps.kind in _COMPLETE:
        return f"add `{name}` to the dependencies and lock again"
    if deps.kind == "none":
        return f"write `{name}` into requirements.txt, or pass --requirements with the file that has it"
    return f"add `{name}` to `{deps.files[0]}`, or pass --requirements with the file that has it"


def _files(place: Path, name: str) -> list[Path]:
    """Return the files that importing `name` from `place` runs, the packages around it included."""
    parts = name.split(".")
    found = []
    for depth in range(1, len(parts) + 1):
        base = place.joinpath(*parts[:depth])
        file = next((it for it in (base / "__init__.py", base.with_suffix(".py")) if reading.is_file(it)), None)
        found += [file] if file else []
    return found


def _imported(file: Path, places: Iterable[Path]) -> Iterator[tuple[str, int]]:
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = reading.syntax(reading.content(file))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return
    for node in _run_at_import(tree.body):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif node.level:
            package = _package(file, node.level, places)
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((f"{package}.{name}", node.lineno) for name in names if package)
        elif node.module:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names if alias.name != "*")


def _package(file: Path, level: int, places: Iterable[Path]) -> str:
    if level > len(file.parents):
        return ""
    folder = file.parents[level - 1]
    inside = [folder.relative_to(place) for place in places if folder.is_relative_to(place)]
    return ".".join(min(inside, key=lambda it: len(it.parts)).parts) if inside else ""


def _run_at_import(body: Iterable[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports that a module cannot be loaded without: none in a function, for types, or that may fail."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.ClassDef | ast.With) or (isinstance(node, ast.Try) and _raises(node)):
            yield from _run_at_import(node.body)


def _raises(node: ast.Try) -> bool:
    """Tell whether what fails in a `try` fails outside of it as well."""
    return all(isinstance(it.body[-1], ast.Raise) for it in node.handlers)

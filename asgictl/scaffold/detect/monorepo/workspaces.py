"""The lock above a project: of a workspace that lists its folder, or of a project that installs it from there."""

import os
import re
import tomllib
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name

from asgictl import pyproject, reading
from asgictl.discovery.source import modules
from asgictl.errors import ConfigError, FileProblemError
from asgictl.pyproject import PyProject
from asgictl.scaffold.accepted import PATH
from asgictl.scaffold.project import DependencyKind

LOCKS: dict[str, DependencyKind] = {
    "uv.lock": "uv",
    "poetry.lock": "poetry",
    "pdm.lock": "pdm",
    "Pipfile.lock": "pipenv",
    "pylock.toml": "pylock",
}

_COMPILING = re.compile(r"maturin|rust|scikit-build|[cC]ython|meson|pybind11|nanobind|cffi")


class Workspace(NamedTuple):
    """The folder with the lock, and `home`, the way from there to the project; `member` is its name in uv's lock."""

    root: Path
    kind: DependencyKind
    lock: str
    home: str
    member: str | None = None

    @property
    def file(self) -> str:
        """The lock, as seen from the project."""
        return f"{'../' * len(Path(self.home).parts)}{self.lock}"


class Sibling(NamedTuple):
    """The folder that a library of the same repository is imported from; `compiled` if its source alone does not do."""

    path: str
    compiled: bool = False


def around(root: Path) -> Workspace | None:
    """Return the workspace that `root` belongs to; raise `FileProblemError` for one whose lock does not know it."""
    for above in _above(root):
        home = root.relative_to(above.root).as_posix()
        if any(root == folder for folder in members(above)):
            return _of_uv(above.root, home)
        for lock in ("poetry.lock", "pdm.lock"):
            if home in folders(above.root / lock):
                return Workspace(above.root, LOCKS[lock], lock, checked(home))
    return None


def outside(lock: Path) -> Iterator[str]:
    """Yield the folders beside the project's that its lock of uv's installs from."""
    yield from (folder for entry in _packages(lock) if (folder := _folder(entry)).startswith("../"))


def is_near(root: Path, above: Path) -> bool:
    """Tell whether `above` can belong to the same repository as `root`."""
    return above in reading.upwards(root)


def lock_above(root: Path) -> Path | None:
    """Return the nearest lock in a folder above."""
    return next((file for it in _above(root) for name in LOCKS if _is_ours(file := it.root / name)), None)


def members(workspace: PyProject) -> Iterator[Path]:
    """Yield the folders that uv's table of a workspace lists."""
    table = workspace.table("tool", "uv", "workspace")
    excluded = set(_globbed(workspace.root, table.get("exclude")))
    for folder in _globbed(workspace.root, table.get("members")):
        if folder not in excluded and (folder / pyproject.FILE).is_file():
            yield folder


def local_names(lock: Path) -> Iterator[str]:
    """Yield the names that a lock installs from folders of the repository."""
    yield from (canonicalize_name(str(entry["name"])) for entry in _packages(lock) if _folder(entry))


def folders(lock: Path) -> set[str]:
    """Return the folders that a lock of Poetry's or PDM's installs from, as seen from its own."""
    if not lock.is_file():
        return set()
    return {checked(folder) for entry in _packages(lock) if (folder := _folder(entry)) and not _is_wheel(folder)}


def siblings(root: Path, lock: Path, names: Container[str]) -> Iterator[Sibling]:
    """Yield those of `names` that a lock installs from folders of the repository, as seen from `root`."""
    for entry in _packages(lock):
        folder = _folder(entry)
        if folder and not _is_wheel(folder) and canonicalize_name(str(entry.get("name"))) in names:
            yield from sibling(root, lock.parent / folder)


def sibling(root: Path, folder: Path) -> Iterator[Sibling]:
    """Yield the library in a folder of the repository, unless that is the project itself."""
    place = Path(os.path.normpath(folder))
    home = modules.roots(place)[-1]
    imported = Path(os.path.relpath(home, root)).as_posix()
    if place.is_dir() and root != place and not root.is_relative_to(home) and PATH.fullmatch(imported):
        built = str(_read(place).table("build-system").get("requires"))
        yield Sibling(imported, compiled=_COMPILING.search(built) is not None)


def private(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the names that come from nowhere but this repository, or from one index, and where that is said."""
    for above in _above(root):
        sources = above.table("tool", "uv", "sources")
        yield from ((canonicalize_name(name), f"`tool.uv.sources` in `{above.file}`") for name in sources)
        for folder in (*members(above), *_of_hatch(above)):
            name = _read(folder).table("project").get("name")
            if isinstance(name, str):
                yield canonicalize_name(name), f"`{folder.relative_to(above.root).as_posix()}` in `{above.root}`"


def _of_hatch(workspace: PyProject) -> Iterator[Path]:
    """Yield the folders that the environments of hatch install: https://hatch.pypa.io/latest/how-to/environment/workspace/."""
    for environment in workspace.table("tool", "hatch", "envs").values():
        table = environment.get("workspace", {}) if isinstance(environment, dict) else {}
        listed = table.get("members", []) if isinstance(table, dict) else []
        paths = [it.get("path") if isinstance(it, dict) else it for it in listed if it]
        yield from (it for it in _globbed(workspace.root, paths) if (it / pyproject.FILE).is_file())


def _of_uv(above: Path, home: str) -> Workspace:
    lock = above / "uv.lock"
    if not lock.is_file():
        problem = f"`{home}` is in the workspace of `{above}`, which has no `uv.lock`"
        raise FileProblemError(problem, hint=f"run `uv lock` in `{above}`")
    for entry in _packages(lock):
        if home == _folder(entry):
            return Workspace(above, "uv", lock.name, checked(home), canonicalize_name(str(entry["name"])))
    problem = f"`{home}` is in the workspace of `{above}`, and its `uv.lock` does not know it"
    raise FileProblemError(problem, hint=f"run `uv lock` in `{above}`")


def checked(home: str) -> str:
    """Return the way to a folder; raise `ConfigError` where no Dockerfile could name it."""
    if not PATH.fullmatch(home):
        raise ConfigError(f"the folder `{home}` has signs that no Dockerfile takes", hint="rename it")
    return home


def _is_wheel(path: str) -> bool:
    return path.endswith((".whl", ".tar.gz", ".zip"))


def _is_ours(file: Path) -> bool:
    return file.is_file() and reading.stranger(file) is None


def _above(root: Path) -> Iterator[PyProject]:
    for folder in reading.upwards(root)[1:]:
        file = folder / pyproject.FILE
        if not file.is_file():
            yield PyProject(folder, {})
        elif reading.stranger(file) is None:
            yield _read(folder)


def _read(folder: Path) -> PyProject:
    found = pyproject.find(folder)
    return found if found is not None and found.root == folder else PyProject(folder, {})


def _globbed(root: Path, patterns: object) -> Iterator[Path]:
    for pattern in patterns if isinstance(patterns, list) else ():
        bare = str(pattern).removeprefix("./").rstrip("/")
        if bare and not bare.startswith(("/", "..")):
            yield from (path for path in root.glob(bare) if path.is_dir())


def _folder(entry: dict[str, Any]) -> str:
    """Return the folder that an entry of a lock is installed from, empty for one from elsewhere."""
    source = entry.get("source") or {}
    of_uv = next((source[key] for key in ("virtual", "editable", "directory") if key in source), None)
    of_poetry = source.get("url") if source.get("type") == "directory" else None
    return str(of_uv or of_poetry or entry.get("path") or "").removeprefix("./")


def _packages(lock: Path) -> list[dict[str, Any]]:
    try:
        listed = tomllib.loads(reading.text(lock)).get("package", [])
        return [entry for entry in listed if isinstance(entry, dict)]
    except (OSError, ValueError, TypeError, RecursionError) as error:
        problem = f"cannot read `{lock}`: {error}"
        raise FileProblemError(problem, hint="regenerate it with the tool that made it") from error

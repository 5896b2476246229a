"""The folder of the project: the one that says what it depends on, the nearest to the app where several do."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from asgictl import discovery, pyproject, reading
from asgictl.errors import AsgictlError
from asgictl.scaffold.detect.monorepo import workspaces
from asgictl.scaffold.request import ScaffoldRequest

_MANIFESTS = ("pyproject.toml", "requirements.txt", "Pipfile", "pylock.toml", "requirements")
# Tables of `pyproject.toml` that make a project of a folder; all others hold settings of tools.
_DECLARING = (("project",), ("tool", "poetry"), ("tool", "pdm"), ("tool", "uv"), ("build-system",))
_TABLES = (*_DECLARING, ("tool", "asgictl"))


def find(request: ScaffoldRequest, folder: Path) -> tuple[Path, str]:
    """Return the project that `folder` is in, or the one below that the app belongs to, and why."""
    root, why = _above(folder)
    for place in between(app_file(request, folder), root):
        own = next((name for name in workspaces.LOCKS if reading.is_file(place / name)), None)
        if own is not None and (place / "pyproject.toml").is_file() | (place / "Pipfile").is_file():
            return place, f"has {own}, and the app"
        if _is_project(place) and (workspaces.around(place) is not None or not _is_declared(root)):
            return place, "has pyproject.toml, and the app"
    return root, why


def app_file(request: ScaffoldRequest, folder: Path) -> Path | None:
    """Return the file of the app that `serve` would find in `folder`; of one made from settings, its `manage.py`."""
    try:
        ref = discovery.find(request.app, folder, {}, lambda _: None)
    except AsgictlError:
        return None
    return ref.file or next((file for path in ref.path if (file := Path(path) / "manage.py").is_file()), None)


def between(file: Path | None, root: Path) -> Iterator[Path]:
    """Yield the folders from that of `file` upwards, below `root`."""
    if file is not None and file.is_relative_to(root):
        yield from (folder for folder in file.parents if folder != root and folder.is_relative_to(root))


def _above(folder: Path) -> tuple[Path, str]:
    for names in (_MANIFESTS, ("manage.py",)):
        for root in (folder, *folder.parents):
            for name in names:
                if (root / name).exists() and (name != pyproject.FILE or _is_project(root)):
                    return root, f"has {name}"
            if (root / ".git").exists() or root.parent in {Path.home(), Path(root.anchor)}:
                break
    return folder, "the current folder: none above has a file of a project"


def _is_project(folder: Path, tables: Iterable[tuple[str, ...]] = _TABLES) -> bool:
    """Tell whether there is a `pyproject.toml` with one of `tables`, and so with more than settings of tools."""
    found = pyproject.find(folder) if (folder / pyproject.FILE).is_file() else None
    return found is not None and found.root == folder and any(_has(found.data, keys) for keys in tables)


def _has(data: object, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return True


def _is_declared(root: Path) -> bool:
    """Tell whether `root` itself says what to install."""
    return _is_project(root, _DECLARING) or any((root / name).exists() for name in _MANIFESTS if name != pyproject.FILE)

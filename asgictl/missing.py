"""What to do about an import that has failed: a name that was misspelt, or a package that is not installed."""

import importlib.util
import itertools
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.machinery import PathFinder
from pathlib import Path

from asgictl import environment, pyproject, reading

# How alike names have to be: a package of its own may be called almost like a module of the project.
_ALIKE, _VERY_ALIKE = 0.75, 0.85

# Packages that many distributions share.
_SHARED = frozenset(("azure", "backports", "google", "jaraco", "ruamel", "sphinxcontrib", "zope"))

# How many levels, and how many folders, are looked into for a module of the project; and what is not the project's.
_LEVELS, _FOLDERS = 4, 500
_NOT_OURS = frozenset(("node_modules", "site-packages", "dist-packages", "venv", "env", "__pycache__"))


def hint(error: BaseException, own: Iterable[str]) -> str | None:
    """Return what to do about `error`, which came out of an import; None where it is not about a module.

    `own` names modules of the user's: the app's, and the settings of a Django project.
    """
    if isinstance(error, ImportError) and "attempted relative import" in str(error):
        return _relative(next(iter(own), ""))
    if isinstance(error, ImportError) and (file := _hiding(error.name or "")) is not None:
        return f"`{reading.shown(file)}` hides the module `{error.name}` that is meant: rename it"
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    top, dot, _ = error.name.partition(".")
    if dot and _is_importable(top):
        return _submodule(error.name)
    for name in own:
        if top == name.partition(".")[0]:
            return f"it is named as `{name}`, and is not in `{pyproject.current_folder()}`"
    return _package(top)


def _hiding(name: str) -> Path | None:
    """Return the file of the user's that has taken the name of a module that is installed, or of Python's own."""
    module = sys.modules.get(name.partition(".")[0])
    file = getattr(module, "__file__", None)
    if file is None or _is_installed(Path(file)) or not Path(file).is_relative_to(pyproject.current_folder()):
        return None
    others = [place for place in sys.path if not pyproject.current_folder().is_relative_to(place or ".")]
    return Path(file) if PathFinder.find_spec(name.partition(".")[0], others) is not None else None


def _package(name: str) -> str:
    """Return what to do about a module that is nowhere: another place or name, or a package to install."""
    folder = pyproject.current_folder()
    if (place := _place_of(name, folder)) is not None:
        return f"`{name}` is in `{reading.shown(place)}`: start asgictl there, or name the app by its file"
    if close := get_close_matches(name, _modules_in(folder), n=1, cutoff=_ALIKE):
        return f"did you mean `{close[0]}`, which is in `{folder}`?"
    close = get_close_matches(name, sorted(_known()), n=1, cutoff=_VERY_ALIKE)
    if close and not name.startswith(close[0]):  # `uuid6` and `pathlib2` are packages
        return f"did you mean `{close[0]}`?"
    if name in _SHARED:
        return f"many packages are below `{name}`: install the one that brings what is imported"
    return environment.installing(environment.distribution(name), folder, told=True)


def _place_of(name: str, folder: Path) -> Path | None:
    """Return the folder of the project, above or a few levels below `folder`, that holds the module `name`."""
    below = (place for depth in range(1, _LEVELS) for place in sorted(folder.glob("*/" * depth)))
    for place in (*reading.upwards(folder)[1:], *itertools.islice(below, _FOLDERS)):
        hidden = any(part.startswith(".") or part in _NOT_OURS for part in place.relative_to(place.anchor).parts)
        package = place / name
        if hidden or place == Path(place.anchor):
            continue
        if reading.is_file(place / f"{name}.py") or reading.is_file(package / "__init__.py"):
            return place
        if reading.is_dir(package) and any(package.glob("*.py")):
            return place
    return None


def _known() -> set[str]:
    """Return the names of the modules that are installed, and of Python's own."""
    from importlib import metadata

    return {*sys.stdlib_module_names, *metadata.packages_distributions()}


def _relative(module: str) -> str:
    if "." in module:
        return "the import goes beyond the top of its package: name fewer dots, or start asgictl in the folder above"
    return f"it belongs to a package, and was named without it: `asgictl serve ./{module}.py`"


def _submodule(name: str) -> str:
    """Return what to do about a module that a package, which is there, does not have."""
    parent, _, last = name.rpartition(".")
    while not _is_importable(parent):
        parent, _, last = parent.rpartition(".")
    places = _places(parent)
    known = [found for place in places for found in _modules_in(place)]
    if close := get_close_matches(last, known, n=1):
        return f"did you mean `{parent}.{close[0]}`?"
    if places and _is_installed(places[0]):
        return (
            f"`{parent}`{_version(parent)} is installed in `{places[0]}` and has no `{last}`: see which version has it"
        )
    return f"there is no `{last}` in `{places[0] if places else parent}`"


def _is_importable(name: str) -> bool:
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _places(package: str) -> list[Path]:
    """Return the folders of a package; a module has none."""
    found = getattr(sys.modules.get(package), "__path__", None)
    if found is None:
        spec = importlib.util.find_spec(package)
        found = (spec.submodule_search_locations if spec else None) or ()
    return [Path(place) for place in found]


def _modules_in(folder: Path) -> list[str]:
    """Return the names of the modules and packages in `folder`."""
    try:
        files = [file.stem for file in folder.glob("*.py") if file.name != "__init__.py"]
        packages = [place.parent.name for place in folder.glob("*/__init__.py")]
    except OSError:
        return []
    return sorted({*files, *packages})


def _is_installed(place: Path) -> bool:
    return bool({"site-packages", "dist-packages"} & set(place.parts))


def _version(package: str) -> str:
    from importlib import metadata

    try:
        names = metadata.packages_distributions().get(package.partition(".")[0]) or [package]
        return f" {metadata.version(names[0])}"
    except (metadata.PackageNotFoundError, OSError):
        return ""

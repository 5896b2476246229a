"""What to do about an import that has failed: a name that was misspelt, or a package that is not installed."""

import importlib.util
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from asgictl import environment, project

# How alike names have to be: a package of its own may be called almost like a module of the project.
_ALIKE, _VERY_ALIKE = 0.75, 0.85


def hint(error: BaseException, own: Iterable[str]) -> str | None:
    """Return what to do about `error`, which came out of an import; None where it is not about a module.

    `own` names modules of the user's, which no package index has.
    """
    if isinstance(error, ImportError) and "attempted relative import" in str(error):
        return _relative(next(iter(own), ""))
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    top, dot, _ = error.name.partition(".")
    if dot and _is_importable(top):
        return _submodule(error.name)
    return None if top in {name.partition(".")[0] for name in own} else _package(top)


def _package(name: str) -> str:
    """Return what to do about a module that is nowhere: another name, or a package to install."""
    folder = project.current_folder()
    if close := get_close_matches(name, _modules_in(folder), n=1, cutoff=_ALIKE):
        return f"did you mean `{close[0]}`, which is in `{folder}`?"
    if close := get_close_matches(name, sorted(sys.stdlib_module_names), n=1, cutoff=_VERY_ALIKE):
        return f"did you mean `{close[0]}`?"
    return environment.installing(environment.distribution(name), folder)


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

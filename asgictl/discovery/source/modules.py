"""Where modules are: between names, files and folders, without importing anything."""

import functools
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import NamedTuple

from asgictl import reading, signature
from asgictl.discovery.source import python_file
from asgictl.discovery.source.project_files import Follow

# Where a project's folders that are put on `sys.path` begin: what is there says what it depends on, or how it is run.
_PROJECT_FILES = ("pyproject.toml", "requirements.txt", "Pipfile", "manage.py", "setup.py", "setup.cfg")


class Module(NamedTuple):
    """A module's dotted name, the folders that `sys.path` needs for it, and its file where it has one."""

    name: str
    path: tuple[str, ...]
    file: Path | None


def roots(folder: Path) -> tuple[Path, ...]:
    """Return the folders that names are imported from: `folder`, and its `src` unless that is a package."""
    src = folder / "src"
    if reading.is_dir(src) and not reading.exists(src / "__init__.py"):
        return (folder, src)
    return (folder,)


def in_folder(name: str, folder: Path) -> Path | None:
    """Return the file of the module `name` below `folder`, or None; as in an import, a package comes first."""
    base = folder.joinpath(*name.split("."))
    for file in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        if reading.is_file(file):
            return file
    return None


def shadow(file: Path) -> Path | None:
    """Return the package beside `file` that takes its name, as `app/` does from `app.py`."""
    package = file.with_suffix("") / "__init__.py"
    return package.parent if file.name != "__init__.py" and reading.is_file(package) else None


def follow(folder: Path) -> Follow:
    """Return a function that finds the file of a module which a file of the project in `folder` imports."""
    bases = roots(folder)
    known: dict[tuple[Path, str], Path | None] = {}

    def find(importer: Path, name: str) -> Path | None:
        key = (importer.parent, name)
        if key not in known:
            known[key] = search(importer, name)
        return known[key]

    def search(importer: Path, name: str) -> Path | None:
        bare = name.lstrip(".")
        if (level := len(name) - len(bare)) > len(importer.parents):
            return None
        if level:
            package = importer.parents[level - 1]
            return in_folder(bare, package) if bare else in_folder(package.name, package.parent)
        above = [place for place in importer.parents if place.is_relative_to(folder) and place not in bases]
        return next((file for base in (*bases, *above) if (file := in_folder(name, base))), None)

    return find


def of_file(file: Path, folder: Path) -> Module:
    """Return the module that `file` is, for a project in `folder`: its name, from the folder that its imports expect.

    That is the folder from which most of what it imports can be. Of those that are equally good, it is the one that
    holds the package whose part it is, unless that is above `folder`; a file that is in no package is a part of a
    namespace package of `folder`, unless an installed package has that name, or a folder below is a project of its own.
    """
    imported = _imported(file)
    levels = max((_level(name) for name in imported), default=0)
    places = list(_bases(file, folder, max(levels, file.stem == "__main__")))
    bare = {name for name in imported if not name.startswith(".")}
    top = next((place for place in file.parents if not reading.is_file(place / "__init__.py")), file.parent)
    root = next((root for root in reversed(roots(folder)) if file.is_relative_to(root)), folder)
    packaged = top != file.parent and top.is_relative_to(folder)
    usual = top if packaged else root

    within = [place for place in places if place.is_relative_to(folder) and place != folder]

    def worth(place: Path) -> tuple[int, bool, bool, bool]:
        first = _named_from(place, file).partition(".")[0]
        # Above the folder that one stands in, other packages are there by chance.
        names = bare
        if not place.is_relative_to(folder):
            names = {it for it in bare if it.partition(".")[0] == first and not installed(first, folder)}
        return (
            sum(_resolves(name, place, folder) for name in names),
            place == file.parent or not _clashes(place / first, folder),
            place == usual if packaged else place in within and _is_project(place),
            place == usual,
        )

    # A command of Django's imports from the folder of `manage.py`, which may be a package by mistake.
    packages = (place for place in within if reading.is_file(place / "__init__.py"))
    base = next((place for place in packages if _is_djangos(place / "manage.py")), None) or max(places, key=worth)
    path = (str(base),) if base == folder or not base.is_relative_to(folder) else (str(base), str(folder))
    return Module(name=_named_from(base, file), path=path, file=file)


def _is_project(place: Path) -> bool:
    """Tell whether a folder is a project of its own; a Dockerfile of `asgictl scaffold`'s makes none of it."""
    if any(reading.exists(place / it) for it in _PROJECT_FILES):
        return True
    try:
        return not signature.is_untouched(reading.text(place / "Dockerfile", errors="replace"))
    except OSError:
        return False


def _is_djangos(manage: Path) -> bool:
    """Tell whether a `manage.py` is there, and Django's: scripts of others are called so, too."""
    try:
        return "django" in reading.text(manage, errors="replace").lower()
    except OSError:
        return False


@functools.cache
def _imported(file: Path) -> tuple[str, ...]:
    return tuple(python_file.imports(python_file.parse(file)))


def forget() -> None:
    """Forget what files hold: they may have changed."""
    _imported.cache_clear()


def _clashes(package: Path, folder: Path) -> bool:
    """Tell whether another module takes the name of a folder; that of a package only one that is loaded already."""
    if not reading.is_file(package / "__init__.py"):
        return installed(package.name, folder)
    return package.name in sys.builtin_module_names or package.name in sys.modules


def _bases(file: Path, folder: Path, levels: int) -> Iterator[Path]:
    """Yield the folders that `file` may be imported from, the nearest first: those that relative imports allow.

    Beyond `folder` they are those that its packages, or `levels` of relative imports, lead to.
    """
    inner = file.parent if file.name != "__init__.py" else file.parent.parent
    found = False
    for depth, place in enumerate([inner, *inner.parents]):
        within = place.is_relative_to(folder) or place == inner
        last = file.parent if depth == 0 else [inner, *inner.parents][depth - 1]
        if depth and not last.name.isidentifier():
            break
        packages = depth + (file.name == "__init__.py")
        if packages >= levels and (within or not found or reading.is_file(last / "__init__.py")):
            found = True
            yield place
        if not within and found and not reading.is_file(place / "__init__.py"):
            break
    if not found:
        yield inner


def _level(name: str) -> int:
    return len(name) - len(name.lstrip("."))


def _named_from(base: Path, file: Path) -> str:
    parts = file.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _resolves(name: str, place: Path, folder: Path) -> bool:
    """Tell whether an import of `name` would find it below `place`: an installed package outranks a plain folder."""
    part = name.partition(".")[0]
    first = place / part
    if reading.is_dir(first) and not reading.is_file(first / "__init__.py"):
        inside = place.joinpath(*name.split("."))
        return (reading.is_dir(inside) or in_folder(name, place) is not None) and not installed(part, folder)
    return in_folder(name, place) is not None


def installed(name: str, folder: Path) -> bool:
    """Tell whether a regular module or package called `name` comes from elsewhere than `folder`."""
    if name in sys.builtin_module_names or name in sys.stdlib_module_names:
        return True
    places = [place for place in sys.path if place and Path(place) != folder]
    spec = PathFinder.find_spec(name, places)
    return spec is not None and spec.has_location and not Path(str(spec.origin)).is_relative_to(folder)


def of_name(name: str, folder: Path) -> Module | None:
    """Return the module called `name`: in the project in `folder`, or installed; None where there is none."""
    for root in roots(folder):
        if file := in_folder(name, root):
            top = root / name.partition(".")[0]
            if reading.is_dir(top) and _clashes(top, folder):  # of a plain folder that an installed package outranks
                return of_file(file, folder)
            path = (str(root),) if root == folder else (str(root), str(folder))
            return Module(name=name, path=path, file=file)
    parts = name.split(".")
    search: list[str] | None = None
    spec = None
    for depth in range(len(parts)):
        spec = _spec(".".join(parts[: depth + 1]), search)
        if spec is None:
            return None
        search = list(spec.submodule_search_locations or ())
    readable = spec is not None and spec.has_location and str(spec.origin).endswith(".py")
    return Module(name=name, path=(str(folder),), file=Path(str(spec.origin)) if spec and readable else None)


def similar(name: str, folder: Path) -> str | None:
    """Return the name of a module of the project that `name` may have meant, and that is there."""
    from difflib import get_close_matches

    first, _, rest = name.partition(".")
    known = {file.stem for root in roots(folder) for file in root.glob("*.py")}
    known |= {file.parent.name for root in roots(folder) for file in root.glob("*/*.py")}
    for close in get_close_matches(first, known, n=3):
        if not rest:
            return close
        for root in roots(folder):
            found = _similar_below(rest, root / close)
            if found is not None:
                return f"{close}.{found}"
    return None


def _similar_below(name: str, folder: Path) -> str | None:
    """Return the dotted name below `folder` that is there and nearest to `name`, or None."""
    from difflib import get_close_matches

    first, _, rest = name.partition(".")
    known = below(folder)
    close = [first] if first in known else get_close_matches(first, known, n=1)
    if not close or not rest:
        return close[0] if close else None
    found = _similar_below(rest, folder / close[0])
    return f"{close[0]}.{found}" if found else None


def below(folder: Path) -> list[str]:
    """Return the names of the modules and packages in `folder`."""
    files = [file.stem for file in folder.glob("*.py") if file.name != "__init__.py"]
    return sorted({*files, *(file.parent.name for file in folder.glob("*/*.py"))})


def _spec(name: str, path: list[str] | None) -> ModuleSpec | None:
    """Ask the import system's finders for `name` as it would, without importing its parents."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        if find is not None and (spec := find(name, path)) is not None:
            return spec  # type: ignore[no-any-return]
    return PathFinder.find_spec(name, path)

"""Where modules are: between names, files and folders, without importing anything."""

import ast
import sys
from difflib import get_close_matches
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NamedTuple

from asgictl.target import source


class Module(NamedTuple):
    """A module's dotted name, the folders that `sys.path` needs for it, and its file where it has one."""

    name: str
    path: tuple[str, ...]
    file: Path | None


def roots(folder: Path) -> tuple[Path, ...]:
    """Return the folders that names are imported from: `folder`, and its `src` unless that is a package."""
    src = folder / "src"
    if src.is_dir() and not (src / "__init__.py").exists():
        return (folder, src)
    return (folder,)


def in_folder(name: str, folder: Path) -> Path | None:
    """Return the file of the module `name` below `folder`, or None."""
    base = folder.joinpath(*name.split("."))
    for file in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
        if file.is_file():
            return file
    return None


def follow(folder: Path) -> source.Follow:
    """Return a function that finds the file of a module which a file of the project in `folder` imports."""

    def find(importer: Path, name: str) -> Path | None:
        bare = name.lstrip(".")
        if bare == name:
            return next((file for root in roots(folder) if (file := in_folder(name, root))), None)
        package = importer.parents[len(name) - len(bare) - 1]
        return in_folder(bare, package) if bare else in_folder(package.name, package.parent)

    return find


def of_file(file: Path, folder: Path) -> Module:
    """Return the module that `file` is, for a project in `folder`.

    A file in a package keeps its dotted name. So does one in a plain folder, as a part of a namespace
    package, unless it imports its neighbours by their bare names, the way scripts do.
    """
    name = [] if file.name == "__init__.py" else [file.stem]
    top = file.parent
    while (top / "__init__.py").exists() and top.name.isidentifier():
        name.insert(0, top.name)
        top = top.parent
    if top in roots(folder) or not top.is_relative_to(folder) or _imports_neighbours(file, top):
        path = (str(top),) if top == folder or not top.is_relative_to(folder) else (str(top), str(folder))
        return Module(name=".".join(name), path=path, file=file)
    between = top.relative_to(folder).parts
    if not all(part.isidentifier() for part in between):
        return Module(name=".".join(name), path=(str(top), str(folder)), file=file)
    return Module(name=".".join((*between, *name)), path=(str(folder),), file=file)


def of_name(name: str, folder: Path) -> Module | None:
    """Return the module called `name`: in the project in `folder`, or installed; None where there is none."""
    for root in roots(folder):
        if file := in_folder(name, root):
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
    """Return the name of a module of the project that `name` may have meant."""
    first, _, rest = name.partition(".")
    known = {file.stem for root in roots(folder) for file in root.glob("*.py")}
    known |= {file.parent.name for root in roots(folder) for file in root.glob("*/*.py")}
    close = get_close_matches(first, known, n=1)
    return ".".join(filter(None, (close[0], rest))) if close else None


def _spec(name: str, path: list[str] | None):  # type: ignore[no-untyped-def]  # noqa: ANN202
    """Ask the import system's finders for `name` as it would, without importing its parents."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        if find is not None and (spec := find(name, path)) is not None:
            return spec
    return PathFinder.find_spec(name, path)


def _imports_neighbours(file: Path, top: Path) -> bool:
    tree: ast.Module = source.parse(file)
    names = set(source.imports(tree))
    if any(name.startswith((".", f"{top.name}.")) or name == top.name for name in names):
        return False
    return any(in_folder(name.partition(".")[0], top) for name in names)

"""What an expression that stands for a path means: read from one file, relative to it or to the project's root."""

import ast
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl.discovery.source import modules, python_file
from asgictl.errors import AppLoadError

_SAME = {"Path", "PurePath", "PosixPath", "str", "fspath", "abspath", "realpath", "normpath", "expanduser"}
_SAME_METHODS = {"resolve", "absolute", "as_posix", "expanduser"}
_LONGEST = 250
# What has been looked up: names, each with its file.
Names = tuple[tuple[Path, str], ...]


class Meant(NamedTuple):
    """A path; `own` if it is relative to the file that names it, or else to the current folder."""

    path: Path
    own: bool = False


class PathFiles:
    """The files of the project in `root`, from which others import names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._follow = modules.follow(root)
        self._known: dict[Path, Paths | None] = {}

    def imported(self, importer: Path, name: str) -> "Paths | None":
        """Return what the names of the module `name` stand for, which `importer` imports; None for one elsewhere."""
        file = self._follow(importer, name)
        if file is None or file == importer:
            return None
        if file not in self._known:
            try:
                self._known[file] = Paths(list(ast.walk(python_file.parse(file))), file, self)
            except AppLoadError:
                self._known[file] = None
        return self._known[file]


class Paths:
    """The paths that expressions of one file stand for; the current folder is the root of the project."""

    def __init__(self, nodes: Iterable[ast.AST], file: Path, files: PathFiles) -> None:
        self.file = file
        self.root = files.root
        self._files = files
        self._bound: dict[str, ast.expr] = {}
        # The module that a name is imported from, and what it is called there.
        self._imported: dict[str, tuple[str, str]] = {}
        self._everything_of: list[str] = []
        for node in nodes:
            match node:
                case ast.Import(names=names):
                    self._imported |= {it.asname: (it.name, "") for it in names if it.asname}
                    self._imported |= {it.name: (it.name, "") for it in names if not it.asname}
                case ast.ImportFrom(names=[ast.alias(name="*")]):
                    self._everything_of.append("." * node.level + (node.module or ""))
                case ast.ImportFrom(names=names):
                    module = "." * node.level + (node.module or "")
                    self._imported |= {it.asname or it.name: (module, it.name) for it in names}
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._bound.setdefault(name, value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self._bound.setdefault(name, value)

    def inside(self, node: ast.expr, *, beside: bool = False) -> tuple[str, bool] | None:
        """Return the path below the root that `node` stands for, and whether it is relative to the file.

        Flask, say, takes what is not relative to anything else for something `beside` the file.
        """
        place = self._of(node, ())
        if place is None:
            return None
        if beside and not place.own:
            place = Meant(self.file.parent / place.path.relative_to(self.root), own=True)
        path = Path(os.path.normpath(place.path))
        if path == self.root or not path.is_relative_to(self.root):
            return None
        return path.relative_to(self.root).as_posix(), place.own

    def value(self, name: ast.Name) -> ast.expr | None:
        """Return what a name is first bound to, unless that is the name itself."""
        value = self._bound.get(name.id)
        return (
            None
            if value is None or any(isinstance(it, ast.Name) and it.id == name.id for it in ast.walk(value))
            else value
        )

    def _of(self, node: ast.expr, names: Names) -> Meant | None:  # noqa: PLR0911  # a case for each form
        match node:
            case ast.Constant(value=str(text)):
                return Meant(self.root / text) if _is_relative(text) else None
            case ast.Name(id="__file__"):
                return Meant(self.file, own=True)
            case ast.Name(id=name):
                return self.by_name(name, names)
            case ast.Attribute(value=value, attr="parent"):
                return self._above(value, 1, names)
            case ast.Subscript(value=ast.Attribute(value=value, attr="parents"), slice=ast.Constant(value=int(number))):
                return self._above(value, number + 1, names)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._joined(left, [right], names)
            case ast.BinOp(left=left, op=ast.Add(), right=ast.Constant(value=str(text))) if text.startswith("/"):
                return self._joined(left, [ast.Constant(text.lstrip("/"))], names)
            case ast.JoinedStr(values=[ast.FormattedValue(value=left), ast.Constant(value=str(text))]):
                return self._joined(left, [ast.Constant(text.lstrip("/"))], names) if text.startswith("/") else None
        return self._found_out(node, names)

    def _found_out(self, node: ast.expr, names: Names) -> Meant | None:
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
                if (usual := default(node)) is not None:
                    return self._of(usual, names)
                return self._called(node.func, name, args, names)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                return self._held(owner, name, names)
        return None

    def by_name(self, name: str, names: Names) -> Meant | None:
        """Return what a name stands for, bound here or in the module that it is imported from."""
        if (self.file, name) in names:
            return None
        names = (*names, (self.file, name))
        if (value := self._bound.get(name)) is not None:
            return self._of(value, names)
        if name in self._imported:
            module, there = self._imported[name]
            found = self._files.imported(self.file, module)
            return found.by_name(there, names) if found else None
        others = (self._files.imported(self.file, module) for module in reversed(self._everything_of))
        return next((place for it in others if it and (place := it.by_name(name, names))), None)

    def _held(self, owner: str, name: str, names: Names) -> Meant | None:
        """Return what `owner.name` stands for: of a module of the project, or of an object that one makes."""
        if isinstance(self._bound.get(owner), ast.Call) and name in self._bound:
            return self.by_name(name, names)
        if owner not in self._imported:
            return None
        module, there = self._imported[owner]
        below = f"{module}{'' if module.endswith('.') else '.'}{there}"
        found = (self._files.imported(self.file, below) if there else None) or self._files.imported(self.file, module)
        return found.by_name(name, names) if found else None

    def _called(self, function: ast.expr, name: str, args: list[ast.expr], names: Names) -> Meant | None:
        if name in {"getcwd", "cwd"}:
            return Meant(self.root)
        same = [function.value] if isinstance(function, ast.Attribute) and name in _SAME_METHODS and not args else args
        if name in _SAME | _SAME_METHODS and len(same) == 1:
            return self._of(same[0], names)
        if name == "dirname" and len(args) == 1:
            return self._above(args[0], 1, names)
        if name == "joinpath" and isinstance(function, ast.Attribute):
            return self._joined(function.value, args, names)
        if (name == "Path" or (name == "join" and "path" in ast.unparse(function))) and args:
            return self._joined(args[0], args[1:], names)
        return None

    def _above(self, node: ast.expr, levels: int, names: Names) -> Meant | None:
        place = self._of(node, names)
        for _ in range(levels):
            place = place and place._replace(path=place.path.parent)
        return place

    def _joined(self, base: ast.expr, more: list[ast.expr], names: Names) -> Meant | None:
        parts = [it.value for it in more if isinstance(it, ast.Constant) and isinstance(it.value, str)]
        if len(parts) != len(more) or not all(map(_is_relative, parts)):
            return None
        place = self._of(base, names)
        if place is not None:
            return place._replace(path=place.path.joinpath(*parts))
        # The folder comes from another module: what is there by that name is meant.
        known = isinstance(base, ast.Name | ast.Attribute | ast.Call | ast.BinOp)
        found = (it for it in self._folders() if known and parts and os.path.exists(it.joinpath(*parts)))  # noqa: PTH110
        folder = next(found, None)
        return Meant(folder.joinpath(*parts)) if folder is not None else None

    def _folders(self) -> Iterator[Path]:
        yield self.root
        for folder in self.file.parents:
            if folder == self.root:
                return
            yield folder


def default(call: ast.Call) -> ast.expr | None:
    """Return what a call that reads a variable of the environment takes where that is not set."""
    match call:
        case ast.Call(func=function, args=[ast.Constant(value=str()), usual]):
            called = ast.unparse(function).rpartition("os.")[2]
            return usual if called in {"getenv", "environ.get"} else None
        case ast.Call(args=[ast.Constant(value=str())], keywords=keywords):
            return next((it.value for it in keywords if it.arg == "default"), None)
    return None


def _is_relative(text: str) -> bool:
    whole = "://" not in text and not set("*?[{<%") & set(text) and text.isprintable()
    return 0 < len(text) <= _LONGEST and text[0] not in "/~\\" and whole

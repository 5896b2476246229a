"""What names of a project stand for: where each is bound, in its own file or in one that it is imported from."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl.discovery.source import modules, python_file
from asgictl.errors import AppLoadError

_DEPTH = 8
_OF_STRINGS = (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call)


class BoundName(NamedTuple):
    """Where something is bound: its file, and the name there."""

    file: Path
    name: str


class FileBindings:
    """What one file binds, anywhere in it: an app is often made in a function."""

    def __init__(self, file: Path) -> None:
        try:
            self.tree = python_file.parse(file)
        except AppLoadError:
            self.tree = ast.Module(body=[], type_ignores=[])
        self.imported: dict[str, tuple[str, str]] = {}
        self.values: dict[str, ast.expr | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = {}
        self.strings = {name: value for name, value in bound(self.tree.body) if isinstance(value, _OF_STRINGS)}
        for node in ast.walk(self.tree):
            match node:
                case ast.Import(names=names):
                    self.imported |= {it.asname or it.name: (it.name, "") for it in names}
                case ast.ImportFrom(names=names):
                    module = "." * node.level + (node.module or "")
                    self.imported |= {it.asname or it.name: (module, it.name) for it in names}
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    self.values.setdefault(name, node)
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if not isinstance(value, ast.Constant):
                    self.values[name] = value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self.values[name] = value


class Bindings:
    """Finds what a name in a file of the project in `root` stands for."""

    def __init__(self, root: Path) -> None:
        self.follow = modules.follow(root)
        self._files: dict[Path, FileBindings] = {}

    def defines(self, file: Path, called: ast.expr) -> bool:
        """Tell whether what is `called` in `file` is a function, a class or a method of the project's own."""
        match called:
            case ast.Name(id=name):
                return self._definition(BoundName(file, name)) is not None
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=attribute):
                values = self.read(file).values.values()
                return any(isinstance(it, ast.ClassDef) and _has(it, attribute) for it in values)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                module = self.module(file, name)
                if module is not None:
                    return self._definition(BoundName(module, attribute)) is not None
                return self._makes(BoundName(file, name), attribute)
            case ast.Attribute(value=ast.Call(func=ast.Name(id=name)), attr=attribute):
                return self._makes(BoundName(file, name), attribute)
        return False

    def _makes(self, held: BoundName, method: str, depth: int = 0) -> bool:
        """Tell whether a class, what it makes or what a function returns has a `method` of the project's own."""
        there = self.where(held) if depth <= _DEPTH else None
        value = self.read(there.file).values.get(there.name) if there else None
        if there is None:
            return False
        if isinstance(value, ast.ClassDef):
            bases = [it.id for it in value.bases if isinstance(it, ast.Name)]
            return _has(value, method) or any(self._makes(BoundName(there.file, it), method, depth + 1) for it in bases)
        if isinstance(value, ast.FunctionDef | ast.AsyncFunctionDef):
            value = next((it.value for it in ast.walk(value) if isinstance(it, ast.Return)), None)
        if isinstance(value, ast.Call):
            value = value.func
        return isinstance(value, ast.Name) and self._makes(BoundName(there.file, value.id), method, depth + 1)

    def _definition(self, held: BoundName) -> ast.AST | None:
        there = self.where(held)
        value = self.read(there.file).values.get(there.name) if there else None
        return value if isinstance(value, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else None

    def where(self, held: BoundName) -> BoundName | None:
        """Return where a name is bound, in its own file or in the one that it is imported from."""
        for _ in range(_DEPTH):
            read = self.read(held.file)
            if held.name in read.values or held.name in read.strings:
                return held
            there = self.imported(held.file, read.imported[held.name]) if held.name in read.imported else None
            if there is None:
                return None
            held = there
        return None

    def imported(self, file: Path, imported: tuple[str, str]) -> BoundName | None:
        """Return the name in the file of the project that an import of `file` takes it from."""
        module, name = imported
        found = self.follow(file, module) if module.strip(".") or name else None
        return BoundName(found, name) if found is not None and name else None

    def module(self, file: Path, name: str) -> Path | None:
        """Return the file of the module that `name` stands for."""
        imported = self.read(file).imported.get(name)
        if imported is None:
            return None
        module, inner = imported
        return self.follow(file, f"{module.rstrip('.')}.{inner}" if module.strip(".") and inner else f"{module}{inner}")

    def read(self, file: Path) -> FileBindings:
        """Return what a file binds."""
        if file not in self._files:
            self._files[file] = FileBindings(file)
        return self._files[file]


def bound(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that statements bind, each with its value."""
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value


def _has(defined: ast.ClassDef, method: str) -> bool:
    return any(isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef) and it.name == method for it in defined.body)

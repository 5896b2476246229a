"""What a Python file offers to serve, read from its source without importing it."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl import frameworks
from asgictl.errors import AppLoadError
from asgictl.project import shown

OBJECT_NAMES = ("app", "application", "api")
FACTORY_NAMES = ("create_app", "make_app", "build_app")
_INSTANCE_RANK = len(OBJECT_NAMES)
_FACTORY_RANK = _INSTANCE_RANK + 1
_ANNOTATED_RANK = _FACTORY_RANK + len(FACTORY_NAMES)
_IMPORTS_FOLLOWED = 5

Follow = Callable[[Path, str], Path | None]


class Candidate(NamedTuple):
    """A name that a module binds to something that can be served; the lowest `rank` is the best."""

    name: str
    line: int
    rank: int
    factory: bool = False
    framework: str | None = None


class _Value(NamedTuple):
    """What a name is bound to.

    `origin` is the dotted name of what was called or imported, `imported` the module and the name in it.
    """

    line: int
    servable: bool
    origin: str = ""
    factory: bool = False
    imported: tuple[str, str] | None = None


def parse(file: Path) -> ast.Module:
    """Return the syntax tree of `file`; raise `AppLoadError` with its line when it cannot be read."""
    try:
        return ast.parse(file.read_bytes(), filename=str(file))
    except SyntaxError as error:
        problem = (
            f"cannot load `{shown(file)}`: {type(error).__name__}: {error.msg} ({shown(file)}:{error.lineno or 1})"
        )
        raise AppLoadError(problem) from error
    except (OSError, ValueError) as error:
        problem = f"cannot read `{shown(file)}`: {error}"
        raise AppLoadError(problem) from error


def candidates(file: Path, follow: Follow) -> list[Candidate]:
    """Return what the module in `file` offers to serve, best first.

    `follow` takes a file and the name of a module that it imports, with a leading dot for each
    relative level, and returns that module's file where it belongs to the project.
    """
    return _Reader(file, follow).candidates()


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield the module names that `tree` imports, with a leading dot for each relative level."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


class _Reader:
    """The module-level bindings of one file."""

    def __init__(self, file: Path, follow: Follow, depth: int = 0) -> None:
        self.file = file
        self.follow = follow
        self.depth = depth
        self.origins: dict[str, str] = {}
        self.bases: dict[str, str] = {}
        self.values: dict[str, _Value] = {}
        self.returns: dict[str, str] = {}
        for node in _statements(parse(file).body):
            self._bind(node)

    def candidates(self) -> list[Candidate]:
        found = [entry for name, value in self.values.items() if (entry := self._candidate(name, value))]
        return sorted(found, key=lambda entry: (entry.rank, entry.line))

    def _candidate(self, name: str, value: _Value) -> Candidate | None:
        value = self._followed(name, value)
        if not value.servable:
            return None
        framework = _framework(value.origin)
        entry = Candidate(
            name=name,
            line=self.values[name].line,
            rank=_INSTANCE_RANK,
            factory=value.factory,
            framework=framework.name if framework else None,
        )
        if name in OBJECT_NAMES:
            return entry._replace(rank=OBJECT_NAMES.index(name))
        if value.factory and name in FACTORY_NAMES:
            return entry._replace(rank=_FACTORY_RANK + FACTORY_NAMES.index(name))
        if framework is None or name.startswith("_") or value.imported:
            return None
        return entry._replace(rank=_ANNOTATED_RANK) if value.factory else entry

    def _followed(self, name: str, value: _Value) -> _Value:
        """Return what an imported name is bound to where it comes from, as far as the project's files tell."""
        relevant = name in OBJECT_NAMES or name in FACTORY_NAMES
        if value.imported is None or not relevant or self.depth == _IMPORTS_FOLLOWED:
            return value
        module, attribute = value.imported
        if self.follow(self.file, f"{module}{attribute}" if module.endswith(".") else f"{module}.{attribute}"):
            return value._replace(servable=False)
        file = self.follow(self.file, module)
        if file is None:
            return value
        there = _Reader(file, self.follow, self.depth + 1)
        known = there.values.get(attribute)
        return there._followed(attribute, known)._replace(imported=value.imported) if known else value

    def _bind(self, node: ast.stmt) -> None:
        match node:
            case ast.Import(names=names):
                for alias in names:
                    self.origins[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            case ast.ImportFrom(names=names):
                module = "." * node.level + (node.module or "")
                for alias in names:
                    name, origin = alias.asname or alias.name, f"{module}.{alias.name}"
                    self.origins[name] = origin
                    self.values[name] = _Value(node.lineno, True, origin, imported=(module, alias.name))  # noqa: FBT003
            case ast.ClassDef(name=name, bases=bases):
                self.bases[name] = next((base for item in bases if (base := self._origin(item))), "")
                self.values[name] = _Value(node.lineno, servable=name in OBJECT_NAMES)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._bind_function(node)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind_target(target, value)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self._bind_target(target, value)

    def _bind_target(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple):
            for item in target.elts:
                self._bind_target(item, value)
        elif isinstance(target, ast.Name):
            new, old = self._value(target, value), self.values.get(target.id)
            if new.servable or old is None or not old.servable:
                self.values[target.id] = new

    def _value(self, target: ast.Name, value: ast.expr) -> _Value:
        if isinstance(value, ast.Call):
            origin = self._origin(value.func)
            module, _, name = origin.rpartition(".")
            return _Value(target.lineno, not frameworks.is_not_app(module, name), self.returns.get(origin, origin))
        if isinstance(value, ast.Name):
            known = self.values.get(value.id)
            return known._replace(line=target.lineno) if known else _Value(target.lineno, servable=True)
        plain = isinstance(value, ast.Constant | ast.List | ast.Dict | ast.Tuple | ast.Set | ast.JoinedStr)
        return _Value(target.lineno, servable=not plain)

    def _bind_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        required = len(node.args.posonlyargs) + len(node.args.args) - len(node.args.defaults)
        required += sum(default is None for default in node.args.kw_defaults)
        factory = required == 0 and node.args.vararg is None
        returned = self._origin(node.returns) if node.returns else ""
        if returned:
            self.returns[node.name] = returned
        if node.name in OBJECT_NAMES:
            servable = not (factory and node.decorator_list)
        else:
            servable = factory and isinstance(node, ast.FunctionDef)
        self.values[node.name] = _Value(node.lineno, servable, returned, factory=factory)

    def _origin(self, node: ast.expr) -> str:
        """Return the dotted name that `node` stands for, with imports and local classes resolved."""
        if isinstance(node, ast.Name):
            return self.bases.get(node.id) or self.origins.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self._origin(node.value)}.{node.attr}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self.origins.get(node.value, node.value)
        return ""


def _framework(origin: str) -> frameworks.Framework | None:
    module, _, name = origin.rpartition(".")
    return frameworks.named(module, name)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, those inside `if`, `try` and `with` included."""
    for node in body:
        match node:
            case ast.If(test=test, body=inner, orelse=other):
                if not _guards_script(test):
                    yield from _statements(inner)
                yield from _statements(other)
            case ast.Try(body=inner, handlers=handlers, orelse=other, finalbody=final):
                for block in (inner, *(handler.body for handler in handlers), other, final):
                    yield from _statements(block)
            case ast.With(body=inner):
                yield from _statements(inner)
            case _:
                yield node


def _guards_script(test: ast.expr) -> bool:
    """Tell whether `test` is `__name__ == "__main__"` or `TYPE_CHECKING`."""
    text = ast.unparse(test)
    return "__name__" in text or text.endswith("TYPE_CHECKING")

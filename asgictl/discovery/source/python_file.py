"""A Python file as it is written: its names, what each is bound to, and which servers it starts."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl import errors, reading
from asgictl.errors import AppLoadError
from asgictl.reading import shown

# What starts a server, or an event loop, and does not return: as functions of a module, and as a method of an app.
_STARTERS = frozenset(
    (
        *(
            "uvicorn.run",
            "aiohttp.web.run_app",
            "waitress.serve",
            "bottle.run",
            "eventlet.wsgi.server",
            "cherrypy.quickstart",
        ),
        *("hypercorn.run.run", "granian.Granian.serve", "werkzeug.serving.run_simple"),
    )
)
_RUN = "run"
_APPS = ("app", "application", "socketio")

# What makes an object with such a method.
_RUNNING = frozenset(
    (
        *(
            "APIFlask",
            "Bottle",
            "Dash",
            "Flask",
            "Microdot",
            "OpenAPI",
            "Quart",
            "Robyn",
            "Sanic",
            "Server",
            "SocketIO",
        ),
        *("build_app", "create_app", "make_app"),
    )
)


class Value(NamedTuple):
    """What a name is bound to: an expression, a function, a class, or something of another module.

    `imported` is the module, with a leading dot for each relative level, and the name in it; that is "" for the module
    itself. `node` is None where a statement says nothing of the value.
    """

    line: int
    node: ast.expr | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | None = None
    imported: tuple[str, str] | None = None


class Start(NamedTuple):
    """A call that starts a server: its line and text, the app it names or is given, and whether an import does it."""

    line: int
    text: str
    names: str | None
    app: str | None
    at_import: bool


class Names:
    """What the statements of a module, or of a function in it, bind."""

    def __init__(self, file: Path, body: list[ast.stmt], outer: "Names | None" = None) -> None:
        self.file = file
        self.outer = outer
        self.values: dict[str, Value] = {}
        self.stars: list[str] = []
        self._names: dict[int, str] = {}
        for node in statements(body):
            self._bind(node)

    def find(self, name: str) -> "tuple[Names, Value] | None":
        """Return what `name` is bound to, and where: here, or outside of the function."""
        if name in self.values:
            return self, self.values[name]
        return self.outer.find(name) if self.outer else None

    def name_of(self, value: Value) -> str | None:
        """Return the name that is bound to this very `value`."""
        if len(self._names) != len(self.values):
            self._names = {id(value): name for name, value in self.values.items()}
        return self._names.get(id(value))

    def _bind(self, node: ast.stmt) -> None:  # noqa: C901, PLR0912  # a case for each kind of statement
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.Expr(value=test):
                for inner in ast.walk(test):
                    if isinstance(inner, ast.NamedExpr):
                        self._target(inner.target, inner.value)
            case ast.Import(names=names):
                for alias in names:
                    module = alias.name if alias.asname else alias.name.partition(".")[0]
                    self._put(alias.asname or module, Value(node.lineno, imported=(module, "")))
            case ast.ImportFrom(names=names):
                module = "." * node.level + (node.module or "")
                for alias in names:
                    if alias.name == "*":
                        self.stars.append(module)
                    else:
                        self._put(alias.asname or alias.name, Value(node.lineno, imported=(module, alias.name)))
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self._put(name, Value(node.lineno, node))
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._target(target, value)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self._target(target, value)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    if item.optional_vars is not None:
                        self._target(item.optional_vars, item.context_expr)
            case ast.For(target=target) | ast.AsyncFor(target=target):
                self._target(target, None)

    def _target(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            # Of what a call returns, the first is the app: `app, rt = fast_app()`.
            values: list[ast.expr | None] = [value, *([None] * (len(target.elts) - 1))]
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                values = list(value.elts)
            for item, each in zip(target.elts, values, strict=True):
                self._target(item, each)
        elif isinstance(target, ast.Name):
            self._put(target.id, Value(target.lineno, value))

    def _put(self, name: str, value: Value) -> None:
        """Bind `name`; what may be an app is not replaced by a constant, as in `except ImportError: app = None`."""
        if name not in self.values or not isinstance(value.node, ast.Constant):
            self.values[name] = value


class Source(Names):
    """One file: what its statements bind when it is imported, and which servers it starts."""

    def __init__(self, file: Path) -> None:
        """Read `file`; raise `AppLoadError` when it cannot be read."""
        self.tree = parse(file)
        super().__init__(file, self.tree.body)
        self.exported = _exported(self.tree)
        imports_all = (
            node.lineno for node in self.tree.body if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        )
        self.star_line = next(imports_all, 1)

    @functools.cached_property
    def set_by_functions(self) -> frozenset[str]:
        """The names that functions bind for the module, by `global`."""
        return frozenset(name for node in ast.walk(self.tree) if isinstance(node, ast.Global) for name in node.names)

    @functools.cached_property
    def script(self) -> Names:
        """What is bound only when the file is run as a script."""
        return Names(self.file, [node for test in _guards(self.tree.body) for node in test.body], self)

    @functools.cached_property
    def starts(self) -> list[Start]:
        """The calls that start a server, in the order of the file."""
        direct = {id(call) for node in self.tree.body for call in _calls(node)}
        found = [
            start for call in ast.walk(self.tree) if isinstance(call, ast.Call) and (start := self._start(call, direct))
        ]
        return sorted(found, key=lambda start: start.line)

    def _start(self, call: ast.Call, direct: set[int]) -> Start | None:
        name = self.dotted(call.func)
        if name not in _STARTERS and not self._runs_an_app(call.func):
            return None
        first = next(iter(call.args), None) or next((word.value for word in call.keywords if word.arg == "app"), None)
        named = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
        app = first.id if isinstance(first, ast.Name) else None
        if name not in _STARTERS and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            app = app or call.func.value.id
        return Start(call.lineno, ast.unparse(call.func), named, app, at_import=id(call) in direct)

    def _runs_an_app(self, function: ast.expr) -> bool:
        """Tell whether `function` is `app.run` of an app that brings such a method."""
        match function:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if attribute == _RUN:
                value = self.values.get(name) or self.script.values.get(name)
                if value is not None and value.imported:
                    return value.imported[1] in _APPS
                made = self.dotted(value.node.func) if value is not None and isinstance(value.node, ast.Call) else ""
                return made.rpartition(".")[2] in _RUNNING
        return False

    def dotted(self, node: ast.expr) -> str:
        """Return the dotted name that `node` stands for, its first part as it was imported."""
        match node:
            case ast.Name(id=name):
                value = self.values.get(name) or self.script.values.get(name)
                return ".".join(filter(None, value.imported)) if value and value.imported else name
            case ast.Attribute(value=value, attr=attribute):
                return f"{self.dotted(value)}.{attribute}"
        return ""


def parse(file: Path) -> ast.Module:
    """Return the syntax tree of `file`; raise `AppLoadError` with its line when it cannot be read."""
    try:
        return reading.syntax(reading.content(file), str(file))
    except SyntaxError as error:
        place = f"{shown(file)}:{error.lineno or 1}"
        problem = f"cannot load `{shown(file)}`: {type(error).__name__}: {error.msg} ({place})"
        raise AppLoadError(problem, hint="put it right, or name another app") from error
    except (RecursionError, MemoryError) as error:
        raise AppLoadError(f"cannot read `{shown(file)}`: it nests too deeply", hint="name another file") from error
    except (OSError, ValueError) as error:
        reason = errors.reason(error) if isinstance(error, OSError) else error
        raise AppLoadError(f"cannot read `{shown(file)}`: {reason}", hint="see to it, or name another app") from error


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield the module names that `tree` imports, with a leading dot for each relative level."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, those inside compound ones included."""
    for node in body:
        yield node
        match node:
            case ast.If(test=test, body=inner, orelse=other):
                runs, runs_not = _guarded(test)
                yield from () if runs else statements(inner)
                yield from () if runs_not else statements(other)
            case ast.Try() | ast.TryStar():
                inner, handlers, other, final = node.body, node.handlers, node.orelse, node.finalbody
                for block in (inner, *(handler.body for handler in handlers), other, final):
                    yield from statements(block)
            case ast.With(body=inner) | ast.AsyncWith(body=inner):
                yield from statements(inner)
            case ast.For(body=inner, orelse=other) | ast.While(body=inner, orelse=other):
                yield from statements(inner)
                yield from statements(other)
            case ast.Match(cases=cases):
                for case in cases:
                    yield from statements(case.body)


def _guards(body: list[ast.stmt]) -> Iterator[ast.If]:
    yield from (node for node in statements(body) if isinstance(node, ast.If) and _guarded(node.test)[0])


def _guarded(test: ast.expr) -> tuple[bool, bool]:
    """Tell whether an `if` runs its body only in a script or for a type checker, and whether its `else` does."""
    match test:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            names, mains = {ast.unparse(left), ast.unparse(right)}, _mains(left) or _mains(right)
            if "__name__" in names and mains:
                return isinstance(operator, ast.Eq | ast.In), isinstance(operator, ast.NotEq | ast.NotIn)
        case ast.BoolOp(op=ast.And(), values=values):
            return any(_guarded(value)[0] for value in values), False
        case ast.BoolOp(values=values):
            return all(_guarded(value)[0] for value in values), False
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True, False
    return False, False


def _mains(node: ast.expr) -> bool:
    """Tell whether `node` is the name of a script's module, `__main__`, or several such: NiceGUI has `__mp_main__`."""
    match node:
        case ast.Constant(value=str(name)):
            return name in {"__main__", "__mp_main__"}
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return bool(items) and all(map(_mains, items))
    return False


def _calls(node: ast.stmt) -> Iterator[ast.Call]:
    """Yield the call that a statement is."""
    match node:
        case ast.Expr(value=ast.Call() as call):
            yield call


def _exported(tree: ast.Module) -> frozenset[str] | None:
    """Return what `__all__` lists, or None."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=items) | ast.Tuple(elts=items)):
                return frozenset(str(item.value) for item in items if isinstance(item, ast.Constant))
    return None

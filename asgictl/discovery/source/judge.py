"""What an expression, a function or a class of a project makes: a web app and of what, or something else."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from asgictl import frameworks
from asgictl.discovery.source.project_files import DEPTH, Sources
from asgictl.discovery.source.python_file import Names

Kind = Literal["app", "foreign", "other", "plain", "unknown"]

# What an ASGI app, and a WSGI app, is called with.
SCOPE, ENVIRON = ("scope", "receive", "send"), ("environ", "start_response")

# What makes a WSGI app of a function that takes a request: of werkzeug, of WebOb.
WSGI_DECORATORS = frozenset(("application", "wsgify"))


class What(NamedTuple):
    """What an expression makes: an `app` and of what, something `foreign` that has its own server, or something else.

    `origin` is the dotted name of what was called, `home` the file and the name where it is made, `parts` are names of
    other objects that it was made of. `signature` says that only the parameters tell what it is.
    """

    kind: Kind
    label: str = ""
    interface: frameworks.Interface | None = None
    origin: str = ""
    home: tuple[Path, str] | None = None
    foreign: frameworks.Foreign | None = None
    parts: frozenset[str] = frozenset()
    signature: bool = False


_UNKNOWN = What("unknown")
_PLAIN = What("plain")


class Judge:
    """Judges what the files of a project make."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._made: dict[ast.AST, What] = {}

    def named(self, names: Names, name: str, depth: int) -> What:  # noqa: PLR0911  # a case for each kind of value
        """Return what `name` is bound to."""
        where, value = self._sources.home(names, name)
        if where is None or value is None or depth > DEPTH:
            return _UNKNOWN
        home = (where.file, where.name_of(value) or name)
        if value.imported:
            module, attribute = value.imported
            if not attribute or self._sources.is_module(where.file, module, attribute):
                return _PLAIN
            return self._of_origin(f"{module}.{attribute}", called=False)._replace(home=home)
        match value.node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() as node:
                return self._of_function(where, node, depth)._replace(home=home)
            case ast.ClassDef() as node:
                return self._of_class(node)._replace(home=home)
            case None:
                return _PLAIN
            case node:
                return self.of(where, node, depth + 1)._replace(home=home)

    def instance(self, names: Names, node: ast.ClassDef) -> What:
        """Return what an instance of a class is."""
        return self._of_instance(names, node, 0)

    def of(self, names: Names, node: ast.expr, depth: int) -> What:  # noqa: PLR0911  # a case for each kind of node
        """Return what an expression makes."""
        if depth > DEPTH:
            return _UNKNOWN
        match node:
            case ast.Name(id=name):
                return self.named(names, name, depth)
            case ast.Call(func=function):
                return self._of_call(names, node, function, depth)
            case ast.Attribute(value=owner, attr=attribute):
                if (file := self._sources.module(names, owner)) is not None:
                    return self.named(self._sources.source(file), attribute, depth + 1)
                return self._of_origin(self._origin(names, node, depth), called=False)
            case ast.IfExp(body=one, orelse=other) | ast.BoolOp(values=[one, other, *_]):
                first = self.of(names, one, depth + 1)
                return first if first.kind == "app" else self.of(names, other, depth + 1)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.of(names, inner, depth + 1)
            case ast.Constant() | ast.List() | ast.Dict() | ast.Tuple() | ast.Set() | ast.JoinedStr() | ast.ListComp():
                return _PLAIN
            case ast.Compare() | ast.BinOp() | ast.UnaryOp() | ast.Lambda() | ast.DictComp() | ast.SetComp():
                return _PLAIN
        return _UNKNOWN

    def _of_call(self, names: Names, call: ast.Call, function: ast.expr, depth: int) -> What:
        used = frozenset(
            name.id for item in (*call.args, *call.keywords) for name in ast.walk(item) if isinstance(name, ast.Name)
        )
        where, node = self._sources.callee(names, function)
        made = _UNKNOWN
        if where is not None and isinstance(node, ast.ClassDef):
            made = self._of_instance(where, node, depth + 1)
        elif where is not None and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            made = self._made_by(where, node, depth + 1)
            if made.kind == "plain":
                made = _UNKNOWN
        if made.kind == "unknown":
            origin = self._origin(names, function, depth)
            made = self._of_origin(origin, called=True) if node is None else made._replace(origin=origin)
        return made._replace(parts=used)

    def _origin(self, names: Names, node: ast.expr, depth: int) -> str:  # noqa: PLR0911  # the same
        """Return the dotted name that `node` stands for, with imports resolved and calls left out."""
        match node:
            case ast.Name(id=name) if depth <= DEPTH:
                where, value = self._sources.home(names, name)
                if where is None or value is None:
                    return name
                if value.imported:
                    return ".".join(filter(None, value.imported))
                if isinstance(value.node, ast.Call | ast.Attribute):
                    return self._origin(where, value.node, depth + 1)
                return name
            case ast.Attribute(value=owner, attr=attribute):
                return f"{self._origin(names, owner, depth)}.{attribute}"
            case ast.Call(func=function):
                return self._origin(names, function, depth)
            case ast.Subscript(value=owner):
                return self._origin(names, owner, depth)
            case ast.Constant(value=str(text)):
                return self._origin(names, ast.Name(text), depth + 1)
        return ""

    def _of_origin(self, origin: str, *, called: bool) -> What:
        """Return what `origin`, the dotted name of something of a package, makes, or is."""
        module, _, name = origin.rpartition(".")
        if called and (framework := frameworks.made_by(module, name)):
            return What("app", framework.name, framework.interface, origin)
        if not called and (held := frameworks.ATTRIBUTES.get(origin)) and (framework := frameworks.of_name(held)):
            return What("app", framework.name, framework.interface, origin)
        if foreign := frameworks.foreign(origin):
            return What("foreign", foreign.name, origin=origin, foreign=foreign)
        if frameworks.is_not_app(origin):
            return What("other", origin, origin=origin)
        return _UNKNOWN._replace(origin=origin)

    def _of_function(self, names: Names, node: ast.FunctionDef | ast.AsyncFunctionDef, depth: int) -> What:
        """Return what a function is: an app by its signature, or what it makes when it is called."""
        arguments = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        if any(decorator(it) in WSGI_DECORATORS for it in node.decorator_list):
            return What("app", "WSGI", "wsgi", signature=True)
        if arguments == ["event", "context"]:
            return What("other", "AWS Lambda handler", signature=True)
        if len(arguments) == len(SCOPE) and isinstance(node, ast.AsyncFunctionDef) and not node.args.defaults:
            return What("app", "ASGI", "asgi3", signature=True)
        if (
            len(arguments) == len(ENVIRON)
            and isinstance(node, ast.FunctionDef)
            and _is_called(arguments[0], ENVIRON[0])
        ):
            return What("app", "WSGI", "wsgi", signature=True)
        return self._made_by(names, node, depth + 1)

    def _made_by(self, names: Names, node: ast.FunctionDef | ast.AsyncFunctionDef, depth: int) -> What:
        """Return what a function returns, by its annotation or its body; each function is judged once."""
        if node not in self._made:
            self._made[node] = _UNKNOWN  # for one that calls itself
            self._made[node] = self._returned(names, node, depth)
        return self._made[node]

    def _returned(self, names: Names, node: ast.FunctionDef | ast.AsyncFunctionDef, depth: int) -> What:
        if depth > DEPTH:
            return _UNKNOWN
        if node.returns is not None:
            what = self._annotated(names, node.returns, depth)
            if what.kind in {"app", "foreign"}:
                return what
        returned = returned_by(node)
        if returned is None or not (returned or _is_stub(node)):
            return _PLAIN
        inner = Names(names.file, node.body, names)
        known = [what for value in returned if (what := self.of(inner, value, depth + 1)).kind != "unknown"]
        known.sort(key=lambda what: ("app", "foreign", "other", "plain").index(what.kind))
        return known[0] if known else self._mentioned(inner, returned, depth)

    def _mentioned(self, names: Names, returned: list[ast.expr], depth: int) -> What:
        """Return what a framework makes within expressions: `configure(Flask(__name__))`, `wrap(app)`."""
        for value in returned:
            for call in ast.walk(value):
                if isinstance(call, ast.Call | ast.Name) and call is not value:
                    what = self.of(names, call, depth + 1)
                    if what.kind == "app" and what.interface:
                        return What("unknown", what.label, what.interface)
        return _UNKNOWN

    def _annotated(self, names: Names, node: ast.expr, depth: int) -> What:
        where, definition = self._sources.callee(names, node)
        if where is not None and isinstance(definition, ast.ClassDef):
            return self._of_instance(where, definition, depth + 1)
        return self._of_origin(self._origin(names, node, depth), called=True)

    def _of_class(self, node: ast.ClassDef) -> What:
        """Return what a class is that is itself the app: called for each connection, or request."""
        taken = next(iter(_parameters(node, "__init__")), None)
        if taken and len(taken) == 1 and _is_called(taken[0], SCOPE[0]):
            return What("app", "ASGI 2", "asgi2")
        if taken and len(taken) == len(ENVIRON) and _is_called(taken[0], ENVIRON[0]):
            return What("app", "WSGI", "wsgi")
        return _UNKNOWN

    def _of_instance(self, names: Names, node: ast.ClassDef, depth: int) -> What:
        """Return what an instance of a class of the project's is: by its bases, or by how it is called."""
        if depth > DEPTH:
            return _UNKNOWN
        for base in node.bases:
            what = self._annotated(names, base, depth + 1)
            if what.kind in {"app", "foreign", "other"}:
                return what
        for taken in _parameters(node, "__call__"):
            if len(taken) == len(SCOPE) and _is_called(taken[0], SCOPE[0]):
                return What("app", "ASGI", "asgi3")
            if len(taken) == len(ENVIRON) and _is_called(taken[0], ENVIRON[0]):
                return What("app", "WSGI", "wsgi")
            if len(taken) == 1 and taken[0] == SCOPE[0]:
                return What("app", "ASGI 2", "asgi2")
        return _UNKNOWN


def returned_by(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr] | None:
    """Return the expressions that a function returns, None where it is a generator."""
    found: list[ast.expr] = []
    todo: list[ast.AST] = list(node.body)
    while todo:
        inner = todo.pop()
        if isinstance(inner, ast.Return):
            found += [inner.value] if inner.value is not None else []
        elif isinstance(inner, ast.Yield | ast.YieldFrom):
            return None
        elif not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            todo.extend(ast.iter_child_nodes(inner))
    return sorted(found, key=lambda value: value.lineno)


def _is_stub(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a function only consists of `...`."""
    return all(isinstance(it, ast.Expr) and isinstance(it.value, ast.Constant) for it in node.body)


def _parameters(node: ast.ClassDef, method: str) -> Iterator[list[str]]:
    """Yield the names of what `method` has to be given beside `self`."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name == method:
            yield required(item)[1:]


def required(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Return the names of the parameters that have to be given."""
    if node.args.vararg is not None:
        return [*(it.arg for it in node.args.args), f"*{node.args.vararg.arg}"]
    positional = [it.arg for it in (*node.args.posonlyargs, *node.args.args)]
    needed = positional[: len(positional) - len(node.args.defaults)]
    words = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return [*needed, *(it.arg for it, default in words if default is None)]


def _is_called(name: str, usual: str) -> bool:
    """Tell whether a parameter is called as usual, or by the beginning of that: `env`, `e`."""
    return usual.startswith(name.strip("_"))


def decorator(node: ast.expr) -> str:
    """Return the last part of a decorator's name."""
    call = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(call).rpartition(".")[2]

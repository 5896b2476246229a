"""Routes of an app that other modules hold: routers, blueprints and lists of routes, followed through imports."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from asgictl.scaffold.uses.bindings import Bindings, BoundName, bound

_METHODS = {"get", "head", "route", "api_route", "add_route", "add_api_route", "add_url_rule"}
_CALLS = {"Route", "path", "get", "head", "route"}
_INCLUDING = {"include_router", "register_blueprint", "mount", "register", "include"}
_PREFIXES = ("prefix", "url_prefix", "path")
_LISTS = {"routes", "route_handlers"}
_DEPTH = 8


class Included:
    """Finds the routes that an app includes, in the project in `root`."""

    def __init__(self, root: Path) -> None:
        self._bindings = Bindings(root)

    def routes(self, file: Path, names: set[str]) -> Iterator[tuple[str, Path, int]]:
        """Yield whole paths, with file and line, of what the apps called `names` in `file` include from elsewhere."""
        for name in sorted(names):
            yield from self._of(BoundName(file, name), "", 0)

    def _of(self, held: BoundName, prefix: str, depth: int) -> Iterator[tuple[str, Path, int]]:
        """Yield the routes of an app, a router, a list of routes, a handler or a controller."""
        if depth > _DEPTH:
            return
        read = self._bindings.read(held.file)
        if held.name not in read.values and held.name in read.imported:
            if (there := self._bindings.imported(held.file, read.imported[held.name])) is not None:
                yield from self._of(there, prefix, depth + 1)
            return
        value = read.values.get(held.name)
        if isinstance(value, ast.expr):
            yield from self._in(value, held.file, prefix, depth)
        elif value is not None:
            yield from self._handlers(value, held.file, prefix)
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            yield from self._returned(BoundName(held.file, value.func.id), prefix, depth)
        own = prefix + (self._prefix(held.file, value) or "") if isinstance(value, ast.Call) else prefix
        for node in ast.walk(read.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id == held.name:
                    yield from self._called(node, held.file, own, depth)

    def _returned(self, held: BoundName, prefix: str, depth: int) -> Iterator[tuple[str, Path, int]]:
        """Yield the routes of what a function of the project returns, like `create_app`."""
        there = self._bindings.where(held)
        made = self._bindings.read(there.file).values.get(there.name) if there else None
        if there and isinstance(made, ast.FunctionDef):
            for node in ast.walk(made):
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Name) and node.value.id != held.name:
                    yield from self._of(BoundName(there.file, node.value.id), prefix, depth + 1)

    def _called(self, call: ast.Call, file: Path, prefix: str, depth: int) -> Iterator[tuple[str, Path, int]]:
        """Yield what `app.get(path)` or `app.include_router(router)` adds."""
        assert isinstance(call.func, ast.Attribute)  # noqa: S101  # that is how it is called
        path = self._string(file, call.args[0]) if call.args else None
        if call.func.attr in _METHODS and path is not None:
            yield _join(prefix, path), file, call.lineno
        elif call.func.attr in _INCLUDING and call.args:
            given = self._prefix(file, call)
            child = call.args[1] if path is not None and len(call.args) > 1 else call.args[0]
            if given is not None:
                yield from self._in(child, file, _join(prefix, path or given), depth + 1)

    def _in(self, node: ast.expr, file: Path, prefix: str, depth: int) -> Iterator[tuple[str, Path, int]]:
        """Yield the routes that an expression holds."""
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items):
                for item in items:
                    yield from self._in(item, file, prefix, depth)
            case ast.Name(id=name):
                yield from self._of(BoundName(file, name), prefix, depth + 1)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                module = self._bindings.module(file, name)
                if module is not None:
                    yield from self._of(BoundName(module, attribute), prefix, depth + 1)
            case ast.Call(func=ast.Name(id="include") | ast.Attribute(attr="include"), args=[first, *_]):
                named = _text(first.elts[0] if isinstance(first, ast.Tuple) and first.elts else first)
                there = self._bindings.follow(file, named) if named else None
                if there is not None:
                    yield from self._of(BoundName(there, "urlpatterns"), prefix, depth + 1)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if depth <= _DEPTH:
                yield from self._made(node, name, file, prefix, depth)

    def _made(self, call: ast.Call, name: str, file: Path, prefix: str, depth: int) -> Iterator[tuple[str, Path, int]]:
        """Yield the routes of `Route(path, view)`, `Mount(path, routes=...)` or `Router(path, route_handlers=...)`."""
        path = self._string(file, call.args[0]) if call.args else self._prefix(file, call)
        inner: list[ast.expr] = [it for it in call.args[1:] if isinstance(it, ast.Call | ast.List) and _includes(it)]
        inner += [it.value for it in call.keywords if it.arg in _LISTS or (it.arg == "app" and name == "Mount")]
        if inner and path is not None:
            for item in inner:
                yield from self._in(item, file, _join(prefix, path), depth + 1)
        elif name in _CALLS and path is not None and call.args[1:]:
            yield _join(prefix, path), file, call.lineno

    def _handlers(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, file: Path, prefix: str
    ) -> Iterator[tuple[str, Path, int]]:
        """Yield the paths of a handler of Litestar's, or of those in a controller."""
        if isinstance(node, ast.ClassDef):
            path = dict(bound(node.body)).get("path")
            inner = prefix + ((self._string(file, path) or "") if path else "")
            for item in node.body:
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from self._handlers(item, file, inner)
            return
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _CALLS:
                path_of = self._string(file, call.args[0]) if call.args else self._prefix(file, call)
                if path_of is not None:
                    yield _join(prefix, path_of), file, call.lineno

    def _prefix(self, file: Path, call: ast.Call) -> str | None:
        """Return the prefix that a call gives, "" for none; None for one that the source does not say."""
        given = [it.value for it in call.keywords if it.arg in _PREFIXES]
        return self._string(file, given[0]) if given else ""

    def _string(self, file: Path, node: ast.expr, depth: int = 0) -> str | None:  # noqa: PLR0911  # a case for each form
        """Return the text that an expression stands for, unless the environment says otherwise; None for any other."""
        if depth > _DEPTH:
            return None
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.JoinedStr(values=parts):
                return self._joined(
                    file, [it.value if isinstance(it, ast.FormattedValue) else it for it in parts], depth
                )
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined(file, [left, right], depth)
            case ast.Name(id=name):
                there = self._bindings.where(BoundName(file, name))
                value = self._bindings.read(there.file).strings.get(there.name) if there else None
                return self._string(there.file, value, depth + 1) if there and value else None
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                module = self._bindings.module(file, name)
                if module is not None:
                    return self._string(module, ast.Name(attribute), depth + 1)
                return self._field(BoundName(file, name), attribute, depth + 1)
            case ast.Call(func=ast.Name(id="Field"), keywords=words):
                default = [it.value for it in words if it.arg == "default"] or node.args[:1]
                return self._string(file, default[0], depth + 1) if default else None
        return None

    def _joined(self, file: Path, parts: Iterable[ast.expr], depth: int) -> str | None:
        texts = [self._string(file, it, depth + 1) for it in parts]
        return None if None in texts else "".join(filter(None, texts))

    def _field(self, held: BoundName, name: str, depth: int) -> str | None:
        """Return the default of a field of the class, or of the object of a class, that is called so."""
        there = self._bindings.where(held) if depth <= _DEPTH else None
        value = self._bindings.read(there.file).values.get(there.name) if there else None
        if there is None:
            return None
        if isinstance(value, ast.ClassDef):
            default = dict(bound(value.body)).get(name)
            if default is not None:
                return self._string(there.file, default, depth + 1)
            bases = [it.id for it in value.bases if isinstance(it, ast.Name)]
            return next(
                (text for it in bases if (text := self._field(BoundName(there.file, it), name, depth + 1))), None
            )
        if isinstance(value, ast.FunctionDef):  # get_settings()
            made = [it.value for it in value.body if isinstance(it, ast.Return)]
            value = made[0] if made else None
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            return self._field(BoundName(there.file, value.func.id), name, depth + 1)
        return None


def _includes(node: ast.expr) -> bool:
    return isinstance(node, ast.List) or (
        isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"include", "Router", "Starlette"}
    )


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _join(prefix: str, path: str) -> str:
    inner = f"/{path.lstrip('/')}" if path else ""
    return f"{prefix.rstrip('/')}{inner}"

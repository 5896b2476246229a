"""What a Python file offers to serve, judged from its source: objects, factories, and what only looks like one."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from asgictl import frameworks
from asgictl.errors import AppLoadError
from asgictl.project import shown
from asgictl.target.source import Names, Source, Value

OBJECT_NAMES = ("app", "application", "api")
FACTORY_NAMES = ("create_app", "make_app", "build_app")

# How far names are followed through assignments, calls and files.
_DEPTH = 12

_SCOPE, _ENVIRON = ("scope", "receive", "send"), ("environ", "start_response")

# Decorators that leave a factory what it is.
_TRANSPARENT = frozenset(("cache", "lru_cache"))

# What makes a WSGI app of a function that takes a request: of werkzeug, of WebOb.
_WSGI_DECORATORS = frozenset(("application", "wsgify"))

Follow = Callable[[Path, str], Path | None]
Kind = Literal["app", "foreign", "other", "plain", "unknown"]


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


class Candidate(NamedTuple):
    """A name that a module binds to something that can be served.

    `certain` says that its source tells what it is, `imported` that it comes from outside of the project, `guess` that
    only its signature looks like an app's. The lowest `rank` is the best.
    """

    name: str
    line: int
    rank: int
    factory: bool = False
    framework: str | None = None
    interface: frameworks.Interface | None = None
    certain: bool = False
    imported: bool = False
    guess: bool = False
    home: tuple[Path, str] | None = None


class Sighting(NamedTuple):
    """Something in a file that is no app as it stands: where, what in words, and what can be done instead."""

    file: Path
    line: int
    text: str
    advice: str | None = None


class Offer(NamedTuple):
    """What a file holds: candidates, best first, and what else was seen in it."""

    candidates: tuple[Candidate, ...] = ()
    seen: tuple[Sighting, ...] = ()


_UNKNOWN = What("unknown")
_PLAIN = What("plain")


class Reader:
    """Judges the files of a project, each of which is read once.

    `follow` takes a file and the name of a module that it imports, with a leading dot for each relative level, and
    returns that module's file where it belongs to the project.
    """

    def __init__(self, follow: Follow) -> None:
        self._follow = follow
        self._sources: dict[Path, Source] = {}
        self._offers: dict[Path, Offer] = {}
        self._made: dict[ast.AST, What] = {}

    def source(self, file: Path) -> Source:
        """Return `file` as it is written; raise `AppLoadError` when it cannot be read."""
        if file not in self._sources:
            self._sources[file] = Source(file)
        return self._sources[file]

    def offer(self, file: Path) -> Offer:
        """Return what `file` holds; raise `AppLoadError` when it cannot be read."""
        if file not in self._offers:
            try:
                self._offers[file] = self._read(self.source(file))
            except RecursionError as error:
                raise AppLoadError(f"cannot read `{shown(file)}`: it nests too deeply") from error
        return self._offers[file]

    def binds(self, file: Path, name: str) -> bool:
        """Tell whether the module in `file` may have the attribute `name`: some are bound in ways no source shows."""
        source = self.source(file)
        if name in source.values or "__getattr__" in source.values:
            return True
        files = [self._follow(file, module) for module in source.stars]
        return any(other is None or (other != file and self.binds(other, name)) for other in files)

    def what(self, file: Path, name: str) -> What:
        """Return what the module in `file` binds `name` to."""
        return self._named(self.source(file), name, 0)

    def _read(self, source: Source) -> Offer:
        found: list[Candidate] = []
        seen: list[Sighting] = []
        names = dict(source.values)
        for module in source.stars:
            names |= {name: value for name, value in self._star(source, module).items() if name not in names}
        parts: set[str] = set()
        for name, value in names.items():
            if not _may_be_one(name, value):
                continue
            what = self._named(source, name, 0)
            if what.kind == "app":
                parts |= what.parts - {name}
            node = self._definition(source, name)
            entry = (
                self._function(name, value.line, node, what)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                else self._object(name, value, what)
            )
            if isinstance(entry, Candidate):
                found.append(entry)
            elif entry is not None:
                module = "" if source.file.name == "__init__.py" else source.file.stem
                seen.append(_sighting(source.file, value.line, name, entry, what, module))
        parts |= {name for name in _mounted(source.tree) if name not in OBJECT_NAMES[:2]}
        if any(entry.name not in parts for entry in found):
            found = [entry for entry in found if entry.name not in parts]
        if not found:
            seen += self._in_script(source)
        if not any(it.advice for it in seen):
            seen += _script_framework(source)
        found.sort(key=lambda entry: (entry.rank, entry.line))
        return Offer(tuple(_started(source, found)), tuple(seen))

    def _star(self, source: Source, module: str) -> dict[str, Value]:
        """Return what `from module import *` binds."""
        file = self._follow(source.file, module)
        if file is None or file == source.file:
            return {}
        there = self.source(file)
        line = next((node.lineno for node in source.tree.body if isinstance(node, ast.ImportFrom)), 1)
        names = there.exported or {name for name in there.values if not name.startswith("_")}
        found = {name: Value(line, imported=(module, name)) for name in names}
        for inner in there.stars:
            found |= {name: value for name, value in self._star(there, inner).items() if name not in found}
        return found

    def _definition(self, source: Source, name: str) -> object:
        """Return the function or class that `name` is, where this file defines or imports it."""
        names, value = self._home(source, name, 0)
        return value.node if names is not None and value is not None else None

    def _home(self, names: Names, name: str, depth: int) -> tuple[Names | None, Value | None]:
        """Return where what `name` stands for is bound, imports of the project's and other names followed."""
        found = names.find(name)
        if found is None:
            for module in getattr(names, "stars", ()) if depth < _DEPTH else ():
                file = self._follow(names.file, module)
                if file is not None and file != names.file:
                    there, value = self._home(self.source(file), name, depth + 1)
                    if value is not None:
                        return there, value
            return names.outer and self._home(names.outer, name, depth + 1) or (None, None)
        where, value = found
        if depth < _DEPTH and value.imported:
            module, attribute = value.imported
            file = self._follow(where.file, module) if attribute else None
            if file is not None and file != where.file and not self._is_module(where.file, module, attribute):
                return self._home(self.source(file), attribute, depth + 1)
        elif depth < _DEPTH and isinstance(value.node, ast.Name) and value.node.id != name:
            return self._home(where, value.node.id, depth + 1)
        return where, value

    def _is_module(self, importer: Path, module: str, attribute: str) -> bool:
        """Tell whether `attribute`, imported from `module`, is a module itself, and nothing that the package binds."""
        file = self._follow(importer, module)
        if file is not None and attribute in self.source(file).values:
            return False
        return self._follow(importer, f"{module}{'' if module.endswith('.') else '.'}{attribute}") is not None

    def _named(self, names: Names, name: str, depth: int) -> What:
        """Return what `name` is bound to."""
        where, value = self._home(names, name, 0)
        if where is None or value is None or depth > _DEPTH:
            return _UNKNOWN
        home = (where.file, next((key for key, it in where.values.items() if it is value), name))
        if value.imported:
            module, attribute = value.imported
            if not attribute or self._is_module(where.file, module, attribute):
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
                return self._of(where, node, depth + 1)._replace(home=home)

    def _of(self, names: Names, node: ast.expr, depth: int) -> What:
        """Return what an expression makes."""
        if depth > _DEPTH:
            return _UNKNOWN
        match node:
            case ast.Name(id=name):
                return self._named(names, name, depth)
            case ast.Call(func=function):
                return self._of_call(names, node, function, depth)
            case ast.Attribute(value=owner, attr=attribute):
                if (file := self._module(names, owner)) is not None:
                    return self._named(self.source(file), attribute, depth + 1)
                return self._of_origin(self._origin(names, node, depth), called=False)
            case ast.IfExp(body=one, orelse=other) | ast.BoolOp(values=[one, other, *_]):
                first = self._of(names, one, depth + 1)
                return first if first.kind == "app" else self._of(names, other, depth + 1)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self._of(names, inner, depth + 1)
            case ast.Constant() | ast.List() | ast.Dict() | ast.Tuple() | ast.Set() | ast.JoinedStr() | ast.ListComp():
                return _PLAIN
            case ast.Compare() | ast.BinOp() | ast.UnaryOp() | ast.Lambda() | ast.DictComp() | ast.SetComp():
                return _PLAIN
        return _UNKNOWN

    def _of_call(self, names: Names, call: ast.Call, function: ast.expr, depth: int) -> What:
        used = frozenset(
            name.id for item in (*call.args, *call.keywords) for name in ast.walk(item) if isinstance(name, ast.Name)
        )
        where, node = self._callee(names, function)
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

    def _callee(self, names: Names, function: ast.expr) -> "tuple[Names | None, object]":
        """Return the class or function of the project's that is called, and where it is."""
        match function:
            case ast.Name(id=name):
                where, value = self._home(names, name, 0)
                if value is not None and isinstance(value.node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    return where, value.node
            case ast.Attribute(value=owner, attr=attribute):
                if (file := self._module(names, owner)) is not None:
                    where, value = self._home(self.source(file), attribute, 0)
                    if value is not None and isinstance(value.node, ast.ClassDef | ast.FunctionDef):
                        return where, value.node
        return None, None

    def _module(self, names: Names, node: ast.expr) -> Path | None:
        """Return the file of the project's module that `node` stands for."""
        match node:
            case ast.Name(id=name):
                found = names.find(name)
                if found and found[1].imported:
                    module, attribute = found[1].imported
                    dot = "." if attribute and not module.endswith(".") else ""
                    return self._follow(found[0].file, f"{module}{dot}{attribute}")
            case ast.Attribute():
                return self._follow(names.file, ast.unparse(node))
        return None

    def _origin(self, names: Names, node: ast.expr, depth: int) -> str:
        """Return the dotted name that `node` stands for, with imports resolved and calls left out."""
        match node:
            case ast.Name(id=name) if depth <= _DEPTH:
                where, value = self._home(names, name, 0)
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
                return (
                    self._origin(names, ast.parse(text, mode="eval").body, depth + 1) if text.isidentifier() else text
                )
        return ""

    def _of_origin(self, origin: str, *, called: bool) -> What:
        """Return what `origin`, the dotted name of something of a package, makes, or is."""
        module, _, name = origin.rpartition(".")
        if called and (framework := frameworks.named(module, name)):
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
        if any(_decorator(it) in _WSGI_DECORATORS for it in node.decorator_list):
            return What("app", "WSGI", "wsgi", signature=True)
        if len(arguments) == len(_SCOPE) and isinstance(node, ast.AsyncFunctionDef) and not node.args.defaults:
            return What("app", "ASGI", "asgi3", signature=True)
        if (
            len(arguments) == len(_ENVIRON)
            and isinstance(node, ast.FunctionDef)
            and _is_called(arguments[0], _ENVIRON[0])
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
        if depth > _DEPTH:
            return _UNKNOWN
        if node.returns is not None:
            what = self._annotated(names, node.returns, depth)
            if what.kind in {"app", "foreign"}:
                return what
        returned = _returned_by(node)
        if returned is None or not (returned or _is_stub(node)):
            return _PLAIN
        inner = Names(names.file, node.body, names)
        known = [what for value in returned if (what := self._of(inner, value, depth + 1)).kind != "unknown"]
        known.sort(key=lambda what: ("app", "foreign", "other", "plain").index(what.kind))
        return known[0] if known else self._mentioned(inner, returned, depth)

    def _mentioned(self, names: Names, returned: list[ast.expr], depth: int) -> What:
        """Return what a framework makes within expressions: `configure(Flask(__name__))`, `wrap(app)`."""
        for value in returned:
            for call in ast.walk(value):
                if isinstance(call, ast.Call | ast.Name) and call is not value:
                    what = self._of(names, call, depth + 1)
                    if what.kind == "app" and what.interface:
                        return What("unknown", what.label, what.interface)
        return _UNKNOWN

    def _annotated(self, names: Names, node: ast.expr, depth: int) -> What:
        where, definition = self._callee(names, node)
        if where is not None and isinstance(definition, ast.ClassDef):
            return self._of_instance(where, definition, depth + 1)
        return self._of_origin(self._origin(names, node, depth), called=True)

    def _of_class(self, node: ast.ClassDef) -> What:
        """Return what a class is that is itself the app: called for each connection, or request."""
        taken = next(iter(_parameters(node, "__init__")), None)
        if taken and len(taken) == 1 and _is_called(taken[0], _SCOPE[0]):
            return What("app", "ASGI 2", "asgi2")
        if taken and len(taken) == len(_ENVIRON) and _is_called(taken[0], _ENVIRON[0]):
            return What("app", "WSGI", "wsgi")
        return _UNKNOWN

    def _of_instance(self, names: Names, node: ast.ClassDef, depth: int) -> What:
        """Return what an instance of a class of the project's is: by its bases, or by how it is called."""
        if depth > _DEPTH:
            return _UNKNOWN
        for base in node.bases:
            what = self._annotated(names, base, depth + 1)
            if what.kind in {"app", "foreign", "other"}:
                return what
        for taken in _parameters(node, "__call__"):
            if len(taken) == len(_SCOPE) and _is_called(taken[0], _SCOPE[0]):
                return What("app", "ASGI", "asgi3")
            if len(taken) == len(_ENVIRON) and _is_called(taken[0], _ENVIRON[0]):
                return What("app", "WSGI", "wsgi")
            if len(taken) == 1 and taken[0] == _SCOPE[0]:
                return What("app", "ASGI 2", "asgi2")
        return _UNKNOWN

    def _object(self, name: str, value: Value, what: What) -> "Candidate | str | None":
        """Return the candidate that an object is, why it is none where that is worth saying, or None."""
        usual = name in OBJECT_NAMES
        outside = what.origin and value.imported is not None and what.home is not None and what.kind == "unknown"
        entry = Candidate(
            name=name,
            line=value.line,
            rank=OBJECT_NAMES.index(name) if usual else len(OBJECT_NAMES),
            framework=what.label if frameworks.of_name(what.label) else None,
            interface=what.interface,
            certain=what.kind == "app",
            imported=bool(outside),
            home=what.home,
        )
        match what.kind:
            case "app" if usual or not (value.imported or name.startswith("_") or isinstance(value.node, ast.ClassDef)):
                return entry
            case "unknown" if usual:
                return entry
            case "foreign" if value.imported is None or usual:
                return "foreign"
            case "other" if usual and value.imported is None:
                return "other"
        return None

    def _function(
        self, name: str, line: int, node: ast.FunctionDef | ast.AsyncFunctionDef, what: What
    ) -> "Candidate | str | None":
        """Return the candidate that a function is, why it is none where that is worth saying, or None."""
        usual, conventional = name in OBJECT_NAMES, name in FACTORY_NAMES
        required = _required(node)
        entry = Candidate(
            name=name,
            line=line,
            rank=OBJECT_NAMES.index(name) if usual else len(OBJECT_NAMES),
            framework=what.label if frameworks.of_name(what.label) else None,
            interface=what.interface,
            certain=what.kind == "app",
            home=what.home,
        )
        if what.signature:
            return entry._replace(guess=not usual) if usual or tuple(required) in (_SCOPE, _ENVIRON) else None
        if what.kind == "foreign":
            return what.kind
        if usual and required:
            return entry._replace(certain=False)
        if what.kind != "app" and not (what.kind == "unknown" and (usual or conventional)):
            return None
        if name.startswith("_") or any(_decorator(it) not in _TRANSPARENT for it in node.decorator_list):
            return None
        if required:
            return f"needs arguments ({', '.join(required)})" if conventional or "app" in name else None
        if isinstance(node, ast.AsyncFunctionDef):
            return "is async"
        if usual:
            return entry._replace(factory=True)
        named = FACTORY_NAMES.index(name) if conventional else len(FACTORY_NAMES)
        return entry._replace(factory=True, rank=len(OBJECT_NAMES) + 1 + named)

    def _in_script(self, source: Source) -> Iterator[Sighting]:
        """Yield what is made only when the file is run as a script, or within a function that keeps it."""
        for name, value in source.script.values.items():
            what = self._named(source.script, name, 0)
            if what.kind == "app" and value.imported is None and name not in source.values:
                text = f"`{shown(source.file)}` makes `{name}` ({what.label}) only when it is run as a script, line {value.line}"
                yield Sighting(source.file, value.line, text, f"move `{name}` out of the `if __name__ == ...`")
        for node in source.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from self._kept(source, node)

    def _kept(self, source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Sighting]:
        if _returned_by(node):
            return
        inner = Names(source.file, node.body, source)
        for name, value in inner.values.items():
            what = self._of(inner, value.node, 1) if isinstance(value.node, ast.Call) else _UNKNOWN
            if what.kind == "foreign" and what.foreign:
                place = {"file": shown(source.file), "module": source.file.stem, "name": name}
                text = f"`{shown(source.file)}` holds {_a(what.label)} app, line {value.line}"
                yield Sighting(source.file, value.line, text, what.foreign.advice.format(**place))
            elif what.kind == "app" and frameworks.of_name(what.label):
                text = f"`{node.name}` in `{shown(source.file)}` makes `{name}` ({what.label}) and keeps it, line {value.line}"
                yield Sighting(source.file, value.line, text, f"have `{node.name}` return `{name}`")


def _may_be_one(name: str, value: Value) -> bool:
    """Tell whether it is worth a look what `name` is bound to."""
    if name in OBJECT_NAMES or name in FACTORY_NAMES:
        return True
    if value.imported or name.startswith("_"):
        return False
    match value.node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() as node:
            if any(_decorator(it) not in _TRANSPARENT | _WSGI_DECORATORS for it in node.decorator_list):
                return False
            required = _required(node)
            return not required or "app" in name or tuple(required) in (_SCOPE, _ENVIRON)
        case ast.ClassDef() | ast.Constant() | ast.Dict() | ast.List() | ast.Tuple() | ast.Set() | ast.JoinedStr():
            return False
    return True


def _sighting(file: Path, line: int, name: str, why: str, what: What, module: str) -> Sighting:
    place = {"file": shown(file), "module": module or file.parent.name, "name": name}
    holder = f"`{shown(file)}` holds `{name}`"
    if why == "foreign" and what.foreign:
        return Sighting(file, line, f"{holder} ({what.label}), line {line}", what.foreign.advice.format(**place))
    if why == "other":
        return Sighting(file, line, f"{holder} ({what.label}, not a web app), line {line}")
    label = f" ({what.label})" if what.label else ""
    if why == "is async":
        advice = "make it a plain function, and do what has to be awaited in the lifespan"
        return Sighting(file, line, f"{holder}{label}, line {line}, which {why}", advice)
    advice = f"give them: `asgictl serve '{place['module']}:{name}(...)'`, or give them defaults"
    return Sighting(file, line, f"{holder}{label}, line {line}, which {why}", advice)


def _script_framework(source: Source) -> Iterator[Sighting]:
    """Yield the framework whose apps are whole scripts that the file uses."""
    for node in source.tree.body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            found = frameworks.SCRIPTS.get(name) or frameworks.SCRIPTS.get(name.partition(".")[0])
            if found is not None:
                text = f"`{shown(source.file)}` is {_a(found.name)} app, line {node.lineno}"
                yield Sighting(source.file, node.lineno, text, found.advice.format(file=shown(source.file)))
                return


def _started(source: Source, found: list[Candidate]) -> list[Candidate]:
    """Of candidates that rank alike keep the one that the file itself starts, where it starts one."""
    best = [entry for entry in found if entry.rank == found[0].rank] if found else []
    if len(best) > 1:
        started = {start.app for start in source.starts}
        chosen = [entry for entry in best if entry.name in started]
        if len(chosen) == 1:
            return [*chosen, *(entry for entry in found if entry not in best)]
    return found


def _mounted(tree: ast.Module) -> Iterator[str]:
    """Yield the names of apps that become a part of another one."""
    for node in tree.body:
        match node:
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="mount"), args=args, keywords=words)):
                yield from (item.id for item in (*args, *(word.value for word in words)) if isinstance(item, ast.Name))


def _returned_by(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr] | None:
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
            yield _required(item)[1:]


def _required(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
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


def _decorator(node: ast.expr) -> str:
    call = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(call).rpartition(".")[2]


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOUaeiou' or name.startswith('MCP') else 'a'} {name}"

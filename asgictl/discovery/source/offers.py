"""What a Python file offers to serve: objects, factories, and what only looks like one."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl import frameworks
from asgictl.discovery.source.judge import (
    ENVIRON,
    SCOPE,
    WSGI_DECORATORS,
    Judge,
    What,
    decorator,
    required,
    returned_by,
)
from asgictl.discovery.source.project_files import Follow, Sources
from asgictl.discovery.source.python_file import Names, Source, Start, Value
from asgictl.errors import AppLoadError
from asgictl.reading import shown

OBJECT_NAMES = ("app", "application", "api")
FACTORY_NAMES = ("create_app", "make_app", "build_app")

_NAMED = "give its app a name, like `app = bottle.default_app()`, and start it only in a script"
_OUTSIDE = "create the app outside of the function that starts the server"

# Decorators that leave a factory what it is.
_TRANSPARENT = frozenset(("cache", "lru_cache"))


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
    """Something in a file that is no app as it stands: where, what in words, and what can be done instead.

    `name` is what the module binds it to, where it can be named.
    """

    file: Path
    line: int
    text: str
    advice: str | None = None
    name: str | None = None


class Offer(NamedTuple):
    """What a file holds: candidates, best first, what else was seen, and the names of what makes apps when called."""

    candidates: tuple[Candidate, ...] = ()
    seen: tuple[Sighting, ...] = ()
    makers: tuple[str, ...] = ()


class Reader:
    """Reads what the files of a project offer, each once; `follow` is as for `Sources`."""

    def __init__(self, follow: Follow) -> None:
        self.sources = Sources(follow)
        self._judge = Judge(self.sources)
        self._offers: dict[Path, Offer] = {}

    def offer(self, file: Path) -> Offer:
        """Return what `file` holds; raise `AppLoadError` when it cannot be read."""
        if file not in self._offers:
            try:
                self._offers[file] = self._read(self.sources.source(file))
            except RecursionError as error:
                raise AppLoadError(
                    f"cannot read `{shown(file)}`: it nests too deeply", hint="name another file"
                ) from error
        return self._offers[file]

    def _read(self, source: Source) -> Offer:  # noqa: C901  # what a name may be
        found: list[Candidate] = []
        seen: list[Sighting] = []
        names = {**self.sources.starred(source), **source.values}
        parts: set[str] = set()
        for name, value in names.items():
            if not _may_be_one(name, value):
                continue
            what = self._judge.named(source, name, 0)
            if what.kind == "plain" and name in source.set_by_functions:
                what = What("unknown", home=what.home)
            if what.kind == "app":
                parts |= what.parts - {name}
            node = self._definition(source, name)
            entry = (
                self._function(name, value.line, node, what)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                else self._object(name, value, what)
            )
            if isinstance(entry, Candidate) and entry.factory and (starts := starts_of(source, name)):
                text = f"`{name}` in `{shown(source.file)}` starts a server itself, line {starts[0].line}"
                seen.append(Sighting(source.file, starts[0].line, text, _OUTSIDE, name))
            elif isinstance(entry, Candidate):
                found.append(entry)
            elif entry is not None:
                seen.append(_sighting(source.file, value.line, name, entry, what))
        parts |= {name for name in _mounted(source.tree) if name not in OBJECT_NAMES[:2]}
        if any(entry.name not in parts for entry in found):
            found = [entry for entry in found if entry.name not in parts]
        if not found:
            seen += self._in_script(source)
            seen += [
                Sighting(source.file, start.line, f"`{shown(source.file)}` starts a server, line {start.line}", _NAMED)
                for start in source.starts
                if start.at_import
            ]
        if not any(it.advice for it in seen):
            seen += _script_framework(source)
        found.sort(key=lambda entry: (entry.rank, entry.line))
        makers = [
            name
            for name, value in source.values.items()
            if isinstance(value.node, ast.ClassDef) and self._judge.instance(source, value.node).kind == "app"
        ]
        makers += [entry.name for entry in found if entry.factory]
        return Offer(tuple(_started(source, found)), tuple(seen), tuple(makers))

    def _definition(self, source: Source, name: str) -> object:
        """Return the function or class that `name` is, where this file defines or imports it."""
        names, value = self.sources.home(source, name)
        return value.node if names is not None and value is not None else None

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

    def _function(  # noqa: PLR0911  # what speaks against it, one after the other
        self, name: str, line: int, node: ast.FunctionDef | ast.AsyncFunctionDef, what: What
    ) -> "Candidate | str | None":
        """Return the candidate that a function is, why it is none where that is worth saying, or None."""
        usual, conventional = name in OBJECT_NAMES, name in FACTORY_NAMES
        needed = required(node)
        entry = Candidate(
            name=name,
            line=line,
            rank=OBJECT_NAMES.index(name) if usual else len(OBJECT_NAMES),
            framework=what.label if frameworks.of_name(what.label) else None,
            interface=what.interface,
            certain=what.kind == "app",
            home=what.home,
        )
        if what.kind == "other" and usual:
            return what.kind
        if what.signature:
            return entry._replace(guess=not usual) if usual or tuple(needed) in (SCOPE, ENVIRON) else None
        if what.kind == "foreign":
            return what.kind
        if usual and needed:
            return entry._replace(certain=False)
        if what.kind != "app" and not (what.kind == "unknown" and (usual or conventional)):
            return None
        if name.startswith("_") or any(decorator(it) not in _TRANSPARENT for it in node.decorator_list):
            return None
        if needed:
            return f"needs arguments ({', '.join(needed)})" if conventional or "app" in name or name == "main" else None
        if isinstance(node, ast.AsyncFunctionDef):
            return "is async"
        if usual:
            return entry._replace(factory=True)
        named = FACTORY_NAMES.index(name) if conventional else len(FACTORY_NAMES)
        return entry._replace(factory=True, rank=len(OBJECT_NAMES) + 1 + named)

    def _in_script(self, source: Source) -> Iterator[Sighting]:
        """Yield what is made only when the file is run as a script, or within a function that keeps it."""
        for name, value in source.script.values.items():
            what = self._judge.named(source.script, name, 0)
            if what.kind == "app" and value.imported is None and name not in source.values:
                made = f"`{shown(source.file)}` creates `{name}` ({what.label})"
                text = f"{made} only when it is run as a script, line {value.line}"
                yield Sighting(source.file, value.line, text, f"move `{name}` out of the `if __name__ == ...`", name)
        for node in source.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not returned_by(node):
                yield from self._kept(source, node)

    def _kept(self, source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Sighting]:
        inner = Names(source.file, node.body, source)
        for name, value in inner.values.items():
            if not isinstance(value.node, ast.Call) or name in source.set_by_functions:
                continue
            what = self._judge.of(inner, value.node, 1)
            if what.kind == "foreign" and what.foreign:
                text = f"`{shown(source.file)}` holds {_a(what.label)} app, line {value.line}"
                yield Sighting(source.file, value.line, text, _advice(what.foreign, source.file, name), node.name)
            elif what.kind == "app" and frameworks.of_name(what.label):
                made = f"`{node.name}` in `{shown(source.file)}` creates `{name}` ({what.label})"
                text = f"{made} and does not return it, line {value.line}"
                advice = _OUTSIDE if starts_of(source, node.name) else f"have `{node.name}` return `{name}`"
                yield Sighting(source.file, value.line, text, advice, node.name)


def starts_of(source: Source, function: str) -> list[Start]:
    """Return the calls that start a server in a function of a file."""
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function:
            return [start for start in source.starts if node.lineno <= start.line <= (node.end_lineno or node.lineno)]
    return []


def _may_be_one(name: str, value: Value) -> bool:
    """Tell whether it is worth a look what `name` is bound to."""
    if name in OBJECT_NAMES or name in FACTORY_NAMES:
        return True
    if value.imported or name.startswith("_"):
        return False
    match value.node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() as node:
            if any(decorator(it) not in _TRANSPARENT | WSGI_DECORATORS for it in node.decorator_list):
                return False
            needed = required(node)
            return not needed or "app" in name or name == "main" or tuple(needed) in (SCOPE, ENVIRON)
        case ast.ClassDef() | ast.Constant() | ast.Dict() | ast.List() | ast.Tuple() | ast.Set() | ast.JoinedStr():
            return False
    return True


def _sighting(file: Path, line: int, name: str, why: str, what: What) -> Sighting:
    holder = f"`{shown(file)}` holds `{name}`"
    if why == "foreign" and what.foreign:
        return Sighting(file, line, f"{holder} ({what.label}), line {line}", _advice(what.foreign, file, name), name)
    if why == "other":
        return Sighting(file, line, f"{holder} ({what.label}, not a web app), line {line}", name=name)
    text = f"{holder}{f' ({what.label})' if what.label else ''}, line {line}, which {why}"
    if why == "is async":
        advice = "make it a plain function, and do what has to be awaited in the lifespan"
        return Sighting(file, line, text, advice, name)
    advice = f"give them defaults, or name it with literals for them: `{_module(file)}:{name}(...)`"
    return Sighting(file, line, text, advice)  # without a name: with its arguments it can be named


def _advice(foreign: frameworks.Foreign, file: Path, name: str) -> str:
    return foreign.advice.format(file=shown(file), module=_module(file), name=name)


def _module(file: Path) -> str:
    """Return what names the module in `file` from the current folder."""
    place = shown(file)
    return place.removesuffix(".py") if "/" not in place and place.endswith(".py") else place


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
                yield Sighting(source.file, node.lineno, text, _advice(found, source.file, ""))
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


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOUaeiou' or name.startswith('MCP') else 'a'} {name}"

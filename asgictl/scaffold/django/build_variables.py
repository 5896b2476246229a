"""The variables without which Django's settings cannot be imported, and what each of them has to look like."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from asgictl.scaffold.accepted import STAND_IN

# What makes an object whose call, or whose methods, read a variable: django-environ, environs, decouple.
_MAKERS = {"Env", "FileAwareEnv", "AutoConfig", "Config"}
_READERS = {"env", "config"}
_NO_READERS = {"read_env", "read_envfile", "prefixed", "seal", "dump", "parser_for", "add_parser"}
_TYPES = {"str", "int", "float", "bool", "list", "tuple", "dict", "set"}
_ENVIRONS = {"environ", "os.environ"}
_GETTERS = {"getenv", "os.getenv", "environ.get", "os.environ.get"}
# What fails with None, as a variable that is not set is to these.
_STRICT = {"int", "float", "Decimal", "Path", "loads", "literal_eval", "urlparse", "parse", "strtobool"}


class Variable(NamedTuple):
    """A variable that has no default: its type there, and where it is read first."""

    kind: str
    file: Path
    line: int


def read(trees: Mapping[Path, ast.Module], helpers: Iterable[ast.Module] = ()) -> dict[str, Variable]:
    """Return the variables that the settings need; what has a default is not among them.

    `helpers` are files whose functions the settings may call. What is only looked up, and may be missing, stays so:
    a stand-in could switch something on, like the storage of another machine.
    """
    functions = dict(_functions([*helpers, *trees.values()]))
    found: dict[str, Variable] = {}
    for file, tree in trees.items():
        optional = set(_optional(tree))
        for name, kind, line in _required(tree, functions):
            if STAND_IN.fullmatch(name) and name not in optional:
                found.setdefault(name, Variable(kind, file, line))
    return found


def _required(tree: ast.Module, functions: Mapping[str, bool]) -> Iterator[tuple[str, str, int]]:
    readers = (_READERS - set(_assigned(tree))) | set(_readers(tree))
    defaults = set(_with_defaults(tree))
    prefixes = _prefixes(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=owner, slice=ast.Constant(value=str(name)), ctx=ast.Load(), lineno=line):
                if ast.unparse(owner) in _ENVIRONS:
                    yield name, "str", line
            case ast.Call(func=function, args=[ast.Constant(value=str(name)), *rest], keywords=keywords, lineno=line):
                owner_name, _, method = ast.unparse(function).partition(".")
                if owner_name not in readers:
                    if functions.get((method or owner_name).rpartition(".")[2]) in {False, not (rest or keywords)}:
                        yield name, "str", line
                elif method not in _NO_READERS and name not in defaults and not _has_default(method, rest, keywords):
                    yield prefixes.get(node, "") + name, _kind(method, rest, keywords), line
        for inner in _insisting(node):
            yield from ((name, "str", inner.lineno) for name in _looked_up(inner))
        yield from ((name, "str", line) for name, line in _listed(node))


def _prefixes(tree: ast.Module) -> dict[ast.AST, str]:
    """Return what environs puts before a name that is read inside `with env.prefixed("APP_"):`."""
    found: dict[ast.AST, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.With(items=[ast.withitem(ast.Call(ast.Attribute(attr="prefixed"), [ast.Constant(str(prefix))]))]):
                found |= dict.fromkeys(ast.walk(node), found.get(node, "") + prefix)
    return found


def _listed(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the names that a loop reads one after the other, with their lines."""
    match node:
        case ast.For(target=ast.Name(id=name), iter=listed) | (
            ast.ListComp(generators=[ast.comprehension(target=ast.Name(id=name), iter=listed)])
            | ast.DictComp(generators=[ast.comprehension(target=ast.Name(id=name), iter=listed)])
        ):
            read = any(_reads(it, name, raises=False) for it in ast.walk(node))
            if isinstance(listed, ast.Tuple | ast.List) and read:
                yield from ((str(it.value), it.lineno) for it in listed.elts if isinstance(it, ast.Constant))


def _insisting(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the call whose result is used so that None fails."""
    match node:
        case ast.Call(func=function, args=[ast.Call() as inner, *_]):
            if ast.unparse(function).rpartition(".")[2] in _STRICT:
                yield inner
        case (
            ast.Attribute(value=ast.Call() as inner)
            | ast.Subscript(value=ast.Call() as inner)
            | ast.BinOp(left=ast.Call() as inner)
            | ast.BinOp(right=ast.Call() as inner)
            | ast.Assign(targets=[ast.Name(id="SECRET_KEY")], value=ast.Call() as inner)
        ):
            yield inner


def _looked_up(node: ast.Call) -> Iterator[str]:
    match node:
        case ast.Call(func=function, args=[ast.Constant(value=str(name))], keywords=[]):
            if ast.unparse(function) in _GETTERS:
                yield name


def _has_default(method: str, rest: list[ast.expr], keywords: list[ast.keyword]) -> bool:
    """Tell whether a call has a default: `env("X", int)` of django-environ has a type there."""
    if any(word.arg in {"default", None} for word in keywords):
        return True
    return bool(rest) and (bool(method) or len(rest) > 1 or ast.unparse(rest[0]) not in _TYPES)


def _kind(method: str, rest: list[ast.expr], keywords: list[ast.keyword]) -> str:
    if method:
        return method
    cast = next((ast.unparse(word.value) for word in keywords if word.arg == "cast"), None)
    cast = cast or (ast.unparse(rest[0]) if rest else "str")
    return "list" if "Csv" in cast or "list" in cast else cast


def _readers(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=function)):
                if ast.unparse(function).rpartition(".")[2] in _MAKERS:
                    yield name
            case ast.ImportFrom(module="decouple", names=names):
                yield from (alias.asname or alias.name for alias in names if alias.name == "config")


def _assigned(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module gives a meaning of its own, as `config = configparser.ConfigParser()` does."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name


def _with_defaults(tree: ast.Module) -> Iterator[str]:
    """Yield the names that `environ.Env(DEBUG=(bool, False))` gives a default."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=function, keywords=keywords) if ast.unparse(function).rpartition(".")[2] in _MAKERS:
                yield from (word.arg for word in keywords if word.arg and isinstance(word.value, ast.Tuple))


def _optional(tree: ast.Module) -> Iterator[str]:
    """Yield the names whose presence decides something: `"X" in os.environ`, `if os.getenv("X")`."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=ast.Constant(value=str(name)), ops=[ast.In()], comparators=[owner]):
                if ast.unparse(owner) in _ENVIRONS:
                    yield name
            case ast.If(test=ast.Call() as test) | ast.IfExp(test=ast.Call() as test):
                yield from _looked_up(test)


def _functions(trees: Iterable[ast.Module]) -> Iterator[tuple[str, bool]]:
    """Yield the functions that fail where the variable named first is missing, and whether they take a default."""
    for function in (node for tree in trees for node in ast.walk(tree)):
        match function:
            case ast.FunctionDef(name=called, args=ast.arguments(args=[ast.arg(arg=first), *more], kwonlyargs=others)):
                inside = list(ast.walk(function))
                raises = any(isinstance(node, ast.Raise) for node in inside)
                if any(_reads(node, first, raises=raises) for node in inside):
                    yield called, bool(more or others)


def _reads(node: ast.AST, name: str, *, raises: bool) -> bool:
    """Tell whether an expression reads the variable that `name` names, so that a missing one is an error."""
    match node:
        case ast.Subscript(value=owner, slice=ast.Name(id=read), ctx=ast.Load()):
            return read == name and ast.unparse(owner) in _ENVIRONS
        case ast.Call(func=function, args=[ast.Name(id=read)], keywords=[]):
            return raises and read == name and ast.unparse(function) in _GETTERS
    return False

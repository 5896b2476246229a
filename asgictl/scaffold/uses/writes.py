"""Files and folders that the source writes to."""

import ast
import re
from collections.abc import Iterator, Sequence

from asgictl.scaffold.uses.paths import Paths
from asgictl.scaffold.uses.reads import opened_to_write

_DATABASE_URL = re.compile(r"sqlite(\+\w+)?:/{2,3}")
_ABSOLUTE = re.compile(r"/(?!(tmp|dev|proc|sys|var/tmp)(/|$))[\w./@+-]+")
_CALLS = {
    *("sqlite3.connect", "aiosqlite.connect", "SqliteDatabase", "peewee.SqliteDatabase"),
    *("os.makedirs", "os.mkdir", "makedirs"),
}
_HANDLERS = {"FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler", "WatchedFileHandler"}
_METHODS = {"mkdir", "write_text", "write_bytes", "touch"}
_LAST = {name.rpartition(".")[2] for name in _CALLS} | _HANDLERS | _METHODS | {"open"}
_SETTINGS = {"MEDIA_ROOT", "UPLOAD_FOLDER", "UPLOAD_DIR", "UPLOAD_PATH", "UPLOADS_DIR", "UPLOADED_FILES_DEST"}
_HOME = re.compile(
    r"Path\.home\(\)((?: / '[\w./-]+')*)|expanduser\('~/?([\w./-]*)'\)|Path\('~/?([\w./-]*)'\)\.expanduser"
)


def written(nodes: Sequence[ast.AST], paths: Paths) -> Iterator[tuple[str, int]]:
    """Yield what a file writes to, below the root, from `/` or from `~`, and the line; a folder where that is known."""
    for node in nodes:
        for value in _values(node):
            if (path := _target(value, paths)) is not None:
                yield path, value.lineno


def _values(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions in `node` that stand for a path to write to."""
    match node:
        case ast.Constant(value=str(text)) if (match := _DATABASE_URL.match(text)) and "mode=ro" not in text:
            yield ast.Constant(text[match.end() :].partition("?")[0], lineno=node.lineno)
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), ast.FormattedValue(value=value)]):
            if _DATABASE_URL.fullmatch(text):
                yield value
        case ast.Call():
            yield from _of_call(node)
        case ast.Assign(targets=[ast.Name(id=name) | ast.Subscript(slice=ast.Constant(value=str(name)))], value=value):
            if name in _SETTINGS:
                yield value
        case ast.Dict(keys=keys, values=values):
            given = {key.value: it for key, it in zip(keys, values, strict=True) if isinstance(key, ast.Constant)}
            engine = given.get("ENGINE")
            if isinstance(engine, ast.Constant) and str(engine.value).endswith("backends.sqlite3") and "NAME" in given:
                yield given["NAME"]


def _of_call(call: ast.Call) -> Iterator[ast.expr]:
    last = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
    if last not in _LAST:
        return
    name = ast.unparse(call.func)
    opens = last == "open" and opened_to_write(call)
    if call.args and (name in _CALLS or last in _HANDLERS or (name == "open" and opens)):
        yield call.args[0]
    elif isinstance(call.func, ast.Attribute) and (last in _METHODS or opens):
        yield call.func.value


def _target(node: ast.expr, paths: Paths) -> str | None:
    """Return the path that `node` stands for, or the folder where the file's own name is not known."""
    if (place := paths.inside(node)) is not None:
        return None if place[0].startswith(":memory:") else place[0]
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) and _ABSOLUTE.fullmatch(node.value) else None
    if (home := _at_home(node)) is not None:
        return home
    outer = _outer(node, paths)
    return None if outer is None else _target(outer, paths)


def _outer(node: ast.expr, paths: Paths) -> ast.expr | None:
    """Return the expression for the folder of what `node` stands for, or for the same."""
    match node:
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return ast.Constant(text.rpartition("/")[0])
        case ast.JoinedStr(values=[ast.FormattedValue(value=value), ast.Constant(value=str(text)), *_]):
            return value if text.startswith("/") else None
        case ast.BinOp(left=left, op=ast.Div()):
            return left
        case ast.Name():
            return paths.value(node)
        case ast.Call(args=[first, *_]):
            return first if ast.unparse(node.func) in {"os.path.join", "Path", "pathlib.Path", "str"} else None
    return None


def _at_home(node: ast.expr) -> str | None:
    text = ast.unparse(node)
    match = re.search(
        r"Path\.home\(\)((?: / '[\w./-]+')*)|expanduser\('~/?([\w./-]*)'\)|Path\('~/?([\w./-]*)'\)\.expanduser", text
    )
    if match is None:
        return None
    parts = re.findall(r"'([^']+)'", match[1]) if match[1] else [match[2] or match[3] or ""]
    return "/".join(("~", *filter(None, parts)))

"""Files and folders that the source writes to."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from asgictl.scaffold.uses.paths import Paths, default

_DATABASE_URL = re.compile(r"sqlite(\+\w+)?:/{2,3}")
_ABSOLUTE = re.compile(r"/(?!(tmp|dev|proc|sys|var/tmp)(/|$))[\w./@+-]+")
# Their first argument is written, or the keyword of that name.
_CALLS = {
    **dict.fromkeys(("sqlite3.connect", "aiosqlite.connect", "SqliteDatabase"), "database"),
    **dict.fromkeys(("peewee.SqliteDatabase", "SqliteExtDatabase"), "database"),
    **dict.fromkeys(("os.makedirs", "os.mkdir", "makedirs"), "name"),
    **dict.fromkeys(("TinyDB", "tinydb.TinyDB", "logger.add", "loguru.logger.add"), "sink"),
    "shelve.open": "filename",
}
# Those of modules, and not of paths.
_OPENING = {
    *("open", "io.open", "aiofiles.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open"),
    *("open_file", "anyio.open_file"),
}
_COPYING = {"shutil.copy", "shutil.copy2", "shutil.copyfile", "shutil.copytree", "shutil.move"}
_EXPORTING = {"to_csv", "to_excel", "to_json", "to_parquet", "to_pickle", "savefig"}
_WRITING = re.compile(r"[rbt]?[wax+][bt+]*")
_HANDLER = "FileHandler"
_METHODS = {"mkdir", "write_text", "write_bytes", "touch"}
# What stays where it is written, and is of no use in an image.
_OF_MACHINE = re.compile(r"\.(db3?|sqlite3?|log)$")
_SETTINGS = {"MEDIA_ROOT", "UPLOAD_FOLDER", "UPLOAD_DIR", "UPLOAD_PATH", "UPLOADS_DIR", "UPLOADED_FILES_DEST"}
_HOME = re.compile(
    r"Path\.home\(\)((?: / '[\w./-]+')*)|expanduser\('~/?([\w./-]*)'\)|Path\('~/?([\w./-]*)'\)\.expanduser"
)
# The names of loguru's files: https://loguru.readthedocs.io/en/stable/api/logger.html#file.
_TEMPLATE = re.compile(r"(?=.*\{time)[\w.{}: /-]*\.log")


def written(nodes: Sequence[ast.AST], paths: Paths) -> Iterator[tuple[str, int]]:
    """Yield what a file writes to, below the root, from `/` or from `~`, and the line; a folder where that is known."""
    for value in values(nodes):
        if (path := _target(value, paths)) is not None:
            yield path, value.lineno


def is_of_machine(path: str) -> bool:
    """Tell whether a path of the project is a database or a log: those of one machine are nothing to another."""
    return not path.startswith(("/", "~")) and _OF_MACHINE.search(path) is not None


def values(nodes: Iterable[ast.AST]) -> Iterator[ast.expr]:
    """Yield the expressions that stand for a path to write to."""
    for node in nodes:
        yield from _values(node)


def opened_to_write(call: ast.Call) -> bool:
    """Tell whether a call of `open` is to write."""
    # Of `open(path, mode)`, or of `path.open(mode)`.
    modes = [*call.args[:2], *(word.value for word in call.keywords if word.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and _WRITING.fullmatch(str(mode.value)) for mode in modes)


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
            handler = given.get("class") or given.get("()")
            if handler is not None and ast.unparse(handler).strip("'").endswith(_HANDLER) and "filename" in given:
                yield given["filename"]


def _of_call(call: ast.Call) -> Iterator[ast.expr]:
    name = ast.unparse(call.func)
    last = name.rpartition(".")[2]
    keywords = {it.arg: it.value for it in call.keywords}
    if name in _CALLS:
        keyword = _CALLS[name]
    elif last.endswith(_HANDLER) or last == "basicConfig":
        keyword = "filename"
    elif name in _OPENING and opened_to_write(call):
        keyword = "file"
    elif last in _EXPORTING:
        keyword = "path"
    elif name in _COPYING and len(call.args) > 1:
        yield call.args[1]
        return
    else:
        if isinstance(call.func, ast.Attribute) and (last in _METHODS or (last == "open" and opened_to_write(call))):
            yield call.func.value
        return
    given = call.args[0] if call.args else keywords.get(keyword)
    if given is not None:
        yield given


def _target(node: ast.expr, paths: Paths) -> str | None:
    """Return the path that `node` stands for, or the folder where the file's own name is not known."""
    if (place := paths.inside(node)) is not None:
        return None if place[0].startswith(":memory:") else place[0]
    if isinstance(node, ast.Constant):
        text = node.value if isinstance(node.value, str) else ""
        return text if _ABSOLUTE.fullmatch(text) or _TEMPLATE.fullmatch(text) else None
    if (home := _at_home(node)) is not None:
        return home
    outer = default(node) if isinstance(node, ast.Call) else None
    outer = outer or _outer(node, paths)
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
    match = _HOME.search(ast.unparse(node))
    if match is None:
        return None
    parts = re.findall(r"'([^']+)'", match[1]) if match[1] else [match[2] or match[3] or ""]
    return "/".join(("~", *filter(None, parts)))

"""Files and folders that the source names, and so needs where it runs."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from asgictl import reading
from asgictl.scaffold.uses import writes
from asgictl.scaffold.uses.paths import Paths

# Their first argument is a file, or a folder.
_OPENING = {
    *("open", "StaticFiles", "Jinja2Templates", "FileSystemLoader", "FileResponse", "send_file", "send_from_directory"),
    *("TemplateConfig", "StaticFilesConfig", "fileConfig", "load_cert_chain", "load_verify_locations", "read_csv"),
    *("read_excel", "read_parquet", "listdir", "scandir", "iterdir", "read_text", "read_bytes", "Config", "add_static"),
    *("load_dotenv", "dotenv_values", "from_file", "from_pyfile", "from_json", "create_static_files_router"),
}
_KEYWORD = re.compile(r"(\w+_)?(director(y|ies)|folder|dirs?|paths?|file(name|path)?|root|cafile|certfile|keyfile)")
_FLASK = {"static_folder", "template_folder"}
# Settings like STATICFILES_DIRS; what is written is none of them.
_NAME = re.compile(r"(?i)(?!.*(media|upload|cache|output|log|database|tmp|temp))\w*(dirs?|folders?|paths?|files?)")
_READ_ONLY = re.compile(r"file:(?!/)([^?]+)\?.*\b(mode=ro|immutable=1)\b")
# Those are written, too.
_DATABASES = {".sqlite3", ".sqlite", ".db", ".db3"}
_PATH = re.compile(r"\w[./]\w")


def named(nodes: Sequence[ast.AST], paths: Paths) -> Iterator[tuple[str, int, bool]]:
    """Yield what a file names: the path below the root, the line, and whether it is relative to the file.

    Where a call or a setting takes a path that need not be there, for it may be built only later; any other text
    has to be the path of something that is there.
    """
    for path, line, own in sorted(_all(nodes, paths), key=lambda it: it[1]):
        if Path(path).suffix not in _DATABASES:
            yield path, line, own
    for node in nodes:
        if (read := _read_only(node)) is not None and (place := _present(read, paths)) is not None:
            yield place[0], read.lineno, place[1]


def _all(nodes: Sequence[ast.AST], paths: Paths) -> Iterator[tuple[str, int, bool]]:
    apart = _said_or_written(nodes)
    for node in nodes:
        for value, beside in _values(node):
            if id(value) not in apart and (place := paths.inside(value, beside=beside)) is not None:
                yield place[0], value.lineno, place[1]
        if id(node) in apart or not isinstance(node, ast.Constant | ast.BinOp | ast.Call):
            continue
        bare = isinstance(node, ast.Constant) and not (isinstance(node.value, str) and _PATH.search(node.value))
        if not bare and (place := _present(node, paths)) is not None:
            yield place[0], node.lineno, place[1]


def _said_or_written(nodes: Sequence[ast.AST]) -> set[int]:
    """Return texts that stand for themselves, parts of longer paths, and what is opened to be written, or made."""
    apart = {id(it) for value in writes.values(nodes) for it in ast.walk(value)}
    for node in nodes:
        match node:
            case ast.Expr(value=value):
                apart.add(id(value))
            case ast.BinOp(left=left, right=right):
                apart |= {id(left), id(right)}
    return apart


def _read_only(node: ast.AST) -> ast.Constant | None:
    """Return the path of a database that is opened to be read alone: https://www.sqlite.org/uri.html."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and (found := _READ_ONLY.search(node.value)):
        return ast.Constant(found[1], lineno=node.lineno)
    return None


def _present(node: ast.expr, paths: Paths) -> tuple[str, bool] | None:
    place = paths.inside(node)
    return place if place is not None and reading.exists(paths.root / place[0]) else None


def _values(node: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """Yield the expressions in `node` that stand for a path to read from, and whether they mean one beside the file."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=args, keywords=keywords):
            given = [(args[0], False)] if name in _OPENING and args else []
            given += [(it.value, it.arg in _FLASK) for it in keywords if it.arg and _KEYWORD.fullmatch(it.arg)]
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            given = [(value, False)] if _NAME.fullmatch(name) else []
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            given = [(value, False)] if _NAME.fullmatch(name) else []
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            given = [(it, False) for key, it in pairs if isinstance(key, ast.Constant) and key.value == "DIRS"]
        case _:
            return
    for value, beside in given:
        yield from ((it, beside) for it in (value.elts if isinstance(value, ast.List | ast.Tuple) else [value]))


def is_public(file: Path) -> bool:
    """Tell whether a PEM file holds no private key."""
    try:
        return file.suffix == ".pem" and b"PRIVATE KEY" not in reading.content(file)
    except OSError:
        return False

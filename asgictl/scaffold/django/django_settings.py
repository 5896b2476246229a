"""What of a Django project's settings matters for an image: static files, and the variables that they need."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from asgictl.discovery.source import modules, python_file
from asgictl.scaffold.django import build_variables
from asgictl.scaffold.django.build_variables import Variable
from asgictl.scaffold.django.chosen_settings import ChosenSettings, located

_DEPTH = 3


class SettingLine(NamedTuple):
    """A line of a file."""

    file: Path
    line: int


class DjangoSettings(NamedTuple):
    """The settings module that serves, and what its source says.

    `static_root` is where STATIC_ROOT is set, `static_outside` what it is where that is an absolute path, `debug` where
    DEBUG is turned on; `required` are the variables without which the settings cannot be imported.
    `database` tells that there is one, `geo` that GeoDjango is used. `files` are the modules that the settings take
    everything from, and last their own; `replaced` are lines there whose settings are set again, by others.
    `sessions` is where they are put into files, or into the memory of the process, `channels` where messages are.
    """

    file: Path
    static_root: SettingLine | None
    static_outside: str | None
    whitenoise: bool
    sqlite: bool
    required: Mapping[str, Variable]
    urls: Path | None
    debug: SettingLine | None = None
    database: bool = False
    geo: bool = False
    sessions: SettingLine | None = None
    channels: SettingLine | None = None
    files: tuple[Path, ...] = ()
    replaced: frozenset[SettingLine] = frozenset()

    def has(self, file: Path, line: int) -> bool:
        """Tell whether what a line says counts: of several modules of settings in a folder not all do."""
        if file in self.files:
            return (file, line) not in self.replaced
        return file.parent != self.file.parent or file.name in {"asgi.py", "wsgi.py", "urls.py"}


def read(chosen: ChosenSettings) -> DjangoSettings | None:
    """Return what the settings say; None where there is no such file."""
    module = located(chosen.module, chosen.base)
    if module is None or module.file is None:
        return None
    files = list(dict.fromkeys(chain(module.file, chosen.base)))
    trees = [python_file.parse(file) for file in files]
    placed = [(file, *each) for file, tree in zip(files, trees, strict=True) for each in _assigned(tree)]
    values = {name: value for _, name, value in placed}
    replaced = frozenset(_replaced(files, trees))
    lines = {name: SettingLine(file, value.lineno) for file, name, value in placed}
    constants = {name: value.value for name, value in values.items() if isinstance(value, ast.Constant)}
    outside = str(constants.get("STATIC_ROOT", "")).rstrip("/")
    urls = located(constants.get("ROOT_URLCONF"), chosen.base)
    helpers = [python_file.parse(file) for file in _imported(files, chosen.base)]
    return DjangoSettings(
        file=module.file,
        static_root=lines.get("STATIC_ROOT"),
        static_outside=outside if outside.startswith("/") else None,
        whitenoise=any("whitenoise" in ast.unparse(tree) for tree in trees),
        sqlite=any(
            isinstance(it, ast.Constant) and "backends.sqlite3" in str(it.value) and (file, it.lineno) not in replaced
            for file, tree in zip(files, trees, strict=True)
            for it in ast.walk(tree)
        ),
        required=build_variables.read(dict(zip(files, trees, strict=True)), helpers),
        urls=urls.file if urls else None,
        debug=lines["DEBUG"] if constants.get("DEBUG") is True else None,
        database=any(isinstance(it, ast.Name) and it.id == "DATABASES" for tree in trees for it in ast.walk(tree))
        and not _is_empty(values.get("DATABASES")),
        geo=any("django.contrib.gis" in ast.unparse(tree) for tree in trees),
        sessions=lines["SESSION_ENGINE"] if _keeps_sessions(values) else None,
        channels=lines["CHANNEL_LAYERS"] if "InMemoryChannelLayer" in _text(values, "CHANNEL_LAYERS") else None,
        files=tuple(files),
        replaced=replaced,
    )


def _replaced(files: list[Path], trees: list[ast.Module]) -> Iterator[SettingLine]:
    """Yield the lines of settings that a later statement sets, whatever they were before."""
    set_before: dict[str, list[SettingLine]] = {}
    for file, tree in zip(files, trees, strict=True):
        for node in tree.body:
            for name, value in _assigned(ast.Module([node], [])):
                other = {it.id for it in ast.walk(value) if isinstance(it, ast.Name)}
                if isinstance(node, ast.Assign | ast.AnnAssign) and name not in other:
                    yield from set_before.pop(name, ())
                lines = range(value.lineno, (value.end_lineno or value.lineno) + 1)
                set_before.setdefault(name, []).extend(SettingLine(file, line) for line in lines)


def _keeps_sessions(values: Mapping[str, ast.expr]) -> bool:
    """Tell whether sessions are known to one process, or one container only."""
    engine = _text(values, "SESSION_ENGINE")
    # https://docs.djangoproject.com/en/stable/ref/settings/#caches: without CACHES it is the memory of the process.
    in_memory = "CACHES" not in values or "LocMemCache" in _text(values, "CACHES")
    return "sessions.backends.file" in engine or ("sessions.backends.cache'" in engine and in_memory)


def _text(values: Mapping[str, ast.expr], name: str) -> str:
    return ast.unparse(values[name]) if name in values else ""


def chain(file: Path, base: Path, depth: int = 0) -> Iterator[Path]:
    """Yield the files that a settings file takes everything from, in the order of what counts, and last itself."""
    for node in python_file.parse(file).body:
        match node:
            case ast.ImportFrom(names=[ast.alias(name="*")]) if depth < _DEPTH:
                other = _file_of(node, file, base)
                if other is not None and other != file:
                    yield from chain(other, base, depth + 1)
    yield file


def _imported(files: list[Path], base: Path) -> list[Path]:
    """Return the other files of the project that settings import something from."""
    nodes = [(node, file) for file in files for node in ast.walk(python_file.parse(file))]
    found = [_file_of(node, file, base) for node, file in nodes if isinstance(node, ast.ImportFrom)]
    return [file for file in dict.fromkeys(found) if file is not None and file not in files]


def _file_of(node: ast.ImportFrom, file: Path, base: Path) -> Path | None:
    """Return the file of the module that `file` imports from, where it is in the project."""
    if not node.module or node.level > len(file.parents):
        return None
    return modules.in_folder(node.module, file.parents[node.level - 1] if node.level else base)


def _is_empty(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Dict) and not value.keys


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield each name with what is assigned to it."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value

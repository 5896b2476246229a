"""What of a Django project's settings matters for an image: static files, and the variables that they need."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl.discovery.declared import django_project
from asgictl.discovery.source import modules, python_file
from asgictl.scaffold.accepted import MODULE, VARIABLE


class DjangoSettings(NamedTuple):
    """The settings module that `manage.py` names, and what its source says.

    `static_root` is the line of STATIC_ROOT, which may be outside of the code; `required` are the variables without
    which the settings cannot be imported.
    """

    file: Path
    static_root: int | None
    static_outside: bool
    whitenoise: bool
    sqlite: bool
    required: tuple[str, ...]
    urls: Path | None


def read(root: Path, named: str | None) -> DjangoSettings | None:
    """Return what the settings say that `named`, or `manage.py`, means; None where there is no such file."""
    name = named or (django_project.settings_named_in(root / "manage.py") if (root / "manage.py").is_file() else None)
    module = _located(name, root)
    if module is None or module.file is None:
        return None
    trees = [python_file.parse(file) for file in _with_imported(module.file)]
    assigned = {name: node for tree in trees for name, node in _assigned(tree)}
    static = assigned.get("STATIC_ROOT")
    urls = assigned.get("ROOT_URLCONF")
    url_module = _located(urls.value.value, root) if urls and isinstance(urls.value, ast.Constant) else None
    return DjangoSettings(
        file=module.file,
        static_root=static.lineno if static else None,
        static_outside=bool(
            static and isinstance(static.value, ast.Constant) and str(static.value.value).startswith("/")
        ),
        whitenoise=any("whitenoise" in ast.unparse(tree) for tree in trees),
        sqlite=any("backends.sqlite3" in ast.unparse(tree) for tree in trees),
        required=tuple(dict.fromkeys(name for tree in trees for name in _required(tree))),
        urls=url_module.file if url_module else None,
    )


def _located(name: object, root: Path) -> modules.Module | None:
    """Return the module called `name`; None for what is no name, which import systems do not all take."""
    return modules.of_name(name, root) if isinstance(name, str) and MODULE.fullmatch(name) else None


def _with_imported(file: Path) -> list[Path]:
    """Return the settings file and the neighbours that it takes everything from, those first."""
    files = [file]
    for node in python_file.parse(file).body:
        match node:
            case ast.ImportFrom(module=str(name), level=1, names=[ast.alias(name="*")]):
                neighbour = file.with_name(f"{name}.py")
                if neighbour.is_file():
                    files.insert(0, neighbour)
    return files


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.Assign]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node


def _required(tree: ast.Module) -> Iterator[str]:
    """Yield the variables that are read so that a missing one is an error: `os.environ["NAME"]`."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=owner, slice=ast.Constant(value=str(name)), ctx=ast.Load()):
                if ast.unparse(owner) in {"environ", "os.environ"} and VARIABLE.fullmatch(name):
                    yield name
            case ast.Call(func=function, args=[ast.Constant(value=str(name))], keywords=[]):
                if ast.unparse(function) in {"env", "env.str", "config"} and VARIABLE.fullmatch(name):
                    yield name

"""Which of Django's settings a container has while developing: those of `manage.py`, where the image can load them."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from asgictl.discovery.source import python_file
from asgictl.pyproject import PyProject
from asgictl.scaffold.detect.imported import distributions, imports
from asgictl.scaffold.django import django_settings
from asgictl.scaffold.django.chosen_settings import ChosenSettings, located
from asgictl.scaffold.project import Dependencies

_LISTS = {"INSTALLED_APPS", "MIDDLEWARE"}


def choose(chosen: ChosenSettings, pyproject: PyProject | None, deps: Dependencies) -> tuple[str | None, str | None]:
    """Return the settings for development where they are others, or what to say of those that the image cannot load."""
    desk, serving = (_files(name, chosen.base) for name in (chosen.desk, chosen.module))
    if chosen.desk is None or not desk:
        return None, None
    others = {module for file in serving for module in _needed(file)}
    new = dict.fromkeys(module for file in desk for module in _needed(file) if module not in others)
    lacking = [module for module in new if not _is_there(module, chosen.base, deps)]
    if not lacking:
        return chosen.desk, None
    name = next(iter(distributions.of(lacking[0])), canonicalize_name(lacking[0]))
    advice = imports.hint(deps, pyproject, name)
    return None, (
        f"`{chosen.desk}` needs {', '.join(lacking)}, which the image lacks, so `{chosen.module}` serves while "
        f"developing as well: {advice}"
    )


def _files(module: str | None, base: Path) -> list[Path]:
    found = located(module, base)
    return list(django_settings.chain(found.file, base)) if found and found.file else []


def _needed(file: Path) -> Iterator[str]:
    """Yield the modules that settings import, or have Django import, by the first part of their names."""
    tree = python_file.parse(file)
    for node in tree.body:
        match node:
            case ast.Import(names=names):
                yield from (it.name.partition(".")[0] for it in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AugAssign(target=ast.Name(id=name)) if name in _LISTS:
                yield from _texts(node)
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(name), "append" | "insert" | "extend"))) if name in _LISTS:
                yield from _texts(node)


def _texts(node: ast.AST) -> Iterator[str]:
    texts = (it.value for it in ast.walk(node) if isinstance(it, ast.Constant) and isinstance(it.value, str))
    yield from (text.partition(".")[0] for text in texts if text.partition(".")[0].isidentifier())


def _is_there(module: str, base: Path, deps: Dependencies) -> bool:
    """Tell whether a module is Python's, the project's own, or of a distribution that the image has."""
    if module in sys.stdlib_module_names or (base / module).is_dir() or (base / f"{module}.py").is_file():
        return True
    name = canonicalize_name(module)
    names = {*distributions.of(module), name, f"django-{name}", name.removeprefix("django-")}
    return not names.isdisjoint(distributions.with_theirs(deps.pinned))

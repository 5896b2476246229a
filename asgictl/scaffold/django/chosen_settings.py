"""Which settings serve: what the application's own file names, and not what `manage.py` takes at the desk."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl import reading
from asgictl.discovery import SETTINGS
from asgictl.discovery.declared import django_project
from asgictl.discovery.source import modules, python_file
from asgictl.errors import AppLoadError, ConfigError
from asgictl.scaffold.accepted import MODULE
from asgictl.scaffold.project import App
from asgictl.scaffold.request import ScaffoldRequest

MANAGE = "manage.py"
_ENTRIES = ("asgi.py", "wsgi.py")
_PRODUCTION = ("production", "prod", "live")
_DEVELOPMENT = {"dev", "devel", "develop", "development", "local", "debug", "test", "tests", "testing"}
_AFFIXES = ("{}", "settings_{}", "{}_settings")


class ChosenSettings(NamedTuple):
    """The settings module that serves, the file that names it, and what the user should know of the choice.

    `base` is the folder that its name is imported from, `manage` the `manage.py` of the project, and `desk` the module
    that this one names where it is another.
    """

    module: str
    source: str
    base: Path
    manage: Path | None
    notes: tuple[str, ...] = ()
    desk: str | None = None


def choose(request: ScaffoldRequest, root: Path, app: App) -> ChosenSettings | None:
    """Return the settings to serve with, or None where it is no Django project.

    Raises `ConfigError` for `--settings` that are not there, and where those for development are named while there are
    others for production.
    """
    manage = manage_of(root, app)
    base = manage.parent if manage else root
    desk = django_project.settings_named_in(manage) if manage else None
    if request.settings is not None:
        if located(request.settings, base) is None:
            problem = f"there is no module `{request.settings}` in `{base}`"
            raise ConfigError(problem, hint="write it like conf.settings.production", option="settings")
        other = desk if desk != request.settings else None
        return ChosenSettings(request.settings, "--settings", base, manage, desk=other)
    label = _within(root, manage) if manage else MANAGE
    entries = list(_entries(app, desk, base))
    named = next(_named(entries), None)
    module = named[1] if named else app.settings or desk
    if module is None:
        return None
    source = _within(root, named[0]) if named else label
    _check_there(module, source, base)
    notes = []
    if named and desk and desk != module and not _is_for_development(desk, base):
        notes.append(
            f"`{label}` names the settings `{desk}`, `{source}` names `{module}`, which the image has; "
            "--settings chooses others"
        )
    if named is None and (unclear := next(_unclear(entries), None)):
        notes.append(
            f"`{_within(root, unclear)}` computes {SETTINGS}: the image has `{module}`, as in `{label}`; "
            "--settings chooses others"
        )
    notes += _production_beside(module, source, base)
    notes += _in_env_file(root / ".env", module)
    return ChosenSettings(module, source, base, manage, tuple(notes), desk if desk != module else None)


def _check_there(module: str, source: str, base: Path) -> None:
    """Raise `ConfigError` for settings that would be in the project, and are not; a package may bring others."""
    top = module.partition(".")[0]
    if located(module, base) is None and MODULE.fullmatch(module) and (top == module or located(top, base)):
        problem = f"`{source}` names the settings `{module}`, which are not in `{base}`"
        raise ConfigError(problem, hint="write them, or pass --settings with others that are there", option="settings")


def manage_of(root: Path, app: App) -> Path | None:
    """Return the `manage.py` of the app's project: at the root, or in a folder that leads to the app."""
    above = app.file.parents if app.file and app.file.is_relative_to(root) else ()
    folders = [root, *(root / name for name in app.folders), *(it for it in above if it.is_relative_to(root))]
    files = (folder / MANAGE for folder in folders)
    return next((file for file in files if file.is_file() and _is_djangos(file)), None)


def _is_djangos(file: Path) -> bool:
    """Tell whether a `manage.py` is Django's; other projects have one, too."""
    try:
        imported = set(python_file.imports(python_file.parse(file)))
    except AppLoadError:
        return True
    return any(name.partition(".")[0] == "django" for name in imported) or bool(django_project.settings_named_in(file))


def located(name: object, base: Path) -> modules.Module | None:
    """Return the module called `name`; None for what is no name, which import systems do not all take."""
    return modules.of_name(name, base) if isinstance(name, str) and MODULE.fullmatch(name) else None


def _entries(app: App, desk: str | None, base: Path) -> Iterator[Path]:
    """Yield the file that is served, and those beside it, or beside the settings, that Django's servers start from."""
    packages = desk.split(".")[:-1] if desk and MODULE.fullmatch(desk) and app.file is None else []
    folders = [base.joinpath(*packages[:depth]) for depth in range(len(packages), 0, -1)]
    beside = [app.file.parent] if app.file else folders
    files = [*([app.file] if app.file else []), *(folder / name for folder in beside for name in _ENTRIES)]
    yield from (file for file in dict.fromkeys(files) if file.is_file())


def _named(entries: list[Path]) -> Iterator[tuple[Path, str]]:
    for file in entries:
        if module := django_project.settings_named_in(file):
            yield file, module


def _unclear(entries: list[Path]) -> Iterator[Path]:
    for file in entries:
        if any(isinstance(it, ast.Constant) and it.value == SETTINGS for it in ast.walk(python_file.parse(file))):
            yield file


def _production_beside(module: str, source: str, base: Path) -> Iterator[str]:
    """Yield what is to be said of settings for production beside others; raise for those of development."""
    found = located(module, base)
    if found is None or found.file is None:
        return
    file = found.file
    usual = {affix.format(name) for affix in _AFFIXES for name in _PRODUCTION}
    stems = [affix.format(name) for name in _PRODUCTION for affix in _AFFIXES]
    stem = next((stem for stem in stems if file.with_name(f"{stem}.py").is_file()), None)
    if stem is None or file.stem in usual:
        return
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    production = f"{package}.{stem}".lstrip(".")
    if _is_for_development(module, base):
        problem = f"`{source}` names the settings `{module}`, and there is `{production}`"
        hint = f"choose: --settings {production}, or --settings {module}"
        raise ConfigError(problem, hint=hint, option="settings")
    yield f"there are the settings `{production}`, and the image has `{module}`, as in `{source}`; --settings chooses"


def _in_env_file(file: Path, module: str) -> Iterator[str]:
    """Yield what is to be said of an `.env` that names other settings: compose hands it to the container."""
    try:
        text = reading.text(file, errors="replace")
    except OSError:
        return
    match = re.search(rf"(?m)^\s*(?:export\s+)?{SETTINGS}\s*=\s*[\"']?([\w.-]+)", text)
    if match and match[1] != module:
        yield f"`.env` names the settings `{match[1]}`, and compose serves with those, not with the image's `{module}`"


def _is_for_development(module: str, base: Path) -> bool:
    """Tell whether settings are called so, or take everything from others that are."""
    found = located(module, base)
    if found is None or found.file is None:
        return False
    file = found.file
    names = {affix.format(name) for affix in _AFFIXES for name in _DEVELOPMENT}
    taken = [it.module or "" for it in ast.walk(python_file.parse(file)) if isinstance(it, ast.ImportFrom)]
    return not names.isdisjoint({file.stem, *(it.rpartition(".")[2] for it in taken)})


def _within(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)

"""A Django project: found by its `manage.py` or its settings variable, read without importing it."""

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from asgictl import reading
from asgictl.discovery.places import is_aside, is_left_out
from asgictl.discovery.ref import SETTINGS, AppRef
from asgictl.discovery.source import modules, python_file
from asgictl.errors import AppLoadError, ConfigError

_MANAGE = "manage.py"
# What stands beside the settings.
_BESIDE = ("settings.py", "asgi.py", "wsgi.py")
_PLAIN = ("get_asgi_application", "get_wsgi_application")

# How far the files are followed that `manage.py` imports, until one names the settings.
_DEPTH = 3


class _Application(NamedTuple):
    """An application object of the project: whether it is `wrapped`, and whether its file was `touched` at all.

    Otherwise both are what `startproject` writes.
    """

    module: modules.Module
    attribute: str
    wrapped: bool
    touched: bool


def find(folder: Path, environ: Mapping[str, str], tell: Callable[[str], None]) -> AppRef | None:
    """Return the application of the Django project in `folder`, or in the one above; None without one."""
    if settings := environ.get(SETTINGS):
        return _of_settings(folder, settings, f"the variable {SETTINGS}", tell)
    if ref := _in(folder, folder, tell):
        return ref
    if any(reading.is_file(folder / name) for name in _BESIDE) and (ref := above(folder, tell)):
        return ref
    tell(f"no Django project here: neither `{_MANAGE}` nor {SETTINGS}")
    return None


def above(folder: Path, tell: Callable[[str], None]) -> AppRef | None:
    """Return the application of the Django project in the folder above, for who stands in one of its packages."""
    return _in(folder.parent, folder, tell) if folder.parent in reading.upwards(folder) else None


def below(folder: Path, found: AppRef | None, tell: Callable[[str], None]) -> AppRef | None:
    """Return the application of the Django project below that `found` is a part of; where nothing was, of the only one.

    Raises `ConfigError` where nothing was `found` and there are several.
    """
    refs = {root: ref for root in _below(folder) if (ref := _in(root, folder, tell))}
    if found is not None:
        return next((ref for root, ref in refs.items() if found.file and found.file.is_relative_to(root)), None)
    if len(refs) > 1:
        names = [f"`{root.relative_to(folder)}/`" for root in refs]
        hint = f"name one: `asgictl serve {names[0].strip('`')}`"
        raise ConfigError(f"`{folder}` holds {len(refs)} Django projects: {', '.join(names)}", hint=hint)
    return next(iter(refs.values()), None)


def _below(folder: Path) -> list[Path]:
    try:
        found = sorted(folder.glob(f"*/{_MANAGE}"))
    except OSError:
        return []
    return [file.parent for file in found if not is_left_out(file.parent.name) and not is_aside(file, folder)]


def _in(root: Path, folder: Path, tell: Callable[[str], None]) -> AppRef | None:
    """Return the application of the project in `root`, as seen from `folder`; a broken one elsewhere is passed over."""
    manage = root / _MANAGE
    if not reading.is_file(manage):
        return None
    label = manage.relative_to(folder).as_posix() if manage.is_relative_to(folder) else f"../{_MANAGE}"
    try:
        settings, how = _settings_of(manage, root)
        if not settings:
            return None
        return _of_settings(root, settings, label if how == _MANAGE else f"{label} and {how}", tell)
    except (AppLoadError, RecursionError) as error:
        if root == folder:
            raise
        tell(f"`{manage}` is passed over: {error}")
        return None


def _of_settings(folder: Path, settings: str, how: str, tell: Callable[[str], None]) -> AppRef:
    """Return the application that goes with the settings module called `settings`."""
    tell(f"{how} names the Django settings `{settings}`")
    asgi = _of_setting("ASGI_APPLICATION", settings, folder) or _beside("asgi", settings, folder)
    wsgi = _of_setting("WSGI_APPLICATION", settings, folder) or _beside("wsgi", settings, folder)
    chosen, why = asgi or wsgi, ""
    if asgi and wsgi and wsgi.wrapped and not asgi.wrapped:
        chosen, why = wsgi, f", whose `{wsgi.module.name}` wraps the app"
        tell(f"`{asgi.module.file}` is as startproject writes it, `{wsgi.module.file}` is not")
    elif not asgi and wsgi:
        why = ", which has no `asgi.py`"
        chosen = wsgi if wsgi.touched else None
    if chosen is None:
        tell("it has no `asgi.py`: the application is made from its settings")
        return AppRef(
            module="django.core.asgi",
            attribute="get_asgi_application",
            found=f"the Django project of {how}, made from its settings",
            path=tuple(str(root) for root in modules.roots(folder)),
            factory=True,
            settings=settings,
        )
    tell(f"`{chosen.module.file}` holds its application")
    return AppRef(
        module=chosen.module.name,
        attribute=chosen.attribute,
        found=f"the Django project of {how}{why}",
        path=chosen.module.path,
        settings=settings,
        file=chosen.module.file,
    )


def _of_setting(name: str, settings: str, folder: Path) -> _Application | None:
    """Return the object that the settings name as `ASGI_APPLICATION`, or `WSGI_APPLICATION`."""
    module = modules.of_name(settings, folder)
    value = _assigned(name, module.file, folder, 0) if module and module.file else None
    dotted, _, attribute = (value or "").rpartition(".")
    return _application(dotted, attribute, folder) if dotted else None


def _assigned(name: str, file: Path, folder: Path, depth: int) -> str | None:
    """Return the string that the settings in `file` give to `name`, those that they take everything from included."""
    found: str | None = None
    for node in python_file.statements(python_file.parse(file).body):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.Constant(value=str(text))) if target == name:
                found = text
            case ast.ImportFrom(names=[ast.alias(name="*")], module=module, level=level) if depth < _DEPTH:
                other = modules.follow(folder)(file, f"{'.' * level}{module or ''}")
                if other is not None and other != file:
                    found = _assigned(name, other, folder, depth + 1) or found
    return found


def _beside(name: str, settings: str, folder: Path) -> _Application | None:
    """Return the object called `application` in `asgi.py` or `wsgi.py`, beside the settings or above them."""
    parents = settings.split(".")[:-1]
    while parents:
        if found := _application(".".join((*parents, name)), "application", folder):
            return found
        parents.pop()
    return None


def _application(dotted: str, attribute: str, folder: Path) -> _Application | None:
    module = modules.of_name(dotted, folder)
    if module is None or module.file is None or not module.file.is_relative_to(folder):
        return None
    body = list(python_file.statements(python_file.parse(module.file).body))
    return _Application(module, attribute, _is_wrapped(body, attribute), touched=not all(map(_is_startprojects, body)))


def _is_startprojects(node: ast.stmt) -> bool:
    """Tell whether `startproject` writes a statement like this into `asgi.py` and `wsgi.py`."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Import() | ast.ImportFrom():
            return ast.unparse(node).startswith(("import os", "from django.core."))
        case ast.Expr(value=ast.Call(func=function)):
            return ast.unparse(function) == "os.environ.setdefault"
        case ast.Assign(value=ast.Call(func=function)):
            return ast.unparse(function) in _PLAIN
    return False


def _is_wrapped(body: list[ast.stmt], attribute: str) -> bool:
    """Tell whether the object is something else than what `startproject` writes."""
    for node in reversed(body):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == attribute:
                return not (isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in _PLAIN)
    return False


def _settings_of(manage: Path, root: Path) -> tuple[str | None, str]:
    """Return the settings of the project of `manage`, and which file names them."""
    if settings := settings_named_in(manage):
        return settings, _MANAGE
    follow = modules.follow(root)
    todo, done = [manage], {manage}
    for _ in range(_DEPTH):
        found = [file for it in todo for name in _imported(it) if (file := follow(it, name)) and file not in done]
        for file in found:
            if settings := settings_named_in(file):
                return settings, file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
        done |= set(found)
        todo = found
    if "django" not in "".join(python_file.imports(python_file.parse(manage))):
        return None, ""
    for name in ("asgi", "wsgi"):
        for file in sorted(root.glob(f"*/{name}.py")):
            if settings := settings_named_in(file):
                return settings, file.relative_to(root).as_posix()
    return None, ""


def _imported(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports, and what it imports from them, which may be modules too."""
    for node in ast.walk(python_file.parse(file)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = "." * level + (module or "")
                yield base
                yield from (f"{base}.{alias.name}".replace("..", ".") for alias in names if alias.name != "*" and base)


def settings_named_in(manage: Path) -> str | None:  # noqa: C901  # the ways to name them
    """Return the string that a file gives to DJANGO_SETTINGS_MODULE, as a default or for good."""
    tree = python_file.parse(manage)
    constants = {
        target.id: value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(value := node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def text(node: ast.expr) -> str | None:
        match node:
            case ast.Constant(value=str(value)):
                return value
            case ast.Name(id=name):
                known = constants.get(name)
                return known if isinstance(known, str) else None
            case ast.Call(args=[_, default]) | ast.Call(args=[_], keywords=[ast.keyword(arg="default", value=default)]):
                return text(default)  # os.environ.get(name, default), decouple.config(name, default=...)
        return None

    def names_it(node: ast.expr) -> bool:
        return text(node) == SETTINGS or ast.unparse(node).endswith("ENVIRONMENT_VARIABLE")

    for node in ast.walk(tree):
        match node:
            case ast.Call(args=[name, value]) if names_it(name) and (found := text(value)):
                return found
            case ast.Call(args=[name], keywords=[ast.keyword(arg="default", value=value)]) if names_it(name):
                if found := text(value):
                    return found
            case ast.Assign(targets=[ast.Subscript(slice=name)], value=value) if names_it(name) and (
                found := text(value)
            ):
                return found
    return None

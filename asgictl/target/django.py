"""A Django project: found by its `manage.py` or its settings variable, read without importing it."""

import ast
from collections.abc import Callable, Mapping
from pathlib import Path

from asgictl.target import modules, source
from asgictl.target.ref import AppRef

VARIABLE = "DJANGO_SETTINGS_MODULE"


def find(folder: Path, environ: Mapping[str, str], tell: Callable[[str], None]) -> AppRef | None:
    """Return the application of the Django project in `folder`: its `asgi.py`, or one made from its settings."""
    manage = folder / "manage.py"
    settings = environ.get(VARIABLE)
    how = f"the variable {VARIABLE}"
    if not settings and manage.is_file():
        settings, how = settings_named_in(manage), "manage.py"
    if not settings:
        tell(f"no Django project: neither `manage.py` nor {VARIABLE}")
        return None
    tell(f"{how} names the Django settings `{settings}`")
    parents = settings.split(".")[:-1]
    while parents:
        module = modules.of_name(".".join((*parents, "asgi")), folder)
        if module is not None and module.file is not None:
            tell(f"`{module.file}` holds its ASGI application")
            return AppRef(
                module=module.name,
                attribute="application",
                found=f"the Django project of {how}",
                path=module.path,
                settings=settings,
                file=module.file,
            )
        parents.pop()
    tell("it has no `asgi.py`: the application is made from its settings")
    return AppRef(
        module="django.core.asgi",
        attribute="get_asgi_application",
        found=f"the Django project of {how}, made from its settings",
        path=tuple(str(root) for root in modules.roots(folder)),
        factory=True,
        settings=settings,
    )


def settings_named_in(manage: Path) -> str | None:
    """Return the string that `manage.py` gives to DJANGO_SETTINGS_MODULE."""
    for node in ast.walk(source.parse(manage)):
        match node:
            case ast.Call(args=[ast.Constant(value=name), ast.Constant(value=str(settings))]) if name == VARIABLE:
                return settings
            case ast.Assign(
                targets=[ast.Subscript(slice=ast.Constant(value=name))], value=ast.Constant(value=str(settings))
            ) if name == VARIABLE:
                return settings
    return None

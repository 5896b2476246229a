"""How a project's database is brought up to date: by Django, Alembic or Flask-Migrate."""

from collections.abc import Iterator
from pathlib import Path

from asgictl.pyproject import PyProject
from asgictl.scaffold.project import App, Dependencies, Migrations


def find(
    root: Path, config: PyProject | None, deps: Dependencies, app: App, manage: Path | None
) -> tuple[Migrations | None, str | None]:
    """Return the command that migrates, and a note where there are migrations and the image has no command for them.

    `manage` is the `manage.py` of a Django project that has a database.
    """
    for needs, source, command in _commands(root, config, app, manage):
        if needs != "django" and needs not in deps.pinned:
            return None, f"{source} is about migrations, and no file declares {needs}: the image will not have it"
        return Migrations(command, source), None
    return None, None


def _commands(
    root: Path, config: PyProject | None, app: App, manage: Path | None
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield the distribution that a command comes with, the file that tells of it, and the command."""
    if manage is not None:
        path = manage.relative_to(root).as_posix()
        yield "django", path, ("python", path, "migrate", "--noinput")
    if (root / "alembic.ini").is_file():
        yield "alembic", "alembic.ini", ("alembic", "upgrade", "head")
    if config is not None and config.table("tool", "alembic"):
        yield "alembic", "pyproject.toml", ("alembic", "upgrade", "head")
    if (root / "migrations/alembic.ini").is_file() and app.framework == "flask":
        yield "flask-migrate", "migrations/alembic.ini", ("flask", "--app", app.name, "db", "upgrade")

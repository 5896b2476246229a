"""What Django's own server looks at: with `--check` its checks, with `--reload` its migrations."""

import sys

from asgictl.asgi import ASGIApp
from asgictl.errors import AppLoadError

_SHOWN = 3


def django(app: ASGIApp) -> ASGIApp:
    """Return `app`; raise `AppLoadError` for what the checks of a Django project, if it is one, find."""
    if "django.conf" not in sys.modules:
        return app
    from django.conf import settings
    from django.core import checks

    if not settings.configured:
        return app
    from asgictl import adapt

    try:
        found = checks.run_checks()
    except (Exception, SystemExit) as error:  # user code: the URLs import the views
        raise adapt.failed("Django's checks failed", error) from error
    serious = [it for it in found if it.is_serious() and not it.is_silenced()]
    if serious:
        listed = "; ".join(f"{it.id}: {' '.join(str(it.msg).split())}" for it in serious[:_SHOWN])
        more = f", and {len(serious) - _SHOWN} more" if len(serious) > _SHOWN else ""
        hint = next((" ".join(it.hint.split()) for it in serious if it.hint), "see `python manage.py check`")
        raise AppLoadError(f"Django's checks failed: {listed}{more}", hint=hint)
    return app


def unapplied() -> str | None:
    """Return what to say of migrations that are not applied, as `runserver` does; None where there are none."""
    if "django.conf" not in sys.modules:
        return None
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    if not settings.configured or not settings.DATABASES:
        return None
    from django.db import DEFAULT_DB_ALIAS, connections
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        left = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except ImproperlyConfigured:  # no database
        return None
    except Exception as error:  # noqa: BLE001  # of the database, or user code in a migration
        return f"whether migrations are applied cannot be told: {' '.join(str(error).split())}"
    finally:
        connections.close_all()
    if not left:
        return None
    apps = ", ".join(sorted({migration.app_label for migration, _ in left}))
    return (
        f"{len(left)} migration{'s are' if len(left) > 1 else ' is'} not applied ({apps}): `python manage.py migrate`"
    )

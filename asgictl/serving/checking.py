"""What `serve --check` looks at beside the start: Django's own checks, and its URLs, which only a request would load."""

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
        raise adapt.failure("Django's checks failed", error) from error
    serious = [it for it in found if it.is_serious() and not it.is_silenced()]
    if serious:
        listed = "; ".join(f"{it.id}: {' '.join(str(it.msg).split())}" for it in serious[:_SHOWN])
        more = f", and {len(serious) - _SHOWN} more" if len(serious) > _SHOWN else ""
        hint = next((" ".join(it.hint.split()) for it in serious if it.hint), "see `python manage.py check`")
        raise AppLoadError(f"Django's checks failed: {listed}{more}", hint=hint)
    return app

"""From the request of a command that serves to a plan, and what has to be known beside it."""

import contextlib
import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from asgictl import environment, pyproject
from asgictl.cli import qr
from asgictl.console import Console
from asgictl.errors import ConfigError

if TYPE_CHECKING:
    from asgictl.cli.serve.options import ServeFlags
    from asgictl.serving.plan import ServePlan
    from asgictl.serving.request import ServeRequest

# When to say that it takes long to find the app, in seconds.
_LONG = 1.5


def check_qr(flags: "ServeFlags") -> None:
    """Raise `ConfigError` where a QR code is wanted and nothing can make one."""
    if flags.qr and (hint := qr.missing()):
        raise ConfigError("`--qr` needs the package `segno`", hint=hint)


def check_folders(names: Sequence[str]) -> None:
    """Raise `ConfigError` for a folder to watch that is not there, also where nothing is watched."""
    from asgictl.serving.reload import changes

    changes.folders(names, pyproject.current_folder(), ())


def check_meant(plan: "ServePlan", options: Sequence[str]) -> None:
    """Raise `ConfigError` for one of `options` that does nothing for the app, as far as its source tells what it is."""
    from asgictl import discovery

    ref = plan.instructions.ref
    known = discovery.entry(ref, pyproject.current_folder()) if options else None
    if known is None or known.interface is None:
        return
    is_djangos = ref.settings is not None or (known.framework or "").startswith("Django")
    if "wsgi_threads" in options and known.interface != "wsgi":
        problem = f"`--wsgi-threads` does nothing for an ASGI app like `{ref}`"
        raise ConfigError(problem, hint="drop it", option="wsgi-threads")
    if "static" in options and known.framework and not is_djangos:
        problem = f"`--static` does nothing for `{ref}` ({known.framework}): it is about Django's static files"
        raise ConfigError(problem, hint="drop it", option="static")


def plan_of(request: "ServeRequest", console: Console, own: Mapping[str, str] | None = None) -> "ServePlan":
    """Return the plan for what the user asks for; say what there is to note about the app and its environment.

    `own` are the user's own variables, where a file of the project has set others.
    """
    from asgictl.serving import arguments, plan

    folder = pyproject.current_folder()
    tell = console.step if request.verbose else lambda _: None
    said = f"looking for the app in `{folder}` takes long; to do without, name it: `asgictl serve module:app`"
    timer = threading.Timer(_LONG, console.note, (said,))
    timer.daemon = True
    with contextlib.suppress(RuntimeError):  # no thread can be started
        timer.start()
    try:
        planned = plan.plan(request, folder, os.environ, tell, plan.Colors(console.log_colors, console.colors))
    finally:
        timer.cancel()
    for note in planned.instructions.ref.notes:
        console.note(note)
    if planned.instructions.ref.file is not None and (elsewhere := environment.note(folder)):
        console.note(elsewhere)
    if unlimited := arguments.unlimited(request):
        console.note(unlimited)
    return planned._replace(tls=planned.tls._replace(environ=own)) if planned.tls else planned

"""What the user should know of the source, which runs elsewhere under other conditions."""

import contextlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from asgictl import reading
from asgictl.scaffold import ignore_files
from asgictl.scaffold.accepted import PATH, is_place
from asgictl.scaffold.detect.own_code import OwnCode
from asgictl.scaffold.django.django_settings import DjangoSettings
from asgictl.scaffold.project import Asking, NamedFile, Project, Statics
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.uses import client_state, writable
from asgictl.scaffold.uses.client_state import Kept
from asgictl.scaffold.uses.health import Route
from asgictl.scaffold.uses.hosts import Allowed

# Compose reads those, and not the image.
_VARIABLES = re.compile(r"(^|/)\.?[^/]*\.?env(\.[^/]*)?$")


def of(project: Project, request: ScaffoldRequest, source: OwnCode) -> Iterator[str]:
    """Yield what the source of a project does that goes otherwise in a container."""
    yield from _of_settings(source.settings, source.likely)
    yield from _of_statics(request, source.statics)
    yield from _of_files(source.named, project.public)
    yield from _of_unread(source.unread)
    yield from _of_variables(source.variables, project.root)
    yield from _of_hosts(source.lets_in, source.asking, source.settings, request)
    sqlite = source.settings is not None and source.settings.sqlite
    yield from writable.notes(source.written, request, project.root, sqlite=sqlite)
    yield from _of_clients(source.kept, source.shared, request)


def _of_settings(settings: DjangoSettings | None, likely: tuple[Route, str] | None) -> Iterator[str]:
    """Yield what to say of Django's settings; `likely` is a route that may be one for health, and where it is."""
    if settings is not None and not settings.whitenoise:
        yield "nothing serves Django's static files where DEBUG is off: WhiteNoise does, or a proxy in front"
    if settings is not None and settings.static_outside and not is_place(settings.static_outside):
        yield "STATIC_ROOT is outside of the code: what is collected there does not get into the image"
    if settings is not None and settings.debug:
        place = f"{settings.debug.file.name}:{settings.debug.line}"
        yield f"DEBUG is on in {place}: anybody sees Django's debug page; --settings takes other settings"
    if likely is not None:
        yield f"`{likely[0].path}` in {likely[1]} may be for health; if so pass --health-path with its whole path"


def _of_statics(request: ScaffoldRequest, statics: Statics | None) -> Iterator[str]:
    """Yield what an option for collecting static files means where that is not done."""
    if request.build_env and statics is None:
        yield "--build-env is for collecting Django's static files, and there are none"


def _of_files(named: Iterable[NamedFile], public: Sequence[str]) -> Iterator[str]:
    """Yield what the source opens and the image does not get; `public` are certificates, which it does."""
    secret, usual = ignore_files.left_out(ignore_files.SECRETS), ignore_files.left_out(ignore_files.USUAL)
    for found in named:
        if secret(found.path) and found.path not in public and not _VARIABLES.search(found.path):
            yield f"`{found.path}` in {found.place} stays out of the image, for it may be a secret: mount it"
        elif not PATH.fullmatch(found.path) and usual(found.path):
            yield f"`{found.path}` in {found.place} stays out of the image: its name has signs that no file here takes"


def _of_unread(files: Sequence[str]) -> Iterator[str]:
    """Yield what to say of files of which nothing is known."""
    if files:
        others = f" and {len(files) - 1} more" if len(files) > 1 else ""
        version = ".".join(map(str, sys.version_info[:2]))
        problem = f"`{files[0]}`{others} cannot be read as Python {version}, and was not compared"
        yield f"{problem}; try a newer one for asgictl"


def _of_variables(variables: Mapping[str, str], root: Path) -> Iterator[str]:
    """Yield the variables that have no default, with their places, as far as `.env` does not set them."""
    text = ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        text = reading.text(root / ".env")
    missing = [name for name in variables if not re.search(rf"(?m)^\s*(export\s+)?{name}\s*[=:]", text)]
    if missing:
        listed = ", ".join(f"{name} ({variables[name]})" for name in missing)
        yield f"the app needs variables that have no default, and that `.env` does not set: {listed}"


def _of_hosts(
    lets_in: Allowed | None, asking: Asking, settings: DjangoSettings | None, request: ScaffoldRequest
) -> Iterator[str]:
    """Yield what a check that asks by this machine's own address would be answered; an Ingress asks for --domain."""
    if lets_in is None or lets_in.anybody or asking.host is not None or "k8s" in request.wanted:
        return
    answered = "a check may be answered 400, which counts as healthy" if settings else "a check is turned away"
    yield f"the hosts of {lets_in.place} are not all in the source: {answered}, unless --domain says one"


def _of_clients(kept: Kept | None, shared: Iterable[Kept], request: ScaffoldRequest) -> Iterator[str]:
    """Yield what several processes do to clients that a cookie does not help."""
    if request.replicas > 1 and {"prod", "swarm", "k8s"} & set(request.wanted):
        others, one = "replicas", "pass --replicas 1"
    elif (request.workers or 1) > 1:
        others, one = "workers", "drop --workers"
    else:
        return
    if kept is not None and kept.what == client_state.MCP:
        yield (
            f"a session of MCP, which begins in {kept.place}, is in one process, and few clients send the cookie that "
            f"leads back to it: pass stateless_http=True there, or {one}"
        )
    each = [f"`{it.what}` in {it.place}" for it in shared]
    if each:
        more = f" and {len(each) - 1} more" if len(each) > 1 else ""
        yield (
            f"{each[0]}{more} {'know' if more else 'knows'} the clients of one process, and those of other {others} "
            f"hear nothing: send messages through Redis, for example, or {one}"
        )

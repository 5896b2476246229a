"""What the user should know of the source, which runs elsewhere under other conditions."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from asgictl.scaffold import ignore_files
from asgictl.scaffold.accepted import PATH, is_place, volume_for
from asgictl.scaffold.detect.own_code import OwnCode
from asgictl.scaffold.django.django_settings import DjangoSettings
from asgictl.scaffold.project import Asking, NamedFile, Project, Statics
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.uses import client_state
from asgictl.scaffold.uses.client_state import Kept
from asgictl.scaffold.uses.health import Route
from asgictl.scaffold.uses.hosts import Allowed

# Compose reads those, and not the image.
_VARIABLES = re.compile(r"(^|/)\.?[^/]*\.?env(\.[^/]*)?$")
_DATABASE = re.compile(r"\.(db|sqlite3?)$")


def of(project: Project, request: ScaffoldRequest, source: OwnCode) -> Iterator[str]:
    """Yield what the source of a project does that goes otherwise in a container."""
    yield from _of_settings(source.settings, source.likely)
    yield from _of_statics(request, source.statics)
    yield from _of_files(source.named, project.public)
    yield from _of_unread(source.unread)
    yield from _of_hosts(source.lets_in, source.asking, source.settings)
    yield from _of_places(source.written, source.settings, request, project.root)
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


def _of_hosts(lets_in: Allowed | None, asking: Asking, settings: DjangoSettings | None) -> Iterator[str]:
    """Yield what a check that asks by this machine's own address would be answered."""
    if lets_in is None or lets_in.anybody or asking.host is not None:
        return
    answered = "a check may be answered 400, which counts as healthy" if settings else "a check is turned away"
    yield f"the hosts of {lets_in.place} are not all in the source: {answered}, unless --domain says one"


def _of_places(
    written: Sequence[NamedFile], settings: DjangoSettings | None, request: ScaffoldRequest, root: Path
) -> Iterator[str]:
    """Yield where the source writes to what is read-only in a container, one note for a folder."""
    told = set()
    if settings is not None and settings.sqlite and not any(_DATABASE.search(it.path) for it in written):
        yield (
            "SQLite's file would lie in the code, which is read-only in a container: put it on a volume, or elsewhere; "
            f"pass --volume data:{request.workdir}/data"
        )
    for found in written:
        if found.path.startswith("~"):
            yield f"`{found.path}` in {found.place} lies in /tmp, where HOME is: in memory, and gone after a restart"
            continue
        path = found.path if found.path.startswith("/") else f"{request.workdir}/{found.path}"
        folder = PurePosixPath(path)
        named_as_file = folder.suffix or folder.name.startswith(".")
        folder = folder.parent if named_as_file and not (root / found.path).is_dir() else folder
        if folder in told or request.on_volume(path):
            continue
        told.add(folder)
        inside = root / folder.relative_to(request.workdir) if folder.is_relative_to(request.workdir) else None
        mixed = inside is not None and (inside == root or any(inside.glob("*.py")))
        where = f"{request.workdir}/data" if mixed else str(folder)
        volume = volume_for(where, request)
        advice = f"pass --volume {volume}" if volume else "no volume can lie there, so it has to write elsewhere"
        advice = f"put it in a folder without code, and {advice}" if mixed and volume else advice
        yield f"`{found.path}` in {found.place} is written, and all but volumes and /tmp is read-only: {advice}"


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
    for it in shared:
        yield (
            f"`{it.what}` in {it.place} knows the clients of one process, and those of other {others} hear nothing: "
            f"send messages through Redis, for example, or {one}"
        )

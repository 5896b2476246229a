"""What the source of a project says of how it is to be run, each answer with its place."""

import ast
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl import reading
from asgictl.discovery.source import python_file
from asgictl.errors import AppLoadError
from asgictl.scaffold import ignore_files
from asgictl.scaffold.accepted import PATH, is_place
from asgictl.scaffold.detect.imported import imports
from asgictl.scaffold.django import build_variables, django_settings
from asgictl.scaffold.django.build_variables import Variable
from asgictl.scaffold.django.chosen_settings import ChosenSettings
from asgictl.scaffold.django.django_settings import DjangoSettings, SettingLine
from asgictl.scaffold.project import App, Asking, Detected, Health, NamedFile, Statics
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.uses import Uses, health, look, scripts, settings_classes
from asgictl.scaffold.uses.client_state import Kept
from asgictl.scaffold.uses.hosts import Allowed
from asgictl.scaffold.uses.writes import is_of_machine

_SKIPPED = {"node_modules", "venv", "env", "tests", "test", "build", "dist", "docs", "__pycache__", "migrations"}
_FILES_READ = 1000
_LISTED = 4


class OwnCode(NamedTuple):
    """What the source says; `likely` is a route that may be one for health, and where it is.

    `variables` are those that have no default, and where they are read.
    """

    settings: DjangoSettings | None
    health: Health
    websockets: bool
    statics: Statics | None
    likely: tuple[health.Route, str] | None
    findings: tuple[Detected, ...]
    named: tuple[NamedFile, ...]
    written: tuple[NamedFile, ...]
    of_machine: tuple[NamedFile, ...]
    asking: Asking
    lets_in: Allowed | None
    unread: tuple[str, ...]
    kept: Kept | None
    shared: tuple[Kept, ...]
    variables: Mapping[str, str]


def read(request: ScaffoldRequest, root: Path, app: App, chosen: ChosenSettings | None) -> OwnCode:
    """Return what the source says, with the settings that were `chosen` of a Django project."""
    settings = django_settings.read(chosen) if chosen else None
    uses = look(root, dict.fromkeys([*([app.file] if app.file else []), *_sources(root)]))
    lets_in = _lets_in(uses.hosts, settings, root)
    asked, asking, health_from = _health(request, root, app, settings, lets_in)
    asking = asking._replace(https=request.domain is not None or uses.redirect is not None)
    websocket, likely = uses.websocket, None if asked.strict or settings is not None else uses.likely
    findings = [
        Detected("health", asked.path, health_from),
        *(
            [Detected("host", asking.host, "--domain" if request.domain else lets_in.place)]
            if asking.host and lets_in
            else []
        ),
        Detected("websockets", *(("yes", _place(root, websocket)) if websocket else ("no", "none in the source"))),
    ]
    statics, statics_from = _statics(settings, chosen, root)
    findings += [Detected("static files", "collected", statics_from)] if statics else []
    left = ignore_files.left_out(ignore_files.USUAL)
    # What is not there yet may be built, where an ignore list knows such folders.
    named = tuple(it for it in uses.named if reading.exists(root / it.path) or left(it.path))
    if named:
        findings.append(Detected("files", _listed([it.path for it in named]), named[0].place))
    written = tuple(it for it in uses.written if settings is None or _counts(it, settings, root))
    if written:
        findings.append(Detected("written", _listed([it.path for it in written]), written[0].place))
    uses = _with_settings(uses, settings, root)
    findings += [Detected("affinity", uses.kept.what, uses.kept.place)] if uses.kept else []
    return OwnCode(
        settings=settings,
        health=asked,
        websockets=websocket is not None,
        statics=statics,
        likely=(likely, _place(root, likely)) if likely else None,
        findings=tuple(findings),
        named=named,
        written=written,
        of_machine=_of_machine(written),
        asking=asking,
        lets_in=lets_in,
        unread=tuple(_within(root, it) for it in uses.unread),
        kept=uses.kept,
        shared=uses.shared,
        variables=_variables(root, app, settings),
    )


def _statics(settings: DjangoSettings | None, chosen: ChosenSettings | None, root: Path) -> tuple[Statics | None, str]:
    """Return how static files are collected, where they are, and the place that says it."""
    if settings is None or settings.static_root is None or chosen is None or chosen.manage is None:
        return None, ""
    outside = settings.static_outside if is_place(settings.static_outside or "") else None
    kinds = {name: it.kind for name, it in settings.required.items()}
    place = f"STATIC_ROOT in {_within(root, settings.static_root.file)}:{settings.static_root.line}"
    return Statics(kinds, chosen.manage.relative_to(root).as_posix(), outside), place


def _variables(root: Path, app: App, settings: DjangoSettings | None) -> dict[str, str]:
    """Return the variables without which the settings, or the files that the app imports, cannot be imported."""
    found = dict(settings.required) if settings else {}
    trees: dict[Path, ast.Module] = {}
    for file in imports.files_of_app(root, app) if settings is None else ():
        with contextlib.suppress(AppLoadError):
            trees[file] = python_file.parse(file)
    found |= build_variables.read({file: scripts.at_import(tree) for file, tree in trees.items()}, trees.values())
    for file, tree in trees.items():
        for name, line in settings_classes.required(list(ast.walk(tree))):
            found.setdefault(name, Variable("str", file, line))
    return {name: f"{_within(root, it.file)}:{it.line}" for name, it in found.items()}


def _of_machine(written: Iterable[NamedFile]) -> tuple[NamedFile, ...]:
    """Return the databases and logs among what is written, as far as a file can name them."""
    found = (it for it in written if is_of_machine(it.path) and PATH.fullmatch(it.path))
    return tuple(it._replace(kept_out=True) for it in found)


def _counts(found: NamedFile | Allowed, settings: DjangoSettings, root: Path) -> bool:
    """Tell whether Django takes what is said there: of the settings' modules only those in use count."""
    file, _, line = found.place.rpartition(":")
    return settings.has(root / file, int(line))


def _listed(names: list[str]) -> str:
    """Return the first of `names`, and how many more there are."""
    outer = [name for name in names if not any(name.startswith(f"{other}/") for other in names)]
    more = len(outer) - _LISTED
    return ", ".join(outer[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _health(
    request: ScaffoldRequest,
    root: Path,
    app: App,
    settings: DjangoSettings | None,
    lets_in: Allowed | None,
) -> tuple[Health, Asking, str]:
    host = request.domain or (lets_in.name if lets_in and not lets_in.anybody else None)
    # Django answers 400 to a `Host` that is not in ALLOWED_HOSTS, as this machine's own address may be.
    strict = settings is None or host is not None
    if request.health_path is not None:
        return Health(request.health_path, strict=strict), Asking(host), "--health-path"
    source, name = (settings.urls, "urlpatterns") if settings and settings.urls else (app.file, _attribute(app))
    found = health.find(root, source, name, factory=app.factory) if source is not None else []
    if not found:
        return Health("/", strict=False), Asking(host), "no route for health was found: anything below 500 passes"
    live, ready = (next((it for it in found if it.is_for(paths)), None) for paths in (health.LIVE, health.READY))
    whole = next((it for it in found if it not in {live, ready}), None)
    best = whole or ready or found[0]
    asking = Asking(
        host, live=live.path if live and live != best else None, ready=ready.path if ready and ready != best else None
    )
    return Health(best.path, strict=strict), asking, _place(root, best)


def _attribute(app: App) -> str:
    return app.name.partition(":")[2]


def _lets_in(lists: Sequence[Allowed], settings: DjangoSettings | None, root: Path) -> Allowed | None:
    """Return the hosts that the app lets in; of Django's settings those count that are in use."""
    if settings is None:
        return next(iter(lists), None)
    # The settings' own module has the last word.
    said = {it.place.rpartition(":")[0]: it for it in reversed(lists) if _counts(it, settings, root)}
    places = [_within(root, file) for file in reversed(settings.files)]
    return next((said[place] for place in places if place in said), None)


def _sources(root: Path) -> list[Path]:
    """Return the Python files of the project itself, as many as are worth a look."""

    def walk(folder: Path) -> Iterator[Path]:
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            return
        for entry in entries:
            if entry.is_symlink() or entry.name.startswith(".") or entry.name in _SKIPPED:
                continue
            if entry.is_dir():
                if not reading.exists(entry / "pyvenv.cfg"):
                    yield from walk(entry)
            elif entry.suffix == ".py" and not entry.name.startswith("test_"):
                yield entry

    files = walk(root)
    return [file for file, _ in zip(files, range(_FILES_READ), strict=False)]


def _within(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _with_settings(uses: Uses, settings: DjangoSettings | None, root: Path) -> Uses:
    """Return what is used, with what the settings say of a process that keeps clients to itself."""

    def placed(what: str, line: SettingLine | None) -> Kept | None:
        return Kept(what, f"{_within(root, line.file)}:{line.line}") if line else None

    if settings is None:
        return uses
    channels = placed("CHANNEL_LAYERS", settings.channels)
    return uses._replace(
        kept=placed("sessions of Django", settings.sessions) or uses.kept,
        shared=(*([channels] if channels else []), *uses.shared),
    )


def _place(root: Path, route: health.Route) -> str:
    return f"{_within(root, route.file)}:{route.line}"

"""Look at a project without importing it, and say where each answer was read."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from asgictl import pyproject, reading
from asgictl.scaffold import accepted, ignore_files
from asgictl.scaffold.accepted import as_name, is_name
from asgictl.scaffold.detect import (
    dependencies,
    django_settings,
    index,
    layout,
    notes,
    python_version,
    runner,
    system_packages,
)
from asgictl.scaffold.detect import served_app as apps
from asgictl.scaffold.project import App, Asking, Finding, Health, NamedFile, Project, Statics
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.uses import health, look, reads
from asgictl.scaffold.uses.hosts import Allowed
from asgictl.scaffold.write import signature

_MANIFESTS = ("pyproject.toml", "requirements.txt", "Pipfile", "pylock.toml", "manage.py", "requirements")
_SKIPPED = {"node_modules", "venv", "env", "tests", "test", "build", "dist", "docs", "__pycache__", "migrations"}
_FILES_READ = 1000
_LISTED = 4
# Settings that others are made of.
_BASES = {"base", "common", "defaults", "__init__"}


def detect(request: ScaffoldRequest, folder: Path) -> Project:
    """Return what there is to know of the project in `folder`.

    Raises `ConfigError` for a question with two answers, `StartError` without an app, `FileProblemError` for files
    that cannot be read.
    """
    root, why = _root(folder)
    config = pyproject.find(root)
    config = config if config and config.root == root else None
    deps, deps_from = dependencies.find(root, config, request)
    python, python_from = python_version.find(root, config, request)
    app, app_from = apps.find(request, folder, root, deps)
    package, layout_is, layout_from = (
        layout.package(root, config, deps, app) if request.mode == "copy" else (False, "mounted", "--mode bind")
    )
    if package and config and config.package:
        deps = deps._replace(pinned={**deps.pinned, canonicalize_name(config.package): None})
    runner.check(request, deps, python)
    name, name_from = _name(request, config, root)
    source = _read(request, root, app)
    outside = layout.opened_outside(root, config, app, source.named) if package and "src" in app.folders else None
    if outside:
        layout_is, layout_from = f"{layout_is}, imported from src", f"{outside.path} in {outside.place}"
    apt, apt_from = system_packages.needed(deps, request.apt)
    indexes = list(index.find(root, deps.files))
    public = tuple(
        it.path for it in source.named if accepted.PATH.fullmatch(it.path) and reads.is_public(root / it.path)
    )
    findings = (
        Finding("root", str(root), why),
        Finding("name", name, name_from),
        Finding("dependencies", deps.kind, deps_from),
        Finding("python", python, python_from),
        Finding("app", app.name, app_from),
        Finding("layout", layout_is, layout_from),
        *source.findings,
        *([Finding("apt", " ".join((*apt.build, *apt.runtime)), apt_from)] if apt_from else []),
        *(Finding("index", found.url, found.source) for found in indexes),
    )
    return Project(
        root=root,
        name=name,
        python=python,
        deps=deps,
        app=app,
        package=package,
        health=source.health,
        websockets=source.websockets,
        statics=source.statics,
        apt=apt,
        folders=tuple(sorted(file.parent.name for file in root.glob("*/__init__.py"))),
        needed=tuple(layout.needed(config)) if package and config else (),
        in_git=(root / ".git").exists(),
        findings=findings,
        notes=(
            *notes.of_project(deps, app, source.settings, indexes, source.likely),
            *notes.of_files(source.named, public),
            *(f"`{_within(root, it)}` cannot be read: what it opens was not compared" for it in source.unread),
            *notes.of_hosts(source.lets_in, source.asking, source.settings),
            *notes.of_places(source.written, source.settings, request, root),
            *notes.of_request(request, root, deps, layout.build_requirements(config) if package else ()),
        ),
        named=source.named,
        public=public,
        from_source=outside is not None,
        asking=source.asking,
    )


class _Source(NamedTuple):
    """What the source says; `likely` is a route that may be one for health, and where it is."""

    settings: django_settings.DjangoSettings | None
    health: Health
    websockets: bool
    statics: Statics | None
    likely: tuple[health.Route, str] | None
    findings: tuple[Finding, ...]
    named: tuple[NamedFile, ...]
    written: tuple[NamedFile, ...]
    asking: Asking
    lets_in: Allowed | None
    unread: tuple[Path, ...]


def _read(request: ScaffoldRequest, root: Path, app: App) -> _Source:
    settings = django_settings.read(root, app.settings)
    uses = look(root, dict.fromkeys([*([app.file] if app.file else []), *_sources(root)]))
    lets_in = _lets_in(uses.hosts, settings, root)
    asked, asking, health_from = _health(request, root, app, settings, lets_in)
    asking = asking._replace(https=request.domain is not None or uses.redirect is not None)
    websocket, likely = uses.websocket, None if asked.strict or settings is not None else uses.likely
    findings = [
        Finding("health", asked.path, health_from),
        *(
            [Finding("host", asking.host, "--domain" if request.domain else lets_in.place)]
            if asking.host and lets_in
            else []
        ),
        Finding("websockets", "yes", _place(root, websocket))
        if websocket
        else Finding("websockets", "no", "none in the source"),
    ]
    statics = None
    if settings is not None and settings.static_root and (root / "manage.py").is_file():
        statics = Statics(settings.required)
        place = f"STATIC_ROOT in {_within(root, settings.file)}:{settings.static_root}"
        findings.append(Finding("static files", "collected", place))
    left = ignore_files.left_out(ignore_files.USUAL)
    # What is not there yet may be built, where an ignore list knows such folders.
    named = tuple(it for it in uses.named if reading.exists(root / it.path) or left(it.path))
    if named:
        findings.append(Finding("files", _listed([it.path for it in named]), named[0].place))
    written = tuple(it for it in uses.written if settings is None or _counts(it, settings, root))
    if written:
        findings.append(Finding("written", _listed([it.path for it in written]), written[0].place))
    return _Source(
        settings=settings,
        health=asked,
        websockets=websocket is not None,
        statics=statics,
        likely=(likely, _place(root, likely)) if likely else None,
        findings=tuple(findings),
        named=named,
        written=written,
        asking=asking,
        lets_in=lets_in,
        unread=uses.unread,
    )


def _counts(found: NamedFile, settings: django_settings.DjangoSettings, root: Path) -> bool:
    """Tell whether Django writes there: of the settings' modules only one is in use, and what that one takes."""
    file = root / found.place.rpartition(":")[0]
    if file.parent != settings.file.parent or file.name in {"asgi.py", "wsgi.py", "urls.py"}:
        return True
    return file == settings.file or (settings.sqlite and file.stem in _BASES)


def _listed(names: list[str]) -> str:
    """Return the first of `names`, and how many more there are."""
    outer = [name for name in names if not any(name.startswith(f"{other}/") for other in names)]
    more = len(outer) - _LISTED
    return ", ".join(outer[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _root(folder: Path) -> tuple[Path, str]:
    """Return the folder of the project: this one, or the nearest above that says what it depends on."""
    for root in (folder, *folder.parents):
        if found := next((name for name in _MANIFESTS if (root / name).exists()), None):
            return root, f"has {found}"
        if (root / ".git").exists() or root.parent in {Path.home(), Path(root.anchor)}:
            break
    return folder, "the current folder"


def _health(
    request: ScaffoldRequest,
    root: Path,
    app: App,
    settings: django_settings.DjangoSettings | None,
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
        return Health("/", strict=False), Asking(host), "no route for health was found: anything below 500 is well"
    live, ready = (next((it for it in found if it.is_for(paths)), None) for paths in (health.LIVE, health.READY))
    whole = next((it for it in found if it not in {live, ready}), None)
    best = whole or ready or found[0]
    asking = Asking(
        host, live=live.path if live and live != best else None, ready=ready.path if ready and ready != best else None
    )
    return Health(best.path, strict=strict), asking, _place(root, best)


def _attribute(app: App) -> str:
    return app.name.partition(":")[2]


def _lets_in(lists: Sequence[Allowed], settings: django_settings.DjangoSettings | None, root: Path) -> Allowed | None:
    """Return the hosts that the app lets in; of Django's settings those count that are in use."""
    if settings is None:
        return next(iter(lists), None)
    own = [it for it in lists if root / it.place.rpartition(":")[0] == settings.file]
    base = [
        it
        for it in lists
        if (file := root / it.place.rpartition(":")[0]).parent == settings.file.parent and file.stem in _BASES
    ]
    return next(iter((*own, *base)), None)


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


def _name(request: ScaffoldRequest, config: pyproject.PyProject | None, root: Path) -> tuple[str, str]:
    if request.name is not None:
        return request.name, "--name"
    if config is not None:
        for keys in (("project", "name"), ("tool", "poetry", "name")):
            declared = config.table(*keys[:-1]).get(keys[-1])
            if isinstance(declared, str) and (name := as_name(declared)):
                return name, f"{'.'.join(keys)} in {config.file.name}"
    if name := _written_name(root):
        return name, "compose.yaml"
    name = as_name(root.name)
    return (name, "the folder's") if name else ("app", f"nothing of `{root.name}` can be one")


def _written_name(root: Path) -> str | None:
    """Return the name in a compose file that was written here: a clone may lie in a folder of another name."""
    try:
        text = reading.text(root / "compose.yaml")
    except (OSError, UnicodeDecodeError):
        return None
    match = re.search(r"(?m)^name: ([a-z0-9-]+)$", text)
    return match[1] if match and signature.is_ours(text) and is_name(match[1]) else None


def _within(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _place(root: Path, route: health.Route) -> str:
    return f"{_within(root, route.file)}:{route.line}"

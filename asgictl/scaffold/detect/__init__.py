"""Look at a project without importing it, and say where each answer was read."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from asgictl import pyproject, reading
from asgictl.scaffold import migrations
from asgictl.scaffold.accepted import as_name, is_name, is_place
from asgictl.scaffold.detect import (
    dependencies,
    django_settings,
    index,
    layout,
    notes,
    python,
    runner,
    system_packages,
    venv_python,
)
from asgictl.scaffold.detect import served_app as apps
from asgictl.scaffold.django import chosen_settings
from asgictl.scaffold.django.chosen_settings import ChosenSettings
from asgictl.scaffold.project import App, Finding, Health, NamedFile, Project, Statics
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.uses import health, look, reads
from asgictl.scaffold.write import signature

_MANIFESTS = ("pyproject.toml", "requirements.txt", "Pipfile", "pylock.toml", "requirements")
_SKIPPED = {"node_modules", "venv", "env", "tests", "test", "build", "dist", "docs", "__pycache__", "migrations"}
_FILES_READ = 1000
_LISTED = 4


def detect(request: ScaffoldRequest, folder: Path) -> Project:
    """Return what there is to know of the project in `folder`.

    Raises `ConfigError` for a question with two answers, `StartError` without an app, `FileProblemError` for files
    that cannot be read.
    """
    root, why = _root(folder)
    config = pyproject.find(root)
    config = config if config and config.root == root else None
    deps, deps_from = dependencies.find(root, config, request)
    interpreter = python.find(root, config, request, deps)
    app, app_from = apps.find(request, folder, root, deps)
    chosen = chosen_settings.choose(request, root, app)
    app = app._replace(settings=chosen.module if chosen else None)
    package, layout_is, layout_from = (
        layout.package(root, config, deps, app) if request.mode == "copy" else (False, "mounted", "--mode bind")
    )
    if package and config and config.package:
        deps = deps._replace(pinned={**deps.pinned, canonicalize_name(config.package): None})
    runner.check(request, deps, interpreter.version)
    name, name_from = _name(request, config, root)
    source = _read(request, root, app, chosen)
    outside = layout.opened_outside(root, config, app, source.named) if package and "src" in app.folders else None
    if outside:
        layout_is, layout_from = f"{layout_is}, imported from src", f"{outside.path} in {outside.place}"
    apt, apt_from = system_packages.needed(deps, request.apt)
    database = chosen.manage if chosen and source.settings and source.settings.database else None
    migrates, unmigrated = migrations.find(root, config, deps, app, database)
    indexes = list(index.find(root, deps.files))
    public = tuple(it.path for it in source.named if reads.is_public(root / it.path))
    findings = (
        Finding("root", str(root), why),
        Finding("name", name, name_from),
        Finding("dependencies", deps.kind, deps_from),
        Finding("python", interpreter.version, interpreter.source),
        Finding("app", app.name, app_from),
        *([Finding("settings", chosen.module, chosen.source)] if chosen else []),
        Finding("layout", layout_is, layout_from),
        *source.findings,
        *([Finding("migrations", " ".join(migrates.command), migrates.source)] if migrates else []),
        *([Finding("apt", " ".join((*apt.build, *apt.runtime)), apt_from)] if apt_from else []),
        *(Finding("index", found.url, found.source) for found in indexes),
    )
    return Project(
        root=root,
        name=name,
        python=interpreter.version,
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
            *interpreter.notes,
            *(chosen.notes if chosen else ()),
            *([unmigrated] if unmigrated else []),
            *notes.of_project(deps, app, source.settings, indexes, source.likely),
            *notes.of_statics(request, source.statics),
            *notes.of_files(source.named, public),
            *notes.of_places(source.written, source.settings, request, root),
            *notes.of_request(request, root, deps, layout.build_requirements(config) if package else ()),
            *venv_python.notes(request, root),
        ),
        migrations=migrates,
        named=source.named,
        public=public,
        from_source=outside is not None,
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


def _read(request: ScaffoldRequest, root: Path, app: App, chosen: ChosenSettings | None) -> _Source:
    settings = django_settings.read(chosen) if chosen else None
    asked, health_from = _health(request, root, app, settings)
    uses = look(root, dict.fromkeys([*([app.file] if app.file else []), *_sources(root)]))
    websocket, likely = uses.websocket, None if asked.strict or settings is not None else uses.likely
    findings = [
        Finding("health", asked.path, health_from),
        Finding("websockets", "yes", _place(root, websocket))
        if websocket
        else Finding("websockets", "no", "none in the source"),
    ]
    statics = None
    if settings is not None and settings.static_root and chosen and chosen.manage:
        outside = settings.static_outside if is_place(settings.static_outside or "") else None
        statics = Statics(settings.required, chosen.manage.relative_to(root).as_posix(), outside)
        place = f"STATIC_ROOT in {_within(root, settings.static_root.file)}:{settings.static_root.line}"
        findings.append(Finding("static files", "collected", place))
    if uses.named:
        findings.append(Finding("files", _listed([it.path for it in uses.named]), uses.named[0].place))
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
        named=uses.named,
        written=written,
    )


def _counts(found: NamedFile, settings: django_settings.DjangoSettings, root: Path) -> bool:
    """Tell whether Django writes there: of the settings' modules only one is in use, and what that one takes."""
    file = root / found.place.rpartition(":")[0]
    if file.parent != settings.file.parent or file.name in {"asgi.py", "wsgi.py", "urls.py"}:
        return True
    return file == settings.file or (settings.sqlite and file.stem in {"base", "common", "defaults", "__init__"})


def _listed(names: list[str]) -> str:
    """Return the first of `names`, and how many more there are."""
    outer = [name for name in names if not any(name.startswith(f"{other}/") for other in names)]
    more = len(outer) - _LISTED
    return ", ".join(outer[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _root(folder: Path) -> tuple[Path, str]:
    """Return the folder of the project: this one, or the nearest above that says what it depends on."""
    for names in (_MANIFESTS, ("manage.py",)):
        for root in (folder, *folder.parents):
            if found := next((name for name in names if (root / name).exists()), None):
                return root, f"has {found}"
            if (root / ".git").exists() or root.parent in {Path.home(), Path(root.anchor)}:
                break
    return folder, "the current folder: none above has a file of a project"


def _health(
    request: ScaffoldRequest, root: Path, app: App, settings: django_settings.DjangoSettings | None
) -> tuple[Health, str]:
    if request.health_path is not None:
        return Health(request.health_path, strict=settings is None), "--health-path"
    source = settings.urls if settings and settings.urls else app.file
    if source is not None and (found := health.routes(source, app.name.partition(":")[2], factory=app.factory)):
        # Django answers 400 to a `Host` that is not in ALLOWED_HOSTS, as this machine's own address may be.
        return Health(found[0].path, strict=settings is None), _place(root, found[0])
    return Health("/", strict=False), "no route for health was found: anything below 500 is well"


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
    return (name, "the name of that folder") if name else ("app", f"nothing of `{root.name}` can be one")


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

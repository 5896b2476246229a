"""Look at a project without importing it, and say where each answer was read."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from asgictl import pyproject, reading
from asgictl.scaffold.accepted import as_name, is_name
from asgictl.scaffold.detect import (
    dependencies,
    django_settings,
    health,
    index,
    layout,
    notes,
    python_version,
    runner,
    system_packages,
)
from asgictl.scaffold.detect import served_app as apps
from asgictl.scaffold.detect.imported import imports
from asgictl.scaffold.detect.monorepo import project_root
from asgictl.scaffold.project import App, Finding, Health, Project, Statics
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.write import signature

_SKIPPED = {"node_modules", "venv", "env", "tests", "test", "build", "dist", "docs", "__pycache__", "migrations"}
_FILES_READ = 1000


def detect(request: ScaffoldRequest, folder: Path) -> Project:
    """Return what there is to know of the project in `folder`.

    Raises `ConfigError` for a question with two answers, `StartError` without an app, `FileProblemError` for files
    that cannot be read.
    """
    root, why = project_root.find(request, folder)
    config = pyproject.find(root)
    config = config if config and config.root == root else None
    near = project_root.between(project_root.app_file(request, folder), root)
    deps, deps_from = dependencies.find(root, config, request, near)
    python, python_from = python_version.find(root, config, request)
    app, app_from = apps.find(request, folder, root, deps)
    package, layout_is, layout_from = (
        layout.package(root, config, deps, app) if request.mode == "copy" else (False, "mounted", "--mode bind")
    )
    if package and config and config.package:
        deps = deps._replace(pinned={**deps.pinned, canonicalize_name(config.package): None})
    server = runner.choose(request, deps, python)
    imports.check(root, config, deps, app, server.name)
    name, name_from = _name(request, config, root)
    source = _read(request, root, app)
    from_git = bool(server.origin and server.origin.startswith("git+"))
    apt, apt_from = system_packages.needed(
        deps._replace(git=deps.git or from_git), request.apt, geo=_is_geo(source.settings)
    )
    indexes = list(index.find(root, deps.files, deps.home))
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
        runner=server.name,
        server_from=server.origin,
        notes=(
            *([server.note] if server.note else []),
            *notes.of_dependencies(deps, indexes),
            *notes.of_project(source.settings, indexes, source.likely),
            *notes.of_request(request, root, deps, layout.build_requirements(config) if package else ()),
        ),
    )


class _Source(NamedTuple):
    """What the source says; `likely` is a route that may be one for health, and where it is."""

    settings: django_settings.DjangoSettings | None
    health: Health
    websockets: bool
    statics: Statics | None
    likely: tuple[health.Route, str] | None
    findings: tuple[Finding, ...]


def _read(request: ScaffoldRequest, root: Path, app: App) -> _Source:
    settings = django_settings.read(root, app.settings)
    asked, health_from = _health(request, root, app, settings)
    likely, websocket = health.survey(dict.fromkeys([*([app.file] if app.file else []), *_sources(root)]))
    likely = None if asked.strict or settings is not None else likely
    findings = [
        Finding("health", asked.path, health_from),
        Finding("websockets", "yes", _place(root, websocket))
        if websocket
        else Finding("websockets", "no", "none in the source"),
    ]
    statics = None
    if settings is not None and settings.static_root and (root / "manage.py").is_file():
        statics = Statics(settings.required)
        place = f"STATIC_ROOT in {_within(root, settings.file)}:{settings.static_root}"
        findings.append(Finding("static files", "collected", place))
    return _Source(
        settings=settings,
        health=asked,
        websockets=websocket is not None,
        statics=statics,
        likely=(likely, _place(root, likely)) if likely else None,
        findings=tuple(findings),
    )


def _is_geo(settings: django_settings.DjangoSettings | None) -> bool:
    """Tell whether the settings name GeoDjango, which no distribution tells of."""
    if settings is None:
        return False
    return "django.contrib.gis" in reading.text(settings.file, errors="replace")


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

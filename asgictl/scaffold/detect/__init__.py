"""Look at a project without importing it, and say where each answer was read."""

from pathlib import Path

from packaging.utils import canonicalize_name

from asgictl import pyproject
from asgictl.scaffold import accepted, migrations
from asgictl.scaffold.detect import (
    dependencies,
    index,
    layout,
    own_code,
    own_dockerfile,
    project_name,
    python,
    requirements,
    runner,
    system_packages,
    venv_python,
)
from asgictl.scaffold.detect import served_app as apps
from asgictl.scaffold.detect.imported import desk_settings, imports
from asgictl.scaffold.detect.monorepo import project_root, workspaces
from asgictl.scaffold.detect.monorepo.workspaces import Sibling
from asgictl.scaffold.detect.notes import code_notes, dependency_notes, target_notes
from asgictl.scaffold.django import chosen_settings
from asgictl.scaffold.project import Dependencies, Detected, Project
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.uses import reads


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
    interpreter = python.find(root, config, request, deps)
    app, app_from = apps.find(request, folder, root, deps)
    chosen = chosen_settings.choose(request, root, app)
    desk, undeveloped = desk_settings.choose(chosen, config, deps) if chosen else (None, None)
    app = app._replace(settings=chosen.module if chosen else None, desk=desk)
    package, layout_is, layout_from = (
        layout.package(root, config, deps, app) if request.mode == "copy" else (False, "mounted", "--mode bind")
    )
    if package and config and config.package:
        deps = deps._replace(pinned={**deps.pinned, canonicalize_name(config.package): None})
    server = runner.choose(request, deps, interpreter.version)
    lacking = imports.check(root, config, deps, app, server.name)
    name, name_from = project_name.find(request, config, root)
    source = own_code.read(request, root, app, chosen)
    outside = layout.opened_outside(root, config, app, source.named) if package and "src" in app.folders else None
    if outside:
        layout_is, layout_from = f"{layout_is}, imported from src", f"{outside.path} in {outside.place}"
    database = chosen.manage if chosen and source.settings and source.settings.database else None
    migrates, unmigrated = migrations.find(root, config, deps, app, database)
    public = tuple(
        it.path for it in source.named if accepted.PATH.fullmatch(it.path) and reads.is_public(root / it.path)
    )
    from_git = bool(server.origin and server.origin.startswith("git+"))
    apt, apt_from = system_packages.needed(
        deps._replace(git=deps.git or from_git), request.apt, geo=source.settings is not None and source.settings.geo
    )
    affinity = f"{source.kept.place}, {source.kept.what}" if source.kept else None
    builds = layout.build_requirements(config) if package else ()
    passed_over = None if request.requirements else requirements.passed_over(root, deps)
    indexes = list(index.find(root, deps.files, deps.home))
    siblings = _siblings(root, deps)
    findings = (
        Detected("root", str(root), why),
        Detected("name", name, name_from),
        Detected("dependencies", deps.kind, deps_from),
        Detected("python", interpreter.version, interpreter.source),
        Detected("app", app.name, app_from),
        *([Detected("settings", chosen.module, chosen.source)] if chosen else []),
        *([Detected("development", desk, chosen_settings.MANAGE)] if desk else []),
        Detected("layout", layout_is, layout_from),
        *source.findings,
        *([Detected("migrations", " ".join(migrates.command), migrates.source)] if migrates else []),
        *([Detected("apt", " ".join((*apt.build, *apt.runtime)), apt_from)] if apt_from else []),
        *(Detected("index", found.url, found.source) for found in indexes),
    )
    project = Project(
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
        runner=server.name,
        server_from=server.origin,
        affinity=affinity,
        interpreters=venv_python.folders(root),
        variables=source.variables,
        siblings=tuple(it.path for it in siblings if not it.compiled),
        notes=(),
        migrations=migrates,
        named=source.named,
        of_machine=source.of_machine,
        public=public,
        from_source=outside is not None,
        asking=source.asking,
    )
    notes = (
        *interpreter.notes,
        *(chosen.notes if chosen else ()),
        *([undeveloped] if undeveloped and {"dev", "watch"} & set(request.wanted) else []),
        *([unmigrated] if unmigrated else []),
        *([server.note] if server.note else []),
        *lacking,
        *dependency_notes.of(deps, indexes, passed_over),
        *code_notes.of(project, request, source),
        *target_notes.of(project, request, builds, siblings),
        *own_dockerfile.notes(root, apt, request),
        *venv_python.notes(request, root, name),
    )
    return project._replace(notes=notes)


def _siblings(root: Path, deps: Dependencies) -> list[Sibling]:
    """Return the libraries of the same repository that are installed along with the project."""
    root = root.resolve()
    if deps.kind == "requirements":
        return [it for folder in deps.folders for it in workspaces.sibling(root, root / folder)]
    if deps.kind not in {"uv", "poetry", "pdm"}:
        return []
    lock = root.joinpath(*[".."] * len(Path(deps.home).parts), deps.files[-1]).resolve()
    return list(workspaces.siblings(root, lock, deps.pinned.keys()))

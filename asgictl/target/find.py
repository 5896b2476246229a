"""Find the app: by its name on the command line or in the configuration, or by looking around."""

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path

from asgictl import frameworks, project
from asgictl.errors import AppLoadError, ConfigError, StartError
from asgictl.target import django, modules, source
from asgictl.target.ref import AppRef

Tell = Callable[[str], None]

DEMO = "demo"
FILES = ("main", "app", "api", "asgi", "server", "application", "wsgi")


def find(app: str | None, folder: Path, environ: Mapping[str, str], tell: Tell) -> AppRef:
    """Return the app called `app`, or without a name the one that belongs to `folder`.

    `tell` receives every step of the way as a sentence. Nothing of the user's is imported. Raises
    `StartError` when a named app is not there, `ConfigError` when two rank alike.
    """
    if app is not None:
        return _named(app, folder, "as named", tell)
    if value := environ.get("ASGICTL_APP"):
        return _named(value, folder, "named by the variable ASGICTL_APP", tell)
    tell("no app named on the command line or by ASGICTL_APP")
    around = project.find(folder)
    for keys in (("tool", "asgictl", "app"), ("tool", "fastapi", "entrypoint")):
        if around and (value := around.text(*keys)):
            return _named(value, around.root, f"named by `{'.'.join(keys)}` in {project.FILE}", tell)
    tell(f"no app named in {around.file if around else project.FILE}")
    if ref := django.find(folder, environ, tell):
        return ref
    return _search(folder, around, tell)


def entry(ref: AppRef, folder: Path) -> source.Candidate | None:
    """Return what the source of `ref` says of it, or None."""
    entries = source.candidates(ref.file, modules.follow(folder)) if ref.file else ()
    return next((entry for entry in entries if entry.name == ref.attribute), None)


def interface(ref: AppRef, folder: Path) -> frameworks.Interface | None:
    """Return the interface of the framework that the source of `ref` names, or None."""
    known = entry(ref, folder)
    framework = frameworks.of_name(known.framework) if known and known.framework else None
    return framework.interface if framework else None


def bundled(looked: tuple[str, ...] = ()) -> AppRef:
    """Return the app that comes with asgictl, after a look at the places `looked`."""
    return AppRef(module="asgictl.demo", attribute="app", found="the bundled app", factory=False, looked=looked)


def _named(app: str, folder: Path, found: str, tell: Tell) -> AppRef:
    tell(f"`{app}` is {found}")
    if app == DEMO and modules.of_name(DEMO, folder) is None:
        return bundled()
    drive = 2 if app[1:3] in (":\\", ":/") else 0  # C:\\app.py
    before, colon, attribute = app[drive:].partition(":")
    location = app[:drive] + before
    if colon and not all(part.isidentifier() for part in attribute.split(".")):
        problem = f"`{attribute}` in `{app}` is not the name of an object"
        raise ConfigError(problem, hint="write it as `module:attribute` or `path/to/file.py:attribute`")
    path = folder / location
    if location.endswith(".py") or "/" in location or os.sep in location or location in (".", ".."):
        return _at_path(app, path, attribute or None, folder, found, tell)
    if not all(part.isidentifier() for part in location.split(".")):
        problem = f"`{app}` is neither a module nor a file"
        raise ConfigError(problem, hint="write it as `module:attribute` or `path/to/file.py:attribute`")
    module = modules.of_name(location, folder)
    if module is None:
        if path.is_dir():
            return _at_path(app, path, attribute or None, folder, found, tell)
        raise StartError(f"there is no module `{location}` in `{folder}`", hint=_module_hint(location, app, folder))
    if module.file and module.file.name == "__init__.py" and not attribute and not _offers(module.file, folder):
        return _at_path(app, module.file.parent, None, folder, found, tell)
    return _of_module(module, attribute or None, folder, found, tell)


def _at_path(  # noqa: PLR0913, PLR0917  # what `_named` knows
    app: str, path: Path, attribute: str | None, folder: Path, found: str, tell: Tell
) -> AppRef:
    path = path.resolve()
    if path.is_file():
        return _of_module(modules.of_file(path, folder), attribute, folder, found, tell)
    if path.is_dir() and (path / "__init__.py").is_file():
        package = path / "__init__.py"
        if attribute or _offers(package, folder):
            return _of_module(modules.of_file(package, folder), attribute, folder, found, tell)
        for file in filter(Path.is_file, (path / f"{name}.py" for name in FILES)):
            if _offers(file, folder):
                return _of_module(modules.of_file(file, folder), None, folder, found, tell)
        raise StartError(f"the package `{app}` holds no app", hint=f"name it: `{path.name}.module:attribute`")
    if path.is_dir() and attribute is None:
        tell(f"looking for an app in `{path}`")
        ref = django.find(path, {}, tell) or _search(path, None, tell)
        if ref.looked:
            raise StartError(f"the folder `{app}` holds no app", hint=f"looked at {', '.join(ref.looked)}")
        return ref
    raise StartError(f"there is no file `{project.shown(path)}`", hint=_file_hint(path))


def _of_module(module: modules.Module, attribute: str | None, folder: Path, found: str, tell: Tell) -> AppRef:
    factory = None
    if attribute is None and module.file is None:
        attribute = source.OBJECT_NAMES[0]
    elif attribute is None and module.file is not None:
        best = _best(module.file, folder)
        if best is None:
            problem = f"`{project.shown(module.file)}` holds no app that can be recognised"
            raise StartError(problem, hint=f"name it: `asgictl serve {module.name}:NAME`")
        attribute, factory = best.name, best.factory or None
        tell(f"`{attribute}` in line {best.line} of `{module.file}` is the app")
    return AppRef(
        module=module.name,
        attribute=str(attribute),
        found=found,
        path=module.path,
        factory=factory,
        file=module.file,
    )


def _search(folder: Path, around: project.Project | None, tell: Tell) -> AppRef:
    """Look at the usual files in the usual folders; return the first app, or the bundled one."""
    looked: list[str] = []
    matches: list[tuple[modules.Module, source.Candidate, str]] = []
    for place in _places(folder, around):
        names = FILES if place == folder else (*FILES, "__init__")
        files = [base / end for name in names for base, end in ((place, f"{name}.py"), (place / name, "__init__.py"))]
        looked.append(f"{place.relative_to(folder).as_posix()}/" if place != folder else "this folder")
        for file in filter(Path.is_file, files):
            label = file.relative_to(folder).as_posix()
            best = _best(file, folder) if not matches or _offers(file, folder) else None
            tell(f"`{label}` holds `{best.name}` in line {best.line}" if best else f"`{label}` holds no app")
            if best is not None and all(file != match[0].file for match in matches):
                matches.append((modules.of_file(file, folder), best, label))
    if not matches:
        return bundled(tuple(looked))
    (module, best, label), *others = matches
    return AppRef(
        module=module.name,
        attribute=best.name,
        found=f"found in {label}, line {best.line}",
        path=module.path,
        also=tuple(f"{other.name}:{entry.name} in {where}" for other, entry, where in others),
        factory=best.factory or None,
        file=module.file,
    )


def _places(folder: Path, around: project.Project | None) -> list[Path]:
    """Return the folders to look into, in order."""
    src = folder / "src"
    packages = [folder.name, *sorted(file.parent.name for file in src.glob("*/__init__.py"))]
    if around and around.root == folder and around.package:
        packages.insert(0, around.package)
    named = [base / name for base in (src, folder) for name in dict.fromkeys(packages)]
    places = dict.fromkeys((folder, folder / "app", src, *named))
    return [place for place in places if place.is_dir()]


def _best(file: Path, folder: Path) -> source.Candidate | None:
    """Return the best candidate in `file`; raise `ConfigError` when two rank alike."""
    entries = source.candidates(file, modules.follow(folder))
    best = [entry for entry in entries if entry.rank == entries[0].rank]
    if len(best) > 1:
        listed = ", ".join(f"`{entry.name}` in line {entry.line}" for entry in best)
        module = modules.of_file(file, folder).name
        problem = f"`{project.shown(file)}` holds {len(best)} apps: {listed}"
        raise ConfigError(problem, hint=f"name one: `asgictl serve {module}:{best[0].name}`")
    return best[0] if best else None


def _offers(file: Path, folder: Path) -> bool:
    """Tell whether `file` can be read and holds something to serve."""
    try:
        return bool(source.candidates(file, modules.follow(folder)))
    except AppLoadError:
        return False


def _module_hint(name: str, app: str, folder: Path) -> str:
    similar = modules.similar(name, folder)
    if similar is not None:
        return f"did you mean `{app.replace(name, similar, 1)}`?"
    return "run it in the project's folder, or without a name to look for the app"


def _file_hint(path: Path) -> str:
    close = get_close_matches(path.name, [file.name for file in path.parent.glob("*.py")], n=1)
    return (
        f"did you mean `{project.shown(path.with_name(close[0]))}`?"
        if close
        else "the path is relative to the current folder"
    )

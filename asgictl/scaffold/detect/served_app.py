"""The app that a container runs, by the finder that `asgictl serve` uses."""

import re
from pathlib import Path

import asgictl
from asgictl import discovery, frameworks
from asgictl.errors import AsgictlError, ConfigError, StartError
from asgictl.scaffold.accepted import PATH
from asgictl.scaffold.project import App, Dependencies
from asgictl.scaffold.request import ScaffoldRequest


def find(request: ScaffoldRequest, folder: Path, root: Path, deps: Dependencies) -> tuple[App, str]:
    """Return the app that `serve` would find in `folder`, or else in `root`, and how; raise `StartError` for none."""
    given, how = _as_from(root, request.app, folder) if folder != root else (request.app, "as named")
    try:
        ref = discovery.find(given, root, {}, lambda _: None)
    except AsgictlError as error:
        error.hint = error.hint and re.sub(
            r"(?:serve it|name one): `asgictl serve ", "name it: `asgictl scaffold ", error.hint
        )
        raise
    if ref.looked:
        hint = "name it, like `asgictl scaffold main:app`, or `asgictl scaffold demo` for the bundled one"
        raise StartError(f"there is no app in {', '.join(ref.looked)}", hint=hint)
    if ref.file and ref.file.is_relative_to(root) and any(not Path(path).is_relative_to(root) for path in ref.path):
        problem = f"`{ref}` imports from the folder above the project in `{root}`"
        raise StartError(problem, hint="run it in that folder, or import from the project alone")
    if ref.arguments:
        problem = f"`{ref}` calls a factory with arguments, which no server but asgictl takes"
        raise ConfigError(problem, hint="name a factory that needs none")
    file = ref.file or _own_file(ref.module)
    entry = discovery.entry(ref._replace(file=file), root)
    factory = request.factory or bool(ref.factory) or bool(ref.factory is None and entry and entry.factory)
    folders = tuple(
        relative.as_posix()
        for path in ref.path
        if Path(path).is_relative_to(root) and (relative := Path(path).relative_to(root)) != Path()
    )
    for name in folders:
        if not PATH.fullmatch(name):
            raise ConfigError(f"the folder `{name}` has signs that no Dockerfile takes", hint="rename it")
    if ref.file is not None and not ref.file.is_relative_to(root) and ref.module != "asgictl.demo":
        problem = f"`{ref}` is outside of the project in `{root}`"
        raise StartError(problem, hint="run it in the folder of the project that the app is in")
    known = frameworks.of_name(entry.framework) if entry and entry.framework else None
    framework = known.module.partition(".")[0] if known else None
    interface = entry.interface if entry and entry.interface else _likely(deps)
    app = App(str(ref), interface, framework, factory, folders, ref.settings, file, given)
    return app, how if given else ref.found


def _as_from(root: Path, app: str | None, folder: Path) -> tuple[str | None, str]:
    """Return the name, as seen from `root`, of the app that is found in a folder below, and how it was found."""
    try:
        ref = discovery.find(app, folder, {}, lambda _: None)
    except StartError:  # it may be meant so already
        return app, "as named"
    how = "as named" if app else ref.found
    inside = ref.file is not None and ref.file.is_relative_to(root)
    if ref.file and not inside and app and len(Path(app).parts) > 1:  # a path is one from `folder`
        return f"{ref.file}:{ref.attribute}", how
    return f"{ref.file.relative_to(root).as_posix()}:{ref.attribute}" if inside and ref.file else app, how


def _likely(deps: Dependencies) -> str:
    """Return the interface of an app whose source does not say it, as a factory's may not."""
    wsgi = {"flask", "bottle", "pyramid"} & deps.pinned.keys()
    asgi = {"fastapi", "starlette", "litestar", "quart"} & deps.pinned.keys()
    return "wsgi" if wsgi and not asgi else "asgi3"


def _own_file(module: str) -> Path | None:
    """Return the source of the bundled app."""
    return Path(asgictl.__file__).parent / "demo.py" if module == "asgictl.demo" else None

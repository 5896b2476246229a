"""The app that a container runs, by the finder that `asgictl serve` uses."""

import os
from pathlib import Path

import asgictl
from asgictl import target
from asgictl.errors import StartError
from asgictl.scaffold.detected import App
from asgictl.scaffold.request import ScaffoldRequest


def find(request: ScaffoldRequest, root: Path) -> tuple[App, str]:
    """Return the app and how it was found; raise `StartError` where there is none."""
    ref = target.find(request.app, root, os.environ if request.app else {}, lambda _: None)
    if ref.looked:
        hint = "name it, like `asgictl scaffold main:app`, or `asgictl scaffold demo` for the bundled one"
        raise StartError(f"there is no app in {', '.join(ref.looked)}", hint=hint)
    file = ref.file or _own_file(ref.module)
    entry = target.entry(ref._replace(file=file), root)
    factory = request.factory or bool(ref.factory) or bool(ref.factory is None and entry and entry.factory)
    folders = tuple(
        relative.as_posix()
        for path in ref.path
        if Path(path).is_relative_to(root) and (relative := Path(path).relative_to(root)) != Path()
    )
    interface = target.interface(ref._replace(file=file), root) or "asgi3"
    return App(str(ref), interface, factory, folders, ref.settings, file), "as named" if request.app else ref.found


def _own_file(module: str) -> Path | None:
    """Return the source of the bundled app."""
    return Path(asgictl.__file__).parent / "demo.py" if module == "asgictl.demo" else None

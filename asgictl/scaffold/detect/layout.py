"""How the code lies: a package to install, or a folder to copy."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from asgictl.pyproject import PyProject
from asgictl.scaffold.django import chosen_settings
from asgictl.scaffold.project import App, Dependencies, NamedFile


def package(root: Path, pyproject: PyProject | None, deps: Dependencies, app: App) -> tuple[bool, str, str]:
    """Tell whether the project is a package that holds the app, with what is said of it and the reason."""
    src = "src" in app.folders
    plain = ("src/, copied" if src else "a folder, copied"), "no build system"
    if pyproject is None or pyproject.root != root or "build-system" not in pyproject.data:
        return False, *plain
    if deps.kind in {"requirements", "pipenv", "none"}:
        return False, plain[0], f"{deps.kind} installs no package"
    refused = {
        "uv": pyproject.table("tool", "uv").get("package") is False,
        "poetry": pyproject.table("tool", "poetry").get("package-mode") is False,
        "pdm": pyproject.table("tool", "pdm").get("distribution") is False,
    }
    if refused.get(deps.kind):
        return False, plain[0], f"{pyproject.file.name} says that it is no package"
    if chosen_settings.manage_of(root, app):
        return False, plain[0], "manage.py is beside the code"
    top = app.name.partition(":")[0].partition(".")[0]
    name = pyproject.package or _poetry_name(pyproject)
    home = root / "src" if src else root
    inside = app.file is not None and app.file.is_relative_to(home / top) and (home / top / "__init__.py").exists()
    if inside and (top == name or src or _configured(pyproject)):
        return True, f"the package {top}, installed", f"[build-system] in {pyproject.file.name}"
    return False, plain[0], f"the app is not in a package called {name}" if name else "the project has no name"


def _poetry_name(pyproject: PyProject) -> str | None:
    name = pyproject.table("tool", "poetry").get("name")
    return name.replace("-", "_").lower() if isinstance(name, str) else None


def _configured(pyproject: PyProject) -> bool:
    """Tell whether the file says which packages are built."""
    return any(
        pyproject.table("tool", *keys)
        for keys in (("hatch", "build"), ("setuptools", "packages"), ("poetry", "packages"), ("pdm", "build"))
        if not isinstance(pyproject.table("tool", *keys[:-1]).get(keys[-1]), list)
    ) or isinstance(pyproject.table("tool", "poetry").get("packages"), list)


def opened_outside(root: Path, pyproject: PyProject | None, app: App, named: Iterable[NamedFile]) -> NamedFile | None:
    """Return a file that the package opens and that is not installed with it, so that it has to lie in its folder.

    Of what is relative to its own code, that is all outside of the package; and with setuptools whatever is no Python,
    unless the project says that data is packaged: https://setuptools.pypa.io/en/latest/userguide/datafiles.html.
    """
    if pyproject is None or app.file is None:
        return None
    home = "src/" if "src" in app.folders else ""
    package = f"{home}{app.name.partition(':')[0].partition('.')[0]}/"
    options = pyproject.table("tool", "setuptools")
    unsaid = "setuptools" in str(pyproject.table("build-system").get("requires", "setuptools")) and not (
        "package-data" in options or (root / "MANIFEST.in").exists() or (root / "setup.cfg").exists()
    )
    for found in named:
        if found.own and (unsaid or not found.path.startswith(package)) and (root / found.path).exists():
            return found
    return None


def needed(pyproject: PyProject) -> Iterator[str]:
    """Yield the files that building the package takes, beside its code."""
    table = pyproject.table("project")
    for entry in (table.get("readme"), table.get("license")):
        name = entry.get("file") if isinstance(entry, dict) else entry
        if isinstance(name, str) and (pyproject.root / name).is_file():
            yield name


def build_requirements(pyproject: PyProject | None) -> list[str]:
    """Return what the build system requires."""
    listed = pyproject.table("build-system").get("requires", ()) if pyproject else ()
    return [str(line) for line in listed] if isinstance(listed, list) else []

"""What stays out of the image, and out of what is copied while developing."""

from pathlib import PurePosixPath
from typing import NamedTuple

import pathspec

from asgictl.scaffold.detected import Project
from asgictl.scaffold.request import ScaffoldRequest

_IGNORED = (
    *("# version control, editors", ".git", ".gitignore", ".github", ".idea", ".vscode", "**/.DS_Store"),
    *("# Python", "**/__pycache__", "**/*.py[cod]", ".venv", "venv", "env", ".tox", ".nox", "**/.mypy_cache"),
    *(
        "**/.pytest_cache",
        "**/.ruff_cache",
        "**/.hypothesis",
        ".coverage*",
        "htmlcov",
        "build",
        "dist",
        "**/*.egg-info",
    ),
    *("# data, documents, tests", "**/*.sqlite3", "**/*.log", "tests", "docs", "**/node_modules"),
    *(
        "# these files",
        "Dockerfile*",
        ".dockerignore",
        "compose*.y*ml",
        "docker-compose*.y*ml",
        "Caddyfile",
        "k8s.yaml",
    ),
    *("*.service", "*.socket", "**/*.before-scaffold*"),
)


class Watched(NamedTuple):
    """A folder to copy from while developing, the one to copy to, and what is left out."""

    source: str
    target: str
    ignored: tuple[str, ...]


def ignored(project: Project, request: ScaffoldRequest) -> tuple[str, ...]:
    """Return the lines for `.dockerignore`, without those that would hit what the image needs."""
    app = _app_file(project)
    needed = [*project.deps.files, *([app] if app else [])]
    lines = [line for line in _IGNORED if line.startswith("#") or not any(matches([line], file) for file in needed)]
    if request.index_secret and not request.index_secret.startswith(("/", "~", "..")):
        lines.insert(0, PurePosixPath(request.index_secret).as_posix())
    return tuple(lines)


def matches(lines: list[str], path: str) -> bool:
    """Tell whether `.dockerignore` lines leave out `path`: the last line that fits it, or a folder above, decides.

    https://docs.docker.com/build/concepts/context/#syntax: unlike in a `.gitignore`, every line begins at the root.
    """
    rooted = []
    for line in lines:
        text = line.strip()
        if text and not text.startswith("#"):
            negated = text.startswith("!")
            bare = text.removeprefix("!").strip().removeprefix("./").lstrip("/").rstrip("/")
            rooted.append(f"{'!' if negated else ''}/{bare}")
    return pathspec.PathSpec.from_lines("gitignore", rooted).match_file(path)


def watched(project: Project, workdir: str) -> Watched:
    """Return what to follow: the folder that the app's package is in, or everything for an app at the root."""
    file = _app_file(project)
    top = file.partition("/")[0] if file and "/" in file else None
    usual = ("**/__pycache__/",)
    if top is None:
        return Watched(".", workdir, (".git/", ".venv/", "venv/", "node_modules/", *usual))
    return Watched(f"./{top}", f"{workdir}/{top}", usual)


def _app_file(project: Project) -> str | None:
    file = project.app.file
    return file.relative_to(project.root).as_posix() if file and file.is_relative_to(project.root) else None

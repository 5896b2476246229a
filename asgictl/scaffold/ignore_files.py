"""What stays out of the image, and out of what is copied while developing."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

import pathspec

from asgictl.errors import FileProblemError
from asgictl.scaffold.accepted import PATH
from asgictl.scaffold.project import Project
from asgictl.scaffold.request import NAMES, ScaffoldRequest

# Never in an image: what unlocks something.
SECRETS = (
    *("**/.env", "**/.env.*", "!**/.env.example", "**/*.env", "**/*.pem", "**/*.key", "**/*.p12", "**/*.pfx"),
    *("**/*.jks", "**/*.keystore", "**/id_rsa", "**/id_ecdsa", "**/id_ed25519", "**/.ssh", "**/.aws", "**/.netrc"),
    *("**/netrc", "**/pip.conf", "**/.pypirc", "**/credentials.json", "**/service-account*.json", "secrets"),
)
USUAL = (
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
        *(name for name in NAMES if not name.startswith(("Dockerfile", "compose."))),
    ),
    *("*.service", "*.socket", "**/*.before-scaffold*", "**/.*.asgictl-new"),
)


class Watched(NamedTuple):
    """A folder to copy from while developing, the one to copy to, and what is left out."""

    source: str
    target: str
    ignored: tuple[str, ...]


def ignored(project: Project, request: ScaffoldRequest) -> tuple[str, ...]:
    """Return the lines for `.dockerignore`, without those that would hit what the image needs."""
    app = _app_file(project)
    home = project.deps.home
    own = [*project.needed, *([app] if app else [])]
    needed = [*project.deps.files, *_placed(project, own)]
    packages = _placed(project, (folder for folder in project.folders if folder != "tests"))
    opened = (it.path for it in project.named if PATH.fullmatch(it.path))
    named = _placed(project, (path for path in opened if not request.on_volume(f"{request.workdir}/{path}")))
    lines = [
        line
        for line in (_below(home) if home else USUAL)
        if line.startswith("#")
        or (line not in {*packages, *named} and not any(matches([line], file) for file in needed))
    ]
    kept = _placed(project, (inside for it in request.volumes if (inside := it.inside(request.workdir))))
    left = left_out([*lines, *kept])
    # With what SQLite puts beside a file, https://www.sqlite.org/tempfiles.html, and older logs.
    machine = _placed(project, (it.path for it in project.of_machine))
    here = [line for path in machine for line in (path, f"{path}.*" if path.endswith(".log") else f"{path}-*")]
    here = [line for line in here if not left(line)]
    return (
        *lines,
        *(["# on volumes", *kept] if kept else []),
        *(f"!{path}" for path in named if left(path)),
        *(["# databases and logs of this machine", *here] if here else []),
    )


def secrets(project: Project, request: ScaffoldRequest) -> tuple[str, ...]:
    """Return the lines for what unlocks something, which come last: nothing above may let it in."""
    own = _placed(project, filter(None, [secret_inside(request)]))
    return (*SECRETS, *own, *(f"!{path}" for path in _placed(project, project.public)))


def _placed(project: Project, paths: Iterable[str]) -> list[str]:
    """Return paths of the project as the build's context has them."""
    home = project.deps.home
    return [f"{home}/{path}" if home else path for path in paths]


def _below(home: str) -> Iterator[str]:
    """Yield the lines for a project in the folder `home` of the context: what holds on top holds there as well."""
    for line in USUAL:
        yield line
        if not line.startswith(("#", "**/")):
            yield f"{home}/{line}"


def secret_inside(request: ScaffoldRequest) -> str | None:
    """Return the file with the index's password, where it lies in the project."""
    secret = request.index_secret
    return None if secret is None or secret.startswith(("/", "~", "..")) else PurePosixPath(secret).as_posix()


def matches(lines: list[str], path: str) -> bool:
    """Tell whether `.dockerignore` lines leave out `path`."""
    return left_out(lines)(path)


def left_out(lines: Iterable[str]) -> Callable[[str], bool]:
    """Return a test for paths that `.dockerignore` lines leave out: the last that fits one or a folder above decides.

    https://docs.docker.com/build/concepts/context/#syntax: unlike in a `.gitignore`, every line begins at the root.
    """
    rooted = []
    for line in lines:
        text = line.strip()
        if text and not text.startswith("#"):
            negated = text.startswith("!")
            bare = text.removeprefix("!").strip().removeprefix("./").lstrip("/").rstrip("/")
            rooted.append(f"{'!' if negated else ''}/{bare}")
    try:
        # Called "gitignore" since pathspec 1.0, "gitwildmatch" before.
        patterns = pathspec.GitIgnoreSpec.from_lines(rooted).patterns
    except (ValueError, re.error) as error:
        problem = f"`.dockerignore` has a line that is no pattern: {error}"
        raise FileProblemError(problem, hint="put that line right") from error
    return pathspec.PathSpec(patterns).match_file


def watched(project: Project, workdir: str) -> Watched:
    """Return what to follow: the folder of the package, or of `src`, or else everything."""
    file = _app_file(project)
    inside = project.package or "src" in project.app.folders
    top = file.partition("/")[0] if file and "/" in file and inside else None
    usual = ("**/__pycache__/",)
    if top is None:
        return Watched(".", workdir, (".git/", ".venv/", "venv/", "node_modules/", *usual))
    return Watched(f"./{top}", f"{workdir}/{top}", usual)


def _app_file(project: Project) -> str | None:
    file = project.app.file
    return file.relative_to(project.root).as_posix() if file and file.is_relative_to(project.root) else None

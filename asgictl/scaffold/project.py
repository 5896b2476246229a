"""What was found out about a project, each answer with the place that it was read from."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

DependencyKind = Literal["requirements", "uv", "poetry", "pdm", "pipenv", "pylock", "pyproject", "none"]
Runner = Literal["asgictl", "uvicorn"]
KINDS: tuple[DependencyKind, ...] = get_args(DependencyKind)


class Finding(NamedTuple):
    """One answer, for people: `source` is a file with its line, an option, or the reason for a default."""

    topic: str
    value: str
    source: str


class Dependencies(NamedTuple):
    """Where the dependencies come from.

    `files` are those that installing them needs, relative to the build's context, in which the project lies in the
    folder `home`, if that is not the context itself. `pinned` has the normalised names of all that the project
    declares, or its lock lists, with the version where one is fixed, and `ranges` what narrows the version of others.
    `local` tells that installing them needs the project's own source, `git` that it needs that program. `member` is
    the project's name in the lock of a workspace of uv's; `folders` are those that a lock of Poetry's or PDM's
    installs from. `extras` are like `psycopg-c` for `psycopg[c]`; `ssh` tells that a repository is asked over SSH.
    """

    kind: DependencyKind
    files: tuple[str, ...]
    pinned: Mapping[str, str | None]
    local: bool = False
    git: bool = False
    home: str = ""
    member: str | None = None
    folders: tuple[str, ...] = ()
    ranges: Mapping[str, str] = MappingProxyType({})
    extras: frozenset[str] = frozenset()
    ssh: bool = False


class App(NamedTuple):
    """The app to run, and the package of its framework where that is known.

    `folders` are the entries that `sys.path` needs beside the root, relative to it. `given` is how
    the user has named it, as seen from the root.
    """

    name: str
    interface: str
    framework: str | None
    factory: bool
    folders: tuple[str, ...]
    settings: str | None
    file: Path | None
    given: str | None = None


class Health(NamedTuple):
    """The path to ask; `strict` if anything but a good answer is a bad sign."""

    path: str
    strict: bool


class Statics(NamedTuple):
    """Django's static files are collected at the build, for which the settings read these `variables`."""

    variables: tuple[str, ...]


class SystemPackages(NamedTuple):
    """Debian packages that dependencies need: to be built, and to run."""

    build: tuple[str, ...] = ()
    runtime: tuple[str, ...] = ()


class Project(NamedTuple):
    """All that the files depend on.

    `package` tells that the app is in a package that is to be installed, `folders` are
    packages at the root, `needed` are files that building the package takes. `server_from` is where asgictl is
    installed from, if not from the index.
    """

    root: Path
    name: str
    python: str
    deps: Dependencies
    app: App
    package: bool
    health: Health
    websockets: bool
    statics: Statics | None
    apt: SystemPackages
    folders: tuple[str, ...]
    needed: tuple[str, ...]
    in_git: bool
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    runner: Runner = "asgictl"
    server_from: str | None = None

    @property
    def context(self) -> Path:
        """The folder that the image is built from."""
        return (self.root / self.up).resolve()

    @property
    def up(self) -> str:
        """The way from the project to the build's context."""
        return "/".join([".."] * len(Path(self.deps.home).parts)) or "."

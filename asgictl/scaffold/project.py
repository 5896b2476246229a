"""What was found out about a project, each answer with the place that it was read from."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

DependencyKind = Literal["requirements", "uv", "poetry", "pdm", "pipenv", "pylock", "pyproject", "none"]
Runner = Literal["asgictl", "uvicorn"]
KINDS: tuple[DependencyKind, ...] = get_args(DependencyKind)


class Detected(NamedTuple):
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
    installs from, or a list of requirements names. `extras` are like `psycopg-c` for `psycopg[c]`; `ssh` tells that a
    repository is asked over SSH.
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
    the user has named it, as seen from the root. `desk` are Django's settings for development, where those are others.
    """

    name: str
    interface: str
    framework: str | None
    factory: bool
    folders: tuple[str, ...]
    settings: str | None
    file: Path | None
    given: str | None = None
    desk: str | None = None


class Health(NamedTuple):
    """The path to ask; `strict` if anything but a good answer is a bad sign."""

    path: str
    strict: bool


class Asking(NamedTuple):
    """How a check asks: by a `host` that the app lets in, as a proxy does that speaks `https`.

    `live` is a path that tells whether the app lives, `ready` one that tells whether it takes requests, where those
    are two.
    """

    host: str | None = None
    https: bool = False
    live: str | None = None
    ready: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What the proxy in front would send."""
        return {
            **({"Host": self.host} if self.host else {}),
            **({"X-Forwarded-Proto": "https"} if self.https else {}),
        }


class NamedFile(NamedTuple):
    """A file or folder that the source names, relative to the root, and where; `own` if relative to that place.

    `kept_out` are databases and logs, which are of no use in an image.
    """

    path: str
    place: str
    own: bool = False
    kept_out: bool = False


class Statics(NamedTuple):
    """Django's static files are collected at the build by `manage`, a path from the root.

    The settings read `variables`, each of them with its type there, like `int` or `db_url`. `outside` is the folder
    that the files get into where it is not one of the project's.
    """

    variables: Mapping[str, str]
    manage: str = "manage.py"
    outside: str | None = None


class Migrations(NamedTuple):
    """The command that brings the database up to date, once for each version, and the file that tells of it."""

    command: tuple[str, ...]
    source: str


class SystemPackages(NamedTuple):
    """Debian packages that dependencies need: to be built, and to run."""

    build: tuple[str, ...] = ()
    runtime: tuple[str, ...] = ()


class Project(NamedTuple):
    """All that the files depend on.

    `package` tells that the app is in a package that is to be installed, `folders` are
    packages at the root, `needed` are files that building the package takes. `named` is what the source opens,
    `of_machine` are databases and logs that it writes, which stay out of the image, `public` those certificates that
    are no secrets; `from_source` tells that a package is imported from its folder, though it is installed, for it
    opens what lies outside. `siblings` are the folders, as seen from the root, from which other libraries of the
    repository are imported that it depends on. `server_from` is where asgictl is installed from, if not from the
    index. `affinity` is what keeps a client's state in the process between requests, like `app.py:7, Socket.IO`.
    `variables` are those without which the app does not load, with their places.
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
    findings: tuple[Detected, ...]
    notes: tuple[str, ...]
    migrations: Migrations | None = None
    named: tuple[NamedFile, ...] = ()
    of_machine: tuple[NamedFile, ...] = ()
    public: tuple[str, ...] = ()
    from_source: bool = False
    asking: Asking = Asking()
    runner: Runner = "asgictl"
    server_from: str | None = None
    affinity: str | None = None
    interpreters: tuple[str, ...] = ()
    variables: Mapping[str, str] = MappingProxyType({})
    siblings: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """What longer names begin with: engines take 64 characters for that of a config, Kubernetes 63 for a Job's."""
        return self.name[:40].rstrip("-")

    @property
    def context(self) -> Path:
        """The folder that the image is built from."""
        return (self.root / self.up).resolve()

    @property
    def up(self) -> str:
        """The way from the project to the build's context."""
        return "/".join([".."] * len(Path(self.deps.home).parts)) or "."

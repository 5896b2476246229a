"""Where apps lie in a project: which folders and files are usual, and what is not the project's own."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl import pyproject, reading

# The files that hold an app in most projects, the likeliest first.
FILES = ("main", "app", "api", "asgi", "server", "application", "wsgi", "run")

# The variables, and the files of a project, that may name its app.
VARIABLES = ("FLASK_APP", "QUART_APP", "LITESTAR_APP")
DOTENV = (".env", ".flaskenv")
PROCFILE = "Procfile"
DOCKERFILES = ("Dockerfile", "Containerfile")
COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
MAKEFILES = ("Makefile", "makefile", "GNUmakefile", "justfile", "Justfile")
GUNICORN = "gunicorn.conf.py"
CLAIMING = frozenset((*DOTENV, PROCFILE, GUNICORN, *DOCKERFILES, *COMPOSE, *MAKEFILES))

# What says that a folder holds a Python project.
_MANIFESTS = (
    *("pyproject.toml", "setup.cfg", "Pipfile", "poetry.lock", "uv.lock", "pdm.lock", "manage.py", "environment.yml"),
    *("Pipfile.lock", "pixi.toml", "pixi.lock", "pylock.toml", "Procfile"),
)

# The ranks of places: this folder, `app/`, `src/`, the project's package; other packages; files of any name here, and
# folders that are no packages; what is deeper, and called by no usual name.
HERE, APP, SRC, OWN, OTHER, STRAY, FAR = range(7)

# Folders of several projects, each of which is one for itself.
SHELVES = frozenset(("services", "apps", "packages", "projects", "microservices", "src"))

# What is never looked into, and what holds apps that are not the project's own.
_NEVER = frozenset(("node_modules", "site-packages", "__pycache__", "build", "dist", "venv", "env", "virtualenv"))
_ASIDE = frozenset(
    (
        *("alembic", "bench", "benchmark", "benchmarks", "cookbook", "doc", "docs", "docs_src", "example", "examples"),
        *("fixtures", "migrations", "notebooks", "sample", "samples", "scripts", "test", "testing", "tests"),
        *("third_party", "tools", "tutorial", "tutorials", "vendor", "versions"),
    )
)
_ASIDE_WORDS = frozenset(("test", "tests", "example", "examples", "benchmarks"))
_ASIDE_FILES = frozenset(("conftest.py", "setup.py", "noxfile.py", "fabfile.py"))

# So many folders beside each other are looked into at the most.
_FOLDERS = 500


class Folder(NamedTuple):
    """A folder of modules: the lower `rank`, the better."""

    folder: Path
    rank: int


def places(folder: Path, around: pyproject.PyProject | None) -> Iterator[Folder]:
    """Yield the folders to look into, the best first."""
    src = folder / "src"
    names = [folder.name]
    if around and around.root == folder and around.package:
        names.insert(0, around.package)
    own = [base / name for name in dict.fromkeys(names) for base in (src, folder)]
    others = [*_packages(src), *_packages(folder)]
    ranked = [(folder, HERE), (folder / "app", APP), (src, SRC), *((place, OWN) for place in own)]
    alone = len(_packages(src)) == 1
    for place in others:
        is_package = reading.exists(place / "__init__.py")
        rank = OWN if alone and place.parent == src else OTHER if is_package and place.parent == folder else STRAY
        ranked.append((place, rank))
        ranked += [(it, rank) for it in _packages(place) if not is_package]
    done: set[Path] = set()
    for place, rank in ranked:
        if place not in done and reading.is_dir(place):
            done.add(place)
            yield Folder(place, rank)


def _packages(folder: Path) -> list[Path]:
    """Return the folders in `folder` that may be packages, or projects of their own."""
    try:
        entries = sorted(folder.iterdir()) if reading.is_dir(folder) else []
    except OSError:
        return []
    return [
        entry
        for entry in entries[:_FOLDERS]
        if reading.is_dir(entry)
        and not is_left_out(entry.name)
        and not _is_aside_name(entry.name)
        and not reading.exists(entry / "pyvenv.cfg")
    ]


def place_of(file: Path, folder: Path, known: dict[Path, Folder]) -> Folder:
    """Return the place of a module that is in none of the `known` places by its name."""
    if file.parent == folder:
        return Folder(file.parent, STRAY)
    near = known.get(file.parent)
    if near is not None and near.rank != HERE:
        return near
    stem = file.parent.name if file.name == "__init__.py" else file.stem
    if stem in FILES or stem == file.parent.name:
        around = next((known[place].rank for place in file.parents if place in known), STRAY)
        return Folder(file.parent, OTHER if reading.is_file(file.parent / "__init__.py") and around != STRAY else STRAY)
    return Folder(file.parent, FAR)


def is_left_out(name: str) -> bool:
    """Tell whether a folder called `name` is never looked into: hidden, made by a tool, or a template of a project."""
    return name.startswith(".") or name in _NEVER or "{" in name


def is_aside(file: Path, folder: Path) -> bool:
    """Tell whether a file is one of tests, examples, documentation or migrations."""
    if file.name in _ASIDE_FILES or file.name.startswith("test_") or file.name.endswith("_test.py"):
        return True
    return any(map(_is_aside_name, file.relative_to(folder).parts[:-1]))


def _is_aside_name(name: str) -> bool:
    """Tell whether a folder is called like one of tests, examples, documentation or migrations: `e2e-tests`, too."""
    return name.lower() in _ASIDE or not _ASIDE_WORDS.isdisjoint(re.split(r"[-_]", name.lower()))


def has_manifest(folder: Path) -> bool:
    """Tell whether a file in `folder` says that it holds a Python project."""
    return any(reading.exists(folder / name) for name in _MANIFESTS) or any(folder.glob("requirements*.txt"))

"""How much of a project is looked at for an app, where, and what is said where it was too much."""
# ruff: noqa: E501  # one case a line reads better

import itertools
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from asgictl.discovery import AppRef, find, places, scan, search
from asgictl.discovery.declared import django_project
from asgictl.discovery.scan import Scan
from asgictl.discovery.source import modules, project_files
from asgictl.errors import AsgictlError, ConfigError, StartError
from tests.conftest import Write

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
NAMELESS = "name yours as `module:attribute`; `asgictl serve demo` shows the bundled app"


def look(folder: Path) -> AppRef:
    """Find the app of a folder."""
    return find(None, folder, {}, lambda _: None)


def refused(folder: Path) -> AsgictlError:
    """Return the error of a folder without an app that can be served, with the folder's path left out."""
    with pytest.raises(AsgictlError) as caught:
        look(folder)
    caught.value.message = caught.value.message.replace(f"{folder}/", "").replace(str(folder), "{}")
    return caught.value


def scanned(folder: Path, *words: str, known: tuple[str, ...] = ()) -> tuple[list[str], str | None, list[str]]:
    """Return the modules that a scan yields, why it was cut, and what it told."""
    told: list[str] = []
    scanner = Scan(folder, told.append)
    found = scanner.modules([folder / name for name in known], words)
    return [file.relative_to(folder).as_posix() for file in found], scanner.cut, told


FIVE = {f"lib/m{number}.py": FASTAPI for number in range(5)}


@pytest.mark.parametrize(
    ("limit", "value", "expected", "cut"),
    [
        ("_READ", 5, 5, None),
        ("_READ", 2, 2, "only 2 modules were looked at"),
        ("_BYTES", 4 * len(FASTAPI), 5, None),
        ("_BYTES", 2 * len(FASTAPI) - 1, 2, "only 2 modules were looked at"),
        ("_ENTRIES", 6, 5, None),
        ("_ENTRIES", 5, 0, "only 1 files were looked at"),
    ],
)
def test_how_much_is_looked_at(
    write: Write, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, expected: int, cut: str | None
) -> None:
    """So many files, modules and bytes are looked at, and what was left is told."""
    folder = write(FIVE)
    monkeypatch.setattr(scan, limit, value)

    assert scanned(folder) == (list(FIVE)[:expected], cut, [cut] if cut else [])


def test_how_long_it_is_looked(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search ends after two seconds, with a note to the app that it has found, or in the error."""
    folder = write(FIVE)
    clock = iter((10.0, 11.9, 12.0, 12.01))
    monkeypatch.setattr(scan, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    assert scanned(folder) == (list(FIVE)[:2], "only 2 modules were looked at", ["only 2 modules were looked at"])
    monkeypatch.undo()
    monkeypatch.setattr(scan, "_READ", 1)
    ref = look(write({"lib/m0.py": FASTAPI}))
    assert (str(ref), ref.notes) == ("lib.m0:app", ("only 1 modules were looked at",))
    (folder / "lib/m0.py").write_text("x = 1\n")
    error = refused(folder)
    assert (error.message, error.hint) == (
        "no app was found in `{}`: its module holds none (only 1 modules were looked at)",
        NAMELESS,
    )


def test_what_is_too_large_or_none(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is too large is passed over, and one that cannot be read is told of."""
    folder = write({"a.py": FASTAPI, "b.py": FASTAPI + "#"})
    os.mkfifo(folder / "c.py")
    (folder / "d.py").mkdir()
    monkeypatch.setattr(scan, "_LARGEST", len(FASTAPI))

    assert scanned(folder) == (
        ["a.py"],
        None,
        [
            f"`b.py` is passed over: it is larger than {len(FASTAPI)} bytes",
            "`c.py` cannot be read: it is not a regular file",
        ],
    )


def test_a_folder_that_cannot_be_listed(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be read is passed over, which is told with the reason."""
    folder = write({"a/web.py": FASTAPI, "b/web.py": FASTAPI})
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path == str(folder / "a"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)

    assert scanned(folder) == (["b/web.py"], None, [f"`{folder}/a` is passed over: Permission denied"])


def test_modules_that_import_no_framework(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here every module is looked at, up to a number; below only what may hold an app, or a word that makes one."""
    folder = write(
        {"a.py": "", "b.py": "", "c.py": "", "lib/d.py": "x = build()\n", "lib/e.py": FASTAPI, "lib/f.py": ""}
    )
    assert scanned(folder) == (["a.py", "b.py", "c.py", "lib/e.py"], None, [])
    assert scanned(folder, "build(", known=("a.py", "lib/e.py")) == (["b.py", "c.py", "lib/d.py"], None, [])
    monkeypatch.setattr(scan, "_HERE_READ", 2)
    assert scanned(folder) == (["a.py", "b.py", "lib/e.py"], None, [])

    scanner = Scan(folder, lambda _: None)
    assert [file.name for file in scanner.modules((), ())] == ["a.py", "b.py", "e.py"]
    assert scanner.read == 6
    assert [file.name for file in scanner.again(["build("])] == ["d.py"]
    assert list(scanner.again(["build("])) == []


TELLING = {
    "from fastapi import FastAPI": True,
    "import fastapi.applications\nfastapi.FastAPI()": True,
    "import fastapi, os\nfastapi.FastAPI()": True,
    "import fastapi as f\nf.FastAPI()": True,
    "import os, fastapi.applications as f\nf.FastAPI()": True,
    "import fastapi\r\nfastapi.FastAPI()": True,
    "import fastapi; fastapi.FastAPI()": True,
    "    import fastapi\n    fastapi.FastAPI()": True,
    "x = 1 ;import fastapi\nfastapi.FastAPI()": False,
    "import fastapi\nfastapi.APIRouter()": False,
    "from fastapi import APIRouter": False,
    "import fast\nFastAPI()": False,
    "FastAPI()": False,
    "from flask import Flask": True,
    "from starlette.applications import Starlette": True,
    "from whitenoise import WhiteNoise": True,
    "from aiohttp import web\nweb.Application()": True,
    "import streamlit as st": True,
    "from shiny.express import ui": True,
    "async def app(scope, receive, send): ...": True,
    "async def app(scope, receive): ...": False,
    "def app(environ, start_response): ...": True,
    "def app(environ, respond): ...": False,
    "": False,
}


@pytest.mark.parametrize("text", TELLING)
def test_which_modules_are_read(write: Write, text: str) -> None:
    """A module below is read when it imports a framework and names its app, or holds what a server calls."""
    assert scanned(write({"lib/a.py": f"{text}\n"}))[0] == (["lib/a.py"] if TELLING[text] else [])


LEFT_OUT = [
    "node_modules",
    "site-packages",
    "__pycache__",
    "build",
    "dist",
    "venv",
    "env",
    "virtualenv",
    ".hidden",
    "{{ name }}",
]


@pytest.mark.parametrize("name", LEFT_OUT)
def test_folders_that_are_left_out(write: Write, name: str) -> None:
    """What tools have made, hidden folders and templates are not the project's own, wherever they are."""
    folder = write({f"{name}/main.py": FASTAPI, f"lib/{name}/main.py": FASTAPI, "lib/x.txt": ""})

    assert scanned(folder) == ([], None, [])
    ref = look(folder)
    assert (str(ref), ref.looked) == ("asgictl.demo:app", ("this folder", "lib/"))


def test_an_environment_of_any_name(write: Write) -> None:
    """A virtual environment is left out, whatever it is called."""
    folder = write({"py/pyvenv.cfg": "", "py/main.py": FASTAPI, "py/lib/main.py": FASTAPI})

    assert scanned(folder) == ([], None, [])
    assert str(look(folder)) == "asgictl.demo:app"


ASIDE = """
    alembic bench benchmark benchmarks cookbook doc docs docs_src example examples fixtures migrations notebooks sample
    samples scripts test testing tests third_party tools tutorial tutorials vendor versions Tests e2e-tests unit_test
    my-example some_examples old-benchmarks
"""
ASIDE_FILES = "conftest.py setup.py noxfile.py fabfile.py test_web.py web_test.py"


@pytest.mark.parametrize("place", [*(f"{name}/web.py" for name in ASIDE.split()), *ASIDE_FILES.split()])
def test_what_is_not_the_projects_own(write: Write, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """An app among tests, examples, documentation and the like is named, and never taken."""
    folder = write({place: FASTAPI})
    monkeypatch.chdir(folder)

    error = refused(folder)

    assert (error.message, error.hint) == (
        f"no app was found in `{{}}`: `{place}` holds `app` (FastAPI), line 2",
        f"serve it: `asgictl serve {place}`",
    )
    (folder / "shop.py").write_text(FASTAPI)
    assert str(look(folder)) == "shop:app"


@pytest.mark.parametrize("place", ["latest/web.py", "contest/web.py", "tested/web.py", "toolshop/web.py", "attest.py"])
def test_what_only_sounds_like_it(write: Write, place: str) -> None:
    """A folder whose name only holds such a word is the project's own."""
    assert str(look(write({place: FASTAPI}))) == f"{place.removesuffix('.py').replace('/', '.')}:app"


MANIFESTS = """
    pyproject.toml setup.cfg Pipfile poetry.lock uv.lock pdm.lock manage.py environment.yml Pipfile.lock pixi.toml pixi.lock
    pylock.toml Procfile requirements.txt requirements-dev.txt
"""


@pytest.mark.parametrize("name", MANIFESTS.split())
def test_what_says_that_this_is_a_project(write: Write, name: str) -> None:
    """In a Python project without an app the bundled one does not stand in."""
    folder = write({name: ""})

    error = refused(folder)

    assert error.message.startswith("no app was found in `{}`")
    assert (type(error), error.hint) == (StartError, NAMELESS)


@pytest.mark.parametrize("name", ["package.json", "README.md", "dev-requirements.txt", "requirements.in"])
def test_what_does_not(write: Write, name: str) -> None:
    """Where nothing says so, it does."""
    assert str(look(write({name: ""}))) == "asgictl.demo:app"


USUAL = ["main", "app", "api", "asgi", "server", "application", "wsgi", "run"]


@pytest.mark.parametrize(("first", "second"), [*itertools.pairwise(USUAL), ("run", "web")])
def test_the_order_of_usual_files(write: Write, first: str, second: str) -> None:
    """The usual files come in the order that the manual has; those for servers before others."""
    folder = write(
        {
            f"{first}.py": "from fastapi import FastAPI\nsite = FastAPI()\n",
            f"{second}.py": FASTAPI.replace("app =", "site ="),
        }
    )

    assert str(look(folder)) == f"{first}:site"


@pytest.mark.parametrize(("name", "word"), [("asgi", "app"), ("asgi", "api"), ("wsgi", "application"), ("run", "app")])
def test_files_for_servers(write: Write, name: str, word: str) -> None:
    """An object in a file for servers comes before one in `main.py`; one of another name does not."""
    folder = write({f"{name}.py": FASTAPI.replace("app =", f"{word} ="), "main.py": FASTAPI})
    assert str(look(folder)) == f"{name}:{word}"

    (folder / f"{name}.py").write_text(FASTAPI.replace("app =", "site ="))
    assert str(look(folder)) == "main:app"


def test_api_in_run_is_for_nobody(write: Write) -> None:
    """What is called `api` in `run.py` is an object like others."""
    folder = write({"run.py": FASTAPI.replace("app =", "api ="), "main.py": FASTAPI})

    assert str(look(folder)) == "main:app"


def test_so_many_are_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many apps that rank alike, of many that are none, and of many tests, the first are named."""
    many = {f"m{number}.py": FASTAPI for number in range(6)}
    error = refused(write(many))
    listed = "; ".join(f"`m{number}:app` (FastAPI) in `m{number}.py`, line 2" for number in range(4))
    assert (type(error), error.message, error.hint) == (
        ConfigError,
        f"`{{}}` holds 6 apps that rank alike: {listed}, and 2 more",
        "name one: `asgictl serve m0:app`",
    )
    folder = write(dict.fromkeys(many, "import typer\napp = typer.Typer()\n"))
    listed = "; ".join(f"`m{number}.py` holds `app` (typer.Typer, not a web app), line 2" for number in range(4))
    assert refused(folder).message == f"no app was found in `{{}}`: {listed}, and 2 more"

    folder = write(dict.fromkeys(many, "x = 1\n") | {f"tests/{name}": FASTAPI for name in many})
    listed = "; ".join(f"`tests/m{number}.py` holds `app` (FastAPI), line 2" for number in range(4))
    assert refused(folder).message == f"no app was found in `{{}}`: {listed}, and 2 more"
    monkeypatch.setattr(search, "_ASIDE_READ", 2)
    listed = "; ".join(f"`tests/m{number}.py` holds `app` (FastAPI), line 2" for number in range(2))
    assert refused(folder).message == f"no app was found in `{{}}`: {listed}"


def test_modules_without_an_app(write: Write) -> None:
    """Where no module holds an app, and none has a usual name, they are counted."""
    folder = write({"lib/a.py": "x = 1\n"})
    assert refused(folder).message == "no app was found in `{}`: its module holds none"
    write({"lib/b.py": "x = 1\n", "lib/c.py": ""})
    assert refused(folder).message == "no app was found in `{}`: none of its 3 modules holds one"


def test_what_else_would_match(write: Write) -> None:
    """The first few of what would have matched next are named, and what is worse is not."""
    folder = write({f"{name}.py": FASTAPI for name in USUAL} | {"other.py": "def create_app(): ...\n"})
    steps: list[str] = []

    ref = find(None, folder, {}, steps.append)

    assert (str(ref), ref.also) == (
        "asgi:app",
        ("wsgi:app in wsgi.py", "run:app in run.py", "main:app in main.py", "app:app in app.py"),
    )
    assert steps[-7:] == [
        "`wsgi.py:app` loses to `asgi:app`: its name comes first",
        "`run.py:app` loses to `asgi:app`: its name comes first",
        *(
            f"`{name}.py:app` loses to `asgi:app`: an object for servers comes first, then objects, then factories"
            for name in ("main", "app", "api", "server", "application")
        ),
    ]


def test_why_a_place_comes_first(write: Write) -> None:
    """That an app lies in a better place is told."""
    steps: list[str] = []

    ref = find(None, write({"main.py": FASTAPI, "app/main.py": FASTAPI}), {}, steps.append)

    assert str(ref) == "main:app"
    assert steps[-1] == "`app/main.py:app` loses to `main:app`: its place comes first"


def test_so_many_folders_beside_each_other(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of many, so many are looked into as places of their own."""
    folder = write({f"f{number}/x.txt": "" for number in range(3)})
    assert look(folder).looked == ("this folder", "f0/", "f1/", "f2/")
    monkeypatch.setattr(places, "_FOLDERS", 2)
    assert look(folder).looked == ("this folder", "f0/", "f1/")


def test_how_far_names_are_followed(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is followed through so many files, which is more than a project has."""
    chain = {f"m{number}.py": f"from m{number + 1} import site\n" for number in range(5)}
    folder = write({"main.py": "from m0 import site as app\n", **chain, "m5.py": FASTAPI.replace("app =", "site =")})

    def home() -> str:
        known = project_files.Sources(modules.follow(folder))
        names = known.home(known.source(folder / "main.py"), "app")[0]
        assert names is not None
        return names.file.name

    assert home() == "m5.py"
    monkeypatch.setattr(project_files, "DEPTH", 6)
    assert home() == "m5.py"
    monkeypatch.setattr(project_files, "DEPTH", 5)
    assert home() == "m4.py"


def test_how_far_settings_are_followed(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a Django project are found through so many files that `manage.py` imports."""
    chain = {"manage.py": "import a\n", "a.py": "import b\n", "b.py": "import c\n"}
    named = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n"
    folder = write({**chain, "c.py": named, "site1/settings.py": "", "site1/asgi.py": "application = None\n"})

    ref = look(folder)

    assert (str(ref), ref.found) == ("site1.asgi:application", "the Django project of manage.py and c.py")
    monkeypatch.setattr(django_project, "_DEPTH", 2)
    assert refused(folder).hint == NAMELESS

"""What `scaffold` finds out about a project, and where it says that it has read it."""

import json
from typing import Any

import pytest

from asgictl.errors import AsgictlError, ConfigError, FileProblemError, StartError
from asgictl.scaffold.detect import detect
from asgictl.scaffold.project import Project
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import APP, Lay, found, refused

PROJECT = '[project]\nname = "x"\ndependencies = ["fastapi"]\n'
UV = 'version = 1\n[[package]]\nname = "Fast_API"\nversion = "1.0"\n'


@pytest.mark.parametrize(
    ("files", "kind", "source"),
    [
        ({}, "none", "nothing declares any"),
        ({"requirements.txt": "fastapi"}, "requirements", "requirements.txt"),
        ({"requirements/prod.txt": "fastapi"}, "requirements", "requirements/prod.txt"),
        ({"uv.lock": UV, "pyproject.toml": PROJECT}, "uv", "uv.lock"),
        ({"poetry.lock": "", "pyproject.toml": "[tool.poetry]\n"}, "poetry", "poetry.lock"),
        ({"pdm.lock": "", "pyproject.toml": PROJECT}, "pdm", "pdm.lock"),
        ({"Pipfile.lock": "{}", "Pipfile": ""}, "pipenv", "Pipfile.lock"),
        ({"pylock.toml": ""}, "pylock", "pylock.toml"),
        ({"pylock.toml": "", "pyproject.toml": PROJECT}, "pylock", "pylock.toml"),
        ({"pyproject.toml": PROJECT}, "pyproject", "pyproject.toml"),
        ({"pyproject.toml": "[tool.ruff]\n", "requirements.txt": ""}, "requirements", "requirements.txt"),
        (
            {"uv.lock": UV, "pyproject.toml": PROJECT, "requirements.txt": "# This file was made by: uv export\n"},
            "uv",
            "uv.lock; requirements.txt was exported from it",
        ),
        (
            {"uv.lock": UV, "pyproject.toml": PROJECT, "pylock.toml": 'lock-version = "1.0"\ncreated-by = "uv"\n'},
            "uv",
            "uv.lock; pylock.toml was exported from it",
        ),
        (
            {"pyproject.toml": PROJECT, "requirements.txt": "# by the command:\n#    pip-compile pyproject.toml\n"},
            "requirements",
            "requirements.txt",
        ),
    ],
)
def test_dependencies(lay: Lay, files: dict[str, str], kind: str, source: str) -> None:
    """Each kind of lock and list is found, and what was exported from another gives way to it."""
    assert found(lay(files), "dependencies") == (kind, source)


def test_two_places(lay: Lay) -> None:
    """Two locks are an error that lists both and says how to choose; the choice counts."""
    root = lay({"uv.lock": UV, "poetry.lock": "", "pyproject.toml": PROJECT})

    error = refused(root)

    assert isinstance(error, ConfigError)
    assert error.message == "dependencies come from 2 places: `uv.lock`, `poetry.lock`"
    assert error.hint == "choose: --deps uv or --deps poetry"
    assert found(root, "dependencies", deps="poetry") == ("poetry", "poetry.lock, by --deps")


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({}, {"deps": "uv"}, "there is no file for `--deps uv` in"),
        ({}, {"deps": "conda"}, "there is no kind of dependencies `conda`"),
        ({}, {"requirements": "no.txt"}, "there is no file `no.txt`"),
        ({"Pipfile": ""}, {}, "there is a `Pipfile`, and no `Pipfile.lock`"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\nfastapi = '1'\n"}, {}, "and there is no `poetry.lock`"),
        ({"uv.lock": "[[package]\n", "pyproject.toml": PROJECT}, {}, "cannot read `uv.lock`:"),
        ({"uv.lock": "package = 1\n", "pyproject.toml": PROJECT}, {}, "cannot read `uv.lock`:"),
        ({"Pipfile.lock": "[]", "Pipfile": ""}, {}, "cannot read `Pipfile.lock`:"),
        ({"uv.lock": ""}, {}, "`uv.lock` has no `pyproject.toml` beside it"),
        (
            {"requirements.txt": "a\n-r more.txt\n"},
            {},
            "cannot read `more.txt` (line 2 of `requirements.txt`): No such file",
        ),
        ({"requirements.txt": "-r ../../outside.txt\n"}, {}, "cannot read"),
        ({"pyproject.toml": '[project]\nname = "x"\ndependencies = ["?"]\n'}, {}, "`?` in"),
        ({".python-version": "pypy"}, {}, "`pypy` (.python-version:1) is not a version of CPython 3"),
        ({"pyproject.toml": '[project]\nrequires-python = "<3"\n'}, {}, "no Python 3 is <3 (pyproject.toml:2)"),
        ({"pyproject.toml": '[project]\nrequires-python = "new"\n'}, {}, "`new` (pyproject.toml:2) is not a version"),
        ({"pyproject.toml": "["}, {}, "cannot read"),
        ({"requirements.txt": "uvicorn==0.30\n"}, {"runner": "asgictl"}, "uvicorn is 0.30 (>=0.41 is needed)"),
        ({".python-version": "3.10"}, {"runner": "asgictl"}, "Python is 3.10 (3.11 is needed)"),
    ],
)
def test_what_cannot_be(lay: Lay, files: dict[str, str], options: dict[str, Any], message: str) -> None:
    """Each dead end is an error that names the file, and has a hint."""
    assert message in refused(lay(files), **options).message


def test_the_runner_gives_way(lay: Lay) -> None:
    """With plain uvicorn an old uvicorn and an old Python are no matter."""
    root = lay({"requirements.txt": "uvicorn==0.30\n", ".python-version": "3.10"})

    assert found(root, "python", runner="uvicorn") == ("3.10", ".python-version:1")


@pytest.mark.parametrize(
    ("name", "lock", "expected"),
    [
        (
            "uv.lock",
            '[[package]]\nname = "x"\nsource = { virtual = "." }\ndependencies = [{ name = "a", extra = ["more"] }]\n'
            '[package.dev-dependencies]\ndev = [{ name = "asgictl" }]\n'
            '[[package]]\nname = "a"\nversion = "1"\n[package.optional-dependencies]\nmore = [{ name = "b" }]\n'
            '[[package]]\nname = "b"\nversion = "2"\n[[package]]\nname = "asgictl"\nversion = "3"\n',
            {"a": "1", "b": "2"},
        ),
        (
            "poetry.lock",
            '[[package]]\nname = "a"\nversion = "1"\ngroups = ["main"]\n'
            '[[package]]\nname = "asgictl"\nversion = "3"\ngroups = ["dev"]\n'
            '[[package]]\nname = "uvicorn"\nversion = "0.1"\ngroups = ["main"]\noptional = true\n',
            {"a": "1"},
        ),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = "1"\n', {"a": "1"}),
        (
            "pdm.lock",
            '[[package]]\nname = "a"\nversion = "1"\ngroups = ["default"]\n'
            '[[package]]\nname = "asgictl"\nversion = "3"\ngroups = ["dev"]\n',
            {"a": "1"},
        ),
        (
            "pylock.toml",
            '[[packages]]\nname = "a"\nversion = "1"\n'
            '[[packages]]\nname = "asgictl"\nversion = "3"\nmarker = "\'dev\' in dependency_groups"\n',
            {"a": "1"},
        ),
        ("requirements.txt", "a==1\n-c pins.txt\nasgictl==3 ; sys_platform == 'win32'\n", {"a": "1"}),
    ],
)
def test_what_an_image_will_have(lay: Lay, name: str, lock: str, expected: dict[str, str]) -> None:
    """A package that is for development only, optional, a constraint or for Windows is not in the image."""
    root = lay({name: lock, "pyproject.toml": "[tool.poetry]\n", "pins.txt": "asgictl==3\n"})

    assert detect(ScaffoldRequest(), root).deps.pinned == expected


def test_in_a_folder_of_the_project(lay: Lay) -> None:
    """In a subfolder the app of that folder is found, and named as from the root, so that both runs say the same."""
    root = lay(
        {"requirements.txt": "fastapi\n", "backend/main.py": "import words\n" + APP, "backend/words.py": ""}, None
    )

    here = detect(ScaffoldRequest(app="main:app"), root / "backend")
    there = detect(ScaffoldRequest(app="backend/main.py:app"), root)

    assert here.root == root
    assert here.app == there.app
    assert (here.app.given, here.app.folders) == ("backend/main.py:app", ("backend",))


def test_includes(lay: Lay) -> None:
    """What a requirements file includes is needed for the build; comments, markers and options are no names."""
    root = lay(
        {
            "requirements/prod.txt": "-r base.txt\n-c ../pins.txt\nPsycopg2==2.9 ; python_version > '3' # why\n",
            "requirements/base.txt": "-r prod.txt\nfastapi[all]>=0.1 \\\n  --hash=sha256:00\n-e .\n",
            "pins.txt": "uvicorn<1\n",
        }
    )

    deps = detect(ScaffoldRequest(), root).deps

    assert deps.files == ("requirements/prod.txt", "requirements/base.txt", "pins.txt")
    assert deps.pinned == {"psycopg2": "2.9", "fastapi": None}
    assert deps.local


@pytest.mark.parametrize(
    ("files", "options", "expected"),
    [
        ({}, {}, ("3.14", "no file says it: the newest")),
        ({".python-version": "# ours\n3.12.4\n"}, {}, ("3.12", ".python-version:2")),
        ({"runtime.txt": "python-3.11.9"}, {}, ("3.11", "runtime.txt:1")),
        (
            {"pyproject.toml": '[project]\nrequires-python = ">=3.11"\n'},
            {},
            ("3.14", "the newest that pyproject.toml:2 allows"),
        ),
        (
            {"pyproject.toml": '[project]\nrequires-python = ">=3.11,<3.13"\n'},
            {},
            ("3.12", "the newest that pyproject.toml:2 allows"),
        ),
        (
            {"pyproject.toml": "[tool.poetry.dependencies]\npython = '~3.12'\n", "poetry.lock": ""},
            {},
            ("3.12", "pyproject.toml:2"),
        ),
        (
            {"pyproject.toml": "[tool.poetry.dependencies]\npython = '^3.11'\n", "poetry.lock": ""},
            {},
            ("3.14", "the newest that pyproject.toml:2 allows"),
        ),
        (
            {"Pipfile": '[requires]\npython_version = "3.12"\n', "Pipfile.lock": "{}"},
            {},
            ("3.12", "Pipfile:2"),
        ),
        ({".python-version": "3.12"}, {"python": "3.13.2"}, ("3.13.2", "--python")),
    ],
)
def test_python(lay: Lay, files: dict[str, str], options: dict[str, Any], expected: tuple[str, str]) -> None:
    """The version comes from the file that says it, or from the option."""
    assert found(lay(files), "python", **options) == expected


@pytest.mark.parametrize(
    ("app", "path", "line"),
    [
        ("from fastapi import FastAPI\napp = FastAPI()\n@app.get('/healthz')\ndef health(): ...\n", "/healthz", 3),
        ("from fastapi import FastAPI\napp = FastAPI()\n@app.get('/users')\ndef users(): ...\n", "/", None),
        (
            "from fastapi import APIRouter, FastAPI\napp = FastAPI()\nrouter = APIRouter(prefix='/api')\n"
            "@router.get('/health')\ndef health(): ...\n",
            "/",
            None,
        ),
        (
            "from starlette.applications import Starlette\nfrom starlette.routing import Mount, Route\n"
            "app = Starlette(routes=[Mount('/in', routes=[Route('/healthz', x)]), Route('/ping', x)])\n",
            "/ping",
            3,
        ),
        ("from flask import Flask\napp = Flask('x')\n@app.route('/up')\ndef up(): ...\n", "/up", 3),
        ("async def app(scope, receive, send):\n    if scope['path'] in ('/', '/health'): ...\n", "/health", 2),
        ("async def app(scope, receive, send):\n    if scope['path'] == '/livez': ...\n", "/livez", 2),
    ],
)
def test_health(lay: Lay, app: str, path: str, line: int | None) -> None:
    """A route for health counts where its whole path is known."""
    place = f"main.py:{line}" if line else "no route for health was found: anything below 500 passes"
    root = lay({"requirements.txt": "fastapi\nflask\n"}, app)

    assert found(root, "health") == (path, place)


def test_a_likely_route(lay: Lay) -> None:
    """A route whose whole path is not known is named, with the option that would take it."""
    root = lay(
        {
            "requirements.txt": "fastapi",
            "routers/health.py": "router = APIRouter()\n@router.get('/health')\ndef health(): ...\n",
        }
    )

    notes = detect(ScaffoldRequest(), root).notes

    assert notes == (
        "`/health` in routers/health.py:2 may be for health; if so pass --health-path with its whole path",
    )


def django(lay: Lay, settings: str) -> Project:
    """Return what is found of a Django project."""
    return detect(
        ScaffoldRequest(),
        lay(
            {
                "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n",
                "site_/__init__.py": "",
                "site_/settings.py": settings,
                "site_/urls.py": "urlpatterns = [path('healthz/', x)]\n",
                "site_/asgi.py": "application = get_asgi_application()\n",
                "requirements.txt": "django\n",
            },
            None,
        ),
    )


def test_django(lay: Lay) -> None:
    """Static files are collected, with the variables that the settings need; the health route is that of the URLs."""
    project = django(
        lay,
        "import os\nKEY = os.environ['SECRET_KEY']\nROOT_URLCONF = 'site_.urls'\nSTATIC_ROOT = 'x'\nM = 'whitenoise'\n",
    )

    assert project.app.name == "site_.asgi:application"
    assert project.statics is not None
    assert project.statics.variables == {"SECRET_KEY": "str"}
    assert (project.health.path, project.health.strict) == ("/healthz/", False)
    assert project.notes == (
        "the app needs variables that have no default, and that `.env` does not set: SECRET_KEY (site_/settings.py:2)",
    )


def test_django_without_static_files(lay: Lay) -> None:
    """Nothing is collected without STATIC_ROOT, and a note says that nothing serves them."""
    project = django(lay, "ROOT_URLCONF = 'site_.urls'\n")

    assert project.statics is None
    assert project.notes == (
        "nothing serves Django's static files where DEBUG is off: WhiteNoise does, or a proxy in front",
    )


@pytest.mark.parametrize(
    ("files", "options", "package"),
    [
        ({"pyproject.toml": PROJECT}, {}, False),
        ({"pyproject.toml": f"{PROJECT}[build-system]\n"}, {}, True),
        ({"pyproject.toml": f"{PROJECT}[build-system]\n"}, {"mode": "bind"}, False),
        ({"pyproject.toml": f"{PROJECT}[build-system]\n[tool.uv]\npackage = false\n", "uv.lock": UV}, {}, False),
        ({"pyproject.toml": f"{PROJECT}[build-system]\n", "manage.py": "import django"}, {}, False),
        ({"pyproject.toml": f"{PROJECT}[build-system]\n", "requirements.txt": "x"}, {"deps": "requirements"}, False),
    ],
)
def test_layout(lay: Lay, files: dict[str, str], options: dict[str, Any], package: bool) -> None:
    """An app in a package with a build system is installed; everything else is copied."""
    root = lay({"src/x/__init__.py": "", "src/x/main.py": APP, **files}, None)

    project = detect(ScaffoldRequest(**options), root)

    assert (project.package, project.app.name, project.app.folders) == (package, "x.main:app", ("src",))


def test_the_apps_own_folder_decides(lay: Lay) -> None:
    """An app beside the package is not in it, so the code is copied."""
    root = lay({"pyproject.toml": f"{PROJECT}[build-system]\n", "src/x/__init__.py": ""})

    assert not detect(ScaffoldRequest(), root).package


def test_system_packages(lay: Lay) -> None:
    """What dependencies need of Debian is found; a wheel that brings it spares that."""
    root = lay({"requirements.txt": "psycopg2\nweasyprint\n"})
    spared = detect(ScaffoldRequest(apt=("git",)), root)

    assert spared.apt.build == ("build-essential", "libpq-dev")
    assert spared.apt.runtime == ("libharfbuzz-subset0", "libpango-1.0-0", "libpangoft2-1.0-0", "libpq5", "git")
    (root / "requirements.txt").write_text("psycopg[binary]\npsycopg-binary\n")
    assert detect(ScaffoldRequest(), root).apt.runtime == ()


@pytest.mark.parametrize(
    ("files", "url", "source"),
    [
        (
            {"requirements.txt": "--index-url https://a.example/simple\n"},
            "https://a.example/simple",
            "requirements.txt:1",
        ),
        (
            {"pyproject.toml": '[tool.uv]\n[[tool.uv.index]]\nurl = "https://me:pw@b.example/simple"\n'},
            "https://b.example/simple",
            "pyproject.toml:3",
        ),
        (
            {"Pipfile": '[[source]]\nurl = "https://c.example"\n', "Pipfile.lock": "{}"},
            "https://c.example",
            "Pipfile:2",
        ),
    ],
)
def test_indexes(lay: Lay, files: dict[str, str], url: str, source: str) -> None:
    """Indexes that the project names are told, without their credentials."""
    assert found(lay(files), "index") == (url, source)


def test_credentials_are_pointed_out(lay: Lay) -> None:
    """A password in a file that goes into the build gets a note, and is not repeated."""
    notes = detect(ScaffoldRequest(), lay({"requirements.txt": "-i https://me:pw@a.example/simple\n"})).notes

    assert "requirements.txt:1 holds credentials" in notes[0]
    assert "pw" not in json.dumps(notes)


def test_root_above(lay: Lay) -> None:
    """In a folder of the project, the project is the one above."""
    root = lay({"requirements.txt": "", "deep/er/x.py": ""})

    assert detect(ScaffoldRequest(app="main:app"), root / "deep/er").root == root


def test_no_app(lay: Lay) -> None:
    """Without an app there is nothing to scaffold: the error says where it looked."""
    root = lay({"requirements.txt": ""}, None)
    error = refused(root)

    assert isinstance(error, StartError)
    assert error.message == f"no app was found in `{root}`"
    assert error.hint == "name yours as `module:attribute`; `asgictl serve demo` shows the bundled app"


def test_source_that_does_not_parse(lay: Lay) -> None:
    """A file of the project that is broken is no matter, unless the app is in it."""
    root = lay({"other.py": "def (", "bin.py": "\0"})

    assert found(root, "app")[0] == "main:app"
    (root / "main.py").write_text("def (")
    with pytest.raises(AsgictlError, match=r"SyntaxError: .*main\.py:1"):
        detect(ScaffoldRequest(), root)


def test_outside_of_the_project(lay: Lay) -> None:
    """A requirements file that is outside cannot be in the build's context."""
    root = lay({"requirements.txt": "-r ../more.txt\n"})
    (root.parent / "more.txt").write_text("fastapi\n")

    error = refused(root)

    assert isinstance(error, FileProblemError)
    assert "is outside of" in error.message


def test_where_root_and_name_come_from(lay: Lay) -> None:
    """Without any file of a project the current folder is its root, and that is told, as is whose name is taken."""
    root = lay({})

    assert found(root, "root") == (str(root), "the current folder: none above has a file of a project")
    assert found(root, "name") == ("shop", "the name of that folder")

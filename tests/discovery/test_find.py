"""Which app is served: by its name, or found by looking around."""
# ruff: noqa: E501  # one case a line reads better

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from asgictl.discovery import AppRef, find, locate
from asgictl.errors import AsgictlError, ConfigError, StartError
from tests.conftest import Write

FASTAPI = "from fastapi import FastAPI\n"
ASGI = "async def {}(scope, receive, send): ...\n"


def look(folder: Path, app: str | None = None, environ: Mapping[str, str] | None = None) -> AppRef:
    """Find the app of a folder."""
    return find(app, folder, environ or {}, lambda _: None)


FOUND = {
    "an object named app": ({"main.py": FASTAPI + "app = FastAPI()\n"}, "main:app"),
    "application before api": ({"main.py": ASGI.format("api") + ASGI.format("application")}, "main:application"),
    "api before an instance of another name": ({"main.py": FASTAPI + "web = FastAPI()\napi = FastAPI()\n"}, "main:api"),
    "an instance before an annotated factory": (
        {"main.py": FASTAPI + "def build() -> FastAPI: ...\nweb = FastAPI()\n"},
        "main:web",
    ),
    "app before application": ({"main.py": FASTAPI + "application = FastAPI()\napp = FastAPI()\n"}, "main:app"),
    "another name for a known one": ({"main.py": FASTAPI + "web = FastAPI()\napp = web\n"}, "main:app"),
    "an app of an installed package": ({"main.py": "from installed import app\n"}, "main:app"),
    "a module called app is none": (
        {"main.py": "from . import app\n", "app.py": FASTAPI + "web = FastAPI()\n"},
        "app:web",
    ),
    "a module of a package called api is none": (
        {
            "main.py": "from web import api\n",
            "web/__init__.py": "",
            "web/api.py": "",
            "server.py": "def create_app(): ...\n",
        },
        "server:create_app",
    ),
    "a module beside it called app is none": (
        {"shop/__init__.py": "from . import app\n", "shop/app.py": "", "server.py": "def create_app(): ...\n"},
        "server:create_app",
    ),
    "a package's app of a module's name": (
        {"main.py": "from web import app\n", "web/__init__.py": FASTAPI + "app = FastAPI()\n", "web/app.py": ""},
        "main:app",
    ),
    "create_app, make_app, build_app": (
        {"main.py": "def build_app(): ...\ndef make_app(): ...\ndef create_app(): ...\n"},
        "main:create_app",
    ),
    "make_app before build_app": ({"main.py": "def build_app(): ...\ndef make_app(): ...\n"}, "main:make_app"),
    "build_app before a factory of another name": (
        {"main.py": FASTAPI + "def web() -> FastAPI: ...\ndef build_app(): ...\n"},
        "main:build_app",
    ),
    "app may be a factory": (
        {"main.py": FASTAPI + "def app() -> FastAPI: ...\ndef create_app() -> FastAPI: ...\n"},
        "main:app",
    ),
    "an instance of a known class": ({"main.py": FASTAPI + "web = FastAPI()\n"}, "main:web"),
    "an instance by its module": ({"main.py": "import fastapi as f\nweb = f.FastAPI()\n"}, "main:web"),
    "an annotated instance": ({"main.py": FASTAPI + "web: FastAPI = FastAPI()\n"}, "main:web"),
    "an instance of a local subclass": (
        {"main.py": FASTAPI + "class Shop(FastAPI): ...\nweb = Shop()\n"},
        "main:web",
    ),
    "an instance in try": (
        {"main.py": FASTAPI + "try:\n    web = FastAPI()\nexcept OSError:\n    web = None\n"},
        "main:web",
    ),
    "an instance in if and with": (
        {"main.py": FASTAPI + "if True:\n    with open('x'):\n        web = FastAPI()\n"},
        "main:web",
    ),
    "an object of another library": ({"main.py": "from socketio import ASGIApp\napp = ASGIApp(None)\n"}, "main:app"),
    "an unpacked object": ({"main.py": "from fasthtml.common import fast_app\napp, rt = fast_app()\n"}, "main:app"),
    "an imported object": (
        {"main.py": "from web.core import app\n", "web/core.py": FASTAPI + "app = FastAPI()\n"},
        "main:app",
    ),
    "a factory": ({"main.py": "def create_app(debug=False): ...\n"}, "main:create_app"),
    "an annotated factory": ({"main.py": FASTAPI + "def build() -> FastAPI: ...\n"}, "main:build"),
    "a factory annotated as text": ({"main.py": FASTAPI + "def build() -> 'FastAPI': ...\n"}, "main:build"),
    "a package": ({"app/__init__.py": ASGI.format("app")}, "app:app"),
    "the folder app": ({"app/main.py": ASGI.format("app")}, "app.main:app"),
    "the folder src": ({"src/main.py": ASGI.format("app")}, "main:app"),
    "a package in src": (
        {"src/shop/__init__.py": "", "src/shop/web.py": "", "src/shop/main.py": ASGI.format("app")},
        "shop.main:app",
    ),
    "the project's package": (
        {
            "pyproject.toml": "[project]\nname='My-Shop'\n",
            "my_shop/__init__.py": "",
            "my_shop/asgi.py": ASGI.format("app"),
        },
        "my_shop.asgi:app",
    ),
    "main before app": ({"app.py": ASGI.format("app"), "main.py": ASGI.format("app")}, "main:app"),
    "past what holds none": ({"main.py": "print('x')\n", "server.py": ASGI.format("app")}, "server:app"),
    "past names that are something else": (
        {
            "main.py": "import typer\nfrom web import api\napp = typer.Typer()\n",
            "web/api.py": "",
            "app.py": "from fastapi import APIRouter\napp = 'shop'\napi = APIRouter()\napplication = None\n",
            "api.py": "from web.routes import api\n",
            "web/routes.py": "from fastapi import APIRouter\napi = APIRouter()\n",
            "wsgi.py": "def application(environ, start_response): ...\n",
        },
        "wsgi:application",
    ),
    "past scripts and private names": (
        {
            "main.py": FASTAPI
            + "if __name__ == '__main__':\n    app = FastAPI()\n_hidden = FastAPI()\ndef create_app(config): ...\n",
            "api.py": ASGI.format("app"),
        },
        "api:app",
    ),
    "a command that is called app": (
        {"main.py": "import click\n@click.command()\ndef app(): ...\n", "api.py": ASGI.format("app")},
        "api:app",
    ),
    "tool.asgictl": (
        {"pyproject.toml": "[tool.asgictl]\napp='web:site'\n", "web.py": "", "main.py": ASGI.format("app")},
        "web:site",
    ),
    "tool.fastapi": ({"pyproject.toml": "[tool.fastapi]\nentrypoint='web:site'\n", "web.py": ""}, "web:site"),
    "a Django project": (
        {
            "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
            "shop/settings.py": "",
            "shop/asgi.py": "application = None\n",
            "main.py": ASGI.format("app"),
        },
        "shop.asgi:application",
    ),
    "a Django project with a package of settings": (
        {
            "manage.py": "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings.local'\n",
            "shop/settings/local.py": "",
            "shop/asgi.py": "application = None\n",
        },
        "shop.asgi:application",
    ),
    "a Django project without asgi.py": (
        {"manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"},
        "django.core.asgi:get_asgi_application",
    ),
    "nothing": ({"notes.txt": ""}, "asgictl.demo:app"),
}


@pytest.mark.parametrize("case", FOUND)
def test_finds(write: Write, case: str) -> None:
    """Finds what a person would point at, without importing it."""
    files, expected = FOUND[case]

    assert str(look(write(files))) == expected


FACTORIES = {
    "create_app": FASTAPI + "def create_app() -> FastAPI: ...\n",
    "make_app": FASTAPI + "def make() -> FastAPI: ...\nmake_app = make\n",
    "build_app": "from web import make as build_app\n",
    "app": FASTAPI + "def make() -> FastAPI: ...\napp = make\n",
}


@pytest.mark.parametrize("name", FACTORIES)
def test_a_factory_by_another_name(write: Write, name: str) -> None:
    """A factory is called, also under the name that a file gives it."""
    ref = look(write({"main.py": FACTORIES[name], "web.py": FASTAPI + "def make(): return FastAPI()\n"}), "main")

    assert (str(ref), ref.factory) == (f"main:{name}", True)


NAMED = {
    "main:app": "main:app",
    "main:web.app": "main:web.app",
    "main": "main:app",
    "main.py": "main:app",
    "main.py:other": "main:other",
    "shop/web.py": "shop.web:app",
    "shop/web.py:create_app": "shop.web:create_app",
    "shop": "shop:app",
    "shop/": "shop:app",
    "shop.web": "shop.web:app",
    "pack/age": "pack.age.main:app",
    "pack.age": "pack.age.main:app",
    "plain": "main:app",
    ".": "main:app",
    "demo": "asgictl.demo:app",
    "json:loads": "json:loads",
}


@pytest.mark.parametrize("app", NAMED)
def test_takes_a_name(write: Write, app: str) -> None:
    """Takes a module, an object, a file or a folder for a name."""
    folder = write(
        {
            "main.py": ASGI.format("app"),
            "shop/__init__.py": "from .web import app\n",
            "shop/web.py": ASGI.format("app"),
            "pack/__init__.py": "",
            "pack/age/__init__.py": "",
            "pack/age/main.py": ASGI.format("app"),
            "plain/main.py": ASGI.format("app"),
        }
    )

    assert str(look(folder, app)) == NAMED[app]


def test_the_variable_names_the_app(write: Write) -> None:
    """`ASGICTL_APP` comes before everything that is found."""
    folder = write({"main.py": ASGI.format("app"), "other.py": ASGI.format("site")})

    ref = look(folder, environ={"ASGICTL_APP": "other:site"})

    assert (str(ref), ref.found) == ("other:site", "named by the variable ASGICTL_APP")


def test_demo_may_be_the_users_own(write: Write) -> None:
    """`demo` is the user's module where there is one."""
    assert str(look(write({"demo.py": ASGI.format("app")}), "demo")) == "demo:app"


def test_names_what_else_would_match(write: Write) -> None:
    """A second file that would have matched is told."""
    ref = look(write({"main.py": ASGI.format("app"), "api.py": ASGI.format("app")}))

    assert (ref.found, ref.also) == ("found in main.py, line 1", ("api:app in api.py",))


def test_nothing_found_says_where_it_looked(write: Write) -> None:
    """The bundled app stands in, and the places that were looked at are named."""
    ref = look(write({"src/x.txt": "", "app/x.txt": ""}))

    assert ref.looked == ("this folder", "app/", "src/")


def test_tells_every_step(write: Write) -> None:
    """Each step of the search is told as a sentence."""
    folder = write({"main.py": "x = 1\n", "app.py": ASGI.format("app")})
    steps: list[str] = []

    find(None, folder, {}, steps.append)

    assert steps == [
        "no app named on the command line or by ASGICTL_APP",
        "no app named in pyproject.toml",
        "no Django project here: neither `manage.py` nor DJANGO_SETTINGS_MODULE",
        "`main.py` holds no app",
        "`app.py` holds `app` in line 1",
    ]


PATHS = {
    "a package keeps its name": ({"shop/__init__.py": "", "shop/web.py": ""}, "shop.web", ["."]),
    "src is a root": ({"src/shop/__init__.py": "", "src/shop/web.py": ""}, "shop.web", ["src", "."]),
    "a plain folder is a namespace package": ({"shop/web.py": "from shop.words import x\n"}, "shop.web", ["."]),
    "a package that is called like one that is loaded": (
        {"pytest/__init__.py": "", "pytest/web.py": ""},
        "web",
        ["pytest", "."],
    ),
    "a package that is called like one that is not": (
        {"turtledemo/__init__.py": "", "turtledemo/web.py": ""},
        "turtledemo.web",
        ["."],
    ),
    "a plain folder that an installed package outranks": (
        {"flask/util.py": "", "flask/web.py": "from flask.util import x\n"},
        "web",
        ["flask", "."],
    ),
    "a plain folder of folders": (
        {"api/shop/web.py": "import shop.pages\n", "api/shop/pages/x.txt": ""},
        "shop.web",
        ["api", "."],
    ),
    "a plain folder that is called like a package": ({"turtledemo/web.py": ""}, "web", ["turtledemo", "."]),
    "a script finds its neighbours": ({"shop/web.py": "import words\n", "shop/words.py": ""}, "web", ["shop", "."]),
    "a folder that is no identifier": ({"my-shop/web.py": ""}, "web", ["my-shop", "."]),
    "a relative import beside a bare one": (
        {"shop/web.py": "import words\nfrom .names import y\n", "shop/words.py": "", "shop/names.py": ""},
        "shop.web",
        ["."],
    ),
    "a relative import of two levels": (
        {"shop/inner/web.py": "import words\nfrom ..names import y\n", "shop/inner/words.py": "", "shop/names.py": ""},
        "shop.inner.web",
        ["."],
    ),
}


@pytest.mark.parametrize("case", PATHS)
def test_imports_as_the_project_does(write: Write, case: str) -> None:
    """The module's name and `sys.path` are what the project's own imports expect."""
    files, module, path = PATHS[case]
    folder = write(files)
    file = next(name for name in files if name.endswith("web.py"))
    (folder / file).write_text((folder / file).read_text() + ASGI.format("app"))

    ref = look(folder, file)

    assert (ref.module, ref.path) == (module, tuple(str(folder / entry) for entry in path))


@pytest.mark.parametrize("name", ["itertools", "sys", "zlib", "_datetime"])
def test_a_module_without_a_source(tmp_path: Path, name: str) -> None:
    """A module that is compiled, or a part of Python, is named with its object, and nothing of it is read."""
    module = locate(name, tmp_path)

    assert module is not None
    assert (module.name, module.path, module.file) == (name, (str(tmp_path),), None)
    ref = look(tmp_path, f"{name}:web")
    assert (str(ref), ref.file) == (f"{name}:web", None)
    assert str(look(tmp_path, name)) == f"{name}:app"


def test_an_installed_module(tmp_path: Path) -> None:
    """A module of a package that is installed is named with its file."""
    import json.decoder

    module = locate("json.decoder", tmp_path)

    assert module == ("json.decoder", (str(tmp_path),), Path(json.decoder.__file__))


def test_a_file_elsewhere(tmp_path: Path, write: Write) -> None:
    """A file outside the current folder is imported from its own."""
    write({"elsewhere/web.py": ASGI.format("app")})
    here = tmp_path / "here"
    here.mkdir()

    ref = look(here, "../elsewhere/web.py")

    assert (str(ref), ref.path) == ("web:app", (str(tmp_path / "elsewhere"),))


WRONG: dict[str, tuple[dict[str, str], str | None, type[AsgictlError], str, str | None]] = {
    "a module that is not there": ({}, "shop", StartError, "there is no module `shop` in `{}`", "run it in the project's folder, or without a name to look for the app"),
    "a module with a typo": ({"shop.py": ""}, "shpo:app", StartError, "there is no module `shpo` in `{}`", "did you mean `shop:app`?"),
    "a submodule with a typo": ({"shop/web.py": ""}, "shpo.web:app", StartError, "there is no module `shpo.web` in `{}`", "did you mean `shop.web:app`?"),
    "a submodule of what is no package": ({}, "json.nosuch", StartError, "there is no module `json.nosuch` in `{}`", "run it in the project's folder, or without a name to look for the app"),
    "a file that is not there": ({"main.py": ""}, "mian.py", StartError, "there is no file `{}/mian.py`", "did you mean `{}/main.py`?"),
    "a name that is none": ({}, "main app", ConfigError, "`main app` is neither a module nor a file", "write it as `module:attribute` or `path/to/file.py:attribute`"),
    "an object that is none": ({}, "main:app[0]", ConfigError, "`app[0]` in `main:app[0]` is not the name of an object", "did you mean `main:app`?"),
    "an object that is a number": ({}, "main:5", ConfigError, "`5` in `main:5` is not the name of an object", "write it as `module:attribute` or `path/to/file.py:attribute`"),
    "a module without an app": ({"main.py": "x = 1\n"}, "main", StartError, "`{}/main.py` holds no app that can be recognised", "name it: `asgictl serve main:NAME`"),
    "a package without an app": ({"shop/__init__.py": ""}, "shop/", StartError, "the package `shop/` holds no app", "name it: `shop.module:attribute`"),
    "a folder without an app": ({"docs/x.txt": ""}, "docs/", StartError, "the folder `docs/` holds no app", "name yours as `module:attribute`; `asgictl serve demo` shows the bundled app"),
    "two apps": ({"main.py": FASTAPI + "a = FastAPI()\nb = FastAPI()\n"}, None, ConfigError, "`{}/main.py` holds 2 apps: `a` in line 2, `b` in line 3", "name one: `asgictl serve main:a`"),
    "a table that is none": ({"pyproject.toml": "tool = 1"}, None, ConfigError, "`tool` in `{}/pyproject.toml` is not a table", "write it as `[tool]`"),
    "an app that is no string": ({"pyproject.toml": "[tool.asgictl]\napp = 1"}, None, ConfigError, "`tool.asgictl.app` in `{}/pyproject.toml` is not a string", 'write it as `app = "..."` under `[tool.asgictl]`'),
    "a broken module": ({"main.py": "app = ("}, None, StartError, "cannot load `{}/main.py`: SyntaxError: '(' was never closed ({}/main.py:1)", "put it right, or name another app"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_names(write: Write, case: str) -> None:
    """A wrong name gets an error that names it, and a hint that leads on."""
    files, app, kind, message, hint = WRONG[case]
    folder = write(files)

    with pytest.raises(kind) as caught:
        look(folder, app)

    assert type(caught.value).exit_status == kind.exit_status
    assert caught.value.message == message.replace("{}", str(folder))
    assert caught.value.hint == (hint.replace("{}", str(folder)) if hint else None)


def test_a_broken_project_file(write: Write) -> None:
    """A `pyproject.toml` that is no TOML is named."""
    folder = write({"pyproject.toml": "["})

    with pytest.raises(ConfigError) as caught:
        look(folder)

    with pytest.raises(tomllib.TOMLDecodeError) as theirs:
        tomllib.loads("[")
    assert caught.value.message == f"cannot read `{folder}/pyproject.toml`: {theirs.value}"
    assert caught.value.hint == "put the TOML syntax right"


NO_SOURCES = {
    "an encoding that is none": (b"# coding: klingon\n", "cannot load `{}`: SyntaxError: unknown encoding: klingon ({}:1)", "put it right, or name another app"),
    "a quote that is open": (b"x = 1\ny = '\n", "cannot load `{}`: SyntaxError: unterminated string literal (detected at line 2) ({}:2)", "put it right, or name another app"),
    "something large": (b"#" * 1_000_001, "cannot read `{}`: it is larger than 1000000 bytes", "see to it, or name another app"),
    "something deep": (b"x = " + b"-" * 100_000 + b"1\n", "cannot read `{}`: it nests too deeply", "name another file"),
    "something with many parts": (b"x = a" + b".a" * 20_000, "cannot read `{}`: it nests too deeply", "name another file"),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_SOURCES)
def test_a_file_that_cannot_be_understood(tmp_path: Path, case: str) -> None:
    """A module that is no Python source is named with the reason, and not taken for one without an app."""
    content, message, hint = NO_SOURCES[case]
    file = tmp_path / "main.py"
    file.write_bytes(content)

    with pytest.raises(StartError) as caught:
        look(tmp_path)

    assert (caught.value.message, caught.value.hint) == (message.replace("{}", str(file)), hint)


def test_a_file_with_null_bytes(write: Write) -> None:
    """So is one that is not text, in the words of the Python that runs."""
    folder = write({"main.py": "\0"})

    with pytest.raises(StartError) as caught:
        look(folder)

    file, reason = f"{folder}/main.py", "source code string cannot contain null bytes"
    assert (caught.value.message, caught.value.hint) in {
        (f"cannot load `{file}`: SyntaxError: {reason} ({file}:1)", "put it right, or name another app"),
        (f"cannot read `{file}`: {reason}", "see to it, or name another app"),
    }

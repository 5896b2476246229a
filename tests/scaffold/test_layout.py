"""How the code lies, which app a container runs, what the project is called, and where it begins."""

from pathlib import Path
from typing import Any

import pytest

from asgictl import signature
from asgictl.errors import AsgictlError, ConfigError, StartError
from asgictl.scaffold.detect import detect
from asgictl.scaffold.detect import served_app as apps
from asgictl.scaffold.detect.monorepo import project_root
from asgictl.scaffold.project import Dependencies
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import APP, Lay, found, refused

BUILT = '[project]\nname = "x"\ndependencies = ["fastapi"]\n[build-system]\n'
COPIED = ("src/, copied", False)
INSTALLED = ("the package x, installed", True)
SAYS_NO = "pyproject.toml says that it is no package"
TOOLS = (("uv", "package"), ("poetry", "package-mode"), ("pdm", "distribution"))
LAYOUTS = [
    ({"pyproject.toml": BUILT}, {}, *INSTALLED, "[build-system] in pyproject.toml"),
    ({"pyproject.toml": BUILT.partition("[build")[0]}, {}, *COPIED, "no build system"),
    ({"requirements.txt": "fastapi\n"}, {}, *COPIED, "no build system"),
    ({"pyproject.toml": BUILT}, {"mode": "bind"}, "mounted", False, "--mode bind"),
    (
        {"pyproject.toml": BUILT, "requirements.txt": "x"},
        {"deps": "requirements"},
        *COPIED,
        "requirements installs no package",
    ),
    ({"pyproject.toml": BUILT, "Pipfile": "", "Pipfile.lock": "{}"}, {}, *COPIED, "pipenv installs no package"),
    ({"pyproject.toml": BUILT}, {"deps": "none"}, *COPIED, "none installs no package"),
    ({"pyproject.toml": BUILT, "pylock.toml": ""}, {}, *INSTALLED, "[build-system] in pyproject.toml"),
    ({"pyproject.toml": BUILT, "manage.py": "import django.core"}, {}, *COPIED, "manage.py is beside the code"),
    ({"pyproject.toml": BUILT, "manage.py": "import x.cli\n"}, {}, *INSTALLED, "[build-system] in pyproject.toml"),
    *(
        ({"pyproject.toml": f"{BUILT}[tool.{tool}]\n{key} = false\n", f"{tool}.lock": ""}, {}, *COPIED, SAYS_NO)
        for tool, key in TOOLS
    ),
    *(
        ({"pyproject.toml": f"{BUILT}{more}", f"{tool}.lock": ""}, {}, *INSTALLED, "[build-system] in pyproject.toml")
        for tool, key in TOOLS
        for more in ("", f"[tool.{tool}]\n{key} = true\n")
    ),
    (
        {"pyproject.toml": f"{BUILT}[tool.uv]\npackage = false\n", "pdm.lock": ""},
        {},
        *INSTALLED,
        "[build-system] in pyproject.toml",
    ),
]


@pytest.mark.parametrize(("files", "options", "layout", "package", "reason"), LAYOUTS)
def test_layout(
    lay: Lay, files: dict[str, str], options: dict[str, Any], layout: str, package: bool, reason: str
) -> None:
    """An app in a package with a build system is installed, everything else is copied; the reason is told."""
    root = lay({"src/x/__init__.py": "", "src/x/main.py": APP, **files}, None)

    assert found(root, "layout", **options) == (layout, reason)
    assert detect(ScaffoldRequest(**options), root).package is package


POETRY = '[tool.poetry]\nname = "My-Shop"\n{}[build-system]\n'
PACKAGES = [
    ("my_shop", "", True),
    ("other", "", False),
    ("other", '[tool.hatch.build]\ninclude = ["x"]\n', True),
    ("other", '[tool.setuptools.packages.find]\nwhere = ["x"]\n', True),
    ("other", '[tool.setuptools]\npackages = ["x"]\n', False),
    ("other", 'packages = [{ include = "other" }]\n', True),
    ("other", '[tool.pdm.build]\nincludes = ["x"]\n', True),
    ("other", "[tool.hatch.other]\nx = 1\n", False),
]


def test_a_package_without_a_name(lay: Lay) -> None:
    """A name that is no text is none."""
    files = {"pyproject.toml": POETRY.format("").replace('"My-Shop"', "3"), "poetry.lock": "", "x/__init__.py": ""}

    assert found(lay({**files, "x/main.py": APP}, None), "layout") == (
        "a folder, copied",
        "the project has no name",
    )


@pytest.mark.parametrize(("folder", "more", "package"), PACKAGES)
def test_which_package(lay: Lay, folder: str, more: str, package: bool) -> None:
    """The package is the one with the project's name, or what the file says is built; else the code is copied."""
    files = {"pyproject.toml": POETRY.format(more), "poetry.lock": "", f"{folder}/__init__.py": ""}
    root = lay({**files, f"{folder}/main.py": APP}, None)

    assert found(root, "layout") == (
        (f"the package {folder}, installed", "[build-system] in pyproject.toml")
        if package
        else ("a folder, copied", "the app is not in a package called my_shop")
    )
    (root / f"{folder}/__init__.py").unlink()
    assert not detect(ScaffoldRequest(app=f"{folder}.main:app"), root).package


@pytest.mark.parametrize(
    ("lines", "needed"),
    [
        ('readme = "README.md"\nlicense = { file = "LICENSE" }\n', ("README.md", "LICENSE")),
        ('readme = { file = "README.md" }\nlicense = "MIT"\n', ("README.md",)),
        ('readme = "missing.md"\nlicense = { text = "free" }\n', ()),
        ("", ()),
    ],
)
def test_files_that_a_package_needs(lay: Lay, lines: str, needed: tuple[str, ...]) -> None:
    """The files that building the package takes are told, and only those that are there."""
    pyproject = f'[project]\nname = "x"\ndependencies = ["fastapi"]\n{lines}[build-system]\n'
    files = {"pyproject.toml": pyproject, "README.md": "", "LICENSE": "", "x/__init__.py": "", "x/main.py": APP}

    assert detect(ScaffoldRequest(), lay(files, None)).needed == needed
    assert detect(ScaffoldRequest(mode="bind"), lay(files, None)).needed == ()


@pytest.mark.parametrize(
    ("names", "interface"),
    [
        *((name, "wsgi") for name in ("flask", "bottle", "pyramid")),
        *((f"flask {name}", "asgi3") for name in ("fastapi", "starlette", "litestar", "quart")),
        ("fastapi", "asgi3"),
        ("django", "asgi3"),
        ("", "asgi3"),
    ],
)
def test_the_interface_of_a_factory(lay: Lay, names: str, interface: str) -> None:
    """What a factory makes that does not say it is guessed from what the project depends on."""
    root = lay({"requirements.txt": names.replace(" ", "\n")}, "def create_app():\n    return make()\n")

    project = detect(ScaffoldRequest(app="main:create_app", factory=True), root)

    assert (project.app.interface, project.app.factory) == (interface, True)


def failure(error: AsgictlError) -> tuple[type[AsgictlError], str, str | None]:
    """Return all that an error says."""
    return type(error), error.message, error.hint


def test_an_app_that_no_container_could_run(lay: Lay, tmp_path: Path) -> None:
    """An app that lies outside of the project, in a folder with odd signs, or that takes arguments, is refused."""
    root = lay(
        {
            "requirements.txt": "",
            "deep/x.py": "",
            "odd folder/main.py": "import words\n" + APP,
            "odd folder/words.py": "",
        }
    )
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/main.py").write_text(APP)

    (root / "main.py").write_text(f"{APP}def create(x): return app\n")

    assert failure(refused(root, app="main:create(1)")) == (
        ConfigError,
        "`main:create(1)` calls a factory with arguments, which no server but asgictl takes",
        "name a factory that needs none",
    )
    assert failure(refused(root, app="../outside/main.py:app")) == (
        StartError,
        f"`main:app` is outside of the project in `{root}`",
        "run it in the folder of the project that the app is in",
    )
    assert failure(refused(root / "deep", app="../../outside/main.py:app")) == failure(
        refused(root, app="../outside/main.py:app")
    )
    assert failure(refused(root / "deep", app="json:loads")) == (
        StartError,
        f"`json:loads` is outside of the project in `{root}`",
        "run it in the folder of the project that the app is in",
    )
    assert failure(refused(root, app="odd folder/main.py:app")) == (
        ConfigError,
        "the folder `odd folder` has signs that no Dockerfile takes",
        "rename it",
    )


def test_an_app_in_a_package_that_is_the_folder(lay: Lay) -> None:
    """A project that imports itself from the folder above cannot be copied alone."""
    files = {
        "requirements.txt": "",
        "__init__.py": "",
        "main.py": f"from .words import x\n{APP}",
        "words.py": "x = 1\n",
    }
    root = lay(files)

    assert failure(refused(root)) == (
        StartError,
        f"`shop.main:app` imports from the folder above the project in `{root}`",
        "run it in that folder, or import from the project alone",
    )


def test_nothing_to_scaffold(tmp_path: Path) -> None:
    """Where there is no Python project at all the bundled app is not taken without being named."""
    (tmp_path / "empty").mkdir()

    assert failure(refused(tmp_path / "empty")) == (
        StartError,
        "there is no app in this folder",
        "name it, like `asgictl scaffold main:app`, or `asgictl scaffold demo` for the bundled one",
    )


def test_the_bundled_app(lay: Lay) -> None:
    """The bundled app can be scaffolded in any project, and its routes are known."""
    root = lay({"requirements.txt": ""}, None)

    project = detect(ScaffoldRequest(app="demo"), root)

    assert (project.app.name, project.app.framework, project.app.folders) == ("asgictl.demo:app", None, ())
    assert found(root, "app", app="demo") == ("asgictl.demo:app", "as named")
    assert (project.health, project.websockets) == (("/healthz", True), True)


def test_interfaces_by_dependencies() -> None:
    """Two kinds of frameworks together are taken for ASGI."""
    assert apps._likely(Dependencies("uv", (), {"flask": None, "quart": None})) == "asgi3"


NAMES = [
    ({}, {"name": "given"}, ("given", "--name")),
    ({"pyproject.toml": '[project]\nname = "My Shop"\n'}, {}, ("my-shop", "project.name in pyproject.toml")),
    (
        {"pyproject.toml": '[tool.poetry]\nname = "Other"\n'},
        {"deps": "none"},
        ("other", "tool.poetry.name in pyproject.toml"),
    ),
    (
        {"pyproject.toml": '[project]\nname = "a"\n[tool.poetry]\nname = "b"\n'},
        {"deps": "none"},
        ("a", "project.name in pyproject.toml"),
    ),
    ({"pyproject.toml": "[project]\nname = 3\n"}, {}, ("shop", "the name of that folder")),
    ({"pyproject.toml": '[project]\nname = "123"\n'}, {}, ("shop", "the name of that folder")),
    ({"compose.yaml": signature.signed("x: 1\nname: cloned-1\n")}, {}, ("cloned-1", "compose.yaml")),
    ({"compose.yaml": signature.signed("name: cloned\n") + "# edited\n"}, {}, ("cloned", "compose.yaml")),
    ({"setup.cfg": "[x]\nname = x\n[metadata]\nversion = 1\nname = a.b\n"}, {}, ("a-b", "name in setup.cfg")),
    ({"setup.cfg": "[metadata]\n[x]\nname = x\n"}, {}, ("shop", "the name of that folder")),
    ({"setup.py": "setup(\n    name='a',\n)\n"}, {}, ("a", "name in setup.py")),
    ({"compose.yaml": "name: foreign\n"}, {}, ("shop", "the name of that folder")),
    ({"compose.yaml": signature.signed("  name: inner\n")}, {}, ("shop", "the name of that folder")),
    ({"compose.yaml": signature.signed("name: null\n")}, {}, ("shop", "the name of that folder")),
    (
        {"compose.yaml": signature.signed("name: cloned\n"), "pyproject.toml": '[project]\nname = "a"\n'},
        {},
        ("a", "project.name in pyproject.toml"),
    ),
]


@pytest.mark.parametrize(("files", "options", "expected"), NAMES)
def test_name(lay: Lay, files: dict[str, str], options: dict[str, Any], expected: tuple[str, str]) -> None:
    """The project is called as it says, as it was in another clone, or else as its folder."""
    root = lay(files)

    assert found(root, "name", **options) == expected
    assert detect(ScaffoldRequest(**options), root).name == expected[0]


def test_a_name_from_nothing(lay: Lay, tmp_path: Path) -> None:
    """A folder whose name has no letter makes the name `app`; a compose file that is no text is no matter."""
    lay({"requirements.txt": ""}).rename(tmp_path / "123")
    (tmp_path / "123/compose.yaml").write_bytes(b"\xff")

    assert found(tmp_path / "123", "name") == ("app", "nothing of `123` can be one")


NO_PROJECT = "the current folder: none above has a file of a project"
ROOTS = [
    *(
        (name, f"has {name}")
        for name in ("pyproject.toml", "requirements.txt", "Pipfile", "pylock.toml", "manage.py", "requirements/x.txt")
    ),
    ("poetry.lock", None),
]


@pytest.mark.parametrize(("name", "why"), ROOTS)
def test_root(lay: Lay, name: str, why: str | None) -> None:
    """The project is the nearest folder above that says what it depends on; without any it is the current one."""
    root = lay({name: "[project]\n" if name == "pyproject.toml" else "", "deep/er/main.py": APP}, None)
    here = root / "deep/er"

    assert project_root.find(ScaffoldRequest(app="no:app"), here) == (
        (root, why.removesuffix("/x.txt")) if why else (here, NO_PROJECT)
    )


def test_where_the_search_ends(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies above the repository, or in the home folder, is not of the project."""
    root = lay({"requirements.txt": "", "repo/.git/x": "", "repo/deep/x": "", "me/deep/x": ""})
    monkeypatch.setattr(Path, "home", lambda: root / "me")

    assert project_root.find(ScaffoldRequest(), root / "repo/deep") == (
        root / "repo/deep",
        "the current folder: none above has a file of a project",
    )
    assert project_root.find(ScaffoldRequest(), root / "me/deep") == (
        root / "me/deep",
        "the current folder: none above has a file of a project",
    )
    (root / "repo/Pipfile").write_text("")
    assert project_root.find(ScaffoldRequest(), root / "repo/deep") == (root / "repo", "has Pipfile")


def test_all_that_is_found(lay: Lay) -> None:
    """Each answer is told in its order, with the place that it was read from."""
    root = lay(
        {
            "requirements.txt": "psycopg2\nfastapi\n-i https://x.example/y\n",
            "main.py": f"{APP}@app.get('/up')\n@app.websocket('/ws')\ndef f(): ...\n",
            "lib/__init__.py": "",
            "a/__init__.py": "",
            ".git/x": "",
        }
    )
    project = detect(ScaffoldRequest(), root)

    assert project.findings == (
        ("root", str(root), "has requirements.txt"),
        ("name", "shop", "the name of that folder"),
        ("dependencies", "requirements", "requirements.txt"),
        ("python", "3.14", "no file says it: the newest"),
        ("app", "main:app", "found in main.py, line 2"),
        ("layout", "a folder, copied", "no build system"),
        ("health", "/up", "main.py:3"),
        ("websockets", "yes", "main.py:4"),
        ("apt", "build-essential libpq-dev libpq5", "needed by psycopg2"),
        ("index", "https://x.example/y", "requirements.txt:3"),
    )
    assert (project.folders, project.in_git, project.needed) == (("a", "lib"), True, ())

"""The Python version, Debian's packages and the server's own needs; and the notes on what is still missing."""

import re
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asgictl import __version__
from asgictl.errors import ConfigError
from asgictl.scaffold.detect import detect, runner, system_packages, venv_python
from asgictl.scaffold.plan import plan
from asgictl.scaffold.project import Dependencies, SystemPackages
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import APP, Lay, found, refused

POETRY = {"poetry.lock": ""}
PIPENV = {"Pipfile.lock": "{}"}


def poetry(version: str) -> dict[str, str]:
    """Return the files of a project of Poetry's that wants a Python version."""
    return {**POETRY, "pyproject.toml": f'[tool.poetry.dependencies]\npython = "{version}"\n'}


def requires(version: str) -> dict[str, str]:
    """Return the file of a project that wants a Python version."""
    return {"pyproject.toml": f'[project]\nrequires-python = "{version}"\n'}


VERSIONS = [
    ({".python-version": "3.12"}, "3.12", ".python-version:1"),
    ({".python-version": "\n# x\n  cpython-3.13.1  \n3.11\n"}, "3.13", ".python-version:3"),
    ({".python-version": "cpython@3.13"}, "3.13", ".python-version:1"),
    ({".python-version": "# x\n", "runtime.txt": "python-3.12"}, "3.12", "runtime.txt:1"),
    ({".python-version": "3.12", "runtime.txt": "python-3.12.4", **requires(">=3.11")}, "3.12", ".python-version:1"),
    (requires(">=3.9"), "3.14", "the newest that pyproject.toml:2 allows"),
    (requires("<3.14"), "3.13", "the newest that pyproject.toml:2 allows"),
    (requires(">=3.15"), "3.15", "the newest that pyproject.toml:2 allows"),
    (requires("==3.11.9"), "3.11.9", "pyproject.toml:2"),
    (requires("==3.12.39"), "3.12.39", "pyproject.toml:2"),
    (requires("==3.11.0"), "3.11.0", "pyproject.toml:2"),
    ({"pyproject.toml": f"x = 1\n{requires('==3.11.*')['pyproject.toml']}"}, "3.11", "pyproject.toml:3"),
    ({"pyproject.toml": '[project]\n"requires-python" = "==3.11.*"\n'}, "3.11", "pyproject.toml"),
    (poetry("3.12"), "3.12", "pyproject.toml:2"),
    (poetry("3.12.*"), "3.12", "pyproject.toml:2"),
    (poetry("*"), "3.14", "no file says it: the newest"),
    (poetry("^3.9 || ^3.11"), "3.14", "the newest that pyproject.toml:2 allows"),
    (poetry("^3.15"), "3.15", "the newest that pyproject.toml:2 allows"),
    (poetry("^3"), "3.14", "no file says it: the newest"),
    (poetry("~3.12"), "3.12", "pyproject.toml:2"),
    (poetry("~3.12.1"), "3.12", "pyproject.toml:2"),
    (poetry("~=3.12.1"), "3.12", "pyproject.toml:2"),
    (poetry(">=3.11,<3.13"), "3.12", "the newest that pyproject.toml:2 allows"),
    ({**PIPENV, "Pipfile": '[requires]\npython_version = "3.12"\n'}, "3.12", "Pipfile:2"),
    (
        {**PIPENV, "Pipfile": '[requires]\npython_version = "3.12"\npython_full_version = "3.13.2"\n'},
        "3.13",
        "Pipfile:3",
    ),
    ({**PIPENV, "Pipfile": '[requires]\npython_version = "*"\n'}, "3.14", "no file says it: the newest"),
    ({**PIPENV, "Pipfile": "requires = 3\n"}, "3.14", "no file says it: the newest"),
    ({**PIPENV, "Pipfile": "[packages]\n"}, "3.14", "no file says it: the newest"),
    ({"pyproject.toml": "[project]\nrequires-python = 3\n"}, "3.14", "no file says it: the newest"),
]


@pytest.mark.parametrize(("files", "version", "place"), VERSIONS)
def test_python(lay: Lay, files: dict[str, str], version: str, place: str) -> None:
    """Each form in which a project says its Python version is understood, and told with its line."""
    assert found(lay(files), "python", runner="uvicorn") == (version, place)


NO_HINT = "pass --python 3.13, or whatever the image is to have"
NO_VERSION = [
    *(
        ({name: f"{before}{said}"}, f"`{said}` ({name}:1) is not a version of CPython 3", NO_HINT)
        for name, before, said in [
            (".python-version", "", "pypy3.10"),
            (".python-version", "", "3.12x"),
            (".python-version", "", "3.13t"),
            (".tool-versions", "python ", "miniconda3-22.11.1-1"),
            ("runtime.txt", "", "python-2.7"),
        ]
    ),
    (requires("<3"), "no Python 3 is <3 (pyproject.toml:2)", "pass --python with the one to use"),
    (requires("==3.12.40"), "no Python 3 is ==3.12.40 (pyproject.toml:2)", "pass --python with the one to use"),
    (requires(">=3.99"), "no Python 3 is >=3.99 (pyproject.toml:2)", "pass --python with the one to use"),
    (
        requires("new"),
        "`new` (pyproject.toml:2) is not a version specifier",
        "write it like `>=3.11`, or pass --python 3.13",
    ),
    (
        {**PIPENV, "Pipfile": "["},
        "cannot read `Pipfile`: Invalid initial character for a key part (at end of document)",
        "put the TOML syntax right",
    ),
]


@pytest.mark.parametrize(("files", "message", "hint"), NO_VERSION)
def test_no_python(lay: Lay, files: dict[str, str], message: str, hint: str) -> None:
    """A version that no image has is an error with its place; `--python` has the last word."""
    root = lay(files)
    error = refused(root)

    assert isinstance(error, ConfigError)
    assert (error.message, error.hint) == (message, hint)
    assert error.option == ("python" if hint.startswith("pass") else None)
    assert found(root, "python", python="3.13") == ("3.13", "--python")


PACKAGES = {
    "gdal": ("build-essential libgdal-dev", "gdal-bin libgdal-dev"),
    "mysqlclient": ("build-essential default-libmysqlclient-dev pkg-config", "libmariadb3"),
    "opencv-python": ("", "libgl1 libglib2.0-0"),
    "pdf2image": ("", "poppler-utils"),
    "psycopg": ("", "libpq5"),
    "psycopg-c": ("build-essential libpq-dev", "libpq5"),
    "psycopg2": ("build-essential libpq-dev", "libpq5"),
    "pycairo": ("build-essential libcairo2-dev pkg-config", "libcairo2"),
    "pydub": ("", "ffmpeg"),
    "pygraphviz": ("build-essential libgraphviz-dev pkg-config", "graphviz libgraphviz-dev"),
    "pyodbc": ("", "unixodbc"),
    "pytesseract": ("", "tesseract-ocr"),
    "python-magic": ("", "libmagic1"),
    "uwsgi": ("build-essential", ""),
    "weasyprint": ("", "libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0"),
    "xmlsec": ("build-essential libxmlsec1-dev pkg-config", "libxmlsec1-openssl"),
}


def needed(*names: str, git: bool = False, more: tuple[str, ...] = ()) -> tuple[SystemPackages, str | None]:
    """Return what is installed of Debian for dependencies, and because of what."""
    return system_packages.needed(Dependencies("requirements", (), dict.fromkeys(names), git=git), more)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_debian_package(name: str) -> None:
    """Each distribution that needs something of Debian gets that, to be built and to run."""
    build, runtime = (tuple(words.split()) for words in PACKAGES[name])

    assert needed(name, "fastapi") == ((build, runtime), f"needed by {name}")


def test_debian_packages() -> None:
    """What several need is installed once, each list in order, what the user wants at its end."""
    assert needed("fastapi", "psycopg2-binary") == (((), ()), None)
    assert needed("psycopg", "psycopg-binary") == (((), ()), None)
    assert needed("psycopg2", "psycopg-binary") == (
        (("build-essential", "libpq-dev"), ("libpq5",)),
        "needed by psycopg2",
    )
    assert needed("psycopg2", "gdal", git=True, more=("zip", "libpq5", "curl")) == (
        (
            ("build-essential", "git", "libgdal-dev", "libpq-dev"),
            ("gdal-bin", "libgdal-dev", "libpq5", "zip", "curl"),
        ),
        "needed by gdal, psycopg2, a dependency from git, --apt",
    )
    assert needed("fastapi", more=("libcurl4", "libcurl4-openssl-dev", "gcc", "g++", "libgcc-s1")) == (
        (("g++", "gcc", "libcurl4-openssl-dev"), ("libcurl4", "libgcc-s1")),
        "needed by --apt",
    )


GOOD = [
    "uvicorn==0.41",
    "uvicorn==99",
    "httptools==0.6.3",
    "uvloop==0.17",
    "fastapi==0.1",
    "zttp==0.0.1",
    "brotli==0.1",
    "jinja2==2.11",
    "packaging==20.0",
    "pyyaml==5.4",
    "cryptography==3.4",
]


@pytest.mark.parametrize("line", GOOD)
def test_what_is_locked_and_good(lay: Lay, line: str) -> None:
    """A version that asgictl can run with is no matter, nor one of what it needs for an extra alone."""
    assert detect(ScaffoldRequest(), lay({"requirements.txt": f"{line}\n"})).deps.pinned


BESIDE = f"uvicorn alone serves in the image, as asgictl {__version__} does not go with the rest: "
TOO_OLD = [
    ("uvicorn==0.40", "uvicorn is 0.40 (>=0.41 is needed)"),
    ("uvicorn<0.30", "uvicorn is <0.30 (>=0.41 is needed)"),
    ("uvicorn[standard]~=0.30.1", "uvicorn is ~=0.30.1 (>=0.41 is needed)"),
    ("uvicorn==0.30.*", "uvicorn is ==0.30.* (>=0.41 is needed)"),
    ("-c pins.txt", "uvicorn is <0.40 (>=0.41 is needed)"),
    (
        "httptools==0.6.2\nUvloop==0.16\nwebsockets<14",
        "httptools is 0.6.2 (>=0.6.3 is needed), uvloop is 0.16 (>=0.17 is needed) and "
        "websockets is <14 (>=15 is needed)",
    ),
]


@pytest.mark.parametrize(("lines", "told"), TOO_OLD)
def test_what_asgictl_cannot_run_beside(lay: Lay, lines: str, told: str) -> None:
    """Uvicorn serves alone where asgictl cannot be installed, and one note names all that is in the way."""
    root = lay({"requirements.txt": f"{lines}\n", "pins.txt": "uvicorn<0.40\n"})

    project = detect(ScaffoldRequest(), root)
    error = refused(root, runner="asgictl")

    assert (project.runner, project.notes) == ("uvicorn", (BESIDE + told,))
    assert isinstance(error, ConfigError)
    assert (error.message, error.hint) == (
        f"asgictl {__version__} cannot be installed here: {told}",
        "pass --runner uvicorn",
    )
    assert detect(ScaffoldRequest(runner="uvicorn"), root).notes == ()


@pytest.mark.parametrize(
    "line",
    ["uvicorn<1", "uvicorn>0.20,<0.41.1", "uvicorn>0.41,<0.42", "uvicorn!=0.41", "uvicorn~=0.41", "uvicorn<=0.41"],
)
def test_a_range_that_leaves_room(lay: Lay, line: str) -> None:
    """A range that allows some version which asgictl can run with is no matter, in either kind of list."""
    project = f'[project]\nname = "x"\ndependencies = ["{line}"]\n'

    assert detect(ScaffoldRequest(), lay({"requirements.txt": f"{line}\n"})).runner == "asgictl"
    assert detect(ScaffoldRequest(deps="pyproject"), lay({"pyproject.toml": project})).runner == "asgictl"


def test_a_range_in_pyproject(lay: Lay) -> None:
    """What `pyproject.toml` allows counts as what a list does."""
    root = lay({"pyproject.toml": '[project]\nname = "x"\ndependencies = ["uvicorn<0.40"]\n'})

    assert detect(ScaffoldRequest(), root).notes == (f"{BESIDE}uvicorn is <0.40 (>=0.41 is needed)",)


@pytest.mark.parametrize(
    ("lines", "options", "server"),
    [
        ("asgictl\nuvicorn==0.1\n", {}, "asgictl"),
        ("asgictl==0.1\nuvicorn==0.1\n", {}, "uvicorn"),
        ("x\n", {"python": "3.11"}, "asgictl"),
        ("x\n", {"python": "3.10"}, "uvicorn"),
        ("x\n", {"python": "3.10", "runner": "uvicorn"}, "uvicorn"),
        ("asgictl\n", {"python": "3.10"}, "asgictl"),
    ],
)
def test_who_is_asked(lay: Lay, lines: str, options: dict[str, Any], server: str) -> None:
    """A project that has asgictl of any version itself answers for what goes with it."""
    assert detect(ScaffoldRequest(**options), lay({"requirements.txt": lines})).runner == server


def test_what_tls_in_the_container_takes(lay: Lay) -> None:
    """With `--https` the image has what certificates are looked at with, and a version too old for it is a conflict."""
    secure = ScaffoldRequest(https=True)
    old = detect(secure, lay({"requirements.txt": "fastapi\ncryptography==44.0.1\nuvicorn==0.40\n"}))
    told = "uvicorn is 0.40 (>=0.47 is needed) and cryptography is 44.0.1 (>=45 is needed)"
    assert f"{BESIDE}{told}" in old.notes

    for lines, installed in (
        ("fastapi\n", '"asgictl[https]==${ASGICTL_VERSION}"'),
        ("fastapi\nasgictl\n", "'asgictl[https]'"),
        ("fastapi\nasgictl==0.1.0\n", "'asgictl[https]==0.1.0'"),
        ("fastapi\nasgictl[standard]\ncryptography==46\n", None),
    ):
        text = plan(detect(secure, lay({"requirements.txt": lines})), secure)[0].text
        assert re.findall(r"install (\S*asgictl\S*)", text) == ([installed] if installed else [])
    plain = plan(detect(ScaffoldRequest(), lay({"requirements.txt": "fastapi\n"})), ScaffoldRequest())[0].text
    assert re.findall(r"install (\S*asgictl\S*)", plain) == ['"asgictl==${ASGICTL_VERSION}"']


SHA = "0123456789abcdef0123456789abcdef01234567"
FROM = "uvicorn alone serves in the image, as asgictl came from {}, and the index may not have {}"
ORIGINS = [
    (None, "asgictl", None, ()),
    (
        f"git+https://git.example/asgictl@{SHA}",
        "asgictl",
        f"git+https://git.example/asgictl@{SHA}",
        (f"asgictl is installed in the image from where it came from: git+https://git.example/asgictl@{SHA}",),
    ),
    *(
        (origin, "uvicorn", None, (f"{FROM.format(told, __version__)}: pass --runner asgictl if it has",))
        for origin, told in (
            ("file:///srv/asgictl", "file:///srv/asgictl"),
            (f"git+ssh://git@git.example/asgictl@{SHA}", f"git+ssh://git.example/asgictl@{SHA}"),
            (f"git+https://me:pw@git.example/asgictl@{SHA}", f"git+https://git.example/asgictl@{SHA}"),
        )
    ),
]


@pytest.mark.parametrize(("origin", "server", "installed", "notes"), ORIGINS)
def test_an_asgictl_that_is_from_no_index(  # the columns of the table
    lay: Lay,
    monkeypatch: pytest.MonkeyPatch,
    origin: str | None,
    server: str,
    installed: str | None,
    notes: tuple[str, ...],
) -> None:
    """The image has asgictl from the repository that the running one came from, or else uvicorn, and it is said."""
    monkeypatch.setattr(runner, "_origin", lambda: origin)
    root = lay({"requirements.txt": "fastapi\n"})

    project = detect(ScaffoldRequest(), root)

    assert (project.runner, project.server_from, project.notes) == (server, installed, notes)
    text = plan(project, ScaffoldRequest())[0].text
    assert ("ARG ASGICTL_VERSION" in text) == (origin is None)
    assert (f"'asgictl @ {installed}'" in text, project.apt.build) == ((True, ("git",)) if installed else (False, ()))
    assert detect(ScaffoldRequest(runner="asgictl"), root).runner == "asgictl"


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        (None, None),
        ('{"url": "file:///srv/a", "dir_info": {"editable": true}}', "file:///srv/a"),
        (
            f'{{"url": "https://g.example/a", "vcs_info": {{"vcs": "git", "commit_id": "{SHA}"}}}}',
            f"git+https://g.example/a@{SHA}",
        ),
    ],
)
def test_where_asgictl_came_from(monkeypatch: pytest.MonkeyPatch, said: str | None, origin: str | None) -> None:
    """Where it was installed from is read as PEP 610 says."""
    monkeypatch.undo()
    monkeypatch.setattr(metadata, "distribution", lambda _: SimpleNamespace(read_text=lambda _: said))

    assert runner._origin() == origin


PYPROJECT = '[project]\nname = "shop"\ndependencies = ["fastapi"]\n[build-system]\nrequires = {}\n'
CERT = "there is no `ssl/cert.pem` yet: `asgictl gen-cert --group 10001` makes it, with its key"
FROM_GIT = "the version comes from Git, which the image lacks: set SETUPTOOLS_SCM_PRETEND_VERSION where it is built"
PYLOCK = "pylock.toml says where each file is to be fetched from: --index-url is for uv itself alone"
NOTES = [
    ({}, {}, []),
    ({}, {"https": True}, [CERT]),
    ({}, {"https": True, "uid": 7}, [CERT.replace("10001", "7")]),
    ({"ssl/cert.pem": ""}, {"https": True}, []),
    ({}, {"targets": "systemd"}, []),
    (
        {},
        {"targets": "systemd", "runner": "uvicorn"},
        ["at a restart uvicorn resets connections that have just come in; asgictl, as the runner, answers them"],
    ),
    ({}, {"index_secret": "my/netrc"}, ["there is no `my/netrc`, which the build mounts"]),
    ({}, {"index_secret": "~/.nosuch-netrc"}, ["there is no `~/.nosuch-netrc`, which the build mounts"]),
    ({"netrc": ""}, {"index_secret": "netrc"}, []),
    ({}, {"index_url": "https://x.example"}, []),
    ({"pylock.toml": ""}, {"deps": "pylock"}, []),
    ({"pylock.toml": ""}, {"deps": "pylock", "index_url": "https://x.example"}, [PYLOCK]),
    (
        {"requirements.txt": "fastapi\n-i https://me:pw@x.example/y\n--extra-index-url https://x.example/z\n"},
        {},
        ["requirements.txt:2 holds credentials: they get into the build, and into version control; use --index-secret"],
    ),
    (
        {"requirements.txt": "flask\n"},
        {"https": True, "index_secret": "x"},
        [CERT, "there is no `x`, which the build mounts"],
    ),
]


@pytest.mark.parametrize(("files", "options", "notes"), NOTES)
def test_notes(lay: Lay, files: dict[str, str], options: dict[str, Any], notes: list[str]) -> None:
    """What the files will still need, and where there may be a mistake, is told, and nothing else."""
    root = lay({"requirements.txt": "fastapi\n", **files})

    assert detect(ScaffoldRequest(**options), root).notes == tuple(notes)


@pytest.mark.parametrize(
    ("requirement", "told"),
    [
        ("hatch-vcs", True),
        ("setuptools-scm>=8", True),
        ("setuptools_scm", True),
        ("versioningit", True),
        ("hatchling", False),
        ("setuptools", False),
    ],
)
def test_a_version_from_git(lay: Lay, requirement: str, told: bool) -> None:
    """A package whose version comes from Git gets a note, as an image has no history."""
    files = {"pyproject.toml": PYPROJECT.format([requirement]), "shop/__init__.py": "", "shop/main.py": ""}
    packaged = lay({**files, "shop/main.py": APP}, None)

    assert detect(ScaffoldRequest(), packaged).notes == ((FROM_GIT,) if told else ())
    (packaged / "main.py").write_text(APP)
    assert detect(ScaffoldRequest(app="main:app"), packaged).notes == ()


@pytest.mark.parametrize(
    ("python", "hidden"),
    [
        ("/home/nobody/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python3.12", True),
        ("/root/.pyenv/versions/3.12.4/bin/python3.12", False),
        ("/root/miniconda3/bin/python3.12", True),
        ("/root/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python3.12", False),
        ("/usr/bin/python3.12", False),
    ],
)
def test_an_interpreter_in_a_home_folder(lay: Lay, python: str, hidden: bool) -> None:
    """A unit would not find an interpreter in a home folder, which is told where a unit is asked for."""
    root = lay({".venv/bin/activate": "", ".venv/pyvenv.cfg": f"home = {Path(python).parent}\n"})
    (root / ".venv/bin/python").symlink_to(python)
    note = (
        f"`.venv` is of the Python in `{Path(python).parents[1]}`, and the unit hides home folders: its start would "
        "end with 203/EXEC; run scaffold in /srv/shop, where it sees which Python serves, or make `.venv` of a Python "
        "elsewhere, as by `UV_PYTHON_INSTALL_DIR=/opt/python uv sync`"
    )

    assert (note in detect(ScaffoldRequest(targets="systemd"), root).notes) is hidden
    assert note not in detect(ScaffoldRequest(), root).notes


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize(
    ("prefix", "installed", "shown"),
    [
        ("home/me/.pyenv/versions/3.12.4", True, True),
        ("root/miniconda3", True, True),
        ("root/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu", True, False),
        ("opt/python", True, False),
        ("home/me/.local", False, False),
        ("home/me/a b", True, False),
        ("home/me/a:b", True, False),
    ],
)
def test_an_interpreter_that_the_unit_shows(
    lay: Lay, monkeypatch: pytest.MonkeyPatch, prefix: str, installed: bool, shown: bool, linked: bool
) -> None:
    """Where the unit's project lies, the unit shows the Python of `.venv` in a home folder, and nothing beside it."""
    root = lay({"requirements.txt": "fastapi\n"})
    prefix = str(root.parent / prefix)
    for name, value in (("_HIDDEN", ("home/", "root/")), ("_SHOWN", ("root/.local/share/uv/python/",))):
        monkeypatch.setattr(venv_python, name, tuple(f"{root.parent}/{it}" for it in value))
    (Path(prefix) / ("lib/python3.12" if installed else "lib/x")).mkdir(parents=True)
    (Path(prefix) / ("lib/python3.12/os.py" if installed else "lib/x/os.py")).touch()
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/pyvenv.cfg").write_text(f"x = 1\nhome = {'/usr' if linked else prefix}/bin\nversion = 3\n")
    (root / ".venv/bin/python").symlink_to(f"{prefix if linked else '/usr'}/bin/python3.12")
    assert detect(ScaffoldRequest(), root).interpreters == ()
    monkeypatch.setattr(venv_python, "_SERVED", root.parent)

    found = detect(ScaffoldRequest(targets="systemd"), root)

    assert found.interpreters == ((prefix,) if shown else ())
    assert any("203/EXEC" in note for note in found.notes) is ("home/" in prefix and not shown)
    service = next(it.text for it in plan(found, ScaffoldRequest(targets="systemd")) if it.path == "shop.service")
    always = "BindReadOnlyPaths=-/root/.local/share/uv/python -/root/.pyenv/versions"
    assert f"{always}{f' -{prefix}' if shown else ''}\n" in service


@pytest.mark.parametrize(
    ("line", "build", "runtime"),
    [
        ("psycopg[c]>=3", ("build-essential", "libpq-dev"), ("libpq5",)),
        ("psycopg[binary,pool]==3.2", (), ()),
        ("psycopg[pool]", (), ("libpq5",)),
    ],
)
def test_the_extras_of_a_requirement(lay: Lay, line: str, build: tuple[str, ...], runtime: tuple[str, ...]) -> None:
    """What an extra of a requirement needs of Debian is installed, and one that brings it spares that."""
    project = f'[project]\nname = "x"\ndependencies = ["{line}"]\n'

    for kind, files in (
        ("requirements", {"requirements.txt": f"{line}\n"}),
        ("pyproject", {"pyproject.toml": project}),
    ):
        assert detect(ScaffoldRequest(deps=kind), lay(files)).apt == (build, runtime)


def test_geodjango() -> None:
    """GeoDjango has no distribution: its settings tell what it needs of Debian."""
    assert system_packages.needed(Dependencies("none", (), {}), (), geo=True) == (
        ((), ("binutils", "gdal-bin", "libproj-dev")),
        "needed by django.contrib.gis",
    )


SSH = "a dependency comes over SSH: the build takes the keys of your agent, `docker build --ssh default`"


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "y @ git+ssh://git@git.example/y\n"},
        {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["y @ git+ssh://git@git.example/y"]\n'},
    ],
)
def test_a_repository_over_ssh(lay: Lay, files: dict[str, str]) -> None:
    """The build has a client for SSH and the user's agent, by Docker and by compose, and it is said."""
    project = detect(ScaffoldRequest(), lay(files))
    texts = {file.path: file.text for file in plan(project, ScaffoldRequest())}

    assert (project.apt.build, project.notes) == (("git", "openssh-client"), (SSH,))
    assert "    --mount=type=ssh \\\n" in texts["Dockerfile"]
    assert 'GIT_SSH_COMMAND="ssh -o StrictHostKeyChecking=accept-new"' in texts["Dockerfile"]
    assert "      ssh: [default]\n" in texts["compose.yaml"]


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("requirements.txt", "x\ny @ git+https://t0ken@git.example/y\n", "requirements.txt:2"),
        ("requirements.txt", "https://me:${PW}@x.example/y.whl\n", "requirements.txt:1"),
        (
            "pyproject.toml",
            '[project]\nname = "x"\ndependencies = ["y @ https://me:t0ken@x.example/y.whl"]\n',
            "pyproject.toml:3",
        ),
    ],
)
def test_a_token_in_a_url(lay: Lay, name: str, text: str, place: str) -> None:
    """Credentials in the URL of a dependency are refused, not repeated, and a secret of the build is named."""
    error = refused(lay({name: text}))

    assert error.message == f"a URL in {place} holds credentials, which would stay in the image"
    assert (error.hint or "").startswith("take them out of the URL, and pass --index-secret netrc")


def test_a_folder_without_a_dot(lay: Lay) -> None:
    """A requirement that is a folder of the project has the source copied before."""
    root = lay({"requirements.txt": "libs/core[all]\n", "libs/core/pyproject.toml": ""})

    assert detect(ScaffoldRequest(), root).deps.local


CUDA = (
    "torch comes with CUDA, several GB in the image: for a machine without a GPU take it from "
    "https://download.pytorch.org/whl/cpu"
)


@pytest.mark.parametrize(
    ("lines", "notes"),
    [
        ("torch\n", (CUDA,)),
        ("torch==2.9+cpu\n", ()),
        ("--extra-index-url https://download.pytorch.org/whl/cpu\ntorch\n", ()),
        ("nvidia-cublas-cu12\n", (CUDA,)),
    ],
)
def test_wheels_with_cuda(lay: Lay, lines: str, notes: tuple[str, ...]) -> None:
    """What CUDA costs is said, with where the wheels without it are."""
    assert detect(ScaffoldRequest(), lay({"requirements.txt": lines})).notes == notes

"""Which Python an image gets: where a project says it, what counts more, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from asgictl.errors import ConfigError
from asgictl.scaffold.detect import detect
from asgictl.scaffold.plan import plan
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import Lay, found, refused

ANY = '[project]\nname = "x"\nrequires-python = ">=3.9"\ndependencies = ["fastapi"]\n'
POETRY = "[tool.poetry.dependencies]\npython = '{}'\n"


def image(name: str) -> dict[str, str]:
    """Return a Dockerfile with one stage."""
    return {"Dockerfile": f"FROM {name}\nCOPY . .\n"}


IMAGES = [
    ("python:3.10-alpine", "3.10"),
    ("python:3.11.7", "3.11"),
    ("docker.io/library/python:3.12@sha256:0a", "3.12"),
    ("registry.example.com:5000/hub/python:3.9-slim", "3.9"),
    ("--platform=linux/amd64 python:3.12-slim-bookworm AS app", "3.12"),
    ("ghcr.io/astral-sh/uv:python3.11-bookworm-slim", "3.11"),
    ("ghcr.io/astral-sh/uv:0.5.1-python3.12-alpine", "3.12"),
    ("tiangolo/uvicorn-gunicorn-fastapi:python3.11", "3.11"),
    ("mcr.microsoft.com/devcontainers/python:1-3.12-bullseye", "3.12"),
    ("nikolaik/python-nodejs:python3.12-nodejs20-slim", "3.12"),
    ("registry.access.redhat.com/ubi9/python-311:latest", "3.11"),
]


@pytest.mark.parametrize(("name", "version"), IMAGES)
def test_images(lay: Lay, name: str, version: str) -> None:
    """The Python of the project's own image is kept, however the image is called."""
    assert found(lay(image(name)), "python", runner="uvicorn") == (version, "Dockerfile:1")


DOCKERFILES = [
    ("ARG PYTHON_VERSION=3.12.1\nFROM python:${PYTHON_VERSION}-slim\n", "3.12", 2),
    ("ARG V\nFROM python:${V:-3.11}\n", "3.11", 2),
    ('ARG A=1 V="3.12"\nFROM python:$V\n', "3.12", 2),
    ("ARG V=3.12\nARG BASE=python:$V\nFROM $BASE\n", "3.12", 3),
    ("ARG V=3.12\nFROM python:${V:+3.11}-slim\n", "3.11", 2),
    ("# escape=`\nFROM `\n  python:3.12\n", "3.12", 2),
    ("FROM python:3.12\nCOPY <<EOF /x\nFROM python:3.11\nEOF\n", "3.12", 1),
    ("ARG BASE=python:3.12-slim\nFROM \\\n  $BASE AS base\nARG BASE=x\nFROM base\n", "3.12", 2),
    ("FROM python:3.11 AS build\nRUN x\nfrom python:3.12-slim\n", "3.12", 3),
    ("FROM node:20 AS web\nFROM python:3.11 AS build\nFROM debian:12-slim\nCOPY --from=build / /\n", "3.11", 2),
    ("FROM python:3.12 AS Base\nFROM node:20 AS web\nFROM base AS runtime\n", "3.12", 1),
]


@pytest.mark.parametrize(("text", "version", "line"), DOCKERFILES)
def test_stages(lay: Lay, text: str, version: str, line: int) -> None:
    """The last stage that has Python counts, with the defaults of arguments, and the stages that it builds upon."""
    assert found(lay({"Dockerfile": text}), "python") == (version, f"Dockerfile:{line}")


@pytest.mark.parametrize("name", ["python:3-slim", "python:alpine", "node:3.12", "gcr.io/distroless/python3-debian12"])
def test_images_that_say_nothing(lay: Lay, name: str) -> None:
    """An image whose name has no version of Python leaves the choice open."""
    assert found(lay(image(name)), "python") == ("3.14", "no file says it: the newest")


CI = """\
jobs:
  test:
    strategy:
      matrix:
        os: [ubuntu-22.04]
        python-version:
          - "3.10"
          - "3.12"
          - 3.11
    steps:
      - run: pip install x==3.13.1
      - uses: actions/setup-python@v5
        with:
          python-version: ${{ matrix.python-version }}
"""
SAYS: list[tuple[dict[str, str], str, str]] = [
    ({".python-version": "3.12\n3.9\n"}, "3.12", ".python-version:1"),
    ({".python-version": "3.12.4 # why\n"}, "3.12", ".python-version:1"),
    ({".python-version": "cpython-3.12.4-linux-x86_64-gnu"}, "3.12", ".python-version:1"),
    ({".python-version": "cpython-x86_64-linux@3.12.3"}, "3.12", ".python-version:1"),
    ({".python-version": "python3.12"}, "3.12", ".python-version:1"),
    ({".python-version": "312"}, "3.12", ".python-version:1"),
    ({".python-version": "3.13.0rc1"}, "3.13", ".python-version:1"),
    ({".python-version": ">=3.11,<3.13"}, "3.12", "the newest that .python-version:1 allows"),
    ({".tool-versions": "# asdf\nnodejs 20.1.0\npython 3.12.4 3.11.9\n"}, "3.12", ".tool-versions:3"),
    ({".tool-versions": "python latest:3.12\n"}, "3.12", ".tool-versions:1"),
    ({".tool-versions": "python system\n"}, "3.14", "no file says it: the newest"),
    ({"mise.toml": '[tools]\nnode = "20"\npython = "3.12"\n'}, "3.12", "mise.toml:3"),
    ({".mise.toml": '[tools]\npython = ["3.12", "3.11"]\n'}, "3.12", ".mise.toml:2"),
    ({"mise.toml": '[tools]\npython = {version = "3.12.1", virtualenv = ".venv"}\n'}, "3.12", "mise.toml:2"),
    ({".config/mise.toml": '[tools]\n"core:python" = "prefix:3.12"\n'}, "3.12", ".config/mise.toml:2"),
    ({"runtime.txt": "python-3.11.7\n"}, "3.11", "runtime.txt:1"),
    ({"app.yaml": "service: x\nruntime: python312\n"}, "3.12", "app.yaml:2"),
    ({"environment.yml": "name: x\ndependencies:\n  - python=3.11\n  - pip\n"}, "3.11", "environment.yml:3"),
    ({"environment.yml": "dependencies: [conda-forge::python=3.11.4=h1234_0]\n"}, "3.11.4", "environment.yml"),
    (
        {"environment.yml": "dependencies:\n- python >=3.10,<3.12\n"},
        "3.11",
        "the newest that environment.yml:2 allows",
    ),
    ({"setup.py": "setup(\n    python_requires='>=3.8,<3.12',\n)\n"}, "3.11", "the newest that setup.py:2 allows"),
    ({"setup.cfg": "[options]\npython_requires = ~=3.12.0\n"}, "3.12", "setup.cfg:2"),
    (
        {"requirements.txt": "#\n# This file is autogenerated by pip-compile with Python 3.12\n# by x\nfastapi==1\n"},
        "3.12",
        "requirements.txt:2",
    ),
    (
        {"requirements.txt": "# by\n#    uv pip compile --python-version=3.12 requirements.in -o requirements.txt\n"},
        "3.12",
        "requirements.txt:2",
    ),
    ({"requirements.txt": "#    uv pip compile requirements.in -p 3.11 -o x\n"}, "3.11", "requirements.txt:1"),
    ({".github/workflows/ci.yml": CI}, "3.12", ".github/workflows/ci.yml:8"),
    ({".github/workflows/x.yaml": "env:\n  PYTHON_VERSION: '3.11'\n"}, "3.11", ".github/workflows/x.yaml:2"),
    ({".gitlab-ci.yml": "test:\n  image: python:3.11-slim\n"}, "3.11", ".gitlab-ci.yml:2"),
    ({".circleci/config.yml": "docker:\n  - image: cimg/python:3.12.1\n"}, "3.12", ".circleci/config.yml:2"),
    ({".devcontainer/x.json": '{\n "image": "x/python:1-3.12"\n}\n'}, "3.12", ".devcontainer/x.json:2"),
    ({"pyproject.toml": '[tool.ruff]\ntarget-version = "py311"\n'}, "3.11", "pyproject.toml:2"),
    ({"pyproject.toml": '[tool.black]\ntarget-version = ["py311", "py312"]\n'}, "3.12", "pyproject.toml:2"),
    ({"pyproject.toml": '[tool.mypy]\npython_version = "3.12"\n'}, "3.12", "pyproject.toml:2"),
    ({"ruff.toml": 'target-version = "py312"\n'}, "3.12", "ruff.toml:1"),
    (
        {"pyproject.toml": f'{ANY}classifiers = [\n  "Programming Language :: Python :: 3.11",\n'
         '  "Programming Language :: Python :: 3.12",\n  "Programming Language :: Python :: 3 :: Only",\n]\n'},
        "3.12",
        "pyproject.toml:7",
    ),
    ({"docker/Dockerfile": "FROM python:3.11\n"}, "3.11", "docker/Dockerfile:1"),
    ({"tests/Dockerfile": "FROM python:3.11\n"}, "3.14", "no file says it: the newest"),
    ({"Dockerfile.prod": "FROM python:3.11\n"}, "3.11", "Dockerfile.prod:1"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "version", "place"), SAYS)
def test_places(lay: Lay, files: dict[str, str], version: str, place: str) -> None:
    """Whatever a project has that says its Python is read, and named with its line."""
    assert found(lay(files), "python") == (version, place)


def test_a_file_above(lay: Lay) -> None:
    """In a repository the version managers' files count from the folders above, too."""
    root = lay({"api/main.py": "app = 1\n", "api/requirements.txt": "fastapi\n", ".python-version": "3.12\n"})
    (root / ".git").mkdir()

    assert found(root / "api", "python", app="main:app") == ("3.12", "../.python-version:1")


def wheel(name: str, tags: str) -> str:
    """Return the line of a lock for a wheel."""
    return f'{{ url = "https://x.example/{name}-1.0-{tags}.whl" }},'


def uv_lock(wheels: dict[str, list[str]], marker: str = "") -> dict[str, str]:
    """Return a project that is locked with packages that have wheels."""
    links = "".join(f'{{ name = "{name}"{marker} }},' for name in wheels)
    packages = "".join(
        f'[[package]]\nname = "{name}"\nversion = "1.0"\nwheels = [{"".join(wheel(name, it) for it in tags)}]\n'
        for name, tags in wheels.items()
    )
    own = f'[[package]]\nname = "x"\nsource = {{ virtual = "." }}\ndependencies = [{links}]\n'
    return {"pyproject.toml": ANY, "uv.lock": f"version = 1\n{own}{packages}"}


OLD = {
    "asyncpg": ["cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp311-cp311-macosx_11_0_arm64"],
    "h11": ["py3-none-any"],
    "pywin32": ["cp311-cp311-win_amd64"],
    "cryptography": ["cp37-abi3-manylinux_2_17_x86_64"],
}


def test_wheels(lay: Lay) -> None:
    """Where nothing else speaks the newest is taken that all locked packages have wheels for on Linux."""
    root = lay(uv_lock(OLD))

    assert found(root, "python", runner="uvicorn") == ("3.10", "the newest that asyncpg 1.0 in uv.lock has wheels for")
    assert detect(ScaffoldRequest(python="3.12", runner="uvicorn"), root).notes[0] == (
        "no wheel for Python 3.12 in uv.lock of asyncpg 1.0: it has to be compiled, see to --apt, or pass --python 3.10"
    )


def test_wheels_of_poetry(lay: Lay) -> None:
    """What Poetry has locked is looked at in the same way, in its old form as well."""
    files = '{file = "asyncpg-0.26.0-cp39-cp39-manylinux_2_17_x86_64.whl", hash = "x"}'
    entry = '[[package]]\nname = "asyncpg"\nversion = "0.26.0"\n'
    for text in (f"{entry}files = [{files}]\n", f"{entry}[metadata.files]\nasyncpg = [{files}]\n"):
        root = lay({"pyproject.toml": POETRY.format("^3.8"), "poetry.lock": text})

        assert found(root, "python", runner="uvicorn") == (
            "3.9",
            "the newest that asyncpg 0.26.0 in poetry.lock has wheels for",
        )


def test_wheels_of_other_locks(lay: Lay) -> None:
    """PDM's lock and `pylock.toml` tell the same; a package with other files than wheels says nothing."""
    file = "asyncpg-0.26.0-cp310-cp310-manylinux_2_17_x86_64.whl"
    source = '[[{}]]\nname = "old"\nversion = "1"\n{} = {}\n'
    pdm = f'[[package]]\nname = "asyncpg"\nversion = "0.26.0"\nfiles = [{{file = "{file}"}}]\n'
    pylock = f'[[packages]]\nname = "asyncpg"\nversion = "0.26.0"\nwheels = [{{name = "{file}"}}]\n'
    for name, text in (
        ("pdm.lock", pdm + source.format("package", "files", '[{file = "old-1.tar.gz"}]')),
        ("pylock.toml", pylock + source.format("packages", "sdist", '{name = "old-1.tar.gz"}')),
    ):
        root = lay({"pyproject.toml": ANY, name: text})

        reason = f"the newest that asyncpg 0.26.0 in {name} has wheels for"
        assert found(root, "python", runner="uvicorn", deps=Path(name).stem) == ("3.10", reason)


def test_packages_for_other_versions(lay: Lay) -> None:
    """A package that newer versions do without does not hold the image back."""
    root = lay(uv_lock({"tomli": ["cp310-cp310-manylinux_2_17_x86_64"]}, ", marker = \"python_full_version < '3.11'\""))

    assert found(root, "python") == ("3.14", "the newest that pyproject.toml:3 allows")


PRECEDENCE: list[tuple[dict[str, str], str, str]] = [
    ({**image("python:3.11"), "pyproject.toml": ANY.replace(">=3.9", "==3.11.7")}, "3.11.7", "pyproject.toml:3"),
    ({**image("python:3.12"), ".python-version": "3.12.1", "pyproject.toml": ANY}, "3.12", "Dockerfile:1"),
    ({**image("python:3.12"), ".gitlab-ci.yml": "image: python:3.13\n"}, "3.12", "Dockerfile:1"),
    (
        {"requirements.txt": "# autogenerated by pip-compile with python 3.11\n", ".github/workflows/ci.yml": CI},
        "3.11",
        "requirements.txt:1",
    ),
    (
        {"pyproject.toml": f'{ANY}[tool.ruff]\ntarget-version = "py311"\n', ".github/workflows/ci.yml": CI},
        "3.12",
        ".github/workflows/ci.yml:8",
    ),
    (
        {"pyproject.toml": ANY.replace(">=3.9", ">=3.11,<3.12"), ".github/workflows/ci.yml": CI},
        "3.11",
        "pyproject.toml:3",
    ),
    (
        {"pyproject.toml": ANY.replace(">=3.9", ">=3.9,<3.12"), ".github/workflows/ci.yml": CI},
        "3.11",
        ".github/workflows/ci.yml:9",
    ),
    (
        {**uv_lock(OLD), ".github/workflows/ci.yml": CI},
        "3.10",
        ".github/workflows/ci.yml:7",
    ),
    (
        {"pyproject.toml": f'{ANY.replace(">=3.9", ">=3.13")}[tool.ruff]\ntarget-version = "py311"\n'},
        "3.14",
        "the newest that pyproject.toml:3 allows",
    ),
    (
        {"pyproject.toml": f'{ANY.replace(">=3.9", ">=3.11")}[tool.ruff]\ntarget-version = "py311"\n'},
        "3.14",
        "the newest that pyproject.toml:3 allows",
    ),
]


@pytest.mark.parametrize(("files", "version", "place"), PRECEDENCE)
def test_what_counts_more(lay: Lay, files: dict[str, str], version: str, place: str) -> None:
    """What the project runs with counts before what it was tested with; a linter's oldest version comes last."""
    assert found(lay(files), "python", runner="uvicorn") == (version, place)


CONTRADICTIONS: list[tuple[dict[str, str], str, str]] = [
    (
        {".python-version": "3.10", "pyproject.toml": ANY.replace("3.9", "3.11")},
        "Python is 3.10 by .python-version:1, and >=3.11 by pyproject.toml:3",
        "--python 3.10 or --python 3.14",
    ),
    (
        {**image("python:3.11"), ".python-version": "3.12"},
        "Python is 3.11 by Dockerfile:1, and 3.12 by .python-version:1",
        "--python 3.11 or --python 3.12",
    ),
    (
        {"runtime.txt": "python-3.11.2", "poetry.lock": "", "pyproject.toml": POETRY.format("^3.12,<3.14")},
        "Python is python-3.11.2 by runtime.txt:1, and ^3.12,<3.14 by pyproject.toml:2",
        "--python 3.11 or --python 3.13",
    ),
    (
        {".tool-versions": "python 3.13.1", "mise.toml": "[tools]\npython = '3.12'\n"},
        "Python is 3.13.1 by .tool-versions:1, and 3.12 by mise.toml:2",
        "--python 3.13 or --python 3.12",
    ),
]


@pytest.mark.parametrize(("files", "message", "choice"), CONTRADICTIONS)
def test_contradictions(lay: Lay, files: dict[str, str], message: str, choice: str) -> None:
    """Two places that cannot both be right are an error that names both; `--python` decides, and a note says so."""
    root = lay(files)

    error = refused(root)

    assert isinstance(error, ConfigError)
    assert (error.message, error.hint, error.option) == (
        message,
        f"put one of them right, or pass {choice}",
        "python",
    )
    assert found(root, "python", python="3.13.2") == ("3.13.2", "--python")


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({"python": "3.11"}, "pyproject.toml:3 says Python >=3.12, and --python gives 3.11"),
        ({"base": "python:3.11-slim"}, "pyproject.toml:3 says Python >=3.12, and --base gives 3.11"),
    ],
)
def test_an_option_that_contradicts(lay: Lay, options: dict[str, Any], note: str) -> None:
    """An option has the last word, and what it overrules is told."""
    root = lay({"pyproject.toml": ANY.replace("3.9", "3.12"), ".python-version": "nonsense"})

    assert detect(ScaffoldRequest(**options), root).notes == (note,)


CONSTRAINTS = [
    ("^3.9,<3.13", "3.12"),
    (">=3.8 <4", "3.14"),
    (">=3.8, <3.12", "3.11"),
    (">= 3.8,<= 3.12", "3.12"),
    ("~3.11", "3.11"),
    ("~3.11.2", "3.11"),
    ("~3", "3.14"),
    ("3.11.7", "3.11.7"),
    ("==3.11.7", "3.11.7"),
    ("3.11.*", "3.11"),
    ("3.*", "3.14"),
    ("~2.7 || ~3.11", "3.11"),
    ("^3.9 <3.10 || >=3.12 <3.14", "3.13"),
    ("3.11 | 3.12", "3.12"),
    ("^3.9,!=3.14.*", "3.13"),
    ("~=3.12", "3.14"),
    (">3.12", "3.14"),
]


@pytest.mark.parametrize(("constraint", "version"), CONSTRAINTS)
def test_what_poetry_means(lay: Lay, constraint: str, version: str) -> None:
    """Poetry's constraints mean what they mean to Poetry."""
    root = lay({"pyproject.toml": POETRY.format(constraint), "poetry.lock": ""})

    assert found(root, "python", runner="uvicorn")[0] == version


@pytest.mark.parametrize("constraint", ["", "new", "^3.9 ||", "^^3.9", "3.9-3.12"])
def test_no_constraint_of_poetry(lay: Lay, constraint: str) -> None:
    """What Poetry would not understand is an error."""
    root = lay({"pyproject.toml": POETRY.format(constraint), "poetry.lock": ""})

    assert refused(root).message == f"`{constraint}` (pyproject.toml:2) is not a version specifier"


def test_a_second_run(lay: Lay) -> None:
    """What was written here says nothing until somebody edits it; what it has replaced does."""
    root = lay({"requirements.txt": "fastapi\n", ".gitlab-ci.yml": "image: python:3.13\n"})
    request = ScaffoldRequest(python="3.12")
    text = next(file.text for file in plan(detect(request, root), request) if file.path == "Dockerfile")
    (root / "Dockerfile").write_text(text)

    assert found(root, "python") == ("3.13", ".gitlab-ci.yml:1")
    (root / "Dockerfile.before-scaffold").write_text("FROM python:3.11\n")
    assert found(root, "python") == ("3.11", "Dockerfile.before-scaffold:1")
    (root / ".python-version").write_text("3.13\n")
    assert found(root, "python") == ("3.13", ".python-version:1")
    (root / "Dockerfile").write_text(text.replace("EXPOSE", "# mine\nEXPOSE"))
    assert refused(root).message == "Python is 3.12 by Dockerfile:21, and 3.13 by .python-version:1"

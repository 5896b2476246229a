"""What is said when a name, an import or an option is wrong: all of stderr, and what it leads to."""
# ruff: noqa: E501  # one case a line reads better

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asgictl.cli import app
from tests.conftest import Write, finish

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
DJANGO = "import os\nfrom django.core.asgi import get_asgi_application\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\napplication = get_asgi_application()\n"
PIP = f"install it where asgictl runs: `{sys.executable} -m pip install"
GUARD = 'put it below `if __name__ == "__main__":`'

# An import that fails: the files, the app's name if there is one, the error, the hint.
IMPORTS: dict[str, tuple[dict[str, str], str | None, str, str]] = {
    "a misspelt submodule of the user's": (
        {"shop/__init__.py": "", "shop/db.py": "", "main.py": "import shop.dbb\n" + FASTAPI},
        None,
        "cannot load `main:app`: ModuleNotFoundError: No module named 'shop.dbb' (main.py:1)",
        "did you mean `shop.db`?",
    ),
    "a submodule that is like nothing": (
        {"shop/__init__.py": "", "shop/db.py": "", "main.py": "import shop.zebra\n" + FASTAPI},
        None,
        "cannot load `main:app`: ModuleNotFoundError: No module named 'shop.zebra' (main.py:1)",
        "there is no `zebra` in `{}/shop`",
    ),
    "a misspelt submodule of a package": (
        {"main.py": "import fastapi.middleware.corss\n" + FASTAPI},
        None,
        "cannot load `main:app`: ModuleNotFoundError: No module named 'fastapi.middleware.corss' (main.py:1)",
        "did you mean `fastapi.middleware.cors`?",
    ),
    "a misspelt app in Django's settings": (
        {
            "manage.py": "import os\nimport django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n",
            "site1/settings.py": "SECRET_KEY = 'x'\nINSTALLED_APPS = [\n    'django.contrib.messagess',\n]\n",
            "site1/asgi.py": DJANGO,
        },
        None,
        "cannot load `site1.asgi:application`: ModuleNotFoundError: No module named 'django.contrib.messagess' (site1/settings.py:3)",
        "did you mean `django.contrib.messages`?",
    ),
    "a misspelt module of the user's": (
        {"helper.py": "", "main.py": "import helpers\n" + FASTAPI},
        None,
        "cannot load `main:app`: ModuleNotFoundError: No module named 'helpers' (main.py:1)",
        "did you mean `helper`, which is in `{}`?",
    ),
    "a package under another name": (
        {"main.py": "import cv2\n" + FASTAPI},
        None,
        "cannot load `main:app`: ModuleNotFoundError: No module named 'cv2' (main.py:1)",
        f"{PIP} opencv-python`",
    ),
    "a package of uv's project": (
        {"uv.lock": "", "pyproject.toml": "[project]\nname = 'x'\n", "main.py": "import quaggas\n" + FASTAPI},
        None,
        "cannot load `main:app`: ModuleNotFoundError: No module named 'quaggas' (main.py:1)",
        "install it: `uv add quaggas`",
    ),
    "a package of Poetry's project": (
        {"poetry.lock": "", "main.py": "import zebras\n" + FASTAPI},
        None,
        "cannot load `main:app`: ModuleNotFoundError: No module named 'zebras' (main.py:1)",
        "install it: `poetry add zebras`",
    ),
    "a relative import without its package": (
        {"main.py": "from .words import x\n" + FASTAPI, "words.py": "x = 1\n"},
        "main:app",
        "cannot load `main:app`: ImportError: attempted relative import with no known parent package (main.py:1)",
        "it belongs to a package, and was named without it: `asgictl serve ./main.py`",
    ),
    "a relative import beyond the package": (
        {"shop/__init__.py": "", "shop/web.py": "from ..words import x\n" + FASTAPI},
        "shop.web:app",
        "cannot load `shop.web:app`: ImportError: attempted relative import beyond top-level package (shop/web.py:1)",
        "the import goes beyond the top of its package: name fewer dots, or start asgictl in the folder above",
    ),
    "an attribute of the app": (
        {"main.py": FASTAPI},
        "main:app.foo",
        "`main:app` has no attribute `foo`",
        "did you mean `main:app`?",
    ),
    "a factory with arguments that fails": (
        {"main.py": "def create_app(kind): raise ValueError(kind)\n"},
        "main:create_app('dev')",
        "the factory `main:create_app('dev')` failed: ValueError: dev (main.py:1)",
        "add --traceback to see the whole stack",
    ),
}


@pytest.mark.parametrize("case", IMPORTS)
def test_an_import_that_fails(write: Write, case: str) -> None:
    """The error names the user's file and line, and the hint leads on: never to a package that is there already."""
    files, named, error, hint = IMPORTS[case]
    folder = write(files)

    status, stdout, stderr = finish("serve", *([named] if named else []), "--check", "--port", "0", folder=folder)

    expected = [f"error: {error}", f"hint: {hint.replace('{}', str(folder))}"]
    assert (status, stdout, stderr.splitlines()) == (3, "", expected)


def test_the_hint_for_a_relative_import_works(write: Write) -> None:
    """What the hint says serves the app."""
    folder = write({"main.py": "from .words import x\n" + FASTAPI, "words.py": "x = 1\n"})

    status, stdout, stderr = finish("serve", "./main.py", "--check", "--port", "0", folder=folder)

    assert (status, stdout) == (0, "")
    assert stderr.startswith(f"note: {folder.name}.main:app (FastAPI) starts and would answer at ")


# A name that leads nowhere: the files, the name, the status, the error, the hint.
NAMES: dict[str, tuple[dict[str, str], str, int, str, str]] = {
    "a dot for the colon": ({"main.py": FASTAPI}, "main.app", 3, "there is no module `main.app` in `{}`", "did you mean `main:app`?"),
    "a dot behind the file": ({"main.py": FASTAPI}, "main.py.app", 3, "there is no module `main.py.app` in `{}`", "did you mean `main:app`?"),
    "a dot for the colon in a package": ({"shop/__init__.py": "", "shop/web.py": FASTAPI}, "shop.web.app", 3, "there is no module `shop.web.app` in `{}`", "did you mean `shop.web:app`?"),
    "a path without its ending": ({"src/main.py": FASTAPI}, "src/main:app", 3, "there is no file `{}/src/main`", "did you mean `src/main.py:app`?"),
    "a path with a dot": ({"src/main.py": FASTAPI}, "src/main.py.app", 3, "there is no file `{}/src/main.py.app`", "did you mean `src/main.py:app`?"),
    "a path with a dot for both": ({"src/main.py": FASTAPI}, "src/main.app", 3, "there is no file `{}/src/main.app`", "did you mean `src/main.py:app`?"),
    "a misspelt file": ({"src/main.py": FASTAPI}, "src/mian.py", 3, "there is no file `{}/src/mian.py`", "did you mean `src/main.py`?"),
    "a misspelt module": ({"main.py": FASTAPI}, "mian:app", 3, "there is no module `mian` in `{}`", "did you mean `main:app`?"),
    "a misspelt submodule": ({"shop/__init__.py": "", "shop/web.py": FASTAPI}, "shop.wbe:app", 3, "there is no module `shop.wbe` in `{}`", "did you mean `shop.web:app`?"),
    "a module of a folder below": ({"backend/app/main.py": FASTAPI}, "app.main:app", 3, "there is no module `app.main` in `{}`", "did you mean `backend/app/main.py:app`?"),
    "a call of an object": ({"main.py": FASTAPI}, "main:app()", 2, "`app` in `{}/main.py` is an object: it cannot be called like a factory", "did you mean `main:app`?"),
    "a call with a variable": ({"main.py": ""}, "main:create_app(x)", 2, "`create_app(x)` in `main:create_app(x)` is not the name of an object", "the arguments of a factory have to be literals, like `'dev'` or `debug=True`"),
    "an item": ({"main.py": FASTAPI}, "main:app[0]", 2, "`app[0]` in `main:app[0]` is not the name of an object", "did you mean `main:app`?"),
    "two words": ({"main.py": FASTAPI}, "main app", 2, "`main app` is neither a module nor a file", "did you mean `main:app`?"),
    "a file with a dash": ({"my-app.py": FASTAPI}, "my-app.py", 3, "`{}/my-app.py` cannot be imported: `my-app` is not a valid module name", "rename it, for example to `my_app.py`"),
    "a file beside its package": ({"app.py": FASTAPI, "app/__init__.py": ""}, "app.py", 3, "`{}/app.py` cannot be imported: the package `{}/app` takes its name", "rename one of them, or name the app that the package holds"),
    "a server of its own": ({"main.py": "import uvicorn\n" + FASTAPI + "uvicorn.run(app)\n"}, "main:app", 3, "`{}/main.py` starts a server of its own when it is imported: `uvicorn.run`, line 4", GUARD),
    "aiohttp": ({"main.py": "from aiohttp import web\napp = web.Application()\n"}, "main:app", 3, "`main:app` cannot be served: `{}/main.py` holds `app` (aiohttp), line 2", "it has a server of its own: start it with `python {}/main.py`"),
    "nothing like it": ({"shop.py": ""}, "zebra:app", 3, "there is no module `zebra` in `{}`", "run it in the project's folder, or without a name to look for the app"),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMES)
def test_a_name_that_leads_nowhere(write: Write, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """The error says what was looked for, and the hint what was meant; never what was typed."""
    files, name, status, error, hint = NAMES[case]
    folder = write(files)
    monkeypatch.chdir(folder)

    result = run("serve", name, "--dry-run")

    lines = [line.replace("{}/", "").replace("{}", str(folder)) for line in (f"error: {error}", f"hint: {hint}")]
    assert (result.exit_code, result.stdout, result.stderr.splitlines()) == (status, "", lines)
    assert f"`{name}`" not in hint


# What users of other programs type: the arguments, and what is said of it.
COMMANDS = {
    ("main:app",): "No such command 'main:app'. Did you mean 'asgictl serve main:app'?",
    ("main.py", "-p", "80"): "No such command 'main.py'. Did you mean 'asgictl serve main.py -p 80'?",
    ("run", "main:app"): "No such command 'run'. Did you mean 'asgictl serve main:app'?",
    ("dev",): "No such command 'dev'. Did you mean 'asgictl serve --dev'?",
    ("start",): "No such command 'start'. Did you mean 'asgictl serve'?",
    ("version",): "No such command 'version'. Did you mean 'asgictl --version'?",
    ("help",): "No such command 'help'. Did you mean 'asgictl --help'?",
    ("help", "serve"): "No such command 'help'. Did you mean 'asgictl serve --help'?",
    ("docker",): "No such command 'docker'. Did you mean 'asgictl scaffold'?",
    ("--reload", "main:app"): "No such option: --reload. Did you mean 'asgictl serve --reload main:app'?",
    ("servve",): "No such command 'servve'. Did you mean 'serve'?",
    ("zebra",): "No such command 'zebra'.",
    ("--zebra",): "No such option: --zebra",
}


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_of_another_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """The command that does it here is named, with what was typed behind it."""
    monkeypatch.chdir(tmp_path)

    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert " ".join(result.stderr.replace("│", " ").split("─ Error ")[1].split()).strip("─╮╰╯ ") == COMMANDS[arguments]


# An option that another program has, or that does nothing as it stands.
OPTIONS: dict[tuple[str, ...], tuple[str, str]] = {
    ("--app", "main:app"): ("`--app` is not an option of `asgictl serve`", "name the app as the argument: `asgictl serve main:app`"),
    ("--bind", "0.0.0.0:80"): ("`--bind` is not an option of `asgictl serve`", "pass --host ADDR and --port N, or --uds FILE"),
    ("-b", "0.0.0.0:80"): ("`-b` is not an option of `asgictl serve`", "pass --host ADDR and --port N, or --uds FILE"),
    ("--ssl",): ("`--ssl` is not an option of `asgictl serve`", "pass --https, or --ssl-certfile with a certificate"),
    ("--app-dir", "src"): ("`--app-dir` is not an option of `asgictl serve`", "change into the app's folder, or name its file"),
    ("--debug",): ("`--debug` is not an option of `asgictl serve`", "pass --dev"),
    ("--host", "127.0.0.1:9000"): ("`--host 127.0.0.1:9000` holds a port", "pass --host 127.0.0.1 --port 9000"),
    ("--host", "[::1]:9000"): ("`--host [::1]:9000` holds a port", "pass --host ::1 --port 9000"),
    ("--host", "http://localhost:9000"): ("`--host http://localhost:9000` holds a port", "pass --host localhost --port 9000"),
    ("--reload-dir", "."): ("`--reload-dir` does nothing without `--reload`", "pass --reload too, or drop it"),
    ("--reload-include", "*.html"): ("`--reload-include` does nothing without `--reload`", "pass --reload too, or drop it"),
    ("--reload-exclude", "x"): ("`--reload-exclude` does nothing without `--reload`", "pass --reload too, or drop it"),
    ("--show-errors", "always"): ("`--show-errors` does nothing without `--reload`", "pass --reload too, or drop it"),
    ("--uds-mode", "600"): ("`--uds-mode` does nothing without `--uds`", "pass --uds too, or drop it"),
    ("--quiet-path", "/x", "--no-access-log"): ("`--quiet-path` does nothing without `--access-log`", "pass --access-log too, or drop it"),
    ("--access-log-format", "json", "--no-access-log"): ("`--access-log-format` does nothing without `--access-log`", "pass --access-log too, or drop it"),
    ("--ws-max-size", "5", "--ws", "none"): ("`--ws-max-size` does nothing with `--ws none`", "drop one of them"),
    ("--forwarded-allow-ips", "*", "--no-proxy-headers"): ("`--forwarded-allow-ips` does nothing without `--proxy-headers`", "pass --proxy-headers too, or drop it"),
}  # fmt: skip


@pytest.mark.parametrize("arguments", OPTIONS, ids=" ".join)
def test_an_option_that_does_nothing(arguments: tuple[str, ...]) -> None:
    """An option that is another program's, or does nothing as it stands, is an error that says what does it."""
    error, hint = OPTIONS[arguments]

    result = run("serve", "demo", *arguments, "--dry-run")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [f"error: {error}", f"hint: {hint}"]


IDLE = {
    ("main:app", "--wsgi-threads", "3"): "`--wsgi-threads` does nothing for an ASGI app like `main:app`",
    ("main:app", "--no-static"): "`--static` does nothing for `main:app` (FastAPI): it is about Django's static files",
    ("flasky:app", "--wsgi-threads", "3"): None,
    ("other:app", "--wsgi-threads", "3", "--no-static"): None,
}


@pytest.mark.parametrize("arguments", IDLE, ids=" ".join)
def test_an_option_for_other_apps(write: Write, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    """An option that is not for the app's kind is an error, where the source tells its kind."""
    flask = "from flask import Flask\napp = Flask('x')\n"
    monkeypatch.chdir(write({"main.py": FASTAPI, "flasky.py": flask, "other.py": "from x import y\napp = y()\n"}))
    error = IDLE[arguments]

    result = run("serve", *arguments, "--dry-run")

    assert result.exit_code == (2 if error else 0)
    if error:
        assert result.stderr.splitlines() == [f"error: {error}", "hint: drop it"]


def test_a_file_may_set_what_does_nothing(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set for other runs is no error in this one; a variable is looked at all the same."""
    folder = write({"pyproject.toml": "[tool.asgictl.serve]\nreload-dir = ['nodir']\nshow-errors = 'always'\n"})
    monkeypatch.chdir(folder)

    assert run("serve", "demo", "--dry-run").exit_code == 0
    monkeypatch.setenv("ASGICTL_SERVE_RELOAD_DIR", "nodir")
    result = run("serve", "demo", "--dry-run")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "error: there is no folder `nodir` to watch (ASGICTL_SERVE_RELOAD_DIR)",
        "hint: pass --reload-dir with a folder",
    ]


# Folders that hold somebody's code, and no app.
WITHOUT = {
    "a script": {"main.py": "print('x')\n"},
    "a notebook": {"data.ipynb": "{}"},
    "requirements": {"requirements.txt": "flask\n"},
    "a manifest": {"pyproject.toml": "[project]\nname = 'x'\n"},
    "streamlit": {"app.py": "import streamlit as st\n"},
    "celery": {"worker.py": "from celery import Celery\napp = Celery()\n"},
    "tests of a library": {"lib/__init__.py": "", "tests/app.py": FASTAPI},
    "a command line": {"main.py": "import typer\napp = typer.Typer()\n"},
    "a library": {"src/lib/__init__.py": "x = 1\n"},
    "a factory with arguments": {"app.py": "from flask import Flask\ndef create_app(config): return Flask(config)\n"},
}


@pytest.mark.parametrize("case", WITHOUT)
def test_no_foreign_page_in_a_folder_with_code(write: Write, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """No command puts the bundled app in the place of an app that was not found."""
    monkeypatch.chdir(write(WITHOUT[case]))

    for command in (("serve",), ("serve", "--check"), ("serve", "--dry-run"), ("inspect",), ("scaffold", "--dry-run")):
        result = run(*command)

        assert (result.exit_code, result.stdout) == (3, "")
        error, hint = result.stderr.splitlines()
        assert error.startswith(f"error: no app was found in `{Path.cwd()}`")
        assert hint.startswith("hint: ")


def test_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is nothing, `--dry-run` says so and shows the bundled app; a check has nothing to check."""
    monkeypatch.chdir(tmp_path)

    shown, checked = run("serve", "--dry-run"), run("serve", "--check")

    assert (shown.exit_code, shown.stdout) == (0, "uvicorn asgictl.demo:app --timeout-graceful-shutdown 8\n")
    assert shown.stderr.splitlines()[:2] == [
        "note: no app found, looked in this folder; serving the bundled app",
        "hint: name yours: `asgictl serve module:app`",
    ]
    assert (checked.exit_code, checked.stdout) == (3, "")
    assert checked.stderr.splitlines() == [
        f"error: there is no app in `{tmp_path}`",
        "hint: name it: `asgictl serve module:app` (looked in this folder)",
    ]


def test_what_could_not_be_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A FIFO where a file is expected does not hold anything up, and what nests too deeply is two lines."""
    folder = write({"main.py": FASTAPI})
    monkeypatch.chdir(folder)
    os.mkfifo("Procfile")

    result = run("serve", "--dry-run")

    assert (result.exit_code, result.stdout) == (0, "uvicorn main:app --timeout-graceful-shutdown 8\n")
    assert result.stderr == "note: `Procfile` is passed over: it is not a regular file\n"

    Path("main.py").write_text("x = " + "-" * 100_000 + "1\n")
    result = run("serve", "--dry-run")
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (3, "", 2)
    assert result.stderr.splitlines()[0] == "error: cannot read `main.py`: it nests too deeply"

    Path("pyproject.toml").write_text("x = " + "[" * 100_000)
    result = run("serve", "--dry-run")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        f"error: cannot read `{folder}/pyproject.toml`: it nests too deeply",
        "hint: put the TOML syntax right",
    ]
    Path("pyproject.toml").write_text("x = " + "1" * 100_000)
    many = "Exceeds the limit (4300 digits) for integer string conversion: value has 100000 digits"
    assert run("serve", "--dry-run").stderr.splitlines() == [
        f"error: cannot read `{folder}/pyproject.toml`: {many}",
        "hint: put the TOML syntax right",
    ]


def run(*arguments: str) -> Any:
    """Run a command in this process."""
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, arguments, prog_name="asgictl", catch_exceptions=False)

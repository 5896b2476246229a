"""What the files of a project name: read as text, nothing is run, and what is somebody else's is left."""
# ruff: noqa: E501  # one case a line reads better

import os
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asgictl import reading
from asgictl.cli import app
from asgictl.discovery import find
from tests.conftest import Write
from tests.test_environment import give_away

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"


def test_a_line_of_env_that_is_none(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    """A comment does not name the app, and what cannot be read is nobody's."""
    folder = write({".env": "# FLASK_APP=one\nA B\nFLASK_APP='two'\n", "one.py": FASTAPI, "two.py": FASTAPI})

    ref = find(None, folder, {}, lambda _: None)

    assert (str(ref), ref.found) == ("two:app", "named in .env, line 3")
    assert capfd.readouterr() == ("", "")


HARMLESS = "import pathlib\npathlib.Path('run').touch()\n"

# Files of a hostile clone, none of which may be run, hold anything up, or end in a traceback.
HOSTILE = {
    "a command in a Procfile": {"Procfile": "web: uvicorn $(touch run) `touch run` main:app; touch run\n"},
    "a command in a Makefile": {"Makefile": "x := $(shell touch run)\nrun:\n\tuvicorn main:app; touch run\n"},
    "a setup.py": {"setup.py": HARMLESS},
    "a manage.py": {"manage.py": HARMLESS},
    "a gunicorn.conf.py": {"gunicorn.conf.py": HARMLESS, "Procfile": "web: gunicorn main:app\n"},
    "a Dockerfile that leads out": {"Dockerfile": 'FROM x\nCOPY ../../etc /x\nWORKDIR /../../..\nENTRYPOINT ["/../../etc/profile.sh"]\n'},
    "a Dockerfile without sense": {"Dockerfile": 'CMD ["uvicorn"\nENV\nCMD {}\nENTRYPOINT [1, null]\n'},
    "compose that leads out": {"compose.yaml": "services: {web: {build: {context: ../../..}, command: 'uvicorn x:y'}}\n"},
    "compose without sense": {"compose.yaml": "services: [1, 2]\n"},
    "compose with a number": {"compose.yaml": "services: {web: {command: 5, build: 7, environment: 3, working_dir: []}}\n"},
    "compose that nests": {"compose.yaml": "[" * 5_000},
    "compose that multiplies": {"compose.yaml": "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}, *{chr(97 + n)}, *{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20))},
    "quotes that never end": {"Dockerfile": 'CMD ["./start.sh"]\n', "start.sh": "'\n" + "uvicorn x\n" * 19_000},
    "an object in compose": {"compose.yaml": "services: {web: {command: !!python/object/apply:os.system ['touch run']}}\n"},
    "something large": {"Procfile": "web: x\n" * 100_000},
    "bytes": {"Procfile": "web: \0\1 uvicorn main:app\n", ".env": "FLASK_APP=\0\n"},
    "tables that are none": {"pyproject.toml": "[tool]\npoe = 5\n[project]\nscripts = ['x']\n"},
    "files that import each other": {"a.py": "from b import *\n", "b.py": "from a import *\n", "app.py": "from a import *\nfrom b import *\n"},
    "functions that call each other": {"app.py": "def create_app(): return make()\ndef make(): return create_app()\n"},
    "a name that is itself": {"app.py": "app = app\nx = y\ny = x\napi = x\n"},
    "a module of a great depth": {"server.py": "app = " + "(" * 90 + "1" + ")" * 90 + "\nx = " + ".a" * 3_000 + "\n"},
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_clone(write: Write, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Whatever lies in a folder, the app that is there is found, and nothing of it was run."""
    folder = write({"main.py": FASTAPI, **HOSTILE[case]})
    monkeypatch.chdir(folder)

    result = run("serve", "--dry-run")

    assert (result.exit_code, result.stdout) == (0, "uvicorn main:app --timeout-graceful-shutdown 8\n")
    assert not (folder / "run").exists()


@pytest.mark.parametrize("name", ["Procfile", "Dockerfile", "compose.yaml", "Makefile", ".env", ".flaskenv"])
def test_a_file_of_somebody_elses(write: Write, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What another user has put there is passed over, which is told."""
    texts = {
        "Procfile": "web: uvicorn evil:app\n",
        "Dockerfile": "CMD uvicorn evil:app\n",
        "compose.yaml": "services: {web: {command: uvicorn evil:app}}\n",
        "Makefile": "run:\n\tuvicorn evil:app\n",
    }
    folder = write({"main.py": FASTAPI, "evil.py": FASTAPI, name: texts.get(name, "FLASK_APP=evil:app\n")})
    monkeypatch.chdir(folder)
    assert str(find(None, folder, {}, lambda _: None)) == "evil:app"

    whose = give_away(folder / name, monkeypatch)
    ref = find(None, folder, {}, lambda _: None)

    assert str(ref) == "main:app"
    assert ref.notes == (f"`{folder / name}` is passed over: it belongs to {whose}, neither to you nor to root",)


def test_a_project_file_of_somebody_elses(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `pyproject.toml` of another user's sets nothing, for no command."""
    folder = write(
        {
            "pyproject.toml": "[tool.asgictl]\napp = 'evil:app'\n[tool.asgictl.serve]\nport = 4444\n[tool.asgictl.gen-cert]\ndays = 7\n",
            "main.py": FASTAPI,
        }
    )
    monkeypatch.chdir(folder)
    whose = give_away(folder / "pyproject.toml", monkeypatch)
    note = f"note: `{folder}/pyproject.toml` is passed over: it belongs to {whose}, neither to you nor to root\n"

    served = run("serve", "--dry-run")
    certified = run("gen-cert")

    assert (served.exit_code, served.stdout, served.stderr) == (
        0,
        "uvicorn main:app --timeout-graceful-shutdown 8\n",
        note,
    )
    assert certified.exit_code == 0
    assert certified.stderr.startswith(note)
    assert re.search(r"\(19[89] days\)", certified.stderr)  # not 7


@pytest.mark.parametrize("mark", [".git", "home"])
def test_no_project_file_above_the_top(write: Write, monkeypatch: pytest.MonkeyPatch, mark: str) -> None:
    """Above the repository's root, and above the home folder, no `pyproject.toml` counts."""
    folder = write({"pyproject.toml": "[tool.asgictl]\napp = 'evil:app'\n", "shop/web/main.py": FASTAPI})
    monkeypatch.chdir(folder / "shop" / "web")
    assert run("serve", "--dry-run").exit_code == 3

    if mark == "home":
        monkeypatch.setenv("HOME", str(folder / "shop"))
    else:
        (folder / "shop" / ".git").mkdir()

    assert run("serve", "--dry-run").stdout == "uvicorn main:app --timeout-graceful-shutdown 8\n"


def test_what_is_no_file(tmp_path: Path) -> None:
    """A FIFO, a folder and what is too large are told apart at once."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(b"x" * 11)

    with pytest.raises(OSError, match="it is not a regular file"):
        reading.content(tmp_path / "fifo")
    with pytest.raises(IsADirectoryError):
        reading.content(tmp_path)
    with pytest.raises(OSError, match="it is larger than 10 bytes"):
        reading.content(tmp_path / "large", limit=10)
    assert reading.content(tmp_path / "large", limit=11) == b"x" * 11


def run(*arguments: str) -> Any:
    """Run a command in this process."""
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, arguments, prog_name="asgictl", catch_exceptions=False)

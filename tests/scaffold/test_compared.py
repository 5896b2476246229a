"""Locks that `scaffold --check` has compared with what is declared: by whom, and without running the project's code."""

import shutil
import sys
from pathlib import Path

import pytest

from asgictl.scaffold.lint import locks
from asgictl.scaffold.lint.tools import Run
from tests.scaffold.test_tools import answer, calls, install, programs, root

__all__ = ["programs", "root"]

LOCKS = [
    ("uv", "uv.lock", ["uv", "lock", "--check"]),
    ("poetry", "poetry.lock", ["poetry", "--no-plugins", "check", "--lock"]),
    ("pdm", "pdm.lock", ["pdm", "lock", "--check", "--skip=:all"]),
]
MANIFEST = """\
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = []
[build-system]
requires = []
build-backend = "evil"
backend-path = ["."]
"""
LOCK = """\
version = 1
requires-python = ">=3.11"

[[package]]
name = "shop"
version = "1"
source = { editable = "." }
"""
NOT_COMPARED = "the lock was not compared with what is declared"


@pytest.mark.parametrize(("kind", "lock", "words"), LOCKS)
def test_a_lock_and_what_is_declared(root: Path, programs: Path, kind: str, lock: str, words: list[str]) -> None:
    """The tool that a lock is of says whether it is up to date; without the tool that is left open, and said."""
    (root / "pyproject.toml").write_text(MANIFEST)
    missing = (f"not installed: {NOT_COMPARED}",)
    assert list(locks.compared(kind, root)) == [Run(words[0], lock, passed=None, said=missing)]

    install(programs, words[0])
    assert list(locks.compared(kind, root)) == [Run(words[0], lock, passed=True, said=())]
    ((*called, folder, _),) = calls(programs)
    assert (called, folder == str(root)) == (words, kind == "poetry")

    answer(programs, **{words[0]: {"status": 1, "err": "it is older"}})
    assert list(locks.compared(kind, root)) == [Run(words[0], lock, passed=False, said=("it is older",))]


def test_a_lock_that_nobody_compares(root: Path, programs: Path) -> None:
    """Of a lock of Pipenv's, whose tool would write, it is said that it was not compared; a list has none."""
    assert [(run.tool, run.passed) for run in locks.compared("pipenv", root)] == [("pipenv", None)]
    assert list(locks.compared("requirements", root)) == []
    assert calls(programs) == []


@pytest.fixture
def hostile(root: Path) -> Path:
    """Return a project whose build backend, and whose interpreter, note that they were run."""
    if shutil.which("uv", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("needs uv")
    ran = f"open({str(root / 'RAN')!r}, 'w')"
    (root / "evil.py").write_text(f"{ran}\n")
    (root / "sitecustomize.py").write_text(f"{ran}\n")
    python = root / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    (root / ".venv/pyvenv.cfg").touch()
    python.write_text(f"#!/bin/sh\ntouch '{root / 'RAN'}'\n")
    python.chmod(0o755)
    (root / ".python-version").write_text(f"{python}\n")
    (root / "pyproject.toml").write_text(MANIFEST)
    (root / "uv.lock").write_text(LOCK)
    return root


EDITS = {
    "it is up to date": ("", "", True, ()),
    "it has a dependency more": ("dependencies = []", "dependencies = ['iniconfig']", False, None),
    "its dependencies are dynamic": (
        "dependencies = []",
        "dynamic = ['dependencies']",
        None,
        (f"its dependencies are dynamic, and only its build backend knows them: {NOT_COMPARED}",),
    ),
    "it has no table of its own": ("[project]", "[tool.x]", None, None),
    "it is for another Python": (">=3.11", ">=3.99", None, None),
}


@pytest.mark.parametrize(("old", "new", "passed", "said"), EDITS.values(), ids=list(EDITS))
def test_nothing_of_the_project_runs(
    hostile: Path, old: str, new: str, passed: bool | None, said: tuple[str, ...] | None
) -> None:
    """Uv compares what it can without the project's code and interpreter, and the rest is left open, and said."""
    (hostile / "pyproject.toml").write_text(MANIFEST.replace(old, new))

    (run,) = locks.compared("uv", hostile)

    assert (run.passed, run.said if said is not None else None) == (passed, said)
    assert not (hostile / "RAN").exists()


def test_members(hostile: Path) -> None:
    """A workspace is compared with its members; a member whose dependencies are dynamic leaves it open."""
    member = hostile / "lib/pyproject.toml"
    member.parent.mkdir()
    member.write_text('[project]\nname = "lib"\nversion = "1"\n')
    with (hostile / "pyproject.toml").open("a") as file:
        file.write('[tool.uv.workspace]\nmembers = ["lib"]\n')
    lock = LOCK.replace("\n\n[[", '\n\n[manifest]\nmembers = ["lib", "shop"]\n\n[[', 1)
    (hostile / "uv.lock").write_text(
        f'{lock}\n[[package]]\nname = "lib"\nversion = "1"\nsource = {{ virtual = "lib" }}\n'
    )

    (run,) = locks.compared("uv", hostile, ["lib"])
    assert (run.passed, run.said) == (True, ())

    member.write_text('[project]\nname = "lib"\nversion = "1"\ndynamic = ["optional-dependencies"]\n')
    (run,) = locks.compared("uv", hostile, ["lib"])
    assert run.passed is None

    (run,) = locks.compared("uv", hostile, ["../lib"])
    assert run.said == (f"`../lib` lies outside of the folder with the lock: {NOT_COMPARED}",)
    assert not (hostile / "RAN").exists()

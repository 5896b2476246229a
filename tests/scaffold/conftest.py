"""What the tests of the command share: a project, what is found of it, and the command in this process."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asgictl.cli import app
from asgictl.errors import AsgictlError
from asgictl.scaffold.detect import detect, runner
from asgictl.scaffold.request import ScaffoldRequest

APP = "import logging\nasync def app(scope, receive, send): ...\n"
Lay = Callable[..., Path]


@pytest.fixture(autouse=True)
def _from_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an asgictl that was installed from an index, however this one was."""
    monkeypatch.setattr(runner, "_origin", lambda: None)


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Lay out files, beside an app unless there is one among them."""

    def lay(files: dict[str, str], app: str | None = APP) -> Path:
        root = tmp_path / "shop"
        for name, text in {**({"main.py": app} if app else {}), **files}.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(text))
        return root

    return lay


def found(root: Path, topic: str, **options: Any) -> tuple[str, str]:
    """Return an answer and its source."""
    project = detect(ScaffoldRequest(**options), root)
    return next((it.value, it.source) for it in project.findings if it.topic == topic)


def refused(root: Path, **options: Any) -> AsgictlError:
    """Return the error that a look at a project ends with; each has a hint."""
    with pytest.raises(AsgictlError) as error:
        detect(ScaffoldRequest(**options), root)
    assert error.value.hint
    return error.value


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a project called shop."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "main.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    (folder / "requirements.txt").write_text("fastapi\n")
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: str) -> Any:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["scaffold", *arguments], prog_name="asgictl", catch_exceptions=False)

"""What the tests of the command share: a small project, and the command in this process."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asgictl.cli import app


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

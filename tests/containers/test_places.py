"""Files that the app needs, and places that it writes to, in images that are built and run."""

from pathlib import Path

import pytest

from tests.conftest import ASGICTL
from tests.containers import lab, projects

NOTES = """
    import sqlite3
    from pathlib import Path

    from fastapi import FastAPI

    BASE = Path(__file__).resolve().parents[2]
    app = FastAPI()
    words = Path("docs/words.txt").read_text()
    more = (BASE / "templates" / "x.html").read_text()
    database = sqlite3.connect("data/notes.db")
    database.execute("CREATE TABLE IF NOT EXISTS notes (text)")
    (Path.home() / ".cache").mkdir(exist_ok=True)


    @app.get("/healthz")
    async def healthz():
        return {"words": words, "more": more, "files": sorted(str(it) for it in Path().iterdir())}
"""
FILES = {
    ".python-version": "3.11\n",
    "pyproject.toml": """
        [build-system]
        requires = ["setuptools"]
        build-backend = "setuptools.build_meta"

        [project]
        name = "notes"
        version = "1"
        dependencies = ["fastapi"]
    """,
    "src/notes/__init__.py": "",
    "src/notes/main.py": NOTES,
    "docs/words.txt": "words",
    "docs/more.txt": "",
    "templates/x.html": "more",
    "alembic.ini": "",
    "data/kept.txt": "",
}


@pytest.fixture
def project(tmp_path: Path, engine: None) -> Path:
    """Lay out a package that opens what lies beside it, and writes to a folder."""
    return projects.write(tmp_path / "notes", projects.Kind(FILES))


def test_a_package_that_opens_and_writes(project: Path) -> None:
    """An app that writes fails with the option in the hint; with it, it has all that it opens, and what it writes."""
    lab.call(str(ASGICTL), "scaffold", folder=project)

    failed = lab.call(str(ASGICTL), "scaffold", "--verify", folder=project, check=False)
    assert failed.splitlines()[-1] == (
        "hint: SQLite writes beside its file: pass --volume data:/app/data, and put the file there"
    )

    lab.call(str(ASGICTL), "scaffold", "--volume", "data:/app/data", "--save", folder=project)
    assert "ok        stop" in lab.call(str(ASGICTL), "scaffold", "--verify", folder=project)

"""which changes of files restart the app."""

import sys
from pathlib import Path

import pytest

from asgictl.errors import ConfigError
from asgictl.serving.reload import changes

COUNTS = {
    "main.py": True,
    "deep/down/here.py": True,
    "main.pyc": False,
    "index.html": False,
    ".hidden.py": False,
    "main.py~": False,
    ".venv/lib/x.py": False,
    "venv/lib/x.py": False,
    "tools/env/lib/x.py": False,  # with a pyvenv.cfg
    "a/site-packages/x.py": False,
    "a/node_modules/b/x.py": False,
    "a/__pycache__/x.py": False,
    ".git/x.py": False,
    ".tox/x.py": False,
    "__pypackages__/x.py": False,
    "a/dist-packages/x.py": False,
    "my_venv/lib/x.py": True,
    "venv.py": True,
    "a/node_modules.py": True,
    "venvs/x.py": True,
}


@pytest.mark.parametrize("path", COUNTS)
def test_defaults(tmp_path: Path, path: str) -> None:
    """Python files count, but for those of environments and tools."""
    (tmp_path / "tools/env").mkdir(parents=True)
    (tmp_path / "tools/env/pyvenv.cfg").touch()
    watched = changes.Changes([tmp_path], [], [])

    assert watched(None, str(tmp_path / path)) is COUNTS[path]


# With each file that the default patterns leave out, one that looks alike and counts.
WRITTEN = {
    ".hidden": "hidden.",
    "main.py~": "main.py~1",
    "~main.doc": "main~.doc",
    "main.pyc": "main.pyx",
    "main.pyo": "main.pyi",
    "main.pyd": "main.py",
    ".main.swp": "main.sw",
    "main.swo": "main.swap",
    "x.tmp": "x.tmpl",
    "x.log": "x.logs",
    "x.pid": "pid",
    "x.db": "x.dbx",
    "x.db-journal": "x.db.sql",
    "x.db-wal": "db-wal",
    "x.sqlite": "x.sqlit",
    "x.sqlite3": "sqlite3",
    "x.sqlite3-shm": "x-sqlite3",
    "x.lock": "x.locked",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_programs_write(tmp_path: Path, name: str) -> None:
    """Even when all files count, what apps, databases and editors write does not, unless it is named."""
    watched = changes.Changes([tmp_path], ["*"], [])

    assert [watched(None, str(tmp_path / f"a/{it}")) for it in (name, WRITTEN[name])] == [False, True]
    assert changes.Changes([tmp_path], [name], [])(None, str(tmp_path / name))


def test_asgictls_own_folder(tmp_path: Path) -> None:
    """What asgictl itself writes never counts, and what is beside it does."""
    (tmp_path / "own").mkdir()
    watched = changes.Changes([tmp_path], [], [], own=tmp_path / "own/../own")

    assert [watched(None, str(tmp_path / name)) for name in ("own/x.py", "owner/x.py", "own.py")] == [False, True, True]


def test_a_new_environment_counts_never(tmp_path: Path) -> None:
    """A virtual environment of any name is left out from the moment it is one."""
    watched = changes.Changes([tmp_path], [], [])
    assert watched(None, str(tmp_path / "later/lib/x.py"))

    (tmp_path / "later").mkdir()
    (tmp_path / "later/pyvenv.cfg").touch()

    assert not watched(None, str(tmp_path / "later/lib/x.py"))


def test_the_interpreters_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python that runs is left out, unless the project lies in it."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "python"))
    assert not changes.Changes([tmp_path], [], [])(None, str(tmp_path / "python/lib/x.py"))

    assert changes.Changes([tmp_path / "python/app"], [], [])(None, str(tmp_path / "python/app/x.py"))


# Include, exclude, and what counts then.
PATTERNS: list[tuple[list[str], list[str], str, bool]] = [
    (["*.html"], [], "templates/mail/a.html", True),
    (["templates/**/*.html"], [], "templates/a.html", True),
    (["templates/**/*.html"], [], "templates/mail/deep/a.html", True),
    (["templates/**/*.html"], [], "other/a.html", False),
    (["conf"], [], "conf/a/b.toml", True),
    (["conf/"], [], "conf/b.toml", True),
    (["./conf/"], [], "conf/b.toml", True),
    (["./conf/"], [], "a/conf/b.toml", False),
    ([".env"], [], ".env", True),
    (["*"], [], "data.sqlite3", False),
    (["*"], [], "data.db-journal", False),
    (["*"], [], ".env", False),
    (["data.sqlite3"], [], "data.sqlite3", True),
    (["*.html"], [], "node_modules/a.html", False),
    ([], ["tests"], "tests/test_a.py", False),
    ([], ["tests/"], "a/tests/test_a.py", False),
    ([], ["test_*.py"], "a/test_a.py", False),
    ([], ["docs/**/*.py"], "docs/a/b/c.py", False),
    ([], ["docs/**/*.py"], "a.py", True),
    ([], ["{folder}/docs"], "docs/a.py", False),
    ([], ["{folder}/docs/"], "a/docs/a.py", True),
    ([], ["{folder}/../elsewhere"], "elsewhere/a.py", True),
    ([], ["./docs"], "docs/a.py", False),
    ([], ["./docs"], "a/docs/a.py", True),
    ([".e?v"], [], ".env", False),
    ([".e[n]v"], [], ".env", False),
    ([".e*"], [], ".env", False),
    (["*.html"], ["*.html"], "a.html", False),
]


@pytest.mark.parametrize(("include", "exclude", "path", "counts"), PATTERNS)
def test_patterns(tmp_path: Path, include: list[str], exclude: list[str], path: str, counts: bool) -> None:
    """Patterns are gitignore's: names, folders, globs over any depth, and absolute paths."""
    exclude = [pattern.format(folder=tmp_path) for pattern in exclude]
    watched = changes.Changes([tmp_path], include, exclude)

    assert watched(None, str(tmp_path / path)) is counts


def test_a_file_by_its_whole_path(tmp_path: Path) -> None:
    """A file that is named with its whole path counts, and one of the same name elsewhere does not."""
    watched = changes.Changes([tmp_path], [str(tmp_path / "data.db")], [])

    assert [watched(None, str(tmp_path / name)) for name in ("data.db", "a/data.db")] == [True, False]


def test_a_folder_that_is_named_counts(tmp_path: Path) -> None:
    """A folder that would be left out counts when it is watched by name."""
    watched = changes.Changes([tmp_path, tmp_path / ".config"], ["*.toml"], [])

    assert watched(None, str(tmp_path / ".config/a.toml"))
    assert not watched(None, str(tmp_path / ".other/a.toml"))


def test_elsewhere(tmp_path: Path) -> None:
    """What is outside of the watched folders does not count."""
    assert not changes.Changes([tmp_path / "a"], [], [])(None, str(tmp_path / "ab/x.py"))


def test_folders(tmp_path: Path) -> None:
    """The current folder is watched, and where else the app is imported from; or what is named."""
    for name in ("app", "app/src", "lib"):
        (tmp_path / name).mkdir()
    app, lib = tmp_path / "app", tmp_path / "lib"

    assert changes.folders([], app, [str(app / "src"), str(lib)]) == [app, lib]
    assert changes.folders(["src"], app, [str(lib)]) == [app / "src"]
    with pytest.raises(ConfigError) as caught:
        changes.folders(["nosuch"], app, [])
    assert (caught.value.message, caught.value.hint, caught.value.option) == (
        "there is no folder `nosuch` to watch",
        "pass --reload-dir with a folder",
        "reload-dir",
    )


def test_the_root_folder() -> None:
    """The whole file system can be watched."""
    watched = changes.Changes([Path("/")], [], ["/srv/docs"])

    assert [watched(None, path) for path in ("/srv/main.py", "/srv/docs/x.py", "/srv/a/docs/x.py")] == [
        True,
        False,
        True,
    ]


def test_a_folder_in_a_folder(tmp_path: Path) -> None:
    """Patterns are relative to the innermost watched folder that a file is in."""
    watched = changes.Changes([tmp_path, tmp_path / "app"], [], ["./a.py"])

    assert [watched(None, str(tmp_path / name)) for name in ("a.py", "app/a.py", "app/b/a.py")] == [False, False, True]


ENTERED = {
    "shop": True,
    "shop/deep": True,
    "docs": False,
    "shop/docs": False,
    ".venv": False,
    "..data": False,
    "node_modules": False,
    "tools": False,
    "python": False,
}


@pytest.mark.parametrize("name", ENTERED)
def test_what_need_not_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A folder that is left out with all that is in it is not even looked into."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "python"))
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/pyvenv.cfg").touch()
    watched = changes.Changes([tmp_path], [], ["docs/"])

    assert watched.enters(str(tmp_path / name)) is ENTERED[name]
    assert not watched.enters("/elsewhere")


def test_how_to_leave_a_file_out(tmp_path: Path) -> None:
    """The pattern for a file leaves it out, and is relative to the folder that is watched."""
    pattern = changes.Changes([tmp_path / "src"], [], []).pattern(str(tmp_path / "src/shop/a.py"))

    assert pattern == "shop/a.py"
    assert not changes.Changes([tmp_path / "src"], [], [pattern])(None, str(tmp_path / "src/shop/a.py"))

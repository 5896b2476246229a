"""What is said of an import that has failed: a misspelt name, a file that hides a module, or a package to install."""
# ruff: noqa: E501  # one case a line reads better

import functools
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from asgictl import missing, reading
from tests.conftest import Write

Files = dict[str, str]

PIP = f"install it where asgictl runs: `{sys.executable} -m pip install"
RELATIVE = "attempted relative import with no known parent package"


_distributions = functools.cache(metadata.packages_distributions)  # it takes long


@pytest.fixture
def folder(write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, from which modules are imported; those that a test imports are forgotten."""
    root = write({"project/.git/x": ""}) / "project"
    monkeypatch.chdir(root)
    monkeypatch.setattr(metadata, "packages_distributions", _distributions)
    monkeypatch.syspath_prepend(str(root))
    before = set(sys.modules)
    yield root
    for name in set(sys.modules) - before:
        del sys.modules[name]


def hint(code: str, *own: str) -> str | None:
    """Return what is said of the error that `code` ends with."""
    try:
        exec(code, {"__name__": "shop", "__package__": ""})  # as an app's module would
    except Exception as error:  # noqa: BLE001  # whatever it is
        return missing.hint(error, own)
    raise AssertionError("there was no error")


# The files, what is imported, what the app is named as, and the hint.
MISSING: dict[str, tuple[Files, str, tuple[str, ...], str | None]] = {
    "no import": ({}, "1 / 0", (), None),
    "a name that a module has not": ({"shop.py": ""}, "from shop import x", (), None),
    "an import error without a name": ({}, "raise ModuleNotFoundError('x')", (), None),
    "a relative import": (
        {},
        "from . import x",
        ("shop",),
        "it belongs to a package, and was named without it: `asgictl serve ./shop.py`",
    ),
    "a relative import beyond the top": (
        {},
        f"raise ImportError('{RELATIVE}')",
        ("shop.web", "other"),
        "the import goes beyond the top of its package: name fewer dots, or start asgictl in the folder above",
    ),
    "another error with those words": ({}, f"raise ValueError('{RELATIVE}')", ("shop",), None),
    "the app's own module": ({}, "import shop.web", ("site.x", "shop.web"), "it is named as `shop.web`, and is not in `{}`"),
    "the app's own package": ({}, "import shop", ("shop.web",), "it is named as `shop.web`, and is not in `{}`"),
    "a submodule that is like another": ({"shop/__init__.py": "", "shop/db.py": ""}, "import shop.dbb", (), "did you mean `shop.db`?"),
    "a package below that is like another": (
        {"shop/__init__.py": "", "shop/web/__init__.py": ""},
        "import shop.wbe.x",
        (),
        "did you mean `shop.web`?",
    ),
    "a submodule of a submodule": (
        {"shop/__init__.py": "", "shop/web/__init__.py": "", "shop/web/db.py": ""},
        "import shop.web.dbb",
        (),
        "did you mean `shop.web.db`?",
    ),
    "a submodule like nothing": ({"shop/__init__.py": ""}, "import shop.zebra", (), "there is no `zebra` in `{}/shop`"),
    "a submodule of a module": ({"shop.py": ""}, "import shop.zebra", (), "there is no `zebra` in `shop`"),
    "a submodule of Python's": ({}, "import json.decodr", (), "did you mean `json.decoder`?"),
    "a submodule of a package": (
        {},
        "import typer.zebra",
        (),
        "`typer` {typer} is installed in `{place}` and has no `zebra`: see which version has it",
    ),
    "a module of the project's": ({"helper.py": ""}, "import helpers", (), "did you mean `helper`, which is in `{}`?"),
    "a package of the project's": ({"helper/__init__.py": ""}, "import helpers", (), "did you mean `helper`, which is in `{}`?"),
    "a folder above": ({"../words.py": ""}, "import words", (), "`words` is in `{above}`: start asgictl there, or name the app by its file"),
    "a folder below": ({"src/words.py": ""}, "import words", (), "`words` is in `src`: start asgictl there, or name the app by its file"),
    "a package below": ({"a/b/words/__init__.py": ""}, "import words", (), "`words` is in `a/b`: start asgictl there, or name the app by its file"),
    "a plain folder below": ({"a/words/x.py": ""}, "import words", (), "`words` is in `a`: start asgictl there, or name the app by its file"),
    "three levels below": ({"a/b/c/words.py": ""}, "import words", (), "`words` is in `a/b/c`: start asgictl there, or name the app by its file"),
    "four levels below": ({"a/b/c/d/words.py": ""}, "import words", (), f"{PIP} words`"),
    **{
        f"what is in {name}": ({f"{name}/words.py": ""}, "import words", (), f"{PIP} words`")
        for name in ("node_modules", "site-packages", "dist-packages", "venv", "env", "__pycache__", ".old")
    },
    "a module of Python's": ({}, "import asynciio", (), "did you mean `asyncio`?"),
    "an installed module": ({}, "import fastapii", (), f"{PIP} fastapii`"),
    "a misspelt installed module": ({}, "import fatsapi", (), "did you mean `fastapi`?"),
    "a package that is called almost like one of Python's": ({}, "import uuid6", (), f"{PIP} uuid6`"),
    "a package": ({}, "import yaml2json", (), f"{PIP} yaml2json`"),
    "a package under another name": ({}, "import cv2", (), f"{PIP} opencv-python`"),
    **{
        f"a part of {name}": ({}, f"raise ModuleNotFoundError('x', name='{name}')", (), f"many packages are below `{name}`: install the one that brings what is imported")
        for name in ("azure", "backports", "google", "jaraco", "ruamel", "sphinxcontrib", "zope")
    },
    "a file that hides Python's": ({"colorsys.py": ""}, "from colorsys import rgb_to_hsv", (), "`colorsys.py` hides the module `colorsys` that is meant: rename it"),
    "a file that hides a package": ({"bottle.py": ""}, "from bottle import Bottle", (), "`bottle.py` hides the module `bottle` that is meant: rename it"),
    "a file that hides nothing": ({"zebra.py": ""}, "from zebra import x", (), None),
}  # fmt: skip


@pytest.mark.parametrize("case", MISSING)
def test_what_to_do_about_an_import(folder: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """The hint names what was meant, where it is, or what to install, and nothing that is not so."""
    import typer

    files, code, own, expected = MISSING[case]
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in ("colorsys", "bottle"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    values = {"above": folder.parent, "typer": metadata.version("typer"), "place": Path(typer.__file__).parent}
    if files.keys() & {"../words.py"}:
        (folder.parent / ".git").mkdir()
        (folder / ".git/x").unlink()
        (folder / ".git").rmdir()

    said = hint(code, *own)

    assert said == (expected.replace("{}", str(folder)).format(**values) if expected else None)


def test_how_far_it_is_looked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the project's is looked for in so many folders, which it does not have."""
    for name in ("a", "b", "c"):
        (folder / name).mkdir()
    (folder / "b/words.py").write_text("")

    monkeypatch.setattr(missing, "_FOLDERS", 3)  # `.git`, `a`, `b`
    found = hint("import words")
    monkeypatch.setattr(missing, "_FOLDERS", 2)

    assert found == "`words` is in `b`: start asgictl there, or name the app by its file"
    assert hint("import words") == f"{PIP} words`"


def test_up_to_where_files_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder above counts up to the repository's root, or the home folder, whichever comes first."""
    inner = tmp_path / "a/b/c"
    inner.mkdir(parents=True)
    assert reading.top(inner) == Path(inner.anchor)
    assert reading.upwards(inner)[:2] == [inner, inner.parent]
    assert reading.upwards(inner)[-1] == Path(inner.anchor)

    monkeypatch.setenv("HOME", str(tmp_path / "a"))
    assert (reading.home(), reading.top(inner)) == (tmp_path / "a", tmp_path / "a")
    (tmp_path / "a/b/.git").mkdir()
    assert reading.top(inner) == tmp_path / "a/b"
    assert reading.upwards(inner) == [inner, tmp_path / "a/b"]

    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    assert reading.home() is None


def test_text_is_utf_8_with_plain_newlines(tmp_path: Path) -> None:
    """A text is UTF-8 with or without a mark at its beginning, its lines end as everywhere, and it has a limit."""
    file = tmp_path / "x"
    file.write_bytes("\ufeffä\r\nb\rc\n".encode())
    assert reading.text(file) == "ä\nb\rc\n"

    file.write_bytes(b"a\xff")
    with pytest.raises(UnicodeDecodeError):
        reading.text(file)
    assert reading.text(file, errors="replace") == "a\ufffd"
    with file.open("wb") as large:
        large.truncate(64_000_001)
    with pytest.raises(OSError, match="it is larger than 64000000 bytes"):
        reading.text(file)


def test_what_cannot_be_looked_at_is_not_there() -> None:
    """A name that no file can have is none, where the file system would raise."""
    name = Path("x" * 300)

    assert not any(look(name) for look in (reading.is_file, reading.is_dir, reading.exists))
    assert reading.stranger(name) is None
    assert (reading.is_file(Path(__file__)), reading.is_dir(Path(__file__)), reading.exists(Path(__file__))) == (
        *(True, False),
        True,
    )


@pytest.mark.parametrize("mark", ["/.dockerenv", "/run/.containerenv", "KUBERNETES_SERVICE_HOST", None])
def test_what_says_that_this_is_a_container(monkeypatch: pytest.MonkeyPatch, mark: str | None) -> None:
    """Docker's and Podman's files, and Kubernetes' variable, say that the numbers of users are another machine's."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(Path, "exists", lambda self: str(self) == mark)
    if mark and "/" not in mark:
        monkeypatch.setenv(mark, "10.0.0.1")

    assert reading._in_container() is (mark is not None)

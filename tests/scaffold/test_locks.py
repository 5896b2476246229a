"""What of the locked dependencies an image will have, and which indexes the project's files name."""

import pytest

from asgictl.scaffold.detect import detect, index
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import Lay, refused


def uv(*packages: str) -> str:
    """Return a lock of uv's with packages."""
    return "version = 1\n" + "".join(f"[[package]]\n{package}\n" for package in packages)


PLAIN = ['name = "a"\nversion = "1"', 'name = "b"\nversion = "2"', 'name = "c"\nversion = "3"']
PINNED = [
    ("uv.lock", uv('name = "x"\nsource = { editable = "." }\ndependencies = [{ name = "a" }]', *PLAIN), {"a": "1"}),
    ("uv.lock", uv('name = "x"\nsource = { virtual = "." }\ndependencies = [{ name = "b" }]', *PLAIN), {"b": "2"}),
    ("uv.lock", uv('name = "x"\nsource = { directory = "." }\ndependencies = [{ name = "c" }]', *PLAIN), {"c": "3"}),
    ("uv.lock", uv('name = "x"\nsource = { registry = "." }\ndependencies = [{ name = "c" }]', *PLAIN), {}),
    (
        "uv.lock",
        uv(
            'name = "x"\nsource = { editable = "." }\ndependencies = [{ name = "lib" }]',
            'name = "lib"\nsource = { editable = "lib" }\ndependencies = [{ name = "a" }]',
            'name = "other"\nsource = { editable = "other" }\ndependencies = [{ name = "b" }]',
            *PLAIN,
        ),
        {"lib": None, "a": "1"},
    ),
    (
        "uv.lock",
        uv(
            'name = "lib"\nsource = { editable = "lib" }\ndependencies = [{ name = "a" }]',
            'name = "other"\nsource = { directory = "other" }\ndependencies = [{ name = "b" }]',
            *PLAIN,
        ),
        {"a": "1", "b": "2"},
    ),
    (
        "uv.lock",
        uv(
            'name = "x"\nsource = { editable = "." }\n'
            'dependencies = [{ name = "A_a", extra = ["one", "gone"] }, { name = "b" }]',
            'name = "A_a"\nversion = "1"\ndependencies = [{ name = "b" }]\n'
            '[package.optional-dependencies]\none = [{ name = "c" }]\ntwo = [{ name = "d" }]',
            'name = "b"\nversion = "2"\ndependencies = [{ name = "A_a" }]',
            'name = "c"\nversion = "3"',
            'name = "d"\nversion = "4"',
        ),
        {"a-a": "1", "b": "2", "c": "3"},
    ),
    (
        "poetry.lock",
        '[[package]]\nname = "A_b"\nversion = "1"\ngroups = ["dev", "main"]\n'
        '[[package]]\nname = "b"\nversion = "1"\ngroups = ["default"]\n'
        '[[package]]\nname = "c"\nversion = "1"\nmarkers = "extra == \'x\'"\n'
        '[[package]]\nname = "d"\nversion = "1"\nmarkers = "python_version < \'4\'"\n'
        '[[package]]\nname = "e"\nversion = "1"\nmarkers = { main = "extra == \'x\'" }\n'
        '[[package]]\nname = "f"\nversion = "1"\noptional = false\n',
        {"a-b": "1", "d": "1", "f": "1"},
    ),
    (
        "pdm.lock",
        '[[package]]\nname = "a"\nversion = "1"\ngroups = ["default", "dev"]\n'
        '[[package]]\nname = "b"\nversion = "1"\ngroups = ["main"]\n[[package]]\nname = "c"\nversion = "1"\n',
        {"a": "1", "c": "1"},
    ),
    (
        "Pipfile.lock",
        '{"default": {"A.b": {"version": "==1.0"}, "c": {"git": "x"}, "d": {"version": "2"}}, '
        '"develop": {"e": {"version": "==1"}}}',
        {"a-b": "1.0", "c": None, "d": "2"},
    ),
    ("Pipfile.lock", "{}", {}),
    (
        "pylock.toml",
        '[[packages]]\nname = "a"\n[[packages]]\nname = "b"\nversion = "1"\nmarker = "\'x\' in extras"\n'
        '[[packages]]\nname = "c"\nversion = "1"\nmarker = "python_version < \'4\'"\n',
        {"a": None, "c": "1"},
    ),
    ("pyproject.toml", '[project]\nname = "y"\ndependencies = ["A_b[z]>=1", "c==2"]\n', {"a-b": None, "c": None}),
]


@pytest.mark.parametrize(("name", "text", "expected"), PINNED)
def test_what_is_locked(lay: Lay, name: str, text: str, expected: dict[str, str | None]) -> None:
    """The image has what the project leads to, by normalised name, with the version that is locked."""
    root = lay({"pyproject.toml": '[project]\nname = "x"\n', "Pipfile": "", name: text})

    assert detect(ScaffoldRequest(), root).deps.pinned == expected


VERSION = '0.1.0"; touch /EVIL; echo "'
BROKEN = [
    (
        "uv.lock",
        uv(
            'name = "x"\nsource = { virtual = "." }\ndependencies = [{ name = "asgictl" }]',
            f"name = 'asgictl'\nversion = '{VERSION}'",
        ),
    ),
    ("poetry.lock", f"[[package]]\nname = 'asgictl'\nversion = '{VERSION}'\n"),
    ("pdm.lock", f"[[package]]\nname = 'a'\nversion = '{VERSION}'\ngroups = ['default']\n"),
    ("pylock.toml", "[[packages]]\nname = 'a'\nversion = '1.0 || true'\n"),
    ("Pipfile.lock", '{"default": {"a": {"version": "==1;x"}}}'),
]


@pytest.mark.parametrize(("name", "text"), BROKEN)
def test_a_version_that_is_a_command(lay: Lay, name: str, text: str) -> None:
    """A lock whose versions are none is refused: nothing in it gets into a file as an instruction."""
    root = lay({"pyproject.toml": '[project]\nname = "x"\n', "Pipfile": "", name: text})

    error = refused(root, https=True)

    assert error.message.startswith(f"cannot read `{name}`: Invalid version: ")
    assert error.hint == "regenerate it with the tool that made it"


@pytest.mark.parametrize("place", ["dependencies", "nothing"])
def test_dependencies_that_are_no_list(lay: Lay, place: str) -> None:
    """What `pyproject.toml` declares in another form than a list is nothing that can be read."""
    root = lay({"pyproject.toml": f'[project]\nname = "x"\n{place} = "fastapi"\n'})

    assert detect(ScaffoldRequest(), root).deps.pinned == {}


INDEXES = [
    ("pyproject.toml", '[[tool.uv.index]]\nname = "x"\nurl = "https://a.example/x"\n', "pyproject.toml:3"),
    ("pyproject.toml", "[tool.uv]\nindex-url = 'https://a.example/x'\n", "pyproject.toml:2"),
    ("pyproject.toml", "[tool.uv]\n  extra-index-url=['https://a.example/x']\n", "pyproject.toml:2"),
    ("pyproject.toml", "[tool.uv.pip]\ndefault-index = 'https://a.example/x'\n", "pyproject.toml:2"),
    ("pyproject.toml", '[[tool.poetry.source]]\nurl = "https://a.example/x"\n', "pyproject.toml:2"),
    ("pyproject.toml", '[[ tool.pdm.source ]]\nurl = "http://a.example/x"\n', "pyproject.toml:2"),
    ("pyproject.toml", '[project.urls]\nurl = "https://a.example/x"\n', None),
    ("pyproject.toml", '[tool.poetry]\nurl = "https://a.example/x"\n', None),
    ("pyproject.toml", '[tool.uv]\n# url = "https://a.example/x"\nmy-url = "https://a.example/x"\n', None),
    ("pyproject.toml", '[tool.uv]\nurl = "ftp://a.example/x"\n', None),
    ("uv.toml", "[[index]]\nurl = 'https://a.example/x'\n", "uv.toml:2"),
    ("uv.toml", "index-url = 'https://a.example/x'\n", "uv.toml:1"),
    ("uv.toml", "[pip]\nextra-index-url = ['https://a.example/x']\n", "uv.toml:2"),
    ("uv.toml", "default-index = 'https://a.example/x'\n", None),
    ("Pipfile", "[[source]]\n url = 'https://a.example/x'\n", "Pipfile:2"),
    ("Pipfile", "[packages]\nurl = 'https://a.example/x'\n", None),
    ("pip.conf", "[global]\nindex-url = https://a.example/x\n", "pip.conf:2"),
    ("pip.conf", "[install]\nextra-index-url= https://a.example/x\n", "pip.conf:2"),
    ("pip.conf", "[other]\nindex-url = https://a.example/x\n", None),
    ("pip.conf", "[global]\nurl = https://a.example/x\n", None),
    ("requirements.txt", " -i https://a.example/x\n", "requirements.txt:1"),
    ("requirements.txt", "# first\n--index-url=https://a.example/x\n", "requirements.txt:2"),
    ("requirements.txt", "--extra-index-url https://a.example/x # why\n", "requirements.txt:1"),
    ("requirements.txt", "# -i https://a.example/x\n--find-links https://a.example/x\nfastapi\n", None),
    ("a.lock", "-i https://a.example/x\n", None),
    ("missing", "", None),
]


@pytest.mark.parametrize(("name", "text", "place"), INDEXES)
@pytest.mark.parametrize("credentials", ["", "me:pw@"])
def test_places_of_indexes(lay: Lay, name: str, text: str, place: str | None, credentials: str) -> None:
    """An index is found wherever its tool takes it from, and a URL of something else is none."""
    root = lay({name: text.replace("://", f"://{credentials}")})

    scheme = "http" if '"http:' in text else "https"
    expected = [(f"{scheme}://a.example/x", place, bool(credentials))] if place else []
    assert list(index.find(root, ("requirements.txt", "a.lock"))) == expected


def test_a_file_in_another_encoding(lay: Lay) -> None:
    """A file that is no UTF-8 still tells its index."""
    root = lay({})
    (root / "pip.conf").write_bytes(b"# \xe4\n[global]\nindex-url = https://a.example/x\n")

    assert list(index.find(root, ())) == [("https://a.example/x", "pip.conf:3", False)]

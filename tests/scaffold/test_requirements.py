"""Requirements files: what each kind of line means, and what is wrong with one that cannot go into an image."""

import pytest

from asgictl.errors import FileProblemError
from asgictl.scaffold.detect import detect, requirements
from asgictl.scaffold.detect.requirements import RequirementLine
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import Lay, refused

NAMES = [
    ("Fast_API", {"fast-api": None}),
    ("fastapi[all] == 1.0", {"fastapi": "1.0"}),
    ("fastapi>=0.1,==1.*,<2", {"fastapi": None}),
    ("fastapi>=0.1", {"fastapi": None}),
    ("fastapi==1 --hash=sha256:00 --hash=sha256:11", {"fastapi": "1"}),
    ("fastapi==1 -i https://x.example", {"fastapi": "1"}),
    ("fastapi==1 # the last", {"fastapi": "1"}),
    ("fastapi \\\n  ==1 \\\n  --hash=sha256:00", {"fastapi": "1"}),
    ("fastapi \\\r\n  ==1\r\nx", {"fastapi": "1", "x": None}),
    ("a#b", {}),
    ("# a\n\n  # b\n", {}),
    ("fastapi==1; sys_platform == 'linux'", {"fastapi": "1"}),
    ("fastapi==1; sys_platform == 'win32'", {}),
    ("fastapi==1; platform_system == 'Linux'", {"fastapi": "1"}),
    ("fastapi==1; platform_system == 'Darwin'", {}),
    ("fastapi==1; os_name == 'posix'", {"fastapi": "1"}),
    ("fastapi==1; os_name == 'nt'", {}),
    ("fastapi==1; extra == ''", {"fastapi": "1"}),
    ("fastapi==1; extra == 'x'", {}),
    ("y @ https://x.example/y.zip", {"y": None}),
    ("--no-binary y", {}),
    ("??", {}),
]


@pytest.mark.parametrize(("text", "expected"), NAMES)
def test_names(lay: Lay, text: str, expected: dict[str, str | None]) -> None:
    """Each requirement that holds in an image is known by its name, with the version where it is fixed."""
    deps = detect(ScaffoldRequest(), lay({"requirements.txt": text})).deps

    assert (deps.files, deps.pinned, deps.local, deps.git) == (("requirements.txt",), expected, False, False)


LOCAL = [
    *("-e .", "-e lib", "--editable lib", "--editable=lib", "-e git+https://x.example/y"),
    *(".", "./lib", "/srv/lib", "file:lib", "y.whl", "lib/y-1.tar.gz", "https://x.example/y.tar.gz"),
    *("y @ file:///srv/y.zip", "-f wheels", "--find-links wheels", "--find-links=wheels"),
]


@pytest.mark.parametrize("line", LOCAL)
def test_a_line_that_needs_the_projects_files(lay: Lay, line: str) -> None:
    """A line that installs from the project's folder has the source copied before."""
    assert detect(ScaffoldRequest(), lay({"requirements.txt": f"x\n{line}\nz\n"})).deps.local


@pytest.mark.parametrize(
    "line",
    ["file", "y-whl", "y.zip", "-f https://x.example/y", "--find-links=https://x.example/y", "y @ https://x.example"],
)
def test_a_line_that_needs_nothing_of_the_project(lay: Lay, line: str) -> None:
    """What comes from elsewhere needs no source."""
    assert not detect(ScaffoldRequest(), lay({"requirements.txt": f"x\n{line}\nz\n"})).deps.local


OUTSIDE = [
    ("-e ../lib", "../lib"),
    ("--editable=../lib", "../lib"),
    ("--editable ../lib", "../lib"),
    ("-e lib/../../x", "lib/../../x"),
    ("../lib", "../lib"),
    ("./../lib[all]", "./../lib[all]"),
]


@pytest.mark.parametrize(("line", "target"), OUTSIDE)
def test_a_line_that_leads_out(lay: Lay, line: str, target: str) -> None:
    """What lies outside of the project cannot be installed in a build: the error has the line."""
    error = refused(lay({"requirements.txt": f"-r more.txt\nx\n{line}\n", "more.txt": "y\n"}))

    assert isinstance(error, FileProblemError)
    assert error.message == f"`{target}` in line 3 of `requirements.txt` is not in the build's context"
    assert error.hint == "move it into the project, or install it from an index"


def test_lines(lay: Lay) -> None:
    """Each line has its file and number, those of included files in their place, each file once."""
    root = lay(
        {
            "requirements.txt": "a \\\n b\nc\n-r more/x.txt\n-cpins.txt\n--requirement 'more/y.txt'\n-r https://x/y\nd\n",
            "more/x.txt": "e\n-r ../requirements.txt\n--constraint=z.txt\n",
            "more/y.txt": "f\n",
            "more/z.txt": "g\n--requirement=w.txt\n",
            "more/w.txt": "h\n",
            "pins.txt": "i # why\n",
        }
    )

    assert list(requirements.lines(root, "requirements.txt")) == [
        RequirementLine("requirements.txt", 1, ""),
        RequirementLine("requirements.txt", 1, "a   b"),
        RequirementLine("requirements.txt", 3, "c"),
        RequirementLine("more/x.txt", 1, ""),
        RequirementLine("more/x.txt", 1, "e"),
        RequirementLine("more/z.txt", 1, ""),
        RequirementLine("more/z.txt", 1, "g", constraint=True),
        RequirementLine("more/w.txt", 1, ""),
        RequirementLine("more/w.txt", 1, "h", constraint=True),
        RequirementLine("pins.txt", 1, ""),
        RequirementLine("pins.txt", 1, "i", constraint=True),
        RequirementLine("more/y.txt", 1, ""),
        RequirementLine("more/y.txt", 1, "f"),
        RequirementLine("requirements.txt", 8, "d"),
    ]
    assert requirements.read(root, "requirements.txt").files == (
        *("requirements.txt", "more/x.txt", "more/z.txt", "more/w.txt", "pins.txt", "more/y.txt"),
    )


PUT = "put it there, or name another with --requirements"
BROKEN = [
    ("-r no.txt\n", "cannot read `no.txt` (line 2 of `requirements.txt`): No such file or directory", PUT),
    (
        "--constraint no.txt\n",
        "cannot read `no.txt` (line 2 of `requirements.txt`): No such file or directory",
        PUT,
    ),
    ("-r folder\n", "cannot read `folder` (line 2 of `requirements.txt`): Is a directory", PUT),
    (
        "-r latin.txt\n",
        "cannot read `latin.txt` (line 2 of `requirements.txt`): it is not UTF-8",
        "save it as UTF-8",
    ),
    (
        "-r 'with blank.txt'\n",
        "`with blank.txt` (line 2 of `requirements.txt`) has signs that no Dockerfile takes",
        "rename it",
    ),
    (
        "-r ../outside.txt\n",
        "`OUTSIDE` (line 2 of `requirements.txt`) is outside of `ROOT`, and so not in the build's context",
        "run `asgictl scaffold` in the folder that has both, or move it into the project",
    ),
]


def test_a_list_that_is_shared(lay: Lay) -> None:
    """In the folder above, which has both, a list that a project shares with others is installed."""
    app = "from fastapi import FastAPI\napp = FastAPI()\n"
    root = lay({"web/main.py": app, "web/requirements.txt": "-r ../all.txt\n", "all.txt": "fastapi\n"}, None)

    advice = "run `asgictl scaffold` in the folder that has both, or move it into the project"
    assert refused(root / "web").hint == advice
    assert detect(ScaffoldRequest(), root).deps.files == ("web/requirements.txt", "all.txt")


@pytest.mark.parametrize(("line", "message", "hint"), BROKEN)
def test_an_include_that_cannot_be(lay: Lay, line: str, message: str, hint: str) -> None:
    """An included file that no build could have is told, with the line that names it."""
    root = lay({"requirements.txt": f"x\n{line}", "with blank.txt": "", "folder/x": ""})
    (root / "latin.txt").write_bytes(b"\xe4")
    (root.parent / "outside.txt").write_text("")

    error = refused(root)

    assert isinstance(error, FileProblemError)
    outside = str(root.parent / "outside.txt")
    assert error.message == message.replace("OUTSIDE", outside).replace("ROOT", str(root))
    assert error.hint == hint

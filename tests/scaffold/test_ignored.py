"""What is left out: of an image, of a repository, and of what is followed while developing."""

from pathlib import Path

import pytest
import yaml

from asgictl.scaffold import ignore_files, lint
from asgictl.scaffold.detect import detect
from asgictl.scaffold.plan import plan
from asgictl.scaffold.project import App, Dependencies, Migrations, NamedFile
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import APP as APP_FILE
from tests.scaffold.conftest import Lay
from tests.scaffold.test_planned import APP, ROOT, project, text

LEFT_OUT = {
    "version control, editors": [".git", ".gitignore", ".github", ".idea", ".vscode", "**/.DS_Store"],
    "Python": [
        *("**/__pycache__", "**/*.py[cod]", ".venv", "venv", "env", ".tox", ".nox", "**/.mypy_cache"),
        *("**/.pytest_cache", "**/.ruff_cache", "**/.hypothesis", ".coverage*", "htmlcov", "build", "dist"),
        "**/*.egg-info",
    ],
    "data, documents, tests": ["**/*.sqlite3", "**/*.log", "tests", "docs", "**/node_modules"],
    "these files": [
        *("Dockerfile*", ".dockerignore", "compose*.y*ml", "docker-compose*.y*ml", "Caddyfile", "deploy.sh"),
        *("stack.yaml", "k8s.yaml", "kustomization.yaml"),
        *("*.service", "*.socket", "**/*.before-scaffold*", "**/.*.asgictl-new"),
    ],
}


def test_the_lines_of_the_ignoring_files() -> None:
    """What an image has no use for is left out of it, by kinds; keys and variables are left out of the repository."""
    dockerignore, gitignore = (
        text(name, project(in_git=True)).splitlines() for name in (".dockerignore", ".gitignore")
    )

    assert dockerignore == [
        *(line for kind, entries in LEFT_OUT.items() for line in (f"# {kind}", *entries)),
        "# secrets never get into the build's context, nor with it into an image",
        *ignore_files.SECRETS,
    ]
    assert gitignore == [".env", ".netrc", "*.key", "*.p12", "*.before-scaffold*", ".*.asgictl-new"]


def test_what_is_left_out() -> None:
    """A line of `.dockerignore` gives way where it would hit a package, the app, or what the build needs."""
    usual = ignore_files.ignored(project(), ScaffoldRequest())
    deps = Dependencies("requirements", ("docs/list.txt",), {})
    found = project(deps=deps, folders=("build", "tests"), needed=("dist/x",), app=APP._replace(file=ROOT / "env/x.py"))

    left = ignore_files.ignored(found, ScaffoldRequest())

    assert [line for line in usual if line not in left] == ["env", "build", "dist", "docs"]
    assert [line for line in left if line not in usual] == []
    assert ignore_files.secrets(found, ScaffoldRequest(index_secret="x/../netrc")) == (
        *ignore_files.SECRETS,
        "x/../netrc",
    )


def test_what_the_source_opens() -> None:
    """What the source names is not left out: a whole folder, or alone what it opens of one; secrets stay out."""
    names = ("dist", "docs/openapi.yaml", "node_modules/htmx/dist", "static", "certs/ca.pem", "a b/x.log")
    found = project(named=tuple(NamedFile(name, "main.py:1") for name in names), public=("certs/ca.pem",))
    usual, left = ignore_files.ignored(project(), ScaffoldRequest()), ignore_files.ignored(found, ScaffoldRequest())

    assert [line for line in usual if line not in left] == ["dist"]
    assert [line for line in left if line not in usual] == ["!docs/openapi.yaml", "!node_modules/htmx/dist"]
    assert ignore_files.secrets(found, ScaffoldRequest()) == (*ignore_files.SECRETS, "!certs/ca.pem")
    left_out = ignore_files.left_out(text(".dockerignore", found).splitlines())
    assert {
        name: left_out(name)
        for name in ("dist/x.js", "docs/openapi.yaml", "docs/x.md", "node_modules/htmx/dist/x.js", "node_modules/y.js")
    } == {
        "dist/x.js": False,
        "docs/openapi.yaml": False,
        "docs/x.md": True,
        "node_modules/htmx/dist/x.js": False,
        "node_modules/y.js": True,
    }
    assert left_out("node_modules/htmx/dist/server.key")
    assert not left_out("certs/ca.pem")


WATCHED = ("**/__pycache__/",)
EVERYTHING = (".", "/app", (".git/", ".venv/", "venv/", "node_modules/", *WATCHED))
FOLDERS = [
    (APP, False, EVERYTHING),
    (APP, True, EVERYTHING),
    (APP._replace(file=ROOT / "shop/main.py"), False, EVERYTHING),
    (APP._replace(file=ROOT / "shop/in/main.py"), True, ("./shop", "/app/shop", WATCHED)),
    (APP._replace(file=ROOT / "src/x/main.py", folders=("src",)), False, ("./src", "/app/src", WATCHED)),
    (APP._replace(file=Path("/elsewhere/x/main.py")), True, EVERYTHING),
    (APP._replace(file=None), True, EVERYTHING),
]


@pytest.mark.parametrize(("app", "package", "expected"), FOLDERS)
def test_what_is_watched(app: App, package: bool, expected: tuple[str, str, tuple[str, ...]]) -> None:
    """Edits are followed in the folder of the package, or of `src`, or else everywhere but where tools write."""
    assert ignore_files.watched(project(app=app, package=package), "/app") == expected


@pytest.mark.parametrize(
    ("secret", "inside", "mounted"),
    [
        ("netrc", "netrc", "./netrc"),
        ("./my/netrc", "my/netrc", "./my/netrc"),
        ("/etc/netrc", None, "/etc/netrc"),
        ("~/.netrc", None, "~/.netrc"),
        ("../netrc", None, "../netrc"),
        (None, None, None),
    ],
)
def test_the_password_of_an_index(secret: str | None, inside: str | None, mounted: str | None) -> None:
    """A password is mounted while it is needed; where it lies in the project, it stays out of image and repository."""
    found = project(in_git=True)

    compose = yaml.safe_load(text("compose.yaml", found, index_secret=secret))
    assert compose.get("secrets") == ({"netrc": {"file": mounted}} if mounted else None)
    for name in (".dockerignore", ".gitignore"):
        usual = text(name, found).splitlines()
        more = [line for line in text(name, found, index_secret=secret).splitlines() if line not in usual]
        assert more == ([inside] if inside else [])
    mounts = text("Dockerfile", found, index_secret=secret).count("--mount=type=secret,id=netrc,target=/root/.netrc")
    assert bool(mounts) is bool(mounted)


def test_what_lies_on_a_volume() -> None:
    """What the source opens on a volume is the volume's: files that lie there at home are in no image."""
    found = project(named=(NamedFile("uploads", "app.py:5"), NamedFile("uploads/a.txt", "app.py:6")))
    lines = text(".dockerignore", found, volume=("uploads:/app/uploads",)).splitlines()

    assert lines[lines.index("# on volumes") + 1] == "uploads"
    assert not [line for line in lines if line.startswith("!uploads")]


def test_each_file_that_is_written_stays_out() -> None:
    """None of the files that are written here is copied into the image, where an edit would rebuild it."""
    found = project(migrations=Migrations(("alembic", "upgrade", "head"), "alembic.ini"))
    files = plan(found, ScaffoldRequest(targets="all", runner="asgictl"))
    left_out = ignore_files.left_out(text(".dockerignore", found).splitlines())

    assert [file.path for file in files if not left_out(file.path) and file.path != ".gitignore"] == []


def test_databases_and_logs(lay: Lay) -> None:
    """What the app writes to a database or a log here is not in the image, and `--check` says where it would be."""
    code = "URL = 'sqlite:///./data.db'\nsqlite3.connect('in/x.sqlite')\nopen('notes.txt', 'a')\nopen('/x.db', 'w')\n"
    names = ("data.db", "data.db-wal", "in/x.sqlite", "x.log.1", "notes.txt", "other.db", "data.dbm.py")
    root = lay({**dict.fromkeys(names, ""), "requirements.txt": "fastapi\n"}, f"{APP_FILE}{code}logger.add('x.log')\n")
    found = detect(ScaffoldRequest(), root)
    left_out = ignore_files.left_out(text(".dockerignore", found).splitlines())
    (root / "Dockerfile").write_text("FROM python:3.13\nCOPY . .\n")
    (root / ".dockerignore").write_text("in\n")

    assert [name for name in names if left_out(name)] == ["data.db", "data.db-wal", "in/x.sqlite", "x.log.1"]
    assert [it.path for it in found.of_machine] == ["data.db", "in/x.sqlite", "x.log"]
    problems = lint.problems(root, ["Dockerfile"], ["main.py"], [*found.named, *found.of_machine])
    assert [it.text for it in problems if it.rule == "written-files"] == [
        "`data.db`, which main.py:3 writes, gets into the image: name it in `.dockerignore`"
    ]


def test_a_log_is_not_opened(lay: Lay) -> None:
    """A log that lies there is none of the files that the app needs."""
    root = lay({"x.log": ""}, f"{APP_FILE}LOG_FILE = 'x.log'\nlogging.basicConfig(filename=LOG_FILE)\n")

    assert detect(ScaffoldRequest(), root).named == ()
    assert "!x.log" not in text(".dockerignore", detect(ScaffoldRequest(), root)).splitlines()

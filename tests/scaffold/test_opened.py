"""What the source opens: it is in the image, whatever the ignore list or the packaging leaves out, or it is said."""

import sys
from pathlib import Path

import pytest

from asgictl.scaffold import lint
from asgictl.scaffold.detect import detect
from asgictl.scaffold.plan import plan
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import APP, Lay, found, run
from tests.scaffold.test_planned import text

CALLS = [
    ("StaticFiles(directory='dist')", "dist"),
    ("StaticFiles('dist')", "dist"),
    ("Jinja2Templates('docs')", "docs"),
    ("Jinja2Templates(directory=['docs', 'build'])", "docs build"),
    ("TEMPLATES = [{'DIRS': [BASE / 'docs']}]", "docs"),
    ("STATICFILES_DIRS = [BASE / 'dist']", "dist"),
    ("create_static_files_router('/', directories=['build'])", "build"),
    ("Flask(__name__, static_folder='dist')", "dist"),
    ("Config('docs/alembic.ini')", "docs/alembic.ini"),
    ("open('docs/x.json')", "docs/x.json"),
    ("open(BASE / 'docs' / 'x.json')", "docs/x.json"),
    ("Path('docs', 'x.json').read_text()", "docs/x.json"),
    ("open(os.path.join(os.path.dirname(__file__), 'docs/x.json'))", "docs/x.json"),
    ("open(os.path.dirname(os.path.abspath(__file__)) + '/docs/x.json')", "docs/x.json"),
    ("open(f'{BASE}/docs/x.json')", "docs/x.json"),
    ("open(config.BASE / 'docs/x.json')", "docs/x.json"),
    ("X = Path.cwd().joinpath('docs', 'x.json')", "docs/x.json"),
    ("DOCS_DIR: Path = BASE / 'dist'", "dist"),
    ("anything(['docs/x.json'])", "docs/x.json"),
    ("sqlite3.connect('file:docs/x.sqlite3?mode=ro', uri=True)", "docs/x.sqlite3"),
    ("context.load_verify_locations('docs/ca.crt')", "docs/ca.crt"),
    ("'docs/x.json'", ""),
    ("anything('docs')", ""),
    ("open('docs/x.json', 'w')", ""),
    ("open('docs/x.json', mode='ab')", ""),
    ("open('/docs/x.json')", ""),
    ("open('../docs/x.json')", ""),
    ("open(name + 'docs')", ""),
    ("sqlite3.connect('docs/x.sqlite3')", ""),
    ("os.makedirs('build')", ""),
    ("UPLOAD_FOLDER = 'build'", ""),
    ("STATIC_ROOT = 'build'", ""),
    ("LOG_FILES = ['*.x', 'a/{b}.y']", ""),
    ("A = B\nB = A\nopen(A)", ""),
]
FILES = dict.fromkeys(("docs/x.json", "docs/x.sqlite3", "docs/alembic.ini", "docs/ca.crt"), "")


@pytest.mark.parametrize(("code", "names"), CALLS)
def test_what_is_opened(lay: Lay, code: str, names: str) -> None:
    """Each way to name a file or folder is understood, and what is only written, or only said, is none."""
    root = lay(FILES, f"{APP}BASE = Path(__file__).resolve().parent\n{code}\n")
    ignored = text(".dockerignore", detect(ScaffoldRequest(), root)).splitlines()

    assert [it.path for it in detect(ScaffoldRequest(), root).named] == names.split()
    left = [name for name in names.split() if name not in FILES]
    assert {"docs", "build", "dist"} - {*ignored} == {*left}
    more = [line for line in ignored if line.startswith("!docs")]
    assert more == [f"!{name}" for name in names.split() if name in FILES]


def test_what_is_found_is_told(lay: Lay) -> None:
    """The answer has the first files with a place, and how many more there are."""
    names = [f"{name}/x" for name in "abcdef"]
    root = lay(dict.fromkeys(names, ""), f"{APP}\n" + "\n".join(f"open('{name}')" for name in names))

    assert found(root, "files") == ("a/x, b/x, c/x, d/x and 2 more", "main.py:4")


def test_certificates_and_keys(lay: Lay) -> None:
    """A certificate that the source opens gets into the image; a key never does, which is said."""
    files = {
        "requirements.txt": "fastapi\n",
        "ssl/ca.pem": "-----BEGIN CERTIFICATE-----",
        "ssl/both.pem": "-----BEGIN PRIVATE KEY-----",
        "jwt.key": "x",
        ".env": "",
    }
    code = (
        "load_verify_locations('ssl/ca.pem')\nopen('jwt.key')\nload_cert_chain('ssl/both.pem')\nload_dotenv('.env')\n"
    )
    project = detect(ScaffoldRequest(), lay(files, f"{APP}{code}"))

    assert [line for line in text(".dockerignore", project).splitlines() if "ca.pem" in line] == ["!ssl/ca.pem"]
    assert project.notes == (
        "`jwt.key` in main.py:4 stays out of the image, for it may be a secret: mount it",
        "`ssl/both.pem` in main.py:5 stays out of the image, for it may be a secret: mount it",
    )


def test_a_file_that_is_no_python(lay: Lay) -> None:
    """What could not be read is told, in one note: it may open files, too."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    newer = "try a newer one for asgictl"
    root = lay({"requirements.txt": "fastapi\n", "x.py": "def ("})
    one = detect(ScaffoldRequest(), root).notes
    (root / "y.py").write_text("x = (\n")

    assert one == (f"`x.py` cannot be read as Python {version}, and was not compared; {newer}",)
    assert detect(ScaffoldRequest(), root).notes == (
        f"`x.py` and 1 more cannot be read as Python {version}, and was not compared; {newer}",
    )


def test_what_python_3_14_takes_bare(lay: Lay) -> None:
    """Exceptions without parentheses, as formatters write them for 3.14, hide nothing from an older one."""
    code = "try:\n    x = 1\nexcept ValueError, KeyError:\n    pass\n@app.get('/healthz')\ndef f(): ...\n"
    project = detect(ScaffoldRequest(), lay({"requirements.txt": ""}, f"{APP}{code}"))

    assert (project.health.path, project.notes) == ("/healthz", ())


def test_a_certificate_with_a_strange_name(lay: Lay) -> None:
    """The name of a certificate makes no line of the ignore list that is not its own."""
    root = lay(
        {"x\n!jwt.pem": "CERTIFICATE", "a b.pem": "CERTIFICATE"}, f"{APP}open('x\\n!jwt.pem')\nopen('a b.pem')\n"
    )
    project = detect(ScaffoldRequest(), root)

    assert text(".dockerignore", project) == text(".dockerignore")


def test_a_name_that_no_file_takes(lay: Lay) -> None:
    """A name with a blank makes no line of an ignore list: it stays out, and that is said."""
    project = detect(
        ScaffoldRequest(), lay({"requirements.txt": "fastapi", "docs/a b": ""}, f"{APP}open('docs/a b')\n")
    )

    assert project.notes == (
        "`docs/a b` in main.py:3 stays out of the image: its name has signs that no file here takes",
    )


HATCH = "[project]\nname = 'shop'\ndependencies = ['fastapi']\n[build-system]\nrequires = ['hatchling']\n"
SETUPTOOLS = HATCH.replace("hatchling", "setuptools")
FROM_SRC = "PYTHONPATH=/app/src"
PACKAGES = [
    (HATCH, "Jinja2Templates('templates')", False),
    (HATCH, "X = Path(__file__).parents[2] / 'templates'", True),
    (HATCH, "X = Path(__file__).parent / 'data'", False),
    (SETUPTOOLS, "X = Path(__file__).parent / 'data'", True),
    (f"{SETUPTOOLS}[tool.setuptools.package-data]\nshop = ['*']\n", "X = Path(__file__).parent / 'data'", False),
]


@pytest.mark.parametrize(("config", "code", "imported"), PACKAGES)
def test_a_package(lay: Lay, config: str, code: str, imported: bool) -> None:
    """What lies beside a package is in the image, and what it opens outside of itself is where it looks for it."""
    files = {
        **dict.fromkeys(("templates/x.html", "alembic.ini", "migrations/env.py", "src/shop/data/x"), ""),
        "pyproject.toml": config,
        "src/shop/__init__.py": "",
        "src/shop/main.py": f"{APP}{code}\n",
    }
    project = detect(ScaffoldRequest(app="shop.main:app"), lay(files, None))
    lines = [line.strip(" \\") for line in text("Dockerfile", project).splitlines()]

    assert project.package
    assert "COPY --from=build /src /app" in lines
    assert (FROM_SRC in lines) is imported
    place = f"{'src/shop/data' if 'data' in code else 'templates'} in src/shop/main.py:3"
    layout = next(it for it in project.findings if it.topic == "layout")
    assert (layout.source == place) is imported


OPENED = [
    ("COPY . .", "", []),
    ("COPY . .", "templates\n", ["`.dockerignore` leaves out `templates`, which main.py:3 opens"]),
    ("COPY . .", "*\n!main.py\n", ["`.dockerignore` leaves out `templates`, which main.py:3 opens"]),
    ("COPY main.py .", "", ["nothing copies `templates`, which main.py:3 opens"]),
    ("COPY main.py templates/ ./", "", []),
    ('COPY ["main.py", "t*", "/app/"]', "", []),
    ("COPY requirements.txt .", "templates\n", []),
    (
        "WORKDIR /src\nCOPY . .\nFROM python:3.13\nCOPY --from=build /src/main.py /app/",
        "",
        ["nothing copies `templates`, which main.py:3 opens"],
    ),
    ("WORKDIR /src\nCOPY . .\nFROM python:3.13\nCOPY --from=build /src /app", "", []),
    ("WORKDIR /src\nCOPY . .\nFROM python:3.13\nCOPY --from=0 /src/templates /app/templates", "", []),
    ("COPY . /all\nFROM build AS last", "", []),
    ("COPY --from=elsewhere / /\nCOPY main.py .", "", ["nothing copies `templates`, which main.py:3 opens"]),
]


@pytest.mark.parametrize(("copies", "ignored", "told"), OPENED)
def test_what_check_compares(lay: Lay, copies: str, ignored: str, told: list[str]) -> None:
    """`--check` compares what the source opens with what the stages copy, and with what is ignored."""
    root = lay({"templates/x.html": "", "requirements.txt": ""}, f"{APP}Jinja2Templates('templates')\n")
    (root / "Dockerfile").write_text(f"FROM python:3.13 AS build\n{copies}\n")
    (root / ".dockerignore").write_text(ignored)
    named = detect(ScaffoldRequest(), root).named

    problems = lint.problems(root, ["Dockerfile"], ["main.py"], named)
    assert [it.text for it in problems if it.rule == "opened-files"] == told


def test_what_is_built_later(project: Path) -> None:
    """A folder that the source names and that is built only later is neither left out nor missed."""
    (project / "main.py").write_text(f"{APP}app.mount('/', StaticFiles(directory='dist'))\n")

    assert run().exit_code == 0
    assert run("--check").stdout == ""
    with (project / ".dockerignore").open("a") as file:
        file.write("dist\n")
    assert (
        run("--check").stdout == "Dockerfile: opened-files: `.dockerignore` leaves out `dist`, which main.py:3 opens\n"
    )


def test_an_image_of_before(lay: Lay) -> None:
    """An image that has the package and nothing beside it is not called sound."""
    files = {"pyproject.toml": HATCH, "src/shop/__init__.py": "", "src/shop/main.py": f"{APP}Jinja2Templates('t')\n"}
    root = lay({**files, "t/x": ""}, None)
    project = detect(ScaffoldRequest(app="shop.main:app"), root)
    dockerfile = next(it.text for it in plan(project, ScaffoldRequest()) if it.path == "Dockerfile")
    (root / "Dockerfile").write_text(dockerfile.replace("COPY --from=build /src /app\n", ""))
    (root / ".dockerignore").write_text("")

    told = lint.problems(root, ["Dockerfile"], ["src/shop/main.py"], project.named)
    assert [it.text for it in told] == ["nothing copies `t`, which src/shop/main.py:3 opens"]

"""No text of a project, whatever it holds, becomes an instruction, a directive, a key or a word of a written file."""

import functools
import json
import re
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asgictl.errors import AsgictlError, ConfigError
from asgictl.scaffold import rendering
from asgictl.scaffold.detect import detect
from asgictl.scaffold.plan import plan
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold import structure
from tests.scaffold.conftest import APP, Lay, run

# What ends a value, or begins something else, in one of the languages.
SIGNS = [
    *("\nRUN EVIL\n", "\r\nRUN EVIL", "\nExecStartPre=+/bin/EVIL\nUser=root\nX=", "\n  EVIL: 1", " EVIL=1", " EVIL "),
    *("\\\n EVIL", "$HOME", "${EVIL}", "$(EVIL)", "`EVIL`", "; EVIL", "&& EVIL", "| EVIL", "%n", "%h", "%"),
    *("'", '"', '" EVIL="', "' EVIL '", "\\", '\\"', "#", " # EVIL", ": ", "- ", "*", "?", "[", "]", "{", "}", "{{7}}"),
    *("<<EOF", "--EVIL", "-", "\x00", "\x85EVIL", "\u2028EVIL", "\x0b", "\x1b[2J", "\udc80", "\u0661", "é", "🐍", ","),
    *("]\nEVIL", '"]', "!", "@EVIL", "~", "=EVIL", "\t", "../", "/", ":", ";", "=", "&", "|", "<", ">", "(", ")"),
]
HARMLESS = ["", "conf", "conf.settings", "main", "app", "3.12", "fastapi", "x", "requirements.txt", "DATABASE_URL"]
TEXTS = st.lists(st.sampled_from([*SIGNS, *HARMLESS]) | st.text(max_size=3), min_size=1, max_size=4).map("".join)

Files = dict[str, str]
Place = Callable[[str], Files]

DJANGO: Files = {
    "requirements.txt": "django\n",
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'conf.settings')\n",
    "conf/__init__.py": "",
    "conf/asgi.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
    "conf/settings.py": "ROOT_URLCONF = 'conf.urls'\nSTATIC_ROOT = 'static'\nX = env('SECRET')\n",
    "conf/urls.py": "urlpatterns = [path('healthz/', x)]\n",
}
FLAT: Files = {"main.py": f"{APP}@app.get('/healthz')\ndef up(): ...\n", "requirements.txt": "fastapi\n"}
PACKAGE: Files = {
    "pyproject.toml": "[project]\nname='shop'\ndependencies=['fastapi']\n[build-system]\nrequires=['hatchling']\n",
    "shop/__init__.py": "",
    "shop/main.py": APP,
}


def table(**values: object) -> str:
    """Return a `[project]` of TOML, whose strings are those of JSON."""
    declared = {"name": "shop", "dependencies": ["fastapi"], **values}
    lines = "".join(f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in declared.items())
    return f"[project]\n{lines}[build-system]\nrequires = ['hatchling']\n"


def settings_of(**lines: str) -> Files:
    """Return Django's files with settings that say something else."""
    base = {"urls": "ROOT_URLCONF = 'conf.urls'", "static": "STATIC_ROOT = 'static'", "more": ""}
    return {**DJANGO, "conf/settings.py": "".join(f"{line}\n" for line in {**base, **lines}.values())}


def moved(files: Files, folder: str) -> Files:
    """Return files that lie in a folder, beside what the project depends on."""
    return {name if name == "requirements.txt" else f"{folder}/{name}": text for name, text in files.items()}


# Where a text of a project's may stand: the files that hold it.
PLACES: dict[str, Place] = {
    "manage.py": lambda it: {**DJANGO, "manage.py": f"import os\nos.environ['DJANGO_SETTINGS_MODULE'] = {it!r}\n"},
    "asgi.py": lambda it: {
        **DJANGO,
        "conf/asgi.py": f"import os\nos.environ['DJANGO_SETTINGS_MODULE'] = {it!r}\n{DJANGO['conf/asgi.py']}",
    },
    "a variable": lambda it: settings_of(more=f"X = os.environ[{it!r}]"),
    "a variable of env": lambda it: settings_of(more=f"X = env.{it!r}({it!r})\nY = env.int({it!r})"),
    "a name of DATABASES": lambda it: settings_of(more=f"DATABASES = {{{it!r}: {it!r}}}"),
    "a folder of manage.py": lambda it: moved(settings_of(more="DATABASES"), it),
    "settings beside": lambda it: {**DJANGO, f"conf/{it}.py": "", "conf/production.py": ""},
    "what keeps state": lambda it: {**FLAT, f"{it}.py": "import socketio\nx = socketio.AsyncServer()\n"},
    "alembic.ini": lambda it: {**FLAT, "requirements.txt": "fastapi\nalembic\n", "alembic.ini": it},
    "ROOT_URLCONF": lambda it: settings_of(urls=f"ROOT_URLCONF = {it!r}"),
    "STATIC_ROOT": lambda it: settings_of(static=f"STATIC_ROOT = {it!r}"),
    "ASGI_APPLICATION": lambda it: settings_of(more=f"ASGI_APPLICATION = {it!r}"),
    "a health route of Django": lambda it: {**DJANGO, "conf/urls.py": f"urlpatterns = [path({it!r}, x)]\n"},
    "a folder of Django": lambda it: {name.replace("conf/", f"{it}/"): text for name, text in DJANGO.items()},
    "a file": lambda it: {**FLAT, "main.py": "", f"{it}.py": APP},
    "a folder": lambda it: {"requirements.txt": "fastapi\n", f"{it}/web.py": APP},
    "a folder below src": lambda it: {"requirements.txt": "fastapi\n", f"src/{it}/web.py": APP},
    "a package": lambda it: {
        **PACKAGE,
        "pyproject.toml": table(name=it) + "[tool.hatch.build]\nx = 1\n",
        f"{it}/__init__.py": "",
        f"{it}/main.py": APP,
    },
    "a route": lambda it: {**FLAT, "main.py": f"{APP}@app.get({it!r})\ndef up(): ...\n"},
    "a requirement": lambda it: {**FLAT, "requirements.txt": f"fastapi\n{it}\n"},
    "an included file": lambda it: {**FLAT, "requirements.txt": f"-r {it}\n", it: "fastapi\n"},
    "an editable": lambda it: {**FLAT, "requirements.txt": f"fastapi\n-e {it}\n"},
    "an index": lambda it: {**FLAT, "requirements.txt": f"--index-url https://x.example/{it}\nfastapi\n"},
    ".python-version": lambda it: {**FLAT, ".python-version": it},
    "runtime.txt": lambda it: {**FLAT, "runtime.txt": f"python-{it}"},
    "Procfile": lambda it: {**FLAT, "Procfile": f"web: uvicorn {it}:app\n"},
    ".env": lambda it: {**FLAT, ".env": f"{it}=1\nA={it}\n"},
    "compose.yaml": lambda it: {**FLAT, "compose.yaml": f"name: {it}\n"},
    "Dockerfile": lambda it: {**FLAT, "Dockerfile": f'FROM {it}\nCMD ["uvicorn", "{it}:app"]\n'},
    "the name": lambda it: {**PACKAGE, "pyproject.toml": table(name=it)},
    "requires-python": lambda it: {**PACKAGE, "pyproject.toml": table(**{"requires-python": it})},
    "a dependency": lambda it: {**PACKAGE, "pyproject.toml": table(dependencies=["fastapi", it])},
    "the readme": lambda it: {**PACKAGE, "pyproject.toml": table(readme=it), it: ""},
    "the licence": lambda it: {**PACKAGE, "pyproject.toml": table(license={"file": it})},
    "a script": lambda it: {**PACKAGE, "pyproject.toml": f"{table()}[project.scripts]\nx = {json.dumps(it)}\n"},
    "the app in pyproject.toml": lambda it: {**FLAT, "pyproject.toml": f"[tool.asgictl]\napp = {json.dumps(it)}\n"},
    "a group": lambda it: {**PACKAGE, "pyproject.toml": f"{table()}[dependency-groups]\n{json.dumps(it)} = ['x']\n"},
    "an extra": lambda it: {
        **PACKAGE,
        "pyproject.toml": f"{table()}[project.optional-dependencies]\n{json.dumps(it)} = ['x']\n",
    },
}
# Projects that hold nothing but what one expects.
HARMLESS_PROJECTS: list[Files] = [
    *(DJANGO, FLAT, PACKAGE, {**FLAT, "main.py": APP}, {**FLAT, "requirements.txt": "x\n-e .\n"}),
    {**DJANGO, "conf/urls.py": ""},
    {**DJANGO, "manage.py": "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = ''\n"},
    {**DJANGO, "manage.py": "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'x'\n"},
    settings_of(),
    settings_of(static=""),
    settings_of(more="X = os.environ['A']"),
    settings_of(urls="", static=""),
    {"requirements.txt": "fastapi\n", "src/shop/main.py": APP},
    {**PACKAGE, "pyproject.toml": table(readme="README.md"), "README.md": ""},
    {**FLAT, "requirements.txt": "fastapi\npsycopg2\n"},
    {**FLAT, "requirements.txt": "-r inner/x.txt\n", "inner/x.txt": "fastapi\n"},
    {**FLAT, "requirements.txt": "fastapi\nalembic\n", "alembic.ini": ""},
    moved(settings_of(more="DATABASES"), "src"),
    settings_of(more="DATABASES"),
    settings_of(more="X = env('A'), env('B')"),
    {**FLAT, "live.py": "import socketio\nx = socketio.AsyncServer()\n"},
    {**FLAT, "requirements.txt": "asgictl\n"},
    {**FLAT, "requirements.txt": "uvicorn\n"},
]


def named(files: Files) -> str | None:
    """Return the file of the app, where nobody would find it without its name."""
    return next((name for name, text in files.items() if text == APP and not name.endswith("main.py")), None)


def written(files: Files, runner: str) -> set[Any] | None:
    """Return what all files for a project with these files consist of; None where it is refused."""
    with tempfile.TemporaryDirectory() as parent:
        root = Path(parent) / "shop"
        root.mkdir()
        for name, text in files.items():
            file = root / name
            try:
                if not file.resolve().is_relative_to(root):
                    return None
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text.encode(errors="surrogatepass"))
            except (OSError, ValueError):  # not a name on this system
                return None
        try:
            found = detect(ScaffoldRequest(app=named(files)), root)
            planned = plan(found, ScaffoldRequest(targets="all", runner=runner))  # type: ignore[arg-type]
        except AsgictlError as error:
            assert error.hint  # noqa: PT017  # each of them has one
            return None
    units = (".service", ".socket")
    kinds = [(Path(file.path).suffix if file.path.endswith(units) else file.path, file) for file in planned]
    return {(kind, entry) for kind, file in kinds for entry in structure.entries(file.path, file.text)}


@functools.cache
def harmless(runner: str) -> set[Any]:
    """Return what the files of harmless projects consist of."""
    return set().union(*(written(files, runner) or () for files in HARMLESS_PROJECTS))


ATTACKS = [
    ("manage.py", "conf\nRUN EVIL"),
    ("asgi.py", "conf\nExecStartPre=+/bin/EVIL\nUser=root\nX="),
    ("manage.py", "conf EVIL=1"),
    ("a file", "we\nExecStartPre=EVIL\nb"),
    ("a file", "we b"),
    ("a folder", "we$HOME;x"),
    ("a file", "--help"),
    ("an included file", "--link"),
    (".python-version", "3.\u0661\u0662"),
]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.sampled_from(sorted(PLACES)), text=TEXTS, runner=st.sampled_from(["asgictl", "uvicorn"]))
def test_no_text_is_more_than_a_value(place: str, text: str, runner: str) -> None:
    """Whatever a project holds, the files consist of what a harmless project's do, or nothing is written."""
    assert (written(PLACES[place](text), runner) or set()) - harmless(runner) == set()


@pytest.mark.parametrize(("place", "text"), ATTACKS)
def test_what_was_tried(place: str, text: str) -> None:
    """An instruction, a directive, a word or an option in the place of a name is refused."""
    assert written(PLACES[place](text), "asgictl") is None


PRINTABLE = st.text().filter(str.isprintable)


@given(text=PRINTABLE)
def test_each_language_reads_the_value_back(text: str) -> None:
    """What a filter writes is one value of its language, and the one that was given."""
    assert shlex.split(rendering.shell(text)) == [text]
    assert json.loads(rendering.words([text, text])) == [text, text]
    assert yaml.safe_load(rendering.quoted(text)) == text
    assert yaml.safe_load(rendering.flow([text]))[0].replace("$$", "$") == text
    assert not re.search(r"(?<!\$)(\$\$)*\$(?!\$)", yaml.safe_load(rendering.compose(text)))
    unquoted = re.sub(r"\\([\\\"$])", r"\1", re.sub(r'^"(.*)"$', r"\1", rendering.docker(text)))
    assert unquoted == text


@given(text=PRINTABLE)
def test_a_unit_reads_the_value_back(text: str) -> None:
    """Systemd takes it for one word, without specifiers, and in a command without variables."""
    for written, value in (
        (rendering.unit([text]).replace("$$", "$"), text),
        (rendering.unit_variable(f"A={text}"), f"A={text}"),
    ):
        quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', written)
        bare = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else written
        assert quoted or re.fullmatch(r"[\w./:@+~=,%-]+", written)
        assert bare.replace("%%", "%") == value


@pytest.mark.parametrize("text", ["a b", "a\nb", "$a", "'", "a:", "{", "#"])
def test_a_template_without_a_filter(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no plain word, and no filter has written, is refused wherever a template prints it."""
    (tmp_path / "x.j2").write_text("{{ value }}")
    monkeypatch.setattr(rendering, "_TEMPLATES", tmp_path)
    rendering._environment.cache_clear()  # it has read the folder of the templates
    try:
        assert rendering.render("x.j2", {"value": "python:3.13-slim"}) == "python:3.13-slim"
        with pytest.raises(ConfigError, match="is not a plain word"):
            rendering.render("x.j2", {"value": text})
    finally:
        rendering._environment.cache_clear()


def test_a_line_that_is_none() -> None:
    """Nor does a filter write what no editor would show."""
    with pytest.raises(ConfigError) as error:
        rendering.words(["a\nb"])

    assert (error.value.message, error.value.hint) == (
        "`a\nb` cannot stand in a file that is written",
        "use printable characters only",
    )


REFUSED = [
    (
        "manage.py",
        "conf\nRUN EVIL",
        "`conf\\nRUN EVIL`, which the project names, is not the name of a module with Django's settings",
        "pass --settings MODULE",
    ),
    (
        "a file",
        "we b",
        "`we b.py` cannot be imported: `we b` is not a valid module name",
        "rename it, for example to `we_b.py`",
    ),
]


@pytest.mark.parametrize(("place", "text", "error", "hint"), REFUSED)
def test_what_is_said(lay: Lay, monkeypatch: pytest.MonkeyPatch, place: str, text: str, error: str, hint: str) -> None:
    """The command names the text, and what to do; nothing is written."""
    root = lay(PLACES[place](text), None)
    monkeypatch.chdir(root)

    result = run("--for", "docker,systemd", *filter(None, [named(PLACES[place](text))]))

    assert (result.exit_code in {2, 3}, result.stdout) == (True, "")
    assert result.stderr.splitlines()[-2:] == [f"error: {error}", f"hint: {hint}"]
    assert not (root / "Dockerfile").exists()

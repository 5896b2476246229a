"""No text of a project, whatever it holds, becomes an instruction, a directive, a key or a word of a written file."""

import functools
import json
import re
import shlex
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asgictl.errors import AsgictlError, ConfigError
from asgictl.scaffold import rendering
from asgictl.scaffold.detect import detect, venv_python
from asgictl.scaffold.plan import plan
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.write import compare
from tests.scaffold import structure
from tests.scaffold.conftest import APP, Lay, run
from tests.scaffold.injected import FLASK, HARMLESS, PLACES, ROOT, Files

# What ends a value, or begins something else, in one of the languages.
SIGNS = [
    *("\nRUN EVIL\n", "\r\nRUN EVIL", "\nExecStartPre=+/bin/EVIL\nUser=root\nX=", "\n  EVIL: 1", " EVIL=1", " EVIL "),
    *("\\\n EVIL", "$HOME", "${EVIL}", "$(EVIL)", "`EVIL`", "; EVIL", "&& EVIL", "| EVIL", "%n", "%h", "%"),
    *("'", '"', '" EVIL="', "' EVIL '", "\\", '\\"', "#", " # EVIL", ": ", "- ", "*", "?", "[", "]", "{", "}", "{{7}}"),
    *(
        "<<EOF",
        "--EVIL",
        "-",
        "\x00",
        "\x85EVIL",
        "\rEVIL: 1\r",
        "\u2028EVIL",
        "\x0b",
        "\x1b[2J",
        "\udc80",
        "\u0661",
        "é",
        "🐍",
        ",",
    ),
    *("]\nEVIL", '"]', "!", "@EVIL", "~", "=EVIL", "\t", "../", "/", ":", ";", "=", "&", "|", "<", ">", "(", ")"),
]
WORDS = ["", "conf", "conf.settings", "main", "app", "3.12", "fastapi", "x", "requirements.txt", "DATABASE_URL"]
TEXTS = st.lists(st.sampled_from([*SIGNS, *WORDS]) | st.text(max_size=3), min_size=1, max_size=4).map("".join)

# What else is asked for: with an option other paths through the templates are taken.
OPTIONS: dict[str, dict[str, Any]] = {
    "asgictl": {"runner": "asgictl"},
    "uvicorn": {"runner": "uvicorn"},
    "https": {"runner": "asgictl", "targets": "docker,compose,dev,watch", "https": True},
    "bind": {
        "targets": "docker,compose,dev,systemd",
        "mode": "bind",
        "index_url": "https://mirror.example/simple",
        "index_secret": "netrc",
    },
    "cluster": {
        "volume": ("data:/data", "out:/app/out"),
        "domain": "a.example",
        "image": "r.example/shop",
        "ingress_class": "nginx",
        "proxy_namespace": "x",
        "replicas": 1,
    },
    "gateway": {
        "runner": "uvicorn",
        "gateway": "x/y",
        "pull_secret": "regcred",
        "registry_prefix": "m.example/hub",
        "build_env": ("SECRET=x",),
        "port_env": "PORT",
        "apt": ("libpq5",),
    },
    "selected": {"extra": ("api",), "group": ("dev",)},
}


def named(files: Files) -> str | None:
    """Return the file of the app, where nobody would find it without its name."""
    return next((name for name, text in files.items() if text in {APP, FLASK} and not name.endswith("main.py")), None)


def laid(root: Path, files: Files) -> bool:
    """Lay out files; tell whether this system takes all of their names."""
    for name, text in files.items():
        file = root / name
        try:
            if not file.resolve().is_relative_to(root):
                return False
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.replace(ROOT, str(root)).encode(errors="surrogatepass"))
        except (OSError, ValueError):
            return False
    return True


def written(files: Files, options: str, folder: str = "") -> set[Any] | None:
    """Return what all files for a project with these files consist of; None where it is refused."""
    with tempfile.TemporaryDirectory() as parent, pytest.MonkeyPatch.context() as patch:
        # As if it were where a unit serves it from, and homes were there.
        served = Path(parent).resolve()
        patch.setattr(venv_python, "_SERVED", served)
        patch.setattr(venv_python, "_HIDDEN", (str(served),))
        root = served / "shop"
        root.mkdir()
        if not laid(root, files):
            return None
        request = ScaffoldRequest(**{"targets": "all", **OPTIONS[options]})
        try:
            found = detect(request._replace(app=None if folder else named(files)), root / folder)
            planned = {file.path: file for file in plan(found, request)}
            changes = compare.compare(found.root, planned.values())
        except AsgictlError as error:
            assert error.hint  # noqa: PT017  # each of them has one
            return None
        texts = {it.path: planned[it.path].text if planned[it.path].merged else it.content.decode() for it in changes}
        if folder:  # where it lies is in each of the lines for it
            for path in texts.keys() & {"Dockerfile.dockerignore"}:
                texts[path] = re.sub(rf"(?m)^(!?){re.escape(folder)}/", r"\1home/", texts[path])
    units = (".service", ".socket")
    kinds = [(Path(path).suffix if path.endswith(units) else path, path, text) for path, text in texts.items()]
    return {(kind, entry) for kind, path, text in kinds for entry in structure.entries(path, text)}


@functools.cache
def harmless(options: str) -> set[Any]:
    """Return what the files of harmless projects consist of."""
    return set().union(*(written(files, options) or () for files in HARMLESS))


@functools.cache
def usual(place: str, options: str) -> set[Any] | None:
    """Return what the files of a project consist of that has a harmless text in that place."""
    text, files, folder = PLACES[place]
    return written(files(text), options, folder(text))


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


@pytest.mark.parametrize("place", PLACES)
def test_each_place_takes_a_harmless_text(place: str) -> None:
    """Files are written for it, so that what is refused there is refused for its text."""
    assert usual(place, "asgictl")


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("place", PLACES)
@given(text=TEXTS, after=st.booleans(), options=st.sampled_from(list(OPTIONS)))
@example(text='"; touch /EVIL; echo "', after=True, options="https")
@example(text="-", after=False, options="asgictl")
@example(text="\nRUN EVIL", after=True, options="cluster")
@example(text="\rEVIL: 1\r", after=True, options="cluster")
def test_no_text_is_more_than_a_value(place: str, text: str, *, after: bool, options: str) -> None:
    """Whatever a project holds, the files consist of what a harmless project's do, or nothing is written."""
    start, files, folder = PLACES[place]
    text = f"{start}{text}" if after else text
    consists_of = written(files(text), options, folder(text)) or set()

    assert consists_of - harmless(options) - (usual(place, options) or set()) == set()


@pytest.mark.parametrize(("place", "text"), ATTACKS)
def test_what_was_tried(place: str, text: str) -> None:
    """An instruction, a directive, a word or an option in the place of a name is refused."""
    assert written(PLACES[place].files(text), "asgictl") is None


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
    root = lay(PLACES[place].files(text), None)
    monkeypatch.chdir(root)

    result = run("--for", "docker,systemd", *filter(None, [named(PLACES[place].files(text))]))

    assert (result.exit_code in {2, 3}, result.stdout) == (True, "")
    assert result.stderr.splitlines()[-2:] == [f"error: {error}", f"hint: {hint}"]
    assert not (root / "Dockerfile").exists()

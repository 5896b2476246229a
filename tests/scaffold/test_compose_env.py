"""The variables of `.env` that `scaffold --verify` gives to the container: those that compose gives."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asgictl.errors import FileProblemError
from asgictl.scaffold.verify import compose_env
from tests.conftest import linux

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
    ("BARE='a'A", {"BARE": "a", "A": "outside"}),
    ("X='a'Y='b'", {"X": "a", "Y": "b"}),
    ('X="\\\\$HOME"', {"X": "\\/home/me"}),
    ('X="\\\\\\$HOME"', {"X": "\\$HOME"}),
    ("X='it\\'s \\\\'", {"X": "it's \\\\"}),
    ('X="a\\"b\\q\\0101\\01"', {"X": 'a"b\\qA\\1'}),
    ("X= #x", {"X": "#x"}),
    ("X=\t#x", {"X": "#x"}),
    ("X=a\t#x", {"X": "a\t#x"}),
    ("X=a\rY=b", {"X": "a\rY=b"}),
    ("X=a\r\nY=b\r", {"X": "a", "Y": "b"}),
    ('X="a\r\nb"', {"X": "a\r\nb"}),
    ("X-y.z[0]=1", {"X-y.z[0]": "1"}),
    ("X=${NO:-${NO:-${NO:-a}}}", {"X": "a"}),
    ("X=${NO:-{}}", {"X": "{}"}),
]
# Each text that compose does not start with, and what is said of it.
PUT_RIGHT = "put it right, or make it a comment with #"
REFUSED = [
    ("A=1\n!! no\n", "line 2 of `{}` is not `NAME=value`", PUT_RIGHT),
    ("A='1'\"2\"\n", "line 1 of `{}` is not `NAME=value`", PUT_RIGHT),
    ("A B=1\n", "line 1 of `{}` is not `NAME=value`", PUT_RIGHT),
    ("X=${NO:?say it}\n", "`{}` needs NO: say it", "set NO there, or in the environment"),
    ("X=${NO?}\n", "`{}` needs NO: it is not set", "set NO there, or in the environment"),
    ("\nX='a\nY=1\n", "line 2 of `{}` opens a quote that is not closed", "close it with '"),
    (
        "X=p4${1}\n",
        "`{}` has a variable that is not `${{NAME}}`: `${{1}}`",
        "put it right, or write $$ for a dollar sign",
    ),
]
# What compose takes, and no engine.
NO_VARIABLE = [
    ("A=1\nBARE", "line 2 of `{}` has `BARE` alone, and no line break", "end the line, or write `BARE=` with a value"),
    ("=x\n", "line 1 of `{}` is not `NAME=value`", PUT_RIGHT),
    ('X="\\0000"\n', "line 1 of `{}` has a NUL, which no variable can hold", "take it out"),
]


@pytest.mark.parametrize(("text", "expected"), LINES)
def test_lines(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    """Quotes, comments, `export` and variables mean what they mean to compose."""
    (tmp_path / ".env").write_text(f"{text}\n", newline="")

    assert compose_env.read(tmp_path / ".env", ENVIRON) == expected


def compose(folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Return what compose itself makes of `compose.yaml` in `folder`."""
    program = shutil.which("docker-compose", path=str(Path(sys.executable).parent))
    assert program
    return subprocess.run(
        [program, "config", "--format", "json"], cwd=folder, env=ENVIRON, capture_output=True, check=False
    )


@linux
def test_as_compose(tmp_path: Path) -> None:
    """Compose itself, asked in the same place, says the same of each."""
    services = {}
    for number, (text, _) in enumerate(LINES):
        (tmp_path / f"{number}.env").write_text(f"{text}\n", newline="")
        services[f"s{number}"] = {"image": "x", "env_file": [f"{number}.env"]}
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": services}))

    told = json.loads(compose(tmp_path).stdout)["services"]
    for number, (text, expected) in enumerate(LINES):
        found = told[f"s{number}"].get("environment") or {}
        assert {name: value.replace("$$", "$") for name, value in found.items() if value is not None} == expected, text


@linux
def test_what_a_later_line_says(tmp_path: Path) -> None:
    """A variable that a later line sets is known to an earlier one, as it is to compose."""
    (tmp_path / ".env").write_text("X=$Y\nY=1\nY=2\nZ\nZ=3\n")
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": {"s": {"image": "x", "env_file": [".env"]}}}))

    found = json.loads(compose(tmp_path).stdout)["services"]["s"]["environment"]

    assert compose_env.read(tmp_path / ".env", ENVIRON) == found == {"X": "2", "Y": "2", "Z": "3"}


@linux
@pytest.mark.parametrize("text", [text for text, *_ in REFUSED])
def test_refused_by_compose(tmp_path: Path, text: str) -> None:
    """Compose itself, asked in the same place, refuses each of these."""
    (tmp_path / "x.env").write_text(text)
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": {"s": {"image": "x", "env_file": ["x.env"]}}}))

    said = compose(tmp_path)
    assert (said.stdout, b"x.env: " in said.stderr) == (b"", True)


@pytest.mark.parametrize(("text", "message", "hint"), [*REFUSED, *NO_VARIABLE])
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

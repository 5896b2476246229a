"""Which files, and which exchanges, the words after `asgictl session` mean."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from typer.testing import CliRunner

from asgictl.cli import app
from asgictl.inspector.record import Closed
from asgictl.inspector.sessions import codec
from asgictl.inspector.sessions.session_file import SessionFile
from tests.inspector.recordings import CHAT, FAILING, REQUEST

HEADER = '{"k":"session","schema":"asgictl.inspect/1"}\n'
FIRST = HEADER + "".join(map(codec.dumps, REQUEST))
SECOND = HEADER + "".join(map(codec.dumps, [*CHAT, *FAILING]))

Run = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `asgictl session` where two files are; return the status and the lines of stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    Path("a.jsonl").write_text(FIRST)
    Path("b.jsonl").write_text(SECOND)
    Path("a.jsonl.gz").write_bytes(gzip.compress(FIRST.encode()))
    Path("b.zst").write_bytes(zstandard.ZstdCompressor().compress(SECOND.encode()))
    Path("7").write_text(SECOND)

    def call(*words: str, stdin: str = "") -> tuple[int, list[str], list[str]]:
        result = CliRunner().invoke(app, ["session", *words], stdin, prog_name="asgictl", catch_exceptions=False)
        return result.exit_code, result.stdout.splitlines(), result.stderr.splitlines()

    return call


@pytest.mark.parametrize(
    "files", ["a.jsonl b.jsonl", "a.jsonl.gz b.zst", "a.jsonl -", "- a.jsonl.gz", "7 a.jsonl", "a.jsonl ./7"]
)
def test_each_command_takes_several_files(run: Run, files: str) -> None:
    """Plain, packed and from stdin: together they are one session, for every command."""
    names = files.split()

    def said(command: str, *words: str) -> tuple[int, list[str], list[str]]:
        return run(command, *names, *words, stdin=SECOND)

    numbers = {json.loads(line)["id"] for line in said("show", "--view", "json")[1]}
    assert numbers == {7, 8, 9}
    assert said("show", "9")[1][1].startswith("#9 GET /boom  500")
    assert said("show", "8")[1][1].startswith("#8 WS /chat?x=1  closed 1001")
    status, lines, _ = said("diff", "7", "9")
    assert (status, lines[0][:15], lines[1:4]) == (1, "#7 (-) and #9 (", ["scope method", "- POST", "+ GET"])
    assert len(json.loads("\n".join(said("export", "--har")[1]))["log"]["entries"]) == 3
    assert said("export", "--curl", "7")[1][0].startswith("curl ")
    assert said("export", "--httpie", "7")[1][0].startswith("http ")


def test_replay_of_several_files(run: Run) -> None:
    """What is sent again, and the app's lifespan, have numbers that none of the files has."""
    Path("echoing.py").write_text(
        "async def app(scope, receive, send):\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'hi'})\n"
    )
    for files in (["a.jsonl", "b.jsonl"], ["b.zst", "a.jsonl.gz"], ["7", "a.jsonl"]):
        status, lines, notes = run("replay", *files, "7", "--app", "echoing:app")
        assert (status, lines[1].split("  ")[0], notes) == (0, "#11 POST /orders?x=1", [])


_TWO = "hint: pass two IDs after the file, or two files"
WORDS = {
    "show 7": (0, []),
    "show a.jsonl 7 9": (2, ["error: several exchanges are named", "hint: pass one ID, or none to see all"]),
    "show a.jsonl b.jsonl 5": (
        4,
        [
            "error: there is no exchange #5 in `a.jsonl` and `b.jsonl`",
            "hint: `asgictl session show a.jsonl b.jsonl` lists what there is",
        ],
    ),
    "show a.jsonl 99999999999999999999": (
        4,
        [
            "error: cannot read `99999999999999999999`: No such file or directory",
            "hint: name a file that `asgictl inspect --save` has written, or a HAR",
        ],
    ),
    "show a.jsonl a.jsonl": (2, ["error: `a.jsonl` is named twice", "hint: name each file once"]),
    "show a.jsonl a.jsonl.gz 7": (0, []),
    "show - -": (2, ["error: stdin is named twice", "hint: name each file once"]),
    "diff a.jsonl": (
        2,
        ["error: a comparison takes two exchanges, not 0", _TWO],
    ),
    "diff a.jsonl 7": (
        2,
        ["error: a comparison takes two exchanges, not 1", _TWO],
    ),
    "diff a.jsonl 7 8 9": (
        2,
        ["error: a comparison takes two exchanges, not 3", _TWO],
    ),
    "diff a.jsonl 7 7": (0, []),
    "diff a.jsonl b.jsonl ./7 8 8": (
        4,
        [
            "error: there are several exchanges #8 in `a.jsonl` and `b.jsonl` and `./7`",
            "hint: name a file that has one of them",
        ],
    ),
    "export a.jsonl --curl 9": (
        4,
        [
            "error: there is no exchange #9 in `a.jsonl`",
            "hint: `asgictl session show a.jsonl` lists what there is",
        ],
    ),
}


@pytest.mark.parametrize(("words", "wanted"), WORDS.items(), ids=list(WORDS))
def test_words(run: Run, words: str, wanted: tuple[int, list[str]]) -> None:
    """A number after the first file is an exchange; what else does not go together is said."""
    status, _, said = run(*words.split())

    assert (status, said) == wanted


@pytest.mark.parametrize("command", ["show", "diff", "export", "replay"])
def test_without_a_file(run: Run, command: str) -> None:
    """Without a file it is said what is missing."""
    status, lines, said = run(command)

    assert (status, lines) == (2, [])
    words = {"show": "FILE... [ID]", "diff": "FILE... [A B]", "export": "FILE...", "replay": "FILE... [ID...]"}[command]
    assert said[0] == f"Usage: asgictl session {command} [OPTIONS] {words}"
    assert f"Missing argument '{words}'" in "".join(said)


def test_a_stream_that_was_put_aside(run: Run) -> None:
    """Each file of a stream has its status and what it holds, and both together have all of it."""
    file = SessionFile(Path("r.jsonl"), about={}, limit=4000, note=print)
    start, end = REQUEST[0], Closed(7, 15.5)
    for record in [start, *map(codec.loads, CHUNKS), end]:
        assert record is not None
        file(record)
    file.close()

    def head(*names: str) -> tuple[int, list[str], list[str]]:
        status, lines, notes = run("show", *names)
        return status, [line[:60].strip() for line in lines if not line.startswith("   ")], notes

    title = ["#7 POST /orders?x=1  200 OK, cut off  15.5 ms  127.0.0.1:512"]
    older = ["#7 POST /orders?x=1  200 OK  127.0.0.1:51234  HTTP/1.1"]
    assert head("r.jsonl", "r.1.jsonl") == (0, title, [])
    assert head("r.1.jsonl") == (0, older, [])
    assert head("r.jsonl") == (0, title, ["note: #7 began in `r.1.jsonl`: name that file, too"])
    lines = run("show", "r.jsonl")[1]
    assert lines[1] == "         … 20 earlier messages, 800 B"
    assert lines[2].split() == ["0.5", "▸", "http.response.start", "200", "OK"]


CHUNKS = [
    json.dumps({"k": "event", "id": 7, "n": n, "ms": n / 2, "dir": "send", "message": message, "size": size})
    for n, (message, size) in enumerate(
        [
            ({"type": "http.response.start", "status": 200, "headers": []}, 0),
            *[({"type": "http.response.body", "body": "x" * 40, "more_body": True}, 40)] * 30,
        ],
        start=1,
    )
]

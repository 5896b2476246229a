"""What `session diff` and `session replay --diff` say, and the status that they end with."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asgictl import cli
from asgictl.inspector.record import Closed, Event, Opened, Record
from asgictl.inspector.sessions.session_file import SessionFile
from tests import answers
from tests.inspector.recordings import CHAT, SCOPE

APP = """
import asyncio

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await receive()
    if scope["path"] == "/hangs":
        await asyncio.Event().wait()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": BODIES[scope["path"]]})

BODIES = {"/long": b"a" * 2000, "/other": b"x\\nb\\n", "/same": b"a\\nb\\n"}
"""


def answered(
    number: int, path: str, body: bytes, *, size: int | None = None, media_type: bytes = b"text/plain"
) -> list[Record]:
    """Return the records of a request with this answer, of which perhaps not all is kept."""
    scope = {**SCOPE, "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", media_type)]}
    message = {"type": "http.response.body", "body": body, "more_body": False}
    return [
        Opened(number, 1_700_000_000.0, scope),
        Event(number, 1, 0.0, "receive", {"type": "http.request", "body": b"", "more_body": False}),
        Event(number, 2, 1.0, "send", start),
        Event(number, 3, 2.0, "send", message, size=size or len(body), cut=size is not None),
        Closed(number, 3.0),
    ]


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command of `session` beside an app and a session, and return its status and what it says."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "compared_app.py").write_text(APP)

    def call(*words: str, records: list[Record]) -> tuple[int, str, str]:
        with monkeypatch.context() as context:
            context.setattr(sys, "path", list(sys.path))
            file = SessionFile(tmp_path / "s.jsonl", about={}, limit=10**9, note=print)
            for record in records:
                file(record)
            file.close()
            result = CliRunner().invoke(cli.app, ["session", *words], prog_name="asgictl", catch_exceptions=False)
            (tmp_path / "s.jsonl").unlink()
        return result.exit_code, result.stdout, result.stderr

    yield call
    sys.modules.pop("compared_app", None)


LONG = answered(1, "/long", b"a" * 1000, size=2000)
OTHER = answered(2, "/other", b"a\nb\n")
SAME = answered(3, "/same", b"a\nb\n")


def test_what_could_not_be_compared(run: Run) -> None:
    """A body of which not all is kept is neither the same nor another one: the status is 5, and a hint says why."""
    assert run("replay", "s.jsonl", "--app", "compared_app:app", "--diff", records=[*LONG, *SAME]) == (
        5,
        "#1 and now: no difference in what could be compared\n"
        "response body\n"
        "? compared: the first 1.0 kB of 2.0 kB\n"
        "#3 and now: no difference\n",
        "hint: record it again, with a larger --body-limit\n",
    )
    assert run("diff", "s.jsonl", "1", "2", records=[*LONG, *answered(2, "/long", b"a" * 1000, size=2000)]) == (
        5,
        "#1 and #2: no difference in what could be compared\nresponse body\n? compared: the first 1.0 kB of 2.0 kB\n",
        "hint: record it again, with a larger --body-limit\n",
    )


def test_a_difference_counts_more(run: Run) -> None:
    """Where there is a difference the status is 1, whatever else could not be compared."""
    assert run("replay", "s.jsonl", "--app", "compared_app:app", "--diff", records=[*LONG, *OTHER]) == (
        1,
        "#1 and now: no difference in what could be compared\n"
        "response body\n"
        "? compared: the first 1.0 kB of 2.0 kB\n"
        "#2 (-) and now (+): 2 differences\n"
        "response body\n- a\n+ x\n",
        "hint: record it again, with a larger --body-limit\n",
    )


def test_the_same_as_json(run: Run) -> None:
    """`--json` tells the same, of each exchange that was sent again."""
    status, stdout, stderr = run(
        *("replay", "s.jsonl", "--app", "compared_app:app", "--diff", "--json"),
        records=[*LONG, *OTHER, *SAME],
    )
    remark = {"where": "response body", "text": "compared: the first 1.0 kB of 2.0 kB", "untold": True}
    differences = [
        {"where": "response body", "one": "a", "other": None},
        {"where": "response body", "one": None, "other": "x"},
    ]

    assert (status, stderr) == (1, "hint: record it again, with a larger --body-limit\n")
    assert answers.result(stdout) == {
        "exchanges": [
            {"id": 1, "differences": [], "remarks": [remark]},
            {"id": 2, "differences": differences, "remarks": []},
            {"id": 3, "differences": [], "remarks": []},
        ],
        "remarks": [],
    }


def test_what_is_not_sent_is_open(run: Run) -> None:
    """A request that cannot be sent again leaves its difference open."""
    request = [Opened(7, 0.0, {**SCOPE, "headers": [(b"content-length", b"3")]}), Closed(7, 1.0)]
    problem = "the app did not read the whole request of #7"
    words = ("replay", "s.jsonl", "--app", "compared_app:app", "--diff")

    assert run(*words, records=[*SAME, *request]) == (
        5,
        "#3 and now: no difference\n",
        f"note: {problem}; it is left out\n",
    )
    assert run(*words, records=request) == (5, "", f"note: {problem}; it is left out\n")
    named = ("replay", "s.jsonl", "7", "3", *words[2:])
    assert run(*named, records=[*SAME, *request]) == (
        5,
        "#3 and now: no difference\n",
        f"note: {problem}; it is left out\n",
    )
    assert run(*named[:-1], records=[*SAME, *request])[0] == 1
    _, stdout, _ = run(*words, "--json", records=[*SAME, *request])
    remark = {"where": "request", "text": f"not sent: {problem}", "untold": True}
    assert answers.result(stdout)["exchanges"][1] == {"id": 7, "differences": [], "remarks": [remark]}


def test_json_is_a_form_of_the_difference(run: Run) -> None:
    """Without `--diff` there is no JSON, and the hint names what there is."""
    status, stdout, _ = run("replay", "s.jsonl", "--app", "compared_app:app", "--json", records=SAME)

    assert (status, answers.error(stdout)) == (
        2,
        {"message": "`--json` needs `--diff`", "hint": "add --diff, or pass --view json", "exit_status": 2},
    )


def test_no_answer(run: Run) -> None:
    """Where one gets no answer the others do, and the status says so; a comparison says what is missing."""
    records = [*answered(1, "/hangs", b"a"), *SAME]
    words = ("replay", "s.jsonl", "--app", "compared_app:app", "--timeout", "0.2")
    note = "note: #1: the app has not sent anything for 0.2 s (/hangs)\n"

    status, stdout, stderr = run(*words, records=records)
    assert (status, [line.split("  ")[:2] for line in stdout.splitlines() if line.startswith("#")][1]) == (
        3,
        ["#6 GET /same", "200 OK"],
    )
    assert stderr == f"{note}error: 1 of 2 got no answer\nhint: pass a longer --timeout\n"
    assert run(*words, "--diff", records=records) == (
        1,
        "#1 (-) and now (+): 3 differences\n"
        "status\n- 200\nresponse header content-type\n- text/plain\nresponse body\n- a\n"
        "#3 and now: no difference\n",
        note,
    )


def test_what_is_written_otherwise(run: Run) -> None:
    """The same JSON with other blanks is no difference, but it is said that it is not the same text."""
    one, other = (
        answered(number, "/", body, media_type=b"text/json") for number, body in ((1, b'{"a": 1}'), (2, b'{"a":1}'))
    )

    assert run("diff", "s.jsonl", "1", "2", records=[*one, *other]) == (
        0,
        "#1 and #2: no difference\nresponse body\n= the same JSON, written otherwise\n",
        "",
    )


def test_texts_of_several_lines(run: Run) -> None:
    """A message of several lines has its sign before each, blanks are kept, and escapes steer no terminal."""
    chats = []
    for number, text in ((1, "a\nb "), (2, "a\x1b[31m\nc")):
        opened, connect, accept, *_ = (replace(record, id=number) for record in CHAT)
        frame = Event(number, 3, 3.0, "send", {"type": "websocket.send", "text": text}, size=len(text))
        chats += [opened, connect, accept, frame, Closed(number, 9.0)]

    assert run("diff", "s.jsonl", "1", "2", records=chats)[:2] == (
        1,
        "#1 (-) and #2 (+): 1 difference\nsent frame 1\n- a\n- b \n+ a\\x1b[31m\n+ c\n",
    )


def test_differences_of_requests_as_json(run: Run) -> None:
    """What could not be compared in a request is told, too."""
    requests = [
        Opened(number, 0.0, {**SCOPE, "headers": [(b"content-length", b"3")], "path": f"/{number}"})
        for number in (1, 2)
    ]
    status, stdout, _ = run("diff", "s.jsonl", "1", "2", "--json", records=[*requests, Closed(1, 1.0), Closed(2, 1.0)])
    text = "compared: the first 0 B; (-): the app read no further, (+): the app read no further"

    assert status == 1
    assert json.loads(stdout)["result"] == {
        "differences": [{"where": "scope path", "one": "/1", "other": "/2"}],
        "remarks": [{"where": "request body", "text": text, "untold": True}],
    }


def saved_as(path: Path, *records: Record) -> None:
    """Save a session."""
    file = SessionFile(path, about={}, limit=10**9, note=print)
    for record in records:
        file(record)
    file.close()


def compared(*words: str) -> tuple[int, str, str]:
    """Return the status of `session diff`, and what it says."""
    result = CliRunner().invoke(cli.app, ["session", "diff", *words], prog_name="asgictl", catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_two_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files are compared request by request, each with its partner by method and path; the others are named."""
    monkeypatch.chdir(tmp_path)
    saved_as(
        tmp_path / "a.jsonl",
        *(*answered(1, "/x", b"1"), *answered(2, "/old", b"2"), *answered(3, "/y", b"3"), *answered(4, "/z", b"4")),
    )
    saved_as(
        tmp_path / "b.jsonl",
        *(*answered(1, "/new", b"0"), *answered(2, "/x", b"1"), *answered(3, "/z", b"4"), *answered(4, "/y", b"9")),
    )
    body = [
        {"where": "response body", "one": "3", "other": None},
        {"where": "response body", "one": None, "other": "9"},
    ]
    old, new = (
        {"where": "no partner", "one": "#2 GET /old", "other": None},
        {"where": "no partner", "one": None, "other": "#1 GET /new"},
    )
    pairs = [((1, 2), []), ((2, None), [old]), ((3, 4), body), ((4, 3), []), ((None, 1), [new])]

    status, stdout, stderr = compared("a.jsonl", "b.jsonl")
    assert (status, stderr) == (1, "")
    assert stdout.splitlines() == [
        "#1 and #2, GET /x: no difference",
        *("no partner", "- #2 GET /old"),
        *("#3 (-) and #4 (+), GET /y: 2 differences", "response body", "- 3", "+ 9"),
        "#4 and #3, GET /z: no difference",
        *("no partner", "+ #1 GET /new"),
    ]
    status, stdout, stderr = compared("a.jsonl", "b.jsonl", "--json")
    assert answers.result(stdout) == {
        "exchanges": [{"one": a, "other": b, "differences": found, "remarks": []} for (a, b), found in pairs],
        "remarks": [],
    }
    assert compared("a.jsonl", "a.jsonl.gz")[0] == 4
    twice = "error: {} is named twice\nhint: name each file once\n"
    assert compared("a.jsonl", "./a.jsonl") == (2, "", twice.format("`a.jsonl`"))
    assert compared("-", "-") == (2, "", twice.format("stdin"))


def test_one_of_each_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number with two files means the one of each, and of two numbers the first is of the first file."""
    monkeypatch.chdir(tmp_path)
    saved_as(tmp_path / "a.jsonl", *answered(1, "/x", b"1"))
    saved_as(tmp_path / "b.jsonl", *answered(1, "/x", b"2"), *answered(2, "/x", b"1"))

    found = "2 differences\nresponse body\n- 1\n+ 2\n"
    assert compared("a.jsonl", "b.jsonl", "1", "1") == (1, f"#1 (-) and #1 (+): {found}", "")
    assert compared("a.jsonl", "b.jsonl", "1") == (1, f"#1 (-) and #1 (+), GET /x: {found}", "")
    assert compared("a.jsonl", "b.jsonl", "1", "2") == (0, "#1 and #2: no difference\n", "")
    assert compared("b.jsonl", "a.jsonl", "2", "2")[0] == 0
    assert compared("a.jsonl", "b.jsonl", "2")[0] == 4


def test_sessions_with_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sessions without a request are not the same: there is nothing to compare."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.jsonl", "b.jsonl"):
        saved_as(tmp_path / name, Opened(0, 0.0, {"type": "lifespan"}), Closed(0, 1.0))

    assert compared("a.jsonl", "b.jsonl") == (
        4,
        "",
        "error: `a.jsonl` and `b.jsonl` hold nothing to compare\n"
        "hint: make some requests while `asgictl inspect --save` runs\n",
    )


def test_damaged_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that cannot be read may be of what is compared: then it is open whether there is a difference."""
    monkeypatch.chdir(tmp_path)
    saved_as(tmp_path / "a.jsonl", *answered(1, "/x", b"1"), *answered(2, "/x", b"1"))
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write("nonsense\n")

    assert compared("a.jsonl", "1", "2") == (
        5,
        "#1 and #2: no difference in what could be compared\n"
        "session\n? 1 damaged line of `a.jsonl` could not be compared\n",
        "note: 1 damaged line of `a.jsonl` left out\nhint: remove what is damaged to compare the rest\n",
    )

"""`asgictl inspect` marks the rules of ASGI that an app breaks, counts them, and fails on request."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.conftest import Serve, finish
from tests.e2e.test_inspect import session, steady

APP = """
async def start(send):
    await send({"type": "http.response.start", "status": "200"})


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("not here")
    if scope["path"] == "/nothing":
        return
    if scope["path"] == "/text":
        await start(send)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello"})
    return "hello"
"""


def test_marks(serve: Serve, write: Callable[..., Path], tmp_path: Path) -> None:
    """A broken rule stands under its event, and in the session; at the end each is counted, and the status is 1."""
    write({"main.py": APP})
    served = serve("main:app", "--view", "line", "--save", "s.jsonl", "--fail-on", "error", command="inspect")
    for path in ("/", "/", "/nothing"):
        httpx.get(served.url + path)
    served.wait_for("#3 GET")
    served.wait_for("returned without an answer:")
    status, lines = served.stop()

    assert status == 1
    shown = [steady(line) for line in served.access if line]
    answer = [
        "  T ▸ http.response.start  200 OK, content-type: text/plain",
        "  T ▸ http.response.body   5 B  hello",
        "         ✗ A-011 warning: the app has returned an object of `str`  (app)",
    ]
    assert shown == [
        "#0 lifespan  T",
        "  T ■ not supported: RuntimeError: not here",
        "#1 GET /  200 OK  T  CLIENT  HTTP/1.1",
        *answer,
        "#2 GET /  200 OK  T  CLIENT  HTTP/1.1",
        *answer,
        "#3 GET /nothing  500 Internal Server Error  T  CLIENT  HTTP/1.1",
        "         ✗ A-155 error: the app has returned without an answer  (app)",
        "  T ✗ returned without an answer: the server sends 500 Internal Server Error",
    ]
    assert lines[-3:] == [
        "note: A-155 error: the app has returned without an answer (GET /nothing)",
        "note: A-011 warning, 2 times: the app has returned an object of `str` (GET /)",
        "note: 4 exchanges: 1 error, 2 warnings",
    ]
    saved = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    found = [line for line in saved if line.get("k") == "finding"]
    assert [(line["id"], line["rule"], line["severity"], line["blame"]) for line in found] == [
        (1, "A-011", "warning", "app"),
        (2, "A-011", "warning", "app"),
        (3, "A-155", "error", "app"),
    ]
    _, text, _ = session(tmp_path, "show", "s.jsonl", "3")
    assert "✗ A-155 error: the app has returned without an answer  (app)" in text


def test_places(serve: Serve, write: Callable[..., Path]) -> None:
    """What a message breaks names the innermost line of the app."""
    write({"main.py": APP})
    served = serve("main:app", "--view", "line", command="inspect")
    with contextlib.suppress(httpx.RemoteProtocolError):  # as the server takes it
        httpx.get(f"{served.url}/text")
    line = served.wait_for(r"A-141 .*")[0]
    served.stop()

    assert line == "A-141 error: `status` is '200' (str), and not an integer  (app)  main.py:3"


def test_rules_that_are_left_out(serve: Serve, write: Callable[..., Path]) -> None:
    """Without some rules, or without any, nothing is said of them, and nothing fails."""
    write({"main.py": APP})
    for options in (["--ignore", "a-011, A-15?", "--fail-on", "warning"], ["--check", "off"]):
        served = serve("main:app", "--view", "line", *options, command="inspect")
        httpx.get(f"{served.url}/nothing")
        served.wait_for("returned without an answer:")
        status, lines = served.stop()

        assert (status, [line for line in lines if line.startswith("note:")]) == (0, [])
        assert not [line for line in served.access if "A-1" in line]


def test_a_rule_that_there_is_not(write: Callable[..., Path], tmp_path: Path) -> None:
    """A pattern of rules that matches none is an error, and where they are listed the hint."""
    write({"main.py": APP})
    status, stdout, stderr = finish("inspect", "main:app", "--ignore", "A-999", folder=tmp_path)

    assert (status, stdout) == (2, "")
    assert stderr.splitlines() == ["error: `A-999` is not a rule", "hint: `asgictl check --rules` lists them"]


def test_a_gate_that_cannot_fail(write: Callable[..., Path], tmp_path: Path) -> None:
    """A threshold without any rule is an error: nobody would notice that nothing was checked."""
    write({"main.py": APP})
    status, stdout, stderr = finish("inspect", "main:app", "--check", "off", "--fail-on", "error", folder=tmp_path)

    assert (status, stdout) == (2, "")
    assert stderr.splitlines() == [
        "error: `--fail-on` has nothing to fail on with `--check off`",
        "hint: drop one of them",
    ]

"""Apps that break the protocol, or whose client leaves: replayed into the same app, nothing differs."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from asgictl.cli import app
from tests.conftest import Serve, finish

APP = """
import asyncio
import contextlib

START = {"type": "http.response.start", "status": 200, "headers": [(b"x", b"1")]}
BODY = {"type": "http.response.body", "body": b"x"}
MORE = {**BODY, "more_body": True}
ACCEPT, CLOSE = {"type": "websocket.accept"}, {"type": "websocket.close"}
TEXT = {"type": "websocket.send", "text": "a"}
DENIAL = "websocket.http.response"
LENGTH = lambda size: {**START, "headers": [(b"content-length", size)]}

HTTP = {
    "raises": [ValueError("x")], "returns": [], "exits": [SystemExit(3)],
    "body first": [BODY], "body first, caught": [[BODY], START, BODY],
    "start twice": [START, START, BODY], "start alone": [START], "start, then raises": [START, ValueError("x")],
    "half": [START, MORE], "half, then raises": [START, MORE, ValueError("x")],
    "after the end": [START, BODY, BODY], "start after the end": [START, BODY, START],
    "after the end, caught": [START, BODY, [BODY]],
    "no status": [{"type": "http.response.start"}, BODY], "text as status": [{**START, "status": "200"}, BODY],
    "status 999": [{**START, "status": 999}, BODY], "status 99, caught": [[{**START, "status": 99}], START, BODY],
    "204": [{**START, "status": 204}, BODY], "304": [{**START, "status": 304}, BODY],
    "text as body": [START, {**BODY, "body": "x"}], "text as header": [{**START, "headers": [("a", "b")]}, BODY],
    "line in a header": [{**START, "headers": [(b"a", b"b\\r\\nc: d")]}, BODY],
    "blank in a name": [{**START, "headers": [(b"a b", b"b")]}, BODY],
    "longer than it says": [LENGTH(b"3"), MORE, {**MORE, "body": b"abcdef"}, BODY],
    "shorter than it says": [LENGTH(b"5"), BODY], "no length": [LENGTH(b"abc"), BODY],
    "no such message": [{"type": "nonsense"}], "no message": [None], "no type": [{}], "another protocol": [ACCEPT],
    "hints": [{"type": "http.response.early_hint", "links": []}, START, BODY],
    "trailers": [{**START, "trailers": True}, BODY, {"type": "http.response.trailers", "headers": []}],
    "a file": [START, {"type": "http.response.pathsend", "path": "/x"}],
    "as it should be": [START, BODY],
}
LEFT = {
    "gone before": ["gone", START, BODY],
    "gone in between": [START, MORE, "gone", MORE, BODY],
    "gone, and raises": [START, MORE, "gone", ValueError("x")],
    "gone at once": [START, MORE, "gone"],
}
CHAT = {
    "raises": [ValueError("x")], "returns": [],
    "raises after it": ["receive", ValueError("x")], "returns after it": ["receive"],
    "sends first": ["receive", TEXT], "no such message": ["receive", {"type": "nonsense"}],
    "raises when accepted": ["receive", ACCEPT, ValueError("x")], "returns when accepted": ["receive", ACCEPT],
    "accepts twice": ["receive", ACCEPT, ACCEPT], "odd": ["receive", ACCEPT, {"type": "nonsense"}],
    "a number": ["receive", ACCEPT, {"type": "websocket.send", "text": 5}],
    "sends after its close": ["receive", ACCEPT, TEXT, CLOSE, TEXT], "closes twice": ["receive", ACCEPT, CLOSE, CLOSE],
    "an odd code": ["receive", ACCEPT, {**CLOSE, "code": 1}],
    "a long reason": ["receive", ACCEPT, {**CLOSE, "reason": "a" * 200}],
    "refuses, and goes on": ["receive", CLOSE, ACCEPT],
    "sends on": ["receive", ACCEPT, TEXT, "receive", "on"],
}


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    steps = CHAT if scope["type"] == "websocket" else {**HTTP, **LEFT}
    for step in steps[scope["path"][1:]]:
        if isinstance(step, BaseException):
            raise step
        if step == "receive":
            await receive()
        elif step == "gone":
            while (await receive())["type"] != "http.disconnect":
                pass
        elif step == "on":
            while True:
                await send(TEXT)
                await asyncio.sleep(0.001)
        elif isinstance(step, list):
            with contextlib.suppress(Exception):
                await send(step[0])
        else:
            await send(step)
"""


async def converse(url: str, path: str) -> None:
    """Connect, and hear what there is; the client of `sends on` leaves."""
    with contextlib.suppress(InvalidHandshake, ConnectionClosed):
        async with connect(f"{url}/{path.replace(' ', '%20')}") as it:
            while await it.recv() is not None:
                if path == "sends on":
                    await it.close()


def left(url: str, path: str) -> None:
    """Send a request, and leave when the answer has begun, if one does."""
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port or 0), timeout=20) as it:
        it.sendall(f"GET /{path.replace(' ', '%20')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        if path != "gone before":
            it.recv(1)


@pytest.mark.parametrize("http", ["httptools", "h11"])
def test_the_same_app(serve: Serve, write: Callable[..., Path], tmp_path: Path, http: str) -> None:
    """In a process as behind a server, such apps get the same exceptions, and their clients the same answers."""
    write({"main.py": APP})
    names: dict[str, dict[str, object]] = {}
    exec(APP, names)  # ours
    served = serve("--save", "s.jsonl", "--http", http, command="inspect")
    for path in names["HTTP"]:
        with contextlib.suppress(httpx.RemoteProtocolError):
            httpx.get(f"{served.url}/{path}")
    for path in names["LEFT"]:
        left(served.url, path)
    for path in names["CHAT"]:
        asyncio.run(converse(served.url.replace("http", "ws", 1), path))
    count = sum(len(names[kind]) for kind in ("HTTP", "LEFT", "CHAT"))
    for number in range(1, count + 1):
        served.wait_for(f'"k":"close","id":{number},')
    same = "".join(f"#{number} and now: no difference\n" for number in range(1, count + 1))

    words = ["session", "replay", "s.jsonl", "--diff"]
    assert finish(*words, "--app", "main:app", folder=tmp_path) == (0, same, "")
    with contextlib.chdir(tmp_path):
        sent = [*words, *(str(n) for n in range(1, len(names["HTTP"]) + 1)), "--to", served.url]
        result = CliRunner().invoke(app, sent, prog_name="asgictl", catch_exceptions=False)
    sent_again = f"#{len(names['HTTP'])} and now: no difference\n"
    assert "\n- " not in result.stdout, result.stdout
    assert "\n+ " not in result.stdout, result.stdout
    assert result.stdout.endswith(sent_again)
    served.stop()

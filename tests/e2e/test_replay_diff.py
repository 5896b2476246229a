"""`session replay --diff` against what `inspect` has recorded of a server: no more than there is, and no less."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from asgictl.cli import app
from tests.conftest import Serve, finish

APP = """
import gzip

SECOND = b"second"


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    if scope["type"] == "websocket":
        await chat(scope, receive, send)
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"text/plain")]
    if scope["path"] == "/large":
        body = b"a" * 3000
    elif scope["path"] == "/gzip":
        headers.append((b"content-encoding", b"gzip"))
        body = gzip.compress(b"first\\n", mtime=1) + gzip.compress(SECOND, mtime=1)
    else:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError("boom")
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def chat(scope, receive, send):
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.close", "code": 4403})
        return
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        kind = "text" if message.get("text") is not None else "bytes"
        await send({"type": "websocket.send", kind: message[kind]})
        if message.get("text") == "bye":
            await send({"type": "websocket.close", "code": 4001, "reason": "so long"})
            return
"""


async def converse(url: str) -> None:
    """Send empty messages, have the app close one conversation, and be refused another."""
    async with connect(f"{url}/chat") as socket:
        for data in ("", b"", "a"):
            await socket.send(data)
            assert await socket.recv() == data
    async with connect(f"{url}/chat") as socket:
        await socket.send("bye")
        assert await socket.recv() == "bye"
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    with pytest.raises(InvalidStatus):
        await connect(f"{url}/refused")


def test_the_same_app(serve: Serve, write: Callable[..., Path], tmp_path: Path) -> None:
    """Over a network and in a process nothing differs, and of what was not kept it is said; then a change is found."""
    write({"main.py": APP})
    served = serve("--save", "s.jsonl", "--body-limit", "1000", command="inspect")
    for path in ("/large", "/gzip", "/half"):
        with contextlib.suppress(httpx.RemoteProtocolError):
            httpx.get(f"{served.url}{path}")
    asyncio.run(converse(served.url.replace("http", "ws", 1)))
    served.wait_for('"k":"close","id":6')
    cut = "#1 and now: no difference in what could be compared\nresponse body\n? compared: the first 1.0 kB of 3.0 kB\n"
    same = "".join(f"#{number} and now: no difference\n" for number in range(2, 7))
    hint = "hint: record it again, with a larger --body-limit\n"
    numbers = [str(number) for number in range(1, 7)]

    with contextlib.chdir(tmp_path):
        words = ["session", "replay", "s.jsonl", *numbers, "--to", served.url, "--diff"]
        result = CliRunner().invoke(app, words, prog_name="asgictl", catch_exceptions=False)
    assert (result.exit_code, result.stdout, result.stderr) == (5, cut + same, hint)
    served.stop()
    words = ["session", "replay", "s.jsonl", *numbers, "--app", "main:app", "--diff"]
    assert finish(*words, folder=tmp_path) == (5, cut + same, hint)

    changed = (
        APP.replace('b"second"', 'b"other"').replace("kind: message[kind]", '"text": kind').replace("4001", "4002")
    )
    write({"main.py": changed})
    assert finish(*words[:3], "2", "4", "5", *words[-3:], folder=tmp_path) == (
        1,
        "#2 (-) and now (+): 2 differences\n"
        "response body\n- second\n+ other\n"
        "#4 (-) and now (+): 3 differences\n"
        "sent frame 1\n- text 0 B\n+ text\nsent frame 2\n- bytes 0 B\n+ text bytes\nsent frame 3\n- a\n+ text\n"
        "#5 (-) and now (+): 2 differences\n"
        "close code\n- 4001\n+ 4002\nsent frame 1\n- bye\n+ text\n",
        "",
    )

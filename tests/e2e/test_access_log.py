"""Not one line is lost, torn or forged, on the real command."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.conftest import ASGICTL, Serve, Write, linux

APP = """
import asyncio, logging.config, sys
logging.config.dictConfig({"version": 1, "disable_existing_loggers": True})
import logging
for name in list(logging.root.manager.loggerDict):
    logging.getLogger(name).disabled = True

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await send({"type": "websocket.send", "text": "hello"})
        await send({"type": "websocket.close", "code": 4000})
        return
    if scope["path"] == "/fail":
        raise RuntimeError("no")
    if scope["path"] == "/exit":
        raise SystemExit(9)
    if scope["path"] == "/slow":
        print("slow", file=sys.stderr, flush=True)
        await asyncio.sleep(0.3)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""

many = pytest.mark.parametrize("arguments", [(), ("--workers", "2"), ("--reload",)], ids=["one", "workers", "reload"])


@many
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_loses_no_line(serve: Serve, write: Write, number: signal.Signals, arguments: tuple[str, ...]) -> None:
    """Requests before a stop, during it, and those that it waits for, all have their line."""
    write({"main.py": APP})
    served = serve(*arguments)
    with httpx.Client(base_url=served.url) as client:
        for index in range(50):
            client.get(f"/{index}")
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        served.wait_for("^slow$")

        served.send(number)

        assert b"".join(iter(lambda: client.recv(4096), b"")).endswith(b"ok")
    assert served.end()[0] == 0
    assert sorted(_paths(served.access)) == sorted(["/slow", *(f"/{index}" for index in range(50))])


def _paths(lines: list[str]) -> list[str]:
    return [line.split()[3] for line in lines if line]


def test_a_forced_stop_loses_no_line(serve: Serve, write: Write) -> None:
    """Requests have their line when the stop is forced: those that were complete, and the one that is cut off."""
    write({"main.py": APP.replace("sleep(0.3)", "sleep(60)")})
    served = serve()
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n")
        served.wait_for("^slow$")
        httpx.get(f"{served.url}/last")
        served.ctrl_c()
        served.wait_until_refused()
        served.ctrl_c()

        assert served.end()[0] == 130
    assert _paths(served.access) == ["/last", "/slow"]
    assert '"GET /slow HTTP/1.1" 500 Internal Server Error, cut off, 0 B' in served.access[1]


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one", "workers"])
def test_an_exception_loses_no_line(serve: Serve, write: Write, arguments: tuple[str, ...]) -> None:
    """A request that fails has a line with the 500 that the server answers; so has one that ends the process."""
    write({"main.py": APP})
    served = serve(*arguments)

    assert httpx.get(f"{served.url}/fail").status_code == 500
    with contextlib.suppress(httpx.TransportError):
        httpx.get(f"{served.url}/exit")

    served.wait_for(r'"GET /fail HTTP/1\.1" 500 Internal Server Error 0 B')
    served.wait_for(r'"GET /exit HTTP/1\.1" 500 Internal Server Error 0 B')


def test_a_reload_loses_no_line(serve: Serve, write: Write) -> None:
    """Requests just before a save have their line."""
    folder = write({"main.py": APP})
    served = serve("--reload")
    with httpx.Client(base_url=served.url) as client:
        for index in range(50):
            client.get(f"/{index}")
    (folder / "main.py").write_text(f"{APP}\n")

    served.wait_for("ready again")

    assert served.stop()[0] == 0
    assert _paths(served.access) == [f"/{index}" for index in range(50)]


@linux
def test_several_workers_into_one_pipe(serve: Serve, write: Write) -> None:
    """Lines of four workers stay whole, also those that are longer than a pipe takes at once."""
    write({"main.py": APP})
    served = serve("--workers", "4", "--http", "httptools")
    wanted = [f"/{name * length}" for name in "ab" for length in range(3000, 9000, 100)]
    for path in wanted:
        with socket.create_connection(("127.0.0.1", served.port)) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
            while client.recv(4096):
                pass

    assert served.stop()[0] == 0
    assert sorted(_paths(served.access)) == sorted(wanted)


def test_a_hostile_client(serve: Serve, write: Write) -> None:
    """What a client sends cannot make a second line, nor move the cursor."""
    write({"main.py": APP})
    served = serve("--access-log-format", "combined", "--forwarded-allow-ips", "*", "--http", "h11")
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        request = (
            b'GET /a%0aforged"\\x?<\xc3\xa9> HTTP/1.1\r\nHost: test\r\nUser-Agent: x" 200 1 "\t\xff\r\n'
            b"X-Forwarded-For: a\tb\r\nConnection: close\r\n\r\n"
        )
        client.sendall(request)
        answer = b"".join(iter(lambda: client.recv(4096), b""))

    served.stop()
    lines = [line for line in served.access if line]
    assert len(lines) == answer.count(b"HTTP/1.1 200")
    assert all(line.isascii() and line.isprintable() and line.count('"') == 6 for line in lines)


def test_a_websocket(serve: Serve, write: Write) -> None:
    """A WebSocket has one line, at its end."""
    write({"main.py": APP})
    served = serve()

    with connect(f"{served.url.replace('http', 'ws')}/chat") as websocket:
        websocket.send("hi")
        assert websocket.recv() == "hello"

    line = served.wait_for('.*"WebSocket /chat .*')[0]
    assert ' - "WebSocket /chat HTTP/1.1" closed 4000, 5 B ' in line
    assert served.stop()[1][-1].startswith("  Ready")


def test_formats(serve: Serve, write: Write) -> None:
    """JSON for both logs is one object a line, exceptions included."""
    write({"main.py": APP.split("async def app")[1].join(["async def app", ""])})
    served = serve("--access-log-format", "json", "--log-format", "json", "--quiet-path", "/quiet")

    url = json.loads(served.wait_for("^{.*http://.*")[0])["url"]
    httpx.get(f"{url}/quiet")
    httpx.get(f"{url}/fail")
    _, lines = served.stop()

    said = [json.loads(line) for line in lines]
    assert [record["path"] for record in map(json.loads, filter(None, served.access))] == ["/fail"]
    assert [record["level"] for record in said] == ["info", "error"]
    assert said[1]["logger"] == "uvicorn.error"
    assert said[1]["exception"].endswith("RuntimeError: no")


@linux
@pytest.mark.parametrize("target", ["a closed pipe", "/dev/full"])
def test_a_log_that_nobody_takes(write: Write, target: str) -> None:
    """A closed pipe or a full disk does not take the server down; how many lines a full disk has cost is said."""
    folder = write({"main.py": APP})
    if target == "/dev/full":
        descriptor = os.open(target, os.O_WRONLY)
    else:
        reading, descriptor = os.pipe()
        os.close(reading)
    command = [str(ASGICTL), "serve", "--port", "0", "--prod"]
    process = subprocess.Popen(command, cwd=folder, stdout=descriptor, stderr=subprocess.PIPE, text=True)
    os.close(descriptor)
    assert process.stderr is not None
    try:
        lines = iter(process.stderr.readline, "")
        url = next(line for line in lines if " at http" in line).split(" at ")[1].split(",")[0]
        for _ in range(5):
            assert httpx.get(url).text == "ok"
    finally:
        process.terminate()
        said = process.stderr.read().splitlines()
        process.stderr.close()
    assert process.wait() == 0
    if target == "/dev/full":
        begun = r"note: the access log cannot be written: No space left on device; \d lines? (is|are) lost so far"
        assert re.fullmatch(begun, said.pop(0))
        assert said == ["note: the access log: 5 lines are lost"]
    else:
        assert said == []


@many
def test_a_log_that_nobody_reads(write: Write, hurried: Callable[[str], Path], arguments: tuple[str, ...]) -> None:
    """When nobody reads stdout the server goes on, slower; that is said once, and no line is lost when it is read."""
    folder = write({"main.py": APP})
    script = hurried("asgictl.serving.app.log_writer._MOST = 3")
    reading, writing = os.pipe()
    command = [sys.executable, str(script), "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, cwd=folder, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert process.stderr is not None
    limit = threading.Timer(60, process.kill)
    limit.start()
    said = iter(process.stderr.readline, "")
    try:
        url = next(line.split()[1] for line in said if "Local" in line)
        with httpx.Client(base_url=url) as client:
            for _ in range(20):  # more than a pipe holds
                assert client.get(f"/{'x' * 8000}").text == "ok"
        unread = next((line for line in said if "stdout" in line), "")
        received = b""
        while received.count(b"\n") < 20 and (part := os.read(reading, 65536)):
            received += part
        again = next((line for line in said if "stdout" in line), "")
    finally:
        process.terminate()
        left = process.stderr.read()
        limit.cancel()
        process.stderr.close()
        os.close(reading)
    wait = "lines of the access log wait, and slow down requests; read it, or pass --no-access-log"
    assert re.sub(r"\d+", "N", unread) == f"note: nobody reads stdout: N {wait}\n"
    assert again == "note: stdout is read again; no line of the access log is lost\n"
    assert (process.wait(), left) == (0, "")


TOLD = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    path = scope["path"]
    headers = [(b"content-length", b"100" if path == "/cut" else b"2"), (b"x", b"\\n" if path == "/header" else b"x")]
    if path == "/gone":
        while (await receive())["type"] != "http.disconnect":
            pass
    if path == "/scope":
        scope.clear()
    await send({"type": "http.response.start", "status": 403 if path == "/upload" else 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok", "more_body": path in {"/cut", "/left"}})
    if path == "/left":
        while (await receive())["type"] != "http.disconnect":
            pass
    if path == "/cut":
        raise ValueError("\\x1b[2J\\nINFO:     forged")
"""
LINES = {
    "/scope": "200 OK 2 B",
    "/header": "500 Internal Server Error, cut off, 0 B",
    "/cut": "200 OK, cut off, 2 B",
    "/gone": "499 Client Closed Request 0 B",
    "/left": "200 OK, client left, 2 B",
    "/upload": "403 Forbidden, upload unread, 2 B",
}


@pytest.mark.parametrize(
    "arguments",
    [("--http", "h11"), ("--workers", "2", "--http", "httptools"), ("--reload",)],
    ids=["one", "workers", "reload"],
)
def test_what_has_become_of_an_answer(serve: Serve, write: Write, arguments: tuple[str, ...]) -> None:
    """The server's own words, about the app's exception too, and the lines tell what clients got and were told."""
    write({"main.py": TOLD})
    served = serve(*arguments)
    for path in LINES:
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as client:
            size = 9 if path in {"/gone", "/upload"} else 0
            client.sendall(f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {size}\r\n\r\n".encode())
            if path != "/gone":
                client.recv(4096)
        served.wait_for(rf"POST {path} ")

    status, lines = served.stop()

    told = {line.split()[3]: re.sub('.*HTTP/1.1" | [0-9.]+ ms', "", line) for line in served.access if line}
    assert (status, told) == (0, LINES)
    assert "ValueError: \\x1b[2J" in lines
    assert lines[lines.index("ValueError: \\x1b[2J") + 1] == "    INFO:     forged"

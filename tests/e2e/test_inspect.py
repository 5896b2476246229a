"""`asgictl inspect` as users run it: what it shows, what it keeps to itself, and what its sessions are good for."""

import asyncio
import base64
import contextlib
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import haralyzer
import httpx
import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import connect

from asgictl.cli import app
from asgictl.inspector.record.secret_names import NAMES
from tests import answers
from tests.conftest import ASGICTL, Serve, Served, Write, after_banner, finish, needs

APP = """
import asyncio
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute


async def echo(request):
    body = await request.body()
    headers = [[name.decode(), value.decode("latin-1")] for name, value in request.scope["headers"]]
    return JSONResponse({"method": request.method, "query": request.url.query, "headers": headers, "body": body.hex()})


async def boom(request):
    raise ValueError(f"cannot use {request.headers['authorization']} with {request.query_params['token']}")


async def cookie(request):
    response = PlainTextResponse("ok")
    response.set_cookie("session", "SECRET-set-cookie")
    return response


async def chat(websocket):
    await websocket.accept(subprotocol="chat")
    async for text in websocket.iter_text():
        await websocket.send_text(text.upper())


async def ticks(request):
    async def endless():
        while True:
            yield "tick"
            await asyncio.sleep(0.01)
    return StreamingResponse(endless())


async def count(request):
    async def numbers():
        for number in range(3):
            yield f"data: {number}\\n\\n"
    return StreamingResponse(numbers(), media_type="text/event-stream")


METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
app = Starlette(routes=[Route("/echo", echo, methods=METHODS), Route("/boom", boom), Route("/cookie", cookie),
                        Route("/count", count), Route("/ticks", ticks), WebSocketRoute("/chat", chat)])
"""


@pytest.fixture
def inspect(serve: Serve, write: Callable[..., Path]) -> Serve:
    """Start `asgictl inspect` with the app."""

    def start(*arguments: str, **options: Any) -> Served:
        write({"main.py": APP})
        return serve(*arguments, command="inspect", **options)

    return start


def session(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `asgictl session`; return the status, stdout and stderr."""
    if arguments[0] != "replay":  # which imports the user's app
        with contextlib.chdir(folder):
            result = CliRunner().invoke(app, ["session", *arguments], prog_name="asgictl", catch_exceptions=False)
        return result.exit_code, result.stdout, result.stderr
    return finish("session", *arguments, folder=folder)


def steady(line: str) -> str:
    """Return a line without what is another one each time."""
    line = re.sub(r"^ *\d+\.\d ", "  T ", line)
    return re.sub(r"127\.0\.0\.1:\d+", "CLIENT", re.sub(r"\d+\.\d m?s\b", "T", line))


def test_lines(inspect: Serve) -> None:
    """An exchange is a block: a line of its own, and one for each message with its time, direction and content."""
    served = inspect("--view", "line")
    httpx.post(f"{served.url}/echo?x=1", json={"n": 2}, headers={"User-Agent": "tests"})
    httpx.get(f"{served.url}/nothing")
    served.wait_for("#2 GET")
    status, lines = served.stop()

    assert (status, after_banner([line for line in lines if line])) == (0, [])
    shown = [steady(line) for line in served.access]
    size = served.access[5].rpartition(" ")[2]
    assert shown[:6] == [
        "#0 lifespan",
        "  T ◂ lifespan.startup",
        "  T ▸ lifespan.startup.complete",
        "#1 POST /echo?x=1  200 OK  T  CLIENT  HTTP/1.1",
        '  T ◂ http.request         7 B  {"n":2}',
        f"  T ▸ http.response.start  200 OK, content-type: application/json, content-length: {size}",
    ]
    assert shown[6].startswith(f'  T ▸ http.response.body   {size} B  {{"method":"POST"')
    assert shown[7:] == [
        "#2 GET /nothing  404 Not Found  T  CLIENT  HTTP/1.1",
        "  T ▸ http.response.start  404 Not Found, content-type: text/plain; charset=utf-8, content-length: 9",
        "  T ▸ http.response.body   9 B  Not Found",
        "#0 lifespan  goes on",
        "  T ◂ lifespan.shutdown",
        "  T ▸ lifespan.shutdown.complete",
        "  T ■  T, 4 messages",
        "",
    ]


def test_json_is_the_default_in_a_pipe(inspect: Serve) -> None:
    """Programs get one object a line, as they happen, and nothing else on stdout."""
    served = inspect()
    httpx.get(f"{served.url}/count")
    served.wait_for('"k":"close","id":1')
    served.stop()
    records = [json.loads(line) for line in served.access if line]
    mine = [record for record in records if record["id"] == 1]

    assert [record["k"] for record in mine][::5] == ["open", "event"]
    assert [record["message"]["body"] for record in mine if record.get("message", {}).get("more_body")] == [
        f"data: {number}\n\n" for number in range(3)
    ]
    assert mine[0]["scope"]["path"] == "/count"


def test_filters(inspect: Serve, tmp_path: Path) -> None:
    """Only what is asked for is shown; what is saved is everything."""
    served = inspect("--view", "line", "--status", "4xx", "--path", "/no*", "--method", "get", "--save", "s.jsonl")
    for path in ("echo", "nothing", "other"):
        httpx.get(f"{served.url}/{path}")
    httpx.post(f"{served.url}/nothing")
    httpx.get(f"{served.url}/nothing?last")
    served.wait_for("last")
    served.stop()
    heads = [steady(line).split("  ")[0] for line in served.access if line.startswith("#")]
    status, listing, _ = session(tmp_path, "show", "s.jsonl")

    assert heads == ["#2 GET /nothing", "#5 GET /nothing?last"]
    assert status == 0
    assert [line.split("  ")[0] for line in listing.splitlines() if line.startswith("#")] == [
        "#0 lifespan",
        "#1 GET /echo",
        "#2 GET /nothing",
        "#3 GET /other",
        "#4 POST /nothing",
        "#5 GET /nothing?last",
        "#0 lifespan",
    ]


SECRETS = {
    "Authorization": "Bearer SECRET-bearer",
    "Proxy-Authorization": f"Basic {base64.b64encode(b'user:SECRET-password').decode()}",
    "Cookie": "theme=SECRET-theme; session=SECRET-session",
    "X-API-Key": "SECRET-key",
    "X-Mine": "SECRET-mine",
    "Referer": "http://localhost/?token=SECRET-referer",
    "X-Original-URI": "/?access_token=SECRET-original",
    "X-Upstream": "https://me:SECRET-login@h/",
}


@pytest.mark.parametrize("view", ["line", "full", "json"])
def test_secrets_are_not_told(inspect: Serve, tmp_path: Path, view: str) -> None:
    """No secret of a request, or of its answer, is in the terminal, the file, HAR, curl line or error."""
    names = ("--redact", "X-Mine", "--redact-body", "pin")
    served = inspect("--view", view, "--save", "s.jsonl", "--log-level", "trace", *names)
    for path in ("boom?token=SECRET-query", "cookie?tok%65n=SECRET-encoded&other=fine&next=%2F%3Fcode%3DSECRET-next"):
        httpx.get(f"{served.url}/{path}", headers=SECRETS)
    httpx.post(f"{served.url}/echo;token=SECRET-path", json={"pin": "SECRET-field"})
    served.wait_for("Exception in ASGI application")
    status, lines = served.stop()
    saved = (tmp_path / "s.jsonl").read_text()
    exported = [
        session(tmp_path, "export", "s.jsonl", *form) for form in (["--har"], ["--curl", "1"], ["--httpie", "2"])
    ]
    shown = session(tmp_path, "show", "s.jsonl", "1")
    told = "\n".join([*lines, *served.access, saved, *shown[1:], *(text for one in exported for text in one[1:])])

    assert status == 0
    left_out = f"{len(NAMES) + 1} headers and parameters (--print-config lists them), and of `pin` in bodies"
    left_out = f"{left_out}; packed and streamed bodies are left out whole"
    assert f"note: `s.jsonl` leaves out the values of {left_out}" in lines
    assert [one[0] for one in exported] == [0, 0, 0]
    assert re.search(r"cannot use \*{3}[\w.]* with \*{3}[\w.]*", told) is not None
    assert "other=fine" in told
    assert re.findall(r"SECRET[-\w]*", told) == []


def test_no_redact(inspect: Serve) -> None:
    """With --no-redact everything is shown, and said to be."""
    served = inspect("--no-redact")
    httpx.get(f"{served.url}/echo", headers=SECRETS)
    served.wait_for('"k":"close","id":1')
    _, lines = served.stop()

    assert lines[0] == "note: secrets are shown and saved as they are (--no-redact)"
    assert "SECRET-bearer" in "".join(served.access)


def test_a_terminal_cannot_be_disturbed(tmp_path: Path) -> None:
    """Escape sequences, ends of lines and bidi marks in paths, headers and bodies are shown, and do nothing."""
    (tmp_path / "main.py").write_text(APP)
    primary, secondary = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    command = [str(ASGICTL), "inspect", "-p", "0", "--view", "full"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=secondary, stderr=subprocess.PIPE, env=env, text=True)
    assert process.stderr is not None
    url = next(match[1] for line in process.stderr if (match := re.search(r"(\d+)$", line)) and "Local" in line)
    hostile = b"\x1b]0;title\x07\x9b2J \xe2\x80\xae\x85"
    with socket.create_connection(("127.0.0.1", int(url)), timeout=20) as sock:
        request = (
            b"POST /%%1b[2J%%0a%%0dforged%%e2%%80%%ae?%%1b[2J HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-A: %b\r\n"
        )
        sock.sendall(request % b"a\xe2\x80\xae\xc2\x9b31m" + b"Content-Length: %d\r\n\r\n%b" % (len(hostile), hostile))
        while sock.recv(1000):
            pass
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    process.stderr.close()
    os.close(secondary)
    shown = b""
    try:
        while part := os.read(primary, 65536):
            shown += part
    except OSError:  # the end, on Linux
        pass
    os.close(primary)
    text = re.sub(r"\x1b\[\d+m", "", shown.decode()).replace("\r\n", "\n")

    assert "forged" in text
    assert all(char.isprintable() or char == "\n" for char in text)
    assert not any(line.startswith("forged") for line in text.splitlines())


class Terminal:
    """A terminal with `asgictl inspect` in it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._primary, secondary = pty.openpty()
        env = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
        command = [str(ASGICTL), "inspect", "-p", "0", *arguments]
        self._process = subprocess.Popen(command, cwd=folder, stdout=secondary, stderr=secondary, env=env)
        os.close(secondary)
        self._shown = b""

    def read_until(self, text: str) -> str:
        """Return all that is shown once `text` is, within a minute."""
        deadline = time.monotonic() + 60
        while text not in self._shown.decode(errors="replace"):
            ready, _, _ = select.select([self._primary], [], [], max(0, deadline - time.monotonic()))
            assert ready, self._shown
            self._shown += os.read(self._primary, 65536)
        return self._shown.decode().replace("\r\n", "\n")

    def close(self) -> str:
        """End the command; return all that was shown."""
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError):  # the end, on Linux
            while part := os.read(self._primary, 65536):
                self._shown += part
        os.close(self._primary)
        assert self._process.wait(timeout=20) == 0
        return self._shown.decode().replace("\r\n", "\n")


FAILING = """
import asyncio

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await asyncio.gather(fail())

async def fail():
    asyncio.Queue().get_nowait()
"""


# For each of some options: whether the log tells of the exception, what the view says, and the frames there are.
TOLD: dict[tuple[str, ...], tuple[bool, list[str], set[str]]] = {
    (): (False, ["✗ asyncio.queues.QueueEmpty  main.py:10", "add --traceback to see the whole stack"], set()),
    ("--view", "full"): (
        False,
        ["✗ asyncio.queues.QueueEmpty  main.py:10", "add --traceback to see the whole stack"],
        {"app", "fail"},
    ),
    ("--traceback",): (False, ["✗ asyncio.queues.QueueEmpty  main.py:10"], {"app", "fail", "get_nowait"}),
    ("--path", "/other"): (True, [], {"app", "fail"}),
}


@pytest.mark.parametrize("arguments", TOLD, ids=" ".join)
def test_exceptions_on_a_terminal(write: Write, arguments: tuple[str, ...]) -> None:
    """What the app raises is told once on a terminal: by the view, or by the log where the view leaves it out."""
    terminal = Terminal(write({"main.py": FAILING}), *arguments)
    try:
        url = re.search(r"http://\S+", terminal.read_until("Ready"))
        assert url
        assert httpx.get(url[0]).status_code == 500
    finally:
        text = terminal.close()

    logged = text.count("Exception in ASGI application") == 1
    said = [line[9:] for line in text.splitlines() if "✗" in line or "add --traceback" in line]
    frames = set(re.findall(r'File ".*", line \d+, in (\w+)', text))
    assert (logged, said, frames & {"app", "fail", "get_nowait"}) == TOLD[arguments]


def test_exceptions_elsewhere(serve: Serve, write: Write) -> None:
    """Where the view, or the log, goes to a file or a pipe, the log has them, too, with the user's frames."""
    write({"main.py": FAILING})
    served = serve("--view", "line", command="inspect")
    assert httpx.get(served.url).status_code == 500

    _, lines = served.stop()

    *log, finding, summary = after_banner(lines)
    assert (log[0], log[-1]) == ("ERROR:    Exception in ASGI application", "asyncio.queues.QueueEmpty")
    assert (finding[:18], summary) == ("note: A-026 error:", "note: 2 exchanges: 1 error, 0 warnings")
    assert [line.rpartition(" ")[2] for line in log if line.startswith("  File ")] == ["app", "fail"]
    assert [line[9:] for line in served.access if "✗" in line] == ["✗ asyncio.queues.QueueEmpty  main.py:10"]


LOUD = """
URL = "postgres://me:SECRET@h/db?token=SECRET"
if {at_import}:
    raise OSError(f"cannot connect to {{URL}}")


async def app(scope, receive, send):
    await receive()
    {action}
"""
RAISES = 'raise OSError(f"cannot connect to {URL}")'
SAID = 'f"Traceback: Bearer SECRET\\ncannot connect to {URL}"'
SAYS = f'await send({{"type": "lifespan.startup.failed", "message": {SAID}}})'


@pytest.mark.parametrize("arguments", [(), ("--traceback",), ("--log-format", "json", "--log-level", "trace")], ids=str)
@pytest.mark.parametrize(
    "app",
    [
        LOUD.format(at_import=True, action="pass"),
        LOUD.format(at_import=False, action=RAISES),
        LOUD.format(at_import=False, action=SAYS),
    ],
    ids=["import", "raised", "said"],
)
def test_why_an_app_did_not_start(serve: Serve, write: Write, app: str, arguments: tuple[str, ...]) -> None:
    """The error of an app that does not start has no secrets of URLs, neither has its traceback, nor the log."""
    write({"main.py": app.replace("SECRET", "s3cr3t")})
    served = serve("--view", "line", "--lifespan", "on", *arguments, command="inspect")

    status, lines = served.end()
    told = [line for line in (*lines, *served.access) if "s3cr3t" in line]

    assert (status, told) == (3, [])
    assert "cannot connect to postgres://me:***@h/db?token=***" in "\n".join(lines)


def test_hangs_are_told(serve: Serve, write: Callable[..., Path]) -> None:
    """A startup that does not end, and a request without an answer, are shown while they last."""
    write(
        {
            "main.py": """
import asyncio

async def app(scope, receive, send):
    await receive()
    if scope["type"] == "lifespan":
        await asyncio.sleep(60)
""",
        }
    )
    served = serve("--view", "line", command="inspect")
    served.wait_for("… no lifespan.startup.complete for 3 s")
    served.ctrl_c()

    assert served.end() == (3, ["error: stopped by SIGINT before the app was ready"])
    assert [steady(line) for line in served.access][:2] == ["#0 lifespan", "  T ◂ lifespan.startup"]


async def chat(url: str, *texts: str) -> list[Any]:
    """Talk to the app, and return its answers."""
    answers = []
    async with connect(f"{url.replace('http', 'ws', 1)}/chat", subprotocols=["chat"]) as websocket:  # type: ignore[list-item]
        for text in texts:
            await websocket.send(text)
            answers.append(await websocket.recv())
    return answers


def recorded(inspect: Serve) -> None:
    """Save a session: a POST, a GET, a WebSocket, an event stream."""
    served = inspect("--save", "s.jsonl")
    httpx.post(
        f"{served.url}/echo?a=1&b=%20",
        content=b'{"n": [1, 2]}',
        headers={"X-A": "1", "Content-Type": "application/json"},
    )
    httpx.get(f"{served.url}/echo", headers=[("X-A", "2"), ("x-a", "3")])
    asyncio.run(chat(served.url, "hi", "there"))
    httpx.get(f"{served.url}/count")
    served.wait_for('"k":"close","id":4')
    assert served.stop()[0] == 0


def test_har(inspect: Serve, tmp_path: Path) -> None:
    """A HAR reader finds every request with its answer, and the WebSocket's messages."""
    recorded(inspect)
    status, text, _ = session(tmp_path, "export", "s.jsonl", "--har")
    archive = json.loads(text)
    parser = haralyzer.HarParser(archive)
    entries = [entry for page in parser.pages for entry in page.entries] or parser.har_data["entries"]
    post, get, chatting, stream = archive["log"]["entries"]

    assert status == 0
    assert len(entries) == 4
    assert (post["request"]["method"], post["response"]["status"]) == ("POST", 200)
    assert post["request"]["url"].endswith("/echo?a=1&b=%20")
    assert post["request"]["queryString"] == [{"name": "a", "value": "1"}, {"name": "b", "value": " "}]
    assert post["request"]["postData"] == {"mimeType": "application/json", "text": '{"n": [1, 2]}'}
    assert json.loads(get["response"]["content"]["text"])["method"] == "GET"
    assert chatting["_resourceType"] == "websocket"
    assert [(one["type"], one["opcode"], one["data"]) for one in chatting["_webSocketMessages"]] == [
        ("send", 1, "hi"),
        ("receive", 1, "HI"),
        ("send", 1, "there"),
        ("receive", 1, "THERE"),
    ]
    assert stream["response"]["content"]["text"] == "data: 0\n\ndata: 1\n\ndata: 2\n\n"

    # And it is a session again.
    (tmp_path / "s.har").write_text(text)
    assert session(tmp_path, "diff", "s.har", "1", "1")[:2] == (0, "#1 and #1: no difference\n")
    assert session(tmp_path, "export", "s.har", "--curl", "1") == session(tmp_path, "export", "s.jsonl", "--curl", "1")
    shown = [session(tmp_path, "show", file, "3", "--view", "line")[1] for file in ("s.har", "s.jsonl")]
    assert re.findall(r"websocket.(?:send|receive) .*", shown[0]) == re.findall(
        r"websocket.(?:send|receive) .*", shown[1]
    )
    status, told, _ = session(tmp_path, "replay", "s.har", "4", "--app", "main:app", "--diff")
    assert (status, told) == (0, "#4 and now: no difference\n")


REQUESTS: dict[str, tuple[str, str, list[tuple[str, str]], bytes]] = {
    "plain": ("GET", "/echo", [], b""),
    "a query": ("GET", "/echo?a=[1]&b={x,y}&c='&d=%27%20#", [("X-Quote", 'it\'s "$HOME" `x` \\')], b""),
    "JSON": ("POST", "/echo", [("Content-Type", "application/json")], '{"name": "it\'s ümlaut\\n"}'.encode()),
    "no content type": ("PUT", "/echo", [], b"@file\r\n\r\ntext"),
    "binary": ("PATCH", "/echo", [("Content-Type", "application/octet-stream")], bytes(range(256))),
    "bytes": ("GET", "/echo", [("X-A", "\u202e\x9b31m é"), ("X-B", "tab\there $(x) `y` 'z' \\1 %s")], b""),
    "headers": ("DELETE", "/echo", [("X-A", "1"), ("X-A", "2"), ("X-Empty", ""), ("Accept-Encoding", "gzip")], b""),
    "at the beginning": ("GET", "/echo", [("X-At", "@/etc/hostname"), ("X-Equal", "=5")], b""),
    "a host": ("OPTIONS", "/echo", [("Host", "shop.example")], b""),
    "a big one": ("POST", "/echo", [("Content-Type", "text/plain")], b"x" * 150_000),
}


@needs("curl")
@pytest.mark.parametrize("client", ["curl", "httpie"])
def test_command_lines_give_the_same_request(inspect: Serve, tmp_path: Path, client: str) -> None:
    """A shell that runs the line has the server receive the same request again."""
    served = inspect("--save", "s.jsonl")
    sent = [raw(served.port, *request) for request in REQUESTS.values()]
    served.wait_for(f'"k":"close","id":{len(REQUESTS)}')
    env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    again = []
    for number in range(1, len(REQUESTS) + 1):
        status, line, stderr = session(tmp_path, "export", "s.jsonl", f"--{client}", str(number))
        unsaid = [line for line in stderr.splitlines() if not line.startswith("note: HTTPie ")]
        assert (status, unsaid) == (0, [])
        (tmp_path / "line.sh").write_text(line)
        command = ["sh", str(tmp_path / "line.sh")]
        done = subprocess.run(command, capture_output=True, check=False, env=env, stdin=subprocess.DEVNULL, timeout=60)
        assert done.returncode == 0, done.stderr
        again.append(comparable(json.loads(done.stdout), httpie=client == "httpie"))
    served.stop()
    sent = [comparable(one, httpie=client == "httpie") for one in sent]

    assert dict(zip(REQUESTS, again, strict=True)) == dict(zip(REQUESTS, sent, strict=True))


def raw(port: int, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Any:
    """Send a request with these headers and no others, and return what the app says of it."""
    if not any(name == "Host" for name, _ in headers):
        headers = [("Host", f"127.0.0.1:{port}"), *headers]
    if body:
        headers = [*headers, ("Content-Length", str(len(body)))]
    lines = "".join(f"{name}: {value}\r\n" for name, value in [*headers, ("Connection", "close")])
    target = target.partition("#")[0]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        got = b""
        while part := sock.recv(65536):
            got += part
    return comparable(json.loads(got.partition(b"\r\n\r\n")[2]))


def comparable(data: dict[str, Any], *, httpie: bool = False) -> dict[str, Any]:
    """Return what the app has said, without the order of different headers, which clients choose.

    HTTPie encodes more of a query than it has to, and tells the length of an empty body.
    """
    headers = [pair for pair in data["headers"] if not (httpie and pair == ["content-length", "0"])]
    query = unquote(data["query"]) if httpie else data["query"]
    return {**data, "query": query, "headers": sorted(headers, key=lambda pair: pair[0])}


def test_replay_into_the_app(inspect: Serve, tmp_path: Path) -> None:
    """What was recorded is answered as before, in this process, WebSockets included; a change is found."""
    recorded(inspect)

    assert session(tmp_path, "replay", "s.jsonl", "--app", "main:app", "--diff") == (
        0,
        "".join(f"#{number} and now: no difference\n" for number in range(1, 5)),
        "",
    )
    changed = APP.replace('"method": request.method', '"verb": request.method').replace("upper", "title")
    (tmp_path / "main.py").write_text(changed)
    status, text, stderr = session(tmp_path, "replay", "s.jsonl", "2", "3", "--app", "main.py", "--diff")

    assert (status, re.sub(r"\d{3}", "N", text).splitlines()) == (
        1,
        [
            "#2 (-) and now (+): 3 differences",
            *("response header content-length", "- N", "+ N"),
            *("response body .method", '- "GET"', "response body .verb", '+ "GET"'),
            "#3 (-) and now (+): 2 differences",
            *("sent frame 1", "- HI", "+ Hi", "sent frame 2", "- THERE", "+ There"),
        ],
    )
    assert stderr == ""


def test_replay_to_a_server(inspect: Serve, serve: Serve, tmp_path: Path) -> None:
    """What was recorded is sent to a server, changed if asked for."""
    recorded(inspect)
    served = serve()
    status, text, stderr = session(tmp_path, "replay", "s.jsonl", "--to", served.url, "--view", "line")
    heads = [steady(line) for line in text.splitlines() if line.startswith("#")]

    assert (status, stderr) == (0, "")
    assert [head.partition("  CLIENT")[0] for head in heads] == [
        "#5 POST /echo?a=1&b=%20  200 OK  T",
        "#6 GET /echo  200 OK  T",
        "#7 WS /chat  closed 1000  T  offers chat",
        "#8 GET /count  200 OK  T",
    ]
    assert "text 5 B  THERE" in text
    same = "#3 and now: no difference\n#4 and now: no difference\n"
    assert session(tmp_path, "replay", "s.jsonl", "3", "4", "--to", served.url, "--diff") == (0, same, "")
    host = session(
        tmp_path, "replay", "s.jsonl", "2", "--to", served.url, "-H", "Host: shop.example", "--view", "json"
    )[1]
    assert "shop.example" in host
    change = ["--method", "put", "--path", "/echo?new", "-H", "X-A: 9", "-H", "content-type:", "--body", "text"]
    status, text, _ = session(tmp_path, "replay", "s.jsonl", "1", "--to", served.url, *change, "--view", "json")
    body = json.loads([json.loads(line) for line in text.splitlines()][-2]["message"]["body"])
    assert (body["method"], body["query"], bytes.fromhex(body["body"])) == ("PUT", "new", b"text")
    assert ["x-a", "9"] in body["headers"]
    assert "content-type" not in dict(body["headers"])


ERRORS = {
    "no place": (
        ["replay", "s.jsonl"],
        2,
        "error: exactly one of `--app` and `--to` is needed",
        "pass --app APP or --to URL",
    ),
    "another machine": (
        ["replay", "s.jsonl", "--to", "http://shop.example"],
        2,
        "error: `--to http://shop.example` is another machine",
        "pass --yes to send the requests there",
    ),
    "no URL": (
        ["replay", "s.jsonl", "--to", "localhost:8000"],
        2,
        "error: `--to localhost:8000` is not the URL of a server",
        "pass one like http://127.0.0.1:8000",
    ),
    "no server": (
        ["replay", "s.jsonl", "--to", "http://127.0.0.1:9"],
        3,
        "error: #1 got no answer from `http://127.0.0.1:9`: Connection refused",
        "start the server, or pass another --to",
    ),
    "no app": (
        ["replay", "s.jsonl", "--app", "nosuch:app"],
        3,
        "error: there is no module `nosuch` in `{folder}`",
        "run it in the project's folder, or without a name to look for the app",
    ),
    "a lifespan": (
        ["replay", "s.jsonl", "0", "--app", "main:app"],
        1,
        "error: #0 is a lifespan, which cannot be sent again",
        "name requests or WebSockets",
    ),
    "no exchange": (
        ["show", "s.jsonl", "99"],
        4,
        "error: there is no exchange #99 in `s.jsonl`",
        "`asgictl session show s.jsonl` lists what there is",
    ),
    "no file": (
        ["show", "none.jsonl"],
        4,
        "error: cannot read `none.jsonl`: No such file or directory",
        "name a file that `asgictl inspect --save` has written, or a HAR",
    ),
    "a foreign file": (
        ["show", "main.py"],
        4,
        "error: `main.py` is not a saved session: its first line does not say `asgictl.inspect/1`",
        "name a file that `asgictl inspect --save` has written, or a HAR",
    ),
    "no form": (
        ["export", "s.jsonl"],
        2,
        "error: exactly one of `--har`, `--curl` and `--httpie` is needed",
        "pass one of --har, --curl ID, --httpie ID",
    ),
    "a WebSocket as curl": (
        ["export", "s.jsonl", "--curl", "3"],
        1,
        "error: #3 is a websocket, which curl cannot send",
        "`asgictl session replay` sends it",
    ),
    "no header": (
        ["replay", "s.jsonl", "--app", "main:app", "-H", "x"],
        2,
        "error: `-H x` is not a header",
        "write it as `Name: value`, or `Name:` to leave it out",
    ),
}


def test_errors(inspect: Serve, tmp_path: Path) -> None:
    """Each mistake has a message that names it, a hint, and its exit status."""
    recorded(inspect)
    for name, (arguments, status, problem, hint) in ERRORS.items():
        stderr = f"{problem.format(folder=tmp_path)}\nhint: {hint}\n"
        assert (name, *session(tmp_path, *arguments)) == (name, status, "", stderr)


BROKEN = """
import asyncio


async def failing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def hanging(scope, receive, send):
    await asyncio.sleep(60)


async def silent(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await asyncio.sleep(60)
"""


@pytest.mark.parametrize(
    ("app", "problem", "hint"),
    [
        (
            "failing",
            "error: the app's startup failed: StartupError: no database",
            "add --traceback to see the whole stack",
        ),
        (
            "hanging",
            "error: the app's startup failed: the app has not sent anything for 0.5 s (lifespan)",
            "see what it waits for, or pass a longer --timeout",
        ),
        ("silent", "error: #1: the app has not sent anything for 0.5 s (/echo)", "pass a longer --timeout"),
    ],
    ids=["failing", "hanging", "silent"],
)
def test_replay_into_a_broken_app(inspect: Serve, tmp_path: Path, app: str, problem: str, hint: str) -> None:
    """An app that does not start, or does not answer, ends a replay with status 3 and the reason."""
    recorded(inspect)
    (tmp_path / "broken.py").write_text(BROKEN)
    arguments = ["s.jsonl", "1", "--app", f"broken:{app}", "--timeout", "0.5"]

    assert session(tmp_path, "replay", *arguments) == (3, "", f"{problem}\nhint: {hint}\n")


def test_what_cannot_be_sent_again(inspect: Serve, tmp_path: Path) -> None:
    """What is not recorded in full is refused by its number, and left out among others; lost secrets are told."""
    served = inspect("--save", "s.jsonl", "--body-limit", "4", "--redact", "token")
    httpx.post(f"{served.url}/echo", content=b"12345")
    httpx.get(f"{served.url}/echo?a=1&token=x&b=2", headers={"Cookie": "a=b", "Referer": "http://x/?token=y"})
    served.wait_for('"k":"close","id":2')
    served.stop()
    missing = "not all of what the client of #1 sent is kept"

    again = "record it again, with a larger --body-limit, or"
    found = session(tmp_path, "replay", "s.jsonl", "1", "--app", "main:app")
    assert found == (1, "", f"error: {missing}\nhint: {again} pass --body\n")
    found = session(tmp_path, "export", "s.jsonl", "--curl", "1")
    assert found == (1, "", f"error: {missing}\nhint: {again} send another exchange of the session\n")
    status, text, stderr = session(tmp_path, "replay", "s.jsonl", "--app", "main:app", "--view", "json")
    assert stderr.splitlines() == [
        f"note: {missing}; it is left out",
        "note: #2 is sent without `cookie`, `referer`, `?token`, which the session does not hold",
        "hint: pass -H for headers, pass --path for parameters",
    ]
    answer = json.loads([json.loads(line) for line in text.splitlines()][-2]["message"]["body"])
    assert (status, answer["query"]) == (0, "a=1&b=2")
    _, line, stderr = session(tmp_path, "export", "s.jsonl", "--curl", "2")
    assert "/echo?a=1&b=2'" in line
    assert "***" not in line
    assert stderr == "note: without `cookie`, `referer`, `?token`, which the session does not hold\n"


def test_replay_of_what_has_no_end(inspect: Serve, serve: Serve, tmp_path: Path) -> None:
    """An endless answer is read as far as it was recorded, and a client's own close code is no difference."""
    served = inspect("--save", "s.jsonl")
    with httpx.stream("GET", f"{served.url}/ticks") as response:
        next(response.iter_raw())

    async def leave() -> None:
        url = f"{served.url.replace('http', 'ws', 1)}/chat"
        async with connect(url, subprotocols=["chat"]) as websocket:  # type: ignore[list-item]
            await websocket.close(1001)

    asyncio.run(leave())
    served.wait_for('"k":"close","id":1')
    served.wait_for('"k":"close","id":2')
    served.stop()
    again = serve()

    for place in (["--app", "main:app"], ["--to", again.url]):
        assert session(tmp_path, "replay", "s.jsonl", *place, "--diff") == (
            0,
            "#1 and now: no difference\n#2 and now: no difference\n",
            "",
        )


def test_replay_compares_without_secrets(inspect: Serve, tmp_path: Path) -> None:
    """A cookie that is another one each time is no difference, which is said, and is not shown."""
    served = inspect("--save", "s.jsonl")
    httpx.get(f"{served.url}/cookie")
    served.wait_for('"k":"close","id":1')
    served.stop()
    (tmp_path / "main.py").write_text(APP.replace("SECRET-set-cookie", "SECRET-another"))
    again = session(tmp_path, "replay", "s.jsonl", "1", "--app", "main:app", "--diff")
    assert again == (0, "#1 and now: no difference\nsecrets of the answer\n= not compared\n", "")
    assert "SECRET" not in session(tmp_path, "replay", "s.jsonl", "1", "--app", "main:app", "--view", "full")[1]


def test_diff(inspect: Serve, tmp_path: Path) -> None:
    """Two exchanges are compared: what differs is listed, headers without order, JSON by value; 1 if anything does."""
    recorded(inspect)

    assert session(tmp_path, "diff", "s.jsonl", "2", "2") == (0, "#2 and #2: no difference\n", "")
    status, text, _ = session(tmp_path, "diff", "s.jsonl", "1", "2", "--json")
    found = {one["where"]: (one["one"], one["other"]) for one in answers.result(text)["differences"]}
    assert status == 1
    assert found["scope method"] == ("POST", "GET")
    assert found["request header x-a"] == ("1", "2\n3")
    assert found["response body .method"] == ('"POST"', '"GET"')
    assert found["response body .body"] == (json.dumps(b'{"n": [1, 2]}'.hex()), '""')


def test_what_is_missing(tmp_path: Path) -> None:
    """An argument that is missing is named, as JSON where that was asked for."""
    status, stdout, stderr = session(tmp_path, "show")
    assert (status, stdout) == (2, "")
    assert "Missing argument 'FILE... [ID]'." in stderr

    status, stdout, stderr = session(tmp_path, "diff", "--json")
    assert (status, stderr) == (2, "")
    assert answers.error(stdout) == {"message": "Missing argument 'FILE... [A B]'.", "hint": None, "exit_status": 2}

    status, stdout, stderr = session(tmp_path, "diff", "s.jsonl", "1", "--json")
    assert (status, stderr) == (2, "")
    problem, hint = "a comparison takes two exchanges, not 1", "pass two IDs after the file, or two files"
    assert answers.error(stdout) == {"message": problem, "hint": hint, "exit_status": 2}


@pytest.mark.parametrize(
    ("arguments", "status", "problem", "hint"),
    [
        (
            ["--reload"],
            2,
            "`--reload` does not go with `asgictl inspect`",
            "drop it: what is recorded would end with each process; `asgictl serve --dev` reloads",
        ),
        (
            ["--workers", "2"],
            2,
            "`--workers` does not go with `asgictl inspect`",
            "drop it: one process sees every exchange, and in their order",
        ),
        (["--status", "20"], 2, "`--status 20` is not a status", "pass one like 404, 5xx or 400-499"),
        (
            ["--respond", "503", "main:app"],
            2,
            "the echo app's options cannot be combined with an APP",
            "drop `main:app`, or those options",
        ),
        (
            ["--respond-file", "none"],
            4,
            "cannot read `none`: No such file or directory",
            "pass --respond-file with a file that can be read",
        ),
        (
            ["--save", "main.py"],
            4,
            "`main.py` is not a saved session: its first line does not say `asgictl.inspect/1`",
            "name a file that `asgictl inspect --save` has written, or a HAR",
        ),
    ],
    ids=["reload", "workers", "status", "respond", "file", "save"],
)
def test_usage(inspect: Serve, arguments: list[str], status: int, problem: str, hint: str) -> None:
    """What cannot be done is refused before anything is served, with the reason."""
    served = inspect(*arguments)

    assert served.end() == (status, [f"error: {problem}", f"hint: {hint}"])


def test_echo(serve: Serve) -> None:
    """Where there is no app, requests are answered with their own scope, and WebSockets with what they send."""
    served = serve(command="inspect")
    answer = httpx.post(f"{served.url}/a%20b?x=1", content=b"hello", headers={"Authorization": "Bearer SECRET"})
    page = httpx.get(f"{served.url}/<b>", headers={"Accept": "text/html"})

    assert answer.json()["path"] == "/a b"
    assert answer.json()["raw_path"] == "/a%20b"
    assert (answer.json()["method"], answer.json()["body"]) == ("POST", "hello")
    assert "SECRET" not in answer.text
    assert (page.headers["content-type"], "<b>" in page.text) == ("text/html; charset=utf-8", False)
    assert asyncio.run(chat(served.url, "hi")) == ["hi"]
    assert served.stop()[1][0] == "note: no app found, looked in this folder; serving an app that echoes"


def test_canned_answers(serve: Serve, tmp_path: Path) -> None:
    """The echo app answers as it is told to: status, headers, a file; or it drops the connection."""
    (tmp_path / "data.csv").write_text("a,b\n")
    served = serve(
        *("--respond", "503", "--respond-header", "Retry-After: 9", "--respond-file", "data.csv"), command="inspect"
    )
    answer = httpx.get(served.url)
    dropping = serve("--drop", command="inspect")

    assert (answer.status_code, answer.headers["retry-after"], answer.headers["content-type"]) == (503, "9", "text/csv")
    assert answer.text == "a,b\n"
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(dropping.url)
    assert after_banner(dropping.stop()[1]) == []


def test_uploads_show_progress(inspect: Serve) -> None:
    """What takes long is shown while it lasts, and not only at its end."""
    served = inspect("--view", "line")
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhello")
        served.wait_for(r"#1 POST /echo  127")
        served.wait_for(r"◂ http.request         5 B, more_body  hello")
        sock.sendall(b"world")
        while sock.recv(1000):
            pass
    served.wait_for(r"◂ http.request         5 B  world")
    served.wait_for(r"■  200 OK  .*, 4 messages")


def test_a_name_that_need_not_be_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name like `shop.localhost` that is not resolved to this machine needs --yes, as any other."""

    def unknown(*_: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with contextlib.chdir(tmp_path):
        words = ["session", "replay", "s.jsonl", "--to", "http://shop.localhost:8000"]
        result = CliRunner().invoke(app, words, prog_name="asgictl", catch_exceptions=False)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "`--to http://shop.localhost:8000` is not this machine, as far as the resolver knows" in result.stderr

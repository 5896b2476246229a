"""`asgictl check --against` names what a server does wrong, and nothing else."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import finish

ROOT = Path(__file__).parents[2]
APP = "asgictl.inspector.echo:app"


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    """Run a server in a process of its own; give its URL, which its first lines have the port of."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        ports = (re.search(r"(?:^|127\.0\.0\.1:)(\d+)", line) for line in process.stdout if "rocess" not in line)
        yield f"http://127.0.0.1:{next(port[1] for port in ports if port)}"
    finally:
        process.kill()
        process.communicate()


def uvicorn(http: str, websocket: str) -> tuple[str, ...]:
    """Return how uvicorn is started with our app."""
    return "uvicorn", APP, "--port", "0", "--http", http, "--ws", websocket, "--no-access-log"


def steady(text: str, url: str) -> str:
    """Return an output without the number of the check, and the port."""
    return re.sub(r"[0-9a-f]{16}/", "", text.replace(url, "URL"))


def test_uvicorn() -> None:
    """Tells whole what uvicorn does wrong, with the sentence of each rule, and exits with 1."""
    with running(*uvicorn("httptools", "websockets-sansio")) as url:
        status, stdout, stderr = finish("check", "--against", url)

    assert steady(stdout, url) == UVICORN
    assert (status, stderr) == (1, "note: 42 of 45 probes have come to the app\n")


UVICORN = """\
error A-027  A server raises an exception for an event that is invalid: of an unknown type, without a key, of a wrong \
type.  (server)
  WS ws-no-data, WebSocket, the app sends neither text nor bytes
      WS /-/asgictl/ws-no-data  HTTP/1.1
      ◂ websocket.connect
      ▸ websocket.accept
    ✗ ▸ websocket.send  bytes 0 B
        `send` has raised nothing for `websocket.send` with neither `bytes` nor `text`
      ▸ websocket.close
      ■ returns
  https://asgi.readthedocs.io/en/latest/specs/main.html#error-handling

warning A-122  A request of HTTP/1.1 has exactly one Host.  (server)
  GET no-host, GET without a Host
    ✗ GET /-/asgictl/no-host  HTTP/1.1
        there is no `host`
      ◂ http.request  0 B
      ▸ http.response.start  200 OK, content-type: text/plain, content-length: 16
      ▸ http.response.body  16 B  seen by the app
  GET two-hosts, GET with two Hosts
    ✗ GET /-/asgictl/two-hosts  HTTP/1.1
        there are 2 `host` headers
      ◂ http.request  0 B
      ▸ http.response.start  200 OK, content-type: text/plain, content-length: 16
      ▸ http.response.body  16 B  seen by the app
  https://www.rfc-editor.org/rfc/rfc9112#section-3.2

URL: 1 error, 2 warnings
"""


def faults(url: str) -> list[str]:
    """Return the rules that a server breaks, each once."""
    _, stdout, stderr = finish("check", "--against", url, "--format", "json", "--info")
    assert '"result"' in stdout, stdout + stderr
    return sorted({one["rule"] for one in json.loads(stdout)["result"]["faults"]})


@pytest.mark.parametrize(
    ("fault", "rules"),
    [
        ("none", []),
        ("text-port", ["A-117"]),
        ("text-query", ["A-110"]),
        ("lower-method", ["A-103"]),
        ("raw-query", ["A-109"]),
        ("encoded-path", ["A-107"]),
        ("no-path", ["A-105"]),
        ("no-duplicates", ["A-112"]),
        ("text-headers", ["A-113"]),
        ("no-asgi", ["A-004"]),
        ("own-state", ["A-120"]),
        ("no-state", ["A-120"]),
        ("old-version", ["A-102"]),
        ("short-body", ["A-131", "A-136"]),
        ("again", ["A-133", "A-135"]),
        ("waits", ["A-135"]),
        ("swallows", ["A-027"]),
        ("strict", ["A-028"]),
        ("raises", ["A-173"]),
        ("head-body", ["A-165"]),
    ],
)
def test_each_fault_by_its_rule(fault: str, rules: list[str]) -> None:
    """Of a small server that is right nothing is said, and of one with a fault only that."""
    with running("tests.e2e.tiny_server", fault) as url:
        assert faults(url) == rules


def test_says_what_it_could_not_probe() -> None:
    """A server that refuses WebSockets has not been checked with any, which is said with its answer."""
    with running("tests.e2e.tiny_server") as url:
        status, stdout, _ = finish("check", "--against", url)

    lines = steady(stdout, url).splitlines()
    assert (status, lines[0], len(lines)) == (0, "URL: no rule is broken", 13)
    assert lines[-2:] == [
        "WebSocket, the app sends more keys than are known: the server has not called the app (the client has got 400)",
        "two requests at once: the server has not called the app with the second",
    ]


@pytest.mark.parametrize(("status", "body"), [(200, b"hello"), (404, b""), (200, b"")])
def test_another_app(write: Callable[..., Path], status: int, body: bytes) -> None:
    """An app that is not ours is not taken for a server with faults: the hint says what to put behind it."""
    folder = write({"other.py": OTHER.replace("200", str(status)).replace('b"hello"', repr(body))})
    with running("uvicorn", "other:app", "--port", "0", "--app-dir", str(folder)) as url:
        status, stdout, stderr = finish("check", "--against", url)

    assert (status, stdout) == (3, "")
    assert stderr.replace(url, "URL").splitlines() == [
        "error: `asgictl.inspector.echo:app` is not what answers at URL",
        "hint: `asgictl check --against help` tells how to put the app behind a server",
    ]


OTHER = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("none")
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"hello"})
"""


def test_no_server() -> None:
    """Where nothing listens, that is what it says."""
    with running("tests.e2e.tiny_server") as url:
        pass
    status, _, stderr = finish("check", "--against", url)

    assert status == 3
    assert stderr.replace(url, "URL").splitlines() == [
        "error: no server answers at URL",
        "hint: `asgictl check --against help` tells how to put the app behind a server",
    ]


HELP = """\
Put the app that looks at a server behind it, in one process:
uvicorn    uvicorn asgictl.inspector.echo:app --port 8000
hypercorn  hypercorn asgictl.inspector.echo:app --bind 127.0.0.1:8000
granian    granian --interface asgi asgictl.inspector.echo:app --host 127.0.0.1 --port 8000
daphne     daphne --bind 127.0.0.1 --port 8000 asgictl.inspector.echo:app
gunicorn   gunicorn --worker-class asgi --bind 127.0.0.1:8000 asgictl.inspector.echo:app
and check it:
asgictl check --against http://127.0.0.1:8000
"""


@pytest.mark.parametrize("arguments", [["--against"], ["--against", "help"], ["--against", "--info"]])
def test_tells_how(arguments: list[str]) -> None:
    """Without a URL it prints the commands that put the app behind each server."""
    assert finish("check", *arguments) == (0, HELP, "")


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            ["--against", "http://192.0.2.1:8000"],
            [
                "error: `--against http://192.0.2.1:8000` is another machine",
                "hint: pass --yes to send the requests there",
            ],
        ),
        (
            ["--against", "localhost:8000"],
            [
                "error: `--against localhost:8000` is not the URL of a server",
                "hint: pass one like http://127.0.0.1:8000, or --against help",
            ],
        ),
        (
            ["main:app", "--against", "http://127.0.0.1:1"],
            ["error: an APP does nothing with `--against`", "hint: drop one of them"],
        ),
        (
            ["--blame", "app", "--against", "http://127.0.0.1:1"],
            ["error: `--blame` does nothing with `--against`", "hint: drop one of them"],
        ),
    ],
)
def test_refuses(arguments: list[str], lines: list[str]) -> None:
    """Sends nothing to another machine unless that is wanted, and refuses what has no meaning for a server."""
    status, stdout, stderr = finish("check", *arguments)

    assert (status, stdout, stderr.splitlines()) == (2, "", lines)

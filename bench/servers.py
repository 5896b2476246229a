"""What each server breaks of ASGI: `asgictl check --against` on all of them, and their test transports in-process.

The servers are installed into a new virtual environment, in the versions that pip finds, and run with the app that
checks them behind them, on loopback. The table that is printed is the one in docs/servers.md; what a finding is about
stands in `ABOUT` below, and one that is not there has not been looked at.

    python bench/servers.py [uvicorn-h11 ...] > docs/servers.md

SERVERS_PYTHON names the interpreter of an environment that has them already.
"""

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
import venv
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from starlette.testclient import TestClient

from asgictl.inspector import assembly
from asgictl.inspector.against.examined import Examined
from asgictl.inspector.against.ledger import Ledger
from asgictl.inspector.against.probe_mark import ProbeMark
from asgictl.inspector.recorder import Inspector
from asgictl.inspector.rules import catalogue

ROOT = Path(__file__).parents[1]
APP = "asgictl.inspector.echo:app"
REQUIREMENTS = (
    *("uvicorn[standard]", "zttp", "wsproto", "hypercorn", "granian", "daphne", "gunicorn", "uvicorn-worker"),
    # What the app itself needs.
    *("a2wsgi", "rich", "typer", "pathspec", "python-dotenv"),
)
# How long a server may take to start, in seconds.
STARTING = 20

# So many probes are named that found a fault.
NAMED = 4

LETTERS = {"error": "E", "warning": "W", "info": "i"}


class Server(NamedTuple):
    """How a server is started, and the packages whose versions matter."""

    command: str
    packages: tuple[str, ...]


SERVERS = {
    "uvicorn-h11": Server(f"uvicorn {APP} --port PORT --http h11 --ws websockets-sansio", ("uvicorn", "h11")),
    "uvicorn-httptools": Server(
        f"uvicorn {APP} --port PORT --http httptools --ws websockets", ("uvicorn", "httptools")
    ),
    "uvicorn-zttp": Server(f"uvicorn {APP} --port PORT --http zttp --ws wsproto", ("uvicorn", "zttp")),
    "hypercorn": Server(f"hypercorn {APP} --bind 127.0.0.1:PORT", ("hypercorn",)),
    "granian": Server(f"granian --interface asgi {APP} --host 127.0.0.1 --port PORT", ("granian",)),
    "daphne": Server(f"daphne --bind 127.0.0.1 --port PORT {APP}", ("daphne",)),
    "gunicorn": Server(f"gunicorn --worker-class asgi --bind 127.0.0.1:PORT {APP}", ("gunicorn",)),
    "gunicorn-uvicorn": Server(
        f"gunicorn --worker-class uvicorn_worker.UvicornWorker --bind 127.0.0.1:PORT {APP}",
        ("gunicorn", "uvicorn-worker"),
    ),
}
TRANSPORTS = {"httpx": "httpx", "testclient": "starlette"}

# What each finding is about; under no server's name what is the same for all that have it.
ABOUT: dict[tuple[str, str], str] = {
    ("", "A-103"): "A method in lower case reaches the app as it is: HTTP allows one, and ASGI wants it in upper case.",
    (
        "",
        "A-106",
    ): "`GET http://host/path`, which RFC 9112 has servers take (3.2.2), has a URL as `path`.",
    ("", "A-122"): "A request of HTTP/1.1 without a Host, or with two, is answered; RFC 9112 wants 400.",
    ("", "A-123"): "Both framings reach the app. The body is right, but what trusts the length is led astray.",
    ("", "A-006"): "The lifespan says the version of the HTTP specification; its own is 2.0.",
    ("uvicorn-h11", "A-027"): "Headers of text are sent; a `websocket.send` without content is left out.",
    ("uvicorn-httptools", "A-027"): "With the `websockets` protocol bytes as `text` are sent, in a binary frame.",
    ("uvicorn-httptools", "A-173"): "With the `websockets` protocol `send` raises `RuntimeError` after the disconnect.",
    ("uvicorn-zttp", "A-027"): "With the `wsproto` protocol bytes as `text` are taken.",
    ("uvicorn-zttp", "A-311"): "With the `wsproto` protocol the header of the handshake is missing from the scope.",
    ("hypercorn", "A-027"): 'A status of text, `"200"`, is taken.',
    (
        "hypercorn",
        "A-311",
    ): "Of two `Sec-WebSocket-Protocol` lines, as RFC 6455 allows (11.3.4), only the last counts.",
    ("hypercorn", "A-325"): "The code is always 1006 when the client closes, with whatever code, or without one.",
    ("granian", "A-027"): "A body of text, and bytes as `text`, raise nothing.",
    ("granian", "A-102"): "HTTP/1.0 is `1`.",
    ("granian", "A-117"): "The port is text.",
    ("granian", "A-118"): "The port is text.",
    ("granian", "A-309"): "The port is text.",
    (
        "granian",
        "A-337",
    ): "The `headers` of `websocket.accept` do not reach the client, with version 2.3.",
    ("daphne", "A-027"): "A status of text is taken, and of a WebSocket events of any type and without content.",
    (
        "daphne",
        "A-165",
    ): "Of an answer in pieces to HEAD all but the first are sent: to a client the next answer.",
    ("daphne", "A-325"): "Without a code in the client's close it is None, and not 1005.",
    ("gunicorn", "A-027"): "Events of any type, headers of text, and a `websocket.send` without content raise nothing.",
    ("gunicorn", "A-135"): "`receive` waits for the next request on a connection that stays open.",
    ("gunicorn", "A-174"): "`send` does nothing, though the server says version 2.4.",
    (
        "gunicorn",
        "A-311",
    ): "Of two `Sec-WebSocket-Protocol` lines, as RFC 6455 allows (11.3.4), only the first counts.",
    ("gunicorn-uvicorn", "A-027"): "A `websocket.send` without content is left out.",
    ("httpx", "A-027"): "Events of any type, and a status, headers and a body of text raise nothing.",
    ("testclient", "A-004"): "There is no `asgi` in any scope.",
    ("testclient", "A-401"): "There is no `asgi` in the scope of the lifespan.",
    ("testclient", "A-027"): "Events of any type, a status of text, and wrong messages of a WebSocket raise nothing.",
}


class Found(NamedTuple):
    """A finding: of which rule, how serious it is, what it says, and how often it came."""

    rule: str
    severity: str
    text: str
    route: str
    times: int


def main() -> None:
    """Check what is named, or everything, and print the page."""
    names = sys.argv[1:] or [*SERVERS, *TRANSPORTS]
    results: dict[str, list[Found]] = {}
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        given = os.environ.get("SERVERS_PYTHON")
        python = Path(given) if given else Path(folder) / "bin" / "python"
        if not given and any(name in SERVERS for name in names):
            _install(Path(folder), python)
        for name in names:
            print(name, file=sys.stderr)
            if name in SERVERS:
                server = SERVERS[name]
                results[name] = _of_server(server, python)
                versions[name] = ", ".join(f"{one} {_version(python, one)}" for one in server.packages)
            else:
                results[name] = _of_transport(name)
                versions[name] = f"{TRANSPORTS[name]} {metadata.version(TRANSPORTS[name])}"
    print(page(results, versions), end="")


def _install(folder: Path, python: Path) -> None:
    venv.create(folder, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "-q", *REQUIREMENTS], check=True, stdout=sys.stderr)


def _version(python: Path, package: str) -> str:
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def _of_server(server: Server, python: Path) -> list[Found]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program, *arguments = server.command.replace("PORT", str(port)).split()
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(
        [python.with_name(program), *arguments], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        command = [sys.executable, "-m", "asgictl", "check", "--against", f"http://127.0.0.1:{port}"]
        done = subprocess.run(
            [*command, "--info", "--format", "json"], capture_output=True, text=True, cwd=ROOT, check=False
        )
    finally:
        running.terminate()
        running.wait(10)
    answer = json.loads(done.stdout)
    faults: list[dict[str, Any]] = answer["result"]["faults"]
    return [Found(one["rule"], one["severity"], one["text"], one["route"], one["times"]) for one in faults]


def _wait(port: int) -> None:
    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on {port}")


# What a client of each kind asks an app for in-process, by the probes that need nothing but a request.
ASKED = (
    *("plain", "query", "duplicates", "pieces", "head", "no-content", "not-modified", "after", "more-keys"),
    *("unknown-event", "untyped-event", "no-status", "text-status", "text-headers", "text-body"),
)
CHATS = ("ws-chat", "ws-close", "ws-unknown-event", "ws-no-data", "ws-text", "ws-more-keys")


def _of_transport(name: str) -> list[Found]:
    ledger = Ledger()
    app = Inspector(Examined(ledger), sink=ledger, redact=(), check="all", info=True)
    session = secrets.token_hex(8)
    if name == "httpx":
        asyncio.run(_with_httpx(app, session))
    else:
        _with_testclient(app, session)
    found: dict[tuple[str, str], Found] = {}
    known = catalogue.rules()
    for exchange in assembly.assembled(ledger.records(session)).values():
        for one in exchange.findings:
            key = one.rule, exchange.path.rpartition("/")[2]
            if one.rule in known:
                times = found[key].times + 1 if key in found else 1
                found[key] = Found(one.rule, one.severity, one.text, f"{exchange.method} {key[1]}", times)
    return list(found.values())


def _request(probe: str, session: str) -> tuple[str, str, dict[str, Any]]:
    method = {"head": "HEAD"}.get(probe, "GET")
    more: dict[str, Any] = {"headers": [("x-asgictl", "one"), ("x-asgictl", "two"), ("cookie", "a=1; b=2")]}
    return method, ProbeMark(session, probe).path + ("?x=1&x=%20" if probe == "query" else ""), more


async def _with_httpx(app: Any, session: str) -> None:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for probe in ASKED:
            method, path, more = _request(probe, session)
            try:
                async with asyncio.timeout(10):
                    await client.request(method, path, **more)
            except Exception as error:  # noqa: BLE001  # the app has not answered
                print(f"{path}: {type(error).__name__}: {error}", file=sys.stderr)
        for content in (b"0123456789", _content()):
            await client.post(ProbeMark(session, "length").path, content=content)


async def _content() -> Any:
    for part in (b"01234", b"56789"):
        yield part


def _with_testclient(app: Any, session: str) -> None:
    with TestClient(app, raise_server_exceptions=False) as client:
        for probe in ASKED:
            method, path, more = _request(probe, session)
            # What the app behind does not answer in time is left alone.
            worker = threading.Thread(target=_ignoring, args=(client.request, method, path), kwargs=more, daemon=True)
            worker.start()
            worker.join(10)
        for content in (b"0123456789", iter((b"01234", b"56789"))):
            client.post(ProbeMark(session, "length").path, content=content)
        for probe in CHATS:
            worker = threading.Thread(
                target=_ignoring, args=(_chat, client, ProbeMark(session, probe).path), daemon=True
            )
            worker.start()
            worker.join(10)


def _chat(client: TestClient, path: str) -> None:
    with client.websocket_connect(path, subprotocols=["chat.one", "chat.two"]) as chat:
        if path.endswith("ws-chat"):
            chat.send_text("text")
            chat.receive_text()
            chat.close(4002, "bye")


def _ignoring(function: Any, *arguments: Any, **more: Any) -> None:
    try:
        function(*arguments, **more)
    except Exception as error:  # noqa: BLE001  # as before
        print(f"{arguments[-1]}: {type(error).__name__}: {error}", file=sys.stderr)


def page(results: dict[str, list[Found]], versions: dict[str, str]) -> str:
    """Return the page with the table, and what each finding is about."""
    known = catalogue.rules()
    names = list(results)
    broken = sorted({one.rule for found in results.values() for one in found})
    lines = [
        "# What servers break of ASGI",
        "",
        "Made by `python bench/servers.py` on " + time.strftime("%d %B %Y", time.gmtime()) + ". It runs",
        "`asgictl check --against` on each server, and asks the test transports in-process for the same. `E` is an",
        "error, `W` a warning, `i` worth a look; a dot is kept. HTTP/2 and TLS are not part of it.",
        "",
        "| rule | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for number in broken:
        cells = []
        for name in names:
            severities = [one.severity for one in results[name] if one.rule == number]
            cells.append(LETTERS[min(severities, key=list(LETTERS).index)] if severities else "·")
        lines.append(f"| [{number}]({known[number].link}) {known[number].sentence} | {' | '.join(cells)} |")
    lines += ["", "Versions: " + "; ".join(f"{name}: {versions[name]}" for name in names) + ".", ""]
    for name in names:
        lines += [f"## {name}", ""]
        for number in dict.fromkeys(one.rule for one in results[name]):
            those = [one for one in results[name] if one.rule == number]
            text = ABOUT.get((name, number)) or ABOUT.get(("", number)) or "Not looked at yet."
            probes = ", ".join(f"`{one.route.strip()}`" for one in those[:NAMED])
            probes += f" and {len(those) - NAMED} more" if len(those) > NAMED else ""
            lines.append(f"- **{number}** {text} ({probes})")
        lines += [] if results[name] else ["Nothing."]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    main()

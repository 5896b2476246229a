"""The command line: help, versions, options, and what is printed."""

import gc
import importlib.metadata
import json
import platform
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import pytest
from typer.testing import CliRunner

import asgictl
from asgictl import collector, frameworks
from asgictl.cli import app
from asgictl.cli.serve import banner, planning
from asgictl.console import Console
from asgictl.errors import AppLoadError
from asgictl.failure import Failure
from asgictl.inspector.sessions import session_file
from asgictl.option_types import Range, converted
from asgictl.serving import plan
from asgictl.serving.events import Ready
from asgictl.serving.request import ServeRequest
from asgictl.serving.sockets import listen
from tests.conftest import ASGICTL, Serve, Write, linux
from tests.inspector import recordings

BARE = "async def app(scope, receive, send): ...\n"


def run(*arguments: str) -> Any:
    """Run a command in this process."""
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, arguments, prog_name="asgictl", catch_exceptions=False)


def installed(part: str) -> str:
    """Return what is said of a part."""
    try:
        return f"{part} {importlib.metadata.version(part)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{part} is not installed"


def test_version() -> None:
    """`--version` names asgictl, uvicorn, Python, the system and the parts that are there."""
    parts = (
        *("uvloop", "httptools", "h11", "zttp", "websockets", "wsproto", "watchfiles", "a2wsgi"),
        *("pathspec", "python-dotenv", "rich", "typer"),
        *("cryptography", "idna", "platformdirs"),
        *("dockerfile-parse", "jinja2", "packaging", "pyyaml", "tomlkit"),
        *("brotli", "segno", "zstandard"),
    )

    result = run("--version")

    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            f"asgictl {asgictl.__version__}",
            f"uvicorn {importlib.metadata.version('uvicorn')}",
            f"Python {platform.python_version()} ({platform.python_implementation()})",
            f"{platform.system()} {platform.release()} {platform.machine()}",
            *map(installed, parts),
        ],
    )


NOT_WATCHED = {
    **dict.fromkeys(
        ("--reload", "--dev"), "drop it: what is recorded would end with each process; `asgictl serve --dev` reloads"
    ),
    **dict.fromkeys(
        ("--workers", "-w", "--max-requests"), "drop it: one process sees every exchange, and in their order"
    ),
    **dict.fromkeys(
        ("--access-log", "--no-access-log", "--access-log-format", "--quiet-path"),
        "drop it: the exchanges are shown instead; --view and --path choose",
    ),
    "--prod": "drop it: `asgictl serve --prod` is for production",
    "--dry-run": "`asgictl serve` has it, for the same app",
}


@pytest.mark.parametrize("option", NOT_WATCHED)
def test_what_inspect_has_not(option: str) -> None:
    """An option of `serve` that a watched process has no use for is refused with what to do instead."""
    result = run("inspect", option)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        f"error: `{option}` does not go with `asgictl inspect`",
        f"hint: {NOT_WATCHED[option]}",
    ]


def test_what_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--version` says of a part that is not installed that it is not."""
    version = importlib.metadata.version

    def installed(name: str) -> str:
        if name == "uvloop":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", installed)

    assert "uvloop is not installed" in run("--version").stdout.splitlines()


@pytest.mark.parametrize("command", [[], ["serve"], ["session"], ["session", "show"]])
def test_h_is_help(command: list[str]) -> None:
    """`-h` is `--help`, everywhere."""
    assert run(*command, "-h").stdout == run(*command, "--help").stdout


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ("asgictl", {"Inspector", "__version__", "records", "testing"}),
        ("asgictl.discovery", {"BUNDLED", "SETTINGS", "AppRef", "Candidate", "Tell", "entry", "find", "locate"}),
        ("asgictl.scaffold.lint", {"Problem", "present", "problems"}),
    ],
)
def test_what_a_star_import_gives(package: str, expected: set[str]) -> None:
    """What a package is imported for are these names, and each is there."""
    names: dict[str, Any] = {}
    exec(f"from {package} import *", names)  # what is tested

    assert names.keys() - {"__builtins__"} == expected


def test_help_begins_with_examples() -> None:
    """`serve --help` shows examples first, then the options by topic."""
    text = run("serve", "--help").stdout

    topics = re.findall(r"─ ([A-Z][\w ,]+?) ─", text)
    assert text.index("asgictl serve main:app --port 9000") < text.index("Arguments")
    assert topics == [
        "Arguments",
        "Options",
        "Address",
        "App",
        "Running",
        "Reload",
        "Configuration",
        "HTTPS",
        "Behind a proxy",
        "Limits and timeouts, in seconds",
        "Protocols",
        "Headers",
        "Logging",
    ]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("asgictl serve --ne", ["--next-port"]),
        ("asgictl scaffold --for do", ["docker"]),
        ("asgictl scaffold --for docker,d", ["docker,dev"]),
        ("asgictl scaffold --deps p", ["poetry", "pdm", "pipenv", "pylock", "pyproject"]),
        ("asgictl scaffold --restart on", ["on-failure"]),
        ("asgictl scaffold --runner u", ["uvicorn"]),
    ],
)
def test_completion(line: str, offered: list[str]) -> None:
    """The shell completes commands, options and their values."""
    environment = {"_ASGICTL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}

    result = subprocess.run([ASGICTL], env=environment, capture_output=True, text=True, check=False)

    assert result.stdout.split() == offered


USAGE = {
    "an option that is none": (["--prot", "1"], "No such option: --prot (Possible options: --port, --prod, --profile)"),
    "a port that is no number": (["-p", "http"], "Invalid value for '--port' / '-p': 'http' is not a valid integer."),
    "a port out of range": (["-p", "65536"], "Invalid value for '--port' / '-p': 65536 is not between 0 and 65535."),
    "no workers": (["--workers", "0"], "Invalid value for '--workers' / '-w': 0 is not 1 or more."),
    "no time": (
        ["--graceful-timeout", "nan"],
        "Invalid value for '--graceful-timeout': nan is not between 0 and 86400.",
    ),
    "a choice that is none": (
        ["--lifespan", "maybe"],
        "Invalid value for '--lifespan': 'maybe' is not one of 'auto', 'on', 'off'.",
    ),
    "two apps": (["main", "other"], "Got unexpected extra argument(s) (other)"),
}


@pytest.mark.parametrize("case", USAGE)
def test_wrong_usage(case: str) -> None:
    """Wrong usage ends with 2 and names the option."""
    arguments, message = USAGE[case]

    result = run("serve", *arguments)

    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.stderr).split())
    assert result.exit_code == 2
    assert said.endswith(f"Error {message}")


Small = Annotated[int, Range(1, 3)]
CONVERTED: list[tuple[Any, Any, Any]] = [
    ("2", Small, 2),
    (2, Small, 2),
    ("0.5", float, 0.5),
    (None, int | None, None),
    ("7", int | None, 7),
    ("x", str, "x"),
    ("a/b", Path, Path("a/b")),
    (("1", "2"), tuple[int, ...], (1, 2)),
    (None, tuple[str, ...], None),
    (["x"], tuple[str, ...], ("x",)),
    ("on", Literal["on", "off"], "on"),
    (True, bool, True),
]


@pytest.mark.parametrize(("value", "hint", "expected"), CONVERTED)
def test_values_are_converted(value: Any, hint: Any, expected: Any) -> None:
    """A value becomes what the option's annotation says."""
    assert converted(value, hint) == expected


def test_module_runs() -> None:
    """`python -m asgictl` is the same command."""
    result = subprocess.run([sys.executable, "-m", "asgictl", "--version"], capture_output=True, text=True, check=True)

    assert result.stdout.startswith(f"asgictl {asgictl.__version__}\n")


def test_banner(serve: Serve, write: Write) -> None:
    """The banner says what is served and how it was found, and where."""
    write({"main.py": BARE, "api.py": BARE})

    served = serve()
    url = served.url
    status, lines = served.stop()

    assert status == 0
    assert lines[:4] == [
        "  App      main:app (ASGI), found in main.py, line 1",
        "  Also     api:app in api.py",
        f"  Local    {url}",
        "  Network  this machine only, --host 0.0.0.0 for others",
    ]
    assert re.fullmatch(r"  Ready    in \d+ ms, Ctrl-C stops it", lines[4])


def test_nothing_found(serve: Serve, write: Write) -> None:
    """With nothing to find the bundled app is served, and a line says where it looked."""
    write({"src/x.txt": ""})

    served = serve()
    assert "Hello World" in httpx.get(served.url).text
    lines = served.stop()[1]

    assert lines[:3] == [
        "note: no app found, looked in this folder, src/; serving the bundled app",
        "hint: name yours: `asgictl serve module:app`",
        "  App      asgictl.demo:app (ASGI), the bundled app",
    ]


def test_production(serve: Serve, write: Write) -> None:
    """`--prod` prints one plain line."""
    write({"main.py": BARE})

    served = serve("--prod", "--workers", "2")
    url = served.url
    status, lines = served.stop()

    assert (status, len(lines)) == (0, 1)
    assert re.fullmatch(rf"asgictl serves main:app \(ASGI\) at {url} with 2 workers, ready in \d+ ms", lines[0])


def test_verbose(serve: Serve, write: Write) -> None:
    """`-v` tells every step, and what uvicorn says of its own."""
    write({"main.py": BARE})

    served = serve("-v")
    assert served.url
    lines = served.stop()[1]

    assert lines[3] == "`main.py` holds `app` in line 1"
    assert "INFO:     Application startup complete." in lines


# What the rows of the banner say of where the app answers, and of its documentation.
ROWS = {
    "this machine": (
        Ready("ASGI", "http://127.0.0.1:80", None, loopback=True),
        ["Network  this machine only, --host 0.0.0.0 for others"],
    ),
    "everywhere, without a network": (
        Ready("ASGI", "http://127.0.0.1:80", None, loopback=False),
        ["Network  every address of this machine"],
    ),
    "one address": (
        Ready("ASGI", "http://10.1.2.3:80", "http://10.1.2.3:80", loopback=False),
        ["Network  http://10.1.2.3:80"],
    ),
    "documentation": (
        Ready("FastAPI", "http://127.0.0.1:80", None, loopback=True, docs="/docs"),
        ["Network  this machine only, --host 0.0.0.0 for others", "Docs     http://127.0.0.1:80/docs"],
    ),
    "a UNIX socket": (
        Ready("FastAPI", "unix:/run/x", None, loopback=True, docs="/docs"),
        ["Network  this machine only"],
    ),
}


@pytest.mark.parametrize("case", ROWS)
def test_where_it_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """The banner never says that an open port is for this machine only."""
    ready, rows = ROWS[case]
    planned = plan.plan(ServeRequest(app="demo"), tmp_path, {}, lambda _: None)

    banner.Banner(Console(), planned, banner.Style(browser=False, qr=False), started=0).ready(ready)

    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert [line for line in lines if line.startswith(("Network", "Docs"))] == rows


@pytest.mark.parametrize(("folders", "row"), [([], "this folder"), (["lib", "web"], "lib, web")])
def test_what_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folders: list[str], row: str
) -> None:
    """The banner of a reload names the folders that are watched."""
    monkeypatch.chdir(tmp_path)
    for folder in folders:
        (tmp_path / folder).mkdir()
    request = ServeRequest(app="demo", reload=True, reload_dir=tuple(folders))
    planned = plan.plan(request, tmp_path, {}, lambda _: None)
    ready = Ready("ASGI", "http://127.0.0.1:80", None, loopback=True)

    banner.Banner(Console(), planned, banner.Style(browser=False, qr=False), started=0).ready(ready)

    assert f"  Reload   when something changes in {row}\n" in capsys.readouterr().err


def test_a_search_that_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a huge folder a line says that the app is looked for, and how to do without."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(planning, "_LONG", 0.0)
    said = threading.Event()
    notes: list[str] = []
    planned = plan.plan(ServeRequest(app="demo"), tmp_path, {})

    def slow(*_: object) -> plan.ServePlan:
        assert said.wait(30)
        return planned

    def note(text: str) -> None:
        notes.append(text)
        said.set()

    monkeypatch.setattr(plan, "plan", slow)
    console = Console()
    monkeypatch.setattr(console, "note", note)

    assert planning.plan_of(ServeRequest(app="demo"), console) == planned
    assert notes == [
        f"looking for the app in `{tmp_path}` takes long; to do without, name it: `asgictl serve module:app`"
    ]


def test_where_sockets_answer() -> None:
    """A socket knows whether only this machine reaches it, and at which URL others do."""
    for host, loopback in (("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False)):
        listener = listen.listen(listen.Bind(host=host, port=0))
        listener.close()
        assert listener.address.loopback is loopback
        assert loopback is (listener.address._replace(host="10.1.2.3").network_url("http") is None)


DOCS = {
    "from fastapi import FastAPI\napp = FastAPI()": "/docs",
    "from fastapi import FastAPI\napp = FastAPI(docs_url='/api')": "/api",
    "from fastapi import FastAPI\napp = FastAPI(docs_url=None)": "/redoc",
    "from fastapi import FastAPI\napp = FastAPI(openapi_url=None)": None,
    "from litestar import Litestar\napp = Litestar([])": "/schema",
    "from litestar import Litestar\napp = Litestar([], openapi_config=None)": None,
    "from starlette.applications import Starlette\napp = Starlette()": None,
    "class OpenAPI:\n    doc_prefix = '/openapi'\napp = OpenAPI()": "/openapi",
    "class APIFlask:\n    enable_openapi, docs_path = True, '/docs'\napp = APIFlask()": "/docs",
    "class APIFlask:\n    enable_openapi, docs_path = False, '/docs'\napp = APIFlask()": None,
}


@pytest.mark.parametrize("source", DOCS)
def test_where_the_documentation_is(source: str) -> None:
    """The path of the documentation is what the app says, and nothing where it has none."""
    names: dict[str, Any] = {}
    exec(source, names)

    assert frameworks.documentation(names["app"]) == DOCS[source]


def test_next_port(serve: Serve) -> None:
    """`--next-port` says which port it takes."""
    first = serve("demo")
    second = serve("demo", "--next-port", port=str(first.port))

    assert second.port > first.port
    assert second.lines[0] == f"note: port {first.port} is in use, taking {second.port}"


def test_traceback(serve: Serve, write: Write) -> None:
    """`--traceback` shows the whole stack of the app's error, and then does not advise it."""
    write({"main.py": "raise RuntimeError('no database')\napp = object()\n"})

    status, lines = serve("--traceback", "main:app").end()

    assert status == 3
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2:] == [
        "RuntimeError: no database",
        "error: cannot load `main:app`: RuntimeError: no database (main.py:1)",
    ]


def test_options_reach_the_app(serve: Serve) -> None:
    """Headers, root path and what is given with -X arrive where they belong."""
    arguments = ["--header", "X-One: 1", "--no-server-header", "--root-path", "/api", "-X", "ws_max_queue=100"]
    served = serve("demo", *arguments, "--no-access-log")

    answer = httpx.get(f"{served.url}/healthz")
    served.stop()

    assert (answer.status_code, answer.headers["x-one"], "server" in answer.headers) == (404, "1", False)
    assert [line for line in served.access if line] == []


@pytest.mark.parametrize("ws", ["auto", "websockets-sansio", "wsproto"])
def test_the_websocket_library_can_be_chosen(serve: Serve, ws: str) -> None:
    """Every WebSocket library that uvicorn knows serves the echo."""
    from websockets.sync.client import connect

    served = serve("demo", "--ws", ws)

    with connect(f"ws://127.0.0.1:{served.port}/ws") as websocket:
        websocket.send("hi")
        assert websocket.recv() == "hi"


def test_event_streams_end_at_once(serve: Serve) -> None:
    """A stop ends open event streams at once, and does not pass them off as complete."""
    served = serve("demo", "--graceful-timeout", "60")
    with httpx.stream("GET", f"{served.url}/events") as stream:
        chunks = stream.iter_text()
        assert next(chunks).startswith("id: 1\n")

        served.process.terminate()

        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            next(chunks)
    assert served.end(within=5)[0] == 0


@linux
def test_uploads_take_constant_memory(serve: Serve) -> None:
    """The bundled app takes 100 MB without keeping them."""
    served = serve("demo")
    peak = Path(f"/proc/{served.process.pid}/status")
    chunk = b"\0" * 1_000_000
    httpx.post(f"{served.url}/upload", content=iter([chunk]))
    before = int(re.findall(r"VmHWM:\s+(\d+)", peak.read_text())[0])

    answer = httpx.post(f"{served.url}/upload", content=(chunk for _ in range(100)), timeout=60)

    assert answer.json()["size"] == 100_000_000
    assert int(re.findall(r"VmHWM:\s+(\d+)", peak.read_text())[0]) < before + 20_000


def test_sloppy_app_is_told(serve: Serve, write: Write) -> None:
    """An app that trips over the lifespan is served, as the specification wants, and the line is named."""
    write({"main.py": "async def app(scope, receive, send):\n    await receive()\n    print(scope['path'])\n"})

    served = serve()
    assert served.url
    lines = served.stop()[1]

    assert lines[0] == (
        "note: the app is served without its lifespan, which ended early: KeyError: 'path' (main.py:3);"
        " `--lifespan on` makes that an error, `--lifespan off` says nothing"
    )


def test_nowhere_to_print(tmp_path: Path) -> None:
    """A server without any output serves all the same."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]

    process = subprocess.Popen(["sh", "-c", f"exec {ASGICTL} serve demo -p {port} >&- 2>&-"], cwd=tmp_path)

    try:
        transport = httpx.HTTPTransport(retries=7)  # half a second, one, two, ...
        with httpx.Client(transport=transport) as client:
            assert client.get(f"http://127.0.0.1:{port}/healthz").text == "ok\n"
    finally:
        process.terminate()
        status = process.wait(timeout=20)
    assert status == 0


def test_nobody_reads_the_access_log(tmp_path: Path) -> None:
    """A reader of the access log that goes away, like `head`, disturbs nothing."""
    command = [str(ASGICTL), "serve", "demo", "-p", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        url = next(match[0] for line in process.stderr if (match := re.search(r"http://\S+", line)))

        answers = [httpx.get(f"{url}/healthz").text for _ in range(3)]
        process.terminate()
        rest = process.stderr.read()

    assert answers == ["ok\n"] * 3
    assert (process.returncode, "Broken pipe" in rest) == (0, False)


def test_no_qr_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--qr` without what draws the code is refused at once, with what to install."""
    monkeypatch.setattr("asgictl.cli.qr.find_spec", lambda _: None)
    monkeypatch.setattr("asgictl.environment.installing", lambda package: f"install {package}")

    result = run("serve", "demo", "--qr")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == ["error: `--qr` needs the package `segno`", "hint: install segno"]


def test_open_and_qr(serve: Serve, write: Write) -> None:
    """`--open` opens the browser at the URL when it answers, and `--qr` prints a code for it."""
    folder = write({"browser": '#!/bin/sh\necho "$1" > opened.tmp && mv opened.tmp opened && echo opened >&2\n'})
    (folder / "browser").chmod(0o755)

    served = serve("demo", "--open", "--qr", env={"BROWSER": f"{folder}/browser %s"})
    served.wait_for("^opened$")

    assert (folder / "opened").read_text() == f"{served.url}\n"
    assert served.wait_for("[█▀▄]{8}")
    assert "note: no phone reaches this machine's loopback address: pass --host 0.0.0.0" in served.lines


def test_output_cannot_be_steered(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters from outside are shown, never obeyed."""
    console = Console(environ={})

    console.note("a\x1b[31mb\r\nc")
    console.error(AppLoadError("x\x07", hint="y\u202e", failure=Failure("E", "x", "one\ntwo")))

    assert capsys.readouterr().err == "note: a\\x1b[31mb\\r\\nc\nerror: x\\x07\nhint: y\\u202e\n"


@pytest.mark.parametrize(
    ("environ", "coloured"), [({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False), ({}, False)]
)
def test_colours(capsys: pytest.CaptureFixture[str], environ: dict[str, str], coloured: bool) -> None:
    """NO_COLOR and FORCE_COLOR are heeded, and a pipe gets none."""
    Console(environ=environ).note("x")

    assert ("\x1b[" in capsys.readouterr().err) is coloured


def test_results(capsys: pytest.CaptureFixture[str]) -> None:
    """A result goes to stdout, as text or as JSON."""
    Console(environ={}).result("text", {"a": 1})
    Console(json_for="session diff", environ={}).result("text", {"a": 1})

    text, data = capsys.readouterr().out.splitlines()
    assert (text, json.loads(data)) == ("text", {"schema": "asgictl/1", "command": "session diff", "result": {"a": 1}})


COLLECTED = """import gc


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200 + gc.get_threshold()[0] % 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
"""


def test_the_collector_works_as_usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever command runs the user's code, garbage is looked for as usual, which is seldom while asgictl starts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "collected.py").write_text(COLLECTED)
    monkeypatch.setattr(sys, "path", list(sys.path))
    file = session_file.SessionFile(tmp_path / "s.jsonl", about={}, limit=10**6, note=print)
    for record in recordings.REQUEST:
        file(record)
    file.close()
    usual = gc.get_threshold()
    collector.seldom()
    try:
        result = run("session", "replay", "s.jsonl", "7", "--app", "collected:app")
    finally:
        seldom = gc.get_threshold() != usual
        gc.set_threshold(*usual)
        sys.modules.pop("collected", None)

    assert (f"{200 + usual[0] % 200} " in result.stdout, gc.isenabled(), seldom) == (True, True, False)


def test_nobodys_stores(tmp_path: Path) -> None:
    """Whoever runs these tests has the own trust stores left alone."""
    from asgictl.certs import stores

    here = stores.this_machine()

    assert (here.home, here.root, here.environ["JAVA_HOME"]) == (
        tmp_path / "home",
        tmp_path / "root",
        f"{tmp_path}/no-java",
    )

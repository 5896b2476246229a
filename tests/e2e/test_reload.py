"""`--reload`: a save is never held up, and no change ever costs the server."""

import contextlib
import html
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import websockets.exceptions
from websockets.sync.client import connect

import asgictl
from tests.conftest import Serve, Served, Write, after_banner, finish

APP = """
import asyncio, contextlib, os
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
import helpers

@contextlib.asynccontextmanager
async def lifespan(app):
    {start}
    yield

async def hello(request):
    return PlainTextResponse("version {version}")

async def crash(request):
    os._exit(7)

async def events(request):
    async def body():
        while True:
            yield b"data: 1\\n\\n"
            await asyncio.sleep(0.05)
    return StreamingResponse(body(), media_type="text/event-stream")

async def echo(websocket):
    await websocket.accept()
    await websocket.send_text("open")
    await asyncio.sleep(60)

app = Starlette(lifespan=lifespan, routes=[
    Route("/", hello), Route("/crash", crash), Route("/events", events, methods=["GET", "POST"]),
    WebSocketRoute("/echo", echo),
])
"""


def version(number: int, start: str = "pass") -> str:
    """Return the app in one of its versions."""
    return APP.format(version=number, start=start)


@pytest.fixture
def project(write: Write) -> Path:
    """Write the first version of the app."""
    return write({"main.py": version(1), "helpers.py": ""})


def answer(served: Served, **headers: str) -> httpx.Response:
    """Return the answer to a request, which never takes long."""
    return httpx.get(served.url, headers=headers, timeout=15)


def eventually(served: Served, text: str) -> None:
    """Ask until the answer is `text`; a connection that meets the end of a process may be cut."""
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(httpx.TransportError):
            if answer(served).text == text:
                return
        assert time.monotonic() < deadline


def ready_again(served: Served, times: int = 1) -> None:
    """Wait until the app is ready for so many times after the first."""
    served.wait_for("note: ready again", nth=times)


def broken(served: Served, times: int = 1) -> None:
    """Wait until the error is shown for so many times."""
    served.wait_for("shows the error", nth=times)


def test_a_change_counts(serve: Serve, project: Path) -> None:
    """A save is answered by the new version, and what is said of it is short."""
    served = serve("--reload")
    assert answer(served).text == "version 1"

    (project / "main.py").write_text(version(2))
    ready_again(served)

    assert answer(served).text == "version 2"
    status, lines = served.stop()
    assert status == 0
    assert [line.split()[0] for line in lines[:5]] == ["App", "Local", "Network", "Reload", "Ready"]
    assert lines[5] == "note: main.py changed, restarting"
    assert re.fullmatch(r"note: ready again in \d+ ms", lines[6])
    assert len(lines) == 7


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_open_connections_do_not_hold_a_save_up(serve: Serve, project: Path, method: str) -> None:
    """Event streams and WebSockets end at once, the latter with 1012, though the grace would be long."""
    served = serve("--reload", "--graceful-timeout", "30")
    stream = served.url.replace("http", "ws") + "/echo"
    with httpx.stream(method, f"{served.url}/events", timeout=10) as events, connect(stream) as websocket:
        chunks = events.iter_raw()
        assert next(chunks)
        assert websocket.recv() == "open"

        (project / "main.py").write_text(version(2))
        ready_again(served)

        with pytest.raises(httpx.RemoteProtocolError):
            list(chunks)
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            websocket.recv(timeout=10)
        assert websocket.close_code == 1012
    took = served.wait_for(r"ready again in (\d+) ms")
    assert int(took[1]) < 10_000  # and not the 30 s of the grace
    assert answer(served).text == "version 2"


OURS = Path(asgictl.__file__).parent
CANNOT_LOAD = "cannot load `main:app`: "
MAIN, HELPERS = '  File "{}/main.py", line {}, in {}', '  File "{}/helpers.py", line {}, in {}'
# What is written, the first line, the hint, the user's frames and the last line of the stack.
BROKEN: dict[str, tuple[dict[str, str], str, str | None, list[tuple[str, int, str]], str | None]] = {
    "a syntax error": (
        {"main.py": "def ("},
        f"{CANNOT_LOAD}SyntaxError: invalid syntax (main.py:1)",
        None,
        [],
        "SyntaxError: invalid syntax",
    ),
    "an error in a dependency": (
        {"helpers.py": "import nosuchdep"},
        f"{CANNOT_LOAD}ModuleNotFoundError: No module named 'nosuchdep' (helpers.py:1)",
        f"install it where asgictl runs: `{sys.executable} -m pip install nosuchdep`",
        [(MAIN, 6, "<module>"), (HELPERS, 1, "<module>")],
        "ModuleNotFoundError: No module named 'nosuchdep'",
    ),
    "an error in the startup": (
        {"main.py": version(2, start="1 / 0")},
        "the app's startup failed: ZeroDivisionError: division by zero (main.py:10)",
        None,
        [(MAIN, 10, "lifespan")],
        "ZeroDivisionError: division by zero",
    ),
    "an app that is gone": (
        {"main.py": "x = 1"},
        "`main` has no attribute `app`",
        "it was read from `{}/main.py`",
        [],
        None,
    ),
    "sys.exit": (
        {"main.py": "import sys; sys.exit('sorry')"},
        f"{CANNOT_LOAD}the app called `sys.exit('sorry')` (main.py:1)",
        None,
        [(MAIN, 1, "<module>")],
        "SystemExit: sorry",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_app(serve: Serve, project: Path, case: str) -> None:
    """While the app is broken each request gets 500 with the reason, and the next good save recovers."""
    files, reason, hint, frames, last = BROKEN[case]
    served = serve("--reload")
    assert answer(served).text == "version 1"

    for name, text in files.items():
        (project / name).write_text(text)
    broken(served)

    plain, page = answer(served), answer(served, Accept="text/html")
    assert (plain.status_code, plain.headers["content-type"]) == (500, "text/plain; charset=utf-8")
    parts = plain.text.rstrip("\n").split("\n\n", 1 if hint is None else 2)
    stack = parts.pop().splitlines() if last else []
    assert parts == [reason, *([hint.format(project)] if hint else [])]
    files_of_frames = [line for line in stack if line.startswith('  File "')]
    assert not [line for line in files_of_frames if "importlib" in line or f'"{OURS}' in line]
    own = [line for line in files_of_frames if str(project) in line and ", in " in line]
    assert own == [form.format(project, line, name) for form, line, name in frames]
    assert stack[-1:] == ([last] if last else [])
    assert (page.status_code, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
    for part in (*parts, "\n".join(stack)):
        assert html.escape(part) in page.text
    assert "<title>The app is broken</title>" in page.text
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        connect(f"{served.url.replace('http', 'ws')}/echo")
    assert refused.value.response.status_code == 403

    (project / "helpers.py").write_text("")
    (project / "main.py").write_text(version(3))
    ready_again(served)
    assert answer(served).text == "version 3"
    assert served.stop()[0] == 0


def test_it_starts_broken(serve: Serve, project: Path) -> None:
    """An app that is broken from the start is served as its error, and the banner comes when it works."""
    (project / "main.py").write_text("import nosuchdep\napp = 1\n")
    served = serve("--reload", "main:app")
    assert answer(served).status_code == 500

    (project / "main.py").write_text(version(2))
    served.wait_for("Ready ")

    assert answer(served).text == "version 2"
    assert served.stop()[0] == 0


def test_a_broken_app_can_be_stopped(serve: Serve, project: Path) -> None:
    """Ctrl-C while the error is shown ends with 0."""
    (project / "main.py").write_text("import nosuchdep\napp = 1\n")
    served = serve("--reload", "main:app")
    broken(served)

    served.ctrl_c()

    status, lines = served.end()
    assert status == 0
    assert lines[:-1] == [
        "Traceback (most recent call last):",
        f'  File "{project}/main.py", line 1, in <module>',
        "    import nosuchdep",
        "ModuleNotFoundError: No module named 'nosuchdep'",
        "error: cannot load `main:app`: ModuleNotFoundError: No module named 'nosuchdep' (main.py:1)",
        f"hint: install it where asgictl runs: `{sys.executable} -m pip install nosuchdep`",
    ]
    assert re.fullmatch(r"note: \S+ shows the error; the next change restarts the app", lines[-1])


def test_others_do_not_see_the_error(serve: Serve, project: Path) -> None:
    """A client from elsewhere, as a proxy says, does not get the traceback, unless it is for all."""
    (project / "main.py").write_text("secret = 1 / 0\napp = 1\n")
    served = serve("--reload", "main:app")

    outside = answer(served, **{"X-Forwarded-For": "192.0.2.1"})

    assert outside.status_code == 500
    assert outside.text == "The app is broken; the terminal in which it was started says why.\n"
    assert "secret" in answer(served, **{"X-Forwarded-For": "::ffff:127.0.0.1"}).text
    rebound = answer(served, Host="evil.example")
    assert "secret" not in rebound.text
    assert "secret" in answer(served, Host="shop.localhost:80").text


def test_an_app_that_ends_its_process(serve: Serve, project: Path) -> None:
    """An import that ends the process shows a page that says so, and the next good save recovers."""
    served = serve("--reload")
    assert answer(served).text == "version 1"

    (project / "main.py").write_text("import os\nos._exit(7)\n")
    broken(served)

    assert "the app's process ended" in answer(served).text
    (project / "main.py").write_text(version(2))
    ready_again(served)
    assert answer(served).text == "version 2"
    assert served.stop()[0] == 0


def test_a_startup_that_takes_too_long(serve: Serve, project: Path) -> None:
    """A startup over its limit becomes the page, and the next good save recovers."""
    served = serve("--reload", "--startup-timeout", "2")
    assert answer(served).text == "version 1"

    (project / "main.py").write_text(version(2, start="await asyncio.sleep(60)"))
    broken(served)

    assert "the app was not ready after 2 s" in answer(served).text
    (project / "main.py").write_text(version(3))
    ready_again(served)
    assert answer(served).text == "version 3"


def test_a_request_that_ends_the_process(serve: Serve, project: Path) -> None:
    """A request that crashes the process soon after its start leaves a page, and a save brings the app back."""
    served = serve("--reload")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{served.url}/crash")
    broken(served)

    assert answer(served).status_code == 500
    (project / "main.py").write_text(version(2))
    ready_again(served)
    assert answer(served).text == "version 2"


def test_environments_are_left_alone(serve: Serve, project: Path) -> None:
    """Files of a virtual environment that appears later change nothing; the next own file does."""
    served = serve("--reload")
    assert answer(served).text == "version 1"

    for place in (".venv/lib/python3/site-packages", "tools/lib", "node_modules/x", "__pycache__", ".git"):
        (project / place).mkdir(parents=True, exist_ok=True)
    (project / "tools/pyvenv.cfg").touch()
    for place in (".venv/lib/python3/site-packages", "tools/lib", "node_modules/x", "__pycache__", ".git"):
        (project / place / "code.py").write_text("x = 1\n")
    (project / "data.sqlite3").touch()
    (project / "notes.txt").touch()
    (project / "last.py").touch()

    assert served.wait_for("note: .* restarting")[0] == "note: last.py changed, restarting"


def test_saves_while_it_stops(serve: Serve, project: Path) -> None:
    """A save that meets the end of the old process, or a new one that has hardly begun, does not confuse anything."""
    told = "print('starting', flush=True)"
    slow = version(1, start=told)
    slow = slow.replace("    yield\n", "    yield\n    print('stopping', flush=True)\n    await asyncio.sleep(0.7)\n")

    def save(number: int) -> None:
        (project / "main.py").write_text(slow.replace("version 1", f"version {number}"))

    save(1)
    served = serve("--reload")
    assert answer(served).text == "version 1"

    save(2)
    served.wait_for("^stopping$")
    save(3)
    eventually(served, "version 3")
    begun = served.access.count("starting")
    save(4)
    served.wait_for("^starting$", nth=begun + 1)
    save(5)

    eventually(served, "version 5")
    assert "error:" not in "".join(served.stop()[1])


def test_a_watched_folder_is_made_anew(serve: Serve, project: Path) -> None:
    """A watched folder that is removed and comes back is watched again."""
    shutil.copytree(project, project / "src")
    served = serve("--reload", "--reload-dir", "src", "src/main.py")
    assert answer(served).text == "version 1"

    shutil.rmtree(project / "src")
    broken(served)
    (project / "src").mkdir()
    (project / "src/helpers.py").touch()
    (project / "src/main.py").write_text(version(2))
    eventually(served, "version 2")
    (project / "src/main.py").write_text(version(3))
    eventually(served, "version 3")


def test_temporary_files_in_the_project(serve: Serve, project: Path) -> None:
    """The reloader's own temporary file, in a watched folder, starts nothing."""
    served = serve("--reload", env={"TMPDIR": str(project)})
    assert answer(served).text == "version 1"
    (project / "main.py").write_text(version(2))
    eventually(served, "version 2")
    (project / "main.py").write_text(version(3))
    eventually(served, "version 3")

    lines = served.stop()[1]
    assert [line for line in lines if "restarting" in line] == ["note: main.py changed, restarting"] * 2
    assert sorted(path.name for path in project.iterdir() if path.suffix != ".pyc") == sorted(
        {"main.py", "helpers.py", *(["__pycache__"] if (project / "__pycache__").exists() else [])}
    )


def test_a_lifespan_that_has_to_be(serve: Serve, project: Path) -> None:
    """With `--lifespan on` a broken import is still what is told."""
    (project / "main.py").write_text("1 / 0\napp = 1\n")
    served = serve("--reload", "--lifespan", "on", "main:app")
    broken(served)

    assert answer(served).text.startswith("cannot load `main:app`: ZeroDivisionError: division by zero (main.py:1)")
    assert len([line for line in served.stop()[1] if line.startswith("error:")]) == 1


def test_many_saves(serve: Serve, project: Path) -> None:
    """Twenty saves, one after the other, make few restarts, and the last one counts."""
    served = serve("--reload")
    assert answer(served).text == "version 1"

    for number in range(2, 22):
        (project / "main.py").write_text(version(number))
        time.sleep(0.05)

    eventually(served, "version 21")
    restarts = [line for line in served.stop()[1] if "restarting" in line]
    assert 1 <= len(restarts) <= 5


DURING: dict[str, Callable[[Path], object]] = {
    "a restart": lambda folder: (folder / "main.py").write_text(version(2)),
    "an import": lambda folder: (folder / "main.py").write_text(
        "import time\nprint('slow', flush=True)\ntime.sleep(60)\n"
    ),
    "a startup": lambda folder: (folder / "main.py").write_text(
        version(2, start="print('slow', flush=True); await asyncio.sleep(60)")
    ),
    "a broken app": lambda folder: (folder / "main.py").write_text("def ("),
    "a deletion": lambda folder: (folder / "main.py").unlink(),
}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("case", DURING)
def test_stops_during(serve: Serve, project: Path, case: str, number: signal.Signals) -> None:
    """A stop during whatever a save has begun ends with 0, soon, and leaves nothing behind."""
    served = serve("--reload")
    url = served.url
    DURING[case](project)
    served.wait_for("slow" if case in {"an import", "a startup"} else "restarting")

    if number is signal.SIGINT:
        served.ctrl_c()
    else:
        served.send(number)

    assert served.end(within=10)[0] == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_a_second_ctrl_c_forces(serve: Serve, project: Path) -> None:
    """A second Ctrl-C during a slow stop ends with 130."""
    (project / "main.py").write_text(
        version(1).replace(
            'return PlainTextResponse("version 1")', "print('slow', flush=True)\n    await asyncio.sleep(60)"
        )
    )
    served = serve("--reload", "--graceful-timeout", "30")
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        served.wait_for("^slow$")
        served.ctrl_c()
        served.wait_until_refused()

        served.ctrl_c()

        status, lines = served.end()
    assert (status, after_banner(lines)) == (130, [])


@pytest.mark.usefixtures("project")
def test_a_killed_parent_leaves_nobody(serve: Serve) -> None:
    """When the parent is killed its process ends too, and the port is free."""
    served = serve("--reload")
    url = served.url

    served.send(signal.SIGKILL)

    served.end()
    deadline = time.monotonic() + 10
    while True:
        try:
            httpx.get(url, timeout=5)
        except httpx.ConnectError:
            break
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline


def test_folders_and_patterns(serve: Serve, project: Path) -> None:
    """Other folders, kinds of files and exceptions can be named."""
    shutil.copytree(project, project / "app")
    (project / "app/templates/mail").mkdir(parents=True)
    arguments = ["--reload-dir", "app", "--reload-include", "templates/**/*.html", "--reload-exclude", "test_*.py"]
    served = serve("--reload", *arguments, "app/main.py")
    assert answer(served).text == "version 1"

    (project / "main.py").write_text(version(2))
    (project / "app/test_x.py").touch()
    (project / "app/templates/mail/a.html").touch()

    assert served.wait_for("note: .* restarting")[0] == "note: app/templates/mail/a.html changed, restarting"


@pytest.mark.usefixtures("project")
def test_a_folder_that_is_none(serve: Serve) -> None:
    """A folder to watch that is not there is refused."""
    lines = ["error: there is no folder `ap` to watch", "hint: pass --reload-dir with a folder"]

    assert serve("--reload", "--reload-dir", "ap").end() == (2, lines)


@pytest.fixture
def terminal(project: Path) -> Iterator[Callable[..., tuple[int, int]]]:
    """Start `asgictl serve` in a terminal of its own; return the process and the terminal's other end."""
    import pty

    started: list[tuple[int, int]] = []

    def start(*arguments: str) -> tuple[int, int]:
        pid, end = pty.fork()
        if pid == 0:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # it is ignored under nohup
            os.chdir(project)
            os.execv(sys.executable, [sys.executable, "-m", "asgictl", "serve", "--port", "0", *arguments])
        started.append((pid, end))
        return pid, end

    yield start
    for pid, end in started:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        with contextlib.suppress(OSError):
            os.close(end)


def read_until(end: int, pattern: str, *, within: float = 20) -> re.Match[str]:
    """Return the match of `pattern` in what the terminal shows."""
    text = ""
    deadline = time.monotonic() + within
    while select.select([end], [], [], max(0, deadline - time.monotonic()))[0]:
        text += os.read(end, 4096).decode(errors="replace")
        if match := re.search(pattern, text):
            return match
    raise AssertionError(text)


def status_of(pid: int, *, within: float = 20) -> int:
    """Return the status of a process of the terminal's, once it has ended."""
    deadline = time.monotonic() + within
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_breakpoint(project: Path, terminal: Callable[..., tuple[int, int]]) -> None:
    """A `breakpoint()` opens the debugger in the terminal, which can be used, and the request goes on."""
    stop = version(1).replace(
        "async def hello(request):", "async def hello(request):\n    secret = 41\n    breakpoint()"
    )
    (project / "main.py").write_text(stop)
    pid, end = terminal("--reload")
    url = read_until(end, r"http://127\.0\.0\.1:\d+")[0]
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(httpx.get(url, timeout=20).text))
    thread.start()

    read_until(end, r"\(Pdb\) ")
    os.write(end, b"secret + 1\n")
    read_until(end, r"42\s+\(Pdb\) ")
    os.write(end, b"c\n")

    thread.join(timeout=20)
    assert answers == ["version 1"]
    os.kill(pid, signal.SIGTERM)
    assert status_of(pid) == 0


@pytest.mark.parametrize("arguments", [(), ("--reload",), ("--workers", "2")], ids=["one", "reload", "workers"])
def test_a_closed_terminal_stops(
    project: Path, terminal: Callable[..., tuple[int, int]], arguments: tuple[str, ...]
) -> None:
    """When the terminal is closed the server stops, and nothing is left of it."""
    (project / "main.py").write_text(version(1))
    pid, end = terminal(*arguments)
    url = read_until(end, r"http://127\.0\.0\.1:\d+")[0]
    assert httpx.get(url, timeout=10).text == "version 1"

    os.close(end)

    assert status_of(pid) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


@pytest.mark.usefixtures("project")
def test_sighup_stops_one_process(serve: Serve) -> None:
    """Without workers there is nothing to replace, and SIGHUP stops the server well."""
    served = serve()
    assert answer(served).text == "version 1"

    served.send(signal.SIGHUP)

    assert served.end()[0] == 0


def test_nohup(project: Path) -> None:
    """What was started with nohup goes on without its terminal."""
    command = ["nohup", sys.executable, "-m", "asgictl", "serve", "--port", "0", "main:app"]
    process = subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    try:
        line = next(line for line in process.stderr if "http://" in line)
        process.send_signal(signal.SIGHUP)
        match = re.search(r"http://\S+", line)
        assert match is not None
        assert httpx.get(match[0]).text == "version 1"
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


@pytest.mark.usefixtures("project")
def test_a_crash_later_on(serve: Serve, hurried: Callable[[str], Path]) -> None:
    """A process that crashes after a while is restarted."""
    served = serve("--reload", script=hurried("asgictl.serving.reload.restarts._SHORT = 0.0"))
    assert answer(served).text == "version 1"

    with pytest.raises(httpx.TransportError):
        httpx.get(f"{served.url}/crash")

    ready_again(served)
    assert answer(served).text == "version 1"
    assert re.search(r"note: the app's process ended( with status 7)?, restarting it", "\n".join(served.stop()[1]))


@pytest.mark.parametrize("value", ["true", ""])
def test_links_and_names_that_lead_nowhere(serve: Serve, project: Path, value: str) -> None:
    """Edits count in whatever folder: with links to one above or to themselves, and names that are no text."""
    (project / "pkg").mkdir()
    (project / "pkg/up").symlink_to("..")
    (project / "loop").symlink_to("loop")
    served = serve("--reload", env={"WATCHFILES_FORCE_POLLING": value})
    assert answer(served).text == "version 1"

    (project / "main.py").write_text(version(2))
    eventually(served, "version 2")
    Path(os.fsdecode(bytes(project) + b"/\xff.py")).touch()
    (project / "main.py").write_text(version(3))
    eventually(served, "version 3")

    (project / "main.py").write_text(version(4))
    eventually(served, "version 4")
    assert not [line for line in served.stop()[1] if "Traceback" in line]


def test_an_app_that_writes_its_own_module(serve: Serve, project: Path) -> None:
    """An app that restarts itself again and again is told how to leave out what it writes, and that helps."""
    (project / "main.py").write_text(
        f"import time\nfrom pathlib import Path\nPath('made.py').write_text(f'at = {{time.time()}}')\n{version(1)}"
    )
    served = serve("--reload")

    note = served.wait_for(r"in a row: if the app itself writes the file, pass (.*)")

    served.stop()
    served = serve("--reload", *note[1].split())
    assert answer(served).text == "version 1"
    (project / "helpers.py").write_text("x = 1\n")
    assert served.wait_for("note: .* restarting")[0] == "note: helpers.py changed, restarting"


@pytest.mark.usefixtures("project")
def test_no_temporary_folder(serve: Serve, hurried: Callable[[str], Path]) -> None:
    """Where nothing can be written `--reload` says so in two lines, and ends with 3."""
    script = hurried("tempfile.mkdtemp = lambda **_: open('/nonexistent')")

    assert serve("--reload", script=script).end() == (
        3,
        [
            "error: `--reload` needs a temporary folder: No such file or directory",
            "hint: set TMPDIR to a folder that can be written to, or drop --reload",
        ],
    )


def test_the_project_is_made_anew(serve: Serve, tmp_path: Path) -> None:
    """The folder that the command was started in can be removed and come back."""
    folder = tmp_path / "shop"

    def make(number: int) -> None:
        folder.mkdir()
        (folder / "helpers.py").touch()
        (folder / "main.py").write_text(version(number))

    make(1)
    served = serve("--reload", folder=folder)
    assert answer(served).text == "version 1"

    shutil.rmtree(folder)
    served.wait_for("is gone; it is watched again when it is back")
    make(2)
    eventually(served, "version 2")
    (folder / "main.py").write_text(version(3))
    eventually(served, "version 3")
    assert served.stop()[0] == 0


def test_an_env_file_that_changes(serve: Serve, project: Path) -> None:
    """A change of an env file restarts the app with its variables; one that is wrong is the page until it is mended."""
    shown = version(1).replace('"version 1"', 'os.environ.get("GREETING", "none")')
    (project / "main.py").write_text(shown)
    env_file = project / ".env"
    env_file.write_text("GREETING=hello\n")
    served = serve("--reload", "--env-file", ".env")
    assert answer(served).text == "hello"

    env_file.write_text("GREETING=hi\nASGICTL_SERVE_PORT=1\n")
    eventually(served, "hi")
    env_file.write_text("GREETING=hey\n= = =\n")
    eventually(served, "line 2 of `.env` is not `NAME=value`\n")
    env_file.write_text("")
    eventually(served, "none")

    status, lines = served.stop()
    assert status == 0
    assert [line for line in after_banner(lines) if not line.startswith("note: ready")] == [
        "note: .env changed, restarting",
        "note: `ASGICTL_SERVE_PORT` counts when asgictl itself is started again",
        "note: .env changed, restarting",
        "error: line 2 of `.env` is not `NAME=value`",
        "hint: put it right, or make it a comment with #",
        f"note: {served.url} shows the error; the next change restarts the app",
        "note: .env changed, restarting",
        "note: `ASGICTL_SERVE_PORT` counts when asgictl itself is started again",
    ]


def test_the_app_lies_elsewhere(serve: Serve, project: Path) -> None:
    """An app that is named as a module, and is imported from another folder, is watched there."""
    (project / "here").mkdir()
    served = serve("--reload", "main:app", folder=project / "here", env={"PYTHONPATH": str(project)})
    assert answer(served).text == "version 1"

    (project / "main.py").write_text(version(2))

    eventually(served, "version 2")


def test_an_app_that_comes_later(serve: Serve, project: Path) -> None:
    """Without an app, or with one that cannot be read, the page says so until a save brings one."""
    (project / "main.py").write_text("x = 1\n")
    (project / "pyproject.toml").touch()
    served = serve("--reload")
    broken(served)
    assert answer(served).text == f"no app was found in `{project}`: `main.py` holds no app\n"

    (project / "main.py").write_text("app = (\n")
    broken(served, times=2)
    assert answer(served).text == "cannot load `main.py`: SyntaxError: '(' was never closed (main.py:1)\n"
    (project / "main.py").write_text(version(2))
    served.wait_for("App      main:app")

    assert answer(served).text == "version 2"
    assert served.stop()[0] == 0


def test_the_bundled_app_gives_way(serve: Serve, tmp_path: Path) -> None:
    """The first app in a folder takes the place of the bundled one."""
    served = serve("--reload")
    assert "Hello World" in answer(served).text

    (tmp_path / "helpers.py").touch()
    (tmp_path / "main.py").write_text(version(1))

    served.wait_for("note: main:app is served now, found in main.py, line")
    ready_again(served)
    assert answer(served).text == "version 1"
    assert served.stop()[0] == 0


def test_no_app_to_show_as_a_command(write: Write) -> None:
    """`--dry-run` and `--check` end as they do without reload where no app is found."""
    folder = write({"main.py": "app = (\n"})
    lines = "error: cannot load `main.py`: SyntaxError: '(' was never closed (main.py:1)\n"

    for option in ("--dry-run", "--check"):
        assert finish("serve", "--reload", option, folder=folder) == (
            3,
            "",
            f"{lines}hint: put it right, or name another app\n",
        )

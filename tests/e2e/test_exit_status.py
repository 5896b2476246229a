"""The exit status and the whole of stderr, for everything that can go wrong, in one process and with two workers."""

import contextlib
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.conftest import Serve, Served, after_banner, linux

BARE = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
"""
WITH_LIFESPAN = """
import asyncio
import time
import traceback


async def start():
    {start}

async def slow():
    print("slow", flush=True)
    {slow}

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        try:
            await start()
        except BaseException:
            await send({{"type": "lifespan.startup.failed", "message": traceback.format_exc()}})
            raise
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        print("shut down", flush=True)
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    if scope["path"] == "/slow":
        await slow()
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}})
    await send({{"type": "http.response.body", "body": b"ok"}})
"""
HANG = 'print("hanging", flush=True); {}'
SEE_STACK = "hint: add --traceback to see the whole stack"

both = pytest.mark.parametrize("workers", ["1", "2"])
every = pytest.mark.parametrize("mode", ["one process", "2 workers", "reload"])
MODES = {"one process": [], "2 workers": ["--workers", "2"], "reload": ["--reload"]}


def lifespan_app(start: str = "pass", slow: str = "pass") -> dict[str, str]:
    """Return a project whose startup and whose `/slow` run a statement."""
    return {"main.py": WITH_LIFESPAN.format(start=start, slow=slow)}


# What is served, what is asked for, the status, stderr.
FAILED_STARTS: dict[str, tuple[dict[str, str], list[str], int, list[str]]] = {
    "missing module": (
        {"main.py": BARE},
        ["mian:app"],
        3,
        ["error: there is no module `mian` in `{folder}`", "hint: did you mean `main:app`?"],
    ),
    "missing file": (
        {"main.py": BARE},
        ["web/main.py"],
        3,
        ["error: there is no file `web/main.py`", "hint: the path is relative to the current folder"],
    ),
    "missing attribute": (
        {"main.py": BARE},
        ["main:ap"],
        3,
        ["error: `main` has no attribute `ap`", "hint: did you mean `main:app`?"],
    ),
    "two apps": (
        {"main.py": "from fastapi import FastAPI\nshop = FastAPI()\nblog = FastAPI()\n"},
        [],
        2,
        [
            "error: `main.py` holds 2 apps: `shop` in line 2, `blog` in line 3",
            "hint: name one: `asgictl serve main:shop`",
        ],
    ),
    "syntax error": (
        {"main.py": "app = (\n"},
        [],
        3,
        [
            "error: cannot load `main.py`: SyntaxError: '(' was never closed (main.py:1)",
            "hint: put it right, or name another app",
        ],
    ),
    "error in the module": (
        {"main.py": "def connect():\n    raise RuntimeError('no database')\nconnect()\napp = object()\n"},
        ["main:app"],
        3,
        ["error: cannot load `main:app`: RuntimeError: no database (main.py:2)", SEE_STACK],
    ),
    "missing dependency": (
        {"main.py": "import helpers\nasync def app(scope, receive, send): ...\n", "helpers.py": "import nosuchdep.web"},
        [],
        3,
        [
            "error: cannot load `main:app`: ModuleNotFoundError: No module named 'nosuchdep' (helpers.py:1)",
            f"hint: install it where asgictl runs: `{sys.executable} -m pip install nosuchdep`",
        ],
    ),
    "sys.exit in the module": (
        {"main.py": "import sys\nsys.exit('sorry')\nasync def app(scope, receive, send): ...\n"},
        [],
        3,
        ["error: cannot load `main:app`: the app called `sys.exit('sorry')` (main.py:2)", SEE_STACK],
    ),
    "error in the factory": (
        {"main.py": "def create_app():\n    return len(5)\n"},
        [],
        3,
        [
            "error: the factory `main:create_app` failed: TypeError: object of type 'int' has no len() (main.py:2)",
            SEE_STACK,
        ],
    ),
    "not an app": (
        {"main.py": "app = 5\n"},
        ["main:app"],
        3,
        [
            "error: `main:app` is not an application: int cannot be called",
            "hint: name the application object, not a module or a setting",
        ],
    ),
    "lifespan failure": (
        lifespan_app(start="raise RuntimeError('no database')"),
        [],
        3,
        ["error: the app's startup failed: RuntimeError: no database (main.py:8)", SEE_STACK],
    ),
    "startup calls sys.exit": (
        lifespan_app(start="import sys; sys.exit('no DATABASE_URL')"),
        [],
        3,
        ["error: the app's startup failed: the app called `sys.exit('no DATABASE_URL')` (main.py:8)", SEE_STACK],
    ),
    "plain startup calls sys.exit": (
        {"main.py": "import sys\nasync def app(scope, receive, send):\n    await receive()\n    sys.exit(1)\n"},
        [],
        3,
        ["error: the app's startup failed: the app called `sys.exit(1)` (main.py:4)", SEE_STACK],
    ),
    "no lifespan where it is wanted": (
        {"main.py": BARE},
        ["--lifespan", "on"],
        3,
        ["error: the app's startup failed: NotImplementedError: lifespan (main.py:4)", SEE_STACK],
    ),
    "import too slow": (
        {"main.py": "import time\ntime.sleep(60)\nasync def app(scope, receive, send): ...\n"},
        ["--startup-timeout", "0.5"],
        3,
        [
            "error: the app was not ready after 0.5 s: the import of the app had not ended (main.py:2)",
            "hint: raise --startup-timeout, or see what takes so long there",
        ],
    ),
    "startup too slow": (
        lifespan_app(start="await asyncio.sleep(60)"),
        ["--startup-timeout", "1"],
        3,
        [
            "error: the app was not ready after 1 s: the startup of the app had not ended (main.py:8)",
            "hint: raise --startup-timeout, or see what takes so long there",
        ],
    ),
    "startup blocks the loop": (
        lifespan_app(start="time.sleep(60)"),
        ["--startup-timeout", "1"],
        3,
        [
            "error: the app was not ready after 1 s: the startup of the app had not ended (main.py:8)",
            "hint: raise --startup-timeout, or see what takes so long there",
        ],
    ),
    "missing certificate": (
        {"main.py": BARE},
        ["--ssl-certfile", "cert.pem"],
        4,
        ["error: `cert.pem` does not exist", "hint: the path is relative to the current folder"],
    ),
    "garbage for a certificate": (
        {"main.py": BARE, "cert.pem": "garbage"},
        ["--ssl-certfile", "cert.pem"],
        4,
        ["error: `cert.pem` holds no certificate in PEM form", "hint: see that it is the right file, and whole"],
    ),
    "key without certificate": (
        {"main.py": BARE},
        ["--ssl-keyfile", "cert.key"],
        2,
        ["error: `--ssl-keyfile` needs HTTPS", "hint: pass --https, or --ssl-certfile"],
    ),
}


@both
@pytest.mark.parametrize("case", FAILED_STARTS)
def test_start_fails(serve: Serve, write: Callable[..., Path], case: str, workers: str) -> None:
    """A start that fails says why in two lines, whatever the cause, and never starts again and again."""
    files, arguments, status, lines = FAILED_STARTS[case]
    folder = write(files)

    served = serve(*arguments, "--workers", workers)

    assert served.end() == (status, [line.format(folder=folder) for line in lines])


# What is known before the app is tried, and what the app alone can tell.
BEFORE_THE_APP = {"missing module", "missing file", "two apps", "missing certificate"} | {
    "garbage for a certificate",
    "key without certificate",
}


@pytest.mark.parametrize("case", FAILED_STARTS)
def test_start_fails_under_reload(serve: Serve, write: Callable[..., Path], case: str) -> None:
    """With `--reload` a broken app is told of in the same lines, and the server waits for the next change."""
    files, arguments, status, lines = FAILED_STARTS[case]
    folder = write(files)
    lines = [line.format(folder=folder) for line in lines]

    served = serve(*arguments, "--reload")

    if case in BEFORE_THE_APP:
        assert served.end() == (status, lines)
        return
    served.wait_for("shows the error")
    assert httpx.get(served.url, timeout=10).status_code == 500
    after = served.stop()
    assert after[0] == 0
    wanted = [line for line in lines if "--traceback" not in line]  # the stack is shown anyway
    assert after[1][-1 - len(wanted) : -1] == wanted
    assert re.fullmatch(r"note: \S+ shows the error; the next change restarts the app", after[1][-1])


def test_process_ends_in_the_import(serve: Serve, write: Callable[..., Path]) -> None:
    """An app that ends the process while it is imported takes its own status with it."""
    write({"main.py": "import os\nos._exit(7)\nasync def app(scope, receive, send): ...\n"})

    assert serve().end() == (7, [])


def test_worker_ends_in_the_import(serve: Serve, write: Callable[..., Path]) -> None:
    """A worker that dies before it is ready ends the whole with status 3, and is not started again and again."""
    write({"main.py": "import os\nos._exit(7)\nasync def app(scope, receive, send): ...\n"})

    status, lines = serve("--workers", "2").end()

    assert status == 3
    assert len(lines) == 1
    # The status is told unless uvicorn's supervisor happens to collect the process first.
    assert re.fullmatch(r"error: a worker ended before the app was ready( with status 7)?", lines[0])


SILENT = """
import os, sys
if any("spawn_main" in word for word in sys.orig_argv):
    os._exit(5)
"""


@pytest.mark.parametrize("mode", ["2 workers", "reload"])
def test_a_process_ends_before_it_can_speak(serve: Serve, write: Callable[..., Path], mode: str) -> None:
    """A process that dies while Python starts ends the whole with 3 and the reason."""
    folder = write({"main.py": BARE, "site/sitecustomize.py": SILENT})

    status, lines = serve(*MODES[mode], env={"PYTHONPATH": str(folder / "site")}).end()

    assert status == 3
    assert lines[-1] in {
        "error: a worker ended before the app was ready with status 5",
        "error: the app's process ended with status 5",
    }


# What ends the server from within, and its status.
ENDS = {
    "in a task": ("asyncio.create_task(later(6))", 6, "6"),
    "in a callback": ("asyncio.get_running_loop().call_soon(sys.exit, 8)", 8, "8"),
    "without a status": ("asyncio.create_task(later())", 0, ""),
    "with a text": ("asyncio.create_task(later('no more'))", 1, "'no more'"),
}
ENDED = """
import asyncio, sys

async def later(*status):
    sys.exit(*status)

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
    kept = END
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
"""


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("case", ENDS)
def test_the_app_ends_the_server(serve: Serve, write: Callable[..., Path], case: str, loop: str) -> None:
    """An app that calls `sys.exit` takes its status with it, and is named."""
    end, status, shown = ENDS[case]
    write({"main.py": ENDED.replace("END", end)})
    served = serve("--loop", loop)
    with contextlib.suppress(httpx.TransportError):
        httpx.get(served.url)

    ended, lines = served.end()

    assert ended == status
    (note,) = (line for line in lines if line.startswith("note"))
    assert re.fullmatch(rf"note: the server ended: the app called `sys\.exit\({shown}\)`( \(main\.py:\d+\))?", note)
    assert not [line for line in lines if "'lifespan' protocol" in line]


@every
@pytest.mark.parametrize(
    ("name", "text"), [("log.json", '{"version": 1'), ("log.yaml", "version: 1\nhandlers: {x: {}}")]
)
def test_a_wrong_log_config(serve: Serve, write: Callable[..., Path], name: str, text: str, mode: str) -> None:
    """A configuration of logging that is wrong is told with its name and what is wrong, in each mode."""
    write({"main.py": BARE, name: text})

    status, lines = serve("--log-config", name, *MODES[mode]).end()

    assert (status, lines[1]) == (4, "hint: see https://docs.python.org/3/library/logging.config.html")
    assert re.match(rf"error: `--log-config {name}` is wrong: [\w.]+Error: ", lines[0])
    assert len(lines) == 2


@every
def test_port_in_use(serve: Serve, write: Callable[..., Path], mode: str) -> None:
    """A busy port is found before the app is imported, with the process that has it."""
    folder = write({"main.py": f"open('imported', 'w')\n{BARE}"})
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]

        status, lines = serve(*MODES[mode], port=str(port)).end()

    assert (status, (folder / "imported").exists()) == (3, False)
    assert re.fullmatch(rf"error: port {port} on 127.0.0.1 is in use( by pid \d+ \(.+\))?", lines[0])
    assert lines[1:] == [f"hint: pass --port {port + 1}, or --next-port to take the next free one"]


@every
def test_two_at_once(serve: Serve, write: Callable[..., Path], mode: str) -> None:
    """Of two launchers started at once on one port, exactly one serves."""
    write({"main.py": BARE})
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = str(sock.getsockname()[1])

    pair = [serve(*MODES[mode], port=port), serve(*MODES[mode], port=port)]
    loser = next(one for one in pair if _ended(one, pair))
    winner = next(one for one in pair if one is not loser)

    status, lines = loser.end()
    assert status == 3
    assert lines[0].startswith(f"error: port {port} on 127.0.0.1 is in use")
    assert lines[1:] == [f"hint: pass --port {int(port) + 1}, or --next-port to take the next free one"]
    assert httpx.get(winner.url).text == "ok"
    assert winner.stop()[0] == 0


def _ended(one: Served, pair: list[Served]) -> bool:
    """Wait until one of the two has ended; tell whether it is this one."""
    deadline = time.monotonic() + 20
    while all(other.process.poll() is None for other in pair):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return one.process.poll() is not None


@every
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_at_a_signal(
    serve: Serve, write: Callable[..., Path], number: signal.Signals, loop: str, mode: str
) -> None:
    """A server that was ready and is stopped ends with 0, after the app's own shutdown, and says nothing more."""
    write(lifespan_app(start="print(type(asyncio.get_running_loop()).__module__.partition('.')[0], flush=True)"))
    served = serve(*MODES[mode], "--loop", loop)
    url = served.url

    if number is signal.SIGINT:
        served.ctrl_c()
    else:
        served.send(number)

    status, lines = served.end()
    assert (status, after_banner(lines)) == (0, [])
    processes = 2 if mode == "2 workers" else 1
    assert [line for line in served.access if line] == [loop] * processes + ["shut down"] * processes
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


@every
def test_app_without_lifespan_stops(serve: Serve, write: Callable[..., Path], mode: str) -> None:
    """An app without lifespan is served and stopped like any other, without a word about it."""
    write({"main.py": BARE})
    served = serve(*MODES[mode])
    assert httpx.get(served.url).text == "ok"

    status, lines = served.stop()

    assert (status, after_banner(lines)) == (0, [])


@every
@pytest.mark.parametrize(
    "files",
    [
        {"main.py": f"import time\n{HANG.format('time.sleep(60)')}\n{BARE}"},
        lifespan_app(start=HANG.format("await asyncio.sleep(60)")),
    ],
    ids=["import", "lifespan"],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_while_it_starts(
    serve: Serve, write: Callable[..., Path], files: dict[str, str], number: signal.Signals, mode: str
) -> None:
    """A start that hangs is stopped at once, long before the grace limit."""
    write(files)
    served = serve(*MODES[mode])
    served.wait_for("hanging")

    served.send(number)

    assert served.end(within=6) == (3, [f"error: stopped by {number.name} before the app was ready"])


@every
def test_stops_while_the_startup_blocks(serve: Serve, write: Callable[..., Path], mode: str) -> None:
    """A startup that blocks the loop is ended at the grace limit, with the line where it was."""
    write(lifespan_app(start=HANG.format("time.sleep(60)")))
    served = serve(*MODES[mode], "--graceful-timeout", "0.5")
    served.wait_for("hanging")

    status, lines = served.stop()

    parents = ["error: stopped by SIGTERM before the app was ready"]
    assert status == 3
    assert lines[0] == "note: stopped after 0.5 s without waiting for the startup of the app (main.py:8)"
    assert lines[1:] == (parents if mode != "one process" else [])


SLOW = {
    "awaiting": ("await asyncio.sleep(60)", "1 request: GET /slow"),
    "blocking": ("time.sleep(60)", "1 request: GET /slow"),
    "blocking in C": (
        (
            "import sqlite3; one, two = sqlite3.connect('x'), sqlite3.connect('x', timeout=60); "
            "one.execute('begin exclusive'); two.execute('begin exclusive')"
        ),
        "1 request: GET /slow",
    ),
    "in a thread": ("await asyncio.to_thread(time.sleep, 60)", "1 request: GET /slow"),
}


@every
@pytest.mark.parametrize("case", SLOW)
def test_request_outlives_the_grace(serve: Serve, write: Callable[..., Path], case: str, mode: str) -> None:
    """At the grace limit the process ends, with one line about what it left behind and no traceback."""
    statement, left = SLOW[case]
    write(lifespan_app(slow=statement))
    served = serve(*MODES[mode], "--graceful-timeout", "0.5")
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n")
        served.wait_for("^slow$")
        began = time.monotonic()

        status, lines = served.stop()

    assert (status, after_banner(lines)) == (0, [f"note: stopped after 0.5 s without waiting for {left}"])
    assert time.monotonic() - began < 10


def test_cut_off_request_is_answered(serve: Serve, write: Callable[..., Path]) -> None:
    """A client whose request is cut off at the grace limit gets a 503, and the connection is closed."""
    write(lifespan_app(slow="await asyncio.sleep(60)"))
    served = serve("--graceful-timeout", "0.3")
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n")
        served.wait_for("^slow$")

        served.send(signal.SIGTERM)

        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in answer
    assert b"The server is stopping." in answer


STREAM = """
import asyncio
async def app(scope, receive, send):
    assert scope["type"] == "http"
    headers = [(b"content-type", b"text/event-stream"){more}]
    await send({{"type": "http.response.start", "status": 200, "headers": (pair for pair in headers)}})
    await send({{"type": "http.response.body", "body": b"data: 1\\n\\n", "more_body": True}})
    print("streaming", flush=True)
    await asyncio.sleep(60)
"""


FINISH = """
    await asyncio.sleep(0.5)
    await send({"type": "http.response.body", "body": b"data: 2\\n\\n"})
"""
CONNECT = """
instructions = json.loads(os.environ["ASGICTL_RUNTIME"])
stranger = socket.socket(socket.AF_UNIX)
stranger.connect(instructions["more"]["address"])
other = socket.socket(socket.AF_UNIX)
other.connect(instructions["more"]["address"])
other.sendall(b"\\xff" * 100)
"""


@every
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("more", ["", ', (b"content-length", b"1000")'], ids=["open", "promised"])
def test_event_streams_end_at_once(serve: Serve, write: Callable[..., Path], more: str, loop: str, mode: str) -> None:
    """A stop ends event streams at once, without a word, even one that has promised more."""
    write({"main.py": STREAM.format(more=more)})
    served = serve(*MODES[mode], "--loop", loop)
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        served.wait_for("streaming")

        served.send(signal.SIGINT)

        status, lines = served.end(within=5)
    assert (status, after_banner(lines)) == (0, [])


@every
@pytest.mark.parametrize("case", SLOW)
def test_second_ctrl_c_forces(serve: Serve, write: Callable[..., Path], case: str, mode: str) -> None:
    """A second Ctrl-C ends everything at once with status 130, whatever still runs."""
    write(lifespan_app(slow=SLOW[case][0]))
    served = serve(*MODES[mode])
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n")
        served.wait_for("^slow$")
        served.ctrl_c()
        if case.startswith("blocking"):
            # Uvicorn cannot close its socket while the app blocks its loop, so nobody sees that the first one came;
            # the system may make one signal of two that come at once.
            while served.process.poll() is None:
                served.ctrl_c()
                time.sleep(0.1)
        else:
            served.wait_until_refused()
            served.ctrl_c()

        status, lines = served.end()
    assert (status, after_banner(lines)) == (130, [])


@linux
@every
@pytest.mark.parametrize("delay", [0, 0.03, 0.1, 0.15, 0.2, 0.3])
def test_ctrl_c_at_once(serve: Serve, write: Callable[..., Path], delay: float, mode: str) -> None:
    """Ctrl-C in the first 300 ms ends it cleanly: with one line before it is ready, and no traceback ever."""
    write(lifespan_app())
    served = serve(*MODES[mode])
    status_file = Path(f"/proc/{served.process.pid}/status")
    mask = 1 << (signal.SIGTERM - 1)
    deadline = time.monotonic() + 20
    while not int(re.findall(r"SigCgt:\s+(\w+)", status_file.read_text())[0], 16) & mask:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(delay)

    served.ctrl_c()

    status, lines = served.end()
    if status == 0 and mode == "2 workers" and not lines:
        return  # one of them could answer, the banner waits for all
    if status == 0:
        assert after_banner(lines) == []
    else:
        assert (status, len(lines)) == (3, 1), "\n".join(lines)
        assert re.fullmatch(r"error: stopped by SIGINT before (it began|the app was ready)", lines[0])


@linux
@pytest.mark.parametrize("hang", ["pass", "time.sleep(60)"], ids=["serving", "starting"])
def test_no_orphans(serve: Serve, write: Callable[..., Path], hang: str) -> None:
    """A parent that is killed leaves no worker on the port."""
    write(lifespan_app(start=HANG.format(hang)))
    served = serve("--workers", "2", "--graceful-timeout", "0.5")
    served.wait_for("hanging" if hang != "pass" else "http://")
    sockets = _listening(served)

    served.process.kill()

    deadline = time.monotonic() + 10
    while _listening(served) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert sockets
    assert not _listening(served)


def _listening(served: Served) -> list[int]:
    """Return the processes of the launch's session that still run."""
    alive = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == served.process.pid and fields[0] != "Z":
            alive.append(int(stat.parent.name))
    return alive


def test_failed_start_ends_though_a_thread_stays(serve: Serve, write: Callable[..., Path]) -> None:
    """After a start that fails, a thread that the app has left does not hold the process up."""
    thread = "import threading; threading.Thread(target=time.sleep, args=(60,)).start(); raise RuntimeError('no')"
    write(lifespan_app(start=thread))

    status, lines = serve().end(within=10)

    assert status == 3
    assert lines[0] == "error: the app's startup failed: RuntimeError: no (main.py:8)"


def test_stops_in_a_folder_that_is_gone(serve: Serve, write: Callable[..., Path]) -> None:
    """The grace limit holds when the folder of the app has been deleted meanwhile."""
    folder = write({"gone/main.py": WITH_LIFESPAN.format(start="pass", slow="time.sleep(60)")}) / "gone"
    served = serve("--graceful-timeout", "0.3", folder=folder)
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n")
        served.wait_for("^slow$")
        shutil.rmtree(folder)

        status, lines = served.stop()

    assert (status, after_banner(lines)) == (0, ["note: stopped after 0.3 s without waiting for 1 request: GET /slow"])


def test_streams_of_other_methods_have_the_grace(serve: Serve, write: Callable[..., Path]) -> None:
    """An event stream that answers a POST, and so has an end, is not cut while the grace lasts."""
    write({"main.py": STREAM.format(more="").replace("await asyncio.sleep(60)", FINISH)})
    served = serve()
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
        served.wait_for("streaming")

        served.send(signal.SIGTERM)

        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert b"data: 2" in answer
    assert answer.endswith(b"\r\n0\r\n\r\n")
    assert served.end()[0] == 0


def test_a_broken_deploy_leaves_the_workers_alone(serve: Serve, write: Callable[..., Path]) -> None:
    """A restart by SIGHUP with an app that cannot start keeps the workers that serve."""
    folder = write({"main.py": BARE})
    served = serve("--workers", "2")
    url = served.url
    (folder / "main.py").write_text("raise RuntimeError('broken')\napp = None\n")

    served.send(signal.SIGHUP)

    served.wait_for("note: a new worker cannot start: cannot load `main:app`: RuntimeError: broken")
    served.wait_for("note: the old workers go on")
    assert httpx.get(url).text == "ok"
    assert served.stop()[0] == 0


def test_replacements_that_never_start(serve: Serve, write: Callable[..., Path]) -> None:
    """A replacement that cannot start is tried again as long as others serve; when nobody is left it ends with 3."""
    folder = write({"main.py": BARE.replace('b"ok"', "str(__import__('os').getpid()).encode()")})
    served = serve("--workers", "2")
    first = int(httpx.get(served.url).text)
    (folder / "main.py").write_text("import os\nos._exit(7)\napp = None\n")

    os.kill(first, signal.SIGKILL)

    served.wait_for("note: a new worker cannot start: a worker ended before the app was ready")
    second = int(httpx.get(served.url, timeout=10).text)
    assert second != first
    os.kill(second, signal.SIGKILL)
    status, lines = served.end(within=40)
    assert status == 3
    assert lines[-1].startswith("error: a worker ended before the app was ready")


def test_strangers_cannot_hold_up_the_workers(serve: Serve, write: Callable[..., Path]) -> None:
    """Somebody else who connects to the workers' channel, and says nothing, changes nothing."""
    write({"main.py": f"import json, os, socket\n{CONNECT}\n{BARE}"})

    served = serve("--workers", "2")

    assert httpx.get(served.url).text == "ok"
    status, lines = served.stop()
    assert (status, after_banner(lines)) == (0, [])


def test_ready_worker_that_dies_is_replaced(serve: Serve, write: Callable[..., Path]) -> None:
    """A worker killed while it serves is started again, and the server goes on."""
    write({"main.py": BARE.replace('b"ok"', "str(__import__('os').getpid()).encode()")})
    served = serve("--workers", "2")
    pid = int(httpx.get(served.url).text)

    os.kill(pid, signal.SIGKILL)

    deadline = time.monotonic() + 20
    seen: set[int] = set()
    while len(seen) < 2 and time.monotonic() < deadline:
        seen |= {int(httpx.get(served.url, timeout=20).text)} - {pid}
    assert len(seen) == 2
    assert served.stop()[0] == 0


def test_workers_that_end_are_replaced_soon(serve: Serve, write: Callable[..., Path]) -> None:
    """Workers that end by themselves, all at once, are back within seconds.

    Uvicorn's supervisor waits for the answer to a ping from each, also from one that is just ending.
    """
    write({"main.py": BARE})
    served = serve("--workers", "2", "--max-requests", "2")

    deadline = time.monotonic() + 50
    answered = 0
    while answered < 16:
        assert time.monotonic() < deadline
        with contextlib.suppress(httpx.TransportError):
            answered += httpx.get(served.url, timeout=10).text == "ok"
        time.sleep(0.3)  # spread over the supervisor's rounds, one of which meets a worker that is ending
    assert served.stop()[0] == 0

"""What happens to processes that the app forks is no business of the server's."""

import os
import signal
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import Serve, Served, Write

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")

APP = """
import asyncio, multiprocessing, os, signal, sys, time
from concurrent.futures import ProcessPoolExecutor
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

fork = multiprocessing.get_context("fork")
children = []

def square(x):
    return x * x

def sleep():
    time.sleep(60)

def pool(request):
    with fork.Pool(2) as workers:  # its end sends SIGTERM to its children
        return PlainTextResponse(str(workers.map(square, [1, 2, 3])))

async def child(request):
    one = fork.Process(target=sleep)
    one.start()
    children.append(one)
    return PlainTextResponse(str(one.pid))

async def signalled(request):
    number = int(request.query_params["number"])
    one = fork.Process(target=sleep)
    one.start()
    await asyncio.sleep(0.3)
    os.kill(one.pid, number)
    await asyncio.to_thread(one.join, 10)
    return PlainTextResponse(str(one.exitcode))

async def plain(request):
    await asyncio.sleep(float(request.query_params.get("for", 0)))
    return PlainTextResponse("ok")

class Suspended:
    def __await__(self):
        yield

def go_on(how):
    if how == "exit":
        sys.exit(5)
    if how == "raise":
        raise ValueError("in the child")
    return PlainTextResponse("from the child")

def end_of(pid):
    return PlainTextResponse(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))

async def leave(request):
    pid, how = os.fork(), request.query_params["how"]
    if pid == 0:
        if how == "wait":
            await Suspended()
        return go_on(how)
    return await asyncio.to_thread(end_of, pid)

def thread(request):
    pid = os.fork()
    return go_on(request.query_params["how"]) if pid == 0 else end_of(pid)

async def to_thread(request):
    return await asyncio.to_thread(thread, request)

async def hold(request):
    one = fork.Process(target=sleep)
    one.start()
    children.append(one)
    return PlainTextResponse(str(one.pid), headers={"connection": "close"})

async def own(request):
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    return end_of(pid)

def raced(request):
    codes = set()
    for _ in range(50):
        pid = os.fork()
        if pid == 0:
            time.sleep(5)
            os._exit(0)
        os.kill(pid, signal.SIGTERM)
        codes.add(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    return PlainTextResponse(str(codes))

import contextlib
@contextlib.asynccontextmanager
async def lifespan(app):
    yield
    for one in children:
        one.kill()
    print("shutdown", file=sys.stderr, flush=True)

paths = {"/pool": pool, "/child": child, "/signalled": signalled, "/own": own, "/raced": raced, "/": plain}
paths |= {"/leave": leave, "/thread": thread, "/to-thread": to_thread, "/hold": hold}
app = Starlette(routes=[Route(path, call) for path, call in paths.items()], lifespan=lifespan)
"""
MODES = {
    "one process": ["--loop", "asyncio"],
    "uvloop": ["--loop", "uvloop"],
    "reload": ["--reload"],
    "workers": ["--workers", "2"],
}


@pytest.fixture(params=MODES)
def served(request: pytest.FixtureRequest, serve: Serve, write: Write) -> Served:
    """The app in each mode."""
    return serve("main:app", *MODES[request.param], folder=write({"main.py": APP}))


def ask(served: Served, path: str) -> str:
    """Return the text of an answer."""
    return httpx.get(f"{served.url}{path}", timeout=30).text


def test_pools(served: Served) -> None:
    """A pool of forked processes, whose end signals them, leaves the server as it was; it stops as ever."""
    assert [ask(served, "/pool") for _ in range(4)] == ["[1, 4, 9]"] * 4
    assert ask(served, "/own") == "7"
    assert ask(served, "/") == "ok"

    served.send(signal.SIGTERM)

    status, lines = served.end()
    assert (status, "shutdown" in lines) == (0, True)
    assert not [line for line in lines if "worker" in line and "ended" in line]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda it: it.name)
def test_a_child_that_is_signalled_ends(served: Served, number: signal.Signals) -> None:
    """A child that is sent a signal ends by it, and the server goes on without a word."""
    code = ask(served, f"/signalled?number={int(number)}")

    assert code == ("1" if number is signal.SIGINT else str(-number))  # Python ends with 1 after KeyboardInterrupt
    assert [ask(served, "/") for _ in range(4)] == ["ok"] * 4
    assert served.process.poll() is None


def test_a_child_that_is_signalled_at_once_ends(served: Served) -> None:
    """A signal is heeded, too, that comes before the child has forgotten the server's handlers."""
    assert ask(served, "/raced") == "{-15}"


@pytest.mark.parametrize(("how", "status"), [("exit", 5), ("raise", 1), ("wait", 3), ("return", 3)])
def test_a_child_that_goes_on(served: Served, how: str, status: int) -> None:
    """A child that leaves the app's code, or goes on in it, ends: it neither answers nor ends what its parent does."""
    answers = [ask(served, f"/leave?how={how}") for _ in range(3)]

    assert answers == [str(status)] * 3
    assert [ask(served, "/") for _ in range(4)] == ["ok"] * 4


@pytest.mark.parametrize("path", ["/thread", "/to-thread"])
def test_a_child_of_a_thread_that_goes_on(served: Served, path: str) -> None:
    """So does one that a thread has forked, as those in which frameworks run what is no coroutine."""
    for how, status in (("exit", 5), ("raise", 1), ("return", 3)):
        assert ask(served, f"{path}?how={how}") == str(status), how
    assert [ask(served, "/") for _ in range(4)] == ["ok"] * 4


def test_a_child_keeps_no_socket(served: Served) -> None:
    """A child that goes on keeps neither the connection open that it was forked in, nor the port."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as client:
        client.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    child = int(answer.rpartition(b"\r\n")[2])
    port = served.port
    served.send(signal.SIGKILL)
    deadline = time.monotonic() + 20

    while True:
        try:
            socket.create_server(("127.0.0.1", port)).close()
            break
        except OSError:
            assert time.monotonic() < deadline, "the port is still taken"
    os.kill(child, 0)


def test_one_ctrl_c_is_one(served: Served) -> None:
    """A Ctrl-C of the terminal's, which the app's children hear too, is one: the open request is answered."""
    ask(served, "/child")
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(ask(served, "/?for=1")))
    asking.start()
    time.sleep(0.5)

    served.ctrl_c()
    asking.join(20)

    assert answers == ["ok"]
    status, lines = served.end()
    assert status == 0
    assert "shutdown" in lines


AT_IMPORT = """
import multiprocessing, os, sys, time

statuses = []
for how in (lambda: sys.exit(0), lambda: sys.exit(4), lambda: 1 / 0):
    pid = os.fork()
    if pid == 0:
        how()
    statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

def sleep():
    time.sleep(60)

one = multiprocessing.get_context("fork").Process(target=sleep)
one.start()
time.sleep(0.3)
one.terminate()
one.join(10)
ended = one.exitcode
"""


@pytest.mark.parametrize("mode", MODES)
def test_a_child_at_import(serve: Serve, write: Write, mode: str) -> None:
    """A process that is forked while the app is imported, and ends or is ended, does not end the start."""
    app = APP + "\nasync def at_import(request):\n    return PlainTextResponse(f'{ended} {statuses}')\n"
    app += "paths['/at-import'] = at_import\napp = Starlette(routes=[Route(path, it) for path, it in paths.items()])\n"
    served = serve("main:app", *MODES[mode], folder=write({"main.py": AT_IMPORT + app}))

    assert ask(served, "/at-import") == "-15 [0, 4, 1]"


def test_a_child_at_import_that_goes_on(serve: Serve, write: Write) -> None:
    """A process that is forked while the app is imported, and imports it too, is not another server."""
    app = "import os\npid = os.fork()\n" + APP
    served = serve("main:app", folder=write({"main.py": app}))

    assert ask(served, "/") == "ok"
    served.send(signal.SIGTERM)
    status, lines = served.end()
    assert status == 0
    assert "error: a process that the app has forked went on as the server, and is ended" in lines


def test_a_child_at_import_leaves_the_socket(serve: Serve, write: Write, tmp_path: Path) -> None:
    """The file of a UNIX socket stays the server's when a child ends in the import."""
    served = serve("main:app", "--uds", "s", folder=write({"main.py": AT_IMPORT + APP}), port=None)
    served.wait_for("Ready")

    with httpx.Client(transport=httpx.HTTPTransport(uds=str(tmp_path / "s"))) as client:
        assert client.get("http://x/").text == "ok"


POOL = """
executor = ProcessPoolExecutor(1, mp_context=fork)

def squared(request):
    return PlainTextResponse(str(executor.submit(square, 3).result()))

paths["/squared"] = squared
app = Starlette(routes=[Route(path, call) for path, call in paths.items()], lifespan=lifespan)
"""


@pytest.mark.parametrize("mode", MODES)
def test_a_pool_that_stays_open(serve: Serve, write: Write, mode: str) -> None:
    """A pool of processes that the app has for as long as it lives ends with it, and holds nothing up."""
    served = serve("main:app", *MODES[mode], folder=write({"main.py": APP + POOL}))
    assert ask(served, "/squared") == "9"

    served.send(signal.SIGTERM)

    status, lines = served.end()
    assert (status, "shutdown" in lines) == (0, True)
    assert not [line for line in lines if "without waiting" in line]


def test_a_child_outlives_its_worker(serve: Serve, write: Write) -> None:
    """A worker that is killed is replaced, though a child of it goes on."""
    served = serve("main:app", "--workers", "2", folder=write({"main.py": APP + WHO}))
    worker = int(ask(served, "/parent"))
    deadline = time.monotonic() + 20

    os.kill(worker, signal.SIGKILL)

    served.wait_for(r"a worker ended \(killed by SIGKILL\) and is replaced")
    while ask(served, "/who") == str(worker):
        assert time.monotonic() < deadline


WHO = """
paths["/who"] = lambda request: PlainTextResponse(str(os.getpid()))

async def parent(request):
    await child(request)
    return PlainTextResponse(str(os.getpid()))

paths["/parent"] = parent
app = Starlette(routes=[Route(path, call) for path, call in paths.items()], lifespan=lifespan)
"""

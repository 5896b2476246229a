"""What happens to processes that the app forks is no business of the server's."""

import os
import signal
import threading
import time

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

async def own(request):
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    return PlainTextResponse(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))

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
import multiprocessing, time

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
    """A process that is forked and ended while the app is imported does not end the start."""
    app = APP + "\nasync def at_import(request):\n    return PlainTextResponse(str(ended))\n"
    app += "paths['/at-import'] = at_import\napp = Starlette(routes=[Route(path, it) for path, it in paths.items()])\n"
    served = serve("main:app", *MODES[mode], folder=write({"main.py": AT_IMPORT + app}))

    assert ask(served, "/at-import") == "-15"


def test_a_child_outlives_its_worker(serve: Serve, write: Write) -> None:
    """A worker that is killed is replaced, though a child of it goes on."""
    served = serve("main:app", "--workers", "2", folder=write({"main.py": APP + WHO}))
    worker = int(ask(served, "/parent"))
    deadline = time.monotonic() + 20

    os.kill(worker, signal.SIGKILL)

    served.wait_for("a worker ended, killed by SIGKILL and is replaced")
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

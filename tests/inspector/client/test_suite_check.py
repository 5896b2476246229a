"""`pytest --asgi-check`: apps are checked as they pass through test clients, and nothing else changes."""

import copy
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.client.suite_check import Suite, SuiteFinding

APPS = '''
class Quiet:
    """An app as it should be."""

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            raise RuntimeError("not here")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"hello"})


class Silent(Quiet):
    """An app that does not answer."""

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            raise RuntimeError("not here")


class Telling(Quiet):
    """An app that returns what it has sent."""

    async def __call__(self, scope, receive, send):
        await super().__call__(scope, receive, send)
        return "hello"
'''
HTTPX = """
import asyncio
import httpx
import pytest
from apps import Quiet, Silent, Telling


async def get(app):
    transport = httpx.ASGITransport(app)
    assert isinstance(transport.app, Quiet)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        return await client.get("/orders")


def test_quiet():
    assert asyncio.run(get(Quiet())).text == "hello"


def test_telling():
    assert asyncio.run(get(Telling())).text == "hello"
"""
SILENT = """

def test_silent():
    with pytest.raises(AssertionError):
        asyncio.run(get(Silent()))
"""
FRAMEWORKS = """
from litestar import Litestar, get
from litestar.testing import TestClient as LitestarClient
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from apps import Telling


def hello(request):
    return PlainTextResponse(request.app.state.name)


app = Starlette(routes=[Route("/", hello), Mount("/telling", Telling())])
client = TestClient(app)


def test_starlette():
    client.app.state.name = "hello"
    assert client.get("/").text == "hello"
    assert app.state.name == "hello" and client.app == app and isinstance(client.app, Starlette)


def test_mounted():
    with client:
        assert client.get("/telling").text == "hello"


@get("/")
async def page() -> str:
    return "hello"


def test_litestar():
    with LitestarClient(Litestar([page])) as client:
        assert client.get("/").text == "hello"
"""


def run(folder: Path, *options: str, **files: str) -> tuple[int, list[str]]:
    """Run pytest over some files; return its status, and the section with what was found."""
    for name, text in {"apps": APPS, **files}.items():
        (folder / f"{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "ignore", "--asgi-check", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert "passed" in done.stdout, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    begin = next((number for number, line in enumerate(lines) if "ASGI rules" in line), len(lines))
    return done.returncode, [line for line in lines[begin + 1 :] if line and not line.startswith("===")]


RETURNED = [
    "A-011 warning: the app has returned an object of `str`",
    "  http GET /orders",
    "  first in test_httpx.py::test_telling",
    "  An application returns None: its answer is what it sends. "
    "https://asgi.readthedocs.io/en/latest/specs/main.html#applications",
    "  To do: send the answer with `await send(...)`, and return nothing",
]


def test_a_warning(tmp_path: Path) -> None:
    """What is found comes at the end, with the first test that showed it; a warning fails nothing."""
    assert run(tmp_path, test_httpx=HTTPX) == (0, [*RETURNED, "2 apps checked: 0 errors, 1 warning"])


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["one process", "pytest-xdist"])
def test_an_error(tmp_path: Path, options: list[str]) -> None:
    """A run whose tests all pass fails where an app breaks the specification; in several processes, too."""
    status, lines = run(tmp_path, *options, test_httpx=HTTPX + SILENT)

    assert status == 1
    assert lines[:3] == [
        "A-155 error: the app has returned without an answer",
        "  http GET /orders",
        "  first in test_httpx.py::test_silent",
    ]
    assert lines[5:] == [*RETURNED, "3 apps checked: 1 error, 1 warning"]


def test_rules_that_are_left_out(tmp_path: Path) -> None:
    """A project says which rules are not for it where it configures pytest."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nasgi_ignore = A-011 A-15?\n")

    assert run(tmp_path, test_httpx=HTTPX + SILENT) == (0, ["3 apps checked: 0 errors, 0 warnings"])


def test_frameworks(tmp_path: Path) -> None:
    """Starlette's client, also one that is made when a module is imported, and Litestar's; the app is as it was."""
    status, lines = run(tmp_path, test_clients=FRAMEWORKS)

    assert status == 0
    assert lines[-1] == "2 apps checked: 0 errors, 0 warnings"


def test_the_most_serious_counts() -> None:
    """An error fails the run, whatever milder was found of its rule before; the test that shows it is named."""
    suite = Suite()
    found = [("info", "test_one"), ("warning", "test_two"), ("error", "test_three"), ("warning", "test_four")]
    suite.merge([("A-162", severity, "text", None, "http GET /", test, 1) for severity, test in found], apps=1)

    assert (suite.has_errors, suite.found["A-162"]) == (
        True,
        SuiteFinding("A-162", "error", "text", None, "http GET /", "test_three", times=4),
    )


async def an_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Do nothing."""


class Shop:
    """An app with something in it."""

    def __init__(self) -> None:
        self.goods = ["tea"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do nothing."""


def test_copies() -> None:
    """An app can be copied and pickled out of its client as if nobody was checking it."""
    shop = Shop()
    checked = Suite().checked(shop)

    assert (copy.copy(checked).goods is shop.goods, copy.deepcopy(checked).goods is shop.goods) == (True, False)
    assert type(pickle.loads(pickle.dumps(checked))) is Shop  # our own
    assert copy.copy(Suite().checked(an_app)) is an_app


def test_apps_are_counted_once() -> None:
    """An app in several clients is one app; another one is another, also where an earlier one was."""
    suite, shop = Suite(), Shop()
    for _ in range(3):
        suite.checked(shop)
        suite.checked(an_app)
        suite.checked(shop.__call__)
        suite.checked(Shop())

    assert suite.apps == 5


def test_without_it(tmp_path: Path) -> None:
    """Without the option no client is touched, and nothing is said."""
    (tmp_path / "apps.py").write_text(APPS)
    (tmp_path / "test_httpx.py").write_text(
        HTTPX.replace("isinstance(transport.app, Quiet)", "type(transport.app).__module__ == 'apps'")
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "ignore", "-q"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    assert re.sub(r"[\d.]+s", "T", done.stdout.splitlines()[-1]) == "2 passed in T"

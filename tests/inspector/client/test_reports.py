"""What a failing test of the user's shows: their own lines, and what the app did."""

import itertools
import re
from collections.abc import Callable

import pytest

pytest_plugins = ["pytester"]

Report = Callable[..., dict[str, list[str]]]

HEAD = """
import asyncio, pytest
from asgictl import demo


async def broken(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    if scope["path"] == "/hang":
        await asyncio.Event().wait()
    raise ValueError("asked for " + repr(scope["query_string"]))


@pytest.fixture(scope="module")
def client(asgi_inspect):
    with asgi_inspect(demo.app) as client:
        yield client


"""
OPTIONS = ("--tb=short", "-p", "no:asyncio", "-p", "no:cacheprovider", "-p", "no:faker")

# An endpoint of ours and of HTTP, which each exchange has.
PEER = "  127.0.0.1:50000  HTTP/1.1"


@pytest.fixture
def report(pytester: pytest.Pytester) -> Report:
    """Return what pytest says of each test in a file that fails, by its name; the times are zero."""

    def run(tests: str, *options: str) -> dict[str, list[str]]:
        pytester.makepyfile(test_shop=HEAD.lstrip() + tests)
        result = pytester.runpytest_subprocess(*OPTIONS, *options)
        assert result.errlines == []
        said: dict[str, list[str]] = {}
        for line in itertools.takewhile(lambda line: " short test summary info " not in line, result.outlines):
            if found := re.fullmatch(r"_{3,} (?:ERROR at )?(.*?) _{3,}", line):
                current = said.setdefault(found[1], [])
            elif said:
                current.append(re.sub(r"^-+ (.*?) -+$", r"-- \1", without_times(line)))
        return said

    return run


def without_times(line: str) -> str:
    """Return a line of a view as if all had happened at once."""
    return re.sub(r"  \d+\.\d m?s", "  0.0 ms", re.sub(r"^ +\d+\.\d ", "     0.0 ", line))


def line_of(tests: str, code: str) -> int:
    """Return the number of a line in the user's file."""
    return next(n for n, line in enumerate((HEAD.lstrip() + tests).splitlines(), start=1) if line.strip() == code)


def test_an_assertion(report: Report) -> None:
    """What the app did is shown below the assertion that failed, with secrets left out."""
    tests = """
def test_orders(client):
    secret = {"x-api-key": "hush", "cookie": "hush"}
    answer = client.put("/healthz?x-api-key=hush", headers=secret, json={"sku": "A1"})
    assert answer.status == 200
"""
    shown = report(tests)["test_orders"]

    assert shown[0] == f"test_shop.py:{line_of(tests, 'assert answer.status == 200')}: in test_orders"
    assert shown[shown.index("-- ASGI exchanges") :] == [
        "-- ASGI exchanges",
        "#0 lifespan",
        "     0.0 ◂ lifespan.startup",
        "     0.0 ▸ lifespan.startup.complete",
        f"#1 PUT /healthz?x-api-key=***  405 Method Not Allowed  0.0 ms{PEER}",
        "     0.0 ▸ http.response.start  405 Method Not Allowed, content-type: text/plain; charset=utf-8, "
        "content-length: 19",
        "     0.0 ▸ http.response.body   19 B  Method Not Allowed",
        "     0.0 ■ upload: 0 B of 13 B read",
    ]


def test_only_what_this_test_did(report: Report) -> None:
    """An app that a module keeps open shows nothing of the tests before, and nothing in a test that does without."""
    tests = """
def test_before(client):
    client.get("/healthz")

def test_this(client):
    with client.websocket("/ws") as websocket:
        websocket.send("hi")
        assert websocket.receive() == "ho"

def test_other():
    assert 0
"""
    shown = report(tests)

    assert list(shown) == ["test_this", "test_other"]
    assert shown["test_this"][shown["test_this"].index("-- ASGI exchanges") :] == [
        "-- ASGI exchanges",
        f"#2 WS /ws  closed 1000  0.0 ms{PEER}",
        "     0.0 ◂ websocket.connect",
        "     0.0 ▸ websocket.accept",
        "     0.0 ◂ websocket.receive    text 2 B  hi",
        "     0.0 ▸ websocket.send       text 2 B  hi",
        "     0.0 ◂ websocket.disconnect  1000",
    ]
    assert shown["test_other"] == [
        f"test_shop.py:{line_of(tests, 'assert 0')}: in test_other",
        "    assert 0",
        "E   assert 0",
    ]


def test_the_traceback_points_at_the_users_line(report: Report) -> None:
    """What comes out of a call is shown at that call, and where the app raised it: nothing of asgictl's own."""
    tests = """
def test_app(asgi_inspect):
    with asgi_inspect(broken) as client:
        client.get("/?x-api-key=hush")

def test_time(asgi_inspect):
    with asgi_inspect(broken, timeout=1) as client:
        client.delete("/hang")

def test_path(client):
    client.patch("nope")

def test_refused(client):
    with client.websocket("/nowhere") as websocket:
        pass

def test_stream(asgi_inspect):
    with asgi_inspect(broken) as client:
        with client.stream("POST", "/"):
            pass

async def entered(inspected):
    async with inspected as client:
        async with client.websocket("/"):
            pass

def test_async(asgi_inspect):
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(entered(asgi_inspect(broken)))
    finally:
        loop.close()
"""
    shown = report(tests)

    def at(code: str, test: str) -> list[str]:
        return [f"test_shop.py:{line_of(tests, code)}: in {test}", f"    {code}"]

    raise_line = 'raise ValueError("asked for " + repr(scope["query_string"]))'
    raised = at(raise_line, "broken")
    lifespan = ["-- ASGI exchanges", "#0 lifespan  0.0 ms", "     0.0 ■ not supported: NotImplementedError"]
    assert shown["test_app"] == [
        *at('client.get("/?x-api-key=hush")', "test_app"),
        *raised,
        "E   ValueError: asked for b'x-api-key=hush'",
        *lifespan,
        f"#1 GET /?x-api-key=***  500 Internal Server Error  0.0 ms{PEER}",
        f"     0.0 ✗ ValueError: asked for b'x-api-key=***  test_shop.py:{line_of(tests, raise_line)}",
    ]
    assert shown["test_time"] == [
        *at('client.delete("/hang")', "test_time"),
        "E   asgictl.inspector.client.call.LateError: the app has not sent anything for 1 s (/hang)",
        *lifespan,
        f"#1 DELETE /hang  0.0 ms{PEER}",
        "     0.0 ✗ cancelled",
    ]
    assert shown["test_path"][:3] == [
        *at('client.patch("nope")', "test_path"),
        "E   ValueError: 'nope' is not a path: it begins with a slash",
    ]
    assert shown["test_refused"][:3] == [
        *at('with client.websocket("/nowhere") as websocket:', "test_refused"),
        "E   asgictl.inspector.client.websocket.Refused: /nowhere: 403",
    ]
    assert shown["test_stream"][:5] == [
        *at('with client.stream("POST", "/"):', "test_stream"),
        *raised,
        "E   ValueError: asked for b''",
    ]
    assert [line for line in shown["test_async"] if not line.startswith(("/", "    return", "     "))] == [
        *at("loop.run_until_complete(entered(asgi_inspect(broken)))", "test_async"),
        *at('async with client.websocket("/"):', "entered"),
        *raised,
        "E   ValueError: asked for b''",
        *lifespan[:-1],
        f"#1 WS /  500 Internal Server Error  0.0 ms{PEER}",
    ]


def test_the_frames_of_frameworks(report: Report) -> None:
    """Of an app of FastAPI's its own frames are shown, of groups and causes too; --full-trace shows all of them."""
    tests = """
import anyio
from fastapi import FastAPI

fast = FastAPI()

@fast.get("/sync")
def sync():
    raise ValueError("sync")

@fast.get("/group")
async def group():
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bad)

async def bad():
    try:
        anyio.Path(0)
    except TypeError as error:
        raise ValueError("bad") from error

def test_sync(asgi_inspect):
    with asgi_inspect(fast) as client:
        client.get("/sync")

def test_group(asgi_inspect):
    with asgi_inspect(fast) as client:
        client.get("/group")
"""
    shown = report(tests)
    call, raising = 'client.get("/sync")', 'raise ValueError("sync")'

    assert shown["test_sync"][:5] == [
        f"test_shop.py:{line_of(tests, call)}: in test_sync",
        f"    {call}",
        f"test_shop.py:{line_of(tests, raising)}: in sync",
        f"    {raising}",
        "E   ValueError: sync",
    ]
    group = shown["test_group"][: shown["test_group"].index("-- ASGI exchanges")]
    assert [line.rpartition(" ")[2] for line in group if '  File "' in line] == ["test_group", "group", "bad", "bad"]
    whole = report(tests, "--full-trace")
    assert any("fastapi" in line for line in whole["test_sync"])
    assert any("anyio" in line for line in whole["test_group"] if '  File "' in line)


def test_many_exchanges(report: Report) -> None:
    """Of many exchanges the latest are shown, and how many there were before; two apps are told apart."""
    tests = """
def test_many(asgi_inspect):
    with asgi_inspect(broken) as one, asgi_inspect(broken) as other:
        for number in range(30):
            client = other if number == 29 else one
            with pytest.raises(ValueError):
                client.get(f"/{number}")
        assert 0
"""
    shown = report(tests)["test_many"]

    exchanges = [line.partition("  ")[0] for line in shown[3:] if not line.startswith("     ")]
    assert exchanges == [
        "-- ASGI exchanges",
        "… 12 earlier exchanges",
        "app 1",
        *(f"#{number + 1} GET /{number}" for number in range(10, 29)),
        "app 2",
        "#1 GET /29",
    ]


def test_an_exchange_that_goes_on(report: Report) -> None:
    """Of a WebSocket that an earlier test has opened, there is how it began, and what this test did."""
    tests = """
@pytest.fixture(scope="module")
def websocket(client):
    with client.websocket("/ws") as websocket:
        yield websocket

def test_before(websocket):
    websocket.send("before")
    websocket.receive()

def test_this(websocket):
    websocket.send("\\x1b[1mthis")
    assert websocket.receive() == "that"
"""
    shown = report(tests)["test_this"]

    assert shown[shown.index("-- ASGI exchanges") :] == [
        "-- ASGI exchanges",
        f"#1 WS /ws  101 Switching Protocols{PEER}",
        "     0.0 ▸ websocket.accept",
        "     0.0 ◂ websocket.receive    text 8 B  \\x1b[1mthis",
        "     0.0 ▸ websocket.send       text 8 B  \\x1b[1mthis",
    ]


@pytest.mark.parametrize("options", [(), ("-n", "1"), ("--color=yes",)], ids=["plain", "xdist", "colours"])
def test_startup_in_a_fixture(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    """An app that fails in a fixture shows why, with xdist too, and never in colours of its own."""
    pytester.makepyfile(
        test_shop=HEAD.lstrip()
        + """
async def failing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})

@pytest.fixture(scope="session")
def shop(asgi_inspect):
    with asgi_inspect(failing) as client:
        yield client

def test_shop(shop):
    pass
"""
    )
    lines = pytester.runpytest_subprocess(*OPTIONS, *options).outlines

    start = next(number for number, line in enumerate(lines) if " ASGI exchanges " in line)
    assert [without_times(line) for line in lines[start + 1 : start + 5]] == [
        "#0 lifespan",
        "     0.0 ◂ lifespan.startup",
        "     0.0 ▸ lifespan.startup.failed  message: no database",
        "     0.0 ■  0.0 ms, 2 messages",
    ]


def test_without_the_fixture(pytester: pytest.Pytester) -> None:
    """A project that does not use the fixture loads nothing of asgictl, whatever fails, and no hook of it runs."""
    pytester.makepyfile("""
        import sys

        def test_this():
            assert 0

        def test_loaded(pytestconfig):
            assert sorted(name for name in sys.modules if name.startswith("asgictl")) == [
                "asgictl", "asgictl.pytest_plugin"
            ]
            hooks = pytestconfig.hook.pytest_runtest_makereport.get_hookimpls()
            assert not [hook for hook in hooks if type(hook.plugin).__module__.startswith("asgictl")]
    """)

    pytester.runpytest_subprocess(*OPTIONS).assert_outcomes(passed=1, failed=1)

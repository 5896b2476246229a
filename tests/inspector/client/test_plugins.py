"""The fixture `asgi_inspect` beside the plugins that run tests with `async`."""

import importlib.util
import re
import sys
from types import SimpleNamespace

import pytest

from asgictl import demo
from asgictl.testing import Inspected

pytest_plugins = ["pytester"]

HEAD = """
import pytest
from asgictl import demo

async def ask(client):
    assert (await client.get("/healthz")).text == "ok\\n"

"""
OPTIONS = ("-W", "error", "-p", "no:cacheprovider", "-p", "no:faker")

SCOPES = ("function", "class", "module", "package", "session")


def needs(module: str) -> pytest.MarkDecorator:
    """Skip a test where a plugin is not installed."""
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"needs {module}")


@needs("pytest_asyncio")
@pytest.mark.parametrize(("mode", "options"), [("strict", ()), ("auto", ("-n", "1"))], ids=["strict", "auto, xdist"])
def test_pytest_asyncio(pytester: pytest.Pytester, mode: str, options: tuple[str, ...]) -> None:
    """In each mode and each scope of a loop, a client lives as long as its fixture; afterwards nothing is left."""
    tests = HEAD + "import pytest_asyncio\n"
    for scope in SCOPES:
        tests += f"""
@pytest.fixture(scope="{scope}")
def {scope}_client(asgi_inspect):
    with asgi_inspect(demo.app) as client:
        yield client

@pytest_asyncio.fixture(loop_scope="{scope}", scope="{scope}")
async def async_{scope}_client(asgi_inspect):
    async with asgi_inspect(demo.app) as client:
        yield client

class Test{scope.title()}:
    def test_sync(self, {scope}_client):
        assert {scope}_client.get("/healthz").status == 200

    @pytest.mark.asyncio(loop_scope="{scope}")
    async def test_async(self, async_{scope}_client):
        await ask(async_{scope}_client)
"""
    pytester.makepyfile(tests)

    scope = "asyncio_default_fixture_loop_scope=function"
    result = pytester.runpytest_subprocess(*OPTIONS, f"--asyncio-mode={mode}", "-o", scope, *options)

    result.assert_outcomes(passed=2 * len(SCOPES))
    assert result.errlines == []


def test_anyio(pytester: pytest.Pytester) -> None:
    """Tests under anyio's plugin have clients of their own and of fixtures, with `async` and without."""
    pytester.makepyfile(
        HEAD
        + """
pytestmark = pytest.mark.anyio

@pytest.fixture(scope="session", params=["asyncio"])
def anyio_backend(request):
    return request.param

@pytest.fixture(scope="module")
async def client(asgi_inspect):
    async with asgi_inspect(demo.app) as client:
        yield client

async def test_client(client):
    await ask(client)

async def test_with(asgi_inspect):
    async with asgi_inspect(demo.app) as client:
        await ask(client)

def test_blocking(asgi_inspect):
    with asgi_inspect(demo.app) as client:
        assert client.get("/healthz").status == 200
"""
    )

    result = pytester.runpytest_subprocess(*OPTIONS, "-p", "no:asyncio")

    result.assert_outcomes(passed=3)
    assert result.errlines == []


def test_another_loop(asgi_inspect: type[Inspected], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a test runs on no loop of asyncio's, as under trio, one sentence says what to do, and nothing is left."""
    use = re.escape('apps are run with asyncio, and this test is not: have a fixture `anyio_backend` return "asyncio"')

    async def main() -> None:
        async with asgi_inspect(demo.app):
            raise AssertionError("it runs")

    with pytest.raises(RuntimeError, match=use):
        main().send(None)
    monkeypatch.setitem(sys.modules, "trio", SimpleNamespace(lowlevel=SimpleNamespace(current_task=object)))
    with pytest.raises(RuntimeError, match=use), asgi_inspect(demo.app):
        pass

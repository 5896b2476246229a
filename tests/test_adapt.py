"""One ASGI 3 application from whatever the user has."""

import asyncio
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asgictl import adapt
from asgictl.errors import AppLoadError
from asgictl.target import AppRef

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _forget_modules() -> Iterator[None]:
    """Leave `sys.path` and the imported modules as they were."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] in ("made", "broken"):
            del sys.modules[name]


def ref(folder: Path, attribute: str, module: str = "made") -> AppRef:
    """Name an object in a module of the test's."""
    return AppRef(module=module, attribute=attribute, found="as named", path=(str(folder),))


def kind_of(folder: Path, attribute: str, **how: Any) -> str:
    """Return what the object is found to be."""
    return adapt.adapt(ref(folder, attribute), adapt.Adaptation(**how)).kind


OBJECTS = """
import functools
async def asgi3(scope, receive, send): ...
class Asgi3:
    async def __call__(self, scope, receive, send): ...
asgi3_object = Asgi3()
asgi3_partial = functools.partial(asgi3)
asgi3_lambda = lambda scope, receive, send: asgi3(scope, receive, send)
asgi3_any = lambda *arguments: asgi3(*arguments)
def asgi2(scope):
    async def run(receive, send): ...
    return run
class Asgi2:
    def __init__(self, scope): ...
    async def __call__(self, receive, send): ...
def wsgi(environ, start_response): ...
class Wsgi:
    def __call__(self, environ, start_response): ...
wsgi_object = Wsgi()
def factory(debug=False, **options): return asgi3
class WsgiClass:
    def __init__(self, environ, start_response): ...
    def __iter__(self): ...
factory_partial = functools.partial(factory, debug=True)
class Holder:
    app = asgi3
held = Holder()
"""

KINDS = {
    "asgi3": "ASGI",
    "asgi3_object": "ASGI",
    "asgi3_partial": "ASGI",
    "asgi3_lambda": "ASGI",
    "asgi3_any": "ASGI",
    "Asgi3": "ASGI",
    "asgi2": "ASGI 2",
    "Asgi2": "ASGI 2",
    "wsgi": "WSGI",
    "wsgi_object": "WSGI",
    "Wsgi": "WSGI",
    "factory": "ASGI",
    "factory_partial": "ASGI",
    "WsgiClass": "WSGI",
    "held.app": "ASGI",
}


@pytest.mark.parametrize("attribute", KINDS)
def test_tells_interfaces_apart(write: Write, attribute: str) -> None:
    """The signature tells what an unknown object is."""
    assert kind_of(write({"made.py": OBJECTS}), attribute) == KINDS[attribute]


FRAMEWORKS = {
    "from fastapi import FastAPI as App": "FastAPI",
    "from starlette.applications import Starlette as App": "Starlette",
    "from litestar import Litestar as App": "Litestar",
    "from falcon.asgi import App": "Falcon",
    "from falcon import App": "Falcon WSGI",
    "from blacksheep import Application as App": "BlackSheep",
    "from bottle import Bottle as App": "Bottle",
    "from quart import Quart\nApp = lambda: Quart('made')": "Quart",
    "from flask import Flask\nApp = lambda: Flask('made')": "Flask",
    "from fastapi import FastAPI\nclass App(FastAPI): ...": "FastAPI",
}


@pytest.mark.parametrize("source", FRAMEWORKS)
def test_names_the_framework(write: Write, source: str) -> None:
    """The class tells the framework: Quart before Flask, FastAPI before Starlette."""
    assert kind_of(write({"made.py": f"{source}\napp = App()\n"}), "app") == FRAMEWORKS[source]


def test_the_interface_can_be_forced(write: Write) -> None:
    """`--interface` overrides what the signature says."""
    assert kind_of(write({"made.py": OBJECTS}), "asgi3", interface="wsgi") == "WSGI"


def test_a_factory_can_be_forced(write: Write) -> None:
    """`--factory` calls what would otherwise be taken for the application."""
    folder = write({"made.py": "from starlette.applications import Starlette as app\n"})

    assert kind_of(folder, "app", factory=True) == "Starlette"


def test_asgi2_gets_its_two_calls(write: Write) -> None:
    """An ASGI 2 class is made with the scope and called with receive and send."""
    source = """
class App:
    def __init__(self, scope):
        self.scope = scope
    async def __call__(self, receive, send):
        await send(self.scope)
"""
    app = adapt.adapt(ref(write({"made.py": source}), "App"), adapt.Adaptation()).app
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app({"type": "http"}, None, send))  # type: ignore[arg-type]

    assert sent == [{"type": "http"}]


BROKEN = {
    "made:app": ("raise RuntimeError('one\\ntwo')", "cannot load `made:app`: RuntimeError: one two (made.py:1)"),
    "made:app.x": ("class app: ...", "`made:app` has no attribute `x`"),
    "made:none": ("none = None", "`made:none` is not an application: NoneType cannot be called"),
    "made:make": ("async def make(): ...", "the factory `made:make` is async"),
    "made:create_app": (
        "def create_app(config): ...",
        (
            "the factory `made:create_app` failed: TypeError:"
            " create_app() missing 1 required positional argument: 'config'"
        ),
    ),
    "made:odd": ("def odd(config): ...", "`made:odd` takes (config), which is neither ASGI nor WSGI"),
    "made:bare": ("def bare(): raise ValueError", "the factory `made:bare` failed: ValueError (made.py:1)"),
    "made:syntax": ("import broken", "cannot load `made:syntax`: SyntaxError: invalid syntax (broken.py:2)"),
    "made:aio": (
        "class Application: ...\nApplication.__module__ = 'aiohttp.web_app'\naio = Application()",
        "`made:aio` (aiohttp) is neither ASGI nor WSGI",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_loaded(write: Write, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The error names the object, what went wrong, and the user's own file and line."""
    source, message = BROKEN[name]
    folder = write({"made.py": source, "broken.py": "x = 1\nx =\n"})
    monkeypatch.chdir(folder)

    with pytest.raises(AppLoadError) as caught:
        adapt.adapt(ref(folder, name.partition(":")[2]), adapt.Adaptation())

    assert caught.value.message == message


def test_a_name_that_is_taken(write: Write) -> None:
    """A file with the name of a module that is there already is not mistaken for it."""
    file = write({"json.py": "app = 5\n"}) / "json.py"

    with pytest.raises(AppLoadError) as caught:
        adapt.load(ref(file.parent, "app", "json")._replace(file=file))

    assert caught.value.message == (
        f"`{file}` cannot be imported: the name `json` belongs to `{sys.modules['json'].__file__}`"
    )


def test_a_factory_that_cannot_be_called(write: Write) -> None:
    """`--factory` with something that is none says so."""
    folder = write({"made.py": "app = 5\n"})

    with pytest.raises(AppLoadError) as caught:
        adapt.adapt(ref(folder, "app"), adapt.Adaptation(factory=True))

    assert (caught.value.message, caught.value.hint) == (
        "`made:app` is not a factory: int cannot be called",
        "drop --factory",
    )


def test_the_projects_own_environment_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is missing because asgictl runs in another environment is told as that."""
    folder = write({"made.py": "import nosuchdep\n", ".venv/pyvenv.cfg": ""})
    monkeypatch.chdir(folder)

    with pytest.raises(AppLoadError) as caught:
        adapt.adapt(ref(folder, "app"), adapt.Adaptation())

    assert caught.value.hint == (
        f"asgictl runs in `{sys.prefix}`, not in the project's `.venv`: install and start asgictl there"
    )


def test_the_users_own_place_is_named() -> None:
    """Of a stack, the innermost line that belongs to no library is named."""
    here = str(Path(__file__))
    library = functools.__file__

    assert adapt.users_place([(here, 1), (library, 2)]) == f"{Path(here).relative_to(Path.cwd())}:1"
    assert adapt.users_place([(library, 2)]) is None

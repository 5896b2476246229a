"""One ASGI 3 application from whatever the user has."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from asgictl import adapt
from asgictl.discovery import AppRef
from asgictl.errors import AppLoadError
from tests.conftest import Write


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
def unsigned(*arguments): return asgi3(*arguments)
unsigned.__signature__ = 5
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
    "unsigned": "ASGI",
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


STACK = None  # who shows it adds how to see the whole stack
NOT_AN_APP = "name the application object, not a module or a setting"
NEITHER = "pass --interface if it is one, or name a factory that needs no arguments"
LITERALS = "name it with literals for its arguments, like `module:create_app('dev')`"
FASTAPI = "from fastapi import FastAPI"
BROKEN: dict[str, tuple[str, str, str | None]] = {
    "made:app": ("raise RuntimeError('one\\ntwo')", "cannot load `made:app`: RuntimeError: one two (made.py:1)", STACK),
    "made:app.x": ("class app: ...", "`made:app` has no attribute `x`", "it was read from `{}/made.py`"),
    "made:ap": ("app = 5", "`made` has no attribute `ap`", "did you mean `made:app`?"),
    "made:api": (f"{FASTAPI}\nweb = FastAPI()\nx = 1", "`made` has no attribute `api`", "did you mean `made:web`?"),
    "made:web.y": (f"{FASTAPI}\nweb = FastAPI()", "`made:web` has no attribute `y`", "did you mean `made:web`?"),
    "made:holder.ap": (
        "class holder: app = 5",
        "`made:holder` has no attribute `ap`",
        "did you mean `made:holder.app`?",
    ),
    "made:_x": ("_xx = 5", "`made` has no attribute `_x`", "it was read from `{}/made.py`"),
    "made:none": ("none = None", "`made:none` is not an application: NoneType cannot be called", NOT_AN_APP),
    "made:make": (
        "async def make(): ...",
        "the factory `made:make` is async",
        "make it a plain function, and do what has to be awaited in the lifespan",
    ),
    "made:create_app": (
        "def create_app(config): ...",
        (
            "the factory `made:create_app` failed: TypeError:"
            " create_app() missing 1 required positional argument: 'config'"
        ),
        LITERALS,
    ),
    "made:make_app": (
        "def make_app(): len(5)",
        "the factory `made:make_app` failed: TypeError: object of type 'int' has no len() (made.py:1)",
        STACK,
    ),
    "made:exits": (
        "import sys\ndef exits(): sys.exit(5)",
        "the factory `made:exits` failed: the app called `sys.exit(5)` (made.py:2)",
        STACK,
    ),
    "made:empty": ("def empty(): ...", "the factory `made:empty` returned None", "have it return the app"),
    "made:odd": ("def odd(config): ...", "`made:odd` takes (config), which is neither ASGI nor WSGI", NEITHER),
    "made:four": (
        "def four(a, b, c, d): ...",
        "`made:four` takes (a, b, c, d), which is neither ASGI nor WSGI",
        NEITHER,
    ),
    "made:words": (
        "class Words:\n    def __call__(self, *, a): ...\nwords = Words()",
        "`made:words` takes (a), which is neither ASGI nor WSGI",
        NEITHER,
    ),
    "made:nought": (
        "class Nought:\n    def __call__(self): ...\nnought = Nought()",
        "`made:nought` takes (), which is neither ASGI nor WSGI",
        NEITHER,
    ),
    "made:bare": ("def bare(): raise ValueError", "the factory `made:bare` failed: ValueError (made.py:1)", STACK),
    "made:syntax": ("import broken", "cannot load `made:syntax`: SyntaxError: invalid syntax (broken.py:2)", STACK),
    "made:compiled": (
        "raise SyntaxError('by hand')",
        "cannot load `made:compiled`: SyntaxError: by hand (made.py:1)",
        STACK,
    ),
    "made:ctrl_c": ("raise KeyboardInterrupt", "cannot load `made:ctrl_c`: KeyboardInterrupt (made.py:1)", STACK),
    "made:aio": (
        "class Application: ...\nApplication.__module__ = 'aiohttp.web_app'\naio = Application()",
        "`made:aio` (aiohttp) is neither ASGI nor WSGI",
        "it has a server of its own: start it with `python made`",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_loaded(write: Write, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The error names the object, what went wrong, and the user's own file and line."""
    source, message, hint = BROKEN[name]
    folder = write({"made.py": source, "broken.py": "x = 1\nx =\n"})
    monkeypatch.chdir(folder)

    with pytest.raises(AppLoadError) as caught:
        adapt.adapt(ref(folder, name.partition(":")[2]), adapt.Adaptation())

    assert (caught.value.message, caught.value.hint) == (message, hint and hint.format(folder))


# How it is to be adapted, and what is wrong with that.
FORCED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "another interface": (
        f"{FASTAPI}\napp = FastAPI()",
        {"interface": "wsgi"},
        "`made:app` is an app of FastAPI, whose interface is asgi3, not wsgi",
        "drop --interface",
    ),
    "an object for a factory": (
        f"{FASTAPI}\napp = FastAPI()",
        {"factory": True},
        "`made:app` is an object, not a factory",
        "drop --factory, or the brackets",
    ),
    "a number for a factory": (
        "app = 5",
        {"factory": True},
        "`made:app` is not a factory: int cannot be called",
        "drop --factory",
    ),
}


@pytest.mark.parametrize("case", FORCED)
def test_what_cannot_be_forced(write: Write, case: str) -> None:
    """What is asked for and cannot be is refused with what to leave out."""
    source, how, message, hint = FORCED[case]
    folder = write({"made.py": source})

    with pytest.raises(AppLoadError) as caught:
        adapt.adapt(ref(folder, "app"), adapt.Adaptation(**how))

    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_who_has_named_it(write: Write) -> None:
    """A name that is not there is told with the place that names it, unless it is the command line."""
    folder = write({"made.py": "app = 5\n"})

    with pytest.raises(AppLoadError) as caught:
        adapt.load(ref(folder, "ap")._replace(found="named in pyproject.toml"))

    assert caught.value.message == "`made` has no attribute `ap` (named in pyproject.toml)"


def test_brackets_behind_what_is_no_factory(write: Write) -> None:
    """Brackets behind what cannot be called are to be left out."""
    folder = write({"made.py": "app = 5\n"})

    with pytest.raises(AppLoadError) as caught:
        adapt.adapt(ref(folder, "app")._replace(factory=True, arguments="1"), adapt.Adaptation())

    assert (caught.value.message, caught.value.hint) == (
        "`made:app(1)` is not a factory: int cannot be called",
        "did you mean `made:app`?",
    )


def test_the_arguments_of_a_factory(write: Write) -> None:
    """Literals in the brackets are what the factory gets."""
    source = """
from starlette.applications import Starlette
def make(*args, **words):
    app = Starlette()
    app.got = args, words
    return app
"""
    folder = write({"made.py": source})
    arguments = "1, 'two', [3.5, None], dev=True, sizes={'a': -1}"

    app: Any = adapt.adapt(ref(folder, "make")._replace(factory=True, arguments=arguments), adapt.Adaptation()).app

    assert app.got == ((1, "two", [3.5, None]), {"dev": True, "sizes": {"a": -1}})


def test_the_path_of_the_app(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app is imported from its own places first, in their order, and settings that are named already stay."""
    folder = write({"one/made.py": "app = 1", "two/made.py": "app = 2"})
    reference = AppRef(
        module="made", attribute="app", found="as named", path=(str(folder / "two"), str(folder / "one")), settings="s"
    )
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mine")

    assert adapt.load(reference) == 2
    assert sys.path[:2] == [str(folder / "two"), str(folder / "one")]
    assert os.environ["DJANGO_SETTINGS_MODULE"] == "mine"
    adapt.load(reference)
    assert sys.path.count(str(folder / "one")) == 1
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    adapt.load(reference)
    assert os.environ["DJANGO_SETTINGS_MODULE"] == "s"


def test_the_stack_of_a_failure(write: Write) -> None:
    """The whole stack is kept for who wants to see it."""
    folder = write({"made.py": "1 / 0\n"})

    with pytest.raises(AppLoadError) as caught:
        adapt.load(ref(folder, "app"))

    assert caught.value.failure is not None
    lines = caught.value.failure.traceback.splitlines()
    assert (lines[0], lines[-1]) == ("Traceback (most recent call last):", "ZeroDivisionError: division by zero")
    assert f'  File "{folder}/made.py", line 1, in <module>' in lines


def test_a_module_that_the_settings_name(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is not there is shown where the project's settings name it."""
    folder = write({"made.py": "import made_settings\nimport nosuch.apps\n"})
    (folder / "made_settings.py").write_text("X = 1\nINSTALLED_APPS = [\n    'nosuchly', 'nosuch.apps',\n]\n")
    monkeypatch.chdir(folder)
    reference = ref(folder, "app")._replace(settings="made_settings")

    with pytest.raises(AppLoadError) as caught:
        adapt.load(reference)

    sys.modules.pop("made_settings", None)
    assert caught.value.message == (
        "cannot load `made:app`: ModuleNotFoundError: No module named 'nosuch' (made_settings.py:3)"
    )


def test_wsgi(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """A WSGI app runs in as many threads as are wanted, and what it says of errors goes to stderr."""
    source = """
import threading
from tests.conftest import Write
together = threading.Barrier(3, timeout=20)
def app(environ, start_response):
    together.wait()
    environ["wsgi.errors"].write("said\\n")
    start_response("200 OK", [("content-type", "text/plain")])
    return [environ["PATH_INFO"].encode()]
"""
    made = adapt.adapt(ref(write({"made.py": source}), "app"), adapt.Adaptation(wsgi_threads=3)).app

    async def main() -> list[str]:
        transport = httpx.ASGITransport(made)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answers = await asyncio.gather(*(client.get(f"/{number}") for number in range(3)))
        return [answer.text for answer in answers]

    assert asyncio.run(main()) == ["/0", "/1", "/2"]
    assert capsys.readouterr().err == "said\n" * 3


def test_a_name_that_is_taken(write: Write) -> None:
    """A file with the name of a module that is there already is not mistaken for it."""
    file = write({"json.py": "app = 5\n"}) / "json.py"

    with pytest.raises(AppLoadError) as caught:
        adapt.load(ref(file.parent, "app", "json")._replace(file=file))

    assert caught.value.message == (
        f"`{file}` cannot be imported: the name `json` belongs to `{sys.modules['json'].__file__}`"
    )
    assert caught.value.hint == "rename it, or put it into a package"


def test_the_projects_own_environment_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is missing because asgictl runs in another environment is told as that."""
    folder = write({"made.py": "import nosuchdep\n", ".venv/pyvenv.cfg": ""})
    monkeypatch.chdir(folder)

    with pytest.raises(AppLoadError) as caught:
        adapt.adapt(ref(folder, "app"), adapt.Adaptation())

    assert caught.value.hint == (
        f"asgictl runs in `{sys.prefix}`, not in the project's `.venv`: install and start asgictl there"
    )


def test_a_task_at_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is started on the event loop while the app is imported is told where it belongs."""
    code = "import asyncio\nwork = asyncio.sleep(1)\ntry:\n    asyncio.create_task(work)\nfinally:\n    work.close()\n"
    (tmp_path / "starts_a_task.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    ref = AppRef(module="starts_a_task", attribute="app", found="as named", path=(str(tmp_path),))
    monkeypatch.setattr(sys, "path", [*sys.path])

    with pytest.raises(AppLoadError) as caught:
        adapt.load(ref)

    assert caught.value.message == (
        "cannot load `starts_a_task:app`: RuntimeError: no running event loop (starts_a_task.py:4)"
    )
    assert caught.value.hint == "no event loop runs while the app is imported: start it in the lifespan's startup"

"""What a Python file offers to serve, by what its names are bound to: each way to write it, and its neighbour."""
# ruff: noqa: E501  # one case a line reads better

import pytest

from asgictl.discovery.source import modules
from asgictl.discovery.source.offers import Reader
from tests.conftest import Write

FASTAPI = "from fastapi import FastAPI\n"
FLASK = "from flask import Flask\n"

# The source of a file, and what it offers: the name, whether it is called, and what it is known to be.
OFFERED: dict[str, tuple[str, list[str]]] = {
    "functions": ("async def app(scope, receive, send): ...\n", ["app: asgi3"]),
    "functions with other words": ("async def app(a, b, c): ...\n", ["app: asgi3"]),
    "functions with other words and name": ("async def web(a, b, c): ...\n", []),
    "functions of the usual words": ("async def web(scope, receive, send): ...\n", ["web: asgi3"]),
    "positional words": ("async def web(scope, receive, send, /): ...\n", ["web: asgi3"]),
    "functions with too many": ("async def app(scope, receive, send, more): ...\n", ["app: -"]),
    "functions with defaults": ("async def app(scope, receive, send=None): ...\n", ["app: -"]),
    "plain functions of three": ("def app(scope, receive, send): ...\n", ["app: -"]),
    "WSGI": ("def app(environ, start_response): ...\n", ["app: wsgi"]),
    "WSGI in short": ("def app(e, s): ...\ndef api(env, start): ...\n", ["app: wsgi", "api: wsgi"]),
    "WSGI with underscores": ("def app(_environ, _start): ...\n", ["app: wsgi"]),
    "WSGI by its words": ("def web(environ, start_response): ...\n", ["web: wsgi"]),
    "WSGI in short, of another name": ("def web(e, s): ...\n", []),
    "two other words": ("def app(request, response): ...\n", ["app: -"]),
    "an async function of two": ("async def app(environ, start_response): ...\n", ["app: -"]),
    "Lambda": ("def app(event, context): ...\n", []),
    "werkzeug's decorator": ("from werkzeug import Request\n@Request.application\ndef app(request): ...\n", ["app: wsgi"]),
    "WebOb's decorator": ("from webob.dec import wsgify\n@wsgify\ndef app(request): ...\n", ["app: wsgi"]),
    "werkzeug's decorator on another name": ("from werkzeug import Request\n@Request.application\ndef web(request): ...\n", []),
    "WebOb's decorator with words": ("from webob.dec import wsgify\n@wsgify(RequestClass=X)\ndef app(request): ...\n", ["app: wsgi"]),
    "another decorator": (FASTAPI + "@thing\ndef create_app(): return FastAPI()\n", []),
    "a cached factory": (FASTAPI + "from functools import cache, lru_cache\n@cache\ndef a(): return FastAPI()\n@lru_cache(maxsize=1)\ndef b(): return FastAPI()\n", ["a(): FastAPI asgi3", "b(): FastAPI asgi3"]),
    "ASGI 2": ("class App:\n    def __init__(self, scope): ...\napp = App\n", ["app: asgi2"]),
    "ASGI 2 as a class": ("class app:\n    def __init__(self, scope): ...\n", ["app: asgi2"]),
    "a class of WSGI": ("class app:\n    def __init__(self, environ, start_response): ...\n", ["app: wsgi"]),
    "a class with other words": ("class App:\n    def __init__(self, config): ...\nweb = App\n", []),
    "an object of ASGI": ("class A:\n    async def __call__(self, scope, receive, send): ...\nweb = A()\n", ["web: asgi3"]),
    "an object of WSGI": ("class A:\n    def __call__(self, environ, start_response): ...\nweb = A()\n", ["web: wsgi"]),
    "an object of ASGI 2": ("class A:\n    def __call__(self, scope): ...\nweb = A()\n", ["web: asgi2"]),
    "an object that is called otherwise": ("class A:\n    def __call__(self, x): ...\nweb = A()\n", []),
    "an object that is not called": ("class A: ...\nweb = A()\n", []),
    "an object of a subclass": (FLASK + "class A(Flask): ...\nclass B(A): ...\nweb = B('x')\n", ["web: Flask wsgi"]),
    "an object of what is none": ("from typer import Typer\nclass A(Typer):\n    def __call__(self, scope): ...\nweb = A()\n", []),
    "one of two": (FASTAPI + "web = FastAPI() if x else None\nsite = None or FastAPI()\n", ["web: FastAPI asgi3", "site: FastAPI asgi3"]),
    "the other of two": (FASTAPI + "web = wrap(x) if x else FastAPI()\n", ["web: FastAPI asgi3"]),
    "what was awaited": (FASTAPI + "async def make(): return FastAPI()\nweb = await make()\n", ["web: FastAPI asgi3"]),
    "a walrus": (FASTAPI + "web = (site := FastAPI())\n", ["web: FastAPI asgi3"]),
    "a walrus in while": (FASTAPI + "while (web := FastAPI()): break\n", ["web: FastAPI asgi3"]),
    "a walrus alone": (FASTAPI + "(web := FastAPI())\n", ["web: FastAPI asgi3"]),
    "text": ("app = 'x'\napi = f'{x}'\napplication = ['x']\n", []),
    "a table": ("app = {}\napi = ()\napplication = {1}\n", []),
    "an expression": ("app = 1 + 2\napi = not 1\napplication = 1 < 2\n", []),
    "a comprehension": ("app = [x for x in y]\napi = {x: x for x in y}\napplication = {x for x in y}\n", []),
    "a lambda": ("app = lambda: 5\n", []),
    "an object of anybody's": ("from x import y\napp = y()\nweb = y()\n", ["app: -"]),
    "a part of anybody's": ("import x\napp = x.y.z\napi = x['y']\n", ["app: -", "api: -"]),
    "a private name": (FASTAPI + "_app = FastAPI()\ndef _make() -> FastAPI: ...\n", []),
    "an imported name": ("from elsewhere import app, web\n", ["app: -"]),
    "a module": ("import app\nimport api as application\n", []),
    "an exception's": (FASTAPI + "try:\n    app = FastAPI()\nexcept ImportError:\n    app = None\nelse:\n    a = FastAPI()\nfinally:\n    b = FastAPI()\n", ["app: FastAPI asgi3", "a: FastAPI asgi3", "b: FastAPI asgi3"]),
    "an exception's alone": (FASTAPI + "try: ...\nexcept ImportError:\n    web = FastAPI()\n", ["web: FastAPI asgi3"]),
    "another branch": (FASTAPI + "if x: ...\nelif y:\n    web = FastAPI()\nelse:\n    site = FastAPI()\n", ["web: FastAPI asgi3", "site: FastAPI asgi3"]),
    "the end of a loop": (FASTAPI + "for x in y: ...\nelse:\n    web = FastAPI()\nwhile x: ...\nelse:\n    site = FastAPI()\n", ["web: FastAPI asgi3", "site: FastAPI asgi3"]),
    "a loop's own": ("for app in x: ...\n", []),
    "for type checkers": (FASTAPI + "import typing\nif TYPE_CHECKING:\n    a = FastAPI()\nif typing.TYPE_CHECKING:\n    b = FastAPI()\nelse:\n    c = FastAPI()\n", ["c: FastAPI asgi3"]),
    "in a script": (FASTAPI + "if '__main__' == __name__:\n    a = FastAPI()\nif __name__ in ('__main__',):\n    b = FastAPI()\nif __name__ != '__main__':\n    c = FastAPI()\nif __name__ not in ['__main__']:\n    d = FastAPI()\n", ["c: FastAPI asgi3", "d: FastAPI asgi3"]),
    "in a script or otherwise": (FASTAPI + "if __name__ == '__main__' or x:\n    a = FastAPI()\nif __name__ == '__main__' or __name__ == '__mp_main__':\n    b = FastAPI()\n", ["a: FastAPI asgi3"]),
    "several at once": (FASTAPI + "a = b = FastAPI()\n", ["a: FastAPI asgi3", "b: FastAPI asgi3"]),
    "side by side": (FASTAPI + "a, (b, c) = FastAPI(), (5, FastAPI())\n[d, e] = make()\n", ["a: FastAPI asgi3", "c: FastAPI asgi3"]),
    "by name alone": (FASTAPI + "web: FastAPI\n", []),
    "set by a function": ("app = None\napi = None\ndef f():\n    global app\n    app = make()\n", ["app: -"]),
    "a factory's result": (FASTAPI + "def make(x, *, y): return FastAPI()\nweb = make(1, y=2)\n", ["web: FastAPI asgi3"]),
    "a factory that needs something": (FASTAPI + "def make(x): return FastAPI()\n", []),
    "a factory that yields": (FASTAPI + "def make():\n    yield FastAPI()\n", []),
    "a factory's inner function": (FASTAPI + "def make():\n    def inner(): return FastAPI()\n    return 5\n", []),
    "a factory with branches": (FASTAPI + "def make():\n    if x:\n        return None\n    try:\n        return FastAPI()\n    except E:\n        return None\n", ["make(): FastAPI asgi3"]),
    "a factory that wraps": (FASTAPI + "def create_app():\n    app = FastAPI()\n    return wrap(app)\n", ["create_app(): FastAPI asgi3"]),
    "a factory that says nothing": ("def create_app(): ...\ndef make(): ...\n", ["create_app(): -"]),
    "a factory that returns nothing": ("def create_app():\n    x = 5\n", []),
    "an async factory": (FASTAPI + "async def create_app(): return FastAPI()\n", []),
    "an annotation for another thing": (FASTAPI + "def create_app() -> int: return FastAPI()\n", ["create_app(): FastAPI asgi3"]),
    "an annotation with a part": (FASTAPI + "def make() -> FastAPI[int]: ...\n", ["make(): FastAPI asgi3"]),
    "what was mounted": (FASTAPI + "a = FastAPI()\nb = FastAPI()\nc = FastAPI()\na.mount('/b', b)\na.mount(path='/c', app=c)\n", ["a: FastAPI asgi3"]),
    "what is wrapped again": (FASTAPI + "from starlette.middleware.cors import CORSMiddleware\nweb = FastAPI()\nsite = CORSMiddleware(app=web)\n", ["site: asgi3"]),
    "what the file starts": (FASTAPI + "import uvicorn\na = FastAPI()\nb = FastAPI()\nif __name__ == '__main__':\n    uvicorn.run(app=b)\n", ["b: FastAPI asgi3"]),
    "what the file starts, of Flask": (FLASK + "a = Flask('a')\nb = Flask('b')\nif __name__ == '__main__':\n    b.run()\n", ["b: Flask wsgi"]),
    "what the file starts both": (FLASK + "a = Flask('a')\nb = Flask('b')\nif __name__ == '__main__':\n    b.run()\n    a.run()\n", ["a: Flask wsgi", "b: Flask wsgi"]),
}  # fmt: skip


@pytest.mark.parametrize("case", OFFERED)
def test_what_a_file_offers(write: Write, case: str) -> None:
    """What can be served is offered, best first, with what is known of it; what only looks like it is not."""
    text, expected = OFFERED[case]
    folder = write({"main.py": text})

    offer = Reader(modules.follow(folder)).offer(folder / "main.py")

    found = [
        f"{it.name}{'()' if it.factory else ''}: {' '.join(filter(None, (it.framework or '', it.interface or ''))) or '-'}"
        for it in offer.candidates
    ]
    assert found == expected


STARTED = {
    "import uvicorn\nuvicorn.run('a:b')\n": [(2, "uvicorn.run", "a:b", None, True)],
    "from uvicorn import run as go\ngo(app)\n": [(2, "go", None, "app", True)],
    "import uvicorn\nuvicorn.run(app=app)\n": [(2, "uvicorn.run", None, "app", True)],
    "import uvicorn\nuvicorn.run(app='a:b')\n": [(2, "uvicorn.run", "a:b", None, True)],
    "import uvicorn\nuvicorn.run(make())\n": [(2, "uvicorn.run", None, None, True)],
    "import uvicorn\ndef f():\n    uvicorn.run(app)\n": [(3, "uvicorn.run", None, "app", False)],
    "import uvicorn\nx = uvicorn.run(app)\n": [(2, "uvicorn.run", None, "app", False)],
    "import uvicorn\nuvicorn.Config(app)\n": [],
    "from aiohttp import web\nweb.run_app(app)\n": [(2, "web.run_app", None, "app", True)],
    "from waitress import serve\nserve(app)\n": [(2, "serve", None, "app", True)],
    "import bottle\nbottle.run()\n": [(2, "bottle.run", None, None, True)],
    "from eventlet import wsgi\nwsgi.server(s, app)\n": [(2, "wsgi.server", None, "s", True)],
    "import cherrypy\ncherrypy.quickstart(app)\n": [(2, "cherrypy.quickstart", None, "app", True)],
    "from hypercorn.run import run\nrun(c)\n": [(2, "run", None, "c", True)],
    "from granian import Granian\nGranian('a:b').serve()\n": [],
    "from werkzeug.serving import run_simple\nrun_simple('h', 1, app)\n": [(2, "run_simple", "h", None, True)],
    **{
        f"from x import {name}\na = {name}()\na.run()\n": [(3, "a.run", None, "a", True)]
        for name in (
            *("APIFlask", "Bottle", "Dash", "Flask", "Microdot", "OpenAPI", "Quart", "Robyn", "Sanic", "Server"),
            *("SocketIO", "build_app", "create_app", "make_app"),
        )
    },
    **{f"from x import {name}\n{name}.run()\n": [(2, f"{name}.run", None, name, True)] for name in ("app", "application", "socketio")},
    "from x import site\nsite.run()\n": [],
    "from x import Thing\na = Thing()\na.run()\n": [],
    "from x import Flask\na = Flask()\na.start()\n": [],
    "from x import SocketIO\na = SocketIO()\na.run(web)\n": [(3, "a.run", None, "web", True)],
    "a.run()\n": [],
}  # fmt: skip


@pytest.mark.parametrize("text", STARTED)
def test_what_starts_a_server(write: Write, text: str) -> None:
    """A call that starts a server is told apart, with its line, what it serves, and whether an import makes it."""
    folder = write({"main.py": text})

    source = Reader(modules.follow(folder)).sources.source(folder / "main.py")

    assert source.starts == STARTED[text]

"""The routes of an app are read from its object, whatever the framework, or from its OpenAPI document."""

import sys
from collections.abc import Callable
from typing import Any

import falcon.asgi
import fastapi
import flask
import litestar
import pytest
import quart
from blacksheep import Application
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from asgictl.inspector.probing import routes
from asgictl.inspector.probing.routes import AppRoute

READ = ("GET", "HEAD")


async def nothing(*_: Any) -> None:
    """Stand for a handler."""


HANDLER: Any = nothing


def a_starlette() -> Any:
    """Return an app with mounts in it, and a middleware around it."""
    inner = [Route("/one", nothing), Route("/{id}", nothing)]
    static = Mount("/static", StaticFiles(directory="."))
    app = Starlette(routes=[Route("/", nothing, methods=["POST"]), Mount("/api", routes=inner), static])
    app.routes.append(WebSocketRoute("/chat", nothing))
    return GZipMiddleware(app)


def a_fastapi() -> Any:
    """Return an app with a router of a router."""
    app = fastapi.FastAPI(openapi_url=None)
    outer, inner = fastapi.APIRouter(prefix="/outer"), fastapi.APIRouter(prefix="/inner")
    inner.get("/x")(nothing)
    inner.websocket("/ws")(nothing)
    outer.include_router(inner, prefix="/more")
    app.include_router(outer)
    app.put("/items/{id}")(nothing)
    return app


def a_litestar() -> Any:
    """Return an app with a parameter in a path."""

    @litestar.get(["/one", "/two/{number:int}"])
    async def one() -> str:
        return ""

    return litestar.Litestar([one], openapi_config=None)


def a_quart() -> Any:
    """Return an app with a WebSocket."""
    app = quart.Quart(__name__, static_folder=None)
    app.route("/one", methods=["POST"])(HANDLER)
    app.websocket("/chat")(nothing)
    return app


def a_flask() -> Any:
    """Return an app with a parameter that has a default."""
    app = flask.Flask(__name__, static_folder=None)
    app.add_url_rule("/page", "page", HANDLER, defaults={"number": 1})
    app.add_url_rule("/page/<number>", "page", HANDLER)
    return app


def a_falcon() -> Any:
    """Return an app with a resource."""

    class Resource:
        async def on_get(self, req: Any, resp: Any) -> None: ...

        async def on_websocket(self, req: Any, ws: Any) -> None: ...

    app = falcon.asgi.App()
    app.add_route("/one/{id}", Resource())
    return app


def a_blacksheep() -> Any:
    """Return an app whose routes are applied, as its startup does."""
    app = Application()
    app.router.add_get("/one", nothing)
    app.router.add_ws("/chat", nothing)
    app.router.apply_routes()
    return app


FOUND: dict[Callable[[], Any], list[AppRoute]] = {
    a_starlette: [
        AppRoute("/", ("POST",)),
        AppRoute("/api/one", READ),
        AppRoute("/api/{id}", READ, has_parameters=True),
        AppRoute("/static/", ("GET",)),
        AppRoute("/chat", (), "websocket"),
    ],
    a_fastapi: [
        AppRoute("/outer/more/inner/x", ("GET",)),
        AppRoute("/outer/more/inner/ws", (), "websocket"),
        AppRoute("/items/{id}", ("PUT",), has_parameters=True),
    ],
    a_litestar: [
        AppRoute("/one", ("GET", "OPTIONS")),
        AppRoute("/two/{number:int}", ("GET", "OPTIONS"), has_parameters=True),
    ],
    a_quart: [
        AppRoute("/one", ("OPTIONS", "POST")),
        AppRoute("/chat", ("GET", "HEAD", "OPTIONS"), "websocket"),
    ],
    a_flask: [
        AppRoute("/page", ("GET", "HEAD", "OPTIONS")),
        AppRoute("/page/<number>", ("GET", "HEAD", "OPTIONS"), has_parameters=True),
    ],
    a_falcon: [
        AppRoute("/one/{id}", (), "websocket", has_parameters=True),
        AppRoute("/one/{id}", ("GET",), has_parameters=True),
    ],
    a_blacksheep: [
        AppRoute("/one", ("GET",)),
        AppRoute("/chat", (), "websocket"),
    ],
}


@pytest.mark.parametrize("make", FOUND, ids=lambda make: make.__name__)
def test_of_a_framework(make: Callable[[], Any]) -> None:
    """Each framework's routes are told with their methods, and whether they need something that is not known."""
    assert sorted(routes.of_app(make())) == sorted(FOUND[make])


def test_of_django(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's are those of its resolver, in patterns of both kinds, included ones as well."""
    from django.core.handlers.asgi import ASGIHandler
    from django.urls import URLPattern, URLResolver, include, path, re_path

    patterns: list[URLPattern | URLResolver] = [
        path("", print),
        path("one/<int:number>/", print),
        path("more/", include([path("two/", print)])),
        re_path(r"^three/$", print),
        re_path(r"^four/(\d+)$", print),
    ]
    resolver = type("Resolver", (), {"url_patterns": patterns})
    monkeypatch.setattr(sys.modules["django.urls"], "get_resolver", lambda: resolver)

    assert routes.of_app(object.__new__(ASGIHandler)) == [
        AppRoute("/"),
        AppRoute("/one/<int:number>/", has_parameters=True),
        AppRoute("/more/two/"),
        AppRoute("/three/"),
        AppRoute(r"/four/(\d+)", has_parameters=True),
    ]


def test_of_an_app_without_a_framework() -> None:
    """An app of the user's own tells nothing, and neither does an object that only looks like one of a framework."""

    class Odd:
        url_map = "no map"
        routes = (PlainTextResponse(""),)

        async def __call__(self, *_: Any) -> None: ...

    odd = Odd()

    assert (routes.of_app(nothing), routes.of_app(odd)) == ([], [])


ODD = {"x": {}, 1: {}, "/y": [], "/z": {"summary": "no method"}}
DOCUMENTS: list[Any] = [None, [], {}, {"paths": []}, {"paths": ODD}]


def test_of_a_document() -> None:
    """An OpenAPI document tells the same; anything else tells nothing."""
    document = {"paths": {"/one": {"get": {}, "post": {}}, "/two/{id}": {"delete": {}, "parameters": []}}}

    assert routes.of_document(document) == [
        AppRoute("/one", ("GET", "POST")),
        AppRoute("/two/{id}", ("DELETE",), has_parameters=True),
    ]
    assert [routes.of_document(document) for document in DOCUMENTS] == [[]] * len(DOCUMENTS)


def test_of_an_app_around_others() -> None:
    """Behind middlewares, one that is around itself as well, the app is found."""

    class Around:
        def __init__(self, app: Any) -> None:
            self.app = app

    loop = Around(None)
    loop.app = loop

    assert routes.of_app(loop) == []

"""What each framework's app is taken for, in a source and once it is loaded, and what is none."""
# ruff: noqa: E501  # one case a line reads better

from types import SimpleNamespace

import pytest

from asgictl import frameworks
from asgictl.discovery import entry, find
from asgictl.errors import StartError
from tests.conftest import Write

# An app as its framework makes it: the import, the call, the framework (None where it only wraps), the interface.
MADE: dict[tuple[str, str], tuple[str | None, str]] = {
    ("from fastapi import FastAPI", "FastAPI()"): ("FastAPI", "asgi3"),
    ("import fastapi.applications as f", "f.FastAPI()"): ("FastAPI", "asgi3"),
    ("import gradio", "gradio.mount_gradio_app(x, y, path='/')"): ("FastAPI", "asgi3"),
    ("from fasthtml import FastHTML", "FastHTML()"): ("FastHTML", "asgi3"),
    ("from fasthtml.common import fast_app", "fast_app()"): ("FastHTML", "asgi3"),
    ("from mcp.server.fastmcp import FastMCP", "FastMCP('x').sse_app()"): ("MCP", "asgi3"),
    ("from mcp.server.fastmcp import FastMCP", "FastMCP('x').streamable_http_app()"): ("MCP", "asgi3"),
    ("from fastmcp import FastMCP", "FastMCP('x').http_app()"): ("MCP", "asgi3"),
    ("from fastmcp import FastMCP", "FastMCP('x').sse_app()"): ("MCP", "asgi3"),
    ("from fastmcp import FastMCP", "FastMCP('x').streamable_http_app()"): ("MCP", "asgi3"),
    ("from shiny import App", "App(x, y)"): ("Shiny", "asgi3"),
    ("from starlette.applications import Starlette", "Starlette()"): ("Starlette", "asgi3"),
    ("from starlette.routing import Router", "Router([])"): ("Starlette", "asgi3"),
    ("from litestar import Litestar", "Litestar([])"): ("Litestar", "asgi3"),
    ("from starlite import Starlite", "Starlite([])"): ("Starlite", "asgi3"),
    ("from quart import Quart", "Quart('x')"): ("Quart", "asgi3"),
    ("from django.core.handlers.asgi import ASGIHandler", "ASGIHandler()"): ("Django", "asgi3"),
    ("from django.core.asgi import get_asgi_application", "get_asgi_application()"): ("Django", "asgi3"),
    ("from django.core.handlers.wsgi import WSGIHandler", "WSGIHandler()"): ("Django WSGI", "wsgi"),
    ("from django.core.wsgi import get_wsgi_application", "get_wsgi_application()"): ("Django WSGI", "wsgi"),
    ("from channels.routing import ProtocolTypeRouter", "ProtocolTypeRouter({})"): ("Django Channels", "asgi3"),
    ("import falcon.asgi", "falcon.asgi.App()"): ("Falcon", "asgi3"),
    ("import falcon", "falcon.App()"): ("Falcon WSGI", "wsgi"),
    ("import falcon", "falcon.API()"): ("Falcon WSGI", "wsgi"),
    ("from blacksheep import Application", "Application()"): ("BlackSheep", "asgi3"),
    ("import socketio", "socketio.ASGIApp(x)"): ("Socket.IO", "asgi3"),
    ("import socketio", "socketio.WSGIApp(x)"): ("Socket.IO WSGI", "wsgi"),
    ("import socketio", "socketio.Middleware(x)"): ("Socket.IO WSGI", "wsgi"),
    ("import engineio", "engineio.ASGIApp(x)"): ("Engine.IO", "asgi3"),
    ("import engineio", "engineio.WSGIApp(x)"): ("Engine.IO WSGI", "wsgi"),
    ("import engineio", "engineio.Middleware(x)"): ("Engine.IO WSGI", "wsgi"),
    ("from sanic import Sanic", "Sanic('x')"): ("Sanic", "asgi3"),
    ("from lilya.apps import Lilya", "Lilya()"): ("Lilya", "asgi3"),
    ("from esmerald import Esmerald", "Esmerald()"): ("Esmerald", "asgi3"),
    ("from ravyn import Ravyn", "Ravyn()"): ("Ravyn", "asgi3"),
    ("from emmett import App", "App(__name__)"): ("Emmett", "asgi3"),
    ("import responder", "responder.API()"): ("Responder", "asgi3"),
    ("from microdot.asgi import Microdot", "Microdot()"): ("Microdot", "asgi3"),
    ("from microdot.wsgi import Microdot", "Microdot()"): ("Microdot WSGI", "wsgi"),
    ("import connexion", "connexion.App(__name__)"): ("Connexion", "asgi3"),
    ("import connexion", "connexion.AsyncApp(__name__)"): ("Connexion", "asgi3"),
    ("import connexion", "connexion.ConnexionMiddleware(x)"): ("Connexion", "asgi3"),
    ("import connexion", "connexion.FlaskApp(__name__)"): ("Connexion", "asgi3"),
    ("from strawberry.asgi import GraphQL", "GraphQL(x)"): ("GraphQL", "asgi3"),
    ("from ariadne.asgi import GraphQL", "GraphQL(x)"): ("GraphQL", "asgi3"),
    ("from apiflask import APIFlask", "APIFlask('x')"): ("APIFlask", "wsgi"),
    ("from flask import Flask", "Flask('x')"): ("Flask", "wsgi"),
    ("from flask_openapi3 import OpenAPI", "OpenAPI('x')"): ("Flask", "wsgi"),
    ("from flask_openapi import OpenAPI", "OpenAPI('x')"): ("Flask", "wsgi"),
    ("from eve import Eve", "Eve()"): ("Flask", "wsgi"),
    ("import bottle", "bottle.Bottle()"): ("Bottle", "wsgi"),
    ("import bottle", "bottle.app()"): ("Bottle", "wsgi"),
    ("import bottle", "bottle.default_app()"): ("Bottle", "wsgi"),
    ("from pyramid.config import Configurator", "Configurator().make_wsgi_app()"): ("Pyramid", "wsgi"),
    ("from pyramid.router import Router", "Router(x)"): ("Pyramid", "wsgi"),
    ("import web", "web.application(x, y).wsgifunc()"): ("web.py", "wsgi"),
    ("import webapp2", "webapp2.WSGIApplication([])"): ("webapp2", "wsgi"),
    ("import cherrypy", "cherrypy.Application(x)"): ("CherryPy", "wsgi"),
    ("from a2wsgi import WSGIMiddleware", "WSGIMiddleware(x)"): (None, "asgi3"),
    ("from a2wsgi import ASGIMiddleware", "ASGIMiddleware(x)"): (None, "wsgi"),
    ("from asgiref.wsgi import WsgiToAsgi", "WsgiToAsgi(x)"): (None, "asgi3"),
    ("from hypercorn.middleware import DispatcherMiddleware", "DispatcherMiddleware({})"): (None, "asgi3"),
    ("from starlette.middleware.cors import CORSMiddleware", "CORSMiddleware(x)"): (None, "asgi3"),
    ("from starlette.middleware.gzip import GZipMiddleware", "GZipMiddleware(x)"): (None, "asgi3"),
    ("from starlette.middleware.sessions import SessionMiddleware", "SessionMiddleware(x)"): (None, "asgi3"),
    ("from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware", "ProxyHeadersMiddleware(x)"): (None, "asgi3"),
    ("from uvicorn.middleware.wsgi import WSGIMiddleware", "WSGIMiddleware(x)"): (None, "asgi3"),
    ("from werkzeug.middleware.dispatcher import DispatcherMiddleware", "DispatcherMiddleware(x)"): (None, "wsgi"),
    ("from werkzeug.middleware.proxy_fix import ProxyFix", "ProxyFix(x)"): (None, "wsgi"),
    ("from werkzeug.middleware.shared_data import SharedDataMiddleware", "SharedDataMiddleware(x, {})"): (None, "wsgi"),
    ("from whitenoise import WhiteNoise", "WhiteNoise(x)"): (None, "wsgi"),
    ("import dash\n_d = dash.Dash('x')", "_d.server"): ("Flask", "wsgi"),
    ("import connexion\n_c = connexion.App('x')", "_c.app"): ("Flask", "wsgi"),
    ("import connexion\n_c = connexion.FlaskApp('x')", "_c.app"): ("Flask", "wsgi"),
}  # fmt: skip


@pytest.mark.parametrize("made", MADE, ids=" ".join)
def test_what_makes_an_app(write: Write, made: tuple[str, str]) -> None:
    """An app of each framework is found by what makes it, whatever it is called, with the interface that it has."""
    folder = write({"web.py": f"{made[0]}\nsite = {made[1]}\n"})

    found = entry(find("web:site", folder, {}, lambda _: None), folder)

    assert found is not None
    assert (found.name, found.framework, found.interface, found.certain) == ("site", *MADE[made], True)
    assert str(find(None, folder, {}, lambda _: None)) == "web:site"


NOT_APPS = [
    *("fastapi.APIRouter", "mcp.server.Server", "flask.Blueprint", "flask_admin.Admin", "flask_restful.Api"),
    *("flask_restplus.Api", "flask_restx.Api", "flask_script.Manager", "flask_smorest.Api", "flask_socketio.SocketIO"),
    *("flask_sqlalchemy.SQLAlchemy", "ninja.NinjaAPI", "ninja.Router", "ninja_extra.NinjaExtraAPI", "mangum.Mangum"),
    *("quart.Blueprint", "sanic.Blueprint", "sqladmin.Admin", "starlette.routing.Mount", "starlette.routing.Route"),
]
NOT_WEB = [
    *("PyQt5", "PyQt6", "PySide2", "PySide6", "customtkinter", "kivy"),
    *("pyglet", "pygame", "textual", "toga", "wx", "click"),
    *("cyclopts", "fire", "rich", "typer", "airflow", "aws_cdk"),
    *("faust", "modal", "prefect", "pulumi", "apscheduler", "arq"),
    *("boto3", "celery", "dramatiq", "huey", "invoke", "kombu"),
    *("rq", "aiogram", "discord", "pyrogram", "slack_bolt", "telebot"),
    *("telegram", "telethon", "firebase_admin", "httpx", "pandas", "psycopg"),
    *("pydantic", "pydantic_settings", "requests", "sqlalchemy", "selenium", "structlog"),
    *("torch", "transformers", "argparse", "collections", "configparser", "http"),
    *("logging", "os", "pathlib", "socketserver", "multiprocessing", "threading"),
    *("tkinter", "xmlrpc"),
]


@pytest.mark.parametrize("origin", [*NOT_APPS, *(f"{package}.thing.App" for package in NOT_WEB)])
def test_what_is_no_app(write: Write, origin: str) -> None:
    """What is often called `app`, and is none, is told apart by what makes it, and named."""
    module, _, name = origin.rpartition(".")
    folder = write({"main.py": f"from {module} import {name}\napp = {name}()\n"})

    with pytest.raises(StartError) as caught:
        find(None, folder, {}, lambda _: None)

    assert caught.value.message == (
        f"no app was found in `{folder}`: `{folder}/main.py` holds `app` ({origin}, not a web app), line 2"
    )


OWN_SERVER = "it has a server of its own: start it with "
GRADIO = f"{OWN_SERVER}`python main.py`, or mount it: `gradio.mount_gradio_app`"
FOREIGN = {
    "aiohttp.web.Application": ("aiohttp", f"{OWN_SERVER}`python main.py`"),
    "chalice.Chalice": ("Chalice", f"{OWN_SERVER}`chalice local`"),
    "cherrypy.quickstart": ("CherryPy", f"{OWN_SERVER}`python main.py`, or name a `cherrypy.Application`"),
    "dash.Dash": ("Dash", "serve the Flask app inside it: `asgictl serve main:thing.server`"),
    "fastmcp.FastMCP": ("MCP server", "serve its HTTP app: `asgictl serve 'main:thing.http_app()'`"),
    "flet.app": ("Flet", f"{OWN_SERVER}`flet run main.py`"),
    "gradio.Blocks": ("Gradio", GRADIO),
    "gradio.ChatInterface": ("Gradio", GRADIO),
    "gradio.Interface": ("Gradio", GRADIO),
    "gradio.TabbedInterface": ("Gradio", GRADIO),
    "klein.Klein": ("Klein", f"{OWN_SERVER}`python main.py`"),
    "marimo.App": ("marimo", f"{OWN_SERVER}`marimo run main.py`"),
    "mcp.server.fastmcp.FastMCP": ("MCP server", "serve its HTTP app: `asgictl serve 'main:thing.streamable_http_app()'`"),
    "mcp.MCPServer": ("MCP server", "serve its HTTP app: `asgictl serve 'main:thing.streamable_http_app()'`"),
    "microdot.Microdot": ("Microdot", "import it from `microdot.asgi` to serve it here, or start it with `python main.py`"),
    "nicegui.app": ("NiceGUI", f"{OWN_SERVER}`python main.py`, or add it to a FastAPI app: `ui.run_with`"),
    "pywebio.start_server": ("PyWebIO", f"{OWN_SERVER}`python main.py`"),
    "reflex.App": ("Reflex", f"{OWN_SERVER}`reflex run`"),
    "robyn.Robyn": ("Robyn", f"{OWN_SERVER}`python main.py`"),
    "taipy.gui.Gui": ("Taipy", f"{OWN_SERVER}`taipy run main.py`"),
    "tornado.web.Application": ("Tornado", f"{OWN_SERVER}`python main.py`"),
    "web.application": ("web.py", "serve its WSGI app: `asgictl serve 'main:thing.wsgifunc()'`"),
}  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
def test_an_app_with_a_server_of_its_own(write: Write, monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    """What asgictl cannot serve is named, with how it is started, whether it was looked for or named."""
    module, _, name = origin.rpartition(".")
    folder = write({"main.py": f"import {module} as x\nthing = x.{name}()\n"})
    monkeypatch.chdir(folder)
    label, advice = FOREIGN[origin]

    for app, begin in ((None, f"no app was found in `{folder}`:"), ("main:thing", "`main:thing` cannot be served:")):
        with pytest.raises(StartError) as caught:
            find(app, folder, {}, lambda _: None)
        assert (caught.value.message, caught.value.hint) == (
            f"{begin} `main.py` holds `thing` ({label}), line 2",
            advice,
        )


SCRIPTS = {
    "chainlit": ("a Chainlit", "`chainlit run main.py`"),
    "flet": ("a Flet", "`flet run main.py`"),
    "mesop": ("a Mesop", "`mesop main.py`"),
    "nicegui": ("a NiceGUI", "`python main.py`, or add it to a FastAPI app: `ui.run_with`"),
    "panel": ("a Panel", "`panel serve main.py`"),
    "pywebio": ("a PyWebIO", "`python main.py`"),
    "reflex": ("a Reflex", "`reflex run`"),
    "shiny.express": ("a Shiny Express", "`shiny run main.py`"),
    "solara": ("a Solara", "`solara run main.py`"),
    "streamlit": ("a Streamlit", "`streamlit run main.py`"),
}


FORMS = ["import {}", "import {} as x", "from {} import x", "import {}.inner"]


@pytest.mark.parametrize(
    ("package", "form"), [(package, form) for package in SCRIPTS for form in (FORMS[:3] if "." in package else FORMS)]
)
def test_an_app_that_is_a_whole_script(write: Write, monkeypatch: pytest.MonkeyPatch, package: str, form: str) -> None:
    """A script of a framework that runs scripts is named, with how it is started."""
    folder = write({"main.py": f"'''x'''\n{form.format(package)}\n"})
    monkeypatch.chdir(folder)
    label, how = SCRIPTS[package]

    with pytest.raises(StartError) as caught:
        find(None, folder, {}, lambda _: None)

    assert (caught.value.message, caught.value.hint) == (
        f"no app was found in `{folder}`: `main.py` is {label} app, line 2",
        OWN_SERVER + how,
    )


def made(name: str, module: str, *bases: type, **attributes: object) -> object:
    """Return an object of a class of that name and module."""
    return type(name, bases, {"__module__": module, **attributes})()


def test_what_a_loaded_app_is() -> None:
    """The nearest class of a framework decides, below its package only, and anything else is of none."""
    starlette = type(made("Starlette", "starlette.applications"))

    for app, expected in (
        (made("Mine", "shop", type(made("FastAPI", "fastapi.applications", starlette))), "FastAPI"),
        (made("Mine", "shop", starlette), "Starlette"),
        (made("FastAPI", "fastapi"), "FastAPI"),
        (made("FastAPI", "fastapistic"), None),
        (made("FastAPI", "shop.fastapi"), None),
        (made("APIRouter", "fastapi.routing"), None),
    ):
        found = frameworks.identify(app)
        assert (found.name if found else None) == expected
    foreign = frameworks.of_foreign_object(made("Mine", "shop", type(made("Dash", "dash.dash"))))
    assert foreign is not None
    assert foreign.name == "Dash"
    assert frameworks.of_foreign_object(made("FastAPI", "fastapi")) is None


FASTAPI: dict[str, object] = {"openapi_url": "/openapi.json", "docs_url": "/docs", "redoc_url": "/redoc"}
LITESTAR: dict[str, object] = {"path": "/", "openapi_config": SimpleNamespace(path="/docs", openapi_router=None)}
ROUTER = SimpleNamespace(path=None, openapi_router=SimpleNamespace(path="/inner"))
DOCUMENTED: list[tuple[str, dict[str, object], str | None]] = [
    ("FastAPI", FASTAPI, "/docs"),
    ("FastAPI", {**FASTAPI, "docs_url": None}, "/redoc"),
    ("FastAPI", {**FASTAPI, "docs_url": None, "redoc_url": None}, None),
    ("FastAPI", {**FASTAPI, "openapi_url": None}, None),
    ("FastAPI", {**FASTAPI, "docs_url": "docs"}, None),
    ("FastAPI", {**FASTAPI, "docs_url": 5}, None),
    ("FastAPI", {}, None),
    ("Litestar", LITESTAR, "/docs"),
    ("Litestar", {**LITESTAR, "path": "/api/"}, "/api/docs"),
    ("Litestar", {**LITESTAR, "openapi_config": ROUTER}, "/inner"),
    ("Litestar", {**LITESTAR, "openapi_config": SimpleNamespace(path=None, openapi_router=None)}, "/schema"),
    ("Litestar", {"openapi_config": None}, None),
    ("Litestar", {"openapi_config": LITESTAR["openapi_config"]}, "/docs"),
    ("APIFlask", {"enable_openapi": True, "docs_path": "/api"}, "/api"),
    ("APIFlask", {"enable_openapi": False, "docs_path": "/api"}, None),
    ("OpenAPI", {"doc_prefix": "/openapi"}, "/openapi"),
    ("Flask", {"docs_url": "/docs", "doc_prefix": "/openapi", "docs_path": "/api"}, None),
]


@pytest.mark.parametrize(("name", "attributes", "expected"), DOCUMENTED)
def test_where_the_documentation_is(name: str, attributes: dict[str, object], expected: str | None) -> None:
    """The banner names the path of an API's documentation, as the app has it, or says nothing of it."""
    assert frameworks.documentation(made(name, "any", **attributes)) == expected

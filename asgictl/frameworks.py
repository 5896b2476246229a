"""What identifies each web framework: in source code, and in an object that was loaded."""

from typing import Any, Literal, NamedTuple

Interface = Literal["asgi3", "asgi2", "wsgi"]


class Framework(NamedTuple):
    """A framework, the module below which its application classes live, and their names."""

    name: str
    module: str
    makers: tuple[str, ...]
    interface: Interface

    def matches(self, module: str, name: str) -> bool:
        """Tell whether `module.name` makes one of this framework's applications."""
        return name in self.makers and (module == self.module or module.startswith(f"{self.module}."))


def _asgi(name: str, module: str, *makers: str) -> Framework:
    return Framework(name=name, module=module, makers=makers, interface="asgi3")


def _wsgi(name: str, module: str, *makers: str) -> Framework:
    return Framework(name=name, module=module, makers=makers, interface="wsgi")


# The first match counts, so a special case stands before the general one.
FRAMEWORKS = (
    _asgi("FastAPI", "fastapi", "FastAPI"),
    _asgi("FastAPI", "gradio", "mount_gradio_app"),
    _asgi("FastHTML", "fasthtml", "FastHTML", "fast_app"),
    _asgi("MCP", "mcp.server", "sse_app", "streamable_http_app"),
    _asgi("MCP", "fastmcp", "http_app", "sse_app", "streamable_http_app"),
    _asgi("Shiny", "shiny", "App"),
    _asgi("Starlette", "starlette", "Starlette", "Router"),
    _asgi("Litestar", "litestar", "Litestar"),
    _asgi("Starlite", "starlite", "Starlite"),
    _asgi("Quart", "quart", "Quart"),
    _asgi("Django", "django.core.handlers.asgi", "ASGIHandler"),
    _asgi("Django", "django.core.asgi", "get_asgi_application"),
    _wsgi("Django WSGI", "django.core.handlers.wsgi", "WSGIHandler"),
    _wsgi("Django WSGI", "django.core.wsgi", "get_wsgi_application"),
    _asgi("Django Channels", "channels", "ProtocolTypeRouter"),
    _asgi("Falcon", "falcon.asgi", "App"),
    _wsgi("Falcon WSGI", "falcon", "App", "API"),
    _asgi("BlackSheep", "blacksheep", "Application"),
    _asgi("Socket.IO", "socketio", "ASGIApp"),
    _wsgi("Socket.IO WSGI", "socketio", "WSGIApp", "Middleware"),
    _asgi("Engine.IO", "engineio", "ASGIApp"),
    _wsgi("Engine.IO WSGI", "engineio", "WSGIApp", "Middleware"),
    _asgi("Sanic", "sanic", "Sanic"),
    _asgi("Lilya", "lilya", "Lilya"),
    _asgi("Esmerald", "esmerald", "Esmerald"),
    _asgi("Ravyn", "ravyn", "Ravyn"),
    _asgi("Emmett", "emmett", "App"),
    _asgi("Responder", "responder", "API"),
    _asgi("Microdot", "microdot.asgi", "Microdot"),
    _wsgi("Microdot WSGI", "microdot.wsgi", "Microdot"),
    _asgi("Connexion", "connexion", "App", "AsyncApp", "ConnexionMiddleware", "FlaskApp"),
    _asgi("GraphQL", "strawberry.asgi", "GraphQL"),
    _asgi("GraphQL", "ariadne.asgi", "GraphQL"),
    _wsgi("APIFlask", "apiflask", "APIFlask"),
    _wsgi("Flask", "flask", "Flask"),
    _wsgi("Flask", "flask_openapi3", "OpenAPI"),
    _wsgi("Flask", "flask_openapi", "OpenAPI"),
    _wsgi("Flask", "eve", "Eve"),
    _wsgi("Bottle", "bottle", "Bottle", "app", "default_app"),
    _wsgi("Pyramid", "pyramid", "Router", "make_wsgi_app"),
    _wsgi("web.py", "web", "wsgifunc"),
    _wsgi("webapp2", "webapp2", "WSGIApplication"),
    _wsgi("CherryPy", "cherrypy", "Application"),
)

# What wraps an app and is one itself: known by what makes it; a loaded one tells its interface by how it is called.
WRAPPERS = (
    _asgi("ASGI", "a2wsgi", "WSGIMiddleware"),
    _wsgi("WSGI", "a2wsgi", "ASGIMiddleware"),
    _asgi("ASGI", "asgiref.wsgi", "WsgiToAsgi"),
    _asgi("ASGI", "hypercorn.middleware", "DispatcherMiddleware"),
    _asgi("ASGI", "starlette.middleware", "CORSMiddleware", "GZipMiddleware", "SessionMiddleware"),
    _asgi("ASGI", "uvicorn.middleware", "ProxyHeadersMiddleware", "WSGIMiddleware"),
    _wsgi("WSGI", "werkzeug.middleware", "DispatcherMiddleware", "ProxyFix", "SharedDataMiddleware"),
    _wsgi("WSGI", "whitenoise", "WhiteNoise"),
)

# Attributes of objects that are no web applications themselves, with the framework of what they hold.
ATTRIBUTES = {
    "dash.Dash.server": "Flask",
    "connexion.App.app": "Flask",
    "connexion.FlaskApp.app": "Flask",
}

# Often bound to a name like `app` or `api`, and not a web application.
_NOT_APPS = {
    ("fastapi", "APIRouter"),
    ("mcp", "Server"),
    ("flask", "Blueprint"),
    ("flask_admin", "Admin"),
    ("flask_restful", "Api"),
    ("flask_restplus", "Api"),
    ("flask_restx", "Api"),
    ("flask_script", "Manager"),
    ("flask_smorest", "Api"),
    ("flask_socketio", "SocketIO"),
    ("flask_sqlalchemy", "SQLAlchemy"),
    ("ninja", "NinjaAPI"),
    ("ninja", "Router"),
    ("ninja_extra", "NinjaExtraAPI"),
    ("mangum", "Mangum"),
    ("quart", "Blueprint"),
    ("sanic", "Blueprint"),
    ("sqladmin", "Admin"),
    ("starlette", "Mount"),
    ("starlette", "Route"),
}

# Packages that make no web applications, whatever their objects are called.
_NOT_WEB = frozenset(
    (
        *("PyQt5", "PyQt6", "PySide2", "PySide6", "customtkinter", "kivy", "pyglet", "pygame", "textual", "toga", "wx"),
        *("click", "cyclopts", "fire", "rich", "typer"),
        *("airflow", "aws_cdk", "faust", "modal", "prefect", "pulumi"),
        *("apscheduler", "arq", "boto3", "celery", "dramatiq", "huey", "invoke", "kombu", "rq"),
        *("aiogram", "discord", "pyrogram", "slack_bolt", "telebot", "telegram", "telethon"),
        *("firebase_admin", "httpx", "pandas", "psycopg", "pydantic", "pydantic_settings", "requests", "sqlalchemy"),
        *("selenium", "structlog", "torch", "transformers"),
        *("argparse", "collections", "configparser", "http", "logging", "os", "pathlib", "socketserver"),
        *("multiprocessing", "threading", "tkinter", "xmlrpc"),
    )
)


class Foreign(NamedTuple):
    """A framework that brings a server of its own, and what can be done instead.

    In `advice`, `{file}` and `{module}` stand for where it is, `{name}` for what it is bound to.
    """

    name: str
    advice: str


_OWN_SERVER = "it has a server of its own: start it with "
_MCP = Foreign("MCP server", "serve its HTTP app: `asgictl serve '{module}:{name}.streamable_http_app()'`")

# Objects of theirs, by package and name.
FOREIGN = {
    ("aiohttp", "Application"): Foreign("aiohttp", f"{_OWN_SERVER}`python {{file}}`"),
    ("chalice", "Chalice"): Foreign("Chalice", f"{_OWN_SERVER}`chalice local`"),
    ("cherrypy", "quickstart"): Foreign(
        "CherryPy", f"{_OWN_SERVER}`python {{file}}`, or name a `cherrypy.Application`"
    ),
    ("dash", "Dash"): Foreign("Dash", "serve the Flask app inside it: `asgictl serve {module}:{name}.server`"),
    ("fastmcp", "FastMCP"): Foreign("MCP server", "serve its HTTP app: `asgictl serve '{module}:{name}.http_app()'`"),
    ("flet", "app"): Foreign("Flet", f"{_OWN_SERVER}`flet run {{file}}`"),
    ("gradio", "Blocks"): Foreign("Gradio", f"{_OWN_SERVER}`python {{file}}`, or mount it: `gradio.mount_gradio_app`"),
    ("gradio", "ChatInterface"): Foreign(
        "Gradio", f"{_OWN_SERVER}`python {{file}}`, or mount it: `gradio.mount_gradio_app`"
    ),
    ("gradio", "Interface"): Foreign(
        "Gradio", f"{_OWN_SERVER}`python {{file}}`, or mount it: `gradio.mount_gradio_app`"
    ),
    ("gradio", "TabbedInterface"): Foreign(
        "Gradio", f"{_OWN_SERVER}`python {{file}}`, or mount it: `gradio.mount_gradio_app`"
    ),
    ("klein", "Klein"): Foreign("Klein", f"{_OWN_SERVER}`python {{file}}`"),
    ("marimo", "App"): Foreign("marimo", f"{_OWN_SERVER}`marimo run {{file}}`"),
    ("mcp", "FastMCP"): _MCP,
    ("mcp", "MCPServer"): _MCP,
    ("microdot", "Microdot"): Foreign(
        "Microdot", "import it from `microdot.asgi` to serve it here, or start it with `python {file}`"
    ),
    ("nicegui", "app"): Foreign(
        "NiceGUI", f"{_OWN_SERVER}`python {{file}}`, or add it to a FastAPI app: `ui.run_with`"
    ),
    ("pywebio", "start_server"): Foreign("PyWebIO", f"{_OWN_SERVER}`python {{file}}`"),
    ("reflex", "App"): Foreign("Reflex", f"{_OWN_SERVER}`reflex run`"),
    ("robyn", "Robyn"): Foreign("Robyn", f"{_OWN_SERVER}`python {{file}}`"),
    ("taipy", "Gui"): Foreign("Taipy", f"{_OWN_SERVER}`taipy run {{file}}`"),
    ("tornado", "Application"): Foreign("Tornado", f"{_OWN_SERVER}`python {{file}}`"),
    ("web", "application"): Foreign("web.py", "serve its WSGI app: `asgictl serve '{module}:{name}.wsgifunc()'`"),
}

# Frameworks whose apps are whole scripts, by the module that these import.
SCRIPTS = {
    "chainlit": Foreign("Chainlit", f"{_OWN_SERVER}`chainlit run {{file}}`"),
    "flet": Foreign("Flet", f"{_OWN_SERVER}`flet run {{file}}`"),
    "mesop": Foreign("Mesop", f"{_OWN_SERVER}`mesop {{file}}`"),
    "nicegui": FOREIGN["nicegui", "app"],
    "panel": Foreign("Panel", f"{_OWN_SERVER}`panel serve {{file}}`"),
    "pywebio": FOREIGN["pywebio", "start_server"],
    "reflex": FOREIGN["reflex", "App"],
    "shiny.express": Foreign("Shiny Express", f"{_OWN_SERVER}`shiny run {{file}}`"),
    "solara": Foreign("Solara", f"{_OWN_SERVER}`solara run {{file}}`"),
    "streamlit": Foreign("Streamlit", f"{_OWN_SERVER}`streamlit run {{file}}`"),
}


def named(module: str, name: str) -> Framework | None:
    """Return the framework whose application `module.name` makes."""
    return next((framework for framework in FRAMEWORKS if framework.matches(module, name)), None)


def made_by(module: str, name: str) -> Framework | None:
    """Return what `module.name` makes: an application of a framework, or what wraps one, called by its interface."""
    wrappers = (wrapper for wrapper in WRAPPERS if wrapper.matches(module, name))
    return named(module, name) or next(wrappers, None)


def of_name(name: str) -> Framework | None:
    """Return the framework called `name`."""
    return next((framework for framework in FRAMEWORKS if framework.name == name), None)


def is_not_app(origin: str) -> bool:
    """Tell whether what `origin`, a dotted name, makes is known to be no web application."""
    root, _, rest = origin.partition(".")
    if root in _NOT_WEB:
        return True
    return (root, rest.rpartition(".")[2]) in _NOT_APPS


def foreign(origin: str) -> Foreign | None:
    """Return the framework with a server of its own whose object `origin`, a dotted name, makes."""
    root, _, rest = origin.partition(".")
    return FOREIGN.get((root, rest.rpartition(".")[2]))


def identify(app: object) -> Framework | None:
    """Return the framework of a loaded application, by the classes it derives from.

    The nearest class decides: Quart derives from Flask's base, FastAPI from Starlette.
    """
    for cls in type(app).__mro__:
        if framework := named(cls.__module__, cls.__name__):
            return framework
    return None


def documentation(app: object) -> str | None:
    """Return the path under which a loaded application shows the documentation of its API, or None."""
    try:
        path = _documentation(app)
    except Exception:  # noqa: BLE001  # an object of the user's, which may only be called like one of a framework
        return None
    return path if isinstance(path, str) and path.startswith("/") else None


def _documentation(app: Any) -> object:
    found = {it.__name__ for it in type(app).__mro__}
    if "FastAPI" in found and app.openapi_url:
        return app.docs_url or app.redoc_url
    if "Litestar" in found and app.openapi_config is not None:
        below = getattr(app, "path", "").rstrip("/")
        return below + (
            app.openapi_config.path or getattr(app.openapi_config.openapi_router, "path", None) or "/schema"
        )
    if "APIFlask" in found and app.enable_openapi:
        return app.docs_path
    return app.doc_prefix if "OpenAPI" in found else None  # of Flask-OpenAPI


def of_foreign_object(app: object) -> Foreign | None:
    """Return the framework with a server of its own that a loaded object belongs to."""
    return next((it for cls in type(app).__mro__ if (it := foreign(f"{cls.__module__}.{cls.__name__}"))), None)

"""What identifies each web framework: in source code, and in an object that was loaded."""

from typing import Literal, NamedTuple

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
    _asgi("FastHTML", "fasthtml", "FastHTML", "fast_app"),
    _asgi("Starlette", "starlette", "Starlette", "Router"),
    _asgi("Litestar", "litestar", "Litestar"),
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
    _wsgi("Socket.IO WSGI", "socketio", "WSGIApp"),
    _asgi("Sanic", "sanic", "Sanic"),
    _asgi("Lilya", "lilya", "Lilya"),
    _asgi("Connexion", "connexion", "AsyncApp", "FlaskApp"),
    _wsgi("APIFlask", "apiflask", "APIFlask"),
    _wsgi("Flask", "flask", "Flask"),
    _wsgi("Bottle", "bottle", "Bottle", "default_app"),
    _wsgi("Pyramid", "pyramid", "Router"),
)

# Often bound to a name like `app` or `api`, and not a web application.
_NOT_APPS = {
    ("celery", "Celery"),
    ("cyclopts", "App"),
    ("fastapi", "APIRouter"),
    ("flask", "Blueprint"),
    ("flask_restful", "Api"),
    ("flask_restx", "Api"),
    ("ninja", "NinjaAPI"),
    ("ninja", "Router"),
    ("quart", "Blueprint"),
    ("typer", "Typer"),
}

# Applications that bring a server of their own, with what can be done instead.
FOREIGN = {
    ("aiohttp", "Application"): "aiohttp brings its own server: start it with `aiohttp.web.run_app`",
    ("dash", "Dash"): "serve the Flask app inside it: append `.server` to the app's name",
    ("tornado", "Application"): "Tornado brings its own server: start it with `app.listen`",
}


def named(module: str, name: str) -> Framework | None:
    """Return the framework whose application `module.name` makes."""
    return next((framework for framework in FRAMEWORKS if framework.matches(module, name)), None)


def of_name(name: str) -> Framework | None:
    """Return the framework called `name`."""
    return next((framework for framework in FRAMEWORKS if framework.name == name), None)


def is_not_app(module: str, name: str) -> bool:
    """Tell whether `module.name` is known to make something else than a web application."""
    return (module.partition(".")[0], name) in _NOT_APPS


def identify(app: object) -> Framework | None:
    """Return the framework of a loaded application, by the classes it derives from.

    The nearest class decides: Quart derives from Flask's base, FastAPI from Starlette.
    """
    for cls in type(app).__mro__:
        if framework := named(cls.__module__, cls.__name__):
            return framework
    return None


def foreign_advice(app: object) -> str | None:
    """Return what to do with an application that is neither ASGI nor WSGI, where that is known."""
    for cls in type(app).__mro__:
        if advice := FOREIGN.get((cls.__module__.partition(".")[0], cls.__name__)):
            return advice
    return None

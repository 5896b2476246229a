"""What an app answers at: read from the app's object, as its framework has it, or from its OpenAPI document.

Frameworks are known by the attributes that hold their routes, so that none has to be imported.
"""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

Kind = Literal["http", "websocket"]

# So many apps may be around the one that has the routes.
_DEPTH = 20

# Where a middleware keeps the app that it is around.
_INSIDE = ("app", "other_asgi_app", "application", "_app", "asgi_app", "asgi_handler")

# What stands for a parameter in a path: `{id}`, `<int:id>`, `:id`.
_PARAMETERS = ("{", "<", "/:")

_VERBS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_ANY = ("GET",)


class AppRoute(NamedTuple):
    """A path of an app, with the methods that it takes there; it may have parameters, which are not known."""

    path: str
    methods: tuple[str, ...] = _ANY
    kind: Kind = "http"
    has_parameters: bool = False


def of_app(app: Any) -> list[AppRoute]:
    """Return the routes that an app's object tells of, each once; none where it is of no framework that is known."""
    for one in _around(app):
        # An object of the user's may only look like one of a framework.
        with contextlib.suppress(Exception):
            if found := list(dict.fromkeys(_read(one))):
                return found
    return []


def of_document(document: Any) -> list[AppRoute]:
    """Return the routes of an OpenAPI document, which a program has made; none for anything else."""
    paths = document.get("paths") if isinstance(document, dict) else None
    found = []
    for path, operations in paths.items() if isinstance(paths, dict) else ():
        if isinstance(path, str) and path.startswith("/") and isinstance(operations, dict):
            methods = tuple(sorted(_VERBS.intersection(str(key).upper() for key in operations)))
            found += [_route(path, methods)] if methods else []
    return found


def _around(app: Any) -> Iterator[Any]:
    """Yield an app, and those that it is around."""
    left, seen = [app], 0
    while left and seen < _DEPTH:
        one = left.pop(0)
        seen += 1
        yield one
        mapping = getattr(one, "application_mapping", None)  # of Django Channels
        if isinstance(mapping, dict):
            left += [it for key in ("http", "websocket") if (it := mapping.get(key)) is not None]
        left += [it for name in _INSIDE if callable(it := getattr(one, name, None)) and not hasattr(it, "__func__")]


def _read(app: Any) -> Iterator[AppRoute]:
    module = type(app).__module__.partition(".")[0]
    if hasattr(app, "url_map"):
        yield from _of_werkzeug(app.url_map.iter_rules())
    elif module == "django":
        yield from _of_django(sys.modules["django.urls"].get_resolver().url_patterns, "/")
    elif module == "falcon":
        yield from _of_falcon(app)
    elif module == "blacksheep":
        yield from _of_blacksheep(app.router.routes)
    elif isinstance(getattr(app, "routes", None), Iterable):
        yield from _of_starlette(app.routes, "")


def _of_starlette(routes: Iterable[Any], before: str) -> Iterator[AppRoute]:
    """Yield the routes of Starlette, FastAPI and Litestar."""
    for route in routes:
        if (router := getattr(route, "original_router", None)) is not None:  # included by FastAPI
            yield from _of_starlette(router.routes, before + route.include_context.prefix)
            continue
        path = getattr(route, "path", None)
        if not isinstance(path, str):  # of another host
            continue
        below = getattr(route, "routes", None)
        if below:
            yield from _of_starlette(below, before + path)
        elif "WebSocket" in type(route).__name__:
            yield _route(before + path, (), "websocket")
        elif type(route).__name__ == "Mount":
            yield _route(f"{before}{path}/", _ANY)
        else:
            yield _route(before + path, getattr(route, "methods", None) or _ANY)


def _of_werkzeug(rules: Iterable[Any]) -> Iterator[AppRoute]:
    """Yield the routes of Flask and Quart."""
    for rule in rules:
        kind: Kind = "websocket" if getattr(rule, "websocket", False) else "http"
        has_parameters = bool(set(rule.arguments) - set(rule.defaults or ()))
        yield AppRoute(rule.rule, _verbs(rule.methods or _ANY), kind, has_parameters)


def _of_django(patterns: Iterable[Any], before: str) -> Iterator[AppRoute]:
    for entry in patterns:
        text = str(entry.pattern)
        is_regex = hasattr(entry.pattern, "_regex")
        path = before + (text.lstrip("^").rstrip("$").removesuffix(r"\Z") if is_regex else text)
        if hasattr(entry, "url_patterns"):
            yield from _of_django(entry.url_patterns, path)
        else:
            has_parameters = _has_parameters(path) or (is_regex and any(char in path for char in r"()[]\+*?|"))
            yield AppRoute(path, _ANY, has_parameters=has_parameters)


def _of_falcon(app: Any) -> Iterator[AppRoute]:
    import importlib

    for route in importlib.import_module("falcon.inspect").inspect_routes(app):
        methods = {it.method for it in route.methods if not it.internal}
        if "WEBSOCKET" in methods:
            yield _route(route.path, (), "websocket")
        if verbs := methods - {"WEBSOCKET"}:
            yield _route(route.path, verbs)


def _of_blacksheep(routes: Any) -> Iterator[AppRoute]:
    for method, those in routes.items():
        for route in those:
            verb, path = method.decode(), f"/{route.pattern.decode().strip('/')}"
            is_websocket = "GET_WS" in verb
            yield _route(path, () if is_websocket else (verb,), "websocket" if is_websocket else "http")


def _route(path: str, methods: Iterable[str], kind: Kind = "http") -> AppRoute:
    return AppRoute(path or "/", _verbs(methods), kind, _has_parameters(path))


def _verbs(methods: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted(str(getattr(method, "value", method)).upper() for method in methods))


def _has_parameters(path: str) -> bool:
    return any(mark in path for mark in _PARAMETERS)

"""What a health check can ask, and whether there are WebSockets: read from the source."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl.discovery.source import offers, python_file
from asgictl.errors import AppLoadError
from asgictl.scaffold.accepted import HEALTH_PATH
from asgictl.scaffold.uses.included import Included

_PATHS = (
    *("/healthz", "/livez", "/readyz", "/health", "/live", "/ready", "/ping", "/up", "/-/healthy", "/_health"),
    *("/health/live", "/health/ready", "/healthcheck", "/health-check", "/health_check", "/api/health", "/api/healthz"),
    *("/__heartbeat__", "/__lbheartbeat__", "/heartbeat", "/ht"),
)
# They mean other things as the end of a path.
_VAGUE = {"/live", "/ready", "/up", "/ht"}
LIVE = {"/livez", "/live", "/health/live"}
READY = {"/readyz", "/ready", "/health/ready"}
_ROUTES = {"Route", "path", "add_route", "add_api_route", "add_url_rule", "get", "route", "api_route"}
_WEBSOCKETS = {
    *("websocket", "websocket_route", "WebSocketRoute", "add_websocket_route", "websocket_listener", "ws"),
    *("add_api_websocket_route", "WebsocketListener", "AsyncWebsocketConsumer", "AsyncJsonWebsocketConsumer"),
    *("WebsocketConsumer", "JsonWebsocketConsumer", "AsyncServer"),
}


class Route(NamedTuple):
    """A path, and where it is."""

    path: str
    file: Path
    line: int

    def is_for(self, paths: Iterable[str]) -> bool:
        """Tell whether it is one of `paths`, or ends with one."""
        return any(self.path.rstrip("/").endswith(path) for path in paths)


def routes(file: Path, app: str, *, factory: bool) -> list[Route]:
    """Return the routes for health in the file that makes the app, the best first.

    Only those count whose whole path is known: of the app itself (`@app.get`), in a list of routes that is not
    mounted anywhere, in Django's `urlpatterns`, or where bare ASGI compares the path.
    """
    found = [
        Route(_absolute(path), file, line)
        for path, line in _walk(_parse(file), set(offers.OBJECT_NAMES) if factory else {app})
    ]
    return _best(found)


def find(root: Path, file: Path, app: str, *, factory: bool) -> list[Route]:
    """Return the routes for health of the app in `file` and those that it includes from other modules, the best first.

    Of a path that is longer than the usual ones its end counts.
    """
    names = set(offers.OBJECT_NAMES) if factory else {app}
    own = routes(file, app, factory=factory)
    return _best([*own, *(Route(*it) for it in Included(root).routes(file, names))])


def _best(found: Iterable[Route]) -> list[Route]:
    known = {route: usual for route in found if (usual := _usual(route.path)) is not None}
    return sorted(known, key=lambda route: (known[route] != _bare(route.path), _PATHS.index(known[route])))


def _usual(path: str) -> str | None:
    """Return the usual path that `path` is, or ends with."""
    bare = _bare(path)
    if bare in _PATHS:
        return bare
    if not HEALTH_PATH.fullmatch(path):
        return None
    ends = (usual for usual in _PATHS if usual not in _VAGUE and bare.endswith(usual))
    return next(ends, None) if ":" not in bare else None


def likely(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, int]]:
    """Yield what looks like a route for health; its whole path may be another."""
    for node in nodes:
        if (path := _health_path(node)) is not None:
            yield path, getattr(node, "lineno", 1)


def websockets(nodes: Iterable[ast.AST]) -> Iterator[int]:
    """Yield the lines that are about WebSockets."""
    for node in nodes:
        if _is_websocket(node):
            yield getattr(node, "lineno", 1)


def _health_path(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[ast.Constant(value=str(path)), *_]):
            return _absolute(path) if name in _ROUTES and _bare(_absolute(path)) in _PATHS else None
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[], keywords=words) if name in _ROUTES:
            said = [str(it.value.value) for it in words if it.arg == "path" and isinstance(it.value, ast.Constant)]
            return next((path for path in map(_absolute, said) if _bare(path) in _PATHS), None)
    return None


def _is_websocket(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
            return name in _WEBSOCKETS
        case ast.ClassDef(bases=bases):
            return any(ast.unparse(base).split(".")[-1] in _WEBSOCKETS for base in bases)
        case ast.Compare(left=left, comparators=[ast.Constant(value="websocket")]):
            return "type" in ast.unparse(left)
    return False


def _walk(tree: ast.AST, apps: set[str], *, mounted: bool = False) -> Iterator[tuple[str, int]]:
    for node in ast.iter_child_nodes(tree):
        inside = mounted
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=owner), attr=name), args=[ast.Constant(value=str(path)), *_]
            ):
                if name in _ROUTES and owner in apps:
                    yield path, node.lineno
                inside = mounted or name == "mount"
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(path)), *_]):
                if name in _ROUTES and not mounted:
                    yield path, node.lineno
                inside = mounted or name in {"Mount", "Host"}
            case ast.Compare(left=left, comparators=[ast.Constant(value=str(path))]) if "path" in ast.unparse(left):
                yield path, node.lineno
            case ast.Compare(left=left, comparators=[ast.Tuple(elts=elements) | ast.Set(elts=elements)]):
                if "path" in ast.unparse(left):
                    yield from _texts(elements)
            case ast.Dict(keys=keys):
                yield from ((path, line) for path, line in _texts(keys) if path.startswith("/"))
        yield from _walk(node, apps, mounted=inside)


def _texts(nodes: Iterable[ast.expr | None]) -> Iterator[tuple[str, int]]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _bare(path: str) -> str:
    return path.rstrip("/")


def _parse(file: Path) -> ast.Module:
    try:
        return python_file.parse(file)
    except AppLoadError:
        return ast.Module(body=[], type_ignores=[])

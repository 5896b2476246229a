"""The scopes that servers may give an app: of each version of HTTP, with all that is optional, and without."""

from collections.abc import Sequence
from typing import Any

from asgictl.asgi import Scope
from asgictl.inspector import urls

Pairs = Sequence[tuple[bytes, bytes]]

# What servers offer: those extensions that an app has to ask for in its scope.
EXTENSIONS = (
    "http.response.push",
    "http.response.zerocopysend",
    "http.response.pathsend",
    "http.response.early_hint",
    "http.response.trailers",
)
_DENIAL = "websocket.http.response"

# The handshake of RFC 6455 section 4.1; the key is that of the RFC's example.
_HANDSHAKE = (
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
)

_HOST = (b"host", b"localhost")


def unknown() -> Scope:
    """Return a scope of a type that no app can know."""
    return {"type": "asgictl.unknown", "asgi": {"version": "3.0", "spec_version": "1.0"}}


def lifespan(state: dict[str, Any] | None) -> Scope:
    """Return the scope of a lifespan, with a state or without."""
    scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
    return scope if state is None else {**scope, "state": state}


def http(method: str, target: str, headers: Pairs, *, version: str = "1.1", extended: bool = False) -> Scope:
    """Return the scope of a request, with everything that a server may tell, `extended` by what it may offer."""
    offered = EXTENSIONS if version == "2" else EXTENSIONS[1:]  # a push is of HTTP/2
    return {
        **_whole("http", target, headers, version),
        "method": method,
        "scheme": "https" if version == "2" else "http",
        "extensions": {name: {} for name in offered} if extended else {},
    }


def smallest_http(method: str, target: str, headers: Pairs) -> Scope:
    """Return the scope of a request with what every server tells, and no more, over HTTP/1.0."""
    return {**_smallest("http", target, headers), "http_version": "1.0", "method": method}


def websocket(target: str, headers: Pairs) -> Scope:
    """Return the scope of a WebSocket, with everything that a server may tell and offer."""
    whole = _whole("websocket", target, (*headers, *_HANDSHAKE), "1.1")
    return {**whole, "scheme": "ws", "subprotocols": [], "extensions": {_DENIAL: {}}}


def smallest_websocket(target: str, headers: Pairs) -> Scope:
    """Return the scope of a WebSocket with what every server tells, and no more."""
    return _smallest("websocket", target, (*headers, *_HANDSHAKE))


def _whole(kind: str, target: str, headers: Pairs, version: str) -> Scope:
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": version,
        **urls.in_scope(target),
        "root_path": "",
        "headers": _with_host(headers),
        "client": ["127.0.0.1", 50000],
        "server": ["localhost", 443 if version == "2" else 80],
    }


def _smallest(kind: str, target: str, headers: Pairs) -> Scope:
    wanted = urls.in_scope(target)
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        # It is optional, but Quart 0.22 cannot do without, and all servers have it.
        "scheme": {"http": "http", "websocket": "ws"}[kind],
        "path": wanted["path"],
        "query_string": wanted["query_string"],
        "headers": _with_host(headers),
    }


def _with_host(headers: Pairs) -> list[tuple[bytes, bytes]]:
    return list(headers) if any(name == b"host" for name, _ in headers) else [_HOST, *headers]

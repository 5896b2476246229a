"""What a server gives in the scope of a WebSocket.

https://asgi.readthedocs.io/en/latest/specs/www.html#websocket-connection-scope
"""

from collections.abc import Iterator
from typing import Any

from asgictl.inspector.record.marks import HIDDEN
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Field, fields
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.server_rules.scopes import request_headers, request_path, scope_values
from asgictl.inspector.rules.value_text import shown

TYPE = Rule("A-301", "error", "server", "The scope of a WebSocket has the type `websocket`.", links.WEBSOCKET_SCOPE)
HTTP_VERSION = Rule(
    "A-302",
    "error",
    "server",
    "The `http_version` is a string, 1.1 or 2; without one it is 1.1.",
    links.WEBSOCKET_SCOPE,
)
SCHEME = Rule(
    "A-303",
    "error",
    "server",
    "The `scheme` is a string that is not empty, `ws` or `wss`; without one it is `ws`.",
    links.WEBSOCKET_SCOPE,
)
PATH = Rule("A-304", "error", "server", "The `path` is a string.", links.WEBSOCKET_SCOPE)
RAW_PATH = Rule(
    "A-305", "error", "server", "The `raw_path` is bytes, without the query, or None.", links.WEBSOCKET_SCOPE
)
QUERY_STRING = Rule(
    "A-306",
    "error",
    "server",
    "The `query_string` is the bytes behind the question mark, or None.",
    links.WEBSOCKET_SCOPE,
)
ROOT_PATH = Rule("A-307", "error", "server", "The `root_path` is a string.", links.WEBSOCKET_SCOPE)
HEADERS = Rule(
    "A-308",
    "error",
    "server",
    "The `headers` are names with their values, both in bytes, without pseudo-headers, with the `host` of HTTP/2.",
    links.WEBSOCKET_SCOPE,
)
ADDRESSES = Rule(
    "A-309",
    "error",
    "server",
    "The `client` and the `server` are a host and a port, or None.",
    links.WEBSOCKET_SCOPE,
)
SUBPROTOCOLS = Rule("A-310", "error", "server", "The `subprotocols` are an iterable of strings.", links.WEBSOCKET_SCOPE)
OFFERED = Rule(
    "A-311",
    "warning",
    "server",
    "The `subprotocols` are those that the client offers in `sec-websocket-protocol`.",
    links.rfc(6455, "4.1"),
)
STATE = Rule(
    "A-312",
    "error",
    "server",
    "The `state` is a dictionary with strings as keys, and a shallow copy of the lifespan's.",
    links.WEBSOCKET_SCOPE,
)

_VERSIONS = frozenset(("1.1", "2"))
_SCHEMES = frozenset(("ws", "wss"))
_HEADERS = request_headers.Shape(HEADERS, HEADERS, HEADERS, HEADERS)

_FIELDS = (
    Field("http_version", HTTP_VERSION, scope_values.is_text, "a string"),
    Field("scheme", SCHEME, scope_values.is_some_text, "a string that is not empty"),
    Field("path", PATH, scope_values.is_text, "a string", required=True),
    Field("raw_path", RAW_PATH, scope_values.is_bytes_or_none, "bytes or None"),
    Field("query_string", QUERY_STRING, scope_values.is_bytes_or_none, "bytes or None"),
    Field("root_path", ROOT_PATH, scope_values.is_text, "a string"),
    Field("client", ADDRESSES, scope_values.is_client, "a host and a port"),
    Field("server", ADDRESSES, scope_values.is_server, "a host and a port, or a path and None"),
    Field("subprotocols", SUBPROTOCOLS, scope_values.is_texts, "an iterable of strings"),
    Field("state", STATE, scope_values.is_state, "a dictionary with strings as keys"),
)


def of_scope(scope: dict[str, Any]) -> Iterator[Broken]:
    """Yield what is wrong with the scope of a WebSocket."""
    yield from fields(scope, _FIELDS)
    yield from request_path.of_scope(scope)
    version, scheme, raw, query = (scope.get(key) for key in ("http_version", "scheme", "raw_path", "query_string"))
    if isinstance(version, str) and version not in _VERSIONS:
        yield HTTP_VERSION(f"`http_version` is {shown(version)}", severity="info" if version == "3" else None)
    if isinstance(scheme, str) and scheme and scheme not in _SCHEMES:
        yield SCHEME(f"`scheme` is {shown(scheme)}", severity="warning")
    if isinstance(raw, bytes) and b"?" in raw:
        yield RAW_PATH("`raw_path` holds the query as well")
    if isinstance(query, bytes) and query.startswith(b"?"):
        yield QUERY_STRING("`query_string` begins with the question mark")
    yield from request_headers.of_shape(scope, _HEADERS)
    yield from _of_offer(scope)


def _of_offer(scope: dict[str, Any]) -> Iterator[Broken]:
    given = scope.get("subprotocols", [])
    lines = [value for name, value in request_headers.lines(scope) if name == b"sec-websocket-protocol"]
    if not (isinstance(given, (list, tuple)) and all(type(one) is str for one in given)):
        return
    if not all(type(line) is bytes and HIDDEN not in line for line in lines):
        return
    offered = [word.strip() for line in lines for word in line.decode("latin-1").split(",") if word.strip()]
    if list(given) != offered and HIDDEN.decode() not in "".join(given):
        yield OFFERED(f"`subprotocols` is {shown(list(given))}, and `sec-websocket-protocol` has {shown(offered)}")

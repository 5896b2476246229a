"""What a server gives in the scope of an HTTP request.

https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope
"""

from collections.abc import Iterator
from typing import Any

from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Field, fields, shown
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.server_rules.scopes import request_headers, request_path, scope_values

TYPE = Rule("A-101", "error", "server", "The scope of an HTTP request has the type `http`.", links.HTTP_SCOPE)
HTTP_VERSION = Rule("A-102", "error", "server", "The `http_version` is a string: 1.0, 1.1 or 2.", links.HTTP_SCOPE)
METHOD = Rule("A-103", "error", "server", "The `method` is a string in upper case.", links.HTTP_SCOPE)
SCHEME = Rule(
    "A-104",
    "error",
    "server",
    "The `scheme` is a string that is not empty, `http` or `https`; without one it is `http`.",
    links.HTTP_SCOPE,
)
PATH = Rule("A-105", "error", "server", "The `path` is a string.", links.HTTP_SCOPE)
RAW_PATH = Rule(
    "A-109",
    "error",
    "server",
    "The `raw_path` is bytes, without the query, or None.",
    links.HTTP_SCOPE,
)
QUERY_STRING = Rule(
    "A-110", "error", "server", "The `query_string` is the bytes behind the question mark.", links.HTTP_SCOPE
)
ROOT_PATH = Rule("A-111", "error", "server", "The `root_path` is a string, which ends with no slash.", links.HTTP_SCOPE)
CLIENT = Rule(
    "A-117",
    "error",
    "server",
    "The `client` is a host as a string and a port as an integer, or None.",
    links.HTTP_SCOPE,
)
SERVER = Rule(
    "A-118",
    "error",
    "server",
    "The `server` is a host and a port, or the path of a Unix socket and None, or None.",
    links.HTTP_SCOPE,
)
STATE = Rule("A-119", "error", "server", "The `state` is a dictionary with strings as keys.", links.HTTP_SCOPE)
STATE_COPY = Rule(
    "A-120",
    "error",
    "server",
    "The `state` of a request is a shallow copy of the lifespan's.",
    links.LIFESPAN_STATE,
)
DEBUG = Rule(
    "A-219",
    "warning",
    "server",
    "The extension `http.response.debug` is for tests: a server does not offer it.",
    links.DEBUG,
)

_VERSIONS = frozenset(("1.0", "1.1", "2"))
_SCHEMES = frozenset(("http", "https"))

_FIELDS = (
    Field("http_version", HTTP_VERSION, scope_values.is_text, "a string", required=True),
    Field("method", METHOD, scope_values.is_text, "a string", required=True),
    Field("scheme", SCHEME, scope_values.is_some_text, "a string that is not empty"),
    Field("path", PATH, scope_values.is_text, "a string", required=True),
    Field("raw_path", RAW_PATH, scope_values.is_bytes_or_none, "bytes or None"),
    Field("query_string", QUERY_STRING, scope_values.is_bytes, "bytes", required=True),
    Field("root_path", ROOT_PATH, scope_values.is_text, "a string"),
    Field("client", CLIENT, scope_values.is_client, "a host and a port"),
    Field("server", SERVER, scope_values.is_server, "a host and a port, or a path and None"),
    Field("state", STATE, scope_values.is_state, "a dictionary with strings as keys"),
)


def of_scope(scope: dict[str, Any]) -> Iterator[Broken]:
    """Yield what is wrong with the scope of a request."""
    yield from fields(scope, _FIELDS)
    yield from _of_words(scope)
    yield from request_path.of_scope(scope)
    raw, query, root = scope.get("raw_path"), scope.get("query_string"), scope.get("root_path")
    if isinstance(raw, bytes) and b"?" in raw:
        yield RAW_PATH("`raw_path` holds the query as well")
    if isinstance(query, bytes) and query.startswith(b"?"):
        yield QUERY_STRING("`query_string` begins with the question mark")
    if isinstance(root, str) and root.endswith("/"):
        yield ROOT_PATH(f"`root_path` is {shown(root)}, with a slash at its end", severity="warning")
    yield from request_headers.of_request(scope)
    extensions = scope.get("extensions")
    if isinstance(extensions, dict) and "http.response.debug" in extensions and not _is_test_client(scope):
        yield DEBUG("the server offers `http.response.debug`")


def _of_words(scope: dict[str, Any]) -> Iterator[Broken]:
    version, method, scheme = scope.get("http_version"), scope.get("method"), scope.get("scheme")
    if isinstance(version, str) and version not in _VERSIONS:
        yield HTTP_VERSION(f"`http_version` is {shown(version)}", severity="info" if version == "3" else "warning")
    if isinstance(method, str) and method != method.upper():
        yield METHOD(f"`method` is {shown(method)}, and not in upper case")
    if isinstance(scheme, str) and scheme and scheme not in _SCHEMES:
        yield SCHEME(f"`scheme` is {shown(scheme)}", severity="warning")


def _is_test_client(scope: dict[str, Any]) -> bool:
    """Tell whether a scope is of Starlette's test client, by the host that it gives for itself."""
    client = scope.get("client")
    return isinstance(client, (list, tuple)) and bool(client) and type(client[0]) is str and client[0] == "testclient"

"""What a server gives of the TLS connection (https://asgi.readthedocs.io/en/latest/specs/tls.html)."""

from collections.abc import Iterator
from typing import Any

from asgictl.inspector.record import Opaque
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Field, fields, shown
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.server_rules.scopes import scope_values

SECURE = Rule(
    "A-221", "error", "server", "Only a connection over TLS, of https or wss, has the extension `tls`.", links.TLS
)
SERVER_CERT = Rule(
    "A-222", "error", "server", "The `server_cert` is the server's certificate in PEM, or None.", links.TLS
)
CLIENT_CHAIN = Rule(
    "A-223", "error", "server", "The `client_cert_chain` is an iterable of certificates in PEM.", links.TLS
)
CLIENT_NAME = Rule(
    "A-224",
    "error",
    "server",
    "The `client_cert_name` is a string or None, and given where there is a `client_cert_chain`.",
    links.TLS,
)
CLIENT_ERROR = Rule(
    "A-225", "error", "server", "The `client_cert_error` is a string that is not empty, or None.", links.TLS
)
TLS_VERSION = Rule("A-226", "error", "server", "The `tls_version` is an integer as TLS numbers it, or None.", links.TLS)
CIPHER_SUITE = Rule(
    "A-227", "error", "server", "The `cipher_suite` is an integer of 16 bits without a sign, or None.", links.TLS
)

_BEGIN = "-----BEGIN CERTIFICATE-----"
_LARGEST = 0xFFFF


def _is_certificate(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip().startswith(_BEGIN)


def _is_chain(value: Any) -> bool:
    return isinstance(value, Opaque) or (isinstance(value, (list, tuple)) and all(map(_is_certificate, value)))


def _is_number(value: Any) -> bool:
    return value is None or (scope_values.is_integer(value) and 0 <= value <= _LARGEST)


_FIELDS = (
    Field(
        "server_cert", SERVER_CERT, lambda value: value is None or _is_certificate(value), "PEM or None", required=True
    ),
    Field("client_cert_chain", CLIENT_CHAIN, _is_chain, "certificates in PEM"),
    Field("client_cert_name", CLIENT_NAME, scope_values.is_text_or_none, "a string or None"),
    Field(
        "client_cert_error",
        CLIENT_ERROR,
        lambda value: value is None or scope_values.is_some_text(value),
        "a string that is not empty, or None",
    ),
    Field("tls_version", TLS_VERSION, _is_number, "the number of a version, or None", required=True),
    Field("cipher_suite", CIPHER_SUITE, _is_number, "an integer of 16 bits, or None", required=True),
)
_SECURE = frozenset(("https", "wss"))


def of_scope(scope: dict[str, Any]) -> Iterator[Broken]:
    """Yield what is wrong with what a scope says of TLS."""
    extensions = scope.get("extensions")
    tls = extensions.get("tls") if isinstance(extensions, dict) else None
    if not isinstance(tls, dict):
        return
    scheme = scope.get("scheme", "http")
    if isinstance(scheme, str) and scheme not in _SECURE:
        yield SECURE(f"there is the extension `tls`, and the scheme is {shown(scheme)}")
    yield from fields({"type": "tls", **tls}, _FIELDS)
    chain = tls.get("client_cert_chain")
    if chain and not isinstance(chain, Opaque) and tls.get("client_cert_name") is None:
        yield CLIENT_NAME("there is a `client_cert_chain`, and no `client_cert_name`")

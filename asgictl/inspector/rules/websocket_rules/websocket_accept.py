"""What accepts a WebSocket: `websocket.accept`, by itself.

https://asgi.readthedocs.io/en/latest/specs/www.html#accept-send-event
"""

from collections.abc import Iterator
from typing import Any

from asgictl.inspector.headers import joined, pairs
from asgictl.inspector.record.marks import HIDDEN
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Field, fields
from asgictl.inspector.rules.header_checks import of_headers
from asgictl.inspector.rules.http_rules.response_headers import shaped_by
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.value_text import shown

SUBPROTOCOL = Rule(
    "A-335",
    "error",
    "app",
    "The accepted subprotocol is text, or None.",
    links.WEBSOCKET_ACCEPT,
    'send the subprotocol as text: `"subprotocol": "chat"`',
)
OFFERED = Rule(
    "A-336",
    "warning",
    "app",
    "The accepted subprotocol is one of those that the client has offered; a client fails the connection otherwise.",
    links.rfc(6455, "4.2.2"),
    'choose one of `scope["subprotocols"]`, or none',
)
HEADERS = Rule(
    "A-337",
    "error",
    "app",
    "The headers of an accept are pairs of bytes, with names in lower case, without pseudo headers.",
    links.WEBSOCKET_ACCEPT,
    "send the headers as pairs of bytes: `[(b'x-name', b'value')]`",
)
IN_HEADERS = Rule(
    "A-338",
    "error",
    "app",
    "The headers of an accept do not include `sec-websocket-protocol`.",
    links.WEBSOCKET_ACCEPT,
    "send it as `subprotocol`; the server makes the header from that",
)
HANDSHAKE = Rule(
    "A-339",
    "warning",
    "app",
    "The fields of the handshake are the server's: the headers of an accept include none of them.",
    links.rfc(6455, "4.2.2"),
    "leave the header out; the server sends its own",
)
NEWER = Rule(
    "A-340",
    "error",
    "app",
    "A key that was added to the specification is sent only to a server that says it knows that version.",
    links.WEBSOCKET_SCOPE,
    'look at `scope["asgi"]["spec_version"]` before sending the key',
)

_FIELDS = (Field("subprotocol", SUBPROTOCOL, lambda value: value is None or isinstance(value, str), "text or None"),)
HEADER_RULES = shaped_by(HEADERS)
_OURS = frozenset(
    (
        *(b"connection", b"content-length", b"sec-websocket-accept", b"sec-websocket-extensions"),
        *(b"sec-websocket-version", b"transfer-encoding", b"upgrade"),
    )
)


def of_accept(message: dict[str, Any], scope: dict[str, Any]) -> Iterator[Broken]:
    """Yield what is wrong with how a connection is accepted that has this `scope`."""
    yield from fields(message, _FIELDS)
    chosen = message.get("subprotocol")
    if isinstance(chosen, str) and not _is_offered(chosen, scope):
        yield OFFERED(f"{shown(chosen)} is accepted, which the client has not offered")
    if "headers" in message:
        yield from of_headers(headers := message["headers"], HEADER_RULES)
        names = {name.lower() for name, _ in pairs(headers)}
        if b"sec-websocket-protocol" in names:
            yield IN_HEADERS("`sec-websocket-protocol` is sent as a header")
        for name in sorted(names & _OURS):
            yield HANDSHAKE(f"`{name.decode('latin-1')}` is sent as a header")
        if headers:
            yield from of_version(scope, "2.1", "`headers` in `websocket.accept`")


def of_version(scope: dict[str, Any], since: str, what: str) -> Iterator[Broken]:
    """Yield what is wrong with a key that is sent to a server which does not know it.

    A server that does not say its version knows 2.0, and in truth mostly more.
    """
    asgi = scope.get("asgi")
    said = asgi.get("spec_version") if isinstance(asgi, dict) else None
    if said is None:
        yield NEWER(f"{what} is new in {since}, and the server does not say that it knows this", severity="info")
    elif isinstance(said, str) and _number(said) < _number(since):
        yield NEWER(f"{what} is new in {since}, and the server says that it knows {said}")


def _number(version: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:  # of which nothing is known
        return (99,)


def _is_offered(chosen: str, scope: dict[str, Any]) -> bool:
    """Tell whether the client has, or may have, offered a subprotocol: one that is a secret cannot be compared."""
    offered = scope.get("subprotocols")
    named = joined(list(pairs(scope.get("headers"))), "sec-websocket-protocol")
    known = [*(offered if isinstance(offered, (list, tuple)) else ()), *(one.strip() for one in named.split(","))]
    hidden = HIDDEN.decode()
    return chosen in known or hidden in chosen or any(isinstance(one, str) and hidden in one for one in known)

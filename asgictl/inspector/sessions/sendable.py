"""A recorded request, held against what may be written into a command line.

A session may be somebody else's: nothing of it becomes an option, the name of a file, or a line of its own.
"""

from typing import NamedTuple

from asgictl import rfc9110
from asgictl.errors import AsgictlError
from asgictl.inspector import address, urls, whole_request
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.headers import is_lost, value_of
from asgictl.inspector.record import observer

# What the clients work out for themselves, from the URL and the body.
_OWN = (b"content-length", b"host")

_OTHERS = "send another exchange of the session"


class Sendable(NamedTuple):
    """A request: where to, with which `target` and version of HTTP, headers and body; and what to say of it.

    `host` is the Host header where the URL has another one; `is_hostless` where there was none.
    """

    base: str
    method: str
    target: str
    version: str
    headers: list[tuple[str, bytes]]
    host: str | None
    is_hostless: bool
    body: bytes
    is_empty: bool
    is_chunked: bool
    notes: tuple[str, ...]

    def has(self, name: str) -> bool:
        """Tell whether there is a header called `name`."""
        return any(one.lower() == name for one, _ in self.headers)


def sendable(exchange: Exchange, client: str) -> Sendable:
    """Return the request of an exchange, without the secrets that are not kept.

    Raises `AsgictlError` for what is not a request, is not kept in full, or is not HTTP.
    """
    if exchange.type != "http":
        problem = f"#{exchange.id} is a {exchange.type}, which {client} cannot send"
        is_websocket = exchange.type == "websocket"
        raise AsgictlError(problem, hint="`asgictl session replay` sends it" if is_websocket else _OTHERS)
    whole_request.check(exchange, _OTHERS)
    if not _is_name(exchange.method):
        raise _unsendable(exchange, f"its method `{exchange.method}` is not one of HTTP")
    place = address.reachable(exchange)
    headers = exchange.request_headers
    coding = value_of(headers, "transfer-encoding")
    return Sendable(
        base=place.url,
        method=exchange.method,
        target=_target(exchange),
        version=str(exchange.scope.get("http_version") or "1.1"),
        headers=_headers(exchange),
        host=place.host,
        is_hostless=value_of(headers, "host") is None,
        body=exchange.request_body,
        is_empty=not exchange.request_body and coding is None and value_of(headers, "content-length") is None,
        is_chunked=coding is not None,
        notes=place.notes,
    )


def _headers(exchange: Exchange) -> list[tuple[str, bytes]]:
    kept = []
    for raw, value in exchange.request_headers:
        name = raw.decode("latin-1")
        if not _is_name(name):
            raise _unsendable(exchange, f"its header `{name}` has a name that HTTP does not allow")
        if isinstance(value, bytes) and observer.BREAKS.search(value):
            raise _unsendable(exchange, f"its header `{name}` has more than one line")
        if isinstance(value, bytes) and not is_lost(value) and raw.lower() not in _OWN:
            kept.append((name, value))
    return kept


def _target(exchange: Exchange) -> str:
    """Return the target without the parameters that are not kept."""
    path, _, query = exchange.target.partition("?")
    if path.startswith("-"):
        raise _unsendable(exchange, f"its path `{path}` does not begin with a slash")
    path = urls.path_without_secrets(path.encode()).decode()
    query = urls.without_secrets(query.encode()).decode()
    return f"{path}?{query}" if query else path


def _is_name(text: str) -> bool:
    return rfc9110.is_token(text) and not text.startswith("-")


def _unsendable(exchange: Exchange, why: str) -> AsgictlError:
    return AsgictlError(f"#{exchange.id} cannot be sent: {why}", hint=_OTHERS)

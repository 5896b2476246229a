"""Where a request was sent to."""

import re
from urllib.parse import urlsplit

from asgictl import addresses
from asgictl.inspector import urls
from asgictl.inspector.exchange import Exchange, value_of

# A name or an address, and perhaps a port (RFC 3986 section 3.2.2, without what nobody uses).
_HOST = re.compile(r"[A-Za-z0-9.\[\]:_-]+")


def url(exchange: Exchange) -> str:
    """Return the URL that was asked for: by the Host header, or else the address that was connected to."""
    host = value_of(exchange.request_headers, "host") or _server(exchange) or "localhost"
    return f"{_scheme(exchange)}://{host}{_absolute(exchange.target)}"


def reachable(exchange: Exchange) -> tuple[str, str | None]:
    """Return a URL that leads to the server that was asked, and the Host header to send where the URL has another.

    A name like `shop.example` in the Host header may well be another machine, from here.
    """
    host = value_of(exchange.request_headers, "host")
    server = _server(exchange) or "localhost"
    target = _sendable(exchange)
    if host is None or server == host or (_HOST.fullmatch(host) and is_loopback(f"http://{host}")):
        return f"{_scheme(exchange)}://{host or server}{target}", None
    return f"{_scheme(exchange)}://{server}{target}", host


def is_loopback(text: str) -> bool:
    """Tell whether a URL leads to this machine."""
    try:
        host = urlsplit(text).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or addresses.is_loopback(host)
    except ValueError:
        return False


def _scheme(exchange: Exchange) -> str:
    return str(exchange.scope.get("scheme") or "http")


def _absolute(target: str) -> str:
    """Return a target as the path of a URL; `*`, which means the server, has none (RFC 9112 section 3.2.4)."""
    return target if target.startswith("/") else ""


def _sendable(exchange: Exchange) -> str:
    """Return the target without the parameters that are not kept."""
    path, _, query = exchange.target.partition("?")
    path = urls.path_without_secrets(path.encode()).decode()
    query = urls.without_secrets(query.encode()).decode()
    return f"{_absolute(path)}?{query}" if query else _absolute(path)


def _server(exchange: Exchange) -> str | None:
    """Return the address that was connected to, where it is one of the network."""
    server = exchange.scope.get("server")
    if not isinstance(server, (list, tuple)) or len(server) != 2 or server[1] is None:  # noqa: PLR2004  # host and port
        return None
    host = f"[{server[0]}]" if ":" in str(server[0]) else server[0]
    return f"{host}:{server[1]}"

"""Where a request was sent to."""

import ipaddress
from urllib.parse import urlsplit

from asgictl.inspector.exchange import Exchange, value_of


def url(exchange: Exchange) -> str:
    """Return the URL that was asked for: by the Host header, or else the address that was connected to."""
    return _url(exchange, value_of(exchange.request_headers, "host") or _server(exchange) or "localhost")


def reachable(exchange: Exchange) -> tuple[str, str | None]:
    """Return a URL that leads to the server that was asked, and the Host header to send where the URL has another.

    A name like `shop.example` in the Host header may well be another machine, from here.
    """
    host = value_of(exchange.request_headers, "host")
    if host and is_loopback(f"http://{host}"):
        return _url(exchange, host), None
    server = _server(exchange)
    if server is None or server == host:
        return _url(exchange, host or "localhost"), None
    return _url(exchange, server), host


def is_loopback(text: str) -> bool:
    """Tell whether a URL leads to this machine."""
    try:
        host = urlsplit(text).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(exchange: Exchange, host: str) -> str:
    return f"{exchange.scope.get('scheme') or 'http'}://{host}{exchange.target}"


def _server(exchange: Exchange) -> str | None:
    """Return the address that was connected to, where it is one of the network."""
    server = exchange.scope.get("server")
    if not server or server[1] is None:
        return None
    host = f"[{server[0]}]" if ":" in str(server[0]) else server[0]
    return f"{host}:{server[1]}"

"""Where a request was sent to."""

import re
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from asgictl import addresses
from asgictl.errors import AsgictlError
from asgictl.inspector.exchange import Exchange

# A name, or an address of IPv6 in brackets, and perhaps a port (RFC 3986 section 3.2.2, without what nobody uses).
_HOST = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?")

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_PORTS = {"http": 80, "https": 443}
_LAST_PORT = 65535


class Reachable(NamedTuple):
    """A URL without its path, the Host header to send where it is another one, and what to say of where it leads."""

    url: str
    host: str | None
    notes: tuple[str, ...] = ()


def url(exchange: Exchange) -> str:
    """Return the URL that was asked for: by the Host header, or else the address that was connected to.

    Browsers read no archive with a URL that is none, so that what cannot be in one is not.
    """
    scheme, host, server = _scheme(exchange), host_of(exchange), _server(exchange)
    place = next((one for one in (host, server) if one and _is_place(one)), "localhost")
    return f"{scheme if _SCHEME.fullmatch(scheme) else 'http'}://{place}{_absolute(exchange.target)}"


def reachable(exchange: Exchange) -> Reachable:
    """Return what leads to the server that was asked; raise `AsgictlError` where nothing can be sent to it.

    A name like `shop.example` in the Host header may well be another machine, from here, and another port than the
    server's is another server.
    """
    scheme = _scheme(exchange)
    if scheme not in _PORTS:
        problem = f"#{exchange.id} cannot be sent: its scheme `{scheme}` is neither http nor https"
        raise AsgictlError(problem, hint="send another exchange of the session")
    host = host_of(exchange)
    server = _server(exchange)
    if server is not None and not _is_place(server):
        why = "is not an address" if server.isascii() else "is not in ASCII, as addresses are"
        problem = f"#{exchange.id} cannot be sent: its server `{server}` {why}"
        raise AsgictlError(problem, hint="send another exchange of the session")
    if host is not None and _leads_there(scheme, host, server):
        return Reachable(f"{scheme}://{host}", None, _about_host(scheme, host, server))
    return Reachable(f"{scheme}://{server or 'localhost'}", host, _about_server(exchange, scheme, server))


def host_of(exchange: Exchange) -> str | None:
    """Return the Host header, None where there is none, or it is not kept."""
    values = (value for name, value in exchange.request_headers if name.lower() == b"host")
    value = next(values, None)
    return value.decode("latin-1") if isinstance(value, bytes) else None


def _leads_there(scheme: str, host: str, server: str | None) -> bool:
    """Tell whether the name in a Host header leads to the server that was asked, as far as can be told from here."""
    if host == server:
        return True
    found = _HOST.fullmatch(host)
    if not found or not _is_place(host) or not _is_here(found[1].strip("[]").lower()):
        return False
    # A container's own address and port are seldom those by which it is reached.
    return server is None or _port(scheme, host) == _port(scheme, server) or not is_loopback(f"http://{server}")


def _is_place(netloc: str) -> bool:
    found = _HOST.fullmatch(netloc)
    return found is not None and (not found[2] or 0 < int(found[2]) <= _LAST_PORT)


def _port(scheme: str, netloc: str) -> int:
    found = _HOST.fullmatch(netloc)
    return int(found[2]) if found and found[2] else _PORTS[scheme]


def _about_host(scheme: str, host: str, server: str | None) -> tuple[str, ...]:
    """Return what to say of a URL that is made of the Host header."""
    if server is not None and _port(scheme, server) != _port(scheme, host):
        return (f"it goes to `{host}`, as its Host header says: the server was `{server}`",)
    return () if is_loopback(f"http://{host}") else (_foreign(host),)


def _foreign(netloc: str) -> str:
    return f"it goes to `{netloc}`, which need not be this machine"


def _about_server(exchange: Exchange, scheme: str, server: str | None) -> tuple[str, ...]:
    """Return what to say of a URL that is made of the address that was connected to."""
    asked = exchange.scope.get("server")
    if server is None and isinstance(asked, (list, tuple)) and asked:
        return (f"it came over the UNIX socket `{asked[0]}`, and goes to port {_PORTS[scheme]} instead",)
    if server is not None and not is_loopback(f"http://{server}"):
        return (_foreign(server),)
    return ()


def is_loopback(text: str) -> bool:
    """Tell whether a URL leads to this machine; of a name like `shop.localhost` the resolver is asked.

    Not every resolver takes those names for this machine (RFC 6761 section 6.3).
    """
    try:
        host = (urlsplit(text).hostname or "").rstrip(".")
        if host.endswith(".localhost"):
            found = {str(address[0]) for *_, address in socket.getaddrinfo(host, None)}
            return bool(found) and all(map(addresses.is_loopback, found))
        return _is_here(host)
    except (ValueError, OSError):
        return False


def _is_here(host: str) -> bool:
    return host == "localhost" or addresses.is_loopback(host)


def _scheme(exchange: Exchange) -> str:
    return str(exchange.scope.get("scheme") or "http")


def _absolute(target: str) -> str:
    """Return a target as the path of a URL; `*`, which means the server, has none (RFC 9112 section 3.2.4)."""
    return target if target.startswith("/") else ""


def _server(exchange: Exchange) -> str | None:
    """Return the address that was connected to, where it is one of the network."""
    server = exchange.scope.get("server")
    if not isinstance(server, (list, tuple)) or len(server) != 2 or server[1] is None:  # noqa: PLR2004  # host and port
        return None
    host = f"[{server[0]}]" if ":" in str(server[0]) else server[0]
    return f"{host}:{server[1]}"

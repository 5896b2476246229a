"""`localhost` in both families, 127.0.0.1 and ::1, on the one socket that uvicorn serves on."""

import contextlib
import socket
import sys
from collections.abc import Callable
from typing import Any

from asgictl.asgi import ASGIApp, Receive, Scope, Send

# How the system shows an IPv4 address on a socket of IPv6 (RFC 4291 section 2.5.5.2).
_MAPPED = "::ffff:"


def bound(port: int, backlog: int) -> socket.socket | None:
    """Return a socket that listens on both addresses, which only this machine reaches; None where there is none.

    That is Linux's: a socket for every address of both families, at the loopback device alone (socket(7)).
    """
    if sys.platform != "linux" or not socket.has_dualstack_ipv6():
        return None
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with contextlib.suppress(OSError):  # the port is taken in one family, or devices are not for everybody
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        sock.bind(("::", port))
        sock.listen(backlog)
        return sock
    sock.close()
    return None


def unmapped(app: ASGIApp) -> Callable[[Scope, Receive, Send], Any]:
    """Return an app that is told IPv4 addresses as such, and is otherwise `app`."""

    def call(scope: Scope, receive: Receive, send: Send) -> Any:
        plain = {key: _plain(scope[key]) for key in ("client", "server") if scope.get(key)}
        return app({**scope, **plain}, receive, send)

    return call


def _plain(address: tuple[str, int]) -> tuple[str, int]:
    return address[0].removeprefix(_MAPPED), address[1]

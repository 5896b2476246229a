"""The proxies that are believed about their clients: by their addresses, and over a UNIX socket all.

There it is the file's permissions that say who may connect, as it is this machine alone on the loopback addresses,
which are believed too. gunicorn does the same (https://docs.gunicorn.org/en/stable/settings.html#forwarded-allow-ips).
"""

from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from asgictl.asgi import ASGIApp, Receive, Scope, Send
from asgictl.serving.sockets.listen import UNIX

_UNIX_CLIENT = (UNIX, 0)


def believing(app: ASGIApp, proxies: str) -> ASGIApp:
    """Return `app` behind what takes the client and the scheme from X-Forwarded-For and X-Forwarded-Proto.

    `proxies` are addresses and networks, or `*`; with `UNIX` among them all clients come over a UNIX socket.
    """
    if UNIX not in proxies:
        return _typed(ProxyHeadersMiddleware(app, proxies))  # type: ignore[arg-type]

    async def without_address(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["client"] == _UNIX_CLIENT:
            scope["client"] = None
        await app(scope, receive, send)

    inner = _typed(ProxyHeadersMiddleware(without_address, proxies))  # type: ignore[arg-type]

    async def with_address(scope: Scope, receive: Receive, send: Send) -> None:
        scope["client"] = _UNIX_CLIENT
        await inner(scope, receive, send)

    return with_address


def _typed(app: Any) -> ASGIApp:
    """Return an app whose types are uvicorn's own."""
    typed: ASGIApp = app
    return typed

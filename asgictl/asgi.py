"""The types of the ASGI 3 interface (https://asgi.readthedocs.io/en/latest/specs/main.html)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

# What calls an application: ASGI 3, ASGI 2, or WSGI; "auto" is whatever it turns out to be.
Interface = Literal["auto", "asgi3", "asgi2", "wsgi"]


class Asgi2:
    """An application of ASGI 2, which takes the scope first and then receive and send, as one of ASGI 3."""

    def __init__(self, app: Callable[[Scope], Callable[[Receive, Send], Awaitable[None]]]) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application."""
        await self.app(scope)(receive, send)

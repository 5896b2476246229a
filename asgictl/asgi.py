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

"""Uvicorn's own choice of WebSocket protocol, imported after the app is ready.

The library takes about a tenth of the time to the first answer (bench/startup.py), and no page needs it before.
"""

from typing import Any

MODULE = "uvicorn.protocols.websockets.auto"


def protocol(**arguments: Any) -> Any:
    """Return the protocol for one connection; uvicorn calls this when a client upgrades."""
    from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

    assert AutoWebSocketsProtocol is not None  # noqa: S101  # the plan has looked for the library
    return AutoWebSocketsProtocol(**arguments)

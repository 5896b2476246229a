"""What tests import: the types of the pytest fixture `asgi_inspect`, and what its clients raise.

These names are stable; what is neither here, nor in `asgictl` or `asgictl.records`, is internal and may change.

`Inspected` is what the fixture hands out: `with Inspected(app) as client:` works without pytest, too. `Client` is what
`with` gives, `AsyncClient` what `async with` gives. `BrokenRuleError` comes out of a block whose app breaks a rule of
ASGI. `Refused` comes out of a WebSocket that the app does not accept,
`Disconnected` out of one that it closes, and `StartupError` and `ShutdownError` out of a lifespan that fails.
"""

from asgictl.inspector.client.broken import BrokenRuleError
from asgictl.inspector.client.driver import ShutdownError, StartupError
from asgictl.inspector.client.fixture import AsyncClient, Client, Inspected
from asgictl.inspector.client.websocket import Disconnected, Refused

__all__ = [
    "AsyncClient",
    "BrokenRuleError",
    "Client",
    "Disconnected",
    "Inspected",
    "Refused",
    "ShutdownError",
    "StartupError",
]

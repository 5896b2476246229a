"""Examples for the beginning, the body and the end of an answer."""

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.examples.example import breaks, keeps


@breaks("A-141")
async def status_as_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the status as text."""
    await send({"type": "http.response.start", "status": "200"})
    await send({"type": "http.response.body"})


@keeps("A-141")
async def status_as_number(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the status as a number."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})

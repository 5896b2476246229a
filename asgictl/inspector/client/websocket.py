"""The client's side of a WebSocket, without a network."""

from collections.abc import Callable

from asgictl.inspector.client.call import Call
from asgictl.inspector.exchange import Exchange


class Refused(Exception):  # noqa: N818  # no error, an answer
    """A WebSocket was not accepted; `exchange` is what was recorded."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(f"{exchange.target}: {exchange.status}")
        self.exchange = exchange


class Disconnected(Exception):  # noqa: N818  # no error, an answer
    """The app has closed the WebSocket with `code` and `reason`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class WebSocket:
    """A WebSocket, the client's side of it."""

    def __init__(self, call: Call, recorded: Callable[[int], Exchange]) -> None:
        self.call = call
        self.subprotocol: str | None = None
        self._recorded = recorded
        self._open = False
        self._ended = False

    async def connect(self) -> None:
        """Wait for the app to accept; raise `Refused` when it does not."""
        __tracebackhide__ = True
        self.call.put({"type": "websocket.connect"})
        message = await self.call.next()
        if message is not None and message.get("type") == "websocket.accept":
            self.subprotocol = message.get("subprotocol")
            self._open = True
            return
        while message is not None and str(message.get("type")).startswith("websocket.http.response."):
            if message["type"].endswith("body") and not message.get("more_body", False):
                break
            message = await self.call.next()
        self._end(1006, "")
        raise Refused(self._recorded(self.call.number))

    async def send(self, data: str | bytes) -> None:
        """Send a text or a binary message."""
        self.call.put({"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data})

    async def receive(self, timeout: float | None = None) -> str | bytes:  # noqa: ASYNC109  # as `Call.next`
        """Return the app's next message; raise `Disconnected` when it closes."""
        __tracebackhide__ = True
        message = await self.call.next(timeout)
        if message is None:
            self._open = False
            raise Disconnected(1006, "the app has returned")
        if message.get("type") == "websocket.close":
            code, reason = message.get("code", 1000), message.get("reason") or ""
            await self.close(code, reason)  # the client answers, and the app hears that
            raise Disconnected(code, reason)
        data: str | bytes = message["text"] if message.get("text") is not None else message.get("bytes", b"")
        return data

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it from the client's side; a second call does nothing."""
        self._end(code if self._open else 1006, reason)

    def _end(self, code: int, reason: str) -> None:
        """Have the app receive `websocket.disconnect`, once; 1006 is a handshake that was not completed."""
        self._open = False
        if not self._ended:
            self._ended = True
            self.call.put({"type": "websocket.disconnect", "code": code, "reason": reason})

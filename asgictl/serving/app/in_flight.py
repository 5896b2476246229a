"""One connection through the runtime: what was asked, and how the answer goes."""

import sys
import time
from collections.abc import Awaitable
from typing import NoReturn, Protocol

from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.serving.processes import forks

_SWITCHING = 101
_FORBIDDEN = 403
_FAILED = 500
_GONE = 499  # as nginx has it: the client closed the connection before there was an answer
_ABNORMAL = 1006  # RFC 6455 section 7.4.1: no close frame was seen


class AnswerWatcher(Protocol):
    """Who is told how exchanges go."""

    closing: bool

    def begin_late_answer(self, exchange: "InFlight") -> None:
        """The app begins to answer, `exchange.start` is about to be sent, and `closing` is true."""

    def complete(self, exchange: "InFlight") -> None:
        """The answer is complete, or will never be."""


class InFlight:
    """An HTTP request, watched without changing a byte.

    `status` is 0 until an answer begins, `start` the message that began it. `size` counts the bytes that the app has
    sent, `close_code` is a WebSocket's. `ended` is one that was ended because it would not end by itself. Times are of
    `time.perf_counter`, in seconds.
    """

    # Set in the class, so that a request, which all of this is done for, does not have to.
    status = 0
    size = 0
    close_code = 0
    start: Message = {}  # noqa: RUF012  # never changed in place
    over = False
    ended = False
    duration = 0.0

    def __init__(self, scope: Scope, send: Send, watcher: AnswerWatcher) -> None:
        """Watch one call of the app, and tell `watcher`."""
        self.scope = scope
        self._send = send
        self._watcher = watcher
        self.begun = time.perf_counter()

    @property
    def is_event_stream(self) -> bool:
        """Whether the answer has begun and is Server-Sent Events."""
        return not self.over and any(
            value.startswith(b"text/event-stream")
            for name, value in self.start.get("headers", ())
            if name.lower() == b"content-type"
        )

    def ask_to_close(self) -> None:
        """Tell the client to connect anew for its next request (RFC 9112 section 9.6)."""
        if self.scope["http_version"].startswith("1"):
            self.start = {**self.start, "headers": [*self.start.get("headers", ()), (b"connection", b"close")]}

    def send(self, message: Message) -> Awaitable[None]:
        """Take note of what the app sends, and pass it on."""
        if message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
            if not message.get("more_body"):
                self.finish()
        elif message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message.get("headers")
            if headers.__class__ is not list and headers is not None:
                message = {**message, "headers": list(headers)}
            self.start = message
            if self._watcher.closing:
                self._watcher.begin_late_answer(self)
                message = self.start
        return self._send(message)

    def leave(self) -> None:
        """In a child of the app's: end it where it would answer what its parent answers."""
        self._send = _leave

    def finish(self) -> None:
        """Take the time, and tell that the answer is complete. Once."""
        if not self.over:
            self.over = True
            self.duration = time.perf_counter() - self.begun
            self._watcher.complete(self)

    def end(self) -> None:
        """Tell that the app is done with it, whatever it has left undone, which the server then answers."""
        if self.status == _SWITCHING and not self.close_code:
            self.close_code = _ABNORMAL
        if not self.status:
            # Uvicorn drops what is sent after the client has gone.
            gone = getattr(getattr(self._send, "__self__", None), "disconnected", False)
            self.status = _GONE if gone else _FAILED
        self.finish()


def _leave(_message: Message) -> NoReturn:
    forks.end_child(sys.exception())


class WebSocketExchange(InFlight):
    """A WebSocket connection, watched in both directions."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, watcher: AnswerWatcher) -> None:
        super().__init__(scope, send, watcher)
        self._receive = receive

    def send(self, message: Message) -> Awaitable[None]:
        """Take note of what the app sends, and pass it on."""
        kind = message["type"]
        if kind == "websocket.send":
            data = message.get("bytes")
            self.size += len(data if data is not None else message.get("text", "").encode())
        elif kind == "websocket.accept":
            self.status = _SWITCHING
        elif kind == "websocket.close":
            if self.status == _SWITCHING:
                self.close_code = message.get("code", 1000)
            else:
                self.status = _FORBIDDEN
            self.finish()
        elif kind == "websocket.http.response.start":
            self.status = message["status"]
        elif kind == "websocket.http.response.body":
            self.size += len(message.get("body", b""))
            if not message.get("more_body", False):
                self.finish()
        return self._send(message)

    async def receive(self) -> Message:
        """Return the next message, and take note of the end."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect" and not self.over:
            self.close_code = message.get("code", _ABNORMAL)
            self.finish()
        return message

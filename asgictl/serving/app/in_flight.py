"""One connection through the runtime: what was asked, and how the answer goes."""

import sys
import time
from typing import Any, NoReturn, Protocol

from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.serving.processes import forks

_SWITCHING = 101
_FORBIDDEN = 403
_FAILED = 500
_GONE = 499  # as nginx has it: the client closed the connection before there was an answer
_ABNORMAL = 1006  # RFC 6455 section 7.4.1: no close frame was seen

# How an answer can be incomplete: the app or a stop has broken it off, the client has gone before its end, or it has
# come before the end of the request.
CUT = "cut off"
LEFT = "client left"
UNREAD = "upload unread"


class AnswerWatcher(Protocol):
    """Who is told how exchanges go."""

    closing: bool

    def begin_late_answer(self, exchange: "InFlight") -> None:
        """The app begins to answer, `exchange.headers` are about to be sent, and `closing` is true."""

    def complete(self, exchange: "InFlight") -> None:
        """The answer is complete, or will never be."""


class InFlight:
    """An HTTP request, watched without changing a byte.

    `status` is 0 until the server has accepted the beginning of an answer, `headers` None until the app has sent it.
    `size` counts the bytes of the body, `close_code` is a WebSocket's. `incomplete` says what is wrong with an answer
    that is over. `ended` is one that was ended because it would not end by itself. Times are of `time.perf_counter`, in
    seconds.
    """

    # Set in the class, so that a request, which all of this is done for, does not have to.
    status = 0
    size = 0
    close_code = 0
    incomplete = ""
    headers: list[Any] | None = None
    over = False
    _taken = 0
    ended = False
    duration = 0.0

    def __init__(self, scope: Scope, send: Send, watcher: AnswerWatcher) -> None:
        """Watch one call of the app, which has no hold of `scope`, and tell `watcher`."""
        self.scope = scope
        self._send = send
        self._watcher = watcher
        self.begun = time.perf_counter()

    @property
    def is_event_stream(self) -> bool:
        """Whether the answer has begun and is Server-Sent Events."""
        return not self.over and any(
            value.startswith(b"text/event-stream")
            for name, value in self.headers or ()
            if name.lower() == b"content-type"
        )

    def ask_to_close(self) -> None:
        """Tell the client to connect anew for its next request (RFC 9112 section 9.6)."""
        if self.scope["http_version"].startswith("1"):
            self.headers = [*(self.headers or ()), (b"connection", b"close")]

    async def send(self, message: Message) -> None:
        """Pass on what the app sends, and take note of what the server accepts."""
        kind = message["type"]
        if kind == "http.response.body":
            self.size += len(message.get("body") or b"")
            await self._send(message)
            if not message.get("more_body"):
                self.finish()
            elif not getattr(getattr(self._send, "__self__", None), "disconnected", False):
                self._taken = self.size
        elif kind == "http.response.start":
            headers = message.get("headers") or ()
            self.headers = [*headers]
            if self._watcher.closing:
                self._watcher.begin_late_answer(self)
                message = {**message, "headers": self.headers}
            elif headers and headers.__class__ is not list:
                message = {**message, "headers": self.headers}
            await self._send(message)
            self.status = message["status"]
        else:
            await self._send(message)

    @property
    def _has_all(self) -> bool:
        """Whether a client had all that was promised when it left, as it may before the app has said that it is all."""
        lengths = [value for name, value in self.headers or () if name.lower() == b"content-length"]
        return self.scope.get("method") == "HEAD" or lengths == [b"%d" % self._taken]

    def cut_off(self) -> None:
        """Note that the process ends in the middle of it."""
        self.headers = self.headers or []
        self.finish(complete=False)

    def leave(self) -> None:
        """In a child of the app's: end it where it would answer what its parent answers."""
        self._send = _leave

    def finish(self, *, complete: bool = True) -> None:
        """Take the time, and tell that the answer is `complete`, or will never be. Once."""
        if self.over:
            return
        self.over = True
        self.duration = time.perf_counter() - self.begun
        try:
            cycle = self._send.__self__  # type: ignore[attr-defined]
            whole = complete and self.status and not cycle.disconnected and not cycle.more_body
        except AttributeError:
            whole = False
        if not whole:
            self._judge(complete=complete)
        self._watcher.complete(self)

    def _judge(self, *, complete: bool) -> None:
        """Note what has become of an answer that may not be as the app wanted it."""
        cycle = getattr(self._send, "__self__", None)
        gone = getattr(cycle, "disconnected", False)  # uvicorn drops what is sent from then on
        unread = getattr(cycle, "more_body", False)
        if gone and not (self.status and getattr(cycle, "response_started", True)):
            self.status, self.size = _GONE, 0
        elif gone:
            self.incomplete = "" if complete and self._has_all else LEFT
        elif not self.status:
            self.status, self.size = _FAILED, 0
            self.incomplete = CUT if self.headers is not None else UNREAD if unread else ""
        elif not complete:
            self.incomplete = CUT
        elif unread:
            self.incomplete = UNREAD


def _leave(_message: Message) -> NoReturn:
    forks.end_child(sys.exception())


class WebSocketExchange(InFlight):
    """A WebSocket connection, watched in both directions."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, watcher: AnswerWatcher) -> None:
        super().__init__(scope, send, watcher)
        self._receive = receive

    async def send(self, message: Message) -> None:
        """Pass on what the app sends, and take note of what the server accepts."""
        await self._send(message)
        kind = message["type"]
        if kind == "websocket.send":
            data = message.get("bytes")
            self.size += len(data if data is not None else (message.get("text") or "").encode())
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

    async def receive(self) -> Message:
        """Return the next message, and take note of the end."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect" and not self.over:
            if self.status == _SWITCHING:
                self.close_code = message.get("code", _ABNORMAL)
            self.status = self.status or _GONE
            self.finish(complete=False)
        return message

    def _judge(self, *, complete: bool) -> None:
        if self.status == _SWITCHING:
            self.close_code = self.close_code or _ABNORMAL
        elif self.status != _GONE:
            super()._judge(complete=complete)


class RefusedHead(InFlight):
    """A request that was refused before its head was complete: what is known of it is the client."""

    def __init__(self, status: int, client: tuple[str, int] | None, size: int, duration: float) -> None:
        self.scope = {
            "type": "http",
            "http_version": "",
            "method": "",
            "path": "",
            "raw_path": b"",
            "query_string": b"",
            "client": client,
            "headers": [],
        }
        self.status, self.size, self.duration = status, size, duration

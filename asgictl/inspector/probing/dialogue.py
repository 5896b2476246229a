"""The server's side of one call of an app: what the app receives, when, and what becomes of what it sends."""

import asyncio
from typing import Any

from asgictl.asgi import Message
from asgictl.inspector.client.refusing import GoneError
from asgictl.inspector.endings import FILES
from asgictl.inspector.probing.probes import SAFE, Probe

# What is taken of an answer, in messages and in bytes, before the client leaves.
_MESSAGES = 1000
_BYTES = 16 * 1024 * 1024

# So often an app may ask, or send, after its client has gone; then it waits for ever.
_AFTERWARDS = 100


class Dialogue:
    """What every kind of call has; `has_answered` once the app has begun to, `is_complete` once all is said."""

    # How long an app may go on with an answer that it has begun, in seconds; None for as long as a probe may last.
    patience: float | None = None

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.has_answered = False
        self.is_complete = False
        self.is_gone = False
        # How many messages with content there are in the answer.
        self.parts = 0
        # Set once there is nothing more to wait for on the client's side.
        self.is_over = asyncio.Event()
        self._count = self._size = 0
        self._afterwards = 0

    async def receive(self) -> Message:
        """Return the next message for the app, which servers do at once where there is one."""
        if self.is_gone:
            await asyncio.sleep(0)
            await self._count_afterwards()
        return await self.following()

    async def following(self) -> Message:
        """Return what comes next."""
        raise NotImplementedError

    async def send(self, message: Message) -> None:
        """Take a message of the app's; raise `GoneError` once the client has gone.

        https://asgi.readthedocs.io/en/latest/specs/www.html#disconnected-client-send-exception
        """
        await asyncio.sleep(0)
        if self.is_gone:
            await self._count_afterwards()
            raise GoneError("the client has gone")
        if not isinstance(message, dict):
            return
        self.take(message.get("type"), message)
        body = message.get("body")
        self._count += 1
        if isinstance(body, bytes) and body:
            self._size += len(body)
            self.parts += 1
        if self._count >= _MESSAGES or self._size >= _BYTES:
            self.leave()

    def take(self, kind: Any, message: Message) -> None:
        """Take note of a message of the app's."""
        raise NotImplementedError

    def leave(self) -> None:
        """Have the client gone."""
        self.is_gone = True
        self.is_over.set()

    def complete(self) -> None:
        """Take note that all is said."""
        self.has_answered = self.is_complete = True
        self.is_over.set()

    async def _count_afterwards(self) -> None:
        self._afterwards += 1
        if self._afterwards > _AFTERWARDS:
            await asyncio.Event().wait()


class Request(Dialogue):
    """A request and its answer."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._chunks = list(probe.chunks)
        self._is_cut = probe.leaves == "before" and probe.scope["method"] not in SAFE
        self._has_trailers = False
        self.status: object = None

    async def following(self) -> Message:
        """Return the next part of the body, or that the client has gone."""
        if self._chunks and not self.is_gone:
            chunk = self._chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(self._chunks) or self._is_cut}
        if self.probe.leaves == "before":
            self.leave()
        await self.is_over.wait()
        return {"type": "http.disconnect"}

    def take(self, kind: Any, message: Message) -> None:
        """Take note of how far the answer is."""
        if kind == "http.response.start":
            self.has_answered = True
            self.status = message.get("status")
            self._has_trailers = message.get("trailers") is True
            if _is_event_stream(message.get("headers")):
                self.patience = 0.3
            if self.probe.leaves == "during":
                self.leave()
        if kind == "http.response.trailers":
            is_last = not message.get("more_trailers")
        else:
            is_content = kind == "http.response.body" or kind in FILES
            is_last = is_content and not message.get("more_body") and not self._has_trailers
        if is_last:
            self.complete()


class DocumentRequest(Request):
    """A request for a document, of which the `body` is kept, as far as an answer is taken."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self.body = bytearray()

    def take(self, kind: Any, message: Message) -> None:
        """Take note of how far the answer is, and keep its content."""
        super().take(kind, message)
        body = message.get("body")
        if kind == "http.response.body" and isinstance(body, bytes):
            self.body += body[: _BYTES - len(self.body)]


class Chat(Dialogue):
    """A WebSocket: a client that leaves as soon as it is let in."""

    patience = 0.3

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._has_connected = False
        self._code: object = 1006

    async def following(self) -> Message:
        """Return that the client connects, and then that it has gone; after that nothing."""
        if not self._has_connected:
            self._has_connected = True
            return {"type": "websocket.connect"}
        if self.probe.leaves == "before":
            self.leave()
        if self.is_gone and self._code is None:
            await asyncio.Event().wait()
        await self.is_over.wait()
        self.leave()
        code, self._code = self._code, None
        return {"type": "websocket.disconnect", "code": code, "reason": ""}

    def take(self, kind: Any, message: Message) -> None:
        """Take note of whether the client is let in."""
        if kind == "websocket.accept":
            self.has_answered = True
            self._code = 1001
            self.is_over.set()
        elif kind == "websocket.close":
            self._code = message.get("code", 1000) if self.has_answered else 1006
            self.complete()
        elif kind == "websocket.http.response.body" and not message.get("more_body"):
            self.complete()


class Life(Dialogue):
    """A lifespan: its startup at once, its shutdown when it is over."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._messages = ["lifespan.startup", "lifespan.shutdown"]
        self.has_begun = False
        self.answers: dict[str, Message] = {}
        self.heard = asyncio.Event()
        self.ending = asyncio.Event()

    async def following(self) -> Message:
        """Return that the server starts, and that it stops."""
        if self.has_begun:
            await self.ending.wait()
        if not self._messages:
            await asyncio.Event().wait()
        self.has_begun = True
        return {"type": self._messages.pop(0)}

    def take(self, kind: Any, message: Message) -> None:
        """Take note of the app's answers."""
        if isinstance(kind, str):
            self.answers[kind] = message
            self.heard.set()

    def end(self) -> None:
        """Have the app receive that the server stops."""
        self.heard.clear()
        self.ending.set()


class Unheard(Dialogue):
    """A scope of a type that the app does not know: there is nothing to receive."""

    async def following(self) -> Message:
        """Wait for ever."""
        await asyncio.Event().wait()
        raise AssertionError

    def take(self, kind: Any, message: Message) -> None:
        """Take note of nothing."""


def of_probe(probe: Probe) -> Dialogue:
    """Return the server's side of a probe."""
    kinds: dict[str, type[Dialogue]] = {"http": Request, "websocket": Chat, "lifespan": Life}
    return kinds.get(probe.scope["type"], Unheard)(probe)


def _is_event_stream(headers: Any) -> bool:
    for pair in headers if isinstance(headers, (list, tuple)) else ():
        if isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], bytes):  # noqa: PLR2004  # name and value
            is_type = pair[0].lower() == b"content-type"
            if is_type and isinstance(pair[1], bytes) and pair[1].lower().startswith(b"text/event-stream"):
                return True
    return False

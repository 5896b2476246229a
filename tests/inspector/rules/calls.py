"""Calls of an app by what each of them does: the server's messages, and the app's steps."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from asgictl import Inspector
from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.inspector.record import Finding, Record
from asgictl.inspector.request import Check
from asgictl.inspector.rules.example import CHAT, GET, LIFESPAN
from asgictl.inspector.rules.referee import Referee
from asgictl.inspector.sessions import codec

ABSENT = object()

# Of a server that need not raise after a disconnect, and of one that should.
VERSION = {"version": "3.0", "spec_version": "2.3"}
LATER = {"version": "3.0", "spec_version": "2.4"}

START: Message = {"type": "http.response.start", "status": 204, "headers": []}
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}
REQUEST: Message = {"type": "http.request", "body": b"", "more_body": False}
MORE: Message = {"type": "http.request", "body": b"x", "more_body": True}
GONE: Message = {"type": "http.disconnect"}
CONNECT: Message = {"type": "websocket.connect"}
TEXT: Message = {"type": "websocket.receive", "text": "hello"}
LEFT: Message = {"type": "websocket.disconnect", "code": 1000, "reason": ""}
ACCEPT: Message = {"type": "websocket.accept"}
CLOSE: Message = {"type": "websocket.close"}
STARTUP: Message = {"type": "lifespan.startup"}
SHUTDOWN: Message = {"type": "lifespan.shutdown"}
STARTED: Message = {"type": "lifespan.startup.complete"}
STOPPED: Message = {"type": "lifespan.shutdown.complete"}
FAILED: Message = {"type": "lifespan.startup.failed", "message": "no database"}

# What an app does in turn: `None` for what it receives, and otherwise what it sends.
Steps = Sequence[Message | None]


class Call(NamedTuple):
    """A call of an app: with its scope, what the server gives, what the app does, and what `send` raises at the end."""

    scope: Any
    messages: Sequence[Any]
    steps: Steps
    refusal: Exception | None = None


def changed(scope: Scope, changes: dict[str, Any]) -> Scope:
    """Return a scope with other values, without those that are `ABSENT`."""
    return {key: value for key, value in {**scope, **changes}.items() if value is not ABSENT}


def request(*messages: Any, steps: Steps = (), refusal: Exception | None = None, **changes: Any) -> Call:
    """Return a request, of which the app receives everything before it answers."""
    given = messages or (REQUEST,)
    return Call(changed({**GET, "asgi": VERSION}, changes), given, steps or [*[None] * len(given), START, END], refusal)


def chat(*messages: Any, steps: Steps = (), refusal: Exception | None = None, **changes: Any) -> Call:
    """Return a WebSocket, which the app accepts once it has received something."""
    given = messages or (CONNECT, TEXT, LEFT)
    offer = changes.get("headers", [(b"host", b"localhost"), (b"sec-websocket-protocol", b"chat")])
    usual: Steps = [None, ACCEPT, *[None] * (len(given) - 1)]
    return Call(changed({**CHAT, "asgi": VERSION, "headers": offer}, changes), given, steps or usual, refusal)


def lifespan(*messages: Any, steps: Steps = (), **changes: Any) -> Call:
    """Return a lifespan."""
    given = messages or (STARTUP, SHUTDOWN)
    return Call(changed(LIFESPAN, changes), given, steps or (None, STARTED, None, STOPPED))


class Server:
    """Calls one app, which does what each call says, with an inspector around it."""

    def __init__(self, check: Check, *, info: bool) -> None:
        self.records: list[Record] = []
        self._call: Call
        self._inspector = Inspector(self._app, sink=self.records.append, check=check, info=info)

    async def _app(self, _: Scope, receive: Receive, send: Send) -> None:
        for step in self._call.steps:
            if step is None:
                await receive()
            else:
                with contextlib.suppress(Exception):
                    await send(dict(step))

    async def _called(self, call: Call) -> None:
        waiting = list(call.messages)
        gone = False

        async def receive() -> Message:
            nonlocal gone
            if not waiting:
                await asyncio.sleep(60)
            message: Message = waiting.pop(0)
            gone = str(message.get("type")).endswith(".disconnect")
            return message

        async def send(message: Message) -> None:
            if gone and call.refusal is not None:
                raise call.refusal

        self._call = call
        await self._inspector(call.scope, receive, send)

    async def run(self, calls: Sequence[Call], *others: Sequence[Call]) -> None:
        """Call it several times, each time when the call before waits, or has ended; `others` in another event loop."""
        tasks = []
        for call in calls:
            tasks.append(asyncio.ensure_future(self._called(call)))
            await asyncio.wait(tasks[-1:], timeout=0.02)
        for other in others:
            await asyncio.to_thread(asyncio.run, self.run(other))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def recorded(calls: Sequence[Call], check: Check = "all", *, loops: int = 1, info: bool = True) -> list[Record]:
    """Return what is recorded, and found, of calls of one app, in so many event loops."""
    server = Server(check, info=info)
    size = -(-len(calls) // loops)
    asyncio.run(server.run(*(calls[n : n + size] for n in range(0, len(calls), size))))
    return server.records


def found(calls: Sequence[Call], check: Check = "all", *, loops: int = 1, info: bool = True) -> list[Finding]:
    """Return what is found of calls of one app, in so many event loops."""
    records = recorded(calls, check, loops=loops, info=info)
    return [record for record in records if isinstance(record, Finding)]


def found_again(records: Sequence[Record]) -> list[Finding]:
    """Return what is found in the same records when they come from a session that was saved."""
    referee = Referee("all", info=True)
    lines = [codec.dumps(record) for record in records if not isinstance(record, Finding)]
    return [finding for line in lines if (record := codec.loads(line)) for finding in referee.findings(record)]

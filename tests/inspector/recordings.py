"""Records to test with, as an app makes them."""

import asyncio
import contextlib
import gzip
from collections.abc import Iterable, Sequence
from typing import Any

from asgictl import Inspector
from asgictl.asgi import ASGIApp, Message, Scope
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Failure, Opened, Record
from asgictl.inspector.sessions import archives

SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "server": ["127.0.0.1", 8000],
    "client": ["127.0.0.1", 51234],
    "scheme": "http",
    "method": "POST",
    "root_path": "",
    "path": "/orders",
    "raw_path": b"/orders",
    "query_string": b"x=1",
    "headers": [(b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json")],
    "state": {},
}

REQUEST: list[Record] = [
    Opened(7, 1_700_000_000.0, SCOPE),
    Event(
        7, 1, 0.0, "receive", {"type": "http.request", "body": b'{"sku": "A1", "n": 2}', "more_body": False}, size=21
    ),
    Event(
        7,
        2,
        7.9,
        "send",
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"8")],
        },
    ),
    Event(7, 3, 8.4, "send", {"type": "http.response.body", "body": b'{"ok":1}'}, size=8),
    Closed(7, 8.5),
]

CHAT: list[Record] = [
    Opened(8, 1_700_000_001.0, {**SCOPE, "type": "websocket", "path": "/chat", "raw_path": b"/chat", "scheme": "ws"}),
    Event(8, 1, 0.1, "receive", {"type": "websocket.connect"}),
    Event(8, 2, 0.2, "send", {"type": "websocket.accept", "subprotocol": "chat"}),
    Event(8, 3, 20.0, "receive", {"type": "websocket.receive", "text": "hi", "bytes": None}, size=2),
    Event(8, 4, 20.5, "send", {"type": "websocket.send", "bytes": b"\x00\xff"}, size=2),
    Event(8, 5, 99.0, "receive", {"type": "websocket.disconnect", "code": 1001, "reason": "bye"}),
    Closed(8, 99.5),
]

FAILING: list[Record] = [
    Opened(9, 1_700_000_002.0, {**SCOPE, "method": "GET", "path": "/boom", "raw_path": b"/boom", "query_string": b""}),
    Closed(9, 1.0, error=Failure("ValueError", "boom", "Traceback ...\nValueError: boom\n")),
]


def recorded(app: ASGIApp, scope: Scope, messages: Sequence[Message] = (), **options: Any) -> list[Record]:
    """Return the records of one call of `app`, whatever comes of it."""
    records: list[Record] = []
    waiting = list(messages)

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pass

    async def main() -> None:
        with contextlib.suppress(Exception):  # it is in the records
            await Inspector(app, sink=records.append, **options)(scope, receive, send)

    asyncio.run(main())
    return records


def gzipped(content: bytes) -> bytes:
    """Return content packed with gzip, without the time, which is another one in each process of the tests."""
    return gzip.compress(content, mtime=0)


def archive(exchanges: Iterable[Exchange]) -> str:
    """Return a HAR file of some exchanges."""
    return "".join(archives.written(exchanges, "1.2.3", dict, print))

"""A small server of HTTP/1.1 for tests, which does what is wrong on request: `python -m tests.e2e.tiny_server FAULT`.

It prints its port. What it does not know of, WebSockets for one, it refuses.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from asgictl.asgi import Message
from asgictl.inspector.echo import app

Change = Callable[[dict[str, Any]], Any]


def _put(**values: Any) -> Change:
    return lambda scope: scope.update(values)


def _raw_path_with_query(scope: dict[str, Any]) -> None:
    scope["raw_path"] += b"?" + scope["query_string"] if scope["query_string"] else b""


def _without_duplicates(scope: dict[str, Any]) -> None:
    scope["headers"] = list(dict(scope["headers"]).items())


# What each fault does to a scope.
SCOPES: dict[str, Change] = {
    "text-port": _put(client=("127.0.0.1", "5000")),
    "text-query": lambda scope: scope.update(query_string=scope["query_string"].decode()),
    "lower-method": lambda scope: scope.update(method=scope["method"].lower()),
    "raw-query": _raw_path_with_query,
    "encoded-path": lambda scope: scope.update(path=scope["raw_path"].decode()),
    "no-path": lambda scope: scope.pop("path"),
    "no-duplicates": _without_duplicates,
    "text-headers": lambda scope: scope.update(
        headers=[(n.decode(), v.decode("latin-1")) for n, v in scope["headers"]]
    ),
    "no-asgi": lambda scope: scope.pop("asgi"),
    "own-state": lambda scope: scope.update(state=STATE),
    "no-state": lambda scope: scope.pop("state"),
    "old-version": _put(http_version="1"),
}
FAULTS = set(sys.argv[1:])
STATE: dict[str, Any] = {}
ENDED = b"0\r\n\r\n"


class Connection:
    """A request, its answer, and the end of the connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.body: bytes | None = b""
        self.length = 0
        self.method = ""
        self.status = 0
        self.answered = self.gone = False

    async def run(self) -> None:
        """Answer one request, and close."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
            self.method, target, version = first.split(" ")
            pairs = [(n.lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines)]
            if problem := self._problem(target, version, dict(pairs), pairs):
                self.writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: %d\r\n\r\n%b" % (len(problem), problem))
                return
            self.body = await self._read(dict(pairs))
            await app(self._scope(target, version, pairs), self.receive, self.send)
            await self.reader.read(1)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            self.writer.close()

    def _problem(self, target: str, version: str, headers: dict[str, str], pairs: list[tuple[str, str]]) -> bytes:
        hosts = sum(name == "host" for name, _ in pairs)
        both = {"content-length", "transfer-encoding"} <= headers.keys()
        if (version == "HTTP/1.1" and hosts != 1) or both or not headers.get("content-length", "0").isdigit():
            return b"headers"
        return b"" if target.startswith("/") and self.method.isupper() and "upgrade" not in headers else b"target"

    async def _read(self, headers: dict[str, str]) -> bytes:
        if "transfer-encoding" not in headers:
            return await self.reader.readexactly(int(headers.get("content-length", 0)))
        body = b""
        while size := int((await self.reader.readline()).partition(b";")[0], 16):
            body += await self.reader.readexactly(size)
            await self.reader.readline()
        return body

    def _scope(self, target: str, version: str, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        path, _, query = target.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version.removeprefix("HTTP/"),
            "method": self.method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode("latin-1"),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs],
            "client": self.writer.get_extra_info("peername"),
            "state": dict(STATE),
        }
        for fault in FAULTS & SCOPES.keys():
            SCOPES[fault](scope)
        return scope

    async def receive(self) -> Message:
        """Return the body, and then the end of the connection."""
        if self.body is not None:
            body, self.body = self.body, None
            return {"type": "http.request", "body": body[1:] if "short-body" in FAULTS else body}
        if "again" in FAULTS:
            return {"type": "http.request", "body": b""}
        if not self.answered or "waits" in FAULTS:
            with contextlib.suppress(OSError):  # reset
                await self.reader.read()
            self.gone = True
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Pass a message on; raise for what is none."""
        if "swallows" in FAULTS and self._is_wrong(message):
            return
        if "strict" in FAULTS and not message.keys() <= {"type", "status", "headers", "body", "more_body"}:
            raise ValueError("a key too many")
        if "raises" in FAULTS and self.gone:
            raise ValueError("the client has gone")
        if self._is_wrong(message):
            raise ValueError("a wrong message")
        if message["type"] == "http.response.start":
            self.status = message["status"]
            lines = [
                b"%b: %b" % pair
                for pair in message["headers"]
                if pair[0] not in {b"content-length", b"transfer-encoding"}
            ]
            if self.status not in {204, 304}:
                lines.append(b"transfer-encoding: chunked")
            self.writer.write(b"\r\n".join((b"HTTP/1.1 %d OK" % self.status, *lines, b"", b"")))
            return
        body, self.answered = message.get("body", b""), not message.get("more_body", False)
        if (self.method != "HEAD" or "head-body" in FAULTS) and self.status not in {204, 304}:
            self.writer.write(b"%x\r\n%b\r\n" % (len(body), body) if body else b"")
            self.writer.write(ENDED if self.answered else b"")

    def _is_wrong(self, message: Message) -> bool:
        kind = message.get("type")
        if kind == "http.response.start":
            is_bytes = all(isinstance(name, bytes) for name, _ in message.get("headers", ()))
            return not isinstance(message.get("status"), int) or not is_bytes
        return kind != "http.response.body" or not isinstance(message.get("body", b""), bytes)


async def lifespan() -> None:
    """Start the app, and leave it running."""
    asked: asyncio.Queue[Message] = asyncio.Queue()
    asked.put_nowait({"type": "lifespan.startup"})
    started = asyncio.Event()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": STATE}

    async def send(_: Message) -> None:
        started.set()

    task = asyncio.ensure_future(app(scope, asked.get, send))
    if "early" not in FAULTS:
        await started.wait()
    TASKS.append(task)


TASKS: list[asyncio.Task[None]] = []


async def main() -> None:
    """Serve on any port, which is printed."""
    await lifespan()
    server = await asyncio.start_server(lambda *streams: Connection(*streams).run(), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

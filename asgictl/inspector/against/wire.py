"""A connection to a server, on which anything can be sent: the bytes of HTTP/1 as they are, and what comes back."""

import asyncio
import contextlib
import re
import ssl
from typing import NamedTuple
from urllib.parse import SplitResult

from asgictl.inspector.address import is_loopback

Pairs = list[tuple[bytes, bytes]]

# RFC 9110 sections 15.3.5, 15.4.5 and 9.3.2
_WITHOUT_CONTENT = frozenset((204, 304))
_INTERIM = range(100, 200)
SWITCHING = 101

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\r?\n)")

# The longest answer that is read, in bytes.
_LONGEST = 16 * 1024 * 1024


class RawAnswer(NamedTuple):
    """An answer as it has come: `is_whole` by its own framing, and what came `after` it, unasked for."""

    status: int
    headers: Pairs
    body: bytes
    is_whole: bool
    after: bytes = b""

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of the headers with a name."""
        return [value for key, value in self.headers if key.lower() == name]


class Wire:
    """A connection; nothing on it takes longer than `limit` seconds."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: float) -> None:
        self._reader, self._writer, self._limit = reader, writer, limit

    @classmethod
    async def opened(cls, url: SplitResult, limit: float) -> "Wire":
        """Connect to the server of a URL; raise `OSError`, or `TimeoutError` which is one, where there is none."""
        context = None
        if url.scheme == "https":
            context = ssl.create_default_context()
            if is_loopback(url.geturl()):  # its certificate is often one of nobody's
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
        port = url.port or (443 if context else 80)
        async with asyncio.timeout(limit):
            return cls(*await asyncio.open_connection(url.hostname, port, ssl=context, limit=_LONGEST), limit)

    async def send(self, *parts: bytes) -> None:
        """Send bytes, each part by itself; a server that has closed gets no more."""
        with contextlib.suppress(OSError):
            for place, part in enumerate(parts):
                if place:  # so that they come one by one
                    await asyncio.sleep(0.02)
                self._writer.write(part)
                await self._writer.drain()

    async def answer(self, method: str = "GET") -> RawAnswer | None:
        """Return the next final answer, or None where none comes in time."""
        try:
            async with asyncio.timeout(self._limit):
                while True:
                    head = await self._head()
                    if head is None:
                        return None
                    status, headers = head
                    if status == SWITCHING or status not in _INTERIM:
                        break
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return None
        if method == "HEAD" or status in _WITHOUT_CONTENT or status == SWITCHING:
            return RawAnswer(status, headers, b"", is_whole=True)
        return await self._with_body(RawAnswer(status, headers, b"", is_whole=False))

    async def unasked(self, limit: float = 0.3) -> bytes:
        """Return what still comes by itself."""
        with contextlib.suppress(OSError):
            async with asyncio.timeout(limit):
                return await self._reader.read(1024)
        return b""

    async def exactly(self, count: int) -> bytes:
        """Return so many bytes; raise `OSError` or `IncompleteReadError` where they do not come."""
        async with asyncio.timeout(self._limit):
            return await self._reader.readexactly(count)

    async def close(self, *, at_once: bool = False) -> None:
        """Close the connection, `at_once` with a reset, as a client that crashes does."""
        if at_once:
            self._writer.transport.abort()
            return
        self._writer.close()
        with contextlib.suppress(OSError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()

    async def _head(self) -> tuple[int, Pairs] | None:
        first = await self._reader.readline()
        found = _STATUS.match(first)
        if not found:
            return None
        headers = []
        while (line := (await self._reader.readline()).rstrip(b"\r\n")) != b"":
            name, _, value = line.partition(b":")
            headers.append((name.lower(), value.strip(b" \t")))
        return int(found[1]), headers

    async def _with_body(self, answer: RawAnswer) -> RawAnswer:
        content = bytearray()
        is_whole = False
        with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(self._limit):
                if b"chunked" in b",".join(answer.values(b"transfer-encoding")).lower():
                    await self._chunks(content)
                elif lengths := answer.values(b"content-length"):
                    content += await self._reader.readexactly(int(lengths[0]))
                else:
                    content += await self._reader.read(-1)
                is_whole = True
        return answer._replace(body=bytes(content), is_whole=is_whole)

    async def _chunks(self, content: bytearray) -> None:
        while size := int((await self._reader.readline()).partition(b";")[0], 16):
            content += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        while (await self._reader.readline()).rstrip(b"\r\n"):  # trailers
            pass

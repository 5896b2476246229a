"""Limits for the head of a request, in time and size, around one of uvicorn's protocols for HTTP/1.1.

Uvicorn has no limit in time, and none in size with httptools: a client that sends a header byte by byte keeps its
connection for ever. Nothing of HTTP is parsed here: uvicorn's protocols tell what they have read, all in the same way.
Their `scope` is of the request that has begun last, their `cycle` of the one whose head was complete last.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from asgictl import rfc9110

_TIMEOUT, _TOO_LARGE = 408, 431
_TEXTS = {_TIMEOUT: b"The head of the request took too long.\n", _TOO_LARGE: b"The head of the request is too large.\n"}

# How long what a refused client still sends is read and dropped: a connection closed over it is reset, and the answer
# may be lost with it (RFC 9112 section 9.6); in seconds.
_LINGER = 1.0


class Refusal(NamedTuple):
    """A request that was refused before its head was complete; `duration` is in seconds, `size` in bytes."""

    status: int
    client: tuple[str, int] | None
    size: int
    duration: float


def can_limit(inner: Any) -> bool:
    """Tell whether one of uvicorn's protocols says what it has read; nothing of that is documented."""
    return hasattr(inner, "cycle") and hasattr(inner, "scope")


class LimitedHead(asyncio.Protocol):
    """Passes all on to one of uvicorn's protocols, unless the head of a request is beyond a limit.

    A connection on which nothing is asked within the time is closed, and so is one on which the rest of a request, that
    is answered already, does not end. A WebSocket takes the connection over with `set_protocol`, and is left alone.
    """

    def __init__(
        self, inner: Any, state: Any, *, seconds: float, size: int, refused: Callable[[Refusal], object]
    ) -> None:
        """Limit what `inner` reads, to `seconds` and `size` bytes, where they are not 0; tell `refused`."""
        self._inner = inner
        self._state = state
        self._seconds = seconds
        self._limit = size
        self._refused = refused
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._size = 0
        self._begun = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        self._transport = transport
        self._inner.connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on what belongs to a head within the limits, and all that does not."""
        if self._is_over:
            return
        inner = self._inner
        cycle = inner.cycle
        answered = cycle is None or cycle.response_complete
        of_head = cycle is None or inner.scope is not cycle.scope or (answered and not cycle.more_body)
        rest = b""
        if of_head and self._limit:
            room = self._limit - self._size
            data, rest = data[:room], data[room:]
        inner.data_received(data)
        if inner.cycle is not cycle:
            self._size = 0
            self._wait_no_more()
        elif self._transport.get_protocol() is not self:
            self._wait_no_more()
        elif self._transport.is_closing():
            return
        elif rest:
            self._refuse(_TOO_LARGE)
            return
        else:
            if of_head:
                self._count(len(data))
            if answered:
                self._wait()
        if rest:
            self._transport.get_protocol().data_received(rest)

    def eof_received(self) -> None:
        """Pass it on."""
        self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()

    def _count(self, size: int) -> None:
        if not self._size and self._inner.cycle is not None:
            self._begun = self._loop.time()
            self._wait_no_more()
        self._size += size

    def _wait(self) -> None:
        if self._timer is None and self._seconds:
            self._timer = self._loop.call_later(self._seconds, self._expire)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        if self._size:
            self._refuse(_TIMEOUT)
        else:
            self._transport.close()

    def _refuse(self, status: int) -> None:
        """Answer instead of the app, and close the connection (RFC 9110 section 15.5.9, RFC 6585 section 5)."""
        if self._transport.is_closing():
            return
        self._is_over = True
        self._wait_no_more()
        text = _TEXTS[status]
        headers = [
            *self._state.default_headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(text)),
            (b"connection", b"close"),
        ]
        lines = [b"HTTP/1.1 %d %b" % (status, rfc9110.REASONS[status].encode()), *map(b": ".join, headers)]
        self._transport.write(b"\r\n".join([*lines, b"", text]))
        if self._transport.can_write_eof():
            self._transport.write_eof()
            self._timer = self._loop.call_later(_LINGER, self._transport.close)
        else:  # TLS, which says itself that this is the end
            self._transport.close()
        self._refused(Refusal(status, self._inner.client, len(text), self._loop.time() - self._begun))

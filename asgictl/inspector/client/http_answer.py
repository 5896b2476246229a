"""The head of an answer over HTTP, as clients take it: interim ones are passed over, half a one is none."""

import http.client
from http import HTTPStatus
from typing import Any


class _Lines:
    """What a head is read from, with the latest line of it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.latest = b""

    def readline(self, limit: int = -1) -> bytes:
        """Read a line."""
        self.latest = self._stream.readline(limit)
        return self.latest

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class FinalAnswer(http.client.HTTPResponse):
    """An answer for `HTTPConnection.response_class`, whose head is the final one, and whole."""

    def begin(self) -> None:
        """Read the head; raise `HTTPException` where the connection ends within it, or it is not HTTP."""
        if self.headers is not None:
            return
        stream = self.fp
        lines: Any = _Lines(stream)
        self.fp = lines
        try:
            super().begin()
            # RFC 9110 section 15.2: a client has to take any number of these before the final one.
            while self.status < HTTPStatus.OK and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
                self.headers = None  # as before it has begun
                super().begin()
        except http.client.RemoteDisconnected:
            raise
        except http.client.BadStatusLine as error:
            raise http.client.HTTPException(f"what it sends is not HTTP: {error.line.strip()}") from error
        finally:
            self.fp = stream if self.fp is lines else None  # which is closed
        if lines.latest not in {b"\r\n", b"\n"}:
            raise http.client.HTTPException("the connection was closed within the head of the answer")

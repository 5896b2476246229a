"""The frames of a WebSocket, as a client sends and reads them (RFC 6455 section 5)."""

import base64
import hashlib
import os
import struct
from typing import NamedTuple

from asgictl.inspector.against.wire import Wire

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

_FINAL, _MASKED = 0x80, 0x80
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# From here on the length has 2 bytes of its own, and 8.
_TWO, _EIGHT = 126, 127


class Frame(NamedTuple):
    """A frame: its kind, and what it holds."""

    kind: int
    content: bytes

    @property
    def code(self) -> int | None:
        """The code of a close frame, None where it has none."""
        return struct.unpack("!H", self.content[:2])[0] if len(self.content) > 1 else None


def new_key() -> bytes:
    """Return a key for a handshake (section 4.1)."""
    return base64.b64encode(os.urandom(16))


def accept_of(key: bytes) -> bytes:
    """Return what a server has to answer to a key (section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def frame(kind: int, content: bytes = b"") -> bytes:
    """Return a frame with a short content, masked as those of clients are."""
    assert len(content) < _TWO  # noqa: S101  # all that is sent here is
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(content))
    return bytes((_FINAL | kind, _MASKED | len(content))) + mask + masked


def close_frame(code: int, reason: str) -> bytes:
    """Return a frame that closes."""
    return frame(CLOSE, struct.pack("!H", code) + reason.encode())


async def read(wire: Wire) -> Frame:
    """Return the next frame that is no ping; raise `OSError` or `IncompleteReadError` where none comes."""
    while True:
        first, second = await wire.exactly(2)
        size = second & ~_MASKED
        if size == _TWO:
            size = struct.unpack("!H", await wire.exactly(2))[0]
        elif size == _EIGHT:
            size = struct.unpack("!Q", await wire.exactly(8))[0]
        content = await wire.exactly(size)
        if first & 0x0F not in {PING, PONG}:
            return Frame(first & 0x0F, content)

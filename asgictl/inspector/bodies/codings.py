"""Content codings undone, several in a row, with limits; and what is wrong with what was packed."""

import sys
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

# How large a body may become that is unpacked for an archive, in bytes.
LARGEST = 64 * 1024 * 1024

# How many codings are undone, as in curl (lib/content_encoding.c, MAX_ENCODE_STACK), and how many members of each.
_CODINGS = 5
_MEMBERS = 100_000

# So little is unpacked at once that there is no need of a limit in zlib and zstd: 32 KiB come of a byte at the most.
_PIECE = 256

# What servers may use (RFC 9659 section 3), and clients have to allow.
_ZSTD_WINDOW_LOG = 23

_KILO = 1024

# Returns a decompressor with zlib's interface, which stops soon after so many bytes.
_New = Callable[[int], Any]


class Unpacked(NamedTuple):
    """Content as far as it could be unpacked, the codings that were undone, the outermost first, and what is wrong.

    `fault` continues a sentence; it is None where all of the input was used and nothing is missing.
    """

    content: bytes
    names: tuple[str, ...]
    fault: str | None


class _Coding(NamedTuple):
    label: str
    new: Callable[[], tuple[_New, ...]]
    # What another member begins with, and which bits of that count.
    members: tuple[tuple[bytes, bytes], ...] = ()
    extra: str | None = None


class _Stream(NamedTuple):
    content: bytes
    fault: str | None
    is_other: bool = False


def unpacked(content: bytes, encoding: str, *, limit: int = LARGEST, whole: bool = True) -> Unpacked:
    """Return `content` unpacked by the value of its Content-Encoding, `limit` bytes at the most.

    Not `whole` says that its end was not kept; then it is no fault that the end is missing.
    """
    names: list[str] = []
    fault = None
    for name in _named(encoding) if content else ():
        coding = _KNOWN.get(name)
        news = coding.new() if coding else ()
        if coding is None or not news:
            hint = f": install `asgictl[{coding.extra}]`" if coding else ""
            return Unpacked(content, tuple(names), fault or f"{name} is not unpacked{hint}")
        if len(names) == _CODINGS:
            return Unpacked(content, tuple(names), fault or f"only {_CODINGS} codings are undone")
        streams = (_stream(content, coding, new, limit, whole=whole and fault is None) for new in news)
        stream = next((stream for stream in streams if not stream.is_other), None)
        if stream is None:
            return Unpacked(content, tuple(names), fault or f"this is not {coding.label}")
        content, fault = stream.content, fault or stream.fault
        names.append(name)
    return Unpacked(content, tuple(names), fault)


def _named(encoding: str) -> list[str]:
    """Return the names in a Content-Encoding, the one to be undone first in front (RFC 9110 section 8.4)."""
    names = [part.strip().lower() for part in reversed(encoding.split(","))]
    return [name for name in names if name not in ("", "identity")]


def _stream(content: bytes, coding: _Coding, new: _New, limit: int, *, whole: bool) -> _Stream:
    if coding.members and not _begins(content, coding, whole=False):
        return _Stream(b"", None, is_other=True)
    out = bytearray()
    decoder = None
    at = begin = members = 0
    size = _PIECE
    while at < len(content):
        if decoder is None:
            if fault := _cannot_go_on(content, at, coding, members, whole=whole):
                return _Stream(bytes(out), fault)
            decoder, begin, size, members = new(limit + 1 - len(out)), at, _PIECE, members + 1
        try:
            out += decoder.decompress(content[at : at + size])
        except Exception as error:  # noqa: BLE001  # each library has errors of its own for what is not packed like that
            if size == 1:
                reason = str(error).rpartition(": ")[2]
                fault = f"damaged at byte {at + 1} of {len(content)}: {reason}"
                return _Stream(bytes(out), fault, is_other=not out and members == 1)
            # Byte by byte, to lose nothing of what comes before.
            size, decoder = 1, new(limit + 1 - len(out))
            for piece in range(begin, at, _PIECE):
                decoder.decompress(content[piece : min(piece + _PIECE, at)])
            continue
        if len(out) > limit:
            return _Stream(bytes(out[:limit]), f"only the first {_size(limit)} are unpacked")
        at = min(at + size, len(content)) - len(decoder.unused_data)
        if decoder.eof:
            decoder = None
    return _Stream(bytes(out), "the end is missing" if decoder is not None and whole else None)


def _cannot_go_on(content: bytes, at: int, coding: _Coding, members: int, *, whole: bool) -> str | None:
    """Return what is wrong with what follows the first member."""
    if members == 0:
        return None
    if members == _MEMBERS:
        return f"only the first {_MEMBERS} members are unpacked"
    if _begins(content[at : at + 4], coding, whole=whole):
        return None
    count = len(content) - at
    return f"{count} byte{'s follow that are' if count > 1 else ' follows that is'} not {coding.label}"


def _begins(content: bytes, coding: _Coding, *, whole: bool) -> bool:
    """Tell whether content begins like a member, or, not `whole`, could do so."""
    return any(
        all((byte ^ wanted) & bits == 0 for byte, wanted, bits in zip(content, magic, mask, strict=False))
        and (len(content) >= len(magic) or not whole)
        for magic, mask in coding.members
    )


def _size(limit: int) -> str:
    for unit, size in (("MiB", _KILO**2), ("KiB", _KILO)):
        if limit and limit % size == 0:
            return f"{limit // size} {unit}"
    return f"{limit} bytes"


def _gzip() -> tuple[_New, ...]:
    return (lambda _: zlib.decompressobj(16 + zlib.MAX_WBITS),)


def _deflate() -> tuple[_New, ...]:
    """Return decompressors for zlib's format, and for what is sent without its header (RFC 9110 section 8.4.1.2)."""
    return (lambda _: zlib.decompressobj(zlib.MAX_WBITS), lambda _: zlib.decompressobj(-zlib.MAX_WBITS))


def _brotli() -> tuple[_New, ...]:
    return (_Brotli,) if _module("brotli") else ()


class _Brotli:
    """A decompressor of Brotli's, of which 16 MiB may come of a few bytes, with zlib's interface."""

    unused_data = b""

    def __init__(self, limit: int) -> None:
        self._inner = _module("brotli").Decompressor()
        self._limit = limit
        self.eof = False

    def decompress(self, content: bytes) -> bytes:
        """Return what comes of `content`, not much more than the limit."""
        out = self._inner.process(content, output_buffer_limit=self._limit)
        while len(out) < self._limit and not self._inner.can_accept_more_data():
            out += self._inner.process(b"", output_buffer_limit=self._limit)
        self.eof = self._inner.is_finished()
        return bytes(out)


def _zstd() -> tuple[_New, ...]:
    if sys.version_info >= (3, 14) and (module := _module("compression.zstd")):
        options = {module.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        return (lambda _: module.ZstdDecompressor(options=options),)
    if (module := _module("zstandard")) is None:
        return ()
    return (lambda _: module.ZstdDecompressor(max_window_size=2**_ZSTD_WINDOW_LOG).decompressobj(),)


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


_GZIP = _Coding("gzip", _gzip, ((b"\x1f\x8b", b"\xff\xff"),))

_KNOWN = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": _Coding("deflate", _deflate),
    "br": _Coding("Brotli", _brotli, extra="brotli"),
    # A frame, or one to be skipped (RFC 8878 section 3.1).
    "zstd": _Coding(
        "zstd", _zstd, ((b"\x28\xb5\x2f\xfd", b"\xff" * 4), (b"\x50\x2a\x4d\x18", b"\xf0" + b"\xff" * 3)), "zstd"
    ),
}

"""The libraries that undo a content coding, behind one interface, that of zlib's decompressors."""

import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

# What servers may use (RFC 9659 section 3), and clients have to allow.
_ZSTD_WINDOW_LOG = 23

# Returns a decompressor with zlib's interface, which stops soon after so many bytes.
New = Callable[[int], Any]


class Coding(NamedTuple):
    """What a coding is called, and how to undo it: `new` gives nothing where the package of `extra` is missing."""

    label: str
    new: Callable[[], tuple[New, ...]]
    # What another member begins with, and which bits of that count.
    members: tuple[tuple[bytes, bytes], ...] = ()
    extra: str | None = None

    @property
    def least(self) -> int:
        """How many bytes tell whether content is in this coding."""
        return max((len(magic) for magic, _ in self.members), default=2)


def _gzip() -> tuple[New, ...]:
    return (lambda _: zlib.decompressobj(16 + zlib.MAX_WBITS),)


def _deflate() -> tuple[New, ...]:
    """Return decompressors for zlib's format, and for what is sent without its header (RFC 9110 section 8.4.1.2)."""
    return (lambda _: zlib.decompressobj(zlib.MAX_WBITS), lambda _: zlib.decompressobj(-zlib.MAX_WBITS))


def _brotli() -> tuple[New, ...]:
    return (_Brotli,) if _module("brotli") else ()


class _Brotli:
    """A decompressor of Brotli's, of which 16 MiB may come of a few bytes, with zlib's interface."""

    unused_data = b""

    def __init__(self, limit: int) -> None:
        self._inner = _module("brotli").Decompressor()
        self._limit = limit
        self.eof = False

    def decompress(self, content: bytes) -> bytes:
        """Return what comes of `content`; when that is as much as the limit, nothing more can be asked for."""
        out = self._inner.process(content, output_buffer_limit=self._limit)
        self.eof = self._inner.is_finished()
        return bytes(out)


def _zstd() -> tuple[New, ...]:
    if module := _module("compression.zstd"):  # of Python 3.14, if it was built with it
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


_GZIP = Coding("gzip", _gzip, ((b"\x1f\x8b", b"\xff\xff"),))

KNOWN = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": Coding("deflate", _deflate),
    "br": Coding("Brotli", _brotli, extra="brotli"),
    # A frame, or one to be skipped (RFC 8878 section 3.1).
    "zstd": Coding(
        "zstd", _zstd, ((b"\x28\xb5\x2f\xfd", b"\xff" * 4), (b"\x50\x2a\x4d\x18", b"\xf0" + b"\xff" * 3)), "zstd"
    ),
}

"""Content packed in a coding, quickly: a body that a HAR file has unpacked, as it may have been sent."""

import zlib
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from asgictl.inspector.bodies.codings import CODINGS


class _Packer(NamedTuple):
    """What takes content, what gives all of it so far, and what gives its end, too."""

    compress: Callable[[bytes], bytes]
    flush: Callable[[], bytes]
    finish: Callable[[], bytes]


def packed(content: bytes, names: Sequence[str], *, whole: bool) -> bytes | None:
    """Return content packed in the codings with these names, or None where one cannot be had.

    What is not `whole` has no end packed, either.
    """
    if len(names) > CODINGS:
        return None
    for name in names:
        packer = _NEW[name]() if name in _NEW else None
        if packer is None:
            return None
        content = packer.compress(content) + (packer.finish() if whole else packer.flush())
    return content


def _zlib(bits: int) -> _Packer:
    inner = zlib.compressobj(1, wbits=bits)
    return _Packer(inner.compress, lambda: inner.flush(zlib.Z_SYNC_FLUSH), inner.flush)


def _brotli() -> _Packer | None:
    if (module := _module("brotli")) is None:
        return None
    inner = module.Compressor(quality=1)
    return _Packer(inner.process, inner.flush, inner.finish)


def _zstd() -> _Packer | None:
    if (module := _module("compression.zstd")) is not None:  # of Python 3.14
        inner = module.ZstdCompressor()
        return _Packer(inner.compress, lambda: inner.flush(inner.FLUSH_BLOCK), inner.flush)
    if (module := _module("zstandard")) is None:
        return None
    inner = module.ZstdCompressor().compressobj()
    return _Packer(inner.compress, lambda: inner.flush(module.COMPRESSOBJ_FLUSH_BLOCK), inner.flush)


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


_NEW: dict[str, Callable[[], _Packer | None]] = {
    **dict.fromkeys(("gzip", "x-gzip"), lambda: _zlib(16 + zlib.MAX_WBITS)),
    "deflate": lambda: _zlib(zlib.MAX_WBITS),
    "br": _brotli,
    "zstd": _zstd,
}

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

    @property
    def least(self) -> int:
        """How many bytes tell whether content is in this coding."""
        return max((len(magic) for magic, _ in self.members), default=2)


def unpacked(content: bytes, encoding: str, *, limit: int = LARGEST, whole: bool = True) -> Unpacked:
    """Return `content` unpacked by the value of its Content-Encoding, `limit` bytes at the most.

    Not `whole` says that its end was not kept; then it is no fault that the end is missing.
    """
    names: list[str] = []
    fault = None
    for name in _named(encoding) if content else ():
        if (refusal := _refusal(name, len(names))) is not None:
            return Unpacked(content, tuple(names), fault or refusal)
        coding = _KNOWN[name]
        decodings = (_decoded(content, coding, new, limit) for new in coding.new())
        found = next(((out, decoding) for out, decoding in decodings if not decoding.is_other), None)
        if found is None:
            return Unpacked(content, tuple(names), fault or f"this is not {coding.label}")
        content, decoding = found
        names.append(name)
        if len(content) > limit:
            content, fault = content[:limit], fault or f"only the first {_size(limit)} are unpacked"
        elif whole or not decoding.is_open:
            fault = fault or decoding.fault or ("the end is missing" if decoding.is_open else None)
    return Unpacked(content, tuple(names), fault)


class Unpacker:
    """Unpacks content that comes in chunks: `feed` returns what comes of each, `limit` bytes at the most.

    `names` and `fault` are as in `Unpacked`, as far as it is known.
    """

    def __init__(self, encoding: str, *, limit: int) -> None:
        self.names: list[str] = []
        self.fault: str | None = None
        self._limit = limit
        self._waiting = _named(encoding)
        self._stages: list[_Decoding] = []
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return what comes of the next chunk; of what cannot be unpacked the chunk itself."""
        for stage in self._stages:
            chunk = self._through(stage, chunk)
        while self._waiting and chunk:
            self._held += chunk
            refusal = _refusal(self._waiting[0], len(self.names))
            if refusal is None and len(self._held) < _KNOWN[self._waiting[0]].least:
                return b""
            content, self._held = self._held, b""
            chunk = self._begun(self._waiting.pop(0), content) if refusal is None else self._given_up(refusal, content)
        return chunk

    def _begun(self, name: str, content: bytes) -> bytes:
        coding = _KNOWN[name]
        for new in coding.new():
            stage = _Decoding(coding, new)
            out = self._through(stage, content)
            if not stage.is_other:
                self._stages.append(stage)
                self.names.append(name)
                return out
            self.fault = None
        return self._given_up(f"this is not {coding.label}", content)

    def _through(self, stage: "_Decoding", content: bytes) -> bytes:
        out = stage.feed(content, self._limit + 1)
        if len(out) > self._limit:
            self.fault = self.fault or f"only {_size(self._limit)} of a chunk are unpacked"
        self.fault = self.fault or stage.fault
        return out[: self._limit]

    def _given_up(self, fault: str, content: bytes) -> bytes:
        self._waiting.clear()
        self.fault = self.fault or fault
        return content


class _Decoding:
    """One coding being undone, member after member.

    `is_other` says that content was never in this coding, `is_open` that it goes on, `damaged` where the piece begins
    that could not be read.
    """

    def __init__(self, coding: _Coding, new: _New) -> None:
        self.fault: str | None = None
        self.is_other = False
        self.damaged: int | None = None
        self._coding = coding
        self._new = new
        self._decoder: Any = None
        self._at = 0
        self._members = 0

    @property
    def is_open(self) -> bool:
        return self._decoder is not None

    def feed(self, content: bytes, room: int, size: int = _PIECE) -> bytes:
        """Return what comes of `content`, not much more than `room`, taken in pieces of `size`."""
        out = bytearray()
        place = 0
        while place < len(content) and self.fault is None and len(out) < room:
            if self._decoder is None:
                if (fault := self._cannot_go_on(content, place)) is not None:
                    self.fault = fault
                    break
                self._decoder = self._new(room - len(out))
                self._members += 1
            piece = content[place : place + size]
            try:
                out += self._decoder.decompress(piece)
            except Exception as error:  # noqa: BLE001  # each library has errors of its own for what is not packed like that
                self.damaged = self._at + place
                self.fault = f"damaged from byte {self.damaged + 1} on: {str(error).rpartition(': ')[2]}"
                self.is_other = not out and self._members == 1 and self._at == 0
                self._decoder = None
                break
            place += len(piece) - len(self._decoder.unused_data)
            if self._decoder.eof:
                self._decoder = None
        self._at += place
        return bytes(out)

    def _cannot_go_on(self, content: bytes, place: int) -> str | None:
        """Return what is wrong with what begins here."""
        if self._members == _MEMBERS:
            return f"only the first {_MEMBERS} members are unpacked"
        if self._coding.members:
            if _begins(content[place : place + self._coding.least], self._coding):
                return None
            self.is_other = self._members == 0
        elif self._members == 0:
            return None
        count = len(content) - place
        return f"{count} byte{'s follow that are' if count > 1 else ' follows that is'} not {self._coding.label}"


def _refusal(name: str, undone: int) -> str | None:
    """Return why a coding is not undone, or None."""
    coding = _KNOWN.get(name)
    if coding is None:
        return f"{name} is not unpacked"
    if not coding.new():
        return f"{name} is not unpacked: install `asgictl[{coding.extra}]`"
    return f"only {_CODINGS} codings are undone" if undone == _CODINGS else None


def _named(encoding: str) -> list[str]:
    """Return the names in a Content-Encoding, the one to be undone first in front (RFC 9110 section 8.4)."""
    names = [part.strip().lower() for part in reversed(encoding.split(","))]
    return [name for name in names if name not in ("", "identity")]


def _decoded(content: bytes, coding: _Coding, new: _New, limit: int) -> tuple[bytes, _Decoding]:
    decoding = _Decoding(coding, new)
    out = decoding.feed(content, limit + 1)
    if decoding.damaged is None:
        return out, decoding
    # The last piece byte by byte, to lose nothing of what comes before the damage.
    before, rest = content[: decoding.damaged], content[decoding.damaged :]
    again = _Decoding(coding, new)
    out = again.feed(before, limit + 1)
    out += again.feed(rest, limit + 1 - len(out), 1)
    again.is_other = again.damaged is not None and decoding.is_other and not out
    return out, again


def _begins(content: bytes, coding: _Coding) -> bool:
    """Tell whether content begins like a member, or could do so when there is more of it."""
    return any(
        all((byte ^ wanted) & bits == 0 for byte, wanted, bits in zip(content, magic, mask, strict=False))
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

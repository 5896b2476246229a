"""The lines of a file, plain or packed, or of stdin; no more than one of them is held."""

import codecs
import contextlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from asgictl import errors
from asgictl.errors import FileProblemError
from asgictl.inspector.bodies import decoders
from asgictl.inspector.bodies.sizes import size
from asgictl.inspector.har.members import LONGEST, is_har

Note = Callable[[str], object]

# No first line is longer, which holds no content.
LONGEST_FIRST = 1_000_000

# No packed file becomes larger than this.
_LARGEST = 4_000_000_000

# How much is unpacked at once: a thousand times that comes of gzip, and as much as its window of zstd, at the most.
_PIECE = 1024

# How much is read at once of what is unpacked.
_STREAM = 64 * 1024

# PowerShell writes it where the output of a command goes into a file (about_Redirection).
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

WRITTEN = "name a file that `asgictl inspect --save` has written, or a HAR"


def called(name: str) -> str:
    """Return what a file is called in a sentence; `-` is stdin."""
    return "stdin" if name == "-" else f"`{name}`"


def _opened(name: str) -> contextlib.AbstractContextManager[BinaryIO]:
    if name != "-":
        return Path(name).open("rb")
    if sys.stdin is None:
        raise OSError("it is closed")
    return contextlib.nullcontext(sys.stdin.buffer)


def lines(name: str, torn: Callable[[], object]) -> Iterator[bytes]:
    """Yield the lines of the file called `name`, `-` for stdin; of a HAR, which has any lines, pieces after the first.

    `torn` is called in the end where the end of a packed file is missing. Raises `FileProblemError` for what cannot be
    read, or is too large.
    """
    missing: list[str] = []
    try:
        with _opened(name) as file:
            yield from _limited(name, _unpacked(name, file, lambda: missing.append(name)))
    except OSError as error:
        raise FileProblemError(f"cannot read {called(name)}: {errors.reason(error)}", hint=WRITTEN) from error
    if missing:
        torn()


def _limited(name: str, file: BinaryIO) -> Iterator[bytes]:
    limit, number = LONGEST_FIRST, 1
    while line := file.readline(limit):
        if number == 1 and is_har(line):
            yield line
            yield from iter(lambda: file.read1(_STREAM), b"")  # type: ignore[attr-defined]  # of what is buffered
            return
        if len(line) == limit and not line.endswith(b"\n"):
            problem = f"line {number} of {called(name)} is longer than {size(limit)}"
            raise FileProblemError(problem, hint=WRITTEN if number == 1 else "remove that line to read the others")
        yield line
        limit, number = LONGEST, number + 1


def _unpacked(name: str, file: BinaryIO, torn: Callable[[], object]) -> BinaryIO:
    """Return what reads the content of a file, and of a packed one what is packed in it; text of UTF-16 as UTF-8."""
    head = file.read(4)
    for coding in (decoders.KNOWN["gzip"], decoders.KNOWN["zstd"]):
        if any(head.startswith(magic) for magic, _ in coding.members):
            packed = chain([head], iter(lambda: file.read(_PIECE), b""))
            return _stream(_in_utf8(_pieces(name, packed, coding, torn)))
    if file.seekable() and not head.startswith(_UTF_16):
        file.seek(-len(head), io.SEEK_CUR)
        return file
    return _stream(_in_utf8(chain([head], iter(lambda: file.read1(io.DEFAULT_BUFFER_SIZE), b""))))  # type: ignore[attr-defined]  # of what is buffered


def _in_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield text of UTF-16, which is known by its byte order mark, as UTF-8, and anything else as it is."""
    head = b""
    while len(head) < len(codecs.BOM_UTF16) and (chunk := next(chunks, None)) is not None:
        head += chunk
    if not head.startswith(_UTF_16):
        yield from chain([head], chunks)
        return
    # What is not UTF-16 is not UTF-8 afterwards, and is refused as such.
    decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")
    for chunk in chain([head], chunks):
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")


def _pieces(name: str, packed: Iterable[bytes], coding: decoders.Coding, torn: Callable[[], object]) -> Iterator[bytes]:
    """Yield what is packed, in small pieces; call `torn` where its end is missing."""
    if not (ways := coding.new()):
        hint = f"install `asgictl[{coding.extra}]`, or unpack it"
        raise FileProblemError(f"{called(name)} is packed with {coding.label}", hint=hint)
    part, unpacked = ways[0](_PIECE), 0
    for piece in packed:
        rest = piece
        while rest:
            if part.eof:
                part = ways[0](_PIECE)
            try:
                content = part.decompress(rest)
            except Exception as error:  # each library has errors of its own for what is not packed like that
                problem = f"{called(name)} cannot be unpacked: {error}"
                raise FileProblemError(problem, hint="see if it is damaged") from error
            yield content
            rest = part.unused_data if part.eof else b""
            unpacked += len(content)
            if unpacked > _LARGEST:
                problem = f"{called(name)} unpacks to more than {size(_LARGEST)}"
                raise FileProblemError(problem, hint="if that is right, unpack it and name the file that comes out")
    if not part.eof:
        torn()


def _stream(chunks: Iterator[bytes]) -> BinaryIO:
    return io.BufferedReader(_Stream(chunks), _STREAM)


class _Stream(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count

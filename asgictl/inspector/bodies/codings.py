"""Content codings undone, several in a row, with limits; and what is wrong with what was packed."""

from typing import Any, NamedTuple

from asgictl.inspector.bodies.decoders import KNOWN, Coding, New
from asgictl.inspector.bodies.sizes import size

# How large a body may become that is unpacked for an archive, in bytes.
LARGEST = 64_000_000

# How many codings are undone, as in curl (lib/content_encoding.c, MAX_ENCODE_STACK), and how many members of each.
CODINGS = 5
_MEMBERS = 100_000

# So little is unpacked at once that there is no need of a limit in zlib and zstd: 32 KiB come of a byte at the most.
_PIECE = 256

# How much is quoted of the name of a coding that is unknown.
_NAME = 40


class Unpacked(NamedTuple):
    """Content as far as it could be unpacked, the codings that were undone, the outermost first, and what is wrong.

    `fault` continues a sentence; it is None where all of the input was used and nothing is missing.
    """

    content: bytes
    names: tuple[str, ...]
    fault: str | None


def unpacked(content: bytes, encoding: str, *, limit: int = LARGEST, whole: bool = True) -> Unpacked:
    """Return `content` unpacked by the value of its Content-Encoding, `limit` bytes at the most.

    Not `whole` says that its end was not kept; then it is no fault that the end is missing.
    """
    names: list[str] = []
    fault = None
    for name in named(encoding) if content else ():
        if (refusal := _refusal(name, len(names))) is not None:
            return Unpacked(content, tuple(names), fault or refusal)
        coding = KNOWN[name]
        for new in coding.new():
            out, decoding = _decoded(content, coding, new, limit)
            if not decoding.is_other:
                break
        if decoding.is_other:
            return Unpacked(content, tuple(names), fault or decoding.fault)
        content = out
        names.append(name)
        if len(content) > limit:
            content, fault = content[:limit], fault or f"only the first {size(limit)} are unpacked"
        elif whole or not decoding.is_open:
            fault = fault or decoding.fault or ("the end is missing" if decoding.is_open else None)
    return Unpacked(content, tuple(names), fault)


class Unpacker:
    """Unpacks content that comes in chunks: `feed` returns what comes of each, until one becomes more than `limit`.

    `names` and `fault` are as in `Unpacked`, as far as it is known.
    """

    def __init__(self, encoding: str, *, limit: int = 8_000_000) -> None:
        self.names: list[str] = []
        self.fault: str | None = None
        self._limit = limit
        self._waiting = named(encoding)
        self._stages: list[_Decoding] = []
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return what comes of the next chunk; of what cannot be unpacked the chunk itself."""
        for stage in self._stages if chunk else ():
            chunk = self._through(stage, chunk)
        while self._waiting and chunk:
            self._held += chunk
            refusal = _refusal(self._waiting[0], len(self.names))
            if refusal is None and len(self._held) < KNOWN[self._waiting[0]].least:
                return b""
            content, self._held = self._held, b""
            chunk = self._begun(self._waiting.pop(0), content) if refusal is None else self._given_up(refusal, content)
        return chunk

    def skip(self) -> None:
        """Take note that something was not kept: what comes behind it cannot be unpacked."""
        for stage in self._stages:
            stage.fault = stage.fault or "not all of what comes before is kept"

    def finish(self) -> None:
        """Take note that no more comes: then it is a fault that the end is missing."""
        if self._held or any(stage.is_open for stage in self._stages):
            self.fault = self.fault or "the end is missing"

    def _begun(self, name: str, content: bytes) -> bytes:
        before = self.fault
        for new in KNOWN[name].new():
            self.fault = before
            out, stage = _decoded(content, KNOWN[name], new, self._limit)
            out = self._within_limit(stage, out)
            if not stage.is_other:
                self._stages.append(stage)
                self.names.append(name)
                return out
        return self._given_up(stage.fault, content)

    def _through(self, stage: "_Decoding", content: bytes) -> bytes:
        return self._within_limit(stage, stage.feed(content, self._limit + 1))

    def _within_limit(self, stage: "_Decoding", out: bytes) -> bytes:
        if len(out) > self._limit:
            stage.fault = stage.fault or f"only {size(self._limit)} of a chunk are unpacked"
        self.fault = self.fault or stage.fault
        return out[: self._limit]

    def _given_up(self, fault: str | None, content: bytes) -> bytes:
        self._waiting.clear()
        self.fault = self.fault or fault
        return content


class _Decoding:
    """One coding being undone, member after member.

    `is_other` says that nothing came of it, `is_open` that it goes on, `damaged` where the piece begins that could not
    be read.
    """

    def __init__(self, coding: Coding, new: New) -> None:
        self.fault: str | None = None
        self.is_other = False
        self.damaged: int | None = None
        self._coding = coding
        self._new = new
        self._decoder: Any = None
        self._at = 0
        self._members = 0
        self._has_begun = False

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
                self._decoder = None
                self.damaged = self._at + place
                self.is_other = not out and not self._has_begun
                self.fault = self._refused(str(error).rpartition(": ")[2], self.damaged + len(piece))
                break
            place += len(piece) - len(self._decoder.unused_data)
            if self._decoder.eof:
                self._decoder = None
        self._at += place
        self._has_begun = self._has_begun or bool(out) or self._members > 1
        return bytes(out)

    def _refused(self, reason: str, read: int) -> str:
        """Return what is wrong where the library has stopped with a reason, when it has `read` so many bytes."""
        if not self.is_other:
            return f"damaged at or before byte {read}: {reason}"
        if self._coding.members:
            return f"this {self._coding.label} cannot be unpacked: {reason}"
        return f"this is not {self._coding.label}"

    def _cannot_go_on(self, content: bytes, place: int) -> str | None:
        """Return what is wrong with what begins here."""
        if self._members == _MEMBERS:
            return f"only the first {_MEMBERS} members are unpacked"
        if self._coding.members:
            if _begins(content[place : place + self._coding.least], self._coding):
                return None
            if self._members == 0:
                self.is_other = True
                return f"this is not {self._coding.label}"
        elif self._members == 0:
            return None
        count = len(content) - place
        return f"{count} byte{'s follow that are' if count > 1 else ' follows that is'} not {self._coding.label}"


def _refusal(name: str, undone: int) -> str | None:
    """Return why a coding is not undone, or None."""
    coding = KNOWN.get(name)
    if coding is None:
        return f"{name[:_NAME]} is not unpacked"
    if not coding.new():
        return f"{name} is not unpacked: install `asgictl[{coding.extra}]`"
    return f"only {CODINGS} codings are undone" if undone == CODINGS else None


def named(encoding: str) -> list[str]:
    """Return the codings that a Content-Encoding names, the one to be undone first in front (RFC 9110 section 8.4)."""
    names = [part.strip().lower() for part in reversed(encoding.split(","))]
    return [name for name in names if name not in ("", "identity")]


def _decoded(content: bytes, coding: Coding, new: New, limit: int) -> tuple[bytes, _Decoding]:
    decoding = _Decoding(coding, new)
    out = decoding.feed(content, limit + 1)
    if decoding.damaged is None:
        return out, decoding
    # The last piece byte by byte, to lose nothing of what comes before the damage.
    before, rest = content[: decoding.damaged], content[decoding.damaged :]
    again = _Decoding(coding, new)
    out = again.feed(before, limit + 1)
    out += again.feed(rest, limit + 1 - len(out), 1)
    return out, again


def _begins(content: bytes, coding: Coding) -> bool:
    """Tell whether content begins like a member, or could do so when there is more of it."""
    return any(
        all((byte ^ wanted) & bits == 0 for byte, wanted, bits in zip(content, magic, mask, strict=False))
        for magic, mask in coding.members
    )

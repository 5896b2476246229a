"""What is unpacked of a body, against the libraries that pack; and what is said where it is not the whole."""

import gzip
import sys
import time
import types
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from asgictl.inspector.bodies import codings
from asgictl.inspector.bodies.codings import Unpacked, Unpacker, unpacked
from tests.inspector.bodies import patient
from tests.inspector.recordings import gzipped


def raw_deflate(content: bytes) -> bytes:
    """Return content in deflate without zlib's header."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


def zstd(content: bytes) -> bytes:
    """Return content as a frame whose size is not in its header, as servers send it that stream."""
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(content) + packer.flush()


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw deflate": raw_deflate,
    "br": brotli.compress,
    "zstd": zstd,
}
contents = st.binary(max_size=3000) | st.text(max_size=50).map(lambda text: text.encode() * 100)


@patient
@given(content=contents, names=st.lists(st.sampled_from(list(PACK)), min_size=1, max_size=5))
def test_whatever_was_packed(content: bytes, names: list[str]) -> None:
    """Content comes out as it was, whatever codings it went through, in the reverse of their order."""
    packed = content
    for name in names:
        packed = PACK[name](packed)
    said = [name.removeprefix("raw ") for name in names]

    assert unpacked(packed, ", ".join(said)) == Unpacked(content, tuple(reversed(said)), None)


@patient
@given(contents=st.lists(st.binary(max_size=600), min_size=1, max_size=8), name=st.sampled_from(["gzip", "zstd"]))
def test_members(contents: list[bytes], name: str) -> None:
    """All members are unpacked, as `zcat` and `zstdcat` do, not the first alone."""
    packed = b"".join(map(PACK[name], contents))

    assert unpacked(packed, name) == Unpacked(b"".join(contents), (name,), None)


@patient
@given(content=st.binary(min_size=1, max_size=900), name=st.sampled_from(list(PACK)), data=st.data())
def test_without_an_end(content: bytes, name: str, data: st.DataObject) -> None:
    """What is cut off anywhere is unpacked as far as it goes, and said to be cut off."""
    packed = PACK[name](content)
    kept = packed[: data.draw(st.integers(1, len(packed) - 1))]
    encoding = name.removeprefix("raw ")
    found = unpacked(kept, encoding)

    assert content.startswith(found.content)
    assert (found.names, found.fault) == ((encoding,), "the end is missing")
    assert unpacked(kept, encoding, whole=False) == found._replace(fault=None)


@patient
@given(content=st.binary(max_size=900), name=st.sampled_from(list(PACK)), count=st.integers(1, 20))
def test_something_behind(content: bytes, name: str, count: int) -> None:
    """What follows and is not packed is counted, and the content in front of it is unpacked."""
    encoding = name.removeprefix("raw ")
    label = {"x-gzip": "gzip", "br": "Brotli"}.get(encoding, encoding)
    which = "1 byte follows that is" if count == 1 else f"{count} bytes follow that are"

    found = unpacked(PACK[name](content) + b"\0" * count, encoding)

    assert found == Unpacked(content, (encoding,), f"{which} not {label}")


@patient
@given(content=contents, name=st.sampled_from(list(PACK)), flips=st.lists(st.integers(0, 10_000), min_size=1))
def test_damage(content: bytes, name: str, flips: list[int]) -> None:
    """Damaged content raises nothing; where gzip and zlib, which have checksums, find no fault, all of it comes out."""
    packed = bytearray(PACK[name](content))
    for place in flips:
        packed[place % len(packed)] ^= 1 << place % 8
    found = unpacked(bytes(packed), name.removeprefix("raw "))

    if name in {"gzip", "x-gzip", "deflate"} and found.fault is None:
        assert found.content == zlib.decompress(bytes(packed), wbits=15 if name == "deflate" else 31)


@patient
@given(
    pieces=st.lists(st.binary(max_size=300), min_size=1, max_size=6),
    names=st.lists(st.sampled_from(list(PACK)), min_size=1, max_size=3),
    size=st.integers(1, 700),
)
def test_in_chunks(pieces: list[bytes], names: list[str], size: int) -> None:
    """Content that comes in chunks is unpacked as they come, wherever they are cut."""
    packed = b"".join(map(PACK[names[0]], pieces)) if names[0] in {"gzip", "zstd"} else PACK[names[0]](b"".join(pieces))
    for name in names[1:]:
        packed = PACK[name](packed)
    said = [name.removeprefix("raw ") for name in names]
    unpacker = Unpacker(",".join(said), limit=10_000)
    out = b"".join(unpacker.feed(packed[at : at + size]) for at in range(0, len(packed), size))

    assert (out, unpacker.fault) == (b"".join(pieces), None)
    assert unpacker.names == said[::-1] or not out


CHUNKS: list[tuple[list[bytes], str, list[bytes], str | None]] = [
    ([b"plain ", b"text"], "gzip", [b"plain ", b"text"], "this is not gzip"),
    ([b"a", b"b"], "x-y", [b"a", b"b"], "x-y is not unpacked"),
    ([b"p", b"lain", b"!"], "br, gzip", [b"", b"plain", b"!"], "this is not gzip"),
    ([gzipped(b"a"), b"??", b"?"], "gzip", [b"a", b"", b""], "2 bytes follow that are not gzip"),
    ([gzipped(b"abcd"), gzipped(b"ef")], "gzip", [b"abc", b""], "only 3 B of a chunk are unpacked"),
    ([b"a", b"b"], "", [b"a", b"b"], None),
]


@pytest.mark.parametrize(("chunks", "encoding", "found", "fault"), CHUNKS, ids=repr)
def test_chunks_that_cannot_be_unpacked(
    chunks: list[bytes], encoding: str, found: list[bytes], fault: str | None
) -> None:
    """A chunk that is not packed, or not as it is said, stays as it is, and that is said."""
    unpacker = Unpacker(encoding, limit=3)

    assert ([unpacker.feed(chunk) for chunk in chunks], unpacker.fault) == (found, fault)


TEXT = b"The quick brown fox jumps over the lazy dog. " * 20
FAULTS = {
    "another member is cut off": (gzipped(b"a") + gzipped(TEXT)[:30], "gzip", "the end is missing"),
    "zeros, as tapes have them": (gzipped(b"a") + bytes(512), "gzip", "512 bytes follow that are not gzip"),
    "half a beginning": (gzipped(b"a") + b"\x1f", "gzip", "the end is missing"),
    "a wrong checksum": (
        gzip.compress(b"a", mtime=0)[:-8] + bytes(8),
        "gzip",
        "damaged at or before byte 17: incorrect data check",
    ),
    "two damaged": (zlib.compress(zlib.compress(b"a"))[:-1], "deflate, deflate", "the end is missing"),
}


@pytest.mark.parametrize(("content", "encoding", "fault"), FAULTS.values(), ids=list(FAULTS))
def test_what_is_wrong(content: bytes, encoding: str, fault: str) -> None:
    """What was unpacked in front of a fault is there, to the last byte, and the fault is named."""
    found = unpacked(content, encoding)

    assert found.content.startswith(b"a")
    assert found.fault == fault


def test_damage_in_the_middle() -> None:
    """All that comes before the damage is unpacked."""
    packed = raw_deflate(TEXT)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(TEXT) + packer.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 20

    found = unpacked(packed, "deflate")

    assert found.content == TEXT
    assert found.fault == f"damaged at or before byte {len(packed) - 19}: invalid block type"


NO_GZIP = b"\x1f\x8b\x07" + bytes(9)
NOT_UNPACKED: list[tuple[bytes, str, Unpacked]] = [
    (b"plain", "gzip", Unpacked(b"plain", (), "this is not gzip")),
    (b"\xff\xff\xff", "br", Unpacked(b"\xff\xff\xff", (), "this is not Brotli")),
    (b"plain", "zstd", Unpacked(b"plain", (), "this is not zstd")),
    (b"\xff\xff", "deflate", Unpacked(b"\xff\xff", (), "this is not deflate")),
    (NO_GZIP, "gzip", Unpacked(NO_GZIP, (), "this gzip cannot be unpacked: unknown compression method")),
    (zlib.compress(b"a"), "gzip", Unpacked(zlib.compress(b"a"), (), "this is not gzip")),
    (b"abc", "x-y", Unpacked(b"abc", (), "x-y is not unpacked")),
    (gzipped(b"a"), "x-y, gzip", Unpacked(b"a", ("gzip",), "x-y is not unpacked")),
    (gzipped(b"a"), "gzip, gzip", Unpacked(b"a", ("gzip",), "this is not gzip")),
    (b"a", "identity, ,", Unpacked(b"a", (), None)),
    (b"a", "", Unpacked(b"a", (), None)),
    (b"", "gzip, x-y", Unpacked(b"", (), None)),
]


@pytest.mark.parametrize(("content", "encoding", "found"), NOT_UNPACKED, ids=repr)
def test_not_unpacked(content: bytes, encoding: str, found: Unpacked) -> None:
    """What is not what its header says stays as it is, and that is said; nothing has nothing wrong with it."""
    assert unpacked(content, encoding) == found


def test_spelling_of_names() -> None:
    """Names of codings have no case, and several header lines are one list."""
    packed = brotli.compress(gzipped(b"a"))

    assert unpacked(packed, " X-GZip , BR").names == ("br", "x-gzip")


def test_a_frame_that_is_to_be_skipped() -> None:
    """What zstd has for the data of others is skipped, in front, behind and alone."""
    aside = b"\x5a\x2a\x4d\x18\x03\0\0\0abc"

    assert unpacked(aside + zstd(b"x") + aside + zstd(b"y") + aside, "zstd") == Unpacked(b"xy", ("zstd",), None)


@pytest.mark.parametrize(("module", "name"), [("brotli", "br"), ("zstandard", "zstd")])
def test_without_a_package(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    """Without its package content stays packed, and what to install is told."""
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(sys, "version_info", (3, 11))
    content = PACK[name](TEXT)

    fault = f"{name} is not unpacked: install `asgictl[{'brotli' if name == 'br' else 'zstd'}]`"
    assert unpacked(content, name) == Unpacked(content, (), fault)


def test_zstd_of_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.14 needs no package for zstd."""
    windows: list[int] = []

    def decompressor(options: dict[str, int]) -> object:
        windows.append(options["window log"])
        return zstandard.ZstdDecompressor().decompressobj()

    module = types.SimpleNamespace(
        ZstdDecompressor=decompressor, DecompressionParameter=types.SimpleNamespace(window_log_max="window log")
    )
    monkeypatch.setitem(sys.modules, "compression.zstd", module)
    monkeypatch.setitem(sys.modules, "zstandard", None)

    assert unpacked(zstd(b"x"), "zstd") == Unpacked(b"x", ("zstd",), None)
    assert windows == [23]


@pytest.mark.parametrize("name", list(PACK))
@pytest.mark.parametrize(
    ("limit", "size"), [(5, "5 B"), (2000, "2.0 kB"), (1_000_000, "1.0 MB"), (3_000_000, None), (3_000_001, None)]
)
def test_limits(name: str, limit: int, size: str | None) -> None:
    """No more is unpacked than the limit, and that is said; exactly the limit is all of it."""
    content = TEXT * (3_000_000 // len(TEXT))
    content += b"x" * (3_000_000 - len(content))
    encoding = name.removeprefix("raw ")

    fault = f"only the first {size} are unpacked" if size else None
    assert unpacked(PACK[name](content), encoding, limit=limit) == Unpacked(content[:limit], (encoding,), fault)


def test_more_codings_than_there_are() -> None:
    """A header that names hundreds of codings is undone as far as clients go."""
    packed = b"a"
    for _ in range(9):
        packed = gzipped(packed)

    found = unpacked(packed, ", ".join(["gzip"] * 9))

    assert (found.names, found.fault) == (("gzip",) * 5, "only 5 codings are undone")


def test_more_members_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members without content, of which millions find room, come to an end."""
    monkeypatch.setattr(codings, "_MEMBERS", 3)

    assert unpacked(gzipped(b"a") * 3, "gzip") == Unpacked(b"aaa", ("gzip",), None)
    assert unpacked(gzipped(b"a") * 4, "gzip") == Unpacked(b"aaa", ("gzip",), "only the first 3 members are unpacked")


@pytest.mark.parametrize("name", list(PACK))
def test_bombs(name: str) -> None:
    """What would become a gigabyte takes neither its memory nor its time."""
    bomb = PACK[name](bytes(50_000_000))
    if name in {"gzip", "zstd"}:
        bomb *= 20
    before = time.process_time()

    found = unpacked(bomb, name.removeprefix("raw "), limit=1024 * 1024)

    assert time.process_time() - before < 5
    assert len(found.content) == 1024 * 1024
    assert found.fault == "only the first 1.0 MB are unpacked"


def test_a_window_of_zstd_that_is_too_large() -> None:
    """A frame that wants more memory than a client has to give is not unpacked."""
    wanting = zstandard.ZstdCompressionParameters(window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=wanting).compressobj()
    packed = packer.compress(b"abc") + packer.flush()

    fault = "this zstd cannot be unpacked: Frame requires too much memory for decoding"
    assert unpacked(packed, "zstd") == Unpacked(packed, (), fault)

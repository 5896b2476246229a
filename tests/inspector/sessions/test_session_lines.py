"""The lines of files: packed or not, from a disk or a pipe, whole or not; and limits for what another hand has made."""

import codecs
import gzip
import io
import os
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import zstandard

from asgictl.errors import FileProblemError
from asgictl.inspector.bodies import decoders
from asgictl.inspector.sessions import session_lines
from asgictl.inspector.sessions.session_lines import lines
from tests.inspector.recordings import gzipped

TEXT = b"".join(b'{"n":%d,"x":"%x"}\n' % (number, number**9) for number in range(5000))


def zstd(content: bytes) -> bytes:
    """Return content as a frame."""
    return zstandard.ZstdCompressor().compress(content)


def read(content: bytes, folder: Path, notes: list[str] | None = None) -> bytes:
    """Return what is read of a file with this content."""
    file = folder / "s"
    file.write_bytes(content)
    told = notes if notes is not None else []
    return b"".join(lines(str(file), lambda: told.append("torn")))


PACKED = {
    "plain": TEXT,
    "without an end of line": TEXT[:-1],
    "gzip": gzipped(TEXT),
    "gzip, appended to": gzipped(TEXT[:100]) + gzipped(TEXT[100:]),
    "zstd": zstd(TEXT),
    "zstd, appended to": zstd(TEXT[:100]) + zstd(b"") + zstd(TEXT[100:]),
    "zstd, without a size": zstandard.ZstdCompressor(write_content_size=False).compress(TEXT),
    "UTF-16 of PowerShell": TEXT.decode().encode("utf-16"),
    "UTF-16, the large end first": codecs.BOM_UTF16_BE + TEXT.decode().encode("utf-16-be"),
    "UTF-16, packed": gzipped(TEXT.decode().encode("utf-16")),
    "short": b"{",
    "empty": b"",
    "empty gzip": gzipped(b""),
}
WANTED = {"without an end of line": TEXT[:-1], "short": b"{", "empty": b"", "empty gzip": b""}


@pytest.mark.parametrize("name", PACKED)
def test_files(name: str, tmp_path: Path) -> None:
    """Packed files read as what is packed in them, by what they begin with, whatever they are called."""
    notes: list[str] = []

    assert read(PACKED[name], tmp_path, notes) == WANTED.get(name, TEXT)
    assert notes == []


@pytest.mark.parametrize("name", PACKED)
def test_pipes(name: str, tmp_path: Path) -> None:
    """So do pipes, which can be read only once."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(PACKED[name],))
    writer.start()
    found = b"".join(lines(str(pipe), print))
    writer.join(10)

    assert found == WANTED.get(name, TEXT)


@pytest.mark.parametrize("name", PACKED)
def test_stdin(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And `-`, which stays open."""
    stdin = io.TextIOWrapper(io.BytesIO(PACKED[name]))
    monkeypatch.setattr(sys, "stdin", stdin)

    assert b"".join(lines("-", print)) == WANTED.get(name, TEXT)
    assert not stdin.buffer.closed


def test_the_rest_of_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody else has read of stdin before is not read again."""
    (tmp_path / "s").write_bytes(b"read\n" + TEXT)
    with (tmp_path / "s").open(encoding="ascii") as stdin:
        assert stdin.buffer.read(5) == b"read\n"
        monkeypatch.setattr(sys, "stdin", stdin)
        assert b"".join(lines("-", print)) == TEXT


@pytest.mark.parametrize("name", ["gzip", "zstd", "zstd, appended to", "gzip, appended to"])
def test_a_missing_end(name: str, tmp_path: Path) -> None:
    """Of a packed file that was cut all is read that is there, and it is said that the end is missing."""
    notes: list[str] = []
    found = read(PACKED[name][:-9], tmp_path, notes)

    assert TEXT.startswith(found)
    assert notes == ["torn"]
    assert len(found) > len(TEXT) // 2


@pytest.mark.parametrize("pack", [gzipped, zstd])
def test_a_line_whose_end_is_missing(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """So is a line without its end, and all of it where only the file's own end is missing."""
    notes: list[str] = []
    line = TEXT.replace(b"\n", b" ")

    assert line.startswith(found := read(pack(line)[:-1], tmp_path, notes))
    assert (len(found) > len(line) // 2, notes) == (True, ["torn"])


DAMAGED = {
    "gzip": (gzipped(TEXT)[:200] + b"\0" * 200, "Error -3 while decompressing data: "),
    "garbage after gzip": (gzipped(TEXT) + b"garbage", "Error -3 while decompressing data: incorrect header"),
    "a sum that is wrong": (gzipped(TEXT)[:-8] + b"\0" * 8, "Error -3 while decompressing data: incorrect data"),
    "zstd": (zstd(TEXT)[:10] + b"\xff" * 50 + zstd(TEXT)[60:], "zstd decompressor error: "),
    "garbage after zstd": (zstd(TEXT) + b"garbage", "zstd decompressor error: "),
}


@pytest.mark.parametrize(("content", "reason"), DAMAGED.values(), ids=list(DAMAGED))
def test_damage(content: bytes, reason: str, tmp_path: Path) -> None:
    """A packed file that is damaged is an error in one sentence."""
    with pytest.raises(FileProblemError) as caught:
        read(content, tmp_path)

    assert caught.value.message.startswith(f"`{tmp_path / 's'}` cannot be unpacked: {reason}")
    assert caught.value.hint == "see if it is damaged"


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_bombs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What becomes very large is read up to a limit, which the error names; it is not held."""
    monkeypatch.setattr(session_lines, "_LARGEST", 1024**2)
    mebibyte = b"{}" + b" " * 1021 + b"\n"
    few, many = mebibyte * 1024, mebibyte * 50 * 1024
    pack = gzip.compress if name == "gzip" else zstd
    assert read(pack(few), tmp_path) == few
    (tmp_path / "s").write_bytes(pack(many))
    tracemalloc.start()
    with pytest.raises(FileProblemError) as caught:
        for _ in lines(str(tmp_path / "s"), print):
            pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert caught.value.message == f"`{tmp_path / 's'}` unpacks to more than 1.0 MB"
    assert caught.value.hint == "if that is right, unpack it and name the file that comes out"
    assert most < 40 * 1024**2


def test_a_line_without_end(tmp_path: Path) -> None:
    """What is one long line is no session, whatever it is; nobody reads all of it."""
    zeros = gzipped(bytes(100 * 1024**2))
    with pytest.raises(FileProblemError) as caught:
        read(zeros, tmp_path)

    assert caught.value.message == f"line 1 of `{tmp_path / 's'}` is longer than 1.0 MB"
    assert caught.value.hint == "name a file that `asgictl inspect --save` has written, or a HAR"


def test_a_long_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is too long is named; one that is as long as can be is read."""
    monkeypatch.setattr(session_lines, "LONGEST", 1024**2)
    longest = b"{}\n" + b"x" * (1024**2 - 1) + b"\n"
    assert read(longest, tmp_path) == longest
    with pytest.raises(FileProblemError) as caught:
        read(longest[:-1] + b"x\n", tmp_path)

    assert caught.value.message == f"line 2 of `{tmp_path / 's'}` is longer than 1.0 MB"
    assert caught.value.hint == "remove that line to read the others"


def test_the_zstd_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From Python 3.14 on nothing has to be installed for zstd."""
    made: list[dict[object, int]] = []

    def new(*, options: dict[object, int]) -> object:
        made.append(options)
        return zstandard.ZstdDecompressor().decompressobj()

    module = SimpleNamespace(ZstdDecompressor=new, DecompressionParameter=SimpleNamespace(window_log_max="window"))
    with monkeypatch.context() as patch:
        patch.setattr(decoders, "import_module", {"compression.zstd": module}.__getitem__)
        assert read(PACKED["zstd, appended to"], tmp_path) == TEXT
    assert made
    assert all(options == {"window": 23} for options in made)


def test_a_large_window(tmp_path: Path) -> None:
    """A file that would have to be held in memory to be unpacked is refused."""
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()

    with pytest.raises(FileProblemError, match="cannot be unpacked: zstd decompressor error: Frame requires too much"):
        read(packer.compress(TEXT) + packer.flush(), tmp_path)


def test_without_zstd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is installed that unpacks zstd, the extra is named."""
    monkeypatch.setattr(decoders, "_module", lambda _: None)
    with pytest.raises(FileProblemError) as caught:
        read(zstd(TEXT), tmp_path)

    assert caught.value.message == f"`{tmp_path / 's'}` is packed with zstd"
    assert caught.value.hint == "install `asgictl[zstd]`, or unpack it"


def test_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not there, a folder, and stdin that is closed are said with their reason."""
    monkeypatch.setattr(sys, "stdin", None)
    reasons = {}
    for name in (str(tmp_path / "no"), str(tmp_path), "-"):
        with pytest.raises(FileProblemError) as caught:
            list(lines(name, print))
        reasons[caught.value.message] = caught.value.hint

    assert reasons == dict.fromkeys(
        (
            f"cannot read `{tmp_path / 'no'}`: No such file or directory",
            f"cannot read `{tmp_path}`: Is a directory",
            "cannot read stdin: it is closed",
        ),
        "name a file that `asgictl inspect --save` has written, or a HAR",
    )

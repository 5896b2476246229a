"""Reading files of a project, which may not be what they seem."""

import errno
import os
from pathlib import Path

import pytest

from asgictl import reading
from tests.conftest import linux


def test_content(tmp_path: Path) -> None:
    """A file is read whole up to a limit; text has plain newlines and no mark in front."""
    file = tmp_path / "Procfile"
    file.write_bytes(b"\xef\xbb\xbfweb: x\r\n\xff")

    assert reading.content(file, limit=12) == file.read_bytes()
    assert reading.text(file, errors="replace") == "web: x\n\ufffd"
    with pytest.raises(UnicodeDecodeError):
        reading.text(file)


def folder(path: Path) -> None:
    """Make a folder."""
    path.mkdir()


def large(path: Path) -> None:
    """Make a file that is one byte too large."""
    path.write_bytes(b"x" * (reading.LIMIT + 1))


@linux
@pytest.mark.parametrize(
    ("make", "number", "reason"),
    [
        (folder, errno.EISDIR, "Is a directory"),
        (os.mkfifo, errno.EINVAL, "it is not a regular file"),
        (large, errno.EFBIG, "it is larger than 1000000 bytes"),
        (lambda _: None, errno.ENOENT, "No such file or directory"),
    ],
    ids=["folder", "FIFO", "large", "missing"],
)
def test_what_is_not_read(tmp_path: Path, make: object, number: int, reason: str) -> None:
    """What is not a file, or too large for one, is refused with its name and the reason, at once."""
    path = tmp_path / "odd"
    make(path)  # type: ignore[operator]

    with pytest.raises(OSError) as error:  # noqa: PT011  # compared whole below
        reading.content(path)

    assert (error.value.errno, error.value.strerror, error.value.filename) == (number, reason, str(path))


def test_what_is_there(tmp_path: Path) -> None:
    """What cannot be looked at, like a name that is too long, is not there."""
    file = tmp_path / "a"
    file.touch()
    known = (reading.is_file, reading.is_dir, reading.exists)

    assert [[ask(path) for ask in known] for path in (file, tmp_path, tmp_path / "b", tmp_path / ("x" * 5000))] == [
        [True, False, True],
        [False, True, True],
        [False, False, False],
        [False, False, False],
    ]


def test_how_far_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project ends at its repository's root or at the home; without either every folder above counts."""
    below = tmp_path / "home/shop/src"
    below.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    assert reading.home() == tmp_path / "home"
    assert reading.upwards(below) == [below, below.parent, tmp_path / "home"]
    (tmp_path / "home/shop/.git").mkdir()
    assert reading.upwards(below) == [below, below.parent]
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert reading.top(tmp_path) == Path(tmp_path.anchor)
    assert reading.upwards(tmp_path) == [tmp_path, *tmp_path.parents]

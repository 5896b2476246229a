"""The files of `--env-file` when they change."""

import pytest

from asgictl.env_files import EnvFiles
from asgictl.errors import FileProblemError
from tests.conftest import Write


def test_they_are_read_again(write: Write) -> None:
    """What the files have set follows them; what was set before, by somebody else, stays as it is."""
    folder = write({"a": "ONE=1\nTWO=2\nTAKEN=file\nGONE=x\n", "b": "TWO=22\nEMPTY=x\n"})
    environ = {"ONE": "1", "TWO": "22", "GONE": "x", "TAKEN": "shell", "EMPTY": "x", "OTHER": ""}
    files = EnvFiles([folder / "a", folder / "b"], environ)
    assert files.read_again() == []

    write({"a": "ONE=11\nTWO=3\nTAKEN=again\nNEW=${ONE}\nOTHER=o\n", "b": "TWO=22\nEMPTY=\n"})

    assert sorted(files.read_again()) == ["EMPTY", "GONE", "NEW", "ONE", "OTHER"]
    assert environ == {"ONE": "11", "TWO": "22", "TAKEN": "shell", "EMPTY": "", "NEW": "11", "OTHER": "o"}
    assert files.read_again() == []


def test_a_file_that_is_gone(write: Write) -> None:
    """A file that cannot be read any more changes nothing, and is named."""
    folder = write({"a": "ONE=1\n"})
    environ = {"ONE": "1"}
    files = EnvFiles([folder / "a"], environ)
    (folder / "a").unlink()

    with pytest.raises(FileProblemError) as caught:
        files.read_again()

    assert (caught.value.message, environ) == (f"there is no file `{folder}/a`", {"ONE": "1"})


def test_no_files() -> None:
    """Without files there is nothing to read."""
    environ = {"ONE": "1"}

    assert (EnvFiles([], environ).read_again(), environ) == ([], {"ONE": "1"})

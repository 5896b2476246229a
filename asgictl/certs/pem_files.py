"""Reading the files that hold certificates and keys, and what is wrong with a path that leads to none."""

import contextlib
import errno
import os
import stat
from pathlib import Path

from asgictl import errors, reading
from asgictl.errors import FileProblemError

RIGHT_FILE = "see that it is the right file, and whole"


def content(file: Path, limit: int = reading.LIMIT) -> bytes:
    """Return what is in a file of certificates or keys; raise `FileProblemError` for what is no such file."""
    try:
        return reading.content(file, limit=limit)
    except FileNotFoundError as error:
        raise missing(file) from error
    except OSError as error:
        raise _no_file(file, error) from error


def missing(file: Path, hint: str | None = None) -> FileProblemError:
    """Return that `file` does not exist, with this `hint`; a link that leads nowhere has its own."""
    link = next((it for it in (file, *file.parents) if it.is_symlink() and not it.exists()), None)
    if link is not None:
        problem = f"`{link}` is a link to `{os.path.realpath(link)}`, which does not exist"
        return FileProblemError(problem, hint="see that this is there too; in a container, mount the folder above both")
    hint = hint or ("see that it is there" if file.is_absolute() else "the path is relative to the current folder")
    return FileProblemError(f"`{file}` does not exist", hint=hint)


def _no_file(file: Path, error: OSError) -> FileProblemError:
    """Return why a file, which is to be read as often as need be, cannot be."""
    mode = 0
    with contextlib.suppress(OSError):
        mode = file.stat().st_mode
    if stat.S_ISDIR(mode):
        return FileProblemError(f"`{file}` is a folder", hint="pass a file in it")
    if stat.S_ISFIFO(mode):
        hint = "pass a file: the server reads it in each process, and when it is replaced"
        return FileProblemError(f"`{file}` is a pipe, which can be read only once", hint=hint)
    if mode and not stat.S_ISREG(mode):
        return FileProblemError(f"`{file}` is a device, not a file", hint=RIGHT_FILE)
    hint = RIGHT_FILE if error.errno == errno.EFBIG else "see to its permissions, or pass another file"
    return FileProblemError(f"cannot read `{file}`: {errors.reason(error)}", hint=hint)

"""Files written whole or not at all, by one run at a time."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from asgictl import errors
from asgictl.errors import FileProblemError

# The folders that this process has locked: a second lock of its own would wait for the first.
_held: set[Path] = set()


@contextlib.contextmanager
def locked(*files: Path) -> Iterator[None]:
    """Keep other runs away from the folders of `files`, which are made if need be; wait until they are done."""
    with contextlib.ExitStack() as locks:
        for folder in sorted({file.parent.absolute() for file in files} - _held):
            try:
                make_folder(folder)
                locks.enter_context(_lock(folder))
                _held.add(folder)
                locks.callback(_held.discard, folder)
            except OSError as error:
                raise problem(f"cannot write to `{folder}`", error) from error
        yield


def partial(file: Path) -> Path:
    """Return where `create` writes first."""
    return file.with_name(f"{file.name}.part")


def create(file: Path, content: bytes, mode: int, group: int | None = None, *, part: Path | None = None) -> None:
    """Make `file` in one step, with these permissions from its first moment on, and have the disk keep it.

    Until then it is at `part`, or beside it.
    """
    part = part or partial(file)
    part.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(part, flags, mode & 0o600), "wb") as out:
        if sys.platform != "win32":
            if os.geteuid() == 0:  # what root makes in a user's folder is for the user
                owner = file.parent.stat()
                os.fchown(out.fileno(), owner.st_uid, owner.st_gid)
            if group is not None:
                os.fchown(out.fileno(), -1, group)
            os.fchmod(out.fileno(), mode)
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


def make_folder(folder: Path) -> None:
    """Make a folder that others cannot write to, and that belongs to whom the one above belongs."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o755)
        if sys.platform != "win32" and os.geteuid() == 0:
            above = folder.parent.stat()
            os.chown(folder, above.st_uid, above.st_gid, follow_symlinks=False)


def sync(folder: Path) -> None:
    """Have the disk keep what was renamed in `folder`."""
    if sys.platform == "win32":  # which cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def problem(what: str, error: OSError) -> FileProblemError:
    """Return the error to raise for what the system has refused."""
    reason = errors.reason(error)
    hint = "see to the permissions and the disk, or choose another place"
    if isinstance(error, NotADirectoryError):
        hint = "a file is where a folder has to be: move it away, or choose another place"
    return FileProblemError(f"{what}: {reason}", hint=hint)


if sys.platform == "win32":

    @contextlib.contextmanager
    def _lock(folder: Path) -> Iterator[None]:
        import msvcrt

        with (folder / ".asgictl.lock").open("wb") as file:
            while True:
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:  # it gives up after ten seconds
                    continue
            yield

else:

    @contextlib.contextmanager
    def _lock(folder: Path) -> Iterator[None]:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # NFS locks no folders
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

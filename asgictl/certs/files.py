"""The pair of files that a certificate and its key are kept in: written whole or not at all.

Two files cannot be replaced in one step. So the old certificate goes first, then the key comes, and the certificate
last: whoever looks meanwhile, or after a crash, finds the old pair, the new one, or no certificate, and never two
files that do not belong together. What a crash has left half done the next run completes.
"""

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl.errors import FileProblemError

_CERTIFICATE_MODE = 0o644
_KEY_MODE = 0o600
_SHARED_KEY_MODE = 0o640
_IGNORED = "# Written by asgictl: private keys never get into version control.\n*.key\n*.key.part\n*.p12\n*.p12.part\n"


class Pair(NamedTuple):
    """Where a certificate, with its chain, and its key are."""

    certificate: Path
    key: Path

    def __str__(self) -> str:
        return f"`{self.certificate}` and `{self.key}`"

    @property
    def there(self) -> list[Path]:
        """Those of the two files that exist, whatever they are."""
        return [file for file in self if os.path.lexists(file)]


class Access(NamedTuple):
    """Who may read a key: its owner, and a `group` (a number) if there is one."""

    group: int | None = None

    @property
    def mode(self) -> int:
        """The permissions."""
        return _KEY_MODE if self.group is None else _SHARED_KEY_MODE


# The folders that this process has locked: a second lock of its own would wait for the first.
_held: set[Path] = set()


@contextlib.contextmanager
def locked(*files: Path) -> Iterator[None]:
    """Keep other runs away from the folders of `files`, which are made if need be; wait until they are done."""
    with contextlib.ExitStack() as locks:
        for folder in sorted({file.parent.absolute() for file in files} - _held):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                locks.enter_context(_lock(folder))
                _held.add(folder)
                locks.callback(_held.discard, folder)
            except OSError as error:
                raise _problem(f"cannot write to `{folder}`", error) from error
        yield


def write(pair: Pair, certificate: bytes, key: bytes, access: Access = Access()) -> None:  # noqa: B008  # immutable
    """Replace the pair; call it inside `locked`.

    Raises `FileProblemError` when that is not possible; what was there is then still there.
    """
    for file in pair:
        _refuse_others(file)
    staged = Pair(*map(_staged, pair))
    try:
        _create(staged.key, key, access.mode, access.group)
        _create(staged.certificate, certificate, _CERTIFICATE_MODE)
        pair.certificate.unlink(missing_ok=True)
        _complete(pair, staged)
    except OSError as error:
        if pair.certificate.exists():
            with contextlib.suppress(OSError):
                _clear(pair)
        raise _problem(f"cannot write {pair}", error) from error


def recover(pair: Pair) -> None:
    """Complete what an interrupted run has begun, or take it back; call it inside `locked`."""
    staged = Pair(*map(_staged, pair))
    try:
        if staged.certificate.exists() and not os.path.lexists(pair.certificate):
            _complete(pair, staged)
        _clear(pair)
    except OSError as error:
        raise _problem(f"cannot complete {pair}", error) from error


def write_one(file: Path, content: bytes, *, secret: bool) -> None:
    """Replace one file in one step; a secret one is for its owner alone."""
    _refuse_others(file)
    staged = _staged(file)
    try:
        _create(staged, content, _KEY_MODE if secret else _CERTIFICATE_MODE)
        staged.replace(file)
        _sync(file.parent)
    except OSError as error:
        raise _problem(f"cannot write `{file}`", error) from error


def read(file: Path) -> bytes:
    """Return the content of `file`; raise `FileProblemError` with the reason if that is not possible."""
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise FileProblemError(f"there is no file `{file}`", hint="make it with `asgictl gen-cert`") from error
    except OSError as error:
        raise _problem(f"cannot read `{file}`", error) from error


def is_private(file: Path) -> bool:
    """Tell whether a key is for its owner, and perhaps a group, alone; on Windows the folder's list decides."""
    return sys.platform == "win32" or not stat.S_IMODE(file.stat().st_mode) & 0o037


def access_of(key: Path) -> Access:
    """Return who may read a key that is there."""
    found = key.stat()
    return Access(found.st_gid if stat.S_IMODE(found.st_mode) == _SHARED_KEY_MODE else None)


def keep_out_of_version_control(key: Path, note: Callable[[str], object]) -> None:
    """Put a `.gitignore` beside `key`, unless there is one; say so when that does not cover the key."""
    file = key.parent / ".gitignore"
    own = "" if key.suffix == ".key" else f"{key.name}*\n.new-{key.name}*\n"
    try:
        with file.open("x", encoding="utf-8") as created:
            created.write(_IGNORED + own)
    except FileExistsError:
        import pathspec

        with contextlib.suppress(OSError, UnicodeDecodeError):
            patterns = pathspec.GitIgnoreSpec.from_lines(file.read_text(encoding="utf-8").splitlines())
            if not patterns.match_file(key.name):
                note(f"`{file}` does not keep `{key.name}` out of version control; add `{key.name}` to it")
    except OSError as error:
        raise _problem(f"cannot write `{file}`", error) from error


def _complete(pair: Pair, staged: Pair) -> None:
    """Move what is staged into place, the certificate last."""
    if staged.key.exists():
        staged.key.replace(pair.key)
        _sync(pair.key.parent)
    staged.certificate.replace(pair.certificate)
    _sync(pair.certificate.parent)


def _clear(pair: Pair) -> None:
    """Remove what an interrupted run has left."""
    for file in pair:
        for leftover in (_staged(file), _partial(_staged(file))):
            leftover.unlink(missing_ok=True)


def _staged(file: Path) -> Path:
    """Return where the successor of `file` waits, whole."""
    return file.with_name(f".new-{file.name}")


def _partial(file: Path) -> Path:
    return file.with_name(f"{file.name}.part")


def _create(file: Path, content: bytes, mode: int, group: int | None = None) -> None:
    """Make `file` in one step, with these permissions from its first moment on, and have the disk keep it."""
    partial = _partial(file)
    partial.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(partial, flags, mode & 0o600), "wb") as out:
        if sys.platform != "win32":
            if group is not None:
                os.fchown(out.fileno(), -1, group)
            os.fchmod(out.fileno(), mode)
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)


def _refuse_others(file: Path) -> None:
    """Raise for a path at which there is something else than a file: a link, a folder, a device."""
    if file.is_symlink():
        hint = f"remove the link, or write elsewhere with --out (it leads to `{os.path.realpath(file)}`)"
        raise FileProblemError(f"`{file}` is a symbolic link", hint=hint)
    if os.path.lexists(file) and not file.is_file():
        raise FileProblemError(f"`{file}` is in the way: it is no file", hint="write elsewhere with --out")


def _sync(folder: Path) -> None:
    if sys.platform == "win32":  # which cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":

    @contextlib.contextmanager
    def _lock(folder: Path) -> Iterator[None]:
        import msvcrt

        with (folder / ".asgictl.lock").open("wb") as file:
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            yield

else:

    @contextlib.contextmanager
    def _lock(folder: Path) -> Iterator[None]:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _problem(what: str, error: OSError) -> FileProblemError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return FileProblemError(f"{what}: {reason}", hint="see to the permissions and the disk, or choose another place")

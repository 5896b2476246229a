"""The pair of files that a certificate and its key are kept in: written whole or not at all.

Two files cannot be replaced in one step. So the old certificate goes first, then the key comes, and the certificate
last: whoever looks meanwhile, or after a crash, finds the old pair, the new one, or no certificate, and never two
files that do not belong together. What a crash has left half done the next run completes.
"""

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl import atomic, errors, reading
from asgictl.errors import FileProblemError

_CERTIFICATE_MODE = 0o644
_KEY_MODE = 0o600
_SHARED_KEY_MODE = 0o640


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


def refuse_links(*files: Path) -> None:
    """Raise `FileProblemError` where a link leads to a folder out of this one.

    A repository may hold a link in the place of a folder that is written to without having been named.
    """
    here = Path.cwd()
    for folder in dict.fromkeys(file.parent for file in files):
        place = reading.outside(folder, here)
        if place and Path(os.path.abspath(folder)).is_relative_to(here):  # noqa: PTH100  # which follows no links
            problem = f"`{folder}` leads out of the current folder, to `{place}`, through a symbolic link"
            hint = (
                f"remove the link; if you want it, pass `{place}` with gen-cert's --out, or with serve's --ssl-certfile"
            )
            raise FileProblemError(problem, hint=hint)


@contextlib.contextmanager
def locked(*files: Path) -> Iterator[None]:
    """Keep other runs away as `atomic.locked` does; raise `FileProblemError` for links, as above."""
    refuse_links(*files)
    with atomic.locked(*files):
        yield


def write(pair: Pair, certificate: bytes, key: bytes, group: int | None = None) -> None:
    """Replace the pair, with a key that `group` (a number) may read too; call it inside `atomic.locked`.

    Raises `FileProblemError` when that is not possible; what was there is then still there, or there is no certificate
    until the next run completes the pair.
    """
    for file in pair:
        _refuse_others(file)
    staged = Pair(*map(_staged, pair))
    old = _old(pair.certificate)
    try:
        atomic.create(staged.key, key, _KEY_MODE if group is None else _SHARED_KEY_MODE, group)
        atomic.create(staged.certificate, certificate, _CERTIFICATE_MODE)
        if pair.certificate.exists():
            pair.certificate.replace(old)
        _complete(pair, staged)
        _clear(pair)
    except OSError as error:
        with contextlib.suppress(OSError):
            if staged.key.exists() or not staged.certificate.exists():  # otherwise the new key has come already
                if not pair.certificate.exists() and old.exists():
                    old.replace(pair.certificate)
                _clear(pair)
        raise atomic.problem(f"cannot write {pair}", error) from error


def recover(pair: Pair) -> None:
    """Complete what an interrupted run has begun, or take it back; call it inside `atomic.locked`."""
    staged = Pair(*map(_staged, pair))
    try:
        if staged.certificate.exists() and not os.path.lexists(pair.certificate):
            _complete(pair, staged)
        _clear(pair)
    except OSError as error:
        raise atomic.problem(f"cannot complete {pair}", error) from error


def discard(pair: Pair) -> None:
    """Remove the pair, and whatever an interrupted run has left of it, keys first; call it inside `atomic.locked`."""
    try:
        _clear(pair)
        for file in (pair.key, pair.certificate):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise atomic.problem(f"cannot remove {pair}", error) from error


def write_one(file: Path, content: bytes, *, secret: bool) -> None:
    """Replace one file in one step; a secret one is for its owner alone."""
    _refuse_others(file)
    staged = _staged(file)
    try:
        atomic.create(staged, content, _KEY_MODE if secret else _CERTIFICATE_MODE)
        staged.replace(file)
        atomic.sync(file.parent)
    except OSError as error:
        raise atomic.problem(f"cannot write `{file}`", error) from error


def read(file: Path, *, missing: str = "make it with `asgictl gen-cert`") -> bytes:
    """Return the content of `file`; raise `FileProblemError` with the reason, `missing` being the hint for no file."""
    try:
        return reading.content(file)
    except FileNotFoundError as error:
        raise FileProblemError(f"there is no file `{file}`", hint=missing) from error
    except OSError as error:
        hint = "see to its permissions, and that it is the right file"
        raise FileProblemError(f"cannot read `{file}`: {errors.reason(error)}", hint=hint) from error


def is_private(file: Path) -> bool:
    """Tell whether a key is for its owner, and perhaps a group, alone; on Windows the folder's list decides."""
    return sys.platform == "win32" or not stat.S_IMODE(file.stat().st_mode) & 0o037


def group_of(key: Path) -> int | None:
    """Return the group that may read a key which is there, if one may."""
    found = key.stat()
    return found.st_gid if stat.S_IMODE(found.st_mode) == _SHARED_KEY_MODE else None


def _complete(pair: Pair, staged: Pair) -> None:
    """Move what is staged into place, the certificate last."""
    if staged.key.exists():
        staged.key.replace(pair.key)
        atomic.sync(pair.key.parent)
    staged.certificate.replace(pair.certificate)
    atomic.sync(pair.certificate.parent)


def _clear(pair: Pair) -> None:
    """Remove what an interrupted run has left."""
    for file in pair:
        for leftover in (atomic.partial(_staged(file)), _staged(file), _old(file)):
            if os.path.lexists(leftover):  # or a file system that is read-only would complain
                leftover.unlink()


def _staged(file: Path) -> Path:
    """Return where the successor of `file` waits, whole."""
    return file.with_name(f".new-{file.name}")


def _old(file: Path) -> Path:
    """Return where the predecessor of `file` waits, in case that its successor cannot come."""
    return file.with_name(f".old-{file.name}")


def _refuse_others(file: Path) -> None:
    """Raise for a path at which there is something else than a file: a link, a folder, a device."""
    if file.is_symlink():
        hint = f"remove the link, or write elsewhere with --out (it leads to `{os.path.realpath(file)}`)"
        raise FileProblemError(f"`{file}` is a symbolic link", hint=hint)
    if os.path.lexists(file) and not file.is_file():
        raise FileProblemError(f"`{file}` is in the way: it is not a file", hint="write elsewhere with --out")

"""Read files of a project that may not be what they seem, and name them: another user's, no regular file, too large."""

import ast
import contextlib
import errno
import os
import re
import stat
import sys
from pathlib import Path

# No file that people write for a project is larger; in bytes.
LIMIT = 1_000_000

# But for lock files; in bytes.
_TEXT_LIMIT = 64_000_000

# Not to wait for the other end of a FIFO.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)

# What `except` takes without parentheses from 3.14 on: https://peps.python.org/pep-0758/.
_BARE = re.compile(rb"(?m)^([ \t]*except\*?[ \t]+)([^()\n:#]+,[^()\n:#]+)(?=:)")


def content(file: Path | str, *, limit: int = LIMIT) -> bytes:
    """Return what is in `file`; raise `OSError` when it is not a regular file, or larger than `limit` bytes."""
    descriptor = os.open(file, _FLAGS)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(file))
        if found.st_size > limit:
            raise OSError(errno.EFBIG, f"it is larger than {limit} bytes", str(file))
        parts = []
        while part := os.read(descriptor, limit):  # once for a file, and once for its end
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def text(file: Path, *, errors: str = "strict") -> str:
    """Return the text in `file`, which is UTF-8, with plain newlines; raise `OSError`, or `UnicodeDecodeError`."""
    return content(file, limit=_TEXT_LIMIT).decode("utf-8-sig", errors).replace("\r\n", "\n")


def syntax(code: bytes, filename: str = "<unknown>") -> ast.Module:
    """Return the syntax tree of `code`, which may be of Python 3.14 where this one is older; raise `SyntaxError`."""
    try:
        return ast.parse(code, filename)
    except SyntaxError:
        enclosed = _BARE.sub(rb"\1(\2)", code)
        if enclosed == code:
            raise
        return ast.parse(enclosed, filename)


def is_file(path: Path) -> bool:
    """Tell whether `path` is a file; one that cannot be looked at is none, where `Path` raises."""
    return os.path.isfile(path)  # noqa: PTH113


def is_dir(path: Path) -> bool:
    """Tell whether `path` is a folder; one that cannot be looked at is none, where `Path` raises."""
    return os.path.isdir(path)  # noqa: PTH112


def exists(path: Path) -> bool:
    """Tell whether there is something at `path`; what cannot be looked at is not, where `Path` raises."""
    return os.path.exists(path)  # noqa: PTH110


def stranger(file: Path) -> str | None:
    """Return who owns `file`, in words, where that is neither the user nor root; None for a file to be believed.

    Git has done the same since CVE-2022-24765: who can write into a folder above must not configure what runs here.
    In a container the owner of the current folder counts as the user, whose number is another one outside.
    """
    if sys.platform == "win32":
        return None
    try:
        owner = file.stat().st_uid
    except OSError:
        return None
    if owner in _own():
        return None
    return f"user {owner}"


def _own() -> set[int]:
    own = {0, os.geteuid()}
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdigit():
        own.add(int(os.environ["SUDO_UID"]))
    if _in_container():
        with contextlib.suppress(OSError):
            own.add(Path().stat().st_uid)
    return own


def _in_container() -> bool:
    return any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv")) or (
        "KUBERNETES_SERVICE_HOST" in os.environ
    )


def top(folder: Path) -> Path:
    """Return the last folder at or above `folder` that can belong to its project: the repository's root, or the home.

    A folder that is in neither may belong to one that begins anywhere above.
    """
    here = home()
    for root in (folder, *folder.parents):
        if (root / ".git").exists() or root == here:
            return root
    return Path(folder.anchor)


def home() -> Path | None:
    """Return the user's home folder, or None: in a container there may be none."""
    with contextlib.suppress(RuntimeError):
        return Path.home()
    return None


def upwards(folder: Path) -> list[Path]:
    """Return `folder` and those above it that can belong to the same project, the nearest first."""
    last = top(folder)
    return [root for root in (folder, *folder.parents) if root.is_relative_to(last)]


def outside(path: Path, folder: Path) -> Path | None:
    """Return where `path` leads, through links too, if that is not in `folder`."""
    real = Path(os.path.realpath(path))
    return None if real.is_relative_to(os.path.realpath(folder)) else real


def shown(path: Path) -> str:
    """Return `path` as short as it is clear: relative to the current folder where it lies below."""
    try:
        folder = Path.cwd()
    except FileNotFoundError:  # deleted meanwhile
        return str(path)
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)

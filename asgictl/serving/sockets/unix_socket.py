"""A UNIX socket: bound with its permissions, in the place of a stale one, never in the place of a live one."""

import contextlib
import errno
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from asgictl import errors
from asgictl.errors import ConfigError, FileProblemError, StartError
from asgictl.serving.sockets import port_owner, predecessor

if sys.platform != "win32":
    import fcntl

_PERMISSIONS = 0o777

# How long to wait for another launcher, whose look at a socket takes a second at most; in seconds.
_PATIENCE = 2.0


def mode_of(text: str) -> int:
    """Return the permissions that `text` says in octal digits; raise `ConfigError` when it does not."""
    with contextlib.suppress(ValueError):
        mode = int(text, 8)
        if 0 <= mode <= _PERMISSIONS:
            return mode
    raise ConfigError(
        f"`--uds-mode {text}` is not a mode", hint="write it in octal digits, like 660", option="uds-mode"
    )


def bound(path: Path, mode: int) -> socket.socket:
    """Return a socket bound to `path` with the permissions `mode`; raise for what is in the way."""
    if not hasattr(socket, "AF_UNIX") or sys.platform == "win32":
        raise ConfigError("there are no UNIX sockets here", hint="pass --host and --port")
    try:
        return predecessor.outlived(partial(_bound, path, mode), path, predecessor.deadline())
    except OSError as error:
        raise _problem(error, path) from error


def _bound(path: Path, mode: int) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _alone(path):
            _make_way(path)
            before = os.umask(_PERMISSIONS & ~mode)
            try:
                sock.bind(str(path))
            finally:
                os.umask(before)
            sock.listen()  # so that another launcher finds it alive
    except BaseException:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other launchers out of the folder between the look at a stale socket and its replacement."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _locked(folder) and time.monotonic() < deadline:  # a lock that stays is no launcher's
            time.sleep(0.01)
        yield
    finally:
        os.close(folder)


def _locked(folder: int) -> bool:
    """Try to take the lock of the folder; tell whether that is done."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_way(path: Path) -> None:
    """Remove the socket of a server that is gone; raise `OSError` with EADDRINUSE for one that is there."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise FileProblemError(f"`{path}` is in the way: it is not a socket", hint="remove it, or pass another --uds")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except FileNotFoundError:  # its server has just ended
            return
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except (BlockingIOError, TimeoutError):  # its queue is full
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _problem(error: OSError, path: Path) -> StartError | FileProblemError:
    if error.errno == errno.EADDRINUSE:
        owner = port_owner.by(path) or " by another server"
        return StartError(f"the socket `{path}` is in use{owner}", hint="stop it, or pass another --uds")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return FileProblemError(f"there is no folder `{path.parent}` for the socket", hint="create it first")
    if error.errno is None:  # "AF_UNIX path too long"
        return StartError(
            f"the path `{path}` is too long for a socket", hint="pass a shorter --uds, like /run/app.sock"
        )
    return StartError(f"cannot listen on `{path}`: {errors.reason(error)}")

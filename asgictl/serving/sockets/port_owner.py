"""Which process has a port, or a UNIX socket, where the system tells."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# How long another program may take to tell, in seconds.
_PATIENCE = 5

_PROC = Path("/proc")
_LISTEN = "0A"  # TCP_LISTEN of include/net/tcp_states.h, as /proc/net/tcp prints it
_ACCEPTS = "00010000"  # __SO_ACCEPTCON of include/uapi/linux/net.h, as /proc/net/unix prints it

# What stands in the command lines of asgictl and of its workers.
_OURS = (b"asgictl", b"multiprocessing.spawn")


class Owner(NamedTuple):
    """A process that listens; `may_be_ours` says that it is an asgictl, or may be one."""

    pid: int
    name: str
    may_be_ours: bool

    def __str__(self) -> str:
        """Return what is said of it."""
        return f"pid {self.pid} ({self.name})"


def by(place: int | Path) -> str:
    """Return by whom a place is in use, ready to be appended, or nothing when that cannot be told."""
    owner = find(place)
    return f" by {owner}" if owner else ""


def find(place: int | Path) -> Owner | None:
    """Return the process that listens on a port, or on a UNIX socket, or None when it cannot be told."""
    if sys.platform == "linux":
        return _from_proc(place)
    return _from_lsof(place) if isinstance(place, int) else None


def _from_proc(place: int | Path) -> Owner | None:
    inodes = _inodes(place) if isinstance(place, int) else _unix_inodes(place)
    links = {f"socket:[{inode}]" for inode in inodes}
    for process in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(entry.readlink()) in links for entry in (process / "fd").iterdir()):
                command = (process / "cmdline").read_bytes()
                name = (process / "comm").read_text().strip()
                return Owner(int(process.name), name, any(word in command for word in _OURS))
    return None


def _inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _unix_inodes(path: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for line in (_PROC / "net/unix").read_text(errors="surrogateescape").splitlines()[1:]:
            fields = line.split(maxsplit=7)
            if fields[3] == _ACCEPTS and fields[7:] == [str(path)]:
                yield fields[6]


def _from_lsof(port: int) -> Owner | None:
    lsof = shutil.which("lsof")
    if lsof is None:
        return None
    command = [lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)  # noqa: S603  # fixed words and a number
    except subprocess.TimeoutExpired:  # it waits for a file system that does not answer
        return None
    fields = {line[:1]: line[1:] for line in reversed(answer.stdout.splitlines())}
    if not {"p", "c"} <= fields.keys():
        return None
    return Owner(int(fields["p"]), fields["c"], fields["c"].lower().startswith(("asgictl", "python")))

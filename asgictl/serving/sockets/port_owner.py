"""Which process has a port, where the system tells."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# How long another program may take to tell, in seconds.
_PATIENCE = 5

_LISTEN = "0A"  # TCP_LISTEN of include/net/tcp_states.h, as /proc/net/tcp prints it


def find(port: int) -> str | None:
    """Return the process that listens on `port` as `pid 4242 (node)`, or None when it cannot be told."""
    if sys.platform == "linux":
        return _from_proc(port)
    return _from_lsof(port)


def _from_proc(port: int) -> str | None:
    links = {f"socket:[{inode}]" for inode in _inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(entry.readlink()) in links for entry in (process / "fd").iterdir()):
                return f"pid {process.name} ({(process / 'comm').read_text().strip()})"
    return None


def _inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _from_lsof(port: int) -> str | None:
    lsof = shutil.which("lsof")
    if lsof is None:
        return None
    command = [lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)  # noqa: S603  # fixed words and a number
    except subprocess.TimeoutExpired:  # it waits for a file system that does not answer
        return None
    fields = {line[:1]: line[1:] for line in reversed(answer.stdout.splitlines())}
    return f"pid {fields['p']} ({fields['c']})" if {"p", "c"} <= fields.keys() else None

"""Whether a file was written or replaced since it was looked at."""

from pathlib import Path

Stamp = tuple[int, int, int] | None


def stamp(file: Path) -> Stamp:
    """Return what differs when a file was written or replaced, None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size

"""Where a fault is, for programs that show findings in the source."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from asgictl import reading
from asgictl.inspector.reports.judgement import Breach, Judgement

_PLACE = re.compile(r"(.+):([0-9]+)")


class Location(NamedTuple):
    """A file, relative to the current folder where it lies below, and a line."""

    file: str
    line: int

    @property
    def uri(self) -> str:
        """The file as a reference in a URL (RFC 3986): relative, or with `file:`."""
        path = Path(self.file)
        return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def of(fault: Breach, judgement: Judgement) -> Location | None:
    """Return where the stack says a fault is, or the first line of the app's file; None where neither is known."""
    found = _PLACE.fullmatch(fault.finding.place or "")
    if found:
        return Location(found[1], int(found[2]))
    return Location(reading.shown(judgement.file), 1) if judgement.file else None


def said(fault: Breach) -> str:
    """Return what a fault is, in one line."""
    how = f" ({fault.seen.how})" if fault.seen.how else ""
    return f"{fault.seen.route}{how}: {fault.finding.text}"

"""What a container says when it may not write, and the option that changes it."""

import re
from collections.abc import Sequence

from asgictl.scaffold.request import ScaffoldRequest

_PLACE = re.compile(r"\[Errno (?:30|13)\] [A-Za-z -]+: '(/?)([^']+)'")
_DATABASE = re.compile(r"unable to open database file|attempt to write a readonly database")


def hint(lines: Sequence[str], request: ScaffoldRequest) -> str | None:
    """Return what to pass for a program that ends because it may not write; None where that is not the reason."""
    for line in lines:
        if match := _PLACE.search(line):
            path = f"/{match[2]}" if match[1] else f"{request.workdir}/{match[2]}"
            return f"only volumes and /tmp are writable: pass --volume NAME:{path}, or its folder"
        if _DATABASE.search(line):
            return f"SQLite writes beside its file: pass --volume data:{request.workdir}/data, and put the file there"
    return None

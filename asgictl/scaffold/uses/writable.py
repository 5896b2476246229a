"""What to say of the places that the source writes to, for all but volumes and /tmp is read-only in a container."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from asgictl.scaffold.accepted import volume_for
from asgictl.scaffold.project import NamedFile
from asgictl.scaffold.request import ScaffoldRequest

_DATABASE = re.compile(r"\.(db|sqlite3?)$")
_LISTED = 4


def notes(written: Sequence[NamedFile], request: ScaffoldRequest, root: Path, *, sqlite: bool) -> Iterator[str]:
    """Yield one note for all places that need the same; `sqlite` tells that Django has such a database."""
    where = f"{request.workdir}/data"
    if sqlite and not any(_DATABASE.search(it.path) for it in written):
        yield (
            "SQLite's file would lie in the code, which is read-only in a container: put it on a volume, or elsewhere; "
            f"pass --volume data:{where}"
        )
    at_home = [it for it in written if it.path.startswith("~")]
    if at_home:
        lie = "lies" if len(at_home) == 1 else "lie"
        yield f"{_each(at_home)} {lie} in /tmp, where HOME is: in memory, and gone after a restart"
    on_volumes, among_code, nowhere, asked = _sorted([it for it in written if it not in at_home], request, root)
    if on_volumes:
        options = (f"--volume {volume}" for volume in asked.volume[len(request.volume) :])
        yield f"{_written(on_volumes)}: pass {' '.join(options)}"
    free = next((it for it in asked.volume if it.endswith(f":{where}")), None) or volume_for(where, asked)
    if among_code and free:
        it = "it" if len(among_code) == 1 else "them"
        yield f"{_written(among_code)}: put {it} in a folder without code, and pass --volume {free}"
    lost = nowhere if free else [*nowhere, *among_code]
    if lost:
        it = "it has" if len(lost) == 1 else "they have"
        yield f"{_written(lost)}: no volume can lie there, so {it} to write elsewhere"


def _sorted(
    written: Iterable[NamedFile], request: ScaffoldRequest, root: Path
) -> tuple[list[NamedFile], list[NamedFile], list[NamedFile], ScaffoldRequest]:
    """Return what volumes would do for, what lies among code, and the rest; and the request with those volumes."""
    on_volumes: list[NamedFile] = []
    among_code: list[NamedFile] = []
    nowhere: list[NamedFile] = []
    for found in written:
        path = found.path if found.path.startswith("/") else f"{request.workdir}/{found.path}"
        if request.on_volume(path):
            continue
        folder = _folder(path, found, root)
        if _has_code(folder, request, root):
            among_code.append(found)
        elif volume := volume_for(str(folder), request):
            on_volumes.append(found)
            request = request._replace(volume=(*request.volume, volume))
        else:
            nowhere.append(found)
    return on_volumes, among_code, nowhere, request


def _folder(path: str, found: NamedFile, root: Path) -> PurePosixPath:
    """Return the folder that has to be a volume for `path`, which may be one itself."""
    whole = PurePosixPath(path)
    named_as_file = whole.suffix or whole.name.startswith(".")
    return whole.parent if named_as_file and not (root / found.path).is_dir() else whole


def _has_code(folder: PurePosixPath, request: ScaffoldRequest, root: Path) -> bool:
    """Tell whether a volume there would hide code."""
    inside = root / folder.relative_to(request.workdir) if folder.is_relative_to(request.workdir) else None
    return inside is not None and (inside == root or any(inside.glob("*.py")))


def _written(found: Sequence[NamedFile]) -> str:
    return f"{_each(found)} {'is' if len(found) == 1 else 'are'} written, and all but volumes and /tmp is read-only"


def _each(found: Iterable[NamedFile]) -> str:
    """Return the first of them with their places, and how many more there are."""
    all_of_them = [f"`{it.path}` in {it.place}" for it in found]
    listed, more = all_of_them[:_LISTED], len(all_of_them) - _LISTED
    if more > 0:
        return f"{', '.join(listed)} and {more} more"
    return " and ".join(filter(None, (", ".join(listed[:-1]), listed[-1])))

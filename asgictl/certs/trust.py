"""Having the user's authority trusted, a record of where it is, and undoing exactly that."""

import contextlib
import hashlib
import json
import os
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl import atomic
from asgictl.certs import files, stores, version_control
from asgictl.certs.files import Pair
from asgictl.certs.stores import Anchor, Machine, Place, Runner, SystemCommand, UnknownError
from asgictl.errors import FileProblemError

_RECORD = "trust.json"


class Outcome(NamedTuple):
    """What has come of one place: trusted or removed, or the `problem`, and the commands that would do it."""

    place: Place
    problem: str | None = None
    commands: Sequence[SystemCommand] = ()


def folder(environ: Mapping[str, str]) -> Path:
    """Return where the user's authority lives."""
    if own := environ.get("ASGICTL_CA_DIR"):
        return Path(own).absolute()
    import platformdirs

    try:
        return platformdirs.user_data_path("asgictl", appauthor=False) / "ca"
    except RuntimeError:  # a container's user without a name
        return Path("/nonexistent/asgictl/ca")


def pair_in(folder: Path) -> Pair:
    """Return the authority's files."""
    return Pair(folder / "ca.pem", folder / "ca.key")


def anchor_name(folder: Path) -> str:
    """Return what the authority in `folder` is called in trust stores: the same before it is made as after."""
    return f"asgictl-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]}"


def anchor(folder: Path) -> Anchor:
    """Return what stores have to know of the authority in `folder`; without a certificate there, its name alone."""
    file = pair_in(folder).certificate
    pem = sha1 = ""
    with contextlib.suppress(OSError):
        pem = file.read_text(encoding="ascii", errors="replace")
    with contextlib.suppress(ValueError):
        sha1 = hashlib.sha1(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()  # noqa: S324  # how it is named there
    return Anchor(name=anchor_name(folder), file=file, pem=pem, sha1=sha1)


def recorded(folder: Path) -> list[tuple[str, str]]:
    """Return the stores and places where the authority was installed, or may have been."""
    try:
        entries = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        return [(entry["store"], entry["place"]) for entry in entries]
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # none, or not this user's
        return []
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"cannot read `{folder / _RECORD}`, which says where your authority is trusted"
        raise FileProblemError(problem, hint="remove the file: every usual place is looked at anyway") from error


def to_install(anchor: Anchor, place: Place, run: Runner) -> list[SystemCommand]:
    """Return what is to be run so that `place` trusts `anchor`: nothing, if it does.

    Raises `UnknownError` when that cannot be found out.
    """
    if place.trusts(anchor, run):
        return []
    return [*(place.remove(anchor) if place.knows(anchor, run) else ()), *place.install(anchor)]


def to_remove(anchor: Anchor, place: Place, run: Runner) -> list[SystemCommand]:
    """Return what is to be run so that nothing of `anchor` is left in `place`; raise `UnknownError` as above."""
    return [*(place.remove(anchor) if place.knows(anchor, run) else ()), *place.clean(anchor, run)]


def install(
    anchor: Anchor, places: Iterable[Place], run: Runner, show: Callable[[SystemCommand], object], folder: Path
) -> list[Outcome]:
    """Have each of `places` trust `anchor`; what is to be run is shown first, and recorded before it is done."""
    outcomes = []
    for place in places:
        commands = place.install(anchor)
        try:
            commands = to_install(anchor, place, run)
            _record(folder, [*recorded(folder), (place.store, place.path)])
            problem = _run(commands, run, show)
            if problem is None and not place.trusts(anchor, run):
                problem = "the commands have run, and still it does not trust it"
            if problem and not to_remove(anchor, place, run):
                _forget(folder, place)
        except UnknownError as error:
            problem = str(error)
        outcomes.append(Outcome(place, problem, commands))
    return outcomes


def remove(
    anchor: Anchor, places: Iterable[Place], run: Runner, show: Callable[[SystemCommand], object], folder: Path
) -> list[Outcome]:
    """Undo `install` in each of `places`; what could not be undone stays recorded."""
    outcomes = []
    for place in places:
        commands: list[SystemCommand] = []
        try:
            commands = to_remove(anchor, place, run)
            problem = _run(commands, run, show)
            if problem is None and place.knows(anchor, run):
                problem = "the commands have run, and still it is there"
        except UnknownError as error:
            problem = str(error)
        if problem is None:
            _forget(folder, place)
        outcomes.append(Outcome(place, problem, commands or place.remove(anchor)))
    return outcomes


def places_with(anchor: Anchor, folder: Path, machine: Machine, run: Runner, chosen: Sequence[str]) -> list[Place]:
    """Return the places of the stores in `chosen`, or of all, that are recorded, or have the authority anyway."""
    names = chosen or stores.NAMES
    places = [stores.place(store, path, machine) for store, path in recorded(folder) if store in names]
    for place in (place for kind in stores.find(machine, names) for place in kind.places):
        with contextlib.suppress(UnknownError):
            if place not in places and place.knows(anchor, run):
                places.append(place)
    return places


def discard(folder: Path) -> None:
    """Remove the authority with its key, and its folder if nothing else is in it."""
    pair = pair_in(folder)
    with atomic.locked(*pair):
        files.discard(pair)
        (folder / _RECORD).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            version_control.leave(folder)
            folder.rmdir()
            if folder.parent.name == "asgictl":
                folder.parent.rmdir()


def _run(commands: Iterable[SystemCommand], run: Runner, show: Callable[[SystemCommand], object]) -> str | None:
    """Run `commands`; return what is wrong with the first that fails."""
    for command in commands:
        show(command)
        result = run(command)
        if result.status:
            return stores.told(command, result)
    return None


def _record(folder: Path, entries: Sequence[tuple[str, str]]) -> None:
    known = [{"store": store, "place": place} for store, place in dict.fromkeys(entries)]
    files.write_one(folder / _RECORD, json.dumps(known, indent=2).encode(), secret=False)


def _forget(folder: Path, place: Place) -> None:
    _record(folder, [entry for entry in recorded(folder) if entry != (place.store, place.path)])

"""Having the user's authority trusted, a record of where it is, and undoing exactly that."""

import contextlib
import hashlib
import json
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl.certs import files, stores
from asgictl.certs.files import Pair
from asgictl.certs.stores import Anchor, Command, Machine, Place, Runner
from asgictl.errors import FileProblemError

_RECORD = "trust.json"


class Outcome(NamedTuple):
    """What has come of one place: trusted or removed, or the `problem`, and the commands that would do it."""

    place: Place
    problem: str | None = None
    commands: Sequence[Command] = ()


def folder(environ: Mapping[str, str]) -> Path:
    """Return where the user's authority lives."""
    if own := environ.get("ASGICTL_CA_DIR"):
        return Path(own).absolute()
    import platformdirs

    return platformdirs.user_data_path("asgictl", appauthor=False) / "ca"


def pair_in(folder: Path) -> Pair:
    """Return the authority's files."""
    return Pair(folder / "ca.pem", folder / "ca.key")


def anchor_name(folder: Path) -> str:
    """Return what the authority in `folder` is called in trust stores: the same before it is made as after."""
    return f"asgictl-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"


def anchor(folder: Path) -> Anchor:
    """Return what stores have to know of the authority in `folder`; without a certificate there, its name alone."""
    file = pair_in(folder).certificate
    pem = sha1 = ""
    if file.exists():
        pem = files.read(file).decode("ascii", "replace")
    with contextlib.suppress(ValueError):
        sha1 = hashlib.sha1(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()  # noqa: S324  # how it is named there
    return Anchor(name=anchor_name(folder), file=file, pem=pem, sha1=sha1)


def recorded(folder: Path) -> list[tuple[str, str]]:
    """Return the stores and places where the authority was installed, or may have been."""
    try:
        entries = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        return [(entry["store"], entry["place"]) for entry in entries]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"cannot read `{folder / _RECORD}`, which says where your authority is trusted"
        raise FileProblemError(problem, hint="remove the file, and run `asgictl gen-cert --trust` again") from error


def install(
    anchor: Anchor, places: Iterable[Place], run: Runner, show: Callable[[Command], object], folder: Path
) -> list[Outcome]:
    """Have each of `places` trust `anchor`; what is to be run is shown first, and recorded before it is done."""
    outcomes = []
    for place in places:
        if place.trusts(anchor, run):
            _record(folder, [*recorded(folder), (place.store, place.path)])
            outcomes.append(Outcome(place))
            continue
        _record(folder, [*recorded(folder), (place.store, place.path)])
        commands = [*(place.remove(anchor, run) if place.knows(anchor, run) else ()), *place.install(anchor)]
        problem = _run(commands, run, show)
        if problem is None and not place.trusts(anchor, run):
            problem = "the commands have run, and still it does not trust it"
        if problem and not place.knows(anchor, run):
            _forget(folder, place)
        outcomes.append(Outcome(place, problem, commands))
    return outcomes


def remove(
    anchor: Anchor, places: Iterable[Place], run: Runner, show: Callable[[Command], object], folder: Path
) -> list[Outcome]:
    """Undo `install` in each of `places`."""
    outcomes = []
    for place in places:
        commands = place.remove(anchor, run)
        problem = _run(commands, run, show) if place.knows(anchor, run) else None
        if problem is None and place.knows(anchor, run):
            problem = "the commands have run, and still it is there"
        if problem is None:
            _forget(folder, place)
        outcomes.append(Outcome(place, problem, commands))
    return outcomes


def places_of(folder: Path, machine: Machine, chosen: Sequence[str]) -> list[Place]:
    """Return the recorded places of the stores in `chosen`, or of all."""
    known = [entry for entry in recorded(folder) if not chosen or entry[0] in chosen]
    return [stores.place(store, path, machine) for store, path in known]


def discard(folder: Path) -> None:
    """Remove the authority, its key first."""
    pair = pair_in(folder)
    with contextlib.suppress(FileNotFoundError):
        for file in (pair.key, pair.certificate, folder / _RECORD):
            file.unlink(missing_ok=True)
        files.recover(pair)
        with contextlib.suppress(OSError):  # something else is in it
            folder.rmdir()
            if folder.parent.name == "asgictl":
                folder.parent.rmdir()


def _run(commands: Iterable[Command], run: Runner, show: Callable[[Command], object]) -> str | None:
    """Run `commands`; return what is wrong with the first that fails."""
    for command in commands:
        show(command)
        result = run(command)
        if result.status:
            lines = result.output.strip().splitlines()
            return f"`{command.argv[0]}` ended with {result.status}{f': {lines[-1]}' if lines else ''}"
    return None


def _record(folder: Path, entries: Sequence[tuple[str, str]]) -> None:
    known = [{"store": store, "place": place} for store, place in dict.fromkeys(entries)]
    files.write_one(folder / _RECORD, json.dumps(known, indent=2).encode(), secret=False)


def _forget(folder: Path, place: Place) -> None:
    _record(folder, [entry for entry in recorded(folder) if entry != (place.store, place.path)])

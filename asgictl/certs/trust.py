"""Having the user's authority trusted, a record of where it is, and undoing exactly that."""

import contextlib
import getpass
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl import atomic, reading
from asgictl.certs import files, stores, version_control
from asgictl.certs.files import Pair
from asgictl.certs.stores import Anchor, Machine, Place, Runner, SystemCommand
from asgictl.certs.stores.held import Held
from asgictl.errors import ConfigError, FileProblemError, UnansweredError

_RECORD = "trust.json"


class Outcome(NamedTuple):
    """What has come of one place: trusted or removed, or the `problem`, and the commands that would do it."""

    place: Place
    problem: str | None = None
    commands: Sequence[SystemCommand] = ()


class Sight(NamedTuple):
    """What a place holds, `mine` and of others, or the `problem` with looking; `is_concerned` if it may hold mine."""

    place: Place
    is_concerned: bool
    mine: Sequence[Held] = ()
    others: Sequence[Held] = ()
    problem: str | None = None


def folder(environ: Mapping[str, str]) -> Path:
    """Return where the user's authority lives; raise `ConfigError` for a variable that does not say where."""
    if own := environ.get("ASGICTL_CA_DIR"):
        if not own.strip():
            hint = "name a folder, or unset it"
            raise ConfigError("the variable `ASGICTL_CA_DIR` holds nothing but blanks", hint=hint)
        try:
            return Path(own).expanduser().absolute()
        except RuntimeError as error:
            problem = f"the variable `ASGICTL_CA_DIR` leads nowhere: nobody has the home in `{own}`"
            raise ConfigError(problem, hint="write the whole path of the folder") from error
    import platformdirs

    try:
        return platformdirs.user_data_path("asgictl", appauthor=False) / "ca"
    except RuntimeError:  # a container's user without a name
        return Path("/nonexistent/asgictl/ca")


def pair_in(folder: Path) -> Pair:
    """Return the authority's files."""
    return Pair(folder / "ca.pem", folder / "ca.key")


def anchor(folder: Path) -> Anchor:
    """Return what stores have to know of the authority in `folder`, which may be none yet."""
    file = pair_in(folder).certificate
    pem = ""
    with contextlib.suppress(OSError):
        pem = reading.content(file).decode("ascii", "replace")
    return Anchor(file, pem)


def recorded(folder: Path) -> list[tuple[str, str]]:
    """Return the stores and places where the authority was installed, or may have been."""
    try:
        entries = json.loads(reading.content(folder / _RECORD))
        return list(map(_entry, entries))
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # none, or not this user's
        return []
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable(folder) from error


def _entry(entry: Mapping[str, str]) -> tuple[str, str]:
    found = entry["store"], entry["place"]
    if any("\0" in word for word in found):
        raise ValueError("no place is called so")
    return found


def recorded_places(folder: Path, machine: Machine) -> list[Place]:
    """Return the places that the record names; raise `FileProblemError` for those of another machine."""
    try:
        return [stores.place(store, path, machine) for store, path in recorded(folder)]
    except (KeyError, StopIteration) as error:
        raise _unreadable(folder) from error


def to_install(anchor: Anchor, place: Place, run: Runner) -> list[SystemCommand]:
    """Return what is to be run so that `place` trusts `anchor`: nothing, if it does.

    Raises `UnansweredError` when that cannot be found out.
    """
    return [] if place.trusts(anchor, run) else place.install(anchor)


def to_remove(anchor: Anchor, place: Place, run: Runner) -> list[SystemCommand]:
    """Return what is to be run so that nothing of `anchor` is left in `place`; raise `UnansweredError` as above."""
    mine, _ = held(anchor, place, run)
    return [*itertools.chain.from_iterable(map(place.remove, mine)), *place.clean(mine, run)]


def at_most(anchor: Anchor, place: Place) -> list[SystemCommand]:
    """Return what would remove `anchor` from a place that cannot be looked at."""
    return place.remove(Held(anchor.name, anchor.der)) if anchor.der else []


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
            problem = _do(anchor, place, commands, run, show)
            if problem and not to_remove(anchor, place, run):
                _forget(folder, place)
        except UnansweredError as error:
            problem = str(error)
        outcomes.append(Outcome(place, problem, commands))
    return outcomes


def remove(
    anchor: Anchor, places: Iterable[Place], run: Runner, show: Callable[[SystemCommand], object], folder: Path
) -> list[Outcome]:
    """Undo `install` in each of `places`; what could not be undone stays recorded."""
    outcomes = []
    for place in places:
        commands = at_most(anchor, place)
        try:
            commands = to_remove(anchor, place, run)
            problem = _run(commands, run, show)
            mine, _ = held(anchor, place, run)
            if problem is None and mine:
                done = "the commands have run, and still it is there"
                problem = done if mine[0].alone else f"`{mine[0].name}` holds others too: take it out of that file"
        except UnansweredError as error:
            problem = str(error)
        if problem is None:
            _forget(folder, place)
        outcomes.append(Outcome(place, problem, commands))
    return outcomes


def held(anchor: Anchor, place: Place, run: Runner) -> tuple[list[Held], list[Held]]:
    """Return what `place` holds of `anchor`, and the other authorities that asgictl has made.

    Without a certificate of its own `anchor` stands for all that this user may have made, but for the authority in the
    usual folder, where that is another one. Raises `UnansweredError`.
    """
    found = place.held(run)
    mine = [it for it in found if (it.der == anchor.der if anchor.der else _may_be_mine(it, anchor, place))]
    return mine, [it for it in found if it not in mine]


def search(anchor: Anchor, folder: Path, machine: Machine, run: Runner) -> Iterator[Sight]:
    """Yield the places that are recorded, or hold an authority of asgictl's anyway, or cannot be looked at.

    Without a record the last may hold anything.
    """
    known = recorded_places(folder, machine)
    found = [place for kind in stores.find(machine, stores.NAMES) for place in kind.places]
    by_path = {(place.store, os.path.realpath(place.path)): place for place in [*found, *known]}
    for place in by_path.values():
        try:
            mine, others = held(anchor, place, run)
            if mine or others or place in known:
                yield Sight(place, bool(mine) or place in known, mine, others)
        except UnansweredError as error:
            yield Sight(place, place in known or not known, problem=str(error))


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


def _unreadable(folder: Path) -> FileProblemError:
    problem = f"cannot read `{folder / _RECORD}`, which says where your authority is trusted"
    return FileProblemError(problem, hint="remove the file: every usual place is looked at anyway")


def _do(
    anchor: Anchor,
    place: Place,
    commands: Iterable[SystemCommand],
    run: Runner,
    show: Callable[[SystemCommand], object],
) -> str | None:
    """Run `commands`; return what is wrong, and take back what they have done then, also when they are interrupted."""
    problem: str | None = "it was interrupted"
    try:
        problem = _run(commands, run, show)
        if problem is None and not place.trusts(anchor, run):
            problem = "the commands have run, and still it does not trust it"
    finally:
        if problem:
            with contextlib.suppress(UnansweredError):
                undo = to_remove(anchor, place, run)
                if not any(command.root for command in undo):  # which may be what has failed
                    _run(undo, run, show)
    return problem


def _may_be_mine(it: Held, lost: Anchor, place: Place) -> bool:
    """Tell whether an authority in a place may have been that of the folder in which there is no certificate now."""
    usual, own = folder({}), lost.file.parent
    if os.path.realpath(usual) != os.path.realpath(own):
        other = anchor(usual)
        if it.der == other.der if other.der else (place.store, place.path) in recorded(usual):
            return False
    return not place.shared or _is_mine(it)


def _is_mine(it: Held) -> bool:
    """Tell whether an authority was made for this user, at whatever host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user without a name
        return False
    return it.owner.partition("@")[0] == "".join(sign if sign.isprintable() else "?" for sign in user)


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
    entries = recorded(folder)
    if (place.store, place.path) in entries:
        _record(folder, [entry for entry in entries if entry != (place.store, place.path)])

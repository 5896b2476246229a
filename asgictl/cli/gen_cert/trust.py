"""`asgictl gen-cert --trust` and `--untrust`."""

import datetime as dt
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asgictl import atomic
from asgictl.certs import names, stores
from asgictl.certs import trust as trusting
from asgictl.certs.files import Pair
from asgictl.certs.stores import Anchor, SystemCommand, linux
from asgictl.certs.trust import Outcome
from asgictl.cli.gen_cert import make
from asgictl.console import Console
from asgictl.errors import FileProblemError

if TYPE_CHECKING:
    from asgictl.certs.pairs import Order


def trust(  # noqa: PLR0913  # what of the request it needs
    console: Console,
    pair: Pair,
    order: "Order",
    *,
    store: Sequence[str],
    ca_permit: Sequence[str],
    force: bool,
) -> int:
    """Have the user's authority made, used and trusted by each `store`; return the exit status.

    A new authority may vouch for `ca_permit` besides.
    """
    from asgictl.certs import authority, issue, pairs

    make.distinct(*pair, *order.extra)
    now = dt.datetime.now(dt.UTC)
    folder = trusting.folder(os.environ)
    issuer = authority.load(folder, now)
    if issuer is None:
        constraints = names.Constraints().widened(ca_permit)
        issue.refuse_outside(order.wanted, constraints)
        issuer = authority.make(folder, constraints, now)
        console.note(f"made your authority in `{folder}`, which can vouch for {constraints} and nothing else")
    else:
        authority.refuse_wider(issuer, ca_permit)
    made = pairs.vouched_for(pair, order, issuer, now, force=force)
    make.tell_of_authority(console, folder, issuer, made.certificate.names)
    machine = stores.this_machine()
    found = stores.find(machine, store or stores.USUAL)
    anchor = trusting.anchor(folder)
    with atomic.locked(anchor.file):
        places = [place for kind in found for place in kind.places]
        outcomes = trusting.install(anchor, places, stores.run, lambda it: console.note(f"running {it}"), folder)
    missing = _missing(found)
    data = {"trusted": [_as_data(outcome) for outcome in outcomes], "missing": missing, "ca": str(anchor.file)}
    make.tell(console, made, [*pair, *order.extra], now, **data)
    good = [outcome.place for outcome in outcomes if outcome.problem is None]
    if good:
        console.note(f"trusted by {', '.join(map(str, good))}")
        _tell_of_others(console, anchor.file, good)
    return _tell_of_problems(console, outcomes, missing)


def untrust(console: Console, chosen: Sequence[str], *, dry_run: bool) -> int:
    """Undo `trust`; return the exit status."""
    folder = trusting.folder(os.environ)
    anchor = trusting.anchor(folder)
    if os.access(folder, os.F_OK) and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise FileProblemError(f"cannot read `{folder}`", hint="run it as the user whom the folder belongs to")
    machine = stores.this_machine()
    places = trusting.places_with(anchor, folder, machine, stores.run, chosen)
    if dry_run:
        commands = [str(it) for place in places for it in _planned(trusting.to_remove, anchor, place, place.remove)]
        console.result("\n".join(commands) or "nothing is trusted", {"commands": commands})
        return 0
    outcomes: list[Outcome] = []
    if places:
        with atomic.locked(anchor.file):
            outcomes = trusting.remove(anchor, places, stores.run, lambda it: console.note(f"running {it}"), folder)
    gone = [str(outcome.place) for outcome in outcomes if outcome.problem is None]
    left = trusting.places_with(anchor, folder, machine, stores.run, ())
    if not left and os.access(folder, os.F_OK):
        trusting.discard(folder)
    data = {"removed": gone, "left": [_as_data(outcome) for outcome in outcomes if outcome.problem]}
    console.result("\n".join(f"removed from {place}" for place in gone) or "nothing was trusted", data)
    if not left:
        console.note("your authority and its key are gone" if anchor.pem else "there was no authority")
    elif chosen:
        console.note(f"your authority stays, for it is trusted by {', '.join(map(str, left))}")
    return _tell_of_problems(console, outcomes, ())


def show(console: Console, chosen: Sequence[str]) -> int:
    """Print what `trust` would run; return the exit status."""
    machine = stores.this_machine()
    anchor = trusting.anchor(trusting.folder(os.environ))
    found = stores.find(machine, chosen or stores.USUAL)
    places = [place for kind in found for place in kind.places]
    commands = [str(it) for place in places for it in _planned(trusting.to_install, anchor, place, place.install)]
    console.result("\n".join(commands) or "it is trusted already", {"commands": commands})
    return _tell_of_problems(console, (), _missing(found))


def _planned(
    plan: Callable[[Anchor, stores.Place, stores.Runner], list[SystemCommand]],
    anchor: Anchor,
    place: stores.Place,
    otherwise: Callable[[Anchor], list[SystemCommand]],
) -> list[SystemCommand]:
    """Return what `plan` says, or where it cannot look, what there is to do at the most."""
    try:
        return plan(anchor, place, stores.run)
    except stores.UnknownError:
        return otherwise(anchor)


def _missing(found: Sequence[stores.Found]) -> list[str]:
    """Return what is missing to use the stores, or that there is none."""
    missing = [kind.missing for kind in found if kind.missing]
    if not missing and not any(kind.places for kind in found):
        return ["no browser with a database of its own is here: start it once, or choose --store system"]
    return missing


def _as_data(outcome: Outcome) -> dict[str, object]:
    return {"store": outcome.place.store, "place": outcome.place.path, "problem": outcome.problem}


def _tell_of_others(console: Console, anchor: Path, places: Sequence[stores.Place]) -> None:
    """Say how programs with a store of their own come to trust it."""
    console.note(f"Node: `export NODE_EXTRA_CA_CERTS={shlex.quote(str(anchor))}`")
    for place in places:
        if isinstance(place, linux.SystemStore):
            bundle = place.layout.bundle
            console.note(f"requests and httpx: `export REQUESTS_CA_BUNDLE={bundle} SSL_CERT_FILE={bundle}`")
    if any(place.store == "java" for place in places):
        console.note(
            "Java does not heed what an authority may vouch for: whoever has its key can pose as any site there"
        )
    console.note("restart the browser if it is open")


def _tell_of_problems(console: Console, outcomes: Sequence[Outcome], missing: Sequence[str]) -> int:
    """Say what could not be done and how to do it; return the exit status."""
    bad = [outcome for outcome in outcomes if outcome.problem]
    for outcome in bad:
        todo = "; ".join(map(str, outcome.commands))
        console.problem(f"{outcome.place}: {outcome.problem}", f"see to that, or run `{todo}`")
    for text in missing:
        problem, _, hint = text.partition(": ")
        console.problem(problem, f"{hint}, and run this again")
    return FileProblemError.exit_status if bad or missing else 0

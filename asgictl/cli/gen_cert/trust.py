"""`asgictl gen-cert --trust` and `--untrust`."""

import contextlib
import datetime as dt
import os
import shlex
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asgictl import atomic
from asgictl.certs import files, names, stores
from asgictl.certs import trust as trusting
from asgictl.certs.files import Pair
from asgictl.certs.stores import Anchor, SystemCommand, linux
from asgictl.certs.trust import Outcome
from asgictl.cli.gen_cert import make
from asgictl.console import Console
from asgictl.errors import FileProblemError, InterruptedByUserError, UnansweredError

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
    from asgictl.certs import pairs

    now = dt.datetime.now(dt.UTC)
    folder = trusting.folder(os.environ)
    _check(pair, order, ca_permit=ca_permit, force=force)
    issuer = make.authority_of(console, folder, now, names.Constraints().widened(ca_permit))
    made = pairs.vouched_for(pair, order, issuer, now, force=force)
    make.tell_of_authority(console, folder, issuer, made.certificate.names)
    machine = stores.this_machine()
    found = stores.find(machine, store or stores.USUAL)
    anchor = trusting.anchor(folder)
    with atomic.locked(anchor.file):
        places = [place for kind in found for place in kind.usable]
        with _heard("what needs no root is taken back, the rest recorded", "it again, or `asgictl gen-cert --untrust`"):
            outcomes = trusting.install(anchor, places, stores.run, lambda it: console.note(f"running {it}"), folder)
    missing = _missing(found)
    data = {"trusted": [_as_data(outcome) for outcome in outcomes], "missing": missing, "ca": str(anchor.file)}
    make.tell(console, made, [*pair, *order.extra], now, **data)
    good = [outcome.place for outcome in outcomes if outcome.problem is None]
    if good:
        console.note(f"trusted by {', '.join(map(str, good))}")
        _tell_of_others(console, anchor.file, good)
    _tell_notes(console, found)
    return _tell_of_problems(console, outcomes, missing)


def _check(pair: Pair, order: "Order", *, ca_permit: Sequence[str], force: bool) -> None:
    """Raise whatever keeps `trust` from having an authority, and a certificate of it."""
    from asgictl.certs import authority, issue, pairs

    make.distinct(*pair, *order.extra)
    issuer = authority.load(trusting.folder(os.environ), dt.datetime.now(dt.UTC))
    constraints = names.Constraints().widened(ca_permit)
    if issuer is not None:
        authority.refuse_wider(issuer, ca_permit)
        constraints = issue.constraints_of(issuer.certificate)
    with files.locked(*pair, *order.extra):
        files.recover(pair)
        hosts = pairs.all_hosts(pairs.replaceable(pair, order, force=force), order)
    issue.refuse_outside(hosts, constraints, is_new=issuer is None)


def tell_of_root(console: Console) -> None:
    """Say what it means that the authority is root's."""
    folder = trusting.folder(os.environ)
    console.note(
        f"the authority is root's, in `{folder}`: only root has certificates of it, and nobody's browsers are told"
    )


def untrust(console: Console, chosen: Sequence[str], *, dry_run: bool) -> int:
    """Undo `trust`; return the exit status."""
    from asgictl.certs import authority

    folder = trusting.folder(os.environ)
    anchor = trusting.anchor(folder)
    if os.access(folder, os.F_OK) and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise FileProblemError(f"cannot read `{folder}`", hint="run it as the user whom the folder belongs to")
    authority.refuse_foreign(folder)
    seen = list(trusting.search(anchor, folder, stores.this_machine(), stores.run))
    concerned = [it.place for it in seen if it.is_concerned]
    places = [place for place in concerned if not chosen or place.store in chosen]
    found = dict.fromkeys(held.subject for it in seen if it.place in places for held in it.mine)
    if found and not anchor.der:
        console.note(f"no authority is in `{folder}`; by their names these were made for you: {', '.join(found)}")
    if dry_run:
        plans = [_planned(trusting.to_remove, anchor, it, lambda it: trusting.at_most(anchor, it)) for it in places]
        commands = [str(command) for plan in plans for command in plan]
        console.result("\n".join(commands) or "nothing is trusted", {"commands": commands})
        return 0
    outcomes: list[Outcome] = []
    is_there, had_any = os.access(folder, os.F_OK), bool(trusting.pair_in(folder).there)
    rest = "your authority stays, and what it is still trusted by stays recorded"
    with atomic.locked(*[anchor.file] * is_there), _heard(rest, "it again"):
        outcomes = trusting.remove(anchor, places, stores.run, lambda it: console.note(f"running {it}"), folder)
    done = [outcome.place for outcome in outcomes if outcome.problem is None]
    left = [place for place in concerned if place not in done]
    if not left and is_there:
        trusting.discard(folder)
    gone = list(map(str, done))
    data = {"removed": gone, "left": [_as_data(outcome) for outcome in outcomes if outcome.problem]}
    console.result("\n".join(f"removed from {place}" for place in gone) or "nothing was trusted", data)
    if not left:
        console.note(_farewell(folder, had_any=had_any, is_found=bool(found)))
    elif chosen:
        console.note(f"your authority stays, for it is trusted by {', '.join(map(str, left))}")
    _tell_of_the_rest(console, [it for it in seen if not chosen or it.place.store in chosen])
    return _tell_of_problems(console, outcomes, ())


def _farewell(folder: Path, *, had_any: bool, is_found: bool) -> str:
    """Return what has become of the authority and its key."""
    if had_any:
        return "your authority and its key are gone"
    return f"the key was not in `{folder}`: remove it where it is" if is_found else "there was no authority"


def show(  # noqa: PLR0913  # as `trust`
    console: Console, pair: Pair, order: "Order", *, store: Sequence[str], ca_permit: Sequence[str], force: bool
) -> int:
    """Print what `trust` would run; return the exit status."""
    _check(pair, order, ca_permit=ca_permit, force=force)
    machine = stores.this_machine()
    anchor = trusting.anchor(trusting.folder(os.environ))
    found = stores.find(machine, store or stores.USUAL)
    places = [place for kind in found for place in kind.usable]
    plans = [_planned(trusting.to_install, anchor, place, lambda it: it.install(anchor)) for place in places]
    commands = [str(command) for plan in plans for command in plan]
    if commands and not anchor.der:
        console.note(f"`{stores.UNKNOWN}` will be the first digits of its fingerprint: your authority is not made yet")
    nothing = "it is trusted already" if places else "there is nothing to run"
    console.result("\n".join(commands) or nothing, {"commands": commands})
    _tell_notes(console, found)
    return _tell_of_problems(console, (), _missing(found))


@contextlib.contextmanager
def _heard(rest: str, command: str) -> Iterator[None]:
    """Have a signal end what a store has begun, in its order; `rest` is told then, and `command` is what to run."""
    numbers = signal.SIGINT, signal.SIGTERM
    usual = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedByUserError(f"interrupted; {rest}", hint=f"run {command}") from None
    finally:
        for number, handler in zip(numbers, usual, strict=True):
            signal.signal(number, handler)


def _planned(
    plan: Callable[[Anchor, stores.Place, stores.Runner], list[SystemCommand]],
    anchor: Anchor,
    place: stores.Place,
    otherwise: Callable[[stores.Place], list[SystemCommand]],
) -> list[SystemCommand]:
    """Return what `plan` says, or where it cannot look, what there is to do at the most."""
    try:
        return plan(anchor, place, stores.run)
    except UnansweredError:
        return otherwise(place)


def _missing(found: Sequence[stores.Found]) -> list[str]:
    """Return what is missing to use the stores, or that there is none."""
    missing = [kind.missing for kind in found if kind.missing]
    if not missing and not any(kind.places for kind in found):
        return ["no browser with a database of its own is here: start it once, or choose --store system"]
    return missing


def _tell_notes(console: Console, found: Sequence[stores.Found]) -> None:
    for text in (text for kind in found for text in kind.notes):
        console.note(text)


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
        console.note("Java ignores the limits of an authority: whoever has its key can pose as any site there")
    console.note("restart the browser if it is open")


def _tell_of_the_rest(console: Console, seen: Sequence[trusting.Sight]) -> None:
    """Say which authorities of asgictl's stay, what would remove them, and what has not been looked at."""
    for sight in seen:
        for held in sight.others:
            todo = "; ".join(map(str, sight.place.remove(held)))
            remedy = f"; to remove it: `{todo}`" if todo else f": `{held.name}` holds others too"
            console.note(f"{sight.place} holds another authority, {held.subject}, which stays{remedy}")
        if sight.problem and not sight.is_concerned:
            console.note(f"{sight.place} is not in the record, and was not looked at: {sight.problem}")


def _tell_of_problems(console: Console, outcomes: Sequence[Outcome], missing: Sequence[str]) -> int:
    """Say what could not be done and how to do it; return the exit status."""
    bad = [outcome for outcome in outcomes if outcome.problem]
    for outcome in bad:
        todo = "; ".join(map(str, outcome.commands))
        way = "become root by `su`, and run" if stores.lacks_root(outcome.commands) else "see to that, or run"
        hint = f"{way} `{todo}`" if todo else "see to that, and run this again"
        console.problem(f"{outcome.place}: {outcome.problem}", hint)
    for text in missing:
        problem, _, hint = text.partition(": ")
        console.problem(problem, f"{hint}, and run this again")
    return FileProblemError.exit_status if bad or missing else 0

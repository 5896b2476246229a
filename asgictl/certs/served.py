"""The certificate that a server shows: looked at before the start, and for the pair in `ssl/` made and renewed.

As long as all is well, as far as OpenSSL tells, cryptography is not imported, which takes longer than all else here.
"""

import contextlib
import datetime as dt
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from asgictl import atomic
from asgictl.certs import beyond_doubt, files, names, trust
from asgictl.certs.files import Pair
from asgictl.certs.handshake import Certificate, is_trusted, look, trusted_by_system
from asgictl.certs.names import Constraints
from asgictl.errors import ConfigError, FileProblemError

if TYPE_CHECKING:
    from asgictl.certs.issue import Issuer

DEFAULT = Pair(Path("ssl/cert.pem"), Path("ssl/cert.key"))


class Circumstances(NamedTuple):
    """Where a certificate is shown: the host listened on, what opens the key, the authority's folder, and the time.

    A server that is reached under many addresses has an empty `host`. Nothing is written unless it `writes`.
    """

    host: str
    password: str | None
    authority: Path
    now: dt.datetime
    writes: bool = True

    def suits(self, seen: Certificate) -> bool:
        """Tell whether a certificate is good here, for more than a few days."""
        return seen.lasts(self.now) and self.covers(seen)

    def covers(self, seen: Certificate) -> bool:
        """Tell whether a certificate is for the host."""
        return not self.host or names.match(seen.names, self.host)


def kept(pair: Pair, place: Circumstances, note: Callable[[str], object]) -> Certificate:
    """Return what asgictl's own `pair` says, which is made if there is none, and renewed when it has to be.

    `note` hears of that, and of what is wrong with somebody else's. Raises `FileProblemError` for half a pair, and
    for files that cannot be used.
    """
    seen = look(*pair, place.password) if len(pair.there) == len(pair) else None
    if seen is not None and place.suits(seen) and files.is_private(pair.key) and _is_vouched_for(pair, seen, place):
        return seen if seen.is_ours else _checked(pair, seen, place, note)
    from asgictl.certs import pem

    files.refuse_links(*pair)
    with atomic.locked(*pair) if place.writes else contextlib.nullcontext():
        if place.writes:
            files.recover(pair)
        there = pair.there
        if not there:
            return _first(pair, place, note)
        if len(there) == 1:
            missing = next(file for file in pair if file not in there)
            hint = "put the other one back, or make both again: `asgictl gen-cert --force`"
            raise FileProblemError(f"`{there[0]}` is there, and `{missing}` is not", hint=hint)
        pem.check_pair(*pair, place.password)
        seen = _seen(pair, place)
        if not seen.is_ours:
            return _checked(pair, seen, place, note)
        return _renewed(pair, seen, place, note)


def _renewed(pair: Pair, seen: Certificate, place: Circumstances, note: Callable[[str], object]) -> Certificate:
    """Return what our pair says, after its renewal if that has to be."""
    from asgictl.certs import pairs

    password = place.password.encode() if place.password else None
    known = _authority(place, note)
    hosts = _hosts(seen.names, place, known)
    issuer = pairs.for_hosts(known, hosts)
    vouched = issuer is None or _is_vouched_for(pair, seen, place)
    if seen.lasts(place.now) and hosts == seen.names and vouched:
        return _checked(pair, seen, place, note)
    faults = " and ".join(_faults(seen, place))
    why = f", which {faults}" if faults else ": your authority vouches for it now"
    if not place.writes:
        note(f"the start renews `{pair.certificate}`{why}; the new one is for {names.listed(hosts)}")
        return seen
    try:
        order = pairs.like(pair, pairs.loaded(pair, password), hosts, password)
        said = pairs.write(pair, order, issuer, place.now).certificate
    except FileProblemError as error:
        note(f"cannot renew: {error.message}")
        return _checked(pair, seen, place, note)
    note(f"renewed `{pair.certificate}`{why}; the new one is for {names.listed(said.names)}")
    _tell_of_extent(issuer, place, said, note)
    return said


def given(pair: Pair, place: Circumstances, note: Callable[[str], object]) -> Certificate:
    """Return what a `pair` of the user's says, which is never written; raise `FileProblemError` for an expired one."""
    return _checked(pair, _seen(pair, place), place, note)


def _seen(pair: Pair, place: Circumstances) -> Certificate:
    """Return what a pair that OpenSSL takes says, whether it is valid now or not."""
    if seen := look(*pair, place.password):
        return seen
    from asgictl.certs import verdict

    return verdict.judge(pair, place.password, place.now).certificate


def _first(pair: Pair, place: Circumstances, note: Callable[[str], object]) -> Certificate:
    from asgictl.certs import pairs

    known = _authority(place, note)
    order = pairs.Order(hosts=_hosts(names.LOCAL, place, known))
    issuer = pairs.for_hosts(known, order.hosts)
    if not place.writes:
        note(f"the start makes {pair} for {names.listed(order.hosts)}")
        return pairs.described(order, issuer, place.now)
    said = pairs.write(pair, order, issuer, place.now).certificate
    _tell_of_extent(issuer, place, said, note)
    end = "" if issuer else "; `asgictl gen-cert --trust` ends the browser's warning"
    note(f"made {pair} for {names.listed(said.names)}{end}")
    return said


def _tell_of_extent(
    issuer: "Issuer | None", place: Circumstances, said: Certificate, note: Callable[[str], object]
) -> None:
    """Say so when the authority that has just been used may vouch for more than its user may know."""
    from asgictl.certs import authority

    if issuer is not None and (more := authority.extent(place.authority, issuer.certificate, said.names)):
        note(more)


def _authority(place: Circumstances, note: Callable[[str], object]) -> "Issuer | None":
    """Return the user's authority if it can be used; a server can do without."""
    from asgictl.certs import authority

    try:
        return authority.load(place.authority, place.now)
    except FileProblemError as error:
        note(f"{error.message}; your authority is left alone")
        return None


def _hosts(known: tuple[str, ...], place: Circumstances, issuer: "Issuer | None") -> tuple[str, ...]:
    """Return the names `known` and that of the host, unless the latter would cost the trust in the others."""
    from asgictl.certs import pairs

    if not place.host or names.match(known, place.host):
        return known
    with contextlib.suppress(ConfigError):  # it is no name for a certificate
        wider = (*known, *names.parse([place.host]))
        if pairs.for_hosts(issuer, known) is None or pairs.for_hosts(issuer, wider):
            return wider
    return known


def _is_vouched_for(pair: Pair, seen: Certificate, place: Circumstances) -> bool:
    """Tell whether our certificate is of the authority that is trusted here, if there is one that might."""
    if not seen.is_ours or not all(map(Constraints().permit, seen.names)) or not trust.recorded(place.authority):
        return True
    return is_trusted(*pair, place.password, seen.names[0], trust.pair_in(place.authority).certificate)


def _checked(pair: Pair, seen: Certificate, place: Circumstances, note: Callable[[str], object]) -> Certificate:
    """Say what is wrong with a certificate that is not to be replaced; raise `FileProblemError` for an expired one."""
    if seen.not_after <= place.now:
        problem = f"`{pair.certificate}` {seen.fault(place.now)}"
        raise FileProblemError(problem, hint="renew it where it comes from, or serve with another")
    for fault in _faults(seen, place):
        note(f"`{pair.certificate}` {fault}")
    is_good = (
        files.is_private(pair.key) if seen.is_ours else beyond_doubt.is_good(pair, place.password, seen, place.now)
    )
    if not is_good:
        from asgictl.certs import verdict

        for fault in verdict.judge(pair, place.password, place.now).faults:
            if fault != f"it {seen.fault(place.now)}":  # it was told above
                note(f"`{pair.certificate}`: {fault}")
    return seen


def _faults(seen: Certificate, place: Circumstances) -> Iterator[str]:
    """Yield what is wrong with a certificate here and now."""
    if fault := seen.fault(place.now):
        yield fault
    elif not seen.lasts(place.now):
        yield f"has {seen.left(place.now)} left"
    if not place.covers(seen):
        yield f"is not for `{place.host}`, but for {names.listed(seen.names) or 'no name'}"


def trusted_by(pair: Pair, place: Circumstances, seen: Certificate) -> tuple[bool | None, bool | None]:
    """Tell whether the system trusts a certificate, and whether browsers do, as far as asgictl has seen to it.

    None stands for what it has not seen to, and cannot look at.
    """
    if not seen.is_ours:
        return trusted_by_system(*pair, place.password, seen.names[0]) if seen.names else False, None
    if not seen.names:
        return False, False
    system = is_trusted(*pair, place.password, seen.names[0])
    stores = {store for store, _ in trust.recorded(place.authority)}
    ours = bool(stores) and is_trusted(*pair, place.password, seen.names[0], trust.pair_in(place.authority).certificate)
    if sys.platform == "linux":
        return system, ours and "nss" in stores
    return system or (ours and "system" in stores), ours and "system" in stores  # which browsers follow there

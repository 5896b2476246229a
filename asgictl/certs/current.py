"""The certificate that a server shows: looked at before the start, and for the pair in `ssl/` made and renewed.

As long as all is well cryptography is not imported, which takes longer than everything else here.
"""

import contextlib
import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from asgictl.certs import files, names, trust
from asgictl.certs.files import Pair
from asgictl.certs.look import Certificate, is_trusted, look
from asgictl.errors import ConfigError, FileProblemError

DEFAULT = Pair(Path("ssl/cert.pem"), Path("ssl/cert.key"))

# With these as the host a server has many addresses, and a certificate cannot be for all.
_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104  # recognised here, chosen by the user


class Place(NamedTuple):
    """Where a certificate is shown: the host listened on, what opens the key, the authority's folder, and the time."""

    host: str
    password: str | None
    authority: Path
    now: dt.datetime

    def suits(self, seen: Certificate) -> bool:
        """Tell whether a certificate is good here, for more than a few days."""
        return seen.lasts(self.now) and self.covers(seen)

    def covers(self, seen: Certificate) -> bool:
        """Tell whether a certificate is for the host."""
        return self.host in _EVERYWHERE or names.match(seen.names, self.host)


def kept(pair: Pair, place: Place, note: Callable[[str], object]) -> Certificate:
    """Return what asgictl's own `pair` says, which is made if there is none, and renewed when it has to be.

    `note` hears of that, and of what is wrong with somebody else's. Raises `FileProblemError` for half a pair, and
    for files that cannot be used.
    """
    seen = look(*pair, place.password) if len(pair.there) == len(pair) else None
    if seen is not None and place.suits(seen) and _is_vouched_for(pair, seen, place):
        return seen
    from asgictl.certs import make, verify

    with files.locked(*pair):
        files.recover(pair)
        there = pair.there
        if not there:
            return _first(pair, place, note)
        if len(there) == 1:
            missing = next(file for file in pair if file not in there)
            hint = "put the other one back, or make both anew: `asgictl gen-cert --force`"
            raise FileProblemError(f"`{there[0]}` is there, and `{missing}` is not", hint=hint)
        password = place.password.encode() if place.password else None
        bundle = make.loaded(pair, password)
        seen = verify.described(bundle.leaf)
        hosts = _hosts(seen.names, place)
        issuer = make.issuer_for(hosts, place.authority, place.now)
        vouched = issuer is None or _is_vouched_for(pair, seen, place)
        if not seen.is_ours or (seen.lasts(place.now) and hosts == seen.names and vouched):
            return _checked(pair, seen, place, note)
        said = make.write(pair, make.like(pair, bundle, hosts, password), issuer, place.now).certificate
    why = _fault(seen, place) or "your authority vouches for it now"
    note(f"renewed `{pair.certificate}`: {why}; it is for {', '.join(said.names)}")
    return said


def given(pair: Pair, place: Place, note: Callable[[str], object]) -> Certificate:
    """Return what a `pair` of the user's says, which is never written; raise `FileProblemError` for an expired one."""
    seen = look(*pair, place.password)
    if seen is None:
        from asgictl.certs import verify

        seen = verify.described(verify.load(files.read(pair.certificate), str(pair.certificate))[0])
    return _checked(pair, seen, place, note)


def _first(pair: Pair, place: Place, note: Callable[[str], object]) -> Certificate:
    from asgictl.certs import make

    order = make.Order(hosts=_hosts(names.LOCAL, place))
    issuer = make.issuer_for(order.hosts, place.authority, place.now)
    said = make.write(pair, order, issuer, place.now).certificate
    files.keep_out_of_version_control(pair.key, note)
    end = "" if issuer else "; `asgictl gen-cert --trust` ends the browser's warning"
    note(f"made {pair} for {', '.join(said.names)}{end}")
    return said


def _hosts(known: tuple[str, ...], place: Place) -> tuple[str, ...]:
    """Return the names `known` and that of the host, unless the latter would cost the trust in the others."""
    from asgictl.certs import make

    if place.host in _EVERYWHERE or names.match(known, place.host):
        return known
    with contextlib.suppress(ConfigError):  # it is no name for a certificate
        wider = (*known, *names.parse([place.host]))
        issuer = make.issuer_for(known, place.authority, place.now)
        if issuer is None or make.issuer_for(wider, place.authority, place.now):
            return wider
    return known


def _is_vouched_for(pair: Pair, seen: Certificate, place: Place) -> bool:
    """Tell whether our certificate is of the authority that is trusted here, if there is one."""
    if not seen.is_ours or not seen.names or not trust.recorded(place.authority):
        return True
    return is_trusted(*pair, place.password, seen.names[0], trust.pair_in(place.authority).certificate)


def _checked(pair: Pair, seen: Certificate, place: Place, note: Callable[[str], object]) -> Certificate:
    """Say what is wrong with a certificate that is not to be replaced; raise `FileProblemError` for an expired one."""
    if seen.not_after <= place.now:
        problem = f"`{pair.certificate}` has expired on {seen.not_after:%Y-%m-%d}"
        raise FileProblemError(
            problem, hint="renew it where it comes from, or make one with `asgictl gen-cert --force`"
        )
    if fault := _fault(seen, place):
        note(f"`{pair.certificate}` {fault}")
    return seen


def _fault(seen: Certificate, place: Place) -> str | None:
    if seen.not_before > place.now:
        return f"is not valid before {seen.not_before:%Y-%m-%d %H:%M} UTC"
    if seen.not_after <= place.now:
        return f"has expired on {seen.not_after:%Y-%m-%d}"
    if not seen.lasts(place.now):
        return f"has {seen.days_left(place.now)} days left"
    return None if place.covers(seen) else f"is not for `{place.host}`, but for {', '.join(seen.names) or 'no name'}"


def trusted_by(pair: Pair, place: Place, seen: Certificate) -> tuple[bool, bool]:
    """Tell whether the system trusts a certificate, and whether browsers do, as far as asgictl has seen to it."""
    if not seen.names:
        return False, False
    system = is_trusted(*pair, place.password, seen.names[0])
    stores = {store for store, _ in trust.recorded(place.authority)}
    ours = is_trusted(*pair, place.password, seen.names[0], trust.pair_in(place.authority).certificate)
    if sys.platform == "linux":
        return system, ours and "nss" in stores
    return system or (ours and "system" in stores), ours and "system" in stores  # which browsers heed there

"""What there is to say of a certificate and its key, whoever has made them."""

import contextlib
import datetime as dt
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl.certs import authority, handshake, issue, pem, stores, trust, validity, verdict, version_control
from asgictl.certs.files import Pair
from asgictl.certs.handshake import Certificate
from asgictl.certs.stores import Machine, Runner, UnknownError
from asgictl.errors import FileProblemError


class Inspection(NamedTuple):
    """What was found; `trusted` has a verdict for each place that was asked, `faults` what is wrong.

    `extent` says what the user's authority may vouch for beyond the usual, `unseen` what could not be looked at.
    """

    certificate: Certificate
    key_type: str
    mode: int | None
    by_authority: bool
    trusted: dict[str, bool]
    faults: list[str]
    extent: str | None
    unseen: list[str]


def inspect(pair: Pair, password: bytes | None, folder: Path, machine: Machine, run: Runner) -> Inspection:
    """Look at `pair`, and at who trusts it, with the user's authority in `folder`.

    Raises `FileProblemError` when the certificate cannot be read; everything else is a fault.
    """
    with contextlib.suppress(OSError):
        if not pair.certificate.exists():
            raise pem.missing(pair.certificate, "make it with `asgictl gen-cert`")
    text = password.decode(errors="surrogateescape") if password else None
    found = verdict.judge(pair, text, dt.datetime.now(dt.UTC))
    anchor = trust.anchor(folder)
    root = validity.load(anchor.pem.encode(), str(anchor.file))[0] if anchor.pem else None
    by_authority = root is not None and found.leaf is not None and validity.is_issued_by(found.leaf, root)
    extent = authority.extent(folder, root) if root else None
    unseen: list[str] = []
    faults = [*_in_git(pair.key, folder, unseen), *found.faults, *_ending(found.certificate)]
    trusted: dict[str, bool] = {}
    if by_authority:
        if found.leaf is not None and issue.is_refused_by_gnutls(found.leaf):
            faults.append(
                "GnuTLS (wget, git) refuses it, for it has a common name: run `asgictl gen-cert --trust` again"
            )
        try:
            authority.check_access(trust.pair_in(folder))
        except FileProblemError as error:
            faults.append(error.message)
        recorded = trust.recorded(folder)
        usual = [place for kind in stores.find(machine, stores.USUAL) for place in kind.usable]
        places = [*usual, *trust.recorded_places(folder, machine)]
        for place in {(it.store, it.path): it for it in places}.values():
            try:
                trusted[str(place)] = place.trusts(anchor, run)
            except UnknownError as error:
                if (place.store, place.path) in recorded:
                    faults.append(f"cannot tell whether {place} trusts it: {error}")
                continue
            if not trusted[str(place)] and (place.store, place.path) in recorded:
                faults.append(f"not trusted by {place} any more")
    elif found.certificate.names and not found.refused:
        by_system = handshake.trusted_by_system(*pair, text, found.certificate.names[0])
        trusted |= {} if by_system is None else {"the system's store": by_system}
    mode = _mode(pair.key)
    return Inspection(found.certificate, found.key_type, mode, by_authority, trusted, faults, extent, unseen)


def _ending(said: Certificate) -> Iterator[str]:
    """Yield that a certificate ends within a day, or half of a shorter life."""
    now = dt.datetime.now(dt.UTC)
    soon = min(dt.timedelta(days=1), (said.not_after - said.not_before) / 2)
    if said.fault(now) is None and said.not_after - now < soon:
        yield f"it has {said.left(now)} left"


def _in_git(key: Path, folder: Path, unseen: list[str]) -> Iterator[str]:
    """Yield which keys git has; `unseen` is told where that cannot be found out."""
    for file, remedy in ((key, "gen-cert --force"), (trust.pair_in(folder).key, authority.ANEW)):
        try:
            if fault := version_control.told(file, remedy):
                yield fault
        except UnknownError as error:
            unseen.append(f"whether git has `{file}`: {error}")


def _mode(file: Path) -> int | None:
    with contextlib.suppress(OSError):
        return stat.S_IMODE(file.stat().st_mode) if sys.platform != "win32" else None
    return None

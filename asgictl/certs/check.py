"""What there is to say of a certificate and its key, whoever has made them."""

import contextlib
import datetime as dt
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from asgictl.certs import authority, handshake, issue, pem_files, stores, trust, validity, verdict, version_control
from asgictl.certs.files import Pair
from asgictl.certs.handshake import Certificate
from asgictl.certs.stores import Anchor, Machine, Runner
from asgictl.errors import FileProblemError, UnansweredError


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
            raise pem_files.missing(pair.certificate, "make it with `asgictl gen-cert`")
    text = password.decode(errors="surrogateescape") if password else None
    found = verdict.judge(pair, text, dt.datetime.now(dt.UTC))
    anchor = trust.anchor(folder)
    root = validity.load(anchor.pem.encode(), str(anchor.file))[0] if anchor.pem else None
    by_authority = root is not None and found.leaf is not None and validity.is_issued_by(found.leaf, root)
    known, unseen = _in_git(pair.key, folder)
    faults = [*known, *found.faults, *_ending(found.certificate)]
    trusted: dict[str, bool] = {}
    if by_authority:
        trusted, distrust = _in_stores(anchor, folder, machine, run)
        faults += [*_of_authority(found.leaf, folder), *distrust]
    elif found.certificate.names and not found.refused:
        trusted = _in_system(pair, text, found.certificate)
    extent = authority.extent(folder, root) if root else None
    return Inspection(found.certificate, found.key_type, _mode(pair.key), by_authority, trusted, faults, extent, unseen)


def _ending(said: Certificate) -> Iterator[str]:
    """Yield that a certificate ends within a day, or half of a shorter life."""
    now = dt.datetime.now(dt.UTC)
    soon = min(dt.timedelta(days=1), (said.not_after - said.not_before) / 2)
    if said.fault(now) is None and said.not_after - now < soon:
        yield f"it has {said.left(now)} left"


def _in_git(key: Path, folder: Path) -> tuple[list[str], list[str]]:
    """Return which keys git has, and of which that cannot be found out."""
    faults, unseen = [], []
    for file, remedy in ((key, "gen-cert --force"), (trust.pair_in(folder).key, authority.ANEW)):
        try:
            if fault := version_control.told(file, remedy):
                faults.append(fault)
        except UnansweredError as error:
            unseen.append(f"whether git has `{file}`: {error}")
    return faults, unseen


def _of_authority(leaf: x509.Certificate | None, folder: Path) -> Iterator[str]:
    """Yield what is wrong with a certificate of the user's authority in `folder`, and with that one's files."""
    if leaf is not None and issue.is_refused_by_gnutls(leaf):
        yield "GnuTLS (wget, git) refuses it, for it has a common name: run `asgictl gen-cert --trust` again"
    try:
        authority.check_access(trust.pair_in(folder))
    except FileProblemError as error:
        yield error.message


def _in_stores(anchor: Anchor, folder: Path, machine: Machine, run: Runner) -> tuple[dict[str, bool], list[str]]:
    """Return which places trust the authority, and where that is not as the record says."""
    trusted: dict[str, bool] = {}
    faults = []
    recorded = trust.recorded(folder)
    usual = [place for kind in stores.find(machine, stores.USUAL) for place in kind.usable]
    places = [*usual, *trust.recorded_places(folder, machine)]
    for place in {(it.store, it.path): it for it in places}.values():
        is_recorded = (place.store, place.path) in recorded
        try:
            trusted[str(place)] = place.trusts(anchor, run)
        except UnansweredError as error:
            if is_recorded:
                faults.append(f"cannot tell whether {place} trusts it: {error}")
        else:
            if is_recorded and not trusted[str(place)]:
                faults.append(f"not trusted by {place} any more")
    return trusted, faults


def _in_system(pair: Pair, password: str | None, said: Certificate) -> dict[str, bool]:
    """Return whether the system's store trusts somebody else's certificate, where that can be seen."""
    by_system = handshake.trusted_by_system(*pair, password, said.names[0])
    return {} if by_system is None else {"the system's store": by_system}


def _mode(file: Path) -> int | None:
    with contextlib.suppress(OSError):
        return stat.S_IMODE(file.stat().st_mode) if sys.platform != "win32" else None
    return None

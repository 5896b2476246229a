"""What there is to say of a certificate and its key, whoever has made them."""

import datetime as dt
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from asgictl.certs import authority, files, handshake, keys, stores, trust, validity
from asgictl.certs.files import Pair
from asgictl.certs.handshake import Certificate
from asgictl.certs.stores import Machine, Runner, UnknownError
from asgictl.errors import FileProblemError


class Inspection(NamedTuple):
    """What was found; `trusted` has a verdict for each place that was asked, `faults` what is wrong."""

    certificate: Certificate
    key_type: str
    mode: int | None
    by_authority: bool
    trusted: dict[str, bool]
    faults: list[str]


def inspect(pair: Pair, password: bytes | None, folder: Path, machine: Machine, run: Runner) -> Inspection:
    """Look at `pair`, and at who trusts it, with the user's authority in `folder`.

    Raises `FileProblemError` when the certificate cannot be read; everything else is a fault.
    """
    leaf, *chain = validity.load(files.read(pair.certificate), str(pair.certificate))
    said = validity.described(leaf)
    anchor = trust.anchor(folder)
    by_authority = bool(anchor.pem) and validity.is_issued_by(
        leaf, validity.load(anchor.pem.encode(), str(anchor.file))[0]
    )
    faults = [*_of_key(pair, leaf, password), *_of_certificate(leaf, chain, dt.datetime.now(dt.UTC))]
    trusted: dict[str, bool] = {}
    if by_authority:
        try:
            authority.check_access(trust.pair_in(folder))
        except FileProblemError as error:
            faults.append(error.message)
        recorded = trust.recorded(folder)
        usual = [place for kind in stores.find(machine, stores.USUAL) for place in kind.usable]
        for place in [*usual, *trust.recorded_places(folder, machine)]:
            try:
                trusted[str(place)] = place.trusts(anchor, run)
            except UnknownError as error:
                if (place.store, place.path) in recorded:
                    faults.append(f"cannot tell whether {place} trusts it: {error}")
                continue
            if not trusted[str(place)] and (place.store, place.path) in recorded:
                faults.append(f"not trusted by {place} any more")
    elif said.names:
        text = password.decode() if password else None
        trusted["the system's store"] = handshake.is_trusted(*pair, text, said.names[0])
        if not said.self_signed and not chain and not trusted["the system's store"]:
            faults.append(f"who has signed it, {said.issuer or 'nameless'}, is neither in the file nor trusted here")
    return Inspection(said, keys.named(leaf.public_key()), _mode(pair.key), by_authority, trusted, faults)


def _of_key(pair: Pair, leaf: x509.Certificate, password: bytes | None) -> Iterator[str]:
    """Yield what is wrong with the key."""
    if pair.key.exists() and not files.is_private(pair.key):
        yield f"others may read `{pair.key}`: `chmod 600 {pair.key}`"
    try:
        key = keys.load(files.read(pair.key), str(pair.key), password)
    except FileProblemError as error:
        yield error.message
        return
    if not validity.is_pair(leaf, key):
        yield f"`{pair.key}` is not the key of `{pair.certificate}`"


def _of_certificate(leaf: x509.Certificate, chain: Sequence[x509.Certificate], now: dt.datetime) -> Iterator[str]:
    """Yield what is wrong with the certificate."""
    said = validity.described(leaf)
    if keys.strong(leaf.public_key()) is None:
        yield f"browsers do not take its key, {keys.named(leaf.public_key())}"
    if said.not_after - said.not_before > handshake.LONGEST:
        yield f"Apple's systems refuse one that is valid for more than {handshake.LONGEST.days} days"
    if fault := said.fault(now):
        yield f"it {fault}"
    elif fault := validity.fault(leaf, chain, now):
        yield f"strict clients refuse it: {fault}"


def _mode(file: Path) -> int | None:
    return stat.S_IMODE(file.stat().st_mode) if file.exists() and sys.platform != "win32" else None

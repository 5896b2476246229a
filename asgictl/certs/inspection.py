"""What there is to say of a certificate and its key, whoever has made them."""

import datetime as dt
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from asgictl.certs import files, keys, look, stores, trust, verify
from asgictl.certs.files import Pair
from asgictl.certs.look import Certificate
from asgictl.certs.stores import Machine, Runner
from asgictl.errors import FileProblemError


class Inspection(NamedTuple):
    """What was found; `trusted` has a verdict for each place that was asked, `faults` what is wrong."""

    certificate: Certificate
    key_type: str
    mode: int | None
    by_authority: bool
    trusted: dict[str, bool]
    faults: list[str]


def inspect(pair: Pair, password: bytes | None, authority: Path, machine: Machine, run: Runner) -> Inspection:
    """Look at `pair`, and at who trusts it, with the user's authority in the folder `authority`.

    Raises `FileProblemError` when the certificate cannot be read; everything else is a fault.
    """
    leaf, *chain = verify.load(files.read(pair.certificate), str(pair.certificate))
    said = verify.described(leaf)
    anchor = trust.anchor(authority)
    by_authority = bool(anchor.pem) and verify.is_issued_by(leaf, verify.load(anchor.pem.encode(), str(anchor.file))[0])
    faults = [*_of_key(pair, leaf, password), *_of_certificate(leaf, chain, dt.datetime.now(dt.UTC))]
    trusted: dict[str, bool] = {}
    if by_authority:
        recorded = trust.places_of(authority, machine, ())
        usual = [place for kind in stores.find(machine, stores.USUAL) for place in kind.places]
        trusted = {str(place): place.trusts(anchor, run) for place in dict.fromkeys([*usual, *recorded])}
        faults += [f"not trusted by {place} any more" for place in recorded if not trusted[str(place)]]
    elif said.names:
        text = password.decode() if password else None
        trusted["the system's store"] = look.is_trusted(*pair, text, said.names[0])
    return Inspection(said, keys.named(leaf.public_key()), _mode(pair.key), by_authority, trusted, faults)


def _of_key(pair: Pair, leaf: x509.Certificate, password: bytes | None) -> Iterator[str]:
    """Yield what is wrong with the key."""
    try:
        key = keys.load(files.read(pair.key), str(pair.key), password)
    except FileProblemError as error:
        yield error.message
        return
    if not verify.is_pair(leaf, key):
        yield f"`{pair.key}` is not the key of `{pair.certificate}`"
    if not files.is_private(pair.key):
        yield f"others may read `{pair.key}`: `chmod 600 {pair.key}`"


def _of_certificate(leaf: x509.Certificate, chain: Sequence[x509.Certificate], now: dt.datetime) -> Iterator[str]:
    """Yield what is wrong with the certificate."""
    said = verify.described(leaf)
    if not keys.is_strong(leaf.public_key()):
        yield f"browsers do not take its key, {keys.named(leaf.public_key())}"
    if said.not_before > now:
        yield f"not valid before {said.not_before:%Y-%m-%d %H:%M} UTC"
    elif said.not_after <= now:
        yield f"expired on {said.not_after:%Y-%m-%d}"
    elif fault := verify.fault(leaf, chain, now):
        yield f"strict clients refuse it: {fault}"


def _mode(file: Path) -> int | None:
    return stat.S_IMODE(file.stat().st_mode) if file.exists() and sys.platform != "win32" else None

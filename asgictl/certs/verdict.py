"""What is wrong with a certificate and its key: one verdict for whoever serves with them, or looks at them."""

import contextlib
import datetime as dt
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from asgictl.certs import chain, files, handshake, keys, pem, pem_blocks, pem_files, validity
from asgictl.certs.files import Pair
from asgictl.certs.handshake import Certificate
from asgictl.errors import FileProblemError

# The curves that clients offer unless they are told otherwise: those of RFC 8446, section 4.2.3.
_CURVES = ("secp256r1", "secp384r1", "secp521r1")


class Verdict(NamedTuple):
    """What a pair is, whether it is `refused` by OpenSSL, and its `faults`.

    `leaf` is None for a certificate that OpenSSL reads, and strict parsers do not.
    """

    certificate: Certificate
    leaf: x509.Certificate | None
    key_type: str
    refused: bool
    faults: list[str]


def judge(pair: Pair, password: str | None, now: dt.datetime) -> Verdict:
    """Return what there is to say of a pair, whoever has made it.

    Raises `FileProblemError` when the certificate cannot be read; a key that OpenSSL refuses is a fault.
    """
    data, refused = pem_files.content(pair.certificate), None
    try:
        pem.check_pair(*pair, password)
    except FileProblemError as error:
        refused = error
    faults = [*_of_access(pair), *([refused.message] if refused else [])]
    try:
        leaf, *others = pem_blocks.certificates(data)
        said, key = validity.described(leaf), leaf.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        seen = None if refused else handshake.look(*pair, password)
        if seen is None:
            raise refused or pem.unreadable(pair.certificate) from error
        faults.append("strict clients cannot read it")
        return Verdict(seen, None, "of an unknown type", refused=False, faults=faults)
    faults += [*_of_key(key), *_of_life(said, now)]
    if refused is None:
        faults += chain.breaks([leaf, *others])
    if refused is None and not others and not said.self_signed and said.fault(now) is None:
        faults += _of_issuer(pair, password, said, leaf)
    if said.fault(now) is None and all(map(validity.is_issued_by, [leaf, *others], others)):
        faults += [f"strict clients refuse it: {fault}" for fault in [validity.fault(leaf, others, now)] if fault]
    return Verdict(said, leaf, keys.named(key), refused is not None, faults)


def _of_access(pair: Pair) -> Iterator[str]:
    with contextlib.suppress(OSError):  # that it cannot be read is told anyway
        if not files.is_private(pair.key):
            yield f"others may read `{pair.key}`: `chmod 600 {shlex.quote(str(pair.key))}`"


def _of_key(key: CertificatePublicKeyTypes) -> Iterator[str]:
    if keys.strong(key) is not None:
        return
    usual = key.curve.name in _CURVES if isinstance(key, ec.EllipticCurvePublicKey) else isinstance(key, _SIGNING)
    yield f"{'browsers' if usual else 'clients'} do not take its key, {keys.named(key)}"


_SIGNING = (rsa.RSAPublicKey, ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)


def _of_life(said: Certificate, now: dt.datetime) -> Iterator[str]:
    if said.not_after - said.not_before > handshake.LONGEST:
        yield f"Apple's systems refuse one that is valid for more than {handshake.LONGEST.days} days"
    if fault := said.fault(now):
        yield f"it {fault}"


def _of_issuer(pair: Pair, password: str | None, said: Certificate, leaf: x509.Certificate) -> Iterator[str]:
    if said.names and handshake.trusted_by_system(*pair, password, said.names[0]) is False:
        yield f"its issuer, {validity.called(leaf.issuer)}, is neither in the file nor trusted by the system"

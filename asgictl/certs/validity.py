"""Whether a certificate is good: what strict clients would say of it, by cryptography's verifier."""

import datetime as dt
import re
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID

from asgictl.certs import issue, names
from asgictl.certs.handshake import Certificate
from asgictl.certs.keys import PrivateKey
from asgictl.errors import FileProblemError


def load(data: bytes, name: str) -> list[x509.Certificate]:
    """Return the certificates in `data`, the content of the file `name`; raise `FileProblemError` if there are none."""
    try:
        found = x509.load_pem_x509_certificates(data)
        for certificate in found:
            _ = certificate.extensions  # which are read only now
    except ValueError as error:
        problem = f"`{name}` holds no certificate in PEM form"
        raise FileProblemError(problem, hint="see that it is the right file, and whole") from error
    return found


def described(certificate: x509.Certificate) -> Certificate:
    """Return what a certificate says."""
    return Certificate(
        names=issue.hosts_of(certificate.extensions),
        issuer=_common(certificate.issuer),
        organization=_attribute(certificate.issuer, NameOID.ORGANIZATION_NAME),
        self_signed=certificate.issuer == certificate.subject,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def called(name: x509.Name) -> str:
    """Return how to call who has this name, which may have nothing to be called by."""
    return _common(name) or "nameless"


def der(certificate: x509.Certificate) -> bytes:
    """Return a certificate as phones take it (X.690), alone and without its key."""
    return certificate.public_bytes(serialization.Encoding.DER)


def is_pair(certificate: x509.Certificate, key: PrivateKey) -> bool:
    """Tell whether `key` is the one of `certificate`."""
    return certificate.public_key() == key.public_key()


def is_issued_by(leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether `issuer` has signed `leaf`."""
    try:
        leaf.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def fault(leaf: x509.Certificate, chain: Sequence[x509.Certificate], now: dt.datetime) -> str | None:
    """Return why a strict client would refuse a server certificate, given that it trusts the end of its chain.

    None for one with a `_` in a name, too, which cannot be judged here: see `names.taken_by_few`.
    """
    *between, anchor = (leaf, *chain)
    store = verification.PolicyBuilder().store(verification.Store([anchor])).time(now)
    hosts = issue.hosts_of(leaf.extensions)
    if not hosts:
        return "it is for no name: it has no subjectAltName"
    if any("_" in host for host in hosts):  # for which this verifier takes no name under an authority's constraints
        return None
    for host in hosts:
        address = names.ip(host)
        try:
            subject = x509.IPAddress(address) if address else x509.DNSName(host.replace("*", "any", 1))
            store.build_server_verifier(subject).verify(leaf, between[1:])
        except (verification.VerificationError, ValueError) as error:
            reason = re.sub(r"^validation failed: | \(encountered processing .*", "", str(error), flags=re.DOTALL)
            return f"for {host}: {reason}"
    return None


def _common(name: x509.Name) -> str:
    return _attribute(name, NameOID.COMMON_NAME) or _attribute(name, NameOID.ORGANIZATION_NAME)


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    return next((str(it.value) for it in name.get_attributes_for_oid(oid)), "")

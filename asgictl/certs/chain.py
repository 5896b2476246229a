"""The certificates in one file: whether each is signed by the next, and which of them a key belongs to."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from asgictl.certs import keys, validity
from asgictl.errors import FileProblemError

_RIGHT_KEY = "pass the key that belongs to it"
_ORDER = "put the server's certificate first, then that of its issuer, and so on"


def breaks(held: Sequence[x509.Certificate]) -> Iterator[str]:
    """Yield where a client does not find who has signed a certificate behind it (RFC 8446 section 4.4.2)."""
    for index, (one, following) in enumerate(pairwise(held)):
        if validity.is_issued_by(one, following) or validity.is_issued_by(one, one):
            continue
        signer = next((nth for nth, it in enumerate(held) if validity.is_issued_by(one, it)), None)
        who = f"the issuer of the {_ordinal(index)} certificate, {validity.called(one.issuer)}"
        where = "not in the file" if signer is None else f"the {_ordinal(signer)} in the file and not the next"
        yield f"its chain is broken: {who}, is {where}"


def mismatch(
    certificate: Path, held: Sequence[x509.Certificate], file: Path, key: bytes, password: str | None
) -> FileProblemError | None:
    """Return what is wrong with a `key` from `file` for the certificates `held`, or None where it fits, or is odd."""
    try:
        private: Any = serialization.load_pem_private_key(key, password.encode() if password else None)
        public = private.public_key()
        fits = [it.public_key() == public for it in held]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if True not in fits:
        types = [keys.named(it) for it in (public, held[0].public_key())]
        more = f": it is {types[0]}, and the certificate is for {types[1]}" if types[0] != types[1] else ""
        more = more or (f", whose first certificate is {_authority(held[0])}" if _is_authority(held[0]) else "")
        return FileProblemError(f"`{file}` is not the key of `{certificate}`{more}", hint=_RIGHT_KEY)
    if fits[0]:
        return None
    first = f"the first is {_authority(held[0])}" if _is_authority(held[0]) else "it has to be the first"
    nth = _ordinal(fits.index(True))
    return FileProblemError(f"`{file}` is the key of the {nth} certificate in `{certificate}`: {first}", hint=_ORDER)


def _is_authority(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate may sign others."""
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (ValueError, x509.ExtensionNotFound):
        return False


def _ordinal(index: int) -> str:
    """Return which of several one is, counted from 0."""
    return ("1st", "2nd", "3rd")[index] if index in range(3) else f"{index + 1}th"


def _authority(certificate: x509.Certificate) -> str:
    return f"that of an authority ({validity.called(certificate.subject)})"

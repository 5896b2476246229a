"""Whether somebody else's certificate is good as far as OpenSSL tells, which spares `asgictl serve` other verifiers.

What is not good beyond doubt is for `verdict` to judge, by cryptography, which takes a tenth of a second to import.
"""

import contextlib
import datetime as dt
import re
import ssl

from asgictl.certs import files, handshake, pem_blocks, pem_files
from asgictl.certs.files import Pair
from asgictl.certs.handshake import Certificate
from asgictl.errors import FileProblemError

# The types of keys that browsers take, in DER: RSA (RFC 3279), P-256 and P-384 (RFC 5480).
_KEYS = [
    bytes.fromhex(text)
    for text in (
        "300d06092a864886f70d0101010500",
        "301306072a8648ce3d020106082a8648ce3d030107",
        "301006072a8648ce3d020106052b81040022",
    )
]

# The extension that makes a certificate an authority's (RFC 5280 section 4.2.1.9).
_AUTHORITY = re.compile(rb"\x06\x03\x55\x1d\x13(\x01\x01\xff)?\x04.\x30.\x01\x01\xff", re.DOTALL)

# With its issuer: where there are more, whether each is that of the one before cannot be told here.
_MOST = 2


def is_good(pair: Pair, password: str | None, seen: Certificate, now: dt.datetime) -> bool:
    """Tell whether strict clients take a certificate, which says what was `seen`, and others may not read its key."""
    if seen.self_signed or not seen.names or seen.fault(now) or seen.not_after - seen.not_before > handshake.LONGEST:
        return False
    with contextlib.suppress(OSError, ValueError, FileProblemError):
        data = pem_files.content(pair.certificate)
        held = [it.decoded() for it in pem_blocks.find(data) if it.label in pem_blocks.CERTIFICATE]
        leaf, *chain = map(pem_blocks.first_value, held)
        usual = any(key in leaf for key in _KEYS) and not _AUTHORITY.search(leaf)
        if usual and len(held) <= _MOST and files.is_private(pair.key):
            return handshake.is_accepted(
                *pair, password, seen.names, ssl.DER_cert_to_PEM_cert(chain[0]) if chain else None
            )
    return False

"""The blocks of PEM files (RFC 7468), as OpenSSL finds them, and the certificates in them."""

import base64
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography import x509

CERTIFICATE = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
KEY = ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "DSA PRIVATE KEY")

_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 #]+)-----")
_BOM = b"\xef\xbb\xbf"  # which OpenSSL skips


class PemBlock(NamedTuple):
    """What stands between two lines, of which the first is the one with this number."""

    label: str
    line: int
    content: bytes
    ended: bool = True

    def decoded(self) -> bytes:
        """Return what it is in binary; raise `ValueError` for what is not base64."""
        return base64.b64decode(b"".join(self.content.split()), validate=True)


def find(data: bytes) -> Iterator[PemBlock]:
    """Yield the blocks that OpenSSL finds: each mark has a line of its own, which only blanks may follow."""
    label, begin = "", 0
    lines: list[bytes] = []
    for number, line in enumerate(map(bytes.rstrip, data.removeprefix(_BOM).split(b"\n")), 1):
        if label and line == b"-----END %b-----" % label.encode():
            yield PemBlock(label, begin, b"".join(lines))
            label = ""
        elif label:
            lines.append(line)
        elif mark := _BEGIN.fullmatch(line):
            label, begin, lines = mark[1].decode(), number, []
    if label:
        yield PemBlock(label, begin, b"".join(lines), ended=False)


def certificates(data: bytes) -> "list[x509.Certificate]":
    """Return the certificates in a file that OpenSSL takes; raise `ValueError` for one that strict parsers refuse."""
    return [certificate(block) for block in find(data) if block.label in CERTIFICATE]


def certificate(block: PemBlock) -> "x509.Certificate":
    """Return the certificate in a block; raise `ValueError` for one that strict parsers refuse."""
    from cryptography import x509

    try:
        found = x509.load_der_x509_certificate(first_value(block.decoded()))
        _ = found.extensions  # which are read only now
    except (x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError(str(error)) from error
    return found


def first_value(der: bytes) -> bytes:
    """Return the certificate alone: in a `TRUSTED CERTIFICATE` what it is trusted for follows."""
    return der[: size_of(der)]


def size_of(der: bytes) -> int:
    """Return how many bytes the value at the beginning of `der` says that it has (X.690 section 8.1.3), 0 for none."""
    if der[:1] != b"\x30" or len(der) == 1:  # a SEQUENCE, as all that PEM files hold
        return 0
    long = der[1] & 0x7F if der[1] & 0x80 else 0
    return 2 + long + (int.from_bytes(der[2 : 2 + long]) if long else der[1])

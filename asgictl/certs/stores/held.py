"""What is found in a store: authorities of asgictl's, told by what their certificates say."""

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

_BLOCK = re.compile(r"-----BEGIN (?:X509 )?CERTIFICATE-----([^-]+)-----END")
_NAME = re.compile(r"asgictl local CA (?:\((.*)\) )?[0-9a-f]{8}", re.DOTALL)


class Held(NamedTuple):
    """An authority of asgictl's in a store: what the store calls it, and its certificate in DER form.

    It is not `alone` where others would go with it.
    """

    name: str
    der: bytes
    alone: bool = True

    @property
    def subject(self) -> str:
        """What it is called in itself."""
        return _subject(self.der)

    @property
    def owner(self) -> str:
        """For whom it was made: a user at a host, one of them, or nobody that has a name."""
        found = _NAME.fullmatch(self.subject)
        return (found[1] or "") if found else ""


def ders(text: str) -> Iterator[bytes]:
    """Yield the certificates in a text in PEM form, each in DER form."""
    for block in _BLOCK.findall(text):
        try:
            yield base64.b64decode("".join(block.split()), validate=True)
        except ValueError:
            continue


def name(der: bytes) -> str:
    """Return what asgictl calls a certificate in stores."""
    return f"asgictl-{hashlib.sha256(der).hexdigest()[:8]}"


def sha1(der: bytes) -> str:
    """Return what macOS and Windows call a certificate."""
    return hashlib.sha1(der).hexdigest().upper()  # noqa: S324  # how they do


def is_asgictls(der: bytes) -> bool:
    """Tell whether a certificate is that of an authority which asgictl has made."""
    return b"asgictl local CA " in der and bool(_NAME.fullmatch(_subject(der)))


def _subject(der: bytes) -> str:
    """Return the common name of a certificate that has issued itself, or nothing."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        certificate = x509.load_der_x509_certificate(der)
        name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return ""
    return str(name[0].value) if name and certificate.issuer == certificate.subject else ""

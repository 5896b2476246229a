"""Certificate signing requests (RFC 2986) that somebody else has made a key for."""

import datetime as dt
from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from asgictl.certs import issue, make, names
from asgictl.certs.issue import Bundle, Issuer
from asgictl.errors import FileProblemError


def load(data: bytes, name: str) -> x509.CertificateSigningRequest:
    """Return the request in `data`, the content of the file `name`; raise `FileProblemError` if it is none."""
    parse = x509.load_pem_x509_csr if b"-----BEGIN" in data else x509.load_der_x509_csr
    try:
        csr = parse(data)
        valid = csr.is_signature_valid
    except (ValueError, InvalidSignature, UnsupportedAlgorithm) as error:
        problem = f"`{name}` holds no certificate signing request"
        raise FileProblemError(problem, hint="make one with `openssl req -new`") from error
    if not valid:
        raise FileProblemError(f"the signature of `{name}` is wrong", hint="make the request anew")
    return csr


def hosts(csr: x509.CertificateSigningRequest, name: str) -> tuple[str, ...]:
    """Return the names that a request is for, checked; raise `FileProblemError` when there are none."""
    asked = issue.hosts_of(csr.extensions)
    if not asked:
        problem = f"`{name}` asks for no names: it has no subjectAltName"
        raise FileProblemError(problem, hint="name them: `asgictl gen-cert shop.test --csr ...`")
    return names.parse(asked)


def signed(
    csr: x509.CertificateSigningRequest,
    hosts: Iterable[str],
    lifetime: dt.timedelta,
    now: dt.datetime,
    issuer: Issuer,
) -> Bundle:
    """Return the certificate that a request gets; nothing else that it asks for counts."""
    bundle = issue.request(csr, hosts, lifetime, now, issuer)
    make.check(bundle, now)
    return bundle

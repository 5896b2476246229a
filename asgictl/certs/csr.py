"""Certificate signing requests (RFC 2986) that somebody else has made a key for."""

import contextlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from asgictl.certs import issue, keys, names
from asgictl.certs.keys import PublicKey
from asgictl.errors import FileProblemError

HOW = "make one with `openssl req -new`"


def load(data: bytes, name: str) -> x509.CertificateSigningRequest:
    """Return the request in `data`, the content of the file `name`; raise `FileProblemError` if it is none."""
    parse = x509.load_pem_x509_csr if b"-----BEGIN" in data else x509.load_der_x509_csr
    try:
        csr = parse(data)
    except ValueError as error:
        problem = f"`{name}` holds no certificate signing request"
        raise FileProblemError(problem, hint=HOW) from error
    try:
        valid = csr.is_signature_valid
        _ = csr.extensions  # which are read only now
    except (ValueError, InvalidSignature, UnsupportedAlgorithm) as error:
        problem = f"the request in `{name}` cannot be read: {error}"
        raise FileProblemError(problem, hint="check what made it, or make one with `openssl req -new`") from error
    if not valid:
        raise FileProblemError(f"the signature of `{name}` is wrong", hint="make a new request")
    if keys.strong(csr.public_key()) is None:
        problem = f"browsers do not take the key of `{name}`, {keys.named(csr.public_key())}"
        raise FileProblemError(problem, hint="make one for EC P-256 or RSA 2048")
    return csr


def hosts(csr: x509.CertificateSigningRequest, name: str) -> tuple[str, ...]:
    """Return the names that a request is for, checked; raise `FileProblemError` when there are none."""
    asked = issue.hosts_of(csr.extensions)
    if not asked:
        problem = f"`{name}` asks for no names: it has no subjectAltName"
        raise FileProblemError(problem, hint="name them: `asgictl gen-cert shop.test --csr ...`")
    return names.parse(asked)


def left_out(csr: x509.CertificateSigningRequest, hosts: Sequence[str]) -> list[str]:
    """Return what a request asks for that a server certificate for `hosts` does not say."""
    found = [it.rfc4514_string() for it in csr.subject if it.oid != NameOID.COMMON_NAME or it.value not in hosts]
    with contextlib.suppress(x509.ExtensionNotFound):
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        kinds = {x509.RFC822Name: "email", x509.UniformResourceIdentifier: "URI"}
        others = [it for it in names if not isinstance(it, (x509.DNSName, x509.IPAddress))]
        found += [f"{kinds.get(type(it), 'another name')}:{it.value}" for it in others]
    with contextlib.suppress(x509.ExtensionNotFound):
        found += ["CA:TRUE"] if csr.extensions.get_extension_for_class(x509.BasicConstraints).value.ca else []
    return found


def key(csr: x509.CertificateSigningRequest) -> PublicKey:
    """Return the key of a request that `load` has accepted."""
    found = keys.strong(csr.public_key())
    assert found is not None  # noqa: S101  # `load` has seen to it
    return found


def is_for(csr: x509.CertificateSigningRequest, pem: bytes) -> bool:
    """Tell whether a request is for the private key in `pem`."""
    try:
        return keys.load(pem, "").public_key() == csr.public_key()
    except FileProblemError:
        return False

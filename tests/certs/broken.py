"""PEM files as they come out of copying, joining, exporting and mounting: whole ones, and what is wrong with others."""

import base64
import datetime as dt
import re
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
PKCS8 = serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()
LOCKED = serialization.BestAvailableEncryption(b"secret")


class Made(NamedTuple):
    """A certificate and its key, as cryptography has them."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(PEM)

    @property
    def private(self) -> bytes:
        """The key."""
        private: bytes = self.key.private_bytes(PEM, PKCS8, PLAIN)
        return private


def make(name: str, key: Any, by: Made | None = None, *, authority: bool = False) -> Made:
    """Return a certificate for localhost, or of an authority, by itself or `by` another."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = by.key if by else key
    public, identity = key.public_key(), x509.SubjectKeyIdentifier.from_public_key
    usage = dict.fromkeys(_USAGES, False) | {"digital_signature": True, "key_cert_sign": authority}
    builder = (
        x509.CertificateBuilder(
            by.certificate.subject if by else subject,
            subject,
            public,
            x509.random_serial_number(),
            NOW - dt.timedelta(hours=1),
            NOW + dt.timedelta(days=90),
        )
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(identity(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key((by.key if by else key).public_key()), critical=False
        )
    )
    if not authority:
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(names, critical=False).add_extension(server, critical=False)
    own = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Made(builder.sign(signer, own), key)


_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def curve() -> ec.EllipticCurvePrivateKey:
    """Return a new key of the usual type."""
    return ec.generate_private_key(ec.SECP256R1())


def _unwrapped(pem: bytes) -> bytes:
    """Return PEM with each block's content in one line."""
    return re.sub(rb"(?<=[A-Za-z0-9+/])\n(?=[A-Za-z0-9+/=])", b"", pem)


def _patched(made: Made, old: bytes, new: bytes) -> bytes:
    """Return a certificate with other bytes in it."""
    der = made.certificate.public_bytes(DER).replace(old, new, 1)
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


def _revocations(by: Made) -> bytes:
    """Return a list of what an authority takes back, which is nothing."""
    builder = x509.CertificateRevocationListBuilder(by.certificate.subject, NOW, NOW + dt.timedelta(days=9))
    return builder.sign(by.key, hashes.SHA256()).public_bytes(PEM)


def cases() -> dict[str, tuple[bytes, bytes]]:
    """Return what is in a certificate's file and in its key's, by what happened to them."""
    root = make("Root", curve(), authority=True)
    between = make("Between", curve(), root, authority=True)
    leaf, rsa_leaf = make("leaf", curve(), between), make("leaf", rsa.generate_private_key(65537, 2048), between)
    alone = make("alone", curve())
    chain, key = leaf.pem + between.pem, leaf.private
    public = leaf.key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    request = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(leaf.key, hashes.SHA256()).public_bytes(PEM)
    bundle = pkcs12.serialize_key_and_certificates(b"x", leaf.key, leaf.certificate, None, LOCKED)
    traditional = leaf.key.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, PLAIN)
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    odd = {
        "RSA 1024": rsa.generate_private_key(65537, 1024),
        "secp256k1": ec.generate_private_key(ec.SECP256K1()),
        "P-521": ec.generate_private_key(ec.SECP521R1()),
        "Ed25519": ed25519.Ed25519PrivateKey.generate(),
        "DSA": dsa.generate_private_key(2048),
    }
    return {
        "good": (chain, key),
        "with the root": (chain + root.pem, key),
        "text before": (b"subject=leaf\n" + chain, key),
        "CRLF": (chain.replace(b"\n", b"\r\n"), key.replace(b"\n", b"\r\n")),
        "a BOM": (b"\xef\xbb\xbf" + chain, key),
        "lines of any length": (_unwrapped(chain), key),
        "TRUSTED CERTIFICATE": (chain.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"), key),
        "parameters before the key": (chain, parameters + traditional),
        "both in both": (key + chain, key + chain),
        "reversed": (between.pem + leaf.pem, key),
        "reversed, two types": (between.pem + rsa_leaf.pem, rsa_leaf.private),
        "root first": (root.pem + between.pem + leaf.pem, key),
        "no intermediate": (leaf.pem, key),
        "the root alone behind it": (leaf.pem + root.pem, key),
        "leaf, root, intermediate": (leaf.pem + root.pem + between.pem, key),
        "another key": (chain, between.private),
        "a key of another type": (rsa_leaf.pem + between.pem, key),
        "a key that signs nothing": (chain, x25519.X25519PrivateKey.generate().private_bytes(PEM, PKCS8, PLAIN)),
        "the authority's certificate": (between.pem, key),
        "glued": (leaf.pem.rstrip() + between.pem, key),
        "glued, key first": (key.rstrip() + chain, key),
        "a glued key": (chain, key.rstrip() + key),
        "UTF-16": (chain.decode().encode("utf-16"), key),
        "a key in UTF-16": (chain, key.decode().encode("utf-16")),
        "DER": (leaf.certificate.public_bytes(DER), key),
        "a key in DER": (chain, leaf.key.private_bytes(DER, PKCS8, PLAIN)),
        "PKCS #12": (bundle, key),
        "PKCS #12 for a key": (chain, bundle),
        "PKCS #7": (pkcs7.serialize_certificates([leaf.certificate], PEM), key),
        "a request": (request, key),
        "a revocation list": (_revocations(root), key),
        "a public key": (chain, public),
        "a key of SSH": (chain, leaf.key.private_bytes(PEM, serialization.PrivateFormat.OpenSSH, PLAIN)),
        "swapped": (key, chain),
        "encrypted": (chain, leaf.key.private_bytes(PEM, PKCS8, LOCKED)),
        "empty": (b"", key),
        "an empty key": (chain, b"\n"),
        "cut off": (chain[:300], key),
        "the chain cut off": (chain[:-100], key),
        "the key cut off": (chain, key[:100]),
        "damaged": (chain.replace(b"\nMII", b"\n!II", 1), key),
        "the chain damaged": (leaf.pem + garbage, key),
        "the key damaged": (chain, key.replace(b"\nMI", b"\nAI", 1)),
        "indented": (chain.replace(b"\n", b"\n  "), key),
        "in one line": (chain.replace(b"\n", b" "), key),
        "written as \\n": (chain, key.replace(b"\n", b"\\n")),
        "quoted": (chain, b'"' + key.rstrip() + b'"'),
        "a version of its own": (_patched(alone, b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x04"), alone.private),
        "a name that is not text": (_patched(leaf, b"localhost", b"local\xffost") + between.pem, key),
        "garbage": (b"\xff\x00garbage", key),
        **{name: (made.pem, made.private) for name, made in ((name, make("odd", it)) for name, it in odd.items())},
    }

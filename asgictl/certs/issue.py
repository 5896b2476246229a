"""Making certificates: values in, values out, nothing is read or written.

The profile is the one of the CA/Browser Forum's Baseline Requirements, section 7.1.2, which every client accepts.
"""

import contextlib
import datetime as dt
import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from asgictl.certs import names
from asgictl.certs.handshake import ORGANIZATION
from asgictl.certs.keys import PrivateKey, PublicKey
from asgictl.certs.names import Constraints
from asgictl.errors import ConfigError

# Clocks differ, and a certificate from a machine that is ahead should be good on one that is not.
BACK_DATING = dt.timedelta(hours=1)

_CA_YEARS = 10
_PURPOSES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
# RFC 5280 appendix A.1, ub-common-name; in bytes, as cryptography counts.
_LONGEST_COMMON_NAME = 64


class Issuer(NamedTuple):
    """An authority's certificate and key."""

    certificate: x509.Certificate
    key: PrivateKey


class Bundle(NamedTuple):
    """A certificate, the chain that leads to its root, and the key, unless it is somebody else's."""

    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: PrivateKey | None

    def pem(self) -> bytes:
        """Return the certificates in PEM form, the leaf first (RFC 8446 section 4.4.2)."""
        return b"".join(it.public_bytes(serialization.Encoding.PEM) for it in (self.leaf, *self.chain))

    def p12(self, password: bytes) -> bytes:
        """Return the key and the certificates in PKCS #12 form (RFC 7292), as browsers and Java import them."""
        protection = serialization.BestAvailableEncryption(password)
        return pkcs12.serialize_key_and_certificates(b"asgictl", self.key, self.leaf, self.chain, protection)


def server(
    hosts: Iterable[str],
    key: PrivateKey | PublicKey,
    lifetime: dt.timedelta,
    now: dt.datetime,
    issuer: Issuer | None = None,
) -> Bundle:
    """Return a server certificate for `hosts`, self-signed or of `issuer`; `ConfigError` for what that may not.

    `key` may be a public one if there is an issuer: that of somebody else's request.
    """
    private = key if isinstance(key, PrivateKey) else None
    public = key.public_key() if isinstance(key, PrivateKey) else key
    # Without a common name: GnuTLS holds one against the issuer's constraints for host names where the certificate
    # has no such name, but addresses (lib/x509/name_constraints.c, gnutls_x509_name_constraints_check_crt).
    builder = _leaf(_subject(), public, lifetime, now, issuer)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(_alternative_names(tuple(hosts), issuer), critical=False)
    by = issuer.key if issuer else private
    assert by is not None  # noqa: S101  # a request has an issuer
    return Bundle(_signed(builder, by), _chain(issuer), private)


def client(name: str, key: PrivateKey, lifetime: dt.timedelta, now: dt.datetime, issuer: Issuer) -> Bundle:
    """Return a client certificate with the common name `name`; an e-mail address or a local host is its SAN too.

    Raises `ConfigError` for a name that cannot be.
    """
    if problem := _fault(name):
        raise ConfigError(f"`{name}` {problem}", hint="choose another name", option="client")
    builder = _leaf(_subject(name), key.public_key(), lifetime, now, issuer)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    if alternative := _client_name(name, issuer):
        builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    return Bundle(_signed(builder, issuer.key), _chain(issuer), key)


def _client_name(name: str, issuer: Issuer) -> x509.GeneralName | None:
    if "@" in name:
        local, _, domain = name.rpartition("@")
        try:
            if local and domain and "@" not in local:
                return x509.RFC822Name(name)
        except ValueError:
            pass
        problem = f"`{name}` is not an e-mail address that certificates can have"
        raise ConfigError(problem, hint="use ASCII letters, or a name without `@`", option="client")
    if "." not in name:
        return None
    if constraints_of(issuer.certificate).permit(name) and not names.ip(name):
        with contextlib.suppress(ConfigError):  # it only looks like a host's
            return x509.DNSName(*names.parse([name]))
    # OpenSSL takes a common name with a dot for a host name, and holds it against the constraints, unless there is
    # a real one (x509_vfy.c, check_name_constraints).
    return x509.DNSName("client.internal")


def root(owner: str, key: PrivateKey, constraints: Constraints, now: dt.datetime) -> x509.Certificate:
    """Return the certificate of a new authority of `owner`, which can vouch for nothing outside `constraints`."""
    public = key.public_key()
    identifier = _key_id(public)[:8]
    room = _LONGEST_COMMON_NAME - len(f"asgictl local CA () {identifier}")
    whose = _shortened("".join(sign if sign.isprintable() else "?" for sign in owner), room)
    subject = _subject(f"asgictl local CA ({whose}) {identifier}" if whose else f"asgictl local CA {identifier}")
    start = now - BACK_DATING
    end = start.replace(year=start.year + _CA_YEARS, day=min(start.day, 28))  # 29 February
    permitted = [*map(x509.DNSName, constraints.domains), *map(x509.IPAddress, constraints.networks)]
    builder = (
        x509.CertificateBuilder(subject, subject, public, x509.random_serial_number(), start, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        # The constraints are for hosts. This keeps the authority from vouching for code or mail.
        .add_extension(x509.ExtendedKeyUsage(_PURPOSES), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    return _signed(builder, key)


def constraints_of(certificate: x509.Certificate) -> Constraints:
    """Return what an authority may vouch for; any name, or address, where nothing is said of those."""
    permitted: list[x509.GeneralName] = []
    with contextlib.suppress(x509.ExtensionNotFound):
        found = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        permitted = found.permitted_subtrees or []
    values = [it.value for it in permitted if isinstance(it, x509.IPAddress)]
    networks = tuple(it for it in values if isinstance(it, (ipaddress.IPv4Network, ipaddress.IPv6Network)))
    return Constraints(
        tuple(it.value for it in permitted if isinstance(it, x509.DNSName)) or ("",), networks or names.ALL
    )


def refuse_outside(hosts: Iterable[str], constraints: Constraints, *, is_new: bool = False) -> None:
    """Raise `ConfigError` for hosts that an authority with `constraints`, perhaps a new one, may not vouch for."""
    outside = [host for host in hosts if not constraints.permit(host)]
    if outside:
        listed = ", ".join(f"`{host}`" for host in outside)
        problem = f"{'a new authority would' if is_new else 'your authority may'} not vouch for {listed}"
        hint = f"it is for {constraints}; one for more is made by --untrust, and then --trust with --ca-permit"
        if is_new:
            hint = f"it would be for {constraints}; for more add {' '.join(permits(outside))}"
        raise ConfigError(problem, hint=hint, option="names")


def permits(hosts: Iterable[str]) -> list[str]:
    """Return the options with which a new authority can vouch for `hosts`, and for no more than it has to."""
    return [word for host in hosts for word in ("--ca-permit", names.alone(host))]


def is_refused_by_gnutls(leaf: x509.Certificate) -> bool:
    """Tell whether a certificate of our authority is one of those that `server` made before it left out the name."""
    hosts = hosts_of(leaf.extensions)
    named = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return bool(named and hosts) and all(map(names.ip, hosts))


def hosts_of(extensions: x509.Extensions) -> tuple[str, ...]:
    """Return the host names and addresses that a certificate or a request is for."""
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(it.value) for it in found if isinstance(it, (x509.DNSName, x509.IPAddress)))


def _leaf(
    subject: x509.Name, public: PublicKey, lifetime: dt.timedelta, now: dt.datetime, issuer: Issuer | None
) -> x509.CertificateBuilder:
    start = now - BACK_DATING
    end = start + lifetime
    if issuer is None:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(public)
    else:
        identifier = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value)
        end = min(end, issuer.certificate.not_valid_after_utc)
    issued_by = issuer.certificate.subject if issuer else subject
    return (
        x509.CertificateBuilder(issued_by, subject, public, x509.random_serial_number(), start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(authority, critical=False)
    )


def _alternative_names(hosts: tuple[str, ...], issuer: Issuer | None) -> x509.SubjectAlternativeName:
    if issuer is not None:
        refuse_outside(hosts, constraints_of(issuer.certificate))
    found = [(host, names.ip(host)) for host in hosts]
    return x509.SubjectAlternativeName([x509.IPAddress(it) if it else x509.DNSName(host) for host, it in found])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _fault(common_name: str) -> str | None:
    """Return why a certificate cannot have `common_name`, if so."""
    if not names.is_text(common_name):
        return "is not UTF-8"
    if not common_name.isprintable():
        return "has characters that cannot be printed"
    size = len(common_name.encode())
    return f"has {size} bytes in UTF-8, and {_LONGEST_COMMON_NAME} is the most" if size > _LONGEST_COMMON_NAME else None


def _shortened(text: str, size: int) -> str:
    """Return as much of `text` from its beginning as is `size` bytes in UTF-8 at the most."""
    return text.encode()[:size].decode(errors="ignore")


def _subject(common_name: str | None = None) -> x509.Name:
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION)]
    if common_name is not None:
        names.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(names)


def _signed(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())


def _chain(issuer: Issuer | None) -> tuple[x509.Certificate, ...]:
    return (issuer.certificate,) if issuer else ()


def _key_id(public: PublicKey) -> str:
    """Return what names a key (RFC 5280 section 4.2.1.2)."""
    return x509.SubjectKeyIdentifier.from_public_key(public).digest.hex()

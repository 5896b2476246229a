"""Certificates have the profile that every client accepts, and the authority cannot go beyond its constraints."""

import datetime as dt
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from asgictl.certs import issue, keys, names, validity
from asgictl.certs.issue import Issuer
from asgictl.certs.names import Constraints
from asgictl.errors import ConfigError, FileProblemError
from tests.conftest import needs

DAYS = dt.timedelta(days=199)
PEM = serialization.Encoding.PEM


def openssl_verify(folder: Path, leaf: x509.Certificate, anchor: x509.Certificate, *more: str) -> str:
    """Return what `openssl verify` says of a certificate."""
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(PEM))
    (folder / "anchor.pem").write_bytes(anchor.public_bytes(PEM))
    command = ["openssl", "verify", "-x509_strict", *more, "-CAfile", "anchor.pem", "leaf.pem"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()


@needs("openssl")
@pytest.mark.parametrize("kind", get_args(keys.KeyType))
@pytest.mark.parametrize("by", ["itself", "authority"])
def test_a_server_certificate_is_accepted(tmp_path: Path, now: dt.datetime, issuer: Issuer, kind: str, by: str) -> None:
    """Each key type, self-signed or of the authority, passes OpenSSL and cryptography at their strictest."""
    key = keys.generate(kind)  # type: ignore[arg-type]

    bundle = issue.server(names.LOCAL, key, DAYS, now, issuer if by == "authority" else None)

    assert keys.kind_of(key) == keys.kind_of(bundle.leaf.public_key()) == kind
    anchor = bundle.chain[-1] if bundle.chain else bundle.leaf
    for host in ("-verify_hostname", "localhost"), ("-verify_hostname", "a.dev.localhost"), ("-verify_ip", "127.0.0.1"):
        assert openssl_verify(tmp_path, bundle.leaf, anchor, *host) == "leaf.pem: OK"
    assert validity.fault(bundle.leaf, bundle.chain, now) is None


@needs("certtool")
@pytest.mark.parametrize("hosts", [["127.0.0.1"], ["::1"], ["127.9.9.9", "::1"], names.LOCAL, ["my_app.test"]], ids=str)
def test_gnutls_accepts_it(tmp_path: Path, now: dt.datetime, issuer: Issuer, hosts: Sequence[str]) -> None:
    """GnuTLS, by which wget and git trust on Debian, takes a certificate for addresses alone, too."""
    bundle = issue.server(hosts, keys.generate("ec256"), DAYS, now, issuer)

    assert certtool_verify(tmp_path, bundle, issuer) == "Verified. The certificate is trusted."


@needs("certtool")
@pytest.mark.parametrize("name", ["alice", "alice.smith", "alice@example.com", "worker.internal", "127.0.0.1"])
def test_gnutls_accepts_a_client(tmp_path: Path, now: dt.datetime, issuer: Issuer, name: str) -> None:
    """A client's common name, which is its own, is no host's to GnuTLS."""
    bundle = issue.client(name, keys.generate("ec256"), DAYS, now, issuer)

    assert certtool_verify(tmp_path, bundle, issuer) == "Verified. The certificate is trusted."


def certtool_verify(folder: Path, bundle: issue.Bundle, issuer: Issuer) -> str:
    """Return what GnuTLS says of a certificate."""
    (folder / "leaf.pem").write_bytes(bundle.pem())
    (folder / "anchor.pem").write_bytes(issuer.certificate.public_bytes(PEM))
    command = ["certtool", "--verify", "--load-ca-certificate", "anchor.pem", "--infile", "leaf.pem"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.partition("Chain verification output: ")[2].strip()


def test_no_common_name(now: dt.datetime, issuer: Issuer) -> None:
    """A server's name is in the alternatives alone: some clients hold a common name against the constraints, too."""
    for by in (None, issuer):
        leaf = issue.server(names.LOCAL, keys.generate("ec256"), DAYS, now, by).leaf
        assert leaf.subject.rfc4514_string() == "O=asgictl"
        said = validity.described(leaf)
        assert (said.is_ours, said.self_signed) == (True, by is None)
        assert said.issuer.startswith("asgictl local CA (" if by else "asgictl")


def test_an_authority_without_constraints(now: dt.datetime) -> None:
    """One of somebody else's that says nothing of what it is for may vouch for everything, and is told so."""
    key = keys.generate("ec256")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old")])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 7, now, now + DAYS)
    root = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    for constraints, expected in (
        (None, "any name, 0.0.0.0/0, ::/0"),
        ([x509.DNSName("test")], "test, 0.0.0.0/0, ::/0"),
        ([x509.IPAddress(names.Constraints().networks[0])], "any name, 127.0.0.0/8"),
    ):
        made = (
            root if constraints is None else root.add_extension(x509.NameConstraints(constraints, None), critical=True)
        )
        assert str(issue.constraints_of(made.sign(key, hashes.SHA256()))) == expected


def test_the_profile(now: dt.datetime) -> None:
    """The certificate has what the Baseline Requirements ask for, critical where they say so, and nothing else."""
    leaf = issue.server(names.LOCAL, keys.generate("ec256"), DAYS, now).leaf

    found = {it.value.__class__.__name__: it.critical for it in leaf.extensions}
    assert found == {
        "BasicConstraints": True,
        "KeyUsage": True,
        "ExtendedKeyUsage": False,
        "SubjectKeyIdentifier": False,
        "AuthorityKeyIdentifier": False,
        "SubjectAlternativeName": False,
    }
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_cert_sign, usage.key_encipherment) == (True, False, False)
    purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert (leaf.not_valid_before_utc, leaf.not_valid_after_utc) == (
        now - dt.timedelta(hours=1),
        now - dt.timedelta(hours=1) + DAYS,
    )
    assert leaf.serial_number.bit_length() <= 159
    names_of_leaf = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [type(it).__name__ for it in names_of_leaf] == ["DNSName", "DNSName", "IPAddress", "IPAddress"]


def test_the_authority(issuer: Issuer, now: dt.datetime) -> None:
    """The authority can sign certificates of servers for local names, for ten years, and no other authority."""
    root = issuer.certificate
    constraints = root.extensions.get_extension_for_class(x509.NameConstraints)
    assert (constraints.critical, issue.constraints_of(root)) == (True, Constraints())
    basic = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    usage = root.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    purposes = root.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    assert isinstance(root.public_key(), ec.EllipticCurvePublicKey)
    assert root.not_valid_after_utc.year == (now - issue.BACK_DATING).year + 10


OWNERS = {
    "u" * 99: "asgictl local CA (" + "u" * 36 + ")",
    "\U0001f600" * 30: "asgictl local CA (" + "\U0001f600" * 9 + ")",
    "j\udcfcrgen@box": "asgictl local CA (j?rgen@box)",
    "a\nb\x1b[1m@box": "asgictl local CA (a?b?[1m@box)",
    "j\u00fcrgen@b\u00f6x": "asgictl local CA (j\u00fcrgen@b\u00f6x)",
    "": "asgictl local CA",
}


@pytest.mark.parametrize("owner", OWNERS, ids=ascii)
def test_the_authority_of_any_name(now: dt.datetime, owner: str) -> None:
    """A user and host of any name, and none, fit into the authority's, also on a leap day."""
    leap_day = now.replace(year=2028, month=2, day=29)

    root = issue.root(owner, keys.generate("ec256"), Constraints(), leap_day)

    name = str(root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    assert (name[:-9], root.not_valid_after_utc.date()) == (OWNERS[owner], dt.date(2038, 2, 28))


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "localhost.example.com"])
def test_names_outside_are_refused(issuer: Issuer, now: dt.datetime, host: str) -> None:
    """The authority is not even asked for a name that it may not vouch for."""
    with pytest.raises(ConfigError) as caught:
        issue.server(["localhost", host], keys.generate("ec256"), DAYS, now, issuer)

    assert (caught.value.message, caught.value.hint, caught.value.option) == (
        f"your authority may not vouch for `{host}`",
        f"it is for {Constraints()}; one for more is made by --untrust, and then --trust with --ca-permit",
        "names",
    )


def forged(issuer: Issuer, now: dt.datetime, replaced: x509.ExtensionType) -> x509.Certificate:
    """Return what somebody with the authority's key could sign: a good certificate, with one extension replaced."""
    good = issue.server(["localhost"], keys.generate("ec256"), DAYS, now, issuer).leaf
    builder = x509.CertificateBuilder(
        issuer.certificate.subject,
        good.subject,
        good.public_key(),
        x509.random_serial_number(),
        good.not_valid_before_utc,
        good.not_valid_after_utc,
    )
    for extension in good.extensions:
        value = replaced if extension.oid == replaced.oid else extension.value
        builder = builder.add_extension(value, extension.critical)
    return builder.sign(issuer.key, hashes.SHA256())


@needs("openssl")
@pytest.mark.parametrize("name", [x509.DNSName("example.com"), x509.DNSName("*.com")])
def test_a_forged_host_is_refused(tmp_path: Path, issuer: Issuer, now: dt.datetime, name: x509.DNSName) -> None:
    """Whoever has the authority's key still cannot pose as a site outside its constraints."""
    leaf = forged(issuer, now, x509.SubjectAlternativeName([name]))

    assert "permitted subtree violation" in openssl_verify(tmp_path, leaf, issuer.certificate)
    assert validity.fault(leaf, [issuer.certificate], now) is not None


@needs("openssl")
def test_forged_mail_is_refused(tmp_path: Path, issuer: Issuer, now: dt.datetime) -> None:
    """Nor can they sign mail in somebody's name."""
    leaf = forged(issuer, now, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]))

    verdict = openssl_verify(tmp_path, leaf, issuer.certificate, "-purpose", "smimesign")
    assert "error 26 at 1 depth lookup: unsuitable certificate purpose" in verdict


def test_a_leaf_does_not_outlive_its_authority(issuer: Issuer, now: dt.datetime) -> None:
    """A certificate ends with the authority at the latest."""
    bundle = issue.server(["localhost"], keys.generate("ec256"), dt.timedelta(days=9999), now, issuer)

    assert bundle.leaf.not_valid_after_utc == issuer.certificate.not_valid_after_utc


@needs("openssl")
@pytest.mark.parametrize(
    "name", ["alice", "alice@example.com", "worker.internal", "Alice Smith", "alice.smith", "J. Smith"]
)
def test_a_client_certificate_is_accepted(tmp_path: Path, issuer: Issuer, now: dt.datetime, name: str) -> None:
    """A client of any name passes OpenSSL at its strictest as a client, and not as a server."""
    leaf = issue.client(name, keys.generate("ec256"), DAYS, now, issuer).leaf

    assert openssl_verify(tmp_path, leaf, issuer.certificate, "-purpose", "sslclient") == "leaf.pem: OK"
    refused = openssl_verify(tmp_path, leaf, issuer.certificate, "-purpose", "sslserver")
    assert "unsuitable certificate purpose" in refused


NO_ADDRESS = ("`{}` is not an e-mail address that certificates can have", "use ASCII letters, or a name without `@`")
NO_CLIENTS = {
    "x" * 65: ("`{}` has 65 bytes in UTF-8, and 64 is the most", "choose another name", "client"),
    "\u00fc" * 33: ("`{}` has 66 bytes in UTF-8, and 64 is the most", "choose another name", "client"),
    "j\udcfcrgen": ("`{}` is not UTF-8", "choose another name", "client"),
    "a\nb": ("`{}` has characters that cannot be printed", "choose another name", "client"),
    "jürgen@x.test": (*NO_ADDRESS, "client"),
    "a@b@c": (*NO_ADDRESS, "client"),
    "alice@": (*NO_ADDRESS, "client"),
    "@b.test": (*NO_ADDRESS, "client"),
}


@pytest.mark.parametrize("name", NO_CLIENTS)
def test_a_client_name_that_cannot_be(issuer: Issuer, now: dt.datetime, name: str) -> None:
    """A client's name that a certificate cannot have is refused, with what to do."""
    with pytest.raises(ConfigError) as caught:
        issue.client(name, keys.generate("ec256"), DAYS, now, issuer)

    message, *rest = NO_CLIENTS[name]
    assert [caught.value.message, caught.value.hint, caught.value.option] == [message.format(name), *rest]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x" * 64, []),
        ("alice", []),
        ("alice@example.com", [x509.RFC822Name("alice@example.com")]),
        ("Worker.internal", [x509.DNSName("worker.internal")]),
        ("alice.smith", [x509.DNSName("client.internal")]),
        ("127.0.0.1", [x509.DNSName("client.internal")]),
        ("alice smith.test", [x509.DNSName("client.internal")]),
        ("\u00fc" * 32, []),
    ],
)
def test_who_a_client_is(issuer: Issuer, now: dt.datetime, name: str, expected: list[x509.GeneralName]) -> None:
    """A client has its name, and an address or a local host as an alternative; what only looks like one has another."""
    bundle = issue.client(name, keys.generate("ec256"), DAYS, now, issuer)

    leaf = bundle.leaf
    assert str(leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value) == name
    found = [it.value for it in leaf.extensions if isinstance(it.value, x509.SubjectAlternativeName)]
    assert [name for it in found for name in it] == expected
    purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert (purposes.critical, list(purposes.value)) == (False, [ExtendedKeyUsageOID.CLIENT_AUTH])
    assert (bundle.chain, leaf.not_valid_after_utc) == ((issuer.certificate,), now - issue.BACK_DATING + DAYS)


def test_keys_are_read_back() -> None:
    """A key is written as PKCS #8, encrypted if there is a password, and opens with it only."""
    key = keys.generate("ec256")

    assert keys.pem(key).startswith(b"-----BEGIN PRIVATE KEY-----")
    locked = keys.pem(key, b"secret")
    assert locked.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert keys.pem(keys.load(locked, "k", b"secret")) == keys.pem(key)
    assert keys.pem(keys.load(keys.pem(key), "k", b"not needed")) == keys.pem(key)


NO_KEYS = {
    "encrypted": (None, "`k` is encrypted", "give its password: --password-stdin, or --ssl-keyfile-password"),
    "another password": (b"wrong", "the password does not open `k`", "see that it is the right file"),
    "no key": (None, "`k` holds no private key in PEM form", "see that it is the right file"),
    "Ed25519": (None, "`k` is neither an EC nor an RSA key", "browsers accept no other"),
}


@pytest.mark.parametrize("case", NO_KEYS)
def test_a_key_that_cannot_be_used(case: str) -> None:
    """A key that does not open, or that browsers do not take, is told with what to do."""
    password, message, hint = NO_KEYS[case]
    data = keys.pem(keys.generate("ec256"), b"secret")
    if case == "no key":
        data = b"garbage"
    elif case == "Ed25519":
        protection = serialization.NoEncryption()
        data = ed25519.Ed25519PrivateKey.generate().private_bytes(PEM, serialization.PrivateFormat.PKCS8, protection)

    with pytest.raises(FileProblemError) as caught:
        keys.load(data, "k", password)

    assert (caught.value.message, caught.value.hint) == (message, hint)


def public(bits: int) -> rsa.RSAPublicKey:
    """Return an RSA key of a size, which nobody has the private one of."""
    return rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) + 1).public_key()


def test_which_keys_there_are() -> None:
    """Each key type has its name, and what browsers do not take is told apart."""
    strong: list[keys.PublicKey] = [keys.generate("ec256").public_key(), keys.generate("ec384").public_key()]
    strong += [public(bits) for bits in (2048, 3072, 4096)]
    weak: list[keys.PublicKey] = [ec.generate_private_key(ec.SECP521R1()).public_key(), public(1024), public(2040)]
    other = ed25519.Ed25519PrivateKey.generate().public_key()

    assert tuple(keys.kind_of(key) for key in strong) == get_args(keys.KeyType)
    assert [keys.strong(key) for key in strong] == strong
    assert [keys.named(key) for key in (*strong, *weak, other)] == [
        *("EC secp256r1", "EC secp384r1", "RSA 2048", "RSA 3072", "RSA 4096"),
        *("EC secp521r1", "RSA 1024", "RSA 2040", "Ed25519"),
    ]
    assert [(keys.kind_of(key), keys.strong(key)) for key in (*weak, other)] == [(None, None)] * 4
    assert (keys.kind_of(public(2056)), keys.strong(public(2056))) == (None, public(2056))

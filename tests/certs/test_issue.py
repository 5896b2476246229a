"""Certificates have the profile that every client accepts, and the authority cannot go beyond its constraints."""

import datetime as dt
import subprocess
from pathlib import Path
from typing import get_args

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from asgictl.certs import issue, keys, names, verify
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

    anchor = bundle.chain[-1] if bundle.chain else bundle.leaf
    for host in ("-verify_hostname", "localhost"), ("-verify_hostname", "a.dev.localhost"), ("-verify_ip", "127.0.0.1"):
        assert openssl_verify(tmp_path, bundle.leaf, anchor, *host) == "leaf.pem: OK"
    assert verify.fault(bundle.leaf, bundle.chain, now) is None


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


def test_the_authority_of_a_long_name(now: dt.datetime) -> None:
    """A user and host of any length fit into the authority's name, also on a leap day."""
    leap_day = now.replace(year=2028, month=2, day=29)

    root = issue.root("u" * 99, keys.generate("ec256"), Constraints(), leap_day)

    name = str(root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    assert (len(name), root.not_valid_after_utc.date()) == (64, dt.date(2038, 2, 28))


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "localhost.example.com"])
def test_names_outside_are_refused(issuer: Issuer, now: dt.datetime, host: str) -> None:
    """The authority is not even asked for a name that it may not vouch for."""
    with pytest.raises(ConfigError) as caught:
        issue.server(["localhost", host], keys.generate("ec256"), DAYS, now, issuer)

    assert caught.value.message == f"your authority may not vouch for `{host}`"


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
    assert verify.fault(leaf, [issuer.certificate], now) is not None


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


@pytest.mark.parametrize("name", ["x" * 65, "jürgen@x.test", "a@b@c", "alice@"])
def test_a_client_name_that_cannot_be(issuer: Issuer, now: dt.datetime, name: str) -> None:
    """A client's name that a certificate cannot have is refused."""
    with pytest.raises(ConfigError):
        issue.client(name, keys.generate("ec256"), DAYS, now, issuer)


def test_keys_are_read_back() -> None:
    """A key is written as PKCS #8, encrypted if there is a password, and opens with it only."""
    key = keys.generate("ec256")

    assert keys.pem(key).startswith(b"-----BEGIN PRIVATE KEY-----")
    locked = keys.pem(key, b"secret")
    assert locked.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert keys.pem(keys.load(locked, "k", b"secret")) == keys.pem(key)
    assert keys.pem(keys.load(keys.pem(key), "k", b"not needed")) == keys.pem(key)
    for password, message in [(None, "`k` is encrypted"), (b"wrong", "the password does not open `k`")]:
        with pytest.raises(FileProblemError) as caught:
            keys.load(locked, "k", password)
        assert caught.value.message == message

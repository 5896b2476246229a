"""What `gen-cert --check` finds wrong with a certificate, whoever has made it."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from asgictl import atomic
from asgictl.certs import files, issue, keys, names, stores, trust
from asgictl.certs.files import Pair
from asgictl.certs.issue import Issuer
from asgictl.certs.names import Constraints
from asgictl.cli import app
from tests import answers

PEM = serialization.Encoding.PEM
DAYS = dt.timedelta(days=90)


def check(*arguments: str, stdin: str | None = None) -> tuple[int, dict[str, Any]]:
    """Return the status of `gen-cert --check`, and what it finds."""
    command = ["gen-cert", "--check", "--json", *arguments]
    result = CliRunner().invoke(app, command, prog_name="asgictl", input=stdin, catch_exceptions=False)
    answer = answers.answer(result.stdout)
    return result.exit_code, answer.get("result") or answer["error"]


class Somebody(NamedTuple):
    """Somebody else's authority."""

    issuer: Issuer
    name: str


@pytest.fixture
def somebody(now: dt.datetime) -> Somebody:
    """An authority that is not the user's."""
    key = keys.generate("ec256")
    root = issue.root("somebody", key, Constraints(), now)
    return Somebody(Issuer(root, key), str(root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value))


def write(pair: Pair, certificates: bytes, key: bytes) -> None:
    """Put a pair where `serve --https` looks."""
    with atomic.locked(*pair):
        files.write(pair, certificates, key)


@pytest.mark.parametrize("password", [None, b"secret"])
def test_who_has_signed_it(
    pair: Pair, now: dt.datetime, somebody: Somebody, monkeypatch: pytest.MonkeyPatch, password: bytes | None
) -> None:
    """Who has signed a certificate, and is neither in the file nor trusted by the system, is a fault."""
    bundle = issue.server(names.LOCAL, keys.generate("ec256"), DAYS, now, somebody.issuer)
    assert isinstance(bundle.key, ec.EllipticCurvePrivateKey)
    write(pair, bundle.leaf.public_bytes(PEM), keys.pem(bundle.key, password))
    options = ("--password-stdin",) if password else ()
    stdin = f"{password.decode()}\n" if password else None

    status, data = check(*options, stdin=stdin)

    untrusted = f"its issuer, {somebody.name}, is neither in the file nor trusted by the system"
    assert (status, data["trusted"]) == (1, {"the system's store": False})
    assert untrusted in data["faults"]
    pair.certificate.with_name("root.pem").write_bytes(somebody.issuer.certificate.public_bytes(PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(pair.certificate.with_name("root.pem")))
    _, data = check(*options, stdin=stdin)
    assert data["trusted"] == {"the system's store": True}
    assert untrusted not in data["faults"]
    monkeypatch.delenv("SSL_CERT_FILE")
    write(pair, bundle.pem(), keys.pem(bundle.key, password))
    assert check(*options, stdin=stdin)[1]["faults"] == []


def test_a_key_that_does_not_open(pair: Pair, now: dt.datetime) -> None:
    """A key whose password is not given, or is another one, is a fault with its file."""
    bundle = issue.server(names.LOCAL, keys.generate("ec256"), DAYS, now)
    assert bundle.key is not None
    write(pair, bundle.pem(), keys.pem(bundle.key, b"secret"))

    assert check()[1]["faults"] == ["`ssl/cert.key` is encrypted"]
    assert check("--password-stdin", stdin="wrong\n")[1]["faults"] == ["the password does not open `ssl/cert.key`"]
    assert check("--password-stdin", stdin="secret\n")[1]["faults"] == []


KEYS: dict[str, tuple[str, Callable[[], Any]]] = {
    "RSA 1024": ("browsers", lambda: rsa.generate_private_key(65537, 1024)),
    "EC secp521r1": ("browsers", lambda: ec.generate_private_key(ec.SECP521R1())),
    "Ed25519": ("browsers", ed25519.Ed25519PrivateKey.generate),
    "EC secp256k1": ("clients", lambda: ec.generate_private_key(ec.SECP256K1())),
    "EC brainpoolP256r1": ("clients", lambda: ec.generate_private_key(ec.BrainpoolP256R1())),
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_that_clients_do_not_take(pair: Pair, now: dt.datetime, kind: str) -> None:
    """A certificate with a key that no browser takes, or nobody, is a fault with the key's name."""
    who, make = KEYS[kind]
    key: Any = make()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    leaf = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 5, now - DAYS, now + DAYS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, None if kind == "Ed25519" else hashes.SHA256())
    )
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write(pair, leaf.public_bytes(PEM), private)

    status, data = check()

    assert (status, data["key_type"]) == (1, kind)
    faults = [fault for fault in data["faults"] if not fault.startswith("strict clients refuse it: ")]
    refused = ["the key of `ssl/cert.pem` is too small for OpenSSL's security level here"] if "1024" in kind else []
    assert faults == [*refused, f"{who} do not take its key, {kind}"]


def test_a_key_that_cannot_be_looked_at(pair: Pair, now: dt.datetime) -> None:
    """A path that the system refuses is a fault with its reason."""
    bundle = issue.server(names.LOCAL, keys.generate("ec256"), DAYS, now)
    assert bundle.key is not None
    write(pair, bundle.pem(), keys.pem(bundle.key))
    name = "x" * 300

    status, data = check("--key-file", name)

    assert (status, data["key_mode"], data["faults"]) == (1, None, [f"cannot read `{name}`: File name too long"])


@pytest.mark.parametrize(
    ("days", "faults"), [(825, []), (826, ["Apple's systems refuse one that is valid for more than 825 days"])]
)
def test_a_life_that_is_too_long(pair: Pair, now: dt.datetime, days: int, faults: list[str]) -> None:
    """A certificate that is valid for longer than Apple's systems take is a fault."""
    bundle = issue.server(names.LOCAL, keys.generate("ec256"), dt.timedelta(days=days), now)
    assert bundle.key is not None
    write(pair, bundle.pem(), keys.pem(bundle.key))

    assert check()[1]["faults"] == faults


def test_a_certificate_that_is_none(pair: Pair) -> None:
    """What is no certificate ends with 4, and names the file."""
    write(pair, b"garbage", b"garbage")

    assert check() == (
        4,
        {
            "message": "`ssl/cert.pem` holds no certificate in PEM form",
            "hint": "see that it is the right file, and whole",
            "exit_status": 4,
        },
    )
    assert Path("ssl/cert.pem").read_bytes() == b"garbage"


class Forgetful:
    """A trust store in which nothing is left."""

    store, path = "nss", "/db"

    def __str__(self) -> str:
        return "Chromium (/db)"

    def trusts(self, *_: object) -> bool:
        """Trust nobody."""
        return False


def test_trust_that_was_lost_is_told_once(
    pair: Pair, now: dt.datetime, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place that is looked at anyway, and that the record names too, is told of once."""
    bundle = issue.server(names.LOCAL, keys.generate("ec256"), DAYS, now, issuer)
    assert bundle.key is not None
    write(pair, bundle.pem(), keys.pem(bundle.key))
    found: Any = (Forgetful(),)
    monkeypatch.setattr(stores, "find", lambda *_: [stores.Found(found)])
    monkeypatch.setattr(stores, "place", lambda *_: Forgetful())
    monkeypatch.setattr(trust, "recorded", lambda _: [("nss", "/db")])

    status, data = check()

    assert (status, data["trusted"]) == (1, {"Chromium (/db)": False})
    assert data["faults"] == ["not trusted by Chromium (/db) any more"]

"""How long a certificate is good for, by a clock that is given, and which requests get one."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID, NameOID

from asgictl.certs import csr, issue, keys, names, trust, validity
from asgictl.certs.handshake import Certificate, is_trusted, look
from asgictl.errors import FileProblemError

BEGIN = dt.datetime(2026, 1, 1, 12, 30, tzinfo=dt.UTC)
DAY, SECOND = dt.timedelta(days=1), dt.timedelta(seconds=1)


def certificate(days: float, organization: str = "asgictl") -> Certificate:
    """Return one that is valid for so many days."""
    return Certificate(
        ("localhost",),
        "x",
        organization,
        self_signed=True,
        not_before=BEGIN,
        not_after=BEGIN + days * DAY,
        fingerprint="",
    )


# How long it is valid, and since when: whether it lasts, what is wrong, and how many days are left.
MOMENTS: list[tuple[float, dt.timedelta, bool, str | None, int]] = [
    (100, dt.timedelta(0), True, None, 100),
    (100, -SECOND, False, "is not valid before 2026-01-01 12:30 UTC", 101),
    (100, SECOND, True, None, 100),
    (100, 86 * DAY, True, None, 14),
    (100, 86 * DAY + SECOND, False, None, 14),
    (100, 99 * DAY, False, None, 1),
    (100, 100 * DAY - SECOND, False, None, 1),
    (100, 100 * DAY, False, "expired on 2026-04-11", 0),
    (100, 101 * DAY, False, "expired on 2026-04-11", -1),
    (28, 14 * DAY, True, None, 14),
    (28, 14 * DAY + SECOND, False, None, 14),
    (8, 4 * DAY, True, None, 4),
    (8, 4 * DAY + SECOND, False, None, 4),
]


@pytest.mark.parametrize(("days", "since", "lasts", "fault", "left"), MOMENTS)
def test_how_long_it_is_good(days: float, since: dt.timedelta, lasts: bool, fault: str | None, left: int) -> None:
    """It is good while two weeks are left, or half of a short life, and to the second valid until its end."""
    seen = certificate(days)

    assert (seen.lasts(BEGIN + since), seen.fault(BEGIN + since), seen.days_left(BEGIN + since)) == (lasts, fault, left)


def test_whose_it_is() -> None:
    """What asgictl has made says so."""
    assert [certificate(1, who).is_ours for who in ("asgictl", "Somebody", "")] == [True, False, False]


def test_what_cannot_be_looked_at(tmp_path: Path, now: dt.datetime) -> None:
    """Files that are not there, no certificates, of another key, or not valid now say nothing, and are not trusted."""
    key, other = keys.generate("ec256"), keys.generate("ec256")
    good = issue.server(names.LOCAL, key, DAY, now)
    old = issue.server(names.LOCAL, key, DAY, now - 3 * DAY)
    files = {"cert.pem": good.pem(), "old.pem": old.pem(), "cert.key": keys.pem(key), "other.key": keys.pem(other)}
    files |= {"locked.key": keys.pem(key, b"secret"), "garbage": b"x"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)

    def found(cert: str, key: str, password: str | None = None) -> tuple[bool, bool]:
        at = (tmp_path / cert, tmp_path / key, password)
        return look(*at) is not None, is_trusted(*at, "localhost", tmp_path / cert)

    assert found("cert.pem", "cert.key") == (True, True)
    assert found("cert.pem", "locked.key", "secret") == (True, True)
    for case in (
        *(("old.pem", "cert.key"), ("cert.pem", "other.key"), ("garbage", "cert.key"), ("cert.pem", "garbage")),
        *(("nosuch", "cert.key"), ("cert.pem", "nosuch"), ("cert.pem", "locked.key")),
    ):
        assert found(*case) == (False, False)
    assert found("cert.pem", "locked.key", "wrong") == (False, False)
    seen = look(tmp_path / "cert.pem", tmp_path / "cert.key")
    assert seen == validity.described(good.leaf)
    assert not is_trusted(tmp_path / "cert.pem", tmp_path / "cert.key", None, "shop.test", tmp_path / "cert.pem")
    assert is_trusted(tmp_path / "cert.pem", tmp_path / "cert.key", None, "*.dev.localhost", tmp_path / "cert.pem")


def test_why_strict_clients_refuse_it(now: dt.datetime) -> None:
    """What strict clients say of a certificate is told with the name that they asked for."""
    leaf = issue.server(["shop.test", "127.0.0.1"], keys.generate("ec256"), DAY, now).leaf

    assert validity.fault(leaf, (), now) is None
    assert validity.fault(leaf, (), now + 2 * DAY) == "for shop.test: cert is not valid at validation time"
    assert not validity.is_issued_by(leaf, issue.server(["x.test"], keys.generate("ec256"), DAY, now).leaf)
    assert validity.is_issued_by(leaf, leaf)


def request(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, *hosts: str) -> x509.CertificateSigningRequest:
    """Return a request for hosts, as others make it."""
    builder = x509.CertificateSigningRequestBuilder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]))
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(map(x509.DNSName, hosts))), critical=False)
    return builder.sign(key, hashes.SHA256())


def test_a_request() -> None:
    """A request in either form is read, with its names in the form that certificates have, and its key."""
    key = keys.generate("ec256")
    asked = request(key, "Shop.test", "*.dev.test")
    for form in (serialization.Encoding.PEM, serialization.Encoding.DER):
        loaded = csr.load(asked.public_bytes(form), "x.csr")
        assert csr.hosts(loaded, "x.csr") == ("shop.test", "*.dev.test")
        assert csr.key(loaded) == key.public_key()
    assert csr.is_for(asked, keys.pem(key))
    assert not csr.is_for(asked, keys.pem(keys.generate("ec256")))
    assert not csr.is_for(asked, b"garbage")


def damaged() -> bytes:
    """Return a request whose signature is somebody else's."""
    good, other = (request(keys.generate("ec256"), name).public_bytes(serialization.Encoding.DER) for name in "ab")
    mine = x509.load_der_x509_csr(good)
    theirs = x509.load_der_x509_csr(other)
    size = len(mine.signature)
    while len(theirs.signature) != size:
        theirs = request(keys.generate("ec256"), "b")
    return good.replace(mine.signature, theirs.signature)


WRONG_REQUESTS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "garbage": (
        lambda: b"garbage",
        "`x.csr` holds no certificate signing request",
        "make one with `openssl req -new`",
    ),
    "garbage in PEM": (
        lambda: b"-----BEGIN CERTIFICATE REQUEST-----\nx\n-----END CERTIFICATE REQUEST-----\n",
        "`x.csr` holds no certificate signing request",
        "make one with `openssl req -new`",
    ),
    "another signature": (damaged, "the signature of `x.csr` is wrong", "make a new request"),
    "a weak key": (
        lambda: request(rsa.generate_private_key(65537, 1024), "a.test").public_bytes(serialization.Encoding.PEM),
        "browsers do not take the key of `x.csr`, RSA 1024",
        "make one for EC P-256 or RSA 2048",
    ),
    "another curve": (
        lambda: request(ec.generate_private_key(ec.SECP521R1()), "a").public_bytes(serialization.Encoding.PEM),
        "browsers do not take the key of `x.csr`, EC secp521r1",
        "make one for EC P-256 or RSA 2048",
    ),
}


@pytest.mark.parametrize("case", WRONG_REQUESTS)
def test_a_request_that_cannot_be_used(case: str) -> None:
    """A request that is none, was changed, or has a weak key, is told with what to do."""
    make, message, hint = WRONG_REQUESTS[case]

    with pytest.raises(FileProblemError) as caught:
        csr.load(make(), "x.csr")

    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_request_that_cannot_be_read() -> None:
    """A request that is one, and holds what is none, gets the reason: here an address of two bytes."""
    twist = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x04\x87\x02AB")
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(twist, critical=False)
    asked = builder.sign(keys.generate("ec256"), hashes.SHA256())

    with pytest.raises(FileProblemError) as caught:
        csr.load(asked.public_bytes(serialization.Encoding.PEM), "x.csr")

    reason = str(caught.value.__cause__)
    assert "address" in reason
    assert (caught.value.message, caught.value.hint) == (
        f"the request in `x.csr` cannot be read: {reason}",
        "check what made it, or make one with `openssl req -new`",
    )


def test_a_request_without_names() -> None:
    """A request that asks for no names is told with how to name them."""
    with pytest.raises(FileProblemError) as caught:
        csr.hosts(request(keys.generate("ec256")), "x.csr")

    assert (caught.value.message, caught.value.hint) == (
        "`x.csr` asks for no names: it has no subjectAltName",
        "name them: `asgictl gen-cert shop.test --csr ...`",
    )


def test_where_a_user_without_a_home_has_the_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user without a name has none, in a folder that is not there."""
    import platformdirs

    def nobody(*_: object, **__: object) -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(platformdirs, "user_data_path", nobody)

    assert trust.folder({}) == Path("/nonexistent/asgictl/ca")

"""TLS files are looked at before anything starts, and each fault has its own line."""

import datetime as dt
import ssl
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from asgictl import atomic
from asgictl.certs import issue, keys, names, pairs, pem, served
from asgictl.certs.files import Pair
from asgictl.errors import AsgictlError
from asgictl.serving import tls
from asgictl.serving.tls import TlsRequest, given_files
from tests.certs import broken
from tests.conftest import Serve

Key = ec.EllipticCurvePrivateKey


def certificate(key: Key) -> bytes:
    """Return a certificate for this machine."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(days=1)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def private(key: Key, password: bytes | None = None) -> bytes:
    """Return a key in PKCS#8 form."""
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        protection = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of good and bad TLS files, which is the current one."""
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    contents = {
        "cert.pem": certificate(key),
        "cert.key": private(key),
        "both.pem": private(key) + certificate(key),
        "other.key": private(other),
        "locked.key": private(key, b"secret"),
        "broken.pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "broken.key": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "garbage": b"\xff\0",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


GOOD = [
    ("cert.pem", "cert.key", None, None),
    ("both.pem", None, None, None),
    ("cert.pem", "locked.key", "secret", None),
    ("cert.pem", "cert.key", None, "cert.pem"),
]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("arguments", GOOD)
def test_good_files(arguments: tuple[str, str | None, str | None, str | None]) -> None:
    """A pair that OpenSSL takes is taken."""
    tls.check(TlsRequest(*arguments))


WHOLE = "see that it is the right file, and whole"
BAD: list[tuple[tuple[str, str | None, str | None, str | None], int, str, str | None]] = [
    (("nosuch", "cert.key", None, None), 4, "`nosuch` does not exist", "the path is relative to the current folder"),
    (
        ("folder", "cert.key", None, None),
        4,
        "`folder` is a folder",
        "pass a file in it",
    ),
    (
        ("garbage", "cert.key", None, None),
        4,
        "`garbage` holds no certificate in PEM form",
        WHOLE,
    ),
    (
        ("cert.key", "cert.key", None, None),
        4,
        "`cert.key` holds a private key, not a certificate",
        "pass the file with the certificate",
    ),
    (("cert.pem", None, None, None), 4, "`cert.pem` holds no private key", "pass --ssl-keyfile"),
    (
        ("cert.pem", "cert.pem", None, None),
        4,
        "`cert.pem` holds a certificate, not a private key",
        "pass the file with the key",
    ),
    (
        ("cert.pem", "other.key", None, None),
        4,
        "`other.key` is not the key of `cert.pem`",
        "pass the key that belongs to it",
    ),
    (("cert.pem", "locked.key", None, None), 4, "`locked.key` is encrypted", "pass --ssl-keyfile-password"),
    (("cert.pem", "locked.key", "wrong", None), 4, "the password does not open `locked.key`", "pass another"),
    (
        ("cert.pem", "cert.key", None, "garbage"),
        4,
        "`garbage` holds no certificate in PEM form",
        WHOLE,
    ),
]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("arguments", "status", "message", "hint"), BAD)
def test_bad_files(
    arguments: tuple[str, str | None, str | None, str | None], status: int, message: str, hint: str | None
) -> None:
    """Each fault is named with its file."""
    with pytest.raises(AsgictlError) as caught:
        tls.check(TlsRequest(*arguments))

    assert (caught.value.exit_status, caught.value.message, caught.value.hint) == (status, message, hint)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "begin"),
    [
        (("broken.pem", "cert.key", None, None), "`broken.pem` is damaged: the block that begins in line 1 is"),
        (("cert.pem", "broken.key", None, None), "`broken.key` is damaged: the block that begins in line 1 is"),
        (("cert.pem", "cert.key", None, "broken.pem"), "`broken.pem` is damaged: the block that begins in line 1 is"),
    ],
)
def test_damaged_files(arguments: tuple[str, str, None, str | None], begin: str) -> None:
    """A file that looks right and is not is told with the place."""
    with pytest.raises(AsgictlError) as caught:
        tls.check(TlsRequest(*arguments))

    assert (caught.value.exit_status, caught.value.message.startswith(begin)) == (4, True)


def test_too_weak_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key below OpenSSL's security level is told as that, with where the level is set."""
    monkeypatch.setenv("OPENSSL_CONF", "/nosuch/openssl.cnf")
    key = rsa.generate_private_key(65537, 1024)
    bundle = issue.server(names.LOCAL, key, dt.timedelta(days=9), dt.datetime.now(dt.UTC))
    certfile, keyfile = tmp_path / "cert.pem", tmp_path / "cert.key"
    certfile.write_bytes(bundle.pem())
    keyfile.write_bytes(keys.pem(key))

    with pytest.raises(AsgictlError) as caught:
        tls.check(TlsRequest(str(certfile), str(keyfile)))

    assert caught.value.message == f"the key of `{certfile}` is too small for OpenSSL's security level here"
    assert caught.value.hint == (
        "make one with a larger key (EC P-256, or P-384) and SHA-256, or lower the level in "
        "`/nosuch/openssl.cnf` (OPENSSL_CONF)"
    )


def authorities(*made: broken.Made) -> Path:
    """Write certificates; return their file."""
    file = Path("clients.pem")
    file.write_bytes(b"".join(it.pem for it in made))
    return file


def test_who_vouches_for_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file by which no client would be let in is refused: a leaf of somebody's, or none but expired authorities."""
    monkeypatch.chdir(tmp_path)
    root = broken.make("Root", broken.curve(), authority=True)
    leaf, alone = broken.make("leaf", broken.curve(), root), broken.make("alone", broken.curve())
    monkeypatch.setattr(broken, "NOW", broken.NOW - dt.timedelta(days=100))
    old = broken.make("Old", broken.curve(), authority=True)

    for good in ((root,), (leaf, root), (old, root), (alone,)):
        given_files.check_client_ca(authorities(*good))

    end = "so that no client would be let in"
    ended = old.certificate.not_valid_after_utc
    for bad, problem, hint in (
        (
            (leaf,),
            f"`clients.pem` holds no certificate of an authority, {end}",
            "pass the certificate of who signs those of the clients",
        ),
        ((old,), f"the authority in `clients.pem` expired on {ended:%Y-%m-%d}, {end}", "pass one that is valid"),
    ):
        with pytest.raises(AsgictlError) as caught:
            tls.check(TlsRequest(client_ca=str(authorities(*bad))))
        assert (caught.value.message, caught.value.hint) == (problem, hint)


@pytest.mark.parametrize("ciphers", ["NULL", "ECDHE-RSA-AES128-GCM-SHA256", "ADH-AES128-GCM-SHA256"])
def test_ciphers_that_serve_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ciphers: str) -> None:
    """Ciphers of no use for the certificate, or to any client, are refused, although TLS 1.3 has its own."""
    monkeypatch.chdir(tmp_path)
    good = TlsRequest(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
    assert tls.secure(good, "localhost", lambda _: None).certificate.is_ours

    with pytest.raises(AsgictlError) as caught:
        tls.secure(TlsRequest(ciphers=ciphers), "localhost", lambda _: None)

    assert (caught.value.message, caught.value.hint) == (
        f"no client of TLS 1.2 can connect with `-X ssl_ciphers={ciphers}`: no shared cipher",
        "take another cipher or security level, or drop it",
    )


def test_ciphers_that_do_nothing() -> None:
    """They are for TLS 1.2 alone, a security level is not."""
    tls.check(TlsRequest(ciphers="DEFAULT:@SECLEVEL=1", tls_min="1.3"))

    with pytest.raises(AsgictlError) as caught:
        tls.check(TlsRequest(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256", tls_min="1.3"))

    assert (caught.value.message, caught.value.hint) == (
        "`-X ssl_ciphers` does nothing with `--tls-min 1.3`: it is for TLS 1.2",
        "drop one of them: the ciphers of TLS 1.3 are always on",
    )


def test_a_check_writes_nothing(serve: Serve, tmp_path: Path) -> None:
    """It says what the start makes or renews, and leaves the files as they are."""
    status, lines = serve("demo", "--https", "--check").end()
    made = "`ssl/cert.pem` and `ssl/cert.key` for localhost, *.dev.localhost, 127.0.0.1, ::1"
    assert (status, lines[0], sorted(tmp_path.glob("ssl"))) == (0, f"note: the start makes {made}", [])

    pair = Pair(tmp_path / "ssl/cert.pem", tmp_path / "ssl/cert.key")
    with atomic.locked(*pair):
        pairs.write(pair, pairs.Order(), None, dt.datetime.now(dt.UTC))
    before = [file.read_bytes() for file in pair]
    status, lines = serve("demo", "--https", "--check").end()
    assert (status, len(lines)) == (0, 1)
    place = served.Circumstances("shop.test", None, tmp_path / "ca", dt.datetime.now(dt.UTC), writes=False)
    notes: list[str] = []
    said = served.kept(pair, place, notes.append)

    names_of = "localhost, *.dev.localhost, 127.0.0.1, ::1"
    assert said.names == names.LOCAL
    assert notes == [
        f"the start renews `{pair.certificate}`, which is not for `shop.test`, but for {names_of}; the new one is for"
        f" {names_of}, shop.test"
    ]
    assert [file.read_bytes() for file in pair] == before


def test_a_pair_that_was_just_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A security level that refuses what asgictl makes is told before the server starts, not waited out."""

    def strict() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=5")
        return context

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pem, "context", strict)

    with pytest.raises(AsgictlError) as caught:
        tls.secure(TlsRequest(), "127.0.0.1", lambda _: None)

    assert caught.value.message == "the key of `ssl/cert.pem` is too small for OpenSSL's security level here"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serves_https(serve: Serve, files: Path, workers: str) -> None:
    """The files are served with, and the banner has the right scheme."""
    arguments = [
        "demo",
        "--ssl-certfile",
        "cert.pem",
        "--ssl-keyfile",
        "locked.key",
        "--ssl-keyfile-password",
        "secret",
    ]

    served = serve(*arguments, "--workers", workers)

    context = ssl.create_default_context(cafile=str(files / "cert.pem"))
    assert served.url.startswith("https://")
    assert httpx.get(f"https://localhost:{served.port}/healthz", verify=context).text == "ok\n"
    assert served.stop()[0] == 0

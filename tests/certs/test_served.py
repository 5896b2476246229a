"""`serve --https` shows a good certificate: made, renewed, or left alone, whichever is right."""

import datetime as dt
import errno
import os
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from asgictl import atomic
from asgictl.certs import authority, beyond_doubt, files, issue, keys, pairs, served, trust, verdict
from asgictl.certs.files import Pair
from asgictl.certs.handshake import Certificate, look
from asgictl.certs.issue import Issuer
from asgictl.certs.names import Constraints
from asgictl.certs.pairs import Order
from asgictl.certs.served import Circumstances
from asgictl.errors import FileProblemError
from tests.certs import broken

LOCAL = ("localhost", "*.dev.localhost", "127.0.0.1", "::1")


class Desk:
    """A user at work: a pair, an authority perhaps, and what was said to them."""

    def __init__(self, pair: Pair, folder: Path, now: dt.datetime) -> None:
        self.pair = pair
        self.folder = folder
        self.now = now
        self.notes: list[str] = []

    def place(self, host: str = "127.0.0.1", password: str | None = None) -> Circumstances:
        """Return where the server listens."""
        return Circumstances(host, password, self.folder, self.now)

    def kept(self, host: str = "127.0.0.1", password: str | None = None) -> Certificate:
        """Return what `serve --https` shows."""
        return served.kept(self.pair, self.place(host, password), self.notes.append)

    def given(self, host: str = "127.0.0.1") -> Certificate:
        """Return what `serve --ssl-certfile` shows."""
        return served.given(self.pair, self.place(host), self.notes.append)

    def make(self, order: Order, *, made: dt.timedelta = dt.timedelta(0), issuer: Issuer | None = None) -> Certificate:
        """Make a certificate some time ago."""
        with atomic.locked(*self.pair):
            return pairs.write(self.pair, order, issuer, self.now - made).certificate

    def content(self) -> list[bytes]:
        """Return what is in the files."""
        return [file.read_bytes() for file in self.pair]


@pytest.fixture
def desk(pair: Pair, tmp_path: Path, now: dt.datetime) -> Desk:
    """A user who has not made anything yet."""
    return Desk(pair, tmp_path / "authority", now)


def foreign(desk: Desk, monkeypatch: pytest.MonkeyPatch, order: Order, made: dt.timedelta = dt.timedelta(0)) -> None:
    """Make a certificate as somebody else would."""
    with monkeypatch.context() as patched:
        patched.setattr("asgictl.certs.issue.ORGANIZATION", "Somebody")
        desk.make(order, made=made)


def test_made_on_the_spot(desk: Desk) -> None:
    """Where there is nothing, a self-signed pair is made for this machine, and kept from then on."""
    said = desk.kept()

    assert (said.names, said.self_signed, said.is_ours, said.days_left(desk.now)) == (LOCAL, True, True, 199)
    assert desk.notes == [
        f"made `ssl/cert.pem` and `ssl/cert.key` for {', '.join(LOCAL)}; `asgictl gen-cert --trust` ends the browser's"
        " warning"
    ]
    before = desk.content()
    assert desk.kept() == said
    assert (desk.content(), len(desk.notes)) == (before, 1)
    assert Path("ssl/.gitignore").read_text().splitlines()[1] == "*.key"


def test_a_good_pair_costs_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as all is well, nothing is locked, read with cryptography or written."""
    said = desk.kept()

    def refuse_all(*_: object) -> None:
        raise AssertionError("it was looked at closer")

    monkeypatch.setattr(pairs, "loaded", refuse_all)
    monkeypatch.setattr(atomic, "locked", refuse_all)

    assert desk.kept() == said


def test_two_things_wrong(desk: Desk) -> None:
    """A certificate is renewed for all that is wrong with it, which is told, with the first of its names."""
    hosts = tuple(f"h{number}.test" for number in range(9))
    desk.make(Order(hosts=hosts), made=dt.timedelta(days=190))

    assert desk.kept("shop.test").names == (*hosts, "shop.test")

    listed = ", ".join(hosts[:8])
    assert desk.notes == [
        f"renewed `ssl/cert.pem`, which has 9 days left and is not for `shop.test`, but for {listed} and 1 more; the "
        f"new one is for {listed} and 2 more"
    ]


@pytest.mark.usefixtures("issuer")
def test_made_by_the_authority(desk: Desk) -> None:
    """Who has an authority gets a certificate of it without asking."""
    said = desk.kept()

    assert (said.self_signed, said.names) == (False, LOCAL)
    assert desk.notes == [f"made `ssl/cert.pem` and `ssl/cert.key` for {', '.join(LOCAL)}"]


def test_made_by_an_authority_that_is_wider(desk: Desk) -> None:
    """It is said once, when such an authority is used, and not at each start."""
    authority.make(desk.folder, Constraints().widened(["com"]), desk.now)

    desk.kept()
    desk.kept()

    assert desk.notes == [
        f"your authority in `{desk.folder}` can vouch for com, too, and so can whoever has its key; "
        "`asgictl gen-cert --untrust` removes it",
        f"made `ssl/cert.pem` and `ssl/cert.key` for {', '.join(LOCAL)}",
    ]
    desk.kept("www.bank.com")
    assert "can vouch for com, too, as here for www.bank.com, and" in desk.notes[-1]


def test_made_by_an_older_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate with a common name, as they were made once, is known for ours, and stays as long as it is good."""
    subject = issue._subject
    with monkeypatch.context() as older:
        older.setattr(issue, "_subject", lambda name=None: subject(name or "asgictl 1234abcd"))
        old = desk.make(Order())
    assert (old.is_ours, old.self_signed, old.issuer) == (True, True, "asgictl 1234abcd")

    assert (desk.kept(), desk.notes) == (old, [])
    assert desk.kept("shop.test").issuer == "asgictl"


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("shop.test", (*LOCAL, "shop.test")),
        ("192.168.7.7", (*LOCAL, "192.168.7.7")),
        ("", LOCAL),
        ("my_host", (*LOCAL, "my_host")),
        ("my host", LOCAL),
    ],
)
def test_made_for_the_host(desk: Desk, host: str, names: tuple[str, ...]) -> None:
    """A host that is named is in the certificate, as far as it can be."""
    assert desk.kept(host).names == names


AGES = [
    (Order(), dt.timedelta(days=190), "`ssl/cert.pem`, which has 9 days left"),
    (Order(lifetime=dt.timedelta(days=30)), dt.timedelta(days=17), "`ssl/cert.pem`, which has 13 days left"),
    (Order(hosts=("shop.test", "127.0.0.1")), dt.timedelta(days=300), "`ssl/cert.pem`, which expired on"),
    (Order(key_type="rsa2048"), dt.timedelta(days=186), "`ssl/cert.pem`, which has 13 days left"),
    (Order(), dt.timedelta(days=-2), "`ssl/cert.pem`, which is not valid before"),
]


@pytest.mark.parametrize(("order", "made", "why"), AGES)
def test_renewed(desk: Desk, order: Order, made: dt.timedelta, why: str) -> None:
    """One of ours that ends soon, has ended or has not begun is renewed as it was: names, key type, days, access."""
    old = desk.make(order._replace(group=os.getgid()), made=made)

    said = desk.kept()

    assert why in desk.notes[0]
    assert desk.notes[0].startswith("renewed ")
    assert (said.names, said.days_left(desk.now)) == (old.names, order.lifetime.days)
    assert keys.kind_of(keys.load(desk.pair.key.read_bytes(), "k")) == order.key_type
    assert files.group_of(desk.pair.key) == os.getgid()
    assert desk.kept() == said
    assert len(desk.notes) == 1


def test_a_short_life(desk: Desk) -> None:
    """A certificate that was made for a few days is renewed after half of them, and not before."""
    order = Order(lifetime=dt.timedelta(days=6))
    old = desk.make(order)
    assert (desk.kept(), desk.notes) == (old, [])
    desk.make(order, made=dt.timedelta(days=4))

    assert desk.kept().days_left(desk.now) == 6


@pytest.mark.parametrize("why", ["read-only", "an unsafe authority"])
def test_what_cannot_be_renewed_is_used(desk: Desk, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """A certificate that is still valid is served, with a note, where it cannot be renewed."""
    old = desk.make(Order(), made=dt.timedelta(days=190), issuer=None)
    assert issuer
    if why == "read-only":
        monkeypatch.setattr("asgictl.atomic.create", refuse)
        assert desk.kept() == old
        assert desk.notes == [
            "cannot renew: cannot write `ssl/cert.pem` and `ssl/cert.key`: Read-only file system",
            "`ssl/cert.pem` has 9 days left",
        ]
    else:
        (desk.folder / "ca.key").chmod(0o644)
        assert desk.kept().self_signed
        assert desk.notes[0].startswith("others may read the key of your authority")


def refuse(*_: object) -> None:
    """Fail as on a file system that is mounted read-only."""
    raise OSError(errno.EROFS, "Read-only file system")


def test_a_key_that_others_may_read(desk: Desk) -> None:
    """A key with the wrong permissions is told of."""
    desk.make(Order())
    desk.pair.key.chmod(0o644)

    desk.kept()

    assert desk.notes == ["`ssl/cert.pem`: others may read `ssl/cert.key`: `chmod 600 ssl/cert.key`"]


@pytest.mark.parametrize("days", [15, 100])
def test_not_renewed_too_early(desk: Desk, days: int) -> None:
    """One that is good for two weeks stays."""
    old = desk.make(Order(), made=dt.timedelta(days=199 - days))

    assert (desk.kept(), desk.notes) == (old, [])


def test_renewed_for_the_host(desk: Desk) -> None:
    """One of ours that is not for the host is made again with it."""
    desk.make(Order(hosts=("localhost",)))

    assert desk.kept("shop.test").names == ("localhost", "shop.test")
    assert "is not for `shop.test`, but for localhost" in desk.notes[0]


def test_trust_is_not_given_up_for_a_host(desk: Desk, issuer: Issuer) -> None:
    """A host that the authority may not vouch for is warned of, and the trusted certificate stays."""
    old = desk.make(Order(), issuer=issuer)

    assert desk.kept("192.168.7.7") == old
    assert desk.notes == [f"`ssl/cert.pem` is not for `192.168.7.7`, but for {', '.join(LOCAL)}"]


def test_an_encrypted_key_stays_encrypted(desk: Desk) -> None:
    """A renewed key has the password of the old one; without it there is an error, and no prompt."""
    desk.make(Order(password=b"secret"), made=dt.timedelta(days=300))

    for password, message, hint in (
        (None, "`ssl/cert.key` is encrypted", "pass --ssl-keyfile-password"),
        ("wrong", "the password does not open `ssl/cert.key`", "pass another"),
    ):
        with pytest.raises(FileProblemError) as caught:
            desk.kept(password=password)
        assert (caught.value.message, caught.value.hint) == (message, hint)
    desk.kept(password="secret")

    assert look(*desk.pair, "secret") is not None
    assert desk.pair.key.read_bytes().startswith(b"-----BEGIN ENCRYPTED")


def test_trust_comes_to_other_projects(desk: Desk, now: dt.datetime) -> None:
    """Once the user trusts an authority, a self-signed certificate of ours is replaced by one of it."""
    desk.make(Order())
    authority.make(desk.folder, Constraints(), now)
    assert desk.kept().self_signed
    (desk.folder / "trust.json").write_text('[{"store": "nss", "place": "/nowhere"}]')

    assert not desk.kept().self_signed
    assert desk.notes == [
        f"renewed `ssl/cert.pem`: your authority vouches for it now; the new one is for {', '.join(LOCAL)}"
    ]
    assert not desk.kept().self_signed
    assert len(desk.notes) == 1


def test_a_foreign_one_is_never_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's certificate is used with a warning while it is valid, and refused when it has expired."""
    foreign(desk, monkeypatch, Order(hosts=("localhost",)), dt.timedelta(days=190))
    before = desk.content()
    for show in (desk.kept, desk.given):
        show("shop.test")
    assert (
        desk.notes == ["`ssl/cert.pem` has 9 days left", "`ssl/cert.pem` is not for `shop.test`, but for localhost"] * 2
    )
    assert desk.content() == before
    desk.notes.clear()

    foreign(desk, monkeypatch, Order(hosts=("localhost",)))
    desk.given("shop.test")
    assert desk.notes == ["`ssl/cert.pem` is not for `shop.test`, but for localhost"]

    foreign(desk, monkeypatch, Order(), dt.timedelta(days=300))
    before = desk.content()
    for show in (desk.kept, desk.given):
        with pytest.raises(FileProblemError) as caught:
            show()
        ended = desk.now - issue.BACK_DATING - dt.timedelta(days=300 - 199)
        assert (caught.value.message, caught.value.hint) == (
            f"`ssl/cert.pem` expired on {ended:%Y-%m-%d}",
            "renew it where it comes from, or serve with another",
        )
    assert desk.content() == before


def test_ours_by_name_is_not_written_either(desk: Desk) -> None:
    """A file that the user has named is not written, whoever has made it."""
    desk.make(Order(), made=dt.timedelta(days=190))
    before = desk.content()

    desk.given()

    assert (desk.content(), desk.notes) == (before, ["`ssl/cert.pem` has 9 days left"])


HALVES = [("cert.pem", "cert.key"), ("cert.key", "cert.pem")]


@pytest.mark.parametrize(("there", "missing"), HALVES)
def test_half_a_pair(desk: Desk, there: str, missing: str) -> None:
    """One file without the other is not replaced."""
    desk.make(Order())
    Path(f"ssl/{missing}").unlink()
    before = Path(f"ssl/{there}").read_bytes()

    with pytest.raises(FileProblemError) as caught:
        desk.kept()

    assert caught.value.message == f"`ssl/{there}` is there, and `ssl/{missing}` is not"
    assert caught.value.hint == "put the other one back, or make both again: `asgictl gen-cert --force`"
    assert Path(f"ssl/{there}").read_bytes() == before


FAULTS = [
    ("cert.pem", b"", "`ssl/cert.pem` is empty"),
    ("cert.pem", b"\xff\x00garbage", "`ssl/cert.pem` holds no certificate in PEM form"),
    ("cert.key", b"garbage", "`ssl/cert.key` holds no private key in PEM form"),
    ("cert.key", keys.pem(keys.generate("ec256")), "`ssl/cert.key` is not the key of `ssl/cert.pem`"),
]


@pytest.mark.parametrize(("name", "content", "message"), FAULTS, ids=["empty", "garbage", "no key", "mismatch"])
def test_files_that_cannot_be_used(desk: Desk, name: str, content: bytes, message: str) -> None:
    """A file that is wrong is named, and stays."""
    desk.make(Order())
    Path(f"ssl/{name}").write_bytes(content)

    with pytest.raises(FileProblemError) as caught:
        desk.kept()

    assert caught.value.message == message
    assert Path(f"ssl/{name}").read_bytes() == content


@pytest.mark.skipif(sys.platform == "win32", reason="has no pipes in folders")
@pytest.mark.parametrize("name", ["cert.pem", "cert.key"])
def test_a_pipe_is_not_waited_for(desk: Desk, name: str) -> None:
    """A pipe in the place of a file is told as that, though nobody writes to it."""
    desk.make(Order())
    Path(f"ssl/{name}").unlink()
    os.mkfifo(f"ssl/{name}", 0o600)

    with pytest.raises(FileProblemError, match="is a pipe, which can be read only once"):
        desk.kept()


def test_a_truncated_certificate(desk: Desk) -> None:
    """Half a certificate is none."""
    desk.make(Order())
    desk.pair.certificate.write_bytes(desk.pair.certificate.read_bytes()[:300])

    with pytest.raises(FileProblemError, match="is cut off"):
        desk.kept()


def test_both_ways_of_looking_see_the_same(desk: Desk, issuer: Issuer) -> None:
    """What a handshake in memory tells is what cryptography reads."""
    for by in (None, issuer):
        made = desk.make(Order(hosts=("localhost", "::1", "127.1.2.3", "xn--bcher-kva.test")), issuer=by)
        assert look(*desk.pair) == made


def test_who_trusts_it(desk: Desk, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The banner tells what the system's store says, and where asgictl has seen to trust."""
    said = desk.make(Order(), issuer=issuer)
    assert served.trusted_by(desk.pair, desk.place(), said) == (False, False)
    (desk.folder / "trust.json").write_text('[{"store": "nss", "place": "/nowhere"}]')
    assert served.trusted_by(desk.pair, desk.place(), said) == (False, True)
    monkeypatch.setenv("SSL_CERT_FILE", str(trust.pair_in(desk.folder).certificate))
    assert served.trusted_by(desk.pair, desk.place(), said) == (True, True)
    assert served.trusted_by(desk.pair, desk.place(), said._replace(names=())) == (False, False)
    self_signed = desk.make(Order())
    assert served.trusted_by(desk.pair, desk.place(), self_signed) == (False, False)


@pytest.mark.parametrize(("platform", "system"), [("linux", False), ("darwin", None)])
def test_who_trusts_a_foreign_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, platform: str, system: bool | None
) -> None:
    """Of somebody else's certificate only the system's store is asked; macOS has none that Python can look into."""
    foreign(desk, monkeypatch, Order())
    said = desk.given()
    monkeypatch.setattr("sys.platform", platform)

    assert served.trusted_by(desk.pair, desk.place(), said) == (system, None)
    monkeypatch.setenv("SSL_CERT_FILE", str(desk.pair.certificate))
    assert served.trusted_by(desk.pair, desk.place(), said) == (True, None)
    assert served.trusted_by(desk.pair, desk.place(), said._replace(names=())) == (False, None)


CASES = broken.cases()


@pytest.mark.parametrize("case", CASES)
def test_what_is_good_beyond_doubt(desk: Desk, case: str) -> None:
    """What is taken for good without cryptography has no fault by it either; a usual chain and a pair are such."""
    content, key = CASES[case]
    desk.pair.certificate.parent.mkdir()
    desk.pair.certificate.write_bytes(content)
    desk.pair.key.write_bytes(key)
    desk.pair.key.chmod(0o600)
    seen = look(*desk.pair)

    good = seen is not None and beyond_doubt.is_good(desk.pair, None, seen, desk.now)

    if case in {"good", "CRLF", "text before", "TRUSTED CERTIFICATE", "a BOM"}:
        assert good
    if good:
        assert verdict.judge(desk.pair, None, desk.now).faults == []


def test_a_foreign_one_that_does_not_suit(desk: Desk) -> None:
    """A key of a type that asgictl does not make is served with a note, also for a host that it is not for."""
    made = broken.make("foreign", ed25519.Ed25519PrivateKey.generate())
    with atomic.locked(*desk.pair):
        files.write(desk.pair, made.pem, made.private)

    for show in (desk.kept, desk.given):
        assert show("shop.test").names == show("localhost").names == ("localhost",)

    key = "`ssl/cert.pem`: browsers do not take its key, Ed25519"
    assert desk.notes == ["`ssl/cert.pem` is not for `shop.test`, but for localhost", key, key] * 2

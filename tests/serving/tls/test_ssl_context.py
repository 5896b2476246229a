"""The context of HTTPS follows its files: what counts as new, what is told, and what clients get."""

import datetime as dt
import os
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asgictl import atomic
from asgictl.certs import keys, pairs
from asgictl.certs.files import Pair
from asgictl.certs.pairs import Order
from asgictl.serving.request import TlsVersion
from asgictl.serving.tls import ssl_context
from asgictl.serving.tls.plain_http import Doorman
from asgictl.serving.tls.ssl_context import Follower

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A good pair in the current folder."""
    monkeypatch.chdir(tmp_path)
    made = Pair(Path("cert.pem"), Path("cert.key"))
    write(made)
    return made


def write(pair: Pair, now: dt.datetime = NOW, **order: Any) -> None:
    """Write a pair, whatever is there."""
    with atomic.locked(*pair):
        pairs.write(pair, Order(**order), None, now)


def config(pair: Pair, client_ca: str | None = None, password: str | None = None) -> Any:
    """Return as much of uvicorn's configuration as is looked at."""
    return SimpleNamespace(
        ssl_certfile=str(pair.certificate),
        ssl_keyfile=str(pair.key),
        ssl_keyfile_password=password,
        ssl_ca_certs=client_ca,
    )


def context(pair: Pair) -> Callable[[], ssl.SSLContext]:
    """Return uvicorn's way to make a context."""

    def made() -> ssl.SSLContext:
        new = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        new.load_cert_chain(*pair)
        return new

    return made


def follower(pair: Pair, client_ca: str | None = None, minimum: TlsVersion = "1.2") -> Follower:
    """Return what follows a pair."""
    return Follower(config(pair, client_ca), context(pair), minimum)


@pytest.mark.parametrize(("minimum", "version"), [("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3)])
def test_the_context(pair: Pair, minimum: TlsVersion, version: ssl.TLSVersion) -> None:
    """The context has the oldest version that is wanted, and tells those who speak plain HTTP; sessions stay."""
    followed = follower(pair, minimum=minimum)

    assert followed.read() is None
    made = followed.latest
    assert made is not None
    assert (made.minimum_version, made.sslobject_class) == (version, Doorman)
    assert (made.num_tickets, bool(made.options & ssl.OP_NO_TICKET)) == (2, False)


def test_clients_are_verified_each_time(pair: Pair) -> None:
    """Where clients show certificates no session is taken up again, for that would not be verified."""
    followed = follower(pair, client_ca="cert.pem")

    assert followed.read() is None
    made = followed.latest
    assert made is not None
    assert (made.num_tickets, made.options) == (0, context(pair)().options | ssl.OP_NO_TICKET)


def test_only_what_is_new_is_read(pair: Pair) -> None:
    """A new context is made when a file was replaced, each of them, and not otherwise."""
    authority = Path("ca.pem")
    authority.write_bytes(pair.certificate.read_bytes())
    followed = follower(pair, client_ca="ca.pem")
    seen: list[Any] = []

    def look() -> bool:
        assert followed.read() is None
        new = followed.latest not in seen
        seen.append(followed.latest)
        return new

    assert [look(), look()] == [True, False]
    for file in (*pair, authority):
        os.utime(file, ns=(1, 10**18 + len(seen)))
        assert [look(), look()] == [True, False]


def test_a_bad_replacement_is_told_once(pair: Pair) -> None:
    """What is wrong with a replacement is told at the third look, and again for another one; the old one stays."""
    followed = follower(pair)
    followed.read()
    old = followed.latest
    pair.key.write_bytes(keys.pem(keys.generate("ec256")))
    problem = "`cert.key` is not the key of `cert.pem`"

    assert [followed.read() for _ in range(5)] == [None, None, problem, None, None]
    pair.key.write_bytes(b"garbage")
    assert [followed.read() for _ in range(4)] == [None, None, "`cert.key` holds no private key in PEM form", None]
    assert followed.latest is old
    write(pair)
    assert (followed.read(), followed.latest is old) == (None, False)


def test_a_bad_authority_is_told(pair: Pair) -> None:
    """The same holds for the authority of clients."""
    Path("ca.pem").write_bytes(pair.certificate.read_bytes())
    followed = follower(pair, client_ca="ca.pem")
    followed.read()
    Path("ca.pem").unlink()

    assert [followed.read() for _ in range(3)] == [None, None, "`ca.pem` does not exist"]


def test_a_file_that_changes_meanwhile(pair: Pair) -> None:
    """A file that goes between the look and the use is looked at again."""
    made = [FileNotFoundError(), None]

    def default() -> ssl.SSLContext:
        if error := made.pop(0):
            raise error
        return context(pair)()

    followed = Follower(config(pair), default, "1.2")

    assert (followed.read(), followed.latest) == (None, None)
    assert followed.read() is None
    assert followed.latest is not None


def test_what_openssl_refuses_is_told(pair: Pair) -> None:
    """A context that OpenSSL does not make of good files is a problem that is told once, and not waited out."""

    def default() -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.set_ciphers("NONSENSE")
        return made

    followed = Follower(config(pair), default, "1.2")

    problem = "OpenSSL cannot use `cert.pem`: No cipher can be selected"
    assert [followed.read() for _ in range(4)] == [None, None, problem, None]
    assert followed.latest is None


@pytest.mark.parametrize(
    ("age", "bad"),
    [(0, ""), (300, f"; it expired on {NOW - dt.timedelta(days=102):%Y-%m-%d}")],
    ids=["valid", "expired"],
)
def test_the_news(pair: Pair, age: int, bad: str) -> None:
    """It is told since when the new certificate is there, and why clients refuse it if they do."""
    write(pair, NOW.replace(hour=12) - dt.timedelta(days=age + 1) if age else NOW)
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    for number, file in enumerate(pair):
        os.utime(file, (0, moment.timestamp() - number))
    followed = follower(pair)
    followed.read()

    here = moment.astimezone()
    assert followed.news() == f"new connections get the certificate that `cert.pem` has since {here:%H:%M:%S}{bad}"


def test_one_that_has_expired(pair: Pair) -> None:
    """An expired certificate does not replace a good one, and does not keep a server from its start."""
    followed = follower(pair)
    followed.read()
    good = followed.latest
    write(pair, NOW.replace(hour=12) - dt.timedelta(days=301))

    told = f"`cert.pem` expired on {NOW - dt.timedelta(days=102):%Y-%m-%d}"
    assert [followed.read() for _ in range(4)] == [None, None, told, None]
    assert followed.latest is good
    first = follower(pair)
    assert (first.read(), first.latest is None) == (None, False)


def test_one_for_other_names(pair: Pair) -> None:
    """Names that the new certificate is not for are told, and those that it has below a star are not."""
    write(pair, hosts=("a.shop.test", "desk.test", "localhost"))
    followed = follower(pair)
    followed.read()
    for hosts, end in (
        (("*.shop.test", "localhost"), "; it is for *.shop.test, localhost, and no longer for desk.test"),
        (("*.shop.test", "localhost", "10.0.0.1"), ""),
    ):
        write(pair, hosts=hosts)
        assert followed.read() is None
        _, _, said = followed.news().partition(" has since ")
        assert said[len("00:00:00") :] == end


@pytest.fixture(autouse=True)
def _threads_may_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a thread end by `SystemExit`, which pytest would report."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)


class Turns:
    """Time that stands until the test has done something in it."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        self.acts = list(acts)
        self.slept: list[float] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def wait(self) -> None:
        """Wait for the end of the thread."""
        assert self._over.wait(20)
        assert self._thread is not None
        self._thread.join(20)

    def sleep(self, seconds: float) -> None:
        """Have the next thing happen; end the thread after the last."""
        self.slept.append(seconds)
        if not self.acts:
            self._thread = threading.current_thread()
            self._over.set()
            raise SystemExit
        self.acts.pop(0)()


def test_it_follows(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a second the files are looked at; news and problems are told, and new connections get what is new."""
    notes: list[str] = []
    turns = Turns(
        lambda: None,
        lambda: write(pair, key_type="ec384"),
        *[lambda: pair.key.write_bytes(b"garbage")],
        lambda: None,
        lambda: None,
        lambda: None,
    )
    monkeypatch.setattr(ssl_context, "time", turns)

    made = ssl_context.context(
        config(pair), context(pair), minimum="1.2", note=notes.append, stopping=lambda: pytest.fail("asked")
    )

    turns.wait()
    assert turns.slept == [1.0] * 7
    problem = "`cert.key` holds no private key in PEM form; the server goes on with what it has"
    assert [note.split(" has since ")[0] for note in notes] == [
        "new connections get the certificate that `cert.pem`",
        problem,
    ]
    connection = SimpleNamespace(context=made)
    choose: Any = made.sni_callback
    choose(connection, None, made)
    assert connection.context is not made
    assert isinstance(connection.context, ssl.SSLContext)


def test_it_waits_for_a_good_pair(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair that is bad from the beginning is told once and waited for, ten times a second, and then served."""
    good = pair.certificate.read_bytes()
    pair.certificate.write_bytes(b"garbage")
    notes: list[str] = []
    asked: list[str] = []
    nothing: Callable[[], None] = lambda: None  # noqa: E731
    turns = Turns(nothing, nothing, nothing, lambda: pair.certificate.write_bytes(good))
    monkeypatch.setattr(ssl_context, "time", turns)

    def stopping() -> bool:
        asked.append("stopping")
        return False

    made = ssl_context.context(config(pair), context(pair), minimum="1.3", note=notes.append, stopping=stopping)

    turns.wait()
    assert notes == ["`cert.pem` holds no certificate in PEM form; waiting for a good one"]
    assert (turns.slept, len(asked)) == ([0.1] * 4 + [1.0], 4)
    assert made.minimum_version is ssl.TLSVersion.TLSv1_3


def test_a_stop_while_it_waits(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop ends the waiting: nobody is served any more."""
    pair.certificate.write_bytes(b"garbage")
    monkeypatch.setattr(ssl_context, "time", Turns())

    made = ssl_context.context(config(pair), context(pair), minimum="1.2", note=lambda _: None, stopping=lambda: True)

    assert made.get_ca_certs() == []
    assert made.sni_callback is None

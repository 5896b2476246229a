"""`asgictl gen-cert --phone`, as users see it."""

import datetime as dt
import hashlib
import logging
import os
import re
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from asgictl.certs import authority, pairs
from asgictl.certs.files import Pair
from asgictl.certs.issue import Issuer
from asgictl.certs.names import Constraints
from asgictl.certs.pairs import Order
from asgictl.cli import app
from asgictl.cli.gen_cert import phone
from asgictl.console import Console
from asgictl.serving.sockets import lan
from asgictl.serving.tls import handout
from tests import answers
from tests.certs.test_offer import ALONE
from tests.conftest import Serve

pytestmark = pytest.mark.usefixtures("pair")

LOCAL = "localhost, *.dev.localhost, 127.0.0.1, ::1"
COMMAND = "asgictl gen-cert --trust --ca-permit 192.168.1.5/32 localhost '*.dev.localhost' 127.0.0.1 ::1 192.168.1.5"


# Has the only address of a machine without a network stand for one in it.
LOOPBACK = "import asgictl.serving.sockets.lan\nasgictl.serving.sockets.lan.every_address = lambda: ['127.0.0.1']"


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the addresses that this machine has in the test: it may change them. It has no name."""
    own = ["127.0.0.1"]
    monkeypatch.setattr(lan, "every_address", lambda: list(own))
    monkeypatch.setattr(lan, "name", lambda: None)
    return own


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch, signals: None) -> Iterator[None]:  # noqa: ARG001  # given back
    """Have the time be up at once; uvicorn's loggers have their levels back afterwards."""
    monkeypatch.setattr(handout, "LIMIT", 0.0)
    loggers = [logging.getLogger(f"uvicorn.{name}") for name in ("error", "access", "asgi")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


at_once = pytest.mark.usefixtures("_at_once")


def run(*arguments: str) -> Any:
    """Run `asgictl gen-cert --phone` in this process."""
    command = ["gen-cert", "--phone", *arguments]
    return CliRunner().invoke(app, command, prog_name="asgictl", catch_exceptions=False)


def lines(result: Any) -> tuple[int, str, list[str]]:
    """Return the exit status, stdout and the lines of stderr."""
    return result.exit_code, result.stdout, result.stderr.splitlines()


def fingerprint(folder: Path) -> str:
    """Return the fingerprint of the test's authority."""
    der = ssl.PEM_cert_to_DER_cert((folder / "authority/ca.pem").read_text())
    return hashlib.sha256(der).hexdigest()


def test_without_an_authority() -> None:
    """There has to be an authority, and what makes one is named."""
    assert lines(run()) == (
        4,
        "",
        [
            "error: you have no authority whose certificate a phone could install",
            "hint: `asgictl gen-cert --trust` makes one",
        ],
    )


@at_once
@pytest.mark.usefixtures("issuer")
def test_what_is_said(tmp_path: Path) -> None:
    """The terminal shows where the page is, its QR code, what to compare, and for whom the certificate is not."""
    status, stdout, said = lines(run())

    assert (status, stdout) == (3, "")
    pairs_of = re.findall("..", fingerprint(tmp_path).upper())
    rows, code, rest, last = said[:6], said[6:-4], said[-4:-2], said[-2:]
    assert rest == [
        "note: there is no `ssl/cert.pem` yet for your servers to show",
        "hint: `asgictl gen-cert --trust localhost '*.dev.localhost' 127.0.0.1 ::1` has your authority sign it",
    ]
    assert re.fullmatch(r"  Open     http://127\.0\.0\.1:\d+/[\w-]{22} on the phone", rows.pop(1))
    assert rows == [
        "",
        f"  SHA-256  {':'.join(pairs_of[:16])}",
        f"           {':'.join(pairs_of[16:])}",
        "  Until    a phone has it, or 0 minutes have passed; Ctrl-C ends it",
        "",
    ]
    assert {character for line in code for character in line} == set("█▀▄ ")
    assert last == [
        "error: no phone has downloaded the certificate within 0 minutes",
        "hint: see that it is in the network of 127.0.0.1, and that no firewall stops it; --host takes another address",
    ]


@at_once
@pytest.mark.usefixtures("issuer")
def test_without_segno(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what draws the code the page is there all the same, and what to install is said."""
    monkeypatch.setattr("asgictl.cli.qr.find_spec", lambda _: None)
    monkeypatch.setattr("asgictl.environment.installing", lambda package: f"install {package}")

    said = lines(run())[2]

    assert said[1].startswith("  Open     http://127.0.0.1:")
    assert said[6] == "hint: a QR code of it needs the package `segno`: install segno"
    assert not {character for line in said for character in line} & set("█▀▄")


def told(*arguments: str) -> list[str]:
    """Return what is said about the addresses, and about the certificate once the page is there."""
    said = lines(run(*arguments))[2]
    return [line for line in said if line.startswith(("note: ", "hint: ")) and not line.startswith("hint: see that it")]


@at_once
def test_what_the_certificate_is_for(
    tmp_path: Path, issuer: Issuer, pair: Pair, network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the certificate lacks for the phone is said, with the command; nothing where it lacks nothing."""
    now = dt.datetime.now(dt.UTC)
    hint = f"`{COMMAND}` make a new one, and a certificate for 192.168.1.5 too{ALONE}"

    def elsewhere(_console: Console, _host: str, root: handout.Root) -> handout.Handout:
        return handout.Handout("127.0.0.1", root, print, secret="x")

    monkeypatch.setattr(phone, "_handout", elsewhere)
    network[:] = ["192.168.1.5", "172.17.0.1"]

    pairs.new(pair, Order(), None, now)
    assert told() == [
        "note: this machine has other addresses, 172.17.0.1: pass --host for one of them",
        f"note: `ssl/cert.pem` is for {LOCAL}, but not signed by your authority: the phone refuses it",
        f"hint: your authority may not vouch for 192.168.1.5: `asgictl gen-cert --untrust` and then {hint}",
    ]
    pairs.new(pair, Order(), issuer, now, force=True)
    assert told("--host", "192.168.1.5") == [
        f"note: `ssl/cert.pem` is for {LOCAL}",
        f"hint: your authority may not vouch for 192.168.1.5: `asgictl gen-cert --untrust` and then {hint}",
    ]
    for file in (tmp_path / "authority").iterdir():
        file.unlink()
    wider = authority.make(tmp_path / "authority", Constraints().widened(["192.168.1.0/24"]), now)
    pairs.new(pair, Order(hosts=("192.168.1.5",)), wider, now, force=True)
    assert told("--host", "192.168.1.5") == ["note: `ssl/cert.pem` is for 192.168.1.5"]
    assert told("--host", "192.168.1.5", "--out", "certs") == [
        "note: there is no `certs/cert.pem` yet for your servers to show",
        f"hint: `{COMMAND.replace('--ca-permit 192.168.1.5/32', '--out certs')}` makes a certificate for 192.168.1.5"
        " too",
    ]
    with monkeypatch.context() as patched:
        patched.setattr("asgictl.certs.issue.ORGANIZATION", "Somebody")
        pairs.new(pair, Order(), None, now, force=True)
    assert told("--host", "192.168.1.5") == [
        f"note: `ssl/cert.pem` is for {LOCAL}, but not signed by your authority: the phone refuses it"
    ]


@at_once
@pytest.mark.usefixtures("issuer")
def test_a_certificate_that_cannot_be_read(network: list[str], pair: Pair) -> None:
    """What lies where the certificate should be keeps no phone from the authority's."""
    network[:] = ["192.168.1.5"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(phone, "_handout", lambda _console, _host, root: _elsewhere(root))
        pair.certificate.parent.mkdir()
        end = "your servers have no certificate to show the phone"
        pair.certificate.write_text("garbage")
        assert told() == [f"note: `ssl/cert.pem` holds no certificate in PEM form: {end}"]
        pair.certificate.unlink()
        makers: list[tuple[Callable[[], object], str]] = [
            (pair.certificate.mkdir, "`ssl/cert.pem` is not a file"),
            (lambda: os.mkfifo(pair.certificate), "`ssl/cert.pem` is not a file"),
            (lambda: pair.certificate.symlink_to("nowhere"), "there is no file `ssl/cert.pem`"),
        ]
        for make, problem in makers:
            make()
            assert told() == [f"note: {problem}: {end}"]
            pair.certificate.rmdir() if pair.certificate.is_dir() else pair.certificate.unlink()


def _elsewhere(root: handout.Root) -> handout.Handout:
    return handout.Handout("127.0.0.1", root, print, secret="x")


ADDRESSES = {
    "0.0.0.0": (
        2,
        "`0.0.0.0` is where to listen, not where to connect to",
        "name 127.0.0.1, ::1 or a real address",
    ),
    "localhost": (2, "`localhost` is not an address", "pass --host with an address of this machine, like 192.168.1.5"),
    "127.0.0.1": (
        2,
        "no phone reaches `127.0.0.1`, which is this machine to itself",
        "pass --host with an address of this machine, like 192.168.1.5",
    ),
    "::1": (
        2,
        "no phone reaches `::1`, which is this machine to itself",
        "pass --host with an address of this machine, like 192.168.1.5",
    ),
    "fe80::1%lo": (
        2,
        "`fe80::1%lo` has a zone, which is of this machine alone",
        "leave out what is behind the `%`",
    ),
    "198.51.100.77": (
        3,
        "this machine has no address 198.51.100.77",
        "pass --host with an address of this machine, like 192.168.1.5",
    ),
}


@at_once
@pytest.mark.usefixtures("issuer")
@pytest.mark.parametrize("host", ADDRESSES)
def test_addresses_that_are_refused(host: str, network: list[str]) -> None:
    """A phone needs an address of this machine in a network."""
    network[:] = ["192.168.1.5"]
    status, problem, hint = ADDRESSES[host]

    assert lines(run("--host", host)) == (status, "", [f"error: {problem}", f"hint: {hint}"])


@pytest.mark.usefixtures("issuer")
def test_without_a_network(network: list[str]) -> None:
    """A machine without a network cannot be reached by a phone."""
    network.clear()

    assert lines(run()) == (
        3,
        "",
        [
            "error: this machine has no address in a network",
            "hint: connect it to the phone's network, or pass --host with its address there",
        ],
    )


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["shop.test"], "`--phone` takes no names", "drop them"),
        (["--trust"], "`--trust` (command line) and `--phone` (command line) exclude each other", "drop one of them"),
        (["--check"], "`--check` (command line) and `--phone` (command line) exclude each other", "drop one of them"),
    ],
)
def test_misused(arguments: list[str], message: str, hint: str) -> None:
    """What means nothing with `--phone` is refused."""
    assert lines(run(*arguments)) == (2, "", [f"error: {message}", f"hint: {hint}"])


def test_an_address_alone() -> None:
    """`--host` is for `--phone`."""
    result = CliRunner().invoke(app, ["gen-cert", "--host", "127.0.0.1"], prog_name="asgictl", catch_exceptions=False)

    assert lines(result) == (2, "", ["error: `--host` needs --phone", "hint: add --phone, or drop it"])


@pytest.mark.usefixtures("issuer")
def test_for_real(tmp_path: Path, serve: Serve, hurried: Callable[[str], Path]) -> None:
    """A phone opens the page and downloads the certificate, whereupon the command ends; nobody else learns anything."""
    script = hurried(f"asgictl.serving.tls.handout.AGAIN = 0.0\n{LOOPBACK}")
    arguments = ("--phone", "--json")
    served = serve(*arguments, command="gen-cert", port=None, script=script)
    url = served.wait_for(r"http://127\.0\.0\.1:\d+/[\w-]{22}")[0]
    origin = url.rpartition("/")[0]

    assert httpx.get(f"{origin}/{'x' * 22}").status_code == 404
    assert httpx.get(url, headers={"host": "evil.test"}).status_code == 421
    page = httpx.get(url)
    (link,) = re.findall('href="(.*?)"', page.text)
    downloaded = httpx.get(f"{origin}{link}").content

    status, said = served.end()
    assert status == 0
    ca = tmp_path / "authority/ca.pem"
    assert downloaded == ssl.PEM_cert_to_DER_cert(ca.read_text())
    assert said[-2:] == [
        "note: 127.0.0.1 has opened the page",
        "note: 127.0.0.1 has downloaded the certificate; it can do so again for 0 s, Ctrl-C ends it",
    ]
    assert answers.result("\n".join(filter(None, served.access))) == {
        "ca": str(ca),
        "fingerprint": fingerprint(tmp_path),
        "url": url,
        "downloaded_by": "127.0.0.1",
        "names": [],
    }
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


@pytest.mark.usefixtures("issuer")
@pytest.mark.parametrize("downloads", [False, True])
def test_ctrl_c(serve: Serve, hurried: Callable[[str], Path], downloads: bool) -> None:
    """Ctrl-C ends it at once: with 130, or well if a phone has the certificate by then."""
    served = serve("--phone", command="gen-cert", port=None, script=hurried(LOOPBACK.partition("\n")[2]))
    url = served.wait_for(r"http://127\.0\.0\.1:\d+/[\w-]{22}")[0]
    if downloads:
        assert httpx.get(f"{url}/asgictl-ca.crt").status_code == 200

    served.ctrl_c()

    status, said = served.end(within=10)
    if downloads:
        assert (status, served.access[0]) == (0, "downloaded by 127.0.0.1")
    else:
        assert (status, said[-2:]) == (
            130,
            ["error: interrupted, and no phone has downloaded the certificate", "hint: run it again for another link"],
        )

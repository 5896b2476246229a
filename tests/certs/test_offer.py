"""The commands that are offered where a certificate is not for what the network calls this machine."""

import datetime as dt
import re
import shlex
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from asgictl.certs import authority, issue, names, offer, validity
from asgictl.certs.files import Pair
from asgictl.certs.names import Constraints
from asgictl.certs.stores import Found
from asgictl.cli import app

HOME, DESK = "192.168.1.5", "desk.local"
ALONE = (
    "; that lets your authority vouch for 192.168.1.5 alone; `--ca-permit 192.168.1.0/24` in its place, for that whole"
    " network, should the address change"
)
LOCAL = "localhost '*.dev.localhost' 127.0.0.1 ::1"

# What a certificate is for, what is wanted, what a present authority may vouch for besides the usual, and the offer.
OFFERS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...] | None, str | None]] = {
    "an address and a name": (
        names.LOCAL,
        (HOME, DESK),
        None,
        f"`asgictl gen-cert --trust --ca-permit 192.168.1.5/32 {LOCAL} {HOME} {DESK}` makes a certificate for"
        f" 192.168.1.5 and desk.local (if your network resolves it) too{ALONE}",
    ),
    "a name alone": (
        names.LOCAL,
        (DESK,),
        (),
        f"`asgictl gen-cert --trust {LOCAL} {DESK}` makes a certificate for desk.local (if your network resolves it)"
        " too",
    ),
    "an authority that may": (
        names.LOCAL,
        (HOME,),
        ("192.168.0.0/16",),
        f"`asgictl gen-cert --trust {LOCAL} {HOME}` makes a certificate for 192.168.1.5 too",
    ),
    "an authority that may not": (
        ("shop.corp.example", "127.0.0.1"),
        (HOME, DESK),
        ("corp.example", "10.0.0.0/8"),
        "your authority may not vouch for 192.168.1.5: `asgictl gen-cert --untrust` and then `asgictl gen-cert --trust"
        f" --ca-permit corp.example --ca-permit 10.0.0.0/8 --ca-permit 192.168.1.5/32 shop.corp.example 127.0.0.1"
        f" {HOME} {DESK}` make a new one, and a certificate for 192.168.1.5 and desk.local (if your network resolves"
        f" it) too{ALONE}",
    ),
    "addresses that do not change, and that do": (
        ("localhost",),
        ("8.8.8.8", "fd00::2", "fd00::3"),
        None,
        "`asgictl gen-cert --trust --ca-permit 8.8.8.8/32 --ca-permit fd00::2/128 --ca-permit fd00::3/128"
        " localhost 8.8.8.8 fd00::2 fd00::3`"
        " makes a certificate for 8.8.8.8 and fd00::2 and fd00::3 too; that lets your authority vouch for 8.8.8.8 and"
        " fd00::2 and fd00::3 alone; `--ca-permit fd00::/64` in its place, for that whole network, should the address"
        " change",
    ),
    "names that widen nothing": (
        ("www.bank.example", "localhost"),
        (HOME,),
        None,
        "`asgictl gen-cert --trust --force --ca-permit 192.168.1.5/32 localhost 192.168.1.5` makes a certificate for"
        f" 192.168.1.5 too, and no longer for www.bank.example, which your authority may not vouch for{ALONE}",
    ),
    "an address that is there already": (
        ("localhost", HOME, "10.0.0.7"),
        (HOME, DESK),
        (),
        "your authority may not vouch for 192.168.1.5: `asgictl gen-cert --untrust` and then `asgictl gen-cert --trust"
        " --force --ca-permit 192.168.1.5/32 localhost 192.168.1.5 desk.local` make a new one, and a certificate for"
        " desk.local (if your network resolves it) too, and no longer for 10.0.0.7, which your authority may not vouch"
        f" for{ALONE}",
    ),
    "all is there": ((*names.LOCAL, HOME, DESK), (HOME, DESK), None, None),
    "a wildcard": (("*.corp.test",), ("desk.corp.test",), None, None),
    "names that no certificate can have": (names.LOCAL, ("my desk.local", "DESK.local", "shop.example"), None, None),
}


def make(folder: Path, permits: tuple[str, ...] | None) -> None:
    """Make an authority for `permits` too, unless they are None."""
    if permits is not None:
        authority.make(folder, Constraints().widened(permits), dt.datetime.now(dt.UTC))


@pytest.mark.parametrize("case", OFFERS)
def test_offers(tmp_path: Path, case: str) -> None:
    """The offer is the whole command, which widens the authority for addresses of this machine alone."""
    known, wanted, permits, text = OFFERS[case]
    make(tmp_path / "authority", permits)

    assert offer.hint(known, wanted, tmp_path / "authority") == text


def test_elsewhere_and_unsigned(tmp_path: Path) -> None:
    """Files in other places are named, and a self-signed certificate is offered a signature, whoever it is for."""
    known, where = ("localhost", HOME), ["--out", "my certs"]

    text = offer.hint(known[:1], (), tmp_path, where, vouched=False)
    assert text == "`asgictl gen-cert --trust --out 'my certs' localhost` has your authority sign it"
    make(tmp_path, ())
    command = "asgictl gen-cert --trust --out 'my certs' --ca-permit 192.168.1.5/32 localhost 192.168.1.5"
    assert offer.hint(known, (HOME,), tmp_path, where, vouched=False) == (
        f"your authority may not vouch for 192.168.1.5: `asgictl gen-cert --untrust` and then `{command}`"
        f" make a new one, and have it sign this{ALONE}"
    )


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_an_authority_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    """A broken authority is told by the command that is offered, which stays the same."""
    (tmp_path / "ca.pem").write_bytes(content)

    assert offer.hint((), (DESK,), tmp_path) == offer.hint((), (DESK,), tmp_path / "none")


@pytest.mark.parametrize("case", [case for case in OFFERS if OFFERS[case][3]])
def test_the_offer_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pair: Pair, case: str) -> None:
    """Whoever runs what is offered has a certificate of the authority, for all that it says, and needs no other."""
    known, wanted, permits, text = OFFERS[case]
    folder = tmp_path / "authority"
    make(folder, permits)
    monkeypatch.setattr("asgictl.certs.stores.find", lambda *_: [Found()])
    run = CliRunner().invoke
    assert run(app, ["gen-cert", "--", *known], prog_name="asgictl", catch_exceptions=False).exit_code == 0

    for command in re.findall("`asgictl (.*?)`", text or ""):
        run(app, shlex.split(command), prog_name="asgictl", catch_exceptions=False)

    leaf, root = x509.load_pem_x509_certificates(pair.certificate.read_bytes())
    assert set(wanted) <= set(issue.hosts_of(leaf.extensions))
    assert root == validity.load((folder / "ca.pem").read_bytes(), "")[0]
    assert validity.fault(leaf, [root], dt.datetime.now(dt.UTC)) is None
    assert offer.hint(issue.hosts_of(leaf.extensions), wanted, folder) is None

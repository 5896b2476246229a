"""What the banner says where the certificate is not for what the network calls this machine."""

import datetime as dt
from pathlib import Path

import pytest

from asgictl.certs import names
from asgictl.certs.handshake import Certificate
from asgictl.cli.serve import banner
from asgictl.console import Console
from asgictl.serving import plan
from asgictl.serving.events import Ready
from asgictl.serving.request import ServeRequest
from asgictl.serving.sockets import lan
from asgictl.serving.tls import Secured, TlsRequest
from tests.certs.test_offer import ALONE
from tests.conftest import Serve

START = "`asgictl gen-cert --trust --ca-permit 192.168.1.5/32 localhost '*.dev.localhost' 127.0.0.1 ::1"
OFFER = f"hint: {START} 192.168.1.5` makes a certificate for 192.168.1.5 too{ALONE}"

# What the certificate is for, by whom, where it answers, the machine's name, and what is said: in the row, and below.
SAID: dict[str, tuple[tuple[str, ...], str, str | None, str | None, str, list[str]]] = {
    "not for the address": (
        names.LOCAL,
        "asgictl",
        "https://192.168.1.5:8000",
        None,
        "https://192.168.1.5:8000, which the certificate is not for",
        [OFFER],
    ),
    "not for the name": (
        ("192.168.1.5",),
        "asgictl",
        "https://192.168.1.5:8000",
        "desk.local",
        "https://192.168.1.5:8000",
        [
            "hint: `asgictl gen-cert --trust --ca-permit 192.168.1.5/32 192.168.1.5 desk.local` makes a certificate for"
            " desk.local (if your network resolves it) too"
            f"{ALONE}"
        ],
    ),
    "for both": (
        ("192.168.1.5", "*.corp.local"),
        "asgictl",
        "https://192.168.1.5:8000",
        "desk.corp.local",
        "https://192.168.1.5:8000",
        [],
    ),
    "of a name, by a wildcard": (
        ("*.dev.test",),
        "asgictl",
        "https://A.dev.test:8000",
        None,
        "https://A.dev.test:8000",
        [],
    ),
    "for an IPv6 address": (("fd00::5",), "asgictl", "https://[fd00::5]:8000", None, "https://[fd00::5]:8000", []),
    "somebody else's": (
        names.LOCAL,
        "mkcert development CA",
        "https://192.168.1.5:8000",
        "desk.local",
        "https://192.168.1.5:8000, which the certificate is not for",
        [],
    ),
    "no address that is known": (names.LOCAL, "asgictl", None, None, "every address of this machine", []),
}


def certificate(hosts: tuple[str, ...], organization: str) -> Certificate:
    """Return what a certificate for `hosts` says."""
    now = dt.datetime.now(dt.UTC)
    return Certificate(hosts, "", organization, self_signed=True, not_before=now, not_after=now, fingerprint="")


def told(folder: Path, ready: Ready, tls: TlsRequest, capsys: pytest.CaptureFixture[str]) -> tuple[str, list[str]]:
    """Return what the row of the network says, and the hints."""
    planned = plan.plan(ServeRequest(app="demo"), folder, {}, lambda _: None)._replace(tls=tls)
    banner.Banner(Console(), planned, banner.Style(browser=False, qr=False), started=0).ready(ready)
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    (row,) = (line.removeprefix("Network").strip() for line in lines if line.startswith("Network"))
    return row, [line for line in lines if line.startswith("hint: ")]


@pytest.mark.parametrize("case", SAID)
def test_what_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    """The command is offered for a certificate of asgictl's alone, and only where it lacks something."""
    hosts, organization, url, name, row, hints = SAID[case]
    monkeypatch.setattr(lan, "name", lambda: name)
    secured = Secured(certificate(hosts, organization), system=False, browsers=False, authority=tmp_path)
    ready = Ready("ASGI", "https://127.0.0.1:8000", url, loopback=False, tls=secured)

    assert told(tmp_path, ready, TlsRequest(), capsys) == (row, hints)


def test_files_that_the_user_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A certificate in files that the user has named is never written, so no command is offered for it."""
    monkeypatch.setattr(lan, "name", lambda: "desk.local")
    secured = Secured(certificate(names.LOCAL, "asgictl"), system=False, browsers=False, authority=tmp_path)
    ready = Ready("ASGI", "https://127.0.0.1:8000", "https://192.168.1.5:8000", loopback=False, tls=secured)

    row = "https://192.168.1.5:8000, which the certificate is not for"
    assert told(tmp_path, ready, TlsRequest(ssl_certfile="own.pem"), capsys) == (row, [])


def test_this_machine_only(serve: Serve) -> None:
    """A server on the loopback address offers nothing: its certificate is for it."""
    served = serve("demo", "--https")
    assert served.url
    assert [line for line in served.stop()[1] if line.startswith("hint:")] == []

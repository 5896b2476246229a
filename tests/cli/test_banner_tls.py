"""What the banner says of a certificate: how long it is good, for whom, and who trusts it, as far as that is known."""

import datetime as dt
from pathlib import Path

import pytest

from asgictl.certs.handshake import ORGANIZATION, Certificate
from asgictl.cli.serve import banner
from asgictl.console import Console
from asgictl.serving import plan
from asgictl.serving.events import Ready
from asgictl.serving.request import ServeRequest
from asgictl.serving.tls import Secured

NOW = dt.datetime.now(dt.UTC)


def certificate(*names: str, organization: str = ORGANIZATION) -> Certificate:
    """Return one that is good for 90 days."""
    end = NOW + dt.timedelta(days=89, hours=12)
    return Certificate(names, "x", organization, self_signed=True, not_before=NOW, not_after=end, fingerprint="")


def rows(ready: Ready, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return the rows of the banner."""
    planned = plan.plan(ServeRequest(app="demo"), folder, {}, lambda _: None)
    banner.Banner(Console(), planned, banner.Style(browser=False, qr=False), started=0).ready(ready)
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().err.splitlines()]
    return {line[0]: line[1] for line in lines if line}


# Who has made it, whether the system trusts it, whether browsers do, and what that comes to.
TRUST: list[tuple[str, bool | None, bool | None, str]] = [
    (ORGANIZATION, True, True, ", trusted by the system and by browsers"),
    (ORGANIZATION, True, False, ", trusted by the system, not by browsers"),
    (ORGANIZATION, False, True, ", trusted by browsers, not by the system"),
    (ORGANIZATION, False, False, ", trusted neither by the system nor by browsers: `asgictl gen-cert --trust`"),
    ("mkcert development CA", True, None, ", trusted by the system"),
    ("mkcert development CA", False, None, ", not trusted by the system"),
    ("mkcert development CA", None, None, ""),
]


@pytest.mark.parametrize(("organization", "system", "browsers", "said"), TRUST)
def test_who_trusts_it(  # the case, and what pytest gives
    organization: str,
    system: bool | None,
    browsers: bool | None,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of somebody else's certificate nothing is said of browsers, which were not asked."""
    seen = Secured(certificate("localhost", organization=organization), system, browsers, tmp_path)
    ready = Ready("ASGI", "https://127.0.0.1:80", None, loopback=True, tls=seen)

    assert rows(ready, tmp_path, capsys)["TLS"] == f"90 days left{said}"


@pytest.mark.parametrize(
    ("url", "covered"),
    [
        ("https://10.1.2.3:80", True),
        ("https://[fd00::1]:80", True),
        ("https://a_b.shop.test:80", True),
        ("https://10.1.2.4:80", False),
        ("https://[fd00::2]:80", False),
    ],
)
def test_whom_it_is_for(url: str, covered: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The address in the network is compared as clients do it, those of IPv6 and names below a star too."""
    seen = Secured(certificate("10.1.2.3", "fd00::1", "*.shop.test"), system=False, browsers=False, authority=tmp_path)
    ready = Ready("ASGI", "https://127.0.0.1:80", url, loopback=False, tls=seen)

    shown = rows(ready, tmp_path, capsys)["Network"]

    assert shown == (url if covered else f"{url}, which the certificate is not for")

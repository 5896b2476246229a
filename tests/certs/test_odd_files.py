"""Pipes and huge files in the place of those that asgictl reads: nobody waits for them, and nobody reads them whole."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asgictl.certs import stores, trust, version_control
from asgictl.certs.files import Pair
from asgictl.certs.handshake import is_trusted, look
from asgictl.certs.issue import Issuer
from asgictl.certs.stores import browsers, linux
from tests.conftest import finish

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no pipes in folders")

ONCE = "is a pipe, which can be read only once"
LARGE = "it is larger than 1000000 bytes"
COMMANDS = {
    "--check": ("gen-cert", "--check"),
    "--trust": ("gen-cert", "--trust", "--store", "nss"),
    "serve": ("serve", "demo", "--https", "--check", "--port", "0"),
}


def huge(file: Path) -> None:
    """Make a file that is larger than any memory, and takes no space."""
    file.touch()
    os.truncate(file, 6_000_000_000)


Make = Callable[[Path], None]


def odd(file: Path, make: Make) -> None:
    """Have what `make` makes in the place of a file."""
    file.unlink(missing_ok=True)
    make(file)


@pytest.mark.parametrize("make", [os.mkfifo, huge], ids=["pipe", "huge"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_certificate_that_is_no_file(pair: Pair, issuer: Issuer, make: Make, name: str) -> None:
    """Each command that reads the certificate refuses what is no such file, at once, and says what it is."""
    assert issuer
    assert finish("gen-cert")[0] == 0
    odd(pair.certificate, make)

    status, _, stderr = finish(*COMMANDS[name])

    reads_both = name in {"--check", "serve"}
    reason = ("cannot read `{}`: it is not a regular file", "cannot read `{}`: " + LARGE)[make is huge]
    if reads_both and make is not huge:
        reason = f"`{{}}` {ONCE}"
    problems = [line for line in stderr.splitlines() if line.startswith("error: ")]
    assert (status, problems[:1]) == (4, [f"error: {reason.format(pair.certificate)}"]), stderr


@pytest.mark.parametrize("make", [os.mkfifo, huge], ids=["pipe", "huge"])
def test_a_key_that_is_no_file(pair: Pair, make: Make) -> None:
    """Nor is the key read then: `--check` has a fault with its name, and `serve` does not start."""
    assert finish("gen-cert")[0] == 0
    odd(pair.key, make)
    reason = f"`{pair.key}` {ONCE}" if make is os.mkfifo else f"cannot read `{pair.key}`: {LARGE}"

    checked, served = finish(*COMMANDS["--check"]), finish(*COMMANDS["serve"])

    assert (checked[0], f"wrong        {reason}" in checked[1].splitlines()) == (1, True), checked
    assert (served[0], f"error: {reason}" in served[2].splitlines()) == (4, True), served


@pytest.mark.parametrize("make", [os.mkfifo, huge], ids=["pipe", "huge"])
def test_authorities_that_are_no_file(tmp_path: Path, make: Make) -> None:
    """The file of --client-ca may be larger than a certificate's, but not without an end."""
    make(tmp_path / "ca.pem")

    status, _, stderr = finish(*COMMANDS["serve"], "--client-ca", "ca.pem", folder=tmp_path)

    reason = f"`ca.pem` {ONCE}" if make is os.mkfifo else "cannot read `ca.pem`: it is larger than 64000000 bytes"
    assert (status, stderr.splitlines()[0]) == (4, f"error: {reason}"), stderr


@pytest.mark.parametrize("make", [os.mkfifo, huge], ids=["pipe", "huge"])
def test_what_is_the_authoritys(tmp_path: Path, pair: Pair, issuer: Issuer, make: Make) -> None:
    """Where its certificate is no file there is none, and a record that is none cannot be read."""
    assert issuer
    assert finish("gen-cert")[0] == 0
    folder = tmp_path / "authority"
    odd(folder / "ca.pem", make)
    assert trust.anchor(folder).der == b""
    assert not is_trusted(*pair, None, "localhost", folder / "ca.pem")
    odd(folder / "trust.json", make)

    status, _, stderr = finish("gen-cert", "--untrust")

    record = f"cannot read `{folder}/trust.json`, which says where your authority is trusted"
    assert (status, stderr.splitlines()[0]) == (4, f"error: {record}")


@pytest.mark.parametrize("make", [os.mkfifo, huge], ids=["pipe", "huge"])
def test_what_is_looked_at_besides(tmp_path: Path, make: Make) -> None:
    """Rules for git, a browser's list of profiles, and what lies in the system's store are passed over."""
    names = (".gitignore", ".mozilla/firefox/profiles.ini", "usr/local/share/ca-certificates/x.crt", "cert.pem")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        make(tmp_path / name)
    here = stores.Machine("linux", tmp_path, {}, shutil.which, tmp_path)

    assert not version_control.is_ignored(tmp_path / "cert.key")
    assert [spot for spot in browsers.spots(here) if ".mozilla" in str(spot.folder)] == []
    assert linux.SystemStore(linux.layouts(tmp_path)[0]).held(stores.run) == []
    assert look(tmp_path / "cert.pem", tmp_path / "cert.pem") is None

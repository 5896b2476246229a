"""A Firefox with a primary password: who has a terminal is asked for it, and nothing half done is left behind."""

import contextlib
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asgictl.certs import stores
from asgictl.certs.stores import Machine
from asgictl.cli import app
from tests.conftest import ASGICTL, needs

pytestmark = needs("certutil")

AS_ITS_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
QUESTION = b"Enter Password or Pin"


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A profile of Firefox with the primary password `secret`."""
    home = tmp_path / "home"
    folder = home / ".mozilla/firefox/a1.default"
    folder.mkdir(parents=True)
    (tmp_path / "password").write_text("secret\n")
    subprocess.run(["certutil", "-d", f"sql:{folder}", "-N", "-f", tmp_path / "password"], check=True)
    monkeypatch.chdir(tmp_path)
    here = Machine("linux", home, {}, {"certutil": "/usr/bin/certutil"}.get, tmp_path)
    monkeypatch.setattr(stores, "this_machine", lambda: here)
    return folder


def listed(profile: Path) -> list[str]:
    """Return what is in the profile's database, and the trust in it."""
    command = ["certutil", "-d", f"sql:{profile}", "-L"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [" ".join(line.split()) for line in shown.splitlines() if "asgictl" in line]


def run(*arguments: str) -> Any:
    """Run `asgictl gen-cert` for browsers, without a terminal."""
    command = ["gen-cert", "--store", "nss", *arguments]
    return CliRunner().invoke(app, command, prog_name="asgictl", catch_exceptions=False)


def without_chromium(tmp_path: Path) -> dict[str, str]:
    """Return an environment with that home, and with `certutil` alone on the PATH."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/certutil").symlink_to("/usr/bin/certutil")
    usual = {name: text for name, text in os.environ.items() if name not in {"XDG_CONFIG_HOME", "XDG_DATA_HOME"}}
    return {**usual, "NO_COLOR": "1", "HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin")}


class Terminal:
    """A terminal with a command in it."""

    def __init__(self, *command: str, env: dict[str, str]) -> None:
        self._primary, secondary = pty.openpty()
        words = [sys.executable, "-c", AS_ITS_TERMINAL, *command]
        self._process = subprocess.Popen(
            words, env=env, start_new_session=True, stdin=secondary, stdout=secondary, stderr=secondary
        )
        os.close(secondary)
        self._shown = b""

    def answer(self, text: str) -> None:
        """Type `text` once a password is asked for, and keys are not shown any more, within a minute."""
        deadline = time.monotonic() + 60
        while QUESTION not in self._shown or termios.tcgetattr(self._primary)[3] & termios.ECHO:
            assert time.monotonic() < deadline, self._shown
            if select.select([self._primary], [], [], 0.01)[0]:
                self._shown += os.read(self._primary, 65536)
        _, _, self._shown = self._shown.partition(QUESTION)
        os.write(self._primary, text.encode())

    def end(self) -> tuple[int, str]:
        """Return the status, and what was shown since the last answer."""
        with contextlib.suppress(OSError):  # the end, on Linux
            while part := os.read(self._primary, 65536):
                self._shown += part
        os.close(self._primary)
        return self._process.wait(timeout=60), self._shown.decode().replace("\r", "")


def test_it_is_asked_for(profile: Path, tmp_path: Path) -> None:
    """On a terminal it is asked for, again after a wrong one, and never shown; without it trust is taken back."""
    terminal = Terminal(str(ASGICTL), "gen-cert", "--store", "nss", "--trust", env=without_chromium(tmp_path))
    terminal.answer("wrong\n")
    terminal.answer("secret\n")

    status, shown = terminal.end()

    assert (status, "secret" in shown, "trusted by Firefox" in shown) == (0, False, True)
    (entry,) = listed(profile)
    assert entry.endswith(" C,,")
    assert run("--untrust").exit_code == 0
    assert listed(profile) == []


@pytest.mark.parametrize("give_up", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_it_is_not_given(profile: Path, tmp_path: Path, give_up: str) -> None:
    """Who does not know it can give up, and nothing is left."""
    terminal = Terminal(str(ASGICTL), "gen-cert", "--store", "nss", "--trust", env=without_chromium(tmp_path))
    terminal.answer(give_up)

    status, shown = terminal.end()

    assert (status, listed(profile)) == (130 if give_up == "\x03" else 4, [])
    last = [line for line in shown.splitlines() if line.startswith("error: ")][-1]
    assert (
        last
        == {
            "\x03": "error: interrupted; what needs no root is taken back, the rest recorded",
            "\x04": "error: Firefox (~/.mozilla/firefox/a1.default): it has a primary password, which was not given",
        }[give_up]
    )


def test_without_a_terminal(profile: Path, tmp_path: Path) -> None:
    """Without a terminal the reason and the command are said, and no entry without trust is left."""
    result = run("--trust")

    certutil = f"certutil -d sql:{profile}"
    name = result.stderr.partition(" -n ")[2].split()[0]
    assert (result.exit_code, result.stderr.splitlines()[-3:]) == (
        4,
        [
            f"note: for localhost, *.dev.localhost, 127.0.0.1, ::1, by your authority, until "
            f"{result.stderr.partition('until ')[2].splitlines()[0]}",
            "error: Firefox (~/.mozilla/firefox/a1.default): "
            "it has a primary password, and there is no terminal to ask for it",
            f"hint: see to that, or run `{certutil} -A -t C,, -n {name} -i {tmp_path}/authority/ca.pem`",
        ],
    )
    assert listed(profile) == []

"""The databases of Network Security Services: what Chromium and Firefox trust on Linux, whatever the system does."""

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl.certs.stores import Anchor, Found, Machine, Runner, SystemCommand, asked, same

_DATABASE = "cert9.db"
_MISSING = (
    "`certutil` is not there for browsers: install `libnss3-tools` (Debian), `nss-tools` (Fedora), or `nss` (Arch)"
)

# Programs that use the user's own database. The first one that is there makes one, and so may we before it.
_CHROMIUM = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "brave-browser",
    "microsoft-edge",
    "vivaldi",
    "opera",
)


class Database(NamedTuple):
    """One database, in a folder of its own."""

    folder: Path
    home: Path
    store: str = "nss"

    @property
    def path(self) -> str:
        """The folder."""
        return str(self.folder)

    def __str__(self) -> str:
        browser = "Firefox" if "firefox" in self.path.lower() else "Chromium"
        shown = f"~/{self.folder.relative_to(self.home)}" if self.folder.is_relative_to(self.home) else self.path
        return f"{browser} ({shown})"

    def install(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what adds the certificate, in a new database if there is none."""
        make = [
            SystemCommand(("mkdir", "-p", "-m", "0700", self.path)),
            SystemCommand(("touch", str(self._mark))),
            self._certutil("-N", "--empty-password"),
        ]
        add = self._certutil("-A", "-t", "C,,", "-n", anchor.name, "-i", str(anchor.file))
        return [add] if self.exists else [*make, add]

    def remove(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what removes the certificate."""
        return [self._certutil("-D", "-n", anchor.name)]

    def clean(self, anchor: Anchor, run: Runner) -> list[SystemCommand]:
        """Return what removes the database, if we have made it and it holds nothing else."""
        if not os.access(self._mark, os.F_OK) or (self.exists and not self._is_empty(anchor, run)):
            return []
        files = [str(self.folder / name) for name in (_DATABASE, "key4.db", "pkcs11.txt")]
        folders = [self.path, str(self.folder.parent)]
        return [
            SystemCommand(("rm", "-f", *files, str(self._mark))),
            SystemCommand(("rmdir", "--ignore-fail-on-non-empty", *folders)),
        ]

    def knows(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether a certificate of the name is in it."""
        return self.exists and asked(self._certutil("-L", "-n", anchor.name), run, "Could not find cert")

    def trusts(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether the certificate is in it, and trusted for servers."""
        if not self.exists:
            return False
        found = run(self._certutil("-L", "-n", anchor.name, "-a"))
        return same(anchor.pem, found.output) and not run(self._certutil("-V", "-u", "L", "-n", anchor.name)).status

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return os.path.exists(self.folder / _DATABASE)  # noqa: PTH110  # one that cannot be looked at is none

    @property
    def _mark(self) -> Path:
        """The mark of a database that we have made."""
        return self.folder / ".made-by-asgictl"

    def _is_empty(self, anchor: Anchor, run: Runner) -> bool:
        """Tell for sure that there are neither keys nor modules, nor certificates but ours."""
        listed, keys = run(self._certutil("-L")), run(self._certutil("-K"))
        try:
            modules = (self.folder / "pkcs11.txt").read_text(encoding="utf-8", errors="replace").count("library=")
        except OSError:
            return False
        # A line of a certificate ends with its trust flags.
        found = [line for line in listed.output.splitlines() if re.search(r"\s\w*,\w*,\w*\s*$", line)]
        others = [line for line in found if not line.startswith(anchor.name)]
        return not listed.status and "no keys found" in keys.output and modules == 1 and not others

    def _certutil(self, *arguments: str) -> SystemCommand:
        return SystemCommand(("certutil", "-d", f"sql:{self.path}", *arguments))


def find(machine: Machine) -> Found:
    """Return the databases of the user's browsers; on macOS and Windows browsers heed the system's store."""
    if machine.platform in {"darwin", "win32"}:
        return Found()
    databases = [Database(folder, machine.home) for folder in dict.fromkeys(_folders(machine))]
    if databases and machine.find("certutil") is None:
        return Found(missing=_MISSING)
    return Found(databases)


def place(path: str, machine: Machine) -> Database:
    """Return the database in `path`."""
    return Database(Path(path), machine.home)


def _folders(machine: Machine) -> Iterator[Path]:
    home = machine.home
    data = Path(machine.environ.get("XDG_DATA_HOME") or home / ".local/share")
    config = Path(machine.environ.get("XDG_CONFIG_HOME") or home / ".config")
    own = [home / ".pki/nssdb", data / "pki/nssdb"]  # Chromium from 146 on takes the second, if there is no first
    existing = [folder for folder in own if Database(folder, home).exists]
    yield from existing
    if not existing and any(map(machine.find, _CHROMIUM)):
        yield own[0]
    profiles = [
        (home, "snap/*/current/.pki/nssdb"),
        (home, ".var/app/*/.pki/nssdb"),
        (home, ".mozilla/firefox/*"),
        (config, "mozilla/firefox/*"),  # Firefox from 147 on
        (home, "snap/firefox/common/.mozilla/firefox/*"),
        (home, ".var/app/org.mozilla.firefox/.mozilla/firefox/*"),
        (home, ".var/app/org.mozilla.firefox/config/mozilla/firefox/*"),
    ]
    for top, pattern in profiles:
        found = glob.glob(f"{glob.escape(str(top))}/{pattern}/{_DATABASE}")  # noqa: PTH207  # which skips the unreadable
        yield from sorted(Path(file).parent for file in found)

"""The databases of Network Security Services: what Chromium and Firefox trust on Linux, whatever the system does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl.certs.stores import Anchor, Command, Found, Machine, Runner, same

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

    def install(self, anchor: Anchor) -> list[Command]:
        """Return what adds the certificate, in a new database if there is none."""
        new = (
            []
            if (self.folder / _DATABASE).exists()
            else [
                Command(("mkdir", "-p", "-m", "0700", self.path)),
                self._certutil("-N", "--empty-password"),
                Command(("touch", str(self._made))),
            ]
        )
        return [*new, self._certutil("-A", "-t", "C,,", "-n", anchor.name, "-i", str(anchor.file))]

    def remove(self, anchor: Anchor, run: Runner) -> list[Command]:
        """Return what removes the certificate, and the database if we made it and it holds nothing else."""
        commands = [self._certutil("-D", "-n", anchor.name)]
        if self._made.exists() and self._is_empty(anchor, run):
            commands.append(Command(("rm", "-r", self.path)))
            commands.append(Command(("rmdir", "--ignore-fail-on-non-empty", str(self.folder.parent))))
        return commands

    def knows(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether a certificate of the name is in it."""
        return (self.folder / _DATABASE).exists() and not run(self._certutil("-L", "-n", anchor.name)).status

    def trusts(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether the certificate is in it, and trusted for servers."""
        if not (self.folder / _DATABASE).exists():
            return False
        found = run(self._certutil("-L", "-n", anchor.name, "-a"))
        return same(anchor.pem, found.output) and not run(self._certutil("-V", "-u", "L", "-n", anchor.name)).status

    @property
    def _made(self) -> Path:
        """The mark of a database that we made."""
        return self.folder / ".made-by-asgictl"

    def _is_empty(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether there are neither keys nor certificates but ours; a line of those ends with trust flags."""
        lines = run(self._certutil("-L")).output.splitlines()
        others = [line for line in lines if re.search(r"\s\w*,\w*,\w*\s*$", line) and not line.startswith(anchor.name)]
        return not others and run(self._certutil("-K")).status != 0

    def _certutil(self, *arguments: str) -> Command:
        return Command(("certutil", "-d", f"sql:{self.path}", *arguments))


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
    existing = [folder for folder in own if (folder / _DATABASE).exists()]
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
        yield from sorted(file.parent for file in top.glob(f"{pattern}/{_DATABASE}"))

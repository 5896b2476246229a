"""The databases of Network Security Services: what Chromium and Firefox trust on Linux, whatever the system does."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl.certs.stores import Anchor, Found, Machine, Runner, SystemCommand, asked
from asgictl.certs.stores.held import Held, ders, is_asgictls

_DATABASE = "cert9.db"

# A line of `certutil -L`: a nickname, and the trust in it for servers, mail and code.
_ENTRY = re.compile(r"^(.*\S)\s+([a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*) *$", re.MULTILINE)
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
    shared: bool = False

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

    def remove(self, held: Held) -> list[SystemCommand]:
        """Return what removes a certificate."""
        return [self._certutil("-D", "-n", held.name)]

    def clean(self, gone: Sequence[Held], run: Runner) -> list[SystemCommand]:
        """Return what removes the database, if we have made it and it holds nothing else."""
        if not os.access(self._mark, os.F_OK) or (self.exists and not self._is_empty(gone, run)):
            return []
        files = [str(self.folder / name) for name in (_DATABASE, "key4.db", "pkcs11.txt")]
        folders = [self.path, str(self.folder.parent)]
        return [
            SystemCommand(("rm", "-f", *files, str(self._mark))),
            SystemCommand(("rmdir", "--ignore-fail-on-non-empty", *folders)),
        ]

    def held(self, run: Runner) -> list[Held]:
        """Return the authorities of asgictl's in it, each with its nickname."""
        return [it for it, _ in self._found(run)]

    def trusts(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether the certificate is in it, and trusted for servers."""
        return any(it.der == anchor.der and "C" in flags.partition(",")[0] for it, flags in self._found(run))

    def _found(self, run: Runner) -> list[tuple[Held, str]]:
        """Return the authorities of asgictl's, and the trust in each."""
        if not self.exists:
            return []
        listed = _ENTRY.findall(asked(self._certutil("-L"), run))
        # Firefox keeps hundreds that it has met, and trusts none of them.
        suspects = [(name, flags) for name, flags in listed if flags.strip(",") or "asgictl" in name]
        read = [(name, flags, asked(self._certutil("-L", "-n", name, "-a"), run)) for name, flags in suspects]
        return [(Held(name, der), flags) for name, flags, text in read for der in ders(text) if is_asgictls(der)]

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return os.path.exists(self.folder / _DATABASE)  # noqa: PTH110  # one that cannot be looked at is none

    @property
    def _mark(self) -> Path:
        """The mark of a database that we have made."""
        return self.folder / ".made-by-asgictl"

    def _is_empty(self, gone: Sequence[Held], run: Runner) -> bool:
        """Tell for sure that there are neither keys nor modules, nor certificates but those that will be `gone`."""
        listed, keys = run(self._certutil("-L")), run(self._certutil("-K"))
        try:
            modules = (self.folder / "pkcs11.txt").read_text(encoding="utf-8", errors="replace").count("library=")
        except OSError:
            return False
        others = {name for name, _ in _ENTRY.findall(listed.output)} - {it.name for it in gone}
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

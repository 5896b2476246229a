"""The databases of Network Security Services: what Chromium and Firefox trust on Linux, whatever the system does."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl import reading
from asgictl.certs.stores import Anchor, Found, Machine, Runner, SystemCommand, asked, browsers
from asgictl.certs.stores.held import Held, ders, is_asgictls

# A line of `certutil -L`: a nickname, and the trust in it for servers, mail and code.
_ENTRY = re.compile(r"^(.*\S)\s+([a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*) *$", re.MULTILINE)
_MISSING = (
    "`certutil` is not there for browsers: install `libnss3-tools` (Debian), `nss-tools` (Fedora), or `nss` (Arch)"
)
_TOR = "Tor Browser trusts nothing of the user's, and is left alone"


class Database(NamedTuple):
    """One database, in a folder of its own."""

    folder: Path
    home: Path
    browser: str
    store: str = "nss"
    shared: bool = False

    @property
    def path(self) -> str:
        """The folder."""
        return str(self.folder)

    def __str__(self) -> str:
        shown = f"~/{self.folder.relative_to(self.home)}" if self.folder.is_relative_to(self.home) else self.path
        return f"{self.browser} ({shown})"

    def install(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what adds the certificate, in a new database if there is none."""
        make = [
            SystemCommand(("mkdir", "-p", "-m", "0700", self.path)),
            SystemCommand(("touch", str(self._mark))),
            self._certutil("-N", "--empty-password"),
        ]
        add = self._certutil("-A", "-t", "C,,", "-n", anchor.name, "-i", str(anchor.file))
        add = add._replace(asks=self.exists)  # for the primary password, if there is one
        return [add] if self.exists else [*make, add]

    def remove(self, held: Held) -> list[SystemCommand]:
        """Return what removes a certificate."""
        return [self._certutil("-D", "-n", held.name)]

    def clean(self, gone: Sequence[Held], run: Runner) -> list[SystemCommand]:
        """Return what removes the database, if we have made it and it holds nothing else."""
        if not os.access(self._mark, os.F_OK) or (self.exists and not self._is_empty(gone, run)):
            return []
        files = [str(self.folder / name) for name in (browsers.DATABASE, "key4.db", "pkcs11.txt")]
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
        return browsers.has_database(self.folder)

    @property
    def _mark(self) -> Path:
        """The mark of a database that we have made."""
        return self.folder / ".made-by-asgictl"

    def _is_empty(self, gone: Sequence[Held], run: Runner) -> bool:
        """Tell for sure that there are neither keys nor modules, nor certificates but those that will be `gone`."""
        listed, keys = run(self._certutil("-L")), run(self._certutil("-K"))
        try:
            modules = reading.content(self.folder / "pkcs11.txt").count(b"library=")
        except OSError:
            return False
        others = {name for name, _ in _ENTRY.findall(listed.output)} - {it.name for it in gone}
        return not listed.status and "no keys found" in keys.output and modules == 1 and not others

    def _certutil(self, *arguments: str) -> SystemCommand:
        return SystemCommand(("certutil", "-d", f"sql:{self.path}", *arguments))


def find(machine: Machine) -> Found:
    """Return the databases of the user's browsers; on macOS and Windows browsers follow the system's store."""
    if machine.platform in {"darwin", "win32"}:
        return Found()
    spots = browsers.spots(machine)
    notes = [_TOR] if browsers.has_tor(machine) else []
    missing = None
    if unstarted := browsers.unstarted(machine, spots):
        verb, what = ("was", "it") if len(unstarted) == 1 else ("were", "each")
        text = f"{' and '.join(unstarted)} {verb} never started: start {what} once"
        if spots:
            notes.append(f"{text}, and run this again")
        else:
            missing = text
    if spots and machine.find("certutil") is None:
        missing = _MISSING
    return Found([Database(spot.folder, machine.home, spot.browser) for spot in spots], missing, notes)


def place(path: str, machine: Machine) -> Database:
    """Return the database in `path`."""
    names = {str(spot.folder): spot.browser for spot in browsers.spots(machine)}
    return Database(Path(path), machine.home, names.get(path, "a browser"))

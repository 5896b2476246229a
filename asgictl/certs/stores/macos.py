"""The login keychain of macOS: for this user alone, and without an administrator."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl.certs.stores import Anchor, Found, Machine, Runner, SystemCommand, asked
from asgictl.certs.stores.held import Held, ders, is_asgictls, sha1


class Keychain(NamedTuple):
    """A keychain file."""

    file: Path
    store: str = "system"
    shared: bool = False

    @property
    def path(self) -> str:
        """The file."""
        return str(self.file)

    def __str__(self) -> str:
        return "your login keychain"

    def install(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what adds the certificate; macOS asks the user for a password."""
        purpose = ("-r", "trustRoot", "-p", "basic", "-p", "ssl")
        return [SystemCommand(("security", "add-trusted-cert", *purpose, "-k", self.path, str(anchor.file)))]

    def remove(self, held: Held) -> list[SystemCommand]:
        """Return what removes a certificate, with the trust in it."""
        return [SystemCommand(("security", "delete-certificate", "-t", "-Z", sha1(held.der), self.path))]

    def clean(self, gone: Sequence[Held], run: Runner) -> list[SystemCommand]:  # noqa: ARG002  # as all stores
        """Return nothing: the place was there before."""
        return []

    def held(self, run: Runner) -> list[Held]:
        """Return the authorities of asgictl's in it, each with its SHA-1."""
        found = ders(asked(SystemCommand(("security", "find-certificate", "-a", "-p", self.path)), run))
        return [Held(sha1(der), der) for der in found if is_asgictls(der)]

    def trusts(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether macOS takes the certificate for a root of TLS servers."""
        words = ("verify-cert", "-c", str(anchor.file), "-p", "ssl", "-k", self.path)
        there = any(it.der == anchor.der for it in self.held(run))
        return there and not run(SystemCommand(("security", *words))).status


def find(machine: Machine) -> Found:
    """Return the user's keychain."""
    return Found([Keychain(machine.home / "Library/Keychains/login.keychain-db")])


def place(path: str, machine: Machine) -> Keychain:  # noqa: ARG001  # as all stores
    """Return the keychain in the file `path`."""
    return Keychain(Path(path))

"""The login keychain of macOS: for this user alone, and without an administrator."""

from pathlib import Path
from typing import NamedTuple

from asgictl.certs.stores import Anchor, Found, Machine, Runner, SystemCommand, UnknownError, told


class Keychain(NamedTuple):
    """A keychain file."""

    file: Path
    store: str = "system"

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

    def remove(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what removes the trust, and then the certificate."""
        return [
            SystemCommand(("security", "remove-trusted-cert", str(anchor.file))),
            SystemCommand(("security", "delete-certificate", "-Z", anchor.sha1, self.path)),
        ]

    def clean(self, anchor: Anchor, run: Runner) -> list[SystemCommand]:  # noqa: ARG002  # as all stores
        """Return nothing: the place was there before."""
        return []

    def knows(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether the certificate is in it."""
        command = SystemCommand(("security", "find-certificate", "-a", "-Z", self.path))
        result = run(command)
        if result.status:
            raise UnknownError(told(command, result))
        return anchor.sha1 in result.output

    def trusts(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether macOS takes the certificate for a root of TLS servers."""
        words = ("verify-cert", "-c", str(anchor.file), "-p", "ssl", "-k", self.path)
        return self.knows(anchor, run) and not run(SystemCommand(("security", *words))).status


def find(machine: Machine) -> Found:
    """Return the user's keychain."""
    return Found([Keychain(machine.home / "Library/Keychains/login.keychain-db")])


def place(path: str, machine: Machine) -> Keychain:  # noqa: ARG001  # as all stores
    """Return the keychain in the file `path`."""
    return Keychain(Path(path))

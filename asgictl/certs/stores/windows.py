"""The root store of the Windows user: for this user alone, and without an administrator."""

from typing import NamedTuple

from asgictl.certs.stores import Anchor, Found, Machine, Runner, SystemCommand, asked


class UserStore(NamedTuple):
    """A store of the current user, by name."""

    path: str = "Root"
    store: str = "system"

    def __str__(self) -> str:
        return "your Windows certificate store"

    def install(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what adds the certificate; Windows asks the user whether to."""
        return [self._certutil("-addstore", self.path, str(anchor.file))]

    def remove(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what removes the certificate, by its thumbprint: a serial number could be another's too."""
        return [self._certutil("-delstore", self.path, anchor.sha1)]

    def clean(self, anchor: Anchor, run: Runner) -> list[SystemCommand]:  # noqa: ARG002  # as all stores
        """Return nothing: the place was there before."""
        return []

    def knows(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether the certificate is in it."""
        return asked(self._certutil("-store", self.path, anchor.sha1), run, "80092004")  # CRYPT_E_NOT_FOUND

    def trusts(self, anchor: Anchor, run: Runner) -> bool:
        """Tell the same: what is in the root store is trusted."""
        return self.knows(anchor, run)

    def _certutil(self, *words: str) -> SystemCommand:
        return SystemCommand(("certutil.exe", "-user", *words))


def find(machine: Machine) -> Found:  # noqa: ARG001  # as all stores
    """Return the user's root store."""
    return Found([UserStore()])


def place(path: str, machine: Machine) -> UserStore:  # noqa: ARG001  # the same
    """Return the store called `path`."""
    return UserStore(path)

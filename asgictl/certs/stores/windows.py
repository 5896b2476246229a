"""The root store of the Windows user: for this user alone, and without an administrator."""

import base64
from collections.abc import Sequence
from typing import NamedTuple

from asgictl.certs.stores import Anchor, Found, Machine, Runner, SystemCommand, asked, told
from asgictl.certs.stores.held import Held, is_asgictls, sha1
from asgictl.errors import UnansweredError

_NOT_FOUND = "80092004"  # CRYPT_E_NOT_FOUND
_LIST = (
    "Get-ChildItem Cert:\\CurrentUser\\{} | Where-Object Subject -like '*asgictl local CA*'"
    " | ForEach-Object {{ [Convert]::ToBase64String($_.RawData) }}"
)


class UserStore(NamedTuple):
    """A store of the current user, by name."""

    path: str = "Root"
    store: str = "system"
    shared: bool = False
    certutil: str = "certutil.exe"
    powershell: str = "powershell.exe"

    def __str__(self) -> str:
        return "your Windows certificate store"

    def install(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what adds the certificate; Windows asks the user whether to."""
        return [self._certutil("-addstore", self.path, str(anchor.file))]

    def remove(self, held: Held) -> list[SystemCommand]:
        """Return what removes a certificate, by its thumbprint: a serial number could be another's too."""
        return [self._certutil("-delstore", self.path, sha1(held.der))]

    def clean(self, gone: Sequence[Held], run: Runner) -> list[SystemCommand]:  # noqa: ARG002  # as all stores
        """Return nothing: the place was there before."""
        return []

    def held(self, run: Runner) -> list[Held]:
        """Return the authorities of asgictl's in it, each with its thumbprint."""
        words = (self.powershell, "-NoProfile", "-NonInteractive", "-Command", _LIST.format(self.path))
        found = map(base64.b64decode, asked(SystemCommand(words), run).split())
        return [Held(sha1(der), der) for der in found if is_asgictls(der)]

    def trusts(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether the certificate is in it: what is in the root store is trusted."""
        command = self._certutil("-store", self.path, sha1(anchor.der))
        result = run(command)
        if result.status and _NOT_FOUND not in result.output:
            raise UnansweredError(told(command, result))
        return not result.status

    def _certutil(self, *words: str) -> SystemCommand:
        return SystemCommand((self.certutil, "-user", *words))


def find(machine: Machine) -> Found:  # noqa: ARG001  # as all stores
    """Return the user's root store."""
    return Found([UserStore()])


def place(path: str, machine: Machine) -> UserStore:  # noqa: ARG001  # the same
    """Return the store called `path`, which gets into a script; raise `KeyError` unless it is the one of `find`."""
    own = UserStore()
    if path != own.path:
        raise KeyError(path)
    return own

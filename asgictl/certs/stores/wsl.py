"""The root store of the Windows user, from the Linux inside of Windows (WSL): that of the browsers there."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl.certs.stores import Anchor, Found, Machine, Runner, SystemCommand, windows
from asgictl.certs.stores.held import Held
from asgictl.certs.stores.windows import UserStore
from asgictl.errors import UnansweredError

_SYSTEM = "mnt/c/Windows/System32"
_PROGRAMS = {"certutil.exe": _SYSTEM, "powershell.exe": f"{_SYSTEM}/WindowsPowerShell/v1.0"}
_YET = "Windows' browsers do not trust it until the command has run in Windows"


class WindowsStore(NamedTuple):
    """A store of the Windows user; `windows` is None where no program of Windows can be started."""

    windows: UserStore | None
    distribution: str
    path: str = "Root"
    store: str = "windows"
    shared: bool = False

    def __str__(self) -> str:
        return "Windows' certificate store"

    def install(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what adds the certificate; Windows asks the user whether to."""
        words = ("-user", "-addstore", self.path)
        if self.windows is None:
            return [SystemCommand(("certutil.exe", *words, self._in_windows(anchor.file)))]
        script = 'exec "$@" "$(wslpath -w "$0")"'
        return [SystemCommand(("sh", "-c", script, str(anchor.file), self.windows.certutil, *words))]

    def remove(self, held: Held) -> list[SystemCommand]:
        """Return what removes a certificate."""
        return (self.windows or UserStore()).remove(held)

    def clean(self, gone: Sequence[Held], run: Runner) -> list[SystemCommand]:  # noqa: ARG002  # as all stores
        """Return nothing: the place was there before."""
        return []

    def held(self, run: Runner) -> list[Held]:
        """Return the authorities of asgictl's in it."""
        return self._reached.held(run)

    def trusts(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether the certificate is in it."""
        return self._reached.trusts(anchor, run)

    @property
    def _reached(self) -> UserStore:
        if self.windows is None:
            raise UnansweredError("it cannot be looked at, because no program of Windows can be started from here")
        return self.windows

    def _in_windows(self, file: Path) -> str:
        """Return what Windows calls a file (learn.microsoft.com/windows/wsl/filesystems)."""
        if drive := re.fullmatch(r"/mnt/([a-z])(/.*)", str(file)):
            return f"{drive[1].upper()}:{drive[2]}".replace("/", "\\")
        return f"\\\\wsl.localhost\\{self.distribution}{file}".replace("/", "\\")


def is_here(machine: Machine) -> bool:
    """Tell whether this is WSL; a container on its kernel is not."""
    return bool(machine.environ.get("WSL_DISTRO_NAME")) or (machine.root / "run/WSL").exists()


def find(machine: Machine) -> Found:
    """Return the Windows user's root store, in WSL."""
    if not is_here(machine):
        return Found()
    found = place("Root", machine)
    return Found([found], notes=[] if found.windows else [_YET])


def place(path: str, machine: Machine) -> WindowsStore:
    """Return the store called `path`."""
    # https://learn.microsoft.com/windows/wsl/filesystems#disable-interoperability
    interop = machine.root / "proc/sys/fs/binfmt_misc"
    programs = [_program(name, machine) for name in _PROGRAMS]
    can_start = any((interop / name).exists() for name in ("WSLInterop", "WSLInterop-late"))
    own = windows.place(path, machine)._replace(certutil=programs[0], powershell=programs[1])
    distribution = machine.environ.get("WSL_DISTRO_NAME", "DISTRIBUTION")
    return WindowsStore(own if can_start and all(programs) else None, distribution, path)


def _program(name: str, machine: Machine) -> str:
    """Return where a program of Windows is, which is on the PATH unless that is switched off, or nothing."""
    usual = machine.root / _PROGRAMS[name] / name
    return machine.find(name) or (str(usual) if os.access(usual, os.F_OK) else "")

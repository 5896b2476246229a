"""Java's store. Java ignores name constraints, so this one is used only when it is asked for."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl.certs.stores import Anchor, Found, Machine, Runner, SystemCommand, asked
from asgictl.certs.stores.held import Held, ders, is_asgictls

_PASSWORD = "changeit"  # noqa: S105  # https://docs.oracle.com/en/java/javase/17/docs/specs/man/keytool.html
_MISSING = "no Java: set JAVA_HOME"


class KeyStore(NamedTuple):
    """The `cacerts` of one Java."""

    file: Path
    keytool: str
    store: str = "java"
    shared: bool = True

    @property
    def path(self) -> str:
        """The file."""
        return str(self.file)

    def __str__(self) -> str:
        return f"Java ({self.path})"

    def install(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what adds the certificate."""
        words = ("-importcert", "-noprompt", "-alias", anchor.name, "-file", str(anchor.file))
        return [self._keytool(*words, root=self._needs_root)]

    def remove(self, held: Held) -> list[SystemCommand]:
        """Return what removes a certificate."""
        return [self._keytool("-delete", "-alias", held.name, root=self._needs_root)]

    def clean(self, gone: Sequence[Held], run: Runner) -> list[SystemCommand]:  # noqa: ARG002  # as all stores
        """Return nothing: the place was there before."""
        return []

    def held(self, run: Runner) -> list[Held]:
        """Return the authorities of asgictl's in it, each with its alias."""
        if not self.file.exists():
            return []
        _, *entries = asked(self._keytool("-list", "-rfc"), run).split("Alias name: ")
        found = [(text.partition("\n")[0].strip(), der) for text in entries for der in ders(text)]
        return [Held(alias, der) for alias, der in found if is_asgictls(der)]

    def trusts(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether the certificate is in it."""
        return any(it.der == anchor.der for it in self.held(run))

    @property
    def _needs_root(self) -> bool:
        return not os.access(self.file, os.W_OK)

    def _keytool(self, *words: str, root: bool = False) -> SystemCommand:
        return SystemCommand((self.keytool, *words, "-keystore", self.path, "-storepass", _PASSWORD), root=root)


def find(machine: Machine) -> Found:
    """Return the store of the Java that JAVA_HOME names, or else of the one that is found."""
    home = _home(machine)
    if home is None:
        return Found(missing=_MISSING)
    file = home / "lib/security/cacerts"
    return Found([place(str(file.resolve()), machine)]) if file.exists() else Found(missing=f"{_MISSING}, not `{home}`")


def place(path: str, machine: Machine) -> KeyStore:
    """Return the store in the file `path`."""
    home = _home(machine)
    own = home / "bin/keytool" if home else None
    return KeyStore(Path(path), str(own) if own and own.exists() else machine.find("keytool") or "keytool")


def _home(machine: Machine) -> Path | None:
    if named := machine.environ.get("JAVA_HOME"):
        return Path(named)
    found = machine.find("java")
    return Path(found).resolve().parent.parent if found else None

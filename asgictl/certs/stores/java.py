"""Java's store. Java does not heed name constraints, so this one is used only when it is asked for."""

import os
from pathlib import Path
from typing import NamedTuple

from asgictl.certs.stores import Anchor, Found, Machine, Runner, SystemCommand, asked, same

_PASSWORD = "changeit"  # noqa: S105  # https://docs.oracle.com/en/java/javase/17/docs/specs/man/keytool.html
_MISSING = "no Java: set JAVA_HOME"


class KeyStore(NamedTuple):
    """The `cacerts` of one Java."""

    file: Path
    keytool: str
    store: str = "java"

    @property
    def path(self) -> str:
        """The file."""
        return str(self.file)

    def __str__(self) -> str:
        return f"Java ({self.path})"

    def install(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what adds the certificate."""
        words = ("-importcert", "-noprompt", "-alias", anchor.name, "-file", str(anchor.file))
        return [self._keytool(*words, root=not os.access(self.file, os.W_OK))]

    def remove(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what removes the certificate."""
        return [self._keytool("-delete", "-alias", anchor.name, root=not os.access(self.file, os.W_OK))]

    def clean(self, anchor: Anchor, run: Runner) -> list[SystemCommand]:  # noqa: ARG002  # as all stores
        """Return nothing: the place was there before."""
        return []

    def knows(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether a certificate of the name is in it."""
        return self.file.exists() and asked(self._keytool("-list", "-alias", anchor.name), run, "does not exist")

    def trusts(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether the certificate is in it."""
        return same(anchor.pem, run(self._keytool("-exportcert", "-rfc", "-alias", anchor.name)).output)

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

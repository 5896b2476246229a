"""The system's own store, in the four layouts that Linux has; curl, OpenSSL, Python, Go and wget use it."""

from pathlib import Path
from typing import NamedTuple

from asgictl.certs.stores import Anchor, Found, Machine, Runner, SystemCommand, same

_MISSING = "no system store: install the package `ca-certificates`"


class Layout(NamedTuple):
    """Where a distribution keeps what it trusts: the folder for additions, the whole, and how it is made of them."""

    name: str
    anchors: Path
    suffix: str
    bundle: Path
    refresh: tuple[str, ...]
    rebuild: tuple[str, ...]
    # Debian's Java store is kept by a hook, which is told only of what comes and goes.
    java_hook: Path | None = None
    links: Path | None = None


def layouts(root: Path) -> list[Layout]:
    """Return the layouts below `root`."""
    update, extract = ("update-ca-certificates",), ("update-ca-trust", "extract")
    compat = ("trust", "extract-compat")
    etc, usr = root / "etc", root / "usr"
    return [
        Layout(
            "Debian",
            usr / "local/share/ca-certificates",
            ".crt",
            etc / "ssl/certs/ca-certificates.crt",
            update,
            # Without --fresh the links to what is gone stay.
            (*update, "--fresh"),
            java_hook=etc / "ca-certificates/update.d/jks-keystore",
            links=etc / "ssl/certs",
        ),
        Layout(
            "Fedora",
            etc / "pki/ca-trust/source/anchors",
            ".pem",
            etc / "pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
            extract,
            extract,
        ),
        Layout(
            "Arch Linux",
            etc / "ca-certificates/trust-source/anchors",
            ".crt",
            etc / "ca-certificates/extracted/tls-ca-bundle.pem",
            compat,
            compat,
        ),
        Layout(
            "SUSE",
            usr / "share/pki/trust/anchors",
            ".pem",
            root / "var/lib/ca-certificates/ca-bundle.pem",
            update,
            update,
        ),
    ]


class SystemStore(NamedTuple):
    """The store of one layout."""

    layout: Layout
    store: str = "system"

    @property
    def path(self) -> str:
        """The folder for additions."""
        return str(self.layout.anchors)

    def __str__(self) -> str:
        return f"the system's store ({self.layout.name})"

    def install(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what adds the certificate."""
        return [
            SystemCommand(("install", "-m", "0644", str(anchor.file), str(self._file(anchor))), root=True),
            SystemCommand(self.layout.refresh, root=True),
        ]

    def remove(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what removes the certificate, and all that was made of it."""
        commands = [SystemCommand(("rm", "-f", str(self._file(anchor))), root=True)]
        hook = self.layout.java_hook
        if hook is not None and hook.exists():
            line = f"-{self.layout.links}/{anchor.name}.pem\n"
            commands.append(SystemCommand((str(hook),), root=True, input=line))
        return [*commands, SystemCommand(self.layout.rebuild, root=True)]

    def clean(self, anchor: Anchor, run: Runner) -> list[SystemCommand]:  # noqa: ARG002  # as all stores
        """Return nothing: the place was there before."""
        return []

    def knows(self, anchor: Anchor, run: Runner) -> bool:  # noqa: ARG002  # a look at the files tells
        """Tell whether the certificate lies there, or is in what was made."""
        return self._file(anchor).exists() or self._is_in_bundle(anchor)

    def trusts(self, anchor: Anchor, run: Runner) -> bool:  # noqa: ARG002  # the same
        """Tell whether the certificate is in what programs read."""
        return self._file(anchor).exists() and self._is_in_bundle(anchor)

    def _is_in_bundle(self, anchor: Anchor) -> bool:
        try:
            return same(anchor.pem, self.layout.bundle.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            return False

    def _file(self, anchor: Anchor) -> Path:
        return self.layout.anchors / f"{anchor.name}{self.layout.suffix}"


def find(machine: Machine) -> Found:
    """Return the store of the machine's layout."""
    for layout in layouts(machine.root):
        if layout.anchors.is_dir() and machine.find(layout.refresh[0]):
            return Found([SystemStore(layout)])
    return Found(missing=_MISSING)


def place(path: str, machine: Machine) -> SystemStore:
    """Return the store whose additions are in `path`."""
    return next(SystemStore(layout) for layout in layouts(machine.root) if str(layout.anchors) == path)

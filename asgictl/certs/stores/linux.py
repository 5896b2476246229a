"""The system's own store, in the four layouts that Linux has; curl, OpenSSL, Python, Go and wget use it."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl import reading
from asgictl.certs.stores import Anchor, Found, Machine, Runner, SystemCommand
from asgictl.certs.stores.held import Held, ders, is_asgictls, name

_MISSING = "no system store: install the package `ca-certificates`"
_DECLARED = "NixOS declares what it trusts: add `ca.pem` to `security.pki.certificateFiles`"

# All authorities of the world, some with their text; in bytes.
_BUNDLE_LIMIT = 64_000_000

# What Debian writes in the names of its links (/usr/sbin/update-ca-certificates, `add`).
_RENAMED = str.maketrans(" ,()", "__==")


class Layout(NamedTuple):
    """Where a distribution keeps what it trusts: the folder for additions, the whole, and how it is made of them."""

    name: str
    anchors: Path
    suffix: str
    bundle: Path
    refresh: tuple[str, ...]
    rebuild: tuple[str, ...]
    package: str = "ca-certificates"
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
            package="p11-kit",
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
    shared: bool = True

    @property
    def path(self) -> str:
        """The folder for additions."""
        return str(self.layout.anchors)

    def __str__(self) -> str:
        return f"the system's store ({self.layout.name})"

    def install(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what adds the certificate."""
        return [
            SystemCommand(("install", "-m", "0644", str(anchor.file), self._file(anchor.name)), root=True),
            SystemCommand(self.layout.refresh, root=True),
        ]

    def remove(self, held: Held) -> list[SystemCommand]:
        """Return what removes a certificate, and all that was made of it; nothing for a file with others in it."""
        if not held.alone:
            return []
        commands = [SystemCommand(("rm", "-f", held.name), root=True)]
        hook = self.layout.java_hook
        if hook is not None and hook.exists():
            line = f"-{self.layout.links}/{Path(held.name).stem.translate(_RENAMED)}.pem\n"
            commands.append(SystemCommand((str(hook),), root=True, input=line))
        return [*commands, SystemCommand(self.layout.rebuild, root=True)]

    def clean(self, gone: Sequence[Held], run: Runner) -> list[SystemCommand]:  # noqa: ARG002  # as all stores
        """Return nothing: the place was there before."""
        return []

    def held(self, run: Runner) -> list[Held]:  # noqa: ARG002  # a look at the files tells
        """Return the authorities of asgictl's in the folder, each with its file, and those in what was made."""
        found = [
            Held(str(file), der, alone=len(inside) == 1)
            for file, inside in self._files()
            for der in inside
            if is_asgictls(der)
        ]
        there = {it.der for it in found}
        made = [der for der in self._bundle() if is_asgictls(der) and der not in there]
        return [*found, *(Held(self._file(name(der)), der) for der in made)]

    def trusts(self, anchor: Anchor, run: Runner) -> bool:  # noqa: ARG002  # the same
        """Tell whether the certificate is in the folder, and in what programs read."""
        return any(anchor.der in inside for _, inside in self._files()) and anchor.der in self._bundle()

    def _files(self) -> Iterator[tuple[Path, list[bytes]]]:
        """Yield the files in the folder, and the certificates in each."""
        for file in sorted(self.layout.anchors.rglob("*")):
            with contextlib.suppress(OSError):  # a folder, or not for this user
                content = reading.content(file)
                yield file, list(ders(content.decode("latin-1"))) or [content]  # in PEM form, or in DER form

    def _bundle(self) -> list[bytes]:
        try:
            return list(ders(reading.content(self.layout.bundle, limit=_BUNDLE_LIMIT).decode("latin-1")))
        except OSError:
            return []

    def _file(self, name: str) -> str:
        return str(self.layout.anchors / f"{name}{self.layout.suffix}")


def find(machine: Machine) -> Found:
    """Return the store of the machine's layout."""
    there = [layout for layout in layouts(machine.root) if layout.anchors.is_dir()]
    for layout in there:
        if machine.find(layout.refresh[0]):
            return Found([_store(layout, machine)])
    if not there:
        return Found(missing=_DECLARED if (machine.root / "etc/NIXOS").exists() else _MISSING)
    missing = f"`{there[0].refresh[0]}` is not there: install the package `{there[0].package}`"
    return Found([_store(there[0], machine)], missing)


def place(path: str, machine: Machine) -> SystemStore:
    """Return the store whose additions are in `path`."""
    return next(_store(layout, machine) for layout in layouts(machine.root) if str(layout.anchors) == path)


def _store(layout: Layout, machine: Machine) -> SystemStore:
    """Return the store of a layout, with the whole path of its program, if that may not be on every PATH."""
    found = machine.find(layout.refresh[0]) or ""
    program = found if Path(found).parent.name == "sbin" else layout.refresh[0]
    refresh, rebuild = (program, *layout.refresh[1:]), (program, *layout.rebuild[1:])
    return SystemStore(layout._replace(refresh=refresh, rebuild=rebuild))

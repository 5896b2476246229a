"""Where certificates are trusted on a machine. One module for each kind of store, all with the same small interface.

A place says which commands have it trust an authority and forget it, so that they can be shown before they run.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Protocol

from asgictl import errors
from asgictl.certs.stores.held import Held, ders, name
from asgictl.errors import UnansweredError

# What stands in commands for a part of the name of an authority that is not made yet.
UNKNOWN = "XXXXXXXX"

# Where programs for root are, which Debian leaves out of the PATH of others, and `su` out of root's.
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")

# The most that a command may take, in seconds; rebuilding Debian's store takes two, Java's ten.
_LIMIT = 120


class Anchor(NamedTuple):
    """An authority that stores are to know: its certificate, in a file and as text, which is empty without one."""

    file: Path
    pem: str

    @property
    def der(self) -> bytes:
        """The certificate in DER form."""
        return next(ders(self.pem), b"")

    @property
    def name(self) -> str:
        """What to call it in stores: by its certificate, wherever that lies."""
        return name(self.der) if self.der else f"asgictl-{UNKNOWN}"


class SystemCommand(NamedTuple):
    """A command, as `root` or as the user, with what it gets on its standard input; it may ask for a password."""

    argv: tuple[str, ...]
    root: bool = False
    input: str | None = None
    asks: bool = False

    def __str__(self) -> str:
        if sys.platform == "win32" or self.argv[0].endswith(".exe"):  # for Windows, perhaps from WSL
            return subprocess.list2cmdline(self.argv)
        sudo = "sudo " if self.root and not _is_root() and shutil.which("sudo") else ""
        echo = f"echo {shlex.quote(self.input.rstrip())} | " if self.input is not None else ""
        return f"{echo}{sudo}{shlex.join(self.argv)}"


class Result(NamedTuple):
    """How a command has ended, and what it has printed."""

    status: int
    output: str


Runner = Callable[[SystemCommand], Result]


class Machine(NamedTuple):
    """What stores have to know of a machine; `find` returns the path of a program, `root` is where files begin."""

    platform: str
    home: Path
    environ: Mapping[str, str]
    find: Callable[[str], str | None]
    root: Path = Path("/")


class Place(Protocol):
    """One place in which an authority can be trusted."""

    @property
    def store(self) -> str:
        """The name of the kind of store, as --store takes it."""

    @property
    def path(self) -> str:
        """What tells this place from others of its kind."""

    @property
    def shared(self) -> bool:
        """Whether other users of the machine have it too."""

    def __str__(self) -> str:
        """Return what to call the place."""

    def install(self, anchor: Anchor) -> list[SystemCommand]:
        """Return what has the place trust `anchor`."""

    def remove(self, held: Held) -> list[SystemCommand]:
        """Return what has it forget an authority that it holds: nothing, where others would go with it."""

    def clean(self, gone: Sequence[Held], run: Runner) -> list[SystemCommand]:
        """Return what removes the place itself, if asgictl has made it, and only what will be `gone` is in it."""

    def held(self, run: Runner) -> list[Held]:
        """Return all authorities of asgictl's in the place, trusted or not; raise `UnansweredError`."""

    def trusts(self, anchor: Anchor, run: Runner) -> bool:
        """Tell whether the place trusts this very `anchor`; raise `UnansweredError`."""


class Found(NamedTuple):
    """The places of one kind, what is missing to use them, and what there is to say beside."""

    places: Sequence[Place] = ()
    missing: str | None = None
    notes: Sequence[str] = ()

    @property
    def usable(self) -> Sequence[Place]:
        """The places in which something can be changed."""
        return () if self.missing else self.places


NAMES = ("system", "nss", "windows", "java")
# Java ignores name constraints (measured with 17), so an authority gets there only when it is asked for.
USUAL = ("system", "nss", "windows")


def find(machine: Machine, names: Iterable[str]) -> list[Found]:
    """Return what there is of the stores called `names`."""
    return [_module(store, machine).find(machine) for store in names]


def place(store: str, path: str, machine: Machine) -> Place:
    """Return the place that a record names."""
    found: Place = _module(store, machine).place(path, machine)
    return found


def this_machine() -> Machine:
    """Return what stores have to know of this machine."""
    try:
        home = Path.home()
    except RuntimeError:  # a container's user without a name
        home = Path("/nonexistent")
    return Machine(sys.platform, home, os.environ, _program)


def wsl_is_here() -> bool:
    """Tell whether this is Linux inside of Windows."""
    from asgictl.certs.stores import wsl

    return wsl.is_here(this_machine())


def _program(name: str) -> str | None:
    """Return the path of a program, also of one for root."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(_SBIN))


def asked(command: SystemCommand, run: Runner) -> str:
    """Return what `command` prints; raise `UnansweredError` when it fails."""
    result = run(command)
    if result.status:
        raise UnansweredError(told(command, result))
    return result.output


def lacks_root(commands: Iterable[SystemCommand]) -> bool:
    """Tell whether some of `commands` need root, and the user has no sudo to become it, as often on Debian."""
    return not _is_root() and shutil.which("sudo") is None and any(command.root for command in commands)


def told(command: SystemCommand, result: Result) -> str:
    """Return how a command has failed."""
    if "SEC_ERROR_BAD_PASSWORD" in result.output:
        why = "which was not given" if sys.stderr.isatty() else "and there is no terminal to ask for it"
        return f"it has a primary password, {why}"
    lines = result.output.encode(errors="replace").decode().strip().splitlines()
    return f"`{command.argv[0]}` ended with {result.status}{f': {lines[-1]}' if lines else ''}"


def run(command: SystemCommand) -> Result:
    """Run `command`, with sudo where it needs root; return how it ended, 127 when it is not there."""
    argv = command.argv
    if command.root and not _is_root():
        # Without a terminal nobody could answer sudo's question.
        argv = ("sudo", *(() if sys.stderr.isatty() else ("-n",)), *argv)
    try:
        done = subprocess.run(  # noqa: S603  # fixed commands, which were shown
            argv,
            input=command.input,
            stdin=subprocess.DEVNULL if command.input is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="surrogateescape",  # names in stores are of any bytes
            timeout=_LIMIT,
            check=False,
            start_new_session=not (command.root or (command.asks and sys.stderr.isatty())),
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired as error:
        return Result(1, str(error))
    except OSError as error:
        # Which error it is depends on the last folder of PATH, which may be none, or not be looked into.
        if shutil.which(argv[0], mode=os.F_OK) is None:
            return Result(127, f"{argv[0]} is not installed")
        return Result(126, f"cannot run {argv[0]}: {errors.reason(error)}")
    return Result(done.returncode, done.stdout)


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _module(store: str, machine: Machine) -> ModuleType:
    from asgictl.certs.stores import java, linux, macos, nss, windows, wsl

    system = {"darwin": macos, "win32": windows}.get(machine.platform, linux)
    return {"system": system, "nss": nss, "windows": wsl, "java": java}[store]

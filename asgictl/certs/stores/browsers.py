"""Where the browsers of Linux keep what they trust: each user's Chromium in one database, Firefox in each profile."""

import contextlib
import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl import reading
from asgictl.certs.stores import Machine

DATABASE = "cert9.db"


class Browser(NamedTuple):
    """A browser by its programs, which snaps are called after, and its flatpaks.

    Firefox and its kin have profiles: in `old` below the home, in `new` below the folder for configuration.
    """

    name: str
    programs: tuple[str, ...]
    flatpaks: tuple[str, ...]
    old: str | None = None
    new: tuple[str, ...] = ()


_BROWSERS = (
    Browser(
        "Chromium",
        ("chromium", "chromium-browser"),
        ("org.chromium.Chromium", "io.github.ungoogled_software.ungoogled_chromium"),
    ),
    Browser(
        "Chrome",
        ("google-chrome", "google-chrome-stable", "google-chrome-beta", "google-chrome-unstable"),
        ("com.google.Chrome", "com.google.ChromeDev"),
    ),
    Browser("Brave", ("brave-browser", "brave-browser-stable", "brave"), ("com.brave.Browser",)),
    Browser("Edge", ("microsoft-edge", "microsoft-edge-stable", "microsoft-edge-dev"), ("com.microsoft.Edge",)),
    Browser("Vivaldi", ("vivaldi", "vivaldi-stable"), ("com.vivaldi.Vivaldi",)),
    Browser("Opera", ("opera",), ("com.opera.Opera",)),
    Browser(
        "Firefox",
        ("firefox", "firefox-esr", "firefox-developer-edition", "firefox-nightly"),
        ("org.mozilla.firefox",),
        ".mozilla/firefox",
        ("mozilla/firefox",),  # from 147 on
    ),
    Browser(
        "LibreWolf",
        ("librewolf",),
        ("io.gitlab.librewolf-community",),
        ".librewolf",
        ("librewolf", "librewolf/librewolf"),
    ),
    Browser("Zen", ("zen-browser",), ("app.zen_browser.zen",), ".zen", ("zen", "zen/zen")),
    Browser("Floorp", ("floorp",), ("one.ablaze.floorp",), ".floorp", ("floorp",)),
    Browser("Waterfox", ("waterfox",), ("net.waterfox.waterfox",), ".waterfox", ("waterfox",)),
)

_TOR = (".local/share/torbrowser", "tor-browser", ".var/app/org.torproject.torbrowser-launcher")

# What starts a sandbox: /snap/bin/NAME, which is a link to `snap`, or a script like Ubuntu's; and a flatpak's export.
_STARTS = re.compile(r"/snap/bin/([\w.-]+)|\bflatpak run\b.*?\s((?:[\w-]+\.){2,}[\w-]+)")
# A line of `profiles.ini` or `installs.ini` that names a profile; `Default=1` marks one.
_PROFILE = re.compile(rb"^[ \t]*(?:Path|Default)[ \t]*=[ \t]*([^\r\n\0]*[^\s\0])", re.IGNORECASE | re.MULTILINE)
_MANY_LINKS = 40  # Linux's own limit, MAXSYMLINKS


class Spot(NamedTuple):
    """A database's folder, the browsers that use it, and the sandbox that they run in, if any."""

    folder: Path
    browser: str
    sandbox: str


class _Home(NamedTuple):
    """Where programs of a sandbox, or without one, keep their files."""

    sandbox: str
    home: Path
    config: tuple[Path, ...]
    data: Path


def spots(machine: Machine) -> list[Spot]:
    """Return the databases of the user's browsers, and of one that is to be made before Chromium's first start."""
    found: dict[str, Spot] = {}
    for home in _homes(machine):
        for folder, browser in _databases(home, machine):
            found.setdefault(os.path.realpath(folder), Spot(folder, browser, home.sandbox))
    return list(found.values())


def unstarted(machine: Machine, known: Sequence[Spot]) -> list[str]:
    """Return the browsers that are here and have no database which could be made for them."""
    found = []
    for browser in _BROWSERS:
        for program in _programs(browser, machine):
            sandbox = _sandbox(program)
            if sandbox and not any(spot.sandbox == sandbox for spot in known):
                found.append(f"{browser.name} in its sandbox")
            elif not sandbox and browser.old and (browser.name, "") not in [spot[1:] for spot in known]:
                found.append(browser.name)
    return list(dict.fromkeys(found))


def has_tor(machine: Machine) -> bool:
    """Tell whether Tor Browser is here."""
    return any((machine.home / name).exists() for name in _TOR)


def _homes(machine: Machine) -> Iterator[_Home]:
    home, environ = machine.home, machine.environ
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    yield _Home("", home, (config,), Path(environ.get("XDG_DATA_HOME") or home / ".local/share"))
    tops = "snap", ".snap/data"  # the second with snapd's `experimental.hidden-snap-folder`
    for folder in (it for top in tops for name in ("current", "common") for it in _glob(home, f"{top}/*/{name}")):
        yield _Home(folder.parent.name, folder, (folder / ".config",), folder / ".local/share")
    for folder in _glob(home, ".var/app/*"):
        yield _Home(folder.name, folder, (folder / "config", folder / ".config"), folder / "data")


def _databases(home: _Home, machine: Machine) -> Iterator[tuple[Path, str]]:
    # Chromium from 146 on takes the second, unless the first is there, be it empty.
    places = home.home / ".pki/nssdb", home.data / "pki/nssdb"
    users = _users(home.sandbox, machine)
    existing = [folder for folder in places if has_database(folder)]
    for folder in existing:
        yield folder, users or home.sandbox or "other programs"
    if users and places[0] not in existing and (os.path.isdir(places[0]) or not (existing or home.sandbox)):  # noqa: PTH112  # which does not fail
        yield places[0], users
    for browser in _BROWSERS:
        tops = [*([home.home / browser.old] if browser.old else []), *(c / n for c in home.config for n in browser.new)]
        for top in tops:
            for folder in (*_registered(top), *_glob(top, "*"), *_glob(top, "Profiles/*")):
                if has_database(folder):
                    yield folder, browser.name


def has_database(folder: Path) -> bool:
    """Tell whether there is a database in a folder; one that cannot be looked at is none."""
    return os.path.exists(folder / DATABASE)  # noqa: PTH110  # which does not fail


def _users(sandbox: str, machine: Machine) -> str:
    """Return which of Chromium and its kin run in a sandbox, or without one."""
    kin = [browser for browser in _BROWSERS if not browser.old]
    if sandbox:
        return ", ".join(it.name for it in kin if sandbox in (*it.programs, *it.flatpaks))
    return ", ".join(it.name for it in kin if any(not _sandbox(program) for program in _programs(it, machine)))


def _registered(folder: Path) -> Iterator[Path]:
    """Yield the profiles that a Firefox knows of, wherever they are."""
    for name in ("profiles.ini", "installs.ini"):
        with contextlib.suppress(OSError):
            for value in _PROFILE.findall(reading.content(folder / name)):
                yield folder / os.fsdecode(value)


def _programs(browser: Browser, machine: Machine) -> Iterator[Path]:
    """Yield what starts a browser here."""
    yield from (Path(found) for name in browser.programs if (found := machine.find(name)))
    for top in (machine.root / "var/lib", machine.home / ".local/share"):
        for name in browser.flatpaks:
            if os.path.lexists(program := top / "flatpak/exports/bin" / name):
                yield program


def _sandbox(program: Path) -> str:
    """Return the snap or flatpak that a program starts, or nothing for one that runs without a sandbox."""
    for _ in range(_MANY_LINKS):
        if program.parent.parts[-2:] in {("snap", "bin"), ("exports", "bin")}:
            return program.name
        if not program.is_symlink():
            break
        program = program.parent / program.readlink()
    try:
        with program.open(encoding="latin-1") as file:
            found = _STARTS.search(file.read(4096))
    except OSError:
        return ""
    return found[1] or found[2] if found else ""


def _glob(top: Path, pattern: str) -> list[Path]:
    """Return what matches, in order, and nothing of what cannot be looked into."""
    return sorted(map(Path, glob.glob(f"{glob.escape(str(top))}/{pattern}")))  # noqa: PTH207  # which skips that

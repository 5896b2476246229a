"""The databases of all browsers are found, each called after who uses it, and who cannot be reached is named."""

from pathlib import Path

import pytest

from asgictl.certs.stores import Machine, browsers, nss


def machine(home: Path, *programs: str, environ: dict[str, str] | None = None) -> Machine:
    """Return a machine on which `programs` are there, each in a folder of its PATH."""
    there = {Path(name).name: str(home / name) for name in ("usr/bin/certutil", *programs)}
    return Machine("linux", home, environ or {}, there.get, home)


def database(home: Path, *folders: str) -> None:
    """Make what looks like a database in each folder."""
    for folder in folders:
        (home / folder).mkdir(parents=True)
        (home / folder / "cert9.db").touch()


def shown(here: Machine) -> list[str]:
    """Return the places that are found, as users see them."""
    return [str(place) for place in nss.find(here).places]


PLACES = {
    ".local/share/pki/nssdb": "other programs",
    "snap/chromium/current/.pki/nssdb": "Chromium",
    "snap/brave/current/.local/share/pki/nssdb": "Brave",
    "snap/opera/common/.pki/nssdb": "Opera",
    ".snap/data/chromium/current/.local/share/pki/nssdb": "Chromium",
    ".var/app/com.google.Chrome/.pki/nssdb": "Chrome",
    ".var/app/com.microsoft.Edge/data/pki/nssdb": "Edge",
    ".var/app/com.vivaldi.Vivaldi/data/pki/nssdb": "Vivaldi",
    ".var/app/io.github.ungoogled_software.ungoogled_chromium/data/pki/nssdb": "Chromium",
    ".var/app/com.slack.Slack/.pki/nssdb": "com.slack.Slack",
    ".mozilla/firefox/a1.default-esr": "Firefox",
    ".mozilla/firefox/Profiles/a2.work": "Firefox",
    ".config/mozilla/firefox/a3.dev-edition-default": "Firefox",
    "snap/firefox/common/.mozilla/firefox/a4.default": "Firefox",
    "snap/firefox/common/.config/mozilla/firefox/a5.default": "Firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox/a6.default": "Firefox",
    ".var/app/org.mozilla.firefox/config/mozilla/firefox/a7.default": "Firefox",
    ".librewolf/b1.default": "LibreWolf",
    ".config/librewolf/librewolf/b2.default": "LibreWolf",
    ".var/app/io.gitlab.librewolf-community/.librewolf/b3.default": "LibreWolf",
    ".zen/c1.Default (release)": "Zen",
    ".config/zen/c2.default": "Zen",
    ".var/app/app.zen_browser.zen/.zen/c3.default": "Zen",
    ".floorp/d1.default": "Floorp",
    ".var/app/one.ablaze.floorp/.floorp/d2.default": "Floorp",
    ".waterfox/e1.default": "Waterfox",
    ".var/app/net.waterfox.waterfox/.waterfox/e2.default": "Waterfox",
}


def test_all_places(tmp_path: Path) -> None:
    """Old and new places, of packages, snaps and flatpaks, are found, and called after their browser."""
    database(tmp_path, *PLACES)

    assert sorted(shown(machine(tmp_path))) == sorted(f"{name} (~/{folder})" for folder, name in PLACES.items())


def test_the_folders_that_variables_name(tmp_path: Path) -> None:
    """XDG_CONFIG_HOME and XDG_DATA_HOME are heeded, as browsers do."""
    database(tmp_path, "c/mozilla/firefox/x", "d/pki/nssdb", ".config/mozilla/firefox/y", ".local/share/pki/nssdb")
    environ = {"XDG_CONFIG_HOME": f"{tmp_path}/c", "XDG_DATA_HOME": f"{tmp_path}/d"}

    here = machine(tmp_path, "usr/bin/chromium", environ=environ)

    assert shown(here) == ["Chromium (~/d/pki/nssdb)", "Firefox (~/c/mozilla/firefox/x)"]


INI = """[Profile1]
Name=work
IsRelative=0
Path={top}/disk/work

[Profile0]
Name=default
IsRelative=1
Path=nested/deeper/a1.default
Default=1

[Install4F96D1932A9F858E]
Default={top}/disk/work
Locked=1
"""


@pytest.mark.parametrize(
    ("folder", "browser"), [(".mozilla/firefox", "Firefox"), (".var/app/app.zen_browser.zen/.zen", "Zen")]
)
def test_profiles_that_are_registered(tmp_path: Path, folder: str, browser: str) -> None:
    """Profiles are found where `profiles.ini` and `installs.ini` say, once each, however their path is spelt."""
    database(tmp_path, "disk/work", "disk/other", f"{folder}/nested/deeper/a1.default", f"{folder}/b2.plain")
    (tmp_path / "link").symlink_to("disk", target_is_directory=True)
    (tmp_path / folder / "profiles.ini").write_text(INI.format(top=tmp_path))
    (tmp_path / folder / "installs.ini").write_text(
        f"[4F96D1932A9F858E]\nDefault={tmp_path}/link/work\nLocked=1\n[B]\nDefault={tmp_path}/disk/other\n"
    )

    assert shown(machine(tmp_path)) == [
        f"{browser} (~/disk/work)",
        f"{browser} (~/{folder}/nested/deeper/a1.default)",
        f"{browser} (~/disk/other)",
        f"{browser} (~/{folder}/b2.plain)",
    ]


@pytest.mark.parametrize("content", [b"[", b"Path=x\n", b"\xff\xfe[Profile0]\nPath=\xff\n", b""])
def test_a_list_of_profiles_that_is_broken(tmp_path: Path, content: bytes) -> None:
    """A `profiles.ini` that cannot be understood hides no profile that lies in its usual place."""
    database(tmp_path, ".mozilla/firefox/a1.default")
    (tmp_path / ".mozilla/firefox/profiles.ini").write_bytes(content)

    assert shown(machine(tmp_path)) == ["Firefox (~/.mozilla/firefox/a1.default)"]


@pytest.mark.parametrize("line", ["garbage", "[", "Path", "=x", "[Profile0]\nPath=x", "\t", "\xff"])
def test_one_line_that_is_broken(tmp_path: Path, line: str) -> None:
    """One line that cannot be understood hides no profile that another one names, wherever that is."""
    database(tmp_path, "disk/work", "disk/other")
    (tmp_path / ".mozilla/firefox").mkdir(parents=True)
    ini = f"[Profile1]\r\nIsRelative=0\r\n{line}\r\nPath={tmp_path}/disk/work\r\n\r\n[Install1]\n"
    ini += f" default = {tmp_path}/disk/other \n;Path={tmp_path}\n"
    (tmp_path / ".mozilla/firefox/profiles.ini").write_bytes(ini.encode("latin-1"))

    assert shown(machine(tmp_path)) == ["Firefox (~/disk/work)", "Firefox (~/disk/other)"]


@pytest.mark.parametrize("there", ["", ".local/share/pki/nssdb"])
def test_an_empty_folder_for_the_common_database(tmp_path: Path, there: str) -> None:
    """Chromium looks into `~/.pki/nssdb` as soon as the folder is there, so that a database is made in it."""
    (tmp_path / ".pki/nssdb").mkdir(parents=True)
    database(tmp_path, *([there] if there else []))

    assert sorted(shown(machine(tmp_path, "usr/bin/chromium"))) == [
        *([f"Chromium (~/{there})"] if there else []),
        "Chromium (~/.pki/nssdb)",
    ]


def test_who_uses_the_common_database(tmp_path: Path) -> None:
    """All of Chromium's kin outside of sandboxes share one, which is made before the first start."""
    assert shown(machine(tmp_path)) == []
    here = machine(tmp_path, "usr/bin/chromium", "opt/google-chrome", "usr/bin/microsoft-edge", "bin/firefox")
    assert shown(here) == ["Chromium, Chrome, Edge (~/.pki/nssdb)"]
    database(tmp_path, ".pki/nssdb", ".local/share/pki/nssdb")
    assert shown(here) == [
        "Chromium, Chrome, Edge (~/.pki/nssdb)",
        "Chromium, Chrome, Edge (~/.local/share/pki/nssdb)",
    ]
    assert nss.place(f"{tmp_path}/.pki/nssdb", here) in nss.find(here).places
    assert str(nss.place("/gone", here)) == "a browser (/gone)"


def snap_link(home: Path, name: str) -> None:
    """Put a snap on the PATH, as snapd does."""
    (home / "snap/bin").mkdir(parents=True)
    (home / "snap/bin" / name).symlink_to("/usr/bin/snap")
    (home / "usr/bin").mkdir(parents=True)
    (home / "usr/bin" / name).symlink_to(f"../../snap/bin/{name}")


def snap_script(home: Path, name: str) -> None:
    """Have a package start a snap, as on Ubuntu."""
    (home / "usr/bin").mkdir(parents=True)
    (home / "usr/bin" / name).write_text(f'#!/bin/sh\nexec /snap/bin/{name} "$@"\n')


@pytest.mark.parametrize("install", [snap_link, snap_script])
@pytest.mark.parametrize(("program", "browser"), [("chromium", "Chromium"), ("brave", "Brave"), ("firefox", "Firefox")])
def test_a_snap_that_was_never_started(tmp_path: Path, install: object, program: str, browser: str) -> None:
    """A snap cannot read what lies outside; until its first start it is named, and nothing is made for it."""
    assert callable(install)
    install(tmp_path, program)
    here = machine(tmp_path, f"usr/bin/{program}")

    found = nss.find(here)

    asked = f"{browser} in its sandbox was never started: start it once"
    assert (list(found.places), found.missing, list(found.notes)) == ([], asked, [])
    database(tmp_path, ".pki/nssdb")
    found = nss.find(here)
    assert shown(here) == ["other programs (~/.pki/nssdb)"]
    assert (found.missing, list(found.notes)) == (None, [f"{asked}, and run this again"])
    database(
        tmp_path,
        f"snap/{program}/common/.mozilla/firefox/a" if program == "firefox" else f"snap/{program}/current/.pki/nssdb",
    )
    assert nss.find(here).notes == []


def test_flatpaks_that_were_never_started(tmp_path: Path) -> None:
    """A flatpak counts as here by its export, whether or not that is on the PATH, or started by a script."""
    exports = tmp_path / "var/lib/flatpak/exports/bin"
    exports.mkdir(parents=True)
    (exports / "com.google.Chrome").touch()
    (tmp_path / ".local/share/flatpak/exports/bin").mkdir(parents=True)
    (tmp_path / ".local/share/flatpak/exports/bin/app.zen_browser.zen").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/brave").write_text("#!/bin/sh\nexec flatpak run --branch=stable com.brave.Browser @@u %U\n")

    found = nss.find(machine(tmp_path, "bin/brave"))

    assert found.missing == (
        "Chrome in its sandbox and Brave in its sandbox and Zen in its sandbox were never started: start each once"
    )


def test_firefox_that_was_never_started(tmp_path: Path) -> None:
    """A Firefox without a profile is named, while Chromium's database is made."""
    found = nss.find(machine(tmp_path, "usr/bin/firefox-esr", "usr/bin/chromium"))

    assert [str(place) for place in found.usable] == ["Chromium (~/.pki/nssdb)"]
    assert found.notes == ["Firefox was never started: start it once, and run this again"]


def test_tor_browser(tmp_path: Path) -> None:
    """Tor Browser is left alone, which is said."""
    database(tmp_path, "tor-browser/Browser/TorBrowser/Data/Browser/profile.default")

    found = nss.find(machine(tmp_path))

    assert (list(found.places), found.notes) == ([], ["Tor Browser trusts nothing of the user's, and is left alone"])


def test_links_that_go_round(tmp_path: Path) -> None:
    """A program that is a link to itself is no sandbox, and no reason to wait."""
    (tmp_path / "chromium").symlink_to("chromium")

    assert browsers.unstarted(machine(tmp_path, "chromium"), []) == []


def test_without_certutil(tmp_path: Path) -> None:
    """Without `certutil` the databases are known, and cannot be used."""
    database(tmp_path, ".pki/nssdb")
    found = nss.find(Machine("linux", tmp_path, {}, lambda _: None, tmp_path))

    assert (len(found.places), found.usable, "certutil" in str(found.missing)) == (1, (), True)

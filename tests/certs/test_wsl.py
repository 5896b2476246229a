"""In WSL the browsers are Windows' own: its store is told by Windows' programs, or what to run there is said."""

import base64
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asgictl.certs import stores, trust
from asgictl.certs.issue import Issuer
from asgictl.certs.stores import Machine, SystemCommand, wsl
from asgictl.certs.stores.held import Held, sha1
from asgictl.cli import app
from asgictl.errors import FileProblemError
from tests.conftest import needs

# Windows' programs, with a folder for the store: they know certificates by their SHA-1, as Windows does.
CERTUTIL = r"""#!/bin/sh
store=${0%/*}/../store
thumbprint() { openssl x509 -in "$1" -noout -fingerprint -sha1 | cut -d= -f2 | tr -d :; }
case "$1 $2 $3" in
"-user -addstore Root") cp "$4" "$store/$(thumbprint "$4")" ;;
"-user -delstore Root") rm "$store/$4" ;;
"-user -store Root") test -f "$store/$4" || { echo "CertUtil: FAILED: 0x80092004 (CRYPT_E_NOT_FOUND)"; exit 4; } ;;
*) exit 1 ;;
esac
"""
POWERSHELL = r"""#!/bin/sh
case "$4" in *CurrentUser\\Root*) ;; *) exit 1 ;; esac
for file in "${0%/*}"/../store/*; do
  test -f "$file" && grep -v -e ----- "$file" | tr -d '\n' && printf '\r\n'
done
exit 0
"""
WSLPATH = """#!/bin/sh
test "$1" = -w && echo "$2"
"""


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """WSL, with Windows' programs on the PATH; return the folder that stands for Windows' store."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (tmp_path / "store").mkdir()
    for name, text in (("certutil.exe", CERTUTIL), ("powershell.exe", POWERSHELL), ("wslpath", WSLPATH)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "proc/sys/fs/binfmt_misc").mkdir(parents=True)
    (tmp_path / "proc/sys/fs/binfmt_misc/WSLInterop").touch()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    use(monkeypatch, tmp_path, {"WSL_DISTRO_NAME": "Debian"})
    return tmp_path / "store"


def use(monkeypatch: pytest.MonkeyPatch, root: Path, environ: dict[str, str]) -> Machine:
    """Have this be a machine with Windows' programs on its PATH, if they are there."""
    there = {name: str(root / "programs" / name) for name in ("certutil.exe", "powershell.exe")}
    find = {name: path for name, path in there.items() if Path(path).exists()}.get
    here = Machine("linux", root / "home", environ, find, root)
    monkeypatch.setattr(stores, "this_machine", lambda: here)
    return here


def run(*arguments: str) -> tuple[int, list[str], list[str]]:
    """Run `asgictl gen-cert`; return the status, and the lines of both streams."""
    command = ["gen-cert", *arguments]
    result: Any = CliRunner().invoke(app, command, prog_name="asgictl", catch_exceptions=False)
    return result.exit_code, result.stdout.splitlines(), result.stderr.splitlines()


@needs("openssl")
def test_windows_store(windows: Path, tmp_path: Path) -> None:
    """Windows' store is told of the authority by its path there, and forgets it by its fingerprint, also without it."""
    file = tmp_path / "authority/ca.pem"
    certutil = tmp_path / "programs/certutil.exe"
    status, _, said = run("--trust", "--store", "windows")

    thumbprint = sha1(trust.anchor(file.parent).der)
    words = ("sh", "-c", 'exec "$@" "$(wslpath -w "$0")"', str(file), str(certutil), "-user", "-addstore", "Root")
    assert (status, [it.name for it in windows.iterdir()]) == (0, [thumbprint])
    assert f"note: running {shlex.join(words)}" in said
    assert "note: trusted by Windows' certificate store" in said
    assert trust.recorded(file.parent) == [("windows", "Root")]
    file.unlink()

    status, out, said = run("--untrust")

    assert (status, out) == (0, ["removed from Windows' certificate store"])
    assert f"note: running {certutil} -user -delstore Root {thumbprint}" in said
    assert list(windows.iterdir()) == []


@needs("openssl")
@pytest.mark.parametrize("name", ["Program Files (x86)", "a'b", 'a"b', "$(touch was-run)", "`touch was-run`;x"])
def test_where_windows_programs_are(windows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A folder on the PATH may be called anything: a blank does not end it, and nothing in it is run."""
    (tmp_path / "programs").rename(tmp_path / name)
    (tmp_path / "programs").symlink_to(name)
    there = {each: str(tmp_path / name / each) for each in ("certutil.exe", "powershell.exe")}
    here = Machine("linux", tmp_path / "home", {"WSL_DISTRO_NAME": "Debian"}, there.get, tmp_path)
    monkeypatch.setattr(stores, "this_machine", lambda: here)

    status, _, said = run("--trust", "--store", "windows")

    assert (status, "note: trusted by Windows' certificate store" in said) == (0, True), said
    assert run("--untrust")[:2] == (0, ["removed from Windows' certificate store"])
    assert (list(windows.iterdir()), (tmp_path / "was-run").exists()) == ([], False)


@pytest.mark.parametrize("path", ["Root; touch was-run", "My", "Root' | Remove-Item *", "$(touch was-run)"])
@pytest.mark.parametrize(("platform", "store"), [("linux", "windows"), ("win32", "system")])
def test_a_recorded_place_that_asgictl_never_uses(tmp_path: Path, path: str, platform: str, store: str) -> None:
    """A record with another store's name in it cannot be used, for the name gets into a script of PowerShell's."""
    (tmp_path / "trust.json").write_text(json.dumps([{"store": store, "place": path}]))

    with pytest.raises(FileProblemError) as caught:
        trust.recorded_places(tmp_path, Machine(platform, tmp_path, {}, lambda name: f"/bin/{name}"))

    assert caught.value.message == f"cannot read `{tmp_path}/trust.json`, which says where your authority is trusted"


def test_programs_that_are_not_on_the_path(
    windows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, issuer: Issuer
) -> None:
    """Windows' programs are found where they are, also when WSL leaves them out of the PATH, or by `sudo -i`."""
    assert issuer
    system = tmp_path / "mnt/c/Windows/System32"
    (system / "WindowsPowerShell/v1.0").mkdir(parents=True)
    (system / "certutil.exe").touch()
    (system / "WindowsPowerShell/v1.0/powershell.exe").touch()
    (windows.parent / "programs").rename(tmp_path / "elsewhere")
    (tmp_path / "run/WSL").mkdir(parents=True)
    here = use(monkeypatch, tmp_path, {})

    (place,) = stores.find(here, ["windows"])[0].usable

    assert str(system / "certutil.exe") in str(place.install(trust.anchor(tmp_path / "authority"))[0])


@pytest.mark.parametrize(
    ("folder", "seen"),
    [("/home/me/ca", r"\\wsl.localhost\Debian\home\me\ca\ca.pem"), ("/mnt/c/Users/me", r"C:\Users\me\ca.pem")],
)
def test_windows_that_cannot_be_reached(
    windows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, seen: str
) -> None:
    """Where Windows' programs cannot be started, what to run in Windows is printed, and nothing is claimed."""
    (tmp_path / "proc/sys/fs/binfmt_misc/WSLInterop").unlink()
    problem = "it cannot be looked at, because no program of Windows can be started from here"

    status, _, said = run("--trust", "--store", "windows")

    assert (status, said[-3]) == (4, "note: Windows' browsers do not trust it until the command has run in Windows")
    assert said[-2] == f"error: Windows' certificate store: {problem}"
    assert "trusted by" not in "".join(said)
    assert list(windows.iterdir()) == []
    here = use(monkeypatch, tmp_path, {"WSL_DISTRO_NAME": "Debian"})
    (place,) = stores.find(here, ["windows"])[0].places
    (command,) = place.install(trust.anchor(Path(folder)))
    assert str(command) == f"certutil.exe -user -addstore Root {seen}"
    assert str(*place.remove(Held("x", b"y"))) == f"certutil.exe -user -delstore Root {sha1(b'y')}"


def test_it_is_usual_in_wsl_alone(windows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container on WSL's kernel is not WSL; there, and elsewhere, the store is refused by name."""
    assert windows
    assert [place.store for kind in stores.find(stores.this_machine(), stores.USUAL) for place in kind.places] == [
        "windows"
    ]
    (tmp_path / "proc/version").write_text("Linux version 5.15.0-microsoft-standard-WSL2")
    here = use(monkeypatch, tmp_path, {})

    assert (wsl.is_here(here), stores.find(here, ["windows"])[0].places) == (False, ())
    assert run("--trust", "--store", "windows") == (
        2,
        [],
        [
            "error: the store `windows` is that of Windows around WSL, and this is not WSL",
            "hint: choose --store system for the system's own",
        ],
    )


def test_certificates_of_others(windows: Path, tmp_path: Path, issuer: Issuer) -> None:
    """What PowerShell lists is told apart by what it says, with the ends of lines that Windows writes."""
    assert windows
    assert issuer
    anchor = trust.anchor(tmp_path / "authority")
    (place,) = stores.find(stores.this_machine(), ["windows"])[0].places
    listed = "\r\n".join(base64.b64encode(der).decode() for der in (b"asgictl local CA (x)", anchor.der))

    def answer(command: SystemCommand) -> stores.Result:
        assert command.argv[0].endswith("powershell.exe")
        return stores.Result(0, listed)

    assert place.held(answer) == [Held(sha1(anchor.der), anchor.der)]

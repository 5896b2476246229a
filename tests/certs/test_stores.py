"""Each store has the commands that make it trust an authority and forget it, and they do what they should."""

import base64
import datetime as dt
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from asgictl.certs import issue, keys, stores, trust
from asgictl.certs.issue import Issuer
from asgictl.certs.stores import (
    Anchor,
    Machine,
    Place,
    Result,
    SystemCommand,
    java,
    linux,
    macos,
    nss,
    windows,
)
from asgictl.certs.stores.held import Held, ders, sha1
from asgictl.certs.trust import Outcome
from asgictl.errors import UnansweredError
from tests.conftest import needs


@pytest.fixture
def anchor(tmp_path: Path, issuer: Issuer) -> Anchor:
    """The authority, as stores know it."""
    assert issuer
    return trust.anchor(tmp_path / "authority")


def as_held(anchor: Anchor, name: str | None = None) -> Held:
    """Return the authority as a store has it."""
    return Held(name or anchor.name, anchor.der)


def machine(home: Path, platform: str = "linux", environ: dict[str, str] | None = None, programs: str = "") -> Machine:
    """Return a machine on which only `programs` are there."""
    there = programs.split()
    return Machine(platform, home, environ or {}, lambda name: f"{home}/bin/{name}" if name in there else None, home)


def lines(commands: list[SystemCommand]) -> list[str]:
    """Return commands as they are shown, and whether they need root."""
    return [f"{'root: ' if it.root else ''}{str(it).replace('sudo ', '')}" for it in commands]


def concerned(anchor: Anchor, folder: Path, here: Machine) -> list[Place]:
    """Return where the authority may be trusted."""
    return [it.place for it in trust.search(anchor, folder, here, stores.run) if it.is_concerned]


class Recorder:
    """Runs nothing, and answers with what it is told to by the second word of a command."""

    def __init__(self, **answers: Result) -> None:
        self.answers = answers
        self.commands: list[SystemCommand] = []

    def __call__(self, command: SystemCommand) -> Result:
        """Take note of a command."""
        self.commands.append(command)
        return self.answers.get(command.argv[1].lstrip("-").replace("-", "_"), Result(0, ""))


def test_macos(tmp_path: Path, anchor: Anchor) -> None:
    """On macOS the login keychain is used, without an administrator."""
    (place,) = stores.find(machine(tmp_path, "darwin"), ["system"])[0].places
    keychain = tmp_path / "Library/Keychains/login.keychain-db"
    run = Recorder(find_certificate=Result(0, anchor.pem + other_certificate().decode()))

    assert lines(place.install(anchor)) == [
        f"security add-trusted-cert -r trustRoot -p basic -p ssl -k {keychain} {anchor.file}"
    ]
    assert place.held(run) == [as_held(anchor, sha1(anchor.der))]
    assert lines(place.remove(as_held(anchor))) == [f"security delete-certificate -t -Z {sha1(anchor.der)} {keychain}"]
    run.commands.clear()
    assert place.trusts(anchor, run)
    assert lines(run.commands) == [
        f"security find-certificate -a -p {keychain}",
        f"security verify-cert -c {anchor.file} -p ssl -k {keychain}",
    ]
    assert place.held(Recorder()) == []
    assert stores.place("system", place.path, machine(tmp_path, "darwin")) == place
    assert stores.find(machine(tmp_path, "darwin", programs="chromium"), ["nss"])[0].places == ()
    assert isinstance(place, macos.Keychain)


def test_windows(tmp_path: Path, anchor: Anchor) -> None:
    """On Windows the user's root store is used, and cleared by thumbprint."""
    (place,) = stores.find(machine(tmp_path, "win32"), ["system"])[0].places
    run = Recorder()

    assert lines(place.install(anchor)) == [f"certutil.exe -user -addstore Root {anchor.file}"]
    assert lines(place.remove(as_held(anchor))) == [f"certutil.exe -user -delstore Root {sha1(anchor.der)}"]
    assert place.trusts(anchor, run)
    assert lines(run.commands) == [f"certutil.exe -user -store Root {sha1(anchor.der)}"]
    listed = "\r\n".join(base64.b64encode(der).decode() for der in (anchor.der, *ders(other_certificate().decode())))
    assert place.held(Recorder(NoProfile=Result(0, listed))) == [as_held(anchor, sha1(anchor.der))]
    assert not place.trusts(anchor, Recorder(user=Result(4, "CertUtil: -store: 0x80092004 (CRYPT_E_NOT_FOUND)")))
    assert stores.place("system", place.path, machine(tmp_path, "win32")) == place
    assert isinstance(place, windows.UserStore)


LAYOUTS = [
    (
        "usr/local/share/ca-certificates",
        "update-ca-certificates",
        "{home}/usr/local/share/ca-certificates/{name}.crt",
        "update-ca-certificates",
        "update-ca-certificates --fresh",
    ),
    (
        "etc/pki/ca-trust/source/anchors",
        "update-ca-trust",
        "{home}/etc/pki/ca-trust/source/anchors/{name}.pem",
        "update-ca-trust extract",
        "update-ca-trust extract",
    ),
    (
        "etc/ca-certificates/trust-source/anchors",
        "trust",
        "{home}/etc/ca-certificates/trust-source/anchors/{name}.crt",
        "trust extract-compat",
        "trust extract-compat",
    ),
    (
        "usr/share/pki/trust/anchors",
        "update-ca-certificates",
        "{home}/usr/share/pki/trust/anchors/{name}.pem",
        "update-ca-certificates",
        "update-ca-certificates",
    ),
]


@pytest.mark.parametrize(
    ("folder", "program", "file", "refresh", "rebuild"), LAYOUTS, ids=["Debian", "Fedora", "Arch", "SUSE"]
)
def test_linux(
    tmp_path: Path, anchor: Anchor, folder: str, program: str, file: str, refresh: str, rebuild: str
) -> None:
    """Each of the four layouts is recognised, and has its own folder and commands."""
    (tmp_path / folder).mkdir(parents=True)
    here = machine(tmp_path, programs=program)
    (place,) = stores.find(here, ["system"])[0].places
    target = file.format(home=tmp_path, name=anchor.name)

    assert lines(place.install(anchor)) == [f"root: install -m 0644 {anchor.file} {target}", f"root: {refresh}"]
    assert lines(place.remove(as_held(anchor, target))) == [f"root: rm -f {target}", f"root: {rebuild}"]
    assert stores.place("system", place.path, here) == place


MISSING = [
    ([], "no system store: install the package `ca-certificates`"),
    (["etc/NIXOS"], "NixOS declares what it trusts: add `ca.pem` to `security.pki.certificateFiles`"),
    ([LAYOUTS[0][0]], "`update-ca-certificates` is not there: install the package `ca-certificates`"),
    ([LAYOUTS[1][0]], "`update-ca-trust` is not there: install the package `ca-certificates`"),
    ([LAYOUTS[2][0]], "`trust` is not there: install the package `p11-kit`"),
    ([LAYOUTS[3][0]], "`update-ca-certificates` is not there: install the package `ca-certificates`"),
]


@pytest.mark.parametrize(("there", "missing"), MISSING, ids=["none", "NixOS", "Debian", "Fedora", "Arch", "SUSE"])
def test_linux_without_a_store(tmp_path: Path, there: list[str], missing: str) -> None:
    """A system without a store, or its program, says what to install."""
    for folder in there:
        (tmp_path / folder).mkdir(parents=True)

    (found,) = stores.find(machine(tmp_path), ["system"])

    assert (found.missing, found.usable) == (missing, ())


@pytest.mark.parametrize("layout", LAYOUTS, ids=["Debian", "Fedora", "Arch", "SUSE"])
def test_programs_for_root(
    tmp_path: Path, anchor: Anchor, monkeypatch: pytest.MonkeyPatch, layout: tuple[str, str, str, str, str]
) -> None:
    """A program that is not on the user's PATH, as on Debian, is found in `sbin`, and run by its whole path."""
    folder, program, file, refresh, rebuild = layout
    (tmp_path / folder).mkdir(parents=True)
    sbin = tmp_path / "usr/sbin"
    sbin.mkdir(parents=True)
    (sbin / program).touch(mode=0o755)
    monkeypatch.setattr(stores, "_SBIN", (str(sbin),))
    monkeypatch.setenv("PATH", str(tmp_path))
    here = stores.this_machine()._replace(platform="linux", root=tmp_path)

    (place,) = stores.find(here, ["system"])[0].usable

    target = file.format(home=tmp_path, name=anchor.name)
    assert lines(place.install(anchor)) == [f"root: install -m 0644 {anchor.file} {target}", f"root: {sbin}/{refresh}"]
    assert lines(place.remove(as_held(anchor, target)))[1:] == [f"root: {sbin}/{rebuild}"]
    assert stores.place("system", place.path, here) == place


def other_certificate() -> bytes:
    """Return a certificate that has nothing to do with asgictl's authority."""
    key = keys.generate("ec256")
    return issue.server(["localhost"], key, dt.timedelta(days=9), dt.datetime.now(dt.UTC)).pem()


def debian(root: Path) -> linux.SystemStore:
    """Return Debian's store in folders below `root`, which needs no rights."""
    local, etc = root / "local", root / "etc"
    for folder in (local, etc, root / "hooks", root / "none"):
        folder.mkdir()
    (root / "conf").write_text("")
    (local / "other.crt").write_bytes(other_certificate())
    (layout, *_) = linux.layouts(root)
    words = ["--localcertsdir", "--etccertsdir", "--hooksdir", "--certsdir", "--certsconf"]
    places = [local, etc, root / "hooks", root / "none", root / "conf"]
    update = ("update-ca-certificates", *(str(it) for pair in zip(words, places, strict=True) for it in pair))
    bundle = etc / "ca-certificates.crt"
    layout = layout._replace(anchors=local, bundle=bundle, refresh=update, rebuild=(*update, "--fresh"))
    return linux.SystemStore(layout)


def run_here(command: SystemCommand) -> Result:
    """Run a command without becoming root."""
    done = subprocess.run(command.argv, input=command.input, capture_output=True, text=True, check=False)
    return Result(done.returncode, done.stdout + done.stderr)


@needs("update-ca-certificates", "openssl")
def test_debian_for_real(tmp_path: Path, anchor: Anchor) -> None:
    """The system's own program adds the authority and removes it; OpenSSL trusts it only meanwhile."""
    store = debian(tmp_path)
    folder = tmp_path / "authority"
    shown: list[SystemCommand] = []

    outcomes = trust.install(anchor, [store], run_here, shown.append, folder)

    assert outcomes == [Outcome(store, None, store.install(anchor))]
    assert shown == store.install(anchor)
    assert trust.recorded(folder) == [("system", str(tmp_path / "local"))]
    assert openssl(tmp_path / "etc", anchor.file) == "OK"
    assert trust.install(anchor, [store], run_here, shown.append, folder) == [Outcome(store, None, [])]

    outcomes = trust.remove(anchor, [store], run_here, shown.append, folder)

    assert (outcomes[0].problem, trust.recorded(folder)) == (None, [])
    assert [file.name for file in (tmp_path / "local").iterdir()] == ["other.crt"]
    left = {file.name for file in (tmp_path / "etc").iterdir()}
    assert (left - {"ca-certificates.crt", "other.pem"}).pop().endswith(".0")
    assert len(left) == 3
    assert anchor.der not in ders((tmp_path / "etc/ca-certificates.crt").read_text())
    assert openssl(tmp_path / "etc", anchor.file) != "OK"


def openssl(folder: Path, certificate: Path) -> str:
    """Return OpenSSL's verdict on a certificate with the trusted ones in `folder`."""
    command = ["openssl", "verify", "-no-CAfile", "-no-CAstore", "-CApath", str(folder), str(certificate)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().rpartition(": ")[2]


def test_javas_hook_is_told(tmp_path: Path, anchor: Anchor) -> None:
    """Debian's copy for Java hears of what goes, before the store is made anew; without that Java goes on trusting."""
    (tmp_path / "usr/local/share/ca-certificates").mkdir(parents=True)
    hook = tmp_path / "etc/ca-certificates/update.d/jks-keystore"
    hook.parent.mkdir(parents=True)
    hook.touch()
    (place,) = stores.find(machine(tmp_path, programs="update-ca-certificates"), ["system"])[0].places

    assert lines(place.remove(as_held(anchor, "/x/our ca (1).crt")))[1:] == [
        f"root: echo -{tmp_path}/etc/ssl/certs/our_ca_=1=.pem | {hook}",
        "root: update-ca-certificates --fresh",
    ]


def firefox_profile(home: Path) -> Path:
    """Return a profile with an empty database."""
    folder = home / ".mozilla/firefox/a1.default"
    folder.mkdir(parents=True)
    subprocess.run(["certutil", "-d", f"sql:{folder}", "-N", "--empty-password"], check=True)
    return folder


@needs("certutil")
def test_nss_for_real(tmp_path: Path, anchor: Anchor) -> None:
    """The authority gets into the browsers' databases, and out of them without a trace."""
    profile = firefox_profile(tmp_path)
    here = machine(tmp_path, programs="certutil chromium")
    places = nss.find(here).places
    folder = tmp_path / "authority"
    assert [str(it) for it in places] == ["Chromium (~/.pki/nssdb)", "Firefox (~/.mozilla/firefox/a1.default)"]
    assert not any(it.trusts(anchor, stores.run) for it in places)

    outcomes = trust.install(anchor, places, stores.run, lambda _: None, folder)

    assert [it.problem for it in outcomes] == [None, None]
    assert all(it.trusts(anchor, stores.run) for it in places)
    assert concerned(anchor, folder, here) == places

    outcomes = trust.remove(anchor, places, stores.run, lambda _: None, folder)

    assert [it.problem for it in outcomes] == [None, None]
    assert not (tmp_path / ".pki").exists()
    listed = subprocess.run(["certutil", "-d", f"sql:{profile}", "-L"], check=True, capture_output=True, text=True)
    assert "asgictl" not in listed.stdout


@needs("certutil")
def test_a_database_that_came_to_be_used_stays(tmp_path: Path, anchor: Anchor) -> None:
    """A database that asgictl has made stays if there is something else in it by then."""
    here = machine(tmp_path, programs="certutil chromium")
    (place,) = nss.find(here).places
    folder = tmp_path / "authority"
    trust.install(anchor, [place], stores.run, lambda _: None, folder)
    (tmp_path / "other.pem").write_bytes(other_certificate())
    words = ["-A", "-t", ",,", "-n", "other", "-i", str(tmp_path / "other.pem")]
    subprocess.run(["certutil", "-d", f"sql:{place.path}", *words], check=True)

    trust.remove(anchor, [place], stores.run, lambda _: None, folder)

    assert (Path(place.path) / "cert9.db").exists()


def java_home(folder: Path) -> Path:
    """Return a Java of one's own: the machine's, with a store that is empty."""
    keytool = shutil.which("keytool")
    assert keytool is not None
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/keytool").symlink_to(keytool)
    (folder / "lib/security").mkdir(parents=True)
    words = ["-genkeypair", "-alias", "x", "-dname", "CN=x", "-keyalg", "EC", "-storepass", "changeit"]
    subprocess.run([keytool, *words, "-keystore", folder / "lib/security/cacerts"], check=True, capture_output=True)
    return folder


@pytest.mark.system
@needs("keytool")
def test_java_for_real(tmp_path: Path, anchor: Anchor) -> None:
    """The authority gets into Java's store, and out of it."""
    home = java_home(tmp_path / "java")
    here = machine(tmp_path, environ={"JAVA_HOME": str(home)})
    (place,) = java.find(here).places
    folder = tmp_path / "authority"
    assert not place.trusts(anchor, stores.run)

    trust.install(anchor, [place], stores.run, lambda _: None, folder)

    assert place.trusts(anchor, stores.run)
    assert concerned(anchor, folder, here) == [place]
    trust.remove(anchor, [place], stores.run, lambda _: None, folder)
    assert place.held(stores.run) == []


def test_java(tmp_path: Path, anchor: Anchor) -> None:
    """Java's store is told from others by its file, and has the authority under whatever alias."""
    file = tmp_path / "lib/security/cacerts"
    file.parent.mkdir(parents=True)
    file.touch()
    (place,) = java.find(machine(tmp_path, environ={"JAVA_HOME": str(tmp_path)})).places
    run = Recorder(list=Result(0, f"Keystore type: JKS\n\nAlias name: by hand\nEntry type: x\n\n{anchor.pem}\n"))
    words = f"-keystore {file} -storepass changeit"

    assert lines(place.install(anchor)) == [
        f"keytool -importcert -noprompt -alias {anchor.name} -file {anchor.file} {words}"
    ]
    assert lines(place.remove(as_held(anchor, "by hand"))) == [f"keytool -delete -alias 'by hand' {words}"]
    assert place.clean([], run) == []
    assert (place.held(run), place.trusts(anchor, run)) == ([as_held(anchor, "by hand")], True)
    assert lines(run.commands) == [f"keytool -list -rfc {words}"] * 2
    assert not place.trusts(anchor, Recorder())
    assert stores.place("java", str(file), machine(tmp_path)) == place
    assert str(place) == f"Java ({file})"


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home, like one of a container, has a machine without personal stores."""

    def nowhere() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", nowhere)
    here = stores.this_machine()

    assert (here.home, here.environ) == (Path("/nonexistent"), os.environ)
    assert here.find("sh") == shutil.which("sh")


def test_no_java(tmp_path: Path) -> None:
    """Where there is no Java that is said, and Java is not among the usual stores."""
    assert java.find(machine(tmp_path)).missing == "no Java: set JAVA_HOME"
    assert "java" not in stores.USUAL


@needs("certutil")
def test_a_module_that_came_to_be_used_stays(tmp_path: Path, anchor: Anchor) -> None:
    """A database with a module of the user's, like a smart card's, stays too."""
    (place,) = nss.find(machine(tmp_path, programs="certutil chromium")).places
    trust.install(anchor, [place], stores.run, lambda _: None, tmp_path / "authority")
    with (Path(place.path) / "pkcs11.txt").open("a") as file:
        file.write("library=/usr/lib/smartcard.so\nname=card\n")

    trust.remove(anchor, [place], stores.run, lambda _: None, tmp_path / "authority")

    assert (Path(place.path) / "cert9.db").exists()


def half(command: SystemCommand) -> Result:
    """Run all but what adds a certificate."""
    return Result(255, "no") if "-A" in command.argv else stores.run(command)


@needs("certutil")
def test_an_installation_that_failed_is_undone(tmp_path: Path, anchor: Anchor) -> None:
    """What a failed installation has made is removed, and not recorded."""
    (place,) = nss.find(machine(tmp_path, programs="certutil chromium")).places
    folder = tmp_path / "authority"

    (outcome,) = trust.install(anchor, [place], half, lambda _: None, folder)

    assert outcome.problem == "`certutil` ended with 255: no"
    assert (trust.recorded(folder), (tmp_path / ".pki").exists()) == ([], False)


def interrupted(command: SystemCommand) -> Result:
    """Add a certificate, and be interrupted at once, as by Ctrl-C."""
    result = stores.run(command)
    if "-A" in command.argv:
        raise KeyboardInterrupt
    return result


@needs("certutil")
def test_an_interrupted_installation_is_undone(tmp_path: Path, anchor: Anchor) -> None:
    """Whoever gives up meanwhile leaves nothing behind."""
    place = nss.place(str(firefox_profile(tmp_path)), machine(tmp_path))

    with pytest.raises(KeyboardInterrupt):
        trust.install(anchor, [place], interrupted, lambda _: None, tmp_path / "authority")

    assert place.held(stores.run) == []


@needs("certutil")
def test_what_cannot_be_looked_at_is_not_removed(tmp_path: Path, anchor: Anchor) -> None:
    """Where a store cannot be looked at, nothing is said to be gone, and the record stays."""
    place = nss.place(str(firefox_profile(tmp_path)), machine(tmp_path))
    folder = tmp_path / "authority"
    trust.install(anchor, [place], stores.run, lambda _: None, folder)

    (outcome,) = trust.remove(anchor, [place], failing, lambda _: None, folder)

    assert outcome.problem == "`certutil` ended with 127: certutil is not installed"
    assert lines(list(outcome.commands)) == lines(place.remove(as_held(anchor)))
    assert trust.recorded(folder) == [("nss", place.path)]


@needs("certutil")
def test_trust_without_a_record_is_found(tmp_path: Path, anchor: Anchor) -> None:
    """What was installed by hand, or whose record is lost, is found in the usual places."""
    profile = firefox_profile(tmp_path)
    here = machine(tmp_path, programs="certutil")
    folder = tmp_path / "authority"
    assert concerned(anchor, folder, here) == []
    for command in nss.place(str(profile), here).install(anchor):
        stores.run(command)

    assert concerned(anchor, folder, here) == [nss.place(str(profile), here)]


@pytest.mark.parametrize(
    "place", [macos.Keychain(Path("k")), windows.UserStore(), java.KeyStore(Path(__file__), "keytool")]
)
def test_a_store_that_cannot_tell(anchor: Anchor, place: Place) -> None:
    """A failure of the store's own program is not taken for the absence of trust."""
    with pytest.raises(UnansweredError):
        place.held(failing)
    with pytest.raises(UnansweredError):
        place.trusts(anchor, failing)


def failing(command: SystemCommand) -> Result:
    """Fail as a command does that is not there."""
    return Result(127, f"{command.argv[0]} is not installed")


def test_a_failure_is_told(tmp_path: Path, anchor: Anchor) -> None:
    """What cannot be done is told with the reason and the commands, and is not recorded."""
    store: Place = debian(tmp_path)

    (outcome,) = trust.install(anchor, [store], failing, lambda _: None, tmp_path / "authority")

    assert outcome.problem == "`install` ended with 127: install is not installed"
    assert [it.argv[0] for it in outcome.commands] == ["install", "update-ca-certificates"]
    assert trust.recorded(tmp_path / "authority") == []


def test_running() -> None:
    """A command's status and output come back, and one that is not there is no crash."""
    assert stores.run(SystemCommand(("sh", "-c", "cat; exit 3"), input="text")) == Result(3, "text")
    assert stores.run(SystemCommand(("no-such-program",))) == Result(127, "no-such-program is not installed")


def test_what_cannot_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that may not be run is told from one that is not there, wherever PATH leads."""
    (tmp_path / "hook").touch(mode=0o644)
    assert stores.run(SystemCommand((str(tmp_path / "hook"),))) == Result(
        126, f"cannot run {tmp_path}/hook: Permission denied"
    )

    monkeypatch.setenv("PATH", f"{os.defpath}:{tmp_path}/hook")  # which is no folder
    assert stores.run(SystemCommand(("no-such-program",))) == Result(127, "no-such-program is not installed")


def test_sudo_never_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others than root run what needs root by sudo, which fails at once where nobody could type a password."""
    (tmp_path / "sudo").write_text('#!/bin/sh\nprintf "%s." "$@"\n')
    (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert stores.run(SystemCommand(("hook", "a b"), root=True)) == Result(0, "-n.hook.a b.")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert stores.run(SystemCommand(("hook",), root=True)) == Result(0, "hook.")


def test_sudo_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs root is shown with sudo for others, if they have it, and quoted for a shell."""
    command = SystemCommand(("hook", "a b"), root=True, input="-x y\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert (str(command), stores.lacks_root([command])) == ("echo '-x y' | hook 'a b'", True)
    (tmp_path / "sudo").touch(mode=0o755)
    assert (str(command), stores.lacks_root([command])) == ("echo '-x y' | sudo hook 'a b'", False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert (str(command), stores.lacks_root([command])) == ("echo '-x y' | hook 'a b'", False)


def test_nobodys_stores(tmp_path: Path) -> None:
    """Whoever runs these tests has the own browsers, Java and system left alone: all that is found is the test's."""
    (tmp_path / "home/.pki/nssdb").mkdir(parents=True)
    (tmp_path / "home/.pki/nssdb/cert9.db").touch()
    (tmp_path / "root/usr/local/share/ca-certificates").mkdir(parents=True)

    found = [place.path for kind in stores.find(stores.this_machine(), stores.NAMES) for place in kind.places]

    assert found == [f"{tmp_path}/root/usr/local/share/ca-certificates", f"{tmp_path}/home/.pki/nssdb"]


def test_nobodys_stores_without_a_folder() -> None:
    """The same goes for a test that has no folder of its own."""
    assert [place for kind in stores.find(stores.this_machine(), ("system", "java")) for place in kind.places] == []
    assert (str(Path.home()), trust.folder({})) == (
        "/nonexistent/home",
        Path("/nonexistent/home/.local/share/asgictl/ca"),
    )

"""`--untrust` goes by the certificate, whatever its folder, its name in a store, or asgictl's version was."""

import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from asgictl.certs import authority, issue, keys, stores, trust
from asgictl.certs.names import Constraints
from asgictl.certs.stores import Machine, SystemCommand, linux
from asgictl.certs.stores.held import Held, ders, is_asgictls
from asgictl.cli import app
from tests.conftest import needs

pytestmark = needs("certutil")

FIREFOX = "Firefox (~/.mozilla/firefox/a1.default)"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user with Firefox, on a machine that has Debian's store, and nothing else."""
    folder = tmp_path / "home"
    (folder / ".mozilla/firefox/a1.default").mkdir(parents=True)
    certutil(folder, "-N", "--empty-password")
    (tmp_path / "usr/local/share/ca-certificates").mkdir(parents=True)
    there = {name: shutil.which(name) for name in ("certutil",)} | {"update-ca-certificates": "/bin/true"}
    monkeypatch.setattr(stores, "this_machine", lambda: Machine("linux", folder, {}, there.get, tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("getpass.getuser", lambda: "alice")
    monkeypatch.setattr("socket.gethostname", lambda: "box")
    return folder


def certutil(home: Path, *words: str) -> str:
    """Run `certutil` on Firefox's database."""
    command = ["certutil", "-d", f"sql:{home}/.mozilla/firefox/a1.default", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, errors="replace").stdout


def run(*arguments: str, folder: Path | None = None) -> Any:
    """Run `asgictl gen-cert`, with the authority in `folder`."""
    env = {"ASGICTL_CA_DIR": str(folder)} if folder else {}
    command = ["gen-cert", *arguments]
    return CliRunner().invoke(app, command, prog_name="asgictl", env=env, catch_exceptions=False)


def lines(result: Any) -> tuple[int, list[str], list[str]]:
    """Return the exit status, and the lines of both streams."""
    return result.exit_code, result.stdout.splitlines(), result.stderr.splitlines()


def trusted(home: Path) -> Path:
    """Have the authority trusted by Firefox; return its folder."""
    assert run("--trust", "--store", "nss", "--force").exit_code == 0
    assert "asgictl-" in certutil(home, "-L")
    return trust.folder(os.environ)


def subject(certificate: Path) -> str:
    """Return what an authority is called in itself."""
    return Held("", trust.anchor(certificate.parent).der).subject


def moved(folder: Path) -> Path:
    """Move it."""
    return folder.rename(folder.with_name("mine"))


def linked(folder: Path) -> Path:
    """Spell it otherwise, as /home is /var/home on some systems."""
    (folder.parent / "link").symlink_to(folder.parent, target_is_directory=True)
    return folder.parent / "link" / folder.name


def restored(folder: Path) -> Path:
    """Have it back from a copy, which knows nothing of permissions or line ends."""
    copy = shutil.copytree(folder, folder.with_name("copy"))
    shutil.rmtree(folder)
    (copy / "ca.pem").write_bytes((copy / "ca.pem").read_bytes().replace(b"\n", b"\r\n"))
    return Path(copy)


def without_record(folder: Path) -> Path:
    """Lose the record."""
    (folder / "trust.json").unlink()
    return moved(folder)


@pytest.mark.parametrize("change", [moved, linked, restored, without_record])
def test_a_folder_that_has_changed(home: Path, change: Any) -> None:
    """An authority whose folder has another name is known to be trusted, and removed for sure."""
    folder = change(trusted(home))
    assert lines(run("--trust", "--store", "nss", "--dry-run", folder=folder)) == (0, ["it is trusted already"], [])

    result = run("--untrust", folder=folder)

    assert (result.exit_code, result.stdout) == (0, f"removed from {FIREFOX}\n")
    assert result.stderr.endswith("note: your authority and its key are gone\n")
    assert "asgictl" not in certutil(home, "-L")
    assert not folder.exists()


@pytest.mark.parametrize("is_deleted", [True, False], ids=["deleted", "ASGICTL_CA_DIR set later"])
def test_a_folder_that_is_gone(home: Path, tmp_path: Path, is_deleted: bool) -> None:
    """Without a certificate the user's authorities are found by their subject, and that is said."""
    folder = trusted(home)
    called = subject(folder / "ca.pem")
    nickname = trust.anchor(folder).name
    if is_deleted:
        shutil.rmtree(folder)
    asked = folder if is_deleted else tmp_path / "elsewhere"
    database = f"sql:{home}/.mozilla/firefox/a1.default"

    planned = run("--untrust", "--dry-run", folder=asked)
    result = run("--untrust", folder=asked)

    found = f"note: no authority is in `{asked}`; by their names these were made for you: {called}"
    assert lines(planned) == (0, [f"certutil -d {database} -D -n {nickname}"], [found])
    assert lines(result) == (
        0,
        [f"removed from {FIREFOX}"],
        [
            found,
            f"note: running certutil -d {database} -D -n {nickname}",
            f"note: the key was not in `{asked}`: remove it where it is",
        ],
    )
    assert "asgictl" not in certutil(home, "-L")
    assert not asked.exists()
    assert lines(run("--untrust", folder=asked)) == (0, ["nothing was trusted"], ["note: there was no authority"])


def test_an_authority_of_an_older_asgictl(home: Path) -> None:
    """One that is called after its folder, in a record of the old form, is found, used, and removed."""
    folder = trust.folder(os.environ)
    assert run("--client", "alice").exit_code == 0  # which makes an authority, and has nobody trust it
    old_name = f"asgictl-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
    certutil(home, "-A", "-t", "C,,", "-n", old_name, "-i", str(folder / "ca.pem"))
    place = f"{home}/.mozilla/firefox/a1.default"
    (folder / "trust.json").write_text(json.dumps([{"store": "nss", "place": place}], indent=2))

    again = run("--trust", "--store", "nss")
    checked = run("--check", "--trust", "--json")

    assert again.exit_code == 0
    assert f"note: trusted by {FIREFOX}" in again.stderr.splitlines()
    assert "running" not in again.stderr
    assert json.loads(checked.stdout)["result"]["trusted"][FIREFOX] is True
    assert lines(run("--untrust")) == (
        0,
        [f"removed from {FIREFOX}"],
        [
            f"note: running certutil -d sql:{place} -D -n {old_name}",
            "note: your authority and its key are gone",
        ],
    )
    assert "asgictl" not in certutil(home, "-L")


@pytest.mark.parametrize("nickname", ["our dev CA", "Jürgen", os.fsdecode(b"J\xfcrgen"), "a,b,c C,, x"])
def test_what_was_added_by_hand(home: Path, nickname: str) -> None:
    """A nickname of the user's own does not hide it, whatever its letters or bytes are."""
    folder = trusted(home)
    certutil(home, "-D", "-n", trust.anchor(folder).name)
    certutil(home, "-A", "-t", "C,,", "-n", nickname, "-i", str(folder / "ca.pem"))

    assert run("--untrust").exit_code == 0

    assert "C,," not in certutil(home, "-L")


@pytest.mark.parametrize("name", ["ca.pem", "ca.key"])
def test_half_an_authority(home: Path, name: str) -> None:
    """Half an authority is removed, and what its other half was trusted by forgets it."""
    folder = trusted(home)
    (folder / name).unlink()

    result = run("--untrust")

    assert (result.exit_code, result.stderr.splitlines()[-1]) == (0, "note: your authority and its key are gone")
    assert "asgictl" not in certutil(home, "-L")
    assert not folder.exists()


def test_another_authority_stays(home: Path, tmp_path: Path) -> None:
    """One of another folder stays trusted, and what would remove it is said."""
    folder = trusted(home)
    other = tmp_path / "project"
    assert run("--trust", "--store", "nss", "--force", folder=other).exit_code == 0
    name, called = trust.anchor(other).name, subject(other / "ca.pem")

    result = run("--untrust", folder=folder)

    todo = f"certutil -d sql:{home}/.mozilla/firefox/a1.default -D -n {name}"
    assert lines(result)[2][-1] == (
        f"note: {FIREFOX} holds another authority, {called}, which stays; to remove it: `{todo}`"
    )
    assert name in certutil(home, "-L")


EMPTY = {
    "a folder that is not there": None,
    "one with nothing in it": {},
    "one with a record alone": {"trust.json": '[{"store": "nss", "place": "{}/.mozilla/firefox/a1.default"}]'},
}


@pytest.mark.parametrize("case", EMPTY)
@pytest.mark.parametrize("lost", ["nothing", "ca.pem"])
def test_the_authority_of_the_usual_folder_stays(home: Path, tmp_path: Path, case: str, lost: str) -> None:
    """A mistyped ASGICTL_CA_DIR, or a CI machine's empty one, costs the user's own authority nothing."""
    usual, asked = trust.folder({}), tmp_path / "typo"
    assert usual == home / ".local/share/asgictl/ca"
    assert run("--trust", "--store", "nss", folder=usual).exit_code == 0
    name, called = trust.anchor(usual).name, subject(usual / "ca.pem")
    if lost != "nothing":  # then its record counts
        (usual / lost).unlink()
    kept = {file.name: file.read_bytes() for file in usual.iterdir()}
    for file, text in (EMPTY[case] or {}).items():
        asked.mkdir(exist_ok=True)
        (asked / file).write_text(text.replace("{}", str(home)))
    if EMPTY[case] == {}:
        asked.mkdir()
    todo = f"certutil -d sql:{home}/.mozilla/firefox/a1.default -D -n {name}"
    stays = f"note: {FIREFOX} holds another authority, {called}, which stays; to remove it: `{todo}`"

    assert (lines(run("--untrust", "--dry-run", folder=asked))) == (0, ["nothing is trusted"], [])
    status, _, said = lines(run("--untrust", folder=asked))

    assert (status, said[-1]) == (0, stays)
    assert f"{name}" in certutil(home, "-L")
    assert {file.name: file.read_bytes() for file in usual.iterdir()} == kept
    assert not asked.exists()


def test_an_older_authority_of_a_usual_folder(home: Path, tmp_path: Path) -> None:
    """One that nothing names is still found by its subject, also beside that of the usual folder."""
    usual = trust.folder({})
    gone = tmp_path / "gone"
    for folder in (usual, gone):
        assert run("--trust", "--store", "nss", "--force", folder=folder).exit_code == 0
    name, lost = trust.anchor(usual).name, trust.anchor(gone).name
    shutil.rmtree(gone)

    assert lines(run("--untrust", folder=gone))[:2] == (0, [f"removed from {FIREFOX}"])

    assert (name in certutil(home, "-L"), lost in certutil(home, "-L")) == (True, False)


def test_an_interrupted_removal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while something is removed says what stays: the authority, and the record of what it is trusted by."""
    folder = trusted(home)
    usual = stores.run

    def interrupted(command: SystemCommand) -> stores.Result:
        if "-D" in command.argv:
            raise KeyboardInterrupt
        return usual(command)

    with monkeypatch.context() as patched:
        patched.setattr(stores, "run", interrupted)
        status, out, said = lines(run("--untrust"))

    assert (status, out, said[-2:]) == (
        130,
        [],
        [
            "error: interrupted; your authority stays, and what it is still trusted by stays recorded",
            "hint: run it again",
        ],
    )
    assert trust.recorded(folder) == [("nss", f"{home}/.mozilla/firefox/a1.default")]
    assert run("--untrust").exit_code == 0


def test_nothing_to_run(home: Path, tmp_path: Path, now: Any) -> None:
    """Where no command removes it, as from a file with others in it, none is named."""
    assert home
    folder = tmp_path / "authority"
    for each in (folder, tmp_path / "b"):
        authority.make(each, Constraints(), now)
    file = tmp_path / "usr/local/share/ca-certificates/all.crt"
    file.write_text(trust.anchor(folder).pem + trust.anchor(tmp_path / "b").pem)

    status, _, said = lines(run("--untrust"))

    store = "the system's store (Debian)"
    called = subject(tmp_path / "b/ca.pem")
    assert (status, said) == (
        4,
        [
            f"note: {store} holds another authority, {called}, which stays: `{file}` holds others too",
            f"error: {store}: `{file}` holds others too: take it out of that file",
            "hint: see to that, and run this again",
        ],
    )
    assert (folder / "ca.key").exists()


def test_another_users_authority(home: Path, tmp_path: Path, now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an authority of one's own, those of other users stay in the store that all share."""
    assert home
    with monkeypatch.context() as patched:
        patched.setattr("getpass.getuser", lambda: "bob")
        authority.make(tmp_path / "bob", Constraints(), now)
    file = tmp_path / "usr/local/share/ca-certificates/asgictl-1.crt"
    shutil.copy(tmp_path / "bob/ca.pem", file)

    status, out, said = lines(run("--untrust"))

    assert (status, out, said[0]) == (0, ["nothing was trusted"], "note: there was no authority")
    called = subject(tmp_path / "bob/ca.pem")
    begin = f"note: the system's store (Debian) holds another authority, {called}, which stays; to remove it: `"
    assert said[1].startswith(begin)
    assert called.startswith("asgictl local CA (bob@box) ")
    assert file.exists()


def test_what_cannot_be_looked_at(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a record, a store that cannot be looked at may hold anything: status 4, and the key stays."""
    folder = trusted(home)
    (folder / "trust.json").unlink()
    usual = stores.run
    with monkeypatch.context() as patched:
        patched.setattr(stores, "run", lambda it: stores.Result(127, "no") if it.argv[0] == "certutil" else usual(it))

        status, out, said = lines(run("--untrust"))

    assert (status, out) == (4, ["nothing was trusted"])
    assert said[0] == f"error: {FIREFOX}: `certutil` ended with 127: no"
    assert said[1].endswith(f"-D -n {trust.anchor(folder).name}`")
    assert (folder / "ca.key").exists()
    assert run("--untrust").exit_code == 0


def test_what_is_not_looked_at(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a record of other places, a store that cannot be looked at is named, and keeps nothing."""
    folder = trusted(home)
    certutil(home, "-D", "-n", trust.anchor(folder).name)
    store = f"{tmp_path}/usr/local/share/ca-certificates"
    (folder / "trust.json").write_text(json.dumps([{"store": "system", "place": store}]))
    monkeypatch.setattr(stores, "run", lambda _: stores.Result(127, "certutil is not installed"))

    assert lines(run("--untrust")) == (
        0,
        ["removed from the system's store (Debian)"],
        [
            "note: your authority and its key are gone",
            f"note: {FIREFOX} is not in the record, and was not looked at: "
            "`certutil` ended with 127: certutil is not installed",
        ],
    )


def held_in(tmp_path: Path) -> list[Held]:
    """Return what Debian's store holds of asgictl's."""
    return linux.SystemStore(linux.layouts(tmp_path)[0]).held(stores.run)


def test_files_of_the_systems_store(home: Path, tmp_path: Path, now: Any) -> None:
    """Any file in the folder for additions counts, in PEM or DER form; one with others in it is not removed."""
    assert home
    authority.make(tmp_path / "a", Constraints(), now)
    anchor = trust.anchor(tmp_path / "a")
    folder = tmp_path / "usr/local/share/ca-certificates"
    (folder / "team").mkdir()
    (folder / "team/our ca.crt").write_text(f"# ours\n{anchor.pem}")
    (folder / "x.der").write_bytes(anchor.der)
    authority.make(tmp_path / "b", Constraints(), now)
    (folder / "all.crt").write_text(anchor.pem + trust.anchor(tmp_path / "b").pem)

    found = held_in(tmp_path)

    place = linux.SystemStore(linux.layouts(tmp_path)[0])
    assert [(Path(it.name).name, it.alone) for it in found if it.der == anchor.der] == [
        ("all.crt", False),
        ("our ca.crt", True),
        ("x.der", True),
    ]
    (outcome,) = trust.remove(anchor, [place], lambda _: stores.Result(0, ""), lambda _: None, tmp_path / "a")
    assert outcome.problem == f"`{folder}/all.crt` holds others too: take it out of that file"


def test_what_is_made_of_it(home: Path, tmp_path: Path, now: Any) -> None:
    """A certificate whose file is gone, and which programs still read, is found."""
    assert home
    authority.make(tmp_path / "a", Constraints(), now)
    anchor = trust.anchor(tmp_path / "a")
    (tmp_path / "etc/ssl/certs").mkdir(parents=True)
    (tmp_path / "etc/ssl/certs/ca-certificates.crt").write_text(anchor.pem)

    file = tmp_path / "usr/local/share/ca-certificates" / f"{anchor.name}.crt"
    assert held_in(tmp_path) == [Held(str(file), anchor.der)]


def test_what_is_not_asgictls(tmp_path: Path, now: Any) -> None:
    """A name like ours in a certificate that others have issued, or in no certificate, is not ours."""
    issuer = authority.make(tmp_path / "a", Constraints(), now)
    client = issue.client("asgictl local CA (x) 12345678", keys.generate("ec256"), now - now, now, issuer)
    assert is_asgictls(trust.anchor(tmp_path / "a").der)
    assert not is_asgictls(client.leaf.public_bytes(Encoding.DER))
    assert not is_asgictls(b"asgictl local CA (x) 12345678")


def test_nowhere_to_trust_it(home: Path) -> None:
    """Where no store can be used, `--dry-run` does not say that it is trusted."""
    assert home

    assert lines(run("--trust", "--dry-run", "--store", "java")) == (
        4,
        ["there is nothing to run"],
        ["error: no Java", "hint: set JAVA_HOME, and run this again"],
    )


def test_nobody_to_become_root_by(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no sudo, as on Debian with a password for root, the hint is to become root by `su`."""
    assert home
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    status, _, said = lines(run("--trust", "--store", "system"))

    folder = tmp_path / "usr/local/share/ca-certificates"
    name = trust.anchor(tmp_path / "authority").name
    assert (status, said[-2:]) == (
        4,
        [
            "error: the system's store (Debian): `install` ended with 127: sudo is not installed",
            f"hint: become root by `su`, and run `install -m 0644 {tmp_path}/authority/ca.pem {folder}/{name}.crt; "
            "update-ca-certificates`",
        ],
    )


def test_half_of_the_systems_store(home: Path, tmp_path: Path) -> None:
    """What root has half done is not undone behind the user's back: it is recorded, and found by `--untrust`."""
    assert home
    authority.make(tmp_path / "authority", Constraints(), dt.datetime.now(dt.UTC))
    anchor = trust.anchor(tmp_path / "authority")
    place = linux.SystemStore(linux.layouts(tmp_path)[0])
    shown: list[str] = []

    def copy_alone(command: SystemCommand) -> stores.Result:
        if command.argv[0] != "install":
            return stores.Result(1, "disk full")
        shutil.copy(command.argv[-2], command.argv[-1])
        return stores.Result(0, "")

    (outcome,) = trust.install(anchor, [place], copy_alone, lambda it: shown.append(it.argv[0]), tmp_path / "authority")

    assert (outcome.problem, shown) == (
        "`update-ca-certificates` ended with 1: disk full",
        ["install", "update-ca-certificates"],
    )
    assert trust.recorded(tmp_path / "authority") == [("system", place.path)]
    assert [it.der for it in place.held(stores.run)] == [anchor.der]


def test_a_user_without_a_name(home: Path, tmp_path: Path, now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a store that all share nothing is taken for that of a user who has no name, as in a container."""
    assert home
    authority.make(tmp_path / "a", Constraints(), now)
    file = shutil.copy(tmp_path / "a/ca.pem", tmp_path / "usr/local/share/ca-certificates/x.crt")

    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)

    assert lines(run("--untrust"))[:2] == (0, ["nothing was trusted"])
    assert Path(file).exists()


def test_what_is_no_certificate() -> None:
    """What only looks like a certificate in PEM form is passed over."""
    blocks = [f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n" for text in ("!", "AAAA", "A")]

    assert list(ders("".join(blocks))) == [b"\0\0\0"]

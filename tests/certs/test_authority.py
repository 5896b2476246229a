"""The user's authority is used only when it is whole, in time, and nobody else's business."""

import datetime as dt
import json
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from asgictl.certs import authority, files, keys, trust, version_control
from asgictl.certs.issue import Issuer
from asgictl.certs.names import Constraints
from asgictl.certs.stores import Machine
from asgictl.errors import ConfigError, FileProblemError

AGAIN = "run `asgictl gen-cert --untrust`, and then --trust again"


def test_it_is_found_again(tmp_path: Path, issuer: Issuer, now: dt.datetime) -> None:
    """An authority is made once, also by two at the same time, and its folder is its owner's alone."""
    folder = tmp_path / "authority"

    assert authority.load(folder, now) is not None
    again = authority.make(folder, Constraints(), now)
    assert again.certificate == issuer.certificate
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("moment", "problem"), [(dt.timedelta(days=4000), "expired on"), (-dt.timedelta(days=2), "is not valid before")]
)
def test_out_of_its_time(tmp_path: Path, issuer: Issuer, now: dt.datetime, moment: dt.timedelta, problem: str) -> None:
    """One that is not valid now signs nothing."""
    assert issuer
    with pytest.raises(FileProblemError) as caught:
        authority.load(tmp_path / "authority", now + moment)

    root = issuer.certificate
    told = (
        f"{root.not_valid_after_utc:%Y-%m-%d}"
        if moment > dt.timedelta(0)
        else f"{root.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    )
    assert (caught.value.message, caught.value.hint) == (
        f"your authority {problem} {told}",
        f"check the clock, or {AGAIN}",
    )


def test_a_foreign_key(tmp_path: Path, issuer: Issuer, now: dt.datetime) -> None:
    """A key that is not the authority's is noticed."""
    assert issuer
    pair = trust.pair_in(tmp_path / "authority")
    pair.key.write_bytes(keys.pem(keys.generate("ec256")))

    with pytest.raises(FileProblemError) as caught:
        authority.load(tmp_path / "authority", now)

    assert (caught.value.message, caught.value.hint) == (f"`{pair.key}` is not the key of `{pair.certificate}`", AGAIN)


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_of_everybody(tmp_path: Path, now: dt.datetime, there: bool) -> None:
    """A folder in which others could exchange the authority is refused, also for a new one."""
    folder = tmp_path / "authority"
    if there:
        authority.make(folder, Constraints(), now)
    else:
        folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(FileProblemError) as caught:
        authority.make(folder, Constraints(), now)

    assert (caught.value.message, caught.value.hint) == (
        f"others may write to the folder of your authority, `{folder}`",
        f"`chmod 700 {folder}`, or set ASGICTL_CA_DIR to a folder of yours",
    )


def test_a_folder_that_cannot_be(tmp_path: Path, now: dt.datetime) -> None:
    """A place where no folder can be made is named, with the variable that chooses another."""
    (tmp_path / "file").write_text("")

    with pytest.raises(FileProblemError) as caught:
        authority.make(tmp_path / "file/authority", Constraints(), now)

    assert (caught.value.message, caught.value.hint) == (
        f"cannot make `{tmp_path}/file/authority`: Not a directory",
        "set ASGICTL_CA_DIR to a folder of yours",
    )


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o711, 0o750, 0o755, 0o720, 0o702], ids=oct)
def test_who_may_enter_its_folder(tmp_path: Path, now: dt.datetime, mode: int) -> None:
    """Others may look into the folder, as long as they cannot write to it."""
    folder = tmp_path / "authority"
    folder.mkdir()
    folder.chmod(mode)

    if mode & 0o022:
        with pytest.raises(FileProblemError):
            authority.make(folder, Constraints(), now)
    else:
        made = authority.make(folder, Constraints(), now)
        found = authority.load(folder, now)
        assert found is not None
        assert found.certificate == made.certificate


@pytest.mark.parametrize("mode", [0o601, 0o602, 0o604, 0o610, 0o620, 0o640], ids=oct)
def test_a_key_of_everybody(tmp_path: Path, issuer: Issuer, now: dt.datetime, mode: int) -> None:
    """A key that anybody else may touch signs nothing, and the error names its mode."""
    assert issuer
    key = tmp_path / "authority/ca.key"
    key.chmod(mode)

    with pytest.raises(FileProblemError) as caught:
        authority.load(tmp_path / "authority", now)

    assert (caught.value.message, caught.value.hint) == (
        f"others may read the key of your authority, `{key}` ({mode:04o})",
        f"`chmod 600 {key}`, or if somebody else has been here: run "
        "`asgictl gen-cert --untrust`, and then --trust again",
    )


def test_whose_it_is(tmp_path: Path, now: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """An authority is called after its user and host, or the host alone where the user has no name."""
    monkeypatch.setattr("socket.gethostname", lambda: "box")
    monkeypatch.setattr("getpass.getuser", lambda: "alice")
    named = authority.make(tmp_path / "a", Constraints(), now).certificate

    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    nameless = authority.make(tmp_path / "b", Constraints(), now).certificate
    monkeypatch.setattr("socket.gethostname", lambda: "")
    monkeypatch.setattr("getpass.getuser", lambda: "bob")
    homeless = authority.make(tmp_path / "c", Constraints(), now).certificate

    for root, owner in ((named, "alice@box"), (nameless, "box"), (homeless, "bob")):
        (name,) = root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()
        assert name.value == f"asgictl local CA ({owner}) {identifier[:8]}"


def test_what_an_authority_is_not_for(issuer: Issuer) -> None:
    """An authority that exists is not made wider, and the error says what it is for and how to make another."""
    authority.refuse_wider(issuer, ["shop.test"])

    with pytest.raises(ConfigError) as caught:
        authority.refuse_wider(issuer, ["shop.test", "example.com"])

    assert (caught.value.message, caught.value.hint, caught.value.option) == (
        f"your authority exists already, and is for {Constraints()}",
        "remove it with --untrust, and make a new one",
        "ca-permit",
    )


def test_what_else_an_authority_is_for(tmp_path: Path, issuer: Issuer, now: dt.datetime) -> None:
    """One that is wider than a new one is told of, with its folder, what it is used for, and how to be rid of it."""
    assert authority.extent(tmp_path / "authority", issuer.certificate, ["shop.test"]) is None

    wide = authority.make(tmp_path / "wide", Constraints().widened(["com", "10.0.0.0/8"]), now).certificate

    begin, end = (
        f"your authority in `{tmp_path}/wide` can vouch for com, 10.0.0.0/8, too",
        "and so can whoever has its key",
    )
    undo = "`asgictl gen-cert --untrust` removes it"
    assert authority.extent(tmp_path / "wide", wide, ["localhost"]) == f"{begin}, {end}; {undo}"
    assert authority.extent(tmp_path / "wide", wide, ["localhost", "www.bank.com", "10.0.0.1"]) == (
        f"{begin}, as here for www.bank.com, 10.0.0.1, {end}; {undo}"
    )


def test_its_key_is_kept_out_of_version_control(tmp_path: Path, issuer: Issuer) -> None:
    """An authority in a repository does not get into it with its key, and leaves nothing behind."""
    folder = tmp_path / "authority"
    assert issuer
    assert version_control.is_ignored(folder / "ca.key")

    trust.discard(folder)

    assert not folder.exists()


def test_what_else_is_in_its_folder_stays(tmp_path: Path, issuer: Issuer) -> None:
    """Another key in the authority's folder stays, and is kept out of version control as before."""
    folder = tmp_path / "authority"
    (folder / "mine.key").touch()
    assert issuer

    trust.discard(folder)

    assert sorted(file.name for file in folder.iterdir()) == [".gitignore", "mine.key"]


def test_an_interrupted_removal(tmp_path: Path, issuer: Issuer, now: dt.datetime) -> None:
    """What an interrupted run has left of a key is removed with the authority, and nothing comes back."""
    folder = tmp_path / "authority"
    for name in ("ca.key", "ca.pem"):
        os.link(folder / name, folder / f".new-{name}")
        (folder / name).unlink()
    assert issuer

    trust.discard(folder)

    assert not folder.exists()
    assert authority.load(folder, now) is None


def test_an_interrupted_beginning(tmp_path: Path, issuer: Issuer, now: dt.datetime) -> None:
    """An authority that was all but in its place is completed."""
    pair = trust.pair_in(tmp_path / "authority")
    os.link(pair.certificate, pair.certificate.with_name(".new-ca.pem"))
    pair.certificate.unlink()

    found = authority.load(tmp_path / "authority", now)

    assert found is not None
    assert found.certificate == issuer.certificate
    assert files.is_private(pair.key)


def test_a_broken_record(tmp_path: Path, issuer: Issuer) -> None:
    """A record that cannot be understood is named."""
    assert issuer
    (tmp_path / "authority/trust.json").write_text("{")

    nul = r'[{"store": "nss", "place": "a\u0000b"}]'
    for content in ("{", "5", "[{}]", '{"store": "nss"}', "[5]", '[{"store": "nss", "place": 5}]', nul):
        (tmp_path / "authority/trust.json").write_text(content)
        with pytest.raises(FileProblemError) as caught:
            trust.recorded(tmp_path / "authority")
        assert (caught.value.message, caught.value.hint) == (
            f"cannot read `{tmp_path}/authority/trust.json`, which says where your authority is trusted",
            "remove the file: every usual place is looked at anyway",
        )


@pytest.mark.parametrize("place", [("system", "Root"), ("moon", "x")])
def test_a_record_of_another_machine(tmp_path: Path, place: tuple[str, str]) -> None:
    """A record of places that this machine cannot have, as of a folder that Windows shares, is named."""
    (tmp_path / "trust.json").write_text(json.dumps([dict(zip(("store", "place"), place, strict=True))]))

    with pytest.raises(FileProblemError) as caught:
        trust.recorded_places(tmp_path, Machine("linux", tmp_path, {}, lambda _: None))

    assert caught.value.message == f"cannot read `{tmp_path}/trust.json`, which says where your authority is trusted"


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the user's data folder, or where the variable says, and users without a home have none."""
    assert trust.folder({"ASGICTL_CA_DIR": str(tmp_path)}) == tmp_path
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert trust.folder({}) == tmp_path / "asgictl/ca"


def test_how_its_folder_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the user's home, as in a shell, and a variable that names no folder is refused."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert trust.folder({"ASGICTL_CA_DIR": "~/x"}) == tmp_path / "x"

    for value, problem in (
        (" ", "holds nothing but blanks"),
        ("~nobody-at-all/x", "leads nowhere: nobody has the home in `~nobody-at-all/x`"),
    ):
        with pytest.raises(ConfigError) as caught:
            trust.folder({"ASGICTL_CA_DIR": value})
        assert caught.value.message == f"the variable `ASGICTL_CA_DIR` {problem}"

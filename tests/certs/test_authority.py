"""The user's authority is used only when it is whole, in time, and nobody else's business."""

import datetime as dt
import os
from pathlib import Path

import pytest

from asgictl.certs import authority, files, keys, trust
from asgictl.certs.issue import Issuer
from asgictl.certs.names import Constraints
from asgictl.errors import FileProblemError

AGAIN = "run `asgictl gen-cert --untrust`, and then --trust again"


def test_it_is_found_again(tmp_path: Path, issuer: Issuer, now: dt.datetime) -> None:
    """An authority is made once, also by two at the same time, and its folder is its owner's alone."""
    folder = tmp_path / "authority"

    assert authority.load(folder, now) is not None
    again = authority.make(folder, Constraints(), now)
    assert again.certificate == issuer.certificate
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("moment", "problem"), [(dt.timedelta(days=4000), "has expired on"), (-dt.timedelta(days=2), "is not valid before")]
)
def test_out_of_its_time(tmp_path: Path, issuer: Issuer, now: dt.datetime, moment: dt.timedelta, problem: str) -> None:
    """One that is not valid now signs nothing."""
    assert issuer
    with pytest.raises(FileProblemError, match=f"^your authority {problem}"):
        authority.load(tmp_path / "authority", now + moment)


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

    with pytest.raises(FileProblemError, match=r"^others may write to the folder of your authority"):
        authority.load_or_make(folder, now)


def test_a_folder_that_cannot_be(tmp_path: Path, now: dt.datetime) -> None:
    """A place where no folder can be made is named, with the variable that chooses another."""
    (tmp_path / "file").write_text("")

    with pytest.raises(FileProblemError) as caught:
        authority.load_or_make(tmp_path / "file/authority", now)

    assert caught.value.hint == "set ASGICTL_CA_DIR to a folder of yours"


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

    with pytest.raises(FileProblemError, match=r"cannot read `.*trust\.json`"):
        trust.recorded(tmp_path / "authority")


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the user's data folder, or where the variable says, and users without a home have none."""
    assert trust.folder({"ASGICTL_CA_DIR": str(tmp_path)}) == tmp_path
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert trust.folder({}) == tmp_path / "asgictl/ca"

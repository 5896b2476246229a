"""Private keys do not get into version control, and one that is in it is told of."""

import subprocess
from pathlib import Path

import pytest

from asgictl.certs import version_control
from asgictl.certs.stores import UnknownError
from tests.conftest import needs


@pytest.mark.parametrize(
    ("ignored", "expected"), [(None, True), ("*\n!README.md\n", True), ("*.key\n", True), ("nothing\n", False)]
)
def test_version_control(tmp_path: Path, ignored: str | None, expected: bool) -> None:
    """A new folder keeps its keys out of version control; one with rules of its own is left alone, and told of."""
    if ignored is not None:
        (tmp_path / ".gitignore").write_text(ignored)

    version_control.keep_out(tmp_path / "cert.key")

    assert version_control.is_ignored(tmp_path / "cert.key") is expected
    assert (tmp_path / ".gitignore").read_text() == ignored or ignored is None


def test_version_control_that_cannot_be_seen_to(tmp_path: Path) -> None:
    """What cannot be read ignores nothing, and where nothing can be written, nothing is."""
    ignored = tmp_path / ".gitignore"
    ignored.write_bytes(b"*\n\xff\n")
    assert not version_control.is_ignored(tmp_path / "cert.key")
    ignored.unlink()
    ignored.mkdir()
    assert not version_control.is_ignored(tmp_path / "cert.key")

    version_control.keep_out(tmp_path / "nosuch/cert.key")

    assert not (tmp_path / "nosuch").exists()


@pytest.mark.parametrize(("name", "more"), [("a.key", ""), ("a.p12", ""), ("a.pem", "a.pem*\n.new-a.pem*\n")])
def test_what_is_kept_out(tmp_path: Path, name: str, more: str) -> None:
    """The file that keeps keys out of version control names each kind of key, and one of another name."""
    version_control.keep_out(tmp_path / name)

    assert (tmp_path / ".gitignore").read_text() == (
        "# Written by asgictl: private keys never get into version control.\n"
        f"*.key\n*.key.part\n*.p12\n*.p12.part\n{more}"
    )
    assert version_control.is_ignored(tmp_path / name)


@needs("git")
@pytest.mark.parametrize("name", ["cert.key", "server.pem"])
def test_git_agrees(tmp_path: Path, name: str) -> None:
    """Git sees neither the key nor what an interrupted run leaves of it."""
    version_control.keep_out(tmp_path / name)
    for file in (name, f".new-{name}", f".new-{name}.part"):
        (tmp_path / file).write_text("")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)

    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout

    assert status == "?? .gitignore\n"


def repository(folder: Path) -> Path:
    """Return a repository with a key that is ignored."""
    git(folder, "init", "--quiet")
    version_control.keep_out(folder / "cert.key")
    (folder / "cert.key").write_text("")
    return folder


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder."""
    subprocess.run(["git", *arguments], cwd=folder, check=True)


@needs("git")
def test_a_key_that_git_has(tmp_path: Path) -> None:
    """A key is in git from `git add` on, and not before; without a repository there is nothing to ask."""
    assert not version_control.is_tracked(tmp_path / "cert.key")
    key = repository(tmp_path) / "cert.key"
    assert not version_control.is_tracked(key)
    assert not version_control.may_take(key)

    git(tmp_path, "add", "--force", "cert.key")

    assert version_control.is_tracked(key)
    (tmp_path / "*.pem").write_text("")
    (tmp_path / "a.pem").write_text("")
    git(tmp_path, "add", "a.pem")
    assert not version_control.is_tracked(tmp_path / "*.pem")


@needs("git")
def test_what_git_would_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that a rule further up keeps out is not told of, but where git cannot be asked."""
    key = tmp_path / "ca/ca.key"
    key.parent.mkdir()
    assert not version_control.may_take(key)
    git(tmp_path, "init", "--quiet")
    assert version_control.may_take(key)
    (tmp_path / ".gitignore").write_text("ca/\n")
    assert not version_control.may_take(key)

    monkeypatch.setenv("PATH", str(tmp_path))

    assert version_control.may_take(key)


@needs("git")
def test_git_runs_nothing_of_the_repositorys(tmp_path: Path) -> None:
    """What an unpacked repository has in its configuration is not run."""
    key = repository(tmp_path) / "cert.key"
    git(tmp_path, "config", "core.fsmonitor", f"touch {tmp_path}/was-run; false")

    assert not version_control.is_tracked(key)
    assert not (tmp_path / "was-run").exists()


NO_ANSWERS = {
    "none": (None, "git is not installed"),
    "relative": ("#!/bin/sh\n", "git is not installed"),
    "slow": ("#!/bin/sh\nexec sleep 100\n", "git does not answer within 0.2 seconds"),
    "refusing": ("#!/bin/sh\necho 'fatal: no' >&2; exit 128\n", "git says `fatal: no`"),
    "silent": ("#!/bin/sh\nexit 3\n", "git ended with 3"),
    "broken": ("#!/nosuch\n", "cannot run git: No such file or directory"),
}


@pytest.mark.parametrize("case", NO_ANSWERS)
def test_git_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Where git cannot say it, that is told: it is not there, takes too long, or refuses the repository."""
    script, reason = NO_ANSWERS[case]
    (tmp_path / ".git").mkdir()
    (tmp_path / "tools").mkdir()
    if script is not None:
        (tmp_path / "tools/git").write_text(script)
        (tmp_path / "tools/git").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    tools = "tools" if case == "relative" else f"{tmp_path}/tools"
    monkeypatch.setenv("PATH", f"{tools}:/bin" if case == "slow" else tools)
    monkeypatch.setattr(version_control, "_PATIENCE", 0.2 if case == "slow" else 60)

    with pytest.raises(UnknownError) as caught:
        version_control.is_tracked(tmp_path / "cert.key")

    assert str(caught.value) == reason

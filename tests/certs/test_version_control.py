"""Private keys do not get into version control, and one that is in it is told of."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from asgictl.certs import version_control
from asgictl.errors import UnansweredError
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


def partial_clone(work: Path, command: str) -> Path:
    """Return where a key would be in an unpacked clone that lacks that folder's tree, and has `command` fetch it."""
    for name in ("a/file", "ssl/README"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(name)
    git(work, "init", "--quiet")
    git(work, "add", ".")
    git(work, "-c", "user.name=x", "-c", "user.email=x", "commit", "--quiet", "--message", "x")
    git(work, "sparse-checkout", "set", "--cone", "--sparse-index", "a")
    tree = subprocess.run(["git", "rev-parse", "HEAD:ssl"], cwd=work, check=True, capture_output=True, text=True).stdout
    (work / ".git/objects" / tree[:2] / tree[2:].strip()).unlink()
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": str(work),
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": command,
    }.items():
        git(work, "config", key, value)
    (work / "ssl").mkdir(exist_ok=True)
    return work / "ssl/cert.key"


@needs("git")
def test_git_fetches_nothing(tmp_path: Path) -> None:
    """An unpacked clone that lacks a part has nothing fetched by a command of its own."""
    key = partial_clone(tmp_path / "work", f"touch {tmp_path}/was-run; git-upload-pack")

    with contextlib.suppress(UnansweredError):  # newer versions of git refuse to tell then
        assert not version_control.is_tracked(key)
        assert version_control.may_take(key)

    assert not (tmp_path / "was-run").exists()


RUN = {
    "core.pager": "{}",
    "pager.ls-files": "{}",
    "alias.ls-files": "!{}",
    "core.sshCommand": "{}",
    "credential.helper": "!{}",
    "filter.x.clean": "{}",
    "filter.x.process": "{}",
    "diff.x.textconv": "{}",
    "core.hooksPath": "hooks",
    "include.path": "{}.included",
}


@needs("git")
@pytest.mark.parametrize("has_key", [True, False])
def test_git_runs_no_other_program(tmp_path: Path, has_key: bool) -> None:
    """Nor is anything else run that a repository can name: a pager, a hook, a filter, or one that a file includes."""
    work = tmp_path / "work"
    work.mkdir()
    key = repository(work) / "cert.key"
    if has_key:
        git(work, "add", "--force", "cert.key")
    command = f"touch {tmp_path}/was-run; cat"
    (work / ".gitattributes").write_text("* filter=x diff=x\n")
    (work / "hooks").mkdir()
    for name in ("post-index-change", "fsmonitor-watchman"):
        (work / "hooks" / name).write_text(f"#!/bin/sh\n{command}\n")
        (work / "hooks" / name).chmod(0o755)
    for name, value in RUN.items():
        git(work, "config", name, value.format(command if name != "include.path" else tmp_path / "x"))
    (tmp_path / "x.included").write_text(f'[core]\n\tfsmonitor = "{command}"\n')
    os.utime(key, (1, 1))

    assert (version_control.is_tracked(key), version_control.may_take(key)) == (has_key, False)

    assert not (tmp_path / "was-run").exists()


@needs("git")
def test_inside_a_hook_of_another_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that name a repository, as git sets them for hooks, do not hide the key's; one's own setup counts."""
    key = repository(tmp_path) / "cert.key"
    git(tmp_path, "add", "--force", "cert.key")
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "nosuch"))
    monkeypatch.setenv("GIT_PREFIX", "elsewhere/")
    assert version_control.is_tracked(key)

    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    (tmp_path / "config").write_text("[broken\n")

    with pytest.raises(UnansweredError):
        version_control.is_tracked(key)


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

    with pytest.raises(UnansweredError) as caught:
        version_control.is_tracked(tmp_path / "cert.key")

    assert str(caught.value) == reason

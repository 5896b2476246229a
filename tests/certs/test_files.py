"""The pair is replaced whole or not at all, whatever happens, and nobody else ever reads the key."""

import datetime as dt
import os
import signal
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from asgictl import atomic
from asgictl.certs import files, issue, keys, names, pairs
from asgictl.certs.files import Pair
from asgictl.errors import FileProblemError
from tests.conftest import finish

# Writes the pair, and is killed at the given step: at an event that Python's audit hooks tell of.
WRITER = """
import os, signal, sys
from pathlib import Path
from asgictl import atomic
from asgictl.certs import files
step, old, new = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
pair = files.Pair(old / "cert.pem", old / "cert.key")
content = [(new / name).read_bytes() for name in ("cert.pem", "cert.key")]
fsync = os.fsync
count = 0
def next_step():
    global count
    count += 1
    if count == step:
        os.kill(os.getpid(), signal.SIGKILL)
def synced(descriptor):
    next_step()
    fsync(descriptor)
    next_step()
os.fsync = synced
with atomic.locked(*pair):
    files.recover(pair)
    sys.addaudithook(lambda event, _: next_step() if event in {"open", "os.rename", "os.remove", "os.chmod"} else None)
    files.write(pair, *content)
"""


def contents() -> tuple[bytes, bytes]:
    """Return a new certificate and its key."""
    key = keys.generate("ec256")
    bundle = issue.server(names.LOCAL, key, dt.timedelta(days=9), dt.datetime.now(dt.UTC))
    return bundle.pem(), keys.pem(key)


def is_whole(pair: Pair) -> bool:
    """Tell whether the two files belong together."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*pair)
    except ssl.SSLError:
        return False
    return True


def public_keys(folder: Path) -> list[Path]:
    """Return the files with a private key in them that others may read."""
    return [
        it for it in folder.iterdir() if b"PRIVATE KEY" in it.read_bytes() and stat.S_IMODE(it.stat().st_mode) & 0o077
    ]


def write(pair: Pair, certificate: bytes, key: bytes, group: int | None = None) -> None:
    """Replace a pair as commands do it."""
    with atomic.locked(*pair):
        files.recover(pair)
        files.write(pair, certificate, key, group)


@pytest.mark.parametrize("before", ["a pair", "nothing"])
def test_killed_at_every_step(tmp_path: Path, before: str) -> None:
    """Killed at any step, a run leaves the old pair, the new one or no certificate; the next run makes it whole."""
    old, new, old_content, new_content = tmp_path / "old", tmp_path / "new", contents(), contents()
    new.mkdir()
    write(Pair(new / "cert.pem", new / "cert.key"), *new_content)
    pair = Pair(old / "cert.pem", old / "cert.key")
    script = tmp_path / "writer.py"
    script.write_text(WRITER)
    states = set()
    step = 0
    while True:
        step += 1
        for file in old.iterdir() if old.exists() else ():
            file.unlink()
        if before == "a pair":
            write(pair, *old_content)

        status, _, stderr = finish(str(step), old, new, script=script)

        assert public_keys(old) == []
        if pair.certificate.exists():
            assert is_whole(pair)
        with atomic.locked(*pair):
            files.recover(pair)
        state = tuple(file.read_bytes() if file.exists() else None for file in pair)
        assert state in ((*old_content,), (*new_content,), (None, None))
        assert {file.name for file in old.iterdir()} <= {"cert.pem", "cert.key"}
        states.add(state)
        if status == 0:
            break
        assert status == -signal.SIGKILL, stderr
    assert step > 10
    assert states == {(*new_content,), (*old_content,) if before == "a pair" else (None, None)}


def test_permissions(tmp_path: Path) -> None:
    """The key is for its owner, or a group too, whatever the umask is; the certificate is for everybody."""
    pair = Pair(tmp_path / "a/cert.pem", tmp_path / "a/cert.key")
    before = os.umask(0)
    try:
        write(pair, *contents())
    finally:
        os.umask(before)
    assert [stat.S_IMODE(file.stat().st_mode) for file in pair] == [0o644, 0o600]
    before = os.umask(0o077)
    try:
        write(pair, *contents(), os.getgid())
    finally:
        os.umask(before)
    assert [stat.S_IMODE(file.stat().st_mode) for file in pair] == [0o644, 0o640]
    assert files.group_of(pair.key) == os.getgid()


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A symbolic link in the place of a file is refused, and what it leads to stays as it is."""
    (tmp_path / "precious").write_text("precious")
    for name in ("cert.pem", "cert.key"):
        pair = Pair(tmp_path / name / "cert.pem", tmp_path / name / "cert.key")
        (tmp_path / name).mkdir()
        (tmp_path / name / name).symlink_to(tmp_path / "precious")

        with pytest.raises(FileProblemError) as caught:
            write(pair, *contents())

        assert (caught.value.message, caught.value.hint) == (
            f"`{tmp_path / name / name}` is a symbolic link",
            f"remove the link, or write elsewhere with --out (it leads to `{tmp_path / 'precious'}`)",
        )
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_key_that_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the new key cannot come, the old pair is whole and in its place."""
    pair = Pair(tmp_path / "cert.pem", tmp_path / "cert.key")
    write(pair, *contents())
    before = [file.read_bytes() for file in pair]
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if target == pair.key:
            raise PermissionError(1, "Operation not permitted")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(FileProblemError, match="Operation not permitted"):
        write(pair, *contents())

    assert [file.read_bytes() for file in pair] == before
    assert {file.name for file in tmp_path.iterdir()} == {"cert.pem", "cert.key"}


def test_a_certificate_that_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the key has come and the certificate cannot, there is none, and the next run completes the pair."""
    pair = Pair(tmp_path / "cert.pem", tmp_path / "cert.key")
    write(pair, *contents())
    new = contents()
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if (self.name, target) == (".new-cert.pem", pair.certificate):
            raise OSError(5, "Input/output error")
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse)
        with pytest.raises(FileProblemError, match="Input/output error"):
            write(pair, *new)
    assert not pair.certificate.exists()

    with pytest.raises(FileProblemError, match=r"cert\.pem` already exists"):  # as any command does it first
        pairs.new(pair, pairs.Order(), None, dt.datetime.now(dt.UTC))

    assert tuple(file.read_bytes() for file in pair) == new
    assert {file.name for file in tmp_path.iterdir()} == {"cert.pem", "cert.key"}


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_makes_is_the_users(tmp_path: Path) -> None:
    """Root in a user's folder makes files that are the user's, and the folder too."""
    os.chown(tmp_path, 4242, 4243)
    pair = Pair(tmp_path / "ssl/cert.pem", tmp_path / "ssl/cert.key")

    write(pair, *contents())

    assert {(file.stat().st_uid, file.stat().st_gid) for file in (*pair, tmp_path / "ssl")} == {(4242, 4243)}


def test_a_staged_link_is_not_followed(tmp_path: Path) -> None:
    """A link under the name of a temporary file is replaced, not written through."""
    pair = Pair(tmp_path / "cert.pem", tmp_path / "cert.key")
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".new-cert.key.part").symlink_to(tmp_path / "precious")

    write(pair, *contents())

    assert ((tmp_path / "precious").read_text(), is_whole(pair)) == ("precious", True)


SEE_TO_IT = "see to the permissions and the disk, or choose another place"
NO_FOLDER = "a file is where a folder has to be: move it away, or choose another place"
OBSTACLES = {
    "a folder": ("`{}/ssl/cert.key` is in the way: it is not a file", "write elsewhere with --out"),
    "a device": ("`{}/ssl/cert.key` is in the way: it is not a file", "write elsewhere with --out"),
    "no folder": ("cannot write `{}/ssl/cert.pem` and `{}/ssl/cert.key`: Not a directory", NO_FOLDER),
    "a folder that cannot be made": ("cannot write to `{}/ssl/inner`: Not a directory", NO_FOLDER),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_obstacles(tmp_path: Path, obstacle: str) -> None:
    """What is in the way is named, with its path, and what to do."""
    folder = tmp_path / ("ssl/inner" if obstacle == "a folder that cannot be made" else "ssl")
    pair = Pair(folder / "cert.pem", folder / "cert.key")
    if "folder " in obstacle or obstacle == "no folder":
        (tmp_path / "ssl").write_text("")
    else:
        (tmp_path / "ssl").mkdir()
        if obstacle == "a folder":
            (tmp_path / "ssl/cert.key").mkdir()
        else:
            os.mkfifo(tmp_path / "ssl/cert.key")

    with pytest.raises(FileProblemError) as caught:
        write(pair, *contents())

    message, hint = OBSTACLES[obstacle]
    assert (caught.value.message, caught.value.hint) == (message.replace("{}", str(tmp_path)), hint)


def recover(pair: Pair) -> None:
    """Complete a pair of which something is in the way."""
    pair.certificate.with_name(".new-cert.key").mkdir()
    files.recover(pair)


def discard(pair: Pair) -> None:
    """Remove a pair of which one is a folder."""
    pair.key.mkdir()
    files.discard(pair)


REFUSED_BY_THE_SYSTEM = {
    "complete": (recover, "cannot complete `{}/cert.pem` and `{}/cert.key`: Is a directory"),
    "remove": (discard, "cannot remove `{}/cert.pem` and `{}/cert.key`: Is a directory"),
    "write": (
        lambda pair: files.write_one(pair.key / "ca.p12", b"", secret=True),
        "cannot write `{}/cert.key/ca.p12`: No such file or directory",
    ),
}


@pytest.mark.parametrize("case", REFUSED_BY_THE_SYSTEM)
def test_what_the_system_refuses(tmp_path: Path, case: str) -> None:
    """What cannot be completed, removed or written is named with the system's reason, and what to see to."""
    act, message = REFUSED_BY_THE_SYSTEM[case]

    with pytest.raises(FileProblemError) as caught:
        act(Pair(tmp_path / "cert.pem", tmp_path / "cert.key"))

    assert (caught.value.message, caught.value.hint) == (message.replace("{}", str(tmp_path)), SEE_TO_IT)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path.mkdir, "Is a directory"),
        (os.mkfifo, "it is not a regular file"),
        (lambda file: file.write_bytes(b"x" * 1_000_001), "it is larger than 1000000 bytes"),
    ],
    ids=["a folder", "a pipe", "a large one"],
)
def test_what_is_not_read(tmp_path: Path, make: Callable[[Path], object], reason: str) -> None:
    """What is not a file, or too large for a certificate, is refused at once, with the reason."""
    make(tmp_path / "x")

    with pytest.raises(FileProblemError) as caught:
        files.read(tmp_path / "x")

    assert (caught.value.message, caught.value.hint) == (
        f"cannot read `{tmp_path}/x`: {reason}",
        "see to its permissions, and that it is the right file",
    )


def test_an_error_without_a_number() -> None:
    """An error of the system that has only words is told in them."""
    error = atomic.problem("cannot write `x`", OSError("the disk is on fire"))

    assert (error.message, error.hint) == ("cannot write `x`: the disk is on fire", SEE_TO_IT)


@pytest.mark.skipif(sys.platform == "win32", reason="folders are synced elsewhere only")
def test_the_disk_keeps_what_was_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files are on the disk before they come into place, and each rename is before the next step."""
    pair = Pair(tmp_path / "cert.pem", tmp_path / "cert.key")
    write(pair, *contents())
    synced: list[object] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        number = os.fstat(descriptor).st_ino
        names = {it.stat().st_ino: it.name for it in tmp_path.iterdir()}
        is_folder = number == tmp_path.stat().st_ino
        synced.append(sorted(names.values()) if is_folder else names[number])
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    write(pair, *contents())
    files.write_one(tmp_path / "one.p12", b"x", secret=True)

    assert synced == [
        ".new-cert.key.part",
        ".new-cert.pem.part",
        [".new-cert.pem", ".old-cert.pem", "cert.key"],
        [".old-cert.pem", "cert.key", "cert.pem"],
        ".new-one.p12.part",
        ["cert.key", "cert.pem", "one.p12"],
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="the folder's list decides there")
def test_whose_a_key_is(tmp_path: Path) -> None:
    """A key is private when at most its group may read it, and nobody else may do anything with it."""
    key = tmp_path / "cert.key"
    key.touch()
    private, shared = set(), set()
    for mode in range(0o400, 0o1000):
        key.chmod(mode)
        private |= {mode} if files.is_private(key) else set()
        shared |= {mode} if files.group_of(key) == key.stat().st_gid else set()

    assert private == {mode for mode in range(0o400, 0o1000) if mode & 0o077 in (0, 0o040)}
    assert shared == {0o640}


def test_two_at_once(tmp_path: Path) -> None:
    """A second run waits for the first, in another process too."""
    pair = Pair(tmp_path / "cert.pem", tmp_path / "cert.key")
    code = "import sys; from pathlib import Path; from asgictl import atomic; from asgictl.certs import files\n"
    code += "with atomic.locked(Path(sys.argv[1])): print('got it', flush=True)"
    with atomic.locked(*pair):
        other = subprocess.Popen([sys.executable, "-c", code, pair.key], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        lines: list[str] = []
        reader = threading.Thread(target=lambda stream=other.stdout: lines.append(stream.readline()))
        reader.start()
        reader.join(0.5)
        assert lines == []
    reader.join(30)
    other.stdout.close()
    assert (other.wait(), lines) == (0, ["got it\n"])


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root gives files to any group")
def test_a_key_for_a_group(tmp_path: Path) -> None:
    """A key for a group belongs to that group, which may read it, and the certificate to nobody else."""
    pair = Pair(tmp_path / "cert.pem", tmp_path / "cert.key")

    write(pair, *contents(), 4243)

    assert (files.group_of(pair.key), pair.certificate.stat().st_gid) == (4243, tmp_path.stat().st_gid)

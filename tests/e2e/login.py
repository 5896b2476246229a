"""The login of a user whom this machine has not seen before, in a private view of its file system.

Whatever is done there, by the user or by root, is gone with the view; nothing of it gets out to a network.
"""

import contextlib
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ASGICTL

USER = "newcomer"

# The user may pass through the folders that lead to asgictl and to its Python, but finds only `asgictl` on PATH: where
# pipx puts it, a folder that Debian's `~/.profile` adds if it is there.
_SETUP = f"""
set -eu
room=$1 asgictl=$2
shift 2
mount -t tmpfs tmpfs "$room"
mkdir "$room/changed" "$room/work" "$room/root"
mount -t overlay -o "lowerdir=/,upperdir=$room/changed,workdir=$room/work" overlay "$room/root"
cd "$room/root"
for place in dev sys; do mount --rbind "/$place" "$place"; done
mount -t proc proc proc
pivot_root . mnt
cd /
umount -l mnt
chmod o+x "$@"
ip link set lo up
useradd --create-home --shell /bin/bash {USER}
echo '{USER} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{USER}
su {USER} -c 'mkdir -p ~/.local/bin && ln -s "$0" ~/.local/bin/asgictl' "$asgictl"
echo ready
exec cat
"""


class Login(NamedTuple):
    """A user's login."""

    view: int

    def run(self, command: str, *, user: str = USER, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a line in a shell of `user`, who has just logged in."""
        spaces = ["--mount", "--net", f"--pid=/proc/{self.view}/ns/pid_for_children"]
        enter = ["nsenter", f"--target={self.view}", *spaces, "--", "su", "-", user, "-c", command]
        return subprocess.run(
            enter, input=given, capture_output=True, text=True, errors="replace", check=False, timeout=100
        )

    def out(self, command: str, *, user: str = USER, given: str = "") -> str:
        """Return what a line prints that has to succeed."""
        done = self.run(command, user=user, given=given)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def has(self, program: str) -> bool:
        """Tell whether the user finds a program."""
        return self.run(f"command -v {program}").returncode == 0

    def write(self, name: str, text: str) -> None:
        """Write a file into the home."""
        self.out(f'mkdir -p "$(dirname {name})"; cat >{name}', given=text)

    def serve(self, folder: str, command: str) -> str:
        """Start a server, which goes with the view; return the URL in its banner."""
        self.out(f"cd {folder}; {command} >log 2>&1 </dev/null &")
        return self.wait_for(f"{folder}/log", r"https://\S+:[0-9]+")

    def wait_for(self, log: str, pattern: str) -> str:
        """Return what matches `pattern` in a file, once it is there."""
        look = f"grep -Eom1 {shlex.quote(pattern)} {log}"
        return self.out(f"for _ in $(seq 300); do {look} && exit; sleep 0.1; done; cat {log}; exit 1").strip()


@contextlib.contextmanager
def login(room: Path) -> Iterator[Login]:
    """Log a new user in, with `room` as an empty folder for the view."""
    python = Path(sys.executable)
    passed = {str(folder) for path in (ASGICTL, python, python.resolve()) for folder in path.parents}
    spaces = ["--mount", "--net", "--pid", "--fork", "--kill-child"]
    command = ["unshare", *spaces, "sh", "-c", _SETUP, "sh", str(room), str(ASGICTL), *passed]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as view:
        assert view.stdout is not None
        assert view.stdout.readline() == b"ready\n", "there is no private view of the file system"
        yield Login(view.pid)

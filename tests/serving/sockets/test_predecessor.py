"""A port, or a UNIX socket, that a predecessor has: waited for while it may be stopping, and never taken from it."""

import contextlib
import errno
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from asgictl.errors import StartError
from asgictl.serving.processes import stopping
from asgictl.serving.sockets import listen, port_owner, predecessor
from asgictl.serving.sockets.listen import Bind
from asgictl.serving.sockets.port_owner import Owner
from tests.conftest import linux

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

ASGICTL, NODE = Owner(7, "asgictl", may_be_ours=True), Owner(8, "node", may_be_ours=False)

# Who has the port, and how often it is tried in the one second that there is.
OWNERS: dict[Owner | None, int] = {ASGICTL: 51, None: 51, NODE: 1}


class Clock:
    """A time that only sleeping takes."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """Return it."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.now = round(self.now + seconds, 3)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the time of those who wait."""
    made = Clock()
    monkeypatch.setattr(predecessor, "time", made)
    return made


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("owner", OWNERS)
def test_how_long_it_waits(monkeypatch: pytest.MonkeyPatch, owner: Owner | None) -> None:
    """A busy port is told at once, or after a second where another asgictl has it, or nobody knows who."""
    tried: list[int] = []

    def bound(_host: str, port: int, _backlog: int) -> socket.socket:
        tried.append(port)
        raise OSError(errno.EADDRINUSE, "")

    monkeypatch.setattr(listen, "_bound", bound)
    monkeypatch.setattr(port_owner, "find", lambda _: owner)

    with pytest.raises(StartError) as caught:
        listen.listen(Bind(port=8000))

    assert caught.value.message == f"port 8000 on 127.0.0.1 is in use{f' by {owner}' if owner else ''}"
    assert tried == [8000] * OWNERS[owner]


def test_next_port_waits_for_the_predecessor(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """`--next-port` passes what others have, and waits for a predecessor on a later port, all in one second."""
    owners = {8000: NODE, 8001: ASGICTL, 8002: ASGICTL}
    leaves = {8001: 200.0, 8002: 100.4}
    made = socket.socket()
    tried: list[int] = []

    def bound(_host: str, port: int, _backlog: int) -> socket.socket:
        tried.append(port)
        if clock.now < leaves.get(port, 200):
            raise OSError(errno.EADDRINUSE, "")
        return made

    monkeypatch.setattr(listen, "_bound", bound)
    monkeypatch.setattr(port_owner, "find", owners.__getitem__)

    with contextlib.closing(listen.listen(Bind(port=8000, next_port=True))) as listener:
        assert listener.socket is made
    assert tried == [8000, *[8001] * 51, 8002]


@pytest.mark.parametrize("next_port", [False, True])
@pytest.mark.parametrize("uds", [False, True])
def test_one_that_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uds: bool, next_port: bool) -> None:
    """The successor gets the very same place as soon as the predecessor, which still has a client, lets go."""
    monkeypatch.setattr(port_owner, "find", lambda _: ASGICTL)
    first = listen.listen(Bind(uds=f"{tmp_path}/web.sock") if uds else Bind(port=0))
    address = first.socket.getsockname()
    looks_again = threading.Event()
    fake = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: looks_again.set())
    monkeypatch.setattr(predecessor, "time", fake)

    def stop() -> None:
        looks_again.wait(20)
        first.refuse()

    stops = threading.Thread(target=stop)
    stops.start()
    bind = Bind(uds=address) if uds else Bind(port=address[1], next_port=next_port)
    with socket.socket(first.socket.family) as client:
        client.connect(address)
        accepted, _ = first.socket.accept()
        with accepted, contextlib.closing(listen.listen(bind)) as second:
            stops.join(20)
            first.close()
            assert second.socket.getsockname() == address
            assert not uds or Path(address).exists()


@pytest.fixture
def python(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A program in Python that is none of ours, and listens on a port and on a UNIX socket."""
    code = (
        "import socket, sys\n"
        "a, b = socket.create_server(('127.0.0.1', 0)), socket.socket(socket.AF_UNIX)\n"
        "b.bind(sys.argv[1]); b.listen()\n"
        "print(a.getsockname()[1], flush=True); sys.stdin.read()"
    )
    command = [os.path.realpath(sys.executable), "-S", "-c", code, str(tmp_path / "other.sock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.communicate()


@linux
def test_whose_a_place_is(python: subprocess.Popen[str], tmp_path: Path) -> None:
    """A program of another's is known as one, by a port and by a UNIX socket."""
    assert python.stdout is not None
    places = int(python.stdout.readline()), tmp_path / "other.sock"

    found = [port_owner.find(place) for place in places]

    assert [(owner.pid, owner.may_be_ours) for owner in found if owner] == [(python.pid, False)] * 2
    assert port_owner.find(tmp_path / "none.sock") is None


COMMANDS = [("-m", "asgictl", "serve"), ("/x/bin/asgictl", "serve"), ("-c", "from multiprocessing.spawn import x")]


@linux
@pytest.mark.parametrize("words", COMMANDS)
def test_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...]) -> None:
    """However asgictl was started, it is known, and so are its workers."""
    process = tmp_path / "4242"
    (process / "fd").mkdir(parents=True)
    (process / "fd" / "5").symlink_to("socket:[99]")
    (process / "comm").write_text("python\n")
    (process / "cmdline").write_bytes(b"\0".join(word.encode() for word in ("python", *words)))
    monkeypatch.setattr(port_owner, "_inodes", lambda _: ["99"])
    monkeypatch.setattr(port_owner, "_PROC", tmp_path)

    assert port_owner.find(8000) == Owner(4242, "python", may_be_ours=True)


def test_its_patience() -> None:
    """It waits twice as long as an asgictl that stops, and whose loop is blocked, keeps the place."""
    assert predecessor._PATIENCE == 2 * stopping.REFUSE

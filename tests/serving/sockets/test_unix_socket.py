"""A UNIX socket: its permissions, and what is in its place already."""

import contextlib
import errno
import os
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from asgictl.errors import AsgictlError, ConfigError, FileProblemError, StartError
from asgictl.serving.sockets import listen, unix_socket
from asgictl.serving.sockets.listen import Bind

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

if sys.platform != "win32":
    import fcntl


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The place of a socket."""
    return tmp_path / "web.sock"


def answers(path: Path) -> bool:
    """Tell whether somebody listens on a socket."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def leave_stale(path: Path) -> None:
    """Leave the socket of a server that is gone."""
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o777, 0])
def test_permissions(path: Path, mode: int) -> None:
    """The socket has its permissions from the moment it is there, and later files have theirs as before."""
    before = os.umask(0o022)
    try:
        with contextlib.closing(unix_socket.bound(path, mode)):
            assert stat.S_IMODE(path.stat().st_mode) == mode
            assert answers(path) is os.access(path, os.W_OK)
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


MODES = {"660": 0o660, "0600": 0o600, "777": 0o777, "0": 0}


@pytest.mark.parametrize("text", MODES)
def test_modes(text: str) -> None:
    """A mode is octal digits, as chmod has them."""
    assert unix_socket.mode_of(text) == MODES[text]


@pytest.mark.parametrize("text", ["rw", "", "668", "1777", "1000", "-1"])
def test_wrong_modes(text: str) -> None:
    """What is no mode for a socket is refused."""
    with pytest.raises(ConfigError) as caught:
        unix_socket.mode_of(text)

    assert (caught.value.message, caught.value.hint, caught.value.option) == (
        f"`--uds-mode {text}` is not a mode",
        "write it in octal digits, like 660",
        "uds-mode",
    )


def by_us() -> str:
    """Return by whom a socket of this process is in use; its name changes while tests run."""
    if sys.platform != "linux":
        return " by another server"
    return f" by pid {os.getpid()} ({Path('/proc/self/comm').read_text().strip()})"


def problem(path: Path) -> tuple[type[AsgictlError], str, str | None]:
    """Return the error that listening on a path raises."""
    with pytest.raises(AsgictlError) as caught:
        unix_socket.bound(path, 0o660)
    return type(caught.value), caught.value.message, caught.value.hint


def test_what_is_in_the_way(path: Path, tmp_path: Path) -> None:
    """Each thing that is in the way has its own error, and is left as it is."""
    with contextlib.closing(unix_socket.bound(path, 0o660)):
        assert problem(path) == (
            StartError,
            f"the socket `{path}` is in use{by_us()}",
            "stop it, or pass another --uds",
        )
        assert answers(path)
    file = tmp_path / "file"
    file.write_text("precious")
    link = tmp_path / "link"
    link.symlink_to(file)

    for one in (file, link):
        message = f"`{one}` is in the way: it is not a socket"
        assert problem(one) == (FileProblemError, message, "remove it, or pass another --uds")
    assert file.read_text() == "precious"
    for missing in (tmp_path / "no/web.sock", file / "web.sock"):
        message = f"there is no folder `{missing.parent}` for the socket"
        assert problem(missing) == (FileProblemError, message, "create it first")
    long = tmp_path / ("x" * 200)
    hint = "pass a shorter --uds, like /run/app.sock"
    assert problem(long) == (StartError, f"the path `{long}` is too long for a socket", hint)


def test_a_system_without_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no UNIX sockets the options that there are are named."""
    monkeypatch.delattr(socket, "AF_UNIX")

    assert problem(path) == (ConfigError, "there are no UNIX sockets here", "pass --host and --port")


def test_what_the_system_refuses(path: Path) -> None:
    """Another reason of the system's is told with the path."""
    made = unix_socket._problem(OSError(errno.EACCES, ""), path)

    assert (type(made), made.message, made.hint) == (
        StartError,
        f"cannot listen on `{path}`: {os.strerror(errno.EACCES)}",
        None,
    )


def test_a_server_that_is_busy(path: Path) -> None:
    """A socket whose queue is full is alive, and is not taken away."""
    with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as clients:
        busy.bind(str(path))
        busy.listen(0)
        while True:
            client = clients.enter_context(socket.socket(socket.AF_UNIX))
            client.settimeout(0)
            if client.connect_ex(str(path)) != 0:
                break

        assert problem(path)[1] == f"the socket `{path}` is in use{by_us()}"
        assert path.exists()


def test_a_stale_socket_is_replaced(path: Path) -> None:
    """What a killed server has left is replaced."""
    leave_stale(path)

    with contextlib.closing(unix_socket.bound(path, 0o660)):
        assert answers(path)


@pytest.fixture
def _umask() -> Iterator[None]:
    """Put the umask back, which is the process's and not a thread's."""
    before = os.umask(0)
    os.umask(before)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_umask")
def test_two_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two launchers that find the same stale socket, the first serves, and the second is told so."""
    leave_stale(path)
    first_looks, second_waits = threading.Event(), threading.Event()
    make_way, flock = unix_socket._make_way, fcntl.flock
    results: dict[str, object] = {}

    def make_way_slowly(path: Path) -> None:
        if not first_looks.is_set():
            first_looks.set()
            second_waits.wait(10)
        make_way(path)

    def watched_flock(descriptor: int, operation: int) -> None:
        try:
            flock(descriptor, operation)
        except BlockingIOError:
            second_waits.set()
            raise

    def launch(name: str) -> None:
        try:
            results[name] = unix_socket.bound(path, 0o660)
        except AsgictlError as error:
            results[name] = error.message
        second_waits.set()

    monkeypatch.setattr(unix_socket, "_make_way", make_way_slowly)
    monkeypatch.setattr(fcntl, "flock", watched_flock)
    monkeypatch.setattr(unix_socket, "_PATIENCE", 60)
    threads = [threading.Thread(target=launch, args=(name,)) for name in ("first", "second")]
    threads[0].start()
    assert first_looks.wait(10)
    threads[1].start()
    for thread in threads:
        thread.join(20)

    assert results["second"] == f"the socket `{path}` is in use{by_us()}"
    assert isinstance(results["first"], socket.socket)
    with contextlib.closing(results["first"]):
        assert answers(path)


def test_a_lock_that_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who locks the folder for good does not keep the server from starting: it waits two seconds."""
    now = [100.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(unix_socket, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with contextlib.closing(unix_socket.bound(path, 0o660)):
            assert answers(path)
    finally:
        os.close(folder)
    assert now[0] == pytest.approx(102, abs=0.02)


def test_a_lock_that_goes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start goes on as soon as another launcher is done."""
    folder = os.open(path.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        os.close(folder)

    monkeypatch.setattr(unix_socket, "time", SimpleNamespace(monotonic=lambda: 100.0, sleep=sleep))

    unix_socket.bound(path, 0o660).close()

    assert waited == [0.01]


def test_the_end_removes_its_own_socket(path: Path) -> None:
    """After the end the socket is gone, unless it is another server's by now."""
    listener = listen.listen(Bind(uds=str(path), uds_mode=0o600))
    assert (listener.address.url("http"), listener.address.network_url("http")) == (f"unix:{path}", None)
    assert listener.arguments() == {"fd": listener.socket.fileno()}
    listener.close()
    assert not path.exists()

    listener = listen.listen(Bind(uds=str(path)))
    path.unlink()
    with contextlib.closing(unix_socket.bound(path, 0o660)):
        listener.close()
        assert answers(path)


def test_the_file_goes_before_the_socket_closes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A successor finds a socket that is alive, or none: never one that is dead, which it would replace too early."""
    listener = listen.listen(Bind(uds=str(path)))
    alive: list[bool] = []
    unlink = Path.unlink

    def unlink_and_look(self: Path, missing_ok: bool = False) -> None:  # noqa: FBT002  # pathlib's signature
        alive.append(answers(path))
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink_and_look)

    listener.refuse()

    assert alive == [True]
    with contextlib.closing(unix_socket.bound(path, 0o660)):
        listener.close()  # its file's number may have been used again
        assert (answers(path), alive) == (True, [True])

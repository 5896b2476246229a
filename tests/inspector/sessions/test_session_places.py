"""Where a session may be saved: in a file that nobody else reads, writes or is led to; and what a kill leaves there."""

import contextlib
import fcntl
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asgictl.errors import FileProblemError
from asgictl.inspector.record import Closed, Event, Opened, Record
from asgictl.inspector.sessions import session_file
from asgictl.inspector.sessions.saved_session import SavedSession
from asgictl.inspector.sessions.session_file import SessionFile
from tests.inspector.recordings import CHAT, REQUEST, SCOPE

ELSEWHERE = "pass --save with another name"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def saving(notes: list[str], *, limit: int = 10**8) -> SessionFile:
    """Return a file to save to."""
    return SessionFile(Path("s.jsonl"), about={}, limit=limit, note=notes.append)


def refused(notes: list[str] | None = None) -> tuple[str, str | None]:
    """Return what is said when a file is refused."""
    with pytest.raises(FileProblemError) as caught:
        saving(notes if notes is not None else [])
    return caught.value.message, caught.value.hint


@pytest.mark.parametrize("name", ["s.jsonl", "s.1.jsonl"])
@pytest.mark.parametrize("target", ["empty", "nothing", "folder"])
def test_links(name: str, target: str) -> None:
    """A symbolic link is not followed, wherever it leads; neither one that stands where a full file would go."""
    Path("empty").touch()
    Path("folder").mkdir()
    Path(name).symlink_to(target)

    hint = "pass --save with the name of the file itself"
    assert refused() == (f"cannot save to `{name}`: it is a symbolic link", hint)
    assert (Path("empty").read_text(), Path("nothing").exists()) == ("", False)


def test_a_link_in_the_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that is made after the look."""
    Path("empty").touch()
    Path("s.jsonl").symlink_to("empty")
    monkeypatch.setattr(Path, "is_symlink", lambda _: False)

    assert refused()[0] == "cannot save to `s.jsonl`: Too many levels of symbolic links"
    assert Path("empty").read_text() == ""


@pytest.mark.parametrize("name", ["s.jsonl", "s.1.jsonl"])
def test_hard_links(name: str) -> None:
    """A file that has another name, too, is not written to."""
    Path("other").touch(0o600)
    Path(name).hardlink_to("other")

    assert refused() == (f"cannot save to `{name}`: it has another name, too (a hard link)", ELSEWHERE)
    assert Path("other").read_text() == ""


PLACES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "folder": (lambda path: path.mkdir(), "Is a directory"),
    "pipe": (os.mkfifo, "it is not a file"),
    "socket": (lambda path: os.mknod(path, stat.S_IFSOCK | 0o600), "No such device or address"),
}


@pytest.mark.parametrize("name", ["s.jsonl", "s.1.jsonl"])
@pytest.mark.parametrize("kind", PLACES)
def test_what_is_no_file(name: str, kind: str) -> None:
    """Folders, pipes and sockets are refused at once, without a wait for their other end."""
    make, reason = PLACES[kind]
    make(Path(name))

    assert refused()[0] == f"cannot save to `{name}`: {reason}"


@pytest.mark.parametrize(
    ("place", "reason"),
    [("/dev/null", "it is not a file"), (".", "Is a directory"), ("..", "Is a directory"), ("/", "Is a directory")],
)
def test_devices(place: str, reason: str) -> None:
    """A device is refused, and a folder that has no name of its own."""
    with pytest.raises(FileProblemError, match=rf"^cannot save to `{re.escape(place)}`: {reason}$"):
        SessionFile(Path(place), about={}, limit=1, note=print)


@pytest.mark.parametrize("name", ["s.jsonl", "s.1.jsonl"])
def test_the_file_of_another_user(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of another user's, who could read it, is refused."""
    Path(name).touch(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    if name == "s.1.jsonl":  # the other one is made by the user
        monkeypatch.setattr(os, "fstat", owned(os.fstat, Path("s.jsonl"), os.getuid() + 1))

    assert refused() == (f"cannot save to `{name}`: it belongs to another user", ELSEWHERE)


def owned(fstat: Callable[[int], os.stat_result], path: Path, owner: int) -> Callable[[int], os.stat_result]:
    """Return an `fstat` for which `path` belongs to `owner`."""

    def answer(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        if not os.path.samestat(found, path.stat()):
            return found
        return os.stat_result([*found[:4], owner, *found[5:10]])

    return answer


@pytest.mark.parametrize("name", ["s.jsonl", "s.1.jsonl"])
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o666, 0o677])
def test_files_that_others_can_read(name: str, mode: int) -> None:
    """A file that others could read is theirs no longer, which is said; a file that was put aside, too."""
    saving([]).close()
    if name == "s.1.jsonl":
        Path("s.jsonl").rename(name)
    Path(name).chmod(mode)
    notes: list[str] = []
    saving(notes).close()

    assert stat.S_IMODE(Path(name).stat().st_mode) == 0o600
    assert notes == [f"others could read `{name}`: its mode is 0600 now"]


@pytest.mark.parametrize("name", ["s.jsonl", "s.1.jsonl"])
def test_files_that_are_no_session(name: str) -> None:
    """The mode of a file that is no session stays as it is."""
    Path(name).write_text("print(1)\n")
    Path(name).chmod(0o755)
    notes: list[str] = []

    assert refused(notes)[0].startswith(f"`{name}` is not a saved session")
    assert (notes, stat.S_IMODE(Path(name).stat().st_mode)) == ([], 0o755)


def test_a_file_system_without_permissions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be done about it, that is said."""
    Path("s.jsonl").touch()
    Path("s.jsonl").chmod(0o666)
    notes: list[str] = []

    def fchmod(_: int, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", fchmod)
    saving(notes).close()

    assert notes == ["others could read `s.jsonl`: its file system keeps no permissions"]


def test_locks_that_are_not_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks is written to all the same."""

    def flock(_: int, how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    saving([]).close()

    assert Path("s.jsonl").stat().st_size > 0


def test_two_names_for_one_place() -> None:
    """Nobody puts a file aside to where another session is saved; that is said before, or when it is full."""
    mine = saving([])
    other = SessionFile(Path("s.1.jsonl"), about={}, limit=10**8, note=print)
    mine.close()
    taken = ("another asgictl is saving to `s.1.jsonl`", "stop it, or pass --save with another name")
    assert refused() == taken
    other.close()

    notes: list[str] = []
    mine = saving(notes, limit=1)
    other = SessionFile(Path("s.1.jsonl"), about={}, limit=10**8, note=print)
    mine(REQUEST[0])
    mine(REQUEST[1])
    other(CHAT[0])
    mine.close()
    other.close()
    assert notes == [f"the session is no longer saved: {taken[0]}"]
    assert list(SavedSession(["s.1.jsonl"], print).records()) == [CHAT[0]]


def test_one_that_begins_while_another_puts_its_file_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever begins in the moment in which there is no file is refused, and the first goes on."""
    notes: list[str] = []
    session = saving(notes, limit=1)
    said: list[tuple[str, str | None]] = []
    replace = Path.replace

    def replaced(path: Path, target: Path) -> Path:
        moved = replace(path, target)
        said.append(refused())
        return moved

    session(REQUEST[0])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replaced)
        session(REQUEST[1])
    session(REQUEST[2])
    session.close()

    assert said == [("another asgictl is saving to `s.1.jsonl`", "stop it, or pass --save with another name")]
    assert notes == []
    assert list(SavedSession(["s.1.jsonl", "s.jsonl"], print).records()) == REQUEST[:3]


def test_one_that_waits_with_an_older_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has opened a file that is put aside before it is locked does not write to it."""
    session = saving([])
    flock = fcntl.flock

    def late(descriptor: int, how: int) -> None:
        Path("s.jsonl").rename("s.1.jsonl")
        session.close()
        flock(descriptor, how)

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", late)
        assert refused() == ("another asgictl is saving to `s.jsonl`", "stop it, or pass --save with another name")


def test_a_place_that_is_taken_in_the_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a file cannot be put aside after all, that is said once, and no file stays open."""
    notes: list[str] = []
    before = set(Path("/proc/self/fd").iterdir())
    session = saving(notes, limit=1)
    session(REQUEST[0])

    def denied(path: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", denied)
        session(REQUEST[1])
        session(REQUEST[2])
    session.close()

    assert notes == ["the session is no longer saved: Permission denied"]
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert list(SavedSession(["s.jsonl"], print).records()) == REQUEST[:1]


def test_two_at_once() -> None:
    """Of several that begin at the same time one saves, and the others are refused."""
    ready = threading.Barrier(8)
    outcomes: list[SessionFile | str] = []

    def begin() -> None:
        ready.wait(30)
        try:
            outcomes.append(saving([]))
        except FileProblemError as error:
            outcomes.append(error.message)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    files = [outcome for outcome in outcomes if isinstance(outcome, SessionFile)]
    for file in files:
        file.close()

    assert len(files) == 1
    assert outcomes.count("another asgictl is saving to `s.jsonl`") == 7


class KilledError(BaseException):
    """Stands for a kill."""


RECORDS: list[Record] = [
    Opened(7, 1_700_000_000.0, SCOPE),
    Event(7, 1, 1.0, "send", {"type": "http.response.start", "status": 200, "headers": []}),
    *(
        Event(7, n, n + 0.0, "send", {"type": "http.response.body", "body": b"x" * 500, "more_body": True}, size=500)
        for n in range(2, 9)
    ),
    Closed(7, 9.0),
]
STEPS = ["open", "close", "write", "replace", "rename", "fstat"]


@contextlib.contextmanager
def killed_at(step: int, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the process end at so many steps from now, with half of what it wrote, and its files let go."""
    left = step
    open_ones: set[int] = set()

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise KilledError
            result = real(*arguments, **options)
            if name == "open":
                open_ones.add(result)
            elif name == "close":
                open_ones.discard(arguments[0])
            return result

        return call

    with patch.context() as context:
        for name in STEPS:
            context.setattr(os, name, counted(name, getattr(os, name)))
        with contextlib.suppress(KilledError):
            yield
    for descriptor in open_ones:
        os.close(descriptor)


def test_kill_9_at_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a process is killed, also while it puts a file aside, nothing that was saved is lost or there twice."""
    reached = 0
    for step in range(1, 60):
        folder = tmp_path / str(step)
        folder.mkdir()
        monkeypatch.chdir(folder)
        saved = 0
        with killed_at(step, monkeypatch):
            session = saving([], limit=3800)
            for record in RECORDS:
                session(record)
                saved += 1
            session.close()
        saving([]).close()
        names = [name for name in ("s.1.jsonl", "s.jsonl") if Path(name).exists()]
        assert list(SavedSession(names, print).records()) == RECORDS[:saved], step
        reached = max(reached, step if saved < len(RECORDS) else 0)

    assert 20 < reached < 59
    assert Path("s.1.jsonl").exists()


def test_a_message_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a message that would make too long a line the beginning is saved, and its size; that is said."""
    monkeypatch.setattr(session_file, "LONGEST", 1600)
    notes: list[str] = []
    session = saving(notes)
    session(REQUEST[0])
    session(Event(7, 1, 0.0, "receive", {"type": "http.request", "body": b"\x00" * 1000, "text": None}, size=1000))
    session.close()
    _, event = SavedSession(["s.jsonl"], print).records()

    assert event == Event(
        7, 1, 0.0, "receive", {"type": "http.request", "body": b"\x00" * 100, "text": None}, size=1000, cut=True
    )
    assert notes == ["a message of #7 is too long to save; only its beginning is kept"]


LIFESPAN: list[Record] = [
    Opened(0, 1_700_000_000.0, {"type": "lifespan"}),
    Event(0, 1, 0.0, "receive", {"type": "lifespan.startup"}),
    Event(0, 2, 1.0, "send", {"type": "lifespan.startup.complete"}),
]


def test_what_is_told_again() -> None:
    """A new file tells again how each exchange stands that is not over: an accepted WebSocket, a lifespan that runs."""
    session = saving([], limit=2000)
    frames = [
        Event(8, n, 1.0 * n, "send", {"type": "websocket.send", "text": "x" * 100}, size=100) for n in range(3, 9)
    ]
    for record in [*LIFESPAN, *CHAT[:3], *frames]:
        session(record)
    session.close()
    found = SavedSession(["s.jsonl"], print).wanted([0, 8])
    lifespan, chat = found[0], found[8]

    assert list(lifespan.records()) == LIFESPAN
    assert (chat.status, chat.opened.at, chat.is_cut) == (101, 1_700_000_001.0, True)
    assert chat.left_out + len(chat.events) == 8

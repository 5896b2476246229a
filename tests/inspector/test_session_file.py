"""Saved sessions: nothing is lost, nothing foreign is touched, and damage is told with its line."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from asgictl.errors import FileProblemError
from asgictl.inspector import codec
from asgictl.inspector.exchange import assembled
from asgictl.inspector.record import Closed, Event, Opened, Record
from asgictl.inspector.session import SessionFile, records, redacted_names
from tests.inspector import recordings

HEADER = '{"k":"session","schema":"asgictl.inspect/1"}\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the session goes."""
    return tmp_path / "s.jsonl"


def saving(file: Path, notes: list[str], *, limit: int = 10**8) -> SessionFile:
    """Return a file to save to."""
    return SessionFile(file, about={"app": "main:app"}, limit=limit, note=notes.append)


def test_saves_what_happens_at_once(file: Path) -> None:
    """Each record is in the file as soon as it has happened; only its owner can read it."""
    notes: list[str] = []
    session = saving(file, notes)
    for count, record in enumerate(recordings.REQUEST, start=1):
        session(record)
        assert len(list(records(file, notes.append))) == count
    session.close()

    assert list(records(file, notes.append)) == recordings.REQUEST
    assert file.stat().st_mode & 0o777 == 0o600
    header = json.loads(file.read_text().splitlines()[0])
    assert (header["k"], header["schema"], header["app"]) == ("session", "asgictl.inspect/1", "main:app")
    assert notes == []


def test_goes_on_in_a_file(file: Path) -> None:
    """A second session is appended, with numbers that the first has not used."""
    notes: list[str] = []
    first = saving(file, notes)
    for record in recordings.REQUEST:
        first(record)
    first.close()
    second = saving(file, notes)
    second(Opened(second.next_id, 1_700_000_000.0, recordings.SCOPE))
    second.close()

    assert list(assembled(records(file, notes.append))) == [7, 8]


def test_one_at_a_time(file: Path) -> None:
    """Two sessions cannot mix in one file."""
    session = saving(file, [])

    with pytest.raises(FileProblemError, match=r"another asgictl saves to `.*s.jsonl`"):
        saving(file, [])
    session.close()
    saving(file, []).close()


@pytest.mark.parametrize("content", ["print(1)\n", "\n", '{"k":"session"}\n', "[]\n", '{"schema": "other/1"}\n'])
def test_foreign_files_stay(file: Path, content: str) -> None:
    """A file that is no session is neither read nor written."""
    file.write_text(content)

    for use in (lambda: saving(file, []), lambda: list(records(file, print))):
        with pytest.raises(FileProblemError, match=r"is no saved session|has the schema `other/1`"):
            use()
    assert file.read_text() == content


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder, a pipe, and a folder that is not there are refused."""
    os.mkfifo(tmp_path / "pipe")
    problems = {
        tmp_path: "Is a directory",
        tmp_path / "pipe": "it is not a file",
        tmp_path / "no" / "s.jsonl": "No such file or directory",
    }
    for path, problem in problems.items():
        with pytest.raises(FileProblemError, match=rf"cannot save to `{path}`: {problem}"):
            saving(path, [])


def test_a_last_line_that_is_incomplete(file: Path) -> None:
    """A line that a crash has cut is left out, said, and taken off when the file is continued."""
    notes: list[str] = []
    lines = "".join(map(codec.dumps, recordings.REQUEST))
    file.write_text(HEADER + lines[:-20])

    assert list(records(file, notes.append)) == recordings.REQUEST[:-1]
    session = saving(file, notes)
    session(recordings.FAILING[0])
    session.close()
    assert list(records(file, notes.append)) == [*recordings.REQUEST[:-1], recordings.FAILING[0]]
    assert notes == [
        f"the last line of `{file}` is incomplete, and left out",
        f"the last line of `{file}` was incomplete, and is taken off",
    ]


def test_damage(file: Path) -> None:
    """A line in the middle that is no record is an error with its number."""
    first, *others = map(codec.dumps, recordings.REQUEST)
    file.write_text(HEADER + first + "{broken\n" + "".join(others))

    with pytest.raises(FileProblemError) as caught:
        list(records(file, print))

    assert caught.value.message == f"line 3 of `{file}` is damaged: it is not JSON (column 2)"
    assert caught.value.hint == "remove that line to read the others"


def test_a_header_that_is_incomplete(file: Path) -> None:
    """A run that was killed while it began leaves a file that can be read, and continued."""
    notes: list[str] = []
    lines = "".join(map(codec.dumps, recordings.REQUEST))
    file.write_text(HEADER + lines + HEADER[:20])
    assert list(records(file, notes.append)) == recordings.REQUEST
    saving(file, notes).close()
    assert list(records(file, notes.append)) == recordings.REQUEST
    file.write_text(HEADER.rstrip())
    saving(file, notes).close()
    assert list(records(file, notes.append)) == []
    assert len(notes) == 3


def test_killed_in_the_first_line(file: Path) -> None:
    """A file with a part of its first line is continued, and read as one that holds nothing."""
    notes: list[str] = []
    for size in range(1, len(HEADER)):
        file.write_text(HEADER[:size])
        assert list(records(file, notes.append)) == []
        session = saving(file, notes)
        session(recordings.FAILING[0])
        session.close()
        assert list(records(file, notes.append)) == [recordings.FAILING[0]]


def test_many_that_are_unfinished(file: Path) -> None:
    """However much is unfinished when a file is full, half of the limit is for what is new; numbers go on."""
    session = saving(file, [], limit=4000)
    for number in range(30):
        session(Opened(number, 0.0, recordings.SCOPE))
    for number in range(30):
        session(Event(number, 1, 1.0, "receive", {"type": "http.request"}))
    session.close()
    kept = [record for path in (file.with_name("s.1.jsonl"), file) for record in records(path, print)]
    again = saving(file, [])
    again.close()

    assert sum(isinstance(record, Event) for record in kept) >= 15
    assert again.next_id == 30


def test_kinds_of_later_versions(file: Path) -> None:
    """Kinds of lines that this version does not know are passed over."""
    file.write_text(HEADER + '{"k":"finding","id":7,"rule":"A-162"}\n' + codec.dumps(recordings.FAILING[0]))

    assert list(records(file, print)) == [recordings.FAILING[0]]


def test_one_exchange(file: Path) -> None:
    """One exchange is read alone, whatever is wrong with the others."""
    everything = [*recordings.REQUEST, *recordings.CHAT]
    file.write_text(HEADER + "{broken\n" + "".join(map(codec.dumps, everything)))

    assert list(records(file, print, only=8)) == recordings.CHAT


def test_rotation_takes_nothing_foreign(file: Path) -> None:
    """A file that stands where the older session would go, and is none, stays."""
    older = file.with_name("s.1.jsonl")
    older.write_text("precious")

    with pytest.raises(FileProblemError, match=r"s\.1\.jsonl` is no saved session"):
        saving(file, [])
    assert older.read_text() == "precious"


def test_what_was_left_out(file: Path) -> None:
    """The names of what a session does not hold can be asked for."""
    SessionFile(file, about={"redacted": ["cookie", "token"]}, limit=10**6, note=print).close()
    SessionFile(file, about={"redacted": ["cookie", "x"]}, limit=10**6, note=print).close()

    assert redacted_names(file) == ("cookie", "token", "x")


def test_rotation(file: Path) -> None:
    """A file that is full is put aside; the new one says again what its exchanges were opened with."""
    session = saving(file, [], limit=2000)
    session(recordings.REQUEST[0])
    for number in range(50):
        session(Event(7, number + 1, 1.0, "send", {"type": "http.response.body", "body": b"x" * 50}, 50))
    session(Closed(7, 99.0))
    session.close()
    older = file.with_name("s.1.jsonl")
    (old,), (new,) = (list(assembled(records(path, print)).values()) for path in (older, file))

    assert (old.id, new.id, new.closed) == (7, 7, Closed(7, 99.0))
    assert new.scope == recordings.SCOPE
    assert new.events[-1].n == 50
    assert old.events[-1].n + 1 == new.events[0].n
    assert new.is_cut
    assert max(path.stat().st_size for path in (older, file)) <= 2500


def test_a_full_disk(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing can be written any more, that is said once, and the app goes on."""
    notes: list[str] = []
    session = saving(file, notes)

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    for record in recordings.REQUEST:
        session(record)

    assert notes == ["the session is not saved any further: No space left on device"]


KILLED = """
import os, signal, sys
from pathlib import Path
from asgictl.inspector.session import SessionFile
from tests.inspector import recordings

session = SessionFile(Path(sys.argv[1]), about={}, limit=10**8, note=print)
for record in recordings.REQUEST[:-1]:
    session(record)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9(file: Path) -> None:
    """A process that is killed loses nothing of what has happened."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False, cwd=Path(__file__).parents[2])

    assert done.returncode == -signal.SIGKILL
    found: list[Record] = list(records(file, print))
    assert found == recordings.REQUEST[:-1]

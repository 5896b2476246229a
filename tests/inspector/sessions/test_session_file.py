"""Saved sessions: nothing is lost, nothing foreign is touched, and damage is told with its line."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path

import pytest

from asgictl.errors import FileProblemError
from asgictl.inspector.assembly import assembled
from asgictl.inspector.record import Closed, Continued, Earlier, Event, Failure, Opened, Raised, Record
from asgictl.inspector.sessions import codec, session_file
from asgictl.inspector.sessions.saved_session import SavedSession
from asgictl.inspector.sessions.session_file import SessionFile
from asgictl.inspector.sessions.session_lines import Note
from tests.inspector import recordings

HEADER = '{"k":"session","schema":"asgictl.inspect/1"}\n'


@pytest.fixture(autouse=True)
def _own() -> Iterator[None]:
    """Have files that nobody else can read."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the session goes."""
    return tmp_path / "s.jsonl"


def saving(file: Path, notes: list[str], *, limit: int = 10**8) -> SessionFile:
    """Return a file to save to."""
    return SessionFile(file, about={"app": "main:app"}, limit=limit, note=notes.append)


def records(file: Path, note: Note, *only: int) -> Iterator[Record]:
    """Return what is read of a file."""
    return SavedSession([str(file)], note).records(only)


def redacted(file: Path) -> list[str]:
    """Return the names of what a file does not hold."""
    session = SavedSession([str(file)], print)
    list(session.records())
    return list(session.names("redacted"))


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

    with pytest.raises(FileProblemError, match=r"another asgictl is saving to `.*s.jsonl`"):
        saving(file, [])
    session.close()
    saving(file, []).close()


@pytest.mark.parametrize("content", ["print(1)\n", "\n", '{"k":"session"}\n', "[]\n", '{"schema": "other/1"}\n'])
def test_foreign_files_stay(file: Path, content: str) -> None:
    """A file that is no session is neither read nor written."""
    file.write_text(content)

    for use in (lambda: saving(file, []), lambda: list(records(file, print))):
        with pytest.raises(FileProblemError, match=r"is not a saved session|has the schema `other/1`"):
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
        f"the end of `{file}` is missing; what there is of it is read",
        f"the last line of `{file}` was incomplete and has been removed",
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
    file.write_text(HEADER + '{"k":"later","id":7,"rule":"A-162"}\n' + codec.dumps(recordings.FAILING[0]))

    assert list(records(file, print)) == [recordings.FAILING[0]]


def test_one_exchange(file: Path) -> None:
    """One exchange is read alone, whatever is wrong with the others."""
    everything = [*recordings.REQUEST, *recordings.CHAT]
    file.write_text(HEADER + "{broken\n" + "".join(map(codec.dumps, everything)))

    assert list(records(file, print, 8)) == recordings.CHAT


def test_rotation_takes_nothing_foreign(file: Path) -> None:
    """A file that stands where the older session would go, and is none, stays."""
    older = file.with_name("s.1.jsonl")
    older.write_text("precious")

    with pytest.raises(FileProblemError, match=r"s\.1\.jsonl` is not a saved session"):
        saving(file, [])
    assert older.read_text() == "precious"


def test_what_was_left_out(file: Path) -> None:
    """The names of what a session does not hold can be asked for."""
    SessionFile(file, about={"redacted": ["cookie", "token"]}, limit=10**6, note=print).close()
    SessionFile(file, about={"redacted": ["cookie", "x"]}, limit=10**6, note=print).close()

    assert redacted(file) == ["cookie", "token", "x"]


def test_rotation(file: Path) -> None:
    """A file that is full is put aside; the new one says again what its exchanges were opened with."""
    session = saving(file, [], limit=2000)
    session(recordings.REQUEST[0])
    for number in range(50):
        session(Event(7, number + 1, 1.0, "send", {"type": "http.response.body", "body": b"x" * 50}, size=50))
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


def test_a_clock_that_goes_back(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of a session are in their order by what their first lines say, whatever happens to the clock."""

    class Back(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Back":
            return cls(2000, 1, 1, tzinfo=tz)

    session = saving(file, [], limit=900)
    monkeypatch.setattr(session_file, "datetime", Back)
    for record in recordings.REQUEST:
        session(record)
    session.close()
    older = file.with_name("s.1.jsonl")

    assert list(SavedSession([str(file), str(older)], print).records()) == recordings.REQUEST


def test_a_full_disk(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing can be written any more, that is said once, and the app goes on."""
    notes: list[str] = []
    session = saving(file, notes)

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    for record in recordings.REQUEST:
        session(record)

    assert notes == ["the session is no longer saved: No space left on device"]


KILLED = """
import os, signal, sys
from pathlib import Path
from asgictl.inspector.sessions.session_file import SessionFile
from tests.inspector import recordings

session = SessionFile(Path(sys.argv[1]), about={}, limit=10**8, note=print)
for record in recordings.REQUEST[:-1]:
    session(record)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9(file: Path) -> None:
    """A process that is killed loses nothing of what has happened."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False, cwd=Path(__file__).parents[3])

    assert done.returncode == -signal.SIGKILL
    found: list[Record] = list(records(file, print))
    assert found == recordings.REQUEST[:-1]


def problem(file: Path, *, read: bool = False) -> tuple[str, str | None]:
    """Return what is said, and hinted at, when a file is saved to, or read."""
    with pytest.raises(FileProblemError) as caught:
        list(records(file, print)) if read else saving(file, [])
    return caught.value.message, caught.value.hint


def test_what_is_said(file: Path, tmp_path: Path) -> None:
    """Each thing that cannot be used is named with its reason, and what to do instead."""
    os.mkfifo(tmp_path / "pipe")
    written = "name a file that `asgictl inspect --save` has written, or a HAR"
    none, pipe = tmp_path / "no" / "s.jsonl", tmp_path / "pipe"
    file.write_text("[]\n")
    foreign = (f"`{file}` is not a saved session: its first line does not say `asgictl.inspect/1`", written)

    assert problem(file) == foreign
    assert problem(file, read=True) == foreign
    file.write_text("[" * 100_000 + "\n")
    assert problem(file, read=True) == foreign
    file.write_text('{"schema": "asgictl.inspect/2"}\n')
    newer = f"`{file}` has the schema `asgictl.inspect/2`, this asgictl knows `asgictl.inspect/1`"
    assert problem(file, read=True) == (newer, "use the asgictl that wrote it, or a newer one")
    assert problem(none) == (
        f"cannot save to `{none}`: No such file or directory",
        "pass --save with a file in a folder that can be written",
    )
    assert problem(none, read=True) == (f"cannot read `{none}`: No such file or directory", written)
    assert problem(tmp_path, read=True) == (f"cannot read `{tmp_path}`: Is a directory", written)
    assert problem(pipe) == (f"cannot save to `{pipe}`: it is not a file", "pass --save with another name")
    file.unlink()
    session = saving(file, [])
    assert problem(file) == (f"another asgictl is saving to `{file}`", "stop it, or pass --save with another name")
    session.close()


def test_a_disk_that_is_full_at_the_beginning(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot even be begun is refused, and can be used once there is room."""

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        assert problem(file) == (
            f"cannot save to `{file}`: No space left on device",
            "pass --save with a file on another disk",
        )
    saving(file, []).close()


def test_notes_about_what_was_cut(file: Path) -> None:
    """What a crash has cut is told once, by where it was."""
    notes: list[str] = []
    file.write_text(HEADER[:20])
    assert list(records(file, notes.append)) == []
    saving(file, notes).close()
    file.write_text(HEADER + codec.dumps(recordings.FAILING[0]) + '{"k":"clo')
    assert list(records(file, notes.append)) == recordings.FAILING[:1]
    saving(file, notes).close()
    saving(file, notes).close()

    assert notes == [
        f"`{file}` holds nothing yet",
        f"the last line of `{file}` was incomplete and has been removed",
        f"the end of `{file}` is missing; what there is of it is read",
        f"the last line of `{file}` was incomplete and has been removed",
    ]


def test_a_write_in_pieces(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes a few bytes at a time gets all of them."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data[:7])))
    session = saving(file, [])
    for record in recordings.REQUEST:
        session(record)
    session.close()

    assert list(records(file, print)) == recordings.REQUEST


def test_nothing_is_written_after_the_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an app does after the session was closed is not written, and no error; a second end touches no file."""
    notes: list[str] = []
    session = saving(file, notes)
    session(recordings.FAILING[0])
    session.close()
    session(recordings.FAILING[1])
    closed: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "close", closed.append)
        session.close()

    assert (list(records(file, print)), notes) == (recordings.FAILING[:1], [])
    assert closed == [-1]


def test_numbers_go_on(file: Path) -> None:
    """The first number is one that neither the file has, nor the one that was put aside, whatever comes last."""
    file.with_name("s.1.jsonl").write_text(
        HEADER + codec.dumps(recordings.FAILING[0]) + codec.dumps(recordings.CHAT[0])
    )
    session = saving(file, [])
    assert session.next_id == 10
    session(replace(recordings.REQUEST[0], id=20))
    session(replace(recordings.REQUEST[0], id=15))
    session.close()

    assert saving(file, []).next_id == 21


def test_rotation_fails(file: Path) -> None:
    """When the place of the older file is taken meanwhile, that is said once, and the app goes on."""
    notes: list[str] = []
    session = saving(file, notes, limit=300)
    file.with_name("s.1.jsonl").mkdir()
    for record in recordings.REQUEST:
        session(record)
    session.close()

    assert notes == [f"the session is no longer saved: cannot save to `{file.with_name('s.1.jsonl')}`: Is a directory"]


def test_the_limit(file: Path) -> None:
    """A file is put aside by the record that would make it larger than the limit, and not before."""
    session = saving(file, [], limit=10**8)
    for record in recordings.REQUEST[:4]:
        session(record)
    session.close()
    size = file.stat().st_size
    older = file.with_name("s.1.jsonl")
    for limit, rotated in ((size, False), (size - 1, True)):
        file.unlink()
        session = saving(file, [], limit=limit)
        for record in recordings.REQUEST[:4]:
            session(record)
        session.close()
        assert older.exists() is rotated
    assert list(records(older, print)) == recordings.REQUEST[:3]
    assert list(records(file, print)) == [
        Continued(7, 1_700_000_000.0, recordings.SCOPE, earlier=Earlier(1, 21, 0, "s.1.jsonl")),
        *recordings.REQUEST[2:4],
    ]


def test_lines_of_any_kind(file: Path) -> None:
    """One exchange has all of its records: its messages, exceptions and end; a number is not its beginning."""
    raised = Raised(8, 2, 1.0, "send", Failure("OSError", "gone", ""))
    mine = [*recordings.CHAT[:-1], raised, recordings.CHAT[-1]]
    others = [replace(record, id=number) for number in (80, 88) for record in recordings.FAILING]
    file.write_text(HEADER + "".join(map(codec.dumps, [*others, *mine])))

    assert list(records(file, print, 8)) == mine
    assert list(records(file, print, 80)) == others[:2]


def test_names_that_cannot_be_read(file: Path) -> None:
    """What is not the name of anything names nothing; a name counts once."""
    names = [5, ["b", "a", "b"], ["a", 1, None, "\ud800", "c"], {"x": 1}]
    file.write_text(HEADER + "".join(f"{HEADER.rstrip()[:-1]},{json.dumps({'redacted': one})[1:]}\n" for one in names))

    assert redacted(file) == ["b", "a", "c"]

"""The writer of the access log: how lines are put together, and its limits."""

import contextlib
import errno
import os
import select
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from asgictl.serving.app import log_writer
from asgictl.serving.app.log_writer import LogWriter


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe, which is closed in the end."""
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


CHUNKS: dict[bytes, list[bytes]] = {
    b"": [],
    b"a\n": [b"a\n"],
    b"ab\ncd\n": [b"ab\ncd\n"],
    b"abc\ndef\n": [b"abc\ndef\n"],
    b"abc\ndefg\n": [b"abc\n", b"defg\n"],
    b"abcdefg\n": [b"abcdefg\n"],
    b"abcdefgh\n": [b"abcdefgh\n"],
    b"a\nabcdefghijkl\nb\nc\n": [b"a\n", b"abcdefghijkl\n", b"b\nc\n"],
    b"\n\n\n\n\n\n\n\n\n": [b"\n" * 8, b"\n"],
}


@pytest.mark.parametrize("data", CHUNKS)
def test_chunks(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Into a pipe go as many whole lines as it takes at once, and a longer line by itself."""
    monkeypatch.setattr(log_writer, "_WHOLE", 8)

    assert list(map(bytes, log_writer._chunks(data))) == CHUNKS[data]


def written(monkeypatch: pytest.MonkeyPatch, descriptor: int, text: str) -> list[bytes]:
    """Return the parts in which a text is written."""
    parts: list[bytes] = []
    monkeypatch.setattr(log_writer, "_WHOLE", 8)
    monkeypatch.setattr(log_writer, "_write_all", lambda _, given: parts.extend(map(bytes, given)))
    writer = LogWriter(descriptor, lock=None, complain=pytest.fail)
    writer.write(text)
    writer.finish(20)
    return parts


def test_a_pipe_gets_whole_lines(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes into a pipe is cut after lines."""
    assert written(monkeypatch, pipe[1], "abcde\nfghij\n") == [b"abcde\n", b"fghij\n"]


def test_a_file_gets_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes into a file is written at once."""
    with (tmp_path / "log").open("wb") as file:
        assert written(monkeypatch, file.fileno(), "abcde\nfghij\n") == [b"abcde\nfghij\n"]


def test_this_systems_pipes() -> None:
    """The size that a pipe takes whole is the system's, and 512 at least, as POSIX promises."""
    assert log_writer._WHOLE >= 512
    assert not hasattr(select, "PIPE_BUF") or log_writer._WHOLE == select.PIPE_BUF


def test_the_lock_file(tmp_path: Path) -> None:
    """The lock file is opened where it is, made anew for its owner where it is not, and else done without."""
    before = os.umask(0)
    try:
        descriptors = [log_writer._opened(str(tmp_path / "lock")) for _ in range(2)]
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600
    assert os.path.sameopenfile(*descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    assert log_writer._opened(str(tmp_path / "no/lock")) == -1
    assert log_writer._opened(None) == -1


def test_lines_are_written_without_a_lock(pipe: tuple[int, int], tmp_path: Path) -> None:
    """Where the lock cannot be had, lines are written all the same."""
    writer = LogWriter(pipe[1], lock=str(tmp_path / "no/lock"), complain=pytest.fail)

    writer.write("line\n")

    assert os.read(pipe[0], 100) == b"line\n"


def test_the_lock_is_held(pipe: tuple[int, int], tmp_path: Path) -> None:
    """While another process writes nothing is, and the lock is free again afterwards."""
    fcntl = pytest.importorskip("fcntl")
    lock = tmp_path / "lock"
    with lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        writer = LogWriter(pipe[1], lock=str(lock), complain=pytest.fail)
        writer.write("line\n")
        writer.finish(0.2)
        os.set_blocking(pipe[0], False)
        with pytest.raises(BlockingIOError):
            os.read(pipe[0], 100)
        os.set_blocking(pipe[0], True)

        fcntl.flock(other, fcntl.LOCK_UN)

        assert os.read(pipe[0], 100) == b"line\n"
        writer.finish(20)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def faulty(monkeypatch: pytest.MonkeyPatch, *faults: OSError | None) -> None:
    """Have writing fail so, one time after another, after half of the data."""
    real, left = log_writer._write_all, list(faults)

    def write(descriptor: int, parts: list[memoryview]) -> None:
        error = left.pop(0) if left else None
        if error is not None:
            half = len(parts[0]) // 2
            real(descriptor, [parts[0][:half]])
            parts[0] = parts[0][half:]
            raise error
        real(descriptor, parts)

    monkeypatch.setattr(log_writer, "_write_all", write)


def test_a_torn_line_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a line that could be written only in part the next one begins anew, and the lost ones are counted."""
    full, quota = (OSError(number, os.strerror(number)) for number in (errno.ENOSPC, errno.EDQUOT))
    faulty(monkeypatch, full, quota, None, None, quota)
    said: list[str] = []
    with (tmp_path / "log").open("wb") as file:
        writer = LogWriter(file.fileno(), lock=None, complain=said.append, what="the record")
        for line in ("lines\n", "torn\n", "whole\n", "next\n", "again\n"):
            writer.write(line)
            writer.finish(20)

    assert (tmp_path / "log").read_text() == "lin\nto\nwhole\nnext\naga"
    assert said == [
        f"the record cannot be written: {os.strerror(errno.ENOSPC)}; 1 line is lost so far",
        "the record: 2 lines are lost",
        "the record goes on; 2 lines are lost",
        "the record: 1 line is lost",
    ]


def test_a_reader_that_has_gone_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who has gone is not complained of, a later fault is, also one without a number."""
    faulty(monkeypatch, BrokenPipeError(errno.EPIPE, ""), OSError("what"))
    said: list[str] = []
    with (tmp_path / "log").open("wb") as file:
        writer = LogWriter(file.fileno(), lock=None, complain=said.append)
        for _ in range(2):
            writer.write("line\n")
            writer.finish(20)

    assert said == ["the access log cannot be written: what; 1 line is lost so far"]


def test_the_end_has_a_limit(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who does not read holds up the end for a second, or as long as is said, and no longer."""
    now = [100.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    writer = LogWriter(pipe[1], lock=None, complain=pytest.fail)
    writer.write(f"{'x' * 200_000}\n")
    until(lambda: not writer._asleep)
    monkeypatch.setattr(log_writer, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))

    writer.finish()
    assert now[0] == pytest.approx(101, abs=0.01)
    writer.finish(0.5)
    assert now[0] == pytest.approx(101.5, abs=0.01)
    left = 200_001
    while left:
        left -= len(os.read(pipe[0], 65536))
    until(lambda: not writer._lines)
    writer.finish()
    assert now[0] == pytest.approx(101.5, abs=0.01)


@pytest.mark.parametrize(("lines", "letters", "pauses"), [(3, 10**9, [3, 4]), (10**9, 200_010, [2, 3, 4])])
def test_requests_wait_for_a_reader_who_does_not_read(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch, lines: int, letters: int, pauses: list[int]
) -> None:
    """So many lines, or letters, may wait for a reader; after that each request does, a little, which is said once."""
    monkeypatch.setattr(log_writer, "_MOST", lines)
    monkeypatch.setattr(log_writer, "_MOST_LETTERS", letters)
    slept: list[tuple[int, float]] = []
    number = 0
    said = Complaints()
    writer = LogWriter(pipe[1], lock=None, complain=said)
    writer.write(f"{'x' * 200_000}\n")  # more than a pipe holds
    until(lambda: not writer._asleep)
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: slept.append((number, seconds)))
    monkeypatch.setattr(log_writer, "time", clock)

    for number in range(1, 5):  # noqa: B007  # which the clock notes
        writer.write("1234\n")

    assert slept == [(number, 0.05) for number in pauses]
    received = b""
    while not received.endswith(b"1234\n" * 4):
        received += os.read(pipe[0], 65536)
    assert len(received) == 200_001 + 20
    until(lambda: writer._asleep)
    assert (writer._taken, writer._written) == (200_021, 200_021)
    assert said == [
        f"nobody reads stdout: {pauses[0] + 1} lines of the access log wait, and slow down requests; "
        "read it, or pass --no-access-log",
        "stdout is read again; no line of the access log is lost",
    ]


def test_lines_that_come_together_are_written_together(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that comes alone is written at once; those right after it wait a little for others, until the end."""
    asked: list[float | None] = []
    goes = threading.Event()
    writer = LogWriter(pipe[1], lock=None, complain=pytest.fail)

    def wait(seconds: float | None = None) -> bool:
        asked.append(seconds)
        return goes.wait(20)

    monkeypatch.setattr(writer._hurry, "wait", wait)
    writer.write("line\n")
    assert os.read(pipe[0], 100) == b"line\n"
    until(lambda: asked == [0.05])
    for _ in range(2):
        writer.write("next\n")
    goes.set()

    assert os.read(pipe[0], 100) == b"next\nnext\n"


def test_the_process_waits_for_the_last_line(pipe: tuple[int, int]) -> None:
    """Once the end is near, one thread that the interpreter waits for sees to the last lines."""
    writer = LogWriter(pipe[1], lock=None, complain=pytest.fail)
    started: list[threading.Thread] = []

    def start(thread: threading.Thread) -> None:
        started.append(thread)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        writer.hurry()
        writer.hurry()

    (thread,) = started
    assert (thread.daemon, writer._hurry.is_set()) == (False, True)
    main = SimpleNamespace(join=lambda: writer.write("last\n"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "main_thread", lambda: main)
        thread.run()
    assert os.read(pipe[0], 100) == b"last\n"


class Complaints(list[str]):
    """What the writer says on stderr."""

    def __call__(self, text: str) -> None:
        """Keep what is said."""
        self.append(text)


def test_lines_are_written_soon() -> None:
    """A line arrives by itself, and one that comes later does, too."""
    reading, writing = os.pipe()
    writer = LogWriter(writing, lock=None, complain=Complaints())

    for text in ("first\n", "second\n"):
        writer.write(text)
        assert os.read(reading, 100) == text.encode()
    os.close(reading)
    os.close(writing)


def test_long_and_short_lines_stay_whole(tmp_path: Path) -> None:
    """Writers that share a pipe and a lock do not tear each other's lines, however long."""
    reading, writing = os.pipe()
    lock = tmp_path / "lock"
    lock.touch()
    writers = [LogWriter(writing, lock=str(lock), complain=Complaints()) for _ in range(4)]
    lines = [f"{name} {number} {name * (number * 37 % 9000)}\n" for name in "abcd" for number in range(200)]
    received = bytearray()

    def read() -> None:
        while data := os.read(reading, 65536):
            received.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    threads = []
    for writer, name in zip(writers, "abcd", strict=True):
        own = [text for text in lines if text[0] == name]
        threads.append(threading.Thread(target=lambda writer=writer, own=own: [writer.write(text) for text in own]))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer in writers:
        writer.finish(20)
    os.close(writing)
    reader.join()
    os.close(reading)

    assert sorted(received.decode().splitlines(keepends=True)) == sorted(lines)


def test_the_end_waits() -> None:
    """The end waits for the lines that are there, and for those that still come."""
    reading, writing = os.pipe()
    writer = LogWriter(writing, lock=None, complain=Complaints())
    writer.write("first\n")
    writer.finish()
    writer.write("last\n")
    writer.finish()

    assert os.read(reading, 100) == b"first\nlast\n"
    os.close(reading)
    os.close(writing)


def test_nobody_reads_any_more() -> None:
    """A closed pipe is no reason to complain, nor to end."""
    reading, writing = os.pipe()
    os.close(reading)
    complaints = Complaints()
    writer = LogWriter(writing, lock=None, complain=complaints)

    writer.write("lost\n")
    writer.finish()

    os.close(writing)
    assert complaints == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
def test_the_disk_is_full() -> None:
    """A full disk is told of, and how many lines that has cost."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    complaints = Complaints()
    writer = LogWriter(descriptor, lock=None, complain=complaints)

    for _ in range(2):
        writer.write("lost\n")
        writer.finish()

    os.close(descriptor)
    assert complaints == [
        f"the access log cannot be written: {os.strerror(errno.ENOSPC)}; 1 line is lost so far",
        "the access log: 2 lines are lost",
    ]


FULL = "the access log cannot be written: full; "
# What happens at which second: so many lines are lost, or written (0), or the process ends (None); and what is said.
COMPLAINTS: dict[str, list[tuple[float, int | None, str]]] = {
    "once, and it goes on": [
        (0, 3, f"{FULL}3 lines are lost so far"),
        (1, 1200, ""),
        (2, 0, "the access log goes on; 1,203 lines are lost"),
        (3, 0, ""),
        (4, None, ""),
    ],
    "to the end": [
        (0, 1, f"{FULL}1 line is lost so far"),
        (1, 1, ""),
        (2, None, "the access log: 2 lines are lost"),
        (3, None, ""),
    ],
    "for long": [
        (0, 1, f"{FULL}1 line is lost so far"),
        (59.9, 1, ""),
        (60, 1, f"{FULL}3 lines are lost so far"),
        (61, 0, "the access log goes on; 3 lines are lost"),
    ],
    "now and then": [
        (0, 1, f"{FULL}1 line is lost so far"),
        (1, 0, "the access log goes on; 1 line is lost"),
        (2, 5, ""),
        (3, 0, ""),
        (60, 5, ""),
        (61, 1, f"{FULL}11 lines are lost so far"),
        (62, 0, "the access log goes on; 11 lines are lost"),
        (63, 2, ""),
        (64, 0, ""),
        (122, 0, "the access log goes on; 2 lines are lost"),
        (123, 4, ""),
        (124, None, "the access log: 4 lines are lost"),
    ],
    "never": [(0, 0, ""), (1, None, "")],
}


@pytest.mark.parametrize("case", COMPLAINTS)
def test_complaints(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """It is said that lines are lost, how many, and when it goes on; a fault that comes and goes floods nothing."""
    now = [0.0]
    monkeypatch.setattr(log_writer, "time", SimpleNamespace(monotonic=lambda: now[0]))
    said = Complaints()
    complaints = log_writer._Complaints(said, "the access log", "read it")

    heard = []
    for second, lost, _ in COMPLAINTS[case]:
        now[0] = second
        said.clear()
        if lost is None:
            complaints.end(0)
        elif lost:
            complaints.lost(lost, "full")
        else:
            complaints.written()
        heard.append((second, lost, " ".join(said)))

    assert heard == COMPLAINTS[case]


def test_lines_that_cannot_be_made(pipe: tuple[int, int]) -> None:
    """A line that cannot be made is counted like one that cannot be written; the lines of others are there."""
    said = Complaints()
    writer = LogWriter(pipe[1], lock=None, complain=said)

    writer.write("first\n")
    writer.lose("ValueError: x")
    writer.finish(20)
    writer.write("last\n")
    writer.finish(20)

    assert os.read(pipe[0], 100) == b"first\nlast\n"
    assert said == [
        "the access log cannot be written: ValueError: x; 1 line is lost so far",
        "the access log goes on; 1 line is lost",
    ]


def test_lines_that_nobody_has_read(pipe: tuple[int, int]) -> None:
    """Lines that are left at the end of the process, since nobody reads them, are counted."""
    said = Complaints()
    writer = LogWriter(pipe[1], lock=None, complain=said)
    writer.write(f"{'x' * 200_000}\n")
    until(lambda: not writer._asleep)
    writer.write("")
    writer.write("last\n")

    writer._end(0)

    assert said == ["the access log: up to 2 lines are lost, which nobody has read"]
    left = 200_001 + 5
    while left:
        left -= len(os.read(pipe[0], 65536))


@pytest.mark.parametrize("closed", [False, True])
def test_nobody_reads_stderr_either(pipe: tuple[int, int], closed: bool) -> None:
    """What is said of the lines never waits for who does not read stderr, and does not end for want of one."""
    os.set_blocking(pipe[1], False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(pipe[1], bytes(65536))
    before = os.dup(2)
    try:
        os.dup2(pipe[1], 2)
        takes = log_writer._takes_a_note()
        if closed:
            os.close(2)
            takes = log_writer._takes_a_note()
    finally:
        os.dup2(before, 2)
        os.close(before)

    assert takes is closed


def test_what_cannot_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said to a stderr that nobody reads; that nobody reads stdout is said as soon as it can be."""
    said = Complaints()
    complaints = log_writer._Complaints(said, "the access log", "read it")
    with monkeypatch.context() as patch:
        patch.setattr(log_writer, "_takes_a_note", lambda: False)
        complaints.unread(20_001)
        complaints.lost(1, "full")
        complaints.written()
    assert said == []
    monkeypatch.setattr(log_writer, "_PAUSE", 0)

    complaints.unread(20_001)
    complaints.unread(20_002)
    complaints.written()
    complaints.written()

    assert said == [
        "nobody reads stdout: 20,001 lines of the access log wait, and slow down requests; read it",
        "the access log goes on; 1 line is lost",
    ]


def test_a_reader_that_stalls() -> None:
    """Neither a line nor the end waits for a reader who does not read, and nothing is lost when he goes on."""
    reading, writing = os.pipe()
    writer = LogWriter(writing, lock=None, complain=Complaints())
    lines = [f"{number} {'x' * 1000}\n" for number in range(200)]
    for text in lines:
        writer.write(text)
    writer.finish(0.2)
    writer.write("last\n")
    received = b""

    while not received.endswith(b"last\n"):
        received += os.read(reading, 65536)

    assert received.decode() == "".join([*lines, "last\n"])
    os.close(reading)
    os.close(writing)


def test_any_text_is_written() -> None:
    """What is not UTF-8 cannot stop the log."""
    reading, writing = os.pipe()
    writer = LogWriter(writing, lock=None, complain=Complaints())

    writer.write("\udce9\n")

    assert os.read(reading, 100) == b"\\udce9\n"
    os.close(reading)
    os.close(writing)


def test_a_pipe_that_does_not_block() -> None:
    """A pipe that somebody else has made non-blocking, and that is full, is waited for."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    writer = LogWriter(writing, lock=None, complain=Complaints())
    text = "x" * 300_000 + "\n"
    received = bytearray()

    def read() -> None:
        while len(received) < len(text):
            received.extend(os.read(reading, 65536))

    reader = threading.Thread(target=read)
    reader.start()
    writer.write(text)
    reader.join()

    assert received.decode() == text
    os.close(reading)
    os.close(writing)

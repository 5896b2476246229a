"""Lines written in batches by a thread of its own, so that no request waits for them and none is lost."""

import contextlib
import os
import select
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator

from asgictl import errors
from asgictl.serving.processes import exits

if sys.platform != "win32":
    import fcntl

# How late a line may be, in seconds.
_DELAY = 0.05

# What other processes cannot write into: PIPE_BUF of Linux; POSIX promises 512 (<limits.h>).
_WHOLE = getattr(select, "PIPE_BUF", 512)

# How long the end of the process waits for a reader who does not read, and how long a sudden end does, in seconds.
_PATIENCE = 1.0
_LAST_PATIENCE = 0.1

# How long what has been said about the lines holds, in seconds.
_PAUSE = 60.0

# So many lines may wait for a reader who does not read; then requests do, too.
_MOST = 20_000
_MOST_LETTERS = 64 * 1024 * 1024


class LogWriter:
    """Writes lines to a file descriptor, whole ones, in the order in which they come.

    Only a thread of its own writes, so that neither a request nor a stop waits for a reader.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        lock: str | None,
        complain: Callable[[str], object],
        what: str = "the access log",
        remedy: str = "read it, or pass --no-access-log",
    ) -> None:
        """Write to `descriptor`; hold the file `lock` meanwhile where several processes write to the same place.

        `complain` is told when lines are lost, how many, and when that is over; `what` is what they are, `remedy` what
        to do when nobody reads them.
        """
        self._descriptor = descriptor
        self._is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        self._lock_file = _opened(lock)
        self._complaints = _Complaints(complain, what, remedy)
        self._torn = False
        self._lines: list[str] = []
        self._unmade: list[str] = []
        # Each counted in one thread only; what waits is the difference.
        self._taken = 0
        self._written = 0
        self._append = self._lines.append
        self._asleep = True
        self._waiting = threading.Event()
        self._hurry = threading.Event()
        threading.Thread(target=self._run, name="asgictl-log", daemon=True).start()
        self._exits = contextlib.ExitStack()
        self._exits.enter_context(exits.before_end(lambda: self._end(_LAST_PATIENCE)))

    def before_end(self, action: Callable[[], object]) -> None:
        """Have `action`, which may write lines, done before the process is ended at once."""
        self._exits.enter_context(exits.before_end(action))

    def write(self, line: str) -> None:
        """Take a line, which ends with a newline, or is empty."""
        self._append(line)
        self._taken += len(line)
        if self._asleep:
            self._waiting.set()
        elif len(self._lines) > _MOST or self._taken - self._written > _MOST_LETTERS:
            self._complaints.unread(len(self._lines))
            time.sleep(_DELAY)

    def lose(self, reason: str) -> None:
        """Count a line that could not be made."""
        self._unmade.append(reason)
        self.write("")

    def hurry(self) -> None:
        """From now on write every line at once, and have the end of the process wait for the last: it is near."""
        if not self._hurry.is_set():
            self._hurry.set()
            threading.Thread(target=self._finish_after_main, name="asgictl-log-end", daemon=False).start()

    def finish(self, patience: float = _PATIENCE) -> None:
        """Wait until all lines are written, but no longer than `patience` seconds."""
        self._hurry.set()
        deadline = time.monotonic() + patience
        while self._lines and time.monotonic() < deadline:
            self._waiting.set()
            time.sleep(0.005)
        if not self._lines:
            self._exits.close()
            self._complaints.end(0)

    def _finish_after_main(self) -> None:
        threading.main_thread().join()
        self._end(_PATIENCE)

    def _end(self, patience: float) -> None:
        self.finish(patience)
        self._complaints.end(sum(1 for line in self._lines[:] if line))

    def _run(self) -> None:
        while True:
            self._waiting.wait()
            self._waiting.clear()
            self._asleep = False
            while self._lines:
                count = len(self._lines)
                text = "".join(self._lines[:count])
                self._write(text)
                self._written += len(text)
                del self._lines[:count]
                self._hurry.wait(_DELAY)
            self._complaints.read()
            self._asleep = True
            if self._lines:  # one has come since the look
                self._waiting.set()

    def _write(self, text: str) -> None:
        lost, reason = 0, ""
        while self._unmade:
            lost, reason = lost + 1, self._unmade.pop()
        data = text.encode(errors="backslashreplace")
        if self._torn:
            data = b"\n" + data
        parts = _chunks(data) if self._is_pipe or not data else [memoryview(data)]
        with _held(self._lock_file):
            try:
                _write_all(self._descriptor, parts)
                self._torn = False
            except BrokenPipeError:
                self._torn = True
                return
            except OSError as error:
                self._torn = True
                lost += min(text.count("\n"), sum(bytes(part).count(b"\n") for part in parts))
                reason = errors.reason(error)
        if lost:
            self._complaints.lost(lost, reason)
        elif text:
            self._complaints.written()


class _Complaints:
    """Says that lines are lost or wait, and when that is over; what comes and goes, once in a while."""

    def __init__(self, say: Callable[[str], object], what: str, remedy: str) -> None:
        self._say = say
        self._what = what
        self._remedy = remedy
        self._lost = 0
        self._unsaid = 0
        self._is_unread = False
        self._next = 0.0

    def lost(self, count: int, reason: str) -> None:
        """Note that lines are lost."""
        self._lost += count
        self._unsaid += count
        if time.monotonic() >= self._next:
            self._tell(f"{self._what} cannot be written: {reason}; {_lines(self._lost)} lost so far")

    def written(self) -> None:
        """Note that lines are not lost."""
        if self._lost and (self._lost > self._unsaid or time.monotonic() >= self._next):
            told = self._tell(f"{self._what} goes on; {_lines(self._lost)} lost")
            self._lost = 0 if told else self._lost

    def unread(self, count: int) -> None:
        """Note that so many lines wait for a reader."""
        if not self._is_unread and time.monotonic() >= self._next and _takes_a_note():
            self._is_unread = True
            self._say(
                f"nobody reads stdout: {count:,} lines of {self._what} wait, and slow down requests; {self._remedy}"
            )

    def read(self) -> None:
        """Note that no line waits."""
        if self._is_unread:
            self._is_unread = False
            self._tell(f"stdout is read again; no line of {self._what} is lost")

    def end(self, left: int) -> None:
        """Say what has not been said yet, and that the lines that are left will not be written."""
        if self._unsaid:
            self._tell(f"{self._what}: {_lines(self._lost)} lost")
        if left:
            self._say(f"{self._what}: up to {_lines(left)} lost, which nobody has read")

    def _tell(self, text: str) -> bool:
        if not _takes_a_note():
            return False
        self._unsaid = 0
        self._next = time.monotonic() + _PAUSE
        self._say(text)
        return True


def _lines(count: int) -> str:
    return "1 line is" if count == 1 else f"{count:,} lines are"


def _takes_a_note() -> bool:
    """Tell whether stderr takes a note at once: it may be what nobody reads, and stop whoever writes to it."""
    try:
        return bool(select.select([], [2], [], 0)[1])
    except OSError:  # closed, or Windows
        return True


def _opened(lock: str | None) -> int:
    """Open the lock file, made anew where a cleaner of temporary files has taken it."""
    if lock is not None:
        with contextlib.suppress(OSError):
            return os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    return -1


def _chunks(data: bytes) -> list[memoryview]:
    """Cut `data` after lines, into parts that a pipe takes whole; a line that is longer makes a part of its own."""
    view, chunks, begin, end = memoryview(data), [], 0, 0
    while begin < len(data):
        end = data.rfind(b"\n", begin, begin + _WHOLE) + 1 or data.find(b"\n", begin) + 1
        chunks.append(view[begin:end])
        begin = end
    return chunks


def _write_all(descriptor: int, parts: list[memoryview]) -> None:
    """Write the parts; those that remain when it fails are left in the list."""
    while parts:
        try:
            parts[0] = parts[0][os.write(descriptor, parts[0]) :]
        except BlockingIOError:  # somebody else has made the pipe non-blocking
            select.select([], [descriptor], [], 1)
        if not parts[0]:
            del parts[0]


@contextlib.contextmanager
def _held(lock: int) -> Iterator[None]:
    """Hold the lock file, which ends with the process at the latest."""
    if lock < 0 or sys.platform == "win32":
        yield
        return
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)

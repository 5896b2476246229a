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

# So many lines may wait for a reader who does not read; then requests do, too.
_MOST = 20_000
_MOST_LETTERS = 64 * 1024 * 1024


class LogWriter:
    """Writes lines to a file descriptor, whole ones, in the order in which they come.

    Only a thread of its own writes, so that neither a request nor a stop waits for a reader.
    """

    def __init__(
        self, descriptor: int, *, lock: str | None, complain: Callable[[str], object], what: str = "the access log"
    ) -> None:
        """Write to `descriptor`; hold the file `lock` meanwhile where several processes write to the same place.

        `complain` is called, once, when the lines cannot be written; `what` is what they are.
        """
        self._what = what
        self._descriptor = descriptor
        self._is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        self._lock_file = _opened(lock)
        self._complain = complain
        self._complained = False
        self._torn = False
        self._lines: list[str] = []
        # Each counted in one thread only; what waits is the difference.
        self._taken = 0
        self._written = 0
        self._append = self._lines.append
        self._asleep = True
        self._waiting = threading.Event()
        self._hurry = threading.Event()
        threading.Thread(target=self._run, name="asgictl-log", daemon=True).start()
        self._exits = contextlib.ExitStack()
        self._exits.enter_context(exits.before_end(lambda: self.finish(_LAST_PATIENCE)))

    def write(self, line: str) -> None:
        """Take a line, which ends with a newline, or is empty."""
        self._append(line)
        self._taken += len(line)
        if self._asleep:
            self._waiting.set()
        elif len(self._lines) > _MOST or self._taken - self._written > _MOST_LETTERS:
            time.sleep(_DELAY)

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

    def _finish_after_main(self) -> None:
        threading.main_thread().join()
        self.finish()

    def _run(self) -> None:
        while True:
            self._waiting.wait()
            self._waiting.clear()
            self._asleep = False
            while True:
                self._hurry.wait(_DELAY)
                if not self._lines:
                    break
                count = len(self._lines)
                text = "".join(self._lines[:count])
                self._write(text)
                self._written += len(text)
                del self._lines[:count]
            self._asleep = True
            if self._lines:  # one has come since the look
                self._waiting.set()

    def _write(self, text: str) -> None:
        data = text.encode(errors="backslashreplace")
        if self._torn:
            data = b"\n" + data
        with _held(self._lock_file):
            try:
                for chunk in _chunks(data) if self._is_pipe else [memoryview(data)]:
                    _write_all(self._descriptor, chunk)
                self._torn = False
            except OSError as error:
                self._torn = True
                if not self._complained and not isinstance(error, BrokenPipeError):
                    self._complained = True
                    self._complain(f"{self._what} cannot be written: {errors.reason(error)}")


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


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # somebody else has made the pipe non-blocking
            select.select([], [descriptor], [], 1)


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

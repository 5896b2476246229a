"""Saving a session: to a file of records, one line each, that a crash cannot make unreadable."""

import contextlib
import errno
import json
import os
import stat
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from asgictl import errors
from asgictl.errors import FileProblemError
from asgictl.inspector.endings import ANSWERS
from asgictl.inspector.har.members import LONGEST
from asgictl.inspector.record import CONTENT, Closed, Continued, Earlier, Event, Opened, Record
from asgictl.inspector.sessions import codec, saved_session
from asgictl.inspector.sessions.session_lines import LONGEST_FIRST, Note

if sys.platform != "win32":
    import fcntl

# Where there are such things: not to follow a link, not to wait for the other end of a pipe, and ends of lines as they
# are.
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_OPENED = b'{"k":"open","id":'

_ELSEWHERE = "pass --save with another name"


class SessionFile:
    """A sink that appends each record to a file at once, so that even a process that is killed loses none.

    A file that has grown to `limit` bytes becomes `NAME.1.SUFFIX`, in the place of an older one.
    """

    def __init__(self, path: Path, *, about: dict[str, Any], limit: int, note: Note) -> None:
        """Create `path`, or go on in it; `about` is what its first line says of the session.

        `note` hears what is done to it, and when it cannot be written any more. Raises `FileProblemError` when it
        cannot be used.
        """
        if not path.name:
            raise _refused(path, os.strerror(errno.EISDIR), _ELSEWHERE)
        self._path = path
        self._older = path.with_name(f"{path.stem}.1{path.suffix}")
        self._about = about
        self._limit = limit
        self._note = note
        self._lock = threading.Lock()
        self._unfinished: dict[int, _Unfinished] = {}
        self._failed = False
        self._begun = 0
        self._moment = datetime.fromtimestamp(0, UTC)
        self._descriptor = _opened(path)
        try:
            before = self._last_of_older()
            self.next_id = max(self._continue(), before + 1)
        except OSError as error:
            self.close()
            problem = f"cannot save to `{path}`: {errors.reason(error)}"
            raise FileProblemError(problem, hint="pass --save with a file on another disk") from error
        except BaseException:
            self.close()
            raise

    def __call__(self, record: Record) -> None:
        """Write a record."""
        with self._lock:
            if self._failed:
                return
            try:
                line = self._line(record)
                # Half of the limit at least is for what is new, however much is unfinished.
                if self._size + len(line) > max(self._limit, self._begun + self._limit // 2):
                    self._rotate()
                self._write(line)
            except (OSError, FileProblemError) as error:
                self._failed = True
                reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else error.message
                self._note(f"the session is no longer saved: {reason}")
                return
            if isinstance(record, Opened):
                self._unfinished[record.id] = _Unfinished(record)
            elif isinstance(record, Closed):
                self._unfinished.pop(record.id, None)
            elif isinstance(record, Event) and (unfinished := self._unfinished.get(record.id)) is not None:
                unfinished.add(record, line)

    def close(self) -> None:
        """Write no more."""
        with self._lock:
            self._failed = True
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def _line(self, record: Record) -> str:
        """Return the line of a record; of content that makes a longer one than is ever read, the beginning."""
        line = codec.dumps(record)
        if len(line) <= LONGEST or not isinstance(record, Event) or not isinstance(record.message, dict):
            return line
        self._note(f"a message of #{record.id} is too long to save; only its beginning is kept")
        most = LONGEST // 16  # a letter takes up to twelve characters
        short = {key: value[:most] if key in CONTENT and value else value for key, value in record.message.items()}
        return codec.dumps(replace(record, message=short, cut=True))

    def _last_of_older(self) -> int:
        """Return the last number in the file that was put aside, -1 if there is none."""
        try:
            descriptor = _opened(self._older, create=0)
        except FileNotFoundError:
            return -1
        with os.fdopen(descriptor, "rb") as file:
            saved_session.check_header(str(self._older), file.readline(LONGEST_FIRST))
            _keep_to_oneself(self._older, descriptor, self._note)
            return max(map(_number, iter(partial(file.readline, LONGEST), b"")), default=-1)

    def _continue(self) -> int:
        """Prepare to append; return the first number that no exchange in the file has."""
        self._size = os.fstat(self._descriptor).st_size
        if self._size == 0:
            _keep_to_oneself(self._path, self._descriptor, self._note)
            self._write(self._header())
            return 0
        last, end = -1, 0
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            header = file.readline(LONGEST_FIRST)
            if not saved_session.is_torn(header):
                saved_session.check_header(str(self._path), header)
            _keep_to_oneself(self._path, self._descriptor, self._note)
            end = len(header) if header.endswith(b"\n") else 0
            for line in iter(partial(file.readline, LONGEST), b""):
                last = max(last, _number(line))
                end += len(line) if line.endswith(b"\n") else 0
        if end < self._size:
            self._note(f"the last line of `{self._path}` was incomplete and has been removed")
            os.ftruncate(self._descriptor, end)
            self._size = end
        self._write(self._header())
        return last + 1

    def _header(self) -> str:
        # Each later than the one before, whatever happens to the clock: it is the order of the files.
        self._moment = max(datetime.now(UTC), self._moment + timedelta(microseconds=1))
        moment = self._moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        fields = {"k": "session", "schema": codec.SCHEMA, "t": moment, **self._about}
        return json.dumps(fields, separators=(",", ":")) + "\n"

    def _rotate(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.close(_opened(self._older, create=0))  # unless somebody saves to it
        before, self._descriptor = self._descriptor, -1
        if sys.platform == "win32":  # which does not rename what is open
            os.close(before)
        try:
            self._path.replace(self._older)
            # What is locked until now is seen by those that begin meanwhile, and that let go of the new file at once.
            self._descriptor = _opened(self._path, wait=True)
        finally:
            if sys.platform != "win32":
                os.close(before)
        self._size = 0
        # Each file stands for itself: it says what its exchanges were opened with, and how they went.
        again = (unfinished.again(self._older.name) for unfinished in self._unfinished.values())
        self._write("".join([self._header(), *again]))
        self._begun = self._size

    def _write(self, text: str) -> None:
        data = memoryview(text.encode())
        self._size += len(data)
        while data:
            data = data[os.write(self._descriptor, data) :]


class _Unfinished:
    """What a new file has to say again of an exchange that is not over."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._lines: dict[str, str] = {}
        self._left_out = 0
        self._sizes = {"receive": 0, "send": 0}

    def add(self, event: Event, line: str) -> None:
        """Take in a message, of which this is the line."""
        kind = event.type
        if (kind in ANSWERS or kind.startswith("lifespan.")) and kind not in self._lines:
            self._lines[kind] = line
            return
        self._left_out += 1
        self._sizes[event.direction] += event.size

    def again(self, older: str) -> str:
        """Return the lines for a file that follows the `older` one."""
        opened = self._opened
        if self._left_out:
            earlier = Earlier(self._left_out, self._sizes["receive"], self._sizes["send"], older)
            opened = Continued(opened.id, opened.at, opened.scope, replay_of=opened.replay_of, earlier=earlier)
        return "".join([codec.dumps(opened), *self._lines.values()])


def _number(line: bytes) -> int:
    """Return the number of the exchange that a line opens, -1 for another line."""
    digits = line[len(_OPENED) :].partition(b",")[0] if line.startswith(_OPENED) else b""
    return int(digits) if digits.isdigit() else -1


def _opened(path: Path, *, create: int = os.O_CREAT, wait: bool = False) -> int:
    """Open a file that is the user's, and that nobody else saves to as long as it is open.

    Raises `FileProblemError`, and `FileNotFoundError` where there is no file, and none to `create`.
    """
    if path.is_symlink():
        raise _refused(path, "it is a symbolic link", "pass --save with the name of the file itself")
    try:
        descriptor = os.open(path, os.O_RDWR | create | os.O_APPEND | _FLAGS, 0o600)
    except OSError as error:
        if not create and isinstance(error, FileNotFoundError):
            raise
        hint = "pass --save with a file in a folder that can be written"
        raise _refused(path, errors.reason(error), hint) from error
    try:
        _claim(path, descriptor, wait=wait)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _claim(path: Path, descriptor: int, *, wait: bool) -> None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise _refused(path, "it is not a file", _ELSEWHERE)
    if status.st_nlink > 1:
        raise _refused(path, "it has another name, too (a hard link)", _ELSEWHERE)
    if sys.platform == "win32":
        return
    if status.st_uid != os.geteuid():
        raise _refused(path, "it belongs to another user", _ELSEWHERE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        # It may have been put aside meanwhile.
        taken = not os.path.samestat(status, path.stat(follow_symlinks=False))
    except (BlockingIOError, FileNotFoundError):
        taken = True
    except OSError as error:
        if error.errno != errno.ENOLCK:  # of NFS without its lock daemon (fcntl_locking(2))
            raise
        taken = False
    if taken:
        hint = "stop it, or pass --save with another name"
        raise FileProblemError(f"another asgictl is saving to `{path}`", hint=hint)


def _keep_to_oneself(path: Path, descriptor: int, note: Note) -> None:
    """Have nobody else read a file that is a session, or will be; `note` hears when others could."""
    if sys.platform != "win32" and os.fstat(descriptor).st_mode & 0o077:
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, 0o600)
        kept = os.fstat(descriptor).st_mode & 0o077
        now = "its file system keeps no permissions" if kept else "its mode is 0600 now"
        note(f"others could read `{path}`: {now}")


def _refused(path: Path, reason: str, hint: str) -> FileProblemError:
    return FileProblemError(f"cannot save to `{path}`: {reason}", hint=hint)

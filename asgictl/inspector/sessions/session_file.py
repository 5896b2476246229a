"""Saved sessions: a file of records, one line each, that a crash cannot make unreadable."""

import contextlib
import json
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from asgictl import errors
from asgictl.errors import FileProblemError
from asgictl.inspector.record import Closed, Opened, Record
from asgictl.inspector.sessions import codec

if sys.platform != "win32":
    import fcntl

# No line is longer, whatever claims to be a session.
_LONGEST = 256 * 1024 * 1024

# Where there are such things: not to wait for the other end of a pipe, and ends of lines as they are.
_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_KINDS = (b"open", b"event", b"raise", b"close")
_BEGINNING = b'{"k":"session",'
_OPENED = b'{"k":"open","id":'

Note = Callable[[str], object]


class SessionFile:
    """A sink that appends each record to a file at once, so that even a process that is killed loses none.

    A file that has grown to `limit` bytes becomes `NAME.1.SUFFIX`, in the place of an older one.
    """

    def __init__(self, path: Path, *, about: dict[str, Any], limit: int, note: Note) -> None:
        """Create `path`, or go on in it; `about` is what its first line says of the session.

        `note` hears when it cannot be written any more. Raises `FileProblemError` when it cannot be used.
        """
        self._path = path
        self._older = path.with_name(f"{path.stem}.1{path.suffix}")
        self._about = about
        self._limit = limit
        self._note = note
        self._lock = threading.Lock()
        self._unfinished: dict[int, str] = {}
        self._failed = False
        self._begun = 0
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
                line = codec.dumps(record)
                if isinstance(record, Opened):
                    self._unfinished[record.id] = line
                elif isinstance(record, Closed):
                    self._unfinished.pop(record.id, None)
                # Half of the limit at least is for what is new, however much is unfinished.
                if self._size + len(line) > max(self._limit, self._begun + self._limit // 2):
                    self._rotate()
                self._write(line)
            except (OSError, FileProblemError) as error:
                self._failed = True
                reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else error.message
                self._note(f"the session is not saved any further: {reason}")

    def close(self) -> None:
        """Write no more."""
        with self._lock:
            self._failed = True
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def _last_of_older(self) -> int:
        """Return the last number in the file that was put aside, -1 if there is none."""
        if not self._older.exists():
            return -1
        with self._older.open("rb") as file:
            _check_header(self._older, file.readline(_LONGEST))
            return max(map(_number, file), default=-1)

    def _continue(self) -> int:
        """Prepare to append; return the first number that no exchange in the file has."""
        self._size = os.fstat(self._descriptor).st_size
        if self._size == 0:
            self._write(self._header())
            return 0
        last, end = -1, 0
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            header = file.readline(_LONGEST)
            if not _is_torn(header):
                _check_header(self._path, header)
            end = len(header) if header.endswith(b"\n") else 0
            for line in file:
                last = max(last, _number(line))
                end += len(line) if line.endswith(b"\n") else 0
        if end < self._size:
            self._note(f"the last line of `{self._path}` was incomplete, and is taken off")
            os.ftruncate(self._descriptor, end)
            self._size = end
        self._write(self._header())
        return last + 1

    def _header(self) -> str:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return (
            json.dumps({"k": "session", "schema": codec.SCHEMA, "t": moment, **self._about}, separators=(",", ":"))
            + "\n"
        )

    def _rotate(self) -> None:
        os.close(self._descriptor)  # Windows does not rename what is open
        self._descriptor = -1
        self._path.replace(self._older)
        self._descriptor = _opened(self._path)
        self._size = 0
        # Each file stands for itself: it says what its exchanges were opened with.
        self._write("".join([self._header(), *self._unfinished.values()]))
        self._begun = self._size

    def _write(self, text: str) -> None:
        data = memoryview(text.encode())
        self._size += len(data)
        while data:
            data = data[os.write(self._descriptor, data) :]


def _number(line: bytes) -> int:
    """Return the number of the exchange that a line opens, -1 for another line."""
    digits = line[len(_OPENED) :].partition(b",")[0] if line.startswith(_OPENED) else b""
    return int(digits) if digits.isdigit() else -1


def _opened(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _FLAGS, 0o600)
    except OSError as error:
        problem = f"cannot save to `{path}`: {errors.reason(error)}"
        raise FileProblemError(problem, hint="pass --save with a file in a folder that can be written") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileProblemError(f"cannot save to `{path}`: it is not a file", hint="pass --save with another name")
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            problem = f"another asgictl saves to `{path}`"
            raise FileProblemError(problem, hint="stop it, or pass --save with another name") from error
    return descriptor


def records(path: Path, note: Note, only: int | None = None) -> Iterator[Record]:
    """Yield the records in a file, or those of the exchange `only`; `note` hears of a last line that is incomplete.

    Raises `FileProblemError` for a file that cannot be read or is no session, with the number of the line.
    """
    wanted = tuple(b'{"k":"%b","id":%d,' % (kind, only) for kind in _KINDS) if only is not None else b""
    try:
        with path.open("rb") as file:
            header = file.readline(_LONGEST)
            if _is_torn(header):
                note(f"`{path}` holds nothing yet")
                return
            _check_header(path, header)
            for number, line in enumerate(iter(lambda: file.readline(_LONGEST), b""), start=2):
                if not line.startswith(wanted):
                    continue
                try:
                    record = codec.loads(line)
                except ValueError as error:
                    if not line.endswith(b"\n"):
                        note(f"the last line of `{path}` is incomplete, and left out")
                        return
                    problem = f"line {number} of `{path}` is damaged: {error}"
                    raise FileProblemError(problem, hint="remove that line to read the others") from error
                if record is not None:
                    yield record
    except OSError as error:
        problem = f"cannot read `{path}`: {errors.reason(error)}"
        raise FileProblemError(problem, hint="name a file that `asgictl inspect --save` has written") from error


def _is_torn(header: bytes) -> bool:
    """Tell whether a first line is the beginning of one, by a process that was killed while it wrote."""
    return not header.endswith(b"\n") and (header.startswith(_BEGINNING) or _BEGINNING.startswith(header))


def redacted_names(path: Path, key: Literal["redacted", "redacted_body"] = "redacted") -> tuple[str, ...]:
    """Return the names of headers and parameters, or fields, whose values the sessions in a file do not hold."""
    names: dict[str, None] = {}
    with path.open("rb") as file:
        for line in iter(lambda: file.readline(_LONGEST), b""):
            if line.startswith(_BEGINNING):
                with contextlib.suppress(ValueError, TypeError, RecursionError):
                    names |= dict.fromkeys(map(str, json.loads(line).get(key) or ()))
    return tuple(names)


def _check_header(path: Path, line: bytes) -> None:
    try:
        fields = json.loads(line)
        schema = str(fields["schema"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"`{path}` is no saved session: its first line does not say `{codec.SCHEMA}`"
        raise FileProblemError(problem, hint="name a file that `asgictl inspect --save` has written") from error
    if schema != codec.SCHEMA:
        problem = f"`{path}` has the schema `{schema}`, this asgictl knows `{codec.SCHEMA}`"
        raise FileProblemError(problem, hint="use the asgictl that has written it, or a newer one")

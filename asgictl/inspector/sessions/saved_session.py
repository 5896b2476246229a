"""Saved sessions as they are read: of one file, or of several that are one."""

import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

from asgictl.errors import ConfigError, FileProblemError
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.har.members import is_har
from asgictl.inspector.record import Closed, Continued, Event, Opened, Record
from asgictl.inspector.sessions import archives, checked, codec, session_lines
from asgictl.inspector.sessions.session_lines import WRITTEN, Note, called

BEGINNING = b'{"k":"session",'

# A line as `--save` writes it, which tells its number before it is read.
_LINE = re.compile(rb'\{"k":"(open|event|raise|close)","id":(\d{1,18}),')


def check_names(names: Sequence[str]) -> None:
    """Raise `ConfigError` where the same file, or stdin, is among `names` twice."""
    files = [name if name == "-" else os.path.realpath(name) for name in names]
    for name, file in zip(names, files, strict=True):
        if files.count(file) > 1:
            raise ConfigError(f"{called(name)} is named twice", hint="name each file once")


class SavedSession:
    """The exchanges in some files, which may go on from each other.

    Once they have been read to the end, `highest` is the highest number, -1 without one, and `damaged` how many lines
    could not be read.
    """

    def __init__(self, names: Sequence[str], note: Note) -> None:
        """Read the files with these `names`, `-` for stdin; `note` hears of what is missing in them."""
        check_names(names)
        self.files = names
        self._lists: dict[str, dict[str, None]] = {}
        self.highest = -1
        self.damaged = 0
        self._note = note

    def records(self, only: Collection[int] = ()) -> Iterator[Record]:
        """Yield the records, each once; those of the exchanges `only`, if there are any.

        Raises `FileProblemError` for a file that cannot be read or is not a session, with the number of the line.
        """
        begun = []
        for name in self.files:
            missing = f"the end of {called(name)} is missing; what there is of it is read"
            torn = cache(partial(self._note, missing))  # which says it once
            lines = session_lines.lines(name, torn)
            first = next(lines, b"")
            if is_har(first):
                begun.append(("", self._of_archive(name, chain([first], lines), torn, only)))
                continue
            begun.append((_moment(first), self._of_file(name, first, lines, torn, frozenset(only))))
        begun.sort(key=itemgetter(0))
        return self._joined(chain.from_iterable(records for _, records in begun))

    def exchanges(self) -> Iterator[Exchange]:
        """Yield the exchanges one at a time, each when it is over; in the end those that have no end."""
        running: dict[int, Exchange] = {}
        for record in self.records():
            if isinstance(record, Opened):
                if record.id in running:
                    yield running.pop(record.id)
                running[record.id] = Exchange(record)
            elif record.id in running:
                running[record.id].add(record)
                if isinstance(record, Closed):
                    yield running.pop(record.id)
        yield from running.values()

    def wanted(self, numbers: Collection[int]) -> dict[int, Exchange]:
        """Return the exchanges with these numbers, as far as they are there; all without any.

        Raises `FileProblemError` when there are several with one number.
        """
        found: dict[int, Exchange] = {}
        for record in self.records(numbers):
            if not isinstance(record, Opened):
                if record.id in found:
                    found[record.id].add(record)
            elif record.id in found:
                problem = f"there are several exchanges #{record.id} in {self}"
                raise FileProblemError(problem, hint="name a file that has one of them")
            else:
                found[record.id] = Exchange(record)
        return found

    def names(self, key: str) -> tuple[str, ...]:
        """Return the names that are listed under a key of the first lines, once all has been read."""
        return tuple(self._lists.get(key, ()))

    @property
    def lists(self) -> dict[str, list[str]]:
        """All lists of names, once all has been read."""
        return {key: list(names) for key, names in self._lists.items()}

    def __str__(self) -> str:
        return " and ".join(map(called, self.files))

    def _of_archive(
        self, name: str, pieces: Iterator[bytes], torn: Callable[[], object], only: Collection[int]
    ) -> Iterator[Record]:
        archive = archives.Archive(called(name), pieces, self._note, torn)
        yield from archive.records(only)
        self.highest = max(self.highest, archive.highest)
        self._hold(archive.about)

    def _of_file(
        self, name: str, first: bytes, lines: Iterator[bytes], torn: Callable[[], object], only: Collection[int]
    ) -> Iterator[Record]:
        if is_torn(first):
            self._note(f"{called(name)} holds nothing yet")
            return
        self._hold(check_header(name, first))
        damaged = 0
        for number, line in enumerate(lines, start=2):
            found = _LINE.match(line)
            if found is not None and found[1] == b"open":
                self.highest = max(self.highest, int(found[2]))
            if found is not None and only and int(found[2]) not in only:
                continue
            try:
                record = self._read(line, found)
            except ValueError as error:
                if not line.endswith(b"\n"):
                    torn()
                elif only and found is None:
                    damaged += 1
                else:
                    problem = f"line {number} of {called(name)} is damaged: {error}"
                    raise FileProblemError(problem, hint="remove that line to read the others") from error
                continue
            if record is not None and (not only or record.id in only):
                yield record
        self.damaged += damaged
        if damaged:
            self._note(f"{damaged} damaged line{'s' if damaged > 1 else ''} of {called(name)} left out")

    def _read(self, line: bytes, found: re.Match[bytes] | None) -> Record | None:
        """Return the record in a line, which says by itself what is `found`; raise `ValueError` for what is none."""
        if line.startswith(BEGINNING):
            header = checked.fields(line)
            if header.get("schema") != codec.SCHEMA:
                raise ValueError(f"it does not say `{codec.SCHEMA}`")
            self._hold(header)
            return None
        record = codec.loads(line)
        if found is None and isinstance(record, Opened):
            self.highest = max(self.highest, record.id)
        if found is not None and record is not None and record.id != int(found[2]):
            raise ValueError("it has several numbers")
        return record

    def _hold(self, header: dict[str, Any]) -> None:
        for key, names in header.items():
            if isinstance(names, list):
                known = (name for name in names if isinstance(name, str) and name.isprintable())
                self._lists.setdefault(key, {}).update(dict.fromkeys(known))

    def _beginning(self, record: Continued) -> str:
        """Return where the beginning of an exchange is."""
        older = record.earlier.file
        if any(Path(name).name.startswith(older) for name in self.files):
            return f"#{record.id} began in a file that `{older}` has replaced"
        return f"#{record.id} began in `{older}`: name that file, too"

    def _joined(self, records: Iterator[Record]) -> Iterator[Record]:
        """Yield records without those that a newer file repeats of an older one; say once what is in neither."""
        running: dict[int, _Running] = {}
        lost = ""
        for record in records:
            one = running.get(record.id)
            if isinstance(record, Opened):
                if one is not None and one.at == record.at:
                    one.repeated = one.n
                    continue
                running[record.id] = _Running(record.at)
                if isinstance(record, Continued) and not lost:
                    self._note(lost := self._beginning(record))
            elif one is not None and isinstance(record, Event):
                if record.n <= one.repeated:
                    continue
                if one.repeated and record.n > one.n + 1 and not lost:
                    lost = f"messages {one.n + 1} to {record.n - 1} of #{record.id} are in none of the files"
                    self._note(lost)
                one.n = max(one.n, record.n)
            elif one is not None and isinstance(record, Closed):
                del running[record.id]
            yield record


@dataclass(slots=True)
class _Running:
    """An exchange without its end: when it began, the latest message, and up to which one they are repeated."""

    at: float
    n: int = 0
    repeated: int = 0


def _moment(first: bytes) -> str:
    """Return when a session began, as its first line says; files that go on from each other are in this order."""
    try:
        return str(checked.fields(first).get("t", ""))
    except ValueError:
        return ""


def check_header(name: str, line: bytes) -> dict[str, Any]:
    """Return what the first line of a session says; raise `FileProblemError` when it is another one."""
    try:
        fields = json.loads(line)
        schema = str(fields["schema"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"{called(name)} is not a saved session: its first line does not say `{codec.SCHEMA}`"
        raise FileProblemError(problem, hint=WRITTEN) from error
    if schema != codec.SCHEMA:
        problem = f"{called(name)} has the schema `{schema}`, this asgictl knows `{codec.SCHEMA}`"
        raise FileProblemError(problem, hint="use the asgictl that wrote it, or a newer one")
    return dict(fields)


def is_torn(line: bytes) -> bool:
    """Tell whether a first line is the beginning of one, by a process that was killed while it wrote."""
    return not line.endswith(b"\n") and (line.startswith(BEGINNING) or BEGINNING.startswith(line))

"""Judging records: which rules are broken, by which of them."""

import asyncio
import fnmatch
import logging
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType

from asgictl import failure
from asgictl.inspector.record import Closed, Continued, Event, Finding, Observed, Opened, Raised, Record
from asgictl.inspector.request import Check
from asgictl.inspector.rules.case import Case, Shared
from asgictl.inspector.rules.http_rules.http_case import HttpCase
from asgictl.inspector.rules.rule import Broken
from asgictl.inspector.rules.server_rules.bench import Bench

_logger = logging.getLogger("asgictl.inspector")

# What calls the app, and its tasks.
_CALLERS = frozenset((str(Path(__file__).parents[1] / "recorder.py"), asyncio.events.__file__))

_RECORDER = str(Path(__file__).parents[1])

# Of so many that are over messages are still judged that an app sends too late.
_REMEMBERED = 100

_KINDS: dict[str, type[Case]] = {"http": HttpCase}


class Referee:
    """Judges records in their order, each connection by itself; nothing that a record holds makes it raise."""

    def __init__(self, check: Check = "app", ignore: Iterable[str] = (), *, info: bool = False) -> None:
        """Judge what the app does, or what the server does as well, without the rules that `ignore` has patterns of.

        What is legal, and only worth a look, is told with `info`.
        """
        self._check = check
        self._ignore = tuple(ignore)
        self._info = info
        self._shared = Shared()
        self._cases: dict[int, Case] = {}
        self._counts: dict[int, int] = {}
        self._over: deque[int] = deque()
        self._bench = Bench() if check == "all" else None

    def findings(self, record: Record) -> list[Finding]:
        """Return what is wrong with a record, by those that came before."""
        try:
            found = list(self._judged(record))
            if self._bench is not None:
                found += self._bench.judged(record)
        except Exception:  # a fault of ours, which costs nobody an answer
            _logger.exception("the rules of ASGI cannot judge a record of #%s", record.id)
            self._forget(record.id)
            if self._bench is not None:
                self._bench.forget(record.id)
            return []
        return [self._finding(record, one) for one in found if self._counts_in(one)] if found else []

    def _judged(self, record: Record) -> Iterator[Broken]:
        if isinstance(record, Opened):
            return self._opened(record)
        case = self._cases.get(record.id)
        if case is None:
            return iter(())
        if isinstance(record, Event):
            return self._told(case, record)
        if isinstance(record, Raised):
            return iter(case.raised(record))
        if isinstance(record, Observed):
            return iter(case.observed(record))
        return self._closed(case, record) if isinstance(record, Closed) else iter(())

    def _closed(self, case: Case, record: Closed) -> Iterator[Broken]:
        """Judge the end; what comes after it is heard of the latest only."""
        self._over.append(record.id)
        if len(self._over) > _REMEMBERED:
            self._forget(self._over.popleft())
        return iter(case.closed(record))

    def _forget(self, number: int) -> None:
        self._cases.pop(number, None)
        self._counts.pop(number, None)

    def _opened(self, record: Opened) -> Iterator[Broken]:
        name = record.scope.get("type")
        kind = _KINDS.get(name) if isinstance(name, str) else None
        if kind is None or isinstance(record, Continued):  # of which the beginning is not known
            return iter(())
        self._cases[record.id] = case = kind(record, self._shared)
        self._counts[record.id] = 0
        return iter(case.opened())

    def _told(self, case: Case, event: Event) -> Iterator[Broken]:
        self._counts[event.id] += 1
        if event.n != self._counts[event.id]:  # some that came before are not kept
            self._forget(event.id)
            return iter(())
        return iter(case.told(event))

    def _counts_in(self, found: Broken) -> bool:
        rule = found.rule
        if (self._check == "app" and rule.blame != "app") or (found.severity == "info" and not self._info):
            return False
        return not any(fnmatch.fnmatchcase(rule.id, pattern) for pattern in self._ignore)

    def _finding(self, record: Record, found: Broken) -> Finding:
        n = found.n if found.n is not None else getattr(record, "n", self._counts.get(record.id, 0))
        n = 0 if isinstance(record, Opened) else n
        place = record.error.place if isinstance(record, (Raised, Closed)) and record.error else None
        if isinstance(record, Event) and record.direction == "send":
            place = self.place()
        ms = 0.0 if isinstance(record, Opened) else record.ms
        return Finding(record.id, n, ms, found.rule.id, found.severity, found.rule.blame, found.text, place=place)

    def place(self) -> str | None:
        """Return where in the user's code it has happened, None where that is not known."""
        return None


class LiveReferee(Referee):
    """Judges records while they are made, when the stack tells where in the user's code that is."""

    def place(self) -> str | None:
        """Return the innermost line of the user's code."""
        return failure.users_place(reversed(list(_frames(sys._getframe()))))  # noqa: SLF001  # as `inspect.currentframe`


def _frames(frame: FrameType | None) -> Iterator[tuple[str, int]]:
    """Yield the files and lines from the innermost one out to where the app, or a task of its own, was called."""
    while frame is not None and frame.f_code.co_filename.startswith(_RECORDER):
        frame = frame.f_back
    while frame is not None and frame.f_code.co_filename not in _CALLERS:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back

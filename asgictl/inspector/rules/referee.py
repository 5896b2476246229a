"""Judging records: which rules are broken, by which of them."""

import asyncio
import fnmatch
import logging
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from asgictl import failure
from asgictl.inspector.record import Closed, Event, Finding, Observed, Opened, Raised, Record
from asgictl.inspector.request import Check
from asgictl.inspector.rules.case import Case, OtherCase, Shared
from asgictl.inspector.rules.http_rules.http_case import HttpCase
from asgictl.inspector.rules.lifespan_case import LifespanCase
from asgictl.inspector.rules.rule import Broken
from asgictl.inspector.rules.server_rules.bench import Bench
from asgictl.inspector.rules.websocket_rules.websocket_case import WebSocketCase

_logger = logging.getLogger("asgictl.inspector")

# What calls the app, and its tasks.
_CALLERS = frozenset((str(Path(__file__).parents[1] / "recorder.py"), asyncio.events.__file__))

_RECORDER = str(Path(__file__).parents[1])

_KINDS: dict[str, type[Case]] = {"http": HttpCase, "websocket": WebSocketCase, "lifespan": LifespanCase}

# Of so many connections it is seen what an app sends after it has ended.
_LATE = 1000


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
        # Those that have ended, of which something may still come.
        self._ended: deque[int] = deque()
        self._bench = Bench() if check == "all" else None

    def findings(self, record: Record) -> Sequence[Finding]:
        """Return what is wrong with a record, by those that came before."""
        try:
            judged = self._judged(record)
            if self._bench is not None:
                judged = [*judged, *self._bench.judged(record)]
            if not judged:
                return ()
            found = list(judged)
        except Exception:  # a fault of ours, which costs nobody an answer
            _logger.exception("the rules of ASGI cannot judge a record of #%s", record.id)
            self._cases.pop(record.id, None)
            if self._bench is not None:
                self._bench.forget(record.id)
            return ()
        return [self._finding(record, one) for one in found if self._counts_in(one)]

    def _judged(self, record: Record) -> Iterable[Broken]:
        kind = record.__class__
        if kind is Opened:
            return self._opened(record)  # type: ignore[arg-type]  # of its class
        case = self._cases.get(record.id)
        if case is None:
            return ()
        if kind is Event:
            return self._told(case, record)  # type: ignore[arg-type]  # as before
        if isinstance(record, Closed):
            self._ended.append(record.id)
            if len(self._ended) > _LATE:
                self._cases.pop(self._ended.popleft(), None)
            return case.closed(record)
        if isinstance(record, Raised):
            return case.raised(record)
        return case.observed(record) if isinstance(record, Observed) else ()

    def _opened(self, record: Opened) -> Iterable[Broken]:
        name = record.scope.get("type")
        kind = _KINDS.get(name, OtherCase) if isinstance(name, str) else OtherCase
        self._cases[record.id] = case = kind(record, self._shared)
        return case.opened()

    def _told(self, case: Case, event: Event) -> Iterable[Broken]:
        case.count += 1
        if event.n != case.count:  # some that came before are not kept
            del self._cases[event.id]
            return ()
        return case.told(event)

    def _counts_in(self, found: Broken) -> bool:
        rule = found.rule
        if (self._check == "app" and rule.blame != "app") or (found.severity == "info" and not self._info):
            return False
        return not any(fnmatch.fnmatchcase(rule.id, pattern) for pattern in self._ignore)

    def _finding(self, record: Record, found: Broken) -> Finding:
        n = found.n
        if n is None:
            case = self._cases.get(record.id)
            n = 0 if isinstance(record, Opened) else getattr(record, "n", case.count if case else 0)
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

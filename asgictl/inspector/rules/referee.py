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
from asgictl.inspector.record import Closed, Continued, Event, Fact, Finding, Observed, Opened, Raised, Record
from asgictl.inspector.request import Check
from asgictl.inspector.rules import conduct
from asgictl.inspector.rules.case import Case, OtherCase
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

# What is seen while the user's code calls `receive` or `send`.
_CALLS: frozenset[Fact] = frozenset(
    ("asked", "file", "memoryview", "overlap", "refusal", "secret", "thread", "tuple", "unasked", "unawaited")
)

# Of so many connections it is seen what an app sends after it has ended.
LATE = 100


class Referee:
    """Judges records in their order, each connection by itself; nothing that a record holds makes it raise."""

    def __init__(self, check: Check = "app", ignore: Iterable[str] = (), *, info: bool = False) -> None:
        """Judge what the app does, or what the server does as well, without the rules that `ignore` has patterns of.

        What is legal, and only worth a look, is told with `info`.
        """
        self._check = check
        self._ignore = tuple(ignore)
        self._info = info
        self._cases: dict[int, Case] = {}
        # Those that have ended, of which something may still come.
        self._ended: deque[int] = deque(maxlen=LATE)
        self._bench = Bench() if check == "all" else None

    def findings(self, record: Record) -> Sequence[Finding]:
        """Return what is wrong with a record, by those that came before."""
        try:
            # Most are messages: what is done for them is written for speed (bench/inspecting.py).
            if record.__class__ is Event and (case := self._cases.get(record.id)) is not None:
                case.count += 1
                judged = case.told(record) if record.n == case.count else self._lost(record)
            else:
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
        if isinstance(record, Opened):
            return () if isinstance(record, Continued) else self._opened(record)  # of which the beginning is not known
        case = self._cases.get(record.id)
        if case is None:
            return self._late(record) if record.id in self._ended else ()
        if isinstance(record, Closed):
            del self._cases[record.id]
            self._ended.append(record.id)
            return [one if one.n is not None else one._replace(n=case.count) for one in case.closed(record)]
        if isinstance(record, Raised):
            return case.raised(record)
        return case.observed(record) if isinstance(record, Observed) else ()

    @staticmethod
    def _late(record: Record) -> Iterable[Broken]:
        """Return what is wrong with what comes after an app has ended."""
        if isinstance(record, Event) and record.direction == "send":
            return [conduct.of_late(record)]
        return conduct.of_fact(record) if isinstance(record, Observed) else ()

    def _lost(self, record: Record) -> Iterable[Broken]:
        """Return nothing more of a connection of which some messages are not kept."""
        del self._cases[record.id]
        return ()

    def _opened(self, record: Opened) -> Iterable[Broken]:
        name = record.scope.get("type")
        kind = _KINDS.get(name, OtherCase) if isinstance(name, str) else OtherCase
        self._cases[record.id] = case = kind(record)
        return case.opened()

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
        if isinstance(record, Event):
            is_call = record.direction == "send"
        else:
            is_call = isinstance(record, Observed) and record.what in _CALLS and found.rule.blame == "app"
        if is_call:
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

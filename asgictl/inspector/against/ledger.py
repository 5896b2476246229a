"""What the app behind a server has seen, kept until the client asks for it."""

from collections.abc import Iterator

from asgictl.inspector.against import probe_mark
from asgictl.inspector.record import Closed, Event, Finding, Opened, Record
from asgictl.inspector.rules.rule import Broken

# So many checks are remembered, and so many records of each.
_CHECKS = 8
_RECORDS = 5000

# Where the lifespan is kept, which belongs to all.
_ALL = ""


class Ledger:
    """A sink of records that keeps those of each check by itself, and of the findings those that a server answers for.

    `latest` is the number of the connection that was opened last.
    """

    def __init__(self) -> None:
        self.latest = 0
        self._checks: dict[str, list[Record]] = {_ALL: []}
        self._of: dict[int, str] = {}
        self._ns: dict[int, tuple[int, float]] = {}

    def __call__(self, record: Record) -> None:
        """Keep a record."""
        if isinstance(record, Opened):
            self.latest = record.id
            mark = probe_mark.of_scope(record.scope)
            self._of[record.id] = self._begun(mark.session if mark else _ALL)
        if isinstance(record, Event) and record.id in self._of:  # not what comes after its end
            self._ns[record.id] = record.n, record.ms
        if not isinstance(record, Finding) or record.blame == "server":
            self._keep(record)
        if isinstance(record, Closed):
            self._ns.pop(record.id, None)
            self._of.pop(record.id, None)

    def judge(self, number: int, broken: Broken) -> None:
        """Take note that a connection breaks a rule, which only its probe can know."""
        n, ms = self._ns.get(number, (0, 0.0))
        self._keep(Finding(number, n, ms, broken.rule.id, broken.severity, "server", broken.text))

    def records(self, session: str) -> Iterator[Record]:
        """Yield what is kept of a check, and of the lifespan."""
        yield from self._checks[_ALL]
        yield from self._checks.get(session, ())

    def _begun(self, session: str) -> str:
        if session not in self._checks:
            self._checks[session] = []
            if len(self._checks) > _CHECKS + 1:
                oldest = list(self._checks)[1]
                del self._checks[oldest]
                self._of = {number: one for number, one in self._of.items() if one != oldest}
                self._ns = {number: one for number, one in self._ns.items() if number in self._of}
        return session

    def _keep(self, record: Record) -> None:
        kept = self._checks.get(self._of.get(record.id, "-"))
        if kept is not None and len(kept) < _RECORDS:
            kept.append(record)

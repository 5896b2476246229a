"""All connections before the rules for servers."""

from collections.abc import Iterable

from asgictl.inspector.record import Closed, Continued, Event, Opened, Record
from asgictl.inspector.rules.rule import Broken
from asgictl.inspector.rules.server_rules.given import Given, Served
from asgictl.inspector.rules.server_rules.received_http import HttpGiven
from asgictl.inspector.rules.server_rules.received_lifespan import LifespanGiven
from asgictl.inspector.rules.server_rules.received_websocket import WebSocketGiven

_KINDS: dict[str, type[Given]] = {"http": HttpGiven, "websocket": WebSocketGiven, "lifespan": LifespanGiven}


class Bench:
    """Judges what a server does, from records in their order, each connection by itself."""

    def __init__(self) -> None:
        self._served = Served()
        self._given: dict[int, Given] = {}
        self._counts: dict[int, int] = {}

    def judged(self, record: Record) -> Iterable[Broken]:
        """Return what the server does wrong in a record, by those that came before."""
        if isinstance(record, Opened):
            return self._opened(record)
        given = self._given.get(record.id)
        if given is None:
            return ()
        if isinstance(record, Event):
            self._counts[record.id] += 1
            if record.n != self._counts[record.id]:  # some that came before are not kept
                self.forget(record.id)
                return ()
        elif isinstance(record, Closed):
            self.forget(record.id)
        return given.judged(record)

    def forget(self, number: int) -> None:
        """Judge a connection no more."""
        self._given.pop(number, None)
        self._counts.pop(number, None)

    def _opened(self, record: Opened) -> Iterable[Broken]:
        if isinstance(record, Continued):  # of which the beginning is not known
            return ()
        name = record.scope.get("type")
        kind = _KINDS.get(name, Given) if isinstance(name, str) else Given
        # By the time that it is asked for its faults, the others are as they were when it began.
        self._given[record.id] = given = kind(record, self._served)
        self._counts[record.id] = 0
        return given.judged(record)

"""Records put together, an exchange for each connection."""

from collections.abc import Iterable

from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Opened, Record


def assembled(records: Iterable[Record]) -> dict[int, Exchange]:
    """Return the exchanges by their numbers, in the order in which they began.

    One that is opened again at the same time goes on.
    """
    exchanges: dict[int, Exchange] = {}
    for record in records:
        if isinstance(record, Opened):
            before = exchanges.get(record.id)
            if before is None or before.opened.at != record.at:
                exchanges[record.id] = Exchange(record)
        elif record.id in exchanges:
            exchanges[record.id].add(record)
    return exchanges

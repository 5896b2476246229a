"""What `asgictl.Inspector` records.

These names are stable, and a record may gain a field; what is neither here, nor in `asgictl` or `asgictl.testing`, is
internal and may change.

A sink is called with each `Record`: `Opened`, then an `Event` for each message, `Raised` for an exception out of
`receive` or `send`, and `Closed`; `Observed` is what was seen beside the messages, and `Finding` a rule of ASGI that
is broken. A `Failure` is an exception. In a file that goes on from an older one `Continued`
stands for `Opened`, and says what is not told again, `Earlier`. In scopes and messages `Redacted` stands for a secret,
`Opaque` for an object that ASGI has no type for. `Memory` is the sink that keeps the latest records; it has them put
together, an `Exchange` for each request, WebSocket and lifespan.
"""

from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import (
    Closed,
    Continued,
    Earlier,
    Event,
    Failure,
    Finding,
    Observed,
    Opaque,
    Opened,
    Raised,
    Record,
    Redacted,
)
from asgictl.inspector.record.memory import Memory

__all__ = [
    "Closed",
    "Continued",
    "Earlier",
    "Event",
    "Exchange",
    "Failure",
    "Finding",
    "Memory",
    "Observed",
    "Opaque",
    "Opened",
    "Raised",
    "Record",
    "Redacted",
]

"""The records of one connection, put together."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from asgictl.errors import AsgictlError
from asgictl.inspector import urls
from asgictl.inspector.record import Closed, Event, Failure, Opened, Raised, Record, Redacted
from asgictl.inspector.record.marks import is_hidden, told_of

_SWITCHING = 101
_FORBIDDEN = 403
_FAILED = 500

_STARTS = ("http.response.start", "websocket.http.response.start")
# What tells how an exchange goes, without its content.
ANSWERS = frozenset((*_STARTS, "websocket.accept", "websocket.close", "websocket.disconnect"))
_BODIES = ("http.response.body", "websocket.http.response.body")

Headers = Sequence[tuple[bytes, bytes | Redacted]]


class Exchange:
    """A request and its answer, a WebSocket conversation, or a lifespan.

    `events` are the messages, `raised` the exceptions out of `receive` and `send`, `closed` is None while it lasts.
    `left_out` counts events that were not kept.
    """

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.events: list[Event] = []
        self.raised: list[Raised] = []
        self.closed: Closed | None = None
        self.left_out = 0

    def add(self, record: Record) -> None:
        """Take in another record of this connection."""
        if isinstance(record, Event):
            self.events.append(record)
        elif isinstance(record, Raised):
            self.raised.append(record)
        elif isinstance(record, Closed):
            self.closed = record

    def records(self) -> Iterator[Record]:
        """Yield what it was put together from, in the order of time."""
        yield self.opened
        between: list[Event | Raised] = [*self.events, *self.raised]
        yield from sorted(between, key=lambda record: record.ms)
        if self.closed:
            yield self.closed

    def __repr__(self) -> str:
        what = f"{self.method} {self.target}".strip()
        return f"<Exchange {self.id}: {what}, {self.status or f'{len(self.events)} messages'}>"

    @property
    def id(self) -> int:
        """Its number."""
        return self.opened.id

    @property
    def scope(self) -> dict[str, Any]:
        """The scope, as it was before the app was called."""
        return self.opened.scope

    @property
    def type(self) -> str:
        """The scope's type: http, websocket or lifespan."""
        return str(self.scope.get("type"))

    @property
    def method(self) -> str:
        """The request's method; WS for a WebSocket, LIFESPAN for a lifespan."""
        return {"websocket": "WS", "lifespan": "LIFESPAN"}.get(self.type) or str(self.scope.get("method", "?"))

    @property
    def path(self) -> str:
        """The decoded path."""
        return str(self.scope.get("path", ""))

    @property
    def target(self) -> str:
        """The path and the query as they were asked for, percent-encoded."""
        if self.type == "lifespan":
            return ""
        raw = self.scope.get("raw_path")
        path = (
            raw.partition(b"?")[0]
            if isinstance(raw, bytes) and raw
            else quote(self.path, errors="surrogatepass").encode()
        )
        query = self.scope.get("query_string")
        return urls.encoded(b"%b?%b" % (path, query) if isinstance(query, bytes) and query else path).decode()

    @property
    def received(self) -> list[Event]:
        """The messages that the app has received."""
        return [event for event in self.events if event.direction == "receive"]

    @property
    def sent(self) -> list[Event]:
        """The messages that the app has sent."""
        return [event for event in self.events if event.direction == "send"]

    @property
    def start(self) -> Event | None:
        """The message that began the answer."""
        return next((event for event in self.sent if event.type in _STARTS), None)

    @property
    def status(self) -> int | None:
        """The status of the answer, as the client saw it: 500 for an app that raised, 101 for an accepted WebSocket."""
        if self.start is not None:
            status = self.start.get("status")
            return status if isinstance(status, int) else None
        kinds = {event.type for event in self.sent}
        if "websocket.accept" in kinds:
            return _SWITCHING
        if "websocket.close" in kinds:
            return _FORBIDDEN
        return _FAILED if self.error and self.type != "lifespan" else None

    @property
    def close_code(self) -> int | None:
        """The code that ended an accepted WebSocket."""
        for event in self.events if self.status == _SWITCHING else ():
            if event.type in ("websocket.close", "websocket.disconnect"):
                code = event.get("code", 1000)
                return code if isinstance(code, int) else None
        return None

    @property
    def error(self) -> Failure | None:
        """What the app has raised."""
        return self.closed.error if self.closed else None

    @property
    def ms(self) -> float:
        """How long it took, or has taken so far, in milliseconds."""
        last = self.closed or (self.events[-1] if self.events else None)
        return last.ms if last else 0.0

    @property
    def first_byte_ms(self) -> float | None:
        """When the answer began, in milliseconds after the request."""
        return self.start.ms if self.start else None

    @property
    def request_headers(self) -> Headers:
        """The headers of the request, lower-case or not, in order."""
        return list(pairs(self.scope.get("headers")))

    @property
    def response_headers(self) -> Headers:
        """The headers of the answer, in order."""
        start = self.start or next((event for event in self.sent if event.type == "websocket.accept"), None)
        return list(pairs(start.get("headers"))) if start else []

    @property
    def request_body(self) -> bytes:
        """What is kept of the request's body."""
        return b"".join(_body(event) for event in self.received if event.type == "http.request")

    @property
    def response_body(self) -> bytes:
        """What is kept of the answer's body."""
        return b"".join(_body(event) for event in self.sent if event.type in _BODIES)

    @property
    def request_size(self) -> int:
        """The size of the request's body in bytes, whatever is kept of it."""
        return sum(event.size for event in self.received if event.type == "http.request")

    @property
    def response_size(self) -> int:
        """The size of the answer's body in bytes, whatever is kept of it."""
        return sum(event.size for event in self.sent if event.type in _BODIES)

    @property
    def frames(self) -> list[bytes | str]:
        """The messages that a WebSocket's app has sent."""
        return [event.content for event in self.sent if event.type == "websocket.send"]

    @property
    def is_cut(self) -> bool:
        """Whether some of its content is not kept."""
        return self.left_out > 0 or any(event.cut or event.n != n for n, event in enumerate(self.events, start=1))

    @property
    def is_request_whole(self) -> bool:
        """Whether all that the client has sent is kept: the body as far as its last chunk, every message."""
        received = self.received
        if self.left_out or any(event.cut or event.redacted for event in received):
            return False
        if [event.n for event in self.events] != list(range(1, len(self.events) + 1)):
            return False
        chunks = [event for event in received if event.type == "http.request"]
        if chunks:
            return not chunks[-1].get("more_body")
        length = value_of(self.request_headers, "content-length") or "0"
        return self.type != "http" or (length == "0" and value_of(self.request_headers, "transfer-encoding") is None)

    def check_whole(self, hint: str) -> None:
        """Raise `AsgictlError`, with `hint`, unless all of the request is kept."""
        if not self.is_request_whole:
            problem = f"#{self.id} has a body of which not all is kept, or was received by the app"
            raise AsgictlError(problem, hint=hint)

    @property
    def redacted(self) -> tuple[str, ...]:
        """The names of the request's headers, with a `?` of query parameters, and with a `;` of those in the path.

        Their values are left out.
        """
        return tuple(self.secrets)

    @property
    def secrets(self) -> dict[str, str]:
        """What is known of each of `redacted`: its size and its digest, like `33 B 9f2c4`, or nothing."""
        path, _, query = self.target.partition("?")
        places: list[tuple[str, bytes | Redacted]] = [
            *((name.decode("latin-1").lower(), value) for name, value in self.request_headers),
            *((f";{part.partition('=')[0]}", part.encode()) for part in re.split("[;/]", path)),
            *((f"?{part.partition('=')[0]}", part.encode()) for part in query.split("&")),
        ]
        return {name: told_of(value) for name, value in places if is_lost(value)}

    @property
    def text(self) -> str:
        """The answer's body as text."""
        return self.response_body.decode()

    def json(self) -> Any:
        """Return the answer's body as JSON; raise `ValueError` when it is none."""
        return json.loads(self.response_body)

    def header(self, name: str) -> str | None:
        """Return the answer's first header called `name`, in any case, or None."""
        return value_of(self.response_headers, name)


def value_of(headers: Headers, name: str) -> str | None:
    """Return the first header called `name`, in any case, or None; a secret reads as such."""
    wanted = name.lower().encode("latin-1")
    found = (value for key, value in headers if key.lower() == wanted)
    value = next(found, None)
    return value.decode("latin-1") if isinstance(value, bytes) else None if value is None else str(value)


def is_lost(value: bytes | Redacted) -> bool:
    """Tell whether a header's value is a secret, or holds one, and so cannot be sent again."""
    return isinstance(value, Redacted) or is_hidden(value)


def assembled(records: Iterable[Record]) -> dict[int, Exchange]:
    """Return the exchanges by their numbers, in the order in which they began."""
    exchanges: dict[int, Exchange] = {}
    for record in records:
        if isinstance(record, Opened):
            exchanges[record.id] = Exchange(record)
        elif record.id in exchanges:
            exchanges[record.id].add(record)
    return exchanges


def pairs(headers: Any) -> Iterator[tuple[bytes, bytes | Redacted]]:
    """Yield the names and values of those headers that can be read."""
    for pair in headers if isinstance(headers, list) else ():
        if isinstance(pair, (list, tuple)) and len(pair) == 2:  # noqa: PLR2004  # a pair
            name, value = (item.encode("latin-1", "replace") if isinstance(item, str) else item for item in pair)
            if isinstance(name, bytes) and isinstance(value, (bytes, Redacted)):
                yield name, value


def _body(event: Event) -> bytes:
    content = event.content
    return content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")

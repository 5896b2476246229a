"""The records of one connection, put together."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from asgictl.inspector import endings, urls
from asgictl.inspector.bodies import charsets
from asgictl.inspector.bodies.codings import unpacked
from asgictl.inspector.headers import Headers, joined, lost, pairs, value_of
from asgictl.inspector.record import (
    Closed,
    Continued,
    Direction,
    Event,
    Failure,
    Finding,
    Observed,
    Opened,
    Raised,
    Record,
)


class Exchange:
    """A request and its answer, a WebSocket conversation, or a lifespan.

    `events` are the messages, `raised` the exceptions out of `receive` and `send`, `closed` is None while it lasts.
    `observed` is what was seen beside them, and `findings` the rules of ASGI that are broken. `left_out` counts events
    that were not kept, and `earlier` is known of those in an older file.
    """

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.events: list[Event] = []
        self.raised: list[Raised] = []
        self.observed: list[Observed] = []
        self.findings: list[Finding] = []
        self.closed: Closed | None = None
        self.earlier = opened.earlier if isinstance(opened, Continued) else None
        self.left_out = self.earlier.messages if self.earlier else 0

    def add(self, record: Record) -> None:
        """Take in another record of this connection."""
        if isinstance(record, Event):
            self.events.append(record)
        elif isinstance(record, Raised):
            self.raised.append(record)
        elif isinstance(record, Closed):
            self.closed = record
        elif isinstance(record, Observed):
            self.observed.append(record)
        elif isinstance(record, Finding):
            self.findings.append(record)

    def add_known(self, record: Raised) -> None:
        """Take in an exception if it is the first, or of a message that is here; others tell nothing of the outcome."""
        if not self.raised or any(event.n == record.n for event in self.events):
            self.raised.append(record)

    def records(self) -> Iterator[Record]:
        """Yield what it was put together from, in the order of time."""
        yield self.opened
        between: list[Any] = [*self.events, *self.raised, *self.observed, *self.findings]
        yield from sorted(between, key=lambda record: record.ms)
        if self.closed:
            yield self.closed

    def __repr__(self) -> str:
        what = f"{self.method} {self.target.partition('?')[0]}".strip()  # a query may hold secrets
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
        path = raw.partition(b"?")[0] if isinstance(raw, bytes) else b""
        path = path or quote(self.path, errors="surrogatepass").encode()
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
    def taken(self) -> list[Event]:
        """The messages that the app has sent, without those that the server has refused."""
        taken = endings.without_refused(self.events, self.raised)
        return [event for event in taken if event.direction == "send"]

    @property
    def start(self) -> Event | None:
        """The message that began the answer, if the server has taken it."""
        return next((event for event in self.taken if event.type in endings.STARTS), None)

    @property
    def status(self) -> int | None:
        """The status of the answer, as the client saw it: 101 for an accepted WebSocket, None for no answer.

        It is 500 for an app that raised, or returned, without having begun one: servers answer so.
        """
        return endings.status_of(self.type, self.events, self.raised, self.closed)

    @property
    def is_cut_off(self) -> bool:
        """Whether the app has ended in the middle of its answer, or of a WebSocket that it has not closed."""
        return endings.is_cut_off(self.type, self.events, self.raised, self.closed)

    @property
    def close_code(self) -> int | None:
        """The code that ended an accepted WebSocket."""
        for event in endings.without_refused(self.events, self.raised) if self.status == endings.SWITCHING else ():
            if event.type in endings.CLOSES:
                code = event.get("code", 1000)
                return code if isinstance(code, int) else None
        return None

    @property
    def error(self) -> Failure | None:
        """What the app has raised."""
        return self.closed.error if self.closed else None

    @property
    def ms(self) -> float:
        """How long the client waited, or has so far, in milliseconds: for the end of the answer, or else of the app.

        Of a WebSocket it is how long it lasted.
        """
        return self.end.ms if self.end else self.app_ms

    @property
    def app_ms(self) -> float:
        """How long the app ran, or has so far, in milliseconds: with what it did after the answer."""
        last = self.closed or (self.events[-1] if self.events else None)
        return last.ms if last else 0.0

    @property
    def end(self) -> Event | None:
        """The message that ended it for the client: the last of the answer, or what tells that a side has gone."""
        return endings.end_of(endings.without_refused(self.events, self.raised))

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

    def headers_of(self, direction: Direction) -> Headers:
        """Return the headers of the request, which the app receives, or of the answer, which it sends."""
        return self.request_headers if direction == "receive" else self.response_headers

    @property
    def request_body(self) -> bytes:
        """What is kept of the request's body."""
        return b"".join(event.data for event in self.received if event.type == "http.request")

    @property
    def response_body(self) -> bytes:
        """What is kept of the answer's body."""
        return b"".join(event.data for event in self.sent if event.type in endings.BODIES)

    @property
    def request_size(self) -> int:
        """The size of the request's body in bytes, whatever is kept of it."""
        earlier = self.earlier.received if self.earlier and self.type == "http" else 0
        return earlier + sum(event.size for event in self.received if event.type == "http.request")

    @property
    def declared_size(self) -> int | None:
        """The size of the request's body in bytes, as its headers say: 0 for no body, None for one of any size."""
        if value_of(self.request_headers, "transfer-encoding") is not None:
            return None
        length = value_of(self.request_headers, "content-length") or "0"
        return int(length) if re.fullmatch("[0-9]{1,18}", length) else None

    @property
    def is_request_read(self) -> bool:
        """Whether the app has received the request to the end of its body, if it has one."""
        chunks = [event for event in self.received if event.type == "http.request"]
        if chunks:
            return any(map(endings.is_last, chunks))
        return self.type != "http" or self.declared_size == 0

    @property
    def response_size(self) -> int:
        """The size of the answer's body in bytes, whatever is kept of it."""
        earlier = self.earlier.sent if self.earlier and self.type == "http" else 0
        return earlier + sum(event.size for event in self.sent if event.type in endings.BODIES)

    @property
    def frames(self) -> list[bytes | str]:
        """The messages that a WebSocket's app has sent."""
        return [event.content for event in self.sent if event.type == "websocket.send"]

    @property
    def gap(self) -> int | None:
        """How many events there are before the first that is not kept, None where all are."""
        for place, event in enumerate(self.events):
            if event.n != place + 1:
                return place
        return len(self.events) if self.left_out else None

    @property
    def is_cut(self) -> bool:
        """Whether some of its content is not kept."""
        return self.gap is not None or any(event.cut for event in self.events)

    @property
    def is_request_whole(self) -> bool:
        """Whether all that the client has sent is kept: the body as far as its last chunk, every message."""
        is_kept = self.gap is None and not any(event.cut or event.redacted for event in self.received)
        return is_kept and self.is_request_read

    @property
    def redacted(self) -> tuple[str, ...]:
        """The names of the request's headers, with a `?` of query parameters, and with a `;` of those in the path.

        Their values are left out.
        """
        return tuple(self.secrets)

    @property
    def secrets(self) -> dict[str, str]:
        """What is known of each of `redacted`: its size and its digest, like `33 B 9f2c4`, or nothing."""
        return lost(self.request_headers, self.target)

    @property
    def text(self) -> str:
        """The answer's body as text: unpacked, and by its charset; `ValueError` where it is no text, or not whole."""
        content = self.response_body
        where = f"the response body of #{self.id}"
        if any(event.redacted for event in self.sent):
            raise ValueError(f"{where} is not whole: secrets in it are left out")
        if len(content) != self.response_size:
            raise ValueError(f"{where} is not whole: {len(content)} of {self.response_size} bytes are kept")
        if self.gap is not None:
            raise ValueError(f"{where} is not whole: messages are missing")
        content, _, fault = unpacked(content, joined(self.response_headers, "content-encoding"))
        if fault:
            raise ValueError(f"{where} cannot be unpacked: {fault}")
        charset = charsets.of(content, self.header("content-type") or "").name
        if (text := charsets.read(content, charset)) is None:
            raise ValueError(f"{where} is not text: {charsets.why_not(content, charset)}")
        return text

    def json(self) -> Any:
        """Return the answer's body as JSON; raise `ValueError` when it is none, or not whole."""
        return json.loads(self.text.removeprefix("\ufeff"))

    def header(self, name: str) -> str | None:
        """Return the answer's first header called `name`, in any case, or None."""
        return value_of(self.response_headers, name)

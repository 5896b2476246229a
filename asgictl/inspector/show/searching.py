"""Where a pattern is looked for: in URLs, headers and errors, and in bodies as they were sent and as they are shown."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_plus

from asgictl.inspector.assembly import assembled
from asgictl.inspector.bodies import Readings, charsets, sizes
from asgictl.inspector.bodies.codings import Unpacker
from asgictl.inspector.endings import is_body
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.headers import Headers, joined, pairs, value_of
from asgictl.inspector.record import Closed, Direction, Event, Finding, Opened, Raised, Record
from asgictl.inspector.record.marks import MARK

# It was not sent, and is not looked into.
_STANDS_FOR_SECRETS = re.compile(MARK.pattern.decode())

# What is looked for may begin so far in front of a chunk, in characters.
_OVERLAP = 1000


class Search:
    """Looks for a pattern in the records of an exchange, as they come.

    `missed` says, by kinds, what could not be searched; it is complete with the end of the exchange.
    """

    def __init__(self, pattern: re.Pattern[str], exchange: Exchange) -> None:
        self.missed: dict[str, str] = {}
        self._pattern = pattern
        self._exchange = exchange
        self._unpackers: dict[str, Unpacker] = {}
        self._before: dict[str, str] = {}
        # What is kept of each body, and what it had, in bytes.
        self._kept: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()

    def finds(self, record: Record, held: Sequence[Record], *, all_held: bool) -> bool:
        """Tell whether there is a match in a record, or with the last one in all that are held of the exchange."""
        if isinstance(record, Opened):
            texts = self._of_scope()
        elif isinstance(record, Event):
            texts = self._of_event(record)
        elif isinstance(record, Closed):
            texts = self._of_all(held, all_held=all_held)
        elif isinstance(record, Raised):
            texts = iter([str(record.error)])
        elif isinstance(record, Finding):
            texts = iter([f"{record.rule} {record.text}"])
        else:
            texts = iter(())
        return any(self._pattern.search(_STANDS_FOR_SECRETS.sub("", text)) for text in texts)

    def _of_scope(self) -> Iterator[str]:
        yield self._exchange.target
        yield self._exchange.path
        yield unquote_plus(self._exchange.target.partition("?")[2])
        yield from _lines(self._exchange.request_headers)

    def _of_event(self, event: Event) -> Iterator[str]:
        content = event.content
        if is_body(event):
            yield from self._of_chunk(event, event.data)
        elif content:
            yield from Readings(event.data, "", "", whole=not event.cut)
            if event.cut:
                self._miss("cut", f"a message: {_kept(len(content), event.size)}")
        yield from _lines(list(pairs(event.get("headers"))))
        yield str(event.get("message", ""))

    def _of_chunk(self, event: Event, content: bytes) -> Iterator[str]:
        self._kept[event.direction] += len(content)
        self._sent[event.direction] += event.size
        headers = self._exchange.headers_of(event.direction)
        if encoding := joined(headers, "content-encoding"):
            unpacker = self._unpackers.setdefault(event.direction, Unpacker(encoding))
            content = unpacker.feed(content)
            if event.cut:
                unpacker.skip()
        charset = charsets.of(content, value_of(headers, "content-type") or "").name
        text = charsets.read(content, charset, whole=False)
        if text is None:
            text = content.decode(errors="replace")
        yield text
        before = self._before.get(event.direction, "")
        if before:
            yield before + text
        self._before[event.direction] = (before + text)[-_OVERLAP:]

    def _of_all(self, held: Sequence[Record], *, all_held: bool) -> Iterator[str]:
        """Yield what can only be searched when all of it is there, and how it ended."""
        closed = held[-1]
        if isinstance(closed, Closed) and closed.error:
            yield str(closed.error)
        for direction, what in (("receive", "request"), ("send", "response")):
            kept, sent = self._kept[direction], self._sent[direction]
            if kept < sent:
                self._miss("cut", f"{what} body: {_kept(kept, sent)}")
            unpacker = self._unpackers.get(direction)
            if unpacker and unpacker.fault:
                self._miss("packed", f"{what} body: {unpacker.fault}")
        if not all_held:
            self._miss("held", "too large: searched message by message, as it was sent")
            return
        for exchange in assembled(held).values():
            sides: list[tuple[Direction, str, bytes]] = [
                ("receive", "request", exchange.request_body),
                ("send", "response", exchange.response_body),
            ]
            for direction, what, content in sides:
                headers = exchange.headers_of(direction)
                media_type, encoding = value_of(headers, "content-type") or "", joined(headers, "content-encoding")
                found = Readings(content, media_type, encoding, whole=self._kept[direction] == self._sent[direction])
                yield from found
                if found.fault:
                    self._miss("packed", f"{what} body: {found.fault}")

    def _miss(self, kind: str, reason: str) -> None:
        self.missed.setdefault(kind, reason)


def _kept(count: int, size: int) -> str:
    return f"only {sizes.size(count)} of {sizes.size(size)} are kept, --body-limit keeps more"


def _lines(headers: Headers) -> Iterator[str]:
    """Yield headers, of secrets the names alone: only what was sent is found, and not what stands for it."""
    for name, value in headers:
        yield f"{name.decode('latin-1')}: {value.decode('latin-1') if isinstance(value, bytes) else ''}"

"""Where a pattern is looked for: in URLs, headers and errors, and in bodies as they were sent and as they are shown."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_plus

from asgictl.inspector.bodies import Readings, charsets
from asgictl.inspector.bodies.codings import Unpacker
from asgictl.inspector.exchange import Exchange, Headers, assembled, joined, pairs, value_of
from asgictl.inspector.record import Closed, Event, Opened, Record
from asgictl.inspector.show import wording
from asgictl.inspector.show.previews import as_bytes, is_body, of_side

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

    def finds(self, record: Record, held: Sequence[Record], *, all_held: bool) -> bool:
        """Tell whether there is a match in a record, or with the last one in all that are held of the exchange."""
        if isinstance(record, Opened):
            texts = self._of_scope()
        elif isinstance(record, Event):
            texts = self._of_event(record)
        elif isinstance(record, Closed):
            texts = self._of_all(held, all_held=all_held)
        else:
            texts = iter([str(record.error)])
        return any(self._pattern.search(text) for text in texts)

    def _of_scope(self) -> Iterator[str]:
        yield self._exchange.target
        yield self._exchange.path
        yield unquote_plus(self._exchange.target.partition("?")[2])
        yield from _lines(self._exchange.request_headers)

    def _of_event(self, event: Event) -> Iterator[str]:
        content = event.content
        if is_body(event):
            yield from self._of_chunk(event, as_bytes(content))
        elif content:
            yield from Readings(as_bytes(content), "", "", whole=not event.cut)
        if event.cut and not is_body(event):
            self.missed["cut"] = f"only {_kept(len(content), event.size)} of a message are kept (--body-limit)"
        yield from _lines(list(pairs(event.get("headers"))))
        yield str(event.get("message", ""))

    def _of_chunk(self, event: Event, content: bytes) -> Iterator[str]:
        headers = of_side(self._exchange, event.direction)
        if encoding := joined(headers, "content-encoding"):
            content = self._unpackers.setdefault(event.direction, Unpacker(encoding)).feed(content)
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
        if not all_held:
            self.missed["held"] = "it is so large that it was searched message by message, as it was sent"
        for exchange in assembled(held).values():
            if exchange.error:
                yield str(exchange.error)
            for what, headers, content, size in (
                ("request", exchange.request_headers, exchange.request_body, exchange.request_size),
                ("response", exchange.response_headers, exchange.response_body, exchange.response_size),
            ):
                is_kept = len(content) == size
                media_type, encoding = value_of(headers, "content-type") or "", joined(headers, "content-encoding")
                found = Readings(content, media_type, encoding, whole=is_kept and all_held)
                yield from found
                if not is_kept and all_held:
                    self.missed["cut"] = f"only {_kept(len(content), size)} of its {what} body are kept (--body-limit)"
                elif found.fault and all_held:
                    self.missed["packed"] = f"its {what} body: {found.fault}"


def _kept(count: int, size: int) -> str:
    return f"{wording.size(count)} of {wording.size(size)}"


def _lines(headers: Headers) -> Iterator[str]:
    for name, value in headers:
        yield f"{name.decode('latin-1')}: {value.decode('latin-1') if isinstance(value, bytes) else value}"

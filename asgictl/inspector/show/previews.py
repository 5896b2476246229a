"""The bodies of an exchange on their way: whose headers tell of them, and how each message of one begins."""

from asgictl.inspector.bodies.codings import Unpacker
from asgictl.inspector.endings import is_body
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.headers import joined, value_of
from asgictl.inspector.record import Event
from asgictl.inspector.show import wording


class Previews:
    """The beginnings of an exchange's messages, unpacked; each is to be asked for, in its order."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._types: dict[str, str] = {}
        self._unpackers: dict[str, Unpacker | None] = {}
        self._told: set[str] = set()

    def of(self, event: Event) -> str:
        """Return the beginning of what a message holds, behind its codings, and, once, what is wrong."""
        content, side = event.content, event.direction
        if not is_body(event) or not (content or self._unpackers.get(side)):
            return wording.preview(event, content)
        if side not in self._types:
            headers = self._exchange.headers_of(side)
            self._types[side] = value_of(headers, "content-type") or ""
            encoding = joined(headers, "content-encoding")
            self._unpackers[side] = Unpacker(encoding) if encoding else None
        unpacker = self._unpackers[side]
        if unpacker is None:
            return wording.preview(event, content, self._types[side])
        unpacked = unpacker.feed(event.data)
        if event.cut:
            unpacker.skip()
        elif not event.get("more_body"):
            unpacker.finish()
        said = list(unpacker.names) if content else []
        if unpacker.fault and side not in self._told:
            self._told.add(side)
            said.append(unpacker.fault)
        return ": ".join(
            text for text in (", ".join(said), wording.preview(event, unpacked, self._types[side])) if text
        )

"""An event stream as a browser reads it (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import codecs
import re
from collections.abc import Iterator

_INDENT = "  "
_ENDS = re.compile(r"\r\n|\n|\r")

# So much of an event without an end is kept, in characters.
_MOST = 256 * 1024


class EventStream:
    """Makes lines of a stream that comes in chunks, those of an event when it is complete."""

    def __init__(self) -> None:
        # It is always UTF-8.
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._begun = False
        self._after_return = False
        self._rest: list[str] = []
        self._fields: list[tuple[str, str]] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Yield the lines of what is complete now."""
        text = self._decoder.decode(chunk)
        if not text:
            return
        if not self._begun:
            text, self._begun = text.removeprefix("\ufeff"), True
        if self._after_return:
            text = text.removeprefix("\n")
        self._after_return = text.endswith("\r")
        first, *others = _ENDS.split(text)
        self._rest.append(first)
        self._size += len(text)
        for other in others:
            line, self._rest = "".join(self._rest), [other]
            yield from self._line(line)
        if self._size > _MOST:
            yield from self.finish()

    def finish(self) -> Iterator[str]:
        """Yield the lines of what is left at the end, which nobody is told of."""
        rest, self._rest = "".join(self._rest), []
        if rest:
            yield from self._line(rest)
        if self._fields:
            yield "not an event: no empty line follows"
            yield from self._event()

    def _line(self, line: str) -> Iterator[str]:
        if line.startswith(":"):
            yield line
        elif line:
            name, _, value = line.partition(":")
            self._fields.append((name, value.removeprefix(" ")))
        else:
            self._size = 0
            if self._fields:
                yield from self._event()

    def _event(self) -> Iterator[str]:
        fields, self._fields, self._size = self._fields, [], 0
        data = [value for name, value in fields if name == "data"]
        said = ["event"] if data else ["not an event: no data"]
        for name, value in fields:
            if name == "event" and data:
                said[0] = f"event {value}" if value else "event"
            elif name == "id" and "\0" not in value:
                said.append(f"id {value}")
            elif name == "retry" and value.isascii() and value.isdigit():
                said.append(f"retry {value}")
            elif name != "data":
                said.append(f"ignored {name}: {value}")
        yield ", ".join(said)
        yield from (f"{_INDENT}{line}" for line in data)

"""An HTTP request and its answer before the rules: what has been, and what may come."""

from collections.abc import Iterable
from typing import Any

from asgictl.inspector.endings import is_last
from asgictl.inspector.headers import pairs, value_of
from asgictl.inspector.record import Event, Observed, Opened
from asgictl.inspector.rules.case import Case
from asgictl.inspector.rules.header_checks import is_http2, of_headers, of_secret, readable
from asgictl.inspector.rules.http_rules import (
    response_body,
    response_headers,
    response_order,
    response_semantics,
    response_start,
)
from asgictl.inspector.rules.http_rules.extension_fields import HEADERS
from asgictl.inspector.rules.http_rules.extension_messages import CONTENT, TYPES, ExtensionMessages
from asgictl.inspector.rules.http_rules.response_pace import FIRST, GAP, WHOLE, Pace
from asgictl.inspector.rules.rule import Broken

# An app that sends so many messages after it was told that its client has gone goes on with it.
_PERSISTS = 10

_START = frozenset(("type", "status", "headers"))
_BODY = frozenset(("type", "body", "more_body"))

# Of what cannot be read all may be right.
_UNREADABLE = response_semantics.HeaderNames(
    length=-1, has_type=True, has_cookies=False, has_credentials=False, is_counted=False, is_plain=False
)

# What tells that a request has a body.
_FRAMING = frozenset((b"content-length", b"transfer-encoding"))


class HttpCase(Case):
    """An HTTP request and its answer."""

    sends = frozenset(("http.response.start", "http.response.body")) | TYPES
    receives = frozenset(("http.request", "http.disconnect"))

    # The beginning of the answer, and whether it has messages with content, one of which is the last.
    start: dict[str, Any] | None = None
    has_content = False
    is_final = False
    extended: ExtensionMessages | None = None

    # The bytes of content so far, None where that is not known, without those of so many files, and how many there
    # have to be.
    _size: int | None = 0
    _unmeasured = 0
    _length: int | None = None

    _has_type = _is_plain = False
    _lacks_start = False
    _is_read = False
    # Whether it has received the disconnect, and how many messages it has sent since; whether it has asked for more.
    _is_told = False
    _in_vain = 0
    _asks = False

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened)
        self._pace = Pace()

    def told(self, event: Event) -> Iterable[Broken]:
        """Return what is wrong with a message; the usual answer is judged here, for speed (bench/inspecting.py)."""
        message = event.message
        if message.__class__ is dict and event.direction == "send" and not self.is_over:
            kind = message.get("type")
            if kind == "http.response.body":
                if self._is_usual(event, message):
                    self.has_content = self.is_final = True
                    self._size = event.size
                    return ()
            elif kind == "http.response.start" and self.start is None and message.keys() == _START:
                status, headers = message["status"], message["headers"]
                if status.__class__ is int and event.ms - self._pace.since <= FIRST:  # 200.0 is the same as a key
                    known = response_semantics.known(status, self.scope.get("http_version"), headers)
                    if known is not None:
                        self._begin(event, headers, *known)
                        return ()
        return super().told(event)

    def _is_usual(self, event: Event, message: dict[str, Any]) -> bool:
        """Tell whether a message is the whole body of an answer, and as it has to be."""
        return (
            self._is_plain
            and not self.has_content
            and _BODY.issuperset(message)
            and message.get("more_body", False) is False
            and message.get("body", b"").__class__ is bytes
            and (self._length is None or self._length == event.size)
            and event.ms - self._pace.since <= GAP
            and event.ms <= WHOLE
        )

    def _begin(self, event: Event, headers: Any, told: response_semantics.HeaderNames, length: int | None) -> None:
        self.latest = event
        self.start = event.message
        self._pace.headers, self._pace.since = headers, event.ms
        self._has_type = told.has_type
        if self.scope.get("method") != "HEAD":
            self._length, self._is_plain = length, told.is_plain

    def received(self, event: Event) -> Iterable[Broken]:
        """Take note of what the server has told the app."""
        self._pace.since = event.ms
        message = event.message
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "http.request":
            self._is_read = not message.get("more_body")
        elif kind == "http.disconnect":
            self.is_gone = self._is_told = True
        return ()

    def sent(self, event: Event) -> Iterable[Broken]:
        """Return what is wrong with what the app sends."""
        message = event.message
        kind = message["type"]
        if kind == "http.response.start":
            return self._started(event)
        if kind == "http.response.body":
            return self._parted(event) if self.extended is None else [*self.extended.beside()] or self._parted(event)
        return self._extended(event)

    def _extended(self, event: Event) -> Iterable[Broken]:
        """Return what is wrong with a message of an extension, whose file is measured afterwards."""
        if self.is_final and event.type == "http.response.early_hint":
            return [response_order.AFTER_END(f"`{event.type}` is sent after the answer")]
        self.extended = self.extended or ExtensionMessages()
        found = list(self.extended.sent(event, self))
        if event.type in CONTENT:
            self.has_content = True
            self.is_final = self.is_final or is_last(event)
            self._unmeasured += 1
            self._lacks_start = self.start is None
        return found

    def _measured(self, record: Observed) -> list[Broken]:
        """Take note of a file that was sent; return what is wrong with it."""
        if self.extended is None:
            return []
        found = list(self.extended.observed(record, self))
        if record.what == "file":
            self._unmeasured -= 1
            size = self.extended.size_of(record)
            self._size = None if size is None or self._size is None else self._size + size
            found += self._of_length()
        return found

    def _started(self, event: Event) -> Iterable[Broken]:
        if self.start is not None:
            return [response_order.ONE_START("`http.response.start` is sent again")]
        message = event.message
        status, headers = message.get("status"), message.get("headers", ())
        late = self._pace.started(event)
        found = [*response_start.of_start(message), *of_headers(headers, response_headers.RULES)]
        if any(one.rule is response_headers.PAIRS for one in found):
            self._begin(event, headers, _UNREADABLE, None)
            return [*found, *late]
        told, length, wrong = self._meant(status if type(status) is int else 0, readable(headers))
        version = self.scope.get("http_version")
        if not found and not wrong and version.__class__ is str:
            response_semantics.remember(status, version, headers, told)
        self._begin(event, headers, told, length)
        if told.has_credentials:
            wrong += response_semantics.of_origin(self.scope, headers)
        return [*found, *wrong, *late]

    def _meant(
        self, status: int, headers: list[tuple[bytes, Any]]
    ) -> tuple[response_semantics.HeaderNames, int | None, list[Broken]]:
        """Return what the beginning of an answer means, how long it is, and what is wrong with that."""
        names = [name.lower() for name, _ in headers]
        told = response_semantics.told_by(status, names)
        found = response_semantics.of_names(status, names, is_http2=is_http2(self.scope))
        if told.length < 0:
            return told, None, found
        length, wrong = response_semantics.of_length(status, headers[told.length][1])
        return told, length if told.is_counted else None, [*found, *wrong]

    def _parted(self, event: Event) -> list[Broken]:
        message = event.message
        size, more = event.size, bool(message.get("more_body"))
        found = [*response_body.of_body(message)]
        if self.start is None:
            if not self._lacks_start:
                self._lacks_start = True
                found.append(response_order.START_FIRST(f"`{event.type}` is sent before `http.response.start`"))
            return found
        if self.is_final:
            found.append(response_order.AFTER_BODY(f"`{event.type}` is sent after the last part of the body"))
            return found
        found += self._pace.sent(event, size, more=more)
        if self._is_told:
            self._in_vain += 1
            if self._in_vain == _PERSISTS:
                found.append(response_order.PERSISTS("the app goes on sending after `http.disconnect`"))
        self.has_content = True
        self.is_final = not more
        if self._size is not None:
            if size and not self._size:
                method, status = self.scope.get("method"), self.start.get("status")
                found += response_body.of_content(method, status, has_type=self._has_type)
            self._size += size
        return found if self._length is None else [*found, *self._of_length()]

    def _of_length(self) -> list[Broken]:
        """Return whether there is more than `Content-Length` says, or less at the end."""
        length, size = self._length, self._size
        if length is None or size is None or size == length:
            return []
        # What is left of an answer is not sent to a client that has gone.
        if size < length and (not self.is_final or self.is_gone or self._unmeasured):
            return []
        self._length = None
        return [response_body.LENGTH(f"`content-length` is {length}, and the app sends {size} bytes")]

    def observed(self, record: Observed) -> Iterable[Broken]:
        """Return what is wrong with what was seen beside the messages."""
        if record.what == "secret":
            rules = HEADERS.get(self.latest.type) if self.latest is not None else None
            return of_secret(record.detail, rules or response_headers.RULES)
        if record.what == "memoryview":
            return [response_body.of_like_bytes("memoryview")] if record.detail == "body" else ()
        if record.what in ("file", "open file"):
            return self._measured(record)
        if record.what == "asked":
            is_first, self._asks = not self._asks, True
            text = "`receive()` is called again after `http.disconnect`"
            return [response_order.ASKS_AGAIN(text)] if is_first else ()
        return super().observed(record)

    def ended(self) -> Iterable[Broken]:
        """Return what is missing of an app that has returned."""
        if self.is_gone and not self.is_final:
            return ()
        if self.start is None:
            return [] if self._lacks_start else [response_order.NO_START("the app has returned without an answer")]
        found: list[Broken] = []
        if not self.has_content:
            found.append(response_order.NO_CONTENT_MESSAGE("the app has returned with `http.response.start` alone"))
        elif not self.is_final:
            found.append(response_order.UNFINISHED("the app has returned before the last part of its answer"))
        elif "trailers" in self.start and not self.is_gone:
            found += (self.extended or ExtensionMessages()).ended(self)
        if not self._is_read and not self.is_gone and self._has_body():
            found.append(response_order.UNREAD("the app has returned before it has read the whole request"))
        return found

    def _has_body(self) -> bool:
        """Tell whether the request has a body, by its headers (RFC 9112 section 6.3)."""
        headers = self.scope.get("headers")
        try:
            if _FRAMING.isdisjoint([pair[0] for pair in headers or ()]):
                return False
        except (IndexError, KeyError, TypeError):  # the server's fault
            return False
        given = list(pairs(headers))
        return value_of(given, "transfer-encoding") is not None or value_of(given, "content-length") not in (None, "0")

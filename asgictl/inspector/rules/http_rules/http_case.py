"""An HTTP request and its answer before the rules: what has been, and what may come."""

from collections.abc import Iterable
from typing import Any

from asgictl.inspector.endings import is_last
from asgictl.inspector.headers import pairs, value_of
from asgictl.inspector.record import Event, Observed, Opened
from asgictl.inspector.rules.case import Case, Shared
from asgictl.inspector.rules.http_rules import (
    response_body,
    response_headers,
    response_order,
    response_semantics,
    response_start,
)
from asgictl.inspector.rules.http_rules.extension_messages import CONTENT, TYPES, ExtensionMessages
from asgictl.inspector.rules.http_rules.response_pace import Pace
from asgictl.inspector.rules.rule import Broken

# An app that sends so many messages after it was told that its client has gone goes on with it.
_PERSISTS = 10


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

    _has_type = False
    _lacks_start = False
    _is_read = False
    # Whether it has received the disconnect, and how many messages it has sent since; whether it has asked for more.
    _is_told = False
    _in_vain = 0
    _asks = False

    def __init__(self, opened: Opened, shared: Shared) -> None:
        super().__init__(opened, shared)
        self._pace = Pace()

    def received(self, event: Event) -> Iterable[Broken]:
        """Take note of what the server has told the app."""
        self._pace.received(event.ms)
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
        self.start = message = event.message
        status, headers = message.get("status"), message.get("headers", ())
        version = self.scope.get("http_version")
        self._pace.headers = headers
        found = self._pace.started(event)
        if (
            status.__class__ is int
            and version.__class__ is str
            and "trailers" not in message
            and response_headers.are_good(headers)
            and (told := response_semantics.known(status, version, headers)) is not None
        ):
            return [*found, *self._headed(told, status, headers)]
        version = version if isinstance(version, str) else ""
        is_http2 = version.startswith(("2", "3"))
        found += response_start.of_start(message)
        found += (wrong := response_headers.of_headers(headers, is_http2=is_http2))
        if any(one.rule is response_headers.PAIRS for one in wrong):
            self._has_type = True  # for all that is known
            return found
        headers = response_headers.readable(headers)
        status = status if type(status) is int else 0
        told, wrong = response_semantics.of_names(status, version, headers, is_http2=is_http2)
        return [*found, *wrong, *self._headed(told, status, headers)]

    def _headed(self, told: response_semantics.Names, status: int, headers: list[tuple[bytes, Any]]) -> list[Broken]:
        """Take note of what the headers say; return what is wrong with that."""
        self._has_type = told.has_type
        found: list[Broken] = []
        if told.length >= 0:
            length, found = response_semantics.of_length(status, headers[told.length][1])
            if response_body.is_counted(self.scope.get("method"), status):
                self._length = length
        if told.has_credentials:
            found += response_semantics.of_origin(self.scope, headers)
        return found

    def _parted(self, event: Event) -> list[Broken]:
        message = event.message
        found = [*response_body.of_body(message)]
        if self.start is None:
            if not self._lacks_start:
                self._lacks_start = True
                found.append(response_order.START_FIRST(f"`{event.type}` is sent before `http.response.start`"))
            return found
        if self.is_final:
            found.append(response_order.AFTER_BODY(f"`{event.type}` is sent after the last part of the body"))
            return found
        size, more = event.size, bool(message.get("more_body"))
        found += self._pace.sent(event, size, more=more)
        if self._is_told:
            self._in_vain += 1
            if self._in_vain == _PERSISTS:
                found.append(response_order.PERSISTS("the app goes on sending after `http.disconnect`"))
        self.has_content = True
        self.is_final = not more
        if self._size is not None:
            if size and not self._size:
                status, method = self.start.get("status"), self.scope.get("method")
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
            return response_headers.of_secret(record.detail)
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
        given = list(pairs(self.scope.get("headers")))
        return value_of(given, "transfer-encoding") is not None or value_of(given, "content-length") not in (None, "0")

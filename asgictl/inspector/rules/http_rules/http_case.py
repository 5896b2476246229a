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
_PERSISTS = 3


class HttpCase(Case):
    """An HTTP request and its answer."""

    sends = frozenset(("http.response.start", "http.response.body")) | TYPES
    receives = frozenset(("http.request", "http.disconnect"))

    # The beginning of the answer, whether it has messages with content, one of which is the last, and whether it waits
    # for trailers.
    start: dict[str, Any] | None = None
    has_content = False
    is_final = False
    awaits_trailers = False
    # The bytes of content so far, None where that is not known, and how many there have to be.
    size: int | None = 0
    length: int | None = None

    # The messages of extensions, once there are any.
    extended: ExtensionMessages | None = None

    _has_type = False
    _lacks_start = False
    _is_read = False
    _is_told = False
    _in_vain = 0
    _asks = False

    def __init__(self, opened: Opened, shared: Shared) -> None:
        super().__init__(opened, shared)
        self._pace = Pace()

    @property
    def is_complete(self) -> bool:
        """Whether the answer is, with its trailers."""
        return self.is_final and not self.awaits_trailers

    def received(self, event: Event) -> Iterable[Broken]:
        """Take note of what the server has told the app."""
        self._pace.received(event.ms)
        if event.get("type") == "http.request":
            self._is_read = not event.get("more_body")
        elif event.get("type") == "http.disconnect":
            self.is_gone = self._is_told = True
        return ()

    def sent(self, event: Event) -> Iterable[Broken]:
        """Return what is wrong with what the app sends."""
        kind = event.type
        if kind == "http.response.start":
            return self._started(event)
        if kind == "http.response.body":
            found = response_body.of_body(event.message)
            more = self.content(event, event.size, more=bool(event.message.get("more_body")))
            if self.extended is not None:
                more = list(self.extended.beside()) or more
            return [*found, *more] if found else more
        return self._extended(event)

    def _extended(self, event: Event) -> Iterable[Broken]:
        """Return what is wrong with a message of an extension, some of which have content."""
        self.extended = self.extended or ExtensionMessages()
        was_complete = self.is_complete
        found = list(self.extended.sent(event, self))
        if event.type in CONTENT:
            more = self.content(event, None, more=not is_last(event))
            return found or more
        if event.type == "http.response.trailers":
            self.awaits_trailers = self.awaits_trailers and not is_last(event)
        elif was_complete and not any(one.rule.severity == "error" for one in found):
            return [response_order.AFTER_END(f"`{event.type}` is sent after the answer")]
        return found

    def _started(self, event: Event) -> Iterable[Broken]:
        if self.start is not None:
            return [response_order.ONE_START("`http.response.start` is sent again")]
        self.start = message = event.message
        status, headers = message.get("status"), message.get("headers", ())
        self.awaits_trailers = bool(message.get("trailers"))
        self._pace.headers = headers
        found = [*response_start.of_start(message), *self._pace.started(event)]
        if not response_headers.are_good(headers):
            if wrong := response_headers.of_headers(headers):
                found += wrong
                if any(one.rule is response_headers.PAIRS for one in wrong):
                    self._has_type = True  # for all that is known
                    return found
            headers = response_headers.readable(headers)
        return [*found, *self._headed(status if type(status) is int else 0, headers)]

    def _headed(self, status: int, headers: list[tuple[bytes, Any]]) -> list[Broken]:
        """Take note of what the headers say; return what is wrong with that."""
        told, found = response_semantics.of_names(status, [pair[0] for pair in headers], is_http2=self._is_http2())
        self._has_type = told.has_type
        if told.length >= 0:
            length, wrong = response_semantics.of_length(status, headers[told.length][1])
            found += wrong
            if response_body.is_counted(self.scope.get("method"), status):
                self.length = length
        if told.has_credentials:
            found += response_semantics.of_origin(self.scope, headers)
        return found

    def _is_http2(self) -> bool:
        version = self.scope.get("http_version")
        return version.__class__ is str and version[:1] in ("2", "3")

    def content(self, event: Event, size: int | None, *, more: bool) -> list[Broken]:
        """Take note of a message with content of `size` bytes, None where that is not known; return what is wrong.

        `more` says whether others follow.
        """
        if self.start is None:
            if self._lacks_start:
                return []
            self._lacks_start = True
            return [response_order.START_FIRST(f"`{event.type}` is sent before `http.response.start`")]
        if self.is_final:
            rule = response_order.AFTER_BODY if event.type.endswith("body") else response_order.AFTER_END
            return [rule(f"`{event.type}` is sent after the last part of the body")]
        found = self._pace.sent(event, size, more=more)
        if self._is_told:
            self._in_vain += 1
            if self._in_vain == _PERSISTS:
                found.append(response_order.PERSISTS("the app goes on sending after `http.disconnect`"))
        self.has_content = True
        self.is_final = not more
        if size is None:
            self.size = None
        elif self.size is not None:
            if size and not self.size:
                status, method = self.start.get("status"), self.scope.get("method")
                found += response_body.of_content(method, status, has_type=self._has_type)
            self.size += size
            found += self._of_length()
        return found

    def _of_length(self) -> list[Broken]:
        """Return whether there is more than `Content-Length` says, or less at the end."""
        length, size = self.length, self.size
        if length is None or size is None or size == length or (size < length and not self.is_final):
            return []
        self.length = None
        return [response_body.LENGTH(f"`content-length` is {length}, and the app sends {size} bytes")]

    def measured(self, size: int | None) -> list[Broken]:
        """Take note of how many bytes a message with a file has; return what is wrong with that."""
        if self.size is None and size is not None:
            self.size = size
            return self._of_length()
        return []

    def observed(self, record: Observed) -> Iterable[Broken]:
        """Return what is wrong with what was seen beside the messages."""
        if record.what in {"file", "open file"} and self.extended is not None:
            found = list(self.extended.observed(record, self))
            return found + self.measured(self.extended.size_of(record)) if record.what == "file" else found
        if record.what == "secret":
            return response_headers.of_secret(record.detail)
        if record.what == "memoryview":
            return [response_body.of_like_bytes("memoryview")] if record.detail == "body" else ()
        if record.what == "asked":
            is_first, self._asks = not self._asks, True
            text = "`receive()` is called again after `http.disconnect`"
            return [response_order.ASKS_AGAIN(text)] if is_first else ()
        return super().observed(record)

    def ended(self) -> Iterable[Broken]:
        """Return what is missing of an app that has returned."""
        if self.is_gone and not self.is_complete:
            return ()
        if self.start is None:
            return [] if self._lacks_start else [response_order.NO_START("the app has returned without an answer")]
        found = []
        if not self.has_content:
            found.append(response_order.NO_CONTENT_MESSAGE("the app has returned with `http.response.start` alone"))
        elif not self.is_final:
            found.append(response_order.UNFINISHED("the app has returned before the last part of its answer"))
        found += (self.extended or ExtensionMessages()).ended(self)
        if not self._is_read and self._has_body():
            found.append(response_order.UNREAD("the app has returned before it has read the whole request"))
        return found

    def _has_body(self) -> bool:
        """Tell whether the request has a body, by its headers (RFC 9112 section 6.3)."""
        given = list(pairs(self.scope.get("headers")))
        return value_of(given, "transfer-encoding") is not None or value_of(given, "content-length") not in (None, "0")

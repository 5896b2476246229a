"""A request as the server gives it: what follows what.

https://asgi.readthedocs.io/en/latest/specs/www.html#request-receive-event
"""

from collections.abc import Iterable, Iterator

from asgictl.inspector.record import Event, Observed, Opened, Raised
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Field, fields
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.server_rules.after_disconnect import AfterDisconnect
from asgictl.inspector.rules.server_rules.given import Given, Served
from asgictl.inspector.rules.server_rules.scopes import http_scope, request_headers, scope_values, tls_scope
from asgictl.inspector.rules.server_rules.scopes.lifespan_scope import READY

BODY = Rule("A-131", "error", "server", "The `body` of a request is bytes.", links.REQUEST)
MORE_BODY = Rule("A-132", "error", "server", "The `more_body` of a request is a boolean.", links.REQUEST)
WHOLE = Rule("A-133", "error", "server", "No `http.request` follows the one without `more_body`.", links.REQUEST)
DISCONNECTED = Rule(
    "A-134", "error", "server", "After `http.disconnect` a server gives nothing else.", links.DISCONNECT
)
ANSWERED = Rule(
    "A-135", "error", "server", "Once the answer is complete `receive` gives `http.disconnect`.", links.DISCONNECT
)
LENGTH = Rule(
    "A-136",
    "warning",
    "server",
    "The body of a request is as long as its Content-Length says.",
    links.rfc(9112, "6.3"),
)

_FIELDS = (
    Field("body", BODY, scope_values.is_bytes, "bytes"),
    Field("more_body", MORE_BODY, scope_values.is_boolean, "a boolean"),
)

_START, _BODY, _TRAILERS = "http.response.start", "http.response.body", "http.response.trailers"
_PATH, _FILE = "http.response.pathsend", "http.response.zerocopysend"


class HttpGiven(Given):
    """A request, and what becomes of its answer."""

    receives = frozenset(("http.request", "http.disconnect"))
    state_rule = http_scope.STATE_COPY

    def __init__(self, opened: Opened, served: Served) -> None:
        super().__init__(opened, served)
        self._after = AfterDisconnect(self.scope)
        self._length = request_headers.length(self.scope)
        self._size = 0
        self._is_whole = self._is_gone = False
        self._is_started = self._has_trailers = self._is_answered = False

    def of_scope(self) -> Iterator[Broken]:
        """Yield what is wrong with the scope, and with when it comes."""
        yield from http_scope.of_scope(self.scope)
        yield from tls_scope.of_scope(self.scope)
        yield from of_time(self.served)

    def received(self, event: Event) -> Iterator[Broken]:
        """Yield what is wrong with a part of the request, or with its end."""
        if event.type == "http.disconnect":
            self._is_gone = self._after.is_gone = True
            return
        yield from fields(event.message, _FIELDS)
        if self._is_gone:
            yield DISCONNECTED("`http.request` follows `http.disconnect`")
        elif self._is_answered:
            yield ANSWERED("the answer is complete, and the app receives `http.request`")
        elif self._is_whole:
            yield WHOLE("`http.request` follows the last part of the body")
        else:
            yield from self._of_size(event)
        self._is_whole = self._is_whole or event.get("more_body", False) is not True

    def _of_size(self, event: Event) -> Iterator[Broken]:
        before, self._size = self._size, self._size + event.size
        if self._length is None:
            return
        is_last = event.get("more_body", False) is not True
        if before <= self._length and (self._size > self._length or (is_last and self._size < self._length)):
            yield LENGTH(f"the Content-Length is {self._length}, and the app receives {self._size} bytes")

    def sent(self, event: Event) -> Iterable[Broken]:
        """Take note of how far the answer is."""
        kind, is_over = event.type, self._is_answered
        is_right = not is_over and (kind == _START) != self._is_started
        if kind == _START:
            self._is_started = True
            self._has_trailers = event.get("trailers") is True
        elif kind == _PATH or (kind in {_BODY, _FILE} and event.get("more_body", False) is not True):
            self._is_answered = is_over or not self._has_trailers
        elif kind == _TRAILERS and event.get("more_trailers", False) is not True:
            self._is_answered = True
        self._after.sent(event, is_right=is_right and kind in {_START, _BODY, _FILE, _PATH})
        return ()

    def raised(self, record: Raised) -> Iterable[Broken]:
        """Take note that the server does not ignore what it cannot send any more."""
        self._after.raised(record)
        return ()

    def observed(self, record: Observed) -> Iterator[Broken]:
        """Yield what is wrong with what was seen beside the messages."""
        yield from super().observed(record)
        yield from self._after.observed(record)

    def closed(self) -> Iterable[Broken]:
        """Yield what the server has left out by the end of the app."""
        return self._after.closed()


def of_time(served: Served) -> Iterator[Broken]:
    """Yield what is wrong with a connection that begins now."""
    if served.lifespan == "asked":
        yield READY("the app is called before its startup is complete")
    elif served.lifespan == "failed":
        yield READY("the app is called, though its startup has failed")

"""A WebSocket as the server gives it: what follows what.

https://asgi.readthedocs.io/en/latest/specs/www.html#connect-receive-event
"""

from collections.abc import Iterable, Iterator

from asgictl.inspector.record import Event, Observed, Opened, Raised
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Field, fields, shown
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.server_rules.after_disconnect import AfterDisconnect
from asgictl.inspector.rules.server_rules.given import Given, Served
from asgictl.inspector.rules.server_rules.received_http import of_time
from asgictl.inspector.rules.server_rules.scopes import scope_values, tls_scope, websocket_scope

CONNECT = Rule(
    "A-321", "error", "server", "A WebSocket begins with `websocket.connect`, given once.", links.WEBSOCKET_CONNECT
)
ACCEPTED = Rule(
    "A-322",
    "error",
    "server",
    "A server gives no `websocket.receive` before the app has accepted.",
    links.WEBSOCKET_CONNECT,
)
VALUES = Rule(
    "A-323",
    "error",
    "server",
    "The `bytes` of a message are bytes or None, its `text` a string or None.",
    links.WEBSOCKET_RECEIVE,
)
ONE_VALUE = Rule(
    "A-324", "error", "server", "A message has exactly one of `bytes` and `text`.", links.WEBSOCKET_RECEIVE
)
CODE = Rule(
    "A-325",
    "error",
    "server",
    "A disconnect has a `code`, which is an integer, 1005 where none has come, and its `reason` is a string or None.",
    links.WEBSOCKET_DISCONNECT,
)
ENDED = Rule(
    "A-326",
    "error",
    "server",
    "After `websocket.disconnect` a server gives nothing else.",
    links.WEBSOCKET_DISCONNECT,
)

_OF_RECEIVE = (
    Field("bytes", VALUES, scope_values.is_bytes_or_none, "bytes or None"),
    Field("text", VALUES, scope_values.is_text_or_none, "a string or None"),
)
_OF_DISCONNECT = (
    Field("code", CODE, scope_values.is_integer, "an integer", required=True),
    Field("reason", CODE, scope_values.is_text_or_none, "a string or None"),
)


class WebSocketGiven(Given):
    """A WebSocket, as the client has it."""

    receives = frozenset(("websocket.connect", "websocket.receive", "websocket.disconnect"))
    state_rule = websocket_scope.STATE

    def __init__(self, opened: Opened, served: Served) -> None:
        super().__init__(opened, served)
        self._after = AfterDisconnect(self.scope)
        self._is_connected = self._is_accepted = self._is_closed = self._is_gone = False

    def of_scope(self) -> Iterator[Broken]:
        """Yield what is wrong with the scope, and with when it comes."""
        yield from websocket_scope.of_scope(self.scope)
        yield from tls_scope.of_scope(self.scope)
        yield from of_time(self.served)

    def received(self, event: Event) -> Iterator[Broken]:
        """Yield what is wrong with a message of the client's."""
        kind = event.type
        if self._is_gone:
            if kind != "websocket.disconnect":
                yield ENDED(f"`{kind}` follows `websocket.disconnect`")
        elif (kind == "websocket.connect") == self._is_connected:
            yield CONNECT(
                "`websocket.connect` is given again" if self._is_connected else f"a WebSocket begins with `{kind}`"
            )
        elif kind == "websocket.receive" and not self._is_accepted:
            yield ACCEPTED("`websocket.receive` is given before the app has accepted")
        self._is_connected = True
        if kind == "websocket.receive":
            yield from _of_message(event)
        elif kind == "websocket.disconnect":
            self._is_gone = self._after.is_gone = True
            yield from fields(event.message, _OF_DISCONNECT)

    def sent(self, event: Event) -> Iterable[Broken]:
        """Take note of how far the app is."""
        kind, was_accepted, was_closed = event.type, self._is_accepted, self._is_closed
        is_right = self._is_connected and not was_closed and (kind == "websocket.accept") != was_accepted
        if kind == "websocket.accept":
            self._is_accepted = True
        elif kind == "websocket.close" or kind.startswith("websocket.http.response."):
            self._is_closed = True
        self._after.sent(event, is_right=is_right and kind in {"websocket.accept", "websocket.send"})
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


def _of_message(event: Event) -> Iterator[Broken]:
    found = list(fields(event.message, _OF_RECEIVE))
    yield from found
    data, text = event.get("bytes"), event.get("text")
    if not found and (data is None) == (text is None):
        yield ONE_VALUE(f"`bytes` is {shown(data)}, and `text` {shown(text)}")

"""A WebSocket before the rules: what follows what.

https://asgi.readthedocs.io/en/latest/specs/www.html#websocket
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from asgictl.inspector.record import Event, Observed, Opened
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Case
from asgictl.inspector.rules.header_checks import of_secret
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.websocket_rules import websocket_accept, websocket_denial, websocket_send
from asgictl.inspector.rules.websocket_rules.websocket_close import of_close

CONNECT = Rule(
    "A-331",
    "error",
    "app",
    "An application receives `websocket.connect` before it answers.",
    links.WEBSOCKET_CONNECT,
    "await `receive()` before the first `send`",
)
BEFORE_ACCEPT = Rule(
    "A-332",
    "error",
    "app",
    "Nothing is sent through a WebSocket before it is accepted.",
    links.WEBSOCKET_CONNECT,
    "send `websocket.accept` first",
)
ONE_ACCEPT = Rule(
    "A-333",
    "error",
    "app",
    "A WebSocket is accepted once.",
    links.WEBSOCKET_ACCEPT,
    "accept in one place: the framework, a middleware or the handler",
)
REFUSED = Rule(
    "A-334",
    "error",
    "app",
    "A WebSocket that was closed, or denied, is not accepted any more.",
    links.WEBSOCKET_CLOSE,
    "return after the close",
)
AFTER_CLOSE = Rule(
    "A-343",
    "error",
    "app",
    "Nothing is sent through a WebSocket after it was closed.",
    links.WEBSOCKET_CLOSE,
    "return after the close, and end the tasks that send",
)
AFTER_DISCONNECT = Rule(
    "A-344",
    "warning",
    "app",
    "An application stops sending when its client has gone: servers raise out of `send`, or drop it.",
    links.WEBSOCKET_DISCONNECT,
    "end the loop on `websocket.disconnect`",
)
ONE_CLOSE = Rule(
    "A-348",
    "error",
    "app",
    "A WebSocket is closed once.",
    links.WEBSOCKET_CLOSE,
    "close in one place, and return after that",
)
NO_ANSWER = Rule(
    "A-350",
    "error",
    "app",
    "An application answers each handshake: it accepts, closes or denies.",
    links.WEBSOCKET_CONNECT,
    "accept or close on each way through the application, or raise",
)
NO_CLOSE = Rule(
    "A-351",
    "warning",
    "app",
    "An application closes what it has accepted; a client sees a broken connection (1006) otherwise.",
    links.WEBSOCKET_SCOPE,
    "send `websocket.close` before the application returns",
)
ASKED = Rule(
    "A-352",
    "warning",
    "app",
    "Nothing is received after `websocket.disconnect`: with some servers `receive()` never returns.",
    links.WEBSOCKET_DISCONNECT,
    "end the loop on `websocket.disconnect`",
)
EXTENSION = Rule(
    "A-361",
    "error",
    "app",
    "A handshake is answered with HTTP only where the server has the extension `websocket.http.response`.",
    links.DENIAL,
    'look for it in `scope["extensions"]`, and send `websocket.close` without it',
)
ONE_DENIAL = Rule(
    "A-362",
    "error",
    "app",
    "A denial starts once, in answer to `websocket.connect`, and not after an accept or a close.",
    links.DENIAL,
    "answer the handshake once: accept, close or deny",
)
UNFINISHED = Rule(
    "A-365",
    "error",
    "app",
    "A denial that has started ends with a `websocket.http.response.body` without `more_body`.",
    links.DENIAL,
    "send the last part of the body",
)
AFTER_DENIAL = Rule(
    "A-366",
    "error",
    "app",
    "No other message follows the start of a denial: the server closes the connection after it.",
    links.DENIAL,
    "return after the denial",
)

_DENIAL = "websocket.http.response"

# An app that sends so many messages after it was told that its client has gone goes on with it.
_PERSISTS = 3


class WebSocketCase(Case):
    """A WebSocket, from its handshake to its end."""

    sends = frozenset(
        (
            *("websocket.accept", "websocket.send", "websocket.close"),
            *(f"{_DENIAL}.start", f"{_DENIAL}.body"),
        )
    )
    receives = frozenset(("websocket.connect", "websocket.receive", "websocket.disconnect"))

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened)
        self.is_accepted = self.is_closed = self.is_disconnected = False
        self.denial: Literal["", "misplaced", "begun", "done"] = ""
        self._is_told = False
        self._in_vain = 0
        self._takes = {
            "websocket.accept": self._accepted,
            "websocket.send": self._passed,
            "websocket.close": self._closing,
            f"{_DENIAL}.start": self._denied,
            f"{_DENIAL}.body": self._denied_with,
        }
        # Whose headers were sent last.
        self._headers = websocket_accept.HEADER_RULES

    def received(self, event: Event) -> Iterable[Broken]:
        """Yield what is wrong with what the server has told the app."""
        if event.type == "websocket.disconnect":
            self.is_gone = self.is_disconnected = True
        return ()

    def sent(self, event: Event) -> Iterable[Broken]:
        """Yield what is wrong with what the app sends."""
        kind = event.type
        if kind == "websocket.send" and self.is_accepted and not (self.is_closed or self.denial or self.is_gone):
            return websocket_send.of_send(event.message)
        take = self._takes.get(kind)
        return take(event) if take is not None else ()

    def _accepted(self, event: Event) -> Iterator[Broken]:
        self._headers = websocket_accept.HEADER_RULES
        if self.is_closed or self.denial:
            yield REFUSED(f"`websocket.accept` is sent after the {'denial' if self.denial else 'close'}")
        elif self.is_accepted:
            yield ONE_ACCEPT("`websocket.accept` is sent again")
        else:
            self.is_accepted = True
        yield from websocket_accept.of_accept(event.message, self.scope)

    def _passed(self, event: Event) -> Iterator[Broken]:
        if self.denial in {"begun", "done"}:
            yield AFTER_DENIAL("`websocket.send` is sent after a denial has started")
        elif self.is_closed:
            yield AFTER_CLOSE("`websocket.send` is sent after `websocket.close`")
        elif not self.is_accepted:
            yield BEFORE_ACCEPT("`websocket.send` is sent before `websocket.accept`")
        elif self.is_disconnected and self._persists():
            yield AFTER_DISCONNECT("the app goes on sending after `websocket.disconnect`")
        yield from websocket_send.of_send(event.message)

    def _persists(self) -> bool:
        """Tell whether a message is one too many for tasks that end a little later than the client."""
        self._in_vain += 1
        return self._in_vain == _PERSISTS

    def _closing(self, event: Event) -> Iterator[Broken]:
        if self.denial in {"begun", "done"}:
            yield AFTER_DENIAL("`websocket.close` is sent after a denial has started")
        elif self.is_closed and not self.is_gone:  # a framework may answer so that the first one did not arrive
            yield ONE_CLOSE("`websocket.close` is sent again")
        is_first = not (self.is_closed or self.denial)
        yield from of_close(
            event.message,
            self.scope,
            is_open=is_first and self.is_accepted and not self.is_gone,
            is_refusal=is_first and not self.is_accepted,
        )
        self.is_closed = True

    def _denied(self, event: Event) -> Iterator[Broken]:
        self._headers = websocket_denial.HEADER_RULES
        yield from self._of_extension()
        if self.is_accepted or self.is_closed:
            yield ONE_DENIAL(f"a denial starts after the {'close' if self.is_closed else 'accept'}")
            self.denial = self.denial or "misplaced"
        elif self.denial:
            yield ONE_DENIAL("a denial starts again")
        else:
            self.denial = "begun"
        yield from websocket_denial.of_denial(event.message, self.scope)

    def _denied_with(self, event: Event) -> Iterator[Broken]:
        yield from self._of_extension()
        if not self.denial:
            yield websocket_denial.BODY("the body of a denial is sent before its start")
            self.denial = "misplaced"
        elif self.denial == "done":
            yield websocket_denial.BODY("a part of the body is sent after the last one")
        elif self.denial == "begun" and not event.get("more_body"):
            self.denial = "done"
        yield from websocket_denial.of_denial_body(event.message)

    def _of_extension(self) -> Iterator[Broken]:
        if _DENIAL not in self.extensions and not self._is_told:
            self._is_told = True
            yield EXTENSION("the server does not have the extension `websocket.http.response`")

    def observed(self, record: Observed) -> Iterable[Broken]:
        """Yield what is wrong with what was seen beside the messages."""
        if record.what == "unasked":
            return self._of_answer()
        if record.what == "asked":
            return [ASKED("`receive()` is called after `websocket.disconnect`")]
        if record.what == "memoryview":
            rule = websocket_denial.BODY if record.detail == "body" else websocket_send.TYPES
            return [rule(f"`{record.detail}` is a memoryview, which not all servers take", severity="warning")]
        if record.what == "secret":
            return of_secret(record.detail, self._headers)
        return super().observed(record)

    def _of_answer(self) -> Iterator[Broken]:
        """Yield what is wrong with an answer to nothing: servers take one that refuses, and frameworks send it."""
        if self.is_accepted:
            yield CONNECT("`websocket.accept` is sent before `websocket.connect` was received")
        elif self.is_closed or self.denial:
            yield CONNECT("the handshake is refused before `websocket.connect` was received", severity="info")

    def ended(self) -> Iterable[Broken]:
        """Yield what is missing of an app that has returned."""
        if self.is_gone or self.is_closed or self.denial == "done":
            return
        if self.denial == "begun":
            yield UNFINISHED("the app has returned in the middle of a denial")
        elif self.is_accepted:
            yield NO_CLOSE("the app has returned without `websocket.close`")
        else:
            yield NO_ANSWER("the app has returned without an answer to the handshake")

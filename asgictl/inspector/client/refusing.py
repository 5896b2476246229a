"""An app as servers call it: what it sends against the protocol is refused, and its client does not hear of that."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from asgictl.asgi import ASGIApp, Message, Receive, Scope, Send
from asgictl.inspector.endings import FILES

# What is outside an answer, and what is in it, where the scope offers it
# (https://asgi.readthedocs.io/en/latest/extensions.html).
_OUTSIDE = ("http.response.debug", "http.response.early_hint")
_WITHIN = (*FILES, "http.response.push", "http.response.trailers")

_DENIAL = "websocket.http.response"

# Controls and separators, and controls but tabs, which servers do not put into an answer (RFC 9110 section 5).
_NOT_IN_NAMES = re.compile(rb'[\x00-\x20\x7f()<>@,;:\\"\[\]={}]')
_NOT_IN_VALUES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_STATUSES = range(100, 600)
_WITHOUT_BODY = (204, 304)

# What may be sent as the code of a close, and how long its reason may be in bytes (RFC 6455 sections 5.5 and 7.4).
CODES = frozenset((*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)))
_REASON = 123


class GoneError(OSError):
    """The client has gone."""


class Refusing:
    """`app`, told by exceptions what it sends out of turn, as servers do, and where `strict` what is no HTTP, too.

    `taken` are messages of extensions that the server is known to take, beside those of the scope.
    """

    def __init__(self, app: ASGIApp, *, taken: frozenset[str] = frozenset(), strict: bool = True) -> None:
        self._app = app
        self._taken = taken
        self._strict = strict

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app."""
        __tracebackhide__ = True
        allowed = frozenset((*self._taken, *(scope.get("extensions") or ())))
        check = (_Chat if scope["type"] == "websocket" else _Answer)(scope, allowed, strict=self._strict)

        async def checked(message: Message) -> None:
            __tracebackhide__ = True
            if not isinstance(message, dict) or not isinstance(message.get("type"), str):
                raise TypeError("this is not an ASGI message")
            check.take(message)
            await send(message)

        try:
            await self._app(scope, receive, checked)
        except SystemExit as error:  # it would end the loop, which a server goes on with
            raise RuntimeError("the app has exited") from error


class _Answer:
    """What a server knows of an answer to a request: how far it is, and how many bytes are to come."""

    def __init__(self, scope: Scope, allowed: frozenset[str], *, strict: bool) -> None:
        self._allowed = allowed
        self._strict = strict
        self._is_head = scope.get("method") == "HEAD"
        self._begun = self._ended = self._trails = False
        self._left: int | None = None

    def take(self, message: Message) -> None:
        """Raise `RuntimeError` for a message that is not the next one."""
        kind = message["type"]
        if self._ended:
            _expect(message)
        elif kind in _OUTSIDE and kind in self._allowed:
            return
        elif self._begun:
            self._go_on(message)
        else:
            _expect(message, "http.response.start")
            self._begun = True  # whatever is wrong with it, there is no second one
            self._trails = bool(message.get("trailers")) and "http.response.trailers" in self._allowed
            if self._strict:
                self._start(message)

    def _start(self, message: Message) -> None:
        status, headers = _status(message.get("status")), _headers(message)
        coded = any(name.lower() == b"transfer-encoding" and value.lower() == b"chunked" for name, value in headers)
        lengths = [value for name, value in headers if name.lower() == b"content-length"]
        if lengths and not re.fullmatch(rb"\s*[0-9]+\s*", lengths[0]):
            raise RuntimeError("the Content-Length is not a number")
        if not self._is_head and not coded:
            self._left = int(lengths[0]) if lengths else 0 if status in _WITHOUT_BODY else None

    def _go_on(self, message: Message) -> None:
        kind = message["type"]
        if kind in _WITHIN and kind in self._allowed:
            is_last = kind in FILES or (kind == "http.response.trailers" and not message.get("more_trailers"))
            self._ended = is_last and not message.get("more_body")
            return
        _expect(message, "http.response.body")
        is_last = not message.get("more_body")
        body = _content(message.get("body", b""), bytes) if self._strict else b""
        if self._left is not None:
            if len(body) > self._left:
                raise RuntimeError("the body is longer than its Content-Length")
            self._left -= len(body)
            if is_last and self._left:
                raise RuntimeError("the body is shorter than its Content-Length")
        self._ended = is_last and not self._trails


class _Chat:
    """What a server knows of a WebSocket."""

    def __init__(self, _: Scope, allowed: frozenset[str], *, strict: bool) -> None:
        self._strict = strict
        self._denials = (f"{_DENIAL}.start",) if allowed & {_DENIAL, f"{_DENIAL}.start"} else ()
        self._next: Callable[[Message], object] = self._answer

    def take(self, message: Message) -> None:
        """Raise `RuntimeError` for a message that is not the next one."""
        self._next(message)

    def _answer(self, message: Message) -> None:
        kind = _expect(message, "websocket.accept", "websocket.close", *self._denials)
        if kind == "websocket.close":
            self._next = _expect
            return
        is_accepted = kind == "websocket.accept"
        if self._strict:
            _headers(message)
            _status(200 if is_accepted else message.get("status"))
        self._next = self._talk if is_accepted else self._deny

    def _talk(self, message: Message) -> None:
        if _expect(message, "websocket.send", "websocket.close") == "websocket.send":
            content = message.get("bytes")
            if self._strict:
                _content(message.get("text") or "" if content is None else content, str if content is None else bytes)
            return
        is_usual = message.get("code", 1000) in CODES and len((message.get("reason") or "").encode()) <= _REASON
        if self._strict and not is_usual:
            raise RuntimeError("a WebSocket cannot be closed with this code and reason")
        self._next = _expect

    def _deny(self, message: Message) -> None:
        _expect(message, f"{_DENIAL}.body")
        if self._strict:
            _content(message.get("body", b""), bytes)
        if not message.get("more_body"):
            self._next = _expect


def _expect(message: Message, *kinds: str) -> str:
    kind: str = message["type"]
    if kind not in kinds:
        raise RuntimeError(f"{kind} comes where {' or '.join(kinds) or 'nothing more'} is expected")
    return kind


def _status(value: Any) -> int:
    if not isinstance(value, int) or value not in _STATUSES:
        raise RuntimeError(f"{value!r} is not a status")
    return value


def _content(value: Any, kind: type) -> Any:
    if not isinstance(value, (str,) if kind is str else (bytes, bytearray, memoryview)):
        raise TypeError(f"{type(value).__name__} is not {kind.__name__}")
    return value


def _headers(message: Message) -> list[tuple[bytes, bytes]]:
    given: Iterable[Any] = message.get("headers", ())
    try:
        headers = [(bytes(memoryview(name)), bytes(memoryview(value))) for name, value in given]
    except (TypeError, ValueError) as error:
        raise RuntimeError("the headers are not pairs of bytes") from error
    if any(_NOT_IN_NAMES.search(name) or _NOT_IN_VALUES.search(value) for name, value in headers):
        raise RuntimeError("a header has characters that it cannot have")
    return headers

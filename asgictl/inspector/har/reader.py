"""Entries of HAR files as records: what a browser, mitmproxy or another tool has written, as if it had been inspected.

A file may be somebody else's: each value may be of any type, and what cannot be told from it is said.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from asgictl.inspector import urls
from asgictl.inspector.endings import SWITCHING
from asgictl.inspector.har import body_reader
from asgictl.inspector.har.body_reader import listed, number, object_of, text
from asgictl.inspector.headers import joined, value_of
from asgictl.inspector.record import Closed, Direction, Event, Opened, Record, Redacted, as_bytes

_URL = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?)?([^?#]*)(\?[^#]*)?")
_NETLOC = re.compile(r"(?:.*@)?(\[[^]]*\]|[^:]*)(?::(\d{1,5}))?", re.DOTALL)
_REDACTED = re.compile(r"‹redacted (\d{1,9}) B.*›")
_VERSION = re.compile(r"(?:http/|h)(1(?:\.[01])|[23](?:\.0)?)(?![0-9.])")
_STATUSES = range(100, 1000)
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_TEXT, _BINARY = 1, 2  # RFC 6455 section 5.2

_LAST_CODE = 65535  # of two bytes (RFC 6455 section 5.5.1)

# From here on a message's time is in milliseconds, which Playwright writes, and Chromium seconds.
_MILLISECONDS = 1e11

# When the last year begins that Python's calendar has, in every time zone.
_LAST = 253_370_764_800

Told = dict[str, list[int]]


def records(place: int, entry: dict[str, Any], told: Told) -> Iterator[Record]:
    """Yield the records of an entry that has a request, with the number `place`, and add to `told` what is not there.

    That is in sentences without their subject, in which `{}` stands for the numbers of the entries.
    """
    return _Entry(place, entry, told).records()


class _Entry:
    """An entry on its way to records."""

    def __init__(self, place: int, entry: dict[str, Any], told: Told) -> None:
        self._id = place
        self._told = told
        self._entry = entry
        self._request = object_of(entry.get("request"))
        self._response = object_of(entry.get("response"))
        self._events: list[Event] = []
        self._at = self._moment()
        scheme, self._netloc, path, query = _split(text(self._request.get("url")))
        self._messages = [one for one in listed(entry.get("_webSocketMessages")) if isinstance(one, dict)]
        self._is_websocket = (
            bool(self._messages) or scheme in ("ws", "wss") or entry.get("_resourceType") == "websocket"
        )
        self._scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme) if self._is_websocket else scheme
        self._target = urls.in_scope((path or "/") + query)
        timings = object_of(entry.get("timings"))
        self._asked = sum(number(timings.get(key)) for key in ("blocked", "dns", "connect", "send"))
        self._begun = self._asked + number(timings.get("wait"))
        self._ended = max(number(entry.get("time")), self._begun)

    def records(self) -> Iterator[Record]:
        headers = self._headers(self._request)
        if self._is_websocket:
            self._converse()
        else:
            body = body_reader.asked(self._request, headers)
            headers = body.headers
            self._add_body("receive", self._asked, "http.request", body)
            self._answer("http.response", _status(self._response))
        yield Opened(self._id, self._at, self._scope(headers))
        yield from self._events
        is_answered = any(event.direction == "send" for event in self._events)
        yield Closed(self._id, max([self._ended, *(event.ms for event in self._events)]), cancelled=not is_answered)

    def _tell(self, what: str) -> None:
        self._told.setdefault(what, []).append(self._id)

    def _add(
        self, direction: Direction, ms: float, message: dict[str, Any], size: int = 0, *, cut: bool = False
    ) -> None:
        self._events.append(Event(self._id, len(self._events) + 1, ms, direction, message, size=size, cut=cut))

    def _add_body(self, direction: Direction, ms: float, kind: str, body: body_reader.HarBody) -> None:
        """Add the body of a side, and what the file does not hold of it as it was sent."""
        if body.lacks_files:
            self._tell("does not hold the files that were sent in {}, only their names")
        elif not body.is_whole:
            self._tell(
                f"does not hold the whole body of the {'request' if direction == 'receive' else 'answer'} in {{}}"
            )
        if body.is_composed:
            self._tell("holds forms by their fields: what is put together in {} may differ from what was sent")
        if body.is_longer:
            self._tell("holds a body of another length than the headers of {} say, which may differ from what was sent")
        if body.is_bare:
            self._tell("holds bodies unpacked: the `content-encoding` in {} is left out, as it cannot be packed again")
        elif body.is_packed:
            self._tell("holds bodies unpacked: what is packed again in {} may differ from what was sent")
        message = {"type": kind, "body": body.content, "more_body": False}
        self._add(direction, ms, message, body.size, cut=not body.is_whole)

    def _scope(self, headers: list[tuple[bytes, Any]]) -> dict[str, Any]:
        found = _NETLOC.fullmatch(self._netloc)
        host, port = (found[1].strip("[]"), found[2]) if found else ("", None)
        scope: dict[str, Any] = {
            "type": "websocket" if self._is_websocket else "http",
            "asgi": {"version": "3.0"},
            "http_version": _version(text(self._request.get("httpVersion"))),
            "server": [host, int(port) if port else _PORTS.get(self._scheme, 80)] if host else None,
            "client": None,
            "scheme": self._scheme,
            "root_path": "",
            **self._target,
            "headers": headers,
        }
        if not self._is_websocket:
            return scope | {"method": text(self._request.get("method")) or "GET"}
        offered = joined(headers, "sec-websocket-protocol")
        return scope | {"subprotocols": [one.strip() for one in offered.split(",") if one.strip()]}

    def _answer(self, kind: str, status: int) -> None:
        """Add the answer, if there is one; a browser has the status 0 for none."""
        if not status:
            self._tell("holds no answer to {}")
            return
        headers = self._headers(self._response)
        body = body_reader.answered(self._response, headers)
        self._add("send", self._begun, {"type": f"{kind}.start", "status": status, "headers": body.headers})
        self._add_body("send", self._ended, f"{kind}.body", body)

    def _converse(self) -> None:
        """Add the messages of a WebSocket, or the answer that refused it."""
        status = _status(self._response)
        self._add("receive", self._asked, {"type": "websocket.connect"})
        if not self._messages and status != SWITCHING:
            self._answer("websocket.http.response", status)
            return
        headers = self._headers(self._response)
        kept = [pair for pair in headers if pair[0] != b"sec-websocket-protocol"]
        accept = {"type": "websocket.accept", "subprotocol": value_of(headers, "sec-websocket-protocol")}
        self._add("send", self._begun, {**accept, "headers": kept})
        for message in self._messages:
            opcode = message.get("opcode")
            if opcode in (_TEXT, _BINARY):
                self._frame(message, is_text=opcode == _TEXT)
        self._close()

    def _frame(self, message: dict[str, Any], *, is_text: bool) -> None:
        content = body_reader.frame(text(message.get("data")), is_text=is_text)
        size = len(as_bytes(content))
        is_client = message.get("type") == "send"
        kind = {"type": "websocket.receive" if is_client else "websocket.send"}
        at = number(message.get("time"))
        seconds = at / 1000 if at > _MILLISECONDS else at
        ms = max(self._begun, number(number(seconds - self._at) * 1000))
        self._add("receive" if is_client else "send", ms, kind | {"text" if is_text else "bytes": content}, size)

    def _close(self) -> None:
        """Add how it was closed, which only our own archives have."""
        closed = object_of(object_of(self._entry.get("_asgictl")).get("closed"))
        code, reason = closed.get("code"), closed.get("reason")
        if type(code) is int and 0 <= code <= _LAST_CODE:
            by_app = closed.get("by") == "app"
            kind = "websocket.close" if by_app else "websocket.disconnect"
            ms = max(self._ended, self._events[-1].ms)
            why = {"reason": reason} if isinstance(reason, str) else {}
            self._add("send" if by_app else "receive", ms, {"type": kind, "code": code, **why})
        else:
            self._tell("does not say how the WebSocket of {} was closed")

    def _headers(self, side: dict[str, Any]) -> list[tuple[bytes, Any]]:
        """Return the headers of one side, with the host of HTTP/2, and secrets as such."""
        pairs = list(map(_pair, listed(side.get("headers"))))
        kept = [(name.lower(), value) for name, value in pairs if name and not name.startswith(":")]
        if side is self._request and not any(name == "host" for name, _ in kept):
            host = next((value for name, value in pairs if name == ":authority"), self._netloc.rpartition("@")[2])
            kept = [("host", host), *kept] if host else kept
        return [(_latin(name), _value(value)) for name, value in kept]

    def _moment(self) -> float:
        written = text(self._entry.get("startedDateTime"))
        try:
            moment = datetime.fromisoformat(written)
            at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            at = -1.0
        if not 0 <= at < _LAST:
            self._tell("does not say when {} was")
            return 0.0
        return at


def _split(url: str) -> tuple[str, str, str, str]:
    """Return the scheme, the host with its port, the path and the query of a URL, whatever it is."""
    found = _URL.match(url)
    scheme, netloc, path, query = found.groups() if found else (None, None, "", None)
    return (scheme or "http").lower(), netloc or "", path or "", query or ""


def _pair(pair: Any) -> tuple[str, str]:
    """Return a header's name and value; some tools write lists of two."""
    if isinstance(pair, dict):
        return text(pair.get("name")), text(pair.get("value"))
    found = listed(pair)
    return (text(found[0]), text(found[1])) if len(found) == 2 else ("", "")  # noqa: PLR2004  # a pair


def _value(value: str) -> Any:
    found = _REDACTED.fullmatch(value)
    return Redacted(int(found[1])) if found else _latin(value)


def _latin(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def _version(written: str) -> str:
    """Return ASGI's name of a version of HTTP; browsers write `h2`, `h3-29` and `http/2.0`, too."""
    found = _VERSION.match(written.lower())
    version = found[1].removesuffix(".0") if found else "1.1"
    return {"1": "1.0"}.get(version, version)


def _status(response: dict[str, Any]) -> int:
    """Return a status that HTTP has (RFC 9110 section 15), 0 for anything else."""
    status = response.get("status")
    return status if type(status) is int and status in _STATUSES else 0

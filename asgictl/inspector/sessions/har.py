"""Exchanges as HAR 1.2, the HTTP Archive that browsers' developer tools open (http://www.softwareishard.com/blog/har-12-spec/)."""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

from asgictl import rfc9110
from asgictl.inspector import bodies
from asgictl.inspector.address import url
from asgictl.inspector.exchange import Exchange, Headers, value_of
from asgictl.inspector.record import Event, Redacted

_OPCODES = {str: 1, bytes: 2}  # RFC 6455 section 5.2
_UNKNOWN = -1


def har(exchanges: Iterable[Exchange], version: str) -> dict[str, Any]:
    """Return the requests and the WebSockets among `exchanges` as an archive made by asgictl `version`."""
    entries = [_entry(exchange) for exchange in exchanges if exchange.type in ("http", "websocket")]
    return {"log": {"version": "1.2", "creator": {"name": "asgictl", "version": version}, "entries": entries}}


def _entry(exchange: Exchange) -> dict[str, Any]:
    first = exchange.first_byte_ms
    accepted = next((event.ms for event in exchange.sent if event.type == "websocket.accept"), exchange.ms)
    wait = accepted if first is None else first
    entry = {
        "startedDateTime": _moment(exchange.opened.at),
        "time": exchange.ms,
        "request": _request(exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": {"send": 0, "wait": wait, "receive": max(0.0, exchange.ms - wait)},
        "_asgictl": {"id": exchange.id, "error": str(exchange.error) if exchange.error else None},
    }
    if exchange.type == "websocket":
        entry["_resourceType"] = "websocket"
        entry["_webSocketMessages"] = [
            _message(exchange, event)
            for event in exchange.events
            if event.type in ("websocket.receive", "websocket.send")
        ]
    return entry


def _request(exchange: Exchange) -> dict[str, Any]:
    headers = exchange.request_headers
    query = exchange.scope.get("query_string")
    request = {
        "method": "GET" if exchange.type == "websocket" else exchange.method,
        "url": url(exchange),
        "httpVersion": _version(exchange),
        "cookies": _cookies(headers, "cookie"),
        "headers": _headers(headers),
        "queryString": _pairs(
            parse_qsl(query.decode("latin-1") if isinstance(query, bytes) else "", keep_blank_values=True)
        ),
        "headersSize": _UNKNOWN,
        "bodySize": exchange.request_size,
    }
    if exchange.request_size:
        media_type = value_of(headers, "content-type") or ""
        text, encoding = _text(exchange.request_body)
        # The format has no encoding here; base64 is told in a comment, as others do.
        request["postData"] = {"mimeType": media_type, "text": text} | ({"comment": encoding} if encoding else {})
    return request


def _response(exchange: Exchange) -> dict[str, Any]:
    headers = exchange.response_headers
    status = exchange.status or 0
    kept = exchange.response_body
    body = bodies.decoded(kept, value_of(headers, "content-encoding") or "")
    text, encoding = _text(body)
    content = {
        "size": len(body) if len(kept) == exchange.response_size else exchange.response_size,
        "compression": len(body) - len(kept),
        "mimeType": value_of(headers, "content-type") or "x-unknown",
        "text": text,
        **({"encoding": encoding} if encoding else {}),
        **({"comment": f"{len(kept)} of {exchange.response_size} bytes are kept"} if exchange.is_cut else {}),
    }
    return {
        "status": status,
        "statusText": rfc9110.REASONS.get(status, ""),
        "httpVersion": _version(exchange),
        "cookies": _cookies(headers, "set-cookie"),
        "headers": _headers(headers),
        "content": content,
        "redirectURL": value_of(headers, "location") or "",
        "headersSize": _UNKNOWN,
        "bodySize": 0 if exchange.method == "HEAD" else exchange.response_size,
    }


def _message(exchange: Exchange, event: Event) -> dict[str, Any]:
    content = event.content
    opcode = _OPCODES[str] if event.get("text") is not None else _OPCODES[bytes]
    return {
        "type": "send" if event.direction == "receive" else "receive",  # as the client sees it
        "time": exchange.opened.at + event.ms / 1000,
        "opcode": opcode,
        "data": content if isinstance(content, str) else base64.b64encode(content).decode(),
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _version(exchange: Exchange) -> str:
    return f"HTTP/{exchange.scope.get('http_version') or '1.1'}"


def _headers(headers: Headers) -> list[dict[str, str]]:
    return _pairs(
        [
            (name.decode("latin-1"), value.decode("latin-1") if isinstance(value, bytes) else str(value))
            for name, value in headers
        ]
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _cookies(headers: Headers, name: str) -> list[dict[str, str]]:
    cookies: list[dict[str, str]] = []
    for key, value in headers:
        if key.lower() == name.encode() and not isinstance(value, Redacted):
            try:
                parsed = SimpleCookie(value.decode("latin-1"))
            except CookieError:
                continue
            cookies += _pairs((one, morsel.value) for one, morsel in parsed.items())
    return cookies


def _text(content: bytes) -> tuple[str, str | None]:
    """Return content as text, and how it is encoded where it is none."""
    try:
        return content.decode(), None
    except UnicodeDecodeError:
        return base64.b64encode(content).decode(), "base64"

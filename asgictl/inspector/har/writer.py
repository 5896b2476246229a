"""Exchanges as entries of HAR 1.2, the HTTP Archive that browsers' developer tools open (http://www.softwareishard.com/blog/har-12-spec/)."""

import base64
import json
import math
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from asgictl import addresses, rfc9110
from asgictl.inspector.address import url
from asgictl.inspector.bodies import forms
from asgictl.inspector.endings import AFTERWARDS, FILES, FRAMES
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.har import body_writer, cookies
from asgictl.inspector.headers import Headers, as_text, joined, value_of
from asgictl.inspector.record import Event

_OPCODES = {str: 1, bytes: 2}  # RFC 6455 section 5.2
_UNKNOWN = -1
_PAGE = "session"

# Safari counts with them, whether they are there or not (Web Inspector, LocalResource.fromHAREntry).
_NOT_KNOWN = {"blocked": -1, "dns": -1, "connect": -1, "ssl": -1}

# By Sec-Fetch-Dest.
_KINDS = {"style": "stylesheet", **{name: name for name in ("document", "font", "image", "script")}}


def archive(entries: Iterable[dict[str, Any]], version: str, about: Callable[[], dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of an archive of some entries, made by asgictl `version`; in the end what there is to know.

    There is nothing of an archive without entries.
    """
    between = ""
    for one in entries:
        if not between:
            # Safari's importer wants a page (Web Inspector, NetworkManager.processHAR).
            began = {"startedDateTime": one["startedDateTime"], "id": _PAGE, "title": "asgictl session"}
            head = {
                "version": "1.2",
                "creator": {"name": "asgictl", "version": version},
                "pages": [{**began, "pageTimings": {}}],
            }
            yield f'{{"log": {json.dumps(head)[:-1]}, "entries": ['
        # With an indent it would be Python that encodes, which takes several times as long.
        yield between + "{" + ",\n ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in one.items()) + "}"
        between = ",\n"
    if between:
        yield f'], "_asgictl": {json.dumps(about())}}}}}'


def entry(exchange: Exchange) -> dict[str, Any]:
    """Return the entry of a request or a WebSocket."""
    first = exchange.first_byte_ms
    accepted = next((event.ms for event in exchange.sent if event.type == "websocket.accept"), exchange.ms)
    wait = _ms(accepted if first is None else first)
    receive = max(0.0, _ms(exchange.ms) - wait)
    after = _ms(exchange.app_ms - exchange.ms)
    said = {"comment": f"the app went on for {after:.0f} ms after the answer"} if after >= AFTERWARDS else {}
    found: dict[str, Any] = {
        "pageref": _PAGE,
        "startedDateTime": _moment(exchange.opened.at),
        "time": wait + receive,
        "request": _request(exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": {**_NOT_KNOWN, "send": 0, "wait": wait, "receive": receive, **said},
        **_connection(exchange),
        "_resourceType": _resource_type(exchange),
        "_asgictl": {
            "id": exchange.id,
            "error": str(exchange.error) if exchange.error else None,
            "app_ms": _ms(exchange.app_ms),
        },
    }
    if exchange.type == "websocket":
        found["_webSocketMessages"] = [_message(exchange, event) for event in exchange.events if event.type in FRAMES]
        end = exchange.end
        if end is not None and exchange.close_code is not None:
            by = "app" if end.direction == "send" else "client"
            reason = end.get("reason")
            why = {"reason": reason} if isinstance(reason, str) else {}
            found["_asgictl"]["closed"] = {"by": by, "code": exchange.close_code, **why}
    return found


def _connection(exchange: Exchange) -> dict[str, Any]:
    """Return the server's address, and its port, for which Chromium takes `connection` (HARImporter)."""
    server = exchange.scope.get("server")
    if not isinstance(server, (list, tuple)) or len(server) != 2 or not addresses.parsed(str(server[0])):  # noqa: PLR2004  # host and port
        return {}
    found = {"serverIPAddress": str(server[0]).partition("%")[0], "connection": str(server[1])}
    return found | ({"_serverPort": server[1]} if isinstance(server[1], int) else {})  # where Safari looks


def _resource_type(exchange: Exchange) -> str:
    """Return what Chromium files a request under (HARImporter): by what a browser says of it, or the answer's type."""
    if exchange.type == "websocket":
        return "websocket"
    media_type = exchange.header("content-type") or ""
    asked_for = value_of(exchange.request_headers, "sec-fetch-dest") or ""
    return _KINDS.get(asked_for, "document" if media_type.startswith("text/html") else "fetch")


def _request(exchange: Exchange) -> dict[str, Any]:
    headers = exchange.request_headers
    query = exchange.scope.get("query_string")
    read, declared = exchange.request_size, exchange.declared_size
    request: dict[str, Any] = {
        "method": "GET" if exchange.type == "websocket" else exchange.method,
        "url": url(exchange),
        "httpVersion": _version(exchange),
        "cookies": cookies.asked(headers),
        "headers": _headers(headers),
        "queryString": _pairs(forms.fields(query.decode("latin-1"), "utf-8") if isinstance(query, bytes) else ()),
        "headersSize": _UNKNOWN,
        "bodySize": read if exchange.is_request_read else _UNKNOWN,
    }
    if read:
        request["postData"] = body_writer.post_data(exchange)
    said = _about_scope(exchange)
    if not exchange.is_request_read:
        whole = "an unknown number of" if declared is None else declared
        said.append(f"the app read {read} of {whole} bytes of the body")
    return request | ({"comment": "; ".join(said)} if said else {})


def _about_scope(exchange: Exchange) -> list[str]:
    """Return what an app is told that is in no key of an entry."""
    said = []
    if not exchange.target.startswith("/"):
        said.append(f"the target was `{exchange.target}`")
    if root_path := exchange.scope.get("root_path"):
        said.append(f"the app was mounted at `{root_path}`")
    if exchange.type == "websocket" and "sec-websocket-protocol" not in exchange.secrets:
        offered = exchange.scope.get("subprotocols") or []
        header = joined(exchange.request_headers, "sec-websocket-protocol")
        if offered != [name.strip() for name in header.split(",") if name.strip()]:
            said.append(f"the app was offered the subprotocols {offered}")
    return said


def _response(exchange: Exchange) -> dict[str, Any]:
    headers = exchange.response_headers
    status = exchange.status or 0
    size, comment = _sent(exchange)
    return {
        "status": status,
        "statusText": rfc9110.REASONS.get(status, ""),
        "httpVersion": _version(exchange),
        "cookies": cookies.given(headers, exchange.opened.at),
        "headers": _headers(headers),
        "content": body_writer.content(exchange),
        "redirectURL": value_of(headers, "location") or "",
        "headersSize": _UNKNOWN,
        "bodySize": size,
        # For which Chromium takes the sum of the two sizes otherwise, as if they were known.
        "_transferSize": max(0, size),
        **({"comment": comment} if comment else {}),
    }


def _sent(exchange: Exchange) -> tuple[int, str | None]:
    """Return how large the answer's body was on its way, and why that is not known."""
    if exchange.start is None and exchange.type == "http":
        why = f"the app raised {exchange.error}" if exchange.error else "the app did not answer"
        return _UNKNOWN, f"{why}; what the server sent is not recorded"
    if any(event.type in FILES for event in exchange.sent):
        length = value_of(exchange.response_headers, "content-length") or ""
        return int(length) if length.isascii() and length.isdigit() else _UNKNOWN, "the server sent a file for the app"
    return 0 if exchange.method == "HEAD" else exchange.response_size, None


def _message(exchange: Exchange, event: Event) -> dict[str, Any]:
    content = event.content
    size = len(event.data)
    return {
        "type": "send" if event.direction == "receive" else "receive",  # as the client sees it
        "time": exchange.opened.at + _ms(event.ms) / 1000,
        "opcode": _OPCODES[type(content)],
        "data": content if isinstance(content, str) else base64.b64encode(content).decode(),
        **({"comment": f"{size} of {event.size} bytes are kept"} if event.cut else {}),
    }


def _ms(value: float) -> float:
    """Return a time that JSON has a number for."""
    return max(0.0, value) if math.isfinite(value) else 0.0


def _moment(at: float) -> str:
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):  # a year that no calendar of Python's has
        moment = datetime.fromtimestamp(0, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _version(exchange: Exchange) -> str:
    return f"HTTP/{exchange.scope.get('http_version') or '1.1'}"


def _headers(headers: Headers) -> list[dict[str, str]]:
    return _pairs((as_text(name), as_text(value)) for name, value in headers)


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]

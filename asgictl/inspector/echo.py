"""The app that stands in where there is none: it answers each request with what the server made of it."""

import asyncio
import json
import mimetypes
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from asgictl import demo, errors, rfc9110
from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.errors import ConfigError, FileProblemError
from asgictl.inspector import echo_page
from asgictl.inspector.echo_page import Echoed
from asgictl.inspector.record.redaction import Redactor
from asgictl.inspector.record.snapshot import kept_scope
from asgictl.inspector.request import InspectRequest
from asgictl.inspector.sessions import json_values

# How much of a request's body is sent back, in bytes.
_MOST = 64 * 1024

# RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5
_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT, HTTPStatus.NOT_MODIFIED)
_REFUSALS = 400

# Their content means nothing (RFC 9110 section 9.3.1), and over HTTP/2 zttp 0.0.35 does not tell the end of none.
_WITHOUT_CONTENT = ("GET", "HEAD")


_PAGE = "text/html; charset=utf-8"


class Answer(NamedTuple):
    """How to answer: after `delay` seconds, with `body` instead of the scope; with `drop` not to the end."""

    status: int = 200
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes | None = None
    media_type: str = "text/plain; charset=utf-8"
    delay: float = 0
    drop: bool = False


def answer_of(request: InspectRequest) -> Answer:
    """Return how the options want it to answer; raise `ConfigError`, or `FileProblemError` for a file."""
    pairs = [_header(text) for text in request.respond_header]
    answer = Answer(status=request.respond or 200, headers=pairs, delay=request.delay, drop=request.drop)
    if request.respond_text is not None:
        return answer._replace(body=request.respond_text.encode(errors="surrogateescape"))
    if request.respond_file is not None:
        kind, _ = mimetypes.guess_type(request.respond_file)
        return answer._replace(body=_content(request.respond_file), media_type=kind or "application/octet-stream")
    return answer


def _header(text: str) -> tuple[bytes, bytes]:
    pair = rfc9110.header(text)
    if pair is None:
        problem, hint = rfc9110.refusal(text, "write it as `Name: value`")
        raise ConfigError(f"`{text}` {problem}", hint=hint, option="respond-header")
    return pair[0].encode(), pair[1].encode("latin-1")


def _content(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        problem = f"cannot read `{file}`: {errors.reason(error)}"
        raise FileProblemError(
            problem, hint="pass --respond-file with a file that can be read", option="respond-file"
        ) from error


class Echo:
    """An ASGI application that answers HTTP requests with their scope, and WebSockets with what they send."""

    def __init__(self, answer: Answer, redactor: Redactor) -> None:
        """Answer as `answer` says, without what `redactor` takes for secrets."""
        self._answer = answer
        self._redactor = redactor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "lifespan":
            await demo.lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answer
        kept = kept_scope(scope, self._redactor)
        body = await _read(receive) if scope["method"] not in _WITHOUT_CONTENT else Echoed()
        if body is None:
            return
        await asyncio.sleep(answer.delay)
        content, media_type = self._content(scope, kept, body)
        headers = [(b"content-type", media_type.encode("latin-1")), (b"content-length", str(len(content)).encode())]
        if media_type == _PAGE:
            headers.append((b"content-security-policy", echo_page.POLICY))
        if answer.status in _WITHOUT_BODY:
            content, headers = b"", []
        own = {name.lower() for name, _ in answer.headers}
        headers = [*(pair for pair in headers if pair[0] not in own), *((n.lower(), v) for n, v in answer.headers)]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if scope["method"] == "HEAD":
            content = b""
        if answer.drop:
            content = content[: len(content) // 2]
        more = {"more_body": True} if answer.drop else {}
        await send({"type": "http.response.body", "body": content, **more})

    def _content(self, scope: Scope, kept: dict[str, object], body: Echoed) -> tuple[bytes, str]:
        if self._answer.body is not None:
            return self._answer.body, self._answer.media_type
        content = {"body": json_values.body(body.content)} if body.content else {}
        size = {"body_size": body.size} if body.size > len(body.content) else {}
        shown = {**json_values.mapping(kept), **content, **size}
        text = json.dumps(shown, indent=2, ensure_ascii=False)
        accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        if b"text/html" not in accept:
            return f"{text}\n".encode(errors="replace"), "application/json"
        return echo_page.page(kept, body, text), _PAGE

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        await asyncio.sleep(self._answer.delay)
        if self._answer.status >= _REFUSALS:
            await self._refuse(scope, send)
            return
        offered = scope.get("subprotocols") or [None]
        await send({"type": "websocket.accept", "subprotocol": next(iter(offered))})
        while not self._answer.drop:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            await send(demo.echo(message))

    async def _refuse(self, scope: Scope, send: Send) -> None:
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close"})
            return
        start: Message = {"type": "websocket.http.response.start", "status": self._answer.status}
        await send({**start, "headers": list(self._answer.headers)})
        await send({"type": "websocket.http.response.body", "body": self._answer.body or b""})


async def _read(receive: Receive) -> Echoed | None:
    """Return the beginning of the request's body when all of it has come, or None when the client has gone."""
    body, size = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        body += chunk[: _MOST - len(body)]
        size += len(chunk)
        if not message.get("more_body", False):
            return Echoed(bytes(body), size)


_echo = Echo(Answer(), Redactor())


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the scope, or do what `asgictl check --against` asks for, which checks the server with this app."""
    from asgictl.inspector.against import examined

    answer = examined.app if examined.is_wanted(scope) else _echo
    await answer(scope, receive, send)

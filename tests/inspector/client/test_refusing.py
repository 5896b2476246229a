"""An app as servers call it: what is refused, and what is taken."""

import asyncio
from typing import Any

import pytest

from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.inspector.client.refusing import Refusing

START = {"type": "http.response.start", "status": 200}
BODY = {"type": "http.response.body", "body": b"x"}
MORE = {**BODY, "more_body": True}
TRAILED = {**START, "trailers": True}
TRAILERS = {"type": "http.response.trailers", "headers": []}
HINT = {"type": "http.response.early_hint", "links": []}
FILE = {"type": "http.response.pathsend", "path": "/x"}
ACCEPT, CLOSE, TEXT = ({"type": f"websocket.{kind}"} for kind in ("accept", "close", "send"))
DENIAL = {"type": "websocket.http.response.start", "status": 401}
DENIED = {"type": "websocket.http.response.body", "body": b"x"}


def taken(messages: list[Any], *, strict: bool = True, extra: frozenset[str] = frozenset(), **scope: Any) -> str:
    """Return for each message that an app sends whether it was taken (`.`), or refused (`x`)."""
    found = ""

    async def app(_: Scope, __: Receive, send: Send) -> None:
        nonlocal found
        for message in messages:
            try:
                await send(message)
            except (RuntimeError, TypeError):
                found += "x"
            else:
                found += "."

    async def receive() -> Message:
        raise AssertionError

    async def send(_: Message) -> None:
        pass

    asyncio.run(Refusing(app, taken=extra, strict=strict)({"type": "http", "method": "GET", **scope}, receive, send))
    return found


def length(size: bytes, *more: tuple[bytes, bytes]) -> dict[str, Any]:
    """Return the beginning of an answer that says its size."""
    return {**START, "headers": [(b"Content-Length", size), *more]}


def offered(*names: str) -> dict[str, Any]:
    """Return what a scope has of extensions."""
    return {"extensions": {name: {} for name in names}}


CHAT: dict[str, Any] = {"type": "websocket"}
CASES: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "an answer": ([START, MORE, BODY], {}, "..."),
    "nothing after it": ([START, BODY, BODY, START], {}, "..xx"),
    "no two beginnings": ([BODY, START, START, BODY], {}, "x.x."),
    "one attempt": ([{**START, "status": 999}, START, BODY], {}, "xx."),
    "statuses": ([{**START, "status": "200"}], {}, "x"),
    "headers": ([{**START, "headers": [("a", "b")]}], {}, "x"),
    "names": ([{**START, "headers": [(b"a b", b"b")]}], {}, "x"),
    "values": ([{**START, "headers": [(b"a", b"b\0")]}], {}, "x"),
    "text": ([START, {**BODY, "body": "x"}, {**BODY, "body": None}, BODY], {}, ".xx."),
    "too long": ([length(b"1"), MORE, BODY], {}, "..x"),
    "too short": ([length(b"2"), BODY], {}, ".x"),
    "no length": ([length(b"x")], {}, "x"),
    "chunked": ([length(b"1", (b"transfer-encoding", b"Chunked")), MORE, BODY], {}, "..."),
    "HEAD": ([length(b"5"), BODY], {"method": "HEAD"}, ".."),
    "204": ([{**START, "status": 204}, BODY], {}, ".x"),
    "no messages": ([None, {}, {"type": 5}], {}, "xxx"),
    "no extensions": ([HINT, TRAILED, FILE, BODY, TRAILERS], {}, "x.x.x"),
    "extensions": (
        [HINT, TRAILED, MORE, BODY, TRAILERS, TRAILERS],
        offered("http.response.trailers", "http.response.early_hint"),
        ".....x",
    ),
    "a file": ([START, {**FILE, "more_body": True}, FILE, BODY], offered("http.response.pathsend"), "...x"),
    "a WebSocket": ([ACCEPT, {**TEXT, "text": "a"}, {**TEXT, "bytes": b""}, TEXT, CLOSE, TEXT, CLOSE], CHAT, ".....xx"),
    "sent before": ([TEXT, ACCEPT, ACCEPT], CHAT, "x.x"),
    "numbers": ([ACCEPT, {**TEXT, "text": 5}, {**TEXT, "bytes": "x"}], CHAT, ".xx"),
    "codes": ([ACCEPT, {**CLOSE, "code": 1}, {**CLOSE, "reason": "a" * 124}, {**CLOSE, "code": 4000}], CHAT, ".xx."),
    "refused": ([CLOSE, ACCEPT], CHAT, ".x"),
    "no denial": ([DENIAL], CHAT, "x"),
    "a denial": (
        [DENIAL, ACCEPT, {**DENIED, "more_body": True}, DENIED, DENIED],
        {**CHAT, **offered("websocket.http.response")},
        ".x..x",
    ),
    "an odd denial": ([{**DENIAL, "status": 1}], {**CHAT, **offered("websocket.http.response")}, "x"),
}


@pytest.mark.parametrize(("messages", "scope", "wanted"), CASES.values(), ids=list(CASES))
def test_what_is_taken(messages: list[Any], scope: dict[str, Any], wanted: str) -> None:
    """What comes out of turn, or is no HTTP, is told by an exception, and the next message may be right."""
    assert taken(messages, **scope) == wanted


def test_a_server_that_takes_more() -> None:
    """Where the recorded server has refused nothing, content is not looked at, and its extensions are taken."""
    assert taken([length(b"9"), {**MORE, "body": "x"}, BODY, BODY], strict=False) == "...x"
    assert taken([ACCEPT, {**TEXT, "text": 5}, {**CLOSE, "code": 1}], strict=False, **CHAT) == "..."
    assert taken([HINT, START, BODY], extra=frozenset(["http.response.early_hint"])) == "..."
    assert taken([DENIAL, DENIED], extra=frozenset(["websocket.http.response.start"]), strict=False, **CHAT) == ".."


def test_an_app_that_exits() -> None:
    """An app that ends the process does not end the replay."""

    async def app(_: Scope, __: Receive, ___: Send) -> None:
        raise SystemExit(3)

    async def never() -> Message:
        raise AssertionError

    with pytest.raises(RuntimeError, match=r"^the app has exited$"):
        asyncio.run(Refusing(app)({"type": "http"}, never, never))  # type: ignore[arg-type]  # nothing is sent

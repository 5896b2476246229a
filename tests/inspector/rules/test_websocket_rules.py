"""What the rules say of a WebSocket, and what they do not say of those that are in order."""

from typing import Any

import pytest

from asgictl.inspector.record import Opaque, Redacted
from asgictl.inspector.rules.example import CHAT
from tests.inspector.rules.told import GONE, RETURNED, broken, fact

CONNECT = {"type": "websocket.connect"}
ACCEPT = {"type": "websocket.accept"}
SEND = {"type": "websocket.send", "text": "hello"}
CLOSE = {"type": "websocket.close"}
LEFT = {"type": "websocket.disconnect", "code": 1006}
DENIAL = {"type": "websocket.http.response.start", "status": 403}
BODY = {"type": "websocket.http.response.body", "body": b"no"}
MINIMAL: dict[str, Any] = {"type": "websocket", "asgi": {"version": "3.0"}, "path": "/", "headers": []}


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ((ACCEPT, fact("unasked"), CLOSE), [("A-331", "error")]),
        ((CLOSE, fact("unasked")), [("A-331", "info")]),
        ((DENIAL, fact("unasked"), BODY), [("A-331", "info")]),
        # A framework that receives in a task of its own may accept before that has the message.
        ((ACCEPT, CONNECT, SEND, CLOSE), []),
        ((CONNECT, CLOSE, ACCEPT, SEND, CLOSE), [("A-334", "error"), ("A-343", "error"), ("A-348", "error")]),
        ((CONNECT, SEND, ACCEPT, ACCEPT, CLOSE), [("A-332", "error"), ("A-333", "error")]),
        ((CONNECT, DENIAL, SEND, ACCEPT, BODY), [("A-366", "error"), ("A-334", "error")]),
        ((CONNECT, CLOSE, DENIAL, BODY), [("A-362", "error")]),
        ((CONNECT, ACCEPT, DENIAL, BODY, SEND, CLOSE), [("A-362", "error")]),
        ((CONNECT, BODY, CLOSE), [("A-364", "error")]),
        ((CONNECT, DENIAL), [("A-365", "error")]),
        ((CONNECT,), [("A-350", "error")]),
        ((CONNECT, ACCEPT), [("A-351", "warning")]),
    ],
)
def test_what_follows_what(steps: tuple[Any, ...], found: list[tuple[str, str]]) -> None:
    """Each message at the wrong place is told of once, and the others are not."""
    assert broken(CHAT, *steps, RETURNED) == found


@pytest.mark.parametrize(
    "steps",
    [
        (CONNECT, LEFT),
        (CONNECT, LEFT, CLOSE),
        (CONNECT, ACCEPT, LEFT, SEND, SEND),
        (CONNECT, ACCEPT, LEFT, {**CLOSE, "code": 1006}),
        (CONNECT, ACCEPT, SEND, GONE),
        (CONNECT, DENIAL, GONE),
        (CONNECT, DENIAL, {**BODY, "more_body": True}, LEFT),
    ],
)
def test_a_client_that_has_gone(steps: tuple[Any, ...]) -> None:
    """An app whose client has gone may return, close, or notice it a little later."""
    assert broken(CHAT, *steps, RETURNED) == []


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ({"bytes": Redacted(5), "text": None}, []),
        ({"bytes": bytearray(b"x")}, [("A-342", "warning")]),
        ({"bytes": Opaque("shop.Item")}, [("A-342", "error")]),
        ({"text": "ä\udcff"}, [("A-342", "warning")]),
        ({"text": "ä"}, []),
        ({"text": 1, "bytes": b""}, [("A-341", "error"), ("A-342", "error")]),
    ],
)
def test_what_is_sent(message: dict[str, Any], found: list[tuple[str, str]]) -> None:
    """Bytes that are no `bytes`, and text that is no text, are told of by how bad that is."""
    assert broken(CHAT, CONNECT, ACCEPT, {"type": "websocket.send", **message}, CLOSE, RETURNED) == found


@pytest.mark.parametrize(
    ("code", "is_told"),
    [
        *((1000, False), (1003, False), (1004, True), (1005, True), (1006, True), (1007, False), (1014, False)),
        *((1015, True), (2999, True), (3000, False), (4999, False), (5000, True), (0, True), (10**5000, True)),
    ],
    ids=lambda value: str(value)[:5] if value < 10**9 else "huge",
)
def test_codes(code: int, is_told: bool) -> None:
    """A code that no close frame may have is told of."""
    found = broken(CHAT, CONNECT, ACCEPT, {**CLOSE, "code": code}, RETURNED)

    assert found == ([("A-346", "warning")] if is_told else [])


def test_a_server_without_a_version() -> None:
    """Where the server does not say what it knows, newer keys are worth a word, and their empty values are not."""
    new: list[Any] = [{**ACCEPT, "headers": [(b"x-room", b"1")]}, {**CLOSE, "reason": "done"}]
    empty: list[Any] = [{**ACCEPT, "subprotocol": None, "headers": []}, {**CLOSE, "code": 1000, "reason": ""}]

    assert broken(MINIMAL, CONNECT, *new, RETURNED) == [("A-340", "info")] * 2
    assert broken(MINIMAL, CONNECT, *empty, RETURNED) == []
    assert broken({**MINIMAL, "asgi": {"spec_version": "new"}}, CONNECT, *new, RETURNED) == []


@pytest.mark.parametrize(
    ("scope", "chosen", "found"),
    [
        ({"subprotocols": ["v1"]}, "v2", [("A-336", "warning")]),
        ({}, "v1", [("A-336", "warning")]),
        ({"subprotocols": [], "headers": [(b"sec-websocket-protocol", b"v2, v1")]}, "v1", []),
        ({"subprotocols": ["bearer", "***13.0123456789abc"]}, "a1b2c3", []),
    ],
)
def test_subprotocols(scope: dict[str, Any], chosen: str, found: list[tuple[str, str]]) -> None:
    """A subprotocol that was not offered is told of, unless one that was offered is a secret."""
    assert broken({**MINIMAL, **scope}, CONNECT, {**ACCEPT, "subprotocol": chosen}, CLOSE, RETURNED) == found


def test_facts() -> None:
    """What was seen beside the messages is told of by the rule of the message."""
    split = fact("secret", {"header": "set-cookie", "faults": ["break"]})
    accepted = (CONNECT, ACCEPT, split, SEND, fact("memoryview", "bytes"), CLOSE)
    denied = (CONNECT, DENIAL, split, BODY, fact("memoryview", "body"))

    assert broken(CHAT, *accepted, RETURNED) == [("A-337", "error"), ("A-342", "warning")]
    assert broken(CHAT, *denied, RETURNED) == [("A-363", "error"), ("A-364", "warning")]
    assert broken(CHAT, CONNECT, ACCEPT, LEFT, fact("asked")) == [("A-352", "warning")]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ((b"set-cookie", "text"), [("own", "error")]),
        ((b"x-a", "text"), [("own", "error")]),
        ((b"x-a", b"1\r\nx-b: 2"), [("own", "error")]),
        ((b"set-cookie", b"a=1\r\nx-b: 2"), [("own", "error")]),
        ((b":path", b"/"), [("own", "error")]),
        ((b"x a", b"1"), [("own", "warning")]),
        ((b"X-A", b"1"), [("own", "info")]),
        ((b"x-a", b" 1"), [("A-150", "warning")]),
        ((b"set-cookie", b"a=1; SameSite=None"), [("A-170", "warning")]),
    ],
)
def test_headers_of_each_message(header: Any, found: list[tuple[str, str]]) -> None:
    """The same is found of the headers of an accept and a denial, as seriously as of an answer's."""
    accepted = broken(CHAT, CONNECT, {**ACCEPT, "headers": [header]}, CLOSE, RETURNED)
    denied = broken(CHAT, CONNECT, {**DENIAL, "headers": [header]}, BODY, RETURNED)

    assert accepted == [("A-337" if rule == "own" else rule, severity) for rule, severity in found]
    assert denied == [("A-363" if rule == "own" else rule, severity) for rule, severity in found]


def test_a_denial_is_an_answer() -> None:
    """A status that HTTP has not, and a header that is the server's, are told of as in an answer."""
    odd = {**DENIAL, "status": 99999, "headers": [(b"connection", b"close")]}

    assert broken(CHAT, CONNECT, odd, BODY, RETURNED) == [("A-142", "warning"), ("A-151", "warning")]

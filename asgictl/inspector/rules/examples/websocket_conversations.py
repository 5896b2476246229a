"""Examples for what is sent through a WebSocket, and how it ends."""

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.example import CHAT, breaks, keeps


@breaks("A-341", CHAT)
async def bytes_and_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Send bytes and text in one message."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "bytes": b"hello", "text": "hello"})
    await send({"type": "websocket.close"})


@breaks("A-341", CHAT)
async def neither_bytes_nor_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a message with nothing in it, to keep the connection."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send"})
    await send({"type": "websocket.close"})


@keeps("A-341", CHAT)
async def one_of_bytes_and_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Send text, with None as the bytes, and no bytes at all."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "bytes": None, "text": "hello"})
    await send({"type": "websocket.send", "bytes": b""})
    await send({"type": "websocket.close"})


@breaks("A-342", CHAT)
async def bytes_as_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Send encoded text as text."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "höflich".encode()})
    await send({"type": "websocket.close"})


@breaks("A-342", CHAT)
async def memoryview_as_bytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a part of a buffer without a copy of it."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "bytes": memoryview(b"head and body")[9:]})
    await send({"type": "websocket.close"})


@breaks("A-342", CHAT)
async def lone_surrogate(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the name of a file that is not in UTF-8."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": b"caf\xe9.txt".decode("utf-8", "surrogateescape")})
    await send({"type": "websocket.close"})


@keeps("A-342", CHAT)
async def bytes_and_text_each_as_such(scope: Scope, receive: Receive, send: Send) -> None:
    """Send text as text, and bytes as bytes."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "höflich"})
    await send({"type": "websocket.send", "bytes": "höflich".encode()})
    await send({"type": "websocket.close"})


@breaks("A-343", CHAT)
async def sends_after_close(scope: Scope, receive: Receive, send: Send) -> None:
    """Close, and say goodbye then."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close"})
    await send({"type": "websocket.send", "text": "goodbye"})


@keeps("A-343", CHAT)
async def sends_before_close(scope: Scope, receive: Receive, send: Send) -> None:
    """Say goodbye, and close then."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "goodbye"})
    await send({"type": "websocket.close"})


@breaks("A-344", CHAT)
async def answers_the_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every message, the last one as well."""
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        await send({"type": "websocket.send", "text": message.get("text", "")})
        if message["type"] == "websocket.disconnect":
            break


@keeps("A-344", CHAT)
async def answers_until_the_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every message until the client goes."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "text": message.get("text", "")})


@breaks("A-345", CHAT)
async def code_as_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Close with a code that is text."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": "1001"})


@breaks("A-345", CHAT)
async def reason_as_bytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Close with a reason that is bytes, as in the frame."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 1001, "reason": b"maintenance"})


@keeps("A-345", CHAT)
async def code_and_reason(scope: Scope, receive: Receive, send: Send) -> None:
    """Close with a number and a text."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 1001, "reason": "maintenance"})


@breaks("A-346", CHAT)
async def passes_a_reserved_code_on(scope: Scope, receive: Receive, send: Send) -> None:
    """Close with the code that says that there was none."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 1005})


@keeps("A-346", CHAT)
async def closes_with_a_code_of_its_own(scope: Scope, receive: Receive, send: Send) -> None:
    """Close with a code from the range for applications."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 4005})


@breaks("A-347", CHAT)
async def long_reason(scope: Scope, receive: Receive, send: Send) -> None:
    """Give a reason of 62 letters, which are 124 bytes."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 4000, "reason": "ä" * 62})


@keeps("A-347", CHAT)
async def short_reason(scope: Scope, receive: Receive, send: Send) -> None:
    """Cut a reason to 123 bytes."""
    await receive()
    await send({"type": "websocket.accept"})
    reason = ("ä" * 62).encode()[:123].decode(errors="ignore")
    await send({"type": "websocket.close", "code": 4000, "reason": reason})


@breaks("A-348", CHAT)
async def closes_twice(scope: Scope, receive: Receive, send: Send) -> None:
    """Close on an error, and always at the end."""
    await receive()
    await send({"type": "websocket.accept"})
    try:
        int((await receive())["text"])
    except ValueError:
        await send({"type": "websocket.close", "code": 1003})
    finally:
        await send({"type": "websocket.close"})


@keeps("A-348", CHAT)
async def closes_once(scope: Scope, receive: Receive, send: Send) -> None:
    """Close at the end, with a code that depends on what has been."""
    await receive()
    await send({"type": "websocket.accept"})
    code = 1000
    try:
        int((await receive())["text"])
    except ValueError:
        code = 1003
    await send({"type": "websocket.close", "code": code})


@breaks("A-351", CHAT)
async def returns_without_close(scope: Scope, receive: Receive, send: Send) -> None:
    """Send what there is, and return."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "42"})


@keeps("A-351", CHAT)
async def closes_and_returns(scope: Scope, receive: Receive, send: Send) -> None:
    """Send what there is, and close."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "42"})
    await send({"type": "websocket.close"})


@breaks("A-352", CHAT)
async def receives_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive in a loop that nothing ends."""
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if text := message.get("text"):
            await send({"type": "websocket.send", "text": text})


@keeps("A-352", CHAT)
async def receives_until_the_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive in a loop that ends when the client goes, and close then, which is a no-op."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
    await send({"type": "websocket.close"})

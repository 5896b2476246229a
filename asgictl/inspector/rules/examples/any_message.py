"""Examples for what every message is."""

import decimal
import json

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.example import CHAT, breaks, keeps

_TEXT = [(b"content-type", b"text/plain")]


@breaks("A-007")
async def key_as_bytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Write a key as bytes, as if it were a header."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello", b"more_body": False})  # type: ignore[dict-item]


@keeps("A-007")
async def key_as_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Write all keys as text."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello", "more_body": False})


@breaks("A-013")
async def message_as_json(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a message as JSON."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send(json.dumps({"type": "http.response.body", "more_body": True}))  # type: ignore[arg-type]
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-013")
async def message_as_dict(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a message as a dict, which was JSON."""
    await send(json.loads('{"type": "http.response.start", "status": 204}'))
    await send(json.loads('{"type": "http.response.body"}'))


@breaks("A-014")
async def no_type(scope: Scope, receive: Receive, send: Send) -> None:
    """Forget the type."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"body": b"Hello", "more_body": True})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-014")
async def type_as_bytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Write the type as bytes."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": b"http.response.body", "body": b"Hello", "more_body": True})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-014")
async def type_as_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Put the type last."""
    await send({"status": 200, "headers": _TEXT, "type": "http.response.start"})
    await send({"body": b"Hello", "type": "http.response.body"})


@breaks("A-015")
async def invented_type(scope: Scope, receive: Receive, send: Send) -> None:
    """End the answer with a message that there is not."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello"})
    await send({"type": "http.response.end"})


@breaks("A-015")
async def message_of_another_protocol(scope: Scope, receive: Receive, send: Send) -> None:
    """Send to a WebSocket in an answer over HTTP."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "websocket.send", "text": "Hello"})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-015")
async def types_of_the_protocol(scope: Scope, receive: Receive, send: Send) -> None:
    """End the answer with its last part."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello", "more_body": True})
    await send({"type": "http.response.body"})


@keeps("A-015", extensions={"shop.metrics": {}})
async def types_of_an_extension(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the messages of an extension that the server offers."""
    if "shop.metrics" in scope["extensions"]:
        await send({"type": "shop.metrics", "name": "orders"})
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello"})
    if "shop.metrics" in scope["extensions"]:
        await send({"type": "shop.metrics.count", "orders": 1})


@keeps("A-015", CHAT, extensions={"shop.metrics": {}})
async def types_of_an_extension_in_a_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a message of an extension through a WebSocket."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "shop.metrics.count", "chats": 1})
    await send({"type": "websocket.close"})


@breaks("A-016")
async def sends_a_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a disconnect to close the connection."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello"})
    await send({"type": "http.disconnect"})


@keeps("A-016")
async def waits_for_the_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive the disconnect, instead of sending it."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello"})
    while (await receive())["type"] != "http.disconnect":
        pass


@breaks("A-017")
async def price_as_object(scope: Scope, receive: Receive, send: Send) -> None:
    """Put an object into a message, for a middleware."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT, "price": decimal.Decimal(5)})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-017")
async def price_as_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Put the same into a message as text."""
    price = str(decimal.Decimal(5))
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT, "price": price})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-018")
async def tags_as_tuple(scope: Scope, receive: Receive, send: Send) -> None:
    """Put a tuple into a message."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT, "tags": ("users", "page")})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-018")
async def tags_as_list(scope: Scope, receive: Receive, send: Send) -> None:
    """Put a list into a message."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT, "tags": ["users", "page"]})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-019")
async def score_of_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Put a float that is not a number into a message."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT, "score": float("nan")})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-019")
async def score(scope: Scope, receive: Receive, send: Send) -> None:
    """Put a float into a message."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT, "score": 0.5})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-020")
async def number_beyond_64_bits(scope: Scope, receive: Receive, send: Send) -> None:
    """Put a number into a message that is larger than all of 64 bits."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT, "trace": 2**63})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-020")
async def number_of_64_bits(scope: Scope, receive: Receive, send: Send) -> None:
    """Put the largest number of 64 bits into a message."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT, "trace": 2**63 - 1})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-021")
async def misspelt_key(scope: Scope, receive: Receive, send: Send) -> None:
    """Misspell a key."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello", "more_boddy": False})


@keeps("A-021")
async def key_of_its_own(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a key of its own."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello", "cached": False})

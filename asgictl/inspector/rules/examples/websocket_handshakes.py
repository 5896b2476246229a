"""Examples for how a WebSocket is accepted, or refused."""

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.example import CHAT, breaks, keeps

_VERSION_20 = {"version": "3.0", "spec_version": "2.0"}


@breaks("A-331", CHAT)
async def accepts_before_connect(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept without having received anything."""
    await send({"type": "websocket.accept"})
    await receive()
    await send({"type": "websocket.close"})


@keeps("A-331", CHAT)
async def accepts_after_connect(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive `websocket.connect`, and accept then."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close"})


@breaks("A-332", CHAT)
async def greets_before_accept(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a greeting to a client that is not accepted yet."""
    await receive()
    await send({"type": "websocket.send", "text": "welcome"})
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close"})


@keeps("A-332", CHAT)
async def greets_after_accept(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept the client, and greet it then."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "welcome"})
    await send({"type": "websocket.close"})


@breaks("A-333", CHAT)
async def accepts_twice(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept in a middleware, and again in the handler."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.accept", "subprotocol": "chat"})
    await send({"type": "websocket.close"})


@keeps("A-333", CHAT)
async def accepts_once(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept once, with everything."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "chat"})
    await send({"type": "websocket.close"})


@breaks("A-334", CHAT)
async def refuses_and_accepts(scope: Scope, receive: Receive, send: Send) -> None:
    """Forget to return after a stranger was refused."""
    await receive()
    if b"cookie" not in dict(scope["headers"]):
        await send({"type": "websocket.close"})
    await send({"type": "websocket.accept"})


@keeps("A-334", CHAT)
async def refuses_and_returns(scope: Scope, receive: Receive, send: Send) -> None:
    """Return after a stranger was refused."""
    await receive()
    if b"cookie" not in dict(scope["headers"]):
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close"})


@breaks("A-335", CHAT)
async def subprotocol_as_bytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Choose a subprotocol as bytes, like the header that it comes from."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": b"chat"})
    await send({"type": "websocket.close"})


@keeps("A-335", CHAT)
async def subprotocol_as_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Choose a subprotocol as text."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "chat"})
    await send({"type": "websocket.close"})


@breaks("A-336", CHAT, subprotocols=["chat.v1"])
async def insists_on_a_subprotocol(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept the newest subprotocol, whether the client knows it or not."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "chat.v2"})
    await send({"type": "websocket.close"})


@keeps("A-336", CHAT, subprotocols=["chat.v1"])
async def chooses_a_subprotocol(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept the newest of those subprotocols that the client knows."""
    await receive()
    known = [one for one in ("chat.v2", "chat.v1") if one in scope["subprotocols"]]
    await send({"type": "websocket.accept", "subprotocol": known[0] if known else None})
    await send({"type": "websocket.close"})


@breaks("A-337", CHAT)
async def accepts_with_text_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a header of the accept as text."""
    await receive()
    await send({"type": "websocket.accept", "headers": [("x-room", "lobby")]})
    await send({"type": "websocket.close"})


@breaks("A-337", CHAT)
async def accepts_with_capital_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a header of the accept with capital letters in its name."""
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"X-Room", b"lobby")]})
    await send({"type": "websocket.close"})


@breaks("A-337", CHAT)
async def accepts_with_a_split_cookie(scope: Scope, receive: Receive, send: Send) -> None:
    """Let a line break into a cookie."""
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"set-cookie", b"session=a1b2\r\nx-admin: 1")]})
    await send({"type": "websocket.close"})


@keeps("A-337", CHAT)
async def accepts_with_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Send headers of the accept as bytes, out of a generator."""
    await receive()
    headers = {"X-Room": "lobby", "Set-Cookie": "session=a1b2"}
    pairs = ((name.lower().encode(), value.encode()) for name, value in headers.items())
    await send({"type": "websocket.accept", "headers": pairs})
    await send({"type": "websocket.close"})


@breaks("A-338", CHAT)
async def subprotocol_as_header(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the client's subprotocol with a header."""
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"sec-websocket-protocol", b"chat")]})
    await send({"type": "websocket.close"})


@keeps("A-338", CHAT)
async def subprotocol_by_its_key(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the client's subprotocol by the key for it."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x-room", b"lobby")]})
    await send({"type": "websocket.close"})


@breaks("A-339", CHAT)
async def upgrades_by_itself(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the header of the upgrade along."""
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"upgrade", b"websocket")]})
    await send({"type": "websocket.close"})


@keeps("A-339", CHAT)
async def leaves_the_upgrade_to_the_server(scope: Scope, receive: Receive, send: Send) -> None:
    """Send only headers of its own."""
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"x-upgrade", b"websocket")]})
    await send({"type": "websocket.close"})


@breaks("A-340", CHAT, asgi=_VERSION_20)
async def headers_for_an_old_server(scope: Scope, receive: Receive, send: Send) -> None:
    """Send headers to a server that does not know them."""
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"x-room", b"lobby")]})
    await send({"type": "websocket.close"})


@breaks("A-340", CHAT, asgi=_VERSION_20)
async def reason_for_an_old_server(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a reason to a server that does not know it."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 1001, "reason": "maintenance"})


@keeps("A-340", CHAT, asgi=_VERSION_20)
async def looks_at_the_version(scope: Scope, receive: Receive, send: Send) -> None:
    """Send headers and a reason only to a server that knows them."""
    await receive()
    version = scope["asgi"].get("spec_version", "2.0")
    await send({"type": "websocket.accept", **({"headers": [(b"x-room", b"lobby")]} if version >= "2.1" else {})})
    await send({"type": "websocket.close", "code": 1001, **({"reason": "maintenance"} if version >= "2.3" else {})})


@breaks("A-349", CHAT)
async def refuses_with_a_code(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell a client that is not accepted a code."""
    await receive()
    await send({"type": "websocket.close", "code": 4401})


@keeps("A-349", CHAT)
async def accepts_and_closes_with_a_code(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept a client to tell it the code."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 4401})


@breaks("A-350", CHAT)
async def forgets_to_refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Return for a path that is not known."""
    await receive()
    if scope["path"] == "/chat":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})


@keeps("A-350", CHAT)
async def refuses_other_paths(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a path that is not known."""
    await receive()
    if scope["path"] == "/chat":
        await send({"type": "websocket.accept"})
    await send({"type": "websocket.close"})

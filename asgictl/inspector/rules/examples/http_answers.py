"""Examples for the messages of an answer, and what follows what."""

import asyncio

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.example import GET, breaks, keeps

_TEXT = (b"content-type", b"text/plain")
_UPLOAD = {**GET, "method": "POST", "headers": [(b"host", b"localhost"), (b"content-length", b"9")]}
_PARTS = (
    {"type": "http.request", "body": b"first", "more_body": True},
    {"type": "http.request", "body": b"last", "more_body": False},
)
_HINTS = {**GET, "extensions": {"http.response.early_hint": {}}}


@breaks("A-137", scope=_UPLOAD, messages=_PARTS)
async def reads_the_first_part(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the first part of a body, and take it for the whole."""
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": body})


@keeps("A-137", scope=_UPLOAD, messages=_PARTS)
async def reads_all_parts(scope: Scope, receive: Receive, send: Send) -> None:
    """Read a body to its end."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": body})


@breaks("A-138")
async def receives_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    """Go on receiving, whatever comes."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"Hello"})
    while True:
        await receive()


@keeps("A-138")
async def receives_until_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive until the client has gone."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"Hello"})
    while (await receive())["type"] != "http.disconnect":
        pass


@breaks("A-153")
async def starts_twice(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin the answer again when a part of it has failed."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    try:
        body = str(1 // len(scope["query_string"])).encode()
    except ZeroDivisionError:
        await send({"type": "http.response.start", "status": 500, "headers": [_TEXT]})
        body = b"It has failed"
    await send({"type": "http.response.body", "body": body})


@breaks("A-153")
async def starts_with_each_part(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin the answer again with each part of the body."""
    for body, more in ((b"Hello, ", True), (b"world", False)):
        await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
        await send({"type": "http.response.body", "body": body, "more_body": more})


@keeps("A-153")
async def starts_once(scope: Scope, receive: Receive, send: Send) -> None:
    """Find out whether it fails before the answer begins."""
    try:
        status, body = 200, str(1 // len(scope["query_string"])).encode()
    except ZeroDivisionError:
        status, body = 500, b"It has failed"
    await send({"type": "http.response.start", "status": status, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": body})


@breaks("A-154")
async def body_first(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the body alone."""
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-154")
async def body_second(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the beginning, and nothing else but its status, before the body."""
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


@breaks("A-155")
async def no_answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Have no answer for one of the methods."""
    if scope["method"] == "POST":
        await send({"type": "http.response.start", "status": 201})
        await send({"type": "http.response.body"})


@keeps("A-155", messages=())
async def no_answer_for_nobody(scope: Scope, receive: Receive, send: Send) -> None:
    """Have no answer for a client that has gone."""
    if (await receive())["type"] == "http.disconnect":
        return
    await send({"type": "http.response.start", "status": 201})
    await send({"type": "http.response.body"})


@breaks("A-156")
async def start_alone(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the beginning alone, as there is no content."""
    await send({"type": "http.response.start", "status": 204})


@keeps("A-156")
async def start_with_empty_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Send an empty body after the beginning."""
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


@breaks("A-157")
async def body_as_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the body as text."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": "Hello"})


@breaks("A-157")
async def body_as_memoryview(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a view of the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": memoryview(b"Hello, world")[:5]})


@keeps("A-157")
async def body_as_bytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Encode the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-158")
async def more_body_as_number(scope: Scope, receive: Receive, send: Send) -> None:
    """Say with the number of parts that are left whether others follow."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    for left, body in ((1, b"Hello, "), (0, b"world")):
        await send({"type": "http.response.body", "body": body, "more_body": left})


@keeps("A-158")
async def more_body_as_boolean(scope: Scope, receive: Receive, send: Send) -> None:
    """Say with a boolean whether others follow."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    for left, body in ((1, b"Hello, "), (0, b"world")):
        await send({"type": "http.response.body", "body": body, "more_body": left > 0})


@breaks("A-159")
async def forgets_more_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Send several parts without saying that others follow."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    for body in (b"Hello, ", b"world"):
        await send({"type": "http.response.body", "body": body})


@keeps("A-159")
async def says_more_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Send several parts, and an empty one as the last."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    for body in (b"Hello, ", b"world"):
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body"})


@breaks("A-160", scope=_HINTS)
async def hints_afterwards(scope: Scope, receive: Receive, send: Send) -> None:
    """Hint at a stylesheet after the answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"Hello"})
    await send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload; as=style"]})


@keeps("A-160", scope=_HINTS)
async def works_afterwards(scope: Scope, receive: Receive, send: Send) -> None:
    """Do some work after the answer, and send nothing."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"Hello"})
    await asyncio.sleep(0.001)


@breaks("A-161")
async def never_ends(scope: Scope, receive: Receive, send: Send) -> None:
    """Say with the last part, too, that others follow."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    for body in (b"Hello, ", b"world"):
        await send({"type": "http.response.body", "body": body, "more_body": True})


@keeps("A-161", messages=())
async def ends_with_its_client(scope: Scope, receive: Receive, send: Send) -> None:
    """Return in the middle of an answer when the client has gone."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"Hello, ", "more_body": True})
    if (await receive())["type"] == "http.disconnect":
        return
    await send({"type": "http.response.body", "body": b"world"})


@breaks("A-172", messages=())
async def sends_to_nobody(scope: Scope, receive: Receive, send: Send) -> None:
    """Go on sending to a client that has gone."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    for line in range(20):
        await send({"type": "http.response.body", "body": b"line %2d of the report\n" % line, "more_body": True})
    await send({"type": "http.response.body"})


@keeps("A-172", messages=())
async def stops_sending(scope: Scope, receive: Receive, send: Send) -> None:
    """Stop sending when the client has gone."""
    watcher = asyncio.ensure_future(receive())
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    for line in range(20):
        if watcher.done():
            return
        await send({"type": "http.response.body", "body": b"line %2d of the report\n" % line, "more_body": True})
    await send({"type": "http.response.body"})


@breaks("A-175")
async def sends_letters(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a text letter by letter."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    for letter in b"Hello, world" * 10:
        await send({"type": "http.response.body", "body": bytes([letter]), "more_body": True})
    await send({"type": "http.response.body"})


@keeps("A-175")
async def sends_events(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the same as events, which may be small."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for letter in "Hello, world" * 10:
        event = f"data: {letter}\n\n".encode()
        await send({"type": "http.response.body", "body": event, "more_body": True})
    await send({"type": "http.response.body"})


@breaks("A-176")
async def begins_late(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait for something slow before the answer begins."""
    await asyncio.sleep(0.55)
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-176")
async def begins_soon(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer that it is done later, and do it then."""
    await send({"type": "http.response.start", "status": 202, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"It will be done"})
    await asyncio.sleep(0.55)

"""Examples for the beginning of an answer, and its headers."""

from collections.abc import Iterator
from http import HTTPStatus

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.example import GET, breaks, keeps

_TEXT = (b"content-type", b"text/plain")
_SPLITTING = {**GET, "query_string": b"next=%0d%0aset-cookie:%20admin=1"}


@breaks("A-141")
async def status_as_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the status as text."""
    await send({"type": "http.response.start", "status": "200"})
    await send({"type": "http.response.body"})


@breaks("A-141")
async def no_status(scope: Scope, receive: Receive, send: Send) -> None:
    """Forget the status."""
    await send({"type": "http.response.start", "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-141")
async def status_as_number(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the status as a number that has a name."""
    await send({"type": "http.response.start", "status": HTTPStatus.OK})
    await send({"type": "http.response.body"})


@breaks("A-142")
async def status_of_no_class(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a status that HTTP does not have."""
    await send({"type": "http.response.start", "status": 999, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-142")
async def status_of_its_own(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a status that is in none of the lists, but of a class that HTTP has."""
    await send({"type": "http.response.start", "status": 599, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-143")
async def headers_as_dict(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the headers as a dict."""
    await send({"type": "http.response.start", "status": 200, "headers": {b"content-type": b"text/plain"}})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-143")
async def headers_as_lines(scope: Scope, receive: Receive, send: Send) -> None:
    """Send each header as a line."""
    await send({"type": "http.response.start", "status": 200, "headers": [b"content-type: text/plain"]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-143")
async def headers_as_generator(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the headers as a generator of lists."""

    def headers() -> Iterator[list[bytes]]:
        yield [b"content-type", b"text/plain"]
        yield [b"content-length", b"5"]

    await send({"type": "http.response.start", "status": 200, "headers": headers()})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-144")
async def headers_as_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Write the headers as text."""
    await send({"type": "http.response.start", "status": 200, "headers": [("content-type", "text/plain")]})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-144")
async def length_as_number(scope: Scope, receive: Receive, send: Send) -> None:
    """Write the length as a number."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", 5)]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-144")
async def headers_as_bytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Encode the length."""
    length = str(len(b"Hello")).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", length)]})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-145", http_version="2")
async def upper_case(scope: Scope, receive: Receive, send: Send) -> None:
    """Write the name of a header as HTTP/1.1 shows it, over HTTP/2, which forbids that."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-145")
async def lower_case(scope: Scope, receive: Receive, send: Send) -> None:
    """Write the name of a header in lower case; the value is another matter."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"Text/Plain")]})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-146")
async def pseudo_header(scope: Scope, receive: Receive, send: Send) -> None:
    """Write the status as HTTP/2 does."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b":status", b"200"), _TEXT]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-146")
async def value_with_colon(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin the value of a header with a colon."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"x-status", b":200")]})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-147")
async def chunked(scope: Scope, receive: Receive, send: Send) -> None:
    """Say that the answer is sent in chunks."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"transfer-encoding", b"chunked")]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-147")
async def no_length(scope: Scope, receive: Receive, send: Send) -> None:
    """Leave it to the server how the answer is sent."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-148")
async def name_with_space(scope: Scope, receive: Receive, send: Send) -> None:
    """Write the name of a header with a space in it."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"x request id", b"7")]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-148")
async def name_with_other_characters(scope: Scope, receive: Receive, send: Send) -> None:
    """Write the name of a header with other characters that it may have."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"x_request.id", b"7")]})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-149", scope=_SPLITTING)
async def splits_the_answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Redirect to where the query says, whatever is in it."""
    target = scope["query_string"].partition(b"next=")[2].replace(b"%0d", b"\r").replace(b"%0a", b"\n")
    await send({"type": "http.response.start", "status": 303, "headers": [(b"location", b"/" + target)]})
    await send({"type": "http.response.body"})


@keeps("A-149", scope=_SPLITTING)
async def quotes_the_target(scope: Scope, receive: Receive, send: Send) -> None:
    """Redirect to where the query says, as it is quoted there."""
    target = scope["query_string"].partition(b"next=")[2]
    await send({"type": "http.response.start", "status": 303, "headers": [(b"location", b"/" + target)]})
    await send({"type": "http.response.body"})


@breaks("A-150")
async def value_with_space(scope: Scope, receive: Receive, send: Send) -> None:
    """Leave the space of a line before a value."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b" text/plain")]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-150")
async def value_with_space_inside(scope: Scope, receive: Receive, send: Send) -> None:
    """Write a space within a value."""
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain; charset=utf-8")]}
    )
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-151")
async def keeps_alive(scope: Scope, receive: Receive, send: Send) -> None:
    """Say that the connection stays."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"connection", b"keep-alive")]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-151")
async def asks_for_an_upgrade(scope: Scope, receive: Receive, send: Send) -> None:
    """Ask for an upgrade, with the headers that belong to it."""
    headers = [_TEXT, (b"upgrade", b"websocket"), (b"connection", b"upgrade")]
    await send({"type": "http.response.start", "status": 426, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-152")
async def trailers_as_number(scope: Scope, receive: Receive, send: Send) -> None:
    """Say with a number that there are no trailers."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT], "trailers": 0})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-152")
async def trailers_as_boolean(scope: Scope, receive: Receive, send: Send) -> None:
    """Say with a boolean that there are no trailers."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT], "trailers": False})
    await send({"type": "http.response.body", "body": b"Hello"})

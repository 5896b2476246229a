"""Examples for what the status, the headers and the content of an answer mean together."""

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.example import GET, breaks, keeps

_TEXT = (b"content-type", b"text/plain")
_HEAD = {**GET, "method": "HEAD"}
_WITH_COOKIE = {
    **GET,
    "headers": [(b"host", b"localhost"), (b"origin", b"https://shop.example"), (b"cookie", b"theme=dark")],
}


@breaks("A-162")
async def counts_characters(scope: Scope, receive: Receive, send: Send) -> None:
    """Count the characters of a text, and not its bytes."""
    text = "Grüße"
    headers = [_TEXT, (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


@breaks("A-162")
async def counts_too_much(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a part of what the length has been counted of."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", b"12")]})
    await send({"type": "http.response.body", "body": b"Hello", "more_body": True})
    await send({"type": "http.response.body"})


@keeps("A-162")
async def counts_bytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Count the bytes of a text that is sent in parts."""
    headers = [_TEXT, (b"content-length", str(len("Grüße".encode())).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for letter in "Grüße":
        await send({"type": "http.response.body", "body": letter.encode(), "more_body": True})
    await send({"type": "http.response.body"})


@keeps("A-162", scope=_HEAD)
async def counts_for_head(scope: Scope, receive: Receive, send: Send) -> None:
    """Say how long the content would be, and leave it out for HEAD."""
    body = b"" if scope["method"] == "HEAD" else b"Hello"
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": body})


@breaks("A-163")
async def two_lengths(scope: Scope, receive: Receive, send: Send) -> None:
    """Add a length to the one that is there already."""
    headers = [_TEXT, (b"content-length", b"5")]
    headers.append((b"content-length", b"5"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-163")
async def length_in_words(scope: Scope, receive: Receive, send: Send) -> None:
    """Write the length with its unit."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", b"5 bytes")]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-163")
async def one_length(scope: Scope, receive: Receive, send: Send) -> None:
    """Send one length, in digits."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-164")
async def length_and_transfer(scope: Scope, receive: Receive, send: Send) -> None:
    """Say both how long the answer is, and that it comes in chunks."""
    headers = [_TEXT, (b"content-length", b"5"), (b"transfer-encoding", b"chunked")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-164")
async def length_and_encoding(scope: Scope, receive: Receive, send: Send) -> None:
    """Say how long the answer is, and how its content is encoded."""
    headers = [_TEXT, (b"content-length", b"5"), (b"content-encoding", b"identity")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-165", scope=_HEAD)
async def body_for_head(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer HEAD as GET."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-165", scope=_HEAD)
async def headers_for_head(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer HEAD with the headers of GET alone."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", b"5")]})
    await send({"type": "http.response.body"})


@breaks("A-166")
async def body_with_204(scope: Scope, receive: Receive, send: Send) -> None:
    """Say in the body that there is none."""
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body", "body": b"null"})


@keeps("A-166")
async def body_with_404(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a body with a status that may have one."""
    await send({"type": "http.response.start", "status": 404, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"null"})


@breaks("A-167")
async def length_with_204(scope: Scope, receive: Receive, send: Send) -> None:
    """Say how long the content would be that there is not."""
    await send({"type": "http.response.start", "status": 204, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body"})


@breaks("A-167")
async def type_with_304(scope: Scope, receive: Receive, send: Send) -> None:
    """Say of which type the content would be that there is not."""
    await send({"type": "http.response.start", "status": 304, "headers": [(b"content-type", b"text/css")]})
    await send({"type": "http.response.body"})


@keeps("A-167")
async def length_with_304(scope: Scope, receive: Receive, send: Send) -> None:
    """Say how long the content is that the client has already."""
    headers = [(b"content-length", b"5"), (b"etag", b'"5"')]
    await send({"type": "http.response.start", "status": 304, "headers": headers})
    await send({"type": "http.response.body"})


@breaks("A-168")
async def content_without_type(scope: Scope, receive: Receive, send: Send) -> None:
    """Send content, and leave it to the client to guess what it is."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"<p>Hello</p>"})


@keeps("A-168")
async def no_content_without_type(scope: Scope, receive: Receive, send: Send) -> None:
    """Send no content, and no type of it."""
    await send({"type": "http.response.start", "status": 201, "headers": [(b"location", b"/items/7")]})
    await send({"type": "http.response.body", "body": b""})


@breaks("A-169")
async def adds_a_type(scope: Scope, receive: Receive, send: Send) -> None:
    """Add a type to the one that is there already."""
    headers = [_TEXT, (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


@keeps("A-169")
async def adds_a_cookie(scope: Scope, receive: Receive, send: Send) -> None:
    """Send two cookies, and two headers that are lists."""
    headers = [_TEXT, (b"set-cookie", b"theme=dark"), (b"set-cookie", b"size=m")]
    headers += [(b"vary", b"cookie"), (b"vary", b"accept")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-170")
async def joins_cookies(scope: Scope, receive: Receive, send: Send) -> None:
    """Join two cookies by a comma."""
    headers = [_TEXT, (b"set-cookie", b"theme=dark; Path=/, size=m; Path=/")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-170")
async def cookie_for_other_sites(scope: Scope, receive: Receive, send: Send) -> None:
    """Set a cookie for requests from other sites, which has to be secure then; that it is secret changes nothing."""
    headers = [_TEXT, (b"set-cookie", b"sessionid=4f1d9c20b7; Path=/; HttpOnly; SameSite=None")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-170")
async def cookie_with_a_date(scope: Scope, receive: Receive, send: Send) -> None:
    """Set a secure cookie, with a date that has a comma."""
    cookie = b"theme=dark; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Secure; SameSite=None"
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"set-cookie", cookie)]})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-170")
async def cookie_with_a_comma(scope: Scope, receive: Receive, send: Send) -> None:
    """Set a cookie with a comma in its value."""
    headers = [_TEXT, (b"set-cookie", b"prefs=a=1,b=2; Path=/")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-171")
async def no_challenge(scope: Scope, receive: Receive, send: Send) -> None:
    """Ask for a login without saying of which kind."""
    await send({"type": "http.response.start", "status": 401, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"Who are you?"})


@breaks("A-171")
async def no_location(scope: Scope, receive: Receive, send: Send) -> None:
    """Redirect to nowhere."""
    await send({"type": "http.response.start", "status": 307})
    await send({"type": "http.response.body"})


@keeps("A-171")
async def challenge(scope: Scope, receive: Receive, send: Send) -> None:
    """Ask for a login of some kind."""
    headers = [_TEXT, (b"www-authenticate", b"Bearer")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": b"Who are you?"})


@breaks("A-177", scope=_WITH_COOKIE)
async def any_origin(scope: Scope, receive: Receive, send: Send) -> None:
    """Allow any origin to send credentials."""
    headers = [_TEXT, (b"access-control-allow-origin", b"*"), (b"access-control-allow-credentials", b"true")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-177", scope=_WITH_COOKIE)
async def one_origin(scope: Scope, receive: Receive, send: Send) -> None:
    """Allow the origin that has asked to send credentials."""
    origin = dict(scope["headers"])[b"origin"]
    headers = [_TEXT, (b"access-control-allow-origin", origin), (b"access-control-allow-credentials", b"true")]
    headers.append((b"vary", b"origin"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello"})

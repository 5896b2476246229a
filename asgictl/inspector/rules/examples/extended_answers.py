"""Examples for pushes, early hints, trailers and debug information."""

from typing import Any

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.example import breaks, keeps

_PUSH: dict[str, Any] = {"http.response.push": {}}
_HINT: dict[str, Any] = {"http.response.early_hint": {}}
_TRAILERS: dict[str, Any] = {"http.response.trailers": {}}
_DEBUG: dict[str, Any] = {"http.response.debug": {}}
_TE = [(b"host", b"localhost"), (b"te", b"trailers")]
_HTML = (b"content-type", b"text/html")
_DIGEST = (b"trailer", b"x-digest")


@breaks("A-201")
async def pushes_without_the_extension(scope: Scope, receive: Receive, send: Send) -> None:
    """Push a style sheet, whether the server can or not."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.push", "path": "/style.css", "headers": []})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@keeps("A-201")
async def pushes_with_the_extension(scope: Scope, receive: Receive, send: Send) -> None:
    """Push a style sheet where the server can."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    if "http.response.push" in scope.get("extensions", {}):
        await send({"type": "http.response.push", "path": "/style.css", "headers": []})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@breaks("A-202", extensions=_PUSH)
async def pushes_without_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Leave the headers of a push out."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.push", "path": "/style.css"})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@breaks("A-202", extensions=_PUSH)
async def pushes_with_pseudo_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the path of a push as a pseudo header as well."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.push", "path": "/style.css", "headers": [(b":path", b"/style.css")]})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@keeps("A-202", extensions=_PUSH)
async def pushes_with_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a path and headers with a push."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.push", "path": "/style.css", "headers": [(b"accept", b"text/css")]})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@breaks("A-203", extensions=_PUSH)
async def pushes_before_the_start(scope: Scope, receive: Receive, send: Send) -> None:
    """Push before the answer starts."""
    await send({"type": "http.response.push", "path": "/style.css", "headers": []})
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@breaks("A-203", extensions=_PUSH)
async def pushes_after_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Push when the answer has ended."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.body", "body": b"<p>hello"})
    await send({"type": "http.response.push", "path": "/style.css", "headers": []})


@keeps("A-203", extensions=_PUSH)
async def pushes_within_the_answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Push between the start and the end."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.body", "body": b"<p>hello", "more_body": True})
    await send({"type": "http.response.push", "path": "/style.css", "headers": []})
    await send({"type": "http.response.body"})


@breaks("A-210", extensions=_HINT)
async def hints_with_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the links of an early hint as text."""
    await send({"type": "http.response.early_hint", "links": ["</style.css>; rel=preload; as=style"]})
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@breaks("A-210", extensions=_HINT)
async def hints_with_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the links of an early hint as headers."""
    await send({"type": "http.response.early_hint", "headers": [(b"link", b"</style.css>; rel=preload; as=style")]})
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@keeps("A-210", extensions=_HINT)
async def hints_with_bytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the links of an early hint as bytes."""
    await send({"type": "http.response.early_hint", "links": (b"<%b>; rel=preload" % it for it in (b"/a", b"/b"))})
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@breaks("A-211", extensions=_HINT)
async def hints_late(scope: Scope, receive: Receive, send: Send) -> None:
    """Send an early hint after the start, as the extension has it, and servers do not."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload; as=style"]})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@keeps("A-211", extensions=_HINT)
async def hints_early(scope: Scope, receive: Receive, send: Send) -> None:
    """Send an early hint before the start, as servers take it."""
    await send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload; as=style"]})
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@breaks("A-212", headers=_TE, extensions=_TRAILERS)
async def trailers_without_a_promise(scope: Scope, receive: Receive, send: Send) -> None:
    """Send trailers that the start has not announced."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML, _DIGEST]})
    await send({"type": "http.response.body", "body": b"<p>hello"})
    await send({"type": "http.response.trailers", "headers": [(b"x-digest", b"5d41402a")]})


@keeps("A-212", headers=_TE, extensions=_TRAILERS)
async def trailers_as_promised(scope: Scope, receive: Receive, send: Send) -> None:
    """Send trailers that the start has announced."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML, _DIGEST], "trailers": True})
    await send({"type": "http.response.body", "body": b"<p>hello"})
    await send({"type": "http.response.trailers", "headers": [(b"x-digest", b"5d41402a")]})


@breaks("A-213", headers=_TE, extensions=_TRAILERS)
async def trailers_before_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Send trailers before the last part of the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML, _DIGEST], "trailers": True})
    await send({"type": "http.response.body", "body": b"<p>hello", "more_body": True})
    await send({"type": "http.response.trailers", "headers": [(b"x-digest", b"5d41402a")]})
    await send({"type": "http.response.body", "body": b"</p>"})


@keeps("A-213", headers=_TE, extensions=_TRAILERS)
async def trailers_after_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Send trailers after the last part of the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML, _DIGEST], "trailers": True})
    await send({"type": "http.response.body", "body": b"<p>hello", "more_body": True})
    await send({"type": "http.response.body", "body": b"</p>"})
    await send({"type": "http.response.trailers", "headers": [(b"x-digest", b"5d41402a")]})


@breaks("A-214", headers=_TE, extensions=_TRAILERS)
async def trailers_as_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a trailer whose value is text."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML, _DIGEST], "trailers": True})
    await send({"type": "http.response.body", "body": b"<p>hello"})
    await send({"type": "http.response.trailers", "headers": [(b"x-digest", "5d41402a")]})


@keeps("A-214", headers=_TE, extensions=_TRAILERS)
async def trailers_as_bytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a trailer whose value is bytes."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML, _DIGEST], "trailers": True})
    await send({"type": "http.response.body", "body": b"<p>hello"})
    await send({"type": "http.response.trailers", "headers": [[b"x-digest", b"5d41402a"]]})


@breaks("A-215", headers=_TE, extensions=_TRAILERS)
async def trailers_after_the_last(scope: Scope, receive: Receive, send: Send) -> None:
    """Send trailers one by one without `more_trailers`."""
    headers = [_HTML, (b"trailer", b"x-digest, x-time")]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
    await send({"type": "http.response.body", "body": b"<p>hello"})
    await send({"type": "http.response.trailers", "headers": [(b"x-digest", b"5d41402a")]})
    await send({"type": "http.response.trailers", "headers": [(b"x-time", b"12")]})


@keeps("A-215", headers=_TE, extensions=_TRAILERS)
async def trailers_until_the_last(scope: Scope, receive: Receive, send: Send) -> None:
    """Send trailers one by one with `more_trailers`."""
    headers = [_HTML, (b"trailer", b"x-digest, x-time")]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
    await send({"type": "http.response.body", "body": b"<p>hello"})
    await send({"type": "http.response.trailers", "headers": [(b"x-digest", b"5d41402a")], "more_trailers": True})
    await send({"type": "http.response.trailers", "headers": [(b"x-time", b"12")]})


@breaks("A-216", headers=_TE, extensions=_TRAILERS)
async def forgets_the_trailers(scope: Scope, receive: Receive, send: Send) -> None:
    """Announce trailers that never come."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML], "trailers": True})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@keeps("A-216", headers=_TE, extensions=_TRAILERS)
async def sends_the_trailers(scope: Scope, receive: Receive, send: Send) -> None:
    """Send empty trailers, where there are none but they were announced."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML], "trailers": True})
    await send({"type": "http.response.body", "body": b"<p>hello"})
    await send({"type": "http.response.trailers", "headers": []})


@breaks("A-217", headers=_TE, extensions=_TRAILERS)
async def trailers_without_their_names(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a trailer that the header `trailer` does not name."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML], "trailers": True})
    await send({"type": "http.response.body", "body": b"<p>hello"})
    await send({"type": "http.response.trailers", "headers": [(b"x-digest", b"5d41402a")]})


@breaks("A-217", extensions=_TRAILERS)
async def trailers_for_everyone(scope: Scope, receive: Receive, send: Send) -> None:
    """Send trailers to a client that has not asked for any."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML, _DIGEST], "trailers": True})
    await send({"type": "http.response.body", "body": b"<p>hello"})
    await send({"type": "http.response.trailers", "headers": [(b"x-digest", b"5d41402a")]})


@keeps("A-217", extensions=_TRAILERS)
async def trailers_for_who_wants_them(scope: Scope, receive: Receive, send: Send) -> None:
    """Send trailers, with their names, to a client that has asked for them."""
    wanted = (b"te", b"trailers") in scope["headers"]
    headers = [_HTML, _DIGEST] if wanted else [_HTML]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": wanted})
    await send({"type": "http.response.body", "body": b"<p>hello"})
    if wanted:
        await send({"type": "http.response.trailers", "headers": [(b"x-digest", b"5d41402a")]})


@breaks("A-218", extensions=_DEBUG)
async def debugs_after_the_start(scope: Scope, receive: Receive, send: Send) -> None:
    """Send debug information after the start."""
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.debug", "info": {"template": "hello.html"}})
    await send({"type": "http.response.body", "body": b"<p>hello"})


@keeps("A-218", extensions=_DEBUG)
async def debugs_before_the_start(scope: Scope, receive: Receive, send: Send) -> None:
    """Send debug information before the start, with any object in it."""
    await send({"type": "http.response.debug", "info": {"template": "hello.html", "context": object()}})
    await send({"type": "http.response.start", "status": 200, "headers": [_HTML]})
    await send({"type": "http.response.body", "body": b"<p>hello"})

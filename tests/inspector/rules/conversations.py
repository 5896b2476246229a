"""Conversations at random: legal ones, and changes that make them illegal."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from asgictl.asgi import Message
from asgictl.inspector.rules.example import CHAT, GET
from tests.inspector.rules.calls import (
    ACCEPT,
    CONNECT,
    FAILED,
    GONE,
    SHUTDOWN,
    STARTED,
    STARTUP,
    STOPPED,
    VERSION,
    Call,
    Steps,
    lifespan,
)

HOST = (b"host", b"localhost")
CHUNKS = st.lists(st.binary(max_size=20), max_size=4)
PATHS = st.sampled_from(["/", "/items", "/café", "/a b", "/100%"])
RAW = {"/": b"/", "/items": b"/items", "/café": b"/caf%C3%A9", "/a b": b"/a%20b", "/100%": b"/100%25"}
EXTRA = st.lists(
    st.sampled_from(
        [(b"accept", b"*/*"), (b"authorization", b"Bearer abc.def"), (b"cookie", b"a=1; b=2"), (b"x-one", b"1")]
    ),
    unique=True,
)
ANSWERS = st.lists(
    st.sampled_from(
        [(b"content-type", b"text/plain"), (b"etag", b'"1"'), (b"set-cookie", b"a=1; Path=/"), (b"vary", b"*")]
    ),
    unique=True,
)
WITHOUT_BODY = (204, 304)
CODES = st.sampled_from([1000, 1001, 1008, 1011, 3000, 4999])
FRAMES = st.one_of(
    st.text(max_size=9).map(lambda text: {"text": text}), st.binary(max_size=9).map(lambda b: {"bytes": b})
)


TEXT = (b"content-type", b"text/plain")
PAGE: Message = {"type": "http.response.body", "body": b"page"}


def begun(*headers: tuple[bytes, bytes], **more: Any) -> Message:
    """Return the beginning of an answer with text."""
    return {"type": "http.response.start", "status": 200, "headers": [TEXT, *headers], **more}


# An answer with each of the extensions.
EXTENDED: list[tuple[str, list[Message]]] = [
    (
        "http.response.pathsend",
        [
            begun((b"content-length", str(Path(__file__).stat().st_size).encode())),
            {"type": "http.response.pathsend", "path": __file__},
        ],
    ),
    ("http.response.push", [begun(), {"type": "http.response.push", "path": "/style.css", "headers": []}, PAGE]),
    (
        "http.response.early_hint",
        [{"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}, begun(), PAGE],
    ),
    (
        "http.response.trailers",
        [
            begun((b"trailer", b"x-sum"), trailers=True),
            PAGE,
            {"type": "http.response.trailers", "headers": [(b"x-sum", b"5")], "more_trailers": False},
        ],
    ),
]


def body_messages(kind: str, chunks: Sequence[bytes]) -> list[Message]:
    """Return a body in parts, the last of which is empty."""
    parts = [{"type": kind, "body": chunk, "more_body": True} for chunk in chunks]
    return [*parts, {"type": kind, "body": b"", "more_body": False}]


@st.composite
def requests(draw: st.DrawFn) -> Call:
    """Return a request that is answered, or whose client goes."""
    method = draw(st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE"]))
    chunks = draw(CHUNKS) if method in {"POST", "PUT"} else []
    headers = [HOST, *draw(EXTRA)]
    if draw(st.booleans()):
        headers.append((b"content-length", b"%d" % sum(map(len, chunks))))
    path = draw(PATHS)
    scope: dict[str, Any] = {
        **GET,
        "asgi": VERSION,
        "method": method,
        "http_version": draw(st.sampled_from(["1.0", "1.1", "2"])),
        "path": path,
        "raw_path": RAW[path],
        "query_string": draw(st.sampled_from([b"", b"a=1&token=x"])),
        "headers": headers,
    }
    messages = body_messages("http.request", chunks)
    if draw(st.integers(0, 4)) == 0:  # the client goes before it is answered
        kept = messages[: draw(st.integers(0, len(messages)))]
        return Call(scope, [*kept, GONE], [None] * (len(kept) + 1))
    if method == "GET" and draw(st.integers(0, 3)) == 0:
        extension, answer = draw(st.sampled_from(EXTENDED))
        scope["extensions"] = {extension: {}}
        return Call(scope, [*messages, GONE], [*[None] * len(messages), *answer])
    answer = draw(answers(method))
    if len(answer) > 2 and draw(st.integers(0, 4)) == 0:  # it goes in the middle of the answer
        return Call(scope, [*messages, GONE], [*[None] * len(messages), *answer[:-1], None])
    return Call(scope, [*messages, GONE], [*[None] * len(messages), *answer, *draw(st.sampled_from([[], [None]]))])


@st.composite
def answers(draw: st.DrawFn, method: str) -> list[Message]:
    """Return an answer: with a body or without, in one part or several, with its length or without."""
    status = draw(st.sampled_from([200, 201, 204, 304, 404, 500]))
    headers = draw(ANSWERS)
    if status in WITHOUT_BODY:
        headers = [pair for pair in headers if pair[0] != b"content-type"]
        parts = body_messages("http.response.body", [])
    else:
        chunks = [chunk for chunk in draw(CHUNKS) if chunk] if method != "HEAD" else []
        if not chunks:
            headers = [pair for pair in headers if pair[0] != b"content-type"]
        elif draw(st.booleans()):
            headers = [*headers, (b"content-length", b"%d" % sum(map(len, chunks)))]
        parts = body_messages("http.response.body", chunks)
    start: Message = {"type": "http.response.start", "status": status, "headers": headers}
    return [start, *parts]


@st.composite
def chats(draw: st.DrawFn) -> Call:
    """Return a WebSocket: refused, or accepted with messages both ways, and closed by either side."""
    offered = draw(st.lists(st.sampled_from(["chat", "v2"]), unique=True))
    headers = [HOST, *draw(EXTRA)]
    if offered:
        headers.append((b"sec-websocket-protocol", ", ".join(offered).encode()))
    scope: dict[str, Any] = {**CHAT, "asgi": VERSION, "headers": headers, "subprotocols": offered}
    way = draw(st.sampled_from(["refused", "denied", "left", "closed", "closed"]))
    messages: list[Message] = [CONNECT]
    steps: list[Message | None] = [None]
    if way == "refused":
        return Call(scope, messages, [*steps, {"type": "websocket.close", "code": draw(CODES)}])
    if way == "denied":
        start: Message = {"type": "websocket.http.response.start", "status": 403, "headers": []}
        return Call(scope, messages, [*steps, start, *body_messages("websocket.http.response.body", [b"no"])])
    accept = {**ACCEPT, "subprotocol": draw(st.sampled_from(offered))} if offered else ACCEPT
    steps.append(accept)
    for is_sent in draw(st.lists(st.booleans(), max_size=5)):
        if is_sent:
            steps.append({"type": "websocket.send", **draw(FRAMES)})
        else:
            messages.append({"type": "websocket.receive", **draw(FRAMES)})
            steps.append(None)
    if way == "left":
        left: Message = {"type": "websocket.disconnect", "code": draw(CODES), "reason": ""}
        return Call(scope, [*messages, left], [*steps, None])
    return Call(
        scope, messages, [*steps, {"type": "websocket.close", "code": draw(CODES), "reason": draw(st.text(max_size=9))}]
    )


def lifespans() -> st.SearchStrategy[Call]:
    """Return lifespans that end."""
    stop: Message = {"type": "lifespan.shutdown.failed", "message": "still busy"}
    return st.sampled_from(
        [
            lifespan(STARTUP, SHUTDOWN, steps=(None, STARTED, None, STOPPED)),
            lifespan(STARTUP, SHUTDOWN, steps=(None, STARTED, None, stop)),
            lifespan(STARTUP, steps=(None, FAILED)),
        ]
    )


class Mutation(NamedTuple):
    """A change that makes a conversation break `rule`; it returns None where there is nothing to change."""

    name: str
    rule: str
    change: Callable[[Call], Call | None]


def scope_change(**changes: Any) -> Callable[[Call], Call | None]:
    """Return a change of values of a scope."""
    return lambda call: call._replace(scope={**call.scope, **changes})


def scope_without(key: str) -> Callable[[Call], Call | None]:
    """Return a change that leaves a key out of a scope."""
    return lambda call: call._replace(scope={name: value for name, value in call.scope.items() if name != key})


def one_more_header(name: Any, value: Any) -> Callable[[Call], Call | None]:
    """Return a change that adds a header to a request."""
    return lambda call: call._replace(scope={**call.scope, "headers": [*call.scope["headers"], (name, value)]})


def _index(messages: Sequence[Message | None], kind: str) -> int | None:
    return next((n for n, one in enumerate(messages) if one is not None and one["type"] == kind), None)


def sent_change(kind: str, **changes: Any) -> Callable[[Call], Call | None]:
    """Return a change of the first message of a type that is sent."""

    def change(call: Call) -> Call | None:
        n = _index(call.steps, kind)
        return None if n is None else call._replace(steps=_with(call.steps, n, {**(call.steps[n] or {}), **changes}))

    return change


def given_change(kind: str, **changes: Any) -> Callable[[Call], Call | None]:
    """Return a change of the first message of a type that is received."""

    def change(call: Call) -> Call | None:
        n = _index(call.messages, kind)
        if n is None or call.steps[: n + 1].count(None) == 0:
            return None
        messages = list(call.messages)
        messages[n] = {**messages[n], **changes}
        return call._replace(messages=messages)

    return change


def answer_header(name: Any, value: Any) -> Callable[[Call], Call | None]:
    """Return a change that adds a header to an answer."""

    def change(call: Call) -> Call | None:
        n = _index(call.steps, "http.response.start")
        if n is None:
            return None
        start = call.steps[n] or {}
        return call._replace(steps=_with(call.steps, n, {**start, "headers": [*start["headers"], (name, value)]}))

    return change


def sent_twice(kind: str) -> Callable[[Call], Call | None]:
    """Return a change that sends the first message of a type again, at once."""

    def change(call: Call) -> Call | None:
        n = _index(call.steps, kind)
        return None if n is None else call._replace(steps=[*call.steps[: n + 1], *call.steps[n:]])

    return change


def never_sent(kind: str) -> Callable[[Call], Call | None]:
    """Return a change that leaves out the first message of a type."""

    def change(call: Call) -> Call | None:
        n = _index(call.steps, kind)
        return None if n is None else call._replace(steps=[*call.steps[:n], *call.steps[n + 1 :]])

    return change


def sent_last(message: Message, after: str) -> Callable[[Call], Call | None]:
    """Return a change that sends a message at the end, where one of the type `after` was sent, and nobody has gone."""

    def change(call: Call) -> Call | None:
        has_gone = any(one["type"].endswith(".disconnect") for one in call.messages) and call.steps[-1] is None
        return None if has_gone or _index(call.steps, after) is None else call._replace(steps=[*call.steps, message])

    return change


def accepted(change: Callable[[Call], Call | None]) -> Callable[[Call], Call | None]:
    """Return a change for WebSockets that are accepted: nothing of a close goes to the client before."""
    return lambda call: None if _index(call.steps, "websocket.accept") is None else change(call)


def given_first(message: Message) -> Callable[[Call], Call | None]:
    """Return a change that gives a message before all others."""
    return lambda call: call._replace(messages=[message, *call.messages], steps=[None, *call.steps])


def gone_first(call: Call) -> Call | None:
    """Return the request with a disconnect before its body."""
    return None if call.messages[0] == GONE else given_first(GONE)(call)


def no_answer(call: Call) -> Call | None:
    """Return the request without an answer."""
    if GONE in call.messages and call.steps.count(None) == len(call.messages):
        return None
    return call._replace(steps=[None] * (call.steps.count(None)))


def _with(steps: Steps, n: int, message: Message) -> list[Message | None]:
    return [*steps[:n], message, *steps[n + 1 :]]


_END: Message = {"type": "http.response.body", "body": b"", "more_body": False}
_TEXT: Message = {"type": "websocket.send", "text": "late"}

OF_REQUESTS = (
    Mutation("the type of the scope is no string", "A-002", scope_change(type=None)),
    Mutation("no version of ASGI", "A-004", scope_without("asgi")),
    Mutation("extensions in a list", "A-008", scope_change(extensions=["http.response.push"])),
    Mutation("another type", "A-101", scope_change(type="https")),
    Mutation("no HTTP version", "A-102", scope_without("http_version")),
    Mutation("a method in lower case", "A-103", scope_change(method="get")),
    Mutation("an empty scheme", "A-104", scope_change(scheme="")),
    Mutation("the path in bytes", "A-105", scope_change(path=b"/")),
    Mutation("a path without a slash", "A-106", scope_change(path="items")),
    Mutation("another raw path", "A-107", scope_change(raw_path=b"/other")),
    Mutation("another root path", "A-108", scope_change(root_path="/api")),
    Mutation("a raw path with the query", "A-109", scope_change(raw_path=b"/?a=1")),
    Mutation("no query", "A-110", scope_without("query_string")),
    Mutation("a root path in bytes", "A-111", scope_change(root_path=b"")),
    Mutation("headers in a dictionary", "A-112", scope_change(headers={b"host": b"localhost"})),
    Mutation("a header in text", "A-113", one_more_header("accept-language", "en")),
    Mutation("a pseudo-header", "A-115", one_more_header(b":path", b"/")),
    Mutation("a client without a port", "A-117", scope_change(client=["127.0.0.1"])),
    Mutation("a server in bytes", "A-118", scope_change(server=[b"localhost", 80])),
    Mutation("a state in a list", "A-119", scope_change(state=[])),
    Mutation("a length in words", "A-123", one_more_header(b"content-length", b"ten")),
    Mutation("a body in text", "A-131", given_change("http.request", body="text")),
    Mutation("`more_body` as a number", "A-132", given_change("http.request", more_body=1)),
    Mutation("a request after the disconnect", "A-134", gone_first),
    Mutation("a message of WebSockets", "A-301", given_first(CONNECT)),
    Mutation("a status in text", "A-141", sent_change("http.response.start", status="200")),
    Mutation("a status that nobody knows", "A-142", sent_change("http.response.start", status=999)),
    Mutation("headers of an answer in a dictionary", "A-143", sent_change("http.response.start", headers={"a": "b"})),
    Mutation("a header of an answer in text", "A-144", answer_header("x-text", "value")),
    Mutation("a header in upper case", "A-145", answer_header(b"X-Upper", b"value")),
    Mutation("a pseudo-header in an answer", "A-146", answer_header(b":status", b"200")),
    Mutation("a name with a space", "A-148", answer_header(b"x y", b"value")),
    Mutation("a second line in a header", "A-149", answer_header(b"x-lines", b"one\r\nx-two: two")),
    Mutation("a space before a value", "A-150", answer_header(b"x-space", b" value")),
    Mutation("a hop-by-hop header", "A-151", answer_header(b"connection", b"close")),
    Mutation("`trailers` in text", "A-152", sent_change("http.response.start", trailers="yes")),
    Mutation("two starts", "A-153", sent_twice("http.response.start")),
    Mutation("no start", "A-154", never_sent("http.response.start")),
    Mutation("no answer", "A-155", no_answer),
    Mutation("a body of an answer in text", "A-157", sent_change("http.response.body", body="text")),
    Mutation("`more_body` of an answer in text", "A-158", sent_change("http.response.body", more_body="no")),
    Mutation("a body after the last", "A-159", sent_last(_END, "http.response.body")),
    Mutation("a length in words in an answer", "A-163", answer_header(b"content-length", b"ten")),
    Mutation(
        "an extension that is not offered",
        "A-201",
        sent_last({"type": "http.response.push", "path": "/", "headers": []}, "http.response.start"),
    ),
)

OF_CHATS = (
    Mutation("an HTTP version as a number", "A-302", scope_change(http_version=1.1)),
    Mutation("the scheme of HTTP", "A-303", scope_change(scheme="http")),
    Mutation("no path", "A-304", scope_without("path")),
    Mutation("a raw path with the query", "A-305", scope_change(raw_path=b"/?a=1")),
    Mutation("a query in text", "A-306", scope_change(query_string="")),
    Mutation("no root path", "A-307", scope_change(root_path=None)),
    Mutation("a header in text", "A-308", one_more_header("accept", b"*/*")),
    Mutation("a client in text", "A-309", scope_change(client="127.0.0.1:5000")),
    Mutation("subprotocols in text", "A-310", scope_change(subprotocols="chat")),
    Mutation("other subprotocols", "A-311", scope_change(subprotocols=["other"])),
    Mutation("a state in a list", "A-312", scope_change(state=[])),
    Mutation("connected twice", "A-321", given_first(CONNECT)),
    Mutation("text in bytes", "A-323", given_change("websocket.receive", text=b"x")),
    Mutation("neither bytes nor text", "A-324", given_change("websocket.receive", text=None, bytes=None)),
    Mutation("no code", "A-325", given_change("websocket.disconnect", code=None)),
    Mutation("accepted twice", "A-333", sent_twice("websocket.accept")),
    Mutation("a subprotocol in bytes", "A-335", sent_change("websocket.accept", subprotocol=b"chat")),
    Mutation("a subprotocol that was not offered", "A-336", sent_change("websocket.accept", subprotocol="other")),
    Mutation(
        "never accepted",
        "A-332",
        lambda call: never_sent("websocket.accept")(call) if _index(call.steps, "websocket.send") else None,
    ),
    Mutation("neither bytes nor text sent", "A-341", sent_change("websocket.send", text=None, bytes=None)),
    Mutation("text in bytes sent", "A-342", sent_change("websocket.send", text=b"x", bytes=None)),
    Mutation("a message after the close", "A-343", sent_last(_TEXT, "websocket.close")),
    Mutation("a code in text", "A-345", sent_change("websocket.close", code="1000")),
    Mutation("a code that is not sent", "A-346", accepted(sent_change("websocket.close", code=1006))),
    Mutation("a long reason", "A-347", accepted(sent_change("websocket.close", reason="x" * 124))),
    Mutation("closed twice", "A-348", sent_twice("websocket.close")),
)

OF_LIFESPANS = (
    Mutation("no version of ASGI", "A-401", scope_without("asgi")),
    Mutation("a state that is not empty", "A-402", scope_change(state={"left": "over"})),
    Mutation("started twice", "A-403", given_first(STARTUP)),
    Mutation("a startup that is complete twice", "A-406", sent_twice("lifespan.startup.complete")),
    Mutation("a shutdown that is complete twice", "A-408", sent_twice("lifespan.shutdown.complete")),
    Mutation("why it has failed in bytes", "A-409", sent_change("lifespan.startup.failed", message=b"no database")),
    Mutation("no answer to the shutdown", "A-416", never_sent("lifespan.shutdown.complete")),
    Mutation("an answer of HTTP", "A-418", sent_last(_END, "lifespan.startup.complete")),
)

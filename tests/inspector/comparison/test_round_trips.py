"""Any conversation: what is saved is what was sent, a replay finds no difference, and any change is found."""

import asyncio
import contextlib
import gzip
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from asgictl import Inspector
from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.inspector.client.driver import Driver
from asgictl.inspector.client.refusing import Refusing
from asgictl.inspector.client.replay_asgi import into_app
from asgictl.inspector.client.replay_script import Edit, script
from asgictl.inspector.comparison.differences import of_answers, of_requests
from asgictl.inspector.comparison.found import Found
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Event, Record
from asgictl.inspector.sessions import session_file
from asgictl.inspector.sessions.saved_session import SavedSession
from tests.inspector.recordings import SCOPE, recorded


class Conversation(NamedTuple):
    """What a client and an app say: each message with its direction, in the order in which the app deals with them."""

    scope: dict[str, Any]
    turns: list[tuple[str, Message]]


class Scripted:
    """An app that has its part of a conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self.turns = conversation.turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Receive, and send."""
        if scope["type"] == "lifespan":
            raise NotImplementedError
        for direction, message in self.turns:
            if direction == "send":
                await send(dict(message))
            else:
                await receive()


_NAMES = ("a", "x-\xb5", "set-cookie", "via", "content-encoding", "server")
_TYPES = (b"application/json", b"text/plain; charset=latin-1", b"text/plain", b"text/event-stream", b"x/y")
_VALUE = st.lists(st.sampled_from([*range(0x20, 0x7F), *range(0x80, 0x100)]), max_size=6).map(bytes)


def some(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return dictionaries that may have these keys."""
    return st.fixed_dictionaries({}, optional=keys)


NAMED = st.one_of(
    st.tuples(st.sampled_from([name.encode("latin-1") for name in _NAMES]), _VALUE),
    st.tuples(st.just(b"content-type"), st.sampled_from(_TYPES)),
    st.just((b"content-encoding", b"gzip")),
)
HEADERS = st.lists(NAMED, max_size=4)
BODIES = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=10).map(lambda text: text.encode("utf-8", "replace")),
    st.sampled_from([b'{"a": 1, "a": 2}', b"[1, 2.50, 1e400]", b"a\r\nb\n", b"\xef\xbb\xbfa"]),
    st.binary(max_size=20).map(lambda content: gzip.compress(content, mtime=1)),
)
CHUNKS = st.lists(st.one_of(BODIES, st.just(b"")), min_size=1, max_size=4)
FRAMES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6).map(lambda text: {"text": text}),
    st.binary(max_size=6).map(lambda content: {"bytes": content}),
    st.sampled_from([{"text": "", "bytes": None}, {"text": None, "bytes": b""}, {"text": "é", "bytes": None}]),
)
CODES = st.sampled_from([1000, 1001, 3000, 4001])
CLOSE = some(code=CODES, reason=st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=5)))
PATHS = st.sampled_from(["/a", "/b/c", "/\u00e9"])
HINTS = st.one_of(
    st.lists(_VALUE, max_size=2).map(lambda links: {"type": "http.response.early_hint", "links": links}),
    HEADERS.map(lambda headers: {"type": "http.response.push", "path": "/a?b", "headers": headers}),
)


@st.composite
def requests(draw: st.DrawFn) -> Conversation:
    """Return a request with its answer."""
    asked = draw(CHUNKS)
    turns: list[tuple[str, Message]] = [
        ("receive", {"type": "http.request", "body": body, "more_body": n < len(asked)})
        for n, body in enumerate(asked, start=1)
    ]
    trailers = draw(st.lists(HEADERS, max_size=2))
    start = {"type": "http.response.start", "status": draw(st.integers(200, 599)), **draw(some(headers=HEADERS))}
    turns.append(("send", {**start, "trailers": True} if trailers else start))
    turns += [("send", message) for message in draw(st.lists(HINTS, max_size=2))]
    scope = {**SCOPE, "headers": draw(HEADERS), "method": draw(st.sampled_from(["GET", "PUT"]))}
    if draw(st.integers(0, 9)) == 0:
        return Conversation(scope, [*turns, ("send", {"type": "http.response.pathsend", "path": draw(PATHS)})])
    chunks = draw(CHUNKS)
    turns += [("send", {"type": "http.response.body", "body": body, "more_body": True}) for body in chunks[:-1]]
    last: dict[str, Any] = draw(st.sampled_from([{"body": chunks[-1]}, {"body": chunks[-1], "more_body": False}, {}]))
    turns.append(("send", {"type": "http.response.body", **last}))
    turns += [
        ("send", {"type": "http.response.trailers", "headers": headers, "more_trailers": n < len(trailers)})
        for n, headers in enumerate(trailers, start=1)
    ]
    return Conversation(scope, turns)


@st.composite
def chats(draw: st.DrawFn) -> Conversation:
    """Return a WebSocket: refused, or with messages of both sides until one of them closes it."""
    scope = {**SCOPE, "type": "websocket", "scheme": "ws", "subprotocols": ["a", "b"], "headers": draw(HEADERS)}
    del scope["method"]
    turns: list[tuple[str, Message]] = [("receive", {"type": "websocket.connect"})]
    end = draw(st.sampled_from(["refused", "denied", "app", "client"]))
    if end == "refused":
        return Conversation(scope, [*turns, ("send", {"type": "websocket.close", **draw(CLOSE)})])
    if end == "denied":
        kind = "websocket.http.response"
        start = {"type": f"{kind}.start", "status": draw(st.integers(300, 599)), "headers": draw(HEADERS)}
        chunks = draw(CHUNKS)
        parts = [
            {"type": f"{kind}.body", "body": body, "more_body": n < len(chunks)} for n, body in enumerate(chunks, 1)
        ]
        return Conversation(scope, [*turns, ("send", start), *(("send", part) for part in parts)])
    accept = draw(some(subprotocol=st.sampled_from([None, "a"]), headers=HEADERS))
    turns.append(("send", {"type": "websocket.accept", **accept}))
    messages = draw(st.lists(st.tuples(st.sampled_from(["receive", "send"]), FRAMES), max_size=8))
    messages *= draw(st.sampled_from([1, 1, 1, 20]))
    turns += [(direction, {"type": f"websocket.{direction}", **frame}) for direction, frame in messages]
    if end == "app":
        return Conversation(scope, [*turns, ("send", {"type": "websocket.close", **draw(CLOSE)})])
    left = {"code": draw(st.sampled_from([1000, 1005, 1006, 4001])), "reason": draw(st.sampled_from(["", "bye"]))}
    return Conversation(scope, [*turns, ("receive", {"type": "websocket.disconnect", **left})])


CONVERSATIONS = st.one_of(requests(), chats())
lengthy = settings(max_examples=150, suppress_health_check=list(HealthCheck))


def saved(records: list[Record]) -> Exchange:
    """Return the exchange that a file holds in which these records are saved."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.jsonl")
        file = session_file.SessionFile(path, about={}, limit=10**9, note=print)
        with contextlib.closing(file):
            for record in records:
                file(record)
        (exchange,) = SavedSession([str(path)], print).wanted([]).values()
    return exchange


def kept(conversation: Conversation) -> Exchange:
    """Return what is recorded of a conversation, saved, and loaded."""
    asked = [message for direction, message in conversation.turns if direction == "receive"]
    return saved(recorded(Scripted(conversation), dict(conversation.scope), asked, redact=()))


@given(CONVERSATIONS)
@lengthy
def test_what_is_saved_is_what_was_sent(conversation: Conversation) -> None:
    """Scope, messages, order and kinds of content are what was sent."""
    exchange = kept(conversation)

    assert exchange.scope == conversation.scope
    assert [(event.direction, event.message) for event in exchange.events] == conversation.turns
    assert [type(event.content) for event in exchange.events] == [
        type(Event(0, 0, 0.0, "send", message).content) for _, message in conversation.turns
    ]
    assert (exchange.is_cut, exchange.error) == (False, None)


def replayed(exchange: Exchange, app: Scripted) -> list[Found]:
    """Return what differs when an exchange is replayed into an app."""

    async def main() -> Exchange:
        driver = Driver(app, timeout=20, first_id=20)
        (new,) = [new async for new in into_app(driver, [script(exchange, Edit())], print)]
        return new

    return list(of_answers(exchange, asyncio.run(main())))


@given(CONVERSATIONS)
@lengthy
def test_a_replay_finds_nothing(conversation: Conversation) -> None:
    """The same app gives the same answer, and compared with itself nothing differs."""
    exchange = kept(conversation)

    assert replayed(exchange, Scripted(conversation)) == []
    assert list(of_requests(exchange, exchange)) == []


@st.composite
def broken(draw: st.DrawFn) -> Conversation:
    """Return a conversation whose app leaves out, repeats, exchanges or spoils messages."""
    conversation: Conversation = draw(CONVERSATIONS)
    turns = list(conversation.turns)
    for _ in range(draw(st.integers(1, 3))):
        sent = [n for n, (direction, _) in enumerate(turns) if direction == "send"]
        if not sent:
            break
        n, m = draw(st.sampled_from(sent)), draw(st.sampled_from(sent))
        what = draw(st.sampled_from(["leave out", "repeat", "exchange", "spoil"]))
        if what == "leave out":
            del turns[n]
        elif what == "repeat":
            turns.insert(n, turns[m])
        elif what == "exchange":
            turns[n], turns[m] = turns[m], turns[n]
        else:
            odd = draw(st.sampled_from([{"type": "nonsense"}, {}, {**turns[n][1], "headers": [("a", "b")], "body": 5}]))
            turns[n] = ("send", odd)
    kinds = [message.get("type") for _, message in turns]
    heard = [n for n, kind in enumerate(kinds) if kind in ("websocket.receive", "websocket.disconnect")]
    # What clients send comes after the one, and before the other.
    assume(all("websocket.accept" in kinds[:n] and "websocket.close" not in kinds[:n] for n in heard))
    return conversation._replace(turns=turns)


def served(conversation: Conversation) -> Exchange:
    """Return what is recorded of an app behind a server that refuses what breaks the protocol."""
    records: list[Record] = []
    asked = [message for direction, message in conversation.turns if direction == "receive"]

    async def receive() -> Message:
        return asked.pop(0)

    async def send(message: Message) -> None:
        pass

    async def main() -> None:
        with contextlib.suppress(Exception):  # it is in the records
            inspector = Inspector(Scripted(conversation), sink=records.append, redact=())
            await Refusing(inspector)(dict(conversation.scope), receive, send)

    asyncio.run(main())
    return saved(records)


@given(broken())
@lengthy
def test_a_replay_of_a_broken_app_finds_nothing(conversation: Conversation) -> None:
    """An app that breaks the protocol is refused the same messages again, and its client gets the same."""
    exchange = served(conversation)

    assert [it for it in replayed(exchange, Scripted(conversation)) if len(it) == 3] == []


def other(draw: st.DrawFn, value: Any) -> Any:
    """Return a value that differs in one byte, letter or number."""
    if isinstance(value, int):
        return value + 1
    if not value:
        return value + (b"x" if isinstance(value, bytes) else "x")
    at = draw(st.integers(0, len(value) - 1))
    if isinstance(value, str):
        letter = draw(st.sampled_from("ab \u00e9"))
        return value[:at] + letter + value[at + 1 :]
    return value[:at] + bytes([draw(st.sampled_from([0x20, 0x41, 0xE9, value[at] ^ 1]))]) + value[at + 1 :]


@st.composite
def changes(draw: st.DrawFn, side: str) -> tuple[Conversation, Conversation]:
    """Return a conversation, and another one in which one side says something else in one place."""
    conversation = draw(CONVERSATIONS)
    places = [
        (n, key)
        for n, (direction, message) in enumerate(conversation.turns)
        for key, value in message.items()
        if direction == side and key not in ("type", "more_body", "more_trailers", "trailers") and value is not None
    ]
    n, key = draw(st.sampled_from(places)) if places else (0, "")
    assume(places)
    message = conversation.turns[n][1]
    value: Any = message[key]
    if isinstance(value, list):
        assume(value)
        at = draw(st.integers(0, len(value) - 1))
        item = value[at]
        new = (item[0], other(draw, item[1])) if isinstance(item, tuple) else other(draw, item)
        value = [*value[:at], new, *value[at + 1 :]]
    else:
        value = other(draw, value)
    assume(value != message[key])
    turns = list(conversation.turns)
    turns[n] = (side, {**message, key: value})
    return conversation, conversation._replace(turns=turns)


@given(changes("send"))
@lengthy
def test_any_change_is_found(change: tuple[Conversation, Conversation]) -> None:
    """A byte that differs anywhere is found, or it is said that it is not compared, or that it says the same."""
    before, after = change

    assert replayed(kept(before), Scripted(after)) != []


@given(changes("receive"))
@lengthy
def test_any_change_of_a_request_is_found(change: tuple[Conversation, Conversation]) -> None:
    """What a client has sent otherwise is found as well, in its body, its messages and its close."""
    before, after = change

    assert list(of_requests(kept(before), kept(after))) != []


@given(CONVERSATIONS, st.integers(0, 30))
@lengthy
def test_what_is_cut_is_never_the_same(conversation: Conversation, limit: int) -> None:
    """Where not all of an answer is kept, a comparison says that it could not tell."""
    asked = [message for direction, message in conversation.turns if direction == "receive"]
    cut = saved(recorded(Scripted(conversation), dict(conversation.scope), asked, redact=(), body_limit=limit))
    whole = kept(conversation)

    found = list(of_answers(cut, whole))
    assert [it for it in found if len(it) == 3] == []
    assert bool(found) is any(event.cut for event in cut.sent)


def test_a_hundred_messages() -> None:
    """A conversation of a hundred messages is the same again, and one that is missing is one difference."""
    frames: list[tuple[str, Message]] = []
    for n in range(100):
        frames += [
            ("receive", {"type": "websocket.receive", "text": f"{n}"}),
            ("send", {"type": "websocket.send", "bytes": b"%d" % n}),
        ]
    scope = {**SCOPE, "type": "websocket"}
    begin: list[tuple[str, Message]] = [
        ("receive", {"type": "websocket.connect"}),
        ("send", {"type": "websocket.accept"}),
    ]
    end: tuple[str, Message] = ("send", {"type": "websocket.close"})
    whole = kept(Conversation(scope, [*begin, *frames, end]))
    less = kept(Conversation(scope, [*begin, *frames[:99], *frames[100:], end]))

    assert replayed(whole, Scripted(Conversation(scope, [*begin, *frames, end]))) == []
    assert [tuple(found) for found in of_answers(whole, less)] == [("sent frame 50", "bytes 34 39", None)]

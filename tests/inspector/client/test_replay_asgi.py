"""Requests and conversations sent again: what is sent, and what is refused."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asgictl.asgi import Receive, Scope, Send
from asgictl.errors import AsgictlError, ConfigError, StartError
from asgictl.inspector.assembly import assembled
from asgictl.inspector.client.driver import Driver
from asgictl.inspector.client.replay_asgi import converse, into_app
from asgictl.inspector.client.replay_script import Edit, Leave, Script, Turn, script
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Opened, Record, Redacted
from tests.inspector.recordings import CHAT, FAILING, REQUEST, SCOPE


def of(records: list[Record]) -> Exchange:
    """Return the exchange in these records."""
    (exchange,) = assembled(records).values()
    return exchange


def asked(headers: list[Any], body: bytes | None = b"body", **scope: Any) -> Exchange:
    """Return a request with these headers, a body, and what a scope has of it."""
    exchange = Exchange(Opened(7, 0.0, {**SCOPE, "headers": headers, **scope}))
    if body is not None:
        exchange.add(Event(7, 1, 0.0, "receive", {"type": "http.request", "body": body}, size=len(body)))
    return exchange


def test_a_request() -> None:
    """A request is sent again as it was."""
    assert script(of(REQUEST), Edit()) == Script(
        id=7, scope=SCOPE, chunks=[b'{"sku": "A1", "n": 2}'], turns=[], answers=0, without=(), size=8
    )


def test_a_conversation() -> None:
    """A WebSocket's messages are sent again, each after as many of the app as before, text as text."""
    opened, *others = CHAT
    more = [
        Event(8, 6, 99.1, "receive", {"type": "websocket.receive", "text": ""}),
        Event(8, 7, 99.2, "send", {"type": "websocket.send", "text": "x"}, size=1),
        Event(8, 8, 99.3, "receive", {"type": "websocket.receive", "bytes": b"y"}, size=1),
    ]
    one = script(of([opened, *others[:4], *(replace(event, n=event.n - 1) for event in more)]), Edit())

    assert one.turns == [
        Turn(0, {"type": "websocket.receive", "text": "hi", "bytes": None}),
        Turn(1, {"type": "websocket.receive", "text": ""}),
        Turn(2, {"type": "websocket.receive", "bytes": b"y"}),
    ]
    assert one.answers == 2
    assert one.waited == pytest.approx(0.0005)
    assert (one.chunks, one.parts, one.size, one.without) == ([], None, 0, ())
    assert (one.closes, one.is_left, one.leave) == (False, False, Leave())


CONNECT = {"type": "websocket.connect"}
LEFT = {"type": "websocket.disconnect", "code": 1001, "reason": "bye"}
CLOSE = {"type": "websocket.close", "code": 4000}
ENDS: dict[str, tuple[list[tuple[Any, dict[str, Any]]], dict[str, Any]]] = {
    "the app closes": ([("send", {"type": "websocket.accept"}), ("send", CLOSE), ("receive", LEFT)], {"closes": True}),
    "the client closes": (
        [("send", {"type": "websocket.accept"}), ("receive", LEFT), ("send", CLOSE)],
        {"leave": Leave(1001, "bye")},
    ),
    "no code": (
        [("send", {"type": "websocket.accept"}), ("receive", {"type": "websocket.disconnect"})],
        {"leave": Leave(1005, "")},
    ),
    "before an answer": ([("receive", LEFT), ("send", CLOSE)], {"leave": Leave(1001, "bye"), "is_left": True}),
}


@pytest.mark.parametrize(("messages", "wanted"), ENDS.values(), ids=list(ENDS))
def test_who_has_closed(messages: list[tuple[Any, dict[str, Any]]], wanted: dict[str, Any]) -> None:
    """Whoever has closed a WebSocket in the recording closes it again, with the same code and reason."""
    exchange = of(CHAT[:1])
    for n, (direction, message) in enumerate([("receive", CONNECT), *messages], start=1):
        exchange.add(Event(8, n, 1.0 * n, direction, message))
    one = script(exchange, Edit())

    assert one == Script(
        **{
            "id": 8,
            "scope": one.scope,
            "chunks": [],
            "turns": [],
            "answers": 0,
            "without": (),
            "waited": 0.001,
            **wanted,
        }
    )


CHANGES: dict[str, tuple[Edit, dict[str, Any]]] = {
    "a method": (Edit(method="PUT"), {"method": "PUT"}),
    "a target": (
        Edit(target="/ü?a=%20"),
        {"path": "/ü", "raw_path": b"/%C3%BC", "query_string": b"a=%20"},
    ),
    "a header": (Edit(headers=[("X-A", "9")]), {"headers": [(b"host", b"h"), (b"x-b", b"2"), (b"x-a", b"9")]}),
    "a header away": (Edit(headers=[("x-a", None)]), {"headers": [(b"host", b"h"), (b"x-b", b"2")]}),
    "a new one": (
        Edit(headers=[("X-C", "ü")]),
        {"headers": [(b"host", b"h"), (b"X-a", b"1"), (b"x-b", b"2"), (b"x-c", b"\xfc")]},
    ),
}


@pytest.mark.parametrize(("change", "changed"), CHANGES.values(), ids=list(CHANGES))
def test_changes(change: Edit, changed: dict[str, Any]) -> None:
    """What is changed is sent differently, and everything else as it was."""
    headers = [(b"host", b"h"), (b"X-a", b"1"), (b"x-b", b"2")]
    one = script(asked(headers), change)

    assert one.scope == {**SCOPE, "headers": headers, **changed}
    assert (one.chunks, one.host) == ([b"body"], None)


def test_another_body() -> None:
    """Another body has its own length, and need not be there as a whole before; another host is one."""
    headers = [(b"Content-Length", b"4"), (b"transfer-encoding", b"chunked"), (b"x", b"y")]
    one = script(asked(headers, None), Edit(body=b"longer", headers=[("HOST", "shop")]))

    assert one.scope["headers"] == [(b"x", b"y"), (b"host", b"shop"), (b"content-length", b"6")]
    assert (one.chunks, one.host) == ([b"longer"], "shop")
    assert script(asked([], None), Edit(body=b"")).chunks == [b""]


def test_secrets_that_are_lost() -> None:
    """What the session does not hold is left out, and named, unless it is given anew."""
    headers = [(b"Cookie", Redacted(3)), (b"referer", b"http://h/?token=***"), (b"sec-websocket-protocol", Redacted(4))]
    exchange = asked(headers, query_string=b"a=1&token=***", subprotocols=["***"])
    one = script(exchange, Edit())
    other = script(exchange, Edit(target="/x", headers=[("cookie", "a=b"), ("Sec-WebSocket-Protocol", "chat")]))

    assert one.without == ("cookie", "referer", "sec-websocket-protocol", "?token")
    assert (one.scope["headers"], one.scope["query_string"], one.scope["subprotocols"]) == ([], b"a=1", [])
    assert other.without == ("referer",)
    assert other.scope["headers"] == [(b"cookie", b"a=b"), (b"sec-websocket-protocol", b"chat")]
    assert (other.scope["query_string"], other.scope["subprotocols"]) == (b"", ["***"])
    assert script(asked([], query_string=None), Edit()).scope["query_string"] == b""


@pytest.mark.parametrize(
    ("answer", "parts", "size"),
    [
        ([{"type": "http.response.body", "body": b"abc", "more_body": False}], None, 3),
        ([{"type": "http.response.body", "body": b"abc"}], None, 3),
        ([{"type": "http.response.body", "body": b"abc", "more_body": True}], 1, 3),
        ([{"type": "http.response.body", "body": b"abc", "more_body": True}] * 2, 2, 6),
        ([], 0, 0),
    ],
    ids=["whole", "one chunk", "endless", "two chunks", "no chunk"],
)
def test_answers_without_end(answer: list[dict[str, Any]], parts: int | None, size: int) -> None:
    """An answer that was not complete is read as far as it had come."""
    start = Event(7, 2, 1.0, "send", {"type": "http.response.start", "status": 200})
    chunks = [Event(7, 3 + n, 2.0, "send", message, size=3) for n, message in enumerate(answer)]
    one = script(of([*REQUEST[:2], start, *chunks]), Edit())

    assert (one.parts, one.size) == (parts, size)
    assert script(of(REQUEST[:2]), Edit()).parts is None


REFUSED: dict[str, tuple[Exchange, Edit, type[AsgictlError], str, str]] = {
    "a lifespan": (
        of([Opened(0, 0.0, {"type": "lifespan"})]),
        Edit(),
        AsgictlError,
        "#0 is a lifespan, which cannot be sent again",
        "name requests or WebSockets",
    ),
    "a body that is not there": (
        asked([(b"content-length", b"1")], None),
        Edit(),
        AsgictlError,
        "the app did not read the whole request of #7",
        "pass --body",
    ),
    **{
        f"a WebSocket's {name}": (
            of(CHAT),
            change,
            ConfigError,
            "#8 is a WebSocket: it has neither method nor body",
            "change -H or --path",
        )
        for name, change in {"method": Edit(method="GET"), "body": Edit(body=b"")}.items()
    },
}


@pytest.mark.parametrize(("exchange", "change", "kind", "problem", "hint"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_refused(exchange: Exchange, change: Edit, kind: type[AsgictlError], problem: str, hint: str) -> None:
    """What cannot be sent again is refused with the reason, and what to do."""
    with pytest.raises(AsgictlError) as caught:
        script(exchange, change)

    assert (type(caught.value), caught.value.message, caught.value.hint) == (kind, problem, hint)


def text(data: str) -> dict[str, Any]:
    """Return a message with a text."""
    return {"type": "websocket.receive", "text": data}


def refuse(error: StartError) -> None:
    """Raise what is told of an exchange without an answer."""
    raise error


def replayed(app: Any, *scripts: Script, timeout: float = 10) -> list[Exchange]:
    """Return what comes of scripts that are sent into an app."""

    async def main() -> list[Exchange]:
        return [one async for one in into_app(Driver(app, timeout=timeout, first_id=20), scripts, refuse)]

    return asyncio.run(main())


async def mirror(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what was received: the scope's state and client, and the chunks, or the messages of a WebSocket."""
    if scope["type"] == "lifespan":
        scope["state"]["name"] = "ours"
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    first = await receive()
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})
        return
    found = [first]
    while found[-1]["more_body"]:
        found.append(await receive())
    text = repr([scope["client"], scope["state"], [message["body"] for message in found]])
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": text.encode()})


def test_into_an_app() -> None:
    """An app gets what it got before, within its lifespan; what comes of it is numbered, and names what it repeats."""
    chunks = script(of(REQUEST), Edit())._replace(chunks=[b"a", b"b"])
    empty = script(asked([]), Edit())._replace(chunks=[])
    turns = [Turn(0, text("hi")), Turn(1, text("")), Turn(2, {"type": "websocket.receive", "bytes": b"x"})]
    chat = script(of(CHAT), Edit())._replace(turns=turns, answers=3)
    one, two, three = replayed(mirror, chunks, empty, chat)

    assert one.text == "[('127.0.0.1', 50000), {'name': 'ours'}, [b'a', b'b']]"
    assert two.text == "[('127.0.0.1', 50000), {'name': 'ours'}, [b'']]"
    assert three.frames == ["hi", "", b"x"]
    assert [(exchange.id, exchange.opened.replay_of) for exchange in (one, two, three)] == [(21, 7), (22, 7), (23, 8)]
    assert all(exchange.closed for exchange in (one, two, three))
    assert three.close_code == 1001


def test_an_app_that_raises() -> None:
    """What an app raises is what came of it, and the next is sent."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError(scope["type"])

    one, two = replayed(app, script(of(REQUEST), Edit()), script(of(CHAT), Edit()))

    assert [str(exchange.error) for exchange in (one, two)] == ["ValueError: http", "ValueError: websocket"]


def test_answers_that_take_their_time() -> None:
    """An answer is read to its end, or as far as it was recorded, and then the app hears that its client goes."""
    heard: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await receive()
        await send({"type": "http.response.start", "status": 200})
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.sleep(0.01)
        if scope["path"] == "/orders":
            await send({"type": "http.response.body"})
        heard.append((await receive())["type"])

    whole = script(of(REQUEST), Edit())
    endless = script(of(REQUEST), Edit(target="/endless"))._replace(parts=3)
    one, two = replayed(app, whole, endless, timeout=20)

    assert (one.response_body, one.is_cut, two.response_body) == (b"xxx", False, b"xxx")
    assert heard == ["http.disconnect", "http.disconnect"]


def test_an_app_that_refuses_or_hangs() -> None:
    """A WebSocket that is refused is one; an app that does not answer ends the replay, with the reason."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4000})
            return
        await asyncio.Event().wait()

    (refused,) = replayed(app, script(of(CHAT), Edit()))
    assert (refused.status, refused.frames) == (403, [])
    with pytest.raises(StartError) as caught:
        replayed(app, script(of(REQUEST), Edit()), timeout=0.05)
    assert caught.value.message == "#7: the app has not sent anything for 0.05 s (/orders)"
    assert caught.value.hint == "pass a longer --timeout"


def test_an_app_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that does not start is told with its reason, and nothing is sent."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise ValueError("no database")

    monkeypatch.chdir(Path(__file__).parents[3])
    line = broken.__code__.co_firstlineno + 2
    for app, problem, hint in (
        (
            slow,
            "the app's startup failed: the app has not sent anything for 0.05 s (lifespan)",
            "see what it waits for, or pass a longer --timeout",
        ),
        (
            broken,
            f"the app's startup failed: ValueError: no database (tests/inspector/client/test_replay_asgi.py:{line})",
            None,
        ),
    ):
        with pytest.raises(StartError) as caught:
            replayed(app, script(of(FAILING), Edit(body=b"")), timeout=0.05)
        assert (caught.value.message, caught.value.hint) == (problem, hint)


@pytest.mark.parametrize("ends", [True, False])
def test_an_app_that_says_less(monkeypatch: pytest.MonkeyPatch, ends: bool) -> None:
    """Messages that do not come as they did are waited for a while, or until the app closes; all is sent."""
    monkeypatch.setattr("asgictl.inspector.client.replay_asgi.PATIENCE", 0.01)
    heard: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await receive()
        await send({"type": "websocket.accept"})
        if ends:
            await send({"type": "websocket.close", "code": 4000})
        while (message := await receive())["type"] == "websocket.receive":
            heard.append(message["text"])
        heard.append(message["code"])

    one = script(of(CHAT), Edit())._replace(turns=[Turn(0, text("a")), Turn(2, text("b"))], answers=3)
    (exchange,) = replayed(app, one)

    assert heard == (["a", 4000] if ends else ["a", "b", 1001])
    assert (exchange.status, exchange.frames) == (101, [])


class Frames:
    """The client's side of a WebSocket whose app has so many messages, and closes then if it `closes`."""

    def __init__(self, count: int, *, closes: bool = False) -> None:
        self.left = count
        self.closes = closes
        self.is_open = True
        self.done: list[Any] = []

    async def send(self, message: dict[str, Any]) -> None:
        """Note that a message is sent."""
        self.done.append(message["text"])

    async def receive(self, patience: float) -> bool:
        """Note that a message is waited for; tell whether there is one."""
        self.left -= 1
        self.is_open = self.left >= 0 or not self.closes
        self.done.append(patience if self.left >= 0 else None)
        return self.left >= 0


@pytest.mark.parametrize(
    ("count", "done"),
    [
        (9, ["a", 2.5, "b", "c", 2.5, 2.5, "d", 2.5]),
        (1, ["a", 2.5, "b", "c", None, "d", None]),
        (0, ["a", None, "b", "c", None, "d", None]),
    ],
)
def test_whose_turn_it_is(count: int, done: list[Any]) -> None:
    """Messages are sent when as many have come as before; one that does not come is waited for once."""
    frames = Frames(count)
    turns = [Turn(0, text("a")), Turn(1, text("b")), Turn(1, text("c")), Turn(3, text("d"))]
    asyncio.run(converse(frames, Script(1, {}, [], turns, 4, (), waited=0.5), 10))

    assert frames.done == done


@pytest.mark.parametrize(("limit", "patience"), [(10, 5.0), (1, 1)])
def test_how_long_is_waited(limit: float, patience: float) -> None:
    """A message is waited for as long as in the recording, and two seconds more, but not longer than `--timeout`."""
    frames = Frames(1)
    asyncio.run(converse(frames, Script(1, {}, [], [], 1, (), waited=3.0), limit))

    assert frames.done == [patience]


def test_the_close_is_waited_for() -> None:
    """Where the app has closed, its close is waited for, after more messages, too."""
    frames = Frames(3, closes=True)
    asyncio.run(converse(frames, Script(1, {}, [], [], 1, (), closes=True), 10))

    assert frames.done == [2.0, 2.0, 2.0, None]


def test_an_app_that_does_not_close() -> None:
    """A close that does not come is not waited for longer than a message; then the client closes."""
    heard: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await receive()
        await send({"type": "websocket.accept"})
        heard.append(await receive())

    one = script(of(CHAT), Edit())._replace(turns=[], answers=0, closes=True, leave=Leave())
    (exchange,) = replayed(app, one, timeout=0.05)

    assert heard == [{"type": "websocket.disconnect", "code": 1000, "reason": ""}]
    assert exchange.closed == Closed(21, exchange.app_ms)


def test_what_a_client_has_sent_is_sent_as_it_was() -> None:
    """An app gets each message with the keys that it had, empty ones as what they were."""
    heard: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            heard.append(message)

    messages: list[dict[str, Any]] = [
        {"type": "websocket.receive", **fields}
        for fields in ({"text": ""}, {"bytes": b""}, {"text": "", "bytes": None}, {"text": None, "bytes": b""})
    ]
    exchange = of(CHAT[:3])
    for n, message in enumerate(messages, start=3):
        exchange.add(Event(8, n, 1.0, "receive", message))
    replayed(app, script(exchange, Edit()))

    assert heard == messages


def test_clients_that_left_at_once() -> None:
    """A client that left before there was an answer leaves again: nobody waits for one."""
    heard: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        while not (message := await receive())["type"].endswith(".disconnect"):
            heard.append(message["type"])
        heard.append(message)

    request = asked([])
    request.add(Event(7, 2, 1.0, "receive", {"type": "http.disconnect"}))
    chat = of(CHAT[:2])
    chat.add(Event(8, 2, 1.0, "receive", {"type": "websocket.disconnect", "code": 1006}))
    replayed(app, script(request, Edit()), script(chat, Edit()))

    assert heard == [
        "http.request",
        {"type": "http.disconnect"},
        "websocket.connect",
        {"type": "websocket.disconnect", "code": 1006, "reason": ""},
    ]


def test_a_recording_that_was_closed() -> None:
    """A request that has ended is sent again like one that was still running."""
    assert script(of(REQUEST[:-1]), Edit()) == script(of([*REQUEST[:-1], Closed(7, 9.0, cancelled=True)]), Edit())

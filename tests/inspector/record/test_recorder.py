"""What is recorded: everything that passes, as it was at that moment, whatever it is."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest

from asgictl import Inspector
from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.inspector.assembly import assembled
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Failure, Observed, Opaque, Opened, Raised, Record
from asgictl.inspector.record.log_filter import WithoutSecrets
from asgictl.inspector.record.memory import Memory
from asgictl.inspector.record.redaction import Redactor
from tests.inspector.recordings import REQUEST, SCOPE, recorded


class Text(str):
    """Text of a class of its own, which says something else of itself."""

    __slots__ = ()

    def __str__(self) -> str:
        return "not that"


def exchange_of(*messages: Any, scope: Any = None, **options: Any) -> Exchange:
    """Return what is recorded of an app that sends `messages`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    (exchange,) = assembled(recorded(app, {**SCOPE, **(scope or {})}, **options)).values()
    return exchange


def test_derived_types() -> None:
    """Values of derived classes, like `HTTPStatus`, are recorded as what they are derived from."""
    exchange = exchange_of(
        {"type": "http.response.start", "status": HTTPStatus.NOT_FOUND, "odd": OrderedDict(a=(True, Text("x")))},
        {"type": "websocket.send", "text": Text("hello")},
    )

    assert exchange.status == 404
    assert type(exchange.events[0].get("status")) is int
    assert exchange.events[0].get("odd") == {"a": [True, "x"]}
    assert exchange.frames == ["hello"]


def test_what_is_changed_afterwards() -> None:
    """A record does not change with what the app does to its message later."""
    pair = [b"x-a", b"1"]
    message: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": [pair], "more": {"a": [1]}}
    body = bytearray(b"before")
    records: list[Record] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(message)
        await send({"type": "http.response.body", "body": body})

    async def send(message: Message) -> None:
        pass

    asyncio.run(Inspector(app, sink=records.append)({**SCOPE}, None, send))  # type: ignore[arg-type]
    pair[1] = b"2"
    message["more"]["a"].append(2)
    body[:] = b"after."
    _, start, chunk, _ = records

    assert isinstance(start, Event)
    assert (start.get("headers"), start.get("more")) == ([(b"x-a", b"1")], {"a": [1]})
    assert isinstance(chunk, Event)
    assert (chunk.message["body"], chunk.content) == (bytearray(b"before"), b"before")


@pytest.mark.parametrize("scope", [[], "text", None, {}, {"type": 5, "headers": 7, "query_string": 8, "raw_path": []}])
def test_any_scope(scope: Any) -> None:
    """Whatever a server hands over, the app is called with it, and there is a record."""
    called: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        called.append(scope)

    records = recorded(app, scope)

    assert called[0] is scope
    kinds = [type(record) for record in records]
    assert kinds == ([Opened, Closed] if isinstance(scope, dict) else [Opened, Observed, Closed])


def test_checks() -> None:
    """Whose rules are checked is one of three words, or an error: nobody would notice another one."""
    with pytest.raises(ValueError, match="check is one of 'app', 'all', 'off', and not 'error'"):
        Inspector(lambda *_: None, check="error")  # type: ignore[arg-type]


def test_iterables_reach_the_app_and_the_server() -> None:
    """Subprotocols, links and headers of any kind that can be gone through once arrive whole."""
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(list(scope["subprotocols"]))
        links = iter([b"</a>"])
        message = {"type": "http.response.early_hint", "links": links}
        await send(message)
        await send(OrderedDict(type="http.response.start", status=200, headers=(pair for pair in [(b"a", b"b")])))
        seen.append(message["links"] is links)

    async def send(message: Message) -> None:
        seen.append([list(value) for key, value in message.items() if key in ("links", "headers")])

    scope = {**SCOPE, "type": "websocket", "subprotocols": iter(["chat"])}
    asyncio.run(Inspector(app, sink=lambda _: None)(scope, None, send))  # type: ignore[arg-type]

    assert seen == [["chat"], [[b"</a>"]], [[(b"a", b"b")]], True]


@pytest.mark.parametrize("side", ["receive", "send"])
def test_exceptions_of_the_server(side: str) -> None:
    """What `receive` or `send` raises reaches the app as it is, and is recorded."""
    error = OSError("gone")
    records: list[Record] = []
    caught: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await (receive() if side == "receive" else send({"type": "http.response.start"}))
        except OSError as raised:
            caught.append(raised)

    async def fail(*_: Message) -> Any:
        raise error

    asyncio.run(
        Inspector(app, sink=records.append)({**SCOPE, "headers": [(b"authorization", b"Basic \xff")]}, fail, fail)
    )

    assert caught == [error]
    (raised,) = (record for record in records if isinstance(record, Raised))
    assert (raised.direction, str(raised.error)) == (side, "OSError: gone")
    assert isinstance(records[-1], Closed)


class Nasty(Exception):  # noqa: N818  # only its looks are bad
    """An exception that cannot be looked at."""

    def __str__(self) -> str:
        raise SystemExit("no")


def test_exceptions_that_cannot_be_looked_at() -> None:
    """An exception comes out as it is, also where its text, or the secrets of its request, cannot be read."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise Nasty

    async def main() -> None:
        await Inspector(app)({"type": "http", "headers": [(b"authorization", b"Basic \xff")]}, None, None)  # type: ignore[arg-type]

    with pytest.raises(Nasty):
        asyncio.run(main())


def test_the_servers_log(caplog: pytest.LogCaptureFixture) -> None:
    """The server logs the exception that it has caught, its own stack, without the secrets of the request."""
    caplog.set_level(logging.ERROR)
    logger = logging.getLogger("tests.server")
    formatter = logging.Formatter("%(message)s")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError(f"cannot use {scope['headers'][0][1].decode()} in {scope['path']}")

    inspector = Inspector(app, sink=lambda _: None)
    logger.addFilter(WithoutSecrets(inspector, is_shown=True))
    for path in ("/one", "/two"):
        try:
            asyncio.run(inspector({"type": "http", "path": path, "headers": [(b"cookie", b"SECRET")]}, None, None))  # type: ignore[arg-type]
        except ValueError as error:
            logger.exception("failed", exc_info=error)
    logger.error("other", exc_info=KeyError("another"))
    logger.error("no exception")
    WithoutSecrets(Inspector(app), is_shown=False).filter(caplog.records[-1])
    texts = [formatter.format(record) for record in caplog.records]

    assert [text.splitlines()[-1] for text in texts] == [
        "ValueError: cannot use *** in /one",
        "ValueError: cannot use *** in /two",
        "KeyError: 'another'",
        "no exception",
    ]
    assert [text.splitlines()[0] for text in texts] == ["failed", "failed", "other", "no exception"]
    assert [getattr(record, "is_shown", False) for record in caplog.records] == [True, True, False, False]
    assert str(vars(caplog.records[0])["failure"]) == "ValueError: cannot use *** in /one"


def test_text_is_cut_by_its_bytes() -> None:
    """The limit of a message counts bytes, and no letter is cut in half."""
    (event,) = exchange_of(
        {"type": "websocket.send", "text": "ü" * 10}, scope={"type": "websocket"}, body_limit=5
    ).events

    assert (event.size, event.content, event.cut) == (20, "üü", True)


def test_event_streams_by_any_name() -> None:
    """A stream of events is known by its type, in whatever case and shape its header comes."""
    start = {"type": "http.response.start", "status": 200, "headers": [[b"Content-Type", b"text/event-stream"]]}
    chunk = {"type": "http.response.body", "body": b"12345", "more_body": True}
    exchange = exchange_of(start, chunk, chunk, body_limit=5)

    assert [event.cut for event in exchange.events] == [False, False, False]


def test_without_a_sink() -> None:
    """An inspector that nobody told where to put its records keeps the latest exchanges."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def send(message: Message) -> None: ...

    inspector = Inspector(app)
    asyncio.run(inspector({**SCOPE}, None, send))  # type: ignore[arg-type]

    assert [exchange.status for exchange in inspector.sink.exchanges] == [204]


def test_memory_forgets_the_oldest() -> None:
    """Memory keeps so many exchanges, so many events of each, and so many bytes, and counts right for ever."""
    memory = Memory(exchanges=3, events=4, size=100)
    for number in range(9):
        memory(Opened(number, 0.0, {}))
    assert [exchange.id for exchange in memory.exchanges] == [6, 7, 8]

    def send(number: int, size: int) -> None:
        body = {"type": "http.response.body", "body": bytes(size), "more_body": True}
        memory(Event(number, 1, 0.0, "send", body, size=size))

    for _ in range(6):
        send(8, 1)
    assert [(exchange.id, len(exchange.events), exchange.left_out) for exchange in memory.exchanges][-1] == (8, 4, 2)
    send(6, 101)  # the oldest itself is too big
    assert [exchange.id for exchange in memory.exchanges] == [7, 8]
    send(7, 90)
    assert [exchange.id for exchange in memory.exchanges] == [7, 8]
    send(7, 7)
    assert [exchange.id for exchange in memory.exchanges] == [8]
    memory(Opened(9, 0.0, {}))
    send(9, 90)
    assert [exchange.id for exchange in memory.exchanges] == [8, 9]


def test_memory_keeps_the_answer() -> None:
    """However many messages there are, or exceptions of `send`, how it is answered is kept, and when that ended."""
    memory = Memory(events=5)
    memory(Opened(1, 0.0, {"type": "http"}))
    for number in range(1, 20):
        memory(Event(1, number, 0.0, "receive", {"type": "http.request", "more_body": True}))
    memory(Event(1, 20, 0.0, "send", {"type": "http.response.start", "status": 201}))
    for number in range(21, 30):
        memory(Event(1, number, 1.0 * number, "send", {"type": "http.response.body"}))
    memory(Closed(1, 90.0))
    (exchange,) = memory.exchanges

    assert (exchange.status, exchange.ms, len(exchange.events), exchange.left_out) == (201, 21.0, 9, 20)


def test_whether_a_request_is_whole() -> None:
    """A request can be sent again only where all of it is known."""
    opened, request, *others = REQUEST
    assert isinstance(opened, Opened)
    assert isinstance(request, Event)
    announced = replace(opened, scope={**opened.scope, "headers": [(b"content-length", b"21")]})
    more = replace(request, message={**request.message, "more_body": True})

    def whole(*records: Record) -> bool:
        (exchange,) = assembled(records).values()
        return exchange.is_request_whole

    assert whole(*REQUEST)
    assert whole(opened, Closed(7, 1.0))
    assert not whole(announced, Closed(7, 1.0))
    assert not whole(opened, more, Closed(7, 1.0))
    assert not whole(opened, replace(request, cut=True), *others)
    assert not whole(opened, *others)


def test_names_are_no_letters() -> None:
    """One name instead of a list of names is a mistake, and not its letters."""
    with pytest.raises(TypeError, match="'token'"):
        Redactor("token")


def test_odd_objects_by_their_type() -> None:
    """What ASGI has no type for is recorded by its class; what is no message, too."""
    exchange = exchange_of({"type": "http.response.debug", "info": {"template": object(), 5: {1}}}, 7)

    assert exchange.events[0].get("info") == {"template": Opaque("object"), 5: Opaque("set")}
    assert (exchange.events[1].message, exchange.events[1].type) == (7, "?")


def test_links_that_can_be_gone_through_once() -> None:
    """Links that an app sends as a generator are in the record, without their secrets."""
    links = (link for link in [b"</a?token=x>", b"</b>"])
    exchange = exchange_of({"type": "http.response.early_hint", "links": links}, redact=["token"])

    assert exchange.events[0].get("links") == [b"</a?token=***>", b"</b>"]


@pytest.mark.parametrize("headers", [5, None, "text", {b"a": b"b"}, object()], ids=lambda it: type(it).__name__)
def test_headers_that_are_none(headers: Any) -> None:
    """An app whose headers are none, and that raises then, has its error with all that it says."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.trailers", "headers": [(b"set-cookie", b"a=SECRET")]})
        raise ValueError("cannot use SECRET")

    (exchange,) = assembled(recorded(app, SCOPE)).values()

    assert exchange.error is not None
    assert (exchange.error.type, exchange.error.message) == ("ValueError", "cannot use ***")
    assert exchange.error.traceback.endswith("ValueError: cannot use ***\n")


def test_stacks_begin_in_the_app() -> None:
    """The stack of an exception begins in the app, without the frames of the inspector."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise LookupError

    (exchange,) = assembled(recorded(app, SCOPE)).values()

    assert exchange.error is not None
    lines = exchange.error.traceback.splitlines()
    assert (str(exchange.error), exchange.error.message) == ("LookupError", "")
    assert (lines[0], lines[-1]) == ("Traceback (most recent call last):", "LookupError")
    assert [line.rpartition("/")[2] for line in lines if line.startswith("  File ")] == [
        f'test_recorder.py", line {app.__code__.co_firstlineno + 2}, in app'
    ]


def test_exchanges_are_numbered() -> None:
    """Exchanges are numbered from where it is asked for, and a replay names what it repeats."""
    records: list[Record] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        return

    inspector = Inspector(app, sink=records.append, first_id=5)
    asyncio.run(inspector({"type": "http"}, None, None))  # type: ignore[arg-type]
    inspector.replay_of = 2
    asyncio.run(inspector({"type": "http"}, None, None))  # type: ignore[arg-type]

    assert [(one.id, one.replay_of) for one in records if isinstance(one, Opened)] == [(5, None), (6, 2)]
    assert [one.id for one in records if isinstance(one, Closed)] == [5, 6]


def test_cancelled() -> None:
    """A call that is cancelled is recorded as cancelled, and as no failure."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(0)

    records: list[Record] = []
    inspector = Inspector(app, sink=records.append)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(inspector({"type": "http"}, None, None))  # type: ignore[arg-type]
    closed = records[-1]

    assert isinstance(closed, Closed)
    assert (closed.error, closed.cancelled, inspector.latest_failure) == (None, True, None)


def test_an_app_that_raises_a_cancellation() -> None:
    """A `CancelledError` that nobody has asked for is an exception like any other: the client gets a 500."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise asyncio.CancelledError

    records: list[Record] = []
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(Inspector(app, sink=records.append)({"type": "http"}, None, None))  # type: ignore[arg-type]
    exchange = assembled(records)[0]

    assert (str(exchange.error), exchange.status) == ("asyncio.exceptions.CancelledError", 500)


def test_a_cancellation_outside_of_a_loop() -> None:
    """An app that another kind of loop runs is recorded as cancelled."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise asyncio.CancelledError

    records: list[Record] = []
    call = Inspector(app, sink=records.append)({"type": "http"}, None, None)  # type: ignore[arg-type]
    with pytest.raises(asyncio.CancelledError):
        call.send(None)

    assert [record.cancelled for record in records if isinstance(record, Closed)] == [True]


def test_a_message_with_text_and_bytes() -> None:
    """Where a message has both, the size is that of the bytes, which servers send."""
    message = {"type": "websocket.send", "text": "aaa", "bytes": b"b"}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(message)

    sent = [one for one in recorded(app, {"type": "websocket"}) if isinstance(one, Event)]

    assert [(one.message, one.content, one.size) for one in sent] == [(message, b"b", 1)]


class Hollow(Exception):  # noqa: N818  # only its looks are bad
    """An exception whose cause cannot be asked for."""

    @property
    def __cause__(self) -> Any:  # type: ignore[override]
        raise SystemExit("no")


class Locked(dict[str, Any]):
    """A message that cannot be copied."""

    def __iter__(self) -> Any:
        raise LookupError("no")

    def keys(self) -> Any:
        """Fail."""
        raise LookupError("no")


def test_what_cannot_be_recorded() -> None:
    """An exception and a message that cannot be looked at are recorded by their classes, and pass all the same."""
    message = Locked(type="http.response.start")
    sent: list[Any] = []
    records: list[Record] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(message)
        raise Hollow("why")

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(Hollow, match="why"):
        asyncio.run(Inspector(app, sink=records.append)({"type": "http"}, None, send))  # type: ignore[arg-type]
    _, event, closed = records

    assert sent[0] is message
    assert isinstance(event, Event)
    assert event.message == Opaque(f"{__name__}.Locked")
    assert isinstance(closed, Closed)
    assert closed.error == Failure(f"{__name__}.Hollow", "", "")


def test_keys_of_any_type() -> None:
    """Keys of derived classes are recorded as what they are derived from, other objects by their class."""
    odd = {HTTPStatus.OK: [1], Text("a"): [2], (1, 2): [3]}

    assert exchange_of({"type": "x", "odd": odd}).events[0].get("odd") == {200: [1], "a": [2], Opaque("tuple"): [3]}


def test_memory_of_what_is_forgotten() -> None:
    """What still comes of an exchange that was forgotten is not kept."""
    memory = Memory(exchanges=1)
    for record in (
        Opened(1, 0.0, {}),
        Opened(2, 0.0, {}),
        Event(1, 1, 1.0, "send", {"body": b"x"}, size=1),
        Closed(1, 2.0),
    ):
        memory(record)

    assert [(exchange.id, exchange.events) for exchange in memory.exchanges] == [(2, [])]
    with pytest.raises(KeyError):
        memory[1]

"""With an inspector around it an app gets the same, and sends the same, as without."""

import asyncio
import contextvars
import tracemalloc
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgictl import Inspector
from asgictl.asgi import ASGIApp, Message, Receive, Scope, Send
from asgictl.inspector.record import Event, Record
from asgictl.inspector.record.memory import Memory
from asgictl.inspector.request import Check

# Without any rules, and with all of them.
CHECKS: tuple[Check, ...] = ("off", "all")
checks = pytest.mark.parametrize("check", CHECKS)


class Once:
    """An iterable that can be gone through once."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = iter(items)

    def __iter__(self) -> Iterator[Any]:
        return self._items


SHAPES: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": lambda pairs: (pair for pair in pairs),
    "iterator": iter,
    "map": lambda pairs: map(tuple, pairs),
    "own": Once,
    "list of iterators": lambda pairs: [iter(pair) for pair in pairs],
    "iterator of iterators": lambda pairs: map(iter, pairs),
}


class CrashError(Exception):
    """What an app of these tests raises."""


class GoneError(OSError):
    """What a server of these tests raises out of `send`."""


class Outcome:
    """What a server sees of a call: the messages with their headers read, how it ended, the scope's keys."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.received: list[Any] = []
        self.raised: BaseException | None = None
        self.returned: Any = None
        self.scope: list[str] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and self._facts() == other._facts()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._facts())

    def _facts(self) -> tuple[Any, ...]:
        raised = (type(self.raised), self.raised.args) if self.raised is not None else None
        return self.sent, self.received, raised, self.returned, self.scope


def materialised(message: Any) -> Any:
    """Return a message as a server reads it: every iterable gone through, once."""
    if not isinstance(message, dict):
        return message
    found = {}
    for key, value in message.items():
        if key in ("headers", "links", "subprotocols") and isinstance(value, Iterable):
            found[key] = [item if isinstance(item, bytes) else tuple(item) for item in value]
        else:
            found[key] = value
    return found


async def called(app: ASGIApp, scope: Scope, messages: list[Message], *, send_fails_at: int | None = None) -> Outcome:
    """Call an app as a server would."""
    outcome = Outcome()
    waiting = list(messages)

    async def receive() -> Message:
        await asyncio.sleep(0)
        message = waiting.pop(0) if waiting else {"type": "http.disconnect"}
        outcome.received.append(message)
        return message

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        outcome.sent.append(materialised(message))
        if send_fails_at is not None and len(outcome.sent) > send_fails_at:
            raise GoneError("client has gone")

    try:
        outcome.returned = await app(scope, receive, send)  # type: ignore[func-returns-value]
    except BaseException as error:  # noqa: BLE001  # that is what is compared
        outcome.raised = error
    outcome.scope = list(scope)
    return outcome


def compare(
    app: ASGIApp, scope: Callable[[], Scope], messages: Callable[[], list[Message]], *, send_fails_at: int | None = None
) -> None:
    """Call an app without and with an inspector, and compare all that a server can see."""
    plain = asyncio.run(called(app, scope(), messages(), send_fails_at=send_fails_at))
    for check in CHECKS:
        records: list[Record] = []
        inspector = Inspector(app, sink=records.append, check=check, info=True)
        seen = asyncio.run(called(inspector, scope(), messages(), send_fails_at=send_fails_at))

        assert seen == plain
        assert records


def viewed(data: bytes) -> memoryview:
    """Return a view of some bytes."""
    return memoryview(data)


names = st.sampled_from([b"content-type", b"Set-Cookie", b"set-cookie", b"X-A", b"x-a", b"authorization", b"location"])
header = st.tuples(names, st.binary(max_size=12)).map(lambda pair: pair)
odd = st.one_of(st.none(), st.integers(), st.text(max_size=4), st.just(b"x"), st.lists(st.integers(), max_size=2))
more = st.one_of(st.booleans(), st.none(), st.just(1))
content = st.one_of(
    st.binary(max_size=40),
    st.binary(max_size=40).map(bytearray),
    st.binary(max_size=9).map(viewed),
    st.text(max_size=9),
)
start = st.fixed_dictionaries(
    {"type": st.just("http.response.start"), "status": st.one_of(st.integers(100, 599), odd)},
    optional={"headers": st.tuples(st.sampled_from(sorted(SHAPES)), st.lists(header, max_size=5)), "trailers": more},
)
body = st.fixed_dictionaries(
    {"type": st.sampled_from(["http.response.body", "websocket.send"])},
    optional={
        "body": content,
        "more_body": more,
        "text": st.one_of(st.none(), st.text()),
        "bytes": content,
        "extra": odd,
    },
)
others = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("http.response.trailers"), "headers": st.lists(header), "more_trailers": more}
    ),
    st.fixed_dictionaries({"type": st.just("http.response.pathsend"), "path": st.text()}),
    st.fixed_dictionaries(
        {
            "type": st.just("http.response.early_hint"),
            "links": st.tuples(st.sampled_from(sorted(SHAPES)), st.lists(st.binary(max_size=9), max_size=3)),
        }
    ),
    st.fixed_dictionaries({"type": st.just("websocket.accept"), "subprotocol": st.one_of(st.none(), st.text())}),
    st.fixed_dictionaries({"type": st.just("websocket.close"), "code": st.integers(), "reason": st.text()}),
    st.dictionaries(st.one_of(st.text(max_size=5), st.integers()), odd),
    odd,
)
steps = st.lists(st.one_of(start, body, others, st.sampled_from(["receive", "raise"])), max_size=8)


def made(step: Any) -> Any:
    """Return a message with its iterables made anew, for they can be gone through once."""
    if not isinstance(step, dict):
        return step
    return {
        key: SHAPES[value[0]](value[1]) if key in ("headers", "links") and isinstance(value, tuple) else value
        for key, value in step.items()
    }


@settings(max_examples=200, deadline=None)
@given(
    script=steps,
    headers=st.lists(header, max_size=4),
    shape=st.sampled_from(sorted(SHAPES)),
    query=st.one_of(st.binary(max_size=20), st.text(max_size=5), st.none()),
    kind=st.sampled_from(["http", "websocket", "lifespan", "unknown"]),
    fails_at=st.one_of(st.none(), st.integers(0, 3)),
)
def test_whatever_passes(
    script: list[Any], headers: list[Any], shape: str, query: Any, kind: str, fails_at: int | None
) -> None:
    """Whatever an app sends, rightly or wrongly, the server gets, and the app gets what the server gives."""

    async def app(scope: Scope, receive: Receive, send: Send) -> Any:
        got = [materialised(dict(scope))]
        for step in script:
            if step == "raise":
                raise CrashError("as written")
            if step == "receive":
                got.append(await receive())
            else:
                await send(made(step))
        return got

    def scope() -> Scope:
        return {"type": kind, "path": "/x", "query_string": query, "headers": SHAPES[shape](headers), "state": {"a": 1}}

    def messages() -> list[Message]:
        return [{"type": "http.request", "body": b"abc", "more_body": True}, {"type": "http.request", "body": b""}]

    compare(app, scope, messages, send_fails_at=fails_at)


def test_a_type_that_cannot_be_hashed() -> None:
    """An app gets what its server gives, also where that is no message at all."""

    async def app(scope: Scope, receive: Receive, send: Send) -> Any:
        return [await receive(), await receive(), await receive()]

    compare(app, lambda: {"type": []}, lambda: [{"type": []}, 5])  # type: ignore[list-item]  # what no server gives


class Hostile:
    """An object that does not answer any question."""

    def __eq__(self, other: object) -> bool:
        raise CrashError("not to be compared")

    __hash__ = None  # type: ignore[assignment]

    @property
    def closed(self) -> bool:
        """Raise what ends a task."""
        raise asyncio.CancelledError

    fileno = closed


def test_objects_that_do_not_answer() -> None:
    """No question that is asked of the app's objects has an effect on the app, or on what its server sees."""
    file = Hostile()

    async def app(scope: Scope, receive: Receive, send: Send) -> Any:
        scope["extensions"] = {"own": [Hostile()]}
        scope["headers"] = [(b"a", Hostile())]
        scope["path"] = Hostile()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"set-cookie", 5), (b"x", b"y")]})
        await send({"type": "http.response.zerocopysend", "file": file})
        return 1

    def scope() -> Scope:
        extensions = {"own": [Hostile()]}
        return {"type": "http", "path": "/", "headers": [(b"a", Hostile())], "extensions": extensions}

    compare(app, scope, list)


def test_headers_that_do_not_answer() -> None:
    """A message with a header whose value cannot be compared is kept as a message."""
    records: list[Record] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", Hostile())]})

    asyncio.run(called(Inspector(app, sink=records.append), {"type": "http"}, []))

    (event,) = [record for record in records if isinstance(record, Event)]
    assert (event.type, event.get("status")) == ("http.response.start", 200)
    assert [name for name, _ in event.get("headers")] == [b"x-a"]


async def answer(send: Send, *chunks: bytes, **start: Any) -> None:
    """Send a response in chunks."""
    await send({"type": "http.response.start", "status": 200, **start})
    for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body"})


@checks
def test_the_same_objects_pass(check: Check) -> None:
    """Scope and messages are passed on themselves, and nothing is added to the scope."""
    scope = {"type": "http", "headers": [(b"a", b"b")]}
    message = {"type": "http.request", "body": b"x"}
    sent = {"type": "http.response.start", "status": 204, "headers": [(b"A", b"b")]}
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([scope, await receive()])
        await send(sent)

    async def receive() -> Message:
        return message

    async def send(message: Message) -> None:
        seen.append(message)

    asyncio.run(Inspector(app, sink=lambda _: None, check=check)(scope, receive, send))

    assert [id(one) for one in seen] == [id(scope), id(message), id(sent)]
    assert list(scope) == ["type", "headers"]


@checks
def test_exceptions_pass_as_they_are(check: Check) -> None:
    """The exception that the app raises comes out, the very object, with its cause."""
    error = CrashError("boom")
    error.__cause__ = ValueError("why")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    async def main() -> None:
        await Inspector(app, check=check)({"type": "http"}, None, None)  # type: ignore[arg-type]

    with pytest.raises(CrashError) as caught:
        asyncio.run(main())

    assert caught.value is error
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize(
    "wrap",
    [lambda app: app, Inspector, lambda app: Inspector(app, check="all", info=True)],
    ids=["plain", "inspected", "judged"],
)
def test_cancellation(wrap: Callable[[ASGIApp], ASGIApp]) -> None:
    """A task that is cancelled while the app waits is cancelled, and the app cleans up and may still send."""
    events: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await receive()
        except asyncio.CancelledError as error:
            events.append(f"cancelled {error.args}")
            await send({"type": "http.response.start", "status": 503})
            raise

    async def main() -> None:
        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            events.append(message["type"])

        call: Awaitable[None] = wrap(app)({"type": "http"}, receive, send)
        task = asyncio.ensure_future(call)
        await asyncio.sleep(0)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task
        events.append(f"{task.cancelled()}")

    asyncio.run(main())

    assert events == ["cancelled ('enough',)", "http.response.start", "True"]


@checks
def test_context_and_task(check: Check) -> None:
    """The app runs in the server's task and context: variables go in and come out, and no task is added."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([variable.get(), asyncio.current_task(), len(asyncio.all_tasks())])
        variable.set("from the app")

    async def main() -> None:
        variable.set("from the server")
        await Inspector(app, check=check)({"type": "http"}, None, None)  # type: ignore[arg-type]
        seen.extend([variable.get(), asyncio.current_task()])

    asyncio.run(main())

    assert (seen[0], seen[2], seen[3]) == ("from the server", 1, "from the app")
    assert seen[1] is seen[4]


@checks
def test_a_sink_that_fails(check: Check, caplog: pytest.LogCaptureFixture) -> None:
    """A sink of the user's that fails is logged, and the request goes on."""

    def sink(record: Record) -> None:
        raise CrashError("disk full")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, b"x")

    outcome = asyncio.run(called(Inspector(app, sink=sink, check=check), {"type": "http"}, []))

    assert [message["type"] for message in outcome.sent] == ["http.response.start", *["http.response.body"] * 2]
    assert {record.getMessage() for record in caplog.records} == {"the sink of an asgictl.Inspector failed"}


@checks
@pytest.mark.parametrize("side", ["up", "down"])
def test_100_megabytes_need_no_memory(side: str, check: Check) -> None:
    """100 MB through an inspector keep a body's limit in memory, and are counted to the last byte."""
    chunk, count = bytes(64 * 1024), 1600
    memory = Memory()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if side == "up":
            while (await receive()).get("more_body"):
                pass
            await answer(send)
        else:
            await send({"type": "http.response.start", "status": 200})
            for left in reversed(range(count)):
                await send({"type": "http.response.body", "body": bytes(chunk), "more_body": left > 0})

    async def main() -> None:
        left = count

        async def receive() -> Message:
            nonlocal left
            left -= 1
            return {"type": "http.request", "body": bytearray(chunk), "more_body": left > 0}

        async def send(message: Message) -> None:
            pass

        await Inspector(app, sink=memory, check=check)({"type": "http", "path": "/"}, receive, send)

    tracemalloc.start()
    try:
        asyncio.run(main())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (exchange,) = memory.exchanges

    assert peak < 8 * 1024 * 1024
    assert exchange.left_out + len(exchange.events) >= count
    assert exchange.is_cut

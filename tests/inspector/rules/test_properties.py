"""What holds of all conversations: nothing is said of legal ones, any change is told, and nothing makes it fail."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from asgictl import Inspector
from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.inspector.record import FACTS, Closed, Event, Failure, Finding, Observed, Opaque, Opened, Raised, Record
from asgictl.inspector.rules import catalogue
from asgictl.inspector.rules.referee import Referee
from tests.inspector.rules import conversations
from tests.inspector.rules.calls import STARTED, STARTUP, Call, found, lifespan
from tests.inspector.rules.conversations import Mutation

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
FEW = settings(max_examples=40, deadline=None, phases=PHASES)
MANY = settings(max_examples=100, deadline=None, phases=PHASES)

BEGUN = lifespan(STARTUP, steps=(None, STARTED, None))


@FEW
@given(st.lists(st.one_of(conversations.requests(), conversations.chats()), min_size=1, max_size=4))
def test_legal_conversations(calls: list[Call]) -> None:
    """Nothing is said of requests and WebSockets that are as they should be."""
    assert found(calls, info=False) == []


@settings(max_examples=10, deadline=None, phases=PHASES)
@given(conversations.lifespans(), st.lists(conversations.requests(), max_size=2))
def test_legal_lifespans(one: Call, calls: list[Call]) -> None:
    """Nothing is said of lifespans, and of what comes between their beginning and their end."""
    assert found([BEGUN, *calls], info=False) == []
    assert found([one], info=False) == []


KINDS = {
    "requests": (conversations.requests(), conversations.OF_REQUESTS),
    "chats": (conversations.chats(), conversations.OF_CHATS),
    "lifespans": (conversations.lifespans(), conversations.OF_LIFESPANS),
}
MUTATIONS = [
    pytest.param(strategy, mutation, id=f"{mutation.rule} {mutation.name}")
    for strategy, mutations in KINDS.values()
    for mutation in mutations
    if mutation.rule in catalogue.rules()
]


@pytest.mark.parametrize(("strategy", "mutation"), MUTATIONS)
def test_one_illegal_change(strategy: st.SearchStrategy[Call], mutation: Mutation) -> None:
    """A change that breaks a rule is told of by that rule, whatever the conversation was."""

    @settings(max_examples=5, deadline=None, phases=PHASES)
    @given(strategy)
    def changed(call: Call) -> None:
        one = mutation.change(call)
        assume(one is not None)
        assert one is not None
        assert mutation.rule in {finding.rule for finding in found([one], info=False)}

    changed()


class Nasty:
    """An object that nothing can be asked of."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")

    def __bool__(self) -> bool:
        raise RuntimeError("neither true nor false")

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError("not to be gone through")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    __hash__ = object.__hash__


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-(2**63) - 1, 200, 1000]),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["http", "websocket", "lifespan", "/", "http.request", "\ud800", "GET", "2", "chat"]),
    st.binary(max_size=6),
    st.binary(max_size=3).map(bytearray),
)
atoms = st.one_of(plain, st.builds(object), st.builds(Nasty), st.builds(lambda: 10**5000))
keys = st.one_of(st.text(max_size=4), st.integers(), st.binary(max_size=3), st.none(), st.tuples(st.integers()))


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return values that may hold others."""
    containers = st.one_of(
        st.lists(leaves, max_size=3), st.tuples(leaves, leaves), st.dictionaries(keys, leaves, max_size=3)
    )
    return st.one_of(leaves, containers, st.lists(containers, max_size=2))


values = nested(atoms)
pairs = st.lists(
    st.one_of(values, st.tuples(st.binary(max_size=5), st.binary(max_size=5)), st.tuples(atoms, atoms)), max_size=4
)

TYPES = (
    *("http.request", "http.disconnect", "websocket.connect", "websocket.receive", "websocket.disconnect"),
    *("lifespan.startup", "lifespan.shutdown", "http.response.start", "http.response.body", "http.response.push"),
    *("http.response.zerocopysend", "http.response.pathsend", "http.response.early_hint", "http.response.trailers"),
    *("http.response.debug", "websocket.accept", "websocket.send", "websocket.close", "websocket.http.response.start"),
    *("websocket.http.response.body", "lifespan.startup.complete", "lifespan.startup.failed"),
    *("lifespan.shutdown.complete", "lifespan.shutdown.failed"),
)
KEYS = (
    *("status", "headers", "trailers", "body", "more_body", "path", "file", "offset", "count", "links", "info"),
    *("more_trailers", "subprotocol", "bytes", "text", "code", "reason", "message"),
)
SCOPE = (
    *("asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path", "headers", "client"),
    *("server", "state", "extensions", "subprotocols"),
)

named = st.dictionaries(st.sampled_from(KEYS), st.one_of(values, pairs), max_size=4)
messages = st.one_of(
    values,
    st.builds(lambda kind, some: {"type": kind, **some}, st.one_of(st.sampled_from(TYPES), values), named),
    st.builds(
        lambda kind, some, odd: {"type": kind, **some, **odd},
        st.sampled_from(TYPES),
        named,
        st.dictionaries(keys, values, max_size=2),
    ),
)
usual = st.fixed_dictionaries(
    {},
    optional={
        "asgi": st.fixed_dictionaries({}, optional={"version": values, "spec_version": values}),
        "extensions": st.dictionaries(
            st.sampled_from(["tls", "http.response.push", "http.response.trailers"]),
            st.one_of(
                values,
                st.dictionaries(
                    st.sampled_from(["server_cert", "client_cert_chain", "client_cert_name", "tls_version"]), values
                ),
            ),
        ),
        "client": st.tuples(values, values),
        "headers": pairs,
        "http_version": st.sampled_from(["1.1", "2"]),
    },
)
scopes = st.builds(
    lambda kind, some, more, odd: {"type": kind, **some, **more, **odd},
    st.one_of(st.sampled_from(["http", "websocket", "lifespan"]), values),
    st.dictionaries(st.sampled_from(SCOPE), st.one_of(values, pairs), max_size=6),
    usual,
    st.dictionaries(keys, values, max_size=1),
)


@contextlib.contextmanager
def nothing_logged() -> Iterator[None]:
    """Fail where the inspector logs anything: it does when a rule raises."""
    logged: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = logged.append  # type: ignore[assignment,method-assign]  # all it is for
    logger = logging.getLogger("asgictl.inspector")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    assert [record.exc_info for record in logged] == []


@MANY
@given(scopes, st.lists(messages, max_size=4), st.lists(messages, max_size=5), st.booleans())
def test_whatever_the_messages(scope: Any, received: list[Any], sent: list[Any], fails: bool) -> None:
    """Whatever is in a scope and in messages, everything is recorded, and nothing fails in the rules."""
    records: list[Record] = []
    waiting = list(received)

    async def receive() -> Message:
        message: Message = waiting.pop(0)
        return message

    async def send(message: Message) -> None:
        if fails and len(records) % 2:
            raise ValueError

    async def app(scope: Scope, receive: Receive, send: Send) -> Any:
        for message in sent:
            if waiting:
                await receive()
            with contextlib.suppress(ValueError):
                await send(message)
        while waiting:
            await receive()
        return Nasty() if fails else None

    with nothing_logged():
        asyncio.run(Inspector(app, sink=records.append, check="all", info=True)(scope, receive, send))

    told = [record for record in records if not isinstance(record, (Finding, Observed))]
    assert [type(record) for record in (told[0], told[-1])] == [Opened, Closed]
    assert sum(isinstance(record, Event) for record in told) == len(received) + len(sent)


# What a record, or a session that somebody has saved, may hold.
kept = nested(st.one_of(plain, st.builds(Opaque, st.text(max_size=5))))
kept_fields = st.dictionaries(st.sampled_from((*KEYS, *SCOPE)), kept, max_size=5)
kept_messages = st.builds(
    lambda kind, some: {"type": kind, **some}, st.one_of(st.sampled_from(TYPES), kept), kept_fields
)
kept_scopes = st.builds(
    lambda kind, some, odd: {"type": kind, **some, **odd},
    st.one_of(st.sampled_from(["http", "websocket", "lifespan"]), kept),
    kept_fields,
    st.dictionaries(keys, kept, max_size=1),
)
directions = st.sampled_from(["receive", "send"])
steps_told = st.one_of(
    st.tuples(st.just("event"), directions, st.one_of(kept_messages, kept)),
    st.tuples(st.just("fact"), st.sampled_from(FACTS), st.one_of(kept, directions, kept_fields)),
    st.tuples(st.just("raised"), directions, st.text(max_size=5)),
    st.tuples(st.just("closed"), st.booleans(), st.booleans()),
)


@MANY
@given(kept_scopes, st.lists(steps_told, max_size=8))
def test_whatever_the_records(scope: dict[Any, Any], steps: list[Any]) -> None:
    """Whatever a saved session says, in whatever order, nothing fails in the rules."""
    referee = Referee("all", info=True)
    n = 0
    with nothing_logged():
        referee.findings(Opened(0, 0.0, scope))
        for kind, first, second in steps:
            if kind == "event":
                n += 1
                record: Record = Event(0, n, 1.0, first, second)
            elif kind == "fact":
                record = Observed(0, n, 1.0, first, second)
            elif kind == "raised":
                record = Raised(0, n, 1.0, first, Failure(second, "", ""))
            else:
                record = Closed(0, 1.0, error=Failure("E", "", "") if first else None, cancelled=second)
            referee.findings(record)

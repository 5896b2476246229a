"""Edges of the rules for every scope, every message and every app."""

import asyncio
from collections.abc import Iterable
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as some

from asgictl import Inspector
from asgictl.asgi import Asgi2, Message, Receive, Scope, Send
from asgictl.inspector.record import FACTS, Closed, Event, Failure, Observed, Opaque, Opened, Raised, Record, Redacted
from asgictl.inspector.rules import catalogue
from asgictl.inspector.rules.example import CHAT, GET, LIFESPAN
from asgictl.inspector.rules.general import KEYS
from asgictl.inspector.rules.http_rules.http_case import HttpCase
from asgictl.inspector.rules.referee import Referee
from tests.inspector.rules.judged import findings_of

REQUEST = {"type": "http.request", "body": b"", "more_body": False}
START: Message = {"type": "http.response.start", "status": 204}
BODY: Message = {"type": "http.response.body"}
MORE: Message = {"type": "http.response.body", "more_body": True}


def judged(*records: Record, check: Any = "app") -> list[str]:
    """Return what is found of records."""
    referee = Referee(check, info=True)
    return [f"{one.rule} {one.blame} #{one.n} {one.text}" for record in records for one in referee.findings(record)]


def of(*messages: Any) -> list[str]:
    """Return what is found of an answer that has these messages in its middle."""
    sent = [{**START, "status": 200, "headers": [(b"content-type", b"text/plain")]}, MORE, *messages, BODY]
    return judged(Opened(0, 0.0, GET), *(Event(0, n, 0.0, "send", one, size=20) for n, one in enumerate(sent, 1)))


class TestMessages:
    """What is sent, whatever it is."""

    @pytest.mark.parametrize("message", [None, "http.response.body", 7, [], b"x", Opaque("app.Message")])
    def test_no_dict(self, message: Any) -> None:
        """What is not a dict is told of by its class, and by nothing else."""
        kind = "app.Message" if isinstance(message, Opaque) else type(message).__name__

        assert of(message) == [f"A-013 app #3 the message is an object of `{kind}`"]

    @pytest.mark.parametrize("kind", [None, b"http.response.body", 7, [], Opaque("app.Kind")])
    def test_no_type(self, kind: Any) -> None:
        """A type that is not text is told of once, and the rest of the message is not judged."""
        assert [one.split()[0] for one in of({"type": kind, "body": "text", "more_body": 1})] == ["A-014"]

    def test_a_type_like_another(self) -> None:
        """A misspelt type is told of with the one that it is like."""
        assert of({"type": "http.respone.body", "more_boddy": True}) == [
            "A-015 app #3 `http.respone.body` is not a message of this protocol: is `http.response.body` meant?"
        ]

    @pytest.mark.parametrize(
        ("key", "meant"),
        [
            ("more-body", "more_body"),
            ("More_Body", "more_body"),
            ("bodyy", "body"),
            ("more", None),
            ("test", None),
            ("x" * 500, None),
        ],
    )
    def test_keys_like_others(self, key: str, meant: str | None) -> None:
        """A key is told of where it is close to one that is missing."""
        found = judged(
            Opened(0, 0.0, GET), Event(0, 1, 0.0, "send", START), Event(0, 2, 0.0, "send", {**BODY, key: True})
        )

        assert found == ([f"A-021 app #2 `{key}` means nothing: is `{meant}` meant?"] if meant else [])

    def test_a_key_beside_the_one_that_it_is_like(self) -> None:
        """A key beside the one that it is like is another one."""
        assert of({**MORE, "body": b"x", "bodyy": b""}) == []

    def test_deep_inside(self) -> None:
        """What is deep inside of a key of the app's own is told of, each kind of fault once."""
        value = {"a": [{"b": Opaque("app.User")}, Opaque("app.User"), float("inf"), 2**64, -(2**63), {7: None}]}

        assert sorted(of({**MORE, "info": value})) == [
            "A-007 app #3 `info` has a key that is not a Unicode string",
            "A-017 app #3 `info` holds an object of `app.User`",
            "A-019 app #3 `info` is inf",
            "A-020 app #3 `info` is a number of 65 bits",
        ]

    def test_the_servers_messages(self) -> None:
        """The same faults of a server are the server's."""
        records = (
            Opened(0, 0.0, {**GET, 7: 8}),  # type: ignore[dict-item]
            Event(0, 1, 0.0, "receive", {**REQUEST, b"x": 1}),
            Event(0, 2, 0.0, "receive", START),
            Event(0, 3, 0.0, "receive", None),
            Observed(0, 3, 0.0, "tuple", "tags"),
        )

        assert judged(*records) == []
        assert judged(*records, check="all") == [
            "A-007 server #0 a key of the scope is 7 (int)",
            "A-007 server #1 a key of the message is b'x' (bytes), and not a Unicode string",
            "A-016 server #2 `http.response.start` is for the other direction",
            "A-013 server #3 the message is an object of `NoneType`",
            "A-018 server #3 `tags` is a tuple",
        ]


class TestApps:
    """What an app does beside its messages."""

    @pytest.mark.parametrize("kind", [None, 7, "http", "websocket", "lifespan"])
    def test_known_types(self, kind: Any) -> None:
        """An app returns from a scope whose type is known, and what has no type is not the app's fault."""
        assert not any(one.startswith("A-010") for one in judged(Opened(0, 0.0, {"type": kind}), Closed(0, 0.0)))

    def test_unknown_types(self) -> None:
        """An app that does nothing with an unknown type has at least not answered it."""
        referee = Referee(info=True)
        records: list[Record] = [Opened(0, 0.0, {"type": "telegraph"}), Closed(0, 0.0)]

        assert [one.severity for record in records for one in referee.findings(record)] == ["info"]

    def test_asgi_2_is_told_once(self) -> None:
        """An app of ASGI 2 is told of with its first connection."""

        def app(scope: Scope) -> Any:
            async def answer(receive: Receive, send: Send) -> None:
                await send(START)
                await send(BODY)

            return answer

        found: list[str] = []
        inspector = Inspector(
            Asgi2(app), check="app", on_finding=lambda one: found.append(f"{one.rule} {one.severity}")
        )

        async def receive() -> Message:
            return REQUEST

        async def send(message: Message) -> None:
            pass

        async def main() -> None:
            await inspector({**GET}, receive, send)
            await inspector({**GET}, receive, send)

        asyncio.run(main())

        assert found == ["A-009 warning"]

    def test_facts_are_told_once(self) -> None:
        """What is seen of each message is told of once."""
        facts = [Observed(0, n, 0.0, "overlap", "send") for n in range(5)]

        assert judged(Opened(0, 0.0, GET), *facts) == ["A-025 app #0 `send()` is called while another call of it waits"]

    def test_a_refused_websocket(self) -> None:
        """An app may refuse a WebSocket by an exception before anything else, as Django does."""
        error = Closed(0, 0.0, error=Failure("ValueError", "Django can only handle ASGI/HTTP connections", ""))
        connect = Event(0, 1, 0.0, "receive", {"type": "websocket.connect"})

        assert severities(Opened(0, 0.0, CHAT), error) == ["info"]
        assert severities(Opened(0, 0.0, CHAT), connect, error) == ["error"]
        assert severities(Opened(0, 0.0, GET), error) == ["error"]

    def test_equal_values(self) -> None:
        """A value of the scope that is replaced by an equal one is none that is changed."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["headers"] = list(scope["headers"])
            scope["path"] = scope["path"][:1]
            await send(START)
            await send(BODY)

        assert findings_of(app, GET, (REQUEST,)) == []

    def test_two_starts_in_two_requests(self) -> None:
        """Each connection is judged by itself, and after it has ended only for so long."""
        referee = Referee(info=True)
        for number in range(1200):
            for record in (Opened(number, 0.0, GET), Event(number, 1, 0.0, "send", START)):
                assert not referee.findings(record)
            referee.findings(Closed(number, 0.0))

        late = [referee.findings(Event(number, 2, 0.0, "send", BODY)) for number in (0, 1199)]
        assert [[one.rule for one in found] for found in late] == [[], ["A-023"]]


def severities(*records: Record) -> list[str]:
    """Return how serious is what is found of records."""
    referee = Referee(info=True)
    return [one.severity for record in records for one in referee.findings(record)]


KINDS = (*KEYS, "http.response.end", "", "telegraph")
ATOMS = some.one_of(
    *(some.none(), some.booleans(), some.integers(), some.floats(), some.text(max_size=5), some.binary(max_size=5)),
    *(some.just(Opaque("app.Thing")), some.just(Redacted(5)), some.just(bytearray(b"x")), some.just(memoryview(b"x"))),
)


def within(inner: some.SearchStrategy[Any]) -> some.SearchStrategy[Any]:
    """Return values that hold others."""
    return some.one_of(
        some.lists(inner, max_size=3),
        some.lists(inner, max_size=2).map(tuple),
        some.dictionaries(some.one_of(some.text(max_size=3), some.integers()), inner, max_size=2),
        some.lists(some.tuples(inner, inner), max_size=2),
    )


DETAILS = some.recursive(ATOMS, within, max_leaves=6)
VALUES = some.recursive(some.one_of(ATOMS, some.builds(lambda: 10**5000)), within, max_leaves=6)
NAMES = sorted({key for keys in KEYS.values() for key in keys})
MESSAGES = some.one_of(
    VALUES,
    some.builds(
        lambda kind, more: {"type": kind, **more},
        some.sampled_from(KINDS),
        some.dictionaries(some.one_of(some.sampled_from(NAMES), some.integers(), some.binary(max_size=3)), VALUES),
    ),
)
SCOPES = some.builds(
    lambda scope, more: {**scope, **more},
    some.sampled_from((GET, CHAT, LIFESPAN, {"type": "telegraph"}, {})),
    some.dictionaries(some.sampled_from((*GET, "extensions", "state")), VALUES, max_size=3),
)


@given(
    SCOPES, some.lists(some.tuples(some.booleans(), MESSAGES), max_size=6), DETAILS, some.sampled_from(("app", "all"))
)
def test_anything(scope: Any, messages: Iterable[tuple[bool, Any]], detail: Any, check: Any) -> None:
    """Whatever is recorded, it is judged, and not changed."""
    referee = Referee(check, info=True)
    before = safe(scope)
    with mock.patch("asgictl.inspector.rules.referee._logger") as logger:
        found = [*referee.findings(Opened(0, 0.0, scope))]
        for n, (is_sent, message) in enumerate(messages, 1):
            text = safe(message)
            found += referee.findings(Event(0, n, 0.0, "send" if is_sent else "receive", message))
            assert safe(message) == text
        for what in FACTS:
            found += referee.findings(Observed(0, 0, 0.0, what, detail))
        found += referee.findings(Closed(0, 0.0))

    assert logger.mock_calls == []
    assert safe(scope) == before
    assert {one.rule for one in found} <= catalogue.rules().keys()
    assert all(len(one.text) < 1000 for one in found)


def safe(value: Any) -> str:
    """Return a text for a value, which may hold a number of any size."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{safe(key)}: {safe(item)}' for key, item in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(safe, value))}]"
    if isinstance(value, memoryview):
        return repr(bytes(value))
    return hex(value) if type(value) is int else repr(value)


def test_an_app_that_sends_in_vain() -> None:
    """Of what `send` raises again and again little is kept, and it is known again when it ends the app."""
    case = HttpCase(Opened(0, 0.0, dict(GET)))
    for number in range(1000):
        case.raised(Raised(0, 1, 0.0, "send", Failure("shop.Gone", f"message {number}", "")))

    assert len(case.failures) <= 10
    assert [one.severity for one in case.closed(Closed(0, 1.0, error=Failure("shop.Gone", "message 999", "")))] == [
        "info"
    ]

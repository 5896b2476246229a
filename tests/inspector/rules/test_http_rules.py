"""Edges of the rules for answers over HTTP."""

import asyncio
from typing import Any

import pytest

from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.inspector.record import Closed, Event, Failure, Observed, Opened, Raised, Record
from asgictl.inspector.rules.example import GET
from asgictl.inspector.rules.http_rules import response_semantics
from asgictl.inspector.rules.referee import Referee
from tests.inspector.rules.judged import findings_of

REQUEST = {"type": "http.request", "body": b"", "more_body": False}
DISCONNECT = {"type": "http.disconnect"}
TEXT = (b"content-type", b"text/plain")
START: Message = {"type": "http.response.start", "status": 200, "headers": [TEXT]}
BODY: Message = {"type": "http.response.body", "body": b"Hello"}


def of(*sent: Any, received: tuple[Message, ...] = (REQUEST, DISCONNECT), **changes: Any) -> list[str]:
    """Return what is found of an app that reads one message, and sends these."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for message in sent:
            await send(message)

    found = findings_of(app, {**GET, **changes}, received)
    return [f"{one.rule} {one.severity} #{one.n} {one.text}" for one in found]


def start(status: Any, *headers: Any) -> Message:
    """Return the beginning of an answer."""
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def judged(*records: Record) -> list[str]:
    """Return what is found of records."""
    referee = Referee(info=True)
    return [f"{one.rule} {one.severity}" for record in records for one in referee.findings(record)]


class TestStatus:
    """The status, and what belongs to it."""

    @pytest.mark.parametrize("status", [True, "200", 200.0, None, [200], {"status": 200}])
    def test_no_integer(self, status: Any) -> None:
        """A status that is not an integer is an error, a boolean as well."""
        assert [one.split()[0] for one in of(start(status, TEXT), BODY)] == ["A-141"]

    @pytest.mark.parametrize("status", [0, -1, 100, 103, 199, 600, 2**70])
    def test_out_of_range(self, status: int) -> None:
        """A status of no class is a warning each time, though its headers are known already."""
        for _ in range(2):
            assert [one.split()[0] for one in of(start(status), {"type": "http.response.body"})] == ["A-142"]

    @pytest.mark.parametrize(
        ("status", "header"),
        [
            (301, "location"),
            (308, "location"),
            (401, "www-authenticate"),
            (405, "allow"),
            (407, "proxy-authenticate"),
            (426, "upgrade"),
        ],
    )
    def test_companions(self, status: int, header: str) -> None:
        """A status that has to come with a header is told of without it, and not with it, in whatever letters."""
        body = {"type": "http.response.body"}

        assert of(start(status), body) == [f"A-171 warning #2 the answer has the status {status}, and no `{header}`"]
        assert of(start(status, (header.encode(), b"x")), body) == []

    @pytest.mark.parametrize("status", [300, 304, 305, 306])
    def test_redirections_without_a_target(self, status: int) -> None:
        """Not every 3xx has a target."""
        assert of(start(status), {"type": "http.response.body"}) == []

    def test_unsatisfiable_range(self) -> None:
        """The RFC only recommends `Content-Range` with 416."""
        assert of(start(416), {"type": "http.response.body"}) == [
            "A-171 info #2 the answer has the status 416, and no `content-range`"
        ]


class TestHeaders:
    """Headers by themselves."""

    def test_all_faults_of_a_list(self) -> None:
        """Each header is told of, with its name, in order."""
        headers = [(b"X-Up", b"1"), (b":path", b"/"), (b"a b", b"1"), ("x", b"1"), (b"x", b"a\nb"), (b"x", b"1 "), 7]

        assert of(start(200, TEXT, *headers), BODY) == [
            "A-145 info #2 `X-Up` is not in lower case",
            "A-146 error #2 `:path` is a pseudo header",
            "A-148 warning #2 b'a b' cannot be the name of a header",
            "A-144 error #2 the name of a header is str, and not bytes",
            "A-149 error #2 the value of `x` has a line break, or NUL",
            "A-150 warning #2 the value of `x` begins or ends with white space",
            "A-143 error #2 the headers have an object of `int` that is not a pair of name and value",
        ]

    @pytest.mark.parametrize("headers", [None, "content-type: text/plain", b"", 5, {b"content-type": b"text/plain"}])
    def test_no_list(self, headers: Any) -> None:
        """Headers that are not a list are told of once, and nothing is said of what is in them."""
        found = of({**START, "headers": headers}, BODY)

        assert [one.split()[0] for one in found] == ["A-143"]

    @pytest.mark.parametrize(
        "headers", [(), [], (TEXT,), [[b"content-type", b"text/plain"]], iter([iter(TEXT)]), {TEXT}]
    )
    def test_iterables(self, headers: Any) -> None:
        """Headers may be any iterable of iterables of two."""
        found = of({**START, "headers": headers}, {"type": "http.response.body"})

        assert found == []

    def test_capitals_over_http2(self) -> None:
        """Capital letters are no error where they cannot be sent, either: servers lower them."""
        assert of(start(200, (b"Content-Type", b"text/plain")), BODY, http_version="2") == [
            "A-145 info #2 `Content-Type` is not in lower case"
        ]

    def test_connection_over_http2(self) -> None:
        """Headers of the connection are an error over HTTP/2."""
        assert of(start(200, TEXT, (b"connection", b"close")), BODY, http_version="2") == [
            "A-151 error #2 `connection` is not allowed over HTTP/2"
        ]

    def test_upgrade_over_http2(self) -> None:
        """HTTP/2 has no upgrade: 426 goes without."""
        assert of(start(426, TEXT), BODY, http_version="2") == []

    @pytest.mark.parametrize(
        ("value", "rule"),
        [(b"Bearer a\r\nset-cookie: a=1", "A-149"), (b" Bearer", "A-150"), ("Bearer", "A-144"), (b"Bearer", None)],
    )
    def test_secrets(self, value: Any, rule: str | None) -> None:
        """What is wrong with a value that is not kept is told of as well, once."""
        found = of(start(200, TEXT, (b"authorization", value)), BODY)

        assert [one.split()[0] for one in found] == ([rule] if rule else [])

    def test_a_secret_in_a_list(self) -> None:
        """A pair that is a list is one value, and not a secret one."""
        assert len(of(start(200, [b"content-type", b"text/plain "]), BODY)) == 1

    @pytest.mark.parametrize("value", [b"a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT", b'a="1,2"', b"a=1; SameSite=Lax"])
    def test_cookies(self, value: bytes) -> None:
        """A comma in a cookie is none between two."""
        assert of(start(200, TEXT, (b"set-cookie", value)), BODY) == []


class TestLength:
    """How much is sent."""

    @pytest.mark.parametrize(
        ("sent", "n"), [((b"Hel", b"lo!"), 4), ((b"Hello!",), 3), ((b"Hel",), 3), ((b"Hel", b""), 4)]
    )
    def test_other_lengths(self, sent: tuple[bytes, ...], n: int) -> None:
        """Too much is told of with the part that is too much, too little with the last one."""
        parts = [{**BODY, "body": body, "more_body": body != sent[-1]} for body in sent]
        found = of(start(200, TEXT, (b"content-length", b"5")), *parts)

        assert found == [f"A-162 warning #{n} `content-length` is 5, and the app sends {len(b''.join(sent))} bytes"]

    def test_too_much_without_an_end(self) -> None:
        """Too much is told of before the end, as servers refuse it there."""
        found = of(start(200, TEXT, (b"content-length", b"3")), {**BODY, "more_body": True})

        assert [one.split()[0] for one in found] == ["A-162", "A-161"]

    @pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304)])
    def test_not_counted(self, method: str, status: int) -> None:
        """The length of what is not sent says how long it would be."""
        headers = [(b"content-length", b"5"), (b"etag", b'"1"')]

        assert of(start(status, *headers), {"type": "http.response.body"}, method=method) == []

    def test_a_client_that_has_gone(self) -> None:
        """Who has gone needs no more of it: Starlette ends the answer then."""
        found = of(start(200, TEXT, (b"content-length", b"5")), {"type": "http.response.body"}, received=(DISCONNECT,))

        assert found == []

    @pytest.mark.parametrize("value", [b"", b"-1", b"0x5", b"5,5", b"\xd9\xa5", b"9" * 5000])
    def test_odd_lengths(self, value: bytes) -> None:
        """A length is of digits, of however many."""
        found = of(start(200, TEXT, (b"content-length", value)), BODY)

        assert [one.split()[0] for one in found] == ([] if value.isdigit() else ["A-163"])

    def test_without_content(self) -> None:
        """A length of 0 with 204 is against the RFC, and does no harm."""
        found = of(start(204, (b"content-length", b"0")), {"type": "http.response.body"})

        assert found == ["A-167 info #2 the answer has the status 204, and a `content-length` of 0"]

    def test_a_file(self) -> None:
        """A file that is zero-copied counts, once its size is known."""
        extended = {**GET, "extensions": {"http.response.zerocopysend": {}}}
        records: list[Record] = [
            Opened(0, 0.0, extended),
            Event(0, 1, 0.0, "send", start(200, TEXT, (b"content-length", b"9"))),
            Event(0, 2, 0.0, "send", {"type": "http.response.zerocopysend", "file": 7, "offset": 0}),
            Observed(0, 2, 0.0, "file", {"descriptor": True, "size": 8}),
            Closed(0, 1.0),
        ]

        assert judged(*records) == ["A-162 warning"]
        records[3] = Observed(0, 2, 0.0, "file", {"descriptor": True, "size": 9})
        assert judged(*records) == []


class TestEnds:
    """How an app ends, and its client."""

    def test_one_rule_for_each(self) -> None:
        """An app that sends a body alone has no second fault at its end."""
        assert of(BODY, BODY) == ["A-154 error #2 `http.response.body` is sent before `http.response.start`"]

    @pytest.mark.parametrize("kind", ["ConnectionResetError", "uvicorn.protocols.utils.ClientDisconnected"])
    def test_the_servers_own_error(self, kind: str) -> None:
        """What `send` raises for a client that has gone ends an app, or does not: nothing is wrong."""
        error = Failure(kind, "gone", "")
        records: list[Record] = [
            Opened(0, 0.0, GET),
            Event(0, 1, 0.0, "send", START),
            Raised(0, 1, 0.0, "send", error),
        ]

        assert judged(*records, Closed(0, 1.0, error=error)) == []
        assert judged(*records, Closed(0, 1.0)) == []

    def test_another_error_of_the_server(self) -> None:
        """What `send` raises for a message is told of, but is not the app's."""
        error = Failure("RuntimeError", "Unexpected message", "")
        records: list[Record] = [Opened(0, 0.0, GET), Event(0, 1, 0.0, "send", START)]
        records.append(Raised(0, 1, 0.0, "send", error))

        assert judged(*records, Closed(0, 1.0, error=error)) == ["A-026 info"]
        assert judged(*records, Closed(0, 1.0, error=Failure("KeyError", "x", ""))) == ["A-026 error"]

    def test_cancelled(self) -> None:
        """Nothing is missing of an app that was cancelled."""
        assert judged(Opened(0, 0.0, GET), Event(0, 1, 0.0, "send", START), Closed(0, 1.0, cancelled=True)) == []

    def test_an_answer_to_nobody(self) -> None:
        """Who answers shortly after the disconnect has not been told in time, or need not care."""
        assert of(START, BODY, received=(DISCONNECT,)) == []

    def test_a_body_that_nobody_has_sent(self) -> None:
        """What the client has not sent can not be read."""
        upload = [(b"host", b"localhost"), (b"content-length", b"5")]

        assert of(START, BODY, received=(DISCONNECT,), headers=upload) == []

    def test_a_body_that_is_left(self) -> None:
        """A body of which no part was received is left, too."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(BODY)

        upload = [(b"host", b"localhost"), (b"transfer-encoding", b"chunked")]
        found = findings_of(app, {**GET, "headers": upload}, (REQUEST,))

        assert [(one.rule, one.severity) for one in found] == [("A-137", "info")]


class TestPace:
    """How an answer comes."""

    @pytest.mark.parametrize(
        ("times", "found"),
        [
            ((0.0, 500.0, 500.0), []),
            ((0.0, 501.0, 501.0), ["A-176 info"]),
            # A slow upload is not the app's.
            ((9_000.0, 9_500.0, 9_500.0), []),
            ((0.0, 10.0, 5_010.0), []),
            ((0.0, 10.0, 5_011.0), ["A-176 info"]),
            ((0.0, 600.0, 9_000.0), ["A-176 info"]),
        ],
    )
    def test_times(self, times: tuple[float, ...], found: list[str]) -> None:
        """What takes long is told of once, from the message on that was received last."""
        asked, begun, ended = times
        records: list[Record] = [
            Opened(0, 0.0, GET),
            Event(0, 1, asked, "receive", REQUEST),
            Event(0, 2, begun, "send", START),
            Event(0, 3, ended, "send", BODY, size=5),
            Closed(0, ended),
        ]

        assert judged(*records) == found

    @pytest.mark.parametrize(("kind", "found"), [(b"text/plain", ["A-175 info"]), (b"text/event-stream", [])])
    def test_empty_parts(self, kind: bytes, found: list[str]) -> None:
        """An empty part is told of but for the first one, which has the headers sent, and in a stream of events."""
        empty = {"type": "http.response.body", "body": b"", "more_body": True}
        sent = [start(200, (b"content-type", kind)), empty, {**BODY, "more_body": True}, empty, empty, BODY]

        assert [" ".join(one.split()[:2]) for one in of(*sent)] == found


class TestOrigins:
    """Headers for other origins."""

    ANY = ((b"access-control-allow-origin", b"*"), (b"access-control-allow-credentials", b"true"))

    @pytest.mark.parametrize(
        ("changes", "severity"),
        [
            ({}, "info"),
            ({"headers": [(b"cookie", b"a=1")]}, "warning"),
            ({"headers": [(b"authorization", b"Basic YTpi")]}, "warning"),
            ({"method": "OPTIONS"}, "info"),
            ({"method": "OPTIONS", "headers": [(b"access-control-request-method", b"PUT")]}, "warning"),
        ],
    )
    def test_any_origin(self, changes: dict[str, Any], severity: str) -> None:
        """It matters where the request has credentials, or asks whether it may have some."""
        found = of(start(200, TEXT, *self.ANY), BODY, **changes)

        assert found == [f"A-177 {severity} #2 credentials are allowed from any origin (`*`)"]


def test_the_same_answer_again() -> None:
    """What is remembered of good answers makes no bad one good."""
    assert of(start(200, TEXT), BODY) == []
    assert of(start(401, TEXT), BODY) != []
    assert of(start(401, TEXT), BODY) != []
    assert of(start(200, TEXT), BODY, method="HEAD") == ["A-165 info #3 the answer to HEAD has content"]
    assert of(start(200, TEXT), BODY) == []


def test_many_headers() -> None:
    """What is remembered has its limit."""
    for number in range(3000):
        assert (
            judged(
                Opened(0, 0.0, GET),
                Event(0, 1, 0.0, "send", start(200, (b"x-%d" % number, b"1"))),
                Event(0, 2, 0.0, "send", {"type": "http.response.body"}),
                Closed(0, 0.0),
            )
            == []
        )


def test_sends_while_it_waits() -> None:
    """Receiving in a task while the answer is sent, as Starlette does, is no fault."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        watcher = asyncio.ensure_future(receive())
        await send(START)
        await send(BODY)
        await watcher

    assert findings_of(app, GET, (REQUEST, DISCONNECT)) == []


def test_values_that_come_once() -> None:
    """Of answers whose values are others each time nothing is kept but the names, and each value is looked at."""
    names = (b"content-type", b"etag", b"set-cookie")
    for number in range(20):
        values = b"text/plain", b'"%d"' % number, b"theme=%d; Path=/" % number
        assert of(start(200, *zip(names, values, strict=True)), BODY) == []

    assert not [key for key in response_semantics._good if b"text/plain" in key or b'"7"' in key]
    assert of(start(200, TEXT, (b"etag", b'"1"\n'), (b"set-cookie", b"a=1; SameSite=None")), BODY) == [
        "A-149 error #2 the value of `etag` has a line break, or NUL",
        "A-170 warning #2 `set-cookie` has `SameSite=None` without `Secure`",
    ]

"""What counts as a difference, and what does not."""

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from asgictl.inspector.comparison import content, frames, values
from asgictl.inspector.comparison.differences import of_answers, of_requests
from asgictl.inspector.comparison.found import Difference, Found, Remark
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Failure, Opened, Redacted
from tests.inspector.recordings import SCOPE, gzipped


def answered(
    body: bytes = b"",
    media_type: bytes = b"text/plain",
    *headers: tuple[bytes, Any],
    scope: Any = None,
    status: int = 200,
) -> Exchange:
    """Return an exchange with this answer."""
    exchange = Exchange(Opened(1, 0.0, {**SCOPE, **(scope or {})}))
    start = {"type": "http.response.start", "status": status, "headers": [(b"content-type", media_type), *headers]}
    exchange.add(Event(1, 1, 1.0, "send", start))
    exchange.add(Event(1, 2, 1.0, "send", {"type": "http.response.body", "body": body}, size=len(body)))
    exchange.add(Closed(1, 2.0))
    return exchange


BODY = "response body"
TEXTS: dict[str, tuple[bytes, bytes, list[tuple[str, str | None, str | None]]]] = {
    "a line": (b"a\nb\n", b"a\nc\n", [(BODY, "b", None), (BODY, None, "c")]),
    "dashes": (b"-- sql\nx\n", b"x\n", [(BODY, "-- sql", None)]),
    "pluses": (b"x\n", b"x\n++ more\n", [(BODY, None, "++ more")]),
    "an empty line": (b"a", b"a\n\n", [(BODY, None, "")]),
    "the end of a line": (b"a\r\nb", b"a\nb", [(f"{BODY}, end of line 1", "CRLF", "LF")]),
    "ends of lines": (b"a\nb\nc\r", b"a\nb\r\nc\n", [(f"{BODY}, ends of 2 lines, from 2 on", "LF", "CRLF")]),
    "the last end": (b"a\n", b"a", [(f"{BODY}, end of line 1", "LF", None)]),
    "another separator": (
        b"a\nb",
        "a\u2028b".encode(),
        [(BODY, "a", None), (BODY, "b", None), (BODY, None, "a\u2028b")],
    ),
    "blanks at the end": (b"a", b"a ", [(BODY, "'a'", None), (BODY, None, "'a '")]),
    "letters that look alike": (
        "\u00e9".encode(),
        "e\u0301".encode(),
        [(BODY, "'\\xe9'", None), (BODY, None, "'e\\u0301'")],
    ),
    "far down": (b"x\n" * 6000 + b"a", b"x\n" * 6000 + b"b", [(BODY, "a", None), (BODY, None, "b")]),
    "in a long line": (
        b"x" * 1000 + b"a",
        b"x" * 1000 + b"b",
        [
            (BODY, f"\u2026{'x' * 40}a (from character 961 of 1001)", None),
            (BODY, None, f"\u2026{'x' * 40}b (from character 961 of 1001)"),
        ],
    ),
    "a long line that is new": (b"", b"x" * 1000, [(BODY, None, f"{'x' * 400}\u2026 (from character 1 of 1000)")]),
    "a byte order mark": (b"\xef\xbb\xbfa", b"a", [(f"{BODY}, byte order mark", "there", None)]),
    "a byte": (b"\xff\x00", b"\xff\x01", [(f"{BODY}, 1 byte differs, at offset 1", "00", "01")]),
    "some bytes": (
        b"\xff" * 3_000_000,
        b"\xff" * 2_000_000 + b"\xfe\xff\xfe" + b"\xff" * 999_997,
        [
            (
                f"{BODY}, 2 bytes differ, the first at offset 2000000",
                "ff " * 16 + "\u2026",
                "fe ff fe " + "ff " * 13 + "\u2026",
            )
        ],
    ),
    "more bytes": (b"\xff\x00", b"\xff", [(f"{BODY}, from offset 1 on", "00 (2 B)", "the end (1 B)")]),
    "the same": (b"a", b"a", []),
}


@pytest.mark.parametrize(("one", "other", "found"), TEXTS.values(), ids=list(TEXTS))
def test_bodies(one: bytes, other: bytes, found: list[tuple[str, str | None, str | None]]) -> None:
    """Two bodies that differ are told apart where they do, and never by two lines that look the same."""
    assert list(of_answers(answered(one), answered(other))) == [Difference(*it) for it in found]


def test_charsets() -> None:
    """The same text in another charset is no difference of its lines, but of its charset."""
    latin = answered("gr\u00fc\u00dfe".encode("latin-1"), b"text/plain; charset=latin-1")
    utf8 = answered("gr\u00fc\u00dfe".encode(), b"text/plain; charset=utf-8")

    assert list(of_answers(latin, utf8)) == [
        Difference("response header content-type", "text/plain; charset=latin-1", "text/plain; charset=utf-8"),
        Difference("response body, charset", "iso8859-1", "utf-8"),
    ]


WRITTEN = Remark(BODY, "the same JSON, written otherwise", untold=False)
PACKED = Remark(BODY, "the same content, packed otherwise", untold=False)


def test_json_by_value() -> None:
    """JSON is compared by what it means: not its blanks, not the order of its keys, but true is not 1."""
    one = answered(b'{"a": 1, "b": [1, {"c": null}], "d": true}', b"application/json")
    same = answered(b'{"d":true,"b":[1,{"c":null}],"a":1}', b"application/json")
    other = answered(b'{"a": true, "b": [1, {"c": 2}, 3]}', b"application/json")

    assert list(of_answers(one, same)) == [WRITTEN]
    assert [tuple(difference) for difference in of_answers(one, other)] == [
        ("response body .a", "1", "true"),
        ("response body .b[1] .c", "null", "2"),
        ("response body .b[2]", None, "3"),
        ("response body .d", "true", None),
    ]


JSON: dict[str, tuple[str, str, list[tuple[str, str | None, str | None]]]] = {
    "a key that is there twice": ('{"a": 1, "a": 2}', '{"a": 2}', [(" .a", "1\n2", "2")]),
    "twice, in another order": ('[{"a": 1, "a": 2}]', '[{"a": 2, "a": 1}]', [("[0] .a", "1\n2", "2\n1")]),
    "a number": ("1.10", "1.1", [("", "1.10", "1.1")]),
    "a large number": ('{"n": 1e400}', '{"n": 1e401}', [(" .n", "1e400", "1e401")]),
    "a long number": (
        "[0.1234567890123456789]",
        "[0.1234567890123456788]",
        [("[0]", "0.1234567890123456789", "0.1234567890123456788")],
    ),
    "zero": ("-0", "0", [("", "-0", "0")]),
    "a number or text": ('{"n": 1}', '{"n": "1"}', [(" .n", "1", '"1"')]),
    "a key of several words": ('{"a b": 1}', "{}", [(' ."a b"', "1", None)]),
    "nothing or null": ('{"a": null}', "{}", [(" .a", "null", None)]),
    "an item in front": ("[1, 2, 3, 4]", "[0, 1, 2, 3, 4]", [("[0]", None, "0")]),
    "an item less": ('[{"a": 1}, {"b": 2}]', '[{"b": 2}]', [("[0]", '{"a": 1}', None)]),
    "an item moved along and changed": (
        '[1, 2, {"a": 1}, 9]',
        '[0, 1, 2, {"a": 2}, 9]',
        [("[0]", None, "0"), ("[2 (-), 3 (+)] .a", "1", "2")],
    ),
    "a list or an object": ("[]", "{}", [("", "[]", "{}")]),
}


@pytest.mark.parametrize(("one", "other", "found"), JSON.values(), ids=list(JSON))
def test_json_as_it_stands(one: str, other: str, found: list[tuple[str, str | None, str | None]]) -> None:
    """Keys that are there twice, the spelling of numbers, and places in lists are told as they are sent."""
    exchanges = [answered(text.encode(), b"application/json") for text in (one, other)]

    assert list(of_answers(exchanges[0], exchanges[1])) == [Difference(BODY + where, *it) for where, *it in found]


def test_packed_bodies() -> None:
    """Packed bodies are compared by what is in them."""
    packed = [
        answered(gzip.compress(b"x", mtime=time), b"text/plain", (b"content-encoding", b"gzip")) for time in (1, 2)
    ]

    assert list(of_answers(packed[0], packed[1])) == [PACKED]


MEMBER = gzip.compress(b"first\n", mtime=1)


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (
            MEMBER + gzipped(b"second\n"),
            MEMBER + gzipped(b"changed\n"),
            [(BODY, "second", None), (BODY, None, "changed")],
        ),
        (MEMBER, MEMBER + gzipped(b"second\n"), [(BODY, None, "second")]),
        (
            MEMBER + b"x",
            MEMBER + b"y",
            [(f"{BODY}, packed (1 byte follows that is not gzip), 1 byte differs, at offset 26", "78", "79")],
        ),
        (
            MEMBER,
            MEMBER[:-4] + b"xxxx",
            [
                (
                    f"{BODY}, packed (damaged at or before byte 26: incorrect length check), "
                    "4 bytes differ, the first at offset 22",
                    "06 00 00 00",
                    "78 78 78 78",
                )
            ],
        ),
    ],
    ids=["another member", "a member more", "what follows", "a damaged end"],
)
def test_bodies_that_unpack_only_in_part(one: bytes, other: bytes, found: list[Any]) -> None:
    """All members of gzip are compared, and the bytes as they were sent where unpacking has not used all of them."""
    exchanges = [answered(body, b"text/plain", (b"content-encoding", b"gzip")) for body in (one, other)]

    assert list(of_answers(exchanges[0], exchanges[1])) == [Difference(*it) for it in found]


def test_bodies_that_unpack_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a body that unpacks to more than is unpacked, the bytes are compared as they were sent."""
    monkeypatch.setattr(content, "_LARGEST", 1000)
    exchanges = [
        answered(gzip.compress(b"x" * 1000 + end, mtime=1), b"text/plain", (b"content-encoding", b"gzip"))
        for end in (b"a", b"b")
    ]
    (found,) = of_answers(exchanges[0], exchanges[1])

    assert found.where.startswith("response body, packed (only the first 1.0 kB are unpacked), ")


def test_codings_that_are_not_known() -> None:
    """Bodies in a coding that is not unpacked are compared as they were sent."""
    exchanges = [answered(body, b"text/plain", (b"content-encoding", b"lzma")) for body in (b"a", b"b")]
    where = "response body, packed (lzma is not unpacked)"

    assert list(of_answers(exchanges[0], exchanges[1])) == [Difference(where, "a", None), Difference(where, None, "b")]


def test_headers() -> None:
    """Headers are compared without their order, repeated ones by their number, secrets by their size, `date` not."""
    one = answered(b"", b"x", (b"a", b"1"), (b"b", b"1"), (b"b", b"2"), (b"date", b"now"), (b"set-cookie", Redacted(5)))
    other = answered(
        b"", b"x", (b"B", b"2"), (b"b", b"2"), (b"A", b"1"), (b"date", b"later"), (b"set-cookie", Redacted(7))
    )

    assert list(of_answers(one, other)) == [
        Difference("response header b", "1", "2"),
        Difference("response header set-cookie", "‹redacted 5 B›", "‹redacted 7 B›"),
        Remark("secrets of the answer", "compared by their sizes alone"),
    ]


def test_what_servers_add() -> None:
    """Headers that only a server adds do not count where that is said; those that were there before do."""
    added = frozenset((b"server",))

    assert list(of_answers(answered(), answered(b"", b"text/plain", (b"server", b"x")), added)) == []
    assert len(list(of_answers(answered(b"", b"text/plain", (b"server", b"y")), answered(), added))) == 1
    assert list(of_answers(answered(b"body", scope={"method": "HEAD"}), answered(), added)) == []
    assert len(list(of_answers(answered(b"body", scope={"method": "HEAD"}), answered()))) == 1


def test_requests() -> None:
    """Scopes are compared key by key, but for what is another one each time."""
    fleeting = {"client": ["::1", 1], "server": ["127.0.0.1", 8001], "state": {"a": 1}}
    other = answered(scope={**fleeting, "path": "/other", "new": 1})

    assert list(of_requests(answered(), answered(scope=fleeting))) == []
    assert [tuple(found) for found in of_requests(answered(), other)] == [
        ("scope path", "/orders", "/other"),
        ("scope new", None, "1"),
    ]
    assert [tuple(found) for found in of_requests(other, answered())] == [
        ("scope path", "/other", "/orders"),
        ("scope new", "1", None),
    ]


def test_kinds_of_values() -> None:
    """In a scope a tuple is a list, and bytes are shown as text; another value at any depth is a difference."""
    one = answered(scope={"odd": {"a": (1, [2])}, "raw_path": b"/a\xfc", "headers": ()})
    same = answered(scope={"odd": {"a": [1, (2,)]}, "raw_path": b"/a\xfc"})
    other = answered(scope={"odd": {"a": (1, [3])}, "raw_path": b"/b"})
    true = answered(scope={"odd": {"a": (True, [2])}, "raw_path": b"/a\xfc", "headers": ()})

    assert not [found for found in of_requests(one, same) if found.where.startswith("scope")]
    assert [tuple(found) for found in of_requests(same, other)] == [
        ("scope raw_path", "/aü", "/b"),
        ("scope odd", "{'a': [1, (2,)]}", "{'a': (1, [3])}"),
    ]
    assert [tuple(found) for found in of_requests(one, true)] == [
        ("scope odd", "{'a': (1, [2])}", "{'a': (True, [2])}"),
    ]


def test_what_was_asked() -> None:
    """Headers and bodies of the requests are compared as those of the answers are."""

    def asked(body: bytes, *headers: tuple[bytes, Any]) -> Exchange:
        exchange = Exchange(Opened(1, 0.0, {**SCOPE, "headers": [(b"content-type", b"application/json"), *headers]}))
        exchange.add(Event(1, 1, 1.0, "receive", {"type": "http.request", "body": body}, size=len(body)))
        return exchange

    one = asked(b'{"a": 1}', (b"x-a", b"1"), (b"authorization", Redacted(3)), (b"date", b"now"))
    other = asked(b'{"a": 2}', (b"X-A", b"1"), (b"X-A", b"2"), (b"x-b", b""), (b"x-c", b"\xfc"))

    assert [tuple(found) for found in of_requests(one, other)] == [
        ("request header x-a", None, "2"),
        ("request header authorization", "‹redacted 3 B›", None),
        ("request header x-b", None, ""),
        ("request header x-c", None, "ü"),
        ("request body .a", "1", "2"),
    ]


def test_statuses_and_errors() -> None:
    """The status comes first, then the error, then the answer itself."""
    failed = answered(b"b", status=500)
    failed.add(Closed(1, 2.0, error=Failure("ValueError", "boom", "")))

    assert [tuple(found) for found in of_answers(answered(b"a"), failed)] == [
        ("status", "200", "500"),
        ("error", None, "ValueError: boom"),
        ("response body", "a", None),
        ("response body", None, "b"),
    ]
    assert [tuple(found) for found in of_answers(failed, answered(b"b"))] == [
        ("status", "500", "200"),
        ("error", "ValueError: boom", None),
    ]
    assert [found.where for found in of_answers(failed, answered(b"b"), frozenset((b"server",)))] == ["status"]


def test_an_app_that_raises() -> None:
    """What a server makes of an app that has raised is its own, and no difference; without a server it is one."""
    raised = Exchange(Opened(1, 0.0, SCOPE))
    raised.add(Closed(1, 2.0, error=Failure("ValueError", "boom", "")))
    served = answered(b"Internal Server Error", b"text/plain; charset=utf-8", status=500)
    refused = Exchange(Opened(1, 0.0, {**SCOPE, "type": "websocket"}))
    refused.add(Closed(1, 2.0, error=Failure("ValueError", "boom", "")))

    assert list(of_answers(raised, served, frozenset((b"server",)))) == []
    assert [found.where for found in of_answers(raised, served)] == [
        "error",
        "response header content-type",
        "response body",
    ]
    assert list(of_answers(refused, served, frozenset((b"server",)))) == []


def test_what_a_server_makes_of_a_refusal() -> None:
    """What a server says for an app that refuses a WebSocket with a code is its own; another status is a difference."""
    refused = talked(("send", "close", {"code": 4403}))
    added = frozenset((b"server",))

    assert list(of_answers(refused, answered(b"", b"text/plain; charset=utf-8", status=403), added)) == []
    assert [found.where for found in of_answers(refused, answered(status=401), added)] == ["status"]


def talked(*messages: tuple[Any, str, dict[str, Any]]) -> Exchange:
    """Return a WebSocket with these messages."""
    exchange = Exchange(Opened(1, 0.0, {**SCOPE, "type": "websocket"}))
    for n, (direction, kind, fields) in enumerate(messages, start=1):
        size = len(fields.get("text") or fields.get("bytes") or "")
        exchange.add(Event(1, n, 1.0 * n, direction, {"type": f"websocket.{kind}", **fields}, size=size))
    exchange.add(Closed(1, 99.0))
    return exchange


def sent(*frames: dict[str, Any]) -> list[tuple[Any, str, dict[str, Any]]]:
    """Return messages of an app."""
    return [("send", "send", frame) for frame in frames]


ACCEPT: tuple[Any, str, dict[str, Any]] = ("send", "accept", {})
CLOSES: dict[str, tuple[list[Any], list[Any], list[tuple[str, str | None, str | None]]]] = {
    "another code": (
        [ACCEPT, ("send", "close", {"code": 1001})],
        [ACCEPT, ("send", "close", {"code": 4000})],
        [("close code", "1001", "4000")],
    ),
    "no code is 1000": ([ACCEPT, ("send", "close", {})], [ACCEPT, ("send", "close", {"code": 1000})], []),
    "the client's code": (
        [ACCEPT, ("receive", "disconnect", {"code": 1001})],
        [ACCEPT, ("receive", "disconnect", {"code": 1000})],
        [],
    ),
    "closed by the client or the app": (
        [ACCEPT, ("receive", "disconnect", {"code": 1000})],
        [ACCEPT, ("send", "close", {"code": 1000})],
        [("close code", None, "1000")],
    ),
    "refused or closed": (
        [("send", "close", {"code": 1000})],
        [ACCEPT, ("send", "close", {"code": 1000})],
        [("status", "403", "101")],
    ),
    "refused with other codes": (
        [("send", "close", {"code": 1000})],
        [("send", "close", {"code": 4000})],
        [("close code", "1000", "4000")],
    ),
    "another reason": (
        [ACCEPT, ("send", "close", {"code": 1000, "reason": "a"})],
        [ACCEPT, ("send", "close", {"code": 1000})],
        [("close reason", "a", None)],
    ),
    "no reason": (
        [ACCEPT, ("send", "close", {"reason": ""})],
        [ACCEPT, ("send", "close", {"reason": None})],
        [],
    ),
    "another subprotocol": (
        [("send", "accept", {"subprotocol": "a"})],
        [("send", "accept", {"subprotocol": "b"})],
        [("subprotocol", "a", "b")],
    ),
    "after the client's": (
        [ACCEPT, ("receive", "disconnect", {"code": 1001}), ("send", "close", {"code": 4000})],
        [ACCEPT, ("receive", "disconnect", {"code": 1001})],
        [],
    ),
}


@pytest.mark.parametrize(("one", "other", "found"), CLOSES.values(), ids=list(CLOSES))
def test_close_codes(one: list[Any], other: list[Any], found: list[tuple[str, str | None, str | None]]) -> None:
    """The code with which the app closes an accepted WebSocket is compared; the client's is no answer."""
    assert [tuple(difference) for difference in of_answers(talked(*one), talked(*other))] == found


def test_frames() -> None:
    """The messages of WebSockets are compared one by one, each side with its own, text with bytes."""
    one = talked(
        ("receive", "receive", {"text": "a"}), ("send", "send", {"text": "b"}), ("receive", "receive", {"text": "c"})
    )
    other = talked(
        ("receive", "receive", {"bytes": b"a\xff"}), ("send", "send", {"text": "B"}), ("send", "send", {"text": ""})
    )

    assert [tuple(found) for found in of_requests(one, other)] == [
        ("received frame 1", "text a", "bytes 61 ff"),
        ("received frame 2", "c", None),
    ]
    assert [tuple(found) for found in of_answers(one, other)] == [
        ("sent frame 1", "b", "B"),
        ("sent frame 2", None, "text 0 B"),
    ]
    assert [*of_requests(one, one), *of_answers(one, one)] == []


FRAMES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], list[tuple[str, str | None, str | None]]]] = {
    "empty text or bytes": ([{"text": ""}], [{"bytes": b""}], [("sent frame 1", "text 0 B", "bytes 0 B")]),
    "the other key": ([{"text": "", "bytes": None}], [{"text": ""}], []),
    "text that reads like bytes": (
        [{"text": "bytes 61"}],
        [{"bytes": b"a"}],
        [("sent frame 1", "text bytes 61", "bytes 61")],
    ),
    "one in front": (
        [{"text": "a"}, {"text": "b"}, {"text": "c"}],
        [{"text": "x"}, {"text": "a"}, {"text": "b"}, {"text": "c"}],
        [("sent frame 1", None, "x")],
    ),
    "one less": ([{"text": "a"}, {"text": "b"}], [{"text": "b"}], [("sent frame 1", "a", None)]),
    "moved along and changed": (
        [{"text": "a"}, {"text": "b"}, {"text": "c"}],
        [{"text": "x"}, {"text": "a"}, {"text": "B"}, {"text": "c"}],
        [("sent frame 1", None, "x"), ("sent frame 2 (-), 3 (+)", "b", "B")],
    ),
    "a heartbeat of many": ([{"text": ""}] * 5, [{"text": ""}] * 6, [("sent frame 6", None, "text 0 B")]),
    "a byte": (
        [{"bytes": b"\x00" * 100}],
        [{"bytes": b"\x00" * 99 + b"\x01"}],
        [("sent frame 1, 1 byte differs, at offset 99", "00", "01")],
    ),
}


@pytest.mark.parametrize(("one", "other", "found"), FRAMES.values(), ids=list(FRAMES))
def test_aligned_frames(
    one: list[dict[str, Any]], other: list[dict[str, Any]], found: list[tuple[str, str | None, str | None]]
) -> None:
    """A message is compared with the one that it matches, whatever comes before it."""
    exchanges = [talked(ACCEPT, *sent(*frames)) for frames in (one, other)]

    assert [tuple(difference) for difference in of_answers(exchanges[0], exchanges[1])] == found


def test_order_of_repeated_headers() -> None:
    """The order of headers with one name counts, and two headers are not one with a comma."""
    one = answered(b"", b"x", (b"via", b"a"), (b"x", b"1"), (b"via", b"b"))
    other = answered(b"", b"x", (b"via", b"b"), (b"via", b"a"), (b"x", b"1"))
    joined = answered(b"", b"x", (b"x", b"1"), (b"via", b"a, b"))

    assert list(of_answers(one, other)) == [Difference("response header via", "a\nb", "b\na")]
    assert list(of_answers(one, joined)) == [Difference("response header via", "a\nb", "a, b")]


@pytest.mark.parametrize(
    ("media_type", "is_json"),
    [
        (b"application/json", True),
        (b"Application/JSON ; charset=utf-8", True),
        (b"application/problem+json", True),
        (b"text/json", True),
        (b"application/jsonl", False),
        (b"json", False),
        (b"text/plain; x=/json", False),
    ],
)
def test_what_is_json(media_type: bytes, is_json: bool) -> None:
    """Bodies are compared as JSON where their type says so, and both are."""
    one, other = answered(b'{"a":1}', media_type), answered(b'{"a": 1}', media_type)
    broken = answered(b"{", media_type)

    assert (list(of_answers(one, other)) == [WRITTEN]) is is_json
    assert [tuple(found) for found in of_answers(one, broken)] == [
        ("response body", '{"a":1}', None),
        ("response body", None, "{"),
    ]


def test_json_that_is_too_deep() -> None:
    """JSON that is nested too deeply is compared as text."""
    deep = b"[" * 100_000
    found = list(of_answers(answered(deep, b"application/json"), answered(b"[", b"application/json")))

    assert found == [
        Difference(BODY, f"{'[' * 400}\u2026 (from character 1 of 100000)", None),
        Difference(BODY, None, "["),
    ]


def cut(body: bytes, size: int, *headers: tuple[bytes, bytes], media_type: bytes = b"text/plain") -> Exchange:
    """Return an exchange with an answer of this size, of which only the beginning is kept."""
    exchange = answered(body, media_type, *headers)
    exchange.events[1] = replace(exchange.events[1], size=size, cut=True)
    return exchange


HINT = "record it again, with a larger --body-limit"
GZIPPED = [gzip.compress(b"x" * 50_000 + bytes(range(256)) * 200, mtime=time) for time in (1, 2)]
GZIP = (b"content-encoding", b"gzip")
SIZES = f"{BODY}, as far as it is kept the same"


def compared(text: str, hint: str | None = HINT) -> Remark:
    """Return what is said of a body of which only a part was compared."""
    return Remark(BODY, f"compared: {text}", hint=hint)


CUT: dict[str, tuple[Exchange, Exchange, list[Found]]] = {
    "the rest is not kept": (cut(b"a" * 1000, 2000), answered(b"a" * 2000), [compared("the first 1.0 kB of 2.0 kB")]),
    "of both": (cut(b"abc", 20), cut(b"abcdef", 20), [compared("the first 3 B of 20 B")]),
    "other sizes": (
        cut(b"abc", 10),
        cut(b"abc", 20),
        [Difference(SIZES, "10 B", "20 B"), compared("the first 3 B of 20 B")],
    ),
    "a whole one that is longer": (
        cut(b"abc", 10),
        answered(b"abc" * 5),
        [Difference(SIZES, "10 B", "15 B"), compared("the first 3 B of 15 B")],
    ),
    "a difference before": (
        cut(b"a\nb", 10),
        answered(b"a\nc" + b"x" * 7),
        [Difference(BODY, "b", None), Difference(BODY, None, "c"), compared("the first 3 B of 10 B")],
    ),
    "bytes before": (
        cut(b"\xff\x00", 10),
        answered(b"\xff\x01" + b"\xff" * 8),
        [Difference(f"{BODY}, 1 byte differs, at offset 1", "00", "01"), compared("the first 2 B of 10 B")],
    ),
    "in the middle of a letter": (
        cut("a\u00fc".encode()[:2], 3),
        answered("b\u00fc".encode()),
        [Difference(BODY, "a", None), Difference(BODY, None, "b"), compared("the first 2 B of 3 B")],
    ),
    "JSON": (
        cut(b'{"a": 1', 20, media_type=b"application/json"),
        cut(b'{"a": 2', 20, media_type=b"application/json"),
        [Difference(BODY, '{"a": 1', None), Difference(BODY, None, '{"a": 2'), compared("the first 7 B of 20 B")],
    ),
    "packed the same": (
        cut(GZIPPED[0][:200], len(GZIPPED[0]), GZIP),
        answered(GZIPPED[0], b"text/plain", GZIP),
        [compared(f"the first 200 B of {len(GZIPPED[0])} B")],
    ),
}


@pytest.mark.parametrize(("one", "other", "found"), CUT.values(), ids=list(CUT))
def test_bodies_that_are_not_kept(one: Exchange, other: Exchange, found: list[Found]) -> None:
    """Bodies are compared as far as both are kept, and it is said how far that is: the rest may differ."""
    assert list(of_answers(one, other)) == found


def test_packed_bodies_that_are_not_kept() -> None:
    """Packed bodies are unpacked as far as they are kept."""
    one, other = (cut(body[:200], len(body), GZIP) for body in GZIPPED)
    (found,) = of_answers(one, other)

    assert isinstance(found, Remark)
    assert (found.where, found.hint) == (BODY, HINT)
    assert found.text.startswith("compared: the first 50")


def test_requests_that_are_not_kept() -> None:
    """Requests of whose bodies the same is kept are told apart by how much was sent."""
    one, other = (Exchange(Opened(1, 0.0, SCOPE)) for _ in range(2))
    for exchange, size in ((one, 10), (other, 20)):
        exchange.add(Event(1, 1, 0.5, "receive", {"type": "http.request", "body": b"abc"}, size=size, cut=True))

    assert list(of_requests(one, other)) == [
        Difference("request body, as far as it is kept the same", "10 B", "20 B"),
        Remark("request body", "compared: the first 3 B of 20 B", hint=HINT),
    ]


def test_requests_that_were_not_read() -> None:
    """Of a body that the app has not read nobody knows whether it was the same."""
    scope = {**SCOPE, "headers": [(b"content-length", b"300000")]}
    one, other = (Exchange(Opened(number, 0.0, scope)) for number in (1, 2))
    text = "compared: the first 0 B; (-): the app read no further, (+): the app read no further"

    assert list(of_requests(one, other)) == [Remark("request body", text)]


def test_messages_that_are_cut() -> None:
    """Messages of a WebSocket are compared as far as both are kept, and those that are whole to their ends."""
    whole: list[dict[str, Any]] = [{"text": "a" * 10}, {"text": "b" * 10}, {"bytes": b"\xff" * 10}]
    one, other, changed = (talked(ACCEPT, *sent(*whole)) for _ in range(3))
    for exchange, frame in ((one, "b" * 4), (changed, "b" * 3 + "c")):
        exchange.events[2] = replace(exchange.events[2], message={"type": "websocket.send", "text": frame}, cut=True)
    changed.events[1] = replace(changed.events[1], message={"type": "websocket.send", "text": "a" * 9 + "x"})
    remark = Remark("sent frame 2", "compared: the first 4 B of 10 B", hint=HINT)

    assert list(of_answers(one, other)) == [remark]
    assert list(of_answers(one, changed)) == [
        Difference("sent frame 1", "a" * 10, "a" * 9 + "x"),
        Difference("sent frame 2", "bbbb", "bbbc"),
        remark,
    ]


def test_messages_that_are_cut_and_have_other_sizes() -> None:
    """Two messages of which the same is kept are told apart by their sizes."""
    one, other = (talked(ACCEPT, ("send", "send", {"bytes": b"abc"})) for _ in range(2))
    for exchange, size in ((one, 10), (other, 20)):
        exchange.events[1] = replace(exchange.events[1], size=size, cut=True)

    assert list(of_answers(one, other)) == [
        Difference("sent frame 1, as far as it is kept the same", "10 B", "20 B"),
        Remark("sent frame 1", "compared: the first 3 B of 20 B", hint=HINT),
    ]


def test_many_messages_and_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many messages, and items of a list, are compared from the first on that differs, and that is said."""
    monkeypatch.setattr(frames, "_MOST", 2)
    monkeypatch.setattr(values, "_ITEMS", 2)
    texts = [[{"text": text} for text in letters] for letters in ("abcdef", "axcdey")]
    items = [answered(json.dumps(list(letters)).encode(), b"text/json") for letters in ("abcdef", "axcdey")]

    assert list(of_answers(talked(ACCEPT, *sent(*texts[0])), talked(ACCEPT, *sent(*texts[1])))) == [
        Difference("sent frame 2", "b", "x"),
        Remark("sent frames", "compared: 2 from the first on that differs"),
    ]
    assert list(of_answers(items[0], items[1])) == [
        Difference("response body[1]", '"b"', '"x"'),
        Remark(BODY, "compared: 2 items from the first on that differs"),
    ]


def test_messages_that_are_none() -> None:
    """What an app has sent that is no message is compared as it is."""
    one, other = answered(b"a"), answered(b"a")
    for exchange, odd in ((one, "odd"), (other, 5)):
        exchange.add(Event(1, 3, 1.0, "send", odd))

    assert list(of_answers(one, other)) == [Difference("?", "odd", "5")]


def ended(exchange: Exchange, *, closed: bool = True, **how: Any) -> Exchange:
    """Return an exchange with another end."""
    exchange.closed = Closed(1, 2.0, **how) if closed else None
    return exchange


def going_on(body: bytes, **how: Any) -> Exchange:
    """Return an exchange whose answer has no end."""
    exchange = answered(body)
    exchange.events[1] = replace(
        exchange.events[1], message={"type": "http.response.body", "body": body, "more_body": True}
    )
    return ended(exchange, **how)


def left(exchange: Exchange) -> Exchange:
    """Have the client of an exchange leave."""
    exchange.add(Event(1, 3, 1.5, "receive", {"type": "http.disconnect"}))
    return exchange


def ahead(exchange: Exchange, body: bytes) -> Exchange:
    """Have the app of an exchange send more before it hears that its client has left."""
    message = {"type": "http.response.body", "body": body, "more_body": True}
    exchange.events[2:] = [Event(1, 3, 1.2, "send", message, size=len(body)), replace(exchange.events[2], n=4)]
    return exchange


def late(exchange: Exchange, body: bytes, **more: Any) -> Exchange:
    """Have the app of an exchange send a last part after it heard that its client has left."""
    exchange.add(Event(1, 4, 1.8, "send", {"type": "http.response.body", "body": body, **more}, size=len(body)))
    return exchange


def replay_of(exchange: Exchange) -> Exchange:
    """Return an exchange as the replay of another one."""
    exchange.opened = replace(exchange.opened, replay_of=1)
    return exchange


SAVED = "record it again, with a larger --save-limit"
UNFINISHED: dict[str, tuple[Exchange, Exchange, list[Found]]] = {
    "cancelled": (
        going_on(b"ab", cancelled=True),
        answered(b"abc"),
        [compared("the first 2 B; (-): it was cancelled", None)],
    ),
    "both cancelled": (
        going_on(b"ab", cancelled=True),
        going_on(b"ab", cancelled=True),
        [compared("the first 2 B; (-): it was cancelled, (+): it was cancelled", None)],
    ),
    "the end of the recording": (
        answered(b"abc"),
        going_on(b"ab", closed=False),
        [compared("the first 2 B; (+): the recording ends", None)],
    ),
    "after the answer": (ended(answered(b"a"), cancelled=True), ended(answered(b"a"), closed=False), []),
    "a difference before": (
        going_on(b"xb", closed=False),
        answered(b"abc"),
        [
            Difference(BODY, "xb", None),
            Difference(BODY, None, "ab"),
            compared("the first 2 B; (-): the recording ends", None),
        ],
    ),
    "more than there can be": (
        going_on(b"abcd", closed=False),
        answered(b"abc"),
        [Difference(SIZES, "4 B", "3 B"), compared("the first 3 B; (-): the recording ends", None)],
    ),
    "an app that stops": (going_on(b"ab"), answered(b"ab"), [Difference(f"end of the {BODY}", None, "sent")]),
    "a client that leaves": (
        left(going_on(b"ab")),
        answered(b"abc"),
        [compared("the first 2 B; (-): the client has left", None)],
    ),
    "a replay that reads so far": (going_on(b"ab"), replay_of(going_on(b"ab")), []),
    "a replay whose app was ahead of its client": (
        left(going_on(b"ab")),
        replay_of(ahead(left(going_on(b"ab")), b"cd")),
        [],
    ),
    "a recorded app that was ahead of its client": (
        ahead(left(going_on(b"ab")), b"cd"),
        replay_of(left(going_on(b"abcd"))),
        [],
    ),
    "a recorded app that went on after its client had left": (
        late(left(going_on(b"ab")), b"cd", more_body=True),
        replay_of(left(going_on(b"ab"))),
        [],
    ),
    "a recorded app that came to an end after its client had left": (
        late(left(going_on(b"ab")), b"cd"),
        replay_of(left(going_on(b"ab"))),
        [],
    ),
    "a replay whose first message is longer": (
        left(going_on(b"ab")),
        replay_of(left(going_on(b"abcd"))),
        [compared("the first 2 B; (-): the client has left", None)],
    ),
    "a replay that reads no more": (
        going_on(b"abc", cancelled=True),
        replay_of(going_on(b"abc", cancelled=True)),
        [compared("the first 3 B; (-): it was cancelled", None)],
    ),
    "a replay of an answer with an end": (
        answered(b"ab"),
        replay_of(going_on(b"ab")),
        [Difference(f"end of the {BODY}", "sent", None)],
    ),
    "clients that leave at the same place": (left(going_on(b"ab")), left(going_on(b"ab")), []),
    "no answer yet": (
        ended(Exchange(Opened(1, 0.0, SCOPE)), closed=False),
        answered(b"abc"),
        [Remark("answer", "not compared; (-): the recording ends")],
    ),
}


@pytest.mark.parametrize(("one", "other", "found"), UNFINISHED.values(), ids=list(UNFINISHED))
def test_answers_that_are_not_whole(one: Exchange, other: Exchange, found: list[Found]) -> None:
    """An answer that was cancelled, or that the recording does not have to its end, is compared as far as it goes."""
    assert list(of_answers(one, other)) == found


def test_messages_that_are_missing() -> None:
    """After a rotation of the file only what is there without a gap is compared, and that is said."""
    one, other = answered(b"abc"), answered(b"abc")
    one.events[1] = replace(one.events[1], n=9)
    chat = talked(ACCEPT, *sent(*[{"text": "x"}] * 3))
    rotated = talked(ACCEPT, *sent(*[{"text": "x"}] * 3))
    del rotated.events[2]

    assert list(of_answers(one, other)) == [compared("the first 0 B; (-): messages are missing", SAVED)]
    assert list(of_answers(chat, rotated)) == [
        Remark("sent frames", "compared: the first 1; (+): messages are missing", hint=SAVED)
    ]


def test_events_that_were_left_out() -> None:
    """What was not kept in memory is not compared, and that is said."""
    one = going_on(b"ab")
    one.left_out = 3

    assert list(of_answers(one, answered(b"abc"))) == [compared("the first 2 B; (-): messages are missing", SAVED)]


def test_conversations_that_are_not_whole() -> None:
    """A conversation that was cancelled is compared as far as it goes; its close is not known."""
    whole = talked(ACCEPT, ("send", "send", {"text": "a"}), ("send", "send", {"text": "b"}), ("send", "close", {}))
    torn = ended(talked(ACCEPT, ("send", "send", {"text": "a"})), cancelled=True)

    assert list(of_answers(torn, whole)) == [
        Remark("close code", "not compared; (-): it was cancelled"),
        Remark("sent frames", "compared: the first 1; (-): it was cancelled"),
    ]


EARLY = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}
TRAILERS = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False}
PATH = {"type": "http.response.pathsend", "path": "/a"}
FILE = {"type": "http.response.zerocopysend", "file": 7, "count": 100}


def extended(message: dict[str, Any], **start: Any) -> Exchange:
    """Return an exchange with a message of an extension."""
    exchange = answered(b"a")
    exchange.events[0].message.update(start)
    exchange.add(Event(1, 3, 1.0, "send", message))
    return exchange


def sent_file(message: dict[str, Any]) -> Exchange:
    """Return an exchange whose answer is a file."""
    exchange = answered()
    exchange.events[1] = replace(exchange.events[1], message=message)
    return exchange


def test_extensions() -> None:
    """Early hints, trailers, pushes and paths are compared as messages; what is in a file is not recorded."""
    hint = "links: [b'</a.css>; rel=preload']"
    trailers = "headers: [[b'x-sum', b'1']], more_trailers: False"

    assert list(of_answers(extended(TRAILERS), extended(TRAILERS))) == []
    assert list(of_answers(extended(EARLY), extended(TRAILERS, trailers=True))) == [
        Difference("response trailers", None, "True"),
        Difference("http.response.early_hint", hint, None),
        Difference("http.response.trailers", None, trailers),
    ]
    assert list(of_answers(extended(FILE), extended({**FILE, "file": 8}))) == [
        Remark("http.response.zerocopysend", "not compared: what is in the file is not recorded")
    ]
    assert list(of_answers(sent_file(PATH), sent_file(PATH))) == []
    assert list(of_answers(sent_file(PATH), sent_file({**PATH, "path": "/b"}))) == [
        Difference("http.response.pathsend", "path: /a", "path: /b")
    ]
    assert list(of_answers(sent_file(PATH), answered(b"content"), frozenset((b"server",)))) == [
        Remark("http.response.pathsend", "not compared: what is in the file is not recorded")
    ]
    assert list(of_answers(extended(EARLY), answered(b"a"), frozenset((b"server",)))) == [
        Remark("http.response.early_hint", "not compared: it is not seen over HTTP/1.1")
    ]


def test_packed_or_not() -> None:
    """A body that is packed and one that is not are the same if that is in them; or else their sizes are unpacked."""
    packed = answered(gzipped(b"\xff" * 50), b"x", (b"content-encoding", b"gzip"))

    assert list(of_answers(packed, answered(b"\xff" * 50, b"x"))) == [
        Difference("response header content-encoding", "gzip", None),
        PACKED,
    ]
    assert list(of_answers(packed, answered(b"\xfe" * 7, b"x")))[-1] == Difference(
        "response body, from offset 0 on", "ff " * 16 + "… (50 B)", "fe fe fe fe fe fe fe (7 B)"
    )


def test_lines_that_are_far_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many lines of a text are compared, from the first on that differs, and it is said which."""
    monkeypatch.setattr(content, "_LINES", 3)
    remark = Remark(BODY, "compared: 3 lines from line 2 on")

    assert list(of_answers(answered(b"1\n2\n3\n4\n5\n6"), answered(b"1\nb\n3\n4\n5\nf"))) == [
        Difference(BODY, "2", None),
        Difference(BODY, None, "b"),
        remark,
    ]
    assert list(of_answers(answered(b"1\n2\n3\n4\n5\n6"), answered(b"1\nx\n2\n3\n4\n5\nf"))) == [
        Difference(BODY, None, "x"),
        remark,
    ]


def test_what_is_known_of_a_server() -> None:
    """Of the headers that servers add those count that the first answer has as well, in any case."""
    added = frozenset((b"server", b"x-added"))
    one = answered(b"", b"text/plain", (b"Server", b"a"))
    other = answered(b"", b"text/plain", (b"server", b"b"), (b"X-Added", b"c"), (b"x-new", b"d"))

    assert [tuple(found) for found in of_answers(one, other, added)] == [
        ("response header server", "a", "b"),
        ("response header x-new", None, "d"),
    ]

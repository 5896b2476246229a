"""How sizes, times and messages are put into words, and content into lines."""

from dataclasses import replace
from typing import Any

import brotli
import pytest

from asgictl.inspector import bodies
from asgictl.inspector.bodies import sizes
from asgictl.inspector.record import Event, Redacted
from asgictl.inspector.show import wording
from tests.inspector.recordings import gzipped

SIZES = {
    0: "0 B",
    999: "999 B",
    1000: "1.0 kB",
    1250: "1.2 kB",
    999_900: "999.9 kB",
    1_000_000: "1.0 MB",
    2_500_000_000: "2.5 GB",
    3_000_000_000_000: "3000.0 GB",
}


@pytest.mark.parametrize(("count", "text"), SIZES.items())
def test_sizes(count: int, text: str) -> None:
    """Sizes are told in the largest unit of which there is one."""
    assert sizes.size(count) == text


@pytest.mark.parametrize(
    ("ms", "text"), [(0.0, "0.0 ms"), (0.06, "0.1 ms"), (999.94, "999.9 ms"), (1000.0, "1.0 s"), (61_250.0, "61.2 s")]
)
def test_durations(ms: float, text: str) -> None:
    """Times are told in milliseconds, from one second on in seconds."""
    assert wording.duration(ms) == text


@pytest.mark.parametrize(
    ("number", "text"), [(200, "200 OK"), (404, "404 Not Found"), (299, "299"), ("200", "200"), (None, "None")]
)
def test_statuses(number: object, text: str) -> None:
    """A status has its reason where there is one."""
    assert wording.status(number) == text


HEADERS = [(b"Content-Type", b"text/plain"), (b"x", b"y"), (b"content-length", b"3"), (b"set-cookie", Redacted(3))]
SUMMARIES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "an answer": (
        {"type": "http.response.start", "status": 404, "headers": HEADERS},
        {},
        "404 Not Found, content-type: text/plain, content-length: 3",
    ),
    "without headers": ({"type": "http.response.start", "status": 200, "headers": []}, {}, "200 OK"),
    "a body": ({"type": "http.response.body", "body": b"abc", "more_body": True}, {"size": 3}, "3 B, more_body"),
    "the last of it": ({"type": "http.response.body", "more_body": False}, {}, "0 B"),
    "a request without a body": ({"type": "http.request"}, {}, ""),
    "with an empty one": ({"type": "http.request", "body": b""}, {}, "0 B"),
    "a cut one": ({"type": "http.request", "body": b"abc"}, {"size": 5000, "cut": True}, "5.0 kB, 3 B kept"),
    "without secrets": (
        {"type": "http.request", "body": b"a=***"},
        {"size": 9, "redacted": True},
        "9 B, without secrets",
    ),
    "left out": (
        {"type": "http.request", "body": Redacted(9)},
        {"size": 9, "cut": True, "redacted": True},
        "9 B, left out (--redact-body)",
    ),
    "text": ({"type": "websocket.send", "text": "ü", "bytes": None}, {"size": 2}, "text 2 B"),
    "bytes": ({"type": "websocket.receive", "bytes": b"x"}, {"size": 1}, "bytes 1 B"),
    "text that is none": ({"type": "websocket.send", "text": 5}, {}, "text: 5"),
    "a body that is none": ({"type": "http.response.body", "body": 5, "more_body": True}, {}, "body: 5, more_body"),
    "bytes that are none beside text": (
        {"type": "websocket.send", "bytes": 5, "text": "a"},
        {"size": 1},
        "bytes: 5, text 1 B",
    ),
    "empty text": ({"type": "websocket.receive", "text": ""}, {}, "text 0 B"),
    "empty bytes": ({"type": "websocket.send", "bytes": b""}, {}, "bytes 0 B"),
    "empty text beside no bytes": ({"type": "websocket.send", "bytes": None, "text": ""}, {}, "text 0 B"),
    "empty bytes beside no text": ({"type": "websocket.receive", "bytes": b"", "text": None}, {}, "bytes 0 B"),
    "an accept": ({"type": "websocket.accept", "subprotocol": "chat"}, {}, "subprotocol chat"),
    "without a subprotocol": ({"type": "websocket.accept", "subprotocol": None}, {}, ""),
    "a close": ({"type": "websocket.close", "code": 4000, "reason": "why"}, {}, "4000, why"),
    "without a reason": ({"type": "websocket.close", "code": 1000, "reason": ""}, {}, "1000"),
    "another key": ({"type": "lifespan.startup.failed", "message": "a\n b"}, {}, "message: a b"),
    "bytes as another": ({"type": "x", "path": b"/\xff"}, {}, "path: /ÿ"),
    "no message": ("odd", {}, "not a message: odd"),
}


@pytest.mark.parametrize(("message", "fields", "text"), SUMMARIES.values(), ids=list(SUMMARIES))
def test_summaries(message: Any, fields: dict[str, Any], text: str) -> None:
    """Each kind of message says what it holds."""
    event = replace(Event(1, 1, 0.0, "send", message), **fields)

    assert wording.summary(event, headers=True) == text
    assert wording.summary(event, headers=False) == text.partition(", content")[0]


def test_previews_of_messages() -> None:
    """The beginning of a message's content is shown in one line, of one without any nothing."""
    events = [Event(1, 1, 0.0, "send", message) for message in ({"body": b"a\n b"}, {"text": "c"}, {"type": "x"}, 5)]

    assert [wording.preview(event, event.content) for event in events] == ["a b", "c", "", ""]


PREVIEWS: list[tuple[bytes | str, str]] = [
    (b"", ""),
    (b"a\tb\r\n\x0c c", "a b c"),
    (b"x" * 200, "x" * 200),
    (b"x" * 201, "x" * 200 + "…"),
    ("ü" * 200, "ü" * 200),
    ("ü".encode() * 200, "ü" * 102),
    (b"x" * 203 + "ü".encode(), "x" * 200 + "…"),
    (b"x" * 300 + b"\xff", "x" * 200 + "…"),
    (b"\x00", "00"),
    (bytes(range(16)), "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"),
    (bytes(range(17)), "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f …"),
]


@pytest.mark.parametrize(("content", "text"), PREVIEWS, ids=range(len(PREVIEWS)))
def test_previews(content: bytes | str, text: str) -> None:
    """So much of some content is shown in a line, bytes in hex, and that there is more."""
    assert bodies.preview(content) == text


TEXTS: list[tuple[bytes, str, list[str]]] = [
    (b"\x1b[1m\t\r\nx", "text", ["\x1b[1m\t", "x"]),
    (b"a\x08", "binary; has the control character \\x08", ["0000  61 08" + " " * 20 + "a."]),
    (b"a\x0e", "binary; has the control character \\x0e", ["0000  61 0e" + " " * 20 + "a."]),
    (b"a\x1a", "binary; has the control character \\x1a", ["0000  61 1a" + " " * 20 + "a."]),
    (b"a\x1c", "binary; has the control character \\x1c", ["0000  61 1c" + " " * 20 + "a."]),
    (b"a\x1f", "binary; has the control character \\x1f", ["0000  61 1f" + " " * 20 + "a."]),
    (b"~\x7f \xff", "binary; not UTF-8", ["0000  7e 7f 20 ff" + " " * 14 + "~. ."]),
    ("a😀".encode()[:-1], "binary; not UTF-8", ["0000  61 f0 9f 98" + " " * 14 + "a..."]),
    (b"a\xff\xff", "binary; not UTF-8", ["0000  61 ff ff" + " " * 17 + "a.."]),
    (b"a\xc3bcde", "binary; not UTF-8", ["0000  61 c3 62 63 64 65" + " " * 8 + "a.bcde"]),
    ("ü".encode()[:1], "binary; not UTF-8", ["0000  c3" + " " * 23 + "."]),
]


@pytest.mark.parametrize(("content", "kind", "lines"), TEXTS, ids=repr)
def test_what_is_text(content: bytes, kind: str, lines: list[str]) -> None:
    """Text may hold tabs and escapes; what holds other control characters is binary, and what ends within a letter."""
    assert bodies.shown(content, "text/plain", "") == (kind, lines)


@pytest.mark.parametrize("content", [b"\xc3", b"\xe2\x82"], ids=repr)
def test_the_beginning_of_a_letter(content: bytes) -> None:
    """A chunk that ends within its first letter is shown in hex, not as nothing."""
    assert bodies.preview(content, "text/plain", whole=False) == content.hex(" ")
    kind, lines = bodies.shown(content, "text/plain", "", whole=False)
    assert (kind, lines[0].split("  ")[1]) == ("binary; an incomplete character", content.hex(" "))


KINDS: list[tuple[bytes, str, bool, str, list[str]]] = [
    (b'{"a":1}', "application/json", False, "text", ['{"a":1}']),
    (b'  ["x"]', "", True, "JSON", ["[", '  "x"', "]"]),
    (b'{"a":1}', "text/plain", True, "text", ['{"a":1}']),
    (b"a", "", True, "text", ["a"]),
    (b'"\xc3\xbc"', "APPLICATION/Problem+JSON ; charset=utf-8", True, "JSON", ['"ü"']),
    (b"a=100%\nb=2\n\n", "application/x-www-form-urlencoded", True, "form", ["a  100%\nb=2\n\n"]),
    (b"a=1&" + b"n" * 40 + b"=2", "application/x-www-form-urlencoded; x=y", True, "form",
     [f"a{' ' * 29}  1", f"{'n' * 40}  2"]),
    (b"", "application/x-www-form-urlencoded", True, "form", []),
]  # fmt: skip


@pytest.mark.parametrize(("content", "media_type", "whole", "kind", "lines"), KINDS, ids=repr)
def test_kinds(content: bytes, media_type: str, whole: bool, kind: str, lines: list[str]) -> None:
    """Content is laid out by its type, or by its look where that is missing; JSON only if it is whole."""
    assert bodies.shown(content, media_type, "", whole=whole) == (kind, lines)


PACKED = {
    "gzip": (gzipped(b"a"), "gzip", "text, gzip"),
    "several members": (gzipped(b"a") * 5, "gzip", "text, gzip"),
    "two codings": (gzipped(brotli.compress(b"a")), "br , gzip", "text, gzip, br"),
    "none": (b"a", "identity, ", "text"),
    "an unknown one below": (gzipped(b"a"), "x-y, gzip", "text, gzip; x-y is not unpacked"),
    "another one": (b"\xff\xff\xff", "br", "binary; this is not Brotli"),
    "without its end": (gzipped(b"a" * 9)[:-4], "gzip", "text, gzip; the end is missing"),
}


@pytest.mark.parametrize(("content", "encoding", "kind"), PACKED.values(), ids=list(PACKED))
def test_packed(content: bytes, encoding: str, kind: str) -> None:
    """How content was unpacked is said, and why that is not the whole."""
    assert bodies.shown(content, "text/plain", encoding).kind == kind


def test_what_is_behind_a_preview() -> None:
    """What comes behind the letters that a preview may need makes no hex of it."""
    assert bodies.preview(b"a" * 204 + b"\0") == f"{'a' * 200}…"
    assert bodies.preview(b"a" * 203 + b"\0") == f"{'61 ' * 16}…"


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many bytes are unpacked to be shown, so many for an archive; so many lines, and rows of hex."""
    monkeypatch.setattr(bodies, "MOST", 3)
    monkeypatch.setattr(bodies, "LINES", 2)
    monkeypatch.setattr("asgictl.inspector.bodies.by_type._HEX_BYTES", 16)
    packed = gzipped(b"abcdefgh")
    assert bodies.shown(packed, "", "gzip") == ("text, gzip; only the first 3 B are unpacked", ["abc"])
    assert bodies.shown(b"a\nb", "", "").lines == ["a", "b"]
    assert bodies.shown(b"a\nb\nc", "", "").lines == ["a", "b", "… more lines"]
    monkeypatch.setattr(bodies, "LINES", 3)
    rows = [f"{begin}  {'00 ' * 7}00  {'.' * 8}" for begin in ("0000", "0008")]
    assert bodies.shown(bytes(16), "", "").lines == rows
    assert bodies.shown(bytes(19), "", "").lines == [*rows, "… 3 more bytes"]

"""Content laid out by its type, whole transcripts."""

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgictl.inspector import bodies
from asgictl.inspector.bodies import Shown, shown
from tests.inspector.bodies import patient
from tests.inspector.recordings import gzipped

FORM = b"""\
--b\r
Content-Disposition: form-data; name="title"\r
\r
Hello\r
World\r
--b\r
Content-Disposition: form-data; name="picture"; filename="cat.png"\r
Content-Type: image/png\r
\r
\x89PNG\r
--b\r
Content-Disposition: form-data; name="data"\r
Content-Type: application/json\r
X-Part: 3\r
\r
{"a": 1.0, "a": 2}\r
--b\r
Content-Disposition: form-data; name="old"\r
Content-Type: text/plain; charset=latin-1\r
\r
\xfc\r
--b\r
Content-Type: multipart/mixed; boundary=c\r
Content-Type: text/plain\r
\r
--c\r
\r
inner\r
--c--\r
--b--\r
"""
LINES_OF_FORM = [
    'part 1: name="title", 12 B',
    "  Hello",
    "  World",
    'part 2: name="picture"; filename="cat.png", image/png, 4 B',
    f"  0000  89 50 4e 47{' ' * 12}  .PNG",
    'part 3: name="data", application/json, 18 B; "a" appears 2 times',
    "  X-Part: 3",
    "  {",
    '    "a": 1.0,',
    '    "a": 2',
    "  }",
    'part 4: name="old", text/plain; charset=latin-1, 1 B; charset latin-1',
    "  ü",
    "part 5: multipart/mixed; boundary=c, 19 B, multipart/mixed, 1 part",
    "  Content-Type: text/plain",
    "  part 1: 5 B",
    "    inner",
]
MULTIPART = "multipart/form-data; boundary=b"

SHOWN: dict[str, tuple[bytes, str, str, Shown]] = {
    "a key twice": (
        b'{"b": 1, "a": 1, "b": 2}',
        "application/json",
        "",
        Shown('JSON; "b" appears 2 times', ["{", '  "b": 1,', '  "a": 1,', '  "b": 2', "}"]),
    ),
    "keys twice further inside": (
        b'[{"a": {"x": 1, "x": 1, "x": 1}}, {"y": 0, "y": 0, "z": 0, "z": 0, "q": 0, "q": 0}]',
        "",
        "",
        Shown(
            'JSON; "q" appears 2 times, "x" appears 3 times, "y" appears 2 times, …',
            [
                *("[", "  {", '    "a": {', '      "x": 1,', '      "x": 1,', '      "x": 1', "    }", "  },", "  {"),
                *('    "y": 0,', '    "y": 0,', '    "z": 0,', '    "z": 0,', '    "q": 0,', '    "q": 0', "  }", "]"),
            ],
        ),
    ),
    "numbers as they are spelled": (
        b"[1.10, 1e400, -0, 0.1000000000000000055511151231257827, 1E+2]",
        "application/json",
        "",
        Shown("JSON", ["[", "  1.10,", "  1e400,", "  -0,", "  0.1000000000000000055511151231257827,", "  1E+2", "]"]),
    ),
    "nothing in them": (b'{"a": {}, "b": []}', "", "", Shown("JSON", ["{", '  "a": {},', '  "b": []', "}"])),
    "escapes": (
        rb'["\u00e9", "\ud83d\ude00", "\ud83d", "a\nb"]',
        "application/json",
        "",
        Shown("JSON", ["[", '  "é",', '  "😀",', '  "\ud83d",', '  "a\\nb"', "]"]),
    ),
    "what only Python takes": (
        b"[NaN]",
        "application/json",
        "",
        Shown("not JSON: NaN is not a JSON number", ["[NaN]"]),
    ),
    "JSON in Latin-1": (
        b'"\xe9"',
        "application/json; charset=iso-8859-1",
        "",
        Shown("JSON; charset iso-8859-1", ['"é"']),
    ),
    "JSON behind a mark": (
        b'\xef\xbb\xbf{"a": 1}',
        "application/json",
        "",
        Shown("not JSON: it begins with a byte order mark; UTF-8 by its byte order mark", ['{"a": 1}']),
    ),
    "UTF-16": (
        "\ufeffgrüß\r\nGott".encode("utf-16-le"),
        "text/plain",
        "",
        Shown("text; UTF-16-LE by its byte order mark", ["grüß", "Gott"]),
    ),
    "Shift JIS": (
        "日本\n".encode("shift_jis"),
        "text/html; charset=Shift_JIS",
        "",
        Shown("text; charset Shift_JIS", ["日本"]),
    ),
    "a charset that nobody knows": (
        b"a",
        "text/plain; charset=klingon",
        "",
        Shown("text; charset klingon is unknown", ["a"]),
    ),
    "another charset": (
        b"\x80",
        "text/plain; charset=us-ascii",
        "",
        Shown("binary; not ASCII", [f"0000  80{' ' * 21}  ."]),
    ),
    "ends of lines": (
        b"a\rb\r\n\nc\x0cd\xe2\x80\xa8e\n",
        "text/plain",
        "",
        Shown("text", ["a", "b", "", "c\x0cd\u2028e"]),
    ),
    "JSON lines": (
        b'{"a": 1}\n{"a":\t1.0}\n',
        "application/x-ndjson",
        "",
        Shown("2 JSON lines", ['{"a": 1}', '{"a":\t1.0}']),
    ),
    "a bad one": (
        b"1\n{}\n[a]\n",
        "application/jsonl; charset=utf-8",
        "",
        Shown(
            "3 JSON lines; line 3: not JSON: Expecting value: line 1 column 2 (char 1)",
            ["1", "{}", "[a]"],
        ),
    ),
    "a key twice in one": (
        b'{"a": 1, "a": 2}',
        "application/jsonlines",
        "",
        Shown('1 JSON line; line 1: "a" appears 2 times', ['{"a": 1, "a": 2}']),
    ),
    "a form": (
        b"a=1&long=x+y%21&a=%C3%A9&b=%ff",
        "application/x-www-form-urlencoded",
        "",
        Shown("form", ["a     1", "long  x y!", "a     é", "b     \\xff"]),
    ),
    "a form with parts": (FORM, MULTIPART, "", Shown("multipart/form-data, 5 parts", LINES_OF_FORM)),
    "packed": (gzipped(FORM), MULTIPART, "gzip", Shown("multipart/form-data, 5 parts, gzip", LINES_OF_FORM)),
    "cut off": (
        FORM[:55],
        MULTIPART,
        "",
        Shown("multipart/form-data, 1 part", ['part 1: name="title", 2 B; the end is missing', "  He"]),
    ),
    "another boundary": (
        b"--x\r\n\r\n",
        MULTIPART,
        "",
        Shown("multipart/form-data; its boundary b is not in it", ["--x", ""]),
    ),
    "no boundary": (
        b"\xff",
        "multipart/mixed",
        "",
        Shown("multipart/mixed; its type names no boundary", [f"0000  ff{' ' * 21}  ."]),
    ),
    "events": (
        b": hi\n\nevent: tick\ndata: a\ndata: b\n\ndata: c",
        "text/event-stream; charset=utf-8",
        "",
        Shown(
            "event stream",
            [": hi", "event tick", "  a", "  b", "not an event: no empty line follows", "event", "  c"],
        ),
    ),
    "MessagePack": (
        b"\x01",
        "application/vnd.msgpack",
        "",
        Shown("MessagePack, 1 B; not decoded", [f"0000  01{' ' * 21}  ."]),
    ),
    "CBOR": (b"a", "application/senml+cbor", "", Shown("CBOR, 1 B; not decoded", [f"0000  61{' ' * 21}  a"])),
    "protobuf": (
        gzipped(b"\n\ta"),
        "application/x-protobuf",
        "gzip",
        Shown("protobuf, 3 B, gzip; not decoded", [f"0000  0a 09 61{' ' * 15}  ..a"]),
    ),
    "gRPC": (b"a", "application/grpc+proto", "", Shown("protobuf, 1 B; not decoded", [f"0000  61{' ' * 21}  a"])),
}  # fmt: skip


@pytest.mark.parametrize(("content", "media_type", "encoding", "found"), SHOWN.values(), ids=list(SHOWN))
def test_what_is_shown(content: bytes, media_type: str, encoding: str, found: Shown) -> None:
    """Content is shown as it was sent, in the form that its type has, with what is odd about it."""
    assert shown(content, media_type, encoding) == found


TYPES = [
    "application/json",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    MULTIPART,
    "text/event-stream",
]


@patient
@given(content=st.binary(max_size=300), media_type=st.sampled_from([*TYPES, "", "text/plain; charset=shift_jis"]))
def test_anything(content: bytes, media_type: str) -> None:
    """No content of any type raises anything."""
    shown(content, media_type, "")
    shown(content, media_type, "gzip, br", whole=False)


NESTED = b"".join(b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(5000))
HOSTILE = {
    "parts": (b"--b\r\n\r\n" * 35_000, MULTIPART),
    "ends": (b"\n\n" * 120_000, MULTIPART),
    "boundaries that are none": (b"\r\n--bx" * 40_000, MULTIPART),
    "parts in parts": (NESTED, "multipart/mixed; boundary=b0"),
    "fields": (b"&" * 200_000 + b"a=%" * 20_000, "application/x-www-form-urlencoded"),
    "deep": (b"[" * 900 + b"]" * 900, "application/json"),
    "deeper": (b'{"a":' * 50_000, "application/json"),
    "keys": (b'{"a":1,' + b'"b":1,' * 40_000 + b'"c":1}', "application/json"),
    "digits": (b"9" * 250_000, "application/json"),
    "lines of JSON": (b"1\n" * 40_000, "application/x-ndjson"),
    "events": (b"data\n\n" * 40_000, "text/event-stream"),
    "an event": (b"data:x\n" * 35_000, "text/event-stream"),
    "a name of a charset": (b"a", f"text/plain; charset={'x' * 100_000}"),
    "a charset that is slow": ("é".encode() * 100_000, "text/plain; charset=punycode"),
    "quotes": (b"a", "text/plain" + ';a="' * 25_000),
    "blanks": (b"a", "text/plain" + "; " * 50_000 + "="),
}


@pytest.mark.parametrize(("content", "media_type"), HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_content(content: bytes, media_type: str) -> None:
    """What was made to be slow or large is shown, in its limits."""
    before = time.process_time()
    tracemalloc.start()
    found = shown(content, media_type, "")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(found.lines) <= bodies.LINES + 1
    assert time.process_time() - before < 30
    assert peak < 80_000_000

"""What is in a form, against python-multipart and urllib, and what is said of an odd one."""

from urllib.parse import parse_qsl, urlencode

import pytest
import python_multipart
from hypothesis import given
from hypothesis import strategies as st
from multipart import MultipartSegment, PushMultipartParser

from asgictl.inspector.bodies.forms import Multipart, Part, fields, multipart
from tests.inspector.bodies import patient

NAMES = st.text(st.characters(codec="utf-8", exclude_characters='"\r\n\\', exclude_categories=["C"]), max_size=20)
CONTENTS = st.binary(max_size=80) | st.sampled_from([b"\r\n", b"\r\n--", b"--b", b"\r\n--bb", b"\r\n--b-", b"\n--b x"])


def written(parts: list[tuple[str, str | None, str | None, bytes]], boundary: str = "b") -> bytes:
    """Return a form as browsers write it: of each part its name, file name, type and content."""
    out = b""
    for name, file, media_type, content in parts:
        named = "" if file is None else f'; filename="{file}"'
        typed = "" if media_type is None else f"\r\nContent-Type: {media_type}"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}{typed}\r\n\r\n'
        out += head.encode() + content + b"\r\n"
    return out + f"--{boundary}--\r\n".encode()


def by_python_multipart(content: bytes, boundary: str) -> list[tuple[list[tuple[str, str]], bytes]]:
    """Return the headers and the content of each part, as Starlette gets them."""
    parts: list[tuple[list[tuple[str, str]], bytearray]] = []
    header = [b"", b""]

    def begin() -> None:
        parts.append(([], bytearray()))

    def field(data: bytes, start: int, end: int) -> None:
        header[0] += data[start:end]

    def value(data: bytes, start: int, end: int) -> None:
        header[1] += data[start:end]

    def end_of_header() -> None:
        parts[-1][0].append((header[0].decode(), header[1].decode()))
        header[:] = [b"", b""]

    def of_part(data: bytes, start: int, end: int) -> None:
        parts[-1][1].extend(data[start:end])

    parser = python_multipart.MultipartParser(
        boundary,
        {
            "on_part_begin": begin,
            "on_header_field": field,
            "on_header_value": value,
            "on_header_end": end_of_header,
            "on_part_data": of_part,
        },
    )
    parser.write(content)
    parser.finalize()
    return [(headers, bytes(body)) for headers, body in parts]


def by_multipart(content: bytes, boundary: str) -> list[tuple[list[tuple[str, str]], bytes]]:
    """Return the headers and the content of each part, as Litestar gets them."""
    parts: list[tuple[list[tuple[str, str]], bytes]] = []
    with PushMultipartParser(boundary) as parser:
        for event in parser.parse(content):
            if isinstance(event, MultipartSegment):
                parts.append((list(event.headerlist), b""))
            elif event is not None:
                parts[-1] = (parts[-1][0], parts[-1][1] + bytes(event))
    return parts


@patient
@given(
    parts=st.lists(
        st.tuples(NAMES, st.none() | NAMES, st.none() | st.sampled_from(["text/plain", "image/png"]), CONTENTS),
        min_size=1,
        max_size=5,
    )
)
def test_as_other_parsers_have_it(parts: list[tuple[str, str | None, str | None, bytes]]) -> None:
    """The parts are those that the parsers of Starlette, FastAPI and Litestar find."""
    parts = [part for part in parts if b"\r\n--b" not in b"\r\n" + part[3] + b"\r\n"]
    content = written(parts)
    found = multipart(content, "multipart/form-data; boundary=b")

    assert found == Multipart([Part(*both) for both in by_python_multipart(content, "b")], [])
    assert [(part.headers, part.content) for part in found.parts] == by_multipart(content, "b")
    assert [part.content for part in found.parts] == [content for *_, content in parts]


@patient
@given(content=st.binary(max_size=300), pieces=st.lists(st.sampled_from([b"--b", b"\r\n", b"\n", b"--", b": ", b"x"])))
def test_anything(content: bytes, pieces: list[bytes]) -> None:
    """Nothing that is sent as a form raises anything, and no byte of a part is made up."""
    for body in (content, b"".join(pieces), b"--b\r\n" + b"".join(pieces) + content):
        for whole in (True, False):
            found = multipart(body, "multipart/form-data; boundary=b", whole=whole)
            assert all(part.content in body for part in found.parts)


DISPOSITION = 'form-data; name="a"; filename="x.txt"'
BODY = f"--b\r\nContent-Disposition: {DISPOSITION}\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b--\r\n".encode()
PART = Part([("Content-Disposition", DISPOSITION), ("Content-Type", "text/plain")], b"hi")
ODD: dict[str, tuple[bytes, str, Multipart]] = {
    "as it should be": (BODY, "boundary=b", Multipart([PART], [])),
    "in quotes": (BODY, 'boundary="b"', Multipart([PART], [])),
    "no boundary": (BODY, "charset=b", Multipart([], ["its type names no boundary"])),
    "another boundary": (BODY, "boundary=c", Multipart([], ["its boundary c is not in it"])),
    "a line that only begins like it": (
        b"--b\r\n\r\n--bc\r\n--b-\r\n--b--",
        "boundary=b",
        Multipart([Part([], b"--bc\r\n--b-")], []),
    ),
    "letters that are not allowed": (
        BODY.replace(b"--b", b"--[b]"),
        "boundary=[b]",
        Multipart([PART], ["RFC 2046 does not allow this boundary"]),
    ),
    "too long": (
        BODY.replace(b"--b", b"--" + b"b" * 71),
        f"boundary={'b' * 71}",
        Multipart([PART], ["RFC 2046 does not allow this boundary"]),
    ),
    "something in front": (
        b"This is MIME.\r\n" + BODY,
        "boundary=b",
        Multipart([PART], ["13 B before the first boundary"]),
    ),
    "something behind": (BODY + b"x", "boundary=b", Multipart([PART], ["1 B after the last boundary"])),
    "LF alone": (BODY.replace(b"\r\n", b"\n"), "boundary=b", Multipart([PART], ["its lines end with LF alone"])),
    "cut off in the content": (BODY[:-9], "boundary=b", Multipart([PART._replace(fault="the end is missing")], [])),
    "cut off in the headers": (
        BODY[:30],
        "boundary=b",
        Multipart([Part([("Content-Disposition", "form")], b"", "the end is missing")], []),
    ),
    "no empty line": (
        b"--b\r\nA: 1\r\n--b--",
        "boundary=b",
        Multipart([Part([("A", "1")], b"", "no empty line after its headers")], []),
    ),
    "no headers": (b"--b\r\n\r\nhi\r\n--b--", "boundary=b", Multipart([Part([], b"hi")], [])),
    "a header over two lines": (
        b"--b\r\nA: 1\r\n  2\r\n\r\n\r\n--b--",
        "boundary=b",
        Multipart([Part([("A", "1\r\n  2")], b"")], []),
    ),
    "padding": (b"--b \t\r\n\r\nhi\r\n--b--  ", "boundary=b", Multipart([Part([], b"hi")], [])),
    "no parts": (b"--b--\r\n", "boundary=b", Multipart([], [])),
    "bytes in a header": (
        b"--b\r\nA: \xff\r\n\r\n\r\n--b--",
        "boundary=b",
        Multipart([Part([("A", "\\xff")], b"")], []),
    ),
}


@pytest.mark.parametrize(("content", "parameters", "found"), ODD.values(), ids=list(ODD))
def test_odd_ones(content: bytes, parameters: str, found: Multipart) -> None:
    """What is missing, too much, or not as the RFC has it is said, and the parts are shown all the same."""
    assert multipart(content, f"multipart/form-data; {parameters}") == found


def test_an_end_that_was_not_kept() -> None:
    """Where it is known that the end is not kept the last part has no fault."""
    assert multipart(BODY[:-9], "multipart/form-data; boundary=b", whole=False) == Multipart([PART], [])


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


@patient
@given(pairs=st.lists(st.tuples(TEXTS, TEXTS)))
def test_fields(pairs: list[tuple[str, str]]) -> None:
    """Names and values come out as they were, in their order, each as often as it is there."""
    assert fields(urlencode(pairs), "utf-8") == pairs == parse_qsl(urlencode(pairs), keep_blank_values=True)


FIELDS: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("", "utf-8", []),
    ("&&a", "utf-8", [("a", "")]),
    ("a=b=c&a=+%20", "utf-8", [("a", "b=c"), ("a", "  ")]),
    ("a=%E9", "latin-1", [("a", "é")]),
    ("a=%E9", "utf-8", [("a", "\\xe9")]),
    ("a=%zz%", "utf-8", [("a", "%zz%")]),
]


@pytest.mark.parametrize(("text", "charset", "found"), FIELDS)
def test_fields_that_are_odd(text: str, charset: str, found: list[tuple[str, str]]) -> None:
    """Fields are read by the charset of the form; what is not in it stays visible."""
    assert fields(text, charset) == found

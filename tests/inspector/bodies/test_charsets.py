"""Which text there is in some bytes."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgictl.inspector.bodies import charsets
from asgictl.inspector.bodies.charsets import Charset, parameter

CHARSETS = [
    *("utf-8", "UTF-16LE", "utf-16be", "utf-32-le", "iso-8859-1", "latin-1", "windows-1252", "iso-8859-15", "koi8-r"),
    *("shift_jis", "euc-jp", "iso-2022-jp", "gb2312", "GBK", "gb18030", "big5", "euc-kr", "us-ascii", "utf-7"),
]
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80)


@given(text=TEXTS, charset=st.sampled_from(CHARSETS))
def test_by_the_charset(text: str, charset: str) -> None:
    """Text comes out as it was, in each charset that has its letters."""
    content = text.encode(charset, "ignore")
    if content and not any(content.startswith(mark) for mark, _ in charsets._MARKS):
        assert charsets.text(content, f"text/plain; charset={charset}") == content.decode(charset)


@given(text=TEXTS, charset=st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]))
def test_by_the_mark(text: str, charset: str) -> None:
    """A byte order mark counts more than the type, as in browsers, and stays where it is."""
    marked = f"\ufeff{text}"

    assert charsets.text(marked.encode(charset), "text/plain; charset=latin-1") == marked


@given(content=st.binary(max_size=200), name=st.text(max_size=12) | st.sampled_from(CHARSETS))
def test_anything(content: bytes, name: str) -> None:
    """No content, and no name of a charset, raises anything."""
    charsets.text(content, f"text/plain; charset={name}")
    charsets.text(content, f'text/plain; charset="{name}"', whole=False)


FOUND: list[tuple[bytes, str, str | None]] = [
    (b"gr\xfc\xdfe", "text/plain; charset=iso-8859-1", "grüße"),
    (b"gr\xfc\xdfe", "text/plain", None),
    (b"gr\xfc\xdfe", "text/plain; charset=utf-8", None),
    ("grüße".encode(), "text/plain; charset=klingon", "grüße"),
    ("日本".encode("shift_jis"), 'text/html; Charset="Shift_JIS"', "日本"),
    ("ab".encode("utf-16-le"), "text/plain; charset=utf-16", "ab"),
    ('{"a": 1}'.encode("utf-16-be"), "application/json", '{"a": 1}'),
    (b"\x80abc", "text/plain; charset=shift_jis", None),
    (b"\x89PNG\0", "image/png; charset=latin-1", None),
    (b"a\x00", "text/plain", None),
    ("a\x01".encode("utf-16-le"), "text/plain; charset=utf-16le", None),
    (b"\\u0041", "text/plain; charset=unicode_escape", "\\u0041"),
    (b"abc-", "text/plain; charset=punycode", "abc-"),
    (b"6162", "text/plain; charset=hex", "6162"),
    ("aü".encode()[:-1], "", None),
    (b"", "", ""),
]


@pytest.mark.parametrize(("content", "media_type", "text"), FOUND, ids=repr)
def test_what_is_found(content: bytes, media_type: str, text: str | None) -> None:
    """By charset, mark or as UTF-8; with control characters, or in another charset, it is no text."""
    assert charsets.text(content, media_type) == text


def test_without_its_end() -> None:
    """Where the end is not kept the last letter may be half."""
    halves = [("aü", "utf-8", 1), ("日本", "shift_jis", 1), ("a😀", "utf-16-le", 2), ("a😀", "utf-8", 3)]
    found = [
        charsets.text(text.encode(charset)[:-missing], f"text/plain; charset={charset}", whole=False)
        for text, charset, missing in halves
    ]

    assert found == ["a", "日", "a", "a"]


SAID: list[tuple[bytes, str, Charset]] = [
    (b"a", "text/plain", Charset("utf-8", None)),
    (b"a", "text/plain; charset=UTF-8", Charset("utf-8", None)),
    (b"a", "text/plain; charset=Latin-1", Charset("iso8859-1", "Latin-1")),
    (b"a", "text/plain; charset=klingon", Charset("utf-8", "charset klingon is unknown")),
    (b"a", "text/plain; charset=rot13", Charset("utf-8", "charset rot13 is unknown")),
    (b"a", "text/plain; charset=utf-16", Charset("utf-16-le", "utf-16, read as little-endian")),
    (codecs.BOM_UTF8, "text/plain", Charset("utf-8", "UTF-8 by its byte order mark")),
    (codecs.BOM_UTF16_BE, "text/plain; charset=utf-16", Charset("utf-16-be", "UTF-16-BE by its byte order mark")),
    (
        codecs.BOM_UTF32_LE,
        "text/plain; charset=latin-1",
        Charset("utf-32-le", "UTF-32-LE by its byte order mark, not latin-1"),
    ),
]


@pytest.mark.parametrize(("content", "media_type", "charset"), SAID, ids=repr)
def test_what_is_said_of_it(content: bytes, media_type: str, charset: Charset) -> None:
    """A charset that is not UTF-8, unknown, or contradicted is said."""
    assert charsets.of(content, media_type) == charset


PARAMETERS = {
    "a; b=c": "c",
    "a;b = c ; d=e": "c",
    'a; B="c;d=\\"e"; b=f': 'c;d="e',
    'a; x="; b=no"; b=yes': "yes",
    'a; b="open': '"open',
    "a; b=": "",
    "a": None,
    "b=c": None,
}


@pytest.mark.parametrize(("value", "found"), PARAMETERS.items(), ids=repr)
def test_parameters(value: str, found: str | None) -> None:
    """A parameter is found in any case, with and without quotes."""
    assert parameter(value, "b") == found

"""What --redact-body takes out of bodies, and what it leaves."""

import gzip
import zlib

import pytest

from asgictl.inspector.record.secret_bodies import SecretBodies

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
PARTS = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="pin"\r\n\r\n%b\r\n--b--\r\n'
)


def part(parameters: bytes, value: bytes = b"1234") -> bytes:
    """Return a form with one part."""
    return b"--b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n--b--\r\n" % (parameters, value)


HIDDEN: dict[str, tuple[str, bytes, bytes | None]] = {
    "JSON as it is spelled": (
        JSON,
        b'{"b": 1.10, "pin": "1234",\n "a": [{"PIN": {"x": [1]}}, 1e400], "b": 2, "c": "\\u0041"}',
        b'{"b": 1.10, "pin": "***",\n "a": [{"PIN": "***"}, 1e400], "b": 2, "c": "\\u0041"}',
    ),
    "JSON in JSON": (JSON, rb'{"a": "{\"pin\": 1, \"b\": 2}"}', rb'{"a": "{\"pin\": \"***\", \"b\": 2}"}'),
    "JSON that is cut": (JSON, b'{"a": 1, "pin": "12', b'{"a": 1, "pin": "***"'),
    "a form": (FORM, b"a=%20&pin=1234&u[pin]=1&b", b"a=%20&pin=***&u[pin]=***&b"),
    "parts": ("multipart/form-data; boundary=b", PARTS % b"1234", PARTS % b"***"),
    "a name by RFC 5987": (
        "multipart/form-data; boundary=b",
        part(b"name*=UTF-8''p%69n"),
        part(b"name*=UTF-8''p%69n", b"***"),
    ),
    "two names": (
        "multipart/form-data; boundary=b",
        part(b"name=a; name*=''pin"),
        part(b"name=a; name*=''pin", b"***"),
    ),
    "a name in pieces": (
        "multipart/form-data; boundary=b",
        part(b"name*0=p; name*1=in"),
        part(b"name*0=p; name*1=in", b"***"),
    ),
    "a name in words": (
        "multipart/form-data; boundary=b",
        part(b'name="=?utf-8?Q?pin?="'),
        part(b'name="=?utf-8?Q?pin?="', b"***"),
    ),
    "a name behind another": (
        "multipart/form-data; boundary=b",
        part(b'filename="; name=a"; name="p\\in"'),
        part(b'filename="; name=a"; name="p\\in"', b"***"),
    ),
    "a boundary in a value": (
        "multipart/form-data; boundary=b",
        part(b"name=pin", b"12--b34"),
        part(b"name=pin", b"***"),
    ),
    "words behind the parts": (
        "multipart/form-data; boundary=b",
        part(b"name=a") + b"\r\nmy pin: 1234",
        part(b"name=a").removesuffix(b"--\r\n") + b"***",
    ),
    "text": ("text/plain", b"pin=1234; a=1", b"pin=***; a=1"),
    "events": ("text/event-stream", b'data: {"pin": 1}\n\n', b'data: {"pin": "***"}\n\n'),
    "prose": ("text/plain", b"the pin is 1234", None),
    "a page": ("text/html", b"<input name=pin value=1234>", None),
    "another encoding": (JSON, '{"pin": 1}'.encode("utf-16-le"), None),
    "half of a character": (JSON, rb'{"s": "{\"pin\": 1} \ud800"}', rb'{"s": "{\"pin\": \"***\"} \ud800"}'),
    "gzip": ("application/octet-stream", gzip.compress(b'{"pin": 1}'), None),
    "zlib": ("", zlib.compress(b'{"pin": 1}'), None),
    "MessagePack": ("application/msgpack", b"\x81\xa3pin\xcd\x04\xd2", None),
}
KEPT: dict[str, tuple[str, bytes]] = {
    "JSON": (JSON, b'{"spin": 1, "pins": [1.10, 1e400], "a": "pin", "spin": 2, "b": "\\u0041 \\"pin\\""}'),
    "JSON with a BOM": (JSON, b'\xef\xbb\xbf{"a": 1}'),
    "a form": (FORM, b"a=pin&spin=1&b=%20"),
    "half of a character": (FORM, b"a=%5Cud800%2525"),
    "a page": ("text/html", b"<p>Hello</p>"),
    "an image": ("image/png", b"\x89PNG\xff\x00"),
    "parts": ("multipart/form-data; boundary=b", PARTS.replace(b'"pin"', b'"spin"') % b"1234"),
    "JSON Lines": (JSON, b'{"a": "the pin"}\n{"spin": 1}\n'),
    "a part with dashes": ("multipart/form-data; boundary=b", part(b"name=a", b"12--b34")),
    "nothing": (JSON, b""),
}


def hidden(media_type: str, content: bytes) -> bytes | None:
    """Return content without the values of `pin`."""
    return SecretBodies(["pin"]).hidden(content, media_type, lambda _: b"***")


@pytest.mark.parametrize(("media_type", "content", "found"), HIDDEN.values(), ids=list(HIDDEN))
def test_what_is_hidden(media_type: str, content: bytes, found: bytes | None) -> None:
    """The values of a field are replaced, and nothing else changes; where they are not to be told, all is left out."""
    assert hidden(media_type, content) == found


@pytest.mark.parametrize(("media_type", "content"), KEPT.values(), ids=list(KEPT))
def test_what_is_kept(media_type: str, content: bytes) -> None:
    """Content without the field is kept byte by byte."""
    assert hidden(media_type, content) == content


@pytest.mark.parametrize(
    ("media_type", "content", "found"),
    [
        (
            JSON,
            b'{"my_pin": 1, "myPin": 2, "pin": 3, "spin": 4}',
            b'{"my_pin": "***", "myPin": "***", "pin": 3, "spin": 4}',
        ),
        ("application/msgpack", b"\x81\xa6my_pin\xcd\x04\xd2", None),
        ("text/html", b"<input name=my_pin value=1234>", None),
        ("text/html", b"<p>Hello</p>", b"<p>Hello</p>"),
    ],
)
def test_how_names_end(media_type: str, content: bytes, found: bytes | None) -> None:
    """`*-pin` is a name that ends so, in each kind of body."""
    assert SecretBodies(["*-pin"]).hidden(content, media_type, lambda _: b"***") == found

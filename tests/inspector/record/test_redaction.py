"""No secret is kept, in whatever form it comes."""

import base64
import re
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.record import Closed, Event, Opaque, Opened, Redacted, quoted
from asgictl.inspector.record.marks import MARK, is_hidden
from asgictl.inspector.record.redaction import NAMES, Redactor
from asgictl.inspector.sessions import codec
from tests.inspector.recordings import SCOPE, recorded

_MARK = re.compile(MARK.pattern.decode())
SECRET = "s3cr3t-VALUE"


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    """Do nothing."""


def kept(scope: dict[str, Any], app: Any = silent, **options: Any) -> str:
    """Return all that is recorded of a call with `scope`, as text."""
    return "".join(map(codec.dumps, recorded(app, {**SCOPE, **scope}, **options)))


RAW = SECRET.encode()
_URL_HEADERS = ("content-location", "link", "location", "origin", "referer", "refresh")
SCOPES: dict[str, dict[str, Any]] = {
    "names": {"headers": [(name.encode(), RAW) for name in NAMES]},
    "any case": {"headers": [(b"Authorization", RAW), (b"COOKIE", RAW)]},
    "text instead of bytes": {"headers": [("authorization", SECRET), ("Cookie", RAW)]},
    "a tuple": {"headers": ((b"authorization", RAW),)},
    "a generator": {"headers": (pair for pair in [(b"authorization", RAW)])},
    "lists": {"headers": [[b"authorization", RAW]]},
    "other bytes": {
        "headers": [(bytearray(b"authorization"), bytearray(RAW)), (memoryview(b"cookie"), memoryview(RAW))]
    },
    "a dictionary": {"headers": {b"authorization": RAW}},
    "no pairs": {"headers": [(b"authorization", RAW, RAW), b"authorization: " + RAW, None]},
    "one more name": {"headers": [(b"x-mine", RAW)]},
    "a query": {"query_string": b"a=1&token=" + RAW},
    "an encoded name": {"query_string": b"t%6fken=" + RAW + b"&TOKEN=" + RAW},
    "a query that is text": {"query_string": f"token={SECRET}"},
    "a second question mark": {"query_string": b"?x?token=" + RAW, "raw_path": b"/x?y?token=" + RAW},
    "a query in the path": {"raw_path": b"/x?token=" + RAW},
    "the page before": {"headers": [(b"referer", b"http://x/y?a=1&token=" + RAW + b"#z")]},
    "a fragment": {"headers": [(b"location", b"/next#a=1&token=" + RAW)]},
    "a password in a URL": {"headers": [(b"referer", b"https://me:" + RAW + b"@localhost/x")]},
    "a quote in a URL": {"headers": [(b"referer", b"http://h/?token=abc'" + RAW), (b"location", b"/a?token=x?" + RAW)]},
    "a name in UTF-8": {"query_string": "clé=".encode() + RAW},
    "state": {"state": {"password": SECRET, "pool": object()}},
    "subprotocols": {"subprotocols": ["bearer", SECRET], "headers": [(b"sec-websocket-protocol", RAW)]},
}


@pytest.mark.parametrize("scope", SCOPES.values(), ids=list(SCOPES))
def test_requests(scope: dict[str, Any]) -> None:
    """A secret in a request is replaced before anything is kept."""
    told = kept(scope, redact=(*NAMES, "X-Mine", "token", "clé", "Sec-WebSocket-Protocol"))

    assert SECRET not in told
    assert base64.b64encode(RAW).decode() not in told


def test_answers() -> None:
    """So is one in an answer, and in a redirect's URL."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"Set-Cookie", b"id=" + RAW), (b"location", b"/next?ok=1&token=" + RAW), ("set-cookie", SECRET)]
        await send({"type": "http.response.start", "status": 302, "headers": (pair for pair in headers)})
        await send({"type": "websocket.accept", "subprotocol": SECRET})
        await send({"type": "http.response.push", "path": f"/x?token={SECRET}", "headers": []})
        await send({"type": "http.response.early_hint", "links": [b"</x?token=" + RAW + b">; rel=preload"]})

    told = kept({}, app, redact=(*NAMES, "token", "sec-websocket-protocol"))

    assert SECRET not in told
    assert "/next?ok=1&token=***" in told


def test_errors() -> None:
    """What an exception quotes of a request's secrets is taken out of its message and its stack."""
    basic = base64.b64encode(f"me:{SECRET}".encode())
    scope = {
        "headers": [(b"authorization", b"Basic " + basic), (b"cookie", b'a="' + RAW[::-1] + b'"; b=xy')],
        "query_string": b"token=%61" + RAW,
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError(f"{SECRET} and {SECRET[::-1]}, a{SECRET} and %61{SECRET}, xy not xyz {basic.decode()}")

    told = kept(scope, app, redact=(*NAMES, "token"))

    assert SECRET not in told
    assert SECRET[::-1] not in told
    assert basic.decode() not in told
    assert "***, *** and ***, *** not xyz ***" in _MARK.sub("***", told)


def test_errors_quote_answers() -> None:
    """The secrets of the answer's headers are taken out of an exception, too, however they are written."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"set-cookie", b"id=" + RAW + b"; Secure")]}
        )
        raise ValueError(f"{SECRET} and {QUOTED!r} and {unquote_plus(QUOTED)}")

    told = kept({"headers": [(b"cookie", f"a={QUOTED}".encode())]}, app)

    assert SECRET not in told
    assert QUOTED not in told
    assert unquote_plus(QUOTED) not in told


def test_errors_keep_what_is_no_secret() -> None:
    """An exception that quotes headers or parameters that are no secrets keeps them."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"x-a", b"of-the-answer"), (b"location", b"/next?page=seven")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise ValueError("shop.example of-the-answer seven eight")

    (*_, closed) = recorded(app, {**SCOPE, "headers": [(b"host", b"shop.example")], "query_string": b"page=eight"})

    assert isinstance(closed, Closed)
    assert closed.error is not None
    assert closed.error.message == "shop.example of-the-answer seven eight"


FORMS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a header": ({"headers": [(b"X-API-Key", b"abcd")]}, "xabcdx", "x***x"),
    "a short one": ({"headers": [(b"x-api-key", b"abc")]}, "abc, xabc", "***, xabc"),
    "text": ({"headers": [("x-api-key", "abcd")]}, "abcd", "***"),
    "a cookie": ({"headers": [(b"cookie", b'a=1234; b="56 78"')]}, "1234 56 78", "*** ***"),
    "credentials": ({"headers": [(b"authorization", b"Bearer abcd")]}, "Bearer abcd, abcd", "***, ***"),
    "a user": ({"headers": [(b"authorization", b"bAsic bWU6YWJjZDplZg==")]}, "abcd:ef, me", "***, me"),
    "no base64": ({"headers": [(b"proxy-authorization", b"Basic bWU6")]}, "me:", "***"),
    "a protocol": ({"headers": [(b"sec-websocket-protocol", b"chat, abcd")]}, "abcd chat", "*** ***"),
    "a parameter": ({"query_string": b"a=1&TOKEN=ab%20cd+x"}, "ab%20cd+x, ab cd x", "***, ***"),
    "a parameter without a value": ({"query_string": b"token&a=1"}, "token 1", "token 1"),
    "a second question mark": ({"query_string": b"?x?token=abcd"}, "abcd", "***"),
    "a raw path": ({"raw_path": b"/x?token=abcd"}, "abcd", "***"),
    "a fragment": ({"headers": [(b"referer", b"http://h/#token=abcd")]}, "abcd", "***"),
    "a URL in any header": ({"headers": [(b"x-a", b"http://h/#token=abcd")]}, "abcd", "***"),
    "no parameter": ({"headers": [(b"x-a", b"http://h/#tokenize=abcd")]}, "abcd", "abcd"),
    "a password of a URL": ({"headers": [(b"referer", b"https://u:abcd@h/")]}, "abcd u h", "*** u h"),
    "a token as a user": ({"headers": [(b"x-a", b"https://abcd@h/")]}, "abcd", "***"),
    "a URL in a query": ({"query_string": b"next=%2Fcb%3Ftoken%3Dab%2520cd"}, "ab cd ab%20cd", "*** ***"),
    "a matrix parameter": ({"raw_path": b"/a;token=abcd/b"}, "abcd", "***"),
    "one word of Digest": (
        {"headers": [(b"authorization", b'Digest a="abcd", b=efgh')]},
        "abcd efgh",
        "*** ***",
    ),
    "another URL": ({}, "GET http://h/?a=1&token=abcd failed", "GET http://h/?a=1&token=*** failed"),
    "another password": ({}, "redis://:abcd@h/0", "redis://:***@h/0"),
    "a cookie in a head": ({"headers": [(b"x-a", b"cookie: a=abcd; b=efgh")]}, "abcd efgh", "*** ***"),
    "credentials in a head": ({"headers": [(b"x-a", b"authorization: Bearer abcd")]}, "abcd", "***"),
    "others' credentials": ({}, "401 for Bearer abcd", "401 for Bearer ***"),
    "a call in a traceback": (
        {},
        'Traceback:\n  File "a.py", line 1\n    login(token=token)\nE: token=abcd, {"token": "ab"} and token\n',
        'Traceback:\n  File "a.py", line 1\n    login(token=token)\nE: token=***, {"token": "***"} and token\n',
    ),
    "a message of several lines": ({}, 'bad {\n  "token": "abcd"\n}', 'bad {\n  "token": "***"\n}'),
    "a parameter in a sentence": ({}, "no token=abcd, page=2", "no token=***, page=2"),
    "no pairs": ({"headers": [(b"cookie", b"a=abcd", b""), b"cookie", (b"cookie", 5), None]}, "abcd", "abcd"),
    "quoted": ({"headers": [(b"x-api-key", b"a'b\"c\\d")]}, repr("a'b\"c\\d"), "'***'"),
    "with quotes, as it is": ({"headers": [(b"x-api-key", b"a'b\"c\\d")]}, "a'b\"c\\d", "***"),
    "as JSON": ({"headers": [(b"x-api-key", b'abc"d')]}, r"abc\"d", "***"),
    "nothing": ({"headers": [(b"x-api-key", b"")]}, "a b", "a b"),
    "the longest first": ({"headers": [(b"x-api-key", b"abcd"), (b"x-api-key", b"abcdef")]}, "abcdef", "***"),
}


@pytest.mark.parametrize(("scope", "text", "hidden"), FORMS.values(), ids=list(FORMS))
def test_forms_of_secrets(scope: dict[str, Any], text: str, hidden: str) -> None:
    """Each form that apps make of a secret is taken out of a text, and nothing else."""
    names = (*NAMES, "token", "sec-websocket-protocol")

    assert _MARK.sub("***", quoted.hiding(Redactor(names), scope, None)(text)) == hidden
    assert quoted.hiding(Redactor(()), scope, None)(text) == text


@pytest.mark.parametrize("name", [*_URL_HEADERS, *(name.title() for name in _URL_HEADERS)])
def test_headers_that_hold_a_url(name: str) -> None:
    """In each header that holds a URL its secrets are hidden, in every case, and the rest of it stays."""
    url = b"<https://me:pw@h:8/a?x=1&token=abc&y=2#token=abc>; rel=next, /b?token=abc"
    hidden = b"<https://me:***@h:8/a?x=1&token=***&y=2#token=***>; rel=next, /b?token=***"

    assert Redactor(["token"]).headers([(name.encode(), url)]) == [(name.encode(), hidden)]
    assert Redactor([]).headers([(name.encode(), url)]) == [(name.encode(), url)]
    ((_, secret),) = Redactor([name]).headers([(name.encode(), url)])
    assert secret.size == len(url)


QUOTED_HEADS: dict[bytes, bytes] = {
    b"authorization=Basic QUJDOg==": b"authorization=***",
    b'a=1; Authorization=Digest u="m", r="a"; b=2': b"a=1; Authorization=***; b=2",
    b"/a?authorization=Basic QUJDOg==&b=2": b"/a?authorization=***&b=2",
    b"Bearer x": b"Bearer ***",
    b"Basic QUJDOg==": b"Basic ***",
    b"/a?h=Bearer+x": b"/a?h=Bearer+***",
    b"Token: x": b"Token: ***",
    b"cookie: sid=x; a=b": b"cookie: ***",
    b"Host: h, Cookie: sid=x": b"Host: h, Cookie: ***",
    b'["x-api-key: a", "b"]': b'["x-api-key: ***", "b"]',
    b"Token%3A%20x": b"Token%3A%20***",
}


@pytest.mark.parametrize(("value", "hidden"), QUOTED_HEADS.items(), ids=str)
def test_headers_in_headers(value: bytes, hidden: bytes) -> None:
    """Credentials and cookies are hidden in other headers' values, at first and later, and known to be missing."""
    redactor = Redactor()

    assert is_hidden(hidden)

    assert [redactor.headers([(b"x-upstream", value)]) for _ in range(2)] == [[(b"x-upstream", hidden)]] * 2


ENDINGS = ("Circle-Token", "X-My-Secret", "db_password", "my[dbPassword]", "_token", "X-Foo-APIKey", "SERVICE_API_KEY")


@pytest.mark.parametrize("name", ENDINGS)
def test_names_that_end_like_secrets(name: str) -> None:
    """A header, or a parameter, whose name ends like one of a secret is one; a name can be given like that, too."""
    query = f"{name}=abc".encode()

    assert Redactor().headers([(name.lower().encode(), b"abc")])[0][1] == (
        b"abc" if name == "my[dbPassword]" else Redacted(3)  # no header is called like that
    )
    assert Redactor().query(query) == f"{name}=***".encode()
    assert Redactor(["*-id"]).query(b"userId=1&user_id=2&id=3&valid=4") == b"userId=***&user_id=***&id=3&valid=4"


def test_what_was_no_secret() -> None:
    """What has been no secret in one query does not make anything in another one seem to be none."""
    redactor = Redactor()

    assert redactor.query(b"=5&a=%20&ey=1&x=eyJ") == b"=5&a=%20&ey=1&x=eyJ"
    assert redactor.query(b"a=%3Ftoken%3Dabc") == b"a=%3Ftoken%3D***"
    assert b"eyJ" not in redactor.query(b"x=eyJhbGciOiJIUzI1NiJ9.a.b")


def test_a_harmless_name_before_a_secret() -> None:
    """JSON in a header hides nothing of JSON in the next one."""
    redactor = Redactor()

    for plain in (b'{"max_age": 1}', b"{'max_age': 1}", b'{"a b": 1}', b'"a"="b"'):
        assert redactor.headers([(b"nel", plain)]) == [(b"nel", plain)]
    for text in (b'{"token": "%b"}', b"{'token': '%b'}", b'"token"="%b"', b'{"my token": "%b"}'):
        ((_, found),) = redactor.headers([(b"x-meta", text % b"secretsecret1")])
        assert MARK.sub(b"***", found) == text % b"***"


WORDS = (
    *(
        b"token",
        b"page",
        b"Token",
        b"myToken",
        b"mytoken",
        b"localhost",
        b"Bearer",
        b"Basic",
        b"QUJDOg==",
        b"eyJhbGciOiJI.a.b",
    ),
    *(
        b"=",
        b":",
        b"&",
        b";",
        b", ",
        b" ",
        b"+",
        b"%20",
        b"%3D",
        b"%3a",
        b'"',
        b"'",
        b"/",
        b"//",
        b"?",
        b"@",
        b"12",
        b"\n",
    ),
)


@given(values=st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(b"".join), min_size=2, max_size=6))
def test_what_was_seen_before(values: list[bytes]) -> None:
    """What has come before changes nothing in what is hidden."""
    known = Redactor()

    def found(redactor: Redactor, value: bytes) -> list[bytes]:
        (_, header), (_, plain) = redactor.headers([(b"x-a", value), (b"x-b", b"b")])
        assert plain == b"b"
        return [MARK.sub(b"***", text) for text in (header, redactor.query(value), redactor.path(value))]

    for value in values:
        assert found(known, value) == found(Redactor(), value)


PLAIN = [b"http://h:80/a@b:c", b"/a:b@c", b"me:pw@h", b"/a#x", b"a?", b"http://h/?tokens=a&xtoken=b"]


@pytest.mark.parametrize("url", PLAIN, ids=str)
def test_urls_without_secrets(url: bytes) -> None:
    """A URL without a secret is kept byte by byte."""
    assert Redactor(["token"]).headers([(b"location", url)]) == [(b"location", url)]


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([], []),
        (((b"a", b"b"),), [(b"a", b"b")]),
        ([[b"a", b"b"]], [(b"a", b"b")]),
        ([(bytearray(b"cookie"), b"x"), (b"a", 5), (5, b"")], [(b"cookie", Redacted(1)), (b"a", 5), Opaque("tuple")]),
        ([(b"cookie", 5)], [(b"cookie", Redacted(0))]),
        ([(b"a", b"b", b"c"), b"xy", 5], [Opaque("tuple"), Opaque("bytes"), Opaque("int")]),
        ([(), (b"cookie", b"x")], [Opaque("tuple"), (b"cookie", Redacted(1))]),
        (5, Opaque("int")),
        ({b"a": b"b"}, Opaque("dict")),
    ],
    ids=str,
)
def test_odd_headers(headers: Any, found: Any) -> None:
    """Headers of any shape are recorded as pairs; what is none, by what it is."""
    assert Redactor().headers(headers) == found


def test_what_is_no_query() -> None:
    """A query that is no bytes is recorded by what it is; a raw path without a query as it is."""
    redactor = Redactor(["token"])

    assert redactor.query("token=x") == Opaque("str")
    assert [redactor.path(path) for path in (b"/x", None, b"/x?token=a?b")] == [b"/x", None, b"/x?token=***"]


def test_errors_after_changes() -> None:
    """The secrets of the request are known, whatever the app has done to its scope since; URLs have some, too."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["headers"].clear()
        scope["query_string"] = b""
        headers = [(b"set-cookie", b"id=" + RAW[::-1])]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.trailers", "headers": [(b"x", b"y")]})
        raise ValueError(f"{SECRET} {SECRET[::-1]} {SECRET.upper()} {SECRET.lower()}")

    headers = [(b"cookie", b"a=" + RAW), (b"referer", b"http://h/?token=" + RAW.upper())]
    told = kept({"headers": headers, "query_string": b"token=" + RAW.lower()}, app, redact=(*NAMES, "token"))

    assert not {SECRET, SECRET[::-1], SECRET.upper(), SECRET.lower()} & set(re.findall(r"[\w-]+", told))


QUOTED = "it's%20a secret"


def test_what_stays() -> None:
    """The size of a secret stays, and everything that is none."""
    opened, *_ = recorded(
        silent,
        {**SCOPE, "headers": [(b"cookie", b"a=b"), (b"x", b"y")], "query_string": b"a=%20&&b&token=1&="},
        redact=("token", "cookie"),
    )
    assert isinstance(opened, Opened)

    assert opened.scope["headers"] == [(b"cookie", Redacted(3)), (b"x", b"y")]
    assert opened.scope["query_string"] == b"a=%20&&b&token=***&="


def test_nothing_is_redacted_without_names() -> None:
    """Without names everything is kept as it is."""
    assert SECRET in kept({"headers": [(b"authorization", RAW)]}, redact=())


@given(query=st.binary(max_size=60))
def test_queries_without_secrets_stay(query: bytes) -> None:
    """A query without a secret is kept byte by byte."""
    assert Redactor(["such-a-name-is-never-made"]).query(query) == query


@given(name=st.text(st.characters(codec="ascii"), max_size=20), value=st.binary(max_size=20))
def test_any_name(name: str, value: bytes) -> None:
    """Any name, in any case, hides its value."""
    for form in (name, name.upper(), name.lower()):
        ((kept, secret),) = Redactor([name]).headers([(form.encode(), value)])
        assert (kept, secret.size) == (form.encode(), len(value))


@example(name="?", value=b"abc")
@example(name="a?b", value=b"abc")
@given(name=st.text(max_size=20), value=st.from_regex(rb"[a-z]{3,7}", fullmatch=True))
def test_any_parameter(name: str, value: bytes) -> None:
    """Any name of a query parameter hides its value, encoded as browsers do it."""
    form = quote_plus(name, errors="replace")
    query = Redactor([unquote_plus(form)]).query(f"such-a-name-is-never-made=1&{form}=".encode() + value)

    assert query == f"such-a-name-is-never-made=1&{form}=***".encode()


def test_what_stays_of_messages() -> None:
    """The path of a push, links and a subprotocol keep what is no secret in them; the state is told by its types."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.push", "path": "/ü\ud800?a=1&token=x", "headers": []})
        await send({"type": "http.response.early_hint", "links": [b"</a?token=x&b=1>; rel=preload"]})
        await send({"type": "websocket.accept", "subprotocol": "chat"})
        raise ValueError("of the path: secret")

    scope = {"query_string": b"a=1&token=x", "raw_path": b"/orders?token=secret", "state": {"a": 1, "b": Redactor()}}
    opened, push, hint, accept, closed = recorded(app, {**SCOPE, **scope}, redact=["token"])

    assert isinstance(opened, Opened)
    assert [opened.scope[key] for key in scope] == [
        b"a=1&token=***",
        b"/orders?token=***",
        {"a": Opaque("int"), "b": Opaque("asgictl.inspector.record.redaction.Redactor")},
    ]
    assert [event.message for event in (push, hint, accept) if isinstance(event, Event)] == [
        {"type": "http.response.push", "path": "/ü\ud800?a=1&token=***", "headers": []},
        {"type": "http.response.early_hint", "links": [b"</a?token=***&b=1>; rel=preload"]},
        {"type": "websocket.accept", "subprotocol": "chat"},
    ]
    assert isinstance(closed, Closed)
    assert str(closed.error) == "ValueError: of the path: ***"


def test_limits() -> None:
    """Of a body its beginning is kept, and its whole size; of a stream of events the beginning of each."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        kind = b"text/event-stream" if scope["path"] == "/events" else b"text/plain"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        for _ in range(2):
            await send({"type": "http.response.body", "body": b"123456", "more_body": True})

    def sizes(path: str) -> list[tuple[int, bytes | str, bool]]:
        records = recorded(app, {**SCOPE, "path": path}, body_limit=8)
        return [(one.size, one.content, one.cut) for one in records if isinstance(one, Event) and one.size]

    assert sizes("/") == [(6, b"123456", False), (6, b"12", True)]
    assert sizes("/events") == [(6, b"123456", False), (6, b"123456", False)]

"""Requests of HTTP/1, as they are on the wire."""

from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import unquote

from asgictl.inspector.against import http_behaviours
from asgictl.inspector.against.outside import Asked, Came, Judge, OutsideProbe, Talk, broken, nothing
from asgictl.inspector.against.probe_mark import PREFIX
from asgictl.inspector.against.wire import RawAnswer, Wire
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.rules.rule import Broken
from asgictl.inspector.rules.value_text import shown

_CLOSE = b"Connection: close"

# `%2F` is no slash, and the last is `é`.
_ODD_PATH = "/a%20b/c%2Fd/%C3%A9"
_QUERY = "x=%20&x=2&y=a+b&z=%C3%A9%3F?"
_CONTENT = b"0123456789" * 3
_DUPLICATES = (b"X-Asgictl: one", b"X-Asgictl: two", b"X-Asgictl: ")
_COOKIE = b"a=1; b=2; c=%3B"

# Two requests that are sent at once.
FIRST, SECOND = "pipelined", "pipelined-2"

# When a client goes away, in seconds after the answer has begun.
_SOON = 0.1


async def _get(wire: Wire, asked: Asked, *, more: str = "", lines: tuple[bytes, ...] = ()) -> Came:
    await wire.send(asked.head("GET", asked.path + more, *lines, _CLOSE))
    return Came(await wire.answer())


async def _with_method(method: str, wire: Wire, asked: Asked) -> Came:
    await wire.send(asked.head(method, None, _CLOSE))
    answer = await wire.answer(method)
    return Came(answer, unasked=await wire.unasked())


async def _with_target(target: Callable[[Asked], str], method: str, wire: Wire, asked: Asked) -> Came:
    await wire.send(asked.head(method, target(asked), _CLOSE))
    return Came(await wire.answer())


async def _old(wire: Wire, asked: Asked) -> Came:
    await wire.send(asked.head(version="1.0"))
    return Came(await wire.answer())


async def _post(parts: Callable[[bytes], tuple[bytes, ...]], line: bytes, wire: Wire, asked: Asked) -> Came:
    head = asked.head("POST", None, line, _CLOSE)
    first, *rest = parts(_CONTENT)
    await wire.send(head + first, *rest)
    return Came(await wire.answer("POST"))


def _whole(content: bytes) -> tuple[bytes, ...]:
    return (content,)


def _split(content: bytes) -> tuple[bytes, ...]:
    return b"", content[:7], content[7:]


def _chunks(content: bytes) -> tuple[bytes, ...]:
    return b"7\r\n%b\r\n" % content[:7], b"17;x=y\r\n%b\r\n" % content[7:], b"0\r\n\r\n"


def _torn_chunks(content: bytes) -> tuple[bytes, ...]:
    whole = b"".join(_chunks(content))
    return whole[:2], whole[2:9], whole[9:13], whole[13:-3], whole[-3:]


async def _wrong(lines: tuple[bytes, ...], content: bytes, wire: Wire, asked: Asked) -> Came:
    """Send what servers had better refuse, without any lines a request that has no Host."""
    head = asked.head("POST" if content else "GET", None, *lines, _CLOSE)
    await wire.send((head if lines else head.replace(b"Host: " + asked.host + b"\r\n", b"")) + content)
    return Came(await wire.answer())


async def _pipelined(wire: Wire, asked: Asked) -> Came:
    second = asked._replace(mark=asked.mark._replace(probe=SECOND))
    await wire.send(asked.head() + second.head("GET", None, _CLOSE))
    answer = await wire.answer()
    next_one = await wire.answer() if answer is not None else None
    return Came(answer, unasked=b"" if next_one is None else b"%d" % next_one.status)


async def _kept_open(wire: Wire, asked: Asked) -> Came:
    """Take the answer, and keep the connection open while the app asks for more."""
    await wire.send(asked.head())
    return Came(await wire.answer(), stays_open=True)


async def _leaves(wire: Wire, asked: Asked) -> Came:
    """Go away when the answer has begun."""
    await wire.send(asked.head())
    await wire.unasked(_SOON)
    await wire.close(at_once=True)
    return Came()


async def _leaves_early(wire: Wire, asked: Asked) -> Came:
    """Go away within the body."""
    await wire.send(asked.head("POST", None, b"Content-Length: 1000") + _CONTENT)
    await wire.unasked(_SOON)
    await wire.close(at_once=True)
    return Came()


def _answered(seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:
    """Yield what is wrong with the request as the app has it, and with the answer as its client has it."""
    yield from _of_request(seen, asked)
    if came.answer is None:
        yield broken("A-161", "the client has got no answer")
        return
    if came.answer.status != 200:  # noqa: PLR2004  # as the app answers
        yield broken("A-141", f"the app answers with 200, and the client has got {came.answer.status}")
        return
    yield from _of_headers(came.answer)
    if came.answer.body != http_behaviours.BODY or not came.answer.is_whole:
        yield broken("A-157", f"the client has got the body {shown(came.answer.body)}, which the app has not sent so")


def _of_request(seen: Exchange, asked: Asked, method: str = "GET", query: str = "", more: str = "") -> Iterator[Broken]:
    scope = seen.scope
    if scope.get("method") != method:
        yield broken("A-103", f"`method` is {shown(scope.get('method'))}, and the client has sent {method}")
    path, raw = scope.get("path"), scope.get("raw_path")
    wanted = asked.path + more
    if isinstance(path, str) and not path.endswith(unquote(wanted.partition(PREFIX)[2])):
        yield broken("A-107", f"`path` is {shown(path)}, and the client has asked for {wanted}")
    if isinstance(raw, bytes) and not raw.partition(b"?")[0].endswith(wanted.encode()):
        yield broken("A-107", f"`raw_path` is {shown(raw)}, and the client has asked for {wanted}")
    if isinstance(given := scope.get("query_string", b""), bytes) and given != query.encode():
        yield broken("A-110", f"`query_string` is {shown(given)}, and the client has asked for {query}")


def _of_headers(answer: RawAnswer) -> Iterator[Broken]:
    for name in dict.fromkeys(name for name, _ in http_behaviours.HEADERS):
        sent = [value for key, value in http_behaviours.HEADERS if key == name]
        if (got := answer.values(name)) != sent and b", ".join(got) != b", ".join(sent):
            yield broken(
                "A-143", f"the app sends {shown(sent)} as `{name.decode()}`, and the client has got {shown(got)}"
            )


def _of_target(query: str, more: str, seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:
    yield from _of_request(seen, asked, query=query, more=more)
    yield from _got(came, 200)


def _got(came: Came, status: int) -> Iterator[Broken]:
    if came.answer is None or came.answer.status != status:
        got = "nothing" if came.answer is None else came.answer.status
        yield broken("A-141", f"the app answers with {status}, and the client has got {got}")


def _without_body(number: str, status: int, seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:  # noqa: ARG001  # as all judges
    yield from _got(came, status)
    if came.unasked:
        text = f"the client has got {shown(came.unasked)} behind the head of an answer without a body"
        yield broken(number, text, severity="error")  # it is taken for the next answer


def _of_body(seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:
    yield from _of_request(seen, asked, "POST")
    if (got := seen.request_body) != _CONTENT:
        yield broken("A-131", f"the client has sent {shown(_CONTENT)}, and the app has received {shown(got)}")
    yield from _got(came, 200)


def _of_duplicates(seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:  # noqa: ARG001  # as all judges
    got = [value for name, value in seen.request_headers if name.lower() == b"x-asgictl"]
    if got != [b"one", b"two", b""]:
        yield broken("A-112", f"the client has sent `one`, `two` and nothing, and the scope has {shown(got)}")
    cookies = [value for name, value in seen.request_headers if name.lower() == b"cookie"]
    if cookies != [_COOKIE]:
        yield broken("A-112", f"the client has sent the cookies {shown(_COOKIE)}, and the scope has {shown(cookies)}")


def _of_version(seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:
    if (version := seen.scope.get("http_version")) in {"1.1", "2", "3"}:  # others are judged with the scope
        yield broken("A-102", f"`http_version` is {shown(version)}, and the client has sent HTTP/1.0")
    yield from _answered(seen, came, asked)


def _of_asterisk(seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:  # noqa: ARG001  # as all judges
    """Yield nothing: the path of an asterisk is judged with the scope."""
    yield from _got(came, 200)


def _posts(name: str, how: str, parts: Callable[[bytes], tuple[bytes, ...]], line: bytes) -> OutsideProbe:
    return OutsideProbe(name, how, partial(_post, parts, line), _of_body, "POST")


def _absolute(asked: Asked) -> str:
    return f"{asked.url.scheme}://{asked.url.netloc}{asked.path}"


_LENGTH, _CHUNKED = b"Content-Length: %d" % len(_CONTENT), b"Transfer-Encoding: chunked"
_BOTH = (b"Transfer-Encoding: chunked", b"Content-Length: 5")

_head, _plain = partial(_with_method, "HEAD"), partial(_with_method, "GET")
_given = partial(_get, lines=(*_DUPLICATES, b"Cookie: " + _COOKIE))
_odd = partial(_get, more=_ODD_PATH)
_to_all = partial(_with_target, lambda _: "*", "OPTIONS")
_of_head = partial(_without_body, "A-165", 200)


def _may_fail(name: str, how: str, talk: Talk, judge: Judge = nothing, method: str = "GET") -> OutsideProbe:
    return OutsideProbe(name, how, talk, judge, method, may_fail=True)


PROBES = (
    OutsideProbe("plain", "GET", _get, _answered),
    OutsideProbe(
        "odd-path", "GET of an encoded path", partial(_get, more=_ODD_PATH), partial(_of_target, "", _ODD_PATH)
    ),
    OutsideProbe("query", "GET with a query", partial(_get, more=f"?{_QUERY}"), partial(_of_target, _QUERY, "")),
    OutsideProbe("no-query", "GET with an empty query", partial(_get, more="?"), partial(_of_target, "", "")),
    OutsideProbe("duplicates", "GET with a header three times", _given, _of_duplicates),
    _may_fail("absolute", "GET with an absolute target", partial(_with_target, _absolute, "GET"), _answered),
    _may_fail("asterisk", "OPTIONS *", _to_all, _of_asterisk, "OPTIONS"),
    _may_fail("lower-method", "a method in lower case", partial(_with_method, "get"), method="get"),
    OutsideProbe("old", "GET of HTTP/1.0 without a Host", _old, _of_version),
    _posts("length", "POST with a length", _whole, _LENGTH),
    _posts("split", "POST with a length, in pieces", _split, _LENGTH),
    _posts("chunked", "POST in chunks", _chunks, _CHUNKED),
    _posts("torn", "POST in chunks that come in pieces", _torn_chunks, _CHUNKED),
    OutsideProbe("head", "HEAD", _head, _of_head, "HEAD"),
    OutsideProbe("head-pieces", "HEAD, answered in pieces", _head, _of_head, "HEAD"),
    OutsideProbe("no-content", "GET, answered with 204", _plain, partial(_without_body, "A-166", 204)),
    OutsideProbe("not-modified", "GET, answered with 304", _plain, partial(_without_body, "A-166", 304)),
    OutsideProbe("pieces", "GET, answered in pieces", _get, _answered),
    OutsideProbe("framed", "GET, answered with a Transfer-Encoding of the app's", _get, _answered),
    OutsideProbe(FIRST, "two requests at once", _pipelined, _answered),
    OutsideProbe("after", "GET on a connection that stays open", _kept_open, _answered),
    OutsideProbe("gone", "GET, client gone during the answer", _leaves, nothing),
    # Some call the app when they have all of the body.
    _may_fail("gone-early", "POST, client gone within its body", _leaves_early, method="POST"),
    _may_fail("no-host", "GET without a Host", partial(_wrong, (), b"")),
    _may_fail("two-hosts", "GET with two Hosts", partial(_wrong, (b"Host: a", b"Host: b"), b"")),
    _may_fail(
        "two-lengths",
        "POST with a length and in chunks",
        partial(_wrong, _BOTH, b"5\r\nhello\r\n0\r\n\r\n"),
        method="POST",
    ),
    _may_fail(
        "odd-length",
        "POST with a length that is no number",
        partial(_wrong, (b"Content-Length: +5",), b"hello"),
        method="POST",
    ),
    *(
        OutsideProbe(name, f"GET, {how}", _get, nothing)
        for name, how in (
            ("unknown-event", "the app sends an unknown event"),
            ("untyped-event", "the app sends an event without a type"),
            ("no-status", "the app begins an answer without a status"),
            ("text-status", "the app begins an answer with a text for the status"),
            ("text-headers", "the app begins an answer with headers of text"),
            ("text-body", "the app sends a body of text"),
        )
    ),
    OutsideProbe("more-keys", "GET, the app sends more keys than are known", _get, nothing),
)

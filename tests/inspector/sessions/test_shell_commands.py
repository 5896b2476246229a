"""A request as a command line: for curl, and for HTTPie."""

import base64
from typing import Any

import pytest

from asgictl.errors import AsgictlError
from asgictl.inspector.address import is_loopback, reachable, url
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Opened, Redacted
from asgictl.inspector.sessions.shell_commands import curl, httpie
from tests.inspector.recordings import SCOPE

OWN = [(b"accept", b"*/*"), (b"user-agent", b"x"), (b"accept-encoding", b"gzip"), (b"connection", b"close")]
ALL = [*OWN, (b"content-type", b"a/b"), (b"expect", b"x")]


def asked(headers: list[Any], body: bytes = b"", *, cut: bool = False, **scope: Any) -> Exchange:
    """Return a request that is complete, with `headers` and what a scope has of it."""
    plain = {**SCOPE, "method": "POST" if body else "GET", "query_string": b"", "headers": headers}
    exchange = Exchange(Opened(5, 0.0, {**plain, **scope}))
    exchange.add(Event(5, 1, 0.0, "receive", {"type": "http.request", "body": body}, size=len(body), cut=cut))
    exchange.add(Closed(5, 1.0))
    return exchange


URL = "http://127.0.0.1:8000/orders"
CURL = "curl --globoff --path-as-is --http1.1"
OWN_OF_CURL = (
    "--header 'accept: */*' --header 'user-agent: x' --header 'accept-encoding: gzip' --header 'connection: close'"
)
OWN_OF_HTTPIE = "'accept: */*' 'user-agent: x' 'accept-encoding: gzip' 'connection: close'"
QUOTE = """'"'"'"""
HTTPIE = "http --path-as-is --ignore-stdin"
ESCAPED = '"' + r"$(printf 'x-a: \033[1m\342\200\256\047\134\045\044')" + '"'
BIG = base64.b64encode(b"x" * 100_000).decode()
LINES: dict[str, tuple[Exchange, str, str]] = {
    "plain": (
        asked([]),
        f"{CURL} --header accept: --header user-agent: {URL}",
        f"{HTTPIE} GET {URL} accept: accept-encoding: connection: user-agent:",
    ),
    "with what clients add": (
        asked(OWN),
        f"{CURL} {OWN_OF_CURL} --compressed {URL}",
        f"{HTTPIE} GET {URL} {OWN_OF_HTTPIE}",
    ),
    "a body": (
        asked(ALL, b"it's"),
        f"{CURL} {OWN_OF_CURL} --header 'content-type: a/b' --header 'expect: x' --compressed"
        f" --data-raw 'it{QUOTE}s' {URL}",
        f"{HTTPIE} --raw 'it{QUOTE}s' POST {URL} {OWN_OF_HTTPIE} 'content-type: a/b' 'expect: x'",
    ),
    "a body without a type": (
        asked(OWN, b"x"),
        f"{CURL} {OWN_OF_CURL} --header content-type: --header expect: --compressed --data-raw x {URL}",
        f"{HTTPIE} --raw x POST {URL} {OWN_OF_HTTPIE} content-type: expect:",
    ),
    "a binary body": (
        asked(ALL[4:], b"\xff", method="PUT"),
        f"echo /w== | base64 --decode | {CURL} --request PUT --header 'content-type: a/b' --header 'expect: x'"
        f" --header accept: --header user-agent: --data-binary @- {URL}",
        f"echo /w== | base64 --decode | http --path-as-is PUT {URL} 'content-type: a/b' 'expect: x'"
        " accept: accept-encoding: connection: user-agent:",
    ),
    "a body with a carriage return": (
        asked(ALL, b"\r"),
        f"echo DQ== | base64 --decode | {CURL} {OWN_OF_CURL} --header 'content-type: a/b' --header 'expect: x'"
        f" --compressed --data-binary @- {URL}",
        f"echo DQ== | base64 --decode | http --path-as-is POST {URL} {OWN_OF_HTTPIE} 'content-type: a/b' 'expect: x'",
    ),
    "a body that is too long for an argument": (
        asked(ALL, b"x" * 100_000),
        f"echo {BIG} | base64 --decode | {CURL} {OWN_OF_CURL} --header 'content-type: a/b' --header 'expect: x'"
        f" --compressed --data-binary @- {URL}",
        f"echo {BIG} | base64 --decode | http --path-as-is POST {URL} {OWN_OF_HTTPIE} 'content-type: a/b' 'expect: x'",
    ),
    "a body that is just short enough": (
        asked(ALL, b"\t\n" + b"x" * 99_997),
        f"{CURL} {OWN_OF_CURL} --header 'content-type: a/b' --header 'expect: x' --compressed"
        f" --data-raw '\t\n{'x' * 99_997}' {URL}",
        f"{HTTPIE} --raw '\t\n{'x' * 99_997}' POST {URL} {OWN_OF_HTTPIE} 'content-type: a/b' 'expect: x'",
    ),
    "HEAD": (
        asked(OWN, method="HEAD"),
        f"{CURL} --head {OWN_OF_CURL} --compressed {URL}",
        f"{HTTPIE} HEAD {URL} {OWN_OF_HTTPIE}",
    ),
    "HEAD with a body": (
        asked(ALL, b"x", method="HEAD"),
        f"{CURL} --request HEAD {OWN_OF_CURL} --header 'content-type: a/b' --header 'expect: x' --compressed"
        f" --data-raw x {URL}",
        f"{HTTPIE} --raw x HEAD {URL} {OWN_OF_HTTPIE} 'content-type: a/b' 'expect: x'",
    ),
    "POST without a body": (
        asked(OWN, method="POST", http_version="2"),
        f"curl --globoff --path-as-is --http2 --request POST {OWN_OF_CURL} --compressed {URL}",
        f"{HTTPIE} POST {URL} {OWN_OF_HTTPIE}",
    ),
    "an old version": (
        asked(OWN[:2], http_version="1.0"),
        f"curl --globoff --path-as-is --http1.0 --header 'accept: */*' --header 'user-agent: x' {URL}",
        f"{HTTPIE} GET {URL} 'accept: */*' 'user-agent: x' accept-encoding: connection:",
    ),
    "a method with a quote, and an unknown version": (
        asked(OWN[:2], method="A'B", http_version="3"),
        f"{CURL} --request 'A{QUOTE}B' --header 'accept: */*' --header 'user-agent: x' {URL}",
        f"{HTTPIE} 'A{QUOTE}B' {URL} 'accept: */*' 'user-agent: x' accept-encoding: connection:",
    ),
    "every server": (
        asked(OWN[:2], method="OPTIONS", path="*", raw_path=b"*"),
        f"{CURL} --request-target '*' --request OPTIONS --header 'accept: */*' --header 'user-agent: x'"
        " http://127.0.0.1:8000",
        f"{HTTPIE} OPTIONS http://127.0.0.1:8000 'accept: */*' 'user-agent: x' accept-encoding: connection:",
    ),
    "headers": (
        asked([*OWN, (b"x-empty", b""), (b"x-a", "ü".encode()), (b"Content-Length", b"0")]),
        f"{CURL} {OWN_OF_CURL} --header 'x-empty;' --header 'x-a: ü' --compressed {URL}",
        f"{HTTPIE} GET {URL} {OWN_OF_HTTPIE} 'x-empty;' 'x-a: ü'",
    ),
    "what a terminal would act on": (
        asked([*OWN, (b"x-a", "\x1b[1m\u202e'\\%$".encode())]),
        f"{CURL} {OWN_OF_CURL} --header {ESCAPED} --compressed {URL}",
        f"{HTTPIE} GET {URL} {OWN_OF_HTTPIE} {ESCAPED}",
    ),
    "without its secrets": (
        asked(
            [*OWN, (b"cookie", Redacted(3)), (b"referer", b"http://h/?token=***")],
            query_string=b"a=1&token=***&b='",
        ),
        f"""{CURL} {OWN_OF_CURL} --compressed '{URL}?a=1&b='"'"''""",
        f"""{HTTPIE} GET '{URL}?a=1&b='"'"'' {OWN_OF_HTTPIE}""",
    ),
    "another machine": (
        asked([(b"Host", b"shop.example"), *OWN]),
        f"{CURL} {OWN_OF_CURL} --header 'host: shop.example' --compressed {URL}",
        f"{HTTPIE} GET {URL} {OWN_OF_HTTPIE} 'host: shop.example'",
    ),
}


@pytest.mark.parametrize(("exchange", "of_curl", "of_httpie"), LINES.values(), ids=list(LINES))
def test_lines(exchange: Exchange, of_curl: str, of_httpie: str) -> None:
    """The whole command: the request as it was, and what its client would add is taken away."""
    assert curl(exchange) == of_curl
    assert httpie(exchange) == of_httpie


def test_a_header_that_is_no_text() -> None:
    """A header that is no UTF-8 goes with curl, and is refused for HTTPie, which cannot send it."""
    exchange = asked([*OWN, (b"x-a", b"\xff")])

    assert curl(exchange) == f"""{CURL} {OWN_OF_CURL} --header "$(printf 'x-a: \\377')" --compressed {URL}"""
    with pytest.raises(AsgictlError) as caught:
        httpie(exchange)
    assert caught.value.message == "the header `x-a` is not UTF-8, which HTTPie cannot send"
    assert caught.value.hint == "pass --curl instead of --httpie"


WEBSOCKETS = "`asgictl session replay` does it for WebSockets"
REFUSED: list[tuple[Exchange, str, str]] = [
    (asked([], type="websocket"), "#5 is a websocket, which {} cannot send", WEBSOCKETS),
    (asked([], type="lifespan"), "#5 is a lifespan, which {} cannot send", WEBSOCKETS),
    (
        asked([], b"x", cut=True),
        "#5 has a body of which not all is kept, or was received by the app",
        "record it again, with a larger --body-limit or --save-limit",
    ),
]


@pytest.mark.parametrize(("exchange", "problem", "hint"), REFUSED, ids=["WebSocket", "lifespan", "cut"])
def test_what_cannot_be_sent(exchange: Exchange, problem: str, hint: str) -> None:
    """What is no request, or not whole, is refused for each client."""
    for command, client in ((curl, "curl"), (httpie, "HTTPie")):
        with pytest.raises(AsgictlError) as caught:
            command(exchange)
        assert (caught.value.message, caught.value.hint) == (problem.format(client), hint)


def host(name: bytes) -> list[tuple[bytes, bytes]]:
    """Return the header of a host."""
    return [(b"host", name)]


ADDRESSES: dict[str, tuple[Exchange, str, tuple[str, str | None]]] = {
    "this machine": (asked(host(b"localhost:1")), "http://localhost:1/orders", ("http://localhost:1/orders", None)),
    "a name of it": (asked(host(b"a.localhost")), "http://a.localhost/orders", ("http://a.localhost/orders", None)),
    "an address": (asked(host(b"127.0.0.1:8000")), URL, (URL, None)),
    "another machine": (asked(host(b"a.b")), "http://a.b/orders", (URL, "a.b")),
    "the same as the server": (
        asked(host(b"a.b:80"), server=["a.b", 80], scheme="https"),
        "https://a.b:80/orders",
        ("https://a.b:80/orders", None),
    ),
    "no name": (asked(host(b"localhost/x y")), "http://localhost/x y/orders", (URL, "localhost/x y")),
    "no header": (asked([]), URL, (URL, None)),
    "IPv6": (asked([], server=("::1", 80), scheme=None), "http://[::1]:80/orders", ("http://[::1]:80/orders", None)),
    "a UNIX socket": (asked([], server=["/run/s", None]), "http://localhost/orders", ("http://localhost/orders", None)),
    "no server": (asked([], server=None), "http://localhost/orders", ("http://localhost/orders", None)),
    "no address": (asked([], server=["a"]), "http://localhost/orders", ("http://localhost/orders", None)),
}


@pytest.mark.parametrize(("exchange", "whole", "there"), ADDRESSES.values(), ids=list(ADDRESSES))
def test_addresses(exchange: Exchange, whole: str, there: tuple[str, str | None]) -> None:
    """The URL is that which was asked for; what is sent again goes to the server that was asked, on this machine."""
    assert url(exchange) == whole
    assert reachable(exchange) == there


@pytest.mark.parametrize(
    ("text", "is_here"),
    [
        ("http://localhost", True),
        ("http://LOCALHOST:1/x", True),
        ("http://x.localhost", True),
        ("http://xlocalhost", False),
        ("http://localhost.x", False),
        ("http://127.9.9.9", True),
        ("http://128.0.0.1", False),
        ("http://[::1]:1", True),
        ("http://[::2]", False),
        ("http://[", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_this_machine(text: str, is_here: bool) -> None:
    """A URL leads to this machine by its names and addresses only."""
    assert is_loopback(text) is is_here

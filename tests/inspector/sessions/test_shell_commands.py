"""A request as a command line: for curl, and for HTTPie."""

import base64
import socket
from typing import Any

import pytest

from asgictl.errors import AsgictlError
from asgictl.inspector.address import Reachable, is_loopback, reachable, url
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Opened, Redacted
from asgictl.inspector.sessions.shell_commands import curl, httpie
from tests.inspector.recordings import SCOPE

OWN = [(b"accept", b"*/*"), (b"user-agent", b"x"), (b"accept-encoding", b"gzip"), (b"connection", b"close")]
ALL = [*OWN, (b"content-type", b"a/b"), (b"expect", b"x")]


HOST = (b"host", b"127.0.0.1:8000")


def asked(
    headers: list[Any], body: bytes = b"", *, cut: bool = False, hostless: bool = False, **scope: Any
) -> Exchange:
    """Return a request that is complete, with `headers`, the usual Host too, and what a scope has of it."""
    if not (hostless or any(name.lower() == b"host" for name, _ in headers)):
        headers = [HOST, *headers]
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
        f"{HTTPIE} '--raw=it{QUOTE}s' POST {URL} {OWN_OF_HTTPIE} 'content-type: a/b' 'expect: x'",
    ),
    "a body without a type": (
        asked(OWN, b"x"),
        f"{CURL} {OWN_OF_CURL} --header content-type: --header expect: --compressed --data-raw x {URL}",
        f"{HTTPIE} --raw=x POST {URL} {OWN_OF_HTTPIE} content-type: expect:",
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
        f"{HTTPIE} '--raw=\t\n{'x' * 99_997}' POST {URL} {OWN_OF_HTTPIE} 'content-type: a/b' 'expect: x'",
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
        f"{HTTPIE} --raw=x HEAD {URL} {OWN_OF_HTTPIE} 'content-type: a/b' 'expect: x'",
    ),
    "POST without a body": (
        asked(OWN, method="POST", http_version="2"),
        f"curl --globoff --path-as-is --http2-prior-knowledge --request POST {OWN_OF_CURL} --compressed {URL}",
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
        "",
    ),
    "every server": (
        asked(OWN[:2], method="OPTIONS", path="*", raw_path=b"*"),
        f"{CURL} --request-target '*' --request OPTIONS --header 'accept: */*' --header 'user-agent: x'"
        " http://127.0.0.1:8000",
        "",
    ),
    "headers": (
        asked([*OWN, (b"x-empty", b""), (b"x-a", "ü".encode()), (b"Content-Length", b"0")]),
        f"{CURL} --request GET {OWN_OF_CURL} --header 'x-empty;' --header 'x-a: ü' --header content-type:"
        f" --header expect: --compressed --data-raw '' {URL}",
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
    assert curl(exchange).line == of_curl
    if of_httpie:
        assert httpie(exchange).line == of_httpie


def test_a_header_that_is_no_text() -> None:
    """A header that is no UTF-8 goes with curl, and is refused for HTTPie, which cannot send it."""
    exchange = asked([*OWN, (b"x-a", b"\xff")])

    assert curl(exchange).line == f"""{CURL} {OWN_OF_CURL} --header "$(printf 'x-a: \\377')" --compressed {URL}"""
    with pytest.raises(AsgictlError) as caught:
        httpie(exchange)
    assert caught.value.message == "HTTPie cannot send #5: the header `x-a` is not UTF-8"
    assert caught.value.hint == "pass --curl instead of --httpie"


def unread() -> Exchange:
    """Return an upload that the app did not read."""
    found = Exchange(Opened(5, 0.0, {**SCOPE, "headers": [HOST, (b"content-length", b"1")]}))
    found.add(Closed(5, 1.0))
    return found


OTHERS = "send another exchange of the session"
REFUSED: list[tuple[Exchange, str, str]] = [
    (asked([], type="websocket"), "#5 is a websocket, which {} cannot send", "`asgictl session replay` sends it"),
    (asked([], type="lifespan"), "#5 is a lifespan, which {} cannot send", OTHERS),
    (
        asked([], b"x", cut=True),
        "not all of what the client of #5 sent is kept",
        f"record it again, with a larger --body-limit, or {OTHERS}",
    ),
    (unread(), "the app did not read the whole request of #5", OTHERS),
]


@pytest.mark.parametrize(("exchange", "problem", "hint"), REFUSED, ids=["WebSocket", "lifespan", "cut", "unread"])
def test_what_cannot_be_sent(exchange: Exchange, problem: str, hint: str) -> None:
    """What is no request, or not whole, is refused for each client."""
    for command, client in ((curl, "curl"), (httpie, "HTTPie")):
        with pytest.raises(AsgictlError) as caught:
            command(exchange)
        assert (caught.value.message, caught.value.hint) == (problem.format(client), hint)


def host(name: bytes) -> list[tuple[bytes, bytes]]:
    """Return the header of a host."""
    return [(b"host", name)]


HERE = "http://127.0.0.1:8000"
MAPPED = ("it goes to `localhost:8080`, as its Host header says: the server was `172.17.0.2:8000`",)
FOREIGN = ("it goes to `a.b:80`, which need not be this machine",)
ADDRESSES: dict[str, tuple[Exchange, str, Reachable | None]] = {
    "this machine": (
        asked(host(b"localhost:8000")),
        "http://localhost:8000/orders",
        Reachable("http://localhost:8000", None),
    ),
    "another port of it": (
        asked(host(b"127.0.0.1:6379")),
        "http://127.0.0.1:6379/orders",
        Reachable(HERE, "127.0.0.1:6379"),
    ),
    "a name of it": (
        asked(host(b"a.localhost:8000")),
        "http://a.localhost:8000/orders",
        Reachable(HERE, "a.localhost:8000"),
    ),
    "an address": (asked(host(b"127.0.0.1:8000")), URL, Reachable(HERE, None)),
    "another machine": (asked(host(b"a.b")), "http://a.b/orders", Reachable(HERE, "a.b")),
    "the same as the server": (
        asked(host(b"a.b:80"), server=["a.b", 80], scheme="https"),
        "https://a.b:80/orders",
        Reachable("https://a.b:80", None, FOREIGN),
    ),
    "a container's": (
        asked(host(b"localhost:8080"), server=["172.17.0.2", 8000]),
        "http://localhost:8080/orders",
        Reachable("http://localhost:8080", None, MAPPED),
    ),
    "a server elsewhere": (
        asked([], hostless=True, server=["a.b", 80]),
        "http://a.b:80/orders",
        Reachable("http://a.b:80", None, FOREIGN),
    ),
    "the usual port": (
        asked(host(b"[::1]"), server=["::1", 443], scheme="https"),
        "https://[::1]/orders",
        Reachable("https://[::1]", None),
    ),
    "no name": (asked(host(b"localhost/x y")), URL, Reachable(HERE, "localhost/x y")),
    "an option": (asked(host(b"-Kx")), URL, Reachable(HERE, "-Kx")),
    "no port": (asked(host(b"localhost:65536"), scheme="-Kx"), URL, None),
    "an empty one": (asked(host(b"")), URL, Reachable(HERE, "")),
    "a secret": (asked([(b"host", Redacted(3))]), URL, Reachable(HERE, None)),
    "no header": (asked([], hostless=True), URL, Reachable(HERE, None)),
    "IPv6": (
        asked([], hostless=True, server=("::1", 80), scheme=None),
        "http://[::1]:80/orders",
        Reachable("http://[::1]:80", None),
    ),
    "a UNIX socket": (
        asked([], hostless=True, server=["/run/s", None]),
        "http://localhost/orders",
        Reachable("http://localhost", None, ("it came over the UNIX socket `/run/s`, and goes to port 80 instead",)),
    ),
    "no server": (
        asked([], hostless=True, server=None),
        "http://localhost/orders",
        Reachable("http://localhost", None),
    ),
}


@pytest.mark.parametrize(("exchange", "whole", "there"), ADDRESSES.values(), ids=list(ADDRESSES))
def test_addresses(exchange: Exchange, whole: str, there: Reachable | None) -> None:
    """The URL is that which was asked for; what is sent again goes to the server that was asked, or that is said."""
    assert url(exchange) == whole
    if there is not None:
        assert reachable(exchange) == there


HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "a scheme that is an option": ({"scheme": "-Kx"}, "its scheme `-Kx` is neither http nor https"),
    "one that reads a file": (
        {"scheme": "file", "server": ["localhost", None]},
        "its scheme `file` is neither http nor https",
    ),
    "one with an escape": ({"scheme": "ht\x1b[31mtp"}, "its scheme `ht\x1b[31mtp` is neither http nor https"),
    "a method that is an option": ({"method": "--output=/tmp/p"}, "its method `--output=/tmp/p` is not one of HTTP"),
    "one with an escape, too": ({"method": "G\x1b[31mT"}, "its method `G\x1b[31mT` is not one of HTTP"),
    "an empty one": ({"method": ""}, "its method `` is not one of HTTP"),
    "a header that is the name of a file": (
        {"headers": [(b"@/etc/passwd", b"x")]},
        "its header `@/etc/passwd` has a name that HTTP does not allow",
    ),
    "a header that is an option": (
        {"headers": [(b"-Kx", b"")]},
        "its header `-Kx` has a name that HTTP does not allow",
    ),
    "one that another follows": ({"headers": [(b"x-a", b"1\r\nx-b: 2")]}, "its header `x-a` has more than one line"),
    "a host that one follows": ({"headers": [(b"host", b"a\nx-b: 2")]}, "its header `host` has more than one line"),
    "a path that is an option": ({"raw_path": b"-Kx"}, "its path `-Kx` does not begin with a slash"),
    "a server with a user": ({"server": ["me@evil.example", 80]}, "its server `me@evil.example:80` is not an address"),
    "a server that is not ASCII": (
        {"server": ["exämple.org", 80]},
        "its server `exämple.org:80` is not in ASCII, as addresses are",
    ),
    "a server that is a path": ({"server": ["x/../y?", 80]}, "its server `x/../y?:80` is not an address"),
    "a server that is an option": ({"server": ["-Kx", 80]}, "its server `-Kx:80` is not an address"),
    "a port that is none": ({"server": ["a", {"$object": "x"}]}, "its server `a:{'$object': 'x'}` is not an address"),
}


@pytest.mark.parametrize(("scope", "why"), HOSTILE.values(), ids=list(HOSTILE))
def test_a_session_of_somebody_else(scope: dict[str, Any], why: str) -> None:
    """What would become an option, a file, another line or another place is refused, and not written down."""
    for command in (curl, httpie):
        with pytest.raises(AsgictlError) as caught:
            command(asked(**{"headers": [], **scope}))
        assert (caught.value.message, caught.value.hint) == (
            f"#5 cannot be sent: {why}",
            "send another exchange of the session",
        )


ONLY_CURL: dict[str, tuple[Exchange, str]] = {
    "another method": (asked([], method="M-SEARCH"), "the method `M-SEARCH` has other characters than capital letters"),
    "every server": (asked([], raw_path=b"*"), "the target `*` is not the path of a URL"),
    "a proxy's": (asked([], raw_path=b"http://a.b/"), "the target `http://a.b/` is not the path of a URL"),
    "a fragment": (asked([], raw_path=b"/a#b"), "the target `/a#b` is not the path of a URL"),
    "no chunks": (asked([(b"transfer-encoding", b"chunked")]), "its body has chunks, but no content"),
    "a host that is no text": (asked(host(b"\xff")), "the header `host` is not UTF-8"),
    "a backslash": (asked([(b"x-a", rb"C:\:x")]), "the header `x-a` has a backslash before one of `:=@;`"),
}


@pytest.mark.parametrize(("exchange", "why"), ONLY_CURL.values(), ids=list(ONLY_CURL))
def test_what_httpie_would_change(exchange: Exchange, why: str) -> None:
    """A request that HTTPie would send as another one is refused for it, and goes with curl."""
    with pytest.raises(AsgictlError) as caught:
        httpie(exchange)

    assert caught.value.message == f"HTTPie cannot send #5: {why}"
    assert caught.value.hint == "pass --curl instead of --httpie"
    assert curl(exchange).notes == ()


SECURE: dict[str, Any] = {"scheme": "https", "server": ["127.0.0.1", 8000]}
UNTRUSTED = "where the server's certificate is not trusted, add {} with its file"
UNSAID: dict[str, tuple[Exchange, str | None, tuple[str, ...], tuple[str, ...]]] = {
    "nothing": (asked([]), "ssl/cert.pem", (), ()),
    "our own certificate": (asked([], **SECURE), "ssl/cert.pem", (), ()),
    "another one": (asked([], **SECURE), None, (UNTRUSTED.format("--cacert"),), (UNTRUSTED.format("--verify"),)),
    "an old version": (
        asked([], http_version="1.0"),
        None,
        (),
        ("HTTPie sends it over HTTP/1.1, it came over HTTP/1.0",),
    ),
    "a new version": (
        asked([], http_version="3"),
        None,
        ("curl sends it over HTTP/1.1, it came over HTTP/3",),
        ("HTTPie sends it over HTTP/1.1, it came over HTTP/3",),
    ),
    "no length": (asked([], method="DELETE"), None, (), ("HTTPie adds `content-length: 0`",)),
    "a length": (asked([(b"content-length", b"0")]), None, (), ("HTTPie leaves out `content-length: 0`",)),
    **{
        f"blanks around a header, {value!r}": (
            asked([(b"x-a", value)]),
            None,
            (),
            ("HTTPie takes blanks off the ends of header values: --curl has them",),
        )
        for value in (b"b ", b" b", b"b\t")
    },
    "an odd URL": (
        asked([], query_string=b"a=[1]"),
        None,
        (),
        ("HTTPie writes some of the URL in another way, like `[` as `%5B`: --curl has it as it was",),
    ),
    "HEAD with a body": (
        asked([], b"x", method="HEAD"),
        None,
        ("curl waits for a body of the answer, which HEAD does not have: end it with Ctrl-C",),
        (),
    ),
}


@pytest.mark.parametrize(("exchange", "certificate", "of_curl", "of_httpie"), UNSAID.values(), ids=list(UNSAID))
def test_what_a_line_cannot_say(
    exchange: Exchange, certificate: str | None, of_curl: tuple[str, ...], of_httpie: tuple[str, ...]
) -> None:
    """What a client does in another way is said."""
    assert curl(exchange, certificate).notes == of_curl
    assert httpie(exchange, certificate).notes == of_httpie


def test_our_own_certificate() -> None:
    """A server of `--https` on this machine is trusted by its certificate, and no other server."""
    here, there = asked([], **SECURE), asked([], hostless=True, scheme="https", server=["a.b", 443])

    assert " --http1.1 --cacert 'my ssl/cert.pem' " in curl(here, "my ssl/cert.pem").line
    assert " --path-as-is --verify ssl/cert.pem " in httpie(here, "ssl/cert.pem").line
    for command in (curl, httpie):
        assert "ssl/cert.pem" not in command(there, "ssl/cert.pem").line


@pytest.mark.parametrize(
    ("text", "is_here"),
    [
        ("http://localhost", True),
        ("http://LOCALHOST:1/x", True),
        ("http://localhost.", True),
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


@pytest.mark.parametrize(
    ("found", "is_here"),
    [
        (["127.0.0.1"], True),
        (["::1", "127.0.0.1"], True),
        (["127.0.0.1", "192.0.2.1"], False),
        ([], False),
        (None, False),
    ],
    ids=str,
)
def test_names_that_need_not_be_this_machine(
    monkeypatch: pytest.MonkeyPatch, found: list[str] | None, is_here: bool
) -> None:
    """A name like `shop.localhost` leads to this machine where the resolver says so, of all of its addresses."""

    def asked(host: str, port: None) -> list[Any]:
        assert (host, port) == ("shop.localhost", None)
        if found is None:
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, 0, 0, "", (address, 0)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", asked)

    assert is_loopback("http://Shop.localhost:8000/") is is_here

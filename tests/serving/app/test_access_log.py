"""The lines of the access log, whatever a client sends."""

import json
import re
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from asgictl.errors import ConfigError
from asgictl.serving.app import access_log
from asgictl.serving.app.access_log import AccessLog
from asgictl.serving.app.in_flight import InFlight, RefusedHead, WebSocketExchange


class Nobody:
    """A watcher whom nothing interests."""

    closing = False

    def begin_late_answer(self, exchange: InFlight) -> None:
        """Never called."""

    def complete(self, exchange: InFlight) -> None:
        """Do nothing."""


async def nowhere(message: Any) -> None:
    """Take a message."""


async def nothing() -> Any:
    """Give no message."""


def scope(**more: Any) -> dict[str, Any]:
    """Return the scope of an ordinary request, and what is different."""
    usual = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": "GET",
        "path": "/items",
        "raw_path": b"/items",
        "query_string": b"page=2",
        "client": ("127.0.0.1", 5000),
        "headers": [(b"host", b"shop.test"), (b"user-agent", b"test/1"), (b"x-request-id", b"abc")],
    }
    return {**usual, **more}


def exchange(status: int = 200, size: int = 12, duration: float = 0.0034, **more: Any) -> InFlight:
    """Return an exchange that is complete."""
    if more.get("type") == "websocket":
        made: InFlight = WebSocketExchange(scope(**more), nothing, nowhere, Nobody())
    else:
        made = InFlight(scope(**more), nowhere, Nobody())
    made.status, made.size, made.duration = status, size, duration
    return made


def line(made: InFlight, form: str = "text", **log: Any) -> str:
    """Return the line of an exchange."""
    return access_log.line(AccessLog(form, **log))(made)


TEXT = {
    "a request": (exchange(), '127.0.0.1:5000 - "GET /items?page=2 HTTP/1.1" 200 OK 12 B 3.4 ms'),
    "a slow one": (exchange(duration=61.2345), '127.0.0.1:5000 - "GET /items?page=2 HTTP/1.1" 200 OK 12 B 61234.5 ms'),
    "HEAD has no body": (exchange(method="HEAD"), '127.0.0.1:5000 - "HEAD /items?page=2 HTTP/1.1" 200 OK 0 B 3.4 ms'),
    "a status of its own": (exchange(status=799), '127.0.0.1:5000 - "GET /items?page=2 HTTP/1.1" 799 12 B 3.4 ms'),
    "IPv6": (exchange(client=("::1", 1)), '[::1]:1 - "GET /items?page=2 HTTP/1.1" 200 OK 12 B 3.4 ms'),
    "a UNIX socket": (exchange(client=None), '- - "GET /items?page=2 HTTP/1.1" 200 OK 12 B 3.4 ms'),
    "a WebSocket that is refused": (
        exchange(type="websocket", status=403, size=0),
        '127.0.0.1:5000 - "WebSocket /items?page=2 HTTP/1.1" 403 Forbidden 0 B 3.4 ms',
    ),
}


@pytest.mark.parametrize("case", TEXT)
def test_text(case: str) -> None:
    """The text has client, method, path with query, version, status with reason, bytes and duration."""
    made, wanted = TEXT[case]

    assert line(made) == f"{wanted}\n"


def test_a_websocket() -> None:
    """A WebSocket's line has the close code, and how long it was open."""
    made = exchange(type="websocket", status=101, size=5)
    made.close_code = 1001

    assert line(made) == '127.0.0.1:5000 - "WebSocket /items?page=2 HTTP/1.1" closed 1001, 5 B 3.4 ms\n'
    assert json.loads(line(made, "json"))["close_code"] == 1001


def test_colors_of_head() -> None:
    """A HEAD is coloured like any other."""
    assert line(exchange(method="HEAD"), colors=True).endswith('" \x1b[32m200 OK\x1b[0m 0 B 3.4 ms\n')


def test_colors() -> None:
    """On a terminal the status has the colour of its class."""
    assert " \x1b[33m404 Not Found\x1b[0m 12 B 3.4 ms\n" in line(exchange(status=404), colors=True)


def test_json() -> None:
    """JSON has one object a line, with what else is known."""
    fields = json.loads(line(exchange(), "json"))

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", fields.pop("time"))
    assert fields == {
        "client": "127.0.0.1",
        "client_port": 5000,
        "method": "GET",
        "scheme": "http",
        "host": "shop.test",
        "path": "/items",
        "query": "page=2",
        "http_version": "1.1",
        "status": 200,
        "reason": "OK",
        "bytes": 12,
        "duration_ms": 3.4,
        "user_agent": "test/1",
        "request_id": "abc",
    }


def test_combined_hosts() -> None:
    """The combined format has an address as it is, and nothing in it that looks like another field."""
    assert line(exchange(client=("::1", 5)), "combined").startswith("::1 - - [")
    assert line(exchange(client=('a" b', 5)), "combined").startswith("a\\x22\\x20b - - [")


def test_combined() -> None:
    """The combined format is Apache's."""
    made = line(exchange(headers=[(b"referer", b"https://a/"), (b"user-agent", b"x")]), "combined")

    moment = r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
    assert re.fullmatch(
        rf'127\.0\.0\.1 - - {moment} "GET /items\?page=2 HTTP/1\.1" 200 12 "https://a/" "x"\n',
        made,
    )


def test_a_template() -> None:
    """A template has fields, their formats, and headers of both sides; what is not there is a dash."""
    form = "{method} {path} {status:03d} {duration_ms:.1f} {referer} {request_header[X-Id]} {{{response_header[etag]}}}"
    access_log.check(form)
    made = exchange(headers=[(b"x-id", b"abc")])
    made.headers = [(b"ETag", b"v1")]

    assert line(made, form) == "GET /items 200 3.4 - abc {v1}\n"


FIELDS = (
    "time, client, client_port, method, scheme, host, path, query, http_version, status, reason, close_code, "
    "incomplete, bytes, duration_ms, referer, user_agent, request_id"
)
BRACES = "write a brace as {{ or }}"
TEMPLATES = {
    "jsn": ("`--access-log-format jsn` is not known", "did you mean `json`?"),
    "x": ("`--access-log-format x` is not known", "pass text, json, combined, or a template like `{path}`"),
    "{pth}": ("there is no `{pth}` for `--access-log-format`", "did you mean `{path}`?"),
    "{path": ("the template `{path` is broken: expected '}' before end of string", BRACES),
    "{path:d}": ("the template `{path:d}` is broken: Unknown format code 'd' for object of type 'str'", BRACES),
    "{status.__class__}": ("there is no `{status.__class__}` for `--access-log-format`", f"there are {FIELDS}"),
    "{request_header[x].__class__}": (
        "there is no `{request_header[x].__class__}` for `--access-log-format`",
        f"there are {FIELDS}",
    ),
    "{request_header[x][0]}": (
        "there is no `{request_header[x][0]}` for `--access-log-format`",
        "did you mean `{request_id}`?",
    ),
    "{request_header[]}": (
        "there is no `{request_header[]}` for `--access-log-format`",
        "did you mean `{request_id}`?",
    ),
    "{header[x]}": ("there is no `{header[x]}` for `--access-log-format`", f"there are {FIELDS}"),
    "{path:>{status}}": ("the template `{path:>{status}}` is broken: `>{status}` is no format for it", BRACES),
    "{bytes:c}": ("the template `{bytes:c}` is broken: `c` is no format for it", BRACES),
    "{}": ("there is no `{}` for `--access-log-format`", f"there are {FIELDS}"),
}


@pytest.mark.parametrize("form", TEMPLATES)
def test_wrong_templates(form: str) -> None:
    """A template that would fail at the first request is refused."""
    with pytest.raises(ConfigError) as caught:
        access_log.check(form)

    message, hint = TEMPLATES[form]
    assert (caught.value.message, caught.value.hint, caught.value.option) == (message, hint, "access-log-format")


# What each field is of a whole request, and of a WebSocket of which little is known.
VALUES = {
    "time": ("2026-01-02T03:04:05.678+00:00", "2026-01-02T03:04:05.678+00:00"),
    "client": ("127.0.0.1", "-"),
    "client_port": ("5000", "0"),
    "method": ("GET", "WebSocket"),
    "scheme": ("http", "-"),
    "host": ("shop.test", "-"),
    "path": ("/items", "/items"),
    "query": ("page=2", ""),
    "http_version": ("1.1", "1.1"),
    "status": ("200", "101"),
    "reason": ("OK", "Switching Protocols"),
    "close_code": ("0", "1001"),
    "incomplete": ("cut off", "-"),
    "bytes": ("12", "5"),
    "duration_ms": ("3.457", "3.457"),
    "referer": ("https://a/", "-"),
    "user_agent": ("test/1", "-"),
    "request_id": ("abc", "-"),
    "path!r:>10": ("  '/items'", "  '/items'"),
    "status:05d": ("00200", "00101"),
    "client_port:>6": ("  5000", "     0"),
    "duration_ms:.1f": ("3.5", "3.5"),
    "request_header[X-REQUEST-ID]": ("abc", "-"),
    "request_header[nosuch]": ("-", "-"),
    "response_header[ETag]": ("v1", "-"),
    "response_header[x-two!#$]": ("a\\x22b", "-"),
}


@pytest.mark.parametrize("field", VALUES)
def test_fields(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    """Each field of a template has its value, and one that is not known a dash, or a nought where it is a number."""
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
    monkeypatch.setattr(access_log, "datetime", SimpleNamespace(now=moment.astimezone))
    whole = exchange(duration=0.0034567)
    whole.scope["headers"].append((b"referer", b"https://a/"))
    whole.headers = [(b"ETag", b"v1"), ("X-Two!#$", 'a"b')]  # h11 takes text, too
    whole.incomplete = "cut off"
    bare = exchange(status=101, size=5, duration=0.0034567, type="websocket", client=None, headers=[], query_string=b"")
    bare.close_code = 1001
    del bare.scope["scheme"]

    access_log.check(f"{{{field}}}")

    assert (line(whole, f"{{{field}}}"), line(bare, f"{{{field}}}")) == tuple(f"{it}\n" for it in VALUES[field])


def test_all_fields_are_tried() -> None:
    """There is no other field than those that are shown to work."""
    assert [name for name in VALUES if re.fullmatch(r"\w+", name)] == list(access_log._FIELDS)
    assert ", ".join(access_log._FIELDS) == FIELDS


def test_json_of_what_is_little() -> None:
    """JSON leaves out what is not known or empty, and keeps numbers that are nought."""
    made = exchange(size=0, duration=0.0, client=None, headers=[], query_string=b"", method="HEAD")
    fields = json.loads(line(made, "json"))
    del fields["time"]

    assert fields == {
        "method": "HEAD",
        "scheme": "http",
        "path": "/items",
        "http_version": "1.1",
        "status": 200,
        "reason": "OK",
        "bytes": 0,
        "duration_ms": 0.0,
    }


DURATIONS = {
    0.0: "0.0",
    0.00009: "0.0",
    0.0001: "0.1",
    0.00199: "1.9",
    0.04999: "49.9",
    0.05: "50.0",
    1.23456: "1234.6",
}


@pytest.mark.parametrize("duration", DURATIONS)
def test_durations(duration: float) -> None:
    """A duration has a tenth of a millisecond, whether it is short or long."""
    assert line(exchange(duration=duration)).endswith(f" {DURATIONS[duration]} ms\n")


STATUS_COLORS = {101: "0", 200: "32", 299: "32", 304: "36", 404: "33", 500: "31", 599: "31", 600: "0"}


@pytest.mark.parametrize("status", STATUS_COLORS)
def test_each_color(status: int) -> None:
    """Each class of answers has its colour, and what belongs to none has none; the rest of the line is the same."""
    made = exchange(status=status)

    colored = line(made, colors=True)

    assert f'HTTP/1.1" \x1b[{STATUS_COLORS[status]}m{status}' in colored
    assert re.sub(r"\x1b\[\d+m", "", colored) == line(made)


# Path and query as bytes, and as they are shown.
TARGETS = {
    (b"/a", b""): "/a",
    (b"/a", b"b=c&d"): "/a?b=c&d",
    (b"/a%20b//c", b"?"): "/a%20b//c??",
    (b'/ "\\\x7f\x00\n', b""): "/%20%22%5C%7F%00%0A",
    ("/é".encode(), "ü".encode()): "/%C3%A9?%C3%BC",
    (b"/!#[]~^{}", b"|"): "/!#[]~^{}?|",
}


@pytest.mark.parametrize("target", TARGETS)
def test_targets(target: tuple[bytes, bytes]) -> None:
    """A path and its query are shown as they were asked for, with what could break the line percent-encoded."""
    path, query = target

    assert f'"GET {TARGETS[target]} HTTP/1.1"' in line(exchange(raw_path=path, query_string=query))


def test_clients() -> None:
    """A client has its port where one is known; an address that a proxy has passed on has none."""
    assert line(exchange(client=("192.0.2.7", 0))).startswith('192.0.2.7 - "')
    assert line(exchange(client=("2001:db8::7", 0))).startswith('[2001:db8::7] - "')
    assert line(exchange(client=('a b"\\c', 9))).startswith('a\\x20b\\x22\\x5cc:9 - "')


COMBINED: dict[str, tuple[InFlight, str]] = {
    "a request": (exchange(), '127.0.0.1 - - [{}] "GET /items?page=2 HTTP/1.1" 200 12 "-" "test/1"'),
    "nothing sent": (exchange(size=0), '127.0.0.1 - - [{}] "GET /items?page=2 HTTP/1.1" 200 - "-" "test/1"'),
    "HEAD": (exchange(method="HEAD"), '127.0.0.1 - - [{}] "HEAD /items?page=2 HTTP/1.1" 200 - "-" "test/1"'),
    "a WebSocket": (
        exchange(status=101, type="websocket"),
        '127.0.0.1 - - [{}] "GET /items?page=2 HTTP/1.1" 101 12 "-" "test/1"',
    ),
    "no client, no headers": (
        exchange(client=None, headers=[]),
        '- - - [{}] "GET /items?page=2 HTTP/1.1" 200 12 "-" "-"',
    ),
}


@pytest.mark.parametrize("case", COMBINED)
def test_combined_lines(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Each line of the combined format has Apache's nine fields, with a dash for what is not there."""
    epoch = time.gmtime(0)
    monkeypatch.setattr(access_log, "time", SimpleNamespace(strftime=lambda form: time.strftime(form, epoch)))
    made, wanted = COMBINED[case]

    assert line(made, "combined") == wanted.format("01/Jan/1970:00:00:00 +0000") + "\n"


# What is wrong with an answer of 200, and how each format tells of it.
INCOMPLETE = {
    "cut off": ("200 OK, cut off, 12 B 3.4 ms\n", "500 12", "31", True),
    "client left": ("200 OK, client left, 12 B 3.4 ms\n", "200 12", "32", False),
    "upload unread": ("200 OK, upload unread, 12 B 3.4 ms\n", "200 12", "32", False),
}


@pytest.mark.parametrize("incomplete", INCOMPLETE)
def test_answers_that_are_incomplete(incomplete: str) -> None:
    """Each format tells of an answer that is not whole; one that is cut off has failed, also on a quiet path."""
    text, combined, color, has_failed = INCOMPLETE[incomplete]
    made = exchange()
    made.incomplete = incomplete
    fields = json.loads(line(made, "json"))

    assert line(made) == f'127.0.0.1:5000 - "GET /items?page=2 HTTP/1.1" {text}'
    assert f"\x1b[{color}m200 OK, {incomplete},\x1b[0m 12 B" in line(made, colors=True)
    assert (fields["status"], fields["incomplete"], fields["bytes"]) == (200, incomplete, 12)
    assert f'" {combined} "' in line(made, "combined")
    assert line(made, "{status} {incomplete}") == f"200 {incomplete}\n"
    assert bool(line(made, quiet_path=("/items",))) is has_failed


FORGED = '\r\n\x1b[2J\x00\x7f"\\ 127.0.0.1 - "GET /forged HTTP/1.1" 200'
FORMS = [
    "text",
    "json",
    "combined",
    "{client} {path} {query} {user_agent} {referer} {host} {method} {http_version} {scheme} {request_header[a]}",
]


@pytest.mark.parametrize("form", FORMS)
def test_nothing_can_be_forged(form: str) -> None:
    """Whatever a path, a query, a header or a forwarded address holds, it stays in its one line, and its field."""
    raw = FORGED.encode("latin-1")
    names = (b"user-agent", b"referer", b"host", b"a")
    made = exchange(
        raw_path=b"/" + raw,
        query_string=raw,
        client=(FORGED, 1),
        headers=[(name, raw) for name in names],
        method=FORGED,
        http_version=FORGED,
        scheme=FORGED,
    )

    text = line(made, form)

    assert text.endswith("\n")
    assert text[:-1].isascii()
    assert text[:-1].isprintable()
    if form == "json":
        assert json.loads(text)["user_agent"] == FORGED
    elif form == "text":
        assert text.count('"') == 2
    elif form == "combined":
        assert text.count('"') == 6


def test_quiet_paths() -> None:
    """A quiet path has no line unless it fails."""
    quiet: dict[str, Any] = {"quiet_path": ("/healthz", "/static/*")}

    assert line(exchange(path="/healthz"), **quiet) == ""
    assert line(exchange(path="/healthz", status=399), **quiet) == ""
    assert "400" in line(exchange(path="/healthz", status=400), **quiet)
    assert line(exchange(path="/static"), **quiet)
    assert line(exchange(path="/Static/a"), **quiet)
    assert line(exchange(path="/static/a/b.css"), **quiet) == ""
    assert "500" in line(exchange(path="/healthz", status=500), **quiet)
    assert line(exchange(path="/health"), **quiet)


def test_a_refused_head() -> None:
    """A request of which only the client is known has a line in every format."""
    refused = RefusedHead(408, ("127.0.0.1", 5000), 39, 30.0)

    assert line(refused) == '127.0.0.1:5000 - "-" 408 Request Timeout 39 B 30000.0 ms\n'
    assert json.loads(line(refused, "json")).keys() == {
        *("time", "client", "client_port", "status", "reason", "bytes", "duration_ms")
    }
    assert line(refused, "combined").startswith("127.0.0.1 - - [")
    assert line(refused, "combined").endswith('] "-" 408 39 "-" "-"\n')
    assert line(refused, "{client} {status} {path}|{request_header[host]}") == "127.0.0.1 408 |-\n"
    assert line(RefusedHead(431, None, 38, 0.0)) == '- - "-" 431 Request Header Fields Too Large 38 B 0.0 ms\n'


def test_clients_are_kept_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many clients there are, each has its own address, and those that are kept are few."""
    monkeypatch.setattr(access_log, "_MOST_CLIENTS", 2)
    known = access_log._Clients()

    for round_ in range(2):
        assert [known["::1", port] for port in (1, 2, 3)] == ["[::1]:1", "[::1]:2", "[::1]:3"], round_
        assert len(known) <= 2
    assert known[None] == "-"

"""The lines of the access log, whatever a client sends, and the writer that loses none."""

import errno
import json
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from asgictl.errors import ConfigError
from asgictl.serving import access_log
from asgictl.serving.access_log import AccessLog
from asgictl.serving.exchange import Exchange, WebSocketExchange
from asgictl.serving.log_writer import LogWriter


class Nobody:
    """A watcher whom nothing interests."""

    closing = False

    def begin_late_answer(self, exchange: Exchange) -> None:
        """Never called."""

    def complete(self, exchange: Exchange) -> None:
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


def exchange(status: int = 200, size: int = 12, duration: float = 0.0034, **more: Any) -> Exchange:
    """Return an exchange that is complete."""
    if more.get("type") == "websocket":
        made: Exchange = WebSocketExchange(scope(**more), nothing, nowhere, Nobody())
    else:
        made = Exchange(scope(**more), nowhere, Nobody())
    made.status, made.size, made.duration = status, size, duration
    return made


def line(made: Exchange, form: str = "text", **log: Any) -> str:
    """Return the line of an exchange."""
    return access_log.line(AccessLog(form=form, **log))(made)


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
    made.start = {"headers": [(b"ETag", b"v1")]}

    assert line(made, form) == "GET /items 200 3.4 - abc {v1}\n"


TEMPLATES = {
    "jsn": ("`--access-log-format jsn` is not known", "did you mean `json`?"),
    "{pth}": ("there is no `{pth}` for `--access-log-format`", "did you mean `{path}`?"),
    "{path": ("the template `{path` is broken: expected '}' before end of string", "write a brace as {{ or }}"),
    "{path:d}": (
        "the template `{path:d}` is broken: Unknown format code 'd' for object of type 'str'",
        "write a brace as {{ or }}",
    ),
    "{status.__class__}": ("there is no `{status.__class__}` for `--access-log-format`", None),
    "{path:>{status}}": ("the template `{path:>{status}}` is broken: `>{status}` is no format for it", None),
    "{bytes:c}": ("the template `{bytes:c}` is broken: `c` is no format for it", None),
    "{}": ("there is no `{}` for `--access-log-format`", None),
}


@pytest.mark.parametrize("form", TEMPLATES)
def test_wrong_templates(form: str) -> None:
    """A template that would fail at the first request is refused."""
    with pytest.raises(ConfigError) as caught:
        access_log.check(form)

    message, hint = TEMPLATES[form]
    assert caught.value.message == message
    assert hint is None or caught.value.hint == hint


def test_a_client_that_has_gone() -> None:
    """A request whose client has gone before the answer is no failure of the server."""

    class Cycle:
        disconnected = True

        async def send(self, message: Any) -> None:
            """Drop it."""

    gone = Exchange(scope(), Cycle().send, Nobody())
    gone.end()

    assert '" 499 Client Closed Request 0 B ' in line(gone)


FORGED = '\r\n\x1b[2J\x00\x7f"\\ 127.0.0.1 - "GET /forged HTTP/1.1" 200'
FORMS = ["text", "json", "combined", "{client} {path} {query} {user_agent} {referer} {host} {request_header[a]}"]


@pytest.mark.parametrize("form", FORMS)
def test_nothing_can_be_forged(form: str) -> None:
    """Whatever a path, a query, a header or a forwarded address holds, it stays in its one line, and its field."""
    raw = FORGED.encode("latin-1")
    names = (b"user-agent", b"referer", b"host", b"a")
    made = exchange(raw_path=b"/" + raw, query_string=raw, client=(FORGED, 1), headers=[(name, raw) for name in names])

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
    quiet: dict[str, Any] = {"quiet": ("/healthz", "/static/*")}

    assert line(exchange(path="/healthz"), **quiet) == ""
    assert line(exchange(path="/static/a/b.css"), **quiet) == ""
    assert "500" in line(exchange(path="/healthz", status=500), **quiet)
    assert line(exchange(path="/health"), **quiet)


class Complaints(list[str]):
    """What the writer says on stderr."""

    def __call__(self, text: str) -> None:
        """Keep what is said."""
        self.append(text)


def test_lines_are_written_soon() -> None:
    """A line arrives by itself, and one that comes later does, too."""
    reading, writing = os.pipe()
    writer = LogWriter(writing, lock=None, complain=Complaints())

    for text in ("first\n", "second\n"):
        writer.write(text)
        assert os.read(reading, 100) == text.encode()
    os.close(reading)
    os.close(writing)


def test_long_and_short_lines_stay_whole(tmp_path: Path) -> None:
    """Writers that share a pipe and a lock do not tear each other's lines, however long."""
    reading, writing = os.pipe()
    lock = tmp_path / "lock"
    lock.touch()
    writers = [LogWriter(writing, lock=str(lock), complain=Complaints()) for _ in range(4)]
    lines = [f"{name} {number} {name * (number * 37 % 9000)}\n" for name in "abcd" for number in range(200)]
    received = bytearray()

    def read() -> None:
        while data := os.read(reading, 65536):
            received.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    threads = []
    for writer, name in zip(writers, "abcd", strict=True):
        own = [text for text in lines if text[0] == name]
        threads.append(threading.Thread(target=lambda writer=writer, own=own: [writer.write(text) for text in own]))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer in writers:
        writer.finish(20)
    os.close(writing)
    reader.join()
    os.close(reading)

    assert sorted(received.decode().splitlines(keepends=True)) == sorted(lines)


def test_the_end_waits() -> None:
    """The end waits for the lines that are there, and for those that still come."""
    reading, writing = os.pipe()
    writer = LogWriter(writing, lock=None, complain=Complaints())
    writer.write("first\n")
    writer.finish()
    writer.write("last\n")
    writer.finish()

    assert os.read(reading, 100) == b"first\nlast\n"
    os.close(reading)
    os.close(writing)


def test_nobody_reads_any_more() -> None:
    """A closed pipe is no reason to complain, nor to end."""
    reading, writing = os.pipe()
    os.close(reading)
    complaints = Complaints()
    writer = LogWriter(writing, lock=None, complain=complaints)

    writer.write("lost\n")
    writer.finish()

    os.close(writing)
    assert complaints == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
def test_the_disk_is_full() -> None:
    """A full disk is told of once."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    complaints = Complaints()
    writer = LogWriter(descriptor, lock=None, complain=complaints)

    for _ in range(2):
        writer.write("lost\n")
        writer.finish()

    os.close(descriptor)
    assert complaints == [f"the access log cannot be written: {os.strerror(errno.ENOSPC)}"]


def test_a_reader_that_stalls() -> None:
    """Neither a line nor the end waits for a reader who does not read, and nothing is lost when he goes on."""
    reading, writing = os.pipe()
    writer = LogWriter(writing, lock=None, complain=Complaints())
    lines = [f"{number} {'x' * 1000}\n" for number in range(200)]
    for text in lines:
        writer.write(text)
    writer.finish(0.2)
    writer.write("last\n")
    received = b""

    while not received.endswith(b"last\n"):
        received += os.read(reading, 65536)

    assert received.decode() == "".join([*lines, "last\n"])
    os.close(reading)
    os.close(writing)


def test_any_text_is_written() -> None:
    """What is not UTF-8 cannot stop the log."""
    reading, writing = os.pipe()
    writer = LogWriter(writing, lock=None, complain=Complaints())

    writer.write("\udce9\n")

    assert os.read(reading, 100) == b"\\udce9\n"
    os.close(reading)
    os.close(writing)


def test_a_pipe_that_does_not_block() -> None:
    """A pipe that somebody else has made non-blocking, and that is full, is waited for."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    writer = LogWriter(writing, lock=None, complain=Complaints())
    text = "x" * 300_000 + "\n"
    received = bytearray()

    def read() -> None:
        while len(received) < len(text):
            received.extend(os.read(reading, 65536))

    reader = threading.Thread(target=read)
    reader.start()
    writer.write(text)
    reader.join()

    assert received.decode() == text
    os.close(reading)
    os.close(writing)

"""CommandLine lines that are run by a shell: what the server hears is what was recorded, byte by byte."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgictl.errors import AsgictlError
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Opened
from asgictl.inspector.sessions.shell_commands import CommandLine, curl, httpie
from tests.conftest import needs

CHUNKED = [(b"transfer-encoding", b"chunked")]


@dataclass
class Heard:
    """A request as a server reads it."""

    line: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass
class Listener:
    """A server that answers each request, and remembers the latest."""

    sock: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    heard: Heard | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self.sock.getsockname()[1]
        return port

    def answer(self) -> None:
        """Answer requests until the socket is closed."""
        while True:
            try:
                connection, _ = self.sock.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                connection.settimeout(20)
                self.heard = self._read(stream)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    def _read(self, stream: Any) -> Heard:
        line = stream.readline().rstrip(b"\r\n")
        headers = []
        while field := stream.readline().rstrip(b"\r\n"):
            name, _, value = field.partition(b":")
            headers.append((name.lower(), value.strip()))
        named = dict(headers)
        if named.get(b"transfer-encoding") == b"chunked":
            body = b""
            while size := int(stream.readline(), 16):
                body += stream.read(size)
                stream.readline()
            return Heard(line, sorted(headers), body)
        return Heard(line, sorted(headers), stream.read(int(named.get(b"content-length", b"0"))))


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A server on this machine."""
    found = Listener()
    thread = threading.Thread(target=found.answer)
    thread.start()
    yield found
    found.sock.shutdown(socket.SHUT_RDWR)
    found.sock.close()
    thread.join(20)


Make = Callable[[int], Exchange]


def asked(
    method: str = "GET",
    target: bytes = b"/x",
    headers: list[tuple[bytes, bytes]] | None = None,
    body: bytes = b"",
    *,
    host: bytes | None = b"127.0.0.1:%d",
    version: str = "1.1",
) -> Make:
    """Return what makes this request to a port."""

    def make(port: int) -> Exchange:
        path, _, query = target.partition(b"?")
        sent = [*(headers or [])]
        if host is not None:
            sent.insert(0, (b"host", host % port if b"%d" in host else host))
        if body and b"transfer-encoding" not in dict(sent):
            sent.append((b"content-length", b"%d" % len(body)))
        scope = {"type": "http", "method": method, "raw_path": path, "query_string": query, "headers": sent}
        exchange = Exchange(Opened(1, 0.0, {**scope, "server": ["127.0.0.1", port], "http_version": version}))
        exchange.add(Event(1, 1, 0.0, "receive", {"type": "http.request", "body": body}, size=len(body)))
        exchange.add(Closed(1, 1.0))
        return exchange

    return make


BOTH: dict[str, Make] = {
    "nothing that clients add": asked(),
    "chunks": asked("POST", headers=CHUNKED, body=b"abc"),
    "binary chunks": asked("POST", headers=CHUNKED, body=b"\xff\x00\r\n"),
    "a length of 0": asked("POST", headers=[(b"content-length", b"0")]),
    "HEAD": asked("HEAD"),
    "GET with a body": asked(body=b"x"),
    "an empty host": asked(host=b""),
    "another host": asked(host=b"shop.example"),
    "a path that is another": asked(target=b"//evil.example/../a/./b?x=/../y"),
    "headers": asked(headers=[(b"x-empty", b""), (b"x-a", b"1"), (b"x-a", b"2"), (b"accept", b"")]),
    "files and JSON": asked(headers=[(b"x-at", b"@/etc/hosts"), (b"x-c", b":@/etc/hosts"), (b"x-eq", b"=5")]),
    "escapes and history": asked(headers=[(b"x-b", b"!! \x1b[1m $(x) `y` %s \\n \"q\" 'p'")]),
    "a body that is an option": asked("POST", body=b"--form"),
    "a body that is a file": asked("POST", body=b"@/etc/hosts\n\n"),
    "a big one": asked("POST", headers=[(b"content-type", b"a/b")], body=b"x" * 300_000),
}
CURL: dict[str, Make] = {
    "no chunks": asked("POST", headers=CHUNKED),
    "no length": asked("POST"),
    "a length of 0 of GET": asked(headers=[(b"content-length", b"0")]),
    "HEAD with a body": asked("HEAD", body=b"x"),
    "an old version": asked(version="1.0"),
    "an old version without a host": asked("POST", body=b"x", host=None, version="1.0"),
    "no host": asked(host=None),
    "bytes": asked(headers=[(b"x-a", b"\xff!!x\\:@")], host=b"a b\xff"),
    "every server": asked("OPTIONS", b"*"),
    "a tunnel": asked("CONNECT", b"example.com:443"),
    "a proxy's target": asked(target=b"http://other.example/x?y"),
    "a fragment": asked(target=b"/a#b?c"),
    "an odd target": asked(target=b"/\"<>\\^`{|}'[]%zz%41%c3;?q={a,b}[1-3]"),
    "an odd method": asked("$x`y`'z"),
}


def run(command: CommandLine, folder: Path) -> None:
    """Have a shell run a line, from a file as a terminal would: an argument has a limit."""
    env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder)}
    (folder / "line.sh").write_text(command.line)
    line = ["sh", str(folder / "line.sh")]
    done = subprocess.run(line, capture_output=True, check=False, env=env, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 0, done.stderr


def heard_of(exchange: Exchange) -> Heard:
    """Return what a server is to hear."""
    line = f"{exchange.method} {exchange.target} HTTP/{exchange.scope['http_version']}".encode()
    return Heard(line, sorted(exchange.scope["headers"]), exchange.request_body)


@needs("curl")
def test_curl(listener: Listener, tmp_path: Path) -> None:
    """A curl line sends the request line, the headers and the body that were recorded, and no others."""
    heard, sent = {}, {}
    for name, make in (BOTH | CURL).items():
        exchange = make(listener.port)
        run(curl(exchange), tmp_path)
        heard[name], sent[name] = listener.heard, heard_of(exchange)

    assert heard == sent


def test_httpie(listener: Listener, tmp_path: Path) -> None:
    """An HTTPie line sends the request line, the headers and the body that were recorded, and no others."""
    heard, sent = {}, {}
    for name, make in BOTH.items():
        exchange = make(listener.port)
        run(httpie(exchange), tmp_path)
        heard[name], sent[name] = listener.heard, heard_of(exchange)

    assert heard == sent


LETTERS = st.text(st.characters(codec="utf-8"), max_size=6)
NASTY = st.sampled_from(
    [
        *("-Kx", "--output=/tmp/p", "@/etc/passwd", "=@/etc/passwd", ":=1", "a;b", "$(x)", "`x`", "!!", "'", '"'),
        *("\\", "\x1b[31m", "\r\nx: 1", "{a,b}", "~", "\u202e"),
    ]
)
TEXT = NASTY | LETTERS | st.tuples(LETTERS, NASTY).map("".join)

TAKES_NOTHING = {"--globoff", "--path-as-is", "--http1.1", "--head", "--compressed", "--ignore-stdin", "--chunked"}
TAKES_A_WORD = {"--header", "--request", "--data-raw", "--data-binary", "--request-target", "--cacert", "--verify"}


def words_of(line: str, program: str) -> list[str]:
    """Return the words that a shell gives to a program; its input is left out."""
    script = f"{program}() {{ printf '%s\\0' \"$@\"; }}\n{line}\n"
    done = subprocess.run(["sh"], input=script.encode(), capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    return done.stdout.decode(errors="surrogateescape").split("\0")[:-1]


@settings(max_examples=60)
@given(
    scheme=st.sampled_from(["http", "https"]),
    method=st.sampled_from(["GET", "POST", "HEAD", "PURGE", "$x'y", "!a"]),
    host=st.sampled_from(["localhost:8000", "shop.example"]) | TEXT,
    path=TEXT,
    names=st.lists(st.sampled_from(["x-a", "!$'`|~", "transfer-encoding", "accept-encoding"]), max_size=3),
    value=TEXT,
    body=TEXT,
)
def test_nothing_becomes_an_option(
    scheme: str, method: str, host: str, path: str, names: list[str], value: str, body: str
) -> None:
    """Whatever a session holds, a line has our options, one URL of http or https, and the rest as their values."""
    headers = [(b"host", host.encode()), *((name.encode(), value.encode()) for name in names)]
    scope = {"type": "http", "method": method, "raw_path": f"/{path}".encode(), "headers": headers}
    exchange = Exchange(Opened(1, 0.0, {**scope, "scheme": scheme, "server": ["127.0.0.1", 8000]}))
    content = body.encode()
    exchange.add(Event(1, 1, 0.0, "receive", {"type": "http.request", "body": content}, size=len(content)))
    exchange.add(Closed(1, 1.0))
    for program, command in (("curl", curl), ("http", httpie)):
        try:
            line = command(exchange, "ssl/cert.pem").line
        except AsgictlError:
            continue
        assert all(char.isprintable() or char in "\n\t" for char in line)
        words = iter(words_of(line, program))
        plain = []
        for word in words:
            if word in TAKES_A_WORD:
                told = next(words)
                # curl takes these two for the names of files.
                assert not (word == "--header" and told.startswith("@"))
                assert told == "@-" or word != "--data-binary"
            elif word not in TAKES_NOTHING and not word.startswith("--raw="):
                plain.append(word)
        assert not [word for word in plain if word.startswith(("-", "@"))]
        urls = [word for word in plain if word.startswith(("http://", "https://"))]
        assert urls == (plain[-1:] if program == "curl" else plain[1:2])

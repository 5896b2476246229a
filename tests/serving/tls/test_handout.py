"""The page that hands the authority's certificate to a phone, in this process."""

import contextlib
import hashlib
import logging
import re
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from asgictl.errors import StartError
from asgictl.serving.tls.handout import Handout, Root
from tests.conftest import linux

ROOT = Root(b"0\x82 the certificate", "local CA (eve <b>&amp;\u202eme) 1f", "localhost, test, 127.0.0.0/8")

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """Give uvicorn's loggers their levels back."""
    loggers = [logging.getLogger(f"uvicorn.{name}") for name in ("error", "access", "asgi")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


class Running:
    """A page that answers, what it has told, and the time that it takes it to be."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.time = 0.0
        self.told: list[str] = []
        self.page = Handout(host, ROOT, self.told.append, secret="secret", clock=lambda: self.time)
        self.origin = self.page.url.removesuffix("/secret")
        self.file = f"{self.page.url}/asgictl-ca.crt"


@contextlib.contextmanager
def running(host: str = "127.0.0.1") -> Iterator[Running]:
    """Serve the page; it is closed at the end."""
    made = Running(host)
    with made.page:
        yield made


def headers_of(answer: httpx.Response) -> dict[str, str]:
    """Return the headers of an answer but for the date."""
    return {name: value for name, value in answer.headers.items() if name != "date"}


def test_the_page() -> None:
    """The page has the fingerprint, the name and the steps, and takes nothing from anywhere else."""
    with running() as made:
        answer = httpx.get(made.page.url)
        head = httpx.head(made.page.url)

    assert (answer.status_code, head.status_code, head.content) == (200, 200, b"")
    length = {"content-type": "text/html; charset=utf-8", "content-length": str(len(answer.content))}
    assert headers_of(answer) == headers_of(head) == {**length, **HEADERS}
    text = " ".join(answer.text.split())
    pairs = re.findall("..", hashlib.sha256(ROOT.der).hexdigest().upper())
    lines = [":".join(pairs[start : start + 8]) for start in range(0, 32, 8)]
    assert f">{'<br>'.join(lines)}</code>" in text
    assert ROOT.fingerprint == ":".join(lines)
    assert 'href="/secret/asgictl-ca.crt"' in text
    assert text.count("local CA (eve &lt;b&gt;&amp;amp;\\u202eme) 1f") == 2
    assert "<code>localhost, test, 127.0.0.0/8</code>" in text
    assert "Settings &gt; General &gt; About &gt; Certificate Trust Settings" in text
    assert "Install a certificate &gt; CA certificate" in text
    assert re.findall(r"\bsrc=(?!\"user\")|url\(|https?://|<script|<link|\$", text) == []
    assert made.told == ["127.0.0.1 has opened the page"]


def test_the_download() -> None:
    """The certificate comes as phones take it, once: for a second try there is half a minute, and not more."""
    with running() as made:
        assert (httpx.head(made.file).status_code, made.page.downloaded_by) == (200, None)
        made.time = 100
        for made.time in (100, 120):
            answer = httpx.get(made.file, headers={"range": "bytes=0-1"})
            assert (answer.status_code, answer.content) == (200, ROOT.der)
            length = {"content-type": "application/x-x509-ca-cert", "content-length": str(len(ROOT.der))}
            assert headers_of(answer) == {**length, **HEADERS}
        made.time = 130
        assert made.page.wait() == "127.0.0.1"

    said = "127.0.0.1 has downloaded the certificate; it can do so again for 30 s, Ctrl-C ends it"
    assert made.told == [said, said]
    with pytest.raises(httpx.ConnectError):
        httpx.get(made.file)


@pytest.mark.parametrize("downloads", [False, True])
def test_the_limit(downloads: bool) -> None:
    """After ten minutes it is over, also in the half minute after a download."""
    with running() as made:
        made.time = 599.9
        if downloads:
            assert httpx.get(made.file).status_code == 200
        made.time = 600
        assert made.page.wait() == ("127.0.0.1" if downloads else None)


def test_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at ten times a second whether it is over, and at the end in time."""
    made = Running()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        made.time += 300 - 0.025

    monkeypatch.setattr("time.sleep", sleep)
    with made.page:
        assert made.page.wait() is None

    assert slept == pytest.approx([0.1, 0.1, 0.05])


NOTHING = (404, "There is nothing here.\n")
ELSEWHERE = (421, "This host is not served here.\n")

# Method, path, host, and the answer.
OTHERS: dict[str, tuple[str, str, str | None, tuple[int, str]]] = {
    "the root": ("GET", "/", None, NOTHING),
    "another word": ("GET", "/secre", None, NOTHING),
    "a longer word": ("GET", "/secrets", None, NOTHING),
    "a folder": ("GET", "/secret/", None, NOTHING),
    "the file without the word": ("GET", "/asgictl-ca.crt", None, NOTHING),
    "the key": ("GET", "/secret/ca.key", None, NOTHING),
    "a way up": ("GET", "/secret/%2e%2e/secret", None, NOTHING),
    "letters beyond ASCII": ("GET", "/%F0%9F%94%91%ff", None, NOTHING),
    "another method": ("POST", "/secret", None, NOTHING),
    "a method that is none": ("BREW", "/secret/asgictl-ca.crt", None, NOTHING),
    "another host": ("GET", "/secret", "evil.test", ELSEWHERE),
    "another port": ("GET", "/secret", "127.0.0.1:1", ELSEWHERE),
    "no port": ("GET", "/secret/asgictl-ca.crt", "127.0.0.1", ELSEWHERE),
    "a name for it": ("GET", "/secret", "localhost:{port}", ELSEWHERE),
    "another host, without the word": ("GET", "/", "evil.test", ELSEWHERE),
}


def test_all_else() -> None:
    """Who does not know the path, or comes by another name, learns nothing, and does not count."""
    with running() as made:
        for case, (method, path, host, wanted) in OTHERS.items():
            port = made.origin.rpartition(":")[2]
            named = {"host": host.format(port=port)} if host else {}
            request = httpx.Request(method, made.origin, headers=named)
            request.url = request.url.copy_with(raw_path=path.encode())
            with httpx.Client() as client:
                answer = client.send(request)
            assert (case, (answer.status_code, answer.text)) == (case, wanted)
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"

    assert (made.told, made.page.downloaded_by) == ([], None)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"GET /secret HTTP/1.0\r\n\r\n", b"HTTP/1.1 421 "),
        (b"GET /secret HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET /secret HTTP/1.1\r\nHost: {host}\r\nHost: evil.test\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET http://evil.test/secret HTTP/1.1\r\nHost: {host}\r\n\r\n", b"HTTP/1.1 404 "),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"HTTP/1.1 400 "),
        (
            b"GET /secret HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            b"HTTP/1.1 200 ",
        ),
    ],
    ids=["no host", "no host in HTTP/1.1", "two hosts", "another host in the line", "TLS", "a WebSocket"],
)
def test_what_no_browser_sends(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, sent: bytes, answer: bytes
) -> None:
    """Raw clients are answered, and nothing is logged of them."""
    with running() as made:
        host, port = made.origin.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(sent.replace(b"{host}", f"{host}:{port}".encode()))
            assert client.recv(100).startswith(answer)

    assert (capfd.readouterr(), caplog.messages) == (("", ""), [])


@linux
def test_ipv6() -> None:
    """An IPv6 address is in brackets in the URL, and in the host that is asked for."""
    with running("::1") as made:
        assert made.origin.startswith("http://[::1]:")
        assert httpx.get(made.file).content == ROOT.der


def test_an_address_of_another_machine() -> None:
    """An address that this machine does not have is refused."""
    with pytest.raises(StartError) as caught:
        Running("198.51.100.77")

    assert caught.value.message == "this machine has no address 198.51.100.77"


def test_it_ends_with_open_connections() -> None:
    """Clients that say nothing, or stay, do not keep it."""
    with running() as made, contextlib.ExitStack() as stack:
        host, port = made.origin.removeprefix("http://").split(":")
        stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
        client: Any = stack.enter_context(httpx.Client())
        assert client.get(made.page.url).status_code == 200
        thread = made.page._server._thread
        assert thread is not None
        made.page.__exit__()
        assert not thread.is_alive()

"""The listener for plain HTTP that leads to HTTPS, in this process."""

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from asgictl.cli.serve import options
from asgictl.errors import StartError
from asgictl.serving.sockets import listen
from asgictl.serving.sockets.listen import Bind
from asgictl.serving.tls import plain_listener, redirect
from asgictl.serving.tls.redirect import Redirect

NAMES = ("localhost", "*.dev.localhost", "127.0.0.1", "::1", "my_app.test")


@contextlib.contextmanager
def running(port: int = 8443) -> Iterator[Redirect]:
    """Run a redirect to a port; it is closed at the end."""
    made = Redirect(Bind(port=0), lambda: NAMES, port)
    with contextlib.closing(made):
        made.start()
        made.start()
        yield made


def port_of(made: Redirect) -> int:
    """Return where it listens."""
    return int(made.url.rpartition(":")[2])


def test_the_answer() -> None:
    """The answer keeps the method and is remembered by nobody; for a foreign host it leads nowhere."""
    with running() as made:
        assert made.url == f"http://127.0.0.1:{made._listener.address.port}"
        assert httpx.get(f"{made.url}/a").text == "This is HTTPS only.\n"
        for method, length in (("POST", 20), ("HEAD", 20)):
            answer = httpx.request(method, f"{made.url}/a?b", content=b"body" if method == "POST" else None)
            assert (answer.status_code, len(answer.content)) == (307, length if method == "POST" else 0)
            assert {name: answer.headers[name] for name in answer.headers if name not in {"date", "server"}} == {
                "content-type": "text/plain",
                "content-length": "20",
                "location": "https://127.0.0.1:8443/a?b",
                "cache-control": "no-store",
            }
        answer = httpx.get(made.url, headers={"host": "evil.test"})
        assert (answer.status_code, answer.text) == (421, "This host is not served here.\n")
        assert "location" not in answer.headers
        assert "cache-control" not in answer.headers


# The Host header, the path and the query as uvicorn has them, and where that leads.
PLACES: dict[str, tuple[bytes, bytes, bytes, bytes | None]] = {
    "a name": (b"localhost", b"/", b"", b"https://localhost:8443/"),
    "a port of its own": (b"localhost:80", b"/", b"", b"https://localhost:8443/"),
    "no number for a port": (b"localhost:", b"/", b"", b"https://localhost:8443/"),
    "a name below": (b"a.dev.localhost", b"/", b"", b"https://a.dev.localhost:8443/"),
    "a name with _": (b"my_app.test:80", b"/", b"", b"https://my_app.test:8443/"),
    "a name with _ below": (b"a_b.dev.localhost", b"/", b"", b"https://a_b.dev.localhost:8443/"),
    "capitals": (b"My_App.TEST", b"/", b"", b"https://My_App.TEST:8443/"),
    "another name with _": (b"my_app.evil.test", b"/", b"", None),
    "IPv6": (b"[::1]:80", b"/x", b"", b"https://[::1]:8443/x"),
    "path and query": (b"localhost", b"/a%20b//c", b"x=1&y=%2F", b"https://localhost:8443/a%20b//c?x=1&y=%2F"),
    "a whole URL": (b"evil.test", b"http://localhost:99/x", b"y", b"https://localhost:8443/x?y"),
    "a whole URL without a path": (b"evil.test", b"http://localhost", b"", b"https://localhost:8443/"),
    "a whole URL of another host": (b"localhost", b"http://evil.test/", b"", None),
    "another host": (b"evil.test", b"/", b"", None),
    "a user": (b"user@localhost", b"/", b"", None),
    "a port that is none": (b"localhost:x", b"/", b"", None),
    "brackets round IPv4": (b"[127.0.0.1]", b"/", b"", None),
    "letters that are none": (b"l\xf6calhost", b"/", b"", None),
    "no host": (b"", b"/", b"", None),
}


@pytest.mark.parametrize("case", PLACES)
def test_where_it_leads(case: str) -> None:
    """It leads to the same place, on hosts of the certificate alone."""
    host, path, query, wanted = PLACES[case]
    made = Redirect(Bind(port=0), lambda: NAMES, 8443)

    with contextlib.closing(made):
        scope: dict[str, Any] = {"headers": [(b"host", host)], "raw_path": path, "query_string": query}
        assert made._where(scope) == ((307, wanted) if wanted else (421, b""))


def test_the_usual_port() -> None:
    """The usual port of HTTPS is not written, and a request without a host leads nowhere."""
    made = Redirect(Bind(port=0), lambda: NAMES, 443)

    with contextlib.closing(made):
        scope: dict[str, Any] = {"headers": [(b"host", b"localhost:80")], "raw_path": b"/", "query_string": b""}
        assert made._where(scope) == (307, b"https://localhost/")
        assert made._where({**scope, "headers": []}) == (421, b"")


def test_it_refuses_while_the_server_stops() -> None:
    """From the stop on new clients are refused, though the process has not ended yet."""
    with running() as made:
        assert httpx.get(made.url).status_code == 307
        thread = made._server._thread
        assert thread is not None

        made.stop()

        thread.join(10)
        assert not thread.is_alive()
        with pytest.raises(httpx.ConnectError):
            httpx.get(made.url)


def test_close_waits_for_the_end() -> None:
    """After the close the port is free, and no thread is left."""
    with running() as made:
        assert httpx.get(made.url).status_code == 307

    assert "asgictl-redirect" not in {thread.name for thread in threading.enumerate()}
    listen.listen(Bind(port=port_of(made))).close()


def test_close_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect that does not end is not waited for longer than two seconds."""
    made = Redirect(Bind(port=0), lambda: NAMES, 443)
    waited: list[float] = []
    monkeypatch.setattr(made._server, "_thread", SimpleNamespace(join=waited.append))

    made.close()

    assert waited == [2.0]


def test_one_that_was_never_started() -> None:
    """A server that could not start gives the redirect's port back as well."""
    made = Redirect(Bind(port=0), lambda: NAMES, 443)
    socket.create_connection(("127.0.0.1", port_of(made)), timeout=5).close()

    made.close()

    listen.listen(Bind(port=port_of(made))).close()


def test_a_busy_port() -> None:
    """A port that is in use is told as the redirect's."""
    with contextlib.closing(listen.listen(Bind(port=0))) as other, pytest.raises(StartError) as caught:
        redirect.Redirect(Bind(port=other.address.port), lambda: NAMES, 443)

    begin = f"port {other.address.port} on 127.0.0.1 is in use"
    assert caught.value.message.startswith(begin)
    assert caught.value.message.endswith(", for --redirect-http")
    assert caught.value.hint == "pass another --redirect-http"


@pytest.mark.parametrize("started", [True, False])
def test_the_port_is_free_at_once(monkeypatch: pytest.MonkeyPatch, started: bool) -> None:
    """A successor has the port before uvicorn looks whether to stop, also where the app was never ready."""
    made = Redirect(Bind(port=0), lambda: NAMES, 443)
    port = port_of(made)
    looks = threading.Event()

    async def on_tick(_counter: int) -> bool:
        return looks.is_set()

    with contextlib.closing(made):
        if started:
            monkeypatch.setattr(made._server._server, "on_tick", on_tick)
            made.start()
            assert httpx.get(made.url).status_code == 307

        made.stop()

        listen.listen(Bind(port=port)).close()
        made.start()
        assert (made._server._thread is not None) is started
        looks.set()


def test_upgrades(caplog: pytest.LogCaptureFixture) -> None:
    """A WebSocket is led to its own scheme, HTTP/2 to the usual one, and no word is said of packages."""
    upgrade = {"connection": "Upgrade", "upgrade": "WebSocket", "sec-websocket-version": "13"}
    with caplog.at_level(logging.WARNING, logger="uvicorn.error"), running() as made:
        answer = httpx.get(f"{made.url}/chat?a", headers={**upgrade, "sec-websocket-key": "x" * 22 + "=="})
        asked = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABkAAQAAP__"}
        other = httpx.get(made.url, headers=asked)
        with socket.create_connection(("127.0.0.1", port_of(made)), timeout=10) as client:
            client.sendall(b"\0\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 400 ")

    assert (answer.status_code, answer.headers["location"]) == (307, "wss://127.0.0.1:8443/chat?a")
    assert (other.status_code, other.headers["location"]) == (307, "https://127.0.0.1:8443/")
    said = [record.getMessage() for record in caplog.records if record.name == "uvicorn.error"]
    assert said == ["Invalid HTTP request received."]


def test_heads_are_limited_as_in_production() -> None:
    """The head of a plain request may take as long as one of a request over HTTPS with `--prod`."""
    assert options.FORM.rules.bundles["prod"]["header_timeout"] == plain_listener._HEAD

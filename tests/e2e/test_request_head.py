"""Limits for the head of a request, with the real command: clients that are slow, or send much, hold up nobody."""

import contextlib
import re
import socket
import ssl
from pathlib import Path

import httpx
import pytest

from tests.conftest import Serve, Write, after_banner
from tests.e2e.test_sockets import modes

APP = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})
"""
CLIENTS = 200


def heard(client: socket.socket) -> bytes:
    """Return all that a server says until it closes."""
    client.settimeout(30)
    with client, client.makefile("rb") as stream:
        return stream.read()


@modes
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_slow_and_large(serve: Serve, write: Write, arguments: tuple[str, ...], tls: bool) -> None:
    """Others are answered meanwhile; a slow head is answered with 408, a large one with 431, each with a line."""
    folder = write({"main.py": APP})
    limits = ("--header-timeout", "3", "--max-header-size", "2000")
    served = serve("main:app", *limits, *arguments, *(["--https"] if tls else []), folder=folder)
    clients: list[socket.socket] = []
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with httpx.Client(base_url=served.url, verify=False, timeout=30) as client, contextlib.ExitStack() as stack:
        for _ in range(5 if tls else CLIENTS):
            one = socket.create_connection(("127.0.0.1", served.port))
            clients.append(stack.enter_context(context.wrap_socket(one) if tls else one))
            clients[-1].sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        assert [client.get("/").text for _ in range(20)] == ["hello"] * 20
        large = client.get("/", headers={"X-Large": "a" * 3000})
        assert (large.status_code, large.text) == (431, "The head of the request is too large.\n")
        for one in clients:
            answer = heard(one)
            assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
            assert answer.endswith(b"\r\n\r\nThe head of the request took too long.\n")

    status, lines = served.stop()
    assert (status, after_banner([line for line in lines if not line.startswith("note: made ")])) == (0, [])
    told = [re.sub(r"^\S+|[\d.]+(?= ms)", "", line) for line in served.access if ' - "-" ' in line]
    assert sorted(told) == [
        *[' - "-" 408 Request Timeout 39 B  ms'] * len(clients),
        ' - "-" 431 Request Header Fields Too Large 38 B  ms',
    ]


def test_the_redirect_is_limited(serve: Serve, write: Write, hurried: object) -> None:
    """The listener that leads to HTTPS closes a connection whose request never comes."""
    assert callable(hurried)
    script: Path = hurried("asgictl.serving.tls.plain_listener._HEAD = 0.5")
    served = serve("main:app", "--https", "--redirect-http", "0", folder=write({"main.py": APP}), script=script)
    port = int(served.wait_for(r"HTTP +http://\S+:(\d+)")[1])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET / HT")
        assert heard(client).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert served.stop()[0] == 0

"""A successor that is started the moment its predecessor was told to stop, as nodemon and deploy scripts do it."""

import socket
import sys
from pathlib import Path

import pytest

from tests.conftest import Serve, Served, Write, after_banner, linux
from tests.e2e.test_sockets import ask, modes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

APP = """
import asyncio, time

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        if scope["app_blocks_at"] == "start":
            print("begun", flush=True)
            time.sleep(1)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/open":
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        if scope["app_blocks_at"] == "request":
            time.sleep(1)
        await asyncio.sleep(1)
    await send({"type": "http.response.body", "body": b"done"})
"""

# The command's own process and command line, by which it is known; tests usually have it forked.
REAL = {"PYTHONUNBUFFERED": "1"}


def blocking(at: str = "") -> str:
    """Return the app, which blocks its loop for a second somewhere."""
    return APP.replace('scope["app_blocks_at"]', repr(at))


def open_request(server: Served, path: Path | None) -> socket.socket:
    """Return the client of a request whose answer has begun."""
    client = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    client.settimeout(30)
    client.connect(str(path) if path else ("127.0.0.1", server.port))
    client.sendall(b"GET /open HTTP/1.1\r\nhost: localhost\r\n\r\n")
    received = b""
    while b"begun" not in received:
        received += client.recv(1000)
    return client


def named(server: Served) -> str:
    """Return what a server is called, where the system tells."""
    comm = Path(f"/proc/{server.process.pid}/comm")
    return f"pid {server.process.pid} ({comm.read_text().strip()})"


def read(client: socket.socket) -> bytes:
    """Return what is left of an answer."""
    received = b""
    while data := client.recv(1000):
        received += data
    return received


@modes
@pytest.mark.parametrize("uds", [False, True], ids=["tcp", "uds"])
def test_the_successor_takes_over(serve: Serve, write: Write, arguments: tuple[str, ...], uds: bool) -> None:
    """It gets the port, or the socket, while the predecessor still answers its last request, and keeps it."""
    folder = write({"main.py": blocking()})
    path = folder / "web.sock" if uds else None
    first = serve(*arguments, *(["--uds", "web.sock"] if uds else []), port=None if uds else "0")
    first.wait_for("Ready")
    with open_request(first, path) as client:
        place = ["--uds", "web.sock"] if uds else ["--next-port"]
        first.process.terminate()
        second = serve(*place, port=None if uds else str(first.port))
        second.wait_for("Ready")

        assert b"done" in read(client)
    assert first.end()[0] == 0
    if path:
        assert ask(path) == "done"
    else:
        assert second.port == first.port


@modes
@pytest.mark.parametrize("at", ["start", "request"])
def test_a_predecessor_that_is_busy(serve: Serve, write: Write, arguments: tuple[str, ...], at: str) -> None:
    """One whose loop is blocked when it should stop loses the port all the same, and ends as it would have."""
    write({"main.py": blocking(at)})
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    first = serve(*arguments, port=str(port), env=REAL)
    first.wait_for("begun" if at == "start" else "Ready")
    client = open_request(first, None) if at == "request" else socket.socket()
    write({"main.py": blocking()})

    first.process.terminate()
    second = serve("--next-port", port=str(port), env=REAL)

    assert second.port == port
    with client:
        if at == "request":
            assert b"done" in read(client)
    status, lines = first.end()
    if at == "request":
        assert (status, after_banner(lines)) == (0, [])
    else:
        assert (status, lines) == (3, ["error: stopped by SIGTERM before the app was ready"])


@modes
def test_the_redirect_is_handed_over(serve: Serve, write: Write, arguments: tuple[str, ...]) -> None:
    """With `--https` the port for plain HTTP goes to the successor as well."""
    write({"main.py": blocking()})
    first = serve("--https", "--redirect-http", "0", *arguments)
    first.wait_for("Ready")
    plain = first.wait_for(r"HTTP +http://\S+:(\d+)")[1]

    first.process.terminate()
    second = serve("--https", "--redirect-http", plain, *arguments, port=str(first.port))

    assert (second.port, second.wait_for(r"HTTP +http://\S+:(\d+)")[1]) == (first.port, plain)
    assert (first.end()[0], second.stop()[0]) == (0, 0)


@linux
def test_one_that_goes_on_keeps_its_port(serve: Serve, write: Write) -> None:
    """Nothing is taken from a server that does not stop: the next one says whose the port is, or takes another."""
    folder = write({"main.py": blocking()})
    first = serve("--uds", "web.sock", port=None, env=REAL)
    other = serve(env=REAL)
    first.wait_for("Ready")

    refused = serve(port=str(other.port), env=REAL)
    moved = serve("--next-port", port=str(other.port), env=REAL)
    socket_refused = serve("--uds", "web.sock", port=None, env=REAL)

    assert moved.port > other.port
    assert refused.end() == (
        3,
        [
            f"error: port {other.port} on 127.0.0.1 is in use by {named(other)}",
            f"hint: pass --port {other.port + 1}, or --next-port to take the next free one",
        ],
    )
    assert socket_refused.end()[1][0] == (f"error: the socket `{folder}/web.sock` is in use by {named(first)}")
    assert ask(folder / "web.sock") == "done"

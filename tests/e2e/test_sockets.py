"""Where it listens: UNIX sockets, sockets of the parent's, systemd's, IPv6; and what is said to systemd."""

import contextlib
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import ASGICTL, Serve, Write, linux

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")


APP = """
import os

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    variables = sorted(name for name in os.environ if "LISTEN" in name)
    body = f"{scope['client']} {scope['http_version']} {variables}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""
modes = pytest.mark.parametrize("arguments", [(), ("--workers", "2"), ("--reload",)], ids=["one", "workers", "reload"])


def ask(path: Path) -> str:
    """Return the answer on a UNIX socket."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
        return client.get("http://test/").text


@modes
def test_a_proxy_on_a_unix_socket(serve: Serve, write: Write, arguments: tuple[str, ...]) -> None:
    """What nginx says on the socket of the client is believed, and is in the access log."""
    folder = write({"main.py": APP})
    served = serve("--uds", "web.sock", *arguments, port=None)
    served.wait_for("unix:")
    headers = {"X-Forwarded-For": "6.6.6.6, 192.0.2.7", "X-Forwarded-Proto": "https"}

    with httpx.Client(transport=httpx.HTTPTransport(uds=str(folder / "web.sock"))) as client:
        assert client.get("http://test/", headers=headers).text.startswith("('192.0.2.7', 0) 1.1")

    assert served.stop()[0] == 0
    assert [line.split()[0] for line in served.access if line] == ["192.0.2.7"]


@modes
def test_a_unix_socket(serve: Serve, write: Write, arguments: tuple[str, ...]) -> None:
    """The socket has its permissions from the start, answers, and is gone after the stop."""
    folder = write({"main.py": APP})
    path = folder / "web.sock"
    served = serve("--uds", "web.sock", "--uds-mode", "600", *arguments, port=None)

    assert served.wait_for(r"unix:\S+")[0] == f"unix:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ask(path).startswith("None 1.1")
    status, lines = served.stop()

    assert (status, path.exists()) == (0, False)
    assert lines[2] == "  Network  this machine only"


def test_a_stale_socket_is_replaced(serve: Serve, write: Write) -> None:
    """A socket that a killed server has left is replaced; one that is alive, and another file, are not."""
    folder = write({"main.py": APP, "file": "precious"})
    path = folder / "web.sock"
    killed = serve("--uds", "web.sock", port=None)
    killed.wait_for("unix:")
    killed.send(signal.SIGKILL)
    killed.end()
    assert path.exists()

    served = serve("--uds", "web.sock", port=None)
    served.wait_for("unix:")

    assert ask(path)
    status, lines = serve("--uds", "web.sock", port=None).end()
    assert (status, lines[1:]) == (3, ["hint: stop it, or pass another --uds"])
    assert lines[0].startswith(f"error: the socket `{path}` is in use by ")
    assert serve("--uds", "file", port=None).end()[0] == 4
    assert (folder / "file").read_text() == "precious"
    assert ask(path)


WRONG = {
    "no folder": (["--uds", "no/web.sock"], 4, "error: there is no folder `{folder}/no` for the socket"),
    "too long": (["--uds", "x" * 200], 3, "error: the path `{folder}/" + "x" * 200 + "` is too long for a socket"),
    "no mode": (["--uds", "x", "--uds-mode", "rw"], 2, "error: `--uds-mode rw` is not a mode"),
    "no descriptor": (["--fd", "77"], 3, "error: the descriptor 77 is not a socket: Bad file descriptor"),
    "no socket": (["--fd", "0"], 3, "error: the descriptor 0 is not a socket: Socket operation on non-socket"),
    "two addresses": (
        ["--uds", "x", "--host", "::"],
        2,
        "error: `--uds` (command line) and `--host` (command line) exclude each other",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_sockets(serve: Serve, write: Write, case: str) -> None:
    """What cannot be listened on is refused in one line."""
    folder = write({"main.py": APP})
    arguments, status, line = WRONG[case]

    ended = serve(*arguments, port=None).end()

    assert (ended[0], ended[1][0]) == (status, line.format(folder=folder))


# What systemd does between fork and exec. LISTEN_PID is the process itself, unless given.
PASS = """
import os, sys
descriptor, pid, count, *command = sys.argv[1:]
os.dup2(int(descriptor), 3)
if count != "0":
    os.environ |= {"LISTEN_PID": pid or str(os.getpid()), "LISTEN_FDS": count}
os.execv(command[0], command)
"""


@contextlib.contextmanager
def passed(folder: Path, sock: socket.socket, *arguments: str, pid: str = "", count: int = 1) -> Iterator[str]:
    """Start with `sock` as descriptor 3 and systemd's variables; yield the first line that is said, but for notes."""
    words = [str(sock.fileno()), pid, str(count), str(ASGICTL), "serve", "--prod", *arguments]
    process = subprocess.Popen(
        [sys.executable, "-c", PASS, *words],
        cwd=folder,
        pass_fds=[sock.fileno()],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    try:
        yield next(line for line in iter(process.stderr.readline, None) if not line.startswith("note: "))
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


@modes
@pytest.mark.parametrize("how", ["--fd", "LISTEN_FDS"])
def test_a_socket_of_the_parent(write: Write, how: str, arguments: tuple[str, ...]) -> None:
    """A socket that is open already is served, without delay for small packets; nobody inherits systemd's variables."""
    folder = write({"main.py": APP})
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        extra, count = (("--fd", "3"), 0) if how == "--fd" else ((), 1)

        with passed(folder, sock, *extra, *arguments, count=count) as line:
            assert f"at http://127.0.0.1:{port}" in line
            answer = httpx.get(f"http://127.0.0.1:{port}").text
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    assert answer.startswith("('127.0.0.1', ")
    assert answer.endswith(" 1.1 []")


def test_a_unix_socket_of_the_parent(write: Write) -> None:
    """A UNIX socket that systemd has made is served, and left to systemd."""
    folder = write({"main.py": APP})
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / "web.sock"))
        sock.listen()

        with passed(folder, sock) as line:
            assert f"at unix:{folder}/web.sock" in line
            assert ask(folder / "web.sock")

    assert (folder / "web.sock").exists()


def refused(folder: Path, sock: socket.socket, *, count: int = 1) -> tuple[int, list[str]]:
    """Start with `sock` as descriptor 3 and systemd's variables; return the status and all that is said."""
    words = [str(sock.fileno()), "", str(count), str(ASGICTL), "serve", "--prod"]
    command = [sys.executable, "-c", PASS, *words]
    done = subprocess.run(
        command, cwd=folder, pass_fds=[sock.fileno()], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def test_two_sockets_of_systemds(write: Write) -> None:
    """More than one socket is refused clearly."""
    folder = write({"main.py": APP})
    with socket.create_server(("127.0.0.1", 0)) as sock:
        assert refused(folder, sock, count=2) == (
            2,
            [
                "error: systemd passes 2 sockets (LISTEN_FDS), and one can be served",
                "hint: make a service of each, or listen on one address",
            ],
        )


def test_sockets_for_another_process(write: Write) -> None:
    """Sockets that are meant for another process are left alone."""
    folder = write({"main.py": APP})
    arguments = ("--port", "0")
    with socket.create_server(("127.0.0.1", 0)) as sock, passed(folder, sock, *arguments, pid="1") as line:
        assert "at http://127.0.0.1:" in line
        assert f":{sock.getsockname()[1]}," not in line


def test_a_connection_is_no_listener(write: Write) -> None:
    """A connection, as systemd passes with Accept=yes, is refused."""
    folder = write({"main.py": APP})
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0],
    ):
        assert refused(folder, client) == (
            3,
            [
                "error: the descriptor 3 is not a socket that listens",
                "hint: with systemd, set ListenStream= and Accept=no",
            ],
        )


@modes
def test_systemd_is_told(serve: Serve, write: Write, arguments: tuple[str, ...]) -> None:
    """The main process tells systemd when the app is ready, and when it stops."""
    folder = write({"main.py": APP})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(folder / "notify"))
        sock.settimeout(30)
        served = serve(*arguments, env={"NOTIFY_SOCKET": str(folder / "notify")})

        assert sock.recv(100) == b"READY=1"
        assert httpx.get(served.url).status_code == 200
        served.send(signal.SIGTERM)
        assert sock.recv(100) == b"STOPPING=1"
    assert served.end()[0] == 0


def test_systemd_is_told_of_a_restart(serve: Serve, write: Write) -> None:
    """With workers SIGHUP is a reload for systemd, with its beginning and its end."""
    folder = write({"main.py": APP})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(folder / "notify"))
        sock.settimeout(30)
        served = serve("--workers", "2", env={"NOTIFY_SOCKET": str(folder / "notify")})
        assert sock.recv(100) == b"READY=1"

        served.send(signal.SIGHUP)

        assert sock.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert sock.recv(100) == b"READY=1"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_both_protocols(serve: Serve, write: Write) -> None:
    """`--host ::` answers IPv6 and IPv4, and believes a proxy on this machine by either."""
    write({"main.py": APP})
    served = serve("--host", "::")
    port = served.port

    for host in ("127.0.0.1", "[::1]"):
        text = httpx.get(f"http://{host}:{port}", headers={"X-Forwarded-For": "192.0.2.7"}).text
        assert text.startswith("('192.0.2.7', 0)")
    strangers = serve("--host", "::", "--no-proxy-headers")
    text = httpx.get(f"http://127.0.0.1:{strangers.port}", headers={"X-Forwarded-For": "192.0.2.7"}).text
    assert text.startswith("('::ffff:127.0.0.1', ")


def test_what_platforms_set(serve: Serve, write: Write) -> None:
    """PORT and WEB_CONCURRENCY are heeded, and the host stays."""
    write({"main.py": APP})
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]

    served = serve(port=None, env={"PORT": str(port), "WEB_CONCURRENCY": "2"})

    assert served.url == f"http://127.0.0.1:{port}"
    assert "with 2 workers" in served.wait_for("Ready .*")[0]


def test_http2(serve: Serve, write: Write) -> None:
    """`--http2` serves HTTP/2 to those who speak it."""
    write({"main.py": APP})
    served = serve("--http2")

    with httpx.Client(http1=False, http2=True) as client:
        answer = client.get(served.url)

    assert (answer.http_version, answer.text.split(") ")[1][:2]) == ("HTTP/2", "2 ")


def test_check(serve: Serve, write: Write) -> None:
    """`--check` binds, imports, starts up and shuts down, and exits as the start would."""
    folder = write({"main.py": APP + "\nprint('imported', flush=True)\n", "broken.py": "1 / 0\napp = 1\n"})
    good, broken = serve("--check", "--workers", "2"), serve("--check", "--reload", "broken:app")

    status, lines = good.end()
    assert status == 0
    assert lines[0].startswith("note: main:app (ASGI) starts and would answer at http://127.0.0.1:")
    assert len(lines) == 1
    assert good.access[0] == "imported"
    status, lines = broken.end()
    assert (status, lines[0]) == (
        3,
        "error: cannot load `broken:app`: ZeroDivisionError: division by zero (broken.py:1)",
    )
    assert serve("--check", "--uds", str(folder / "main.py"), port=None).end()[0] == 4


WHO = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['client'][0]} {scope['server'][0]}".encode()})
"""


@linux
@modes
def test_localhost(serve: Serve, write: Write, arguments: tuple[str, ...]) -> None:
    """On `localhost` clients of both families are answered, and each is told as what it is."""
    served = serve("--host", "localhost", *arguments, folder=write({"main.py": WHO}))
    hosts = {"127.0.0.1": "127.0.0.1", "[::1]": "::1"} if socket.has_dualstack_ipv6() else {"127.0.0.1": "127.0.0.1"}

    for host, address in hosts.items():
        assert httpx.get(f"http://{host}:{served.port}/").text == f"{address} {address}"
        served.wait_for(rf'^{re.escape(host)}:\d+ - "GET / HTTP/1.1" 200 OK')

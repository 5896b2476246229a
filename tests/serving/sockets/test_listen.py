"""The port: bound and listening at once, and good answers when it cannot be had."""

import contextlib
import errno
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asgictl import addresses
from asgictl.errors import StartError
from asgictl.serving.sockets import lan, listen, loopback, port_owner
from asgictl.serving.sockets.listen import Bind
from asgictl.serving.sockets.port_owner import Owner
from tests.conftest import linux

ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")


def problem(host: str, port: int, *, next_port: bool = False) -> tuple[str, str | None]:
    """Return message and hint of the error that listening raises."""
    with pytest.raises(StartError) as caught:
        listen.listen(Bind(host=host, port=port, next_port=next_port))
    return caught.value.message, caught.value.hint


@linux
def test_listens_at_once() -> None:
    """Clients are accepted from the start, without delay for small packets, and nobody else gets the port."""
    listener = listen.listen(Bind(port=0))

    with contextlib.closing(listener):
        assert listener.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        socket.create_connection(("127.0.0.1", listener.address.port), timeout=5).close()
        message, _ = problem("127.0.0.1", listener.address.port)
    assert message == f"port {listener.address.port} on 127.0.0.1 is in use by pid {os.getpid()} ({_own_name()})"


def _own_name() -> str:
    return Path("/proc/self/comm").read_text().strip()


def test_takes_the_next_port() -> None:
    """`--next-port` takes the first free port after a busy one."""
    with contextlib.closing(listen.listen(Bind(port=0))) as first:
        second = listen.listen(Bind(port=first.address.port, next_port=True))
        with contextlib.closing(second):
            assert first.address.port < second.address.port <= first.address.port + 100


HERE = "pass --host 127.0.0.1"
ADDRESSES = "pass --host 127.0.0.1 for this machine only, or --host 0.0.0.0 for every address it has"


@pytest.mark.parametrize(
    ("host", "message", "hint"),
    [
        ("nosuch.invalid", r"the host `nosuch\.invalid` has no address: [^:]+", HERE),
        ("192.0.2.7", r"this machine has no address 192\.0\.2\.7", ADDRESSES),
        ("a..b", r"the host `a\.\.b` has no address: (it is no host name|[^:]+)", HERE),
        ("x" * 64, f"the host `{'x' * 64}` has no address: it is no host name", HERE),
    ],
)
def test_wrong_hosts(host: str, message: str, hint: str) -> None:
    """A host that is none of this machine's says so."""
    said, advice = problem(host, 0)

    assert re.fullmatch(message, said)
    assert advice == hint


def test_no_port_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--next-port` gives up after a hundred ports, and at the last one there is."""
    tried: list[int] = []

    def bound(_host: str, port: int, _backlog: int) -> socket.socket:
        tried.append(port)
        raise OSError(errno.EADDRINUSE, "")

    monkeypatch.setattr(listen, "_bound", bound)
    monkeypatch.setattr(port_owner, "find", lambda _: Owner(8, "node", may_be_ours=False))

    assert problem("127.0.0.1", 8000, next_port=True) == (
        "ports 8000 to 8100 on 127.0.0.1 are in use",
        "pass another --port",
    )
    assert tried == list(range(8000, 8101))
    assert problem("127.0.0.1", 65500, next_port=True)[0] == "ports 65500 to 65535 on 127.0.0.1 are in use"
    tried.clear()
    assert problem("127.0.0.1", 0, next_port=True) == (
        "port 0 on 127.0.0.1 is in use by pid 8 (node)",
        "pass --port 1, or --next-port to take the next free one",
    )
    assert tried == [0]


def test_another_fault_is_no_busy_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--next-port` is for busy ports; what is wrong with the first for another reason is told."""

    def bound(_host: str, _port: int, _backlog: int) -> socket.socket:
        raise OSError(errno.EACCES, "")

    monkeypatch.setattr(listen, "_bound", bound)

    assert problem("::1", 1023, next_port=True)[0] == "port 1023 on ::1 is reserved for the administrator"


@pytest.mark.parametrize(
    ("error", "port", "tried", "message", "hint"),
    [
        (errno.EACCES, 80, 0, "port 80 on ::1 is reserved for the administrator", "pass a --port from 1024 on"),
        (errno.EACCES, 1023, 0, "port 1023 on ::1 is reserved for the administrator", "pass a --port from 1024 on"),
        (errno.EACCES, 1024, 0, f"cannot listen on port 1024 on ::1: {os.strerror(errno.EACCES)}", None),
        (errno.EADDRINUSE, 65535, 0, "port 65535 on ::1 is in use by pid 7 (x)", "pass another --port"),
        (
            errno.EADDRINUSE,
            65534,
            0,
            "port 65534 on ::1 is in use by pid 7 (x)",
            "pass --port 65535, or --next-port to take the next free one",
        ),
        (errno.EADDRNOTAVAIL, 9, 0, "this machine has no address ::1", ADDRESSES),
        (errno.EADDRINUSE, 9, 2, "ports 7 to 9 on ::1 are in use", "pass another --port"),
        (errno.EMFILE, 9, 0, "cannot listen on port 9 on ::1: Too many open files", None),
    ],
)
def test_what_the_system_refuses(
    monkeypatch: pytest.MonkeyPatch, error: int, port: int, tried: int, message: str, hint: str | None
) -> None:
    """What the system says becomes a sentence with the port in it."""
    monkeypatch.setattr(port_owner, "find", lambda _: "pid 7 (x)")

    made = listen._problem(OSError(error, ""), "::1", port, tried=tried)

    assert (made.message, made.hint) == (message, hint)


def test_a_name_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name is taken, for its IPv4 address where it has one, and the system knows no better for `localhost`."""
    monkeypatch.setattr(loopback, "bound", lambda *_: None)
    with contextlib.closing(listen.listen(Bind(host="localhost", port=0))) as listener:
        assert listener.socket.family is socket.AF_INET
        assert listener.address.url("http") == f"http://localhost:{listener.address.port}"


@ipv6
def test_ipv6() -> None:
    """An IPv6 address is listened on as it is, and every address means those of IPv4 too."""
    with contextlib.closing(listen.listen(Bind(host="::1", port=0))) as listener:
        assert listener.address == listen.Address(host="::1", port=listener.address.port)
        socket.create_connection(("::1", listener.address.port), timeout=5).close()
    with contextlib.closing(listen.listen(Bind(host="::", port=0))) as listener:
        assert not listener.address.loopback
        for host in ("::1", "127.0.0.1"):
            socket.create_connection((host, listener.address.port), timeout=5).close()


URLS = {
    "127.0.0.1": "http://127.0.0.1:80",
    "0.0.0.0": "http://127.0.0.1:80",
    "::": "http://127.0.0.1:80" if socket.has_dualstack_ipv6() else "http://[::1]:80",
    "::1": "http://[::1]:80",
    "example.test": "http://example.test:80",
    "192.0.2.5": "http://192.0.2.5:80",
}


@pytest.mark.parametrize("host", URLS)
def test_urls_lead_there(host: str) -> None:
    """The URL is one that a browser on this machine can open, whatever the host means."""
    assert listen.Address(host=host, port=80).url("http") == URLS[host]


NETWORK: dict[str, tuple[listen.Address, str | None]] = {
    "every address": (listen.Address(host="0.0.0.0", port=80, loopback=False), "https://192.0.2.9:80"),
    "every address of both kinds": (listen.Address(host="::", port=80, loopback=False), "https://192.0.2.9:80"),
    "this machine": (listen.Address(host="127.0.0.1", port=80), None),
    "a name of this machine": (listen.Address(host="localhost", port=80), None),
    "one address": (listen.Address(host="192.0.2.5", port=80, loopback=False), "https://192.0.2.5:80"),
    "one IPv6 address": (listen.Address(host="2001:db8::5", port=80, loopback=False), "https://[2001:db8::5]:80"),
    "a UNIX socket": (listen.Address(path="/run/web.sock"), None),
}


@pytest.mark.parametrize("case", NETWORK)
def test_network_url(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """The URL for the network has the address that others reach, this machine's own where it listens on all."""
    monkeypatch.setattr(lan, "address", lambda: "192.0.2.9")
    address, wanted = NETWORK[case]

    assert address.network_url("https") == wanted


def test_no_network() -> None:
    """Without a network there is no URL for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lan, "address", lambda: None)
        assert listen.Address(host="0.0.0.0", port=80, loopback=False).network_url("http") is None


LOOPBACK = {
    "127.0.0.1": True,
    "127.9.9.9": True,
    "::1": True,
    "::ffff:127.0.0.1": True,
    "0.0.0.0": False,
    "::": False,
    "128.0.0.1": False,
    "::ffff:192.0.2.1": False,
    "::12": False,
}


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback(address: str) -> None:
    """An address is for this machine alone when it is a loopback one, of either protocol."""
    assert addresses.is_loopback(address) is LOOPBACK[address]


def test_a_restart_at_once() -> None:
    """A server that had an open connection can be started again at once on the same port."""
    listener = listen.listen(Bind(port=0))
    port = listener.address.port
    client = socket.create_connection(("127.0.0.1", port), timeout=5)
    served, _ = listener.socket.accept()
    served.close()  # the side that closes first keeps the connection for a while (RFC 9293 section 3.6, TIME-WAIT)
    assert client.recv(1) == b""
    client.close()
    listener.close()

    with contextlib.closing(listen.listen(Bind(port=port))) as again:
        assert again.address.port == port


def test_refuse() -> None:
    """A server that refuses does so for all copies of its socket, also when it is told again."""
    listener = listen.listen(Bind(port=0))
    with contextlib.closing(listener.socket.dup()):
        listener.refuse()
        listener.refuse()

        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", listener.address.port), timeout=5)


def test_an_inherited_socket_is_not_shut() -> None:
    """Clients of a socket that systemd has opened wait for the next server, whatever this one does at its end."""
    with socket.create_server(("127.0.0.1", 0)) as owner:
        owner.settimeout(5)
        listener = listen.listen(Bind(fd=os.dup(owner.fileno())))
        listener.refuse()

        with socket.create_connection(owner.getsockname(), timeout=5) as client, owner.accept()[0] as served:
            served.sendall(b"hello")
            assert client.recv(5) == b"hello"


def test_what_uvicorn_gets() -> None:
    """Uvicorn serves on the socket's descriptor, and knows the host and port for what it says."""
    with contextlib.closing(listen.listen(Bind(port=0))) as listener:
        arguments = {"fd": listener.socket.fileno(), "host": "127.0.0.1", "port": listener.address.port}
        assert listener.arguments() == arguments


NOT_LISTENING = "the descriptor {} is not a socket that listens"
ACCEPT_NO = "with systemd, set ListenStream= and Accept=no"


@contextlib.contextmanager
def _connection() -> Iterator[socket.socket]:
    """Yield one end of a TCP connection."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0],
    ):
        yield client


@contextlib.contextmanager
def _pair() -> Iterator[socket.socket]:
    """Yield one end of a connection that has no address."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


def _bound(family: socket.AddressFamily, kind: socket.SocketKind, address: Any) -> socket.socket:
    sock = socket.socket(family, kind)
    sock.bind(address)
    return sock


REFUSED: dict[str, tuple[Callable[[], contextlib.AbstractContextManager[socket.socket]], str]] = {
    "a TCP connection": (_connection, ACCEPT_NO),
    "a UNIX connection": (_pair, ACCEPT_NO),
    "a datagram socket": (lambda: _bound(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)), ACCEPT_NO),
    "a TCP socket without a port": (lambda: socket.socket(socket.AF_INET), "bind it to an address first"),
    "a UNIX socket without a path": (lambda: socket.socket(socket.AF_UNIX), "bind it to an address first"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_inherited(case: str) -> None:
    """A descriptor that nobody can connect to is refused with what to do, and is not closed."""
    make, hint = REFUSED[case]
    with make() as sock:
        with pytest.raises(StartError) as caught:
            listen.listen(Bind(fd=sock.fileno()))

        assert (caught.value.message, caught.value.hint) == (NOT_LISTENING.format(sock.fileno()), hint)
        os.fstat(sock.fileno())


def test_what_is_no_socket(tmp_path: Path) -> None:
    """A descriptor that is not a socket, or not open, is named with the system's reason."""
    hint = "pass --fd with a listening socket, as systemd or circus do"
    with (tmp_path / "file").open("w") as file:
        descriptor = file.fileno()
        with pytest.raises(StartError) as caught:
            listen.listen(Bind(fd=descriptor))
        reason = os.strerror(errno.ENOTSOCK)
        assert (caught.value.message, caught.value.hint) == (
            f"the descriptor {descriptor} is not a socket: {reason}",
            hint,
        )
    with pytest.raises(StartError) as caught:
        listen.listen(Bind(fd=9999))
    assert (caught.value.message, caught.value.hint) == (
        f"the descriptor 9999 is not a socket: {os.strerror(errno.EBADF)}",
        hint,
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_an_inherited_port(host: str) -> None:
    """A bound socket of the parent's is listened on, without delay for small packets, and known by its address."""
    sock = _bound(socket.AF_INET, socket.SOCK_STREAM, (host, 0))
    port = sock.getsockname()[1]
    with contextlib.closing(listen.listen(Bind(fd=sock.detach()))) as listener:
        assert listener.address == listen.Address(host=host, port=port, loopback=host != "0.0.0.0")
        assert listener.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


@linux
@pytest.mark.parametrize("abstract", [False, True])
def test_an_inherited_unix_socket(tmp_path: Path, abstract: bool) -> None:
    """A UNIX socket of the parent's is known by its path, or as systemd writes an abstract one; it stays there."""
    path = f"@{tmp_path}/web.sock" if abstract else f"{tmp_path}/web.sock"
    sock = _bound(socket.AF_UNIX, socket.SOCK_STREAM, path.replace("@", "\0"))
    with contextlib.closing(listen.listen(Bind(fd=sock.detach()))) as listener:
        assert listener.address == listen.Address(path=path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path.replace("@", "\0"))
    assert abstract or Path(path).exists()


LSOF: dict[str, Owner | None] = {
    "p4242\ncnode\nf12\n": Owner(4242, "node", may_be_ours=False),
    "p4242\ncnode\nf12\np4243\ncother\nf12\n": Owner(4242, "node", may_be_ours=False),
    "p4242\ncasgictl\nf12\n": Owner(4242, "asgictl", may_be_ours=True),
    "p4242\ncPython\nf12\n": Owner(4242, "Python", may_be_ours=True),
    "p4242\nf12\n": None,
    "cnode\n": None,
    "": None,
}


@pytest.mark.parametrize("answer", LSOF)
def test_owner_from_lsof(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """Where there is no /proc, lsof tells whose a port is."""
    commands: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        assert options == {
            "capture_output": True,
            "text": True,
            "check": False,
            "timeout": 5,
        }  # it ends with 1 when there is nobody
        return subprocess.CompletedProcess(command, 1, answer)

    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/sbin/{name}")
    monkeypatch.setattr("subprocess.run", run)

    assert port_owner.find(80) == LSOF[answer]
    assert commands == [["/usr/sbin/lsof", "-nP", "-iTCP:80", "-sTCP:LISTEN", "-Fpc"]]


def test_owner_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing tells, nothing is said."""
    monkeypatch.setattr("shutil.which", lambda _: None)

    assert port_owner._from_lsof(80) is None


@linux
@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=ipv6)])
def test_owner_from_proc(host: str) -> None:
    """Linux tells whose a port is, of either protocol; a port with a connection alone is nobody's."""
    with contextlib.closing(listen.listen(Bind(host=host, port=0))) as listener:
        port = listener.address.port
        assert str(port_owner.find(port)) == f"pid {os.getpid()} ({_own_name()})"
        client = socket.create_connection((host, port), timeout=5)
        with client, listener.socket.accept()[0]:
            assert port_owner.find(client.getsockname()[1]) is None


NAMES: dict[str, tuple[list[str], list[str]]] = {
    "both protocols": (["::1", "127.0.0.1", "127.0.0.1"], ["::1"]),
    "one protocol": (["127.0.0.1"], []),
    "two of one": (["127.0.0.1", "127.0.0.2"], ["127.0.0.2"]),
    "one that this machine has not": (["127.0.0.1", "192.0.2.7", "2001:db8::1"], []),
}


@linux
@ipv6
@pytest.mark.parametrize("case", NAMES)
def test_a_name_of_several_addresses(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """A name with addresses on which nothing listens says so, and how to listen there."""
    found, others = NAMES[case]
    kinds = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in found]
    rows = [(kind, socket.SOCK_STREAM, 6, "", (address, 0)) for kind, address in zip(kinds, found, strict=True)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: list(rows))
    bind = Bind(host="shop.test", port=0)

    with contextlib.closing(listen.listen(bind)) as listener:
        said = list(listen.remarks(bind, listener.address))

    hint = f"pass --host {''.join(others)} for that one, or --host :: for every address of this machine"
    assert said == [f"`shop.test` is {other} too, which is not listened on: {hint}" for other in others]


def test_an_address_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start on an address neither waits for a resolver nor loads what encodes names for it."""
    monkeypatch.delattr(socket, "getaddrinfo")

    with contextlib.closing(listen.listen(Bind(host="127.0.0.1", port=0))) as listener:
        assert list(listen.remarks(Bind(host="127.0.0.1", port=0), listener.address)) == []


REMARKS: dict[str, tuple[Bind, listen.Address, list[str]]] = {
    "the port": (Bind(port=8000), listen.Address("127.0.0.1", 8000), []),
    "any port": (Bind(port=0), listen.Address("127.0.0.1", 4321), []),
    "the next port": (
        Bind(port=8000, next_port=True),
        listen.Address("127.0.0.1", 8002),
        ["port 8000 is in use, taking 8002"],
    ),
    "a descriptor": (Bind(fd=3), listen.Address("127.0.0.1", 4321), []),
    "a UNIX socket": (Bind(uds="x"), listen.Address(path="x"), []),
    "IPv6": (Bind(host="::1"), listen.Address("::1", 8000), []),
}


@pytest.mark.parametrize("case", REMARKS)
def test_remarks(case: str) -> None:
    """What is not as it was asked for is said."""
    bind, address, said = REMARKS[case]

    assert list(listen.remarks(bind, address)) == said

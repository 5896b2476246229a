"""The port: bound and listening at once, and good answers when it cannot be had."""

import contextlib
import errno
import os
import socket
import subprocess
from pathlib import Path

import pytest

from asgictl.errors import StartError
from asgictl.serving import listen, port_owner
from asgictl.serving.listen import Bind
from tests.conftest import linux


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


@pytest.mark.parametrize(
    ("host", "message", "hint"),
    [
        ("nosuch.invalid", "the host `nosuch.invalid` has no address: ", "pass --host 127.0.0.1"),
        ("192.0.2.7", "this machine has no address 192.0.2.7", "pass --host 127.0.0.1 for this machine only, or "),
        ("a..b", "the host `a..b` has no address: ", "pass --host 127.0.0.1"),
        ("x" * 64, "the host `xxx", "pass --host 127.0.0.1"),
    ],
)
def test_wrong_hosts(host: str, message: str, hint: str) -> None:
    """A host that is none of this machine's says so."""
    said, advice = problem(host, 0)

    assert said.startswith(message)
    assert (advice or "").startswith(hint)


@pytest.mark.parametrize(
    ("error", "port", "tried", "message", "hint"),
    [
        (errno.EACCES, 80, 0, "port 80 on ::1 is reserved for the administrator", "pass a --port from 1024 on"),
        (errno.EADDRINUSE, 9, 2, "ports 7 to 9 on ::1 are in use", "pass another --port"),
        (errno.EMFILE, 9, 0, "cannot listen on port 9 on ::1: Too many open files", None),
    ],
)
def test_what_the_system_refuses(error: int, port: int, tried: int, message: str, hint: str | None) -> None:
    """What the system says becomes a sentence with the port in it."""
    made = listen._problem(OSError(error, ""), "::1", port, tried=tried)

    assert (made.message, made.hint) == (message, hint)


def test_a_name_is_resolved() -> None:
    """A host name is taken, for its IPv4 address where it has one."""
    with contextlib.closing(listen.listen(Bind(host="localhost", port=0))) as listener:
        assert listener.socket.family is socket.AF_INET
        assert listener.address.url("http") == f"http://localhost:{listener.address.port}"


URLS = {
    "127.0.0.1": "http://127.0.0.1:80",
    "0.0.0.0": "http://127.0.0.1:80",
    "::": "http://127.0.0.1:80" if socket.has_dualstack_ipv6() else "http://[::1]:80",
    "::1": "http://[::1]:80",
    "example.test": "http://example.test:80",
}


@pytest.mark.parametrize("host", URLS)
def test_urls_lead_there(host: str) -> None:
    """The URL is one that a browser on this machine can open, whatever the host means."""
    assert listen.Address(host=host, port=80).url("http") == URLS[host]


def test_network_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a server for everyone has a URL for the network, with this machine's own address."""
    monkeypatch.setattr(listen, "_network_address", lambda: "192.0.2.9")

    assert listen.Address(host="0.0.0.0", port=80).network_url("https") == "https://192.0.2.9:80"
    assert listen.Address(host="127.0.0.1", port=80).network_url("https") is None


def test_own_network_address_is_no_loopback() -> None:
    """The address for the network is never one that only this machine has."""
    assert not (listen._network_address() or "").startswith("127.")


def test_owner_from_lsof(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no /proc, lsof tells whose a port is."""
    monkeypatch.setattr("shutil.which", lambda _: "/usr/sbin/lsof")
    answer = subprocess.CompletedProcess([], 0, "p4242\ncnode\nf12\n")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: answer)

    assert port_owner._from_lsof(80) == "pid 4242 (node)"


def test_owner_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing tells, nothing is said."""
    monkeypatch.setattr("shutil.which", lambda _: None)

    assert port_owner._from_lsof(80) is None

"""`localhost` is both of its addresses, and what is told of who comes by it."""

import asyncio
import contextlib
import errno
import socket
import sys
from typing import Any

import pytest

from asgictl.asgi import Receive, Scope, Send
from asgictl.serving.sockets import lan, listen, loopback
from asgictl.serving.sockets.listen import Bind
from tests.conftest import linux
from tests.serving.sockets.test_listen import ipv6


@linux
@ipv6
def test_both_addresses() -> None:
    """On `localhost` both families answer, no other address of this machine does, and nothing is left to remark."""
    bind = Bind(host="localhost", port=0)
    with contextlib.closing(listen.listen(bind)) as listener:
        port = listener.address.port
        for host in ("127.0.0.1", "::1", "localhost"):
            socket.create_connection((host, port), timeout=5).close()
        own = lan.address()
        if own is not None:
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((own, port), timeout=5)
        assert (listener.address.both, listener.address.loopback) == (True, True)
        assert listener.address.url("http") == f"http://localhost:{port}"
        assert list(listen.remarks(bind, listener.address)) == []


@linux
@ipv6
@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_one_of_them_is_taken(host: str, family: socket.AddressFamily) -> None:
    """A port that is taken on one of the addresses is not taken over there; IPv4 alone is better than nothing."""
    with socket.create_server((host, 0), family=family) as other:
        port = other.getsockname()[1]
        assert loopback.bound(port, 5) is None
        if host == "::1":
            with contextlib.closing(listen.listen(Bind(host="localhost", port=port))) as listener:
                assert (listener.socket.family, listener.address.both) == (socket.AF_INET, False)


@pytest.mark.parametrize("where", ["elsewhere", "without IPv6", "not allowed"])
def test_where_it_cannot_be(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Where the system has no such socket, there is none, and none is left open."""
    made: list[socket.socket] = []
    if where == "elsewhere":
        monkeypatch.setattr(sys, "platform", "darwin")
    elif where == "without IPv6":
        monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    else:

        class Refused(socket.socket):
            def setsockopt(self, *_: Any) -> None:
                made.append(self)
                raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(socket, "socket", Refused)

    assert loopback.bound(0, 5) is None
    assert [sock.fileno() for sock in made] == [-1] * len(made)


@pytest.mark.parametrize(
    ("client", "told"),
    [(("::ffff:127.0.0.1", 5), ("127.0.0.1", 5)), (("::1", 5), ("::1", 5)), (None, None)],
)
def test_who_comes(client: tuple[str, int] | None, told: tuple[str, int] | None) -> None:
    """An app is told an IPv4 address as one, and all else as it is; the server's own scope stays."""
    seen: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    given: Scope = {"type": "http", "client": client, "server": ("::ffff:127.0.0.1", 80), "path": "/"}
    nothing: Any = None

    asyncio.run(loopback.unmapped(app)(given, nothing, nothing))

    assert seen == [{"type": "http", "client": told, "server": ("127.0.0.1", 80), "path": "/"}]
    assert given["client"] == client

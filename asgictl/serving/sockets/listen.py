"""The socket: bound and listening before the app is imported, so that a busy address is known at once."""

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from asgictl import addresses, errors
from asgictl.errors import StartError
from asgictl.serving.sockets import lan, loopback, port_owner, predecessor, unix_socket

_NEXT_PORTS = 100
_LAST_PORT = 65535
_LAST_PRIVILEGED = 1023
UNIX = "unix:"
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # recognised here, chosen by the user


_LOCALHOST = "localhost"


class Bind(NamedTuple):
    """Where to listen: on a UNIX socket `uds`, on an open descriptor `fd`, or else on a host and port."""

    host: str = "127.0.0.1"
    port: int = 8000
    next_port: bool = False
    uds: str | None = None
    uds_mode: int = 0o660
    fd: int | None = None
    backlog: int = 2048


class Address(NamedTuple):
    """A host and port that is listened on, or a UNIX socket by its path; `both` is `localhost` in both families."""

    host: str = ""
    port: int = 0
    path: str | None = None
    loopback: bool = True
    both: bool = False

    def url(self, scheme: str) -> str:
        """Return the URL at which this machine reaches the address; for a UNIX socket what nginx calls it."""
        if self.path is not None:
            return f"{UNIX}{self.path}"
        host = self.host
        if host in EVERYWHERE:
            host = "[::1]" if host == "::" and not _dual_stack() else "127.0.0.1"
        elif ":" in host:
            host = f"[{host}]"
        return f"{scheme}://{host}:{self.port}"

    def network_url(self, scheme: str) -> str | None:
        """Return the URL at which the local network reaches the address; None when it does not, or none is known."""
        if self.host in EVERYWHERE and (own := lan.address()):
            return f"{scheme}://{own}:{self.port}"
        return None if self.loopback or self.host in EVERYWHERE else self.url(scheme)


class Listener:
    """A listening socket."""

    def __init__(
        self, sock: socket.socket, address: Address, *, file: Path | None = None, inherited: bool = False
    ) -> None:
        """Own `sock`, which listens at `address`, and `file`, which was made for it.

        One that was `inherited` is a copy: its owner, like systemd, listens on, and gives it to a successor.
        """
        self.socket = sock
        self.address = address
        self._inherited = inherited
        self._file = file
        self._made = file.stat() if file else None

    def arguments(self) -> dict[str, object]:
        """Return what `uvicorn.run` takes to serve on this socket."""
        place: dict[str, object] = (
            {"host": self.address.host, "port": self.address.port} if self.address.path is None else {}
        )
        if sys.platform == "win32":  # a descriptor cannot be handed over there
            self.socket.close()
            return place
        return {"fd": self.socket.fileno(), **place}

    def close(self) -> None:
        """Give up this copy of the socket, so that new clients are refused once uvicorn closes its own."""
        self._remove_file()
        self.socket.close()

    def refuse(self) -> None:
        """Refuse new clients now, whichever process of ours holds a copy; those of an inherited socket may wait."""
        self._remove_file()
        if not self._inherited:
            with contextlib.suppress(OSError):  # macOS: a listening socket is "not connected"
                self.socket.shutdown(socket.SHUT_RDWR)
        self.close()

    def _remove_file(self) -> None:
        """Remove the file while the socket still listens, and once: a successor may put its own there afterwards."""
        file, self._file = self._file, None
        if file and self._made:
            with contextlib.suppress(OSError):
                if os.path.samestat(file.lstat(), self._made):
                    file.unlink()


def listen(bind: Bind) -> Listener:
    """Return a socket that listens; with `next_port` on the first free port from `port` on.

    Where another asgictl listens, or nobody knows who, it is waited for a moment: it may be stopping.

    Raises `StartError` naming the address, and the process that has the port where the system tells.
    """
    if bind.fd is not None:
        return _inherited(bind.fd, bind.backlog)
    if bind.uds is not None:
        path = Path(bind.uds).absolute()
        return Listener(unix_socket.bound(path, bind.uds_mode), Address(path=str(path)), file=path)
    return _on_port(bind.host, bind.port, next_port=bind.next_port, backlog=bind.backlog)


def is_unix(bind: Bind) -> bool:
    """Tell whether a UNIX socket is listened on, one that is open already included."""
    if bind.fd is None:
        return bind.uds is not None
    try:
        sock = socket.socket(fileno=bind.fd)
    except OSError:
        return False
    sock.detach()
    return sock.family not in (socket.AF_INET, socket.AF_INET6)


def _inherited(fd: int, backlog: int) -> Listener:
    """Return the socket that the program which has started us has opened as `fd`."""
    try:
        sock = socket.socket(fileno=fd)
        sock.getsockname()
    except OSError as error:
        problem = f"the descriptor {fd} is not a socket: {errors.reason(error)}"
        raise StartError(problem, hint="pass --fd with a listening socket, as systemd or circus do") from error
    if sock.type != socket.SOCK_STREAM or _is_connected(sock):
        sock.detach()
        hint = "with systemd, set ListenStream= and Accept=no"
        raise StartError(f"the descriptor {fd} is not a socket that listens", hint=hint)
    name = sock.getsockname()
    if not (name[1] if sock.family in (socket.AF_INET, socket.AF_INET6) else name):
        sock.detach()
        raise StartError(f"the descriptor {fd} is not a socket that listens", hint="bind it to an address first")
    sock.listen(backlog)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        here = addresses.is_loopback(name[0])
        return Listener(sock, Address(host=name[0], port=name[1], loopback=here), inherited=True)
    path = name.decode().replace("\0", "@") if isinstance(name, bytes) else name
    return Listener(sock, Address(path=path), inherited=True)


def _is_connected(sock: socket.socket) -> bool:
    with contextlib.suppress(OSError):
        sock.getpeername()
        return True
    return False


def _on_port(host: str, port: int, *, next_port: bool, backlog: int) -> Listener:
    last = min(port + _NEXT_PORTS, _LAST_PORT) if next_port and port else port
    deadline = predecessor.deadline()
    for candidate in range(port, last + 1):
        try:
            sock = predecessor.outlived(partial(_bound, host, candidate, backlog), candidate, deadline)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and candidate < last:
                continue
            raise _problem(error, host, candidate, tried=candidate - port) from error
        name = sock.getsockname()
        both = host == _LOCALHOST and name[0] == "::"
        here = both or addresses.is_loopback(name[0])
        return Listener(sock, Address(host=host, port=name[1], loopback=here, both=both))
    raise AssertionError


def _bound(host: str, port: int, backlog: int) -> socket.socket:
    if host == _LOCALHOST and (both := loopback.bound(port, backlog)):
        return both
    family, address = _resolve(host, port)
    # IPPROTO_TCP and not 0: asyncio sets TCP_NODELAY only on sockets that say so.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if host == "::" and _dual_stack():
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(address)
        # Two sockets with SO_REUSEADDR can both bind; only one can listen.
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[object, ...]]:
    """Return the address of `host`, the IPv4 one of a name that has both."""
    with contextlib.suppress(OSError):
        socket.inet_pton(socket.AF_INET, host)
        return socket.AF_INET, (host, port)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "it is no host name") from error
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return found[0][0], found[0][4]


def remarks(bind: Bind, address: Address) -> Iterator[str]:
    """Yield what users should know who have asked for `bind` and get `address`."""
    if bind.uds is not None or bind.fd is not None:
        return
    if bind.port not in (address.port, 0):
        yield f"port {bind.port} is in use, taking {address.port}"
    if not address.both and (others := _elsewhere(bind)):
        hint = f"pass --host {others[0]} for that one, or --host :: for every address of this machine"
        yield f"`{bind.host}` is {' and '.join(others)} too, which is not listened on: {hint}"


def _elsewhere(bind: Bind) -> list[str]:
    """Return the other addresses of this machine that the host is a name of: uvicorn serves on one socket."""
    _, (taken, *_) = _resolve(bind.host, bind.port)
    if taken == bind.host:
        return []
    found = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for _, _, _, _, where in found if where[0] != taken and _is_ours(where[0])))


def _is_ours(host: object) -> bool:
    """Tell whether this machine has an address: one of IPv6 may have a name where there is no IPv6."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6 if ":" in str(host) else socket.AF_INET) as sock:
        sock.bind((host, 0))
        return True
    return False


def _problem(error: OSError, host: str, port: int, *, tried: int) -> StartError:
    place = f"port {port} on {host}"
    if isinstance(error, socket.gaierror):
        problem = f"the host `{host}` has no address: {errors.reason(error)}"
        other = host.strip("[]") if ":" in host else "127.0.0.1"
        return StartError(problem, hint=f"pass --host {other}", option="host")
    if error.errno == errno.EADDRINUSE and tried:
        return StartError(f"ports {port - tried} to {port} on {host} are in use", hint="pass another --port")
    if error.errno == errno.EADDRINUSE:
        hint = f"pass --port {port + 1}, or --next-port to take the next free one"
        if port == _LAST_PORT:
            hint = "pass another --port"
        return StartError(f"{place} is in use{port_owner.by(port)}", hint=hint)
    if error.errno == errno.EACCES and port <= _LAST_PRIVILEGED:
        return StartError(f"{place} is reserved for the administrator", hint="pass a --port from 1024 on")
    if error.errno == errno.EADDRNOTAVAIL:
        hint = "pass --host 127.0.0.1 for this machine only, or --host 0.0.0.0 for every address it has"
        return StartError(f"this machine has no address {host}", hint=hint, option="host")
    return StartError(f"cannot listen on {place}: {errors.reason(error)}")


def _dual_stack() -> bool:
    return socket.has_dualstack_ipv6()

"""The protocols between systemd and a service: sockets that it passes, and the word that the service is ready.

https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html and sd_notify.html
"""

import contextlib
import socket
import sys
import time
from collections.abc import Mapping, MutableMapping

from asgictl.errors import ConfigError

_FIRST = 3  # SD_LISTEN_FDS_START
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def passed(environ: Mapping[str, str], pid: int) -> int | None:
    """Return the descriptor of the socket that systemd has passed to the process `pid`, or None.

    Raises `ConfigError` for more than one, for uvicorn serves on one.
    """
    if environ.get("LISTEN_PID") != str(pid):
        return None
    count = environ.get("LISTEN_FDS", "0")
    if count == "1":
        return _FIRST
    if count.isdecimal() and int(count) == 0:
        return None
    problem = f"systemd passes {count} sockets (LISTEN_FDS), and one can be served"
    raise ConfigError(problem, hint="make a service of each, or listen on one address")


def forget(environ: MutableMapping[str, str]) -> None:
    """Remove what is meant for this process alone, so that none of its children takes it for its own."""
    for name in _VARIABLES:
        environ.pop(name, None)


class Notifier:
    """Tells systemd how the service is; does nothing where nobody wants to know."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Send to the socket that NOTIFY_SOCKET names."""
        self._address = environ.get("NOTIFY_SOCKET", "")

    def ready(self) -> None:
        """The service answers."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The service replaces what it runs; `ready` ends that."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The service ends."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if not self._address or sys.platform == "win32":
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(state.encode(), address)

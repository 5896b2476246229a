"""This machine in its network: the addresses, and the name, at which others may reach it."""

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from asgictl import addresses

# netdevice(7); the number is of include/uapi/linux/sockios.h.
_SIOCGIFADDR = 0x8915

# How /proc/net/udp prints the port of multicast DNS, 5353 (RFC 6762 section 5).
_MDNS = "14E9"
_UDP = (Path("/proc/net/udp"), Path("/proc/net/udp6"))


def address() -> str | None:
    """Return this machine's address in its network: the one that a packet to elsewhere would carry."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("192.0.2.1", 9))  # RFC 5737: reserved for documentation; nothing is sent
        found: str = sock.getsockname()[0]
        return None if found.startswith("127.") else found
    return None


def every_address() -> list[str]:
    """Return the IPv4 addresses at which others may reach this machine, the one towards elsewhere first."""
    found = [address(), *_of_devices()]
    return list(dict.fromkeys(it for it in found if it and not addresses.is_loopback(it)))


def name() -> str | None:
    """Return what this machine may be called by multicast DNS (RFC 6762); None where nothing here would answer."""
    label = socket.gethostname().partition(".")[0].lower()
    return f"{label}.local" if label not in {"", "localhost"} and _answers() else None


def _of_devices() -> Iterator[str]:
    if sys.platform != "linux":
        with contextlib.suppress(OSError):
            yield from socket.gethostbyname_ex(socket.gethostname())[2]
        return
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, device in socket.if_nameindex():
            with contextlib.suppress(OSError):  # it has none
                answer = fcntl.ioctl(sock, _SIOCGIFADDR, struct.pack("40s", os.fsencode(device)))
                yield socket.inet_ntoa(answer[20:24])


def _answers() -> bool:
    """Tell whether a service of the system has the port of multicast DNS: Avahi or systemd-resolved on Linux.

    Browsers have it too, to look for others, under the user's own number.
    """
    if sys.platform == "darwin":
        return True  # where mDNSResponder always runs
    for file in _UDP:
        with contextlib.suppress(OSError):
            for line in file.read_text(encoding="ascii").splitlines()[1:]:
                columns = line.split()
                if columns[1].endswith(f":{_MDNS}") and int(columns[7]) != os.getuid():
                    return True
    return False

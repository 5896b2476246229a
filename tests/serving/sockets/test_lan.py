"""The addresses and the name of this machine in its network."""

import contextlib
import errno
import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from asgictl.serving.sockets import lan, listen
from asgictl.serving.sockets.listen import Bind
from tests.conftest import linux


@pytest.mark.parametrize(
    ("own", "wanted"),
    [("198.51.100.7", "198.51.100.7"), ("127.0.1.1", None), ("12.7.0.1", "12.7.0.1"), (None, None)],
)
def test_address(monkeypatch: pytest.MonkeyPatch, own: str | None, wanted: str | None) -> None:
    """The address for the network is the one that a packet to elsewhere would carry, and never a loopback one."""
    asked: list[object] = []

    class Socket(contextlib.AbstractContextManager["Socket"]):
        def __init__(self, *kind: object) -> None:
            asked.extend(kind)

        def __exit__(self, *_: object) -> None:
            asked.append("closed")

        def connect(self, place: tuple[str, int]) -> None:
            asked.append(place[0])
            if own is None:
                raise OSError(errno.ENETUNREACH, "")

        def getsockname(self) -> tuple[str | None, int]:
            return own, 5000

    there = {name: getattr(socket, name) for name in ("AF_INET", "SOCK_DGRAM")}
    monkeypatch.setattr(lan, "socket", SimpleNamespace(socket=Socket, **there))

    assert lan.address() == wanted
    assert asked == [socket.AF_INET, socket.SOCK_DGRAM, "192.0.2.1", "closed"]


def test_address_is_no_loopback() -> None:
    """The address for the network is never one that only this machine has, and one that can be listened on."""
    address = lan.address()
    if address is not None:
        listener = listen.listen(Bind(host=address, port=0))
        with contextlib.closing(listener):
            assert listener.address == listen.Address(host=address, port=listener.address.port, loopback=False)


@linux
def test_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are found, each once and the usual one first; those of this machine alone are none."""
    monkeypatch.setattr(lan, "address", lambda: "192.0.2.9")
    monkeypatch.setattr(lan, "_of_devices", lambda: iter(["127.0.0.1", "172.17.0.1", "192.0.2.9"]))

    assert lan.every_address() == ["192.0.2.9", "172.17.0.1"]

    monkeypatch.setattr(lan, "address", lambda: None)
    assert lan.every_address() == ["172.17.0.1", "192.0.2.9"]


@linux
def test_addresses_of_devices() -> None:
    """Each device has told its address: the loopback one, and that of the network."""
    found = list(lan._of_devices())

    assert "127.0.0.1" in found
    assert lan.address() is None or lan.address() in found


def test_addresses_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems than Linux tell the addresses of the machine's own name, if it has any."""
    monkeypatch.setattr(lan, "sys", SimpleNamespace(platform="win32"))
    known: dict[str, tuple[str, list[str], list[str]]] = {"desk": ("desk", [], ["127.0.0.1", "192.0.2.9"])}
    monkeypatch.setattr(socket, "gethostname", lambda: "desk")
    monkeypatch.setattr(socket, "gethostbyname_ex", known.__getitem__)
    assert list(lan._of_devices()) == ["127.0.0.1", "192.0.2.9"]

    def unknown(_: str) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "")

    monkeypatch.setattr(socket, "gethostbyname_ex", unknown)
    assert list(lan._of_devices()) == []


HEAD = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LINE = " 100: 00000000:{port} 00000000:0000 07 00000000:00000000 00:00000000 00000000 {uid:>5}        0 20384 2 0 0\n"


@linux
@pytest.mark.parametrize(
    ("host", "port", "uid", "wanted"),
    [
        ("Desk", "14E9", 106, "desk.local"),
        ("desk.example.org", "14E9", 106, "desk.local"),
        ("desk", "0035", 106, None),
        ("desk", "14E9", os.getuid(), None),
        ("localhost", "14E9", 106, None),
        ("", "14E9", 106, None),
    ],
    ids=["Avahi", "a long name", "nobody answers", "a browser has the port", "no name of its own", "no name"],
)
def test_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, port: str, uid: int, wanted: str | None
) -> None:
    """A `.local` name is told where a service of the system may answer for it, and nowhere else."""
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    table = tmp_path / "udp"
    table.write_text(HEAD + LINE.format(port="0044", uid=0) + LINE.format(port=port, uid=uid))
    monkeypatch.setattr(lan, "_UDP", (tmp_path / "none", table))

    assert lan.name() == wanted


def test_name_on_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS the system always answers."""
    monkeypatch.setattr(lan, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(socket, "gethostname", lambda: "Desk.local")

    assert lan.name() == "desk.local"

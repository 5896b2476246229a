"""What systemd passes to a service, and what a service says to systemd."""

import socket
import sys
import time
from pathlib import Path

import pytest

from asgictl.errors import ConfigError
from asgictl.serving.sockets import systemd
from tests.conftest import linux

PASSED: dict[str, tuple[dict[str, str], int | None]] = {
    "one socket": ({"LISTEN_PID": "7", "LISTEN_FDS": "1"}, 3),
    "none": ({"LISTEN_PID": "7", "LISTEN_FDS": "0"}, None),
    "none at all": ({"LISTEN_PID": "7"}, None),
    "for another process": ({"LISTEN_PID": "8", "LISTEN_FDS": "1"}, None),
    "without a process": ({"LISTEN_FDS": "1"}, None),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("case", PASSED)
def test_a_socket_is_taken(case: str) -> None:
    """The one socket that systemd has passed to this process is taken, by its number."""
    environ, wanted = PASSED[case]

    assert systemd.passed(environ, 7) == wanted


@pytest.mark.parametrize("count", ["2", "10", "x", "-1", ""])
def test_more_than_one(count: str) -> None:
    """More than one, or what is no number, is refused with what to do."""
    with pytest.raises(ConfigError) as caught:
        systemd.passed({"LISTEN_PID": "7", "LISTEN_FDS": count}, 7)

    assert (caught.value.message, caught.value.hint) == (
        f"systemd passes {count} sockets (LISTEN_FDS), and one can be served",
        "make a service of each, or listen on one address",
    )


def test_nobody_inherits_it() -> None:
    """What is meant for this process alone is removed, and nothing else."""
    environ = {"LISTEN_PID": "7", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web", "LISTEN": "x", "PATH": "/bin"}

    systemd.forget(environ)
    systemd.forget(environ)

    assert environ == {"LISTEN": "x", "PATH": "/bin"}


@linux
@pytest.mark.parametrize("abstract", [False, True])
def test_what_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    """Each state is said in systemd's words, to a socket in the file system or an abstract one."""
    monkeypatch.setattr(time, "monotonic_ns", lambda: 1_234_567_890)
    name = f"@{tmp_path}/notify" if abstract else f"{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0"))
        sock.settimeout(10)
        notifier = systemd.Notifier({"NOTIFY_SOCKET": name})

        notifier.ready()
        notifier.reloading()
        notifier.stopping()

        assert [sock.recv(100) for _ in range(3)] == [
            b"READY=1",
            b"RELOADING=1\nMONOTONIC_USEC=1234567",
            b"STOPPING=1",
        ]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nosuch/notify"}])
def test_nobody_wants_to_know(environ: dict[str, str]) -> None:
    """Without systemd, or when it does not answer, the service goes on."""
    systemd.Notifier(environ).ready()

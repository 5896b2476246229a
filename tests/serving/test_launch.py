"""The launch: what is said before the start, what comes of an early stop, and what is left behind."""

import errno
import fcntl
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from asgictl import errors
from asgictl.adapt import Adaptation
from asgictl.discovery import AppRef
from asgictl.errors import AppLoadError, ConfigError, StartError
from asgictl.serving import launch, supervised
from asgictl.serving.instructions import Instructions
from asgictl.serving.plan import ServePlan
from asgictl.serving.processes import exits
from asgictl.serving.sockets.listen import Address, Bind
from asgictl.serving.tls import TlsRequest
from tests.conftest import linux

PLAN = ServePlan(
    bind=Bind(port=0),
    workers=1,
    instructions=Instructions(AppRef(module="m", attribute="a", found="as named"), Adaptation()),
    uvicorn={},
)

HOSTS = {
    Bind(host="shop.test"): "shop.test",
    Bind(host="127.0.0.1"): "127.0.0.1",
    Bind(host="0.0.0.0"): "",
    Bind(host="::"): "",
    Bind(host="shop.test", uds="/run/x"): "",
    Bind(host="shop.test", fd=0): "",
}


@pytest.mark.parametrize("bind", HOSTS)
def test_what_clients_call_it(bind: Bind) -> None:
    """A certificate is looked at for the host that clients use, where there is one."""
    assert launch._host(bind) == HOSTS[bind]


def test_a_redirect_needs_a_port_of_its_own() -> None:
    """Where HTTPS is there is no room for what leads to it."""
    secured: Any = None

    with pytest.raises(ConfigError) as caught:
        launch._redirect(PLAN._replace(tls=TlsRequest(redirect_http=8733)), secured, Address("127.0.0.1", 8733))

    assert (caught.value.message, caught.value.hint, caught.value.option) == (
        "`--redirect-http 8733` is the port of HTTPS itself",
        "pass another --redirect-http, or --port",
        "redirect-http",
    )


def test_a_redirect_needs_a_port() -> None:
    """On a UNIX socket there is nowhere to lead to."""
    plan = PLAN._replace(tls=TlsRequest(redirect_http=0))
    secured: Any = None

    with pytest.raises(ConfigError) as caught:
        launch._redirect(plan, secured, Address(path="/run/web.sock"))

    assert (caught.value.message, caught.value.hint, caught.value.option) == (
        "`--redirect-http` needs a server with a port",
        "drop it: this one is on a UNIX socket",
        "redirect-http",
    )
    assert launch._redirect(PLAN._replace(tls=TlsRequest()), secured, Address(path="/run/web.sock")) is None


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (signal.SIGTERM, "stopped by SIGTERM before the app was ready"),
        (signal.SIGINT, "stopped by SIGINT before the app was ready"),
        (None, "stopped before the app was ready"),
    ],
)
def test_an_early_stop(number: signal.Signals | None, message: str) -> None:
    """A stop before the app was ready is told with its signal."""
    error = supervised.stopped_early(number)

    assert (error.message, error.hint, error.exit_status) == (message, None, 3)


def test_the_lock_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that keeps the workers' lines apart is empty, the user's alone, and goes however the process ends."""
    acts: list[Callable[[], object]] = []
    monkeypatch.setattr(exits, "_actions", acts)
    monkeypatch.setattr(sys, "platform", "darwin")
    with supervised._lock_file() as name:
        file = Path(str(name))
        assert (file.name.startswith("asgictl-"), file.read_bytes(), file.stat().st_mode & 0o777) == (True, b"", 0o600)
        assert len(acts) == 1
    assert not file.exists()
    with supervised._lock_file() as name:
        acts[0]()
        assert not Path(str(name)).exists()


@linux
def test_the_lock_needs_no_file_on_linux() -> None:
    """Where the system has files in memory alone, each worker can open the lock by name, and none is left."""
    with supervised._lock_file() as name, open(str(name), "r+b") as one, open(str(name), "r+b") as other:  # noqa: PTH123
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert not Path(str(name)).exists()


def test_no_lock_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no file can be made, there is no lock, and no error."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nosuch"))
    with supervised._lock_file() as name:
        assert name is None


def test_what_goes_wrong_in_uvicorn() -> None:
    """What uvicorn stumbles over becomes an error with its reason and the whole of it."""
    plan = PLAN._replace(uvicorn={"log_config": {"version": 9}})
    listener: Any = type("Listener", (), {"arguments": dict})

    with pytest.raises(AppLoadError) as caught:
        launch._uvicorn(lambda: None, plan, listener)

    assert caught.value.failure is not None
    lines = caught.value.failure.traceback.splitlines()
    assert (caught.value.message, caught.value.hint) == (f"uvicorn cannot start: {lines[-1]}", None)
    assert lines[0] == "Traceback (most recent call last):"
    assert uvicorn.__file__.rpartition("/")[0] in caught.value.failure.traceback


class Reporter:
    """What users hear."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def note(self, text: str) -> None:
        """Something has happened."""
        self.said.append(text)

    def problem(self, error: object) -> None:
        """The server ends."""
        self.said.append(error)

    def ready(self, ready: object) -> None:
        """The app answers."""

    def changed(self, files: object) -> None:
        """The app is restarted."""


def test_the_report_of_one_process() -> None:
    """In one process a failure is kept for the launch, what ends the process at once is told, and the rest is its."""
    reporter: Any = Reporter()
    calls: list[object] = []
    report = launch._OwnReport(lambda *it: calls.append(it), lambda: calls.append("closed"), reporter)
    error = AppLoadError("no luck")

    report.ready("ASGI", None)
    report.closed()
    report.stopped()
    report.worn()
    report.note("slow")
    assert report.error is None
    report.failed(error)
    report.fatal(error)

    told: tuple[object, ...] = (calls, reporter.said, report.error)
    assert told == ([("ASGI", None), "closed"], ["slow", error], error)


SHORT = {
    "threads": RuntimeError("can't start new thread"),
    "memory": MemoryError(),
    "processes": BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
    "memory for a process": OSError(errno.ENOMEM, "Cannot allocate memory"),
}


@pytest.mark.parametrize("what", SHORT)
def test_a_shortage(what: str) -> None:
    """What the system refuses to start with is an error with what raises the limit."""
    with pytest.raises(StartError) as caught, errors.shortage():
        raise SHORT[what]

    assert caught.value.message == "the system allows no more processes, threads or memory"
    assert caught.value.hint == (
        "raise its limits: `ulimit -u` and -v, TasksMax of systemd, --pids-limit and --memory of containers"
    )


@pytest.mark.parametrize("error", [RuntimeError("x"), OSError(errno.ENOENT, "x"), ValueError("x")])
def test_what_is_no_shortage(error: Exception) -> None:
    """Anything else stays what it is."""
    with pytest.raises(type(error)) as caught, errors.shortage():
        raise error

    assert caught.value is error

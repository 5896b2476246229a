"""What tests share: a clean environment, and the real command as users start it."""

import contextlib
import functools
import gc
import http.client
import itertools
import os
import re
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
import typer.main

from tests import forked

Write = Callable[..., Path]
APPS = Path(__file__).parent / "apps"
ASGICTL = forked.ASGICTL

# A loaded machine takes its time for an example.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

# The path of a UNIX socket has about a hundred bytes at the most.
_LONGEST_FOLDER = 40

# Set by CI systems and terminals, and meant for the tools around the tests.
_FOREIGN = (
    "FORCE_COLOR",
    "NO_COLOR",
    "GITHUB_ACTIONS",
    "ASGICTL_APP",
    "CONDA_PREFIX",
    "FLASK_APP",
    "LITESTAR_APP",
    "QUART_APP",
    "VIRTUAL_ENV",
    "DJANGO_SETTINGS_MODULE",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "WEB_CONCURRENCY",
    "PORT",
)


def pytest_configure(config: pytest.Config) -> None:
    """Clear the environment; start what all processes of a run share."""
    for name in _FOREIGN:
        os.environ.pop(name, None)
    if sys.platform == "win32":  # where no test starts a command
        return
    _have_a_plain_folder()
    if not hasattr(config, "workerinput"):
        config.add_cleanup(forked.start())
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)  # under nohup: what is started gets the default again


def _have_a_plain_folder() -> None:
    """Keep the tests in a folder whose name no shell has to quote, and that is short enough for a socket's path."""
    folder = tempfile.gettempdir()
    if shlex.quote(folder) != folder or len(folder) > _LONGEST_FOLDER:
        os.environ["TMPDIR"] = "/tmp"  # pytest makes a folder of its own there
        tempfile.tempdir = None


def pytest_collection_finish() -> None:
    """Have the garbage collector leave out thousands of tests, which stay to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _one_command_line() -> Iterator[None]:
    """Build the command line once: Typer's runner does it for each call, which takes longer than most commands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", functools.cache(typer.main.get_command))
        yield


@pytest.fixture(autouse=True, scope="session")
def _one_trust_store() -> Iterator[None]:
    """Read the authorities of the world once: httpx does it for each client, which takes longer than most requests."""
    usual = httpx.create_ssl_context()

    def create(verify: Any = True, cert: Any = None, trust_env: Any = True) -> Any:  # noqa: FBT002  # httpx's signature
        return usual if verify is True and cert is None else httpx.create_ssl_context(verify, cert, trust_env)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", create)
        yield


@pytest.fixture(autouse=True)
def _clean_environment(request: pytest.FixtureRequest) -> Iterator[None]:
    before = dict(os.environ)
    # Never the user's own; a folder for each of thousands of tests takes time, so those without one have none here.
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else "/nonexistent"
    os.environ["ASGICTL_CA_DIR"] = f"{folder}/authority"
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before.items() - os.environ.items())


@pytest.fixture
def nobodys_stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests from the trust stores of whoever runs them: the browsers' databases, the system's store, Java's."""
    from asgictl.certs import stores

    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else Path("/nonexistent")
    monkeypatch.setenv("HOME", f"{folder}/home")
    monkeypatch.setenv("JAVA_HOME", f"{folder}/no-java")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    usual = stores.this_machine
    monkeypatch.setattr(stores, "this_machine", lambda: usual()._replace(root=folder / "root"))


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[http.client.HTTPResponse]:
    """Return the answers that this process is given over HTTP; kept, so that none is closed by being forgotten."""
    responses: list[http.client.HTTPResponse] = []
    getresponse = http.client.HTTPConnection.getresponse

    def keep(self: http.client.HTTPConnection) -> http.client.HTTPResponse:
        responses.append(getresponse(self))
        return responses[-1]

    monkeypatch.setattr(http.client.HTTPConnection, "getresponse", keep)
    return responses


def start(
    *arguments: str | Path,
    folder: Path | None = None,
    env: dict[str, str] | None = None,
    script: Path = ASGICTL,
) -> forked.Process:
    """Start `asgictl` in a session of its own."""
    environment = {**os.environ, **(env or {})}
    return forked.Process(arguments, cwd=folder or Path.cwd(), env=environment, script=script)


def finish(
    *arguments: str | Path, folder: Path | None = None, env: dict[str, str] | None = None, script: Path = ASGICTL
) -> tuple[int, str, str]:
    """Run `asgictl` to its end; return the status, stdout and stderr."""
    process = start(*arguments, folder=folder, env=env, script=script)
    try:
        stdout, stderr = process.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait(), stdout, stderr


class Served:
    """A running `asgictl serve`, or `inspect`; its streams are read as they come."""

    def __init__(self, *arguments: str, folder: Path, env: dict[str, str], **options: Any) -> None:
        self.process = start(*arguments, folder=folder, env=env, **options)
        self.lines: list[str] = []
        self.access: list[str] = []
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stderr, self.lines), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stdout, self.access), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Iterator[str], lines: list[str]) -> None:
        for line in stream:
            with self._changed:
                lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            lines.append("")  # the end
            self._changed.notify_all()

    def wait_for(self, pattern: str, *, nth: int = 1, within: float = 30) -> re.Match[str]:
        """Return the `nth` match of `pattern` in the lines of stderr and stdout, once it is there."""

        def found() -> re.Match[str] | None:
            matches = (re.search(pattern, line) for line in [*self.lines, *self.access])
            return next(itertools.islice(filter(None, matches), nth - 1, None), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self.process.poll() is not None, timeout=within)
            match = found()
        assert match, f"{pattern!r} never came: {self.lines}"
        return match

    @property
    def url(self) -> str:
        """The URL in the banner, which is printed when it answers."""
        return self.wait_for(r"https?://\S+:\d+")[0]

    @property
    def port(self) -> int:
        """The port of the URL."""
        return int(self.url.rpartition(":")[2])

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        self.process.send_signal(number)

    def ctrl_c(self) -> None:
        """Send what a terminal sends: SIGINT to the whole process group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self, *, within: float = 20) -> tuple[int, list[str]]:
        """Wait for the end; return the status and the whole of stderr."""
        status = self.process.wait(timeout=within)
        for reader in self._readers:
            reader.join(timeout=within)
        return status, [line for line in self.lines if line]

    def wait_until_refused(self, *, within: float = 20) -> None:
        """Wait until a stop has begun, which new clients notice."""
        port = self.port
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
            except ConnectionError:
                return
            time.sleep(0.01)
        raise AssertionError("new clients are not refused while it stops")

    def stop(self) -> tuple[int, list[str]]:
        """Stop it as a supervisor does; return the status and the whole of stderr."""
        self.send(signal.SIGTERM)
        return self.end()


def after_banner(lines: list[str]) -> list[str]:
    """Return what stderr holds after the banner, which has to be there and whole."""
    labels = [line.split()[0] for line in lines]
    size = labels.index("Ready") + 1 if "Ready" in labels else 0
    assert labels[:3] == ["App", "Local", "Network"], lines
    assert set(labels[3:size]) <= {"Docs", "TLS", "HTTP", "Reload", "Ready"}, lines
    return lines[size:]


Serve = Callable[..., Served]


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip a test where a foreign client that it uses is not installed (`.ci/run` installs them all)."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


def mortal() -> list[str]:
    """Return what a command begins with to be without root's right to read and write everything."""
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, or has a program for Linux")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start `asgictl serve` on a free port, in an empty folder unless told otherwise."""
    started: list[Served] = []

    def start(
        *arguments: str,
        command: str = "serve",
        folder: Path = tmp_path,
        port: str | None = "0",
        env: dict[str, str] | None = None,
        **options: Any,
    ) -> Served:
        address = ("--port", port) if port is not None else ()
        served = Served(command, *arguments, *address, folder=folder, env=env or {}, **options)
        started.append(served)
        return served

    yield start
    for served in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(served.process.pid, signal.SIGKILL)
        served.end()
        for stream in (served.process.stdout, served.process.stderr):
            stream.close()


@pytest.fixture
def hurried(tmp_path: Path) -> Callable[[str], Path]:
    """Return a script that is `asgictl` with one of its constants changed: `hurried("asgictl.x._SECONDS = 0.1")`."""

    def script(change: str) -> Path:
        module = change.partition(" = ")[0].rpartition(".")[0]
        file = tmp_path / "hurried" / "asgictl"
        file.parent.mkdir()
        start = "from asgictl.__main__ import main\nif __name__ == '__main__':\n    main()\n"
        file.write_text(f"import {module}\n{change}\n{start}")
        return file

    return script


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write files into the test's folder: `write({"main.py": "..."})`; return the folder."""

    def put(files: dict[str, str]) -> Path:
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return put


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a test take over the signals of this process; afterwards all is as before, and no thread hears them."""
    from asgictl.serving.processes import stopping

    ears: list[stopping.Ear] = []
    listen = stopping.listen

    def noted(hear: Callable[[int], None], **more: int) -> stopping.Ear:
        ears.append(listen(hear, **more))
        return ears[-1]

    monkeypatch.setattr(stopping, "listen", noted)
    numbers = (*stopping.SIGNALS, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    wakeup = signal.set_wakeup_fd(-1)
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for ear in ears:
        ear.close()
    signal.set_wakeup_fd(wakeup)

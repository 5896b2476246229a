"""Starts `asgictl` without the time that its imports take: in processes forked from one that has done them.

The child runs the console script as the interpreter would, with its own session, environment, folder and streams.
What differs is what is in `sys.modules` before the script begins, and the command's name in `/proc`. A command whose
environment says something to Python has the script executed instead, and so has, with coverage, as in `.ci/run`, every
other one.

All of them are children of that process, which ends with the one that started it, and ends them: nothing is left when
a run is cut off.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ASGICTL = Path(sys.executable).with_name("asgictl")
_FOREIGN = (
    *("uvicorn", "uvloop", "uvicorn.protocols.http.httptools_impl", "uvicorn.protocols.websockets.auto"),
    *("starlette.applications", "starlette.responses", "fastapi"),
)
_WHERE, _WITH = "ASGICTL_TESTS_FORKED_AT", "ASGICTL_TESTS_FORKED_WITH"


def _is_like_ours(env: Mapping[str, str]) -> bool:
    """Whether a command with this environment is the same when it is forked."""
    return env[_WITH] == _interpreter(env) and not any(name.startswith("COVERAGE") for name in env)


def _interpreter(env: Mapping[str, str]) -> str:
    return str(sorted(item for item in env.items() if item[0].startswith(("PYTHON", "LC_", "LANG"))))


class Process:
    """What `subprocess.Popen` of the console script would be, as far as the tests use it."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        script: Path = ASGICTL,
    ) -> None:
        out, err = os.pipe(), os.pipe()
        self.returncode: int | None = None
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(os.environ[_WHERE])
        words = [str(word) for word in (script, *arguments)]
        asked = {"words": words, "cwd": str(cwd), "env": dict(env), "fork": _is_like_ours(env)}
        request = json.dumps(asked).encode()
        socket.send_fds(self._connection, [len(request).to_bytes(4)], [out[1], err[1]])
        self._connection.sendall(request)
        os.close(out[1])
        os.close(err[1])
        self.stdout: IO[str] = os.fdopen(out[0], encoding="utf-8")
        self.stderr: IO[str] = os.fdopen(err[0], encoding="utf-8")
        self.pid = int.from_bytes(_exactly(self._connection, 4))

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Read both streams to their end, and wait for its own."""
        texts = {self.stdout: "", self.stderr: ""}
        readers = [threading.Thread(target=lambda it=it: texts.update({it: it.read()})) for it in texts]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join()
        self.stdout.close()
        self.stderr.close()
        return texts[self.stdout], texts[self.stderr]

    def poll(self) -> int | None:
        """Return the status when it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(timeout=0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; return the status, negative for a signal."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                answer = _exactly(self._connection, 4)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(str(ASGICTL), timeout or 0) from None
            self.returncode = os.waitstatus_to_exitcode(int.from_bytes(answer))
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += (more := connection.recv(size - len(data)))
        if not more:
            raise ConnectionError("the process that forks has ended")
    return data


def start() -> Callable[[], None]:
    """Start the process that forks, for this process and those that it starts; return what ends it."""
    folder = tempfile.mkdtemp(prefix="asgictl-tests-")
    os.environ[_WHERE] = f"{folder}/socket"
    os.environ[_WITH] = _interpreter(os.environ)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.environ[_WHERE])
        listener.listen(64)
        # Its standard input ends with this process, however it ends, and so it ends then, too.
        process = subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno()), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )

    def end() -> None:
        process.communicate()
        del os.environ[_WHERE], os.environ[_WITH]

    return end


def _fork_on_request(listener: socket.socket) -> dict[str, Any]:
    """Answer requests until the process that started this one ends; return, in each child, what it is to do."""
    children: dict[int, socket.socket] = {}
    woken, wakes = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    while True:
        ready = select.select([listener, woken, sys.stdin], [], [])[0]
        if sys.stdin in ready:
            _end(children)
        if woken in ready:
            os.read(woken, 4096)
            _tell_of_ends(children)
        if listener in ready:
            connection = listener.accept()[0]
            size, streams, *_ = socket.recv_fds(connection, 4, 2)
            request = json.loads(_exactly(connection, int.from_bytes(size)))
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for inherited in (listener, connection, *children.values()):
                    inherited.close()
                os.close(woken)
                os.close(wakes)
                return {**request, "streams": streams}
            for stream in streams:
                os.close(stream)
            children[pid] = connection
            connection.sendall(pid.to_bytes(4))


def _tell_of_ends(children: dict[int, socket.socket]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with children.pop(pid) as connection, contextlib.suppress(OSError):
            connection.sendall(status.to_bytes(4))


def _end(children: dict[int, socket.socket]) -> None:
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    shutil.rmtree(sys.argv[2])
    os._exit(0)


def _become(request: dict[str, Any]) -> None:
    """Take on what the request says: session, streams, folder, environment, command line."""
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # it is ignored under nohup
    for stream, number in zip((os.open(os.devnull, os.O_RDONLY), *request["streams"]), (0, 1, 2), strict=True):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["cwd"])
    if not request["fork"]:
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
            signal.signal(number, signal.SIG_DFL)
        os.execve(sys.executable, [sys.executable, *request["words"]], request["env"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    sys.argv = request["words"]
    sys.orig_argv = [sys.executable, *sys.argv]
    sys.path[0] = str(Path(sys.argv[0]).parent)


def _ours() -> list[str]:
    package = Path(importlib.import_module("asgictl").__path__[0])
    names = (file.relative_to(package.parent).with_suffix("").parts for file in package.rglob("*.py"))
    left_out = {"__main__", "demo", "pytest_plugin"}  # a script, an app, and what loads pytest
    return [".".join(parts).removesuffix(".__init__") for parts in names if parts[-1] not in left_out]


def _run() -> None:
    """Run the script as the interpreter does, but for taking apart what this process shares with all the others."""
    status: Any = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as error:
        status = error.code or 0
    if not isinstance(status, int):
        sys.stderr.write(f"{status}\n")
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]  # it waits for threads, before the exit handlers
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    for name in (*_FOREIGN, *_ours()):
        importlib.import_module(name)
    gc.freeze()
    _become(_fork_on_request(socket.socket(fileno=int(sys.argv[1]))))
    _run()

"""A server that is asked by clients meanwhile, in a session of its own, with all that is left of it in the end."""

import contextlib
import http
import http.client
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from startup import free_port

WORKERS, CLIENTS, PATIENCE, LONGEST_STOP = 2, 8, 4, 20


class Load:
    """Clients that ask until they are told to stop: the numbers of the requests that were answered and that failed.

    Each keeps its connection, or has a new one for each request.
    """

    def __init__(self, port: int, path: str, *, is_kept: bool) -> None:
        self.answered: set[int] = set()
        self.failed: set[int] = set()
        self._address, self._path, self._is_kept = ("127.0.0.1", port), path, is_kept
        self._numbers = itertools.count(1)
        self._over, self.is_server_stopping = threading.Event(), False
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each client end its request."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=PATIENCE)
        while not self._over.is_set():
            number = next(self._numbers)
            try:
                connection.request("GET", f"{self._path}?n={number}")
                response = connection.getresponse()
                response.read()
                (self.answered if response.status == http.HTTPStatus.OK else self.failed).add(number)
            except ConnectionRefusedError:
                if self.is_server_stopping:
                    break
                self._fail(number)
            except (OSError, http.client.HTTPException):
                connection.close()
                self._fail(number)
            if not self._is_kept:
                connection.close()
        connection.close()

    def _fail(self, number: int) -> None:
        self.failed.add(number)
        time.sleep(0.05)


class Server:
    """A server with its processes in a session of their own, its log on a pipe or, where `is_full`, on a full disk.

    `files` limits its descriptors; 0 does not. `reads` is set while the pipe is read, `held` closed in the end.
    """

    def __init__(self, command: str, folder: Path, *, files: int, is_full: bool) -> None:
        self.port = free_port()
        self.log = b""
        self.held: list[socket.socket] = []
        self.reads = threading.Event()
        words = command.format(self.port).split()
        words[0] = str(Path(sys.executable).with_name(words[0]))
        if files:
            words = ["prlimit", f"--nofile={files}", *words]
        ours, theirs = os.pipe()
        with os.fdopen(theirs, "wb") as pipe, Path("/dev/full").open("wb") as full:
            stdout = full if is_full else pipe
            self.process = subprocess.Popen(
                words, cwd=folder, stdout=stdout, stderr=subprocess.DEVNULL, start_new_session=True
            )
        self._reader = threading.Thread(target=self._read, args=[ours])
        self._reader.start()

    def _read(self, pipe: int) -> None:
        """Read stdout while `reads` is set; the end comes when the last process has gone."""
        parts = []
        while self.reads.wait() and (part := os.read(pipe, 65_536)):
            parts.append(part)
        os.close(pipe)
        self.log = b"".join(parts)

    def worker(self) -> int:
        """Return the process that answers a new client."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", "/")
            return int(connection.getresponse().read())

    def wait_until_ready(self) -> bool:
        """Wait until both workers have answered; tell whether they have."""
        seen: set[int] = set()
        give_up = time.monotonic() + 15
        while len(seen) < WORKERS and time.monotonic() < give_up and self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                seen.add(self.worker())
            time.sleep(0.01)
        return len(seen) == WORKERS

    def signal_worker(self, number: int) -> int:
        """Send a signal to the worker that answers a new client, and return its process; 0 where none answers."""
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            pid = self.worker()
            if os.getsid(pid) == self.process.pid:
                os.kill(pid, number)
                return pid
        return 0

    def stop(self) -> tuple[float, int | None]:
        """Send SIGTERM; return the seconds until the end and the status, which is None when it has to be killed."""
        begun = time.monotonic()
        self.process.terminate()
        try:
            status: int | None = self.process.wait(LONGEST_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = None
        return time.monotonic() - begun, status

    def end_those_left(self) -> int:
        """End the processes of the server's that are still there a second after its end; return how many."""
        time.sleep(1)
        left = list(self.members())
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.reads.set()
        self._reader.join()
        return len(left)

    def members(self) -> Iterator[int]:
        """Yield the processes of the server's that are there."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
                if int(fields[3]) == self.process.pid and fields[0] not in "ZX":
                    yield int(folder.name)

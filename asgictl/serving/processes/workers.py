"""The processes that uvicorn's supervisor starts: which there are, what they say, and how they end."""

import contextlib
import hmac
import multiprocessing
import os
import secrets
import signal
import socket
import struct
import sys
import threading
import time
import weakref
from multiprocessing import connection as connections
from multiprocessing.connection import Connection, Listener
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from asgictl.serving.processes import messages

# How often to look for processes that have started or ended, and how often where one is about to end; in seconds.
_LOOK = 0.1
_LOOK_AGAIN = 0.01

# How long a process that has ended may have left a word that is not read yet, in seconds.
_LAST_WORD = 0.3

# How long to wait for what the system is short of, in seconds.
_SHORTAGE = 0.1

# How long a child of this process that has ended may be a worker that is only just known, in seconds.
_STRANGE = 1.0

# The process, user and group of a socket's other end (struct ucred, unix(7)).
_CREDENTIALS = struct.Struct("3i")

# The processes that this one has sent a signal, with the signal.
_sent: set[tuple[int, int]] = set()


class Heeder(Protocol):
    """Who decides what the words and the ends of workers mean."""

    def joined(self, pid: int) -> None:
        """A worker has made itself known."""

    def heed(self, pid: int, message: dict[str, Any]) -> None:
        """A worker says something; what makes no sense raises any exception."""

    def left(self, _pid: int) -> None:
        """A worker says nothing any more: it is about to end."""

    def ended(self, pid: int, how: str) -> None:
        """A process has ended, whether it ever said something or not; `how` continues a sentence."""


class Workers:
    """The processes of one launch, attended to by two threads that no shortage ends.

    Only these processes are heard, on a socket that on Linux tells who speaks, elsewhere with a token. Other children
    of this process, which the system gives to process 1 and to subreapers, are none of them.
    """

    def __init__(self, heeder: Heeder, *, patience: float) -> None:
        """Listen; a worker that does not answer the supervisor for `patience` seconds is killed by it."""
        self._heeder = heeder
        self._patience = patience
        self._processes: dict[int, BaseProcess] = {}
        self._connections: dict[Connection, int | None] = {}
        self._last_words: dict[int, float] = {}
        self._done: weakref.WeakSet[BaseProcess] = weakref.WeakSet()
        self._stranger = (0, 0.0)
        self._hung_up: set[int] = set()
        self._arrivals: list[Connection] = []
        self._woken, self._wakes = multiprocessing.Pipe(duplex=False)
        self._closed = False
        self._leaves_ends = False
        self.token = secrets.token_hex(16)
        address = _address()
        self._listener = Listener(address, backlog=128)
        self.address = address or str(self._listener.address)

    @property
    def pids(self) -> list[int]:
        """The workers that can be told something."""
        return [pid for pid in list(self._connections.values()) if pid is not None]

    def start(self) -> None:
        """Attend to the workers from now on."""
        if _note_signal not in _hooks:
            _hooks.append(_note_signal)
            sys.addaudithook(_note_signal)
        for target in (self._accept, self._attend):
            threading.Thread(target=target, name=f"asgictl{target.__name__}", daemon=True).start()

    def leave_ends(self) -> None:
        """Look for no more ends: the supervisor is about to signal its processes, by numbers that have to be theirs.

        It looks whether one has ended, and sends `os.kill` if not. One that is taken away in between is an error there.
        """
        self._leaves_ends = True

    def close(self) -> None:
        """Attend to nobody any more."""
        self._closed = True
        self._listener.close()

    def tell(self, pid: int, message: dict[str, Any]) -> None:
        """Send a worker a message, if it is still there."""
        for connection, owner in list(self._connections.items()):
            if owner == pid:
                with contextlib.suppress(OSError):
                    messages.write(connection, message)

    def have_ended(self) -> bool:
        """Tell whether no process of the supervisor's runs any more; whether it has noticed does not matter."""
        return hasattr(os, "waitid") and not any(_runs(process.pid) for process in _started())

    def was_sent(self, pid: int, number: signal.Signals) -> bool:
        """Tell whether this process, which is the supervisor's as well, has sent a worker a signal."""
        return (pid, number) in _sent

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection = self._listener.accept()
            except (OSError, EOFError, MemoryError):
                time.sleep(_SHORTAGE)  # of descriptors or memory: else it would be tried again at once
                continue
            if _is_of_a_child(connection):
                self._arrivals.append(connection)
                self._wakes.send_bytes(b"1")
            else:
                connection.close()

    def _attend(self) -> None:
        while not self._closed:
            try:
                seconds = _LOOK_AGAIN if self._hung_up else _LOOK
                for connection in connections.wait([self._woken, *self._connections], seconds):
                    self._read(connection)  # type: ignore[arg-type]  # connections are all that is waited for
                if not self._leaves_ends:
                    self._look()
            except Exception:  # noqa: BLE001  # whatever goes wrong with one of them, the others are heard
                time.sleep(_SHORTAGE)

    def _read(self, connection: Connection) -> None:
        """Heed one message, or the end of them."""
        if connection is self._woken:
            self._woken.recv_bytes()
            self._connections[self._arrivals.pop(0)] = None
            return
        pid = self._connections[connection]
        message = messages.read(connection)
        with contextlib.suppress(KeyError, TypeError, ValueError):
            if message is not None and pid is not None:
                self._heeder.heed(pid, message)
                return
            if message is not None and self._meets(connection, message):
                return
        self._hang_up(connection)

    def _meets(self, connection: Connection, hello: dict[str, Any]) -> bool:
        """Tell whether the first message is a worker's, which joins then."""
        if not hmac.compare_digest(str(hello["token"]).encode(), self.token.encode()):
            return False
        pid = int(hello["pid"])
        self._connections[connection] = pid
        self._heeder.joined(pid)
        return True

    def _hang_up(self, connection: Connection) -> None:
        pid = self._connections.pop(connection)
        connection.close()
        if pid is not None:
            self._hung_up.add(pid)
            self._heeder.left(pid)

    def _look(self) -> None:
        """Find processes that have started, and those that have ended."""
        for process in _started():
            if process.pid and process not in self._done:
                self._processes[process.pid] = process
        for pid, process in list(self._processes.items()):
            if process.exitcode is not None and not self._may_have_said(pid):
                del self._processes[pid]
                self._done.add(process)
                self._hung_up.discard(pid)
                self._heeder.ended(pid, self._how(pid, process.exitcode))
                for one in [one for one in _sent if one[0] == pid]:
                    _sent.discard(one)
        self._reap_strangers()

    def _may_have_said(self, pid: int) -> bool:
        """Read what a process that has ended has left; tell whether it may have said hello, and is not heard yet."""
        for connection, owner in list(self._connections.items()):
            if owner == pid:
                while connection in self._connections and connection.poll():
                    self._read(connection)
                if connection in self._connections:  # a child of it holds the other end
                    self._hang_up(connection)
        if pid in self._hung_up:
            return False
        ended = self._last_words.setdefault(pid, time.monotonic())
        if time.monotonic() - ended < _LAST_WORD:
            return True
        del self._last_words[pid]
        return False

    def _how(self, pid: int, status: int) -> str:
        if status < 0 and self.was_sent(pid, signal.SIGKILL):
            limit = "`-X timeout_worker_healthcheck` sets the limit"
            return f" (killed because it did not answer for {self._patience:g} s; {limit})"
        if status < 0:
            numbers = {it.value: it.name for it in signal.Signals}  # those of real-time signals have no names
            return f" (killed by {numbers.get(-status, f'signal {-status}')})"
        return f" with status {status}"

    def _reap_strangers(self) -> None:
        """Take away a child that is no worker and has ended: as a subreaper this process is given those of others."""
        if not hasattr(os, "waitid"):
            return
        with contextlib.suppress(ChildProcessError):
            pid = _first_ended()
            if pid != self._stranger[0]:
                self._stranger = pid, time.monotonic()
            if time.monotonic() - self._stranger[1] > _STRANGE:
                while pid and pid not in self._processes:  # those behind it have ended, too
                    os.waitpid(pid, os.WNOHANG)
                    pid = _first_ended()


def _is_of_a_child(connection: Connection) -> bool:
    """Tell whether a child of this process speaks, where the system tells; elsewhere the token has to do.

    Whether multiprocessing knows it does not matter: it takes note of a process only when that runs already.
    """
    if sys.platform != "linux":
        return True
    try:
        own = socket.socket(fileno=connection.fileno())
        try:
            data = own.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        finally:
            own.detach()
        os.waitid(os.P_PID, _CREDENTIALS.unpack(data)[0], os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except OSError:
        return False
    return True


def _started() -> list[BaseProcess]:
    """Return the processes that multiprocessing has started, those included that have ended before anybody looked.

    `active_children` forgets these: a process that ends as soon as Python starts would never have been there.
    """
    return list(getattr(multiprocessing.process, "_children", ())) or multiprocessing.active_children()


def _runs(pid: int | None) -> bool:
    try:
        return pid is not None and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None
    except ChildProcessError:
        return False


def _first_ended() -> int:
    """Return a child of this process that has ended, always the same one until it is taken away; 0 for none."""
    ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    return ended.si_pid if ended else 0


# What of this module sees everything that this process does: a hook cannot be removed (PEP 578).
_hooks: list[object] = []


def _note_signal(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "os.kill":
        _sent.add(arguments[:2])


def _address() -> str | None:
    """Return an address for the workers' reports: on Linux one that leaves no file, elsewhere a temporary one."""
    return f"\0asgictl-{os.getpid()}-{secrets.token_hex(8)}" if sys.platform == "linux" else None

"""The word from the process that runs the app: ready, or failed and why.

A worker says it to its parent on a stream; its address comes with the instructions. The same stream tells
the worker to stop, and tells it by its end that the parent is gone.
"""

import dataclasses
import json
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Client, Connection
from typing import Any, Protocol

from asgictl.errors import AppLoadError
from asgictl.failure import Failure
from asgictl.serving.processes import forks

STOP = "stop"
DRAIN = "drain"
UNWATCHED = "unwatched"

# Anything larger does not come from a worker; in bytes. What a message has beside its error is much less than this.
_LARGEST = 1_000_000
_ENVELOPE = 1000


class Report(Protocol):
    """What the process that runs the app has to say."""

    def ready(self, kind: str | None, docs: str | None) -> None:
        """The app answers; `kind` names its framework or interface, None an app that is broken, and says why.

        `docs` is the path of its API's documentation, where it has one.
        """

    def stopped(self) -> None:
        """The process ends because it was told to."""

    def worn(self) -> None:
        """The worker has answered so many requests that it should be replaced."""

    def closed(self) -> None:
        """The process accepts no more clients: uvicorn has closed its copy of the listening socket."""

    def failed(self, error: AppLoadError) -> None:
        """The app cannot be started, because of `error`; the process ends by itself, or goes on with the error page."""

    def fatal(self, error: AppLoadError) -> None:
        """The app cannot be started, because of `error`; the process ends now."""

    def note(self, text: str) -> None:
        """Something that users should know has happened."""


class ParentReport:
    """A report that goes to the parent of a worker."""

    def __init__(
        self,
        address: str,
        token: str,
        *,
        stop: Callable[[float | None], None],
        drain: Callable[[], None],
        unwatched: Callable[[str], None],
    ) -> None:
        """Connect to the parent, which knows `token`.

        Call `drain` when it says so, `unwatched` with why edits do not count for now, and `stop` with the seconds it
        allows, or when it is gone.
        """
        self._connection = Client(address)
        forks.in_child("parent", self._connection.close)  # or its parent would not see this process end
        self._lock = threading.Lock()
        self._stop = stop
        self._drain = drain
        self._unwatched = unwatched
        self._say("hello", token=token)
        threading.Thread(target=self._listen, name="asgictl-parent", daemon=True).start()

    def ready(self, kind: str | None, docs: str | None) -> None:
        """Tell the parent that this worker answers."""
        self._say("ready", app=kind, docs=docs)

    def closed(self) -> None:
        """Tell the parent that this worker accepts no more clients."""
        self._say("closed")

    def stopped(self) -> None:
        """Tell the parent that this worker ends, and not for a fault."""
        self._say("stopped")

    def worn(self) -> None:
        """Tell the parent to replace this worker."""
        self._say("worn")

    def failed(self, error: AppLoadError) -> None:
        """Tell the parent why this worker cannot start."""
        self._say("failed", **_fields(error))

    def fatal(self, error: AppLoadError) -> None:
        """Tell the parent why this worker ends."""
        self.failed(error)

    def note(self, text: str) -> None:
        """Tell the parent what users should know."""
        self._say("note", text=text)

    def _say(self, event: str, **fields: Any) -> None:
        with self._lock:
            try:
                write(self._connection, {"event": event, "pid": os.getpid(), **fields})
            except OSError:
                return  # the parent is gone, which `_listen` deals with

    def _listen(self) -> None:
        while (message := read(self._connection)) is not None:
            if message["event"] == STOP:
                self._stop(message["grace"])
            elif message["event"] == DRAIN:
                self._drain()
            elif message["event"] == UNWATCHED:
                self._unwatched(message["text"])
        self._stop(None)


def _fields(error: AppLoadError) -> dict[str, Any]:
    """Return what a message says of an error: all, or as much as it can hold."""
    longest = _LARGEST
    while True:
        said = {"message": error.message[:longest], "hint": error.hint}
        failure = dataclasses.asdict(error.failure) if error.failure else {}
        short = {key: it[-longest:] if isinstance(it, str) else it for key, it in failure.items()}
        fields = {**said, "failure": short}
        if len(json.dumps(fields)) < _LARGEST - _ENVELOPE:
            return fields
        longest //= 2


def error_of(message: dict[str, Any]) -> AppLoadError:
    """Return the error that a message tells of."""
    failure = Failure(**message["failure"]) if message["failure"] else None
    return AppLoadError(message["message"], hint=message["hint"], failure=failure)


def write(connection: Connection, message: dict[str, Any]) -> None:
    """Send one message."""
    connection.send_bytes(json.dumps(message).encode())


def read(connection: Connection) -> dict[str, Any] | None:
    """Return the next message, or None when the other side is gone, or says something else."""
    try:
        message = json.loads(connection.recv_bytes(_LARGEST))
    except (EOFError, OSError, ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None

"""What a worker and its parent say to each other."""

import dataclasses
import json
import os
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Listener, Pipe
from typing import Any

import pytest

from asgictl.errors import AppLoadError
from asgictl.failure import Failure
from asgictl.serving.processes import messages
from asgictl.serving.processes.messages import ParentReport


class Parent:
    """The parent of a worker, and what the worker was told to do."""

    def __init__(self, address: str) -> None:
        self.done: list[Any] = []
        self._changed = threading.Condition()
        with Listener(address) as listener:
            self.report = ParentReport(
                address,
                "token",
                stop=lambda grace: self._note(("stop", grace)),
                drain=lambda: self._note("drain"),
                unwatched=lambda why: self._note(("unwatched", why)),
            )
            self.connection = listener.accept()

    def _note(self, what: object) -> None:
        with self._changed:
            self.done.append(what)
            self._changed.notify_all()

    def waits_for(self, *done: object) -> None:
        """Wait until the worker has done something."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.done == list(done), timeout=20), self.done

    def heard(self) -> dict[str, Any]:
        """Return the next message of the worker's."""
        message = messages.read(self.connection)
        assert message is not None
        return message


@pytest.fixture
def parent(tmp_path: Any) -> Iterator[Parent]:
    """A parent with one worker, which is this process."""
    made = Parent(str(tmp_path / "socket"))
    yield made
    made.connection.close()


FAILURE = Failure("E", "no", "a traceback", "a stack", "a.py:1", 2)
ERROR = AppLoadError("no database", hint="start it", failure=FAILURE)
FAILED = {"event": "failed", "message": "no database", "hint": "start it", "failure": dataclasses.asdict(FAILURE)}
SAID: dict[str, tuple[Callable[[ParentReport], None], dict[str, Any]]] = {
    "ready": (lambda report: report.ready("ASGI", "/docs"), {"event": "ready", "app": "ASGI", "docs": "/docs"}),
    "ready, broken": (lambda report: report.ready(None, None), {"event": "ready", "app": None, "docs": None}),
    "closed": (lambda report: report.closed(), {"event": "closed"}),
    "stopped": (lambda report: report.stopped(), {"event": "stopped"}),
    "worn": (lambda report: report.worn(), {"event": "worn"}),
    "failed": (lambda report: report.failed(ERROR), FAILED),
    "fatal": (lambda report: report.fatal(ERROR), FAILED),
    "note": (lambda report: report.note("slow"), {"event": "note", "text": "slow"}),
}


@pytest.mark.parametrize("case", SAID)
def test_what_a_worker_says(parent: Parent, case: str) -> None:
    """Each word of a worker's reaches its parent, after the token, with the worker's number."""
    say, message = SAID[case]

    say(parent.report)

    assert parent.heard() == {"event": "hello", "pid": os.getpid(), "token": "token"}
    assert parent.heard() == {**message, "pid": os.getpid()}


def test_a_long_stack_is_cut(parent: Parent) -> None:
    """Of a stack that is longer than a message may be the end is told."""
    parent.heard()
    stack = "é" * 200_000 + "x" * 49_990 + "\nthe end.."
    error = AppLoadError("deep", failure=Failure("E", stack, stack, stack))
    speaker = threading.Thread(target=parent.report.failed, args=(error,))
    speaker.start()

    told = messages.error_of(parent.heard())
    speaker.join(20)

    assert told.failure is not None
    length = len(told.failure.stack)
    assert told.failure == Failure("E", stack[-length:], stack[-length:], stack[-length:])
    assert 40_000 < length < len(stack)


def test_the_longest_error_is_heard(parent: Parent) -> None:
    """An error of any length is told, though its letters take the most room."""
    parent.heard()
    long = "😀" * 200_000
    error = AppLoadError(f"cannot load `m:app`: {long}", failure=Failure("E", long, long, long))
    speaker = threading.Thread(target=parent.report.failed, args=(error,))
    speaker.start()

    assert messages.error_of(parent.heard()).message.startswith("cannot load `m:app`: 😀😀😀")
    speaker.join(20)


def test_an_error_arrives() -> None:
    """What the parent hears of an error is what the worker has."""
    for error in (ERROR, AppLoadError("it says no more")):
        told = messages.error_of(messages._fields(error))
        assert (told.message, told.hint, told.failure) == (error.message, error.hint, error.failure)


def test_what_a_worker_is_told(parent: Parent) -> None:
    """A worker drains and stops when it is told to, and hears that edits do not count; other words mean nothing."""
    messages.write(parent.connection, {"event": messages.UNWATCHED, "text": "no luck"})
    messages.write(parent.connection, {"event": messages.DRAIN})
    messages.write(parent.connection, {"event": "what"})
    messages.write(parent.connection, {"event": messages.STOP, "grace": 2.5})

    parent.waits_for(("unwatched", "no luck"), "drain", ("stop", 2.5))


def test_the_parent_is_gone(parent: Parent) -> None:
    """When the parent is gone the worker stops within its own limit, and may still speak."""
    parent.connection.close()

    parent.waits_for(("stop", None))
    for _ in range(3):
        parent.report.note("late")


def test_nobody_listens(tmp_path: Any) -> None:
    """A worker whose parent is gone before it begins cannot report."""
    with pytest.raises(OSError, match="No such file"):
        ParentReport(str(tmp_path / "none"), "token", stop=lambda _: None, drain=lambda: None, unwatched=lambda _: None)


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    """Both ends of a line."""
    ours, theirs = Pipe()
    with ours, theirs:
        yield ours, theirs


def test_messages(ends: tuple[Connection, Connection]) -> None:
    """A message comes out as it went in."""
    message = {"event": "note", "text": "grüße\n", "number": 1.5, "none": None}
    messages.write(ends[0], message)

    assert messages.read(ends[1]) == message


@pytest.mark.parametrize(
    "data", [b"\xff\xfe", b"{", b"[]", b"1", b'"x"', b"null", b"[" * 100_000, b"x" * 1_000_001, None]
)
def test_what_is_no_message(ends: tuple[Connection, Connection], data: bytes | None) -> None:
    """What is no message, or longer than one may be, counts as the end; so does the end."""
    if data is None:
        ends[0].close()
    else:
        sender = threading.Thread(target=_send, args=(ends[0], data))
        sender.start()

    assert messages.read(ends[1]) is None
    ends[1].close()
    if data is not None:
        sender.join(20)


def _send(connection: Connection, data: bytes) -> None:
    try:
        connection.send_bytes(data)
    except OSError:
        return  # nobody has read it


def test_the_longest_message(ends: tuple[Connection, Connection]) -> None:
    """A message may be a million bytes long."""
    data = json.dumps({"": "x" * 999_992}).encode()
    assert len(data) == 1_000_000
    sender = threading.Thread(target=_send, args=(ends[0], data))
    sender.start()

    assert messages.read(ends[1]) == json.loads(data)
    sender.join(20)

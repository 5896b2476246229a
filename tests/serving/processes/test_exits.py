"""The end of a process at once: what is done before, and what is not waited for."""

import io
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from asgictl.serving.processes import exits
from tests.serving.app.runtime.doubles import Ended
from tests.serving.processes.test_stopping import until


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is done at the end of the process, and its status."""
    events: list[object] = []

    def leave(status: int) -> None:
        events.append(status)
        raise Ended

    monkeypatch.setattr(exits, "os", SimpleNamespace(_exit=leave))
    monkeypatch.setattr(exits, "_actions", [])
    return events


def test_the_end(monkeypatch: pytest.MonkeyPatch, done: list[object]) -> None:
    """At the end what has to be done is done, whatever fails, and what is printed is kept; then comes the status."""

    def fails() -> None:
        done.append("fails")
        raise ValueError

    class Stream(io.StringIO):
        def flush(self) -> None:
            done.append("flushed")

    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    monkeypatch.setattr(sys, "stderr", Stream())

    with exits.before_end(lambda: done.append("removed")), exits.before_end(fails), pytest.raises(Ended):
        exits.end(7)

    assert done == ["fails", "removed", "flushed", 7]


def test_what_is_over_is_not_done(done: list[object]) -> None:
    """What has to be done before a sudden end is not done when its block is over."""
    with exits.before_end(lambda: done.append("removed")):
        pass

    with pytest.raises(Ended):
        exits.end(0)

    assert done == [0]


def test_the_end_without_streams(monkeypatch: pytest.MonkeyPatch, done: list[object]) -> None:
    """A process whose streams are closed ends as well."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    with pytest.raises(Ended):
        exits.end(0)

    assert done == [0]


def test_the_end_waits_for_nobody(done: list[object]) -> None:
    """What takes long at the end is waited for a fifth of a second, and no longer."""
    go = threading.Event()

    def slow() -> Any:
        go.wait(20)
        done.append("too late")

    began = time.monotonic()
    try:
        with exits.before_end(slow), pytest.raises(Ended):
            exits.end(3)
        assert done == [3]
        assert time.monotonic() - began >= 0.2
    finally:
        go.set()
    until(lambda: done == [3, "too late"])

"""A limit for open files that is too low: told before the start, and while nobody can be accepted."""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from asgictl.errors import StartError
from asgictl.serving.sockets import descriptors

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

if sys.platform != "win32":
    import resource


@contextlib.contextmanager
def left(count: int) -> Iterator[int]:
    """Have this process open only so many more files; yield the limit for that."""
    opened: list[int] = []
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened.append(os.open(os.devnull, os.O_RDONLY))
    limit = max(opened) + 100
    gc.collect()  # or what earlier tests have left behind is closed meanwhile
    gc.disable()
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, usual[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                opened.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(count):
            os.close(opened.pop())
        yield limit
    finally:
        gc.enable()
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        for descriptor in opened:
            os.close(descriptor)


@contextlib.contextmanager
def freed_ones() -> Iterator[Callable[[], None]]:
    """Yield what opens all that can be opened."""
    opened: list[int] = []

    def take() -> None:
        with contextlib.suppress(OSError):
            while True:
                opened.append(os.open(os.devnull, os.O_RDONLY))

    try:
        yield take
    finally:
        for descriptor in opened:
            os.close(descriptor)


NEEDED = {1: 40, 2: 50, 8: 80}


@pytest.mark.parametrize("workers", NEEDED)
def test_too_few_for_the_start(workers: int) -> None:
    """The server needs so many, more with many workers; one less is told with the limit."""
    needed = NEEDED[workers]
    with left(needed):
        descriptors.check(workers)
    with left(needed - 1) as limit, pytest.raises(StartError) as caught:
        descriptors.check(workers)

    assert (caught.value.message, caught.value.hint) == (
        f"only {needed - 1} more files can be opened (`ulimit -n` is {limit}), and the server needs {needed}",
        "raise the limit: `ulimit -n 1024`",
    )


def test_a_limit_that_is_enough() -> None:
    """The limit that is proposed is enough for many workers, too."""
    with left(45), pytest.raises(StartError) as caught:
        descriptors.check(1000)

    assert caught.value.hint == "raise the limit: `ulimit -n 8192`"


def test_none_is_left_open() -> None:
    """The look opens nothing for good."""
    before = os.open(os.devnull, os.O_RDONLY)
    os.close(before)
    descriptors.check(9)
    after = os.open(os.devnull, os.O_RDONLY)
    os.close(after)

    assert before == after


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said; the logger of asyncio gets its filters back."""
    monkeypatch.setattr(logging.getLogger("asyncio"), "filters", [])
    monkeypatch.setattr(descriptors, "_LOOK", 0.001)
    return []


def test_it_is_said_once_in_a_while(notes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing can be opened that is said, with the limit, and a minute later again."""
    now = [100.0]
    monkeypatch.setattr(descriptors, "time", SimpleNamespace(monotonic=lambda: now[0]))

    async def main() -> int:
        said = asyncio.Event()

        def note(text: str) -> None:
            notes.append(text)
            said.set()

        with left(0) as limit:
            descriptors.Shortage(asyncio.get_running_loop(), note)
            said.clear()
            now[0] = 159.9
            await asyncio.sleep(0.02)
            assert len(notes) == 1
            now[0] = 160
            with freed_ones() as take:  # what earlier tests have left behind may be closed meanwhile
                async with asyncio.timeout(20):
                    while not said.is_set():
                        take()
                        await asyncio.sleep(0.01)
        return limit

    limit = asyncio.run(main())

    assert notes == [f"new clients have to wait, or are turned away: Too many open files (`ulimit -n` is {limit})"] * 2


def test_nothing_is_said_in_vain(notes: list[str]) -> None:
    """Where files can be opened it looks again, and says nothing."""

    async def main() -> None:
        descriptors.Shortage(asyncio.get_running_loop(), notes.append)
        await asyncio.sleep(0.02)

    asyncio.run(main())

    assert notes == []


ERRORS = {
    errno.EMFILE: "new clients have to wait, or are turned away: Too many open files (`ulimit -n` is ",
    errno.ENFILE: "new clients have to wait, or are turned away: Too many open files in system",
    errno.ENOMEM: "new clients have to wait, or are turned away: Cannot allocate memory",
}


@pytest.mark.parametrize("number", ERRORS)
def test_asyncio_does_not_flood(notes: list[str], caplog: pytest.LogCaptureFixture, number: int) -> None:
    """What asyncio logs for each client that it cannot accept is one note; what else it logs stays."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        descriptors.Shortage(loop, notes.append)
        error = OSError(number, os.strerror(number))
        for _ in range(100):
            loop.call_exception_handler({"message": "socket.accept() out of system resource", "exception": error})
        loop.call_exception_handler({"message": "something else", "exception": error})

    asyncio.run(main())

    assert [note[: len(ERRORS[number])] for note in notes] == [ERRORS[number]]
    logged = [record.getMessage().splitlines()[0] for record in caplog.records if record.name == "asyncio"]
    assert logged == ["something else"]


def test_a_socket_that_is_closed_during_a_shortage(notes: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """What asyncio tries again a second later, on a socket that a stop has closed by then, is not logged."""

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        descriptors.Shortage(loop, notes.append)
        with socket.create_server(("127.0.0.1", 0)) as sock:
            pass
        loop.call_soon(loop._start_serving, asyncio.Protocol, sock)
        await asyncio.sleep(0.01)

    asyncio.run(main())

    assert (notes, [record for record in caplog.records if record.name == "asyncio"]) == ([], [])

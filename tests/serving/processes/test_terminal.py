"""The state of the terminal, on one that is made for it."""

import errno
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from asgictl.serving.processes import exits, terminal
from asgictl.serving.processes.terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

if sys.platform != "win32":
    import termios


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal in the place of standard input, which this process has."""
    ours, theirs = os.openpty()
    before = os.dup(0)
    os.dup2(theirs, 0)
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp())
    yield 0
    os.dup2(before, 0)
    for descriptor in (before, ours, theirs):
        os.close(descriptor)


def echoes(screen: int) -> bool:
    """Tell whether what is typed is seen."""
    return bool(termios.tcgetattr(screen)[3] & termios.ECHO)


def leave_without_echo(screen: int) -> None:
    """Do what a debugger that is ended does."""
    state = termios.tcgetattr(screen)
    state[3] &= ~termios.ECHO
    termios.tcsetattr(screen, termios.TCSANOW, state)


def test_it_is_put_back(screen: int) -> None:
    """A terminal that a debugger has left without an echo has it again, each time."""
    saved = Terminal()
    for _ in range(2):
        leave_without_echo(screen)
        assert not echoes(screen)

        saved.restore()

        assert echoes(screen)


def test_it_is_put_back_in_the_end(screen: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is put back when the server is done, and before the process ends at once."""
    acts: list[Any] = []
    monkeypatch.setattr(exits, "_actions", acts)
    with terminal.kept():
        leave_without_echo(screen)
        acts[0]()
        assert echoes(screen)
        leave_without_echo(screen)

    assert (echoes(screen), acts) == (True, [])


def test_another_program_has_it(screen: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that another program has by now is left alone."""
    saved = Terminal()
    leave_without_echo(screen)
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp() + 1)

    saved.restore()

    assert not echoes(screen)


@pytest.mark.usefixtures("screen")
def test_it_goes_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that is closed just then ends nothing."""
    saved = Terminal()
    asked: list[Any] = []

    def gone(*arguments: Any) -> None:
        asked.append(arguments)
        raise termios.error(errno.EIO, "Input/output error")

    monkeypatch.setattr(termios, "tcsetattr", gone)

    saved.restore()

    assert [arguments[0] for arguments in asked] == [0]


def test_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal nothing is remembered, and nothing put back."""
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: pytest.fail("it was looked for"))
    before = os.dup(0)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    try:
        saved = Terminal()
        saved.restore()
    finally:
        os.dup2(before, 0)
        os.close(nowhere)
        os.close(before)

    assert saved._state is None

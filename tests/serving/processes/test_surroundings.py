"""Where a server cannot run: inside an event loop, like a notebook's, and beside the main thread."""

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asgictl import __main__, errors
from asgictl.cli import app
from asgictl.errors import StartError
from asgictl.serving.processes import surroundings

HINT = "hint: start `asgictl` as a process of its own; from a notebook with `!asgictl serve ...`"
LOOP = ["error: an event loop is running here already", HINT]
THREAD = ["error: this is not the main thread, and signals arrive nowhere else", HINT]


def in_loop(call: Callable[[], None]) -> None:
    """Call it as a notebook does."""

    async def main() -> None:
        call()

    asyncio.run(main())


def in_thread(call: Callable[[], None]) -> None:
    """Call it beside the main thread."""
    thread = threading.Thread(target=call)
    thread.start()
    thread.join(60)


ARGUMENTS = [("serve",), ("serve", "--reload"), ("serve", "--workers", "2"), ("serve", "--check"), ("inspect",)]


@pytest.fixture
def _usual_collector() -> Iterator[None]:
    """Put back what the console script changes."""
    usual = gc.get_threshold()
    yield
    gc.set_threshold(*usual)


@pytest.mark.usefixtures("signals", "_usual_collector")
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
@pytest.mark.parametrize("where", [in_loop, in_thread])
@pytest.mark.parametrize("script", [True, False])
def test_two_lines(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    where: Callable[[Callable[[], None]], None],
    script: bool,
    arguments: tuple[str, ...],
) -> None:
    """Each command that serves says so, and how to start it, before it listens or imports the app."""
    (tmp_path / "main.py").write_text("print('imported')\napp = lambda scope: None\n")
    monkeypatch.chdir(tmp_path)
    words = [*arguments, "main:app", "--port", "0"]
    monkeypatch.setattr(sys, "argv", ["asgictl", *words])
    statuses: list[object] = []

    def call() -> None:
        try:
            if script:
                __main__.main()
            else:
                app(words)
        except SystemExit as end:
            statuses.append(end.code)

    where(call)

    assert statuses == [3]
    out, err = capfd.readouterr()
    assert (out, err.splitlines()) == ("", LOOP if where is in_loop else THREAD)


def test_a_replay_in_a_loop() -> None:
    """What needs a loop of its own, and no signals, is told of the loop alone."""
    in_thread(lambda: surroundings.check_loop("run it in a shell"))
    with pytest.raises(StartError) as caught:
        in_loop(lambda: surroundings.check_loop("run it in a shell"))

    assert (caught.value.message, caught.value.hint) == (
        "an event loop is running here already",
        "run it in a shell",
    )


def test_the_look_imports_no_asyncio() -> None:
    """Where nobody has imported asyncio, no loop runs, and the look does not import it."""
    look = "from asgictl.serving.processes import surroundings; surroundings.check()"
    code = f"import sys; {look}; assert 'asyncio' not in sys.modules"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("children", "watches", "needed"), [(0, False, 0), (1, True, 16), (2, False, 21)])
def test_room_for_threads(monkeypatch: pytest.MonkeyPatch, *, children: int, watches: bool, needed: int) -> None:
    """So many threads are tried as the processes below this one need, and all of them have ended afterwards."""
    started: list[threading.Thread] = []
    start = threading.Thread.start
    before = threading.active_count(), threading.stack_size()

    def note(thread: threading.Thread) -> None:
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", note)

    surroundings.check_room(children, watches=watches)

    assert len(started) == needed
    assert (threading.active_count(), threading.stack_size()) == before


def test_no_room_for_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no more of them the start is refused, and those that were tried have ended."""
    start = threading.Thread.start
    before = threading.active_count()

    def refuse(thread: threading.Thread) -> None:
        if threading.active_count() > before + 3:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)

    with pytest.raises(StartError, match="the system allows no more processes, threads or memory"), errors.shortage():
        surroundings.check_room(2, watches=False)
    assert threading.active_count() == before

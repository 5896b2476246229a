"""What is left unfinished, in words: requests, threads, and the user's line where something waits."""

import asyncio
import inspect
import multiprocessing
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from asgictl import whereabouts
from asgictl.serving.app import stuck

HERE = "tests/serving/app/test_stuck.py"


def line_of(function: Callable[..., Any], text: str) -> int:
    """Return the number of the line of a function that holds a text."""
    lines, first = inspect.getsourcelines(function)
    return first + next(number for number, line in enumerate(lines) if text in line)


async def waits() -> None:
    """Wait in the user's code."""
    await asyncio.sleep(60)  # here


async def outer() -> None:
    """Wait in something that waits."""
    await waits()


async def numbers() -> AsyncIterator[int]:
    """Wait in a generator."""
    yield 1
    await asyncio.sleep(60)  # in the generator


async def fetched() -> AsyncIterator[int]:
    """Wait in what a generator waits for."""
    yield 1
    await waits()


async def next_fetched() -> None:
    """Wait for the next item of a generator that waits."""
    items = fetched()
    await anext(items)
    await anext(items)


async def iterates() -> None:
    """Wait for a generator."""
    async for _ in numbers():
        pass


async def next_of() -> None:
    """Wait for the next item of a generator."""
    items = numbers()
    await anext(items)
    await anext(items)


async def in_a_library() -> None:
    """Wait in a library, which is no place of the user's."""
    await asyncio.wait_for(asyncio.Event().wait(), 60)  # in the library


PLACES: dict[str, tuple[Callable[[], Any], Callable[..., Any], str]] = {
    "a coroutine": (outer, waits, "# here"),
    "a generator": (iterates, numbers, "# in the generator"),
    "what a generator waits for": (next_fetched, waits, "# here"),
    "anext": (next_of, numbers, "# in the generator"),
    "a library": (in_a_library, in_a_library, "# in the library"),
}


@pytest.mark.parametrize("case", PLACES)
def test_where_a_task_waits(case: str) -> None:
    """The innermost line of the user's that a task waits in is named."""
    wait, where, text = PLACES[case]

    async def main() -> str:
        task = asyncio.create_task(wait())
        for _ in range(5):
            await asyncio.sleep(0)
        place = whereabouts.of_task(task)
        assert stuck.place(task) == place
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return place

    assert asyncio.run(main()) == f" ({HERE}:{line_of(where, text)})"


def test_a_task_that_is_over() -> None:
    """A task that is over waits nowhere, and neither does one of a library's."""

    async def main() -> list[str]:
        over = asyncio.create_task(asyncio.sleep(0))
        await over
        library = asyncio.create_task(asyncio.Event().wait())
        await asyncio.sleep(0)
        places = [whereabouts.of_task(over), whereabouts.of_task(library)]
        library.cancel()
        await asyncio.gather(library, return_exceptions=True)
        return places

    assert asyncio.run(main()) == ["", ""]


def hold(go: threading.Event, begun: threading.Event) -> None:
    """Wait in a thread."""
    begun.set()
    go.wait(60)  # held


@pytest.fixture
def held() -> Iterator[Callable[..., threading.Thread]]:
    """Start threads that wait until the end of the test."""
    go = threading.Event()
    threads: list[threading.Thread] = []

    def start(**options: Any) -> threading.Thread:
        begun = threading.Event()
        thread = threading.Thread(target=hold, args=(go, begun), **options)
        threads.append(thread)
        thread.start()
        assert begun.wait(20)
        return thread

    yield start
    go.set()
    for thread in threads:
        thread.join(20)


def test_where_a_thread_is(held: Callable[..., threading.Thread]) -> None:
    """The line of the user's that a thread is in is named; one that has ended is nowhere."""
    thread = held()

    assert whereabouts.of_thread(thread.ident) == f" ({HERE}:{line_of(hold, '# held')})"
    assert whereabouts.of_thread(-5) == ""
    here = whereabouts.of_thread()
    assert here == f" ({HERE}:{line_of(test_where_a_thread_is, 'here = whereabouts')})"
    assert stuck.place(None).startswith(f" ({HERE}:")


def test_which_thread_holds_up_the_end(held: Callable[..., threading.Thread]) -> None:
    """Of all threads the one that the interpreter waits for is named, with its line, rather than one that is idle."""
    held(name="background", daemon=True)
    held(name="asgictl-log-end")
    told = stuck.end(None, None)
    handler = f"an exit handler ({HERE}:{line_of(test_which_thread_holds_up_the_end, 'told = stuck')})"
    assert told == f"{handler}; --graceful-timeout gives it longer"
    go = threading.Event()
    idle = threading.Thread(target=go.wait, name="AnyIO worker thread")
    idle.start()
    try:
        assert stuck.end(None, None) == "the thread `AnyIO worker thread`"
        held(name="mail")

        assert stuck.end(None, None) == f"the thread `mail` ({HERE}:{line_of(hold, '# held')})"
    finally:
        go.set()
        idle.join(20)


def test_which_process_holds_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that the app has started, and that the interpreter waits for, is named; a daemon is not waited for."""
    daemon = SimpleNamespace(name="Process-1", pid=7, daemon=True)
    other = SimpleNamespace(name="Process-2", pid=8, daemon=False)
    monkeypatch.setattr(multiprocessing, "active_children", lambda: [daemon, other])

    assert stuck.end(None, None) == "the process `Process-2` (pid 8), which the app has started"


@pytest.mark.parametrize("what", ["lifespan", "task", "neither"])
def test_what_holds_up_the_loop(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """As long as the loop runs, it is the lifespan, or a task that will not end; no thread that waits for the loop."""

    async def ended() -> None:
        """Be done."""

    async def main() -> str:
        lifespan = asyncio.create_task(outer() if what == "lifespan" else ended())
        other = asyncio.create_task(outer() if what == "task" else in_a_library(), name="poll")
        monkeypatch.setattr(asyncio, "all_tasks", lambda _: {other})  # not this one
        await asyncio.sleep(0.01)
        told = stuck.end(asyncio.get_running_loop(), lifespan)
        for task in (lifespan, other):
            task.cancel()
        return told

    place = f" ({HERE}:{line_of(waits, '# here')})"
    library = f" ({HERE}:{line_of(in_a_library, '# in the library')})"
    told = {"lifespan": f"the shutdown of the app{place}", "task": f"the task `poll`{place}"}
    with asyncio.Runner() as runner:
        assert runner.run(main()) == told.get(what, f"the task `poll`{library}")
        monkeypatch.undo()


def scope(method: str | None, path: str) -> dict[str, Any]:
    """Return the scope of a request, or without a method of a WebSocket."""
    return {"path": path, "http_version": "1.1", **({"method": method} if method else {})}


REQUESTS = [
    ([], ""),
    ([scope("POST", "/a")], "1 request: POST /a"),
    ([scope(None, "/chat"), scope("GET", "/b")], "2 requests: WebSocket /chat, ..."),
    ([scope("GET", "/b")] * 3, "3 requests: GET /b, ..."),
]


@pytest.mark.parametrize(("scopes", "text"), REQUESTS)
def test_requests(scopes: list[dict[str, Any]], text: str) -> None:
    """How many requests are left is said, and which is the first."""
    assert stuck.requests(scopes) == text


RUNS = "def run(call):\n    return call()\n"


def module(name: str, source: str, file: Path, **more: Any) -> ModuleType:
    """Return a module made of source, in a file."""
    file.write_text(source)
    created = ModuleType(name)
    created.__dict__.update(more)
    exec(compile(source, str(file), "exec"), created.__dict__)
    return created


# The package that runs something, where it is called, and whether that is named.
ADVICE = [
    *((name, "<module>", True) for name in sorted(stuck._RUNNING)),
    ("uvicorn.server", "<module>", True),
    ("uvicornish", "<module>", False),
    ("shop", "<module>", False),
    ("uvicorn", "main", False),
]


@pytest.mark.parametrize(("package", "caller", "named"), ADVICE)
def test_advice(tmp_path: Path, package: str, caller: str, named: bool) -> None:
    """A server or a loop that the app's own module runs while it is imported is named with its line."""
    library = module(package, RUNS, tmp_path / "library.py")
    said: list[str] = []
    call = "run(lambda: said.append(advice()))"
    source = f"\n{call}  # now\n" if caller == "<module>" else f"\ndef main():\n    {call}\nmain()\n"

    module("main", source, tmp_path / "main.py", run=library.run, said=said, advice=stuck.advice)

    text = f': `{call}  # now` belongs below `if __name__ == "__main__":`'
    assert said == [text if named else ""] or (caller == "main" and said[0].startswith(": `main()` belongs"))


def test_the_servers_are_known() -> None:
    """What runs servers and event loops is known by the names of their packages."""
    assert {
        *("aiohttp", "asyncio", "hypercorn", "socketserver"),
        *("tornado", "uvicorn", "waitress", "werkzeug"),
    } == stuck._RUNNING
    assert sys.modules["asyncio"]

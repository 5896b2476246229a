"""What is seen of an app beside its messages, because some rules need it."""

import asyncio
import contextlib
import inspect
import io
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from asgictl import Inspector
from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.inspector.record import Finding, Observed, Record
from tests.inspector.recordings import SCOPE

HERE = Path(__file__).relative_to(Path.cwd())
START = {"type": "http.response.start", "status": 200}


async def returned(scope: Scope, receive: Receive, send: Send) -> Any:
    """Return something."""
    return [1]


async def changed(scope: Scope, receive: Receive, send: Send) -> None:
    """Change the scope in place."""
    scope["path"] = "/other"
    scope["more"] = 1
    scope["state"] = {}


async def overlap(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive twice at once."""
    await asyncio.gather(receive(), receive())


async def sends_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    """Send twice at once."""
    await asyncio.gather(send(START), send({"type": "http.response.body"}))


async def asked(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive after the disconnect."""
    for _ in range(3):
        await receive()


async def from_a_thread(scope: Scope, receive: Receive, send: Send) -> None:
    """Send from another thread."""
    thread = threading.Thread(target=lambda: asyncio.run(send(START)))  # type: ignore[arg-type]
    thread.start()
    thread.join()


async def unawaited(scope: Scope, receive: Receive, send: Send) -> None:
    """Send without waiting for it."""
    send(START)


async def unawaited_at_last(scope: Scope, receive: Receive, send: Send) -> None:
    """Keep what would receive until the end, and never wait for it."""
    message = receive()
    await send(START)
    del message


async def cancelled_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive and send in tasks that are cancelled before they begin."""
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(receive(), 0)
    task = asyncio.ensure_future(send(START))
    task.cancel()
    await asyncio.wait([task])


async def raises_in_a_header(scope: Scope, receive: Receive, send: Send) -> None:
    """Send headers out of a generator that raises, and then others."""
    with contextlib.suppress(KeyError):
        await send({**START, "headers": (START[str(n)] for n in range(1))})
    await send(START)


async def in_a_task(scope: Scope, receive: Receive, send: Send) -> None:
    """Send in a task."""
    asyncio.ensure_future(send(START))  # noqa: RUF006  # that it is not awaited is the point


async def odd_values(scope: Scope, receive: Receive, send: Send) -> None:
    """Send values of odd types."""
    await send({**START, "odd": (1, 2)})
    await send({"type": "http.response.body", "body": memoryview(b"hello")})


async def secrets(scope: Scope, receive: Receive, send: Send) -> None:
    """Send cookies with faults."""
    cookies = [
        b"a=12345678; SameSite=None",
        b"b=12345678; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
        b"c=1; Path=/, d=2",
        b"prefs=a=1,b=2; Path=/; Expires=Wed, 09 Jun 2027 10:18:14 GMT",
        b"e=1\n",
    ]
    await send({**START, "headers": [(b"set-cookie", cookie) for cookie in cookies]})


async def path(scope: Scope, receive: Receive, send: Send) -> None:
    """Send files by their paths."""
    await send({"type": "http.response.pathsend", "path": __file__})
    await send({"type": "http.response.pathsend", "path": "nothing"})


async def no_file(scope: Scope, receive: Receive, send: Send) -> None:
    """Send what is not a file."""
    await send({"type": "http.response.zerocopysend", "file": io.BytesIO(b"hello")})


async def closed_by_nobody(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a file twice that nobody has any more when the app ends."""
    file = io.BytesIO(b"hello")
    scope["file"] = weakref.ref(file)
    for _ in range(2):
        await send({"type": "http.response.zerocopysend", "file": file})
    del file
    assert scope["file"]() is None
    del scope["file"]


async def open_file(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a file and leave it open."""
    scope["file"] = file = Path(__file__).open("rb")  # noqa: ASYNC230, SIM115  # for the server to read
    for _ in range(2):
        await send({"type": "http.response.zerocopysend", "file": file})


async def changed_inside(scope: Scope, receive: Receive, send: Send) -> None:
    """Change the headers and the extensions of the scope in place."""
    scope["headers"].append((b"x-user", b"ann"))
    scope["extensions"]["own"] = {}


async def replaced(scope: Scope, receive: Receive, send: Send) -> None:
    """Replace the values of the scope by others that are equal."""
    scope["headers"] = [(bytes([*name]), value) for name, value in scope["headers"]]
    scope["extensions"] = {"tls": {"client_cert_chain": []}}


SIZE = Path(__file__).stat().st_size
SEEN: dict[str, tuple[Callable[..., Any], list[tuple[str, Any]]]] = {
    "returned": (returned, [("returned", "list")]),
    "changed": (changed, [("changed", ["path"])]),
    "two calls of receive": (overlap, [("overlap", "receive")]),
    "two calls of send": (sends_at_once, [("overlap", "send")]),
    "asked again": (asked, [("asked", None)]),
    "another thread": (from_a_thread, [("thread", "send")]),
    "not awaited": (unawaited, [("unawaited", "send")]),
    "not awaited at last": (unawaited_at_last, [("unawaited", "receive")]),
    "cancelled at once": (cancelled_at_once, []),
    "headers that raise": (raises_in_a_header, []),
    "a task": (in_a_task, []),
    "values": (odd_values, [("tuple", "odd"), ("memoryview", "body")]),
    "secrets": (
        secrets,
        [("secret", {"header": "set-cookie", "faults": [fault]}) for fault in ("samesite", "joined", "break")],
    ),
    "paths": (path, [("file", {"absolute": True, "size": SIZE}), ("file", {"absolute": False, "size": None})]),
    "no file": (no_file, [("file", {"descriptor": False})]),
    "a file that has gone": (closed_by_nobody, [("file", {"descriptor": False})] * 2),
    "changed inside": (changed_inside, [("changed", ["headers", "extensions"])]),
    "replaced": (replaced, []),
    "an open file": (
        open_file,
        [*[("file", {"descriptor": True, "size": SIZE})] * 2, ("open file", "_io.BufferedReader")],
    ),
}


@pytest.mark.filterwarnings("ignore:coroutine '(send|receive)' was never awaited:RuntimeWarning")
@pytest.mark.parametrize(("app", "seen"), SEEN.values(), ids=list(SEEN))
def test_what_is_seen(app: Any, seen: list[tuple[str, Any]]) -> None:
    """What no message tells is a record of its own."""
    records: list[Record] = []
    waiting: list[Message] = [{"type": "http.request"}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        await asyncio.sleep(0)
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        scope = {**SCOPE, "headers": SCOPE["headers"][:], "extensions": {"tls": {"client_cert_chain": []}}}
        await Inspector(app, sink=records.append)(scope, receive, send)
        await asyncio.sleep(0.01)
        if "file" in scope:
            scope["file"].close()

    asyncio.run(main())

    assert [(one.what, one.detail) for one in records if isinstance(one, Observed)] == seen


def test_the_lifespan_and_requests() -> None:
    """While the lifespan lasts, a request is told to have the lifespan's own state, or another event loop."""
    records: list[Record] = []
    state: dict[str, Any] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()

    inspector: Any = Inspector(app, sink=records.append)

    async def request() -> None:
        await inspector({**SCOPE, "state": {}}, None, None)

    async def lifespan() -> None:
        shutdown = asyncio.Event()
        task = asyncio.ensure_future(inspector({"type": "lifespan", "state": state}, shutdown.wait, None))
        await asyncio.sleep(0)
        await inspector({**SCOPE, "state": state}, None, None)
        await request()
        await asyncio.to_thread(asyncio.run, request())
        shutdown.set()
        await task
        await inspector({**SCOPE, "state": state}, None, None)

    asyncio.run(lifespan())
    asyncio.run(request())

    seen = [(one.id, one.what, one.detail) for one in records if isinstance(one, Observed)]
    assert seen == [(1, "state", "shared"), (3, "loop", "another")]


@pytest.mark.filterwarnings("ignore:coroutine 'send' was never awaited:RuntimeWarning")
def test_where_it_is_seen() -> None:
    """What is wrong with a call is told with the line of the call, and what is wrong at the end without one."""
    found: list[Finding] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> Any:
        task = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await receive()
        await task
        send(START)
        await send(START)
        with pytest.raises(StopIteration):
            threading_call(send)
        await send({"type": "http.response.body"})
        return 1

    def threading_call(send: Send) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: send({"type": "http.response.push", "path": "/"}).send(None)).result()  # type: ignore[attr-defined]

    async def receive() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        pass

    asyncio.run(Inspector(app, sink=lambda _: None, check="app", on_finding=found.append)({**SCOPE}, receive, send))

    first = app.__code__.co_firstlineno
    thread = threading_call.__code__.co_firstlineno + 2
    places = {one.rule: one.place for one in found if one.rule in ("A-011", "A-022", "A-024", "A-029")}
    assert places == {
        "A-024": f"{HERE}:{first + 3}",
        "A-022": f"{HERE}:{first + 5}",
        "A-029": f"{HERE}:{thread}",
        "A-011": None,
    }


@pytest.mark.filterwarnings("ignore:.*iscoroutinefunction:DeprecationWarning")
def test_who_asks_for_coroutine_functions() -> None:
    """`receive` and `send` say that they are coroutine functions, as far as Python lets them."""
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend((asyncio.iscoroutinefunction(one), inspect.iscoroutinefunction(one)) for one in (receive, send))

    asyncio.run(Inspector(app)({**SCOPE}, None, None))  # type: ignore[arg-type]

    assert seen == [(True, sys.version_info >= (3, 12))] * 2

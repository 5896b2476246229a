"""Examples for how an app is called, what it calls, and how it ends."""

import asyncio
from collections.abc import Awaitable, Callable

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.example import breaks, keeps

_TEXT = [(b"content-type", b"text/plain")]
_OTHER = {"type": "telegraph", "asgi": {"version": "3.0"}}
_UPLOAD = (
    {"type": "http.request", "body": b"first", "more_body": True},
    {"type": "http.request", "body": b"last", "more_body": False},
)


@breaks("A-009")  # type: ignore[arg-type]  # which is what is wrong with it
def takes_the_scope_first(scope: Scope) -> Callable[[Receive, Send], Awaitable[None]]:
    """Take the scope first, and the rest in a second call, as ASGI 2 did."""

    async def answer(receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
        await send({"type": "http.response.body", "body": b"Hello"})

    return answer


@keeps("A-009")
async def takes_all_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    """Take scope, receive and send in one call."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-010", scope=_OTHER)
async def answers_whatever_it_is(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as if each connection was one of HTTP."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-010", scope=_OTHER)
async def refuses_what_it_does_not_know(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise an exception for a connection that is not one of HTTP."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-011")  # type: ignore[arg-type]  # which is what is wrong with it
async def returns_the_answer(scope: Scope, receive: Receive, send: Send) -> str:
    """Return what is sent as well."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello"})
    return "Hello"


@keeps("A-011")
async def returns_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Return early, and nothing."""
    if scope["method"] == "GET":
        await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
        await send({"type": "http.response.body", "body": b"Hello"})
        return
    await send({"type": "http.response.start", "status": 501, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Not implemented"})


@breaks("A-012")
async def rewrites_its_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Rewrite the path for an inner app, in the scope of those outside."""
    scope["path"] = "/v2" + scope["path"]
    await takes_all_at_once(scope, receive, send)


@keeps("A-012")
async def rewrites_the_path_of_a_copy(scope: Scope, receive: Receive, send: Send) -> None:
    """Rewrite the path in a copy, and add a key to the scope itself."""
    scope["user"] = "ann"
    await takes_all_at_once({**scope, "path": "/v2" + scope["path"]}, receive, send)


@breaks("A-022")
async def forgets_await(scope: Scope, receive: Receive, send: Send) -> None:
    """Forget the `await` before `receive`, which is to wait for the whole request."""
    receive()
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-022")
async def awaits_later(scope: Scope, receive: Receive, send: Send) -> None:
    """Await `receive` later."""
    message = receive()
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await message
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-023")
async def leaves_a_task(scope: Scope, receive: Receive, send: Send) -> None:
    """Leave a task that goes on sending."""

    async def beat() -> None:
        await asyncio.sleep(0.001)
        await send({"type": "http.response.body", "body": b".", "more_body": True})

    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    scope["beating"] = asyncio.create_task(beat())
    await send({"type": "http.response.body", "body": b"Hello"})


@keeps("A-023")
async def waits_for_its_task(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait for the task that sends."""

    async def beat() -> None:
        await asyncio.sleep(0.001)
        await send({"type": "http.response.body", "body": b".", "more_body": True})

    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await asyncio.create_task(beat())
    await send({"type": "http.response.body", "body": b"Hello"})


@breaks("A-024", messages=_UPLOAD)
async def receives_twice_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive the two parts of a request at once."""
    first, last = await asyncio.gather(receive(), receive())
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": first["body"] + last["body"]})


@keeps("A-024", messages=_UPLOAD)
async def receives_one_by_one(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive the parts of a request one by one, and send meanwhile."""
    await receive()
    start = send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    _, last = await asyncio.gather(start, receive())
    await send({"type": "http.response.body", "body": last["body"]})


@breaks("A-025")
async def sends_twice_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the beginning of an answer and its body at once."""
    await asyncio.gather(
        send({"type": "http.response.start", "status": 200, "headers": _TEXT}),
        send({"type": "http.response.body", "body": b"Hello"}),
    )


@keeps("A-025")
async def sends_with_a_lock(scope: Scope, receive: Receive, send: Send) -> None:
    """Send parts of the body from two tasks, one at a time."""
    lock = asyncio.Lock()

    async def part(body: bytes) -> None:
        async with lock:
            await send({"type": "http.response.body", "body": body, "more_body": True})

    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await asyncio.gather(part(b"Hello, "), part(b"world"))
    await send({"type": "http.response.body", "body": b"!"})


@breaks("A-026")
async def raises(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise an exception for a header that is not sent."""
    agent = dict(scope["headers"])[b"user-agent"]
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": agent})


@keeps("A-026")
async def handles_the_exception(scope: Scope, receive: Receive, send: Send) -> None:
    """Handle an exception, and answer that the request is wrong."""
    try:
        status, body = 200, dict(scope["headers"])[b"user-agent"]
    except KeyError:
        status, body = 400, b"Who are you?"
    await send({"type": "http.response.start", "status": status, "headers": _TEXT})
    await send({"type": "http.response.body", "body": body})


@breaks("A-029")
async def sends_in_a_thread(scope: Scope, receive: Receive, send: Send) -> None:
    """Send from another thread, in an event loop of its own."""

    def work() -> None:
        asyncio.run(send({"type": "http.response.body", "body": b"Hello"}))  # type: ignore[arg-type]

    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await asyncio.to_thread(work)


@keeps("A-029")
async def sends_in_its_loop(scope: Scope, receive: Receive, send: Send) -> None:
    """Have another thread send in the app's event loop."""
    loop = asyncio.get_running_loop()

    def work() -> None:
        message = {"type": "http.response.body", "body": b"Hello"}
        asyncio.run_coroutine_threadsafe(send(message), loop).result()  # type: ignore[arg-type]

    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await asyncio.to_thread(work)

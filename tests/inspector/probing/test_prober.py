"""What an app is given by the probes, and what is found of one that hangs, or fails to start."""

import asyncio
import inspect
import time
from pathlib import Path
from typing import Any

import pytest

from asgictl import reading
from asgictl.asgi import ASGIApp, Message, Receive, Scope, Send
from asgictl.errors import AppLoadError
from asgictl.inspector.probing import orders, watchdog
from asgictl.inspector.probing.orders import ProbeOrder
from asgictl.inspector.probing.probes import Skipped, Target, plan
from asgictl.inspector.probing.routes import AppRoute
from asgictl.inspector.probing.tried import ProbeOutcome

# How long an app that hangs is waited for, in seconds.
LIMIT = 0.5


def probed(app: ASGIApp, *paths: str, limit: float = 10, **options: Any) -> ProbeOutcome:
    """Return what comes of probing an app."""
    return watchdog.probed(ProbeOrder(app, app, tuple(orders.targets(paths)), limit=limit, **options))


def found(outcome: ProbeOutcome) -> list[tuple[str, str, str, str | None]]:
    """Return the findings: of which route, made how, which rule, and where."""
    return [
        (one.probe.route, one.probe.how, finding.rule, finding.place)
        for one in outcome.tried
        for finding in one.exchange.findings
    ]


async def answer(send: Send, status: int = 200) -> None:
    """Answer with a status."""
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"x"})


class Noting:
    """An app that notes what it is given, and does what is right."""

    def __init__(self) -> None:
        self.calls: list[tuple[Scope, list[Message]]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a call."""
        messages: list[Message] = []
        self.calls.append((scope, messages))
        if scope["type"] == "lifespan":
            await self.live(scope, receive, send, messages)
        elif scope["type"] == "http":
            while True:
                messages.append(await receive())
                if messages[-1]["type"] == "http.disconnect" or not messages[-1]["more_body"]:
                    break
            if messages[-1]["type"] != "http.disconnect":
                await answer(send)
                messages.append(await receive())
        elif scope["type"] == "websocket":
            messages.append(await receive())
            await send({"type": "websocket.accept"})
            messages.append(await receive())
        else:
            raise NotImplementedError

    async def live(self, scope: Scope, receive: Receive, send: Send, messages: list[Message]) -> None:
        """Take the lifespan."""
        for phase in ("startup", "shutdown"):
            messages.append(await receive())
            if phase == "startup" and "state" in scope:
                scope["state"]["pool"] = "a pool"
            await send({"type": f"lifespan.{phase}.complete"})


def test_what_an_app_is_given() -> None:
    """Each path is asked for in each version of HTTP, by clients that leave, and each WebSocket is opened and left."""
    app = Noting()

    outcome = probed(app, "/x", "WS:/chat", headers=((b"x-one", b"1"),))

    assert (found(outcome), outcome.probes, outcome.given_up, outcome.hangs) == ([], 12, (), False)
    told = [
        (scope["type"], scope.get("http_version"), [message["type"].rpartition(".")[2] for message in messages])
        for scope, messages in app.calls
    ]
    asked = ["request", "disconnect"]
    assert told == [
        ("lifespan", None, ["startup", "shutdown"]),
        ("http", "1.1", asked),
        ("http", "2", asked),
        ("http", "1.0", asked),
        ("http", "1.1", asked),
        ("http", "1.1", asked),
        ("http", "1.1", ["request"]),
        ("websocket", "1.1", ["connect", "disconnect"]),
        ("websocket", None, ["connect", "disconnect"]),
        ("websocket", "1.1", ["connect", "disconnect"]),
        ("asgictl.unknown", None, []),
        ("lifespan", None, ["startup", "shutdown"]),
    ]
    scopes = [scope for scope, _ in app.calls if scope["type"] in {"http", "websocket"}]
    assert all(scope["state"] == {"pool": "a pool"} and (b"x-one", b"1") in scope["headers"] for scope in scopes)
    assert [("state" in scope) for scope, _ in app.calls if scope["type"] == "lifespan"] == [True, False]
    assert "http.response.pathsend" in scopes[1]["extensions"]
    assert "extensions" not in scopes[2]


def test_a_body() -> None:
    """A path with another method has its body in one piece, in chunks, and cut off."""
    app = Noting()

    outcome = probed(app, "POST:/x", body=b"12345")

    bodies = [[message.get("body") for message in messages] for scope, messages in app.calls if scope["type"] == "http"]
    assert found(outcome) == []
    assert bodies == [
        [b"12345", None],
        [b"12", b"345", b"", None],
        [b"12345", None],
        [b"12345", None],
        [b"12", None],
        [b"12345"],
    ]


async def hangs(scope: Scope, receive: Receive, send: Send) -> None:
    """Never answer."""
    if scope["type"] == "http":
        await asyncio.sleep(60)  # where it waits
    raise NotImplementedError


async def blocks(scope: Scope, receive: Receive, send: Send) -> None:
    """Block the event loop for a while, and then answer."""
    if scope["type"] != "http":
        raise NotImplementedError
    if scope["http_version"] == "2":
        time.sleep(LIMIT * 1.5)  # noqa: ASYNC251  # where it blocks
    await answer(send)


async def blocks_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    """Block the event loop to the end of the test."""
    if scope["type"] != "http":
        raise NotImplementedError
    time.sleep(60)  # noqa: ASYNC251  # where it blocks


async def stays(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin an answer, and never end, whether the client is there or not."""
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    await asyncio.sleep(60)  # where it waits


async def never_starts(scope: Scope, receive: Receive, send: Send) -> None:
    """Never answer the startup."""
    if scope["type"] == "lifespan":
        await receive()
        await asyncio.sleep(60)  # where it waits
    raise NotImplementedError


async def never_stops(scope: Scope, receive: Receive, send: Send) -> None:
    """Never answer the shutdown."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.sleep(60)  # where it waits
    if scope["type"] != "http":
        raise NotImplementedError
    await answer(send)


async def breaks_off(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin an answer, and wait for ever for the rest of it."""
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"x", "more_body": True})
    await asyncio.sleep(60)  # where it waits


async def ignores_leaving(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin an answer, and go on when the client has gone."""
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await receive()
    await receive()
    await asyncio.sleep(60)  # where it waits


HANGS: dict[ASGIApp, tuple[str, str, str, tuple[str, ...]]] = {
    hangs: ("GET /", "over HTTP/1.1", "A-155", ("5 more probes of GET / left out: it hangs",)),
    blocks: ("GET /", "over HTTP/2, with all extensions", "A-155", ()),
    blocks_for_ever: (
        "GET /",
        "over HTTP/1.1",
        "A-155",
        ("nothing after GET / is probed: it blocks the event loop and does not end",),
    ),
    stays: ("GET /", "over HTTP/1.1", "A-161", ("5 more probes of GET / left out: it hangs",)),
    breaks_off: ("GET /", "over HTTP/1.1", "A-161", ("5 more probes of GET / left out: it hangs",)),
    ignores_leaving: ("GET /", "over HTTP/1.1", "A-172", ("5 more probes of GET / left out: it hangs",)),
    never_starts: ("lifespan", "with state", "A-410", ()),
    never_stops: ("lifespan", "with state", "A-414", ()),
}


def place_in(app: Any) -> str:
    """Return where an app waits, or blocks."""
    lines, first = inspect.getsourcelines(app)
    number = first + next(n for n, text in enumerate(lines) if "# where it " in text)
    return f"{reading.shown(Path(__file__))}:{number}"


@pytest.mark.parametrize("app", HANGS, ids=lambda app: app.__name__)
def test_an_app_that_hangs(app: ASGIApp) -> None:
    """An app that does not go on is a finding, at the line where it waits, and does not hold up the others."""
    begun = time.monotonic()

    outcome = probed(app, "/", limit=LIMIT)

    route, how, rule, given_up = HANGS[app]
    assert found(outcome) == [(route, how, rule, place_in(app))]
    assert {finding.severity for one in outcome.tried for finding in one.exchange.findings} == {"error"}
    assert (outcome.given_up, outcome.hangs) == (given_up, True)
    assert time.monotonic() - begun < 20 * LIMIT


def chatting(*, accepts: bool, receives: bool) -> ASGIApp:
    """Return an app that never ends with a WebSocket, whether it lets it in and hears of its end, or not."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            raise NotImplementedError
        await receive()
        if accepts:
            await send({"type": "websocket.accept"})
        if receives:
            await receive()
        await asyncio.sleep(60)

    return app


CHATS = {
    (False, False): ("A-350", "the app did not answer within 0.5 s: give what it waits for a time limit"),
    (True, False): ("A-350", "the app did not end within 0.5 s: give what it waits for a time limit, and end"),
    (True, True): ("A-344", "the app did not end within 0.5 s of `websocket.disconnect`"),
}


@pytest.mark.parametrize(("accepts", "receives"), CHATS)
def test_a_websocket_that_hangs(accepts: bool, receives: bool) -> None:  # a row
    """A WebSocket that does not go on is an error; it goes on after the disconnect only if the app has received it."""
    outcome = probed(chatting(accepts=accepts, receives=receives), "WS:/", limit=LIMIT)

    (finding,) = [one for tried in outcome.tried for one in tried.exchange.findings]
    assert (finding.rule, finding.text, finding.severity) == (*CHATS[accepts, receives], "error")


async def lingers(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, and go on."""
    if scope["type"] != "http":
        raise NotImplementedError
    await answer(send)
    await asyncio.sleep(60)  # where it waits


def test_an_app_that_goes_on_after_its_answer() -> None:
    """It is told, with the line, and waited for once: what it does there may be meant."""
    begun = time.monotonic()

    outcome = probed(lingers, "/", limit=3)

    told = f"GET / goes on for more than 3 s after its answer ({place_in(lingers)}): it is cancelled"
    assert (found(outcome), outcome.given_up, outcome.hangs) == ([], (told,), False)
    assert time.monotonic() - begun < 9


def failing(phase: str, message: Message | Exception) -> ASGIApp:
    """Return an app whose lifespan ends with a message, or an exception."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            raise NotImplementedError
        await receive()
        if phase == "shutdown":
            await send({"type": "lifespan.startup.complete"})
            await receive()
        if isinstance(message, Exception):
            raise message
        await send(message)

    return app


PROBLEMS: dict[str, Message | Exception] = {
    "the app's startup failed: no database": {"type": "lifespan.startup.failed", "message": "no database"},
    "the app's startup failed: it gave no reason": {"type": "lifespan.startup.failed"},
    "the app's startup failed: ValueError: boom": ValueError("boom"),
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_an_app_that_cannot_start(problem: str) -> None:
    """An app that fails to start is not probed: why it fails is told instead."""
    outcome = probed(failing("startup", PROBLEMS[problem]), "/")

    assert isinstance(outcome.problem, AppLoadError)
    assert (outcome.problem.message.partition(" (")[0], outcome.probes, outcome.plan) == (problem, 1, None)


def without_state(error: Exception) -> ASGIApp:
    """Return an app that can only start with a state, or only once."""
    count = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal count
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                await receive()
                count += phase == "startup"
                if count > 1:
                    raise error
                await send({"type": f"lifespan.{phase}.complete"})
        elif scope["type"] == "http":
            await answer(send)
        else:
            raise NotImplementedError

    return app


def test_a_lifespan_without_state() -> None:
    """An app that fails because there is no state is a finding; one that cannot be started twice is none."""
    missing = found(probed(without_state(KeyError("state"))))

    assert [one[:3] for one in missing] == [("lifespan", "without state", "A-412")]
    assert found(probed(without_state(KeyError("once")))) == []
    assert found(probed(without_state(RuntimeError("the app is in the wrong state: it has started")))) == []


async def told_of_leaving(scope: Scope, receive: Receive, send: Send) -> None:
    """Make an exception of its own of the one that says that the client has gone."""
    if scope["type"] != "http":
        raise NotImplementedError
    try:
        await answer(send)
    except OSError as error:
        raise ValueError("something else") from error


async def fails_when_left(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail by a mistake of its own where it handles that the client has gone."""
    if scope["type"] != "http":
        raise NotImplementedError
    try:
        await answer(send)
    except OSError:
        undefined_name  # type: ignore[name-defined]  # noqa: B018, F821  # the mistake


async def exits(scope: Scope, receive: Receive, send: Send) -> None:
    """End the process."""
    if scope["type"] == "http":
        raise SystemExit(3)
    raise NotImplementedError


async def never_asks_twice(scope: Scope, receive: Receive, send: Send) -> None:
    """Ask for ever what the client sends, and send for ever, to a client that has gone."""
    if scope["type"] == "lifespan":
        raise NotImplementedError
    while True:
        await receive()


def test_an_app_whose_client_has_gone() -> None:
    """An exception that is raised from the one that says that the client has gone is all right, a mistake is not."""
    assert found(probed(told_of_leaving)) == []
    assert {rule for _, _, rule, _ in found(probed(fails_when_left))} == {"A-026"}


def test_an_app_that_ends_the_process() -> None:
    """The command goes on: it is an exception of the app's."""
    outcome = probed(exits, "/")

    assert {rule for _, _, rule, _ in found(outcome)} == {"A-026"}
    assert outcome.probes == 8


def test_an_app_that_asks_for_ever() -> None:
    """An app that asks again and again after its client has gone is held up, and does not fill the memory."""
    outcome = probed(never_asks_twice, "/", limit=LIMIT)

    (first, *_) = outcome.tried
    assert outcome.hangs
    assert len(first.exchange.events) < 200


async def documented(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell of its routes in an OpenAPI document."""
    if scope["type"] != "http":
        raise NotImplementedError
    if scope["path"] == "/schema/openapi.json":
        body = b'{"paths": {"/one": {"get": {}}, "/two": {"post": {}}, "/three/{id}": {"get": {}}}}'
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})
        return
    await answer(send, 200 if scope["path"] == "/one" else 404)


def test_an_openapi_document() -> None:
    """Where the app's object tells nothing, its OpenAPI document does."""
    outcome = probed(documented)

    assert outcome.plan is not None
    assert outcome.plan.targets == (Target("GET", "/one"),)
    assert outcome.routes == ("lifespan", "GET /schema/openapi.json", "GET /one", "unknown scope type")


ROUTES = [
    AppRoute("/"),
    AppRoute("/x", ("GET", "POST")),
    AppRoute("/y", ("DELETE",)),
    AppRoute("/{z}", has_parameters=True),
]
PLANS: dict[str, tuple[tuple[Any, ...], bool, tuple[Any, ...]]] = {
    "safe": (
        (),
        False,
        (
            (Target("GET", "/"), Target("GET", "/x")),
            (4, 2, 0),
            (Skipped(1, "has parameters", "pass --path"), Skipped(1, "changes things", "pass --unsafe, or --path")),
        ),
    ),
    "unsafe": (
        (),
        True,
        (
            (Target("GET", "/"), Target("GET", "/x"), Target("POST", "/x"), Target("DELETE", "/y")),
            (4, 3, 0),
            (Skipped(1, "has parameters", "pass --path"),),
        ),
    ),
    "given": (
        (Target("GET", "/1"), Target("GET", "/1"), Target("GET", "/")),
        False,
        (
            (Target("GET", "/1"), Target("GET", "/"), Target("GET", "/x")),
            (4, 2, 2),
            (Skipped(1, "has parameters", "pass --path"), Skipped(1, "changes things", "pass --unsafe, or --path")),
        ),
    ),
}


@pytest.mark.parametrize("case", PLANS)
def test_the_plan(case: str) -> None:
    """Routes without parameters are probed, by what changes nothing; what is left out is counted, with what to do."""
    given, unsafe, wanted = PLANS[case]

    made = plan(ROUTES, given, unsafe=unsafe)

    assert (made.targets, (made.found, made.probed, made.given), made.skipped) == wanted


def test_without_a_route() -> None:
    """Where nothing is known, the root is asked for."""
    assert plan([], [], unsafe=False).targets == (Target("GET", "/"),)


def test_paths() -> None:
    """A path may have a method in front; anything else is refused."""
    assert orders.targets(["/a:b", "post:/x", "WS:/y?z=1"]) == [
        Target("GET", "/a:b"),
        Target("POST", "/x"),
        Target("WS", "/y?z=1"),
    ]
    for text in ("x", "GET", "GET:x", "P T:/x"):
        with pytest.raises(ValueError, match=f"^{text}$"):
            orders.targets([text])

"""How the user's app is loaded and started, and what is said when that takes long or fails."""

import asyncio
import contextlib
import importlib
from typing import Any

import pytest

from asgictl import adapt
from asgictl.adapt import Adaptation
from asgictl.asgi import Receive, Scope, Send
from asgictl.errors import AppLoadError
from asgictl.serving import django_checks
from asgictl.serving.app import slow_start, stuck
from asgictl.serving.app.runtime import Runtime
from asgictl.serving.tls import ssl_context
from tests.serving.app.runtime.doubles import REFERENCE, Ended, Later, hello, made, text_of


@pytest.mark.parametrize("alone", [True, False])
def test_an_app_is_loaded(monkeypatch: pytest.MonkeyPatch, later: Later, alone: bool) -> None:
    """The app answers once it is loaded, and a long import would have been told of."""
    how: list[object] = []

    def found(*arguments: object) -> adapt.Adapted:
        how.extend(arguments)
        return adapt.Adapted(hello, "ASGI", "/docs")

    monkeypatch.setattr(adapt, "adapt", found)
    built, report = made(alone=alone)

    built.load()

    assert how == [REFERENCE, Adaptation()]
    assert (text_of(built), built.kind) == ("('127.0.0.1', 5000) http", "ASGI")
    assert [seconds for seconds, _ in later] == [slow_start.LONG_IMPORT] == [5.0]
    built.startup_complete()
    assert report == [("ready", "ASGI", "/docs")]
    assert built.stopping.ready


@pytest.mark.parametrize("reload", [False, True])
def test_an_app_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, reload: bool) -> None:
    """An app that cannot be loaded ends the start; with reload it is shown as its error."""

    def fails(*_: object) -> adapt.Adapted:
        raise AppLoadError("no luck")

    monkeypatch.setattr(adapt, "adapt", fails)
    built, report = made(reload=reload, show_errors="always")
    if not reload:
        with pytest.raises(AppLoadError):
            built.load()
        assert report == []
        return

    built.load()

    assert (text_of(built), built.kind, report) == ("no luck\n", None, [("failed", "no luck")])


def test_an_app_that_is_known_to_be_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that has ended its process is not tried again: its error is shown, which was told already."""
    monkeypatch.setattr(adapt, "adapt", lambda *_: pytest.fail("it was tried"))
    built, report = made(show_errors="always")

    built.load(broken="it has ended")

    assert (text_of(built), built.kind, report) == ("it has ended\n", None, [])


def test_the_lifespan() -> None:
    """The lifespan of the app is run in its mode; that of an error page is not."""

    async def main(kind: str | None) -> tuple[list[str], list[Any], Runtime]:
        built, report = made(lifespan="on")
        asked_for: list[str] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            asked_for.append(scope["type"])
            for word in ("startup", "shutdown"):
                assert built._startup.task is (asyncio.current_task() if word == "startup" else None)
                await receive()
                await send({"type": f"lifespan.{word}.complete"})

        built._use(app, kind)
        incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

        async def receive() -> Any:
            return incoming.pop(0)

        async def send(message: Any) -> None:
            report.append(message["type"])

        await built({"type": "lifespan"}, receive, send)
        assert built._stop.loop is asyncio.get_running_loop()
        return asked_for, report, built

    whole = ["lifespan.startup.complete", ("ready", "ASGI", None), "lifespan.shutdown.complete"]
    asked_for, report, built = asyncio.run(main("ASGI"))
    assert (asked_for, report, built._writer) == (["lifespan"], whole, None)
    asked_for, report, _ = asyncio.run(main(None))
    assert (asked_for, report[1]) == ([], ("ready", None, None))


def test_a_startup_that_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process whose startup fails ends within two seconds, and says why also when it is held up."""
    built, report = made(graceful_timeout=8.0)

    assert not built.startup_failed(AppLoadError("no database", hint="start it"))

    assert (report, built.stopping.begun, built.stopping.grace) == ([("failed", "no database")], True, 2.0)
    built._stuck()
    assert report[1:] == [("fatal", "no database", "start it")]
    built.ended()
    monkeypatch.setattr(stuck, "end", lambda *_: "the thread `x`")
    built._stuck()
    assert report[2:] == [("note", "stopped after 2 s without waiting for the thread `x`")]


def test_a_startup_that_fails_with_reload() -> None:
    """With reload the error is shown, and the server goes on."""
    built, report = made(reload=True, show_errors="always")

    assert built.startup_failed(AppLoadError("no database"))

    assert (report, built.stopping.begun, text_of(built)) == ([("failed", "no database")], False, "no database\n")


def test_a_startup_that_fails_in_a_worker(monkeypatch: pytest.MonkeyPatch, ends: list[int]) -> None:
    """A worker whose startup fails ends with 1, after two seconds or when it is told to stop."""
    built, report = made(alone=False)
    waited: list[float] = []
    monkeypatch.setattr(built.stopping, "wait", waited.append)

    with pytest.raises(Ended):
        built.startup_failed(AppLoadError("no database"))

    assert (report, waited, ends) == ([("failed", "no database")], [2.0], [1])


def test_ready_comes_too_late() -> None:
    """An app that has started when the stop has begun is not announced."""
    built, report = made()
    built.kind = "ASGI"
    built.stopping.begin()

    built.startup_complete()

    assert (report, built.stopping.ready) == ([], False)


@pytest.mark.parametrize(
    ("kind", "reload", "looks"),
    [
        ("Django", True, True),
        ("Django WSGI", True, True),
        ("Django", False, False),
        ("ASGI", True, False),
        (None, True, False),
    ],
)
def test_what_follows_the_start(
    monkeypatch: pytest.MonkeyPatch, later: Later, kind: str | None, reload: bool, looks: bool
) -> None:
    """After the start, what the first WebSocket needs is imported; a Django project under development is looked at."""
    imported: list[str] = []
    monkeypatch.setattr(importlib, "import_module", imported.append)
    notes = iter(["2 migrations are not applied", None])
    monkeypatch.setattr(django_checks, "unapplied", lambda: next(notes))
    built, report = made(reload=reload, later=("one", "two"))
    built.kind = kind

    built.startup_complete()

    assert [seconds for seconds, _ in later] == [*([0] if looks else []), 0.5, 0.5]
    for _, call in later[-2:]:
        call()
    assert imported == ["one", "two"]
    if looks:
        for _ in range(2):
            later[0][1]()
        assert report[1:] == [("note", "2 migrations are not applied")]


@pytest.mark.parametrize(("ready", "begun", "told"), [(False, False, True), (True, False, False), (False, True, False)])
def test_a_start_that_takes_too_long(
    monkeypatch: pytest.MonkeyPatch, later: Later, ends: list[int], ready: bool, begun: bool, told: bool
) -> None:
    """A start over its limit ends the process with its place, unless the app is ready by then or a stop has begun."""
    monkeypatch.setattr(adapt, "adapt", lambda *_: adapt.Adapted(hello, "ASGI"))
    monkeypatch.setattr(stuck, "place", lambda _: " (main.py:3)")
    built, report = made(startup_timeout=2.5)
    built.load()
    built.stopping.ready, built.stopping._begun = ready, begun
    assert later[0][0] == 2.5

    with pytest.raises(Ended) if told else contextlib.nullcontext():
        later[0][1]()

    message = "the app was not ready after 2.5 s: the startup of the app had not ended (main.py:3)"
    wanted = [("fatal", message, "raise --startup-timeout, or see what takes so long there")]
    assert (report, ends) == ((wanted, [3]) if told else ([], []))


class Clock:
    """Time that passes in steps of a second while a thread waits, and of which the process works a share."""

    def __init__(self, begins: float, worked: float, share: float) -> None:
        self.now, self.worked, self.share = begins, worked, share
        self.waited: list[float] = []

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def process_time(self) -> float:
        """Return how long the process has worked."""
        return self.worked

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.waited.append(seconds)
        self.now += seconds
        self.worked += seconds * self.share


# Seconds of work in the first five, the share of work after it, and when the import is told; None: never.
LONG = [(0.0, 0.0, 5), (0.4, 0.0, 5), (0.65, 0.0, 7), (0.65, 0.5, 14), (4.9, 0.06, 7), (5.0, 1.0, 5), (0.5, 0.0, 6)]


@pytest.mark.parametrize(("worked", "share", "told"), LONG)
def test_a_long_import(monkeypatch: pytest.MonkeyPatch, worked: float, share: float, told: int) -> None:
    """An import that waits by itself, or has worked for five seconds, is told; one that others hold up is not."""
    clock = Clock(105.0, worked, share)
    monkeypatch.setattr(slow_start, "time", clock)
    monkeypatch.setattr(stuck, "place", lambda _: " (main.py:3)")
    monkeypatch.setattr(stuck, "advice", lambda: ": move it")
    built, report = made()
    monkeypatch.setattr(built.stopping, "wait", clock.wait)

    slow_start._tell_long_import(built._startup, built.stopping, lambda: report)

    said = f"the import of the app has taken {told} s so far (main.py:3): move it"
    assert (report, clock.waited) == ([("note", said)], [1] * (told - 5))


@pytest.mark.parametrize(("doing", "begun"), [(stuck.STARTING, False), (stuck.LOADING, True)])
def test_an_import_that_is_over(doing: str, begun: bool) -> None:
    """An import that has ended, or a stop has ended, is not told of."""
    built, report = made()
    built._startup.doing, built.stopping._begun = doing, begun

    slow_start._tell_long_import(built._startup, built.stopping, lambda: report)

    assert report == []


def test_the_context_of_https(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS gets a context with the oldest version that is wanted, whose notes are reported, until a stop."""
    asked_for: list[Any] = []

    def context(*arguments: object, **options: Any) -> str:
        asked_for.extend([arguments, options])
        return "a context"

    monkeypatch.setattr(ssl_context, "context", context)
    built, report = made(tls_min="1.3")
    default: Any = object()

    assert built.ssl_context("config", default) == "a context"  # type: ignore[comparison-overlap]

    arguments, options = asked_for
    stopping = options.pop("stopping")
    assert (arguments, options) == (("config", default), {"minimum": "1.3", "note": report.note})
    assert not stopping()
    built.stopping.begin()
    assert stopping()

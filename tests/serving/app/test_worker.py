"""What uvicorn calls in each worker: the loop, with the app loaded before, and what comes of a parent that is gone."""

from pathlib import Path
from typing import Any

import pytest

from asgictl.adapt import Adaptation
from asgictl.discovery import AppRef
from asgictl.errors import AppLoadError
from asgictl.serving.app import worker
from asgictl.serving.app.runtime import Runtime
from asgictl.serving.instructions import VARIABLE, Instructions
from asgictl.serving.processes import exits, forks, stopping
from tests.serving.app.runtime.doubles import Ended

REFERENCE = AppRef(module="m", attribute="a", found="as named", file=Path("m.py"))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What happens to a worker whose parent is at `address`; the app is loaded without a word."""
    events: list[Any] = []

    class Report:
        def __init__(self, address: str, token: str, **calls: Any) -> None:
            if address == "gone":
                raise ConnectionRefusedError
            events.append((address, token))
            self.calls = calls

        def failed(self, error: AppLoadError) -> None:
            events.append(f"failed: {error.message}")

        def stopped(self) -> None:
            events.append("stopped")

    def end(status: int) -> None:
        events.append(f"end: {status}")
        raise Ended

    monkeypatch.setattr(worker, "ParentReport", Report)
    monkeypatch.setattr(exits, "end", end)
    monkeypatch.setattr(stopping, "request", lambda: events.append("request"))
    monkeypatch.setattr(stopping.Stopping, "_watch", lambda _: None)
    monkeypatch.setattr(Runtime, "load", lambda _, broken: events.append(f"load: {broken}"))
    monkeypatch.setattr(forks, "_actions", {})
    monkeypatch.setattr(worker, "_runtime", None, raising=False)
    return events


def told(monkeypatch: pytest.MonkeyPatch, address: str = "address", loop: str = "asyncio", **more: str) -> None:
    """Give a worker its instructions."""
    text = Instructions(REFERENCE, Adaptation(), loop=loop).dumps(
        address=address, token="token", sockets="8000", **more
    )
    monkeypatch.setenv(VARIABLE, text)


@pytest.mark.parametrize(("loop", "kind"), [("asyncio", "asyncio"), ("uvloop", "uvloop"), ("none", "asyncio")])
def test_a_worker_begins(monkeypatch: pytest.MonkeyPatch, said: list[Any], loop: str, kind: str) -> None:
    """A worker tells its parent that it is there, loads the app, and runs the loop that is wanted."""
    told(monkeypatch, loop=loop)

    made = worker.new_event_loop()
    made.close()

    assert said == [("address", "token"), "load: None"]
    assert type(made).__module__.partition(".")[0] == kind
    runtime = worker._runtime
    assert worker.create_app() == runtime.__call__
    assert (str(runtime.instructions.ref), runtime.stopping.alone) == ("m:a", False)
    context: list[Any] = []
    monkeypatch.setattr(runtime, "ssl_context", lambda *arguments: context.append(arguments))
    config: Any = "config"
    default: Any = "default"
    worker.ssl_context(config, default)
    assert context == [("config", "default")]


def test_a_worker_of_a_broken_app(monkeypatch: pytest.MonkeyPatch, said: list[Any]) -> None:
    """A worker that is told that the app is broken does not try it."""
    told(monkeypatch, broken="it has ended")

    worker.new_event_loop().close()

    assert said[1] == "load: it has ended"


def test_the_parent_is_gone(monkeypatch: pytest.MonkeyPatch, said: list[Any]) -> None:
    """A worker whose parent is gone ends at once."""
    told(monkeypatch, address="gone")

    with pytest.raises(Ended):
        worker.new_event_loop()

    assert said == ["end: 1"]


@pytest.mark.parametrize(
    ("error", "events"),
    [
        (AppLoadError("no luck"), ["failed: no luck", "waits: 2.0", "end: 1"]),
        (stopping.Stopped(15), ["stopped", "end: 1"]),
    ],
)
def test_an_app_that_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch, said: list[Any], error: BaseException, events: list[str]
) -> None:
    """A worker that cannot load the app says why and waits a little; one that is stopped meanwhile says that."""
    told(monkeypatch)

    def load(runtime: Runtime, **_: object) -> None:
        monkeypatch.setattr(runtime.stopping, "wait", lambda seconds: said.append(f"waits: {seconds}"))
        raise error

    monkeypatch.setattr(Runtime, "load", load)

    with pytest.raises(Ended):
        worker.new_event_loop()

    assert said[1:] == events


def test_a_stop(monkeypatch: pytest.MonkeyPatch, said: list[Any]) -> None:
    """A worker that its parent tells to stop does so within the seconds it gets, and has uvicorn hear of it."""
    told(monkeypatch)
    worker.new_event_loop().close()
    report: Any = worker._runtime.report

    report.calls["stop"](2.5)

    runtime = worker._runtime
    assert (runtime.stopping.begun, runtime.stopping.grace, said[-1]) == (True, 2.5, "request")
    assert report.calls["drain"] == runtime.drain

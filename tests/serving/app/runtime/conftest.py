"""A runtime that cannot end the process of the tests."""

import contextlib

import pytest

from asgictl.serving import logs
from asgictl.serving.processes import exits, stopping
from tests.serving.app.runtime.doubles import Ended, Later


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """What is to happen later; nothing of it happens."""
    planned: Later = []
    monkeypatch.setattr(stopping, "later", lambda seconds, call: planned.append((seconds, call)))
    return planned


@pytest.fixture(autouse=True)
def ends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses with which the process would have ended; signals and other processes are left alone."""
    statuses: list[int] = []

    def end(status: int) -> None:
        statuses.append(status)
        raise Ended

    monkeypatch.setattr(exits, "end", end)
    monkeypatch.setattr(exits, "_actions", [])
    monkeypatch.setattr(stopping.Stopping, "_watch", lambda _: None)
    monkeypatch.setattr(stopping.Stopping, "take_over", lambda _: None)
    monkeypatch.setattr(stopping.Stopping, "loading", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(logs, "expect_cut_responses", lambda: None)
    return statuses

"""How many workers `--workers auto` starts."""

import os
from pathlib import Path

import pytest

from asgictl.serving import cpus, plan
from asgictl.serving.request import ServeRequest
from tests.conftest import Write

V1 = "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"
GROUPS: dict[str, tuple[dict[str, str], int]] = {
    "no control group": ({}, 6),
    "no limit": ({"cpu.max": "max 100000\n"}, 6),
    "two CPUs": ({"cpu.max": "200000 100000\n"}, 2),
    "one and a half": ({"cpu.max": "150000 100000\n"}, 2),
    "a half": ({"cpu.max": "50000 100000\n"}, 1),
    "another period": ({"cpu.max": "150000 50000\n"}, 3),
    "more than there are": ({"cpu.max": "900000 100000\n"}, 6),
    "no limit of version 1": ({V1[0]: "-1\n", V1[1]: "100000\n"}, 6),
    "two CPUs of version 1": ({V1[0]: "200000\n", V1[1]: "100000\n"}, 2),
    "half of version 1": ({V1[0]: "200000\n"}, 6),
    "next to nothing": ({"cpu.max": "1 100000\n"}, 1),
    "nothing": ({"cpu.max": "0 100000\n"}, 6),
    "what is no number": ({"cpu.max": "many few\n"}, 6),
    "no limit, and version 1": ({"cpu.max": "max 100000\n", V1[0]: "300000\n", V1[1]: "100000\n"}, 3),
}


@pytest.mark.parametrize("case", GROUPS)
def test_the_quota_of_the_container(write: Write, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """In a container no more workers than its quota of CPU time, of either kind of control group, can really run."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    files, wanted = GROUPS[case]

    assert cpus.available(write(files)) == wanted


def test_the_affinity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may use one CPU of many counts one; where there is no such limit, all count, or one at least."""
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert cpus.available(tmp_path) == 1

    monkeypatch.delattr(os, "sched_getaffinity")
    assert cpus.available(tmp_path) == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpus.available(tmp_path) == 1


def test_this_systems_files() -> None:
    """It is the system's own control group that is looked at."""
    assert Path("/sys/fs/cgroup") == cpus._ROOT


@pytest.mark.parametrize(("workers", "wanted"), [("auto", 5), ("3", 3), ("1", 1)])
def test_auto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str, wanted: int) -> None:
    """`auto` is one worker for each CPU, a number is what it says."""
    monkeypatch.setattr(cpus, "available", lambda: 5)
    request = ServeRequest(app="demo", workers=workers)

    assert plan.plan(request, tmp_path, {}).workers == wanted


def test_auto_is_two_at_least(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one CPU `auto` is two workers, so that one can be replaced while the other serves."""
    monkeypatch.setattr(cpus, "available", lambda: 1)

    assert plan.plan(ServeRequest(app="demo", workers="auto"), tmp_path, {}).workers == 2
